#include "tests/help/small_chain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"

static const char *const member_names[SMALL_MEMBERS] = {"alpha", "beta", "gamma", "delta"};
static const char *const signer_names[SIGNERS_COUNT] = {"bank", "cafe"};

void small_seed(uint8_t out[static SIGN_SEED_BYTES], const char *name)
{
    struct digest seed;
    digest_of(&seed, TAG_TEST, bytes_of_text(name));
    memcpy(out, seed.bytes, SIGN_SEED_BYTES);
}

struct sign_key small_key(const char *name)
{
    struct sign_key key;
    uint8_t seed[SIGN_SEED_BYTES];
    small_seed(seed, name);
    sign_key_from_seed(&key, seed);
    return key;
}

/* ---- genesis ---- */

static void print(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct buf *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    CHECK(size >= 0);
    CHECK((size_t)size < sizeof text);
    buf_add(out, text, (size_t)size);
}

static void key_hex(char out[static PUBLIC_KEY_HEX_BYTES], const char *name)
{
    struct sign_key key = small_key(name);
    public_key_to_hex(out, &key.public);
}

static void print_member(struct buf *out, const char *name, unsigned index)
{
    char sign[PUBLIC_KEY_HEX_BYTES];
    char link[PUBLIC_KEY_HEX_BYTES];
    char label[32];
    uint8_t link_secret[LINK_KEY_BYTES], link_key[LINK_KEY_BYTES];
    snprintf(label, sizeof label, "%s link", name);
    small_seed(link_secret, label);
    link_public_of(link_key, link_secret);
    hex_encode(link, link_key, sizeof link_key);
    key_hex(sign, name);
    print(out, "    { \"name\": \"%s\",\n", name);
    print(out, "      \"sign_key\": \"%s\",\n", sign);
    print(out, "      \"link_key\": \"%s\",\n", link);
    print(out, "      \"peer\": \"127.0.0.1:71%02u\", \"client\": \"127.0.0.1:72%02u\" }%s\n",
          index + 1, index + 1, index + 1 < SMALL_MEMBERS ? "," : "");
}

/* Participants, keys and balances are out of order on purpose: the canonical form sorts them. */
static void print_genesis(struct buf *out)
{
    char bank[PUBLIC_KEY_HEX_BYTES];
    char cafe[PUBLIC_KEY_HEX_BYTES];
    char cafe_2[PUBLIC_KEY_HEX_BYTES];
    key_hex(bank, "bank");
    key_hex(cafe, "cafe");
    key_hex(cafe_2, "cafe 2");
    print(out, "{ \"hansa_genesis\": 1,\n  \"chain\": \"example\",\n  \"members\": [\n");
    for (unsigned i = 0; i < SMALL_MEMBERS; i++)
        print_member(out, member_names[i], i);
    print(out, "  ],\n  \"participants\": [\n    { \"name\": \"cafe\", \"keys\": [\n");
    print(out, "      \"%s\",\n", strcmp(cafe, cafe_2) > 0 ? cafe : cafe_2);
    print(out, "      \"%s\" ] },\n", strcmp(cafe, cafe_2) > 0 ? cafe_2 : cafe);
    print(out, "    { \"name\": \"bank\", \"role\": \"governor\", \"keys\": [\n");
    print(out, "      \"%s\" ] }\n  ],\n", bank);
    print(out, "  \"assets\": [ { \"code\": \"EUR\", \"decimals\": 2, \"issuer\": \"bank\" } ],\n");
    print(out, "  \"balances\": [\n");
    print(out, "    { \"account\": \"cafe/till\", \"asset\": \"EUR\", \"amount\": \"25.50\" },\n");
    print(out, "    { \"account\": \"bank/main\", \"asset\": \"EUR\", \"amount\": \"1000.00\" }\n");
    print(out, "  ],\n  \"parameters\": {\n    \"pipeline_heights\": 2,\n");
    print(out, "    \"checkpoint_every_heights\": %d,\n", SMALL_HEIGHTS);
    print(out, "    \"window_heights\": 8\n  }\n}\n");
}

/* ---- opening ---- */

