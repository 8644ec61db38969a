/* PROTOCOL.md 13 through the driver: a COMMIT certificate against what the ledger has, however long
 * ago that was committed, is the alarm. */
#include "tests/unit/driver_rules.h"

static const struct world_block *other[4]; /* another chain of three blocks, from genesis on */

/* Three blocks are in the ledger, and the core, started since, remembers none of them. */
static void begin_after_a_restart(void)
{
    begin(1);
    other[0] = NULL;
    for (uint64_t i = 1; i <= 3; i++) {
        world_commit(&w, b[i]);
        const struct world_tx *tx = world_record(&w, 0, i);
        other[i] = world_block(&w, other[i - 1], &tx, 1);
    }
    world_crash(&w, true);
    world_begin(&w);
    assert_int_equal(world_look(&w).core.committed.height, 3);
}

static void assert_alarmed(bool is_alarmed)
{
    assert_int_equal(world_look(&w).core.is_alarmed, is_alarmed);
}

/* It votes no more, now and after another start. */
static void assert_votes_no_more(void)
{
    for (int i = 0; i < 2; i++) {
        assert_alarmed(true);
        world_forget(&w);
        world_propose(&w, b[4]);
        world_settle(&w);
        assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
        world_crash(&w, false);
        world_begin(&w);
    }
}

static void a_certificate_against_what_was_committed_before_a_restart_is_the_alarm(void **state)
{
    (void)state;
    for (int height = 1; height <= 3; height++) {
        begin_after_a_restart();
        world_qc(&w, 2, CERT_COMMIT, other[height]);
        world_settle(&w);
        assert_votes_no_more();
        if (height < 3)
            world_close(&w);
    }
}

/* A range brings one too; its blocks are not kept. */
static void so_is_that_of_a_range(void **state)
{
    (void)state;
    begin_after_a_restart();
    uint64_t blocks_count = world_look(&w).blocks_count;
    world_range(&w, 3, &other[1], 2, 1);
    world_settle(&w);
    assert_int_equal(world_look(&w).blocks_count, blocks_count);
    assert_votes_no_more();
}

/* Old certificates come all the time: they cost a look into the ledger, and no signature. */
static void one_that_agrees_is_dropped_before_it_is_verified(void **state)
{
    (void)state;
    begin_after_a_restart();
    uint64_t signatures_count = w.signatures_count;
    for (int height = 1; height <= 2; height++)
        world_qc(&w, 2, CERT_COMMIT, b[height]);
    world_settle(&w);
    assert_int_equal(w.signatures_count, signatures_count);
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_COMMITTED], 2);
    assert_alarmed(false);
}

/* Only a quorum's word is an alarm: not one signature short, and PREPAREs of a block that was not
 * committed then are nothing strange. */
static void what_no_quorum_signed_is_no_alarm(void **state)
{
    (void)state;
    begin_after_a_restart();
    w.msg = (struct pbft_msg){
        .type = PBFT_QC, .from = 2, .link = 2, .qc = world_certificate(&w, CERT_COMMIT, other[2])};
    w.msg.qc.entries[1].signature.bytes[5] ^= 1;
    assert_true(world_give(&w, 2));
    world_qc(&w, 2, CERT_PREPARE, other[2]);
    world_settle(&w);
    assert_int_equal(world_look(&w).verify_drops[VERIFY_DROP_BAD_CERTIFICATE], 1);
    assert_alarmed(false);
    world_commit(&w, b[4]);
}

/* Said once: what comes after costs nothing. */
static void after_the_alarm_nothing_more_is_verified_for_it(void **state)
{
    (void)state;
    begin_after_a_restart();
    world_qc(&w, 2, CERT_COMMIT, other[2]);
    world_settle(&w);
    assert_alarmed(true);
    uint64_t signatures_count = w.signatures_count;
    for (int i = 0; i < 5; i++)
        world_qc(&w, 2, CERT_COMMIT, other[1]);
    world_settle(&w);
    assert_int_equal(w.signatures_count, signatures_count);
}

/* A certificate of CHECKPOINTs of another block than mine: the record holds what brought it, of
 * whatever kind, and is read again at a start. */
static void a_checkpoint_of_another_block_is_the_alarm(void **state)
{
    (void)state;
    struct digest root;
    begin_with(1, "{\"pipeline_heights\": 2, \"checkpoint_every_heights\": 4,"
                  " \"window_heights\": 8}");
    for (uint64_t i = 1; i <= 4; i++)
        world_commit(&w, b[i]);
    assert_int_equal(store_get_root(w.store, 4, &root, NULL), RC_OK);
    w.msg = (struct pbft_msg){.type = PBFT_QC, .from = 2, .link = 2};
    chain_certify(&w.chain, &w.msg.qc, CERT_CHECKPOINT, 4, &b[3]->block.digest, &root, 0);
    assert_true(world_give(&w, 2));
    world_settle(&w);
    assert_alarmed(true);
    world_crash(&w, false);
    world_begin(&w);
    assert_alarmed(true);
    world_propose(&w, b[5]);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(a_certificate_against_what_was_committed_before_a_restart_is_the_alarm),
        DRIVER_TEST(so_is_that_of_a_range),
        DRIVER_TEST(one_that_agrees_is_dropped_before_it_is_verified),
        DRIVER_TEST(what_no_quorum_signed_is_no_alarm),
        DRIVER_TEST(after_the_alarm_nothing_more_is_verified_for_it),
        DRIVER_TEST(a_checkpoint_of_another_block_is_the_alarm),
    };
    return cmocka_run_group_tests_name("driver_alarm", tests, NULL, NULL);
}
