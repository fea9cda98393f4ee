/*
 * output_table.c - rows as an aligned table for people.
 *
 *     series                 time                       value
 *     cpu_usage{host="a"}    2026-11-21T10:00:00Z    0.984375
 *
 * Widths are those of the first rows (HELD_ROWS of them are held back); a later cell that is wider
 * pushes its row to the right. Numbers stand to the right of their column, words to the left. Where
 * rows would be wider than the terminal, a series is a line of its own above its rows:
 *
 *     time                     value
 *     cpu_usage{host="a",many="labels"}
 *       2026-11-21T10:00:00Z  0.984375
 */
#include "output_format.h"
#include "stdout.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELD_ROWS 1000u

struct held_cell {
    size_t offset;
    size_t length;
    enum cli_cell_kind kind;
};

struct table {
    size_t widths[CLI_COLUMNS_MAX];
    bool right[CLI_COLUMNS_MAX]; /* some cell of the column is a number */
    struct held_cell *held;      /* HELD_ROWS * columns; NULL once they are printed */
    size_t held_count;           /* cells */
    struct cli_text text;        /* their text */
    bool colours;
    size_t terminal_columns; /* 0: no terminal */
    bool has_series;         /* the first column names series */
    bool headings;           /* which stand in lines of their own */
    struct cli_text heading; /* the last one */
};

static bool is_number(enum cli_cell_kind kind)
{
    return kind == CLI_CELL_NUMBER || kind == CLI_CELL_WORD;
}

static void *create(const char *const *columns, size_t column_count)
{
    size_t rows;
    struct table *table = cli_allocate(sizeof *table);
    table->held = cli_allocate(HELD_ROWS * column_count * sizeof *table->held);
    /* Asked now: later a pager may stand before the terminal. */
    table->colours = cli_colours(STDOUT_FILENO);
    if (!cli_terminal_size(&table->terminal_columns, &rows))
        table->terminal_columns = 0;
    for (size_t i = 0; i < column_count; i++)
        table->widths[i] = cli_display_width(columns[i], strlen(columns[i]));
    return table;
}

static void begin(void *state, const struct cli_row *row)
{
    (void)state;
    (void)row;
}

static void pad(size_t count)
{
    static const char spaces[] = "                                ";
    for (; count > 0; count -= count < 32 ? count : 32)
        cli_stdout_write(spaces, count < 32 ? count : 32);
}

/* Control characters would break the table, or worse, the terminal. */
static void print_text(const char *bytes, size_t length)
{
    size_t from = 0;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f)
            continue;
        cli_stdout_write(bytes + from, i - from);
        cli_stdout_write("?", 1);
        from = i + 1;
    }
    cli_stdout_write(bytes + from, length - from);
}

static void print_cell(const struct table *table, size_t column, size_t column_count,
                       const char *bytes, size_t length, bool right)
{
    size_t width = cli_display_width(bytes, length);
    size_t space = width < table->widths[column] ? table->widths[column] - width : 0;
    if (column > 0)
        pad(2);
    if (right)
        pad(space);
    print_text(bytes, length);
    if (!right && column + 1 < column_count)
        pad(space);
}

static void print_bold(const struct table *table, bool begins)
{
    if (table->colours)
        cli_stdout_print("%s", begins ? "\033[1m" : "\033[0m");
}

static void print_header(const struct table *table, const struct cli_row *row)
{
    print_bold(table, true);
    for (size_t i = table->headings ? 1 : 0; i < row->column_count; i++)
        print_cell(table, i, row->column_count, row->columns[i], strlen(row->columns[i]),
                   table->right[i]);
    print_bold(table, false);
    cli_stdout_write("\n", 1);
}

/* The series as a line of its own, if it is not that of the row before. */
static void print_heading(struct table *table, const struct cli_cell *cell)
{
    struct cli_text *heading = &table->heading;
    if (heading->length == cell->length && memcmp(heading->bytes, cell->bytes, cell->length) == 0)
        return;
    heading->length = 0;
    cli_text_append(heading, cell->bytes, cell->length);
    print_bold(table, true);
    print_text(cell->bytes, cell->length);
    print_bold(table, false);
    cli_stdout_write("\n", 1);
}

static void print_cells(struct table *table, const struct cli_cell *cells, size_t column_count)
{
    if (table->headings)
        print_heading(table, &cells[0]);
    for (size_t i = table->headings ? 1 : 0; i < column_count; i++)
        print_cell(table, i, column_count, cells[i].bytes, cells[i].length, table->right[i]);
    cli_stdout_write("\n", 1);
}

/* Whether rows are wider than the terminal because of the names of their series. */
static bool wants_headings(const struct table *table, size_t column_count)
{
    size_t width = 0;
    for (size_t i = 0; i < column_count; i++)
        width += table->widths[i] + (i > 0 ? 2 : 0);
    return table->has_series && table->terminal_columns > 0 && width > table->terminal_columns;
}

static void print_held(struct table *table, const struct cli_row *row)
{
    struct cli_cell cells[CLI_COLUMNS_MAX];
    table->headings = wants_headings(table, row->column_count);
    print_header(table, row);
    for (size_t i = 0; i < table->held_count; i++) {
        const struct held_cell *cell = &table->held[i];
        size_t column = i % row->column_count;
        cells[column] =
            (struct cli_cell){table->text.bytes + cell->offset, cell->length, cell->kind};
        if (column + 1 == row->column_count)
            print_cells(table, cells, row->column_count);
    }
    free(table->held);
    table->held = NULL;
}

static void hold(struct table *table, const struct cli_row *row)
{
    table->has_series = row->cells[0].kind == CLI_CELL_SERIES;
    for (size_t i = 0; i < row->column_count; i++) {
        const struct cli_cell *cell = &row->cells[i];
        size_t width = cli_display_width(cell->bytes, cell->length);
        if (width > table->widths[i])
            table->widths[i] = width;
        if (is_number(cell->kind))
            table->right[i] = true;
        table->held[table->held_count++] =
            (struct held_cell){table->text.length, cell->length, cell->kind};
        cli_text_append(&table->text, cell->bytes, cell->length);
    }
    if (table->held_count == HELD_ROWS * row->column_count)
        print_held(table, row);
}

static void write_row(void *state, const struct cli_row *row)
{
    struct table *table = state;
    if (table->held)
        hold(table, row);
    else
        print_cells(table, row->cells, row->column_count);
}

static void end(void *state, const struct cli_row *row)
{
    struct table *table = state;
    if (table->held)
        print_held(table, row);
    free(table->text.bytes);
    free(table->heading.bytes);
}

const struct cli_row_format cli_format_table = {create, begin, write_row, end};
