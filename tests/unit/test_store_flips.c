/* 500 random single-bit flips over a store on disk. Each flip is reported at open, at a read, by
 * the scrub or by the audit, or crashes inside LMDB, or is harmless. No wrong answer, and no key
 * that silently vanished (design 5).
 *
 * Every question a tool can ask is asked of the sound store first; then, for each flip, a child
 * process asks them all again of the flipped copy and compares. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/help/scratch.h"
#include "tests/help/traffic.h"

enum { FLIPS = 500, TXS = 600, TXS_PER_BLOCK = 8, QUESTIONS_MAX = 4096 };

/* What a child says by its exit code. */
enum { SAID_RIGHT = 0, SAID_DAMAGED = 10, SAID_WRONG = 20 };
enum { CHILD_SECONDS_MAX = 30, COMPLAINT_BYTES_MAX = 64 * 1024 };

static struct traffic traffic;
static uint64_t truth[QUESTIONS_MAX];
static uint32_t truth_count;

/* One pass over all questions; answers are folded into a number each. */
struct inquiry {
    struct store *store;
    uint32_t asked;
    bool is_truth; /* note the answers instead of comparing them */
    bool is_damaged, is_wrong;
};

/* An answer: found with these bytes, or said to be absent. Anything else is a report of damage. */
static void answer(struct inquiry *q, enum rc rc, struct bytes bytes)
{
    uint64_t folded = 1;
    if (rc == RC_OK) {
        struct digest d;
        digest_of(&d, TAG_TEST, bytes);
        memcpy(&folded, d.bytes, sizeof folded);
    } else if (rc != RC_NOT_FOUND) {
        q->is_damaged = true;
    }
    /* No cmocka assertion here: in a child it would go on with the parent's teardown. */
    uint32_t at = q->asked++;
    if (at >= QUESTIONS_MAX)
        q->is_wrong = true;
    else if (q->is_truth)
        truth[at] = folded;
    else if (!q->is_damaged && truth[at] != folded)
        q->is_wrong = true;
}

static void ask_state(struct inquiry *q, enum state_table table, struct bytes key)
{
    struct bytes value = {0};
    struct layer *l = store_layer(q->store);
    bool found = layer_get(l, table, key, &value);
    enum rc rc = layer_rc(l) != RC_OK ? layer_rc(l) : found ? RC_OK : RC_NOT_FOUND;
    answer(q, rc, value);
}

static enum rc ask_balance(void *context, struct bytes key)
{
    struct inquiry *q = context;
    struct bytes account, asset, value = {0};
    struct state_balance balance;
    uint8_t room[KV_KEY_BYTES_MAX];
    if (!state_balance_key_split(key, &account, &asset))
        return RC_STORE_DAMAGED;
    ask_state(q, STATE_BALANCE, key);
    if (!state_get_balance(store_layer(q->store), account, asset, &balance))
        return RC_STORE_DAMAGED;
    /* Its whole history, and the entry that there is not. */
    for (uint64_t i = 1; i <= balance.entries_count + 1; i++) {
        enum rc rc = store_get_index(q->store, KV_HISTORY,
                                     place_history_key(room, account, asset, i), &value, NULL);
        answer(q, rc, value);
    }
    return RC_OK;
}

static enum rc ask_listed(void *context, struct bytes key)
{
    answer(context, RC_OK, key);
    return RC_OK;
}

static void ask_transactions(struct inquiry *q)
{
    for (uint32_t i = 0; i <= traffic.txs_count; i++) {
        struct tx tx, found = {0};
        struct place place;
        struct block block;
        struct bytes value = {0};
        uint8_t room[KV_KEY_BYTES_MAX];
        if (i < traffic.txs_count)
            CHECK(tx_decode(&tx, traffic_tx(&traffic, i), &traffic.book.chain_id) == VERDICT_OK);
        else
            memset(&tx.id, 7, sizeof tx.id); /* one that never was */
        enum rc rc = store_get_place(q->store, &tx.id, &place, NULL);
        if (rc == RC_OK)
            rc = store_get_tx(q->store, &place, &found, &block, NULL);
        answer(q, rc, found.whole);
        rc = store_get_index(q->store, KV_NONCE, place_nonce_key(room, &tx.signer, tx.nonce),
                             &value, NULL);
        answer(q, rc, value);
    }
}

static void ask_blocks(struct inquiry *q)
{
    uint64_t height = store_head(q->store)->height;
    answer(q, RC_OK, bytes_of(&height, sizeof height));
    answer(q, RC_OK, bytes_of(store_head_digest(q->store)->bytes, DIGEST_BYTES));
    for (uint64_t h = 1; h <= 1 + TXS / TXS_PER_BLOCK; h++) {
        struct block block = {0};
        struct certificate c;
        uint8_t room[CERT_BYTES_MAX];
        struct wr w = wr_of(room, sizeof room);
        answer(q, store_get_block(q->store, h, &block, NULL), block.whole);
        enum rc rc = store_get_certificate(q->store, h, &c, NULL);
        if (rc == RC_OK)
            cert_encode(&w, &c);
        answer(q, rc, wr_bytes_of(&w));
    }
}

