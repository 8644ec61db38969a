/* Sealed sessions between replicas: what is dropped, why, and that nothing changes by it. */
#include "tests/unit/seal_pair.h"

/* Everything that b is, to compare with afterwards. */
static struct seal_peer before;

static void assert_dropped_by_b(struct bytes what, enum seal_drop why)
{
    memcpy(&before, &b, sizeof b);
    assert_int_equal(seal_peer_take(&b, &due, &opened, what), why);
    assert_int_equal(opened.size, 0);
    assert_false(due.confirm || due.is_new);
    assert_memory_equal(&before, &b, sizeof b);
}

/* Dropped, whatever the reason. */
static void assert_refused_by_b(struct bytes what)
{
    memcpy(&before, &b, sizeof b);
    assert_int_not_equal(seal_peer_take(&b, &due, &opened, what), SEAL_KEEP);
    assert_int_equal(opened.size, 0);
    assert_false(due.confirm || due.is_new);
    assert_memory_equal(&before, &b, sizeof b);
}

/* Every byte of it changed in three ways, cut at every length, and lengthened. */
static void assert_every_change_is_refused(const struct buf *good)
{
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    uint8_t bad[1024] = {0};
    assert_true(good->size + 64 <= sizeof bad);
    memcpy(bad, good->data, good->size);
    for (size_t i = 0; i < good->size; i++) {
        for (size_t j = 0; j < sizeof flips; j++) {
            bad[i] ^= flips[j];
            assert_refused_by_b(bytes_of(bad, good->size));
            bad[i] ^= flips[j];
        }
    }
    for (size_t size = 0; size < good->size;
         size++) { /* in a place of its own, for the sanitizer */
        uint8_t *cut = mem_alloc(size + (size == 0));
        memcpy(cut, good->data, size);
        assert_refused_by_b(bytes_of(cut, size));
        mem_free(cut);
    }
    for (size_t more = 1; more <= 64; more++)
        assert_refused_by_b(bytes_of(bad, good->size + more));
}

static struct seal_peer made_of(const struct seal_peer_setup *setup)
{
    struct seal_peer s;
    seal_peer_init(&s, setup);
    return s;
}

static void assert_hello_dropped(struct seal_peer *from, enum seal_drop why)
{
    struct buf hello = hello_of(from);
    assert_dropped_by_b(buf_bytes(&hello), why);
    buf_free(&hello);
    seal_peer_close(from);
}

/* A HELLO is whole or nothing: to one who knows nobody, and to one in a session. */
static void hello_changed_anywhere_is_dropped(void **state)
{
    (void)state;
    struct buf hello = hello_of(&a);
    assert_every_change_is_refused(&hello);
    assert_int_equal(take(&b, &hello), SEAL_KEEP);
    seal_peer_renew(&a);
    make_session(&a, &b);
    buf_free(&hello);
    seal_peer_renew(&a);
    hello = hello_of(&a);
    assert_every_change_is_refused(&hello);
    assert_int_equal(take(&b, &hello), SEAL_KEEP);
    buf_free(&hello);
}

/* A CONFIRM and a message are whole or nothing; the true one opens afterwards. */
static void frame_changed_anywhere_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    struct buf confirm = {0};
    assert_true(seal_peer_confirm(&a, &confirm));
    assert_every_change_is_refused(&confirm);
    assert_int_equal(take(&b, &confirm), SEAL_KEEP);
    assert_true(due.is_new);
    assert_int_equal(pass_confirm(&b, &a), SEAL_KEEP);
    struct buf frame = sealed_by(&a, "a message of some length, such as they are");
    assert_every_change_is_refused(&frame);
    assert_int_equal(take(&b, &frame), SEAL_KEEP);
    buf_free(&confirm);
    buf_free(&frame);
}

/* Another chain and another version are told apart from all else, with what was claimed, even when
 * the link keys differ too or a later HELLO is longer. */
