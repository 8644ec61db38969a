# The commands that read a data directory: account, history, tx, block, record, assets,
# participants. What they say is held against the exported blocks, replayed here in Python.
. "$(dirname "$0")/lib.sh"
MKSTORE=$BUILD/tests/programs/mkstore

make_store() {
    "$MKSTORE" "$@" >mkstore.out 2>&1 || {
        cat mkstore.out
        echo "not ok a_store_is_made"
        exit 1
    }
}
make_store s --blocks 40 --txs-per-block 10 --ops-per-tx 24 --accounts 12 --seed 1 \
    --checkpoint-every 16 --genesis-out g.json
make_store empty --blocks 0 --accounts 4 --genesis-out empty.json
"$HANSA" export s >chain.jsonl

# Replay: balances, histories and records, and one of each kind to ask for, as shell variables.
/usr/bin/python3 - >picked <<'PYTHON'
import collections, json
from decimal import Decimal
genesis = json.load(open("g.json"))
balances = collections.defaultdict(Decimal)
opening = collections.defaultdict(Decimal)
entries = collections.defaultdict(list)
records = collections.defaultdict(list)
owner = {k: p["name"] for p in genesis["participants"] for k in p["keys"]}
for b in genesis["balances"]:
    balances[b["account"], b["asset"]] = opening[b["account"], b["asset"]] = Decimal(b["amount"])
lines = [json.loads(line) for line in open("chain.jsonl")]
for block in lines:
    for index, tx in enumerate(block["transactions"]):
        for number, op in enumerate(tx["operations"]):
            at = (block["height"], index, number, tx["txid"])
            if op["op"] == "key-add":
                owner[op["key"]] = op["participant"]
            if op["op"] == "record":
                records[owner[tx["signer"]], op["topic"], op["key"]].append((at, op["data"]))
            for field, other, sign in (("from", "to", -1), ("to", "from", 1)):
                if field not in op:
                    continue
                place = op[field], op["asset"]
                balances[place] += sign * Decimal(op["amount"])
                entries[place].append([sign, op["amount"], str(balances[place]), op.get(other),
                                       op.get("memo"), op["op"], *at])
json.dump({"entries": [[*k, v] for k, v in entries.items()],
           "balances": [[*k, str(v)] for k, v in balances.items()],
           "opening": [[*k, str(v)] for k, v in opening.items()],
           "records": [[*k, v] for k, v in records.items()]}, open("replay.json", "w"))
(account, asset), most = max(entries.items(), key=lambda e: len(e[1]))
(who, topic, key), versions = max(records.items(), key=lambda r: len(r[1]))
print(f"account={account} asset={asset} entries_count={len(most)} balance={balances[account, asset]}")
print(f"who={who} topic={topic} key={key} versions={len(versions)}")
print(f"oldest='{versions[0][1]}' newest='{versions[-1][1]}'")
tx = lines[6]["transactions"][3]
print(f"txid={tx['txid']} digest={lines[6]['digest']} head={lines[-1]['digest']}")
print(f"op='{tx['operations'][0]['op']}'")
PYTHON
. ./picked
check "picked_record_has_several_versions" test "$versions" -gt 1
check "picked_history_is_long" test "$entries_count" -gt 1000

