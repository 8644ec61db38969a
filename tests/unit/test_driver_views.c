/* What the driver tells of views: which were left, for what, which were installed, and for what it
 * complained itself. The others' part of the view changes is played. */
#include <string.h>

#include "node/pbft/wire.h"
#include "tests/unit/driver_rules.h"

enum { T_0_MS = 1000, T_RTX_MS = 500 };

static struct driver_views views(void)
{
    return world_look(&w).views;
}

/* ---- the others ---- */

static struct pbft_complain complaint(uint32_t from, uint64_t view, enum pbft_reason reason)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_complain c = {.view = view, .reason = reason};
    sign_message(&c.signature, pbft_complain_signed(room, &c, from, &w.chain.genesis.chain_id),
                 &w.chain.members[from]);
    return c;
}

static void complain(uint32_t from, uint64_t view, enum pbft_reason reason)
{
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_COMPLAIN;
    w.msg.link = w.msg.from = from;
    w.msg.complain = complaint(from, view, reason);
    assert_true(world_give(&w, from));
    world_settle(&w);
}

/* To a view, by complaints of 2 and 3; nobody knows of any certificate. */
static struct pbft_view_change view_change(uint32_t from, uint64_t view, enum pbft_reason reason)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_view_change v = {.view = view, .lc = {.view = view - 1, .entries_count = 2}};
    for (uint32_t i = 0; i < 2; i++)
        v.lc.entries[i] =
            (struct pbft_lc_entry){.member_index = (uint8_t)(2 + i),
                                   .reason = reason,
                                   .signature = complaint(2 + i, view - 1, reason).signature};
    sign_message(&v.signature, pbft_view_change_signed(room, &v, from, &w.chain.genesis.chain_id),
                 &w.chain.members[from]);
    return v;
}

static void give_view_change(uint32_t from, uint64_t view)
{
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_VIEW_CHANGE;
    w.msg.link = w.msg.from = from;
    w.msg.view_change = view_change(from, view, PBFT_REASON_STALLED);
    assert_true(world_give(&w, from));
    world_settle(&w);
}

/* Of members 0, 2 and 3, by the primary of the view. */
static void give_new_view(uint64_t view, enum pbft_reason reason)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    uint32_t primary = (uint32_t)(view % WORLD_MEMBERS);
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_NEW_VIEW;
    w.msg.link = w.msg.from = primary;
    struct pbft_new_view *n = &w.msg.new_view;
    n->view = view;
    for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
        if (from != 1)
            n->entries[n->entries_count++] = (struct pbft_new_view_entry){
                .from = from, .view_change = view_change(from, view, reason)};
    sign_message(&n->signature, pbft_new_view_signed(room, n, primary, &w.chain.genesis.chain_id),
                 &w.chain.members[primary]);
    assert_true(world_give(&w, primary));
    world_settle(&w);
}

/* A vote for the genesis block, the base of all views here. */
static void vote_for_base(uint32_t from, uint64_t view, enum cert_kind kind)
{
    struct block_header genesis;
    struct statement *s = &w.msg.vote.statement;
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = kind == CERT_PREPARE ? PBFT_PREPARE : PBFT_COMMIT;
    w.msg.link = w.msg.from = from;
    *s = (struct statement){.kind = kind, .view = view};
    block_genesis_header(&genesis, &w.chain.genesis.chain_id);
    block_header_digest(&s->digest, &genesis);
    statement_sign(&w.msg.vote.signature, s, &w.chain.genesis.chain_id, &w.chain.members[from]);
    assert_true(world_give(&w, from));
    world_settle(&w);
}

static void install(uint64_t view)
{
    for (uint32_t from = 2; from < WORLD_MEMBERS; from++)
        vote_for_base(from, view, CERT_PREPARE);
    for (uint32_t from = 2; from < WORLD_MEMBERS; from++)
        vote_for_base(from, view, CERT_COMMIT);
}

/* ---- tests ---- */

