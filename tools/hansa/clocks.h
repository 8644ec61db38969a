/* The clocks of nodes held against the one here: how far apart they are, as far as an answer can
 * tell, and whether that is more than the chain bears. */
#ifndef TOOLS_HANSA_CLOCKS_H
#define TOOLS_HANSA_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

/* What one answer tells: the node read its clock at some moment between question and answer, so the
 * middle of the two is taken, and is wrong by half of the way at most. */
struct clock_reading {
    int64_t skew_ms; /* the node's clock less the one here */
    uint64_t uncertain_ms;
};
/* node_ms: what the node says, which may be anything; here_ms: the clock here when its answer had
 * come, took_ms after the question. */
struct clock_reading clock_read(uint64_t node_ms, uint64_t here_ms, uint64_t took_ms);

/* Farther apart than limit_ms, whatever the way took. */
bool clock_is_off(const struct clock_reading *r, uint64_t limit_ms);

/* What whole milliseconds lose in three readings. */
enum { CLOCK_ROUNDED_MS = 2 };

/* "+1.234", in seconds; "~0" where the way and rounding explain it. */
enum { CLOCK_TEXT_BYTES = 32 };
const char *clock_text(char out[static CLOCK_TEXT_BYTES], const struct clock_reading *r);

#endif
