/* The audit of sound stores, and of one that the disk damaged. Stores that were tampered with:
 * test_audit_block.c, test_audit_cert.c, test_audit_state.c, test_audit_tables.c,
 * test_audit_kept.c, test_audit_proposals.c. */
#include <string.h>

#include "tests/help/audited.h"
#include "tests/help/scratch.h"
#include "tests/help/unit.h"

/* ---- sound stores ---- */

static uint64_t index_entries_count(struct chain *c)
{
    static const enum kv_table tables[] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        uint64_t count;
        assert_int_equal(kv_count(store_view(c->store), tables[i], &count), RC_OK);
        sum += count;
    }
    return sum;
}

static void expect_sound(struct chain *c, struct audit_report *report)
{
    assert_int_equal(audited_run(c, report), RC_OK);
    assert_string_equal(report->fault_field, "");
    assert_int_equal(report->done.height, store_head(c->store)->height);
    assert_int_equal(report->certified_height, store_head(c->store)->height);
    assert_int_equal(report->flushed_height, store_flushed_height(c->store));
    assert_int_equal(report->index_entries_count, index_entries_count(c));
    struct tree_ref tree = store_tree(c->store);
    assert_true(digest_equal(&report->state_root, &tree.root));
    assert_true(digest_equal(&report->head_digest, store_head_digest(c->store)));
}

/* A sound store in memory passes, and everything in it was counted. */
static void sound_store_in_memory_passes(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    audited_open(&c);
    expect_sound(&c, &report);
    assert_int_equal(report.done.txs_count, 8 * 4);
    assert_int_equal(report.checkpoints_count, 2);
    /* one a transaction, three a certificate, and at least one new key's consent */
    assert_true(report.done.signatures_count > 8 * 4 + (8 + 2) * 3);
    /* 4 participants, their keys, 2 assets, 8 opening balances */
    assert_true(report.state_entries_count > 4 + 4 + 2 + 8);
    chain_close(&c);
}

/* A sound store on disk passes with the very same report. */
static void sound_store_on_disk_passes_the_same(void **state)
{
    struct chain on_disk, in_memory;
    struct audit_report disk_report, memory_report;
    struct kv *kv;
    struct kv_lmdb_options options = {.create = true};
    assert_int_equal(kv_lmdb_open(&kv, *state, &options, NULL), RC_OK);
    chain_open(&on_disk, &(struct chain_options){.seed = 7, .threads_count = 2}, kv);
    chain_grow(&on_disk, 8);
    audited_open(&in_memory);
    expect_sound(&on_disk, &disk_report);
    expect_sound(&in_memory, &memory_report);
    assert_memory_equal(&disk_report, &memory_report, sizeof disk_report);
    chain_close(&on_disk);
    chain_close(&in_memory);
}

/* Blocks above the flushed height are audited too. */
static void sound_store_with_unflushed_tail_passes(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    audited_open(&c);
    chain_grow(&c, 3);
    expect_sound(&c, &report);
    assert_int_equal(report.flushed_height, 8);
    assert_int_equal(report.head_height, 11);
    chain_close(&c);
}

/* A certificate covers the heights before it that have none. */
static void sound_store_with_few_certificates_passes(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    chain_open(&c, &(struct chain_options){.seed = 3, .certificate_every_heights = 3},
               kv_mem_new());
    chain_grow(&c, 7);
    expect_sound(&c, &report);
    chain_close(&c);
}

/* A store that flushes after every block has more roots to compare than checkpoints. */
static void sound_store_that_flushes_often_passes(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    chain_open(&c, &(struct chain_options){.seed = 3, .layer_bytes_max = 1}, kv_mem_new());
    chain_grow(&c, 7);
    assert_int_equal(store_flushed_height(c.store), 7);
    expect_sound(&c, &report);
    chain_close(&c);
}

/* A store that holds nothing but its genesis passes. */
static void sound_store_without_blocks_passes(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    chain_open(&c, &(struct chain_options){.seed = 3}, kv_mem_new());
    expect_sound(&c, &report);
    assert_int_equal(report.state_entries_count, 4 + 4 + 2 + 8);
    chain_close(&c);
}

/* The report says how many threads verified: not more than there may be, and one at least. */
static void audit_with_too_many_threads_starts_the_most_allowed(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    audited_open(&c);
    assert_int_equal(audited_run_open(&c, AUDIT_THREADS_MAX + 1, &report), RC_OK);
    assert_int_equal(report.threads_count, AUDIT_THREADS_MAX);
    assert_int_equal(audited_run_open(&c, 0, &report), RC_OK);
    assert_in_range(report.threads_count, 1, AUDIT_THREADS_MAX);
    chain_close(&c);
}

static bool stop_at_once(void *context, const struct audit_progress *progress)
{
    (void)progress;
    ++*(unsigned *)context;
    return false;
}

/* Whoever watches the progress can end the audit. */
static void audit_told_to_stop_is_interrupted(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    unsigned told_count = 0;
    struct audit_options options = {.progress = stop_at_once, .progress_context = &told_count};
    audited_open(&c);
    struct audit_chain chain = audited_chain(&c);
    assert_int_equal(audit_run(&report, c.store, &chain, &options, NULL), RC_INTERRUPTED);
    assert_int_equal(told_count, 1);
    chain_close(&c);
}

static bool stop_at_the_end(void *context, const struct audit_progress *progress)
{
    ++*(unsigned *)context;
    return progress->height < progress->height_end;
}

/* The last word comes when all is done: stopping is too late then, and what was found stands. */
static void audit_told_to_stop_at_the_end_is_complete(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    unsigned told_count = 0;
    struct audit_options options = {
        .progress = stop_at_the_end, .progress_context = &told_count, .progress_every_ms = 1000000};
    audited_open(&c);
    struct audit_chain chain = audited_chain(&c);
    assert_int_equal(audit_run(&report, c.store, &chain, &options, NULL), RC_OK);
    assert_int_equal(told_count, 1);
    chain_close(&c);
}

/* ---- damage ---- */

/* A flipped bit on disk is a fault of its height and table. */
static void flipped_bit_on_disk_is_found(void **state)
{
    struct chain c;
    struct tamper_block b;
    struct audit_report report;
    struct kv_lmdb_options options = {.create = true};
    struct kv *kv;
    assert_int_equal(kv_lmdb_open(&kv, *state, &options, NULL), RC_OK);
    chain_open(&c, &(struct chain_options){.seed = 7}, kv);
    chain_grow(&c, 8);
    tamper_take(&b, &c, 5);
    tamper_flip_on_disk(&c, *state, buf_bytes(&b.txs[1]));
    for (uint32_t i = 0; i < b.txs_count; i++)
        buf_free(&b.txs[i]);
    assert_int_equal(audited_run(&c, &report), RC_STORE_DAMAGED);
    assert_int_equal(report.fault_height, 5);
    assert_memory_equal(report.fault_field, "table block: ", 13);
    chain_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_store_in_memory_passes),
        cmocka_unit_test_setup_teardown(sound_store_on_disk_passes_the_same, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(sound_store_with_unflushed_tail_passes),
        cmocka_unit_test(sound_store_with_few_certificates_passes),
        cmocka_unit_test(sound_store_that_flushes_often_passes),
        cmocka_unit_test(sound_store_without_blocks_passes),
        cmocka_unit_test(audit_with_too_many_threads_starts_the_most_allowed),
        cmocka_unit_test(audit_told_to_stop_is_interrupted),
        cmocka_unit_test(audit_told_to_stop_at_the_end_is_complete),
        cmocka_unit_test_setup_teardown(flipped_bit_on_disk_is_found, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
