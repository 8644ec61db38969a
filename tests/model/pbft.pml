/* The protocol (node/pbft/PROTOCOL.md, sections 5 to 7) between n = 4 replicas, of which LIARS lie.
 * README.md says what was abstracted, and why nothing is lost by it. In short:
 * - Whatever was ever signed can be read by anyone at any time from then on. That is loss, delay,
 *   repetition and reordering, and also crash and restart.
 * - A liar has voted for everything, complained about every view and is primary of every view: a QC
 *   exists once Q - LIARS correct replicas voted; a NEW-VIEW, once so many VIEW-CHANGEs were sent.
 * - Correct replicas differ in nothing but their state, so they are kept sorted.
 */
#ifndef HEIGHTS
#define HEIGHTS 2 /* 1 to 3 */
#endif
#ifndef VIEWS
#define VIEWS 3
#endif
#ifndef LIARS
#define LIARS 1
#endif
#ifndef Q
#define Q 3
#endif
#if defined(PLAIN) || defined(BEFORE_BASE_VOTE) || defined(TIP_BY_LOWER_VIEW)
#define APART /* the base vote is a step of its own */
#endif
#define CORRECT (4 - LIARS)
#define NEED    (Q - LIARS) /* correct votes in a certificate: 1 or 2 */

/* Blocks are a binary tree, numbered like a heap: 1 is genesis, b's children are 2b and 2b+1. */
#define BLOCKS     (2 << HEIGHTS)
#define HEIGHT(b)  (((b) > 1) + ((b) > 3) + ((b) > 7))
#define EXTENDS(a, b) ((a) == (b) || (a) >> 1 == (b) || (a) >> 2 == (b) || (a) >> 3 == (b))
#define CHAINED(a, b) (EXTENDS(a, b) || EXTENDS(b, a))
#define SUBTREE(b) (1 << (b) | 3 << 2 * (b) | ((b) < 4 -> 15 << 4 * (b) : 0) | ((b) < 2 -> 255 << 8 : 0))

/* A QC's rank (1), its view and block in one number. 0 is none, 1 the "base of e": genesis. Where two
 * QCs of one view and height differ, `one_chain` below has failed already. */
#define RANK(v, b)  ((v) * BLOCKS + (b))
#define BLOCK_OF(q) ((q) % BLOCKS)
#ifdef RANK_BY_HEIGHT
#define ORDER(q) HEIGHT(BLOCK_OF(q))
#else
#define ORDER(q) (q)
#endif

#if HEIGHTS == 3
#define SET int /* of blocks */
#else
#define SET byte
#endif

typedef Replica {
    byte view;
    bit normal; /* or CHANGING */
    byte base;  /* of this view; 0 while CHANGING */
    byte tip;   /* 0: none */
    byte next;  /* the lowest height that it may still COMMIT in this view */
    byte high;
#ifdef VOTES_AFTER_VIEW_CHANGE
    byte left; /* highest view it sent a VIEW-CHANGE for */
#endif
};
Replica r[CORRECT]; /* the highest view first */

SET prepared[VIEWS], pqc[VIEWS];  /* blocks that a correct replica PREPAREd; that NEED of them did */
SET committed[VIEWS], cqc[VIEWS]; /* the same for COMMIT */
/* Of the VIEW-CHANGEs that correct replicas sent for a view: the lowest high and the second lowest.
 * A liar can add any QC, so V's highest is anything that exists from there up (7.3). */
byte lowest[VIEWS], second[VIEWS];

#ifdef SHORTEST /* breadth-first search knows no hidden variables */
#define HIDDEN
#else
#define HIDDEN hidden
#endif
HIDDEN byte name[4]; /* for the reader of a trail alone */
HIDDEN byte x, w, q, swap;

#define HAS(set, b)  ((set) >> (b) & 1)
#define QC(v, b)     (HAS(pqc[v] | cqc[v], b) || (v) == 0 && (b) == 1)
#define NAMED(b)     HAS(prepared[0] | prepared[1] | prepared[VIEWS - 1] | pqc[0] | pqc[1] | pqc[VIEWS - 1], b)
#define FLOOR(v)     (NEED_VC == 1 -> lowest[v] : second[v])
#ifdef ONE_VIEW_CHANGE_TOO_FEW
#define NEED_VC (NEED - 1)
#else
#define NEED_VC NEED
#endif

