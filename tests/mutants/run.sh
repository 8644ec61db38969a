#!/bin/sh
# Mutants: each patch here drops or bends one rule, and some test has to notice. A patch that does
# not apply, does not build or is noticed by nobody is a failure. The last line is
# `mutants: N/N caught`. Arguments: names of patches, without them all.
#
# A patch begins with two lines of words: `rule: ...`, what is bent; and `caught by: test_a sim:1..40`,
# the unit tests, or the range of the simulator's seeds, that are run against it.
#
# MUTANTS=n: so many of those that unit tests notice, which are quick, from all over the rules. That the
# rest applies is still looked at.
set -u
cd "$(dirname "$0")/../.."
for name in "$@"; do
    [ ! -f "tests/mutants/$name.patch" ] || continue
    echo "mutants: there is no '$name'; there are:" >&2
    ls tests/mutants | sed -n 's/\.patch$//p' >&2
    exit 2
done
case "${MUTANTS:-1}" in
*[!0-9]* | 0*) echo "mutants: MUTANTS is a number from 1 on, not '$MUTANTS'" >&2; exit 2 ;;
esac
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
work=$BUILD/mutants
tree=$work/tree log=$work/log
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -p -u -t "$tree" 2>/dev/null

program_of() { case "$1" in sim:*) echo build/hansa-sim ;; *) echo "build/tests/unit/$1" ;; esac; }

# Build and run what a name under `caught by` stands for, in the copy.
check() {
    seeds=
    case "$1" in sim:*) seeds=${1#sim:} ;; esac
    # shellcheck disable=SC2086
    (cd "$tree" && timeout 120 "$(program_of "$1")" $seeds >"$log" 2>&1)
}

# A test that fails anyway would "catch" everything.
sound() {
    targets=
    for test in $(sed -n 's/^caught by: //p' "$@" | tr ' ' '\n' | sort -u); do
        targets="$targets $(program_of "$test")"
    done
    # shellcheck disable=SC2086
    make -s -k -j"$(nproc)" -C "$tree" BUILD=build $targets >"$log" 2>&1
    for test in $(sed -n 's/^caught by: //p' "$@" | tr ' ' '\n' | sort -u); do
        make -s -C "$tree" BUILD=build "$(program_of "$test")" >"$log" 2>&1 &&
            check "$test" && continue
        echo "$test fails without any mutant:"
        tail -5 "$log"
        return 1
    done
}

try() {
    patch=$1
    name=$(basename "$patch" .patch)
    rule=$(sed -n 's/^rule: //p' "$patch" | head -1)
    tests=$(sed -n 's/^caught by: //p' "$patch" | head -1)
    verdict=survived
    if [ -z "$rule" ] || [ -z "$tests" ]; then
        verdict='has no rule or no tests named'
    elif ! patch -d "$tree" -p1 -s -N -r - <"$patch" >/dev/null 2>&1; then
        verdict='does not apply'
    else
        for test in $tests; do # the first that notices is enough: the others need not be built
            if ! make -s -C "$tree" BUILD=build "$(program_of "$test")" >"$log" 2>&1; then
                verdict='does not build'
                break
            fi
            check "$test" && continue
            verdict=caught
            break
        done
        patch -d "$tree" -p1 -s -R <"$patch" >/dev/null 2>&1
    fi
    printf '%-32s %-10s %s\n' "$name" "$verdict" "$rule" | tee -a "$work/verdicts"
}

# One of several that go through the patches side by side, each in a tree of its own.
work_through() { # NUMBER PATCHES...
    number=$1
    shift
    tree=$work/tree.$number log=$work/log.$number
    rm -rf "$tree"
    cp -a "$work/tree" "$tree"
    at=0
    for patch in "$@"; do
        [ $((at % jobs)) -ne "$number" ] || try "$patch"
        at=$((at + 1))
    done
}

# In an order that has nothing to do with their names.
shuffled() {
    for patch in "$@"; do
        printf '%s %s\n' "$(printf '%s' "$patch" | cksum | cut -d' ' -f1)" "$patch"
    done | sort -n | cut -d' ' -f2
}

if [ $# -gt 0 ]; then
    patches=
    for name in "$@"; do patches="$patches tests/mutants/$name.patch"; done
else
    patches=$(ls tests/mutants/*.patch)
fi
all=$(echo "$patches" | wc -w)
for patch in $patches; do
    patch -d "$tree" -p1 -s --dry-run <"$patch" >/dev/null 2>&1 && continue
    echo "$(basename "$patch" .patch) does not apply"
    exit 1
done
# shellcheck disable=SC2086
[ -z "${MUTANTS:-}" ] || patches=$(shuffled $(grep -L '^caught by: .*sim:' $patches) | head -n "$MUTANTS")
# shellcheck disable=SC2086
sound $patches || { echo 'mutants: 0 caught, the tests themselves fail'; exit 1; }
jobs=$(nproc) number=0
: >"$work/verdicts"
while [ "$number" -lt "$jobs" ]; do
    # shellcheck disable=SC2086
    work_through "$number" $patches &
    number=$((number + 1))
done
wait
total=$(echo "$patches" | wc -w)
[ "$total" -eq "$all" ] || echo "$((all - total)) more apply, and were left out this time"
caught=$(grep -cE '^[^ ]+ +caught ' "$work/verdicts")
echo "mutants: $caught/$total caught"
[ "$caught" -eq "$total" ]
