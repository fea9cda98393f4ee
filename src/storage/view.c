/*
 * view.c - the list of live views of a shard.
 *
 * V1  The current view always has one reference of its own.
 * V2  Views are freed, and with them their block references, when nobody reads through them; in
 *     between the files of replaced blocks may be unlinked already: mappings stay.
 * Thread: everything under the set's mutex but freeing; a mutex, because a query takes it twice.
 */
#include "storage/view.h"

#include "os/alloc.h"

varve_status vv_view_create(struct vv_block *const *blocks, size_t block_count,
                            uint64_t flushed_generation, struct vv_view **view)
{
    struct vv_view *created =
        vv_alloc_zeroed(1, sizeof(*created) + block_count * sizeof(created->blocks[0]));
    if (created == NULL) {
        return VARVE_NO_MEMORY;
    }
    created->references = 1;
    created->flushed_generation = flushed_generation;
    created->block_count = block_count;
    for (size_t i = 0; i < block_count; i++) {
        created->blocks[i] = blocks[i];
    }
    *view = created;
    return VARVE_OK;
}

void vv_view_discard(struct vv_view *view)
{
    for (size_t i = 0; i < view->block_count; i++) {
        vv_block_release(view->blocks[i]);
    }
    vv_retention_release(view->retention);
    vv_free(view);
}

varve_status vv_view_set_init(struct vv_view_set *set, struct vv_block *const *blocks,
                              size_t block_count)
{
    VV_TRY(vv_view_create(blocks, block_count, 0, &set->current));
    set->oldest = set->current;
    vv_mutex_init(&set->mutex);
    return VARVE_OK;
}

void vv_view_set_fini(struct vv_view_set *set)
{
    VV_ASSERT(set->oldest == set->current && set->current->references == 1);
    vv_view_discard(set->current);
    vv_mutex_fini(&set->mutex);
}

struct vv_view *vv_view_acquire(struct vv_view_set *set)
{
    vv_mutex_lock(&set->mutex);
    struct vv_view *view = set->current;
    view->references++;
    vv_mutex_unlock(&set->mutex);
    return view;
}

/* Takes one reference away; true if it was the last one: then the view is out of the list. */
static bool drop_reference(struct vv_view_set *set, struct vv_view *view)
{
    if (--view->references > 0) {
        return false;
    }
    if (view->older == NULL) {
        set->oldest = view->newer;
    } else {
        view->older->newer = view->newer;
    }
    view->newer->older = view->older; /* the current view is never dropped (V1) */
    return true;
}

void vv_view_release(struct vv_view_set *set, struct vv_view *view)
{
    vv_mutex_lock(&set->mutex);
    bool last = drop_reference(set, view);
    vv_mutex_unlock(&set->mutex);
    if (last) {
        vv_view_discard(view);
    }
}

void vv_view_publish(struct vv_view_set *set, struct vv_view *view)
{
    vv_mutex_lock(&set->mutex);
    struct vv_view *before = set->current;
    before->newer = view;
    view->older = before;
    set->current = view;
    bool last = drop_reference(set, before);
    vv_mutex_unlock(&set->mutex);
    if (last) {
        vv_view_discard(before);
    }
}

uint64_t vv_view_set_droppable(struct vv_view_set *set)
{
    vv_mutex_lock(&set->mutex);
    uint64_t generation = set->oldest->flushed_generation;
    vv_mutex_unlock(&set->mutex);
    return generation;
}
