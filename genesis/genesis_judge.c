#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "genesis/genesis_parts.h"
#include "genesis/repeated.h"
#include "ledger/amount.h"

bool genesis_text_set(char *out, size_t bytes_max, struct bytes text)
{
    if (text.size > bytes_max)
        return false;
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
        return false;
    if (text.size > 0)
        memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

/* A text that was refused, fit for a terminal. */
enum { SHOWN_BYTES = ACCOUNT_BYTES_MAX + 1 }; /* no text of a genesis is longer */
_Static_assert((int)SHOWN_BYTES > (int)KEY_ADDRESS_BYTES_MAX, "an address is shown whole");
struct shown {
    char text[SHOWN_BYTES];
};

static struct shown show(const char *text)
{
    struct shown shown = {""};
    for (size_t i = 0; text[i] != '\0' && i + 1 < sizeof shown.text; i++)
        shown.text[i] = (char)(text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i]);
    return shown;
}

/* ---- orders: name and code come first in their structs, so one function serves them all ---- */

_Static_assert(offsetof(struct genesis_member, name) == 0, "compare_texts");
_Static_assert(offsetof(struct initial_participant, name) == 0, "compare_texts");
_Static_assert(offsetof(struct initial_asset, code) == 0, "compare_texts");

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int compare_balances(const void *a, const void *b)
{
    const struct initial_balance *left = a;
    const struct initial_balance *right = b;
    int order = strcmp(left->account, right->account);
    return order != 0 ? order : strcmp(left->asset, right->asset);
}

static void sort(void *items, size_t count, size_t item_bytes, compare_items *compare)
{
    if (count > 1)
        qsort(items, count, item_bytes, compare);
}

/* ---- members ---- */

static enum rc judge_sign_key(const struct public_key *key, const char *path, struct why *why)
{
    if (public_key_is_valid(key))
        return RC_OK;
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, key);
    return why_set(why, RC_INVALID, "%s: is no valid public key of Ed25519 (here: \"%s\")", path,
                   hex);
}

static enum rc judge_address(const char *address, uint32_t index, const char *field,
                             struct why *why)
{
    if (key_address_is_valid(bytes_of_text(address)))
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "members[%" PRIu32 "].%s: must be host:port with a port from 1 to 65535 "
                   "(here: \"%s\")",
                   index, field, show(address).text);
}

static enum rc judge_member(const struct genesis_member *m, uint32_t index, struct why *why)
{
    if (!key_name_is_valid(bytes_of_text(m->name)))
        return why_set(why, RC_INVALID,
                       "members[%" PRIu32 "].name: must be 1 to 32 of a-z, 0-9 and - "
                       "(here: \"%s\")",
                       index, show(m->name).text);
    char path[JSON_PATH_BYTES];
    snprintf(path, sizeof path, "members[%" PRIu32 "].sign_key", index);
    enum rc rc = judge_sign_key(&m->sign_key, path, why);
    if (rc != RC_OK)
        return rc;
    if (!link_public_is_valid(m->link_key))
        return why_set(why, RC_INVALID,
                       "members[%" PRIu32 "].link_key: not a usable X25519 public key", index);
    rc = judge_address(m->peer_address, index, "peer", why);
    return rc != RC_OK ? rc : judge_address(m->client_address, index, "client", why);
}

/* Host names know no upper and lower case, so two spellings of one address are one address. */
struct address_place {
    char folded[KEY_ADDRESS_BYTES_MAX + 1];
    uint32_t member_index;
    const char *field;
};

static struct address_place address_place(const char *address, uint32_t index, const char *field)
{
    struct address_place place = {.member_index = index, .field = field};
    for (size_t i = 0; address[i] != '\0'; i++) {
        bool is_upper = address[i] >= 'A' && address[i] <= 'Z';
        place.folded[i] = (char)(is_upper ? address[i] - 'A' + 'a' : address[i]);
    }
    return place;
}

