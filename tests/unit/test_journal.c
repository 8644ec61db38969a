/* The journal of an import: what a crash leaves of it, and what damage does to it. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/prng.h"
#include "tests/help/scratch.h"
#include "tools/hansa/journal.h"

enum { RECORDS = 12 };

struct place {
    char *directory;
    char *path;
};

static int setup(void **state)
{
    struct place *p = mem_alloc(sizeof *p);
    p->directory = scratch_make();
    p->path = scratch_join(p->directory, "a.journal");
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    free(p->path);
    scratch_remove(p->directory);
    mem_free(p);
    return 0;
}

/* ---- a journal with all kinds of records ---- */

static struct journal_record sample(int i)
{
    static const uint8_t tx[300] = {7};
    struct journal_record r = {.batch = (uint64_t)i};
    switch (i % 5) {
    case 0:
        r.type = JOURNAL_SIGNED;
        r.first_line = (uint64_t)i + 2;
        r.last_line = (uint64_t)i + 3;
        r.rows = 2;
        r.tx = bytes_of(tx, 100 + (size_t)i);
        break;
    case 1:
        r.type = JOURNAL_CANCEL;
        r.verdict = VERDICT_OVERDRAFT;
        r.tx = bytes_of(tx, 90);
        break;
    case 2:
        r.type = JOURNAL_COMMITTED;
        break;
    case 3:
        r.type = JOURNAL_REFUSED;
        r.verdict = VERDICT_OVERDRAFT;
        break;
    default:
        r.type = JOURNAL_LOST;
    }
    if (i % 5 >= 2) {
        r.txid.bytes[3] = (uint8_t)i;
        r.height = (uint64_t)i * 10;
    }
    return r;
}

static struct journal_record begin_record(void)
{
    struct journal_record r = {.type = JOURNAL_BEGIN};
    r.binding.chain_id.bytes[0] = 1;
    r.binding.csv.bytes[0] = 2;
    r.binding.signer.bytes[0] = 3;
    r.binding.rules = bytes_of_text("op transfer\nto {to}");
    return r;
}

static void assert_same(const struct journal_record *a, const struct journal_record *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(digest_equal(&a->binding.chain_id, &b->binding.chain_id));
    assert_true(digest_equal(&a->binding.csv, &b->binding.csv));
    assert_true(public_key_equal(&a->binding.signer, &b->binding.signer));
    assert_true(bytes_equal(a->binding.rules, b->binding.rules));
    assert_int_equal(a->batch, b->batch);
    assert_int_equal(a->first_line, b->first_line);
    assert_int_equal(a->last_line, b->last_line);
    assert_int_equal(a->rows, b->rows);
    assert_true(bytes_equal(a->tx, b->tx));
    assert_true(digest_equal(&a->txid, &b->txid));
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->verdict, b->verdict);
}

/* Counts, and compares each with the one that was written at its place. */
static enum rc count(void *context, const struct journal_record *r, struct why *why)
{
    int *seen = context;
    (void)why;
    struct journal_record expected = *seen == 0 ? begin_record() : sample(*seen - 1);
    assert_same(r, &expected);
    (*seen)++;
    return RC_OK;
}

static void open_empty(struct journal *j, const char *path)
{
    int seen = 0;
    struct why why = {""};
    assert_int_equal(journal_open(j, path, &why), RC_OK);
    assert_int_equal(journal_replay(j, count, &seen, &why), RC_OK);
    assert_int_equal(seen, 0);
}

/* All samples, synced behind each third. Returns how many bytes are synced in the end. */
static uint64_t write_samples(const char *path)
{
    struct journal j;
    struct why why = {""};
    open_empty(&j, path);
    struct journal_record begin = begin_record();
    journal_add(&j, &begin);
    assert_int_equal(journal_sync(&j, &why), RC_OK);
    for (int i = 0; i < RECORDS; i++) {
        struct journal_record r = sample(i);
        journal_add(&j, &r);
        if (i % 3 == 2)
            assert_int_equal(journal_sync(&j, &why), RC_OK);
        else if (i % 3 == 1)
            assert_int_equal(journal_write(&j, &why), RC_OK);
    }
    uint64_t synced = j.synced;
    journal_close(&j);
    return synced;
}

static enum rc replay(const char *path, int *seen, struct why *why)
{
    struct journal j;
    *seen = 0;
    enum rc rc = journal_open(&j, path, why);
    if (rc != RC_OK)
        return rc;
    rc = journal_replay(&j, count, seen, why);
    journal_close(&j);
    return rc;
}

