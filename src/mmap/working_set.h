/*
 * working_set.h - what queries have unpacked and will want again: bounded by bytes, shared by all
 * blocks of a database.
 *
 *   reader --reference--> item <--table-- working set          an item lives as long as anybody
 *                                                              refers to it
 *
 * A hit takes no lock: it enters an epoch, walks a short chain and counts a reference. A miss does
 * what is dear anyway (it decompresses), then takes a mutex to keep the result.
 *
 * What stays is decided by S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction",
 * SOSP 2023): newcomers pass through a small queue, a tenth of the bytes, and only what is asked
 * for again there, or soon after it has left, gets into the main queue; so that one scan over
 * everything does not wash out what is used all the time.
 *
 * Threads: any.
 */
#ifndef VARVE_MMAP_WORKING_SET_H
#define VARVE_MMAP_WORKING_SET_H

#include <stdatomic.h>

#include "pool/epoch.h"

struct vv_working_set;

/* Which item: the owner (an open block) and a number within it. */
struct vv_working_key {
    uint64_t owner;
    uint64_t number;
};

/* Unpacked bytes. Only the creator writes them, before it lets others see the item. */
struct vv_working_item {
    struct vv_epoch_entry entry; /* the rest but length and bytes belongs to working_set.c */
    atomic_uint_fast32_t references;
    atomic_uchar hits; /* since it was put into its queue, up to 3 */
    uint8_t queue;
    struct vv_working_key key;
    _Atomic(struct vv_working_item *) chain; /* the next one of its bucket */
    struct vv_working_item *newer;           /* in its queue */
    struct vv_working_item *older;
    size_t length;
    uint8_t bytes[];
};

struct vv_working_set_figures {
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
    uint64_t bytes; /* kept now */
};

/* bytes_max: of items that are kept. The epoch outlives the set. NULL: out of memory. */
struct vv_working_set *vv_working_set_create(struct vv_epoch *epoch, uint64_t bytes_max);
/* All owners must have been removed. NULL is fine. */
void vv_working_set_destroy(struct vv_working_set *set);

/* A number for a new owner, never given twice. */
uint64_t vv_working_set_add_owner(struct vv_working_set *set);
/* Drops what the owner has; nobody may be reading it through the set any more. */
void vv_working_set_remove_owner(struct vv_working_set *set, uint64_t owner);

/* The item with a reference for the caller, or NULL. Counts a hit or a miss. */
struct vv_working_item *vv_working_set_find(struct vv_working_set *set, struct vv_working_key key);
/* Keeps an item for others, unless there is one of this key already. The caller's reference stays
 * the caller's. */
void vv_working_set_keep(struct vv_working_set *set, struct vv_working_key key,
                         struct vv_working_item *item);

/* An item with one reference and room for length bytes and as many behind them; NULL: out of
 * memory. */
struct vv_working_item *vv_working_item_create(size_t length, size_t padding);
void vv_working_item_release(struct vv_working_item *item); /* NULL is fine */

struct vv_working_set_figures vv_working_set_figures(struct vv_working_set *set);

#endif
