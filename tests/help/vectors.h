/* The vectors that FORMATS.md shows, computed by the code. In the text they stand in fences
 *
 *   ```vectors
 *   name:
 *     hex, at most 64 digits a line
 *   ```
 *
 * and the genesis file in a ```json fence. tests/programs/golden prints them, or the whole text
 * with all of them made anew; tests/unit/test_formats holds the text against them. */
#ifndef TESTS_HELP_VECTORS_H
#define TESTS_HELP_VECTORS_H

#include "tests/help/small_chain.h"

enum { VECTORS_MAX = 128, VECTOR_NAME_BYTES_MAX = 48 };

struct vector {
    char name[VECTOR_NAME_BYTES_MAX];
    struct buf bytes;
    bool is_shown; /* set by vectors_fill() */
};

struct vectors {
    struct small_chain chain;
    size_t count;
    struct vector items[VECTORS_MAX];
};

void vectors_make(struct vectors *v);
void vectors_free(struct vectors *v);
/* NULL when there is none of that name. */
struct vector *vectors_find(struct vectors *v, struct bytes name);
void vectors_add(struct vectors *v, const char *name, struct bytes bytes);
void vectors_add_evidence(struct vectors *v); /* section 12: for vectors_make() */
/* Append one as it stands in the text. */
void vector_print(struct buf *out, const struct vector *vector);
/* Append the text with all vectors and the genesis file made anew.
 * Returns: RC_OK | RC_NOT_FOUND (the text names a vector that there is not: see why). */
MUST_USE enum rc vectors_fill(struct buf *out, struct vectors *v, struct bytes text,
                              struct why *why);

#endif
