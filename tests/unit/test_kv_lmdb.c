/* The store on disk: opening, locking, and every way it may have been damaged. */
#include <lmdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger/kv_impl.h"
#include "tests/help/scratch.h"

static const char *const files[] = {"data.mdb", "lock.mdb", "head"};
static const struct kv_lmdb_options create = {.create = true};
static const struct kv_lmdb_options existing = {0};
static const struct kv_lmdb_options read_only = {.read_only = true};

static struct bytes text(const char *t)
{
    return bytes_of_text(t);
}

static struct kv *open_store(const char *path, const struct kv_lmdb_options *options)
{
    struct kv *kv;
    struct why why = {0};
    if (kv_lmdb_open(&kv, path, options, &why) != RC_OK)
        fail_msg("%s", why.text);
    return kv;
}

/* Opening gives this code, and words that contain these. */
static void refuse(const char *path, const struct kv_lmdb_options *options, enum rc rc,
                   const char *words)
{
    struct kv *kv;
    struct why why = {0};
    assert_int_equal(kv_lmdb_open(&kv, path, options, &why), rc);
    assert_null(kv);
    if (strstr(why.text, words) == NULL || strstr(why.text, path) == NULL)
        fail_msg("\"%s\" lacks \"%s\" or the path", why.text, words);
}

static void commit(struct kv *kv, const char *key, const char *value)
{
    struct kv_batch *b = kv_batch_new();
    struct why why = {0};
    kv_batch_put(b, KV_BLOCK, text(key), text(value));
    if (kv_commit(kv, b, &why) != RC_OK)
        fail_msg("%s", why.text);
    kv_batch_free(b);
}

static enum rc get(struct kv *kv, enum kv_table table, const char *key, const char *value)
{
    struct kv_view *v;
    struct bytes found;
    assert_int_equal(kv_view_open(&v, kv, NULL), RC_OK);
    enum rc rc = kv_get(v, table, text(key), &found);
    if (rc == RC_OK)
        assert_true(bytes_equal(found, text(value)));
    kv_view_close(v);
    return rc;
}

/* A store with keys k0..k9 = value, after ten commits. */
static void make_store(const char *path)
{
    struct kv *kv = open_store(path, &create);
    for (int i = 0; i < 10; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        commit(kv, key, "value");
    }
    kv_close(kv);
}

/* ---- opening and locking ---- */

/* What was committed is there when the store is opened again, for writers and readers. */
static void store_opened_again_has_everything(void **state)
{
    make_store(*state);
    struct kv *kv = open_store(*state, &existing);
    assert_int_equal(get(kv, KV_BLOCK, "k9", "value"), RC_OK);
    commit(kv, "more", "too");
    kv_close(kv);
    kv = open_store(*state, &read_only);
    assert_int_equal(get(kv, KV_BLOCK, "more", "too"), RC_OK);
    assert_int_equal(get(kv, KV_BLOCK, "none", ""), RC_NOT_FOUND);
    kv_close(kv);
}

/* A new directory is closed to others whatever the umask says. */
static void directory_made_anew_is_private(void **state)
{
    char *path = scratch_join(*state, "new");
    mode_t before = umask(0);
    make_store(path);
    umask(before);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    for (int i = 0; i < 3; i++) {
        char *file = scratch_join(path, files[i]);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        free(file);
    }
    free(path);
}

/* Without create, nothing is made where there is nothing. */
static void place_without_a_store_is_refused(void **state)
{
    char *missing = scratch_join(*state, "missing");
    refuse(missing, &existing, RC_NOT_A_STORE, "no Hansa store");
    refuse(missing, &read_only, RC_NOT_A_STORE, "no Hansa store");
    refuse(*state, &existing, RC_NOT_A_STORE, "no Hansa store");
    refuse(*state, &read_only, RC_NOT_A_STORE, "no Hansa store");
    assert_int_equal(rmdir(*state), 0); /* so it is still empty */
    assert_int_equal(mkdir(*state, 0700), 0);
    fclose(fopen(missing, "w"));
    refuse(missing, &existing, RC_NOT_A_STORE, "Not a directory");
    free(missing);
}

/* One writer, or any number of readers; the process that holds it counts as another. */
static void store_in_use_is_refused(void **state)
{
    make_store(*state);
    struct kv *writer = open_store(*state, &existing);
    refuse(*state, &existing, RC_STORE_IN_USE, "in use");
    refuse(*state, &read_only, RC_STORE_IN_USE, "in use");
    kv_close(writer);
    struct kv *readers[2] = {open_store(*state, &read_only), open_store(*state, &read_only)};
    refuse(*state, &existing, RC_STORE_IN_USE, "in use");
    kv_close(readers[0]);
    refuse(*state, &existing, RC_STORE_IN_USE, "in use");
    kv_close(readers[1]);
    kv_close(open_store(*state, &existing));
}

