/* How vectors stand in FORMATS.md: printing them, and finding their places. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/vectors.h"

enum { LINE_BYTES = 32 }; /* per line of hex */

void vector_print(struct buf *out, const struct vector *vector)
{
    buf_add(out, vector->name, strlen(vector->name));
    buf_add(out, ":\n", 2);
    for (size_t at = 0; at < vector->bytes.size; at += LINE_BYTES) {
        char hex[2 * LINE_BYTES + 1];
        size_t left = vector->bytes.size - at;
        size_t size = left < LINE_BYTES ? left : LINE_BYTES;
        hex_encode(hex, vector->bytes.data + at, size);
        buf_add(out, "  ", 2);
        buf_add(out, hex, 2 * size);
        buf_add(out, "\n", 1);
    }
}

struct vector *vectors_find(struct vectors *v, struct bytes name)
{
    for (size_t i = 0; i < v->count; i++) {
        if (bytes_equal(name, bytes_of_text(v->items[i].name)))
            return &v->items[i];
    }
    return NULL;
}

/* The next line with its end. */
static struct bytes take_line(struct rd *r)
{
    const uint8_t *end = r->left == 0 ? NULL : memchr(r->at, '\n', r->left);
    return rd_take(r, end == NULL ? r->left : (size_t)(end - r->at) + 1);
}

static bool is_line(struct bytes line, const char *text)
{
    return bytes_equal(line, bytes_of_text(text));
}

enum fence { FENCE_NONE, FENCE_VECTORS, FENCE_JSON, FENCE_OTHER };

static enum fence fence_after(enum fence before, struct bytes line)
{
    if (!bytes_has_prefix(line, bytes_of_text("```")))
        return before;
    if (before != FENCE_NONE)
        return FENCE_NONE;
    if (is_line(line, "```vectors\n"))
        return FENCE_VECTORS;
    return is_line(line, "```json genesis\n") ? FENCE_JSON : FENCE_OTHER;
}

/* A line inside a fence of vectors: a name, or hex that the name has already brought. */
static enum rc fill_line(struct buf *out, struct vectors *v, struct bytes line, struct why *why)
{
    if (bytes_has_prefix(line, bytes_of_text("  ")))
        return RC_OK;
    size_t end = line.size < 2 ? 0 : line.size - 2; /* without ":\n" */
    struct vector *vector = vectors_find(v, bytes_of(line.data, end));
    if (vector == NULL)
        return why_set(why, RC_NOT_FOUND, "the text names a vector that there is not: %.*s",
                       (int)line.size, (const char *)line.data);
    vector->is_shown = true;
    vector_print(out, vector);
    return RC_OK;
}

enum rc vectors_fill(struct buf *out, struct vectors *v, struct bytes text, struct why *why)
{
    struct rd r = rd_of(text);
    enum fence fence = FENCE_NONE;
    while (r.left > 0) {
        struct bytes line = take_line(&r);
        enum fence before = fence;
        fence = fence_after(before, line);
        if (fence == before && fence == FENCE_VECTORS) {
            enum rc rc = fill_line(out, v, line, why);
            if (rc != RC_OK)
                return rc;
        } else if (fence != before || fence != FENCE_JSON) {
            buf_add_bytes(out, line);
        }
        if (fence != before && fence == FENCE_JSON)
            buf_add_bytes(out, buf_bytes(&v->chain.json));
    }
    return RC_OK;
}