static void ask_everything(struct inquiry *q)
{
    static const char *const absent[] = {"anna/nowhere", "bank/zzz"};
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct why why;
    ask_blocks(q);
    ask_transactions(q);
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        ask_state(q, STATE_BALANCE,
                  state_balance_key(room, bytes_of_text(absent[i]), bytes_of_text("CZK")));
    for (int i = 0; i < BOOK_KEYS_COUNT; i++)
        ask_state(q, STATE_KEY, bytes_of(traffic.book.keys[i].public.bytes, PUBLIC_KEY_BYTES));
    for (int table = STATE_PARTICIPANT; table < STATE_TABLE_END; table++)
        answer(
            q,
            store_list(q->store, (enum state_table)table, bytes_of(NULL, 0), ask_listed, q, &why),
            bytes_of(NULL, 0));
    answer(q, store_list(q->store, STATE_BALANCE, bytes_of(NULL, 0), ask_balance, q, &why),
           bytes_of(NULL, 0));
}

/* Open the store at path as a tool does, and ask. */
static int inquire(const char *path, bool is_truth)
{
    struct kv *kv;
    struct inquiry q = {.is_truth = is_truth};
    struct kv_lmdb_options kv_options = {.read_only = true};
    struct store_options options = {.care = TREE_VERIFY};
    if (kv_lmdb_open(&kv, path, &kv_options, NULL) != RC_OK)
        return SAID_DAMAGED;
    if (store_open(&q.store, kv, &options, NULL) != RC_OK)
        return SAID_DAMAGED;
    ask_everything(&q);
    if (is_truth)
        truth_count = q.asked;
    store_close(q.store);
    kv_close(kv);
    /* After a report of damage less may have been asked, and answers meet the truth of other
     * questions; so only those before it are compared. */
    if (q.is_wrong || (!q.is_damaged && q.asked != truth_count))
        return SAID_WRONG;
    return q.is_damaged ? SAID_DAMAGED : SAID_RIGHT;
}

static int open_traffic(void **state)
{
    struct kv *kv;
    struct store *store;
    struct why why;
    struct kv_lmdb_options kv_options = {.create = true};
    struct store_options options = {.care = TREE_TRUST};
    if (scratch_setup(state) != 0)
        return -1;
    traffic_open(&traffic, 21, TXS);
    assert_int_equal(kv_lmdb_open(&kv, *state, &kv_options, &why), RC_OK);
    assert_int_equal(traffic_create_store(&traffic, kv, &why), RC_OK);
    assert_int_equal(store_open(&store, kv, &options, &why), RC_OK);
    for (uint32_t i = 0; i < TXS; i += TXS_PER_BLOCK)
        assert_int_equal(traffic_append(&traffic, store, i, TXS_PER_BLOCK, NULL, &why), RC_OK);
    store_close(store);
    kv_close(kv);
    return 0;
}

static int close_traffic(void **state)
{
    traffic_close(&traffic);
    return scratch_teardown(state);
}

static struct buf read_whole(const char *path)
{
    struct buf bytes = {0};
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t part[65536];
    for (size_t got; (got = fread(part, 1, sizeof part, f)) > 0;)
        buf_add(&bytes, part, got);
    fclose(f);
    return bytes;
}

static void write_byte(const char *path, size_t at, uint8_t byte)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* What a child wrote to stderr before it ended, as a text. */
static void read_complaint(char out[static COMPLAINT_BYTES_MAX], FILE *complaint)
{
    rewind(complaint);
    out[fread(out, 1, COMPLAINT_BYTES_MAX - 1, complaint)] = '\0';
    fclose(complaint);
}

/* The line of the innermost function that is not the sanitizer's own, in its first stack; or "". */
static void take_crashed_frame(char out[static 512], const char *report)
{
    const char *frame = strstr(report, "    #0 ");
    out[0] = '\0';
    while (frame != NULL && strncmp(frame, "    #", 5) == 0) {
        const char *end = strchr(frame, '\n');
        snprintf(out, 512, "%.*s", end == NULL ? 511 : (int)(end - frame), frame);
        if (strstr(out, "sanitizer") == NULL && strstr(out, "libasan") == NULL)
            return;
        out[0] = '\0';
        frame = end == NULL ? NULL : end + 1;
    }
}

/* Did a crashed child crash in our own code? A CHECK says so itself; UBSan sees our code only. With
 * ASan the first stack tells: frames of ours have our sources or this program in them, LMDB's its
 * library. Without ASan a wild read of ours is not told from LMDB's. */
