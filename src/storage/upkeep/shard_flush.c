/*
 * shard_flush.c - the head to a block: closing a generation, writing it, giving its memory back.
 *
 *   generation G ends at LSN x, G + 1 begins; what is under way in G lands     appends go on
 *   series with data in G, in key order --merge--> block (start, x]
 *   publish: manifest {+ block, log starts at x}, view {+ block, flushed G}
 *   when no older view is pinned: drop generation G from the head
 *
 * F1  The boundary is exact: everything logged below x belongs to generations up to G, and nothing
 *     else does (ring.h); and it is all there (P5 in shard_log.c).
 * F2  A failure changes nothing: G stays in the head behind the old view and is flushed by the next
 *     try, together with what has come since.
 * F3  On a full disk the block is written again in the room that is kept for that, for size.
 * F4  Series are collected and encoded on all threads, from where their samples lie: a closed
 *     generation does not change, but for what is dropped, and that waits for maintenance_mutex.
 * Thread: under maintenance_mutex; appends and queries go on beside it.
 */
#include "mmap/block_access.h"
#include "mmap/block_sink.h"
#include "os/alloc.h"
#include "storage/shard.h"

uint64_t vv_shard_open_bytes(const struct vv_shard *shard)
{
    uint64_t bytes = atomic_load(&shard->head.bytes);
    uint64_t flushed = atomic_load(&shard->undropped_bytes);
    return bytes > flushed ? bytes - flushed : 0;
}

bool vv_shard_flush_is_due(struct vv_shard *shard)
{
    uint64_t log_bytes = vv_wal_end(&shard->wal) - atomic_load(&shard->wal_start_lsn);
    return vv_shard_open_bytes(shard) >= shard->options.head_bytes_max ||
           log_bytes >= shard->options.wal_bytes_max || atomic_load(&shard->replay_damaged);
}

unsigned vv_shard_pressure_percent(struct vv_shard *shard)
{
    uint64_t log_bytes = vv_wal_end(&shard->wal) - atomic_load(&shard->wal_start_lsn);
    uint64_t head = vv_shard_open_bytes(shard) * 100 / shard->options.head_bytes_max;
    uint64_t log = log_bytes * 100 / shard->options.wal_bytes_max;
    uint64_t greater = head > log ? head : log;
    return greater > 1000 ? 1000 : (unsigned)greater;
}

bool vv_shard_is_pressed(struct vv_shard *shard, uint64_t lsn)
{
    uint64_t start_lsn = atomic_load_explicit(&shard->wal_start_lsn, memory_order_relaxed);
    return atomic_load_explicit(&shard->head.bytes, memory_order_relaxed) >=
               shard->options.head_bytes_max ||
           (lsn > start_lsn && lsn - start_lsn >= shard->options.wal_bytes_max);
}

uint64_t vv_shard_unwritten_bytes(struct vv_shard *shard, uint64_t lsn)
{
    uint64_t written_lsn = atomic_load_explicit(&shard->wal.written_lsn, memory_order_relaxed);
    return lsn > written_lsn ? lsn - written_lsn : 0;
}

/* The series with something in the generations (after, up_to], in key order; *list is from
 * vv_alloc. */
static varve_status list_series(struct vv_shard *shard, uint64_t after, uint64_t up_to,
                                struct vv_series ***list, size_t *count)
{
    const uint32_t *refs;
    size_t known;
    *count = 0;
    VV_TRY(vv_shard_order_series(shard, &refs, &known));
    *list = vv_alloc_zeroed(known + 1, sizeof(**list));
    if (*list == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < known; i++) {
        if (vv_head_has_series(&shard->head, refs[i], after, up_to)) {
            (*list)[(*count)++] = vv_series_table_get(shard->table, refs[i]);
        }
    }
    return VARVE_OK;
}

/* What is to become a block. */
struct flush {
    uint64_t after; /* the generations (after, up_to] */
    uint64_t up_to;
    uint64_t lsn; /* where the block ends */
    bool cold;    /* slower to write and much smaller */

