#include "tests/help/vectors.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/receipt.h"
#include "ledger/tree_node.h"

void vectors_add(struct vectors *v, const char *name, struct bytes bytes)
{
    CHECK(v->count < VECTORS_MAX);
    struct vector *vector = &v->items[v->count++];
    CHECK(strlen(name) < sizeof vector->name);
    CHECK(vectors_find(v, bytes_of_text(name)) == NULL);
    strcpy(vector->name, name);
    buf_add_bytes(&vector->bytes, bytes);
}

void vectors_free(struct vectors *v)
{
    for (size_t i = 0; i < v->count; i++)
        buf_free(&v->items[i].bytes);
    small_chain_close(&v->chain);
}

static void add_digest(struct vectors *v, const char *name, const struct digest *d)
{
    vectors_add(v, name, bytes_of(d->bytes, DIGEST_BYTES));
}

/* ---- conventions ---- */

static void add_key(struct vectors *v, const char *name, const char *seed_text)
{
    char label[VECTOR_NAME_BYTES_MAX];
    struct sign_key key = small_key(seed_text);
    uint8_t seed[SIGN_SEED_BYTES];
    small_seed(seed, seed_text);
    snprintf(label, sizeof label, "seed_%s", name);
    vectors_add(v, label, bytes_of(seed, sizeof seed));
    snprintf(label, sizeof label, "key_%s", name);
    vectors_add(v, label, bytes_of(key.public.bytes, PUBLIC_KEY_BYTES));
}

static void add_conventions(struct vectors *v)
{
    static const char *const keys[][2] = {
        {"alpha", "alpha"}, {"beta", "beta"}, {"gamma", "gamma"},   {"delta", "delta"},
        {"bank", "bank"},   {"cafe", "cafe"}, {"cafe_2", "cafe 2"}, {"cafe_3", "cafe 3"},
    };
    struct digest d;
    struct signature signature;
    struct sign_key alpha = small_key("alpha");
    vectors_add(v, "tag_hansa_txid", bytes_of(tag_bytes(TAG_TX_ID), TAG_BYTES));
    digest_of(&d, TAG_TEST, bytes_of_text(""));
    add_digest(v, "h_test_empty", &d);
    digest_of(&d, TAG_TEST, bytes_of_text("abc"));
    add_digest(v, "h_test_abc", &d);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        add_key(v, keys[i][0], keys[i][1]);
    sign_message(&signature, bytes_of_text("abc"), &alpha);
    vectors_add(v, "signature_alpha_abc", bytes_of(signature.bytes, SIGNATURE_BYTES));
}

/* ---- link keys ---- */

/* The u coordinates on Curve25519 and its twist whose order divides 8: they alone give X25519
 * zeros. 0, 1 and p-1 can be seen to; the two of order 8 are found by halving 1 and p-1 (RFC 7748,
 * the doubling formula of its ladder), which cannot be halved further. */
static void add_link_keys(struct vectors *v)
{
    static const char *const hex[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    };
    uint8_t keys[5][LINK_KEY_BYTES];
    for (size_t i = 0; i < 5; i++)
        CHECK(hex_decode(keys[i], LINK_KEY_BYTES, hex[i]));
    vectors_add(v, "link_keys_small_order", bytes_of(keys[0], sizeof keys));
}

/* ---- Merkle trees: leaf i holds the one byte i ---- */

static void add_path(struct vectors *v, const char *name, const struct digest *leaves,
                     uint32_t index)
{
    struct merkle_path path;
    merkle_prove(&path, leaves, 5, index);
    vectors_add(v, name, bytes_of(path.siblings, path.count * DIGEST_BYTES));
}

static void add_merkle(struct vectors *v)
{
    struct digest leaves[5], root;
    for (uint8_t i = 0; i < 5; i++) {
        char name[VECTOR_NAME_BYTES_MAX];
        snprintf(name, sizeof name, "merkle_leaf_%u", (unsigned)i);
        merkle_leaf(&leaves[i], bytes_of(&i, 1));
        add_digest(v, name, &leaves[i]);
    }
    for (uint32_t count = 0; count <= 5; count++) {
        char name[VECTOR_NAME_BYTES_MAX];
        snprintf(name, sizeof name, "merkle_root_%u", (unsigned)count);
        merkle_root(&root, leaves, count);
        add_digest(v, name, &root);
    }
    add_path(v, "merkle_path_2_of_5", leaves, 2);
    add_path(v, "merkle_path_4_of_5", leaves, 4);
}

/* ---- transactions ---- */

