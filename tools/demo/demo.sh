#!/bin/sh
# Four members settle 6,471 payments. In the middle of it their primary is killed, and later all four;
# nothing is lost or paid twice. Run as `make demo`; BUILD says where the programs are. The last line is `demo: ok`.
set -eu
BUILD=${BUILD:-build}
case "$BUILD" in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
[ -x "$BUILD/hansa" ] || { echo "demo: there is no '$BUILD/hansa': run it as \`make demo\`" >&2; exit 5; }
SOURCES=$(cd "$(dirname "$0")/../.." && pwd)
HANSA=$BUILD/hansa
PYTHON=/usr/bin/python3
WORK=$(mktemp -d)
BOX=$WORK/box
HANSA_GENESIS=$BOX/genesis.json
HANSA_TIMEOUT=60 # on a busy machine too
export HANSA_GENESIS HANSA_TIMEOUT
unset HANSA_NODE || true
sandbox= import=
step=0
started=$(date +%s)

clean_up() {
    code=$?
    trap - EXIT INT TERM HUP
    [ -z "$import" ] || kill "$import" 2>/dev/null || true
    [ -z "$sandbox" ] || { kill "$sandbox" 2>/dev/null && wait "$sandbox" 2>/dev/null || true; }
    if [ "$code" -eq 0 ]; then
        rm -rf "$WORK"
        echo 'demo: ok'
    elif [ "$code" -eq 130 ]; then
        rm -rf "$WORK"
        echo 'demo: interrupted' >&2
    else
        echo "demo: failed; what it left is in $WORK" >&2
    fi
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# A numbered line, folded to the width of any terminal; first a progress bar on it is wiped.
say() {
    step=$((step + 1))
    [ ! -t 2 ] || printf '\r\033[K' >&2
    printf '%s\n' "$*" | fold -s -w 74 | sed "1s/^/$(printf '%2d' "$step"). /; 2,\$s/^/    /; s/ *\$//"
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

# await SECONDS WORDS COMMAND...: until the command succeeds.
await() {
    tries=$(($1 * 10)) words=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "$words"
        sleep 0.1
    done
}

# get FILE EXPRESSION: of the JSON object d in a file.
get() {
    "$PYTHON" -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"
}

# Rows of the payments that the journal shows as committed.
rows_committed() {
    "$HANSA" import show "$WORK/payments.csv.journal" --json >"$WORK/shown" 2>/dev/null || { echo 0; return; }
    get "$WORK/shown" 'd["rows_committed"]'
}

# How many they are now, in at_rows and at_percent.
rows_seen() {
    at_rows=$(rows_committed)
    at_percent=$((at_rows * 100 / rows))
}
# rows_reach PERCENT of them; the import goes on.
rows_reach() {
    tries=1200 at_rows=0
    while [ $((at_rows * 100)) -lt $((rows * $1)) ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "the payments do not come along: see $WORK/import.err"
        kill -0 "$import" 2>/dev/null || fail "the import ended before it had $1 % of its rows"
        sleep 0.05
        rows_seen
    done
}

# What the nodes say, in $WORK/look; those that $others names, so as not to wait for a dead one.
others=
look() {
    # shellcheck disable=SC2086
    "$HANSA" status $others --json >"$WORK/look" 2>/dev/null
}
block_time() { # HEIGHT, in ms
    # shellcheck disable=SC2086
    "$HANSA" block "$1" $others --json >"$WORK/block" 2>/dev/null && get "$WORK/block" 'd["time_ms"]'
}
# The view is another one, another primary works in it, and payments went on.
view_changed() {
    look && get "$WORK/look" "('changed' if d['view'] > $view and d['primary'] != '$killed' and
        d['highest_height'] > $last + 3 else '')" | grep -q changed
}

nodes_agree() {
    "$HANSA" status --json >"$WORK/status" || return 1
    get "$WORK/status" '"agreed" if len({(n.get("durable_height"), n.get("head")) for n in d["nodes"]}) == 1 else ""' |
        grep -q agreed
}

# ---- members and nodes ----

banks=$(cut -d, -f3 "$SOURCES/tools/demo/payments.csv" | tail -n +2 | sort -u | tr 'A-Z' 'a-z')
participants='--participant home'
for bank in $banks; do
    participants="$participants --participant $bank"
done
# shellcheck disable=SC2086
"$HANSA" sandbox --dir "$BOX" $participants --asset CZK:2:home >"$WORK/sandbox.out" 2>&1 &
sandbox=$!
await 120 "the nodes did not start: see $WORK/sandbox.out" grep -q '^ready:' "$WORK/sandbox.out"
say "Four members made their keys and one genesis file; their four nodes run on 127.0.0.1."

# ---- money ----

cp "$SOURCES/tools/demo/payments.csv" "$WORK/payments.csv"
awk -F, 'NR > 1 { split($5, a, "."); sum[$2] += a[1] * 100 + a[2] }
    END { print "account,amount"
          for (i in sum) printf "%s,%d.%02d\n", i, int(sum[i] / 100), sum[i] % 100 }' \
    "$WORK/payments.csv" >"$WORK/funding.csv"
"$HANSA" import "$WORK/funding.csv" --key "$BOX/keys/home.key" --op issue --ops-per-tx 1000 \
    --to 'home/{account}' --amount '{amount}' --asset CZK --json >"$WORK/funded"
say "The bank 'home' issued CZK to its $(get "$WORK/funded" 'd["rows"]') customers, up to 1000 accounts in one transaction."

# ---- payments, and their primary dies ----

rows=$(($(wc -l <"$WORK/payments.csv") - 1))
say "$rows real payments to 13 banks begin, one signed transaction each, at most 64 under way."
"$HANSA" import "$WORK/payments.csv" --key "$BOX/keys/home.key" --op transfer \
    --from 'home/{account_from}' --to '{bank_to|lower}/{account_to}' --amount '{amount}' \
    --asset CZK --memo '{purpose} {order_id}' --timeout 60 >"$WORK/imported" 2>"$WORK/import.err" &
import=$!
rows_reach 20
[ "$at_percent" -le 80 ] || fail "the payments were too quick: $at_percent % before anything could be killed"
await 120 'the nodes do not work before anything is killed' look
view=$(get "$WORK/look" 'd["view"]')
killed=$("$HANSA" sandbox kill primary | sed -n 's/^killed: //p')
[ "$killed" = "$(get "$WORK/look" 'd["primary"]')" ] || fail "the primary was '$(get "$WORK/look" 'd["primary"]')', and '$killed' was killed"
for name in alpha beta gamma delta; do
    [ "$name" = "$killed" ] || others="$others --node $name"
done
say "At $at_rows of them ($at_percent %) the primary '$killed', which proposes all blocks, was killed with SIGKILL ..."
sleep 0.2 # what was under way commits still, by the three others
look || true
last=$(get "$WORK/look" 'max(n["height"] for n in d["nodes"] if n["answers"])')
await 120 "no view change was seen: see the logs in $BOX" view_changed
say "... and the others chose another, '$(get "$WORK/look" 'd["primary"]')': view $view became view $(get "$WORK/look" 'd["view"]'), and the import went on."

# ---- it comes back, and all nodes die ----

rows_reach 35
look || true
missed=$(($(get "$WORK/look" 'd["highest_height"]') - last))
"$HANSA" sandbox start "$killed" >/dev/null
back_percent=$at_percent
rows_reach 50
"$HANSA" sandbox kill all >/dev/null
rows_seen
[ "$at_percent" -le 80 ] || fail "the kill of all came too late: at $at_percent %"
kill -0 "$import" 2>/dev/null || fail 'the import ended with its nodes'
say "At $back_percent % '$killed' was started again. At $at_percent % all four nodes were killed with SIGKILL ..."
"$HANSA" sandbox start all >/dev/null
wait "$import" || fail "the import failed: see $WORK/import.err"
import=
grep -q "^committed: *$rows\$" "$WORK/imported" || fail "not all rows are committed: see $WORK/imported"
gap=0 height=$last before=$(block_time "$last")
while [ "$gap" -lt 500 ]; do
    height=$((height + 1))
    now=$(block_time $height) || fail "no pause is seen in the blocks after $last"
    gap=$((now - before)) before=$now
done
say "... and started again: the import went on by itself, $(sed -n 's/^time: *//p' "$WORK/imported") in all. While another primary was chosen, nothing committed for $((gap / 1000)).$((gap % 1000 / 100)) s."
await 120 "'$killed' does not catch up" nodes_agree
say "'$killed' had missed $missed blocks while it was dead, and has caught up: all four are at height $(get "$WORK/status" 'd["highest_height"]')."

# ---- a receipt, checked by two programs ----

payer=$(sed -n 2p "$WORK/payments.csv" | cut -d, -f2)
"$HANSA" history "home/$payer" --asset CZK --json >"$WORK/history"
txid=$(get "$WORK/history" '[e["txid"] for h in d["histories"] for e in h["entries"] if e["op"] == "transfer"][0]')
"$HANSA" receipt get "$txid" --out "$WORK/pay.receipt" >/dev/null
verify_foreign() {
    "$PYTHON" "$SOURCES/tests/foreign/verify_receipt.py" "$1" "$HANSA_GENESIS"
}
"$HANSA" receipt verify "$WORK/pay.receipt" --genesis "$HANSA_GENESIS" >/dev/null || fail 'hansa does not verify the receipt'
verify_foreign "$WORK/pay.receipt" >/dev/null || fail 'the foreign verifier does not verify the receipt'
say "The receipt of the first payment verifies offline: by hansa, and by a Python program that shares no code with it."
cp "$WORK/pay.receipt" "$WORK/bad.receipt"
"$PYTHON" -c '
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[150] ^= 1
open(sys.argv[1], "wb").write(data)' "$WORK/bad.receipt"
if "$HANSA" receipt verify "$WORK/bad.receipt" --genesis "$HANSA_GENESIS" >/dev/null 2>"$WORK/bad"; then
    fail 'hansa verifies a receipt with a flipped byte'
fi
if verify_foreign "$WORK/bad.receipt" >"$WORK/bad.foreign" 2>&1; then
    fail 'the foreign verifier verifies a receipt with a flipped byte'
fi
grep -q 'transaction: ' "$WORK/bad" || fail 'hansa does not name the field'
grep -q '^transaction: ' "$WORK/bad.foreign" || fail 'the foreign verifier does not name the field'
say "With one byte flipped both refuse it, and name the field: \"$(head -n 1 "$WORK/bad.foreign")\"."

# ---- four books ----

"$HANSA" sandbox stop all >/dev/null
: >"$WORK/heads"
for name in alpha beta gamma delta; do
    "$HANSA" audit "$BOX/$name/data" --json >"$WORK/audit" || fail "the audit of $name's ledger fails"
    get "$WORK/audit" 'd["head_height"], d["head_digest"], d["state_root"], d["uncertified_count"]' >>"$WORK/heads"
done
[ "$(sort -u "$WORK/heads" | wc -l)" -eq 1 ] || fail "the four ledgers differ: see $WORK/heads"
say "The four ledgers were audited offline, every signature and balance anew: one head, $(get "$WORK/audit" 'd["head_digest"][:16]')..., $(get "$WORK/audit" 'd["txs_count"]') transactions."
for participant in home $banks; do
    "$HANSA" account "$participant" --dir "$BOX/alpha/data" --json >"$WORK/accounts.$participant"
done
"$HANSA" assets --dir "$BOX/alpha/data" --json >"$WORK/assets"
sums=$("$PYTHON" -c '
import decimal, json, sys
accounts = [a for f in sys.argv[2:] for a in json.load(open(f))["accounts"]]
held = sum(decimal.Decimal(b["amount"]) for a in accounts for b in a["balances"])
supply = decimal.Decimal(json.load(open(sys.argv[1]))["assets"][0]["supply"])
print(f"{held:,} {supply:,} {len(accounts):,}")' "$WORK/assets" "$WORK"/accounts.*)
# shellcheck disable=SC2086
set -- $sums
[ "$1" = "$2" ] || fail "the balances sum to $1, and $2 were issued"
[ "$1" = 21,228,993.60 ] || fail "$1 were issued, and the payments sum to 21,228,993.60"
say "The balances of $3 accounts sum to $1 CZK, to the heller what was issued."

echo "All that in $(($(date +%s) - started)) s. Next, in the checkout:"
echo "    export PATH=$BUILD:\$PATH"
echo "    hansa sandbox          # four nodes of your own; it prints what to try"
echo "    hansa import --help    # your own CSV file"
