#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "genesis/genesis_parts.h"

const struct parameter_rule genesis_parameter_rules[PARAMETERS_COUNT] = {
#define X(field, symbol, initial, least, most)                                                     \
    {#field, symbol, offsetof(struct parameters, field), initial, least, most},
    PARAMETER_LIST(X)
#undef X
};

/* B_max <= N_bytes needs no rule of its own: the ranges see to it. */
enum {
#define X(field, symbol, initial, least, most) field##_least = (least), field##_most = (most),
    PARAMETER_LIST(X)
#undef X
};
_Static_assert((int)block_bytes_max_most <= (int)pool_bytes_max_least, "a block fits in the pool");

uint64_t genesis_parameter(const struct parameters *p, size_t index)
{
    CHECK(index < PARAMETERS_COUNT);
    uint64_t value;
    memcpy(&value, (const char *)p + genesis_parameter_rules[index].offset, sizeof value);
    return value;
}

void genesis_parameter_set(struct parameters *p, size_t index, uint64_t value)
{
    CHECK(index < PARAMETERS_COUNT);
    memcpy((char *)p + genesis_parameter_rules[index].offset, &value, sizeof value);
}

static enum rc judge_range(const struct parameter_rule *rule, uint64_t value, struct why *why)
{
    if (value >= rule->least && value <= rule->most)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "parameters.%s: %s must be from %" PRIu64 " to %" PRIu64 " (here: %" PRIu64 ")",
                   rule->name, rule->symbol, rule->least, rule->most, value);
}

/* Each is a rule of PROTOCOL.md: a window holds two checkpoint intervals, so that it can move while
 * the next checkpoint is being agreed; two intervals hold four pipelines; time-outs grow, up to the
 * cap; and one key's nonces fit in the pool. */
enum rc genesis_judge_parameters(const struct parameters *p, struct why *why)
{
    for (size_t i = 0; i < PARAMETERS_COUNT; i++) {
        enum rc rc = judge_range(&genesis_parameter_rules[i], genesis_parameter(p, i), why);
        if (rc != RC_OK)
            return rc;
    }
    if (p->window_heights < 2 * p->checkpoint_every_heights)
        return why_set(why, RC_INVALID,
                       "parameters.window_heights: L must be at least twice "
                       "checkpoint_every_heights, 2K = %" PRIu64 " (here: %" PRIu64 ")",
                       2 * p->checkpoint_every_heights, p->window_heights);
    if (2 * p->checkpoint_every_heights < 4 * p->pipeline_heights)
        return why_set(why, RC_INVALID,
                       "parameters.checkpoint_every_heights: K must be at least twice "
                       "pipeline_heights, 2P = %" PRIu64 " (here: %" PRIu64 ")",
                       2 * p->pipeline_heights, p->checkpoint_every_heights);
    if (p->view_change_cap_ms < p->view_change_ms)
        return why_set(why, RC_INVALID,
                       "parameters.view_change_cap_ms: T_cap must be at least view_change_ms, "
                       "%" PRIu64 " (here: %" PRIu64 ")",
                       p->view_change_ms, p->view_change_cap_ms);
    if (p->nonce_window > p->pool_txs_max)
        return why_set(why, RC_INVALID,
                       "parameters.nonce_window: A must be at most pool_txs_max, %" PRIu64
                       " (here: %" PRIu64 ")",
                       p->pool_txs_max, p->nonce_window);
    return RC_OK;
}
