/*
 * shell_edit.c - lines of the shell: with editing, history and completion where libedit was there
 * at build time and standard input is a terminal, else as they come.
 *
 * Completion looks at what stands before the word:
 *
 *     cp|                        verbs, metrics
 *     cpu_usage{ho|              label names
 *     cpu_usage{host="we|        values of that label
 *     cpu_usage --st|            options of the verb
 */
#include "shell.h"

#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line from a file or pipe. */
static char *read_plain_line(const char *prompt, bool *cancelled)
{
    if (isatty(STDIN_FILENO)) {
        fputs(prompt, stderr);
        fflush(stderr);
    }
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length = getline(&line, &capacity, stdin);
    if (length >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        return line;
    }
    *cancelled = cli_interrupted();
    clearerr(stdin);
    free(line);
    return NULL;
}

#ifdef VARVE_HAVE_LIBEDIT

#include <editline/readline.h>

#define CANDIDATES_MAX 2000u

/* readline's callbacks have no context. */
static struct {
    const char *path;
    char history[1024];
    char **candidates;
    size_t count;
    size_t next;
} editor;

static void add_candidate(const char *bytes, size_t length, const char *ending)
{
    if (editor.count == CANDIDATES_MAX)
        return;
    size_t size = length + strlen(ending) + 1;
    char *text = cli_allocate(size);
    snprintf(text, size, "%.*s%s", (int)length, bytes, ending);
    editor.candidates[editor.count++] = text;
}

static void add_strings(varve_strings *strings, const char *ending)
{
    for (size_t i = 0; i < varve_strings_count(strings); i++) {
        varve_string string = varve_strings_get(strings, i);
        add_candidate(string.bytes, string.length, ending);
    }
    varve_strings_destroy(strings);
}

/* The names of labels, or the values of the label of that name. */
static void add_labels(varve_string name, const char *ending)
{
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_READ_ONLY;
    options.background_threads = 0;
    varve_selection all = VARVE_SELECTION_INIT;
    varve_db *db = NULL;
    varve_strings *strings = NULL;
    if (varve_open(editor.path, &options, &db, NULL) != VARVE_OK)
        return;
    varve_status status = name.length > 0 ? varve_label_values(db, name, &all, &strings, NULL)
                                          : varve_label_names(db, &all, &strings, NULL);
    if (status == VARVE_OK)
        add_strings(strings, ending);
    varve_close(db, NULL);
}

static void add_options(const char *line)
{
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(line, " "), line);
    const struct cli_verb *verb = cli_verb_find(word);
    if (!verb)
        verb = cli_verb_find("query");
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        char text[64];
        int length = snprintf(text, sizeof text, "--%s", cli_options[*id].name);
        add_candidate(text, (size_t)length, cli_options[*id].value ? " " : "");
    }
}

static void add_first_words(void)
{
    static const char *const commands[] = {".help", ".mode", ".plot", ".quit", ".schema", ".timer"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        add_candidate(commands[i], strlen(commands[i]), " ");
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        add_candidate(verb->name, strlen(verb->name), " ");
    add_labels(VARVE_STRING("__name__"), "");
}

/* The label whose value stands at the end of line: what is before the last `="`. */
static varve_string label_before_quote(const char *line, size_t length)
{
    while (length > 0 && line[length - 1] != '"')
        length--;
    while (length > 0 && strchr("\"=!~ ", line[length - 1]))
        length--;
    size_t end = length;
    while (length > 0 && !strchr("{, ", line[length - 1]))
        length--;
    return (varve_string){line + length, end - length};
}

static void add_candidates(const char *line, size_t begin)
{
    bool braces = false, quotes = false;
    for (size_t i = 0; i < begin; i++) {
        if (line[i] == '"' && (i == 0 || line[i - 1] != '\\'))
            quotes = !quotes;
        else if (!quotes && (line[i] == '{' || line[i] == '}'))
            braces = line[i] == '{';
    }
    if (quotes)
        add_labels(label_before_quote(line, begin), "\"");
    else if (braces)
        add_labels((varve_string){"", 0}, "=\"");
    else if (line[begin] == '-')
        add_options(line);
    else if (begin == 0)
        add_first_words();
    else
        add_labels(VARVE_STRING("__name__"), "");
}

static void free_candidates(void)
{
    for (size_t i = 0; i < editor.count; i++)
        free(editor.candidates[i]);
    editor.count = 0;
}

/* Gives the candidates that begin with text, each in memory that readline frees. */
static char *next_candidate(const char *text, int state)
{
    if (state == 0)
        editor.next = 0;
    while (editor.next < editor.count) {
        const char *candidate = editor.candidates[editor.next++];
        if (strncmp(candidate, text, strlen(text)) == 0)
            return strdup(candidate);
    }
    return NULL;
}

static char **complete(const char *text, int begin, int end)
{
    (void)end;
    free_candidates();
    add_candidates(rl_line_buffer, (size_t)begin);
    rl_attempted_completion_over = 1; /* no file names */
    rl_completion_append_character = '\0';
    return rl_completion_matches(text, next_candidate);
}

void cli_shell_edit_begin(const char *path)
{
    static char breaks[] = " \t{}(),=~!\"";
    const char *home = getenv("HOME");
    editor.path = path;
    editor.candidates = cli_allocate(CANDIDATES_MAX * sizeof *editor.candidates);
    if (!isatty(STDIN_FILENO))
        return;
    rl_readline_name = "varve";
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = breaks;
    using_history();
    if (home) {
        snprintf(editor.history, sizeof editor.history, "%s/.varve_history", home);
        read_history(editor.history);
    }
}

void cli_shell_edit_end(void)
{
    if (isatty(STDIN_FILENO) && editor.history[0])
        write_history(editor.history);
    free_candidates();
    free(editor.candidates);
}

char *cli_shell_read_line(const char *prompt, bool *cancelled)
{
    *cancelled = false;
    if (!isatty(STDIN_FILENO))
        return read_plain_line(prompt, cancelled);
    char *line = readline(prompt);
    if (!line)
        *cancelled = cli_interrupted();
    else if (line[0])
        add_history(line);
    return line;
}

#else

void cli_shell_edit_begin(const char *path)
{
    (void)path;
}

void cli_shell_edit_end(void)
{
}

char *cli_shell_read_line(const char *prompt, bool *cancelled)
{
    *cancelled = false;
    return read_plain_line(prompt, cancelled);
}

#endif
