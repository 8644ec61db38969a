/* What contradicts itself, and what only seems to (PROTOCOL.md 14.1, 14.3). */
#include "node/pbft/evidence.h"

#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/msg.h"
#include "node/pbft/wire.h"

const char *pbft_evidence_word(enum pbft_evidence_kind kind)
{
    static const char *const words[PBFT_EVIDENCE_KINDS_END] = {
#define X(kind, number, word, text) [kind] = word,
        PBFT_EVIDENCE_LIST(X)
#undef X
    };
    CHECK((unsigned)kind < PBFT_EVIDENCE_KINDS_END);
    CHECK(words[kind] != NULL);
    return words[kind];
}

const char *pbft_evidence_text(enum pbft_evidence_kind kind)
{
    static const char *const texts[PBFT_EVIDENCE_KINDS_END] = {
#define X(kind, number, word, text) [kind] = text,
        PBFT_EVIDENCE_LIST(X)
#undef X
    };
    CHECK((unsigned)kind < PBFT_EVIDENCE_KINDS_END);
    CHECK(texts[kind] != NULL);
    return texts[kind];
}

/* ---- form ---- */

/* By what they say. Two signatures of one member on the same content are no contradiction: whoever
 * signs can make many (pitfalls H3). */
static int compare_parts(const struct pbft_evidence_part *a, const struct pbft_evidence_part *b)
{
    int order = memcmp(a->digest.bytes, b->digest.bytes, DIGEST_BYTES);
    return order != 0 ? order : memcmp(a->lc.bytes, b->lc.bytes, DIGEST_BYTES);
}

static bool is_pair(const struct pbft_evidence *e)
{
    return compare_parts(&e->parts[0], &e->parts[1]) < 0;
}

/* The COMMIT's sender had a certificate of at least this rank before it was sent (4, 5.5). */
static bool is_forgotten(const struct pbft_evidence *e)
{
    const struct statement *high = &e->high.statement;
    struct pbft_rank commit = {.epoch = e->epoch, .view = e->view, .height = e->height};
    if (e->to_view <= e->view)
        return false; /* it may have voted after that VIEW-CHANGE */
    if (!e->has_high)
        return true; /* "base of e" */
    if (high->kind == CERT_CHECKPOINT || high->epoch != e->epoch || high->view >= e->to_view)
        return false; /* no VIEW-CHANGE (7.2) */
    struct pbft_rank rank = pbft_rank_of(&e->high);
    return pbft_rank_compare(&rank, &commit) < 0;
}

bool pbft_is_evidence(const struct pbft_evidence *e)
{
    if (e->offender >= MEMBERS_MAX)
        return false;
    switch (e->kind) {
    case PBFT_TWO_PRE_PREPARES:
    case PBFT_TWO_PREPARES:
    case PBFT_TWO_COMMITS:
        return is_pair(e);
    case PBFT_TWO_VIEW_CHANGES:
    case PBFT_TWO_NEW_VIEWS:
        return e->view >= 1 && is_pair(e); /* there is none to view 0 */
    case PBFT_FORGOTTEN_COMMIT:
        return is_forgotten(e);
    case PBFT_BAD_BODY:
        return true;
    case PBFT_EVIDENCE_KINDS_END:
        break;
    }
    return false;
}

/* ---- making ---- */

static void begin(struct pbft_evidence *out, enum pbft_evidence_kind kind, uint32_t offender,
                  uint64_t epoch, uint64_t view, uint64_t height)
{
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->offender = offender;
    out->epoch = epoch;
    out->view = view;
    out->height = height;
}

/* Put the parts in order, and judge. */
static bool finish(struct pbft_evidence *out)
{
    if (compare_parts(&out->parts[0], &out->parts[1]) > 0) {
        struct pbft_evidence_part swap = out->parts[0];
        out->parts[0] = out->parts[1];
        out->parts[1] = swap;
    }
    return pbft_is_evidence(out);
}

