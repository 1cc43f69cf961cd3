#!/usr/bin/env bash
# Starts a cluster with its dashboard (deploy/cluster.sh --watch), streams a recording, and asks the dashboard for what arrived: all five processes by name,
# and of each chunk a trace that leads from the gateway to a step in a silo, with one root and every parent there. Needs redis-server, curl, python3, and the
# ports of deploy/cluster.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 CONFIGURATION=${CONFIGURATION:-Debug}
fail() { echo "check-watch: $*" >&2; exit 1; }

work=$(mktemp -d)
cluster=
finish() {
  local status=$?
  [[ -z $cluster ]] || { kill -TERM "$cluster" 2>/dev/null && wait "$cluster" || true; }
  [[ $status -eq 0 ]] || tail -n 20 "$work"/*.log >&2 || true
  rm -rf "$work"
}
trap finish EXIT

dotnet build -c "$CONFIGURATION" src/Dass.Grid.Cli >"$work/build.log"
deploy/cluster.sh --watch >"$work/cluster.log" 2>&1 &
cluster=$!
deadline=$((SECONDS + 600))
until grep -q '^gateways:' "$work/cluster.log"; do
  kill -0 "$cluster" 2>/dev/null && ((SECONDS < deadline)) || fail "the cluster is not ready."
  sleep 0.5
done
dashboard=$(sed -n 's/^dashboard: //p' "$work/cluster.log")

dotnet run --no-build -c "$CONFIGURATION" --project src/Dass.Grid.Cli -- \
  stream tests/fixtures/babble.wav --grid http://127.0.0.1:5230 >"$work/stream.log" 2>&1 || fail "the recording could not be streamed."

# The last chunk is the answer to the end of the recording: a part of its call, and no trace of its own.
chunks=$(($(sed -n 's/^heard .* in \([0-9]*\) chunks$/\1/p' "$work/stream.log") - 1))
[[ $chunks -gt 0 ]] || fail "the recording had no chunks."

# Prints what is missing, or nothing.
missing() {
  curl --silent --fail --max-time 20 "$dashboard/api/telemetry/resources" >"$work/resources" || { echo "the dashboard does not answer."; return; }
  curl --silent --fail --max-time 20 "$dashboard/api/telemetry/traces?limit=2000" >"$work/traces" || { echo "the dashboard has no traces."; return; }
  python3 - "$work/resources" "$work/traces" "$chunks" <<'PYTHON'
import json, sys

resources = {resource["name"]: resource for resource in json.load(open(sys.argv[1]))}
for name in ["silo1", "silo2", "silo3", "gateway1", "gateway2"]:
    if name not in resources:
        print(f"no telemetry of {name}; there is that of {sorted(resources)}.")
    elif not resources[name].get("hasMetrics"):
        print(f"no metrics of {name}.")

traces = {}
for group in json.load(open(sys.argv[2]))["data"]["resourceSpans"]:
    process = next(a["value"]["stringValue"] for a in group["resource"]["attributes"] if a["key"] == "service.name")
    for scope in group["scopeSpans"]:
        for span in scope["spans"]:
            traces.setdefault(span["traceId"], []).append((process, span))

def is_whole(spans):
    roots = [span for _, span in spans if not span.get("parentSpanId")]
    ids = {span["spanId"] for _, span in spans}
    return len(roots) == 1 and roots[0]["name"] == "dass.chunk" and all(span.get("parentSpanId", roots[0]["spanId"]) in ids for _, span in spans)

chunks = [spans for spans in traces.values() if any(span["name"] == "dass.chunk" for _, span in spans)]
whole = [spans for spans in chunks if is_whole(spans) and ("gateway1", "dass.chunk") in {(process, span["name"]) for process, span in spans}
         and any(process.startswith("silo") and span["name"] == "dass.engine.step" for process, span in spans)]
if len(whole) < int(sys.argv[3]):
    print(f"{len(whole)} traces of {sys.argv[3]} chunks lead from gateway1 to a step in a silo; {len(chunks)} of {len(traces)} are of chunks.")
PYTHON
}
deadline=$((SECONDS + 60))
while found=$(missing); [[ -n $found ]]; do
  ((SECONDS < deadline)) || fail "$found"
  sleep 1
done
echo "check-watch: the dashboard has all five processes, and a whole trace of each of $chunks chunks that pushes brought."
