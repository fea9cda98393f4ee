/* Tests of merge_choose.c: what is merged with what, on simulated lists of blocks. */
#include "storage/upkeep/merge_choose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

enum { MIB = 1 << 20, BLOCKS = 1024 };

static const uint64_t target = 64 * MIB;

/* Blocks as a shard would have them, and how much was rewritten. */
struct model {
    size_t count;
    uint64_t lsn;
    uint64_t flushed_bytes;
    uint64_t merged_bytes;
    struct vv_merge_block blocks[BLOCKS];
};

static int compare(const void *a, const void *b)
{
    const struct vv_merge_block *left = a, *right = b;
    return left->lsn_max != right->lsn_max
               ? (left->lsn_max < right->lsn_max ? -1 : 1)
               : (left->time_min > right->time_min) - (left->time_min < right->time_min);
}

static void flush(struct model *model, uint64_t bytes, int64_t time_min, int64_t time_max)
{
    model->blocks[model->count++] = (struct vv_merge_block){.lsn_min = model->lsn,
                                                            .lsn_max = model->lsn + 1,
                                                            .bytes = bytes,
                                                            .time_min = time_min,
                                                            .time_max = time_max,
                                                            .readable = true};
    model->lsn++;
    model->flushed_bytes += bytes;
}

/* Where blocks meet, their parts of the log are disjoint: what a reader relies on. */
static void check_order(const struct model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct vv_merge_block *a = &model->blocks[k], *b = &model->blocks[i];
            if (vv_merge_blocks_meet(a, b) || b->has_tombstones) {
                assert_true(a->lsn_max <= b->lsn_min);
            }
        }
    }
}

/* Does one merge as the shard would, with slices of equal width; false: nothing is due. */
static bool merge(struct model *model)
{
    bool chosen[BLOCKS];
    size_t slices_max;
    if (!vv_merge_choose(model->blocks, model->count, target, chosen, &slices_max)) {
        return false;
    }
    struct vv_merge_block hull = {
        .lsn_min = UINT64_MAX, .time_min = INT64_MAX, .time_max = INT64_MIN, .readable = true};
    size_t kept = 0, merged = 0;
    for (size_t i = 0; i < model->count; i++) {
        struct vv_merge_block block = model->blocks[i];
        if (!chosen[i]) {
            model->blocks[kept++] = block;
            continue;
        }
        assert_true(block.readable);
        merged++;
        hull.bytes += block.bytes;
        hull.lsn_min = block.lsn_min < hull.lsn_min ? block.lsn_min : hull.lsn_min;
        hull.lsn_max = block.lsn_max > hull.lsn_max ? block.lsn_max : hull.lsn_max;
        hull.time_min = block.time_min < hull.time_min ? block.time_min : hull.time_min;
        hull.time_max = block.time_max > hull.time_max ? block.time_max : hull.time_max;
    }
    assert_true(merged >= 2);
    model->count = kept;
    model->merged_bytes += hull.bytes;
    size_t slices = (hull.bytes + target / 2) / target;
    slices = slices < 1 ? 1 : slices > slices_max ? slices_max : slices;
    int64_t width = (hull.time_max - hull.time_min) / (int64_t)slices;
    for (size_t i = 0; i < slices; i++) {
        struct vv_merge_block slice = hull;
        slice.bytes = hull.bytes / slices;
        slice.time_min = hull.time_min + (int64_t)i * width;
        slice.time_max = i + 1 == slices ? hull.time_max : slice.time_min + width - 1;
        model->blocks[model->count++] = slice;
    }
    qsort(model->blocks, model->count, sizeof(model->blocks[0]), compare);
    check_order(model);
    return true;
}

static void settle(struct model *model)
{
    size_t merges = 0;
    while (merge(model)) {
        assert_true(++merges < 1000); /* it comes to an end */
    }
}

static size_t depth_at(const struct model *model, int64_t timestamp)
{
    size_t depth = 0;
    for (size_t i = 0; i < model->count; i++) {
        depth += model->blocks[i].time_min <= timestamp && timestamp <= model->blocks[i].time_max;
    }
    return depth;
}

static struct model *new_model(void)
{
    return calloc(1, sizeof(struct model));
}

static void samples_in_order_are_rewritten_a_few_times_into_blocks_of_the_target(void **state)
{
    (void)state;
    struct model *model = new_model();
    for (int64_t i = 0; i < 2000; i++) {
        flush(model, 4 * MIB, i * 1000, i * 1000 + 1010); /* each a little over the next */
        settle(model);
    }
    assert_in_range(model->count, 2000 / 16, 2000 / 16 + 8);
    assert_true(model->merged_bytes <= 3 * model->flushed_bytes);
    free(model);
}

