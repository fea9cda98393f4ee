/*
 * functions.h - what is known of each aggregation function beside its name.
 *
 * Threads: pure.
 */
#ifndef VARVE_QUERY_FUNCTIONS_H
#define VARVE_QUERY_FUNCTIONS_H

#include "base/status.h"

/* Whether the function has a parameter, and whether this one is in its range. */
bool vv_function_has_parameter(varve_function function);
bool vv_function_accepts(varve_function function, double parameter);
/* Whether it can reduce the results of several series: those that no order in time matters to. */
bool vv_function_reduces(varve_function function);

/* What states a function is answered from. The first two are those of numbers.h. */
enum {
    VV_PART_SUM = 1,
    VV_PART_EXTREMES = 2,
    VV_PART_SPREAD = 4,    /* mean and squares */
    VV_PART_STEPS = 8,     /* from number to number: delta, increase, rate, resets */
    VV_PART_LAST_TWO = 16, /* and those two of a step */
    VV_PART_CHANGES = 32,
    VV_PART_AREA = 64,
    VV_PART_VALUES = 128,
    VV_PART_IS_WHOLE = 256, /* of values that are added, not of functions: VV_NUMBERS_WHOLE */
    VV_PARTS_NUMBERS = VV_PART_SUM | VV_PART_EXTREMES,
    VV_PARTS_TRACK = VV_PART_STEPS | VV_PART_LAST_TWO | VV_PART_CHANGES | VV_PART_AREA,
    VV_PARTS_MORE = VV_PARTS_TRACK | VV_PART_SPREAD | VV_PART_VALUES,
    /* What the statistics of a chunk tell. */
    VV_PARTS_SUMMARY = VV_PARTS_NUMBERS | VV_PART_STEPS,
    /* What the rows of a rollup tell. */
    VV_PARTS_ROW = VV_PARTS_SUMMARY | VV_PART_SPREAD,
};
unsigned vv_function_parts(varve_function function);

/* Checks everything in an aggregation; INVALID names the field. */
varve_status vv_aggregation_check(const varve_aggregation *spec,
                                  varve_error *error) VARVE_MUST_CHECK;

#endif
