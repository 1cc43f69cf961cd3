/* libcudart.so.13 of a machine without a card: memory is the host's, streams and events are numbers, everything happens at once. */
#include "fake.h"

/* Kernels: the CUDA provider announces its own when it is loaded; none of them may be launched. */
static struct { const void *function; const char *name; } announced[100000];
static int announced_count;
static long long foreign;
static char foreign_name[512];

API void **__cudaRegisterFatBinary(void *binary) { static void *handle; (void)binary; return &handle; }
API void __cudaRegisterFatBinaryEnd(void **handle) { (void)handle; }
API void __cudaUnregisterFatBinary(void **handle) { (void)handle; }
API void __cudaRegisterVar(void **h, char *a, char *b, const char *c, int d, size_t e, int f, int g)
{ (void)h; (void)a; (void)b; (void)c; (void)d; (void)e; (void)f; (void)g; }
API void __cudaRegisterFunction(void **h, const char *function, char *d, const char *name, int l, void *t, void *b, void *bd, void *gd, int *w)
{
    (void)h; (void)d; (void)l; (void)t; (void)b; (void)bd; (void)gd; (void)w;
    if (announced_count < 100000) { announced[announced_count].function = function; announced[announced_count++].name = name; }
}

typedef struct { unsigned x, y, z; } dim3;
static __thread struct { dim3 grid, block; size_t shared; void *stream; } pushed;
API unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void *stream)
{ pushed.grid = grid; pushed.block = block; pushed.shared = shared; pushed.stream = stream; return 0; }
API int __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void **stream)
{ *grid = pushed.grid; *block = pushed.block; *shared = pushed.shared; *stream = pushed.stream; return 0; }
API int __cudaGetKernel(void **kernel, const void *function) { *kernel = (void *)function; return 0; }

static int launched(const void *function)
{
    foreign++;
    for (int i = 0; i < announced_count; i++)
        if (announced[i].function == function) strncpy(foreign_name, announced[i].name, sizeof foreign_name - 1);
    return 0;
}
API int cudaLaunchKernel(const void *f, dim3 g, dim3 b, void **a, size_t s, void *st)
{ (void)g; (void)b; (void)a; (void)s; (void)st; return launched(f); }
API int __cudaLaunchKernel(const void *f, dim3 g, dim3 b, void **a, size_t s, void *st)
{ (void)g; (void)b; (void)a; (void)s; (void)st; return launched(f); }
API int cudaLaunchCooperativeKernel(const void *f, dim3 g, dim3 b, void **a, size_t s, void *st)
{ (void)g; (void)b; (void)a; (void)s; (void)st; return launched(f); }
API int cudaLaunchKernelExC(const void *c, const void *f, void **a) { (void)c; (void)a; return launched(f); }

/* The card: compute capability 9.0, 132 multiprocessors, 80 GiB. Offsets are those of CUDA 13's struct. */
API int cudaGetDeviceCount(int *count) { *count = 1; return 0; }
API int cudaGetDevice(int *device) { *device = 0; return 0; }
API int cudaSetDevice(int device) { (void)device; return 0; }
API int cudaGetDeviceProperties(char *p, int device)
{
    (void)device;
    memset(p, 0, 640);
    strcpy(p, "fake CUDA");
    *(size_t *)(p + 288) = 80ull << 30;                       /* totalGlobalMem */
    *(size_t *)(p + 296) = 49152;                             /* sharedMemPerBlock */
    *(int *)(p + 304) = 65536;                                /* regsPerBlock */
    *(int *)(p + 308) = 32;                                   /* warpSize */
    *(size_t *)(p + 312) = 1ull << 30;                        /* memPitch */
    *(int *)(p + 320) = 1024;                                 /* maxThreadsPerBlock */
    for (int i = 0; i < 3; i++) { *(int *)(p + 324 + 4 * i) = 1024; *(int *)(p + 336 + 4 * i) = 65535; }
    *(int *)(p + 360) = 9;                                    /* major */
    *(int *)(p + 388) = 132;                                  /* multiProcessorCount */
    return 0;
}
API int cudaDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    switch (attribute)
    {
        case 1: *value = 1024; break;   /* threads of a block */
        case 10: *value = 32; break;    /* threads of a warp */
        case 16: *value = 132; break;   /* multiprocessors */
        case 39: *value = 2048; break;  /* threads of a multiprocessor */
        case 75: *value = 9; break;     /* compute capability */
        default: *value = 0;
    }
    return 0;
}
API int cudaRuntimeGetVersion(int *version) { *version = 13000; return 0; }
API int cudaDriverGetVersion(int *version) { *version = 13000; return 0; }
API int cudaMemGetInfo(size_t *free, size_t *total) { *free = 70ull << 30; *total = 80ull << 30; return 0; }
API int cudaDeviceSynchronize(void) { return 0; }
API const char *cudaGetErrorName(int error) { (void)error; return "cudaFake"; }
API const char *cudaGetErrorString(int error) { (void)error; return "error of the fake CUDA"; }
API int cudaGetLastError(void) { return 0; }
API int cudaPeekAtLastError(void) { return 0; }
API int cudaPointerGetAttributes(int *attributes, const void *p) { (void)p; memset(attributes, 0, 32); attributes[0] = 2; return 0; }
API int cudaFuncGetAttributes(void *a, const void *f) { (void)a; (void)f; return 0; }

