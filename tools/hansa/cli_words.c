/* Words from outside, made fit for terminals and JSON; and the word that was perhaps meant. */
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/name.h"
#include "tools/hansa/cli.h"

/* ---- printable ---- */

static const char hex_digits[] = "0123456789abcdef";

/* Plain ASCII stays, the rest becomes \xHH. out has room for 4 * text.size + 1. */
static size_t escape(char *out, struct bytes text)
{
    size_t used = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte >= 0x20 && byte < 0x7f) {
            out[used++] = (char)byte;
            continue;
        }
        out[used++] = '\\';
        out[used++] = 'x';
        out[used++] = hex_digits[byte >> 4];
        out[used++] = hex_digits[byte & 15];
    }
    out[used] = '\0';
    return used;
}

char *cli_printable(struct bytes text)
{
    char *out = mem_alloc(4 * text.size + 1);
    if (text_is_valid(text) && text.size > 0)
        memcpy(out, text.data, text.size);
    else
        escape(out, text);
    return out;
}

const char *cli_quote(char out[static CLI_QUOTE_BYTES], const char *text)
{
    enum { QUOTED_BYTES_MAX = 128 };
    size_t size = strnlen(text, QUOTED_BYTES_MAX + 1);
    bool is_cut = size > QUOTED_BYTES_MAX;
    struct bytes shown = bytes_of(text, is_cut ? QUOTED_BYTES_MAX : size);
    out[0] = '\'';
    size_t used = shown.size;
    /* A cut may fall into a character; then the whole is escaped. */
    if (text_is_valid(shown))
        memcpy(out + 1, shown.data, shown.size);
    else
        used = escape(out + 1, shown);
    memcpy(out + 1 + used, is_cut ? "...'" : "'", is_cut ? 5 : 2);
    return out;
}

/* ---- paths ---- */

/* Text after "<path><end>: " or "store <path><end>: ", or NULL when words do not begin so. */
static const char *after_path(const char *words, const char *path, const char *end)
{
    size_t path_bytes = strlen(path), end_bytes = strlen(end);
    if (strncmp(words, "store ", strlen("store ")) == 0 && strncmp(path, "store ", 6) != 0)
        words += strlen("store ");
    if (strncmp(words, path, path_bytes) != 0)
        return NULL;
    words += path_bytes;
    if (strncmp(words, end, end_bytes) != 0 || strncmp(words + end_bytes, ": ", 2) != 0)
        return NULL;
    return words + end_bytes + 2;
}

enum rc cli_why_path(struct why *why, enum rc rc, const char *path)
{
    char quoted[CLI_QUOTE_BYTES];
    const char *cause = why->text, *next;
    bool is_public = false;
    /* A path that fills all the room has left none for the cause. */
    const char *first = cause + (strncmp(cause, "store ", strlen("store ")) == 0 ? 6 : 0);
    if (strlen(path) >= WHY_BYTES - 40 && strncmp(first, path, WHY_BYTES - 40) == 0)
        return why_set(why, rc, "%s: cannot be used: a path of %zu bytes; is it the one meant?",
                       cli_quote(quoted, path), strlen(path));
    while ((next = after_path(cause, path, "")) != NULL)
        cause = next;
    while ((next = after_path(cause, path, ".pub")) != NULL) {
        cause = next;
        is_public = true;
    }
    char text[WHY_BYTES];
    snprintf(text, sizeof text, "%s", cause);
    if (!is_public)
        return why_set(why, rc, "%s: %s", cli_quote(quoted, path), text);
    char public_path[4096 + 8];
    snprintf(public_path, sizeof public_path, "%.4096s.pub", path);
    return why_set(why, rc, "%s: %s", cli_quote(quoted, public_path), text);
}

const char *cli_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- JSON ---- */

json_t *cli_json_text(struct bytes text)
{
    char *printable = cli_printable(text);
    json_t *out = json_string(printable);
    mem_free(printable);
    CHECK(out != NULL);
    return out;
}

json_t *cli_json_number(uint64_t value)
{
    if (value <= UINT64_C(1) << 53)
        return json_integer((json_int_t)value);
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return json_string(text);
}

json_t *cli_json_measure(double value)
{
    return json_real((double)(uint64_t)(value * 1000 + 0.5) / 1000);
}

/* ---- nearest ---- */

enum { NEAREST_BYTES_MAX = 48 };

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance: how many letters to add, drop or change. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAREST_BYTES_MAX + 1];
    size_t a_size = strnlen(a, NEAREST_BYTES_MAX);
    size_t b_size = strnlen(b, NEAREST_BYTES_MAX);
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = min_size(changed, 1 + min_size(row[j], row[j - 1]));
        }
    }
    return row[b_size];
}

const char *cli_nearest(const char *text, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t size = strnlen(text, NEAREST_BYTES_MAX);
    /* Near: less than half of the letters differ. */
    size_t nearest_distance = size / 2 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(text, names[i]);
        if (size > 0 && strncmp(names[i], text, size) == 0)
            d = 0;
        if (d >= nearest_distance)
            continue;
        nearest_distance = d;
        nearest = names[i];
    }
    return nearest;
}
