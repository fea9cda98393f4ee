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

/* Checks everything in an aggregation; INVALID names the field. */
varve_status vv_aggregation_check(const varve_aggregation *spec,
                                  varve_error *error) VARVE_MUST_CHECK;

#endif
