# What the tool says of a directory whose entries were changed with right checksums, as somebody
# could who runs the node: nothing of it is shown as true. The audit is tested elsewhere; here it is
# the commands that look up one thing.
. "$(dirname "$0")/lib.sh"
RETOUCH=$BUILD/tests/programs/retouch

"$BUILD/tests/programs/mkstore" s --blocks 16 --txs-per-block 5 --ops-per-tx 24 --accounts 12 \
    --checkpoint-every 16 --genesis-out g.json >mkstore.out 2>&1 || {
    cat mkstore.out
    echo "not ok a_store_is_made"
    exit 1
}
"$HANSA" export s >chain.jsonl

# Keys of entries, as ledger/place.h and ledger/state.h have them, of one thing of each kind.
/usr/bin/python3 - >picked <<'PYTHON'
import collections, json
owner = {k: p["name"] for p in json.load(open("g.json"))["participants"] for k in p["keys"]}
records, numbers, txids = {}, collections.Counter(), []
for line in open("chain.jsonl"):
    block = json.loads(line)
    for index, tx in enumerate(block["transactions"]):
        txids.append(tx["txid"])
        for number, op in enumerate(tx["operations"]):
            if op["op"] == "key-add":
                owner[op["key"]] = op["participant"]
            if op["op"] == "record":
                records[owner[tx["signer"]], op["topic"], op["key"]] = block["height"], index, number
            for field in ("from", "to"):
                if field in op:
                    numbers[op[field], op["asset"]] += 1
def hex8(text):
    return (bytes([len(text)]) + text.encode()).hex()
(who, topic, key), (height, _, _) = max(records.items(), key=lambda r: r[1])
# Another record of the same participant, under another key.
other = next(place for k, place in records.items() if k[0] == who and k[2] != key)
(account, asset), count = numbers.most_common(1)[0]
print(f"who={who} topic={topic} key={key} record_height={height}")
print(f"record_entry={hex8(who)}{hex8(topic)}{hex8(key)}{1:016x}")
print(f"other_place={other[0].to_bytes(8, 'little').hex()}"
      f"{other[1].to_bytes(4, 'little').hex()}{other[2].to_bytes(2, 'little').hex()}")
print(f"account={account} asset={asset} count={count}")
print(f"history={account.encode().hex()}00{asset.encode().hex()}00")
print(f"first={txids[0]} second={txids[1]}")
PYTHON
. ./picked

# change DIR TABLE KEY PYTHON: change an entry's value v (a bytearray) by the statement.
change() {
    was=$("$RETOUCH" "$1" get "$2" "$3")
    is=$(/usr/bin/python3 -c "
v = bytearray.fromhex('$was')
$4
print(v.hex())")
    [ "$was" != "$is" ] || echo "not ok the_entry_of_$1_was_changed"
    "$RETOUCH" "$1" put "$2" "$3" "$is"
}
# lie NAME TABLE KEY PYTHON: the same in ./NAME, a copy of s.
lie() {
    cp -r s "$1"
    change "$@"
}
# gone NAME TABLE KEY: an entry less in ./NAME, a copy of s.
gone() {
    cp -r s "$1"
    "$RETOUCH" "$1" delete "$2" "$3"
}
head_key=68656164 # in the table meta: height u64 | digest 32 | certificates u64 | checkpoints u64
at() {
    printf '%016x' "$1"
}

# ---- the index of txids ----
lie txid txid "$first" "v[8] ^= 1"
refused "txid_that_leads_to_another_transaction_is_damage" 1 "names another transaction" \
    tx "$first" --dir txid
lie nowhere txid "$first" "v[8] = 200"
refused "txid_that_leads_nowhere_is_damage" 1 "transaction 200|at height 1|hansa: tx:" \
    tx "$first" --dir nowhere
gone hidden txid "$first"
refused "txid_that_is_gone_is_damage_and_not_absence" 1 "txid has 79 entries" tx "$second" --dir hidden
refused "audit_of_a_store_that_does_not_open_names_height_and_field" 1 \
    "'hidden'|height 1: index txid|is missing|next: keep this directory" audit hidden

# ---- the state that members signed ----
accepted "state_is_certified_by_the_checkpoint_below_it" "certified|yes, from the checkpoint at height 16" \
    account "$account" --dir s
lie checkpoint checkpoint "$(at 16)" "v[-1] ^= 1"
refused "state_under_a_checkpoint_with_a_wrong_signature_is_not_shown" 1 "signature" \
    account "$account" --dir checkpoint
lie root checkpoint "$(at 16)" "v[49] ^= 1"
refused "state_other_than_the_signed_one_is_not_shown" 1 "certificate|signature" \
    participants --dir root
gone unsigned checkpoint "$(at 16)"
change unsigned meta "$head_key" "v[48] -= 1"
accepted "state_without_a_signed_checkpoint_is_called_uncertified" "certified|no: no CHECKPOINT" \
    account "$account" --dir unsigned

# ---- an old state shown as the new one ----
# The tree of the genesis is still there, whole and with right hashes; the newest checkpoint's
# certificate is genuine. Only that certificate tells that the root is another.
derived_key=64657269766564 # flushed_height u64 | tree version u64 | root 32 | counts
genesis_root=$("$RETOUCH" s get root 0000000000000000)
lie old meta "$derived_key" "v[8:16] = bytes(8); v[16:48] = bytes.fromhex('$genesis_root')"
refused "old_state_under_a_genuine_certificate_is_not_shown" 1 \
    "'old'|the state that the members signed at height 16 is not what the store shows" \
    account "$account" --dir old
refused "old_state_is_found_by_the_audit" 1 "height 16: state|differs from the replayed one" audit old
refused "first_differing_state_entry_is_named" 1 "height 16: state|here |, there |the blocks are the same" \
    audit s --against old
run audit s --against old --json
/usr/bin/python3 -c 'import json; json.dump(json.load(open("err"))["error"]["details"],
    open("out", "w"))'
