/*
 * sparkline.c - averages by sixteenths of the time range, drawn as blocks of eight heights.
 *
 * Rows of the aggregation come by series, then by time; one row is read ahead, which belongs to the
 * series that comes next.
 */
#include "sparkline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cli_sparklines {
    varve_rows *rows;
    varve_row row; /* read ahead */
    bool has_row;
    int64_t first; /* bucket of the first cell */
    int64_t step;
    struct cli_text wanted; /* canonical text of the series that is asked for */
    struct cli_text present;
};

static int64_t floor_divide(int64_t dividend, int64_t divisor)
{
    return dividend / divisor - (dividend % divisor < 0);
}

struct cli_sparklines *cli_sparklines_create(varve_db *db, const varve_selection *selection)
{
    static const varve_function functions[] = {VARVE_FUNCTION_AVG};
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    uint64_t range = (uint64_t)statistics.time_max - (uint64_t)statistics.time_min;
    if (statistics.samples == 0 || range > INT64_MAX / 2)
        return NULL;
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = functions;
    aggregation.function_count = 1;
    /* One cell less than there are: buckets are aligned to the epoch, not to the range. */
    aggregation.step = (int64_t)range / (CLI_SPARKLINE_CELLS - 1) + 1;
    varve_rows *rows = NULL;
    if (varve_aggregate(db, selection, &aggregation, &rows, NULL) != VARVE_OK)
        return NULL;
    struct cli_sparklines *sparklines = cli_allocate(sizeof *sparklines);
    sparklines->rows = rows;
    sparklines->step = aggregation.step;
    sparklines->first = floor_divide(statistics.time_min, aggregation.step);
    sparklines->has_row = varve_rows_next(rows, &sparklines->row);
    return sparklines;
}

void cli_sparklines_destroy(struct cli_sparklines *sparklines)
{
    if (!sparklines)
        return;
    varve_rows_close(sparklines->rows);
    free(sparklines->wanted.bytes);
    free(sparklines->present.bytes);
    free(sparklines);
}

static size_t draw(const double *averages, char *text)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double least = INFINITY, greatest = -INFINITY;
    for (size_t i = 0; i < CLI_SPARKLINE_CELLS; i++) {
        if (isfinite(averages[i])) {
            least = fmin(least, averages[i]);
            greatest = fmax(greatest, averages[i]);
        }
    }
    size_t length = 0;
    for (size_t i = 0; i < CLI_SPARKLINE_CELLS; i++) {
        const char *cell = " ";
        if (isfinite(averages[i])) {
            double share = greatest > least ? (averages[i] - least) / (greatest - least) : 0.4;
            cell = blocks[(size_t)(share * 7 + 0.5) & 7];
        }
        memcpy(text + length, cell, strlen(cell));
        length += strlen(cell);
    }
    return length;
}

static bool row_is_wanted(struct cli_sparklines *sparklines)
{
    cli_text_series(&sparklines->present, sparklines->row.labels, sparklines->row.label_count);
    return sparklines->present.length == sparklines->wanted.length &&
           memcmp(sparklines->present.bytes, sparklines->wanted.bytes, sparklines->wanted.length) ==
               0;
}

size_t cli_sparkline_next(struct cli_sparklines *sparklines, const varve_label *labels,
                          size_t label_count, char *text)
{
    double averages[CLI_SPARKLINE_CELLS];
    for (size_t i = 0; i < CLI_SPARKLINE_CELLS; i++)
        averages[i] = NAN;
    cli_text_series(&sparklines->wanted, labels, label_count);
    while (sparklines->has_row && row_is_wanted(sparklines)) {
        int64_t cell = floor_divide(sparklines->row.time, sparklines->step) - sparklines->first;
        if (cell >= 0 && cell < CLI_SPARKLINE_CELLS)
            averages[cell] = sparklines->row.values[0];
        sparklines->has_row = varve_rows_next(sparklines->rows, &sparklines->row);
    }
    return draw(averages, text);
}
