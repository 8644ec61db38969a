/* How Byzantine members sign and send, and what all of them remember together of what any of them
 * has seen or said: so much of each type, so that a flood of one does not wipe out another. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"

/* ---- signing: with the member's own key, whatever it says ---- */

void byz_sign(struct sim *s, uint32_t member, struct pbft_msg *m)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    const struct sign_key *key = &s->nodes[member].key;
    const struct digest *chain = &s->genesis.chain_id;
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        sign_message(&m->pre_prepare.signature,
                     pbft_pre_prepare_signed(room, &m->pre_prepare, chain), key);
        break;
    case PBFT_PREPARE:
    case PBFT_COMMIT:
    case PBFT_CHECKPOINT:
        statement_sign(&m->vote.signature, &m->vote.statement, chain, key);
        break;
    case PBFT_STATUS:
        sign_message(&m->status.signature, pbft_status_signed(room, &m->status, m->from, chain),
                     key);
        break;
    case PBFT_COMPLAIN:
        sign_message(&m->complain.signature,
                     pbft_complain_signed(room, &m->complain, m->from, chain), key);
        break;
    case PBFT_VIEW_CHANGE:
        sign_message(&m->view_change.signature,
                     pbft_view_change_signed(room, &m->view_change, m->from, chain), key);
        break;
    case PBFT_NEW_VIEW:
        sign_message(&m->new_view.signature,
                     pbft_new_view_signed(room, &m->new_view, m->from, chain), key);
        break;
    default:
        break; /* it carries no signature of its own */
    }
}

/* ---- sending ---- */

static void send_late(struct sim *s, void *context, uint64_t number)
{
    struct sim_packet *p = context;
    (void)number;
    sim_network_send(s, p->from, p->to, bytes_of(p->bytes, p->size));
    sim_packet_free(s, p);
}

void byz_emit_bytes(struct sim *s, uint32_t member, uint32_t to, struct bytes message,
                    uint64_t after_us)
{
    if (after_us == 0) {
        sim_network_send(s, member, to, message);
        return;
    }
    struct sim_packet *p = sim_packet_new(s, PACKET_MESSAGE, to, message);
    p->from = member;
    sim_at(s, s->now_us + after_us, send_late, p);
}

void byz_emit(struct sim *s, uint32_t member, uint32_t to, const struct pbft_msg *m,
              uint64_t after_us)
{
    struct buf bytes = {0};
    pbft_encode(&bytes, m);
    byz_emit_bytes(s, member, to, buf_bytes(&bytes), after_us);
    buf_free(&bytes);
}

void byz_vote(struct sim *s, uint32_t member, uint32_t to, const struct statement *statement,
              uint64_t after_us)
{
    static const enum pbft_msg_type types[] = {[CERT_PREPARE] = PBFT_PREPARE,
                                               [CERT_COMMIT] = PBFT_COMMIT,
                                               [CERT_CHECKPOINT] = PBFT_CHECKPOINT};
    struct pbft_msg *m = s->byz->spare;
    m->type = types[statement->kind];
    m->from = m->link = member;
    m->vote.statement = *statement;
    byz_sign(s, member, m);
    byz_emit(s, member, to, m, after_us);
}

/* ---- remembering ---- */

/* Where the correct ones are: these messages begin with type, from, epoch, view; votes go on with
 * their height. */
static void note_place(struct sim_byz *b, struct bytes message)
{
    enum { VIEWS = 8, HEIGHTS = 1000 }; /* beyond them is damage on the way */
    struct rd r = rd_of(message);
    uint8_t type = rd_u8(&r);
    (void)rd_u8(&r);
    (void)rd_u64(&r);
    uint64_t view = rd_u64(&r), height = rd_u64(&r);
    if (type != PBFT_PREPARE && type != PBFT_COMMIT)
        height = 0;
    if (view > b->view && view - b->view < VIEWS)
        b->view = view;
    if (height > b->height && height - b->height < HEIGHTS)
        b->height = height;
}

