/* The evidence that is known, and what is done about it (PROTOCOL.md 3.1, 5.3, 9.5, 14, 16).
 *
 * Of each offender, kind and epoch the first item is kept; here stands only which ones there are,
 * the items themselves lie in the store. What is new is written, and then sent to all once. Who did
 * not get it shows so by the evidence_digest in its STATUS. Another item of a kind that is known
 * counts where it is a reason to leave this view, and then goes to all without being kept. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/state.h"
#include "node/pbft/wire.h"

static bool is_known(const struct pbft *p, uint32_t offender, enum pbft_evidence_kind kind)
{
    return (p->evidence[offender] & PBFT_EVIDENCE_BIT(kind)) != 0;
}

/* ---- the book ---- */

static void note(struct pbft *p, const struct pbft_evidence *e)
{
    p->evidence[e->offender] |= PBFT_EVIDENCE_BIT(e->kind);
    pbft_evidence_digest(&p->evidence_digest, p->evidence);
}

static struct pbft_act *put_send(struct pbft *p, uint32_t to, uint32_t offender,
                                 enum pbft_evidence_kind kind)
{
    struct pbft_act *act = pbft_put_send(p, PBFT_SEND_EVIDENCE, to);
    act->evidence_of.offender = offender;
    act->evidence_of.kind = kind;
    return act;
}

static bool is_of_primary(const struct pbft *p, uint32_t offender, uint64_t view)
{
    return view == p->view && offender == pbft_primary(p, p->view);
}

/* 6.1 (c): what shows the primary of this view faulty is a reason for f+1 and not for whoever found
 * it alone, also where the book has an item of its kind already. It goes to all once in a view, as
 * it is, and is not kept. A bad body may be as large as a block, and is of no use to others:
 * whoever has it finds it bad by himself (5.3). */
static bool is_to_be_told(const struct pbft *p, enum pbft_evidence_kind kind)
{
    return !p->is_fault_told && kind != PBFT_BAD_BODY;
}

static void tell_of_primary(struct pbft *p, const struct pbft_evidence *e)
{
    if (!is_to_be_told(p, e->kind))
        return;
    p->is_fault_told = true;
    struct pbft_evidence *found = &p->found[p->found_count++];
    *found = *e;
    put_send(p, PBFT_TO_ALL, e->offender, e->kind)->evidence = found;
}

/* Keep what is not known yet. */
static void take(struct pbft *p, const struct pbft_evidence *e)
{
    CHECK(pbft_is_evidence(e));
    CHECK(e->offender < p->config.members.members_count);
    CHECK(e->epoch == p->config.epoch);
    bool is_reason = is_of_primary(p, e->offender, e->view);
    p->is_primary_faulty = p->is_primary_faulty || is_reason; /* 6.1 (c) */
    /* No event shows more than there is room for; what did not fit would be met again. */
    if (p->found_count == PBFT_FOUND_MAX)
        return;
    if (is_known(p, e->offender, e->kind)) {
        if (is_reason)
            tell_of_primary(p, e);
        return;
    }
    p->is_fault_told = p->is_fault_told || is_reason;
    struct pbft_evidence *found = &p->found[p->found_count++];
    *found = *e;
    note(p, found);
    pbft_put(p, PBFT_WRITE_EVIDENCE)->evidence = found;
    (void)put_send(p, PBFT_TO_ALL, e->offender, e->kind);
}

void pbft_found_evidence(struct pbft *p, const struct pbft_evidence *e)
{
    if (e->offender != p->config.own_index) /* 4.2 deals with mine: pbft_on_own() */
        take(p, e);
}

void pbft_restore_evidence(struct pbft *p, const struct pbft_evidence *e)
{
    CHECK(pbft_is_evidence(e));
    if (e->offender >= p->config.members.members_count || e->epoch != p->config.epoch)
        return;
    note(p, e);
}

uint8_t pbft_evidence_kinds(const struct pbft *p, uint32_t member)
{
    CHECK(member < p->config.members.members_count);
    return p->evidence[member];
}

bool pbft_is_evidence_news(const struct pbft *p, uint32_t offender, enum pbft_evidence_kind kind,
                           uint64_t view)
{
    bool is_reason = !p->is_primary_faulty || is_to_be_told(p, kind);
    return !is_known(p, offender, kind) || (is_of_primary(p, offender, view) && is_reason);
}

