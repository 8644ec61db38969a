/* What pbft_glance() promises, held for a message: it changes nothing; and where it names a reason,
 * pbft_step() drops the message for that reason, with the same acts and the same memory as if
 * another message, of which nothing ever comes, had been given instead. All of the core lies in one
 * piece of memory, so two cores can be compared byte by byte; but for the counters of drops. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/lone.h"

static uint8_t *image_of(const struct lone *l)
{
    size_t size = pbft_memory_bytes(&l->config);
    uint8_t *image = mem_alloc(size);
    memcpy(image, l->memory, size);
    const uint8_t *drops = (const void *)pbft_drops(l->core);
    memset(image + (drops - (const uint8_t *)l->memory), 0, PBFT_DROP_COUNT * sizeof(uint64_t));
    return image;
}

static void step_without(struct lone *l)
{
    uint32_t other = l->config.own_index == 0 ? 1 : 0;
    struct pbft_msg nothing = {.type = PBFT_COMPLAIN, .link = other, .from = other};
    nothing.complain.epoch = l->config.epoch + 1;
    struct pbft_event event = {.type = PBFT_EVENT_MSG, .now_ms = l->now_ms, .msg = &nothing};
    struct pbft_output out;
    pbft_step(l->core, &event, &out);
    CHECK(out.drop == PBFT_DROP_OTHER_EPOCH);
}

struct lone_glance lone_glance(struct lone *l, const struct pbft_msg *m)
{
    size_t size = pbft_memory_bytes(&l->config);
    uint8_t *before = mem_alloc(size);
    memcpy(before, l->memory, size);
    struct lone_glance glance = {.drop = pbft_glance(l->core, m)};
    CHECK(memcmp(before, l->memory, size) == 0);
    l->glances[glance.drop]++;
    if (glance.drop != PBFT_KEEP) {
        step_without(l);
        glance.without = image_of(l);
        memcpy(l->memory, before, size);
    }
    mem_free(before);
    return glance;
}

void lone_glance_hold(struct lone *l, struct lone_glance *glance)
{
    if (glance->drop == PBFT_KEEP)
        return;
    CHECK(l->out.drop == glance->drop);
    uint8_t *with = image_of(l);
    CHECK(memcmp(with, glance->without, pbft_memory_bytes(&l->config)) == 0);
    mem_free(with);
    mem_free(glance->without);
}
