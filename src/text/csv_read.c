/*
 * csv_read.c - CSV in: a header, then rows.
 *
 *   series,time,value              time,host,usage,idle       (host a label column)
 *   "up{job=""a""}",2026-...Z,1    2026-...Z,web-1,1.5,98
 *
 * V1  In the cache the raw series cell of a canonical row is an entry with a series. Rows of other
 *     tables have an entry for their label cells, each with its length before it, and below it one
 *     for each value column, known by its number.
 * V2  An empty value cell is no sample. A cell that is no value makes the row a bad line.
 *
 * Thread: that of the import.
 */
#include <math.h>

#include "base/bytes.h"
#include "base/number_text.h"
#include "index/key.h"
#include "os/alloc.h"
#include "text/csv_header.h"
#include "text/csv_time.h"

struct state {
    struct vv_csv_header header;
    struct vv_csv_time time;
    struct vv_csv_cell *cells; /* VV_CSV_COLUMNS_MAX entries */
    struct vv_buffer key;      /* a series key, or the label cells of a row */
};

static varve_status create(struct vv_importer *importer, void **out)
{
    struct state *state = vv_alloc_zeroed(1, sizeof *state);
    if (state == NULL) {
        return VARVE_NO_MEMORY;
    }
    *out = state;
    vv_buffer_init(&state->key);
    state->cells = vv_alloc(VV_CSV_COLUMNS_MAX * sizeof *state->cells);
    if (state->cells == NULL) {
        return VARVE_NO_MEMORY;
    }
    return vv_csv_time_init(&state->time, importer->options, importer->error);
}

static void destroy(void *memory)
{
    struct state *state = memory;
    if (state != NULL) {
        vv_csv_header_fini(&state->header);
        vv_buffer_fini(&state->key);
        vv_free(state->cells);
        vv_free(state);
    }
}

/* A value as varve_value_parse() reads it, except that finite text is never an infinity. */
static bool parse_value(varve_string text, double *value)
{
    if (!vv_double_parse(text.bytes, text.length, value)) {
        return false;
    }
    char last = text.bytes[text.length - 1];
    bool is_word = (last >= 'a' && last <= 'z') || (last >= 'A' && last <= 'Z');
    return !isinf(*value) || is_word;
}

/* ---------------------------------------------------------------------------- Canonical */

/* A row whose series came after the one before it last time: no cell is looked for. False: look
 * closer. */
static bool read_known(struct vv_importer *importer, struct state *state,
                       const struct vv_line *line, uint32_t *entry, int64_t *time, double *value)
{
    struct vv_series_cache *cache = &importer->cache;
    const char *end = line->text + line->length;
    uint32_t guess = vv_series_cache_entry(cache, cache->last)->after;
    if (!vv_series_cache_begins(cache, guess, line->text, line->length)) {
        return false;
    }
    const char *comma = line->text + vv_series_cache_entry(cache, guess)->text_length;
    if (*comma != ',' || comma == end) {
        return false;
    }
    const char *start = comma + 1;
    const char *stop = memchr(start, ',', (size_t)(end - start));
    if (stop == NULL || *start == '"' || vv_scan_decimal(stop + 1, value) != end) {
        return false;
    }
    varve_string text = {start, (size_t)(stop - start)};
    if (vv_csv_time_read(&state->time, importer, start, text, time) != VARVE_OK) {
        return false;
    }
    cache->last = guess;
    *entry = guess;
    return true;
}

