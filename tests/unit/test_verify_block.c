/* Messages that carry blocks: bodies against headers, headers against the chain, ranges against
 * their certificate (PROTOCOL.md 5.2, 5.7, 9.2; pitfalls A3, C3, C4, H3). */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/verify_world.h"

static struct verify_world w;

static int open_world(void **state)
{
    (void)state;
    verify_world_open(&w);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    verify_world_close(&w);
    return 0;
}

/* ---- every way in which the last block can come ---- */

enum { LAST = VERIFY_WORLD_BLOCKS - 1 };
enum way { IN_PRE_PREPARE, IN_BLOCK, IN_BLOCK_WITH_PRE_PREPARE, IN_RANGE, WITH_BODY_COUNT };
enum { AS_HEAD = WITH_BODY_COUNT, WAYS_COUNT }; /* a head has no body */

static enum verify_drop judge_last_block(int way)
{
    if (way == IN_PRE_PREPARE)
        verify_world_make_pre_prepare(&w, LAST, 1);
    else if (way == IN_BLOCK || way == IN_BLOCK_WITH_PRE_PREPARE)
        verify_world_make_block(&w, LAST, way == IN_BLOCK_WITH_PRE_PREPARE);
    else if (way == IN_RANGE)
        verify_world_make_range(&w, 1, LAST, 0);
    else
        verify_world_make_range(&w, 1, LAST - 1, 1);
    return verify_world_judge(&w);
}

/* The last block made anew with these transactions, else as it was. */
static void remake_last(const struct bytes *txs, uint32_t txs_count, verify_world_change *change)
{
    verify_world_remake_block(&w, LAST, txs, txs_count, change);
}

static void remake_last_same(verify_world_change *change)
{
    struct bytes txs[] = {buf_bytes(&w.txs[6]), buf_bytes(&w.txs[7])};
    remake_last(txs, 2, change);
}

static void assert_every_way(enum verify_drop drop)
{
    for (int way = 0; way < WAYS_COUNT; way++)
        assert_int_equal(judge_last_block(way), drop);
}

static void assert_every_way_with_body(enum verify_drop drop)
{
    for (int way = 0; way < WITH_BODY_COUNT; way++)
        assert_int_equal(judge_last_block(way), drop);
}

/* ---- headers ---- */

static void change_chain(struct block_header *h)
{
    h->chain_id.bytes[31] ^= 1;
}

static void change_epoch(struct block_header *h)
{
    h->epoch++;
}

/* A block of another chain is dropped however it comes, also as a head, and though its digest is
 * truly signed and certified here. */
static void block_of_another_chain_is_dropped(void **state)
{
    (void)state;
    remake_last_same(NULL);
    assert_every_way(VERIFY_KEEP);
    remake_last_same(change_chain);
    assert_every_way(VERIFY_DROP_OTHER_CHAIN);
}

/* The same of a block of another epoch under an envelope of this one (pitfalls A3). */
static void block_of_another_epoch_is_dropped(void **state)
{
    (void)state;
    remake_last_same(change_epoch);
    assert_every_way(VERIFY_DROP_OTHER_EPOCH);
}

/* B_max bounds the body: B_max itself is kept, one byte more is not. */
static void block_over_b_max_is_dropped(void **state)
{
    (void)state;
    uint64_t body_bytes = w.blocks[LAST].size - BLOCK_HEADER_BYTES;
    w.config.block_rules.body_bytes_max = body_bytes;
    assert_every_way(VERIFY_KEEP);
    w.config.block_rules.body_bytes_max = body_bytes - 1;
    assert_every_way(VERIFY_DROP_TOO_LARGE);
}

/* The same at the greatest B_max there is, which still fits into a message. */
static void block_over_the_greatest_b_max_is_dropped(void **state)
{
    (void)state;
    uint8_t *room = mem_alloc(BLOCK_BODY_BYTES_MAX);
    struct bytes tx = bytes_of(room, BLOCK_BODY_BYTES_MAX - 4);
    remake_last(&tx, 1, NULL);
    assert_every_way_with_body(VERIFY_KEEP);
    tx.size++;
    remake_last(&tx, 1, NULL);
    assert_every_way_with_body(VERIFY_DROP_TOO_LARGE);
    mem_free(room);
}

/* 1,024 transactions are kept, 1,025 are not (PROTOCOL.md 16). */
static void block_of_too_many_transactions_is_dropped(void **state)
{
    (void)state;
    static struct bytes none[BLOCK_TXS_MAX + 1];
    remake_last(none, BLOCK_TXS_MAX, NULL);
    assert_every_way(VERIFY_KEEP);
    remake_last(none, BLOCK_TXS_MAX + 1, NULL);
    assert_every_way(VERIFY_DROP_TOO_LARGE);
}

/* ---- bodies ---- */

static void change_root(struct block_header *h)
{
    h->tx_root.bytes[0] ^= 1;
}

static void change_count_up(struct block_header *h)
{
    h->tx_count++;
}

static void change_count_down(struct block_header *h)
{
    h->tx_count--;
}

