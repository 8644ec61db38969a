# Ctrl-C at an import that goes on with one whose outcomes are open: before it has sent anything, too, it
# says that they are, and ends with 7. "Nothing was sent" is for where the journal says so as well.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/box.inc"

ROWS=400000 # to judge them takes longer than to send a signal
/usr/bin/python3 -c '
import sys
print("n,amount")
for n in range(int(sys.argv[1])): print(f"{n},0.01")' $ROWS >large.csv
import_large() { # exec|command WORDS...
    how=$1
    shift
    "$how" "$HANSA" import large.csv --key box/keys/bob.key --op transfer --from bob/main --to alice/large \
        --amount '{amount}' --asset CZK --memo 'no. {n}' --ops-per-tx 50 "$@"
}

# interrupted_early WORDS...: once it watches for signals, which it does before it judges the rows. Where this
# shell stalls, it may be further than that.
interrupted_early() {
    for attempt in 1 2 3 4 5; do
        import_large exec "$@" >out 2>err &
        import=$!
        await 60 grep -q '^SigCgt:.*[4-7c-f]..[2367abef]$' /proc/$import/status
        kill -INT $import
        code=0
        wait $import || code=$?
        ! grep -qE 'rows are committed|all well-formed' err out || continue
        break
    done
}
ended_with() { # CODE
    [ "$code" -eq "$1" ] || echo "exit $code, not $1"
}

start_box
interrupted_early
result "nothing_was_sent_where_there_is_no_journal" \
    "$(lacks err 'hansa: import: interrupted: nothing was sent')$(ended_with 5)"

signal STOP gamma delta # no quorum: what is sent stays open
code=0
import_large command --timeout 1 >out 2>err || code=$?
result "outcomes_are_open" "$(lacks err 'outcome unknown of 64 transactions with 3200 rows')$(ended_with 7)"
interrupted_early
result "interrupted_while_it_judges_it_says_that_they_are" "$(lacks err \
    'interrupted before this run sent anything; of 3200 rows that an earlier one sent the outcome is not known yet: the same command again finds out')$(ended_with 7)"
interrupted_early --json
cp err said
check "and_in_json" /usr/bin/python3 -c '
import json
e = json.loads(open("said").read())["error"]
assert e["code"] == "interrupted" and e["exit_code"] == 7 and e["details"] == {"rows_under_way": 3200}, e'
result "with_the_same_exit" "$(ended_with 7)"
interrupted_early --dry-run
result "dry_run_would_have_sent_nothing_anyway" "$(lacks err 'interrupted: nothing was sent')$(ended_with 5)"
cp large.csv.journal kept.journal
/usr/bin/python3 -c '
data = bytearray(open("large.csv.journal", "rb").read())
data[len(data) // 2] ^= 1
open("large.csv.journal", "wb").write(data)'
interrupted_early
result "of_a_damaged_journal_nothing_is_promised" \
    "$(lacks err 'the journal does not tell whether outcomes of an earlier one are open')$(ended_with 7)"
mv kept.journal large.csv.journal
signal CONT gamma delta
finish
