/* Connections of strangers, which nanomsg takes without end and keeps for ever: who holds as many
 * as the process has descriptors would shut out everybody else, and have nanomsg's thread try in
 * vain without a pause (pitfalls K5, K6). So beyond a number those that said nothing for longest
 * are ended. Honest programs connect again by themselves. */
#ifndef NET_CROWD_H
#define NET_CROWD_H

#include <stddef.h>
#include <stdint.h>

struct crowd_look {
    uint32_t connections_count; /* as they were found */
    uint32_t ended_count;
};
/* End so many of the connections to these ports of the process, "host:port" each, that
 * connections_max stay. Looks at each descriptor below NET_DESCRIPTORS_MAX: half a millisecond.
 * Requires: 1 <= addresses_count <= 8. */
void crowd_thin(struct crowd_look *out, const char *const *addresses, size_t addresses_count,
                uint32_t connections_max);

#endif
