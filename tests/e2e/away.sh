# A node is killed, and the other three commit many blocks more under load: AWAY_BLOCKS=N of them, 5,000
# unless told otherwise. Started again while the load goes on, it has to reach the others, stay with
# them, and be one of the quorum. Then one loses its data directory: it begins a new one, and has to
# reach the others too, but never votes again (rule 4.2).
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/box.inc"
CLIENT=$BUILD/tests/programs/submit_raw
CLIENTS=4
MISSED_BLOCKS=${AWAY_BLOCKS:-5000}
LAG_BLOCKS_MAX=50

height() { # MEMBER
    "$HANSA" status --node "$1" --json >status.json 2>/dev/null
    get status.json 'd["nodes"][0]["durable_height"]' 2>/dev/null
}
reaches() { # MEMBER HEIGHT
    [ "$(height "$1")" -ge "$2" ] 2>/dev/null
}
# is_close MEMBER: its lag behind alpha, whose height is read later.
is_close() {
    its=$(height "$1") && alphas=$(height alpha) && [ $((its + LAG_BLOCKS_MAX)) -ge "$alphas" ]
}
# What is wrong with the load, if one of its clients ended.
load_goes_on() {
    for pid in $background; do
        ! ended "$pid" || echo "a client ended: $(tail -n 1 ./*.client.err); "
    done
}
seconds_since() { echo $(($(date +%s) - $1)); }

# ---- four nodes, and clients that each send one transaction after the other: small blocks ----

participants='--participant bank'
for i in $(seq $CLIENTS); do participants="$participants --participant c$i"; done
# shellcheck disable=SC2086
start_box $participants --parameter batch_ms=0
for i in $(seq $CLIENTS); do
    "$CLIENT" "$HANSA_GENESIS" "box/keys/c$i.key" $((i % 3)) 10000000 3000 1 >"$i.client" \
        2>"$i.client.err" &
    background="$background $!"
done
check "chain_grows_under_load" await 120 reaches delta 100

# ---- delta is away ----

problem=$(node kill delta)
"$HANSA" audit box/delta/data --genesis "$HANSA_GENESIS" --json >audit.delta 2>err ||
    problem="${problem}its audit fails; "
left_at=$(get audit.delta 'd["head_height"]')
result "ledger_of_the_killed_node_is_sound" "$problem"
since=$(date +%s) from=$(height alpha) problem=
for name in alpha beta gamma; do
    await 300 reaches $name $((left_at + MISSED_BLOCKS)) ||
        problem="$problem$name is at height $(height $name), not $((left_at + MISSED_BLOCKS)); "
done
to=$(height alpha) took=$(seconds_since "$since")
echo "# heights $from to $to in $took s; delta left at $left_at"
result "three_nodes_commit_many_blocks_more" "$problem$(load_goes_on)"

# ---- delta is back, and the load goes on ----

mode() { # MEMBER
    "$HANSA" status --node "$1" --json >status.json 2>/dev/null
    get status.json 'd["nodes"][0]["mode"]' 2>/dev/null
}
# In ranges the blocks come in a few seconds. One by one they come too, but hardly faster than the
# others make new ones: that is not reaching them.
bound=$((60 + took / 2))
from=$(height alpha) since=$(date +%s)
problem=$(node start delta)
await $bound is_close delta || problem="${problem}it is at $(height delta), alpha at $(height alpha); "
took=$(seconds_since "$since") to=$(height alpha)
echo "# alpha went from $from to $to in the $took s that delta needed for $((to - left_at)) blocks"
[ "$to" -gt "$from" ] || problem="${problem}alpha stood still at $to meanwhile; "
result "the_one_that_was_away_reaches_the_others_under_load" "$problem$(load_goes_on)"
problem=
await 120 reaches alpha $((to + 500)) || problem="alpha is at $(height alpha), not $((to + 500)); "
await 120 is_close delta || problem="${problem}it is at $(height delta), alpha at $(height alpha); "
result "and_stays_with_them_for_500_blocks_more" "$problem$(load_goes_on)"
problem=$(node kill gamma)
to=$(height alpha)
await 120 reaches alpha $((to + 200)) || problem="${problem}alpha is at $(height alpha), not $((to + 200)); "
result "and_makes_the_quorum_with_two_others" "$problem$(load_goes_on)"
problem=$(node start gamma)
await 120 is_close gamma || problem="${problem}it is at $(height gamma), alpha at $(height alpha); "
result "the_next_one_that_was_away_comes_back_too" "$problem$(load_goes_on)"

# ---- gamma's disk is lost; it has its key and its marker still ----

problem=$(node kill gamma)
mv box/gamma/data lost_data
from=$(height alpha) since=$(date +%s)
problem=$problem$(node start gamma)
await $((120 + took * 4)) is_close gamma ||
    problem="${problem}it is at $(height gamma), alpha at $(height alpha); "
to=$(height alpha)
echo "# alpha went from $from to $to in the $(seconds_since "$since") s that gamma needed for all of it"
[ "$to" -gt "$from" ] || problem="${problem}alpha stood still at $to meanwhile; "
result "the_one_without_its_data_reaches_the_others_under_load" "$problem$(load_goes_on)"
problem=
await 120 reaches alpha $((to + 200)) || problem="alpha is at $(height alpha), not $((to + 200)); "
await 120 is_close gamma || problem="${problem}it is at $(height gamma), alpha at $(height alpha); "
[ "$(mode gamma)" = learner ] || problem="${problem}its mode is $(mode gamma); "
cp box/gamma/log out
result "and_follows_them_as_a_learner" "$problem$(lacks out 'level=error event=learner')$(load_goes_on)"

# ---- the end ----

# shellcheck disable=SC2086
kill -KILL $background
# shellcheck disable=SC2086
wait $background 2>/dev/null
background=''
books_are_one
result "there_is_a_block_at_each_height" "$(get audit.delta '"" if d["blocks_count"] == d["head_height"]
    and d["head_height"] > '$((left_at + MISSED_BLOCKS + 700))' else d')"
"$HANSA" export box/delta/data --genesis "$HANSA_GENESIS" --out delta.jsonl >out 2>err
grep -o '"txid":"[0-9a-f]*"' delta.jsonl | cut -d'"' -f4 | sort >in_ledger
# The last line of each client may be broken off.
for i in $(seq $CLIENTS); do sed '$d' "$i.client"; done | cut -d' ' -f2 | sort >told
echo "# $(wc -l <told) transactions were told to be committed"
result "all_that_clients_were_told_is_committed_stands_in_its_ledger_once" \
    "$([ -s told ] || echo nothing was told)$(comm -23 told in_ledger | head -3)$(uniq -d in_ledger | head -3)"
finish
