/* Pitfalls D5: of what this replica voted for a body above the head rots. The vote, tip and its
 * digest are sound, so it starts; section 4: until the body is here again it does not say that it
 * holds it. */
#include <string.h>

#include "tests/unit/driver_rules.h"

static void rot_body(const struct pbft_block *name)
{
    struct buf key = {0};
    world_rot(&w, KV_BLOCK, world_block_key(&key, name->height, &name->digest));
    buf_free(&key);
}

/* Be it damaged. */
static bool is_stored(const struct pbft_block *name)
{
    struct buf key = {0};
    struct kv_view *v;
    struct bytes value;
    assert_int_equal(kv_view_open(&v, w.kv, NULL), RC_OK);
    enum rc rc = kv_get(v, KV_BLOCK, world_block_key(&key, name->height, &name->digest), &value);
    kv_view_close(v);
    buf_free(&key);
    return rc != RC_NOT_FOUND;
}

/* Member 1 voted for b[1] to b[3], and the body of one of them rots. */
static void begin_lost(int rotten)
{
    begin(1);
    for (int i = 1; i <= 3; i++)
        world_propose(&w, b[i]);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 3 * WORLD_OTHERS);
    world_forget(&w);
    world_crash(&w, false);
    rot_body(&b[rotten]->name);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
}

/* STATUS of the others, who have not risen: what was voted for is sent again. */
static void others_stand_still(void)
{
    for (int i = 0; i < 3; i++) {
        world_pass(&w, 300);
        for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
            if (from != w.own_index)
                world_status(&w, from, 0);
        world_settle(&w);
    }
}

static void expect_silent(void)
{
    world_forget(&w);
    others_stand_still();
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_COMMIT, NULL), 0);
    assert_true(world_look(&w).core.has_lost);
}

static void expect_sound_again(void)
{
    world_settle(&w);
    assert_false(world_look(&w).core.has_lost);
    world_forget(&w);
    others_stand_still();
    assert_true(world_sent(&w, PBFT_PREPARE, b[1]) > 0);
    assert_true(world_sent(&w, PBFT_PREPARE, b[3]) > 0);
    assert_true(is_stored(&b[3]->name));
    w.is_rotten = false;
    world_crash(&w, false); /* the audit says so too */
    world_begin(&w);
    assert_false(world_look(&w).core.has_lost);
    world_propose(&w, b[4]);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[4]), WORLD_OTHERS);
    world_qc(&w, 2, CERT_COMMIT, b[4]);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 4);
}

/* Wherever in the chain it is; and the primary's PRE-PREPARE brings it, as it does what was lost on
 * the way (9.1). Nobody is blamed for what does not apply meanwhile. */
static void a_body_that_was_voted_for_comes_again(void **state)
{
    for (int rotten = 1; rotten <= 3; rotten++) {
        begin_lost(rotten);
        assert_int_equal(world_look(&w).damaged_count, 1);
        assert_non_null(strstr(world_look(&w).damaged_why.text, "the body of a proposal"));
        struct driver_look look = world_look(&w);
        assert_true(digest_equal(&look.core.tip.digest, &b[3]->name.digest));
        expect_silent();
        world_fetch(&w, 2, b[rotten]);
        world_propose(&w, b[4]);
        world_settle(&w);
        assert_int_equal(world_sent(&w, PBFT_DATA, NULL), 0);
        assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
        assert_int_equal(world_look(&w).scores[0].accusations, 0);
        for (int start = 0; start < 2; start++) { /* it knows each time */
            world_crash(&w, false);
            assert_int_equal(world_start(&w), RC_OK);
            world_settle(&w);
            assert_true(world_look(&w).core.has_lost);
        }
        world_propose(&w, b[rotten]);
        expect_sound_again();
        if (rotten < 3)
            assert_int_equal(end(state), 0);
    }
}

/* Its digest is all that a certificate tells. */
static void or_it_is_fetched_where_a_certificate_names_it(void **state)
{
    (void)state;
    begin_lost(2);
    world_qc(&w, 2, CERT_PREPARE, b[3]);
    world_settle(&w);
    assert_true(world_sent(&w, PBFT_FETCH, NULL) > 0);
    assert_int_equal(world_sent(&w, PBFT_COMMIT, b[2]), 0);
    static struct pbft_msg m;
    assert_true(world_decode(&m, world_message(&w, PBFT_FETCH, 0)));
    assert_true(digest_equal(&m.fetch.digest, &b[2]->name.digest));
    world_data(&w, world_message(&w, PBFT_FETCH, 0)->to, b[2]);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_COMMIT, b[3]), WORLD_OTHERS);
    expect_sound_again();
}

