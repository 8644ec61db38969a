/* What a Byzantine member says unasked: in another's name, once more, far too often, and about
 * views and heights that are not. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"

/* ---- forgery: whoever is named did not sign this ---- */

void byz_forge(struct sim *s, uint32_t member)
{
    static const enum pbft_msg_type types[] = {PBFT_PRE_PREPARE, PBFT_PREPARE,     PBFT_COMMIT,
                                               PBFT_COMPLAIN,    PBFT_VIEW_CHANGE, PBFT_NEW_VIEW,
                                               PBFT_CHECKPOINT,  PBFT_STATUS};
    enum pbft_msg_type type = types[sim_between(s, 0, sizeof types / sizeof *types - 1)];
    struct pbft_msg *m = s->byz->spare;
    uint32_t to = byz_any_peer(s, member);
    if (!byz_recall_msg(s, type))
        return;
    bool is_signed = sim_luck(s, 500000); /* by the wrong one; else the signature stays */
    if (!is_signed && (type == PBFT_PREPARE || type == PBFT_COMMIT)) {
        m->vote.statement.height++; /* for something else than was signed */
    } else if (!is_signed && type == PBFT_STATUS) {
        m->status.counter++;
        m->status.committed_height = 0;
    }
    m->from = sim_luck(s, 200000) ? to : byz_any_peer(s, member); /* perhaps the receiver's own */
    if (is_signed)
        byz_sign(s, member, m);
    byz_emit(s, member, to, m, 0);
}

/* ---- replay ---- */

void byz_replay(struct sim *s, uint32_t member)
{
    uint32_t count = (uint32_t)sim_between(s, 1, 8);
    for (uint32_t i = 0; i < count; i++) {
        const struct byz_kept *kept =
            byz_recall(s, (enum pbft_msg_type)sim_between(s, 1, PBFT_MSG_TYPE_END - 1));
        if (kept != NULL)
            byz_emit_bytes(s, member, byz_any_peer(s, member), buf_bytes(&kept->bytes), 0);
    }
}

/* ---- floods: a good deal of what a link carries, and not all of it ---- */

static void flood_fetches(struct sim *s, uint32_t member, uint32_t to)
{
    struct pbft_msg *m = s->byz->spare;
    m->type = PBFT_FETCH;
    m->from = m->link = member;
    for (uint32_t i = 0; i < 100; i++) {
        m->fetch = (struct pbft_fetch){.kind = PBFT_FETCH_RANGE,
                                       .from_height = sim_between(s, 1, 1 + s->byz->height),
                                       .blocks_max = PBFT_DATA_BLOCKS_MAX};
        if (sim_luck(s, 300000)) {
            m->fetch.kind = PBFT_FETCH_BLOCK;
            prng_fill(&s->prng, m->fetch.digest.bytes, DIGEST_BYTES);
        }
        byz_emit(s, member, to, m, 0);
    }
}

static void flood_votes(struct sim *s, uint32_t member, uint32_t to)
{
    struct statement vote = {.kind = CERT_PREPARE};
    for (uint32_t i = 0; i < 100; i++) {
        vote.kind = sim_luck(s, 500000) ? CERT_PREPARE : CERT_COMMIT;
        vote.view = s->byz->view + sim_between(s, 0, 2);
        vote.height = s->byz->height + sim_between(s, 0, 2 * s->plan.parameters.window_heights);
        prng_fill(&s->prng, vote.digest.bytes, DIGEST_BYTES);
        byz_vote(s, member, to, &vote, 0);
    }
}

/* Bytes that are no message; of the largest size, and beyond. */
static void flood_bytes(struct sim *s, uint32_t member, uint32_t to)
{
    struct buf bytes = {0};
    size_t size =
        sim_luck(s, 200000) ? PBFT_MSG_BYTES_MAX + sim_between(s, 0, 1) : sim_between(s, 0, 4096);
    if (size > 0)
        memset(buf_grow(&bytes, size), (int)sim_between(s, 0, 255), size);
    if (size > 0)
        bytes.data[0] = (uint8_t)sim_between(s, 0, PBFT_MSG_TYPE_END);
    byz_emit_bytes(s, member, to, buf_bytes(&bytes), 0);
    buf_free(&bytes);
}

/* One and the same, a hundred times. */
static void flood_copies(struct sim *s, uint32_t member, uint32_t to)
{
    const struct byz_kept *kept =
        byz_recall(s, (enum pbft_msg_type)sim_between(s, 1, PBFT_MSG_TYPE_END - 1));
    for (uint32_t i = 0; i < 100 && kept != NULL; i++)
        byz_emit_bytes(s, member, to, buf_bytes(&kept->bytes), 0);
}

void byz_flood(struct sim *s, uint32_t member)
{
    uint32_t to = byz_any_peer(s, member);
    switch (sim_between(s, 0, 3)) {
    case 0:
        flood_fetches(s, member, to);
        break;
    case 1:
        flood_votes(s, member, to);
        break;
    case 2:
        flood_bytes(s, member, to);
        break;
    default:
        flood_copies(s, member, to);
    }
}

/* ---- huge numbers ---- */

static uint64_t huge(struct sim *s)
{
    static const uint64_t numbers[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63,
                                       UINT64_C(1) << 32, 1000000};
    return numbers[sim_between(s, 0, sizeof numbers / sizeof *numbers - 1)];
}

/* A PRE-PREPARE, a vote or a STATUS that was seen, with a view or a height beyond reason; a run of
 * views and heights, one after the other, that an unbounded table would keep. */
void byz_speak_huge(struct sim *s, uint32_t member)
{
    struct pbft_msg *m = s->byz->spare;
    uint32_t to = byz_any_peer(s, member);
    struct statement vote = {.kind = sim_luck(s, 500000) ? CERT_PREPARE : CERT_COMMIT};
    prng_fill(&s->prng, vote.digest.bytes, DIGEST_BYTES);
    if (sim_luck(s, 300000)) {
        vote.view = sim_luck(s, 500000) ? huge(s) : s->byz->view;
        vote.height = huge(s);
        byz_vote(s, member, to, &vote, 0);
    } else if (sim_luck(s, 400000)) {
        for (uint32_t i = 0; i < 20; i++) {
            vote.view = s->byz->view + i;
            vote.height = s->byz->height + 1 + i * s->plan.parameters.window_heights / 8;
            byz_vote(s, member, to, &vote, 0);
        }
    } else if (byz_recall_msg(s, PBFT_STATUS)) {
        m->from = member;
        m->status.view = huge(s);
        m->status.committed_height = m->status.high.height = m->status.high.view = huge(s);
        m->status.counter = sim_luck(s, 200000) ? huge(s) : m->status.counter + 1;
        byz_sign(s, member, m);
        byz_emit(s, member, to, m, 0);
    }
}
