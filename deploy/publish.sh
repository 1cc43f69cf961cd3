#!/usr/bin/env bash
# Publishes the host into a directory: deploy/publish.sh DIRECTORY
# ACCELERATOR (environment): Cpu (default) or Cuda, which ONNX Runtime the host is linked with.
set -euo pipefail

out=${1:?"usage: [ACCELERATOR=Cpu|Cuda] deploy/publish.sh DIRECTORY"}
accelerator=${ACCELERATOR:-Cpu}
if [[ $accelerator != Cpu && $accelerator != Cuda ]]; then
  echo "ACCELERATOR is '$accelerator'; Cpu or Cuda." >&2
  exit 2
fi

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The image's platform, also when the machine that publishes has another. Compiled ahead: most of a start is compiling.
dotnet publish src/Dass.Grid.Host --configuration Release --output "$out" \
  --runtime "${RUNTIME:-linux-x64}" --self-contained false -p:Accelerator="$accelerator" -p:PublishReadyToRun=true
