#include "crypto/seal_hello.h"

#include <sodium.h>

#include "crypto/base/check.h"

enum { SIGNATURE_AT = SEAL_HELLO_BYTES - SIGNATURE_BYTES, MAC_AT = SIGNATURE_AT - SEAL_MAC_BYTES };
_Static_assert(SEAL_CLAIM_BYTES == 39 && MAC_AT == 103 && SIGNATURE_AT == 135 &&
                   SEAL_HELLO_BYTES == 199,
               "the layout in seal_peer.h");

static void mac_of(uint8_t mac[static SEAL_MAC_BYTES], const struct seal_peer *s,
                   const uint8_t *hello)
{
    crypto_generichash_blake2b_state state;
    CHECK(crypto_generichash_blake2b_init(&state, s->mac_key.bytes, sizeof s->mac_key.bytes,
                                          SEAL_MAC_BYTES) == 0);
    CHECK(crypto_generichash_blake2b_update(&state, tag_bytes(TAG_SEAL_MAC), TAG_BYTES) == 0);
    CHECK(crypto_generichash_blake2b_update(&state, hello, MAC_AT) == 0);
    CHECK(crypto_generichash_blake2b_final(&state, mac, SEAL_MAC_BYTES) == 0);
    sodium_memzero(&state, sizeof state); /* it began with the key */
}

enum { SIGNED_BYTES = TAG_BYTES + SIGNATURE_AT };

static struct bytes signed_bytes_of(uint8_t room[static SIGNED_BYTES], const uint8_t *hello)
{
    struct wr w = wr_of(room, SIGNED_BYTES);
    wr_copy(&w, tag_bytes(TAG_SEAL_SIGN), TAG_BYTES);
    wr_copy(&w, hello, SIGNATURE_AT);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

void seal_hello_add(const struct seal_peer *s, struct buf *out)
{
    uint8_t hello[SEAL_HELLO_BYTES], mac[SEAL_MAC_BYTES], room[SIGNED_BYTES];
    struct wr w = wr_of(hello, sizeof hello);
    wr_u8(&w, SEAL_TYPE_HELLO);
    wr_u8(&w, s->setup.me);
    wr_u8(&w, s->setup.peer);
    wr_copy(&w, s->setup.chain_id.bytes, DIGEST_BYTES);
    wr_u16(&w, s->setup.version_least);
    wr_u16(&w, s->setup.version_most);
    wr_copy(&w, s->mine, LINK_KEY_BYTES);
    wr_copy(&w, s->next.is_held ? s->next.its : s->guess.its, LINK_KEY_BYTES);
    CHECK(w.size == MAC_AT);
    mac_of(mac, s, hello);
    wr_copy(&w, mac, SEAL_MAC_BYTES);
    struct signature signature;
    sign_message(&signature, signed_bytes_of(room, hello), s->setup.sign_key);
    wr_copy(&w, signature.bytes, SIGNATURE_BYTES);
    CHECK(wr_ok(&w));
    buf_add_bytes(out, wr_bytes_of(&w));
}

static enum seal_drop judge_claim(const struct seal_claim *c, const struct seal_peer_setup *setup)
{
    if (!digest_equal(&c->chain_id, &setup->chain_id))
        return SEAL_DROP_OTHER_CHAIN;
    if (c->version_most < setup->version_least || c->version_least > setup->version_most)
        return SEAL_DROP_OTHER_VERSION;
    if (c->from != setup->peer)
        return SEAL_DROP_OTHER_SENDER;
    return c->to == setup->me ? SEAL_KEEP : SEAL_DROP_OTHER_RECEIVER;
}

enum seal_drop seal_hello_judge(struct seal_hello *out, const struct seal_peer *s,
                                struct bytes bytes)
{
    if (!seal_claim_of(&out->claim, bytes))
        return SEAL_DROP_MALFORMED;
    enum seal_drop drop = judge_claim(&out->claim, &s->setup);
    if (drop != SEAL_KEEP)
        return drop;
    if (bytes.size != SEAL_HELLO_BYTES) /* after the version: another one may be longer */
        return SEAL_DROP_MALFORMED;
    uint8_t mac[SEAL_MAC_BYTES];
    mac_of(mac, s, bytes.data);
    if (sodium_memcmp(mac, bytes.data + MAC_AT, SEAL_MAC_BYTES) != 0)
        return SEAL_DROP_BAD_MAC;
    struct rd r = rd_of(bytes_of(bytes.data + SEAL_CLAIM_BYTES, 2 * LINK_KEY_BYTES));
    rd_copy(&r, out->ephemeral, LINK_KEY_BYTES);
    rd_copy(&r, out->echo, LINK_KEY_BYTES);
    CHECK(rd_done(&r));
    return SEAL_KEEP;
}

bool seal_hello_verify(const struct seal_peer *s, struct bytes bytes)
{
    uint8_t room[SIGNED_BYTES];
    struct signature signature;
    struct rd r = rd_of(bytes_of(bytes.data + SIGNATURE_AT, SIGNATURE_BYTES));
    rd_copy(&r, signature.bytes, SIGNATURE_BYTES);
    CHECK(rd_done(&r));
    return sign_verify(&signature, signed_bytes_of(room, bytes.data), &s->setup.peer_key);
}
