/*
 * head_idle.c - sealing the tails of series that nobody appends to any more.
 *
 *   line --mark--> as at the last visit?  no: another mark, nothing else
 *                                         yes, and the tail is long enough: sealed
 *                                         and there is nothing to seal: not looked at again until
 *                                         the line changes
 *
 * N1  Who appends does nothing for this: a mark is made of what the line has anyway, the newest
 *     extent, its count and the last time. Two histories with one mark (one in 2^30) would only
 *     have a tail sealed that is in use.
 * N2  A loose tail grows without a trace in the line: its own count is part of its mark.
 * N3  Sealing does not change what the latest sample is, so that this stays known, as it does when
 *     the samples are given back.
 */
#include "storage/head/head_line.h"

enum {
    AHEAD_REFS = 8 * VV_HEAD_LINE_SERIES, /* whose line is asked for meanwhile */
    SAMPLES_MIN = 32, /* 704 bytes as they are, 180 to 410 as a chunk in an extent of its own */
    MARK_SETTLED = 1, /* there was nothing to seal */
    MARK_VISITED = 2, /* so that no mark is 0 */
};

static uint32_t mix(uint32_t mark, uint64_t value)
{
    uint64_t mixed = (mark ^ value) * 0x9e3779b97f4a7c15ULL;
    return (uint32_t)(mixed >> 32);
}

static uint32_t line_mark(const struct vv_head_line *line, unsigned at, uint64_t more)
{
    uint32_t mark = mix(line->newest[at], (uint64_t)line->time_last[at]);
    mark = mix(mark, more << 8 | line->count[at]);
    return (mark & ~(uint32_t)MARK_SETTLED) | MARK_VISITED;
}

/* The samples of a tail, at most. */
static size_t tail_samples(const struct vv_extent *tail)
{
    return vv_form_is_raw(tail->form) ? (size_t)tail->before + tail->count : tail->loose.count;
}

static bool seal(struct vv_head *head, struct vv_head_line *line, uint32_t ref,
                 struct vv_head_change *change)
{
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    vv_line_keep_latest(head, line, ref, vv_line_newest(head, line, at));
    return vv_line_seal(head, line, at, change) == VARVE_OK; /* else it is for the next round */
}

/* One series; whether its tail was sealed. */
static bool visit(struct vv_head *head, struct vv_head_line *line, uint32_t ref, uint64_t after,
                  uint32_t *mark, struct vv_head_change *change)
{
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    uint32_t now = line_mark(line, at, 0);
    if (*mark == (now | MARK_SETTLED)) {
        return false;
    }
    bool is_open = line->count[at] != VV_COUNT_CLOSED;
    if (is_open && now != *mark) { /* without the cache miss of the extent */
        *mark = now;
        return false;
    }
    struct vv_extent *tail = vv_tail_first(head, vv_line_newest(head, line, at));
    if (tail == NULL || tail->generation <= after) { /* flushed: about to be given back */
        *mark = now | MARK_SETTLED;
        return false;
    }
    bool is_loose = !vv_form_is_raw(tail->form);
    uint32_t own = is_loose ? line_mark(line, at, tail->loose.count) : now;
    if (own != *mark) {
        *mark = own;
        return false;
    }
    if (tail_samples(tail) < SAMPLES_MIN) {
        *mark = is_loose ? own : now | MARK_SETTLED;
        return false;
    }
    if (!seal(head, line, ref, change)) {
        return false;
    }
    *mark = line_mark(line, at, 0) | MARK_SETTLED;
    return true;
}

size_t vv_head_seal_idle(struct vv_head *head, uint32_t ref, uint64_t after, uint32_t *marks)
{
    struct vv_head_line *line = vv_head_find_line(head, ref);
    struct vv_head_change change = {0};
    size_t sealed = 0;
    if (line == NULL) {
        return 0;
    }
    if (ref < VV_HEAD_REFS_MAX - AHEAD_REFS) {
        __builtin_prefetch(vv_head_find_line(head, ref + AHEAD_REFS), 1);
    }
    vv_head_lock_line(head, line);
    for (unsigned at = 0; at < VV_HEAD_LINE_SERIES; at++) {
        sealed += visit(head, line, ref + at, after, &marks[at], &change) ? 1 : 0;
    }
    vv_spin_unlock(&line->lock);
    vv_head_count(head, change);
    return sealed;
}
