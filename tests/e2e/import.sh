# Imports against real nodes of a sandbox: refusals, kills of the tool and of all nodes, two at once;
# the sums in the ledger say whether a row was paid twice or not at all. And the sandbox itself.
. "$(dirname "$0")/lib.sh"

sandbox=
trap '[ -z "$sandbox" ] || { kill "$sandbox"; wait "$sandbox"; } 2>/dev/null; rm -rf "$WORK"' EXIT

# await SECONDS COMMAND...
await() {
    tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}

start_sandbox() {
    "$HANSA" sandbox --dir box >sandbox.out 2>sandbox.err &
    sandbox=$!
    await 120 grep -q '^ready:' sandbox.out
}

# All processes of the box.
left_running() {
    for process in /proc/[0-9]*; do
        tr '\0' ' ' <"$process/cmdline" | grep -q "^hansad .*$WORK/box/" && echo "$process"
    done 2>/dev/null
}

# rows FILE COUNT: a payment of 0.01 each.
rows() {
    echo 'n,to,amount' >"$1"
    seq 1 "$2" | sed 's/$/,ALICE,0.01/' >>"$1"
}

# pay CSV TO WORDS...: import it, from bob's main account to alice's.
pay() {
    csv=$1 to=$2
    shift 2
    "$HANSA" import "$csv" --key box/keys/bob.key --op transfer --from bob/main --to "$to" \
        --amount '{amount}' --asset CZK --memo 'no. {n}' "$@"
}

# holds ACCOUNT AMOUNT ENTRIES: what is wrong with that. The node that is asked may come to it later
# than those that committed it.
does_hold() {
    "$HANSA" account "$1" --asset CZK >out 2>err && grep -q "$2 CZK, $3 history entr" out
}
holds() { await 60 does_hold "$@" || echo "$1 does not hold $2 after $3 entries"; }
# signal SIGNAL WHO...: to the processes of these nodes.
signal() {
    signal=$1
    shift
    for who in "$@"; do
        for process in /proc/[0-9]*; do
            tr '\0' ' ' <"$process/cmdline" | grep -q "^hansad .*$WORK/box/$who/" || continue
            kill -"$signal" "${process#/proc/}"
        done 2>/dev/null
    done
}
nothing_runs() { [ -z "$(left_running)" ]; }

# ---- the sandbox ----

