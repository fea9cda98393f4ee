/*
 * jsonl_read.c - JSON lines in: one object per line, in the form that VictoriaMetrics exports.
 *
 *   {"metric":{"__name__":"up","job":"a"},"values":[1,null,"NaN"],"timestamps":[1700000000000,...]}
 *
 * and optionally "unit":"s", "ms", "us" or "ns" of the timestamps. Members may come in any order;
 * others are refused. A value is a number, null (NaN) or a string with what JSON has no number for:
 * NaN, +Inf, -Inf, Infinity, NaN(0x...).
 *
 * J1  Nothing is added before the closing brace: the unit may come last.
 * J2  The text of a metric that was read before is known by its bytes, so it is not parsed again.
 *
 * An own reader instead of a library's: a document tree would cost an allocation for each value.
 * Thread: that of the import.
 */
#include "base/number_text.h"
#include "os/alloc.h"
#include "text/importer.h"

struct state {
    double *values;      /* VARVE_BATCH_MAX entries */
    int64_t *timestamps; /* VARVE_BATCH_MAX entries, in the unit of the line */
    size_t value_count;
    size_t timestamp_count;
    bool has_metric;
    bool has_values;
    bool has_timestamps;
    uint32_t entry;
    int64_t unit;
};

struct record {
    struct vv_importer *importer;
    const struct vv_line *line;
    struct state *state;
    const char *at;
    const char *end;
};

static varve_status create(struct vv_importer *importer, void **out)
{
    (void)importer;
    struct state *state = vv_alloc_zeroed(1, sizeof *state);
    if (state == NULL) {
        return VARVE_NO_MEMORY;
    }
    *out = state;
    state->values = vv_alloc(VARVE_BATCH_MAX * sizeof *state->values);
    state->timestamps = vv_alloc(VARVE_BATCH_MAX * sizeof *state->timestamps);
    return state->values != NULL && state->timestamps != NULL ? VARVE_OK : VARVE_NO_MEMORY;
}

static void destroy(void *memory)
{
    struct state *state = memory;
    if (state != NULL) {
        vv_free(state->values);
        vv_free(state->timestamps);
        vv_free(state);
    }
}

static varve_status expected(const struct record *record, const char *what)
{
    return vv_import_expected(record->importer, record->line, record->at, what, " \t,:]}");
}

static void skip_space(struct record *record)
{
    while (*record->at == ' ' || *record->at == '\t') {
        record->at++;
    }
}

/* Goes behind the character, and the space around it, if it comes next. */
static bool take(struct record *record, char character)
{
    skip_space(record);
    if (*record->at != character) {
        return false;
    }
    record->at++;
    skip_space(record);
    return true;
}

/* ------------------------------------------------------------------------------ Strings */