static enum rc judge_addresses_differ(const struct genesis *g, struct why *why)
{
    struct address_place places[2 * MEMBERS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < g->members_count; i++) {
        places[count++] = address_place(g->members[i].peer_address, i, "peer");
        places[count++] = address_place(g->members[i].client_address, i, "client");
    }
    struct repeated twice = repeated_in(places, count, sizeof places[0], compare_texts);
    if (!twice.found)
        return RC_OK;
    const struct address_place *first = &places[twice.first];
    const struct address_place *second = &places[twice.second];
    return why_set(
        why, RC_INVALID,
        "members[%" PRIu32 "].%s: is the address of members[%" PRIu32 "].%s too (here: \"%s\")",
        second->member_index, second->field, first->member_index, first->field, second->folded);
}

static enum rc judge_members(const struct genesis *g, struct why *why)
{
    if (g->members_count < MEMBERS_MIN || g->members_count > MEMBERS_MAX)
        return why_set(why, RC_INVALID,
                       "members: must be %d to %d, so that one of them may fail (here: %" PRIu32
                       ")",
                       MEMBERS_MIN, MEMBERS_MAX, g->members_count);
    for (uint32_t i = 0; i < g->members_count; i++) {
        enum rc rc = judge_member(&g->members[i], i, why);
        if (rc != RC_OK)
            return rc;
    }
    struct repeated twice =
        repeated_in(g->members, g->members_count, sizeof g->members[0], compare_texts);
    if (twice.found)
        return why_set(why, RC_INVALID,
                       "members[%zu].name: is the name of members[%zu] too (here: \"%s\")",
                       twice.second, twice.first, g->members[twice.second].name);
    return judge_addresses_differ(g, why);
}

/* ---- participants ---- */

