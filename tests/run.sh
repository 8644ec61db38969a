#!/bin/sh
# Run the tests: every unit binary, then the programs that look from outside (tests/foreign,
# tests/e2e). The last line is `N passed, N failed`. `run.sh unit` runs the units alone, `run.sh unit
# tests/e2e/keys.sh` that script too.
# No program may take longer than TEST_SECONDS_MAX.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
export BUILD
export CMOCKA_MESSAGE_OUTPUT=tap
log=$(mktemp)
reports=$(mktemp -d)
trap 'rm -rf "$log" "$reports"' EXIT
# cmocka catches signals itself and would hide the report of a sanitizer.
export ASAN_OPTIONS="${ASAN_OPTIONS:-handle_segv=2:detect_leaks=1}"
TEST_SECONDS_MAX=${TEST_SECONDS_MAX:-600}
what=${1:-all}
[ $# -eq 0 ] || shift
case "$what" in
all | unit) ;;
*) echo "run.sh: there is no '$what'; there are: all, unit" >&2; exit 2 ;;
esac
passed=0 failed=0

# One test program: count its TAP lines. One that ends badly, tests nothing or, where it has a plan
# (1..N), gives another number of results is a failure. Units always have one: cmocka prints it.
run() {
    name=$1
    shift
    printf '%-28s' "$name"
    status=0
    timeout --kill-after=10 "$TEST_SECONDS_MAX" "$@" >"$log" 2>&1 || status=$?
    ok=$(grep -c '^ok ' "$log")
    skipped=$(grep -c '# SKIP' "$log")
    not_ok=$(grep '^not ok ' "$log" | grep -vc '# SKIP') # cmocka writes skipped ones so
    results=$(grep -cE '^(not )?ok ' "$log")
    planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    case "$name" in
    tests/*) [ "$planned" -ne 0 ] || planned=$results ;; # scripts print no plan
    esac
    cause="exit $status"
    [ "$status" -ne 124 ] || cause="stopped after $TEST_SECONDS_MAX seconds"
    [ "$results" -eq "$planned" ] || cause="$cause, $results results of $planned planned"
    if [ "$not_ok" -eq 0 ] &&
        { [ "$status" -ne 0 ] || [ "$ok" -eq 0 ] || [ "$results" -ne "$planned" ]; }; then
        not_ok=1
    fi
    for report in "$reports"/*; do
        [ -s "$report" ] || continue
        not_ok=$((not_ok + 1)) cause="$cause, a sanitizer's report"
        cat "$report" >>"$log"
        rm "$report"
    done
    passed=$((passed + ok)) failed=$((failed + not_ok))
    note=
    [ "$skipped" -eq 0 ] || note=", $skipped skipped: $(grep -m1 'skipped:' "$log" | sed 's/.*skipped: //')"
    if [ "$not_ok" -eq 0 ]; then
        echo "$ok ok$note"
    else
        echo "$ok ok, $not_ok FAILED ($cause)"
        sed 's/^/    /' "$log"
    fi
}

for source in tests/unit/test_*.c; do
    unit=$(basename "$source" .c)
    run "$unit" "$BUILD/tests/unit/$unit"
done
# What scripts run in the background may write anywhere or nowhere: sanitizers put their reports here,
# and each is a failure. Units report by how they end; some have children that may crash.
export ASAN_OPTIONS="$ASAN_OPTIONS:log_path=$reports/address"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}:log_path=$reports/undefined"
export TSAN_OPTIONS="${TSAN_OPTIONS:-second_deadlock_stack=1}:log_path=$reports/thread"
if [ "$what" = all ]; then
    for script in tests/foreign/*.sh tests/e2e/*.sh; do
        [ -e "$script" ] || continue
        case "$script" in */lib.sh) continue ;; esac
        run "$script" sh "$script"
    done
fi
for script in "$@"; do
    run "$script" sh "$script"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
