/* Whether what a node sent is a reply to what it was asked. */
#include "tools/hansa/nodes.h"

/* Each entry is one that its question asked for. */
static bool are_entries_of(const struct proto_reply *reply, const struct proto_request *request)
{
    for (uint32_t i = 0; i < reply->count; i++) {
        uint8_t question = reply->questions[i];
        if (question >= request->count)
            return false;
        struct bytes key = request->items[question];
        if (request->is_prefix[question] ? !bytes_has_prefix(reply->keys[i], key)
                                         : !bytes_equal(reply->keys[i], key))
            return false;
    }
    return true;
}

bool nodes_is_reply_to(const struct proto_reply *reply, const struct proto_request *request)
{
    if (reply->code == PROTO_MALFORMED)
        return true;
    if (reply->type != request->type)
        return false;
    if (reply->code != PROTO_OK)
        return true;
    switch (request->type) {
    case PROTO_SUBMIT:
    case PROTO_WAIT:
    case PROTO_STATE:
    case PROTO_INDEX:
        return reply->count == request->count;
    case PROTO_NAMES:
        return reply->count <= request->names_max;
    case PROTO_READ:
        return are_entries_of(reply, request);
    case PROTO_BACKUP:
        return reply->data.size <= request->count;
    case PROTO_RECEIPT:
    case PROTO_STATUS:
    case PROTO_METRICS:
    case PROTO_BLOCK:
    case PROTO_PROOF:
    case PROTO_EVIDENCE:
    case PROTO_TYPE_END:
        break;
    }
    return true;
}
