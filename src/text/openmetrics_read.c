/*
 * openmetrics_read.c - OpenMetrics text in, strictly.
 *
 *   # TYPE disk_bytes counter
 *   # UNIT disk_bytes bytes
 *   # HELP disk_bytes Bytes written.
 *   disk_bytes_total{disk="a"} 17 1520879607.789 # {trace="x"} 5
 *   # EOF
 *
 * O1  Metadata of a family stands together, before its samples, each kind once; a unit ends its
 *     name.
 * O2  A sample whose name begins with the name of the typed family above it must have one of the
 *     suffixes of that type; any other name is a family of its own, of unknown type.
 * O3  Parts are separated by exactly one space; there are no blank lines and no other comments; #
 *     EOF is the last line. Times are seconds. Exemplars are checked for form and left out.
 *
 * O2 is checked when a series is seen for the first time: the same text gives the same verdict.
 *
 * Thread: that of the import.
 */
#include <math.h>

#include "base/checksum.h"
#include "os/alloc.h"
#include "text/prom_series.h"

enum type { UNKNOWN, GAUGE, COUNTER, STATESET, INFO, HISTOGRAM, GAUGE_HISTOGRAM, SUMMARY };

/* The suffixes of the samples of a type, separated by spaces; "-" is the bare name. */
struct type_rule {
    const char *name;
    const char *suffixes;
};

static const struct type_rule rules[] = {
    [UNKNOWN] = {"unknown", "-"},
    [GAUGE] = {"gauge", "-"},
    [COUNTER] = {"counter", "_total _created"},
    [STATESET] = {"stateset", "-"},
    [INFO] = {"info", "_info"},
    [HISTOGRAM] = {"histogram", "_bucket _count _sum _created"},
    [GAUGE_HISTOGRAM] = {"gaugehistogram", "_bucket _gcount _gsum"},
    [SUMMARY] = {"summary", "- _count _sum _created"},
};

#define TYPE_COUNT (sizeof rules / sizeof rules[0])

/* Kinds of metadata, as bits of state.metadata. */
enum metadata { METADATA_TYPE = 1, METADATA_UNIT = 2, METADATA_HELP = 4 };

struct state {
    char *family; /* name of the family whose metadata came last */
    size_t family_length;
    size_t family_capacity;
    enum type type;
    unsigned metadata;             /* kinds that it has */
    bool sampled;                  /* samples of it have come */
    bool ended;                    /* # EOF has come */
    struct vv_handle_set families; /* hashes of the names of all families with metadata */
};

static varve_status create(struct vv_importer *importer, void **out)
{
    (void)importer;
    *out = vv_alloc_zeroed(1, sizeof(struct state));
    return *out != NULL ? VARVE_OK : VARVE_NO_MEMORY;
}

static void destroy(void *memory)
{
    struct state *state = memory;
    if (state != NULL) {
        vv_free(state->family);
        vv_handle_set_fini(&state->families);
        vv_free(state);
    }
}

/* ----------------------------------------------------------------------------- Metadata */

static bool text_is(const char *at, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(at, word, length) == 0;
}

static varve_status begin_family(struct vv_importer *importer, struct state *state, const char *at,
                                 size_t length)
{
    uint64_t hash = vv_hash(at, length);
    size_t before = state->families.count;
    VV_TRY(vv_handle_set_add(&state->families, hash));
    if (state->families.count == before) {
        char excerpt[VV_EXCERPT_BYTES];
        return vv_import_fault(importer, at,
                               "metric family %s comes twice: its lines must stand "
                               "together",
                               vv_excerpt(excerpt, at, length));
    }
    if (length > state->family_capacity) {
        char *family = vv_realloc(state->family, length * 2);
        if (family == NULL) {
            return VARVE_NO_MEMORY;
        }
        state->family = family;
        state->family_capacity = length * 2;
    }
    memcpy(state->family, at, length);
    state->family_length = length;
    state->type = UNKNOWN;
    state->metadata = 0;
    state->sampled = false;
    return VARVE_OK;
}

static varve_status set_type(struct vv_importer *importer, struct state *state, const char *at,
                             size_t length)
{
    for (size_t type = 0; type < TYPE_COUNT; type++) {
        if (text_is(at, length, rules[type].name)) {
            state->type = (enum type)type;
            return VARVE_OK;
        }
    }
    char excerpt[VV_EXCERPT_BYTES];
    return vv_import_fault(importer, at,
                           "expected a type (counter, gauge, histogram, gaugehistogram, summary, "
                           "info, stateset or unknown), got %s",
                           vv_excerpt(excerpt, at, length));
}

static varve_status check_unit(struct vv_importer *importer, const struct state *state,
                               const char *at, size_t length)
{
    bool suffix =
        length == 0 || (length < state->family_length &&
                        memcmp(state->family + state->family_length - length, at, length) == 0 &&
                        state->family[state->family_length - length - 1] == '_');
    if (!suffix) {
        return vv_import_fault(importer, at, "the name of the family must end with _%.*s",
                               length < 64 ? (int)length : 64, at);
    }
    return VARVE_OK;
}

