#include "tools/hansa/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/base/check.h"

/* ---- fields ---- */

static void set_new(json_t *object, const char *field, json_t *value)
{
    CHECK(value != NULL);
    CHECK(json_object_set_new(object, field, value) == 0);
}

void render_set_digest(json_t *object, const char *field, const struct digest *d)
{
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, d);
    set_new(object, field, json_string(hex));
}

void render_set_public_key(json_t *object, const char *field, const struct public_key *key)
{
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, key);
    set_new(object, field, json_string(hex));
}

void render_set_text(json_t *object, const char *field, struct bytes text)
{
    set_new(object, field, cli_json_text(text));
}

void render_set_number(json_t *object, const char *field, uint64_t value)
{
    set_new(object, field, cli_json_number(value));
}

void render_set_hex(json_t *object, const char *field, struct bytes from)
{
    char *hex = mem_alloc(2 * from.size + 1);
    hex_encode(hex, from.data, from.size);
    set_new(object, field, json_string(hex));
    mem_free(hex);
}

const char *render_time(char out[static RENDER_TIME_BYTES], uint64_t time_ms)
{
    out[0] = '\0';
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm date;
    if (gmtime_r(&seconds, &date) == NULL || date.tm_year + 1900 > 9999)
        return out;
    size_t used = strftime(out, RENDER_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &date);
    snprintf(out + used, RENDER_TIME_BYTES - used, ".%03uZ", (unsigned)(time_ms % 1000));
    return out;
}

/* ---- amounts ---- */

const char *render_amount(char out[static RENDER_AMOUNT_BYTES], uint64_t amount, struct bytes asset,
                          const struct genesis *g)
{
    const struct initial_asset *known = genesis_asset(g, asset);
    if (known == NULL) {
        snprintf(out, RENDER_AMOUNT_BYTES, "%" PRIu64 " minor units of %.*s", amount,
                 (int)asset.size, (const char *)asset.data);
        return out;
    }
    char text[AMOUNT_TEXT_BYTES];
    amount_format(text, amount, known->decimals);
    snprintf(out, RENDER_AMOUNT_BYTES, "%s %s", text, known->code);
    return out;
}

void render_amount_into(json_t *object, const char *field, uint64_t amount, struct bytes asset,
                        const struct genesis *g)
{
    const struct initial_asset *known = genesis_asset(g, asset);
    char text[AMOUNT_TEXT_BYTES];
    amount_format(text, amount, known != NULL ? known->decimals : 0);
    char name[48];
    snprintf(name, sizeof name, known != NULL ? "%s" : "%s_minor_units", field);
    set_new(object, name, json_string(text));
}

/* ---- headers and blocks ---- */

static const char *member_name(const struct genesis *g, uint32_t index)
{
    return index < g->members_count ? g->members[index].name : NULL;
}

json_t *render_header_json(const struct block_header *h, const struct digest *digest,
                           const struct genesis *g)
{
    json_t *out = json_object();
    render_set_number(out, "height", h->height);
    render_set_digest(out, "digest", digest);
    render_set_number(out, "epoch", h->epoch);
    render_set_digest(out, "parent", &h->parent);
    render_set_digest(out, "tx_root", &h->tx_root);
    render_set_number(out, "tx_count", h->tx_count);
    render_set_number(out, "body_bytes", h->body_bytes);
    render_set_number(out, "time_ms", h->time_ms);
    char time[RENDER_TIME_BYTES];
    if (render_time(time, h->time_ms)[0] != '\0')
        set_new(out, "time", json_string(time));
    render_set_number(out, "proposer", h->proposer);
    if (member_name(g, h->proposer) != NULL)
        set_new(out, "proposer_name", json_string(member_name(g, h->proposer)));
    return out;
}

void render_header_text(const struct block_header *h, const struct digest *digest,
                        const struct genesis *g)
{
    char hex[DIGEST_HEX_BYTES];
    char time[RENDER_TIME_BYTES];
    cli_line("height", "%" PRIu64, h->height);
    digest_to_hex(hex, digest);
    cli_line("block digest", "%s", hex);
    digest_to_hex(hex, &h->parent);
    cli_line("parent", "%s", hex);
    digest_to_hex(hex, &h->tx_root);
    cli_line("tx root", "%s", hex);
    cli_line("transactions", "%" PRIu32 " in %" PRIu32 " bytes", h->tx_count, h->body_bytes);
    cli_line("time", "%s (%" PRIu64 " ms)", render_time(time, h->time_ms), h->time_ms);
    const char *name = member_name(g, h->proposer);
    cli_line("proposer", "%u%s%s", (unsigned)h->proposer, name != NULL ? " " : "",
             name != NULL ? name : "");
}

json_t *render_block_json(const struct block *b, const struct genesis *g)
{
    json_t *out = render_header_json(&b->header, &b->digest, g);
    json_t *txs = json_array();
    struct rd r = rd_of(b->body);
    for (uint32_t i = 0; i < b->header.tx_count; i++) {
        struct bytes whole = block_next_tx(&r);
        struct tx tx;
        enum verdict v = tx_decode(&tx, whole, &b->header.chain_id);
        json_t *one =
            v == VERDICT_OK ? render_tx_json(&tx, g) : json_pack("{s:s}", "fault", verdict_word(v));
        if (v != VERDICT_OK)
            render_set_hex(one, "hex", whole);
        CHECK(json_array_append_new(txs, one) == 0);
    }
    set_new(out, "transactions", txs);
    return out;
}

/* ---- certificates ---- */

static const char *kind_word(enum cert_kind kind)
{
    switch (kind) {
    case CERT_PREPARE:
        return "prepare";
    case CERT_COMMIT:
        return "commit";
    case CERT_CHECKPOINT:
        return "checkpoint";
    }
    CHECK(!"a certificate that was decoded has a known kind");
    return "";
}

json_t *render_certificate_json(const struct certificate *c, const struct genesis *g)
{
    const struct statement *s = &c->statement;
    json_t *out = json_pack("{s:s}", "kind", kind_word(s->kind));
    render_set_number(out, "epoch", s->epoch);
    if (s->kind != CERT_CHECKPOINT)
        render_set_number(out, "view", s->view);
    render_set_number(out, "height", s->height);
    render_set_digest(out, "digest", &s->digest);
    if (s->kind == CERT_CHECKPOINT)
        render_set_digest(out, "state_root", &s->state_root);
    json_t *signers = json_array();
    for (uint32_t i = 0; i < c->entries_count; i++) {
        const struct cert_entry *entry = &c->entries[i];
        json_t *signer = json_object();
        render_set_number(signer, "member", entry->member_index);
        if (member_name(g, entry->member_index) != NULL)
            set_new(signer, "name", json_string(member_name(g, entry->member_index)));
        render_set_hex(signer, "signature", bytes_of(entry->signature.bytes, SIGNATURE_BYTES));
        CHECK(json_array_append_new(signers, signer) == 0);
    }
    set_new(out, "signers", signers);
    return out;
}

void render_certificate_text(const struct certificate *c, const struct genesis *g)
{
    const struct statement *s = &c->statement;
    char names[MEMBERS_MAX * (KEY_NAME_BYTES_MAX + 2) + 1] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < c->entries_count; i++) {
        const char *name = member_name(g, c->entries[i].member_index);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                                 name != NULL ? name : "?");
    }
    cli_line("certificate", "%s at height %" PRIu64 ", signed by %s", kind_word(s->kind), s->height,
             names);
}
