/* A client of a node without the tool: writes records, signed with a participant's key, and waits
 * until each is committed, going on to the next node when one does not answer. What it prints as
 * committed was told by a node to be durable; the tests then look for it in every ledger.
 *
 *   submit_raw GENESIS KEYFILE NODE COUNT SECONDS [BATCH [stay]]
 *                                                           COUNT records, from NODE (an index) on,
 *                                                           or by it alone
 *   submit_raw GENESIS - NODE status                        a node's STATUS, one field a line
 *   submit_raw GENESIS - NODE metrics                       its METRICS
 *   submit_raw GENESIS - NODE backup FILE                   a BACKUP into FILE
 *
 * Prints "committed TXID HEIGHT" for each, at last "N of COUNT committed". Exit 0: all of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "genesis/genesis.h"
#include "ledger/state.h"
#include "net/dial.h"
#include "node/proto.h"

/* Who has nobody else to ask waits until the machine comes round again. */
enum { ASK_MS = 3000, ASK_ALONE_MS = 30000, WAIT_MS = 2000 };

struct client {
    struct genesis genesis;
    struct key key;
    struct dial *dial;
    uint32_t node;
    bool stays; /* with its node, whatever that answers */
    uint32_t ask_ms;
    struct proto_request request;
    struct proto_reply reply;
    struct buf bytes; /* of the reply */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void fail(const char *words)
{
    fprintf(stderr, "submit_raw: %s\n", words);
    exit(3);
}

static void connect_to(struct client *c, uint32_t node)
{
    struct why why = {{0}};
    const struct genesis_member *m = &c->genesis.members[node % c->genesis.members_count];
    dial_close(c->dial);
    c->node = node % c->genesis.members_count;
    if (dial_open(&c->dial, m->client_address, m->link_key, &c->genesis.chain_id, &why) != RC_OK)
        fail(why.text);
}

/* False: no answer in time, or none that is OK. */
static bool ask(struct client *c)
{
    struct buf bytes = {0};
    struct why why = {{0}};
    proto_encode_request(&bytes, &c->request);
    buf_clear(&c->bytes);
    enum rc rc = dial_ask(c->dial, buf_bytes(&bytes), &c->bytes, c->ask_ms, &why);
    buf_free(&bytes);
    if (rc != RC_OK) {
        fprintf(stderr, "submit_raw: node %" PRIu32 ": %s\n", c->node, why.text);
        return false;
    }
    if (!proto_decode_reply(&c->reply, buf_bytes(&c->bytes)))
        fail("a reply does not decode");
    if (c->reply.code != PROTO_OK)
        fprintf(stderr, "submit_raw: node %" PRIu32 ": %s\n", c->node,
                proto_code_text(c->reply.code));
    return c->reply.code == PROTO_OK;
}

/* The key's last nonce, by one node's word. */
static bool ask_nonce(struct client *c, uint64_t *nonce)
{
    struct state_key key;
    c->request = (struct proto_request){.type = PROTO_STATE, .table = STATE_KEY, .count = 1};
    c->request.items[0] = bytes_of(c->key.sign.public.bytes, PUBLIC_KEY_BYTES);
    if (!ask(c))
        return false;
    if (!c->reply.is_present[0] || !state_key_decode(&key, c->reply.items[0]))
        fail("the ledger does not know the key");
    *nonce = key.nonce;
    return true;
}

static void sign_record(struct client *c, struct buf *out, uint64_t nonce)
{
    char name[32];
    snprintf(name, sizeof name, "n%" PRIu64, nonce);
    struct op op = {.type = OP_RECORD,
                    .record = {.topic = bytes_of_text("submit_raw"),
                               .key = bytes_of_text(name),
                               .data = bytes_of_text("data")}};
    const struct tx_draft draft = {.nonce = nonce, .ops = &op, .ops_count = 1};
    if (tx_sign(out, &draft, &c->key.sign, &c->genesis.chain_id) != VERDICT_OK)
        fail("a transaction cannot be signed");
}

static const char *outcome_word(enum proto_outcome outcome)
{
    static const char *const words[] = {
#define X(name, word) word,
        PROTO_OUTCOME_LIST(X)
#undef X
    };
    CHECK((unsigned)outcome < PROTO_OUTCOME_COUNT);
    return words[outcome];
}

static void try_another(struct client *c, const char *why)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    fprintf(stderr, "submit_raw: node %" PRIu32 ": %s\n", c->node, why);
    nanosleep(&pause, NULL);
    if (!c->stays)
        connect_to(c, c->node + 1);
}

/* Submit nonces first.. first + count - 1 until all are committed or the time is over. Ed25519 is
 * deterministic, so what is sent again is the same bytes. */
