/* The audit of stores whose chain was tampered with: blocks and transactions. */
#include "tests/help/audited.h"
#include "tests/help/unit.h"

/* A garbled client signature gives another tx_root. */
static void garbled_signature_is_found_as_tx_root(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    audited_open(&c);
    tamper_take(&b, &c, 5);
    b.txs[2].data[b.txs[2].size - 1] ^= 1;
    tamper_put_back(&b, &c, false);
    audited_expect(&c, 5, "tx_root: ");
}

/* With a tx_root to match and all members' signatures, it is still a wrong signature. */
static void garbled_signature_in_signed_block_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    audited_open(&c);
    tamper_take(&b, &c, 5);
    b.txs[2].data[b.txs[2].size - 1] ^= 1;
    tamper_seal(&b);
    tamper_put_back(&b, &c, true);
    audited_expect(&c, 5, "transaction 2: bad_signature");
}

/* An amount that its signer did not sign is found, whatever the members sign. */
static void changed_amount_in_signed_block_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    struct tx tx;
    audited_open(&c);
    tamper_take(&b, &c, 8);
    for (uint32_t i = 0; i < b.txs_count; i++) {
        assert_int_equal(tx_decode(&tx, buf_bytes(&b.txs[i]), &c.genesis.chain_id), VERDICT_OK);
        struct rd r = tx_ops(&tx);
        struct op op;
        assert_int_equal(op_decode(&r, &op), VERDICT_OK);
        if (op.type != OP_TRANSFER)
            continue;
        /* The amount stands before the memo and its length. */
        size_t amount_at = (size_t)(op.transfer.memo.data - b.txs[i].data) - 1 - 8;
        b.txs[i].data[amount_at] ^= 1;
        break;
    }
    tamper_seal(&b);
    tamper_put_back(&b, &c, true);
    audited_expect(&c, 8, "transaction 0: bad_signature");
}

/* Two transactions in each other's place give another tx_root. */
static void swapped_transactions_are_found(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    audited_open(&c);
    tamper_take(&b, &c, 2);
    struct buf first = b.txs[0];
    b.txs[0] = b.txs[1];
    b.txs[1] = first;
    tamper_put_back(&b, &c, false);
    audited_expect(&c, 2, "tx_root: ");
}

/* A header with another tx_root, under the digest that it then has. */
static void changed_tx_root_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    audited_open(&c);
    tamper_take(&b, &c, 6);
    b.header.tx_root.bytes[0] ^= 1;
    tamper_put_back(&b, &c, true);
    audited_expect(&c, 6, "tx_root: ");
}

/* A header that follows another block. */
static void changed_parent_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    audited_open(&c);
    tamper_take(&b, &c, 8);
    b.header.parent.bytes[31] ^= 1;
    tamper_put_back(&b, &c, true);
    audited_expect(&c, 8, "header: its parent is another block");
}

/* A header of the same content as before, whose time is its parent's. */
static void time_not_after_parent_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct tamper_block b;
    audited_open(&c);
    tamper_take(&b, &c, 8);
    b.header.time_ms -= 1000;
    tamper_put_back(&b, &c, true);
    audited_expect(&c, 8, "header: its time is not after its parent's");
}

/* The block under its old digest, but with a changed header. */
static void header_of_another_digest_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct block block;
    audited_open(&c);
    assert_int_equal(store_get_block(c.store, 3, &block, NULL), RC_OK);
    struct buf whole = {0}, key = {0};
    buf_add_bytes(&whole, block.whole);
    buf_add_bytes(&key, tamper_height_key(3));
    buf_add(&key, block.digest.bytes, DIGEST_BYTES);
    whole.data[BLOCK_HEADER_BYTES - 1] ^= 1;
    tamper_put(&c, KV_BLOCK, buf_bytes(&key), buf_bytes(&whole));
    buf_free(&whole);
    buf_free(&key);
    audited_expect(&c, 3, "digest: ");
}

/* A height that the chain leaves out, with an entry of no height in its place to keep the count. */
static void missing_chain_entry_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t stray[9] = {0, 0, 0, 0, 0, 0, 0, 5, 0};
    audited_open(&c);
    tamper_delete(&c, KV_CHAIN, tamper_height_key(3));
    tamper_put(&c, KV_CHAIN, bytes_of(stray, sizeof stray), bytes_of(stray, sizeof stray));
    audited_expect(&c, 3, "chain: no block is named for this height");
}

/* Such an entry is found by itself, too. */
static void stray_chain_entry_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t stray[9] = {0, 0, 0, 0, 0, 0, 0, 3, 0};
    audited_open(&c);
    tamper_delete(&c, KV_CHAIN, tamper_height_key(6));
    tamper_put(&c, KV_CHAIN, bytes_of(stray, sizeof stray), bytes_of(stray, sizeof stray));
    audited_expect(&c, 3, "chain: an entry that belongs to nothing");
}

/* A height whose block is gone. */
static void missing_block_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct block block;
    audited_open(&c);
    assert_int_equal(store_get_block(c.store, 4, &block, NULL), RC_OK);
    struct buf key = {0};
    buf_add_bytes(&key, tamper_height_key(4));
    buf_add(&key, block.digest.bytes, DIGEST_BYTES);
    tamper_delete(&c, KV_BLOCK, buf_bytes(&key));
    buf_free(&key);
    audited_expect(&c, 4, "block: missing");
}

