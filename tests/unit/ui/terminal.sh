#!/bin/sh
# For tests of sealcall-ui in a real terminal, which source this: a directory and a tmux of their own, gone when they end, and
# what they ask of the screen of its session `phone`, which they begin, and of the log that they have the fake phone write.
set -eu
command -v tmux >/dev/null || { echo "tmux is not installed"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealcall-ui-tmux-XXXXXX")
# A server of our own: nobody else's sessions are touched.
tm() { env -u TMUX tmux -S "$dir/tmux" -f /dev/null "$@"; }
finish() {
    tm kill-server 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT INT TERM

screen() { tm capture-pane -p -t phone 2>/dev/null || true; }
fail() {
    echo "FAILED: $1"
    echo "--- screen"; screen
    echo "--- log"; cat "$dir/log" 2>/dev/null || true
    exit 1
}
# wait_for WHAT COMMAND...: until the command succeeds, 10 s at most
wait_for() {
    what=$1; shift
    n=0
    until "$@"; do
        n=$((n + 1))
        [ "$n" -lt 200 ] || fail "$what"
        sleep 0.05
    done
}
on_screen() { screen | grep -qF -- "$1"; }
in_log() { grep -qF -- "$1" "$dir/log" 2>/dev/null; }
