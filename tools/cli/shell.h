/*
 * shell.h - the parts of `varve shell`: words of a line, reading lines, completion.
 */
#ifndef VARVE_TOOLS_SHELL_H
#define VARVE_TOOLS_SHELL_H

#include <stdbool.h>
#include <stddef.h>

/* Words of a line at most. */
#define CLI_SHELL_WORDS_MAX 64u

/**
 * cli_shell_split() - cut line into words, in place.
 *
 * Words are separated by blanks outside of braces and quotes, so that a selector is one word as it
 * stands: cpu_usage{host="a b", mode="user"}. Single quotes around a word are taken off.
 * Returns the number of words; CLI_SHELL_WORDS_MAX + 1 if there are more.
 */
size_t cli_shell_split(char *line, char **words);

/* What a shell needs to complete words of its line. */
void cli_shell_edit_begin(const char *path);

/* The next line without its end, to be freed; NULL at the end. *cancelled: Ctrl-C, ask again. */
char *cli_shell_read_line(const char *prompt, bool *cancelled);

void cli_shell_edit_end(void);

#endif
