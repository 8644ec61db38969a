/* The fields of a plan by their names: printed with a report, set with `--set field=value`, and
 * switched off one after the other by shrink.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

/* Field, and the value at which it goes wrong least. In the order in which they are worth trying to
 * switch off: first what stands for most events. */
#define FIELD_LIST(X)                                                                              \
    X(partitions_per_minute, 0)                                                                    \
    X(flapping_ppm, 0)                                                                             \
    X(loss_ppm, 0)                                                                                 \
    X(double_ppm, 0)                                                                               \
    X(late_ppm, 0)                                                                                 \
    X(corrupt_ppm, 0)                                                                              \
    X(flood_ppm, 0)                                                                                \
    X(has_uneven_links, 0)                                                                         \
    X(slow_links_percent, 0)                                                                       \
    X(slow_delay_us, 0)                                                                            \
    X(slow_bytes_per_ms, 1000)                                                                     \
    X(crash_all_percent, 0)                                                                        \
    X(pauses_per_minute, 0)                                                                        \
    X(pause_max_us, 1000)                                                                          \
    X(eio_ppm, 0)                                                                                  \
    X(full_disks_per_minute, 0)                                                                    \
    X(full_max_us, 1000)                                                                           \
    X(marker_errors_ppm, 0)                                                                        \
    X(stall_ppm, 0)                                                                                \
    X(slow_disks_percent, 0)                                                                       \
    X(clock_steps_per_minute, 0)                                                                   \
    X(clock_offset_max_ms, 0)                                                                      \
    X(drift_ppm, 0)                                                                                \
    X(byz.members, 0)                                                                              \
    X(byz.is_marked, 0)                                                                            \
    X(byz.is_stingy, 0)                                                                            \
    X(byz.is_faultless, 0)                                                                         \
    X(byz.moments_per_second, 0)                                                                   \
    X(byz.ways[0], 0)                                                                              \
    X(byz.ways[1], 0)                                                                              \
    X(byz.ways[2], 0)                                                                              \
    X(byz.ways[3], 0)                                                                              \
    X(byz.ways[4], 0)                                                                              \
    X(byz.ways[5], 0)                                                                              \
    X(byz.ways[6], 0)                                                                              \
    X(byz.ways[7], 0)                                                                              \
    X(byz.ways[8], 0)                                                                              \
    X(byz.ways[9], 0)                                                                              \
    X(byz.ways[10], 0)                                                                             \
    X(byz.ways[11], 0)                                                                             \
    X(byz.ways[12], 0)                                                                             \
    X(reads.per_second, 0)                                                                         \
    X(reads.lies_ppm, 0)                                                                           \
    X(reads.lies_bits, 0)                                                                          \
    X(reads.proved_percent, 0)                                                                     \
    X(reads.local_percent, 0)                                                                      \
    X(liars_count, 0)                                                                              \
    X(lies_max, 1)                                                                                 \
    X(lies_bits, 15)                                                                               \
    X(members_down_for_good, 0)                                                                    \
    X(rots_count, 0)                                                                               \
    X(snapshot_behind_heights, DRIVER_SNAPSHOT_BEHIND_HEIGHTS)                                     \
    X(bursts_per_minute, 0)                                                                        \
    X(big_bytes_max, 0)                                                                            \
    X(big_bytes_total, 0)                                                                          \
    X(overdraft_ppm, 0)                                                                            \
    X(expiring_ppm, 0)                                                                             \
    X(conflicting_ppm, 0)                                                                          \
    X(resend_ppm, 0)                                                                               \
    X(ops_per_tx_max, 1)                                                                           \
    X(run_lag_us, 0)                                                                               \
    X(verify_us, 0)                                                                                \
    X(tree_max_us, 0)                                                                              \
    X(layer_bytes_max, 0)                                                                          \
    X(reserved_heights, DRIVER_RESERVED_HEIGHTS)                                                   \
    X(outputs_max, DRIVER_OUTPUTS_MAX)                                                             \
    X(answer_bytes_max, DRIVER_ANSWER_BYTES_MAX)                                                   \
    X(has_real_signatures, 0)                                                                      \
    X(down_max_us, 1000)                                                                           \
    X(delay_min_us, 1000)                                                                          \
    X(delay_max_us, 1000)                                                                          \
    X(disk_min_us, 200)                                                                            \
    X(disk_max_us, 200)                                                                            \
    X(members_count, 4)                                                                            \
    X(faults_us, 100000)                                                                           \
    X(keys_count, 2)                                                                               \
    X(txs_per_second, 1)                                                                           \
    X(in_flight_max, 1)                                                                            \
    X(has_view_change, 0)                                                                          \
    X(salt, 0)