/* ---- What replica i may do now ---- */

/* 6.1: a CQC of my view at or above its base. 7.8: view 0 is installed. */
#define CQCS_ABOVE_BASE(i) (cqc[r[i].view] >> (1 << HEIGHT(r[i].base)))
#ifdef WITHOUT_INSTALLED
#define INSTALLED(i) true
#else
#define INSTALLED(i) (r[i].view == 0 || CQCS_ABOVE_BASE(i))
#endif

/* 5.2: the next block on my tip. Names are given in the order of need: 2b+1 only after 2b. */
#define MAY_PREPARE(i, side) \
    (r[i].tip && r[i].tip < BLOCKS / 2 && (side == 0 || NAMED(2 * r[i].tip)) && INSTALLED(i))

/* 5.5: a PQC of my view covers b, at or above the base, ascending. */
#define MAY_COMMIT(i, b) (r[i].normal && HEIGHT(b) >= r[i].next && (pqc[r[i].view] & SUBTREE(b)))

/* 5.8, and 7.5's "tip := committed": a CQC of my view above my tip, or above the base before the base vote. */
#define MAY_MOVE_TIP(i, b)                                       \
    (r[i].normal && HAS(cqc[r[i].view], b) && r[i].tip != (b) && \
     (r[i].tip -> EXTENDS(b, r[i].tip) : EXTENDS(b, r[i].base)))

/* 7.1: LC(v-1) exists once a correct replica was in v-1: it complains, and the liar does. */
#ifdef VOTES_AFTER_VIEW_CHANGE
#define MAY_LEAVE(i, v) (r[i].view < (v) && r[0].view + 1 >= (v) && r[i].left < (v))
#elif defined(PLAIN)
#define MAY_LEAVE(i, v) (r[i].view < (v) && r[0].view + 1 >= (v))
#else
#define MAY_LEAVE(i, v) (r[i].view + 1 == (v))
#endif

/* 7.4: NEW-VIEW(v) whose V has (w,b) as its highest-rank high. */
#define MAY_ACCEPT(i, v, w, b)                                                           \
    ((BY_NEW_VIEW(i, v) || r[i].view == (v) && CHANGING(i)) && FLOOR(v) && QC(w, b) && \
     (NOT_RECOMPUTED || ORDER(RANK(w, b)) >= ORDER(FLOOR(v))))
#if defined(PLAIN) || defined(VOTES_AFTER_VIEW_CHANGE)
#define BY_NEW_VIEW(i, v) (r[i].view < (v))
#else
#define BY_NEW_VIEW(i, v) false
#endif
#ifdef NEW_VIEW_TWICE
#define CHANGING(i) true
#else
#define CHANGING(i) (!r[i].normal)
#endif
#ifdef BASE_NOT_RECOMPUTED
#define NOT_RECOMPUTED true
#else
#define NOT_RECOMPUTED false
#endif

/* ---- Mutants that allow one thing more; those that change a step are where it stands ---- */

#ifdef SECOND_PREPARE /* 3.1, 5.2: two digests at one height */
#define MUTANT_PREPARES(i) \
    :: r[i].tip > r[i].base && r[i].tip % 2 == 0 -> DO(PREPARE, i, r[i].view, r[i].tip + 1)
#else
#define MUTANT_PREPARES(i)
#endif
#ifdef BEFORE_BASE_VOTE /* 7.4: there is no tip to hold the parent against */
#define MUTANT_ON_BLOCK(i, b)                                                                  \
    :: r[i].normal && !r[i].tip && HEIGHT(b) == HEIGHT(r[i].base) + 1 && INSTALLED(i) &&       \
        (b % 2 == 0 || NAMED(b - 1)) -> DO(PREPARE, i, r[i].view, b)
#elif defined(TIP_BY_LOWER_VIEW) /* 5.8 */
#define MUTANT_ON_BLOCK(i, b)                                                                  \
    :: r[i].normal && r[i].view && HAS(cqc[r[i].view - 1], b) && HEIGHT(b) > HEIGHT(r[i].tip) -> \
        DO(MOVE_TIP, i, r[i].view, b)
#else
#define MUTANT_ON_BLOCK(i, b)
#endif