/* The entry of the series in the first cell. */
static varve_status find_series(struct vv_importer *importer, struct state *state,
                                const struct vv_line *line, uint32_t *entry)
{
    struct vv_series_cache *cache = &importer->cache;
    const struct vv_csv_cell *cell = &state->cells[0];
    size_t quotes = cell->quoted ? 1 : 0;
    const char *raw = line->text + cell->start - quotes;
    size_t raw_length = cell->length + 2 * quotes;
    uint32_t found = vv_series_cache_find(cache, VV_SERIES_NONE, raw, raw_length);
    if (found == VV_SERIES_NONE) {
        varve_error error = {.status = VARVE_OK};
        vv_import_labels_begin(importer);
        vv_buffer_clear(&state->key);
        varve_string text = vv_csv_content(importer, line, cell);
        varve_status status = vv_key_parse(text, &state->key, &error);
        if (status == VARVE_INVALID || status == VARVE_LIMIT) {
            return vv_import_fault(importer, raw, "%s", error.message);
        }
        VV_TRY(status);
        struct vv_key key = {state->key.bytes, state->key.length};
        importer->label_count = vv_key_labels(key, importer->labels);
        VV_TRY(vv_import_resolve(importer, raw, VV_SERIES_NONE, raw, raw_length, &found));
    }
    vv_series_cache_entry(cache, cache->last)->after = found;
    cache->last = found;
    *entry = found;
    return VARVE_OK;
}

/* The time cell of a row. */
static varve_status read_time(struct vv_importer *importer, struct state *state,
                              const struct vv_line *line, int64_t *time)
{
    const struct vv_csv_cell *cell = &state->cells[state->header.time];
    varve_string text = vv_csv_trimmed(importer, line, cell);
    return vv_csv_time_read(&state->time, importer, line->text + cell->start, text, time);
}

static varve_status not_a_value(struct vv_importer *importer, const struct vv_line *line,
                                const struct vv_csv_cell *cell, varve_string column)
{
    char name[VV_EXCERPT_BYTES];
    char text[VV_EXCERPT_BYTES];
    return vv_import_fault(importer, line->text + cell->start,
                           "expected a number in column %s, got %s",
                           vv_excerpt(name, column.bytes, column.length),
                           vv_excerpt(text, line->text + cell->start, cell->length));
}

static varve_status read_canonical(struct vv_importer *importer, struct state *state,
                                   struct vv_line *line)
{
    uint32_t entry;
    int64_t time = 0;
    double value = 0;
    VV_TRY(read_time(importer, state, line, &time));
    const struct vv_csv_cell *cell = &state->cells[2];
    varve_string text = vv_csv_trimmed(importer, line, cell);
    if (!parse_value(text, &value)) {
        return not_a_value(importer, line, cell, VARVE_STRING("value"));
    }
    VV_TRY(find_series(importer, state, line, &entry));
    return vv_import_add(importer, entry, time, value);
}

/* ------------------------------------------------------------------------------- Tables */

/* The entry of the label cells of a row. */
static varve_status find_row(struct vv_importer *importer, struct state *state,
                             const struct vv_line *line, uint32_t *entry)
{
    struct vv_series_cache *cache = &importer->cache;
    vv_buffer_clear(&state->key);
    for (size_t index = 0; index < state->header.count; index++) {
        const struct vv_csv_cell *cell = &state->cells[index];
        if (state->header.columns[index].role == VV_CSV_LABEL) {
            VV_TRY(vv_buffer_append_u32(&state->key, (uint32_t)cell->length));
            VV_TRY(vv_buffer_append(&state->key, line->text + cell->start, cell->length));
        }
    }
    const char *key = state->key.length > 0 ? (const char *)state->key.bytes : "";
    uint32_t last = cache->last;
    uint32_t found = vv_series_cache_entry(cache, last)->after;
    if (!vv_series_cache_begins(cache, found, key, state->key.length) ||
        vv_series_cache_entry(cache, found)->text_length != state->key.length) {
        found = vv_series_cache_find(cache, VV_SERIES_NONE, key, state->key.length);
    }
    if (found == VV_SERIES_NONE) {
        VV_TRY(vv_series_cache_add(cache, VV_SERIES_NONE, key, state->key.length, 0, &found));
    }
    vv_series_cache_entry(cache, last)->after = found;
    cache->last = found;
    *entry = found;
    return VARVE_OK;
}

