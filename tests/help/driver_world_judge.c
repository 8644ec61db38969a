/* What leaves, held against the disk of that moment (PROTOCOL.md 4) and against all that left
 * before (4.1, 13). The keys and values of the records are written out here once more, from the
 * text of node/driver/records.h: a test that asked records.c could not see what it forgets. */
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/audit.h"
#include "ledger/receipt.h"
#include "node/pbft/wire.h"
#include "tests/help/driver_world.h"

static void expect(struct driver_world *w, bool is_kept, const char *promise)
{
    if (!is_kept && w->broken == NULL)
        w->broken = promise;
}

/* ---- the disk ---- */

static bool disk_has(const struct driver_world *w, enum kv_table table, struct bytes key,
                     struct bytes value)
{
    struct buf found = {0};
    bool is_same = world_read(w, table, key, &found) && bytes_equal(buf_bytes(&found), value);
    buf_free(&found);
    return is_same;
}

/* The committed block at a height; false = the disk's chain does not reach it. */
static bool chain_digest(const struct driver_world *w, uint64_t height, struct digest *out)
{
    struct buf key = {0}, value = {0};
    (void)world_block_key(&key, height, &(struct digest){{0}});
    bool is_there = world_read(w, KV_CHAIN, bytes_of(key.data, 8), &value);
    if (is_there) {
        CHECK(value.size == DIGEST_BYTES);
        memcpy(out->bytes, value.data, DIGEST_BYTES);
    }
    buf_free(&key);
    buf_free(&value);
    return is_there;
}

static bool has_body(const struct driver_world *w, uint64_t height, const struct digest *digest)
{
    struct buf key = {0}, value = {0};
    struct pbft_block name;
    bool is_there = world_read(w, KV_BLOCK, world_block_key(&key, height, digest), &value) &&
                    verify_block_head(buf_bytes(&value), &name) &&
                    digest_equal(&name.digest, digest);
    buf_free(&key);
    buf_free(&value);
    return is_there;
}

/* After its block was committed a vote binds nothing, and its record is gone. */
static bool is_committed(const struct driver_world *w, uint64_t height, const struct digest *digest)
{
    struct digest found;
    return chain_digest(w, height, &found) && digest_equal(&found, digest);
}

/* ---- messages ---- */

static bool has_vote_record(const struct driver_world *w, const struct pbft_vote *v)
{
    struct buf key = {0}, value = {0};
    buf_add_u64(&value, v->statement.epoch);
    buf_add_u64(&value, v->statement.view);
    buf_add(&value, v->statement.digest.bytes, DIGEST_BYTES);
    buf_add(&value, v->signature.bytes, SIGNATURE_BYTES);
    world_record_key(&key, "vote", v->statement.height, v->statement.kind);
    bool is_there = disk_has(w, KV_VOTE, buf_bytes(&key), buf_bytes(&value));
    buf_free(&key);
    buf_free(&value);
    return is_there;
}

static bool has_proposal_record(const struct driver_world *w, const struct pbft_pre_prepare *p)
{
    struct buf key = {0}, value = {0};
    buf_add_u64(&value, p->epoch);
    buf_add_u64(&value, p->view);
    buf_add(&value, p->block.digest.bytes, DIGEST_BYTES);
    buf_add(&value, p->block.parent.bytes, DIGEST_BYTES);
    buf_add(&value, p->signature.bytes, SIGNATURE_BYTES);
    world_record_key(&key, "proposal", p->block.height, CERT_PREPARE);
    bool is_there = disk_has(w, KV_VOTE, buf_bytes(&key), buf_bytes(&value));
    buf_free(&key);
    buf_free(&value);
    return is_there;
}

/* Tip is this block, or stands above it; or a certificate has contradicted its chain (5.8), after
 * which there is none and its votes are sent again as they are. */
static bool has_tip_at(const struct driver_world *w, uint64_t height, const struct digest *digest)
{
    struct buf value = {0};
    struct digest tip;
    bool is_there = world_read(w, KV_VOTE, bytes_of_text("state"), &value);
    struct rd r = rd_of(buf_bytes(&value));
    (void)rd_take(&r, 8 + 3 + 8 + 2 * DIGEST_BYTES); /* view, mode, flags, base */
    bool has_tip = rd_u8(&r) == 1;
    uint64_t tip_height = rd_u64(&r);
    rd_copy(&r, tip.bytes, DIGEST_BYTES);
    (void)rd_take(&r, DIGEST_BYTES);
    bool is_sound = is_there && rd_done(&r);
    buf_free(&value);
    return is_sound && (!has_tip || tip_height > height ||
                        (tip_height == height && digest_equal(&tip, digest)));
}

