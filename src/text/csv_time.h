/*
 * csv_time.h - the time column of CSV: which form its texts have, and their timestamps.
 */
#ifndef VARVE_TEXT_CSV_TIME_H
#define VARVE_TEXT_CSV_TIME_H

#include "text/importer.h"

enum vv_csv_time_form {
    VV_CSV_TIME_ANY,     /* RFC 3339, or numbers if a precision says of which unit */
    VV_CSV_TIME_RFC3339, /* nothing else */
    VV_CSV_TIME_NUMBER,  /* numbers of a unit, with a fraction where needed */
    VV_CSV_TIME_PATTERN, /* as a strptime pattern has it */
};

struct vv_csv_time {
    enum vv_csv_time_form form;
    varve_precision precision; /* of numbers; DEFAULT: none is known */
    varve_string pattern;
    char known_text[64]; /* the last text, and what it stands for */
    size_t known_length;
    int64_t known_time;
};

/* Reads options->time_format and options->precision. INVALID: it is no format. */
varve_status vv_csv_time_init(struct vv_csv_time *time, const varve_import_options *options,
                              varve_error *error) VARVE_MUST_CHECK;

/* The timestamp of a text; a fault at `at` if it has none. */
varve_status vv_csv_time_read(struct vv_csv_time *time, struct vv_importer *importer,
                              const char *at, varve_string text,
                              int64_t *timestamp) VARVE_MUST_CHECK;

#endif
