# An import of payments goes on while ten rounds of SIGKILL hit its nodes: one of them, all of them, or
# the primary, which comes back only when payments have gone on without it; in some rounds the
# importing tool too. Each is started again. No row may be lost or paid twice, and the four ledgers
# must be one. SEED=N repeats a run's choices: who is killed, after how many rows, and for how long.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/box.inc"

SEED=${SEED:-$((($(date +%s) * 1000 + $$) % 1000000))}
case "$SEED" in *[!0-9]* | '') echo "not ok SEED_is_a_number: '$SEED'" && exit 1 ;; esac
echo "# kills.sh: repeat these choices with SEED=$SEED"
kills_py() { /usr/bin/python3 "$SOURCES/tests/e2e/kills.py" "$@" 2>&1; }

# ---- the payments, three times over with numbers of their own, so that they outlast the rounds ----

source_csv=$SOURCES/tools/demo/payments.csv
head -n 1 "$source_csv" >pays.csv
for copy in a b c; do tail -n +2 "$source_csv" | sed "s/^/$copy/"; done >>pays.csv
rows=$(($(wc -l <pays.csv) - 1))
awk -F, 'NR > 1 { split($5, a, "."); sum[$2] += a[1] * 100 + a[2] }
    END { print "account,amount"
          for (i in sum) printf "%s,%d.%02d\n", i, int(sum[i] / 100), sum[i] % 100 }' \
    pays.csv >funding.csv
banks=$(tail -n +2 pays.csv | cut -d, -f3 | sort -u | tr 'A-Z' 'a-z')
participants='--participant home --participant till --participant tip'
for bank in $banks; do participants="$participants --participant $bank"; done
# shellcheck disable=SC2086
start_box $participants --asset CZK:2:home --balance till/main=1000.00:CZK
check "customers_get_their_money" "$HANSA" import funding.csv --key box/keys/home.key --op issue \
    --ops-per-tx 1000 --to 'home/{account}' --amount '{amount}' --asset CZK

payment=
start_import() {
    "$HANSA" import pays.csv --key box/keys/home.key --op transfer --from 'home/{account_from}' \
        --to '{bank_to|lower}/{account_to}' --amount '{amount}' --asset CZK \
        --memo '{purpose} {order_id}' --timeout 120 --json >imported 2>>import.err &
    import=$!
    background="$import $payment"
}
kill_import() {
    kill -KILL "$import" 2>/dev/null
    wait "$import" 2>/dev/null
}
rows_committed() {
    "$HANSA" import show pays.csv.journal --json >shown 2>/dev/null && get shown 'd["rows_committed"]'
}
rows_reach() { # N, or the import is no more
    ended "$import" || [ "$(rows_committed)" -ge "$1" ]
}

# ---- ten rounds ----

ROWS_WITHOUT=200 # rows that have to be paid while the primary is down: more than are under way at once

kill_who() {
    node kill "$1"
    [ "$1" != primary ] || sed -n 's/^killed: //p' node.out >was_primary
}
name_of() { # WHO
    if [ "$1" = primary ]; then cat was_primary; else echo "$1"; fi
}

# round NUMBER ROWS WHO BEFORE DOWN AGAIN TOOL: once so many rows are paid, kill WHO; BEFORE seconds
# earlier somebody pays 0.01 and wants a receipt, which must come out of it well. The primary comes
# back when ROWS_WITHOUT more are paid.
round() {
    problem=
    await 120 rows_reach "$2" || problem="row $2 is not reached; "
    "$HANSA" transfer --key box/keys/till.key --from till/main --to tip/main --amount 0.01 \
        --asset CZK --memo "round $1" --receipt "$1.receipt" --timeout 120 >"$1.out" 2>"$1.err" &
    payment=$!
    background="$import $payment"
    sleep "$4"
    cp pays.csv.journal "$1.seen"
    [ "$7" != with ] || kill_import
    problem=$problem$(kill_who "$3")
    paid=$(rows_committed)
    [ "${paid:-0}" -lt "$rows" ] || problem="${problem}all $rows rows are paid already; "
    [ "$7" != with ] || start_import
    if [ "$3" = primary ]; then
        await 120 rows_reach $((paid + ROWS_WITHOUT)) || problem="${problem}no payments without the primary; "
    fi
    sleep "$5"
    problem=$problem$(node start "$(name_of "$3")")
    if [ "$6" != - ]; then
        sleep "$6"
        problem=$problem$(node kill "$3")$(node start "$3")
    fi
    if [ "$7" = behind ]; then
        cp pays.csv.journal "$1.behind.seen"
        kill_import
        start_import
    fi
    code=0
    wait "$payment" || code=$?
    cp "$1.out" out
    cp "$1.err" err
    [ "$code" -eq 0 ] || problem="${problem}the payment ends with exit $code; "
    payment=''
    background=$import
    again='' tool=''
    [ "$6" = - ] || again=_twice
    [ "$7" = no ] || tool=_and_the_tool
    result "round_$1_kills_$3$again${tool}_and_a_payment_comes_out_well" "$problem"
}

