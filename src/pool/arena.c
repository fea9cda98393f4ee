/*
 * arena.c - bump allocation out of a list of chunks.
 *
 *   newest -> | header | handed out | next .. free .. end |
 *             | header | handed out                       |   older chunks are never looked at
 *             again
 *             | header | one large object                 |
 *
 * A1  Only the newest chunk has free room; the rest of the one before is wasted, at most the size
 *     of the object that did not fit.
 * A2  An object larger than the next chunk gets a chunk of its own size.
 * A3  Free room is poisoned under AddressSanitizer.
 */
#include "pool/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/status.h"
#include "os/alloc.h"
#include "pool/poison.h"

enum { FIRST_CHUNK_BYTES = 4096, CHUNK_BYTES_MAX = 1 << 20 };

struct vv_arena_chunk {
    alignas(max_align_t) struct vv_arena_chunk *older;
    size_t bytes; /* with this header */
};

void vv_arena_init(struct vv_arena *arena, size_t first_chunk_bytes)
{
    *arena = (struct vv_arena){
        .chunk_bytes = first_chunk_bytes > 0 ? first_chunk_bytes : FIRST_CHUNK_BYTES,
    };
}

static void free_chunks(struct vv_arena *arena, struct vv_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct vv_arena_chunk *older = chunk->older;
        arena->reserved_bytes -= chunk->bytes;
        vv_unpoison(chunk, chunk->bytes);
        vv_free(chunk);
        chunk = older;
    }
}

void vv_arena_fini(struct vv_arena *arena)
{
    free_chunks(arena, arena->newest);
    *arena = (struct vv_arena){0};
}

static void start_chunk(struct vv_arena *arena, struct vv_arena_chunk *chunk)
{
    arena->newest = chunk;
    arena->next = (uint8_t *)(chunk + 1);
    arena->end = (uint8_t *)chunk + chunk->bytes;
    vv_poison(arena->next, (size_t)(arena->end - arena->next));
}

void vv_arena_reset(struct vv_arena *arena)
{
    arena->used_bytes = 0;
    if (arena->newest != NULL) {
        free_chunks(arena, arena->newest->older);
        arena->newest->older = NULL;
        start_chunk(arena, arena->newest);
    }
}

static bool add_chunk(struct vv_arena *arena, size_t bytes, size_t alignment)
{
    size_t needed = 0;
    if (__builtin_add_overflow(bytes, sizeof(struct vv_arena_chunk) + alignment, &needed)) {
        return false;
    }
    size_t chunk_bytes = arena->chunk_bytes > needed ? arena->chunk_bytes : needed;
    struct vv_arena_chunk *chunk = vv_alloc(chunk_bytes);
    if (chunk == NULL) {
        return false;
    }
    chunk->older = arena->newest;
    chunk->bytes = chunk_bytes;
    arena->reserved_bytes += chunk_bytes;
    if (arena->chunk_bytes < CHUNK_BYTES_MAX) {
        arena->chunk_bytes *= 2;
    }
    start_chunk(arena, chunk);
    return true;
}

void *vv_arena_alloc(struct vv_arena *arena, size_t bytes, size_t alignment)
{
    VV_ASSERT(alignment > 0 && (alignment & (alignment - 1)) == 0);
    VV_ASSERT(arena->chunk_bytes > 0); /* initialised */
    size_t gap = (size_t)(-(uintptr_t)arena->next & (alignment - 1));
    size_t left = (size_t)(arena->end - arena->next);
    if (arena->next == NULL || gap > left || bytes > left - gap) {
        if (!add_chunk(arena, bytes, alignment)) {
            return NULL;
        }
        gap = (size_t)(-(uintptr_t)arena->next & (alignment - 1));
    }
    uint8_t *memory = arena->next + gap;
    arena->next = memory + bytes;
    arena->used_bytes += gap + bytes;
    vv_unpoison(memory, bytes);
    return memory;
}

void *vv_arena_alloc_zeroed(struct vv_arena *arena, size_t count, size_t bytes)
{
    size_t total_bytes = 0;
    if (__builtin_mul_overflow(count, bytes, &total_bytes)) {
        return NULL;
    }
    void *memory = vv_arena_alloc(arena, total_bytes, alignof(max_align_t));
    if (memory != NULL) {
        memset(memory, 0, total_bytes);
    }
    return memory;
}

char *vv_arena_copy(struct vv_arena *arena, const void *bytes, size_t length)
{
    if (length == SIZE_MAX) {
        return NULL;
    }
    char *copy = vv_arena_alloc(arena, length + 1, 1);
    if (copy != NULL) {
        if (length > 0) {
            memcpy(copy, bytes, length);
        }
        copy[length] = '\0';
    }
    return copy;
}
