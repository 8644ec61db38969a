#include "ledger/snapshot.h"

#include "crypto/base/check.h"

static const char *const words[SNAPSHOT_FAULT_COUNT] = {
#define X(fault, word, text) [fault] = word,
    SNAPSHOT_FAULT_LIST(X)
#undef X
};
static const char *const texts[SNAPSHOT_FAULT_COUNT] = {
#define X(fault, word, text) [fault] = text,
    SNAPSHOT_FAULT_LIST(X)
#undef X
};

const char *snapshot_fault_word(enum snapshot_fault f)
{
    CHECK(f < SNAPSHOT_FAULT_COUNT);
    return words[f];
}

const char *snapshot_fault_text(enum snapshot_fault f)
{
    CHECK(f < SNAPSHOT_FAULT_COUNT);
    return texts[f];
}

/* ---- paths ---- */

bool snapshot_path_equal(const struct snapshot_path *a, const struct snapshot_path *b)
{
    return a->depth == b->depth && digest_equal(&a->nibbles, &b->nibbles);
}

static size_t path_bytes(unsigned depth)
{
    return (depth + 1) / 2;
}

void snapshot_path_encode(struct wr *w, const struct snapshot_path *path)
{
    CHECK(path->depth < TREE_DEPTH_MAX);
    wr_u8(w, (uint8_t)path->depth);
    wr_copy(w, path->nibbles.bytes, path_bytes(path->depth));
}

void snapshot_path_decode(struct rd *r, struct snapshot_path *out)
{
    *out = (struct snapshot_path){.depth = rd_u8(r)};
    if (out->depth >= TREE_DEPTH_MAX) {
        rd_fail(r);
        *out = (struct snapshot_path){0};
        return;
    }
    rd_copy(r, out->nibbles.bytes, path_bytes(out->depth));
    if (out->depth % 2 != 0 && (out->nibbles.bytes[out->depth / 2] & 0x0f) != 0)
        rd_fail(r);
}
