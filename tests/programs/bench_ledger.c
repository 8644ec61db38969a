/* What the ledger costs beside one Ed25519 verification on the same machine; tests/bench/bench.sh
 * runs it and makes the ratios.
 *
 * usage: bench_ledger verify                verifications a second, of one core
 *        bench_ledger apply DIR ACCOUNTS    DIR does not exist or is empty, and is left filled
 *
 * `apply` prints a line `TRANSFERS APPLY APPEND FLUSH` for each of some numbers of transfers, all
 * in microseconds per transfer: applying them in memory to a layer over a store of so many
 * accounts; appending them as blocks of 1000, durably; and flushing them to tree and indexes at
 * once. A transfer is one transaction between two random accounts. It reads as a node does, which
 * trusts a tree node that has its checksum. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/base/check.h"
#include "crypto/base/prng.h"
#include "crypto/crypto.h"
#include "tests/help/chain.h"

enum {
    VERIFY_ROUNDS = 12000,
    PARTICIPANTS = 64,
    ACCOUNTS_MAX = 10000000,
    TXS_PER_BLOCK = 1000,
    CHECKPOINT_EVERY = 4096, /* so that no flush comes by itself */
    TRANSFERS_MAX = 50000,
    OPENING = 1000000 /* minor units on each account: more than the transfers take */
};

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* End with a reason when the world does not let us measure. */
static void demand(enum rc rc, const char *what, const struct why *why)
{
    if (rc == RC_OK)
        return;
    (void)fprintf(stderr, "bench_ledger: %s: %s\n", what,
                  why->text[0] != '\0' ? why->text : rc_text(rc));
    exit(1);
}

/* The statement that a transaction's signature is about has 80 bytes. */
static void bench_verify(void)
{
    static const uint8_t seed[SIGN_SEED_BYTES] = {7};
    uint8_t message[80] = {0};
    struct sign_key key;
    struct signature signature;
    unsigned good = 0;
    sign_key_from_seed(&key, seed);
    sign_message(&signature, bytes_of(message, sizeof message), &key);
    double start = now_us();
    for (unsigned i = 0; i < VERIFY_ROUNDS; i++)
        good += sign_verify(&signature, bytes_of(message, sizeof message), &key.public);
    CHECK(good == VERIFY_ROUNDS);
    printf("%.0f\n", VERIFY_ROUNDS * 1e6 / (now_us() - start));
}

/* ---- applying ---- */

struct bench {
    struct chain chain;
    struct prng prng;
    struct buf *txs; /* signed, TRANSFERS_MAX of them */
};

/* Append the first txs_count of b->txs, as blocks. */
static void append_blocks(struct bench *b, uint32_t txs_count, uint32_t txs_per_block)
{
    struct bytes txs[TXS_PER_BLOCK];
    for (uint32_t from = 0; from < txs_count; from += txs_per_block) {
        uint32_t count = txs_count - from < txs_per_block ? txs_count - from : txs_per_block;
        for (uint32_t i = 0; i < count; i++)
            txs[i] = buf_bytes(&b->txs[from + i]);
        chain_add_block(&b->chain, txs, count);
    }
}

static void flush(struct bench *b)
{
    struct why why = {""};
    demand(store_flush(b->chain.store, &why), "flush", &why);
}

/* Give every account its opening, from the first account of participant 0, 1000 in a transaction.
 */
static void open_accounts(struct bench *b)
{
    struct op ops[TX_OPS_MAX];
    char from[CHAIN_ACCOUNT_ROOM], to[TX_OPS_MAX][CHAIN_ACCOUNT_ROOM];
    uint32_t accounts_count = b->chain.options.accounts_count;
    struct bytes payer = chain_account(from, &b->chain, 0);
    uint32_t txs_count = 0;
    for (uint32_t next = 1; next < accounts_count;) {
        uint32_t ops_count = 0;
        for (; ops_count < TX_OPS_MAX && next < accounts_count; next++, ops_count++)
            ops[ops_count] =
                (struct op){.type = OP_TRANSFER,
                            .transfer = {.from = payer,
                                         .to = chain_account(to[ops_count], &b->chain, next),
                                         .asset = bytes_of_text(chain_asset_codes[0]),
                                         .amount = OPENING}};
        b->txs[txs_count].size = 0;
        chain_sign(&b->chain, &b->txs[txs_count++], 0, ops, ops_count);
        if (txs_count == TRANSFERS_MAX || next == accounts_count) {
            append_blocks(b, txs_count, 10); /* 10 of them fit into a block */
            txs_count = 0;
        }
    }
    flush(b);
}

