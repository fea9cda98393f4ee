/*
 * help.c - `varve --help` and `varve VERB --help`, from the table of verbs.
 */
#include "options.h"
#include "stdout.h"

#include "varve/varve.h"

#include <stdio.h>
#include <string.h>

#define TEXT_WIDTH 92
#define HELP_COLUMN 28

/* Prints text in lines of at most TEXT_WIDTH characters; the first begins at column, the others are
 * indented. */
static void print_wrapped(const char *text, int column, int indent)
{
    while (*text) {
        size_t room = (size_t)(TEXT_WIDTH - column);
        size_t length = strlen(text);
        if (length > room) {
            length = room;
            while (length > 0 && text[length] != ' ')
                length--;
            if (length == 0)
                length = strcspn(text, " ");
        }
        cli_stdout_print("%.*s\n", (int)length, text);
        text += length;
        text += strspn(text, " ");
        if (*text)
            cli_stdout_print("%*s", indent, "");
        column = indent;
    }
}

static void print_entry(const char *left, const char *text)
{
    cli_stdout_print("  %-*s", HELP_COLUMN - 2, left);
    if (strlen(left) + 2 >= HELP_COLUMN)
        cli_stdout_print("\n%*s", HELP_COLUMN, "");
    print_wrapped(text, HELP_COLUMN, HELP_COLUMN);
}

static void print_argument(const char *name)
{
    static const char *const known[][2] = {
        {"DB", "the database: a directory"},
        {"SELECTOR", "metric{label=\"x\",other!=\"y\",third=~\"re.*\"}, or {} for everything"},
        {"SERIES", "metric{label=\"x\",other=\"y\"}"},
        {"FILE...", "files to read; - is standard input"},
        {"VALUE", "a number; -1.5, NaN and -Inf are fine"},
        {"TIME", "2026-11-21T10:00:00Z, 1700000000s (ms, us, ns), now, now-1h, or -1h"},
        {"NAME", "a label name"},
        {"SHELL", "bash, zsh or fish"},
        {"DEST", "the copy: a directory that does not exist, or an older snapshot"},
        {"SRC", "the database that is read: a directory"},
        {"DST", "the new database: a directory that does not exist"},
        {"WORKLOAD...", "what to measure (default: everything)"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i][0], name) == 0)
            print_entry(name, known[i][1]);
    }
}

static void print_arguments(const struct cli_verb *verb)
{
    cli_stdout_print("\nArguments:\n");
    const char *from = verb->arguments;
    while (*from) {
        from += strspn(from, " []");
        size_t length = strcspn(from, " ]");
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)length, from);
        print_argument(name);
        from += length;
        from += strspn(from, " []");
    }
}

void cli_help_print_verb(const struct cli_verb *verb)
{
    cli_stdout_print("varve %s: %s\n\nUsage: varve %s %s [options]\n", verb->name, verb->summary,
                     verb->name, verb->arguments);
    if (verb->details[0]) {
        cli_stdout_print("\n");
        print_wrapped(verb->details, 0, 0);
    }
    print_arguments(verb);
    cli_stdout_print("\nOptions:\n");
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        const struct cli_option *option = &cli_options[*id];
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        print_entry(left, option->help);
    }
    cli_stdout_print("\nExamples:\n");
    for (const struct cli_example *example = verb->examples; example->command; example++)
        cli_stdout_print("  varve %s\n      %s\n", example->command, example->meaning);
}

void cli_help_print(void)
{
    cli_stdout_print("varve %s, an embedded time-series store\n\nUsage: varve VERB DB [arguments] "
                     "[options]\n\nVerbs:\n",
                     varve_version());
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", verb->name, verb->arguments);
        print_entry(left, verb->summary);
    }
    cli_stdout_print(
        "\nvarve VERB --help tells the options of a verb, with examples.\n\n"
        "First steps:\n"
        "  varve collect db --for 10s\n"
        "  varve series db\n"
        "  varve query db node_load1 --start -1m\n\n"
        "Exit codes: 0 done, 1 not found or some input skipped, 2 wrong usage, 3 damaged "
        "data,\n            4 locked by another process, 5 input/output error, 130 "
        "interrupted\n");
}
