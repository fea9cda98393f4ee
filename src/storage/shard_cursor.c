/*
 * shard_cursor.c - selecting series by labels over head and blocks, in key order.
 *
 *   block 1 ids (key order):  a   c d
 *   block 2 ids (key order):    b c        --> a, b, c (from all three), d
 *   head series (sorted):       b c
 *
 * Q1  The cursor reads one view and the head behind it: what was acknowledged before the select is
 *     in one of them, and nothing is in both. A series that had nothing in the head at the select
 *     is not looked for there again.
 * Q2  No lock is held between calls.
 * Q3  Keys are read to find out which series of several sources comes next. Where one block alone
 *     has any left, none is read unless the caller asks for it; nor where it is one block and the
 *     head, and the place of the head's next series in that block is remembered: ids are in key
 *     order, too.
 * Q4  A block with neither samples in the range nor deletions is not looked at: series that only
 *     such blocks have are not there.
 * Q5  A query that ends before everything in the head leaves it alone: no lock is taken, and no
 *     series looked for in it.
 * Thread: one at a time.
 */
#include <string.h>

#include "mmap/block_access.h"
#include "os/alloc.h"
#include "storage/shard.h"

/* The matching series of one block. */
struct block_part {
    uint32_t *ids;
    size_t count;
    size_t next;
    uint8_t *key_bytes; /* room for a key; NULL until it is needed */
    struct vv_key key;  /* of ids[next], if loaded */
    bool loaded;
};

struct vv_shard_cursor {
    struct vv_shard *shard;
    struct vv_view *view;
    struct vv_query_memory *memory; /* nullable */
    varve_status status;

    struct vv_series **head_series; /* in key order, or as they were given */
    size_t head_count;
    size_t head_next;
    bool is_given; /* series were given by handle: there are no parts */

    /* The current series. */
    size_t only_part;   /* the block part that it is of, if its key is not known; else SIZE_MAX */
    uint8_t *key_bytes; /* room for its key; NULL until it is needed */
    struct vv_series_place place;
    uint32_t *block_ids;          /* one per block of the view */
    struct vv_block_shape *shape; /* of shape_part, of the labels read last; NULL at first */
    size_t shape_part;

    struct block_part parts[]; /* one per block of the view */
};

/* ---------------------------------------------------------------------------- Selecting */

static varve_status select_ids(const struct vv_label_source *source,
                               const struct vv_matchers *matchers, struct vv_query_memory *memory,
                               uint32_t **ids, size_t *count)
{
    struct vv_id_runs *set = vv_matchers_selected(matchers);
    vv_id_runs_clear(set);
    VV_TRY(vv_label_source_select(source, matchers, set));
    *count = vv_id_runs_count(set);
    *ids = vv_query_alloc(memory, (*count + 1) * sizeof(**ids));
    if (*ids == NULL) {
        return vv_query_memory_status(memory);
    }
    vv_id_runs_to_array(set, *ids);
    return VARVE_OK;
}

struct head_selection {
    const struct vv_matchers *matchers;
    struct vv_query_memory *memory;
    uint32_t *ids;
    size_t count;
};

static varve_status select_in_head(void *context, const struct vv_label_source *source)
{
    struct head_selection *selection = context;
    return select_ids(source, selection->matchers, selection->memory, &selection->ids,
                      &selection->count);
}

/* Takes series of the head into the cursor, in key order. */
static varve_status sort_head(struct vv_shard_cursor *cursor, const uint32_t *refs, size_t count)
{
    struct vv_query_memory *memory = cursor->memory;
    uint64_t *room = vv_query_alloc(memory, (2 * count + 1) * sizeof(*room));
    cursor->head_series = vv_query_alloc(memory, (count + 1) * sizeof(*cursor->head_series));
    if (room == NULL || cursor->head_series == NULL) {
        vv_query_free(memory, room);
        return vv_query_memory_status(memory);
    }
    vv_series_ranks_sort(cursor->view->ranks, cursor->shard->table, refs, count, room,
                         cursor->head_series);
    cursor->head_count = count;
    vv_query_free(memory, room);
    return VARVE_OK;
}