static uint32_t submit(struct client *c, uint64_t first, uint32_t count, uint64_t until_ms)
{
    struct buf txs[PROTO_TXS_MAX] = {{0}};
    uint32_t committed_count = 0;
    for (uint32_t i = 0; i < count; i++)
        sign_record(c, &txs[i], first + i);
    while (committed_count < count && now_ms() < until_ms) {
        c->request =
            (struct proto_request){.type = PROTO_SUBMIT, .wait_ms = WAIT_MS, .count = count};
        for (uint32_t i = 0; i < count; i++)
            c->request.items[i] = buf_bytes(&txs[i]);
        bool is_answered = ask(c);
        committed_count = 0;
        for (uint32_t i = 0; is_answered && i < c->reply.count; i++)
            committed_count += c->reply.results[i].outcome == PROTO_COMMITTED;
        if (committed_count < count)
            try_another(c, is_answered ? outcome_word(c->reply.results[0].outcome) : "no answer");
    }
    for (uint32_t i = 0; committed_count == count && i < count; i++) {
        char hex[DIGEST_HEX_BYTES];
        digest_to_hex(hex, &c->reply.results[i].txid);
        printf("committed %s %" PRIu64 "\n", hex, c->reply.results[i].place.height);
    }
    for (uint32_t i = 0; i < count; i++)
        buf_free(&txs[i]);
    return committed_count;
}

static int submit_all(struct client *c, const char *key_path, uint64_t count, uint64_t seconds,
                      uint64_t batch)
{
    struct why why = {{0}};
    uint64_t nonce = 0, committed_count = 0, until_ms = now_ms() + seconds * 1000;
    if (keyfile_read(&c->key, key_path, NULL, NULL, &why) != RC_OK)
        fail(why.text);
    while (!ask_nonce(c, &nonce)) {
        if (now_ms() >= until_ms)
            fail("no node answers");
        connect_to(c, c->node + 1);
    }
    for (uint64_t done = 0; done < count && now_ms() < until_ms; done += batch) {
        uint64_t n = count - done < batch ? count - done : batch;
        uint32_t got = submit(c, nonce + done + 1, (uint32_t)n, until_ms);
        committed_count += got;
        if (got < n)
            break;
    }
    printf("%" PRIu64 " of %" PRIu64 " committed\n", committed_count, count);
    key_close(&c->key);
    return committed_count == count ? 0 : 1;
}

static int show_status(struct client *c)
{
    c->request = (struct proto_request){.type = PROTO_STATUS};
    if (!ask(c))
        return 1;
    const struct proto_status *s = &c->reply.status;
    char hex[DIGEST_HEX_BYTES];
    uint32_t live_count = 0;
    for (uint32_t i = 0; i < s->peers_count; i++)
        live_count += s->peers[i].is_live;
    digest_to_hex(hex, &s->head_digest);
    printf("committed_height %" PRIu64 "\ndurable_height %" PRIu64 "\ncertified_height %" PRIu64
           "\nhead %s\nis_learner %d\nis_diverged %d\ntakes_transactions %d\npool_txs %" PRIu32
           "\nlive %" PRIu32 "\nview %" PRIu64 "\n",
           s->committed_height, s->durable_height, s->certified_height, hex, s->is_learner,
           s->is_diverged, s->takes_transactions, s->pool_txs, live_count, s->view);
    return 0;
}

static int show_metrics(struct client *c)
{
    c->request = (struct proto_request){.type = PROTO_METRICS};
    if (!ask(c))
        return 1;
    fwrite(c->reply.data.data, 1, c->reply.data.size, stdout);
    return 0;
}

static int save_backup(struct client *c, const char *path)
{
    FILE *file = fopen(path, "wbe");
    uint64_t offset = 0, total = 1;
    if (file == NULL)
        fail("the backup file cannot be made");
    c->request = (struct proto_request){.type = PROTO_BACKUP, .count = PROTO_CHUNK_BYTES_MAX};
    while (offset < total) {
        c->request.offset = offset;
        if (!ask(c)) {
            fclose(file);
            return 1;
        }
        memcpy(c->request.backup_id, c->reply.backup_id, sizeof c->request.backup_id);
        total = c->reply.total;
        offset += c->reply.data.size;
        fwrite(c->reply.data.data, 1, c->reply.data.size, file);
    }
    return fclose(file) == 0 ? 0 : 1;
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        fail("a number is expected");
    return value;
}

int main(int argc, char **argv)
{
    struct why why = {{0}};
    struct client *c = mem_alloc(sizeof *c);
    int code = 2;
    if (argc < 5 || crypto_start(&why) != RC_OK)
        fail("GENESIS KEYFILE NODE COUNT SECONDS [BATCH], or GENESIS - NODE status");
    if (genesis_read(&c->genesis, argv[1], &why) != RC_OK)
        fail(why.text);
    connect_to(c, (uint32_t)number(argv[3]));
    c->stays = argc > 7 && strcmp(argv[7], "stay") == 0;
    c->ask_ms = c->stays || strcmp(argv[2], "-") == 0 ? ASK_ALONE_MS : ASK_MS;
    if (strcmp(argv[4], "status") == 0)
        code = show_status(c);
    else if (strcmp(argv[4], "metrics") == 0)
        code = show_metrics(c);
    else if (strcmp(argv[4], "backup") == 0 && argc == 6)
        code = save_backup(c, argv[5]);
    else if (argc >= 6)
        code = submit_all(c, argv[2], number(argv[4]), number(argv[5]),
                          argc > 6 ? number(argv[6]) % (PROTO_TXS_MAX + 1) : 16);
    dial_close(c->dial);
    buf_free(&c->bytes);
    genesis_close(&c->genesis);
    mem_free(c);
    return code;
}
