/* A CUDA without a card, for tests of the engine with ONNX Runtime's real CUDA provider. See README.md of tests. */
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

/* Memory that is counted while it is held. */
static inline int allocate(void **p, size_t n, size_t alignment, size_t *held)
{
    *p = aligned_alloc(alignment, (n + alignment - 1) & ~(alignment - 1));
    if (!*p) return 2; /* out of memory, in CUDA's driver and in its runtime */
    __atomic_add_fetch(held, malloc_usable_size(*p), __ATOMIC_RELAXED);
    return 0;
}
static inline void give_back(void *p, size_t *held)
{
    __atomic_sub_fetch(held, malloc_usable_size(p), __ATOMIC_RELAXED);
    free(p);
}
