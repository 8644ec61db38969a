/* A group of any size with real keys, and the messages of view changes, truly signed: what
 * node/verify is shown of them in tests. Everything is made from fixed seeds. */
#ifndef TESTS_HELP_VIEW_WORLD_H
#define TESTS_HELP_VIEW_WORLD_H

#include "node/pbft/wire.h"
#include "node/verify.h"

enum {
    VIEW_WORLD_EPOCH = 3,
    VIEW_WORLD_VIEW = 9, /* v', where VIEW-CHANGEs and NEW-VIEWs go; COMPLAINs are about 8 */
    VIEW_WORLD_LINK = 2  /* the member whose session brings all messages */
};

/* What the VIEW-CHANGEs of a NEW-VIEW carry: one high and one LC for all, others for each of them,
 * or no high and one LC. */
enum view_world_parts { VIEW_WORLD_SAME, VIEW_WORLD_OTHERS, VIEW_WORLD_BASE };

struct view_world {
    uint32_t n, f, q;
    struct sign_key members[MEMBERS_MAX];
    struct verify_config config;
    struct pbft_msg msg; /* what the makers below make */
    struct pbft_msg out; /* what verify_decode() made */
    struct buf encoding; /* of msg */
    uint8_t *exact;      /* the bytes last judged, in a place of exactly their size */
};

void view_world_open(struct view_world *w, uint32_t members_count);
void view_world_close(struct view_world *w);

/* COMMITs of q members, member `turn` and those after it, in ascending order; and COMPLAINs of
 * entries_count members likewise. */
void view_world_certificate(const struct view_world *w, struct certificate *out, uint64_t view,
                            uint32_t turn);
void view_world_lc(const struct view_world *w, struct pbft_lc *out, uint64_t view,
                   uint32_t entries_count, uint32_t turn);

/* Messages into w->msg, truly signed. */
void view_world_make_complain(struct view_world *w, uint32_t from, enum pbft_reason reason);
void view_world_make_view_change(struct view_world *w, uint32_t from, bool has_high);
void view_world_make_new_view(struct view_world *w, enum view_world_parts parts);

/* Sign again what a test has changed: w->msg itself, as its `from`; one VIEW-CHANGE of a NEW-VIEW
 * and then the NEW-VIEW. */
void view_world_sign(struct view_world *w);
void view_world_sign_entry(struct view_world *w, uint32_t entry_index);

/* Judge these bytes, from a place of exactly their size; or encode w->msg and judge it. */
enum verify_drop view_world_judge_bytes(struct view_world *w, struct bytes bytes);
enum verify_drop view_world_judge(struct view_world *w);

#endif
