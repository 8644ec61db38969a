/* Answers and failures: one place for the shape of what people and scripts see. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/cli.h"

/* ---- exit codes ---- */

enum cli_exit cli_exit_of_rc(enum rc rc)
{
    static const enum cli_exit codes[] = {
        [RC_OK] = CLI_DONE,
        [RC_MALFORMED] = CLI_BAD_INPUT,
        [RC_INVALID] = CLI_BAD_INPUT,
        [RC_NOT_FOUND] = CLI_NOT_FOUND,
        [RC_FILE_IO] = CLI_ENVIRONMENT,
        [RC_FILE_EXISTS] = CLI_ENVIRONMENT,
        [RC_FILE_MODE] = CLI_BAD_INPUT,
        [RC_PASSPHRASE] = CLI_BAD_INPUT,
        [RC_NETWORK_MISMATCH] = CLI_BAD_INPUT,
        [RC_KEY_MISMATCH] = CLI_BAD_INPUT,
        [RC_SIGNATURE] = CLI_NO,
        [RC_PROOF] = CLI_NO,
        [RC_CRYPTO_DIFFERS] = CLI_ENVIRONMENT,
        [RC_STORE_IO] = CLI_ENVIRONMENT,
        [RC_STORE_FULL] = CLI_ENVIRONMENT,
        [RC_DISK_FULL] = CLI_ENVIRONMENT,
        [RC_STORE_DAMAGED] = CLI_NO,
        [RC_STORE_ROLLED_BACK] = CLI_NO,
        [RC_STORE_IN_USE] = CLI_ENVIRONMENT,
        [RC_STORE_FORMAT] = CLI_BAD_INPUT,
        [RC_GENESIS_MISMATCH] = CLI_BAD_INPUT,
        [RC_REPLICA_MISMATCH] = CLI_BAD_INPUT,
        [RC_NOT_A_STORE] = CLI_NOT_FOUND,
        [RC_REOPEN] = CLI_ENVIRONMENT,
        [RC_NOT_YET] = CLI_UNKNOWN,
        [RC_REFUSED] = CLI_REFUSED,
        [RC_TIMEOUT] = CLI_UNKNOWN,
        [RC_INTERRUPTED] = CLI_ENVIRONMENT,
    };
    _Static_assert(sizeof codes / sizeof codes[0] == RC_COUNT, "a new rc needs its exit code");
    CHECK((unsigned)rc < RC_COUNT);
    return codes[rc];
}

enum cli_exit cli_exit_of_verdict(enum verdict v)
{
    if (v == VERDICT_OK)
        return CLI_DONE;
    if (v == VERDICT_BAD_SIGNATURE || v == VERDICT_BAD_CONSENT)
        return CLI_NO;
    /* The list of verdicts has first what the bytes tell, then what the state says. */
    return v < VERDICT_UNKNOWN_KEY ? CLI_BAD_INPUT : CLI_REFUSED;
}

const char *cli_exit_word(enum cli_exit code)
{
    static const char *const words[] = {
#define X(code, number, word, text) [code] = word,
        CLI_EXIT_LIST(X)
#undef X
    };
    CHECK((unsigned)code < CLI_EXIT_COUNT);
    return words[code];
}

/* "RC_FILE_MODE" is "file_mode" for scripts, in the style of the verdicts' words. */
enum { RC_WORD_BYTES = 40 };
static const char *rc_word(char out[static RC_WORD_BYTES], enum rc rc)
{
    /* One word for one thing, whether a file or a verdict says it. */
    if (rc == RC_SIGNATURE)
        return verdict_word(VERDICT_BAD_SIGNATURE);
    const char *name = rc_name(rc) + strlen("RC_");
    size_t used = 0;
    for (; *name != '\0'; name++) {
        CHECK(used + 1 < RC_WORD_BYTES);
        out[used++] = (char)(*name >= 'A' && *name <= 'Z' ? *name + ('a' - 'A') : *name);
    }
    out[used] = '\0';
    return out;
}

/* ---- answering ---- */

/* 15 digits: what a double holds of a decimal, so that 0.071 does not become 0.07099.. */
enum { JSON_FLAGS = JSON_INDENT(2) | JSON_REAL_PRECISION(15) };

enum cli_exit cli_answer(struct cli *c, json_t *answer)
{
    (void)c;
    CHECK(answer != NULL);
    CHECK(json_is_object(answer));
    if (json_dumpf(answer, stdout, JSON_FLAGS) == 0)
        putchar('\n');
    json_decref(answer);
    return CLI_DONE;
}

