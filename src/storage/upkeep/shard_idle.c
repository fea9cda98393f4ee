/*
 * shard_idle.c - from hot to warm: rounds through the series of the head, which seal the tails that
 * nobody appends to any more.
 *
 *   round n:    mark  mark  mark  mark          two minutes or more
 *   round n+1:  same  other same  same          the 1st, 3rd and 4th got nothing: sealed
 *
 * Without this the samples of a series that has stopped stay as they came, 16 bytes each, until the
 * next flush: where others append little, for hours. Sealed they take 1 to 8 bytes, and the head
 * has room for others before it has to be flushed. Reading promotes nothing: a chunk is decoded as
 * fast as a tail is gathered from its extents, and the next append begins a tail again.
 *
 * I1  A step is bounded in lines and in tails to seal, so that a flush that becomes due waits for
 *     some milliseconds at most.
 * I2  A full head is no reason to hurry: within the seconds in which it fills, who is idle cannot
 *     be told from who is not, and the flush that is due encodes everything anyway.
 * I3  Closed generations do not change while they are flushed (F4 in shard_flush.c): that goes on
 *     under maintenance_mutex, as this does; what has been flushed is left to be given back.
 * Thread: under maintenance_mutex.
 */
#include "os/alloc.h"
#include "storage/shard.h"

enum {
    STEP_LINES = 1 << 14, /* of four series: a millisecond if there is nothing to seal */
    STEP_SEALS = 1 << 10, /* of 300 samples each: 10 to 20 milliseconds */
};

/* Room for the marks of all series that there are: count. NO_MEMORY: no round for now. */
static varve_status reserve_marks(struct vv_idle_sweep *idle, uint32_t count)
{
    if (count <= idle->mark_count) {
        return VARVE_OK;
    }
    uint32_t capacity = idle->mark_count == 0 ? VV_HEAD_PAGE_SERIES : idle->mark_count;
    while (capacity < count) {
        capacity *= 2;
    }
    uint32_t *marks = vv_realloc(idle->marks, capacity * sizeof(*marks));
    if (marks == NULL) {
        return VARVE_NO_MEMORY;
    }
    memset(marks + idle->mark_count, 0, (capacity - idle->mark_count) * sizeof(*marks));
    idle->marks = marks;
    idle->mark_count = capacity;
    return VARVE_OK;
}

/* Goes on with a round; returns how many tails were sealed. */
static size_t step(struct vv_shard *shard, uint32_t count)
{
    struct vv_idle_sweep *idle = &shard->idle;
    struct vv_view *view = vv_view_acquire(&shard->views);
    uint64_t after = view->flushed_generation;
    vv_view_release(&shard->views, view);
    size_t sealed = 0;
    uint32_t ref = idle->next_ref;
    for (size_t lines = 0; ref < count && lines < STEP_LINES && sealed < STEP_SEALS; lines++) {
        sealed += vv_head_seal_idle(&shard->head, ref, after, idle->marks + ref);
        ref += VV_HEAD_LINE_SERIES;
    }
    idle->next_ref = ref < count ? ref : 0;
    return sealed;
}

bool vv_shard_seal_idle(struct vv_shard *shard, int64_t idle_ns)
{
    struct vv_idle_sweep *idle = &shard->idle;
    const struct vv_env *env = shard->place.env;
    int64_t now_ns = env->ops->now_monotonic_ns(env->ctx);
    uint32_t count = vv_series_table_count(shard->table);
    bool begins = idle->next_ref == 0;
    if ((begins && now_ns - idle->round_ns < idle_ns) || reserve_marks(idle, count) != VARVE_OK) {
        return false;
    }
    if (begins) {
        idle->round_ns = now_ns;
    }
    size_t sealed = step(shard, count);
    atomic_fetch_add_explicit(&idle->sealed_count, sealed, memory_order_relaxed);
    return sealed > 0 || idle->next_ref != 0;
}
