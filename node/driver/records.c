/* Keys, and writing. */
#include "crypto/base/check.h"
#include "node/driver/records_impl.h"
#include "node/pbft/wire.h"

/* ---- keys ---- */

static const char *const names[] = {
    [RECORD_STATE] = "state",       [RECORD_HIGH] = "high",
    [RECORD_LEARNER] = "learner",   [RECORD_ALARM] = "alarm",
    [RECORD_STARTS] = "starts",     [RECORD_VOTE] = "vote",
    [RECORD_PROPOSAL] = "proposal", [RECORD_RESERVED] = "reserved",
    [RECORD_COVER] = "cover",       [RECORD_VIEW_CHANGE] = "view_change",
    [RECORD_NEW_VIEW] = "new_view", [RECORD_DIVERGED] = "diverged",
    [RECORD_EVIDENCE] = "evidence", [RECORD_SNAPSHOT] = "snapshot",
};

const char *record_name(enum record_type type)
{
    CHECK((unsigned)type < RECORD_UNKNOWN);
    return names[type];
}

struct bytes record_key_encode(uint8_t room[static RECORDS_KEY_BYTES_MAX],
                               const struct record_key *key)
{
    struct wr w = wr_of(room, RECORDS_KEY_BYTES_MAX);
    wr_bytes(&w, bytes_of_text(record_name(key->type)));
    if (key->type == RECORD_VOTE || key->type == RECORD_PROPOSAL)
        wr_be64(&w, key->height);
    if (key->type == RECORD_VOTE)
        wr_u8(&w, (uint8_t)key->kind);
    if (key->type == RECORD_EVIDENCE) {
        wr_u8(&w, (uint8_t)key->offender);
        wr_u8(&w, (uint8_t)key->evidence_kind);
    }
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

struct record_key record_key_decode(struct bytes from)
{
    for (int type = 0; type < RECORD_UNKNOWN; type++) {
        struct bytes name = bytes_of_text(names[type]);
        if (!bytes_has_prefix(from, name))
            continue;
        struct record_key key = {.type = (enum record_type)type};
        struct rd r = rd_of(bytes_of(from.data + name.size, from.size - name.size));
        if (type == RECORD_VOTE || type == RECORD_PROPOSAL)
            key.height = rd_be64(&r);
        if (type == RECORD_VOTE) {
            uint8_t kind = rd_u8(&r);
            key.kind = kind == CERT_PREPARE ? CERT_PREPARE : CERT_COMMIT;
            if (kind != key.kind)
                rd_fail(&r);
        }
        if (type == RECORD_EVIDENCE) {
            key.offender = rd_u8(&r);
            key.evidence_kind = (enum pbft_evidence_kind)rd_u8(&r);
            if (key.offender >= MEMBERS_MAX || key.evidence_kind < 1 ||
                key.evidence_kind >= PBFT_EVIDENCE_KINDS_END)
                rd_fail(&r);
        }
        if (rd_done(&r))
            return key;
    }
    return (struct record_key){.type = RECORD_UNKNOWN};
}

/* ---- writing ---- */

static void stage(struct kv_batch *batch, const struct record_key *key, const struct wr *value)
{
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    CHECK(wr_ok(value));
    kv_batch_put(batch, KV_VOTE, record_key_encode(room, key), wr_bytes_of(value));
}

static void put_block(struct wr *w, const struct pbft_block *block)
{
    wr_u64(w, block->height);
    wr_copy(w, block->digest.bytes, DIGEST_BYTES);
    wr_copy(w, block->parent.bytes, DIGEST_BYTES);
}

static void put_state(struct wr *w, const struct pbft_act *act)
{
    static const struct pbft_block none;
    wr_u64(w, act->state.view);
    wr_u8(w, (uint8_t)act->state.mode);
    wr_u8(w, act->state.is_installed);
    wr_u8(w, act->state.is_spoiled);
    put_block(w, &act->state.base);
    wr_u8(w, act->state.has_tip);
    /* A core without tip has an old one in its place: one value, one encoding. */
    put_block(w, act->state.has_tip ? &act->state.tip : &none);
}

bool record_is_quorum(const struct certificate *c)
{
    if (c->entries_count < quorum_of(MEMBERS_MIN))
        return false;
    for (uint32_t i = 0; i < c->entries_count; i++) {
        if (c->entries[i].member_index >= MEMBERS_MAX)
            return false;
        if (i > 0 && c->entries[i].member_index <= c->entries[i - 1].member_index)
            return false;
    }
    return true;
}

bool record_is_certificate(const struct certificate *c)
{
    return c->statement.kind != CERT_CHECKPOINT && record_is_quorum(c);
}

/* CHECKed, or the next start would call it damage. */
static void put_certificate(struct wr *w, const struct certificate *c)
{
    CHECK(record_is_certificate(c));
    cert_encode(w, c);
}

static void put_alarming(struct wr *w, const struct certificate *c)
{
    CHECK(record_is_quorum(c));
    cert_encode(w, c);
}

static void put_alarm(struct wr *w, const struct pbft_act *act)
{
    put_alarming(w, act->certificate);
    wr_u8(w, act->other != NULL);
    if (act->other != NULL)
        put_alarming(w, act->other);
}

static void put_vote(struct wr *w, const struct pbft_vote *vote)
{
    const struct statement *s = &vote->statement;
    CHECK(s->kind == CERT_PREPARE || s->kind == CERT_COMMIT);
    wr_u64(w, s->epoch);
    wr_u64(w, s->view);
    wr_copy(w, s->digest.bytes, DIGEST_BYTES);
    wr_copy(w, vote->signature.bytes, SIGNATURE_BYTES);
}

static void put_proposal(struct wr *w, const struct pbft_act *act)
{
    wr_u64(w, act->pre_prepare.epoch);
    wr_u64(w, act->pre_prepare.view);
    wr_copy(w, act->block.digest.bytes, DIGEST_BYTES);
    wr_copy(w, act->block.parent.bytes, DIGEST_BYTES);
    wr_copy(w, act->pre_prepare.signature.bytes, SIGNATURE_BYTES);
}

/* The bytes that were, or will be, sent. */
static void put_message(struct kv_batch *batch, enum record_type type, const struct pbft_msg *m)
{
    struct buf value = {0};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    const struct record_key key = {.type = type};
    pbft_encode(&value, m);
    kv_batch_put(batch, KV_VOTE, record_key_encode(room, &key), buf_bytes(&value));
    buf_free(&value);
}

static void put_view_change(struct kv_batch *batch, const struct pbft_act *act, uint32_t own_index)
{
    struct pbft_msg m = {.type = PBFT_VIEW_CHANGE, .from = own_index, .link = own_index};
    m.view_change = *act->view_change;
    put_message(batch, RECORD_VIEW_CHANGE, &m);
}

static void put_new_view(struct kv_batch *batch, const struct pbft_act *act)
{
    struct pbft_msg *m = mem_alloc(sizeof *m);
    m->type = PBFT_NEW_VIEW;
    m->from = m->link = act->new_view_from;
    m->new_view = *act->new_view;
    put_message(batch, RECORD_NEW_VIEW, m);
    mem_free(m);
}

void records_put(struct kv_batch *batch, const struct pbft_act *act, uint32_t own_index)
{
    if (act->type == PBFT_WRITE_VIEW_CHANGE) {
        put_view_change(batch, act, own_index);
        return;
    }
    if (act->type == PBFT_WRITE_NEW_VIEW) {
        put_new_view(batch, act);
        return;
    }
    uint8_t room[RECORDS_VALUE_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    struct record_key key = {.type = RECORD_UNKNOWN};
    switch (act->type) {
    case PBFT_WRITE_STATE:
        key.type = RECORD_STATE;
        put_state(&w, act);
        break;
    case PBFT_WRITE_HIGH:
        key.type = RECORD_HIGH;
        put_certificate(&w, act->certificate);
        break;
    case PBFT_WRITE_COVER:
        key.type = RECORD_COVER;
        put_certificate(&w, act->certificate);
        break;
    case PBFT_WRITE_LEARNER:
        key.type = RECORD_LEARNER;
        wr_u8(&w, 1);
        break;
    case PBFT_WRITE_ALARM:
        key.type = RECORD_ALARM;
        put_alarm(&w, act);
        break;
    case PBFT_DIVERGED:
        key.type = RECORD_DIVERGED;
        wr_u8(&w, 1);
        break;
    case PBFT_WRITE_VOTE:
        key = (struct record_key){.type = RECORD_VOTE,
                                  .height = act->vote.statement.height,
                                  .kind = act->vote.statement.kind};
        put_vote(&w, &act->vote);
        break;
    case PBFT_WRITE_PRE_PREPARE:
        key = (struct record_key){.type = RECORD_PROPOSAL, .height = act->block.height};
        put_proposal(&w, act);
        break;
    default:
        break;
    }
    CHECK(key.type != RECORD_UNKNOWN);
    stage(batch, &key, &w);
}

void records_drop_below(struct kv_batch *batch, uint64_t head_height)
{
    CHECK(head_height > 0);
    const struct record_key keys[] = {
        {.type = RECORD_VOTE, .height = head_height - 1, .kind = CERT_PREPARE},
        {.type = RECORD_VOTE, .height = head_height - 1, .kind = CERT_COMMIT},
        {.type = RECORD_PROPOSAL, .height = head_height},
    };
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        kv_batch_delete(batch, KV_VOTE, record_key_encode(room, &keys[i]));
}

void records_put_snapshot(struct kv_batch *batch, const struct certificate *checkpoint)
{
    const struct record_key key = {.type = RECORD_SNAPSHOT};
    uint8_t room[CERT_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    CHECK(checkpoint->statement.kind == CERT_CHECKPOINT);
    cert_encode(&w, checkpoint);
    stage(batch, &key, &w);
}

void records_drop_snapshot(struct kv_batch *batch)
{
    const struct record_key keys[] = {{.type = RECORD_SNAPSHOT}, {.type = RECORD_DIVERGED}};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    for (int i = 0; i < 2; i++)
        kv_batch_delete(batch, KV_VOTE, record_key_encode(room, &keys[i]));
}

void records_put_starts(struct kv_batch *batch, uint64_t starts_count)
{
    const struct record_key key = {.type = RECORD_STARTS};
    uint8_t room[8];
    struct wr w = wr_of(room, sizeof room);
    wr_u64(&w, starts_count);
    stage(batch, &key, &w);
}

void records_put_reserved(struct kv_batch *batch, const struct pbft_rank *reserved)
{
    const struct record_key key = {.type = RECORD_RESERVED};
    uint8_t room[3 * 8];
    struct wr w = wr_of(room, sizeof room);
    wr_u64(&w, reserved->epoch);
    wr_u64(&w, reserved->view);
    wr_u64(&w, reserved->height);
    stage(batch, &key, &w);
}

/* ---- evidence ---- */

_Static_assert((int)PBFT_EVIDENCE_BYTES_MAX <= (int)KV_VALUE_BYTES_MAX, "an item is one value");

void records_put_evidence(struct kv_batch *batch, const struct pbft_evidence *e)
{
    const struct record_key key = {
        .type = RECORD_EVIDENCE, .offender = e->offender, .evidence_kind = e->kind};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    struct buf value = {0};
    pbft_evidence_encode(&value, e);
    kv_batch_put(batch, KV_VOTE, record_key_encode(room, &key), buf_bytes(&value));
    buf_free(&value);
}

enum rc records_get_evidence(struct kv_view *view, uint32_t offender, enum pbft_evidence_kind kind,
                             struct bytes *out)
{
    const struct record_key key = {
        .type = RECORD_EVIDENCE, .offender = offender, .evidence_kind = kind};
    uint8_t room[RECORDS_KEY_BYTES_MAX];
    return kv_get(view, KV_VOTE, record_key_encode(room, &key), out);
}
