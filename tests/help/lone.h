/* One core alone: the test plays all its peers, its clock and its driver, and looks at what one
 * event makes it do. Its writes are kept, so that it can be started again from them. Member 0 is
 * the primary of view 0. */
#ifndef TESTS_HELP_LONE_H
#define TESTS_HELP_LONE_H

#include "tests/help/fake_sign.h"

enum {
    LONE_STORED_MAX = 512,
    LONE_BLOCK_BYTES_MAX = 1000,
    LONE_EVIDENCE_MAX = 7 * MEMBERS_MAX /* all there can be */
};

struct lone {
    struct pbft_config config;
    struct fake_signer signer;
    void *memory;
    struct pbft *core;
    uint64_t now_ms;
    uint64_t blocks_count; /* made so far; the number is the digest */
    uint64_t counter;      /* of STATUSes made */
    uint64_t view;         /* what votes, PRE-PREPAREs, QCs and STATUSes are of, from now on */
    size_t block_bytes;    /* how big the blocks of PRE-PREPAREs are that are made from now on */
    struct pbft_output out;
    struct pbft_view_of look; /* after the last event */
    bool spares_glance;       /* lone_msg() does not hold pbft_glance() against what comes of it */
    uint64_t glances[PBFT_DROP_COUNT]; /* that it did, by what was said */
    /* Its store. */
    struct pbft_durable durable;
    struct pbft_block bodies[LONE_STORED_MAX];
    size_t bodies_count;
    struct pbft_vote votes[LONE_STORED_MAX];
    size_t votes_count;
    struct pbft_pre_prepare pre_prepares[LONE_STORED_MAX];
    size_t pre_prepares_count;
    bool has_view_change, has_new_view;
    struct pbft_view_change view_change;
    struct pbft_new_view new_view;
    struct pbft_evidence evidence[LONE_EVIDENCE_MAX];
    size_t evidence_count;
};

/* P = 4, L = 8, T_s = 250 ms, T_batch = 5 ms, B = 8; as proposals P blocks of 1,000 bytes. */
void lone_init(struct lone *l, uint32_t members_count, uint32_t own_index);
void lone_close(struct lone *l);
void lone_start(struct lone *l); /* again: the memory is lost, the store is kept */
struct pbft_block lone_genesis(void);
struct pbft_block lone_block(struct lone *l, const struct pbft_block *parent);

/* Events. Each returns why it was dropped; what came of it is in out and look. */
enum pbft_drop lone_step(struct lone *l, const struct pbft_event *event);
/* What pbft_glance() says of it beforehand is held as well: see lone_glance.c. */
enum pbft_drop lone_msg(struct lone *l, const struct pbft_msg *m);
enum pbft_drop lone_tick(struct lone *l, uint64_t after_ms);
/* All that is executable came now, and is in no block yet. */
enum pbft_drop lone_pool(struct lone *l, bool has_executable, bool is_full_block);
enum pbft_drop lone_pool_of(struct lone *l, const struct pbft_pool *pool);
enum pbft_drop lone_pre_prepare(struct lone *l, uint32_t from, const struct pbft_block *block);
enum pbft_drop lone_vote(struct lone *l, uint32_t from, enum cert_kind kind,
                         const struct pbft_block *block);
enum pbft_drop lone_qc(struct lone *l, enum cert_kind kind, const struct pbft_block *block,
                       uint32_t signers);
enum pbft_drop lone_status(struct lone *l, uint32_t from, uint64_t committed_height);
enum pbft_drop lone_fetch(struct lone *l, uint32_t link, const struct pbft_block *block);
enum pbft_drop lone_fetch_range(struct lone *l, uint32_t link, uint64_t from_height);
enum pbft_drop lone_data(struct lone *l, uint32_t link, const struct pbft_block *block,
                         bool has_pre_prepare);
/* Blocks and then heads, one chain, with a CQC on the last. */
enum pbft_drop lone_range(struct lone *l, uint32_t link, const struct pbft_block *chain,
                          uint32_t blocks_count, uint32_t heads_count);
/* Answers to the last question of the last output that asked one. */
enum pbft_drop lone_checked(struct lone *l, const struct pbft_block *block,
                            enum pbft_check_answer answer, uint64_t retry_ms);
