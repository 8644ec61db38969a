#!/bin/sh
# Run the tests: every unit binary, then the programs that look from outside (tests/foreign,
# tests/e2e). The last line is `N passed, N failed`. `run.sh unit` runs the units alone.
# No program may take longer than TEST_SECONDS_MAX.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
export BUILD
export CMOCKA_MESSAGE_OUTPUT=tap
# cmocka catches signals itself and would hide the report of a sanitizer.
export ASAN_OPTIONS="${ASAN_OPTIONS:-handle_segv=2:detect_leaks=1}"
TEST_SECONDS_MAX=${TEST_SECONDS_MAX:-600}
what=${1:-all}
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

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
if [ "$what" = all ]; then
    for script in tests/foreign/*.sh tests/e2e/*.sh; do
        [ -e "$script" ] || continue
        case "$script" in */lib.sh) continue ;; esac
        run "$script" sh "$script"
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
