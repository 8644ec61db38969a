# View changes under load, on real processes: three primaries are killed in a row; one is paused for ten
# seconds, and comes back to others who went on without it; all four are killed in the middle of a view
# change. No payment that was acknowledged may be lost, none be made twice.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/box.inc"
CLIENT=$BUILD/tests/programs/submit_raw
CLIENTS=4

# look WHO...: what these say, in look.json; get look.json then.
look() {
    named=
    for name in "$@"; do named="$named --node $name"; done
    # shellcheck disable=SC2086
    "$HANSA" status $named --json >look.json 2>look.err
    [ -s look.json ]
}
all_but() { # WHO
    for name in $MEMBERS; do [ "$name" = "$1" ] || echo "$name"; done
}
# The view and primary of the nodes that work; highest is a height that one of them has.
now() { # WHO...
    look "$@" && view=$(get look.json 'd["view"]') && primary=$(get look.json 'd["primary"]') &&
        highest=$(get look.json 'd["highest_height"]')
}
# works_beyond VIEW HEIGHT WHO...: in a higher view these work, with blocks above the height.
works_beyond() {
    view_then=$1 height_then=$2
    shift 2
    look "$@" && [ "$(get look.json "d['holds'] and d['view'] > $view_then and
        d['highest_height'] > $height_then and all(n['view_installed'] for n in d['nodes'])")" = True ]
}
all_work_beyond() { # HEIGHT: all four, at work in one view
    # shellcheck disable=SC2086
    look $MEMBERS && [ "$(get look.json "d['holds'] and d['working'] == 4 and
        d['highest_height'] > $1 and all(n['lag'] < 50 for n in d['nodes'])")" = True ]
}
complaints() { # WHO: how many it has made since it was started
    "$HANSA" metrics --node "$1" --json >metrics.json 2>err && get metrics.json \
        'sum(v for k, v in d["metrics"].items() if k.startswith("hansa_complaints_total"))'
}
load_goes_on() {
    for pid in $background; do
        ! ended "$pid" || echo "a client ended: $(tail -n 1 ./*.client.err); "
    done
}

participants='--participant bank --participant shop --asset CZK:2:bank --balance bank/main=1000.00:CZK'
for i in $(seq $CLIENTS); do participants="$participants --participant c$i"; done
# shellcheck disable=SC2086
start_box $participants --parameter checkpoint_every_heights=64
for i in $(seq $CLIENTS); do
    "$CLIENT" "$HANSA_GENESIS" "box/keys/c$i.key" $((i - 1)) 10000000 3000 1 >"$i.client" \
        2>"$i.client.err" &
    background="$background $!"
done
HANSA_KEY=box/keys/bank.key
export HANSA_KEY
passes_beyond() { # HEIGHT
    await 120 all_work_beyond "$1" && echo ok
}
result "chain_grows_under_load" "$([ "$(passes_beyond 50)" = ok ] || cat look.json)"

# ---- three primaries in a row; somebody pays just then ----

former=
for round in 1 2 3; do
    problem=
    # shellcheck disable=SC2086
    now $MEMBERS || problem="not all are there: $(cat look.err); "
    was=$view killed=$primary
    problem=$problem$(node kill primary)
    grep -q "^killed: $killed\$" node.out || problem="$problem$(cat node.out), not $killed; "
    # Too little time to see it through a view change. Without a txid nothing was sent.
    for seconds in 1 10 60; do
        code=0
        "$HANSA" transfer --from bank/main --to shop/main --amount 1.00 --asset CZK --timeout $seconds \
            >"$round.pay" 2>"$round.pay.err" || code=$?
        txid=$(sed -n 's/^txid: *//p' "$round.pay")
        [ -z "$txid" ] || break
    done
    case $code in 0 | 7) ;; *) problem="${problem}the payment ends with exit $code; " ;; esac
    "$HANSA" wait "$txid" --timeout 60 >out 2>err || problem="${problem}wait does not find it; "
    problem="$problem$(lacks out 'committed:')"
    # shellcheck disable=SC2046
    await 120 works_beyond "$was" $((highest + 50)) $(all_but "$killed") ||
        problem="${problem}no view above $was works, or no blocks come; "
    # shellcheck disable=SC2046
    now $(all_but "$killed") || problem="${problem}$(cat look.err); "
    echo "# round $round: $killed killed, view $was became $view, whose primary is $primary"
    result "round_${round}_the_others_go_on_when_their_primary_is_killed" "$problem$(load_goes_on)"
    former="$former $killed"
    problem=$(node start "$killed")
    await 120 all_work_beyond "$highest" || problem="$problem$(cat look.json)"
    result "round_${round}_it_comes_back_and_works_with_them" "$problem$(load_goes_on)"
done
result "three_different_ones_were_killed" \
    "$([ "$(echo "$former" | tr ' ' '\n' | sort -u | grep -c .)" -eq 3 ] || echo "killed: $former")"

# ---- one is paused as primary, and comes back ----

