/* Pitfalls D5 through the driver: what rots among committed blocks, certificates and indexes is not
 * here. Who asks for it gets nothing, or UNKNOWN, and the replica goes on. A disk that cannot be
 * read at all still ends it. */
#include <string.h>

#include "ledger/kv_impl.h"
#include "ledger/place.h"
#include "tests/unit/driver_rules.h"

enum { COMMITTED = 18 }; /* K = 8: up to 16 is flushed, and a start reads no body below that */

static struct buf key;
static struct pbft_msg *msg; /* the last range that was given */

static struct bytes body_key(uint64_t height)
{
    return world_block_key(&key, height, &b[height]->name.digest);
}

/* Of KV_CHAIN and KV_CERT. */
static struct bytes height_key(uint64_t height)
{
    return bytes_of(body_key(height).data, 8);
}

static struct bytes nonce_key(uint64_t nonce)
{
    static uint8_t room[KV_KEY_BYTES_MAX];
    return place_nonce_key(room, &world_record(&w, DRIVER_PAYER, nonce)->tx.signer, nonce);
}

static void begin_committed(const char *parameters)
{
    msg = mem_alloc(sizeof *msg);
    begin_with(1, parameters);
    for (int i = 1; i <= COMMITTED; i++)
        world_commit(&w, b[i]);
}

/* The replica goes down, this rots, and it comes again. */
static void rot(enum kv_table table, struct bytes at)
{
    world_crash(&w, true);
    world_rot(&w, table, at);
    world_begin(&w);
    assert_int_equal(world_look(&w).damaged_count, 0);
}

static int end_damaged(void **state)
{
    buf_free(&key);
    mem_free(msg);
    msg = NULL;
    return end(state);
}

static int end_failed_disk(void **state)
{
    buf_free(&key);
    mem_free(msg);
    msg = NULL;
    return end_failed(state);
}

/* It is as good a member as before. */
static void assert_goes_on(void)
{
    world_forget(&w);
    world_commit(&w, b[COMMITTED + 1]);
    assert_int_equal(world_look(&w).durable_height, COMMITTED + 1);
    assert_int_equal(world_sent(&w, PBFT_COMMIT, b[COMMITTED + 1]), WORLD_OTHERS);
}

static void assert_damaged(uint64_t count, const char *words)
{
    struct driver_look look = world_look(&w);
    assert_int_equal(look.damaged_count, count);
    if (strstr(look.damaged_why.text, words) == NULL)
        fail_msg("no \"%s\" in: %s", words, look.damaged_why.text);
    assert_goes_on();
}

/* ---- ranges (9.2) ---- */

static void assert_range(uint64_t from, uint32_t blocks_count, uint32_t heads_count)
{
    assert_true(world_is_given(&w, 2, from, msg));
    assert_int_equal(msg->data.blocks_count, blocks_count);
    assert_int_equal(msg->data.heads_count, heads_count);
    assert_int_equal(msg->data.certificate.statement.height, from + blocks_count + heads_count - 1);
}

static void rule_9_2_of_a_range_what_stands_below_the_damage_is_given(void **state)
{
    (void)state;
    begin_committed(NULL);
    rot(KV_BLOCK, body_key(5));
    assert_range(1, 4, 0);
    assert_damaged(1, "height 5");
    assert_range(4, 1, 0);
}

static void rule_9_2_a_range_that_begins_with_the_damage_is_not_given(void **state)
{
    (void)state;
    begin_committed(NULL);
    rot(KV_BLOCK, body_key(5));
    assert_false(world_is_given(&w, 2, 5, msg));
    assert_true(world_is_given(&w, 2, 6, msg));
    assert_damaged(1, "height 5");
}

static void rule_9_2_of_a_damaged_chain_no_range_is_given_either(void **state)
{
    (void)state;
    begin_committed(NULL);
    rot(KV_CHAIN, height_key(1));
    assert_false(world_is_given(&w, 2, 1, msg));
    assert_damaged(1, "height 1");
}

/* A body that reads well and is another one: a page that landed in the wrong place. */
static void rule_9_2_a_body_of_another_block_is_damage(void **state)
{
    (void)state;
    begin_committed(NULL);
    world_crash(&w, true);
    w.is_rotten = true;
    struct bytes another = buf_bytes(&b[6]->bytes);
    world_write(&w, KV_BLOCK, body_key(5), &another);
    world_begin(&w);
    assert_range(1, 4, 0);
    assert_damaged(1, "height 5");
}

/* It ends with the certificate before, and each damage counts once however often it is met. */
static void rule_9_2_a_damaged_certificate_covers_nothing(void **state)
{
    (void)state;
    begin_committed("{\"sync_blocks_max\": 6}");
    rot(KV_CERT, height_key(6));
    assert_range(1, 5, 0);
    assert_damaged(1, "certificate");
}

/* Certificates at 3 and 17 alone, and B at 8: from 4 on there would be eight bodies, and six
 * headers that lead to 17. */
