/*
 * plot_internal.h - the bins of a plot, between plot.c, which fills them, and plot_draw.c.
 */
#ifndef VARVE_TOOLS_PLOT_INTERNAL_H
#define VARVE_TOOLS_PLOT_INTERNAL_H

#include "plot.h"

#define CLI_PLOT_BINS_MAX 4096u

struct cli_plot_bin {
    int64_t time; /* of its first sample */
    double first;
    double last;
    double least;
    double greatest;
};

struct cli_plot_line {
    struct cli_text name;
    struct cli_plot_bin *bins;
    size_t bin_count;
    int64_t width; /* samples whose times agree in floor(time / width) share a bin */
};

struct cli_plot {
    struct cli_plot_line lines[CLI_PLOT_SERIES_MAX];
    uint64_t series_count; /* those beyond CLI_PLOT_SERIES_MAX are only counted */
};

/* Draws the plot; it has at least one bin. */
void cli_plot_draw(const struct cli_plot *plot);

#endif
