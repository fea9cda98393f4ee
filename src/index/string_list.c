/*
 * string_list.c - a list of different strings.
 *
 *   bytes  hostnameosregion      ends  8 10 16      table  hash -> index + 1, open addressing
 *
 * L1  Without a table all strings ascend: a string behind the last one is new.
 * L2  With a table, which is at most half full, every string is in it.
 */
#include "index/string_list.h"

#include <stdlib.h>

#include "base/checksum.h"
#include "os/alloc.h"

enum { CAPACITY_MIN = 64 };

void vv_string_list_fini(struct vv_string_list *list)
{
    vv_buffer_fini(&list->bytes);
    vv_free(list->ends);
    vv_free(list->sorted);
    vv_free(list->table);
    *list = (struct vv_string_list){0};
}

int vv_string_compare(varve_string a, varve_string b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.bytes, b.bytes, shorter) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static varve_string string_at(const struct vv_string_list *list, size_t index)
{
    size_t start = index == 0 ? 0 : list->ends[index - 1];
    return (varve_string){(const char *)list->bytes.bytes + start, list->ends[index] - start};
}

static bool is_behind_last(const struct vv_string_list *list, varve_string string)
{
    return list->count == 0 || vv_string_compare(string_at(list, list->count - 1), string) < 0;
}

/* The slot of the string, or the free one where it would be. */
static uint32_t *find_slot(const struct vv_string_list *list, varve_string string)
{
    size_t slot = vv_hash(string.bytes, string.length) & (list->table_size - 1);
    while (list->table[slot] != 0 &&
           vv_string_compare(string_at(list, list->table[slot] - 1), string) != 0) {
        slot = (slot + 1) & (list->table_size - 1);
    }
    return &list->table[slot];
}

/* Makes a table for the present capacity with everything in it. */
static varve_status make_table(struct vv_string_list *list)
{
    size_t size = 2 * (list->capacity > CAPACITY_MIN ? list->capacity : CAPACITY_MIN);
    uint32_t *table = vv_alloc_zeroed(size, sizeof(*table));
    if (table == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_free(list->table);
    list->table = table;
    list->table_size = size;
    for (size_t i = 0; i < list->count; i++) {
        *find_slot(list, string_at(list, i)) = (uint32_t)i + 1;
    }
    return VARVE_OK;
}

static varve_status grow(struct vv_string_list *list)
{
    size_t capacity = list->capacity == 0 ? CAPACITY_MIN : list->capacity * 2;
    size_t *ends = vv_realloc(list->ends, capacity * sizeof(*ends));
    if (ends == NULL) {
        return VARVE_NO_MEMORY;
    }
    list->ends = ends;
    list->capacity = capacity;
    return list->table == NULL ? VARVE_OK : make_table(list);
}

static uint64_t bytes_of(const struct vv_string_list *list)
{
    return list->bytes.capacity + list->capacity * (sizeof(*list->ends) + sizeof(*list->sorted)) +
           list->table_size * sizeof(*list->table);
}

static varve_status append(struct vv_string_list *list, varve_string string)
{
    if (list->count == list->capacity) {
        VV_TRY(grow(list));
    }
    VV_TRY(vv_buffer_append(&list->bytes, string.bytes, string.length));
    list->ends[list->count++] = list->bytes.length;
    if (list->table != NULL) {
        /* Not found by its bytes before, so that this is the free slot for it. */
        *find_slot(list, string) = (uint32_t)list->count;
    }
    return list->bytes_max != 0 && bytes_of(list) > list->bytes_max ? VARVE_LIMIT : VARVE_OK;
}

varve_status vv_string_list_has(struct vv_string_list *list, varve_string string, bool *found)
{
    if (list->table == NULL) {
        if (is_behind_last(list, string)) {
            *found = false;
            return VARVE_OK;
        }
        VV_TRY(make_table(list));
    }
    *found = *find_slot(list, string) != 0;
    return VARVE_OK;
}

varve_status vv_string_list_add(struct vv_string_list *list, varve_string string)
{
    bool found;
    VV_TRY(vv_string_list_has(list, string, &found));
    if (found) {
        return VARVE_OK;
    }
    list->out_of_order |= !is_behind_last(list, string);
    return append(list, string);
}

static int compare_strings(const void *a, const void *b)
{
    return vv_string_compare(*(const varve_string *)a, *(const varve_string *)b);
}

varve_status vv_string_list_sort(struct vv_string_list *list)
{
    list->sorted = vv_alloc((list->count + 1) * sizeof(*list->sorted));
    if (list->sorted == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < list->count; i++) {
        list->sorted[i] = string_at(list, i);
    }
    if (list->out_of_order) {
        qsort(list->sorted, list->count, sizeof(*list->sorted), compare_strings);
    }
    return VARVE_OK;
}
