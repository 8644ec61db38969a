# Transactions that no tool of ours would send, over the wire to a running node: each gets its final
# word with the cause by name, alone and among good ones, and the money is where it should be.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
"$HANSA" keygen alice --network demo >/dev/null
"$HANSA" keygen mallory --network demo >/dev/null
rm genesis.json other.json
money="--participant alice.key.pub --asset CZK:2:bank --balance bank/main=1000.00:CZK"
# shellcheck disable=SC2086
make_genesis genesis.json $money
# shellcheck disable=SC2086
make_genesis other.json $money --parameter status_ms=300
chain_id=$("$HANSA" genesis show genesis.json | sed -n 's/^chain id: *//p')
trap 'exit 1' HUP INT PIPE TERM
for i in 0 1 2 3; do start $i --init; done
passes "four_nodes_find_each_other" until_true all_have "live 4"

# sign FILE NONCE AMOUNT WORDS...
sign() {
    file=$1 nonce=$2 amount=$3
    shift 3
    "$HANSA" sign transfer --key bank.key --genesis genesis.json --nonce "$nonce" --from bank/main \
        --to alice/main --amount "$amount" --asset CZK --out "$file" "$@" >/dev/null 2>sign.err
}
# with_bytes FILE OFFSET HEX NEW: NEW is FILE with these bytes from the offset on.
with_bytes() {
    /usr/bin/python3 -c '
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at, new = int(sys.argv[2]), bytes.fromhex(sys.argv[3])
data[at:at + len(new)] = new
open(sys.argv[4], "wb").write(data)' "$@"
}
# outcome NAME 'FILE: outcome, verdict|...' FILE...: of these files in one SUBMIT.
outcome() {
    name=$1 words=$2
    shift 2
    problem=
    timeout 120 /usr/bin/python3 "$SOURCES/tests/e2e/foreign_client.py" genesis.json "$chain_id" \
        $((asked % 4)) submit "$@" >out 2>err || problem="exit $?; "
    asked=$((asked + 1)) # each node in turn
    printf '%s\n' "$words" | tr '|' '\n' | cmp -s - out || problem="${problem}not $words"
    result "$name" "$problem"
}
asked=0

# ---- one at a time ----
sign good.tx 1 1.00
outcome "good_transaction_is_committed" "good.tx: committed" good.tx
outcome "the_same_again_is_the_same" "good.tx: committed" good.tx
passes "all_nodes_have_it" until_true all_at_height_of 0
sign next.tx 2 2.00
flip next.tx -1 signature.tx
outcome "flipped_signature_is_rejected" "signature.tx: rejected, bad_signature" signature.tx
flip next.tx 2 signer.tx
outcome "flipped_signer_is_rejected" "signer.tx: rejected, bad_signature" signer.tx
size=$(stat -c %s next.tx)
flip next.tx $((size - 64 - 1 - 8)) amount.tx # its memo is empty: a length, behind the amount
outcome "flipped_amount_is_rejected" "amount.tx: rejected, bad_signature" amount.tx
with_bytes next.tx 0 02 version.tx
outcome "unknown_version_is_rejected" "version.tx: rejected, unknown_version" version.tx
with_bytes next.tx 33 0000000000000000 zero.tx
outcome "nonce_zero_is_rejected" "zero.tx: rejected, zero_nonce" zero.tx
with_bytes next.tx 33 ffffffffffffffff last.tx
outcome "changed_nonce_is_rejected" "last.tx: rejected, bad_signature" last.tx
with_bytes next.tx 49 0000 none.tx
outcome "no_operations_are_rejected" "none.tx: rejected, ops_count" none.tx
with_bytes next.tx 51 63 operation.tx
outcome "unknown_operation_is_rejected" "operation.tx: rejected, unknown_op" operation.tx
cut_short next.tx 1 short.tx
outcome "cut_short_it_is_rejected" "short.tx: rejected, malformed" short.tx
{ cat next.tx; printf x; } >long.tx
outcome "a_byte_too_many_is_rejected" "long.tx: rejected, malformed" long.tx
noise 131072 >noise.tx
printf '\001' | dd of=noise.tx conv=notrunc status=none
cp noise.tx thousand.tx
printf '\350\003' | dd of=thousand.tx bs=1 seek=49 conv=notrunc status=none
: >empty.tx
outcome "noise_of_the_largest_size_is_rejected" "noise.tx: rejected, ops_count" noise.tx
outcome "noise_of_a_thousand_operations_is_rejected" "thousand.tx: rejected, unknown_op" thousand.tx
outcome "nothing_at_all_is_rejected" "empty.tx: rejected, malformed" empty.tx
head -c 131073 /dev/zero >large.tx
outcome "a_larger_one_makes_no_request" "version 1, type 0, malformed, nothing more" large.tx

# ---- good signatures, and still not good ----
"$HANSA" sign transfer --key bank.key --genesis other.json --nonce 2 --from bank/main \
    --to alice/main --amount 2.00 --asset CZK --out foreign.tx >/dev/null 2>&1
outcome "another_chains_is_rejected" "foreign.tx: rejected, bad_signature" foreign.tx
sign used.tx 1 5.00
outcome "used_nonce_is_rejected" "used.tx: rejected, nonce_used" used.tx
sign expired.tx 2 2.00 --valid-until 1
outcome "expired_one_is_rejected" "expired.tx: rejected, expired" expired.tx
sign rich.tx 2 999999.00
outcome "overdraft_is_refused_and_its_nonce_stays_open" "rich.tx: refused, overdraft" rich.tx
"$HANSA" sign transfer --key mallory.key --genesis genesis.json --nonce 1 --from bank/main \
    --to alice/main --amount 2.00 --asset CZK --out unknown.tx >/dev/null 2>&1
outcome "unknown_signer_is_refused" "unknown.tx: refused, unknown_key" unknown.tx
"$HANSA" sign transfer --key alice.key --genesis genesis.json --nonce 1 --from bank/main \
    --to alice/main --amount 2.00 --asset CZK --out theft.tx >/dev/null 2>&1
outcome "transfer_from_anothers_account_is_rejected" "theft.tx: rejected, foreign_account" theft.tx
sign ahead.tx 2000 2.00
outcome "nonce_far_ahead_is_refused" "ahead.tx: refused, beyond_window" ahead.tx

# ---- among good ones ----
sign third.tx 3 3.00
outcome "each_of_a_request_gets_its_own_word" \
    "short.tx: rejected, malformed|next.tx: committed|amount.tx: rejected, bad_signature|third.tx: committed|used.tx: rejected, nonce_used|foreign.tx: rejected, bad_signature" \
    short.tx next.tx amount.tx third.tx used.tx foreign.tx
passes "all_nodes_agree" until_true all_at_height_of 0
accepted "the_money_is_where_it_should_be" "6.00 CZK" account alice/main --genesis genesis.json

# ---- the tool says the same without asking anybody ----
g="--genesis genesis.json"
# shellcheck disable=SC2086
{
sign fourth.tx 4 4.00
flip fourth.tx -1 bad.tx
refused "tool_does_not_send_a_flipped_byte" 1 "not sent|signature" submit bad.tx $g
refused "tool_does_not_send_another_chains" 1 "not sent|signature" submit foreign.tx $g
refused "tool_does_not_send_nonce_zero" 3 "not sent|nonces start at 1" submit zero.tx $g
refused "tool_does_not_send_what_is_cut_short" 3 "not sent|not a transaction" submit short.tx $g
refused "tool_does_not_send_what_is_too_large" 3 "128 KiB" submit large.tx $g
}
finish
