/* The checker's calls at a landing and at a start: what is new on a disk, against all others. */
#include "tests/sim/checker_parts.h"

#include <inttypes.h>
#include <string.h>

#include "ledger/block.h"

/* ---- opening and closing ---- */

void sim_checker_open(struct sim *s)
{
    s->checker = mem_alloc(sizeof *s->checker);
    s->checker->msg = mem_alloc(sizeof *s->checker->msg);
    s->checker->model = model_new(&s->genesis);
    check_chain_open(s);
}

void sim_checker_close(struct sim *s)
{
    struct sim_checker *c = s->checker;
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        struct check_node *n = &c->nodes[i];
        if (n->view != NULL)
            kv_view_close(n->view);
        check_map_free(&n->votes);
        buf_free(&n->status);
        buf_free(&n->last_sent);
    }
    check_map_free(&c->commits);
    mem_free(c->body_bytes);
    check_map_free(&c->txids);
    check_map_free(&c->acknowledged);
    check_map_free(&c->forwards);
    check_map_free(&c->rejected);
    check_map_free(&c->roots);
    model_free(c->model);
    mem_free(c->chain);
    mem_free(c->msg);
    mem_free(c);
    s->checker = NULL;
}

static void renew_view(struct sim *s, uint32_t node)
{
    struct check_node *n = &s->checker->nodes[node];
    struct why why = {{0}};
    enum rc rc = n->view == NULL ? kv_view_open(&n->view, s->nodes[node].kv, &why)
                                 : kv_view_renew(n->view, &why);
    if (rc != RC_OK)
        sim_fail(s, node, "a disk can be read", "%s", why.text);
    buf_clear(&n->last_sent);
}

/* ---- the chain on a disk ---- */

/* The height of the snapshot that this node stands on, or stood; 0: it never took one. Blocks at or
 * below it may come later (9.3). */
static uint64_t snapshot_height(struct sim *s, uint32_t node)
{
    struct bytes value;
    struct block_header header;
    if (!check_get(s, node, KV_META, bytes_of_text("history"), &value))
        return 0;
    struct rd r = rd_of(value);
    block_header_decode(&r, &header);
    if (r.failed)
        sim_fail(s, node, "a store has a history", "\"history\" is malformed");
    return header.height;
}

/* False: it is below a snapshot, and not here. */
static bool has_height(struct sim *s, uint32_t node, uint64_t height, uint64_t snapshot)
{
    uint8_t room[8];
    struct wr key = wr_of(room, sizeof room);
    struct bytes value;
    struct digest digest;
    if (height > snapshot)
        return true;
    wr_be64(&key, height);
    if (!check_get(s, node, KV_CHAIN, wr_bytes_of(&key), &value) || value.size != DIGEST_BYTES)
        return false;
    memcpy(digest.bytes, value.data, DIGEST_BYTES);
    if (height > check_height(s) || !digest_equal(&digest, &s->checker->chain[height].digest))
        sim_fail(s, node, "a snapshot is of the one chain", "height %" PRIu64, height);
    return check_get_body(s, node, height, &digest, &value);
}

static struct digest chain_digest(struct sim *s, uint32_t node, uint64_t height)
{
    uint8_t room[8];
    struct wr key = wr_of(room, sizeof room);
    struct bytes value;
    struct digest digest = {{0}};
    wr_be64(&key, height);
    if (!check_get(s, node, KV_CHAIN, wr_bytes_of(&key), &value) || value.size != DIGEST_BYTES)
        sim_fail(s, node, "the chain has no holes", "height %" PRIu64, height);
    memcpy(digest.bytes, value.data, DIGEST_BYTES);
    return digest;
}

/* The body on this disk is the one that the digest names. */
static void read_block(struct sim *s, uint32_t node, uint64_t height, const struct digest *digest,
                       struct block *out)
{
    struct bytes whole;
    if (!check_get_body(s, node, height, digest, &whole))
        sim_fail(s, node, "a committed block has its body", "height %" PRIu64, height);
    if (block_decode(out, whole) != BLOCK_OK || out->header.height != height ||
        !digest_equal(&out->digest, digest) || block_judge_body(out, NULL) != BLOCK_OK)
        sim_fail(s, node, "a body gives its header", "height %" PRIu64, height);
}

/* A COMMIT certificate on a disk is a good one, for the block that stands there. */
static void check_certificate_at(struct sim *s, uint32_t node, uint64_t height,
                                 const struct digest *digest)
{
    struct certificate c;
    if (!check_get_certificate(s, node, height, &c))
        return; /* an ancestor of a certified block */
    check_certificate(s, node, &c);
    if (c.statement.kind != CERT_COMMIT || c.statement.height != height ||
        !digest_equal(&c.statement.digest, digest))
        sim_fail(s, node, "a certificate names its block", "height %" PRIu64, height);
}

