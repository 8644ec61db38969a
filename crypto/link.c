#include "crypto/link.h"

#include <sodium.h>

_Static_assert(LINK_KEY_BYTES == crypto_scalarmult_BYTES, "X25519 keys");

void link_public_of(uint8_t public[static LINK_KEY_BYTES],
                    const uint8_t secret[static LINK_KEY_BYTES])
{
    (void)crypto_scalarmult_base(public, secret); /* never fails: the base point is sound */
}

/* Little-endian and below p = 2^255 - 19: bytes ed ff .. ff 7f. */
static bool is_canonical(const uint8_t public[static LINK_KEY_BYTES])
{
    if (public[LINK_KEY_BYTES - 1] != 0x7f)
        return public[LINK_KEY_BYTES - 1] < 0x7f;
    for (int i = LINK_KEY_BYTES - 2; i > 0; i--)
        if (public[i] != 0xff)
            return true;
    return public[0] < 0xed;
}

bool link_public_is_valid(const uint8_t public[static LINK_KEY_BYTES])
{
    /* libsodium refuses a product of all zeros, which is what points of small order give with any
     * secret: secrets are multiples of the cofactor. */
    static const uint8_t some_secret[LINK_KEY_BYTES] = {[LINK_KEY_BYTES - 1] = 0x40};
    uint8_t product[LINK_KEY_BYTES];
    return is_canonical(public) && crypto_scalarmult(product, some_secret, public) == 0;
}