static void other_chain_and_version_are_reported_with_the_claim(void **state)
{
    (void)state;
    struct pair_keys others = pair_keys_of(9);
    struct seal_peer_setup setup = pair_setup(&keys, &random_bytes, 0, 1);
    struct seal_claim claim;
    setup.chain_id = others.chain_id;
    struct seal_peer s = made_of(&setup);
    struct buf hello = hello_of(&s);
    assert_true(seal_claim_of(&claim, buf_bytes(&hello)));
    assert_true(digest_equal(&claim.chain_id, &others.chain_id));
    buf_free(&hello);
    assert_hello_dropped(&s, SEAL_DROP_OTHER_CHAIN);
    setup = pair_setup(&others, &random_bytes, 0, 1);
    s = made_of(&setup);
    assert_hello_dropped(&s, SEAL_DROP_OTHER_CHAIN);

    setup = pair_setup(&keys, &random_bytes, 0, 1);
    setup.version_least = 2, setup.version_most = 3;
    s = made_of(&setup);
    hello = hello_of(&s);
    assert_true(seal_claim_of(&claim, buf_bytes(&hello)));
    assert_int_equal(claim.version_least, 2);
    assert_int_equal(claim.version_most, 3);
    assert_int_equal(claim.from, 0);
    assert_int_equal(claim.to, 1);
    buf_add_u64(&hello, 0);
    assert_dropped_by_b(buf_bytes(&hello), SEAL_DROP_OTHER_VERSION);
    buf_free(&hello);
    assert_hello_dropped(&s, SEAL_DROP_OTHER_VERSION);
    setup.version_least = setup.version_most = 0; /* below, as well as above */
    s = made_of(&setup);
    assert_hello_dropped(&s, SEAL_DROP_OTHER_VERSION);
}

/* A HELLO for another pair, and one's own come back. */
static void hello_of_another_pair_is_dropped(void **state)
{
    (void)state;
    struct seal_peer_setup setup = pair_setup(&keys, &random_bytes, 2, 1);
    struct seal_peer s = made_of(&setup);
    assert_hello_dropped(&s, SEAL_DROP_OTHER_SENDER);
    setup = pair_setup(&keys, &random_bytes, 0, 2);
    s = made_of(&setup);
    assert_hello_dropped(&s, SEAL_DROP_OTHER_RECEIVER);
    struct buf own = hello_of(&b);
    assert_dropped_by_b(buf_bytes(&own), SEAL_DROP_OTHER_SENDER);
    buf_free(&own);
}

/* It takes both keys: a stranger's link key is found out by the MAC, whatever the signature is; the
 * right link key with another signing key by the signature. */
static void hello_without_both_keys_is_dropped(void **state)
{
    (void)state;
    struct seal_peer_setup setup = pair_setup(&keys, &random_bytes, 0, 1);
    setup.link_secret = keys.link_secret[2];
    struct seal_peer s = made_of(&setup);
    assert_hello_dropped(&s, SEAL_DROP_BAD_MAC);
    setup.sign_key = &keys.sign[2];
    s = made_of(&setup);
    assert_hello_dropped(&s, SEAL_DROP_BAD_MAC);
    setup.link_secret = keys.link_secret[0];
    s = made_of(&setup);
    assert_hello_dropped(&s, SEAL_DROP_BAD_SIGNATURE);
}

/* A peer that names an ephemeral of small order, or one in a second spelling. */
static void hello_with_a_weak_ephemeral_is_dropped(void **state)
{
    (void)state;
    struct seal_peer_setup setup = pair_setup(&keys, &random_bytes, 0, 1);
    for (int kind = 0; kind < 6; kind++) {
        struct seal_peer s = made_of(&setup);
        if (kind < 2) {
            memset(s.mine, 0, sizeof s.mine);
            s.mine[0] = (uint8_t)kind;
        } else if (kind < 5) { /* p - 1, p, p + 9 (the base point) */
            static const uint8_t lows[] = {0xec, 0xed, 0xf6};
            memset(s.mine, 0xff, sizeof s.mine);
            s.mine[0] = lows[kind - 2];
            s.mine[31] = 0x7f;
        } else {
            s.mine[31] |= 0x80;
        }
        assert_false(link_public_is_valid(s.mine));
        assert_hello_dropped(&s, SEAL_DROP_WEAK_KEY);
    }
}

/* Bytes of no type of ours, of the wrong size, and a message above the maximum. */
static void malformed_bytes_are_dropped(void **state)
{
    (void)state;
    make_session(&a, &b);
    assert_dropped_by_b(bytes_of(NULL, 0), SEAL_DROP_MALFORMED);
    for (int type = 0; type < 256; type++) {
        uint8_t some[SEAL_HELLO_BYTES] = {(uint8_t)type};
        bool is_known = type == SEAL_TYPE_HELLO || type == SEAL_TYPE_FRAME;
        if (!is_known)
            assert_dropped_by_b(bytes_of(some, sizeof some), SEAL_DROP_MALFORMED);
    }
    struct buf hello = hello_of(&a);
    for (size_t size = 1; size < SEAL_HELLO_BYTES; size++)
        assert_dropped_by_b(bytes_of(hello.data, size), SEAL_DROP_MALFORMED);
    buf_add_u8(&hello, 0);
    assert_dropped_by_b(buf_bytes(&hello), SEAL_DROP_MALFORMED);
    hello.data[36] = 1; /* version_least above version_most */
    assert_dropped_by_b(bytes_of(hello.data, SEAL_HELLO_BYTES), SEAL_DROP_MALFORMED);
    buf_free(&hello);

    uint8_t message[PAIR_MESSAGE_BYTES_MAX + 1] = {0};
    a.setup.message_bytes_max++;
    struct buf frame = {0};
    assert_true(seal_peer_seal(&a, &frame, bytes_of(message, sizeof message)));
    assert_dropped_by_b(buf_bytes(&frame), SEAL_DROP_MALFORMED);
    assert_dropped_by_b(bytes_of(frame.data, SEAL_FRAME_OVERHEAD_BYTES - 1), SEAL_DROP_MALFORMED);
    buf_clear(&frame);
    assert_true(seal_peer_seal(&a, &frame, bytes_of(message, sizeof message - 1)));
    assert_int_equal(take(&b, &frame), SEAL_KEEP);
    buf_free(&frame);
}

