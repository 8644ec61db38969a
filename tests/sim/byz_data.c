/* What is sent to whoever asks: certificates and bodies held back, or others in their place. A DATA
 * whose form is wrong is made by changing its bytes; one whose form is right by changing what
 * stands in it: signatures of a certificate, PRE-PREPAREs that nobody made, an answer to another
 * question. */
#include "tests/sim/byz_parts.h"

/* q entries, but not q members that signed this. */
static void spoil_certificate(struct sim *s, struct certificate *c)
{
    uint32_t some = (uint32_t)sim_between(s, 0, c->entries_count > 0 ? c->entries_count - 1 : 0);
    switch (sim_between(s, 0, 3)) {
    case 0:
        c->entries[some].signature.bytes[0] ^= 1;
        break;
    case 1: /* one signs twice */
        c->entries[some] = c->entries[0];
        break;
    case 2:
        if (c->entries_count > 0)
            c->entries_count--;
        break;
    default: /* PREPAREs are no COMMITs */
        if (c->statement.kind == CERT_CHECKPOINT)
            c->statement.state_root.bytes[0] ^= 1;
        else
            c->statement.kind = c->statement.kind == CERT_PREPARE ? CERT_COMMIT : CERT_PREPARE;
    }
}

static void lie_in_block(struct byz_act *a)
{
    struct sim *s = a->s;
    struct pbft_data *d = &a->m->data;
    const struct byz_mirror *mirror = byz_mirror_of(s, &d->blocks[0].digest);
    struct pbft_msg signed_by_me = {.type = PBFT_PRE_PREPARE, .from = a->member};
    if (mirror != NULL && sim_luck(s, 500000)) { /* another block than the one asked for */
        d->bytes[0] = buf_bytes(&mirror->bytes);
        (void)verify_block_head(d->bytes[0], &d->blocks[0]);
    }
    signed_by_me.pre_prepare = (struct pbft_pre_prepare){
        .epoch = 0, .view = sim_between(s, 0, 3), .block = d->blocks[0], .bytes = d->bytes[0]};
    byz_sign(s, a->member, &signed_by_me);
    d->has_pre_prepare = true;
    d->pre_prepare_from = sim_luck(s, 500000) ? a->member : byz_any_peer(s, a->member);
    d->pre_prepare = signed_by_me.pre_prepare;
}

void byz_on_data(struct byz_act *a)
{
    struct sim *s = a->s;
    if (byz_does(s, a->member, BYZ_WITHHOLDING)) {
        a->is_dropped = true;
        return;
    }
    if (!byz_does(s, a->member, BYZ_DATA_LIE))
        return;
    const struct byz_kept *other = byz_recall(s, PBFT_DATA);
    if (other != NULL && sim_luck(s, 400000)) { /* an answer, but not to this */
        byz_emit_bytes(s, a->member, a->to, buf_bytes(&other->bytes), a->delay_us);
        a->is_dropped = true;
        return;
    }
    a->is_changed = true;
    if (a->m->data.kind == PBFT_FETCH_RANGE) {
        enum cert_kind kind = a->m->data.certificate.statement.kind;
        spoil_certificate(s, &a->m->data.certificate);
        a->m->data.certificate.statement.kind = kind; /* a range's form */
    } else {
        lie_in_block(a);
    }
}

void byz_on_qc(struct byz_act *a)
{
    if (byz_does(a->s, a->member, BYZ_WITHHOLDING)) {
        a->is_dropped = true;
    } else if (byz_does(a->s, a->member, BYZ_DATA_LIE)) {
        spoil_certificate(a->s, &a->m->qc);
        a->is_changed = true;
    }
}

/* What nobody asked for: an old answer, or an old certificate that is a little wrong. */
void byz_push_data(struct sim *s, uint32_t member)
{
    uint32_t to = byz_any_peer(s, member);
    const struct byz_kept *kept = byz_recall(s, PBFT_DATA);
    if (kept != NULL && sim_luck(s, 500000)) {
        byz_emit_bytes(s, member, to, buf_bytes(&kept->bytes), 0);
    } else if (byz_recall_msg(s, PBFT_QC)) {
        spoil_certificate(s, &s->byz->spare->qc);
        byz_emit(s, member, to, s->byz->spare, 0);
    }
}
