/* What happened, one line per event: time, node, event, and what came of it. */
#include <stdarg.h>
#include <string.h>

#include "tests/help/cluster.h"

void cluster_trace_text(struct cluster *c, const char *format, ...)
{
    char line[512];
    va_list args;
    int size = snprintf(line, sizeof line, "%6llu  ", (unsigned long long)c->now_ms);
    va_start(args, format);
    size += vsnprintf(line + size, sizeof line - (size_t)size, format, args);
    va_end(args);
    buf_add(&c->trace, line, (size_t)size);
    buf_add_u8(&c->trace, '\n');
}

void cluster_say(struct cluster *c, const char *words)
{
    cluster_trace_text(c, "-- %s", words);
}

static unsigned long long number(const struct digest *digest)
{
    return (unsigned long long)cluster_number_of(digest);
}

static const char *kind_word(const struct statement *s)
{
    if (s->kind == CERT_CHECKPOINT)
        return "CHECKPOINT";
    return s->kind == CERT_PREPARE ? "PREPARE" : "COMMIT";
}

struct text {
    char at[256];
};
struct part { /* of a text */
    char at[120];
};

static struct part text_of_certificate(const char *word, const struct certificate *c)
{
    struct part t;
    if (c == NULL)
        snprintf(t.at, sizeof t.at, ", %s none", word);
    else
        snprintf(t.at, sizeof t.at, ", %s of %ss v%llu h%llu b%llu", word, kind_word(&c->statement),
                 (unsigned long long)c->statement.view, (unsigned long long)c->statement.height,
                 number(&c->statement.digest));
    return t;
}

static struct part text_of_high(const struct pbft_view_change *v)
{
    return text_of_certificate("high", v->has_high ? &v->high : NULL);
}

static struct part text_of_base(const struct pbft_new_view *n)
{
    return text_of_certificate("base", pbft_new_view_base(n));
}

/* In view 0, where most stories stay, the view is left out. */
static struct part text_of_view(uint64_t view)
{
    struct part t = {{0}};
    if (view > 0)
        snprintf(t.at, sizeof t.at, " v%llu", (unsigned long long)view);
    return t;
}

static struct text text_of_msg(const struct pbft_msg *m)
{
    struct text t;
    const struct pbft_data *d = &m->data;
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        snprintf(
            t.at, sizeof t.at, "PRE-PREPARE%s h%llu b%llu", text_of_view(m->pre_prepare.view).at,
            (unsigned long long)m->pre_prepare.block.height, number(&m->pre_prepare.block.digest));
        break;
    case PBFT_STATUS:
        snprintf(t.at, sizeof t.at, "STATUS%s%s committed h%llu high h%llu",
                 text_of_view(m->status.view).at,
                 m->status.mode == PBFT_CHANGING ? " changing" : "",
                 (unsigned long long)m->status.committed_height,
                 (unsigned long long)m->status.high.height);
        break;
    case PBFT_FETCH:
        if (m->fetch.kind == PBFT_FETCH_BLOCK)
            snprintf(t.at, sizeof t.at, "FETCH b%llu", number(&m->fetch.digest));
        else
            snprintf(t.at, sizeof t.at, "FETCH from h%llu, %u at most",
                     (unsigned long long)m->fetch.from_height, m->fetch.blocks_max);
        break;
    case PBFT_DATA:
        if (d->kind == PBFT_FETCH_BLOCK)
            snprintf(t.at, sizeof t.at, "DATA b%llu%s", number(&d->blocks[0].digest),
                     d->has_pre_prepare ? " with its PRE-PREPARE" : "");
        else
            snprintf(t.at, sizeof t.at, "DATA h%llu..h%llu, %u heads, CQC h%llu",
                     (unsigned long long)d->blocks[0].height,
                     (unsigned long long)d->blocks[d->blocks_count - 1].height, d->heads_count,
                     (unsigned long long)d->certificate.statement.height);
        break;
    case PBFT_QC:
        snprintf(t.at, sizeof t.at, "QC of %ss h%llu b%llu", kind_word(&m->qc.statement),
                 (unsigned long long)m->qc.statement.height, number(&m->qc.statement.digest));
        break;
    case PBFT_COMPLAIN:
        snprintf(t.at, sizeof t.at, "COMPLAIN v%llu (%u)", (unsigned long long)m->complain.view,
                 m->complain.reason);
        break;
    case PBFT_VIEW_CHANGE:
        snprintf(t.at, sizeof t.at, "VIEW-CHANGE v%llu%s", (unsigned long long)m->view_change.view,
                 text_of_high(&m->view_change).at);
        break;
    case PBFT_NEW_VIEW:
        snprintf(t.at, sizeof t.at, "NEW-VIEW v%llu%s", (unsigned long long)m->new_view.view,
                 text_of_base(&m->new_view).at);
        break;
    default:
        snprintf(t.at, sizeof t.at, "%s%s h%llu b%llu", kind_word(&m->vote.statement),
                 text_of_view(m->vote.statement.view).at,
                 (unsigned long long)m->vote.statement.height, number(&m->vote.statement.digest));
        break;
    }
    return t;
}