mtype = { PREPARE, BASE_VOTE, COMMIT, MOVE_TIP, LEAVE, ACCEPT, LEARN };
mtype act;
byte i, v, b; /* who; a view; a block or a rank. 0 between steps */

#define DO(what, who, view, block) act = what; i = who; v = view; b = block

#define PREPARES(i)                                                              \
    :: MAY_PREPARE(i, 0) -> DO(PREPARE, i, r[i].view, 2 * r[i].tip)              \
    :: MAY_PREPARE(i, 1) -> DO(PREPARE, i, r[i].view, 2 * r[i].tip + 1)          \
    :: r[i].normal && !r[i].tip -> DO(BASE_VOTE, i, r[i].view, r[i].base)        \
    MUTANT_PREPARES(i)
#define ON_BLOCK(i, b)                                         \
    :: MAY_COMMIT(i, b) -> DO(COMMIT, i, r[i].view, b)         \
    :: MAY_MOVE_TIP(i, b) -> DO(MOVE_TIP, i, r[i].view, b)     \
    MUTANT_ON_BLOCK(i, b)
#define ACCEPTS(i, v, w, b) :: MAY_ACCEPT(i, v, w, b) -> DO(ACCEPT, i, v, RANK(w, b))
#define LEAVES(i, v)        :: MAY_LEAVE(i, v) -> DO(LEAVE, i, v, 0)
#ifdef PLAIN
#define LEARNS(i, w, b) :: QC(w, b) && RANK(w, b) > r[i].high -> DO(LEARN, i, w, b)
#else
#define LEARNS(i, w, b)
#endif


#if HEIGHTS == 3
#define EACH_BLOCK(M, i) \
    M(i, 1) M(i, 2) M(i, 3) M(i, 4) M(i, 5) M(i, 6) M(i, 7) M(i, 8) M(i, 9) M(i, 10) M(i, 11) M(i, 12) \
    M(i, 13) M(i, 14) M(i, 15)
#elif HEIGHTS == 2
#define EACH_BLOCK(M, i) M(i, 1) M(i, 2) M(i, 3) M(i, 4) M(i, 5) M(i, 6) M(i, 7)
#else
#define EACH_BLOCK(M, i) M(i, 1) M(i, 2) M(i, 3)
#endif
#define ACCEPTS_1(i, b) ACCEPTS(i, 1, 0, b)
#define ACCEPTS_2(i, b) ACCEPTS(i, 2, 0, b) ACCEPTS(i, 2, 1, b)
#define LEARNS_ALL(i, b) LEARNS(i, 0, b) LEARNS(i, 1, b) LEARNS(i, 2, b)
#if VIEWS == 4
#define ACCEPTS_3(i, b) ACCEPTS(i, 3, 0, b) ACCEPTS(i, 3, 1, b) ACCEPTS(i, 3, 2, b)
#define LEAVES_ALL(i)   LEAVES(i, 1) LEAVES(i, 2) LEAVES(i, 3)
#else
#define ACCEPTS_3(i, b)
#define LEAVES_ALL(i) LEAVES(i, 1) LEAVES(i, 2)
#endif
#define OPTIONS(i)                                                                             \
    PREPARES(i) EACH_BLOCK(ON_BLOCK, i) LEAVES_ALL(i) EACH_BLOCK(ACCEPTS_1, i)                 \
    EACH_BLOCK(ACCEPTS_2, i) EACH_BLOCK(ACCEPTS_3, i) EACH_BLOCK(LEARNS_ALL, i)

/* ---- What must never happen (13) ---- */

#define NOT_EXTENDED "VIOLATED the lemma: a QC does not extend what was committed\n"
#define BAD_BASE     "VIOLATED alarm (7.5): a base does not extend what was committed\n"
#define NEVER(bad, words) if :: bad -> printf(words); assert(false) :: else fi
#ifdef FORK_ONLY /* for mutants: do not stop at what leads to a fork, show the fork */
#define LEMMA(bad, words) skip
#else
#define LEMMA(bad, words) NEVER(bad, words)
#endif

