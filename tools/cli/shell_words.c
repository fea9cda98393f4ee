/*
 * shell_words.c - the words of a line of the shell.
 */
#include "shell.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The character behind the word that begins at from. */
static char *word_end(char *from)
{
    int depth = 0;
    bool quoted = false;
    char *at = from;
    for (; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && *at == '{')
            depth++;
        else if (!quoted && *at == '}')
            depth--;
        else if (!quoted && depth <= 0 && is_blank(*at))
            break;
    }
    return at;
}

size_t cli_shell_split(char *line, char **words)
{
    size_t count = 0;
    while (count <= CLI_SHELL_WORDS_MAX) {
        while (is_blank(*line))
            line++;
        if (!*line)
            return count;
        char *close = *line == '\'' ? strchr(line + 1, '\'') : NULL;
        char *word = close ? line + 1 : line;
        char *end = close ? close : word_end(line);
        if (count < CLI_SHELL_WORDS_MAX)
            words[count] = word;
        count++;
        line = *end ? end + 1 : end;
        *end = '\0';
    }
    return count;
}
