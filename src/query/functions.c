/*
 * functions.c - the aggregation functions by name, and their parameters.
 *
 * Threads: pure.
 */
#include "query/functions.h"

#include <string.h>

const char *varve_function_name(varve_function function)
{
    switch (function) {
#define FUNCTION_NAME(name, value, text)                                                           \
    case VARVE_FUNCTION_##name:                                                                    \
        return text;
        VARVE_FUNCTION_MAP(FUNCTION_NAME)
#undef FUNCTION_NAME
    }
    return NULL;
}

bool vv_function_has_parameter(varve_function function)
{
    return function == VARVE_FUNCTION_QUANTILE;
}

bool vv_function_accepts(varve_function function, double parameter)
{
    if (function == VARVE_FUNCTION_QUANTILE) {
        return parameter >= 0.0 && parameter <= 1.0;
    }
    return parameter == 0.0;
}

bool vv_function_reduces(varve_function function)
{
    static const uint32_t reducing =
        1u << VARVE_FUNCTION_COUNT | 1u << VARVE_FUNCTION_SUM | 1u << VARVE_FUNCTION_MIN |
        1u << VARVE_FUNCTION_MAX | 1u << VARVE_FUNCTION_AVG | 1u << VARVE_FUNCTION_RANGE |
        1u << VARVE_FUNCTION_STDDEV | 1u << VARVE_FUNCTION_STDVAR | 1u << VARVE_FUNCTION_QUANTILE;
    return (unsigned)function < 32 && (reducing >> (unsigned)function & 1u) != 0;
}

unsigned vv_function_parts(varve_function function)
{
    switch (function) {
    case VARVE_FUNCTION_COUNT:
    case VARVE_FUNCTION_FIRST:
    case VARVE_FUNCTION_LAST:
        return 0;
    case VARVE_FUNCTION_SUM:
    case VARVE_FUNCTION_AVG:
        return VV_PART_SUM;
    case VARVE_FUNCTION_MIN:
    case VARVE_FUNCTION_MAX:
    case VARVE_FUNCTION_RANGE:
        return VV_PART_EXTREMES;
    case VARVE_FUNCTION_STDDEV:
    case VARVE_FUNCTION_STDVAR:
        return VV_PART_SPREAD;
    case VARVE_FUNCTION_QUANTILE:
        return VV_PART_VALUES;
    case VARVE_FUNCTION_DELTA:
    case VARVE_FUNCTION_INCREASE:
    case VARVE_FUNCTION_RATE:
    case VARVE_FUNCTION_RESETS:
        return VV_PART_STEPS;
    case VARVE_FUNCTION_IRATE:
        return VV_PART_STEPS | VV_PART_LAST_TWO;
    case VARVE_FUNCTION_CHANGES:
        return VV_PART_CHANGES;
    case VARVE_FUNCTION_TWA:
        return VV_PART_AREA | VV_PART_SUM; /* the average, where nothing has a length */
    }
    return 0;
}

/* The function of a name without parameter; 0 if there is none. */
static varve_function find_function(const char *name, size_t length)
{
    static const struct {
        const char *text;
        varve_function function;
    } functions[] = {
#define FUNCTION_ROW(name, value, text) {text, VARVE_FUNCTION_##name},
        VARVE_FUNCTION_MAP(FUNCTION_ROW)
#undef FUNCTION_ROW
    };
    for (size_t index = 0; index < sizeof functions / sizeof functions[0]; index++) {
        const char *text = functions[index].text;
        if (length == strlen(text) && memcmp(name, text, length) == 0) {
            return functions[index].function;
        }
    }
    return (varve_function)0;
}

varve_status varve_function_parse(varve_string text, varve_function *function, double *parameter)
{
    const char *open = text.length > 0 ? memchr(text.bytes, '(', text.length) : NULL;
    size_t length = open != NULL ? (size_t)(open - text.bytes) : text.length;
    varve_function found = find_function(text.bytes, length);
    double value = 0;
    if (found == 0 || vv_function_has_parameter(found) != (open != NULL)) {
        return VARVE_INVALID;
    }
    if (open != NULL) {
        varve_string inside = {open + 1, text.length - length - 1};
        if (inside.length < 2 || inside.bytes[inside.length - 1] != ')') {
            return VARVE_INVALID;
        }
        inside.length--;
        VV_TRY(varve_value_parse(inside, &value));
    }
    if (!vv_function_accepts(found, value)) {
        return VARVE_INVALID;
    }
    *function = found;
    if (parameter != NULL) {
        *parameter = value;
    }
    return VARVE_OK;
}