static bool has_high_at(const struct driver_world *w, uint64_t view, uint64_t height)
{
    struct buf value = {0};
    struct certificate c;
    bool is_there = world_read(w, KV_VOTE, bytes_of_text("high"), &value);
    struct rd r = rd_of(buf_bytes(&value));
    cert_decode(&r, &c);
    bool is_sound =
        is_there && rd_done(&r) && c.statement.view == view && c.statement.height >= height;
    buf_free(&value);
    return is_sound;
}

/* One vote per kind and height, in all lives; and the very same bytes whenever it is sent. */
static void judge_own_vote(struct driver_world *w, const struct pbft_vote *v)
{
    for (size_t i = 0; i < w->own_votes_count; i++) {
        const struct pbft_vote *old = &w->own_votes[i];
        if (old->statement.kind != v->statement.kind ||
            old->statement.height != v->statement.height)
            continue;
        expect(w,
               statement_equal(&old->statement, &v->statement) &&
                   memcmp(&old->signature, &v->signature, sizeof v->signature) == 0,
               "13: one PREPARE and one COMMIT per height, sent again as it was");
        return;
    }
    if (w->own_votes_count == w->own_votes_room) {
        w->own_votes_room = w->own_votes_room * 2 + 64;
        w->own_votes = mem_resize(w->own_votes, w->own_votes_room * sizeof *w->own_votes);
    }
    w->own_votes[w->own_votes_count++] = *v;
}

static void judge_marker(struct driver_world *w, uint64_t epoch, uint64_t view, uint64_t height)
{
    struct pbft_rank rank = {.epoch = epoch, .view = view, .height = height};
    expect(w, pbft_rank_compare(&rank, &w->marker) <= 0,
           "4.2: the marker is raised before what it allows leaves");
}

static void judge_vote(struct driver_world *w, const struct pbft_vote *v)
{
    const struct statement *s = &v->statement;
    judge_own_vote(w, v);
    judge_marker(w, s->epoch, s->view, s->height);
    expect(w, s->height == 0 || has_body(w, s->height, &s->digest), /* the genesis has none */
           "4: the body is durable before a vote for it");
    if (s->kind == CERT_COMMIT)
        expect(w, has_high_at(w, s->view, s->height), "4: high is durable before a COMMIT");
    if (is_committed(w, s->height, &s->digest))
        return;
    expect(w, has_vote_record(w, v), "4: a vote is durable before it is sent");
    if (s->kind == CERT_PREPARE)
        expect(w, has_tip_at(w, s->height, &s->digest), "4: tip is durable before a PREPARE");
}

static void judge_pre_prepare(struct driver_world *w, const struct pbft_pre_prepare *p)
{
    judge_marker(w, p->epoch, p->view, p->block.height);
    expect(w, has_body(w, p->block.height, &p->block.digest),
           "4: the body is durable before a PRE-PREPARE");
    if (is_committed(w, p->block.height, &p->block.digest))
        return;
    expect(w, has_proposal_record(w, p), "4: a PRE-PREPARE is durable before it is sent");
    expect(w, has_tip_at(w, p->block.height, &p->block.digest),
           "4: tip is durable before a PRE-PREPARE");
}

static void judge_status(struct driver_world *w, const struct world_output *o,
                         const struct pbft_status *s)
{
    struct buf starts = {0};
    struct digest head;
    bool is_there = world_read(w, KV_VOTE, bytes_of_text("starts"), &starts);
    struct rd r = rd_of(buf_bytes(&starts));
    uint64_t count = rd_u64(&r);
    buf_free(&starts);
    expect(w, is_there && s->counter >> 32 == count, "a start is counted before its first STATUS");
    expect(w, s->counter > w->counter || (s->counter == w->counter && o->to > 0),
           "9.1: a STATUS's counter is above all before, in all lives");
    w->counter = s->counter;
    expect(w, s->committed_height == 0 || chain_digest(w, s->committed_height, &head),
           "4: what STATUS says is committed is durable");
    expect(w, s->high.height == 0 || has_high_at(w, s->high.view, s->high.height),
           "4: what STATUS says is high is durable");
}