static void sign_transfers(struct bench *b, uint32_t count)
{
    char from[CHAIN_ACCOUNT_ROOM], to[CHAIN_ACCOUNT_ROOM];
    uint32_t accounts_count = b->chain.options.accounts_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t payer = (uint32_t)prng_below(&b->prng, accounts_count);
        uint32_t other = (uint32_t)prng_below(&b->prng, accounts_count - 1);
        struct op op = {.type = OP_TRANSFER};
        op.transfer.from = chain_account(from, &b->chain, payer);
        op.transfer.to = chain_account(to, &b->chain, other + (other >= payer ? 1 : 0));
        op.transfer.asset = bytes_of_text(chain_asset_codes[0]);
        op.transfer.amount = 1;
        b->txs[i].size = 0;
        chain_sign(&b->chain, &b->txs[i], payer % PARTICIPANTS, &op, 1);
    }
}

/* Apply the transfers to a layer that is thrown away. Decoding, which hashes, comes before. */
static double apply_in_memory(struct bench *b, uint32_t count)
{
    struct tx *txs = mem_alloc(count * sizeof *txs);
    struct layer *layer = layer_new(store_layer(b->chain.store), NULL);
    enum verdict verdict;
    for (uint32_t i = 0; i < count; i++)
        CHECK(tx_decode(&txs[i], buf_bytes(&b->txs[i]), &b->chain.genesis.chain_id) == VERDICT_OK);
    uint64_t height = store_head(b->chain.store)->height + 1;
    double start = now_us();
    for (uint32_t i = 0; i < count; i++) {
        demand(apply_tx(&verdict, layer, &txs[i], height, i), "apply", &(struct why){""});
        CHECK(verdict == VERDICT_OK);
    }
    double spent = now_us() - start;
    layer_free(layer);
    mem_free(txs);
    return spent;
}

static void bench_transfers(struct bench *b, uint32_t count, unsigned rounds)
{
    double apply_us = 0, append_us = 0, flush_us = 0;
    for (unsigned i = 0; i < rounds; i++) {
        sign_transfers(b, count);
        apply_us += apply_in_memory(b, count);
        double start = now_us();
        append_blocks(b, count, TXS_PER_BLOCK);
        double appended = now_us();
        flush(b);
        append_us += appended - start;
        flush_us += now_us() - appended;
    }
    double transfers = (double)count * rounds;
    printf("%u %.2f %.2f %.2f\n", count, apply_us / transfers, append_us / transfers,
           flush_us / transfers);
    (void)fflush(stdout);
}

static void bench_apply(const char *dir, uint32_t accounts_count)
{
    static const struct {
        uint32_t count;
        unsigned rounds;
    } sizes[] = {{1000, 10}, {10000, 3}, {TRANSFERS_MAX, 1}};
    struct why why = {""};
    struct kv *kv;
    struct kv_lmdb_options lmdb = {.create = true};
    struct store_options as_a_node = {.care = TREE_TRUST, .layer_bytes_max = UINT64_C(1) << 32};
    struct chain_options options = {.seed = 1,
                                    .participants_count = PARTICIPANTS,
                                    .accounts_count = accounts_count,
                                    .ops_per_tx = 1,
                                    .checkpoint_every_heights = CHECKPOINT_EVERY};
    struct bench *b = mem_alloc(sizeof *b);
    demand(kv_lmdb_open(&kv, dir, &lmdb, &why), dir, &why);
    chain_open(&b->chain, &options, kv);
    store_close(b->chain.store);
    demand(store_open(&b->chain.store, kv, &as_a_node, &why), "open", &why);
    b->prng = prng_of(1);
    b->txs = mem_alloc(TRANSFERS_MAX * sizeof *b->txs);
    memset(b->txs, 0, TRANSFERS_MAX * sizeof *b->txs);
    open_accounts(b);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        bench_transfers(b, sizes[i].count, sizes[i].rounds);
    for (uint32_t i = 0; i < TRANSFERS_MAX; i++)
        buf_free(&b->txs[i]);
    mem_free(b->txs);
    chain_close(&b->chain);
    mem_free(b);
}

int main(int argc, char **argv)
{
    struct why why = {""};
    bool is_verify = argc == 2 && strcmp(argv[1], "verify") == 0;
    bool is_apply = argc == 4 && strcmp(argv[1], "apply") == 0;
    unsigned long accounts_count = is_apply ? strtoul(argv[3], NULL, 10) : 0;
    if (!is_verify && (accounts_count < PARTICIPANTS || accounts_count > ACCOUNTS_MAX)) {
        (void)fprintf(stderr,
                      "usage: bench_ledger verify\n"
                      "       bench_ledger apply DIR ACCOUNTS    (%d to %d)\n",
                      PARTICIPANTS, ACCOUNTS_MAX);
        return 2;
    }
    demand(crypto_start(&why), "start", &why);
    if (is_verify)
        bench_verify();
    else
        bench_apply(argv[2], (uint32_t)accounts_count);
    return 0;
}
