/* The frame of the tool `hansa`: what a subcommand is, how its command line is read, and how it
 * answers. A subcommand is one file cmd_*.c with one `struct command`, and one line in commands.h.
 *
 * Answers: on success, words on stdout, or with --json one JSON object. On failure one line
 * "hansa: <command>: <words>" on stderr, or with --json {"error": {"command", "code", "exit_code",
 * "exit", "text", "details"?}} there. stdout stays empty then, but for what is needed on the way
 * to a "no": the transaction that tx show shows, the rows of status, and the txid of what is about
 * to be sent (with --json that is {"sending": {"txid", "nonce"}} on stderr, on a line before: all
 * that stands there with --json is one JSON value on each line). The exit code is the same with and
 * without --json. A command that is asked yes or no says it in JSON as "holds": true in the answer,
 * or false in the details. */
#ifndef TOOLS_HANSA_CLI_H
#define TOOLS_HANSA_CLI_H

#include "genesis/json.h"
#include "ledger/verdict.h"

/* Exit codes: a promise to scripts, printed by `hansa --help`. */
#define CLI_EXIT_LIST(X)                                                                           \
    X(CLI_DONE, 0, "done", "done")                                                                 \
    X(CLI_NO, 1, "no", "the answer is no: a verification or audit failed, or two stores differ")   \
    X(CLI_USAGE, 2, "usage", "wrong usage: see --help of the command")                             \
    X(CLI_BAD_INPUT, 3, "bad_input",                                                               \
      "bad input: a file, key, genesis or transaction is not what it should be")                   \
    X(CLI_NOT_FOUND, 4, "not_found", "not found")                                                  \
    X(CLI_ENVIRONMENT, 5, "environment",                                                           \
      "the environment: a file, disk or store; nothing could be sent; interrupted, nothing open")  \
    X(CLI_REFUSED, 6, "refused", "refused by the ledger")                                          \
    X(CLI_UNKNOWN, 7, "unknown",                                                                   \
      "no answer in time, or interrupted: what was sent may take effect yet, as the words say")

enum cli_exit {
#define X(code, number, word, text) code = number,
    CLI_EXIT_LIST(X)
#undef X
        CLI_EXIT_COUNT
};
/* What a result code means as an exit code: one table for all commands. */
enum cli_exit cli_exit_of_rc(enum rc rc);
/* Bytes that cannot be a transaction are bad input, a wrong signature is a "no", and what the state
 * forbids is a refusal. */
enum cli_exit cli_exit_of_verdict(enum verdict v);
const char *cli_exit_word(enum cli_exit code);

/* ---- declaring ---- */

enum cli_how {
    CLI_OPTIONAL = 0,
    CLI_REQUIRED = 1,
    CLI_REPEATED = 2, /* may come again; else a second one is wrong usage */
    CLI_REQUIRED_REPEATED = CLI_REQUIRED | CLI_REPEATED
};

/* --name VALUE or --name=VALUE; a flag when value is NULL. --help and --json are everywhere and are
 * not declared. A list ends with name == NULL. */
struct cli_option {
    const char *name;  /* without the dashes */
    const char *value; /* what stands for the value in the help: "FILE" */
    enum cli_how how;
    const char *text;
};

/* What has no dashes, in order. Only the last one of a list may be optional or repeated. */
struct cli_argument {
    const char *name; /* as in the help: "FILE" */
    enum cli_how how;
    const char *text;
};

struct cli;
struct command {
    const char *words;                    /* "keygen", "key show" */
    const char *summary;                  /* one line */
    const struct cli_argument *arguments; /* NULL = none */
    const struct cli_option *options;     /* NULL = none */
    const char *text;                     /* more about it, lines of at most 78, or NULL */
    const char *example;                  /* a whole command line, or several */
    const char *exits;                    /* what its exit codes mean here: "0 ..., 1 ..." */
    enum cli_exit (*run)(struct cli *c);
};

/* The command line as it was read. Lends from argv. */
struct cli {
    const struct command *command; /* NULL until it is known */
    bool json;
    bool help;
    bool has_failed; /* words about a failure have been printed */
    struct cli_value {
        const struct cli_option *option;
        const char *text; /* NULL for a flag */
    } * values;
    size_t values_count;
    const char **arguments;
    size_t arguments_count;
};

/* ---- asking: the name must be one that the command declares ---- */

