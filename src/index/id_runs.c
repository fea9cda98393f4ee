/*
 * id_runs.c - runs of ids in an array: added anywhere, sorted before they are read.
 *
 *   runs   [first, last] [first, last] ...     spare  where the next intersection is made
 *   bits   one for each id between the least and the greatest, while runs are sorted; else zero
 *
 * U1  Settled runs ascend and neither overlap nor touch. What is added behind the last id leaves
 *     them settled; else the next reader sorts them.
 * U2  Sorting by bits takes as long as the ids are far apart, and their memory. Where they are
 *     few and far apart, or there is no memory, runs are sorted in place: settling cannot fail.
 * Threads: one at a time.
 */
#include "index/id_runs.h"

#include <string.h>

#include "os/alloc.h"

enum {
    CAPACITY_MIN = 64,
    WORDS_PER_RUN_MAX = 8, /* of bits, that are worth a look for each run */
};

struct id_run {
    uint32_t first;
    uint32_t last;
};

struct vv_id_runs {
    struct id_run *runs;
    struct id_run *spare; /* as many */
    size_t count;
    size_t capacity;
    uint64_t *bits;
    size_t words;
    bool unsettled;
};

struct vv_id_runs *vv_id_runs_create(void)
{
    return vv_alloc_zeroed(1, sizeof(struct vv_id_runs));
}

void vv_id_runs_destroy(struct vv_id_runs *runs)
{
    if (runs != NULL) {
        vv_free(runs->runs);
        vv_free(runs->spare);
        vv_free(runs->bits);
        vv_free(runs);
    }
}

void vv_id_runs_clear(struct vv_id_runs *runs)
{
    runs->count = 0;
    runs->unsettled = false;
}

uint64_t vv_id_runs_bytes(const struct vv_id_runs *runs)
{
    return sizeof(*runs) + 2 * runs->capacity * sizeof(runs->runs[0]) +
           runs->words * sizeof(runs->bits[0]);
}

/* Room for count runs, in the spare too. */
static varve_status reserve(struct vv_id_runs *runs, size_t count)
{
    if (count <= runs->capacity) {
        return VARVE_OK;
    }
    size_t capacity = runs->capacity * 2 > CAPACITY_MIN ? runs->capacity * 2 : CAPACITY_MIN;
    capacity = capacity > count ? capacity : count;
    struct id_run *grown = vv_realloc(runs->runs, capacity * sizeof(*grown));
    if (grown == NULL) {
        return VARVE_NO_MEMORY;
    }
    runs->runs = grown;
    struct id_run *spare = vv_realloc(runs->spare, capacity * sizeof(*spare));
    if (spare == NULL) {
        return VARVE_NO_MEMORY;
    }
    runs->spare = spare;
    runs->capacity = capacity;
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- Adding */

static varve_status add_run(struct vv_id_runs *runs, uint32_t first, uint32_t last)
{
    if (runs->count > 0) {
        struct id_run *newest = &runs->runs[runs->count - 1];
        if (first > 0 && newest->last == first - 1) {
            newest->last = last;
            return VARVE_OK;
        }
        if (first >= newest->first && last <= newest->last) {
            return VARVE_OK;
        }
        runs->unsettled |= first <= newest->last;
    }
    if (runs->count == runs->capacity) {
        VV_TRY(reserve(runs, runs->count + 1));
    }
    runs->runs[runs->count++] = (struct id_run){first, last};
    return VARVE_OK;
}

varve_status vv_id_runs_add(struct vv_id_runs *runs, uint32_t id)
{
    return add_run(runs, id, id);
}

varve_status vv_id_runs_add_many(struct vv_id_runs *runs, const uint32_t *ids, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        VV_TRY(add_run(runs, ids[at], ids[at]));
    }
    return VARVE_OK;
}

varve_status vv_id_runs_add_range(struct vv_id_runs *runs, uint32_t first, uint32_t count)
{
    return count > 0 ? add_run(runs, first, first + (count - 1)) : VARVE_OK;
}

