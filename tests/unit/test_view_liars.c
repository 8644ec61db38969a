/* f members lie, the others are real cores: the test plays the liars with all that they can see.
 * They propose two blocks at one place, vote for both, hold certificates back, complain, and send
 * VIEW-CHANGEs and NEW-VIEWs of their choice to whom they like. Only what they sign themselves is
 * false: votes, complaints and VIEW-CHANGEs of correct members are those that were sent. The judge
 * of the cluster holds agreement and all of section 13 at each step; when the liars have had
 * enough, everything commits. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/cluster.h"

enum {
    VOTES = 512,
    CERTIFICATES = 64,
    COMPLAINTS = 64,
    VIEW_CHANGES = 32,
    BLOCKS = 32,
    HEIGHTS = 24
};

static struct cluster c;
static uint32_t liars; /* bits */

/* What they have seen, in rings. */
static struct {
    struct pbft_msg votes[VOTES];
    uint64_t votes_count;
    struct certificate certificates[CERTIFICATES];
    uint64_t certificates_count;
    struct pbft_msg complaints[COMPLAINTS];
    uint64_t complaints_count;
    struct pbft_msg view_changes[VIEW_CHANGES];
    uint64_t view_changes_count;
    struct pbft_block blocks[BLOCKS];
    uint64_t blocks_count;
} seen;

static struct {
    uint64_t two_proposals, new_views, view_changes, certificates, views, heights;
} done;

static uint64_t draw(uint64_t bound)
{
    return prng_below(&c.prng, bound);
}

static bool is_liar(uint32_t at)
{
    return (liars >> at & 1) != 0;
}

static uint32_t count_of(void)
{
    return c.options.members_count;
}

static uint32_t draw_liar(void)
{
    uint32_t at = (uint32_t)draw(count_of());
    while (!is_liar(at))
        at = (at + 1) % count_of();
    return at;
}

static uint32_t draw_correct(void)
{
    uint32_t at = (uint32_t)draw(count_of());
    while (is_liar(at))
        at = (at + 1) % count_of();
    return at;
}

/* To some of the correct ones, or all of them. */
static void tell(const struct pbft_msg *m, uint32_t receivers)
{
    for (uint32_t to = 0; to < count_of(); to++)
        if (!is_liar(to) && (receivers >> to & 1) != 0)
            cluster_send(&c, m->link, to, m);
}

static uint32_t draw_receivers(void)
{
    return draw(3) == 0 ? UINT32_MAX : (uint32_t)prng_u64(&c.prng);
}

/* ---- seeing ---- */

static void see_certificate(const struct certificate *cert)
{
    if (cert->statement.kind != CERT_CHECKPOINT)
        seen.certificates[seen.certificates_count++ % CERTIFICATES] = *cert;
}

static bool see(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    (void)context;
    if (is_liar(from) || (!is_liar(to) && draw(4) > 0))
        return is_liar(to);
    if (m->type == PBFT_PREPARE || m->type == PBFT_COMMIT)
        memcpy(&seen.votes[seen.votes_count++ % VOTES], m, pbft_msg_bytes(m->type));
    if (m->type == PBFT_COMPLAIN)
        memcpy(&seen.complaints[seen.complaints_count++ % COMPLAINTS], m, pbft_msg_bytes(m->type));
    if (m->type == PBFT_VIEW_CHANGE)
        memcpy(&seen.view_changes[seen.view_changes_count++ % VIEW_CHANGES], m,
               pbft_msg_bytes(m->type));
    if (m->type == PBFT_VIEW_CHANGE && m->view_change.has_high)
        see_certificate(&m->view_change.high);
    if (m->type == PBFT_QC)
        see_certificate(&m->qc);
    if (m->type == PBFT_PRE_PREPARE)
        seen.blocks[seen.blocks_count++ % BLOCKS] = m->pre_prepare.block;
    return is_liar(to);
}

/* ---- lying ---- */

static struct pbft_view_of look_at_one(void)
{
    struct pbft_view_of look;
    pbft_look(c.nodes[draw_correct()].core, &look);
    return look;
}

