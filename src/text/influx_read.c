/*
 * influx_read.c - Influx line protocol in.
 *
 *   cpu,host=a,rack=1 usage=1.5,idle=2i,note="text" 1700000000000000000
 *   |--- prefix ----| |------- fields ------------| |- nanoseconds --|
 *
 * becomes cpu_usage{host="a",rack="1"} and cpu_idle{...}; a field named value becomes the bare
 * measurement.
 *
 * N1  In the cache the prefix is an entry without a series, and each of its fields a child of it,
 *     so a line whose fields come in the order of last time costs one comparison for the prefix and
 *     one for each field.
 * N2  A backslash is an escape before the characters that would end the name (space and comma; in
 *     tags and field keys also =) and stands for itself elsewhere. So no name that is followed by
 *     its end ends with a backslash, and a known prefix behind which a space stands is the whole
 *     prefix.
 * N3  Only string fields may contain line feeds; they make the record longer, which may move its
 *     bytes.
 *
 * Thread: that of the import.
 */
#include "base/number_text.h"
#include "text/importer.h"

/* What ends a name: the line end and other control characters always, and */
enum name_kind {
    NAME_PREFIX,      /* measurement and tags: a space */
    NAME_MEASUREMENT, /* a space or a comma */
    NAME_KEY,         /* keys and tag values: a space, a comma or = */
};

static bool is_control(char character)
{
    return (unsigned char)character < ' ' || character == 0x7f;
}

/* Whether the character would end the name unless a backslash stands before it. */
static inline bool is_escapable(char character, enum name_kind kind)
{
    return character == ' ' || (character == ',' && kind != NAME_PREFIX) ||
           (character == '=' && kind == NAME_KEY);
}

/* The parts of a record: `at` moves through the line. */
struct record {
    struct vv_importer *importer;
    struct vv_line *line;
    const char *at;
    const char *end;
    uint32_t prefix;
};

static varve_status expected(const struct record *record, const char *at, const char *what)
{
    return vv_import_expected(record->importer, record->line, at, what, " ,=");
}

/* Behind the name at `at`: at the first character that ends it unescaped, at the latest the line
 * end. */
static inline const char *skip_name(const char *at, enum name_kind kind)
{
    for (;;) {
        if (*at == '\\') {
            at += is_escapable(at[1], kind) ? 2 : 1;
        } else if (is_control(*at) || is_escapable(*at, kind)) {
            return at;
        } else {
            at++;
        }
    }
}

/* The name with its escapes undone; in the scratch only if it has some. */
static varve_string unescape(struct vv_importer *importer, const char *at, const char *end,
                             enum name_kind kind)
{
    if (memchr(at, '\\', (size_t)(end - at)) == NULL) {
        return (varve_string){at, (size_t)(end - at)};
    }
    char *start = importer->scratch + importer->scratch_used;
    char *out = start;
    while (at < end) {
        at += *at == '\\' && at + 1 < end && is_escapable(at[1], kind) ? 1 : 0;
        *out++ = *at++;
    }
    importer->scratch_used += (size_t)(out - start);
    return (varve_string){start, (size_t)(out - start)};
}

/* ------------------------------------------------------------------------------- Prefix */

/* One ,key=value at record->at. */
static varve_status read_tag(struct record *record)
{
    struct vv_importer *importer = record->importer;
    const char *key = record->at + 1;
    const char *key_end = skip_name(key, NAME_KEY);
    if (key_end == key) {
        return expected(record, key, "a tag key after the comma");
    }
    if (*key_end != '=') {
        return expected(record, key_end, "= after the tag key");
    }
    const char *value = key_end + 1;
    const char *value_end = skip_name(value, NAME_KEY);
    if (value_end == value) {
        return expected(record, value, "a tag value after =");
    }
    record->at = value_end;
    return vv_import_label(importer, key, unescape(importer, key, key_end, NAME_KEY),
                           unescape(importer, value, value_end, NAME_KEY));
}

/* Gathers the tags of the prefix as labels and gives the measurement, whose label is the
 * caller's. */
