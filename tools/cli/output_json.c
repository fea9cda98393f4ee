/*
 * output_json.c - rows as objects keyed like the csv columns: one array (json) or one a line
 * (jsonl).
 */
#include "output_format.h"
#include "stdout.h"

#include <string.h>

void cli_json_string(const char *bytes, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    cli_stdout_write("\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        char escape[7] = {'\\', (char)c, 0};
        const char *at = strchr("\nn\tt\rr", c);
        if (c < 0x20 && c != 0 && at)
            escape[1] = at[1];
        else if (c < 0x20)
            memcpy(escape, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], 0}, 7);
        cli_stdout_write(bytes + from, i - from);
        cli_stdout_write(escape, strlen(escape));
        from = i + 1;
    }
    cli_stdout_write(bytes + from, length - from);
    cli_stdout_write("\"", 1);
}

static void write_object(const struct cli_row *row)
{
    cli_stdout_write("{", 1);
    for (size_t i = 0; i < row->column_count; i++) {
        const struct cli_cell *cell = &row->cells[i];
        if (i > 0)
            cli_stdout_write(",", 1);
        cli_json_string(row->columns[i], strlen(row->columns[i]));
        cli_stdout_write(":", 1);
        if (cell->kind == CLI_CELL_NUMBER)
            cli_stdout_write(cell->bytes, cell->length);
        else
            cli_json_string(cell->bytes, cell->length);
    }
    cli_stdout_write("}", 1);
}

static void *create(const char *const *columns, size_t column_count)
{
    (void)columns;
    (void)column_count;
    return NULL;
}

static void begin_array(void *state, const struct cli_row *row)
{
    (void)state;
    (void)row;
    cli_stdout_write("[", 1);
}

static void write_element(void *state, const struct cli_row *row)
{
    (void)state;
    cli_stdout_print("%s\n", row->number > 0 ? "," : "");
    write_object(row);
}

static void end_array(void *state, const struct cli_row *row)
{
    (void)state;
    cli_stdout_print("%s]\n", row->number > 0 ? "\n" : "");
}

static void write_line(void *state, const struct cli_row *row)
{
    (void)state;
    write_object(row);
    cli_stdout_write("\n", 1);
}

static void nothing(void *state, const struct cli_row *row)
{
    (void)state;
    (void)row;
}

const struct cli_row_format cli_format_json = {create, begin_array, write_element, end_array};
const struct cli_row_format cli_format_jsonl = {create, nothing, write_line, nothing};
