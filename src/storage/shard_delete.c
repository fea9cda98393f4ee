/*
 * shard_delete.c - deleting a range from the series that match.
 *
 *   append_mutex { which series match, in blocks and head | log: refs and range | apply to the head
 *   }
 *
 * D1  The delete has a place in the log order: it removes what was logged before it and nothing
 *     later.
 * D2  In the head's open generation samples go at once; blocks and closed generations are read
 *     through a tombstone until a merge removes the samples for good.
 * Thread: any; appends wait while the series are looked up.
 */
#include "os/alloc.h"
#include "storage/shard.h"

/* A growing list of refs. */
struct ref_list {
    uint32_t *refs;
    size_t count;
    size_t capacity;
};

static varve_status add_ref(struct ref_list *list, uint32_t ref)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        uint32_t *refs = vv_realloc(list->refs, capacity * sizeof(*refs));
        if (refs == NULL) {
            return VARVE_NO_MEMORY;
        }
        list->refs = refs;
        list->capacity = capacity;
    }
    list->refs[list->count++] = ref;
    return VARVE_OK;
}

/* The refs of all series that match; those known only to blocks get one. */
static varve_status list_refs(struct vv_shard *shard, const struct vv_matchers *matchers,
                              struct ref_list *list, varve_error *error)
{
    struct vv_shard_cursor *cursor = NULL;
    VV_TRY(vv_shard_select(shard, matchers, &cursor, error));
    varve_status status = VARVE_OK;
    while (status == VARVE_OK && vv_shard_cursor_next(cursor)) {
        struct vv_key key = vv_shard_cursor_key(cursor);
        struct vv_series *series;
        status = vv_series_table_find_or_create(shard->table, key, vv_key_hash(key), UINT64_MAX,
                                                &series);
        if (status == VARVE_OK) {
            status = add_ref(list, series->ref);
        }
    }
    status = vv_first(status, vv_shard_cursor_status(cursor));
    vv_shard_cursor_close(cursor);
    return status == VARVE_OK ? status
                              : vv_fail(error, status, "cannot list the series to delete from");
}

varve_status vv_shard_apply_delete(struct vv_shard *shard, const uint32_t *refs, size_t count,
                                   struct vv_range range)
{
    uint64_t generation = atomic_load(&shard->generation);
    struct vv_view *view = vv_view_acquire(&shard->views);
    /* Older data: blocks, readable or not, or a generation that is being flushed. */
    bool older_data = view->block_count > 0 || atomic_load(&shard->has_quarantined) ||
                      generation > view->flushed_generation + 1;
    vv_view_release(&shard->views, view);
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < count && status == VARVE_OK; i++) {
        status = vv_head_delete(&shard->head, refs[i], generation, range, older_data);
    }
    return status;
}

/* Needs the locks of the listed series. */
static varve_status log_and_apply(struct vv_shard *shard, struct ref_list *list,
                                  struct vv_range range, uint64_t *lsn, varve_error *error)
{
    struct vv_wal_delete record = {range.start, range.end, list->count, list->refs};
    vv_buffer_clear(&shard->record_buffer);
    varve_status status = vv_wal_delete_encode(&record, &shard->record_buffer);
    if (status == VARVE_OK) {
        status = vv_shard_log_record(shard, VV_WAL_DELETE, list->refs, list->count, 0, lsn);
    }
    if (status != VARVE_OK) {
        return vv_fail(error, status, "the deletion cannot be logged: %s",
                       varve_status_text(status));
    }
    if (vv_shard_apply_delete(shard, list->refs, list->count, range) != VARVE_OK) {
        return vv_fail(
            error, vv_shard_head_lacks(shard),
            "out of memory behind the log: the deletion takes effect with the next open");
    }
    return VARVE_OK;
}

static varve_status delete_locked(struct vv_shard *shard, const struct vv_matchers *matchers,
                                  struct vv_range range, struct ref_list *list, uint64_t *lsn,
                                  varve_error *error)
{
    if (atomic_load(&shard->head_lacks)) { /* before it is said that nothing matches */
        return vv_fail(error, VARVE_READ_ONLY,
                       "memory was out while the log was applied: close the database and open it "
                       "again");
    }
    if (atomic_load(&shard->has_unreadable)) {
        return vv_fail(
            error, VARVE_IO,
            "a block could not be read when the database was opened: what is in it cannot "
            "be deleted, open the database again once the disk works");
    }
    VV_TRY(list_refs(shard, matchers, list, error));
    if (list->count == 0) {
        *lsn = atomic_load(&shard->wal.end_lsn);
        return VARVE_OK;
    }
    if (list->count > VV_WAL_DELETE_SERIES_MAX) {
        return vv_fail(error, VARVE_LIMIT,
                       "%zu series match, more than one deletion takes (%d): delete in parts",
                       list->count, VV_WAL_DELETE_SERIES_MAX);
    }
    varve_status status = vv_head_lock_refs(&shard->head, list->refs, list->count, &shard->locks);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "out of memory for the locks of %zu series", list->count);
    }
    status = log_and_apply(shard, list, range, lsn, error);
    vv_head_unlock_refs(&shard->locks);
    return status;
}

varve_status vv_shard_delete(struct vv_shard *shard, const struct vv_matchers *matchers,
                             struct vv_range range, uint64_t *series_count, uint64_t *lsn,
                             varve_error *error)
{
    if (shard->options.read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
    struct ref_list list = {0};
    vv_mutex_lock(&shard->append_mutex);
    varve_status status = delete_locked(shard, matchers, range, &list, lsn, error);
    vv_mutex_unlock(&shard->append_mutex);
    if (status == VARVE_OK) {
        *series_count = list.count;
    }
    vv_free(list.refs);
    return status;
}
