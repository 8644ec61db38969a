/* A node that lies to clients: see usage(). It stands in a member's place with that member's key,
 * passes what it is asked on to an honest node, and changes what comes back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "genesis/genesis.h"
#include "ledger/state.h"
#include "net/clients.h"
#include "net/dial.h"
#include "node/proto.h"

enum { ASK_MS = 5000 };

struct fake {
    struct clients *clients;
    struct dial *honest;
    const char *lie;
    struct proto_request request;
    struct proto_reply reply;
    struct buf bytes, changed;
};

/* ---- lies ---- */

static void flip(struct buf *copy, struct bytes *data, size_t at_from_end)
{
    buf_clear(copy);
    buf_add_bytes(copy, *data);
    if (copy->size > at_from_end)
        copy->data[copy->size - 1 - at_from_end] ^= 1;
    *data = buf_bytes(copy);
}

/* What it says without asking anybody. False: it does ask. */
static bool say_alone(struct fake *f)
{
    struct proto_reply *r = &f->reply;
    bool is_sending = f->request.type == PROTO_SUBMIT || f->request.type == PROTO_WAIT;
    memset(r, 0, sizeof *r);
    r->type = f->request.type;
    if (strcmp(f->lie, "busy") == 0) {
        r->code = PROTO_BUSY;
        return true;
    }
    bool is_unknown = strcmp(f->lie, "knows_nothing") == 0;
    if (!is_sending || !(is_unknown || strcmp(f->lie, "all_is_committed") == 0))
        return false;
    r->count = f->request.count;
    for (uint32_t i = 0; i < r->count; i++) {
        struct proto_result *result = &r->results[i];
        result->outcome = is_unknown ? PROTO_UNKNOWN : PROTO_COMMITTED;
        result->place.height = is_unknown ? 0 : 1;
        result->txid = f->request.txids[i]; /* of SUBMIT zero: the tool knows them itself */
    }
    return true;
}

static void reverse_names(struct proto_reply *r)
{
    for (uint32_t i = 0; i < r->count / 2; i++) {
        struct bytes other = r->items[i];
        r->items[i] = r->items[r->count - 1 - i];
        r->items[r->count - 1 - i] = other;
    }
}

static void change(struct fake *f)
{
    struct proto_reply *r = &f->reply;
    if (r->code != PROTO_OK)
        return;
    if (strcmp(f->lie, "receipt") == 0 && r->type == PROTO_RECEIPT)
        flip(&f->changed, &r->data, 0);
    else if (strcmp(f->lie, "proof") == 0 && r->type == PROTO_PROOF)
        flip(&f->changed, &r->data, 0);
    else if (strcmp(f->lie, "block") == 0 && r->type == PROTO_BLOCK)
        flip(&f->changed, &r->data, 0);
    else if (strcmp(f->lie, "certificate") == 0 && r->type == PROTO_BLOCK)
        r->certificate.entries[0].signature.bytes[0] ^= 1;
    else if (strcmp(f->lie, "order") == 0 && r->type == PROTO_NAMES)
        reverse_names(r);
    else if (strcmp(f->lie, "end") == 0 && r->type == PROTO_NAMES)
        r->is_end = false;
    else if (strcmp(f->lie, "value") == 0 && r->type == PROTO_STATE && r->is_present[0])
        flip(&f->changed, &r->items[0], 15); /* of a balance: its amount */
    else if (strcmp(f->lie, "metrics") == 0 && r->type == PROTO_METRICS)
        r->data = bytes_of_text("hansa_height 1\n\033[31mred\n");
    else if (strcmp(f->lie, "clock") == 0 && r->type == PROTO_STATUS)
        r->status.wall_ms += 60000;
    else if (strcmp(f->lie, "backup") == 0 && r->type == PROTO_BACKUP)
        r->total += f->request.offset;
}

/* Of a key: ten nonces fewer or more than it has used. */
static void change_nonce(struct fake *f, bool is_more)
{
    struct state_key key;
    struct bytes *item = &f->reply.items[0];
    if (f->request.tables[0] != STATE_KEY || f->reply.count != 1 || !state_key_decode(&key, *item))
        return;
    uint64_t nonce = is_more ? key.nonce + 10 : key.nonce < 10 ? 0 : key.nonce - 10;
    buf_clear(&f->changed);
    buf_add_bytes(&f->changed, *item);
    struct wr w = wr_of(f->changed.data + key.participant.size + 1, sizeof nonce);
    wr_u64(&w, nonce);
    *item = buf_bytes(&f->changed);
}