static void vote_as(uint32_t from, enum cert_kind kind, uint64_t view,
                    const struct pbft_block *block, uint32_t receivers)
{
    struct pbft_msg m = {
        .type = kind == CERT_PREPARE ? PBFT_PREPARE : PBFT_COMMIT, .link = from, .from = from};
    m.vote.statement = (struct statement){
        .kind = kind, .view = view, .height = block->height, .digest = block->digest};
    fake_sign_vote(&m.vote, from, &c.config.chain_id);
    tell(&m, receivers);
}

static void propose_as(uint32_t from, uint64_t view, const struct pbft_block *block,
                       uint32_t receivers)
{
    struct pbft_msg m = {.type = PBFT_PRE_PREPARE, .link = from, .from = from};
    m.pre_prepare.view = view;
    m.pre_prepare.block = *block;
    m.pre_prepare.bytes.size = CLUSTER_BLOCK_BYTES;
    fake_sign_pre_prepare(&m.pre_prepare, from, &c.config.chain_id);
    tell(&m, receivers);
    vote_as(from, CERT_PREPARE, view, block, receivers);
    seen.blocks[seen.blocks_count++ % BLOCKS] = *block;
}

/* Where a liar is the primary of somebody's view: one block to some and another one to the rest. */
static void lie_with_proposals(void)
{
    struct pbft_view_of look = look_at_one();
    uint32_t primary = pbft_primary_of(0, look.view, count_of()), some = draw_receivers();
    if (!is_liar(primary) || !look.has_tip || look.tip.height >= HEIGHTS)
        return;
    struct pbft_block one = cluster_block_new(&c, &look.tip)->block;
    struct pbft_block other = cluster_block_new(&c, &look.tip)->block;
    propose_as(primary, look.view, &one, some);
    if (draw(2) == 0)
        propose_as(primary, look.view, &other, ~some);
    done.two_proposals++;
}

static void lie_with_votes(void)
{
    struct pbft_view_of look = look_at_one();
    if (seen.blocks_count == 0)
        return;
    uint64_t last = seen.blocks_count < BLOCKS ? seen.blocks_count : BLOCKS;
    struct pbft_block block = draw(8) == 0 ? look.base : seen.blocks[draw(last)];
    vote_as(draw_liar(), draw(2) == 0 ? CERT_PREPARE : CERT_COMMIT, look.view, &block,
            draw_receivers());
}

/* All votes seen for what one of them is for, and the liars' own: a certificate that maybe nobody
 * else has. */
static bool make_certificate(struct certificate *out)
{
    uint64_t last = seen.votes_count < VOTES ? seen.votes_count : VOTES;
    uint32_t signers = liars;
    if (last == 0)
        return false;
    const struct statement *s = &seen.votes[draw(last)].vote.statement;
    for (uint64_t i = 0; i < last; i++)
        if (statement_equal(&seen.votes[i].vote.statement, s))
            signers |= 1u << seen.votes[i].from;
    if ((uint32_t)__builtin_popcount(signers) < quorum_of(count_of()))
        return false;
    fake_certificate(out, s, signers, quorum_of(count_of()), &c.config.chain_id);
    see_certificate(out);
    done.certificates++;
    return true;
}

static void lie_with_certificates(void)
{
    struct pbft_msg m = {.type = PBFT_QC, .link = draw_liar()};
    m.from = m.link;
    uint64_t last = seen.certificates_count < CERTIFICATES ? seen.certificates_count : CERTIFICATES;
    bool is_new = make_certificate(&m.qc);
    if (!is_new && last == 0)
        return;
    if (!is_new)
        m.qc = seen.certificates[draw(last)];
    if (draw(3) == 0)
        tell(&m, draw_receivers());
}

static void lie_with_complaints(void)
{
    struct pbft_msg m = {.type = PBFT_COMPLAIN, .link = draw_liar()};
    m.from = m.link;
    m.complain.view = look_at_one().view + draw(8) / 7;
    m.complain.reason = (enum pbft_reason)(1 + draw(5));
    fake_sign_complain(&m.complain, m.from, &c.config.chain_id);
    tell(&m, draw_receivers());
}

