/*
 * output_lines.h - aggregated rows and newest samples as lines that varve can import: prom, jsonl,
 * influx.
 *
 * The result of avg over cpu_usage is a sample of cpu_usage_avg; a group without metric name gives
 * a sample of avg. (Influx lines say the same with a field named after the function.)
 */
#ifndef VARVE_TOOLS_OUTPUT_LINES_H
#define VARVE_TOOLS_OUTPUT_LINES_H

#include "output.h"

/* Whether the format is one of lines and not of rows. */
bool cli_is_lines(enum cli_output_format format);

/**
 * cli_lines_write() - one row.
 *
 * @functions  their names, value_count of them; NULL: a plain sample, value_count is 1.
 * Returns 0; an exit code after a message where the format cannot say it.
 */
int cli_lines_write(enum cli_output_format format, const varve_label *labels, size_t label_count,
                    const char *const *functions, const double *values, size_t value_count,
                    int64_t time);

#endif
