#!/usr/bin/env bash
# Starts a cluster with its dashboard (deploy/cluster.sh --watch), streams a recording, and asks the dashboard for what arrived: all five processes by name,
# and traces that lead from the gateway to a silo, each whole. Needs redis-server, curl, python3, and the ports of deploy/cluster.sh.
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

# Prints what is missing, or nothing.
missing() {
  curl --silent --fail --max-time 20 "$dashboard/api/telemetry/resources" >"$work/resources" || { echo "the dashboard does not answer."; return; }
  curl --silent --fail --max-time 20 "$dashboard/api/telemetry/traces?limit=2000" >"$work/traces" || { echo "the dashboard has no traces."; return; }
  python3 - "$work/resources" "$work/traces" <<'PYTHON'
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
crossing = [spans for spans in traces.values() if {"gateway1"} < {process for process, _ in spans}]
if not crossing:
    print(f"none of {len(traces)} traces leads from gateway1 to a silo.")
whole = [spans for spans in crossing
         if sum(not s.get("parentSpanId") for _, s in spans) == 1
         and {s["parentSpanId"] for _, s in spans if s.get("parentSpanId")} <= {s["spanId"] for _, s in spans}]
if crossing and not whole:
    print(f"none of {len(crossing)} traces from gateway1 to a silo is whole: one root, and every parent there.")
PYTHON
}
deadline=$((SECONDS + 60))
while found=$(missing); [[ -n $found ]]; do
  ((SECONDS < deadline)) || fail "$found"
  sleep 1
done
echo "check-watch: the dashboard has all five processes, and whole traces of chunks."
