/* Evidence against delta: what FORMATS.md shows of section 12. */
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/block.h"
#include "node/evidence_file.h"
#include "tests/help/evidence_made.h"
#include "tests/help/vectors.h"

enum { DELTA = 3 };

static void add_file(struct vectors *v, const char *name, const struct pbft_evidence *e)
{
    struct buf evidence = {0}, file = {0};
    pbft_evidence_encode(&evidence, e);
    evidence_file_make(&file, &v->chain.genesis.chain_id, buf_bytes(&evidence));
    vectors_add(v, name, buf_bytes(&file));
    buf_free(&evidence);
    buf_free(&file);
}

static void add_signed(struct vectors *v, const char *name, const struct pbft_evidence *e,
                       uint32_t part_index)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    vectors_add(v, name, pbft_evidence_signed(room, e, part_index, &v->chain.genesis.chain_id));
}

/* Block 1 with the last byte of its last transaction, and so of that one's signature, changed. */
static void bend_block(struct buf *out, struct store *store)
{
    struct block block;
    struct digest leaves[BLOCK_TXS_MAX];
    CHECK(store_get_block(store, 1, &block, NULL) == RC_OK);
    buf_add_bytes(out, block.whole);
    out->data[out->size - 1] ^= 1;
    struct block_header header = block.header;
    struct rd r = rd_of(bytes_of(out->data + BLOCK_HEADER_BYTES, out->size - BLOCK_HEADER_BYTES));
    for (uint32_t i = 0; i < header.tx_count; i++)
        merkle_leaf(&leaves[i], block_next_tx(&r));
    merkle_root(&header.tx_root, leaves, header.tx_count);
    block_header_encode(out->data, &header);
}

static void add_bad_body(struct vectors *v, const struct liar *delta)
{
    struct buf block = {0};
    struct pbft_evidence e;
    struct block decoded;
    bend_block(&block, v->chain.store);
    CHECK(block_decode(&decoded, buf_bytes(&block)) == BLOCK_OK);
    struct pbft_pre_prepare p =
        liar_proposal(delta, LIAR_VIEW, buf_bytes(&block), verify_block_head);
    CHECK(pbft_evidence_of_body(&e, DELTA, &p, decoded.header.tx_count - 1));
    add_signed(v, "pre_prepare_signed_bytes", &e, 0);
    add_file(v, "evidence_bad_body", &e);
    buf_free(&block);
}

void vectors_add_evidence(struct vectors *v)
{
    const struct liar delta = {
        .chain_id = v->chain.genesis.chain_id, .index = DELTA, .key = &v->chain.members[DELTA]};
    struct pbft_evidence e;
    liar_evidence(&delta, &e, PBFT_TWO_PRE_PREPARES);
    add_file(v, "evidence_two_pre_prepares", &e);
    liar_evidence(&delta, &e, PBFT_TWO_PREPARES);
    add_file(v, "evidence_two_prepares", &e);
    liar_evidence(&delta, &e, PBFT_TWO_COMMITS);
    add_file(v, "evidence_two_commits", &e);
    liar_evidence(&delta, &e, PBFT_TWO_VIEW_CHANGES);
    add_signed(v, "view_change_signed_bytes", &e, 0);
    add_file(v, "evidence_two_view_changes", &e);
    liar_evidence(&delta, &e, PBFT_TWO_NEW_VIEWS);
    add_signed(v, "new_view_signed_bytes", &e, 0);
    add_file(v, "evidence_two_new_views", &e);
    liar_evidence(&delta, &e, PBFT_FORGOTTEN_COMMIT);
    add_signed(v, "forgetful_view_change_signed_bytes", &e, 1);
    add_file(v, "evidence_forgotten_commit", &e);
    add_bad_body(v, &delta);
}
