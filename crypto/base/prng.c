#include "crypto/base/prng.h"

#include <string.h>

#include "crypto/base/check.h"

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

struct prng prng_of(uint64_t seed)
{
    struct prng p;
    for (int i = 0; i < 4; i++)
        p.s[i] = splitmix64(&seed);
    return p;
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

uint64_t prng_u64(struct prng *p)
{
    uint64_t *s = p->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    CHECK(bound > 0);
    /* Values below 2^64 mod bound would make the low results likelier: draw those again. */
    uint64_t skip = -bound % bound;
    uint64_t value;
    do {
        value = prng_u64(p);
    } while (value < skip);
    return value % bound;
}

void prng_fill(struct prng *p, void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        uint64_t value = prng_u64(p);
        size_t part = size < sizeof value ? size : sizeof value;
        memcpy(at, &value, part);
        at += part;
        size -= part;
    }
}
