/* BLAKE2b for the simulator: all of crypto/digest.h, in whose place this file is linked. The
 * digests are the same, by crypto/digest.c itself, compiled into this file under other names. But
 * all nodes of a run live in one process and hash the same transactions, headers and keys one after
 * the other, which was an eighth of what a run costs: so short inputs are remembered, whole. */
#include <string.h>

#include "crypto/digest.h"
#include "tests/sim/world.h"

static void real_start(struct hasher *h, enum tag tag);
static void real_start_plain(struct hasher *h);
static void real_add(struct hasher *h, const void *data, size_t size);
static void real_add_bytes(struct hasher *h, struct bytes data);
static void real_end(struct hasher *h, struct digest *out);
static void real_digest_of(struct digest *out, enum tag tag, struct bytes data);

#define hasher_start       real_start
#define hasher_start_plain real_start_plain
#define hasher_add         real_add
#define hasher_add_bytes   real_add_bytes
#define hasher_end         real_end
#define digest_of          real_digest_of
#include "crypto/digest.c"
#undef hasher_start
#undef hasher_start_plain
#undef hasher_add
#undef hasher_add_bytes
#undef hasher_end
#undef digest_of

/* What was added so far, in the place of libsodium's state, until it is too long to be remembered.
 * Which of them it is, shows in the first word: libsodium's begins with the words of a hash. */
enum { SHORT_BYTES_MAX = 368 };
#define IS_SHORT UINT64_C(0x6d656d6f72697a65)
struct input {
    uint64_t is_short; /* IS_SHORT */
    uint64_t size;
    uint8_t bytes[SHORT_BYTES_MAX];
};
_Static_assert(sizeof(struct input) <= sizeof(struct hasher), "an input stands in a hasher");

struct remembered {
    struct digest digest;
    struct input input;
};
enum { REMEMBERED = 8192 }; /* a power of two; 3 MiB */
static struct remembered table[REMEMBERED];
/* The thread that runs the world has the table to itself; those of the audit do without. */
static _Thread_local bool has_table;

void sim_digest_remember(void)
{
    has_table = true;
}

static struct input *input_of(struct hasher *h)
{
    return (struct input *)(void *)h->state;
}

void hasher_start_plain(struct hasher *h)
{
    struct input *in = input_of(h);
    if (!has_table) {
        real_start_plain(h);
        return;
    }
    in->is_short = IS_SHORT;
    in->size = 0;
}

void hasher_start(struct hasher *h, enum tag tag)
{
    hasher_start_plain(h);
    hasher_add(h, tag_bytes(tag), TAG_BYTES);
}

/* From here on it is libsodium's. */
static void hand_over(struct hasher *h)
{
    struct input in = *input_of(h);
    real_start_plain(h);
    real_add(h, in.bytes, in.size);
}

void hasher_add(struct hasher *h, const void *data, size_t size)
{
    struct input *in = input_of(h);
    if (in->is_short == IS_SHORT && size > SHORT_BYTES_MAX - in->size)
        hand_over(h);
    if (in->is_short != IS_SHORT) {
        real_add(h, data, size);
        return;
    }
    if (size > 0)
        memcpy(in->bytes + in->size, data, size);
    in->size += size;
}

void hasher_add_bytes(struct hasher *h, struct bytes data)
{
    hasher_add(h, data.data, data.size);
}

void hasher_end(struct hasher *h, struct digest *out)
{
    const struct input *in = input_of(h);
    if (in->is_short != IS_SHORT) {
        real_end(h, out);
        return;
    }
    struct remembered *r = &table[sim_word_of(bytes_of(in->bytes, in->size)) % REMEMBERED];
    bool is_known = r->input.is_short == IS_SHORT && r->input.size == in->size &&
                    memcmp(r->input.bytes, in->bytes, in->size) == 0;
    if (!is_known) {
        r->input.is_short = IS_SHORT;
        r->input.size = in->size;
        memcpy(r->input.bytes, in->bytes, in->size);
        hand_over(h);
        real_end(h, &r->digest);
    }
    *out = r->digest;
}

void digest_of(struct digest *out, enum tag tag, struct bytes data)
{
    struct hasher h;
    if (data.size > SHORT_BYTES_MAX - TAG_BYTES) {
        real_digest_of(out, tag, data);
        return;
    }
    hasher_start(&h, tag);
    hasher_add_bytes(&h, data);
    hasher_end(&h, out);
}
