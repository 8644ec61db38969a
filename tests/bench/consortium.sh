#!/bin/sh
# What four real nodes on this machine do with real payments, beside what its Ed25519 can do in the
# same run, because machines differ: `sh tests/bench/consortium.sh`, after `make test`.
#
# The import of tools/demo/payments.csv, one transaction each; one client that waits for each answer
# before it sends the next; resident memory of the nodes; and, where strace is, how often a node makes
# the disk sync for a block, which shows that durability is on.
#
# Every node verifies every transaction, so cores x verify/s / 4 bounds what can be committed.
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/../.."
SOURCES=$PWD
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
HANSA=$BUILD/hansa
PYTHON=/usr/bin/python3
WORK=$(mktemp -d "${TMPDIR:-/tmp}/hansa-bench.XXXXXX")
BOX=$WORK/box
HANSA_GENESIS=$BOX/genesis.json
export HANSA_GENESIS
sandbox=
for program in "$HANSA" "$BUILD/hansad" "$BUILD/tests/programs/submit_raw"; do
    [ -x "$program" ] || { echo "bench: there is no '$program': run \`make test\` first" >&2; exit 5; }
done
clean_up() {
    [ -z "$sandbox" ] || { kill "$sandbox" 2>/dev/null && wait "$sandbox" 2>/dev/null || true; }
    rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

get() { "$PYTHON" -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }
height() {
    "$HANSA" status --json >"$WORK/status" || true
    get "$WORK/status" 'max(n.get("height", 0) for n in d["nodes"])'
}

"$HANSA" bench --clients 4 --duration 3 --json >"$WORK/bench"
cores=$(nproc)
printf 'machine:  %s cores, load %s\n' "$cores" "$(cut -d' ' -f1 /proc/loadavg)"
verify=$(get "$WORK/bench" 'int(d["verify_per_second_one_core"])')
printf 'verify:   %s/s on one core; cores x verify/s / 4 = %s transactions/s\n' "$verify" $((cores * verify / 4))

participants='--participant home'
for bank in $(cut -d, -f3 tools/demo/payments.csv | tail -n +2 | sort -u | tr 'A-Z' 'a-z'); do
    participants="$participants --participant $bank"
done
# shellcheck disable=SC2086
"$HANSA" sandbox --dir "$BOX" $participants --asset CZK:2:home >"$WORK/sandbox.out" 2>&1 &
sandbox=$!
tries=400
until grep -q '^ready:' "$WORK/sandbox.out"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo 'bench: the nodes did not start' >&2; exit 5; }
    sleep 0.1
done
cp tools/demo/payments.csv "$WORK/"
awk -F, 'NR > 1 { split($5, a, "."); sum[$2] += a[1] * 100 + a[2] }
    END { print "account,amount"
          for (i in sum) printf "%s,%d.%02d\n", i, int(sum[i] / 100), sum[i] % 100 }' \
    "$WORK/payments.csv" >"$WORK/funding.csv"
"$HANSA" import "$WORK/funding.csv" --key "$BOX/keys/home.key" --op issue --ops-per-tx 1000 \
    --to 'home/{account}' --amount '{amount}' --asset CZK >"$WORK/funded"

before=$(height)
started=$(date +%s%N)
"$HANSA" import "$WORK/payments.csv" --key "$BOX/keys/home.key" --op transfer \
    --from 'home/{account_from}' --to '{bank_to|lower}/{account_to}' --amount '{amount}' \
    --asset CZK --memo '{purpose} {order_id}' >"$WORK/imported" 2>"$WORK/progress"
took_ms=$((($(date +%s%N) - started) / 1000000))
rows=$(($(wc -l <"$WORK/payments.csv") - 1))
blocks=$(($(height) - before))
rate=$((rows * 1000 / took_ms))
printf 'import:   %s payments, one transaction each, in %s ms: %s transactions/s, %s of the bound, %s blocks\n' \
    "$rows" "$took_ms" "$rate" \
    "$("$PYTHON" -c 'import sys; print("%.2f" % (4 * float(sys.argv[1]) / float(sys.argv[2])))' "$rate" $((cores * verify)))" \
    "$blocks"

one_client() { # COUNT WORDS
    stdbuf -oL "$BUILD/tests/programs/submit_raw" "$HANSA_GENESIS" "$BOX/keys/home.key" 0 "$1" 120 1 stay |
        "$PYTHON" -c '
import sys, time
last, took = time.monotonic(), []
for line in sys.stdin:
    now = time.monotonic()
    if line.startswith("committed"):
        took.append((now - last) * 1000)
    last = now
took = sorted(took[1:])
print("%d one after the other: p50 %.1f ms, p99 %.1f ms" % (len(took), took[len(took) // 2], took[len(took) * 99 // 100]))'
}
printf 'client:   %s\n' "$(one_client 500)"

printf 'memory:  '
for pid in $(pgrep -P "$sandbox" -x hansad); do
    printf ' %s MiB' "$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$pid/status")"
done
printf ' resident, pages of the ledger included; of these anonymous'
for pid in $(pgrep -P "$sandbox" -x hansad); do
    printf ' %s' "$(awk '/^RssAnon/ { print int($2 / 1024) }' "/proc/$pid/status")"
done
echo

if command -v strace >/dev/null; then
    node=$(pgrep -P "$sandbox" -x hansad | head -1)
    strace -f -qq -e trace=fsync,fdatasync,msync,sync_file_range -o "$WORK/trace" -p "$node" &
    tracer=$!
    sleep 1
    before=$(height)
    one_client 200 >/dev/null
    blocks=$(($(height) - before))
    kill "$tracer" && wait "$tracer" 2>/dev/null || true
    syncs=$(grep -cE 'f(data)?sync\(|msync\(' "$WORK/trace" || true)
    printf 'disk:     %s syncs of one node for %s blocks of one transaction: %s each\n' "$syncs" "$blocks" \
        "$("$PYTHON" -c 'import sys; print("%.2f" % (float(sys.argv[1]) / float(sys.argv[2])))' "$syncs" "$blocks")"
else
    echo 'disk:     strace is not here, so syncs are not counted'
fi