static void add_tx(struct vectors *v, const char *kind, struct bytes whole)
{
    char name[VECTOR_NAME_BYTES_MAX];
    struct tx tx;
    CHECK(tx_decode(&tx, whole, &v->chain.genesis.chain_id) == VERDICT_OK);
    snprintf(name, sizeof name, "tx_%s", kind);
    vectors_add(v, name, whole);
    snprintf(name, sizeof name, "txid_%s", kind);
    add_digest(v, name, &tx.id);
}

static void add_txs(struct vectors *v)
{
    static const char *const kinds[SMALL_TXS] = {"transfer", "record",     "issue",  "redeem",
                                                 "key_add",  "key_revoke", "cancel", "two"};
    const struct small_chain *c = &v->chain;
    struct buf signed_bytes = {0};
    for (size_t i = 0; i < SMALL_TXS; i++)
        add_tx(v, kinds[i], buf_bytes(&c->txs[i]));
    buf_add(&signed_bytes, tag_bytes(TAG_TX_SIGN), TAG_BYTES);
    buf_add(&signed_bytes, c->genesis.chain_id.bytes, DIGEST_BYTES);
    buf_add_bytes(&signed_bytes,
                  buf_bytes(&vectors_find(v, bytes_of_text("txid_transfer"))->bytes));
    vectors_add(v, "tx_transfer_signed_bytes", buf_bytes(&signed_bytes));
    buf_free(&signed_bytes);
}

/* ---- blocks and certificates ---- */

static void add_blocks(struct vectors *v)
{
    struct small_chain *c = &v->chain;
    struct block_header genesis;
    struct digest digest;
    uint8_t header[BLOCK_HEADER_BYTES];
    block_genesis_header(&genesis, &c->genesis.chain_id);
    block_header_encode(header, &genesis);
    block_header_digest(&digest, &genesis);
    vectors_add(v, "block_0_header", bytes_of(header, sizeof header));
    add_digest(v, "block_0_digest", &digest);
    for (uint64_t height = 1; height <= SMALL_HEIGHTS; height++) {
        char name[VECTOR_NAME_BYTES_MAX];
        struct block block;
        CHECK(store_get_block(c->store, height, &block, NULL) == RC_OK);
        snprintf(name, sizeof name, "block_%u_header", (unsigned)height);
        vectors_add(v, name, bytes_of(block.whole.data, BLOCK_HEADER_BYTES));
        snprintf(name, sizeof name, "block_%u_digest", (unsigned)height);
        add_digest(v, name, &block.digest);
        if (height == 2)
            vectors_add(v, "block_2_body", block.body);
    }
}

static void add_certificate(struct vectors *v, const char *name,
                            const struct certificate *certificate)
{
    char label[VECTOR_NAME_BYTES_MAX];
    uint8_t room[CERT_BYTES_MAX];
    uint8_t signed_bytes[STATEMENT_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    size_t size =
        statement_signed_bytes(signed_bytes, &certificate->statement, &v->chain.genesis.chain_id);
    cert_encode(&w, certificate);
    CHECK(wr_ok(&w));
    snprintf(label, sizeof label, "%s_signed_bytes", name);
    vectors_add(v, label, bytes_of(signed_bytes, size));
    vectors_add(v, name, wr_bytes_of(&w));
}

static void add_certificates(struct vectors *v)
{
    struct certificate certificate;
    struct tree_ref tree;
    CHECK(store_get_certificate(v->chain.store, 3, &certificate, NULL) == RC_OK);
    add_certificate(v, "certificate_commit", &certificate);
    CHECK(store_get_checkpoint(v->chain.store, &certificate, &tree, NULL) == RC_OK);
    add_certificate(v, "certificate_checkpoint", &certificate);
}

/* ---- state ---- */

static enum rc add_entry(void *context, const struct digest *key_hash, uint8_t table,
                         struct bytes key, struct bytes value)
{
    struct buf *out = context;
    (void)key_hash;
    buf_add_u8(out, table);
    buf_add_u16(out, (uint16_t)key.size);
    buf_add_bytes(out, key);
    buf_add_u16(out, (uint16_t)value.size);
    buf_add_bytes(out, value);
    return RC_OK;
}

/* The entry of one table and key, and its hashes. */
static void add_leaf(struct vectors *v, const char *name, enum state_table table, struct bytes key)
{
    char label[VECTOR_NAME_BYTES_MAX];
    struct tree_ref tree = store_tree(v->chain.store);
    struct bytes value;
    struct digest d, leaf;
    CHECK(tree_get(store_view(v->chain.store), &tree, TREE_VERIFY, (uint8_t)table, key, &value) ==
          RC_OK);
    snprintf(label, sizeof label, "state_key_%s", name);
    vectors_add(v, label, key);
    snprintf(label, sizeof label, "state_value_%s", name);
    vectors_add(v, label, value);
    snprintf(label, sizeof label, "state_key_hash_%s", name);
    tree_key_hash(&d, (uint8_t)table, key);
    add_digest(v, label, &d);
    snprintf(label, sizeof label, "state_leaf_%s", name);
    tree_leaf_hash(&leaf, &d, value);
    add_digest(v, label, &leaf);
}

static void add_state(struct vectors *v)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct small_chain *c = &v->chain;
    struct sign_key cafe_2 = small_key("cafe 2");
    struct tree_ref tree = store_tree(c->store);
    struct buf entries = {0};
    struct digest root;
    add_leaf(v, "participant", STATE_PARTICIPANT, bytes_of_text("cafe"));
    add_leaf(v, "key", STATE_KEY, bytes_of(cafe_2.public.bytes, PUBLIC_KEY_BYTES));
    add_leaf(v, "asset", STATE_ASSET, bytes_of_text("EUR"));
    add_leaf(v, "balance", STATE_BALANCE,
             state_balance_key(room, bytes_of_text("cafe/till"), bytes_of_text("EUR")));
    add_leaf(v, "record", STATE_RECORD,
             state_record_key(room, bytes_of_text("cafe"), bytes_of_text("invoice"),
                              bytes_of_text("2024-001")));
    tree_empty_root(&root);
    add_digest(v, "state_root_empty", &root);
    CHECK(tree_walk(store_view(c->store), &tree, add_entry, &entries, NULL) == RC_OK);
    vectors_add(v, "state_entries", buf_bytes(&entries));
    add_digest(v, "state_root", &tree.root);
    buf_free(&entries);
}

