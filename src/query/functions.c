/*
 * functions.c - the aggregation functions by name.
 *
 * Threads: pure.
 */
#include <string.h>

#include "base/status.h"

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

varve_status varve_function_parse(varve_string name, varve_function *function)
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
        if (name.length == strlen(text) && memcmp(name.bytes, text, name.length) == 0) {
            *function = functions[index].function;
            return VARVE_OK;
        }
    }
    return VARVE_INVALID;
}
