/*
 * output_csv.c - rows as RFC 4180 csv with a header, lines ended by a line feed alone.
 */
#include "output_format.h"
#include "stdout.h"

#include <string.h>

static void write_field(const char *bytes, size_t length)
{
    bool quote = false;
    for (size_t i = 0; i < length && !quote; i++)
        quote = bytes[i] == '"' || bytes[i] == ',' || bytes[i] == '\n' || bytes[i] == '\r';
    if (!quote) {
        cli_stdout_write(bytes, length);
        return;
    }
    cli_stdout_write("\"", 1);
    for (size_t from = 0; from < length;) {
        const char *mark = memchr(bytes + from, '"', length - from);
        size_t end = mark ? (size_t)(mark - bytes) + 1 : length;
        cli_stdout_write(bytes + from, end - from);
        if (mark)
            cli_stdout_write("\"", 1);
        from = end;
    }
    cli_stdout_write("\"", 1);
}

static void *create(const char *const *columns, size_t column_count)
{
    (void)columns;
    (void)column_count;
    return NULL;
}

static void begin(void *state, const struct cli_row *row)
{
    (void)state;
    for (size_t i = 0; i < row->column_count; i++) {
        if (i > 0)
            cli_stdout_write(",", 1);
        write_field(row->columns[i], strlen(row->columns[i]));
    }
    cli_stdout_write("\n", 1);
}

static void write_row(void *state, const struct cli_row *row)
{
    (void)state;
    for (size_t i = 0; i < row->column_count; i++) {
        if (i > 0)
            cli_stdout_write(",", 1);
        write_field(row->cells[i].bytes, row->cells[i].length);
    }
    cli_stdout_write("\n", 1);
}

static void end(void *state, const struct cli_row *row)
{
    (void)state;
    (void)row;
}

const struct cli_row_format cli_format_csv = {create, begin, write_row, end};