/* LC of a view: complaints of correct members that were seen, and the liars'. */
static bool make_lc(struct pbft_lc *out, uint64_t view)
{
    uint64_t last = seen.complaints_count < COMPLAINTS ? seen.complaints_count : COMPLAINTS;
    uint32_t signers = liars;
    for (uint64_t i = 0; i < last; i++)
        if (seen.complaints[i].complain.view == view)
            signers |= 1u << seen.complaints[i].from;
    if ((uint32_t)__builtin_popcount(signers) <= faulty_max_of(count_of()))
        return false;
    fake_lc(out, 0, view, PBFT_REASON_STALLED, signers, count_of(), &c.config.chain_id);
    return true;
}

/* A liar's VIEW-CHANGE with any certificate that there is of a lower view, or none. */
static bool make_view_change(struct pbft_view_change *out, uint32_t from, uint64_t view)
{
    memset(out, 0, sizeof *out);
    out->view = view;
    if (view == 0 || !make_lc(&out->lc, view - 1))
        return false;
    uint64_t last = seen.certificates_count < CERTIFICATES ? seen.certificates_count : CERTIFICATES;
    if (last > 0 && draw(3) > 0) {
        out->high = seen.certificates[draw(last)];
        out->has_high = out->high.statement.view < view;
    }
    if (!out->has_high)
        memset(&out->high, 0, sizeof out->high);
    fake_sign_view_change(out, from, &c.config.chain_id);
    return true;
}

static void lie_with_view_changes(void)
{
    struct pbft_msg m = {.type = PBFT_VIEW_CHANGE, .link = draw_liar()};
    m.from = m.link;
    if (!make_view_change(&m.view_change, m.from, look_at_one().view + draw(2)))
        return;
    tell(&m, draw_receivers());
    done.view_changes++;
}

/* Where a liar is the primary: a NEW-VIEW of q VIEW-CHANGEs, chosen and maybe made for it. */
static void lie_with_new_views(void)
{
    static struct pbft_msg m;
    uint64_t view = look_at_one().view + draw(2);
    uint64_t last = seen.view_changes_count < VIEW_CHANGES ? seen.view_changes_count : VIEW_CHANGES;
    memset(&m, 0, pbft_msg_bytes(PBFT_NEW_VIEW));
    m.type = PBFT_NEW_VIEW;
    m.link = m.from = pbft_primary_of(0, view, count_of());
    m.new_view.view = view;
    if (!is_liar(m.from) || view == 0)
        return;
    uint32_t q = quorum_of(count_of()), left_out = (uint32_t)draw(count_of());
    for (uint32_t at = 0; at < count_of() && m.new_view.entries_count < q; at++) {
        struct pbft_new_view_entry *entry = &m.new_view.entries[m.new_view.entries_count];
        entry->from = at;
        if (is_liar(at)) {
            m.new_view.entries_count += make_view_change(&entry->view_change, at, view);
            continue;
        }
        for (uint64_t i = 0; i < last && !(at == left_out && draw(2) == 0); i++)
            if (seen.view_changes[i].from == at && seen.view_changes[i].view_change.view == view) {
                entry->view_change = seen.view_changes[i].view_change;
                m.new_view.entries_count++;
                break;
            }
    }
    if (m.new_view.entries_count < q)
        return;
    fake_sign_new_view(&m.new_view, m.from, &c.config.chain_id);
    tell(&m, draw_receivers());
    done.new_views++;
}

static void lie_with_states(void)
{
    struct pbft_view_of look = look_at_one();
    struct pbft_msg m = {.type = PBFT_CHECKPOINT, .link = draw_liar()};
    m.from = m.link;
    m.vote.statement = (struct statement){
        .kind = CERT_CHECKPOINT, .height = look.committed.height, .digest = look.committed.digest};
    m.vote.statement.state_root.bytes[0] = (uint8_t)draw(256);
    fake_sign_vote(&m.vote, m.from, &c.config.chain_id);
    tell(&m, draw_receivers());
}