# replayed NAME EXPRESSION: over d, the answer in ./out, and replay, what was computed above.
replayed() {
    problem=$(/usr/bin/python3 -c '
import json, sys
d = json.load(open("out"))
replay = {kind: {tuple(row[:-1]): row[-1] for row in rows}
          for kind, rows in json.load(open("replay.json")).items()}
if not eval("(" + sys.argv[1] + ")"): print("the answer and the replay differ:", sys.argv[1])' "$2" 2>&1)
    result "$1" "$problem"
}

# ---- account ----
accepted "account_shows_its_balances" "account:|$account|height:          40|$balance $asset|\
$entries_count history entries" account "$account" --dir s
run account "$account" --dir s --json
replayed "account_has_the_balances_of_the_replay" '{b["asset"]: b["amount"] for b in d["balances"]} ==
    {k[1]: v for k, v in replay["balances"].items() if k[0] == d["account"]} and d["height"] == 40
    and all(b["entries_count"] == len(replay["entries"][d["account"], b["asset"]])
            for b in d["balances"])'
run account "$account" --dir s --asset "$asset" --json
json "account_with_asset_shows_that_one" "[b['asset'] for b in d['balances']] == ['$asset']"
accepted "account_of_a_participant_lists_its_accounts" "role:|keys:|$account:" \
    account "${account%/*}" --dir s
run account p0 --dir s --json
replayed "participant_has_the_accounts_of_the_replay" '[a["account"] for a in d["accounts"]] ==
    sorted({k[0] for k in replay["balances"] if k[0].startswith("p0/")}) and len(d["keys"]) >= 1'
refused "account_that_never_was_is_not_found" 4 "p0/never|up to height 40" \
    account p0/never --dir s
refused "account_without_the_asset_is_not_found" 4 "never held any GBP|up to height 40" \
    account "$account" --dir s --asset GBP
refused "participant_that_never_was_is_not_found" 4 "'nobody'|up to height 40" \
    account nobody --dir s
refused "name_in_capitals_is_no_participant" 3 "'NOBODY'|a-z" account NOBODY --dir s
refused "name_with_two_slashes_is_no_account" 3 "'a/b/c'|participant/name" account a/b/c --dir s
refused "asset_in_small_letters_is_refused" 3 "'czk'|A-Z" account "$account" --dir s --asset czk

# ---- proofs ----
accepted "proof_of_a_balance_is_written" "'main.proof'|checkpoint at height 32|hansa proof verify" \
    account "$account" --dir s --asset "$asset" --prove main.proof
accepted "proof_of_a_balance_verifies" "$account held|at height 32" \
    proof verify main.proof --genesis g.json
accepted "proof_of_an_absence_is_written" "p0/never held no CZK" \
    account p0/never --dir s --asset CZK --prove never.proof
accepted "proof_of_an_absence_verifies" "p0/never had never held any CZK" \
    proof verify never.proof --genesis g.json
accepted "proof_of_a_participant_verifies" "'p0.proof'" account p0 --dir s --prove p0.proof
run proof verify p0.proof --genesis g.json --json
json "proof_of_a_participant_has_its_keys" 'd["table"] == "participant" and d["present"]'
refused "proof_never_overwrites" 5 "main.proof|exists already" \
    account "$account" --dir s --asset "$asset" --prove main.proof
refused "proof_of_which_asset_is_asked" 2 "--asset CODE" account "$account" --dir s --prove x.proof
refused "proof_without_a_checkpoint_is_not_found" 4 "no checkpoint is certified" \
    account p0/a0 --dir empty --asset CZK --prove x.proof
check "refused_proofs_leave_no_file" test ! -e x.proof

# ---- history ----
accepted "history_shows_the_balance_and_the_entries" \
    "balance:|$balance $asset|entries:         $entries_count|opening:|height 1 " \
    history "$account" --dir s --asset "$asset"
check "history_has_a_line_for_each_entry" \
    sh -c "[ \$('$HANSA' history $account --dir s --asset $asset --limit 5000 | grep -c '^[0-9]') -eq $entries_count ]"
run history "$account" --dir s --limit 5000 --json
replayed "history_is_that_of_the_replay" 'all(
    [[1 if e["direction"] == "credit" else -1, e["amount"], e["balance"], e.get("counterparty"),
      e.get("memo"), e["op"], e["height"], e["tx_index"], e["op_index"], e["txid"]]
     for e in h["entries"]] == replay["entries"].get((d["account"], h["asset"]), [])
    and [e["number"] for e in h["entries"]] == list(range(1, h["entries_count"] + 1))
    and "next_from" not in h for h in d["histories"]) and len(d["histories"]) >= 1'
run history "$account" --dir s --asset "$asset" --from 3 --limit 4 --json
json "history_goes_in_pages" '([e["number"] for e in d["histories"][0]["entries"]] == [3, 4, 5, 6] and
    d["histories"][0]["next_from"] == 7)'
run history "$account" --dir s --asset "$asset" --from "$entries_count" --json
json "history_from_the_last_entry_has_that_one" \
    "([e['number'] for e in d['histories'][0]['entries']] == [$entries_count] and
    'next_from' not in d['histories'][0])"
run history "$account" --dir s --asset "$asset" --json
json "history_has_1000_entries_at_once_unless_told_otherwise" \
    '(len(d["histories"][0]["entries"]) == 1000 and d["histories"][0]["next_from"] == 1001)'
accepted "history_cut_short_says_how_to_go_on" "go on with --from 3" \
    history "$account" --dir s --asset "$asset" --limit 2
refused "history_beyond_the_last_entry_is_not_found" 4 "$entries_count entries|of number" \
    history "$account" --dir s --asset "$asset" --from $((entries_count + 1))
refused "history_of_no_account_is_not_found" 4 "p0/never|up to height 40" history p0/never --dir s
refused "history_of_a_million_and_one_is_wrong_usage" 2 "--limit|to 1000000" history "$account" \
    --dir s --limit 1000001
