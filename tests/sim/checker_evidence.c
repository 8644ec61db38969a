/* Evidence (14.1): what is on a node's disk and what it hands on proves what it says, and is
 * against nobody but those who are Byzantine, or whose store made them forget. */
#include "node/pbft/wire.h"
#include "node/verify.h"
#include "tests/sim/checker_parts.h"

static void check_evidence(struct sim *s, uint32_t node, const struct pbft_evidence *e)
{
    struct verify_config config = {
        .chain_id = s->genesis.chain_id,
        .members = s->genesis.member_table,
        .block_rules = {.members_count = s->plan.members_count,
                        .body_bytes_max = s->genesis.parameters.block_bytes_max}};
    if (!sim_is_byzantine(s, e->offender) && !sim_is_faulty(s, e->offender))
        sim_fail(s, node, "evidence is against the Byzantine alone", "%s of member %u",
                 pbft_evidence_word(e->kind), e->offender);
    if (verify_evidence(e, &config) != VERIFY_KEEP)
        sim_fail(s, node, "evidence proves what it says", "%s of member %u",
                 pbft_evidence_word(e->kind), e->offender);
}

/* "evidence" offender kind. */
static uint32_t kind_of(struct sim *s, uint32_t node, struct bytes key, uint32_t *offender)
{
    struct rd r = rd_of(key);
    *offender = rd_u8(&r);
    uint32_t kind = rd_u8(&r);
    if (!rd_done(&r) || *offender >= s->plan.members_count || kind < 1 ||
        kind >= PBFT_EVIDENCE_KINDS_END)
        sim_fail(s, node, "a disk holds evidence", "under a key that is none");
    return kind;
}

/* An item is looked at when it is new on this disk; it stays as it is. */
static void check_item(struct sim *s, uint32_t node, uint32_t offender, uint32_t kind,
                       struct bytes value)
{
    struct check_node *n = &s->checker->nodes[node];
    struct pbft_evidence e;
    if ((n->evidence[offender] & PBFT_EVIDENCE_BIT(kind)) != 0)
        return;
    if (!pbft_evidence_decode(&e, value, verify_block_head) || e.offender != offender ||
        (uint32_t)e.kind != kind)
        sim_fail(s, node, "a disk holds evidence", "kind %u of member %u", kind, offender);
    check_evidence(s, node, &e);
    n->evidence[offender] |= PBFT_EVIDENCE_BIT(kind);
    s->counts.evidence++;
}

/* What is there now, is all that was there before. */
void check_evidence_on_disk(struct sim *s, uint32_t node)
{
    struct check_node *n = &s->checker->nodes[node];
    struct bytes prefix = bytes_of_text("evidence"), key, value;
    uint32_t found[SIM_NODES_MAX] = {0}, offender;
    struct kv_cursor *cursor;
    enum rc rc = kv_cursor_open(&cursor, n->view, KV_VOTE);
    if (rc != RC_OK)
        sim_fail(s, node, "a disk can be read", "%s", rc_text(rc));
    for (rc = kv_cursor_seek(cursor, prefix, &key, &value);
         rc == RC_OK && bytes_has_prefix(key, prefix); rc = kv_cursor_next(cursor, &key, &value)) {
        struct bytes rest = bytes_of(key.data + prefix.size, key.size - prefix.size);
        uint32_t kind = kind_of(s, node, rest, &offender);
        found[offender] |= PBFT_EVIDENCE_BIT(kind);
        check_item(s, node, offender, kind, value);
    }
    kv_cursor_close(cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        sim_fail(s, node, "a disk gives back what was written", "%s", rc_text(rc));
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (n->evidence[i] != found[i])
            sim_fail(s, node, "evidence is kept", "of member %u", i);
}

void check_evidence_sent(struct sim *s, uint32_t node, const struct pbft_evidence *e)
{
    check_evidence(s, node, e);
    if ((s->checker->nodes[node].evidence[e->offender] & PBFT_EVIDENCE_BIT(e->kind)) == 0)
        sim_fail(s, node, "nothing is sent before it is durable", "evidence of member %u",
                 e->offender);
}
