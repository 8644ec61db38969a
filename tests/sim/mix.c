/* Quick hashes: two lanes of a multiply-and-rotate mix. They have to tell runs, lines and damaged
 * values apart, not to resist anybody; a cryptographic hash of every line, and SipHash of every
 * value that is read, would cost more than what they are about. */
#include <string.h>

#include "crypto/checksum.h"
#include "tests/sim/world.h"

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t mixed(uint64_t lane, const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return rotate((lane ^ word) * UINT64_C(0x9e3779b97f4a7c15), 29);
}

/* Words go to the two lanes in turn, which do not wait for each other. Each step can be undone, so
 * no difference in one word alone is ever lost. */
void sim_mix(uint64_t lanes[static 2], const void *data, size_t size)
{
    enum { WORD = 8 };
    const uint8_t *at = data;
    for (; size >= 2 * WORD; size -= 2 * WORD, at += 2 * WORD) {
        lanes[0] = mixed(lanes[0], at, WORD);
        lanes[1] = mixed(lanes[1], at + WORD, WORD);
    }
    if (size == 0)
        return;
    lanes[0] = mixed(lanes[0], at, size < WORD ? size : WORD);
    if (size > WORD)
        lanes[1] = mixed(lanes[1], at + WORD, size - WORD);
}

uint32_t sim_word_of(struct bytes bytes)
{
    uint64_t lanes[2] = {bytes.size, 0};
    sim_mix(lanes, bytes.data, bytes.size);
    return (uint32_t)((lanes[0] ^ lanes[1] * UINT64_C(0xbf58476d1ce4e5b9)) >> 16);
}

/* In the place of crypto/checksum.c, whose format is tested elsewhere. */
uint64_t checksum_of(uint8_t domain, struct bytes label, struct bytes body)
{
    uint64_t lanes[2] = {domain, body.size};
    sim_mix(lanes, body.data, body.size);
    sim_mix(lanes, label.data, label.size);
    return lanes[0] ^ lanes[1] * UINT64_C(0x94d049bb133111eb);
}
