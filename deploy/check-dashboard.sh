#!/usr/bin/env bash
# Tests the alert rules, then runs every expression of the dashboard and of the rules against a real Prometheus, which scrapes a real host with a stream and a web subscriber. Fails when an expression
# has no data.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
fail() { echo "check-dashboard: $*" >&2; exit 1; }

if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null || ! command -v jq >/dev/null; then
  [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null || fail "prometheus, promtool and jq are needed."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus jq
fi

work=$(mktemp -d)
host= prometheus= web=
finish() {
  local status=$?
  for process in $web $prometheus $host; do kill "$process" 2>/dev/null && wait "$process" || true; done
  [[ $status -eq 0 ]] || tail -n 15 "$work"/*.log >&2 || true
  rm -rf "$work"
}
trap finish EXIT

promtool check config deploy/prometheus/prometheus.yml
promtool test rules deploy/prometheus/tests/dass-grid.yml

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
grpc=$(free_port) http=$(free_port) operations=$(free_port) silo=$(free_port) api=$(free_port)

deploy/publish.sh "$work/app" >"$work/publish.log"
dotnet build src/Dass.Grid.Cli >"$work/build.log"
feed() { dotnet run --no-build --project src/Dass.Grid.Cli -- stream tests/fixtures/babble.wav --grid "$1"; }

Grid__Listen="http://127.0.0.1:$grpc" Grid__HttpListen="http://127.0.0.1:$http" Grid__OperationsListen="http://127.0.0.1:$operations" Grid__SiloPort="$silo" \
  dotnet "$work/app/Dass.Grid.Host.dll" >"$work/host.log" 2>&1 &
host=$!
deadline=$((SECONDS + 90))
until deploy/probe.sh /healthz/ready "$operations" >/dev/null 2>&1; do
  kill -0 "$host" 2>/dev/null && ((SECONDS < deadline)) || fail "the host is not ready."
  sleep 0.5
done

# The shipped configuration with other addresses and a faster clock.
sed -e "s/\"silo1:5231\".*\]/\"127.0.0.1:$operations\"]/" \
  -e 's/\(scrape\|evaluation\)_interval: .*/\1_interval: 1s/; s/scrape_timeout: .*/scrape_timeout: 1s/' \
  -e '/job_name: otel-collector/,$d' deploy/prometheus/prometheus.yml >"$work/prometheus.yml"
cp -r deploy/prometheus/rules "$work/rules"
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address="127.0.0.1:$api" >"$work/prometheus.log" 2>&1 &
prometheus=$!

curl --silent --no-buffer "http://127.0.0.1:$http/v1/subscribe?all_streams=true" >"$work/web.log" 2>&1 &
web=$!

dashboard=deploy/grafana/dashboards/dass-grid.json
mapfile -t expressions < <(jq -r '.panels[].targets[]?.expr' "$dashboard" | sed 's/\$__rate_interval/1m/g; s/"\$\(model\|instance\|tenant\)"/".*"/g')
while read -r expression; do
  expressions+=("$expression")
done < <(promtool check rules deploy/prometheus/rules/dass-grid.yml >/dev/null && python3 - <<'PYTHON'
import re
# What each rule asks, without the comparison that makes it an alert.
for line in re.sub(r">-\n\s+", "", open("deploy/prometheus/rules/dass-grid.yml").read()).replace("\n          or ", " or ").split("\n"):
    if (found := re.match(r"\s+expr: (.*)", line)):
        for part in re.split(r" and | or | > ", re.sub(r" (>|==) [\d.]+(?= and | or |$)", "", found[1])):
            print(part)
PYTHON
)
((${#expressions[@]} > 0)) || fail "$dashboard has no expressions."

# Prints the expressions whose answer has no sample that is a number.
without_data() {
  local expression answer
  for expression in "${expressions[@]}"; do
    answer=$(curl --silent --max-time 10 --get --data-urlencode "query=$expression" "http://127.0.0.1:$api/api/v1/query" || true)
    jq --exit-status '.status == "success" and any(.data.result[]; .value[1] != "NaN")' >/dev/null 2>&1 <<<"$answer" || echo "$expression"
  done
}

# A rate needs two scrapes with a change between them, so the loop streams the recording until every expression has data.
deadline=$((SECONDS + 180))
while :; do
  feed "http://127.0.0.1:$grpc" >"$work/feed.log" 2>&1 || fail "the recording could not be streamed."
  missing=$(without_data)
  [[ -n $missing ]] || break
  ((SECONDS < deadline)) || fail "no data after 180 s of streaming for:"$'\n'"$missing"
done

# `or vector(0)` answers for any name, so an instrument must make every metric of the grid that the dashboard names.
curl --silent --fail "http://127.0.0.1:$api/api/v1/label/__name__/values" | jq -r '.data[]' >"$work/names"
for name in $(printf '%s\n' "${expressions[@]}" | grep -oE '\bdass_[a-z_]+\b' | grep -vxE 'dass_(model|reason|result|how|pace|limit|protocol|tenant|quantile|status)' | sort -u); do
  grep -qx "$name" "$work/names" && continue
  instrument=${name%_total} instrument=${instrument%_seconds_bucket} instrument=${instrument%_bytes}
  grep -rqE "(^ +|Create[A-Za-z<>]+\()\"${instrument//_/[._]}\"" src --include=*.cs || fail "no instrument makes $name."
done
echo "check-dashboard: ${#expressions[@]} expressions have data."
