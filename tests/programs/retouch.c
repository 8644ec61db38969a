/* Change single entries of a stopped store, with right checksums: what a hostile operator could do.
 * For tests of what the tool says then. Not installed. */
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "ledger/kv.h"

static int usage(void)
{
    (void)fprintf(stderr, "usage: retouch DIR get TABLE KEY\n"
                          "       retouch DIR put TABLE KEY VALUE\n"
                          "       retouch DIR delete TABLE KEY\n"
                          "TABLE is a name of ledger/kv.h (\"cert\"); KEY and VALUE are in hex.\n");
    return 2;
}

static bool take_table(enum kv_table *out, const char *name)
{
    for (int table = 0; table < KV_TABLE_COUNT; table++) {
        *out = (enum kv_table)table;
        if (strcmp(kv_table_name(*out), name) == 0)
            return true;
    }
    return false;
}

static bool take_hex(struct buf *out, const char *text)
{
    size_t size = strlen(text) / 2;
    return hex_decode(buf_grow(out, size), size, text);
}

static enum rc print(struct kv *kv, enum kv_table table, struct bytes key, struct why *why)
{
    struct kv_view *view;
    struct bytes value;
    enum rc rc = kv_view_open(&view, kv, why);
    if (rc != RC_OK)
        return rc;
    rc = kv_get(view, table, key, &value);
    for (size_t i = 0; rc == RC_OK && i < value.size; i++)
        printf("%02x", value.data[i]);
    kv_view_close(view);
    return rc;
}

static enum rc change(struct kv *kv, enum kv_table table, struct bytes key,
                      const struct bytes *value, struct why *why)
{
    struct kv_batch *batch = kv_batch_new();
    if (value != NULL)
        kv_batch_put(batch, table, key, *value);
    else
        kv_batch_delete(batch, table, key);
    enum rc rc = kv_commit(kv, batch, why);
    kv_batch_free(batch);
    return rc;
}

static enum rc act(const char *path, const char *verb, enum kv_table table, struct bytes key,
                   struct bytes value, struct why *why)
{
    struct kv *kv;
    const struct kv_lmdb_options options = {0};
    enum rc rc = kv_lmdb_open(&kv, path, &options, why);
    if (rc != RC_OK)
        return rc;
    if (strcmp(verb, "get") == 0)
        rc = print(kv, table, key, why);
    else
        rc = change(kv, table, key, strcmp(verb, "put") == 0 ? &value : NULL, why);
    kv_close(kv);
    return rc;
}

int main(int argc, char **argv)
{
    enum kv_table table;
    struct buf key = {0}, value = {0};
    struct why why = {""};
    bool is_put = argc == 6 && strcmp(argv[2], "put") == 0;
    bool is_other = argc == 5 && (strcmp(argv[2], "get") == 0 || strcmp(argv[2], "delete") == 0);
    if ((!is_put && !is_other) || !take_table(&table, argv[3]) || !take_hex(&key, argv[4]) ||
        (is_put && !take_hex(&value, argv[5])))
        return usage();
    enum rc rc = crypto_start(&why);
    if (rc == RC_OK)
        rc = act(argv[1], argv[2], table, buf_bytes(&key), buf_bytes(&value), &why);
    buf_free(&key);
    buf_free(&value);
    if (rc == RC_OK)
        return 0;
    (void)fprintf(stderr, "retouch: %s\n", why.text[0] != '\0' ? why.text : rc_text(rc));
    return 1;
}
