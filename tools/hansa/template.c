#include "tools/hansa/template.h"

#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/cli.h"

enum { ADAPTERS_MAX = 8, ARGUMENT_BYTES_MAX = 128, NUMBER_MAX = 128 };

struct adapter_use {
    const struct adapter *adapter;
    char argument[ARGUMENT_BYTES_MAX + 1];
    uint64_t number; /* the argument, where it is one */
};

/* A literal text, or a column with adapters. */
struct template_part {
    struct buf literal;
    bool is_field;
    size_t column;
    struct adapter_use uses[ADAPTERS_MAX];
    size_t uses_count;
};

/* ---- adapters: each changes the value in place; words say what was wrong with it ---- */

typedef enum rc adapt(struct buf *value, const struct adapter_use *use, struct why *why);

static enum rc adapt_lower(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)use;
    (void)why;
    for (size_t i = 0; i < value->size; i++) {
        if (value->data[i] >= 'A' && value->data[i] <= 'Z')
            value->data[i] = (uint8_t)(value->data[i] - 'A' + 'a');
    }
    return RC_OK;
}

static enum rc adapt_upper(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)use;
    (void)why;
    for (size_t i = 0; i < value->size; i++) {
        if (value->data[i] >= 'a' && value->data[i] <= 'z')
            value->data[i] = (uint8_t)(value->data[i] - 'a' + 'A');
    }
    return RC_OK;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static enum rc adapt_trim(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)use;
    (void)why;
    size_t blank = 0;
    while (value->size > 0 && is_blank(value->data[value->size - 1]))
        value->size--;
    while (blank < value->size && is_blank(value->data[blank]))
        blank++;
    value->size -= blank;
    if (value->size > 0)
        memmove(value->data, value->data + blank, value->size);
    return RC_OK;
}

static bool is_of_account(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

static enum rc adapt_slug(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)use;
    (void)why;
    for (size_t i = 0; i < value->size; i++) {
        if (!is_of_account(value->data[i]))
            value->data[i] = '-';
    }
    return RC_OK;
}

static enum rc adapt_comma(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)use;
    uint8_t *comma = value->size > 0 ? memchr(value->data, ',', value->size) : NULL;
    if (comma == NULL)
        return RC_OK;
    size_t behind = value->size - (size_t)(comma - value->data) - 1;
    if (memchr(value->data, '.', value->size) != NULL || memchr(comma + 1, ',', behind) != NULL)
        return why_set(why, RC_INVALID, "has more than a decimal comma in it");
    *comma = '.';
    return RC_OK;
}

static enum rc adapt_decimals(struct buf *value, const struct adapter_use *use, struct why *why)
{
    uint8_t *point = value->size > 0 ? memchr(value->data, '.', value->size) : NULL;
    size_t have = point != NULL ? value->size - (size_t)(point - value->data) - 1 : 0;
    if (value->size == 0 || (point != NULL && have == 0))
        return why_set(why, RC_INVALID, "is not a number");
    if (have > use->number)
        return why_set(why, RC_INVALID, "has more than %s decimals", use->argument);
    if (point == NULL && use->number > 0)
        buf_add_u8(value, '.');
    for (; have < use->number; have++)
        buf_add_u8(value, '0');
    return RC_OK;
}

static enum rc adapt_pad(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)why;
    if (value->size >= use->number)
        return RC_OK;
    size_t zeros = use->number - value->size;
    buf_grow(value, zeros);
    memmove(value->data + zeros, value->data, value->size - zeros);
    memset(value->data, '0', zeros);
    return RC_OK;
}

/* Characters, not bytes: one of UTF-8 is never cut through. */
static enum rc adapt_first(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)why;
    uint64_t characters = 0;
    for (size_t i = 0; i < value->size; i++) {
        if ((value->data[i] & 0xc0) != 0x80 && ++characters > use->number)
            value->size = i;
    }
    return RC_OK;
}

static enum rc adapt_or(struct buf *value, const struct adapter_use *use, struct why *why)
{
    (void)why;
    if (value->size == 0)
        buf_add(value, use->argument, strlen(use->argument));
    return RC_OK;
}

struct adapter {
    const char *name;
    const char *argument;
    adapt *run;
};

static const struct adapter adapters[] = {
#define X(name, argument, written, text) {#name, argument, adapt_##name},
    TEMPLATE_ADAPTER_LIST(X)
#undef X
};
enum { ADAPTERS_COUNT = sizeof adapters / sizeof adapters[0] };

/* ---- parsing ---- */

static enum rc refuse_adapter(const char *name, struct why *why)
{
    const char *names[ADAPTERS_COUNT];
    char quoted[CLI_QUOTE_BYTES];
    for (size_t i = 0; i < ADAPTERS_COUNT; i++)
        names[i] = adapters[i].name;
    const char *near = cli_nearest(name, names, ADAPTERS_COUNT);
    return why_set(why, RC_INVALID,
                   "there is no adapter %s%s%s%s: see `hansa import --help` for what there is",
                   cli_quote(quoted, name), near != NULL ? " (did you mean " : "",
                   near != NULL ? near : "", near != NULL ? "?)" : "");
}