# comes_back: in without and problem, what goes wrong while it is away and then. is_stalled when others complained too, once it was back: then
# the machine stood still, and this shows nothing.
comes_back() {
    problem='' without=''
    # shellcheck disable=SC2086
    await 120 all_work_beyond 0 && now $MEMBERS
    was=$view paused=$primary
    complained=$(complaints "$paused")
    signal STOP "$paused"
    since=$(date +%s)
    # shellcheck disable=SC2046
    await 120 works_beyond "$was" $((highest + 50)) $(all_but "$paused") ||
        without="$(cat look.json)"
    while [ $(($(date +%s) - since)) -lt 10 ]; do sleep 0.2; done
    # shellcheck disable=SC2046
    now $(all_but "$paused")
    was=$view at=$highest others=
    for name in $(all_but "$paused"); do others="$others $(complaints "$name")"; done
    signal CONT "$paused"
    await 120 all_work_beyond $((at + 50)) || problem="$problem$(cat look.json)"
    sleep 3
    # shellcheck disable=SC2086
    now $MEMBERS
    is_stalled=
    for name in $(all_but "$paused"); do is_stalled="$is_stalled $(complaints "$name")"; done
    [ "$is_stalled" != "$others" ] || is_stalled=
    [ "$view" -eq "$was" ] || problem="${problem}view $was became $view; "
    [ "$(complaints "$paused")" = "$complained" ] ||
        problem="${problem}it has complained: $(grep ' event=complaint ' "box/$paused/log" | tail -n 1); "
}
for try in 1 2 3; do
    comes_back
    [ -n "$problem" ] && [ -n "$is_stalled" ] || break
    echo "# once more, others complained meanwhile: $problem"
done
result "the_others_go_on_when_their_primary_is_paused" "$without$(load_goes_on)"
result "it_comes_back_without_a_complaint_and_disturbs_nobody" "$problem$(load_goes_on)"

# ---- all are killed in the middle of a view change ----

# half_way PRIMARY NEXT: the two others have left the view, and the next primary is not there to take
# over.
half_way() {
    # shellcheck disable=SC2046
    look $(all_but "$1" | grep -v "^$2\$") &&
        [ "$(get look.json 'all(n["answers"] and n["changing_view"] for n in d["nodes"])')" = True ]
}
next_of() { # WHO
    echo "$MEMBERS $MEMBERS" | tr ' ' '\n' | grep -A 1 "^$1\$" | sed -n 2p
}
# kill_half_way WORD SECONDS: the next primary is let go so long before; '-': it is not.
kill_half_way() {
    problem=
    # shellcheck disable=SC2086
    now $MEMBERS || problem="not all are there: $(cat look.err); "
    was=$view killed=$primary next=$(next_of "$primary") at=$highest
    signal STOP "$next"
    problem=$problem$(node kill "$killed")
    await 120 half_way "$killed" "$next" || problem="${problem}they do not leave view $was: $(cat look.json); "
    if [ "$2" != - ]; then
        signal CONT "$next"
        sleep "$2"
    fi
    problem=$problem$(node kill all)
    problem=$problem$(node start all)
    await 120 all_work_beyond $((at + 50)) || problem="${problem}they do not go on: $(cat look.json); "
    # shellcheck disable=SC2086
    now $MEMBERS
    [ "$view" -gt "$was" ] || problem="${problem}the view is $view, and $was was left; "
    echo "# all killed half way from view $was, now in $view"
    result "all_killed_half_way_$1" "$problem$(load_goes_on)"
}
kill_half_way "before_the_next_primary_can_take_over" -
kill_half_way "while_it_takes_over" 0.03
kill_half_way "after_it_took_over" 0.3

# ---- the end ----

# shellcheck disable=SC2086
kill -KILL $background
# shellcheck disable=SC2086
wait $background 2>/dev/null
background=''
books_are_one
# The last line of each client may be broken off.
{
    for i in $(seq $CLIENTS); do sed '$d' "$i.client" | cut -d' ' -f2; done
    sed -n 's/^txid: *//p' ./*.pay
} | sort >told
echo "# $(wc -l <told) transactions were told to be committed"
problem="$([ "$(wc -l <told)" -gt 500 ] || echo "only $(wc -l <told) were told; ")"
for name in $MEMBERS; do
    "$HANSA" export "box/$name/data" --genesis "$HANSA_GENESIS" --out "$name.jsonl" >out 2>err ||
        problem="${problem}the export of $name fails; "
    grep -o '"txid":"[0-9a-f]*"' "$name.jsonl" | cut -d'"' -f4 | sort >in_ledger
    problem="$problem$(comm -23 told in_ledger | sed "s/^/$name lacks /" | head -3)"
    problem="$problem$(uniq -d in_ledger | sed "s/^/$name has twice /" | head -3)"
done
result "what_was_acknowledged_stands_once_in_each_ledger" "$problem"
"$HANSA" account shop/main --dir box/delta/data --asset CZK >out 2>err
result "and_the_payments_were_made_once" "$(lacks out '3.00 CZK, 3 history entries')"
events_stand_in_the_table started ended complaint view_left view_installed checkpoint
finish
