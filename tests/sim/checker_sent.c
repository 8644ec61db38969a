/* What leaves a node, held against its disk at that moment: nothing is sent before it is durable
 * (rule 4's table). The disk is the one of the last batch that landed, as the checker reads it; the
 * node is not asked. */
#include <inttypes.h>

#include "ledger/block.h"
#include "node/pbft/wire.h"
#include "tests/sim/checker_parts.h"

/* The message being judged. */
struct sent {
    struct sim *s;
    uint32_t node;
    struct check_node *n;
    const struct pbft_msg *m;
};

static _Noreturn void fail(const struct sent *a, uint64_t height, const char *words)
{
    sim_fail(a->s, a->node, "nothing is sent before it is durable",
             "%s of height %" PRIu64 ", head on disk %" PRIu64 ": %s", pbft_msg_name(a->m->type),
             height, a->n->height, words);
}

static const struct digest *chain_digest(const struct sent *a, uint64_t height)
{
    return &a->s->checker->chain[height].digest;
}

/* ---- records ---- */

/* The record says the very same: epoch, view, digest and (between: of a proposal its parent) the
 * signature. */
static bool is_recorded(const struct sent *a, const char *name, const struct statement *of,
                        const struct digest *parent, const struct signature *signature)
{
    uint8_t key_room[32], room[2 * 8 + 2 * DIGEST_BYTES + SIGNATURE_BYTES];
    struct wr key = wr_of(key_room, sizeof key_room), expected = wr_of(room, sizeof room);
    struct bytes value;
    wr_bytes(&key, bytes_of_text(name));
    wr_be64(&key, of->height);
    if (parent == NULL)
        wr_u8(&key, (uint8_t)of->kind);
    wr_u64(&expected, of->epoch);
    wr_u64(&expected, of->view);
    wr_copy(&expected, of->digest.bytes, DIGEST_BYTES);
    if (parent != NULL)
        wr_copy(&expected, parent->bytes, DIGEST_BYTES);
    wr_copy(&expected, signature->bytes, SIGNATURE_BYTES);
    return check_get(a->s, a->node, KV_VOTE, wr_bytes_of(&key), &value) &&
           bytes_equal(value, wr_bytes_of(&expected));
}

/* ---- votes ---- */

/* Before PRE-PREPARE and PREPARE: block body and tip. At or below the head the committed block is
 * there in their place. */
static void check_body_and_tip(const struct sent *a, uint64_t view, uint64_t height,
                               const struct digest *digest)
{
    struct bytes body;
    struct check_state state = check_get_state(a->s, a->node);
    if (height <= a->n->height)
        return;
    if (state.view > view)
        return; /* it left that view later in the same turn, which binds it no less (7.1) */
    if (!check_get_body(a->s, a->node, height, digest, &body))
        fail(a, height, "its block's body is not on the disk");
    /* A certificate against a vote of mine takes tip away (5.8); what was voted is sent all the
     * same.
     */
    bool was_taken = sim_byzantine(a->s) != 0 && state.view == view && !state.has_tip;
    if (was_taken)
        return;
    if (state.view != view || !state.has_tip || state.tip.height < height)
        fail(a, height, "tip is not there yet on the disk");
    if (state.tip.height == height && !digest_equal(&state.tip.digest, digest))
        fail(a, height, "tip on the disk is another block");
}

/* All bodies from this block down to the head are on the disk, and they are one chain. */
static void check_bodies_down(const struct sent *a, uint64_t height, struct digest digest)
{
    for (; height > a->n->height; height--) {
        struct bytes body;
        struct pbft_block block;
        if (!check_get_body(a->s, a->node, height, &digest, &body))
            fail(a, height, "a body at or below the voted block is not on the disk");
        if (!verify_block_head(body, &block) || block.height != height ||
            !digest_equal(&block.digest, &digest))
            fail(a, height, "the body on the disk is another block's");
        digest = block.parent;
    }
    if (!digest_equal(&digest, chain_digest(a, height)) &&
        !a->s->plan.byz.is_marked) /* f+1 can commit one block and have me prepare above another */
        fail(a, height, "its chain does not end in the head");
}