static const char *pool_words(const struct pbft_pool *pool)
{
    if (!pool->has_executable)
        return "is empty";
    return pool->unproposed_ms > 0 ? "has work" : "has nothing that is not proposed";
}

void cluster_trace_event(struct cluster *c, uint32_t at, const struct pbft_event *e)
{
    static const char *const answers[] = {"valid", "invalid", "later"};
    switch (e->type) {
    case PBFT_EVENT_START:
        cluster_trace_text(c, "%u starts at h%llu", at,
                           (unsigned long long)cluster_committed(c, at));
        break;
    case PBFT_EVENT_MSG:
        cluster_trace_text(c, "%u < %u  %s", at, e->msg->link, text_of_msg(e->msg).at);
        break;
    case PBFT_EVENT_TICK:
        cluster_trace_text(c, "%u tick", at);
        break;
    case PBFT_EVENT_CHECKED:
        cluster_trace_text(c, "%u checked b%llu: %s", at, number(&e->checked.digest),
                           answers[e->checked.answer]);
        break;
    case PBFT_EVENT_BUILT:
        if (e->built.has_block)
            cluster_trace_text(c, "%u built h%llu b%llu", at,
                               (unsigned long long)e->built.block.height,
                               number(&e->built.block.digest));
        else
            cluster_trace_text(c, "%u built nothing", at);
        break;
    case PBFT_EVENT_POOL:
        cluster_trace_text(c, "%u pool %s", at, pool_words(&e->pool));
        break;
    case PBFT_EVENT_CONTRADICTION:
        cluster_trace_text(c, "%u's ledger is against a certificate", at);
        break;
    case PBFT_EVENT_ROOT:
        cluster_trace_text(c, "%u root h%llu", at, (unsigned long long)e->root.height);
        break;
    case PBFT_EVENT_EVIDENCE:
        cluster_trace_text(c, "%u found a bad body of %u", at, e->evidence->offender);
        break;
    case PBFT_EVENT_SNAPSHOT_TAKEN:
        cluster_trace_text(c, "%u has the state of h%llu", at,
                           (unsigned long long)e->snapshot.height);
        break;
    case PBFT_EVENT_SNAPSHOT_REFUSED:
        cluster_trace_text(c, "%u cannot take the snapshot", at);
        break;
    case PBFT_EVENT_FETCH_RANGE:
        cluster_trace_text(c, "%u lacks h%llu", at, (unsigned long long)e->range.from_height);
        break;
    }
}

static void trace_write(struct cluster *c, const struct pbft_act *act)
{
    const char *arrow = "          write";
    unsigned long long height = (unsigned long long)act->block.height;
    switch (act->type) {
    case PBFT_WRITE_STATE:
        if (act->state.view > 0)
            cluster_trace_text(c, "%s view %llu%s%s", arrow, (unsigned long long)act->state.view,
                               act->state.mode == PBFT_CHANGING ? " changing" : "",
                               act->state.is_installed ? " installed" : "");
        if (act->state.has_tip)
            cluster_trace_text(c, "%s tip h%llu b%llu", arrow,
                               (unsigned long long)act->state.tip.height,
                               number(&act->state.tip.digest));
        else
            cluster_trace_text(c, "%s tip none", arrow);
        break;
    case PBFT_WRITE_BLOCK:
        cluster_trace_text(c, "%s body h%llu b%llu", arrow, height, number(&act->block.digest));
        break;
    case PBFT_WRITE_VOTE:
        cluster_trace_text(c, "%s %s h%llu b%llu", arrow, kind_word(&act->vote.statement),
                           (unsigned long long)act->vote.statement.height,
                           number(&act->vote.statement.digest));
        break;
    case PBFT_WRITE_PRE_PREPARE:
        cluster_trace_text(c, "%s PRE-PREPARE h%llu b%llu", arrow, height,
                           number(&act->block.digest));
        break;
    case PBFT_WRITE_HIGH:
        cluster_trace_text(c, "%s high of %ss h%llu", arrow,
                           kind_word(&act->certificate->statement),
                           (unsigned long long)act->certificate->statement.height);
        break;
    case PBFT_WRITE_COMMIT:
        cluster_trace_text(c, "%s committed h%llu b%llu%s", arrow, height,
                           number(&act->block.digest),
                           act->certificate != NULL ? " with its CQC" : "");
        break;
    case PBFT_WRITE_COVER:
        cluster_trace_text(c, "%s the head stands under CQC h%llu", arrow,
                           (unsigned long long)act->certificate->statement.height);
        break;
    case PBFT_WRITE_VIEW_CHANGE:
        cluster_trace_text(c, "%s VIEW-CHANGE v%llu", arrow,
                           (unsigned long long)act->view_change->view);
        break;
    case PBFT_WRITE_NEW_VIEW:
        cluster_trace_text(c, "%s NEW-VIEW v%llu", arrow, (unsigned long long)act->new_view->view);
        break;
    case PBFT_WRITE_LEARNER:
        cluster_trace_text(c, "%s learner", arrow);
        break;
    case PBFT_WRITE_ALARM:
        cluster_trace_text(c, "%s alarm", arrow);
        break;
    case PBFT_WRITE_EVIDENCE:
        cluster_trace_text(c, "%s evidence against %u: %s", arrow, act->evidence->offender,
                           pbft_evidence_word(act->evidence->kind));
        break;
    default:
        break;
    }
}

