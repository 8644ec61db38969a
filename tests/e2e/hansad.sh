# Nodes as processes: four on loopback, killed at will, compared; and what a start refuses.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"

# ---- the command line ----
check "help_lists_settings_and_exit_codes" sh -c "'$HANSAD' --help | grep -q -- '--disk-reserve-bytes'"
check "version_is_the_tools" sh -c "[ \"\$('$HANSAD' --version | cut -d' ' -f2)\" = \"\$('$HANSA' --version | cut -d' ' -f2)\" ]"
stops "option_that_is_none_is_wrong_usage" 2 "there is no option --bogus" --bogus
stops "nothing_given_is_wrong_usage" 2 "--genesis is missing"
stops "configuration_that_is_not_there_is_said" 5 "none.json|No such file" --config none.json
echo '{ "hansad_config": 1, "keyy": "x" }' >wrong.json
stops "unknown_field_is_named" 3 "wrong.json|keyy: unknown field" --config wrong.json

# ---- before the first start ----
stops "key_without_marker_needs_init" 4 "m0.key|no marker|--init" --config m0.json
code=0
"$HANSAD" --config m0.json --init --check >out 2>err || code=$?
problem=$(lacks out "member 1 of 4|127.0.0.1:$ports|data directory:  d0|m0.key.marker|none yet: a start makes it|bytes free|first, writes its marker, and votes")
[ "$code" -eq 0 ] || problem="exit $code; $problem"
result "check_says_what_a_first_start_would_do" "$problem"
result "and_when_it_takes_the_state_of_others" "$(lacks out 'more than 16384 blocks')"
stops "snapshots_inside_the_window_are_refused" 3 "snapshot_behind_heights: 7|window_heights" \
    --config m0.json --init --check --snapshot-behind-heights 7
check "neither_makes_anything" sh -c '! ls -d d0 m0.key.marker 2>/dev/null'
"$HANSA" keygen mallory --network demo --replica --peer 127.0.0.1:1 --client 127.0.0.1:2 >/dev/null
stops "foreign_key_is_refused" 3 "mallory|no member's" --config m0.json --key mallory.key --init
stops "participants_key_is_refused" 3 "participant 'bank'|replica's key" \
    --config m0.json --key bank.key --init
cp m0.key readable.key
chmod 644 readable.key
stops "key_that_others_can_read_is_refused" 3 "readable.key|chmod 600" \
    --config m0.json --key readable.key --init
stops "key_that_is_not_there_is_said" 5 "nokey|No such file" --config m0.json --key nokey --init
printf 'hush hush\n' >pass
chmod 600 pass
"$HANSA" keygen sealed --network demo --replica --peer 127.0.0.1:1 --client 127.0.0.1:2 \
    --passphrase-file pass >/dev/null
"$HANSA" genesis init --chain demo --out sealed.json --member sealed.key.pub --member m1.key.pub \
    --member m2.key.pub --member m3.key.pub --participant bank.key.pub >/dev/null
stops "protected_key_names_the_option" 3 "--passphrase-file|HANSA_PASSPHRASE_FILE" \
    --genesis sealed.json --key sealed.key --data ds --init
check "protected_key_opens_with_its_passphrase" "$HANSAD" --genesis sealed.json --key sealed.key \
    --data ds --init --check --passphrase-file pass --peer-bind 127.0.0.1:$((ports + 9)) \
    --client-bind 127.0.0.1:$((ports + 8))
check "passphrase_file_comes_from_the_environment" env HANSA_PASSPHRASE_FILE=pass "$HANSAD" \
    --genesis sealed.json --key sealed.key --data ds --init --check \
    --peer-bind 127.0.0.1:$((ports + 9)) --client-bind 127.0.0.1:$((ports + 8))

# ---- four nodes ----
for i in 0 1 2 3; do start $i --init; done
passes "four_nodes_find_each_other" until_true all_have "live 4"
check "submitted_transactions_commit" submit 0 40 60 7
cp out committed
passes "all_nodes_follow" until_true all_at_height_of 0
check "transactions_are_taken_by_any_node" submit 3 10 60
cat out >>committed
stops "data_directory_in_use_is_refused" 5 "d0|in use" --config m0.json
stops "check_of_a_running_node_says_in_use" 5 "in use" --config m0.json --check
stops "port_in_use_is_refused" 5 "port for replicas|127.0.0.1:$ports|in use" \
    --genesis sealed.json --key sealed.key --data ds --init --passphrase-file pass \
    --peer-bind 127.0.0.1:$ports
