/*
 * group.c - the groups of an aggregation, in a hash table over an array.
 *
 * H1  Group numbers are given in the order in which keys first come, so that an aggregation is the
 *     same in every run; the table of slots is only a way to find them.
 * H2  At most half of the slots are taken; linear probing.
 * Threads: one at a time.
 */
#include "query/group.h"

#include <string.h>

enum { GROUPS_FIRST = 8 };

/* ----------------------------------------------------------------------------------- Keys */

static bool is_group_label(const varve_aggregation *spec, varve_string name)
{
    for (size_t index = 0; index < spec->group_label_count; index++) {
        const varve_string *label = &spec->group_labels[index];
        if (label->length == name.length && memcmp(label->bytes, name.bytes, name.length) == 0) {
            return true;
        }
    }
    return false;
}

varve_status vv_group_key(const varve_aggregation *spec, struct vv_key series,
                          struct vv_buffer *key)
{
    vv_buffer_clear(key);
    if (spec->grouping == VARVE_GROUP_NONE) {
        return vv_buffer_append(key, series.bytes, series.length);
    }
    varve_label labels[VARVE_LABELS_MAX];
    size_t count = vv_key_labels(series, labels);
    size_t kept = 0;
    for (size_t index = 0; index < count; index++) {
        bool listed = is_group_label(spec, labels[index].name);
        if (listed == (spec->grouping == VARVE_GROUP_BY)) {
            labels[kept++] = labels[index];
        }
    }
    return vv_key_encode_group(labels, kept, key);
}

/* ---------------------------------------------------------------------------------- Table */

/* The slot in which the group stands, or the free one where it would. */
static uint32_t *find_slot(const struct vv_group_table *table, uint64_t hash, struct vv_key key)
{
    size_t mask = table->slot_count - 1;
    for (size_t at = (size_t)hash & mask;; at = (at + 1) & mask) {
        uint32_t number = table->slots[at];
        if (number == 0) {
            return &table->slots[at];
        }
        const struct vv_group *group = &table->groups[number - 1];
        if (group->hash == hash && vv_key_equal(vv_group_key_of(group), key)) {
            return &table->slots[at];
        }
    }
}

static varve_status reserve_slot(struct vv_group_table *table)
{
    if ((table->count + 1) * 2 <= table->slot_count) {
        return VARVE_OK;
    }
    if (table->count >= UINT32_MAX / 4) {
        return VARVE_LIMIT;
    }
    size_t slot_count = table->slot_count == 0 ? GROUPS_FIRST * 2 : table->slot_count * 2;
    uint32_t *slots = vv_query_alloc_zeroed(table->memory, slot_count * sizeof(slots[0]));
    if (slots == NULL) {
        return vv_query_memory_status(table->memory);
    }
    for (size_t group = 0; group < table->count; group++) {
        size_t at = (size_t)table->groups[group].hash & (slot_count - 1);
        while (slots[at] != 0) {
            at = (at + 1) & (slot_count - 1);
        }
        slots[at] = (uint32_t)(group + 1);
    }
    vv_query_free(table->memory, table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    return VARVE_OK;
}

static varve_status reserve_group(struct vv_group_table *table)
{
    if (table->count < table->capacity) {
        return VARVE_OK;
    }
    size_t capacity = table->capacity == 0 ? GROUPS_FIRST : table->capacity * 2;
    struct vv_group *groups =
        vv_query_realloc(table->memory, table->groups, capacity * sizeof(groups[0]));
    if (groups == NULL) {
        return vv_query_memory_status(table->memory);
    }
    memset(groups + table->capacity, 0, (capacity - table->capacity) * sizeof(groups[0]));
    table->groups = groups;
    table->capacity = capacity;
    return VARVE_OK;
}

varve_status vv_group_table_intern(struct vv_group_table *table, struct vv_key key, size_t *number)
{
    uint64_t hash = vv_key_hash(key);
    VV_TRY(reserve_slot(table));
    uint32_t *slot = find_slot(table, hash, key);
    if (*slot == 0) {
        VV_TRY(reserve_group(table));
        struct vv_group *group = &table->groups[table->count];
        uint8_t *bytes = vv_query_realloc(table->memory, group->key_bytes, key.length + 1);
        if (bytes == NULL) {
            return vv_query_memory_status(table->memory);
        }
        memcpy(bytes, key.bytes, key.length);
        group->key_bytes = bytes;
        group->key_length = key.length;
        group->buckets.with_more = table->with_more;
        group->hash = hash;
        *slot = (uint32_t)++table->count;
    }
    *number = *slot - 1;
    return VARVE_OK;
}

void vv_group_table_clear(struct vv_group_table *table)
{
    for (size_t group = 0; group < table->count; group++) {
        vv_bucket_list_clear(&table->groups[group].buckets, table->memory);
    }
    if (table->count > 0) {
        memset(table->slots, 0, table->slot_count * sizeof(table->slots[0]));
    }
    table->count = 0;
}

void vv_group_table_fini(struct vv_group_table *table)
{
    for (size_t group = 0; group < table->capacity; group++) {
        vv_query_free(table->memory, table->groups[group].key_bytes);
        vv_bucket_list_fini(&table->groups[group].buckets, table->memory);
    }
    vv_query_free(table->memory, table->groups);
    vv_query_free(table->memory, table->slots);
    *table = (struct vv_group_table){.memory = table->memory, .with_more = table->with_more};
}
