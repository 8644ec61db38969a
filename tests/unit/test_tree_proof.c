/* Proofs of the state tree: they hold for what is so, and for nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "ledger/tree_node.h"
#include "tests/help/tree_world.h"

enum { FLIPPED_ENTRIES = 24 };

/* Judge a proof for (STATE_BALANCE, key) and hold the answer, if there is one, against the model.
 */
static enum rc verify_against(const struct digest *root, const struct model *m, uint8_t table,
                              struct bytes key, struct bytes proof)
{
    bool present;
    struct bytes value;
    enum rc rc = tree_proof_verify(root, table, key, proof, &present, &value);
    if (rc != RC_OK) {
        assert_true(rc == RC_MALFORMED || rc == RC_PROOF);
        assert_false(present);
        assert_int_equal(value.size, 0);
        return rc;
    }
    const struct model_entry *e = model_find(m, table, key);
    assert_int_equal(present, e != NULL);
    assert_true(bytes_equal(value, e != NULL ? entry_value(e) : bytes_of(NULL, 0)));
    return RC_OK;
}

static struct buf prove(struct world *w, const char *key)
{
    struct buf proof = {0};
    assert_int_equal(tree_prove(&proof, w->view, &w->ref, STATE_BALANCE, bytes_of_text(key)),
                     RC_OK);
    assert_true(proof.size <= TREE_PROOF_BYTES_MAX);
    return proof;
}

static enum rc verify(struct world *w, const char *key, struct bytes proof)
{
    return verify_against(&w->ref.root, &w->model, STATE_BALANCE, bytes_of_text(key), proof);
}

static struct digest hash_of(const char *key)
{
    struct digest hash;
    tree_key_hash(&hash, STATE_BALANCE, bytes_of_text(key));
    return hash;
}

/* The offset of the end byte in an honest proof for key. */
static size_t end_at(const char *key, struct bytes proof)
{
    struct digest path = hash_of(key);
    size_t at = 1;
    for (unsigned i = 0; i < proof.data[0]; i++) {
        unsigned children = proof.data[at] | (unsigned)proof.data[at + 1] << 8;
        unsigned others = children & ~(1u << tree_nibble(&path, i));
        at += 2 + DIGEST_BYTES * (size_t)__builtin_popcount(others);
    }
    return at;
}

/* In trees of all sizes, every key has a proof that holds, present or absent. */
static void proof_of_any_key_holds(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 16, 150, 1000};
    struct prng p = prng_of(1);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct world w;
        tree_world_open(&w);
        tree_world_update_random(&w, 2, &p, sizes[s] + 1, sizes[s]);
        for (size_t i = 0; i < sizes[s] + 100; i++) {
            char key[32];
            snprintf(key, sizeof key, "key-%zu", i);
            struct buf proof = prove(&w, key);
            assert_int_equal(verify(&w, key, buf_bytes(&proof)), RC_OK);
            buf_free(&proof);
        }
        tree_world_close(&w);
    }
}

/* Keys that are absent because nothing or another entry is there, and keys present: a proof of each
 * kind is offered for other keys, another table and another root, and never says what is not so. */
