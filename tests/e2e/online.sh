# The tool against running nodes: sending, reading, status, backup; silent nodes and lying ones.
. "$(dirname "$0")/lib.sh"
HANSAD=$BUILD/hansad
FAKE=$BUILD/tests/programs/fake_node
SECONDS_MAX=120
# Nine in a row that nobody has, below those that the system gives to connections.
ports=$(/usr/bin/python3 -c '
import os, socket
for start in range(20000 + os.getpid() % 1000 * 10, 32000, 10):
    try:
        held = [socket.socket() for i in range(9)]
        for i in range(9): held[i].bind(("127.0.0.1", start + i))
        print(start)
        break
    except OSError: pass')
fake_port=$((ports + 8))
unset HANSA_GENESIS HANSA_NODE HANSA_KEY
trap 'kill_all; rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT PIPE TERM

# ---- four nodes on loopback ----
for i in 0 1 2 3; do
    "$HANSA" keygen m$i --network demo --replica --peer 127.0.0.1:$((ports + i)) \
        --client 127.0.0.1:$((ports + 4 + i)) >/dev/null
done
for name in bank alice bob; do "$HANSA" keygen $name --network demo >/dev/null; done
"$HANSA" keygen alice --network demo --out alice-2.key >/dev/null
"$HANSA" keygen stranger --network demo >/dev/null
"$HANSA" genesis init --chain demo --out genesis.json --member m0.key.pub --member m1.key.pub \
    --member m2.key.pub --member m3.key.pub --participant bank.key.pub \
    --participant alice.key.pub --participant bob.key.pub --asset CZK:2:bank \
    --balance bank/main=1000.00:CZK --parameter pipeline_heights=2 --parameter checkpoint_every_heights=4 \
    --parameter window_heights=8 >/dev/null
"$HANSA" genesis init --chain demo --out other.json --members 4 --keys-dir other-keys >/dev/null

# start I WORDS...: node I in the background; its log is mI.log.
start() {
    i=$1
    shift
    "$HANSAD" --genesis genesis.json --key m"$i".key --data d"$i" --backups --map-bytes 1073741824 \
        --disk-reserve-bytes 1048576 --verify-threads 1 "$@" 2>>m"$i".log &
    echo $! >m"$i".pid
}
# signal SIGNAL NAME: to the process that we started under this name, if it is there.
signal() {
    [ ! -s "$2".pid ] || kill -"$1" "$(cat "$2".pid)" 2>/dev/null
}
kill_all() {
    for name in m0 m1 m2 m3 fake; do
        signal CONT $name
        signal KILL $name
    done
    wait 2>/dev/null
}
# lying LIE: m3 tells it, at the port of the fakes, over what m1 says.
lying() {
    signal KILL fake
    wait "$(cat fake.pid 2>/dev/null)" 2>/dev/null
    : >fake.out
    "$FAKE" genesis.json m3.key 127.0.0.1:$fake_port 1 "$1" >fake.out 2>>fake.log &
    echo $! >fake.pid
    until_true grep -q '^ready' fake.out
}
until_true() {
    tries=$((SECONDS_MAX * 5))
    until "$@" >out 2>err; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}
# together JSON-CONDITION: all four work together, hear each other, and this holds of their STATUS d.
together() {
    "$HANSA" status --json >together.json && /usr/bin/python3 -c '
import json, sys
d = json.load(open("together.json"))
sys.exit(not (d["working"] == 4 and all(n["peers_live"] == 3 for n in d["nodes"]) and eval(sys.argv[1])))' "$1"
}
# All have what was committed so far: any of them may be asked.
level() { until_true together 'len({n["durable_height"] for n in d["nodes"]}) == 1'; }
passes() { # NAME COMMAND...
    name=$1
    shift
    problem=
    "$@" || problem="failed: $*"
    result "$name" "$problem"
}
# says NAME EXIT 'out words' 'err words' WORDS...: for what speaks on both.
says() {
    name=$1 want=$2 out_words=$3 err_words=$4
    shift 4
    run "$@"
    problem=
    [ "$code" -eq "$want" ] || problem="exit $code, not $want; "
    [ -z "$out_words" ] || problem="$problem$(lacks out "$out_words")"
    [ -z "$err_words" ] || problem="$problem$(lacks err "$err_words")"
    result "$name" "$problem"
}

# ---- before there is a node ----
g="--genesis genesis.json"
# shellcheck disable=SC2086
{
refused "without_genesis_and_dir_it_is_said_what_to_give" 2 "--genesis FILE|HANSA_GENESIS|--dir DIR" account bank/main
refused "dir_and_node_exclude_each_other" 2 "give one of them" account bank/main --dir d0 --node 0
refused "status_without_genesis" 2 "--genesis FILE is missing" status
says "one_node_that_does_not_answer_is_named" 7 "" "m0 does not answer: nobody listens at its address" \
    status $g --node m0
refused "one_node_without_evidence_to_give_is_named" 7 "m0 does not answer" evidence list $g --node m0 --timeout 1
refused "unknown_member" 3 "'m9' in the genesis; did you mean" account bank/main $g --node m9
refused "unknown_address" 3 "NAME@HOST:PORT" account bank/main $g --node 10.0.0.1:1
# Nobody listens: that is known long before the time is over.
refused "that_nobody_listens_is_said_node_by_node" 7 "m0 (127.0.0.1:$((ports + 4))): nobody listens there|m3 (" \
    account bank/main $g --timeout 600
says "status_of_nobody" 7 "m0 |:$((ports + 4)): nobody listens there" \
    "none of 4 nodes answers: nobody listens at their addresses" status $g --timeout 600
shown "status_of_nobody_is_json_too" 'all(n["refused"] and not n["answers"] for n in d["nodes"])' \
    status $g --timeout 600 --json
HANSA_TIMEOUT=0 refused "time_from_the_environment_is_judged" 2 "HANSA_TIMEOUT must be|'0'" metrics $g
HANSA_TIMEOUT=1 refused "and_counts_where_none_is_given" 5 "no answer within 1 s" transfer $g --key bank.key \
    --from bank/main --to alice/main --amount 1.00 --asset CZK
refused "transfer_to_nobody_sends_nothing_and_says_so" 5 \
    "nothing was sent, so give the command again once nodes answer: no answer within 1 s: m0 (" transfer $g \
    --key bank.key --from bank/main --to alice/main --amount 1.00 --asset CZK --timeout 1
run transfer $g --key bank.key --from bank/main --to alice/main --amount 1.00 --asset CZK --timeout 1 --json
cp err out
json "in_json_too" 'd["error"]["exit"] == "environment" and d["error"]["details"] == {"sent": False}'
# interrupted_by SIGNAL WORDS...: the exit of the command when it is signalled once it watches for that.
interrupted_by() {
    signal=$1
    shift
    "$HANSA" "$@" >out 2>err &
    watching=$!
    until_watching || echo "it does not watch; "
    kill -"$signal" $watching
    code=0
    wait $watching || code=$?
}
until_watching() {
    tries=$((SECONDS_MAX * 20))
    until grep -q '^SigCgt:.*[4-7c-f]..[2367abef]$' /proc/$watching/status; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}
pay_nobody="transfer $g --key bank.key --from bank/main --to alice/main --amount 1.00 --asset CZK --timeout 600"
interrupted_by TERM $pay_nobody
result "interrupted_before_it_sends_it_says_so" "$(lacks err 'hansa: transfer: interrupted: nothing was sent')$([ $code -eq 5 ] || echo "exit $code")"
interrupted_by TERM $pay_nobody --json
cp err out
json "and_in_json" 'd["error"]["code"] == "interrupted" and d["error"]["exit_code"] == 5 and
    d["error"]["details"] == {"sent": False}'
refused "backup_of_nobody_is_told_at_once" 7 \
    "hansa: backup: m0 (127.0.0.1:$((ports + 4))): nobody listens there: is it running?" \
    backup none $g --node m0 --timeout 600
check "and_leaves_nothing" sh -c '[ ! -e none ] && [ ! -e none.part ]'
run sign transfer --key bank.key $g --nonce 1 --from bank/main --to alice/main --amount 100.00 \
    --asset CZK --out pay.tx
txid=$(sed -n 's/^txid: *//p' out)
says "outcome_is_unknown_when_nobody_answers" 7 "txid:            $txid" \
    "the outcome of transaction $txid is unknown: run \`hansa wait $txid\`" submit pay.tx $g --timeout 1
run submit pay.tx $g --timeout 1 --json
cp err said
check "json_says_on_stderr_what_is_being_sent" /usr/bin/python3 -c '
import json, sys
lines = open("said").read().splitlines()
assert len(lines) == 2, lines
assert json.loads(lines[0]) == {"sending": {"txid": sys.argv[1], "nonce": 1}}, lines[0]
d = json.loads(lines[1])["error"]
assert d["exit"] == "unknown" and d["details"]["txid"] == sys.argv[1], d' "$txid"

# ---- sending ----
for i in 0 1 2 3; do start $i --init; done
HANSA_GENESIS=$PWD/genesis.json
export HANSA_GENESIS
until_true together True || {
    echo "not ok four_nodes_work_together"
    tail -n 3 m?.log
    exit 1
}
says "status_shows_all_nodes" 0 "quorum 3|m0 |m3 |primary|4 of 4 work together in view" "" status $g
sed -n '/^node /,/^$/p' out >table
check "its_table_fits_a_terminal" /usr/bin/python3 -c '
lines = open("table").read().split("\n")
assert len(lines) > 5 and all(len(line) <= 80 for line in lines), lines'
run status $g --json
json "status_is_json_too" 'd["holds"] and d["primary"] == "m0" and d["primary_works"] and d["quorum"] == 3 and d["working"] == 4 and
    [n["name"] for n in d["nodes"]] == ["m0", "m1", "m2", "m3"] and
    d["clocks_hold"] and all(n["takes_transactions"] and n["peers_live"] == 3 and
    abs(n["clock_skew_ms"]) <= n["clock_uncertain_ms"] + 2000 and
    not any("clock_skew_ms" in p for p in n["peers"]) for n in d["nodes"])'
accepted "submitted_file_is_committed_and_proven" "$txid|at height 1, index 0, signed by 3 of 4 members|'pay.receipt'" \
    submit pay.tx $g --receipt pay.receipt
accepted "its_receipt_holds" "has committed transaction|$txid" receipt verify pay.receipt $g
accepted "submitted_again_it_is_the_same" "at height 1, index 0" submit pay.tx $g --node 2
accepted "wait_finds_it" "at height 1, index 0" wait "$txid" $g --node 3
accepted "receipt_get_writes_it" "verified" receipt get "$txid" $g --out again.receipt --node m1
check "receipts_are_of_one_transaction" cmp -s -n 200 pay.receipt again.receipt
refused "existing_receipt_is_refused_before_sending" 5 "pay.receipt" submit pay.tx $g --receipt pay.receipt
nobody=$(printf 'ab%.0s' $(seq 32))
refused "receipt_of_nothing" 4 "no node that was asked has a receipt" receipt get "$nobody" $g --out no.receipt
patiently says "wait_for_nothing_is_unknown" 7 "" "$nobody is unknown|after " wait "$nobody" $g --timeout 1
flip pay.tx -1 bad.tx
refused "bad_signature_is_not_sent" 1 "'bad.tx': not sent" submit bad.tx $g
refused "foreign_chain_is_no_transaction_here" 1 "not sent" submit pay.tx --genesis other.json

HANSA_KEY=$PWD/bank.key HANSA_NODE=m1,m2
export HANSA_KEY HANSA_NODE
accepted "environment_makes_commands_short" "txid:|committed:" transfer --from bank/main \
    --to bob/main --amount 2.50 --asset CZK
level
accepted "account_shows_it" "897.50 CZK|word of node m" account bank/main
run account bank/main --json
json "account_is_json_too" 'd["node"] in ("m1", "m2") and d["certified"] is False and
    d["balances"][0]["amount"] == "897.50" and d["height"] == 2'
accepted "issue_is_committed" "committed:" issue --to bank/main --amount 5.00 --asset CZK
accepted "redeem_is_committed" "committed:" redeem --from bank/main --amount 5.00 --asset CZK
accepted "record_is_put" "committed:" record put --topic bill --record-key 7 --data 'one two'
accepted "record_is_got" "one two|version:         1" record get bank bill 7
printf 'one two' >bill
accepted "record_is_verified" "Yes:" record verify bill bank bill 7
accepted "record_history_is_shown" "version:         1" record history bank bill 7
accepted "key_is_added" "committed:" key add --key alice.key --new-key alice-2.key
accepted "key_show_asks_a_node" "active at height|next nonce:      1|certified:       no: it is the word of node m1" \
    key show alice-2.key --node m1
run key show alice-2.key --node m1 --json
json "and_says_whose_word_it_is_in_json" 'd["ledger"]["node"] == "m1" and d["ledger"]["certified"] is False and
    "word of node m1" in d["ledger"]["not_certified_because"] and d["ledger"]["next_nonce"] == 1'
accepted "also_of_a_key_that_it_does_not_know" "unknown at height|certified:       no: it is the word of node m1" \
    key show stranger.key --node m1
accepted "but_not_of_a_member_which_stands_in_the_genesis" "member 2 of the chain" key show m2.key --node m1
check "of_which_nothing_is_vouched_for" sh -c '! grep -q "^certified:" out'
accepted "key_is_revoked" "committed:" key revoke --key alice-2.key --revoke alice.key.pub
says "revoked_key_signs_no_more" 6 "" "the key was revoked, for ever" transfer --key alice.key \
    --from alice/main --to bob/main --amount 1.00 --asset CZK
says "refused_transaction_says_why" 6 "txid:" "refuses transaction|the balance is too low|the next command of this key uses it" \
    transfer --from bank/main --to bob/main --amount 9999.00 --asset CZK
nonce=$("$HANSA" key show bank.key.pub --node m1 | sed -n 's/^next nonce: *//p')
run sign transfer --key bank.key $g --nonce "$nonce" --from bank/main --to bob/main \
    --amount 9999.00 --asset CZK --out much.tx
says "refused_file_can_be_sent_again" 6 "txid:" "the same bytes may commit later (hansa submit)|hansa cancel" submit much.tx
says "refusal_is_json_too" 6 "" '"verdict": "overdraft"|"outcome": "refused"' transfer \
    --from bank/main --to bob/main --amount 9999.00 --asset CZK --json
accepted "cancel_closes_the_nonce" "committed:" cancel
run sign cancel --key bank.key $g --nonce 2 --out late.tx
says "used_nonce_is_rejected_for_good" 6 "txid:" "for good: its nonce was used by transaction" submit late.tx

# ---- reading ----
level
accepted "history_is_shown" "balance|opening:|transfer to alice/main|transfer to bob/main" history bank/main
accepted "history_goes_on_from" "-2.50 CZK" history bank/main --from 2 --limit 1
accepted "assets_are_listed" "CZK:|supply" assets
accepted "participants_are_listed" "alice:|bank:|bob:" participants
accepted "block_is_shown" "certificate:     commit at height|$txid" block 1
accepted "head_is_shown" "cancel" block head
refused "block_by_digest_needs_a_directory" 3 "give a HEIGHT" block "$nobody"
refused "block_beyond_the_head" 4 "node m|the newest is at" block 99
accepted "tx_is_shown_and_proven" "signed by|participant:     bank" tx "$txid" --receipt tx.receipt
accepted "its_receipt_holds_too" "has committed" receipt verify tx.receipt $g
refused "tx_that_is_not_there" 4 "hansa wait $nobody" tx "$nobody"
refused "account_that_is_not_there" 4 "node m|there is no account 'bob/x'" account bob/x
accepted "metrics_are_text" "# TYPE " metrics --node m2
run metrics --node m2 --json
json "metrics_are_json_too" 'd["node"] == "m2" and d["metrics"]["hansa_committed_txs_total"] > 0 and
    d["metrics"]["hansa_peer_live{peer=\"m1\"}"] == 1 and
    d["metrics"]["hansa_commit_seconds_sum"] > 0 and
    all(isinstance(v, (int, float)) for v in d["metrics"].values())'
accepted "backup_is_made" "'copy'|next:" backup copy --node m2
accepted "backup_is_audited" "Everything holds." audit copy $g
accepted "backup_is_read_like_a_directory" "certified:" account bank/main --dir copy
refused "existing_directory_is_no_backup" 5 "'copy': it exists already" backup copy --node m2
refused "backup_is_of_one_node" 2 "--node" backup copy-2

# ---- lying nodes: m3's place is taken by one ----
unset HANSA_NODE
fake="m3@127.0.0.1:$fake_port"
# after LIE NAME EXIT 'words' WORDS...
after() {
    lie=$1
    shift
    lying "$lie"
    refused "$@"
}
lying none
accepted "honest_fake_is_believed" "word of node m3" account bank/main --node "$fake"
after silent "silent_node_is_named" 7 "m3 (127.0.0.1:$fake_port) is silent" account bank/main --node "$fake" --timeout 1
lying silent
accepted "silent_node_is_passed_over" "word of node m1" account bank/main --node "$fake" --node m1
accepted "silent_node_holds_up_nothing" "committed:" transfer --from bank/main --to bob/main \
    --amount 1.00 --asset CZK --node "$fake" --node m1
lying garbage
patiently refused "garbage_is_no_answer" 7 "its answer is no reply to this" account bank/main --node "$fake" --timeout 1
lying busy
patiently refused "busy_node_is_named" 7 "too much to do" account bank/main --node "$fake" --timeout 1
accepted "busy_node_is_passed_over" "committed:" transfer --from bank/main --to bob/main \
    --amount 1.00 --asset CZK --node "$fake" --node m1
lying knows_nothing
accepted "node_that_knows_nothing_is_passed_over" "committed:" transfer --from bank/main --to bob/main \
    --amount 1.00 --asset CZK --node "$fake" --node m1
three="--node $fake --node m0 --node m1"
pay_one="transfer --from bank/main --to bob/main --amount 1.00 --asset CZK"
for lie in nonce_used nonce_ahead; do
    lying $lie
    accepted "no_${lie}_is_believed_when_a_quorum_answers" "committed:" $pay_one $three
    result "nor_is_it_by_anybodys_word_$lie" "$(grep 'by the word' out)"
done
accepted "of_two_the_lower_is_taken_and_said_to_be_theirs" \
    ", by the word of |m1|m3|alone: fewer than 3 nodes answer|committed:" $pay_one --node "$fake" --node m1
shown "a_quorums_nonce_is_said_to_be_agreed_on" 'd["outcome"] == "committed"' $pay_one $three --json
cp err said
check "before_it_is_sent" grep -q '^{"sending":.*"nonce_agreed":true}' said
lying nonce_used
says "one_that_lies_alone_is_named_and_costs_nothing" 6 "txid:|, by the word of m3 alone: fewer than 3 nodes answer" \
    "for good: its nonce was used by" $pay_one --node "$fake"
says "in_json_too" 6 "" '"nonce_agreed":false,"nonce_words":"by the word of m3 alone: ' $pay_one --node "$fake" --json
lying all_is_committed
says "committed_without_a_receipt_is_not_believed" 7 "txid:" "no receipt proves it|hansa wait" transfer \
    --from bank/main --to bob/main --amount 1.00 --asset CZK --node "$fake"
after receipt "broken_receipt_is_not_written" 1 "the receipt from m3 |does not hold" receipt get "$txid" \
    --node "$fake" --out broken.receipt
check "and_there_is_no_file" test ! -e broken.receipt
lying receipt
accepted "another_nodes_receipt_is_taken" "verified" receipt get "$txid" --node "$fake" --node m1 \
    --out other.receipt
after receipt "tx_with_a_broken_receipt" 1 "node m3 " tx "$txid" --node "$fake"
after block "broken_block_is_refused" 1 "node m3 |do not give the header" block 1 --node "$fake"
after certificate "broken_certificate_is_refused" 1 "node m3 |a signature is wrong" block 1 --node "$fake"
after order "names_out_of_order_are_refused" 1 "not in order" participants --node "$fake"
after end "endless_list_is_refused" 1 "node m3 " participants --node "$fake"
after value "balance_that_its_history_does_not_give" 1 "node m3 " history bank/main --node "$fake"
lying clock
says "clock_that_is_off_is_said_in_words" 0 \
    "the clock of m3 is |s ahead of the one here, and the chain bears 5 s|set it by NTP" "" status \
    --node "$fake" --node m1
run status --node "$fake" --node m1 --json
json "clock_that_is_off_is_in_json_too" 'not d["clocks_hold"] and d["clock_limit_ms"] == 5000 and
    abs(d["nodes"][0]["clock_skew_ms"] - 60000) <= d["nodes"][0]["clock_uncertain_ms"] + 2000 and
    not d["nodes"][0]["clock_holds"] and d["nodes"][1]["clock_holds"]'
after metrics "metrics_that_talk_to_the_terminal" 3 "no plain text" metrics --node "$fake"
refused "node_of_another_key_is_not_heard" 7 "is silent" account bank/main --node "m2@127.0.0.1:$fake_port" --timeout 1
refused "node_of_another_chain_is_not_heard" 7 "is silent" participants --genesis other.json \
    --node "member-3@127.0.0.1:$((ports + 7))" --timeout 1
# Proofs are of checkpoints that the members have certified: each 4 heights here.
lying none
for i in 1 2 3 4; do run cancel; done
check "balance_is_proven_of_a_checkpoint" until_true "$HANSA" account bank/main --prove main.proof
accepted "which_holds_offline" "bank/main" proof verify main.proof $g
accepted "absence_is_proven_too" "never had" account bob/none --asset CZK --prove none.proof
lying proof
refused "broken_proof_is_not_written" 1 "node m3 " account bank/main --node "$fake" \
    --prove broken.proof
check "and_there_is_no_proof" test ! -e broken.proof
signal KILL fake

# ---- nodes that stop ----
signal STOP m3
patiently says "a_quorum_is_enough" 0 "m3 |no answer|3 of 4 work together" "" status --timeout 1
accepted "and_commits" "committed:" transfer --from bank/main --to bob/main --amount 1.00 --asset CZK
says "status_of_the_one_that_stopped" 7 "m3 " "m3 does not answer within" status --node m3 --timeout 1
for number in INT TERM; do
    interrupted_by $number backup stopped $g --node m3 --timeout 600
    result "backup_of_a_node_that_stopped_ends_at_$number" \
        "$(lacks err 'hansa: backup: interrupted: nothing is left behind')$([ $code -eq 5 ] || echo "exit $code")$([ ! -e stopped.part ] || echo "stopped.part is there")"
done
signal STOP m2
patiently says "half_of_them_is_no_quorum" 1 "no answer" "2 of 4 nodes answer|3 have to" status --timeout 1
patiently says "without_a_quorum_the_outcome_is_unknown" 7 "txid:" "is unknown: no node knows yet" transfer \
    --from bank/main --to bob/main --amount 1.25 --asset CZK --timeout 3
waiting=$(sed -n 's/^txid: *//p' out)
patiently says "nonce_that_is_taken_may_be_an_imports" 6 "txid:" \
    "another transaction of this nonce is pending (an import with this key may be at work)|give the command again" \
    transfer --from bank/main --to bob/main --amount 1.26 --asset CZK --timeout 3
signal CONT m2
signal CONT m3
accepted "and_known_when_they_are_back" "committed:" wait "$waiting" --timeout 60

# ---- without the primary; how many views were left above depends on the time that it took ----
look() { # WORDS...: view, primary, next: of now
    view=$("$HANSA" status "$@" --json 2>/dev/null | sed -n 's/^  "view": \([0-9]*\),$/\1/p')
    primary=m$((view % 4)) next=m$(((view + 1) % 4)) third=m$(((view + 2) % 4)) last=m$(((view + 3) % 4))
}
check "all_work_together_again" until_true together True
look
signal STOP $primary
patiently says "a_primary_that_is_away_is_named_and_the_next_one_too" 1 "$primary |no answer" \
    "$primary, the primary of view $view, is away: it does not answer. The others choose the next one, $next, once" \
    status --timeout 1
patiently says "and_its_word_says_so" 1 "" '"no_primary"' status --timeout 1 --json
json "as_does_its_json" 'not d["holds"] and d["working"] == 3 and d["primary"] == "'$primary'" and
    not d["primary_works"] and not any(n.get("wants_to_leave") for n in d["nodes"])'
until_true sh -c "! '$HANSA' status --node $next"
says "nor_do_those_hear_it_that_are_asked" 1 "$next " \
    "$primary, the primary of view $view, is away: none of those" status --node $next
accepted "a_payment_commits_without_it" "committed:" transfer --from bank/main --to bob/main \
    --amount 1.00 --asset CZK
was=$primary
look --node $next --node $third --node $last
patiently says "under_another_one" 0 "$was |no answer|3 of 4 work together in view $view, primary $primary; " "" \
    status --timeout 1
patiently shown "as_its_json_says" 'd["holds"] and d["primary"] == "'$primary'" != "'$was'" and d["primary_works"] and
    all(n["primary"] == "'$primary'" and n["view_installed"] and not n["changing_view"] and
        n["view_changes"] >= 1 and n["view_timeout_ms"] >= 1000 for n in d["nodes"] if n["answers"])' \
    status --timeout 1 --json
accepted "metrics_count_it" "hansa_view $view|hansa_complaints_total{reason=\"stalled\"}" metrics --node $primary
check "its_complaint_stands_in_the_log" grep -q 'event=complaint .* reason=stalled ' $next.log
check "and_what_became_of_it" grep -q "event=view_installed view=$view primary=$primary " $next.log
signal CONT $was
check "the_one_that_was_away_follows" until_true sh -c \
    "'$HANSA' status | grep -q '4 of 4 work together in view $view, primary $primary'"

# ---- f+1 leave a view that does not work, and no quorum is there to take over ----
nonce=$("$HANSA" key show bank.key.pub --node $primary | sed -n 's/^next nonce: *//p')
run sign transfer --key bank.key $g --nonce "$nonce" --from bank/main --to bob/main --amount 1.00 \
    --asset CZK --out late-2.tx
signal STOP $next
signal STOP $third
patiently says "a_payment_waits" 7 "txid:" "no node knows yet" submit late-2.tx --node $last --timeout 1
left() { "$HANSA" status --node "$last" | grep -q "^$last left its view "; }
passes "two_of_four_leave_their_view" until_true left
patiently says "and_say_so" 1 "$next |no answer|$last left its view |s ago and waits for view |, whose primary is " \
    "2 of 4 nodes answer" status --timeout 1
patiently shown "in_json_too" 'any(n.get("changing_view") and n["mode"] == "changing" and n["mode_ms"] >= 0
    for n in d["nodes"])' status --timeout 1 --json
signal CONT $next
signal CONT $third
accepted "all_is_well_when_they_are_back" "committed:" submit late-2.tx --timeout 60
check "as_status_says" until_true "$HANSA" status
}
finish
