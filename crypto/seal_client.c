#include "crypto/seal_client.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/seal_parts.h"

_Static_assert((int)SEAL_REPLY_NONCE_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
               "as libsodium");
_Static_assert((int)SEAL_TAG_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "as libsodium");

enum { REPLY_HEADER_BYTES = SEAL_REPLY_OVERHEAD_BYTES - SEAL_TAG_BYTES };

void seal_client_init(struct seal_client *c, const struct seal_client_setup *setup)
{
    CHECK(setup->request_bytes_max < SIZE_MAX / 4);
    CHECK(setup->reply_bytes_max < SIZE_MAX / 4);
    memset(c, 0, sizeof *c);
    c->setup = *setup;
    c->setup.node_link_public = NULL; /* borrowed until here */
    struct seal_secret secret, product;
    seal_fill(setup->random, setup->random_context, secret.bytes, sizeof secret.bytes);
    link_public_of(c->mine, secret.bytes);
    CHECK(seal_exchange(&product, secret.bytes, setup->node_link_public));
    seal_client_keys(&c->request_key, &c->reply_key,
                     &(struct seal_client_exchange){.product = &product,
                                                    .chain_id = &setup->chain_id,
                                                    .ephemeral = c->mine,
                                                    .node_public = setup->node_link_public});
    crypto_wipe(&secret, sizeof secret);
    crypto_wipe(&product, sizeof product);
}

void seal_client_close(struct seal_client *c)
{
    crypto_wipe(c, sizeof *c);
}

const uint8_t *seal_client_name(const struct seal_client *c)
{
    return c->mine;
}

uint64_t seal_client_request(struct seal_client *c, struct buf *out, struct bytes message)
{
    CHECK(message.size <= c->setup.request_bytes_max);
    size_t header_at = out->size;
    c->sealed_counter++;
    buf_add_u8(out, SEAL_TYPE_REQUEST);
    buf_add(out, c->mine, LINK_KEY_BYTES);
    buf_add_u64(out, c->sealed_counter);
    seal_add_sealed(out, header_at, &c->request_key, c->sealed_counter, message);
    return c->sealed_counter;
}

static bool open_reply(const struct seal_client *c, struct buf *opened, struct bytes bytes,
                       const uint8_t *nonce)
{
    uint8_t *at = NULL; /* with nothing to decrypt libsodium checks the tag alone */
    if (bytes.size > SEAL_REPLY_OVERHEAD_BYTES)
        at = buf_grow(opened, bytes.size - SEAL_REPLY_OVERHEAD_BYTES);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            at, NULL, NULL, bytes.data + REPLY_HEADER_BYTES, bytes.size - REPLY_HEADER_BYTES,
            bytes.data, REPLY_HEADER_BYTES, nonce, c->reply_key.bytes) == 0)
        return true;
    buf_clear(opened);
    return false;
}

enum seal_drop seal_client_take(const struct seal_client *c, struct buf *opened, struct bytes bytes,
                                uint64_t counter)
{
    buf_clear(opened);
    struct rd r = rd_of(bytes);
    uint8_t type = rd_u8(&r);
    uint64_t answered = rd_u64(&r);
    struct bytes nonce = rd_take(&r, SEAL_REPLY_NONCE_BYTES);
    if (r.failed || r.left < SEAL_TAG_BYTES || type != SEAL_TYPE_REPLY ||
        r.left - SEAL_TAG_BYTES > c->setup.reply_bytes_max)
        return SEAL_DROP_MALFORMED;
    if (answered != counter)
        return SEAL_DROP_OTHER_REQUEST;
    return open_reply(c, opened, bytes, nonce.data) ? SEAL_KEEP : SEAL_DROP_NOT_AUTHENTIC;
}
