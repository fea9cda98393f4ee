/*
 * series_ranks.c - where series stand in the order of their keys.
 *
 *   known:    rank, ref | rank, ref | ...      sorted by rank, digit by digit
 *   unknown:  series | series | ...            sorted by key
 *                                              merged by key
 *
 * Threads: any; what is shared never changes.
 */
#include "storage/series/series_ranks.h"

#include <stdlib.h>

#include "os/alloc.h"

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS, RANK_SHIFT = 32 };

struct vv_series_ranks *vv_series_ranks_create(const uint32_t *order, size_t count)
{
    struct vv_series_ranks *ranks = vv_alloc(sizeof(*ranks) + count * sizeof(ranks->ranks[0]));
    if (ranks == NULL) {
        return NULL;
    }
    atomic_init(&ranks->references, 1);
    ranks->count = (uint32_t)count;
    for (size_t rank = 0; rank < count; rank++) {
        ranks->ranks[order[rank]] = (uint32_t)rank;
    }
    return ranks;
}

struct vv_series_ranks *vv_series_ranks_acquire(struct vv_series_ranks *ranks)
{
    if (ranks != NULL) {
        atomic_fetch_add(&ranks->references, 1);
    }
    return ranks;
}

void vv_series_ranks_release(struct vv_series_ranks *ranks)
{
    if (ranks != NULL && atomic_fetch_sub(&ranks->references, 1) == 1) {
        vv_free(ranks);
    }
}

/* Sorts entries by one digit, stably, into another array. */
static void sort_by_digit(const uint64_t *from, size_t count, unsigned shift, uint64_t *to)
{
    size_t places[DIGITS] = {0};
    for (size_t i = 0; i < count; i++) {
        places[from[i] >> shift & (DIGITS - 1)]++;
    }
    size_t place = 0;
    for (size_t digit = 0; digit < DIGITS; digit++) {
        size_t own = places[digit];
        places[digit] = place;
        place += own;
    }
    for (size_t i = 0; i < count; i++) {
        to[places[from[i] >> shift & (DIGITS - 1)]++] = from[i];
    }
}

/* Sorts by rank, all of which are below limit; returns where the result is. */
static const uint64_t *sort_by_rank(uint64_t *entries, size_t count, uint32_t limit,
                                    uint64_t *spare)
{
    for (unsigned bits = 0; bits < RANK_SHIFT && limit >> bits > 0; bits += DIGIT_BITS) {
        sort_by_digit(entries, count, RANK_SHIFT + bits, spare);
        uint64_t *sorted = spare;
        spare = entries;
        entries = sorted;
    }
    return entries;
}

void vv_series_ranks_sort(const struct vv_series_ranks *ranks, const struct vv_series_table *table,
                          const uint32_t *refs, size_t count, uint64_t *room,
                          struct vv_series **sorted)
{
    uint32_t known_count = ranks != NULL ? ranks->count : 0;
    size_t known = 0, unknown = 0;
    for (size_t i = 0; i < count; i++) {
        if (refs[i] < known_count) {
            room[known++] = (uint64_t)ranks->ranks[refs[i]] << RANK_SHIFT | refs[i];
        } else {
            sorted[count - ++unknown] = vv_series_table_get(table, refs[i]);
        }
    }
    const uint64_t *entries = sort_by_rank(room, known, known_count, room + count);
    if (unknown > 1) {
        qsort(sorted + known, unknown, sizeof(*sorted), vv_series_compare);
    }
    /* The unknown ones stand at the end: none is overwritten before it was taken. */
    for (size_t at = 0, other = known; at < known;) {
        struct vv_series *series = vv_series_table_get(table, (uint32_t)entries[at]);
        while (other < count && vv_series_compare(&sorted[other], &series) < 0) {
            sorted[at + other - known] = sorted[other];
            other++;
        }
        sorted[at + other - known] = series;
        at++;
    }
}
