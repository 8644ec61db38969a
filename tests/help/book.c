#include "tests/help/book.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"

static enum rc nothing_below(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    (void)context;
    (void)table;
    (void)key;
    (void)value;
    return RC_NOT_FOUND;
}

void book_make_key(struct sign_key *out, uint64_t number)
{
    struct digest seed;
    digest_of(&seed, TAG_TEST, bytes_of(&number, sizeof number));
    sign_key_from_seed(out, seed.bytes);
}

static void add_key(struct initial_participant *p, const struct public_key *key)
{
    uint32_t at = p->keys_count++;
    for (; at > 0 && memcmp(p->keys[at - 1].bytes, key->bytes, PUBLIC_KEY_BYTES) > 0; at--)
        p->keys[at] = p->keys[at - 1];
    p->keys[at] = *key;
}

void book_open(struct book *b)
{
    static const struct layer_base nothing = {.get = nothing_below};
    CHECK(crypto_start(NULL) == RC_OK);
    memset(b, 0, sizeof *b);
    digest_of(&b->chain_id, TAG_GENESIS, bytes_of_text("book"));
    for (uint64_t i = 0; i < BOOK_KEYS_COUNT; i++)
        book_make_key(&b->keys[i], i);

    b->participants[0] = (struct initial_participant){.name = "anna"};
    b->participants[1] = (struct initial_participant){.name = "bank", .role = ROLE_GOVERNOR};
    b->participants[2] = (struct initial_participant){.name = "shop"};
    add_key(&b->participants[0], &b->keys[ANNA].public);
    add_key(&b->participants[1], &b->keys[BANK].public);
    add_key(&b->participants[1], &b->keys[BANK2].public);
    add_key(&b->participants[2], &b->keys[SHOP].public);
    b->assets[0] = (struct initial_asset){.code = "CZK", .decimals = 2, .issuer = "bank"};
    b->assets[1] = (struct initial_asset){.code = "PTS", .issuer = "shop"};
    b->balances[0] =
        (struct initial_balance){.account = "bank/main", .asset = "CZK", .amount = 100000};
    b->balances[1] =
        (struct initial_balance){.account = "shop/till", .asset = "PTS", .amount = 500};
    b->initial = (struct initial_state){.participants_count = 3,
                                        .assets_count = 2,
                                        .balances_count = 2,
                                        .participants = b->participants,
                                        .assets = b->assets,
                                        .balances = b->balances};
    b->height = 1;
    b->layer = layer_new(NULL, &nothing);
    state_put_initial(b->layer, &b->initial);
}

void book_close(struct book *b)
{
    layer_free(b->layer);
}

enum verdict book_do_into(struct book *b, struct buf *out, enum book_key key, const struct op *ops,
                          uint32_t ops_count)
{
    struct tx tx;
    size_t start = out->size;
    struct tx_draft draft = {.nonce = b->nonces[key] + 1, .ops = ops, .ops_count = ops_count};
    enum verdict verdict = tx_sign(out, &draft, &b->keys[key], &b->chain_id);
    if (verdict == VERDICT_OK)
        verdict = tx_decode(&tx, bytes_of(out->data + start, out->size - start), &b->chain_id);
    if (verdict == VERDICT_OK)
        verdict = tx_verify(&tx, &b->chain_id);
    if (verdict == VERDICT_OK)
        CHECK(apply_tx(&verdict, b->layer, &tx, b->height, 0) == RC_OK);
    if (verdict == VERDICT_OK)
        b->nonces[key]++;
    else
        out->size = start;
    return verdict;
}

enum verdict book_do(struct book *b, enum book_key key, const struct op *ops, uint32_t ops_count)
{
    struct buf bytes = {0};
    enum verdict verdict = book_do_into(b, &bytes, key, ops, ops_count);
    buf_free(&bytes);
    return verdict;
}

enum verdict book_do_one(struct book *b, enum book_key key, struct op op)
{
    return book_do(b, key, &op, 1);
}

struct op op_transfer_of(const char *from, const char *to, const char *asset, uint64_t amount)
{
    return (struct op){.type = OP_TRANSFER,
                       .transfer = {.from = bytes_of_text(from),
                                    .to = bytes_of_text(to),
                                    .asset = bytes_of_text(asset),
                                    .amount = amount}};
}

struct op op_issue_of(const char *to, const char *asset, uint64_t amount)
{
    return (struct op){
        .type = OP_ISSUE,
        .issue = {.to = bytes_of_text(to), .asset = bytes_of_text(asset), .amount = amount}};
}

struct op op_redeem_of(const char *from, const char *asset, uint64_t amount)
{
    return (struct op){
        .type = OP_REDEEM,
        .redeem = {.from = bytes_of_text(from), .asset = bytes_of_text(asset), .amount = amount}};
}

struct op op_record_of(const char *topic, const char *key, struct bytes data)
{
    return (struct op){
        .type = OP_RECORD,
        .record = {.topic = bytes_of_text(topic), .key = bytes_of_text(key), .data = data}};
}

struct op op_key_add_of(const struct book *b, const char *participant, enum book_key new_key)
{
    struct op op = {
        .type = OP_KEY_ADD,
        .key_add = {.participant = bytes_of_text(participant), .key = b->keys[new_key].public}};
    op_key_add_consent(&op.key_add.consent, &b->chain_id, op.key_add.participant,
                       &b->keys[new_key]);
    return op;
}

struct op op_key_revoke_of(const struct book *b, enum book_key key)
{
    return (struct op){.type = OP_KEY_REVOKE, .key_revoke = {.key = b->keys[key].public}};
}

uint64_t book_balance(struct book *b, const char *account, const char *asset)
{
    struct state_balance balance;
    bool found =
        state_get_balance(b->layer, bytes_of_text(account), bytes_of_text(asset), &balance);
    return found ? balance.amount : 0;
}

uint64_t book_supply(struct book *b, const char *asset)
{
    struct state_asset found;
    CHECK(state_get_asset(b->layer, bytes_of_text(asset), &found));
    return found.supply;
}
