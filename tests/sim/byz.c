/* What a Byzantine member's driver sends passes here through the ways of its member; and the
 * moments at which the member speaks unasked. */
#include "tests/sim/byz.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"

/* ---- who ---- */

uint32_t sim_byzantine(const struct sim *s)
{
    return s->plan.byz.members;
}

bool sim_is_byzantine(const struct sim *s, uint32_t node_index)
{
    return node_index >= SIM_NODES_MAX || (s->plan.byz.members >> node_index & 1) != 0;
}

bool sim_byz_is_live(const struct sim *s)
{
    const struct sim_byz_plan *b = &s->plan.byz;
    return !b->is_marked && (s->plan.has_view_change || (b->members & 1) == 0);
}

/* With more than f of them two blocks at one height are what they can bring about; whatever else is
 * wrong is so without them too. */
void sim_byz_on_violation(struct sim *s, const char *property)
{
    if (!s->plan.byz.is_marked || strcmp(property, "one block per height") != 0)
        return;
    (void)printf("seed %" PRIu64 ": f+1 Byzantine members, and the fork is seen at %" PRIu64
                 " us\n",
                 s->plan.seed, s->now_us);
    (void)fflush(stdout);
    _exit(SIM_FORK_SEEN);
}

static uint32_t members_count(const struct sim *s)
{
    uint32_t bits = 0;
    for (uint32_t members = s->plan.byz.members; members != 0; members &= members - 1)
        bits++;
    return bits;
}

/* - Each of them may be the one whom a client asks, again and again, before it asks another.
 * - Each of them may be the source of a range that comes late or is of no use (9.2), and lies about
 *   heights buy n-1 questions in vain before each that is not.
 * - Messages are delayed by almost one of the protocol's times, also those that fill links. */
uint64_t sim_byz_bound_ms(const struct sim *s)
{
    enum { PATIENCE_MS = 2000, ASKS = 4, ROUNDS = 8 };
    const struct parameters *p = &s->plan.parameters;
    uint64_t count = members_count(s);
    return count * (ASKS * PATIENCE_MS + ROUNDS * s->plan.members_count * p->status_ms +
                    2 * p->fairness_ms + 2 * p->view_change_ms);
}

bool byz_has(const struct sim *s, uint32_t member, enum sim_byz_way way)
{
    return (s->plan.byz.ways[member] >> way & 1) != 0;
}

bool byz_does(struct sim *s, uint32_t member, enum sim_byz_way way)
{
    if (!byz_has(s, member, way) || !sim_luck(s, s->plan.byz.strength_ppm[way]))
        return false;
    s->counts.byz[way]++;
    return true;
}

bool byz_is_second(const struct sim *s, uint32_t member)
{
    return (s->plan.byz.half >> member & 1) != 0;
}

uint32_t byz_any_peer(struct sim *s, uint32_t member)
{
    uint32_t n = s->plan.members_count;
    return (member + 1 + (uint32_t)sim_between(s, 0, n - 2)) % n;
}

/* ---- the way of a message ---- */

/* What becomes of it whatever it says. */
static void hold_back(struct byz_act *a)
{
    struct sim *s = a->s;
    bool is_shunned = (s->plan.byz.shunned[a->member] >> a->to & 1) != 0;
    if (byz_does(s, a->member, BYZ_SILENCE))
        a->is_dropped = true;
    else if (is_shunned && byz_does(s, a->member, BYZ_SHUNNING))
        a->is_dropped = true;
    else if (byz_does(s, a->member, BYZ_DELAY))
        a->delay_us = s->plan.byz.delay_us[a->member];
}

/* Somebody knows that its state is to be taken anew, and has not yet. */
static bool is_anybody_without_state(const struct sim *s)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (sim_is_rotten(s, i) && s->nodes[i].has_diverged)
            return true;
    return false;
}

/* Its CHECKPOINTs, and certificates of others' too. */
static bool is_withheld(const struct byz_act *a)
{
    struct sim *s = a->s;
    bool is_checkpoint = a->m->type == PBFT_CHECKPOINT ||
                         (a->m->type == PBFT_QC && a->m->qc.statement.kind == CERT_CHECKPOINT);
    if (!is_checkpoint || (s->plan.byz.withheld[a->member] >> a->to & 1) == 0 ||
        (s->plan.byz.is_stingy && !is_anybody_without_state(s)))
        return false;
    return byz_does(s, a->member, BYZ_STINGINESS);
}

