/* From argv to a command that runs: finding the command, and reading its options. */
#include "tools/hansa/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/base/version.h"
#include "crypto/crypto.h"

/* ---- finding the command ---- */

/* How many of argv the words of a command take, or 0 when they are others. */
static int words_matched(const char *words, int argc, char **argv)
{
    int matched = 0;
    while (*words != '\0') {
        size_t size = strcspn(words, " ");
        if (matched == argc || strlen(argv[matched]) != size ||
            memcmp(argv[matched], words, size) != 0)
            return 0;
        matched++;
        words += size;
        words += strspn(words, " ");
    }
    return matched;
}

static const struct command *find_command(const struct command_table *table, int argc, char **argv,
                                          int *words_count)
{
    const struct command *found = NULL;
    *words_count = 0;
    for (size_t i = 0; i < table->count; i++) {
        int matched = words_matched(table->commands[i]->words, argc, argv);
        if (matched <= *words_count)
            continue;
        found = table->commands[i];
        *words_count = matched;
    }
    return found;
}

static bool is_first_word(const struct command *command, const char *word)
{
    size_t size = strlen(word);
    return size > 0 && strncmp(command->words, word, size) == 0 && command->words[size] == ' ';
}

/* The word begins commands of two words ("key"), and there is no second one that fits. */
static bool is_group(const struct command_table *table, const char *word)
{
    for (size_t i = 0; i < table->count; i++) {
        if (is_first_word(table->commands[i], word))
            return true;
    }
    return false;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (is_help(argv[i]))
            return true;
    }
    return false;
}

static bool asks_for(int argc, char **argv, const char *option)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return true;
    }
    return false;
}

/* The command that was perhaps meant, or NULL. Of a group (NULL: none) only the second words are
 * compared: the first is right already. */
static const char *nearest_command(const struct command_table *table, const char *group,
                                   const char *text)
{
    const char **names = mem_alloc(table->count * sizeof *names);
    size_t count = 0, skipped = group != NULL ? strlen(group) + 1 : 0;
    for (size_t i = 0; i < table->count; i++) {
        if (group == NULL || is_first_word(table->commands[i], group))
            names[count++] = table->commands[i]->words + skipped;
    }
    const char *nearest = cli_nearest(text, names, count);
    mem_free(names);
    return nearest != NULL ? nearest - skipped : NULL;
}

enum { GROUP_LIST_BYTES = 256 };

static enum cli_exit refuse_group(struct cli *c, const struct command_table *table,
                                  const char *word)
{
    char list[GROUP_LIST_BYTES];
    cli_list_group(list, sizeof list, table, word);
    return cli_usage(c, "'%s' needs one more word: %s", word, list);
}

/* "sign bogus": sign is a command itself, and takes no words. */
static bool is_other_of_group(const struct command_table *table, const struct command *command,
                              int argc, char **argv)
{
    return command->arguments == NULL && argc > 0 && argv[0][0] != '-' &&
           is_group(table, command->words);
}

/* The first word begins commands of two, the second fits none. */
static enum cli_exit refuse_second_word(struct cli *c, const struct command_table *table,
                                        const char *group, const char *word)
{
    char quoted[CLI_QUOTE_BYTES], list[GROUP_LIST_BYTES], text[128];
    snprintf(text, sizeof text, "%s %s", group, word);
    cli_list_group(list, sizeof list, table, group);
    const char *nearest = nearest_command(table, group, word);
    if (nearest == NULL)
        return cli_usage(c, "there is no command %s; there are: %s", cli_quote(quoted, text), list);
    return cli_usage(c, "there is no command %s; did you mean '%s'? There are: %s",
                     cli_quote(quoted, text), nearest, list);
}

static enum cli_exit refuse_command(struct cli *c, const struct command_table *table, int argc,
                                    char **argv)
{
    char quoted[CLI_QUOTE_BYTES];
    if (is_group(table, argv[0])) {
        if (c->help || asks_for_help(argc, argv)) {
            cli_help_group(table, argv[0]);
            return CLI_DONE;
        }
        if (argc < 2 || argv[1][0] == '-')
            return refuse_group(c, table, argv[0]);
        return refuse_second_word(c, table, argv[0], argv[1]);
    }
    const char *nearest = nearest_command(table, NULL, argv[0]);
    if (nearest == NULL)
        return cli_usage(c, "there is no command %s: hansa help lists them",
                         cli_quote(quoted, argv[0]));
    return cli_usage(c, "there is no command %s; did you mean '%s'?", cli_quote(quoted, argv[0]),
                     nearest);
}

