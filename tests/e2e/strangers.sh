# Strangers at both ports of nodes that work: garbage, lengths that are lies, silence, half messages,
# and more connections than there are descriptors. Nodes stay up, within bounds of memory and
# descriptors, payments go on, and honest clients and replicas get through meanwhile.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
stranger() { timeout 120 /usr/bin/python3 "$SOURCES/tests/e2e/strangers.py" "$@"; }
port() { # KIND I
    case $1 in peer) echo $((ports + $2)) ;; client) echo $((ports + 4 + $2)) ;; esac
}
# Those that hold their connections do so until their standard input, a pipe of ours, ends.
mkfifo gate
held=0
hold() { # WHAT KIND COUNT: at node 0
    held=$((held + 1))
    /usr/bin/python3 "$SOURCES/tests/e2e/strangers.py" "$1" "$2" "$(port "$2" 0)" "$3" \
        <gate >held.$held 2>&1 9>&- &
    holders="$holders $!"
}
open_gate() { holders= && held=0 && rm -f held.*; }
all_hold() {
    for number in $(seq 1 $held); do grep -q held held."$number" || return 1; done
}
let_go() {
    exec 9>&-
    # shellcheck disable=SC2086
    wait $holders
    open_gate
}
rss_kib() { sed -n 's/^VmRSS:[ \t]*\([0-9]*\) kB/\1/p' "/proc/$(cat m0.pid)/status"; }
descriptors() { find "/proc/$(cat m0.pid)/fd" -mindepth 1 | wc -l; }
# stays_below NAME NUMBER MOST UNIT
stays_below() {
    [ "$2" -gt 0 ] && [ "$2" -lt "$3" ] && problem= || problem="$2 $4, not below $3"
    result "$1" "$problem"
}
all_run() {
    for i in 0 1 2 3; do
        [ "$(readlink "/proc/$(cat m$i.pid)/exe")" = "$HANSAD" ] || return 1
    done
}

trap 'exit 1' HUP INT PIPE TERM
ulimit_low() { (ulimit -n 500 && "$HANSAD" --config m0.json --init); }
code=0
ulimit_low >out 2>err || code=$?
problem=$(lacks err 'the limit of open files is 500|LimitNOFILE')
[ "$code" -eq 5 ] || problem="${problem}exit $code, not 5"
result "too_few_descriptors_are_said_at_the_start" "$problem"

for i in 0 1 2 3; do start $i --init; done
passes "four_nodes_find_each_other" until_true all_have "live 4"
check "transactions_commit" submit 0 20 60
open_gate

# ---- bytes that end a connection ----
for kind in peer client; do
    for what in noise other huge above; do
        check "${what}_at_the_${kind}_port_ends_its_connection" stranger $what $kind "$(port $kind 0)" 20
    done
    check "frames_at_the_${kind}_port_are_taken_and_dropped" stranger frames $kind "$(port $kind 0)" 5
done
check "transactions_go_on" submit 0 20 60

# ---- memory ----
announced=100 half=60
quiet_kib=$(rss_kib)
exec 9<>gate
hold announced peer $announced
hold announced client $announced
passes "many_announce_the_longest_frame" until_true all_hold
check "transactions_commit_meanwhile" submit 0 50 60
stays_below "what_is_announced_takes_no_memory" "$(rss_kib)" $((quiet_kib + 24 * 1024)) KiB
hold half peer $half
hold half client $half
passes "many_send_half_of_it" until_true all_hold
check "transactions_commit_all_the_same" submit 0 50 60
# Half a frame is 544 KiB.
stays_below "what_is_sent_takes_as_much_and_no_more" "$(rss_kib)" \
    $((quiet_kib + 2 * half * 544 + 32 * 1024)) KiB
let_go
few_descriptors() { [ "$(descriptors)" -lt 60 ]; }
passes "their_connections_end_with_them" until_true few_descriptors
let_come_and_go() {
    for round in 1 2 3; do
        exec 9<>gate
        hold half client $half
        until_true all_hold || return 1
        let_go
        until_true few_descriptors || return 1
    done
}
once_kib=$(rss_kib)
passes "they_come_again_and_again" let_come_and_go
stays_below "which_takes_no_more_memory_each_time" "$(rss_kib)" $((once_kib + half * 544 + 32 * 1024)) KiB

# ---- more connections than descriptors ----
exec 9<>gate
hold silent client 200
hold greeting peer 200
hold announced client 700
hold announced peer 700
passes "they_hold_as_many_as_they_can" until_true all_hold
passes "the_log_says_so" until_true grep -q 'event=crowd connections=.* firewall' m0.log
some_are_left() { [ "$(descriptors)" -lt 700 ]; }
passes "descriptors_are_left" until_true some_are_left
timeout 150 "$CLIENT" genesis.json bank.key 0 20 120 16 stay >out 2>err && problem= || problem="exit $?"
result "honest_clients_get_through" "$problem"
signal KILL 3
wait "$(cat m3.pid)" 2>/dev/null
start 3 9>&- # it would hold the gate open
passes "a_replica_that_starts_gets_through" until_true all_have "live 4"
check "transactions_commit_in_the_crowd" submit 1 50 60
passes "all_nodes_follow" until_true all_at_height_of 0
let_go

# ---- afterwards ----
passes "the_crowd_goes_and_nothing_of_it_stays" until_true few_descriptors
passes "all_nodes_run" all_run
check "and_take_transactions" submit 2 20 60
problem=
for i in 0 1 2 3; do
    end $i
    [ "$code" -eq 0 ] || problem="${problem}node $i: exit $code; "
done
result "and_end_cleanly" "$problem"
check "the_ledger_is_sound" "$HANSA" audit d0 --genesis genesis.json
finish
