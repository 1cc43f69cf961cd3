/* libcurand.so.10: the provider is linked with it and calls nothing of it. */
#include "fake.h"

API int curandGetVersion(int *version) { *version = 10400; return 0; }
