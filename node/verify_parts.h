/* What verify.c, verify_view.c and verify_evidence.c share; nobody else includes this. */
#ifndef NODE_VERIFY_PARTS_H
#define NODE_VERIFY_PARTS_H

#include "crypto/base/check.h"
#include "node/verify.h"

/* The epoch first: the member table is that of one epoch, and says nothing of another's. */
static inline enum verify_drop judge_signer(const struct verify_config *config, uint32_t from,
                                            uint64_t epoch)
{
    if (epoch != config->epoch)
        return VERIFY_DROP_OTHER_EPOCH;
    return from < config->members.members_count ? VERIFY_KEEP : VERIFY_DROP_NOT_A_MEMBER;
}

/* Requires: from is a member's. */
static inline enum verify_drop judge_signature(const struct verify_config *config, uint32_t from,
                                               const struct signature *signature,
                                               struct bytes message)
{
    CHECK(from < config->members.members_count);
    return sign_verify(signature, message, &config->members.sign_keys[from])
               ? VERIFY_KEEP
               : VERIFY_DROP_BAD_SIGNATURE;
}

/* Rule 3.2: whole or not at all. */
static inline enum verify_drop judge_certificate(const struct verify_config *config,
                                                 const struct certificate *c)
{
    if (c->statement.epoch != config->epoch)
        return VERIFY_DROP_OTHER_EPOCH;
    return cert_verify(c, &config->chain_id, &config->members) == CERT_OK
               ? VERIFY_KEEP
               : VERIFY_DROP_BAD_CERTIFICATE;
}

/* verify.c. Rule 5.2: the body gives the header's tx_root, count and bytes, and the header is of
 * this chain and epoch. */
enum verify_drop verify_judge_block(const struct verify_config *config, struct bytes bytes);

/* verify_view.c. Requires: a message of that type, as decoded. */
enum verify_drop verify_judge_complain(const struct verify_config *config,
                                       const struct pbft_msg *m);
enum verify_drop verify_judge_view_change(const struct verify_config *config,
                                          const struct pbft_msg *m);
enum verify_drop verify_judge_new_view(const struct verify_config *config,
                                       const struct pbft_msg *m);
/* VIEW-CHANGE, NEW-VIEW. */
uint32_t verify_view_signatures(const struct pbft_msg *m);

#endif
