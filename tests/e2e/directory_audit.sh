# The commands that go over a whole data directory: audit, audit --against, export.
. "$(dirname "$0")/lib.sh"
MKSTORE=$BUILD/tests/programs/mkstore

make_store() {
    "$MKSTORE" "$@" >mkstore.out 2>&1 || {
        cat mkstore.out
        echo "not ok a_store_is_made"
        exit 1
    }
}
# `shorter` is the beginning of s, `other` another chain of the same genesis.
size="--txs-per-block 10 --ops-per-tx 12 --accounts 12 --checkpoint-every 16"
make_store s --blocks 40 $size --seed 1 --genesis-out g.json
make_store shorter --blocks 32 $size --seed 1
make_store behind --blocks 20 $size --seed 1
make_store far_behind --blocks 10 $size --seed 1
make_store other --blocks 40 $size --seed 2
make_store empty --blocks 0 --accounts 4 --genesis-out empty.json
"$HANSA" genesis show g.json --json >genesis.out
chain_id=$(/usr/bin/python3 -c 'import json; print(json.load(open("genesis.out"))["chain_id"])')

# ---- audit ----
accepted "audit_from_a_genesis_file_says_what_was_checked" "'g.json'|$chain_id|head:            \
height 40|all of it|blocks:          40|transactions:    400|signatures:|certificates:    40, and 2|\
state entries:|index entries:|transactions/s|Everything holds." audit s --genesis g.json
accepted "audit_without_a_genesis_says_which_it_took" \
    "the one inside the store|by phone|$chain_id|Everything holds." audit s
run audit s --genesis g.json --threads 1 --json
json "audit_is_json_too" "(d['holds'] is True and 'e' not in str(d['seconds']) and d['seconds'] == round(d['seconds'], 3) and d['chain_id'] == '$chain_id' and d['genesis'] == 'file'
    and d['head_height'] == d['certified_height'] == d['blocks_count'] == 40 and
    d['uncertified_count'] == 0 and
    d['txs_count'] == 400 and d['flushed_height'] == 32 and d['checkpoints_count'] == 2 and
    d['certificates_count'] == 40 and d['signatures_count'] >= 400 + 3 * 42 and
    d['threads_count'] == 1 and d['state_entries_count'] > 12 and d['index_entries_count'] > 400)"
check "audit_json_has_no_progress" test ! -s err
accepted "audit_of_an_empty_chain_holds" "height 0|blocks:          0|Everything holds." audit empty
refused "audit_with_another_genesis_shows_both_chain_ids" 3 \
    "the store is of chain $chain_id|the genesis file of chain" audit s --genesis empty.json
HANSA_GENESIS=$PWD/g.json
export HANSA_GENESIS
accepted "audit_goes_by_the_genesis_of_the_environment" "g.json', which HANSA_GENESIS names|Everything holds." audit s
run audit s --json
json "and_its_json_says_that_it_was_a_file" "(d['genesis'] == 'file')"
HANSA_GENESIS=$PWD/empty.json
refused "audit_of_another_chain_than_the_environments_says_whence_it_was" 3 \
    "the store is of chain $chain_id|HANSA_GENESIS names the genesis file" audit s
accepted "an_option_goes_before_the_environment" "'g.json'|Everything holds." audit s --genesis g.json
unset HANSA_GENESIS
refused "audit_with_no_genesis_file_says_so" 5 "nowhere.json" audit s --genesis nowhere.json
refused "audit_of_no_directory_is_not_found" 4 "'nowhere'|no Hansa store" audit nowhere
# ---- an export that was cut off ----
: >cut.jsonl.part
refused "export_beside_the_rest_of_one_that_was_cut_off_is_refused" 5 "cut.jsonl.part|remove it" \
    export s --out cut.jsonl
rm cut.jsonl.part
accepted "export_leaves_the_whole_file_alone" "" export s --out cut.jsonl
problem=
[ -s cut.jsonl ] || problem="no lines; "
[ ! -e cut.jsonl.part ] || problem="${problem}the part is still there"
result "export_leaves_no_part" "$problem"

refused "audit_with_0_threads_is_wrong_usage" 2 "--threads|from 1 to 64" audit s --threads 0
refused "audit_with_65_threads_is_wrong_usage" 2 "--threads|'65'" audit s --threads 65

# Whoever runs a node holds this lock exclusively; tools share it.
exec 9<s
flock -x 9
refused "audit_of_a_running_node_is_refused" 5 "'s'|in use by another process|stop" audit s
refused "export_of_a_running_node_is_refused" 5 "'s'|in use by another process" export s
refused "audit_against_a_running_node_is_refused" 5 "'s'|in use" audit shorter --against s
flock -u 9
flock -s 9
accepted "audit_beside_another_tool_is_fine" "Everything holds." audit s
exec 9<&-

