#include "node/evidence_file.h"

#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/envelope.h"
#include "node/pbft/wire.h"

void evidence_file_make(struct buf *out, const struct digest *chain_id, struct bytes evidence)
{
    CHECK(evidence.size <= PBFT_EVIDENCE_BYTES_MAX);
    envelope_begin(out, EVIDENCE_MAGIC, chain_id);
    buf_add_bytes(out, evidence);
}

static enum rc judge_form(struct pbft_evidence *out, struct bytes bytes, struct why *why)
{
    if (!pbft_evidence_split(out, bytes, verify_block_head))
        return why_set(why, RC_MALFORMED,
                       "structure: what should be the evidence is of no known kind, cut short, or "
                       "has bytes left over");
    if (pbft_is_evidence(out))
        return RC_OK;
    return why_set(why, RC_PROOF, "contradiction: what is said to be \"%s\" is no contradiction%s",
                   pbft_evidence_word(out->kind),
                   out->kind <= PBFT_TWO_NEW_VIEWS ? ", or its two parts are the wrong way round"
                                                   : "");
}

/* Keys of epoch 0 say nothing about later ones, whose members only a proof of epochs could name. */
static enum rc judge_offender(const struct pbft_evidence *e, const struct genesis *genesis,
                              struct why *why)
{
    if (e->epoch != 0)
        return why_set(why, RC_PROOF,
                       "epoch: it must be 0, as no epoch change is shown (here: %" PRIu64 ")",
                       e->epoch);
    if (e->offender >= genesis->members_count)
        return why_set(why, RC_PROOF, "offender: there are %" PRIu32 " members (here: %" PRIu32 ")",
                       genesis->members_count, e->offender);
    return RC_OK;
}

/* Which of the signatures does not hold. */
static uint32_t bad_part(const struct pbft_evidence *e, const struct verify_config *config)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    uint32_t i = 0;
    while (i + 1 < pbft_evidence_parts(e) &&
           sign_verify(&e->parts[i].signature, pbft_evidence_signed(room, e, i, &config->chain_id),
                       &config->members.sign_keys[e->offender]))
        i++;
    return i;
}

static enum rc judge(const struct pbft_evidence *e, const struct verify_config *config,
                     struct why *why)
{
    enum verify_drop drop = verify_evidence(e, config);
    switch (drop) {
    case VERIFY_KEEP:
        return RC_OK;
    case VERIFY_DROP_BAD_SIGNATURE:
        return why_set(why, RC_SIGNATURE, "signature %" PRIu32 ": it is not the offender's on this",
                       bad_part(e, config) + 1);
    case VERIFY_DROP_NO_EVIDENCE:
        return why_set(why, RC_PROOF,
                       "transaction: nothing shows in transaction %" PRIu32
                       " of the block that no block can hold",
                       e->tx_index);
    default:
        return why_set(why, RC_PROOF,
                       "block: it is not as its header says, or not of this chain "
                       "and epoch (%s)",
                       verify_drop_word(drop));
    }
}

static void look_at_tx(struct evidence_file *out)
{
    struct block block;
    enum block_fault fault = block_decode(&block, out->evidence.block);
    CHECK(fault == BLOCK_OK); /* it was judged */
    out->tx = verify_tx_at(&block, out->evidence.tx_index, &out->verdict);
    CHECK(out->tx != VERIFY_TX_GOOD);
}

enum rc evidence_file_verify(struct evidence_file *out, struct bytes file,
                             const struct genesis *genesis, struct why *why)
{
    const struct verify_config config = {
        .chain_id = genesis->chain_id,
        .members = genesis->member_table,
        .block_rules = {.members_count = genesis->members_count,
                        .body_bytes_max = genesis->parameters.block_bytes_max}};
    struct rd r = rd_of(file);
    *out = (struct evidence_file){.tx = VERIFY_TX_GOOD};
    enum rc rc = envelope_judge_begin(&r, EVIDENCE_MAGIC, &genesis->chain_id, why);
    if (rc == RC_OK)
        rc = judge_form(&out->evidence, bytes_of(r.at, r.left), why);
    if (rc == RC_OK)
        rc = judge_offender(&out->evidence, genesis, why);
    if (rc == RC_OK)
        rc = judge(&out->evidence, &config, why);
    if (rc == RC_OK && out->evidence.kind == PBFT_BAD_BODY)
        look_at_tx(out);
    return rc;
}
