/* What is still demanded of a node whose store has lied: that it does not vote against its own
 * word, and that what it says does not deceive the checker about the others. */
#include <inttypes.h>

#include "ledger/receipt.h"
#include "node/pbft/wire.h"
#include "tests/sim/checker_parts.h"

void sim_check_lied(struct sim *s, uint32_t node_index)
{
    struct check_node *n = &s->checker->nodes[node_index];
    kv_view_close(n->view);
    n->view = NULL;
}

/* One digest for each place, of all that it ever sent. What it had only written down it may have
 * forgotten. */
static void check_own_word(struct sim *s, uint32_t node, uint32_t kind, uint64_t epoch,
                           uint64_t view, uint64_t height, const struct digest *digest)
{
    if (s->nodes[node].is_fenced)
        sim_fail(s, node, "a key that is fenced signs nothing (4.2)",
                 "a vote or proposal of height %" PRIu64, height);
    struct check_value *value = check_vote_of(s, node, kind, epoch, view, height);
    if (value->members == 0 && !digest_equal(&value->digest, digest)) {
        value->digest = *digest;
        if (kind == CERT_COMMIT)
            check_saw_commit(s, node, epoch, view, height, digest);
    }
    value->members = 1;
    if (digest_equal(&value->digest, digest))
        return;
    /* A primary that forgot its last proposal within one reservation cannot know (README). */
    if (s->plan.has_view_change)
        s->counts.own_word_broken++;
    else
        sim_fail(s, node, "a store that lies makes nobody vote twice",
                 "two votes of kind %u in view %" PRIu64 " at height %" PRIu64, kind, view, height);
}

static void take_certificate(struct sim *s, const struct certificate *c)
{
    if (cert_verify(c, &s->genesis.chain_id, &s->genesis.member_table) == CERT_OK)
        check_saw_certificate(s, c);
}

static void take_data(struct sim *s, uint32_t node, const struct pbft_data *d)
{
    const struct pbft_pre_prepare *p = &d->pre_prepare;
    for (uint32_t i = 0; i < d->blocks_count; i++)
        check_saw_body(s, d->blocks[i].height, d->bytes[i].size);
    if (d->kind == PBFT_FETCH_RANGE)
        take_certificate(s, &d->certificate);
    if (d->has_pre_prepare && d->pre_prepare_from == node)
        check_own_word(s, node, CHECK_PRE_PREPARE, p->epoch, p->view, p->block.height,
                       &p->block.digest);
}

/* Its disk is not looked at any more, but it commits by certificates like the others, may be the
 * first that does, and as the primary goes on from there (5.1). */
static void note_height(struct sim *s, uint32_t node)
{
    struct driver_look look;
    driver_look(s->nodes[node].driver, &look);
    if (look.core.committed.height > s->checker->faulty_height)
        s->checker->faulty_height = look.core.committed.height;
}

void sim_check_faulty_sent(struct sim *s, uint32_t node_index, struct bytes message)
{
    struct pbft_msg *m = s->checker->msg;
    const struct statement *vote = &m->vote.statement;
    const struct pbft_pre_prepare *p = &m->pre_prepare;
    if (!pbft_decode(m, message, node_index, verify_block_head))
        sim_fail(s, node_index, "messages decode", "%zu bytes do not", message.size);
    switch (m->type) {
    case PBFT_PREPARE:
    case PBFT_COMMIT:
        check_own_word(s, node_index, vote->kind, vote->epoch, vote->view, vote->height,
                       &vote->digest);
        break;
    case PBFT_PRE_PREPARE:
        note_height(s, node_index);
        check_saw_body(s, p->block.height, p->bytes.size);
        check_own_word(s, node_index, CHECK_PRE_PREPARE, p->epoch, p->view, p->block.height,
                       &p->block.digest);
        break;
    case PBFT_DATA:
        note_height(s, node_index);
        take_data(s, node_index, &m->data);
        break;
    case PBFT_QC:
        take_certificate(s, &m->qc);
        break;
    default:
        break;
    }
}

/* A receipt carries its proof; what has none is not believed. */
bool sim_check_faulty_answer(struct sim *s, uint32_t node_index, const struct driver_answer *answer)
{
    struct receipt receipt;
    struct buf bytes = {0};
    struct why why = {{0}};
    if (answer->outcome != DRIVER_COMMITTED)
        return false;
    enum rc rc = receipt_make(&bytes, s->nodes[node_index].store, &answer->place, &why);
    if (rc == RC_OK)
        rc = receipt_verify(&receipt, buf_bytes(&bytes), &s->genesis.chain_id,
                            &s->genesis.member_table, &why);
    bool is_believed = rc == RC_OK && digest_equal(&receipt.tx.id, &answer->txid);
    if (is_believed)
        check_map_put(&s->checker->acknowledged, &answer->txid)->place =
            (struct place){.height = receipt.header.height, .tx_index = receipt.tx_index};
    if (is_believed)
        check_acknowledged_height(s, receipt.header.height);
    buf_free(&bytes);
    return is_believed;
}
