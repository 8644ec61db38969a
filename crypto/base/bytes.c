#include "crypto/base/bytes.h"

#include <string.h>

#include "crypto/base/check.h"

struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){.data = data, .size = size};
}

struct bytes bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

bool bytes_has_prefix(struct bytes whole, struct bytes prefix)
{
    return whole.size >= prefix.size && bytes_equal(bytes_of(whole.data, prefix.size), prefix);
}

/* ---- reading ---- */

struct rd rd_of(struct bytes from)
{
    return (struct rd){.at = from.data, .left = from.size};
}

void rd_fail(struct rd *r)
{
    r->failed = true;
    r->left = 0;
}

struct bytes rd_take(struct rd *r, size_t size)
{
    if (r->failed || r->left < size) {
        rd_fail(r);
        return bytes_of(NULL, 0);
    }
    struct bytes taken = bytes_of(r->at, size);
    if (size > 0)
        r->at += size;
    r->left -= size;
    return taken;
}

void rd_copy(struct rd *r, void *out, size_t size)
{
    struct bytes taken = rd_take(r, size);
    if (size == 0)
        return;
    if (r->failed)
        memset(out, 0, size);
    else
        memcpy(out, taken.data, size);
}

static uint64_t rd_little_endian(struct rd *r, size_t size)
{
    struct bytes taken = rd_take(r, size);
    uint64_t value = 0;
    for (size_t i = taken.size; i > 0; i--)
        value = value << 8 | taken.data[i - 1];
    return value;
}

static uint64_t rd_big_endian(struct rd *r, size_t size)
{
    struct bytes taken = rd_take(r, size);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.size; i++)
        value = value << 8 | taken.data[i];
    return value;
}

uint8_t rd_u8(struct rd *r)
{
    return (uint8_t)rd_little_endian(r, 1);
}

uint16_t rd_u16(struct rd *r)
{
    return (uint16_t)rd_little_endian(r, 2);
}

uint32_t rd_u32(struct rd *r)
{
    return (uint32_t)rd_little_endian(r, 4);
}

/* The number that is read most, written so that compilers make one load of it. */
uint64_t rd_u64(struct rd *r)
{
    struct bytes taken = rd_take(r, 8);
    const uint8_t *at = taken.data;
    if (taken.size == 0)
        return 0;
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

uint64_t rd_be64(struct rd *r)
{
    return rd_big_endian(r, 8);
}

uint32_t rd_be32(struct rd *r)
{
    return (uint32_t)rd_big_endian(r, 4);
}

struct bytes rd_text8(struct rd *r)
{
    uint8_t size = rd_u8(r);
    return rd_take(r, size);
}

bool rd_done(const struct rd *r)
{
    return !r->failed && r->left == 0;
}

/* ---- writing ---- */

static void put_little_endian(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_big_endian(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

struct wr wr_of(void *data, size_t room)
{
    return (struct wr){.data = data, .room = room};
}

void wr_copy(struct wr *w, const void *data, size_t size)
{
    if (w->failed || w->room - w->size < size) {
        w->failed = true;
        return;
    }
    if (size > 0)
        memcpy(w->data + w->size, data, size);
    w->size += size;
}

void wr_bytes(struct wr *w, struct bytes from)
{
    wr_copy(w, from.data, from.size);
}

void wr_text8(struct wr *w, struct bytes text)
{
    if (text.size > UINT8_MAX)
        w->failed = true;
    wr_u8(w, (uint8_t)text.size);
    wr_bytes(w, text);
}

void wr_u8(struct wr *w, uint8_t value)
{
    wr_copy(w, &value, 1);
}

void wr_u16(struct wr *w, uint16_t value)
{
    uint8_t at[2];
    put_little_endian(at, value, sizeof at);
    wr_copy(w, at, sizeof at);
}

void wr_u32(struct wr *w, uint32_t value)
{
    uint8_t at[4];
    put_little_endian(at, value, sizeof at);
    wr_copy(w, at, sizeof at);
}

void wr_u64(struct wr *w, uint64_t value)
{
    uint8_t at[8];
    put_little_endian(at, value, sizeof at);
    wr_copy(w, at, sizeof at);
}

void wr_be64(struct wr *w, uint64_t value)
{
    uint8_t at[8];
    put_big_endian(at, value, sizeof at);
    wr_copy(w, at, sizeof at);
}

void wr_be32(struct wr *w, uint32_t value)
{
    uint8_t at[4];
    put_big_endian(at, value, sizeof at);
    wr_copy(w, at, sizeof at);
}

bool wr_ok(const struct wr *w)
{
    return !w->failed;
}

struct bytes wr_bytes_of(const struct wr *w)
{
    return w->failed ? bytes_of(NULL, 0) : bytes_of(w->data, w->size);
}

/* ---- hex ---- */

void hex_encode(char *out, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = data;
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[from[i] >> 4];
        *out++ = digits[from[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool hex_decode(void *out, size_t size, const char *text)
{
    uint8_t *to = out;
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(text[2 * i]);
        int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0) {
            memset(out, 0, size);
            return false;
        }
        to[i] = (uint8_t)(high << 4 | low);
    }
    if (text[2 * size] == '\0')
        return true;
    memset(out, 0, size);
    return false;
}

/* ---- buf ---- */

uint8_t *buf_grow(struct buf *b, size_t size)
{
    CHECK(size <= SIZE_MAX / 4 - b->size);
    if (b->room - b->size < size) {
        size_t room = b->room > 0 ? b->room : 64;
        while (room - b->size < size)
            room *= 2;
        b->data = mem_resize(b->data, room);
        b->room = room;
    }
    uint8_t *at = b->data + b->size;
    b->size += size;
    return at;
}

void buf_add(struct buf *b, const void *data, size_t size)
{
    if (size > 0)
        memcpy(buf_grow(b, size), data, size);
}

void buf_add_bytes(struct buf *b, struct bytes from)
{
    buf_add(b, from.data, from.size);
}

void buf_add_u8(struct buf *b, uint8_t value)
{
    *buf_grow(b, 1) = value;
}

void buf_add_u16(struct buf *b, uint16_t value)
{
    put_little_endian(buf_grow(b, 2), value, 2);
}

void buf_add_u32(struct buf *b, uint32_t value)
{
    put_little_endian(buf_grow(b, 4), value, 4);
}

void buf_add_u64(struct buf *b, uint64_t value)
{
    put_little_endian(buf_grow(b, 8), value, 8);
}

void buf_add_text8(struct buf *b, struct bytes text)
{
    CHECK(text.size <= UINT8_MAX);
    buf_add_u8(b, (uint8_t)text.size);
    buf_add_bytes(b, text);
}

struct bytes buf_bytes(const struct buf *b)
{
    return bytes_of(b->data, b->size);
}

void buf_clear(struct buf *b)
{
    b->size = 0;
}

void buf_free(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){0};
}