/* One block per height: everybody's is that of whoever was first. */
static void check_one_block(struct sim *s, uint32_t node, uint64_t height)
{
    struct digest digest = chain_digest(s, node, height);
    struct block block;
    read_block(s, node, height, &digest, &block);
    if (height > check_height(s))
        check_chain_add(s, node, &block);
    if (!digest_equal(&digest, &s->checker->chain[height].digest))
        sim_fail(s, node, "one block per height", "height %" PRIu64 " differs from the others'",
                 height);
    check_certificate_at(s, node, height, &digest);
}

/* A disk's head never goes back, and is the last block of its chain. */
static void check_chain_on_disk(struct sim *s, uint32_t node)
{
    struct check_node *n = &s->checker->nodes[node];
    struct bytes value;
    struct digest digest;
    if (!check_get(s, node, KV_META, bytes_of_text("head"), &value))
        sim_fail(s, node, "a store has a head", "there is none");
    struct rd r = rd_of(value);
    uint64_t height = rd_u64(&r);
    rd_copy(&r, digest.bytes, DIGEST_BYTES);
    if (r.failed || height < n->height)
        sim_fail(s, node, "heights never go back", "from %" PRIu64 " to %" PRIu64, n->height,
                 height);
    uint64_t snapshot = snapshot_height(s, node);
    s->counts.snapshots_joined += snapshot > n->snapshot_height;
    n->snapshot_height = snapshot;
    for (uint64_t h = n->height + 1; h <= height; h++)
        if (has_height(s, node, h, snapshot))
            check_one_block(s, node, h);
    n->height = height;
    check_certified(s, node, height);
    if (!digest_equal(&digest, &s->checker->chain[height].digest))
        sim_fail(s, node, "the head is the last block", "height %" PRIu64, height);
}

/* The state of a height has one root, on whichever disk: the chain alone decides it. */
static void check_root(struct sim *s, uint32_t node)
{
    struct bytes value;
    struct digest root;
    if (!check_get(s, node, KV_META, bytes_of_text("derived"), &value))
        return;
    struct rd r = rd_of(value);
    uint64_t height = rd_u64(&r);
    (void)rd_u64(&r); /* the tree's version */
    rd_copy(&r, root.bytes, DIGEST_BYTES);
    if (r.failed)
        sim_fail(s, node, "a store has a state", "its record is malformed");
    check_saw_root(s, node, height, &root);
}

/* ---- the vote records on a disk ---- */

/* "vote" be64 kind -> epoch | view | digest | signature; "proposal" be64 -> epoch | view | digest |
 * parent | signature. Each joins the one digest per place. */
static void check_record(struct sim *s, uint32_t node, bool is_vote, struct bytes key,
                         struct bytes value)
{
    struct rd k = rd_of(key), v = rd_of(value);
    struct statement statement = {.kind = CERT_PREPARE};
    struct signature signature;
    statement.height = rd_be64(&k);
    if (is_vote)
        statement.kind = (enum cert_kind)rd_u8(&k);
    statement.epoch = rd_u64(&v);
    statement.view = rd_u64(&v);
    rd_copy(&v, statement.digest.bytes, DIGEST_BYTES);
    if (!is_vote)
        (void)rd_take(&v, DIGEST_BYTES); /* the parent */
    rd_copy(&v, signature.bytes, SIGNATURE_BYTES);
    bool is_kind = statement.kind == CERT_PREPARE || statement.kind == CERT_COMMIT;
    if (!rd_done(&k) || !rd_done(&v) || !is_kind)
        sim_fail(s, node, "a disk holds vote records", "one is malformed");
    check_one_digest(s, node, is_vote ? statement.kind : CHECK_PRE_PREPARE, statement.epoch,
                     statement.view, statement.height, &statement.digest);
}

