/* The one place where jansson comes in. A strict reader that knows the path it stands on, for
 * files that people write (genesis, node configuration); and jansson's own json_t for output. */
#ifndef GENESIS_JSON_H
#define GENESIS_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

/* Parse a whole text: one object or array, no duplicate keys, nothing after it.
 * Returns: RC_OK (the caller json_decref()s *out) | RC_MALFORMED with line and column in words. */
MUST_USE enum rc json_read(json_t **out, struct bytes text, struct why *why);
/* Read a file; more than bytes_max bytes are RC_MALFORMED. Returns: as json_read, or RC_FILE_IO.
 * The words begin with the path. */
MUST_USE enum rc json_read_file(json_t **out, const char *path, size_t bytes_max, struct why *why);

/* One place in a JSON document: the value and its path in words ("members[2].peer"). */
enum { JSON_PATH_BYTES = 96 };
struct json_at {
    json_t *value; /* borrowed from the document */
    char path[JSON_PATH_BYTES];
};
struct json_at json_root(json_t *document);

/* The value must be an object with these fields and no others. names ends with NULL; a name that
 * starts with '?' may be missing.
 * Returns: RC_OK | RC_INVALID naming the field that is unknown or missing. */
MUST_USE enum rc json_expect_object(const struct json_at *at, const char *const *names,
                                    struct why *why);
MUST_USE enum rc json_expect_array(const struct json_at *at, size_t count_min, size_t count_max,
                                   struct why *why);
/* Child places. json_field: value is NULL when the field is missing.
 * Requires: an object; an array and index < json_items_count(). */
struct json_at json_field(const struct json_at *at, const char *name);
struct json_at json_item(const struct json_at *at, size_t index);
size_t json_items_count(const struct json_at *at);

/* Values. Requires: at->value is not NULL. Lends the text until the document ends; it has no NUL
 * inside (jansson refuses those when parsing) and one behind its last byte, so it may be handed on
 * as a C string. Integers are integers: neither 1.0 nor "1". */
MUST_USE enum rc json_expect_text(struct bytes *out, const struct json_at *at, struct why *why);
MUST_USE enum rc json_expect_integer(uint64_t *out, const struct json_at *at, uint64_t least,
                                     uint64_t most, struct why *why);
MUST_USE enum rc json_expect_bool(bool *out, const struct json_at *at, struct why *why);
/* "path: text (here: value)", the value cut and made printable; returns RC_INVALID. */
MUST_USE enum rc json_refuse(const struct json_at *at, struct why *why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
