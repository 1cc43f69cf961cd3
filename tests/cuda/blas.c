/* libcublas.so.13: matrix products as loops, counted by math mode and by the stream of their handle. */
#include "fake.h"

typedef struct { void *stream; int mode; } context;
static long long products, tf32, strays;
static void *last_stream;
static int failure; /* what every product answers; 0: works */

API int cublasCreate_v2(context **handle) { *handle = calloc(1, sizeof **handle); return 0; }
API int cublasDestroy_v2(context *handle) { free(handle); return 0; }
API int cublasSetStream_v2(context *handle, void *stream) { handle->stream = stream; return 0; }
API int cublasSetMathMode(context *handle, int mode) { handle->mode = mode; return 0; }
API int cublasGetMathMode(context *handle, int *mode) { *mode = handle->mode; return 0; }
API const char *cublasGetStatusName(int status) { (void)status; return "fake"; }
API const char *cublasGetStatusString(int status) { (void)status; return "status of the fake cuBLAS"; }

/* TF32 takes 11 bits of each factor. */
static float factor_of(float value, int fast)
{
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    if (fast) bits &= ~0x1fffu;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Column-major: C [m, n] = alpha · op(A) [m, k] · op(B) [k, n] + beta · C. */
static int gemm(const context *handle, int fast, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                int ldb, float beta, float *c, int ldc)
{
    if (failure) return failure;
    fast |= handle->mode == 3; /* CUBLAS_TF32_TENSOR_OP_MATH */
    strays += products > 0 && handle->stream != last_stream;
    last_stream = handle->stream;
    products++;
    tf32 += fast;
    for (int j = 0; j < n; j++)
    {
        float *column = c + (size_t)j * ldc;
        for (int i = 0; i < m; i++) column[i] = beta == 0 ? 0 : beta * column[i];
        for (int p = 0; p < k; p++)
        {
            float factor = alpha * factor_of(tb ? b[(size_t)p * ldb + j] : b[(size_t)j * ldb + p], fast);
            for (int i = 0; i < m; i++) column[i] += factor_of(ta ? a[(size_t)i * lda + p] : a[(size_t)p * lda + i], fast) * factor;
        }
    }
    return 0;
}

API int cublasSgemm_v2(context *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, const float *b, int ldb,
                       const float *beta, float *c, int ldc)
{ return gemm(h, 0, ta, tb, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc); }
API int cublasGemmEx(context *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int at, int lda, const float *b, int bt,
                     int ldb, const float *beta, float *c, int ct, int ldc, int compute, int algorithm)
{
    (void)algorithm;
    if (at || bt || ct) return 15; /* CUDA_R_32F is 0 */
    return gemm(h, compute == 77 /* CUBLAS_COMPUTE_32F_FAST_TF32 */, ta, tb, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);
}
API int cublasSgemmStridedBatched(context *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, long long sa,
                                  const float *b, int ldb, long long sb, const float *beta, float *c, int ldc, long long sc, int count)
{
    int status = 0;
    for (int i = 0; i < count && !status; i++)
        status = gemm(h, 0, ta, tb, m, n, k, *alpha, a + i * sa, lda, b + i * sb, ldb, *beta, c + i * sc, ldc);
    return status;
}

#define NEVER(name) API int name(void) { fprintf(stderr, "fake CUDA: " #name " is not there\n"); return 15; }
NEVER(cublasDgeam) NEVER(cublasDgemmBatched) NEVER(cublasDgemmStridedBatched) NEVER(cublasDgemm_v2) NEVER(cublasDgetrfBatched)
NEVER(cublasDgetriBatched) NEVER(cublasGemmBatchedEx) NEVER(cublasGemmStridedBatchedEx) NEVER(cublasScopy_v2) NEVER(cublasSgeam)
NEVER(cublasSgemmBatched) NEVER(cublasSgetrfBatched) NEVER(cublasSgetriBatched) NEVER(cublasSscal_v2)

API void fake_blas_fail(int status) { failure = status; }

/* Since the last call: matrix products, those of them in TF32, the stream of the last, and how often it was another than the one before. */
API void fake_blas_count(long long *all, long long *in_tf32, void **stream, long long *changes)
{
    *all = products; *in_tf32 = tf32; *stream = last_stream; *changes = strays;
    products = tf32 = strays = 0;
}
