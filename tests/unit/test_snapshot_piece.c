/* Pieces of the state tree: made by whoever has it, judged by whoever knows a hash (rule 9.3). */
#include "tests/help/unit.h"

#include <string.h>

#include "ledger/snapshot.h"
#include "tests/help/tree_world.h"

static const struct snapshot_path top;

static struct snapshot_path path_below(const struct snapshot_path *path, unsigned nibble)
{
    struct snapshot_path below = *path;
    tree_path_set(&below.nibbles, below.depth++, nibble);
    return below;
}

/* A tree of `entries_count` entries of random values, in three versions. */
static void open_world(struct world *w, uint64_t seed, size_t entries_count)
{
    struct prng p = prng_of(seed);
    tree_world_open(w);
    tree_world_update_random(w, 2, &p, entries_count, entries_count);
    tree_world_update_random(w, 3, &p, entries_count, entries_count / 4 + 1);
    tree_world_update_random(w, 4, &p, 2 * entries_count, entries_count / 4 + 1);
}

static struct buf make(struct world *w, const struct snapshot_path *path, size_t bytes_max)
{
    struct buf piece = {0};
    assert_int_equal(snapshot_make(&piece, w->view, &w->ref, path, bytes_max, NULL), RC_OK);
    return piece;
}

static enum snapshot_fault judge(const struct buf *piece, const struct snapshot_path *path,
                                 const struct digest *expected)
{
    struct snapshot_piece judged;
    enum snapshot_fault fault = snapshot_judge(&judged, buf_bytes(piece), path, expected);
    if (fault == SNAPSHOT_OK)
        snapshot_piece_close(&judged);
    return fault;
}

/* ---- carrying a whole tree over ---- */

struct carried {
    struct world *from;
    size_t bytes_max;
    struct model to;
    unsigned nodes_count, leaves_count;
};

static void carry(struct carried *c, const struct snapshot_path *path,
                  const struct digest *expected)
{
    struct buf bytes = make(c->from, path, c->bytes_max);
    struct snapshot_piece piece;
    assert_int_equal(snapshot_judge(&piece, buf_bytes(&bytes), path, expected), SNAPSHOT_OK);
    assert_int_equal(piece.bytes, bytes.size);
    assert_true(piece.is_node || bytes.size <= c->bytes_max);
    for (size_t i = 0; i < piece.entries_count; i++)
        model_set(&c->to, piece.entries[i].table, piece.entries[i].key, piece.entries[i].value);
    *(piece.is_node ? &c->nodes_count : &c->leaves_count) += 1;
    for (unsigned i = 0; piece.is_node && i < TREE_CHILDREN; i++) {
        if (piece.node.child[i].kind != TREE_INNER)
            continue;
        struct snapshot_path below = path_below(path, i);
        carry(c, &below, &piece.node.child[i].hash);
    }
    snapshot_piece_close(&piece);
    buf_free(&bytes);
}

/* Whatever the size of the tree and the limit of a piece, the pieces hold each entry once, and all
 * of them. */
static void pieces_carry_the_whole_tree(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 17, 400, 3000};
    static const size_t limits[] = {0, 60, 400, 5000, SNAPSHOT_PIECE_BYTES_MAX};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct world w;
        if (sizes[s] > 0)
            open_world(&w, s, sizes[s]);
        else
            tree_world_open(&w);
        for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
            struct carried c = {.from = &w, .bytes_max = limits[l]};
            carry(&c, &top, &w.ref.root);
            struct digest root = model_root(&c.to, NULL);
            assert_true(digest_equal(&root, &w.ref.root));
            assert_int_equal(c.to.count, w.model.count);
            if (limits[l] == 0)
                assert_int_equal(c.leaves_count, 0);
            if (limits[l] == SNAPSHOT_PIECE_BYTES_MAX && sizes[s] < 500)
                assert_int_equal(c.nodes_count, 0);
            model_free(&c.to);
        }
        tree_world_close(&w);
    }
}

/* What tree_build() writes is what an update from nothing writes, byte for byte. */
static void building_is_updating_from_nothing(void **state)
{
    (void)state;
    struct world w;
    struct tree_ref ref;
    struct digest root;
    open_world(&w, 3, 500);
    struct tree_change *changes = mem_alloc(w.model.count * sizeof *changes);
    for (size_t i = 0; i < w.model.count; i++)
        changes[i] = (struct tree_change){.table = w.model.entries[i]->table,
                                          .key = entry_key(w.model.entries[i]),
                                          .value = entry_value(w.model.entries[i])};
    struct kv_batch *updated = kv_batch_new(), *built = kv_batch_new();
    assert_int_equal(tree_update(&ref, updated, w.view, NULL, 7, changes, w.model.count), RC_OK);
    struct tree_place place = {.version = 7};
    tree_build(&root, built, &place, changes, w.model.count); /* sorted and hashed by now */
    assert_true(digest_equal(&root, &ref.root));
    assert_true(digest_equal(&root, &w.ref.root));
    /* The update writes one entry of KV_ROOT besides. */
    assert_int_equal(kv_batch_count(built) + 1, kv_batch_count(updated));
    assert_int_equal(kv_batch_bytes(built) + 8 + DIGEST_BYTES, kv_batch_bytes(updated));
    kv_batch_free(updated);
    kv_batch_free(built);
    mem_free(changes);
    tree_world_close(&w);
}

