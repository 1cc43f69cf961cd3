/* A CUDA without a card, for tests of the engine with ONNX Runtime's real CUDA provider. See README.md of tests. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
