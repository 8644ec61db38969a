/* What the files of node/pbft offer one another: one piece for each, by the rules that it holds.
 * Nobody outside includes this, and nobody by itself: it comes with the state. */
#ifndef NODE_PBFT_RULES_H
#define NODE_PBFT_RULES_H

#include "node/pbft/state.h"

/* ---- out.c: the output list ---- */
struct pbft_act *pbft_put(struct pbft *p, enum pbft_act_type type);
struct pbft_act *pbft_put_send(struct pbft *p, enum pbft_act_type type, uint32_t to);
void pbft_write_state(struct pbft *p);
/* 13: these two cannot both be. One of them may be NULL or empty, where it stands in the ledger or
 * is the base of the epoch; without either there is nothing to show, and nothing happens. Copies.
 * The first alarm stays: after it nothing happens either. */
void pbft_alarm(struct pbft *p, const struct certificate *a, const struct certificate *b);

/* ---- slot.c: the log of heights ---- */
uint32_t pbft_primary(const struct pbft *p, uint64_t view);
bool pbft_in_window(const struct pbft *p, uint64_t height); /* (committed, committed + 2L] */
/* The same, and the committed height where that is the base: it is voted for once more in its view
 * (7.4). */
bool pbft_is_votable(const struct pbft *p, uint64_t height);
/* The slot of a votable height, taken over from an older height if need be. */
struct pbft_slot *pbft_slot_at(struct pbft *p, uint64_t height);
/* NULL where nothing is known of the height. */
struct pbft_slot *pbft_slot_find(const struct pbft *p, uint64_t height);
struct pbft_known *pbft_known_find(const struct pbft *p, uint64_t height,
                                   const struct digest *digest);
/* Whether there is a place for this block, which is not known: a free one, or where a certificate
 * names it, that of one that none names and that I did not vote for. */
bool pbft_has_room(const struct pbft *p, const struct pbft_block *block);
/* Find or add, in that place; NULL when there is none. */
struct pbft_known *pbft_known_at(struct pbft *p, const struct pbft_block *block);
/* The chain that ends in (height, digest): fill p->chain with its blocks above the committed
 * height, ascending, if all their parents are known (with bodies or not). bodies_count is how many
 * of them, from the lowest on, have their bodies here. */
struct pbft_chain {
    bool is_linked;
    size_t count; /* 0 unless linked */
    size_t bodies_count;
};
/* Requires: height in the window. */
struct pbft_chain pbft_chain_to(struct pbft *p, uint64_t height, const struct digest *digest);
/* What to fetch next below a certificate: the lowest block of its chain without a body, or the
 * highest whose parent is unknown; height 0 when nothing is missing, there is no certificate
 * (entries_count 0), or it is outside the window. */
struct pbft_block pbft_missing_below(const struct pbft *p, const struct certificate *c);
/* Whether the certificate is of this block, or of one above it along headers that are here; false
 * where the window or what is known ends. */
bool pbft_covers(const struct pbft *p, const struct certificate *c, uint64_t height,
                 const struct digest *digest);

/* Handlers (on_) only write down what they learn; what follows from it is done once, at the end of
 * the step, by the functions named try_. So no rule runs inside another. What a handler drops a
 * message for is said by a judge_ function, pure, which pbft_glance() asks too. */

/* ---- votes.c ---- */
enum pbft_drop pbft_judge_vote(const struct pbft *p, uint32_t from, const struct statement *s);
/* Judge and count one vote of a peer. A quorum makes a certificate. */
enum pbft_drop pbft_on_vote(struct pbft *p, uint32_t from, const struct pbft_vote *vote);
/* PBFT_KEEP also for what only raises high. */
enum pbft_drop pbft_judge_certificate(const struct pbft *p, const struct certificate *c);
/* Any valid certificate, from any message (rules 5.4, 5.6). */
enum pbft_drop pbft_on_certificate(struct pbft *p, const struct certificate *c);
/* 13: a COMMIT certificate against what the ledger has, of a height that no slot remembers. */
enum pbft_drop pbft_on_contradiction(struct pbft *p, const struct certificate *c);
/* Keep a certificate with its height, once that is inside the window. */
void pbft_keep_cqc(struct pbft *p, const struct certificate *c);
void pbft_keep_pqc(struct pbft *p, const struct certificate *c);
/* The lowest certificate of a kind at or above a height, among those kept; NULL: none. */
const struct certificate *pbft_lowest_certificate(const struct pbft *p, enum cert_kind kind,
                                                  uint64_t from_height);
