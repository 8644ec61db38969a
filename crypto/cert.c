#include "crypto/cert.h"

#include <string.h>

#include "crypto/base/check.h"

_Static_assert(QUORUM_MAX == (MEMBERS_MAX + (MEMBERS_MAX - 1) / 3 + 2) / 2,
               "QUORUM_MAX is quorum_of(MEMBERS_MAX)");

uint32_t faulty_max_of(uint32_t members_count)
{
    CHECK(members_count >= 1);
    CHECK(members_count <= MEMBERS_MAX);
    return (members_count - 1) / 3;
}

uint32_t quorum_of(uint32_t members_count)
{
    /* ceil(x / 2) with x = n + f + 1: two quorums then share a correct replica. */
    return (members_count + faulty_max_of(members_count) + 2) / 2;
}

/* ---- statements ---- */

static bool kind_is_known(uint8_t kind)
{
    return kind == CERT_PREPARE || kind == CERT_COMMIT || kind == CERT_CHECKPOINT;
}

static enum tag tag_of_kind(enum cert_kind kind)
{
    CHECK(kind_is_known((uint8_t)kind));
    if (kind == CERT_PREPARE)
        return TAG_PREPARE;
    return kind == CERT_COMMIT ? TAG_COMMIT : TAG_CHECKPOINT;
}

/* A field that a kind does not have is not signed, so it must not carry a meaning either. */
static void check_absent_fields(const struct statement *s)
{
    if (s->kind == CERT_CHECKPOINT)
        CHECK(s->view == 0);
    else
        CHECK(digest_is_zero(&s->state_root));
}

/* The fields from the epoch on: the same in what is signed and in the encoding. */
static void put_fields(struct wr *w, const struct statement *s)
{
    check_absent_fields(s);
    wr_u64(w, s->epoch);
    if (s->kind != CERT_CHECKPOINT)
        wr_u64(w, s->view);
    wr_u64(w, s->height);
    wr_copy(w, s->digest.bytes, DIGEST_BYTES);
    if (s->kind == CERT_CHECKPOINT)
        wr_copy(w, s->state_root.bytes, DIGEST_BYTES);
}

static void take_fields(struct rd *r, struct statement *s)
{
    s->epoch = rd_u64(r);
    if (s->kind != CERT_CHECKPOINT)
        s->view = rd_u64(r);
    s->height = rd_u64(r);
    rd_copy(r, s->digest.bytes, DIGEST_BYTES);
    if (s->kind == CERT_CHECKPOINT)
        rd_copy(r, s->state_root.bytes, DIGEST_BYTES);
}

size_t statement_signed_bytes(uint8_t out[static STATEMENT_BYTES_MAX], const struct statement *s,
                              const struct digest *chain_id)
{
    struct wr w = wr_of(out, STATEMENT_BYTES_MAX);
    wr_copy(&w, tag_bytes(tag_of_kind(s->kind)), TAG_BYTES);
    wr_copy(&w, chain_id->bytes, DIGEST_BYTES);
    put_fields(&w, s);
    CHECK(wr_ok(&w));
    return w.size;
}

void statement_sign(struct signature *out, const struct statement *s, const struct digest *chain_id,
                    const struct sign_key *key)
{
    uint8_t message[STATEMENT_BYTES_MAX];
    size_t size = statement_signed_bytes(message, s, chain_id);
    sign_message(out, bytes_of(message, size), key);
}

bool statement_verify(const struct signature *signature, const struct statement *s,
                      const struct digest *chain_id, const struct public_key *key)
{
    uint8_t message[STATEMENT_BYTES_MAX];
    size_t size = statement_signed_bytes(message, s, chain_id);
    return sign_verify(signature, bytes_of(message, size), key);
}

bool statement_equal(const struct statement *a, const struct statement *b)
{
    return a->kind == b->kind && a->epoch == b->epoch && a->view == b->view &&
           a->height == b->height && digest_equal(&a->digest, &b->digest) &&
           digest_equal(&a->state_root, &b->state_root);
}

/* ---- certificates ---- */

const char *cert_fault_text(enum cert_fault fault)
{
    static const char *const texts[] = {
#define X(fault, text) [fault] = text,
        CERT_FAULT_LIST(X)
#undef X
    };
    CHECK((unsigned)fault < CERT_FAULT_COUNT);
    return texts[fault];
}

/* What can be said without a single signature (pitfalls H5: ranges before use). */
static enum cert_fault judge_structure(const struct certificate *c,
                                       const struct member_table *members)
{
    if (c->entries_count != quorum_of(members->members_count))
        return CERT_NOT_A_QUORUM;
    for (uint32_t i = 0; i < c->entries_count; i++) {
        if (c->entries[i].member_index >= members->members_count)
            return CERT_NOT_A_MEMBER;
        if (i > 0 && c->entries[i].member_index <= c->entries[i - 1].member_index)
            return CERT_NOT_ASCENDING;
    }
    return CERT_OK;
}

enum cert_fault cert_verify(const struct certificate *c, const struct digest *chain_id,
                            const struct member_table *members)
{
    enum cert_fault fault = judge_structure(c, members);
    if (fault != CERT_OK)
        return fault;
    uint8_t message[STATEMENT_BYTES_MAX];
    size_t size = statement_signed_bytes(message, &c->statement, chain_id);
    for (uint32_t i = 0; i < c->entries_count; i++) {
        const struct cert_entry *entry = &c->entries[i];
        const struct public_key *key = &members->sign_keys[entry->member_index];
        if (!sign_verify(&entry->signature, bytes_of(message, size), key))
            return CERT_BAD_SIGNATURE;
    }
    return CERT_OK;
}

void cert_encode(struct wr *w, const struct certificate *c)
{
    CHECK(kind_is_known((uint8_t)c->statement.kind));
    CHECK(c->entries_count <= QUORUM_MAX);
    wr_u8(w, (uint8_t)c->statement.kind);
    put_fields(w, &c->statement);
    wr_u8(w, (uint8_t)c->entries_count);
    for (uint32_t i = 0; i < c->entries_count; i++) {
        wr_u8(w, c->entries[i].member_index);
        wr_copy(w, c->entries[i].signature.bytes, SIGNATURE_BYTES);
    }
}

void cert_decode(struct rd *r, struct certificate *out)
{
    memset(out, 0, sizeof *out);
    uint8_t kind = rd_u8(r);
    if (!kind_is_known(kind)) {
        rd_fail(r);
        return;
    }
    out->statement.kind = (enum cert_kind)kind;
    take_fields(r, &out->statement);
    uint8_t entries_count = rd_u8(r);
    if (entries_count > QUORUM_MAX) {
        rd_fail(r);
        return;
    }
    out->entries_count = entries_count;
    for (uint32_t i = 0; i < entries_count; i++) {
        out->entries[i].member_index = rd_u8(r);
        rd_copy(r, out->entries[i].signature.bytes, SIGNATURE_BYTES);
    }
}
