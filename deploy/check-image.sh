#!/usr/bin/env bash
# Takes the Dockerfile's steps on this machine, without a container engine: the build context that Dockerfile.dockerignore leaves, publish, the image's
# environment, an unprivileged user on loopback, the health check's probe, a call with and without a key, SIGTERM. Needs root, curl, python3, setpriv.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dockerfile=$root/deploy/Dockerfile

work=$(mktemp -d)
host=
finish() {
  local status=$?
  [[ -z $host ]] || { kill -KILL "$host" 2>/dev/null || true; }
  [[ $status -eq 0 || ! -f $work/log ]] || tail -n 40 "$work/log" >&2
  rm -rf "$work"
  [[ $status -eq 0 ]] || echo "check-image: failed" >&2
}
trap finish EXIT
fail() { echo "check-image: $*" >&2; exit 1; }

# COPY . .
mkdir "$work/source" "$work/app"
sed -n 's/^!//p' "$dockerfile.dockerignore" | (cd "$root" && tar --create --exclude=bin --exclude=obj --files-from=-) | tar --extract -C "$work/source"

# RUN deploy/publish.sh
"$work/source/deploy/publish.sh" "$work/app"
chmod -R a+rX "$work"

# ENV, with loopback, free ports and a local folder in place of the container's network and volume.
mapfile -t environment < <(sed -n '/^ENV /,/[^\\]$/p' "$dockerfile" | grep -oE '[A-Za-z_]+=[^ \\]+' | grep -vE '^Grid__((Operations)?Listen|StoreDirectory)=')
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
grpc=$(free_port) operations=$(free_port) silo=$(free_port)
key=check-image-$RANDOM$RANDOM$RANDOM
hash=$(dotnet "$work/app/Dass.Grid.Host.dll" hash-key <<<"$key")
user=$(sed -n 's/^USER \([0-9]*\):.*/\1/p' "$dockerfile")
[[ $user -gt 0 ]] || fail "the Dockerfile's USER is '$user'; a number above 0."
install -d -o "$user" -g "$user" "$work/streams"

start() {
  local listen=$1; shift
  (cd "$work/app" && exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set -all \
    env -i PATH="$PATH" HOME=/nonexistent DOTNET_ROOT="${DOTNET_ROOT:-}" "${environment[@]}" \
    Grid__Listen="http://$listen:$grpc" Grid__OperationsListen="http://127.0.0.1:$operations" Grid__SiloPort="$silo" \
    Grid__StoreDirectory="$work/streams" "$@" \
    dotnet Dass.Grid.Host.dll) >"$work/log" 2>&1 &
  host=$!
}

# Without keys the host must not start at an address that other machines can reach.
status=0
start 0.0.0.0
wait "$host" || status=$?
host=
[[ $status -eq 2 ]] || fail "without keys on 0.0.0.0 the host must stop with 2, not $status."
grep -q 'API keys' "$work/log" || fail "without keys on 0.0.0.0 the host must name what is missing."

start 127.0.0.1 Tenants__check__KeyHashes__0="$hash"

# HEALTHCHECK
deadline=$((SECONDS + 90))
until "$root/deploy/probe.sh" /healthz/ready "$operations" 2>/dev/null; do
  kill -0 "$host" 2>/dev/null || fail "the host ended before it was ready."
  ((SECONDS < deadline)) || fail "not ready after 90 s."
  sleep 0.5
done
"$root/deploy/probe.sh" /healthz/live "$operations"
if "$root/deploy/probe.sh" /no-such-page "$operations"; then fail "the probe cannot fail."; fi
curl --silent --fail "http://127.0.0.1:$operations/metrics" >"$work/metrics"
grep -q '^dass_' "$work/metrics" || fail "/metrics has no metric of the grid."
if curl --silent --fail --http2-prior-knowledge "http://127.0.0.1:$operations/healthz/ready" --output /dev/null; then
  fail "the operations port answers HTTP/2."
fi

# An empty gRPC message is five zero bytes; the trailers carry the status.
call() {
  local method=$1; shift
  head -c 5 /dev/zero | curl --silent --max-time 10 --http2-prior-knowledge --data-binary @- --dump-header "$work/headers" --output "$work/answer" \
    -H 'content-type: application/grpc' -H 'te: trailers' "$@" "http://127.0.0.1:$grpc/$method"
  sed -n 's/^grpc-status: \([0-9]*\).*/\1/p' "$work/headers"
}
[[ $(call grpc.health.v1.Health/Check) == 0 ]] || fail "gRPC health: $(cat "$work/headers")"
[[ $(od -An -tx1 "$work/answer" | tr -d ' \n') == 00000000020801 ]] || fail "gRPC health is not SERVING."
[[ $(call dass.grid.v1.Tagging/ListModels) == 16 ]] || fail "a call without a key must be UNAUTHENTICATED (16): $(cat "$work/headers")"
[[ $(call dass.grid.v1.Tagging/ListModels -H "authorization: Bearer $key") == 0 ]] || fail "a call with a key: $(cat "$work/headers")"
grep -qa 'built-in' "$work/answer" || fail "ListModels does not name the built-in model."
if grep -qF "$key" "$work/log"; then fail "the API key is in the log."; fi

# STOPSIGNAL
kill -TERM "$host"
status=0
wait "$host" || status=$?
host=
[[ $status -eq 0 ]] || fail "after SIGTERM the host stopped with $status."
echo "check-image: published, ready as user $user, answers with a key only, stops cleanly."
