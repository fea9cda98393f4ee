/*
 * import_excerpt.c - finds a bad line in its file again.
 *
 * Nothing is kept of what goes through the import, so that good input pays nothing for this. The
 * file is read a second time, up to the first bad lines and not beyond SEARCHED_BYTES_MAX. What is
 * no regular file cannot be read twice, and gets no excerpt.
 */
#include "import_excerpt.h"

#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEARCHED_BYTES_MAX (64u << 20)
#define LINE_BYTES_MAX (1u << 20) /* longer ones are bad at their first byte */
#define SHOWN_BYTES 90u
#define SHOWN_BEFORE 60u /* bytes left of the column in a long line */

static bool open_file(struct cli_excerpt *excerpt, const char *path)
{
    struct stat status;
    if (!excerpt->file && stat(path, &status) == 0 && S_ISREG(status.st_mode))
        excerpt->file = fopen(path, "re");
    return excerpt->file != NULL;
}

/* Reads a line and keeps its first bytes, which may be all; false at the end of the file and where
 * it is too far to go on. */
static bool read_line(struct cli_excerpt *excerpt, char *text, size_t *length)
{
    int c = EOF;
    *length = 0;
    while (excerpt->bytes < SEARCHED_BYTES_MAX && (c = getc_unlocked(excerpt->file)) != EOF) {
        excerpt->bytes++;
        if (c == '\n')
            break;
        if (*length < LINE_BYTES_MAX)
            text[(*length)++] = (char)c;
    }
    excerpt->line++;
    return c != EOF || *length > 0;
}

/* Reads on until that line; NULL if it is too far. */
static char *find_line(struct cli_excerpt *excerpt, uint64_t line, size_t *length)
{
    char *text = cli_allocate(LINE_BYTES_MAX);
    while (read_line(excerpt, text, length)) {
        if (excerpt->line == line)
            return text;
    }
    free(text);
    return NULL;
}

static void show(const char *text, size_t length, size_t column)
{
    size_t from = column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 0;
    char shown[SHOWN_BYTES + 1];
    size_t count = 0;
    /* A window does not begin inside a character. */
    while (from < length && ((unsigned char)text[from] & 0xc0) == 0x80)
        from++;
    while (count < SHOWN_BYTES && from + count < length) {
        unsigned char c = (unsigned char)text[from + count];
        shown[count++] = c == '\t' || c == '\r' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    while (count > 0 && count == SHOWN_BYTES && ((unsigned char)shown[count - 1] & 0x80))
        count--;
    size_t before = column - 1 > from ? column - 1 - from : 0;
    fprintf(stderr, "  %.*s\n", (int)count, shown);
    if (before <= count)
        fprintf(stderr, "  %*s^\n", (int)cli_display_width(shown, before), "");
}

void cli_excerpt_show(struct cli_excerpt *excerpt, const char *path, const char *message)
{
    uint64_t line;
    size_t column, name_length = strlen(path), length = 0;
    if (strncmp(message, path, name_length) != 0 ||
        sscanf(message + name_length, ":%" SCNu64 ":%zu:", &line, &column) != 2 || column == 0)
        return;
    if (line <= excerpt->line || !open_file(excerpt, path))
        return;
    char *text = find_line(excerpt, line, &length);
    size_t mark = line == 1 && length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (text)
        show(text + mark, length - mark, column);
    free(text);
}

void cli_excerpt_fini(struct cli_excerpt *excerpt)
{
    if (excerpt->file)
        fclose(excerpt->file);
    *excerpt = (struct cli_excerpt){0};
}