enum pbft_drop lone_built(struct lone *l, const struct pbft_block *block, uint64_t retry_ms);

/* A proposal from the primary of the view, checked and valid. */
void lone_accept(struct lone *l, const struct pbft_block *block);
/* Votes of members 0 to count - 1, but the own one. */
void lone_votes(struct lone *l, enum cert_kind kind, const struct pbft_block *block,
                uint32_t count);

/* Makers, for tests that turn a field around. */
struct pbft_msg lone_make_pre_prepare(const struct lone *l, uint32_t from,
                                      const struct pbft_block *block);
struct pbft_msg lone_make_vote(const struct lone *l, uint32_t from, enum cert_kind kind,
                               const struct pbft_block *block);
struct pbft_msg lone_make_qc(const struct lone *l, enum cert_kind kind,
                             const struct pbft_block *block, uint32_t signers);
struct pbft_msg lone_make_status(struct lone *l, uint32_t from, uint64_t committed_height);
struct pbft_msg lone_make_data(const struct lone *l, uint32_t link, const struct pbft_block *block,
                               bool has_pre_prepare);
struct pbft_msg lone_make_range(const struct lone *l, uint32_t link, const struct pbft_block *chain,
                                uint32_t blocks_count, uint32_t heads_count);

/* ---- lone_view.c: of complaints, view changes and checkpoints ---- */

struct certificate lone_certificate(const struct lone *l, enum cert_kind kind, uint64_t view,
                                    const struct pbft_block *block, uint32_t signers);
struct pbft_msg lone_make_complain(const struct lone *l, uint32_t from, uint64_t view);
/* Its LC is of the first f+1 other members; high NULL: the base of the epoch. */
struct pbft_msg lone_make_view_change(const struct lone *l, uint32_t from, uint64_t view,
                                      const struct certificate *high);
/* V is of the first q of the members whose bits are set, each with its high of these by its index;
 * highs NULL: the base of the epoch for all. */
struct pbft_msg lone_make_new_view(const struct lone *l, uint64_t view, uint32_t senders,
                                   const struct certificate *const *highs);
struct pbft_msg lone_make_checkpoint(const struct lone *l, uint32_t from,
                                     const struct pbft_block *block, const struct digest *root);
struct certificate lone_checkpoint_certificate(const struct lone *l, const struct pbft_block *block,
                                               const struct digest *root, uint32_t signers);

enum pbft_drop lone_complain(struct lone *l, uint32_t from, uint64_t view);
enum pbft_drop lone_view_change(struct lone *l, uint32_t from, uint64_t view,
                                const struct certificate *high);
/* From the primary of the view, on V of all other members, all with this high. */
enum pbft_drop lone_new_view(struct lone *l, uint64_t view, const struct certificate *high);
enum pbft_drop lone_certified(struct lone *l, const struct certificate *c); /* as a QC */
enum pbft_drop lone_checkpoint(struct lone *l, uint32_t from, const struct pbft_block *block,
                               const struct digest *root);
enum pbft_drop lone_root(struct lone *l, const struct pbft_block *block, const struct digest *root);
/* Time passes, with a TICK at each deadline on the way; how many COMPLAINs went out meanwhile, when
 * the first of them did, and with what reason. */
struct lone_waited {
    size_t complaints_count, view_changes_count, new_views_count, roots_asked_count;
    uint64_t complained_ms; /* after the beginning */
    enum pbft_reason reason;
};
struct lone_waited lone_wait(struct lone *l, uint64_t for_ms);

/* ---- between the files of lone: pbft_glance() of one message ---- */
struct lone_glance {
    enum pbft_drop drop;
    uint8_t
        *without; /* the core's memory as it would be without the message; NULL when it is kept */
};
struct lone_glance lone_glance(struct lone *l, const struct pbft_msg *m);
/* The message was given to the core. */
void lone_glance_hold(struct lone *l, struct lone_glance *glance);

/* The last output: how many acts of a type, and the nth of them (NULL: none). */
size_t lone_count(const struct lone *l, enum pbft_act_type type);
const struct pbft_act *lone_act(const struct lone *l, enum pbft_act_type type, size_t nth);
bool lone_sent_vote(const struct lone *l, enum cert_kind kind, const struct pbft_block *block);
bool lone_block_equal(const struct pbft_block *a, const struct pbft_block *b);

#endif
