/* The floor under a primary's pace (PROTOCOL.md 6.1 (d), pitfalls L1): one that does just enough
 * not to be late is left when, with more than a block of work pending all the time, it does less
 * than half of what the last views did so. */
#include "node/pbft/state.h"

enum { RATE_MS = 1000000 }; /* rates are work per so long: integers that are fine enough */

static void begin_period(struct pbft *p)
{
    p->pace.period_from_ms = p->now_ms;
    p->pace.period_work = p->pool.work_done;
}

/* Half the median of the last three views; 0 while fewer were measured. */
static uint64_t floor_rate(const struct pbft_pace *pace)
{
    uint64_t a = pace->rates[0], b = pace->rates[1], c = pace->rates[2];
    if (pace->views_count < PBFT_PACE_VIEWS)
        return 0;
    uint64_t low = a < b ? a : b, high = a < b ? b : a;
    uint64_t median = c < low ? low : (c > high ? high : c);
    return median / 2;
}

static void end_period(struct pbft *p)
{
    struct pbft_pace *pace = &p->pace;
    uint64_t from_ms = pace->period_from_ms;
    uint64_t time_ms = p->now_ms - from_ms - pbft_held_ms(p, from_ms, UINT64_MAX);
    uint64_t work = p->pool.work_done - pace->period_work;
    bool is_slow = work * RATE_MS / time_ms < floor_rate(pace);
    pace->slow_count = is_slow ? pace->slow_count + 1 : 0;
    pace->work += work;
    pace->time_ms += time_ms;
    begin_period(p);
}

/* A period counts only if there was more than a full block throughout it, and nothing else that
 * explains slowness: so whatever interrupts that ends the period and the succession. */
void pbft_pace_run(struct pbft *p)
{
    struct pbft_pace *pace = &p->pace;
    bool is_busy = p->mode == PBFT_NORMAL && p->is_installed && p->pool.is_over_full_block &&
                   p->top_cqc.statement.height <= p->committed.height;
    if (!is_busy || p->awake_from_ms > pace->period_from_ms) {
        pace->period_from_ms = 0;
        pace->slow_count = 0;
    }
    if (!is_busy)
        return;
    if (pace->period_from_ms == 0)
        begin_period(p);
    else if (p->now_ms >= pbft_pace_due_ms(p))
        end_period(p);
}

void pbft_pace_end_view(struct pbft *p)
{
    struct pbft_pace *pace = &p->pace;
    if (pace->time_ms > 0)
        pace->rates[pace->views_count++ % PBFT_PACE_VIEWS] = pace->work * RATE_MS / pace->time_ms;
    pace->work = pace->time_ms = 0;
    pace->period_from_ms = 0;
    pace->slow_count = 0;
}

bool pbft_is_slow(const struct pbft *p)
{
    return p->pace.slow_count >= PBFT_PACE_PERIODS;
}

uint64_t pbft_pace_due_ms(const struct pbft *p)
{
    uint64_t from_ms = p->pace.period_from_ms;
    return from_ms == 0 ? UINT64_MAX : pbft_aged_ms(p, from_ms, p->config.fairness_ms);
}
