/* Tests of head_idle.c: which tails are sealed, and what of them stays as it was. (That the samples
 * do: test_head.c; that the latest one does: test_head_latest.c.) */
#include "storage/head/head_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"

enum { ENOUGH = 100, FEW = 20 };

struct fixture {
    struct vv_head head;
    uint64_t generation;
    uint32_t marks[VV_HEAD_LINE_SERIES];
};

static int set_up(void **state)
{
    struct fixture *fixture = vv_alloc_aligned(64, sizeof(*fixture));
    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(vv_head_init(&fixture->head), VARVE_OK);
    fixture->generation = 1;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)vv_head_drop_lines(&fixture->head, 0, 1, UINT64_MAX);
    bool nothing_left =
        atomic_load(&fixture->head.bytes) == 0 && atomic_load(&fixture->head.samples) == 0;
    vv_head_fini(&fixture->head);
    vv_free(fixture);
    return nothing_left ? 0 : -1;
}

static void insert(struct fixture *fixture, uint32_t ref, int64_t timestamp)
{
    struct vv_head_locks locks;
    double value = (double)timestamp;
    vv_head_locks_init(&locks);
    assert_int_equal(vv_head_lock_refs(&fixture->head, &ref, 1, &locks), VARVE_OK);
    struct vv_head_batch batch = {&ref, &timestamp, &value, VARVE_DUPLICATES_LAST,
                                  fixture->generation};
    assert_int_equal(vv_head_insert_and_unlock(&fixture->head, &batch, &locks), VARVE_OK);
    vv_head_locks_fini(&locks);
}

static void insert_many(struct fixture *fixture, uint32_t ref, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        insert(fixture, ref, first + i);
    }
}

static size_t visit(struct fixture *fixture)
{
    return vv_head_seal_idle(&fixture->head, 0, 0, fixture->marks);
}

static struct vv_head_figures measure(struct fixture *fixture, uint32_t ref)
{
    struct vv_head_figures figures = VV_HEAD_FIGURES_NONE;
    vv_head_measure(&fixture->head, ref, 0, &figures);
    return figures;
}

static void a_tail_is_sealed_at_the_second_visit(void **state)
{
    struct fixture *fixture = *state;
    insert_many(fixture, 1, 0, ENOUGH);
    insert_many(fixture, 2, 0, FEW);
    uint64_t bytes = atomic_load(&fixture->head.bytes);
    assert_int_equal(visit(fixture), 0);
    assert_int_equal(measure(fixture, 1).sealed_samples, 0);
    assert_int_equal(visit(fixture), 1);
    struct vv_head_figures figures = measure(fixture, 1);
    assert_int_equal(figures.samples, ENOUGH);
    assert_int_equal(figures.sealed_samples, ENOUGH);
    assert_true(figures.sealed_bytes > 0 && figures.sealed_bytes < ENOUGH * 16);
    assert_true(atomic_load(&fixture->head.bytes) < bytes);
    assert_int_equal(measure(fixture, 2).sealed_samples, 0); /* not worth it */
    assert_int_equal(visit(fixture), 0);
}

static void whoever_gets_samples_between_visits_stays(void **state)
{
    struct fixture *fixture = *state;
    insert_many(fixture, 0, 0, ENOUGH);
    insert_many(fixture, 3, 0, ENOUGH);
    for (int64_t i = 0; i < 40; i++) { /* through the ends of extents */
        assert_int_equal(visit(fixture), i == 1 ? 1 : 0);
        insert(fixture, 3, ENOUGH + i);
    }
    assert_int_equal(measure(fixture, 0).sealed_samples, ENOUGH);
    assert_int_equal(measure(fixture, 3).sealed_samples, 0);
    insert(fixture, 0, ENOUGH); /* a new tail behind the chunk, sealed when it has grown */
    assert_int_equal(visit(fixture) + visit(fixture), 1);
    assert_int_equal(measure(fixture, 3).sealed_samples, ENOUGH + 40);
    insert_many(fixture, 0, ENOUGH + 1, FEW * 2);
    assert_int_equal(visit(fixture) + visit(fixture), 1);
    assert_int_equal(measure(fixture, 0).sealed_samples, ENOUGH + 1 + FEW * 2);
}