kills_py plan "$SEED" "$rows" >plan
echo '# round, rows before it, who, seconds before, down and until again, tool:'
sed 's/^/# /' plan
start_import
await 120 test -s pays.csv.journal
while read -r number at who before down again tool <&3; do
    round "$number" "$at" "$who" "$before" "$down" "$again" "$tool"
    [ "$tests_failed" -eq 0 ] || give_up # what follows would only wait, and hide it
done 3<plan
result "all_ten_rounds_were_played" "$([ -s 10.seen ] || ls ./*.seen)"

# ---- the import ends, and so do the nodes ----

code=0
wait "$import" || code=$?
background=''
cp imported out
cp import.err err
result "import_ends_well" "$([ "$code" -eq 0 ] || echo "exit $code")"
run import show pays.csv.journal --json
json "journal_has_every_row_committed_and_none_under_way" "d['rows_signed'] == $rows and
    d['rows_committed'] == $rows and d['rows_under_way'] == 0 and d['nonces_lost'] == 0 and
    d['refusals'] == []"
books_are_one

# ---- what the ledgers hold ----

exports=
for name in $MEMBERS; do
    "$HANSA" export "box/$name/data" --genesis "$HANSA_GENESIS" --out "$name.jsonl" >out 2>err ||
        echo "not ok export_of_$name"
    exports="$exports $name.jsonl"
done
# shellcheck disable=SC2086
result "each_row_is_paid_exactly_once_in_each_ledger" \
    "$(kills_py paid pays.csv pays.csv.journal $exports | sed -n 1,5p)"
# shellcheck disable=SC2086
result "nothing_is_lost_that_the_journal_showed_as_committed_before_a_kill" \
    "$(kills_py kept pays.csv.journal ./*.seen -- $exports | sed -n 1,5p)"
accounts=
for participant in home $banks; do
    "$HANSA" account "$participant" --dir box/gamma/data --json >"$participant.accounts" 2>err
    accounts="$accounts $participant.accounts"
done
# shellcheck disable=SC2086
result "each_account_holds_what_its_rows_sum_to" "$(kills_py balances pays.csv $accounts | sed -n 1,5p)"
payer=$(tail -n +2 pays.csv | cut -d, -f2 | sort | uniq -c | sort -n | awk 'END { print $2 }')
"$HANSA" history "home/$payer" --dir box/beta/data --asset CZK --json >history 2>err
result "a_history_is_the_rows_of_its_account" "$(kills_py history pays.csv history)"
problem=
for number in $(cut -d' ' -f1 plan); do
    "$HANSA" receipt verify "$number.receipt" --genesis "$HANSA_GENESIS" >out 2>err ||
        problem="${problem}the receipt of round $number does not hold; "
    txid=$(sed -n 's/^txid: *//p' "$number.out")
    for name in $MEMBERS; do
        [ "$(grep -c "\"txid\":\"$txid\"" "$name.jsonl")" -eq 1 ] ||
            problem="${problem}$name lacks the payment of round $number; "
    done
done
result "receipts_of_all_rounds_hold_and_stand_in_each_ledger" "$problem"
"$HANSA" account tip/main --dir box/delta/data --asset CZK >out 2>err
result "payments_of_the_rounds_were_paid_once" "$(lacks out '0.10 CZK, 10 history entries')"
finish
