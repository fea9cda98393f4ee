/*
 * merge.c - one resolved sequence of samples out of many sources of a series.
 *
 *   cursors   [ oldest .. newest ]           one per source, without what later sources deleted
 *   heap      [ 2 | 0 | 1 ]                  cursors by (next timestamp, age): the top is next
 *   buffer    1024 samples                   allocated when two sources first overlap
 *
 * G1  The top of the heap is settled before its sample is used: only then is its timestamp exact.
 *     All others are at or behind their lower bound, so samples of the top before the second bound
 *     are free of conflict and pass through as a whole run.
 * G2  Of equal timestamps the oldest source stands on top, so that folding pops them in log order.
 * G3  A span that was passed through stays valid until the next call: nothing is loaded behind it.
 * G4  Runs shorter than PASS_RUN_MIN go through the buffer, since spans of a few samples would cost
 *     their consumer more than the copy.
 * Threads: one at a time.
 */
#include "query/merge.h"

#include "os/alloc.h"
#include "query/merge_source.h"

enum { PASS_RUN_MIN = 128 };

struct merge {
    struct vv_iter iter;
    struct vv_query_memory *memory; /* nullable */
    varve_status status;
    size_t cursor_count;
    struct vv_merge_cursor *cursors; /* oldest first */
    size_t *heap;                    /* indices of cursors */
    size_t heap_count;
    struct vv_range_list **lists; /* what cursors filter by; list i is owned here */
    size_t list_count;
    int64_t *timestamps; /* the buffer; NULL until it is needed */
    double *values;
    struct vv_summary peeked; /* of the top */
};

/* --------------------------------------------------------------------------------- Heap */

static struct vv_merge_cursor *top(const struct merge *merge)
{
    return &merge->cursors[merge->heap[0]];
}

/* Whether the cursor at heap position a comes before that at b. */
static bool before(const struct merge *merge, size_t a, size_t b)
{
    const struct vv_merge_cursor *left = &merge->cursors[merge->heap[a]];
    const struct vv_merge_cursor *right = &merge->cursors[merge->heap[b]];
    return left->next != right->next ? left->next < right->next : merge->heap[a] < merge->heap[b];
}

static void sift_down(struct merge *merge, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= merge->heap_count) {
            return;
        }
        if (child + 1 < merge->heap_count && before(merge, child + 1, child)) {
            child++;
        }
        if (!before(merge, child, at)) {
            return;
        }
        size_t swapped = merge->heap[at];
        merge->heap[at] = merge->heap[child];
        merge->heap[child] = swapped;
        at = child;
    }
}

static void heapify(struct merge *merge)
{
    for (size_t at = merge->heap_count / 2; at > 0; at--) {
        sift_down(merge, at - 1);
    }
}

/* The bound of all cursors but the top. */
static int64_t second_next(const struct merge *merge)
{
    int64_t least = INT64_MAX;
    for (size_t at = 1; at < merge->heap_count && at <= 2; at++) {
        int64_t next = merge->cursors[merge->heap[at]].next;
        least = next < least ? next : least;
    }
    return least;
}

/* Brings the next sample of all to the top of the heap. False: no sample is left, or status says
 * why. */
static bool settle_top(struct merge *merge)
{
    while (merge->heap_count > 0 && merge->status == VARVE_OK) {
        struct vv_merge_cursor *cursor = top(merge);
        if (cursor->settled) {
            return true;
        }
        if (!vv_merge_cursor_settle(cursor)) {
            merge->status = vv_iter_status(cursor->iter);
            merge->heap[0] = merge->heap[--merge->heap_count];
        }
        sift_down(merge, 0);
    }
    return false;
}

static void advance_top(struct merge *merge, size_t count)
{
    vv_merge_cursor_advance(top(merge), count);
    sift_down(merge, 0);
}

/* ----------------------------------------------------------------------------- Iterating */

/* Samples at the top that come before everything else: 0 if another source may have the same
 * timestamp. */
