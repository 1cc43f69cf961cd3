#!/usr/bin/env bash
# Exit status 0 when the host answers 200: probe.sh [PATH [PORT]]
# Plain bash, since the runtime image has no HTTP client.
set -euo pipefail

path=${1:-/healthz/ready}
port=${2:-5231}

exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$path" >&3
read -r -t 5 _ status _ <&3
echo "$path: $status"
[[ $status == 200 ]]