/* ---- bad pieces ---- */

/* No flipped bit, no byte less and no byte more goes unseen, in either kind. */
static void any_flipped_byte_is_refused(void **state)
{
    (void)state;
    static const size_t limits[] = {0, SNAPSHOT_PIECE_BYTES_MAX};
    struct world w;
    open_world(&w, 5, 60);
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        struct buf piece = make(&w, &top, limits[l]);
        assert_int_equal(judge(&piece, &top, &w.ref.root), SNAPSHOT_OK);
        for (size_t i = 0; i < piece.size; i++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                piece.data[i] ^= (uint8_t)(1u << bit);
                assert_int_not_equal(judge(&piece, &top, &w.ref.root), SNAPSHOT_OK);
                piece.data[i] ^= (uint8_t)(1u << bit);
            }
        }
        size_t size = piece.size;
        for (piece.size = 0; piece.size < size; piece.size++)
            assert_int_not_equal(judge(&piece, &top, &w.ref.root), SNAPSHOT_OK);
        buf_add_u8(&piece, 0);
        assert_int_equal(judge(&piece, &top, &w.ref.root), SNAPSHOT_MALFORMED);
        buf_free(&piece);
    }
    tree_world_close(&w);
}

/* A piece is good at its own path, and for its own hash, only. */
static void a_piece_of_another_path_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct snapshot_piece node;
    open_world(&w, 6, 300);
    struct buf bytes = make(&w, &top, 0);
    assert_int_equal(snapshot_judge(&node, buf_bytes(&bytes), &top, &w.ref.root), SNAPSHOT_OK);
    for (unsigned limit = 0; limit <= 100000; limit += 100000) {
        struct snapshot_path own = path_below(&top, 4), other = path_below(&top, 5);
        struct buf piece = make(&w, &own, limit);
        assert_int_equal(judge(&piece, &own, &node.node.child[4].hash), SNAPSHOT_OK);
        assert_int_equal(judge(&piece, &own, &node.node.child[5].hash), SNAPSHOT_WRONG_HASH);
        assert_int_not_equal(judge(&piece, &other, &node.node.child[4].hash), SNAPSHOT_OK);
        buf_free(&piece);
    }
    snapshot_piece_close(&node);
    buf_free(&bytes);
    tree_world_close(&w);
}

static void add_entry(struct buf *out, uint8_t table, size_t key_bytes, size_t value_bytes)
{
    static const uint8_t zeros[1024];
    buf_add_u8(out, table);
    buf_add_u16(out, (uint16_t)key_bytes);
    buf_add(out, zeros, key_bytes);
    buf_add_u16(out, (uint16_t)value_bytes);
    buf_add(out, zeros, value_bytes);
}

static void expect_of_one(enum snapshot_fault expected, uint8_t table, size_t key_bytes,
                          size_t value_bytes)
{
    struct digest any = {{0}};
    struct buf piece = {0};
    buf_add_u8(&piece, 1);
    buf_add_u32(&piece, 1);
    add_entry(&piece, table, key_bytes, value_bytes);
    assert_int_equal(judge(&piece, &top, &any), expected);
    buf_free(&piece);
}

