#include "tools/hansa/holdings.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"

struct reading {
    struct holdings *out;
    struct layer *layer;
    struct bytes asset; /* empty = all */
};

static struct holding *add(struct holdings *h)
{
    if (h->count == h->room) {
        h->room = h->room == 0 ? 16 : 2 * h->room;
        h->items = mem_resize(h->items, h->room * sizeof *h->items);
    }
    struct holding *item = &h->items[h->count++];
    memset(item, 0, sizeof *item);
    return item;
}

bool holdings_take(struct holdings *h, struct bytes key, struct bytes value)
{
    struct bytes account, asset;
    struct state_balance balance;
    if (!state_balance_key_split(key, &account, &asset) || account.size > ACCOUNT_BYTES_MAX ||
        asset.size > ASSET_BYTES_MAX || !account_is_valid(account) || !asset_is_valid(asset) ||
        !state_balance_decode(&balance, value))
        return false;
    struct holding *item = add(h);
    memcpy(item->account, account.data, account.size);
    memcpy(item->asset, asset.data, asset.size);
    item->balance = balance;
    return true;
}

/* A name that the index lists is in the tree, or the store is damaged. */
static enum rc visit(void *context, struct bytes key)
{
    struct reading *r = context;
    struct bytes account, asset;
    if (!state_balance_key_split(key, &account, &asset) || account.size > ACCOUNT_BYTES_MAX ||
        asset.size > ASSET_BYTES_MAX)
        return RC_STORE_DAMAGED;
    if (r->asset.size > 0 && !bytes_equal(asset, r->asset))
        return RC_OK;
    struct holding *item = add(r->out);
    memcpy(item->account, account.data, account.size);
    memcpy(item->asset, asset.data, asset.size);
    bool is_there = state_get_balance(r->layer, account, asset, &item->balance);
    if (layer_rc(r->layer) != RC_OK)
        return layer_rc(r->layer);
    return is_there ? RC_OK : RC_STORE_DAMAGED;
}

enum rc holdings_read(struct holdings *out, struct source *s, struct bytes who, struct bytes asset,
                      struct why *why)
{
    uint8_t room[ACCOUNT_BYTES_MAX + 1];
    struct reading r = {.out = out, .layer = s->layer, .asset = asset};
    bool is_account = memchr(who.data, '/', who.size) != NULL;
    CHECK(who.size <= ACCOUNT_BYTES_MAX);
    memset(out, 0, sizeof *out);
    struct wr prefix = wr_of(room, sizeof room);
    wr_bytes(&prefix, who);
    wr_u8(&prefix, is_account ? 0 : '/');
    return source_list(s, STATE_BALANCE, wr_bytes_of(&prefix), visit, &r, why);
}

void holdings_close(struct holdings *h)
{
    mem_free(h->items);
}

enum rc holdings_participant(struct state_participant *out, struct source *s, struct bytes name,
                             struct why *why)
{
    bool is_there = state_get_participant(s->layer, name, out);
    enum rc rc = source_state_rc(s, "the participant's entry", why);
    if (rc != RC_OK)
        return rc;
    if (is_there)
        return RC_OK;
    return why_set(why, RC_NOT_FOUND,
                   "there is no participant '%.*s' up to height %" PRIu64
                   " (hansa participants lists them)",
                   (int)name.size, (const char *)name.data, source_height(s));
}