static void trace_send(struct cluster *c, const struct pbft_act *act)
{
    char to[16];
    const char *arrow = "          send to";
    if (act->to == PBFT_TO_ALL)
        snprintf(to, sizeof to, "all");
    else
        snprintf(to, sizeof to, "%u", act->to);
    struct pbft_msg *m = mem_alloc(sizeof *m);
    switch (act->type) {
    case PBFT_SEND_VOTE:
        m->type = PBFT_PREPARE;
        m->vote = act->vote;
        break;
    case PBFT_SEND_PRE_PREPARE:
        m->type = PBFT_PRE_PREPARE;
        m->pre_prepare = act->pre_prepare;
        break;
    case PBFT_SEND_STATUS:
        m->type = PBFT_STATUS;
        m->status = act->status;
        break;
    case PBFT_SEND_FETCH:
        m->type = PBFT_FETCH;
        m->fetch = act->fetch;
        break;
    case PBFT_SEND_QC:
        m->type = PBFT_QC;
        m->qc = *act->certificate;
        break;
    case PBFT_SEND_COMPLAIN:
        m->type = PBFT_COMPLAIN;
        m->complain = act->complain;
        break;
    case PBFT_SEND_VIEW_CHANGE:
        m->type = PBFT_VIEW_CHANGE;
        m->view_change = *act->view_change;
        break;
    case PBFT_SEND_NEW_VIEW:
        m->type = PBFT_NEW_VIEW;
        m->new_view = *act->new_view;
        break;
    default:
        break;
    }
    if (m->type != 0)
        cluster_trace_text(c, "%s %s: %s", arrow, to, text_of_msg(m).at);
    else if (act->type == PBFT_SEND_RANGE)
        cluster_trace_text(c, "%s %s: blocks from h%llu, %u at most", arrow, to,
                           (unsigned long long)act->height, act->count);
    else if (act->type == PBFT_SEND_BLOCK)
        cluster_trace_text(c, "%s %s: body of b%llu", arrow, to, number(&act->block.digest));
    mem_free(m);
}

void cluster_trace_output(struct cluster *c, uint32_t at, const struct pbft_output *output)
{
    (void)at;
    if (output->drop != PBFT_KEEP)
        cluster_trace_text(c, "          drop %s", pbft_drop_word(output->drop));
    for (size_t i = 0; i < output->acts_count; i++)
        trace_write(c, &output->acts[i]);
    for (size_t i = 0; i < output->acts_count; i++) {
        const struct pbft_act *act = &output->acts[i];
        if (act->type == PBFT_ASK_CHECK)
            cluster_trace_text(c, "          ask to check b%llu", number(&act->block.digest));
        else if (act->type == PBFT_ASK_BUILD)
            cluster_trace_text(c, "          ask to build h%llu",
                               (unsigned long long)act->ticket.height);
        else if (act->type == PBFT_ASK_SNAPSHOT)
            cluster_trace_text(c, "          ask for the state of h%llu",
                               (unsigned long long)act->certificate->statement.height);
        else if (act->type == PBFT_ALARM)
            cluster_trace_text(c, "          ALARM");
        else
            trace_send(c, act);
    }
}
