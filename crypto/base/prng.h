/* A seeded pseudo-random generator for simulation, tests and treap priorities: the same seed gives
 * the same numbers everywhere. Never for keys: those come from libsodium.
 * Source: xoshiro256** 1.0 by Blackman and Vigna (2018), seeded through splitmix64 (Steele, Lea,
 * Flood 2014), both in the public domain. */
#ifndef CRYPTO_BASE_PRNG_H
#define CRYPTO_BASE_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t s[4];
};

struct prng prng_of(uint64_t seed);
uint64_t prng_u64(struct prng *p);
/* Uniform in 0..bound-1, without bias. Requires: bound > 0. */
uint64_t prng_below(struct prng *p, uint64_t bound);
void prng_fill(struct prng *p, void *out, size_t size);

#endif
