/* Hostile bytes: whatever still decodes is encoded to the very same bytes (pitfalls H4), and
 * nothing from outside reaches a CHECK. */
#include "tests/help/unit.h"

#include <string.h>

#include "ledger/block.h"
#include "tests/help/wire_samples.h"

enum { ROUNDS = 6000, ENCODING_BYTES_MAX = 8192 };

struct fuzz {
    struct prng prng;
    uint8_t bytes[ENCODING_BYTES_MAX];
    size_t size;
};

static size_t draw_at(struct fuzz *f)
{
    return (size_t)prng_below(&f->prng, f->size);
}

static void flip_bit(struct fuzz *f)
{
    f->bytes[draw_at(f)] ^= (uint8_t)(1u << prng_below(&f->prng, 8));
}

/* Numbers at the edges, where counts, sizes and indexes are judged. */
static void put_edge(struct fuzz *f)
{
    static const uint8_t edges[] = {0, 1, 2, 3, 13, 14, 20, 21, 22, 30, 31, 63, 64, 65, 127, 255};
    f->bytes[draw_at(f)] = edges[prng_below(&f->prng, sizeof edges)];
}

static void overwrite_some(struct fuzz *f)
{
    size_t at = draw_at(f);
    size_t size = 1 + (size_t)prng_below(&f->prng, f->size - at < 8 ? f->size - at : 8);
    memset(f->bytes + at, prng_below(&f->prng, 2) == 0 ? 0x00 : 0xff, size);
}

static void truncate_end(struct fuzz *f)
{
    f->size = 1 + draw_at(f);
}

/* Put a few bytes in, or take a few out, so that everything behind them moves. */
static void insert_some(struct fuzz *f)
{
    size_t at = draw_at(f), size = 1 + (size_t)prng_below(&f->prng, 9);
    if (f->size + size > sizeof f->bytes)
        return;
    memmove(f->bytes + at + size, f->bytes + at, f->size - at);
    prng_fill(&f->prng, f->bytes + at, size);
    f->size += size;
}

static void remove_some(struct fuzz *f)
{
    size_t at = draw_at(f);
    size_t size = (size_t)prng_below(&f->prng, f->size - at);
    memmove(f->bytes + at, f->bytes + at + size, f->size - at - size);
    f->size -= size;
}

/* The same bytes under another type. */
static void retype(struct fuzz *f)
{
    f->bytes[0] = (uint8_t)prng_below(&f->prng, PBFT_MSG_TYPE_END + 1);
}

static void mutate(struct fuzz *f)
{
    static void (*const mutators[])(struct fuzz *) = {flip_bit,       flip_bit,     put_edge,
                                                      overwrite_some, truncate_end, insert_some,
                                                      remove_some,    retype};
    mutators[prng_below(&f->prng, sizeof mutators / sizeof mutators[0])](f);
}

/* Decode the bytes from a place of exactly their size, so that a read beyond is seen; whatever
 * decodes has to come back the same. Says whether it decoded. */
static bool holds(struct fuzz *f, struct buf *encoding)
{
    static struct pbft_msg msg;
    uint8_t *exact = mem_alloc(f->size);
    memcpy(exact, f->bytes, f->size);
    bool decoded = pbft_decode(&msg, bytes_of(exact, f->size), 1, wire_block_head);
    if (decoded) {
        buf_clear(encoding);
        pbft_encode(encoding, &msg);
        assert_int_equal(encoding->size, f->size);
        assert_memory_equal(encoding->data, exact, f->size);
    }
    mem_free(exact);
    return decoded;
}

/* One to four mutations of a message of every type. */
static void decode_of_mutated_messages_gives_back_the_same_bytes_or_is_refused(void **state)
{
    (void)state;
    static struct fuzz f;
    struct wire_sample sample = {0};
    struct buf encoding = {0};
    f.prng = prng_of(20);
    for (int t = 0; t < WIRE_TYPES_COUNT; t++) {
        int decoded_count = 0;
        for (int round = 0; round < ROUNDS; round++) {
            wire_sample_make(&sample, wire_types[t], &f.prng);
            buf_clear(&encoding);
            pbft_encode(&encoding, &sample.msg);
            assert_true(encoding.size <= sizeof f.bytes);
            memcpy(f.bytes, encoding.data, encoding.size);
            f.size = encoding.size;
            for (uint64_t left = 1 + prng_below(&f.prng, 4); left > 0; left--)
                mutate(&f);
            decoded_count += holds(&f, &encoding);
        }
        /* The mutations are neither all harmless nor all fatal. */
        assert_in_range(decoded_count, ROUNDS / 50, ROUNDS * 49 / 50);
    }
    buf_free(&encoding);
    wire_sample_close(&sample);
}

/* A liar's PRE-PREPARE: any header at all, height and digest made to fit it. */
static void decode_of_a_pre_prepare_with_a_hostile_header_gives_back_the_same_bytes(void **state)
{
    (void)state;
    enum { HEIGHT_AT = 18, DIGEST_AT = 26, BLOCK_AT = 126 };
    static struct fuzz f;
    struct wire_sample sample = {0};
    struct buf encoding = {0};
    int decoded_count = 0;
    f.prng = prng_of(21);
    for (int round = 0; round < ROUNDS; round++) {
        struct pbft_block block;
        wire_sample_make(&sample, PBFT_PRE_PREPARE, &f.prng);
        buf_clear(&encoding);
        pbft_encode(&encoding, &sample.msg);
        memcpy(f.bytes, encoding.data, encoding.size);
        f.size = encoding.size;
        for (int i = 0; i < 3; i++)
            f.bytes[BLOCK_AT + prng_below(&f.prng, BLOCK_HEADER_BYTES)] ^=
                (uint8_t)prng_u64(&f.prng);
        if (wire_block_head(bytes_of(f.bytes + BLOCK_AT, f.size - BLOCK_AT), &block)) {
            memcpy(f.bytes + DIGEST_AT, block.digest.bytes, DIGEST_BYTES);
            for (int i = 0; i < 8; i++)
                f.bytes[HEIGHT_AT + i] = (uint8_t)(block.height >> (8 * i));
        }
        decoded_count += holds(&f, &encoding);
    }
    assert_in_range(decoded_count, ROUNDS / 2, ROUNDS - 1);
    buf_free(&encoding);
    wire_sample_close(&sample);
}

/* Bytes that were never a message, of every length up to a few hundred. */
static void decode_of_random_bytes_gives_back_the_same_bytes_or_is_refused(void **state)
{
    (void)state;
    static struct fuzz f;
    struct buf encoding = {0};
    int decoded_count = 0;
    f.prng = prng_of(22);
    for (int round = 0; round < ROUNDS; round++) {
        f.size = 1 + (size_t)prng_below(&f.prng, 300);
        prng_fill(&f.prng, f.bytes, f.size);
        retype(&f);
        decoded_count += holds(&f, &encoding);
    }
    assert_true(decoded_count < ROUNDS / 10);
    buf_free(&encoding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_mutated_messages_gives_back_the_same_bytes_or_is_refused),
        cmocka_unit_test(decode_of_a_pre_prepare_with_a_hostile_header_gives_back_the_same_bytes),
        cmocka_unit_test(decode_of_random_bytes_gives_back_the_same_bytes_or_is_refused),
    };
    return cmocka_run_group_tests_name("wire_fuzz", tests, NULL, NULL);
}
