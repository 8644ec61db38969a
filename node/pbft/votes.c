/* Counting votes and making certificates (PROTOCOL.md 3, 5.4, 5.6). */
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/state.h"

struct pbft_ballot *pbft_ballot(struct pbft_slot *slot, enum cert_kind kind, uint32_t from)
{
    CHECK(kind == CERT_PREPARE || kind == CERT_COMMIT);
    CHECK(from < MEMBERS_MAX);
    return &slot->ballots[from][kind == CERT_COMMIT];
}

/* Rule 3.3: a certificate of this kind, of this very block or of one built on it, is here. A vote
 * for another block than the certified one is no vote beyond a quorum. */
static bool is_beyond_quorum(const struct pbft *p, const struct statement *s)
{
    /* The base is committed once more in its view, whatever commits it already (7.4). */
    if (s->kind == CERT_COMMIT && !p->is_installed)
        return false;
    return pbft_is_covered(p, s->kind, s->height, &s->digest);
}

/* 3.1: a signer's first vote counts. The second, different one is told apart before anything is
 * found not to be needed: it is evidence. */
static enum pbft_drop judge_ballot(const struct pbft *p, uint32_t from, const struct statement *s)
{
    struct pbft_slot *slot = pbft_slot_find(p, s->height);
    if (slot == NULL)
        return PBFT_KEEP;
    const struct pbft_ballot *ballot = pbft_ballot(slot, s->kind, from);
    if (!ballot->is_cast || ballot->view != s->view)
        return PBFT_KEEP;
    return digest_equal(&ballot->digest, &s->digest) ? PBFT_DROP_DUPLICATE : PBFT_DROP_CONFLICT;
}

