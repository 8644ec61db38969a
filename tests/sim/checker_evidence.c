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

static struct bytes key_of(uint8_t room[static 16], uint32_t offender, uint32_t kind)
{
    struct wr key = wr_of(room, 16);
    wr_bytes(&key, bytes_of_text("evidence"));
    wr_u8(&key, (uint8_t)offender);
    wr_u8(&key, (uint8_t)kind);
    return wr_bytes_of(&key);
}

/* An item is looked at when it is new on this disk; it stays as it is. */
static void check_item(struct sim *s, uint32_t node, uint32_t offender, uint32_t kind)
{
    struct check_node *n = &s->checker->nodes[node];
    struct pbft_evidence e;
    struct bytes value;
    uint8_t room[16];
    bool is_known = (n->evidence[offender] & PBFT_EVIDENCE_BIT(kind)) != 0;
    bool is_there = check_get(s, node, KV_VOTE, key_of(room, offender, kind), &value);
    if (is_known && !is_there)
        sim_fail(s, node, "evidence is kept", "kind %u of member %u", kind, offender);
    if (is_known || !is_there)
        return;
    if (!pbft_evidence_decode(&e, value, verify_block_head) || e.offender != offender ||
        (uint32_t)e.kind != kind)
        sim_fail(s, node, "a disk holds evidence", "kind %u of member %u", kind, offender);
    check_evidence(s, node, &e);
    n->evidence[offender] |= PBFT_EVIDENCE_BIT(kind);
    s->counts.evidence++;
}

void check_evidence_on_disk(struct sim *s, uint32_t node)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        for (uint32_t kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++)
            check_item(s, node, i, kind);
}

void check_evidence_sent(struct sim *s, uint32_t node, const struct pbft_evidence *e)
{
    check_evidence(s, node, e);
    if ((s->checker->nodes[node].evidence[e->offender] & PBFT_EVIDENCE_BIT(e->kind)) == 0)
        sim_fail(s, node, "nothing is sent before it is durable", "evidence of member %u",
                 e->offender);
}
