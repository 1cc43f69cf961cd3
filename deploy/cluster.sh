#!/usr/bin/env bash
# A whole cluster on this machine, for a developer: Redis, three silos, two gateways, all on loopback. Ctrl+C stops it in order.
#   deploy/cluster.sh [--watch] [SETTING…]     e.g. deploy/cluster.sh --Grid:Models:dass-small:ModelDirectory=/models/dass-small
# Clients: dass stream FILE --grid http://127.0.0.1:5230 (or 5240), HTTP at 5232 and 5242. Logs and Redis' data lie in .cluster/.
# --watch opens the .NET dashboard of OpenTelemetry, which all processes send their logs, metrics and traces to: one program from a package, in memory only,
# on loopback without a password. CONFIGURATION (environment): Release (default) or Debug.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/.cluster
redis_port=6390
watch_port=18888
configuration=${CONFIGURATION:-Release}
watch=
if [[ ${1:-} == "--watch" ]]; then
  watch=1
  shift
fi
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

if ! command -v redis-server >/dev/null; then
  if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "redis-server is missing: apt-get install redis-server, then run this again." >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server
fi

mkdir -p "$work"
dotnet build -c "$configuration" "$root/src/Dass.Grid.Host" >"$work/build.log" || { cat "$work/build.log" >&2; exit 1; }
host=$root/src/Dass.Grid.Host/bin/$configuration/net10.0/Dass.Grid.Host.dll

if [[ $watch ]]; then
  dotnet restore -v quiet "$root/deploy/watch" >"$work/watch.log" || { cat "$work/watch.log" >&2; exit 1; }
  packages=$(dotnet msbuild "$root/deploy/watch" -getProperty:NuGetPackageRoot)
  version=$(sed -n 's/.*Aspire.Dashboard.Sdk.linux-x64" Version="\[\(.*\)\]".*/\1/p' "$root/deploy/watch/watch.csproj")
  dashboard=$packages/aspire.dashboard.sdk.linux-x64/$version/tools
fi

processes=()
finish() {
  trap - EXIT INT TERM
  echo "stopping …"
  for ((i = ${#processes[@]} - 1; i >= 0; i--)); do
    kill "${processes[i]}" 2>/dev/null && wait "${processes[i]}" || true
  done
  exit
}
trap finish EXIT INT TERM

setsid redis-server --port $redis_port --bind 127.0.0.1 --dir "$work" --appendonly yes --appendfsync everysec --save '' --loglevel warning >"$work/redis.log" 2>&1 &
processes+=($!)

if [[ $watch ]]; then
  # From its own folder, where its pages are.
  (cd "$dashboard" && ASPNETCORE_URLS=http://127.0.0.1:$watch_port ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://127.0.0.1:$((watch_port + 1)) \
    ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS=true exec setsid ./Aspire.Dashboard) >"$work/watch.log" 2>&1 &
  processes+=($!)
  # Every second: by default metrics come once a minute, traces and logs after five seconds.
  export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$((watch_port + 1)) \
    OTEL_METRIC_EXPORT_INTERVAL=1000 OTEL_BSP_SCHEDULE_DELAY=1000 OTEL_BLRP_SCHEDULE_DELAY=1000
  set -- --Grid:TraceRatio=1 "$@"
fi

# start NAME ROLE GRPC_PORT OPERATIONS_PORT SILO_PORT [SETTING…]
start() {
  local name=$1 role=$2 grpc=$3 operations=$4 silo=$5
  shift 5
  OTEL_SERVICE_NAME=$name setsid dotnet "$host" --Grid:Role="$role" --Grid:Cluster=redis --Grid:Store=redis --Grid:Redis=127.0.0.1:$redis_port \
    --Grid:Listen=http://127.0.0.1:"$grpc" --Grid:OperationsListen=http://127.0.0.1:"$operations" --Grid:SiloPort="$silo" "$@" >"$work/$name.log" 2>&1 &
  processes+=($!)
}
for i in 1 2 3; do
  start "silo$i" silo 5230 $((5250 + i)) $((11110 + i)) "$@"
done
start gateway1 gateway 5230 5231 11121 --Grid:HttpListen=http://127.0.0.1:5232 "$@"
start gateway2 gateway 5240 5241 11122 --Grid:HttpListen=http://127.0.0.1:5242 "$@"

for port in 5251 5252 5253 5231 5241; do
  deadline=$((SECONDS + 300))
  until "$root/deploy/probe.sh" /healthz/ready $port >/dev/null 2>&1; do
    ((SECONDS < deadline)) || { echo "the process with operations port $port is not ready; see $work/*.log" >&2; exit 1; }
    sleep 0.5
  done
done
[[ ! $watch ]] || echo "dashboard: http://127.0.0.1:$watch_port"
echo "gateways: http://127.0.0.1:5230 http://127.0.0.1:5240   HTTP: 5232 5242   operations: 5231 5241 (gateways) 5251 5252 5253 (silos)   logs: $work"
wait -n "${processes[@]}" || true
echo "a process has ended; see $work/*.log" >&2
