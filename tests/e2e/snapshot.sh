# Rules 9.3 and 8.2 on real processes: one that was away for long takes the state from the others under
# load, is killed in the middle of it and goes on where it was, with one of the others killed too, and
# has all older blocks behind it; and one whose state rots on its disk notices it, puts it aside and
# takes the certified one, killed again. Whoever is to be met in the middle is: the others are stopped
# while he is, so that he stays there.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/box.inc"
CLIENT=$BUILD/tests/programs/submit_raw
CLIENTS=3
BEHIND_BLOCKS=64
MISSED_BLOCKS=${SNAPSHOT_BLOCKS:-200}
ACCOUNTS=${SNAPSHOT_ACCOUNTS:-30000} # so that there are some dozens of pieces
LAG_BLOCKS_MAX=50
stopped= # processes that are; they would not hear the end either
# shellcheck disable=SC2086
trap '[ -z "$stopped" ] || kill -CONT $stopped; clean_up' EXIT

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
since_start() { # MEMBER: what its process that runs now, or ran last, has said
    awk '/ event=started /{text=""} {text=text $0 "\n"} END{printf "%s", text}' "box/$1/log"
}
metric() { # MEMBER NAME
    case $1 in alpha) index=0 ;; beta) index=1 ;; gamma) index=2 ;; *) index=3 ;; esac
    "$CLIENT" "$HANSA_GENESIS" - $index metrics >metrics 2>/dev/null || return 1
    awk -v name="hansa_$2" '$1 == name{print $2; found = 1} END{exit !found}' metrics
}
pids_of() { # MEMBER...: to be stopped at once, without a search
    for member in "$@"; do
        for process in /proc/[0-9]*; do
            tr '\0' ' ' <"$process/cmdline" | grep -q "^hansad .*$WORK/box/$member/" &&
                echo "${process#/proc/}"
        done 2>/dev/null
    done
}
has_taken_one() { since_start "$1" | grep -q "event=reopening .*was taken from peers"; }
# Its whole state is not here yet, and some of it is.
is_in_the_middle() { # MEMBER
    [ "$(metric "$1" is_taking_snapshot)" = 1 ] &&
        grep -q '^hansa_snapshot_pieces [1-9]' metrics
}
is_in_the_middle_or_beyond() { # MEMBER
    is_in_the_middle "$1" || has_taken_one "$1"
}
rests() { # MEMBER: and its disk has what came
    before=$(metric "$1" snapshot_pieces) && sleep 1 &&
        [ "$(metric "$1" snapshot_pieces)" = "$before" ]
}
# It takes a state, and there it stays: everybody else is stopped. Otherwise it was too fast.
catch() { # MEMBER PID...
    member=$1 catch_until=$(($(date +%s) + 120))
    shift
    until is_in_the_middle_or_beyond "$member"; do # without a pause: it may be short
        [ "$(date +%s)" -lt "$catch_until" ] || return 1
    done
    stopped=$*
    kill -STOP "$@"
    await 30 rests "$member" && is_in_the_middle "$member" && return
    go_on
    return 1
}
go_on() {
    # shellcheck disable=SC2086
    kill -CONT $stopped 2>/dev/null # who was killed meanwhile does not
    stopped=
}
# Killed and started again, with nobody to ask: it has what it had.
kill_in_the_middle() { # MEMBER WORDS
    pieces=$(metric "$1" snapshot_pieces)
    at=$(field "$1" snapshot_height)
    node kill "$1"
    "$BUILD/hansad" --config "box/$1/node.json" --check >check.out 2>&1
    lacks check.out "$2"
    node start "$1"
    await 60 is_in_the_middle "$1" || echo "it has no piece any more; "
    [ "$(metric "$1" snapshot_pieces)" = "$pieces" ] ||
        echo "it had $pieces pieces, and has $(metric "$1" snapshot_pieces); "
    [ "$(field "$1" snapshot_height)" = "$at" ] || echo "it takes another state than of $at; "
}