/* ---- reading options ---- */

static const struct cli_option options_everywhere[] = {
    {"json", NULL, CLI_OPTIONAL, "answer with one JSON object (errors too, on stderr)"},
    {"help", NULL, CLI_OPTIONAL, "show this help"},
    {NULL, NULL, CLI_OPTIONAL, NULL}};

static const struct cli_option *find_in(const struct cli_option *options, const char *name,
                                        size_t name_bytes)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (strlen(options->name) == name_bytes && memcmp(options->name, name, name_bytes) == 0)
            return options;
    }
    return NULL;
}

static const struct cli_option *find_option(const struct cli *c, const char *name,
                                            size_t name_bytes)
{
    const struct cli_option *found = find_in(options_everywhere, name, name_bytes);
    return found != NULL ? found : find_in(c->command->options, name, name_bytes);
}

static bool refuse_option(struct cli *c, const char *given)
{
    enum { OPTIONS_MAX = 64 };
    const char *names[OPTIONS_MAX] = {"json", "help"};
    size_t count = 2;
    for (const struct cli_option *o = c->command->options; o != NULL && o->name != NULL; o++) {
        CHECK(count < OPTIONS_MAX);
        names[count++] = o->name;
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given, "="), given);
    const char *nearest = cli_nearest(name + strspn(name, "-"), names, count);
    char quoted[CLI_QUOTE_BYTES];
    if (nearest == NULL)
        cli_usage(c, "there is no option %s", cli_quote(quoted, given));
    else
        cli_usage(c, "there is no option %s; did you mean '--%s'?", cli_quote(quoted, given),
                  nearest);
    return false;
}

static bool add_value(struct cli *c, const struct cli_option *option, const char *text)
{
    if ((option->how & CLI_REPEATED) == 0 && cli_has(c, option->name)) {
        cli_usage(c, "--%s stands twice", option->name);
        return false;
    }
    c->values[c->values_count++] = (struct cli_value){option, text};
    return true;
}

/* Read the option at argv[*at]; *at is left on the last word it took. */
static bool parse_option(struct cli *c, int argc, char **argv, int *at)
{
    const char *word = strcmp(argv[*at], "-h") == 0 ? "--help" : argv[*at];
    const char *name = word + (strncmp(word, "--", 2) == 0 ? 2 : 1);
    size_t name_bytes = strcspn(name, "=");
    const struct cli_option *option =
        strncmp(word, "--", 2) == 0 ? find_option(c, name, name_bytes) : NULL;
    if (option == NULL)
        return refuse_option(c, argv[*at]);
    bool has_value = name[name_bytes] == '=';
    if (option->value == NULL && has_value) {
        cli_usage(c, "--%s takes no value", option->name);
        return false;
    }
    if (option->value == NULL)
        return add_value(c, option, NULL);
    if (has_value)
        return add_value(c, option, name + name_bytes + 1);
    /* The next option is hardly meant as a value; who does mean it writes --name=--value. */
    if (*at + 1 == argc || strncmp(argv[*at + 1], "--", 2) == 0) {
        cli_usage(c, "--%s needs a value: --%s %s, or --%s=... if it begins with two dashes",
                  option->name, option->name, option->value, option->name);
        return false;
    }
    return add_value(c, option, argv[++*at]);
}

static bool judge_missing(struct cli *c)
{
    size_t needed = 0;
    size_t most = 0;
    for (const struct cli_argument *a = c->command->arguments; a != NULL && a->name != NULL; a++) {
        if (needed >= c->arguments_count && (a->how & CLI_REQUIRED) != 0) {
            cli_usage(c, "%s is missing: %s", a->name, a->text);
            return false;
        }
        needed += (a->how & CLI_REQUIRED) != 0;
        most = (a->how & CLI_REPEATED) != 0 ? SIZE_MAX : most + 1;
    }
    if (c->arguments_count > most) {
        char quoted[CLI_QUOTE_BYTES];
        cli_usage(c, "%s is one word too many", cli_quote(quoted, c->arguments[most]));
        return false;
    }
    for (const struct cli_option *o = c->command->options; o != NULL && o->name != NULL; o++) {
        if ((o->how & CLI_REQUIRED) != 0 && !cli_has(c, o->name)) {
            cli_usage(c, "--%s %s is missing: %s", o->name, o->value, o->text);
            return false;
        }
    }
    return true;
}

