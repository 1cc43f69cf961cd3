/* libcublas.so.13: matrix products as loops, counted by math mode. */
#include "fake.h"

static int mode;
static long long products, tf32;

API int cublasCreate_v2(void **handle) { *handle = malloc(16); return 0; }
API int cublasDestroy_v2(void *handle) { free(handle); return 0; }
API int cublasSetStream_v2(void *handle, void *stream) { (void)handle; (void)stream; return 0; }
API int cublasSetMathMode(void *handle, int m) { (void)handle; mode = m; return 0; }
API int cublasGetMathMode(void *handle, int *m) { (void)handle; *m = mode; return 0; }
API const char *cublasGetStatusName(int status) { (void)status; return "fake"; }
API const char *cublasGetStatusString(int status) { (void)status; return "status of the fake cuBLAS"; }

/* Column-major: C [m, n] = alpha · op(A) [m, k] · op(B) [k, n] + beta · C. */
static int gemm(int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
    products++;
    tf32 += mode == 3; /* CUBLAS_TF32_TENSOR_OP_MATH */
    for (int j = 0; j < n; j++)
    {
        float *column = c + (size_t)j * ldc;
        for (int i = 0; i < m; i++) column[i] = beta == 0 ? 0 : beta * column[i];
        for (int p = 0; p < k; p++)
        {
            float factor = alpha * (tb ? b[(size_t)p * ldb + j] : b[(size_t)j * ldb + p]);
            if (ta) for (int i = 0; i < m; i++) column[i] += a[(size_t)i * lda + p] * factor;
            else for (int i = 0; i < m; i++) column[i] += a[(size_t)p * lda + i] * factor;
        }
    }
    return 0;
}

API int cublasSgemm_v2(void *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, const float *b, int ldb,
                       const float *beta, float *c, int ldc)
{ (void)h; return gemm(ta, tb, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc); }
API int cublasGemmEx(void *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int at, int lda, const float *b, int bt,
                     int ldb, const float *beta, float *c, int ct, int ldc, int compute, int algorithm)
{
    (void)h; (void)algorithm;
    if (at || bt || ct) return 15; /* CUDA_R_32F is 0 */
    if (compute == 77) tf32++;     /* CUBLAS_COMPUTE_32F_FAST_TF32 */
    return gemm(ta, tb, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);
}
API int cublasSgemmStridedBatched(void *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, long long sa,
                                  const float *b, int ldb, long long sb, const float *beta, float *c, int ldc, long long sc, int count)
{
    (void)h;
    for (int i = 0; i < count; i++) gemm(ta, tb, m, n, k, *alpha, a + i * sa, lda, b + i * sb, ldb, *beta, c + i * sc, ldc);
    return 0;
}

#define NEVER(name) API int name(void) { fprintf(stderr, "fake CUDA: " #name " is not there\n"); return 15; }
NEVER(cublasDgeam) NEVER(cublasDgemmBatched) NEVER(cublasDgemmStridedBatched) NEVER(cublasDgemm_v2) NEVER(cublasDgetrfBatched)
NEVER(cublasDgetriBatched) NEVER(cublasGemmBatchedEx) NEVER(cublasGemmStridedBatchedEx) NEVER(cublasScopy_v2) NEVER(cublasSgeam)
NEVER(cublasSgemmBatched) NEVER(cublasSgetrfBatched) NEVER(cublasSgetriBatched) NEVER(cublasSscal_v2)

/* Since the last call: matrix products, and those of them in TF32. */
API void fake_blas_count(long long *all, long long *in_tf32) { *all = products; *in_tf32 = tf32; products = tf32 = 0; }
