/* Hostile bytes: whatever still decodes is encoded to the very same bytes (pitfalls H4), and
 * nothing from outside reaches a CHECK. */
#include "tests/unit/test_proto_samples.h"

enum { SAMPLES = 12, ROUNDS = 40000 };

static struct proto_request request;
static struct proto_reply reply;

/* A side of the conversation. */
struct side {
    void (*sample)(struct buf *out, enum proto_type type, struct prng *p, bool is_largest);
    bool (*decodes)(struct bytes bytes);
    void (*encode_back)(struct buf *out);
};

static void sample_of_request(struct buf *out, enum proto_type type, struct prng *p,
                              bool is_largest)
{
    sample_request(&request, type, p, is_largest);
    encode_request(out, &request);
}

static void request_encode_back(struct buf *out)
{
    encode_request(out, &request_back);
}

static void sample_of_reply(struct buf *out, enum proto_type type, struct prng *p, bool is_largest)
{
    sample_reply(&reply, type, p, is_largest);
    encode_reply(out, &reply);
}

static void reply_encode_back(struct buf *out)
{
    encode_reply(out, &reply_back);
}

static const struct side requests = {sample_of_request, request_decodes, request_encode_back};
static const struct side replies = {sample_of_reply, reply_decodes, reply_encode_back};

/* From a place of exactly the size, so that a read beyond is seen. Says whether it decoded. */
static bool holds(const struct side *side, struct bytes bytes)
{
    static struct buf again;
    uint8_t *exact = mem_alloc(bytes.size);
    if (bytes.size > 0)
        memcpy(exact, bytes.data, bytes.size);
    bool decoded = side->decodes(bytes_of(exact, bytes.size));
    if (decoded) {
        side->encode_back(&again);
        assert_int_equal(again.size, bytes.size);
        assert_memory_equal(again.data, exact, bytes.size);
    }
    mem_free(exact);
    return decoded;
}

/* Call with SAMPLES of each type, and with the largest, whose bytes are tried with a stride. */
static void each_sample(const struct side *side, uint64_t seed,
                        void (*try)(const struct side *side, struct buf *sample, size_t stride))
{
    struct prng p = prng_of(seed);
    struct buf sample = {0};
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        for (int i = 0; i < SAMPLES; i++) {
            side->sample(&sample, (enum proto_type)type, &p, false);
            try(side, &sample, 1);
        }
        side->sample(&sample, (enum proto_type)type, &p, true);
        try(side, &sample, 1 + sample.size / 64);
    }
    buf_free(&sample);
}

static void refuse_all_beginnings(const struct side *side, struct buf *sample, size_t stride)
{
    assert_true(holds(side, buf_bytes(sample)));
    for (size_t size = 0; size < sample->size; size += stride)
        assert_false(holds(side, bytes_of(sample->data, size)));
    assert_false(holds(side, bytes_of(sample->data, sample->size - 1)));
}

static void decode_of_every_beginning_is_refused(void **state)
{
    (void)state;
    each_sample(&requests, 31, refuse_all_beginnings);
    each_sample(&replies, 32, refuse_all_beginnings);
}

static void refuse_more_bytes(const struct side *side, struct buf *sample, size_t stride)
{
    (void)stride;
    size_t size = sample->size;
    for (size_t more = 1; more <= 80; more++) {
        buf_add_u8(sample, more == 1 ? 0 : (uint8_t)more);
        assert_false(holds(side, buf_bytes(sample)));
    }
    sample->size = size;
}

static void decode_of_every_extension_is_refused(void **state)
{
    (void)state;
    each_sample(&requests, 33, refuse_more_bytes);
    each_sample(&replies, 34, refuse_more_bytes);
}

static size_t flips_taken, flips_refused;

