#include "node/pbft/msg.h"

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
        [PBFT_EVIDENCE] = "EVIDENCE",
        [PBFT_QC] = "QC",
    };
    CHECK((unsigned)type < PBFT_MSG_TYPE_END);
    CHECK(names[type] != NULL);
    return names[type];
}
