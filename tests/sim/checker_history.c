/* What an account held after each height at which it changed: so that what a read shows can be
 * held against any height of the chain. */
#include "crypto/base/check.h"
#include "tests/sim/checker_parts.h"

void check_history_put(struct check_history *h, const struct check_amount *amount)
{
    struct check_amount *last = h->count > 0 ? &h->items[h->count - 1] : NULL;
    CHECK(last == NULL || amount->height >= last->height);
    if (last != NULL && last->height == amount->height) {
        *last = *amount;
        return;
    }
    if (h->count == h->room) {
        h->room = 2 * h->room + 8;
        h->items = mem_resize(h->items, h->room * sizeof *h->items);
    }
    h->items[h->count++] = *amount;
}

const struct check_amount *check_history_at(const struct check_history *h, uint64_t height,
                                            uint64_t *until_height)
{
    size_t least = 0, most = h == NULL ? 0 : h->count; /* how many are at or below the height */
    while (least < most) {
        size_t middle = (least + most) / 2;
        if (h->items[middle].height <= height)
            least = middle + 1;
        else
            most = middle;
    }
    *until_height = h == NULL || least == h->count ? UINT64_MAX : h->items[least].height - 1;
    return least > 0 ? &h->items[least - 1] : NULL;
}