refused "history_from_0_is_wrong_usage" 2 "--from|from 1" history "$account" --dir s --from 0
refused "history_of_a_participant_is_refused" 3 "'p0'|participant/name" history p0 --dir s

# ---- tx ----
accepted "tx_shows_its_place_and_certificate" \
    "$txid|transaction 3 of 10 at height 7|commit at height|participant:     p|$op" \
    tx "$txid" --dir s
accepted "tx_writes_a_receipt" "'pay.receipt'|hansa receipt verify" tx "$txid" --dir s \
    --receipt pay.receipt
accepted "receipt_names_the_genesis_file_of_others" "--genesis FILE" tx "$txid" --dir s \
    --receipt other.receipt
accepted "receipt_names_the_genesis_file_that_was_used" "verify 'own.receipt' --genesis 'g.json'" \
    tx "$txid" --dir s --genesis g.json --receipt own.receipt
accepted "receipt_verifies" "$txid|in block 7 at index 3" receipt verify pay.receipt \
    --genesis g.json
run tx "$txid" --dir s --json
json "tx_is_json_too" "(d['transaction']['txid'] == '$txid' and d['height'] == 7 and
    d['tx_index'] == 3 and d['header']['digest'] == '$digest' and d['certified'] and
    d['certificate']['height'] >= 7 and d['header']['time_ms'] > 0)"
zeros=$(printf '%064d' 0)
refused "tx_that_never_was_is_not_found" 4 "$zeros|up to height 40" tx "$zeros" --dir s
refused "txid_that_is_too_short_is_wrong_usage" 2 "'abc'|64 digits" tx abc --dir s
refused "receipt_never_overwrites" 5 "pay.receipt|exists already" tx "$txid" --dir s \
    --receipt pay.receipt

# ---- block ----
accepted "block_by_height" "height:          7|$digest|commit at height|tx 9:" block 7 --dir s
accepted "block_by_digest" "height:          7|$digest" block "$digest" --dir s
accepted "block_head_is_the_newest" "height:          40|$head" block head --dir s
run block 7 --dir s --json
json "block_json_is_the_exported_line" '(all(d[k] == v
    for k, v in json.loads(open("chain.jsonl").readlines()[6]).items() if k != "certificate_height")
    and d["certificate"]["kind"] == "commit")'
refused "block_above_the_head_is_not_found" 4 "height 41|the newest is at 40" block 41 --dir s
refused "block_latest_names_what_there_is" 2 "'latest'|HEIGHT|DIGEST|head" block latest --dir s
refused "block_0_is_wrong_usage" 2 "HEIGHT|'0'" block 0 --dir s
refused "block_of_an_unknown_digest_is_not_found" 4 "$zeros|up to height 40" block "$zeros" --dir s
refused "block_of_no_digest_is_wrong_usage" 2 "nor a DIGEST of 64" block "$(printf '%064d' 0 | tr 0 G)" \
    --dir s
refused "block_head_of_an_empty_chain_is_not_found" 4 "no blocks yet" block head --dir empty

# ---- record ----
accepted "record_get_shows_the_newest_version" "version:         $versions, at|data:            $newest" \
    record get "$who" "$topic" "$key" --dir s
run record get "$who" "$topic" "$key" --dir s --json
replayed "record_get_is_that_of_the_replay" '[d["data"], d["txid"], d["height"], d["version"]] ==
    (lambda v: [v[-1][1], v[-1][0][3], v[-1][0][0], len(v)])(
        replay["records"][d["participant"], d["topic"], d["key"]])
    and d["certificate_height"] >= d["height"]'
accepted "record_get_writes_the_data" "'newest.txt'" record get "$who" "$topic" "$key" --dir s \
    --out newest.txt
check "record_data_is_written_byte_for_byte" test "$(cat newest.txt)" = "$newest"
refused "record_get_never_overwrites" 5 "newest.txt|exists already" \
    record get "$who" "$topic" "$key" --dir s --out newest.txt
run record history "$who" "$topic" "$key" --dir s --json
replayed "record_history_is_that_of_the_replay" \
    '[[[v["height"], v["tx_index"], v["op_index"], v["txid"]], v["data"]] for v in d["versions"]] ==
    replay["records"][d["participant"], d["topic"], d["key"]] and
    [v["version"] for v in d["versions"]] == list(range(1, d["versions_count"] + 1))'
accepted "record_history_shows_all_versions" "version:         1, at|version:         $versions, at" \
    record history "$who" "$topic" "$key" --dir s
