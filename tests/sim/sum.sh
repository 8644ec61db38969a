#!/bin/sh
# Add up what ranges of seeds saw: the outputs of hansa-sim as files, or one on stdin. Prints what a
# report has to state, each kind of fault with its number, and at the end `sum: N seeds, N violations`.
awk '
/^sums: / {
    ranges++
    for (i = 2; i <= NF; i++) {
        split($i, pair, "=")
        if (!(pair[1] in sum)) keys[++count] = pair[1]
        sum[pair[1]] += pair[2]
    }
}
END {
    if (ranges == 0) { print "sum: no line of sums"; exit 1 }
    printf "%d ranges, %.2f simulated hours (%.2f after healing)\n", ranges,
        sum["simulated.us"] / 3.6e9, sum["simulated.healing_us"] / 3.6e9
    printf "faults injected %.0f, views changed %.0f, snapshots joined %.0f\n", sum["faults"],
        sum["protocol.views_changed"], sum["states.snapshots_joined"]
    for (i = 1; i <= count; i++)
        if (keys[i] !~ /^(seeds|violations|faults|simulated\..*)$/)
            printf "%s %.0f\n", keys[i], sum[keys[i]]
    printf "sum: %.0f seeds, %.0f violations\n", sum["seeds"], sum["violations"]
}' "$@"
