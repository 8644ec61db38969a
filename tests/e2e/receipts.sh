# `hansa receipt verify`, `hansa proof verify` and `hansa key show --dir`, on a small store.
. "$(dirname "$0")/lib.sh"

"$BUILD/tests/programs/mkstore" store --blocks 10 --txs-per-block 5 --ops-per-tx 2 --accounts 10 \
    --seed 1 --checkpoint-every 4 --genesis-out genesis.json >out 2>err
run genesis init --chain test --out other.json --members 4 --keys-dir keys

# value EXPRESSION: of the JSON in ./out.
value() {
    /usr/bin/python3 -c '
import json, sys
d = json.load(open("out"))
print(eval(sys.argv[1]))' "$1"
}

# ---- receipts ----
run block 3 --dir store --json
txid=$(value 'd["transactions"][1]["txid"]')
run tx "$txid" --dir store --receipt pay.receipt
accepted "receipt_says_what_it_proves" \
    "This receipt proves that chain 'test' has committed|$txid|in block 3 at index 1|txid:|operation 0:|certificate:     commit" \
    receipt verify pay.receipt --genesis genesis.json
run receipt verify pay.receipt --genesis genesis.json --json
json "receipt_is_json_too" "d['holds'] is True and d['height'] == 3 and d['tx_index'] == 1 and
    d['transaction']['txid'] == '$txid' and d['certificate']['kind'] == 'commit' and
    len(d['certificate']['signers']) == 3 and d['header']['height'] == 3"
size=$(stat -c %s pay.receipt)
refused "receipt_of_another_chain_is_refused" 3 "'pay.receipt'|proves nothing|chain" \
    receipt verify pay.receipt --genesis other.json
cut_short pay.receipt 1 short.receipt
refused "truncated_receipt_is_refused" 3 "'short.receipt'|proves nothing" \
    receipt verify short.receipt --genesis genesis.json
(cat pay.receipt && printf x) >more.receipt
refused "receipt_with_a_byte_more_is_refused" 3 "'more.receipt'|proves nothing" \
    receipt verify more.receipt --genesis genesis.json
: >empty.receipt
refused "empty_receipt_is_refused" 3 "'empty.receipt'" \
    receipt verify empty.receipt --genesis genesis.json
flip pay.receipt -1 flipped.receipt
refused "receipt_with_a_flipped_signature_names_it" 1 "proves nothing|certificate" \
    receipt verify flipped.receipt --genesis genesis.json
flip pay.receipt 80 flipped.receipt
refused "receipt_with_a_flipped_transaction_names_it" 1 "proves nothing: transaction" \
    receipt verify flipped.receipt --genesis genesis.json
run receipt verify flipped.receipt --genesis genesis.json --json
check "wrong_receipt_has_one_code_and_holds_not" sh -c \
    "grep -q '\"code\": \"bad_signature\"' err.json && grep -q '\"holds\": false' err.json"
refused "genesis_is_no_receipt_and_said_to_be_one" 3 "proves nothing: this is a JSON file" \
    receipt verify genesis.json --genesis genesis.json
refused "missing_receipt_is_said" 5 "'none'|No such file" \
    receipt verify none --genesis genesis.json
refused "receipt_without_genesis_is_wrong_usage" 2 "--genesis FILE is missing, and HANSA_GENESIS is not set" \
    receipt verify pay.receipt
HANSA_GENESIS=$PWD/genesis.json
export HANSA_GENESIS
accepted "receipt_is_verified_with_the_genesis_of_the_environment" "This receipt proves" \
    receipt verify pay.receipt
refused "an_option_goes_before_the_environment" 3 "'pay.receipt'" \
    receipt verify pay.receipt --genesis other.json
HANSA_GENESIS=
refused "an_empty_variable_names_no_genesis" 2 "HANSA_GENESIS is not set" receipt verify pay.receipt
HANSA_GENESIS=$PWD/other.json
refused "receipt_of_another_chain_than_the_environments_is_refused" 3 "'pay.receipt'" \
    receipt verify pay.receipt
unset HANSA_GENESIS

