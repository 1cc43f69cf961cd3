#!/usr/bin/env bash
# Checks compose.yaml without a container engine: the schema of the Compose specification, and that services, networks, addresses, files and settings that it
# names are there. Needs node, npm, python3; installs the schema once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
fail() { echo "check-compose: $*" >&2; exit 1; }
source deploy/check/install.sh
export COMPOSE_FOLDER=$PWD/deploy
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

node "$tools/compose.mjs" deploy/compose.yaml || fail "the lines above."
for setting in $(grep -ohE 'Grid__[A-Za-z]+' deploy/compose.yaml | sort -u); do
  grep -qE "public [A-Za-z?]+ ${setting#Grid__} " src/Dass.Grid.Host/GridOptions.cs || fail "no options class has ${setting/__/:}."
done

# The check sees a mistake of each kind: what to write in place of what, what the check says of it.
refuses() {
  sed -E "$1" deploy/compose.yaml >"$work/wrong.yaml"
  ! cmp --silent deploy/compose.yaml "$work/wrong.yaml" || fail "the mistake '$1' changes nothing."
  ! node "$tools/compose.mjs" "$work/wrong.yaml" >"$work/refusal" 2>&1 && grep -qF "$2" "$work/refusal" \
    || { cat "$work/refusal" >&2; fail "the mistake '$1' passes."; }
}
refuses 's/stop_grace_period/stop_grace/' 'stop_grace'
refuses 's/restart: unless-stopped/restart: [never]/' '/restart'
refuses 's/v3\.5\.0/latest/' 'has no version'
refuses 's/ipv4_address: 10.213.7.12/ipv4_address: 10.213.7.11/' 'is that of silo1'
refuses 's/^  silo3:/  silo4:/' 'no service is called silo3'
refuses 's/127\.0\.0\.1:5240/5240/' 'not on loopback'
echo "check-compose: compose.yaml has the shape of the specification."