/* Counters only rise: gaps are losses, the rest replays; the highest counter there is ends it. */
static void replayed_frame_is_dropped(void **state)
{
    (void)state;
    make_session(&a, &b);
    struct buf frames[6];
    for (int i = 0; i < 6; i++)
        frames[i] = sealed_by(&a, "in order");
    static const struct {
        int index;
        bool is_new;
    } order[] = {{0, true},  {0, false}, {3, true},  {1, false}, {2, false},
                 {3, false}, {4, true},  {0, false}, {5, true},  {4, false}};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const struct buf *frame = &frames[order[i].index];
        if (order[i].is_new)
            assert_int_equal(take(&b, frame), SEAL_KEEP);
        else
            assert_dropped_by_b(buf_bytes(frame), SEAL_DROP_REPLAYED);
    }
    for (int i = 0; i < 6; i++)
        buf_free(&frames[i]);
    a.sealed_counter = UINT64_MAX - 1;
    struct buf last = sealed_by(&a, "the last");
    assert_int_equal(take(&b, &last), SEAL_KEEP);
    assert_dropped_by_b(buf_bytes(&last), SEAL_DROP_REPLAYED);
    struct buf wrapped = sealed_by(&a, "counter 0"), one = sealed_by(&a, "counter 1");
    assert_dropped_by_b(buf_bytes(&wrapped), SEAL_DROP_REPLAYED);
    assert_dropped_by_b(buf_bytes(&one), SEAL_DROP_REPLAYED);
    buf_free(&last);
    buf_free(&wrapped);
    buf_free(&one);
}

/* What b sealed does not open at b, message or CONFIRM: directions have keys of their own. */
static void own_frame_come_back_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(pass_hello(&b, &a), SEAL_KEEP);
    assert_int_equal(pass_hello(&a, &b), SEAL_KEEP);
    struct buf confirm = {0};
    assert_true(seal_peer_confirm(&b, &confirm));
    assert_dropped_by_b(buf_bytes(&confirm), SEAL_DROP_NOT_AUTHENTIC);
    assert_int_equal(take(&a, &confirm), SEAL_KEEP);
    assert_int_equal(pass_confirm(&a, &b), SEAL_KEEP);
    struct buf frame = sealed_by(&b, "mine");
    for (int i = 0; i < 8; i++) { /* above whatever counter b has opened */
        buf_free(&frame);
        frame = sealed_by(&b, "mine");
    }
    assert_dropped_by_b(buf_bytes(&frame), SEAL_DROP_NOT_AUTHENTIC);
    assert_int_equal(take(&a, &frame), SEAL_KEEP);
    buf_free(&confirm);
    buf_free(&frame);
}

/* A frame of another pair, chain or session is not held here; renamed, it does not open. */
static void frame_of_another_session_is_dropped(void **state)
{
    (void)state;
    make_session(&a, &b);
    struct buf earlier = sealed_by(&a, "of the session before");
    restart(&a, 0, 1);
    restart(&b, 1, 0);
    make_session(&a, &b);
    struct seal_peer old_a = a, old_b = b;
    struct buf strange[3] = {earlier};
    for (int i = 1; i < 3; i++) {
        struct pair_keys world = keys;
        uint8_t peer = i == 1 ? 2 : 1; /* member 2 in the place of member 1; or another chain */
        world.chain_id.bytes[31] ^= (uint8_t)(i == 2);
        struct prng same = prng_of(77);
        struct seal_peer_setup setup = pair_setup(&world, &same, 0, peer);
        seal_peer_init(&a, &setup);
        setup = pair_setup(&world, &same, peer, 0);
        seal_peer_init(&b, &setup);
        make_session(&a, &b);
        strange[i] = sealed_by(&a, "of strangers");
    }
    a = old_a;
    b = old_b;
    struct buf good = sealed_by(&a, "good");
    for (int i = 0; i < 3; i++) {
        assert_dropped_by_b(buf_bytes(&strange[i]), SEAL_DROP_OTHER_SESSION);
        memcpy(strange[i].data + 1, good.data + 1, 16); /* session and counter */
        assert_dropped_by_b(buf_bytes(&strange[i]), SEAL_DROP_NOT_AUTHENTIC);
        buf_free(&strange[i]);
    }
    assert_int_equal(take(&b, &good), SEAL_KEEP);
    buf_free(&good);
}

