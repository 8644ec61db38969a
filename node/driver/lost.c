/* Bodies above the committed height that rotted on this disk (pitfalls D5). They stay in the store,
 * so that every start knows what it lacks, until they are written again, or are of no use. */
#include "node/driver/driver_impl.h"

void driver_lost_add(struct driver *d, uint64_t height, const struct digest *digest)
{
    struct driver_lost *l = &d->lost;
    if (l->count == l->room) {
        l->room = 2 * l->room + 4;
        l->names = mem_resize(l->names, l->room * sizeof *l->names);
    }
    l->names[l->count++] = (struct driver_lost_name){.height = height, .digest = *digest};
}

bool driver_lost_has(const struct driver *d, uint64_t height, const struct digest *digest)
{
    for (size_t i = 0; i < d->lost.count; i++)
        if (d->lost.names[i].height == height && digest_equal(&d->lost.names[i].digest, digest))
            return true;
    return false;
}

void driver_lost_forget(struct driver *d, const struct digest *digest)
{
    struct driver_lost *l = &d->lost;
    for (size_t i = 0; i < l->count; i++)
        if (digest_equal(&l->names[i].digest, digest))
            l->names[i--] = l->names[--l->count];
}

/* The core waits for what it voted for in its view; what else it wants it fetches as if it had
 * never been here. */
void driver_lost_prune(struct driver *d)
{
    struct driver_lost *l = &d->lost;
    struct pbft_view_of look;
    if (l->count == 0)
        return;
    pbft_look(d->core, &look);
    for (size_t i = 0; i < l->count;) {
        const struct driver_lost_name *name = &l->names[i];
        if (look.has_lost && name->height > store_head(d->store)->height) {
            i++;
            continue;
        }
        store_stage_proposal_drop(driver_turn(d)->batch, name->height, &name->digest);
        l->names[i] = l->names[--l->count];
    }
}
