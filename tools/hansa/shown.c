#include "tools/hansa/shown.h"

#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/receipt.h"

void shown_close(struct shown *s)
{
    nodes_answer_close(&s->answer);
    nodes_answer_close(&s->above);
}

struct asking {
    struct shown *shown;
    uint32_t node;
    uint32_t timeout_ms;
    struct why *why;
};

static enum rc refuse(const struct asking *a, enum rc rc, uint64_t height, const char *text)
{
    char name[NODES_NAME_BYTES];
    return why_set(a->why, rc, "%s: block %" PRIu64 ": %s",
                   nodes_name(name, a->shown->nodes, a->node), height, text);
}

/* A block whose body and header agree, of this height; nothing says yet that it was agreed on. */
static enum rc ask_block(const struct asking *a, uint64_t height, struct nodes_answer *answer,
                         struct block *out)
{
    struct proto_request request = {.type = PROTO_BLOCK, .height = height};
    enum rc rc = nodes_ask_one(a->shown->nodes, a->node, &request, a->timeout_ms, answer, a->why);
    if (rc != RC_OK)
        return rc;
    if (answer->reply.code != PROTO_OK)
        return refuse(a, RC_NOT_FOUND, height, proto_code_text(answer->reply.code));
    enum block_fault fault = block_decode(out, answer->reply.data);
    if (fault == BLOCK_OK)
        fault = block_judge_body(out, NULL);
    if (fault == BLOCK_OK && out->header.height != height)
        fault = BLOCK_WRONG_HEIGHT;
    if (fault == BLOCK_OK &&
        !digest_equal(&out->header.chain_id, &a->shown->nodes->genesis->chain_id))
        fault = BLOCK_WRONG_CHAIN;
    return fault == BLOCK_OK ? RC_OK : refuse(a, RC_PROOF, height, block_fault_text(fault));
}

/* The block at `height` with this digest is an ancestor of what the certificate is on. */
static enum rc walk_up(const struct asking *a, uint64_t height, struct digest digest,
                       const struct statement *last)
{
    for (uint64_t h = height + 1; h <= last->height; h++) {
        struct block block;
        enum rc rc = ask_block(a, h, &a->shown->above, &block);
        if (rc != RC_OK)
            return rc;
        if (!digest_equal(&block.header.parent, &digest))
            return refuse(a, RC_PROOF, h, block_fault_text(BLOCK_WRONG_PARENT));
        digest = block.digest;
    }
    if (!digest_equal(&digest, &last->digest))
        return refuse(a, RC_PROOF, last->height, "the certificate names another block");
    return RC_OK;
}

enum rc shown_block(struct shown *s, uint32_t node, uint64_t height, uint32_t timeout_ms,
                    struct block *out, struct why *why)
{
    const struct asking a = {s, node, timeout_ms, why};
    const struct genesis *g = s->nodes->genesis;
    enum rc rc = ask_block(&a, height, &s->answer, out);
    if (rc != RC_OK)
        return rc;
    const struct certificate *c = &s->answer.reply.certificate;
    if (!s->answer.reply.has_certificate)
        return refuse(&a, RC_NOT_FOUND, height, "it has no certificate yet");
    if (c->statement.kind != CERT_COMMIT || c->statement.height < height ||
        c->statement.height - height >= RECEIPT_HEADERS_MAX)
        return refuse(&a, RC_PROOF, height, "its certificate is of another thing");
    enum cert_fault fault = cert_verify(c, &g->chain_id, &g->member_table);
    if (fault != CERT_OK)
        return refuse(&a, RC_PROOF, height, cert_fault_text(fault));
    return walk_up(&a, height, out->digest, &c->statement);
}
