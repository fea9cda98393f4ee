/*
 * output.h - rows of typed cells on standard output: as a table, csv, json or jsonl.
 *
 * A table on a terminal goes through the user's pager.
 *
 * Rows stream: at most the first thousand are held back, and only by the table, to find its widths.
 */
#ifndef VARVE_TOOLS_OUTPUT_H
#define VARVE_TOOLS_OUTPUT_H

#include "cli.h"

#define CLI_COLUMNS_MAX (VARVE_FUNCTIONS_MAX + 8u)

enum cli_output_format {
    CLI_OUTPUT_TABLE,
    CLI_OUTPUT_CSV,
    CLI_OUTPUT_JSON,
    CLI_OUTPUT_JSONL,
    CLI_OUTPUT_PROM,
    CLI_OUTPUT_INFLUX,
};

struct cli_output;

/* The format of --output (or of the given option of a verb), or what suits standard output. */
enum cli_output_format cli_output_format(const struct cli_invocation *invocation,
                                         enum cli_option_id option);

/* The unit of --time-format; VARVE_PRECISION_DEFAULT is RFC 3339. */
varve_precision cli_output_precision(const struct cli_invocation *invocation);

/* format is table, csv, json or jsonl. The column names live as long as the output. */
struct cli_output *cli_output_create(enum cli_output_format format, varve_precision precision,
                                     const char *const *columns, size_t column_count);

/* The cells of a row, from left to right, as many as there are columns. */
void cli_output_text(struct cli_output *output, const char *bytes, size_t length);
void cli_output_value(struct cli_output *output, double value);
void cli_output_count(struct cli_output *output, uint64_t count);
void cli_output_time(struct cli_output *output, int64_t time);
/* The canonical text of a series: it is not copied and must live until the next row_end. */
void cli_output_series(struct cli_output *output, const char *bytes, size_t length);

/* Ends a row. False: nobody reads any more, or the user interrupted; stop. */
bool cli_output_row_end(struct cli_output *output);

/* Ends the output, frees it, and returns the number of rows. */
uint64_t cli_output_close(struct cli_output *output);

#endif