/* The matching series that have something in the head behind the view, sorted by key; none if the
 * head has nothing before the end of the range. */
static varve_status select_head(struct vv_shard_cursor *cursor, const struct vv_matchers *matchers,
                                struct vv_range range)
{
    struct vv_shard *shard = cursor->shard;
    struct head_selection selection = {.matchers = matchers, .memory = cursor->memory};
    if (range.end <= vv_head_time_floor(&shard->head)) {
        return VARVE_OK;
    }
    VV_TRY(vv_series_table_read_index(shard->table, select_in_head, &selection));
    size_t count = 0;
    for (size_t i = 0; i < selection.count; i++) {
        uint32_t ref = selection.ids[i];
        if (vv_series_table_get(shard->table, ref) != NULL &&
            vv_head_has_series(&shard->head, ref, cursor->view->flushed_generation,
                               UINT64_MAX - 1)) {
            selection.ids[count++] = ref;
        }
    }
    varve_status status = sort_head(cursor, selection.ids, count);
    vv_query_free(cursor->memory, selection.ids);
    return status;
}

/* A cursor with a view and nothing selected. */
static varve_status create(struct vv_shard *shard, struct vv_query_memory *memory,
                           struct vv_shard_cursor **cursor, varve_error *error)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    size_t parts = view->block_count;
    struct vv_shard_cursor *created = vv_query_alloc_zeroed(
        memory, sizeof(*created) + parts * (sizeof(created->parts[0]) + sizeof(uint32_t)));
    if (created == NULL) {
        vv_view_release(&shard->views, view);
        return vv_fail(error, vv_query_memory_status(memory), "no memory for a query");
    }
    created->shard = shard;
    created->view = view;
    created->memory = memory;
    created->block_ids = (uint32_t *)(void *)&created->parts[parts];
    created->only_part = SIZE_MAX;
    *cursor = created;
    return VARVE_OK;
}

varve_status vv_shard_select(struct vv_shard *shard, const struct vv_matchers *matchers,
                             struct vv_range range, struct vv_query_memory *memory,
                             struct vv_shard_cursor **cursor, varve_error *error)
{
    struct vv_shard_cursor *created = NULL;
    VV_TRY(create(shard, memory, &created, error));
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < created->view->block_count && status == VARVE_OK; i++) {
        struct vv_label_source source = vv_block_labels(created->view->blocks[i]);
        if (vv_block_concerns(created->view->blocks[i], range)) {
            status = select_ids(&source, matchers, memory, &created->parts[i].ids,
                                &created->parts[i].count);
        }
    }
    if (status == VARVE_OK) {
        status = select_head(created, matchers, range);
    }
    if (status != VARVE_OK) {
        bool budget = memory != NULL && memory->refused;
        vv_shard_cursor_close(created);
        return vv_fail(error, status,
                       budget ? "memory_bytes_max: the query selects more series than fit"
                       : status == VARVE_LIMIT
                           ? "a regular expression of the selector ran into its limits: make it "
                             "simpler"
                       : status == VARVE_CORRUPT
                           ? "the label index of a block is damaged: run varve check"
                           : "the series of the selector cannot be looked up");
    }
    *cursor = created;
    return VARVE_OK;
}

varve_status vv_shard_select_series(struct vv_shard *shard, const varve_series *handles,
                                    size_t count, struct vv_query_memory *memory,
                                    struct vv_shard_cursor **cursor, varve_error *error)
{
    struct vv_shard_cursor *created = NULL;
    VV_TRY(create(shard, memory, &created, error));
    created->is_given = true;
    created->head_series = vv_query_alloc(memory, (count + 1) * sizeof(*created->head_series));
    if (created->head_series == NULL) {
        vv_shard_cursor_close(created);
        return vv_fail(error, vv_query_memory_status(memory), "no memory for a query");
    }
    for (size_t i = 0; i < count; i++) {
        struct vv_series *series = NULL;
        if (handles[i] >= 1 && handles[i] <= UINT32_MAX) {
            series = vv_series_table_get(shard->table, (uint32_t)(handles[i] - 1));
        }
        if (series == NULL) {
            vv_shard_cursor_close(created);
            return vv_fail(error, VARVE_INVALID, "series: number %zu is no handle", i + 1);
        }
        created->head_series[created->head_count++] = series;
    }
    *cursor = created;
    return VARVE_OK;
}

