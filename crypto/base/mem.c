/* The memory of crypto/base/bytes.h, out of libc's heap. */
#include <stdlib.h>

#include "crypto/base/bytes.h"
#include "crypto/base/check.h"

void *mem_alloc(size_t size)
{
    void *at = calloc(1, size > 0 ? size : 1);
    CHECK(at != NULL);
    return at;
}

void *mem_resize(void *at, size_t size)
{
    void *moved = realloc(at, size > 0 ? size : 1);
    CHECK(moved != NULL);
    return moved;
}

void mem_free(void *at)
{
    free(at);
}
