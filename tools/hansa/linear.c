#include "tools/hansa/linear.h"

#include <string.h>

#include "crypto/base/check.h"

/* ---- words ---- */

const char *linear_fault_text(enum linear_fault fault)
{
    switch (fault) {
    case LINEAR_BAD_CERTIFICATE:
        return "its certificate is not one of this chain's members";
    case LINEAR_OTHER_EPOCH:
        return "its certificate is of another epoch than this genesis";
    case LINEAR_ABOVE_CERTIFICATE:
        return "it claims more committed than its certificate reaches";
    case LINEAR_WHOLE:
        break;
    }
    return "";
}

const char *linear_word_text(enum linear_word word)
{
    static const char *const texts[] = {
#define X(word, text) [word] = text,
        LINEAR_WORD_LIST(X)
#undef X
    };
    CHECK((unsigned)word < LINEAR_WORD_COUNT);
    return texts[word];
}

/* ---- one reply ---- */

static enum linear_fault judge_high(const struct proto_reply *reply, const struct genesis *g)
{
    const struct certificate *high = &reply->certificate;
    if (!reply->has_certificate)
        return reply->height == 0 ? LINEAR_WHOLE : LINEAR_ABOVE_CERTIFICATE;
    if (high->statement.epoch != 0)
        return LINEAR_OTHER_EPOCH;
    if (cert_verify(high, &g->chain_id, &g->member_table) != CERT_OK)
        return LINEAR_BAD_CERTIFICATE;
    /* Whatever is committed lies under a certificate, and that raised high (5.4, 5.6). */
    return reply->height <= high->statement.height ? LINEAR_WHOLE : LINEAR_ABOVE_CERTIFICATE;
}

void linear_take(struct linear_reply *out, uint32_t member, const struct proto_reply *reply,
                 const struct genesis *g)
{
    CHECK(reply->type == PROTO_READ);
    CHECK(reply->code == PROTO_OK);
    *out = (struct linear_reply){.member = member,
                                 .fault = judge_high(reply, g),
                                 .is_learner = reply->is_learner,
                                 .has_high = reply->has_certificate,
                                 .height = reply->height};
    if (!reply->has_certificate)
        return;
    out->high_view = reply->certificate.statement.view;
    out->high_height = reply->certificate.statement.height;
}

/* ---- answers ---- */

/* By the whole answer: one that only ends like another is another one. */
static bool is_answer(const struct linear_answers *a, uint32_t number, struct bytes answer)
{
    struct bytes reply = buf_bytes(&a->replies[number]);
    size_t size = a->sizes[number];
    return bytes_equal(bytes_of(reply.data + reply.size - size, size), answer);
}

uint32_t linear_number(struct linear_answers *a, const struct proto_reply *reply,
                       struct bytes whole)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (is_answer(a, i, reply->answer))
            return i;
    }
    CHECK(a->count < LINEAR_REPLIES_MAX);
    CHECK(reply->answer.size <= whole.size);
    a->sizes[a->count] = reply->answer.size;
    buf_add_bytes(&a->replies[a->count], whole);
    return a->count++;
}

void linear_answers_clear(struct linear_answers *a)
{
    while (a->count > 0)
        buf_clear(&a->replies[--a->count]);
}

void linear_answers_close(struct linear_answers *a)
{
    for (uint32_t i = 0; i < LINEAR_REPLIES_MAX; i++)
        buf_free(&a->replies[i]);
}

/* ---- R ---- */

struct judging {
    struct linear_verdict *out;
    const struct linear_reply *replies;
    size_t count;
    uint32_t members_count, quorum, enough; /* enough: f+1 */
};

static bool is_heard(const struct judging *j, size_t i)
{
    return j->out->words[j->replies[i].member] != LINEAR_REFUTED;
}

static bool is_lower_rank(const struct linear_reply *a, const struct linear_reply *b)
{
    if (a->has_high != b->has_high)
        return b->has_high;
    if (a->high_view != b->high_view)
        return a->high_view < b->high_view;
    return a->high_height < b->high_height;
}

/* The first reply of each member whose high counts, by rank, lowest first. */
static uint32_t rank_highs(const struct linear_reply *ranked[static MEMBERS_MAX],
                           const struct judging *j)
{
    bool is_taken[MEMBERS_MAX] = {false};
    uint32_t count = 0;
    for (size_t i = 0; i < j->count; i++) {
        const struct linear_reply *r = &j->replies[i];
        if (is_taken[r->member] || r->is_learner || !is_heard(j, i))
            continue;
        is_taken[r->member] = true;
        uint32_t at = count++;
        for (; at > 0 && is_lower_rank(r, ranked[at - 1]); at--)
            ranked[at] = ranked[at - 1];
        ranked[at] = r;
    }
    return count;
}

/* The k lowest, for each k from q on, are replies that R may be read from. */
static void find_index(const struct judging *j, uint64_t ordered_height)
{
    const struct linear_reply *ranked[MEMBERS_MAX];
    struct linear_verdict *v = j->out;
    v->highs_count = rank_highs(ranked, j);
    v->has_index = ordered_height > 0 || v->highs_count >= j->quorum;
    v->index_height = ordered_height;
    if (ordered_height > 0 || !v->has_index)
        return;
    v->index_height = ranked[j->quorum - 1]->high_height;
    for (uint32_t k = j->quorum; k < v->highs_count; k++) {
        if (ranked[k]->high_height < v->index_height)
            v->index_height = ranked[k]->high_height;
    }
}

