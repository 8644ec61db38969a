#include "genesis/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"

enum {
    QUOTE_BYTES = 72,       /* a key in hex and its quotes are shown whole */
    FIELD_LIST_BYTES = 200, /* the fields an object knows, as an answer to an unknown one */
    READ_CHUNK_BYTES = 65536
};

/* ---- words ---- */

/* What reaches a terminal is plain ASCII: a file may hold escape sequences. */
static void make_printable(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    }
}

static void quote(char out[static QUOTE_BYTES], const char *text)
{
    static const char cut[] = "...";
    size_t size = strnlen(text, QUOTE_BYTES);
    if (size < QUOTE_BYTES) {
        memcpy(out, text, size + 1);
    } else {
        memcpy(out, text, QUOTE_BYTES - sizeof cut);
        memcpy(out + QUOTE_BYTES - sizeof cut, cut, sizeof cut);
    }
    make_printable(out);
}

static void quote_value(char out[static QUOTE_BYTES], const json_t *value)
{
    if (value == NULL || json_is_object(value) || json_is_array(value)) {
        quote(out, value == NULL ? "nothing" : json_is_object(value) ? "an object" : "an array");
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    CHECK(text != NULL);
    quote(out, text);
    mem_free(text);
}

static const char *path_of(const struct json_at *at)
{
    return at->path[0] != '\0' ? at->path : "the document";
}

enum rc json_refuse(const struct json_at *at, struct why *why, const char *format, ...)
{
    char text[WHY_BYTES / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char here[QUOTE_BYTES];
    quote_value(here, at->value);
    return why_set(why, RC_INVALID, "%s: %s (here: %s)", path_of(at), text, here);
}

/* ---- documents ---- */

enum rc json_read(json_t **out, struct bytes text, struct why *why)
{
    json_error_t error;
    const char *from = text.size > 0 ? (const char *)text.data : "";
    *out = json_loadb(from, text.size, JSON_REJECT_DUPLICATES, &error);
    if (*out != NULL)
        return RC_OK;
    make_printable(error.text);
    return why_set(why, RC_MALFORMED, "line %d, column %d: this is not JSON as it is expected: %s",
                   error.line, error.column, error.text);
}

/* Returns errno, or 0. Stops one byte beyond bytes_max, so that the caller sees the excess. */
static int read_all(struct buf *into, FILE *file, size_t bytes_max)
{
    while (into->size <= bytes_max) {
        size_t room = bytes_max + 1 - into->size;
        size_t asked = room < READ_CHUNK_BYTES ? room : READ_CHUNK_BYTES;
        errno = 0;
        size_t got = fread(buf_grow(into, asked), 1, asked, file);
        into->size -= asked - got;
        if (ferror(file))
            return errno != 0 ? errno : EIO;
        if (got < asked)
            return 0;
    }
    return 0;
}

enum rc json_read_file(json_t **out, const char *path, size_t bytes_max, struct why *why)
{
    *out = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return why_set(why, RC_FILE_IO, "%s: cannot be opened: %s", path, strerror(errno));
    struct buf text = {0};
    int error = read_all(&text, file, bytes_max);
    fclose(file);
    enum rc rc;
    if (error != 0) {
        rc = why_set(why, RC_FILE_IO, "%s: cannot be read: %s", path, strerror(error));
    } else if (text.size > bytes_max) {
        rc = why_set(why, RC_MALFORMED,
                     "%s: is larger than the %zu bytes allowed: is it the file "
                     "that was meant?",
                     path, bytes_max);
    } else {
        rc = json_read(out, buf_bytes(&text), why);
        if (rc != RC_OK)
            rc = why_within(why, rc, "%s", path);
    }
    buf_free(&text);
    return rc;
}

/* ---- places ---- */

struct json_at json_root(json_t *document)
{
    return (struct json_at){.value = document};
}

struct json_at json_field(const struct json_at *at, const char *name)
{
    CHECK(json_is_object(at->value));
    struct json_at field = {.value = json_object_get(at->value, name)};
    const char *dot = at->path[0] != '\0' ? "." : "";
    int size = snprintf(field.path, sizeof field.path, "%s%s%s", at->path, dot, name);
    CHECK(size > 0 && (size_t)size < sizeof field.path);
    return field;
}

struct json_at json_item(const struct json_at *at, size_t index)
{
    CHECK(index < json_items_count(at));
    struct json_at item = {.value = json_array_get(at->value, index)};
    int size = snprintf(item.path, sizeof item.path, "%s[%zu]", at->path, index);
    CHECK(size > 0 && (size_t)size < sizeof item.path);
    return item;
}

size_t json_items_count(const struct json_at *at)
{
    CHECK(json_is_array(at->value));
    return json_array_size(at->value);
}

/* ---- what a value must be ---- */

/* names[i] without the mark of a field that may be missing. */
static const char *bare(const char *name)
{
    return name[0] == '?' ? name + 1 : name;
}

static bool is_known(const char *field, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(field, bare(names[i])) == 0)
            return true;
    }
    return false;
}