/* Makes the series of a value column of the row. */
static varve_status resolve_column(struct vv_importer *importer, struct state *state,
                                   const struct vv_line *line, uint32_t row, size_t index,
                                   const char *number, uint32_t *entry)
{
    const struct vv_csv_header *header = &state->header;
    vv_import_labels_begin(importer);
    for (size_t label = 0; label < header->count; label++) {
        const struct vv_csv_cell *cell = &state->cells[label];
        if (header->columns[label].role == VV_CSV_LABEL) {
            VV_TRY(vv_import_label(importer, line->text + cell->start, header->columns[label].name,
                                   vv_csv_content(importer, line, cell)));
        }
    }
    const char *at = line->text + state->cells[index].start;
    VV_TRY(vv_import_label(importer, at, VARVE_STRING("__name__"), header->columns[index].metric));
    return vv_import_resolve(importer, at, row, number, sizeof(uint32_t), entry);
}

/* The entry of a value column of the row; `before` is that of the column before it in the row, or
 * none. */
static varve_status find_column(struct vv_importer *importer, struct state *state,
                                const struct vv_line *line, uint32_t row, size_t index,
                                uint32_t before, uint32_t *entry)
{
    struct vv_series_cache *cache = &importer->cache;
    uint8_t number[sizeof(uint32_t)];
    vv_store_u32(number, (uint32_t)index);
    const char *text = (const char *)number;
    uint32_t found = before != VV_SERIES_NONE ? vv_series_cache_entry(cache, before)->after
                                              : vv_series_cache_entry(cache, row)->child;
    if (!vv_series_cache_begins(cache, found, text, sizeof number)) {
        found = vv_series_cache_find(cache, row, text, sizeof number);
        if (found == VV_SERIES_NONE) {
            VV_TRY(resolve_column(importer, state, line, row, index, text, &found));
        }
        struct vv_series_entry *from =
            vv_series_cache_entry(cache, before != VV_SERIES_NONE ? before : row);
        *(before != VV_SERIES_NONE ? &from->after : &from->child) = found;
    }
    *entry = found;
    return VARVE_OK;
}

static varve_status read_table_row(struct vv_importer *importer, struct state *state,
                                   struct vv_line *line)
{
    int64_t time = 0;
    uint32_t row;
    uint32_t before = VV_SERIES_NONE;
    VV_TRY(read_time(importer, state, line, &time));
    VV_TRY(find_row(importer, state, line, &row));
    for (size_t index = 0; index < state->header.count; index++) {
        const struct vv_csv_cell *cell = &state->cells[index];
        const struct vv_csv_column *column = &state->header.columns[index];
        if (column->role != VV_CSV_VALUE) {
            continue;
        }
        importer->scratch_used = 0;
        varve_string text = vv_csv_trimmed(importer, line, cell);
        double value;
        if (text.length == 0) {
            continue;
        }
        if (!parse_value(text, &value)) {
            return not_a_value(importer, line, cell, column->name);
        }
        VV_TRY(find_column(importer, state, line, row, index, before, &before));
        VV_TRY(vv_import_add(importer, before, time, value));
    }
    return VARVE_OK;
}

static varve_status csv_line(struct vv_importer *importer, void *memory, struct vv_line *line)
{
    struct state *state = memory;
    uint32_t entry;
    int64_t time = 0;
    double value = 0;
    if (state->header.canonical && read_known(importer, state, line, &entry, &time, &value)) {
        return vv_import_add(importer, entry, time, value);
    }
    if (line->length == 0) {
        return VARVE_OK;
    }
    if (state->header.count == 0) {
        return vv_csv_header_read(importer, line, state->cells, &state->header);
    }
    size_t count;
    importer->scratch_used = 0;
    VV_TRY(vv_csv_split(importer, line, state->cells, VV_CSV_COLUMNS_MAX, &count));
    if (count != state->header.count) {
        return vv_import_fault(importer, line->text, "expected %zu columns, got %zu",
                               state->header.count, count);
    }
    return state->header.canonical ? read_canonical(importer, state, line)
                                   : read_table_row(importer, state, line);
}

const struct vv_text_reader vv_csv_reader = {
    .create = create, .line = csv_line, .destroy = destroy};
