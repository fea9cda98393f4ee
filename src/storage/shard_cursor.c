/*
 * shard_cursor.c - selecting series by labels over head and blocks, in key order.
 *
 *   block 1 ids (key order):  a   c d
 *   block 2 ids (key order):    b c        --> a, b, c (from all three), d
 *   head series (sorted):       b c
 *
 * Q1  The cursor reads one view and the head behind it: what was acknowledged before the select is
 *     in one of them, and nothing is in both.
 * Q2  No lock is held between calls.
 * Thread: one at a time.
 */
#include <stdlib.h>

#include "os/alloc.h"
#include "storage/shard.h"

/* The matching series of one block. */
struct block_part {
    uint32_t *ids;
    size_t count;
    size_t next;
    struct vv_buffer key_buffer;
    struct vv_block_series series; /* of ids[next], if loaded */
    bool loaded;
};

struct vv_shard_cursor {
    struct vv_shard *shard;
    struct vv_view *view;
    varve_status status;

    struct vv_series **head_series; /* in key order */
    size_t head_count;
    size_t head_next;

    /* The current series. */
    struct vv_buffer key_buffer;
    struct vv_key key;
    uint64_t hash;
    struct vv_series *series; /* NULL: not in the head */
    uint32_t *block_ids;      /* one per block of the view */

    struct block_part parts[]; /* one per block of the view */
};

static varve_status select_ids(const struct vv_label_source *source,
                               const struct vv_matchers *matchers, uint32_t **ids, size_t *count)
{
    struct vv_id_set *set = vv_id_set_create();
    if (set == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = vv_label_source_select(source, matchers, set);
    if (status == VARVE_OK) {
        *count = vv_id_set_count(set);
        *ids = vv_alloc_zeroed(*count + 1, sizeof(**ids));
        if (*ids == NULL) {
            status = VARVE_NO_MEMORY;
        } else {
            vv_id_set_to_array(set, *ids);
        }
    }
    vv_id_set_destroy(set);
    return status;
}

struct head_selection {
    const struct vv_matchers *matchers;
    uint32_t *ids;
    size_t count;
};

static varve_status select_in_head(void *context, const struct vv_label_source *source)
{
    struct head_selection *selection = context;
    return select_ids(source, selection->matchers, &selection->ids, &selection->count);
}

/* The matching series that have something in the head behind the view, sorted by key. */
static varve_status select_head(struct vv_shard_cursor *cursor, const struct vv_matchers *matchers)
{
    struct vv_shard *shard = cursor->shard;
    struct head_selection selection = {.matchers = matchers};
    VV_TRY(vv_series_table_read_index(shard->table, select_in_head, &selection));
    cursor->head_series = vv_alloc_zeroed(selection.count + 1, sizeof(*cursor->head_series));
    if (cursor->head_series == NULL) {
        vv_free(selection.ids);
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < selection.count; i++) {
        struct vv_series *series = vv_series_table_get(shard->table, selection.ids[i]);
        if (series != NULL &&
            vv_head_has_series(&shard->head, series->ref, cursor->view->flushed_generation,
                               UINT64_MAX - 1)) {
            cursor->head_series[cursor->head_count++] = series;
        }
    }
    vv_free(selection.ids);
    qsort(cursor->head_series, cursor->head_count, sizeof(*cursor->head_series), vv_series_compare);
    return VARVE_OK;
}

varve_status vv_shard_select(struct vv_shard *shard, const struct vv_matchers *matchers,
                             struct vv_shard_cursor **cursor, varve_error *error)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    struct vv_shard_cursor *created =
        vv_alloc_zeroed(1, sizeof(*created) + view->block_count * sizeof(created->parts[0]));
    if (created == NULL) {
        vv_view_release(&shard->views, view);
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a query");
    }
    created->shard = shard;
    created->view = view;
    created->block_ids = vv_alloc_zeroed(view->block_count + 1, sizeof(*created->block_ids));
    varve_status status = created->block_ids == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    for (size_t i = 0; i < view->block_count && status == VARVE_OK; i++) {
        struct vv_label_source source = vv_block_labels(view->blocks[i]);
        status = select_ids(&source, matchers, &created->parts[i].ids, &created->parts[i].count);
    }
    if (status == VARVE_OK) {
        status = select_head(created, matchers);
    }
    if (status != VARVE_OK) {
        vv_shard_cursor_close(created);
        return vv_fail(error, status,
                       status == VARVE_LIMIT ? "a regular expression of the selector ran into its "
                                               "limits: make it simpler"
                       : status == VARVE_CORRUPT
                           ? "the label index of a block is damaged: run varve check"
                           : "the series of the selector cannot be looked up");
    }
    *cursor = created;
    return VARVE_OK;
}

