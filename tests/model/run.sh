#!/bin/sh
# Model checking (tests/model/README.md): Spin searches what pbft.pml can do. The properties must hold;
# with two liars, and with each rule bent, a violation must be found. Every search has its limit of
# time, all together ten minutes, and says whether it came to an end or how much it saw.
# The last line is `model: N properties hold, N/N mutants caught`. Arguments: names, without them all.
set -u
cd "$(dirname "$0")/../.."
model=$PWD/tests/model/pbft.pml
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
work=$BUILD/model
SLOWER=${SLOWER:-1} # multiplies all limits of time: for a busy machine
SECONDS_MAX=$((500 * SLOWER))
MEGABYTES_MAX=3500 # of each search; two run at a time

# kind, name, seconds at most, search (deep: depth first, which needs little memory; short: breadth first,
# so that what it shows is short), -D switches. TEXT is the protocol as its text stands; without it nothing
# above the base is PREPAREd before the view is installed. Every state is stored whole: nothing is hashed away.
searches() {
    cat <<'LIST'
mutant two_liars_fork          60 short LIARS=2 FORK_ONLY TEXT
mutant quorum_2                60 short Q=2 TEXT
mutant high_not_raised         60 short HIGH_NOT_RAISED TEXT
mutant one_view_change_too_few 60 short ONE_VIEW_CHANGE_TOO_FEW TEXT
mutant votes_after_view_change 60 short VOTES_AFTER_VIEW_CHANGE TEXT
mutant second_prepare          60 short SECOND_PREPARE TEXT
mutant prepare_below_base      60 short PREPARE_BELOW_BASE TEXT
mutant rank_by_height          60 deep  RANK_BY_HEIGHT TEXT
mutant before_base_vote        60 short BEFORE_BASE_VOTE TEXT
mutant commit_below_base       60 deep  COMMIT_BELOW_BASE TEXT
mutant base_not_recomputed     60 short BASE_NOT_RECOMPUTED TEXT
mutant new_view_twice          60 deep  NEW_VIEW_TWICE TEXT
mutant tip_by_lower_view       60 deep TIP_BY_LOWER_VIEW TEXT
reach  commits_in_every_view   60 deep  WITNESS
hold   text                   180 deep TEXT
hold   installed               90 deep
hold   plain                  180 deep PLAIN
hold   plain_text_1_height     90 deep PLAIN TEXT HEIGHTS=1
hold   text_4_views_1_height   90 deep TEXT VIEWS=4 HEIGHTS=1
hold   installed_3_heights    120 deep HEIGHTS=3
hold   installed_4_views      120 deep VIEWS=4
LIST
}

# The figures that pan prints at its end.
figure() { sed -n "$1" "$name/log" | tail -1; }

report() { printf '%-24s %s\n' "$name" "$1" | tee "$name/verdict"; }

# A search for what must not exist.
hold() {
    states=$(figure 's/^ *\([0-9.e+]*\) states, stored.*/\1/p')
    seconds=$(figure 's/^pan: elapsed time \([0-9.e+]*\) seconds/\1/p')
    if ! grep -q 'errors: 0$' "$name/log"; then
        report "FAILED: see $name/trace"
        (cd "$name" && spin $switches -t pbft.pml >trace 2>&1)
    elif grep -qE 'Interrupted|reached -DMEMLIM|max search depth|hash array' "$name/log"; then
        report "holds in $states states, NOT exhausted, $seconds s"
    else
        report "holds, exhausted: $states states, $seconds s"
    fi
}

# A search for what must exist.
find_it() {
    (cd "$name" && spin $switches -t pbft.pml >trace 2>&1)
    found=$(sed -n 's/^ *VIOLATED //p' "$name/trace" | head -1)
    steps=$(grep -c '(view\|VIEW-CHANGE\|NEW-VIEW' "$name/trace")
    if [ -n "$found" ]; then
        report "$1: $found ($steps steps)"
    else
        report 'NOT FOUND'
    fi
}

search() {
    kind=$1 name=$2 seconds_max=$(($3 * SLOWER)) order=$4
    shift 4
    switches=
    for switch; do
        [ "$switch" != TEXT ] || switch=WITHOUT_INSTALLED
        switches="$switches -D$switch"
    done
    options="-O1 -w -DSAFETY -DNOREDUCE -DMEMLIM=$MEGABYTES_MAX"
    [ "$order" = deep ] || { switches="$switches -DSHORTEST" options="$options -DBFS"; }
    left=$((STARTED + SECONDS_MAX - $(date +%s)))
    [ "$left" -gt 1 ] || left=1
    [ "$left" -lt "$seconds_max" ] || left=$seconds_max
    rm -rf "$name"
    mkdir -p "$name"
    cp "$model" "$name"
    # shellcheck disable=SC2086
    (cd "$name" && spin $switches -a pbft.pml && ${CC:-cc} $options -o pan pan.c &&
        timeout -s INT -k 20 "$left" ./pan -m10000 -w25) >"$name/log" 2>&1
    case "$kind" in
    hold)  hold ;;
    reach) find_it reached ;;
    *)     find_it caught ;;
    esac
}

if [ "${1:-}" = --one ]; then
    shift
    cd "$work" || exit 1
    search "$@"
    exit 0
fi

# A name that there is not would else leave nothing to search, in which nothing can be wrong.
for name in "$@"; do
    searches | awk -v name="$name" '$2 == name { found = 1 } END { exit !found }' && continue
    echo "model: there is no search '$name'; there are:" $(searches | awk '{ print $2 }') >&2
    exit 2
done

STARTED=$(date +%s)
export STARTED BUILD SLOWER
rm -rf "$work"
mkdir -p "$work"
searches | awk -v names=" $* " 'names == "  " || index(names, " " $2 " ")' >"$work/list"
xargs -P 2 -L 1 sh "$PWD/tests/model/run.sh" --one <"$work/list"

count() { (cd "$work" && grep -l "$1" $(awk -v kind="$2" '$1 ~ kind { print $2 "/verdict" }' list) /dev/null | wc -l); }
holding=$(($(count ' holds' hold) + $(count ' reached' reach)))
caught=$(count ' caught' mutant)
properties=$(grep -cE '^(hold|reach)' "$work/list")
mutants=$(grep -c '^mutant' "$work/list")
[ "$holding" -eq "$properties" ] || echo "$((properties - holding)) of $properties properties do NOT hold"
echo "model: $holding properties hold, $caught/$mutants mutants caught"
[ "$holding" -eq "$properties" ] && [ "$caught" -eq "$mutants" ]
