/* The invariants, held from outside. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/cluster.h"

enum { LAST_LINES_BYTES = 6000 };

_Noreturn void cluster_fail(struct cluster *c, uint32_t at, const char *property)
{
    size_t from = c->trace.size > LAST_LINES_BYTES ? c->trace.size - LAST_LINES_BYTES : 0;
    fprintf(stderr, "%.*s\nviolated at node %u, %llu ms, seed %llu: %s\n",
            (int)(c->trace.size - from), c->trace.data == NULL ? "" : (char *)c->trace.data + from,
            at, (unsigned long long)c->now_ms, (unsigned long long)c->options.seed, property);
    abort();
}

static void hold(struct cluster *c, uint32_t at, bool is_so, const char *property)
{
    if (!is_so)
        cluster_fail(c, at, property);
}

static bool block_equal(const struct pbft_block *a, const struct pbft_block *b)
{
    return a->height == b->height && digest_equal(&a->digest, &b->digest) &&
           digest_equal(&a->parent, &b->parent);
}

/* ---- writes ---- */

static void judge_state(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    const struct pbft_durable *d = &c->nodes[at].durable;
    struct pbft_view_of look;
    pbft_look(c->nodes[at].core, &look);
    hold(c, at, act->state.view >= d->view, "views only rise");
    bool is_same_view = act->state.view == d->view;
    hold(c, at, !is_same_view || !d->is_installed || act->state.is_installed,
         "a view stays installed");
    hold(c, at, !is_same_view || !d->is_spoiled || (act->state.is_spoiled && !act->state.has_tip),
         "a spoiled view stays spoiled, without tip (5.8)");
    if (!act->state.has_tip || !d->has_tip || !is_same_view)
        return;
    hold(c, at, act->state.tip.height >= d->tip.height, "tip only rises in a view");
    bool extends = act->state.tip.height == d->tip.height + 1 &&
                   digest_equal(&act->state.tip.parent, &d->tip.digest);
    bool is_a_commit = act->state.tip.height <= look.committed.height;
    hold(c, at, extends || is_a_commit || block_equal(&act->state.tip, &d->tip),
         "tip moves to its child, or by a commit (5.8)");
}

static void judge_commit(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    const struct pbft_block *block = &act->block;
    hold(c, at, block->height <= c->options.heights_max, "nothing is committed that nobody built");
    hold(c, at, block_equal(block, &c->blocks[cluster_number_of(&block->digest)].block),
         "a block is what it was built as");
    if (block->height <= c->chain_height)
        hold(c, at, block_equal(block, &c->chain[block->height]), "one block per height");
    hold(c, at, digest_equal(&block->parent, &c->chain[block->height - 1].digest),
         "parent(h) = digest(h-1)");
    if (act->certificate == NULL)
        return;
    const struct certificate *cert = act->certificate;
    hold(c, at, cert->statement.kind == CERT_COMMIT, "a commit has a CQC");
    hold(c, at, cert->statement.height == block->height, "a certificate is of its block's height");
    hold(c, at, digest_equal(&cert->statement.digest, &block->digest),
         "a certificate is of its block");
    hold(c, at, fake_verify_certificate(cert, c->options.members_count, &c->config.chain_id),
         "a certificate is valid");
}

/* One digest for each kind, view and height, over a whole life. */
static void judge_said(struct cluster *c, uint32_t at, struct cluster_place *place, int kind,
                       uint64_t view, const struct digest *digest)
{
    hold(c, at, view < CLUSTER_VIEWS_MAX, "views do not run away");
    struct cluster_said *said = &place->said[view];
    hold(c, at, !said->is_said[kind] || digest_equal(&said->digests[kind], digest),
         "one digest per kind, view and height, over a whole life");
    said->is_said[kind] = true;
    said->digests[kind] = *digest;
}

