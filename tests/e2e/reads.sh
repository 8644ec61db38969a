# Reads at the three levels of rule 11 against real nodes: all well, one stopped, one lagging, one lying,
# and what is said when f+1 do not agree.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
unset HANSA_GENESIS HANSA_NODE HANSA_KEY HANSA_PASSPHRASE_FILE

"$HANSA" keygen alice --network demo >/dev/null
rm genesis.json
make_genesis genesis.json --participant alice.key.pub --asset CZK:2:bank \
    --asset EUR:2:bank --balance bank/main=1000.00:CZK --balance bank/main=5.00:EUR
# all_at_height H NODES...
all_at_height() {
    want=$1
    shift
    for node in "$@"; do has "$node" "durable_height $want" || return 1; done
}
for i in 0 1 2 3; do start $i --init; done
passes "four_nodes_find_each_other" until_true all_have "live 4"
HANSA_GENESIS=$PWD/genesis.json HANSA_KEY=$PWD/bank.key
export HANSA_GENESIS HANSA_KEY
linear="--consistency linearizable"
pay() { "$HANSA" transfer --from bank/main --to alice/main --amount 1.00 --asset CZK >out 2>err; }
# shellcheck disable=SC2086
{
# ---- all is well ----
accepted "before_the_first_block_all_agree" "height:          0|linearizable: |1000.00 CZK, 0|5.00 EUR" \
    account bank/main $linear
refused "without_a_checkpoint_nothing_is_proved_yet" 7 \
    "no certified checkpoint yet|nor has any other node that answers|about 2 s of quiet after a block: ask again" \
    account bank/main --asset CZK --consistency proved --prove none.proof
refused "the_one_that_was_named_speaks_for_itself" 7 "node m2 (|no certified checkpoint yet|or ask another node" \
    account bank/main --asset CZK --prove none.proof --node m2
check "its_help_says_what_that_exit_means" sh -c "'$HANSA' account --help | grep -q '7 not now: '"
check "nor_written" test ! -e none.proof
check "a_payment_commits" pay
accepted "what_was_acknowledged_is_read" "height:          1|999.00 CZK, 1 history entry|5.00 EUR" \
    account bank/main $linear
run account bank/main $linear --asset CZK --json
json "its_json_says_level_height_and_nodes" 'd["consistency"] == "linearizable" and d["height"] == 1
    and d["agree_count"] >= 2 and [n["name"] for n in d["nodes"]] == ["m0", "m1", "m2", "m3"]
    and not any(n["lies"] for n in d["nodes"]) and len(d["balances"]) == 1
    and d["balances"][0]["amount"] == "999.00"'
accepted "a_participant_is_read_as_one" "role:|keys:|alice/main:      1.00 CZK" account alice $linear
run account bank $linear --json
json "with_keys_and_accounts" 'len(d["keys"]) == 1 and d["accounts"][0]["account"] == "bank/main" and
    len(d["accounts"][0]["balances"]) == 2'
refused "no_account_is_agreed_on_too" 4 "there is no account 'alice/none' up to height 1" account alice/none $linear
refused "no_balance_either" 4 "never held any EUR up to height 1" account alice/main --asset EUR $linear
refused "nor_a_participant" 4 "no participant 'nobody'" account nobody $linear
accepted "local_is_the_default" "consistency:     local|word of node m2" account bank/main --node m2
run account bank/main --node m2 --json
json "local_says_level_and_height_in_json" 'd["consistency"] == "local" and d["height"] == 1'
accepted "and_has_its_name" "consistency:     local" account bank/main --consistency local

# ---- wrong usage ----
refused "unknown_level" 2 "local, proved or linearizable|'strong'" account bank/main --consistency strong
refused "linearizable_asks_running_nodes" 2 "a directory cannot know" account bank/main $linear --dir d0
refused "linearizable_is_no_proof" 2 "a proof is of a checkpoint" account bank/main $linear --prove p.proof
refused "linearizable_asks_a_quorum" 2 "at least 3 nodes|leave out --node" account bank/main $linear \
    --node m0 --node m1
refused "a_member_counts_once" 2 "names m1 twice" account bank/main $linear --node m0 --node m1 \
    --node m1@127.0.0.1:$fake_port
refused "fallback_is_for_linearizable" 2 "is for --consistency linearizable" account bank/main --ordered-fallback

# ---- proved ----
# T_c after the last block the members make a checkpoint of it.
passes "a_quiet_chain_has_a_checkpoint_of_its_head" until_true "$HANSA" account bank/main --asset CZK \
    --consistency proved
accepted "a_proved_balance_is_shown" \
    "consistency:     proved: a checkpoint that |height:          1|999.00 CZK" account bank/main --asset CZK \
    --consistency proved
accepted "and_its_proof_written" "999.00 CZK, after 1 history entry" account bank/main --asset CZK \
    --consistency proved --prove main.proof
for level in local proved; do # whose node nobody is: it is not asked
    refused "file_that_exists_is_refused_before_anybody_is_asked_$level" 5 "account: 'main.proof': the file exists already" \
        account bank/main --asset CZK --consistency $level --prove main.proof --node m0@127.0.0.1:$fake_port
done
accepted "and_it_holds_offline" "account bank/main held|999.00 CZK" proof verify main.proof \
    --genesis genesis.json
accepted "absence_is_proved_by_a_node" "it held no EUR there, and never had" account alice/main --asset EUR \
    --consistency proved
refused "one_proof_shows_one_balance" 2 "say with --asset CODE" account bank/main --consistency proved
run account bank/main --asset CZK --consistency proved --json
json "its_json_is_certified_too" 'd["consistency"] == "proved" and d["certified"] and d["height"] == 1 and
    d["balances"][0]["amount"] == "999.00"'

# The same of a store that has a certified checkpoint, with other blocks above it.
"$BUILD/tests/programs/mkstore" store --blocks 10 --txs-per-block 5 --ops-per-tx 2 --accounts 10 --seed 7 \
    --checkpoint-every 4 --genesis-out g.json >mkstore.out 2>&1
proved="--dir store --genesis g.json --consistency proved"
accepted "balance_at_the_checkpoint_is_shown_proved" "height:          8|proved: a checkpoint that |CZK: " \
    account p0/a0 --asset CZK $proved
run account p0/a0 --asset CZK $proved --json
cp out shown.json
json "its_json_says_certified" 'd["consistency"] == "proved" and d["certified"] and d["height"] == 8 and
    d["present"] and len(d["state_root"]) == 64 and d["balances"][0]["asset"] == "CZK"'
accepted "with_a_file_for_others" "it proves:|'store.proof'" account p0/a0 --asset CZK $proved --prove store.proof
run proof verify store.proof --genesis g.json --json
cp out out.proof
check "which_shows_the_same" /usr/bin/python3 -c '
import json
a, b = json.load(open("shown.json")), json.load(open("out.proof"))
assert a["balances"][0]["amount"] == b["amount"] and a["state_root"] == b["state_root"], (a, b)'
accepted "absence_is_proved" "it held no CZK there, and never had" account p0/never --asset CZK $proved
accepted "a_participant_is_proved" "role:|keys:" account p0 $proved
accepted "as_is_that_there_is_none" "no such participant" account nobody $proved

# ---- one stopped ----
signal STOP 3
check "three_commit" pay
accepted "and_three_answer" "height:          2|998.00 CZK" account bank/main --asset CZK $linear
run account bank/main --asset CZK $linear --json
json "the_stopped_one_is_silent" '[n["word"] for n in d["nodes"]][3] == "silent"'

# ---- one lags: nobody reaches its port for peers ----
signal CONT 3
passes "it_catches_up" until_true all_at_height_of 0
end 3
start 3 --peer-bind 127.0.0.1:$((ports + 9))
passes "it_is_back_and_hears_nobody" until_true has 3 "durable_height 2"
check "more_is_committed_without_it" pay
signal STOP 2
accepted "who_lags_is_not_believed" "height:          3|997.00 CZK" account bank/main --asset CZK $linear
run account bank/main --asset CZK $linear --json
json "but_named" '[n["word"] for n in d["nodes"]] == ["agrees", "agrees", "silent", "lags"] and
    d["nodes"][3]["height"] == 2 and not d["nodes"][3]["lies"]'
accepted "its_own_state_is_older" "height:          2|998.00 CZK" account bank/main --asset CZK --node m3
signal CONT 2

# ---- two silent, or no f+1 alike ----
signal STOP 1
signal STOP 2
patiently refused "two_are_no_quorum" 7 "2 nodes of 4 say how far the ledger is, and 3 have to|m1 (|is silent: no answer" \
    account bank/main $linear --timeout 1
signal CONT 1
signal CONT 2
passes "they_are_back" until_true all_at_height 3 0 1 2
lying m2 read_value
fake="m2@127.0.0.1:$fake_port"
refused "no_f_plus_1_alike_is_said_node_by_node" 7 \
    "no 2 equal answers at height 3 or above|m3 (127.0.0.1:$((ports + 7))) lags at height 2|contradicts m|one of them lies" \
    account bank/main --asset CZK $linear --node m0 --node m3 --node "$fake"
run account bank/main --asset CZK $linear --node m0 --node m3 --node "$fake" --json
cp err out
json "in_json_too" 'd["error"]["exit"] == "unknown" and d["error"]["details"]["height"] == 3 and
    [n["word"] for n in d["error"]["details"]["nodes"]] == ["contradicted", "lags", "contradicted"]'
end 3
start 3
passes "the_one_that_lagged_is_in_step" until_true all_at_height 3 0 1 2 3

# ---- one lies: whatever it says, the value is right ----
after() { # LIE WORD 'said words'
    lying m3 "$1"
    until_true "$HANSA" account bank/main --asset CZK $linear --node m0 --node m1 --node "m3@127.0.0.1:$fake_port"
    accepted "value_is_right_with_a_liar_$1" "997.00 CZK|$3" account bank/main --asset CZK $linear \
        --node m0 --node m1 --node "m3@127.0.0.1:$fake_port"
    run account bank/main --asset CZK $linear --node m0 --node m1 --node "m3@127.0.0.1:$fake_port" --json
    json "liar_$1_is_$2" 'd["balances"][0]["amount"] == "997.00" and d["nodes"][2]["word"] == "'"$2"'"'
}
after none agrees "3 nodes agree"
after read_value lies "m3 (127.0.0.1:$fake_port) lies: another answer"
after read_stale lags "height:          3"
for lie in read_certificate read_above; do
    lying m3 $lie
    accepted "who_is_refuted_is_named_$lie" "997.00 CZK" account bank/main --asset CZK $linear --node m0 \
        --node m1 --node m2 --node "m3@127.0.0.1:$fake_port"
    refused "and_counts_for_nothing_$lie" 7 "2 nodes of 4 say|m3 (127.0.0.1:$fake_port) lies: |its certificate|m0 (" \
        account bank/main $linear --node m0 --node m1 --node "m3@127.0.0.1:$fake_port"
done

# ---- the ordered read ----
end 2
named="--node m0 --node m1 --node m2"
refused "f_plus_1_are_too_few_to_know_what_is_newest" 7 "2 nodes of 4 say how far" account bank/main \
    --asset CZK $linear $named
HANSA_KEY=
refused "fallback_needs_a_key" 2 "--key FILE is missing" account bank/main $linear $named --ordered-fallback
accepted "behind_a_transaction_of_mine_f_plus_1_are_enough" \
    "txid:|height:          4|linearizable: 2 nodes agree, behind a transaction|997.00 CZK" \
    account bank/main --asset CZK $linear $named --ordered-fallback --key alice.key
accepted "it_used_up_a_nonce_of_that_key" "next nonce:      2" key show alice.key --node m0
start 2
passes "the_third_is_back" until_true all_at_height 4 0 1 2
accepted "which_is_not_done_when_they_agree" "linearizable: " account bank/main $linear --ordered-fallback \
    --key alice.key
accepted "nor_uses_a_nonce" "next nonce:      2" key show alice.key --node m0

# ---- without the primary ----
passes "all_are_in_step" until_true all_at_height 4 0 1 2 3
signal STOP 0
accepted "a_read_needs_no_primary" "height:          4|997.00 CZK" account bank/main --asset CZK $linear
signal CONT 0

# ---- a nonce from one that lags, asked first ----
end 3
start 3 --peer-bind 127.0.0.1:$((ports + 9))
HANSA_KEY=$PWD/bank.key
passes "it_hears_nobody_again" until_true has 3 "durable_height 4"
check "a_payment_commits_that_it_does_not_hear_of" pay
pay="transfer --from bank/main --to alice/main --amount 1.00 --asset CZK"
accepted "its_old_nonce_is_not_taken" "committed:" $pay --node m3 --node m0 --node m1
result "as_a_quorum_agrees_on_another" "$(grep 'by the word' out)"

# ---- one without a checkpoint ----
end 3
mv d3 away
start 3 --peer-bind 127.0.0.1:$((ports + 9))
passes "it_lost_its_store_and_hears_nobody" until_true has 3 "durable_height 0"
passes "the_others_have_a_checkpoint" until_true "$HANSA" account bank/main --asset CZK --consistency proved --node m0
proved="account bank/main --asset CZK --consistency proved"
refused "alone_it_proves_nothing" 7 "node m3 (|no certified checkpoint yet" $proved --node m3
accepted "where_one_has_no_checkpoint_the_next_is_asked" "proved: a checkpoint that |CZK: " $proved --node m3 --node m0
signal STOP 1
accepted "whoever_is_silent_besides" "proved: a checkpoint that |CZK: " $proved --node m3 --node m1 --node m0
signal CONT 1
accepted "another_ones_proof_stands_beside_the_word_of_one" "word of node m3|it proves:" account bank/main --asset CZK \
    --node m3 --node m0 --prove beside.proof
accepted "and_holds" "account bank/main held" proof verify beside.proof --genesis genesis.json

# ---- a learner is not counted, and that is said ----
end 3
start 3
passes "it_is_a_learner" until_true has 3 "is_learner 1"
passes "that_follows" until_true all_at_height_of 0
signal STOP 0
patiently refused "learner_does_not_say_how_far_the_ledger_is" 7 \
    "2 nodes of 4 say how far|m3 (127.0.0.1:$((ports + 7))) is a learner: its word does not count|hansa status shows" \
    account bank/main --asset CZK $linear --timeout 3
run account bank/main --asset CZK $linear --timeout 3 --json
cp err out
json "nor_in_json" '[n.get("is_learner") for n in d["error"]["details"]["nodes"]] == [None, False, False, True]'
run $pay --timeout 10
result "nor_is_a_nonce_by_its_word" "$(lacks out 'alone: fewer than 3 nodes that vote answer; m3 is a learner: its word does not count')$(
    grep -o 'by the word of.*m3.* alone' out)"
signal STOP 1 # of the others one answers, and that one may lie
run $pay --timeout 10
result "where_no_more_than_f_others_answer_it_is_heard" \
    "$(grep -qE 'by the word of (m2 and m3|m3 and m2) alone: fewer than 3 nodes that vote answer$' out || echo it is not)"
signal CONT 1
signal CONT 0
}
finish