inline judge_qc(at, new, is_commit)
{
    w = 0;
    do
    :: w < VIEWS ->
        x = 1;
        do
        :: x < BLOCKS ->
            NEVER(is_commit && HAS(cqc[w], x) && !CHAINED(x, new), "VIOLATED agreement: two COMMIT certificates fork\n");
            LEMMA(w == at && HAS(pqc[w] | cqc[w], x) && !CHAINED(x, new), "VIOLATED one chain per view\n");
            LEMMA(w < at && HAS(cqc[w], x) && !EXTENDS(new, x), NOT_EXTENDED);
            LEMMA(w > at && is_commit && HAS(pqc[w] | cqc[w], x) && !EXTENDS(x, new), NOT_EXTENDED);
            x++
        :: else -> break
        od;
        w++
    :: else -> break
    od;
    w = 0;
    do
    :: w < CORRECT ->
        LEMMA(is_commit && r[w].base && r[w].view > at && !EXTENDS(r[w].base, new), BAD_BASE);
        w++
    :: else -> break
    od;
#ifdef WITNESS /* that the model gets somewhere: a commit in each view, at last of the highest block */
    NEVER(cqc[0] && cqc[1] && cqc[VIEWS - 1] >> (1 << HEIGHTS), "VIOLATED witness: commits in every view\n")
#endif
}

/* 7.5: what was committed in a lower view is below the base, or it is a safety alarm. */
inline judge_base(at, new)
{
    w = 0;
    do
    :: w < at ->
        x = 1;
        do
        :: x < BLOCKS ->
            LEMMA(HAS(cqc[w], x) && !EXTENDS(new, x), BAD_BASE);
            x++
        :: else -> break
        od;
        w++
    :: else -> break
    od
}

/* ---- What it does ---- */

inline vote(some, enough, is_commit)
{
    if
    :: (NEED == 1 || HAS(some, b)) && !HAS(enough, b) ->
        enough = enough | 1 << b;
        judge_qc(v, b, is_commit)
    :: else
    fi;
    some = some | 1 << b
}

inline raise_high(rank) /* 5.4 */
{
    r[i].high = (ORDER(rank) > ORDER(r[i].high) -> rank : r[i].high)
}

inline lowest_in(set, result) /* the lowest block that is in it */
{
    assert(set);
    result = 1;
    do
    :: !HAS(set, result) -> result++
    :: else -> break
    od
}

inline view_change(to)
{
    if
    :: !lowest[to] || ORDER(r[i].high) < ORDER(lowest[to]) ->
        second[to] = lowest[to];
        lowest[to] = r[i].high
    :: else ->
        second[to] = (!second[to] || ORDER(r[i].high) < ORDER(second[to]) -> r[i].high : second[to])
    fi
}

inline enter(to, is_normal, on)
{
    r[i].view = to; r[i].normal = is_normal; r[i].base = on;
    r[i].tip = 0; /* 7.4 */
#ifdef COMMIT_BELOW_BASE
    r[i].next = 0
#else
    r[i].next = (is_normal -> HEIGHT(on) : 0)
#endif
}

inline base_vote()
{
    printf("%d base vote: PREPAREs (view %d, block %d)\n", name[i], v, b);
#ifdef PREPARE_BELOW_BASE /* the heights up to it one by one, as PBFT does */
    if
    :: b > 1 ->
        b = b / 2;
        vote(prepared[v], pqc[v], false);
        b = r[i].base
    :: else
    fi;
#endif
    r[i].tip = b;
    vote(prepared[v], pqc[v], false)
}

inline commit()
{
#ifndef HIGH_NOT_RAISED
    lowest_in(pqc[v] & SUBTREE(b), q);
    raise_high(RANK(v, q));
#endif
    printf("%d COMMITs (view %d, block %d), high (%d,%d)\n", name[i], v, b, r[i].high / BLOCKS,
           BLOCK_OF(r[i].high));
    r[i].next = HEIGHT(b) + 1;
    vote(committed[v], cqc[v], true)
}

/* COMMITs that raise no high (or one that no VIEW-CHANGE will carry) only add a vote: they come at once. */
inline commit_what_is_free()
{
    i = 0;
    do
    :: i < CORRECT ->
        v = r[i].view;
        b = 1;
        do
        :: r[i].normal && b < BLOCKS ->
            if
            :: MAY_COMMIT(i, b) ->
                lowest_in(pqc[v] & SUBTREE(b), q);
                if
                :: v == VIEWS - 1 || ORDER(RANK(v, q)) <= ORDER(r[i].high) -> commit()
                :: else -> break
                fi
            :: else
            fi;
            b++
        :: else -> break
        od;
        i++
    :: else -> break
    od
}

