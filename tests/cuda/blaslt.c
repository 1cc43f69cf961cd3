/* libcublasLt.so.13: handles only; a step has no use for it. */
#include "fake.h"

API int cublasLtCreate(void **handle) { *handle = malloc(16); return 0; }
API int cublasLtDestroy(void *handle) { free(handle); return 0; }

#define NEVER(name) API int name(void) { fprintf(stderr, "fake CUDA: " #name " is not there\n"); return 15; }
NEVER(cublasLtMatmul) NEVER(cublasLtMatmulAlgoConfigSetAttribute) NEVER(cublasLtMatmulAlgoGetHeuristic) NEVER(cublasLtMatmulAlgoInit)
NEVER(cublasLtMatmulDescCreate) NEVER(cublasLtMatmulDescDestroy) NEVER(cublasLtMatmulDescSetAttribute)
NEVER(cublasLtMatmulPreferenceCreate) NEVER(cublasLtMatmulPreferenceDestroy) NEVER(cublasLtMatmulPreferenceSetAttribute)
NEVER(cublasLtMatrixLayoutCreate) NEVER(cublasLtMatrixLayoutDestroy) NEVER(cublasLtMatrixLayoutSetAttribute)
NEVER(cublasLtMatrixTransform) NEVER(cublasLtMatrixTransformDescCreate) NEVER(cublasLtMatrixTransformDescDestroy)
