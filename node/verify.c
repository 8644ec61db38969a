/* Judging what a link brought. Within each message what is cheap comes first and signatures come
 * last, so that nobody makes this replica work for bytes that a glance refuses. Bodies are hashed
 * before signatures are verified: hashing costs in proportion to the bytes that were sent, a
 * signature of 64 bytes costs as much as hashing tens of thousands. */
#include "node/verify.h"

#include "crypto/base/check.h"
#include "node/pbft/wire.h"
#include "node/verify_parts.h"

const char *verify_drop_word(enum verify_drop drop)
{
    static const char *const words[] = {
#define X(drop, word) [drop] = word,
        VERIFY_DROP_LIST(X)
#undef X
    };
    CHECK((unsigned)drop < VERIFY_DROP_COUNT);
    return words[drop];
}

/* ---- transactions ---- */

enum verdict verify_unknown_txs(const struct block *block, const struct verify_cache *cache,
                                struct tx *unknown, uint32_t *indexes, uint32_t *unknown_count,
                                uint32_t *bad_tx_index)
{
    const struct digest *chain_id = &block->header.chain_id;
    struct rd r = rd_of(block->body);
    *unknown_count = 0;
    CHECK(block->header.tx_count <= BLOCK_TXS_MAX);
    for (uint32_t i = 0; i < block->header.tx_count; i++) {
        struct tx *tx = &unknown[*unknown_count];
        enum verdict verdict = tx_decode(tx, block_next_tx(&r), chain_id);
        if (verdict != VERDICT_OK) {
            *bad_tx_index = i;
            return verdict;
        }
        if (cache == NULL || !verify_cache_has(cache, tx))
            indexes[(*unknown_count)++] = i;
    }
    return VERDICT_OK;
}

/* ---- blocks ---- */

bool verify_block_head(struct bytes bytes, struct pbft_block *out)
{
    struct block_header header;
    struct rd r = rd_of(bytes);
    block_header_decode(&r, &header);
    if (r.failed)
        return false;
    out->height = header.height;
    out->parent = header.parent;
    block_header_digest(&out->digest, &header);
    return true;
}

static enum verify_drop judge_header(const struct verify_config *config,
                                     const struct block_header *h)
{
    if (!digest_equal(&h->chain_id, &config->chain_id))
        return VERIFY_DROP_OTHER_CHAIN;
    if (h->epoch != config->epoch)
        return VERIFY_DROP_OTHER_EPOCH;
    if (h->tx_count > BLOCK_TXS_MAX || h->body_bytes > config->block_rules.body_bytes_max)
        return VERIFY_DROP_TOO_LARGE;
    return VERIFY_KEEP;
}

/* The decoder has computed the digest from this header already. */
enum verify_drop verify_judge_block(const struct verify_config *config, struct bytes bytes)
{
    struct block block;
    enum block_fault fault = block_decode(&block, bytes);
    if (fault == BLOCK_TOO_LARGE)
        return VERIFY_DROP_TOO_LARGE;
    if (fault != BLOCK_OK)
        return VERIFY_DROP_BAD_BODY;
    enum verify_drop drop = judge_header(config, &block.header);
    if (drop != VERIFY_KEEP)
        return drop;
    return block_judge_body(&block, NULL) == BLOCK_OK ? VERIFY_KEEP : VERIFY_DROP_BAD_BODY;
}

/* A header that leads on to what a certificate commits; alone, since bytes behind it would be held
 * against nothing (pitfalls H4). */
static enum verify_drop judge_head(const struct verify_config *config, struct bytes bytes)
{
    struct block_header header;
    struct rd r = rd_of(bytes);
    block_header_decode(&r, &header);
    if (!rd_done(&r))
        return VERIFY_DROP_MALFORMED;
    return judge_header(config, &header);
}

/* ---- signed parts ---- */

static enum verify_drop judge_pre_prepare_signature(const struct verify_config *config,
                                                    uint32_t from, const struct pbft_pre_prepare *p)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct bytes message = pbft_pre_prepare_signed(room, p, &config->chain_id);
    return judge_signature(config, from, &p->signature, message);
}

/* ---- messages ---- */

static enum verify_drop judge_pre_prepare(const struct verify_config *config,
                                          const struct pbft_msg *m)
{
    const struct pbft_pre_prepare *p = &m->pre_prepare;
    enum verify_drop drop = judge_signer(config, m->from, p->epoch);
    if (drop == VERIFY_KEEP)
        drop = verify_judge_block(config, p->bytes);
    if (drop == VERIFY_KEEP)
        drop = judge_pre_prepare_signature(config, m->from, p);
    return drop;
}

/* PREPARE, COMMIT, CHECKPOINT. */
static enum verify_drop judge_vote(const struct verify_config *config, const struct pbft_msg *m)
{
    const struct statement *s = &m->vote.statement;
    enum verify_drop drop = judge_signer(config, m->from, s->epoch);
    if (drop != VERIFY_KEEP)
        return drop;
    return statement_verify(&m->vote.signature, s, &config->chain_id,
                            &config->members.sign_keys[m->from])
               ? VERIFY_KEEP
               : VERIFY_DROP_BAD_SIGNATURE;
}