/* However often it is sent. */
static void an_own_complaint_counts_once_in_a_view(void **state)
{
    (void)state;
    begin(1);
    assert_int_equal(views().complaint_reason, PBFT_REASON_NONE);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    for (int i = 0; i < 20; i++) { /* no step is so late that it looks like a pause */
        world_pass(&w, T_0_MS / 10);
        world_settle(&w);
    }
    assert_true(world_sent(&w, PBFT_COMPLAIN, NULL) > WORLD_OTHERS);
    assert_int_equal(views().complaints[PBFT_REASON_STALLED], 1);
    assert_int_equal(views().complaint_reason, PBFT_REASON_STALLED);
    assert_int_equal(views().complaint_view, 0);
    assert_int_equal(views().left_count, 0);
}

static void a_view_is_left_for_what_the_others_complain_of(void **state)
{
    (void)state;
    begin(1);
    uint64_t from_ms = w.time.now_ms;
    assert_int_equal(views().since_ms, from_ms);
    world_pass(&w, 70);
    complain(2, 0, PBFT_REASON_FAULTY);
    assert_int_equal(views().left_count, 0);
    assert_int_equal(views().since_ms, from_ms);
    complain(3, 0, PBFT_REASON_FAULTY);
    assert_int_equal(world_look(&w).core.mode, PBFT_CHANGING);
    struct driver_views v = views();
    assert_int_equal(v.left_count, 1);
    assert_int_equal(v.left_view, 0);
    assert_int_equal(v.left_ms, w.time.now_ms);
    assert_int_equal(v.since_ms, w.time.now_ms);
    assert_int_equal(v.left_for, PBFT_REASON_FAULTY);
    assert_int_equal(v.installed_count, 0);
    assert_int_equal(v.complaint_reason, PBFT_REASON_NONE);
}

/* NORMAL is not enough: a quorum has to commit the base in it (6.1). */
static void a_view_is_installed_when_its_base_is_committed(void **state)
{
    (void)state;
    begin(1);
    complain(2, 0, PBFT_REASON_STALLED);
    complain(3, 0, PBFT_REASON_STALLED);
    world_pass(&w, 30);
    give_view_change(2, 1);
    give_view_change(3, 1);
    assert_int_equal(world_look(&w).core.mode, PBFT_NORMAL);
    assert_int_equal(views().since_ms, w.time.now_ms);
    assert_int_equal(views().installed_count, 0);
    world_pass(&w, 40);
    install(1);
    assert_true(world_look(&w).core.is_installed);
    assert_int_equal(views().installed_count, 1);
    assert_int_equal(views().installed_ms, w.time.now_ms);
    assert_int_equal(views().since_ms, w.time.now_ms - 40);
    assert_int_equal(views().left_count, 1);
}

/* A NEW-VIEW takes one along that never heard the complaints; they stand in it. */
static void a_new_view_brings_the_reason_along(void **state)
{
    (void)state;
    begin(1);
    give_new_view(3, PBFT_REASON_ABSENT);
    struct driver_views v = views();
    assert_int_equal(world_look(&w).core.view, 3);
    assert_int_equal(v.left_count, 1);
    assert_int_equal(v.left_view, 0);
    assert_int_equal(v.left_for, PBFT_REASON_ABSENT);
}

/* What was before the start is not counted; that it goes on is. */
static void a_restart_counts_anew_in_the_view_it_is_in(void **state)
{
    (void)state;
    begin(1);
    give_new_view(2, PBFT_REASON_STALLED);
    world_crash(&w, true);
    world_pass(&w, 500);
    world_begin(&w);
    assert_int_equal(world_look(&w).core.view, 2);
    struct driver_views v = views();
    assert_int_equal(v.left_count + v.installed_count, 0);
    assert_int_equal(v.since_ms, w.time.now_ms);
    install(2);
    assert_int_equal(views().installed_count, 1);
    assert_int_equal(views().left_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(an_own_complaint_counts_once_in_a_view),
        DRIVER_TEST(a_view_is_left_for_what_the_others_complain_of),
        DRIVER_TEST(a_view_is_installed_when_its_base_is_committed),
        DRIVER_TEST(a_new_view_brings_the_reason_along),
        DRIVER_TEST(a_restart_counts_anew_in_the_view_it_is_in),
    };
    return cmocka_run_group_tests_name("driver_views", tests, NULL, NULL);
}
