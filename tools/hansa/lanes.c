#include "tools/hansa/lanes.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "crypto/base/check.h"
#include "net/dial.h"
#include "net/loop.h"

void lanes_open(struct lanes *l, const struct nodes *nodes, uint32_t count)
{
    CHECK(count >= 1);
    CHECK(count <= LANES_MAX);
    memset(l, 0, sizeof *l);
    l->nodes = nodes;
    l->count = count;
}

static void hang_up(struct lane *lane)
{
    if (lane->dial != NULL)
        dial_close(lane->dial);
    lane->dial = NULL;
    lane->is_busy = false;
}

void lanes_close(struct lanes *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        hang_up(&l->items[i]);
    buf_free(&l->bytes);
}

static enum rc call(const struct lanes *l, struct lane *lane, uint32_t node, struct why *why)
{
    if (lane->dial != NULL && lane->node == node)
        return RC_OK;
    hang_up(lane);
    const struct node *n = &l->nodes->items[node];
    const struct genesis *g = l->nodes->genesis;
    lane->node = node;
    enum rc rc =
        dial_open(&lane->dial, n->address, g->members[n->member_index].link_key, &g->chain_id, why);
    if (rc != RC_OK)
        lane->dial = NULL;
    return rc;
}

enum rc lanes_send(struct lanes *l, uint32_t lane, uint32_t node, const struct bytes *txs,
                   const struct digest *txids, uint32_t count, uint32_t wait_ms, struct why *why)
{
    CHECK(lane < l->count);
    CHECK(node < l->nodes->count);
    CHECK(count >= 1);
    CHECK(count <= PROTO_TXS_MAX);
    struct lane *at = &l->items[lane];
    CHECK(!at->is_busy);
    enum rc rc = call(l, at, node, why);
    if (rc != RC_OK)
        return rc;
    l->request.type = PROTO_SUBMIT;
    l->request.wait_ms = wait_ms;
    l->request.count = count;
    for (uint32_t i = 0; i < count; i++) {
        l->request.items[i] = txs[i];
        at->txids[i] = txids[i];
    }
    buf_clear(&l->bytes);
    proto_encode_request(&l->bytes, &l->request);
    dial_send(at->dial, buf_bytes(&l->bytes));
    at->count = count;
    at->is_busy = true;
    at->until_ms = loop_now_ms() + wait_ms + LANE_SILENCE_MS;
    return RC_OK;
}

void lanes_wait(const struct lanes *l, uint64_t until_ms)
{
    struct pollfd fds[LANES_MAX];
    nfds_t count = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct lane *lane = &l->items[i];
        if (!lane->is_busy)
            continue;
        fds[count++] = (struct pollfd){.fd = dial_fd(lane->dial), .events = POLLIN};
        if (lane->until_ms < until_ms)
            until_ms = lane->until_ms;
    }
    uint64_t now_ms = loop_now_ms();
    uint64_t wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    int got = poll(fds, count, wait_ms > INT_MAX ? INT_MAX : (int)wait_ms);
    CHECK(got >= 0 || errno == EINTR);
}

/* One outcome for each that was sent, in that order. */
static bool judge_reply(struct proto_reply *reply, const struct lane *lane)
{
    if (reply->code != PROTO_OK)
        return true;
    if (reply->type != PROTO_SUBMIT || reply->count != lane->count)
        return false;
    for (uint32_t i = 0; i < lane->count; i++)
        reply->results[i].txid = lane->txids[i];
    return true;
}

enum lane_news lanes_take(struct lanes *l, uint32_t lane)
{
    struct lane *at = &l->items[lane];
    if (!at->is_busy)
        return LANE_NOTHING;
    buf_clear(&l->bytes);
    if (!dial_take(at->dial, &l->bytes)) {
        if (loop_now_ms() < at->until_ms)
            return LANE_NOTHING;
        hang_up(at); /* a fresh connection finds a node that came back sooner */
        return LANE_SILENT;
    }
    at->is_busy = false;
    if (!proto_decode_reply(&l->reply, buf_bytes(&l->bytes)) || !judge_reply(&l->reply, at)) {
        l->reply.code = PROTO_MALFORMED;
        return LANE_USELESS;
    }
    return l->reply.code == PROTO_OK ? LANE_RESULTS : LANE_USELESS;
}
