/*
 * query_question.h - random aggregations over series m{a="..",b=".."}.
 */
#ifndef VARVE_TEST_SUPPORT_QUERY_QUESTION_H
#define VARVE_TEST_SUPPORT_QUERY_QUESTION_H

#include "query/merge.h"
#include "support/random.h"

/* An aggregation and what its pointers point to. */
struct question {
    varve_aggregation spec;
    varve_function functions[4];
    double parameters[4];
    varve_string group_labels[2];
    struct vv_range range;
    bool reverse;
};

/* Any functions, steps, groups, fills and ranks over samples from -200 to 400 units. spec points
 * into question: keep it in place. */
void query_random_question(struct vv_test_random *random, int64_t unit, struct question *question);

#endif