/* Before COMMIT: high on the disk covers it. Where the bodies from high's block down to it are here
 * too, that is followed link by link. */
static void check_covered(const struct sent *a, const struct statement *vote)
{
    const struct pbft_rank *high = &a->n->high;
    struct digest digest = a->n->high_digest;
    struct pbft_block block = {0};
    struct bytes body;
    uint64_t height = high->height;
    if (high->view > vote->view && check_get_state(a->s, a->node).view > vote->view)
        return; /* it left that view later in the same turn */
    if (high->epoch != vote->epoch || high->view != vote->view || height < vote->height)
        fail(a, vote->height, "high on the disk does not cover it");
    if (vote->height <= a->n->height) {
        if (!digest_equal(&vote->digest, chain_digest(a, vote->height)) &&
            !a->s->plan.byz.is_marked) /* f+1 can commit it in the same turn as I prepare another */
            fail(a, vote->height, "another block is committed there");
        return;
    }
    check_bodies_down(a, vote->height, vote->digest);
    while (height > vote->height && check_get_body(a->s, a->node, height, &digest, &body) &&
           verify_block_head(body, &block)) {
        digest = block.parent;
        height--;
    }
    if (height == vote->height && !digest_equal(&digest, &vote->digest) &&
        !a->s->plan.byz.is_marked) /* f+1 can make two certificates of one height */
        fail(a, vote->height, "high on the disk is of another chain");
}

/* What this key signs lies within the marker, as it is at that moment (4.2). */
static void check_marked(const struct sent *a, uint64_t epoch, uint64_t view, uint64_t height)
{
    struct pbft_rank rank = {.epoch = epoch, .view = view, .height = height};
    const struct pbft_rank *marker = &a->s->nodes[a->node].marker;
    if (pbft_rank_compare(&rank, marker) > 0)
        sim_fail(a->s, a->node, "nothing is signed above the marker (4.2)",
                 "%s of height %" PRIu64 ", marker %" PRIu64, pbft_msg_name(a->m->type), height,
                 marker->height);
}

/* A block whose time is still to come is held until then (5.2): the wall clock of a node has once
 * shown a time at which it could vote. COMMIT goes by the PREPAREs of others. */
static void check_time_has_come(const struct sent *a, uint64_t height, const struct digest *digest)
{
    struct bytes whole;
    struct block block;
    if (height <= a->n->high.height)
        return; /* a base is voted for whatever the clock shows: a quorum has found it good (A5) */
    if (height <= a->n->height || !check_get_body(a->s, a->node, height, digest, &whole) ||
        block_decode(&block, whole) != BLOCK_OK)
        return;
    uint64_t latest_ms = sim_node_wall_most_ms(a->s, a->node) + a->s->plan.parameters.clock_skew_ms;
    if (block.header.time_ms > latest_ms)
        sim_fail(a->s, a->node, "a block waits until its time comes (5.2)",
                 "%s of height %" PRIu64 ", %" PRIu64 " ms too early", pbft_msg_name(a->m->type),
                 height, block.header.time_ms - latest_ms);
}

static void note_said(const struct sent *a, uint32_t kind, uint64_t epoch, uint64_t view,
                      uint64_t height)
{
    check_vote_of(a->s, a->node, kind, epoch, view, height)->members = 1;
}

static void check_vote(const struct sent *a)
{
    const struct statement *vote = &a->m->vote.statement;
    check_marked(a, vote->epoch, vote->view, vote->height);
    if (vote->kind == CERT_PREPARE)
        check_time_has_come(a, vote->height, &vote->digest);
    check_one_digest(a->s, a->node, vote->kind, vote->epoch, vote->view, vote->height,
                     &vote->digest);
    note_said(a, vote->kind, vote->epoch, vote->view, vote->height);
    /* Records go when their height is committed, and give way to those of a later view. */
    bool has_left = check_get_state(a->s, a->node).view > vote->view;
    if (!has_left && vote->height > a->n->height &&
        !is_recorded(a, "vote", vote, NULL, &a->m->vote.signature))
        fail(a, vote->height, "the vote is not on the disk");
    if (vote->kind == CERT_PREPARE)
        check_body_and_tip(a, vote->view, vote->height, &vote->digest);
    else
        check_covered(a, vote);
}

