/*
 * common.c - messages, memory, signals and clocks of the command.
 *
 * The signal handler only sets a flag: verbs look at it between rows and batches, so that a
 * database is closed in order. A second signal ends the process at once, which the log survives.
 */
#include "cli.h"

#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught_signal;

static __attribute__((format(printf, 1, 0))) void say(const char *format, va_list arguments)
{
    char line[2048];
    int length = vsnprintf(line, sizeof line, format, arguments);
    if (length >= 0)
        fprintf(stderr, "varve: %s\n", line);
}

void cli_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

int cli_usage_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return CLI_EXIT_USAGE;
}

int cli_fail(varve_status status, const varve_error *error)
{
    if (status == VARVE_CANCELLED && cli_interrupted())
        return cli_interrupt_exit_code();
    cli_say("%s", error && error->message[0] ? error->message : varve_status_text(status));
    return varve_status_exit_code(status);
}

int cli_fail_on(varve_status status, const char *action, const char *path)
{
    cli_say("cannot %s %s: %s", action, path, varve_status_text(status));
    return varve_status_exit_code(status);
}

/* The number after the last "column " in message, 0 if there is none. */
static size_t column_in(const char *message)
{
    size_t column = 0;
    for (const char *at = message; (at = strstr(at, "column ")); at++) {
        if (isdigit((unsigned char)at[7]))
            column = strtoul(at + 7, NULL, 10);
    }
    return column;
}

int cli_fail_at(varve_status status, const varve_error *error, const char *what, const char *text)
{
    int code = cli_fail(status, error);
    size_t column = column_in(error->message);
    if (column > 0 && column <= strlen(text) + 1 && !strpbrk(text, "\n\t"))
        fprintf(stderr, "  %s\n  %*s^ here in the %s\n", text,
                (int)cli_display_width(text, column - 1), "", what);
    return code;
}

static void *present(void *memory)
{
    if (!memory) {
        cli_say("out of memory");
        _exit(varve_status_exit_code(VARVE_NO_MEMORY));
    }
    return memory;
}

void *cli_allocate(size_t bytes)
{
    return present(calloc(1, bytes > 0 ? bytes : 1));
}

void *cli_reallocate(void *memory, size_t bytes)
{
    return present(realloc(memory, bytes > 0 ? bytes : 1));
}

static void reserve(struct cli_text *text, size_t more)
{
    if (text->capacity - text->length >= more)
        return;
    text->capacity = (text->length + more) * 2;
    text->bytes = cli_reallocate(text->bytes, text->capacity);
}

void cli_text_append(struct cli_text *text, const char *bytes, size_t length)
{
    if (length == 0)
        return;
    reserve(text, length);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void cli_text_print(struct cli_text *text, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0)
        cli_text_append(text, line,
                        (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

void cli_text_series(struct cli_text *text, const varve_label *labels, size_t label_count)
{
    size_t length = varve_series_format(labels, label_count, text->bytes, text->capacity);
    if (length > text->capacity) {
        text->length = 0;
        reserve(text, length);
        length = varve_series_format(labels, label_count, text->bytes, text->capacity);
    }
    text->length = length;
}

static void on_signal(int number)
{
    if (caught_signal)
        _exit(128 + number);
    caught_signal = number;
}

void cli_catch_signals(void)
{
    /* No SA_RESTART: a read that waits for input has to return. */
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool cli_interrupted(void)
{
    return caught_signal != 0;
}

void cli_forget_interrupt(void)
{
    caught_signal = 0;
}

int cli_interrupt_exit_code(void)
{
    return 128 + caught_signal;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cli_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t cli_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

varve_string cli_string(const char *text)
{
    return (varve_string){text, strlen(text)};
}
