/* Rows of a CSV file as batches of operations: what they hold, where they end, what is refused. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/help/scratch.h"
#include "tools/hansa/import_judge.h"
#include "tools/hansa/import_rows.h"

struct csv_place {
    char *directory, *path;
    struct genesis genesis;
    struct initial_asset asset;
    struct public_key signer;
    struct import_rows *rows;
};

static int setup(void **state)
{
    struct csv_place *p = mem_alloc(sizeof *p);
    p->directory = scratch_make();
    p->path = scratch_join(p->directory, "rows.csv");
    p->asset = (struct initial_asset){.decimals = 2};
    snprintf(p->asset.code, sizeof p->asset.code, "CZK");
    p->genesis.initial.assets = &p->asset;
    p->genesis.initial.assets_count = 1;
    p->rows = mem_alloc(sizeof *p->rows);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct csv_place *p = *state;
    mem_free(p->rows);
    free(p->path);
    scratch_remove(p->directory);
    mem_free(p);
    return 0;
}

static void write_file(const struct csv_place *p, const char *text, size_t size)
{
    int fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    close(fd);
}

static struct import_rows_config config_of(const struct csv_place *p, uint32_t ops_per_tx)
{
    struct import_rows_config c = {.path = p->path,
                                   .delimiter = ',',
                                   .op = "transfer",
                                   .fields = {{"from", "from", "home/{a}"},
                                              {"to", "to", "{bank|lower}/{b}"},
                                              {"amount", "amount", "{amount}"},
                                              {"asset", "asset", "CZK"}},
                                   .fields_count = 4,
                                   .ops_per_tx = ops_per_tx,
                                   .context = {&p->genesis, "home", &p->signer}};
    return c;
}

static void open_rows(struct csv_place *p, const char *text, uint32_t ops_per_tx)
{
    struct why why = {""};
    struct import_rows_config config = config_of(p, ops_per_tx);
    write_file(p, text, strlen(text));
    if (import_rows_open(p->rows, &config, &why) != RC_OK)
        fail_msg("%s", why.text);
}

static const char five[] = "a,bank,b,amount\n1,YZ,10,1.00\n2,ST,20,2.00\r\n\"3\",QR,30,3.00\n"
                           "4,QR,40,4.00\n5,QR,50,5.00\n";

static void rows_become_operations_in_batches(void **state)
{
    struct csv_place *p = *state;
    struct import_batch b;
    struct why why = {""};
    open_rows(p, five, 2);
    for (int round = 0; round < 2; round++) { /* read twice: the same batches */
        assert_int_equal(import_rows_next(p->rows, &b, &why), RC_OK);
        assert_int_equal(b.number, 0);
        assert_int_equal(b.first_line, 2);
        assert_int_equal(b.last_line, 3);
        assert_int_equal(b.ops_count, 2);
        assert_int_equal(b.ops[1].type, OP_TRANSFER);
        assert_true(bytes_equal(b.ops[0].transfer.from, bytes_of_text("home/1")));
        assert_true(bytes_equal(b.ops[1].transfer.to, bytes_of_text("st/20")));
        assert_int_equal(b.ops[1].transfer.amount, 200);
        assert_int_equal(import_rows_next(p->rows, &b, &why), RC_OK);
        assert_int_equal(import_rows_next(p->rows, &b, &why), RC_OK);
        assert_int_equal(b.number, 2);
        assert_int_equal(b.first_line, 6);
        assert_int_equal(b.ops_count, 1);
        assert_int_equal(import_rows_next(p->rows, &b, &why), RC_NOT_FOUND);
        assert_int_equal(import_rows_restart(p->rows, &why), RC_OK);
    }
    import_rows_close(p->rows);
}

/* 1000 rows of long memos do not fit one transaction: the batch ends where it is full. */
static void a_batch_that_is_full_begins_the_next(void **state)
{
    struct csv_place *p = *state;
    struct buf text = {0};
    struct import_batch b;
    struct why why = {""};
    char memo[121];
    memset(memo, 'm', sizeof memo - 1);
    memo[sizeof memo - 1] = '\0';
    buf_add(&text, "a,bank,b,amount,memo\n", 21);
    for (int i = 0; i < 2000; i++) {
        char row[256];
        int size = snprintf(row, sizeof row, "%d,YZ,%d,1.00,%s\n", i, i, memo);
        buf_add(&text, row, (size_t)size);
    }
    write_file(p, (const char *)text.data, text.size);
    struct import_rows_config config = config_of(p, TX_OPS_MAX);
    config.fields[config.fields_count++] = (struct import_field){"memo", "memo", "{memo}"};
    assert_int_equal(import_rows_open(p->rows, &config, &why), RC_OK);
    uint64_t rows = 0, line = 2;
    while (import_rows_next(p->rows, &b, &why) == RC_OK) {
        static const uint8_t seed[SIGN_SEED_BYTES] = {1};
        struct tx_draft draft = {.nonce = 1, .ops = b.ops, .ops_count = b.ops_count};
        struct sign_key key;
        struct digest chain_id = {{0}};
        struct buf tx = {0};
        sign_key_from_seed(&key, seed);
        assert_int_equal(tx_sign(&tx, &draft, &key, &chain_id), VERDICT_OK);
        assert_true(tx.size > TX_BYTES_MAX - 256 || rows + b.ops_count == 2000);
        assert_int_equal(b.first_line, line);
        rows += b.ops_count;
        line = b.last_line + 1;
        buf_free(&tx);
    }
    assert_int_equal(rows, 2000);
    import_rows_close(p->rows);
    buf_free(&text);
}