static void check_pre_prepare(const struct sent *a, const struct pbft_pre_prepare *p)
{
    struct statement of = {
        .epoch = p->epoch, .view = p->view, .height = p->block.height, .digest = p->block.digest};
    check_one_digest(a->s, a->node, CHECK_PRE_PREPARE, p->epoch, p->view, of.height, &of.digest);
    note_said(a, CHECK_PRE_PREPARE, p->epoch, p->view, of.height);
    check_marked(a, p->epoch, p->view, of.height);
    /* 5.1: the commits that a decision counted on are durable with it, or were before. */
    if (of.height > a->n->height + a->s->plan.parameters.pipeline_heights)
        sim_fail(a->s, a->node, "at most P heights are in flight (5.1)",
                 "it proposes %" PRIu64 ", its head is %" PRIu64, of.height, a->n->height);
    bool has_left = check_get_state(a->s, a->node).view > p->view;
    if (!has_left && of.height > a->n->height &&
        !is_recorded(a, "proposal", &of, &p->block.parent, &p->signature))
        fail(a, of.height, "the proposal is not on the disk");
    check_body_and_tip(a, p->view, of.height, &of.digest);
}

/* ---- view changes ---- */

/* A record that holds the very bytes; or it has gone on to a later view, and sends what it sent. */
static void check_view_record(const struct sent *a, const char *name, uint64_t view,
                              struct bytes message)
{
    struct bytes value;
    uint64_t on_disk = check_get_state(a->s, a->node).view;
    if (on_disk < view)
        fail(a, 0, "its view is not on the disk");
    if (on_disk == view && (!check_get(a->s, a->node, KV_VOTE, bytes_of_text(name), &value) ||
                            !bytes_equal(value, message)))
        fail(a, 0, "it is not on the disk");
}

/* One VIEW-CHANGE, and one NEW-VIEW, for each view, for ever (14.1). */
static void check_one_message(const struct sent *a, uint64_t epoch, uint64_t view,
                              struct bytes message)
{
    struct digest digest;
    digest_of(&digest, TAG_TEST, message);
    check_one_digest(a->s, a->node, CHECK_MESSAGES + (uint32_t)a->m->type, epoch, view, 0, &digest);
    check_marked(a, epoch, view, 0);
}

static void check_view_change(const struct sent *a, struct bytes message)
{
    const struct pbft_view_change *v = &a->m->view_change;
    check_view_record(a, "view_change", v->view, message);
    check_one_message(a, v->epoch, v->view, message);
    if (v->has_high)
        check_certificate(a->s, a->node, &v->high);
}

/* Anybody may pass one on. */
static void check_new_view(const struct sent *a, struct bytes message)
{
    const struct pbft_new_view *n = &a->m->new_view;
    check_view_record(a, "new_view", n->view, message);
    if (a->s->counts.views < n->view)
        a->s->counts.views = n->view;
    if (a->m->from == a->node)
        check_one_message(a, n->epoch, n->view, message);
}

static void check_complain(const struct sent *a)
{
    if (a->m->complain.view > check_get_state(a->s, a->node).view)
        fail(a, 0, "it complains about a view that is not on the disk");
}

static void check_on_chain(const struct sent *a, uint64_t height, const struct digest *digest)
{
    if (height > a->n->height || !digest_equal(digest, chain_digest(a, height)))
        fail(a, height, "it is not committed on the disk");
}

/* ---- checkpoints ---- */

/* The root of a height is the newest that is not above it: blocks that change nothing, as only a
 * Byzantine primary makes them, leave it as it was. */
