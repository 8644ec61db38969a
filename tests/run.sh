#!/bin/sh
# Run the tests: every unit binary, then the programs that look from outside (tests/foreign,
# tests/e2e). The last line is `N passed, N failed`. `run.sh unit` runs the units alone.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
export BUILD
export CMOCKA_MESSAGE_OUTPUT=tap
# cmocka catches signals itself and would hide the report of a sanitizer.
export ASAN_OPTIONS="${ASAN_OPTIONS:-handle_segv=2:detect_leaks=1}"
what=${1:-all}
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# One test program: count its TAP lines; one that ends badly, or tests nothing, is a failure.
run() {
    name=$1
    shift
    printf '%-28s' "$name"
    status=0
    "$@" >"$log" 2>&1 || status=$?
    ok=$(grep -c '^ok ' "$log")
    skipped=$(grep -c '# SKIP' "$log")
    not_ok=$(grep '^not ok ' "$log" | grep -vc '# SKIP') # cmocka writes skipped ones so
    if [ "$not_ok" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$ok" -eq 0 ]; }; then
        not_ok=1
    fi
    passed=$((passed + ok)) failed=$((failed + not_ok))
    note=
    [ "$skipped" -eq 0 ] || note=", $skipped skipped: $(grep -m1 'skipped:' "$log" | sed 's/.*skipped: //')"
    if [ "$not_ok" -eq 0 ]; then
        echo "$ok ok$note"
    else
        echo "$ok ok, $not_ok FAILED (exit $status)"
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
