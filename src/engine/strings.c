/*
 * strings.c - lists of label names and values: collected, made unique, sorted.
 *
 *   table: open addressing, hash -> index + 1 into entries        bytes: all strings behind each
 *   other
 *
 * A series counts only if it has a sample, so that what was deleted is not listed: the cursor says
 * so.
 */
#include <stdlib.h>

#include "base/checksum.h"
#include "engine/database.h"
#include "os/alloc.h"

struct varve_strings {
    struct vv_buffer bytes;
    varve_string *entries; /* after sorting; points into bytes */
    size_t *offsets;       /* while collecting: entry i is bytes [offsets[i], offsets[i + 1]) */
    size_t count;
    size_t capacity;
    uint32_t *table;   /* index + 1; 0 is free */
    size_t table_size; /* a power of two, at least twice the count */
};

static varve_string collected(const struct varve_strings *strings, size_t index)
{
    size_t start = strings->offsets[index];
    return (varve_string){(const char *)strings->bytes.bytes + start,
                          strings->offsets[index + 1] - start};
}

static varve_status grow(struct varve_strings *strings)
{
    size_t capacity = strings->capacity == 0 ? 64 : strings->capacity * 2;
    size_t table_size = capacity * 2;
    size_t *offsets = vv_realloc(strings->offsets, (capacity + 1) * sizeof(*offsets));
    if (offsets == NULL) {
        return VARVE_NO_MEMORY;
    }
    strings->offsets = offsets;
    uint32_t *table = vv_alloc_zeroed(table_size, sizeof(*table));
    if (table == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < strings->count; i++) {
        varve_string string = collected(strings, i);
        size_t slot = vv_hash(string.bytes, string.length) & (table_size - 1);
        while (table[slot] != 0) {
            slot = (slot + 1) & (table_size - 1);
        }
        table[slot] = (uint32_t)i + 1;
    }
    vv_free(strings->table);
    strings->table = table;
    strings->table_size = table_size;
    strings->capacity = capacity;
    strings->offsets[0] = 0;
    return VARVE_OK;
}

static varve_status add(struct varve_strings *strings, varve_string string)
{
    if (strings->count == strings->capacity) {
        VV_TRY(grow(strings));
    }
    size_t slot = vv_hash(string.bytes, string.length) & (strings->table_size - 1);
    while (strings->table[slot] != 0) {
        varve_string other = collected(strings, strings->table[slot] - 1);
        if (other.length == string.length &&
            memcmp(other.bytes, string.bytes, string.length) == 0) {
            return VARVE_OK;
        }
        slot = (slot + 1) & (strings->table_size - 1);
    }
    VV_TRY(vv_buffer_append(&strings->bytes, string.bytes, string.length));
    strings->table[slot] = (uint32_t)++strings->count;
    strings->offsets[strings->count] = strings->bytes.length;
    return VARVE_OK;
}

static int compare_strings(const void *a, const void *b)
{
    const varve_string *left = a, *right = b;
    size_t common = left->length < right->length ? left->length : right->length;
    int order = common == 0 ? 0 : memcmp(left->bytes, right->bytes, common);
    return order != 0 ? order : (left->length > right->length) - (left->length < right->length);
}

static varve_status sort(struct varve_strings *strings)
{
    strings->entries = vv_alloc_zeroed(strings->count + 1, sizeof(*strings->entries));
    if (strings->entries == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < strings->count; i++) {
        strings->entries[i] = collected(strings, i);
    }
    qsort(strings->entries, strings->count, sizeof(*strings->entries), compare_strings);
    return VARVE_OK;
}

/* Adds the names of the current series, or its value of one label if name is not NULL. */
static varve_status add_series(struct varve_strings *strings, varve_cursor *cursor,
                               const varve_string *name)
{
    const varve_label *labels;
    size_t count;
    varve_cursor_labels(cursor, &labels, &count);
    for (size_t i = 0; i < count; i++) {
        if (name == NULL) {
            VV_TRY(add(strings, labels[i].name));
        } else if (labels[i].name.length == name->length &&
                   memcmp(labels[i].name.bytes, name->bytes, name->length) == 0) {
            VV_TRY(add(strings, labels[i].value));
        }
    }
    return VARVE_OK;
}

static varve_status list(varve_db *db, const varve_selection *selection, const varve_string *name,
                         varve_strings **strings, varve_error *error)
{
    vv_error_clear(error);
    varve_cursor *cursor = NULL;
    if (selection == NULL || selection->options_size != sizeof(*selection)) {
        return vv_fail(error, VARVE_INVALID, "fill the selection with VARVE_SELECTION_INIT");
    }
    varve_selection whole = *selection;
    whole.start = INT64_MIN;
    whole.end = INT64_MAX;
    VV_TRY(varve_select(db, &whole, &cursor, error));
    struct varve_strings *created = vv_alloc_zeroed(1, sizeof(*created));
    varve_status status = created == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    while (status == VARVE_OK && varve_cursor_next(cursor)) {
        status = add_series(created, cursor, name);
    }
    if (status == VARVE_OK) {
        status = varve_cursor_status(cursor, error);
    }
    if (status == VARVE_OK) {
        status = sort(created);
    }
    varve_cursor_close(cursor);
    if (status != VARVE_OK) {
        varve_strings_destroy(created);
        return vv_fail(error, status, "cannot list labels: %s", varve_status_text(status));
    }
    *strings = created;
    return VARVE_OK;
}

varve_status varve_label_names(varve_db *db, const varve_selection *selection,
                               varve_strings **names, varve_error *error)
{
    return list(db, selection, NULL, names, error);
}

varve_status varve_label_values(varve_db *db, varve_string name, const varve_selection *selection,
                                varve_strings **values, varve_error *error)
{
    return list(db, selection, &name, values, error);
}

size_t varve_strings_count(const varve_strings *strings)
{
    return strings->count;
}

varve_string varve_strings_get(const varve_strings *strings, size_t index)
{
    VV_ASSERT(index < strings->count);
    return strings->entries[index];
}

void varve_strings_destroy(varve_strings *strings)
{
    if (strings == NULL) {
        return;
    }
    vv_buffer_fini(&strings->bytes);
    vv_free(strings->entries);
    vv_free(strings->offsets);
    vv_free(strings->table);
    vv_free(strings);
}
