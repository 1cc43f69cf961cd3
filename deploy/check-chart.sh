#!/usr/bin/env bash
# Checks the chart without a cluster: `helm lint`, `helm template` with each file of its folder ci, every object against the JSON schema of its kind with
# unknown keys refused, its copies of dashboards, rules and tables, its settings. Needs node, npm, python3; installs helm and the schemas once.
#   deploy/check-chart.sh --copy     takes the dashboards, rules and tables of deploy over into the chart first
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
chart=deploy/helm/dass-grid
fail() { echo "check-chart: $*" >&2; exit 1; }

# A chart holds its files itself: helm reads none outside of it.
copies() {
  local file
  for file in deploy/grafana/dashboards/*.json; do echo "$file $chart/files/dashboards/$(basename "$file")"; done
  for file in deploy/prometheus/rules/*.yml; do [[ ! -e $file ]] || echo "$file $chart/files/rules/$(basename "$file")"; done
  echo "deploy/postgres/schema.sql $chart/files/schema.sql"
}
if [[ ${1:-} == "--copy" ]]; then
  rm -rf $chart/files
  while read -r from to; do install -D -m 644 "$from" "$to"; done < <(copies)
fi
while read -r from to; do cmp --silent "$from" "$to" || fail "$to is not $from: deploy/check-chart.sh --copy"; done < <(copies)
extra=$(comm -13 <(copies | cut -d ' ' -f 2 | sort) <(find $chart/files -type f | sort))
[[ -z $extra ]] || fail "no file of deploy is the source of $extra"

source deploy/check/install.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$tools/helm" lint --quiet --strict "$chart"
for values in "$chart"/ci/*-values.yaml; do
  "$tools/helm" template grid "$chart" --namespace audio --values "$values" >"$work/$(basename "$values" -values.yaml).yaml" || fail "$values"
done
# With a rule more, whose templates are Prometheus' own: the chart must leave them alone.
cp -r "$chart" "$work/chart"
mkdir -p "$work/chart/files/rules"
cat >"$work/chart/files/rules/check.yml" <<'RULES'
groups:
  - name: check
    rules:
      - {alert: Check, expr: vector(1) > 0, for: 1m, labels: {severity: page}, annotations: {summary: "{{ $labels.instance }} is {{ $value }}"}}
RULES
"$tools/helm" template grid "$work/chart" --set monitoring.rules.enabled=true --show-only templates/monitoring.yaml >"$work/rules.yaml"
grep -qF '{{ $labels.instance }} is {{ $value }}' "$work/rules.yaml" || fail "the chart's rules are not those of its files."
node "$tools/objects.mjs" "$work"/*.yaml || fail "the objects above."

# A setting is what is said last of it, and a number is what .NET can read.
setting() { # FILE NAME VALUE
  grep -qPzo "name: $2\n +value: \"?\Q$3\E\"?\n" "$work/$1.yaml" || fail "$1: $2 is not $3."
}
setting gpu Grid__Gateway__RetainedBytes 16777216
setting gpu Grid__TraceRatio 0.05
setting gpu Grid__Streams__MaxLiveWait 00:00:04
setting gpu Grid__Models__dass-small__Threads 3
if grep -nE 'value: "?[0-9.]+e\+[0-9]+' "$work"/*.yaml >&2; then fail "a number with an exponent is no setting."; fi

# What checks PostgreSQL's certificate knows the authorities for it.
count() { # FILE TEXT TIMES
  [[ $(grep -cF -- "$2" "$work/$1.yaml") -eq $3 ]] || fail "$1: '$2' is not there $3 times."
}
count postgres 'Mode=VerifyFull;Root Certificate=/etc/dass-grid/postgres/ca.crt;' 2
count postgres '{name: postgres-authority, mountPath: /etc/dass-grid/postgres, readOnly: true}' 3
count postgres 'secretName: db-authority' 3
count postgres 'PGSSLROOTCERT, value: /etc/dass-grid/postgres/ca.crt' 1
count mixed 'PGSSLROOTCERT, value: system' 1
count mixed 'postgres-authority' 0
# A silo that is not ready may hold what the store does not have.
count cpu 'unhealthyPodEvictionPolicy: AlwaysAllow' 1
# Missing metrics are no idle pool.
count keda 'ignoreNullValues: "false"' 2
if grep -n 'dass_engine_busy.* or ' "$work/keda.yaml" >&2; then fail "an autoscaler takes missing metrics for an idle pool."; fi

# Kubernetes must not kill a process that still drains.
python3 - "$work"/*.yaml <<'PYTHON' || fail "the grace of a process is too short."
import re, sys

for name in sys.argv[1:]:
    for part in open(name).read().split("\n---\n"):
        grace = re.search(r"terminationGracePeriodSeconds: (\d+)", part)
        if grace:
            hours, minutes, seconds = map(int, re.search(r'Grid__ShutdownTimeout\s+value: "(\d+):(\d+):(\d+)"', part).groups())
            stop = re.search(r"sleep: \{seconds: (\d+)\}", part)
            drain = hours * 3600 + minutes * 60 + seconds + int(stop.group(1) if stop else 0)
            if int(grace.group(1)) < drain + 5:
                sys.exit(f"{name}: {grace.group(1)} s for a drain of {drain} s")
PYTHON

# Every setting that the templates name is on an options class.
for setting in $(grep -rhoE 'Grid__[A-Za-z]+' "$chart/templates" | sort -u); do
  grep -qE "public [A-Za-z?]+ ${setting#Grid__} " src/Dass.Grid.Host/GridOptions.cs src/Dass.Grid.Grains/Models/ModelRegistryOptions.cs \
    || fail "no options class has ${setting/__/:}."
done
# Every query of an autoscaler names metrics that an instrument makes, and can be read.
python3 - "$work/keda.yaml" >"$work/queries.yml" <<'PYTHON'
import json, re, sys

queries = set(re.findall(r"query: (?:>-\n +)?(.+)", open(sys.argv[1]).read()))
rules = [{"record": f"scaling:query{number}", "expr": query} for number, query in enumerate(sorted(queries))]
print(json.dumps({"groups": [{"name": "scaling", "rules": rules}]}))
PYTHON
for name in $(grep -oE '\bdass_[a-z_]+\b' "$work/queries.yml" | grep -vx dass_pace | sort -u); do
  instrument=${name%_seconds_bucket} instrument=${instrument%_ratio}
  grep -rqE "\"${instrument//_/[._]}\"" src --include=*.cs || fail "no instrument makes $name, which an autoscaler asks for."
done
if command -v promtool >/dev/null; then
  promtool check rules "$work/queries.yml" >"$work/promtool.log" 2>&1 || { cat "$work/promtool.log" >&2; fail "a query of an autoscaler."; }
  grep -q 'SUCCESS: 4 rules' "$work/promtool.log" || { cat "$work/promtool.log" >&2; fail "the queries of the autoscalers are not four."; }
fi

# The check sees a mistake of each kind: FILE, what to write in place of what, what the check says of it.
refuses() {
  local file=$1 edit=$2 words=$3
  sed -E "$edit" "$work/$file.yaml" >"$work/wrong.yaml"
  ! cmp --silent "$work/$file.yaml" "$work/wrong.yaml" || fail "the mistake '$edit' changes nothing."
  ! node "$tools/objects.mjs" "$work/wrong.yaml" >"$work/refusal" 2>&1 && grep -qF "$words" "$work/refusal" \
    || { cat "$work/refusal" >&2; fail "the mistake '$edit' passes."; }
}
refuses cpu '0,/periodSeconds/s//periodSecond/' 'startupProbe.periodSecond is not a key'
refuses cpu '0,/replicas: 3/s//replicas: three/' '/spec/replicas'
refuses cpu 's/name: Grid__Cluster$/name: Grid__Store/' 'has Grid__Store twice'
refuses cpu 's/^( *)(terminationGracePeriodSeconds)/\1hostNetwerk: true\n\1\2/' 'hostNetwerk is not a key'
refuses cpu 's/^kind: StatefulSet/kind: StatefulSets/' 'has no schema'
refuses keda 's/maxReplicaCount: 10/maxReplicaCount: many/' '/spec/maxReplicaCount'
refuses keda 's/^( *)metricType: Value/\1metricTyp: Value/' 'metricTyp is not a key'
refuses rules 's/alert: Check/alerts: Check/' 'rules[0].alerts is not a key'
refuses keda 's/^  podMetricsEndpoints/  podMetricEndpoints/' 'podMetricEndpoints is not a key'
if "$tools/helm" template grid "$chart" --set silos.pools.cpu.replica=3 >"$work/refusal" 2>&1 || ! grep -qF "'replica' not allowed" "$work/refusal"; then
  fail "a value that the chart does not have passes."
fi
echo "check-chart: $(ls "$chart"/ci | wc -l) sets of values render, every object has the shape of its kind."
