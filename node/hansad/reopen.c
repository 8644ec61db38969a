#include "node/hansad/reopen.h"

#include "crypto/base/check.h"

static uint64_t next_wait_ms(const struct reopen *r)
{
    if (r->row_count == 0)
        return 0;
    if (r->wait_ms == 0)
        return REOPEN_WAIT_LEAST_MS;
    return r->wait_ms < REOPEN_WAIT_MAX_MS / 2 ? 2 * r->wait_ms : REOPEN_WAIT_MAX_MS;
}

bool reopen_is_due(struct reopen *r, uint64_t now_ms)
{
    if (!r->is_wanted) {
        if (r->count > 0 && now_ms - r->opened_ms >= REOPEN_GOOD_RUN_MS)
            r->row_count = 0;
        r->is_wanted = true;
        r->wait_ms = next_wait_ms(r);
        r->due_ms = now_ms + r->wait_ms;
    }
    return now_ms >= r->due_ms;
}

uint64_t reopen_due_ms(const struct reopen *r)
{
    return r->is_wanted ? r->due_ms : UINT64_MAX;
}

void reopen_done(struct reopen *r, uint64_t now_ms)
{
    CHECK(r->is_wanted);
    r->is_wanted = false;
    r->opened_ms = now_ms;
    r->count++;
    r->row_count++;
}
