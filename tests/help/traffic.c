#include "tests/help/traffic.h"

#include <string.h>

#include "crypto/base/check.h"

static const char *const own_accounts[][3] = {
    [BANK] = {"bank/main", "bank/fees", "bank/reserve"},
    [BANK2] = {"bank/main", "bank/fees", "bank/reserve"},
    [SHOP] = {"shop/till", "shop/safe", "shop/float"},
    [ANNA] = {"anna/home", "anna/savings", "anna/a"},
};
static const char *const some_topics[] = {"deeds", "diplomas"};
static const char *const some_keys[] = {"1", "2", "3"};

static struct op random_op(struct prng *p, const struct book *b, enum book_key key, uint8_t *data)
{
    const char *from = own_accounts[key][prng_below(p, 3)];
    const char *to = own_accounts[prng_below(p, 4)][prng_below(p, 3)];
    const char *asset = prng_below(p, 3) == 0 ? "PTS" : "CZK";
    switch (prng_below(p, 12)) {
    case 0:
        return op_issue_of(to, asset, 1 + prng_below(p, 5000));
    case 1:
        return op_redeem_of(from, asset, 1 + prng_below(p, 500));
    case 2:
        prng_fill(p, data, 20);
        return op_record_of(some_topics[prng_below(p, 2)], some_keys[prng_below(p, 3)],
                            bytes_of(data, prng_below(p, 21)));
    case 3:
        return (struct op){.type = OP_CANCEL};
    case 4:
        /* Once for anna, then refused for ever: the list keeps what was accepted. */
        return op_key_add_of(b, "anna", SPARE);
    case 5:
        return op_key_revoke_of(b, prng_below(p, 20) == 0 ? SPARE : STRANGER);
    default:
        return op_transfer_of(from, to, asset, 1 + prng_below(p, 4000));
    }
}

void traffic_open(struct traffic *t, uint64_t seed, uint32_t txs_count)
{
    struct prng p = prng_of(seed);
    memset(t, 0, sizeof *t);
    book_open(&t->book);
    t->offsets = mem_alloc((txs_count + 1) * sizeof *t->offsets);
    while (t->txs_count < txs_count) {
        struct op ops[3];
        uint8_t data[3][32];
        enum book_key key = (enum book_key)prng_below(&p, 4);
        uint32_t ops_count = 1 + (uint32_t)prng_below(&p, 3);
        for (uint32_t i = 0; i < ops_count; i++)
            ops[i] = random_op(&p, &t->book, key, data[i]);
        t->tries_count++;
        if (book_do_into(&t->book, &t->bytes, key, ops, ops_count) == VERDICT_OK)
            t->offsets[++t->txs_count] = t->bytes.size;
    }
}

void traffic_close(struct traffic *t)
{
    buf_free(&t->bytes);
    mem_free(t->offsets);
    book_close(&t->book);
}

struct bytes traffic_tx(const struct traffic *t, uint32_t index)
{
    CHECK(index < t->txs_count);
    return bytes_of(t->bytes.data + t->offsets[index], t->offsets[index + 1] - t->offsets[index]);
}

void traffic_member_key(struct sign_key *out, uint32_t index)
{
    book_make_key(out, 1000 + index);
}

enum rc traffic_create_store(const struct traffic *t, struct kv *kv, struct why *why)
{
    struct sign_key member;
    traffic_member_key(&member, 0);
    struct store_identity id = {.store_id = "traffic",
                                .chain_id = t->book.chain_id,
                                .replica_key = member.public,
                                .checkpoint_every_heights = TRAFFIC_CHECKPOINT_EVERY};
    return store_create(kv, &id, bytes_of_text("book"), &t->book.initial, why);
}

enum rc traffic_append(const struct traffic *t, struct store *s, uint32_t first, uint32_t count,
                       const struct certificate *certificate, struct why *why)
{
    static struct block_build build; /* 32 KiB of leaves */
    struct block block;
    struct layer *layer = layer_new(store_layer(s), NULL);
    block_build_start(&build, store_head(s), store_head_digest(s), layer, BLOCK_BODY_BYTES_MAX);
    for (uint32_t i = first; i < first + count; i++) {
        struct tx tx;
        bool fits;
        enum verdict verdict;
        CHECK(tx_decode(&tx, traffic_tx(t, i), &t->book.chain_id) == VERDICT_OK);
        enum rc rc = block_build_add(&build, &tx, &fits, &verdict);
        CHECK(rc == RC_OK);
        CHECK(fits);
        CHECK(verdict == VERDICT_OK);
    }
    uint64_t height = build.header.height;
    block_build_finish(&build, height, (uint16_t)(height % TRAFFIC_MEMBERS), &block);
    struct certificate own;
    if (certificate == NULL) {
        traffic_certificate(&own, t, CERT_COMMIT, height, &block.digest, NULL);
        certificate = &own;
    }
    enum rc rc = store_append(s, &block, layer, certificate, why);
    block_build_close(&build);
    layer_free(layer);
    return rc;
}

void traffic_certificate(struct certificate *out, const struct traffic *t, enum cert_kind kind,
                         uint64_t height, const struct digest *digest,
                         const struct digest *state_root)
{
    *out = (struct certificate){
        .statement = {.kind = kind, .height = height, .digest = *digest},
        .entries_count = quorum_of(TRAFFIC_MEMBERS),
    };
    if (state_root != NULL)
        out->statement.state_root = *state_root;
    for (uint32_t i = 0; i < out->entries_count; i++) {
        struct sign_key member;
        traffic_member_key(&member, i);
        out->entries[i].member_index = (uint8_t)i;
        statement_sign(&out->entries[i].signature, &out->statement, &t->book.chain_id, &member);
    }
}
