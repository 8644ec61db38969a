# What whoever reads a failed seed is given: the same run again byte for byte, a report that says who
# waits for what, the command that runs it again, and a smaller plan that fails the same way. The run
# that fails is one whose signatures take longer than any view lasts.
. "$(dirname "$0")/lib.sh"
SIM=$BUILD/hansa-sim
LATE="--set verify_us=1000000 --set view_change_ms=50 --set view_change_cap_ms=500"
PROPERTY="all that is pending is decided, and all nodes come to one height"

# fails NAME STATUS WORDS...: it ends with that status.
fails() {
    name=$1 wanted=$2 problem=
    shift 2
    "$SIM" "$@" >out 2>err </dev/null
    status=$?
    [ "$status" -eq "$wanted" ] || problem="hansa-sim $*: exit $status"
    result "$name" "$problem"
}

# said NAME WORDS: a line of out is like that.
said() {
    problem=
    grep -qE -- "$2" out || problem="not said: $2"
    result "$1" "$problem"
}

check "help_is_given_when_asked_for" "$SIM" --help
said "help_names_the_last_line" 'sim: N seeds, N violations'
fails "no_seed_is_a_wrong_argument" 2 --jobs 1
fails "a_range_that_ends_before_it_begins_is_one" 2 7..3
fails "a_word_that_is_no_seed_is_one" 2 nonsense
fails "a_seed_with_a_word_behind_it_is_one" 2 7x
fails "a_scenario_that_there_is_not_is_one" 2 --scenario nosuch 7

check "a_seed_runs" "$SIM" --trace 7
cp out first
check "and_once_more" "$SIM" --trace 7
problem=
grep -v '^took' first >a && grep -v '^took' out >b && cmp -s a b || problem="two traces of one seed"
result "its_trace_is_the_same_byte_for_byte" "$problem"
check "it_is_a_trace" test "$(grep -c ' > ' first)" -gt 100

# shellcheck disable=SC2086
fails "who_never_comes_to_an_end_is_a_violation" 1 --calm --set has_view_change=1 $LATE 5
said "the_property_is_named" "^== violation: $PROPERTY"
said "the_seed_and_the_commit_are" '^seed 5, commit [0-9a-f]'
said "who_has_what_is_pending_is" 'nonce 1: open.*pooled at 0, 1, 2, 3'
said "what_a_node_waits_for_is" '^node [0-3]: view.*complaints about view.*waits for NEW-VIEW of [0-3]'
problem=
[ "$(grep -c '^-- of node [0-3], the last' out)" -eq 4 ] || problem="not of each"
result "the_last_events_of_each_node_are" "$problem"
said "the_last_line_counts_it" '^sim: 1 seeds, 1 violations'
again=$(sed -n 's/^again: build.hansa-sim //p' out)
cp out first
# shellcheck disable=SC2086
fails "the_command_for_it_fails_too" 1 $again
problem=
grep -v '^took' first >a && grep -v '^took' out >b && cmp -s a b || problem="$again"
result "and_gives_the_same_report" "$problem"

# shellcheck disable=SC2086
fails "a_failure_shrinks" 1 --shrink $LATE 5
said "to_the_same_property" "^violated still: $PROPERTY"
problem=
sed -n 's/^shrunk: \([0-9]*\) of \([0-9]*\) fields remain.*/\1 \2/p' out >sizes
read -r after before <sizes && [ "$after" -lt 15 ] && [ "$before" -gt 30 ] || problem="$(cat sizes)"
result "to_few_fields_of_many" "$problem"
again=$(sed -n 's/^again: build.hansa-sim //p' out)
# shellcheck disable=SC2086
fails "the_smaller_plan_fails" 1 $again
said "in_the_same_way" "^== violation: $PROPERTY"

fails "a_plan_that_violates_nothing_does_not_shrink" 0 --shrink --calm 5
finish