static size_t free_run(const struct merge *merge)
{
    const struct vv_merge_cursor *cursor = top(merge);
    int64_t bound = second_next(merge);
    if (cursor->live_end < bound) {
        bound = cursor->live_end;
    }
    if (cursor->span_end <= bound) {
        return cursor->span.count - cursor->at;
    }
    if (cursor->next >= bound) {
        return 0;
    }
    return vv_timestamps_find(cursor->span.timestamps, cursor->at + 1, cursor->span.count, bound) -
           cursor->at;
}

static bool reserve_buffer(struct merge *merge)
{
    if (merge->timestamps != NULL) {
        return true;
    }
    merge->timestamps =
        vv_query_alloc(merge->memory, VV_SPAN_MAX * (sizeof(int64_t) + sizeof(double)));
    if (merge->timestamps == NULL) {
        merge->status = vv_query_memory_status(merge->memory);
        return false;
    }
    merge->values = (double *)(void *)(merge->timestamps + VV_SPAN_MAX);
    return true;
}

/* Folds all samples with the timestamp of the top into entry at of the buffer. False: a source
 * failed, and the entry does not count. */
static bool fold_top(struct merge *merge, size_t at)
{
    struct vv_merge_cursor *cursor = top(merge);
    int64_t timestamp = cursor->next;
    double value = cursor->span.values[cursor->at];
    advance_top(merge, 1);
    while (settle_top(merge) && top(merge)->next == timestamp) {
        cursor = top(merge);
        value = vv_resolve_duplicate(cursor->policy, value, cursor->span.values[cursor->at]);
        advance_top(merge, 1);
    }
    merge->timestamps[at] = timestamp;
    merge->values[at] = value;
    return merge->status == VARVE_OK;
}

/* Runs are short here (G4), mostly of one sample: a loop is cheaper than two calls of memcpy(). */
static void copy_run(struct merge *merge, size_t at, size_t count)
{
    const struct vv_merge_cursor *cursor = top(merge);
    const int64_t *timestamps = cursor->span.timestamps + cursor->at;
    const double *values = cursor->span.values + cursor->at;
    for (size_t index = 0; index < count; index++) {
        merge->timestamps[at + index] = timestamps[index];
        merge->values[at + index] = values[index];
    }
    advance_top(merge, count);
}

/* Whether a row of a rollup may begin with the next sample: then the caller is to be asked. */
static bool at_row(const struct merge *merge)
{
    const struct vv_merge_cursor *cursor = merge->heap_count > 0 ? top(merge) : NULL;
    return cursor != NULL && cursor->by_rows && cursor->at == cursor->span.count;
}

/* Fills the buffer until it is full, a long run or perhaps a row comes up, or nothing is left. */
static size_t fill_buffer(struct merge *merge)
{
    size_t filled = 0;
    while (filled < VV_SPAN_MAX && !(filled > 0 && at_row(merge)) && settle_top(merge)) {
        size_t run = free_run(merge);
        if (run == 0) {
            if (!fold_top(merge, filled)) {
                break;
            }
            filled++;
        } else if (run >= PASS_RUN_MIN) {
            break;
        } else {
            size_t room = VV_SPAN_MAX - filled;
            size_t count = run < room ? run : room;
            copy_run(merge, filled, count);
            filled += count;
        }
    }
    return filled;
}

static bool merge_next_span(struct vv_iter *iter, varve_span *span)
{
    struct merge *merge = (struct merge *)iter;
    if (!settle_top(merge)) {
        return false;
    }
    struct vv_merge_cursor *cursor = top(merge);
    size_t run = free_run(merge);
    if (run >= PASS_RUN_MIN || (run > 0 && run == cursor->span.count - cursor->at)) {
        *span = (varve_span){.timestamps = cursor->span.timestamps + cursor->at,
                             .values = cursor->span.values + cursor->at,
                             .count = run};
        advance_top(merge, run);
        return true;
    }
    if (!reserve_buffer(merge)) {
        return false;
    }
    size_t filled = fill_buffer(merge);
    *span = (varve_span){.timestamps = merge->timestamps, .values = merge->values, .count = filled};
    return filled > 0;
}

static void merge_seek(struct vv_iter *iter, int64_t timestamp)
{
    struct merge *merge = (struct merge *)iter;
    if (merge->heap_count == 0 || timestamp <= top(merge)->next) {
        return;
    }
    for (size_t at = 0; at < merge->heap_count; at++) {
        vv_merge_cursor_seek(&merge->cursors[merge->heap[at]], timestamp);
    }
    heapify(merge);
}