    /* While it is written. */
    struct vv_shard *shard;
    struct vv_series **list; /* in key order */
    bool has_older;
};

static varve_status write_tombstones(struct vv_series_output *output,
                                     const struct vv_source_list *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct vv_merge_source *source = &sources->list[i];
        for (size_t k = 0; k < source->tombstone_count; k++) {
            VV_TRY(vv_series_output_begin(output, NULL));
            VV_TRY(vv_block_sink_add_tombstone(output->sink, source->tombstones[k]));
        }
    }
    return VARVE_OK;
}

static varve_status write_series(const struct flush *flush, struct vv_series *series,
                                 struct vv_block_sink *sink)
{
    struct vv_source_list sources = {0};
    struct vv_range *tombstones = NULL;
    struct vv_series_output output = {.sink = sink, .key = vv_series_key(series)};
    varve_status status =
        vv_head_sources(&flush->shard->head, series->ref, flush->after, flush->up_to, INT64_MIN,
                        INT64_MAX, &sources, &tombstones);
    if (status == VARVE_OK && flush->has_older) {
        status = write_tombstones(&output, &sources);
    }
    if (status == VARVE_OK) {
        status = vv_shard_write_layers(&output, &sources, flush->has_older, NULL);
    }
    vv_source_list_fini(&sources);
    vv_free(tombstones);
    return status;
}

/* A few series, on any thread (F4). Their samples lie in as many places as there were batches: they
 * are fetched together, while the lines that wait fit into the second-level cache. */
static void write_some(void *context, size_t first, size_t count, struct vv_block_sink *sinks,
                       varve_status *statuses)
{
    const struct flush *flush = context;
    uint32_t refs[VV_HEAD_NEAR_MAX] = {0};
    static_assert((int)VV_BLOCK_FILL_SERIES <= (int)VV_HEAD_NEAR_MAX, "fetched together");
    for (size_t i = 0; i < count; i++) {
        refs[i] = flush->list[first + i]->ref;
    }
    vv_head_bring_near(&flush->shard->head, refs, count, flush->after, flush->up_to);
    for (size_t i = 0; i < count; i++) {
        statuses[i] = write_series(flush, flush->list[first + i], &sinks[i]);
    }
}

/* *block stays NULL if there is nothing in the generations. */
static varve_status write_block(struct vv_shard *shard, struct flush *flush,
                                struct vv_block **block, varve_error *error)
{
    struct vv_block_writer *writer = NULL;
    size_t count = 0;
    uint64_t id = 0, begun_count = 0;
    flush->shard = shard;
    flush->list = NULL;
    flush->has_older = shard->manifest.block_count > 0;
    varve_status status = list_series(shard, flush->after, flush->up_to, &flush->list, &count);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "out of memory while the head was flushed");
    }
    if (count > 0) {
        status = vv_shard_begin_block(shard, shard->manifest.wal_start_lsn, flush->lsn, flush->cold,
                                      &writer, &id, error);
    }
    if (writer != NULL && status == VARVE_OK) {
        status = vv_block_writer_fill(writer, count, write_some, flush, &begun_count, error);
    }
    vv_free(flush->list);
    if (writer != NULL) {
        if (status == VARVE_OK && begun_count > 0) {
            return vv_shard_finish_block(shard, writer, id, block, error);
        }
        vv_shard_abandon_block(shard, writer, id);
    }
    return status;
}

/* One flush to the next is a turn of block_access.h. */
static void end_turn(struct vv_shard *shard)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    for (size_t i = 0; i < view->block_count; i++) {
        vv_block_end_turn(view->blocks[i]);
    }
    vv_view_release(&shard->views, view);
}

varve_status vv_shard_flush_head(struct vv_shard *shard, varve_error *error)
{
    uint64_t lsn;
    return vv_shard_flush_before(shard, 0, &lsn, error);
}

