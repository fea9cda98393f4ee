/*
 * block_rollup_check.c - whether the rows of a block say what its samples say.
 *
 *   samples of a layer --maker--> row   ==   row <--reader-- block         for each level
 *
 * Rows are a function of samples and chunks in scalar arithmetic, so that they are compared by
 * their bits; of NaN any is as good as another. Threads: one.
 */
#include "mmap/block_rollup.h"
#include "os/alloc.h"
#include "query/functions.h"

struct level {
    struct vv_rollup_maker maker;
    struct vv_rollup_reader reader;
    uint64_t row_count;
};

struct vv_rollup_check {
    const struct vv_block *block;
    size_t level_count; /* of the present layer */
    struct level levels[VV_ROLLUP_RULES_MAX];
};

varve_status vv_rollup_check_create(const struct vv_block *block, struct vv_rollup_check **check)
{
    struct vv_rollup_check *made = vv_alloc_zeroed(1, sizeof(*made));
    if (made == NULL) {
        return VARVE_NO_MEMORY;
    }
    made->block = block;
    *check = made;
    return VARVE_OK;
}

void vv_rollup_check_destroy(struct vv_rollup_check *check)
{
    for (size_t i = 0; check != NULL && i < VV_ROLLUP_RULES_MAX; i++) {
        vv_block_hold_release(&check->levels[i].reader.hold);
    }
    vv_free(check);
}

varve_status vv_rollup_check_begin(struct vv_rollup_check *check, uint32_t layer)
{
    static const struct vv_rollup_wish everything = {.parts = VV_PARTS_SUMMARY | VV_PART_SPREAD,
                                                     .ends = true};
    struct vv_rollup_level levels[VV_ROLLUP_RULES_MAX];
    check->level_count = 0;
    VV_TRY(vv_block_rollup_levels(check->block, layer, levels, &check->level_count));
    for (size_t i = 0; i < check->level_count; i++) {
        struct level *level = &check->levels[i];
        vv_block_hold_release(&level->reader.hold);
        vv_rollup_reader_init(&level->reader, check->block, &levels[i], &everything);
        level->maker = (struct vv_rollup_maker){.step = levels[i].step};
        level->row_count = 0;
    }
    return VARVE_OK;
}

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (a != a && b != b);
}

static bool rows_equal(const struct vv_rollup_row *a, const struct vv_rollup_row *b)
{
    const struct vv_value_statistics *left = &a->summary.statistics;
    const struct vv_value_statistics *right = &b->summary.statistics;
    return a->summary.time_min == b->summary.time_min &&
           a->summary.time_max == b->summary.time_max && left->count == right->count &&
           left->nan_count == right->nan_count && left->resets == right->resets &&
           same(left->min, right->min) && same(left->max, right->max) &&
           same(left->sum, right->sum) && same(left->first, right->first) &&
           same(left->last, right->last) && same(left->increase, right->increase) &&
           same(a->squares, b->squares);
}

/* The next row of the block must be this one. */
static varve_status expect(struct level *level, const struct vv_rollup_row *made)
{
    struct vv_rollup_reader *reader = &level->reader;
    struct vv_rollup_row stored;
    bool found;
    VV_TRY(vv_rollup_reader_seek(reader, INT64_MIN, &found));
    if (!found) {
        return VARVE_CORRUPT;
    }
    vv_rollup_run_row(&reader->run, reader->at++, &stored);
    level->row_count++;
    return rows_equal(&stored, made) ? VARVE_OK : VARVE_CORRUPT;
}

varve_status vv_rollup_check_add(struct vv_rollup_check *check, const int64_t *timestamps,
                                 const double *values, size_t count)
{
    for (size_t i = 0; i < check->level_count; i++) {
        struct level *level = &check->levels[i];
        struct vv_rollup_row row;
        size_t at = 0;
        while (vv_rollup_make(&level->maker, timestamps, values, count, &at, &row)) {
            VV_TRY(expect(level, &row));
        }
    }
    return VARVE_OK;
}

varve_status vv_rollup_check_end(struct vv_rollup_check *check)
{
    for (size_t i = 0; i < check->level_count; i++) {
        struct level *level = &check->levels[i];
        struct vv_rollup_row row;
        bool more = false;
        if (vv_rollup_make_last(&level->maker, &row)) {
            VV_TRY(expect(level, &row));
        }
        VV_TRY(vv_rollup_reader_seek(&level->reader, INT64_MIN, &more));
        if (more || level->row_count != level->reader.level.row_count) {
            return VARVE_CORRUPT;
        }
    }
    return VARVE_OK;
}