# A transaction that was committed while delta was away. Clients write down what they are told now and
# then.
find_missed() {
    awk -v from=$((left_at + 10)) -v to=$((left_at + MISSED_BLOCKS)) \
        '$1 == "committed" && $3 > from && $3 < to{print $2; exit}' ./*.client >missed
    [ -s missed ]
}

# ---- four nodes that take a state when they are 64 blocks behind, and load ----

participants='--participant bank'
for i in $(seq $CLIENTS); do participants="$participants --participant c$i"; done
# shellcheck disable=SC2086
start_box $participants --asset CZK:2:bank --balance bank/main=1000000.00:CZK \
    --parameter batch_ms=0 --parameter checkpoint_every_heights=16 \
    --parameter window_heights=32 --parameter pipeline_heights=4 --parameter sync_blocks_max=16
problem=$(node stop all)
for name in $MEMBERS; do
    sed -i 's/"verify_threads"/"snapshot_behind_heights": '$BEHIND_BLOCKS', "verify_threads"/' \
        "box/$name/node.json"
done
for name in $MEMBERS; do problem=$problem$(node start "$name"); done
seq -f 'account%.0f' "$ACCOUNTS" | sed '1i to' >rows.csv
"$HANSA" import rows.csv --key box/keys/bank.key --op transfer --from bank/main --to 'bank/{to}' \
    --amount 0.01 --asset CZK --ops-per-tx 1000 --timeout 120 >out 2>err ||
    problem="${problem}the import fails; "
for i in $(seq $CLIENTS); do
    "$CLIENT" "$HANSA_GENESIS" "box/keys/c$i.key" $((i % 3)) 10000000 3000 1 >"$i.client" \
        2>"$i.client.err" &
    background="$background $!"
done
grown=$(height delta)
await 120 reaches delta $((grown + 40)) || problem="${problem}delta is at $(height delta); "
result "chain_grows_under_load" "$problem$(load_goes_on)"

# ---- delta is away, and killed while it takes the state ----

problem=$(node kill delta)
left_at=$(height alpha)
target=$((left_at + MISSED_BLOCKS))
others=$(pids_of alpha beta gamma)
for try in 1 2 3 4 5; do
    await 300 reaches alpha $target || problem="${problem}alpha is at $(height alpha); "
    problem=$problem$(node start delta)
    # shellcheck disable=SC2086
    catch delta $others && break
    problem=$problem$(node kill delta)
    target=$(($(height alpha) + 2 * BEHIND_BLOCKS))
done
: >out
[ -n "$stopped" ] || problem="${problem}it was never met in the middle, $try times; "
echo "# delta, start $try: $(metric delta snapshot_pieces) pieces, $(metric delta snapshot_per_mille) per mille"
[ -z "$stopped" ] || problem=$problem$(kill_in_the_middle delta 'a start goes on taking it')
cp box/delta/log out
result "one_that_is_killed_in_the_middle_of_a_state_goes_on_where_it_was" "$problem"
problem=$(node kill alpha)
[ -z "$stopped" ] || go_on
await 120 has_taken_one delta || problem="${problem}delta is at $(height delta); "
problem=$problem$(node start alpha)
cp box/delta/log out
result "it_has_the_state_though_one_that_gave_it_is_killed" "$problem"
problem=
await 120 is_close delta || problem="it is at $(height delta), alpha at $(height alpha); "
since_start delta >out
result "one_that_was_away_for_long_joins_by_a_snapshot_under_load_in_one_process" \
    "$problem$(lacks out 'event=reopening')$(lacks box/delta/log 'event=snapshot')$(load_goes_on)"
problem=
await 120 has_all_history delta || problem="delta has history from $(field delta history_from_height); "
result "all_older_blocks_come_behind" "$problem$(load_goes_on)"
problem=
await 60 find_missed || problem="nobody was told of a transaction that it missed; "
missed=$(cat missed)
"$HANSA" tx "$missed" --node delta --receipt missed.receipt >out 2>err ||
    problem="${problem}delta does not know of $missed; "
"$HANSA" receipt verify missed.receipt --genesis "$HANSA_GENESIS" >out 2>err ||
    problem="${problem}its receipt does not hold; "
result "it_gives_receipts_of_what_it_missed" "$problem"
problem=$(node kill gamma)
to=$(height alpha)
await 120 reaches alpha $((to + 50)) || problem="${problem}alpha is at $(height alpha), not $((to + 50)); "
result "it_makes_the_quorum_with_two_others" "$problem$(load_goes_on)"

# ---- gamma's state rots while it is down ----

is_at_alphas_height() { [ "$(height "$1")" = "$(height alpha)" ]; }
hears_all() {
    metric "$1" up_ms >/dev/null && [ "$(grep -c '^hansa_peer_live{.*} 1$' metrics)" -eq 3 ]
}
# While nothing happens on the chain: one that is far behind would take a sound state, and never know.
rot() { # MEMBER WHICH
    await 120 is_close "$1" && await 120 has_all_history "$1" || echo "$1 does not come back; "
    # shellcheck disable=SC2086
    kill -STOP $background
    await 120 is_at_alphas_height "$1" || echo "$1 is at $(height "$1"); "
    node kill "$1"
    "$BUILD/tests/programs/rot_state" "box/$1/data" "$2" >rotten 2>err ||
        echo "rot_state: $(cat err); "
    node start "$1"
    await 120 hears_all "$1" || echo "$1 does not hear all others; "
    # shellcheck disable=SC2086
    kill -CONT $background
}
problem=$(node start gamma)
others=$(pids_of alpha beta delta) # alpha's is another one now
for try in 1 2 3 4 5; do
    problem=$problem$(rot gamma $try)
    # shellcheck disable=SC2086
    catch gamma $others && break
done
[ -n "$stopped" ] || problem="${problem}it was never met in the middle, $try times; "
echo "# gamma, start $try: rotten at height $(cat rotten)"
[ -z "$stopped" ] || problem=$problem$(kill_in_the_middle gamma 'not the certified one')
[ "$(field gamma diverged)" = True ] || problem="${problem}it does not say that it has diverged; "
cp box/gamma/log out
result "one_whose_state_rots_notices_it_and_is_killed_again" "$problem$(lacks out \
    'level=error event=diverged height=|root=|certified_root=|level=error event=set_aside|event=reopening')"
run account bank/main --node gamma --timeout 5
problem="$(lacks err 'is taking its state anew')"
[ $code -eq 7 ] || problem="${problem}exit $code, not 7; "
result "nobody_is_told_of_a_state_that_is_not_there" "$problem"
problem=
for aside in box/gamma/data/diverged-*; do
    [ -f "$aside/data.mdb" ] || problem="${problem}there is no copy of it; "
    [ ! -e "$aside/data.part" ] || problem="${problem}there is half a copy of it; "
done
code=0
"$HANSA" audit "$aside" --genesis "$HANSA_GENESIS" >out 2>err || code=$?
[ $code -eq 1 ] || problem="${problem}exit $code; "
result "the_rotten_state_is_put_aside_and_the_audit_names_the_entry" \
    "$problem$(lacks err 'differs from the replayed one')"
[ -z "$stopped" ] || go_on
problem=
await 120 has_taken_one gamma || problem="it has taken no state; "
await 120 is_close gamma || problem="${problem}it is at $(height gamma), alpha at $(height alpha); "
await 120 has_all_history gamma ||
    problem="${problem}gamma has history from $(field gamma history_from_height); "
[ "$(field gamma diverged)" = False ] || problem="${problem}it is still diverged; "
since_start gamma >out
result "it_takes_the_certified_state_and_all_of_its_history" \
    "$problem$(lacks out 'event=reopening')$(load_goes_on)"
problem=$(node kill delta)
to=$(height alpha)
await 120 reaches alpha $((to + 50)) || problem="${problem}alpha is at $(height alpha), not $((to + 50)); "
problem=$problem$(node start delta)
result "what_it_voted_for_is_not_lost_and_it_votes_again" "$problem$(load_goes_on)"

# ---- the end ----

# shellcheck disable=SC2086
kill -KILL $background
# shellcheck disable=SC2086
wait $background 2>/dev/null
background=''
books_are_one
events_stand_in_the_table snapshot reopening diverged set_aside
finish
