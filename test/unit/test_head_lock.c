/* Tests of head_lock.c: the locks of batches, in any order, by many threads. */
#include "storage/head/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "os/thread.h"
#include "support/random.h"

static struct vv_head *head_create(void)
{
    struct vv_head *head = vv_alloc_aligned(64, sizeof(*head));
    assert_non_null(head);
    assert_int_equal(vv_head_init(head), VARVE_OK);
    return head;
}

static void head_destroy(struct vv_head *head)
{
    vv_head_fini(head);
    vv_free(head);
}

static size_t lines_of(struct vv_head *head, const uint32_t *refs, size_t count)
{
    struct vv_head_locks locks;
    vv_head_locks_init(&locks);
    assert_int_equal(vv_head_lock_refs(head, refs, count, &locks), VARVE_OK);
    size_t lines = locks.count;
    vv_head_unlock_refs(&locks);
    vv_head_locks_fini(&locks);
    return lines;
}

static void a_line_is_held_once_in_whatever_order_its_series_come(void **state)
{
    (void)state;
    struct vv_head *head = head_create();
    static const uint32_t ascending[] = {0, 1, 3, 4, 4, 7, 8, 5000};
    static const uint32_t mixed[] = {9, 0, 8, 1, 5000, 9, 2, 5001};
    assert_int_equal(lines_of(head, ascending, 8), 4);
    assert_int_equal(lines_of(head, mixed, 8), 3);
    assert_int_equal(atomic_load(&head->contended), 0);
    head_destroy(head);
}

/* Walking the lines gives what looking at each ref gives, over the ends of lines and pages. */
static void a_range_has_the_pieces_of_its_refs(void **state)
{
    (void)state;
    enum { REFS = 3 * VV_HEAD_PAGE_SERIES, COUNT_MAX = VV_HEAD_PAGE_SERIES + 100 };
    struct vv_test_random random = vv_test_random_init(1);
    struct vv_head *head = head_create();
    struct vv_head_locks by_refs, by_range;
    static uint32_t refs[COUNT_MAX];
    vv_head_locks_init(&by_refs);
    vv_head_locks_init(&by_range);
    for (int round = 0; round < 300; round++) {
        uint32_t first = (uint32_t)vv_test_random_below(&random, REFS);
        size_t count = 1 + vv_test_random_below(&random, round % 2 == 0 ? 20 : COUNT_MAX);
        for (size_t i = 0; i < count; i++) {
            refs[i] = first + (uint32_t)i;
        }
        assert_int_equal(vv_head_lock_range(head, first, count, &by_range), VARVE_OK);
        size_t pieces = by_range.count;
        bool defined = by_range.defined;
        vv_head_unlock_refs(&by_range);
        assert_int_equal(vv_head_lock_refs(head, refs, count, &by_refs), VARVE_OK);
        assert_int_equal(by_refs.count, pieces);
        assert_int_equal(by_refs.defined, defined);
        assert_int_equal(by_refs.again_count, 0);
        for (size_t i = 0; i < pieces; i++) {
            const struct vv_head_piece *one = &by_refs.pieces[i], *other = &by_range.pieces[i];
            assert_ptr_equal(one->line, other->line);
            assert_int_equal(one->first, other->first);
            assert_int_equal(one->more, other->more);
            assert_int_equal(one->at, other->at);
            assert_int_equal(one->whole, other->whole);
            assert_false(one->comes_back || other->comes_back);
        }
        for (size_t i = 0; i < count; i++) { /* most are defined in the end, in generation 1 */
            vv_head_set_defined(head, refs[i], 1);
        }
        vv_head_unlock_refs(&by_refs);
    }
    vv_head_locks_fini(&by_refs);
    vv_head_locks_fini(&by_range);
    head_destroy(head);
}

static void definitions_hold_for_one_generation(void **state)
{
    (void)state;
    struct vv_head *head = head_create();
    static const uint32_t refs[] = {4, 5};
    assert_int_equal(lines_of(head, refs, 2), 1);
    assert_false(vv_head_is_defined(head, 4, 1));
    vv_head_set_defined(head, 4, 1);
    assert_true(vv_head_is_defined(head, 4, 1));
    assert_false(vv_head_is_defined(head, 5, 1));
    assert_false(vv_head_is_defined(head, 4, 2));
    vv_head_set_defined(head, 5, 2);
    assert_false(vv_head_is_defined(head, 4, 2));
    vv_head_forget_defined(head, 5);
    assert_false(vv_head_is_defined(head, 5, 2));
    head_destroy(head);
}