static varve_status read_prefix(struct record *record, const char *start, varve_string *measurement)
{
    struct vv_importer *importer = record->importer;
    vv_import_labels_begin(importer);
    const char *stop = skip_name(start, NAME_MEASUREMENT);
    if (stop == start) {
        return expected(record, start, "a measurement");
    }
    *measurement = unescape(importer, start, stop, NAME_MEASUREMENT);
    record->at = stop;
    while (*record->at == ',') {
        VV_TRY(read_tag(record));
    }
    if (*record->at != ' ') {
        return expected(record, record->at,
                        record->at == stop ? "a comma or a space after the measurement"
                                           : "a comma or a space after the tag value");
    }
    return VARVE_OK;
}

/* Finds the prefix at record->at, which moves to the space behind it. */
static varve_status find_prefix(struct record *record)
{
    struct vv_importer *importer = record->importer;
    struct vv_series_cache *cache = &importer->cache;
    const char *start = record->at;
    uint32_t last = cache->last;
    uint32_t entry = vv_series_cache_entry(cache, last)->after;
    if (vv_series_cache_begins(cache, entry, start, (size_t)(record->end - start)) &&
        start[vv_series_cache_entry(cache, entry)->text_length] == ' ') {
        record->at = start + vv_series_cache_entry(cache, entry)->text_length;
    } else {
        const char *stop = skip_name(start, NAME_PREFIX);
        size_t length = (size_t)(stop - start);
        entry = vv_series_cache_find(cache, VV_SERIES_NONE, start, length);
        record->at = stop;
        if (entry == VV_SERIES_NONE || *stop != ' ') {
            varve_string measurement;
            VV_TRY(read_prefix(record, start, &measurement));
        }
        if (entry == VV_SERIES_NONE) {
            VV_TRY(vv_series_cache_add(cache, VV_SERIES_NONE, start, length, 0, &entry));
        }
        vv_series_cache_entry(cache, last)->after = entry;
    }
    cache->last = entry;
    record->prefix = entry;
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Values */

/* A string field: record->at stands on the opening quote and moves behind the closing one. */
static varve_status skip_string(struct record *record)
{
    size_t quote = (size_t)(record->at - record->line->text);
    size_t offset = quote + 1;
    for (;;) {
        const char *text = record->line->text;
        size_t length = record->line->length;
        while (offset < length && text[offset] != '"') {
            offset += text[offset] == '\\' ? 2 : 1;
        }
        if (offset < length) {
            break;
        }
        /* A backslash before the line feed takes it along, so offset may stand behind the end. */
        varve_status status = vv_import_extend(record->importer, record->line);
        record->end = record->line->text + record->line->length;
        if (status == VARVE_NOT_FOUND || status == VARVE_LIMIT) {
            return vv_import_fault(record->importer, record->line->text + quote,
                                   "the quote is not closed");
        }
        VV_TRY(status);
    }
    record->at = record->line->text + offset + 1;
    record->importer->line_strings++;
    return VARVE_OK;
}

static const char *skip_boolean(const char *at, double *value)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"true", 1},  {"True", 1},  {"TRUE", 1},  {"t", 1}, {"T", 1},
                 {"false", 0}, {"False", 0}, {"FALSE", 0}, {"f", 0}, {"F", 0}};
    for (size_t index = 0; index < sizeof words / sizeof words[0]; index++) {
        size_t length = strlen(words[index].word);
        if (memcmp(at, words[index].word, length) == 0) {
            *value = words[index].value;
            return at + length;
        }
    }
    return NULL;
}

/* Digits and a u: up to 64 bits. */
static varve_status read_unsigned(struct record *record, const char *stop, double *value)
{
    uint64_t integer;
    if (!vv_uint64_parse(record->at, (size_t)(stop - record->at), &integer)) {
        return expected(record, record->at, "an unsigned integer of 64 bits");
    }
    *value = (double)integer;
    record->importer->line_rounded += *value >= 0x1p64 || (uint64_t)*value != integer ? 1 : 0;
    record->at = stop + 1;
    return VARVE_OK;
}

