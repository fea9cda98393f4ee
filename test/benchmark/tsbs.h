/*
 * tsbs.h - the cpu-only case of the Time Series Benchmark Suite, the same numbers in every run.
 *
 * A host has ten tags and ten fields; each field is a random walk with normal steps within
 * [0, 100], truncated. A point every ten seconds.
 */
#ifndef VARVE_TEST_BENCHMARK_TSBS_H
#define VARVE_TEST_BENCHMARK_TSBS_H

#include <stddef.h>
#include <stdint.h>

#include "support/random.h"

enum { TSBS_FIELDS = 10, TSBS_TAGS = 10, TSBS_TAG_BYTES = 32, TSBS_STEP_SECONDS = 10 };

#define TSBS_START_SECONDS INT64_C(1794268800) /* 2026-11-10T00:00:00Z */

extern const char *const tsbs_field_names[TSBS_FIELDS]; /* without the cpu_ before them */
extern const char *const tsbs_tag_names[TSBS_TAGS];     /* the first is hostname */

struct tsbs_host {
    char tags[TSBS_TAGS][TSBS_TAG_BYTES];
    double walks[TSBS_FIELDS]; /* truncate them to get the values of the present time */
};

void tsbs_host_init(struct tsbs_host *host, size_t number, struct vv_test_random *random);
/* Moves on to the next point. */
void tsbs_host_step(struct tsbs_host *host, struct vv_test_random *random);

double tsbs_next_normal(struct vv_test_random *random);

#endif
