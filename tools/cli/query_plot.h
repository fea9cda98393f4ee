/*
 * query_plot.h - what `query --plot` draws.
 */
#ifndef VARVE_TOOLS_QUERY_PLOT_H
#define VARVE_TOOLS_QUERY_PLOT_H

#include "cli.h"

/* Draws the selected samples. Returns 0, or the exit code after a message. */
int cli_plot_samples(varve_db *db, const struct cli_selection *selection);

/* Draws the first function of each row. */
void cli_plot_rows(varve_rows *rows);

#endif
