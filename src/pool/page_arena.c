/*
 * page_arena.c - slabs that double up to the size of a huge page.
 *
 * What does not fit into the newest slab goes into the next; the rest stays unused, and untouched.
 */
#include "pool/page_arena.h"

#include "base/status.h"
#include "os/alloc.h"
#include "os/pages.h"

struct vv_page_slab {
    struct vv_page_slab *older;
    uint8_t *bytes;
    size_t length;
    size_t used;
};

static void slab_free(struct vv_page_slab *slab)
{
    vv_pages_free(slab->bytes, slab->length);
    vv_free(slab);
}

static struct vv_page_slab *slab_create(size_t length)
{
    struct vv_page_slab *slab = vv_alloc(sizeof(*slab));
    uint8_t *pages = vv_pages_alloc(length);
    if (slab == NULL || pages == NULL) {
        vv_free(slab);
        vv_pages_free(pages, length);
        return NULL;
    }
    *slab = (struct vv_page_slab){.bytes = pages, .length = length};
    return slab;
}

void vv_page_arena_fini(struct vv_page_arena *arena)
{
    while (arena->newest != NULL) {
        struct vv_page_slab *slab = arena->newest;
        arena->newest = slab->older;
        slab_free(slab);
    }
    if (arena->spare != NULL) {
        slab_free(arena->spare);
    }
    *arena = (struct vv_page_arena){0};
}

static struct vv_page_slab *take_spare(struct vv_page_arena *arena)
{
    struct vv_page_slab *slab = arena->spare;
    arena->spare = NULL;
    arena->slab_bytes -= slab->length;
    return slab;
}

static struct vv_page_slab *add_slab(struct vv_page_arena *arena, size_t bytes)
{
    size_t length = VV_PAGES_SMALL_BYTES;
    if (arena->newest != NULL) {
        length = arena->newest->length * 2;
        length = length > VV_PAGES_HUGE_BYTES ? VV_PAGES_HUGE_BYTES : length;
    }
    while (length < bytes) {
        length *= 2;
    }
    bool fits = arena->spare != NULL && arena->spare->length == length;
    struct vv_page_slab *slab = fits ? take_spare(arena) : slab_create(length);
    if (slab == NULL) {
        return NULL;
    }
    slab->older = arena->newest;
    arena->newest = slab;
    arena->slab_bytes += length;
    return slab;
}

void *vv_page_arena_alloc(struct vv_page_arena *arena, size_t bytes, size_t alignment)
{
    VV_ASSERT(bytes > 0 && alignment > 0 && (alignment & (alignment - 1)) == 0);
    struct vv_page_slab *slab = arena->newest;
    size_t start = slab == NULL ? 0 : (slab->used + alignment - 1) & ~(alignment - 1);
    if (slab == NULL || start > slab->length || slab->length - start < bytes) {
        slab = add_slab(arena, bytes);
        start = 0;
    }
    if (slab == NULL) {
        return NULL;
    }
    slab->used = start + bytes;
    return slab->bytes + start;
}

bool vv_page_arena_wants_spare(const struct vv_page_arena *arena)
{
    const struct vv_page_slab *newest = arena->newest;
    return arena->spare == NULL && newest != NULL && newest->length >= VV_PAGES_HUGE_BYTES &&
           newest->used >= newest->length / 2;
}

struct vv_page_slab *vv_page_slab_create(void)
{
    enum { TOUCHED_EACH_BYTES = 4096 }; /* one store is enough where there are huge pages */
    struct vv_page_slab *slab = slab_create(VV_PAGES_HUGE_BYTES);
    for (size_t at = 0; slab != NULL && at < slab->length; at += TOUCHED_EACH_BYTES) {
        *(volatile uint8_t *)(slab->bytes + at) = 0;
    }
    return slab;
}

void vv_page_arena_give_spare(struct vv_page_arena *arena, struct vv_page_slab *slab)
{
    if (!vv_page_arena_wants_spare(arena)) {
        slab_free(slab);
        return;
    }
    arena->spare = slab;
    arena->slab_bytes += slab->length;
}