static size_t held; /* of the device */

/* Memory, and what is copied between host and device. */
static long long copies[5], bytes[5];
static void copied(int kind, size_t n) { if (kind >= 0 && kind < 5) { copies[kind]++; bytes[kind] += n; } }
API int cudaMalloc(void **p, size_t n) { return allocate(p, n, 256, &held); }
API int cudaMallocFromPoolAsync(void **p, size_t n, void *pool, void *s) { (void)pool; (void)s; return cudaMalloc(p, n); }
API int cudaHostAlloc(void **p, size_t n, unsigned f) { (void)f; *p = aligned_alloc(4096, (n + 4095) & ~(size_t)4095); return *p ? 0 : 2; }
API int cudaMallocHost(void **p, size_t n, unsigned f) { return cudaHostAlloc(p, n, f); }
API int cudaFree(void *p) { give_back(p, &held); return 0; }
API int cudaFreeAsync(void *p, void *s) { (void)s; return cudaFree(p); }
API int cudaFreeHost(void *p) { free(p); return 0; }
API int cudaMemcpyAsync(void *to, const void *from, size_t n, int kind, void *s)
{ (void)s; copied(kind, n); memmove(to, from, n); return 0; }
API int cudaMemcpy(void *to, const void *from, size_t n, int kind) { return cudaMemcpyAsync(to, from, n, kind, 0); }
API int cudaMemcpy2DAsync(char *to, size_t tp, const char *from, size_t fp, size_t w, size_t h, int kind, void *s)
{ (void)s; copied(kind, w * h); for (size_t i = 0; i < h; i++) memmove(to + i * tp, from + i * fp, w); return 0; }
API int cudaMemset(void *p, int v, size_t n) { memset(p, v, n); return 0; }
API int cudaMemsetAsync(void *p, int v, size_t n, void *s) { (void)s; memset(p, v, n); return 0; }

/* Streams and events. */
static size_t serial = 0x1000;
API int cudaStreamCreateWithFlags(void **s, unsigned f) { (void)f; *s = (void *)(serial += 16); return 0; }
API int cudaStreamCreate(void **s) { return cudaStreamCreateWithFlags(s, 0); }
API int cudaStreamDestroy(void *s) { (void)s; return 0; }
API int cudaStreamSynchronize(void *s) { (void)s; return 0; }
API int cudaStreamWaitEvent(void *s, void *e, unsigned f) { (void)s; (void)e; (void)f; return 0; }
API int cudaStreamIsCapturing(void *s, int *capturing) { (void)s; *capturing = 0; return 0; }
API int cudaEventCreateWithFlags(void **e, unsigned f) { (void)f; *e = (void *)(serial += 16); return 0; }
API int cudaEventCreate(void **e) { return cudaEventCreateWithFlags(e, 0); }
API int cudaEventDestroy(void *e) { (void)e; return 0; }
API int cudaEventRecord(void *e, void *s) { (void)e; (void)s; return 0; }
API int cudaEventRecordWithFlags(void *e, void *s, unsigned f) { (void)e; (void)s; (void)f; return 0; }
API int cudaEventSynchronize(void *e) { (void)e; return 0; }
API int cudaEventElapsedTime(float *ms, void *a, void *b) { (void)a; (void)b; *ms = 0; return 0; }
API int cudaLaunchHostFunc(void *s, void (*f)(void *), void *d) { (void)s; f(d); return 0; }

/* Never wanted by a step: each call counts as a kernel that is not ours. */
#define NEVER(name) API int name(void) { foreign++; strcpy(foreign_name, #name); return 801; }
NEVER(cudaMemcpyFromSymbol) NEVER(cudaFuncSetAttribute) NEVER(cudaGetDriverEntryPointByVersion) NEVER(cudaGraphDestroy)
NEVER(cudaGraphExecDestroy) NEVER(cudaGraphInstantiate) NEVER(cudaGraphLaunch) NEVER(cudaKernelSetAttributeForDevice)
NEVER(cudaLibraryGetKernel) NEVER(cudaLibraryLoadData) NEVER(cudaLibraryUnload) NEVER(cudaMemPoolCreate) NEVER(cudaMemPoolDestroy)
NEVER(cudaMemPoolGetAttribute) NEVER(cudaMemPoolSetAttribute) NEVER(cudaMemPoolTrimTo) NEVER(cudaStreamBeginCapture)
NEVER(cudaStreamEndCapture) NEVER(cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags)

/* Allocated now on the device. */
API size_t fake_runtime_held(void) { return held; }

/* What has happened since the last call: copies between host and device by the provider, kernels that are not ours. */
API void fake_runtime_count(long long *provider_copies, long long *foreign_kernels, char *name, int length)
{
    *provider_copies = copies[0] + copies[1] + copies[2] + copies[3] + copies[4];
    *foreign_kernels = foreign;
    strncpy(name, foreign_name, length - 1);
    memset(copies, 0, sizeof copies);
    memset(bytes, 0, sizeof bytes);
    foreign = 0;
}
