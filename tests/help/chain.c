#include "tests/help/chain.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "tests/help/chain_genesis.h"
#include "tests/help/chain_plan.h"

enum {
    BLOCKS_PER_BATCH = 8, /* planned and signed together, while the batch before is built */
    THREADS_MAX = 64
};

const char *const chain_asset_codes[CHAIN_ASSETS_MAX] = {"CZK", "EUR", "PTS", "BTC"};

/* ---- small things ---- */

/* What fails here is not what the test is about: say so and end. */
static void must(enum rc rc, const struct why *why, const char *what)
{
    if (rc == RC_OK)
        return;
    (void)fprintf(stderr, "test chain: %s: %s\n", what,
                  why->text[0] != '\0' ? why->text : rc_text(rc));
    exit(1);
}

void chain_make_key(struct sign_key *out, const char *label, uint64_t number, uint64_t other)
{
    struct hasher h;
    struct digest seed;
    struct buf numbers = {0};
    buf_add_u64(&numbers, number);
    buf_add_u64(&numbers, other);
    hasher_start(&h, TAG_TEST);
    hasher_add_bytes(&h, bytes_of_text(label));
    hasher_add_bytes(&h, buf_bytes(&numbers));
    hasher_end(&h, &seed);
    buf_free(&numbers);
    sign_key_from_seed(out, seed.bytes);
}

