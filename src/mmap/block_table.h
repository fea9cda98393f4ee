/*
 * block_table.h - a hash table from hashes to numbers, for what a block writer has met before.
 *
 * The caller keeps the things themselves, numbered from 0, and says whether number id is what it
 * looks for. A zeroed struct is an empty table. Threads: one at a time.
 */
#ifndef VARVE_MMAP_BLOCK_TABLE_H
#define VARVE_MMAP_BLOCK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct vv_block_table {
    struct vv_block_table_slot *slots;
    uint32_t count;
    uint32_t mask; /* slots - 1; 0 before the first */
};

/* Whether thing id is the wanted one; its hash is equal already. */
typedef bool (*vv_block_table_equal)(const void *things, uint32_t id, const void *wanted);

void vv_block_table_fini(struct vv_block_table *table);
/* The number of the wanted thing; false if it was never added. */
bool vv_block_table_find(const struct vv_block_table *table, uint64_t hash,
                         vv_block_table_equal equal, const void *things, const void *wanted,
                         uint32_t *id);
/* Adds thing id, which is not in the table. NO_MEMORY: nothing changed. */
varve_status vv_block_table_add(struct vv_block_table *table, uint64_t hash,
                                uint32_t id) VARVE_MUST_CHECK;

#endif