bool cli_has(const struct cli *c, const char *option);
/* The value, or NULL when it was not given. */
const char *cli_value(const struct cli *c, const char *option);
size_t cli_values_count(const struct cli *c, const char *option);
/* Requires: index < cli_values_count(). */
const char *cli_value_at(const struct cli *c, const char *option, size_t index);
/* Argument `index`, or NULL when there are not so many. Required ones are always there. */
const char *cli_argument(const struct cli *c, size_t index);
/* A whole decimal number from least to most. When the option is missing *out stays as it is.
 * False = refused, and said so: return CLI_USAGE. */
MUST_USE bool cli_number(struct cli *c, const char *option, uint64_t least, uint64_t most,
                         uint64_t *out);
/* False when text is not such a number; says nothing. */
MUST_USE bool cli_parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);
/* The same as cli_number() for any text; name says in the words what it is ("HEIGHT"). */
MUST_USE bool cli_number_of(struct cli *c, const char *name, const char *text, uint64_t least,
                            uint64_t most, uint64_t *out);

/* ---- answering: each returns the exit code to return ---- */

/* Print the object on stdout. Takes answer. For c->json; the words for people are printf. */
enum cli_exit cli_answer(struct cli *c, json_t *answer);
/* "name:           value" for people, all values in one column. Requires: judged or quoted words.
 */
void cli_line(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* rc with its words (rc's own text when why is NULL or empty). */
enum cli_exit cli_fail(struct cli *c, enum rc rc, const struct why *why);
/* The same with more for --json: details (taken, may be NULL) stands beside the text. */
enum cli_exit cli_fail_details(struct cli *c, enum rc rc, const struct why *why, json_t *details);
/* The same where rc alone does not tell the exit code: whether something was sent does. */
enum cli_exit cli_fail_as(struct cli *c, enum cli_exit code, enum rc rc, const struct why *why,
                          json_t *details);
/* The same for a question of yes or no: when the exit code is CLI_NO, details say "holds": false.
 */
enum cli_exit cli_fail_holds(struct cli *c, enum rc rc, const struct why *why, json_t *details);
/* The answer is no (CLI_NO); word names it for scripts. */
enum cli_exit cli_no(struct cli *c, const char *word, const struct why *why);
/* A verdict on the thing that `format` names: "<thing>: <verdict's text>". */
enum cli_exit cli_fail_verdict(struct cli *c, enum verdict v, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Wrong usage; the words end with where to read more. */
enum cli_exit cli_usage(struct cli *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- words ---- */

/* A value from outside in single quotes, cut at 128 bytes, with all that a terminal could take for
 * a command written as \xHH. Give it a buffer and use what it returns (out). */
enum { CLI_QUOTE_BYTES = 4 * 128 + 8 };
const char *cli_quote(char out[static CLI_QUOTE_BYTES], const char *text);
/* The same for bytes, without quotes or cut: for lines that may be long. The caller frees with
 * mem_free. UTF-8 without control characters stays as it is. */
MUST_USE char *cli_printable(struct bytes text);
/* Words of other layers begin with the path as it is, perhaps more than once and with a word before
 * it; give them the one form that paths have here: quoted, once. Returns rc. */
MUST_USE enum rc cli_why_path(struct why *why, enum rc rc, const char *path);
/* The end of a counted word: "" for one, else "s". */
const char *cli_plural(uint64_t count);
/* A JSON string of bytes from outside, made printable first where it has to be. */
json_t *cli_json_text(struct bytes text);
/* 64-bit numbers do not fit jansson's integers or other people's doubles: up to 2^53 they are JSON
 * numbers, beyond that strings. */
json_t *cli_json_number(uint64_t value);
/* A measured number, to three decimals. */
json_t *cli_json_measure(double value);

/* The name in `names` (count of them) that is nearest to text, or NULL when none is near. */
const char *cli_nearest(const char *text, const char *const *names, size_t count);

/* ---- the frame's own parts ---- */

struct command_table {
    const struct command *const *commands;
    size_t count;
};
/* Everything from argv to the exit code. */
int cli_main(int argc, char **argv, const struct command_table *table);
/* Read the options behind the command's words. False = refused, and said so. */
MUST_USE bool cli_parse(struct cli *c, int argc, char **argv);
void cli_help_tool(const struct command_table *table, bool json);
/* All commands that begin with this word: "key". */
void cli_help_group(const struct command_table *table, const char *word);
/* The same as one list for a sentence, "key show, key add", cut at room. */
void cli_list_group(char *out, size_t room, const struct command_table *table, const char *word);
void cli_help_command(const struct command *command, bool json);

#endif