static void without_memory_nothing_is_locked(void **state)
{
    (void)state;
    uint32_t refs[100];
    for (uint32_t i = 0; i < 100; i++) {
        refs[i] = i * 100;
    }
    varve_status status = VARVE_NO_MEMORY;
    for (uint64_t n = 1; status != VARVE_OK; n++) { /* pages, and the list */
        struct vv_head *head = head_create();
        struct vv_head_locks locks;
        vv_head_locks_init(&locks);
        vv_alloc_fail_at(n);
        status = vv_head_lock_refs(head, refs, 100, &locks);
        vv_alloc_fail_at(0);
        assert_int_equal(locks.count, status == VARVE_OK ? 100 : 0);
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
        assert_true(n > 3 || status == VARVE_NO_MEMORY);
        vv_head_unlock_refs(&locks);
        vv_head_locks_fini(&locks);
        head_destroy(head);
    }
}

/* ---------------------------------------------------------------------------- threads */

enum { WORKERS = 4, BATCHES = 3000, BATCH_MAX = 40 };

struct worker {
    struct vv_head *head;
    uint64_t seed;
    uint32_t first; /* refs from here on ... */
    uint32_t range; /* ... so many */
    uint64_t *sums; /* guarded by the locks of their refs */
    uint64_t added;
    struct vv_thread thread;
};

/* Fills a batch: sorted or not, with repetitions or not. */
static size_t random_batch(struct worker *worker, struct vv_test_random *random, uint32_t *refs)
{
    size_t count = 1 + vv_test_random_below(random, BATCH_MAX);
    bool sorted = vv_test_random_below(random, 2) == 0;
    uint32_t at = (uint32_t)vv_test_random_below(random, worker->range / 2);
    for (size_t i = 0; i < count; i++) {
        uint32_t next = (uint32_t)vv_test_random_below(random, worker->range);
        at += (uint32_t)vv_test_random_below(random, 3);
        refs[i] = worker->first + (sorted && at < worker->range ? at : next);
    }
    return count;
}

static void add_under_locks(void *argument)
{
    struct worker *worker = argument;
    struct vv_test_random random = vv_test_random_seeded(worker->seed);
    struct vv_head_locks locks;
    vv_head_locks_init(&locks);
    for (int batch = 0; batch < BATCHES; batch++) {
        uint32_t refs[BATCH_MAX];
        size_t count = random_batch(worker, &random, refs);
        if (vv_head_lock_refs(worker->head, refs, count, &locks) != VARVE_OK) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            worker->sums[refs[i]]++;
            if (batch % 64 == 0 && i == count / 2) {
                vv_thread_yield(); /* a holder that does not run */
            }
        }
        worker->added += count;
        vv_head_unlock_refs(&locks);
    }
    vv_head_locks_fini(&locks);
}

/* Runs the workers, each in its own range if apart, and returns how often somebody had to wait. */
static uint64_t race(bool apart)
{
    enum { RANGE = 64 };
    static uint64_t sums[WORKERS * RANGE];
    memset(sums, 0, sizeof(sums));
    struct vv_head *head = head_create();
    struct worker workers[WORKERS];
    uint64_t added = 0, sum = 0;
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){
            .head = head, .seed = i, .first = apart ? i * RANGE : 0, .range = RANGE, .sums = sums};
        assert_int_equal(vv_thread_start(&workers[i].thread, add_under_locks, &workers[i]), 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        vv_thread_join(&workers[i].thread);
        added += workers[i].added;
    }
    for (size_t i = 0; i < WORKERS * RANGE; i++) {
        sum += sums[i];
    }
    assert_int_equal(sum, added);
    assert_true(added > WORKERS * BATCHES);
    uint64_t contended = atomic_load(&head->contended);
    head_destroy(head);
    return contended;
}

static void batches_of_the_same_series_exclude_each_other_and_never_block_for_good(void **state)
{
    (void)state;
    assert_true(race(false) > 0);
}

static void writers_of_disjoint_aligned_ranges_never_meet(void **state)
{
    (void)state;
    assert_int_equal(race(true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_held_once_in_whatever_order_its_series_come),
        cmocka_unit_test(a_range_has_the_pieces_of_its_refs),
        cmocka_unit_test(definitions_hold_for_one_generation),
        cmocka_unit_test(without_memory_nothing_is_locked),
        cmocka_unit_test(batches_of_the_same_series_exclude_each_other_and_never_block_for_good),
        cmocka_unit_test(writers_of_disjoint_aligned_ranges_never_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
