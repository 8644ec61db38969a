#include "node/hansad/home.h"

#include <inttypes.h>
#include <string.h>

#include "node/driver/records.h"
#include "node/hansad/place.h"
#include "node/hansad/secret.h"

const struct genesis_member *home_member(const struct home *h)
{
    return &h->genesis.members[h->own_index];
}

const char *home_peer_address(const struct home *h)
{
    return h->config->peer_bind[0] != '\0' ? h->config->peer_bind : home_member(h)->peer_address;
}

const char *home_client_address(const struct home *h)
{
    return h->config->client_bind[0] != '\0' ? h->config->client_bind
                                             : home_member(h)->client_address;
}

/* What is wrong with the value of a setting: with where that was given. */
static enum rc within(const struct home *h, const char *field, enum rc rc, struct why *why)
{
    char place[CONFIG_PLACE_BYTES];
    return rc == RC_OK ? rc : why_within(why, rc, "%s", config_place(place, h->config, field));
}

/* ---- the store ---- */

static enum rc create_store(struct home *h, struct why *why)
{
    const struct store_identity identity = {.chain_id = h->genesis.chain_id,
                                            .replica_key = h->key.sign.public,
                                            .replica_index = h->own_index,
                                            .checkpoint_every_heights =
                                                h->genesis.parameters.checkpoint_every_heights};
    return store_create(h->kv, &identity, buf_bytes(&h->genesis.canonical), &h->genesis.initial,
                        why);
}

/* The store in h->kv; RC_NOT_A_STORE leaves h->store NULL. */
static enum rc open_store(struct home *h, struct why *why)
{
    const struct store_options options = {.care = TREE_TRUST, .may_have_wrong_state = true};
    enum rc rc = store_open(&h->store, h->kv, &options, why);
    if (rc == RC_OK)
        rc = store_expect(h->store, &h->genesis.chain_id, &h->key.sign.public, why);
    return rc;
}

static enum rc open_kv(struct home *h, bool is_read_only, bool create, struct why *why)
{
    const struct kv_lmdb_options options = {
        .map_bytes = h->config->map_bytes, .create = create, .read_only = is_read_only};
    enum rc rc = kv_lmdb_open(&h->kv, h->config->data, &options, why);
    /* RC_STORE_IO speaks of a commit whose outcome is unknown, and this process has made none. */
    return rc == RC_STORE_IO ? RC_FILE_IO : rc;
}

/* What is there already: h->store stays NULL when nothing is, and then h->kv may, too. */
static enum rc open_existing(struct home *h, bool is_read_only, struct why *why)
{
    enum rc rc = open_kv(h, is_read_only, false, why);
    if (rc == RC_NOT_A_STORE)
        return RC_OK;
    if (rc != RC_OK)
        return rc;
    rc = open_store(h, why);
    if (rc == RC_NOT_A_STORE)
        return RC_OK;
    return rc == RC_OK ? rc : why_within(why, rc, "store %s", h->config->data);
}

static enum rc make_store(struct home *h, struct why *why)
{
    enum rc rc = h->kv != NULL ? RC_OK : open_kv(h, false, true, why);
    if (rc != RC_OK)
        return rc;
    rc = create_store(h, why);
    if (rc == RC_OK)
        rc = open_store(h, why);
    return rc == RC_OK ? rc : why_within(why, rc, "store %s", h->config->data);
}

/* ---- rule 4.2 ---- */

/* Whether anything was ever agreed on this store. */
static enum rc find_used(bool *out, struct store *s, struct why *why)
{
    uint64_t records_count = 0;
    enum rc rc = kv_count(store_view(s), KV_VOTE, &records_count);
    *out = store_head(s)->height > 0 || records_count > 0;
    return rc == RC_OK ? rc : why_set(why, rc, "the table of votes cannot be read");
}