json "first_differing_state_entry_is_json_too" \
    '(d["kind"] == "state" and d["holds"] is False and d["height"] == 16)'

# ---- certificates ----
lie signature cert "$(at 3)" "v[-1] ^= 1"
refused "certificate_with_a_wrong_signature_covers_no_block" 1 "height 3|certificate|signature" \
    block 3 --dir signature
refused "certificate_with_a_wrong_signature_ends_the_export" 1 "height 3|certificate|signature" \
    export signature --out x.jsonl
check "export_that_met_a_wrong_certificate_leaves_no_file" test ! -e x.jsonl
lie certificate cert "$(at "$record_height")" "v[-1] ^= 1"
refused "certificate_with_a_wrong_signature_covers_no_record" 1 "certificate|signature" \
    record history "$who" "$topic" "$key" --dir certificate
gone earlier cert "$(at 1)"
refused "certificate_that_is_gone_is_damage_and_not_absence" 1 "cert has 15 entries" \
    tx "$first" --dir earlier
change earlier meta "$head_key" "v[40] = 15"
run tx "$first" --dir earlier --json
json "without_its_certificate_a_block_is_covered_by_the_next" \
    '(d["height"] == 1 and d["certificate"]["height"] == 2)'
cp -r s bare
for height in $(seq 1 16); do
    "$RETOUCH" bare delete cert "$(at "$height")"
done
change bare meta "$head_key" "v[40] = 0"
accepted "block_without_any_certificate_says_so" "height:          3|none covers this block" \
    block 3 --dir bare
accepted "tx_without_any_certificate_says_so" "$first|none covers this block" \
    tx "$first" --dir bare
refused "receipt_without_any_certificate_is_not_found" 4 "no certificate" \
    tx "$first" --dir bare --receipt x.receipt
accepted "audit_names_how_many_blocks_have_no_certificate" \
    "up to height 0; the last 16 blocks are not certified yet in this store|Everything holds." audit bare
run audit bare --json
json "audit_names_how_many_blocks_have_no_certificate_in_json" \
    '(d["holds"], d["certified_height"], d["uncertified_count"]) == (True, 0, 16)'
gone tip cert "$(at 16)"
change tip meta "$head_key" "v[40] = 15"
accepted "audit_names_one_block_without_certificate" \
    "up to height 15; the last block is not certified yet in this store|Everything holds." audit tip
check "export_without_certificates_says_null" \
    sh -c "[ \$('$HANSA' export bare | grep -c '\"certificate_height\":null') -eq 16 ]"

# ---- the chain ----
lie chain chain "$(at 4)" "v[0] ^= 1"
refused "block_under_another_digest_is_damage" 1 "height 4" block 4 --dir chain
refused "digest_that_the_chain_lacks_is_not_found" 4 "there is no block" \
    block "$(sed -n 4p chain.jsonl | cut -d'"' -f6)" --dir chain
gone gap chain "$(at 4)"
refused "height_that_the_chain_lacks_is_damage_and_not_absence" 1 "15" \
    block "$(sed -n 4p chain.jsonl | cut -d'"' -f6)" --dir gap

# ---- histories ----
lie balance history "$history$(at 2)" "v[23] ^= 1"
refused "history_with_another_balance_is_damage" 1 \
    "entry 2 of the history of $account in $asset|does not follow" \
    history "$account" --asset "$asset" --dir balance
lie amount history "$history$(at 2)" "v[15] ^= 1"
refused "history_with_another_amount_is_damage" 1 "entry 2|the operation that it names is another" \
    history "$account" --asset "$asset" --dir amount
lie place history "$history$(at 2)" "v[12] ^= 1"
refused "history_that_leads_elsewhere_is_damage" 1 "hansa: history:" \
    history "$account" --asset "$asset" --dir place
# The last entries swapped, so that each names an operation of this account.
lie end history "$history$(at "$count")" "v[15:] = v[15:23] + bytes(8)"
refused "history_that_ends_at_another_balance_is_damage" 1 "entry $count" \
    history "$account" --asset "$asset" --from "$count" --dir end
gone missing history "$history$(at 3)"
refused "history_with_an_entry_gone_is_damage" 1 "history has" \
    history "$account" --asset "$asset" --dir missing

# ---- records ----
lie version record "$record_entry" "v = bytearray.fromhex('$other_place')"
refused "record_that_leads_to_another_one_is_damage" 1 "the operation that the index names is another" \
    record get "$who" "$topic" "$key" --dir version
finish
