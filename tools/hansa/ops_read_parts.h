/* What the files ops_read*.c share with each other and with nobody else. */
#ifndef TOOLS_HANSA_OPS_READ_PARTS_H
#define TOOLS_HANSA_OPS_READ_PARTS_H

#include "tools/hansa/ops_read.h"

/* One operation being read. */
struct reading {
    const struct ops_context *context;
    const struct json_at *at;
    struct op *op;
    struct buf *data;
    struct why *why;
};

/* A field of exactly `size` bytes in hex. */
MUST_USE enum rc ops_read_hex(uint8_t *out, size_t size, const struct reading *r,
                              const char *field);
/* key-add, the one operation that holds a second signature (ops_read_key_add.c). */
MUST_USE enum rc ops_read_key_add(const struct reading *r);

#endif
