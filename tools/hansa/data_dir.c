#include "tools/hansa/data_dir.h"

#include <stdio.h>
#include <string.h>

#include "ledger/name.h"
#include "tools/hansa/certified.h"
#include "tools/hansa/files.h"
#include "tools/hansa/nodes.h"

static enum rc read_genesis(struct data_dir *d, struct why *why)
{
    struct buf canonical = {0};
    enum rc rc = store_genesis(d->store, &canonical, why);
    if (rc == RC_OK) {
        rc = genesis_from_canonical(&d->genesis, buf_bytes(&canonical), why);
        if (rc != RC_OK)
            rc = why_within(why, RC_STORE_DAMAGED, "the genesis in the store");
    }
    buf_free(&canonical);
    if (rc != RC_OK)
        return rc;
    /* The chain id is the digest of the genesis: what was changed in it shows here. */
    rc = store_expect(d->store, &d->genesis.chain_id, NULL, why);
    if (rc != RC_OK) {
        genesis_close(&d->genesis);
        return why_within(why, RC_STORE_DAMAGED, "the genesis in the store is not its own");
    }
    return RC_OK;
}

static enum rc open_parts(struct data_dir *d, const char *path, bool as_recorded, struct why *why)
{
    const struct kv_lmdb_options kv_options = {.read_only = true};
    enum rc rc = kv_lmdb_open(&d->kv, path, &kv_options, why);
    if (rc != RC_OK)
        return rc;
    const struct store_options options = {.care = TREE_VERIFY, .as_recorded = as_recorded};
    rc = store_open(&d->store, d->kv, &options, why);
    if (rc != RC_OK) {
        kv_close(d->kv);
        return rc;
    }
    rc = read_genesis(d, why);
    if (rc != RC_OK) {
        store_close(d->store);
        kv_close(d->kv);
    }
    return rc;
}

static enum rc open_dir(struct data_dir *out, const char *path, bool as_recorded, struct why *why)
{
    memset(out, 0, sizeof *out);
    enum rc rc = open_parts(out, path, as_recorded, why);
    return rc == RC_OK ? rc : cli_why_path(why, rc, path);
}

enum rc data_dir_open(struct data_dir *out, const char *path, struct why *why)
{
    return open_dir(out, path, false, why);
}

void data_dir_close(struct data_dir *d)
{
    genesis_close(&d->genesis);
    store_close(d->store);
    kv_close(d->kv);
}

/* ---- for commands ---- */

static enum rc open_expecting(struct data_dir *out, const char *path, const char *genesis_path,
                              bool as_recorded, struct why *why)
{
    if (genesis_path == NULL)
        return open_dir(out, path, as_recorded, why);
    struct genesis given;
    enum rc rc = file_read_genesis(&given, genesis_path, why);
    if (rc != RC_OK)
        return rc;
    rc = open_dir(out, path, as_recorded, why);
    if (rc == RC_OK) {
        char quoted[CLI_QUOTE_BYTES];
        rc = store_expect(out->store, &given.chain_id, NULL, why);
        if (rc != RC_OK) {
            rc = why_within(why, rc, "%s", cli_quote(quoted, path));
            data_dir_close(out);
        }
    }
    genesis_close(&given);
    return rc;
}

enum rc data_dir_open_expecting(struct data_dir *out, const char *path, const char *genesis_path,
                                struct why *why)
{
    return open_expecting(out, path, genesis_path, false, why);
}

enum rc data_dir_open_for_audit(struct data_dir *out, const char *path, const char *genesis_path,
                                struct why *why)
{
    return open_expecting(out, path, genesis_path, true, why);
}

enum rc data_dir_open_asked(struct data_dir *out, const struct cli *c, struct why *why)
{
    const char *path = cli_value(c, "dir");
    enum rc rc = data_dir_open_expecting(out, path, cli_value(c, "genesis"), why);
    if (rc != RC_OK)
        return rc;
    rc = certified_state(&out->certified, out, why);
    if (rc == RC_OK)
        return RC_OK;
    data_dir_close(out);
    return cli_why_path(why, rc, path);
}

void data_dir_print_next(const struct cli *c, const char *words, const char *path)
{
    char quoted[CLI_QUOTE_BYTES], genesis[CLI_QUOTE_BYTES];
    const char *genesis_path = nodes_genesis_path(c);
    printf("next: whoever gets it checks it with %s\n  hansa %s %s --genesis %s\n",
           genesis_path != NULL ? "the genesis file" : "the chain's genesis file, FILE", words,
           cli_quote(quoted, path),
           genesis_path != NULL ? cli_quote(genesis, genesis_path) : "FILE");
}

/* ---- names ---- */

static enum rc ask_name(struct bytes *out, const char *text, bool (*is_valid)(struct bytes),
                        const char *form, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    *out = bytes_of_text(text);
    if (is_valid(*out))
        return RC_OK;
    return why_set(why, RC_INVALID, "%s %s", cli_quote(quoted, text), form);
}

enum rc ask_participant(struct bytes *out, const char *text, struct why *why)
{
    return ask_name(out, text, participant_is_valid,
                    "is no participant's name: those are 1 to 32 of a-z, 0-9 and -", why);
}

enum rc ask_account(struct bytes *out, const char *text, struct why *why)
{
    return ask_name(out, text, account_is_valid,
                    "is no account: those are participant/name, with a name of 1 to 40 of "
                    "A-Z, a-z, 0-9 and . _ -",
                    why);
}

enum rc ask_asset(struct bytes *out, const char *text, struct why *why)
{
    return ask_name(out, text, asset_is_valid,
                    "is no asset's code: those are 3 to 12 of A-Z and 0-9", why);
}