static void judge_vote(struct cluster *c, uint32_t at, const struct statement *s)
{
    const struct pbft_durable *d = &c->nodes[at].durable;
    hold(c, at, s->height <= c->options.heights_max, "votes name built heights");
    hold(c, at, s->height >= d->base.height, "nobody votes below the base of a view (7.4)");
    hold(c, at, s->view == d->view && d->mode == PBFT_NORMAL, "votes are of the view (13)");
    struct cluster_place *place = &c->nodes[at].places[s->height];
    struct pbft_view_of look;
    pbft_look(c->nodes[at].core, &look);
    hold(c, at, s->kind == CERT_COMMIT || s->height == d->base.height || d->is_installed,
         "nothing above the base is prepared before the view is installed");
    judge_said(c, at, place, s->kind == CERT_COMMIT, s->view, &s->digest);
}

void cluster_judge_write(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    const struct pbft_durable *d = &c->nodes[at].durable;
    if (act->type == PBFT_WRITE_STATE)
        judge_state(c, at, act);
    if (act->type == PBFT_WRITE_COMMIT)
        judge_commit(c, at, act);
    if (act->type == PBFT_WRITE_VOTE)
        judge_vote(c, at, &act->vote.statement);
    if (act->type == PBFT_WRITE_HIGH) {
        struct pbft_rank fresh = pbft_rank_of(act->certificate), old = pbft_rank_of(&d->high);
        /* Two acts of one step lend the same certificate: the highest of that step. */
        hold(c, at, !d->has_high || pbft_rank_compare(&fresh, &old) >= 0, "high never falls");
        hold(c, at,
             fake_verify_certificate(act->certificate, c->options.members_count,
                                     &c->config.chain_id),
             "high is valid");
    }
    if (act->type == PBFT_WRITE_PRE_PREPARE) {
        judge_said(c, at, &c->nodes[at].places[act->block.height], 2, act->pre_prepare.view,
                   &act->block.digest);
    }
    hold(c, at, act->type != PBFT_WRITE_ALARM && act->type != PBFT_ALARM,
         "no alarm among correct nodes");
    hold(c, at, act->type != PBFT_DIVERGED, "equal chains have equal states");
    hold(c, at, act->type != PBFT_WRITE_LEARNER, "no vote of a correct node is forgotten");
}

/* ---- sends: rule 4 ---- */

static bool has_body(const struct cluster_place *place, const struct digest *digest)
{
    for (uint32_t i = 0; i < place->bodies_count; i++)
        if (digest_equal(&place->bodies[i].digest, digest))
            return true;
    return place->is_committed && digest_equal(&place->committed.digest, digest);
}

static void judge_vote_sent(struct cluster *c, uint32_t at, const struct pbft_vote *vote)
{
    struct cluster_node *node = &c->nodes[at];
    const struct statement *s = &vote->statement;
    struct cluster_place *place = &node->places[s->height];
    int kind = s->kind == CERT_COMMIT;
    hold(c, at, place->has_vote[kind], "a vote is durable before it is sent");
    hold(c, at, statement_equal(&place->votes[kind].statement, s), "the durable vote is the sent");
    hold(c, at,
         memcmp(vote->signature.bytes, place->votes[kind].signature.bytes, SIGNATURE_BYTES) == 0,
         "a vote is sent again byte-identical");
    if (s->kind == CERT_PREPARE) {
        hold(c, at, has_body(place, &s->digest), "PREPARE: its body is durable");
        bool is_tip = node->durable.has_tip && node->durable.tip.height >= s->height;
        /* A spoiled view has no tip any more (5.8); what was said in it before is said again. */
        hold(c, at, is_tip || node->durable.is_spoiled || node->durable.view > s->view,
             "PREPARE: tip is durable");
        return;
    }
    const struct statement *high = &node->durable.high.statement;
    hold(c, at, node->durable.has_high, "COMMIT: high is durable");
    hold(c, at, high->view > s->view || (high->view == s->view && high->height >= s->height),
         "COMMIT: high covers it");
    struct digest digest = s->digest;
    for (uint64_t height = s->height; height > node->base_height; height--) { /* 9.3 */
        hold(c, at, has_body(&node->places[height], &digest), "COMMIT: all bodies are durable");
        digest = c->blocks[cluster_number_of(&digest)].block.parent;
    }
}

