/* libcuda.so.1: what the engine calls itself. Kernels go to a function that the test gives, in the order in which they were loaded. */
#include "fake.h"

typedef int (*launcher)(int kernel, unsigned blocks, unsigned threads, void *stream, void **parameters);

static launcher launch;
static long long launches, copied_in, copied_out, uses, strays;
static int modules;
static void *last_stream;
static int failure; /* what every call answers that can fail; 0: works */
static size_t memory = 70ull << 30; /* that it has */
static size_t held, held_of_host;   /* that is allocated */

static size_t memory_left(void) { return memory > held ? memory - held : 0; }
static void on(void *stream)
{
    strays += uses++ > 0 && stream != last_stream;
    last_stream = stream;
}

API int cuTensorMapEncodeTiled(void) { return 801; }
API int cuInit(unsigned flags) { (void)flags; return 0; }
API int cuDeviceGetCount(int *count) { *count = 1; return 0; }
API int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? 0 : 101; }
API int cuDeviceGetName(char *name, int length, int device) { (void)device; strncpy(name, "fake CUDA", length - 1); return 0; }
API int cuDeviceTotalMem_v2(size_t *n, int device) { (void)device; *n = 80ull << 30; return 0; }
API int cuDevicePrimaryCtxRetain(void **context, int device) { (void)device; *context = (void *)0xC0; return 0; }
API int cuCtxSetCurrent(void *context) { (void)context; return failure; }
API int cuMemGetInfo_v2(size_t *left, size_t *total) { *left = memory_left(); *total = 80ull << 30; return failure; }
API int cuGetErrorName(int status, const char **name) { (void)status; *name = "CUDA_ERROR_FAKE"; return 0; }
API int cuGetErrorString(int status, const char **text) { (void)status; *text = "error of the fake driver"; return 0; }

API int cuModuleLoadDataEx(void **module, const char *ptx, unsigned n, int *keys, void **values)
{
    if (!strstr(ptx, ".target sm_80"))
    {
        for (unsigned i = 0; i < n; i++)
            if (keys[i] == 5) strcpy(values[i], "it is not for sm_80"); /* CU_JIT_ERROR_LOG_BUFFER */
        return 218;
    }
    *module = (void *)(size_t)++modules;
    return 0;
}
API int cuModuleGetFunction(void **function, void *module, const char *name) { (void)name; *function = module; return 0; }
API int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
                       void **parameters, void **extra)
{
    (void)gy; (void)gz; (void)by; (void)bz; (void)shared; (void)extra;
    if (failure) return failure;
    launches++;
    on(stream);
    return launch ? launch((int)(size_t)f - 1, gx, bx, stream, parameters) : 1;
}

API int cuMemAlloc_v2(void **p, size_t n)
{
    if (failure) return failure;
    return n > memory_left() ? 2 : allocate(p, n, 256, &held);
}
API int cuMemFree_v2(void *p) { give_back(p, &held); return 0; }
API int cuMemHostAlloc(void **p, size_t n, unsigned f) { (void)f; return allocate(p, n, 4096, &held_of_host); }
API int cuMemFreeHost(void *p) { give_back(p, &held_of_host); return 0; }
API int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t n, void *s)
{ if (failure) return failure; on(s); copied_in += n; memcpy(to, from, n); return 0; }
API int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t n, void *s)
{ if (failure) return failure; on(s); copied_out += n; memcpy(to, from, n); return 0; }
API int cuMemsetD8Async(void *p, unsigned char v, size_t n, void *s) { on(s); memset(p, v, n); return failure; }
API int cuStreamCreate(void **s, unsigned f) { static size_t serial = 0x770000; (void)f; *s = (void *)(serial += 16); return failure; }
API int cuStreamDestroy_v2(void *s) { (void)s; return 0; }
API int cuStreamSynchronize(void *s) { (void)s; return failure; }

API void fake_driver_set(launcher l) { launch = l; }
API void fake_driver_fail(int status) { failure = status; }
API void fake_driver_memory(size_t n) { memory = n; }

/* Allocated now: of the device and of the host. */
API void fake_driver_held(size_t *device, size_t *host) { *device = held; *host = held_of_host; }

/* Since the last call: kernels of the engine, bytes to the device and from it; the stream of the last of them, and how often it was another
   than the one before. */
API void fake_driver_count(long long *kernels, long long *in, long long *out, void **stream, long long *changes)
{
    *kernels = launches; *in = copied_in; *out = copied_out; *stream = last_stream; *changes = strays;
    launches = copied_in = copied_out = uses = strays = 0;
}