static void flip_all_bytes(const struct side *side, struct buf *sample, size_t stride)
{
    static const uint8_t masks[] = {1, 2, 3, 4, 5, 128, 8, 7, 15, 16, 255, 31, 32, 64, 127};
    for (size_t at = 0; at < sample->size; at += at < 20 ? 1 : stride) {
        for (size_t i = 0; i<sizeof masks; i += stride> 1 ? 5 : 1) {
            sample->data[at] ^= masks[i];
            if (holds(side, buf_bytes(sample)))
                flips_taken++;
            else
                flips_refused++;
            sample->data[at] ^= masks[i];
        }
    }
}

static void decode_of_every_flip_gives_back_the_same_bytes_or_is_refused(void **state)
{
    (void)state;
    each_sample(&requests, 35, flip_all_bytes);
    assert_true(flips_taken > 10000);
    assert_true(flips_refused > 10000);
    flips_taken = flips_refused = 0;
    each_sample(&replies, 36, flip_all_bytes);
    assert_true(flips_taken > 10000);
    assert_true(flips_refused > 10000);
}

/* ---- several changes at once, and nothing but noise ---- */

static void mutate(struct buf *b, struct prng *p)
{
    static const uint8_t edges[] = {0, 1, 2, 5, 6, 11, 12, 31, 32, 63, 64, 65, 127, 128, 255};
    size_t at = (size_t)prng_below(p, b->size), size = 1 + (size_t)prng_below(p, 9);
    switch (prng_below(p, 4)) {
    case 0:
        b->data[at] = (uint8_t)prng_u64(p);
        return;
    case 1:
        b->data[at] = edges[prng_below(p, sizeof edges)];
        return;
    case 2: /* everything behind moves */
        buf_grow(b, size);
        memmove(b->data + at + size, b->data + at, b->size - size - at);
        prng_fill(p, b->data + at, size);
        return;
    default:
        if (size > b->size - at - 1)
            return;
        memmove(b->data + at, b->data + at + size, b->size - at - size);
        b->size -= size;
    }
}

static void fuzz(const struct side *side, uint64_t seed)
{
    struct prng p = prng_of(seed);
    struct buf sample = {0};
    int decoded_count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        side->sample(&sample, (enum proto_type)(1 + prng_below(&p, PROTO_TYPE_END - 1)), &p, false);
        for (uint64_t left = 1 + prng_below(&p, 4); left > 0; left--)
            mutate(&sample, &p);
        decoded_count += holds(side, buf_bytes(&sample));
    }
    /* The changes are neither all harmless nor all fatal. */
    assert_in_range(decoded_count, ROUNDS / 50, ROUNDS * 49 / 50);
    buf_free(&sample);
}

static void decode_of_mutated_samples_gives_back_the_same_bytes_or_is_refused(void **state)
{
    (void)state;
    fuzz(&requests, 37);
    fuzz(&replies, 38);
}

static void decode_of_random_bytes_gives_back_the_same_bytes_or_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(39);
    uint8_t bytes[400];
    int decoded_count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = (size_t)prng_below(&p, sizeof bytes + 1);
        prng_fill(&p, bytes, sizeof bytes);
        if (round % 4 > 0) { /* past the head, or all would end there */
            bytes[0] = PROTO_VERSION;
            bytes[1] = (uint8_t)prng_below(&p, PROTO_TYPE_END + 1);
            bytes[2] = (uint8_t)(round % 2);
        }
        decoded_count += holds(&requests, bytes_of(bytes, size));
        decoded_count += holds(&replies, bytes_of(bytes, size));
    }
    assert_in_range(decoded_count, 1, ROUNDS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_every_beginning_is_refused),
        cmocka_unit_test(decode_of_every_extension_is_refused),
        cmocka_unit_test(decode_of_every_flip_gives_back_the_same_bytes_or_is_refused),
        cmocka_unit_test(decode_of_mutated_samples_gives_back_the_same_bytes_or_is_refused),
        cmocka_unit_test(decode_of_random_bytes_gives_back_the_same_bytes_or_is_refused),
    };
    return cmocka_run_group_tests_name("proto_flips", tests, NULL, NULL);
}
