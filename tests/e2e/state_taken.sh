# A node whose state has rotted finds out, and takes the state anew from the others, while blocks go on
# and checkpoints with them (8.2, 9.3; pitfalls C5). It is killed in the midst, again and again, and so
# are those that give it pieces; what plays the service manager here starts each again. In the end its
# ledger is the others', and it takes part.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
ROT=$BUILD/tests/programs/rot_store
RETOUCH=$BUILD/tests/programs/retouch
BALANCES=40000 # of the genesis: some thirty pieces of state
KILLS_MAX=30
INTAKE=696e74616b65 # "intake" in the table "meta": how far a state is taken

rm genesis.json
make_genesis genesis.json --asset CZK:2:bank --parameter pipeline_heights=4 \
    --parameter checkpoint_every_heights=16 --parameter window_heights=32 --parameter sync_blocks_max=32
/usr/bin/python3 - $BALANCES <<'PY'
import json, sys
g = json.load(open("genesis.json"))
g["balances"] = [{"account": "bank/a%05d" % i, "asset": "CZK", "amount": "1.00"}
                 for i in range(int(sys.argv[1]))]
json.dump(g, open("genesis.json", "w"))
PY
load=
kill_all() {
    [ -z "$load" ] || kill -KILL "$load" 2>/dev/null
    for i in 0 1 2 3; do signal KILL $i; done
    wait 2>/dev/null
}
# is_up I: its process is one still.
is_up() { [ "$(readlink "/proc/$(cat m"$1".pid)/exe" 2>/dev/null)" = "$HANSAD" ]; }
is_taking() { "$RETOUCH" d3 get meta $INTAKE >/dev/null 2>&1; }

for i in 0 1 2 3; do start $i --init; done
passes "four_nodes_find_each_other" until_true all_have "live 4"
submit 0 20 60 >out 2>err
passes "their_states_are_one" until_true all_at_height_of 0

# ---- the state of one rots ----

end 3
check "a_balance_of_the_fourth_rots" "$ROT" d3
"$CLIENT" genesis.json bank.key 0 1000000 600 >load.out 2>load.err &
load=$!
start 3
problem=
until_true grep -q 'state is not the one that a quorum signed\|event=diverged' m3.log ||
    problem="it does not notice; "
result "it_notices_that_its_state_is_not_the_certified_one" "$problem"

# ---- it takes the state anew; it is killed, and who gives it too ----

kills=0 in_the_midst=0 givers=0 problem=
while [ $kills -lt $KILLS_MAX ] && [ $in_the_midst -lt 5 ]; do
    is_up 3 || start 3
    sleep "0.$((kills % 7 + 1))"
    kills=$((kills + 1))
    signal KILL 3
    wait "$(cat m3.pid)" 2>/dev/null
    ! is_taking || in_the_midst=$((in_the_midst + 1))
    giver=$((kills % 3))
    if [ $((kills % 2)) -eq 0 ]; then
        signal KILL $giver
        wait "$(cat m$giver.pid)" 2>/dev/null
        start $giver
        givers=$((givers + 1))
    fi
done
echo "# killed $kills times, $in_the_midst of them while it took the state; givers $givers times"
[ $in_the_midst -ge 1 ] || problem="it was never killed in the midst"
result "it_is_killed_in_the_midst_and_so_are_those_that_give" "$problem"

# ---- in the end ----

is_whole() {
    is_up 3 || start 3
    has 3 'is_diverged 0' && has 3 'is_learner 0' && [ "$(height 3)" -ge "$1" ]
}
at=$(height 0)
passes "it_has_the_state_of_a_checkpoint_and_goes_on_from_there" until_true is_whole "$at"
problem=
ended_load() { ! kill -0 "$load" 2>/dev/null; }
! ended_load || problem="the load ended: $(tail -n 1 load.err)"
result "the_others_went_on_all_the_while" "$problem"
kill -KILL "$load"
wait "$load" 2>/dev/null
load=
passes "all_come_to_one_height" until_true all_at_height_of 0
heads() { for i in 0 1 2 3; do status $i | grep '^head '; done | sort -u | wc -l; }
check "with_one_head" test "$(heads)" -eq 1
end 2 # now the fourth is needed for a quorum
check "and_three_commit_with_it" submit 0 20 60
for i in 0 1 3; do end $i; done
check "its_whole_ledger_stands_up_to_the_audit" "$HANSA" audit d3 --genesis genesis.json
finish
