#!/bin/sh
# A real terminal: the PIN is typed in sealcall-ui under tmux, is never on the screen, and reaches the enclave; a wrong one
# says how many tries are left; k locks; a call that waits for the PIN gets it. pin_terminal_test.sh FAKE_PHONE UI
set -eu
fake=$1
ui=$2
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/terminal.sh"

off_screen() { ! on_screen "$1"; }
type_in() { tm send-keys -t phone -l "$1"; tm send-keys -t phone Enter; }

tm new-session -d -s phone -x 100 -y 30 /bin/sh
tm send-keys -t phone "'$fake' '$ui' '$dir/log' ascii locked" Enter
wait_for "a locked phone asks for the PIN" on_screen "Locked. PIN: _"
tm send-keys -t phone -l "open"
wait_for "keys show as stars" on_screen "PIN: ****_"
off_screen "open_" || fail "the PIN is on the screen"
tm send-keys -t phone Escape
wait_for "Escape gives up" on_screen "p PIN"
tm send-keys -t phone p
wait_for "what was typed is forgotten" on_screen "PIN: _"
type_in "a wrong one"
wait_for "the wrong PIN reached the enclave" in_log "wrong pin call=0 question=0"
wait_for "tries" on_screen "This is not the PIN. 9 tries are left"
wait_for "and it is asked again" on_screen "PIN: _"
type_in "open sesame"
wait_for "the right PIN reached the enclave" in_log "right pin call=0 question=0"
wait_for "unlocked" on_screen "k lock"
wait_for "the question" on_screen "p PIN: go on all the same"
tm send-keys -t phone p
wait_for "who, and why" on_screen "sip:dave@example.com [2]: This name used another device until now"
type_in "open sesame"
wait_for "consent" in_log "right pin call=0 question=7"
wait_for "confirmed" on_screen "Confirmed and recorded."
on_screen "go on all the same" && fail "the question is answered"
on_screen "sesame" && fail "the PIN is on the screen"
tm send-keys -t phone k
wait_for "k locks" in_log "lock call=0"
wait_for "and the PIN is asked for" on_screen "Locked. PIN: _"
grep -qa "sesame" "$dir/log" && fail "the log"
tm send-keys -t phone Escape
wait_for "Escape, alone, gives up" off_screen "PIN: _"
tm send-keys -t phone q
wait_for "quitting asks in a call" on_screen "Quit?"
tm send-keys -t phone y
wait_for "the phone ends" in_log "exit status=0"
echo "ok"
