/* Who waits for what: the report of a run that does not come to its end. It looks into the drivers
 * and their cores, as no checker does, because what they lack shows nowhere outside. */
#include <inttypes.h>

#include "node/driver/driver_impl.h"
#include "node/pbft/state.h"
#include "tests/sim/world.h"

bool sim_node_has_pooled(const struct sim *s, uint32_t index, const struct public_key *key,
                         uint64_t nonce)
{
    const struct driver *d = s->nodes[index].driver;
    return d != NULL && pool_has(d->pool, key, nonce);
}

static uint32_t count_votes(const struct pbft *p, struct pbft_slot *slot, enum cert_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->config.members.members_count; i++) {
        const struct pbft_ballot *b = pbft_ballot(slot, kind, i);
        count += b->is_cast && b->view == p->view;
    }
    return count;
}

/* What is known of the next height: its bodies and its votes in this view. */
static void print_next(const struct pbft *p, FILE *to)
{
    uint64_t height = p->committed.height + 1;
    struct pbft_slot *slot = pbft_slot_find(p, height);
    uint32_t blocks = 0, bodies = 0;
    if (slot == NULL) {
        (void)fprintf(to, "; nothing of height %" PRIu64, height);
        return;
    }
    for (uint32_t i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        blocks += slot->known[i].is_used;
        bodies += slot->known[i].is_used && slot->known[i].has_body;
    }
    (void)fprintf(to,
                  "; of height %" PRIu64 ": %u blocks, %u bodies, PREPAREs %u, COMMITs %u of %u",
                  height, blocks, bodies, count_votes(p, slot, CERT_PREPARE),
                  count_votes(p, slot, CERT_COMMIT), p->quorum);
}

static void print_missing(const struct pbft *p, FILE *to)
{
    const struct certificate *certificates[] = {&p->top_cqc, &p->top_pqc};
    static const char *const words[] = {"COMMIT", "PREPARE"};
    for (size_t i = 0; i < 2; i++) {
        struct pbft_block missing = pbft_missing_below(p, certificates[i]);
        if (missing.height > 0)
            (void)fprintf(to,
                          "; lacks the body of %" PRIu64 " below the %s certificate of %" PRIu64,
                          missing.height, words[i], certificates[i]->statement.height);
    }
}

static void print_asking(const struct driver *d, const struct pbft *p, FILE *to)
{
    for (uint32_t i = 0; i < p->config.members.members_count; i++) {
        const struct pbft_peer *peer = &p->peers[i];
        if (p->now_ms >= peer->fetching_until_ms)
            continue;
        if (peer->fetching_place < UINT64_MAX)
            (void)fprintf(to, "; asks %u for blocks from %" PRIu64, i, peer->fetching_place);
        else
            (void)fprintf(to, "; asks %u for a body", i);
    }
    if (p->is_checking)
        (void)fprintf(to, "; checks a proposal of height %" PRIu64, p->check.height);
    if (p->is_building)
        (void)fprintf(to, "; builds height %" PRIu64, p->build.height);
    if (p->is_build_dry)
        (void)fputs("; nothing to build of", to);
    if (d->is_committing)
        (void)fputs(d->is_marking ? "; waits for its marker" : "; waits for its disk", to);
}

/* Of a view that is not installed yet: whose NEW-VIEW it needs, and what that takes (7.3). */
static void print_change(const struct pbft *p, FILE *to)
{
    uint32_t changes = 0, complaints = 0, n = p->config.members.members_count;
    for (uint32_t i = 0; i < n; i++) {
        changes += p->peers[i].has_view_change && p->peers[i].view_change.view == p->view;
        complaints += p->peers[i].has_complain && p->peers[i].complain.view == p->view;
    }
    (void)fprintf(to, "; complaints about view %" PRIu64 ": %u of %u", p->view, complaints,
                  p->faulty_max + 1);
    if (p->mode == PBFT_CHANGING)
        (void)fprintf(to, "; waits for NEW-VIEW of %u, has %u of %u VIEW-CHANGEs",
                      pbft_primary(p, p->view), changes, p->quorum);
    else if (!p->is_installed)
        (void)fputs("; waits for a COMMIT certificate of its view", to);
}

static void print_core(const struct sim_node *n, FILE *to)
{
    const struct driver *d = n->driver;
    const struct pbft *p = d->core;
    struct driver_look look;
    driver_look(d, &look);
    (void)fprintf(to, "view %" PRIu64 " (%s%s), committed %" PRIu64 ", durable %" PRIu64, p->view,
                  p->mode == PBFT_NORMAL ? "NORMAL" : "CHANGING",
                  look.core.is_primary ? ", primary"
                  : p->is_installed    ? ", installed"
                                       : "",
                  p->committed.height, look.durable_height);
    (void)fprintf(to, ", k %u%s", p->backoff_count, p->is_complaining ? ", complains" : "");
    (void)fprintf(to, ", certified %" PRIu64 ", base %" PRIu64, p->top_cqc.statement.height,
                  p->base.height);
    if (p->has_tip)
        (void)fprintf(to, ", tip %" PRIu64, p->tip.height);
    if (p->has_high)
        (void)fprintf(to, ", high %" PRIu64 " of view %" PRIu64, p->high.statement.height,
                      p->high.statement.view);
    (void)fprintf(to, ", pool %u (%u executable), %u clients wait", look.pool.txs_count,
                  look.pool.executable_count, look.waiting_count);
    print_change(p, to);
    print_next(p, to);
    print_missing(p, to);
    print_asking(d, p, to);
    if (p->is_learner)
        (void)fputs("; a learner", to);
    if (p->is_alarmed)
        (void)fputs("; alarmed", to);
}

static void print_node(const struct sim *s, uint32_t index, FILE *to)
{
    const struct sim_node *n = &s->nodes[index];
    (void)fprintf(to, "node %u%s: ", index, sim_is_faulty(s, index) ? " (its store lied)" : "");
    if (n->is_gone)
        (void)fputs("down for good", to);
    else if (n->driver == NULL)
        (void)fprintf(to, "down until %" PRIu64 " us", n->up_at_us);
    else
        print_core(n, to);
    (void)fputs(n->driver != NULL && sim_node_is_paused(s, index) ? "; paused\n" : "\n", to);
}

void sim_print_waiting(const struct sim *s, FILE *to)
{
    struct buf words = {0};
    uint32_t pending = sim_clients_pending(s, &words);
    (void)fprintf(to, "%u transactions are pending:%.*s\n", pending, (int)words.size,
                  (const char *)words.data);
    (void)fprintf(to, "%u linearizable reads are pending\n", sim_reads_pending(s));
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        print_node(s, i, to);
    buf_free(&words);
}
