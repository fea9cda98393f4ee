/*
 * query_set.h - the data that queries are measured on, the questions, and how answers are compared.
 *
 * Set A of the comparison with other engines: 400 hosts x 10 metrics x 2,500 points, ten seconds
 * apart (6.94 hours), integers. An engine is loaded with it once and then asked again and again.
 */
#ifndef VARVE_TEST_BENCHMARK_QUERY_SET_H
#define VARVE_TEST_BENCHMARK_QUERY_SET_H

#include "harness.h"
#include "tsbs.h"

#define QUERY_SECOND INT64_C(1000000000)
#define QUERY_MINUTE (60 * QUERY_SECOND)
#define QUERY_HOUR (3600 * QUERY_SECOND)
#define QUERY_START (TSBS_START_SECONDS * QUERY_SECOND)
#define QUERY_STEP (TSBS_STEP_SECONDS * QUERY_SECOND)

/* Series id = host number * TSBS_FIELDS + field number. */
struct query_set {
    size_t host_count;
    size_t points;
    size_t series_count;
    struct tsbs_host *hosts;
    char metrics[TSBS_FIELDS][32];
    int64_t *timestamps; /* of every series */
    double *values;      /* points of series 0, of series 1, ... */
};

void query_set_init(struct query_set *set, const struct bench_run *run);
void query_set_fini(struct query_set *set);

/* What is asked. Bounds are [start, end). */
enum query_id {
    QUERY_RAW,      /* q1: all samples of one series */
    QUERY_MINUTES,  /* q2: one series, 60 averages of one minute */
    QUERY_MAX,      /* q3: one metric, max per hour over all hosts */
    QUERY_AVERAGES, /* q4: average per host and hour of all metrics */
    QUERY_LATEST,   /* q5: last sample of every series */
    QUERY_SERIES,   /* q6: series of the hosts host_1xx (of few hosts: host_1x) */
    QUERY_VALUES,   /* q6: values of hostname */
    QUERY_NAMES,    /* q6: label names */
    QUERY_WHOLE,    /* min, max, sum, count and average of everything */
    QUERY_COUNT,
    QUERY_RECENT /* of varve alone: 60 averages of a minute of ten series up to the present */
};

enum { QUERY_HOST = 7, QUERY_FIELD = 0 }; /* of q1 and q2 */
#define QUERY_MINUTES_START (QUERY_START + QUERY_HOUR)

/* Where an answer goes. While timing it is only consumed: a sum that keeps the work alive. */
struct query_answer {
    bool digesting;
    uint64_t rows;
    double sum;
    uint64_t digest; /* of the rows in any order, if digesting */
};

/* A row of an answer: of which metric and host (empty: of none), when, what. */
void query_digest(struct query_answer *answer, const char *metric, size_t metric_length,
                  const char *host, size_t host_length, int64_t time, double value);

/* An engine with the set in it. */
struct query_engine;
struct query_engine_ops {
    const char *name;
    /* Loads the set into files below folder. */
    struct query_engine *(*open)(const struct query_set *set, const char *folder);
    /* Adds the answer to *answer. */
    void (*ask)(struct query_engine *engine, enum query_id query, struct query_answer *answer);
    void (*close)(struct query_engine *engine);
};

extern const struct query_engine_ops query_varve;
/* NULL without the library. */
extern const struct query_engine_ops *const query_lmdb;
extern const struct query_engine_ops *const query_sqlite;

#endif