/* ---- messages ---- */

enum pbft_drop pbft_judge_evidence(const struct pbft *p, const struct pbft_evidence *e)
{
    if (e->offender >= p->config.members.members_count)
        return PBFT_DROP_NOT_A_MEMBER;
    if (e->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    bool is_news = pbft_is_evidence_news(p, e->offender, e->kind, e->view);
    return is_news ? PBFT_KEEP : PBFT_DROP_DUPLICATE;
}

/* Evidence against me, truly signed with my key: this store signs one message for one place and
 * proposes what it checked, so the key has signed elsewhere. That is 4.2's case, whatever the
 * place: a pair needs no memory of mine to contradict it. It is kept like any other. */
enum pbft_drop pbft_on_evidence(struct pbft *p, const struct pbft_evidence *e)
{
    enum pbft_drop drop = pbft_judge_evidence(p, e);
    if (drop != PBFT_KEEP)
        return drop;
    if (e->offender == p->config.own_index)
        pbft_become_learner(p);
    take(p, e);
    return PBFT_KEEP;
}

/* ---- 9.5 ---- */

/* One after the other, over all places of the book. */
enum { PLACES = MEMBERS_MAX * PBFT_EVIDENCE_KINDS_END };

void pbft_answer_evidence(struct pbft *p, uint32_t to, const struct digest *theirs)
{
    struct pbft_peer *peer = &p->peers[to];
    if (digest_equal(theirs, &p->evidence_digest))
        return;
    for (uint32_t i = 0; i < PLACES; i++) {
        uint32_t place = (peer->evidence_turn + i) % PLACES;
        uint32_t offender = place / PBFT_EVIDENCE_KINDS_END;
        enum pbft_evidence_kind kind = (enum pbft_evidence_kind)(place % PBFT_EVIDENCE_KINDS_END);
        if (!is_known(p, offender, kind))
            continue;
        peer->evidence_turn = place + 1;
        (void)put_send(p, to, offender, kind);
        return;
    }
}

/* ---- where two messages meet ---- */

/* Of another block, for the same place: has a signer of it signed this one too? */
static const struct cert_entry *entry_beside(const struct certificate *c, uint32_t from,
                                             const struct statement *s)
{
    const struct statement *other = &c->statement;
    if (other->kind != s->kind || other->epoch != s->epoch || other->view != s->view ||
        other->height != s->height || digest_equal(&other->digest, &s->digest))
        return NULL;
    for (uint32_t i = 0; i < c->entries_count; i++)
        if (c->entries[i].member_index == from)
            return &c->entries[i];
    return NULL;
}

/* 3.1: what else this member signed for the place of this vote: in its ballot, or in a certificate
 * that came whole. */
static bool find_first(const struct pbft *p, uint32_t from, const struct statement *s,
                       struct pbft_vote *out)
{
    static const struct certificate none;
    struct pbft_slot *slot = pbft_slot_find(p, s->height);
    bool is_prepare = s->kind == CERT_PREPARE;
    const struct certificate *certificates[] = {slot != NULL && slot->has_pqc ? &slot->pqc : &none,
                                                slot != NULL && slot->has_cqc ? &slot->cqc : &none,
                                                is_prepare ? &p->top_pqc : &p->top_cqc,
                                                &p->head_cqc, &p->high};
    *out = (struct pbft_vote){.statement = *s};
    if (slot != NULL) {
        const struct pbft_ballot *b = pbft_ballot(slot, s->kind, from);
        out->statement.digest = b->digest;
        out->signature = b->signature;
        if (b->is_cast && b->view == s->view && !digest_equal(&b->digest, &s->digest))
            return true;
    }
    for (size_t i = 0; i < sizeof certificates / sizeof certificates[0]; i++) {
        const struct cert_entry *entry = entry_beside(certificates[i], from, s);
        if (entry == NULL)
            continue;
        out->statement.digest = certificates[i]->statement.digest;
        out->signature = entry->signature;
        return true;
    }
    return false;
}

void pbft_find_votes(struct pbft *p, uint32_t from, const struct pbft_vote *second)
{
    struct pbft_vote first;
    struct pbft_evidence e;
    if (find_first(p, from, &second->statement, &first) &&
        pbft_evidence_of_votes(&e, from, &first, second))
        pbft_found_evidence(p, &e);
}

/* Whether it is of votes, of this epoch: others are held against nothing. */
static bool has_votes(const struct pbft *p, const struct certificate *c)
{
    return c->statement.kind != CERT_CHECKPOINT && c->statement.epoch == p->config.epoch;
}

void pbft_find_votes_in(struct pbft *p, const struct certificate *c)
{
    for (uint32_t i = 0; i < c->entries_count && has_votes(p, c); i++) {
        struct pbft_vote vote = {.statement = c->statement, .signature = c->entries[i].signature};
        pbft_find_votes(p, c->entries[i].member_index, &vote);
    }
}

bool pbft_shows_two_votes(const struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    bool is_prepare = s->kind == CERT_PREPARE;
    struct pbft_vote first;
    for (uint32_t i = 0; i < c->entries_count && has_votes(p, c); i++) {
        uint32_t from = c->entries[i].member_index;
        enum pbft_evidence_kind kind = is_prepare ? PBFT_TWO_PREPARES : PBFT_TWO_COMMITS;
        if (from < p->config.members.members_count && from != p->config.own_index &&
            pbft_is_evidence_news(p, from, kind, s->view) && find_first(p, from, s, &first))
            return true;
    }
    return false;
}

/* 5.3: a second PRE-PREPARE. Where the first is known by my own vote alone, as after a restart,
 * there is no signature of it to show. */
void pbft_find_pre_prepares(struct pbft *p, uint32_t from, const struct pbft_pre_prepare *second)
{
    struct pbft_slot *slot = pbft_slot_find(p, second->block.height);
    for (int i = 0; slot != NULL && i < PBFT_SLOT_BLOCKS; i++) {
        const struct pbft_known *known = &slot->known[i];
        struct pbft_pre_prepare first = {.epoch = p->config.epoch,
                                         .view = p->view,
                                         .block = known->block,
                                         .signature = known->pre_prepare};
        struct pbft_evidence e;
        if (known->is_used && known->is_proposed &&
            pbft_evidence_of_pre_prepares(&e, from, &first, second))
            pbft_found_evidence(p, &e);
    }
}

/* 14.1: a second VIEW-CHANGE for one view. Correct members send theirs byte for byte again. */
void pbft_find_view_changes(struct pbft *p, uint32_t from, const struct pbft_view_change *second)
{
    struct pbft_evidence e;
    if (pbft_evidence_of_view_changes(&e, from, &p->peers[from].view_change, second))
        pbft_found_evidence(p, &e);
}

/* 7.4: a second NEW-VIEW for the view that I am in. */
void pbft_find_new_views(struct pbft *p, const struct pbft_new_view *second)
{
    struct pbft_evidence e;
    if (p->has_new_view &&
        pbft_evidence_of_new_views(&e, pbft_primary(p, second->view), &p->new_view, second))
        pbft_found_evidence(p, &e);
}

/* A COMMIT of this member at a height: its own, or one in the height's certificate. */
static bool find_commit(struct pbft_slot *slot, uint32_t from, struct pbft_vote *out)
{
    const struct pbft_ballot *b = pbft_ballot(slot, CERT_COMMIT, from);
    if (b->is_cast) {
        out->statement.view = b->view;
        out->statement.digest = b->digest;
        out->signature = b->signature;
        return true;
    }
    for (uint32_t i = 0; slot->has_cqc && i < slot->cqc.entries_count; i++) {
        if (slot->cqc.entries[i].member_index != from)
            continue;
        out->statement = slot->cqc.statement;
        out->signature = slot->cqc.entries[i].signature;
        return true;
    }
    return false;
}

/* 14.1: COMMIT(v,h), and then a VIEW-CHANGE whose high ranks below (v,h). Each COMMIT of this
 * member that is here is held against it, since any of them may be the one above its high. */
void pbft_find_forgotten(struct pbft *p, uint32_t from, const struct pbft_view_change *v)
{
    for (size_t i = 0; i < p->slots_count; i++) {
        struct pbft_slot *slot = &p->slots[i];
        struct pbft_evidence e;
        struct pbft_vote commit = {
            .statement = {.kind = CERT_COMMIT, .epoch = p->config.epoch, .height = slot->height}};
        if (slot->is_used && find_commit(slot, from, &commit) &&
            pbft_evidence_of_forgotten(&e, from, &commit, v)) {
            pbft_found_evidence(p, &e);
            return;
        }
    }
}