static void proof_offered_for_something_else_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(2);
    struct world w;
    unsigned ends[3] = {0}, held = 0;
    tree_world_open(&w);
    tree_world_update_random(&w, 2, &p, 60, 60);
    struct digest other_root = w.ref.root;
    tree_world_update_random(&w, 3, &p, 60, 60); /* every entry changes, so no proof outlives it */
    for (unsigned i = 0; i < 120; i++) {
        char key[32], other[32];
        snprintf(key, sizeof key, "key-%u", i);
        struct buf proof = prove(&w, key);
        struct bytes bytes = buf_bytes(&proof);
        uint8_t end = proof.data[end_at(key, bytes)];
        assert_true(end <= TREE_END_OTHER);
        ends[end]++;
        for (unsigned j = 0; j < 120; j++) {
            snprintf(other, sizeof other, "key-%u", j);
            bool holds = verify(&w, other, bytes) == RC_OK;
            assert_true(i != j || holds);
            assert_false(i != j && holds && end == TREE_END_PRESENT);
            held += i != j && holds; /* one empty slot proves all absent keys that lead there */
        }
        struct model none = {0};
        enum rc rc = verify_against(&w.ref.root, &none, STATE_ASSET, bytes_of_text(key), bytes);
        assert_true(rc != RC_OK || end != TREE_END_PRESENT);
        assert_int_not_equal(
            verify_against(&other_root, &w.model, STATE_BALANCE, bytes_of_text(key), bytes), RC_OK);
        buf_free(&proof);
    }
    assert_true(ends[TREE_END_EMPTY] > 5);
    assert_true(ends[TREE_END_OTHER] > 5);
    assert_int_equal(ends[TREE_END_PRESENT], 60);
    assert_true(held > 0);
    tree_world_close(&w);
}

/* A proof has one form: no bit of it can be flipped, no byte left out or added. */
static void proof_with_any_change_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(3);
    struct world w;
    tree_world_open(&w);
    tree_world_update_random(&w, 2, &p, FLIPPED_ENTRIES, FLIPPED_ENTRIES);
    for (unsigned i = 0; i < 2 * FLIPPED_ENTRIES; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-%u", i);
        struct buf proof = prove(&w, key);
        for (size_t bit = 0; bit < 8 * proof.size; bit++) {
            proof.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_not_equal(verify(&w, key, buf_bytes(&proof)), RC_OK);
            proof.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t size = 0; size < proof.size; size++)
            assert_int_equal(verify(&w, key, bytes_of(proof.data, size)), RC_MALFORMED);
        assert_int_equal(verify(&w, key, buf_bytes(&proof)), RC_OK);
        for (unsigned extra = 0; extra < 256; extra += 15) {
            buf_add_u8(&proof, (uint8_t)extra);
            assert_int_equal(verify(&w, key, buf_bytes(&proof)), RC_MALFORMED);
            proof.size--;
        }
        buf_free(&proof);
    }
    tree_world_close(&w);
}

/* Random bytes, and honest proofs with random bytes written over them, are judged without harm. */
static void proof_of_random_bytes_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(4);
    struct world w;
    uint8_t noise[2 * TREE_PROOF_BYTES_MAX];
    tree_world_open(&w);
    tree_world_update_random(&w, 2, &p, 40, 40);
    struct buf proof = prove(&w, "key-7");
    for (unsigned i = 0; i < 3000; i++) {
        size_t size = prng_below(&p, i % 2 == 0 ? 200 : sizeof noise);
        prng_fill(&p, noise, size);
        if (size > 0)
            noise[0] %= 66; /* else nearly all would end at the first byte */
        assert_int_not_equal(verify(&w, "key-7", bytes_of(noise, size)), RC_OK);
        memcpy(noise, proof.data, proof.size);
        size_t at = prng_below(&p, proof.size);
        prng_fill(&p, noise + at, 1 + prng_below(&p, proof.size - at));
        if (memcmp(noise, proof.data, proof.size) != 0)
            assert_int_not_equal(verify(&w, "key-7", bytes_of(noise, proof.size)), RC_OK);
    }
    buf_free(&proof);
    tree_world_close(&w);
}

/* The proof that an entry is there cannot be turned into one that another is there instead. */
static void proof_of_presence_told_as_absence_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct digest own = hash_of("a");
    tree_world_open(&w);
    tree_world_set(&w, 2, "a", "1");
    struct buf proof = prove(&w, "a"), lie = {0};
    size_t end = end_at("a", buf_bytes(&proof));
    buf_add(&lie, proof.data, end);
    buf_add_u8(&lie, TREE_END_OTHER);
    buf_add(&lie, own.bytes, DIGEST_BYTES);
    buf_add(&lie, proof.data + end + 1, proof.size - end - 1);
    assert_int_equal(verify(&w, "a", buf_bytes(&lie)), RC_PROOF);
    buf_free(&lie);
    buf_free(&proof);
    tree_world_close(&w);
}