size_t vv_shard_cursor_count(const struct vv_shard_cursor *cursor)
{
    size_t count = cursor->head_count;
    for (size_t i = 0; !cursor->is_given && i < cursor->view->block_count; i++) {
        count += cursor->parts[i].count;
    }
    return count;
}

void vv_shard_cursor_blocks(const struct vv_shard_cursor *cursor, uint64_t *blocks,
                            uint64_t *skipped)
{
    *blocks = cursor->view->block_count;
    *skipped = 0;
    for (size_t i = 0; !cursor->is_given && i < cursor->view->block_count; i++) {
        *skipped += cursor->parts[i].count == 0;
    }
}

/* ------------------------------------------------------------------------------ Walking */

/* Makes room for a key, once. */
static varve_status reserve_key(struct vv_shard_cursor *cursor, uint8_t **bytes)
{
    if (*bytes == NULL) {
        *bytes = vv_query_alloc(cursor->memory, VARVE_SERIES_KEY_BYTES_MAX);
    }
    return *bytes != NULL ? VARVE_OK : vv_query_memory_status(cursor->memory);
}

static bool load_part(struct vv_shard_cursor *cursor, size_t index)
{
    struct block_part *part = &cursor->parts[index];
    if (part->loaded || part->next >= part->count) {
        return true;
    }
    cursor->status = reserve_key(cursor, &part->key_bytes);
    if (cursor->status == VARVE_OK) {
        cursor->status = vv_block_series_key(cursor->view->blocks[index], part->ids[part->next],
                                             part->key_bytes, &part->key);
    }
    part->loaded = cursor->status == VARVE_OK;
    return part->loaded;
}

/* Copies a key to the cursor. */
static bool keep_key(struct vv_shard_cursor *cursor, struct vv_key key)
{
    cursor->status = reserve_key(cursor, &cursor->key_bytes);
    if (cursor->status != VARVE_OK) {
        return false;
    }
    memcpy(cursor->key_bytes, key.bytes, key.length);
    cursor->place.key = (struct vv_key){cursor->key_bytes, key.length};
    return true;
}

/* Copies the least key of all parts to the cursor; false if there is none. */
static bool take_least_key(struct vv_shard_cursor *cursor)
{
    struct vv_key least = {0};
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        const struct block_part *part = &cursor->parts[i];
        if (part->loaded && (least.bytes == NULL || vv_key_compare(part->key, least) < 0)) {
            least = part->key;
        }
    }
    if (cursor->head_next < cursor->head_count) {
        struct vv_key key = vv_series_key(cursor->head_series[cursor->head_next]);
        if (least.bytes == NULL || vv_key_compare(key, least) < 0) {
            least = key;
        }
    }
    return least.bytes != NULL && keep_key(cursor, least);
}

/* The one block part that has series left, if no other has; else SIZE_MAX. */
static size_t find_only_part(const struct vv_shard_cursor *cursor)
{
    size_t only = SIZE_MAX;
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        if (cursor->parts[i].next < cursor->parts[i].count) {
            if (only != SIZE_MAX) {
                return SIZE_MAX;
            }
            only = i;
        }
    }
    return only;
}

/* The next of the series that were given. */
static bool next_given(struct vv_shard_cursor *cursor)
{
    if (cursor->head_next == cursor->head_count) {
        return false;
    }
    struct vv_series *series = cursor->head_series[cursor->head_next++];
    cursor->place = (struct vv_series_place){
        .series = series, .key = vv_series_key(series), .hash = series->hash};
    return true;
}

