#!/bin/sh
# A real terminal: sealcall-ui under tmux shows the incoming-call card, and the key `a` reaches the enclave as Answer.
# terminal_test.sh FAKE_PHONE UI
set -eu
fake=$1
ui=$2
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/terminal.sh"

tm new-session -d -s phone -x 80 -y 24 /bin/sh
stty_before='icanon'
tm send-keys -t phone "stty -a > '$dir/before'; '$fake' '$ui' '$dir/log' ascii; echo left=\$?; stty -a > '$dir/after'" Enter

wait_for "the card is shown" on_screen "Incoming call"
on_screen "restricted" || fail "label"
on_screen "<sip:alice@example.com>" || fail "proven name"
on_screen "verified by Example Corp" || fail "who vouches"
on_screen "[2] Measured LAB" || fail "level with LAB"
on_screen "a answer   r refuse" || fail "keys"
on_screen "Encrypted from phone to phone" || on_screen "Will be encrypted from phone to phone" || fail "protection"
screen | grep -q "Alice Liddell" && fail "a display name on the card of a proven caller"

# A shape never comes alone: the colour is there as well.
tm capture-pane -e -p -t phone | grep -qF "$(printf '\033[33m')" || fail "colour of level 2"

tm resize-window -t phone -x 44 -y 24
wait_for "the card fits a narrow window" on_screen "a answer"
tm resize-window -t phone -x 80 -y 24
sleep 0.5
tm send-keys -t phone x
tm send-keys -t phone a
wait_for "Answer reached the enclave" in_log "answer call=1 microphone=1"
wait_for "the call line" on_screen "alice  00:0"
wait_for "protection in the call line" on_screen "end to end"
tm send-keys -t phone i
wait_for "details" on_screen "What they see of you"
on_screen "[1] Known device" || fail "the other side's view"
tm send-keys -t phone i
tm send-keys -t phone o
wait_for "hold" in_log "hold call=1 on=1"
wait_for "hold shows" on_screen "on hold"
tm send-keys -t phone o
wait_for "resume" in_log "hold call=1 on=0"
tm send-keys -t phone q
wait_for "quitting asks in a call" on_screen "Quit?"
tm send-keys -t phone n
in_log "quit" && fail "quit without a yes"
tm send-keys -t phone h
wait_for "hang up" in_log "hangup call=1"
wait_for "the summary" on_screen "You hung up."
tm send-keys -t phone d
wait_for "the dial prompt" on_screen "Call: "
tm send-keys -t phone -l "carol@example.com"
tm send-keys -t phone Enter
wait_for "Dial" in_log "uri=sip:carol@example.com"
wait_for "why not" on_screen "The other phone could not be reached."
tm send-keys -t phone q
wait_for "the phone ends" in_log "exit status=0"
wait_for "the shell is back" test -s "$dir/after"
# speed lines and window size may differ; modes must not
modes() { tr -s ' ;' '\n' < "$1" | grep -E '^-?(icanon|echo|isig|ixon|icrnl|iexten|opost)$' | sort; }
[ "$(modes "$dir/before")" = "$(modes "$dir/after")" ] || fail "the terminal is not as it was"
grep -q "$stty_before" "$dir/after" || fail "stty"
wait_for "the old screen is back" on_screen "left=0"
on_screen "Incoming call" && fail "the phone's screen was left behind"

# Killed by a signal, it still gives the terminal back.
rm -f "$dir/after" "$dir/log"
tm send-keys -t phone "'$fake' '$ui' '$dir/log' unicode; stty -a > '$dir/after'" Enter
wait_for "a second card" on_screen "Incoming call"
on_screen "▲ 2 Measured LAB" || fail "the shape"
pid=$(pgrep -P "$(pgrep -P "$(tm list-panes -t phone -F '#{pane_pid}')" | head -n 1)" | head -n 1)
kill -TERM "$pid"
wait_for "quit by signal" in_log "quit call=0"
wait_for "the shell is back after a signal" test -s "$dir/after"
[ "$(modes "$dir/before")" = "$(modes "$dir/after")" ] || fail "the terminal is not as it was after a signal"
echo "ok"
