#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "crypto/base/prng.h"
#include "crypto/crypto.h"
#include "crypto/sign.h"

static struct sign_key key_of(uint64_t seed)
{
    struct prng p = prng_of(seed);
    uint8_t bytes[SIGN_SEED_BYTES];
    struct sign_key key;
    prng_fill(&p, bytes, sizeof bytes);
    sign_key_from_seed(&key, bytes);
    return key;
}

/* This libsodium judges the edge vectors as the program expects, as often as it is asked. */
static void crypto_start_with_this_libsodium_succeeds_twice(void **state)
{
    (void)state;
    struct why why = {{0}};
    assert_int_equal(crypto_start(&why), RC_OK);
    assert_int_equal(crypto_start(NULL), RC_OK);
    assert_string_equal(why.text, "");
}

/* Ours is the Ed25519 of RFC 8032 7.1, test 2: seed, public key and signature. */
static void sign_key_from_the_seed_of_rfc_8032_signs_as_there(void **state)
{
    (void)state;
    uint8_t seed[SIGN_SEED_BYTES];
    struct sign_key key;
    struct signature signature;
    char hex[2 * SIGNATURE_BYTES + 1];
    assert_true(hex_decode(seed, sizeof seed,
                           "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
    sign_key_from_seed(&key, seed);
    public_key_to_hex(hex, &key.public);
    assert_string_equal(hex, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    sign_message(&signature, bytes_of("\x72", 1), &key);
    hex_encode(hex, signature.bytes, SIGNATURE_BYTES);
    assert_string_equal(hex, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_true(sign_verify(&signature, bytes_of("\x72", 1), &key.public));
}

static struct buf bytes_of_hex(const char *hex)
{
    struct buf b = {0};
    size_t size = strlen(hex) / 2;
    uint8_t *at = buf_grow(&b, size);
    assert_true(hex_decode(at, size, hex));
    return b;
}

/* A signature that is not 64 bytes long cannot even be asked about: it counts as refused. */
static bool vector_is_accepted(const struct public_key *key, const json_t *test)
{
    struct buf message = bytes_of_hex(json_string_value(json_object_get(test, "msg")));
    struct buf sig = bytes_of_hex(json_string_value(json_object_get(test, "sig")));
    struct signature signature;
    bool is_accepted = false;
    if (sig.size == SIGNATURE_BYTES) {
        memcpy(signature.bytes, sig.data, SIGNATURE_BYTES);
        is_accepted = sign_verify(&signature, buf_bytes(&message), key);
    }
    buf_free(&sig);
    buf_free(&message);
    return is_accepted;
}

/* All 151 vectors of Wycheproof behave as marked. */
static void sign_verify_on_wycheproof_vectors_does_as_marked(void **state)
{
    (void)state;
    json_t *root = json_load_file("tests/data/wycheproof_ed25519.json", 0, NULL);
    if (root == NULL)
        fail_msg("tests/data/wycheproof_ed25519.json cannot be read: run from the root");
    unsigned counts[2] = {0, 0};
    size_t g, t;
    json_t *group, *test;
    json_array_foreach(json_object_get(root, "testGroups"), g, group)
    {
        struct public_key key;
        const json_t *described = json_object_get(group, "publicKey");
        assert_true(public_key_from_hex(&key, json_string_value(json_object_get(described, "pk"))));
        json_array_foreach(json_object_get(group, "tests"), t, test)
        {
            const char *result = json_string_value(json_object_get(test, "result"));
            bool is_valid = strcmp(result, "valid") == 0;
            assert_true(is_valid || strcmp(result, "invalid") == 0);
            if (vector_is_accepted(&key, test) != is_valid)
                fail_msg("vector %lld is marked %s and judged otherwise",
                         (long long)json_integer_value(json_object_get(test, "tcId")), result);
            counts[is_valid]++;
        }
    }
    json_decref(root);
    assert_int_equal(counts[0], 63);
    assert_int_equal(counts[1], 88);
}

/* Every changed bit of a signature, of its message or of the key is refused. */
static void sign_verify_with_one_bit_changed_is_refused(void **state)
{
    (void)state;
    struct sign_key key = key_of(1);
    uint8_t message[8] = "payment";
    struct signature good;
    sign_message(&good, bytes_of(message, sizeof message), &key);
    assert_true(sign_verify(&good, bytes_of(message, sizeof message), &key.public));
    for (size_t bit = 0; bit < 8 * sizeof good.bytes; bit++) {
        struct signature bad = good;
        bad.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(sign_verify(&bad, bytes_of(message, sizeof message), &key.public));
    }
    for (size_t bit = 0; bit < 8 * sizeof message; bit++) {
        message[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(sign_verify(&good, bytes_of(message, sizeof message), &key.public));
        message[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t bit = 0; bit < 8 * sizeof key.public.bytes; bit++) {
        struct public_key other = key.public;
        other.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(sign_verify(&good, bytes_of(message, sizeof message), &other));
    }
    assert_false(sign_verify(&good, bytes_of(message, sizeof message - 1), &key.public));
}

/* No message is a message too. */
static void sign_message_of_no_bytes_verifies(void **state)
{
    (void)state;
    struct sign_key key = key_of(2);
    struct signature signature;
    sign_message(&signature, bytes_of(NULL, 0), &key);
    assert_true(sign_verify(&signature, bytes_of(NULL, 0), &key.public));
    assert_false(sign_verify(&signature, bytes_of("", 1), &key.public));
}

/* Keys that are made are valid; small order, mixed order, non-canonical and off the curve are not
 * (pitfalls H2). */
static void public_key_outside_the_main_subgroup_is_not_valid(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 20; seed++) {
        struct sign_key key = key_of(seed);
        assert_true(public_key_is_valid(&key.public));
    }
    static const char *const bad[] = {
        "0100000000000000000000000000000000000000000000000000000000000000", /* the neutral point */
        "0000000000000000000000000000000000000000000000000000000000000000", /* of order 4 */
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* of order 2 */
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", /* of order 8 */
        "3c3b8b98e586a445847e04cd9c1daae5e4d389e544af237d4150987a4e283430", /* of mixed order */
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* 1, spelled p + 1 */
        "0200000000000000000000000000000000000000000000000000000000000000", /* off the curve */
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct public_key key;
        assert_true(public_key_from_hex(&key, bad[i]));
        assert_false(public_key_is_valid(&key));
    }
}

/* Keys are equal when all their bytes are, and hex has one spelling. */
static void public_key_hex_comes_back_equal(void **state)
{
    (void)state;
    struct sign_key a = key_of(3), b = key_of(4);
    struct public_key back;
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, &a.public);
    assert_true(public_key_from_hex(&back, hex));
    assert_true(public_key_equal(&a.public, &back));
    assert_false(public_key_equal(&b.public, &back));
    hex[63] = '\0';
    assert_false(public_key_from_hex(&back, hex));
}

/* Wiped and unlocked memory holds nothing; locking never changes it. */
static void crypto_wipe_and_unlock_leave_zeros(void **state)
{
    (void)state;
    static const uint8_t zeros[64];
    uint8_t secret[64], copy[64];
    crypto_random(secret, sizeof secret);
    assert_memory_not_equal(secret, zeros, sizeof secret);
    memcpy(copy, secret, sizeof secret);
    crypto_lock(secret, sizeof secret);
    assert_memory_equal(secret, copy, sizeof secret);
    crypto_unlock(secret, sizeof secret);
    assert_memory_equal(secret, zeros, sizeof secret);
    crypto_wipe(copy, sizeof copy);
    assert_memory_equal(copy, zeros, sizeof copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crypto_start_with_this_libsodium_succeeds_twice),
        cmocka_unit_test(sign_key_from_the_seed_of_rfc_8032_signs_as_there),
        cmocka_unit_test(sign_verify_on_wycheproof_vectors_does_as_marked),
        cmocka_unit_test(sign_verify_with_one_bit_changed_is_refused),
        cmocka_unit_test(sign_message_of_no_bytes_verifies),
        cmocka_unit_test(public_key_outside_the_main_subgroup_is_not_valid),
        cmocka_unit_test(public_key_hex_comes_back_equal),
        cmocka_unit_test(crypto_wipe_and_unlock_leave_zeros),
    };
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
