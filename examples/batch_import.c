/*
 * batch_import.c - many series at once: columns of samples, a policy for duplicates, durability on demand.
 *
 *   cc batch_import.c $(pkg-config --cflags --libs varve) -lm -o batch_import && ./batch_import
 */
#include <math.h>
#include <stdio.h>
#include <varve/varve.h>

enum { HOSTS = 100, POINTS = 1000 };

static int fail(const varve_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return varve_status_exit_code(error->status);
}

/* Handles for all series, once: appending by handle is what costs least. */
static varve_status resolve_hosts(varve_db *db, varve_series *series, varve_error *error)
{
    for (int host = 0; host < HOSTS; host++) {
        char name[32];
        int length = snprintf(name, sizeof name, "host-%d", host);
        varve_label labels[] = {
            {VARVE_STRING("__name__"), VARVE_STRING("load")},
            {VARVE_STRING("host"), {name, (size_t)length}},
        };
        varve_status status = varve_series_resolve(db, labels, 2, &series[host], error);
        if (status != VARVE_OK) {
            return status;
        }
    }
    return VARVE_OK;
}

int main(void)
{
    varve_error error;
    varve_db *db;
    varve_options options = VARVE_OPTIONS_INIT;
    options.flags = VARVE_OPEN_CREATE;
    if (varve_open("batch.db", &options, &db, &error) != VARVE_OK) {
        return fail(&error);
    }
    static varve_series series[HOSTS];
    if (resolve_hosts(db, series, &error) != VARVE_OK) {
        return fail(&error);
    }

    /* One batch per point in time: entry i is (series[i], timestamps[i], values[i]). A batch is there as
     * a whole or not at all, also after a crash. */
    static int64_t timestamps[HOSTS];
    static double values[HOSTS];
    uint64_t lsn = 0;
    for (int point = 0; point < POINTS; point++) {
        for (int host = 0; host < HOSTS; host++) {
            timestamps[host] = 1700000000000000000 + point * INT64_C(10000000000);
            values[host] = round(100 * (1 + sin(0.01 * point + host))) / 100;
        }
        varve_batch batch = VARVE_BATCH_INIT;
        batch.series = series;
        batch.timestamps = timestamps;
        batch.values = values;
        batch.count = HOSTS;
        batch.duplicates = VARVE_DUPLICATES_LAST;
        varve_status status = varve_append_batch(db, &batch, &lsn);
        if (status != VARVE_OK) {
            fprintf(stderr, "append: %s\n", varve_status_text(status));
            return varve_status_exit_code(status);
        }
    }

    /* The database syncs once a second; this waits until the last batch is on the disk. */
    if (varve_wait_durable(db, lsn) != VARVE_OK) {
        return 1;
    }
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    printf("%llu samples of %llu series\n", (unsigned long long)statistics.samples,
           (unsigned long long)statistics.series);
    return varve_close(db, &error) == VARVE_OK ? 0 : fail(&error);
}