static void what_was_written_is_read_back(void **state)
{
    const struct place *p = *state;
    int seen;
    struct why why = {""};
    write_samples(p->path);
    assert_int_equal(replay(p->path, &seen, &why), RC_OK);
    assert_int_equal(seen, 1 + RECORDS);
}

/* Cut off anywhere, the whole records in front are there, and writing goes on behind them. */
static void a_journal_cut_off_at_any_byte_keeps_what_is_whole(void **state)
{
    const struct place *p = *state;
    struct stat st;
    struct why why = {""};
    write_samples(p->path);
    assert_int_equal(stat(p->path, &st), 0);
    int before = 1 + RECORDS;
    for (off_t size = st.st_size - 1; size >= 0; size--) {
        int seen, again;
        assert_int_equal(truncate(p->path, size), 0);
        assert_int_equal(replay(p->path, &seen, &why), RC_OK);
        assert_true(seen == before || seen == before - 1);
        before = seen;
        if (size % 37 != 0 || seen == 0)
            continue;
        struct journal j;
        char *copy = scratch_join(p->directory, "copy");
        char command[512];
        snprintf(command, sizeof command, "cp '%s' '%s'", p->path, copy);
        assert_int_equal(system(command), 0);
        assert_int_equal(journal_open(&j, copy, &why), RC_OK);
        seen = 0;
        assert_int_equal(journal_replay(&j, count, &seen, &why), RC_OK);
        struct journal_record next = sample(seen - 1);
        journal_add(&j, &next);
        assert_int_equal(journal_sync(&j, &why), RC_OK);
        journal_close(&j);
        assert_int_equal(replay(copy, &again, &why), RC_OK);
        assert_int_equal(again, seen + 1);
        unlink(copy);
        free(copy);
    }
    assert_int_equal(before, 0);
}

static void write_at(const char *path, off_t at, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, size, at), (ssize_t)size);
    close(fd);
}

static uint8_t byte_at(const char *path, off_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    close(fd);
    return byte;
}

/* What was synced is never taken for a torn tail: a lost SIGNED would be signed a second time. */
static void a_flipped_byte_of_what_is_synced_is_refused(void **state)
{
    const struct place *p = *state;
    uint64_t synced = write_samples(p->path);
    for (off_t at = 0; at < (off_t)synced; at++) {
        int seen;
        struct why why = {""};
        uint8_t was = byte_at(p->path, at), bad = was ^ 0x40;
        write_at(p->path, at, &bad, 1);
        enum rc rc = replay(p->path, &seen, &why);
        assert_int_equal(rc, at < 8 ? RC_MALFORMED : RC_STORE_DAMAGED);
        assert_non_null(strstr(why.text, at < 8 ? "not the journal of an import"
                                                : "the journal is damaged at byte "));
        write_at(p->path, at, &was, 1);
    }
}

/* Zeros and leftovers behind the last sync are a torn tail, whatever their shape. */
static void garbage_behind_the_last_sync_is_dropped(void **state)
{
    const struct place *p = *state;
    struct prng prng = prng_of(5);
    struct stat st;
    write_samples(p->path);
    assert_int_equal(stat(p->path, &st), 0);
    for (int i = 0; i < 50; i++) {
        uint8_t garbage[500];
        int seen;
        struct why why = {""};
        prng_fill(&prng, garbage, sizeof garbage);
        if (i % 2 == 0)
            memset(garbage, 0, sizeof garbage);
        write_at(p->path, st.st_size, garbage, 1 + prng_below(&prng, sizeof garbage - 1));
        assert_int_equal(replay(p->path, &seen, &why), RC_OK);
        assert_int_equal(seen, 1 + RECORDS);
        assert_int_equal(truncate(p->path, st.st_size), 0);
    }
}

static void add_signed(struct journal *j, uint64_t batch)
{
    struct journal_record r = sample(0);
    r.batch = batch;
    journal_add(j, &r);
}

static enum rc note_batch(void *context, const struct journal_record *r, struct why *why)
{
    (void)why;
    if (r->type == JOURNAL_SIGNED)
        *(uint64_t *)context = r->batch;
    return RC_OK;
}

/* Of two records behind the last sync the first is garbled: both are dropped, and the second does
 * not come back when another takes the first one's place. */