static bool hex4(const char *at, uint32_t *unit)
{
    uint32_t sum = 0;
    for (int index = 0; index < 4; index++) {
        char character = at[index];
        uint32_t digit;
        if (character >= '0' && character <= '9') {
            digit = (uint32_t)(character - '0');
        } else if ((character | 0x20) >= 'a' && (character | 0x20) <= 'f') {
            digit = (uint32_t)((character | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        sum = sum * 16 + digit;
    }
    *unit = sum;
    return true;
}

static char *put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xc0 | (point >> 6));
        *out++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *out++ = (char)(0xe0 | (point >> 12));
        *out++ = (char)(0x80 | ((point >> 6) & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    } else {
        *out++ = (char)(0xf0 | (point >> 18));
        *out++ = (char)(0x80 | ((point >> 12) & 0x3f));
        *out++ = (char)(0x80 | ((point >> 6) & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    }
    return out;
}

/* \uXXXX, two of them where they are a surrogate pair: *at stands on the u and moves behind. False:
 * no character. */
static bool take_unicode(const char **at, char **out)
{
    uint32_t high;
    if (!hex4(*at + 1, &high)) {
        return false;
    }
    *at += 5;
    if (high >= 0xd800 && high < 0xe000) {
        uint32_t low;
        bool pair = high < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u' && hex4(*at + 2, &low) &&
                    low >= 0xdc00 && low < 0xe000;
        if (!pair) {
            return false;
        }
        *at += 6;
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    *out = put_utf8(*out, high);
    return true;
}

/* The character behind a backslash; *at moves behind it. False: no such escape. */
static bool take_escape(const char **at, char **out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char characters[] = "\"\\/\b\f\n\r\t";
    if (**at == 'u') {
        return take_unicode(at, out);
    }
    const char *found = **at != '\0' ? strchr(names, **at) : NULL;
    if (found == NULL) {
        return false;
    }
    *(*out)++ = characters[found - names];
    (*at)++;
    return true;
}

/* The string at record->at, which moves behind its closing quote. Unescaped bytes go to the
 * scratch. */
static varve_status read_string(struct record *record, const char *what, varve_string *text)
{
    struct vv_importer *importer = record->importer;
    if (*record->at != '"') {
        return expected(record, what);
    }
    const char *start = record->at + 1;
    const char *at = start;
    while ((unsigned char)*at >= ' ' && *at != '"' && *at != '\\') {
        at++;
    }
    *text = (varve_string){start, (size_t)(at - start)};
    if (*at == '\\') {
        char *first = importer->scratch + importer->scratch_used;
        memcpy(first, start, text->length);
        char *out = first + text->length;
        while ((unsigned char)*at >= ' ' && *at != '"') {
            if (*at != '\\') {
                *out++ = *at++;
                continue;
            }
            const char *escape = at++;
            if (!take_escape(&at, &out)) {
                record->at = escape;
                return expected(record, "an escape that JSON has");
            }
        }
        importer->scratch_used += (size_t)(out - first);
        *text = (varve_string){first, (size_t)(out - first)};
    }
    if (*at != '"') {
        bool closed = at < record->end;
        return vv_import_fault(importer, closed ? at : record->at, "%s",
                               closed ? "control character in a string"
                                      : "the quote is not closed");
    }
    record->at = at + 1;
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Metric */

/* Behind the object at record->at, judging only its strings and braces; NULL if it does not end. */
static const char *find_object_end(const struct record *record)
{
    bool quoted = false;
    for (const char *at = record->at + 1; at < record->end; at++) {
        if (quoted && *at == '\\') {
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (!quoted && *at == '}') {
            return at + 1;
        }
    }
    return NULL;
}

static varve_status read_labels(struct record *record)
{
    vv_import_labels_begin(record->importer);
    (void)take(record, '{');
    if (take(record, '}')) {
        return VARVE_OK;
    }
    do {
        varve_string name;
        varve_string value;
        const char *start = record->at;
        VV_TRY(read_string(record, "a label name in double quotes", &name));
        if (!take(record, ':')) {
            return expected(record, ": after the label name");
        }
        VV_TRY(read_string(record, "a label value in double quotes", &value));
        VV_TRY(vv_import_label(record->importer, start, name, value));
    } while (take(record, ','));
    if (*record->at != '}') {
        return expected(record, ", or } after the label");
    }
    record->at++;
    return VARVE_OK;
}

static varve_status read_metric(struct record *record)
{
    struct vv_series_cache *cache = &record->importer->cache;
    const char *start = record->at;
    if (*start != '{') {
        return expected(record, "an object of labels");
    }
    struct vv_series_entry *last = vv_series_cache_entry(cache, cache->last);
    uint32_t entry = last->after;
    size_t left = (size_t)(record->end - start);
    if (vv_series_cache_begins(cache, entry, start, left)) {
        record->at = start + vv_series_cache_entry(cache, entry)->text_length;
    } else {
        const char *stop = find_object_end(record);
        size_t length = stop != NULL ? (size_t)(stop - start) : 0;
        entry = length > 0 ? vv_series_cache_find(cache, VV_SERIES_NONE, start, length)
                           : VV_SERIES_NONE;
        record->at = stop;
        if (entry == VV_SERIES_NONE) {
            record->at = start;
            VV_TRY(read_labels(record));
            length = (size_t)(record->at - start);
            VV_TRY(
                vv_import_resolve(record->importer, start, VV_SERIES_NONE, start, length, &entry));
        }
        vv_series_cache_entry(cache, cache->last)->after = entry;
    }
    cache->last = entry;
    record->state->entry = entry;
    record->state->has_metric = true;
    return VARVE_OK;
}

/* ----------------------------------------------------------------------- Values and times */

static double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static varve_status read_value(struct record *record, double *value)
{
    const char *start = record->at;
    if ((*start >= '0' && *start <= '9') || *start == '-') {
        const char *stop = vv_scan_decimal(start, value);
        if (stop == NULL) {
            return expected(record, "a number");
        }
        record->at = stop;
        return VARVE_OK;
    }
    if (memcmp(start, "null", 4) == 0) {
        *value = double_of_bits(UINT64_C(0x7ff8000000000000));
        record->at = start + 4;
        return VARVE_OK;
    }
    if (*start != '"') {
        return expected(record, "a number, null or a string such as \"NaN\"");
    }
    varve_string text;
    record->importer->scratch_used = 0;
    VV_TRY(read_string(record, "a value", &text));
    if (!vv_double_parse(text.bytes, text.length, value)) {
        record->at = start;
        return expected(record, "NaN, +Inf, -Inf or NaN(0x...) in the string");
    }
    return VARVE_OK;
}

static varve_status read_values(struct record *record)
{
    struct state *state = record->state;
    state->has_values = true;
    if (!take(record, '[')) {
        return expected(record, "an array of values");
    }
    if (take(record, ']')) {
        return VARVE_OK;
    }
    do {
        if (state->value_count == VARVE_BATCH_MAX) {
            return vv_import_fault(record->importer, record->at, "more than %u samples in a line",
                                   VARVE_BATCH_MAX);
        }
        VV_TRY(read_value(record, &state->values[state->value_count]));
        state->value_count++;
    } while (take(record, ','));
    return take(record, ']') ? VARVE_OK : expected(record, ", or ] after the value");
}

static varve_status read_timestamps(struct record *record)
{
    struct state *state = record->state;
    state->has_timestamps = true;
    if (!take(record, '[')) {
        return expected(record, "an array of timestamps");
    }
    if (take(record, ']')) {
        return VARVE_OK;
    }
    do {
        if (state->timestamp_count == VARVE_BATCH_MAX) {
            return vv_import_fault(record->importer, record->at, "more than %u samples in a line",
                                   VARVE_BATCH_MAX);
        }
        const char *stop = vv_scan_integer(record->at, &state->timestamps[state->timestamp_count]);
        if (stop == NULL) {
            return expected(record, "a whole number as timestamp");
        }
        record->at = stop;
        state->timestamp_count++;
    } while (take(record, ','));
    return take(record, ']') ? VARVE_OK
                             : expected(record, "a whole number as timestamp, then , or ]");
}

static varve_status read_unit(struct record *record)
{
    static const struct {
        const char *name;
        int64_t nanoseconds;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    const char *start = record->at;
    varve_string text;
    VV_TRY(read_string(record, "a unit: \"s\", \"ms\", \"us\" or \"ns\"", &text));
    for (size_t index = 0; index < sizeof units / sizeof units[0]; index++) {
        if (strlen(units[index].name) == text.length &&
            memcmp(units[index].name, text.bytes, text.length) == 0) {
            record->state->unit = units[index].nanoseconds;
            return VARVE_OK;
        }
    }
    record->at = start;
    return expected(record, "a unit: \"s\", \"ms\", \"us\" or \"ns\"");
}

/* ------------------------------------------------------------------------------- Object */

/* Behind the member name and its colon, if it is this one and comes for the first time. */
static bool is_member(varve_string name, const char *known, bool seen)
{
    return !seen && strlen(known) == name.length && memcmp(known, name.bytes, name.length) == 0;
}

static varve_status read_member(struct record *record)
{
    struct state *state = record->state;
    const char *start = record->at;
    varve_string name;
    record->importer->scratch_used = 0;
    VV_TRY(read_string(record, "metric, values, timestamps or unit in double quotes", &name));
    if (!take(record, ':')) {
        return expected(record, ": after the member name");
    }
    if (is_member(name, "metric", state->has_metric)) {
        return read_metric(record);
    }
    if (is_member(name, "values", state->has_values)) {
        return read_values(record);
    }
    if (is_member(name, "timestamps", state->has_timestamps)) {
        return read_timestamps(record);
    }
    if (is_member(name, "unit", false)) {
        return read_unit(record);
    }
    record->at = start;
    return expected(record, "metric, values, timestamps or unit, each once");
}

static varve_status read_object(struct record *record)
{
    if (!take(record, '{')) {
        return expected(record, "{ at the start of the line");
    }
    do {
        VV_TRY(read_member(record));
    } while (take(record, ','));
    if (!take(record, '}')) {
        return expected(record, ", or } after the member");
    }
    if (record->at != record->end) {
        return expected(record, "the end of the line after the object");
    }
    return VARVE_OK;
}

static varve_status add_samples(struct record *record)
{
    struct state *state = record->state;
    struct vv_importer *importer = record->importer;
    const char *start = record->line->text;
    if (!state->has_metric || !state->has_values || !state->has_timestamps) {
        return vv_import_fault(importer, start, "the object has no %s",
                               !state->has_metric   ? "metric"
                               : !state->has_values ? "values"
                                                    : "timestamps");
    }
    if (state->value_count != state->timestamp_count) {
        return vv_import_fault(importer, start, "%zu values but %zu timestamps", state->value_count,
                               state->timestamp_count);
    }
    for (size_t index = 0; index < state->value_count; index++) {
        int64_t time;
        if (__builtin_mul_overflow(state->timestamps[index], state->unit, &time) ||
            time == INT64_MAX) {
            return vv_import_fault(importer, start,
                                   "timestamp %zu is not of the years 1677 to 2262 (is its unit "
                                   "right?)",
                                   index + 1);
        }
        VV_TRY(vv_import_add(importer, state->entry, time, state->values[index]));
    }
    return VARVE_OK;
}

static varve_status jsonl_line(struct vv_importer *importer, void *memory, struct vv_line *line)
{
    struct state *state = memory;
    *state = (struct state){
        .values = state->values, .timestamps = state->timestamps, .unit = importer->unit};
    struct record record = {.importer = importer,
                            .line = line,
                            .state = state,
                            .at = line->text,
                            .end = line->text + line->length};
    skip_space(&record);
    if (record.at == record.end) {
        return VARVE_OK;
    }
    VV_TRY(read_object(&record));
    return add_samples(&record);
}

const struct vv_text_reader vv_jsonl_reader = {
    .create = create, .line = jsonl_line, .destroy = destroy};
