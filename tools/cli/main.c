/*
 * main.c - the command `varve`: finds the verb, reads its options, runs it.
 */
#include "cli.h"
#include "stdout.h"

#include <stdio.h>
#include <string.h>

static const char *verb_name_at(void *context, size_t index)
{
    (void)context;
    return cli_verbs[index].name;
}

static int refuse_verb(const char *word)
{
    size_t near = cli_suggest(word, verb_name_at, NULL);
    if (near != SIZE_MAX)
        return cli_usage_error("there is no verb \"%s\"; did you mean %s?", word,
                               cli_verbs[near].name);
    return cli_usage_error("there is no verb \"%s\"; varve --help lists them", word);
}

static int run_verb(const struct cli_verb *verb, int argc, char **argv)
{
    struct cli_invocation invocation;
    int code = cli_invocation_init(&invocation, verb, argc, argv);
    if (code == 0 && cli_given(&invocation, CLI_OPTION_HELP))
        cli_help_print_verb(verb);
    else if (code == 0)
        code = verb->run(&invocation);
    cli_invocation_fini(&invocation);
    return code;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        cli_say("which verb? varve --help lists them");
        return CLI_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        cli_stdout_print("varve %s\n", varve_version());
        return 0;
    }
    bool help = strcmp(word, "help") == 0;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && argc == 2)) {
        cli_help_print();
        return 0;
    }
    if (help && strcmp(argv[2], "--man") == 0) {
        cli_man_print();
        return 0;
    }
    const struct cli_verb *verb = cli_verb_find(help ? argv[2] : word);
    if (!verb)
        return refuse_verb(help ? argv[2] : word);
    if (help) {
        cli_help_print_verb(verb);
        return 0;
    }
    return run_verb(verb, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    cli_catch_signals();
    varve_status guarded = varve_sigbus_guard(NULL);
    (void)guarded; /* without it a block that is cut off meanwhile ends the command */
    int code = cli_stdout_finish(run(argc, argv));
    return cli_interrupted() ? cli_interrupt_exit_code() : code;
}