/* A reader needs no right to write: not to the directory, not to any file in it. */
static void read_only_works_where_nothing_can_be_written(void **state)
{
    make_store(*state);
    for (int i = 0; i < 3; i++) {
        char *file = scratch_join(*state, files[i]);
        assert_int_equal(chmod(file, 0444), 0);
        free(file);
    }
    assert_int_equal(chmod(*state, 0555), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(2);
        struct kv *kv;
        struct why why = {0};
        if (kv_lmdb_open(&kv, *state, &existing, &why) != RC_STORE_IO)
            _exit(3); /* or the directory can be written after all */
        if (kv_lmdb_open(&kv, *state, &read_only, &why) != RC_OK)
            _exit(4);
        bool is_there = get(kv, KV_BLOCK, "k9", "value") == RC_OK;
        kv_close(kv);
        _exit(is_there ? 0 : 5);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(*state, 0700), 0);
    assert_int_equal(status, 0);
}

/* ---- the head file ---- */

/* Run cp or cmp -s. */
static void run(const char *command, const char *from, const char *to)
{
    char *line;
    assert_true(asprintf(&line, "%s '%s' '%s'", command, from, to) > 0);
    assert_int_equal(system(line), 0);
    free(line);
}

/* A store put back from yesterday's copy is refused, in words with both numbers. */
static void store_from_an_older_copy_is_refused(void **state)
{
    make_store(*state);
    char *data = scratch_join(*state, "data.mdb");
    char *copy = scratch_join(*state, "copy");
    run("cp", data, copy);
    struct kv *kv = open_store(*state, &existing);
    for (int i = 0; i < 3; i++)
        commit(kv, "later", "x");
    kv_close(kv);
    run("cp", copy, data);
    refuse(*state, &existing, RC_STORE_ROLLED_BACK, "10 commits and had 13");
    refuse(*state, &read_only, RC_STORE_ROLLED_BACK, "10 commits and had 13");
    assert_int_equal(unlink(data), 0); /* nor is it made anew in silence */
    refuse(*state, &create, RC_STORE_ROLLED_BACK, "0 commits and had 13");
    free(data);
    free(copy);
}

/* A head that is missing, torn or behind is no error, and a writer makes it good. */
static void head_missing_or_torn_is_made_anew(void **state)
{
    make_store(*state);
    char *head = scratch_join(*state, "head");
    char *good = scratch_join(*state, "good");
    run("cp", head, good);
    for (int way = 0; way < 4; way++) {
        if (way == 0)
            assert_int_equal(unlink(head), 0);
        if (way == 1)
            assert_int_equal(truncate(head, 23), 0);
        if (way == 2)
            assert_int_equal(truncate(head, 25), 0);
        if (way == 3) {
            FILE *f = fopen(head, "r+");
            fseek(f, 9, SEEK_SET);
            fputc(0x7f, f); /* a far later commit, were it not for the checksum */
            fclose(f);
        }
        kv_close(open_store(*state, &read_only));
        kv_close(open_store(*state, &existing));
        run("cmp -s", head, good);
    }
    free(head);
    free(good);
}

/* ---- damage ---- */

/* Let the act write to the store behind Hansa's back. */
static void tamper(const char *path, const char *table, void (*act)(MDB_txn *txn, MDB_dbi dbi))
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, KV_TABLE_COUNT + 1), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
    act(txn, dbi);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void raw_get(MDB_txn *txn, MDB_dbi dbi, const char *key, uint8_t *out, MDB_val *value)
{
    MDB_val k = {.mv_size = strlen(key), .mv_data = (void *)(uintptr_t)key};
    assert_int_equal(mdb_get(txn, dbi, &k, value), 0);
    memcpy(out, value->mv_data, value->mv_size);
    value->mv_data = out;
}

static void raw_put(MDB_txn *txn, MDB_dbi dbi, const char *key, MDB_val *value)
{
    MDB_val k = {.mv_size = strlen(key), .mv_data = (void *)(uintptr_t)key};
    assert_int_equal(mdb_put(txn, dbi, &k, value, 0), 0);
}

/* In ki, flip a bit of byte i. */
static void flip_one_byte_each(MDB_txn *txn, MDB_dbi dbi)
{
    for (int i = 0; i < 10; i++) {
        char key[16];
        uint8_t room[64];
        MDB_val value;
        snprintf(key, sizeof key, "k%d", i);
        raw_get(txn, dbi, key, room, &value);
        room[i] ^= (uint8_t)(1 << i % 8);
        raw_put(txn, dbi, key, &value);
    }
}

