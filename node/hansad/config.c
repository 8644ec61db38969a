#include "node/hansad/config.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "genesis/json.h"
#include "node/driver/driver.h"

/* ---- the settings: one table for the file, the flags and the help ---- */

enum kind { KIND_PATH, KIND_ADDRESS, KIND_LEVEL, KIND_FORMAT, KIND_NUMBER, KIND_BOOL };

struct setting {
    const char *name; /* of the field; the flag has dashes */
    enum kind kind;
    bool is_needed;
    size_t offset;
    uint64_t initial, least, most; /* NUMBER */
    const char *value;             /* what stands for it in the help */
    const char *text;
};

#define AT(field) offsetof(struct config, field)

static const struct setting settings[] = {
    {"genesis", KIND_PATH, true, AT(genesis), 0, 0, 0, "FILE", "the chain's genesis file"},
    {"key", KIND_PATH, true, AT(key), 0, 0, 0, "FILE",
     "the replica's key file; its marker, FILE.marker, is kept beside it"},
    {"passphrase_file", KIND_PATH, false, AT(passphrase_file), 0, 0, 0, "FILE",
     "for a protected key; else HANSA_PASSPHRASE_FILE"},
    {"data", KIND_PATH, true, AT(data), 0, 0, 0, "DIR", "the data directory"},
    {"peer_bind", KIND_ADDRESS, false, AT(peer_bind), 0, 0, 0, "HOST:PORT",
     "where to listen for replicas, if not at the member's address"},
    {"client_bind", KIND_ADDRESS, false, AT(client_bind), 0, 0, 0, "HOST:PORT",
     "where to listen for clients, if not at the member's address"},
    {"log_level", KIND_LEVEL, false, AT(log_level), 0, 0, 0, "WORD",
     "error, warn, info (default) or debug"},
    {"log_format", KIND_FORMAT, false, AT(log_format), 0, 0, 0, "WORD", "logfmt (default) or json"},
    {"verify_threads", KIND_NUMBER, false, AT(verify_threads), 0, 0, CONFIG_VERIFY_THREADS_MAX, "N",
     "threads that verify signatures; 0, the default: one per core"},
    {"map_bytes", KIND_NUMBER, false, AT(map_bytes), 0, 0, (uint64_t)1 << 46, "BYTES",
     "the most that the ledger may grow to; 0, the default: 1 TiB"},
    {"disk_reserve_bytes", KIND_NUMBER, false, AT(disk_reserve_bytes), (uint64_t)1 << 30, 0,
     (uint64_t)1 << 50, "BYTES", "with less free, no transactions are taken; default 1 GiB"},
    {"snapshot_behind_heights", KIND_NUMBER, false, AT(snapshot_behind_heights),
     DRIVER_SNAPSHOT_BEHIND_HEIGHTS, 1, UINT64_MAX / 2, "N",
     "farther behind than so many blocks, the state is taken from the other members and older "
     "blocks come behind; default 16384"},
    {"backups", KIND_BOOL, false, AT(backups), 0, 0, 0, NULL,
     "let clients copy the whole store (default: no)"},
};
enum { SETTINGS_COUNT = sizeof settings / sizeof *settings };
_Static_assert(SETTINGS_COUNT <= 32, "one bit of by_flags each");

static void *place_of(struct config *c, const struct setting *s)
{
    return (char *)c + s->offset;
}

static void set_defaults(struct config *c)
{
    memset(c, 0, sizeof *c);
    c->log_level = LOG_INFO;
    for (int i = 0; i < SETTINGS_COUNT; i++)
        if (settings[i].kind == KIND_NUMBER)
            *(uint64_t *)place_of(c, &settings[i]) = settings[i].initial;
}

/* ---- setting one; `what` names it: a field's path, or a flag ---- */

static enum rc set_path(char out[static PATH_MAX], const char *what, const char *directory,
                        const char *text, struct why *why)
{
    const char *before = text[0] == '/' ? "" : directory;
    if (text[0] == '\0')
        return why_set(why, RC_INVALID, "%s: a path has one character at least", what);
    int size = snprintf(out, PATH_MAX, "%s%s", before, text);
    if (size < 0 || size >= PATH_MAX)
        return why_set(why, RC_INVALID, "%s: the path is longer than %d bytes", what, PATH_MAX - 1);
    return RC_OK;
}

static enum rc set_address(char out[static KEY_ADDRESS_BYTES_MAX + 1], const char *what,
                           const char *text, struct why *why)
{
    if (!key_address_is_valid(bytes_of_text(text)))
        return why_set(why, RC_INVALID,
                       "%s: must be HOST:PORT, with a port from 1 to 65535 and brackets around an "
                       "IPv6 address",
                       what);
    snprintf(out, KEY_ADDRESS_BYTES_MAX + 1, "%s", text);
    return RC_OK;
}

static enum rc set_word(int *out, const char *what, const char *const *words, int words_count,
                        const char *help, const char *text, struct why *why)
{
    for (int i = 0; i < words_count; i++) {
        if (strcmp(words[i], text) != 0)
            continue;
        *out = i;
        return RC_OK;
    }
    return why_set(why, RC_INVALID, "%s: must be %s", what, help);
}

