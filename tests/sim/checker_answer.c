/* What clients are told, the bounds of section 16, and the end of a run. */
#include <inttypes.h>

#include "ledger/audit.h"
#include "ledger/receipt.h"
#include "tests/sim/checker_parts.h"
#include "tests/sim/world.h"

/* ---- answers ---- */

/* A COMMIT certificate at or above the height is on the node's disk. */
static bool has_certificate_from(struct sim *s, uint32_t node, uint64_t height)
{
    uint8_t room[8];
    struct wr from = wr_of(room, sizeof room);
    struct bytes key, value;
    struct kv_cursor *cursor;
    wr_be64(&from, height);
    enum rc rc = kv_cursor_open(&cursor, s->checker->nodes[node].view, KV_CERT);
    if (rc != RC_OK)
        return false;
    rc = kv_cursor_seek(cursor, wr_bytes_of(&from), &key, &value);
    kv_cursor_close(cursor);
    return rc == RC_OK;
}

/* A receipt proves, to whoever has the genesis alone, that this transaction stands where the chain
 * has it; and its node has both the block and a certificate on its disk. */
static void check_receipt(struct sim *s, uint32_t node, const struct driver_answer *a)
{
    struct check_node *n = &s->checker->nodes[node];
    struct receipt receipt;
    struct buf bytes = {0};
    struct why why = {{0}};
    enum rc rc = receipt_make(&bytes, s->nodes[node].store, &a->place, &why);
    if (rc == RC_OK)
        rc = receipt_verify(&receipt, buf_bytes(&bytes), &s->genesis.chain_id,
                            &s->genesis.member_table, &why);
    if (rc != RC_OK)
        sim_fail(s, node, "receipts verify", "%s: %s", rc_name(rc), why.text);
    if (!digest_equal(&receipt.tx.id, &a->txid))
        sim_fail(s, node, "receipts verify", "it is another transaction's");
    uint64_t height = receipt.header.height, certified = receipt.certificate.statement.height;
    if (certified > n->height || !has_certificate_from(s, node, height))
        sim_fail(s, node, "nothing is answered before it is durable",
                 "height %" PRIu64 ", certified at %" PRIu64 ", head on disk %" PRIu64, height,
                 certified, n->height);
    const struct check_value *at = check_map_find(&s->checker->txids, &a->txid);
    if (at == NULL || at->place.height != height || at->place.tx_index != receipt.tx_index ||
        !digest_equal(&receipt.block_digest, &s->checker->chain[height].digest))
        sim_fail(s, node, "one transaction, one place", "a receipt for height %" PRIu64, height);
    check_map_put(&s->checker->acknowledged, &a->txid)->place = at->place;
    check_acknowledged_height(s, height);
    if (n->promised_height < certified)
        n->promised_height = certified;
    buf_free(&bytes);
    s->counts.receipts_verified++;
}

/* A rejection is final: the transaction stands nowhere, and another one has its nonce, or it has
 * expired. It will stand nowhere: check_txid() remembers. */
static void check_rejection(struct sim *s, uint32_t node, const struct driver_answer *a)
{
    struct sim_checker *c = s->checker;
    if (check_map_find(&c->txids, &a->txid) != NULL)
        sim_fail(s, node, "what is committed is not rejected", "%s", verdict_word(a->verdict));
    if (verdict_outcome(a->verdict) != OUTCOME_FINAL)
        sim_fail(s, node, "a rejection is final", "%s is not", verdict_word(a->verdict));
    if (a->has_other != (a->verdict == VERDICT_NONCE_USED))
        sim_fail(s, node, "a used nonce names its transaction", "%s", verdict_word(a->verdict));
    const struct check_value *other =
        a->has_other ? check_map_find(&c->txids, &a->other_txid) : NULL;
    if (a->has_other && (other == NULL || other->place.height > c->nodes[node].height))
        sim_fail(s, node, "nothing is answered before it is durable",
                 "the transaction that has the nonce is not on the disk");
    if (other != NULL && c->nodes[node].promised_height < other->place.height)
        c->nodes[node].promised_height = other->place.height;
    check_map_put(&c->rejected, &a->txid);
}

/* Nobody is told that it is too late before that is on the disk. */
static void check_expired(struct sim *s, uint32_t node, uint64_t client)
{
    uint64_t until = sim_clients_valid_until(s, client);
    if (until > s->checker->nodes[node].height)
        sim_fail(s, node, "what expired can stand nowhere any more",
                 "valid until height %" PRIu64 ", head on disk %" PRIu64, until,
                 s->checker->nodes[node].height);
}