/* ------------------------------------------------------------------------------- Settling */

/* Melts sorted runs that overlap or touch. */
static void melt(struct vv_id_runs *runs)
{
    size_t kept = 0;
    for (size_t at = 1; at < runs->count; at++) {
        struct id_run run = runs->runs[at];
        struct id_run *before = &runs->runs[kept];
        if (run.first <= before->last || run.first - before->last == 1) {
            before->last = run.last > before->last ? run.last : before->last;
        } else {
            runs->runs[++kept] = run;
        }
    }
    runs->count = kept + 1;
}

static void sift_down(struct id_run *runs, size_t at, size_t count)
{
    struct id_run moved = runs[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && runs[child + 1].first > runs[child].first;
        if (runs[child].first <= moved.first) {
            break;
        }
        runs[at] = runs[child];
    }
    runs[at] = moved;
}

/* Heap sort: in place, and no worse for runs in any order. */
static void sort_in_place(struct vv_id_runs *runs)
{
    struct id_run *list = runs->runs;
    for (size_t at = runs->count / 2; at-- > 0;) {
        sift_down(list, at, runs->count);
    }
    for (size_t end = runs->count; end-- > 1;) {
        struct id_run greatest = list[0];
        list[0] = list[end];
        list[end] = greatest;
        sift_down(list, 0, end);
    }
    melt(runs);
}

/* Sets the bits [first, last]. */
static void set_bits(uint64_t *bits, uint32_t first, uint32_t last)
{
    uint64_t low = UINT64_MAX << first % 64;
    uint64_t high = UINT64_MAX >> (63 - last % 64);
    size_t word = first / 64;
    size_t last_word = last / 64;
    if (word == last_word) {
        bits[word] |= low & high;
        return;
    }
    bits[word] |= low;
    while (++word < last_word) {
        bits[word] = UINT64_MAX;
    }
    bits[last_word] |= high;
}

/* Room for bits, all zero. */
static bool reserve_bits(struct vv_id_runs *runs, size_t words)
{
    if (words > runs->words) {
        uint64_t *bits = vv_alloc_zeroed(words, sizeof(*bits));
        if (bits == NULL) {
            return false;
        }
        vv_free(runs->bits);
        runs->bits = bits;
        runs->words = words;
    }
    return true;
}

/* Rewrites the runs out of the bits, which become zero again. There are no more runs than before:
 * each begins where one began. */
static void take_bits(struct vv_id_runs *runs, uint32_t base, size_t words)
{
    size_t count = 0;
    bool inside = false; /* a run that reaches to the end of the word before */
    for (size_t word = 0; word < words; word++) {
        uint64_t bits = runs->bits[word];
        uint32_t first_id = base + (uint32_t)word * 64;
        runs->bits[word] = 0;
        while (bits != 0 || inside) {
            unsigned start = inside ? 0 : (unsigned)__builtin_ctzll(bits);
            uint64_t gaps = ~bits & UINT64_MAX << start;
            unsigned end = gaps != 0 ? (unsigned)__builtin_ctzll(gaps) : 64;
            if (!inside) {
                runs->runs[count++].first = first_id + start;
            }
            inside = end == 64;
            if (inside) {
                break;
            }
            runs->runs[count - 1].last = first_id + end - 1;
            bits &= UINT64_MAX << end;
        }
    }
    if (inside) {
        runs->runs[count - 1].last = base + (uint32_t)(words * 64 - 1);
    }
    runs->count = count;
}

