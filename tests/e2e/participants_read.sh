# A chain whose genesis says "reads": "participants": who reads without a participant's key is told what
# to do, with one everything works, and with any other nothing.
. "$(dirname "$0")/lib.sh"
. "$SOURCES/tests/e2e/nodes.inc"
unset HANSA_GENESIS HANSA_NODE HANSA_KEY HANSA_PASSPHRASE_FILE

for name in alice mallory; do "$HANSA" keygen $name --network demo >/dev/null; done
printf 'hush hush\n' >pass
chmod 600 pass
"$HANSA" keygen alice --network demo --out alice-2.key --passphrase-file pass >/dev/null
rm genesis.json
make_genesis genesis.json --participant alice.key.pub --asset CZK:2:bank \
    --balance bank/main=1000.00:CZK --reads participants
for i in 0 1 2 3; do start $i --init --backups; done
passes "four_nodes_find_each_other" until_true all_have "live 4"
g="--genesis genesis.json"
# shellcheck disable=SC2086
{
# ---- what needs no key ----
check "status_is_for_all" "$HANSA" status $g
accepted "metrics_are_for_all" "hansa_height" metrics $g
run sign transfer --key bank.key $g --nonce 1 --from bank/main --to alice/main --amount 10.00 \
    --asset CZK --out pay.tx
txid=$(sed -n 's/^txid: *//p' out)
accepted "submit_is_for_all" "committed:" submit pay.tx $g
accepted "wait_is_for_all" "committed:" wait "$txid" $g
accepted "the_receipt_is_for_who_knows_the_txid" "verified" receipt get "$txid" $g --out pay.receipt

# ---- reading ----
passes "all_nodes_have_it" until_true all_at_height_of 0
needs_key() { refused "$1" 2 "only participants may read|--key FILE|HANSA_KEY" $2 $g; }
needs_key "account_without_a_key_says_what_to_do" "account bank/main"
needs_key "linearizable_without_a_key" "account bank/main --consistency linearizable"
needs_key "proved_without_a_key" "account bank/main --asset CZK --consistency proved"
needs_key "history_without_a_key" "history bank/main"
needs_key "block_without_a_key" "block 1"
needs_key "tx_without_a_key" "tx $txid"
needs_key "participants_without_a_key" participants
needs_key "key_show_without_a_key" "key show bank.key"
needs_key "backup_without_a_key" "backup copy-0 --node m0"
check "backup_that_was_refused_leaves_nothing" test ! -e copy-0
accepted "account_with_a_key" "990.00 CZK" account bank/main $g --key bank.key
accepted "linearizable_with_a_key" "linearizable: |990.00 CZK" account bank/main $g --key alice.key \
    --consistency linearizable
passes "proved_with_a_key" until_true "$HANSA" account bank/main --asset CZK $g --key alice.key \
    --consistency proved
accepted "any_participant_may_read_all" "990.00 CZK" account bank/main $g --key alice.key --node m2
accepted "history_with_a_key" "transfer to alice/main" history bank/main $g --key alice.key
accepted "block_with_a_key" "$txid" block 1 $g --key alice.key
accepted "tx_with_a_key" "participant:     bank" tx "$txid" $g --key alice.key
accepted "participants_with_a_key" "alice:|bank:" participants $g --key alice.key
accepted "assets_with_a_key" "CZK:" assets $g --key alice.key
accepted "key_show_with_a_key" "next nonce:      2" key show bank.key $g --key alice.key
check "backup_with_a_key" "$HANSA" backup copy $g --node m0 --key alice.key
check "backup_is_sound" "$HANSA" audit copy $g
accepted "a_directory_needs_no_key" "990.00 CZK" account bank/main --dir copy

# ---- the wrong key ----
refused "a_strangers_key_is_refused_at_once" 6 "all nodes that were asked (4) refuse|no active key of a participant" \
    account bank/main $g --key mallory.key --timeout 600
refused "nor_does_it_read_linearizably" 6 "all nodes that were asked (4) refuse|no active key of a participant" \
    account bank/main $g --key mallory.key --timeout 600 --consistency linearizable
refused "a_strangers_key_gets_no_backup" 7 "m0 (|no active one of a participant" \
    backup copy-1 $g --node m0 --key mallory.key
refused "a_members_key_is_no_participants" 3 "m0.key|participant's" account bank/main $g --key m0.key
refused "a_key_that_is_not_there" 5 "no.key" account bank/main $g --key no.key

# ---- sending asks for the nonce, and signs that with the same key ----
HANSA_GENESIS=$PWD/genesis.json HANSA_KEY=$PWD/alice.key
export HANSA_GENESIS HANSA_KEY
accepted "transfer_finds_its_nonce" "committed:" transfer --from alice/main --to bank/main --amount 1.00 --asset CZK
passes "all_nodes_have_that" until_true all_at_height_of 0
accepted "the_key_comes_from_the_environment" "991.00 CZK" account bank/main
printf 'n\n1\n2\n3\n' >rows.csv
check "import_finds_its_nonce" "$HANSA" import rows.csv --key alice.key --op transfer --from alice/main \
    --to bank/main --amount 1.00 --asset CZK
passes "all_nodes_have_the_rows" until_true all_at_height_of 0
accepted "imported_rows_are_paid" "994.00 CZK" account bank/main
refused "a_strangers_transfer_is_refused" 6 "no active key of a participant" transfer --key mallory.key \
    --from bank/main --to alice/main --amount 1.00 --asset CZK
refused "a_strangers_import_is_refused" 6 "no active key of a participant" import rows.csv \
    --key mallory.key --op record --topic t --record-key '{n}' --data x --journal other.journal

# ---- a key that is added, one that is revoked ----
accepted "a_key_is_added" "committed:" key add --new-key alice-2.key --new-passphrase-file pass
accepted "a_protected_key_reads" "994.00 CZK" account bank/main --key alice-2.key --passphrase-file pass
accepted "a_key_is_revoked" "committed:" key revoke --key alice-2.key --passphrase-file pass \
    --revoke alice.key.pub
passes "all_nodes_know_that" until_true all_at_height_of 0
refused "a_revoked_key_reads_no_more" 6 "no active key of a participant" account bank/main --key alice.key
accepted "its_participant_reads_with_the_other" "994.00 CZK" account bank/main --key alice-2.key \
    --passphrase-file pass
}
finish
