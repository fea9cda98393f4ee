/*
 * aggregation_check.c - what a caller asks for, checked once before anything is done.
 *
 * Threads: pure.
 */
#include "base/utf8.h"
#include "query/functions.h"

enum { STEP_UNITS_MAX = 100000 }; /* days or longer */
#define OFFSET_MAX (INT64_C(366) * 86400 * 1000000000)

static varve_status check_functions(const varve_aggregation *spec, varve_error *error)
{
    if (spec->function_count == 0 || spec->functions == NULL) {
        return vv_fail(error, VARVE_INVALID, "functions: an aggregation needs at least one");
    }
    if (spec->function_count > VARVE_FUNCTIONS_MAX) {
        return vv_fail(error, VARVE_INVALID, "functions: %zu were given; at most %u are allowed",
                       spec->function_count, VARVE_FUNCTIONS_MAX);
    }
    for (size_t index = 0; index < spec->function_count; index++) {
        varve_function function = spec->functions[index];
        const char *name = varve_function_name(function);
        if (name == NULL) {
            return vv_fail(error, VARVE_INVALID, "functions: number %zu is %d, which is none",
                           index + 1, (int)function);
        }
        if (!vv_function_has_parameter(function)) {
            continue;
        }
        if (spec->parameters == NULL) {
            return vv_fail(error, VARVE_INVALID, "parameters: %s needs one, from 0 to 1", name);
        }
        if (!vv_function_accepts(function, spec->parameters[index])) {
            return vv_fail(error, VARVE_INVALID, "parameters: that of %s is %g, not from 0 to 1",
                           name, spec->parameters[index]);
        }
    }
    return VARVE_OK;
}

static varve_status check_grouping(const varve_aggregation *spec, varve_error *error)
{
    if ((unsigned)spec->grouping > VARVE_GROUP_WITHOUT) {
        return vv_fail(error, VARVE_INVALID, "grouping: %d is none", (int)spec->grouping);
    }
    if (spec->grouping == VARVE_GROUP_NONE && spec->group_label_count > 0) {
        return vv_fail(error, VARVE_INVALID, "group_labels: given without a grouping");
    }
    for (size_t index = 0; index < spec->group_label_count; index++) {
        varve_string label = spec->group_labels[index];
        if (label.length == 0 || !vv_utf8_valid(label.bytes, label.length)) {
            return vv_fail(error, VARVE_INVALID, "group_labels: number %zu is empty or not UTF-8",
                           index + 1);
        }
    }
    if (spec->reduce == 0) {
        return VARVE_OK;
    }
    if (!vv_function_reduces(spec->reduce)) {
        const char *name = varve_function_name(spec->reduce);
        return vv_fail(error, VARVE_INVALID, "reduce: %s cannot reduce the results of series",
                       name != NULL ? name : "an unknown function");
    }
    if (spec->grouping == VARVE_GROUP_NONE) {
        return vv_fail(error, VARVE_INVALID, "reduce: needs a grouping that says what to reduce");
    }
    if (!vv_function_accepts(spec->reduce, spec->reduce_parameter)) {
        return vv_fail(error, VARVE_INVALID, "reduce_parameter: %g is not from 0 to 1",
                       spec->reduce_parameter);
    }
    return VARVE_OK;
}

static varve_status check_step(const varve_aggregation *spec, varve_error *error)
{
    if (spec->step < 0) {
        return vv_fail(error, VARVE_INVALID, "step: %lld is negative", (long long)spec->step);
    }
    if ((unsigned)spec->step_unit > VARVE_STEP_YEARS) {
        return vv_fail(error, VARVE_INVALID, "step_unit: %d is none", (int)spec->step_unit);
    }
    if (spec->step == 0 && spec->step_unit != VARVE_STEP_NANOSECONDS) {
        return vv_fail(error, VARVE_INVALID, "step: 0 days, weeks, months or years are no step");
    }
    if (spec->step == 0 && spec->offset != 0) {
        return vv_fail(error, VARVE_INVALID, "offset: needs a step");
    }
    if (spec->step_unit == VARVE_STEP_NANOSECONDS && spec->time_zone.length > 0) {
        return vv_fail(error, VARVE_INVALID, "time_zone: needs a step in days or longer");
    }
    if (spec->step_unit != VARVE_STEP_NANOSECONDS && spec->step > STEP_UNITS_MAX) {
        return vv_fail(error, VARVE_INVALID, "step: %lld is more than %d", (long long)spec->step,
                       STEP_UNITS_MAX);
    }
    if (spec->step_unit != VARVE_STEP_NANOSECONDS &&
        (spec->offset > OFFSET_MAX || spec->offset < -OFFSET_MAX)) {
        return vv_fail(error, VARVE_INVALID, "offset: %lld is more than a year",
                       (long long)spec->offset);
    }
    return VARVE_OK;
}

static varve_status check_rows(const varve_aggregation *spec, varve_error *error)
{
    if ((unsigned)spec->fill > VARVE_FILL_LINEAR) {
        return vv_fail(error, VARVE_INVALID, "fill: %d is none", (int)spec->fill);
    }
    if (spec->fill != VARVE_FILL_NONE && spec->step == 0) {
        return vv_fail(error, VARVE_INVALID, "fill: needs a step");
    }
    if (spec->fill_gap_max < 0) {
        return vv_fail(error, VARVE_INVALID, "fill_gap_max: %lld is negative",
                       (long long)spec->fill_gap_max);
    }
    if (spec->fill_gap_max > 0 && spec->fill == VARVE_FILL_NONE) {
        return vv_fail(error, VARVE_INVALID, "fill_gap_max: needs fill");
    }
    if (spec->top > 0 && spec->bottom > 0) {
        return vv_fail(error, VARVE_INVALID, "top, bottom: one of the two");
    }
    if ((spec->top > 0 || spec->bottom > 0) && spec->fill != VARVE_FILL_NONE) {
        return vv_fail(error, VARVE_INVALID, "fill: not with top or bottom");
    }
    return VARVE_OK;
}

varve_status vv_aggregation_check(const varve_aggregation *spec, varve_error *error)
{
    if (spec == NULL || spec->options_size != sizeof(*spec)) {
        return vv_fail(error, VARVE_INVALID,
                       "options_size: start from VARVE_AGGREGATION_INIT when filling the struct");
    }
    VV_TRY(check_functions(spec, error));
    VV_TRY(check_step(spec, error));
    VV_TRY(check_grouping(spec, error));
    return check_rows(spec, error);
}
