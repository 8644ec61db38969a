#include "crypto/seal_node.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/seal_parts.h"
#include "crypto/shorthash.h"

enum {
    SALT_BYTES = SEAL_REPLY_NONCE_BYTES - (int)sizeof(uint64_t),
    REQUEST_HEADER_BYTES = SEAL_REQUEST_OVERHEAD_BYTES - SEAL_TAG_BYTES,
    SESSIONS_COUNT_LIMIT = 1 << 20
};
static const uint32_t NOBODY = UINT32_MAX;

struct session {
    uint8_t ephemeral[LINK_KEY_BYTES];
    struct seal_secret request_key, reply_key;
    uint32_t newer, older; /* by last use; NOBODY at the ends */
    uint32_t behind;       /* the next in its bucket, or NOBODY */
};

struct seal_node {
    struct seal_node_setup setup;
    uint8_t link_secret[LINK_KEY_BYTES], link_public[LINK_KEY_BYTES];
    struct shorthash_key hash_key; /* ephemerals are chosen by strangers */
    struct session *sessions;
    uint32_t *buckets;
    uint32_t buckets_mask, sessions_count, newest, oldest;
    uint64_t exchanges_count;
    /* A reply's nonce: unlike any other under any key, since the salt is this object's alone and
     * the number goes up. So no reply needs the system's generator, nor a session a counter. */
    uint8_t salt[SALT_BYTES];
    uint64_t replies_count;
};

struct seal_node *seal_node_new(const struct seal_node_setup *setup)
{
    CHECK(setup->sessions_count_max >= 1);
    CHECK(setup->sessions_count_max <= SESSIONS_COUNT_LIMIT);
    CHECK(setup->request_bytes_max < SIZE_MAX / 4);
    CHECK(setup->reply_bytes_max < SIZE_MAX / 4);
    struct seal_node *n = mem_alloc(sizeof *n);
    n->setup = *setup;
    n->setup.link_secret = NULL; /* borrowed until here */
    memcpy(n->link_secret, setup->link_secret, LINK_KEY_BYTES);
    link_public_of(n->link_public, n->link_secret);
    seal_fill(setup->random, setup->random_context, n->hash_key.bytes, sizeof n->hash_key.bytes);
    seal_fill(setup->random, setup->random_context, n->salt, sizeof n->salt);
    uint32_t buckets_count = 1;
    while (buckets_count < setup->sessions_count_max)
        buckets_count *= 2;
    n->buckets_mask = buckets_count - 1;
    n->buckets = mem_alloc(buckets_count * sizeof n->buckets[0]);
    for (uint32_t i = 0; i < buckets_count; i++)
        n->buckets[i] = NOBODY;
    n->sessions = mem_alloc(setup->sessions_count_max * sizeof n->sessions[0]);
    n->newest = n->oldest = NOBODY;
    return n;
}

void seal_node_free(struct seal_node *n)
{
    if (n == NULL)
        return;
    crypto_wipe(n->sessions, n->setup.sessions_count_max * sizeof n->sessions[0]);
    mem_free(n->sessions);
    mem_free(n->buckets);
    crypto_wipe(n, sizeof *n);
    mem_free(n);
}

/* ---- the table: buckets to find a session, a list by last use to forget one ---- */

static uint32_t *bucket_of(struct seal_node *n, const uint8_t *ephemeral)
{
    uint64_t hash = shorthash(&n->hash_key, 0, bytes_of(ephemeral, LINK_KEY_BYTES));
    return &n->buckets[hash & n->buckets_mask];
}

static uint32_t find(struct seal_node *n, const uint8_t *ephemeral)
{
    uint32_t at = *bucket_of(n, ephemeral);
    while (at != NOBODY && memcmp(n->sessions[at].ephemeral, ephemeral, LINK_KEY_BYTES) != 0)
        at = n->sessions[at].behind;
    return at;
}

static void leave_bucket(struct seal_node *n, uint32_t index)
{
    uint32_t *link = bucket_of(n, n->sessions[index].ephemeral);
    while (*link != index)
        link = &n->sessions[*link].behind;
    *link = n->sessions[index].behind;
}

static void leave_list(struct seal_node *n, uint32_t index)
{
    const struct session *s = &n->sessions[index];
    *(s->newer != NOBODY ? &n->sessions[s->newer].older : &n->newest) = s->older;
    *(s->older != NOBODY ? &n->sessions[s->older].newer : &n->oldest) = s->newer;
}

static void join_list(struct seal_node *n, uint32_t index)
{
    struct session *s = &n->sessions[index];
    s->newer = NOBODY;
    s->older = n->newest;
    *(s->older != NOBODY ? &n->sessions[s->older].newer : &n->oldest) = index;
    n->newest = index;
}

