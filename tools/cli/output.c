/*
 * output.c - collects the cells of a row and hands the row to its format.
 *
 *     cells of a row --> [text of the row] + offsets --> format --> standard output
 *
 * The text of a row may move while it grows, so cells keep offsets until the row is complete.
 */
#include "output.h"

#include "output_format.h"
#include "pager.h"
#include "stdout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cli_output {
    const struct cli_row_format *format;
    void *state;
    varve_precision precision;
    struct cli_row row;
    struct cli_cell cells[CLI_COLUMNS_MAX]; /* bytes is NULL for cells that stand in text */
    size_t offsets[CLI_COLUMNS_MAX];
    size_t cell_count;
    struct cli_text text;
};

enum cli_output_format cli_output_format(const struct cli_invocation *invocation,
                                         enum cli_option_id option)
{
    static const char *const names[] = {"table", "csv", "json", "jsonl", "prom", "influx"};
    const char *text = cli_value(invocation, option);
    for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0)
            return (enum cli_output_format)i;
    }
    return isatty(STDOUT_FILENO) ? CLI_OUTPUT_TABLE : CLI_OUTPUT_CSV;
}

varve_precision cli_output_precision(const struct cli_invocation *invocation)
{
    varve_precision precision = VARVE_PRECISION_DEFAULT;
    const char *text = cli_value(invocation, CLI_OPTION_TIME_FORMAT);
    if (text)
        cli_parse_precision(text, &precision);
    return precision;
}

static const struct cli_row_format *row_format(enum cli_output_format format)
{
    switch (format) {
    case CLI_OUTPUT_CSV:
        return &cli_format_csv;
    case CLI_OUTPUT_JSON:
        return &cli_format_json;
    case CLI_OUTPUT_JSONL:
        return &cli_format_jsonl;
    case CLI_OUTPUT_TABLE:
    case CLI_OUTPUT_PROM:
    case CLI_OUTPUT_INFLUX:
        break;
    }
    return &cli_format_table;
}

struct cli_output *cli_output_create(enum cli_output_format format, varve_precision precision,
                                     const char *const *columns, size_t column_count)
{
    struct cli_output *output = cli_allocate(sizeof *output);
    output->format = row_format(format);
    output->precision = precision;
    output->row.columns = columns;
    output->row.column_count = column_count;
    output->state = output->format->create(columns, column_count);
    /* After create, which looks at the terminal that the pager then hides. */
    if (format == CLI_OUTPUT_TABLE)
        cli_pager_begin();
    output->format->begin(output->state, &output->row);
    return output;
}

static void add_cell(struct cli_output *output, const char *bytes, size_t length,
                     enum cli_cell_kind kind)
{
    output->offsets[output->cell_count] = output->text.length;
    output->cells[output->cell_count++] = (struct cli_cell){NULL, length, kind};
    cli_text_append(&output->text, bytes, length);
}

void cli_output_text(struct cli_output *output, const char *bytes, size_t length)
{
    add_cell(output, bytes, length, CLI_CELL_TEXT);
}

void cli_output_series(struct cli_output *output, const char *bytes, size_t length)
{
    output->cells[output->cell_count++] = (struct cli_cell){bytes, length, CLI_CELL_SERIES};
}

void cli_output_value(struct cli_output *output, double value)
{
    char text[VARVE_TEXT_MAX];
    size_t length = varve_value_format(value, text);
    add_cell(output, text, length, isfinite(value) ? CLI_CELL_NUMBER : CLI_CELL_WORD);
}

void cli_output_count(struct cli_output *output, uint64_t count)
{
    char text[VARVE_TEXT_MAX];
    int length = snprintf(text, sizeof text, "%" PRIu64, count);
    add_cell(output, text, (size_t)length, CLI_CELL_NUMBER);
}

void cli_output_time(struct cli_output *output, int64_t time)
{
    char text[VARVE_TEXT_MAX];
    size_t length = varve_time_format(time, output->precision, text);
    add_cell(output, text, length,
             output->precision == VARVE_PRECISION_DEFAULT ? CLI_CELL_TIME : CLI_CELL_NUMBER);
}

bool cli_output_row_end(struct cli_output *output)
{
    for (size_t i = 0; i < output->cell_count; i++) {
        if (!output->cells[i].bytes)
            output->cells[i].bytes = output->text.bytes + output->offsets[i];
    }
    output->row.cells = output->cells;
    output->format->row(output->state, &output->row);
    output->row.number++;
    output->cell_count = 0;
    output->text.length = 0;
    return !cli_stdout_failed() && !cli_interrupted();
}

uint64_t cli_output_close(struct cli_output *output)
{
    uint64_t rows = output->row.number;
    output->row.cells = NULL;
    output->format->end(output->state, &output->row);
    free(output->state);
    free(output->text.bytes);
    free(output);
    return rows;
}
