/* A proof needs nobody's word, so any node's will do: where one has none, the others are asked. */
#include <inttypes.h>

#include "net/loop.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/nodes.h"

enum { LOOK_MS = 100 }; /* whether anybody listens still is looked at so often */

static bool is_any_open(const struct nodes *n, const bool is_waited_for[static MEMBERS_MAX])
{
    for (uint32_t i = 0; i < n->count; i++) {
        if (is_waited_for[i] && !nodes_is_refused(n, i))
            return true;
    }
    return false;
}

static bool ask_others(struct nodes *n, uint32_t but, const struct proto_request *request,
                       struct nodes_answer *out)
{
    bool is_waited_for[MEMBERS_MAX] = {false};
    uint32_t left_ms = nodes_left_ms(n);
    uint64_t until_ms = loop_now_ms() + (left_ms < NODES_PATIENCE_MS ? left_ms : NODES_PATIENCE_MS);
    nodes_begin(n);
    for (uint32_t i = 0; i < n->count; i++)
        is_waited_for[i] = i != but && nodes_put(n, i, request);
    while (is_any_open(n, is_waited_for) && loop_now_ms() < until_ms && !interrupt_was_asked()) {
        uint64_t look_ms = loop_now_ms() + LOOK_MS;
        if (!nodes_take(n, request, look_ms < until_ms ? look_ms : until_ms, out))
            continue;
        if (out->has_answered)
            return true;
        is_waited_for[out->node] = false;
    }
    return false;
}

enum rc nodes_ask_others_for_proof(struct nodes *n, uint32_t but,
                                   const struct proto_request *request, struct nodes_answer *out,
                                   struct why *why)
{
    const struct parameters *p = &n->genesis->parameters;
    if (ask_others(n, but, request, out))
        return RC_OK;
    out->node = but;
    return why_set(why, RC_NOT_YET,
                   "it has no certified checkpoint yet, so no proof of its state%s. One comes each "
                   "%" PRIu64 " blocks, and within about %" PRIu64 " s of quiet after a block: ask "
                   "again then%s",
                   n->count > 1 ? ", nor has any other node that answers" : "",
                   (uint64_t)p->checkpoint_every_heights,
                   ((uint64_t)p->quiet_checkpoint_ms + 999) / 1000,
                   n->count > 1 ? "" : ", or ask another node");
}