void byz_remember(struct sim *s, uint32_t from, struct bytes message)
{
    struct sim_byz *b = s->byz;
    uint8_t type = message.size > 0 ? message.data[0] : 0;
    if (type == 0 || type >= PBFT_MSG_TYPE_END || message.size > BYZ_KEPT_BYTES_MAX)
        return;
    if (!sim_is_byzantine(s, from) && type >= PBFT_PREPARE && type <= PBFT_NEW_VIEW)
        note_place(b, message);
    struct byz_kept *kept = &b->kept[type][b->kept_count[type]++ % BYZ_KEPT];
    kept->from = from;
    buf_clear(&kept->bytes);
    buf_add_bytes(&kept->bytes, message);
}

const struct byz_kept *byz_recall(struct sim *s, enum pbft_msg_type type)
{
    struct sim_byz *b = s->byz;
    uint64_t count = b->kept_count[type] < BYZ_KEPT ? b->kept_count[type] : BYZ_KEPT;
    return count == 0 ? NULL : &b->kept[type][sim_between(s, 0, count - 1)];
}

bool byz_recall_msg(struct sim *s, enum pbft_msg_type type)
{
    const struct byz_kept *kept = byz_recall(s, type);
    return kept != NULL &&
           pbft_decode(s->byz->spare, buf_bytes(&kept->bytes), kept->from, verify_block_head);
}

/* ---- hoarding ---- */

static void add_entry(struct certificate *c, uint32_t member, const struct signature *signature)
{
    uint32_t at = c->entries_count++;
    for (; at > 0 && c->entries[at - 1].member_index > member; at--)
        c->entries[at] = c->entries[at - 1];
    c->entries[at] = (struct cert_entry){.member_index = (uint8_t)member, .signature = *signature};
}

/* Those of correct members, as far as they are remembered; of each the first. */
static void add_seen(struct sim *s, struct certificate *c, enum pbft_msg_type type, uint32_t quorum)
{
    struct pbft_msg *m = s->byz->spare;
    uint32_t members = 0;
    for (uint32_t i = 0; i < BYZ_KEPT && c->entries_count < quorum; i++) {
        const struct byz_kept *kept = &s->byz->kept[type][i];
        if (kept->bytes.size == 0 || sim_is_byzantine(s, kept->from) ||
            !pbft_decode(m, buf_bytes(&kept->bytes), kept->from, verify_block_head) ||
            m->from != kept->from || (members >> m->from & 1) != 0 ||
            !statement_equal(&m->vote.statement, &c->statement))
            continue;
        members |= (uint32_t)1 << m->from;
        add_entry(c, m->from, &m->vote.signature);
    }
}

void byz_hoard(struct sim *s)
{
    struct pbft_msg *m = s->byz->spare;
    struct certificate c = {0};
    struct buf bytes = {0};
    struct signature signature;
    uint32_t quorum = quorum_of(s->plan.members_count);
    enum pbft_msg_type type = sim_luck(s, 700000) ? PBFT_PREPARE : PBFT_COMMIT;
    if (!byz_recall_msg(s, type) || m->vote.statement.epoch != 0)
        return;
    c.statement = m->vote.statement;
    for (uint32_t i = 0; i < s->plan.members_count && c.entries_count < quorum; i++) {
        if (!sim_is_byzantine(s, i))
            continue;
        statement_sign(&signature, &c.statement, &s->genesis.chain_id, &s->nodes[i].key);
        add_entry(&c, i, &signature);
    }
    add_seen(s, &c, type, quorum);
    if (c.entries_count < quorum ||
        cert_verify(&c, &s->genesis.chain_id, &s->genesis.member_table) != CERT_OK)
        return; /* what came damaged does not count */
    m->type = PBFT_QC;
    m->qc = c;
    pbft_encode(&bytes, m);
    byz_remember(s, 0, buf_bytes(&bytes));
    buf_free(&bytes);
}