static enum rc set_text(struct config *c, const struct setting *s, const char *what,
                        const char *directory, const char *text, struct why *why)
{
    int index = 0;
    enum rc rc;
    switch (s->kind) {
    case KIND_PATH:
        return set_path(place_of(c, s), what, directory, text, why);
    case KIND_ADDRESS:
        return set_address(place_of(c, s), what, text, why);
    case KIND_LEVEL:
        rc = set_word(&index, what, log_level_words, LOG_LEVELS_COUNT, "error, warn, info or debug",
                      text, why);
        if (rc == RC_OK)
            c->log_level = (enum log_level)index;
        return rc;
    default:
        CHECK(s->kind == KIND_FORMAT);
        rc = set_word(&index, what, log_format_words, LOG_FORMATS_COUNT, "logfmt or json", text,
                      why);
        if (rc == RC_OK)
            c->log_format = (enum log_format)index;
        return rc;
    }
}

/* ---- the file ---- */

static enum rc take_field(struct config *c, const struct json_at *root, const struct setting *s,
                          const char *directory, struct why *why)
{
    struct json_at at = json_field(root, s->name);
    struct bytes text;
    if (at.value == NULL)
        return RC_OK;
    if (s->kind == KIND_NUMBER)
        return json_expect_integer(place_of(c, s), &at, s->least, s->most, why);
    if (s->kind == KIND_BOOL)
        return json_expect_bool(place_of(c, s), &at, why);
    enum rc rc = json_expect_text(&text, &at, why);
    if (rc == RC_OK) /* no NUL inside, one behind: json.h */
        rc = set_text(c, s, at.path, directory, (const char *)text.data, why);
    return rc;
}

static enum rc take_document(struct config *c, json_t *document, const char *directory,
                             struct why *why)
{
    static const char version_field[] = "hansad_config";
    char optional[SETTINGS_COUNT][32];
    const char *names[SETTINGS_COUNT + 2] = {version_field};
    struct json_at root = json_root(document);
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        snprintf(optional[i], sizeof optional[i], "?%s", settings[i].name);
        names[i + 1] = optional[i]; /* a flag may give it: what is needed is judged at the end */
    }
    uint64_t version;
    enum rc rc = json_expect_object(&root, names, why);
    if (rc != RC_OK)
        return rc;
    struct json_at at = json_field(&root, version_field);
    rc = json_expect_integer(&version, &at, 1, 1, why);
    for (int i = 0; i < SETTINGS_COUNT && rc == RC_OK; i++)
        rc = take_field(c, &root, &settings[i], directory, why);
    return rc;
}

static enum rc read_file(struct config *c, const char *path, struct why *why)
{
    char directory[PATH_MAX] = "";
    json_t *document;
    const char *slash = strrchr(path, '/');
    if (slash != NULL && (size_t)(slash - path) + 2 > sizeof directory)
        return why_set(why, RC_INVALID, "--config: the path is too long");
    if (slash != NULL)
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path + 1), path);
    enum rc rc = json_read_file(&document, path, CONFIG_FILE_BYTES_MAX, why);
    if (rc != RC_OK)
        return rc;
    rc = take_document(c, document, directory, why);
    json_decref(document);
    return rc == RC_OK ? rc : why_within(why, rc, "%s", path);
}

/* ---- the command line ---- */

enum { FLAG_BYTES = 40 };

static const char *flag_of(char out[static FLAG_BYTES], const char *name)
{
    snprintf(out, FLAG_BYTES, "--%s", name);
    for (char *at = out; *at != '\0'; at++)
        if (*at == '_')
            *at = '-';
    return out;
}

/* One word that begins with dashes: its name, and its value behind '=' or in the next word. */
struct word {
    const char *text;
    size_t name_bytes; /* with the dashes */
    const char *value; /* behind '='; NULL: none there */
    const char *next;  /* the next word; NULL: none */
};

static struct word word_at(int argc, char **argv, int at)
{
    struct word w = {.text = argv[at], .next = at + 1 < argc ? argv[at + 1] : NULL};
    const char *equals = strchr(w.text, '=');
    w.name_bytes = equals != NULL ? (size_t)(equals - w.text) : strlen(w.text);
    w.value = equals != NULL ? equals + 1 : NULL;
    return w;
}

static bool is_named(const struct word *w, const char *flag)
{
    return strlen(flag) == w->name_bytes && memcmp(w->text, flag, w->name_bytes) == 0;
}

static const struct setting *setting_of(const struct word *w)
{
    char flag[FLAG_BYTES];
    for (int i = 0; i < SETTINGS_COUNT; i++)
        if (is_named(w, flag_of(flag, settings[i].name)))
            return &settings[i];
    return NULL;
}

static bool *switch_of(struct asked *asked, const struct word *w)
{
    if (is_named(w, "--help") || is_named(w, "-h"))
        return &asked->help;
    if (is_named(w, "--version"))
        return &asked->version;
    if (is_named(w, "--init"))
        return &asked->init;
    return is_named(w, "--check") ? &asked->check : NULL;
}

