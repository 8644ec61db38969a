/* A tiny ledger in memory for tests of operations: one layer over nothing, a few participants.
 *
 *   bank (governor, keys BANK, BANK2), shop (SHOP), anna (ANNA); assets CZK (2 decimals, issued by
 *   bank) and PTS (0 decimals, issued by shop); bank/main holds 1000.00 CZK, shop/till 500 PTS.
 * Key STRANGER belongs to nobody. */
#ifndef TESTS_HELP_BOOK_H
#define TESTS_HELP_BOOK_H

#include "ledger/apply.h"

enum book_key { BANK, BANK2, SHOP, ANNA, STRANGER, SPARE, BOOK_KEYS_COUNT };

struct book {
    struct digest chain_id;
    struct sign_key keys[BOOK_KEYS_COUNT];
    uint64_t nonces[BOOK_KEYS_COUNT]; /* last one used by book_do */
    struct layer *layer;
    uint64_t height; /* at which book_do applies */
    struct initial_participant participants[3];
    struct initial_asset assets[2];
    struct initial_balance balances[2];
    struct initial_state initial;
};

void book_open(struct book *b);
void book_close(struct book *b);

/* The key of a number, the same in every run. */
void book_make_key(struct sign_key *out, uint64_t number);

/* Sign and apply one transaction under the key's next nonce; the nonce counts on only when it was
 * accepted. Returns the first verdict that is not OK: of signing, decoding, verifying, applying. */
enum verdict book_do(struct book *b, enum book_key key, const struct op *ops, uint32_t ops_count);
/* The same, and append the accepted transaction's bytes to out. */
enum verdict book_do_into(struct book *b, struct buf *out, enum book_key key, const struct op *ops,
                          uint32_t ops_count);
enum verdict book_do_one(struct book *b, enum book_key key, struct op op);

struct op op_transfer_of(const char *from, const char *to, const char *asset, uint64_t amount);
struct op op_issue_of(const char *to, const char *asset, uint64_t amount);
struct op op_redeem_of(const char *from, const char *asset, uint64_t amount);
struct op op_record_of(const char *topic, const char *key, struct bytes data);
struct op op_key_add_of(const struct book *b, const char *participant, enum book_key new_key);
struct op op_key_revoke_of(const struct book *b, enum book_key key);

uint64_t book_balance(struct book *b, const char *account, const char *asset);
uint64_t book_supply(struct book *b, const char *asset);

#endif
