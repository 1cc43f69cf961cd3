#!/usr/bin/env bash
# Runs the device check where it has been unpacked: run.sh [--out DIRECTORY] [--seconds N]. Unpack without xz:
#   python3 -c 'import tarfile; tarfile.open("check.tar.xz").extractall(".")'
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The directory that --out names; the assembler needs the kernels' text in any case.
out=$work
for ((i = 1; i < $#; i++)); do
  [[ ${!i} == --out ]] && next=$((i + 1)) && out=${!next}
done
[[ $out == "$work" ]] && set -- "$@" --out "$out"

# ONNX Runtime's own kernels are zeroed in this package (pack.sh): a library that loads them all at its start would fail.
export CUDA_MODULE_LOADING=LAZY

# CUDA's libraries as Python's wheels or a toolkit bring them: their folders and no others, since a toolkit's stubs and a wheel's cuDNN would hide what the
# driver and the system have.
folders=$(python3 - <<'END' 2> /dev/null || true
import glob, os, sys
roots = [d + "/nvidia" for d in sys.path if d.endswith("-packages")] + sorted(glob.glob("/usr/local/cuda*"), reverse=True)
found = []
for name in "libcudart.so.13", "libcublas.so.13", "libcublasLt.so.13", "libcurand.so.10":
    places = (os.path.dirname(p) for root in roots for p in sorted(glob.glob(f"{root}/**/{name}", recursive=True)) if "stubs" not in p)
    found.append(next(places, None))
print(":".join(dict.fromkeys(place for place in found if place)))
END
)
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folders
echo "LD_LIBRARY_PATH=$LD_LIBRARY_PATH"
nvidia-smi 2>&1 || true

status=0
"$here/Dass.Grid.DeviceCheck" "$@" || status=$?

# Registers and spills of each kernel, and a second opinion on the text.
ptxas=$(command -v ptxas || ls /usr/local/cuda/bin/ptxas 2> /dev/null || true)
if [[ -n $ptxas && -f $out/kernels.ptx ]]; then
  mkdir "$work/ptx"
  awk -v "to=$work/ptx" '/^\/\/ kernel / { file = to "/" $3 ".ptx" } { print > file }' "$out/kernels.ptx"
  for kernel in "$work"/ptx/*.ptx; do
    (timeout 60 "$ptxas" -arch=sm_90 -v -o /dev/null "$kernel" > "$kernel.log" 2>&1 || echo "ptxas fails" >> "$kernel.log") &
  done
  wait
  for kernel in "$work"/ptx/*.ptx; do
    echo "$(basename "$kernel" .ptx): $(grep -E 'registers|spill|fail|error' "$kernel.log" | tr -s ' \n' ' ')"
  done | tee "$out/ptxas.txt"
fi
exit "$status"