static void change_size_up(struct block_header *h)
{
    h->body_bytes++;
}

static void change_size_down(struct block_header *h)
{
    h->body_bytes--;
}

/* Rule 5.2: tx_root, count and bytes of the header are those of the body. */
static void body_that_does_not_give_the_header_is_dropped(void **state)
{
    (void)state;
    static verify_world_change *const changes[] = {change_root, change_count_up, change_count_down,
                                                   change_size_up, change_size_down};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        remake_last_same(changes[i]);
        assert_every_way_with_body(VERIFY_DROP_BAD_BODY);
    }
}

/* Pitfalls H3: tx_root covers client signatures, so a link that garbles one is found out, and the
 * primary, who signed another body, is not blamed for it. */
static void body_with_a_garbled_client_signature_is_dropped(void **state)
{
    (void)state;
    w.blocks[LAST].data[w.blocks[LAST].size - 1] ^= 1; /* the last transaction's signature */
    assert_every_way_with_body(VERIFY_DROP_BAD_BODY);
}

/* Two transactions in the other order are another body. */
static void body_with_transactions_swapped_is_dropped(void **state)
{
    (void)state;
    struct bytes swapped[] = {buf_bytes(&w.txs[7]), buf_bytes(&w.txs[6])};
    struct buf *block = &w.blocks[LAST];
    assert_int_equal(swapped[0].size, swapped[1].size);
    for (uint32_t i = 0; i < 2; i++)
        memcpy(block->data + BLOCK_HEADER_BYTES + 4 + i * (4 + swapped[0].size), swapped[i].data,
               swapped[i].size);
    assert_every_way_with_body(VERIFY_DROP_BAD_BODY);
}

/* ---- ranges ---- */

/* Rule 9.2: a body in the middle of a range, not only its last one. */
static void range_with_a_bad_body_anywhere_is_dropped(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < VERIFY_WORLD_BLOCKS; i++) {
        w.blocks[i].data[w.blocks[i].size - 1] ^= 1;
        verify_world_make_range(&w, 0, VERIFY_WORLD_BLOCKS, 0);
        assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_BODY);
        w.blocks[i].data[w.blocks[i].size - 1] ^= 1;
    }
}

/* Rule 9.2: certified blocks are taken without a look at client signatures: q members have seen to
 * them. */
static void range_with_a_wrong_client_signature_under_its_root_is_kept(void **state)
{
    (void)state;
    uint32_t bad_tx_index = 99;
    struct block block;
    w.txs[7].data[w.txs[7].size - 1] ^= 1;
    remake_last_same(NULL);
    assert_int_equal(judge_last_block(IN_RANGE), VERIFY_KEEP);
    assert_int_equal(block_decode(&block, buf_bytes(&w.blocks[LAST])), BLOCK_OK);
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_BAD_SIGNATURE);
    assert_int_equal(bad_tx_index, 1);
}

/* Pitfalls C3: the certificate of the block below, with the statement made to fit. */
static void range_with_the_certificate_of_another_block_is_dropped(void **state)
{
    (void)state;
    for (uint32_t heads_count = 0; heads_count < 2; heads_count++) {
        struct pbft_data *d = &w.msg.data;
        verify_world_make_range(&w, 0, 3, 0);
        struct certificate below = d->certificate;
        verify_world_make_range(&w, 0, 4 - heads_count, heads_count);
        memcpy(d->certificate.entries, below.entries, sizeof below.entries);
        assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    }
}

/* The certificate of a range is verified whole: q, each signature, in order. */
static void range_with_a_bad_certificate_is_dropped(void **state)
{
    (void)state;
    struct pbft_data *d = &w.msg.data;
    for (uint32_t i = 0; i < VERIFY_WORLD_QUORUM; i++) {
        verify_world_make_range(&w, 1, 2, 1);
        d->certificate.entries[i].signature.bytes[0] ^= 1;
        assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    }
    verify_world_make_range(&w, 1, 2, 1);
    d->certificate.entries_count--;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
    verify_world_make_range(&w, 1, 2, 1);
    d->certificate.entries[1] = d->certificate.entries[0];
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_CERTIFICATE);
}

/* PREPAREs commit nothing: a range under a PQC, truly signed, has no such form. */
static void range_under_a_certificate_of_prepares_is_dropped(void **state)
{
    (void)state;
    uint8_t room[CERT_BYTES_MAX];
    struct wr certificate = wr_of(room, sizeof room);
    struct statement s = verify_world_statement(&w, CERT_PREPARE, LAST);
    struct certificate c = verify_world_certificate(&w, &s, (const uint8_t[]){0, 1, 3}, 3);
    cert_encode(&certificate, &c);
    assert_int_equal(judge_last_block(IN_RANGE), VERIFY_KEEP);
    memcpy(w.encoding.data + w.encoding.size - certificate.size, room, certificate.size);
    assert_int_equal(verify_world_judge_bytes(&w, buf_bytes(&w.encoding)), VERIFY_DROP_MALFORMED);
}