static const struct sim_field fields[] = {
#define X(field, quiet)                                                                            \
    {#field, offsetof(struct sim_plan, field), sizeof((struct sim_plan *)0)->field, quiet, false},
    FIELD_LIST(X)
#undef X
#define X(name, word)                                                                              \
    {"crash_" word "_ppm", offsetof(struct sim_plan, crash_ppm[name]), sizeof(uint32_t), 0, false},
        SIM_BOUNDARY_LIST(X)
#undef X
#define X(field, symbol, initial, least, most)                                                     \
    {#field, offsetof(struct sim_plan, parameters.field), sizeof(uint64_t), initial, true},
            PARAMETER_LIST(X)
#undef X
};

const struct sim_field *sim_fields(size_t *count)
{
    *count = sizeof fields / sizeof fields[0];
    return fields;
}

uint64_t sim_field_get(const struct sim_field *f, const struct sim_plan *plan)
{
    const uint8_t *at = (const uint8_t *)plan + f->at;
    uint32_t small;
    uint64_t large;
    if (f->size == sizeof(bool))
        return *at;
    memcpy(&small, at, sizeof small);
    if (f->size == sizeof small)
        return small;
    CHECK(f->size == sizeof large);
    memcpy(&large, at, sizeof large);
    return large;
}

void sim_field_set(const struct sim_field *f, struct sim_plan *plan, uint64_t value)
{
    uint8_t *at = (uint8_t *)plan + f->at;
    uint32_t small = (uint32_t)value;
    if (f->size == sizeof(bool))
        *at = value != 0;
    else if (f->size == sizeof small)
        memcpy(at, &small, sizeof small);
    else
        memcpy(at, &value, sizeof value);
}

static const struct sim_field *find(struct bytes name)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (bytes_equal(bytes_of_text(fields[i].name), name))
            return &fields[i];
    return NULL;
}

bool sim_plan_set(struct sim_plan *plan, const char *text)
{
    const char *equals = strchr(text, '=');
    char *end;
    if (equals == NULL || equals[1] < '0' || equals[1] > '9')
        return false;
    const struct sim_field *f = find(bytes_of(text, (size_t)(equals - text)));
    errno = 0;
    uint64_t value = strtoull(equals + 1, &end, 10);
    if (f == NULL || errno != 0 || *end != '\0')
        return false;
    sim_field_set(f, plan, value);
    return sim_field_get(f, plan) == value;
}

void sim_plan_calm(struct sim_plan *out, uint64_t seed)
{
    sim_plan_draw(out, seed);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        sim_field_set(&fields[i], out, fields[i].quiet);
}

static uint32_t count_differing(const struct sim_plan *a, const struct sim_plan *b)
{
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        count += sim_field_get(&fields[i], a) != sim_field_get(&fields[i], b);
    return count;
}

/* From what the seed draws, or from a calm plan, whichever is nearer. */
void sim_plan_print_settings(FILE *to, const struct sim_plan *plan)
{
    struct sim_plan from, calm;
    sim_plan_draw(&from, plan->seed);
    sim_plan_calm(&calm, plan->seed);
    if (plan->byz.is_fork) { /* what its members do is no field */
        (void)fputs(" --fork", to);
        sim_byz_plan_fork(&from);
    } else if (count_differing(&calm, plan) < count_differing(&from, plan)) {
        (void)fputs(" --calm", to);
        from = calm;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (sim_field_get(&fields[i], plan) != sim_field_get(&fields[i], &from))
            (void)fprintf(to, " --set %s=%" PRIu64, fields[i].name,
                          sim_field_get(&fields[i], plan));
}

/* What differs from its quiet value, a line of the world's and one of the protocol's. */
void sim_plan_print(FILE *to, const struct sim_plan *plan)
{
    enum { COLUMNS = 80 };
    (void)fprintf(to, "plan of seed %" PRIu64 " (what is not named is off, or as by default):\n ",
                  plan->seed);
    size_t column = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct sim_field *f = &fields[i];
        bool is_first_parameter = f->is_parameter && !fields[i - 1].is_parameter;
        if (is_first_parameter && column > 0)
            column = COLUMNS;
        if (sim_field_get(f, plan) == f->quiet)
            continue;
        if (column >= COLUMNS) {
            (void)fputs("\n ", to);
            column = 0;
        }
        column += (size_t)fprintf(to, " %s=%" PRIu64, f->name, sim_field_get(f, plan));
    }
    (void)fputs("\n", to);
    sim_byz_plan_print(to, plan);
}
