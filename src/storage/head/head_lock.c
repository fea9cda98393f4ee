/*
 * head_lock.c - the lines of the head, and taking the locks of a batch.
 *
 *   pages[ref >> 12] --> [line of refs 0-3][line of refs 4-7] ...     filled in as refs come,
 *                         64 bytes, the lock in it                    never moved
 *                         ... [newest samples that were kept]
 *
 * L1  Whoever waits holds only locks below the one that it waits for: no circle of waiters. Locks
 *     that happen to be free may be taken in any order, because taking them does not wait.
 * L2  A batch holds a line once, however often its series stand in it: it is cut into pieces of
 *     neighbouring entries of one line, of which the first in that line has the lock.
 * Thread: any.
 */
#include "storage/head/head_line.h"

#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"
#include "os/pages.h"

enum {
    LINES_BYTES = VV_HEAD_PAGE_SERIES / VV_HEAD_LINE_SERIES * sizeof(struct vv_head_line),
    PAGE_BYTES = LINES_BYTES + VV_HEAD_PAGE_SERIES * sizeof(struct vv_newest),
    PAGES_BYTES = VV_HEAD_PAGES * sizeof(struct vv_head_line *),
    PREFETCH_REFS = 16, /* ahead of the line being locked: about what a miss takes */
    PREFETCH_LINES = 8  /* the same where lines follow each other */
};
_Static_assert(PAGES_BYTES % VV_PAGES_SMALL_BYTES == 0, "pages come whole");
_Static_assert(sizeof(struct vv_head_line) == 64, "lines fill cache lines");

varve_status vv_head_init(struct vv_head *head)
{
    memset(head, 0, sizeof(*head));
    vv_mutex_init(&head->page_mutex);
    atomic_init(&head->blocks_time_max, INT64_MIN);
    for (size_t i = 0; i < VV_HEAD_FLOORS; i++) {
        atomic_init(&head->floors[i], INT64_MAX);
    }
    head->pages = vv_pages_alloc(PAGES_BYTES);
    varve_status status = head->pages == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    if (status == VARVE_OK) {
        status = vv_slab_directory_init(&head->slabs);
    }
    for (size_t i = 0; i < VV_HEAD_EXTENT_POOLS && status == VARVE_OK; i++) {
        struct vv_pool_options options = {
            .object_bytes = i <= VV_EXTENT_LARGE ? (size_t)64 << i : 64, .directory = &head->slabs};
        status = vv_pool_create(&options, &head->extents[i]);
    }
    if (status != VARVE_OK) {
        vv_head_fini(head);
    }
    return status;
}

void vv_head_fini(struct vv_head *head)
{
    for (size_t i = 0; i < VV_HEAD_EXTENT_POOLS; i++) {
        vv_pool_destroy(head->extents[i]);
    }
    vv_slab_directory_fini(&head->slabs);
    vv_page_arena_fini(&head->page_arena);
    vv_pages_free(head->pages, PAGES_BYTES);
    if (head->pages != NULL) {
        vv_mutex_fini(&head->page_mutex);
    }
    memset(head, 0, sizeof(*head));
}

/* Makes the page that a ref lies in, if nobody did. */
static varve_status add_page(struct vv_head *head, uint32_t ref)
{
    _Atomic(struct vv_head_line *) *slot = &head->pages[ref / VV_HEAD_PAGE_SERIES];
    vv_mutex_lock(&head->page_mutex);
    struct vv_head_line *page = atomic_load(slot);
    if (page == NULL) {
        page = vv_page_arena_alloc(&head->page_arena, PAGE_BYTES, 64);
        atomic_store_explicit(slot, page, memory_order_release);
    }
    vv_mutex_unlock(&head->page_mutex);
    return page == NULL ? VARVE_NO_MEMORY : VARVE_OK;
}

varve_status vv_head_reserve_line(struct vv_head *head, uint32_t ref)
{
    VV_ASSERT(ref < VV_HEAD_REFS_MAX);
    return vv_head_find_line(head, ref) == NULL ? add_page(head, ref) : VARVE_OK;
}

