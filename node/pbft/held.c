/* Time in which the caller took no messages, because its own disk was behind (PROTOCOL.md 6.2,
 * pitfalls I6): no age of section 6 grows in it, but for what is beyond T_cap. */
#include "node/pbft/state.h"

void pbft_held(struct pbft *p, uint64_t from_ms, uint64_t until_ms)
{
    struct pbft_held *last = &p->held[(p->held_count + PBFT_HELD_MAX - 1) % PBFT_HELD_MAX];
    if (until_ms <= from_ms)
        return;
    if (p->held_count > 0 && from_ms <= last->until_ms) {
        last->until_ms = until_ms > last->until_ms ? until_ms : last->until_ms;
        return;
    }
    p->held[p->held_count++ % PBFT_HELD_MAX] =
        (struct pbft_held){.from_ms = from_ms, .until_ms = until_ms};
}

uint64_t pbft_held_ms(const struct pbft *p, uint64_t from_ms, uint64_t until_ms)
{
    uint64_t sum_ms = 0, cap_ms = p->config.view_change_cap_ms;
    for (uint32_t i = 0; i < PBFT_HELD_MAX; i++) {
        const struct pbft_held *h = &p->held[i]; /* 0 to 0: none */
        uint64_t begin_ms = h->from_ms > from_ms ? h->from_ms : from_ms;
        uint64_t end_ms = h->until_ms < until_ms ? h->until_ms : until_ms;
        sum_ms += end_ms > begin_ms ? end_ms - begin_ms : 0;
    }
    return sum_ms < cap_ms ? sum_ms : cap_ms;
}

uint64_t pbft_aged_ms(const struct pbft *p, uint64_t since_ms, uint64_t age_ms)
{
    return since_ms + age_ms + pbft_held_ms(p, since_ms, UINT64_MAX);
}
