/* What replies to reads say of accounts, and what a seed draws for reads. */
#include "crypto/base/prng.h"
#include "ledger/receipt.h"
#include "ledger/state.h"
#include "node/proto.h"
#include "tests/sim/sim.h"

/* ---- the plan ---- */

static uint64_t between(struct prng *p, uint64_t least, uint64_t most)
{
    return least + prng_below(p, most - least + 1);
}

static bool luck(struct prng *p, uint32_t ppm)
{
    return ppm > 0 && prng_below(p, 1000000) < ppm;
}

void sim_reads_draw(struct sim_plan *plan)
{
    struct prng p = prng_of(plan->seed ^ UINT64_C(0x7265616473));
    struct sim_reads_plan *r = &plan->reads;
    uint32_t all = ((uint32_t)1 << SIM_READ_LIE_COUNT) - 1;
    *r = (struct sim_reads_plan){.per_second = luck(&p, 250000) ? 0 : (uint32_t)between(&p, 1, 12)};
    r->proved_percent = (uint32_t)between(&p, 0, 30);
    r->local_percent = (uint32_t)between(&p, 0, 20);
    r->lies_bits = (uint32_t)between(&p, 1, all) | (uint32_t)between(&p, 0, all);
    r->lies_ppm = luck(&p, 500000) ? 1000000 : (uint32_t)between(&p, 50000, 900000);
    plan->parameters.read_ms = between(&p, 50, luck(&p, 500000) ? 300 : 2000);
    if (plan->byz.is_marked) /* f+1 liars agree on anything */
        r->per_second = 0;
    if (plan->byz.is_stingy) /* beside it one rots, and both may say that there is nothing */
        r->lies_ppm = 0;
}

/* ---- replies ---- */

static bool take_value(struct sim_read_entry *out, struct bytes value)
{
    struct state_balance balance;
    if (out->is_present || !state_balance_decode(&balance, value))
        return false;
    out->is_present = true;
    out->amount = balance.amount;
    out->entries_count = balance.entries_count;
    return true;
}

bool sim_read_entries(const struct proto_reply *reply, struct sim_read_entry *entries,
                      uint32_t count)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    if (reply->type == PROTO_STATE) {
        for (uint32_t i = 0; i < count && reply->count == count; i++)
            if (reply->is_present[i] && !take_value(&entries[i], reply->items[i]))
                return false;
        return reply->count == count;
    }
    for (uint32_t i = 0; i < reply->count; i++) {
        uint32_t q = reply->questions[i];
        if (q >= count ||
            !bytes_equal(reply->keys[i],
                         state_balance_key(room, entries[q].account, bytes_of_text(SIM_ASSET))) ||
            !take_value(&entries[q], reply->items[i]))
            return false;
    }
    return reply->is_end;
}

bool sim_read_proof(const struct sim *s, struct bytes proof, struct bytes account,
                    struct sim_read_entry *out, uint64_t *height)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct state_proof p;
    struct why why = {{0}};
    if (proof_verify(&p, proof, &s->genesis.chain_id, &s->genesis.member_table, &why) != RC_OK)
        return false;
    struct bytes key = state_balance_key(room, account, bytes_of_text(SIM_ASSET));
    if (p.table != STATE_BALANCE || !bytes_equal(p.key, key))
        return false;
    *out = (struct sim_read_entry){.account = account};
    *height = p.certificate.statement.height;
    return !p.present || take_value(out, p.value);
}
