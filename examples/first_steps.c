/*
 * first_steps.c - the shortest complete program: open, append, read back, aggregate, close.
 *
 *   cc first_steps.c $(pkg-config --cflags --libs varve) -o first_steps && ./first_steps
 */
#include <inttypes.h>
#include <stdio.h>
#include <varve/varve.h>

static int fail(const varve_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return varve_status_exit_code(error->status);
}

int main(void)
{
    varve_error error;
    varve_db *db;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    if (varve_open("first.db", &options, &db, &error) != VARVE_OK) {
        return fail(&error);
    }

    /* A series is named by its labels; the handle is good until the database is closed. */
    varve_series series;
    if (varve_series_parse(db, VARVE_STRING("temperature{room=\"attic\"}"), &series, &error) !=
        VARVE_OK) {
        return fail(&error);
    }
    int64_t timestamps[3] = {1700000000000000000, 1700000060000000000, 1700000120000000000};
    double values[3] = {21.5, 21.7, 22.1};
    if (varve_append(db, series, timestamps, values, 3, NULL) != VARVE_OK) {
        return 1;
    }

    /* Every sample of every series, in runs of two columns. */
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor;
    if (varve_select(db, &everything, &cursor, &error) != VARVE_OK) {
        return fail(&error);
    }
    while (varve_cursor_next(cursor)) {
        varve_span span;
        while (varve_cursor_span(cursor, &span)) {
            for (size_t i = 0; i < span.count; i++) {
                printf("%" PRId64 " %g\n", span.timestamps[i], span.values[i]);
            }
        }
    }
    int code = varve_cursor_status(cursor, &error) == VARVE_OK ? 0 : fail(&error);
    varve_cursor_close(cursor);

    if (varve_close(db, &error) != VARVE_OK) {
        return fail(&error);
    }
    return code;
}
