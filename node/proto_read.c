/* READ's reply, and the certificates that replies carry. */
#include "crypto/base/check.h"
#include "node/proto_parts.h"

_Static_assert(3 + 8 + 1 + 1 + CERT_BYTES_MAX + 3 +
                       PROTO_ENTRIES_MAX * (7 + KV_KEY_BYTES_MAX + STATE_VALUE_BYTES_MAX) <=
                   PROTO_MSG_BYTES_MAX,
               "entries");
_Static_assert((int)PROTO_ENTRIES_MAX <= (int)PROTO_NAMES_MAX, "values stand in the items");

/* ---- certificates ---- */

/* A block lies under a COMMIT certificate and no other; a high may be of PREPAREs too. */
static bool kind_fits(const struct proto_reply *r)
{
    enum cert_kind kind = r->certificate.statement.kind;
    return kind == CERT_COMMIT || (kind == CERT_PREPARE && r->type == PROTO_READ);
}

void proto_put_certificate(struct buf *out, const struct proto_reply *r)
{
    buf_add_u8(out, r->has_certificate);
    if (!r->has_certificate)
        return;
    uint8_t room[CERT_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    CHECK(kind_fits(r));
    cert_encode(&w, &r->certificate);
    CHECK(wr_ok(&w));
    buf_add_bytes(out, wr_bytes_of(&w));
}

void proto_take_certificate(struct rd *from, struct proto_reply *r)
{
    r->has_certificate = proto_take_u8(from, 0, 1) == 1;
    if (!r->has_certificate)
        return;
    cert_decode(from, &r->certificate);
    if (!kind_fits(r))
        rd_fail(from);
}

/* ---- reads ---- */

/* In order, and none twice: answers that say the same are the same bytes. */
static bool is_behind(const struct proto_reply *r, uint32_t i)
{
    if (i == 0 || r->questions[i] > r->questions[i - 1])
        return true;
    return r->questions[i] == r->questions[i - 1] && bytes_compare(r->keys[i], r->keys[i - 1]) > 0;
}

void proto_put_read(struct buf *out, const struct proto_reply *r)
{
    buf_add_u64(out, r->height);
    buf_add_u8(out, r->is_learner);
    proto_put_certificate(out, r);
    buf_add_u8(out, r->is_end);
    proto_put_u16(out, r->count, 0, PROTO_ENTRIES_MAX);
    for (uint32_t i = 0; i < r->count; i++) {
        CHECK(is_behind(r, i));
        proto_put_u8(out, r->questions[i], 0, PROTO_QUESTIONS_MAX - 1);
        proto_put_key(out, r->keys[i], 1);
        proto_put_data(out, r->items[i], STATE_VALUE_BYTES_MAX);
    }
}

void proto_take_read(struct rd *from, struct proto_reply *r)
{
    r->height = rd_u64(from);
    r->is_learner = proto_take_u8(from, 0, 1) == 1;
    proto_take_certificate(from, r);
    struct rd answer = *from;
    r->is_end = proto_take_u8(from, 0, 1) == 1;
    r->count = proto_take_u16(from, 0, PROTO_ENTRIES_MAX);
    for (uint32_t i = 0; i < r->count && !from->failed; i++) {
        r->questions[i] = proto_take_u8(from, 0, PROTO_QUESTIONS_MAX - 1);
        r->keys[i] = proto_take_key(from, 1);
        r->items[i] = proto_take_data(from, STATE_VALUE_BYTES_MAX);
        if (!is_behind(r, i))
            rd_fail(from);
    }
    if (!from->failed)
        r->answer = rd_take(&answer, answer.left - from->left);
}
