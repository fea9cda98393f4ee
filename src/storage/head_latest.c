/*
 * head_latest.c - the newest sample of a series, from memory that its appends have just touched.
 *
 *   line: latest bit, time_last --newest--> extent | ... | last sample |
 *
 * L1  A series' bit is set by whoever has asked all sources and found the last sample of the open
 *     extent to be the greatest in time. Later samples keep it, since they are greater still;
 *     anything else that could make it wrong (a deletion, an equal timestamp) clears it.
 * L2  The bit outlives the generation: what is flushed does not get greater timestamps by that. But
 *     the sample can be read here only while its extent is open.
 * Thread: any; both take the lock of the line for a moment.
 */
#include <string.h>

#include "storage/head_line.h"

/* The last sample of the newest extent while that is open; NULL otherwise. */
static const struct vv_sample *open_last(const struct vv_head *head,
                                         const struct vv_head_line *line, unsigned at)
{
    unsigned count = line->count[at];
    if (line->newest[at] == 0 || count == 0 || count == VV_COUNT_CLOSED) {
        return NULL;
    }
    return &vv_head_extent(head, line->newest[at])->samples[count - 1];
}

bool vv_head_latest(struct vv_head *head, uint32_t ref, int64_t *timestamp, double *value)
{
    if (ref >= VV_HEAD_REFS_MAX) {
        return false;
    }
    struct vv_head_line *line = vv_head_find_line(head, ref);
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    bool found = false;
    if (line == NULL) {
        return false;
    }
    vv_head_lock_line(head, line);
    if (vv_line_knows_latest(line, at)) {
        const struct vv_sample *last = open_last(head, line, at);
        if (last != NULL && last->timestamp == line->time_last[at]) {
            *timestamp = last->timestamp;
            *value = last->value;
            found = true;
        }
    }
    vv_spin_unlock(&line->lock);
    return found;
}

void vv_head_note_latest(struct vv_head *head, uint32_t ref, int64_t timestamp, double value)
{
    if (ref >= VV_HEAD_REFS_MAX) {
        return;
    }
    struct vv_head_line *line = vv_head_find_line(head, ref);
    unsigned at = ref % VV_HEAD_LINE_SERIES;
    if (line == NULL) {
        return;
    }
    vv_head_lock_line(head, line);
    const struct vv_sample *last = open_last(head, line, at);
    if (last != NULL && last->timestamp == timestamp && line->time_last[at] == timestamp &&
        memcmp(&last->value, &value, sizeof(value)) == 0) {
        vv_line_know_latest(line, at);
    }
    vv_spin_unlock(&line->lock);
}
