/*
 * fuzz_function.c - names of functions with their parameters, from any text: quantile(0.95).
 *
 * What is accepted has a name that is accepted, too, and a parameter that it may have; what is
 * refused leaves the results alone.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

#define UNTOUCHED (-42.0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The same function and parameter, written by us. */
static void check_written(varve_function function, double parameter)
{
    char text[64], number[VARVE_TEXT_MAX];
    const char *name = varve_function_name(function);
    varve_function again = 0;
    double back = UNTOUCHED;
    VV_ASSERT(name != NULL);
    if (function == VARVE_FUNCTION_QUANTILE) {
        size_t digits = varve_value_format(parameter, number);
        (void)snprintf(text, sizeof text, "%s(%.*s)", name, (int)digits, number);
    } else {
        (void)snprintf(text, sizeof text, "%s", name);
    }
    varve_status status = varve_function_parse((varve_string){text, strlen(text)}, &again, &back);
    VV_ASSERT(status == VARVE_OK && again == function && back == parameter);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    varve_string text = {(const char *)bytes, length};
    varve_function function = 0, without = 0;
    double parameter = UNTOUCHED;
    varve_status status = varve_function_parse(text, &function, &parameter);
    VV_ASSERT(status == varve_function_parse(text, &without, NULL) && without == function);
    if (status != VARVE_OK) {
        VV_ASSERT(status == VARVE_INVALID && function == 0 && parameter == UNTOUCHED);
        return 0;
    }
    VV_ASSERT(parameter >= 0 && parameter <= 1);
    VV_ASSERT(function == VARVE_FUNCTION_QUANTILE || parameter == 0);
    check_written(function, parameter);
    return 0;
}
