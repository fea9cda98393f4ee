/*
 * baseline_store.c - a mutex, a hash map, heap objects and a log of rows.
 *
 *   buckets[hash & mask] --> series --> series ...      series --> [point*][point*]...
 *
 * Thread: the mutex guards everything.
 */
#include "baseline_store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "harness.h"

enum { BUFFER_BYTES = 1 << 20, FIRST_BUCKETS = 64 };

struct point {
    int64_t timestamp;
    double value;
};

struct series {
    struct series *next;
    struct point **points;
    size_t count;
    size_t capacity;
    uint64_t hash;
    uint32_t number;
    uint32_t length;
    char text[];
};

struct row {
    uint64_t series;
    int64_t timestamp;
    double value;
};

struct baseline_store {
    pthread_mutex_t mutex;
    struct series **buckets;
    size_t bucket_count; /* a power of two */
    struct series **by_number;
    size_t series_count;
    size_t series_capacity;
    uint64_t point_count;
    enum baseline_mode mode;
    int file;
    off_t file_bytes;
    struct row *rows; /* the log buffer */
    size_t row_count;
    size_t row_capacity;
};

static void *reallocate(void *memory, size_t bytes)
{
    memory = realloc(memory, bytes);
    if (memory == NULL) {
        bench_stop("out of memory: %zu bytes", bytes);
    }
    return memory;
}

struct baseline_store *baseline_create(enum baseline_mode mode, const char *path)
{
    struct baseline_store *store = bench_allocate_zeroed(sizeof *store);
    store->mode = mode;
    store->bucket_count = FIRST_BUCKETS;
    store->buckets = bench_allocate_zeroed(FIRST_BUCKETS * sizeof *store->buckets);
    store->row_capacity = BUFFER_BYTES / sizeof *store->rows;
    store->rows = bench_allocate_zeroed(BUFFER_BYTES);
    store->file = -1;
    (void)pthread_mutex_init(&store->mutex, NULL);
    if (mode != BASELINE_MEMORY) {
        store->file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
        if (store->file < 0) {
            bench_stop("cannot create %s", path);
        }
    }
    return store;
}

void baseline_destroy(struct baseline_store *store)
{
    for (size_t i = 0; i < store->series_count; i++) {
        struct series *series = store->by_number[i];
        for (size_t k = 0; k < series->count; k++) {
            free(series->points[k]);
        }
        free(series->points);
        free(series);
    }
    if (store->file >= 0) {
        (void)close(store->file);
    }
    (void)pthread_mutex_destroy(&store->mutex);
    free(store->by_number);
    free(store->buckets);
    free(store->rows);
    free(store);
}

/* ------------------------------------------------------------------------------ the map */

static void grow_buckets(struct baseline_store *store)
{
    size_t count = store->bucket_count * 2;
    struct series **buckets = bench_allocate_zeroed(count * sizeof *buckets);
    for (size_t i = 0; i < store->series_count; i++) {
        struct series *series = store->by_number[i];
        struct series **bucket = &buckets[series->hash & (count - 1)];
        series->next = *bucket;
        *bucket = series;
    }
    free(store->buckets);
    store->buckets = buckets;
    store->bucket_count = count;
}

static struct series *find(const struct baseline_store *store, const char *text, size_t length,
                           uint64_t hash)
{
    struct series *series = store->buckets[hash & (store->bucket_count - 1)];
    while (series != NULL && (series->hash != hash || series->length != length ||
                              memcmp(series->text, text, length) != 0)) {
        series = series->next;
    }
    return series;
}

static struct series *find_or_create(struct baseline_store *store, const char *text, size_t length)
{
    uint64_t hash = vv_hash(text, length);
    struct series *series = find(store, text, length, hash);
    if (series != NULL) {
        return series;
    }
    if (store->series_count == store->series_capacity) {
        store->series_capacity = store->series_capacity > 0 ? store->series_capacity * 2 : 64;
        store->by_number =
            reallocate(store->by_number, store->series_capacity * sizeof(struct series *));
    }
    series = bench_allocate_zeroed(sizeof *series + length);
    series->hash = hash;
    series->length = (uint32_t)length;
    series->number = (uint32_t)store->series_count;
    memcpy(series->text, text, length);
    store->by_number[store->series_count++] = series;
    struct series **bucket = &store->buckets[hash & (store->bucket_count - 1)];
    series->next = *bucket;
    *bucket = series;
    if (store->series_count > store->bucket_count) {
        grow_buckets(store);
    }
    return series;
}

