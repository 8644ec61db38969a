/* What Byzantine members answer to reads, in place of what their own serve said. Those who lie to
 * one read tell it the same: they are f, and one more that did would be believed. */
#include "ledger/state.h"
#include "node/proto.h"
#include "tests/sim/world.h"

struct lie {
    struct sim *s;
    uint32_t node;
    uint64_t height; /* of the past that it tells of, the same for all */
    struct prng prng;
    struct proto_reply reply;
    uint8_t values[SIM_READ_ACCOUNTS_MAX][16];
    uint8_t keys[SIM_READ_ACCOUNTS_MAX][STATE_KEY_BYTES_MAX];
    struct sim_read_entry entries[SIM_READ_ACCOUNTS_MAX];
    uint32_t count; /* of accounts that are asked for */
};

static struct bytes value_of(struct lie *l, uint32_t i)
{
    struct wr w = wr_of(l->values[i], sizeof l->values[i]);
    wr_u64(&w, l->entries[i].amount);
    wr_u64(&w, l->entries[i].entries_count);
    return wr_bytes_of(&w);
}

/* The answer becomes these entries. */
static void put_entries(struct lie *l)
{
    struct proto_reply *r = &l->reply;
    r->count = 0;
    r->is_end = true;
    for (uint32_t i = 0; i < l->count; i++) {
        if (r->type == PROTO_STATE) {
            r->is_present[i] = l->entries[i].is_present;
            r->items[r->count++] = r->is_present[i] ? value_of(l, i) : bytes_of(NULL, 0);
        } else if (l->entries[i].is_present) {
            r->questions[r->count] = (uint8_t)i;
            r->keys[r->count] =
                state_balance_key(l->keys[i], l->entries[i].account, bytes_of_text(SIM_ASSET));
            r->items[r->count++] = value_of(l, i);
        }
    }
}

static void tell_values_of(struct lie *l, uint64_t height)
{
    for (uint32_t i = 0; i < l->count; i++)
        (void)sim_check_value_at(l->s, l->entries[i].account, height, &l->entries[i]);
    put_entries(l);
}

static void tell_wrong(struct lie *l)
{
    tell_values_of(l, l->height);
    uint32_t i = (uint32_t)prng_below(&l->prng, l->count);
    l->entries[i].is_present = true;
    l->entries[i].amount = prng_below(&l->prng, 1000000);
    l->entries[i].entries_count += prng_below(&l->prng, 3);
    put_entries(l);
}

/* A certificate of then, if its store has one; below it nothing is wrong but that it is over. */
static void tell_past(struct lie *l)
{
    struct proto_reply *r = &l->reply;
    struct why why = {{0}};
    uint64_t height = l->height;
    r->has_certificate = height > 0 && store_get_certificate(l->s->nodes[l->node].store, height,
                                                             &r->certificate, &why) == RC_OK;
    if (!r->has_certificate)
        height = 0;
    r->height = height;
    tell_values_of(l, height);
}

static void tell_another_height(struct lie *l)
{
    struct proto_reply *r = &l->reply;
    uint64_t certified = r->has_certificate ? r->certificate.statement.height : 0;
    switch (prng_below(&l->prng, 3)) {
    case 0: /* the most that it can claim */
        r->height = certified;
        break;
    case 1:
        r->height = certified + 1 + prng_below(&l->prng, 5);
        break;
    default:
        r->height = prng_below(&l->prng, r->height + 1);
    }
    if (prng_below(&l->prng, 2) == 0)
        tell_values_of(l, l->height);
}

static void tell_another_high(struct lie *l)
{
    struct certificate *c = &l->reply.certificate;
    uint64_t kind = prng_below(&l->prng, 4);
    if (kind == 0 || !l->reply.has_certificate)
        l->reply.has_certificate = false;
    else if (kind == 1)
        c->statement.height += 1 + prng_below(&l->prng, 5);
    else if (kind == 2)
        c->statement.view++;
    else
        c->entries[0].signature.bytes[0] ^= 1;
    tell_values_of(l, l->height);
}

static void garble(struct lie *l, struct buf *reply)
{
    size_t at = prng_below(&l->prng, reply->size);
    if (prng_below(&l->prng, 4) == 0)
        reply->size = at;
    else
        reply->data[at] ^= (uint8_t)(1u << prng_below(&l->prng, 8));
}

static enum sim_read_lie draw_lie(struct lie *l, uint32_t bits)
{
    enum sim_read_lie lie;
    do
        lie = (enum sim_read_lie)prng_below(&l->prng, SIM_READ_LIE_COUNT);
    while ((bits >> lie & 1) == 0);
    return lie;
}

static void tell(struct lie *l, enum sim_read_lie lie)
{
    switch (lie) {
    case SIM_READ_WRONG:
        tell_wrong(l);
        break;
    case SIM_READ_STALE:
        tell_values_of(l, l->height);
        break;
    case SIM_READ_PAST:
        tell_past(l);
        break;
    case SIM_READ_HEIGHT:
        tell_another_height(l);
        break;
    case SIM_READ_HIGH:
        tell_another_high(l);
        break;
    default: /* ABSENT */
        for (uint32_t i = 0; i < l->count; i++)
            l->entries[i].is_present = false;
        put_entries(l);
    }
}

bool sim_read_lies(struct sim *s, uint32_t node_index, uint64_t number, struct buf *reply)
{
    static struct lie l;
    const struct sim_reads_plan *plan = &s->plan.reads;
    uint64_t serial, began_height;
    if (!sim_reads_of(s, number, &serial, &began_height) || plan->lies_bits == 0)
        return true;
    l = (struct lie){.s = s, .node = node_index};
    l.prng = prng_of(s->plan.seed ^ serial << 20);
    if (prng_below(&l.prng, 1000000) >= plan->lies_ppm)
        return true;
    l.height = prng_below(&l.prng, 2) == 0 ? sim_check_lowest(s) /* as whoever lags says too */
                                           : prng_below(&l.prng, began_height + 1);
    l.count = sim_reads_accounts(s, number, l.entries);
    enum sim_read_lie lie = draw_lie(&l, plan->lies_bits);
    s->counts.read_lies[lie]++;
    if (lie == SIM_READ_SILENT)
        return false;
    bool is_entries = proto_decode_reply(&l.reply, buf_bytes(reply)) && l.reply.code == PROTO_OK &&
                      l.reply.type != PROTO_PROOF;
    if (lie == SIM_READ_GARBLED || !is_entries) {
        garble(&l, reply);
        return true;
    }
    struct buf bytes = {0};
    tell(&l, lie);
    proto_encode_reply(&bytes, &l.reply);
    buf_clear(reply);
    buf_add_bytes(reply, buf_bytes(&bytes));
    buf_free(&bytes);
    return true;
}
