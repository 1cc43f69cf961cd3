/* libcuda.so.1: what the engine calls itself. Kernels go to a function that the test gives, in the order in which they were loaded. */
#include "fake.h"

typedef int (*launcher)(int kernel, unsigned blocks, unsigned threads, void *stream, void **parameters);

static launcher launch;
static long long launches, copied_in, copied_out;
static int modules;
static void *last_stream;
static int failure; /* what every call answers that can fail; 0: works */
static size_t memory_left = 70ull << 30;

API int cuTensorMapEncodeTiled(void) { return 801; }
API int cuInit(unsigned flags) { (void)flags; return 0; }
API int cuDeviceGetCount(int *count) { *count = 1; return 0; }
API int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? 0 : 101; }
API int cuDeviceGetName(char *name, int length, int device) { (void)device; strncpy(name, "fake CUDA", length - 1); return 0; }
API int cuDeviceTotalMem_v2(size_t *n, int device) { (void)device; *n = 80ull << 30; return 0; }
API int cuDevicePrimaryCtxRetain(void **context, int device) { (void)device; *context = (void *)0xC0; return 0; }
API int cuCtxSetCurrent(void *context) { (void)context; return failure; }
API int cuMemGetInfo_v2(size_t *left, size_t *total) { *left = memory_left; *total = 80ull << 30; return failure; }
API int cuGetErrorName(int status, const char **name) { (void)status; *name = "CUDA_ERROR_FAKE"; return 0; }
API int cuGetErrorString(int status, const char **text) { (void)status; *text = "error of the fake driver"; return 0; }

API int cuModuleLoadDataEx(void **module, const char *ptx, unsigned n, int *keys, void **values)
{
    (void)n; (void)keys; (void)values;
    if (!strstr(ptx, ".target sm_80")) return 218;
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
    last_stream = stream;
    return launch ? launch((int)(size_t)f - 1, gx, bx, stream, parameters) : 1;
}

API int cuMemAlloc_v2(void **p, size_t n)
{
    if (failure) return failure;
    *p = n > memory_left ? 0 : aligned_alloc(256, (n + 255) & ~(size_t)255);
    return *p ? 0 : 2;
}
API int cuMemFree_v2(void *p) { free(p); return 0; }
API int cuMemHostAlloc(void **p, size_t n, unsigned f) { (void)f; *p = aligned_alloc(4096, (n + 4095) & ~(size_t)4095); return *p ? 0 : 2; }
API int cuMemFreeHost(void *p) { free(p); return 0; }
API int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t n, void *s)
{ (void)s; if (failure) return failure; copied_in += n; memcpy(to, from, n); return 0; }
API int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t n, void *s)
{ (void)s; if (failure) return failure; copied_out += n; memcpy(to, from, n); return 0; }
API int cuMemsetD8Async(void *p, unsigned char v, size_t n, void *s) { (void)s; memset(p, v, n); return failure; }
API int cuStreamCreate(void **s, unsigned f) { static size_t serial = 0x770000; (void)f; *s = (void *)(serial += 16); return failure; }
API int cuStreamDestroy_v2(void *s) { (void)s; return 0; }
API int cuStreamSynchronize(void *s) { (void)s; return failure; }

API void fake_driver_set(launcher l) { launch = l; }
API void fake_driver_fail(int status) { failure = status; }
API void fake_driver_memory(size_t n) { memory_left = n; }

/* Since the last call: kernels of the engine, the stream of the last, bytes to the device and from it. */
API void fake_driver_count(long long *kernels, void **stream, long long *in, long long *out)
{
    *kernels = launches; *stream = last_stream; *in = copied_in; *out = copied_out;
    launches = copied_in = copied_out = 0;
}