static void commit_two_ranges(void)
{
    msg = mem_alloc(sizeof *msg);
    begin_with(1, "{\"pipeline_heights\": 2, \"checkpoint_every_heights\": 4,"
                  " \"window_heights\": 8, \"sync_blocks_max\": 64}");
    world_range(&w, 2, &b[1], 3, 0);
    world_settle(&w);
    world_range(&w, 2, &b[4], 14, 0);
    world_settle(&w);
    assert_range(4, 8, 6);
}

static void a_start_stands_over_a_damaged_newest_certificate(void **state)
{
    (void)state;
    begin_committed(NULL);
    world_crash(&w, true);
    world_rot(&w, KV_CERT, height_key(COMMITTED));
    world_begin(&w);
    assert_damaged(1, "certificate"); /* and goes on */
}

static void rule_9_2_what_no_certificate_covers_is_not_given(void **state)
{
    (void)state;
    commit_two_ranges();
    rot(KV_BLOCK, body_key(6));
    assert_range(1, 3, 0);
    assert_false(world_is_given(&w, 2, 4, msg));
    assert_int_equal(world_look(&w).damaged_count, 2); /* both met it */
    assert_range(7, 8, 3);
}

static void rule_9_2_no_header_of_a_damaged_block_leads_to_a_certificate(void **state)
{
    (void)state;
    commit_two_ranges();
    rot(KV_BLOCK, body_key(14));
    assert_false(world_is_given(&w, 2, 4, msg));
    assert_int_equal(world_look(&w).damaged_count, 1);
    assert_range(1, 3, 0);
    assert_range(15, 3, 0);
}

/* ---- single bodies (5.7) ---- */

static void a_damaged_body_is_given_to_nobody(void **state)
{
    (void)state;
    begin_committed(NULL);
    world_rot(&w, KV_BLOCK,
              body_key(COMMITTED)); /* while it is up: the core knows the block still */
    world_commit(&w, b[COMMITTED + 1]);
    world_pass(&w, 1000);
    world_settle(&w);
    world_forget(&w);
    world_fetch(&w, 2, b[COMMITTED + 1]);
    world_settle(&w);
    assert_non_null(world_message(&w, PBFT_DATA, 0));
    world_pass(&w, 1000);
    world_settle(&w);
    world_forget(&w);
    world_fetch(&w, 2, b[COMMITTED]);
    world_settle(&w);
    assert_null(world_message(&w, PBFT_DATA, 0));
    struct driver_look look = world_look(&w);
    assert_int_equal(look.damaged_count, 1);
    assert_non_null(strstr(look.damaged_why.text, "height 18"));
    world_commit(&w, b[COMMITTED + 2]);
}

/* ---- clients ---- */

static void submit(uint64_t client, const struct world_tx *tx)
{
    world_submit(&w, client, tx);
    world_settle(&w);
    assert_non_null(world_answer(&w, client));
}

static void assert_unknown(uint64_t client, const struct world_tx *tx)
{
    const struct driver_answer *a = world_answer(&w, client);
    assert_int_equal(a->outcome, DRIVER_UNKNOWN);
    assert_memory_equal(&a->txid, &tx->tx.id, sizeof a->txid);
    assert_false(a->has_other);
}

/* Which transaction has the nonce cannot be read. */
static void rule_10_3_who_asks_for_a_nonce_in_a_damaged_block_is_told_unknown(void **state)
{
    (void)state;
    begin_committed(NULL);
    rot(KV_BLOCK, body_key(5));
    const struct world_tx *other = world_transfer(&w, DRIVER_PAYER, 1, 5, 7);
    submit(1, other);
    assert_unknown(1, other);
    const struct world_tx *sound = world_transfer(&w, DRIVER_PAYER, 1, 6, 7);
    submit(2, sound);
    assert_int_equal(world_answer(&w, 2)->outcome, DRIVER_REJECTED);
    assert_true(world_answer(&w, 2)->has_other);
    assert_damaged(1, "height 5");
}

static void rule_10_3_so_is_who_meets_a_damaged_index(void **state)
{
    (void)state;
    begin_committed(NULL);
    const struct world_tx *same = world_record(&w, DRIVER_PAYER, 3);
    rot(KV_TXID, bytes_of(same->tx.id.bytes, DIGEST_BYTES));
    submit(1, same);
    assert_unknown(1, same);
    assert_damaged(1, "index");
}

static void rule_10_3_or_a_damaged_index_of_nonces(void **state)
{
    (void)state;
    begin_committed(NULL);
    rot(KV_NONCE, nonce_key(3));
    const struct world_tx *other = world_transfer(&w, DRIVER_PAYER, 1, 3, 7);
    submit(1, other);
    assert_unknown(1, other);
    assert_damaged(1, "index");
}

