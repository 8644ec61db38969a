# `hansa sign ...` and `hansa tx show`.
. "$(dirname "$0")/lib.sh"

run keygen alice --network demo
run genesis init --chain demo --out genesis.json --members 4 --keys-dir keys \
    --participant alice.key.pub --asset CZK:2:governor --asset PTS:0:governor --balance governor/main=1000.00:CZK
run genesis init --chain demo --out twin.json --members 4 --keys-dir twin-keys \
    --asset CZK:2:governor
run genesis init --chain other --out other.json --members 4 --keys-dir other-keys
run keygen governor --network demo --out second.key
run keygen alice --network demo
printf 'correct horse\n' >pass
printf 'wrong horse\n' >wrong
chmod 600 pass wrong
run keygen governor --network demo --out sealed.key --passphrase-file pass
printf 'any \000 bytes\377' >data.bin

# sign KIND WORDS...: the words that all of them share, then the operation's.
k="--key keys/governor.key --genesis genesis.json --nonce 1"
t="--from governor/main --to alice/x --asset CZK"

# show NAME 'words|words' FILE
show() {
    accepted "$1" "verified:        yes|$2" tx show "$3" --genesis genesis.json
}

# warned NAME 'words|words' WORDS...: signed, with one line of a warning on stderr; with --json it
# stands in the answer, and stderr is empty.
warned() {
    name=$1 words=$2
    shift 2
    run "$@"
    problem=$(lacks out txid:)
    [ "$code" -eq 0 ] || problem="exit $code, not 0; $problem"
    [ "$(grep -c ': warning: ' err)" -eq 1 ] || problem="${problem}not one warning; "
    result "$name" "$problem$(lacks err "$words")"
}