# no_flip_passes NAME FILE WORDS...: one bit of every 13th byte, each refused with a reason.
no_flip_passes() {
    name=$1 file=$2
    shift 2
    problem=
    at=0
    while [ "$at" -lt "$(stat -c %s "$file")" ]; do
        flip "$file" "$at" flipped
        run "$@" flipped --genesis genesis.json
        [ "$code" -eq 1 ] || [ "$code" -eq 3 ] || problem="${problem}byte $at: exit $code; "
        grep -qE 'nothing: [A-Za-z]' err || problem="${problem}byte $at: no field is named; "
        at=$((at + 13))
    done
    result "$name" "$problem"
}
no_flip_passes "no_flipped_bit_leaves_a_receipt_valid" pay.receipt receipt verify
[ "$size" -gt 300 ] || result "receipt_has_a_size" "only $size bytes"

# ---- proofs ----
run genesis show genesis.json --json
participant=$(value 'd["participants"][0]["name"]')
account=$(value 'd["balances"][0]["account"]')
asset=$(value 'd["balances"][0]["asset"]')
key=$(value 'd["participants"][0]["keys"][0]')
run account "$account" --dir store --asset "$asset" --prove balance.proof
accepted "proof_of_a_balance_says_what_it_shows" \
    "on chain 'test' at height 8|account $account held| $asset|entries in its history|state root:|certificate:     checkpoint at height 8" \
    proof verify balance.proof --genesis genesis.json
refused "proof_without_genesis_is_wrong_usage" 2 "HANSA_GENESIS is not set" proof verify balance.proof
HANSA_GENESIS=$PWD/genesis.json
export HANSA_GENESIS
accepted "proof_is_verified_with_the_genesis_of_the_environment" "This proof shows" \
    proof verify balance.proof
unset HANSA_GENESIS
run proof verify balance.proof --genesis genesis.json --json
json "proof_of_a_balance_is_json_too" "d['holds'] is True and d['present'] is True and
    d['table'] == 'balance' and d['account'] == '$account' and d['asset'] == '$asset' and
    d['height'] == 8 and len(d['state_root']) == 64 and '.' in d['amount'] + '.'"
run account "$participant/never-there" --dir store --asset "$asset" --prove absent.proof
accepted "proof_of_an_absence_says_so" "account $participant/never-there had never held any $asset" \
    proof verify absent.proof --genesis genesis.json
run proof verify absent.proof --genesis genesis.json --json
json "proof_of_an_absence_is_json_too" "d['present'] is False and 'amount' not in d"
run account "$participant" --dir store --prove participant.proof
accepted "proof_of_a_participant_lists_its_keys" "participant $participant existed|1 active key|$key" \
    proof verify participant.proof --genesis genesis.json
refused "proof_of_another_chain_is_refused" 3 "'balance.proof'|shows nothing|chain" \
    proof verify balance.proof --genesis other.json
cut_short balance.proof 1 short.proof
refused "truncated_proof_is_refused" 3 "'short.proof'|shows nothing" \
    proof verify short.proof --genesis genesis.json
(cat balance.proof && printf x) >more.proof
refused "proof_with_a_byte_more_is_refused" 3 "'more.proof'|shows nothing" \
    proof verify more.proof --genesis genesis.json
flip balance.proof -1 flipped.proof
refused "proof_with_a_flipped_signature_names_it" 1 "shows nothing|certificate" \
    proof verify flipped.proof --genesis genesis.json
refused "receipt_is_no_proof" 3 "'pay.receipt'|this is a receipt: hansa receipt verify" proof verify pay.receipt --genesis genesis.json
no_flip_passes "no_flipped_bit_leaves_a_proof_valid" balance.proof proof verify
no_flip_passes "no_flipped_bit_leaves_an_absence_valid" absent.proof proof verify

# ---- keys and the ledger ----
key_file() {
    printf 'hansa-public 1\nnetwork: %s\nkind: participant\nname: %s\nsign-public: %s\n' \
        "$1" "$participant" "$2" >"$3"
}
key_file test "$key" known.pub
accepted "key_show_with_a_store_gives_the_next_nonce" \
    "participant:     $participant|status:          active at height 10|next nonce:|certified: " \
    key show known.pub --dir store
run key show known.pub --dir store --json
json "key_show_with_a_store_is_json_too" "d['ledger']['status'] == 'active' and
    d['ledger']['participant'] == '$participant' and d['ledger']['next_nonce'] >= 1 and
    d['ledger']['height'] == 10 and d['ledger']['certified'] in (True, False)"
run keygen "$participant" --network test --out fresh.key
accepted "key_show_of_an_unknown_key_says_how_to_add_it" "unknown at height 10|hansa sign key-add" \
    key show fresh.key --dir store
key_file other "$key" foreign.pub
refused "key_of_another_network_is_refused" 3 "'store'|'other'|'test'" \
    key show foreign.pub --dir store
finish
