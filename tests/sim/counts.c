/* What runs saw, summed up and printed: how often each kind of fault happened, so that one that has
 * been left out is noticed. */
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

struct line {
    const char *title;
    struct {
        const char *word;
        size_t at; /* in struct sim_counts */
    } counts[12];
};

#define AT(field) offsetof(struct sim_counts, field)
static const struct line lines[] = {
    {"network",
     {{"messages", AT(messages)},
      {"lost", AT(lost)},
      {"doubled", AT(doubled)},
      {"late", AT(late)},
      {"corrupted", AT(corrupted)},
      {"cut off", AT(cut)},
      {"over slow links", AT(slow_sends)},
      {"partitions", AT(partitions)},
      {"of them flapping", AT(flapping)}}},
    {"nodes",
     {{"starts", AT(starts)},
      {"pauses", AT(pauses)},
      {"clock steps", AT(steps)},
      {"of clocks that drift", AT(drifting)},
      {"with slow disks", AT(slow_disks)}}},
    {"disks",
     {{"batches landed unasked", AT(landed_unasked)},
      {"stalls", AT(stalls)},
      {"EIO at a drawn commit", AT(eio_commits)},
      {"full", AT(full_disks)},
      {"commits on full ones", AT(full_commits)},
      {"markers raised", AT(marks)},
      {"again", AT(marks_again)},
      {"cut off in that", AT(cut_marks_again)},
      {"not written", AT(mark_errors)}}},
    {"states",
     {{"taken from others", AT(snapshots)},
      {"in runs", AT(snapshot_runs)},
      {"rotted", AT(rots)},
      {"noticed", AT(diverged)},
      {"sound again", AT(recovered)}}},
    {"lies",
     {{"rolled back", AT(lies[SIM_LIE_ROLLED_BACK])},
      {"restored", AT(lies[SIM_LIE_RESTORED])},
      {"wiped", AT(lies[SIM_LIE_WIPED])},
      {"flipped", AT(lies[SIM_LIE_FLIPPED])},
      {"nodes fenced in the end", AT(fenced)},
      {"refused", AT(refused)},
      {"found out by peers", AT(found_out)},
      {"ended by damage", AT(broken)},
      {"harmless", AT(unnoticed)},
      {"own word broken", AT(own_word_broken)},
      {"members down for good", AT(gone)}}},
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
      {"given up", AT(reads_given_up[SIM_READ_LOCAL])},
      {"replies of sound nodes", AT(read_replies)}}},
    {"lies to reads",
     {
#define X(name, word) {word, AT(read_lies[name])},
         SIM_READ_LIE_LIST(X)
#undef X
     }},
};
#undef AT

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