/* The next series of the only part that is left (Q3). */
static void next_of_part(struct vv_shard_cursor *cursor, size_t only)
{
    struct block_part *part = &cursor->parts[only];
    if (cursor->only_part != only) {
        for (size_t i = 0; i < cursor->view->block_count; i++) {
            cursor->block_ids[i] = VV_NO_BLOCK_ID;
        }
    }
    cursor->only_part = only;
    cursor->block_ids[only] = part->ids[part->next++];
    part->loaded = false;
    cursor->place = (struct vv_series_place){.block_ids = cursor->block_ids};
}

/* The next series where one part is left, and the head: if the head's series is remembered to be in
 * that block, their ids tell which comes first (Q3). False: keys must be read. */
static bool next_by_id(struct vv_shard_cursor *cursor, size_t only)
{
    const struct block_part *part = &cursor->parts[only];
    uint32_t id = 0;
    struct vv_series *series = NULL;
    if (cursor->head_next < cursor->head_count) {
        series = cursor->head_series[cursor->head_next];
        if (!vv_shard_remembers_place(series, cursor->view->blocks[only], &id) ||
            id < part->ids[part->next]) {
            return false;
        }
    }
    bool both = series != NULL && id == part->ids[part->next];
    next_of_part(cursor, only);
    if (both) {
        cursor->place.series = series;
        cursor->place.key = vv_series_key(series);
        cursor->head_next++;
    }
    return true;
}

/* Keys said that the current series of the head is in the only part that was left, if it was. */
static void remember_place(const struct vv_shard_cursor *cursor, size_t only)
{
    if (only != SIZE_MAX && cursor->block_ids[only] != VV_NO_BLOCK_ID) {
        vv_shard_remember_place(cursor->place.series, cursor->view->blocks[only],
                                cursor->block_ids[only]);
    }
}

bool vv_shard_cursor_next(struct vv_shard_cursor *cursor)
{
    if (cursor->status != VARVE_OK || cursor->is_given) {
        return cursor->status == VARVE_OK && next_given(cursor);
    }
    size_t only = find_only_part(cursor);
    if (only != SIZE_MAX && next_by_id(cursor, only)) {
        return true;
    }
    cursor->only_part = SIZE_MAX;
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        if (!load_part(cursor, i)) {
            return false;
        }
    }
    if (!take_least_key(cursor)) {
        return false;
    }
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        struct block_part *part = &cursor->parts[i];
        cursor->block_ids[i] = VV_NO_BLOCK_ID;
        if (part->loaded && vv_key_equal(part->key, cursor->place.key)) {
            cursor->block_ids[i] = part->ids[part->next++];
            part->loaded = false;
        }
    }
    cursor->place.block_ids = cursor->block_ids;
    cursor->place.series = NULL;
    if (cursor->head_next < cursor->head_count &&
        vv_key_equal(vv_series_key(cursor->head_series[cursor->head_next]), cursor->place.key)) {
        cursor->place.series = cursor->head_series[cursor->head_next++];
        remember_place(cursor, only);
    }
    return true;
}

struct vv_key vv_shard_cursor_key(struct vv_shard_cursor *cursor)
{
    size_t only = cursor->only_part;
    if (cursor->place.key.length > 0 || only == SIZE_MAX) {
        return cursor->place.key;
    }
    varve_status status = reserve_key(cursor, &cursor->key_bytes);
    if (status == VARVE_OK) {
        status = vv_block_series_key(cursor->view->blocks[only], cursor->block_ids[only],
                                     cursor->key_bytes, &cursor->place.key);
    }
    cursor->status = vv_first(cursor->status, status);
    return status == VARVE_OK ? cursor->place.key : (struct vv_key){0};
}

