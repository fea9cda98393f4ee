/*
 * prom_series.c - series of Prometheus text and OpenMetrics: the slow path, once per series.
 *
 * Every loop ends at the line end behind the line (line_reader.h), which no part of a series
 * contains; a carriage return or line feed inside quotes is told apart by the end of the line.
 *
 * Thread: that of the import.
 */
#include "text/prom_series.h"

struct parser {
    struct vv_importer *importer;
    const struct vv_line *line;
    const char *end; /* of the line */
    enum vv_prom_blanks blanks;
    bool named; /* the metric name has come */
    bool keep;  /* labels are gathered, not only checked */
};

static bool is_name_start(char character, bool colons)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           character == '_' || (colons && character == ':');
}

static const char *skip_name(const char *at, bool colons)
{
    while (is_name_start(*at, colons) || (*at >= '0' && *at <= '9')) {
        at++;
    }
    return at;
}

static const char *skip_blanks(const struct parser *parser, const char *at)
{
    return parser->blanks == VV_PROM_BLANKS_FREE ? vv_skip_blanks(at) : at;
}

static varve_status expected(const struct parser *parser, const char *at, const char *what)
{
    return vv_import_expected(parser->importer, parser->line, at, what, " \t=,}");
}

static varve_status add_label(const struct parser *parser, const char *at, varve_string name,
                              varve_string value)
{
    return parser->keep ? vv_import_label(parser->importer, at, name, value) : VARVE_OK;
}

/* The text with its escapes undone, in the scratch of the importer. */
static varve_string unescape(struct vv_importer *importer, const char *at, const char *end)
{
    char *start = importer->scratch + importer->scratch_used;
    char *out = start;
    while (at < end) {
        bool escape =
            *at == '\\' && at + 1 < end && (at[1] == '\\' || at[1] == '"' || at[1] == 'n');
        if (escape) {
            at++;
        }
        *out++ = escape && *at == 'n' ? '\n' : *at;
        at++;
    }
    importer->scratch_used += (size_t)(out - start);
    return (varve_string){start, (size_t)(out - start)};
}

/* The quoted text whose opening quote stands at *at, which moves behind the closing one. */
static varve_status read_quoted(const struct parser *parser, const char **at, varve_string *text)
{
    const char *start = *at + 1;
    bool escaped = false;
    const char *stop = start;
    while (stop < parser->end && *stop != '"') {
        if (*stop == '\\') {
            escaped = true;
            stop++;
        }
        stop++;
    }
    if (stop >= parser->end) {
        return vv_import_fault(parser->importer, *at, "the quote is not closed");
    }
    *text = (varve_string){start, (size_t)(stop - start)};
    if (escaped && parser->keep) {
        *text = unescape(parser->importer, start, stop);
    }
    *at = stop + 1;
    return VARVE_OK;
}

/* The value behind a label name: ="...". */
static varve_status read_value(struct parser *parser, const char **at, varve_string name)
{
    const char *start = *at;
    const char *stop = skip_blanks(parser, start);
    if (*stop != '=') {
        return expected(parser, stop, "= after the label name");
    }
    stop = skip_blanks(parser, stop + 1);
    if (*stop != '"') {
        return expected(parser, stop, "a label value in double quotes");
    }
    varve_string value;
    VV_TRY(read_quoted(parser, &stop, &value));
    *at = stop;
    return add_label(parser, start, name, value);
}

/* One of label="value", "label"="value" and "metric name". */
static varve_status read_label(struct parser *parser, const char **at)
{
    const char *start = *at;
    varve_string name;
    if (*start == '"') {
        VV_TRY(read_quoted(parser, at, &name));
        if (*skip_blanks(parser, *at) != '=') {
            if (parser->named || !parser->keep) {
                return expected(parser, *at, "= after the label name");
            }
            parser->named = true;
            return add_label(parser, start, VARVE_STRING("__name__"), name);
        }
    } else {
        const char *stop = is_name_start(*start, false) ? skip_name(start, false) : start;
        if (stop == start) {
            return expected(parser, start, "a label name");
        }
        name = (varve_string){start, (size_t)(stop - start)};
        *at = stop;
    }
    bool is_metric = name.length == 8 && memcmp(name.bytes, "__name__", 8) == 0;
    parser->named = parser->named || is_metric;
    return read_value(parser, at, name);
}

/* {...}: *at stands on the opening brace and moves behind the closing one. */
static varve_status read_labels(struct parser *parser, const char **at)
{
    const char *next = skip_blanks(parser, *at + 1);
    while (*next != '}') {
        VV_TRY(read_label(parser, &next));
        next = skip_blanks(parser, next);
        if (*next == ',') {
            next = skip_blanks(parser, next + 1);
        } else if (*next != '}') {
            return expected(parser, next, ", or } after the label");
        }
    }
    *at = next + 1;
    return VARVE_OK;
}

varve_status vv_prom_series(struct vv_importer *importer, const struct vv_line *line,
                            const char *at, enum vv_prom_blanks blanks, vv_prom_check check,
                            void *state, const char **end, uint32_t *entry)
{
    struct parser parser = {.importer = importer,
                            .line = line,
                            .end = line->text + line->length,
                            .blanks = blanks,
                            .keep = true};
    vv_import_labels_begin(importer);
    const char *stop = at;
    if (is_name_start(*at, true)) {
        stop = skip_name(at, true);
        parser.named = true;
        VV_TRY(vv_import_label(importer, at, VARVE_STRING("__name__"),
                               (varve_string){at, (size_t)(stop - at)}));
    } else if (*at != '{') {
        return expected(&parser, at, "a metric name");
    }
    const char *brace = skip_blanks(&parser, stop);
    if (*brace == '{') {
        stop = brace;
        VV_TRY(read_labels(&parser, &stop));
    }
    if (!parser.named) {
        return vv_import_fault(importer, at, "the series has no metric name");
    }
    struct vv_series_cache *cache = &importer->cache;
    size_t length = (size_t)(stop - at);
    uint32_t found = vv_series_cache_find(cache, VV_SERIES_NONE, at, length);
    if (found == VV_SERIES_NONE && check != NULL) {
        VV_TRY(check(importer, state, at));
    }
    if (found == VV_SERIES_NONE) {
        VV_TRY(vv_import_resolve(importer, at, VV_SERIES_NONE, at, length, &found));
    }
    vv_series_cache_entry(cache, cache->last)->after = found;
    cache->last = found;
    *end = stop;
    *entry = found;
    return VARVE_OK;
}

varve_status vv_prom_skip_labels(struct vv_importer *importer, const struct vv_line *line,
                                 const char *at, const char **end)
{
    struct parser parser = {.importer = importer,
                            .line = line,
                            .end = line->text + line->length,
                            .blanks = VV_PROM_BLANKS_STRICT};
    VV_TRY(read_labels(&parser, &at));
    *end = at;
    return VARVE_OK;
}
