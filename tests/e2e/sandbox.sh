# What hansa sandbox stop, kill and start say that they did, and to which nodes there was nothing to do.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/box.inc"

start_box
accepted "start_of_one_that_runs_says_that_it_did" 'nothing to do: alpha ran already' sandbox start alpha
accepted "node_is_stopped" 'stopped: delta' sandbox stop delta
accepted "stop_of_one_that_is_stopped_says_so" 'nothing to do: delta did not run' sandbox stop delta
accepted "kill_of_one_that_is_stopped_says_so" 'nothing to do: delta did not run' sandbox kill 3
accepted "start_of_all_names_those_that_it_started" 'started: delta; alpha, beta, gamma ran already' \
    sandbox start all
shown "and_the_answer_in_json_has_both" 'd == {"nodes": "", "already": "beta"}' sandbox start beta --json
shown "each_in_its_place" 'd == {"nodes": "beta", "already": ""}' sandbox stop beta --json
signal KILL gamma
ended_unasked() { grep -q 'node gamma was ended by signal 9' sandbox.err; }
await 60 ended_unasked
accepted "stop_of_all_names_those_that_it_stopped" 'stopped: alpha, delta; beta, gamma did not run' \
    sandbox stop all
accepted "start_of_all_that_are_stopped_starts_all" 'started: alpha, beta, gamma, delta' sandbox start all

kill -TERM "$sandbox"
wait "$sandbox"
"$HANSA" sandbox --dir "$WORK/box" --json >sandbox.out 2>sandbox.err &
sandbox=$!
await 120 test -s sandbox.out
signal KILL gamma
passes_json() { grep -q '"signal"' sandbox.err; }
await 60 passes_json
cp sandbox.err err
check "end_of_a_node_is_a_line_of_json_where_all_is" /usr/bin/python3 -c '
import json
assert [json.loads(l) for l in open("sandbox.err")] == [{"ended": {"node": "gamma", "signal": 9}}]'
finish
