/* Signed requests: what the bytes are, and that the signature is bound to session, node, chain and
 * request. */
#include <stdio.h>

#include "tests/unit/test_proto_samples.h"

/* Made from the layout in proto.h with another library (PyNaCl): BLOCK of a height, by the key of
 * seed 07.. on chain 11.., under ephemeral 22.., to node 33... */
static const char vector[] =
    "01090807060504030201ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446"
    "d22c33c2fee4d9e308b5ebc98f4a480fa92a768b0aa3e212a769a6932268b5676dde608a99b98fae"
    "98a5a81f38f9413dd3f32d810b56a5763af88ce4171a6d7e7a02";

enum { SIGNED_BYTES = PUBLIC_KEY_BYTES + SIGNATURE_BYTES };
static struct digest chain_id;
static uint8_t ephemeral[LINK_KEY_BYTES], node_link_key[LINK_KEY_BYTES];
static const struct proto_session session = {&chain_id, ephemeral, node_link_key};
static struct sign_key key;
static struct proto_request request;
static struct buf bytes;

static int begin(void **state)
{
    (void)state;
    uint8_t seed[SIGN_SEED_BYTES];
    memset(seed, 7, sizeof seed);
    sign_key_from_seed(&key, seed);
    memset(chain_id.bytes, 0x11, DIGEST_BYTES);
    memset(ephemeral, 0x22, LINK_KEY_BYTES);
    memset(node_link_key, 0x33, LINK_KEY_BYTES);
    memset(&request, 0, sizeof request);
    request.type = PROTO_BLOCK;
    request.height = 0x0102030405060708;
    buf_clear(&bytes);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_free(&bytes);
    return 0;
}

static void sign_sample(void)
{
    proto_encode_request(&bytes, &request);
    proto_sign_request(&bytes, &session, &key);
}

/* What came holds under this session. */
static bool holds(void)
{
    return proto_decode_request(&request_back, buf_bytes(&bytes)) && request_back.is_signed &&
           proto_is_signed_well(&request_back, &session);
}

static void signed_request_is_the_vector(void **state)
{
    (void)state;
    char hex[2 * 256];
    sign_sample();
    assert_true(bytes.size < sizeof hex / 2);
    for (size_t i = 0; i < bytes.size; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes.data[i]);
    assert_string_equal(hex, vector);
    assert_true(holds());
}

static void signed_request_of_every_type_holds_and_is_encoded_back(void **state)
{
    (void)state;
    struct prng p = prng_of(31);
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        if (!proto_is_signable((enum proto_type)type))
            continue;
        sample_request(&request, (enum proto_type)type, &p, true);
        buf_clear(&bytes);
        sign_sample();
        assert_true(holds());
        assert_true(public_key_equal(&request_back.signer, &key.public));
        assert_int_equal(request_back.signed_bytes.size, bytes.size - SIGNED_BYTES);
        struct buf again = {0};
        proto_encode_request(&again, &request_back);
        assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&bytes)));
        buf_free(&again);
    }
}

static void any_changed_bit_breaks_it(void **state)
{
    (void)state;
    sign_sample();
    for (size_t i = 0; i < 8 * bytes.size; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(holds());
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_true(holds());
}

static void another_session_node_or_chain_breaks_it(void **state)
{
    (void)state;
    uint8_t *const bound[] = {ephemeral, node_link_key, chain_id.bytes};
    sign_sample();
    assert_true(holds());
    for (size_t i = 0; i < sizeof bound / sizeof *bound; i++) {
        bound[i][31] ^= 0x80;
        assert_false(holds());
        bound[i][31] ^= 0x80;
    }
    assert_true(holds());
}

/* Behind the fields stands a whole signature or nothing; and nothing where none is asked for. */
static void nothing_else_may_stand_behind_the_fields(void **state)
{
    (void)state;
    sign_sample();
    size_t whole = bytes.size;
    for (size_t size = whole - SIGNED_BYTES + 1; size < whole; size++)
        assert_false(proto_decode_request(&request_back, bytes_of(bytes.data, size)));
    buf_add_u8(&bytes, 0);
    assert_false(proto_decode_request(&request_back, buf_bytes(&bytes)));
    struct prng p = prng_of(32);
    for (int type = PROTO_SUBMIT; type < PROTO_TYPE_END; type++) {
        if (proto_is_signable((enum proto_type)type))
            continue;
        sample_request(&request, (enum proto_type)type, &p, false);
        buf_clear(&bytes);
        proto_encode_request(&bytes, &request);
        memset(buf_grow(&bytes, SIGNED_BYTES), 1, SIGNED_BYTES);
        assert_false(proto_decode_request(&request_back, buf_bytes(&bytes)));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signed_request_is_the_vector),
        TEST(signed_request_of_every_type_holds_and_is_encoded_back),
        TEST(any_changed_bit_breaks_it),
        TEST(another_session_node_or_chain_breaks_it),
        TEST(nothing_else_may_stand_behind_the_fields),
    };
    return cmocka_run_group_tests_name("proto_signed", tests, NULL, NULL);
}