static void check_records(struct sim *s, uint32_t node, const char *name, bool is_vote)
{
    struct bytes prefix = bytes_of_text(name), key, value;
    struct kv_cursor *cursor;
    enum rc rc = kv_cursor_open(&cursor, s->checker->nodes[node].view, KV_VOTE);
    if (rc != RC_OK)
        sim_fail(s, node, "a disk can be read", "%s", rc_text(rc));
    for (rc = kv_cursor_seek(cursor, prefix, &key, &value);
         rc == RC_OK && bytes_has_prefix(key, prefix); rc = kv_cursor_next(cursor, &key, &value))
        check_record(s, node, is_vote, bytes_of(key.data + prefix.size, key.size - prefix.size),
                     value);
    kv_cursor_close(cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        sim_fail(s, node, "a disk gives back what was written", "%s", rc_text(rc));
}

/* The rank of high never falls, its view is not above the node's, and it is a good certificate. */
static void check_high(struct sim *s, uint32_t node)
{
    struct check_node *n = &s->checker->nodes[node];
    struct bytes value;
    struct certificate c;
    if (!check_get(s, node, KV_VOTE, bytes_of_text("high"), &value)) {
        if (n->high.height > 0)
            sim_fail(s, node, "the rank of high never falls", "it is gone");
        return;
    }
    struct rd r = rd_of(value);
    cert_decode(&r, &c);
    if (!rd_done(&r) || c.statement.kind == CERT_CHECKPOINT)
        sim_fail(s, node, "a disk holds vote records", "\"high\" is malformed");
    struct pbft_rank rank = pbft_rank_of(&c);
    int order = pbft_rank_compare(&rank, &n->high);
    if (order < 0)
        sim_fail(s, node, "the rank of high never falls",
                 "from height %" PRIu64 " to height %" PRIu64, n->high.height, rank.height);
    if (order == 0)
        return;
    check_certificate(s, node, &c);
    if (rank.view > check_get_state(s, node).view)
        sim_fail(s, node, "high is not of a higher view", "view %" PRIu64, rank.view);
    n->high = rank;
    n->high_digest = c.statement.digest;
}

/* Up to where the key may have signed (4.2): never lower than before, nor than the marker. */
static void check_reservation(struct sim *s, uint32_t node)
{
    struct check_node *n = &s->checker->nodes[node];
    struct bytes value;
    struct pbft_rank rank = {0};
    if (check_get(s, node, KV_VOTE, bytes_of_text("reserved"), &value)) {
        struct rd r = rd_of(value);
        rank.epoch = rd_u64(&r);
        rank.view = rd_u64(&r);
        rank.height = rd_u64(&r);
        if (!rd_done(&r))
            sim_fail(s, node, "a disk holds vote records", "\"reserved\" is malformed");
    }
    if (pbft_rank_compare(&rank, &n->reserved) < 0)
        sim_fail(s, node, "the reservation never falls", "from height %" PRIu64 " to %" PRIu64,
                 n->reserved.height, rank.height);
    n->reserved = rank;
    sim_check_marker(s, node, &s->nodes[node].marker);
}

void sim_check_marker(struct sim *s, uint32_t node_index, const struct pbft_rank *marker)
{
    if (sim_is_byzantine(s, node_index))
        return;
    const struct check_node *n = &s->checker->nodes[node_index];
    if (sim_is_faulty(s, node_index))
        return;
    if (pbft_rank_compare(marker, &n->reserved) > 0)
        sim_fail(s, node_index, "the marker is not above the store's reservation (4.2)",
                 "%" PRIu64 ", reserved %" PRIu64, marker->height, n->reserved.height);
}

/* At most f members lie, so nobody has reason to stop voting for good (4.2, 13). */
static void check_no_alarm(struct sim *s, uint32_t node)
{
    static const char *const names[] = {"learner", "alarm"};
    struct bytes value;
    if (s->plan.byz.is_marked)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (check_get(s, node, KV_VOTE, bytes_of_text(names[i]), &value))
            sim_fail(s, node, "nobody stops voting among honest nodes", "\"%s\" is on its disk",
                     names[i]);
}

/* What that batch's turn sends was decided partly before its view was installed, partly after. */
static void note_view(struct sim *s, uint32_t node)
{
    struct check_node *n = &s->checker->nodes[node];
    struct check_state state = check_get_state(s, node);
    n->is_view_new = state.view != n->in_view || state.is_installed != n->is_installed;
    n->in_view = state.view;
    n->is_installed = state.is_installed;
}

void sim_check_landed(struct sim *s, uint32_t node_index)
{
    if (sim_is_faulty(s, node_index) || sim_is_byzantine(s, node_index))
        return;
    renew_view(s, node_index);
    check_chain_on_disk(s, node_index);
    check_root(s, node_index);
    check_records(s, node_index, "vote", true);
    check_records(s, node_index, "proposal", false);
    check_high(s, node_index);
    check_reservation(s, node_index);
    check_no_alarm(s, node_index);
    check_evidence_on_disk(s, node_index);
    note_view(s, node_index);
}

/* ---- a start ---- */

/* A node starts where its disk is, and that is not below anything it has told anybody. */
void sim_check_start(struct sim *s, uint32_t node_index)
{
    struct driver_look look;
    if (sim_is_byzantine(s, node_index))
        return;
    const struct check_node *n = &s->checker->nodes[node_index];
    if (sim_is_faulty(s, node_index))
        return;
    sim_check_landed(s, node_index);
    driver_look(s->nodes[node_index].driver, &look);
    if (look.core.committed.height != n->height || look.durable_height != n->height ||
        !digest_equal(&look.core.committed.digest, &s->checker->chain[n->height].digest))
        sim_fail(s, node_index, "a node starts where its disk is",
                 "committed %" PRIu64 ", durable %" PRIu64 ", on disk %" PRIu64,
                 look.core.committed.height, look.durable_height, n->height);
    if (look.durable_height < n->promised_height)
        sim_fail(s, node_index, "nothing that was told is forgotten",
                 "it starts at %" PRIu64 ", and has told of %" PRIu64, look.durable_height,
                 n->promised_height);
}
