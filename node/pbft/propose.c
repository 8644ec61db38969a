/* The primary's part: building on tip and proposing (PROTOCOL.md 5.1). */
#include "crypto/base/check.h"
#include "node/pbft/state.h"
#include "node/pbft/wire.h"

static bool may_propose(const struct pbft *p)
{
    if (!pbft_may_vote(p) || !p->has_tip || !p->is_installed || p->is_building || p->has_lost)
        return false;
    if (pbft_primary(p, p->view) != p->config.own_index)
        return false;
    /* At most P heights in flight. A block that a certificate committed is out of flight though its
     * body may be missing here; then this primary has to catch up first. */
    if (p->tip.height >= pbft_stable_height(p) + p->config.window_heights)
        return false; /* what is not certified yet has to be first */
    return p->tip.height + 1 <= p->committed.height + p->config.pipeline_heights &&
           p->tip.height >= p->committed.height;
}

/* At once when the pipeline is empty, else when a block is full or T_batch has passed: waiting
 * while others are in flight anyway costs nothing and fills blocks (design 6). What is in flight
 * already stays in the pool until it commits, so it is work that no block lacks which counts. That
 * such work is there does not mean that it applies on tip: only BUILD finds that out, and without
 * is_build_dry the answer "nothing" would be followed by the same question at once. */
uint64_t pbft_build_due_ms(const struct pbft *p)
{
    if (!may_propose(p) || p->pool.unproposed_ms == 0 || p->is_build_dry)
        return UINT64_MAX;
    bool is_at_once = p->tip.height == p->committed.height || p->pool.is_full_block;
    uint64_t due = is_at_once ? 0 : p->pool.unproposed_ms + p->config.batch_ms;
    return due > p->build_retry_ms ? due : p->build_retry_ms;
}

void pbft_try_propose(struct pbft *p)
{
    if (p->now_ms < pbft_build_due_ms(p))
        return;
    p->is_building = true;
    p->build_retry_ms = 0;
    p->build =
        (struct pbft_ticket){.view = p->view, .height = p->tip.height + 1, .parent = p->tip.digest};
    pbft_put(p, PBFT_ASK_BUILD)->ticket = p->build;
}

static bool ticket_equal(const struct pbft_ticket *a, const struct pbft_ticket *b)
{
    return a->view == b->view && a->height == b->height && digest_equal(&a->parent, &b->parent);
}

/* Write, sign and send the PRE-PREPARE of an own block, then vote for it like everybody (5.2). */
static void propose(struct pbft *p, struct pbft_known *known)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    const struct pbft_block *block = &known->block;
    struct pbft_pre_prepare own = {.epoch = p->config.epoch, .view = p->view, .block = *block};
    CHECK(!known->is_proposed); /* a correct primary proposes once per height of a view */

    struct bytes message = pbft_pre_prepare_signed(room, &own, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &own.signature, message);
    known->has_body = true;
    known->is_durable = true;
    known->is_proposed = true;
    known->validity = PBFT_VALID;
    known->pre_prepare = own.signature;
    p->tip = *block;

    pbft_put(p, PBFT_WRITE_BLOCK)->block = *block;
    pbft_write_state(p);
    struct pbft_act *write = pbft_put(p, PBFT_WRITE_PRE_PREPARE);
    write->block = *block;
    write->pre_prepare = own;
    struct pbft_act *send = pbft_put_send(p, PBFT_SEND_PRE_PREPARE, PBFT_TO_ALL);
    send->block = *block;
    send->pre_prepare = own;
    pbft_cast(p, CERT_PREPARE, block);
}

enum pbft_drop pbft_on_built(struct pbft *p, const struct pbft_built *built)
{
    if (!p->is_building || !ticket_equal(&built->ticket, &p->build))
        return PBFT_DROP_STALE;
    p->is_building = false;
    /* Tip may have moved while the block was being built (5.8): then neither the block nor that
     * there is none says anything about what follows tip now. */
    if (!may_propose(p) || !digest_equal(&built->ticket.parent, &p->tip.digest))
        return PBFT_DROP_STALE;
    if (!built->has_block) {
        p->is_build_dry = built->retry_ms == 0;
        p->build_retry_ms = built->retry_ms;
        return PBFT_KEEP;
    }
    CHECK(built->block.height == p->tip.height + 1);
    CHECK(digest_equal(&built->block.parent, &p->tip.digest));
    struct pbft_known *known = pbft_known_at(p, &built->block);
    if (known == NULL) { /* only where more than f lie: nobody else proposes here */
        p->is_build_dry = true;
        return PBFT_DROP_SLOT_FULL;
    }
    propose(p, known);
    return PBFT_KEEP;
}