mkdir other
touch other/file
refused "sandbox_among_other_files_is_refused" 3 'is not empty, and no sandbox' sandbox --dir other
check "sandbox_becomes_ready" start_sandbox
if [ "$tests_failed" -gt 0 ]; then
    cat sandbox.err box/*/log
    exit 1
fi
cp sandbox.out out
result "sandbox_says_where_things_are" \
    "$(lacks out 'directory:|alpha:|delta:|ready: 4 nodes, a quorum of 3 works|export HANSA_GENESIS=')"
result "sandbox_says_where_the_tool_is_when_the_path_does_not" \
    "$(lacks out "export PATH='$BUILD':")"
result "its_four_nodes_run" "$([ "$(left_running | wc -l)" -eq 4 ] || left_running)"
HANSA_GENESIS=$WORK/box/genesis.json
export HANSA_GENESIS
refused "sandbox_in_a_directory_that_is_used_is_refused" 5 'another sandbox runs' sandbox --dir box
refused "node_that_is_none_is_refused" 3 'is no node here' sandbox stop epsilon
refused "sandbox_that_is_none_is_refused" 4 'no sandbox runs' sandbox stop alpha --dir .
accepted "node_is_stopped" 'stopped: delta' sandbox stop delta
accepted "node_is_started_again" 'started: delta' sandbox start 3

# ---- importing ----

rows some.csv 300
run import some.csv --key box/keys/bob.key --op transfer --from bob/main --to 'alice/a{n}' \
    --amount '{amount}' --asset CZK --dry-run
result "dry_run_sends_nothing" "$(lacks out '300, all well-formed|3.00 CZK|nothing was sent')$([ ! -e some.csv.journal ] || echo there is a journal)"
check "all_rows_are_paid" pay some.csv 'alice/{to|lower}'
result "rows_are_paid_once" "$(holds alice/alice 3.00 300)"
check "import_that_is_done_does_nothing" pay some.csv 'alice/{to|lower}'
result "rows_are_not_paid_again" "$(holds alice/alice 3.00 300)"
refused "import_with_another_template_is_refused" 3 "now 'to alice/x'" import some.csv \
    --key box/keys/bob.key --op transfer --from bob/main --to alice/x --amount '{amount}' \
    --asset CZK --memo 'no. {n}'
refused "import_without_an_option_of_before_is_refused" 3 "'memo no. {n}', and now nothing" import \
    some.csv --key box/keys/bob.key --op transfer --from bob/main --to 'alice/{to|lower}' \
    --amount '{amount}' --asset CZK
some="import some.csv --key box/keys/bob.key --op transfer --from bob/main --amount {amount} --asset CZK"
# shellcheck disable=SC2086
{
refused "all_are_paid_is_said_to_be_all" 3 \
    "300 of 300 rows it signed are committed (lines 2 to 301): all rows of this file are paid, and nothing is left" \
    $some --to 'alice/{to|lower}' --memo 'no. {n}' --journal new.journal
refused "also_to_another_template" 3 "all rows of this file are paid" $some --to alice/x --memo 'no. {n}'
}
refused "journal_that_is_not_there_is_a_file_that_is_not_there" 5 "'nosuch.journal'" import show nosuch.journal
accepted "journal_is_shown" 'rows signed:     300|committed:       300' import show some.csv.journal

printf 'n,to,amount\n1,a,0.01\n2,a\n3,a,x\n' >bad.csv
refused "wrong_rows_are_named_and_nothing_is_sent" 3 'line 3: the row has 2 fields|line 4' \
    import bad.csv --key box/keys/bob.key --op transfer --from bob/main --to 'alice/{to}' \
    --amount '{amount}' --asset CZK
printf '\357\273\277"n","amount"\r\n1,"0.01"\r\n2,0.02\r\n' >windows.csv
check "mark_and_carriage_returns_are_accepted" "$HANSA" import windows.csv --key box/keys/bob.key \
    --op transfer --from bob/main --to 'alice/w{n}' --amount '{amount}' --asset CZK
result "windows_rows_are_paid" "$(holds alice/w2 0.02 1)"

# ---- refusals ----

rows broke.csv 200
sed -i 's/^3,ALICE,0.01$/3,ALICE,5000.00/' broke.csv
code=0
pay broke.csv alice/broke >out 2>err || code=$?
result "refused_row_is_named" "$(lacks err 'line 4: the balance is too low|were not tried|--skip-refused|put those not paid alone into a new one')$([ "$code" -eq 6 ] || echo "exit $code")"
code=0
pay broke.csv alice/broke --skip-refused >out 2>err || code=$?
result "skip_refused_goes_on" "$(holds alice/broke 1.99 199)$([ "$code" -eq 6 ] || echo "exit $code")"
"$HANSA" issue --key box/keys/bank.key --to bob/main --amount 6000.00 --asset CZK >out 2>err
accepted "refused_lines_are_named" 'line 4: refused: the balance is too low' import show broke.csv.journal
result "line_refused_twice_is_named_once" "$([ "$(grep -c refused: out)" -eq 1 ] || echo it is not)"
cp broke.csv broke.csv.before
sed -i 's/^3,ALICE,5000.00$/3,ALICE,5000.01/' broke.csv
payment="--key box/keys/bob.key --op transfer --from bob/main --to alice/broke --amount {amount} --asset CZK"
# shellcheck disable=SC2086
{
refused "corrected_file_is_told_what_is_paid" 3 \
    "of other content: 199 of 200 rows it signed are committed (lines 2 to 3, 5 to 201)|pays every row of this file|with --skip-refused|alone into a new file: line 4, and any behind line 201" \
    import broke.csv $payment --memo 'no. {n}'
refused "corrected_file_with_another_journal_is_refused_too" 3 \
    "broke.csv.journal|199 of 200 rows|line 4|--again" \
    import broke.csv $payment --memo 'no. {n}' --journal new.journal
}
result "no_row_was_paid_by_another_journal" "$(holds alice/broke 1.99 199)$([ ! -e new.journal ] || echo there is a journal)"
cp broke.csv.before broke.csv
check "refused_row_is_paid_when_there_is_money" pay broke.csv alice/broke
result "no_other_row_was_paid_again" "$(holds alice/broke 5001.99 200)"
accepted "later_try_of_a_refused_line_is_told" 'a later try is committed' import show broke.csv.journal
rows again.csv 3
check "rows_are_paid_before" pay again.csv alice/again
check "asked_for_they_are_paid_again" pay again.csv alice/again --journal again.journal --again
check "journal_that_has_begun_goes_on_unasked" pay again.csv alice/again --journal again.journal
result "rows_are_paid_twice_when_asked_for" "$(holds alice/again 0.06 6)"
rm -f again.journal
"$HANSA" issue --key box/keys/bank.key --to alice/main --amount 1.00 --asset CZK >out 2>err
check "journal_of_another_key_is_no_hindrance" "$HANSA" import again.csv --key box/keys/alice.key \
    --op transfer --from alice/main --to bob/again --amount '{amount}' --asset CZK \
    --journal again.journal

# ---- kills ----

rows halt.csv 4000
halt() {
    "$1" "$HANSA" import halt.csv --key box/keys/bob.key --op transfer --from bob/main --to alice/"$halt" \
        --amount '{amount}' --asset CZK
}
code_of() {
    code=0
    "$@" || code=$?
}
for halt in halt halt2 halt3; do # where this shell stalls, the import may be done before
    rm -f halt.csv.journal
    halt exec >import.out 2>import.err &
    import=$!
    await 120 sh -c '[ "$(stat -c %s halt.csv.journal)" -gt 100000 ]'
    kill -TERM "$import" 2>/dev/null
    code_of wait "$import"
    ! grep -q interrupted: import.err || break
done
cp import.err err
result "interrupted_import_says_how_far_it_came" \
    "$(grep -q 'interrupted: [1-9][0-9]* of 4000 rows are committed.*the same command again goes on' err || echo it does not)"
want=5
! grep -q 'the outcome is not known' err || want=7
result "and_its_exit_whether_outcomes_are_open" "$([ "$code" -eq "$want" ] || echo "exit $code, not $want")"
refused "another_journal_is_refused_while_outcomes_are_open" 3 "halt.csv.journal|--again" import \
    halt.csv --key box/keys/bob.key --op transfer --from bob/main --to alice/$halt \
    --amount '{amount}' --asset CZK --journal new.journal
check "interrupted_import_goes_on" halt command
result "its_rows_are_all_paid_once" "$(holds alice/$halt 40.00 4000)"

rows many.csv 4000
kills=0 seconds=0.3
while ! timeout -s KILL $seconds "$HANSA" import many.csv --key box/keys/bob.key --op transfer \
    --from bob/main --to alice/many --amount '{amount}' --asset CZK >out 2>err; do
    kills=$((kills + 1))
    [ "$kills" -lt 60 ] || seconds=30 # too slow a machine for the rest
    [ "$kills" -lt 100 ] || break
done
result "import_killed_again_and_again_pays_each_row_once" \
    "$([ "$kills" -gt 0 ] || echo never killed)$(holds alice/many 40.00 4000)"

rows nodes.csv 4000
pay nodes.csv alice/nodes >import.out 2>import.err &
import=$!
await 120 test -s nodes.csv.journal
sleep 0.3
"$HANSA" sandbox kill all >out 2>err
sleep 0.5
"$HANSA" sandbox start all >out 2>err
check "import_outlives_its_nodes" wait "$import"
result "nodes_killed_in_the_middle_cost_no_row" "$(holds alice/nodes 40.00 4000)"

rows open.csv 100
signal STOP gamma delta # no quorum: what is sent stays open
open_rows() { # exec|command WORDS...
    how=$1
    shift
    "$how" "$HANSA" import open.csv --key box/keys/bob.key --op transfer --from bob/main --to alice/open \
        --amount '{amount}' --asset CZK "$@"
}
for json in '' --json; do
    : >import.err
    # shellcheck disable=SC2086
    open_rows exec --timeout 600 --txids $json >import.out 2>import.err &
    import=$!
    await 120 grep -q txid import.err
    kill -TERM "$import"
    code_of wait "$import"
    cp import.err err
    result "interrupted_with_open_outcomes_is_unknown$json" \
        "$(lacks err 'of 64 the outcome is not known yet: the same command again goes on')$([ "$code" -eq 7 ] || echo "exit $code")"
done
check "stderr_is_json_line_by_line" /usr/bin/python3 -c '
import json
lines = [json.loads(line) for line in open("import.err")]
assert all(len(line["sending"]["txid"]) == 64 and line["sending"]["line"] > 1 for line in lines[:-1]), lines
e = lines[-1]["error"]
assert e["code"] == "interrupted" and e["exit_code"] == 7 and e["details"]["rows_under_way"] == 64, e'
code_of open_rows command --timeout 1 >out 2>err
result "the_import_itself_is_the_next_step" \
    "$(lacks err 'outcome unknown of 64 transactions|line 2, txid |The same command again finds out about each, signs anew')$(grep -o 'hansa wait' err)$([ "$code" -eq 7 ] || echo "exit $code")"
"$HANSA" sandbox kill primary >kill.out 2>kill.err &
killer=$!
await 60 grep -q 'sandbox kill: waiting, at most 30 s, until a quorum of nodes is in one view' kill.err
result "kill_that_waits_says_so" "$(cat kill.out)$(lacks kill.err 'sandbox kill: waiting, at most 30 s')"
signal CONT gamma delta
check "and_kills_when_there_is_a_quorum" wait "$killer"
"$HANSA" sandbox start all >out 2>err
check "rows_that_were_open_are_paid" open_rows command
result "once" "$(holds alice/open 1.00 100)"

cp box/keys/bob.key copy.key
chmod 600 copy.key
rows one.csv 1500
cp one.csv two.csv
signal STOP gamma delta # without a quorum the first one cannot end before the second begins
pay one.csv alice/both >out 2>err &
import=$!
await 120 test -s one.csv.journal
refused "second_import_with_the_key_is_refused" 5 'another import signs with this key' import two.csv \
    --key box/keys/bob.key --op transfer --from bob/main --to alice/both --amount '{amount}' \
    --asset CZK
signal CONT gamma delta
check "second_import_with_a_copy_of_the_key_recovers" "$HANSA" import two.csv --key copy.key \
    --op transfer --from bob/main --to alice/both --amount '{amount}' --asset CZK
check "first_import_recovers_too" wait "$import"
result "two_imports_with_one_key_pay_each_row_once" "$(holds alice/both 30.00 3000)"

"$HANSA" sandbox stop all >out 2>err
rows dead.csv 10
refused "there_is_no_primary_without_a_quorum" 3 \
    '0 of 4 nodes run and a quorum is 3, so there is no primary: hansa sandbox start all' sandbox kill primary
refused "nodes_that_are_dead_are_said_to_be" 5 'no node answered|Nothing is under way; the same command again' import \
    dead.csv --key box/keys/bob.key --op transfer --from bob/main --to alice/dead \
    --amount '{amount}' --asset CZK --timeout 1
"$HANSA" sandbox start all >out 2>err
check "import_goes_on_when_they_are_back" "$HANSA" import dead.csv --key box/keys/bob.key \
    --op transfer --from bob/main --to alice/dead --amount '{amount}' --asset CZK
result "its_rows_are_paid_once" "$(holds alice/dead 0.10 10)"

# ---- the end of the sandbox ----

kill -KILL "$sandbox"
wait "$sandbox" 2>/dev/null
await 60 nothing_runs
result "sandbox_that_is_killed_leaves_nothing_running" "$(left_running)"
check "sandbox_goes_on_with_its_directory" start_sandbox
result "its_ledger_is_still_there" "$(holds alice/dead 0.10 10)"
kill -TERM "$sandbox"
check "sandbox_ends_well" wait "$sandbox"
sandbox=
cp sandbox.out out
result "sandbox_says_that_it_ended" "$(lacks out "the nodes have ended, and the directory is kept|  hansa sandbox --dir '$WORK/box'")"
"$HANSA" sandbox >temporary.out 2>sandbox.err &
sandbox=$!
check "sandbox_of_no_name_becomes_ready" await 120 grep -q '^ready:' temporary.out
kill -TERM "$sandbox"
wait "$sandbox"
sandbox=
cp temporary.out out
result "sandbox_says_that_its_directory_is_removed" "$(lacks out 'the nodes have ended, and the directory|is removed')"
result "sandbox_that_ended_leaves_nothing_running" "$(left_running)"
check "bench_runs_in_a_sandbox_of_its_own" "$HANSA" bench --duration 1 --clients 2 --json
json "bench_measures_what_is_committed" 'd["txs_committed"] > 0 and 0 < d["share_of_bound"] < 10 and d["p50_ms"] <= d["p99_ms"]'
accepted "its_ledger_is_sound" 'Everything holds.' audit box/alpha/data
finish
