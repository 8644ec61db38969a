/* A file as a row of regions, for tests that spoil it and ask which field is blamed. */
#ifndef TESTS_HELP_REGIONS_H
#define TESTS_HELP_REGIONS_H

#include "crypto/base/bytes.h"

enum { REGION_TEXT_BYTES = 32 };

/* A change within `bytes` bytes must be blamed with words that begin with blame, or with or_blame
 * where two fields only together are wrong ("" = no other). */
struct region {
    size_t bytes;
    char blame[REGION_TEXT_BYTES];
    char or_blame[REGION_TEXT_BYTES];
};

/* The function under test; context is the chain. Any bytes may be handed in. */
typedef enum rc judge_file(const void *context, struct bytes file, struct why *why);

/* Flip every bit of the regions' bytes, one at a time: each file is refused, with the right blame.
 * Fails the test otherwise. Requires: the regions are the whole file. */
void assert_flips_blamed(judge_file *judge, const void *context, struct bytes file,
                         const struct region *regions, size_t regions_count);
/* The same for the one region of this index. */
void assert_region_flips_blamed(judge_file *judge, const void *context, struct bytes file,
                                const struct region *regions, size_t region_index);
/* Every strict prefix is refused as malformed, and so is the file with a byte more. */
void assert_size_is_exact(judge_file *judge, const void *context, struct bytes file);
/* The file is refused with this code and words that begin so. */
void assert_refused(judge_file *judge, const void *context, struct bytes file, enum rc rc,
                    const char *words);

#endif