/* text: "lower" or "decimals:2". */
static enum rc parse_use(struct adapter_use *out, char *text, struct why *why)
{
    char *colon = strchr(text, ':');
    const char *argument = colon != NULL ? colon + 1 : NULL;
    if (colon != NULL)
        *colon = '\0';
    for (size_t i = 0; i < ADAPTERS_COUNT && out->adapter == NULL; i++) {
        if (strcmp(adapters[i].name, text) == 0)
            out->adapter = &adapters[i];
    }
    if (out->adapter == NULL)
        return refuse_adapter(text, why);
    const char *takes = out->adapter->argument;
    if ((takes != NULL) != (argument != NULL))
        return why_set(why, RC_INVALID, "the adapter %s is written %s%s%s", out->adapter->name,
                       out->adapter->name, takes != NULL ? ":" : "", takes != NULL ? takes : "");
    if (takes == NULL)
        return RC_OK;
    if (strlen(argument) > ARGUMENT_BYTES_MAX)
        return why_set(why, RC_INVALID, "what stands behind %s: is longer than %d bytes",
                       out->adapter->name, (int)ARGUMENT_BYTES_MAX);
    memcpy(out->argument, argument, strlen(argument) + 1);
    if (strcmp(takes, "N") == 0 && !cli_parse_number(argument, 0, NUMBER_MAX, &out->number))
        return why_set(why, RC_INVALID, "behind %s: there must be a number from 0 to %d",
                       out->adapter->name, (int)NUMBER_MAX);
    return RC_OK;
}

static enum rc refuse_column(const char *name, const struct csv *csv, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    struct buf list = {0};
    for (size_t i = 0; i < csv->columns_count && list.size < 256; i++) {
        struct bytes column = csv_column_name(csv, i);
        if (i > 0)
            buf_add(&list, ", ", 2);
        buf_add_bytes(&list, column);
    }
    char *names = cli_printable(buf_bytes(&list));
    enum rc rc = why_set(why, RC_INVALID, "there is no column %s; the file has: %.300s",
                         cli_quote(quoted, name), names);
    mem_free(names);
    buf_free(&list);
    return rc;
}

/* text: what stands between the braces; it is cut up. */
static enum rc parse_field(struct template_part *out, char *text, const struct csv *csv,
                           struct why *why)
{
    char *bar = strchr(text, '|');
    if (bar != NULL)
        *bar = '\0';
    out->is_field = true;
    out->column = csv_column(csv, bytes_of_text(text));
    if (out->column == csv->columns_count)
        return refuse_column(text, csv, why);
    while (bar != NULL) {
        char *use = bar + 1;
        bar = strchr(use, '|');
        if (bar != NULL)
            *bar = '\0';
        if (out->uses_count == ADAPTERS_MAX)
            return why_set(why, RC_INVALID, "there are more than %d adapters in one place",
                           (int)ADAPTERS_MAX);
        enum rc rc = parse_use(&out->uses[out->uses_count++], use, why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static struct template_part *add_part(struct template *t)
{
    t->parts = mem_resize(t->parts, (t->parts_count + 1) * sizeof *t->parts);
    struct template_part *part = &t->parts[t->parts_count++];
    memset(part, 0, sizeof *part);
    return part;
}

static void add_literal(struct template *t, char byte)
{
    struct template_part *last = t->parts_count > 0 ? &t->parts[t->parts_count - 1] : NULL;
    if (last == NULL || last->is_field)
        last = add_part(t);
    buf_add_u8(&last->literal, (uint8_t)byte);
}

/* at: behind the opening brace. *end: behind the closing one. */
static enum rc parse_place(struct template *t, const char *at, const char **end,
                           const struct csv *csv, struct why *why)
{
    const char *close = strpbrk(at, "{}");
    if (close == NULL || *close == '{')
        return why_set(why, RC_INVALID,
                       "a brace { is not closed: write {column}, or {{ for a brace itself");
    size_t size = (size_t)(close - at);
    char *inner = mem_alloc(size + 1);
    memcpy(inner, at, size);
    enum rc rc = parse_field(add_part(t), inner, csv, why);
    mem_free(inner);
    *end = close + 1;
    return rc;
}

enum rc template_parse(struct template *out, const char *text, const struct csv *csv,
                       struct why *why)
{
    enum rc rc = RC_OK;
    memset(out, 0, sizeof *out);
    const char *at = text;
    while (*at != '\0' && rc == RC_OK) {
        bool is_brace = *at == '{' || *at == '}';
        if (!is_brace || at[1] == *at) {
            add_literal(out, *at);
            at += is_brace ? 2 : 1;
        } else if (*at == '{') {
            rc = parse_place(out, at + 1, &at, csv, why);
        } else {
            rc = why_set(why, RC_INVALID, "a brace } closes nothing: write }} for a brace itself");
        }
    }
    if (rc != RC_OK)
        template_close(out);
    return rc;
}

void template_close(struct template *t)
{
    for (size_t i = 0; i < t->parts_count; i++)
        buf_free(&t->parts[i].literal);
    mem_free(t->parts);
    memset(t, 0, sizeof *t);
}

/* ---- filling ---- */

static enum rc fill_field(struct buf *out, const struct template_part *part, const struct csv *csv,
                          struct why *why)
{
    struct buf value = {0};
    char quoted[CLI_QUOTE_BYTES], name[CLI_QUOTE_BYTES];
    struct bytes field = csv_field(csv, part->column);
    enum rc rc = RC_OK;
    buf_add_bytes(&value, field);
    for (size_t i = 0; i < part->uses_count && rc == RC_OK; i++)
        rc = part->uses[i].adapter->run(&value, &part->uses[i], why);
    if (rc == RC_OK)
        buf_add_bytes(out, buf_bytes(&value));
    else
        rc = why_within(why, rc, "column %s: %s",
                        cli_quote(name, (const char *)csv_column_name(csv, part->column).data),
                        cli_quote(quoted, (const char *)field.data));
    buf_free(&value);
    return rc;
}

enum rc template_fill(struct buf *out, const struct template *t, const struct csv *csv,
                      struct why *why)
{
    for (size_t i = 0; i < t->parts_count; i++) {
        const struct template_part *part = &t->parts[i];
        if (!part->is_field) {
            buf_add_bytes(out, buf_bytes(&part->literal));
            continue;
        }
        enum rc rc = fill_field(out, part, csv, why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}
