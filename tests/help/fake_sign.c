#include "tests/help/fake_sign.h"

#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/wire.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return a ^ a >> 29;
}

static struct signature signature_of(uint32_t member_index, struct bytes message)
{
    uint64_t hash = mix(member_index + 1, message.size);
    for (size_t at = 0; at < message.size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, message.data + at, message.size - at < 8 ? message.size - at : 8);
        hash = mix(hash, word);
    }
    struct signature out = {{0}};
    memcpy(out.bytes, &hash, sizeof hash);
    out.bytes[8] = (uint8_t)member_index;
    return out;
}

void fake_sign(void *context, struct signature *out, struct bytes message)
{
    const struct fake_signer *signer = context;
    *out = signature_of(signer->member_index, message);
}

static struct signature of_statement(uint32_t from, const struct statement *s,
                                     const struct digest *chain_id)
{
    uint8_t room[STATEMENT_BYTES_MAX];
    size_t size = statement_signed_bytes(room, s, chain_id);
    return signature_of(from, bytes_of(room, size));
}

static struct signature of_pre_prepare(uint32_t from, const struct pbft_pre_prepare *m,
                                       const struct digest *chain_id)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    return signature_of(from, pbft_pre_prepare_signed(room, m, chain_id));
}

static struct signature of_status(uint32_t from, const struct pbft_status *s,
                                  const struct digest *chain_id)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    return signature_of(from, pbft_status_signed(room, s, from, chain_id));
}

void fake_sign_vote(struct pbft_vote *vote, uint32_t from, const struct digest *chain_id)
{
    vote->signature = of_statement(from, &vote->statement, chain_id);
}

void fake_sign_pre_prepare(struct pbft_pre_prepare *m, uint32_t from, const struct digest *chain_id)
{
    m->signature = of_pre_prepare(from, m, chain_id);
}

void fake_sign_status(struct pbft_status *s, uint32_t from, const struct digest *chain_id)
{
    s->signature = of_status(from, s, chain_id);
}

/* ---- view changes ---- */

static struct signature of_complain(uint32_t from, const struct pbft_complain *c,
                                    const struct digest *chain_id)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    return signature_of(from, pbft_complain_signed(room, c, from, chain_id));
}

static struct signature of_view_change(uint32_t from, const struct pbft_view_change *v,
                                       const struct digest *chain_id)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    return signature_of(from, pbft_view_change_signed(room, v, from, chain_id));
}

static struct signature of_new_view(uint32_t from, const struct pbft_new_view *n,
                                    const struct digest *chain_id)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    return signature_of(from, pbft_new_view_signed(room, n, from, chain_id));
}

void fake_sign_complain(struct pbft_complain *c, uint32_t from, const struct digest *chain_id)
{
    c->signature = of_complain(from, c, chain_id);
}

void fake_sign_view_change(struct pbft_view_change *v, uint32_t from, const struct digest *chain_id)
{
    v->signature = of_view_change(from, v, chain_id);
}

void fake_sign_new_view(struct pbft_new_view *n, uint32_t from, const struct digest *chain_id)
{
    n->signature = of_new_view(from, n, chain_id);
}

void fake_lc(struct pbft_lc *out, uint64_t epoch, uint64_t view, enum pbft_reason reason,
             uint32_t signers, uint32_t members_count, const struct digest *chain_id)
{
    uint32_t needed = faulty_max_of(members_count) + 1;
    struct pbft_complain c = {.epoch = epoch, .view = view, .reason = reason};
    memset(out, 0, sizeof *out);
    out->epoch = epoch;
    out->view = view;
    for (uint32_t i = 0; i < members_count && out->entries_count < needed; i++) {
        if ((signers >> i & 1) == 0)
            continue;
        struct pbft_lc_entry *entry = &out->entries[out->entries_count++];
        entry->member_index = (uint8_t)i;
        entry->reason = reason;
        entry->signature = of_complain(i, &c, chain_id);
    }
    CHECK(out->entries_count == needed);
}

/* ---- certificates ---- */

void fake_certificate(struct certificate *out, const struct statement *s, uint32_t signers,
                      uint32_t quorum, const struct digest *chain_id)
{
    memset(out, 0, sizeof *out);
    out->statement = *s;
    for (uint32_t i = 0; i < MEMBERS_MAX && out->entries_count < quorum; i++) {
        if ((signers >> i & 1) == 0)
            continue;
        struct cert_entry *entry = &out->entries[out->entries_count++];
        entry->member_index = (uint8_t)i;
        entry->signature = of_statement(i, s, chain_id);
    }
    CHECK(out->entries_count == quorum);
}

static bool signature_equal(const struct signature *a, const struct signature *b)
{
    return memcmp(a->bytes, b->bytes, SIGNATURE_BYTES) == 0;
}

bool fake_verify_certificate(const struct certificate *c, uint32_t members_count,
                             const struct digest *chain_id)
{
    if (c->entries_count != quorum_of(members_count))
        return false;
    for (uint32_t i = 0; i < c->entries_count; i++) {
        const struct cert_entry *entry = &c->entries[i];
        bool is_ascending = i == 0 || entry->member_index > c->entries[i - 1].member_index;
        struct signature expected = of_statement(entry->member_index, &c->statement, chain_id);
        if (entry->member_index >= members_count || !is_ascending ||
            !signature_equal(&entry->signature, &expected))
            return false;
    }
    return true;
}

