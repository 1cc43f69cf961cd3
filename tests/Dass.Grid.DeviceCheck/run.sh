#!/usr/bin/env bash
# Runs the device check where it has been unpacked: run.sh [--out DIRECTORY] [--seconds N]. Unpack without xz:
#   python3 -c 'import tarfile; tarfile.open("check.tar.xz").extractall(".")'
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# CUDA's libraries as Python's wheels bring them, where there is no CUDA runtime of the system's own.
wheels=$(python3 - <<'END' 2> /dev/null || true
import glob, site
print(":".join(sorted({p.rsplit("/", 1)[0] for d in site.getsitepackages() for p in glob.glob(d + "/nvidia/**/lib*.so*", recursive=True)})))
END
)
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$wheels
exec "$here/Dass.Grid.DeviceCheck" "$@"
