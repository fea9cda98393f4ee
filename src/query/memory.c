/*
 * memory.c - the memory of one query.
 *
 *   | 64 bytes: class, bytes | what is handed out ... |
 *
 * Q1  A block stands either in a list or with its user; its class never changes.
 * Q2  The budget counts whole blocks that are handed out.
 * Threads: one at a time.
 */
#include "query/memory.h"

#include <string.h>

#include "os/alloc.h"
#include "query/time_columns.h"

enum { FIRST_BYTES = 128, CLASS_NONE = VV_QUERY_CLASSES };

/* In front of what is handed out. */
struct block {
    _Alignas(VV_QUERY_ALIGNMENT) struct block *next;
    size_t bytes; /* header included */
    unsigned class;
};

static unsigned class_of(size_t bytes)
{
    if (bytes <= FIRST_BYTES) {
        return 0;
    }
    unsigned class = 64 - (unsigned)__builtin_clzll((bytes - 1) / FIRST_BYTES);
    return class < VV_QUERY_CLASSES ? class : CLASS_NONE;
}

static struct block *block_of(void *bytes)
{
    return (struct block *)bytes - 1;
}

void vv_query_memory_begin(struct vv_query_memory *memory, uint64_t bytes_max)
{
    memory->bytes_max = bytes_max == 0 ? VV_QUERY_BYTES_MAX : bytes_max;
    memory->peak_bytes = 0;
    memory->allocations = 0;
    memory->refused = false;
    memory->counts = (struct vv_query_counts){0};
}

void vv_query_memory_fini(struct vv_query_memory *memory)
{
    vv_time_columns_fini(memory);
    for (unsigned class = 0; class < VV_QUERY_CLASSES; class ++) {
        while (memory->free[class] != NULL) {
            struct block *block = memory->free[class];
            memory->free[class] = block->next;
            memory->held_bytes -= block->bytes;
            vv_free(block);
        }
    }
}

void vv_query_memory_end(struct vv_query_memory *memory)
{
    VV_ASSERT(memory->used_bytes == 0);
    if (memory->held_bytes > VV_QUERY_KEPT_BYTES_MAX) {
        vv_query_memory_fini(memory);
    }
}

/* A new block, or one that was given back. */
static struct block *take(struct vv_query_memory *memory, unsigned class, size_t bytes)
{
    if (memory != NULL && class < VV_QUERY_CLASSES && memory->free[class] != NULL) {
        struct block *block = memory->free[class];
        memory->free[class] = block->next;
        return block;
    }
    struct block *block = vv_alloc_aligned(VV_QUERY_ALIGNMENT, bytes);
    if (block == NULL) {
        return NULL;
    }
    block->class = class;
    block->bytes = bytes;
    if (memory != NULL) {
        memory->allocations++;
        memory->held_bytes += bytes;
    }
    return block;
}

void *vv_query_alloc(struct vv_query_memory *memory, size_t wanted)
{
    if (wanted > SIZE_MAX / 2) {
        return NULL;
    }
    size_t bytes = (wanted + sizeof(struct block) + VV_QUERY_ALIGNMENT - 1) / VV_QUERY_ALIGNMENT *
                   VV_QUERY_ALIGNMENT;
    unsigned class = memory != NULL ? class_of(bytes) : CLASS_NONE;
    if (class < VV_QUERY_CLASSES) {
        bytes = (size_t)FIRST_BYTES << class;
    }
    if (memory != NULL && bytes > memory->bytes_max - memory->used_bytes) {
        memory->refused = true;
        return NULL;
    }
    struct block *block = take(memory, class, bytes);
    if (block == NULL) {
        return NULL;
    }
    if (memory != NULL) {
        memory->used_bytes += bytes;
        if (memory->used_bytes > memory->peak_bytes) {
            memory->peak_bytes = memory->used_bytes;
        }
    }
    return block + 1;
}

void *vv_query_alloc_zeroed(struct vv_query_memory *memory, size_t bytes)
{
    void *taken = vv_query_alloc(memory, bytes);
    return taken != NULL ? memset(taken, 0, bytes) : NULL;
}

void *vv_query_realloc(struct vv_query_memory *memory, void *old, size_t bytes)
{
    if (old == NULL) {
        return vv_query_alloc(memory, bytes);
    }
    size_t room = block_of(old)->bytes - sizeof(struct block);
    if (room >= bytes) {
        return old;
    }
    void *grown = vv_query_alloc(memory, bytes);
    if (grown != NULL) {
        memcpy(grown, old, room);
        vv_query_free(memory, old);
    }
    return grown;
}

void vv_query_free(struct vv_query_memory *memory, void *bytes)
{
    if (bytes == NULL) {
        return;
    }
    struct block *block = block_of(bytes);
    if (memory == NULL) {
        vv_free(block);
        return;
    }
    memory->used_bytes -= block->bytes;
    if (block->class < VV_QUERY_CLASSES) {
        block->next = memory->free[block->class];
        memory->free[block->class] = block;
        return;
    }
    memory->held_bytes -= block->bytes;
    vv_free(block);
}

varve_status vv_query_memory_status(const struct vv_query_memory *memory)
{
    return memory != NULL && memory->refused ? VARVE_LIMIT : VARVE_NO_MEMORY;
}