static varve_status reserve_pages(struct vv_head *head, const uint32_t *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        VV_TRY(vv_head_reserve_line(head, refs[i]));
    }
    return VARVE_OK;
}

void vv_head_lock_line(struct vv_head *head, struct vv_head_line *line)
{
    if (!vv_spin_try_lock(&line->lock)) {
        atomic_fetch_add_explicit(&head->contended, 1, memory_order_relaxed);
        vv_spin_lock(&line->lock);
    }
}

void vv_head_locks_init(struct vv_head_locks *locks)
{
    locks->pieces = locks->few;
    locks->defined = false;
    locks->generation = 0;
    locks->count = locks->again_count = 0;
    locks->capacity = VV_HEAD_LOCKS_FEW;
}

void vv_head_locks_fini(struct vv_head_locks *locks)
{
    VV_ASSERT(locks->count == 0);
    if (locks->pieces != locks->few) {
        vv_free(locks->pieces);
    }
}

static varve_status reserve_locks(struct vv_head_locks *locks, size_t count)
{
    if (count <= locks->capacity) {
        return VARVE_OK;
    }
    struct vv_head_piece *pieces = vv_alloc(count * sizeof(*pieces));
    if (pieces == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_head_locks_fini(locks);
    locks->pieces = pieces;
    locks->capacity = count;
    return VARVE_OK;
}

/* ------------------------------------------------------------------------------- pieces */

/* Whether entries i to i + 3 are the four series of a line in order. */
static inline bool is_whole(const uint32_t *refs, size_t i, size_t count)
{
    return i + VV_HEAD_LINE_SERIES <= count && refs[i] % VV_HEAD_LINE_SERIES == 0 &&
           refs[i + 1] == refs[i] + 1 && refs[i + 2] == refs[i] + 2 && refs[i + 3] == refs[i] + 3;
}

/* The piece that begins with entry i, without its line; *series: a bit for each of its series. */
static inline struct vv_head_piece next_piece(const uint32_t *refs, size_t i, size_t count,
                                              unsigned *series)
{
    struct vv_head_piece piece = {.first = (uint16_t)i};
    if (is_whole(refs, i, count)) {
        piece.more = VV_HEAD_LINE_SERIES - 1;
        piece.whole = true;
        *series = VV_HEAD_LINE_ALL;
        return piece;
    }
    uint32_t group = refs[i] / VV_HEAD_LINE_SERIES;
    size_t last = i;
    piece.at = (uint8_t)(refs[i] % VV_HEAD_LINE_SERIES);
    *series = 1U << piece.at;
    while (last + 1 < count && refs[last + 1] / VV_HEAD_LINE_SERIES == group) {
        last++;
        *series |= 1U << refs[last] % VV_HEAD_LINE_SERIES;
    }
    piece.more = (uint16_t)(last - i);
    return piece;
}

/* The piece that has the lock of that line; NULL if these locks do not hold it. What somebody
 * else's line says leads to another one. */
static inline struct vv_head_piece *holder_of(const struct vv_head_locks *locks,
                                              struct vv_head_line *line)
{
    size_t position = atomic_load_explicit(&line->position, memory_order_relaxed);
    while (position < locks->count && locks->pieces[position].line != line) {
        position += UINT8_MAX + 1;
    }
    return position < locks->count ? &locks->pieces[position] : NULL;
}

/* What the lines of a batch know of the definitions of its series. */
struct knowledge {
    uint32_t any;  /* bits of generations: set in one of the lines ... */
    uint32_t all;  /* ... and in all of them */
    unsigned lack; /* bits of series that are not defined in the generation of their line */
};

static inline void learn(struct knowledge *knowledge, const struct vv_head_line *line,
                         unsigned series)
{
    knowledge->any |= line->generation;
    knowledge->all &= line->generation;
    knowledge->lack |= series & ~(unsigned)line->defined;
}

static const struct knowledge knows_nothing = {.all = UINT32_MAX};

static inline void note_knowledge(struct vv_head_locks *locks, struct knowledge knowledge)
{
    locks->generation = knowledge.any;
    locks->defined = knowledge.any == knowledge.all && knowledge.lack == 0;
}

/* The piece that has the lock of a line. */
static inline void set_first_piece(const struct vv_head_locks *locks, size_t position,
                                   struct vv_head_piece piece)
{
    atomic_store_explicit(&piece.line->position, (uint8_t)position, memory_order_relaxed);
    locks->pieces[position] = piece;
}

/* The same for a whole line. */
static inline void set_whole_piece(const struct vv_head_locks *locks, size_t position,
                                   struct vv_head_line *line, size_t entry)
{
    struct vv_head_piece *piece = &locks->pieces[position];
    atomic_store_explicit(&line->position, (uint8_t)position, memory_order_relaxed);
    piece->line = line;
    piece->first = (uint16_t)entry;
    piece->more = VV_HEAD_LINE_SERIES - 1;
    piece->at = 0;
    piece->whole = true;
    piece->comes_back = false;
}

/* Adds a piece whose line has been taken, or is held for the holder given. */
static inline void add_piece(struct vv_head_locks *locks, struct vv_head_piece piece,
                             struct vv_head_piece *holder)
{
    if (__builtin_expect(holder == NULL, 1)) {
        set_first_piece(locks, locks->count++, piece);
    } else {
        holder->comes_back = true;
        locks->pieces[locks->capacity - ++locks->again_count] = piece;
    }
}

/* ------------------------------------------------------------------------------ locking */

static int compare_refs(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* The way of a batch in no order that has met another one: sorts, then waits. Holds nothing. */
static void lock_sorted(struct vv_head *head, const uint32_t *refs, size_t count,
                        struct vv_head_locks *locks)
{
    uint32_t *sorted = (uint32_t *)(void *)locks->pieces; /* which are not needed yet */
    const struct vv_head_line *last = NULL;
    memcpy(sorted, refs, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_refs);
    for (size_t i = 0; i < count; i++) {
        struct vv_head_line *line = vv_head_line_of(head, sorted[i]);
        if (line != last) {
            vv_head_lock_line(head, line);
            last = line;
        }
    }
    struct knowledge knowledge = knows_nothing;
    for (size_t i = 0; i < count;) {
        unsigned series;
        struct vv_head_piece piece = next_piece(refs, i, count, &series);
        piece.line = vv_head_line_of(head, refs[i]);
        learn(&knowledge, piece.line, series);
        add_piece(locks, piece, holder_of(locks, piece.line));
        i += piece.more + 1U;
    }
    note_knowledge(locks, knowledge);
}

/* Takes the lock of a line; *holder: the piece that has it already. False if it would have to be
 * waited for out of order. */
static inline bool take_line(struct vv_head *head, struct vv_head_line *line, bool in_order,
                             const struct vv_head_locks *locks, struct vv_head_piece **holder)
{
    *holder = NULL;
    if (vv_spin_try_lock(&line->lock)) {
        return true;
    }
    *holder = holder_of(locks, line);
    if (*holder != NULL) {
        return true;
    }
    if (in_order) {
        vv_head_lock_line(head, line);
        return true;
    }
    atomic_fetch_add_explicit(&head->contended, 1, memory_order_relaxed);
    return false;
}

/* Where a batch stands while its locks are taken. */
struct progress {
    size_t next;       /* entry */
    uint32_t greatest; /* the first ref of the greatest line so far */
    bool in_order;     /* lines came in ascending order until now */
    struct knowledge knowledge;
};

/* Goes on as long as whole lines come whose locks are free: the way of most of most batches, and
 * not inlined, so that all it needs stays in registers. */
static __attribute__((noinline)) void take_whole_lines(struct vv_head *head, const uint32_t *refs,
                                                       size_t count, struct vv_head_locks *locks,
                                                       struct progress *progress)
{
    struct knowledge knowledge = progress->knowledge;
    size_t next = progress->next, taken = locks->count;
    for (; is_whole(refs, next, count); next += VV_HEAD_LINE_SERIES) {
        struct vv_head_line *line = vv_head_find_line(head, refs[next]);
        if (line == NULL || !vv_spin_try_lock(&line->lock)) {
            break;
        }
        __builtin_prefetch(line + PREFETCH_LINES, 1);
        progress->in_order = progress->in_order && refs[next] >= progress->greatest;
        progress->greatest = refs[next];
        learn(&knowledge, line, VV_HEAD_LINE_ALL);
        set_whole_piece(locks, taken++, line, next);
    }
    locks->count = taken;
    progress->next = next;
    progress->knowledge = knowledge;
}

/* The next piece, whatever it is. False: its lock would have to be waited for out of order. */
static inline bool take_piece(struct vv_head *head, const uint32_t *refs, size_t count,
                              struct vv_head_locks *locks, struct progress *progress)
{
    unsigned series;
    struct vv_head_piece piece = next_piece(refs, progress->next, count, &series), *holder;
    if (progress->next + PREFETCH_REFS < count) {
        __builtin_prefetch(vv_head_find_line(head, refs[progress->next + PREFETCH_REFS]), 1);
    }
    piece.line = vv_head_line_of(head, refs[progress->next]);
    uint32_t ref = refs[progress->next];
    progress->in_order = progress->in_order && ref >= progress->greatest;
    progress->greatest = ref / VV_HEAD_LINE_SERIES * VV_HEAD_LINE_SERIES;
    if (!take_line(head, piece.line, progress->in_order, locks, &holder)) {
        return false;
    }
    learn(&progress->knowledge, piece.line, series);
    add_piece(locks, piece, holder);
    progress->next += piece.more + 1U;
    return true;
}

varve_status vv_head_lock_refs(struct vv_head *head, const uint32_t *refs, size_t count,
                               struct vv_head_locks *locks)
{
    VV_ASSERT(locks->count == 0 && count <= VV_HEAD_LOCKS_MAX);
    VV_TRY(reserve_locks(locks, count));
    struct progress progress = {.in_order = true, .knowledge = knows_nothing};
    while (progress.next < count) {
        if (is_whole(refs, progress.next, count)) {
            take_whole_lines(head, refs, count, locks, &progress);
            if (progress.next == count) {
                break;
            }
        }
        if (vv_head_find_line(head, refs[progress.next]) == NULL) { /* the first of its page */
            vv_head_unlock_refs(locks);
            VV_TRY(reserve_pages(head, refs, count));
            return vv_head_lock_refs(head, refs, count, locks);
        }
        if (!take_piece(head, refs, count, locks, &progress)) {
            vv_head_unlock_refs(locks);
            lock_sorted(head, refs, count, locks);
            return VARVE_OK;
        }
    }
    note_knowledge(locks, progress.knowledge);
    return VARVE_OK;
}

/* Makes the pages of so many refs from the first on. */
static varve_status reserve_range(struct vv_head *head, uint32_t first, size_t count)
{
    for (size_t i = 0; i < count; i += VV_HEAD_PAGE_SERIES - (first + i) % VV_HEAD_PAGE_SERIES) {
        VV_TRY(vv_head_reserve_line(head, first + (uint32_t)i));
    }
    return VARVE_OK;
}

/* Takes lines that follow each other in memory, for entries from the given one on. */
static void take_lines(struct vv_head *head, struct vv_head_line *line, size_t count, size_t entry,
                       struct vv_head_locks *locks, struct knowledge *known)
{
    struct knowledge knowledge = *known;
    size_t taken = locks->count;
    for (struct vv_head_line *end = line + count; line < end; line++) {
        if (!vv_spin_try_lock(&line->lock)) {
            vv_head_lock_line(head, line);
        }
        __builtin_prefetch(line + PREFETCH_LINES, 1);
        learn(&knowledge, line, VV_HEAD_LINE_ALL);
        set_whole_piece(locks, taken++, line, entry);
        entry += VV_HEAD_LINE_SERIES;
    }
    locks->count = taken;
    *known = knowledge;
}

/* Takes the line of refs [ref, ref + count), which are not all of it. */
static void take_part(struct vv_head *head, uint32_t ref, size_t count, size_t entry,
                      struct vv_head_locks *locks, struct knowledge *knowledge)
{
    struct vv_head_piece piece = {.line = vv_head_line_of(head, ref),
                                  .first = (uint16_t)entry,
                                  .more = (uint16_t)(count - 1),
                                  .at = (uint8_t)(ref % VV_HEAD_LINE_SERIES)};
    vv_head_lock_line(head, piece.line);
    learn(knowledge, piece.line, ((1U << count) - 1) << piece.at);
    set_first_piece(locks, locks->count++, piece);
}

varve_status vv_head_lock_range(struct vv_head *head, uint32_t first, size_t count,
                                struct vv_head_locks *locks)
{
    VV_ASSERT(locks->count == 0 && count <= VV_HEAD_LOCKS_MAX);
    VV_TRY(reserve_locks(locks, count));
    VV_TRY(reserve_range(head, first, count));
    struct knowledge knowledge = knows_nothing;
    for (size_t i = 0, length; i < count; i += length) {
        uint32_t ref = first + (uint32_t)i;
        size_t whole = ref % VV_HEAD_LINE_SERIES == 0 ? (count - i) / VV_HEAD_LINE_SERIES : 0;
        if (whole > 0) { /* up to the end of the page */
            size_t left = (VV_HEAD_PAGE_SERIES - ref % VV_HEAD_PAGE_SERIES) / VV_HEAD_LINE_SERIES;
            whole = whole < left ? whole : left;
            length = whole * VV_HEAD_LINE_SERIES;
            take_lines(head, vv_head_line_of(head, ref), whole, i, locks, &knowledge);
        } else { /* at either end of the range */
            length = VV_HEAD_LINE_SERIES - ref % VV_HEAD_LINE_SERIES;
            length = length < count - i ? length : count - i;
            take_part(head, ref, length, i, locks, &knowledge);
        }
    }
    note_knowledge(locks, knowledge);
    return VARVE_OK;
}

void vv_head_unlock_refs(struct vv_head_locks *locks)
{
    for (size_t i = 0; i < locks->count; i++) {
        if (locks->pieces[i].line != NULL) {
            vv_spin_unlock(&locks->pieces[i].line->lock);
        }
    }
    locks->count = locks->again_count = 0;
}

void vv_head_unlock_again(struct vv_head_locks *locks)
{
    for (size_t i = 1; i <= locks->again_count; i++) {
        struct vv_head_line *line = locks->pieces[locks->capacity - i].line;
        struct vv_head_piece *holder = holder_of(locks, line);
        if (holder != NULL) { /* its first piece that came again */
            holder->line = NULL;
            vv_spin_unlock(&line->lock);
        }
    }
    locks->count = locks->again_count = 0;
}

void vv_head_wait_for_holders(struct vv_head *head)
{
    for (size_t i = 0; i < VV_HEAD_PAGES; i++) {
        struct vv_head_line *page = atomic_load_explicit(&head->pages[i], memory_order_acquire);
        for (size_t k = 0; page != NULL && k < VV_HEAD_PAGE_SERIES / VV_HEAD_LINE_SERIES; k++) {
            vv_spin_lock(&page[k].lock);
            vv_spin_unlock(&page[k].lock);
        }
    }
}

static uint8_t bit_of(uint32_t ref)
{
    return (uint8_t)(1U << ref % VV_HEAD_LINE_SERIES);
}

bool vv_head_is_defined(const struct vv_head *head, uint32_t ref, uint64_t generation)
{
    return vv_line_is_defined(vv_head_line_of(head, ref), ref % VV_HEAD_LINE_SERIES, generation);
}

void vv_head_set_defined(struct vv_head *head, uint32_t ref, uint64_t generation)
{
    struct vv_head_line *line = vv_head_line_of(head, ref);
    if (line->generation != (uint32_t)generation) {
        vv_line_turn(head, line, generation);
    }
    line->defined |= bit_of(ref);
}

void vv_head_forget_defined(struct vv_head *head, uint32_t ref)
{
    vv_head_line_of(head, ref)->defined &= (uint8_t)~bit_of(ref);
}