void small_chain_open(struct small_chain *c)
{
    struct store_identity identity = {.store_id = {1}};
    memset(c, 0, sizeof *c);
    CHECK(crypto_start(NULL) == RC_OK);
    print_genesis(&c->json);
    CHECK(genesis_from_json(&c->genesis, buf_bytes(&c->json), NULL) == RC_OK);
    for (uint32_t i = 0; i < SMALL_MEMBERS; i++)
        c->members[i] = small_key(member_names[i]);
    for (uint32_t i = 0; i < SIGNERS_COUNT; i++)
        c->signers[i] = small_key(signer_names[i]);
    identity.chain_id = c->genesis.chain_id;
    identity.replica_key = c->members[0].public;
    identity.checkpoint_every_heights = c->genesis.parameters.checkpoint_every_heights;
    c->kv = kv_mem_new();
    CHECK(store_create(c->kv, &identity, buf_bytes(&c->genesis.canonical), &c->genesis.initial,
                       NULL) == RC_OK);
    CHECK(store_open(&c->store, c->kv, &(struct store_options){.care = TREE_VERIFY}, NULL) ==
          RC_OK);
}

void small_chain_close(struct small_chain *c)
{
    for (uint32_t i = 0; i < SMALL_TXS; i++)
        buf_free(&c->txs[i]);
    store_close(c->store);
    kv_close(c->kv);
    genesis_close(&c->genesis);
    buf_free(&c->json);
}

/* ---- transactions and blocks ---- */

void small_chain_sign(struct small_chain *c, struct buf *out, enum small_signer signer,
                      const struct op *ops, uint32_t ops_count, uint64_t valid_until_height)
{
    struct tx_draft draft = {.nonce = ++c->nonces[signer],
                             .valid_until_height = valid_until_height,
                             .ops = ops,
                             .ops_count = ops_count};
    CHECK(tx_sign(out, &draft, &c->signers[signer], &c->genesis.chain_id) == VERDICT_OK);
}

void small_chain_append(struct small_chain *c, const struct buf *txs, uint32_t txs_count)
{
    struct block_build *build = mem_alloc(sizeof *build);
    struct layer *layer = layer_new(store_layer(c->store), NULL);
    struct block block;
    block_build_start(build, store_head(c->store), store_head_digest(c->store), layer,
                      BLOCK_BODY_BYTES_MAX);
    for (uint32_t i = 0; i < txs_count; i++) {
        struct tx tx;
        enum verdict verdict = tx_decode(&tx, buf_bytes(&txs[i]), &c->genesis.chain_id);
        bool fits;
        CHECK(verdict == VERDICT_OK);
        CHECK(tx_verify(&tx, &c->genesis.chain_id) == VERDICT_OK);
        CHECK(block_build_add(build, &tx, &fits, &verdict) == RC_OK);
        CHECK(fits);
        CHECK(verdict == VERDICT_OK);
    }
    block_build_finish(build, 1700000000000 + 1000 * (store_head(c->store)->height + 1), 0, &block);
    CHECK(store_append(c->store, &block, layer, NULL, NULL) == RC_OK);
    block_build_close(build);
    layer_free(layer);
    mem_free(build);
}

void small_chain_append_records(struct small_chain *c, uint32_t txs_count)
{
    struct buf *txs = mem_alloc(txs_count * sizeof *txs);
    for (uint32_t i = 0; i < txs_count; i++) {
        char key[32];
        snprintf(key, sizeof key, "%" PRIu64, c->nonces[SIGNER_CAFE]);
        struct op op = {.type = OP_RECORD,
                        .record = {bytes_of_text("count"), bytes_of_text(key), bytes_of_text(key)}};
        small_chain_sign(c, &txs[i], SIGNER_CAFE, &op, 1, 0);
    }
    small_chain_append(c, txs, txs_count);
    for (uint32_t i = 0; i < txs_count; i++)
        buf_free(&txs[i]);
    mem_free(txs);
}

/* ---- certificates ---- */

struct statement small_chain_statement(const struct small_chain *c, enum cert_kind kind,
                                       uint64_t view, uint64_t height)
{
    struct block block;
    struct statement s = {.kind = kind, .view = view, .height = height};
    CHECK(store_get_block(c->store, height, &block, NULL) == RC_OK);
    s.digest = block.digest;
    if (kind == CERT_CHECKPOINT) {
        CHECK(store_flushed_height(c->store) == height);
        s.state_root = store_tree(c->store).root;
    }
    return s;
}

