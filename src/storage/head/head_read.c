/*
 * head_read.c - the head as sources of a merge.
 *
 *   run: [c0 c1 c2][c3 overlaps c2][tail]   -->  source (c0 c1 c2), source (c3), source or end of
 *                                                it: tail
 *
 * S1  Consecutive chunks that ascend in time are one source; in-order data, tail included, is one
 *     source.
 * S2  Sources stand in log order. A generation's tombstones stand with its first source, because
 *     within the generation they were applied when they came.
 * Thread: under the series' lock; what is handed out needs none.
 */
#include <string.h>

#include "os/alloc.h"
#include "storage/head/head.h"
#include "storage/head/head_chunk.h"
#include "storage/head/head_line.h"

enum {
    FEW_EXTENTS = 80, /* a tail of 1,024 samples */
    LARGE_EXTENT_BYTES = 256,
};

void vv_source_list_fini(struct vv_source_list *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        vv_iter_destroy(sources->list[i].iter);
    }
    vv_query_free(sources->memory, sources->is_lent ? NULL : sources->list);
    *sources = (struct vv_source_list){.memory = sources->memory};
}

static varve_status grow(struct vv_source_list *sources)
{
    size_t capacity = sources->capacity == 0 ? 8 : sources->capacity * 2;
    struct vv_merge_source *own = sources->is_lent ? NULL : sources->list;
    struct vv_merge_source *list = vv_query_realloc(sources->memory, own, capacity * sizeof(*list));
    if (list == NULL) {
        return vv_query_memory_status(sources->memory);
    }
    if (sources->is_lent) {
        memcpy(list, sources->list, sources->count * sizeof(*list));
    }
    sources->list = list;
    sources->capacity = capacity;
    sources->is_lent = false;
    return VARVE_OK;
}

varve_status vv_source_list_add(struct vv_source_list *sources, struct vv_merge_source source)
{
    varve_status status = sources->count < sources->capacity ? VARVE_OK : grow(sources);
    if (status != VARVE_OK) {
        vv_iter_destroy(source.iter);
        return status;
    }
    sources->list[sources->count++] = source;
    return VARVE_OK;
}

/* Extents of one series, newest first. */
struct extent_list {
    struct vv_extent **extents;
    size_t count;
    struct vv_extent *few[FEW_EXTENTS];
};

static void extent_list_fini(struct extent_list *list)
{
    if (list->extents != list->few) {
        vv_free(list->extents);
    }
}

static bool is_listed(const struct vv_extent *extent, uint64_t after, uint64_t up_to,
                      bool tombstones)
{
    bool is_tombstones = vv_form_kind(extent->form) == VV_EXTENT_TOMBSTONES;
    return extent->generation > after && extent->generation <= up_to && is_tombstones == tombstones;
}

/* Brings the samples of an extent near while the walk goes on: its header is all that it reads. */
static void prefetch_samples(const struct vv_extent *extent)
{
    if (vv_form_is_raw(extent->form)) {
        for (unsigned at = 4; at <= vv_form_capacity(extent->form); at += 4) {
            __builtin_prefetch(&extent->samples[at - 1]);
        }
    }
}

/* How many of the generations (after, up_to] hold samples, and how many hold tombstones. */
static void count_extents(const struct vv_head *head, struct vv_extent *newest, uint64_t after,
                          uint64_t up_to, struct extent_list *data, struct extent_list *tombstones)
{
    for (struct vv_extent *extent = newest; extent != NULL && extent->generation > after;
         extent = vv_extent_older(head, extent)) {
        prefetch_samples(extent);
        data->count += is_listed(extent, after, up_to, false) ? 1 : 0;
        tombstones->count += is_listed(extent, after, up_to, true) ? 1 : 0;
    }
}

/* Lists the count extents of one of the two kinds. */
static varve_status list_extents(const struct vv_head *head, struct vv_extent *newest,
                                 uint64_t after, uint64_t up_to, bool tombstones,
                                 struct extent_list *list)
{
    size_t count = list->count, listed = 0;
    if (count > FEW_EXTENTS) {
        struct vv_extent **extents = vv_alloc(count * sizeof(struct vv_extent *));
        if (extents == NULL) {
            list->count = 0;
            return VARVE_NO_MEMORY;
        }
        list->extents = extents;
    }
    for (struct vv_extent *extent = newest; listed < count;
         extent = vv_extent_older(head, extent)) {
        if (is_listed(extent, after, up_to, tombstones)) {
            list->extents[listed++] = extent;
        }
    }
    return VARVE_OK;
}