uint32_t baseline_resolve(struct baseline_store *store, const char *text, size_t length)
{
    (void)pthread_mutex_lock(&store->mutex);
    uint32_t number = find_or_create(store, text, length)->number;
    (void)pthread_mutex_unlock(&store->mutex);
    return number;
}

/* ---------------------------------------------------------------------- points and log */

static void add_point(struct series *series, int64_t timestamp, double value)
{
    struct point *point = reallocate(NULL, sizeof *point);
    point->timestamp = timestamp;
    point->value = value;
    if (series->count == series->capacity) {
        series->capacity = series->capacity > 0 ? series->capacity * 2 : 4;
        series->points = reallocate(series->points, series->capacity * sizeof(struct point *));
    }
    series->points[series->count++] = point;
}

static void write_rows(struct baseline_store *store)
{
    size_t bytes = store->row_count * sizeof *store->rows;
    if (bytes > 0 && pwrite(store->file, store->rows, bytes, store->file_bytes) != (ssize_t)bytes) {
        bench_stop("the baseline cannot write its log");
    }
    store->file_bytes += (off_t)bytes;
    store->row_count = 0;
}

static void log_row(struct baseline_store *store, uint64_t series, int64_t timestamp, double value)
{
    if (store->row_count == store->row_capacity) {
        write_rows(store);
    }
    store->rows[store->row_count++] = (struct row){series, timestamp, value};
}

/* What makes the rows of a call as durable as the mode says. */
static void end_call(struct baseline_store *store)
{
    if (store->mode >= BASELINE_PROCESS) {
        write_rows(store);
    }
    if (store->mode == BASELINE_COMMIT && fdatasync(store->file) != 0) {
        bench_stop("the baseline cannot sync its log");
    }
}

void baseline_append(struct baseline_store *store, const uint64_t *series,
                     const int64_t *timestamps, const double *values, size_t count)
{
    (void)pthread_mutex_lock(&store->mutex);
    for (size_t i = 0; i < count; i++) {
        add_point(store->by_number[series[i]], timestamps[i], values[i]);
        if (store->mode != BASELINE_MEMORY) {
            log_row(store, series[i], timestamps[i], values[i]);
        }
    }
    store->point_count += count;
    end_call(store);
    (void)pthread_mutex_unlock(&store->mutex);
}

void baseline_append_text(struct baseline_store *store, const char *text, size_t length,
                          int64_t timestamp, double value)
{
    (void)pthread_mutex_lock(&store->mutex);
    struct series *series = find_or_create(store, text, length);
    add_point(series, timestamp, value);
    if (store->mode != BASELINE_MEMORY) {
        log_row(store, series->number, timestamp, value);
    }
    store->point_count++;
    end_call(store);
    (void)pthread_mutex_unlock(&store->mutex);
}

bool baseline_latest(struct baseline_store *store, const char *text, size_t length,
                     int64_t *timestamp, double *value)
{
    (void)pthread_mutex_lock(&store->mutex);
    struct series *series = find(store, text, length, vv_hash(text, length));
    bool found = series != NULL && series->count > 0;
    if (found) {
        const struct point *point = series->points[series->count - 1];
        *timestamp = point->timestamp;
        *value = point->value;
    }
    (void)pthread_mutex_unlock(&store->mutex);
    return found;
}

/* The points that every series has had for longest, then the next ones. */
static void free_by_age(struct baseline_store *store)
{
    bool any = true;
    for (size_t k = 0; any; k++) {
        any = false;
        for (size_t i = 0; i < store->series_count; i++) {
            struct series *series = store->by_number[i];
            if (k < series->count) {
                free(series->points[k]);
                any = true;
            }
        }
    }
}

static void free_by_series(struct baseline_store *store)
{
    for (size_t i = 0; i < store->series_count; i++) {
        struct series *series = store->by_number[i];
        for (size_t k = 0; k < series->count; k++) {
            free(series->points[k]);
        }
    }
}

void baseline_drop_points(struct baseline_store *store, bool by_age)
{
    (void)pthread_mutex_lock(&store->mutex);
    if (by_age) {
        free_by_age(store);
    } else {
        free_by_series(store);
    }
    for (size_t i = 0; i < store->series_count; i++) {
        store->by_number[i]->count = 0;
    }
    store->point_count = 0;
    store->row_count = 0;
    store->file_bytes = 0;
    (void)pthread_mutex_unlock(&store->mutex);
}

uint64_t baseline_count(struct baseline_store *store)
{
    (void)pthread_mutex_lock(&store->mutex);
    uint64_t count = store->point_count;
    (void)pthread_mutex_unlock(&store->mutex);
    return count;
}
