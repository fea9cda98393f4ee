/*
 * group.h - the groups of an aggregation: which series belong together, and their buckets.
 *
 * Threads: one at a time.
 */
#ifndef VARVE_QUERY_GROUP_H
#define VARVE_QUERY_GROUP_H

#include "index/key.h"
#include "query/bucket.h"

struct vv_group {
    uint8_t *key_bytes;
    size_t key_length;
    uint64_t hash;
    struct vv_bucket_list buckets;
};

/* Groups by key. Those at and behind count are spare: their memory is used again. Zeroed but for
 * memory and with_more a table is empty. */
struct vv_group_table {
    struct vv_query_memory *memory; /* nullable */
    bool with_more;                 /* of the buckets */
    struct vv_group *groups;
    size_t count;
    size_t capacity; /* initialised groups, spare ones included */
    uint32_t *slots; /* group number + 1, 0 is free; a power of two of them */
    size_t slot_count;
};

/* The key of the group of a series, written to key, which is cleared first. */
varve_status vv_group_key(const varve_aggregation *spec, struct vv_key series,
                          struct vv_buffer *key) VARVE_MUST_CHECK;

static inline struct vv_key vv_group_key_of(const struct vv_group *group)
{
    return (struct vv_key){group->key_bytes, group->key_length};
}

/* The number of the group with that key, made with an empty list if it is new. */
varve_status vv_group_table_intern(struct vv_group_table *table, struct vv_key key,
                                   size_t *number) VARVE_MUST_CHECK;
/* Forgets all groups, keeps the memory. */
void vv_group_table_clear(struct vv_group_table *table);
void vv_group_table_fini(struct vv_group_table *table);

#endif
