#include "tools/hansa/sign_warn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"

/* A thousand operations may be wrong in one way each; people read no more than these. */
enum { WARNINGS_MAX = 8, WARNING_BYTES = 320 };

struct warning {
    json_t *out;
    const struct ops_context *context;
};

#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).data

static void warn(struct warning *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void warn(struct warning *w, const char *format, ...)
{
    char text[WARNING_BYTES];
    size_t index;
    json_t *said;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (json_array_size(w->out) > WARNINGS_MAX)
        return;
    json_array_foreach(w->out, index, said)
    {
        if (strcmp(json_string_value(said), text) == 0)
            return;
    }
    bool is_full = json_array_size(w->out) == WARNINGS_MAX;
    CHECK(json_array_append_new(w->out, json_string(is_full ? "and more of this kind" : text)) ==
          0);
}

static const struct initial_participant *find_participant(const struct genesis *g,
                                                          struct bytes name)
{
    for (uint32_t i = 0; i < g->initial.participants_count; i++) {
        if (bytes_equal(bytes_of_text(g->initial.participants[i].name), name))
            return &g->initial.participants[i];
    }
    return NULL;
}

static bool has_key(const struct genesis *g, const struct public_key *key)
{
    for (uint32_t i = 0; i < g->initial.participants_count; i++) {
        const struct initial_participant *p = &g->initial.participants[i];
        for (uint32_t k = 0; k < p->keys_count; k++) {
            if (public_key_equal(&p->keys[k], key))
                return true;
        }
    }
    return false;
}

static void warn_from(struct warning *w, struct bytes account)
{
    struct bytes owner = account_participant(account);
    const char *signer = w->context->participant;
    if (!bytes_equal(owner, bytes_of_text(signer)))
        warn(w,
             "account %.*s belongs to participant %.*s and the key to %s: the ledger will refuse "
             "this",
             TEXT(account), TEXT(owner), signer);
}

static void warn_to(struct warning *w, struct bytes account)
{
    struct bytes owner = account_participant(account);
    if (find_participant(w->context->genesis, owner) == NULL)
        warn(w,
             "participant %.*s is not in the genesis file: the ledger will refuse this, unless it "
             "was added since",
             TEXT(owner));
}

static void warn_issuer(struct warning *w, struct bytes code)
{
    const struct initial_asset *asset = genesis_asset(w->context->genesis, code);
    const char *signer = w->context->participant;
    if (asset != NULL && strcmp(asset->issuer, signer) != 0)
        warn(
            w,
            "only %s issues and redeems %s, and the key belongs to %s: the ledger will refuse this",
            asset->issuer, asset->code, signer);
}

static void warn_op(struct warning *w, const struct op *op)
{
    switch (op->type) {
    case OP_TRANSFER:
        warn_from(w, op->transfer.from);
        warn_to(w, op->transfer.to);
        break;
    case OP_ISSUE:
        warn_issuer(w, op->issue.asset);
        warn_to(w, op->issue.to);
        break;
    case OP_REDEEM:
        warn_issuer(w, op->redeem.asset);
        warn_from(w, op->redeem.from);
        break;
    case OP_KEY_ADD:
        if (has_key(w->context->genesis, &op->key_add.key))
            warn(w, "the new key is in the genesis file already: the ledger will refuse this");
        break;
    case OP_RECORD:
    case OP_KEY_REVOKE:
    case OP_CANCEL:
    case OP_TYPE_END:
        break;
    }
}

json_t *sign_warnings(const struct op_list *list, const struct ops_context *context)
{
    struct warning w = {json_array(), context};
    CHECK(w.out != NULL);
    if (!has_key(context->genesis, context->signer))
        warn(&w, "the key is not in the genesis file: the ledger will refuse this, unless it was "
                 "added since (hansa sign key-add)");
    for (uint32_t i = 0; i < list->count; i++)
        warn_op(&w, &list->ops[i]);
    return w.out;
}
