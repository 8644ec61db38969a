#include "crypto/digest.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/check.h"

#define X(tag, text)                                                                               \
    _Static_assert(sizeof text - 1 <= TAG_BYTES, "a tag's text is at most TAG_BYTES long");
TAG_LIST(X)
#undef X

_Static_assert(sizeof(crypto_generichash_blake2b_state) <= sizeof((struct hasher *)0)->state,
               "struct hasher has room for libsodium's state");
_Static_assert(_Alignof(crypto_generichash_blake2b_state) <= _Alignof(struct hasher),
               "struct hasher is aligned for libsodium's state");

const uint8_t *tag_bytes(enum tag tag)
{
    static const uint8_t tags[TAG_COUNT][TAG_BYTES] = {
#define X(tag, text) [tag] = text,
        TAG_LIST(X)
#undef X
    };
    CHECK((unsigned)tag < TAG_COUNT);
    return tags[tag];
}

static crypto_generichash_blake2b_state *state_of(struct hasher *h)
{
    return (crypto_generichash_blake2b_state *)(void *)h->state;
}

void hasher_start_plain(struct hasher *h)
{
    CHECK(crypto_generichash_blake2b_init(state_of(h), NULL, 0, DIGEST_BYTES) == 0);
}

void hasher_start(struct hasher *h, enum tag tag)
{
    hasher_start_plain(h);
    hasher_add(h, tag_bytes(tag), TAG_BYTES);
}

void hasher_add(struct hasher *h, const void *data, size_t size)
{
    if (size > 0)
        CHECK(crypto_generichash_blake2b_update(state_of(h), data, size) == 0);
}

void hasher_add_bytes(struct hasher *h, struct bytes data)
{
    hasher_add(h, data.data, data.size);
}

void hasher_end(struct hasher *h, struct digest *out)
{
    CHECK(crypto_generichash_blake2b_final(state_of(h), out->bytes, DIGEST_BYTES) == 0);
}

void digest_of(struct digest *out, enum tag tag, struct bytes data)
{
    struct hasher h;
    hasher_start(&h, tag);
    hasher_add_bytes(&h, data);
    hasher_end(&h, out);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

bool digest_is_zero(const struct digest *d)
{
    static const struct digest zero;
    return digest_equal(d, &zero);
}

void digest_to_hex(char out[static DIGEST_HEX_BYTES], const struct digest *d)
{
    hex_encode(out, d->bytes, DIGEST_BYTES);
}

bool digest_from_hex(struct digest *out, const char *hex)
{
    return hex_decode(out->bytes, DIGEST_BYTES, hex);
}
