/* Byte strings, bounded cursors whose failure sticks, hex, and a growable buffer.
 *
 * Reading: take fields one after the other and ask once at the end. A read past the end gives
 * zeros and makes the cursor fail for good; rd_done() also refuses bytes left over, so that one
 * value has one encoding (pitfalls H4). Writing into a fixed buffer works the same way. */
#ifndef CRYPTO_BASE_BYTES_H
#define CRYPTO_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/base/result.h"

/* A string of bytes somewhere else; never owns them. data may be NULL when size is 0. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

struct bytes bytes_of(const void *data, size_t size);
/* The bytes of a C string without its terminator. */
struct bytes bytes_of_text(const char *text);
bool bytes_equal(struct bytes a, struct bytes b);
/* <0, 0, >0 in lexicographic order of unsigned bytes, a prefix before the longer string. */
int bytes_compare(struct bytes a, struct bytes b);
bool bytes_has_prefix(struct bytes whole, struct bytes prefix);

/* ---- reading ---- */
struct rd {
    const uint8_t *at;
    size_t left;
    bool failed;
};

struct rd rd_of(struct bytes from);
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r); /* little-endian, like all wire and file formats of ours */
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
uint64_t rd_be64(struct rd *r); /* big-endian: only in keys of the store, which sort by it */
uint32_t rd_be32(struct rd *r);
void rd_copy(struct rd *r, void *out, size_t size); /* out is zeroed on failure */
struct bytes rd_take(struct rd *r, size_t size);    /* lends from the source; empty on failure */
struct bytes rd_text8(struct rd *r);                /* text8: length u8, then the bytes; lends */
void rd_fail(struct rd *r);
/* True when nothing failed and nothing is left over. */
MUST_USE bool rd_done(const struct rd *r);

/* ---- writing into a fixed buffer ---- */
struct wr {
    uint8_t *data;
    size_t size;
    size_t room;
    bool failed;
};

struct wr wr_of(void *data, size_t room);
void wr_u8(struct wr *w, uint8_t value);
void wr_u16(struct wr *w, uint16_t value);
void wr_u32(struct wr *w, uint32_t value);
void wr_u64(struct wr *w, uint64_t value);
void wr_be64(struct wr *w, uint64_t value);
void wr_be32(struct wr *w, uint32_t value);
void wr_copy(struct wr *w, const void *data, size_t size);
void wr_bytes(struct wr *w, struct bytes from);
void wr_text8(struct wr *w, struct bytes text); /* more than 255 bytes fail the cursor */
MUST_USE bool wr_ok(const struct wr *w);
/* What was written; empty when the cursor failed. Lends the buffer. */
struct bytes wr_bytes_of(const struct wr *w);

/* ---- hex: lower case only, so that one value has one spelling ---- */
/* out gets 2*size characters and a terminator. */
void hex_encode(char *out, const void *data, size_t size);
/* Requires exactly 2*size lower-case hex digits in text, then its end; else false, out zeroed. */
MUST_USE bool hex_decode(void *out, size_t size, const char *text);

/* ---- memory: running out of it is not an error we can mend, so these CHECK ---- */
void *mem_alloc(size_t size);            /* zeroed; the caller frees with mem_free */
void *mem_resize(void *at, size_t size); /* not zeroed beyond the old size */
void mem_free(void *at);

/* A growable buffer. Zero-initialise to start; buf_free() ends it. */
struct buf {
    uint8_t *data;
    size_t size;
    size_t room;
};
void buf_add(struct buf *b, const void *data, size_t size);
void buf_add_bytes(struct buf *b, struct bytes from);
void buf_add_u8(struct buf *b, uint8_t value);
void buf_add_u16(struct buf *b, uint16_t value);
void buf_add_u32(struct buf *b, uint32_t value);
void buf_add_u64(struct buf *b, uint64_t value);
void buf_add_text8(struct buf *b, struct bytes text); /* requires at most 255 bytes */
/* Grow by size bytes and lend them (uninitialised) until the next call on b. */
uint8_t *buf_grow(struct buf *b, size_t size);
struct bytes buf_bytes(const struct buf *b); /* lends until the next call on b */
void buf_clear(struct buf *b);               /* keeps the room */
void buf_free(struct buf *b);

#endif
