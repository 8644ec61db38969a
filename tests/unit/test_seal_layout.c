/* Sealed messages against their layouts in seal_peer.h and seal_client.h: each is taken apart here
 * by libsodium alone, as a program in another language would. */
#include "tests/unit/seal_pair.h"

#include <sodium.h>

#include "crypto/seal_client.h"
#include "crypto/seal_node.h"

static void hash_end(struct hasher *h, struct digest *out, uint8_t label)
{
    hasher_end(h, out);
    struct hasher again;
    hasher_start(&again, TAG_SEAL_KEY);
    hasher_add(&again, out->bytes, DIGEST_BYTES);
    hasher_add(&again, &label, 1);
    hasher_end(&again, out);
}

/* pair, or derive(pair, 0), made as the header says, with libsodium alone. */
static struct digest pair_secret(bool derived)
{
    uint8_t product[32], lower = 0, higher = 1;
    struct digest pair;
    assert_int_equal(crypto_scalarmult(product, keys.link_secret[1], keys.link_public[0]), 0);
    struct hasher h;
    hasher_start(&h, TAG_SEAL_PAIR);
    hasher_add(&h, product, 32);
    hasher_add(&h, keys.chain_id.bytes, 32);
    hasher_add(&h, &lower, 1);
    hasher_add(&h, &higher, 1);
    hasher_add(&h, keys.link_public[0], 32);
    hasher_add(&h, keys.link_public[1], 32);
    if (derived)
        hash_end(&h, &pair, 0);
    else
        hasher_end(&h, &pair);
    return pair;
}

/* A HELLO is what its layout says, field by field, MAC and signature too. */
static void hello_is_laid_out_as_specified(void **state)
{
    (void)state;
    struct buf hello = hello_of(&a), answer;
    assert_int_equal(take(&b, &hello), SEAL_KEEP);
    answer = hello_of(&b);
    assert_int_equal(answer.size, SEAL_HELLO_BYTES);
    const uint8_t *at = answer.data;
    assert_memory_equal(at, ((uint8_t[]){1, 1, 0}), 3);
    assert_memory_equal(at + 3, keys.chain_id.bytes, 32);
    assert_memory_equal(at + 35, ((uint8_t[]){1, 0, 1, 0}), 4);
    assert_memory_equal(at + 71, hello.data + 39, 32); /* the echo is what a said */
    static const uint8_t zeros[32];
    assert_memory_equal(hello.data + 71, zeros, 32); /* and a had heard nothing */
    struct digest mac_key = pair_secret(true);
    uint8_t text[16 + 135], mac[32];
    memcpy(text, tag_bytes(TAG_SEAL_MAC), 16);
    memcpy(text + 16, at, 103);
    crypto_generichash(mac, 32, text, 16 + 103, mac_key.bytes, 32);
    assert_memory_equal(at + 103, mac, 32);
    memcpy(text, tag_bytes(TAG_SEAL_SIGN), 16);
    memcpy(text + 16, at, 135);
    assert_int_equal(
        crypto_sign_verify_detached(at + 135, text, sizeof text, keys.sign[1].public.bytes), 0);
    buf_free(&hello);
    buf_free(&answer);
}

/* A frame is what its layout says: its keys come from both ephemerals, both link keys and the
 * chain; each direction has its own. */
static void frame_is_laid_out_as_specified(void **state)
{
    (void)state;
    uint8_t secret[32], product[32], ephemeral[2][32];
    memcpy(secret, a.secret.bytes, 32);
    memcpy(ephemeral[0], a.mine, 32);
    memcpy(ephemeral[1], b.mine, 32);
    make_session(&a, &b);
    assert_int_equal(crypto_scalarmult(product, secret, ephemeral[1]), 0);
    struct digest pair = pair_secret(false), made[3];
    for (int label = 0; label < 3; label++) {
        struct hasher h;
        hasher_start(&h, TAG_SEAL_PEER);
        hasher_add(&h, product, 32);
        hasher_add(&h, pair.bytes, 32);
        hasher_add(&h, keys.chain_id.bytes, 32);
        hasher_add(&h, ephemeral[0], 32);
        hasher_add(&h, ephemeral[1], 32);
        hash_end(&h, &made[label], (uint8_t)label);
    }
    struct seal_peer *ends[2] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        struct buf frame = sealed_by(ends[i], "hello");
        uint8_t nonce[12] = {0}, text[5];
        assert_int_equal(frame.data[0], 2);
        assert_memory_equal(frame.data + 1, made[2].bytes, 8);
        memcpy(nonce, frame.data + 9, 8);
        assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt(
                             text, NULL, NULL, frame.data + 17, frame.size - 17, frame.data, 17,
                             nonce, made[i].bytes),
                         0);
        assert_memory_equal(text, "hello", 5);
        buf_free(&frame);
    }
}

/* A request and its reply, with keys made from the client's ephemeral and the node's link key. */
static void request_and_reply_are_laid_out_as_specified(void **state)
{
    (void)state;
    struct prng p = prng_of(5), same = prng_of(5);
    struct seal_client client;
    seal_client_init(&client, &(struct seal_client_setup){.chain_id = keys.chain_id,
                                                          .request_bytes_max = 100,
                                                          .reply_bytes_max = 100,
                                                          .node_link_public = keys.link_public[3],
                                                          .random = pair_random,
                                                          .random_context = &p});
    uint8_t secret[32], public[32], product[32], nonce[12] = {0}, text[5];
    prng_fill(&same, secret, 32); /* what the client drew */
    assert_int_equal(crypto_scalarmult_base(public, secret), 0);
    assert_int_equal(crypto_scalarmult(product, secret, keys.link_public[3]), 0);
    struct digest made[2];
    for (int label = 0; label < 2; label++) {
        struct hasher h;
        hasher_start(&h, TAG_SEAL_CLIENT);
        hasher_add(&h, product, 32);
        hasher_add(&h, keys.chain_id.bytes, 32);
        hasher_add(&h, public, 32);
        hasher_add(&h, keys.link_public[3], 32);
        hash_end(&h, &made[label], (uint8_t)label);
    }
    for (uint8_t counter = 1; counter < 4; counter++) {
        buf_clear(&bytes);
        assert_true(seal_client_request(&client, &bytes, bytes_of_text("hello")) == counter);
        assert_int_equal(bytes.size, SEAL_REQUEST_OVERHEAD_BYTES + 5);
        assert_int_equal(bytes.data[0], 3);
        assert_memory_equal(bytes.data + 1, public, 32);
        assert_memory_equal(bytes.data + 33, ((uint8_t[8]){counter}), 8);
        memcpy(nonce, bytes.data + 33, 8);
        assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt(
                             text, NULL, NULL, bytes.data + 41, bytes.size - 41, bytes.data, 41,
                             nonce, made[0].bytes),
                         0);
        assert_memory_equal(text, "hello", 5);
    }
    uint8_t reply[33 + 5 + 16] = {4, 2};
    memset(reply + 9, 0xaa, 24);
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_encrypt(reply + 33, NULL,
                                                                (const uint8_t *)"world", 5, reply,
                                                                33, NULL, reply + 9, made[1].bytes),
                     0);
    assert_int_equal(seal_client_take(&client, &opened, bytes_of(reply, sizeof reply), 2),
                     SEAL_KEEP);
    assert_true(bytes_equal(buf_bytes(&opened), bytes_of_text("world")));
    seal_client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_is_laid_out_as_specified),
        TEST(frame_is_laid_out_as_specified),
        TEST(request_and_reply_are_laid_out_as_specified),
    };
    return cmocka_run_group_tests_name("seal_layout", tests, NULL, NULL);
}
