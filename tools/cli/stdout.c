/*
 * stdout.c - buffered standard output of the command.
 *
 *     write/print --> [buffer of 64 KiB] --write(2)--> descriptor 1
 *
 * S1  A failed write is never tried again: failed_errno stays, and all that follows is discarded.
 * S2  A reader that closes the pipe early is not an error to talk about.
 */
#include "stdout.h"

#include "cli.h"
#include "pager.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    char bytes[1u << 16];
    size_t length;
    int failed_errno;
} buffer;

static void write_all(const char *bytes, size_t length)
{
    while (length > 0 && !buffer.failed_errno) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written >= 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (errno != EINTR) {
            buffer.failed_errno = errno;
        }
    }
}

void cli_stdout_flush(void)
{
    write_all(buffer.bytes, buffer.length);
    buffer.length = 0;
}

void cli_stdout_write(const char *bytes, size_t length)
{
    if (length > sizeof buffer.bytes - buffer.length)
        cli_stdout_flush();
    if (length >= sizeof buffer.bytes) {
        write_all(bytes, length);
        return;
    }
    if (length > 0)
        memcpy(buffer.bytes + buffer.length, bytes, length);
    buffer.length += length;
}

int cli_stdout_print(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return 0;
    if ((size_t)length >= sizeof line)
        length = (int)sizeof line - 1;
    cli_stdout_write(line, (size_t)length);
    return length;
}

bool cli_stdout_failed(void)
{
    return buffer.failed_errno != 0;
}

int cli_stdout_errno(void)
{
    return buffer.failed_errno;
}

int cli_stdout_finish(int exit_code)
{
    cli_stdout_flush();
    bool paged = cli_pager_end();
    int failed = buffer.failed_errno;
    buffer.failed_errno = 0;
    if (!failed || (failed == EPIPE && paged))
        return exit_code;
    if (failed != EPIPE)
        cli_say("cannot write to standard output: %s", strerror(failed));
    if (exit_code != 0)
        return exit_code;
    return failed == EPIPE ? CLI_EXIT_PIPE : CLI_EXIT_OUTPUT;
}