/* A number, with i or u behind it if it is an integer. record->at moves behind it. */
static varve_status read_number(struct record *record, double *value)
{
    const char *digits = record->at + (*record->at == '-' ? 1 : 0);
    uint64_t magnitude = 0;
    const char *stop = vv_scan_digits(digits, &magnitude);
    if (*stop == 'i' && stop > digits) {
        int64_t integer = (int64_t)(*record->at == '-' ? 0 - magnitude : magnitude);
        if (stop - digits > 18 && vv_scan_integer_slow(record->at, &integer) == NULL) {
            return expected(record, record->at, "an integer of 64 bits");
        }
        *value = vv_import_integer(record->importer, integer);
        record->at = stop + 1;
        return VARVE_OK;
    }
    if (*stop == 'u') {
        return read_unsigned(record, stop, value);
    }
    stop = vv_scan_decimal(record->at, value);
    if (stop == NULL) {
        return expected(record, record->at, "a number");
    }
    record->at = stop;
    return VARVE_OK;
}

static varve_status read_value(struct record *record, double *value)
{
    char first = *record->at;
    if ((first >= '0' && first <= '9') || first == '-' || first == '.') {
        return read_number(record, value);
    }
    const char *stop = skip_boolean(record->at, value);
    if (stop == NULL) {
        return expected(record, record->at, "a number, true, false or a string in double quotes");
    }
    record->at = stop;
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Fields */

/* The series of a field that is not in the cache: its labels are those of the prefix, its name is
 * measurement_field. */
static varve_status resolve_field(struct record *record, const char *key, size_t length,
                                  uint32_t *entry)
{
    struct vv_importer *importer = record->importer;
    const char *behind = record->at;
    const char *start = vv_skip_spaces(record->line->text);
    varve_string measurement;
    VV_TRY(read_prefix(record, start, &measurement));
    record->at = behind;
    varve_string field = unescape(importer, key, key + length, NAME_KEY);
    varve_string name = measurement;
    if (field.length != 5 || memcmp(field.bytes, "value", 5) != 0) {
        char *joined = importer->scratch + importer->scratch_used;
        memcpy(joined, measurement.bytes, measurement.length);
        joined[measurement.length] = '_';
        memcpy(joined + measurement.length + 1, field.bytes, field.length);
        name = (varve_string){joined, measurement.length + 1 + field.length};
    }
    VV_TRY(vv_import_label(importer, start, VARVE_STRING("__name__"), name));
    return vv_import_resolve(importer, start, record->prefix, key, length, entry);
}

/* Reads the field at record->at whose key is not the predicted one. *entry stays for a string
 * field. */
static varve_status read_other_field(struct record *record, uint32_t *entry)
{
    struct vv_series_cache *cache = &record->importer->cache;
    const char *key = record->at;
    const char *stop = skip_name(key, NAME_KEY);
    if (stop == key) {
        return expected(record, key, "a field key");
    }
    if (*stop != '=') {
        return expected(record, stop, "= after the field key");
    }
    record->at = stop + 1;
    if (*record->at == '"') {
        return skip_string(record);
    }
    size_t length = (size_t)(stop - key);
    uint32_t found = vv_series_cache_find(cache, record->prefix, key, length);
    if (found == VV_SERIES_NONE) {
        VV_TRY(resolve_field(record, key, length, &found));
    }
    struct vv_series_entry *before =
        vv_series_cache_entry(cache, *entry != VV_SERIES_NONE ? *entry : record->prefix);
    *(*entry != VV_SERIES_NONE ? &before->after : &before->child) = found;
    *entry = found;
    double value = 0;
    VV_TRY(read_value(record, &value));
    return vv_import_add(record->importer, found, 0, value);
}

/* Reads the field at record->at; *entry is the numeric field before it in the line. */
static varve_status read_field(struct record *record, uint32_t *entry)
{
    struct vv_series_cache *cache = &record->importer->cache;
    uint32_t guess = *entry != VV_SERIES_NONE ? vv_series_cache_entry(cache, *entry)->after
                                              : vv_series_cache_entry(cache, record->prefix)->child;
    size_t length = vv_series_cache_entry(cache, guess)->text_length;
    if (!vv_series_cache_begins(cache, guess, record->at, (size_t)(record->end - record->at)) ||
        record->at[length] != '=' || record->at[length + 1] == '"') {
        return read_other_field(record, entry);
    }
    record->at += length + 1;
    *entry = guess;
    double value = 0;
    VV_TRY(read_value(record, &value));
    return vv_import_add(record->importer, guess, 0, value);
}

/* Reads fields while they are what most fields are: a known series, in the order of last time, and
 * a short integer; everything that they need is in registers. record->at moves behind the last one.
 * False: the first one is of another kind, and nothing has happened. */
static bool read_usual_fields(struct record *record, uint32_t *entry)
{
    enum { DIGITS_MAX = 15 }; /* exact in a double */
    struct vv_importer *importer = record->importer;
    const struct vv_series_cache *cache = &importer->cache;
    const struct vv_sample_columns *batch = &importer->batch;
    const char *at = record->at;
    uint32_t next = *entry != VV_SERIES_NONE ? vv_series_cache_entry(cache, *entry)->after
                                             : vv_series_cache_entry(cache, record->prefix)->child;
    size_t used = importer->used;
    for (; used < batch->capacity; used++) {
        const struct vv_series_entry *known = vv_series_cache_entry(cache, next);
        const char *equals = at + known->text_length;
        if (!known->counted ||
            !vv_series_cache_begins(cache, next, at, (size_t)(record->end - at)) ||
            *equals != '=') {
            break;
        }
        uint64_t magnitude = 0;
        const char *stop = vv_scan_digits(equals + 1, &magnitude);
        size_t digits = (size_t)(stop - equals) - 1;
        if (*stop != 'i' || digits - 1 >= DIGITS_MAX) {
            break;
        }
        batch->series[used] = known->series;
        batch->values[used] = (double)(int64_t)magnitude;
        *entry = next;
        next = known->after;
        record->at = stop + 1;
        at = record->at + 1;
        if (*record->at != ',') {
            used++;
            break;
        }
    }
    bool any = used > importer->used;
    importer->used = used;
    return any;
}

static varve_status read_fields(struct record *record)
{
    uint32_t entry = VV_SERIES_NONE;
    for (;;) {
        if (!read_usual_fields(record, &entry)) {
            VV_TRY(read_field(record, &entry));
        }
        if (*record->at != ',') {
            break;
        }
        record->at++;
    }
    if (record->at < record->end && *record->at != ' ') {
        return expected(record, record->at, "a comma or a space after the field value");
    }
    return VARVE_OK;
}

static varve_status read_time(struct record *record, int64_t *time)
{
    const char *start = vv_skip_spaces(record->at);
    const char *end = record->end;
    while (end > start && end[-1] == ' ') {
        end--;
    }
    if (start == end) {
        *time = record->importer->options->now;
        return VARVE_OK;
    }
    if (vv_import_time_integer(record->importer, start, end, time)) {
        return VARVE_OK;
    }
    int64_t integer;
    return expected(record, start,
                    vv_scan_integer(start, &integer) == end
                        ? "a timestamp of the years 1677 to 2262 (is its unit right?)"
                        : "a whole number as timestamp");
}

static varve_status influx_line(struct vv_importer *importer, void *state, struct vv_line *line)
{
    (void)state;
    struct record record = {.importer = importer,
                            .line = line,
                            .at = vv_skip_spaces(line->text),
                            .end = line->text + line->length};
    if (record.at == record.end || *record.at == '#') {
        return VARVE_OK;
    }
    VV_TRY(find_prefix(&record));
    record.at = vv_skip_spaces(record.at);
    VV_TRY(read_fields(&record));
    int64_t time = 0;
    VV_TRY(read_time(&record, &time));
    for (size_t index = importer->count; index < importer->used; index++) {
        importer->batch.timestamps[index] = time;
    }
    return VARVE_OK;
}

const struct vv_text_reader vv_influx_reader = {.line = influx_line};
