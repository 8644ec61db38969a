#!/bin/sh
# What the book costs, each figure beside what this machine's Ed25519 can do in the same run,
# because machines differ: `make bench`, or `make bench TXS=1000000 ACCOUNTS=100000`.
#
#   TXS       transactions in the store that is built, audited and exported (default 200000);
#             rounded up, so that the last block is a checkpoint and all of it is flushed
#   ACCOUNTS  accounts in it, and in the store that transfers are applied to (default 20000; 64 at
#             least)
#   THREADS   of the audit (default one per core)
#   TMPDIR    where the files go, removed at the end: about 1 KB per transaction, 0.3 GB besides
#
# A share "of a verify" is microseconds over the microseconds of one verification on one core; a
# ratio to "cores x verify/s" is what comes nearest to 1 when signatures are all that costs.
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
TXS=${TXS:-200000}
ACCOUNTS=${ACCOUNTS:-20000}
programs=$BUILD/tests/programs
cores=$(nproc)
THREADS=${THREADS:-$cores}
for number in "$TXS" "$ACCOUNTS" "$THREADS"; do
    case "$number" in '' | *[!0-9]* | 0*)
        echo "bench: TXS, ACCOUNTS and THREADS are whole numbers from 1 on, not '$number'" >&2
        exit 2
        ;;
    esac
done
if [ "$ACCOUNTS" -lt 64 ]; then
    echo "bench: ACCOUNTS must be 64 at least, not $ACCOUNTS" >&2
    exit 2
fi
CHECKPOINT=128
blocks=$(((TXS + 500 * CHECKPOINT - 1) / (500 * CHECKPOINT) * CHECKPOINT))
TXS_PER_BLOCK=$(((TXS + blocks - 1) / blocks))
TXS=$((blocks * TXS_PER_BLOCK))