/* The primary's own: it is not proposed a second time, nor sent without its body, and what it
 * proposed comes from those who hold it. */
static void a_primary_asks_for_what_it_proposed(void **state)
{
    (void)state;
    begin(0);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    const struct world_output *sent = world_message(&w, PBFT_PRE_PREPARE, 0);
    assert_non_null(sent);
    static struct pbft_msg m;
    assert_true(world_decode(&m, sent));
    struct pbft_block name = m.pre_prepare.block;
    struct buf whole = {0};
    buf_add_bytes(&whole, m.pre_prepare.bytes);
    world_crash(&w, false);
    rot_body(&name);
    world_forget(&w);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    world_submit(&w, 2, world_record(&w, 0, 1));
    others_stand_still();
    assert_int_equal(world_sent(&w, PBFT_PRE_PREPARE, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    struct world_block held = {.name = name};
    assert_int_equal(block_decode(&held.block, buf_bytes(&whole)), BLOCK_OK);
    held.bytes = whole;
    world_vote(&w, 2, CERT_PREPARE, &held);
    world_settle(&w);
    const struct world_output *fetch = world_message(&w, PBFT_FETCH, 0);
    assert_non_null(fetch);
    world_data(&w, fetch->to, &held);
    world_settle(&w);
    assert_false(world_look(&w).core.has_lost);
    w.is_rotten = false;
    world_vote(&w, 1, CERT_PREPARE, &held);
    world_votes(&w, CERT_COMMIT, &held);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    buf_free(&whole);
}

/* Nothing of mine in this view is sent again: a PRE-PREPARE beside a body says that all below it is
 * held. */
static void nor_does_it_hand_out_its_proposal_of_a_block_above(void **state)
{
    (void)state;
    static struct pbft_msg m;
    struct pbft_block names[2];
    begin(0);
    for (int i = 0; i < 2; i++) {
        world_submit(&w, 1 + i, world_record(&w, 0, 1 + i));
        world_settle(&w);
        pass_awake(250);
    }
    for (size_t i = 0, n = 0; n < 2; i++) {
        const struct world_output *sent = world_message(&w, PBFT_PRE_PREPARE, i);
        assert_non_null(sent);
        assert_true(world_decode(&m, sent));
        if (n == 0 || m.pre_prepare.block.height > names[0].height)
            names[n++] = m.pre_prepare.block;
    }
    world_crash(&w, false);
    rot_body(&names[0]);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    assert_true(world_look(&w).core.has_lost);
    world_forget(&w);
    struct world_block above = {.name = names[1]};
    world_fetch(&w, 2, &above);
    world_settle(&w);
    const struct world_output *data = world_message(&w, PBFT_DATA, 0);
    assert_non_null(data); /* the body it has, and gives */
    assert_true(world_decode(&m, data));
    assert_false(m.data.has_pre_prepare);
}

/* Another block is decided there: what is left of it goes. */
static void what_is_not_needed_any_more_goes(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *other = world_block(&w, NULL, &tx, 1);
    world_propose(&w, b[1]);
    world_settle(&w);
    world_crash(&w, false);
    rot_body(&b[1]->name);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    assert_true(is_stored(&b[1]->name));
    world_range(&w, 2, &other, 1, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    assert_false(is_stored(&b[1]->name));
    assert_false(world_look(&w).core.has_lost);
    w.is_rotten = false;
    world_crash(&w, false);
    world_begin(&w);
}

/* One that is not there at all is no rot of this disk's (4.2). */
static void a_body_that_is_missing_is_refused_still(void **state)
{
    (void)state;
    struct buf key = {0};
    begin(1);
    world_propose(&w, b[1]);
    world_settle(&w);
    world_crash(&w, false);
    world_write(&w, KV_BLOCK, world_block_key(&key, 1, &b[1]->name.digest), NULL);
    buf_free(&key);
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    assert_non_null(strstr(w.why.text, "is not in its store"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(a_body_that_was_voted_for_comes_again),
        DRIVER_TEST(or_it_is_fetched_where_a_certificate_names_it),
        DRIVER_TEST(a_primary_asks_for_what_it_proposed),
        DRIVER_TEST(nor_does_it_hand_out_its_proposal_of_a_block_above),
        DRIVER_TEST(what_is_not_needed_any_more_goes),
        DRIVER_TEST_FAILED(a_body_that_is_missing_is_refused_still),
    };
    return cmocka_run_group_tests_name("driver_lost", tests, NULL, NULL);
}