/* A head is a header; bytes behind it would be held against nothing (pitfalls H4). */
static void head_with_bytes_behind_it_is_dropped(void **state)
{
    (void)state;
    verify_world_make_range(&w, 1, 2, 1);
    w.msg.data.head_bytes[0] = buf_bytes(&w.blocks[LAST]);
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_MALFORMED);
}

/* ---- cheap before expensive ---- */

/* With everything wrong at once the cheapest reason is given: epoch, header, body, and signatures
 * last, so that a link cannot make this replica work for what a glance refuses. */
static void block_with_all_wrong_is_dropped_for_the_cheapest_reason(void **state)
{
    (void)state;
    struct pbft_data *d = &w.msg.data;
    w.blocks[LAST].data[w.blocks[LAST].size - 1] ^= 1;
    for (int epoch_too = 0; epoch_too < 2; epoch_too++) {
        enum verify_drop expected = epoch_too ? VERIFY_DROP_OTHER_EPOCH : VERIFY_DROP_BAD_BODY;
        verify_world_make_pre_prepare(&w, LAST, 1);
        w.msg.pre_prepare.signature.bytes[0] ^= 1;
        w.msg.pre_prepare.epoch += (uint64_t)epoch_too;
        assert_int_equal(verify_world_judge(&w), expected);
        verify_world_make_block(&w, LAST, true);
        d->pre_prepare.signature.bytes[0] ^= 1;
        d->pre_prepare.epoch += (uint64_t)epoch_too;
        assert_int_equal(verify_world_judge(&w), expected);
        verify_world_make_range(&w, 0, VERIFY_WORLD_BLOCKS, 0);
        d->certificate.entries[0].signature.bytes[0] ^= 1;
        d->certificate.statement.epoch += (uint64_t)epoch_too;
        assert_int_equal(verify_world_judge(&w), expected);
    }
    remake_last_same(change_chain);
    w.blocks[LAST].data[w.blocks[LAST].size - 1] ^= 1;
    assert_every_way(VERIFY_DROP_OTHER_CHAIN);
}

/* ---- the PRE-PREPARE beside a block ---- */

/* A nested PRE-PREPARE that does not hold drops the whole message, the good block with it. */
static void block_with_a_bad_pre_prepare_is_dropped_whole(void **state)
{
    (void)state;
    struct pbft_data *d = &w.msg.data;
    verify_world_make_block(&w, 1, true);
    d->pre_prepare.signature.bytes[63] ^= 1;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_SIGNATURE);
    verify_world_make_block(&w, 1, true);
    d->pre_prepare.view++;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_SIGNATURE);
    verify_world_make_block(&w, 1, true);
    struct signature other = d->pre_prepare.signature;
    verify_world_make_block(&w, 2, true);
    d->pre_prepare.signature = other;
    assert_int_equal(verify_world_judge(&w), VERIFY_DROP_BAD_SIGNATURE);
    verify_world_make_block(&w, 2, false);
    assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
}

/* ---- the header for the decoder ---- */

/* Height, parent and digest are the header's; less than a header, or another version, is none. */
static void block_head_is_that_of_the_header(void **state)
{
    (void)state;
    struct pbft_block head;
    struct block block;
    struct bytes bytes = buf_bytes(&w.blocks[2]);
    assert_int_equal(block_decode(&block, bytes), BLOCK_OK);
    assert_true(verify_block_head(bytes, &head));
    assert_int_equal(head.height, 3);
    assert_true(digest_equal(&head.digest, &block.digest));
    assert_true(digest_equal(&head.parent, &block.header.parent));
    bytes.size = BLOCK_HEADER_BYTES;
    assert_true(verify_block_head(bytes, &head));
    bytes.size--;
    assert_false(verify_block_head(bytes, &head));
    w.blocks[2].data[0]++;
    assert_false(verify_block_head(buf_bytes(&w.blocks[2]), &head));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(block_of_another_chain_is_dropped),
        TEST(block_of_another_epoch_is_dropped),
        TEST(block_over_b_max_is_dropped),
        TEST(block_over_the_greatest_b_max_is_dropped),
        TEST(block_of_too_many_transactions_is_dropped),
        TEST(body_that_does_not_give_the_header_is_dropped),
        TEST(body_with_a_garbled_client_signature_is_dropped),
        TEST(body_with_transactions_swapped_is_dropped),
        TEST(range_with_a_bad_body_anywhere_is_dropped),
        TEST(range_with_a_wrong_client_signature_under_its_root_is_kept),
        TEST(range_with_the_certificate_of_another_block_is_dropped),
        TEST(range_with_a_bad_certificate_is_dropped),
        TEST(range_under_a_certificate_of_prepares_is_dropped),
        TEST(head_with_bytes_behind_it_is_dropped),
        TEST(block_with_all_wrong_is_dropped_for_the_cheapest_reason),
        TEST(block_with_a_bad_pre_prepare_is_dropped_whole),
        TEST(block_head_is_that_of_the_header),
    };
    return cmocka_run_group_tests_name("verify_block", tests, NULL, NULL);
}
