/* Hostile bytes: whatever a link changes in a signed message, or makes up, is no message, and
 * reaches no CHECK (PROTOCOL.md 3.2; pitfalls A3, H4, H5). */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
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

/* Flip each bit of w.msg's encoding, one after the other, and count what becomes of it. */
static void flip_each_bit(uint32_t drops[static VERIFY_DROP_COUNT])
{
    memset(drops, 0, VERIFY_DROP_COUNT * sizeof *drops);
    assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
    for (size_t bit = 0; bit < 8 * w.encoding.size; bit++) {
        uint8_t mask = (uint8_t)(1u << bit % 8);
        w.encoding.data[bit / 8] ^= mask;
        drops[verify_world_judge_bytes(&w, buf_bytes(&w.encoding))]++;
        w.encoding.data[bit / 8] ^= mask;
    }
}

enum { SIGNATURE_BITS = 8 * SIGNATURE_BYTES };

/* Every field is signed, the type too: it stands in the tag. */
static void vote_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    static const enum pbft_msg_type types[] = {PBFT_PREPARE, PBFT_COMMIT, PBFT_CHECKPOINT};
    for (size_t i = 0; i < 3; i++) {
        uint32_t drops[VERIFY_DROP_COUNT];
        verify_world_make_vote(&w, types[i], 1, 2);
        flip_each_bit(drops);
        assert_int_equal(drops[VERIFY_KEEP], 0);
        assert_int_equal(drops[VERIFY_DROP_OTHER_EPOCH], 64);
        /* Member 2 becomes 6, 10 or 18; from 31 on it is the form that refuses. */
        assert_int_equal(drops[VERIFY_DROP_NOT_A_MEMBER], 3);
        assert_true(drops[VERIFY_DROP_BAD_SIGNATURE] >= SIGNATURE_BITS + 2 * 64);
    }
}

/* A STATUS has no field that its signature does not cover. */
static void status_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    uint32_t drops[VERIFY_DROP_COUNT];
    verify_world_make_status(&w, 2);
    flip_each_bit(drops);
    assert_int_equal(drops[VERIFY_KEEP], 0);
    assert_int_equal(drops[VERIFY_DROP_OTHER_EPOCH], 64);
    assert_true(drops[VERIFY_DROP_BAD_SIGNATURE] >= SIGNATURE_BITS + 8 * (7 * 8 + DIGEST_BYTES));
}

/* Envelope, header, each transaction with its signature: everything is bound to the digest. */
static void pre_prepare_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    uint32_t drops[VERIFY_DROP_COUNT];
    verify_world_make_pre_prepare(&w, 1, 1);
    flip_each_bit(drops);
    assert_int_equal(drops[VERIFY_KEEP], 0);
    assert_true(drops[VERIFY_DROP_BAD_SIGNATURE] >= SIGNATURE_BITS + 64);
    assert_int_equal(drops[VERIFY_DROP_BAD_BODY], 8 * (w.blocks[1].size - BLOCK_HEADER_BYTES));
}

/* The nested PRE-PREPARE covers the block, so that DATA with it is as good as signed. */
static void block_with_its_pre_prepare_and_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    uint32_t drops[VERIFY_DROP_COUNT];
    verify_world_make_block(&w, 1, true);
    flip_each_bit(drops);
    assert_int_equal(drops[VERIFY_KEEP], 0);
    assert_true(drops[VERIFY_DROP_BAD_SIGNATURE] >= SIGNATURE_BITS + 64);
}

/* A block alone carries no signature: what is kept has another digest, which nobody asked for, and
 * a body that fits its header. */
static void block_alone_with_any_bit_flipped_is_dropped_or_another_block(void **state)
{
    (void)state;
    uint32_t kept_count = 0;
    verify_world_make_block(&w, 1, false);
    assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
    for (size_t bit = 0; bit < 8 * w.encoding.size; bit++) {
        w.encoding.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (verify_world_judge_bytes(&w, buf_bytes(&w.encoding)) == VERIFY_KEEP) {
            assert_false(digest_equal(&w.out.data.blocks[0].digest, &w.heads[1].digest));
            kept_count++;
        }
        w.encoding.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* height, parent, time_ms, proposer: what a header says of nothing in the message. */
    assert_int_equal(kept_count, 8 * (8 + DIGEST_BYTES + 8 + 2));
}

/* Blocks, heads and certificate: the links between them leave no bit free. */
static void range_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    uint32_t drops[VERIFY_DROP_COUNT];
    verify_world_make_range(&w, 0, 2, 1);
    flip_each_bit(drops);
    assert_int_equal(drops[VERIFY_KEEP], 0);
    assert_true(drops[VERIFY_DROP_BAD_CERTIFICATE] >= VERIFY_WORLD_QUORUM * SIGNATURE_BITS + 64);
    assert_int_equal(drops[VERIFY_DROP_BAD_BODY],
                     8 * (w.blocks[0].size + w.blocks[1].size - 2 * BLOCK_HEADER_BYTES));
}

