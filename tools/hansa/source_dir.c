/* A data directory as a source: the store verifies what it reads (TREE_VERIFY). */
#include <inttypes.h>

#include "ledger/receipt.h"
#include "ledger/store_history.h"
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

/* What is not there may be in blocks that are not there yet (PROTOCOL.md 9.3). */
static enum rc judge_absence(struct source *s, enum rc rc, struct why *why)
{
    uint64_t from = store_history_from_height(s->dir->store);
    if (rc != RC_NOT_FOUND || from == 1)
        return rc;
    return why_set(why, RC_NOT_YET,
                   "it is not here; but history begins at height %" PRIu64
                   " in this directory, and it may be in a block below: start the node, and ask "
                   "again when it has fetched those",
                   from);
}

static enum rc dir_index(struct source *s, enum kv_table table, struct bytes key,
                         struct bytes *value, struct why *why)
{
    enum rc rc = store_get_index(s->dir->store, table, key, value, why);
    return table == KV_NAME ? rc : judge_absence(s, rc, why);
}

static enum rc dir_place(struct source *s, const struct digest *txid, struct place *out,
                         struct why *why)
{
    return judge_absence(s, store_get_place(s->dir->store, txid, out, why), why);
}

/* What the store lends stays until it is closed: it is never written here. */
static enum rc dir_block(struct source *s, uint64_t height, struct buf *room, struct block *out,
                         struct why *why)
{
    (void)room;
    enum rc rc = store_get_block(s->dir->store, height, out, why);
    bool is_away = rc == RC_NOT_FOUND && height > 0 && height <= store_head(s->dir->store)->height;
    return is_away ? judge_absence(s, rc, why) : rc;
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
    return judge_absence(s, receipt_make(out, s->dir->store, place, why), why);
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
