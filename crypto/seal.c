#include "crypto/seal.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/seal_parts.h"

_Static_assert((int)SEAL_SECRET_BYTES == (int)crypto_scalarmult_BYTES, "X25519's result");
_Static_assert((int)SEAL_SECRET_BYTES == (int)DIGEST_BYTES, "keys are hashes");
_Static_assert((int)SEAL_SECRET_BYTES == (int)crypto_aead_chacha20poly1305_ietf_KEYBYTES,
               "as libsodium");
_Static_assert((int)SEAL_TAG_BYTES == (int)crypto_aead_chacha20poly1305_ietf_ABYTES,
               "as libsodium");

const char *seal_drop_word(enum seal_drop drop)
{
    static const char *const words[SEAL_DROP_COUNT] = {
#define X(drop, word) [drop] = word,
        SEAL_DROP_LIST(X)
#undef X
    };
    CHECK((unsigned)drop < SEAL_DROP_COUNT);
    return words[drop];
}

bool seal_claim_of(struct seal_claim *out, struct bytes bytes)
{
    struct rd r = rd_of(bytes);
    uint8_t type = rd_u8(&r);
    out->from = rd_u8(&r);
    out->to = rd_u8(&r);
    rd_copy(&r, out->chain_id.bytes, DIGEST_BYTES);
    out->version_least = rd_u16(&r);
    out->version_most = rd_u16(&r);
    return !r.failed && type == SEAL_TYPE_HELLO && out->version_least <= out->version_most;
}

bool seal_session_of(uint64_t *out, struct bytes bytes)
{
    struct rd r = rd_of(bytes);
    uint8_t type = rd_u8(&r);
    *out = rd_u64(&r);
    return bytes.size >= SEAL_FRAME_OVERHEAD_BYTES && type == SEAL_TYPE_FRAME;
}

void seal_fill(seal_random *random, void *context, void *out, size_t size)
{
    if (random != NULL)
        random(context, out, size);
    else
        crypto_random(out, size);
}

/* Below p = 2^255 - 19, compared from the highest byte down. */
static bool is_canonical(const uint8_t public[static LINK_KEY_BYTES])
{
    static const uint8_t p[LINK_KEY_BYTES] = {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
    for (int i = LINK_KEY_BYTES - 1; i >= 0; i--)
        if (public[i] != p[i])
            return public[i] < p[i];
    return false;
}

bool seal_exchange(struct seal_secret *out, const uint8_t secret[static LINK_KEY_BYTES],
                   const uint8_t public[static LINK_KEY_BYTES])
{
    /* libsodium refuses a result of zeros, which is what small order gives with any secret. So a
     * stranger's key costs one exchange, not the second one of link_public_is_valid(). */
    if (is_canonical(public) && crypto_scalarmult(out->bytes, secret, public) == 0)
        return true;
    memset(out, 0, sizeof *out);
    return false;
}

void seal_hash_end(struct hasher *h, struct seal_secret *out)
{
    struct digest d;
    hasher_end(h, &d);
    memcpy(out->bytes, d.bytes, SEAL_SECRET_BYTES);
    crypto_wipe(&d, sizeof d);
    crypto_wipe(h, sizeof *h);
}

void seal_derive(struct seal_secret *out, const struct seal_secret *root, uint8_t label)
{
    struct hasher h;
    hasher_start(&h, TAG_SEAL_KEY);
    hasher_add(&h, root->bytes, SEAL_SECRET_BYTES);
    hasher_add(&h, &label, sizeof label);
    seal_hash_end(&h, out);
}

void seal_client_keys(struct seal_secret *request_key, struct seal_secret *reply_key,
                      const struct seal_client_exchange *from)
{
    struct seal_secret root;
    struct hasher h;
    hasher_start(&h, TAG_SEAL_CLIENT);
    hasher_add(&h, from->product->bytes, SEAL_SECRET_BYTES);
    hasher_add(&h, from->chain_id->bytes, DIGEST_BYTES);
    hasher_add(&h, from->ephemeral, LINK_KEY_BYTES);
    hasher_add(&h, from->node_public, LINK_KEY_BYTES);
    seal_hash_end(&h, &root);
    seal_derive(request_key, &root, 0);
    seal_derive(reply_key, &root, 1);
    crypto_wipe(&root, sizeof root);
}

enum { NONCE_BYTES = crypto_aead_chacha20poly1305_ietf_NPUBBYTES };

static void nonce_of(uint8_t nonce[static NONCE_BYTES], uint64_t counter)
{
    struct wr w = wr_of(nonce, NONCE_BYTES);
    wr_u64(&w, counter);
    wr_u32(&w, 0);
    CHECK(wr_ok(&w));
}

void seal_add_sealed(struct buf *out, size_t header_at, const struct seal_secret *key,
                     uint64_t counter, struct bytes message)
{
    uint8_t nonce[NONCE_BYTES];
    nonce_of(nonce, counter);
    size_t header_bytes = out->size - header_at;
    uint8_t *at = buf_grow(out, message.size + SEAL_TAG_BYTES);
    CHECK(crypto_aead_chacha20poly1305_ietf_encrypt(at, NULL, message.data, message.size,
                                                    out->data + header_at, header_bytes, NULL,
                                                    nonce, key->bytes) == 0);
}

bool seal_open_sealed(struct buf *opened, struct bytes header, const struct seal_secret *key,
                      uint64_t counter, struct bytes sealed)
{
    CHECK(sealed.size >= SEAL_TAG_BYTES);
    uint8_t nonce[NONCE_BYTES];
    nonce_of(nonce, counter);
    buf_clear(opened);
    /* With nothing to decrypt libsodium checks the tag alone and wants no place to write to. */
    uint8_t *at = NULL;
    if (sealed.size > SEAL_TAG_BYTES)
        at = buf_grow(opened, sealed.size - SEAL_TAG_BYTES);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(at, NULL, NULL, sealed.data, sealed.size,
                                                  header.data, header.size, nonce, key->bytes) == 0)
        return true;
    buf_clear(opened);
    return false;
}
