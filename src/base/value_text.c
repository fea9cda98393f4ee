/*
 * value_text.c - values as text: the public face of number_text.h.
 */
#include "base/number_text.h"
#include "varve/varve.h"

_Static_assert(VV_NUMBER_TEXT_MAX <= VARVE_TEXT_MAX, "callers give VARVE_TEXT_MAX characters");

size_t varve_value_format(double value, char *text)
{
    return vv_double_format(value, text);
}

varve_status varve_value_parse(varve_string text, double *value)
{
    return vv_double_parse(text.bytes, text.length, value) ? VARVE_OK : VARVE_INVALID;
}
