/*
 * block_table.c - open addressing with linear probing, at most half full.
 *
 *   slots  | hash, id + 1 | 0 (free) | hash, id + 1 | ...      a power of two of them
 *
 * Nothing is ever removed, so a probe ends at the first free slot. Threads: one at a time.
 */
#include "mmap/block_table.h"

#include "os/alloc.h"

enum { FIRST_SLOTS = 64 };

struct vv_block_table_slot {
    uint64_t hash;
    uint32_t id_plus_one; /* 0: free */
};

void vv_block_table_fini(struct vv_block_table *table)
{
    vv_free(table->slots);
    *table = (struct vv_block_table){0};
}

bool vv_block_table_find(const struct vv_block_table *table, uint64_t hash,
                         vv_block_table_equal equal, const void *things, const void *wanted,
                         uint32_t *id)
{
    if (table->slots == NULL) {
        return false;
    }
    for (uint32_t at = (uint32_t)hash & table->mask; table->slots[at].id_plus_one != 0;
         at = (at + 1) & table->mask) {
        const struct vv_block_table_slot *slot = &table->slots[at];
        if (slot->hash == hash && equal(things, slot->id_plus_one - 1, wanted)) {
            *id = slot->id_plus_one - 1;
            return true;
        }
    }
    return false;
}

static void insert(struct vv_block_table_slot *slots, uint32_t mask,
                   struct vv_block_table_slot slot)
{
    uint32_t at = (uint32_t)slot.hash & mask;
    while (slots[at].id_plus_one != 0) {
        at = (at + 1) & mask;
    }
    slots[at] = slot;
}

static varve_status grow(struct vv_block_table *table)
{
    uint32_t old_count = table->slots == NULL ? 0 : table->mask + 1;
    if (old_count > UINT32_MAX / 2) {
        return VARVE_LIMIT;
    }
    uint32_t new_count = old_count == 0 ? FIRST_SLOTS : old_count * 2;
    struct vv_block_table_slot *slots = vv_alloc_zeroed(new_count, sizeof(*slots));
    if (slots == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (uint32_t at = 0; at < old_count; at++) {
        if (table->slots[at].id_plus_one != 0) {
            insert(slots, new_count - 1, table->slots[at]);
        }
    }
    vv_free(table->slots);
    table->slots = slots;
    table->mask = new_count - 1;
    return VARVE_OK;
}

varve_status vv_block_table_add(struct vv_block_table *table, uint64_t hash, uint32_t id)
{
    if (table->slots == NULL || table->count > table->mask / 2) {
        VV_TRY(grow(table));
    }
    insert(table->slots, table->mask,
           (struct vv_block_table_slot){.hash = hash, .id_plus_one = id + 1});
    table->count++;
    return VARVE_OK;
}