/* Same keys, same ephemerals, another chain: another session all the same. */
static void chain_is_part_of_the_keys(void **state)
{
    (void)state;
    uint64_t sessions[2];
    for (int i = 0; i < 2; i++) {
        struct pair_keys world = keys;
        world.chain_id.bytes[0] ^= (uint8_t)i;
        struct prng same = prng_of(77);
        struct seal_peer_setup setup = pair_setup(&world, &same, 0, 1);
        seal_peer_init(&a, &setup);
        setup = pair_setup(&world, &same, 1, 0);
        seal_peer_init(&b, &setup);
        make_session(&a, &b);
        sessions[i] = seal_peer_session(&a);
    }
    assert_true(sessions[0] != sessions[1]);
}

/* Any bytes may come: noise, and good messages with noise in them. */
static void noise_is_dropped(void **state)
{
    (void)state;
    make_session(&a, &b);
    struct buf good[2] = {hello_of(&a), sealed_by(&a, "a message")};
    struct prng p = prng_of(6);
    uint8_t noise[400];
    for (int i = 0; i < 20000; i++) {
        size_t size = prng_below(&p, sizeof noise + 1);
        prng_fill(&p, noise, size);
        if (i % 2 == 0 && size > 0)
            noise[0] = (uint8_t)(1 + prng_below(&p, 2));
        if (i % 4 == 0) {
            const struct buf *whole = &good[prng_below(&p, 2)];
            size_t kept = prng_below(&p, whole->size);
            memcpy(noise, whole->data, kept < size ? kept : size);
        }
        assert_refused_by_b(bytes_of(noise, size));
        assert_false(due.hello); /* b is live: strangers have it send nothing */
    }
    buf_free(&good[0]);
    buf_free(&good[1]);
}

/* Who looks for the pair that bytes are for gets an answer for HELLOs and frames only. */
static void claim_and_session_are_of_their_types_only(void **state)
{
    (void)state;
    make_session(&a, &b);
    struct buf hello = hello_of(&a), frame = sealed_by(&a, "message");
    struct seal_claim claim;
    uint64_t session;
    assert_true(seal_claim_of(&claim, buf_bytes(&hello)));
    assert_false(seal_claim_of(&claim, bytes_of(hello.data, SEAL_CLAIM_BYTES - 1)));
    assert_true(seal_claim_of(&claim, bytes_of(hello.data, SEAL_CLAIM_BYTES)));
    assert_false(seal_session_of(&session, buf_bytes(&hello)));
    assert_true(seal_session_of(&session, buf_bytes(&frame)));
    assert_true(session == seal_peer_session(&b));
    assert_true(seal_peer_holds(&b, session));
    assert_false(seal_peer_holds(&b, session + 1));
    assert_false(seal_peer_holds(&b, 0)); /* what an empty place would be named */
    assert_false(seal_session_of(&session, bytes_of(frame.data, SEAL_FRAME_OVERHEAD_BYTES - 1)));
    assert_false(seal_claim_of(&claim, buf_bytes(&frame)));
    assert_false(seal_claim_of(&claim, bytes_of(NULL, 0)));
    buf_free(&hello);
    buf_free(&frame);
}

/* Each reason has a word of its own. */
static void drop_words_are_distinct(void **state)
{
    (void)state;
    for (int i = 0; i < SEAL_DROP_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(seal_drop_word((enum seal_drop)i),
                                    seal_drop_word((enum seal_drop)j));
    assert_string_equal(seal_drop_word(SEAL_KEEP), "keep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_changed_anywhere_is_dropped),
        TEST(frame_changed_anywhere_is_dropped),
        TEST(other_chain_and_version_are_reported_with_the_claim),
        TEST(hello_of_another_pair_is_dropped),
        TEST(hello_without_both_keys_is_dropped),
        TEST(hello_with_a_weak_ephemeral_is_dropped),
        TEST(malformed_bytes_are_dropped),
        TEST(replayed_frame_is_dropped),
        TEST(own_frame_come_back_is_dropped),
        TEST(frame_of_another_session_is_dropped),
        TEST(chain_is_part_of_the_keys),
        TEST(noise_is_dropped),
        TEST(claim_and_session_are_of_their_types_only),
        TEST(drop_words_are_distinct),
    };
    return cmocka_run_group_tests_name("seal_drops", tests, NULL, NULL);
}