struct certificate small_chain_certificate(const struct small_chain *c, const struct statement *s,
                                           const uint8_t *members, uint32_t members_count)
{
    struct certificate out = {.statement = *s, .entries_count = members_count};
    CHECK(members_count <= QUORUM_MAX);
    for (uint32_t i = 0; i < members_count; i++) {
        CHECK(members[i] < SMALL_MEMBERS);
        out.entries[i].member_index = members[i];
        statement_sign(&out.entries[i].signature, s, &c->genesis.chain_id, &c->members[members[i]]);
    }
    return out;
}

static void certify(struct small_chain *c, enum cert_kind kind, uint64_t view, uint64_t height,
                    const uint8_t members[static SMALL_QUORUM])
{
    struct statement s = small_chain_statement(c, kind, view, height);
    struct certificate certificate = small_chain_certificate(c, &s, members, SMALL_QUORUM);
    CHECK(store_put_certificate(c->store, &certificate, NULL) == RC_OK);
}

void small_chain_certify(struct small_chain *c, enum cert_kind kind, uint64_t height)
{
    certify(c, kind, 0, height, (const uint8_t[]){0, 1, 2});
}

/* ---- the chain of FORMATS.md ---- */

static struct op transfer(const char *from, const char *to, uint64_t amount, const char *memo)
{
    return (struct op){.type = OP_TRANSFER,
                       .transfer = {bytes_of_text(from), bytes_of_text(to), bytes_of_text("EUR"),
                                    amount, bytes_of_text(memo)}};
}

static struct op record(const char *topic, const char *key, const char *data)
{
    return (struct op){.type = OP_RECORD,
                       .record = {bytes_of_text(topic), bytes_of_text(key), bytes_of_text(data)}};
}

static struct op key_add(const struct small_chain *c, const char *participant, const char *name)
{
    struct sign_key key = small_key(name);
    struct op op = {.type = OP_KEY_ADD,
                    .key_add = {.participant = bytes_of_text(participant), .key = key.public}};
    op_key_add_consent(&op.key_add.consent, &c->genesis.chain_id, op.key_add.participant, &key);
    return op;
}

static void sign_txs(struct small_chain *c)
{
    struct op ops[SMALL_TXS] = {
        transfer("bank/main", "cafe/till", 1234, "coffee"),
        record("invoice", "2024-001", "12.34 EUR"),
        {.type = OP_ISSUE,
         .issue = {bytes_of_text("bank/main"), bytes_of_text("EUR"), 50000, bytes_of_text("")}},
        {.type = OP_REDEEM,
         .redeem = {bytes_of_text("bank/main"), bytes_of_text("EUR"), 10000,
                    bytes_of_text("d\xc3\xa9j\xc3\xa0 vu")}},
        key_add(c, "cafe", "cafe 3"),
        {.type = OP_KEY_REVOKE, .key_revoke = {small_key("cafe 2").public}},
        {.type = OP_CANCEL},
    };
    struct op two[] = {transfer("cafe/till", "bank/main", 100, ""),
                       record("invoice", "2024-001", "paid")};
    static const enum small_signer signers[SMALL_TXS] = {SIGNER_BANK, SIGNER_CAFE, SIGNER_BANK,
                                                         SIGNER_BANK, SIGNER_CAFE, SIGNER_CAFE,
                                                         SIGNER_BANK, SIGNER_CAFE};
    for (uint32_t i = 0; i + 1 < SMALL_TXS; i++)
        small_chain_sign(c, &c->txs[i], signers[i], &ops[i], 1, 0);
    small_chain_sign(c, &c->txs[SMALL_TXS - 1], signers[SMALL_TXS - 1], two, 2, 10);
}

void small_chain_fill(struct small_chain *c)
{
    CHECK(store_head(c->store)->height == 0);
    sign_txs(c);
    small_chain_append(c, &c->txs[0], 3);
    small_chain_append(c, &c->txs[3], 2);
    certify(c, CERT_COMMIT, 0, 2, (const uint8_t[]){0, 1, 2});
    small_chain_append(c, &c->txs[5], 2);
    small_chain_append(c, &c->txs[7], 1);
    certify(c, CERT_COMMIT, 1, 4, (const uint8_t[]){0, 2, 3});
    certify(c, CERT_CHECKPOINT, 0, 4, (const uint8_t[]){0, 1, 3});
}