static void what_was_dropped_never_comes_back(void **state)
{
    const struct place *p = *state;
    struct journal j;
    struct why why = {""};
    uint64_t last = 0;
    open_empty(&j, p->path);
    struct journal_record begin = begin_record();
    journal_add(&j, &begin);
    assert_int_equal(journal_sync(&j, &why), RC_OK);
    uint64_t first = j.size;
    add_signed(&j, 1);
    add_signed(&j, 2);
    assert_int_equal(journal_write(&j, &why), RC_OK);
    journal_close(&j);
    uint8_t bad = byte_at(p->path, (off_t)first + 40) ^ 1;
    write_at(p->path, (off_t)first + 40, &bad, 1);

    assert_int_equal(journal_open(&j, p->path, &why), RC_OK);
    assert_int_equal(journal_replay(&j, note_batch, &last, &why), RC_OK);
    assert_int_equal(last, 0);
    add_signed(&j, 3);
    assert_int_equal(journal_write(&j, &why), RC_OK);
    journal_close(&j);
    assert_int_equal(journal_open(&j, p->path, &why), RC_OK);
    assert_int_equal(journal_replay(&j, note_batch, &last, &why), RC_OK);
    assert_int_equal(last, 3);
    journal_close(&j);
}

static void a_second_process_is_refused_and_a_look_is_not(void **state)
{
    const struct place *p = *state;
    struct journal first, second;
    struct why why = {""};
    int seen = 0;
    write_samples(p->path);
    assert_int_equal(journal_open(&first, p->path, &why), RC_OK);
    assert_int_equal(journal_open(&second, p->path, &why), RC_STORE_IN_USE);
    assert_non_null(strstr(why.text, "another import is at work with this journal"));
    assert_int_equal(journal_open_to_look(&second, p->path, &why), RC_OK);
    assert_int_equal(journal_replay(&second, count, &seen, &why), RC_OK);
    assert_int_equal(seen, 1 + RECORDS);
    journal_close(&second);
    journal_close(&first);
    assert_int_equal(journal_open(&first, p->path, &why), RC_OK);
    journal_close(&first);
}

static void other_files_are_refused_and_left_alone(void **state)
{
    const struct place *p = *state;
    struct journal j;
    struct why why = {""};
    int fd = open(p->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "HANSA, my notes", 15), 15);
    close(fd);
    assert_int_equal(journal_open(&j, p->path, &why), RC_MALFORMED);
    assert_int_equal(byte_at(p->path, 14), 's');
    assert_int_equal(journal_open(&j, p->directory, &why), RC_FILE_IO);
}

static void another_import_is_told_what_differs(void **state)
{
    (void)state;
    struct journal_binding is = begin_record().binding, asked = is;
    struct why why = {""};
    assert_int_equal(journal_judge_binding(&is, &asked, &why), RC_OK);
    asked.rules = bytes_of_text("op transfer\nto {payee}");
    assert_int_equal(journal_judge_binding(&is, &asked, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "'to {to}', and now 'to {payee}'"));
    asked.rules = bytes_of_text("op transfer\nto {to}\nmemo x");
    assert_int_equal(journal_judge_binding(&is, &asked, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "options: nothing, and now 'memo x'"));
    assert_int_equal(journal_judge_binding(&asked, &is, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "options: 'memo x', and now nothing"));
    asked.rules = bytes_of_text("op transfer\nto {to}y");
    assert_int_equal(journal_judge_binding(&is, &asked, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "'to {to}', and now 'to {to}y'"));
    asked = is;
    asked.csv.bytes[9] = 1;
    assert_int_equal(journal_judge_binding(&is, &asked, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "CSV"));
    asked = is;
    asked.signer.bytes[9] = 1;
    assert_int_equal(journal_judge_binding(&is, &asked, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "another key"));
    asked = is;
    asked.chain_id.bytes[9] = 1;
    assert_int_equal(journal_judge_binding(&is, &asked, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "another chain"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read_back),
        TEST(a_journal_cut_off_at_any_byte_keeps_what_is_whole),
        TEST(a_flipped_byte_of_what_is_synced_is_refused),
        TEST(garbage_behind_the_last_sync_is_dropped),
        TEST(what_was_dropped_never_comes_back),
        TEST(a_second_process_is_refused_and_a_look_is_not),
        TEST(other_files_are_refused_and_left_alone),
        cmocka_unit_test(another_import_is_told_what_differs),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
