/*
 * verb_shell.c - `varve shell DB`: verbs and selectors one after the other, without naming the
 * database.
 *
 * A line is a verb with its arguments, a selector with options (which is a query), or a command
 * that begins with a point. Every line opens the database anew, so that it shows what others wrote
 * meanwhile.
 */
#include "cli.h"
#include "shell.h"
#include "stdout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shell {
    const char *path;
    const char *mode; /* --output of what has one; NULL: the default */
    bool timer;
    bool quit;
    char mode_text[16];
};

static const char help_text[] =
    "A selector shows its samples:   cpu_usage{host=\"a\"} --start -1h\n"
    "A verb does what it does:       latest {}    series    labels host    stats\n"
    ".mode [table|csv|json|jsonl|prom|influx]   how rows are printed\n"
    ".plot SELECTOR [options]                   draw the samples\n"
    ".schema                                    metrics, labels, and how many values each has\n"
    ".timer on|off                              print how long each line took\n"
    ".help   .quit (or Ctrl-D)\n"
    "help VERB tells the options of a verb. Tab completes metrics, labels, values and options.\n";

/* Runs a verb with words as its arguments, the database put in front. */
static int run_verb(const struct shell *shell, const struct cli_verb *verb, char **words,
                    size_t count)
{
    char *arguments[CLI_SHELL_WORDS_MAX + 4];
    size_t argument_count = 0;
    struct cli_invocation invocation;
    arguments[argument_count++] = (char *)shell->path;
    for (size_t i = 0; i < count; i++)
        arguments[argument_count++] = words[i];
    int code = cli_invocation_init(&invocation, verb, (int)argument_count, arguments);
    bool rows = false;
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++)
        rows |= *id == CLI_OPTION_OUTPUT || *id == CLI_OPTION_LIST_OUTPUT;
    bool decided = cli_given(&invocation, CLI_OPTION_OUTPUT) ||
                   cli_given(&invocation, CLI_OPTION_LIST_OUTPUT) ||
                   cli_given(&invocation, CLI_OPTION_PLOT);
    if (code == 0 && cli_given(&invocation, CLI_OPTION_HELP)) {
        cli_help_print_verb(verb);
    } else if (code == 0 && shell->mode && rows && !decided) {
        cli_invocation_fini(&invocation);
        arguments[argument_count++] = "--output";
        arguments[argument_count++] = (char *)shell->mode;
        code = cli_invocation_init(&invocation, verb, (int)argument_count, arguments);
        code = code == 0 ? verb->run(&invocation) : code;
    } else if (code == 0) {
        code = verb->run(&invocation);
    }
    cli_invocation_fini(&invocation);
    return code;
}

static int set_mode(struct shell *shell, const char *mode)
{
    static const char modes[] = "table|csv|json|jsonl|prom|influx";
    char near[64];
    if (!mode) {
        shell->mode = NULL;
        return 0;
    }
    if (!cli_is_choice(modes, mode))
        return cli_suggest_choice(mode, modes, near)
                   ? cli_usage_error("there is no mode %s; did you mean %s?", mode, near)
                   : cli_usage_error("there is no mode %s; there is %s", mode, modes);
    snprintf(shell->mode_text, sizeof shell->mode_text, "%s", mode);
    shell->mode = shell->mode_text;
    return 0;
}

static int plot(const struct shell *shell, char **words, size_t count)
{
    char *arguments[CLI_SHELL_WORDS_MAX + 1];
    for (size_t i = 0; i < count; i++)
        arguments[i] = words[i];
    arguments[count] = "--plot";
    return run_verb(shell, cli_verb_find("query"), arguments, count + 1);
}

static int show_schema(const struct shell *shell)
{
    char *metric[] = {"__name__"};
    const struct cli_verb *labels = cli_verb_find("labels");
    int code = run_verb(shell, labels, NULL, 0);
    cli_stdout_print("\n");
    return code == 0 ? run_verb(shell, labels, metric, 1) : code;
}

