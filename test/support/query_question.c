/*
 * query_question.c - random questions.
 */
#include "support/query_question.h"

void query_random_question(struct vv_test_random *random, int64_t unit, struct question *question)
{
    static const int64_t steps[] = {0, 10, 25, 100, 7};
    static const varve_function reducing[] = {VARVE_FUNCTION_SUM,   VARVE_FUNCTION_MAX,
                                              VARVE_FUNCTION_AVG,   VARVE_FUNCTION_QUANTILE,
                                              VARVE_FUNCTION_COUNT, VARVE_FUNCTION_STDDEV};
    varve_aggregation *spec = &question->spec;
    *spec = (varve_aggregation)VARVE_AGGREGATION_INIT;
    question->group_labels[0] = VARVE_STRING("a");
    question->group_labels[1] = VARVE_STRING("__name__");
    spec->function_count = 1 + vv_test_random_below(random, 4);
    for (size_t at = 0; at < spec->function_count; at++) {
        question->functions[at] = (varve_function)(1 + vv_test_random_below(random, 18));
        question->parameters[at] = (double)vv_test_random_below(random, 11) / 10;
    }
    spec->functions = question->functions;
    spec->parameters = question->parameters;
    spec->step = unit * steps[vv_test_random_below(random, 5)];
    spec->offset = spec->step > 0 ? unit * ((int64_t)vv_test_random_below(random, 3) * 4 - 4) : 0;
    spec->grouping = (varve_grouping)vv_test_random_below(random, 3);
    if (spec->grouping != VARVE_GROUP_NONE) {
        spec->group_labels = question->group_labels;
        spec->group_label_count = vv_test_random_below(random, 3);
        if (vv_test_random_below(random, 3) == 0) {
            spec->reduce = reducing[vv_test_random_below(random, 6)];
            spec->reduce_parameter = spec->reduce == VARVE_FUNCTION_QUANTILE ? 0.25 : 0;
        }
    }
    if (spec->step > 0 && vv_test_random_below(random, 2) == 0) {
        spec->fill = (varve_fill)vv_test_random_below(random, 4);
        spec->fill_gap_max = spec->fill != VARVE_FILL_NONE
                                 ? unit * (int64_t)vv_test_random_below(random, 3) * 60
                                 : 0;
    } else if (vv_test_random_below(random, 3) == 0) {
        spec->top = (uint32_t)vv_test_random_below(random, 3);
        spec->bottom = spec->top == 0 ? (uint32_t)vv_test_random_below(random, 3) : 0;
    }
    spec->limit = vv_test_random_below(random, 4) == 0 ? vv_test_random_below(random, 12) : 0;
    question->reverse = vv_test_random_below(random, 3) == 0;
    question->range = (struct vv_range){INT64_MIN, INT64_MAX};
    if (vv_test_random_below(random, 2) == 0) {
        question->range.start = unit * ((int64_t)vv_test_random_below(random, 300) - 210);
    }
    if (vv_test_random_below(random, 2) == 0) {
        int64_t start = question->range.start == INT64_MIN ? -200 * unit : question->range.start;
        question->range.end = start + unit * (int64_t)vv_test_random_below(random, 200);
    }
}
