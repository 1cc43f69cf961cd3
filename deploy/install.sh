#!/usr/bin/env bash
# Installs dass, with everything that it needs but ffmpeg, as one folder and a link: deploy/install.sh [PREFIX]
# PREFIX (default: /usr/local for root, else ~/.local) gets lib/dass and bin/dass. RUNTIME (environment): linux-x64 or linux-arm64 (default: this machine's).
# DASS_PACKED (environment): a folder that `RUNTIME=… deploy/install.sh --pack FOLDER` has made on a machine with the SDK; without it, the SDK is needed here.
set -euo pipefail
umask 022 # services of other users run it

case ${RUNTIME:-$(uname -m)} in
  x86_64 | linux-x64) runtime=linux-x64 ;;
  aarch64 | linux-arm64) runtime=linux-arm64 ;;
  *) echo "RUNTIME is '${RUNTIME:-$(uname -m)}'; linux-x64 or linux-arm64." >&2; exit 2 ;;
esac

pack() {
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
  command -v dotnet >/dev/null || { echo "dotnet is missing: install the .NET 10 SDK, or name a packed folder with DASS_PACKED." >&2; exit 1; }
  # One file of all assemblies; the native libraries and the model stay beside it, where they are searched for. Each is compiled ahead by itself: as one
  # composite, the default here, they take more than ten minutes of processor time.
  dotnet publish "$(dirname "${BASH_SOURCE[0]}")/../src/Dass.Grid.Cli" --configuration Release --runtime "$runtime" --self-contained true --output "$1" \
    -p:PublishSingleFile=true -p:PublishReadyToRun=true -p:PublishReadyToRunComposite=false -p:DebugType=none
  rm -f "$1"/*.xml # documentation of the assemblies
}

if [[ ${1:-} == --pack ]]; then
  pack "${2:?"usage: deploy/install.sh --pack FOLDER"}"
  exit
fi

prefix=${1:-$([[ $EUID -eq 0 ]] && echo /usr/local || echo "$HOME/.local")}
mkdir -p "$prefix/lib" "$prefix/bin"
new=$(mktemp -d "$prefix/lib/.dass.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
if [[ -n ${DASS_PACKED:-} ]]; then
  cp -R "$DASS_PACKED/." "$new"
else
  pack "$new"
fi
"$new/dass" --version >/dev/null

# The folder changes at once. A dass that runs keeps what it has open; what it loads later it would take from the new folder, so it must be started again.
rm -rf "$prefix/lib/dass.old"
replaced=
[[ ! -e $prefix/lib/dass ]] || { mv "$prefix/lib/dass" "$prefix/lib/dass.old"; replaced=yes; }
mv "$new" "$prefix/lib/dass"
rm -rf "$prefix/lib/dass.old"
ln -sfn ../lib/dass/dass "$prefix/bin/dass"
echo "$prefix/bin/dass $("$prefix/bin/dass" --version)"
[[ -z $replaced ]] || echo "Start what runs dass again now, e.g. systemctl try-restart dass-grid dass-feed dass-notify." >&2
[[ :$PATH: == *":$prefix/bin:"* ]] || echo "Add $prefix/bin to PATH." >&2
command -v ffmpeg >/dev/null || echo "ffmpeg is not installed: formats other than WAV, addresses and devices need it." >&2