static void change(struct byz_act *a)
{
    if (is_withheld(a)) {
        a->is_dropped = true;
        return;
    }
    switch (a->m->type) {
    case PBFT_PRE_PREPARE:
        byz_on_pre_prepare(a);
        break;
    case PBFT_PREPARE:
    case PBFT_COMMIT:
    case PBFT_CHECKPOINT:
        byz_on_vote(a);
        break;
    case PBFT_STATUS:
        byz_on_status(a);
        break;
    case PBFT_DATA:
        byz_on_data(a);
        break;
    case PBFT_QC:
        byz_on_qc(a);
        break;
    case PBFT_COMPLAIN:
    case PBFT_VIEW_CHANGE:
    case PBFT_NEW_VIEW:
        byz_on_view(a);
        break;
    default:
        break;
    }
}

/* A byte of a body that is relayed differs: a client's signature, mostly. */
static void garble(struct byz_act *a, struct bytes message)
{
    struct buf copy = {0};
    enum { BODY_FROM = 150 }; /* behind header and frame */
    buf_add_bytes(&copy, message);
    size_t at = copy.size > BODY_FROM ? BODY_FROM : 0;
    copy.data[sim_between(a->s, at, copy.size - 1)] ^= (uint8_t)(1u << sim_between(a->s, 0, 7));
    byz_emit_bytes(a->s, a->member, a->to, buf_bytes(&copy), a->delay_us);
    buf_free(&copy);
}

void sim_byz_send(struct sim *s, uint32_t node_index, uint32_t to, struct bytes message)
{
    struct sim_byz *b = s->byz;
    uint32_t member = s->nodes[node_index].member;
    struct byz_act a = {.s = s, .member = member, .to = to, .m = b->msg};
    if (!byz_twin_talks(s, node_index, to))
        return;
    byz_remember(s, member, message);
    hold_back(&a);
    if (a.is_dropped)
        return;
    uint8_t type = message.size > 0 ? message.data[0] : 0;
    bool has_body = type == PBFT_PRE_PREPARE || type == PBFT_DATA || type == PBFT_FORWARD;
    if (has_body && byz_does(s, member, BYZ_GARBLE)) {
        garble(&a, message);
        return;
    }
    bool is_read = pbft_decode(b->msg, message, member, verify_block_head);
    CHECK(is_read); /* a driver made it */
    change(&a);
    if (a.is_dropped)
        return;
    if (!a.is_changed) {
        byz_emit_bytes(s, member, to, message, a.delay_us);
        return;
    }
    byz_sign(s, member, b->msg);
    byz_emit(s, member, to, b->msg, a.delay_us);
}

/* ---- clients ---- */

/* By the client whose transactions it will not hear of. */
static bool is_omitted(struct sim *s, uint32_t member, struct bytes tx)
{
    struct tx decoded;
    return byz_has(s, member, BYZ_OMISSION) &&
           tx_decode(&decoded, tx, &s->genesis.chain_id) == VERDICT_OK &&
           sim_clients_is_by(s, s->plan.byz.victim, &decoded.signer) &&
           byz_does(s, member, BYZ_OMISSION);
}

bool sim_byz_ignores_tx(struct sim *s, uint32_t node_index, struct bytes tx)
{
    if (!sim_is_byzantine(s, node_index))
        return false;
    return byz_does(s, node_index, BYZ_SILENCE) || is_omitted(s, node_index, tx);
}

uint32_t sim_byz_arrives(struct sim *s, uint32_t from, uint32_t to, struct bytes message)
{
    if (!sim_is_byzantine(s, to))
        return to;
    byz_remember(s, from, message);
    /* FORWARD: type | bytes u32 | transaction. */
    if (message.size > 5 && message.data[0] == PBFT_FORWARD &&
        is_omitted(s, to, bytes_of(message.data + 5, message.size - 5)))
        return UINT32_MAX;
    return byz_twin_node(s, from, to);
}

