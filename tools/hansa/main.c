/* hansa: the tool for people and scripts. The frame is cli.h; the commands are in commands.h. */
#include "tools/hansa/commands.h"

int main(int argc, char **argv)
{
    static const struct command *const commands[] = {
#define X(row) &row,
        COMMAND_LIST(X)
#undef X
    };
    const struct command_table table = {commands, sizeof commands / sizeof commands[0]};
    return cli_main(argc, argv, &table);
}
