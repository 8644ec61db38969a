/* The one chain. Whoever commits a height first makes it known here; it is judged by the ledger's
 * rules, in the simplest form they have, and everybody else must have the same. */
#include <inttypes.h>

#include "ledger/block.h"
#include "tests/sim/checker_parts.h"

uint64_t check_height(const struct sim *s)
{
    return s->checker == NULL || s->checker->chain_count == 0 ? 0 : s->checker->chain_count - 1;
}

static void push(struct sim_checker *c, const struct digest *digest, uint64_t time_ms)
{
    if (c->chain_count == c->chain_room) {
        c->chain_room = 2 * c->chain_room + 256;
        c->chain = mem_resize(c->chain, c->chain_room * sizeof *c->chain);
    }
    c->chain[c->chain_count++] = (struct check_block){.digest = *digest, .time_ms = time_ms};
}

void check_chain_open(struct sim *s)
{
    struct block_header header;
    struct digest digest;
    block_genesis_header(&header, &s->genesis.chain_id);
    block_header_digest(&digest, &header);
    push(s->checker, &digest, header.time_ms);
}

static _Noreturn void fail(struct sim *s, uint32_t node, const struct block *b, const char *words)
{
    sim_fail(s, node, "the chain is a chain", "height %" PRIu64 ": %s", b->header.height, words);
}

/* The latest time that the wall clocks of a quorum have all shown, whatever steps they made. */
static uint64_t latest_of_a_quorum_ms(const struct sim *s)
{
    uint32_t n = s->plan.members_count, quorum = quorum_of(n);
    uint64_t latest_ms = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t own_ms = sim_node_wall_most_ms(s, i);
        uint32_t count = 0;
        for (uint32_t k = 0; k < n; k++) /* Byzantine ones vote whatever their clocks show */
            count += sim_is_byzantine(s, k) || sim_node_wall_most_ms(s, k) >= own_ms;
        if (count >= quorum && own_ms > latest_ms)
            latest_ms = own_ms;
    }
    return latest_ms;
}

/* A block follows its parent: chain, height, digest, time; it is not empty, its proposer is a
 * member, and its time had come by the clocks of all who voted for it (5.1, 5.2). */
static void check_header(struct sim *s, uint32_t node, const struct block *b)
{
    const struct block_header *h = &b->header;
    const struct check_block *parent = &s->checker->chain[check_height(s)];
    uint64_t latest_ms = latest_of_a_quorum_ms(s) + s->genesis.parameters.clock_skew_ms;
    if (!digest_equal(&h->chain_id, &s->genesis.chain_id) || h->epoch != 0)
        fail(s, node, b, "another chain or epoch");
    if (h->height != check_height(s) + 1 || !digest_equal(&h->parent, &parent->digest))
        fail(s, node, b, "it does not follow its parent");
    if (h->time_ms <= parent->time_ms || h->time_ms > latest_ms)
        fail(s, node, b, "its time is not after its parent's, or is still to come");
    if (h->tx_count == 0 && sim_byzantine(s) == 0) /* 5.1 binds correct primaries alone */
        fail(s, node, b, "it is empty");
    if (h->proposer >= s->plan.members_count)
        fail(s, node, b, "its proposer is no member");
    if (h->body_bytes > s->genesis.parameters.block_bytes_max)
        fail(s, node, b, "it is larger than B_max");
}

/* A transaction stands on the chain once, and not after a client was told that it never will. */
static void check_txid(struct sim *s, uint32_t node, const struct digest *txid,
                       const struct place *place)
{
    struct sim_checker *c = s->checker;
    const struct check_value *before = check_map_find(&c->txids, txid);
    if (before != NULL)
        sim_fail(s, node, "exactly once",
                 "one transaction stands at height %" PRIu64 " and at height %" PRIu64,
                 before->place.height, place->height);
    if (check_map_find(&c->rejected, txid) != NULL)
        sim_fail(s, node, "what was rejected never commits", "height %" PRIu64 ", transaction %u",
                 place->height, place->tx_index);
    check_map_put(&c->txids, txid)->place = *place;
}

void check_chain_add(struct sim *s, uint32_t node, const struct block *b)
{
    struct rd r = rd_of(b->body);
    check_header(s, node, b);
    for (uint32_t i = 0; i < b->header.tx_count; i++) {
        struct tx tx;
        struct place place = {.height = b->header.height, .tx_index = i};
        if (tx_decode(&tx, block_next_tx(&r), &s->genesis.chain_id) != VERDICT_OK)
            fail(s, node, b, "a transaction does not decode");
        check_txid(s, node, &tx.id, &place);
        model_apply(s, node, &tx, b->header.height);
    }
    if (!rd_done(&r))
        fail(s, node, b, "bytes are left over behind its transactions");
    model_check_money(s, node);
    push(s->checker, &b->digest, b->header.time_ms);
    s->counts.blocks++;
    sim_say(s, node, "first with height %" PRIu64 ", %u transactions", b->header.height,
            b->header.tx_count);
}