static void put_stray_block(struct chain *c, uint64_t height)
{
    struct block block;
    assert_int_equal(store_get_block(c->store, 4, &block, NULL), RC_OK);
    struct buf key = {0};
    buf_add_bytes(&key, tamper_height_key(height));
    buf_add(&key, block.digest.bytes, DIGEST_BYTES);
    tamper_put(c, KV_BLOCK, buf_bytes(&key), block.whole);
    buf_free(&key);
}

/* A block beyond the head that is no proposal (those: test_audit_proposals.c), one below the first,
 * and a second one at a height. */
static void block_beyond_head_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    put_stray_block(&c, 10);
    audited_expect(&c, 10, "block: a proposal beyond the head is not the one of its key");
}

static void block_below_first_height_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    put_stray_block(&c, 0);
    audited_expect(&c, 0, "block: an entry below height 1");
}

static void second_block_at_height_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    put_stray_block(&c, 7);
    audited_expect(&c, 7, "block: an entry that belongs to nothing");
}

/* Block 8 with one more transaction, which every member vouches for. */
static void add_signed_tx(struct chain *c, struct op op, uint64_t nonce_gap)
{
    struct tamper_block b;
    uint64_t *nonce;
    const struct sign_key *key = chain_key(c, 1, &nonce);
    struct tx_draft draft = {.nonce = *nonce + 1 + nonce_gap, .ops = &op, .ops_count = 1};
    tamper_take(&b, c, 8);
    assert_int_equal(b.txs_count, 4);
    assert_int_equal(tx_sign(&b.txs[b.txs_count++], &draft, key, &c->genesis.chain_id), VERDICT_OK);
    tamper_seal(&b);
    tamper_put_back(&b, c, true);
}

static struct op transfer(uint64_t amount)
{
    return (struct op){.type = OP_TRANSFER,
                       .transfer = {.from = bytes_of_text("p1/a1"),
                                    .to = bytes_of_text("p0/a0"),
                                    .asset = bytes_of_text("CZK"),
                                    .amount = amount}};
}

/* A nonce gap is an invalid transaction, even in a block that every member signed. */
static void nonce_gap_in_signed_block_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    add_signed_tx(&c, transfer(1), 3);
    audited_expect(&c, 8, "transaction 4: nonce_gap");
}

/* So is an overdraft. */
static void overdraft_in_signed_block_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    add_signed_tx(&c, transfer(2 * CHAIN_OPENING), 0);
    audited_expect(&c, 8, "transaction 4: overdraft");
}

/* And a valid transaction that the state and the indexes know nothing of is found in them. */
static void transaction_without_effect_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    add_signed_tx(&c, transfer(1), 0);
    audited_expect(&c, 8, "index ");
}

/* The genesis bytes are the chain's. */
static void changed_genesis_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    uint8_t room[16];
    struct wr key = wr_of(room, sizeof room);
    wr_bytes(&key, bytes_of_text("genesis"));
    wr_be32(&key, 0);
    struct buf genesis = tamper_get(&c, KV_META, wr_bytes_of(&key));
    genesis.data[genesis.size - 1] ^= 1;
    tamper_put(&c, KV_META, wr_bytes_of(&key), buf_bytes(&genesis));
    buf_free(&genesis);
    struct audit_report report;
    assert_int_equal(audited_run(&c, &report), RC_STORE_DAMAGED);
    assert_int_equal(report.fault_height, 0);
    assert_memory_equal(report.fault_field, "genesis: ", 9);
    chain_close(&c);
}

/* ---- several faults ---- */

/* What comes first in the chain is named, whoever found it first: here the certificate of height 7,
 * before the overdraft at 8, and the state root of 4 before both. */
static void first_fault_in_chain_order_is_named(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    add_signed_tx(&c, transfer(2 * CHAIN_OPENING), 0);
    struct certificate certificate;
    tamper_get_certificate(&c, KV_CERT, 7, &certificate);
    certificate.entries[0].signature.bytes[0] ^= 1;
    tamper_put_certificate(&c, &certificate);
    struct audit_report report;
    assert_int_equal(audited_run(&c, &report), RC_PROOF);
    assert_int_equal(report.fault_height, 7);
    uint8_t root[DIGEST_BYTES] = {1};
    tamper_put(&c, KV_ROOT, tamper_height_key(4), bytes_of(root, sizeof root));
    audited_expect(&c, 4, "state root: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbled_signature_is_found_as_tx_root),
        cmocka_unit_test(garbled_signature_in_signed_block_is_found),
        cmocka_unit_test(changed_amount_in_signed_block_is_found),
        cmocka_unit_test(swapped_transactions_are_found),
        cmocka_unit_test(changed_tx_root_is_found),
        cmocka_unit_test(changed_parent_is_found),
        cmocka_unit_test(time_not_after_parent_is_found),
        cmocka_unit_test(header_of_another_digest_is_found),
        cmocka_unit_test(missing_chain_entry_is_found),
        cmocka_unit_test(stray_chain_entry_is_found),
        cmocka_unit_test(missing_block_is_found),
        cmocka_unit_test(block_beyond_head_is_found),
        cmocka_unit_test(block_below_first_height_is_found),
        cmocka_unit_test(second_block_at_height_is_found),
        cmocka_unit_test(nonce_gap_in_signed_block_is_found),
        cmocka_unit_test(overdraft_in_signed_block_is_found),
        cmocka_unit_test(transaction_without_effect_is_found),
        cmocka_unit_test(changed_genesis_is_found),
        cmocka_unit_test(first_fault_in_chain_order_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
