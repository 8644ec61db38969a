#!/bin/sh
# Proves that ledger/FORMATS.md suffices: verifiers written from that text alone accept its own
# receipts, state proofs and evidence, and refuse whatever differs from them. Prints a line per test.
cd "$(dirname "$0")/../.." || exit 1
here=tests/foreign
python=/usr/bin/python3
build=${BUILD:-build}
# The source tree stays free of compiled Python, and texts that are not ASCII come out as they are.
PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1
export PYTHONDONTWRITEBYTECODE PYTHONUTF8
mkdir -p "$build" && dir=$(mktemp -d "$build/foreign.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

report() { # STATUS NAME
    if [ "$1" -eq 0 ]; then
        echo "ok $2"
    else
        echo "not ok $2"
        failed=1
    fi
}

# What a verifier says must match: on stdout if it accepts, else on stderr; one line, no more.
expect() { # NAME STATUS PATTERN VERIFIER ARGUMENT...
    name=$1 status=$2 pattern=$3 verifier=$4
    shift 4
    "$python" "$here/$verifier.py" "$@" >"$dir/out" 2>"$dir/err"
    got=$?
    cat "$dir/out" "$dir/err" >"$dir/said"
    if [ "$status" -eq 0 ]; then quiet=$dir/err; else quiet=$dir/out; fi
    [ "$got" -eq "$status" ] && [ ! -s "$quiet" ] && [ "$(wc -l <"$dir/said")" -eq 1 ] &&
        grep -q "$pattern" "$dir/said"
    report $? "$name"
}

"$python" "$here/flips.py" extract ledger/FORMATS.md "$dir"
report $? "the vectors stand in the text"
genesis=$dir/genesis.json
sed 's/"chain": *"/&x/' "$genesis" >"$dir/other.json"
echo '{}' >"$dir/bad.json"
two=$dir/receipt_two_headers.bin
present=$dir/proof_present.bin

expect "receipt with two headers" 0 'final block 1 at index 1, .*: record topic "invoice"' \
    verify_receipt "$two" "$genesis"
expect "receipt with one header" 0 'final block 4 at index 0, .*: transfer 1.00 EUR from cafe/' \
    verify_receipt "$dir/receipt_one_header.bin" "$genesis"
expect "receipt of a key-add" 0 'final block 2 at index 1, .*: add key 7972c7c9[0-9a-f]* to cafe$' \
    verify_receipt "$dir/receipt_key_add.bin" "$genesis"
expect "receipt of a cancel" 0 'final block 3 at index 1, .*: cancel$' \
    verify_receipt "$dir/receipt_cancel.bin" "$genesis"
expect "participant" 0 'participant cafe: role none, active keys 7972c7c9.* e4b7a649' \
    verify_balance "$dir/proof_participant.bin" "$genesis"
expect "key" 0 'key a387a9a0[0-9a-f]*: revoked key of cafe, last nonce 0' \
    verify_balance "$dir/proof_key.bin" "$genesis"
expect "asset" 0 'asset EUR: supply 1425.50, 2 decimals, issuer bank' \
    verify_balance "$dir/proof_asset.bin" "$genesis"
expect "record" 0 'record of cafe, topic "invoice" key "2024-001": version 2 by ' \
    verify_balance "$dir/proof_record.bin" "$genesis"
expect "balance" 0 'after block 4, account cafe/till in EUR: 36.84 EUR after 2 entries' \
    verify_balance "$present" "$genesis"
expect "balance deeper in the tree" 0 'account bank/main in EUR: 1388.66 EUR' \
    verify_balance "$dir/proof_present_deeper.bin" "$genesis"
expect "absent balance, empty slot" 0 'account cafe/a in EUR: absent' \
    verify_balance "$dir/proof_absent_empty.bin" "$genesis"
expect "absent balance, another entry" 0 'account cafe/b in EUR: absent' \
    verify_balance "$dir/proof_absent_other.bin" "$genesis"

for kind in two-pre-prepares two-prepares two-commits two-view-changes two-new-views \
    forgotten-commit bad-body; do
    expect "evidence: $kind" 0 "member 3 lied: $kind in view 6" \
        verify_evidence "$dir/evidence_$(echo $kind | tr - _).bin" "$genesis"
done
expect "evidence of another chain" 1 '^chain id: ' \
    verify_evidence "$dir/evidence_two_commits.bin" "$dir/other.json"
expect "receipt of another chain" 1 '^chain id: ' verify_receipt "$two" "$dir/other.json"
expect "proof of another chain" 1 '^chain id: ' verify_balance "$present" "$dir/other.json"
expect "bad genesis" 1 '^genesis: ' verify_receipt "$two" "$dir/bad.json"
expect "receipt taken for a proof" 1 '^magic: ' verify_balance "$two" "$genesis"
expect "proof taken for a receipt" 1 '^magic: ' verify_receipt "$present" "$genesis"
expect "too few arguments" 2 '^usage: ' verify_receipt "$two"
expect "too many arguments" 2 '^usage: ' verify_balance "$present" "$genesis" more
expect "no such file" 2 'missing' verify_receipt "$dir/missing" "$genesis"

for driver in "flips.py genesis" "flips.py damage" forged.py; do
    # shellcheck disable=SC2086
    "$python" "$here/"$driver "$dir"
    report $? "$driver"
done
exit $failed