varve_status vv_shard_cursor_labels(struct vv_shard_cursor *cursor, varve_label *labels,
                                    size_t *count)
{
    size_t only = cursor->only_part;
    if (cursor->place.key.length > 0 || only == SIZE_MAX) {
        struct vv_key key = vv_shard_cursor_key(cursor);
        VV_TRY(cursor->status);
        *count = vv_key_labels(key, labels);
        return VARVE_OK;
    }
    if (cursor->shape == NULL) {
        cursor->shape = vv_query_alloc(cursor->memory, sizeof(*cursor->shape));
        if (cursor->shape == NULL) {
            return vv_query_memory_status(cursor->memory);
        }
        cursor->shape->known = false;
    }
    cursor->shape->known &= cursor->shape_part == only;
    cursor->shape_part = only;
    varve_status status = vv_block_series_labels(
        cursor->view->blocks[only], cursor->block_ids[only], cursor->shape, labels, count);
    cursor->status = vv_first(cursor->status, status);
    return status;
}

/* The iterator of a series of which one layer of one block is all that there is: no sources are
 * put together. used: as for vv_block_layer_open(). *found: it is such a one. */
static varve_status open_alone(struct vv_shard_cursor *cursor, struct vv_range range,
                               struct vv_iter *used, struct vv_iter **iter, bool *found)
{
    size_t only = cursor->only_part;
    struct vv_block_parts parts = {0};
    struct vv_merge_source source;
    varve_status status = VARVE_OK;
    if (only != SIZE_MAX && cursor->place.series == NULL) {
        status =
            vv_block_series_layers(cursor->view->blocks[only], cursor->block_ids[only], &parts);
    }
    *found = status == VARVE_OK && parts.layer_count == 1 && parts.tombstone_count == 0;
    if (!*found) {
        vv_iter_destroy(used);
        return status;
    }
    vv_block_note_read(cursor->view->blocks[only]);
    VV_TRY(vv_block_layer_open(cursor->view->blocks[only], parts.first_layer, range, cursor->memory,
                               used, &source));
    *iter = source.iter;
    return VARVE_OK;
}

varve_status vv_shard_cursor_iter(struct vv_shard_cursor *cursor, struct vv_range *range,
                                  struct vv_iter **iter)
{
    struct vv_view *view = cursor->view;
    struct vv_iter *used = *iter;
    bool found;
    *iter = NULL;
    if (view->retention != NULL) { /* its rules look at labels */
        struct vv_key key = vv_shard_cursor_key(cursor);
        varve_status status = cursor->status;
        if (status == VARVE_OK) {
            status = vv_shard_clip(view, key, range);
        }
        if (status != VARVE_OK) {
            vv_iter_destroy(used);
            return status;
        }
    }
    VV_TRY(open_alone(cursor, *range, used, iter, &found));
    if (found) {
        return VARVE_OK;
    }
    return vv_shard_series_iter(cursor->shard, view, &cursor->place, *range, cursor->memory, iter);
}

varve_status vv_shard_cursor_status(const struct vv_shard_cursor *cursor)
{
    return cursor->status;
}

varve_status vv_shard_cursor_check(const struct vv_shard_cursor *cursor, varve_error *error)
{
    uint64_t id;
    if (vv_view_check(cursor->view, &id) == VARVE_OK) {
        return VARVE_OK;
    }
    char name[VV_BLOCK_NAME_BYTES];
    vv_block_name(id, name);
    return vv_fail_io(
        error, VARVE_IO, 0, name, 0,
        "a part of the block cannot be read any more: it was cut off, or the disk has "
        "failed; open the database again");
}

void vv_shard_cursor_close(struct vv_shard_cursor *cursor)
{
    if (cursor == NULL) {
        return;
    }
    for (size_t i = 0; i < cursor->view->block_count; i++) {
        vv_query_free(cursor->memory, cursor->parts[i].ids);
        vv_query_free(cursor->memory, cursor->parts[i].key_bytes);
    }
    vv_query_free(cursor->memory, cursor->head_series);
    vv_query_free(cursor->memory, cursor->key_bytes);
    vv_query_free(cursor->memory, cursor->shape);
    vv_view_release(&cursor->shard->views, cursor->view);
    vv_query_free(cursor->memory, cursor);
}
