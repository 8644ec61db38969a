# What a simulated consortium gets done while one thing goes wrong all the time, held against the same
# seed without it (hansa-sim --scenario): a number of transactions in virtual time, which no machine's
# speed is part of. And reads among faults and liars, whose sums over ranges add up.
. "$(dirname "$0")/lib.sh"
SIM=$BUILD/hansa-sim

# sim NAME WORDS...: it succeeds.
sim() {
    name=$1 problem=
    shift
    "$SIM" "$@" >out 2>err </dev/null || problem="hansa-sim $*: exit $?"
    result "$name" "$problem"
}

sim "reads_and_writes_finish_while_a_primary_starves_f_and_f_are_silent" --scenario starved 1..3
sim "half_of_it_gets_done_under_a_primary_just_within_its_time" --scenario slow-primary 1..3
sim "f_slow_disks_slow_down_nobody_else" --scenario slow-disks 1..3

# Each line `sums:` is of one range; sum.sh gives the same for two halves as for the whole.
sim "reads_are_linearizable_among_faults_and_liars" 21..40
mv out whole
"$SIM" 21..30 >first 2>/dev/null && "$SIM" 31..40 >second 2>/dev/null
sh "$SOURCES/tests/sim/sum.sh" first second | sed 1d >halves
sh "$SOURCES/tests/sim/sum.sh" whole | sed 1d >both
check "sums_of_two_ranges_are_those_of_both" cmp halves both
cp halves out
problem=
for kind in reads.accepted reads.verified reads.answered lies_to_reads.wrong_values; do
    grep -qE "^$kind [1-9]" halves || problem="${problem}no $kind; "
done
result "each_kind_of_read_and_of_lie_was_among_them" "$problem"
check "the_sums_end_with_seeds_and_violations" test "$(tail -n 1 halves)" = "sum: 20 seeds, 0 violations"
finish