static void a_few_samples_a_flush_over_decades_make_few_blocks(void **state)
{
    (void)state;
    struct model *model = new_model();
    for (int64_t i = 0; i < 2000; i++) {
        flush(model, 20000, i * 86400, i * 86400 + 86000);
        settle(model);
    }
    assert_true(model->count <= 8);
    free(model);
}

static void a_sample_of_another_century_costs_one_small_block(void **state)
{
    (void)state;
    struct model *model = new_model();
    const int64_t now = INT64_C(1700000000000000000);
    for (int64_t i = 0; i < 64; i++) {
        flush(model, 16 * MIB, now + i * 1000, now + i * 1000 + 999);
        settle(model);
    }
    size_t count = model->count;
    flush(model, 4096, 0, 0);
    settle(model);
    flush(model, 4096, INT64_MAX - 10, INT64_MAX - 10);
    settle(model);
    assert_in_range(model->count, count, count + 2);
    free(model);
}

static void data_of_any_age_sinks_in_tiers(void **state)
{
    (void)state;
    struct model *model = new_model();
    for (int64_t i = 0; i < 600; i++) {
        flush(model, 4 * MIB, 0, 1000000); /* every flush spans all of time */
        settle(model);
        assert_true(depth_at(model, 500000) <= 12);
    }
    assert_true(model->merged_bytes <= 10 * model->flushed_bytes);
    free(model);
}

static void a_backfill_beside_new_data_leaves_few_blocks_over_one_another(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    struct model *model = new_model();
    for (int64_t i = 0; i < 800; i++) {
        int64_t start = (int64_t)vv_test_random_below(&random, 1000000);
        int64_t width = (int64_t)vv_test_random_below(&random, 100000);
        if (i % 2 == 0) {
            start = 1000000 + i * 1000;
            width = 1005;
        }
        flush(model, (1 + vv_test_random_below(&random, 8)) * MIB, start, start + width);
        settle(model);
        for (size_t k = 0; k < model->count; k++) {
            assert_true(depth_at(model, model->blocks[k].time_min) <= 16);
        }
    }
    assert_true(model->count < 160);
    free(model);
}

static void what_stands_between_and_meets_goes_along(void **state)
{
    (void)state;
    struct vv_merge_block blocks[] = {
        {.lsn_min = 0, .lsn_max = 1, .time_min = 0, .time_max = 9, .readable = true},
        {.lsn_min = 1, .lsn_max = 2, .time_min = 5, .time_max = 25, .readable = true},
        {.lsn_min = 2, .lsn_max = 3, .time_min = 50, .time_max = 60, .readable = true},
        {.lsn_min = 3, .lsn_max = 4, .time_min = 8, .time_max = 12, .readable = true},
        {.lsn_min = 4, .lsn_max = 5, .time_min = 0, .time_max = 99, .readable = true},
    };
    bool chosen[5] = {true, false, false, true, false};
    assert_true(vv_merge_close(blocks, 5, chosen));
    bool wanted[5] = {true, true, false, true, false};
    assert_memory_equal(chosen, wanted, sizeof(wanted));
    blocks[2].has_tombstones = true; /* may delete from block 0 */
    assert_true(vv_merge_close(blocks, 5, chosen));
    assert_true(chosen[2]);
    bool again[5] = {true, false, false, true, false};
    blocks[1].readable = false;
    assert_false(vv_merge_close(blocks, 5, again));
}

static void quarantined_blocks_are_never_chosen(void **state)
{
    (void)state;
    struct model *model = new_model();
    for (int64_t i = 0; i < 12; i++) {
        flush(model, 4 * MIB, 0, 100);
        model->blocks[i].readable = i % 3 != 2;
    }
    assert_false(merge(model)); /* every four have one between them */
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_in_order_are_rewritten_a_few_times_into_blocks_of_the_target),
        cmocka_unit_test(a_few_samples_a_flush_over_decades_make_few_blocks),
        cmocka_unit_test(a_sample_of_another_century_costs_one_small_block),
        cmocka_unit_test(data_of_any_age_sinks_in_tiers),
        cmocka_unit_test(a_backfill_beside_new_data_leaves_few_blocks_over_one_another),
        cmocka_unit_test(what_stands_between_and_meets_goes_along),
        cmocka_unit_test(quarantined_blocks_are_never_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