static enum rc judge_marker(struct home *h, bool has_marker, bool init, struct why *why)
{
    struct marker_case c = {.marker = has_marker ? &h->marker : NULL,
                            .init = init,
                            .chain_id = h->genesis.chain_id,
                            .key = h->key.sign.public,
                            .data_path = h->config->data,
                            .has_store = h->store != NULL};
    enum rc rc = RC_OK;
    if (h->store != NULL) {
        memcpy(c.store_id, store_identity(h->store)->store_id, STORE_ID_BYTES);
        rc = find_used(&c.is_used, h->store, why);
        if (rc == RC_OK)
            rc = records_load_reserved(store_view(h->store), &c.reserved, why);
    }
    if (rc != RC_OK)
        return within(h, "data", why_within(why, rc, "%s", h->config->data), why);
    switch (marker_judge(&c, &rc, why)) {
    case MARKER_FITS:
        return RC_OK;
    case MARKER_FIRST:
        h->is_first = true;
        return RC_OK;
    case MARKER_FENCED:
        h->is_fenced = true;
        h->fence_why = *why;
        return RC_OK;
    case MARKER_REFUSED:
        break;
    }
    return within(h, "key", why_within(why, rc, "%s", h->config->key), why);
}

static enum rc write_first_marker(struct home *h, struct why *why)
{
    h->marker = (struct marker){.chain_id = h->genesis.chain_id, .key = h->key.sign.public};
    memcpy(h->marker.store_id, store_identity(h->store)->store_id, STORE_ID_BYTES);
    return marker_write(h->marker_path, &h->marker, why);
}

/* Nothing is made for a key that may not start. A store that is missing is made anew only when that
 * is the key's first, or one that it never votes from. The marker comes after the store: a start
 * cut off in between is done again with --init. */
static enum rc open_judged(struct home *h, bool is_read_only, bool init, struct why *why)
{
    enum rc rc = marker_read(&h->marker, h->marker_path, why);
    bool has_marker = rc == RC_OK;
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return within(h, "key", rc, why);
    rc = place_judge(h->config->data, why);
    if (rc == RC_OK)
        rc = open_existing(h, is_read_only, why);
    if (rc != RC_OK)
        return within(h, "data", rc, why);
    rc = judge_marker(h, has_marker, init, why);
    if (rc == RC_OK && h->store == NULL && !is_read_only)
        rc = within(h, "data", make_store(h, why), why);
    if (rc == RC_OK && h->is_first && !is_read_only)
        rc = write_first_marker(h, why);
    return rc;
}

/* ---- all ---- */

/* Settings that only the chain's own parameters can judge. Inside the window proposals and votes
 * come by themselves: who took a state for being so little behind would take one after the other.
 */
static enum rc judge_settings(const struct home *h, struct why *why)
{
    uint64_t window = h->genesis.parameters.window_heights;
    if (h->config->snapshot_behind_heights >= window)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "snapshot_behind_heights: %" PRIu64 " is less than this chain's window_heights, "
                   "%" PRIu64 ": a node that is a little behind would take whole states",
                   h->config->snapshot_behind_heights, window);
}

static enum rc open_home(struct home *h, const struct config *config, bool is_read_only, bool init,
                         struct why *why)
{
    memset(h, 0, sizeof *h);
    h->config = config;
    enum rc rc = within(h, "genesis", genesis_read(&h->genesis, config->genesis, why), why);
    if (rc != RC_OK)
        return rc;
    rc = judge_settings(h, why);
    if (rc == RC_OK)
        rc = within(h, "key",
                    secret_open(&h->key, &h->own_index, config->key, config->passphrase_file,
                                &h->genesis, why),
                    why);
    if (rc == RC_OK)
        rc = within(h, "key", marker_path(h->marker_path, config->key, why), why);
    if (rc == RC_OK)
        rc = open_judged(h, is_read_only, init, why);
    if (rc != RC_OK)
        home_close(h);
    return rc;
}

enum rc home_open(struct home *out, const struct config *config, bool init, struct why *why)
{
    return open_home(out, config, false, init, why);
}

enum rc home_check(struct home *out, const struct config *config, bool init, struct why *why)
{
    return open_home(out, config, true, init, why);
}

enum rc home_reopen(struct home *h, struct why *why)
{
    store_close(h->store);
    h->store = NULL;
    h->is_first = h->is_fenced = false;
    enum rc rc = open_store(h, why);
    if (rc != RC_OK)
        return why_within(why, rc, "store %s", h->config->data);
    rc = marker_read(&h->marker, h->marker_path, why);
    return rc == RC_OK ? judge_marker(h, true, false, why) : rc;
}

void home_close(struct home *h)
{
    store_close(h->store);
    if (h->kv != NULL)
        kv_close(h->kv);
    key_close(&h->key);
    genesis_close(&h->genesis);
    memset(h, 0, sizeof *h);
}
