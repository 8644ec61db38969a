#include "genesis/repeated.h"

#include <stdint.h>
#include <stdlib.h>

#include "crypto/base/bytes.h"

/* Equal items are put in the order of the array, so that the outcome does not hang on how the C
 * library sorts. */
static int compare_places(const void *a, const void *b, void *context)
{
    const char *left = *(const char *const *)a;
    const char *right = *(const char *const *)b;
    compare_items **compare = context;
    int order = (*compare)(left, right);
    if (order != 0)
        return order;
    return (left > right) - (left < right);
}

struct repeated repeated_in(const void *items, size_t count, size_t item_bytes,
                            compare_items *compare)
{
    const char *base = items;
    struct repeated none = {.found = false};
    if (count < 2)
        return none;
    const char **places = mem_alloc(count * sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = base + i * item_bytes;
    qsort_r(places, count, sizeof *places, compare_places, &compare);
    struct repeated result = none;
    for (size_t i = 0; i + 1 < count && !result.found; i++) {
        if (compare(places[i], places[i + 1]) != 0)
            continue;
        result = (struct repeated){.found = true,
                                   .first = (size_t)(places[i] - base) / item_bytes,
                                   .second = (size_t)(places[i + 1] - base) / item_bytes};
    }
    mem_free(places);
    return result;
}
