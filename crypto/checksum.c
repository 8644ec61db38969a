#include "crypto/checksum.h"

#include <sodium.h>

#include "crypto/base/check.h"

_Static_assert(crypto_shorthash_siphash24_BYTES == CHECKSUM_BYTES, "a checksum is one SipHash");

/* Part of the store's format: changing it makes every store look damaged. */
static const uint8_t public_key[crypto_shorthash_siphash24_KEYBYTES] = {
    'h', 'a', 'n', 's', 'a', '-', 'c', 'h', 'e', 'c', 'k', 's', 'u', 'm', '-', '1'};

uint64_t checksum_of(uint8_t domain, struct bytes label, struct bytes body)
{
    CHECK(label.size <= CHECKSUM_LABEL_BYTES_MAX);
    static const uint8_t nothing[1];
    uint8_t of_body[CHECKSUM_BYTES];
    crypto_shorthash_siphash24(of_body, body.size > 0 ? body.data : nothing, body.size, public_key);

    uint8_t room[1 + CHECKSUM_LABEL_BYTES_MAX + CHECKSUM_BYTES];
    struct wr w = wr_of(room, sizeof room);
    wr_u8(&w, domain);
    wr_bytes(&w, label);
    wr_copy(&w, of_body, sizeof of_body);
    CHECK(wr_ok(&w));

    uint8_t of_all[CHECKSUM_BYTES];
    crypto_shorthash_siphash24(of_all, room, w.size, public_key);
    struct rd r = rd_of(bytes_of(of_all, sizeof of_all));
    return rd_u64(&r);
}
