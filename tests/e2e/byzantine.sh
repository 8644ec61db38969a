# The simulator's checkers can see a fork: with f+1 Byzantine members there is one, and with f there
# is none. A run with Byzantine members is decided by its seed like every other.
. "$(dirname "$0")/lib.sh"
SIM=$BUILD/hansa-sim

# sim NAME WORDS...: it succeeds.
sim() {
    name=$1 problem=
    shift
    "$SIM" "$@" >out 2>err </dev/null || problem="hansa-sim $*: exit $?"
    result "$name" "$problem"
}

sim "fork_by_f_plus_1_is_seen_in_every_run" --fork 1..20
check "fork_is_named_in_words" test "$(grep -c 'the fork is seen' out)" -eq 20
sim "byzantine_runs_are_clean_and_repeat_byte_for_byte" --twice 1..12
check "byzantine_members_were_among_them" test -n "$(grep -E '^Byzantine: [1-9][0-9]* runs' out)"
finish