/* Takes sources that are over off the top: they would hide what comes next from a peek. */
static void drop_ended(struct merge *merge)
{
    while (merge->heap_count > 0 && vv_merge_cursor_is_over(top(merge))) {
        merge->heap[0] = merge->heap[--merge->heap_count];
        sift_down(merge, 0);
    }
}

/* Chunks that come before everything else are seen as a whole (G1: bounds are enough for that). */
static bool merge_peek(struct vv_iter *iter, struct vv_summary *summary)
{
    struct merge *merge = (struct merge *)iter;
    for (drop_ended(merge); merge->heap_count > 0 && merge->status == VARVE_OK;) {
        size_t cursor = merge->heap[0];
        if (!vv_merge_cursor_peek(&merge->cursors[cursor], &merge->peeked)) {
            return false;
        }
        sift_down(merge, 0);
        if (merge->heap[0] == cursor) {
            *summary = merge->peeked;
            return summary->time_max < second_next(merge);
        }
    }
    return false;
}

static void merge_pass(struct vv_iter *iter)
{
    struct merge *merge = (struct merge *)iter;
    vv_merge_cursor_pass(top(merge), &merge->peeked);
    sift_down(merge, 0);
}

static struct vv_chunk_where merge_where(const struct vv_iter *iter)
{
    return vv_iter_where(top((const struct merge *)iter)->iter);
}

/* As merge_peek(). */
static bool merge_peek_row(struct vv_iter *iter, const struct vv_rollup_wish *wish,
                           struct vv_rollup_row *row)
{
    struct merge *merge = (struct merge *)iter;
    for (drop_ended(merge); merge->heap_count > 0 && merge->status == VARVE_OK;) {
        size_t cursor = merge->heap[0];
        if (!vv_merge_cursor_peek_row(&merge->cursors[cursor], wish, row)) {
            return false;
        }
        sift_down(merge, 0);
        if (merge->heap[0] == cursor) {
            return row->summary.time_max < second_next(merge);
        }
    }
    return false;
}

static int64_t merge_window(struct vv_iter *iter, int64_t before)
{
    struct merge *merge = (struct merge *)iter;
    int64_t newest = INT64_MIN;
    for (size_t index = 0; index < merge->cursor_count; index++) {
        if (merge->cursors[index].time_min < before) {
            int64_t own = vv_iter_window(merge->cursors[index].iter, before);
            newest = own > newest ? own : newest;
            merge->status = vv_first(merge->status, vv_iter_status(merge->cursors[index].iter));
        }
    }
    return newest;
}

static void merge_restart(struct vv_iter *iter, int64_t start, int64_t end)
{
    struct merge *merge = (struct merge *)iter;
    merge->heap_count = merge->cursor_count;
    for (size_t index = 0; index < merge->cursor_count; index++) {
        struct vv_merge_cursor *cursor = &merge->cursors[index];
        merge->heap[index] = index;
        vv_iter_restart(cursor->iter, start, end);
        vv_merge_cursor_restart(cursor, start, end);
    }
    heapify(merge);
}

static varve_status merge_status(const struct vv_iter *iter)
{
    return ((const struct merge *)iter)->status;
}

/* --------------------------------------------------------------------- Making and ending */

static void merge_destroy(struct vv_iter *iter)
{
    struct merge *merge = (struct merge *)iter;
    for (size_t index = 0; index < merge->cursor_count; index++) {
        vv_iter_destroy(merge->cursors[index].iter);
    }
    for (size_t index = 0; index < merge->list_count; index++) {
        vv_free(merge->lists[index]);
    }
    vv_query_free(merge->memory, merge->timestamps);
    vv_query_free(merge->memory, merge);
}

/* Unites the tombstones from the newest source to the oldest: deleted[i] becomes what the sources
 * behind i delete. Sources between two with tombstones share a list. */