void cli_line(const char *name, const char *format, ...)
{
    enum { COLUMN = 17 };
    int used = printf(name[0] != '\0' ? "%s:" : "%s", name);
    printf("%*s", used < COLUMN ? COLUMN - used : 1, "");
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static enum cli_exit fail(struct cli *c, enum cli_exit code, const char *name, const char *words,
                          json_t *details)
{
    CHECK(code != CLI_DONE);
    c->has_failed = true;
    const char *command = c->command != NULL ? c->command->words : NULL;
    char *text = cli_printable(bytes_of_text(words));
    if (c->json) {
        json_t *error =
            json_pack("{s:s?, s:s, s:i, s:s, s:s}", "command", command, "code", name, "exit_code",
                      (int)code, "exit", cli_exit_word(code), "text", text);
        CHECK(error != NULL);
        if (details != NULL)
            CHECK(json_object_set(error, "details", details) == 0);
        json_t *whole = json_pack("{s:o}", "error", error);
        /* No indentation: each value on stderr is a line, whatever was said there before. */
        json_dumpf(whole, stderr, JSON_REAL_PRECISION(15));
        fputc('\n', stderr);
        json_decref(whole);
    } else if (command != NULL) {
        fprintf(stderr, "hansa: %s: %s\n", command, text);
    } else {
        fprintf(stderr, "hansa: %s\n", text);
    }
    mem_free(text);
    json_decref(details);
    return code;
}

enum cli_exit cli_fail_as(struct cli *c, enum cli_exit code, enum rc rc, const struct why *why,
                          json_t *details)
{
    const char *words = why != NULL && why->text[0] != '\0' ? why->text : rc_text(rc);
    char word[RC_WORD_BYTES];
    return fail(c, code, rc_word(word, rc), words, details);
}

enum cli_exit cli_fail_details(struct cli *c, enum rc rc, const struct why *why, json_t *details)
{
    return cli_fail_as(c, cli_exit_of_rc(rc), rc, why, details);
}

enum cli_exit cli_fail_holds(struct cli *c, enum rc rc, const struct why *why, json_t *details)
{
    if (cli_exit_of_rc(rc) != CLI_NO)
        return cli_fail_details(c, rc, why, details);
    json_t *all = json_pack("{s:b}", "holds", 0);
    CHECK(all != NULL);
    if (details != NULL)
        CHECK(json_object_update(all, details) == 0);
    json_decref(details);
    return cli_fail_details(c, rc, why, all);
}

enum cli_exit cli_fail(struct cli *c, enum rc rc, const struct why *why)
{
    return cli_fail_details(c, rc, why, NULL);
}

enum cli_exit cli_no(struct cli *c, const char *word, const struct why *why)
{
    return fail(c, CLI_NO, word, why->text, json_pack("{s:b}", "holds", 0));
}

enum cli_exit cli_fail_verdict(struct cli *c, enum verdict v, const char *format, ...)
{
    struct why why;
    va_list args;
    va_start(args, format);
    vsnprintf(why.text, sizeof why.text, format, args);
    va_end(args);
    size_t used = strlen(why.text);
    snprintf(why.text + used, sizeof why.text - used, ": %s", verdict_text(v));
    enum cli_exit code = cli_exit_of_verdict(v);
    return fail(c, code, verdict_word(v), why.text,
                code == CLI_NO ? json_pack("{s:b}", "holds", 0) : NULL);
}

enum cli_exit cli_usage(struct cli *c, const char *format, ...)
{
    struct why why;
    va_list args;
    va_start(args, format);
    vsnprintf(why.text, sizeof why.text, format, args);
    va_end(args);
    size_t used = strlen(why.text);
    const char *command = c->command != NULL ? c->command->words : "";
    snprintf(why.text + used, sizeof why.text - used, " (see `hansa%s%s --help`)",
             command[0] != '\0' ? " " : "", command);
    return fail(c, CLI_USAGE, "usage", why.text, NULL);
}

/* ---- numbers ---- */

/* Digits alone; false also when it does not fit. */
static bool parse_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool cli_parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t value;
    if (!parse_u64(text, &value) || value < least || value > most)
        return false;
    *out = value;
    return true;
}

bool cli_number_of(struct cli *c, const char *name, const char *text, uint64_t least, uint64_t most,
                   uint64_t *out)
{
    if (cli_parse_number(text, least, most, out))
        return true;
    char quoted[CLI_QUOTE_BYTES];
    cli_usage(c, "%s must be a whole number from %" PRIu64 " to %" PRIu64 " (here: %s)", name,
              least, most, cli_quote(quoted, text));
    return false;
}

bool cli_number(struct cli *c, const char *option, uint64_t least, uint64_t most, uint64_t *out)
{
    const char *text = cli_value(c, option);
    if (text == NULL)
        return true;
    char name[64];
    snprintf(name, sizeof name, "--%s", option);
    return cli_number_of(c, name, text, least, most, out);
}