static void give_bodies(void)
{
    static struct pbft_msg m;
    uint64_t last = seen.blocks_count < BLOCKS ? seen.blocks_count : BLOCKS;
    memset(&m, 0, pbft_msg_bytes(PBFT_DATA));
    if (last == 0)
        return;
    m.type = PBFT_DATA;
    m.link = m.from = draw_liar();
    m.data.kind = PBFT_FETCH_BLOCK;
    m.data.blocks_count = 1;
    m.data.blocks[0] = seen.blocks[draw(last)];
    m.data.bytes[0].size = CLUSTER_BLOCK_BYTES;
    tell(&m, draw_receivers());
}

/* ---- worlds ---- */

static void begin(uint64_t seed)
{
    struct cluster_options o = cluster_defaults();
    o.members_count = seed % 3 == 0 ? 7 : 4;
    o.seed = seed;
    o.heights_max = HEIGHTS + 8;
    o.delay_max_ms = 1 + seed % 20;
    o.lose_percent = (uint32_t)(seed % 4) * 5;
    o.has_liars = true;
    o.has_trace = true;
    o.has_glance = seed % 2 == 0;
    memset(&seen, 0, sizeof seen);
    cluster_init(&c, &o);
    c.loses = see;
    liars = seed % 2; /* often the first primary */
    while ((uint32_t)__builtin_popcount(liars) < faulty_max_of(o.members_count))
        liars |= 1u << draw(o.members_count);
    for (uint32_t at = 0; at < o.members_count; at++)
        if (!is_liar(at))
            cluster_start(&c, at);
}

static void restart_one(void)
{
    uint32_t at = draw_correct();
    cluster_crash(&c, at);
    cluster_start(&c, at);
}

/* For a while one of the correct ones, rather a primary, hears nobody and is not heard. */
static void part_one(void)
{
    uint32_t at = pbft_primary_of(0, look_at_one().view, count_of());
    at = is_liar(at) || draw(4) == 0 ? draw_correct() : at;
    for (uint32_t other = 0; other < count_of(); other++)
        c.cut[at][other] = c.cut[other][at] = true;
}

static void run_world(uint64_t seed)
{
    static void (*const lies[])(void) = {
        lie_with_proposals,    lie_with_proposals,   lie_with_votes,        lie_with_votes,
        lie_with_votes,        lie_with_votes,       lie_with_certificates, lie_with_complaints,
        lie_with_view_changes, lie_with_new_views,   lie_with_new_views,    lie_with_states,
        give_bodies,           lie_with_certificates};
    begin(seed);
    for (uint64_t i = 0; i < 400; i++) {
        uint64_t height = c.chain_height + draw(3);
        if (height > c.target_height && height <= HEIGHTS - 4)
            cluster_aim(&c, height);
        cluster_run(&c, draw(4) == 0 ? 100 + draw(400) : draw(15));
        for (uint64_t k = draw(6); k > 0; k--)
            lies[draw(sizeof lies / sizeof lies[0])]();
        if (i % 40 == 0)
            part_one();
        if (i % 40 == 20)
            memset(c.cut, 0, sizeof c.cut);
        if (draw(60) == 0)
            restart_one();
    }
    done.heights += c.chain_height;
    uint64_t view = 0;
    for (uint32_t at = 0; at < count_of(); at++)
        view = c.nodes[at].durable.view > view ? c.nodes[at].durable.view : view;
    done.views += view;
    c.options.lose_percent = 0;
    memset(c.cut, 0, sizeof c.cut);
    uint64_t target = c.chain_height + 3 > HEIGHTS - 4 ? c.chain_height + 3 : HEIGHTS - 4;
    cluster_aim(&c, target);
    if (!cluster_run_to(&c, target, 240000))
        cluster_fail(&c, 0, "everything commits when the liars are silent");
    cluster_close(&c);
}

static void liars_cannot_break_agreement_or_stop_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        run_world(seed);
    assert_true(done.heights > 3000 && done.views > 300);
    assert_true(done.two_proposals > 400 && done.certificates > 10000);
    assert_true(done.view_changes > 3000 && done.new_views > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(liars_cannot_break_agreement_or_stop_it)};
    return cmocka_run_group_tests_name("view_liars", tests, NULL, NULL);
}
