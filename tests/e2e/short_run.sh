# A short run with a bit of everything that threads and processes share: four nodes, an import, reads,
# a backup, the primary killed and another chosen, an orderly end. Short because `make tsan` and `make asan` run it with
# nodes that are many times slower.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
SECONDS_MAX=120 HANSA_TIMEOUT=120
unset HANSA_NODE
HANSA_GENESIS=$WORK/genesis.json HANSA_KEY=$WORK/bank.key
export HANSA_GENESIS HANSA_KEY
paid() { # FILE TOPIC WORDS...: each row becomes a record
    csv=$1 topic=$2
    shift 2
    timeout 300 "$HANSA" import "$csv" --key bank.key --op record --topic "$topic" --record-key '{n}' \
        --data 'row {n}' "$@"
}
# agree LIVE: so many nodes work together, and all have the same blocks on their disks.
agree() {
    "$HANSA" status --json >status.json && /usr/bin/python3 -c '
import json, sys
d = json.load(open("status.json"))
heights = {n["durable_height"] for n in d["nodes"]}
sys.exit(not (d["working"] == int(sys.argv[1]) and len(heights) == 1))' "$1"
}
rows() { # FILE COUNT
    echo n >"$1"
    seq 1 "$2" >>"$1"
}

for i in 0 1 2 3; do start $i --init --backups; done
passes "four_nodes_find_each_other" until_true agree 4
rows first.csv 400
check "import_is_committed" paid first.csv first
accepted "what_was_imported_is_read" "row 400|version:         1" record get bank first 400
check "status_is_told_by_all" "$HANSA" status
accepted "metrics_are_told" "hansa_committed_txs_total 400" metrics --node m0
check "backup_is_made_while_it_runs" "$HANSA" backup copy --node m1
check "backup_is_sound" "$HANSA" audit copy --genesis genesis.json

view_of() { # NODE
    status "$1" | sed -n 's/^view //p'
}
is_under_way() {
    "$HANSA" import show second.csv.journal --json | grep -qE '"rows_committed": [1-9]'
}
rows second.csv 1000
was=$(view_of 0)
primary=$((was % 4))
paid second.csv second >import.out 2>import.err &
import=$!
until_true is_under_way
signal KILL "$primary"
wait "$(cat "m$primary.pid")" 2>/dev/null
code=0
wait $import || code=$?
cp import.out out
cp import.err err
result "import_goes_on_when_the_primary_is_killed" "$([ "$code" -eq 0 ] || echo "exit $code")"
view=$(view_of $(((primary + 1) % 4)))
result "under_another_one" "$([ "${view:-0}" -gt "$was" ] || echo "view $was became $view")"
start "$primary" --backups
passes "the_killed_node_catches_up" until_true agree 4
problem=
for i in 0 1 2 3; do
    end $i
    [ "$code" -eq 0 ] || problem="${problem}node $i: exit $code; "
    tail -n 1 m$i.log >>out
done
result "sigterm_ends_each_cleanly" "$problem"
check "ledgers_are_sound_and_agree" "$HANSA" audit d0 --against d3 --genesis genesis.json
finish