/* Certificates of both kinds. */
static void qc_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    for (int commit = 0; commit < 2; commit++) {
        uint32_t drops[VERIFY_DROP_COUNT];
        verify_world_make_qc(&w, commit ? CERT_COMMIT : CERT_PREPARE, 1);
        flip_each_bit(drops);
        assert_int_equal(drops[VERIFY_KEEP], 0);
        assert_int_equal(drops[VERIFY_DROP_OTHER_EPOCH], 64);
        assert_true(drops[VERIFY_DROP_BAD_CERTIFICATE] >=
                    VERIFY_WORLD_QUORUM * SIGNATURE_BITS + 8 * (8 + 8 + DIGEST_BYTES));
    }
}

/* Also while the cache knows the transaction as it was. */
static void forward_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    uint32_t drops[VERIFY_DROP_COUNT];
    w.cache = verify_cache_new(8);
    verify_world_make_forward(&w, 3);
    flip_each_bit(drops);
    assert_int_equal(drops[VERIFY_KEEP], 0);
    assert_int_equal(drops[VERIFY_DROP_BAD_TX], 8 * w.txs[3].size);
}

/* A request carries no signature: what is kept is some other request, in range. */
static void fetch_with_any_bit_flipped_is_dropped_or_in_range(void **state)
{
    (void)state;
    verify_world_make_fetch(&w);
    assert_int_equal(verify_world_judge(&w), VERIFY_KEEP);
    for (size_t bit = 0; bit < 8 * w.encoding.size; bit++) {
        w.encoding.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum verify_drop drop = verify_world_judge_bytes(&w, buf_bytes(&w.encoding));
        assert_true(drop == VERIFY_KEEP || drop == VERIFY_DROP_MALFORMED);
        if (drop == VERIFY_KEEP)
            assert_in_range(w.out.fetch.blocks_max, 1, PBFT_DATA_BLOCKS_MAX);
        w.encoding.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* ---- bytes made up ---- */

enum { ROUNDS = 4000 };

/* One message of a random kind, truly made. */
static void make_any(struct prng *p)
{
    static const enum pbft_msg_type votes[] = {PBFT_PREPARE, PBFT_COMMIT, PBFT_CHECKPOINT};
    uint32_t block_index = (uint32_t)prng_below(p, VERIFY_WORLD_BLOCKS);
    uint32_t from = (uint32_t)prng_below(p, VERIFY_WORLD_MEMBERS);
    switch (prng_below(p, 7)) {
    case 0:
        verify_world_make_pre_prepare(&w, block_index, from);
        return;
    case 1:
        verify_world_make_vote(&w, votes[prng_below(p, 3)], block_index, from);
        return;
    case 2:
        verify_world_make_status(&w, from);
        return;
    case 3:
        verify_world_make_block(&w, block_index, true);
        return;
    case 4:
        verify_world_make_range(&w, 0, 1 + block_index, VERIFY_WORLD_BLOCKS - 1 - block_index);
        return;
    case 5:
        verify_world_make_forward(&w, block_index);
        return;
    default:
        verify_world_make_qc(&w, CERT_PREPARE, block_index);
    }
}

/* Some bytes overwritten, cut off, or moved; never the same as before. */
static void damage(struct prng *p, struct buf *b)
{
    size_t at = (size_t)prng_below(p, b->size);
    size_t size = 1 + (size_t)prng_below(p, b->size - at < 9 ? b->size - at : 9);
    switch (prng_below(p, 4)) {
    case 0:
        b->data[at] ^= (uint8_t)(1 + prng_below(p, 255));
        return;
    case 1:
        memmove(b->data + at, b->data + at + size, b->size - at - size);
        b->size -= size;
        return;
    case 2:
        b->size = at;
        return;
    default:
        prng_fill(p, buf_grow(b, size), size);
    }
}

/* Damaged in up to three places, every message that carries a signature is dropped. */
static void message_damaged_at_random_is_dropped(void **state)
{
    (void)state;
    struct prng p = prng_of(31);
    w.cache = verify_cache_new(4);
    for (int round = 0; round < ROUNDS; round++) {
        make_any(&p);
        struct buf was = {0};
        pbft_encode(&was, &w.msg);
        buf_clear(&w.encoding);
        buf_add_bytes(&w.encoding, buf_bytes(&was));
        for (uint64_t left = 1 + prng_below(&p, 3); left > 0 && w.encoding.size > 0; left--)
            damage(&p, &w.encoding);
        if (!bytes_equal(buf_bytes(&was), buf_bytes(&w.encoding)))
            assert_int_not_equal(verify_world_judge_bytes(&w, buf_bytes(&w.encoding)), VERIFY_KEEP);
        buf_free(&was);
    }
}

/* Bytes that were never a message, under every type, of every length up to a few hundred. Only a
 * FETCH can come out of them: it needs no key. */
static void random_bytes_are_dropped_or_a_request(void **state)
{
    (void)state;
    struct prng p = prng_of(32);
    uint8_t bytes[400];
    for (int round = 0; round < 10 * ROUNDS; round++) {
        size_t size = 1 + (size_t)prng_below(&p, sizeof bytes);
        prng_fill(&p, bytes, size);
        bytes[0] = (uint8_t)prng_below(&p, PBFT_MSG_TYPE_END + 2);
        if (size > 1 && prng_below(&p, 2) == 0)
            bytes[1] = (uint8_t)prng_below(&p, 4); /* a member's index, a kind */
        if (verify_world_judge_bytes(&w, bytes_of(bytes, size)) == VERIFY_KEEP)
            assert_int_equal(w.out.type, PBFT_FETCH);
    }
}

/* A liar with a key of his own signs over blocks whose headers are drawn at random: counts and
 * sizes at the edges, height and digest of the message made to fit. */
static void signed_block_with_a_random_header_is_dropped(void **state)
{
    (void)state;
    static const uint32_t edges[] = {0, 1, 2, 3, 1024, 1025, 0x7fffffff, 0x80000000, 0xffffffff};
    enum { EDGES_COUNT = sizeof edges / sizeof edges[0] };
    struct prng p = prng_of(33);
    uint32_t kept_count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct block_header header;
        struct rd r = rd_of(bytes_of(w.blocks[1].data, BLOCK_HEADER_BYTES));
        block_header_decode(&r, &header);
        header.height = prng_u64(&p);
        if (prng_below(&p, 2) == 0)
            header.tx_count = edges[prng_below(&p, EDGES_COUNT)];
        else
            header.body_bytes = edges[prng_below(&p, EDGES_COUNT)];
        block_header_encode(w.blocks[1].data, &header);
        assert_true(verify_block_head(buf_bytes(&w.blocks[1]), &w.heads[1]));
        verify_world_make_pre_prepare(&w, 1, 1);
        bool fits = header.tx_count == VERIFY_WORLD_BLOCK_TXS &&
                    header.body_bytes == w.blocks[1].size - BLOCK_HEADER_BYTES;
        assert_int_equal(verify_world_judge(&w) == VERIFY_KEEP, fits);
        kept_count += fits;
        header.tx_count = VERIFY_WORLD_BLOCK_TXS;
        header.body_bytes = (uint32_t)(w.blocks[1].size - BLOCK_HEADER_BYTES);
        block_header_encode(w.blocks[1].data, &header);
    }
    assert_in_range(kept_count, 1, ROUNDS / 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vote_with_any_bit_flipped_is_dropped),
        TEST(status_with_any_bit_flipped_is_dropped),
        TEST(pre_prepare_with_any_bit_flipped_is_dropped),
        TEST(block_with_its_pre_prepare_and_any_bit_flipped_is_dropped),
        TEST(block_alone_with_any_bit_flipped_is_dropped_or_another_block),
        TEST(range_with_any_bit_flipped_is_dropped),
        TEST(qc_with_any_bit_flipped_is_dropped),
        TEST(forward_with_any_bit_flipped_is_dropped),
        TEST(fetch_with_any_bit_flipped_is_dropped_or_in_range),
        TEST(message_damaged_at_random_is_dropped),
        TEST(random_bytes_are_dropped_or_a_request),
        TEST(signed_block_with_a_random_header_is_dropped),
    };
    return cmocka_run_group_tests_name("verify_flips", tests, NULL, NULL);
}