bool sim_byz_takes_answer(struct sim *s, uint32_t node_index, uint64_t client,
                          const struct driver_answer *answer)
{
    bool is_ours = client >> 56 == BYZ_CLIENT_NUMBER;
    if (is_ours && !sim_is_byzantine(s, node_index))
        byz_clients_on_answer(s, client, answer);
    /* With more than f of them what their drivers have committed may be another chain. */
    bool is_kept = sim_is_byzantine(s, node_index) &&
                   (s->plan.byz.is_marked || byz_does(s, node_index, BYZ_SILENCE));
    return is_ours || is_kept;
}

/* ---- moments ---- */

static void speak(struct sim *s, uint32_t member)
{
    byz_hoard(s);
    if (byz_does(s, member, BYZ_FORGERY))
        byz_forge(s, member);
    if (byz_does(s, member, BYZ_REPLAY))
        byz_replay(s, member);
    if (byz_does(s, member, BYZ_FLOOD))
        byz_flood(s, member);
    if (byz_does(s, member, BYZ_HUGE))
        byz_speak_huge(s, member);
    if (byz_does(s, member, BYZ_DATA_LIE))
        byz_push_data(s, member);
    if (byz_does(s, member, BYZ_BAD_BLOCK))
        byz_usurp(s, member);
    if (byz_does(s, member, BYZ_COMPLAINT))
        byz_complain(s, member);
    if (byz_does(s, member, BYZ_VIEW_CHANGE_LIE))
        byz_change_view(s, member);
    bool is_leader = byz_has(s, member, BYZ_EQUIVOCATION) || byz_has(s, member, BYZ_NEW_VIEW_LIE);
    if (is_leader && sim_luck(s, 300000))
        byz_lead(s, member);
    if (byz_does(s, member, BYZ_SQUATTING))
        byz_squat(s, member);
}

/* They go on when all is healed: a consortium has to live with them. */
static void next_moment(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    uint64_t mean_us = 1000000 / s->plan.byz.moments_per_second;
    if (number != 0)
        speak(s, n->member);
    sim_at(s, s->now_us + sim_between(s, 1, 2 * mean_us), next_moment, n);
}

/* ---- opening, ending ---- */

/* A plan that was set or shrunk may name members that there are not, or too many. */
static void keep_within_f(struct sim_plan *plan)
{
    struct sim_byz_plan *b = &plan->byz;
    uint32_t most = faulty_max_of(plan->members_count) + b->is_marked, left = most;
    b->members &= ((uint32_t)1 << plan->members_count) - 1;
    for (uint32_t i = 0; i < plan->members_count; i++) {
        if ((b->members >> i & 1) == 0)
            continue;
        if (left == 0)
            b->members &= ~((uint32_t)1 << i);
        else
            left--;
    }
    if (b->is_marked && left > 0)
        b->is_marked = false; /* no more than f are left */
    b->victim %= plan->keys_count;
}

void sim_byz_open(struct sim *s)
{
    struct sim_byz *b = mem_alloc(sizeof *b);
    keep_within_f(&s->plan);
    b->msg = mem_alloc(sizeof *b->msg);
    b->spare = mem_alloc(sizeof *b->spare);
    s->byz = b;
    byz_clients_open(s);
    s->counts.byz_runs = s->plan.byz.members != 0;
    s->counts.byz_members = members_count(s);
    s->counts.byz_marked = s->plan.byz.is_marked;
    s->counts.byz_stingy = s->plan.byz.is_stingy;
}

void sim_byz_start(struct sim *s)
{
    byz_twins_start(s);
    if (s->plan.byz.moments_per_second == 0)
        return;
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (sim_is_byzantine(s, i))
            next_moment(s, &s->nodes[i], 0);
}

void sim_byz_close(struct sim *s)
{
    struct sim_byz *b = s->byz;
    byz_twins_close(s);
    for (uint32_t type = 0; type < PBFT_MSG_TYPE_END; type++)
        for (uint32_t i = 0; i < BYZ_KEPT; i++)
            buf_free(&b->kept[type][i].bytes);
    for (uint32_t i = 0; i < BYZ_MIRRORS; i++)
        buf_free(&b->mirrors[i].bytes);
    buf_free(&b->bytes);
    mem_free(b->msg);
    mem_free(b->spare);
    mem_free(b);
    s->byz = NULL;
}