/* Of READ: what it has committed, and under which certificate. */
static void change_read(struct fake *f)
{
    struct proto_reply *r = &f->reply;
    if (strcmp(f->lie, "read_value") == 0 && r->count > 0)
        flip(&f->changed, &r->items[r->count - 1], 15); /* of a balance: its amount */
    else if (strcmp(f->lie, "read_certificate") == 0 && r->has_certificate)
        r->certificate.entries[0].signature.bytes[0] ^= 1;
    else if (strcmp(f->lie, "nonce_used") == 0 || strcmp(f->lie, "nonce_ahead") == 0)
        change_nonce(f, strcmp(f->lie, "nonce_ahead") == 0);
    else if (strcmp(f->lie, "read_above") == 0)
        r->height += 1000;
    else if (strcmp(f->lie, "read_stale") == 0) {
        r->height = r->count = 0;
        r->has_certificate = false;
    }
}

/* ---- answering ---- */

static bool ask(struct fake *f, struct bytes request)
{
    struct why why = {""};
    buf_clear(&f->bytes);
    if (dial_ask(f->honest, request, &f->bytes, ASK_MS, &why) != RC_OK) {
        (void)fprintf(stderr, "fake_node: %s\n", why.text);
        return false;
    }
    return proto_decode_reply(&f->reply, buf_bytes(&f->bytes));
}

static void on_request(void *context, uint64_t number, struct bytes request)
{
    struct fake *f = context;
    struct buf out = {0};
    if (strcmp(f->lie, "silent") == 0 || !proto_decode_request(&f->request, request))
        return;
    if (strcmp(f->lie, "garbage") == 0) {
        clients_reply(f->clients, number, request);
        return;
    }
    if (!say_alone(f)) {
        if (!ask(f, request))
            return;
        change(f);
        if (f->reply.type == PROTO_READ && f->reply.code == PROTO_OK)
            change_read(f);
    }
    proto_encode_reply(&out, &f->reply);
    if (strcmp(f->lie, "version") == 0)
        out.data[0] = 9;
    clients_reply(f->clients, number, buf_bytes(&out));
    buf_free(&out);
}

/* ---- starting ---- */

static int usage(void)
{
    (void)fprintf(
        stderr,
        "usage: fake_node GENESIS KEY HOST:PORT HONEST LIE\n"
        "In the place of the member whose secret key file is KEY, at HOST:PORT, pass requests on\n"
        "to the member number HONEST and tell this LIE: none, silent, garbage, busy,\n"
        "knows_nothing, all_is_committed, receipt, proof, block, certificate, order, end, value,\n"
        "metrics, backup, clock, version, read_value, read_certificate, read_above, "
        "read_stale, nonce_used, nonce_ahead.\n");
    return 2;
}

static enum rc start(struct fake *f, struct loop *loop, const struct genesis *g, char **argv,
                     struct why *why)
{
    struct key key;
    uint64_t honest = (uint64_t)(argv[4][0] - '0');
    if (honest >= g->members_count || argv[4][1] != '\0')
        return why_set(why, RC_INVALID, "no member %s", argv[4]);
    enum rc rc = keyfile_read(&key, argv[2], NULL, g->chain, why);
    if (rc != RC_OK)
        return rc;
    struct clients_config config = {.loop = loop,
                                    .chain_id = g->chain_id,
                                    .bind_address = argv[3],
                                    .link_secret = key.link_secret,
                                    .on_request = on_request,
                                    .context = f};
    rc = clients_open(&f->clients, &config, why);
    key_close(&key);
    if (rc != RC_OK)
        return rc;
    return dial_open(&f->honest, g->members[honest].client_address, g->members[honest].link_key,
                     &g->chain_id, why);
}

int main(int argc, char **argv)
{
    static struct fake fake;
    static struct genesis genesis;
    struct loop *loop;
    struct why why = {""};
    if (argc != 6)
        return usage();
    fake.lie = argv[5];
    enum rc rc = crypto_start(&why);
    if (rc == RC_OK)
        rc = genesis_read(&genesis, argv[1], &why);
    if (rc == RC_OK)
        rc = loop_open(&loop, &why);
    if (rc == RC_OK)
        rc = start(&fake, loop, &genesis, argv, &why);
    if (rc == RC_OK) {
        printf("ready\n");
        (void)fflush(stdout);
    }
    while (rc == RC_OK) /* until it is killed */
        rc = loop_run(loop, UINT64_MAX, &why);
    (void)fprintf(stderr, "fake_node: %s\n", why.text);
    return 1;
}