/* Whether a certificate of this kind, among those kept, covers the block. */
bool pbft_is_covered(const struct pbft *p, enum cert_kind kind, uint64_t height,
                     const struct digest *digest);
bool pbft_may_vote(const struct pbft *p);
/* Sign, write, count and send an own vote of the current view. */
void pbft_cast(struct pbft *p, enum cert_kind kind, const struct pbft_block *block);
struct pbft_ballot *pbft_ballot(struct pbft_slot *slot, enum cert_kind kind, uint32_t from);

/* ---- own.c: 4.2 ---- */
/* A validly signed message of mine, shown by a peer. */
enum pbft_drop pbft_on_own(struct pbft *p, const struct pbft_msg *m);
void pbft_on_own_pre_prepare(struct pbft *p, const struct pbft_pre_prepare *m);
void pbft_on_own_view_change(struct pbft *p, const struct pbft_view_change *v);
void pbft_on_own_entries(struct pbft *p, const struct certificate *c);
void pbft_become_learner(struct pbft *p);
/* Whether my signature is in it on a vote that I do not know. */
bool pbft_has_strange_entry(const struct pbft *p, const struct certificate *c);

/* ---- propose.c: 5.1 ---- */
void pbft_try_propose(struct pbft *p);
uint64_t pbft_build_due_ms(const struct pbft *p); /* UINT64_MAX = not by itself */
enum pbft_drop pbft_on_built(struct pbft *p, const struct pbft_built *built);

/* ---- prepare.c: 5.2, 5.3 ---- */
enum pbft_drop pbft_judge_pre_prepare(const struct pbft *p, uint32_t from,
                                      const struct pbft_pre_prepare *pre_prepare);
enum pbft_drop pbft_on_pre_prepare(struct pbft *p, uint32_t from,
                                   const struct pbft_pre_prepare *pre_prepare);
enum pbft_drop pbft_on_checked(struct pbft *p, const struct pbft_checked *checked);
/* 16: whether the bodies above the head hold all that they may. */
bool pbft_is_full(const struct pbft *p);
/* Ask for the check of the proposal that follows tip, if it is here. */
void pbft_try_check(struct pbft *p);

/* ---- view.c: which view this is, and what goes with it ---- */
/* Leave the view for this one, CHANGING: what belonged to the old one is forgotten (7.1, 7.7). */
void pbft_enter_view(struct pbft *p, uint64_t view);
/* NORMAL in the view of this NEW-VIEW (7.4). */
void pbft_adopt(struct pbft *p, const struct pbft_new_view *n, const struct pbft_block *base);
/* A COMMIT certificate of this view was seen: 6.1, 6.2. */
void pbft_note_view_cqc(struct pbft *p, uint64_t height);
/* No more PREPARE in this view, and a reason to leave it (5.8, 7.5). */
void pbft_spoil_view(struct pbft *p);
/* Let go of the other durable bodies at the height of a block that a base or a PREPARE certificate
 * of this view names (5.9). */
void pbft_forget_beside(struct pbft *p, const struct pbft_known *named);
/* Vote and speak for this view at all: a learner, or after an alarm, not. */
bool pbft_may_speak(const struct pbft *p);

/* ---- base.c: 7.4, 7.5 ---- */
enum pbft_fit {
    PBFT_FITS,
    PBFT_FIT_TWO_BASES, /* a certificate of that very view committed something else */
    PBFT_FIT_ALARM      /* one of a lower view did: more than f lie */
};
/* Whether a base may be that of a view, by what is committed here; ledger: see struct pbft_event.
 */
enum pbft_fit pbft_judge_base(const struct pbft *p, uint64_t view, const struct pbft_block *base,
                              const struct digest *ledger);
void pbft_try_base_vote(struct pbft *p);
/* What certifies the base whose bodies the base vote waits for (7.4); NULL: it waits for none. */
const struct certificate *pbft_awaited_base(const struct pbft *p);
/* 7.5 again, before and after the base vote: a certificate of COMMITs names this block, or commits
 * it. One beside the base's chain, or of a lower view and above the base, is the alarm; one of this
 * view beside the base's chain shows two NEW-VIEWs. */
