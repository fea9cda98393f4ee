/*
 * prom_series.h - a series as Prometheus text and OpenMetrics write it.
 *
 *   name   name{label="value",...}   {"any name",label="value","any label"="value"}
 *
 * In values and quoted names \\, \" and \n are escapes; any other backslash stands for itself, as
 * in Prometheus. Quoted text may hold anything but a line feed.
 */
#ifndef VARVE_TEXT_PROM_SERIES_H
#define VARVE_TEXT_PROM_SERIES_H

#include "text/importer.h"

/* Whether blanks (space, tab) may stand between the parts and a comma before the closing brace. */
enum vv_prom_blanks { VV_PROM_BLANKS_FREE, VV_PROM_BLANKS_STRICT };

/* Judges the labels that were gathered, before the series is made: OK, or vv_import_fault(). */
typedef varve_status (*vv_prom_check)(struct vv_importer *importer, void *state, const char *at);

/**
 * vv_prom_series() - read the series at `at` and give its cache entry, made if it is new.
 *
 * A fault names what was expected.
 * @check  nullable; called only if the series is new.
 * @end    out: behind the series.
 */
varve_status vv_prom_series(struct vv_importer *importer, const struct vv_line *line,
                            const char *at, enum vv_prom_blanks blanks, vv_prom_check check,
                            void *state, const char **end, uint32_t *entry) VARVE_MUST_CHECK;

/* Reads {label="value",...} and forgets it: the labels of an exemplar. */
varve_status vv_prom_skip_labels(struct vv_importer *importer, const struct vv_line *line,
                                 const char *at, const char **end) VARVE_MUST_CHECK;

/**
 * vv_prom_known() - the entry of a series that was read before, without parsing it.
 *
 * First the one that followed the series before last time, then the text up to the first closing
 * brace or blank. VV_SERIES_NONE does not mean that the text is wrong. An entry has the whole text
 * of a valid series, and no valid series continues another one with a blank, so the caller only
 * checks that one follows. @end  out: behind the series; written if there is an entry.
 */
static inline uint32_t vv_prom_known(struct vv_importer *importer, const struct vv_line *line,
                                     const char **end)
{
    struct vv_series_cache *cache = &importer->cache;
    struct vv_series_entry *last = vv_series_cache_entry(cache, cache->last);
    uint32_t entry = last->after;
    if (vv_series_cache_begins(cache, entry, line->text, line->length)) {
        const char *behind = line->text + vv_series_cache_entry(cache, entry)->text_length;
        if (*behind == ' ') {
            cache->last = entry;
            *end = behind;
            return entry;
        }
    }
    const char *brace = memchr(line->text, '}', line->length);
    const char *stop = brace != NULL ? brace + 1 : memchr(line->text, ' ', line->length);
    if (stop == NULL) {
        return VV_SERIES_NONE;
    }
    entry = vv_series_cache_find(cache, VV_SERIES_NONE, line->text, (size_t)(stop - line->text));
    if (entry != VV_SERIES_NONE) {
        last->after = entry;
        cache->last = entry;
        *end = stop;
    }
    return entry;
}

#endif