static void assert_judged(struct csv_place *p, const char *text, const char *words, uint64_t wrong)
{
    struct import_judged judged;
    struct why why = {""};
    json_t *details;
    open_rows(p, text, 1);
    assert_int_equal(import_judge(&judged, p->rows, &details, &why), RC_INVALID);
    if (strstr(why.text, words) == NULL)
        fail_msg("no '%s' in '%s'", words, why.text);
    if (wrong > 0)
        assert_int_equal(json_integer_value(json_object_get(details, "wrong_rows")), wrong);
    json_decref(details);
    import_rows_close(p->rows);
}

static void wrong_rows_are_named_with_their_lines(void **state)
{
    struct csv_place *p = *state;
    assert_judged(p, "a,bank,b,amount\n1,YZ,1,1.5\n", "line 2: amount: is not an amount of CZK", 1);
    assert_judged(p, "a,bank,b,amount\n1,YZ,1,1.00\n1,YZ,1,-1.00\n1,YZ\n\n1,YZ,1,x\n",
                  "line 3: amount: ", 4);
    assert_judged(p, "a,bank,b,amount\n1,YZ,1,1.00\n1,YZ,1,-1.00\n1,YZ\n\n1,YZ,1,x\n",
                  "3 more rows are wrong: lines 4, 5, 6", 4);
    assert_judged(p, "a,bank,b,amount\n1,YZ,1,0.00\n", "line 2: an amount of nothing", 1);
    assert_judged(p, "a,bank,b,amount\n1,Y Z,1,1.00\n", "line 2: to: must be an account", 1);
    assert_judged(p, "a,bank,b,amount\n1,home,1,1.00\n", "line 2: a transfer from an account", 1);
    assert_judged(p, "a,bank,b,amount\n1,YZ,\xff,1.00\n", "not UTF-8", 1);
    assert_judged(p, "a,bank,b,amount\n", "there are no rows", 0);
}

static void anothers_account_is_refused_before_anything_is_sent(void **state)
{
    struct csv_place *p = *state;
    struct why why = {""};
    struct import_batch b;
    struct import_rows_config config = config_of(p, 1);
    config.context.participant = "bank";
    write_file(p, five, strlen(five));
    assert_int_equal(import_rows_open(p->rows, &config, &why), RC_OK);
    assert_int_equal(import_rows_next(p->rows, &b, &why), RC_INVALID);
    assert_non_null(strstr(why.text, "account home/1 belongs to participant home"));
    import_rows_close(p->rows);
}

static void the_whole_file_is_summed_and_hashed(void **state)
{
    struct csv_place *p = *state;
    struct import_judged judged;
    struct digest expected;
    struct why why = {""};
    json_t *details;
    open_rows(p, five, 2);
    assert_int_equal(import_judge(&judged, p->rows, &details, &why), RC_OK);
    assert_null(details);
    assert_int_equal(judged.rows, 5);
    assert_int_equal(judged.txs, 3);
    assert_true(judged.has_sum);
    assert_int_equal(judged.sum, 1500);
    digest_of(&expected, TAG_RECORD, bytes_of_text(five));
    assert_true(digest_equal(&judged.csv, &expected));
    import_rows_close(p->rows);
}

/* What was judged is what is signed: a file that is written to in between is refused. */
static void a_file_that_changes_is_refused(void **state)
{
    struct csv_place *p = *state;
    struct import_batch b;
    struct why why = {""};
    open_rows(p, five, 1);
    assert_int_equal(import_rows_next(p->rows, &b, &why), RC_OK);
    int fd = open(p->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "6,QR,60,6.00\n", 13), 13);
    close(fd);
    assert_int_equal(import_rows_next(p->rows, &b, &why), RC_FILE_IO);
    assert_non_null(strstr(why.text, "was changed"));
    import_rows_close(p->rows);
}

static void the_rules_tell_other_options_apart(void **state)
{
    struct csv_place *p = *state;
    struct buf one = {0}, two = {0};
    struct import_rows_config config = config_of(p, 1);
    import_rows_rules(&one, &config);
    config.fields[0].template = "home/{b}";
    import_rows_rules(&two, &config);
    assert_false(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
    buf_clear(&two);
    config = config_of(p, 2);
    import_rows_rules(&two, &config);
    assert_false(bytes_equal(buf_bytes(&one), buf_bytes(&two)));
    buf_free(&one);
    buf_free(&two);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_become_operations_in_batches),
        TEST(a_batch_that_is_full_begins_the_next),
        TEST(wrong_rows_are_named_with_their_lines),
        TEST(anothers_account_is_refused_before_anything_is_sent),
        TEST(the_whole_file_is_summed_and_hashed),
        TEST(a_file_that_changes_is_refused),
        TEST(the_rules_tell_other_options_apart),
    };
    return cmocka_run_group_tests_name("import_rows", tests, NULL, NULL);
}