accepted "record_history_stops_at_its_limit_and_says_so" "version:         1, at|go on with --from 2" \
    record history "$who" "$topic" "$key" --dir s --limit 1
accepted "record_history_goes_on_from_a_version" "version:         $versions, at" \
    record history "$who" "$topic" "$key" --dir s --from "$versions"
refused "record_history_beyond_the_newest_is_not_found" 4 "no version 9999|the newest is $versions" \
    record history "$who" "$topic" "$key" --dir s --from 9999
accepted "record_verify_of_the_newest" "Yes|version:         $versions" \
    record verify newest.txt "$who" "$topic" "$key" --dir s
printf %s "$oldest" >oldest.txt
run record verify newest.txt "$who" "$topic" "$key" --dir s --json
json "record_verify_is_json_too" 'd["holds"] is True and d["newest"] is True'
accepted "record_verify_of_an_older_version_says_so" "Yes|a newer version|version:         1, at" \
    record verify oldest.txt "$who" "$topic" "$key" --dir s
flip newest.txt 0 flipped.txt
refused "record_verify_of_another_content_is_no" 1 "flipped.txt|none of the $versions versions|hash" \
    record verify flipped.txt "$who" "$topic" "$key" --dir s
once=$(/usr/bin/python3 -c '
import json
records = [r for r in json.load(open("replay.json"))["records"] if len(r[3]) == 1]
print(*records[0][:3])')
# shellcheck disable=SC2086
refused "of_a_record_with_one_version_it_is_said_so" 1 "is not the one version recorded there" \
    record verify flipped.txt $once --dir s
printf a >one.txt
refused "one_byte_is_a_byte" 1 "(1 byte, hash" record verify one.txt "$who" "$topic" "$key" --dir s
: >nothing.txt
refused "record_verify_of_an_empty_file_is_no" 1 "0 bytes" \
    record verify nothing.txt "$who" "$topic" "$key" --dir s
head -c 32769 /dev/zero >long.txt
refused "record_verify_of_a_file_too_long_is_no" 1 "not recorded|32768" \
    record verify long.txt "$who" "$topic" "$key" --dir s
refused "record_that_never_was_is_not_found" 4 "'never'|up to height 40" \
    record get "$who" "$topic" never --dir s
refused "record_verify_of_no_record_is_not_found" 4 "'never'" \
    record verify newest.txt "$who" "$topic" never --dir s
refused "record_verify_of_no_file_says_so" 5 "nowhere.txt" \
    record verify nowhere.txt "$who" "$topic" "$key" --dir s
t65=$(printf '%065d' 0)
refused "topic_of_65_is_refused" 3 "topic|64" record get "$who" "$t65" "$key" --dir s
refused "empty_key_is_refused" 3 "key ''|1 to 128" record get "$who" "$topic" '' --dir s

# ---- assets and participants ----
accepted "assets_lists_them" "CZK:|2 decimals, issued by p0" assets --dir s
run assets --dir s --json
replayed "supplies_are_those_of_the_replay" 'all(
    sum(__import__("decimal").Decimal(v) for k, v in replay["balances"].items() if k[1] == a["code"])
    == __import__("decimal").Decimal(a["supply"]) for a in d["assets"]) and len(d["assets"]) > 1'
accepted "participants_lists_them" "p0:|governor|active key" participants --dir s
run participants --dir s --json
json "participants_is_json_too" '([p["name"] for p in d["participants"]] ==
    sorted(p["name"] for p in json.load(open("g.json"))["participants"]))'

# ---- directories ----
refused "directory_that_is_not_there_is_said" 4 "assets: 'nowhere': there is no" assets --dir nowhere
mkdir plain
refused "directory_without_a_store_is_said" 4 "assets: 'plain': there is no Hansa store" assets --dir plain
refused "directory_must_be_named" 2 "--dir DIR" assets
refused "genesis_of_another_chain_is_refused" 3 "'s'|the store is of chain|the genesis file of chain" \
    assets --dir s --genesis empty.json
accepted "genesis_of_the_chain_is_accepted" "CZK:" assets --dir s --genesis g.json
for words in "account p0" "history p0/a0" "tx $txid" "block 7" "record get p0 t k" assets; do
    # shellcheck disable=SC2086
    set -- $words
    code=0
    flock s "$HANSA" "$@" --dir s >out 2>err || code=$?
    problem=
    [ "$code" -eq 5 ] || problem="exit $code, not 5"
    result "directory_in_use_refuses_$1" "$problem$(lacks err 'in use by another process')"
done
finish
