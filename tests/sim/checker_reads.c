/* Reads: what a sound node answers is durable and is what the chain says of the height it names;
 * what a client accepts as linearizable fits into one order with all transactions and all other
 * such reads (rule 11, pitfalls F2).
 *
 * That order is looked for as it grows. Reads are taken as they end; each is put at the lowest
 * height from which on it can stand: not below what was acknowledged to anybody before it began,
 * nor below an earlier read that had ended by then. The lowest place leaves later reads the most
 * room, so when there is none for one of them, there is no order at all. */
#include <inttypes.h>

#include "ledger/receipt.h"
#include "ledger/state.h"
#include "node/proto.h"
#include "tests/sim/checker_parts.h"

void check_acknowledged_height(struct sim *s, uint64_t height)
{
    if (s->checker->acknowledged_height < height)
        s->checker->acknowledged_height = height;
}

uint64_t sim_check_read_begins(const struct sim *s)
{
    const struct sim_checker *c = s->checker;
    return c->acknowledged_height > c->read_height ? c->acknowledged_height : c->read_height;
}

uint64_t sim_check_height(const struct sim *s)
{
    return check_height(s);
}

uint64_t sim_check_txs(const struct sim *s)
{
    return s->checker->txids.count;
}

uint64_t sim_check_lowest(const struct sim *s)
{
    uint64_t lowest = check_height(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (sim_is_needed(s, i) && s->checker->nodes[i].height < lowest)
            lowest = s->checker->nodes[i].height;
    return lowest;
}

/* ---- values ---- */

/* Whether the account held that at a height; *until_height: for how long what it held then stays.
 */
static bool is_at(const struct sim *s, const struct sim_read_entry *e, uint64_t height,
                  uint64_t *until_height)
{
    const struct check_history *h =
        model_history(s->checker->model, e->account, bytes_of_text(SIM_ASSET));
    const struct check_amount *a = check_history_at(h, height, until_height);
    if (a == NULL || !e->is_present)
        return a == NULL && !e->is_present;
    return a->amount == e->amount && a->entries_count == e->entries_count;
}

bool sim_check_value_at(const struct sim *s, struct bytes account, uint64_t height,
                        struct sim_read_entry *out)
{
    uint64_t until_height;
    const struct check_history *h =
        model_history(s->checker->model, account, bytes_of_text(SIM_ASSET));
    const struct check_amount *a = check_history_at(h, height, &until_height);
    *out = (struct sim_read_entry){.account = account, .is_present = a != NULL};
    if (a == NULL)
        return false;
    out->amount = a->amount;
    out->entries_count = a->entries_count;
    return true;
}

/* The lowest height from `from_height` on at which all entries hold; UINT64_MAX: at none. */
static uint64_t lowest_at(const struct sim *s, uint64_t from_height,
                          const struct sim_read_entry *entries, uint32_t count)
{
    for (uint64_t height = from_height; height <= check_height(s);) {
        uint64_t next_height = 0, until_height;
        for (uint32_t i = 0; i < count && next_height == 0; i++)
            if (!is_at(s, &entries[i], height, &until_height))
                next_height = until_height == UINT64_MAX ? UINT64_MAX : until_height + 1;
        if (next_height == 0)
            return height;
        height = next_height;
        if (height == UINT64_MAX)
            break;
    }
    return UINT64_MAX;
}

/* ---- what is accepted ---- */

void sim_check_read(struct sim *s, uint64_t from_height, uint64_t index_height,
                    const struct sim_read_entry *entries, uint32_t count)
{
    if (index_height < from_height)
        sim_fail(s, UINT32_MAX, "a read's index covers what was acknowledged before it",
                 "R is %" PRIu64 ", acknowledged or read before was %" PRIu64, index_height,
                 from_height);
    /* Whoever is stingy and the one that rots are not watched, and may be first with a block; both
     * say what they have. What stands in it is not known here yet. */
    if (s->plan.byz.is_stingy && index_height > check_height(s))
        return;
    uint64_t height = lowest_at(s, index_height, entries, count);
    if (height == UINT64_MAX)
        sim_fail(s, UINT32_MAX, "reads are linearizable",
                 "no height from %" PRIu64 " to %" PRIu64 " has what was accepted: %.*s%s holds "
                 "%" PRIu64 " after %" PRIu64 " changes, and %u more",
                 index_height, check_height(s), (int)entries[0].account.size,
                 (const char *)entries[0].account.data, entries[0].is_present ? "" : " (absent)",
                 entries[0].amount, entries[0].entries_count, count - 1);
    if (s->checker->read_height < height)
        s->checker->read_height = height;
}

void sim_check_proved(struct sim *s, uint32_t node_index, uint64_t height,
                      const struct sim_read_entry *entry)
{
    uint64_t until_height;
    if (height > check_height(s) || !is_at(s, entry, height, &until_height))
        sim_fail(
            s, node_index, "what is proved is what the chain says",
            "%.*s at height %" PRIu64 " of %" PRIu64 ": %s, %" PRIu64 " after %" PRIu64 " changes",
            (int)entry->account.size, (const char *)entry->account.data, height, check_height(s),
            entry->is_present ? "present" : "absent", entry->amount, entry->entries_count);
}

/* ---- what a sound node answers ---- */

/* Neither value nor high is told before it is durable, and what was told once is there for good. */
static void check_durable(struct sim *s, uint32_t node, const struct proto_reply *reply)
{
    struct check_node *n = &s->checker->nodes[node];
    const struct certificate *high = &reply->certificate;
    if (reply->height > n->height)
        sim_fail(s, node, "nothing is read before it is durable",
                 "height %" PRIu64 ", on disk %" PRIu64, reply->height, n->height);
    if (reply->height < n->read_height)
        sim_fail(s, node, "what a node answers never goes back",
                 "height %" PRIu64 ", and before %" PRIu64, reply->height, n->read_height);
    n->read_height = reply->height;
    if (n->promised_height < reply->height)
        n->promised_height = reply->height;
    if (reply->type != PROTO_READ)
        return;
    if (reply->is_learner)
        sim_fail(s, node, "nobody stops voting among honest nodes", "it says it is a learner");
    if (reply->height > (reply->has_certificate ? high->statement.height : 0))
        sim_fail(s, node, "a high covers what is committed", "height %" PRIu64, reply->height);
    if (!reply->has_certificate)
        return;
    struct pbft_rank rank = pbft_rank_of(high);
    check_certificate(s, node, high);
    if (pbft_rank_compare(&rank, &n->high) > 0)
        sim_fail(s, node, "nothing is read before it is durable",
                 "a high of height %" PRIu64 ", on disk %" PRIu64, rank.height, n->high.height);
}

static void check_entries(struct sim *s, uint32_t node, uint64_t height,
                          const struct sim_read_entry *entries, uint32_t count)
{
    uint64_t until_height;
    for (uint32_t i = 0; i < count; i++)
        if (!is_at(s, &entries[i], height, &until_height))
            sim_fail(s, node, "a node answers what the chain says",
                     "%.*s at height %" PRIu64 ": %s, %" PRIu64 " after %" PRIu64 " changes",
                     (int)entries[i].account.size, (const char *)entries[i].account.data, height,
                     entries[i].is_present ? "present" : "absent", entries[i].amount,
                     entries[i].entries_count);
}

/* The heights of proofs are of certified checkpoints, which are durable too. */
static void check_proof(struct sim *s, uint32_t node, const struct proto_reply *reply,
                        struct bytes account)
{
    struct check_node *n = &s->checker->nodes[node];
    struct sim_read_entry entry;
    uint64_t height;
    if (!sim_read_proof(s, reply->data, account, &entry, &height))
        sim_fail(s, node, "proofs verify", "one of %zu bytes does not", reply->data.size);
    sim_check_proved(s, node, height, &entry);
    if (height < n->proved_height)
        sim_fail(s, node, "what a node answers never goes back",
                 "a proof at height %" PRIu64 ", and before at %" PRIu64, height, n->proved_height);
    n->proved_height = height;
}

void sim_check_read_reply(struct sim *s, uint32_t node_index, uint64_t number, struct bytes reply)
{
    static struct proto_reply r;
    struct sim_read_entry entries[SIM_READ_ACCOUNTS_MAX];
    uint32_t count = sim_reads_accounts(s, number, entries);
    if (!proto_decode_reply(&r, reply))
        sim_fail(s, node_index, "replies decode", "%zu bytes do not", reply.size);
    bool may_lack = (r.type == PROTO_PROOF && r.code == PROTO_NOT_FOUND) || r.code == PROTO_BUSY;
    if (may_lack)
        return;
    if (r.code != PROTO_OK)
        sim_fail(s, node_index, "a sound node can be read", "%s", proto_code_word(r.code));
    s->counts.read_replies++;
    if (r.type == PROTO_PROOF) {
        if (count > 0)
            check_proof(s, node_index, &r, entries[0].account);
        return;
    }
    check_durable(s, node_index, &r);
    if (count == 0)
        return; /* nobody waits for it any more */
    if (!sim_read_entries(&r, entries, count))
        sim_fail(s, node_index, "a node answers what the chain says", "no answer to the question");
    check_entries(s, node_index, r.height, entries, count);
}