inline step()
{
    if
    :: act == PREPARE ->
        if
        :: v > 0 && CQCS_ABOVE_BASE(i) ->
            lowest_in(cqc[v] & ~((1 << (1 << HEIGHT(r[i].base))) - 1), q);
            raise_high(RANK(v, q))
        :: else
        fi;
        printf("%d PREPAREs (view %d, block %d)\n", name[i], v, b);
        r[i].tip = b;
        vote(prepared[v], pqc[v], false)
    :: act == BASE_VOTE -> base_vote()
    :: act == COMMIT -> commit()
    :: act == MOVE_TIP ->
        printf("%d moves tip to the committed (view %d, block %d)\n", name[i], v, b);
        raise_high(RANK(v, b));
        r[i].tip = b
    :: act == LEAVE ->
        printf("%d VIEW-CHANGE to %d, high (%d,%d)\n", name[i], v, r[i].high / BLOCKS,
               BLOCK_OF(r[i].high));
        view_change(v);
#ifdef VOTES_AFTER_VIEW_CHANGE
        r[i].left = v
#else
        enter(v, false, 0)
#endif
    :: act == ACCEPT ->
        printf("%d accepts NEW-VIEW %d, Q* (%d,%d)\n", name[i], v, b / BLOCKS, BLOCK_OF(b));
        b = BLOCK_OF(b);
        judge_base(v, b);
        enter(v, true, b);
#ifndef APART
        base_vote()
#endif
    :: act == LEARN ->
        printf("%d learns QC (view %d, block %d)\n", name[i], v, b);
        r[i].high = RANK(v, b);
        if
        :: v > r[i].view -> enter(v, false, 0) /* 7.7 */
        :: else
        fi
    fi
}

/* ---- Equal worlds get equal states ---- */

#ifdef VOTES_AFTER_VIEW_CHANGE
#define LEFT(i) (r[i].left << 24)
#else
#define LEFT(i) 0
#endif
#define KEY(i)                                         \
    (LEFT(i) | r[i].view << 20 | r[i].normal << 19 | r[i].high << 12 | r[i].tip << 8 | r[i].base << 4 | r[i].next)
#define SWAP(a, c) swap = a; a = c; c = swap
inline sort_two(j, k)
{
    if
    :: KEY(j) < KEY(k) ->
        SWAP(r[j].view, r[k].view); SWAP(r[j].normal, r[k].normal); SWAP(r[j].base, r[k].base);
        SWAP(r[j].tip, r[k].tip); SWAP(r[j].next, r[k].next); SWAP(r[j].high, r[k].high);
#ifdef VOTES_AFTER_VIEW_CHANGE
        SWAP(r[j].left, r[k].left);
#endif
        SWAP(name[j], name[k])
    :: else
    fi
}

inline tidy()
{
    if
    :: r[i].view == VIEWS - 1 -> r[i].high = 0 /* no VIEW-CHANGE will carry it */
    :: else
    fi;
#ifndef PLAIN
    commit_what_is_free();
    w = 0;
    do
    :: w < CORRECT -> r[w].high = (r[w].view == VIEWS - 1 -> 0 : r[w].high); w++
    :: else -> break
    od;
#endif
    sort_two(0, 1);
#if CORRECT == 3
    sort_two(1, 2);
    sort_two(0, 1);
#endif
    w = 0;
    do
    :: w < r[CORRECT - 1].view -> /* nobody votes there any more, or accepts its NEW-VIEW */
        prepared[w] = 0; committed[w] = 0;
        lowest[w] = 0; second[w] = 0;
        w++
    :: else -> break
    od;
    act = 0; i = 0; v = 0; b = 0;
    x = 0; w = 0; q = 0; swap = 0
}

init
{
    d_step {
        do
        :: i < CORRECT -> /* 7.8 */
            name[i] = i; r[i].normal = 1; r[i].high = 1;
            r[i].base = 1; r[i].tip = 1; r[i].next = 1;
            i++
        :: else -> break
        od;
        i = 0
    }
end:
    do
    :: atomic {
        if
        OPTIONS(0)
        OPTIONS(1)
#if CORRECT == 3
        OPTIONS(2)
#endif
        fi;
        d_step {
            step();
            tidy()
        }
    }
    od
}
