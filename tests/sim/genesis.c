/* The genesis of a run, by way of its JSON form: the same path that a real one takes. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

static void print(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct buf *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CHECK(size >= 0 && (size_t)size < sizeof text);
    buf_add(out, text, (size_t)size);
}

static void seed_of(uint8_t out[static SIGN_SEED_BYTES], uint64_t seed, const char *what,
                    uint32_t index)
{
    char text[64];
    struct digest digest;
    int size = snprintf(text, sizeof text, "%" PRIu64 " %s %u", seed, what, index);
    CHECK(size > 0);
    digest_of(&digest, TAG_TEST, bytes_of(text, (size_t)size));
    memcpy(out, digest.bytes, SIGN_SEED_BYTES);
}

/* Link keys are no part of what is simulated, and one costs as much as a thousand events: they are
 * the same in every run. */
static const char *link_key_hex(uint32_t index)
{
    static char hex[SIM_NODES_MAX][2 * LINK_KEY_BYTES + 1];
    if (hex[index][0] == '\0') {
        uint8_t secret[SIGN_SEED_BYTES], public[LINK_KEY_BYTES];
        seed_of(secret, 0, "link", index);
        link_public_of(public, secret);
        hex_encode(hex[index], public, sizeof public);
    }
    return hex[index];
}

static void print_members(struct sim *s, struct buf *out)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        uint8_t seed[SIGN_SEED_BYTES];
        char hex[PUBLIC_KEY_HEX_BYTES];
        seed_of(seed, s->plan.seed, "member", i);
        sign_key_from_seed(&s->nodes[i].key, seed);
        public_key_to_hex(hex, &s->nodes[i].key.public);
        print(out,
              "%s{\"name\": \"m%u\", \"sign_key\": \"%s\", \"link_key\": \"%s\", "
              "\"peer\": \"127.0.0.1:%u\", \"client\": \"127.0.0.1:%u\"}",
              i > 0 ? ", " : "", i, hex, link_key_hex(i), 7100 + i, 7200 + i);
    }
}

static void print_parameters(const struct parameters *p, struct buf *out)
{
    const char *comma = "";
#define X(field, symbol, initial, least, most)                                                     \
    print(out, "%s\"" #field "\": %" PRIu64, comma, p->field);                                     \
    comma = ", ";
    PARAMETER_LIST(X)
#undef X
    CHECK(comma[0] != '\0');
}

void sim_genesis_make(struct sim *s)
{
    struct buf json = {0}, participants = {0}, balances = {0};
    const char *issuer = NULL;
    struct why why = {{0}};
    sim_clients_initial(s, &participants, &balances, &issuer);
    sim_byz_initial(s, &participants, &balances);
    print(&json, "{\"hansa_genesis\": 1, \"chain\": \"sim\", \"members\": [");
    print_members(s, &json);
    print(&json, "], \"participants\": [");
    buf_add_bytes(&json, buf_bytes(&participants));
    print(&json, "], \"assets\": [{\"code\": \"%s\", \"decimals\": %d, \"issuer\": \"%s\"}]",
          SIM_ASSET, SIM_ASSET_DECIMALS, issuer);
    print(&json, ", \"balances\": [");
    buf_add_bytes(&json, buf_bytes(&balances));
    print(&json, "], \"parameters\": {");
    print_parameters(&s->plan.parameters, &json);
    print(&json, "}}");
    enum rc rc = genesis_from_json(&s->genesis, buf_bytes(&json), &why);
    if (rc != RC_OK)
        sim_fail(s, UINT32_MAX, "the plan's genesis is good", "%s: %s", rc_name(rc), why.text);
    buf_free(&json);
    buf_free(&participants);
    buf_free(&balances);
}