# shellcheck disable=SC2086
{
# ---- every operation ----
accepted "transfer_is_signed" "txid:|'t.tx'" sign transfer $k $t --amount 12.00 \
    --memo 'nájem za květen' --out t.tx
sed -n 's/^txid: *//p' out >txid
check "transaction_file_has_mode_0644" test "$(stat -c %a t.tx)" = 644
show "transfer_is_shown" \
    "$(cat txid)|transfer 12.00 CZK from governor/main to alice/x, memo \"nájem za květen\"|no limit" \
    t.tx
refused "tx_show_without_genesis_is_wrong_usage" 2 "HANSA_GENESIS is not set" tx show t.tx
HANSA_GENESIS=$PWD/genesis.json
export HANSA_GENESIS
accepted "tx_is_shown_with_the_genesis_of_the_environment" "verified:        yes" tx show t.tx
unset HANSA_GENESIS
run tx show t.tx --genesis genesis.json --json
json "transfer_is_shown_as_json" 'd["txid"] == open("txid").read().strip() and d["holds"] is True
    and d["nonce"] == 1 and d["valid_until"] is None and d["operations"] == [{"op": "transfer",
    "from": "governor/main", "to": "alice/x", "asset": "CZK", "amount": "12.00",
    "memo": "nájem za květen"}]'
run sign transfer $k $t --amount 12.00 --valid-until 99 --json
json "without_out_the_json_has_the_transaction" \
    'len(d["txid"]) == 64 and bytes.fromhex(d["transaction"])[0] == 1 and "file" not in d'
run sign transfer $k $t --amount 12.00 --valid-until 99
cp out hex.tx
check "without_out_stdout_is_hex_alone" grep -qxE '[0-9a-f]+' hex.tx
show "hex_is_shown_too" "transfer 12.00 CZK|height 99" hex.tx
accepted "issue_is_signed" "txid:" sign issue $k --to alice/x --asset PTS --amount 7 --out i.tx
show "issue_is_shown" "issue 7 PTS to alice/x" i.tx
accepted "redeem_is_signed" "txid:" sign redeem $k --from governor/main --asset CZK \
    --amount 0.01 --memo m --out r.tx
show "redeem_is_shown" "redeem 0.01 CZK from governor/main, memo \"m\"" r.tx
accepted "record_of_text_is_signed" "txid:" sign record $k --topic diploma --record-key 2026/1 \
    --data 'Ada' --out rec.tx
show "record_is_shown" "record topic \"diploma\", key \"2026/1\", 3 bytes: \"Ada\"" rec.tx
accepted "record_of_one_byte_is_signed" "txid:" sign record $k --topic d --record-key k --data A --out one.tx
show "one_byte_is_a_byte" ", 1 byte: \"A\"" one.tx
accepted "record_of_any_bytes_is_signed" "txid:" sign record $k --topic d --record-key k \
    --data-file data.bin --out bin.tx
show "record_of_any_bytes_is_shown_printable" "any \\x00 bytes\\xff" bin.tx
run tx show bin.tx --genesis genesis.json --json
json "record_of_any_bytes_is_hex_in_json" \
    'bytes.fromhex(d["operations"][0]["data_hex"]) == open("data.bin", "rb").read()'
accepted "key_add_is_signed" "txid:" sign key-add $k --new-key second.key --out add.tx
second=$(sed -n 's/^sign-public: //p' second.key.pub)
show "key_add_is_shown_with_consents" "key-add $second to governor|consents are valid" add.tx
accepted "key_add_of_a_sealed_key_is_signed" "txid:" sign key-add $k --new-key sealed.key \
    --new-passphrase-file pass --out add2.tx
accepted "key_revoke_is_signed" "txid:" sign key-revoke $k --revoke second.key.pub --out rev.tx
show "key_revoke_is_shown" "key-revoke $second" rev.tx
accepted "key_revoke_by_hex_is_signed" "txid:" sign key-revoke $k --revoke-hex $second --out rev2.tx
check "both_ways_of_revoking_are_one" cmp rev.tx rev2.tx
accepted "cancel_is_signed" "txid:" sign cancel $k --out c.tx
show "cancel_is_shown" "operation 0:     cancel" c.tx
warned "sealed_key_signs_with_its_passphrase" "not in the genesis file|unless" sign cancel --key sealed.key \
    --passphrase-file pass --genesis genesis.json --nonce 18446744073709551615 --out sealed.tx
show "largest_nonce_is_shown" "nonce:           18446744073709551615" sealed.tx

# ---- several operations ----
cat >ops.json <<'JSON'
[{"op": "transfer", "from": "governor/main", "to": "alice/x", "asset": "CZK", "amount": "1.00"},
 {"op": "issue", "to": "alice/x", "asset": "PTS", "amount": "5"},
 {"op": "record", "topic": "t", "key": "k", "data_hex": "00ff"},
 {"op": "key-add", "new_key_file": "second.key"},
 {"op": "key-revoke", "key_file": "second.key.pub"}]
JSON
accepted "several_operations_are_signed" "txid:" sign --ops ops.json $k --out ops.tx
show "several_operations_are_shown" "operation 0:|operation 4:     key-revoke" ops.tx
run tx show ops.tx --genesis genesis.json --json
cp out ops-shown
/usr/bin/python3 -c 'import json; print(json.dumps(json.load(open("ops-shown"))["operations"]))' >again.json
run sign --ops again.json $k --out again.tx
check "operations_as_shown_sign_to_the_same_bytes" cmp ops.tx again.tx
many() {
    /usr/bin/python3 -c 'import json, sys
print(json.dumps([{"op": "issue", "to": "alice/%d" % i, "asset": "PTS", "amount": "1"} for i in range(int(sys.argv[1]))]))' "$1"
}
many 1000 >1000.json
many 1001 >1001.json
many 0 >0.json
accepted "operations_1000_are_the_most" "txid:" sign --ops 1000.json $k --out 1000.tx
cat >self.json <<'JSON'
[{"op": "issue", "to": "alice/1", "asset": "PTS", "amount": "1"},
 {"op": "transfer", "from": "alice/1", "to": "alice/1", "asset": "PTS", "amount": "1"}]
JSON
refused "operation_that_is_refused_among_several_is_named" 3 "operation [1], transfer|to itself" \
    sign --ops self.json $k
refused "operations_1001_are_refused" 3 "'1001.json'|1001|1 to 1000" sign --ops 1001.json $k
refused "operations_0_are_refused" 3 "'0.json'|1 to 1000" sign --ops 0.json $k
/usr/bin/python3 -c 'import json
print(json.dumps([{"op": "record", "topic": "t", "key": str(i), "data": "x" * 32768} for i in range(4)]))' >large.json
refused "transaction_over_128_kib_is_refused" 3 "128 KiB" sign --ops large.json $k
echo '[{"op": "cancel"}, {"op": "cancel"}]' >cancels.json
refused "cancel_must_be_alone" 3 "only operation" sign --ops cancels.json $k
echo '[{"op": "pay"}]' >pay.json
refused "unknown_operation_is_named" 3 "'pay.json'|[0].op|\"pay\"|transfer, issue" sign --ops pay.json $k
echo '[{"op": "cancel", "memo": "x"}]' >field.json
refused "unknown_field_is_named" 3 "[0].memo" sign --ops field.json $k
echo '[{"op": "issue", "to": "a/b", "asset": "PTS", "amount": 5}]' >number.json
refused "amount_that_is_a_number_is_refused" 3 "[0].amount|in quotes" sign --ops number.json $k
echo '[{"op": "cancel"}' >broken.json
refused "file_that_is_no_json_is_refused" 3 "broken.json|line" sign --ops broken.json $k
echo '[{"op": "cancel", "op": "cancel"}]' >double.json
refused "duplicate_field_is_refused" 3 "double.json" sign --ops double.json $k

# ---- what the ledger will hardly accept ----
warned "foreign_account_is_warned_of" "account alice/x belongs to participant alice|governor" \
    sign transfer $k --from alice/x --to governor/main --asset CZK --amount 1.00 --out w1.tx
warned "unknown_receiver_is_warned_of" "participant bob|unless it was added since" \
    sign transfer $k --from governor/main --to bob/x --asset CZK --amount 1.00 --out w2.tx
a="--key alice.key --genesis genesis.json --nonce 1"
warned "issue_by_another_than_the_issuer_is_warned_of" "only governor issues and redeems CZK|alice" \
    sign issue $a --to alice/x --asset CZK --amount 1.00 --out w3.tx
warned "redeem_by_another_than_the_issuer_is_warned_of" "only governor issues and redeems CZK" \
    sign redeem $a --from alice/x --asset CZK --amount 1.00 --out w4.tx
warned "key_that_is_not_in_the_genesis_is_warned_of" "the key is not in the genesis file" \
    sign cancel --key second.key --genesis genesis.json --nonce 1 --out w5.tx
run sign transfer $k --from alice/x --to bob/x --asset CZK --amount 1.00 --json
json "warnings_are_json_too" 'len(d["warnings"]) == 2'
check "warnings_in_json_are_not_on_stderr_too" test ! -s err
/usr/bin/python3 -c 'import json
print(json.dumps([{"op": "issue", "to": "a%d/x" % i, "asset": "PTS", "amount": "1"} for i in range(100)]))' >strangers.json
run sign --ops strangers.json $k --out strangers.tx
check "many_warnings_are_cut" test "$(wc -l <err)" -eq 9

# ---- values ----
for amount in 12.345 12.3 12 1e3 -1 +1 , '' ' 1.00' 01.00 184467440737095516.16; do
    refused "amount_'$amount'_is_refused" 3 "amount|\"$amount\"|2 decimals|12.00" \
        sign transfer $k $t --amount "$amount"
done
accepted "amount_of_2_to_64_less_1_is_the_largest" "txid:" sign transfer $k $t \
    --amount 184467440737095516.15 --out max.tx
refused "amount_of_nothing_is_refused" 3 "amount of nothing" sign transfer $k $t --amount 0.00
refused "unknown_asset_is_named" 3 "asset|\"XXX\"|hansa genesis show" \
    sign issue $k --to a/b --asset XXX --amount 1
sub40=abcdefghijklmnopqrstuvwxyz0123456789._-A
accepted "account_name_of_40_is_the_longest" "txid:" sign issue $k --to alice/$sub40 --asset PTS \
    --amount 1 --out sub40.tx
refused "account_name_of_41_is_refused" 3 "to: must be an account|${sub40}B" \
    sign issue $k --to a/${sub40}B --asset PTS --amount 1
refused "account_without_participant_is_refused" 3 "from: must be an account|\"main\"" \
    sign transfer $k --from main --to a/b --asset CZK --amount 1.00
refused "transfer_to_itself_is_refused" 3 "to itself" sign transfer $k --from governor/main \
    --to governor/main --asset CZK --amount 1.00
memo=$(head -c 128 /dev/zero | tr '\0' m)
accepted "memo_of_128_is_the_longest" "txid:" sign transfer $k $t --amount 1.00 --memo $memo \
    --out memo.tx
refused "memo_of_129_is_refused" 3 "memo|at most 128 bytes" sign transfer $k $t --amount 1.00 \
    --memo ${memo}m
refused "memo_with_an_escape_is_refused" 3 "memo|control characters" sign transfer $k $t \
    --amount 1.00 --memo "$(printf 'a\033[31m')"
refused "memo_that_is_not_utf8_is_refused" 3 "--memo 'caf\\xe9'|not UTF-8" sign transfer $k $t \
    --amount 1.00 --memo "$(printf 'caf\351')"
topic=$(head -c 65 /dev/zero | tr '\0' t)
refused "topic_of_65_is_refused" 3 "topic|at most 64|not empty" sign record $k --topic $topic \
    --record-key k --data d
refused "empty_topic_is_refused_by_name" 3 "topic: |not empty" sign record $k --topic '' \
    --record-key k --data d
refused "empty_record_key_is_refused_by_name" 3 "key: |not empty" sign record $k --topic t \
    --record-key '' --data d
refused "record_key_of_129_is_refused" 3 "key|at most 128" sign record $k --topic t \
    --record-key ${memo}k --data d
head -c 32768 /dev/zero >32k
head -c 32769 /dev/zero >32k1
accepted "record_of_32_kib_is_the_largest" "txid:" sign record $k --topic t --record-key k \
    --data-file 32k --out 32k.tx
refused "record_over_32_kib_is_refused" 3 "data_file|'32k1'|record data|32768|32 KiB" sign record $k --topic t \
    --record-key k --data-file 32k1
refused "missing_data_file_is_said" 5 "'none'|No such file" sign record $k --topic t \
    --record-key k --data-file none
refused "record_without_data_is_wrong_usage" 2 "--data TEXT or --data-file" sign record $k \
    --topic t --record-key k
for nonce in 0 -1 1.5 x 18446744073709551616 ''; do
    refused "nonce_'$nonce'_is_wrong_usage" 2 "--nonce|whole number|'$nonce'" \
        sign cancel --key keys/governor.key --genesis genesis.json --nonce "$nonce"
done
refused "revoked_key_that_is_short_is_refused" 3 "key|64 lower-case hex" sign key-revoke $k \
    --revoke-hex abcd
refused "revoking_nothing_is_wrong_usage" 2 "--revoke FILE.pub" sign key-revoke $k

# ---- keys ----
g="--genesis genesis.json --nonce 1"
refused "key_of_another_network_is_refused" 3 "other-keys/governor.key|'other'|'demo'" \
    sign cancel --key other-keys/governor.key $g
refused "genesis_of_another_network_is_refused" 3 "keys/governor.key|'demo'|'other'" \
    sign cancel --key keys/governor.key --genesis other.json --nonce 1
refused "replicas_key_signs_no_transaction" 3 "member-0|participant's key" \
    sign cancel --key keys/member-0.key $g
run keygen rep --network demo --replica --peer 127.0.0.1:1 --client 127.0.0.1:2 \
    --passphrase-file pass
refused "sealed_replicas_key_is_refused_before_its_passphrase_is_asked_for" 3 \
    "'rep.key': this is replica 'rep's key" sign cancel --key rep.key --passphrase-file none $g
refused "signers_own_key_is_no_new_key" 3 "signer's own key|hansa keygen governor" \
    sign key-add $k --new-key keys/governor.key
refused "public_file_signs_nothing" 3 "without .pub" sign cancel --key keys/governor.key.pub $g
cp alice.key open.key
chmod 640 open.key
refused "key_file_for_others_signs_nothing" 3 "open.key|0640|chmod 600" sign cancel --key open.key $g
refused "wrong_passphrase_is_refused" 3 "sealed.key|passphrase" sign cancel --key sealed.key \
    --passphrase-file wrong $g
flip sealed.key -3 flipped.key
chmod 600 flipped.key
refused "sealed_key_with_a_flipped_bit_is_refused" 3 "flipped.key" sign cancel --key flipped.key \
    --passphrase-file pass $g
refused "missing_key_is_said" 5 "none.key|No such file" sign cancel --key none.key $g
refused "missing_genesis_is_said" 5 "none.json|No such file" sign cancel --key alice.key \
    --genesis none.json --nonce 1
refused "new_key_of_another_participant_is_refused" 3 "'alice'|'governor'|hansa keygen governor" \
    sign key-add $k --new-key alice.key
refused "new_key_of_another_network_is_refused" 3 "other-keys/governor.key|'other'" \
    sign key-add $k --new-key other-keys/governor.key
/usr/bin/python3 - <<'PY'
import json
ops = json.load(open("again.json"))[3:4]
c = ops[0]["consent"]
ops[0]["consent"] = c[:-1] + ("0" if c[-1] != "0" else "1")
json.dump(ops, open("consent.json", "w"))
PY
refused "consent_with_a_flipped_digit_is_refused" 3 "[0].consent|not the key's signature" \
    sign --ops consent.json $k
refused "existing_output_is_not_overwritten" 5 "'t.tx'|exists already" sign cancel $k --out t.tx
refused "directory_that_is_not_there_is_said" 5 "'nowhere/t.tx'|No such file" \
    sign cancel $k --out nowhere/t.tx
}

