#!/usr/bin/env bash
# For tests of `sealcall` as administrators run it, which source this with its path as their first argument: directories of
# their own, gone when they end, and what they expect of its JSON. They end with the status $failed.
# shellcheck disable=SC2034
set -u
sealcall=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state XDG_RUNTIME_DIR=$work/run
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
failed=0

# expect STATUS ARGUMENTS...: the status must be so, and the output JSON.
expect() {
  local wanted=$1 got
  shift
  "$sealcall" "$@" --json >"$work/out" 2>"$work/err" </dev/null
  got=$?
  if ((got != wanted)); then
    echo "FAILED: $* ended with $got, not $wanted"; cat "$work/out" "$work/err"; failed=1
  fi
  python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$work/out" || { echo "FAILED: $*: no JSON"; failed=1; }
}
# holds EXPRESSION: of the last answer, `a`.
holds() {
  python3 -c 'import json,sys; a=json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$work/out" "$1" ||
    { echo "FAILED: not so: $1"; cat "$work/out"; failed=1; }
}
