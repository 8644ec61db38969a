/* What runs saw, summed up and printed: how often each kind of fault happened, so that one that has
 * been left out is noticed. All of it stands once more in one line of key=value (`sums:`), which
 * tests/sim/sum.sh adds up over several ranges. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

void sim_counts_add(struct sim_counts *to, const struct sim_counts *from)
{
    _Static_assert(sizeof *to % sizeof(uint64_t) == 0, "numbers all through");
    uint64_t sum[sizeof *to / sizeof(uint64_t)], more[sizeof *to / sizeof(uint64_t)];
    memcpy(sum, to, sizeof sum);
    memcpy(more, from, sizeof more);
    for (size_t i = 0; i < sizeof sum / sizeof sum[0]; i++)
        sum[i] += more[i];
    memcpy(to, sum, sizeof sum);
}

struct count {
    const char *word;
    size_t at;     /* in struct sim_counts */
    bool is_fault; /* one that was injected */
};
struct line {
    const char *title;
    struct count counts[12];
};

#define AT(field)    offsetof(struct sim_counts, field), false
#define FAULT(field) offsetof(struct sim_counts, field), true
static const struct line lines[] = {
    {"network",
     {{"messages", AT(messages)},
      {"lost", FAULT(lost)},
      {"doubled", FAULT(doubled)},
      {"late", FAULT(late)},
      {"corrupted", FAULT(corrupted)},
      {"cut off", FAULT(cut)},
      {"over slow links", FAULT(slow_sends)},
      {"partitions", FAULT(partitions)},
      {"of them flapping", AT(flapping)},
      {"in one direction", AT(one_way)}}},
    {"nodes",
     {{"starts", AT(starts)},
      {"all crash at once", AT(power_cuts)},
      {"some do", AT(racks_down)},
      {"pauses", FAULT(pauses)},
      {"clock steps", FAULT(steps)},
      {"of clocks that drift", FAULT(drifting)},
      {"with slow disks", FAULT(slow_disks)}}},
    {"disks",
     {{"batches landed unasked", AT(landed_unasked)},
      {"stalls", FAULT(stalls)},
      {"EIO at a drawn commit", FAULT(eio_commits)},
      {"full", FAULT(full_disks)},
      {"commits on full ones", AT(full_commits)},
      {"markers raised", AT(marks)},
      {"again", AT(marks_again)},
      {"cut off in that", AT(cut_marks_again)},
      {"not written", FAULT(mark_errors)}}},
    {"states",
     {{"taken from others", AT(snapshots)},
      {"in runs", AT(snapshot_runs)},
      {"snapshots joined", AT(snapshots_joined)},
      {"rotted", FAULT(rots)},
      {"noticed", AT(diverged)},
      {"sound again", AT(recovered)}}},
    {"lies",
     {{"rolled back", FAULT(lies[SIM_LIE_ROLLED_BACK])},
      {"restored", FAULT(lies[SIM_LIE_RESTORED])},
      {"wiped", FAULT(lies[SIM_LIE_WIPED])},
      {"flipped", FAULT(lies[SIM_LIE_FLIPPED])},
      {"nodes fenced in the end", AT(fenced)},
      {"refused", AT(refused)},
      {"found out by peers", AT(found_out)},
      {"ended by damage", AT(broken)},
      {"harmless", AT(unnoticed)},
      {"own word broken", AT(own_word_broken)},
      {"members down for good", FAULT(gone)}}},
    {"protocol",
     {{"views changed", AT(views)},
      {"checkpoints", AT(checkpoints)},
      {"EVIDENCE sent", AT(evidence)}}},
    {"ledger",
     {{"transactions submitted", AT(txs_submitted)},
      {"committed", AT(txs_committed)},
      {"rejected", AT(txs_rejected)},
      {"blocks", AT(blocks)},
      {"receipts verified", AT(receipts_verified)},
      {"events", AT(events)},
      {"dropped messages of full turns", AT(output_drops)},
      {"answers beyond budgets", AT(answer_drops)}}},
    {"reads",
     {{"linearizable", AT(reads_begun[SIM_READ_LINEAR])},
      {"accepted", AT(reads_accepted[SIM_READ_LINEAR])},
      {"given up", AT(reads_given_up[SIM_READ_LINEAR])},
      {"proved", AT(reads_begun[SIM_READ_PROVED])},
      {"verified", AT(reads_accepted[SIM_READ_PROVED])},
      {"not believed or given up", AT(reads_given_up[SIM_READ_PROVED])},
      {"local", AT(reads_begun[SIM_READ_LOCAL])},
      {"answered", AT(reads_accepted[SIM_READ_LOCAL])},
      {"unanswered", AT(reads_given_up[SIM_READ_LOCAL])},
      {"replies of sound nodes", AT(read_replies)}}},
    {"lies to reads",
     {
#define X(name, word) {word, FAULT(read_lies[name])},
         SIM_READ_LIE_LIST(X)
#undef X
     }},
};

