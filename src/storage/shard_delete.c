/*
 * shard_delete.c - deleting a range from the series that match.
 *
 *   which series match, in blocks and head --> records of up to REFS_MAX of them: logged, applied
 *
 * D1  A delete has a place in the log order of every series: it removes what was logged before it
 *     and nothing later. Series that get their first sample while the matching ones are looked up
 *     may or may not be among them.
 * D2  In the head's open generation samples go at once; blocks and closed generations are read
 *     through a tombstone until a merge removes the samples for good.
 * Thread: any.
 */
#include "os/alloc.h"
#include "storage/shard.h"

enum { REFS_MAX = 1 << 16 /* in one record: far less than half the ring */ };

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
    const struct vv_range everything = {INT64_MIN, INT64_MAX};
    struct vv_shard_cursor *cursor = NULL;
    VV_TRY(vv_shard_select(shard, matchers, everything, NULL, &cursor, error));
    varve_status status = VARVE_OK;
    while (status == VARVE_OK && vv_shard_cursor_next(cursor)) {
        struct vv_key key = vv_shard_cursor_key(cursor);
        struct vv_series *series;
        if (key.length == 0) {
            break; /* the status tells why */
        }
        status = vv_series_table_find_or_create(shard->table, key, vv_key_hash(key), UINT64_MAX,
                                                &series);
        if (status == VARVE_OK) {
            status = add_ref(list, series->ref);
        }
    }
    status = vv_first(status, vv_shard_cursor_status(cursor));
    status = status == VARVE_OK ? vv_shard_cursor_check(cursor, error) : status;
    vv_shard_cursor_close(cursor);
    return status == VARVE_OK ? status
                              : vv_fail(error, status, "cannot list the series to delete from");
}

varve_status vv_shard_apply_delete(struct vv_shard *shard, const struct vv_view *view,
                                   const uint32_t *refs, size_t count, struct vv_range range,
                                   uint64_t generation)
{
    /* Older data: blocks, readable or not, or a generation that is being flushed. */
    bool older_data = view->block_count > 0 || atomic_load(&shard->has_quarantined) ||
                      generation > view->flushed_generation + 1;
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < count && status == VARVE_OK; i++) {
        status = vv_head_delete(&shard->head, refs[i], generation, range, older_data);
    }
    return status;
}

/* A record on its way into the head. */
struct deletion {
    const struct vv_wal_delete *record;
    const struct vv_view *view;
};

static varve_status apply_deletion(struct vv_shard *shard, const void *context, uint64_t generation)
{
    const struct deletion *deletion = context;
    const struct vv_wal_delete *record = deletion->record;
    struct vv_range range = {record->start, record->end};
    return vv_shard_apply_delete(shard, deletion->view, record->refs, record->count, range,
                                 generation);
}

/* Logs and applies one record. */
static varve_status delete_some(struct vv_shard *shard, const struct vv_wal_delete *record,
                                uint64_t *lsn)
{
    struct vv_shard_writer *writer = vv_shard_writer(shard);
    if (writer == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_buffer_clear(&writer->record);
    VV_TRY(vv_wal_delete_encode(record, &writer->record));
    struct vv_view *view = vv_view_acquire(&shard->views);
    struct deletion deletion = {record, view};
    struct vv_shard_change change = {.type = VV_WAL_DELETE,
                                     .refs = record->refs,
                                     .ref_count = record->count,
                                     .wait = true,
                                     .apply = apply_deletion,
                                     .context = &deletion};
    varve_status status = vv_shard_log_and_apply(shard, writer, &change, lsn);
    vv_view_release(&shard->views, view);
    return status;
}

static varve_status check_can_delete(const struct vv_shard *shard, varve_error *error)
{
    if (shard->options.read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
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
    return VARVE_OK;
}

/* Logs one record; on a full disk, in the room that is kept for that. */
static varve_status delete_and_borrow(struct vv_shard *shard, const struct vv_wal_delete *record,
                                      uint64_t *lsn)
{
    varve_status status = delete_some(shard, record, lsn);
    if (vv_shard_borrow(shard, status, NULL)) {
        status = delete_some(shard, record, lsn);
        vv_shard_give_back(shard);
    }
    return status;
}

/* Deletes from the listed series, REFS_MAX at a time. */
static varve_status delete_listed(struct vv_shard *shard, const struct ref_list *list,
                                  struct vv_range range, uint64_t *lsn, varve_error *error)
{
    *lsn = vv_wal_end(&shard->wal);
    for (size_t first = 0, count; first < list->count; first += count) {
        count = list->count - first;
        count = count > REFS_MAX ? REFS_MAX : count;
        struct vv_wal_delete record = {range.start, range.end, count, list->refs + first};
        varve_status status = delete_and_borrow(shard, &record, lsn);
        if (status == VARVE_UNKNOWN) {
            return vv_fail(
                error, status,
                "out of memory behind the log: the deletion takes effect with the next open");
        }
        if (status != VARVE_OK) {
            return vv_fail(error, status, "the deletion cannot be logged: %s%s",
                           varve_status_text(status),
                           first > 0 ? "; some series are done, delete again" : "");
        }
    }
    return VARVE_OK;
}

varve_status vv_shard_delete(struct vv_shard *shard, const struct vv_matchers *matchers,
                             struct vv_range range, uint64_t *series_count, uint64_t *lsn,
                             varve_error *error)
{
    struct ref_list list = {0};
    VV_TRY(check_can_delete(shard, error));
    varve_status status = list_refs(shard, matchers, &list, error);
    if (status == VARVE_OK) {
        status = delete_listed(shard, &list, range, lsn, error);
    }
    if (status == VARVE_OK) {
        *series_count = list.count;
    }
    vv_free(list.refs);
    return status;
}

varve_status vv_shard_delete_series(struct vv_shard *shard, const varve_series *handles,
                                    size_t count, struct vv_range range, uint64_t *lsn,
                                    varve_error *error)
{
    VV_TRY(check_can_delete(shard, error));
    struct ref_list list = {.refs = vv_alloc(count * sizeof(*list.refs)), .count = count};
    varve_status status = VARVE_OK;
    if (list.refs == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to list the series to delete from");
    }
    for (size_t i = 0; i < count && status == VARVE_OK; i++) {
        list.refs[i] = (uint32_t)(handles[i] - 1);
        if (handles[i] < 1 || handles[i] - 1 >= vv_series_table_count(shard->table)) {
            status = vv_fail(error, VARVE_INVALID, "series: entry %zu is no handle of a series", i);
        }
    }
    if (status == VARVE_OK) {
        status = delete_listed(shard, &list, range, lsn, error);
    }
    vv_free(list.refs);
    return status;
}
