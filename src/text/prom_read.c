/*
 * prom_read.c - Prometheus text in: name{labels} value [milliseconds].
 *
 * Lines that begin with # (HELP, TYPE, comments) and blank ones are skipped. A sample without a
 * time gets the time of the import.
 *
 * Thread: that of the import.
 */
#include "text/prom_series.h"

/* The sample behind a series: blanks are single spaces, as programs write them. False: look
 * closer. */
static bool read_plain(struct vv_importer *importer, const struct vv_line *line, const char *at,
                       int64_t *time, double *value)
{
    const char *end = line->text + line->length;
    if (*at != ' ') {
        return false;
    }
    at = vv_scan_decimal(at + 1, value);
    if (at == NULL) {
        return false;
    }
    *time = importer->options->now;
    return at == end || (*at == ' ' && vv_import_time_integer(importer, at + 1, end, time));
}

/* The same with any blanks and any value, and with words for what is wrong. */
static varve_status read_sample(struct vv_importer *importer, const struct vv_line *line,
                                const char *at, int64_t *time, double *value)
{
    const char *end = line->text + line->length;
    const char *start = vv_skip_blanks(at);
    if (start == at && start < end) {
        return vv_import_expected(importer, line, at, "a space after the series", " \t");
    }
    at = vv_scan_value(start, value);
    if (at == NULL || at > end || (at < end && !vv_is_blank(*at))) {
        return vv_import_expected(importer, line, start, "a number after the series", " \t");
    }
    *time = importer->options->now;
    start = vv_skip_blanks(at);
    if (start == end) {
        return VARVE_OK;
    }
    int64_t integer;
    at = vv_scan_integer(start, &integer);
    if (at == NULL || (at < end && !vv_is_blank(*at))) {
        return vv_import_expected(importer, line, start, "a whole number as timestamp", " \t");
    }
    if (!vv_import_scale(importer, integer, time)) {
        return vv_import_expected(importer, line, start,
                                  "a timestamp of the years 1677 to 2262 (is its unit right?)",
                                  " \t");
    }
    at = vv_skip_blanks(at);
    if (at != end) {
        return vv_import_expected(importer, line, at, "the end of the line after the timestamp",
                                  "");
    }
    return VARVE_OK;
}

static varve_status prom_line(struct vv_importer *importer, void *state, struct vv_line *line)
{
    (void)state;
    const char *at;
    int64_t time = 0;
    double value = 0;
    uint32_t entry = vv_prom_known(importer, line, &at);
    if (entry == VV_SERIES_NONE || !read_plain(importer, line, at, &time, &value)) {
        const char *start = vv_skip_blanks(line->text);
        if (start == line->text + line->length || *start == '#') {
            return VARVE_OK;
        }
        VV_TRY(vv_prom_series(importer, line, start, VV_PROM_BLANKS_FREE, NULL, NULL, &at, &entry));
        VV_TRY(read_sample(importer, line, at, &time, &value));
    }
    return vv_import_add(importer, entry, time, value);
}

const struct vv_text_reader vv_prom_reader = {.line = prom_line};
