/*
 * query_oracle.h - aggregations computed the simplest way, sample by sample, to compare with.
 *
 * Everything is quadratic and plain. Labels are compared by their series text.
 */
#ifndef VARVE_TEST_SUPPORT_QUERY_ORACLE_H
#define VARVE_TEST_SUPPORT_QUERY_ORACLE_H

#include "query/merge.h"
#include "query/steps.h"

/* One series and all its samples, in order of time. */
struct query_series {
    const varve_label *labels; /* sorted by name */
    size_t label_count;
    const int64_t *timestamps;
    const double *values;
    size_t count;
};

struct query_row {
    char series[200]; /* canonical text */
    size_t group;     /* rows of one group share it; ascending in the order of labels */
    int64_t time;
    double values[VARVE_FUNCTIONS_MAX];
    double magnitudes[VARVE_FUNCTIONS_MAX]; /* what differences of rounding are relative to */
    bool filled;
};

struct query_rows {
    struct query_row *list;
    size_t count;
    size_t capacity;
};

/* What the aggregation gives for these series, which come in the order of labels. */
void query_oracle(const struct query_series *series, size_t series_count,
                  const varve_aggregation *spec, struct vv_range range, bool reverse,
                  struct query_rows *rows);
void query_rows_fini(struct query_rows *rows);

/* query_oracle_rows.c: fills, ranks, orders and cuts rows of states (by group, then time). */
void query_oracle_order(const varve_aggregation *spec, const struct vv_steps *steps,
                        struct vv_range range, bool reverse, struct query_rows *rows);
/* Appends an empty row of a group. */
struct query_row *query_rows_add(struct query_rows *rows, const char *series, size_t group,
                                 int64_t time);

/* Whether a row is the one expected; tolerance is relative to the magnitudes. */
bool query_row_equal(const struct query_row *expected, const varve_row *row, size_t value_count,
                     double tolerance);

#endif