bool cli_parse(struct cli *c, int argc, char **argv)
{
    bool options_ended = false;
    for (int i = 0; i < argc; i++) {
        bool is_option = !options_ended && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option && strcmp(argv[i], "--") == 0)
            options_ended = true;
        else if (!is_option)
            c->arguments[c->arguments_count++] = argv[i];
        else if (!parse_option(c, argc, argv, &i))
            return false;
    }
    c->json = c->json || cli_has(c, "json");
    c->help = c->help || cli_has(c, "help");
    return c->help || judge_missing(c);
}

/* ---- asking ---- */

static size_t count_values(const struct cli *c, const char *name, size_t stop_at,
                           const char **value)
{
    CHECK(find_option(c, name, strlen(name)) != NULL);
    size_t count = 0;
    for (size_t i = 0; i < c->values_count; i++) {
        if (strcmp(c->values[i].option->name, name) != 0)
            continue;
        if (count == stop_at)
            *value = c->values[i].text;
        count++;
    }
    return count;
}

bool cli_has(const struct cli *c, const char *option)
{
    return cli_values_count(c, option) > 0;
}

size_t cli_values_count(const struct cli *c, const char *option)
{
    const char *unused;
    return count_values(c, option, SIZE_MAX, &unused);
}

const char *cli_value(const struct cli *c, const char *option)
{
    const char *value = NULL;
    count_values(c, option, 0, &value);
    return value;
}

const char *cli_value_at(const struct cli *c, const char *option, size_t index)
{
    const char *value = NULL;
    CHECK(index < count_values(c, option, index, &value));
    return value;
}

const char *cli_argument(const struct cli *c, size_t index)
{
    return index < c->arguments_count ? c->arguments[index] : NULL;
}

/* ---- the whole way ---- */

static enum cli_exit run(struct cli *c, const struct command_table *table, int argc, char **argv)
{
    while (argc > 0 && (strcmp(argv[0], "--json") == 0 || is_help(argv[0]))) {
        c->json = c->json || strcmp(argv[0], "--json") == 0;
        c->help = c->help || is_help(argv[0]);
        argc--, argv++;
    }
    while (argc > 0 && strcmp(argv[0], "help") == 0) { /* help about help is this one too */
        c->help = true;
        argc--, argv++;
    }
    if (argc > 0 && strcmp(argv[0], "--version") == 0) {
        if (c->json || asks_for(argc, argv, "--json"))
            return cli_answer(c, json_pack("{s:s}", "version", HANSA_VERSION));
        printf("hansa %s\n", HANSA_VERSION);
        return CLI_DONE;
    }
    if (argc == 0 && !c->help)
        return cli_usage(c, "no command was given");
    /* So that words about a wrong command line come as asked for, whatever is wrong with it. */
    c->json = c->json || asks_for(argc, argv, "--json");
    if (argc == 0 || (c->help && argv[0][0] == '-')) {
        cli_help_tool(table, c->json);
        return CLI_DONE;
    }
    int words_count;
    c->command = find_command(table, argc, argv, &words_count);
    if (c->command != NULL &&
        is_other_of_group(table, c->command, argc - words_count, argv + words_count))
        c->command = NULL;
    if (c->command == NULL)
        return refuse_command(c, table, argc, argv);
    if (!cli_parse(c, argc - words_count, argv + words_count))
        return CLI_USAGE;
    if (c->help) {
        cli_help_command(c->command, c->json);
        if (!c->json && is_group(table, c->command->words)) {
            putchar('\n');
            cli_help_group(table, c->command->words);
        }
        return CLI_DONE;
    }
    struct why why = {""};
    enum rc rc = crypto_start(&why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    return c->command->run(c);
}

int cli_main(int argc, char **argv, const struct command_table *table)
{
    CHECK(argc >= 0);
    struct cli c = {0};
    c.values = mem_alloc(((size_t)argc + 1) * sizeof *c.values);
    c.arguments = mem_alloc(((size_t)argc + 1) * sizeof *c.arguments);
    enum cli_exit code = argc == 0 ? CLI_USAGE : run(&c, table, argc - 1, argv + 1);
    /* An answer that did not arrive, on a full disk for instance, is no answer. */
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        if (!c.has_failed)
            code = cli_fail(&c, RC_FILE_IO,
                            &(struct why){"the standard output could not be "
                                          "written: the answer is lost"});
    }
    mem_free(c.values);
    mem_free(c.arguments);
    return (int)code;
}