/* Where the path's bit is not set no hash binds a value, so none may be told there. */
static void proof_of_absence_told_as_presence_is_refused(void **state)
{
    (void)state;
    struct world w;
    tree_world_open(&w);
    struct buf proof = prove(&w, "a");
    assert_int_equal(verify(&w, "a", buf_bytes(&proof)), RC_OK);
    assert_int_equal(proof.data[proof.size - 1], TREE_END_EMPTY);
    proof.data[proof.size - 1] = TREE_END_PRESENT;
    buf_add_u32(&proof, 3);
    buf_add(&proof, "999", 3);
    assert_int_equal(verify(&w, "a", buf_bytes(&proof)), RC_PROOF);
    buf_free(&proof);

    /* The same with a level more, below where there is nothing. */
    struct buf longer = {0};
    buf_add_u8(&longer, 2);
    buf_add_u16(&longer, 0);
    buf_add_u16(&longer, 0);
    buf_add_u8(&longer, TREE_END_EMPTY);
    assert_int_equal(verify(&w, "a", buf_bytes(&longer)), RC_PROOF);
    buf_free(&longer);
    tree_world_close(&w);
}

/* Even a root made so that an entry hangs in a slot that is not its own proves no absence: what is
 * in the way must share the path. */
static void proof_with_an_entry_off_the_path_is_refused(void **state)
{
    (void)state;
    struct digest ours = hash_of("a"), other, leaf, root;
    bool present;
    struct bytes value;
    for (int shares = 0; shares <= 1; shares++) {
        memset(&other, 0x5a, sizeof other);
        other.bytes[0] = (uint8_t)(ours.bytes[0] ^ (shares ? 0x01 : 0x10));
        uint16_t children = (uint16_t)(1u << tree_nibble(&ours, 0));
        struct buf proof = {0};
        tree_leaf_hash(&leaf, &other, bytes_of_text("v"));
        tree_node_hash(&root, children, leaf.bytes);
        buf_add_u8(&proof, 1);
        buf_add_u16(&proof, children);
        buf_add_u8(&proof, TREE_END_OTHER);
        buf_add(&proof, other.bytes, DIGEST_BYTES);
        buf_add_u32(&proof, 1);
        buf_add_u8(&proof, 'v');
        assert_int_equal(tree_proof_verify(&root, STATE_BALANCE, bytes_of_text("a"),
                                           buf_bytes(&proof), &present, &value),
                         shares ? RC_OK : RC_PROOF);
        assert_false(present);
        buf_free(&proof);
    }
}

/* A tree as one could be built by hand down to `levels` levels, with one child in each: the proof
 * for "a" with the given value, and the root it leads to. */
static struct buf lonely_proof(struct digest *root, unsigned levels, size_t value_bytes)
{
    uint8_t value[STATE_VALUE_BYTES_MAX + 1] = {0};
    struct digest path = hash_of("a");
    struct buf proof = {0};
    tree_leaf_hash(root, &path, bytes_of(value, value_bytes));
    buf_add_u8(&proof, (uint8_t)levels);
    for (unsigned i = 0; i < levels && i < TREE_DEPTH_MAX; i++)
        buf_add_u16(&proof, (uint16_t)(1u << tree_nibble(&path, i)));
    for (unsigned i = levels < TREE_DEPTH_MAX ? levels : TREE_DEPTH_MAX; i > 0; i--) {
        struct digest child = *root;
        tree_node_hash(root, (uint16_t)(1u << tree_nibble(&path, i - 1)), child.bytes);
    }
    buf_add_u8(&proof, TREE_END_PRESENT);
    buf_add_u32(&proof, (uint32_t)value_bytes);
    buf_add(&proof, value, value_bytes);
    return proof;
}

