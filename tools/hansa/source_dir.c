/* A data directory as a source: the store verifies what it reads (TREE_VERIFY). */
#include "ledger/receipt.h"
#include "tools/hansa/source_parts.h"

static enum rc dir_head(struct source *s, uint64_t *height, struct why *why)
{
    (void)why;
    *height = store_head(s->dir->store)->height;
    return RC_OK;
}

static enum rc dir_list(struct source *s, enum state_table table, struct bytes prefix,
                        store_visit *visit, void *context, struct why *why)
{
    return store_list(s->dir->store, table, prefix, visit, context, why);
}

static enum rc dir_index(struct source *s, enum kv_table table, struct bytes key,
                         struct bytes *value, struct why *why)
{
    return store_get_index(s->dir->store, table, key, value, why);
}

static enum rc dir_place(struct source *s, const struct digest *txid, struct place *out,
                         struct why *why)
{
    return store_get_place(s->dir->store, txid, out, why);
}

/* What the store lends stays until it is closed: it is never written here. */
static enum rc dir_block(struct source *s, uint64_t height, struct buf *room, struct block *out,
                         struct why *why)
{
    (void)room;
    return store_get_block(s->dir->store, height, out, why);
}

static enum rc dir_certificate(struct source *s, uint64_t height, struct certificate *out,
                               struct why *why)
{
    return store_get_certificate(s->dir->store, height, out, why);
}

static enum rc dir_receipt(struct source *s, const struct digest *txid, const struct place *place,
                           struct buf *out, struct why *why)
{
    (void)txid;
    return receipt_make(out, s->dir->store, place, why);
}

static enum rc dir_proof(struct source *s, enum state_table table, struct bytes key,
                         struct buf *out, struct why *why)
{
    return proof_make(out, s->dir->store, table, key, why);
}

const struct source_kind source_kind_dir = {.head = dir_head,
                                            .list = dir_list,
                                            .index = dir_index,
                                            .place = dir_place,
                                            .block = dir_block,
                                            .certificate = dir_certificate,
                                            .receipt = dir_receipt,
                                            .proof = dir_proof};