/* Each reason to refuse has its word; what is just within a limit gets as far as the hash. */
static void limits_of_pieces_are_kept(void **state)
{
    (void)state;
    struct digest any = {{0}};
    struct buf piece = {0};
    struct snapshot_path deep = path_below(&top, 0);
    expect_of_one(SNAPSHOT_WRONG_HASH, 1, STATE_KEY_BYTES_MAX, STATE_VALUE_BYTES_MAX);
    expect_of_one(SNAPSHOT_WRONG_HASH, STATE_TABLE_END - 1, 1, 0);
    expect_of_one(SNAPSHOT_BAD_ENTRY, 0, 1, 1);
    expect_of_one(SNAPSHOT_BAD_ENTRY, STATE_TABLE_END, 1, 1);
    expect_of_one(SNAPSHOT_BAD_ENTRY, 1, STATE_KEY_BYTES_MAX + 1, 1);
    expect_of_one(SNAPSHOT_BAD_ENTRY, 1, 1, STATE_VALUE_BYTES_MAX + 1);

    buf_add_u8(&piece, 1);
    buf_add_u32(&piece, 2);
    add_entry(&piece, 1, 1, 1);
    add_entry(&piece, 1, 1, 1);
    assert_int_equal(judge(&piece, &top, &any), SNAPSHOT_NOT_ASCENDING);
    piece.data[1] = 1; /* one entry, below the top, and a second one left over */
    assert_int_equal(judge(&piece, &top, &any), SNAPSHOT_MALFORMED);
    assert_int_equal(judge(&piece, &deep, &any), SNAPSHOT_BAD_SHAPE);

    buf_clear(&piece);
    buf_add_u8(&piece, 1);
    buf_add_u32(&piece, SNAPSHOT_ENTRIES_MAX + 1);
    assert_int_equal(judge(&piece, &top, &any), SNAPSHOT_TOO_LARGE);
    piece.data[1] = 0; /* exactly as many are not too many, but they are not there */
    piece.data[2] = SNAPSHOT_ENTRIES_MAX >> 8;
    assert_int_equal(judge(&piece, &top, &any), SNAPSHOT_MALFORMED);

    buf_clear(&piece);
    memset(buf_grow(&piece, SNAPSHOT_PIECE_BYTES_MAX + 1), 0, SNAPSHOT_PIECE_BYTES_MAX + 1);
    assert_int_equal(judge(&piece, &top, &any), SNAPSHOT_TOO_LARGE);
    piece.size--;
    assert_int_equal(judge(&piece, &top, &any), SNAPSHOT_MALFORMED); /* kind 0 */

    buf_clear(&piece);
    buf_add_u8(&piece, 2);
    buf_add_u16(&piece, 1);
    buf_add_u16(&piece, 2); /* a leaf that is no child */
    assert_int_equal(judge(&piece, &top, &any), SNAPSHOT_BAD_SHAPE);
    buf_free(&piece);
}

/* Bytes at random, and pieces with some bytes at random, never end the program. */
static void random_bytes_are_judged(void **state)
{
    (void)state;
    struct prng p = prng_of(9);
    struct world w;
    open_world(&w, 8, 100);
    for (unsigned round = 0; round < 20000; round++) {
        struct buf piece = make(&w, &top, round % 2 == 0 ? 0 : 100000);
        unsigned changes = 1 + (unsigned)prng_below(&p, 8);
        for (unsigned i = 0; i < changes; i++)
            piece.data[prng_below(&p, prng_below(&p, 3) == 0 ? piece.size : 12)] =
                (uint8_t)prng_below(&p, 256);
        if (prng_below(&p, 4) == 0)
            piece.size = prng_below(&p, piece.size);
        struct snapshot_path path = {.depth = (unsigned)prng_below(&p, 3)};
        (void)judge(&piece, &path, &w.ref.root);
        buf_free(&piece);
    }
    tree_world_close(&w);
}

/* ---- what there is no piece of ---- */

/* Where no node stands, and from a store that is rotten, there is no piece, and out stays. */
static void no_piece_leaves_out_as_it_was(void **state)
{
    (void)state;
    struct world w;
    struct buf out = {0};
    tree_world_open(&w);
    tree_world_set(&w, 2, "a", "1");
    buf_add_u8(&out, 77);
    for (unsigned nibble = 0; nibble < TREE_CHILDREN; nibble++) {
        struct snapshot_path path = path_below(&top, nibble); /* a leaf, or nothing */
        assert_int_equal(snapshot_make(&out, w.view, &w.ref, &path, 1000, NULL), RC_NOT_FOUND);
        assert_int_equal(out.size, 1);
    }
    tree_world_close(&w);

    open_world(&w, 11, 60);
    size_t count;
    struct pair *pairs = tree_world_pairs(&w, KV_TREE, &count);
    struct tree_place place;
    for (size_t i = 0; i < count; i++) { /* with right checksums, and valid nodes all the same */
        struct buf wrong = {0};
        buf_add_bytes(&wrong, pairs[i].value);
        wrong.data[wrong.size - 1] ^= 1;
        tree_world_put_raw(&w, KV_TREE, pairs[i].key, buf_bytes(&wrong));
        buf_free(&wrong);
    }
    assert_int_equal(snapshot_make(&out, w.view, &w.ref, &top, 100000, NULL), RC_STORE_DAMAGED);
    assert_int_equal(out.size, 1);
    for (size_t i = 0; i < count; i++)
        tree_world_put_raw(&w, KV_TREE, pairs[i].key, pairs[i].value);
    for (size_t i = 0; i < count; i++) { /* all below the top: none can be shown any more */
        assert_true(tree_place_decode(&place, pairs[i].key));
        if (place.depth > 0)
            tree_world_delete_raw(&w, KV_TREE, pairs[i].key);
    }
    pairs_free(pairs, count);
    assert_int_equal(snapshot_make(&out, w.view, &w.ref, &top, 100000, NULL), RC_STORE_DAMAGED);
    assert_int_equal(out.size, 1);
    assert_int_equal(snapshot_make(&out, w.view, &w.ref, &top, 0, NULL), RC_STORE_DAMAGED);
    assert_int_equal(out.size, 1);
    buf_free(&out);
    tree_world_close(&w);
}