static bool is_name_character(char character, bool first)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           character == '_' || character == ':' || (!first && character >= '0' && character <= '9');
}

/* The name at `at`, bare or quoted (its escapes stay as they are); NULL if there is none. */
static const char *skip_name(const char *at, const char *end)
{
    const char *start = at;
    if (*at == '"') {
        for (at++; at < end && *at != '"'; at++) {
            at += *at == '\\' ? 1 : 0;
        }
        return at < end ? at + 1 : NULL;
    }
    while (is_name_character(*at, at == start)) {
        at++;
    }
    return at > start ? at : NULL;
}

/* The rest of a line # TYPE, # UNIT or # HELP: a space, the name, a space, the text. */
static varve_status read_metadata(struct vv_importer *importer, struct state *state,
                                  const struct vv_line *line, enum metadata kind)
{
    const char *end = line->text + line->length;
    const char *name = line->text + strlen("# TYPE ");
    const char *name_end = name < end ? skip_name(name, end) : NULL;
    bool empty = name_end == name + 2 && *name == '"';
    if (name_end == NULL || empty) {
        return vv_import_expected(importer, line, name, "the name of a metric family", " ");
    }
    if (name_end == end || *name_end != ' ') {
        return vv_import_expected(importer, line, name_end, "a space and the text", "");
    }
    const char *bare = *name == '"' ? name + 1 : name;
    size_t length = (size_t)(name_end - name) - (*name == '"' ? 2 : 0);
    bool same = state->family_length == length && memcmp(state->family, bare, length) == 0;
    if (!same || state->metadata == 0) {
        VV_TRY(begin_family(importer, state, bare, length));
    }
    if (state->sampled) {
        return vv_import_fault(importer, line->text,
                               "metadata stands before the samples of its "
                               "family");
    }
    if ((state->metadata & kind) != 0) {
        return vv_import_fault(importer, line->text, "second # %.4s of this family",
                               line->text + 2);
    }
    state->metadata |= kind;
    const char *text = name_end + 1;
    if (kind == METADATA_TYPE) {
        return set_type(importer, state, text, (size_t)(end - text));
    }
    return kind == METADATA_UNIT ? check_unit(importer, state, text, (size_t)(end - text))
                                 : VARVE_OK;
}

static varve_status read_comment(struct vv_importer *importer, struct state *state,
                                 const struct vv_line *line)
{
    static const struct {
        const char *word;
        enum metadata kind;
    } kinds[] = {
        {"# TYPE ", METADATA_TYPE}, {"# UNIT ", METADATA_UNIT}, {"# HELP ", METADATA_HELP}};
    if (text_is(line->text, line->length, "# EOF")) {
        state->ended = true;
        return VARVE_OK;
    }
    for (size_t index = 0; index < 3; index++) {
        if (line->length >= 7 && memcmp(line->text, kinds[index].word, 7) == 0) {
            return read_metadata(importer, state, line, kinds[index].kind);
        }
    }
    return vv_import_expected(importer, line, line->text, "# TYPE, # UNIT, # HELP or # EOF", "");
}

/* ------------------------------------------------------------------------------ Samples */

static bool has_suffix(enum type type, const char *suffix, size_t length)
{
    for (const char *at = rules[type].suffixes; *at != '\0';) {
        size_t word = strcspn(at, " ");
        bool bare = word == 1 && *at == '-';
        if (bare ? length == 0 : word == length && memcmp(at, suffix, length) == 0) {
            return true;
        }
        at += word + (at[word] == ' ' ? 1 : 0);
    }
    return false;
}

/* The value of a label that was just gathered; empty if there is none. */
static varve_string label_value(const struct vv_importer *importer, const char *name)
{
    for (size_t index = 0; index < importer->label_count; index++) {
        const varve_label *label = &importer->labels[index];
        if (text_is(label->name.bytes, label->name.length, name)) {
            return label->value;
        }
    }
    return (varve_string){"", 0};
}

/* A bucket is told by its bound, a quantile by its share. */
static varve_status check_bound(struct vv_importer *importer, const char *at)
{
    double bound;
    varve_string text = label_value(importer, "le");
    if (text.length == 0) {
        return vv_import_fault(importer, at, "a bucket must have the label le");
    }
    if (varve_value_parse(text, &bound) != VARVE_OK || isnan(bound)) {
        return vv_import_fault(importer, at, "the label le of a bucket must be a number");
    }
    return VARVE_OK;
}

static varve_status check_quantile(struct vv_importer *importer, const char *at)
{
    double share;
    varve_string text = label_value(importer, "quantile");
    if (text.length == 0) {
        return vv_import_fault(importer, at,
                               "a quantile of a summary must have the label "
                               "quantile");
    }
    if (varve_value_parse(text, &share) != VARVE_OK || !(share >= 0 && share <= 1)) {
        return vv_import_fault(importer, at,
                               "the label quantile of a summary must be a number from 0 to 1");
    }
    return VARVE_OK;
}

