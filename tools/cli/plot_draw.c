/*
 * plot_draw.c - draws the bins of a plot with braille dots.
 *
 *         12.5 ┤       ⣀⡠⠤⠒⠉       One character has two columns of four dots; dot (x, y) of the
 *              │   ⢀⠔⠊⠁            canvas is in character (x / 2, y / 4). A character has the
 *            0 ┤⠤⠒⠁                colour of the line that was drawn through it last.
 *              └──────────────
 *               10:00    11:00
 */
#include "plot_internal.h"
#include "stdout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABEL_WIDTH 12 /* of values, left of the axis */
#define COLUMNS_MAX 400
#define ROWS_MAX 60

struct canvas {
    int columns; /* characters */
    int rows;
    unsigned char *dots;  /* rows * columns bits of braille */
    unsigned char *owner; /* line that was drawn last, + 1 */
    int64_t time_min;
    int64_t time_max;
    double value_min;
    double value_max;
    bool colours;
};

static int clamp(int value, int least, int greatest)
{
    return value < least ? least : value > greatest ? greatest : value;
}

static void choose_size(struct canvas *canvas)
{
    size_t columns = 80, rows = 24;
    cli_terminal_size(&columns, &rows);
    canvas->columns = clamp((int)columns - LABEL_WIDTH - 4, 24, COLUMNS_MAX);
    canvas->rows = clamp((int)rows / 2 + 4, 8, ROWS_MAX);
}

static void find_ranges(struct canvas *canvas, const struct cli_plot *plot)
{
    canvas->time_min = INT64_MAX;
    canvas->time_max = INT64_MIN;
    canvas->value_min = INFINITY;
    canvas->value_max = -INFINITY;
    for (size_t i = 0; i < CLI_PLOT_SERIES_MAX; i++) {
        const struct cli_plot_line *line = &plot->lines[i];
        for (size_t k = 0; k < line->bin_count; k++) {
            const struct cli_plot_bin *bin = &line->bins[k];
            canvas->time_min = bin->time < canvas->time_min ? bin->time : canvas->time_min;
            canvas->time_max = bin->time > canvas->time_max ? bin->time : canvas->time_max;
            canvas->value_min = fmin(canvas->value_min, bin->least);
            canvas->value_max = fmax(canvas->value_max, bin->greatest);
        }
    }
    /* A line without height is drawn in the middle. */
    if (canvas->value_min == canvas->value_max) {
        double margin = canvas->value_min != 0 ? fabs(canvas->value_min) / 2 : 1;
        canvas->value_min -= margin;
        canvas->value_max += margin;
    }
}

static int x_of(const struct canvas *canvas, int64_t time)
{
    double range = (double)canvas->time_max - (double)canvas->time_min;
    double share = range > 0 ? ((double)time - (double)canvas->time_min) / range : 0;
    return (int)lround(share * (canvas->columns * 2 - 1));
}

static int y_of(const struct canvas *canvas, double value)
{
    /* Halves, so that the range of a double fits into a double. */
    double range = canvas->value_max / 2 - canvas->value_min / 2;
    double share = (value / 2 - canvas->value_min / 2) / range;
    return (int)lround((1 - share) * (canvas->rows * 4 - 1));
}

static void set_dot(struct canvas *canvas, int x, int y, size_t line)
{
    static const unsigned char bits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int cell = y / 4 * canvas->columns + x / 2;
    canvas->dots[cell] |= bits[y % 4][x % 2];
    canvas->owner[cell] = (unsigned char)(line + 1);
}

/* A straight line, by the longer of its two sides. */
static void draw_line(struct canvas *canvas, int x0, int y0, int x1, int y1, size_t line)
{
    int width = abs(x1 - x0), height = abs(y1 - y0);
    int steps = width > height ? width : height;
    for (int i = 0; i <= steps; i++) {
        double share = steps > 0 ? (double)i / steps : 0;
        set_dot(canvas, x0 + (int)lround(share * (x1 - x0)), y0 + (int)lround(share * (y1 - y0)),
                line);
    }
}

static void draw_series(struct canvas *canvas, const struct cli_plot_line *series, size_t line)
{
    for (size_t i = 0; i < series->bin_count; i++) {
        const struct cli_plot_bin *bin = &series->bins[i];
        int x = x_of(canvas, bin->time);
        if (i > 0) {
            const struct cli_plot_bin *before = &series->bins[i - 1];
            draw_line(canvas, x_of(canvas, before->time), y_of(canvas, before->last), x,
                      y_of(canvas, bin->first), line);
        }
        draw_line(canvas, x, y_of(canvas, bin->least), x, y_of(canvas, bin->greatest), line);
    }
}

