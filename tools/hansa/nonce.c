#include "tools/hansa/nonce.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/state.h"
#include "tools/hansa/linear_read.h"

/* ---- what is told ---- */

/* Only what is committed counts: two transactions of one nonce cannot both commit, so whoever runs
 * a command again too early does not pay twice. */
static enum rc judge(uint64_t *next, const struct nonce_told *told, const char *who,
                     struct why *why)
{
    if (!told->is_known)
        return why_set(why, RC_REFUSED,
                       "%s: no participant has this key; a participant's other key can add it "
                       "(hansa key add)",
                       who);
    if (told->is_revoked)
        return why_set(why, RC_REFUSED, "%s: the key was revoked, for ever: use another", who);
    if (told->last == UINT64_MAX)
        return why_set(why, RC_REFUSED, "%s: the key has used all its nonces", who);
    *next = told->last + 1;
    return RC_OK;
}

/* False: it says what no state holds. */
static bool take(struct nonce_told *out, const struct proto_reply *reply)
{
    struct state_key key;
    out->is_known = reply->count > 0;
    if (!out->is_known)
        return true;
    if (reply->count != 1 || !state_key_decode(&key, reply->items[0]))
        return false;
    out->is_revoked = key.revoked;
    out->last = key.nonce;
    return true;
}

/* ---- by the word of few ---- */

static bool is_above(const struct nonce_told *a, const struct nonce_told *b)
{
    return a->is_known && (!b->is_known || a->last > b->last);
}

uint32_t nonce_of_few(struct nonce_told *told, uint32_t count, uint32_t faulty_max)
{
    CHECK(count > 0);
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t k = i; k > 0 && is_above(&told[k], &told[k - 1]); k--) {
            struct nonce_told lower = told[k - 1];
            told[k - 1] = told[k];
            told[k] = lower;
        }
    }
    return faulty_max < count ? faulty_max : count - 1;
}

/* The last reply of each member, of those that can be. */
static uint32_t list_told(struct nonce_told *told, const struct linear_read *r,
                          struct proto_reply *reply, bool with_learners)
{
    uint32_t count = 0;
    bool is_taken[MEMBERS_MAX] = {false};
    for (size_t i = r->replies_count; i > 0; i--) {
        const struct linear_reply *said = &r->replies[i - 1];
        uint32_t node = 0;
        if (is_taken[said->member] || said->fault != LINEAR_WHOLE ||
            (said->is_learner && !with_learners))
            continue;
        bool is_reply = proto_decode_reply(reply, buf_bytes(&r->answers.replies[said->answer]));
        CHECK(is_reply);
        while (r->nodes->items[node].member_index != said->member)
            node++;
        told[count] = (struct nonce_told){.node = node};
        if (!take(&told[count], reply))
            continue;
        is_taken[said->member] = true;
        count++;
    }
    return count;
}

static bool has_learners(const struct linear_read *r)
{
    bool has = false;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        has |= r->verdict.is_learner[i];
    return has;
}

/* Those whose word was left out. */
static void say_learners(struct nonce *out, const struct linear_read *r)
{
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        size_t used = strlen(out->words);
        if (r->verdict.is_learner[r->nodes->items[i].member_index])
            snprintf(out->words + used, sizeof out->words - used,
                     "; %s is a learner: its word does not count (hansa status shows who votes)",
                     nodes_member_name(r->nodes, i));
    }
}

static void say_whose_word(struct nonce *out, const struct linear_read *r,
                           const struct nonce_told *told, uint32_t count)
{
    uint32_t members_count = r->nodes->genesis->members_count;
    size_t used = (size_t)snprintf(out->words, sizeof out->words, "by the word of ");
    for (uint32_t i = 0; i < count && used < sizeof out->words; i++)
        used += (size_t)snprintf(out->words + used, sizeof out->words - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " and "
                                                  : ", ",
                                 nodes_member_name(r->nodes, told[i].node));
    if (used >= sizeof out->words)
        return;
    if (r->verdict.has_index)
        snprintf(out->words + used, sizeof out->words - used,
                 " alone: no %" PRIu32 " of those that are not behind agree",
                 faulty_max_of(members_count) + 1);
    else
        snprintf(out->words + used, sizeof out->words - used,
                 " alone: fewer than %" PRIu32 " nodes%s answer", quorum_of(members_count),
                 has_learners(r) ? " that vote" : "");
}

static enum rc choose_of_few(struct nonce *out, const struct linear_read *r, struct why *why)
{
    struct nonce_told told[MEMBERS_MAX];
    struct proto_reply *reply = mem_alloc(sizeof *reply);
    /* How far the ledger is learners do not tell (rule 4.2). Where others tell that theirs is a
     * word like any; and so where the others are f at most, who may all lie: what nobody else says
     * could be too high, and then the transaction takes effect when people have paid in another
     * way. */
    uint32_t faulty_max = faulty_max_of(r->nodes->genesis->members_count);
    uint32_t count = list_told(told, r, reply, r->verdict.has_index);
    bool is_part = count > faulty_max && !r->verdict.has_index;
    if (count <= faulty_max)
        count = list_told(told, r, reply, true);
    mem_free(reply);
    if (count == 0)
        return linear_say_silence(r, why);
    uint32_t chosen = nonce_of_few(told, count, faulty_max);
    say_whose_word(out, r, told, count);
    if (is_part)
        say_learners(out, r);
    return judge(&out->next, &told[chosen], out->words, why);
}

/* ---- asking ---- */

static enum rc choose(struct nonce *out, struct linear_read *r, struct nodes *n, struct why *why)
{
    struct nonce_told told = {.node = 0};
    enum rc rc = linear_read(r, n, 0, why);
    if (rc == RC_TIMEOUT)
        return choose_of_few(out, r, why);
    if (rc != RC_OK)
        return rc;
    out->is_agreed = true;
    if (!take(&told, &r->reply))
        return why_set(why, RC_STORE_DAMAGED, "the key's entry that the nodes agree on is damaged");
    return judge(&out->next, &told, "the nodes agree", why);
}

enum rc nonce_ask(struct nonce *out, struct nodes *n, const struct public_key *key, struct why *why)
{
    struct linear_read *r = mem_alloc(sizeof *r);
    *out = (struct nonce){.is_agreed = false};
    r->request.type = PROTO_READ;
    r->request.tables[0] = STATE_KEY;
    r->request.items[0] = bytes_of(key->bytes, PUBLIC_KEY_BYTES);
    r->request.count = 1;
    r->patience_ms = n->timeout_ms / 2;
    if (n->count < quorum_of(n->genesis->members_count) && r->patience_ms > NODES_PATIENCE_MS)
        r->patience_ms = NODES_PATIENCE_MS;
    enum rc rc = choose(out, r, n, why);
    linear_read_close(r);
    mem_free(r);
    return rc;
}