static bool is_our_crash(const char *complaint)
{
    static const char *const ours[] = {"crypto/", "ledger/", "test_store_flips"};
    char frame[512];
    if (strstr(complaint, "CHECK failed") != NULL || strstr(complaint, "runtime error:") != NULL)
        return true;
    const char *report = strstr(complaint, "ERROR: AddressSanitizer");
    if (report == NULL)
        return false;
    take_crashed_frame(frame, report);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strstr(frame, ours[i]) != NULL)
            return true;
    }
    return false;
}

/* Ask in a child: LMDB may crash on a damaged page, and that is allowed. */
static int inquire_in_child(const char *path, char complaint[static COMPLAINT_BYTES_MAX])
{
    int status;
    FILE *errors = tmpfile();
    assert_non_null(errors);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        /* cmocka's handlers would jump back into the parent's test. */
        static const int fatal[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS};
        for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
            signal(fatal[i], SIG_DFL);
        int null = open("/dev/null", O_WRONLY);
        dup2(fileno(errors), STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
        alarm(CHILD_SECONDS_MAX);
        _exit(inquire(path, false));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    read_complaint(complaint, errors);
    return status;
}

static void no_flipped_bit_gives_a_wrong_answer(void **state)
{
    static char complaint[COMPLAINT_BYTES_MAX];
    const char *path = *state;
    char *data = scratch_join(path, "data.mdb");
    struct prng p = prng_of(77);
    struct buf sound = read_whole(data);
    int right = 0, damaged = 0, crashed = 0;
    assert_int_equal(inquire(path, true), SAID_RIGHT);
    assert_true(truth_count > 2000);
    assert_int_equal(inquire(path, false), SAID_RIGHT);

    for (int i = 0; i < FLIPS; i++) {
        size_t at = prng_below(&p, sound.size);
        int bit = (int)prng_below(&p, 8);
        write_byte(data, at, sound.data[at] ^ (uint8_t)(1 << bit));
        int status = inquire_in_child(path, complaint);
        write_byte(data, at, sound.data[at]);
        int said = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (said == SAID_WRONG || (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM))
            fail_msg("flip %d, byte %zu bit %d of data.mdb: %s", i, at, bit,
                     said == SAID_WRONG ? "a wrong answer" : "no answer at all");
        bool is_crash = said != SAID_RIGHT && said != SAID_DAMAGED;
        if (is_crash && is_our_crash(complaint))
            fail_msg("flip %d, byte %zu bit %d of data.mdb: we crashed, not LMDB:\n%s", i, at, bit,
                     complaint);
        right += said == SAID_RIGHT;
        damaged += said == SAID_DAMAGED;
        crashed += is_crash;
    }
    print_message("%d flips: %d reported, %d crashed inside LMDB, %d did not touch an answer\n",
                  FLIPS, damaged, crashed, right);
    assert_true(damaged > FLIPS / 10);
    buf_free(&sound);
    free(data);
}

/* What tells our crashes from LMDB's, on reports as they look. */
static void crash_of_ours_is_told_from_one_inside_lmdb(void **state)
{
    (void)state;
#define SEGV   "==7==ERROR: AddressSanitizer: SEGV on unknown address 0x7f2a (pc 0x7f21)\n"
#define MEMCPY "    #0 0x7f22 in memcpy ../../libsanitizer/sanitizer_common/interceptors.inc:827\n"
    assert_false(is_our_crash(""));
    assert_false(
        is_our_crash("mdb.c:2111: Assertion 'IS_BRANCH(mp)' failed in mdb_node_search()\n"));
    assert_false(is_our_crash(SEGV "    #0 0x7f23  (/usr/lib/liblmdb.so.0+0x5d1f)\n"
                                   "    #1 0x5566 in get ledger/kv_lmdb.c:200\n"));
    assert_false(is_our_crash(SEGV MEMCPY "    #1 0x7f23  (/usr/lib/liblmdb.so.0+0x5d1f)\n"));
    assert_true(is_our_crash(SEGV "    #0 0x5566 in sip_add crypto/siphash.c:40\n"
                                  "    #1 0x7f23  (/usr/lib/liblmdb.so.0+0x5d1f)\n"));
    assert_true(is_our_crash(SEGV MEMCPY "    #1 0x5566 in rd_copy crypto/base/bytes.c:9\n"));
    assert_true(is_our_crash(SEGV "    #0 0x5566  (/tmp/build/test_store_flips+0x1234)\n"));
    assert_true(is_our_crash("hansa: CHECK failed: a == b (ledger/kv.c:1, f). This is a bug\n"));
    assert_true(is_our_crash("ledger/kv.c:9:3: runtime error: shift exponent 64 is too large\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_of_ours_is_told_from_one_inside_lmdb),
        cmocka_unit_test_setup_teardown(no_flipped_bit_gives_a_wrong_answer, open_traffic,
                                        close_traffic),
    };
    return cmocka_run_group_tests_name("store_flips", tests, NULL, NULL);
}
