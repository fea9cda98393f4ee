/*
 * query_aggregate.c - a selector, a range, functions by step and by label.
 *
 *   ./query_aggregate batch.db 'load{host=~"host-[0-4]"}'      (batch_import makes batch.db)
 */
#include <stdio.h>
#include <string.h>
#include <varve/varve.h>

static int fail(const varve_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return varve_status_exit_code(error->status);
}

static void print_row(const varve_row *row)
{
    char series[256], time[VARVE_TEXT_MAX];
    size_t length = varve_series_format(row->labels, row->label_count, series, sizeof series);
    varve_time_format(row->time, VARVE_PRECISION_DEFAULT, time);
    printf("%.*s %s", (int)(length < sizeof series ? length : sizeof series), series, time);
    for (size_t i = 0; i < row->value_count; i++) {
        char value[VARVE_TEXT_MAX];
        varve_value_format(row->values[i], value);
        printf(" %s", value);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    varve_error error;
    if (argc != 3) {
        fprintf(stderr, "usage: query_aggregate DB SELECTOR\n");
        return 2;
    }
    /* Readers take no lock: they work beside a process that writes. */
    varve_db *db;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_READ_ONLY;
    if (varve_open(argv[1], &options, &db, &error) != VARVE_OK) {
        return fail(&error);
    }
    varve_selector *selector;
    varve_string text = {argv[2], strlen(argv[2])};
    if (varve_selector_parse(text, &selector, &error) != VARVE_OK) {
        return fail(&error);
    }
    varve_selection selection = VARVE_SELECTION_INIT;
    selection.matchers = varve_selector_matchers(selector, &selection.matcher_count);

    /* The least, mean and greatest value of each hour, one row per hour over all hosts together. */
    const varve_function functions[] = {VARVE_FUNCTION_MIN, VARVE_FUNCTION_AVG, VARVE_FUNCTION_MAX};
    varve_aggregation aggregation = VARVE_AGGREGATION_INIT;
    aggregation.functions = functions;
    aggregation.function_count = 3;
    aggregation.step = INT64_C(3600000000000);
    aggregation.grouping = VARVE_GROUP_BY; /* by no label: one group */

    varve_rows *rows;
    if (varve_aggregate(db, &selection, &aggregation, &rows, &error) != VARVE_OK) {
        return fail(&error);
    }
    varve_row row;
    while (varve_rows_next(rows, &row)) {
        print_row(&row);
    }
    varve_status status = varve_rows_status(rows, &error);
    varve_rows_close(rows);
    varve_selector_destroy(selector);
    if (varve_close(db, NULL) != VARVE_OK || status != VARVE_OK) {
        return fail(&error);
    }
    return 0;
}
