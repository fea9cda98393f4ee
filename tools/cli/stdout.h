/*
 * stdout.h - standard output of the command: buffered, with errors that stick.
 *
 * After the first failed write everything is discarded; cli_stdout_failed() tells verbs to stop.
 */
#ifndef VARVE_TOOLS_STDOUT_H
#define VARVE_TOOLS_STDOUT_H

#include <stdbool.h>
#include <stddef.h>

void cli_stdout_write(const char *bytes, size_t length);

/* Returns the number of characters printed. */
int cli_stdout_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes out what is buffered. */
void cli_stdout_flush(void);

bool cli_stdout_failed(void);

/* errno of the write that failed, or 0. */
int cli_stdout_errno(void);

/**
 * cli_stdout_finish() - flush, and say what went wrong with standard output.
 *
 * Ends the pager too; leaving it early is no failure. After this, standard output begins anew.
 *
 * Returns exit_code if all is well or exit_code is not 0; else CLI_EXIT_PIPE, without a word, when
 * the reader has gone, and CLI_EXIT_OUTPUT with a message for any other failure.
 */
int cli_stdout_finish(int exit_code);

#endif