static void judge_fetch(struct cluster *c, uint32_t at, uint32_t to)
{
    struct cluster_node *node = &c->nodes[at];
    uint32_t count = 0;
    hold(c, at, c->now_ms >= node->fetching_until_ms[to], "one FETCH in flight per peer (9.4)");
    node->fetching_until_ms[to] = c->now_ms + c->config.status_ms;
    for (uint32_t i = 0; i < c->options.members_count; i++)
        count += c->now_ms < node->fetching_until_ms[i];
    hold(c, at, count <= 8, "8 FETCHes in flight in all (16)");
}

static bool is_same_view_change(const struct pbft_view_change *a, const struct pbft_view_change *b)
{
    return a->view == b->view &&
           memcmp(a->signature.bytes, b->signature.bytes, SIGNATURE_BYTES) == 0;
}

void cluster_judge_send(struct cluster *c, uint32_t at, const struct pbft_act *act)
{
    const struct cluster_node *node = &c->nodes[at];
    if (act->type == PBFT_SEND_VOTE && act->vote.statement.kind == CERT_CHECKPOINT)
        hold(c, at, act->vote.statement.height <= node->durable.committed.height,
             "CHECKPOINT: its state is durable");
    else if (act->type == PBFT_SEND_VOTE)
        judge_vote_sent(c, at, &act->vote);
    if (act->type == PBFT_SEND_PRE_PREPARE) {
        const struct cluster_place *place = &node->places[act->block.height];
        hold(c, at, place->has_pre_prepare, "a PRE-PREPARE is durable before it is sent");
        hold(c, at, digest_equal(&place->pre_prepare.block.digest, &act->block.digest),
             "the durable PRE-PREPARE is the sent one");
        hold(c, at, has_body(place, &act->block.digest), "PRE-PREPARE: its body is durable");
    }
    if (act->type == PBFT_SEND_STATUS)
        hold(c, at, act->status.committed_height <= node->durable.committed.height,
             "STATUS tells of durable commits only");
    if (act->type == PBFT_SEND_RANGE)
        hold(c, at, act->height >= 1 && act->height <= node->durable.committed.height,
             "a range begins at a committed height");
    if (act->type == PBFT_SEND_FETCH)
        judge_fetch(c, at, act->to);
    if (act->type == PBFT_SEND_VIEW_CHANGE) {
        hold(c, at, node->has_view_change, "a VIEW-CHANGE is durable before it is sent");
        hold(c, at, is_same_view_change(&node->view_change, act->view_change),
             "one VIEW-CHANGE per view, byte for byte (14.1)");
        hold(c, at, node->durable.view >= act->view_change->view, "its view is durable");
        hold(c, at, act->view_change->view == node->durable.view, "none of a lower view (4.1)");
    }
    if (act->type == PBFT_SEND_NEW_VIEW)
        /* One that is passed on may be of the view that this step leaves. */
        hold(c, at, node->has_new_view && node->durable.view >= act->new_view->view,
             "a NEW-VIEW and its view are durable before it is sent");
}

/* ---- after each step ---- */

void cluster_judge_step(struct cluster *c, uint32_t at)
{
    const struct cluster_node *node = &c->nodes[at];
    struct pbft_view_of look;
    pbft_look(node->core, &look);
    hold(c, at, block_equal(&look.committed, &node->durable.committed),
         "what is committed is durable at the end of its step");
    hold(c, at, !look.has_high || look.high.view <= look.view, "high.view <= view");
    hold(c, at, look.has_tip || look.view > 0 || c->options.has_liars,
         "correct nodes keep their tip in view 0");
    hold(c, at, !look.has_tip || look.tip.height >= look.committed.height || !look.is_installed,
         "tip is not below what is committed");
    hold(c, at, look.stable_height <= look.committed.height, "stable <= applied <= committed");
    hold(c, at, look.mode == PBFT_NORMAL || !look.has_tip, "no tip while CHANGING");
    if (look.is_primary && look.has_tip && look.is_installed)
        hold(c, at, look.tip.height <= look.committed.height + c->config.pipeline_heights,
             "at most P heights in flight (5.1)");
}
