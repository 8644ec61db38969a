/* Two replicas, a and b, with keys of their own and nothing but what a test passes between them:
 * for the tests of crypto/seal_peer. Everything comes from seeds. */
#ifndef TESTS_UNIT_SEAL_PAIR_H
#define TESTS_UNIT_SEAL_PAIR_H

#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "crypto/crypto.h"
#include "crypto/seal_peer.h"

enum { PAIR_MESSAGE_BYTES_MAX = 300, PAIR_MEMBERS = 4 };

struct pair_keys {
    uint8_t link_secret[PAIR_MEMBERS][LINK_KEY_BYTES], link_public[PAIR_MEMBERS][LINK_KEY_BYTES];
    struct sign_key sign[PAIR_MEMBERS];
    struct digest chain_id;
};

static inline struct pair_keys pair_keys_of(uint64_t seed)
{
    struct pair_keys k;
    struct prng p = prng_of(seed);
    for (int i = 0; i < PAIR_MEMBERS; i++) {
        uint8_t sign_seed[SIGN_SEED_BYTES];
        prng_fill(&p, k.link_secret[i], LINK_KEY_BYTES);
        link_public_of(k.link_public[i], k.link_secret[i]);
        prng_fill(&p, sign_seed, sizeof sign_seed);
        sign_key_from_seed(&k.sign[i], sign_seed);
    }
    prng_fill(&p, k.chain_id.bytes, DIGEST_BYTES);
    return k;
}

static inline void pair_random(void *context, void *out, size_t size)
{
    prng_fill(context, out, size);
}

/* k and random are borrowed as long as the object made of it lives. */
static inline struct seal_peer_setup pair_setup(const struct pair_keys *k, struct prng *random,
                                                uint8_t me, uint8_t peer)
{
    return (struct seal_peer_setup){.me = me,
                                    .peer = peer,
                                    .version_least = 1,
                                    .version_most = 1,
                                    .message_bytes_max = PAIR_MESSAGE_BYTES_MAX,
                                    .chain_id = k->chain_id,
                                    .link_secret = k->link_secret[me],
                                    .peer_link_public = k->link_public[peer],
                                    .sign_key = &k->sign[me],
                                    .peer_key = k->sign[peer].public,
                                    .random = pair_random,
                                    .random_context = random};
}

static struct pair_keys keys;
static struct prng random_bytes;
static struct seal_peer a, b; /* members 0 and 1 */
static struct buf bytes, opened;
static struct seal_due due;

static inline int start(void **state)
{
    (void)state;
    assert_int_equal(crypto_start(NULL), RC_OK);
    keys = pair_keys_of(1);
    random_bytes = prng_of(2);
    struct seal_peer_setup setup = pair_setup(&keys, &random_bytes, 0, 1);
    seal_peer_init(&a, &setup);
    setup = pair_setup(&keys, &random_bytes, 1, 0);
    seal_peer_init(&b, &setup);
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    seal_peer_close(&a);
    seal_peer_close(&b);
    buf_free(&bytes);
    buf_free(&opened);
    return 0;
}

/* ---- what an owner of sockets does, one message at a time ---- */

static inline struct buf hello_of(const struct seal_peer *from)
{
    struct buf out = {0};
    seal_peer_hello(from, &out);
    return out;
}

static inline enum seal_drop take(struct seal_peer *at, const struct buf *what)
{
    return seal_peer_take(at, &due, &opened, buf_bytes(what));
}

static inline enum seal_drop pass_hello(struct seal_peer *from, struct seal_peer *to)
{
    buf_clear(&bytes);
    seal_peer_hello(from, &bytes);
    return take(to, &bytes);
}

static inline enum seal_drop pass_confirm(struct seal_peer *from, struct seal_peer *to)
{
    buf_clear(&bytes);
    assert_true(seal_peer_confirm(from, &bytes));
    assert_int_equal(bytes.size, SEAL_FRAME_OVERHEAD_BYTES);
    enum seal_drop drop = take(to, &bytes);
    assert_int_equal(opened.size, 0);
    return drop;
}

static inline struct buf sealed_by(struct seal_peer *from, const char *text)
{
    struct buf out = {0};
    assert_true(seal_peer_seal(from, &out, bytes_of_text(text)));
    return out;
}

static inline void pass_text(struct seal_peer *from, struct seal_peer *to, const char *text)
{
    struct buf frame = sealed_by(from, text);
    assert_int_equal(take(to, &frame), SEAL_KEEP);
    assert_true(bytes_equal(buf_bytes(&opened), bytes_of_text(text)));
    buf_free(&frame);
}

static inline void restart(struct seal_peer *at, uint8_t me, uint8_t peer)
{
    seal_peer_close(at);
    struct seal_peer_setup setup = pair_setup(&keys, &random_bytes, me, peer);
    seal_peer_init(at, &setup);
}

/* The exchange as it goes when nothing is lost and `from` begins. */
static inline void make_session(struct seal_peer *from, struct seal_peer *to)
{
    assert_int_equal(pass_hello(from, to), SEAL_KEEP);
    assert_true(due.hello && !due.confirm);
    assert_int_equal(pass_hello(to, from), SEAL_KEEP);
    assert_true(!due.hello && due.confirm);
    assert_int_equal(pass_confirm(from, to), SEAL_KEEP);
    assert_true(!due.hello && due.confirm && due.is_new);
    assert_int_equal(pass_confirm(to, from), SEAL_KEEP);
    assert_true(due.is_new);
    assert_true(seal_peer_is_live(&a) && seal_peer_is_live(&b));
    assert_true(seal_peer_session(&a) == seal_peer_session(&b));
    assert_false(seal_peer_wants_hello(&a) || seal_peer_wants_hello(&b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

#endif
