/*
 * output_format.h - what output.c and the formats share.
 */
#ifndef VARVE_TOOLS_OUTPUT_FORMAT_H
#define VARVE_TOOLS_OUTPUT_FORMAT_H

#include "output.h"

enum cli_cell_kind {
    CLI_CELL_TEXT,
    CLI_CELL_NUMBER, /* finite: bare in JSON, to the right in tables */
    CLI_CELL_WORD,   /* NaN, +Inf: a number that JSON needs as a string */
    CLI_CELL_TIME,   /* RFC 3339 */
    CLI_CELL_SERIES, /* canonical text */
};

struct cli_cell {
    const char *bytes;
    size_t length;
    enum cli_cell_kind kind;
};

struct cli_row {
    const char *const *columns;
    size_t column_count;
    const struct cli_cell *cells; /* one per column; NULL in begin and end */
    uint64_t number;              /* rows before this one; in end: all */
};

/* One format. state is what create gave. */
struct cli_row_format {
    void *(*create)(const char *const *columns, size_t column_count);
    void (*begin)(void *state, const struct cli_row *row);
    void (*row)(void *state, const struct cli_row *row);
    void (*end)(void *state, const struct cli_row *row);
};

extern const struct cli_row_format cli_format_table;
extern const struct cli_row_format cli_format_csv;
extern const struct cli_row_format cli_format_json;
extern const struct cli_row_format cli_format_jsonl;

/* "text" with JSON's escapes, to standard output. */
void cli_json_string(const char *bytes, size_t length);

#endif
