/* A state that is to be discarded (8.2) is put aside first: a whole copy, once, and never a part of
 * one under its name. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/store_intake.h"
#include "node/driver/records.h"
#include "node/hansad/aside.h"
#include "tests/help/chain.h"
#include "tests/help/rot.h"
#include "tests/help/scratch.h"

static struct chain chain;
static struct config config;
static struct home home;
static struct log log_to = {.level = LOG_INFO};
static struct why why;
static char text[LOG_LINE_BYTES];

/* Eight blocks in DIR/data. */
static void begin(const char *directory)
{
    struct kv *kv;
    char *data = scratch_join(directory, "data"), *said = scratch_join(directory, "log");
    (void)snprintf(config.data, sizeof config.data, "%s", data);
    (void)snprintf(config.genesis, sizeof config.genesis, "g.json");
    const struct kv_lmdb_options options = {.map_bytes = 64 << 20, .create = true};
    assert_int_equal(kv_lmdb_open(&kv, data, &options, &why), RC_OK);
    chain_open(&chain, &(struct chain_options){.seed = 1}, kv);
    chain_grow(&chain, 8);
    home = (struct home){.config = &config, .kv = chain.kv, .store = chain.store};
    log_to.fd = open(said, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(log_to.fd >= 0);
    free(said);
    free(data);
}

static void end(void)
{
    close(log_to.fd);
    chain_close(&chain);
}

static void diverge(void)
{
    struct kv_batch *batch = kv_batch_new();
    records_put(batch, &(struct pbft_act){.type = PBFT_DIVERGED}, 0);
    assert_int_equal(kv_commit(chain.kv, batch, &why), RC_OK);
    kv_batch_free(batch);
    assert_int_equal(chain_reopen(&chain, &why), RC_OK);
    home.store = chain.store;
}

static const char *said(void)
{
    ssize_t size = pread(log_to.fd, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    assert_int_equal(ftruncate(log_to.fd, 0), 0);
    assert_int_equal(lseek(log_to.fd, 0, SEEK_SET), 0);
    return text;
}

static char *copy_path(void)
{
    return scratch_join(config.data, "diverged-8/data.mdb");
}

static void a_sound_state_stays_where_it_is(void **state)
{
    begin(*state);
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    char *path = copy_path();
    assert_int_not_equal(access(path, F_OK), 0);
    assert_string_equal(said(), "");
    free(path);
    end();
}

/* It is a store, with the same chain and state; what was left of a copy that was cut off is none.
 */
static void a_diverged_state_is_copied_once(void **state)
{
    struct stat first, again;
    begin(*state);
    diverge();
    char *directory = scratch_join(config.data, "diverged-8");
    char *part = scratch_join(directory, "data.part"), *path = copy_path();
    assert_int_equal(mkdir(directory, 0700), 0);
    int fd = open(part, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    const char *line = said();
    assert_non_null(strstr(line, "level=error event=set_aside height=8 to="));
    assert_non_null(strstr(line, "/diverged-8 --genesis g.json\""));
    assert_int_not_equal(access(part, F_OK), 0);
    assert_int_equal(stat(path, &first), 0);

    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);          /* a start after a kill */
    assert_non_null(strstr(said(), "/diverged-8 --genesis g.json\"")); /* was it said before? */
    assert_int_equal(stat(path, &again), 0);
    assert_true(first.st_ino == again.st_ino && first.st_size == again.st_size);

    struct kv *kv;
    struct store *copy;
    const struct kv_lmdb_options options = {.read_only = true};
    struct tree_ref ours = store_tree(chain.store), theirs;
    assert_int_equal(kv_lmdb_open(&kv, directory, &options, &why), RC_OK);
    assert_int_equal(store_open(&copy, kv, &(struct store_options){.care = TREE_VERIFY}, &why),
                     RC_OK);
    theirs = store_tree(copy);
    assert_true(digest_equal(&ours.root, &theirs.root));
    assert_int_equal(store_head(copy)->height, 8);
    store_close(copy);
    kv_close(kv);
    free(path);
    free(part);
    free(directory);
    end();
}

static char *copy_path_of(const char *name)
{
    char *directory = scratch_join(config.data, name);
    char *path = scratch_join(directory, "data.mdb");
    free(directory);
    return path;
}

/* Nothing that was wrong is ever thrown away unseen. */
static void another_state_at_the_same_height_has_a_copy_of_its_own(void **state)
{
    begin(*state);
    diverge();
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    (void)said();
    store_close(chain.store);
    assert_int_equal(rot_state(chain.kv, 1), 8);
    chain.store = NULL;
    assert_int_equal(chain_reopen(&chain, &why), RC_OK);
    home.store = chain.store;
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_non_null(strstr(said(), "/diverged-8-2 --genesis g.json\""));
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_non_null(strstr(said(), "/diverged-8-2 --genesis g.json\""));
    char *path = copy_path_of("diverged-8-2"), *third = copy_path_of("diverged-8-3");
    assert_int_equal(access(path, F_OK), 0);
    assert_int_not_equal(access(third, F_OK), 0);
    free(third);
    free(path);
    end();
}

/* Then nothing may be discarded. */
static void a_copy_that_cannot_be_made_stops_the_node(void **state)
{
    begin(*state);
    diverge();
    char *directory = scratch_join(config.data, "diverged-8");
    int fd = open(directory, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(aside_put(&home, &log_to, &why), RC_FILE_IO);
    assert_non_null(strstr(why.text, "cannot be put aside"));
    assert_string_equal(said(), "");
    free(directory);
    end();
}

/* A state that is being taken anew was put aside before. */
static void a_state_that_is_gone_is_not_put_aside(void **state)
{
    struct snapshot_intake *intake;
    struct kv_batch *batch = kv_batch_new();
    const struct snapshot_target target = {.height = 12, .root = {{1}}};
    begin(*state);
    diverge();
    assert_int_equal(snapshot_intake_start(&intake, chain.store, batch, &target, true, &why),
                     RC_OK);
    assert_int_equal(kv_commit(chain.kv, batch, &why), RC_OK);
    kv_batch_free(batch);
    snapshot_intake_close(intake);
    assert_int_equal(chain_reopen(&chain, &why), RC_OK);
    home.store = chain.store;
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_string_equal(said(), "");
    end();
}

#define ASIDE_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ASIDE_TEST(a_sound_state_stays_where_it_is),
        ASIDE_TEST(a_diverged_state_is_copied_once),
        ASIDE_TEST(another_state_at_the_same_height_has_a_copy_of_its_own),
        ASIDE_TEST(a_copy_that_cannot_be_made_stops_the_node),
        ASIDE_TEST(a_state_that_is_gone_is_not_put_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