/* One run: its tail's extents, newest first, and its chunks, oldest first. */
struct run {
    varve_duplicates policy;
    struct vv_tail_part tail;
    int64_t tail_first; /* timestamps, if the tail has samples */
    int64_t tail_last;
    struct vv_head_chunk **chunks;
    size_t chunk_count;
};

/* Adds one source of chunks [first, last) and, if with_tail, the tail. */
static varve_status add_layer(const struct run *run, size_t first, size_t last, bool with_tail,
                              int64_t start, int64_t end, struct vv_source_list *sources)
{
    struct vv_tail_part tail = {0};
    if (with_tail) {
        tail = run->tail;
    }
    if (first == last && tail.sample_count == 0) {
        return VARVE_OK;
    }
    struct vv_merge_source source = {.policy = run->policy};
    source.time_min = first < last ? run->chunks[first]->encoded.time_min : run->tail_first;
    source.time_max =
        tail.sample_count > 0 ? run->tail_last : run->chunks[last - 1]->encoded.time_max;
    if (source.time_max < start || source.time_min >= end) {
        return VARVE_OK;
    }
    for (size_t i = first; i < last; i++) {
        atomic_fetch_add_explicit(&run->chunks[i]->references, 1, memory_order_relaxed);
    }
    struct vv_head_chunk *const *chunks = first < last ? run->chunks + first : NULL;
    VV_TRY(vv_head_iter_create(chunks, last - first, &tail, start, end, sources->memory,
                               &source.iter));
    return vv_source_list_add(sources, source);
}

static varve_status add_run(const struct run *run, int64_t start, int64_t end,
                            struct vv_source_list *sources)
{
    size_t first = 0, count = run->chunk_count;
    for (size_t i = 1; i < count; i++) {
        if (run->chunks[i]->encoded.time_min <= run->chunks[i - 1]->encoded.time_max) {
            VV_TRY(add_layer(run, first, i, false, start, end, sources));
            first = i;
        }
    }
    bool tail_follows = run->tail.sample_count > 0 && count > 0 &&
                        run->tail_first > run->chunks[count - 1]->encoded.time_max;
    if (count == 0 || tail_follows) {
        return add_layer(run, first, count, true, start, end, sources);
    }
    VV_TRY(add_layer(run, first, count, false, start, end, sources));
    return add_layer(run, count, count, true, start, end, sources);
}

static int64_t sample_time(const struct vv_extent *extent, size_t index)
{
    return vv_form_kind(extent->form) == VV_EXTENT_LOOSE ? extent->loose.timestamps[index]
                                                         : extent->samples[index].timestamp;
}

/* Gathers the run whose oldest extent is extents[*end - 1]; it reaches down to a newer one that
 * begins the next run, or to another generation. *end: where the next run ends. chunks: room for
 * those of the series. */
static struct run gather_run(const struct extent_list *list, size_t *end,
                             struct vv_head_chunk **chunks)
{
    size_t i = *end - 1;
    uint64_t generation = list->extents[i]->generation;
    struct run run = {.policy = vv_form_policy(list->extents[i]->form), .chunks = chunks};
    size_t tail_end = 0; /* of the extents that hold the tail */
    for (;; i--) {
        struct vv_extent *extent = list->extents[i];
        if (vv_form_kind(extent->form) == VV_EXTENT_CHUNKS) {
            for (unsigned k = 0; k < extent->count; k++) {
                chunks[run.chunk_count++] = extent->chunks[k];
            }
        } else {
            size_t count = vv_extent_samples(extent);
            tail_end = tail_end == 0 ? i + 1 : tail_end;
            if (count > 0) {
                run.tail_last = sample_time(extent, count - 1);
                run.tail_first =
                    run.tail.sample_count == 0 ? sample_time(extent, 0) : run.tail_first;
                run.tail.sample_count += count;
            }
        }
        if (i == 0 || list->extents[i - 1]->generation != generation ||
            (list->extents[i - 1]->form & VV_FORM_BEGINS) != 0) {
            break;
        }
    }
    run.tail.extents = list->extents + i;
    run.tail.extent_count = tail_end > i ? tail_end - i : 0;
    *end = i;
    return run;
}

