/* Several SUBMIT requests under way side by side: one lane is one session with one node, and one
 * request at a time. A node orders what comes in while it waits for what came before, so that a
 * client with many transactions keeps more than one request with it.
 *
 * What nodes say is handed on as they say it; only that it answers the request is judged here. */
#ifndef TOOLS_HANSA_LANES_H
#define TOOLS_HANSA_LANES_H

#include "tools/hansa/nodes.h"

enum {
    LANES_MAX = 64,
    LANE_TX_BYTES_MAX = PROTO_MSG_BYTES_MAX - 4096, /* of one request, with room for its frame */
    LANE_SILENCE_MS = 1500 /* beyond the time it was asked to wait, a node is silent */
};

struct lane {
    struct dial *dial; /* NULL: none yet */
    uint32_t node;     /* index in nodes.items that dial is of */
    bool is_busy;
    uint64_t until_ms; /* then it is silent */
    uint32_t count;
    struct digest txids[PROTO_TXS_MAX];
};

struct lanes {
    const struct nodes *nodes; /* borrows */
    uint32_t count;
    struct lane items[LANES_MAX];
    struct proto_request request;
    struct proto_reply reply;
    struct buf bytes;
};

/* Large: allocate it. Requires: 1 <= count <= LANES_MAX. Ends with lanes_close(). */
void lanes_open(struct lanes *l, const struct nodes *nodes, uint32_t count);
void lanes_close(struct lanes *l);

/* Send transactions to a node on a lane that is free, and ask it to wait so long for their
 * outcomes. Copies. Requires: 1 <= count <= PROTO_TXS_MAX, LANE_TX_BYTES_MAX bytes in all, ids of
 * the txs. Returns: RC_OK | RC_INVALID (the node's address is none). */
MUST_USE enum rc lanes_send(struct lanes *l, uint32_t lane, uint32_t node, const struct bytes *txs,
                            const struct digest *txids, uint32_t count, uint32_t wait_ms,
                            struct why *why);

/* Sleep until a lane may have something, or the time has come. */
void lanes_wait(const struct lanes *l, uint64_t until_ms);

enum lane_news {
    LANE_NOTHING,
    LANE_RESULTS, /* l->reply.results, in the order sent, their txids those sent; the lane is free
                   */
    LANE_SILENT,  /* no answer in time; free, and what it sent may have been taken */
    LANE_USELESS  /* an answer that says nothing of them (busy, ...): the code is l->reply.code */
};
enum lane_news lanes_take(struct lanes *l, uint32_t lane);

#endif