static bool is_root_of(const struct sent *a, uint64_t height, const struct digest *root)
{
    uint8_t room[8];
    struct wr above = wr_of(room, sizeof room);
    struct bytes key, value;
    struct kv_cursor *cursor;
    wr_be64(&above, height + 1);
    if (kv_cursor_open(&cursor, a->n->view, KV_ROOT) != RC_OK)
        return false;
    enum rc rc = kv_cursor_seek_before(cursor, wr_bytes_of(&above), &key, &value);
    kv_cursor_close(cursor);
    return rc == RC_OK && bytes_equal(value, bytes_of(root->bytes, DIGEST_BYTES));
}

/* What is committed on the disk, with the root that the disk has for it; and everybody who signs a
 * height signs the same (8.1). */
static void check_checkpoint(const struct sent *a, const struct statement *s)
{
    check_on_chain(a, s->height, &s->digest);
    if (!is_root_of(a, s->height, &s->state_root))
        fail(a, s->height, "its root is not on the disk");
    check_saw_root(a->s, a->node, s->height, &s->state_root);
    check_count_checkpoint(a->s, s->height);
}

/* ---- where it stands ---- */

/* A STATUS says no more than is on the disk, and its counter stands for it alone. */
static void check_status(const struct sent *a, struct bytes message)
{
    const struct pbft_status *status = &a->m->status;
    struct check_node *n = a->n;
    if (status->committed_height > n->height)
        fail(a, status->committed_height, "that height is not on the disk");
    if (pbft_rank_compare(&status->high, &n->high) > 0)
        fail(a, status->high.height, "that high is not on the disk");
    if (status->view > check_get_state(a->s, a->node).view)
        fail(a, status->committed_height, "that view is not on the disk");
    bool is_same =
        status->counter == n->status_counter && bytes_equal(message, buf_bytes(&n->status));
    if (status->counter <= n->status_counter && !is_same)
        sim_fail(a->s, a->node, "STATUS counters rise for ever", "%" PRIu64 " after %" PRIu64,
                 status->counter, n->status_counter);
    n->status_counter = status->counter;
    buf_clear(&n->status);
    buf_add_bytes(&n->status, message);
    if (n->promised_height < status->committed_height)
        n->promised_height = status->committed_height;
}

/* ---- blocks ---- */

static void check_block_on_disk(const struct sent *a, const struct pbft_block *block,
                                struct bytes bytes)
{
    struct bytes body;
    if (!check_get_body(a->s, a->node, block->height, &block->digest, &body) ||
        !bytes_equal(body, bytes))
        fail(a, block->height, "the block is not on the disk");
    check_saw_body(a->s, block->height, bytes.size);
}

/* A range is committed, and what it is made of is on the disk. */
static void check_range(const struct sent *a, const struct pbft_data *d)
{
    const struct statement *c = &d->certificate.statement;
    struct certificate on_disk;
    for (uint32_t i = 0; i < d->blocks_count; i++) {
        check_on_chain(a, d->blocks[i].height, &d->blocks[i].digest);
        check_block_on_disk(a, &d->blocks[i], d->bytes[i]);
    }
    for (uint32_t i = 0; i < d->heads_count; i++)
        check_on_chain(a, d->heads[i].height, &d->heads[i].digest);
    check_on_chain(a, c->height, &c->digest);
    if (c->kind != CERT_COMMIT || !check_get_certificate(a->s, a->node, c->height, &on_disk) ||
        !statement_equal(c, &on_disk.statement))
        fail(a, c->height, "its certificate is not on the disk");
    check_certificate(a->s, a->node, &d->certificate);
}

static void check_data(const struct sent *a)
{
    const struct pbft_data *d = &a->m->data;
    if (d->kind == PBFT_FETCH_RANGE) {
        check_range(a, d);
        return;
    }
    check_block_on_disk(a, &d->blocks[0], d->bytes[0]);
    if (d->has_pre_prepare && d->pre_prepare_from == a->node)
        check_pre_prepare(a, &d->pre_prepare);
}