bool pbft_evidence_of_pre_prepares(struct pbft_evidence *out, uint32_t offender,
                                   const struct pbft_pre_prepare *a,
                                   const struct pbft_pre_prepare *b)
{
    if (a->epoch != b->epoch || a->view != b->view || a->block.height != b->block.height)
        return false;
    begin(out, PBFT_TWO_PRE_PREPARES, offender, a->epoch, a->view, a->block.height);
    out->parts[0].digest = a->block.digest;
    out->parts[0].signature = a->signature;
    out->parts[1].digest = b->block.digest;
    out->parts[1].signature = b->signature;
    return finish(out);
}

bool pbft_evidence_of_votes(struct pbft_evidence *out, uint32_t offender, const struct pbft_vote *a,
                            const struct pbft_vote *b)
{
    const struct statement *first = &a->statement, *second = &b->statement;
    bool is_prepare = first->kind == CERT_PREPARE;
    if (first->kind == CERT_CHECKPOINT || first->kind != second->kind)
        return false;
    if (first->epoch != second->epoch || first->view != second->view ||
        first->height != second->height)
        return false;
    begin(out, is_prepare ? PBFT_TWO_PREPARES : PBFT_TWO_COMMITS, offender, first->epoch,
          first->view, first->height);
    out->parts[0].digest = first->digest;
    out->parts[0].signature = a->signature;
    out->parts[1].digest = second->digest;
    out->parts[1].signature = b->signature;
    return finish(out);
}

bool pbft_evidence_of_view_changes(struct pbft_evidence *out, uint32_t offender,
                                   const struct pbft_view_change *a,
                                   const struct pbft_view_change *b)
{
    if (a->epoch != b->epoch || a->view != b->view)
        return false;
    begin(out, PBFT_TWO_VIEW_CHANGES, offender, a->epoch, a->view, 0);
    pbft_high_digest(&out->parts[0].digest, a);
    pbft_lc_digest(&out->parts[0].lc, &a->lc);
    out->parts[0].signature = a->signature;
    pbft_high_digest(&out->parts[1].digest, b);
    pbft_lc_digest(&out->parts[1].lc, &b->lc);
    out->parts[1].signature = b->signature;
    return finish(out);
}

bool pbft_evidence_of_new_views(struct pbft_evidence *out, uint32_t offender,
                                const struct pbft_new_view *a, const struct pbft_new_view *b)
{
    if (a->epoch != b->epoch || a->view != b->view)
        return false;
    begin(out, PBFT_TWO_NEW_VIEWS, offender, a->epoch, a->view, 0);
    pbft_set_digest(&out->parts[0].digest, a);
    out->parts[0].signature = a->signature;
    pbft_set_digest(&out->parts[1].digest, b);
    out->parts[1].signature = b->signature;
    return finish(out);
}

bool pbft_evidence_of_forgotten(struct pbft_evidence *out, uint32_t offender,
                                const struct pbft_vote *commit,
                                const struct pbft_view_change *view_change)
{
    const struct statement *s = &commit->statement;
    if (s->kind != CERT_COMMIT || s->epoch != view_change->epoch)
        return false;
    begin(out, PBFT_FORGOTTEN_COMMIT, offender, s->epoch, s->view, s->height);
    out->parts[0].digest = s->digest;
    out->parts[0].signature = commit->signature;
    out->to_view = view_change->view;
    out->has_high = view_change->has_high;
    if (out->has_high)
        out->high = view_change->high;
    pbft_lc_digest(&out->parts[1].lc, &view_change->lc);
    out->parts[1].signature = view_change->signature;
    return pbft_is_evidence(out);
}

bool pbft_evidence_of_body(struct pbft_evidence *out, uint32_t offender,
                           const struct pbft_pre_prepare *p, uint32_t tx_index)
{
    begin(out, PBFT_BAD_BODY, offender, p->epoch, p->view, p->block.height);
    out->parts[0].digest = p->block.digest;
    out->parts[0].signature = p->signature;
    out->block = p->bytes;
    out->tx_index = tx_index;
    return pbft_is_evidence(out);
}