static bool load_part(struct vv_shard_cursor *cursor, size_t index)
{
    struct block_part *part = &cursor->parts[index];
    if (part->loaded || part->next >= part->count) {
        return true;
    }
    cursor->status = vv_block_series(cursor->view->blocks[index], part->ids[part->next],
                                     &part->key_buffer, &part->series);
    part->loaded = cursor->status == VARVE_OK;
    return part->loaded;
}

/* Copies the least key of all parts to the cursor; false if there is none. */
static bool take_least_key(struct vv_shard_cursor *cursor)
{
    struct vv_key least = {0};
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        const struct block_part *part = &cursor->parts[i];
        if (part->loaded && (least.bytes == NULL || vv_key_compare(part->series.key, least) < 0)) {
            least = part->series.key;
        }
    }
    if (cursor->head_next < cursor->head_count) {
        struct vv_key key = vv_series_key(cursor->head_series[cursor->head_next]);
        if (least.bytes == NULL || vv_key_compare(key, least) < 0) {
            least = key;
        }
    }
    if (least.bytes == NULL) {
        return false;
    }
    vv_buffer_clear(&cursor->key_buffer);
    cursor->status = vv_buffer_append(&cursor->key_buffer, least.bytes, least.length);
    cursor->key = (struct vv_key){cursor->key_buffer.bytes, cursor->key_buffer.length};
    return cursor->status == VARVE_OK;
}

bool vv_shard_cursor_next(struct vv_shard_cursor *cursor)
{
    if (cursor->status != VARVE_OK) {
        return false;
    }
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        if (!load_part(cursor, i)) {
            return false;
        }
    }
    if (!take_least_key(cursor)) {
        return false;
    }
    cursor->hash = vv_key_hash(cursor->key);
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        struct block_part *part = &cursor->parts[i];
        cursor->block_ids[i] = VV_NO_BLOCK_ID;
        if (part->loaded && vv_key_equal(part->series.key, cursor->key)) {
            cursor->block_ids[i] = part->ids[part->next++];
            part->loaded = false;
        }
    }
    cursor->series = NULL;
    if (cursor->head_next < cursor->head_count &&
        vv_key_equal(vv_series_key(cursor->head_series[cursor->head_next]), cursor->key)) {
        cursor->series = cursor->head_series[cursor->head_next++];
    } else {
        /* It may have got its first sample of the head since the select: then it is read as
         * well. */
        cursor->series = vv_series_table_find(cursor->shard->table, cursor->key, cursor->hash);
    }
    return true;
}

struct vv_key vv_shard_cursor_key(const struct vv_shard_cursor *cursor)
{
    return cursor->key;
}

varve_status vv_shard_cursor_iter(struct vv_shard_cursor *cursor, int64_t start, int64_t end,
                                  struct vv_iter **iter)
{
    struct vv_range range = {start, end};
    return vv_shard_series_iter(cursor->shard, cursor->view, cursor->series, cursor->key,
                                cursor->hash, cursor->block_ids, range, iter);
}

int64_t vv_shard_cursor_time_max(struct vv_shard_cursor *cursor)
{
    int64_t time_max = INT64_MIN;
    struct vv_buffer key_buffer = {0};
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        struct vv_block_series series;
        if (cursor->block_ids[i] != VV_NO_BLOCK_ID &&
            vv_block_series(cursor->view->blocks[i], cursor->block_ids[i], &key_buffer, &series) ==
                VARVE_OK &&
            series.layer_count > 0 && series.time_max > time_max) {
            time_max = series.time_max;
        }
    }
    vv_buffer_fini(&key_buffer);
    if (cursor->series != NULL) {
        int64_t in_head = vv_head_time_max(&cursor->shard->head, cursor->series->ref,
                                           cursor->view->flushed_generation);
        time_max = in_head > time_max ? in_head : time_max;
    }
    return time_max;
}

varve_status vv_shard_cursor_status(const struct vv_shard_cursor *cursor)
{
    return cursor->status;
}

void vv_shard_cursor_close(struct vv_shard_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        vv_free(cursor->parts[i].ids);
        vv_buffer_fini(&cursor->parts[i].key_buffer);
    }
    vv_free(cursor->head_series);
    vv_free(cursor->block_ids);
    vv_buffer_fini(&cursor->key_buffer);
    vv_view_release(&cursor->shard->views, cursor->view);
    vv_free(cursor);
}
