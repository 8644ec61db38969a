/* What happened, a line per event. Each goes into the digest at once; the last ones of each node
 * are kept, for the report of a violation. */
#include <stdarg.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

enum {
    KEPT_LINES = 60,
    LINE_ROOM = 160,
    OWN = SIM_PLACES_MAX /* the ring of what belongs to no node */
};

struct ring {
    uint64_t lines_count;
    char lines[KEPT_LINES][LINE_ROOM];
};

struct sim_trace {
    FILE *to;
    uint64_t lines_count;
    uint64_t mixed[2];
    struct ring rings[SIM_PLACES_MAX + 1];
};

void sim_trace_open(struct sim *s, FILE *to)
{
    s->trace = mem_alloc(sizeof *s->trace);
    s->trace->to = to;
}

void sim_trace_close(struct sim *s)
{
    mem_free(s->trace);
    s->trace = NULL;
}

/* ---- the digest of all lines ---- */

void sim_trace_digest(const struct sim *s, struct digest *out)
{
    const struct sim_trace *t = s->trace;
    uint64_t words[3] = {t->mixed[0], t->mixed[1], t->lines_count};
    digest_of(out, TAG_TEST, bytes_of(words, sizeof words));
}

/* ---- lines ---- */

/* Decimal digits of a number, right-aligned to a width: printf would take as long as all the rest.
 */
static size_t put_number(char *out, uint64_t number, size_t width)
{
    char digits[24];
    size_t count = 0, size = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (; size + count < width; size++)
        out[size] = ' ';
    while (count > 0)
        out[size++] = digits[--count];
    return size;
}

/* "   12.345678 2  " */
static size_t put_start(char *out, uint64_t now_us, uint32_t node_index)
{
    size_t size = put_number(out, now_us / 1000000, 4);
    out[size++] = '.';
    size_t fraction = size + put_number(out + size, now_us % 1000000, 6);
    for (; size < fraction; size++)
        if (out[size] == ' ')
            out[size] = '0';
    out[size++] = ' ';
    if (node_index == OWN)
        out[size++] = '-';
    else
        size += put_number(out + size, node_index, 1);
    out[size++] = ' ';
    return size;
}

void sim_say(struct sim *s, uint32_t node_index, const char *format, ...)
{
    struct sim_trace *t = s->trace;
    uint32_t index = node_index < SIM_PLACES_MAX ? node_index : OWN;
    struct ring *ring = &t->rings[index];
    char *line = ring->lines[ring->lines_count++ % KEPT_LINES];
    size_t size = put_start(line, s->now_us, index);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + size, LINE_ROOM - size, format, args);
    va_end(args);
    CHECK(more >= 0);
    size += (size_t)more < LINE_ROOM - size ? (size_t)more : LINE_ROOM - size - 1;
    t->lines_count++;
    sim_mix(t->mixed, line, size);
    if (t->to != NULL)
        (void)fprintf(t->to, "%s\n", line);
}

void sim_trace_print_last(const struct sim *s, FILE *to)
{
    const struct sim_trace *t = s->trace;
    for (uint32_t i = 0; i <= SIM_PLACES_MAX; i++) {
        const struct ring *ring = &t->rings[i];
        uint64_t count = ring->lines_count < KEPT_LINES ? ring->lines_count : KEPT_LINES;
        if (count == 0)
            continue;
        if (i == OWN)
            (void)fprintf(to, "-- of the world, the last %u lines\n", (unsigned)count);
        else
            (void)fprintf(to, "-- of node %u, the last %u lines\n", (unsigned)i, (unsigned)count);
        for (uint64_t k = ring->lines_count - count; k < ring->lines_count; k++)
            (void)fprintf(to, "%s\n", ring->lines[k % KEPT_LINES]);
    }
}