/* A changed byte anywhere in value or checksum is refused, and a walk goes on behind it. */
static void value_with_a_flipped_bit_is_damaged(void **state)
{
    make_store(*state);
    tamper(*state, "block", flip_one_byte_each);
    struct kv *kv = open_store(*state, &existing);
    commit(kv, "sound", "still");
    struct kv_view *v;
    struct kv_cursor *c;
    struct bytes key;
    struct bytes value;
    assert_int_equal(kv_view_open(&v, kv, NULL), RC_OK);
    assert_int_equal(kv_cursor_open(&c, v, KV_BLOCK), RC_OK);
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rc, RC_STORE_DAMAGED);
        assert_int_equal(key.data[1], '0' + i);
        assert_int_equal(value.size, 0);
        assert_int_equal(kv_get(v, KV_BLOCK, key, &value), RC_STORE_DAMAGED);
        rc = kv_cursor_next(c, &key, &value);
    }
    assert_int_equal(rc, RC_OK);
    assert_true(bytes_equal(key, text("sound")));
    kv_cursor_close(c);
    kv_view_close(v);
    kv_close(kv);
}

static void move_value(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_dbi other;
    uint8_t room[64];
    MDB_val value;
    raw_get(txn, dbi, "k1", room, &value);
    raw_put(txn, dbi, "k2", &value);
    assert_int_equal(mdb_dbi_open(txn, "chain", 0, &other), 0);
    raw_put(txn, other, "k1", &value);
    value.mv_size = 7; /* not even a checksum */
    raw_put(txn, dbi, "k3", &value);
}

/* A sound value under another key or in another table is refused, and so is a stump. */
static void value_moved_elsewhere_is_damaged(void **state)
{
    make_store(*state);
    tamper(*state, "block", move_value);
    struct kv *kv = open_store(*state, &existing);
    assert_int_equal(get(kv, KV_BLOCK, "k1", "value"), RC_OK);
    assert_int_equal(get(kv, KV_BLOCK, "k2", ""), RC_STORE_DAMAGED);
    assert_int_equal(get(kv, KV_BLOCK, "k3", ""), RC_STORE_DAMAGED);
    assert_int_equal(get(kv, KV_CHAIN, "k1", ""), RC_STORE_DAMAGED);
    kv_close(kv);
}

static void change_counter(MDB_txn *txn, MDB_dbi dbi)
{
    uint8_t room[64];
    MDB_val value;
    raw_get(txn, dbi, "commits", room, &value);
    room[0]++;
    raw_put(txn, dbi, "commits", &value);
}

static void drop_table(MDB_txn *txn, MDB_dbi dbi)
{
    assert_int_equal(mdb_drop(txn, dbi, 1), 0);
}

static void do_nothing(MDB_txn *txn, MDB_dbi dbi)
{
    (void)txn;
    (void)dbi;
}

/* Damage to the store's frame is found when it is opened, and never mended into emptiness. */
static void frame_that_is_damaged_is_refused_at_open(void **state)
{
    make_store(*state);
    tamper(*state, "meta", change_counter);
    refuse(*state, &existing, RC_STORE_DAMAGED, "counter");
    tamper(*state, "nonce", drop_table);
    refuse(*state, &create, RC_STORE_DAMAGED, "table nonce is missing");
    tamper(*state, "nonce", do_nothing); /* made anew */
    tamper(*state, "from the future", do_nothing);
    refuse(*state, &create, RC_STORE_FORMAT, "15 tables");
    char *data = scratch_join(*state, "data.mdb");
    FILE *f = fopen(data, "r+");
    for (int i = 0; i < 64; i++)
        fputc('x', f);
    fclose(f);
    refuse(*state, &create, RC_STORE_DAMAGED, "data.mdb");
    refuse(*state, &read_only, RC_STORE_DAMAGED, "data.mdb");
    free(data);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(store_opened_again_has_everything),
        ON_DISK(directory_made_anew_is_private),
        ON_DISK(place_without_a_store_is_refused),
        ON_DISK(store_in_use_is_refused),
        ON_DISK(read_only_works_where_nothing_can_be_written),
        ON_DISK(store_from_an_older_copy_is_refused),
        ON_DISK(head_missing_or_torn_is_made_anew),
        ON_DISK(value_with_a_flipped_bit_is_damaged),
        ON_DISK(value_moved_elsewhere_is_damaged),
        ON_DISK(frame_that_is_damaged_is_refused_at_open),
    };
    return cmocka_run_group_tests_name("kv_lmdb", tests, NULL, NULL);
}