static bool parse_number(uint64_t *out, const char *text)
{
    uint64_t value = 0;
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *out = value;
    return true;
}

static enum rc take_flag(struct config *c, const struct setting *s, const char *text,
                         struct why *why)
{
    char flag[FLAG_BYTES];
    flag_of(flag, s->name);
    uint64_t number;
    enum rc rc = RC_OK;
    c->by_flags |= (uint32_t)1 << (s - settings);
    if (s->kind == KIND_BOOL) {
        *(bool *)place_of(c, s) = true;
    } else if (s->kind != KIND_NUMBER) {
        rc = set_text(c, s, flag, "", text, why);
    } else if (!parse_number(&number, text) || number < s->least || number > s->most) {
        rc = why_set(why, RC_REFUSED, "%s: must be a number from %" PRIu64 " to %" PRIu64, flag,
                     s->least, s->most);
    } else {
        *(uint64_t *)place_of(c, s) = number;
    }
    return rc == RC_OK ? rc : RC_REFUSED;
}

/* How many words it took is in *taken. c == NULL: only what is asked for besides settings. */
static enum rc take_word(struct config *c, struct asked *asked, const struct word *w, int *taken,
                         struct why *why)
{
    bool *is_asked = switch_of(asked, w);
    const struct setting *s = setting_of(w);
    bool is_config = is_named(w, "--config");
    *taken = 1;
    if (is_asked == NULL && s == NULL && !is_config)
        return why_set(why, RC_REFUSED, "there is no option %.*s",
                       (int)(w->name_bytes < 80 ? w->name_bytes : 80), w->text);
    bool takes_value = is_config || (s != NULL && s->kind != KIND_BOOL);
    if (!takes_value && w->value != NULL)
        return why_set(why, RC_REFUSED, "%.*s takes no value", (int)w->name_bytes, w->text);
    const char *value = w->value;
    if (takes_value && value == NULL) {
        value = w->next;
        *taken = 2;
    }
    if (takes_value && value == NULL)
        return why_set(why, RC_REFUSED, "%s needs a value", w->text);
    if (is_asked != NULL)
        *is_asked = true;
    if (is_config)
        asked->config_file = value;
    return s != NULL && c != NULL ? take_flag(c, s, value, why) : RC_OK;
}

static enum rc take_words(struct config *c, struct asked *asked, int argc, char **argv,
                          struct why *why)
{
    enum rc rc = RC_OK;
    for (int at = 1, taken = 0; at < argc && rc == RC_OK; at += taken) {
        struct word w = word_at(argc, argv, at);
        if (w.text[0] != '-')
            return why_set(why, RC_REFUSED, "'%.80s' is no option; a file is given by --config",
                           w.text);
        rc = take_word(c, asked, &w, &taken, why);
    }
    return rc;
}

static enum rc judge_needed(struct config *c, struct why *why)
{
    char flag[FLAG_BYTES];
    for (int i = 0; i < SETTINGS_COUNT; i++)
        if (settings[i].is_needed && *(char *)place_of(c, &settings[i]) == '\0')
            return why_set(why, RC_REFUSED,
                           "%s is missing: give it, or \"%s\" in the file of --config",
                           flag_of(flag, settings[i].name), settings[i].name);
    return RC_OK;
}

enum rc config_read(struct config *out, struct asked *asked, int argc, char **argv, struct why *why)
{
    set_defaults(out);
    *asked = (struct asked){.config_file = NULL};
    enum rc rc = take_words(NULL, asked, argc, argv, why);
    if (rc != RC_OK || asked->help || asked->version)
        return rc;
    if (asked->config_file != NULL)
        rc = read_file(out, asked->config_file, why);
    if (asked->config_file != NULL)
        snprintf(out->file, sizeof out->file, "%s", asked->config_file);
    if (rc == RC_OK)
        rc = take_words(out, asked, argc, argv, why);
    return rc == RC_OK ? judge_needed(out, why) : rc;
}

const char *config_place(char out[static CONFIG_PLACE_BYTES], const struct config *c,
                         const char *field)
{
    char flag[FLAG_BYTES];
    int at = 0;
    while (at < SETTINGS_COUNT && strcmp(settings[at].name, field) != 0)
        at++;
    CHECK(at < SETTINGS_COUNT);
    if (c->file[0] == '\0' || (c->by_flags >> at & 1) != 0)
        snprintf(out, CONFIG_PLACE_BYTES, "%s", flag_of(flag, field));
    else
        snprintf(out, CONFIG_PLACE_BYTES, "%.200s: %s", c->file, field);
    return out;
}

void config_print_settings(void)
{
    for (int i = 0; i < SETTINGS_COUNT; i++) {
        char flag[FLAG_BYTES], words[2 * FLAG_BYTES];
        const struct setting *s = &settings[i];
        snprintf(words, sizeof words, "%s %s", flag_of(flag, s->name),
                 s->value != NULL ? s->value : "");
        printf("  %-28s %s\n", words, s->text);
    }
}