void pbft_judge_against_base(struct pbft *p, uint64_t height, const struct digest *digest,
                             const struct certificate *c);

/* ---- view_change.c: 7.1 to 7.4 ---- */
enum pbft_drop pbft_judge_view_change(const struct pbft *p, uint32_t from,
                                      const struct pbft_view_change *v);
enum pbft_drop pbft_on_view_change(struct pbft *p, uint32_t from, const struct pbft_view_change *v);
enum pbft_drop pbft_judge_new_view(const struct pbft *p, const struct pbft_new_view *n);
enum pbft_drop pbft_on_new_view(struct pbft *p, const struct pbft_new_view *n,
                                const struct digest *ledger);
/* 7.1: leave for lc->view + 1. */
void pbft_change_view(struct pbft *p, const struct pbft_lc *lc);
void pbft_try_new_view(struct pbft *p);
/* What brings somebody of this view and mode into mine (9.1). */
void pbft_send_view(struct pbft *p, uint32_t to);
void pbft_try_resend_view_change(struct pbft *p);

/* ---- complain.c: 6 ---- */
enum pbft_drop pbft_judge_complain(const struct pbft *p, uint32_t from,
                                   const struct pbft_complain *c);
enum pbft_drop pbft_on_complain(struct pbft *p, uint32_t from, const struct pbft_complain *c);
bool pbft_try_leave_view(struct pbft *p); /* 6.4, 7.1; whether it did */
void pbft_try_complain(struct pbft *p);
/* Count the view that is left: k, and what else depends on how it ended (6.2). */
void pbft_count_view(struct pbft *p);
/* A COMMIT certificate of this view above base and head: it makes progress (6.2). */
void pbft_count_progress(struct pbft *p);
uint64_t pbft_timeout_ms(const struct pbft *p); /* T_k */
uint64_t pbft_complain_due_ms(const struct pbft *p);

/* ---- held.c: 6.2 ---- */
/* When what began then is of this age, without the time in which no messages were taken. */
uint64_t pbft_aged_ms(const struct pbft *p, uint64_t since_ms, uint64_t age_ms);

/* ---- pace.c: 6.1 (d) ---- */
void pbft_pace_run(struct pbft *p);
void pbft_pace_end_view(struct pbft *p);
bool pbft_is_slow(const struct pbft *p);
uint64_t pbft_pace_due_ms(const struct pbft *p);

/* ---- checkpoint.c: 8.1, 8.2, 9.5 ---- */
uint64_t pbft_stable_height(const struct pbft *p);
enum pbft_drop pbft_judge_checkpoint(const struct pbft *p, uint32_t from,
                                     const struct statement *s);
enum pbft_drop pbft_on_checkpoint(struct pbft *p, uint32_t from, const struct pbft_vote *vote);
enum pbft_drop pbft_judge_checkpoint_certificate(const struct pbft *p, const struct certificate *c);
enum pbft_drop pbft_on_checkpoint_certificate(struct pbft *p, const struct certificate *c);
void pbft_on_root(struct pbft *p, const struct pbft_root *root);
bool pbft_try_stable(struct pbft *p); /* whether it moved */
void pbft_try_ask_root(struct pbft *p);
uint64_t pbft_quiet_due_ms(const struct pbft *p);
/* 9.3: too far behind, or diverged. */
void pbft_try_ask_snapshot(struct pbft *p);
void pbft_on_snapshot_refused(struct pbft *p);
void pbft_on_snapshot_taken(struct pbft *p, const struct pbft_block *block);
void pbft_send_checkpoints(struct pbft *p, uint32_t to, uint64_t stable_height);

/* ---- commit.c: 5.4 to 5.8 ---- */
/* If it is of the very block at the head: of which view that was committed, where a snapshot did
 * not tell, or of a later one (5.8, 7.5). */
void pbft_note_head_cqc(struct pbft *p, const struct certificate *c);
bool pbft_raises_high(const struct pbft *p, const struct certificate *c);
void pbft_raise_high(struct pbft *p, const struct certificate *c);
bool pbft_try_commit_vote(struct pbft *p); /* 5.5; whether anything was sent */
bool pbft_try_execute(struct pbft *p);     /* 5.6; whether anything was committed */
void pbft_try_move_tip(struct pbft *p);    /* 5.8 */
/* 5.8: a CQC of this view covers another block at a height where I PREPAREd. */
void pbft_judge_own_chain(struct pbft *p, uint64_t view, uint64_t height,
                          const struct digest *digest);