/* O2, on the labels that were just gathered. */
static varve_status check_type(struct vv_importer *importer, void *memory, const char *at)
{
    struct state *state = memory;
    varve_string name = label_value(importer, "__name__");
    if ((state->metadata & METADATA_TYPE) == 0 || name.length < state->family_length ||
        memcmp(name.bytes, state->family, state->family_length) != 0) {
        return VARVE_OK;
    }
    const char *suffix = name.bytes + state->family_length;
    size_t length = name.length - state->family_length;
    if (!has_suffix(state->type, suffix, length)) {
        return length > 0
                   ? VARVE_OK
                   : vv_import_fault(importer, at, "a sample of a %s must end with one of: %s",
                                     rules[state->type].name, rules[state->type].suffixes);
    }
    state->sampled = true;
    bool bucket = (state->type == HISTOGRAM || state->type == GAUGE_HISTOGRAM) &&
                  text_is(suffix, length, "_bucket");
    if (bucket) {
        return check_bound(importer, at);
    }
    bool quantile = state->type == SUMMARY && length == 0;
    return quantile ? check_quantile(importer, at) : VARVE_OK;
}

/* A time at `at`; the text of the last one is known by sight. */
static varve_status read_time(struct vv_importer *importer, const struct vv_line *line,
                              const char **at, int64_t *time)
{
    const char *start = *at;
    size_t known = importer->time_length;
    bool same = known > 0 && (size_t)(line->text + line->length - start) >= known &&
                memcmp(start, importer->time_text, known) == 0;
    if (same && (start[known] == ' ' || start + known == line->text + line->length)) {
        *at = start + known;
        *time = importer->time;
        return VARVE_OK;
    }
    const char *end = vv_scan_time(start, importer->unit, time);
    if (end == NULL || (*end != ' ' && end != line->text + line->length)) {
        return vv_import_expected(importer, line, start,
                                  "a timestamp in seconds of the years 1677 to 2262", " ");
    }
    size_t length = (size_t)(end - start);
    if (length <= sizeof importer->time_text) {
        memcpy(importer->time_text, start, length);
        importer->time_length = length;
        importer->time = *time;
    }
    *at = end;
    return VARVE_OK;
}

/* " value" with one space before it. */
static varve_status read_value(struct vv_importer *importer, const struct vv_line *line,
                               const char **at, double *value)
{
    if (**at != ' ') {
        return vv_import_expected(importer, line, *at, "a space and a number", " ");
    }
    const char *end = vv_scan_value(*at + 1, value);
    if (end == NULL || (*end != ' ' && end != line->text + line->length)) {
        return vv_import_expected(importer, line, *at + 1, "a number", " ");
    }
    *at = end;
    return VARVE_OK;
}

/* " # {labels} value [time]" behind a sample. */
static varve_status skip_exemplar(struct vv_importer *importer, const struct vv_line *line,
                                  const char **at)
{
    const char *next = *at + strlen(" # ");
    double value = 0;
    int64_t time = 0;
    VV_TRY(vv_prom_skip_labels(importer, line, next, &next));
    VV_TRY(read_value(importer, line, &next, &value));
    if (*next == ' ') {
        next++;
        VV_TRY(read_time(importer, line, &next, &time));
    }
    *at = next;
    return VARVE_OK;
}

/* What stands behind the series: " value", then perhaps " time", then perhaps an exemplar. */
static varve_status read_sample(struct vv_importer *importer, const struct vv_line *line,
                                const char *at, int64_t *time, double *value)
{
    const char *end = line->text + line->length;
    VV_TRY(read_value(importer, line, &at, value));
    *time = importer->options->now;
    if (at < end && *at == ' ' && at[1] != '#') {
        at++;
        VV_TRY(read_time(importer, line, &at, time));
    }
    if (end - at >= 4 && memcmp(at, " # {", 4) == 0) {
        VV_TRY(skip_exemplar(importer, line, &at));
    }
    if (at != end) {
        return vv_import_expected(importer, line, at, "the end of the line or an exemplar", "");
    }
    return VARVE_OK;
}

static varve_status openmetrics_line(struct vv_importer *importer, void *memory,
                                     struct vv_line *line)
{
    struct state *state = memory;
    if (state->ended) {
        return vv_import_fault(importer, line->text, "data behind # EOF");
    }
    if (line->length == 0) {
        return vv_import_fault(importer, line->text, "blank line");
    }
    if (line->text[0] == '#') {
        return read_comment(importer, state, line);
    }
    const char *at;
    int64_t time = 0;
    double value = 0;
    uint32_t entry = vv_prom_known(importer, line, &at);
    if (entry == VV_SERIES_NONE) {
        VV_TRY(vv_prom_series(importer, line, line->text, VV_PROM_BLANKS_STRICT, check_type, state,
                              &at, &entry));
    }
    VV_TRY(read_sample(importer, line, at, &time, &value));
    return vv_import_add(importer, entry, time, value);
}

static varve_status openmetrics_end(struct vv_importer *importer, void *memory,
                                    struct vv_line *line)
{
    const struct state *state = memory;
    return state->ended ? VARVE_OK
                        : vv_import_fault(importer, line->text,
                                          "the input does not end with # EOF: is it complete?");
}

const struct vv_text_reader vv_openmetrics_reader = {
    .create = create, .line = openmetrics_line, .end = openmetrics_end, .destroy = destroy};
