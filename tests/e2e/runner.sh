# The runner of the tests itself: what it must not count as passed. It runs here over small programs
# that print what a unit prints. And the scripts that take names of what to run: a name that there is
# not leaves nothing to do, and nothing may not pass.
. "$(dirname "$0")/lib.sh"

# unit NAME WORDS: the runner over this one program; its last line in ./out.
unit() {
    rm -rf tree
    mkdir -p tree/tests/unit tree/tests/foreign tree/tests/e2e tree/build/tests/unit
    cp "$SOURCES/tests/run.sh" tree/tests/
    touch "tree/tests/unit/test_$1.c"
    printf '#!/bin/sh\n%s\n' "$2" >"tree/build/tests/unit/test_$1"
    chmod +x "tree/build/tests/unit/test_$1"
    BUILD=build TEST_SECONDS_MAX=${seconds_max:-60} sh tree/tests/run.sh unit >all 2>err
    tail -n 1 all >out
}

unit whole 'printf "1..2\nok 1 - a\nok 2 - b\n"'
result "unit_with_all_results_passes" "$(lacks out '2 passed, 0 failed')"
unit skipping 'printf "1..2\nok 1 - a\nnot ok 2 # SKIP b\n"'
result "unit_that_skips_passes" "$(lacks out '1 passed, 0 failed')"
unit early 'printf "1..3\nok 1 - a\nok 2 - b\n"'
result "unit_that_ends_early_fails" "$(lacks out '2 passed, 1 failed')"
unit planless 'echo "ok 1 - a"'
result "unit_without_plan_fails" "$(lacks out '1 passed, 1 failed')"
unit empty 'echo 1..0'
result "unit_without_tests_fails" "$(lacks out '0 passed, 1 failed')"
unit crashing 'printf "1..1\nok 1 - a\n"; exit 3'
result "unit_that_exits_badly_fails" "$(lacks out '1 passed, 1 failed')"
seconds_max=1
unit slow 'echo 1..1; sleep 20; echo "ok 1 - a"'
result "unit_that_takes_too_long_fails" "$(lacks out '0 passed, 1 failed')"
seconds_max=
unit whole 'printf "1..1\nok 1 - a\n"'
echo 'echo "ok a"; echo a report >"${TSAN_OPTIONS##*log_path=}.1"' >tree/tests/e2e/nodes.sh
BUILD=build sh tree/tests/run.sh unit tests/e2e/nodes.sh >all 2>err
tail -n 1 all >out
result "script_with_a_sanitizers_report_fails" "$(lacks out '2 passed, 1 failed')$(lacks all 'a report')"

# unknown NAME WORDS COMMAND...: it ends with 2 at once, says nothing of anything caught, and names what
# it does not know, and what there is.
unknown() {
    name=$1 words=$2 problem=
    shift 2
    code=0
    timeout --kill-after=10 60 "$@" >out 2>err </dev/null || code=$?
    [ "$code" -eq 2 ] || problem="exit $code, not 2; "
    [ ! -s out ] || problem="${problem}something on stdout; "
    result "$name" "$problem$(lacks err "$words")"
}

# What the demo says is folded where a blank stands.
sed -n '/^say() {/,/^}/p' "$SOURCES/tools/demo/demo.sh" >say.inc
step=0
. ./say.inc
say "$(seq -s ' ' 1 100)" >out 2>err
problem=
[ "$(wc -l <out)" -gt 3 ] || problem="not folded; "
! grep -q ' $' out || problem="${problem}a line ends in a blank"
result "no_line_of_the_demo_ends_in_a_blank" "$problem"

model=$SOURCES/tests/model/run.sh mutants=$SOURCES/tests/mutants/run.sh drops=$SOURCES/tests/mutants/drops.py
BUILD=$WORK/none # none of them comes to building anything
export BUILD
unknown "run_of_a_kind_that_there_is_not_fails" "'nosuch'|all, unit" sh "$SOURCES/tests/run.sh" nosuch
unknown "search_that_there_is_not_fails" "'nosuch'|two_liars_fork|plain_text_1_height" sh "$model" nosuch
unknown "search_that_there_is_not_fails_beside_one_that_is" "'nosuch'|quorum_2" sh "$model" quorum_2 nosuch
unknown "word_of_the_list_that_is_no_search_fails" "'TEXT'|quorum_2" sh "$model" TEXT
unknown "search_without_a_name_fails" "''|quorum_2" sh "$model" ''
unknown "mutant_that_there_is_not_fails" "'nosuch'|adopted_view_not_written" sh "$mutants" nosuch
unknown "mutant_that_there_is_not_fails_beside_one_that_is" "'nosuch'" sh "$mutants" adopted_view_not_written nosuch
unknown "mutants_of_no_number_fail" "'some'" env MUTANTS=some sh "$mutants"
unknown "no_mutants_at_all_fail" "'0'" env MUTANTS=0 sh "$mutants"
unknown "drop_that_there_is_not_fails" "'nosuch'|pbft_send_range.BUDGET" /usr/bin/python3 "$drops" nosuch
unknown "drop_that_there_is_not_fails_beside_one_that_is" "'nosuch'" /usr/bin/python3 "$drops" pbft_send_range nosuch
finish
