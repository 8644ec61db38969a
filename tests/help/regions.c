#include "tests/help/regions.h"

#include <string.h>

#include "tests/help/unit.h"

static bool begins_with(const char *text, const char *begin)
{
    return *begin != '\0' && strncmp(text, begin, strlen(begin)) == 0;
}

static void flip_byte(judge_file *judge, const void *context, struct bytes file, size_t at,
                      const struct region *region)
{
    uint8_t *spoilt = mem_alloc(file.size);
    for (unsigned bit = 0; bit < 8; bit++) {
        struct why why = {""};
        memcpy(spoilt, file.data, file.size);
        spoilt[at] ^= (uint8_t)(1u << bit);
        enum rc rc = judge(context, bytes_of(spoilt, file.size), &why);
        if (rc == RC_OK)
            fail_msg("byte %zu bit %u flipped in \"%s\": accepted", at, bit, region->blame);
        if (!begins_with(why.text, region->blame) && !begins_with(why.text, region->or_blame))
            fail_msg("byte %zu bit %u flipped in \"%s\": %s blames \"%s\"", at, bit, region->blame,
                     rc_name(rc), why.text);
    }
    mem_free(spoilt);
}

void assert_region_flips_blamed(judge_file *judge, const void *context, struct bytes file,
                                const struct region *regions, size_t region_index)
{
    size_t at = 0;
    for (size_t i = 0; i < region_index; i++)
        at += regions[i].bytes;
    assert_true(at + regions[region_index].bytes <= file.size);
    for (size_t i = 0; i < regions[region_index].bytes; i++)
        flip_byte(judge, context, file, at + i, &regions[region_index]);
}

void assert_flips_blamed(judge_file *judge, const void *context, struct bytes file,
                         const struct region *regions, size_t regions_count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < regions_count; i++) {
        assert_region_flips_blamed(judge, context, file, regions, i);
        bytes += regions[i].bytes;
    }
    assert_int_equal(bytes, file.size);
}

void assert_size_is_exact(judge_file *judge, const void *context, struct bytes file)
{
    for (size_t size = 0; size < file.size; size++) {
        /* In a room of its own, so that a read past the end does not go unseen. */
        uint8_t *prefix = mem_alloc(size);
        struct why why = {""};
        if (size > 0)
            memcpy(prefix, file.data, size);
        enum rc rc = judge(context, bytes_of(prefix, size), &why);
        if (rc != RC_MALFORMED)
            fail_msg("cut to %zu bytes: %s, \"%s\"", size, rc_name(rc), why.text);
        mem_free(prefix);
    }
    struct buf longer = {0};
    buf_add_bytes(&longer, file);
    buf_add_u8(&longer, 0);
    assert_refused(judge, context, buf_bytes(&longer), RC_MALFORMED, "structure: 1 bytes");
    buf_free(&longer);
}

void assert_refused(judge_file *judge, const void *context, struct bytes file, enum rc rc,
                    const char *words)
{
    struct why why = {""};
    enum rc got = judge(context, file, &why);
    if (got != rc || !begins_with(why.text, words))
        fail_msg("expected %s \"%s...\", got %s \"%s\"", rc_name(rc), words, rc_name(got),
                 why.text);
}