/* Adds a source for the tombstones of one generation; *end as above. */
static varve_status add_tombstones(const struct extent_list *list, size_t *end, uint64_t generation,
                                   struct vv_range *ranges, size_t *used,
                                   struct vv_source_list *sources)
{
    size_t first = *used;
    for (; *end > 0 && list->extents[*end - 1]->generation == generation; (*end)--) {
        const struct vv_extent *extent = list->extents[*end - 1];
        for (unsigned i = 0; i < extent->count; i++) {
            ranges[(*used)++] = extent->tombstones[i];
        }
    }
    if (*used == first) {
        return VARVE_OK;
    }
    struct vv_merge_source source = {.policy = VARVE_DUPLICATES_LAST,
                                     .time_min = INT64_MAX,
                                     .time_max = INT64_MIN,
                                     .tombstones = ranges + first,
                                     .tombstone_count = *used - first};
    return vv_source_list_add(sources, source);
}

/* Walks both lists from the oldest generation on. */
static varve_status add_all(const struct extent_list *data, const struct extent_list *tombstones,
                            int64_t start, int64_t end, struct vv_head_chunk **chunks,
                            struct vv_range *ranges, struct vv_source_list *sources)
{
    size_t data_end = data->count, tombstones_end = tombstones->count, used = 0;
    while (data_end > 0 || tombstones_end > 0) {
        uint64_t generation = UINT64_MAX;
        if (data_end > 0) {
            generation = data->extents[data_end - 1]->generation;
        }
        if (tombstones_end > 0 &&
            tombstones->extents[tombstones_end - 1]->generation < generation) {
            generation = tombstones->extents[tombstones_end - 1]->generation;
        }
        VV_TRY(add_tombstones(tombstones, &tombstones_end, generation, ranges, &used, sources));
        while (data_end > 0 && data->extents[data_end - 1]->generation == generation) {
            struct run run = gather_run(data, &data_end, chunks);
            VV_TRY(add_run(&run, start, end, sources));
        }
    }
    return VARVE_OK;
}

/* Room for what extents of this kind hold, if anything: element_bytes for each. */
static varve_status make_room(const struct extent_list *list, enum vv_extent_kind kind,
                              size_t element_bytes, void **room)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        count += vv_form_kind(list->extents[i]->form) == kind ? list->extents[i]->count : 0;
    }
    *room = count == 0 ? NULL : vv_alloc(count * element_bytes);
    return count > 0 && *room == NULL ? VARVE_NO_MEMORY : VARVE_OK;
}

varve_status vv_head_sources_locked(struct vv_head *head, uint32_t ref, uint64_t after,
                                    uint64_t up_to, int64_t start, int64_t end,
                                    struct vv_source_list *sources, struct vv_range **tombstones)
{
    const struct vv_head_line *line = vv_head_line_of(head, ref);
    struct vv_extent *newest = vv_line_newest(head, line, ref % VV_HEAD_LINE_SERIES);
    struct extent_list data, deleted;
    data.extents = data.few;
    deleted.extents = deleted.few;
    data.count = deleted.count = 0;
    void *chunks = NULL, *ranges = NULL;
    count_extents(head, newest, after, up_to, &data, &deleted);
    varve_status status = list_extents(head, newest, after, up_to, false, &data);
    if (status == VARVE_OK) {
        status = list_extents(head, newest, after, up_to, true, &deleted);
    }
    if (status == VARVE_OK) {
        status = make_room(&data, VV_EXTENT_CHUNKS, sizeof(struct vv_head_chunk *), &chunks);
    }
    if (status == VARVE_OK) {
        status = make_room(&deleted, VV_EXTENT_TOMBSTONES, sizeof(struct vv_range), &ranges);
    }
    if (status == VARVE_OK) {
        status = add_all(&data, &deleted, start, end, chunks, ranges, sources);
    }
    extent_list_fini(&data);
    extent_list_fini(&deleted);
    vv_free(chunks);
    *tombstones = ranges;
    return status;
}

varve_status vv_head_sources(struct vv_head *head, uint32_t ref, uint64_t after, uint64_t up_to,
                             int64_t start, int64_t end, struct vv_source_list *sources,
                             struct vv_range **tombstones)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    *tombstones = NULL;
    if (line == NULL) {
        return VARVE_OK;
    }
    vv_head_lock_line(head, line);
    varve_status status =
        vv_head_sources_locked(head, ref, after, up_to, start, end, sources, tombstones);
    vv_spin_unlock(&line->lock);
    return status;
}

