# Programs of other versions of the protocols, between replicas and with clients, and of another
# chain: both sides say so with both values, and the others go on.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
PEER=$BUILD/tests/programs/other_peer
chain_id() { "$HANSA" genesis show "$1" | sed -n 's/^chain id: *//p'; }
ours=$(chain_id genesis.json)
foreign() { # WORDS...: the client in Python, at node 0
    timeout 120 /usr/bin/python3 "$SOURCES/tests/e2e/foreign_client.py" genesis.json "$ours" 0 "$@"
}
# answers NAME 'line|line' WORDS...: exactly these lines.
answers() {
    name=$1 words=$2
    shift 2
    problem=
    foreign "$@" >out 2>err || problem="exit $?; "
    printf '%s\n' "$words" | tr '|' '\n' | cmp -s - out || problem="${problem}not $words"
    result "$name" "$problem"
}
# A helper of this script in m3's place: KIND WORDS...
instead_of_m3() {
    "$@" >m3.words 2>&1 &
    echo $! >helper.pid
}
end_helper() {
    kill -KILL "$(cat helper.pid)" && wait "$(cat helper.pid)" 2>/dev/null
    rm -f helper.pid
}
trap '[ ! -e helper.pid ] || end_helper; kill_all; rm -rf "$WORK"' EXIT

trap 'exit 1' HUP INT PIPE TERM

for i in 0 1 2; do start $i --init; done
passes "three_nodes_find_each_other" until_true has 0 "live 3"
check "and_take_transactions" submit 0 20 60

# ---- a replica of other versions ----
instead_of_m3 "$PEER" genesis.json m3.key 7 9
said_by() { # FILE its ours
    grep -q "versions $2 of the protocol, we speak $3: upgrade the older program" "$1"
}
passes "node_says_which_versions_a_peer_speaks" until_true said_by m0.log "7 to 9" "1 to 1"
passes "all_nodes_say_so" until_true said_by m2.log "7 to 9" "1 to 1"
passes "that_peer_hears_which_versions_we_speak" until_true said_by m3.words "1 to 1" "7 to 9"
problem=$(grep 'live' m3.words)
result "no_session_comes_of_it" "$problem$(until_true has 0 'live 3' || echo 'not three are live')"
check "the_others_go_on" submit 1 20 60
end_helper
instead_of_m3 "$PEER" genesis.json m3.key 1 9
passes "versions_that_overlap_make_a_session" until_true grep -q "session live" m3.words
passes "for_both_sides" until_true has 0 "live 4"
end_helper

# ---- a replica of another genesis ----
mkdir stray
cp m3.key stray/
start 3 --genesis other.json --key stray/m3.key --data stray/d --init
theirs=$(chain_id other.json)
said() {
    for i in 0 1 2; do
        grep -q "HELLO in its name is of chain id $theirs, ours is $ours: compare the genesis" m$i.log || return 1
    done
    grep -q "HELLO in its name is of chain id $ours, ours is $theirs: compare the genesis" m3.log
}
passes "another_genesis_is_said_by_all_with_both_chain_ids_and_the_file" until_true said
check "and_the_others_pay_on" submit 2 20 60
end 3
[ "$code" -eq 0 ] && problem= || problem="exit $code"
result "the_stray_node_runs_on_and_ends_cleanly" "$problem"
start 3 --init
passes "with_the_right_genesis_it_joins" until_true all_have "live 4"

# ---- clients of other versions ----
foreign request 0104 >out 2>err
result "client_written_from_the_headers_is_served" "$(lacks out 'version 1, type 4, ok')"
answers "client_of_another_version_is_told_ours" \
    "version 1, type 0, malformed, 0 bytes more|version 1, type 0, malformed, 0 bytes more" \
    request 0204 0004
passes "and_the_log_names_both_versions" \
    until_true grep -q 'event=client_version its=2 ours=1 words=.*upgrade the older' m0.log
answers "requests_that_are_none_are_told_so" \
    "version 1, type 0, malformed, 0 bytes more|version 1, type 0, malformed, 0 bytes more|version 1, type 0, malformed, 0 bytes more|version 1, type 0, malformed, 0 bytes more" \
    request 01 01ff 010400 0101ffffffff
check "they_spoil_nothing_for_others" submit 0 20 60
lying m3 version
patiently refused "tool_says_which_version_a_node_speaks" 7 \
    "m3 (|speaks version 9 of the protocol, we speak 1: upgrade the older program" \
    participants --genesis genesis.json --node "m3@127.0.0.1:$fake_port" --timeout 1
stop_lying
finish
