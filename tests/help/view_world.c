#include "tests/help/view_world.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "tests/help/book.h"

enum { MEMBER_KEYS_FROM = 700 }; /* numbers of book_make_key() */

void view_world_open(struct view_world *w, uint32_t members_count)
{
    memset(w, 0, sizeof *w);
    CHECK(crypto_start(NULL) == RC_OK);
    w->n = members_count;
    w->f = faulty_max_of(members_count);
    w->q = quorum_of(members_count);
    digest_of(&w->config.chain_id, TAG_GENESIS, bytes_of_text("views"));
    w->config.epoch = VIEW_WORLD_EPOCH;
    w->config.members.members_count = members_count;
    for (uint32_t i = 0; i < members_count; i++) {
        book_make_key(&w->members[i], MEMBER_KEYS_FROM + i);
        w->config.members.sign_keys[i] = w->members[i].public;
    }
}

void view_world_close(struct view_world *w)
{
    buf_free(&w->encoding);
    mem_free(w->exact);
}

/* ---- parts ---- */

/* Whether a member is among count of them, beginning with `turn` and going around. */
static bool is_in_turn(const struct view_world *w, uint32_t member, uint32_t turn, uint32_t count)
{
    return (member + w->n - turn % w->n) % w->n < count;
}

void view_world_certificate(const struct view_world *w, struct certificate *out, uint64_t view,
                            uint32_t turn)
{
    memset(out, 0, sizeof *out);
    out->statement = (struct statement){
        .kind = CERT_COMMIT, .epoch = w->config.epoch, .view = view, .height = 40};
    memset(out->statement.digest.bytes, 0xd1, DIGEST_BYTES);
    for (uint32_t i = 0; i < w->n; i++) {
        if (!is_in_turn(w, i, turn, w->q))
            continue;
        struct cert_entry *entry = &out->entries[out->entries_count++];
        entry->member_index = (uint8_t)i;
        statement_sign(&entry->signature, &out->statement, &w->config.chain_id, &w->members[i]);
    }
}

static void sign_complaint(const struct view_world *w, struct signature *out, uint32_t from,
                           const struct pbft_complain *c)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    sign_message(out, pbft_complain_signed(room, c, from, &w->config.chain_id),
                 &w->members[from % w->n]);
}

void view_world_lc(const struct view_world *w, struct pbft_lc *out, uint64_t view,
                   uint32_t entries_count, uint32_t turn)
{
    memset(out, 0, sizeof *out);
    out->epoch = w->config.epoch;
    out->view = view;
    for (uint32_t i = 0; i < w->n; i++) {
        if (!is_in_turn(w, i, turn, entries_count))
            continue;
        struct pbft_lc_entry *entry = &out->entries[out->entries_count++];
        entry->member_index = (uint8_t)i;
        entry->reason = (enum pbft_reason)(PBFT_REASON_UNFAIR + i % 5);
        struct pbft_complain c = pbft_lc_complain(out, out->entries_count - 1);
        sign_complaint(w, &entry->signature, i, &c);
    }
}

static void sign_view_change(const struct view_world *w, struct pbft_view_change *v, uint32_t from)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    sign_message(&v->signature, pbft_view_change_signed(room, v, from, &w->config.chain_id),
                 &w->members[from % w->n]);
}

static void make_view_change(const struct view_world *w, struct pbft_view_change *out,
                             bool has_high, uint32_t turn)
{
    out->epoch = w->config.epoch;
    out->view = VIEW_WORLD_VIEW;
    out->has_high = has_high;
    if (has_high)
        view_world_certificate(w, &out->high, VIEW_WORLD_VIEW - 2, turn);
    view_world_lc(w, &out->lc, VIEW_WORLD_VIEW - 1, w->f + 1, turn);
}

/* ---- messages ---- */

static void start(struct view_world *w, enum pbft_msg_type type, uint32_t from)
{
    memset(&w->msg, 0, sizeof w->msg);
    w->msg.type = type;
    w->msg.link = VIEW_WORLD_LINK;
    w->msg.from = from;
}

/* A signer beyond the table signs with some member's key: there is no other. */
void view_world_sign(struct view_world *w)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_msg *m = &w->msg;
    if (m->type == PBFT_COMPLAIN) {
        sign_complaint(w, &m->complain.signature, m->from, &m->complain);
        return;
    }
    if (m->type == PBFT_VIEW_CHANGE) {
        sign_view_change(w, &m->view_change, m->from);
        return;
    }
    CHECK(m->type == PBFT_NEW_VIEW);
    sign_message(&m->new_view.signature,
                 pbft_new_view_signed(room, &m->new_view, m->from, &w->config.chain_id),
                 &w->members[m->from % w->n]);
}

void view_world_sign_entry(struct view_world *w, uint32_t entry_index)
{
    struct pbft_new_view_entry *entry = &w->msg.new_view.entries[entry_index];
    sign_view_change(w, &entry->view_change, entry->from);
    view_world_sign(w);
}

void view_world_make_complain(struct view_world *w, uint32_t from, enum pbft_reason reason)
{
    start(w, PBFT_COMPLAIN, from);
    w->msg.complain = (struct pbft_complain){
        .epoch = w->config.epoch, .view = VIEW_WORLD_VIEW - 1, .reason = reason};
    view_world_sign(w);
}

void view_world_make_view_change(struct view_world *w, uint32_t from, bool has_high)
{
    start(w, PBFT_VIEW_CHANGE, from);
    make_view_change(w, &w->msg.view_change, has_high, from);
    view_world_sign(w);
}

void view_world_make_new_view(struct view_world *w, enum view_world_parts parts)
{
    start(w, PBFT_NEW_VIEW, (VIEW_WORLD_EPOCH + VIEW_WORLD_VIEW) % w->n);
    struct pbft_new_view *n = &w->msg.new_view;
    n->epoch = w->config.epoch;
    n->view = VIEW_WORLD_VIEW;
    for (uint32_t i = w->n - w->q; i < w->n; i++) {
        struct pbft_new_view_entry *entry = &n->entries[n->entries_count++];
        entry->from = i;
        if (parts == VIEW_WORLD_OTHERS || n->entries_count == 1)
            make_view_change(w, &entry->view_change, parts != VIEW_WORLD_BASE, i);
        else
            entry->view_change = n->entries[0].view_change;
        sign_view_change(w, &entry->view_change, i);
    }
    view_world_sign(w);
}

/* ---- judging ---- */

enum verify_drop view_world_judge_bytes(struct view_world *w, struct bytes bytes)
{
    mem_free(w->exact);
    w->exact = mem_alloc(bytes.size);
    memcpy(w->exact, bytes.data, bytes.size);
    enum verify_drop drop =
        verify_decode(&w->out, &w->config, bytes_of(w->exact, bytes.size), VIEW_WORLD_LINK);
    return drop == VERIFY_KEEP ? verify_judge(&w->out, &w->config) : drop;
}

enum verify_drop view_world_judge(struct view_world *w)
{
    buf_clear(&w->encoding);
    pbft_encode(&w->encoding, &w->msg);
    return view_world_judge_bytes(w, buf_bytes(&w->encoding));
}