# ---- export ----
"$HANSA" export s >chain.jsonl 2>err
check "export_has_a_line_for_each_block" test "$(wc -l <chain.jsonl)" -eq 40
accepted "export_writes_a_file" "40 blocks with 400 transactions|'out.jsonl'" export s \
    --out out.jsonl --genesis g.json
check "export_to_a_file_is_the_same" cmp chain.jsonl out.jsonl
"$HANSA" export s --from 5 --to 7 >part.jsonl 2>err
check "export_from_and_to_give_those_blocks" sh -c 'sed -n 5,7p chain.jsonl | cmp - part.jsonl'
run export s --from 39 --out tail.jsonl --json
json "export_is_json_too" '(d["blocks_count"], d["txs_count"], d["from"], d["to"]) == (2, 20, 39, 40)'
# The digests, roots and counts are recomputed from what the lines say.
check "export_is_a_chain" /usr/bin/python3 -c '
import json, re
from hashlib import blake2b
tag = b"hansa-block".ljust(16, b"\0")
chain_id = bytes.fromhex(json.load(open("genesis.out"))["chain_id"])
parent = None
for height, line in enumerate(open("chain.jsonl"), 1):
    b = json.loads(line)
    header = (b"\1" + chain_id + b["epoch"].to_bytes(8, "little") +
              b["height"].to_bytes(8, "little") + bytes.fromhex(b["parent"]) +
              bytes.fromhex(b["tx_root"]) + b["tx_count"].to_bytes(4, "little") +
              b["body_bytes"].to_bytes(4, "little") + b["time_ms"].to_bytes(8, "little") +
              b["proposer"].to_bytes(2, "little"))
    assert blake2b(tag + header, digest_size=32).hexdigest() == b["digest"], height
    assert b["height"] == height and b["certificate_height"] == height
    assert parent in (None, b["parent"]), height
    assert b["tx_count"] == len(b["transactions"]) == 10
    assert b["body_bytes"] == sum(4 + t["bytes"] for t in b["transactions"])
    parent = b["digest"]
    for t in b["transactions"]:
        assert re.fullmatch("[0-9a-f]{64}", t["txid"]) and t["operations"]
        for o in t["operations"]:
            assert "amount" not in o or re.fullmatch("[0-9]+[.][0-9][0-9]", o["amount"]), o'
run export empty
check "export_of_an_empty_chain_has_no_lines" test "$code" -eq 0 -a ! -s out
refused "export_never_overwrites" 5 "out.jsonl|exists already" export s --out out.jsonl
refused "export_beyond_the_head_is_not_found" 4 "height 41|the newest is at 40" export s --to 41
refused "export_from_beyond_the_head_is_not_found" 4 "height 41|the newest is at 40" \
    export s --from 41
refused "export_backwards_is_wrong_usage" 2 "--from 7|--to 5" export s --from 7 --to 5
refused "export_into_no_directory_is_said" 5 "nowhere/x|No such file" export s --out nowhere/x
# A file that cannot grow on, as on a full disk: nothing half-written stays.
code=0
(trap '' XFSZ && ulimit -f 64 && exec "$HANSA" export s --out big.jsonl >out 2>err) || code=$?
check "export_that_cannot_be_written_is_an_error" test "$code" -eq 5
check "export_that_failed_leaves_no_file" test ! -e big.jsonl
check "export_to_a_full_device_is_an_error" sh -c "'$HANSA' export s >/dev/full; [ \$? -eq 5 ]"
"$HANSA" export s >/dev/full 2>full.err
check "export_to_a_full_device_says_so_once" test "$(wc -l <full.err)" -eq 1

# The pipe holds less than the export, so this one is still at work when the signal comes.
mkfifo pipe
"$HANSA" export s >pipe 2>err &
exporter=$!
exec 8<pipe
head -c 1 <&8 >out
kill -INT "$exporter"
cat <&8 >out
exec 8<&-
code=0
wait "$exporter" || code=$?
problem=
[ "$code" -eq 5 ] || problem="exit $code, not 5; "
result "export_interrupted_ends_with_words" "$problem$(lacks err 'interrupted at height')"

# ---- the first difference ----
cp -r s same
accepted "copies_do_not_differ" "the same up to height 40|state:           the same" \
    audit s --against same
HANSA_GENESIS=$PWD/empty.json
export HANSA_GENESIS
accepted "any_two_are_compared_whatever_the_environment_names" "the same up to height 40" \
    audit s --against same
unset HANSA_GENESIS
run audit s --against shorter --json
json "a_store_behind_does_not_differ" '(d["holds"] and d["behind"] == "theirs" and d["common_height"] == 32 and
    d["ours_height"] == 40 and d["theirs_height"] == 32 and d["state_compared"])'