/* The newest extent of a series up to a generation; NULL if it is not newer than after. */
static struct vv_extent *first_of_generations(struct vv_head *head, uint32_t ref, uint64_t after,
                                              uint64_t up_to)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    if (line == NULL) {
        return NULL;
    }
    vv_head_lock_line(head, line);
    struct vv_extent *extent = vv_line_newest(head, line, ref % VV_HEAD_LINE_SERIES);
    while (extent != NULL && extent->generation > up_to) {
        extent = vv_extent_older(head, extent);
    }
    vv_spin_unlock(&line->lock);
    return extent != NULL && extent->generation > after ? extent : NULL;
}

/* Without the lock: links and generations of closed generations do not change before those are
 * given back; forms may, so that every extent is taken for a large one. */
void vv_head_bring_near(struct vv_head *head, const uint32_t *refs, size_t count, uint64_t after,
                        uint64_t up_to)
{
    const struct vv_extent *extents[VV_HEAD_NEAR_MAX];
    VV_ASSERT(count <= VV_HEAD_NEAR_MAX);
    for (size_t i = 0; i < count; i++) {
        extents[i] = first_of_generations(head, refs[i], after, up_to);
    }
    for (bool any = true; any;) {
        any = false;
        for (size_t i = 0; i < count; i++) {
            const struct vv_extent *extent = extents[i];
            if (extent == NULL) {
                continue;
            }
            for (size_t line = 64; line < LARGE_EXTENT_BYTES; line += 64) {
                __builtin_prefetch((const uint8_t *)extent + line);
            }
            bool ends = extent->generation <= after || extent->older == 0;
            extents[i] = ends ? NULL : vv_head_extent(head, extent->older);
            __builtin_prefetch(extents[i]);
            any = true;
        }
    }
}

bool vv_head_has_series(struct vv_head *head, uint32_t ref, uint64_t after, uint64_t up_to)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    bool found = false;
    if (line == NULL) {
        return false;
    }
    vv_head_lock_line(head, line);
    for (struct vv_extent *extent = vv_line_newest(head, line, ref % VV_HEAD_LINE_SERIES);
         extent != NULL && extent->generation > after && !found;
         extent = vv_extent_older(head, extent)) {
        found = extent->generation <= up_to;
    }
    vv_spin_unlock(&line->lock);
    return found;
}

static void widen(struct vv_range *range, int64_t first, int64_t last)
{
    range->start = first < range->start ? first : range->start;
    range->end = last > range->end ? last : range->end;
}

/* Adds what one extent holds. */
static void measure(const struct vv_extent *extent, struct vv_head_figures *figures)
{
    enum vv_extent_kind kind = vv_form_kind(extent->form);
    if (kind == VV_EXTENT_TOMBSTONES) {
        return;
    }
    if (kind == VV_EXTENT_CHUNKS) {
        for (unsigned i = 0; i < extent->count; i++) {
            const struct vv_head_chunk *chunk = extent->chunks[i];
            widen(&figures->range, chunk->encoded.time_min, chunk->encoded.time_max);
            figures->samples += chunk->encoded.count;
            figures->sealed_samples += chunk->encoded.count;
            figures->sealed_bytes += vv_head_chunk_bytes(chunk);
        }
        return;
    }
    size_t count = vv_extent_samples(extent);
    if (count > 0) {
        widen(&figures->range, sample_time(extent, 0), sample_time(extent, count - 1));
        figures->samples += count;
    }
}

void vv_head_measure(struct vv_head *head, uint32_t ref, uint64_t after,
                     struct vv_head_figures *figures)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    if (line == NULL) {
        return;
    }
    vv_head_lock_line(head, line);
    for (struct vv_extent *extent = vv_line_newest(head, line, ref % VV_HEAD_LINE_SERIES);
         extent != NULL && extent->generation > after; extent = vv_extent_older(head, extent)) {
        measure(extent, figures);
    }
    vv_spin_unlock(&line->lock);
}

int64_t vv_head_time_max(struct vv_head *head, uint32_t ref, uint64_t after)
{
    struct vv_head_figures figures = VV_HEAD_FIGURES_NONE;
    vv_head_measure(head, ref, after, &figures);
    return figures.range.end;
}