static void begin_colour(const struct canvas *canvas, size_t line)
{
    static const int codes[CLI_PLOT_SERIES_MAX] = {36, 33, 35, 32, 31, 34, 96, 93};
    if (canvas->colours)
        cli_stdout_print("\033[%dm", codes[line]);
}

static void end_colour(const struct canvas *canvas)
{
    if (canvas->colours)
        cli_stdout_print("\033[0m");
}

static void print_row(const struct canvas *canvas, int row)
{
    size_t present = 0;
    for (int column = 0; column < canvas->columns; column++) {
        int cell = row * canvas->columns + column;
        size_t owner = canvas->owner[cell];
        if (owner != present && present > 0)
            end_colour(canvas);
        if (owner != present && owner > 0)
            begin_colour(canvas, owner - 1);
        present = owner;
        unsigned char dots = canvas->dots[cell];
        if (dots)
            cli_stdout_write(
                (char[]){(char)0xe2, (char)(0xa0 | dots >> 6), (char)(0x80 | (dots & 0x3f))}, 3);
        else
            cli_stdout_write(" ", 1);
    }
    if (present > 0)
        end_colour(canvas);
    cli_stdout_write("\n", 1);
}

/* A value beside every fourth row, and beside the last. */
static void print_rows(const struct canvas *canvas)
{
    for (int row = 0; row < canvas->rows; row++) {
        bool last = row == canvas->rows - 1;
        if (last || (row % 4 == 0 && canvas->rows - row > 2)) {
            double share = (double)row / (canvas->rows - 1);
            double value = canvas->value_max * (1 - share) + canvas->value_min * share;
            /* What is nothing but the rounding of a zero is a zero. */
            if (fabs(value) < (canvas->value_max - canvas->value_min) * 1e-12)
                value = 0;
            cli_stdout_print("%*.6g ┤", LABEL_WIDTH, value);
        } else {
            cli_stdout_print("%*s │", LABEL_WIDTH, "");
        }
        print_row(canvas, row);
    }
}

/* Whole seconds, where the range is longer than a minute. */
static size_t format_time(const struct canvas *canvas, int64_t time, char *text)
{
    int64_t second = INT64_C(1000000000);
    if ((double)canvas->time_max - (double)canvas->time_min > 60e9)
        time -= ((time % second) + second) % second;
    return varve_time_format(time, VARVE_PRECISION_DEFAULT, text);
}

static void print_times(const struct canvas *canvas)
{
    char begin[VARVE_TEXT_MAX], end[VARVE_TEXT_MAX];
    int begin_length = (int)format_time(canvas, canvas->time_min, begin);
    int end_length = (int)format_time(canvas, canvas->time_max, end);
    int gap = canvas->columns - begin_length - end_length;
    cli_stdout_print("%*s └", LABEL_WIDTH, "");
    for (int i = 0; i < canvas->columns; i++)
        cli_stdout_print("─");
    cli_stdout_print("\n%*s%.*s%*s%.*s\n", LABEL_WIDTH + 2, "", begin_length, begin,
                     gap > 1 ? gap : 1, "", end_length, end);
}

static void print_legend(const struct canvas *canvas, const struct cli_plot *plot)
{
    for (size_t i = 0; i < CLI_PLOT_SERIES_MAX && i < plot->series_count; i++) {
        const struct cli_plot_line *line = &plot->lines[i];
        cli_stdout_print("%*s", LABEL_WIDTH + 2, "");
        begin_colour(canvas, i);
        cli_stdout_print("━━");
        end_colour(canvas);
        cli_stdout_print(" ");
        cli_stdout_write(line->name.bytes, line->name.length);
        cli_stdout_write("\n", 1);
    }
}

void cli_plot_draw(const struct cli_plot *plot)
{
    struct canvas canvas = {.colours = cli_colours(STDOUT_FILENO)};
    choose_size(&canvas);
    find_ranges(&canvas, plot);
    canvas.dots = cli_allocate((size_t)(canvas.rows * canvas.columns));
    canvas.owner = cli_allocate((size_t)(canvas.rows * canvas.columns));
    for (size_t i = 0; i < CLI_PLOT_SERIES_MAX; i++)
        draw_series(&canvas, &plot->lines[i], i);
    print_rows(&canvas);
    print_times(&canvas);
    print_legend(&canvas, plot);
    free(canvas.dots);
    free(canvas.owner);
}