dir=$(mktemp -d "${TMPDIR:-/tmp}/hansa-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT PIPE TERM

load() { [ -r /proc/loadavg ] && cut -d' ' -f1 /proc/loadavg || echo unknown; }

# timed OUT COMMAND...: the command's own output goes to OUT; sets $seconds, and $peak_mb of memory.
timed() {
    figures=$(/usr/bin/python3 -c '
import resource, subprocess, sys, time
with open(sys.argv[1], "w") as out:
    start = time.monotonic()
    ended = subprocess.run(sys.argv[2:], stdout=out, stderr=subprocess.PIPE)
    seconds = time.monotonic() - start
if ended.returncode != 0:
    sys.exit(ended.stderr.decode(errors="replace") + "bench: failed: " + " ".join(sys.argv[2:]))
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print("%.3f %.0f" % (seconds, peak))' "$@")
    seconds=${figures% *} peak_mb=${figures#* }
}

# say FORMAT EXPRESSION...: printf with numbers that awk computes.
say() {
    format=$1
    shift
    expressions=
    for expression in "$@"; do expressions="$expressions, $expression"; done
    awk "BEGIN { printf \"$format\\n\"$expressions }"
}

# Verifications a second on all cores at once: what is left of cores x verify/s when others work.
verify_on_all() {
    (
        core=0
        while [ "$core" -lt "$cores" ]; do
            "$programs/bench_ledger" verify &
            core=$((core + 1))
        done
        wait
    ) | awk '{ sum += $1 } END { print sum }'
}

load_before=$(load)
verify_before=$("$programs/bench_ledger" verify)
all_before=$(verify_on_all)

# ---- build, audit, export ----
genesis=$dir/genesis.json
timed /dev/null "$programs/mkstore" "$dir/store" --blocks "$blocks" \
    --txs-per-block "$TXS_PER_BLOCK" --ops-per-tx 1 --accounts "$ACCOUNTS" --seed 1 \
    --checkpoint-every "$CHECKPOINT" --genesis-out "$genesis"
build_seconds=$seconds
disk_bytes=$(($(du -k "$dir/store/data.mdb" | cut -f1) * 1024))
body_bytes=$("$BUILD/hansa" export "$dir/store" --out "$dir/first.jsonl" --to 1 >"$dir/out" &&
    /usr/bin/python3 -c 'import json, sys
print(json.loads(open(sys.argv[1]).readline())["body_bytes"])' "$dir/first.jsonl")
timed "$dir/audit.json" "$BUILD/hansa" audit "$dir/store" --genesis "$genesis" \
    --threads "$THREADS" --json
audit_seconds=$seconds audit_mb=$peak_mb
signatures=$(/usr/bin/python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["signatures_count"])' "$dir/audit.json")
timed "$dir/chain.jsonl" "$BUILD/hansa" export "$dir/store"
export_seconds=$seconds export_mb=$peak_mb
export_bytes=$(wc -c <"$dir/chain.jsonl")
rm -rf "$dir/store" "$dir/chain.jsonl"

# ---- apply and tree ----
"$programs/bench_ledger" apply "$dir/apply" "$ACCOUNTS" >"$dir/apply.txt"
rm -rf "$dir/apply"
mkdir "$dir/tree"
"$programs/bench_tree" "$dir/tree" >"$dir/tree.txt"

verify_after=$("$programs/bench_ledger" verify)
all_after=$(verify_on_all)
verify=$(((verify_before + verify_after) / 2))

# ---- what it all says ----
echo "machine:  $cores cores, load $load_before before and $(load) after"
say "verify:   %d/s on one core (%d before, %d after), %.1f us each" \
    "$verify" "$verify_before" "$verify_after" "1000000 / $verify"
say "          all cores at once: %.2f of cores x verify/s before, %.2f after" \
    "$all_before / $cores / $verify" "$all_after / $cores / $verify"
echo "store:    $TXS transactions of one operation, $TXS_PER_BLOCK in a block, $ACCOUNTS accounts"
say "build:    %.0f transactions/s, %.2f of cores x verify/s" \
    "$TXS / $build_seconds" "$TXS / $build_seconds / $cores / $verify"
say "audit:    %.0f transactions/s, %.2f of threads x verify/s (%.0f signatures/s, %.2f)" \
    "$TXS / $audit_seconds" "$TXS / $audit_seconds / $THREADS / $verify" \
    "$signatures / $audit_seconds" "$signatures / $audit_seconds / $THREADS / $verify"
say "          %.1f s with %d threads, at most %d MB resident, pages of the store included" "$audit_seconds" "$THREADS" "$audit_mb"
say "export:   %.0f transactions/s, %.2f of verify/s on one core, %d bytes of JSON each, %d MB" \
    "$TXS / $export_seconds" "$TXS / $export_seconds / $verify" "$export_bytes / $TXS" "$export_mb"
say "disk:     %.0f bytes per transaction, of which %.0f are the transaction (%.1f times)" \
    "$disk_bytes / $TXS" "$body_bytes / $TXS_PER_BLOCK" \
    "$disk_bytes / $TXS / ($body_bytes / $TXS_PER_BLOCK)"
echo "transfers between $ACCOUNTS accounts, per transfer, and as a share of a verify:"
while read -r count apply append flush; do
    say "%7d:  apply in memory %5.2f us (%.2f)  append as blocks %5.2f us (%.2f)  flush at once %5.2f us (%.2f)" \
        "$count" "$apply" "$apply * $verify / 1000000" "$append" "$append * $verify / 1000000" \
        "$flush" "$flush * $verify / 1000000"
done <"$dir/apply.txt"
# bench_tree measures a verify of its own, before the machine is warm: the shares are made here.
echo "state tree, per changed key, and as a share of a verify:"
sed -n 's/^tree of *\([0-9]*\), batch *\([0-9]*\): update *\([0-9.]*\) .*commit *\([0-9.]*\) .*/\1 \2 \3 \4/p' \
    "$dir/tree.txt" | while read -r entries count update commit; do
    say "%7d entries, %6d changed:  update %5.2f us (%.2f)  commit %5.2f us (%.2f)" \
        "$entries" "$count" "$update" "$update * $verify / 1000000" \
        "$commit" "$commit * $verify / 1000000"
done
