#include "tools/hansa/clocks.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t signed_of(uint64_t ms)
{
    return ms < INT64_MAX ? (int64_t)ms : INT64_MAX;
}

static uint64_t distance_ms(const struct clock_reading *r)
{
    return r->skew_ms < 0 ? (uint64_t)-r->skew_ms : (uint64_t)r->skew_ms;
}

struct clock_reading clock_read(uint64_t node_ms, uint64_t here_ms, uint64_t took_ms)
{
    uint64_t half_ms = took_ms / 2;
    uint64_t middle_ms = here_ms > half_ms ? here_ms - half_ms : 0;
    return (struct clock_reading){.skew_ms = signed_of(node_ms) - signed_of(middle_ms),
                                  .uncertain_ms = took_ms - half_ms};
}

bool clock_is_off(const struct clock_reading *r, uint64_t limit_ms)
{
    uint64_t apart_ms = distance_ms(r);
    return apart_ms > r->uncertain_ms && apart_ms - r->uncertain_ms > limit_ms;
}

const char *clock_text(char out[static CLOCK_TEXT_BYTES], const struct clock_reading *r)
{
    uint64_t apart_ms = distance_ms(r);
    if (apart_ms <= r->uncertain_ms || apart_ms - r->uncertain_ms <= CLOCK_ROUNDED_MS) {
        snprintf(out, CLOCK_TEXT_BYTES, "~0");
        return out;
    }
    snprintf(out, CLOCK_TEXT_BYTES, "%c%" PRIu64 ".%03d", r->skew_ms < 0 ? '-' : '+',
             apart_ms / 1000, (int)(apart_ms % 1000));
    return out;
}
