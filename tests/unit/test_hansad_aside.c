/* A state that is to be discarded (8.2) is put aside first: a whole copy, once, and never a part of
 * one under its name; the first and the newest, where there is room, and whatever the damage. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
    return scratch_join(config.data, "diverged-first/data.mdb");
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
    char *directory = scratch_join(config.data, "diverged-first");
    char *part = scratch_join(directory, "data.part"), *path = copy_path();
    assert_int_equal(mkdir(directory, 0700), 0);
    int fd = open(part, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    const char *line = said();
    assert_non_null(strstr(line, "level=error event=set_aside height=8 to="));
    assert_non_null(strstr(line, "/diverged-first --genesis g.json\""));
    assert_int_not_equal(access(part, F_OK), 0);
    assert_int_equal(stat(path, &first), 0);

    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK); /* a start after a kill */
    assert_non_null(strstr(said(), "/diverged-first --genesis g.json\"")); /* was it said before? */
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

static bool is_at(const char *name)
{
    char *path = copy_path_of(name);
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

static struct digest root_of(const char *name)
{
    struct kv *kv;
    struct store *copy;
    char *directory = scratch_join(config.data, name);
    const struct kv_lmdb_options options = {.map_bytes = 64 << 20, .read_only = true};
    assert_int_equal(kv_lmdb_open(&kv, directory, &options, &why), RC_OK);
    assert_int_equal(store_open(&copy, kv, &(struct store_options){.as_recorded = true}, &why),
                     RC_OK);
    struct tree_ref tree = store_tree(copy);
    store_close(copy);
    kv_close(kv);
    free(directory);
    return tree.root;
}

/* It has taken the certified state: another divergence is another one. */
static void come_back(void)
{
    struct kv_batch *batch = kv_batch_new();
    records_drop_snapshot(batch);
    assert_int_equal(kv_commit(chain.kv, batch, &why), RC_OK);
    kv_batch_free(batch);
    assert_int_equal(chain_reopen(&chain, &why), RC_OK);
    home.store = chain.store;
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_string_equal(said(), "");
}

static void rot_again(uint64_t number)
{
    store_close(chain.store);
    assert_int_equal(rot_state(chain.kv, number), 8);
    chain.store = NULL;
    diverge();
}

/* A machine that goes wrong again and again fills no disk. */
static void the_first_and_the_newest_are_kept(void **state)
{
    struct digest roots[4];
    begin(*state);
    for (int i = 0; i < 4; i++) {
        rot_again((uint64_t)i);
        roots[i] = store_tree(chain.store).root;
        assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
        const char *to = i == 0 ? "/diverged-first --genesis" : "/diverged-newest --genesis";
        assert_non_null(strstr(said(), to));
        assert_int_equal(aside_put(&home, &log_to, &why), RC_OK); /* a start after a kill */
        assert_non_null(strstr(said(), to));
        come_back();
    }
    struct digest first = root_of("diverged-first"), newest = root_of("diverged-newest");
    assert_true(digest_equal(&first, &roots[0]));
    assert_true(digest_equal(&newest, &roots[3]));
    assert_false(digest_equal(&first, &newest));
    end();
}

/* Same height, same roots: what differs may be where no root tells. */
static void another_divergence_at_the_same_state_has_a_copy_of_its_own(void **state)
{
    begin(*state);
    diverge();
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    (void)said();
    come_back();
    diverge();
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_non_null(strstr(said(), "/diverged-newest --genesis"));
    assert_true(is_at("diverged-newest"));
    end();
}

/* An audit has it open, and is not disturbed. */
static void a_copy_that_somebody_reads_is_not_made_again(void **state)
{
    struct kv *kv;
    begin(*state);
    diverge();
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    (void)said();
    char *directory = scratch_join(config.data, "diverged-first");
    const struct kv_lmdb_options options = {.map_bytes = 64 << 20, .read_only = true};
    assert_int_equal(kv_lmdb_open(&kv, directory, &options, &why), RC_OK);
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_non_null(strstr(said(), "/diverged-first --genesis"));
    assert_false(is_at("diverged-newest"));
    kv_close(kv);
    free(directory);
    end();
}

/* ---- where none can be made ---- */

static void assert_goes_on_without(const char *cause)
{
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    const char *line = said();
    assert_non_null(strstr(line, "level=error event=not_set_aside height=8 what="));
    if (strstr(line, cause) == NULL)
        fail_msg("no \"%s\" in: %s", cause, line);
}

static void a_node_comes_back_without_a_copy_that_cannot_be_made(void **state)
{
    begin(*state);
    diverge();
    char *directory = scratch_join(config.data, "diverged-first");
    int fd = open(directory, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_goes_on_without("diverged-first");
    free(directory);
    end();
}

static void no_copy_takes_of_the_reserve_of_the_disk(void **state)
{
    begin(*state);
    diverge();
    config.disk_reserve_bytes = (uint64_t)1 << 62;
    assert_goes_on_without("held in reserve");
    char *directory = scratch_join(config.data, "diverged-first");
    assert_int_not_equal(access(directory, F_OK), 0);
    config.disk_reserve_bytes = 0; /* somebody made room */
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_non_null(strstr(said(), "/diverged-first --genesis"));
    free(directory);
    end();
}

/* It would hold room that the ledger needs. */
static void of_a_copy_that_is_cut_off_nothing_is_left(void **state)
{
    struct rlimit usual;
    begin(*state);
    diverge();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    const struct rlimit small = {.rlim_cur = 16384, .rlim_max = usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_goes_on_without("copy the store");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    char *directory = scratch_join(config.data, "diverged-first");
    assert_int_not_equal(access(directory, F_OK), 0);
    free(directory);
    end();
}

/* ---- damaged pages ---- */

enum { PAGE_BYTES = 4096, PAGE_HEAD_BYTES = 16, IS_BRANCH = 1 };

/* All branch pages lead to a page far beyond the end. */
static int break_trees(const char *path)
{
    uint8_t page[PAGE_BYTES];
    int count = 0, fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    for (off_t at = 2 * PAGE_BYTES; pread(fd, page, sizeof page, at) == sizeof page;
         at += PAGE_BYTES) {
        uint16_t flags, node;
        memcpy(&flags, page + 10, sizeof flags);
        memcpy(&node, page + PAGE_HEAD_BYTES, sizeof node);
        uint64_t number;
        memcpy(&number, page, sizeof number);
        if (number != (uint64_t)at / PAGE_BYTES || flags != IS_BRANCH || node > PAGE_BYTES - 8)
            continue;
        memset(page + node + 2, 0x7f, 2);
        assert_int_equal(pwrite(fd, page, sizeof page, at), sizeof page);
        count++;
    }
    close(fd);
    return count;
}

/* The trees cannot be walked: the copy is of the pages as they are. */
static void a_store_with_damaged_pages_is_copied_as_it_is(void **state)
{
    begin(*state);
    chain_grow(&chain, 40);
    diverge();
    char *path = scratch_join(config.data, "data.mdb");
    assert_true(break_trees(path) > 0);
    assert_int_equal(aside_put(&home, &log_to, &why), RC_OK);
    assert_non_null(strstr(said(), "/diverged-first --genesis"));
    char *copied = copy_path_of("diverged-first");
    assert_int_equal(break_trees(copied), break_trees(path)); /* with the same pages */
    free(copied);
    free(path);
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
        ASIDE_TEST(the_first_and_the_newest_are_kept),
        ASIDE_TEST(another_divergence_at_the_same_state_has_a_copy_of_its_own),
        ASIDE_TEST(a_copy_that_somebody_reads_is_not_made_again),
        ASIDE_TEST(a_node_comes_back_without_a_copy_that_cannot_be_made),
        ASIDE_TEST(no_copy_takes_of_the_reserve_of_the_disk),
        ASIDE_TEST(of_a_copy_that_is_cut_off_nothing_is_left),
        ASIDE_TEST(a_store_with_damaged_pages_is_copied_as_it_is),
        ASIDE_TEST(a_state_that_is_gone_is_not_put_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