static int run_command(struct shell *shell, char **words, size_t count)
{
    const char *command = words[0];
    if (strcmp(command, ".quit") == 0 || strcmp(command, ".exit") == 0)
        shell->quit = true;
    else if (strcmp(command, ".help") == 0)
        cli_stdout_print("%s", help_text);
    else if (strcmp(command, ".mode") == 0)
        return set_mode(shell, count > 1 ? words[1] : NULL);
    else if (strcmp(command, ".timer") == 0)
        shell->timer = count < 2 || strcmp(words[1], "off") != 0;
    else if (strcmp(command, ".plot") == 0)
        return plot(shell, words + 1, count - 1);
    else if (strcmp(command, ".schema") == 0)
        return show_schema(shell);
    else
        return cli_usage_error("there is no command %s; .help lists them", command);
    return 0;
}

static int show_help(char **words, size_t count)
{
    const struct cli_verb *verb = count > 1 ? cli_verb_find(words[1]) : NULL;
    if (verb)
        cli_help_print_verb(verb);
    else
        cli_stdout_print("%s", help_text);
    return 0;
}

static int run_line(struct shell *shell, char *line)
{
    char *words[CLI_SHELL_WORDS_MAX + 1];
    size_t count = cli_shell_split(line, words);
    if (count == 0 || words[0][0] == '#')
        return 0;
    if (count > CLI_SHELL_WORDS_MAX)
        return cli_usage_error("a line has at most %u words", CLI_SHELL_WORDS_MAX);
    if (words[0][0] == '.')
        return run_command(shell, words, count);
    if (strcmp(words[0], "help") == 0)
        return show_help(words, count);
    if (count == 1 && (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0))
        return run_command(shell, (char *[]){".quit"}, 1);
    const struct cli_verb *verb = cli_verb_find(words[0]);
    if (verb && (verb->run == cli_verb_shell || verb->run == cli_verb_completion))
        return cli_usage_error("%s is not for the shell", verb->name);
    return verb ? run_verb(shell, verb, words + 1, count - 1)
                : run_verb(shell, cli_verb_find("query"), words, count);
}

static int run_timed(struct shell *shell, char *line)
{
    int64_t began = cli_monotonic();
    int code = cli_stdout_finish(run_line(shell, line));
    char text[VARVE_TEXT_MAX];
    if (shell->timer)
        cli_say("%s", cli_human_duration(cli_monotonic() - began, text));
    cli_forget_interrupt();
    return code;
}

/* At a terminal errors are read and forgotten; of a script the first one is the exit code. */
static int run_lines(struct shell *shell)
{
    bool terminal = isatty(STDIN_FILENO), cancelled;
    int first_code = 0;
    char *line;
    while (!shell->quit) {
        line = cli_shell_read_line("varve> ", &cancelled);
        if (!line && cancelled && terminal) {
            fputs("\n", stderr);
            cli_forget_interrupt();
            continue;
        }
        if (!line)
            break;
        int code = run_timed(shell, line);
        if (first_code == 0 && !terminal)
            first_code = code;
        free(line);
    }
    return first_code;
}

int cli_verb_shell(const struct cli_invocation *invocation)
{
    struct shell shell = {.path = cli_argument(invocation, 0)};
    struct cli_events events;
    varve_db *db = NULL;
    int code = cli_open(shell.path, VARVE_OPEN_READ_ONLY, VARVE_SYNC_DEFAULT, &events, &db);
    if (code != 0)
        return code;
    cli_close(db, &events, 0);
    if (isatty(STDIN_FILENO))
        cli_stdout_print("varve %s, %s; .help for help\n", varve_version(), shell.path);
    cli_stdout_flush();
    cli_shell_edit_begin(shell.path);
    code = run_lines(&shell);
    cli_shell_edit_end();
    return code;
}
