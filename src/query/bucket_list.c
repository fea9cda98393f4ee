/*
 * bucket_list.c - states in order of time: appended to at the end, or merged.
 *
 * L1  more, where a list has it, grows with entries: state i of both belong together.
 * L2  A value run belongs to one state at a time.
 * Threads: one at a time.
 */
#include <string.h>

#include "query/bucket.h"

enum { STATES_FIRST = 16 };

static varve_status reserve(struct vv_bucket_list *list, size_t count,
                            struct vv_query_memory *memory)
{
    if (count <= list->capacity) {
        return VARVE_OK;
    }
    size_t capacity = list->capacity * 2 > STATES_FIRST ? list->capacity * 2 : STATES_FIRST;
    capacity = capacity > count ? capacity : count;
    struct vv_bucket *entries =
        vv_query_realloc(memory, list->entries, capacity * sizeof(entries[0]));
    if (entries == NULL) {
        return vv_query_memory_status(memory);
    }
    list->entries = entries;
    if (list->with_more) {
        struct vv_bucket_more *more =
            vv_query_realloc(memory, list->more, capacity * sizeof(more[0]));
        if (more == NULL) {
            return vv_query_memory_status(memory);
        }
        list->more = more;
    }
    list->capacity = capacity;
    return VARVE_OK;
}

varve_status vv_bucket_list_append(struct vv_bucket_list *list, int64_t time,
                                   struct vv_query_memory *memory)
{
    VV_ASSERT(list->count == 0 || list->entries[list->count - 1].time <= time);
    if (list->count == list->capacity) {
        VV_TRY(reserve(list, list->count + 1, memory));
    }
    vv_bucket_init(&list->entries[list->count], time);
    if (list->with_more) {
        vv_bucket_more_init(&list->more[list->count]);
    }
    list->count++;
    return VARVE_OK;
}

/* How many states two lists have together. */
static size_t count_union(const struct vv_bucket_list *a, const struct vv_bucket_list *b,
                          size_t stride)
{
    size_t count = 0;
    size_t at_a = 0;
    size_t at_b = 0;
    while (at_a < a->count && at_b < b->count) {
        int64_t time_a = a->entries[at_a].time;
        int64_t time_b = b->entries[at_b].time;
        at_a += time_a <= time_b ? stride : 0;
        at_b += time_b <= time_a ? stride : 0;
        count += stride;
    }
    return count + (a->count - at_a) + (b->count - at_b);
}

static void merge_states(struct vv_bucket_list *list, size_t at, struct vv_bucket_list *other,
                         size_t from, size_t stride)
{
    for (size_t state = 0; state < stride; state++) {
        struct vv_bucket_more *more = list->with_more ? &list->more[at + state] : NULL;
        struct vv_bucket_more *other_more = list->with_more ? &other->more[from + state] : NULL;
        vv_bucket_merge(&list->entries[at + state], more, &other->entries[from + state],
                        other_more);
    }
}

/* Moves stride states to place `to`; those of other have no value runs any more. */
static void move_states(struct vv_bucket_list *list, size_t to, struct vv_bucket_list *from,
                        size_t at, size_t stride)
{
    memmove(&list->entries[to], &from->entries[at], stride * sizeof(list->entries[0]));
    if (!list->with_more) {
        return;
    }
    memmove(&list->more[to], &from->more[at], stride * sizeof(list->more[0]));
    for (size_t state = 0; from != list && state < stride; state++) {
        from->more[at + state].values = NULL;
    }
}

static bool same_times(const struct vv_bucket_list *a, const struct vv_bucket_list *b,
                       size_t stride)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t at = 0; at < a->count; at += stride) {
        if (a->entries[at].time != b->entries[at].time) {
            return false;
        }
    }
    return true;
}

varve_status vv_bucket_list_merge(struct vv_bucket_list *list, struct vv_bucket_list *other,
                                  size_t stride, struct vv_query_memory *memory)
{
    VV_ASSERT(list->with_more == other->with_more);
    if (same_times(list, other, stride)) { /* mostly: series that are sampled together */
        for (size_t at = 0; at < list->count; at += stride) {
            merge_states(list, at, other, at, stride);
        }
        return VARVE_OK;
    }
    size_t out = count_union(list, other, stride);
    VV_TRY(reserve(list, out, memory));
    size_t own = list->count;
    size_t more = other->count;
    list->count = out;
    /* From the back: out - own is the number of states still to come from other alone, so that no
     * state is overwritten before it is read. */
    while (more > 0) {
        int64_t time = other->entries[more - stride].time;
        out -= stride;
        if (own > 0 && list->entries[own - stride].time >= time) {
            bool equal = list->entries[own - stride].time == time;
            own -= stride;
            move_states(list, out, list, own, stride);
            if (equal) {
                more -= stride;
                merge_states(list, out, other, more, stride);
            }
        } else {
            more -= stride;
            move_states(list, out, other, more, stride);
        }
    }
    VV_ASSERT(out == own);
    return VARVE_OK;
}

void vv_bucket_list_clear(struct vv_bucket_list *list, struct vv_query_memory *memory)
{
    for (size_t at = 0; list->with_more && at < list->count; at++) {
        while (list->more[at].values != NULL) {
            struct vv_value_run *run = list->more[at].values;
            list->more[at].values = run->next;
            vv_query_free(memory, run);
        }
    }
    list->count = 0;
}

void vv_bucket_list_fini(struct vv_bucket_list *list, struct vv_query_memory *memory)
{
    vv_bucket_list_clear(list, memory);
    vv_query_free(memory, list->entries);
    vv_query_free(memory, list->more);
    *list = (struct vv_bucket_list){.with_more = list->with_more};
}
