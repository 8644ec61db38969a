/* Texts with places in them for the fields of a CSV row: '{bank_to|lower}/{account_to}'.
 *
 * {column} is the field of that column; {column|adapter|adapter:argument} passes it through
 * adapters, from left to right; {{ and }} are braces themselves. The adapters are in
 * TEMPLATE_ADAPTER_LIST; `hansa import --help` prints it. */
#ifndef TOOLS_HANSA_TEMPLATE_H
#define TOOLS_HANSA_TEMPLATE_H

#include "tools/hansa/csv.h"

/* name, what it takes behind a colon (NULL: nothing), how it is written, what it does */
#define TEMPLATE_ADAPTER_LIST(X)                                                                   \
    X(lower, NULL, "lower", "A-Z become a-z")                                                      \
    X(upper, NULL, "upper", "a-z become A-Z")                                                      \
    X(trim, NULL, "trim", "spaces and tabs at both ends go")                                       \
    X(slug, NULL, "slug", "what may not stand in the name of an account becomes -")                \
    X(comma, NULL, "comma", "a decimal comma becomes a point: 12,50 is 12.50")                     \
    X(decimals, "N", "decimals:N", "zeros up to N decimals: with 2, 12.5 is 12.50, 12 is 12.00")   \
    X(pad, "N", "pad:N", "zeros in front up to N characters: with 6, 1234 is 001234")              \
    X(first, "N", "first:N", "the first N characters at most")                                     \
    X(or, "TEXT", "or:TEXT", "TEXT if the field is empty")

struct template_part;
struct template
{
    struct template_part *parts;
    size_t parts_count;
};

/* Requires: csv_open() said RC_OK. Copies text.
 * Returns: RC_OK (end with template_close) | RC_INVALID: no such column or adapter, a brace alone;
 * the words quote it and say what there is. */
MUST_USE enum rc template_parse(struct template *out, const char *text, const struct csv *csv,
                                struct why *why);
void template_close(struct template *t);

/* Append the text for the row that stands in csv. Returns: RC_OK | RC_INVALID (an adapter refuses
 * the field; the words name the column and quote the field). */
MUST_USE enum rc template_fill(struct buf *out, const struct template *t, const struct csv *csv,
                               struct why *why);

#endif
