/*
 * series.h - the handle of a series by its text.
 */
#ifndef VARVE_TEST_SUPPORT_SERIES_H
#define VARVE_TEST_SUPPORT_SERIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "varve/varve.h"

/* Resolves the series whose text the format makes, m{i="7"}; fails the test if that fails. */
static inline __attribute__((format(printf, 2, 3))) varve_series
vv_test_series(varve_db *db, const char *format, ...)
{
    char text[256];
    va_list arguments;
    varve_series series = 0;
    varve_error error = {0};
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_true(length > 0 && (size_t)length < sizeof(text));
    if (varve_series_parse(db, (varve_string){text, (size_t)length}, &series, &error) != VARVE_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    return series;
}

#endif