bool fake_verify_lc(const struct pbft_lc *lc, uint32_t members_count, const struct digest *chain_id)
{
    if (lc->entries_count != faulty_max_of(members_count) + 1)
        return false;
    for (uint32_t i = 0; i < lc->entries_count; i++) {
        const struct pbft_lc_entry *entry = &lc->entries[i];
        bool is_ascending = i == 0 || entry->member_index > lc->entries[i - 1].member_index;
        struct pbft_complain c = pbft_lc_complain(lc, i);
        struct signature expected = of_complain(entry->member_index, &c, chain_id);
        if (entry->member_index >= members_count || !is_ascending ||
            !signature_equal(&entry->signature, &expected))
            return false;
    }
    return true;
}

static bool verify_view_change(uint32_t from, const struct pbft_view_change *v,
                               uint32_t members_count, const struct digest *chain_id)
{
    struct signature expected = of_view_change(from, v, chain_id);
    return from < members_count && signature_equal(&v->signature, &expected) &&
           fake_verify_lc(&v->lc, members_count, chain_id) &&
           (!v->has_high || fake_verify_certificate(&v->high, members_count, chain_id));
}

static bool verify_new_view(uint32_t from, const struct pbft_new_view *n, uint32_t members_count,
                            const struct digest *chain_id)
{
    struct signature expected = of_new_view(from, n, chain_id);
    if (from != pbft_primary_of(n->epoch, n->view, members_count) ||
        n->entries_count != quorum_of(members_count) || !signature_equal(&n->signature, &expected))
        return false;
    for (uint32_t i = 0; i < n->entries_count; i++) {
        const struct pbft_new_view_entry *entry = &n->entries[i];
        if (!verify_view_change(entry->from, &entry->view_change, members_count, chain_id))
            return false;
    }
    return true;
}

static bool is_link(const struct pbft_block *parent, const struct pbft_block *child)
{
    return child->height == parent->height + 1 && digest_equal(&child->parent, &parent->digest);
}

static bool verify_range(const struct pbft_data *d, uint32_t members_count,
                         const struct digest *chain_id)
{
    const struct pbft_block *last = &d->blocks[0];
    for (uint32_t i = 1; i < d->blocks_count; last = &d->blocks[i++])
        if (!is_link(last, &d->blocks[i]))
            return false;
    for (uint32_t i = 0; i < d->heads_count; last = &d->heads[i++])
        if (!is_link(last, &d->heads[i]))
            return false;
    const struct statement *s = &d->certificate.statement;
    return s->kind == CERT_COMMIT && s->height == last->height &&
           digest_equal(&s->digest, &last->digest) &&
           fake_verify_certificate(&d->certificate, members_count, chain_id);
}

static bool verify_data(const struct pbft_data *d, uint32_t members_count,
                        const struct digest *chain_id)
{
    if (d->blocks_count < 1 || d->blocks_count > PBFT_DATA_BLOCKS_MAX ||
        d->heads_count > PBFT_DATA_HEADS_MAX)
        return false;
    if (d->kind == PBFT_FETCH_RANGE)
        return verify_range(d, members_count, chain_id);
    if (d->blocks_count != 1 || d->heads_count != 0)
        return false;
    if (!d->has_pre_prepare)
        return true;
    struct signature expected = of_pre_prepare(d->pre_prepare_from, &d->pre_prepare, chain_id);
    return digest_equal(&d->pre_prepare.block.digest, &d->blocks[0].digest) &&
           signature_equal(&d->pre_prepare.signature, &expected);
}

bool fake_verify(const struct pbft_msg *m, uint32_t members_count, const struct digest *chain_id)
{
    struct signature expected;
    if (m->from >= members_count || m->link >= members_count)
        return false;
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        expected = of_pre_prepare(m->from, &m->pre_prepare, chain_id);
        return signature_equal(&expected, &m->pre_prepare.signature);
    case PBFT_PREPARE:
    case PBFT_COMMIT:
        expected = of_statement(m->from, &m->vote.statement, chain_id);
        return (m->vote.statement.kind == CERT_PREPARE) == (m->type == PBFT_PREPARE) &&
               signature_equal(&expected, &m->vote.signature);
    case PBFT_CHECKPOINT:
        expected = of_statement(m->from, &m->vote.statement, chain_id);
        return m->vote.statement.kind == CERT_CHECKPOINT &&
               signature_equal(&expected, &m->vote.signature);
    case PBFT_STATUS:
        expected = of_status(m->from, &m->status, chain_id);
        return signature_equal(&expected, &m->status.signature);
    case PBFT_COMPLAIN:
        expected = of_complain(m->from, &m->complain, chain_id);
        return signature_equal(&expected, &m->complain.signature);
    case PBFT_VIEW_CHANGE:
        return verify_view_change(m->from, &m->view_change, members_count, chain_id);
    case PBFT_NEW_VIEW:
        return verify_new_view(m->from, &m->new_view, members_count, chain_id);
    case PBFT_FETCH:
        return m->fetch.kind == PBFT_FETCH_BLOCK ||
               (m->fetch.kind == PBFT_FETCH_RANGE && m->fetch.blocks_max >= 1 &&
                m->fetch.blocks_max <= PBFT_DATA_BLOCKS_MAX);
    case PBFT_DATA:
        return verify_data(&m->data, members_count, chain_id);
    case PBFT_QC:
        return fake_verify_certificate(&m->qc, members_count, chain_id);
    default:
        return false;
    }
}