struct bytes chain_account(char out[static CHAIN_ACCOUNT_ROOM], const struct chain *c,
                           uint32_t account_index)
{
    int size = snprintf(out, CHAIN_ACCOUNT_ROOM, "p%u/a%u",
                        account_index % c->options.participants_count, account_index);
    CHECK(size > 0 && size < CHAIN_ACCOUNT_ROOM);
    return bytes_of(out, (size_t)size);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static struct chain_options with_defaults(const struct chain_options *from)
{
    struct chain_options o = *from;
    o.members_count = or_default(o.members_count, MEMBERS_MIN);
    o.participants_count = or_default(o.participants_count, 4);
    o.assets_count = or_default(o.assets_count, 2);
    o.accounts_count = or_default(o.accounts_count, 4 * o.participants_count);
    o.txs_per_block = or_default(o.txs_per_block, 4);
    o.ops_per_tx = or_default(o.ops_per_tx, 2);
    o.specials_per_mille = or_default(o.specials_per_mille, 300);
    o.checkpoint_every_heights = or_default(o.checkpoint_every_heights, 4);
    o.certificate_every_heights = or_default(o.certificate_every_heights, 1);
    o.threads_count = or_default(o.threads_count, 1);
    CHECK(o.assets_count <= CHAIN_ASSETS_MAX);
    CHECK(o.accounts_count >= o.participants_count);
    CHECK(o.participants_count >= 2); /* money goes from one account to another */
    CHECK(o.txs_per_block <= BLOCK_TXS_MAX);
    CHECK((uint64_t)o.txs_per_block *
              (CHAIN_TX_BYTES_MAX + (uint64_t)CHAIN_OP_BYTES_MAX * o.ops_per_tx) <=
          BLOCK_BODY_BYTES_MAX);
    return o;
}

/* ---- opening and closing ---- */

static enum rc open_store(struct chain *c, struct why *why)
{
    struct store_options options = {.care = TREE_VERIFY,
                                    .layer_bytes_max = c->options.layer_bytes_max};
    c->store = NULL;
    return store_open(&c->store, c->kv, &options, why);
}

void chain_open(struct chain *c, const struct chain_options *options, struct kv *kv)
{
    struct why why = {{0}};
    must(crypto_start(&why), &why, "crypto");
    *c = (struct chain){.options = with_defaults(options), .kv = kv};
    for (uint32_t i = 0; i < c->options.members_count; i++)
        chain_make_key(&c->members[i], "member", i, 0);
    must(chain_make_genesis(c, &why), &why, "genesis");
    struct store_identity identity = {.store_id = {1},
                                      .chain_id = c->genesis.chain_id,
                                      .replica_key = c->members[0].public,
                                      .checkpoint_every_heights =
                                          c->options.checkpoint_every_heights};
    must(store_create(kv, &identity, buf_bytes(&c->genesis.canonical), &c->genesis.initial, &why),
         &why, "create");
    must(open_store(c, &why), &why, "open");
    c->plan = chain_plan_new(c);
}

void chain_close(struct chain *c)
{
    chain_plan_free(c->plan);
    store_close(c->store);
    kv_close(c->kv);
    genesis_close(&c->genesis);
}

enum rc chain_reopen(struct chain *c, struct why *why)
{
    store_close(c->store);
    return open_store(c, why);
}

/* ---- blocks ---- */

void chain_certify(const struct chain *c, struct certificate *out, enum cert_kind kind,
                   uint64_t height, const struct digest *digest, const struct digest *state_root,
                   uint32_t first_member)
{
    uint32_t members_count = c->options.members_count;
    *out = (struct certificate){.statement = {.kind = kind, .height = height, .digest = *digest}};
    if (state_root != NULL)
        out->statement.state_root = *state_root;
    uint32_t quorum = quorum_of(members_count);
    for (uint32_t i = 0; i < members_count; i++) {
        if ((i + members_count - first_member % members_count) % members_count >= quorum)
            continue;
        struct cert_entry *entry = &out->entries[out->entries_count++];
        entry->member_index = (uint8_t)i;
        statement_sign(&entry->signature, &out->statement, &c->genesis.chain_id, &c->members[i]);
    }
}

static void add_tx(struct block_build *build, struct bytes whole, const struct digest *chain_id)
{
    struct tx tx;
    enum verdict verdict = tx_decode(&tx, whole, chain_id);
    CHECK(verdict == VERDICT_OK);
    bool fits = false;
    CHECK(block_build_add(build, &tx, &fits, &verdict) == RC_OK);
    CHECK(fits);
    if (verdict != VERDICT_OK)
        (void)fprintf(stderr, "test chain: %s\n", verdict_text(verdict));
    CHECK(verdict == VERDICT_OK);
}

static void append_block(struct chain *c, struct block_build *build, bool with_certificate)
{
    struct why why = {{0}};
    struct block block;
    struct certificate certificate;
    uint64_t height = build->header.height;
    uint32_t members_count = c->options.members_count;
    block_build_finish(build, UINT64_C(1760000000000) + height * 1000,
                       (uint16_t)(height % members_count), &block);
    if (with_certificate)
        chain_certify(c, &certificate, CERT_COMMIT, height, &block.digest, NULL, (uint32_t)height);
    must(store_append(c->store, &block, build->layer, with_certificate ? &certificate : NULL, &why),
         &why, "append");
    if (height % c->options.checkpoint_every_heights != 0)
        return;
    struct tree_ref tree = store_tree(c->store);
    chain_certify(c, &certificate, CERT_CHECKPOINT, height, &block.digest, &tree.root,
                  (uint32_t)height + 1);
    must(store_put_certificate(c->store, &certificate, &why), &why, "checkpoint");
}

static struct block_build *build_start(struct chain *c)
{
    struct block_build *build = mem_alloc(sizeof *build);
    block_build_start(build, store_head(c->store), store_head_digest(c->store),
                      layer_new(store_layer(c->store), NULL), BLOCK_BODY_BYTES_MAX);
    return build;
}

static void build_end(struct block_build *build)
{
    layer_free(build->layer);
    block_build_close(build);
    mem_free(build);
}

void chain_add_block(struct chain *c, const struct bytes *txs, uint32_t txs_count)
{
    struct block_build *build = build_start(c);
    for (uint32_t i = 0; i < txs_count; i++)
        add_tx(build, txs[i], &c->genesis.chain_id);
    append_block(c, build, true);
    build_end(build);
}

/* ---- many blocks ---- */

/* The batch of blocks being signed, with its threads. */
struct signing {
    struct chain *chain;
    struct plan_batch batch;
    uint32_t blocks_count;
    uint32_t txs_count;
    uint32_t threads_count;
    pthread_t threads[THREADS_MAX];
};

static void *sign_some(void *context)
{
    struct signing *s = context;
    for (;;) {
        uint32_t i = atomic_fetch_add(&s->batch.next, 1);
        if (i >= s->txs_count)
            return NULL;
        plan_sign(&s->batch, s->chain, i);
    }
}

/* Plan the next blocks and let the helping threads begin; sign_end() helps them. */
static void sign_start(struct signing *s, uint32_t blocks_count)
{
    s->blocks_count = blocks_count < BLOCKS_PER_BATCH ? blocks_count : BLOCKS_PER_BATCH;
    s->txs_count = s->blocks_count * s->chain->options.txs_per_block;
    plan_batch_fill(&s->batch, s->chain, s->txs_count);
    uint32_t helpers_count = s->chain->options.threads_count - 1;
    s->threads_count = helpers_count < THREADS_MAX ? helpers_count : THREADS_MAX;
    for (uint32_t i = 0; i < s->threads_count; i++)
        CHECK(pthread_create(&s->threads[i], NULL, sign_some, s) == 0);
}

static void sign_end(struct signing *s)
{
    (void)sign_some(s);
    for (uint32_t i = 0; i < s->threads_count; i++)
        CHECK(pthread_join(s->threads[i], NULL) == 0);
}

/* Append block number `index` of a signed batch. */
static void build_block(struct chain *c, const struct plan_batch *batch, uint32_t index,
                        bool is_last)
{
    struct block_build *build = build_start(c);
    uint32_t txs_per_block = c->options.txs_per_block;
    for (uint32_t i = 0; i < txs_per_block; i++)
        add_tx(build, buf_bytes(&batch->txs[index * txs_per_block + i].bytes),
               &c->genesis.chain_id);
    bool is_certified = build->header.height % c->options.certificate_every_heights == 0;
    append_block(c, build, is_certified || is_last);
    build_end(build);
}

void chain_grow_telling(struct chain *c, uint32_t blocks_count, chain_progress *progress,
                        void *context)
{
    struct signing *now = mem_alloc(sizeof *now);
    struct signing *next = mem_alloc(sizeof *next);
    now->chain = next->chain = c;
    plan_batch_open(&now->batch, c, BLOCKS_PER_BATCH);
    plan_batch_open(&next->batch, c, BLOCKS_PER_BATCH);
    uint32_t blocks_done = 0;
    sign_start(now, blocks_count);
    while (blocks_done < blocks_count) {
        sign_end(now);
        sign_start(next, blocks_count - blocks_done - now->blocks_count);
        for (uint32_t i = 0; i < now->blocks_count; i++) {
            build_block(c, &now->batch, i, blocks_done + 1 == blocks_count);
            blocks_done++;
            if (progress != NULL)
                progress(context, blocks_done);
        }
        struct signing *built = now;
        now = next;
        next = built;
    }
    sign_end(now); /* of nothing */
    plan_batch_close(&now->batch);
    plan_batch_close(&next->batch);
    mem_free(now);
    mem_free(next);
}

void chain_grow(struct chain *c, uint32_t blocks_count)
{
    chain_grow_telling(c, blocks_count, NULL, NULL);
}

/* ---- transactions of one's own ---- */

const struct sign_key *chain_key(const struct chain *c, uint32_t participant_index,
                                 uint64_t **nonce)
{
    CHECK(participant_index < c->options.participants_count);
    struct plan_key *key = &c->plan->participants[participant_index].keys[0];
    *nonce = &key->nonce;
    return &key->sign;
}

void chain_sign(struct chain *c, struct buf *out, uint32_t participant_index, const struct op *ops,
                uint32_t ops_count)
{
    uint64_t *nonce;
    const struct sign_key *key = chain_key(c, participant_index, &nonce);
    struct tx_draft draft = {.nonce = ++*nonce, .ops = ops, .ops_count = ops_count};
    CHECK(tx_sign(out, &draft, key, &c->genesis.chain_id) == VERDICT_OK);
}
