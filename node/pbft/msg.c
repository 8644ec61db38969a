#include "node/pbft/msg.h"

#include <stddef.h>

#include "crypto/base/check.h"

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int pbft_rank_compare(const struct pbft_rank *a, const struct pbft_rank *b)
{
    if (a->epoch != b->epoch)
        return compare_u64(a->epoch, b->epoch);
    if (a->view != b->view)
        return compare_u64(a->view, b->view);
    return compare_u64(a->height, b->height);
}

struct pbft_rank pbft_rank_of(const struct certificate *c)
{
    CHECK(c->statement.kind != CERT_CHECKPOINT);
    return (struct pbft_rank){
        .epoch = c->statement.epoch, .view = c->statement.view, .height = c->statement.height};
}

uint32_t pbft_primary_of(uint64_t epoch, uint64_t view, uint32_t members_count)
{
    CHECK(members_count >= 1);
    return (uint32_t)((epoch + view) % members_count);
}

/* ---- view changes ---- */

struct pbft_complain pbft_lc_complain(const struct pbft_lc *lc, uint32_t entry_index)
{
    CHECK(entry_index < lc->entries_count);
    const struct pbft_lc_entry *entry = &lc->entries[entry_index];
    return (struct pbft_complain){.epoch = lc->epoch,
                                  .view = lc->view,
                                  .reason = entry->reason,
                                  .signature = entry->signature};
}

/* What a high is chosen by: rank, and on a tie the kind. */
static int compare_highs(const struct certificate *a, const struct certificate *b)
{
    struct pbft_rank rank_a = pbft_rank_of(a), rank_b = pbft_rank_of(b);
    int order = pbft_rank_compare(&rank_a, &rank_b);
    if (order != 0)
        return order;
    return (a->statement.kind == CERT_COMMIT) - (b->statement.kind == CERT_COMMIT);
}

const struct certificate *pbft_new_view_base(const struct pbft_new_view *n)
{
    const struct certificate *base = NULL;
    for (uint32_t i = 0; i < n->entries_count; i++) {
        const struct pbft_view_change *v = &n->entries[i].view_change;
        if (v->has_high && (base == NULL || compare_highs(&v->high, base) > 0))
            base = &v->high;
    }
    return base;
}

/* ---- all types ---- */

size_t pbft_msg_bytes(enum pbft_msg_type type)
{
#define UP_TO(member) (offsetof(struct pbft_msg, member) + sizeof((struct pbft_msg *)0)->member)
    static const size_t bytes[PBFT_MSG_TYPE_END] = {
        [PBFT_PRE_PREPARE] = UP_TO(pre_prepare),
        [PBFT_PREPARE] = UP_TO(vote),
        [PBFT_COMMIT] = UP_TO(vote),
        [PBFT_COMPLAIN] = UP_TO(complain),
        [PBFT_VIEW_CHANGE] = UP_TO(view_change),
        [PBFT_NEW_VIEW] = UP_TO(new_view),
        [PBFT_CHECKPOINT] = UP_TO(vote),
        [PBFT_STATUS] = UP_TO(status),
        [PBFT_FETCH] = UP_TO(fetch),
        [PBFT_DATA] = UP_TO(data),
        [PBFT_FORWARD] = UP_TO(forward),
        [PBFT_EVIDENCE] = UP_TO(evidence),
        [PBFT_FETCH_PIECE] = UP_TO(fetch_piece),
        [PBFT_PIECE] = UP_TO(piece),
        [PBFT_QC] = UP_TO(qc),
    };
#undef UP_TO
    CHECK((unsigned)type < PBFT_MSG_TYPE_END);
    CHECK(bytes[type] != 0);
    return bytes[type];
}

const char *pbft_msg_name(enum pbft_msg_type type)
{
    static const char *const names[PBFT_MSG_TYPE_END] = {
        [PBFT_PRE_PREPARE] = "PRE-PREPARE",
        [PBFT_PREPARE] = "PREPARE",
        [PBFT_COMMIT] = "COMMIT",
        [PBFT_COMPLAIN] = "COMPLAIN",
        [PBFT_VIEW_CHANGE] = "VIEW-CHANGE",
        [PBFT_NEW_VIEW] = "NEW-VIEW",
        [PBFT_CHECKPOINT] = "CHECKPOINT",
        [PBFT_STATUS] = "STATUS",
        [PBFT_FETCH] = "FETCH",
        [PBFT_DATA] = "DATA",
        [PBFT_FORWARD] = "FORWARD",
        [PBFT_FETCH_PIECE] = "FETCH-PIECE",
        [PBFT_PIECE] = "PIECE",
        [PBFT_EVIDENCE] = "EVIDENCE",
        [PBFT_QC] = "QC",
    };
    CHECK((unsigned)type < PBFT_MSG_TYPE_END);
    CHECK(names[type] != NULL);
    return names[type];
}
