/*
 * series_table.h - every series that the open shard has met: by label set, and by ref.
 *
 * Finding is lock-free; creating takes a lock that only creators need. Series are never removed
 * while the shard is open, so a pointer to one stays valid until the table is destroyed.
 */
#ifndef VARVE_STORAGE_SERIES_TABLE_H
#define VARVE_STORAGE_SERIES_TABLE_H

#include <stdatomic.h>

#include "index/key.h"
#include "index/label_index.h"
#include "pool/epoch.h"

/* Constant. What it has in the head hangs on its ref (head.h). */
struct vv_series {
    uint64_t hash; /* of the key */
    uint32_t ref;
    uint32_t key_length;

    /* Any thread, relaxed: where a block has the series, a hint that is checked; see
     * shard_sources.c. */
    _Atomic uint64_t block_place;

    uint8_t key[]; /* constant */
};

static inline struct vv_key vv_series_key(const struct vv_series *series)
{
    return (struct vv_key){series->key, series->key_length};
}

/* For qsort() of struct vv_series pointers: by key, in the order of results. */
int vv_series_compare(const void *a, const void *b);

struct vv_series_table;

/* epoch: reclaims buckets that were outgrown; outlives the table. NULL: out of memory. */
struct vv_series_table *vv_series_table_create(struct vv_epoch *epoch);
/* Frees the table and the series. NULL is fine. */
void vv_series_table_destroy(struct vv_series_table *table);

/* The series with that key, or NULL. hash: vv_key_hash(key). Lock-free. */
struct vv_series *vv_series_table_find(struct vv_series_table *table, struct vv_key key,
                                       uint64_t hash);
/* The same for many keys, whose cache misses overlap: about twice as fast from a few keys on.
 * series[i] is that of keys[i], or NULL. */
void vv_series_table_find_batch(struct vv_series_table *table, const struct vv_key *keys,
                                const uint64_t *hashes, size_t count, struct vv_series **series);
/* The same, made if there is none. LIMIT: there are series_max already. NO_MEMORY. */
varve_status vv_series_table_find_or_create(struct vv_series_table *table, struct vv_key key,
                                            uint64_t hash, uint64_t series_max,
                                            struct vv_series **series) VARVE_MUST_CHECK;
/* True once each time that memory for new series should be got ahead: creators would wait for it.
 * Any thread; cheap. */
bool vv_series_table_wants_room(struct vv_series_table *table);
/* Gets it, if there is need. Any thread; up to milliseconds, no lock held meanwhile. */
void vv_series_table_make_room(struct vv_series_table *table);
/* By ref; NULL if no series has it. Lock-free. */
struct vv_series *vv_series_table_get(const struct vv_series_table *table, uint32_t ref);
/* Refs are 0 to count - 1. */
uint32_t vv_series_table_count(const struct vv_series_table *table);

struct vv_series_table_stats {
    uint64_t series_bytes; /* memory of series, directory and buckets, without the label index */
    uint64_t bucket_bytes; /* of which buckets */
    uint64_t growths;      /* of sub-tables */
    uint32_t moved_max;    /* entries that one creation moved, at most */
};
struct vv_series_table_stats vv_series_table_stats(struct vv_series_table *table);

/* Calls read with the label index of all series; creation waits meanwhile, lookups do not. */
varve_status vv_series_table_read_index(struct vv_series_table *table,
                                        varve_status (*read)(void *context,
                                                             const struct vv_label_source *source),
                                        void *context) VARVE_MUST_CHECK;

#endif