static void settle(struct vv_id_runs *runs)
{
    if (!runs->unsettled) {
        return;
    }
    uint32_t least = UINT32_MAX;
    uint32_t greatest = 0;
    runs->unsettled = false;
    for (size_t at = 0; at < runs->count; at++) {
        least = runs->runs[at].first < least ? runs->runs[at].first : least;
        greatest = runs->runs[at].last > greatest ? runs->runs[at].last : greatest;
    }
    least -= least % 64;
    size_t words = (greatest - least) / 64 + (size_t)1;
    if (words / WORDS_PER_RUN_MAX > runs->count || !reserve_bits(runs, words)) {
        sort_in_place(runs); /* U2 */
        return;
    }
    for (size_t at = 0; at < runs->count; at++) {
        set_bits(runs->bits, runs->runs[at].first - least, runs->runs[at].last - least);
    }
    take_bits(runs, least, words);
}

/* ------------------------------------------------------------------------- Sets with sets */

varve_status vv_id_runs_unite(struct vv_id_runs *runs, struct vv_id_runs *other)
{
    settle(other);
    for (size_t at = 0; runs != other && at < other->count; at++) {
        VV_TRY(add_run(runs, other->runs[at].first, other->runs[at].last));
    }
    return VARVE_OK;
}

/* The spare becomes the runs. */
static void exchange(struct vv_id_runs *runs, size_t count)
{
    struct id_run *before = runs->runs;
    runs->runs = runs->spare;
    runs->spare = before;
    runs->count = count;
}

varve_status vv_id_runs_intersect(struct vv_id_runs *runs, struct vv_id_runs *other)
{
    settle(runs);
    settle(other);
    VV_TRY(reserve(runs, runs->count + other->count));
    const struct id_run *mine = runs->runs;
    const struct id_run *its = other->runs;
    size_t count = 0;
    for (size_t at = 0, from = 0; at < runs->count && from < other->count;) {
        uint32_t first = mine[at].first > its[from].first ? mine[at].first : its[from].first;
        uint32_t last = mine[at].last < its[from].last ? mine[at].last : its[from].last;
        if (first <= last) {
            runs->spare[count++] = (struct id_run){first, last};
        }
        if (mine[at].last < its[from].last) {
            at++;
        } else {
            from++;
        }
    }
    exchange(runs, count);
    return VARVE_OK;
}

varve_status vv_id_runs_subtract(struct vv_id_runs *runs, struct vv_id_runs *other)
{
    settle(runs);
    settle(other);
    VV_TRY(reserve(runs, runs->count + other->count));
    size_t count = 0;
    size_t from = 0;
    for (size_t at = 0; at < runs->count; at++) {
        struct id_run left = runs->runs[at];
        bool any = true;
        while (from < other->count && other->runs[from].last < left.first) {
            from++;
        }
        for (size_t cut = from; any && cut < other->count && other->runs[cut].first <= left.last;
             cut++) {
            struct id_run gone = other->runs[cut];
            if (gone.first > left.first) {
                runs->spare[count++] = (struct id_run){left.first, gone.first - 1};
            }
            any = gone.last < left.last;
            left.first = any ? gone.last + 1 : left.first;
        }
        if (any) {
            runs->spare[count++] = left;
        }
    }
    exchange(runs, count);
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- Reading */

uint64_t vv_id_runs_count(struct vv_id_runs *runs)
{
    uint64_t count = 0;
    settle(runs);
    for (size_t at = 0; at < runs->count; at++) {
        count += (uint64_t)(runs->runs[at].last - runs->runs[at].first) + 1;
    }
    return count;
}

bool vv_id_runs_is_empty(const struct vv_id_runs *runs)
{
    return runs->count == 0;
}

bool vv_id_runs_contains(struct vv_id_runs *runs, uint32_t id)
{
    size_t low = 0;
    settle(runs);
    for (size_t high = runs->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (runs->runs[middle].last < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < runs->count && runs->runs[low].first <= id;
}

void vv_id_runs_to_array(struct vv_id_runs *runs, uint32_t *ids)
{
    size_t written = 0;
    settle(runs);
    for (size_t at = 0; at < runs->count; at++) {
        uint32_t id = runs->runs[at].first;
        ids[written++] = id;
        while (id < runs->runs[at].last) {
            ids[written++] = ++id;
        }
    }
}