/* ---- files ---- */

static void add_receipt(struct vectors *v, const char *name, uint64_t height, uint32_t tx_index)
{
    struct buf receipt = {0};
    struct place place = {.height = height, .tx_index = tx_index};
    CHECK(receipt_make(&receipt, v->chain.store, &place, NULL) == RC_OK);
    vectors_add(v, name, buf_bytes(&receipt));
    buf_free(&receipt);
}

static void add_proof(struct vectors *v, const char *name, enum state_table table, struct bytes key)
{
    struct buf proof = {0};
    CHECK(proof_make(&proof, v->chain.store, table, key, NULL) == RC_OK);
    vectors_add(v, name, buf_bytes(&proof));
    buf_free(&proof);
}

static void add_balance_proof(struct vectors *v, const char *name, const char *account)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    add_proof(v, name, STATE_BALANCE,
              state_balance_key(room, bytes_of_text(account), bytes_of_text("EUR")));
}

/* Of the entry whose key stands in the vector state_key_NAME. */
static void add_entry_proof(struct vectors *v, const char *name, enum state_table table)
{
    char label[VECTOR_NAME_BYTES_MAX];
    snprintf(label, sizeof label, "state_key_%s", name);
    struct bytes key = buf_bytes(&vectors_find(v, bytes_of_text(label))->bytes);
    snprintf(label, sizeof label, "proof_%s", name);
    add_proof(v, label, table, key);
}

static void add_files(struct vectors *v)
{
    add_receipt(v, "receipt_two_headers", 1, 1);
    add_receipt(v, "receipt_one_header", 4, 0);
    add_receipt(v, "receipt_key_add", 2, 1);
    add_receipt(v, "receipt_cancel", 3, 1);
    add_balance_proof(v, "proof_present", "cafe/till");
    add_balance_proof(v, "proof_present_deeper", "bank/main");
    add_balance_proof(v, "proof_absent_empty", "cafe/a");
    add_balance_proof(v, "proof_absent_other", "cafe/b");
    add_entry_proof(v, "participant", STATE_PARTICIPANT);
    add_entry_proof(v, "key", STATE_KEY);
    add_entry_proof(v, "asset", STATE_ASSET);
    add_entry_proof(v, "record", STATE_RECORD);
}

void vectors_make(struct vectors *v)
{
    memset(v, 0, sizeof *v);
    small_chain_open(&v->chain);
    small_chain_fill(&v->chain);
    add_conventions(v);
    add_link_keys(v);
    vectors_add(v, "genesis_canonical", buf_bytes(&v->chain.genesis.canonical));
    add_digest(v, "chain_id", &v->chain.genesis.chain_id);
    add_txs(v);
    add_merkle(v);
    add_blocks(v);
    add_certificates(v);
    add_state(v);
    add_files(v);
    vectors_add_evidence(v);
}
