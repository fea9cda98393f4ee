/*
 * samples.h - the samples of a selection on standard output, for `query` and `export`.
 */
#ifndef VARVE_TOOLS_SAMPLES_H
#define VARVE_TOOLS_SAMPLES_H

#include "cli.h"
#include "output.h"

/* Writes at most limit samples in any format. Returns 0, or the exit code after a message. */
int cli_samples_write(varve_db *db, const struct cli_selection *selection,
                      enum cli_output_format format, varve_precision precision, uint64_t limit);

/* As cli_samples_write() for csv, jsonl, prom and influx, which the library writes itself. */
int cli_samples_export(varve_db *db, const struct cli_selection *selection,
                       const varve_export_options *options);

#endif
