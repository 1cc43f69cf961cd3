#!/usr/bin/env bash
# Builds the fake CUDA: tests/cuda/build.sh DIRECTORY. With that directory in LD_LIBRARY_PATH, ONNX Runtime's CUDA provider runs without a card.
set -euo pipefail

out=${1:?"usage: tests/cuda/build.sh DIRECTORY"}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")"

# The provider asks for symbols with the version of their library.
library() { # SOURCE NAME [VERSIONED]
  local script=()
  if [[ ${3:-} == versioned ]]; then
    echo "$2 { global: *; };" > "$out/$1.map"
    script=("-Wl,--version-script=$out/$1.map")
  fi
  gcc -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden "-Wl,-soname,$2" "${script[@]}" -o "$out/$2" "$1"
}
library runtime.c libcudart.so.13 versioned
library blas.c libcublas.so.13 versioned
library blaslt.c libcublasLt.so.13 versioned
library rand.c libcurand.so.10 versioned
library driver.c libcuda.so.1
