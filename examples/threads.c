/*
 * threads.c - several threads write, one reads beside them; nobody needs a lock of their own.
 *
 *   cc threads.c $(pkg-config --cflags --libs varve) -pthread -o threads && ./threads
 */
#include <pthread.h>
#include <stdio.h>
#include <varve/varve.h>

enum { WRITERS = 4, SAMPLES = 20000 };

static varve_db *db; /* one handle for all threads */

static void *write_samples(void *argument)
{
    char text[64];
    varve_series series;
    int length = snprintf(text, sizeof text, "ticks{writer=\"%d\"}", *(int *)argument);
    if (varve_series_parse(db, (varve_string){text, (size_t)length}, &series, NULL) != VARVE_OK) {
        return "cannot make a series";
    }
    for (int i = 0; i < SAMPLES; i++) {
        int64_t timestamp = 1700000000000000000 + i * INT64_C(1000000);
        double value = i;
        if (varve_append(db, series, &timestamp, &value, 1, NULL) != VARVE_OK) {
            return "cannot append";
        }
    }
    return NULL;
}

/* Counts what is visible now: everything acknowledged before the select, each series in one state. */
static unsigned long long count_samples(void)
{
    unsigned long long count = 0;
    varve_selection everything = VARVE_SELECTION_INIT;
    varve_cursor *cursor;
    if (varve_select(db, &everything, &cursor, NULL) != VARVE_OK) {
        return 0;
    }
    while (varve_cursor_next(cursor)) {
        varve_span span;
        while (varve_cursor_span(cursor, &span)) {
            count += span.count;
        }
    }
    varve_cursor_close(cursor);
    return count;
}

int main(void)
{
    varve_error error;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    options.sync = VARVE_SYNC_NONE; /* quick and a little less durable: see varve.h */
    if (varve_open("threads.db", &options, &db, &error) != VARVE_OK) {
        fprintf(stderr, "%s\n", error.message);
        return varve_status_exit_code(error.status);
    }
    pthread_t threads[WRITERS];
    int numbers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, write_samples, &numbers[i]) != 0) {
            return 1;
        }
    }
    unsigned long long seen = count_samples(), before = 0;
    int failed = 0;
    for (int i = 0; i < WRITERS; i++) {
        void *message;
        pthread_join(threads[i], &message);
        if (message != NULL) {
            fprintf(stderr, "%s\n", (const char *)message);
            failed = 1;
        }
        before = seen;
        seen = count_samples();
        failed |= seen < before; /* what was visible stays so */
    }
    printf("%llu samples\n", seen);
    return varve_close(db, &error) == VARVE_OK ? failed : 1;
}