varve_status vv_shard_flush_before(struct vv_shard *shard, uint64_t gap, uint64_t *end_lsn,
                                   varve_error *error)
{
    if (atomic_load(&shard->wal.failed)) {
        return vv_fail(error, VARVE_READ_ONLY,
                       "the log has failed: close the database and open it again");
    }
    VV_TRY(vv_shard_can_publish(shard, error)); /* before a generation is closed for nothing */
    *end_lsn = vv_wal_end(&shard->wal);
    if (*end_lsn == shard->manifest.wal_start_lsn) {
        atomic_store(&shard->replay_damaged, false); /* there is nothing to be saved from it */
        (void)vv_shard_drop_flushed(shard);
        return VARVE_OK;
    }
    uint64_t generation = vv_ring_generation(&shard->wal.ring);
    uint64_t lsn = vv_ring_cut(&shard->wal.ring); /* F1 */
    vv_head_wait_for_holders(&shard->head);
    uint64_t bytes = atomic_load(&shard->head.bytes);
    if (atomic_load(&shard->head_lacks)) { /* whoever failed in this generation has said so */
        return vv_fail(error, VARVE_READ_ONLY,
                       "memory was out while the log was applied: close the database and open it "
                       "again");
    }
    struct vv_view *view = vv_view_acquire(&shard->views);
    uint64_t after = view->flushed_generation;
    vv_view_release(&shard->views, view);
    /* A finished block that no manifest lists is swept at open if the log still has its data: it
     * must not go further than what the disk has of the log (U1 of shard_unlisted.c). */
    if (vv_wal_flush(&shard->wal, lsn, VV_WAL_DURABLE) != VARVE_OK) {
        return vv_fail(error, VARVE_READ_ONLY,
                       "the log has failed: close the database and open it again");
    }
    struct vv_block *block = NULL;
    struct flush flush = {.after = after, .up_to = generation, .lsn = lsn - gap};
    varve_status status = write_block(shard, &flush, &block, error);
    bool borrowed = vv_shard_borrow(shard, status, error);
    if (borrowed) { /* F3 */
        flush.cold = true;
        status = write_block(shard, &flush, &block, error);
    }
    struct vv_publication change = {.added = &block,
                                    .added_count = block != NULL ? 1 : 0,
                                    .flushed_generation = generation,
                                    .wal_start_lsn = lsn};
    if (status == VARVE_OK) {
        status = vv_shard_publish(shard, &change, error);
    }
    if (borrowed) {
        vv_shard_give_back(shard);
    }
    VV_TRY(status);
    atomic_store(&shard->replay_damaged, false);
    atomic_store(&shard->undropped_bytes, bytes);
    end_turn(shard);
    (void)vv_shard_drop_flushed(shard);
    *end_lsn = lsn;
    return VARVE_OK;
}

bool vv_shard_drop_flushed(struct vv_shard *shard)
{
    uint64_t droppable = vv_view_set_droppable(&shard->views);
    if (droppable <= shard->dropped_generation) {
        return false;
    }
    uint32_t count = vv_series_table_count(shard->table);
    uint64_t bytes = 0;
    size_t lines = (count + VV_HEAD_LINE_SERIES - 1) / VV_HEAD_LINE_SERIES;
    for (size_t line = 0; line < lines; line += VV_HEAD_DROP_LINES_MAX) {
        size_t left = lines - line;
        bytes += vv_head_drop_lines(&shard->head, (uint32_t)line * VV_HEAD_LINE_SERIES,
                                    left < VV_HEAD_DROP_LINES_MAX ? left : VV_HEAD_DROP_LINES_MAX,
                                    droppable);
    }
    vv_head_raise_floor(&shard->head, droppable, vv_ring_generation(&shard->wal.ring));
    shard->dropped_generation = droppable;
    atomic_fetch_sub(&shard->undropped_bytes, bytes); /* an older view may hold on to the rest */
    return true;
}
