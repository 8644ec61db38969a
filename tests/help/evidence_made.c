#include "tests/help/evidence_made.h"

#include <string.h>

#include "crypto/base/check.h"

static struct digest digest_of_word(uint8_t word)
{
    struct digest d;
    memset(d.bytes, word, sizeof d.bytes);
    return d;
}

static void sign_proposal(const struct liar *l, struct pbft_pre_prepare *p)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    sign_message(&p->signature, pbft_pre_prepare_signed(room, p, &l->chain_id), l->key);
}

struct pbft_pre_prepare liar_pre_prepare(const struct liar *l, uint64_t view, uint64_t height,
                                         uint8_t word)
{
    struct pbft_pre_prepare p = {.epoch = l->epoch, .view = view};
    p.block.height = height;
    p.block.digest = digest_of_word(word);
    sign_proposal(l, &p);
    return p;
}

struct pbft_pre_prepare liar_proposal(const struct liar *l, uint64_t view, struct bytes block,
                                      pbft_block_head *head)
{
    struct pbft_pre_prepare p = {.epoch = l->epoch, .view = view, .bytes = block};
    CHECK(head(block, &p.block));
    sign_proposal(l, &p);
    return p;
}

struct pbft_vote liar_vote(const struct liar *l, enum cert_kind kind, uint64_t view,
                           uint64_t height, uint8_t word)
{
    struct pbft_vote v = {.statement = {.kind = kind,
                                        .epoch = l->epoch,
                                        .view = kind == CERT_CHECKPOINT ? 0 : view,
                                        .height = height,
                                        .digest = digest_of_word(word)}};
    if (kind == CERT_CHECKPOINT)
        v.statement.state_root = digest_of_word(word);
    statement_sign(&v.signature, &v.statement, &l->chain_id, l->key);
    return v;
}

struct pbft_view_change liar_view_change(const struct liar *l, uint64_t view, uint64_t high_view,
                                         uint64_t high_height, uint8_t word)
{
    struct pbft_view_change v = {.epoch = l->epoch, .view = view, .has_high = high_height > 0};
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    if (v.has_high)
        v.high.statement = (struct statement){.kind = CERT_PREPARE,
                                              .epoch = l->epoch,
                                              .view = high_view,
                                              .height = high_height,
                                              .digest = digest_of_word(1)};
    for (uint32_t i = 0; v.has_high && i < 3; i++)
        v.high.entries[v.high.entries_count++].member_index = (uint8_t)i;
    v.lc = (struct pbft_lc){.epoch = l->epoch, .view = view - 1, .entries_count = 2};
    for (uint32_t i = 0; i < 2; i++) {
        v.lc.entries[i].member_index = (uint8_t)i;
        v.lc.entries[i].reason = PBFT_REASON_STALLED;
        memset(v.lc.entries[i].signature.bytes, word, SIGNATURE_BYTES);
    }
    sign_message(&v.signature, pbft_view_change_signed(room, &v, l->index, &l->chain_id), l->key);
    return v;
}

void liar_new_view(const struct liar *l, struct pbft_new_view *out, uint64_t view, uint8_t word)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    memset(out, 0, sizeof *out);
    out->epoch = l->epoch;
    out->view = view;
    out->entries_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        out->entries[i].from = i;
        out->entries[i].view_change = liar_view_change(l, view, view - 2, 7, word);
    }
    sign_message(&out->signature, pbft_new_view_signed(room, out, l->index, &l->chain_id), l->key);
}

static bool make(const struct liar *l, struct pbft_evidence *out, enum pbft_evidence_kind kind)
{
    static struct pbft_new_view first, second; /* large */
    struct pbft_pre_prepare p, q;
    struct pbft_vote v, w;
    struct pbft_view_change c, d;
    switch (kind) {
    case PBFT_TWO_PRE_PREPARES:
        p = liar_pre_prepare(l, LIAR_VIEW, LIAR_HEIGHT, 0xa1);
        q = liar_pre_prepare(l, LIAR_VIEW, LIAR_HEIGHT, 0xa2);
        return pbft_evidence_of_pre_prepares(out, l->index, &p, &q);
    case PBFT_TWO_PREPARES:
    case PBFT_TWO_COMMITS:
        v = liar_vote(l, kind == PBFT_TWO_PREPARES ? CERT_PREPARE : CERT_COMMIT, LIAR_VIEW,
                      LIAR_HEIGHT, 0xb2);
        w = liar_vote(l, v.statement.kind, LIAR_VIEW, LIAR_HEIGHT, 0xb1);
        return pbft_evidence_of_votes(out, l->index, &v, &w);
    case PBFT_TWO_VIEW_CHANGES:
        c = liar_view_change(l, LIAR_VIEW, LIAR_VIEW - 1, LIAR_HEIGHT, 0xc1);
        d = liar_view_change(l, LIAR_VIEW, LIAR_VIEW - 1, LIAR_HEIGHT + 1, 0xc1);
        return pbft_evidence_of_view_changes(out, l->index, &c, &d);
    case PBFT_TWO_NEW_VIEWS:
        liar_new_view(l, &first, LIAR_VIEW, 0xd1);
        liar_new_view(l, &second, LIAR_VIEW, 0xd2);
        return pbft_evidence_of_new_views(out, l->index, &first, &second);
    case PBFT_FORGOTTEN_COMMIT:
        v = liar_vote(l, CERT_COMMIT, LIAR_VIEW, LIAR_HEIGHT, 0xe1);
        c = liar_view_change(l, LIAR_VIEW + 1, LIAR_VIEW, LIAR_HEIGHT - 1, 0xe1);
        return pbft_evidence_of_forgotten(out, l->index, &v, &c);
    default:
        return false;
    }
}

void liar_evidence(const struct liar *l, struct pbft_evidence *out, enum pbft_evidence_kind kind)
{
    CHECK(make(l, out, kind));
}