static void rule_10_3_or_one_from_which_a_nonce_is_gone(void **state)
{
    (void)state;
    begin_committed(NULL);
    world_crash(&w, true);
    w.is_rotten = true;
    struct buf value = {0};
    assert_true(world_read(&w, KV_NONCE, nonce_key(3), &value));
    struct bytes kept = buf_bytes(&value);
    world_write(&w, KV_NONCE, nonce_key(3), NULL);
    world_write(&w, KV_NONCE, nonce_key(300), &kept); /* a start counts them */
    buf_free(&value);
    world_begin(&w);
    const struct world_tx *other = world_transfer(&w, DRIVER_PAYER, 1, 3, 7);
    submit(1, other);
    assert_unknown(1, other);
    assert_damaged(1, "nonce");
}

/* ---- certificates of peers (13) ---- */

static void a_certificate_is_not_held_against_a_damaged_chain(void **state)
{
    (void)state;
    begin_committed(NULL);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *other = world_block(&w, NULL, &tx, 1);
    rot(KV_CHAIN, height_key(1));
    world_qc(&w, 2, CERT_COMMIT, b[1]);
    world_settle(&w);
    assert_false(world_look(&w).core.is_alarmed);
    assert_int_equal(world_look(&w).damaged_count, 1);
    world_qc(&w, 2, CERT_COMMIT, other); /* it cannot be told */
    world_settle(&w);
    assert_false(world_look(&w).core.is_alarmed);
    assert_damaged(2, "height 1");
}

/* ---- what still ends it ---- */

static enum rc get_fails(struct kv_view *v, enum kv_table table, struct bytes at,
                         struct bytes *sealed)
{
    (void)v;
    (void)table;
    (void)at;
    (void)sealed;
    return RC_STORE_IO;
}

static void assert_ends_it(void)
{
    struct why why = {{0}};
    assert_int_equal(driver_failure(w.driver, &why), RC_STORE_IO);
    assert_int_equal(world_look(&w).damaged_count, 0);
    assert_null(world_message(&w, PBFT_DATA, 0));
    assert_null(world_answer(&w, 1));
}

/* What is asked for while no read of the disk succeeds. */
static void ask_of_a_broken_disk(void (*ask)(void))
{
    begin_committed(NULL);
    const struct kv_ops *sound = w.kv->ops;
    struct kv_ops broken = *sound;
    broken.get = get_fails;
    world_pass(&w, 1000);
    world_settle(&w);
    world_forget(&w);
    w.kv->ops = &broken;
    ask();
    for (int i = 0; i < 3; i++)
        world_run_once(&w);
    w.kv->ops = sound;
    assert_ends_it();
}

static void ask_for_a_range(void)
{
    world_fetch_range(&w, 2, 1);
}

static void ask_for_a_body(void)
{
    world_fetch(&w, 2, b[COMMITTED]);
}

static void a_disk_that_fails_a_range_ends_it(void **state)
{
    (void)state;
    ask_of_a_broken_disk(ask_for_a_range);
}

static void a_disk_that_fails_a_body_ends_it(void **state)
{
    (void)state;
    ask_of_a_broken_disk(ask_for_a_body);
}

/* Its signer's entry cannot be read: that is no unknown key. */
static void forward_a_transaction(void)
{
    world_forward(&w, 2, world_transfer(&w, 1, 0, 1, 7));
}

static void a_disk_that_fails_the_state_ends_it(void **state)
{
    (void)state;
    ask_of_a_broken_disk(forward_a_transaction);
}

#define DAMAGED_TEST(test) cmocka_unit_test_teardown(test, end_damaged)
#define BROKEN_TEST(test)  cmocka_unit_test_teardown(test, end_failed_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DAMAGED_TEST(rule_9_2_of_a_range_what_stands_below_the_damage_is_given),
        DAMAGED_TEST(rule_9_2_a_range_that_begins_with_the_damage_is_not_given),
        DAMAGED_TEST(rule_9_2_of_a_damaged_chain_no_range_is_given_either),
        DAMAGED_TEST(rule_9_2_a_body_of_another_block_is_damage),
        DAMAGED_TEST(rule_9_2_a_damaged_certificate_covers_nothing),
        DAMAGED_TEST(a_start_stands_over_a_damaged_newest_certificate),
        DAMAGED_TEST(rule_9_2_what_no_certificate_covers_is_not_given),
        DAMAGED_TEST(rule_9_2_no_header_of_a_damaged_block_leads_to_a_certificate),
        DAMAGED_TEST(a_damaged_body_is_given_to_nobody),
        DAMAGED_TEST(rule_10_3_who_asks_for_a_nonce_in_a_damaged_block_is_told_unknown),
        DAMAGED_TEST(rule_10_3_so_is_who_meets_a_damaged_index),
        DAMAGED_TEST(rule_10_3_or_a_damaged_index_of_nonces),
        DAMAGED_TEST(rule_10_3_or_one_from_which_a_nonce_is_gone),
        DAMAGED_TEST(a_certificate_is_not_held_against_a_damaged_chain),
        BROKEN_TEST(a_disk_that_fails_a_range_ends_it),
        BROKEN_TEST(a_disk_that_fails_a_body_ends_it),
        BROKEN_TEST(a_disk_that_fails_the_state_ends_it),
    };
    return cmocka_run_group_tests_name("driver_damaged", tests, NULL, NULL);
}
