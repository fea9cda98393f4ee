/*
 * cli.h - what the verbs of the command share: messages, memory, interrupts, databases, arguments.
 *
 * The command sees varve.h and the C library, nothing else of varve. Data goes to standard output,
 * words to standard error. Every verb is one function that returns the exit code of the process.
 * Single-threaded: only the event function may be called from a background thread of the library.
 */
#ifndef VARVE_TOOLS_CLI_H
#define VARVE_TOOLS_CLI_H

#include "options.h"
#include "varve/varve.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes that no status stands for. */
#define CLI_EXIT_USAGE 2
#define CLI_EXIT_DAMAGE 3
#define CLI_EXIT_OUTPUT 5
#define CLI_EXIT_PIPE 141

/* ------------------------------------------------------------------------------- messages */

/* "varve: " and the message, on standard error. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As cli_say(); returns CLI_EXIT_USAGE, so that `return cli_usage_error(...)` ends a verb. */
int cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says the message of error (or the text of status where it is empty); returns the exit code. */
int cli_fail(varve_status status, const varve_error *error);

/* As cli_fail() for a call that gives no message: "cannot ACTION PATH: reason". */
int cli_fail_on(varve_status status, const char *action, const char *path);

/* As cli_fail() for a text that the user typed: shows it with a caret under the column that the
 * message names. what is for example "selector". */
int cli_fail_at(varve_status status, const varve_error *error, const char *what, const char *text);

/* -------------------------------------------------------------------------------- memory */

/* Memory that is there: they end the process with exit code 1 when there is none. */
void *cli_allocate(size_t bytes);
void *cli_reallocate(void *memory, size_t bytes);

/* Text that grows. Start with {0}; free(text.bytes) in the end. Not NUL-terminated. */
struct cli_text {
    char *bytes;
    size_t length;
    size_t capacity;
};

void cli_text_append(struct cli_text *text, const char *bytes, size_t length);
void cli_text_print(struct cli_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Replaces text by the canonical form of a label set. */
void cli_text_series(struct cli_text *text, const varve_label *labels, size_t label_count);

/* ---------------------------------------------------------------------------- interrupts */

/* SIGINT and SIGTERM ask the verb to end; a second one ends the process at once. SIGPIPE is
 * ignored: the write that fails tells. */
void cli_catch_signals(void);

/* Whether a signal asked to end. */
bool cli_interrupted(void);

/* As if no signal had come. */
void cli_forget_interrupt(void);

/* Exit code for that signal: 130 or 143. */
int cli_interrupt_exit_code(void);

/* ------------------------------------------------------------------------------ databases */

/* What the library reported while a database was open. */
struct cli_events {
    atomic_bool damage; /* some data could not be read: the verb ends with CLI_EXIT_DAMAGE */
};

/**
 * cli_open() - open the database at path, or say why not.
 *
 * @flags   as varve_options.flags.
 * @events  filled by the event function until cli_close(); warnings go to standard error at once.
 * Returns 0 and *db, or the exit code after a message.
 */
int cli_open(const char *path, uint32_t flags, varve_sync_mode sync, struct cli_events *events,
             varve_db **db);

/* Closes; returns exit_code, or if that is 0: the code of a failed close, or CLI_EXIT_DAMAGE. */
int cli_close(varve_db *db, const struct cli_events *events, int exit_code);

/* ------------------------------------------------------------------------------ arguments */

/* Nanoseconds since the epoch, and of a clock that never jumps. */
int64_t cli_now(void);
int64_t cli_monotonic(void);

varve_string cli_string(const char *text);

/* The parts of text between commas; an empty text has none. Fills at most capacity entries, which
 * point into text; returns how many there are. */
size_t cli_split(const char *text, varve_string *parts, size_t capacity);

/* What to select, from SELECTOR (NULL: everything), --start and --end. */
struct cli_selection {
    varve_selection selection;
    varve_selector *selector;
    const char *text;
};

/* Returns 0, or the exit code after a message; then nothing is to be destroyed. */
int cli_selection_init(struct cli_selection *selection, const struct cli_invocation *invocation,
                       const char *selector);
void cli_selection_fini(struct cli_selection *selection);

/* The number of --limit, UINT64_MAX without it. Returns 0, or the exit code after a message. */
int cli_parse_limit(const struct cli_invocation *invocation, uint64_t *limit);

/* s, ms, us, ns or rfc3339. False if text is none of them. */
bool cli_parse_precision(const char *text, varve_precision *precision);

/* none, process, periodic, commit. False if text is none of them. */
bool cli_parse_sync(const char *text, varve_sync_mode *sync);

/* A duration greater than zero. Returns 0, or the exit code after a message. */
int cli_parse_duration(const char *option, const char *text, int64_t *duration);

/* ------------------------------------------------------------------------- text for people */

/* "12.3 MiB", "1,234,567", "1.2 s", "3m20s" or "12d05h". text holds VARVE_TEXT_MAX characters. */
const char *cli_human_bytes(double bytes, char *text);
const char *cli_human_count(uint64_t count, char *text);
const char *cli_human_duration(int64_t duration, char *text);

/* "1 sample", "2 samples". */
const char *cli_plural(uint64_t count, const char *one, const char *many);

/* Characters that text takes on a terminal. */
size_t cli_display_width(const char *bytes, size_t length);

/* Characters of the terminal that standard output is. False: it is none, or its size is unknown. */
bool cli_terminal_size(size_t *columns, size_t *rows);

/* Whether colours are wanted on this file descriptor: a terminal that has them, and no NO_COLOR. */
bool cli_colours(int fd);

#endif
