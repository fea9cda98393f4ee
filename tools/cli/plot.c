/*
 * plot.c - collects what a plot shows, in bins that grow wider as samples come.
 *
 * B1  Bins of a line are in order of time, and each covers [k * width, (k + 1) * width) for some k.
 * B2  When a line has all its bins, widths double until half of them are free again.
 */
#include "plot.h"

#include "plot_internal.h"
#include "stdout.h"

#include <math.h>
#include <stdlib.h>

struct cli_plot *cli_plot_create(void)
{
    return cli_allocate(sizeof(struct cli_plot));
}

void cli_plot_series(struct cli_plot *plot, const char *text, size_t length)
{
    if (plot->series_count < CLI_PLOT_SERIES_MAX) {
        struct cli_plot_line *line = &plot->lines[plot->series_count];
        cli_text_append(&line->name, text, length);
        line->bins = cli_allocate(CLI_PLOT_BINS_MAX * sizeof *line->bins);
        line->width = 1;
    }
    plot->series_count++;
}

static int64_t bin_number(int64_t time, int64_t width)
{
    return time / width - (time % width < 0);
}

/* Makes one bin of neighbours that agree after the width has doubled. */
static void merge_bins(struct cli_plot_line *line)
{
    size_t count = 0;
    line->width *= 2;
    for (size_t i = 0; i < line->bin_count; i++) {
        const struct cli_plot_bin *bin = &line->bins[i];
        struct cli_plot_bin *before = count > 0 ? &line->bins[count - 1] : NULL;
        if (before && bin_number(before->time, line->width) == bin_number(bin->time, line->width)) {
            before->last = bin->last;
            before->least = fmin(before->least, bin->least);
            before->greatest = fmax(before->greatest, bin->greatest);
        } else {
            line->bins[count++] = *bin;
        }
    }
    line->bin_count = count;
}

void cli_plot_add(struct cli_plot *plot, int64_t time, double value)
{
    if (plot->series_count > CLI_PLOT_SERIES_MAX || !isfinite(value))
        return;
    struct cli_plot_line *line = &plot->lines[plot->series_count - 1];
    struct cli_plot_bin *last = line->bin_count > 0 ? &line->bins[line->bin_count - 1] : NULL;
    if (last && bin_number(last->time, line->width) == bin_number(time, line->width)) {
        last->last = value;
        last->least = fmin(last->least, value);
        last->greatest = fmax(last->greatest, value);
        return;
    }
    while (line->bin_count == CLI_PLOT_BINS_MAX) {
        do
            merge_bins(line);
        while (line->bin_count > CLI_PLOT_BINS_MAX / 2);
    }
    line->bins[line->bin_count++] = (struct cli_plot_bin){time, value, value, value, value};
}

void cli_plot_close(struct cli_plot *plot)
{
    size_t bins = 0;
    for (size_t i = 0; i < CLI_PLOT_SERIES_MAX; i++)
        bins += plot->lines[i].bin_count;
    if (bins > 0)
        cli_plot_draw(plot);
    if (plot->series_count > CLI_PLOT_SERIES_MAX)
        cli_say("the plot shows %u of %llu series; --by pools them", CLI_PLOT_SERIES_MAX,
                (unsigned long long)plot->series_count);
    for (size_t i = 0; i < CLI_PLOT_SERIES_MAX; i++) {
        free(plot->lines[i].name.bytes);
        free(plot->lines[i].bins);
    }
    free(plot);
}