static enum rc verify_lonely(unsigned levels, size_t value_bytes)
{
    struct digest root;
    bool present;
    struct bytes value;
    struct buf proof = lonely_proof(&root, levels, value_bytes);
    enum rc rc = tree_proof_verify(&root, STATE_BALANCE, bytes_of_text("a"), buf_bytes(&proof),
                                   &present, &value);
    assert_int_equal(present, rc == RC_OK);
    buf_free(&proof);
    return rc;
}

/* The limits of a proof, and one beyond each: levels, and bytes of a value. */
static void proof_at_its_limits_holds_and_beyond_is_malformed(void **state)
{
    (void)state;
    assert_int_equal(verify_lonely(0, 1), RC_MALFORMED);
    assert_int_equal(verify_lonely(1, 1), RC_OK);
    assert_int_equal(verify_lonely(TREE_DEPTH_MAX, 1), RC_OK);
    assert_int_equal(verify_lonely(TREE_DEPTH_MAX + 1, 1), RC_MALFORMED);
    assert_int_equal(verify_lonely(1, STATE_VALUE_BYTES_MAX), RC_OK);
    assert_int_equal(verify_lonely(1, STATE_VALUE_BYTES_MAX + 1), RC_MALFORMED);
}

/* Keys whose hashes share many nibbles have long proofs, which hold too. */
static void proof_of_colliding_keys_is_deep_and_holds(void **state)
{
    (void)state;
    struct world w;
    tree_world_open(&w);
    tree_world_set(&w, 2, "deep-2522", "1");
    tree_world_set(&w, 3, "deep-234932", "2");
    struct buf present = prove(&w, "deep-2522");
    assert_int_equal(present.data[0], 9);
    assert_int_equal(verify(&w, "deep-2522", buf_bytes(&present)), RC_OK);
    assert_int_not_equal(verify(&w, "deep-234932", buf_bytes(&present)), RC_OK);
    buf_free(&present);
    tree_world_close(&w);
}

/* A damaged store proves nothing, and leaves what was in the buffer before. */
static void prove_from_a_damaged_store_gives_no_proof(void **state)
{
    (void)state;
    struct prng p = prng_of(5);
    struct world w;
    tree_world_open(&w);
    tree_world_update_random(&w, 2, &p, 100, 100);
    size_t count;
    struct pair *nodes = tree_world_pairs(&w, KV_TREE, &count);
    for (size_t i = 0; i < count; i++) {
        if (nodes[i].key.data[8] > 0) /* all but the top */
            tree_world_delete_raw(&w, KV_TREE, nodes[i].key);
    }
    struct buf out = {0};
    buf_add(&out, "before", 6);
    unsigned damaged = 0;
    for (unsigned i = 0; i < 100; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-%u", i);
        enum rc rc = tree_prove(&out, w.view, &w.ref, STATE_BALANCE, bytes_of_text(key));
        damaged += rc == RC_STORE_DAMAGED;
        if (rc != RC_OK)
            assert_true(bytes_equal(buf_bytes(&out), bytes_of_text("before")));
        out.size = 6;
    }
    assert_true(damaged > 50);
    buf_free(&out);
    pairs_free(nodes, count);
    tree_world_close(&w);
}

static int start(void **state)
{
    (void)state;
    return crypto_start(NULL) == RC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proof_of_any_key_holds),
        cmocka_unit_test(proof_offered_for_something_else_is_refused),
        cmocka_unit_test(proof_with_any_change_is_refused),
        cmocka_unit_test(proof_of_random_bytes_is_refused),
        cmocka_unit_test(proof_of_presence_told_as_absence_is_refused),
        cmocka_unit_test(proof_of_absence_told_as_presence_is_refused),
        cmocka_unit_test(proof_with_an_entry_off_the_path_is_refused),
        cmocka_unit_test(proof_at_its_limits_holds_and_beyond_is_malformed),
        cmocka_unit_test(proof_of_colliding_keys_is_deep_and_holds),
        cmocka_unit_test(prove_from_a_damaged_store_gives_no_proof),
    };
    return cmocka_run_group_tests_name("tree_proof", tests, start, NULL);
}
