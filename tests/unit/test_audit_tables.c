/* The audit of what stands in a store and belongs to nothing, and of its own records. */
#include <stdlib.h>
#include <string.h>

#include "tests/help/audited.h"
#include "tests/help/scratch.h"
#include "tests/help/unit.h"

/* ---- keys that are none ---- */

/* A key too short to be of any height sorts in between two heights, where no lookup by height comes
 * across it. Put in after opening, which only counts. */
static void key_shorter_than_a_height_is_found_in_every_table(void **state)
{
    (void)state;
    static const struct {
        enum kv_table table;
        const char *field;
    } by_height[] = {
        {KV_CHAIN, "chain: an entry that belongs to nothing (key 00000000000001)"},
        {KV_BLOCK, "block: an entry that belongs to nothing (key 00000000000001)"},
        {KV_CERT, "cert: an entry that belongs to nothing (key 00000000000001)"},
        {KV_CHECKPOINT, "checkpoint: an entry that belongs to nothing (key 00000000000001)"},
        {KV_ROOT, "state root: an entry that belongs to nothing"}};
    static const uint8_t between_255_and_256[7] = {0, 0, 0, 0, 0, 0, 1};
    struct bytes key = bytes_of(between_255_and_256, sizeof between_255_and_256);
    struct chain c;
    struct audit_report report;
    chain_open(&c,
               &(struct chain_options){
                   .seed = 7, .txs_per_block = 1, .ops_per_tx = 1, .checkpoint_every_heights = 16},
               kv_mem_new());
    chain_grow(&c, 257);
    assert_int_equal(audited_run_open(&c, 2, &report), RC_OK);
    for (size_t i = 0; i < sizeof by_height / sizeof by_height[0]; i++) {
        tamper_put(&c, by_height[i].table, key, key);
        assert_int_equal(audited_run_open(&c, 2, &report), RC_PROOF);
        assert_string_equal(report.fault_field, by_height[i].field);
        assert_in_range(report.fault_height, 240, 256); /* 240: the checkpoint before */
        tamper_delete(&c, by_height[i].table, key);
    }
    chain_close(&c);
}

static struct bytes genesis_key(uint8_t out[static 16], uint32_t piece)
{
    struct wr w = wr_of(out, 16);
    wr_bytes(&w, bytes_of_text("genesis"));
    wr_be32(&w, piece);
    return wr_bytes_of(&w);
}

/* Records that nobody reads: names of no record, and pieces of the genesis that are none. */
static void unknown_record_is_found(void **state)
{
    (void)state;
    uint8_t gap[16], second[16];
    const struct {
        struct bytes key, value;
    } unknown[] = {{bytes_of_text("x"), bytes_of_text("x")},
                   {bytes_of_text("stor"), bytes_of_text("x")},
                   {bytes_of_text("heads"), bytes_of_text("x")},
                   {bytes_of_text("genesis"), bytes_of_text("x")},
                   {bytes_of_text("genesis12345"), bytes_of_text("x")},
                   {genesis_key(gap, 2), bytes_of_text("x")},
                   {genesis_key(second, 1), bytes_of(NULL, 0)}};
    struct chain c;
    struct audit_report report;
    audited_open(&c);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        tamper_put(&c, KV_META, unknown[i].key, unknown[i].value);
        assert_int_equal(audited_run(&c, &report), RC_PROOF);
        assert_int_equal(report.fault_height, 8);
        assert_memory_equal(report.fault_field, "table meta: an entry that belongs to nothing", 44);
        tamper_delete(&c, KV_META, unknown[i].key);
    }
    assert_int_equal(audited_run(&c, &report), RC_OK);
    chain_close(&c);
}

/* ---- records ---- */

/* A store that says another interval than its genesis would keep, and drop, other trees. */
static void checkpoint_interval_of_another_genesis_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    struct buf identity = tamper_get(&c, KV_META, bytes_of_text("store"));
    struct wr interval = wr_of(identity.data + identity.size - 8, 8); /* its last field */
    wr_u64(&interval, 2);
    tamper_put(&c, KV_META, bytes_of_text("store"), buf_bytes(&identity));
    buf_free(&identity);
    audited_expect(&c, 0, "checkpoint interval: the store has 2, its genesis 4");
}

/* ---- damage ---- */

/* A flipped bit in what no part of the audit asks for: the agreement's own records, and a node of
 * the tree that no kept version uses. */
static void flipped_bit_in_unused_entry_is_found(void **state)
{
    static const struct {
        enum kv_table table;
        const char *value, *field;
    } unused[] = {{KV_VOTE, "a vote that the disk will damage", "table vote: "},
                  {KV_TREE, "a node that the disk will damage", "table tree: "}};
    for (size_t i = 0; i < sizeof unused / sizeof unused[0]; i++) {
        struct chain c;
        struct audit_report report;
        struct kv *kv;
        struct kv_lmdb_options options = {.create = true};
        char *path = scratch_join(*state, kv_table_name(unused[i].table));
        assert_int_equal(kv_lmdb_open(&kv, path, &options, NULL), RC_OK);
        chain_open(&c, &(struct chain_options){.seed = 7}, kv);
        chain_grow(&c, 2);
        struct bytes value = bytes_of_text(unused[i].value);
        tamper_put(&c, unused[i].table, tamper_height_key(0), value);
        assert_int_equal(audited_run(&c, &report), RC_OK);
        tamper_flip_on_disk(&c, path, value);
        assert_int_equal(audited_run(&c, &report), RC_STORE_DAMAGED);
        assert_int_equal(report.fault_height, 2);
        assert_memory_equal(report.fault_field, unused[i].field, strlen(unused[i].field));
        chain_close(&c);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_shorter_than_a_height_is_found_in_every_table),
        cmocka_unit_test(unknown_record_is_found),
        cmocka_unit_test(checkpoint_interval_of_another_genesis_is_found),
        cmocka_unit_test_setup_teardown(flipped_bit_in_unused_entry_is_found, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