static enum verify_drop judge_status(const struct verify_config *config, const struct pbft_msg *m)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    enum verify_drop drop = judge_signer(config, m->from, m->status.epoch);
    if (drop != VERIFY_KEEP)
        return drop;
    struct bytes message = pbft_status_signed(room, &m->status, m->from, &config->chain_id);
    return judge_signature(config, m->from, &m->status.signature, message);
}

/* Rule 9.2: every body against its header, all headers up to the one that the certificate commits,
 * and no client signatures: q members have seen to those. That the blocks and heads are a chain and
 * end in the certificate's block was the decoder's to judge. */
static enum verify_drop judge_range(const struct verify_config *config, const struct pbft_data *d)
{
    if (d->certificate.statement.epoch != config->epoch)
        return VERIFY_DROP_OTHER_EPOCH;
    enum verify_drop drop = VERIFY_KEEP;
    for (uint32_t i = 0; i < d->heads_count && drop == VERIFY_KEEP; i++)
        drop = judge_head(config, d->head_bytes[i]);
    for (uint32_t i = 0; i < d->blocks_count && drop == VERIFY_KEEP; i++)
        drop = verify_judge_block(config, d->bytes[i]);
    return drop == VERIFY_KEEP ? judge_certificate(config, &d->certificate) : drop;
}

/* Rule 5.7: the digest that was asked for proves the block; the PRE-PREPARE proves itself. */
static enum verify_drop judge_one_block(const struct verify_config *config,
                                        const struct pbft_data *d)
{
    enum verify_drop drop = VERIFY_KEEP;
    if (d->has_pre_prepare)
        drop = judge_signer(config, d->pre_prepare_from, d->pre_prepare.epoch);
    if (drop == VERIFY_KEEP)
        drop = verify_judge_block(config, d->bytes[0]);
    if (drop == VERIFY_KEEP && d->has_pre_prepare)
        drop = judge_pre_prepare_signature(config, d->pre_prepare_from, &d->pre_prepare);
    return drop;
}

static enum verify_drop judge_forward(const struct verify_config *config, struct bytes whole)
{
    struct tx tx;
    enum verdict verdict = tx_decode(&tx, whole, &config->chain_id);
    if (verdict == VERDICT_OK)
        verdict = tx_verify(&tx, &config->chain_id);
    return verdict == VERDICT_OK ? VERIFY_KEEP : VERIFY_DROP_BAD_TX;
}

enum verify_drop verify_judge(const struct pbft_msg *m, const struct verify_config *config)
{
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        return judge_pre_prepare(config, m);
    case PBFT_PREPARE:
    case PBFT_COMMIT:
    case PBFT_CHECKPOINT:
        return judge_vote(config, m);
    case PBFT_STATUS:
        return judge_status(config, m);
    case PBFT_DATA:
        return m->data.kind == PBFT_FETCH_RANGE ? judge_range(config, &m->data)
                                                : judge_one_block(config, &m->data);
    case PBFT_FORWARD:
        return judge_forward(config, m->forward);
    case PBFT_QC:
        return judge_certificate(config, &m->qc);
    case PBFT_COMPLAIN:
        return verify_judge_complain(config, m);
    case PBFT_VIEW_CHANGE:
        return verify_judge_view_change(config, m);
    case PBFT_NEW_VIEW:
        return verify_judge_new_view(config, m);
    case PBFT_EVIDENCE:
        return verify_evidence(&m->evidence, config);
    case PBFT_FETCH_PIECE:
    case PBFT_PIECE: /* what is in it is judged against the root that it is of (ledger/snapshot.h)
                      */
        return VERIFY_KEEP;
    default:
        CHECK(m->type == PBFT_FETCH); /* the decoder knows no other type */
        return VERIFY_KEEP;           /* a request: its form is all there is to judge */
    }
}

uint32_t verify_signatures(const struct pbft_msg *m)
{
    switch (m->type) {
    case PBFT_QC:
        return m->qc.entries_count;
    case PBFT_DATA:
        return m->data.kind == PBFT_FETCH_RANGE ? m->data.certificate.entries_count
                                                : m->data.has_pre_prepare;
    case PBFT_FETCH:
    case PBFT_FETCH_PIECE:
    case PBFT_PIECE:
        return 0;
    case PBFT_VIEW_CHANGE:
    case PBFT_NEW_VIEW:
        return verify_view_signatures(m);
    case PBFT_EVIDENCE: /* the other one of a bad body is its transaction's */
        return 2;
    default:
        return 1;
    }
}

enum verify_drop verify_decode(struct pbft_msg *out, const struct verify_config *config,
                               struct bytes bytes, uint32_t link)
{
    CHECK(link < config->members.members_count);
    if (bytes.size > PBFT_MSG_BYTES_MAX)
        return VERIFY_DROP_TOO_LARGE;
    return pbft_decode(out, bytes, link, verify_block_head) ? VERIFY_KEEP : VERIFY_DROP_MALFORMED;
}