void sim_check_answer(struct sim *s, uint32_t node_index, uint64_t client,
                      const struct driver_answer *answer)
{
    if (sim_is_byzantine(s, node_index))
        return;
    if (answer->outcome == DRIVER_REJECTED && answer->verdict == VERDICT_EXPIRED)
        check_expired(s, node_index, client);
    if (answer->outcome == DRIVER_COMMITTED)
        check_receipt(s, node_index, answer);
    /* A wrong signature says nothing of the transaction, which has other bytes too. */
    if (answer->outcome == DRIVER_REJECTED && answer->verdict != VERDICT_BAD_SIGNATURE)
        check_rejection(s, node_index, answer);
    if (answer->outcome == DRIVER_REFUSED && answer->pool_answer == POOL_REFUSED &&
        verdict_outcome(answer->verdict) != OUTCOME_NOW)
        sim_fail(s, node_index, "refused is not rejected", "%s", verdict_word(answer->verdict));
}

/* ---- bounds ---- */

static void expect_at_most(struct sim *s, uint32_t node, const char *what, uint64_t is,
                           uint64_t most)
{
    if (is > most)
        sim_fail(s, node, "everything is bounded (16)", "%s: %" PRIu64 ", %" PRIu64 " at most",
                 what, is, most);
}

/* What stands above the head, in number and in bytes. */
struct above {
    uint64_t blocks_max, bytes_max;
};

/* Among honest members there is one block for each height of a view, and nobody proposes more than
 * P above its own committed height, which is on a disk that is looked at, or was that of a node
 * whose store lies. After a view change those of the view before may be there too, and the one that
 * a certificate named (5.9, 16); the same where a primary's store forgot what it had proposed. */
static struct above above_the_head(const struct sim *s, const struct driver_look *look)
{
    enum { BLOCKS_PER_HEIGHT_MAX = 3 };
    const struct parameters *p = &s->genesis.parameters;
    uint64_t highest = check_height(s), committed = look->core.committed.height;
    if (highest < s->checker->faulty_height)
        highest = s->checker->faulty_height;
    bool is_one = look->core.view == 0 && s->counts.own_word_broken == 0;
    uint64_t per_height = is_one ? 1 : BLOCKS_PER_HEIGHT_MAX;
    /* Those that somebody sent, one of each height; and what the primary has built and not sent. */
    bool was_primary = look->core.is_primary || look->core.view > 0;
    uint64_t unsent_max = was_primary ? p->pipeline_heights : 0;
    uint64_t heights = (highest > committed ? highest - committed : 0) + p->pipeline_heights;
    return (struct above){per_height * heights,
                          per_height * check_bodies_bytes_above(s, committed) +
                              unsent_max * (p->block_bytes_max + BLOCK_HEADER_BYTES)};
}

/* Whatever Byzantine ones send: two for each height of the window (16); P of the largest, the one
 * right above tip, the one that f+1 votes or a certificate name next, P of the base's and the one
 * that goes beyond that, and those of a range that is about to commit. */
static struct above above_the_head_at_worst(const struct sim *s)
{
    const struct parameters *p = &s->genesis.parameters;
    uint64_t block_bytes = p->block_bytes_max + BLOCK_HEADER_BYTES;
    return (struct above){2 * 2 * p->window_heights + PBFT_DATA_BLOCKS_MAX,
                          (2 * p->pipeline_heights + 3) * block_bytes + PBFT_MSG_BYTES_MAX};
}

/* All that others can make a node keep is within limits. */
static void check_limits(struct sim *s, uint32_t node, const struct driver_look *look)
{
    const struct parameters *p = &s->genesis.parameters;
    struct above most =
        sim_byzantine(s) == 0 ? above_the_head(s, look) : above_the_head_at_worst(s);
    expect_at_most(s, node, "transactions in the pool", look->pool.txs_count, p->pool_txs_max);
    expect_at_most(s, node, "bytes in the pool", look->pool.bytes, p->pool_bytes_max);
    expect_at_most(s, node, "executable ones", look->pool.executable_count, look->pool.txs_count);
    expect_at_most(s, node, "blocks above the head", look->blocks_count, most.blocks_max);
    expect_at_most(s, node, "bytes of blocks above the head", look->blocks_bytes, most.bytes_max);
    expect_at_most(s, node, "messages of the turn", look->outputs_count, s->plan.outputs_max + 1);
    expect_at_most(s, node, "bytes of the turn's messages", look->outputs_bytes,
                   DRIVER_OUTPUT_BYTES_MAX + PBFT_MSG_BYTES_MAX);
    /* Resent ones wait beside those that hold a place in the pool. */
    expect_at_most(s, node, "waiting clients", look->waiting_count,
                   2 * p->pool_txs_max + DRIVER_CLIENT_JOBS_MAX);
    expect_at_most(s, node, "bytes in the inbox", look->inbox_bytes,
                   (uint64_t)(s->plan.members_count - 1) * DRIVER_LINK_BYTES_MAX);
}

