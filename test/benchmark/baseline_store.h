/*
 * baseline_store.h - what the write path is measured against: the store that one writes first.
 *
 * One mutex; a chained hash map from label text to heap objects; each point an object of its own
 * that its series points to; a log of rows of 24 bytes. Compiled as varve is. With MODE_PROCESS
 * each call writes its rows with one pwrite(), with MODE_COMMIT it also waits for fdatasync().
 * Threads: any.
 */
#ifndef VARVE_TEST_BENCHMARK_BASELINE_STORE_H
#define VARVE_TEST_BENCHMARK_BASELINE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum baseline_mode {
    BASELINE_MEMORY,  /* no log */
    BASELINE_BUFFER,  /* rows are copied to a log buffer, which is written when it is full */
    BASELINE_PROCESS, /* rows are written before the call returns */
    BASELINE_COMMIT   /* and synced */
};

struct baseline_store;

/* path: of the log file; unused in memory. Ends the program on failure. */
struct baseline_store *baseline_create(enum baseline_mode mode, const char *path);
void baseline_destroy(struct baseline_store *store);

/* The number of the series with this text, made if it is new: 0, 1, 2... */
uint32_t baseline_resolve(struct baseline_store *store, const char *text, size_t length);
/* Adds a point to the series of each entry. */
void baseline_append(struct baseline_store *store, const uint64_t *series,
                     const int64_t *timestamps, const double *values, size_t count);
/* The same for one point of a series that is given by its text. */
void baseline_append_text(struct baseline_store *store, const char *text, size_t length,
                          int64_t timestamp, double value);
/* The point that was added last; false if there is none. */
bool baseline_latest(struct baseline_store *store, const char *text, size_t length,
                     int64_t *timestamp, double *value);
/* Drops all points, as a store does that has written them elsewhere: series by series, or by their
 * age, which is kinder to the heap: it then hands out neighbours again, while the other way leaves
 * it lists that jump through all of its memory. The series and the memory of their lists stay, and
 * the log begins again at the front of its file. */
void baseline_drop_points(struct baseline_store *store, bool by_age);
/* Points stored. */
uint64_t baseline_count(struct baseline_store *store);

#endif