result "and_its_line_gives_that_cause_and_no_other" "$(lacks err 'give another address with --peer-bind')$(
    grep -o 'the file could not.*' err)"
stops "check_finds_the_port_in_use" 5 "port for clients|127.0.0.1:$((ports + 4))|in use" \
    --genesis sealed.json --key sealed.key --data ds --init --check --passphrase-file pass \
    --peer-bind 127.0.0.1:$((ports + 9)) --client-bind 127.0.0.1:$((ports + 4))
said=
metrics_say() { # WORDS: a peer that stalled is not live for a while
    timeout 60 "$CLIENT" genesis.json - 0 metrics >metrics && said=$(lacks metrics "$1") && [ -z "$said" ]
}
until_true metrics_say \
    '# TYPE hansa_height gauge|hansa_committed_txs_total 50|hansa_peer_live{peer="m1"} 1|hansa_commit_seconds_bucket{le="+Inf"}|hansa_core_drops_total{reason='
result "metrics_are_prometheus_text" "$said"
code=0
"$CLIENT" genesis.json - 0 backup refused >out 2>err || code=$?
problem=$(lacks err "does not allow")
[ "$code" -ne 0 ] || problem="${problem}it gave one"
result "backup_is_forbidden_unless_allowed" "$problem"

# ---- killed under load, one by one and all at once ----
submit 0 1500 90 16 >load.out 2>load.err &
load=$!
killed() { # its store is in use until it is gone
    signal KILL "$1"
    wait "$(cat m"$1".pid)" 2>/dev/null
}
for i in 1 2 3 0; do
    sleep 0.3
    killed $i
    start $i
done
for round in 1 2; do
    sleep 0.4
    for i in 0 1 2 3; do signal KILL $i; done
    for i in 0 1 2 3; do killed $i; done
    for i in 0 1 2 3; do start $i; done
done
code=0
wait $load || code=$?
problem=
[ "$code" -eq 0 ] || problem="exit $code: $(tail -n 1 load.out)"
result "load_goes_on_through_kills" "$problem"
cat load.out >>committed
passes "all_nodes_catch_up" until_true all_at_height_of 0
problem=
for i in 0 1 2 3; do
    end $i
    [ "$code" -eq 0 ] || problem="${problem}node $i: exit $code; "
    tail -n 1 m$i.log >out
    problem="$problem$(lacks out 'event=ended')"
done
result "sigterm_ends_each_cleanly" "$problem"
for i in 0 1 2 3; do
    check "ledger_of_node_${i}_is_sound" "$HANSA" audit d$i --genesis genesis.json
done
for i in 1 2 3; do
    check "ledgers_of_nodes_0_and_${i}_agree" "$HANSA" audit d0 --against d$i --genesis genesis.json
done
problem=
[ "$(grep -c '^committed' committed)" -eq 1550 ] || problem="not 1550 were told as committed; "
for txid in $(sed -n 's/^committed \([0-9a-f]*\) .*/\1/p' committed | awk 'NR % 50 == 1'); do
    for i in 0 3; do
        "$HANSA" tx "$txid" --dir d$i >out 2>err || problem="${problem}$txid is not in d$i; "
    done
done
result "what_was_told_as_committed_is_in_the_ledgers" "$problem"

# ---- the marker ----
stops "init_is_for_a_first_start_only" 3 "m0.key|leave --init out" --config m0.json --init
stops "another_replicas_store_is_refused" 3 "belongs to replica" --config m0.json --data d1
stops "store_of_another_genesis_is_refused" 3 "store d0|use the genesis file" \
    --config m0.json --genesis other.json
mkdir away
mv m0.key.marker away/
stops "used_store_without_marker_is_refused" 3 "has been used" --config m0.json --init
mv away/m0.key.marker .
cp m0.key.marker away/
sed -i 's/^height: /height: 1/' m0.key.marker
stops "damaged_marker_is_refused" 3 "m0.key.marker|damaged|new key" --config m0.json
cp away/m0.key.marker .
mv d3 away/
code=0
"$HANSAD" --config m3.json --check >out 2>err || code=$?
problem=$(lacks out "follows as a learner and does not vote|none yet")$(
    lacks err "would not vote|directory d3: is that the right one?|If the store is lost, this key never votes again")