/* The very bytes, behind the type. Against the primary of its view there may be others of a kind
 * that is durable (6.1 (c)): those are not kept. */
static void judge_evidence(struct driver_world *w, const struct world_output *o,
                           const struct pbft_evidence *e)
{
    struct buf key = {0};
    buf_add_bytes(&key, bytes_of_text("evidence"));
    buf_add_u8(&key, (uint8_t)e->offender);
    buf_add_u8(&key, (uint8_t)e->kind);
    struct buf kept = {0};
    struct bytes sent = bytes_of(o->bytes.data + 1, o->bytes.size - 1);
    bool is_of_primary = e->offender == pbft_primary_of(e->epoch, e->view, WORLD_MEMBERS);
    bool is_kept = world_read(w, KV_VOTE, buf_bytes(&key), &kept);
    expect(w, is_kept && (is_of_primary || bytes_equal(buf_bytes(&kept), sent)),
           "2: evidence is durable before it is sent");
    buf_free(&key);
    buf_free(&kept);
}

void world_judge_message(struct driver_world *w, const struct world_output *o)
{
    struct pbft_msg *m = mem_alloc(sizeof *m);
    const struct genesis *g = &w->chain.genesis;
    struct verify_config config = {
        .chain_id = g->chain_id,
        .members = g->member_table,
        .block_rules = {.members_count = WORLD_MEMBERS,
                        .body_bytes_max = g->parameters.block_bytes_max}};
    w->judged_count++;
    bool is_sound = verify_decode(m, &config, buf_bytes(&o->bytes), w->own_index) == VERIFY_KEEP &&
                    verify_judge(m, &config) == VERIFY_KEEP;
    expect(w, is_sound, "a correct member believes what is sent");
    if (is_sound && m->type == PBFT_PRE_PREPARE)
        judge_pre_prepare(w, &m->pre_prepare);
    if (is_sound && (m->type == PBFT_PREPARE || m->type == PBFT_COMMIT))
        judge_vote(w, &m->vote);
    if (is_sound && m->type == PBFT_STATUS)
        judge_status(w, o, &m->status);
    if (is_sound && m->type == PBFT_EVIDENCE)
        judge_evidence(w, o, &m->evidence);
    mem_free(m);
}

/* ---- answers ---- */

void world_judge_answer(struct driver_world *w, const struct world_output *o)
{
    struct receipt receipt;
    struct digest found;
    w->judged_count++;
    if (o->answer.outcome != DRIVER_COMMITTED)
        return;
    enum rc rc = receipt_verify(&receipt, buf_bytes(&o->bytes), &w->chain.genesis.chain_id,
                                &w->chain.genesis.member_table, &w->why);
    expect(w, rc == RC_OK, "10.4: a receipt is verified offline");
    if (rc != RC_OK)
        return;
    expect(w, digest_equal(&receipt.tx.id, &o->answer.txid), "10.4: a receipt is of what was sent");
    expect(w,
           chain_digest(w, receipt.header.height, &found) &&
               digest_equal(&found, &receipt.block_digest),
           "4: the block is durable before its receipt");
    expect(w, chain_digest(w, receipt.certificate.statement.height, &found),
           "4: the certificate's block is durable before its receipt");
}

/* ---- what a stop leaves ---- */

void world_judge_store(struct driver_world *w)
{
    const struct genesis *g = &w->chain.genesis;
    struct audit_chain chain = {.members = &g->member_table,
                                .initial = &g->initial,
                                .body_bytes_max = g->parameters.block_bytes_max,
                                .checkpoint_every_heights = g->parameters.checkpoint_every_heights};
    struct audit_options options = {.threads_count = 1};
    struct store_options as_recorded = {.care = TREE_VERIFY, .as_recorded = true};
    struct audit_report report;
    struct store *s;
    enum rc rc = store_open(&s, w->kv, &as_recorded, &w->why);
    if (rc == RC_OK && store_is_taking_snapshot(s)) { /* to be audited when that is done */
        store_close(s);
        return;
    }
    if (rc == RC_OK) {
        rc = audit_run(&report, s, &chain, &options, &w->why);
        store_close(s);
    }
    expect(w, (rc == RC_OK) == !w->is_rotten, "the audit finds sound what a stop leaves");
}