/* A loose tail grows without a change of the line. */
static void late_samples_count_as_samples(void **state)
{
    struct fixture *fixture = *state;
    insert_many(fixture, 0, 1000, ENOUGH);
    insert_many(fixture, 0, 500, ENOUGH);
    assert_int_equal(
        vv_form_kind(
            vv_head_extent(&fixture->head, vv_head_line_of(&fixture->head, 0)->newest[0])->form),
        VV_EXTENT_LOOSE);
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(visit(fixture), 0);
        insert(fixture, 0, 400 + i);
    }
    assert_int_equal(visit(fixture) + visit(fixture), 1);
    assert_int_equal(measure(fixture, 0).sealed_samples, 2 * ENOUGH + 10);
}

static void what_has_been_flushed_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    insert_many(fixture, 0, 0, ENOUGH);
    fixture->generation = 2;
    insert_many(fixture, 1, 0, ENOUGH);
    assert_int_equal(vv_head_seal_idle(&fixture->head, 0, 1, fixture->marks), 0);
    assert_int_equal(vv_head_seal_idle(&fixture->head, 0, 1, fixture->marks), 1);
    assert_int_equal(measure(fixture, 0).sealed_samples, 0);
    assert_int_equal(measure(fixture, 1).sealed_samples, ENOUGH);
}

/* Its floor and deletions see samples in chunks as they do others. */
static void a_sealed_series_can_be_deleted_from(void **state)
{
    struct fixture *fixture = *state;
    uint32_t ref = 0;
    struct vv_head_locks locks;
    insert_many(fixture, ref, 0, ENOUGH);
    assert_int_equal(visit(fixture) + visit(fixture), 1);
    vv_head_locks_init(&locks);
    assert_int_equal(vv_head_lock_refs(&fixture->head, &ref, 1, &locks), VARVE_OK);
    struct vv_range range = {ENOUGH - 10, ENOUGH};
    assert_int_equal(vv_head_delete(&fixture->head, ref, 1, range, true), VARVE_OK);
    vv_head_unlock_refs(&locks);
    vv_head_locks_fini(&locks);
    assert_int_equal(visit(fixture) + visit(fixture), 0);
    assert_int_equal(measure(fixture, ref).samples, ENOUGH - 10);
    insert(fixture, ref, -5);
    assert_int_equal(vv_head_time_floor(&fixture->head), -5);
}

static void without_memory_the_tail_stays_and_is_sealed_later(void **state)
{
    struct fixture *fixture = *state;
    int64_t timestamp;
    double value;
    insert_many(fixture, 0, 0, ENOUGH);
    assert_int_equal(visit(fixture), 0);
    vv_alloc_fail_from(1);
    size_t sealed = visit(fixture);
    vv_alloc_fail_at(0);
    assert_int_equal(sealed, 0);
    insert(fixture, 0, ENOUGH); /* its value is not the one that was about to be kept */
    assert_true(vv_head_latest(&fixture->head, 0, &timestamp, &value));
    assert_int_equal(timestamp, ENOUGH);
    assert_true(value == ENOUGH);
    assert_int_equal(visit(fixture) + visit(fixture), 1);
    assert_int_equal(measure(fixture, 0).sealed_samples, ENOUGH + 1);
}

static void a_line_that_was_never_made_has_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(visit(fixture), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tail_is_sealed_at_the_second_visit),
        TEST(whoever_gets_samples_between_visits_stays),
        TEST(late_samples_count_as_samples),
        TEST(what_has_been_flushed_is_left_alone),
        TEST(a_sealed_series_can_be_deleted_from),
        TEST(without_memory_the_tail_stays_and_is_sealed_later),
        TEST(a_line_that_was_never_made_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