/* A piece is of the root that everybody signs for its height; that of the whole tree proves it. */
static void check_piece(const struct sent *a, const struct pbft_piece *p)
{
    struct rd r = rd_of(p->of.path);
    struct snapshot_path path;
    struct snapshot_piece piece;
    snapshot_path_decode(&r, &path);
    if (!rd_done(&r) || p->bytes.size > SNAPSHOT_PIECE_BYTES_MAX)
        fail(a, p->of.height, "it is no piece");
    if (p->bytes.size == 0)
        return;
    check_saw_root(a->s, a->node, p->of.height, &p->of.root);
    if (path.depth > 0)
        return;
    if (snapshot_judge(&piece, p->bytes, &path, &p->of.root) != SNAPSHOT_OK)
        fail(a, p->of.height, "it does not give its root");
    snapshot_piece_close(&piece);
}

/* ---- all ---- */

/* What a node signs it signs as itself. */
static void check_signer(const struct sent *a)
{
    if (a->m->from != a->node && a->m->type != PBFT_NEW_VIEW)
        sim_fail(a->s, a->node, "nodes speak for themselves", "%s from %u",
                 pbft_msg_name(a->m->type), a->m->from);
}

static void check_message(const struct sent *a, struct bytes message)
{
    struct tx tx;
    check_signer(a);
    if (a->m->type == PBFT_COMPLAIN && a->s->plan.byz.is_faultless)
        sim_fail(a->s, a->node, "without faults nobody complains, at any load", "view %" PRIu64,
                 a->m->complain.view);
    switch (a->m->type) {
    case PBFT_PRE_PREPARE:
        check_pre_prepare(a, &a->m->pre_prepare);
        check_block_on_disk(a, &a->m->pre_prepare.block, a->m->pre_prepare.bytes);
        break;
    case PBFT_PREPARE:
    case PBFT_COMMIT:
        check_vote(a);
        break;
    case PBFT_STATUS:
        check_status(a, message);
        break;
    case PBFT_DATA:
        check_data(a);
        break;
    case PBFT_QC:
        check_certificate(a->s, a->node, &a->m->qc);
        break;
    case PBFT_FORWARD:
        if (tx_decode(&tx, a->m->forward, &a->s->genesis.chain_id) != VERDICT_OK)
            fail(a, 0, "what is forwarded is no transaction");
        break;
    case PBFT_CHECKPOINT:
        check_checkpoint(a, &a->m->vote.statement);
        break;
    case PBFT_COMPLAIN:
        check_complain(a);
        break;
    case PBFT_VIEW_CHANGE:
        check_view_change(a, message);
        break;
    case PBFT_NEW_VIEW:
        check_new_view(a, message);
        break;
    case PBFT_EVIDENCE:
        check_evidence_sent(a->s, a->node, &a->m->evidence);
        break;
    case PBFT_FETCH:
    case PBFT_FETCH_PIECE:
        break; /* a question reveals nothing */
    case PBFT_PIECE:
        check_piece(a, &a->m->piece);
        break;
    default:
        fail(a, 0, "nobody sends this yet");
    }
}

void sim_check_sent(struct sim *s, uint32_t node_index, uint32_t to, struct bytes message)
{
    if (sim_is_byzantine(s, node_index))
        return;
    struct sim_checker *c = s->checker;
    struct sent sent = {s, node_index, &c->nodes[node_index], c->msg};
    struct buf *last = &sent.n->last_sent;
    if (to >= s->plan.members_count || to == node_index)
        sim_fail(s, node_index, "messages go to other members", "to %u", to);
    if (sim_is_faulty(s, node_index)) {
        sim_check_faulty_sent(s, node_index, message);
        return;
    }
    check_rates(s, node_index, to, message);
    if (bytes_equal(message, buf_bytes(last)))
        return; /* the same to the next one, and the disk is the same */
    if (message.size > PBFT_MSG_BYTES_MAX)
        sim_fail(s, node_index, "messages have bounds", "%zu bytes", message.size);
    if (!pbft_decode(c->msg, message, node_index, verify_block_head))
        sim_fail(s, node_index, "messages decode", "%zu bytes do not", message.size);
    check_message(&sent, message);
    buf_clear(last);
    buf_add_bytes(last, message);
}
