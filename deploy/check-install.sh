#!/usr/bin/env bash
# Installs dass as a person would, and uses it: deploy/check-install.sh [PACKED]
# PACKED: the folder that `deploy/install.sh --pack` has made for this machine; without it, it is made (some minutes).
# In a fresh account: install.sh, a recording, the completion of bash, zsh and fish where they are installed, and in a terminal of tmux
# what a person sees of a grid, a stream and the end of both. With the SDK: the `dotnet tool` package. Needs root, for the account.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
fail() { echo "check-install: $*" >&2; exit 1; }
[[ $EUID -eq 0 ]] || fail "makes a user account, which only root can."
command -v tmux >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends tmux >/dev/null; } || fail "tmux is missing."

work=$(mktemp -d)
account=dass-check-$$
export TMUX_TMPDIR=$work
cleanup() {
  tmux kill-server 2>/dev/null || true
  pkill -KILL -u "$account" 2>/dev/null || true
  userdel --remove "$account" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
chmod 755 "$work"
useradd --create-home --shell /bin/bash "$account"
home=$(getent passwd "$account" | cut -d: -f6)
as_person() { env -i HOME="$home" USER="$account" LANG=C.UTF-8 TERM=xterm PATH="$home/.local/bin:/usr/bin:/bin" setpriv --reuid "$account" --regid "$account" --init-groups "$@"; }

# 1. A folder that was packed, one command, no SDK.
packed=${1:-$work/packed}
[[ -n ${1:-} ]] || deploy/install.sh --pack "$packed" >/dev/null
cp deploy/install.sh tests/fixtures/babble.wav "$work"
chmod a+rX "$work"/*
as_person env DASS_PACKED="$packed" bash "$work/install.sh"
cd "$work"
as_person dass tag babble.wav --format json | grep -q '"Speech"' || fail "dass tag does not hear the speech."
as_person env DASS_PACKED="$packed" bash "$work/install.sh" >/dev/null 2>"$work/again" || fail "a second installation over the first."
grep -q 'Start what runs dass again' "$work/again" || fail "a second installation does not say that what runs must be started again."

# 2. Shells complete.
completes() { grep -qx "$2" <<<"$3" || fail "$1 does not complete to '$2' but to: $3"; }
completes bash tag "$(as_person bash -c 'eval "$(dass completion bash)"; COMP_LINE="dass t" COMP_POINT=6 COMP_WORDS=(dass t) COMP_CWORD=1
  _dass_complete; printf "%s\n" "${COMPREPLY[@]}"')"
command -v zsh >/dev/null && completes zsh tag "$(as_person zsh -fc 'compdef() { :; }; compadd() { shift; print -l -- "$@"; }; _files() { :; }
  eval "$(dass completion zsh)"; BUFFER="dass t" CURSOR=6; _dass_complete')"
command -v fish >/dev/null && completes fish tag "$(as_person fish -c 'dass completion fish | source; complete -C "dass t"')"

# 3. What a person sees, in a terminal of 110 x 30.
screen() { tmux capture-pane -p -J -t "$1"; }
until_seen() { # WINDOW TEXT
  for _ in {1..300}; do
    screen "$1" | grep -qE -- "$2" && return
    sleep 0.2
  done
  screen "$1" >&2
  fail "in the terminal nobody sees: $2"
}
typed() { tmux send-keys -t "$1" "$2" Enter; }
shell="env -i HOME=$home USER=$account LANG=C.UTF-8 TERM=tmux-256color PATH=$home/.local/bin:/usr/bin:/bin PS1='person> '"
shell+=" setpriv --reuid $account --regid $account --init-groups bash --norc"
tmux -f /dev/null new-session -d -s check -x 110 -y 30 -n grid "$shell"
tmux new-window -d -t check -n ear "$shell"
tmux new-window -d -t check -n mouth "$shell"
port=$((20000 + $$ % 20000))
typed check:grid "dass serve -- --Grid:Listen=http://127.0.0.1:$port --Grid:OperationsListen=http://127.0.0.1:$((port + 1))"
until_seen check:grid "Application started|ready"
typed check:ear "dass watch --prefix yard --from-chunk 0 --grid http://127.0.0.1:$port"
typed check:mouth "dass stream $work/babble.wav --stream-id yard --grid http://127.0.0.1:$port"
until_seen check:ear Speech
until_seen check:mouth Speech
until_seen check:mouth 'person> $'
tmux send-keys -t check:grid C-c
until_seen check:grid 'person> $'
screen check:grid >"$work/grid.txt"
! grep -E 'Unhandled|^ +at |fail:|warn:|crit:' "$work/grid.txt" || fail "a grid that starts, serves and ends says the lines above."

# 4. The package of `dotnet tool`.
if command -v dotnet >/dev/null; then
  cd "$OLDPWD"
  DOTNET_NOLOGO=1 dotnet pack src/Dass.Grid.Cli --configuration Release --output "$work/packages" -v q
  dotnet tool install dass --tool-path "$work/tool" --source "$work/packages" --prerelease >/dev/null
  (cd "$work" && tool/dass tag babble.wav --format json | grep -q '"Speech"') || fail "the tool does not hear the speech."
fi
echo "check-install: installed, completed, seen, packed as a tool."
