#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/base/prng.h"
#include "crypto/digest.h"

/* Without a tag the hash is plain BLAKE2b-256 (values of Python's hashlib.blake2b). */
static void hasher_without_a_tag_is_blake2b_256(void **state)
{
    (void)state;
    struct hasher h;
    struct digest d;
    char hex[DIGEST_HEX_BYTES];
    hasher_start_plain(&h);
    hasher_end(&h, &d);
    digest_to_hex(hex, &d);
    assert_string_equal(hex, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    hasher_start_plain(&h);
    hasher_add(&h, "abc", 3);
    hasher_end(&h, &d);
    digest_to_hex(hex, &d);
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

/* A tag is its text and zeros up to 16 bytes, before the data. */
static void digest_of_starts_with_the_padded_tag(void **state)
{
    (void)state;
    struct digest d;
    char hex[DIGEST_HEX_BYTES];
    digest_of(&d, TAG_GENESIS, bytes_of_text("abc"));
    digest_to_hex(hex, &d);
    assert_string_equal(hex, "0c758b2d4a817fa502e70405eaf458dd6740b6fc159f56b2e192751cb7aa45cd");
    digest_of(&d, TAG_STATE_LEAF, bytes_of(NULL, 0));
    digest_to_hex(hex, &d);
    assert_string_equal(hex, "a38c3b74c5c5c90ed3095ead5d7e79cc948c8038ddf2d03168f430717014822e");
}

/* No two tags are the same, and none starts with the Merkle prefixes 0 and 1. */
static void tags_are_distinct_and_apart_from_merkle_prefixes(void **state)
{
    (void)state;
    for (int i = 0; i < TAG_COUNT; i++) {
        assert_true(tag_bytes((enum tag)i)[0] > 1);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(tag_bytes((enum tag)i), tag_bytes((enum tag)j), TAG_BYTES);
    }
}

/* However the data is cut into pieces, the digest is that of the whole. */
static void hasher_fed_in_pieces_gives_the_digest_of_the_whole(void **state)
{
    (void)state;
    struct prng p = prng_of(1);
    uint8_t data[700];
    prng_fill(&p, data, sizeof data);
    for (int round = 0; round < 200; round++) {
        size_t size = (size_t)prng_below(&p, sizeof data + 1);
        struct digest whole, pieces;
        digest_of(&whole, TAG_TEST, bytes_of(data, size));
        struct hasher h;
        hasher_start(&h, TAG_TEST);
        for (size_t done = 0; done < size;) {
            size_t part = (size_t)prng_below(&p, size - done + 1);
            hasher_add_bytes(&h, bytes_of(data + done, part));
            done += part;
        }
        hasher_end(&h, &pieces);
        assert_true(digest_equal(&whole, &pieces));
    }
}

/* A digest is equal to itself only: every single changed bit tells. */
static void digest_equal_with_one_bit_changed_is_false(void **state)
{
    (void)state;
    struct digest a, b;
    digest_of(&a, TAG_TEST, bytes_of_text("x"));
    for (int bit = 0; bit < 8 * DIGEST_BYTES; bit++) {
        b = a;
        assert_true(digest_equal(&a, &b));
        b.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(digest_equal(&a, &b));
    }
}

/* Zero is every byte zero. */
static void digest_is_zero_only_when_all_bytes_are(void **state)
{
    (void)state;
    struct digest d = {{0}};
    assert_true(digest_is_zero(&d));
    for (int i = 0; i < DIGEST_BYTES; i++) {
        d.bytes[i] = 0x80;
        assert_false(digest_is_zero(&d));
        d.bytes[i] = 0;
    }
}

/* Hex has one spelling: 64 lower-case digits. */
static void digest_hex_other_spellings_are_refused(void **state)
{
    (void)state;
    struct digest d, back;
    char hex[DIGEST_HEX_BYTES + 1];
    digest_of(&d, TAG_TEST, bytes_of_text("y"));
    digest_to_hex(hex, &d);
    assert_int_equal(strlen(hex), 64);
    assert_true(digest_from_hex(&back, hex));
    assert_true(digest_equal(&d, &back));
    hex[64] = '0';
    hex[65] = '\0';
    assert_false(digest_from_hex(&back, hex));
    assert_true(digest_is_zero(&back));
    hex[63] = '\0';
    assert_false(digest_from_hex(&back, hex));
    digest_to_hex(hex, &d);
    hex[10] = 'A';
    assert_false(digest_from_hex(&back, hex));
    hex[10] = 'g';
    assert_false(digest_from_hex(&back, hex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hasher_without_a_tag_is_blake2b_256),
        cmocka_unit_test(digest_of_starts_with_the_padded_tag),
        cmocka_unit_test(tags_are_distinct_and_apart_from_merkle_prefixes),
        cmocka_unit_test(hasher_fed_in_pieces_gives_the_digest_of_the_whole),
        cmocka_unit_test(digest_equal_with_one_bit_changed_is_false),
        cmocka_unit_test(digest_is_zero_only_when_all_bytes_are),
        cmocka_unit_test(digest_hex_other_spellings_are_refused),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