static varve_status make_lists(struct merge *merge, const struct vv_merge_source *sources,
                               size_t count, const struct vv_range_list **deleted)
{
    const struct vv_range_list *newest = NULL;
    for (size_t index = count; index-- > 0;) {
        deleted[index] = newest;
        if (sources[index].tombstone_count == 0 || index == 0) {
            continue;
        }
        struct vv_range_list *list =
            vv_range_list_unite(newest, sources[index].tombstones, sources[index].tombstone_count);
        if (list == NULL) {
            return VARVE_NO_MEMORY;
        }
        merge->lists[merge->list_count++] = list;
        newest = list;
    }
    return VARVE_OK;
}

static void add_cursors(struct merge *merge, const struct vv_merge_source *sources, size_t count,
                        int64_t start, int64_t end, const struct vv_range_list **deleted)
{
    for (size_t index = 0; index < count; index++) {
        if (sources[index].iter != NULL) {
            VV_ASSERT(sources[index].policy != VARVE_DUPLICATES_DEFAULT);
            merge->heap[merge->heap_count++] = merge->cursor_count;
            vv_merge_cursor_init(&merge->cursors[merge->cursor_count++], &sources[index], start,
                                 end, deleted[index]);
        }
    }
    heapify(merge);
}

/* One allocation: the merge, its cursors, the heap, the lists, and what cursors filter by. */
static struct merge *merge_allocate(struct vv_query_memory *memory, size_t count,
                                    const struct vv_range_list ***deleted)
{
    const size_t each = sizeof(struct vv_merge_cursor) + sizeof(size_t) + 2 * sizeof(void *);
    struct merge *merge = vv_query_alloc_zeroed(memory, sizeof(*merge) + count * each);
    if (merge == NULL) {
        return NULL;
    }
    merge->memory = memory;
    merge->cursors = (struct vv_merge_cursor *)(merge + 1);
    merge->heap = (size_t *)(merge->cursors + count);
    merge->lists = (struct vv_range_list **)(merge->heap + count);
    *deleted = (const struct vv_range_list **)(merge->lists + count);
    return merge;
}

static void destroy_sources(const struct vv_merge_source *sources, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        vv_iter_destroy(sources[index].iter);
    }
}

static varve_status merge_create(struct vv_query_memory *memory,
                                 const struct vv_merge_source *sources, size_t source_count,
                                 int64_t start, int64_t end, struct vv_iter **iter)
{
    static const struct vv_iter_ops ops = {
        .next_span = merge_next_span,
        .seek = merge_seek,
        .peek = merge_peek,
        .pass = merge_pass,
        .where = merge_where,
        .peek_row = merge_peek_row,
        .window = merge_window,
        .restart = merge_restart,
        .status = merge_status,
        .destroy = merge_destroy,
    };
    const struct vv_range_list **deleted;
    struct merge *merge = merge_allocate(memory, source_count, &deleted);
    if (merge == NULL) {
        destroy_sources(sources, source_count);
        return vv_query_memory_status(memory);
    }
    merge->iter.ops = &ops;
    varve_status status = make_lists(merge, sources, source_count, deleted);
    if (status != VARVE_OK) {
        destroy_sources(sources, source_count);
        merge_destroy(&merge->iter);
        return status;
    }
    add_cursors(merge, sources, source_count, start, end, deleted);
    *iter = &merge->iter;
    return VARVE_OK;
}

varve_status vv_merge_create(const struct vv_merge_source *sources, size_t source_count,
                             int64_t start, int64_t end, struct vv_iter **iter)
{
    return merge_create(NULL, sources, source_count, start, end, iter);
}

varve_status vv_merge_create_in(struct vv_query_memory *memory,
                                const struct vv_merge_source *sources, size_t source_count,
                                int64_t start, int64_t end, struct vv_iter **iter)
{
    const struct vv_merge_source *only = NULL;
    bool alone = true;
    for (size_t index = 0; index < source_count && alone; index++) {
        alone = only == NULL; /* nothing stands behind it: neither samples nor tombstones */
        only = sources[index].iter != NULL ? &sources[index] : only;
    }
    if (alone && only != NULL) {
        *iter = only->iter;
        return VARVE_OK;
    }
    if (memory != NULL) {
        memory->counts.merged++;
    }
    return merge_create(memory, sources, source_count, start, end, iter);
}