/* ---- the value ---- */

/* How many members give this answer, of heights from R on. */
static uint32_t count_agreeing(const struct judging *j, uint32_t answer)
{
    bool is_counted[MEMBERS_MAX] = {false};
    uint32_t count = 0;
    for (size_t i = 0; i < j->count; i++) {
        const struct linear_reply *r = &j->replies[i];
        if (r->answer != answer || r->height < j->out->index_height || is_counted[r->member] ||
            !is_heard(j, i))
            continue;
        is_counted[r->member] = true;
        count++;
    }
    return count;
}

static void find_answer(const struct judging *j)
{
    struct linear_verdict *v = j->out;
    for (size_t i = 0; v->has_index && i < j->count && !v->is_accepted; i++) {
        uint32_t count = count_agreeing(j, j->replies[i].answer);
        if (count > v->agree_count)
            v->agree_count = count;
        v->is_accepted = count >= j->enough;
        v->answer = v->is_accepted ? j->replies[i].answer : 0;
    }
}

/* ---- who did what ---- */

static void note_faults(const struct judging *j)
{
    for (size_t i = 0; i < j->count; i++) {
        if (j->replies[i].fault != LINEAR_WHOLE)
            j->out->words[j->replies[i].member] = LINEAR_REFUTED;
    }
}

/* The worst that holds of a member stays. */
static void note(const struct judging *j, uint32_t member, enum linear_word word)
{
    if (word > j->out->words[member])
        j->out->words[member] = word;
}

static void note_answers(const struct judging *j)
{
    struct linear_verdict *v = j->out;
    for (size_t i = 0; i < j->count; i++) {
        const struct linear_reply *r = &j->replies[i];
        v->heights[r->member] = r->height;
        v->is_learner[r->member] = r->is_learner;
        enum linear_word word = LINEAR_HEARD;
        if (v->has_index && r->height < v->index_height)
            word = LINEAR_LAGS;
        else if (v->has_index)
            word = v->is_accepted && r->answer == v->answer ? LINEAR_AGREES : LINEAR_DIFFERS;
        note(j, r->member, word);
    }
}

/* How many members give this very answer of this height. */
static uint32_t count_alike(const struct judging *j, const struct linear_reply *like)
{
    bool is_counted[MEMBERS_MAX] = {false};
    uint32_t count = 0;
    for (size_t i = 0; i < j->count; i++) {
        const struct linear_reply *r = &j->replies[i];
        if (r->answer != like->answer || r->height != like->height || is_counted[r->member] ||
            !is_heard(j, i))
            continue;
        is_counted[r->member] = true;
        count++;
    }
    return count;
}

/* A height has one state. */
static void note_contradiction(const struct judging *j, const struct linear_reply *a,
                               const struct linear_reply *b)
{
    if (a->height != b->height || a->answer == b->answer)
        return;
    bool is_a_true = count_alike(j, a) >= j->enough;
    bool is_b_true = count_alike(j, b) >= j->enough;
    if (a->member == b->member || (is_b_true && !is_a_true))
        note(j, a->member, LINEAR_LIES);
    if (a->member == b->member || (is_a_true && !is_b_true))
        note(j, b->member, LINEAR_LIES);
    if (a->member == b->member || is_a_true != is_b_true)
        return;
    note(j, a->member, LINEAR_CONTRADICTED);
    note(j, b->member, LINEAR_CONTRADICTED);
    j->out->against[a->member] = b->member;
    j->out->against[b->member] = a->member;
}

static void note_contradictions(const struct judging *j)
{
    for (size_t i = 0; i < j->count; i++) {
        for (size_t k = i + 1; k < j->count; k++) {
            if (is_heard(j, i) && is_heard(j, k))
                note_contradiction(j, &j->replies[i], &j->replies[k]);
        }
    }
}

/* Below R there is nothing to accept; and who answers differently of different heights comes
 * together where the highest of them is. */
static void find_next(const struct judging *j)
{
    struct linear_verdict *v = j->out;
    uint64_t highest_height = 0;
    if (!v->has_index || v->is_accepted)
        return;
    for (size_t i = 0; i < j->count; i++) {
        if (is_heard(j, i) && j->replies[i].height > highest_height)
            highest_height = j->replies[i].height;
    }
    for (uint32_t m = 0; m < j->members_count; m++) {
        if (v->words[m] == LINEAR_SILENT || v->words[m] == LINEAR_REFUTED)
            continue;
        if (v->heights[m] < v->index_height)
            v->next_heights[m] = v->index_height;
        else if (v->heights[m] < highest_height)
            v->next_heights[m] = highest_height;
    }
}

void linear_judge(struct linear_verdict *out, const struct linear_reply *replies, size_t count,
                  uint32_t members_count, uint64_t ordered_height)
{
    struct judging j = {.out = out,
                        .replies = replies,
                        .count = count,
                        .members_count = members_count,
                        .quorum = quorum_of(members_count),
                        .enough = faulty_max_of(members_count) + 1};
    CHECK(count <= LINEAR_REPLIES_MAX);
    memset(out, 0, sizeof *out);
    note_faults(&j);
    find_index(&j, ordered_height);
    find_answer(&j);
    note_answers(&j);
    note_contradictions(&j);
    find_next(&j);
}