[ "$code" -eq 1 ] || problem="exit $code, not 1; $problem"
result "check_of_a_lost_store_asks_whether_the_directory_is_right" "$problem"
result "and_promises_nothing_that_does_not_exist" \
    "$(lacks err 'no way yet to give the member a new one')$(grep -o 'membership change' err)"
check "its_help_says_what_that_exit_means" sh -c "'$HANSAD' --help | grep -q '^  1 .*--check: a start would follow'"
check "and_makes_nothing" test ! -e d3
for i in 0 1 2 3; do start $i; done
passes "node_with_a_lost_store_is_a_learner" until_true has 3 "is_learner 1"
tail -n 20 m3.log >out
result "it_says_so_loudly" "$(lacks out 'level=error event=learner|is that the right one?|never votes again|no way yet|votes=0')"
passes "it_follows_all_the_same" until_true all_at_height_of 0
check "three_others_go_on" submit 0 5 60
end 3
code=0
"$HANSAD" --config m3.json --check >out 2>err || code=$?
problem=$(lacks err "names another store than the one in the data directory d3: is that the right one?")
[ "$code" -eq 1 ] || problem="exit $code, not 1; $problem"
result "so_does_check_of_the_store_made_there" "$problem"
rm -rf d3
mv away/d3 .
check "check_of_its_own_store_finds_nothing_wrong" "$HANSAD" --config m3.json --check
start 3
passes "with_its_own_store_it_votes_again" until_true has 3 "is_learner 0"
passes "and_catches_up" until_true all_at_height_of 0

# ---- another genesis than the peers ----
end 3
mkdir stray
cp m3.key stray/
start 3 --genesis other.json --key stray/m3.key --data stray/d --init
chain_id() { "$HANSA" genesis show "$1" | sed -n 's/^chain id: *//p'; }
ours=$(chain_id genesis.json) theirs=$(chain_id other.json)
said() { grep -q "HELLO.*$theirs.*$ours" m0.log && grep -q "HELLO.*$ours.*$theirs" m3.log; }
passes "another_genesis_is_said_on_both_sides_with_both_digests" until_true said
end 3

# ---- a backup of a running node ----
end 2
start 2 --backups
until_true has 2 "live 3"
mkdir backup
check "backup_is_handed_out_where_allowed" timeout 60 "$CLIENT" genesis.json - 2 backup backup/data.mdb
check "backup_is_a_sound_store" "$HANSA" audit backup --genesis genesis.json
check "no_piece_of_it_is_left" sh -c '! ls d2/backup* 2>/dev/null'

# ---- an end while a client waits: it is told, and need not find out by the silence ----
end 1
end 2
submit 0 1 60 1 stay >parted.out 2>parted.err &
asker=$!
until_true has 0 "pool_txs 1"
end 0
until_true test -s parted.err
kill "$asker"
wait "$asker" 2>/dev/null
cp parted.err err
result "client_that_waits_is_told_unknown_when_its_node_ends" \
    "$(head -n 1 parted.err >first; lacks first 'node 0: unknown')"

# ---- the log: each event stands in the table of log.h, with its level ----
problem=
sed -n 's/^ts=[^ ]* level=\([a-z]*\) event=\([a-z_]*\).*/\1 \2/p' m?.log | sort -u >events
while read -r level event; do
    grep -qE "^ \*   $level +([a-z_]+, )*$event(,| |\$)" "$SOURCES/node/hansad/log.h" ||
        problem="$problem$level $event; "
done <events
for event in started peer learner backup_begun backup_made ending ended; do
    grep -q " $event\$" events || problem="${problem}no $event seen; "
done
cp events out
result "events_stand_in_the_table_with_their_levels" "$problem"
grep 'HELLO' m0.log >out
result "hello_that_does_not_hold_is_a_warning" "$(lacks out 'level=warn event=peer')$(
    grep -q 'level=info' out && echo 'one is at info')"
finish
