#!/usr/bin/env bash
# Packs the device check for a Linux machine with an NVIDIA driver and CUDA 13's libraries, and nothing else: pack.sh ARCHIVE.tar.xz
set -euo pipefail

archive=$(realpath -m "${1:?"usage: tests/Dass.Grid.DeviceCheck/pack.sh ARCHIVE.tar.xz"}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet publish "$here" --configuration Release --runtime linux-x64 --self-contained true -p:Accelerator=Cuda \
  --artifacts-path "$work/build" --output "$work/check"
cp "$here/run.sh" "$work/check/"

# Debuggers, other garbage collectors, XML: the check needs none of it. It has its own weights.
cd "$work/check"
rm -rf models ./*.pdb ./*.xml libmscordaccore.so libmscordbi.so libclrgc*.so createdump libonnxruntime_providers_tensorrt.so \
  System.Private.Xml*.dll System.Data.Common.dll System.Private.DataContractSerialization.dll Microsoft.VisualBasic*.dll

# ONNX Runtime's own kernels are 218 MB, and a step launches none of them.
python3 "$here/zero_kernels.py" libonnxruntime_providers_cuda.so
tar -C "$work" -c check | xz -T0 -6 > "$archive"
size=$(stat -c %s "$archive")
echo "$archive: $((size >> 20)) MiB"
if ((size > 55 << 20)); then
  echo "It must not exceed 55 MiB." >&2
  exit 1
fi