accepted "a_store_behind_is_said" "the same up to height 32|40 here, 32 there: 'shorter' is merely 8 behind" \
    audit s --against shorter
accepted "a_store_farther_behind_is_compared_at_a_checkpoint_that_both_keep" \
    "'behind' is merely 20 behind|state:           the same at height 16" \
    audit behind --against s
run audit behind --against s --json
json "a_store_farther_behind_is_json_too" \
    'd["holds"] and d["behind"] == "ours" and d["state_compared"] is True'
accepted "a_store_far_behind_is_said_and_its_state_not_compared" \
    "'far_behind' is merely 30 behind|state:           not compared|height 0 here and 32 there" \
    audit far_behind --against s
run audit far_behind --against s --json
json "a_store_far_behind_is_json_too" \
    'd["holds"] and d["behind"] == "ours" and d["state_compared"] is False'
refused "first_differing_block_is_named_with_its_signers" 1 \
    "'other'|height 1: block: a fork|more than f = 1 members|keep both directories|call the other\
 members|signed both: m1, m2, m3|; here |, signed by m|; there " audit s --against other
run audit s --against other --json
/usr/bin/python3 -c 'import json; json.dump(json.load(open("err"))["error"]["details"],
    open("out", "w"))'
json "first_differing_block_is_json_too" '(d["kind"] == "block" and d["height"] == 1 and
    d["holds"] is False and d["fork"] is True and d["signed_both"] == ["m1", "m2", "m3"] and
    d["ours"]["digest"] == json.loads(open("chain.jsonl").readline())["digest"] and
    d["theirs"]["digest"] != d["ours"]["digest"] and len(d["theirs"]["certificate"]["signers"]) == 3)'
refused "another_chain_is_refused_with_both_chain_ids" 3 "$chain_id ('test') here" \
    audit s --against empty
ln -s s link
refused "directory_against_itself_is_wrong_usage" 2 "one and the same" audit s --against link
refused "threads_do_not_go_with_against" 2 "--threads" audit s --against other --threads 2
refused "against_no_directory_is_not_found" 4 "'nowhere'" audit s --against nowhere

# ---- damage ----
# One bit of a signature in block 5, where it lies in the file.
/usr/bin/python3 -c '
import json
block = json.loads(open("chain.jsonl").readlines()[4])
signature = bytes.fromhex(block["transactions"][3]["signature"])
data = bytearray(open("same/data.mdb", "rb").read())
assert data.count(signature) == 1
data[data.find(signature)] ^= 1
open("same/data.mdb", "wb").write(data)'
refused "audit_names_the_height_and_field_of_one_flipped_bit" 1 \
    "'same': height 5: |block|next: " audit same --genesis g.json
run audit same --json
/usr/bin/python3 -c 'import json; json.dump(json.load(open("err"))["error"]["details"],
    open("out", "w"))'
json "audit_failure_is_json_too" "(d['height'] == 5 and d['field'] == 'table block' and
    d['holds'] is False and 'checksum' in d['words'] and d['chain_id'] == '$chain_id')"
check "audit_failure_does_not_advise_an_audit" sh -c '! grep -q "run hansa audit" err'
"$HANSA" audit same >out 2>err
check "audit_failure_does_not_advise_an_audit_in_words" sh -c '! grep -q "run hansa audit" err'
"$HANSA" audit same >out 2>err
result "audit_says_what_kind_of_damage" \
    "$(lacks err "height 5: table block: a value fails its checksum|next: keep this directory")"
refused "block_that_is_damaged_is_not_shown" 1 "height 5" block 5 --dir same
accepted "block_beside_the_damage_is_shown" "height:          6" block 6 --dir same
refused "comparing_with_the_damaged_names_it" 1 "'same'|height 5" audit s --against same
code=0
"$HANSA" export same --out same.jsonl >out 2>err || code=$?
check "export_of_the_damaged_fails" test "$code" -eq 1
check "export_of_the_damaged_leaves_no_file" test ! -e same.jsonl

# ---- interrupting an audit ----
# It takes a while on one thread; which of these moments comes in time depends on the machine.
make_store long --blocks 12 --txs-per-block 500 --accounts 12
for seconds in 0.05 0.1 0.2 0.4; do
    "$HANSA" audit long --threads 1 >out 2>err &
    auditor=$!
    sleep "$seconds"
    kill -INT "$auditor" 2>/dev/null
    code=0
    wait "$auditor" || code=$?
    [ "$code" -eq 5 ] && break
done
problem=
[ "$code" -eq 5 ] || problem="exit $code, not 5; "
[ ! -s out ] || problem="${problem}something on stdout; "
result "audit_interrupted_ends_with_words" \
    "$problem$(lacks err "'long': interrupted at height|of 12|nothing wrong was found up to there")"
finish