static void remember(struct seal_node *n, const struct session *fresh)
{
    uint32_t index = n->sessions_count;
    if (n->sessions_count < n->setup.sessions_count_max) {
        n->sessions_count++;
    } else {
        index = n->oldest;
        leave_list(n, index);
        leave_bucket(n, index);
    }
    struct session *s = &n->sessions[index];
    *s = *fresh; /* over the secrets of the one before */
    uint32_t *bucket = bucket_of(n, s->ephemeral);
    s->behind = *bucket;
    *bucket = index;
    join_list(n, index);
}

/* ---- requests and replies ---- */

struct request {
    struct bytes header, sealed;
    const uint8_t *ephemeral;
    uint64_t counter;
};

static bool read_request(struct request *out, const struct seal_node *n, struct bytes bytes)
{
    struct rd r = rd_of(bytes);
    uint8_t type = rd_u8(&r);
    out->ephemeral = rd_take(&r, LINK_KEY_BYTES).data;
    out->counter = rd_u64(&r);
    if (r.failed || type != SEAL_TYPE_REQUEST || out->counter == 0 || r.left < SEAL_TAG_BYTES ||
        r.left - SEAL_TAG_BYTES > n->setup.request_bytes_max)
        return false;
    out->header = bytes_of(bytes.data, REQUEST_HEADER_BYTES);
    out->sealed = rd_take(&r, r.left);
    return rd_done(&r);
}

static bool make_session(struct session *out, struct seal_node *n, const uint8_t *ephemeral)
{
    struct seal_secret product;
    n->exchanges_count++;
    if (!seal_exchange(&product, n->link_secret, ephemeral))
        return false;
    memcpy(out->ephemeral, ephemeral, LINK_KEY_BYTES);
    seal_client_keys(&out->request_key, &out->reply_key,
                     &(struct seal_client_exchange){.product = &product,
                                                    .chain_id = &n->setup.chain_id,
                                                    .ephemeral = ephemeral,
                                                    .node_public = n->link_public});
    crypto_wipe(&product, sizeof product);
    return true;
}

static bool open_request(struct seal_ticket *ticket, struct buf *opened, const struct session *s,
                         const struct request *request)
{
    if (!seal_open_sealed(opened, request->header, &s->request_key, request->counter,
                          request->sealed))
        return false;
    *ticket = (struct seal_ticket){.counter = request->counter, .reply_key = s->reply_key};
    memcpy(ticket->ephemeral, s->ephemeral, LINK_KEY_BYTES);
    return true;
}

enum seal_drop seal_node_take(struct seal_node *n, struct seal_ticket *ticket, struct buf *opened,
                              struct bytes bytes)
{
    buf_clear(opened);
    struct request request;
    if (!read_request(&request, n, bytes))
        return SEAL_DROP_MALFORMED;
    uint32_t known = find(n, request.ephemeral);
    if (known != NOBODY) {
        if (!open_request(ticket, opened, &n->sessions[known], &request))
            return SEAL_DROP_NOT_AUTHENTIC;
        leave_list(n, known);
        join_list(n, known);
        return SEAL_KEEP;
    }
    struct session fresh;
    if (!make_session(&fresh, n, request.ephemeral))
        return SEAL_DROP_WEAK_KEY;
    /* Nothing is remembered for who cannot seal (pitfalls H8). */
    bool is_open = open_request(ticket, opened, &fresh, &request);
    if (is_open)
        remember(n, &fresh);
    crypto_wipe(&fresh, sizeof fresh);
    return is_open ? SEAL_KEEP : SEAL_DROP_NOT_AUTHENTIC;
}

void seal_node_reply(struct seal_node *n, struct buf *out, const struct seal_ticket *ticket,
                     struct bytes message)
{
    CHECK(message.size <= n->setup.reply_bytes_max);
    uint8_t nonce[SEAL_REPLY_NONCE_BYTES];
    struct wr w = wr_of(nonce, sizeof nonce);
    wr_copy(&w, n->salt, sizeof n->salt);
    wr_u64(&w, ++n->replies_count);
    CHECK(wr_ok(&w));
    size_t header_at = out->size;
    buf_add_u8(out, SEAL_TYPE_REPLY);
    buf_add_u64(out, ticket->counter);
    buf_add(out, nonce, sizeof nonce);
    size_t header_bytes = out->size - header_at;
    uint8_t *at = buf_grow(out, message.size + SEAL_TAG_BYTES);
    CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(at, NULL, message.data, message.size,
                                                     out->data + header_at, header_bytes, NULL,
                                                     nonce, ticket->reply_key.bytes) == 0);
}

uint32_t seal_node_sessions_count(const struct seal_node *n)
{
    return n->sessions_count;
}

uint64_t seal_node_exchanges_count(const struct seal_node *n)
{
    return n->exchanges_count;
}