/* The memory ceiling: beyond what its driver and store had taken when they had opened, a node keeps
 * what section 16 counts (three times: as bytes, decoded, and in tables), what of each link is
 * being verified, and what else is under way: answers, layers and flushes, of no more than so many
 * of the largest messages. */
static void check_memory(struct sim *s, uint32_t node, const struct driver_look *look)
{
    enum { UNDER_WAY = 16 };
    uint64_t counted =
        look->pool.bytes + look->blocks_bytes + look->inbox_bytes + look->outputs_bytes;
    uint64_t jobs = (uint64_t)(s->plan.members_count - 1) * DRIVER_LINK_JOBS_MAX;
    uint64_t most = s->nodes[node].opened_bytes + 3 * counted + jobs * sizeof(struct pbft_msg) +
                    UNDER_WAY * PBFT_MSG_BYTES_MAX;
    expect_at_most(s, node, "bytes of memory", sim_mem_bytes(node), most);
}

/* What is durable is committed, what is committed is certified, and nobody has stopped. */
static void check_core(struct sim *s, uint32_t node, const struct driver_look *look)
{
    const struct pbft_view_of *core = &look->core;
    const struct check_node *n = &s->checker->nodes[node];
    if (look->durable_height > core->committed.height || look->durable_height > n->height)
        sim_fail(s, node, "durable is committed, and on the disk",
                 "durable %" PRIu64 ", committed %" PRIu64 ", on disk %" PRIu64,
                 look->durable_height, core->committed.height, n->height);
    check_certified(s, node, core->committed.height);
    if ((core->is_alarmed || core->is_learner) && !s->plan.byz.is_marked)
        sim_fail(s, node, "nobody stops voting among honest nodes", "%s",
                 core->is_alarmed ? "alarmed" : "a learner");
    uint64_t window = 2 * s->genesis.parameters.window_heights;
    if (core->has_tip && core->tip.height > core->committed.height + window)
        sim_fail(s, node, "tip is in the window", "%" PRIu64 ", committed %" PRIu64,
                 core->tip.height, core->committed.height);
    /* Only a commit of a lower view passes tip (5.8), or a state that was taken. */
    struct block_header snapshot;
    bool is_joining = store_snapshot_header(s->nodes[node].store, &snapshot) &&
                      snapshot.height == core->committed.height;
    if (!is_joining && core->is_installed && core->has_tip &&
        core->tip.height < core->committed.height)
        sim_fail(s, node, "tip is not passed in its view", "%" PRIu64 ", committed %" PRIu64,
                 core->tip.height, core->committed.height);
}

void sim_check_bounds(struct sim *s, uint32_t node_index)
{
    if (sim_is_byzantine(s, node_index))
        return;
    struct driver_look look;
    struct why why;
    const struct driver *d = s->nodes[node_index].driver;
    if (sim_is_faulty(s, node_index))
        return;
    if (driver_failure(d, NULL) != RC_OK) {
        enum rc rc = driver_failure(d, &why);
        sim_fail(s, node_index, "the driver does not fail", "%s: %s", rc_name(rc), why.text);
    }
    driver_look_at_work(d, &look); /* after each run: the rest costs more than the run itself */
    check_limits(s, node_index, &look);
    check_memory(s, node_index, &look);
    check_core(s, node_index, &look);
}

/* ---- the end ---- */

/* Everybody has all of the chain, and each head has its certificate. */
static void check_head(struct sim *s, uint32_t node)
{
    struct certificate c;
    uint64_t height = check_height(s);
    if (s->nodes[node].store == NULL)
        sim_fail(s, node, "all are up at the end", "it is down");
    sim_check_landed(s, node);
    if (!sim_byz_is_live(s))
        return;
    if (s->checker->nodes[node].height != height)
        sim_fail(s, node, "all heads are equal at the end", "%" PRIu64 " of %" PRIu64,
                 s->checker->nodes[node].height, height);
    if (height > 0 && !check_get_certificate(s, node, height, &c))
        sim_fail(s, node, "the head is certified at the end", "height %" PRIu64, height);
}

