/* Finding what stands twice in an array without comparing each with each: 65,536 balances would
 * be two thousand million comparisons. */
#ifndef GENESIS_REPEATED_H
#define GENESIS_REPEATED_H

#include <stdbool.h>
#include <stddef.h>

/* As of qsort: <0, 0, >0, and 0 is what counts as a repetition. */
typedef int compare_items(const void *a, const void *b);

struct repeated {
    bool found;
    size_t first; /* first < second: indexes into the array as it was handed in */
    size_t second;
};

/* Borrows items, which stay in their order. The pair found is the same for the same items. */
struct repeated repeated_in(const void *items, size_t count, size_t item_bytes,
                            compare_items *compare);

#endif