static enum rc refuse_unknown(const struct json_at *at, const char *field, const char *const *names,
                              struct why *why)
{
    char here[QUOTE_BYTES];
    quote(here, field);
    char known[FIELD_LIST_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t size = strlen(bare(names[i]));
        if (used + size + sizeof ", ..." > sizeof known) {
            memcpy(known + used, ", ...", sizeof ", ...");
            break;
        }
        snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", bare(names[i]));
        used = strlen(known);
    }
    const char *dot = at->path[0] != '\0' ? "." : "";
    return why_set(why, RC_INVALID, "%s%s%s: unknown field; the fields here are: %s", at->path, dot,
                   here, known);
}

enum rc json_expect_object(const struct json_at *at, const char *const *names, struct why *why)
{
    if (!json_is_object(at->value))
        return json_refuse(at, why, "must be an object");
    const char *field;
    json_t *value;
    json_object_foreach(at->value, field, value)
    {
        if (!is_known(field, names))
            return refuse_unknown(at, field, names, why);
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        if (names[i][0] == '?' || json_object_get(at->value, names[i]) != NULL)
            continue;
        struct json_at missing = json_field(at, names[i]);
        return why_set(why, RC_INVALID, "%s: this field is missing", missing.path);
    }
    return RC_OK;
}

enum rc json_expect_array(const struct json_at *at, size_t count_min, size_t count_max,
                          struct why *why)
{
    if (!json_is_array(at->value))
        return json_refuse(at, why, "must be an array");
    size_t count = json_array_size(at->value);
    if (count < count_min || count > count_max)
        return why_set(why, RC_INVALID, "%s: has %zu entries, allowed are %zu to %zu", path_of(at),
                       count, count_min, count_max);
    return RC_OK;
}

enum rc json_expect_text(struct bytes *out, const struct json_at *at, struct why *why)
{
    if (!json_is_string(at->value))
        return json_refuse(at, why, "must be a text in quotes");
    *out = bytes_of(json_string_value(at->value), json_string_length(at->value));
    return RC_OK;
}

enum rc json_expect_integer(uint64_t *out, const struct json_at *at, uint64_t least, uint64_t most,
                            struct why *why)
{
    if (!json_is_integer(at->value))
        return json_refuse(at, why, "must be a whole number without quotes");
    json_int_t value = json_integer_value(at->value);
    bool is_allowed = value >= 0 && (uint64_t)value >= least && (uint64_t)value <= most;
    if (!is_allowed && least == most)
        return json_refuse(at, why, "must be %" PRIu64, least);
    if (!is_allowed)
        return json_refuse(at, why, "must be a number from %" PRIu64 " to %" PRIu64, least, most);
    *out = (uint64_t)value;
    return RC_OK;
}

enum rc json_expect_bool(bool *out, const struct json_at *at, struct why *why)
{
    if (!json_is_boolean(at->value))
        return json_refuse(at, why, "must be true or false");
    *out = json_is_true(at->value);
    return RC_OK;
}
