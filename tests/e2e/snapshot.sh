# Rules 9.3 and 8.2 on real processes: one that was away for long takes the state from the others under
# load, through kills, and all older blocks behind it; and one whose state rots on its disk notices it,
# puts it aside and takes the certified one.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/box.inc"
CLIENT=$BUILD/tests/programs/submit_raw
CLIENTS=3
BEHIND_BLOCKS=64
MISSED_BLOCKS=${SNAPSHOT_BLOCKS:-400}
LAG_BLOCKS_MAX=50

field() { # MEMBER FIELD
    "$HANSA" status --node "$1" --json >status.json 2>/dev/null
    get status.json 'd["nodes"][0]["'"$2"'"]' 2>/dev/null
}
height() { field "$1" durable_height; }
reaches() { # MEMBER HEIGHT
    [ "$(height "$1")" -ge "$2" ] 2>/dev/null
}
is_close() { # MEMBER: its lag behind alpha, whose height is read later
    its=$(height "$1") && alphas=$(height alpha) && [ $((its + LAG_BLOCKS_MAX)) -ge "$alphas" ]
}
has_all_history() { [ "$(field "$1" history_from_height)" = 1 ]; }
load_goes_on() {
    for pid in $background; do
        ! ended "$pid" || echo "a client ended: $(tail -n 1 ./*.client.err); "
    done
}
says() { grep -q "event=$2" "box/$1/log"; }

# ---- four nodes that take a state when they are 64 blocks behind, and load ----

participants='--participant bank'
for i in $(seq $CLIENTS); do participants="$participants --participant c$i"; done
# shellcheck disable=SC2086
start_box $participants --parameter batch_ms=0 --parameter checkpoint_every_heights=16 \
    --parameter window_heights=32 --parameter pipeline_heights=4 --parameter sync_blocks_max=16
problem=$(node stop all)
for name in $MEMBERS; do
    sed -i 's/"verify_threads"/"snapshot_behind_heights": '$BEHIND_BLOCKS', "verify_threads"/' \
        "box/$name/node.json"
done
for name in $MEMBERS; do problem=$problem$(node start "$name"); done
for i in $(seq $CLIENTS); do
    "$CLIENT" "$HANSA_GENESIS" "box/keys/c$i.key" $((i % 3)) 10000000 3000 1 >"$i.client" \
        2>"$i.client.err" &
    background="$background $!"
done
await 60 reaches delta 40 || problem="${problem}delta is at $(height delta); "
result "chain_grows_under_load" "$problem$(load_goes_on)"

# ---- delta is away, and killed while it takes the state ----

problem=$(node kill delta)
left_at=$(height alpha)
await 300 reaches alpha $((left_at + MISSED_BLOCKS)) || problem="${problem}alpha is at $(height alpha); "
missed=$(sed -n "s/^committed \([0-9a-f]*\) $((left_at + 100))\$/\1/p" ./*.client | head -1)
for wait in 0.05 0.15 0.25 0.4; do
    "$HANSA" sandbox start delta >node.out 2>&1
    sleep $wait
    signal KILL delta
    sleep 0.2
done
"$HANSA" sandbox kill delta >node.out 2>&1
problem=$problem$(node start delta)
from=$(height alpha)
await 120 is_close delta || problem="${problem}it is at $(height delta), alpha at $(height alpha); "
cp box/delta/log out
result "one_that_was_away_for_long_joins_by_a_snapshot_under_load" \
    "$problem$(lacks out 'event=snapshot|event=reopening')$(load_goes_on)"
problem=
await 120 has_all_history delta || problem="delta has history from $(field delta history_from_height); "
result "all_older_blocks_come_behind" "$problem$(load_goes_on)"
problem=
[ -n "$missed" ] || problem="no transaction of height $((left_at + 100)) was told; "
"$HANSA" tx "$missed" --node delta --receipt missed.receipt >out 2>err ||
    problem="${problem}delta does not know of $missed; "
"$HANSA" receipt verify missed.receipt --genesis "$HANSA_GENESIS" >out 2>err ||
    problem="${problem}its receipt does not hold; "
result "it_gives_receipts_of_what_it_missed" "$problem"
problem=$(node kill gamma)
to=$(height alpha)
await 120 reaches alpha $((to + 100)) || problem="${problem}alpha is at $(height alpha), not $((to + 100)); "
result "it_makes_the_quorum_with_two_others" "$problem$(load_goes_on)"

# ---- gamma's state rots while it is down ----

rotten=$("$BUILD/tests/programs/rot_state" box/gamma/data 1 2>err) || problem="rot_state: $(cat err); "
problem=$problem$(node start gamma)
await 60 says gamma set_aside || give_up
await 120 is_close gamma || problem="${problem}it is at $(height gamma), alpha at $(height alpha); "
cp box/gamma/log out
result "one_whose_state_rots_notices_it_and_comes_back" "$problem$(lacks out \
    'level=error event=diverged|level=error event=set_aside|event=reopening')$(load_goes_on)"
problem=
aside=$(ls -d box/gamma/data/diverged-* 2>/dev/null)
[ -f "$aside/data.mdb" ] || problem="there is no copy of it; "
code=0
"$HANSA" audit "$aside" --genesis "$HANSA_GENESIS" >out 2>err || code=$?
[ $code -eq 1 ] || problem="${problem}exit $code; "
result "the_rotten_state_is_put_aside_and_the_audit_names_the_entry" \
    "$problem$(lacks err 'state record|differs from the replayed one')"
problem=
await 120 has_all_history gamma || problem="gamma has history from $(field gamma history_from_height); "
[ "$(field gamma diverged)" = False ] || problem="${problem}it is still diverged; "
result "and_has_all_of_its_history_again" "$problem$(load_goes_on)"

# ---- the end ----

# shellcheck disable=SC2086
kill -KILL $background
# shellcheck disable=SC2086
wait $background 2>/dev/null
background=''
books_are_one
events_stand_in_the_table snapshot reopening diverged set_aside
echo "# rotten at height $rotten"
finish