static const struct count crash_counts[] = {
#define X(name, word) {word, FAULT(crashes[name])},
    SIM_BOUNDARY_LIST(X)
#undef X
};
static const struct count byz_counts[] = {
#define X(name, word) {word, FAULT(byz[name])},
    SIM_BYZ_LIST(X)
#undef X
        {"runs", AT(byz_runs)},
    {"members", AT(byz_members)},
    {"marked", AT(byz_marked)},
    {"forks seen", AT(forks_seen)},
    {"evidence kept", AT(evidence)},
};
static const struct count time_counts[] = {{"us", AT(virtual_us)}, {"healing us", AT(healing_us)}};
#undef AT
#undef FAULT

static uint64_t count_at(const struct sim_counts *c, size_t at)
{
    uint64_t count;
    CHECK(at + sizeof count <= sizeof *c);
    memcpy(&count, (const uint8_t *)c + at, sizeof count);
    return count;
}

void sim_counts_print(FILE *to, const struct sim_counts *c, uint64_t seeds)
{
    (void)fprintf(to, "simulated: %.2f hours, of these %.2f after healing (%.2f s a seed)\n",
                  (double)c->virtual_us / 3.6e9, (double)c->healing_us / 3.6e9,
                  seeds > 0 ? (double)c->healing_us / 1e6 / (double)seeds : 0.0);
    (void)fputs("crashes:", to);
    for (uint32_t i = 0; i < SIM_BOUNDARY_COUNT; i++)
        (void)fprintf(to, "%s %s %" PRIu64, i > 0 ? "," : "",
                      sim_boundary_word((enum sim_boundary)i), c->crashes[i]);
    (void)fputs("\n", to);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        (void)fprintf(to, "%s:", lines[i].title);
        for (size_t k = 0; lines[i].counts[k].word != NULL; k++)
            (void)fprintf(to, "%s %s %" PRIu64, k > 0 ? "," : "", lines[i].counts[k].word,
                          count_at(c, lines[i].counts[k].at));
        (void)fputs("\n", to);
    }
    sim_byz_print_counts(to, c);
}

/* ---- one line to be added up ---- */

static void put_key(FILE *to, const char *words)
{
    for (; *words != '\0'; words++)
        (void)fputc(*words == ' ' ? '_' : *words, to);
}

static uint64_t put_sums(FILE *to, const struct sim_counts *c, const char *title,
                         const struct count *counts, size_t count)
{
    uint64_t faults = 0;
    for (size_t i = 0; i < count && counts[i].word != NULL; i++) {
        uint64_t number = count_at(c, counts[i].at);
        (void)fputc(' ', to);
        put_key(to, title);
        (void)fputc('.', to);
        put_key(to, counts[i].word);
        (void)fprintf(to, "=%" PRIu64, number);
        faults += counts[i].is_fault ? number : 0;
    }
    return faults;
}

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
void sim_counts_print_sums(FILE *to, const struct sim_counts *c, uint64_t seeds,
                           uint64_t violations)
{
    (void)fprintf(to, "sums: seeds=%" PRIu64 " violations=%" PRIu64, seeds, violations);
    (void)put_sums(to, c, "simulated", time_counts, COUNT_OF(time_counts));
    uint64_t faults = put_sums(to, c, "crashes", crash_counts, COUNT_OF(crash_counts));
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        faults += put_sums(to, c, lines[i].title, lines[i].counts, COUNT_OF(lines[i].counts));
    faults += put_sums(to, c, "Byzantine", byz_counts, COUNT_OF(byz_counts));
    (void)fprintf(to, " faults=%" PRIu64 "\n", faults);
}
