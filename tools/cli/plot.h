/*
 * plot.h - samples of a few series as a line plot in the terminal.
 *
 * Memory is bounded: each series is kept as at most a few thousand bins of first, last, least and
 * greatest value, which is more than a terminal can show.
 */
#ifndef VARVE_TOOLS_PLOT_H
#define VARVE_TOOLS_PLOT_H

#include "cli.h"

/* Series that are drawn; more are counted and left out. */
#define CLI_PLOT_SERIES_MAX 8u

struct cli_plot;

struct cli_plot *cli_plot_create(void);

/* The samples that follow are of this series. */
void cli_plot_series(struct cli_plot *plot, const char *text, size_t length);

/* Adds a sample; times increase within a series. NaN and Inf are gaps. */
void cli_plot_add(struct cli_plot *plot, int64_t time, double value);

/* Draws on standard output, as large as the terminal allows, and frees. */
void cli_plot_close(struct cli_plot *plot);

#endif
