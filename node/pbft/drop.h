/* Why the core drops a message. The word is the metric label, the log word and the test's hook. */
#ifndef NODE_PBFT_DROP_H
#define NODE_PBFT_DROP_H

#define PBFT_DROP_LIST(X)                                                                          \
    X(PBFT_KEEP, "keep")                                                                           \
    X(PBFT_DROP_NOT_A_MEMBER, "not_a_member") /* signer or link beyond the member table */         \
    X(PBFT_DROP_OWN, "own")                   /* my own message came back */                       \
    X(PBFT_DROP_OTHER_EPOCH, "other_epoch")                                                        \
    X(PBFT_DROP_OTHER_VIEW, "other_view")       /* 5.2: exactly (e,v) */                           \
    X(PBFT_DROP_CHANGING, "changing")           /* 5.2: NORMAL only */                             \
    X(PBFT_DROP_NOT_PRIMARY, "not_primary")     /* 5.2: from the view's primary */                 \
    X(PBFT_DROP_COMMITTED, "committed")         /* at or below my committed height */              \
    X(PBFT_DROP_OUT_OF_WINDOW, "out_of_window") /* 8.3, 16 */                                      \
    X(PBFT_DROP_DUPLICATE, "duplicate")         /* 3.1: a signer's first counts */                 \
    X(PBFT_DROP_CONFLICT, "conflict")           /* 3.1, 5.3: a second, different one */            \
    X(PBFT_DROP_WRONG_PARENT, "wrong_parent")   /* 5.2: parent = tip */                            \
    X(PBFT_DROP_INVALID_BLOCK, "invalid_block") /* 5.2: not valid on its parent's layer */         \
    X(PBFT_DROP_SLOT_FULL, "slot_full")         /* 16: no room for one more block at a height */   \
    X(PBFT_DROP_NO_ROOM, "no_room")             /* 16: no bytes left for a proposal's body */      \
    X(PBFT_DROP_NOT_ASKED, "not_asked")   /* DATA that nothing needs, FETCH of what is not here */ \
    X(PBFT_DROP_NOT_NEEDED, "not_needed") /* 3.3: beyond a quorum, or it raises nothing */         \
    X(PBFT_DROP_STALE, "stale")           /* an old STATUS, or an answer to an old ticket */       \
    X(PBFT_DROP_BUDGET, "budget")         /* 9.1: answered often enough by now */                  \
    X(PBFT_DROP_NOT_YET, "not_yet")       /* not for the core: FORWARD */

enum pbft_drop {
#define X(drop, word) drop,
    PBFT_DROP_LIST(X)
#undef X
        PBFT_DROP_COUNT
};

const char *pbft_drop_word(enum pbft_drop drop);

#endif