/* ---- lost.c: pitfalls D5 ---- */
/* Look whether a body is missing of what I voted for in this view; those that came back are written
 * again. */
void pbft_find_lost(struct pbft *p);

/* ---- asked.c: what peers owe an answer to (9.4, 16) ---- */
void pbft_note_asked(struct pbft *p, uint32_t to, const struct pbft_fetch *fetch);
/* Whether it answers what this link was asked, however late. */
bool pbft_is_answer(const struct pbft *p, uint32_t link, const struct pbft_data *data);
/* It was asked for: that is answered now. Returns whether it came within T_s, and so frees the
 * link. */
bool pbft_end_asked(struct pbft *p, uint32_t link, const struct pbft_data *data);

/* ---- sync.c: 5.7, 9.2, 9.4 ---- */
/* A range for the driver, of whoever is free. */
enum pbft_drop pbft_on_fetch_range(struct pbft *p, uint64_t from_height, uint32_t blocks_max);
void pbft_try_fetch(struct pbft *p);
/* Of what comes from a link that owes no answer: see pbft_on_data(). */
enum pbft_drop pbft_judge_data(const struct pbft *p, uint32_t link, const struct pbft_data *data);
enum pbft_drop pbft_on_data(struct pbft *p, uint32_t link, const struct pbft_data *data);

/* ---- evidence_book.c: 14 ---- */
/* Two messages were found to contradict each other; own ones are passed over. Copies. */
void pbft_found_evidence(struct pbft *p, const struct pbft_evidence *e);
enum pbft_drop pbft_judge_evidence(const struct pbft *p, const struct pbft_evidence *e);
enum pbft_drop pbft_on_evidence(struct pbft *p, const struct pbft_evidence *e);
/* Whether an item of this kind, of this view, would change anything: it is not known yet, or is a
 * reason to leave the view (6.1 (c)) that the others were not told yet. Requires: a member. */
bool pbft_is_evidence_news(const struct pbft *p, uint32_t offender, enum pbft_evidence_kind kind,
                           uint64_t view);
/* A vote, verified: held against what else its signer signed for its place, if that is here. */
void pbft_find_votes(struct pbft *p, uint32_t from, const struct pbft_vote *second);
/* The same of all votes in a certificate; and beforehand, whether anything new would come of it. */
void pbft_find_votes_in(struct pbft *p, const struct certificate *c);
bool pbft_shows_two_votes(const struct pbft *p, const struct certificate *c);
/* A PRE-PREPARE, verified, that was dropped as a conflict: held against the first. */
void pbft_find_pre_prepares(struct pbft *p, uint32_t from, const struct pbft_pre_prepare *second);
/* The same of a second VIEW-CHANGE, a second NEW-VIEW, and of a VIEW-CHANGE against the COMMITs of
 * its signer that are here. */
void pbft_find_view_changes(struct pbft *p, uint32_t from, const struct pbft_view_change *second);
void pbft_find_new_views(struct pbft *p, const struct pbft_new_view *second);
void pbft_find_forgotten(struct pbft *p, uint32_t from, const struct pbft_view_change *v);
/* 9.5: one item, if what they have is not what I have. */
void pbft_answer_evidence(struct pbft *p, uint32_t to, const struct digest *theirs);

/* ---- answer.c: 5.7, 9.1 ---- */
/* Answer with committed blocks, if there are any and the peer's budget allows. */
enum pbft_drop pbft_send_range(struct pbft *p, uint32_t to, uint64_t from_height,
                               uint32_t blocks_max);
enum pbft_drop pbft_on_fetch(struct pbft *p, uint32_t link, const struct pbft_fetch *fetch);

/* ---- status.c: 9.1, 4.1 ---- */
void pbft_send_status(struct pbft *p);
enum pbft_drop pbft_judge_status(const struct pbft *p, uint32_t from,
                                 const struct pbft_status *status);
enum pbft_drop pbft_on_status(struct pbft *p, uint32_t from, const struct pbft_status *status);
/* Send again what I signed in this view above a height, to one (within its budget) or to all. */
void pbft_resend(struct pbft *p, uint64_t above_height, uint32_t to);

#endif
