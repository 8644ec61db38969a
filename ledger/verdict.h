/* What the ledger says of a transaction. The word is the metric label, the log word and the test's
 * hook; the text is for people; the outcome is what PROTOCOL.md 10.3 makes of it for a client. */
#ifndef LEDGER_VERDICT_H
#define LEDGER_VERDICT_H

#include <stdbool.h>

/* OUTCOME_FINAL: these bytes can never commit. OUTCOME_NOW: the nonce stays open, and the very
 * same bytes may commit later, until the nonce is used. */
enum outcome { OUTCOME_OK, OUTCOME_FINAL, OUTCOME_NOW };

/* verdict, word, outcome, text */
#define VERDICT_LIST(X)                                                                            \
    X(VERDICT_OK, "ok", OUTCOME_OK, "accepted")                                                    \
    /* judged from the bytes alone */                                                              \
    X(VERDICT_MALFORMED, "malformed", OUTCOME_FINAL, "the bytes are not a transaction")            \
    X(VERDICT_TOO_LARGE, "too_large", OUTCOME_FINAL, "over 128 KiB")                               \
    X(VERDICT_UNKNOWN_VERSION, "unknown_version", OUTCOME_FINAL, "unknown transaction version")    \
    X(VERDICT_ZERO_NONCE, "zero_nonce", OUTCOME_FINAL, "nonces start at 1")                        \
    X(VERDICT_OPS_COUNT, "ops_count", OUTCOME_FINAL, "not 1 to 1000 operations")                   \
    X(VERDICT_UNKNOWN_OP, "unknown_op", OUTCOME_FINAL, "unknown operation")                        \
    X(VERDICT_BAD_NAME, "bad_name", OUTCOME_FINAL,                                                 \
      "not a name: participants are [a-z0-9-]{1,32}, accounts participant/[A-Za-z0-9._-]{1,40}, "  \
      "assets [A-Z0-9]{3,12}")                                                                     \
    X(VERDICT_BAD_TEXT, "bad_text", OUTCOME_FINAL,                                                 \
      "memo, topic and key are UTF-8 without control characters, at most 128, 64 and 128 bytes")   \
    X(VERDICT_DATA_TOO_LARGE, "data_too_large", OUTCOME_FINAL, "record data over 32 KiB")          \
    X(VERDICT_ZERO_AMOUNT, "zero_amount", OUTCOME_FINAL, "an amount of nothing")                   \
    X(VERDICT_SELF_TRANSFER, "self_transfer", OUTCOME_FINAL,                                       \
      "a transfer from an account to itself")                                                      \
    X(VERDICT_CANCEL_NOT_ALONE, "cancel_not_alone", OUTCOME_FINAL,                                 \
      "cancel must be the only operation")                                                         \
    X(VERDICT_BAD_KEY, "bad_key", OUTCOME_FINAL, "not a usable Ed25519 public key")                \
    X(VERDICT_BAD_CONSENT, "bad_consent", OUTCOME_FINAL, "the new key's own signature is wrong")   \
    X(VERDICT_BAD_SIGNATURE, "bad_signature", OUTCOME_FINAL,                                       \
      "the signature is wrong for this chain, signer and content")                                 \
    /* judged on the state */                                                                      \
    X(VERDICT_UNKNOWN_KEY, "unknown_key", OUTCOME_NOW,                                             \
      "the signing key belongs to no participant")                                                 \
    X(VERDICT_REVOKED_KEY, "revoked_key", OUTCOME_FINAL, "the signing key was revoked")            \
    X(VERDICT_NONCE_USED, "nonce_used", OUTCOME_FINAL, "the nonce was used already")               \
    X(VERDICT_NONCE_GAP, "nonce_gap", OUTCOME_NOW, "a lower nonce of this key is still open")      \
    X(VERDICT_EXPIRED, "expired", OUTCOME_FINAL, "valid_until has passed")                         \
    X(VERDICT_FOREIGN_ACCOUNT, "foreign_account", OUTCOME_FINAL,                                   \
      "only a participant's own keys debit its accounts")                                          \
    X(VERDICT_UNKNOWN_PARTICIPANT, "unknown_participant", OUTCOME_NOW,                             \
      "the receiving participant does not exist")                                                  \
    X(VERDICT_UNKNOWN_ASSET, "unknown_asset", OUTCOME_NOW, "there is no such asset")               \
    X(VERDICT_NOT_THE_ISSUER, "not_the_issuer", OUTCOME_NOW,                                       \
      "only the asset's issuer may do this")                                                       \
    X(VERDICT_OVERDRAFT, "overdraft", OUTCOME_NOW, "the balance is too low")                       \
    X(VERDICT_BALANCE_OVERFLOW, "balance_overflow", OUTCOME_NOW,                                   \
      "the receiving balance would pass 2^64-1 minor units")                                       \
    X(VERDICT_SUPPLY_OVERFLOW, "supply_overflow", OUTCOME_NOW,                                     \
      "the asset's supply would pass 2^64-1 minor units")                                          \
    X(VERDICT_FOREIGN_KEY, "foreign_key", OUTCOME_FINAL,                                           \
      "the key is not an active key of the signer's participant")                                  \
    X(VERDICT_NO_SUCH_KEY, "no_such_key", OUTCOME_NOW, "the key is not registered")                \
    X(VERDICT_KEY_TAKEN, "key_taken", OUTCOME_FINAL,                                               \
      "the key is or was registered: a key belongs to one participant for ever")                   \
    X(VERDICT_TOO_MANY_KEYS, "too_many_keys", OUTCOME_NOW,                                         \
      "the participant has 8 active keys already")                                                 \
    X(VERDICT_LAST_KEY, "last_key", OUTCOME_NOW, "a participant's last key cannot be revoked")

enum verdict {
#define X(verdict, word, outcome, text) verdict,
    VERDICT_LIST(X)
#undef X
        VERDICT_COUNT
};

/* Whether the bytes alone show it, to everybody and for ever: a block that holds such a transaction
 * contradicts itself, which is evidence (PROTOCOL.md 14.1); the others need the state. */
bool verdict_is_stateless(enum verdict v);
const char *verdict_word(enum verdict v);
const char *verdict_text(enum verdict v);
enum outcome verdict_outcome(enum verdict v);

#endif
