/*
 * detect.h - which format is this? And is it text at all?
 *
 * Looks at the beginning of the input only, up to the first line that is neither blank nor a
 * comment:
 *
 *   jsonl        it begins with {"name":
 *   openmetrics  a line # EOF or # UNIT, a # TYPE with a type that Prometheus text has not, or a
 *                sample whose time has a fraction or that has an exemplar
 *   prom         a sample: name or name{...}, a number, and perhaps a time in milliseconds
 *   influx       measurement[,tags], a space, key=value
 *   csv          anything else with a comma: the names of the columns
 *
 * The times of Prometheus text are milliseconds, those of OpenMetrics seconds: a sample with a
 * whole time too small for milliseconds since 1973 could be either and is refused.
 */
#ifndef VARVE_TEXT_DETECT_H
#define VARVE_TEXT_DETECT_H

#include "text/line_reader.h"

/**
 * vv_detect_format() - find out what *format AUTO stands for, before the first line is taken.
 *
 * Compressed and UTF-16 input is refused whatever the format. INVALID: that, or no format fits, or
 * two do; the message says what to do. An input without any line is anything: PROM.
 */
varve_status vv_detect_format(struct vv_line_reader *lines, varve_format *format,
                              varve_error *error) VARVE_MUST_CHECK;

#endif