# ---- tx show: files that are not what they should be ----
cut_short t.tx 1 short.tx
refused "truncated_transaction_is_refused" 3 "'short.tx'|not a transaction" \
    tx show short.tx --genesis genesis.json
(cat t.tx && printf x) >more.tx
refused "transaction_with_a_byte_more_is_refused" 3 "'more.tx'|not a transaction" \
    tx show more.tx --genesis genesis.json
: >empty.tx
refused "empty_file_is_refused" 3 "'empty.tx'" tx show empty.tx --genesis genesis.json
head -c 300000 /dev/zero >zeros.tx
refused "file_over_every_limit_is_refused" 3 "'zeros.tx'|longer than" \
    tx show zeros.tx --genesis genesis.json
refused "missing_transaction_is_said" 5 "'none.tx'|No such file" \
    tx show none.tx --genesis genesis.json

refused "key_file_is_no_transaction_and_said_to_be_one" 3 "'alice.key'|a secret key file" \
    tx show alice.key --genesis genesis.json
refused "public_key_file_is_no_transaction_and_said_to_be_one" 3 "a public key file: hansa key show" \
    tx show alice.key.pub --genesis genesis.json

# not_verified NAME 'words' FILE GENESIS: shown and said to be wrong, exit 1, with --json too.
not_verified() {
    run tx show "$3" --genesis "$4"
    problem=$(lacks out "verified:        NO|txid:")$(lacks err "hansa: tx show: '$3'|$2")
    [ "$code" -eq 1 ] || problem="exit $code, not 1; $problem"
    run tx show "$3" --genesis "$4" --json
    [ "$code" -eq 1 ] || problem="exit $code with --json, not 1; $problem"
    problem="$problem$(lacks out '"holds": false|"txid": |"operations": ')"
    cat err >>refusals
    result "$1" "$problem"
}
flip t.tx -1 sig.tx
not_verified "flipped_signature_does_not_verify" "the signature is wrong" sig.tx genesis.json
# The lowest byte of valid_until.
flip t.tx 41 until.tx
not_verified "flipped_valid_until_does_not_verify" "the signature is wrong" until.tx genesis.json
flip add.tx -65 consent.tx
not_verified "flipped_consent_does_not_verify" "wrong" consent.tx genesis.json
not_verified "transaction_of_another_chain_does_not_verify" "the signature is wrong for this chain" \
    t.tx twin.json
finish