/* That a node holds too much for a piece is found out once, in whatever tree it stands; what it
 * cost is said, and the piece is the same. One that fits is gathered each time. */
static void a_node_that_is_too_large_is_walked_once(void **state)
{
    (void)state;
    enum { PIECE = 1000 };
    struct world w;
    struct snapshot_known *known = mem_alloc(sizeof *known);
    open_world(&w, 12, 400);
    struct buf node = make(&w, &top, PIECE);
    for (int i = 0; i < 3; i++) {
        struct buf out = {0};
        size_t walked = 77;
        if (i == 2) { /* a newer tree, whose top has another hash */
            tree_world_set(&w, w.ref.version + 1, "another", "1");
            buf_free(&node);
            node = make(&w, &top, PIECE);
        }
        assert_int_equal(
            snapshot_make_known(&out, &walked, known, w.view, &w.ref, &top, PIECE, NULL), RC_OK);
        assert_int_equal(walked, i == 1 ? 0 : PIECE);
        assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&node)));
        buf_free(&out);
    }
    memset(known, 0, sizeof *known); /* it is of one size of pieces */
    struct buf small = make(&w, &top, SNAPSHOT_PIECE_BYTES_MAX);
    for (int i = 0; i < 2; i++) {
        struct buf out = {0};
        size_t walked = 0;
        assert_int_equal(snapshot_make_known(&out, &walked, known, w.view, &w.ref, &top,
                                             SNAPSHOT_PIECE_BYTES_MAX, NULL),
                         RC_OK);
        assert_int_equal(walked, small.size);
        assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&small)));
        buf_free(&out);
    }
    buf_free(&node);
    buf_free(&small);
    mem_free(known);
    tree_world_close(&w);
}

/* ---- paths ---- */

/* A path has one encoding. */
static void paths_have_one_encoding(void **state)
{
    (void)state;
    struct prng p = prng_of(2);
    struct snapshot_path path = {0}, back;
    uint8_t room[SNAPSHOT_PATH_BYTES_MAX];
    for (path.depth = 0; path.depth < TREE_DEPTH_MAX - 1;) {
        struct wr w = wr_of(room, sizeof room);
        snapshot_path_encode(&w, &path);
        struct rd r = rd_of(wr_bytes_of(&w));
        snapshot_path_decode(&r, &back);
        assert_true(rd_done(&r));
        assert_true(snapshot_path_equal(&path, &back));
        if (path.depth % 2 != 0) {
            room[w.size - 1] |= 1;
            r = rd_of(wr_bytes_of(&w));
            snapshot_path_decode(&r, &back);
            assert_false(rd_done(&r));
        }
        path = path_below(&path, (unsigned)prng_below(&p, 16));
    }
    memset(room, 0, sizeof room);
    room[0] = TREE_DEPTH_MAX;
    struct rd r = rd_of(bytes_of(room, sizeof room));
    snapshot_path_decode(&r, &back);
    assert_false(rd_done(&r));
}

/* Each reason has a word of its own and a text. */
static void every_fault_has_words(void **state)
{
    (void)state;
    for (int a = 0; a < SNAPSHOT_FAULT_COUNT; a++) {
        assert_true(strlen(snapshot_fault_text((enum snapshot_fault)a)) > 1);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(snapshot_fault_word((enum snapshot_fault)a),
                                    snapshot_fault_word((enum snapshot_fault)b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_carry_the_whole_tree),
        cmocka_unit_test(building_is_updating_from_nothing),
        cmocka_unit_test(any_flipped_byte_is_refused),
        cmocka_unit_test(a_piece_of_another_path_is_refused),
        cmocka_unit_test(limits_of_pieces_are_kept),
        cmocka_unit_test(random_bytes_are_judged),
        cmocka_unit_test(no_piece_leaves_out_as_it_was),
        cmocka_unit_test(a_node_that_is_too_large_is_walked_once),
        cmocka_unit_test(paths_have_one_encoding),
        cmocka_unit_test(every_fault_has_words),
    };
    return cmocka_run_group_tests_name("snapshot_piece", tests, NULL, NULL);
}