enum pbft_drop pbft_judge_vote(const struct pbft *p, uint32_t from, const struct statement *s)
{
    if (from >= p->config.members.members_count)
        return PBFT_DROP_NOT_A_MEMBER;
    if (s->kind == CERT_CHECKPOINT)
        return PBFT_DROP_NOT_YET;
    if (s->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (s->view != p->view)
        return PBFT_DROP_OTHER_VIEW;
    if (!pbft_is_votable(p, s->height))
        return s->height <= p->committed.height ? PBFT_DROP_COMMITTED : PBFT_DROP_OUT_OF_WINDOW;
    enum pbft_drop drop = judge_ballot(p, from, s);
    if (drop != PBFT_KEEP)
        return drop;
    return is_beyond_quorum(p, s) ? PBFT_DROP_NOT_NEEDED : PBFT_KEEP;
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

/* Requires: the first of this signer, kind and place. */
static void count_vote(struct pbft *p, uint32_t from, const struct pbft_vote *vote)
{
    const struct statement *s = &vote->statement;
    struct pbft_slot *slot = pbft_slot_at(p, s->height);
    *pbft_ballot(slot, s->kind, from) = (struct pbft_ballot){
        .is_cast = true, .view = s->view, .digest = s->digest, .signature = vote->signature};
    uint32_t count = count_equal(p, slot, s->kind, &s->digest);
    if (count == p->quorum) { /* true exactly once */
        struct certificate c;
        make_certificate(p, slot, s, &c);
        (void)pbft_on_certificate(p, &c); /* the vote counts, whatever becomes of it */
    }
    if (s->kind == CERT_PREPARE && count == p->faulty_max + 1)
        p->is_fetch_due = true; /* 5.7 */
}

enum pbft_drop pbft_on_vote(struct pbft *p, uint32_t from, const struct pbft_vote *vote)
{
    enum pbft_drop drop = pbft_judge_vote(p, from, &vote->statement);
    if (drop == PBFT_KEEP || drop == PBFT_DROP_CONFLICT)
        pbft_find_votes(p, from, vote);
    if (drop == PBFT_KEEP)
        count_vote(p, from, vote);
    return drop;
}

/* Two COMMIT certificates that disagree on a height: more than f members lie. Both may be of that
 * height, or the other one covers it from above: then it was committed. */
static bool is_contradicted(const struct pbft *p, const struct statement *s)
{
    const struct statement *top = &p->top_cqc.statement;
    const struct pbft_slot *slot = pbft_slot_find(p, s->height);
    if (s->kind != CERT_COMMIT)
        return false;
    bool has_top = p->top_cqc.entries_count > 0;
    if (has_top && top->height == s->height && !digest_equal(&top->digest, &s->digest))
        return true;
    if (slot == NULL)
        return false;
    return (slot->has_cqc && !digest_equal(&slot->cqc.statement.digest, &s->digest)) ||
           (slot->is_committed && !digest_equal(&slot->committed, &s->digest));
}

/* The nearest COMMIT certificate at or above a height; the highest one where no slot has any. */
static const struct certificate *certificate_above(const struct pbft *p, uint64_t height)
{
    for (uint64_t at = height; at <= p->top_cqc.statement.height; at++) {
        const struct pbft_slot *slot = pbft_slot_find(p, at);
        if (slot == NULL)
            break;
        if (slot->has_cqc)
            return &slot->cqc;
    }
    return &p->top_cqc;
}

enum pbft_drop pbft_on_contradiction(struct pbft *p, const struct certificate *c)
{
    CHECK(c->statement.kind == CERT_COMMIT);
    CHECK(c->statement.height <= p->committed.height);
    pbft_on_own_entries(p, c);
    pbft_find_votes_in(p, c);
    pbft_alarm(p, c, NULL);
    return PBFT_DROP_CONFLICT;
}

/* A certificate that raises nothing: not high, not what is certified. */
static bool is_known_certificate(const struct pbft *p, const struct statement *s)
{
    bool is_prepare = s->kind == CERT_PREPARE;
    const struct certificate *top = is_prepare ? &p->top_pqc : &p->top_cqc;
    if (is_prepare && s->view != p->view)
        return true;
    if (!pbft_is_votable(p, s->height))
        return s->height <= top->statement.height;
    if (is_prepare) /* what a nearer one covers, that one can do */
        return s->height < p->commit_next_height || is_beyond_quorum(p, s);
    const struct pbft_slot *slot = pbft_slot_find(p, s->height);
    return slot != NULL && slot->has_cqc;
}

/* 6.1: it tells that this view is installed, or may when its NEW-VIEW comes. */
static bool installs(const struct pbft *p, const struct statement *s)
{
    return s->kind == CERT_COMMIT && s->view == p->view && !p->is_installed &&
           (!p->has_view_cqc || s->height > p->view_cqc_height);
}

enum pbft_drop pbft_judge_certificate(const struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    if (s->kind == CERT_CHECKPOINT)
        return PBFT_DROP_NOT_YET;
    if (s->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (is_contradicted(p, s))
        return PBFT_DROP_CONFLICT;
    if (pbft_raises_high(p, c) || installs(p, s))
        return PBFT_KEEP; /* 5.4, whatever else: also from below the committed height */
    if (!pbft_is_votable(p, s->height) && s->height <= p->committed.height)
        return PBFT_DROP_COMMITTED;
    return is_known_certificate(p, s) ? PBFT_DROP_NOT_NEEDED : PBFT_KEEP;
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

void pbft_keep_pqc(struct pbft *p, const struct certificate *c)
{
    CHECK(c->statement.view == p->view);
    if (p->top_pqc.entries_count == 0 || c->statement.height > p->top_pqc.statement.height)
        p->top_pqc = *c;
    if (!pbft_is_votable(p, c->statement.height))
        return; /* try_commit_vote puts the highest one in when the window has come that far */
    struct pbft_slot *slot = pbft_slot_at(p, c->statement.height);
    slot->has_pqc = true;
    slot->pqc = *c;
}

const struct certificate *pbft_lowest_certificate(const struct pbft *p, enum cert_kind kind,
                                                  uint64_t from_height)
{
    const struct certificate *top = kind == CERT_PREPARE ? &p->top_pqc : &p->top_cqc;
    for (uint64_t height = from_height;
         height <= top->statement.height && pbft_is_votable(p, height); height++) {
        const struct pbft_slot *slot = pbft_slot_find(p, height);
        if (slot != NULL && kind == CERT_PREPARE && slot->has_pqc)
            return &slot->pqc;
        if (slot != NULL && kind == CERT_COMMIT && slot->has_cqc)
            return &slot->cqc;
    }
    return NULL;
}

/* The nearest one has the shortest way down. */
bool pbft_is_covered(const struct pbft *p, enum cert_kind kind, uint64_t height,
                     const struct digest *digest)
{
    const struct certificate *c = pbft_lowest_certificate(p, kind, height);
    return c != NULL && pbft_covers(p, c, height, digest);
}

enum pbft_drop pbft_on_certificate(struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    pbft_on_own_entries(p, c);
    pbft_find_votes_in(p, c);
    enum pbft_drop drop = pbft_judge_certificate(p, c);
    if (drop == PBFT_DROP_CONFLICT)
        pbft_alarm(p, c, certificate_above(p, s->height));
    if (drop != PBFT_KEEP)
        return drop;

    if (s->view > p->view) { /* 7.7: its NEW-VIEW comes in answer to STATUS */
        pbft_enter_view(p, s->view);
        pbft_send_status(p);
    }
    pbft_raise_high(p, c);
    if (s->view == p->view && s->kind == CERT_COMMIT)
        pbft_note_view_cqc(p, s->height);
    pbft_note_head_cqc(p, c);
    if (!pbft_is_votable(p, s->height) && s->height <= p->committed.height)
        return PBFT_DROP_COMMITTED;
    if (s->kind == CERT_COMMIT && s->height > p->committed.height) {
        pbft_keep_cqc(p, c);
        pbft_judge_own_chain(p, s->view, s->height, &s->digest);
        pbft_judge_against_base(p, s->height, &s->digest, c);
    }
    if (s->kind == CERT_PREPARE && s->view == p->view)
        pbft_keep_pqc(p, c);
    p->is_fetch_due = true;
    return PBFT_KEEP;
}

bool pbft_may_vote(const struct pbft *p)
{
    return p->mode == PBFT_NORMAL && pbft_may_speak(p);
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
    CHECK(block->height >= p->base.height); /* 7.4 */
    CHECK(kind != CERT_COMMIT || (p->has_high && p->high.statement.view == p->view &&
                                  p->high.statement.height >= block->height));

    size_t size = statement_signed_bytes(room, &vote.statement, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &vote.signature, bytes_of(room, size));
    pbft_put(p, PBFT_WRITE_VOTE)->vote = vote;
    pbft_put_send(p, PBFT_SEND_VOTE, PBFT_TO_ALL)->vote = vote;
    count_vote(p, p->config.own_index, &vote);
}
