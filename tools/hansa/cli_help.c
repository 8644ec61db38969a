/* Help, made from the same tables by which command lines are read, so that it cannot be wrong. */
#include <stdio.h>
#include <string.h>

#include "crypto/base/version.h"
#include "tools/hansa/cli.h"

static const struct {
    unsigned number;
    const char *word;
    const char *text;
} exits[] = {
#define X(code, number, word, text) {number, word, text},
    CLI_EXIT_LIST(X)
#undef X
};
enum { EXITS_COUNT = sizeof exits / sizeof exits[0] };

/* ---- words ---- */

/* "hansa key show FILE [--dir DIR]", without the options that the list below it shows. */
static void usage_line(char *out, size_t room, const struct command *command)
{
    size_t used = (size_t)snprintf(out, room, "hansa %s", command->words);
    for (const struct cli_argument *a = command->arguments; a != NULL && a->name != NULL; a++) {
        const char *dots = (a->how & CLI_REPEATED) != 0 ? " ..." : "";
        const char *format = (a->how & CLI_REQUIRED) != 0 ? " %s%s" : " [%s%s]";
        if (used < room)
            used += (size_t)snprintf(out + used, room - used, format, a->name, dots);
    }
    bool has_more = false;
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
        has_more = has_more || (o->how & CLI_REQUIRED) == 0;
        if ((o->how & CLI_REQUIRED) == 0 || used >= room)
            continue;
        used += (size_t)snprintf(out + used, room - used, " --%s %s%s", o->name, o->value,
                                 (o->how & CLI_REPEATED) != 0 ? " ..." : "");
    }
    if (has_more && used < room)
        snprintf(out + used, room - used, " [options]");
}

enum { USAGE_BYTES = 512 };

static void print_commands(const struct command_table *table, const char *first_word)
{
    size_t size = first_word == NULL ? 0 : strlen(first_word);
    for (size_t i = 0; i < table->count; i++) {
        const struct command *command = table->commands[i];
        if (first_word != NULL && strncmp(command->words, first_word, size) != 0)
            continue;
        printf("  %-16s %s\n", command->words, command->summary);
    }
}

static void print_option(const struct cli_option *o)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->value != NULL ? " " : "",
             o->value != NULL ? o->value : "");
    const char *note = (o->how & CLI_REPEATED) != 0 ? " (may be repeated)" : "";
    printf("  %-28s %s%s\n", left, o->text, note);
}

static void print_indented(const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        printf("  %.*s\n", (int)size, text);
        text += size;
        text += *text == '\n';
    }
}

static void print_command(const struct command *command)
{
    char usage[USAGE_BYTES];
    usage_line(usage, sizeof usage, command);
    printf("usage: %s\n\n%s.\n", usage, command->summary);
    if (command->text != NULL)
        printf("\n%s\n", command->text);
    if (command->arguments != NULL)
        printf("\narguments:\n");
    for (const struct cli_argument *a = command->arguments; a != NULL && a->name != NULL; a++)
        printf("  %-28s %s\n", a->name, a->text);
    printf("\noptions:\n");
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++)
        print_option(o);
    printf("  %-28s %s\n", "--json", "answer with one JSON object (errors on stderr, on one line)");
    printf("  %-28s %s\n", "--help, -h", "show this help");
    printf("\nexample:\n");
    print_indented(command->example);
    printf("\nexit codes:\n");
    print_indented(command->exits);
    printf("  2 wrong usage; `hansa --help` lists all codes\n");
}

/* ---- JSON ---- */

static json_t *json_of_command(const struct command *command)
{
    char usage[USAGE_BYTES];
    usage_line(usage, sizeof usage, command);
    json_t *options = json_array();
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++)
        json_array_append_new(options,
                              json_pack("{s:s, s:s?, s:b, s:b, s:s}", "name", o->name, "value",
                                        o->value, "required", (o->how & CLI_REQUIRED) != 0,
                                        "repeated", (o->how & CLI_REPEATED) != 0, "text", o->text));
    json_t *arguments = json_array();
    for (const struct cli_argument *a = command->arguments; a != NULL && a->name != NULL; a++)
        json_array_append_new(arguments,
                              json_pack("{s:s, s:b, s:b, s:s}", "name", a->name, "required",
                                        (a->how & CLI_REQUIRED) != 0, "repeated",
                                        (a->how & CLI_REPEATED) != 0, "text", a->text));
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s}", "command", command->words, "summary",
                     command->summary, "usage", usage, "arguments", arguments, "options", options,
                     "example", command->example, "exit_codes", command->exits);
}

/* ---- entry points ---- */

void cli_help_tool(const struct command_table *table, bool json)
{
    if (json) {
        json_t *commands = json_array();
        for (size_t i = 0; i < table->count; i++)
            json_array_append_new(commands, json_of_command(table->commands[i]));
        json_t *codes = json_array();
        for (size_t i = 0; i < EXITS_COUNT; i++)
            json_array_append_new(codes, json_pack("{s:i, s:s, s:s}", "code", (int)exits[i].number,
                                                   "name", exits[i].word, "text", exits[i].text));
        cli_answer(NULL, json_pack("{s:s, s:o, s:o}", "version", HANSA_VERSION, "commands",
                                   commands, "exit_codes", codes));
        return;
    }
    printf("hansa %s: a ledger shared by organisations that do not trust each other.\n\n"
           "usage: hansa COMMAND [options] [--json] [--help]\n\ncommands:\n",
           HANSA_VERSION);
    print_commands(table, NULL);
    printf("\nexit codes:\n");
    for (size_t i = 0; i < EXITS_COUNT; i++)
        printf("  %u  %s\n", exits[i].number, exits[i].text);
    printf(
        "\nWith --json a question of yes or no (audit, audit --against, receipt verify, proof\n"
        "verify, record verify, tx show) is answered by \"holds\": true, or, with exit code 1, by\n"
        "\"holds\": false in the error's details.\n"
        "\n`hansa help COMMAND` and `hansa COMMAND --help` show options and an example.\n"
        "example: hansa keygen alice --network demo\n");
}

void cli_help_group(const struct command_table *table, const char *word)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "%.30s ", word);
    printf("usage: hansa %s COMMAND [options]\n\ncommands:\n", word);
    print_commands(table, prefix);
}

void cli_list_group(char *out, size_t room, const struct command_table *table, const char *word)
{
    size_t size = strlen(word), used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < table->count && used < room; i++) {
        const char *words = table->commands[i]->words;
        if (strncmp(words, word, size) != 0 || (words[size] != ' ' && words[size] != '\0'))
            continue;
        const struct cli_option *first = table->commands[i]->options;
        used += (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? ", " : "", words);
        /* A command that is itself the first word is told from the others by its option. */
        if (words[size] == '\0' && first != NULL && first->value != NULL && used < room)
            used +=
                (size_t)snprintf(out + used, room - used, " --%s %s", first->name, first->value);
    }
}

void cli_help_command(const struct command *command, bool json)
{
    if (json)
        cli_answer(NULL, json_of_command(command));
    else
        print_command(command);
}
