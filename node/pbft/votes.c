/* Counting votes and making certificates (PROTOCOL.md 3, 5.4, 5.6). */
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/state.h"

struct pbft_ballot *pbft_ballot(struct pbft_slot *slot, enum cert_kind kind, uint32_t from)
{
    CHECK(kind == CERT_PREPARE || kind == CERT_COMMIT);
    CHECK(from < MEMBERS_MAX);
    return &slot->ballots[kind == CERT_COMMIT][from];
}

static enum pbft_drop judge_vote(const struct pbft *p, uint32_t from, const struct statement *s)
{
    if (from >= p->config.members.members_count)
        return PBFT_DROP_NOT_A_MEMBER;
    if (s->kind == CERT_CHECKPOINT)
        return PBFT_DROP_NOT_YET;
    if (s->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (s->view != p->view)
        return PBFT_DROP_OTHER_VIEW;
    if (s->height <= p->committed.height)
        return PBFT_DROP_COMMITTED;
    return pbft_in_window(p, s->height) ? PBFT_KEEP : PBFT_DROP_OUT_OF_WINDOW;
}

/* How many members cast this very vote. */
static uint32_t count_equal(struct pbft *p, struct pbft_slot *slot, enum cert_kind kind,
                            const struct digest *digest)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->config.members.members_count; i++) {
        const struct pbft_ballot *b = pbft_ballot(slot, kind, i);
        count += b->is_cast && b->view == p->view && digest_equal(&b->digest, digest);
    }
    return count;
}

/* The first q equal votes in ascending order of signers. */
static void make_certificate(struct pbft *p, struct pbft_slot *slot, const struct statement *s,
                             struct certificate *out)
{
    memset(out, 0, sizeof *out);
    out->statement = *s;
    for (uint32_t i = 0; out->entries_count < p->quorum; i++) {
        CHECK(i < p->config.members.members_count);
        const struct pbft_ballot *b = pbft_ballot(slot, s->kind, i);
        if (!b->is_cast || b->view != s->view || !digest_equal(&b->digest, &s->digest))
            continue;
        struct cert_entry *entry = &out->entries[out->entries_count++];
        entry->member_index = (uint8_t)i;
        entry->signature = b->signature;
    }
}

enum pbft_drop pbft_on_vote(struct pbft *p, uint32_t from, const struct pbft_vote *vote)
{
    const struct statement *s = &vote->statement;
    enum pbft_drop drop = judge_vote(p, from, s);
    if (drop != PBFT_KEEP)
        return drop;

    struct pbft_slot *slot = pbft_slot_at(p, s->height);
    struct pbft_ballot *ballot = pbft_ballot(slot, s->kind, from);
    if (ballot->is_cast && ballot->view == s->view) /* 3.1: a signer's first vote counts */
        return digest_equal(&ballot->digest, &s->digest) ? PBFT_DROP_DUPLICATE : PBFT_DROP_CONFLICT;
    *ballot = (struct pbft_ballot){
        .is_cast = true, .view = s->view, .digest = s->digest, .signature = vote->signature};

    uint32_t count = count_equal(p, slot, s->kind, &s->digest);
    if (count == p->quorum) { /* true exactly once */
        struct certificate c;
        make_certificate(p, slot, s, &c);
        (void)pbft_on_certificate(p, &c); /* the vote counts, whatever becomes of it */
    }
    if (s->kind == CERT_PREPARE && count == p->faulty_max + 1)
        p->is_fetch_due = true; /* 5.7 */
    return PBFT_KEEP;
}

static enum pbft_drop judge_certificate(const struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    if (s->kind == CERT_CHECKPOINT)
        return PBFT_DROP_NOT_YET;
    if (s->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    return s->view > p->view ? PBFT_DROP_OTHER_VIEW : PBFT_KEEP; /* 7.7, in part four */
}

/* Two COMMIT certificates of one height over different blocks: more than f members lie. */
static bool is_contradicted(struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    struct pbft_slot *slot = pbft_slot_find(p, s->height);
    if (s->kind != CERT_COMMIT || slot == NULL || !slot->has_cqc)
        return false;
    if (digest_equal(&slot->cqc.statement.digest, &s->digest))
        return false;
    if (!p->is_alarmed) {
        p->top_cqc = *c; /* lives as long as the alarm's borrower needs it */
        pbft_alarm(p, &p->top_cqc, &slot->cqc);
    }
    return true;
}

void pbft_keep_cqc(struct pbft *p, const struct certificate *c)
{
    if (c->statement.height > p->top_cqc.statement.height)
        p->top_cqc = *c;
    if (!pbft_in_window(p, c->statement.height))
        return; /* try_execute puts the highest one in when the window has come that far */
    struct pbft_slot *slot = pbft_slot_at(p, c->statement.height);
    slot->has_cqc = true;
    slot->cqc = *c;
}

/* My signatures in it are votes of mine that a peer shows (4.2). */
static void judge_own_entry(struct pbft *p, const struct certificate *c)
{
    for (uint32_t i = 0; i < c->entries_count; i++)
        if (c->entries[i].member_index == p->config.own_index)
            pbft_on_own_vote(p, &c->statement);
}

enum pbft_drop pbft_on_certificate(struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    judge_own_entry(p, c);
    enum pbft_drop drop = judge_certificate(p, c);
    if (drop != PBFT_KEEP)
        return drop;
    if (is_contradicted(p, c))
        return PBFT_DROP_CONFLICT;

    pbft_raise_high(p, c); /* 5.4, whatever else: also from below the committed height */
    if (s->height <= p->committed.height)
        return PBFT_DROP_COMMITTED;
    if (s->kind == CERT_COMMIT) {
        pbft_keep_cqc(p, c);
        pbft_judge_own_chain(p, s->view, s->height, &s->digest);
    } else if (s->view == p->view && s->height > p->top_pqc.statement.height) {
        p->top_pqc = *c;
    }
    p->is_fetch_due = true;
    return PBFT_KEEP;
}

bool pbft_may_vote(const struct pbft *p)
{
    return p->mode == PBFT_NORMAL && !p->is_alarmed && !p->is_learner;
}

void pbft_cast(struct pbft *p, enum cert_kind kind, const struct pbft_block *block)
{
    struct pbft_vote vote = {.statement = {.kind = kind,
                                           .epoch = p->config.epoch,
                                           .view = p->view,
                                           .height = block->height,
                                           .digest = block->digest}};
    uint8_t room[STATEMENT_BYTES_MAX];
    struct pbft_slot *slot = pbft_slot_at(p, block->height);
    const struct pbft_ballot *own = pbft_ballot(slot, kind, p->config.own_index);

    /* Section 13, always: no vote in CHANGING, one digest per (kind,e,v,h), COMMIT covered by high.
     */
    CHECK(pbft_may_vote(p));
    CHECK(!own->is_cast || own->view < p->view);
    CHECK(kind != CERT_COMMIT || (p->has_high && p->high.statement.view == p->view &&
                                  p->high.statement.height >= block->height));

    size_t size = statement_signed_bytes(room, &vote.statement, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &vote.signature, bytes_of(room, size));
    pbft_put(p, PBFT_WRITE_VOTE)->vote = vote;
    pbft_put_send(p, PBFT_SEND_VOTE, PBFT_TO_ALL)->vote = vote;
    enum pbft_drop drop = pbft_on_vote(p, p->config.own_index, &vote);
    CHECK(drop == PBFT_KEEP);
}
