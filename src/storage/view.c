/*
 * view.c - the views of a shard: readers pin the current one without a lock.
 *
 *   current --> newest view (1 reference of the set, 1 of each reader)
 *               older views: 1 reference of each reader, and for a moment that of the set
 *   list, oldest first: what the head must keep
 *
 * V1  The current view has a reference of the set. When it is replaced that reference goes to the
 *     epoch, which gives it up when every reader that may have loaded the pointer has either taken
 *     a reference of its own or looked away. So a reader never counts up from nothing.
 * V2  Views are freed, and with them their block references, when nobody reads through them; in
 *     between the files of replaced blocks may be unlinked already: mappings stay.
 * V3  The last reference of an old view goes once: whoever takes it away takes the view out of the
 *     list, under the mutex. Acquiring and releasing the current view never is that.
 * Thread: acquire and release from any; publish, droppable and the list under the mutex.
 */
#include "storage/view.h"

#include "os/alloc.h"
#include "os/map_guard.h"

/* Polls until what was deferred before is done, unless readers are in a section right now. */
enum { POLLS = 4 };

varve_status vv_view_create(struct vv_block *const *blocks, size_t block_count,
                            uint64_t flushed_generation, struct vv_view **view)
{
    struct vv_view *created =
        vv_alloc_zeroed(1, sizeof(*created) + block_count * sizeof(created->blocks[0]));
    if (created == NULL) {
        return VARVE_NO_MEMORY;
    }
    atomic_init(&created->references, 1);
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
    vv_series_ranks_release(view->ranks);
    vv_free(view);
}

varve_status vv_view_set_init(struct vv_view_set *set, struct vv_epoch *epoch,
                              struct vv_block *const *blocks, size_t block_count)
{
    struct vv_view *first = NULL;
    VV_TRY(vv_view_create(blocks, block_count, 0, &first));
    first->set = set;
    set->epoch = epoch;
    set->oldest = first;
    atomic_init(&set->current, first);
    vv_mutex_init(&set->mutex);
    return VARVE_OK;
}

void vv_view_set_fini(struct vv_view_set *set)
{
    vv_epoch_drain(set->epoch);
    struct vv_view *last = atomic_load(&set->current);
    VV_ASSERT(set->oldest == last && atomic_load(&last->references) == 1);
    vv_view_discard(last);
    vv_mutex_fini(&set->mutex);
}

struct vv_view *vv_view_acquire(struct vv_view_set *set)
{
    struct vv_epoch_section *section = vv_epoch_enter(set->epoch);
    if (section == NULL) { /* memory is out: nobody publishes while we have the mutex */
        vv_mutex_lock(&set->mutex);
    }
    struct vv_view *view = atomic_load(&set->current);
    /* Relaxed: the reference of the set is there until we leave (V1). */
    atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    if (section == NULL) {
        vv_mutex_unlock(&set->mutex);
    } else {
        vv_epoch_exit(section);
    }
    return view;
}

/* Takes a view that nobody has a reference to out of the list (V3). */
static void unlink_view(struct vv_view_set *set, struct vv_view *view)
{
    vv_mutex_lock(&set->mutex);
    if (view->older == NULL) {
        set->oldest = view->newer;
    } else {
        view->older->newer = view->newer;
    }
    view->newer->older = view->older; /* the current view always has its reference (V1) */
    vv_mutex_unlock(&set->mutex);
}

void vv_view_release(struct vv_view_set *set, struct vv_view *view)
{
    /* Release: our reads come before the view is freed; acquire: and everybody else's. */
    if (atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) == 1) {
        unlink_view(set, view);
        vv_view_discard(view);
    }
}

/* Gives up the reference that the set had to a view which was replaced. */
static void release_replaced(struct vv_epoch_entry *entry)
{
    struct vv_view *view = (void *)((char *)entry - offsetof(struct vv_view, entry));
    vv_view_release(view->set, view);
}

void vv_view_publish(struct vv_view_set *set, struct vv_view *view)
{
    view->set = set;
    vv_mutex_lock(&set->mutex);
    struct vv_view *before = atomic_load(&set->current);
    before->newer = view;
    view->older = before;
    atomic_store(&set->current, view);
    vv_mutex_unlock(&set->mutex);
    vv_epoch_defer(set->epoch, &before->entry, release_replaced); /* V1 */
    (void)vv_epoch_poll(set->epoch);
}

varve_status vv_view_check(const struct vv_view *view, uint64_t *id)
{
    for (size_t i = 0; i < view->block_count && atomic_load(&vv_map_guard_losses) > 0; i++) {
        if (vv_block_is_lost(view->blocks[i])) {
            if (id != NULL) {
                *id = vv_block_info(view->blocks[i])->identity.id;
            }
            return VARVE_IO;
        }
    }
    return VARVE_OK;
}

bool vv_view_set_is_pinned(struct vv_view_set *set)
{
    vv_mutex_lock(&set->mutex);
    const struct vv_view *current = atomic_load(&set->current);
    bool pinned = set->oldest != current || atomic_load(&current->references) > 1;
    vv_mutex_unlock(&set->mutex);
    return pinned;
}

uint64_t vv_view_set_droppable(struct vv_view_set *set)
{
    for (int i = 0; i < POLLS && vv_epoch_pending(set->epoch) > 0; i++) {
        (void)vv_epoch_poll(set->epoch);
    }
    vv_mutex_lock(&set->mutex);
    uint64_t generation = set->oldest->flushed_generation;
    vv_mutex_unlock(&set->mutex);
    return generation;
}