static enum rc judge_participant(const struct initial_participant *p, uint32_t index,
                                 struct why *why)
{
    if (!participant_is_valid(bytes_of_text(p->name)))
        return why_set(why, RC_INVALID,
                       "participants[%" PRIu32 "].name: must be 1 to 32 of a-z, 0-9 and - "
                       "(here: \"%s\")",
                       index, show(p->name).text);
    if (p->keys_count < 1 || p->keys_count > PARTICIPANT_KEYS_MAX)
        return why_set(why, RC_INVALID,
                       "participants[%" PRIu32 "].keys: must be 1 to %d (here: %" PRIu32 ")", index,
                       PARTICIPANT_KEYS_MAX, p->keys_count);
    for (uint32_t i = 0; i < p->keys_count; i++) {
        char path[JSON_PATH_BYTES];
        snprintf(path, sizeof path, "participants[%" PRIu32 "].keys[%" PRIu32 "]", index, i);
        enum rc rc = judge_sign_key(&p->keys[i], path, why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc judge_participants(const struct genesis *g, struct why *why)
{
    const struct initial_state *s = &g->initial;
    for (uint32_t i = 0; i < s->participants_count; i++) {
        enum rc rc = judge_participant(&s->participants[i], i, why);
        if (rc != RC_OK)
            return rc;
    }
    struct repeated twice = repeated_in(s->participants, s->participants_count,
                                        sizeof s->participants[0], compare_texts);
    if (!twice.found)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "participants[%zu].name: is the name of participants[%zu] too (here: \"%s\")",
                   twice.second, twice.first, s->participants[twice.second].name);
}

/* ---- assets ---- */

static bool participant_is_known(const struct initial_state *s, struct bytes name)
{
    char text[PARTICIPANT_BYTES_MAX + 1];
    if (!genesis_text_set(text, PARTICIPANT_BYTES_MAX, name) || s->participants_count == 0)
        return false;
    return bsearch(text, s->participants, s->participants_count, sizeof s->participants[0],
                   compare_texts) != NULL;
}

/* Requires: participants are ascending. */
static enum rc judge_assets(const struct initial_state *s, struct why *why)
{
    for (uint32_t i = 0; i < s->assets_count; i++) {
        const struct initial_asset *a = &s->assets[i];
        if (!asset_is_valid(bytes_of_text(a->code)))
            return why_set(why, RC_INVALID,
                           "assets[%" PRIu32 "].code: must be %d to %d of A-Z and 0-9 "
                           "(here: \"%s\")",
                           i, ASSET_BYTES_MIN, ASSET_BYTES_MAX, show(a->code).text);
        if (a->decimals > DECIMALS_MAX)
            return why_set(why, RC_INVALID,
                           "assets[%" PRIu32 "].decimals: must be 0 to %d (here: %u)", i,
                           DECIMALS_MAX, (unsigned)a->decimals);
        if (!participant_is_known(s, bytes_of_text(a->issuer)))
            return why_set(why, RC_INVALID,
                           "assets[%" PRIu32 "].issuer: is not among the participants "
                           "(here: \"%s\")",
                           i, show(a->issuer).text);
    }
    struct repeated twice =
        repeated_in(s->assets, s->assets_count, sizeof s->assets[0], compare_texts);
    if (!twice.found)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "assets[%zu].code: is the code of assets[%zu] too (here: \"%s\")", twice.second,
                   twice.first, s->assets[twice.second].code);
}

enum rc genesis_judge_head(struct genesis *g, struct why *why)
{
    struct initial_state *s = &g->initial;
    if (!key_name_is_valid(bytes_of_text(g->chain)))
        return why_set(why, RC_INVALID, "chain: must be 1 to 32 of a-z, 0-9 and - (here: \"%s\")",
                       show(g->chain).text);
    enum rc rc = judge_members(g, why);
    if (rc == RC_OK)
        rc = judge_participants(g, why);
    if (rc == RC_OK)
        rc = genesis_judge_keys_differ(g, why);
    if (rc != RC_OK)
        return rc;
    sort(s->participants, s->participants_count, sizeof s->participants[0], compare_texts);
    for (uint32_t i = 0; i < s->participants_count; i++)
        sort(s->participants[i].keys, s->participants[i].keys_count, sizeof(struct public_key),
             genesis_compare_keys);
    rc = judge_assets(s, why);
    if (rc != RC_OK)
        return rc;
    sort(s->assets, s->assets_count, sizeof s->assets[0], compare_texts);
    return genesis_judge_parameters(&g->parameters, why);
}

/* ---- balances ---- */

static enum rc judge_balance(const struct genesis *g, uint32_t index, uint64_t *supplies,
                             struct why *why)
{
    const struct initial_state *s = &g->initial;
    const struct initial_balance *b = &s->balances[index];
    struct bytes account = bytes_of_text(b->account);
    if (!account_is_valid(account))
        return why_set(why, RC_INVALID,
                       "balances[%" PRIu32 "].account: must be participant/sub, the sub 1 to %d of "
                       "A-Z, a-z, 0-9 and ._- (here: \"%s\")",
                       index, ACCOUNT_SUB_BYTES_MAX, show(b->account).text);
    if (!participant_is_known(s, account_participant(account)))
        return why_set(why, RC_INVALID,
                       "balances[%" PRIu32 "].account: its participant is not among the "
                       "participants (here: \"%s\")",
                       index, b->account);
    const struct initial_asset *asset = genesis_asset(g, bytes_of_text(b->asset));
    if (asset == NULL)
        return why_set(why, RC_INVALID,
                       "balances[%" PRIu32 "].asset: is not among the assets (here: \"%s\")", index,
                       show(b->asset).text);
    if (b->amount == 0)
        return why_set(why, RC_INVALID,
                       "balances[%" PRIu32 "].amount: must be more than 0: leave the balance out",
                       index);
    uint64_t *supply = &supplies[asset - s->assets];
    if (!amount_add(supply, *supply, b->amount))
        return why_set(why, RC_INVALID,
                       "balances[%" PRIu32 "].amount: with it the supply of %s is beyond 2^64-1 of "
                       "its smallest units",
                       index, b->asset);
    return RC_OK;
}

enum rc genesis_judge_balances(struct genesis *g, struct why *why)
{
    const struct initial_state *s = &g->initial;
    uint64_t supplies[INITIAL_ASSETS_MAX] = {0};
    for (uint32_t i = 0; i < s->balances_count; i++) {
        enum rc rc = judge_balance(g, i, supplies, why);
        if (rc != RC_OK)
            return rc;
    }
    struct repeated twice =
        repeated_in(s->balances, s->balances_count, sizeof s->balances[0], compare_balances);
    if (twice.found)
        return why_set(why, RC_INVALID,
                       "balances[%zu]: balances[%zu] is of the same account and asset "
                       "(here: \"%s\" and \"%s\")",
                       twice.second, twice.first, s->balances[twice.second].account,
                       s->balances[twice.second].asset);
    sort(s->balances, s->balances_count, sizeof s->balances[0], compare_balances);
    return RC_OK;
}