/* A height keeps its block for ever, also those that were looked at long ago. */
static void check_whole_chain(struct sim *s, uint32_t node)
{
    for (uint64_t height = 1; height <= s->checker->nodes[node].height; height++) {
        uint8_t room[8];
        struct wr key = wr_of(room, sizeof room);
        struct bytes value;
        wr_be64(&key, height);
        if (!check_get(s, node, KV_CHAIN, wr_bytes_of(&key), &value) ||
            !bytes_equal(value, bytes_of(s->checker->chain[height].digest.bytes, DIGEST_BYTES)))
            sim_fail(s, node, "one block per height", "height %" PRIu64 " at the end", height);
    }
}

/* Every transaction somebody has a receipt for is where the receipt says, by everybody's index. */
static void check_acknowledged(struct sim *s, uint32_t node)
{
    const struct check_map *m = &s->checker->acknowledged;
    for (size_t i = 0; i < m->room; i++) {
        const struct check_entry *e = &m->entries[i];
        struct place place;
        struct why why = {{0}};
        if (!e->is_used || e->value.place.height > s->checker->nodes[node].height)
            continue; /* where not all come to one height */
        enum rc rc = store_get_place(s->nodes[node].store, &e->key, &place, &why);
        if (rc != RC_OK || place.height != e->value.place.height ||
            place.tx_index != e->value.place.tx_index)
            sim_fail(s, node, "what was acknowledged stays",
                     "of height %" PRIu64 ", transaction %u: %s", e->value.place.height,
                     e->value.place.tx_index, rc_text(rc));
    }
}

/* Tells whether anything was written in between. */
static uint64_t commits_count(struct sim *s, uint32_t node)
{
    struct bytes value = {0};
    struct why why = {{0}};
    if (kv_view_renew(s->checker->nodes[node].view, &why) != RC_OK ||
        !check_get(s, node, KV_META, bytes_of_text("commits"), &value))
        sim_fail(s, node, "a disk can be read", "%s", why.text);
    struct rd r = rd_of(value);
    return rd_u64(&r);
}

/* The real audit, which believes nothing but the genesis, accepts the disk and leaves it alone. */
static void check_audit(struct sim *s, uint32_t node)
{
    struct store_options open = {.care = TREE_VERIFY, .as_recorded = true};
    struct audit_chain chain = {.members = &s->genesis.member_table,
                                .initial = &s->genesis.initial,
                                .body_bytes_max = s->genesis.parameters.block_bytes_max,
                                .checkpoint_every_heights =
                                    s->genesis.parameters.checkpoint_every_heights};
    struct audit_options options = {.threads_count = 1};
    struct audit_report report;
    struct store *store;
    struct why why = {{0}};
    uint64_t before = commits_count(s, node);
    enum rc rc = store_open(&store, s->nodes[node].kv, &open, &why);
    if (rc != RC_OK)
        sim_fail(s, node, "a disk can be audited", "%s: %s", rc_name(rc), why.text);
    rc = audit_run(&report, store, &chain, &options, &why);
    if (rc != RC_OK)
        sim_fail(s, node, "the audit accepts every disk", "%s: %s", rc_name(rc), why.text);
    store_close(store);
    uint64_t height = s->checker->nodes[node].height;
    bool is_certified = report.certified_height == height || !sim_byz_is_live(s);
    if (report.head_height != height || !is_certified)
        sim_fail(s, node, "the audit sees the same chain",
                 "head %" PRIu64 ", certified %" PRIu64 ", chain %" PRIu64, report.head_height,
                 report.certified_height, height);
    if (commits_count(s, node) != before)
        sim_fail(s, node, "an audit writes nothing", "the disk has changed");
}

/* Where not all has to come to an end, a batch may still be under way: then what is in memory is
 * ahead of the disk. */
static bool is_at_rest(struct sim *s, uint32_t node)
{
    return !sim_is_byzantine(s, node) && s->nodes[node].store != NULL &&
           s->nodes[node].in_flight == NULL &&
           store_head(s->nodes[node].store)->height == s->checker->nodes[node].height;
}

void sim_check_end(struct sim *s)
{
    uint32_t audited = 0, of = sim_needed_count(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        if (!sim_is_needed(s, i))
            continue;
        check_head(s, i);
        check_whole_chain(s, i);
        check_acknowledged(s, i);
        if (!is_at_rest(s, i))
            continue;
        if (s->checker->nodes[i].height == check_height(s))
            model_compare(s, i);
        /* It costs as much as all of the chain did: the first one, and another. */
        if (audited == 0 || audited == 1 + s->plan.seed % (of > 1 ? of - 1 : 1))
            check_audit(s, i);
        audited++;
    }
}
