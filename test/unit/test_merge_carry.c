/* Tests of merge_carry.c and block_carry.c: pages that go from block to block as they are, between
 * others that are decoded and packed anew. */
#include "storage/upkeep/merge_carry.h"

#include <math.h>

#include "base/checksum.h"
#include "mmap/block_reader.h"
#include "os/alloc.h"
#include "support/random.h"
#include "support/shard_fixture.h"

enum { SERIES = 3, SLOTS = 40000, STEPS = 60, BATCH = 512, PAGES_MAX = 256 };

static const char *const names[SERIES] = {"a", "b", "c{x=\"1\"}"};

/* What must be there: values by slot of time. */
struct oracle {
    size_t end[SERIES]; /* behind the newest slot */
    bool present[SERIES][SLOTS];
    double values[SERIES][SLOTS];
};

static int64_t time_of(size_t slot)
{
    return (int64_t)slot * 1000 + (int64_t)(slot * 7919 % 31);
}

/* Whole numbers, noise, long constants, and NaN of two kinds. */
static double any_value(struct vv_test_random *random, size_t slot)
{
    switch (slot / 2000 % 4) {
    case 0:
        return (double)vv_test_random_below(random, 100);
    case 1:
        return vv_test_random_uniform(random);
    case 2:
        return slot / 2000 % 3 == 0 ? -0.0 : 7;
    default:
        return vv_test_random_below(random, 2) == 0 ? (double)NAN : -(double)NAN;
    }
}

/* Appends count slots from first on to a series, and to the oracle. */
static void append_run(struct shard_fixture *fixture, struct oracle *oracle,
                       struct vv_test_random *random, size_t series, size_t first, size_t count,
                       varve_duplicates policy)
{
    static varve_series handles[BATCH];
    static int64_t timestamps[BATCH];
    static double values[BATCH];
    varve_series handle = (varve_series)shard_fixture_ref(fixture, names[series]) + 1;
    uint64_t lsn;
    for (size_t done = 0; done < count;) {
        size_t some = count - done < BATCH ? count - done : BATCH;
        for (size_t i = 0; i < some; i++) {
            size_t slot = first + done + i;
            double *stored = &oracle->values[series][slot];
            handles[i] = handle;
            timestamps[i] = time_of(slot);
            values[i] = any_value(random, slot);
            *stored = oracle->present[series][slot]
                          ? vv_resolve_duplicate(policy, *stored, values[i])
                          : values[i];
            oracle->present[series][slot] = true;
        }
        struct vv_shard_batch batch = {policy, some, handles, timestamps, values, false, false};
        assert_int_equal(vv_shard_append(fixture->shard, &batch, &lsn), VARVE_OK);
        done += some;
    }
    size_t end = first + count;
    oracle->end[series] = end > oracle->end[series] ? end : oracle->end[series];
}

static void append_next(struct shard_fixture *fixture, struct oracle *oracle,
                        struct vv_test_random *random)
{
    for (size_t series = 0; series < SERIES; series++) {
        size_t count = vv_test_random_below(random, 4) * 700 + vv_test_random_below(random, 700);
        if (oracle->end[series] + count <= SLOTS) {
            append_run(fixture, oracle, random, series, oracle->end[series], count,
                       VARVE_DUPLICATES_LAST);
        }
    }
}

/* Samples into the past: new ones, and duplicates of those in blocks. */
static void append_late(struct shard_fixture *fixture, struct oracle *oracle,
                        struct vv_test_random *random)
{
    static const varve_duplicates policies[] = {VARVE_DUPLICATES_LAST, VARVE_DUPLICATES_FIRST,
                                                VARVE_DUPLICATES_MAX};
    size_t series = vv_test_random_below(random, SERIES);
    size_t count = 1 + vv_test_random_below(random, 300);
    if (oracle->end[series] > count) {
        append_run(fixture, oracle, random, series,
                   vv_test_random_below(random, oracle->end[series] - count), count,
                   policies[vv_test_random_below(random, 3)]);
    }
}

static void erase(struct shard_fixture *fixture, struct oracle *oracle,
                  struct vv_test_random *random)
{
    size_t first = vv_test_random_below(random, SLOTS);
    size_t end = first + vv_test_random_below(random, 1500);
    end = end < SLOTS ? end : SLOTS - 1;
    shard_fixture_delete(fixture, time_of(first), time_of(end));
    for (size_t series = 0; series < SERIES; series++) {
        memset(&oracle->present[series][first], 0, end - first);
    }
}

/* Compares what an iterator yields with the slots of a series, bit by bit. */
static void expect_series(struct vv_iter *iter, const struct oracle *oracle, size_t series)
{
    size_t slot = 0;
    varve_span span;
    while (vv_iter_next_span(iter, &span)) {
        for (size_t i = 0; i < span.count; i++, slot++) {
            while (slot < SLOTS && !oracle->present[series][slot]) {
                slot++;
            }
            assert_true(slot < SLOTS);
            assert_true(span.timestamps[i] == time_of(slot));
            assert_memory_equal(&span.values[i], &oracle->values[series][slot], sizeof(double));
        }
    }
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    while (slot < SLOTS) {
        assert_false(oracle->present[series][slot++]);
    }
}

static void expect(struct shard_fixture *fixture, const struct oracle *oracle)
{
    struct vv_view *view = vv_view_acquire(&fixture->shard->views);
    for (size_t series = 0; series < SERIES; series++) {
        struct vv_series *known =
            vv_series_table_get(fixture->shard->table, shard_fixture_ref(fixture, names[series]));
        const struct vv_series_place place = {
            .series = known, .key = vv_series_key(known), .hash = known->hash};
        struct vv_iter *iter = NULL;
        assert_int_equal(vv_shard_series_iter(fixture->shard, view, &place,
                                              (struct vv_range){INT64_MIN, INT64_MAX}, NULL, &iter),
                         VARVE_OK);
        expect_series(iter, oracle, series);
        vv_iter_destroy(iter);
    }
    vv_view_release(&fixture->shard->views, view);
}

/* Hashes of the compressed pages of values that the blocks have. */
struct page_list {
    uint64_t hashes[PAGES_MAX];
    size_t count;
};

static void list_pages(struct shard_fixture *fixture, struct page_list *list)
{
    struct vv_view *view = vv_view_acquire(&fixture->shard->views);
    list->count = 0;
    for (size_t i = 0; i < view->block_count; i++) {
        const struct vv_block *block = view->blocks[i];
        for (uint32_t page = 0; page < block->sections[VV_SECTION_VALUES].page_count; page++) {
            const uint8_t *bytes;
            size_t length;
            uint8_t *owned;
            if (!vv_block_page_is_group(block, VV_SECTION_VALUES, page)) {
                continue;
            }
            assert_int_equal(
                vv_block_page_stored(block, VV_SECTION_VALUES, page, &bytes, &length, &owned),
                VARVE_OK);
            assert_true(list->count < PAGES_MAX);
            list->hashes[list->count++] = vv_hash(bytes, length);
            vv_free(owned);
        }
    }
    vv_view_release(&fixture->shard->views, view);
}

/* How many pages of the first list are in the second one. */
static size_t pages_in_common(const struct page_list *before, const struct page_list *after)
{
    size_t common = 0;
    for (size_t i = 0; i < before->count; i++) {
        for (size_t k = 0; k < after->count; k++) {
            common += before->hashes[i] == after->hashes[k] ? 1 : 0;
        }
    }
    return common;
}

static void compact(struct shard_fixture *fixture, size_t *carried)
{
    struct page_list before, after;
    uint64_t first = fixture->shard->manifest.next_block_id;
    list_pages(fixture, &before);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    list_pages(fixture, &after);
    *carried +=
        fixture->shard->manifest.next_block_id > first ? pages_in_common(&before, &after) : 0;
}

static void step(struct shard_fixture *fixture, struct oracle *oracle,
                 struct vv_test_random *random, size_t *carried)
{
    switch (vv_test_random_below(random, 14)) {
    case 0:
    case 1:
        compact(fixture, carried);
        break;
    case 2:
        append_late(fixture, oracle, random);
        break;
    case 3:
        erase(fixture, oracle, random);
        break;
    case 4:
        shard_fixture_reopen(fixture);
        break;
    case 5:
    case 6:
    case 7:
        assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
        break;
    default:
        append_next(fixture, oracle, random);
        break;
    }
}

static void any_mixture_of_pages_answers_as_plain_arrays_do(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    size_t carried = 0;
    for (int round = 0; round < 4; round++) {
        void *made = NULL;
        struct oracle *oracle = calloc(1, sizeof(*oracle));
        (void)shard_fixture_set_up(&made);
        struct shard_fixture *fixture = made;
        fixture->options.head_bytes_max = 64 << 20;
        fixture->options.wal_bytes_max = 64 << 20;
        fixture->options.block_bytes_max = round == 3 ? 60000 : 0; /* several slices */
        shard_fixture_reopen(fixture);
        if (round % 2 == 1) { /* what is handed on is rolled up, too */
            assert_int_equal(vv_shard_add_rollup(fixture->shard, VARVE_STRING(""), 100000, NULL),
                             VARVE_OK);
        }
        for (int i = 0; i < STEPS; i++) {
            step(fixture, oracle, &random, &carried);
            expect(fixture, oracle);
        }
        compact(fixture, &carried);
        expect(fixture, oracle);
        (void)shard_fixture_tear_down(&made);
        free(oracle);
    }
    assert_true(carried > 10);
}

enum { SLOTS_COLD = 4000, SLOTS_HOT = 300 }; /* one page */

/* A cold block of so many slots of each series, and a hot one that follows. */
static struct oracle *make_cold_and_hot(struct shard_fixture *fixture, size_t slots)
{
    struct vv_test_random random = vv_test_random_seeded(5);
    struct oracle *oracle = calloc(1, sizeof(*oracle));
    fixture->options.head_bytes_max = 64 << 20;
    fixture->options.wal_bytes_max = 64 << 20;
    shard_fixture_reopen(fixture);
    for (size_t series = 0; series < SERIES; series++) {
        append_run(fixture, oracle, &random, series, 0, slots, VARVE_DUPLICATES_LAST);
    }
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    for (size_t series = 0; series < SERIES; series++) {
        append_run(fixture, oracle, &random, series, slots, SLOTS_HOT, VARVE_DUPLICATES_LAST);
    }
    assert_int_equal(shard_fixture_flush(fixture), VARVE_OK);
    return oracle;
}

static void a_page_that_nothing_touches_goes_as_it_is(void **state)
{
    struct shard_fixture *fixture = *state;
    size_t carried = 0;
    struct oracle *oracle = make_cold_and_hot(fixture, SLOTS_COLD);
    compact(fixture, &carried);
    assert_int_equal(carried, 1);
    assert_int_equal(fixture->shard->manifest.block_count, 1);
    expect(fixture, oracle);
    free(oracle);
}

static void a_page_of_which_something_is_deleted_does_not(void **state)
{
    struct shard_fixture *fixture = *state;
    size_t carried = 0;
    struct oracle *oracle = make_cold_and_hot(fixture, SLOTS_COLD);
    shard_fixture_delete(fixture, time_of(1234), time_of(1235));
    for (size_t series = 0; series < SERIES; series++) {
        oracle->present[series][1234] = false;
    }
    compact(fixture, &carried);
    assert_int_equal(carried, 0);
    expect(fixture, oracle);
    free(oracle);
}

static void a_page_with_a_late_sample_does_not(void **state)
{
    struct shard_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_seeded(6);
    size_t carried = 0;
    struct oracle *oracle = make_cold_and_hot(fixture, SLOTS_COLD);
    append_run(fixture, oracle, &random, 1, SLOTS_COLD - 1, 1, VARVE_DUPLICATES_MAX);
    compact(fixture, &carried);
    assert_int_equal(carried, 0);
    expect(fixture, oracle);
    free(oracle);
}

/* Chunks of a hundred samples are put together. */
static void small_chunks_are_packed_anew(void **state)
{
    struct shard_fixture *fixture = *state;
    size_t carried = 0;
    struct oracle *oracle = make_cold_and_hot(fixture, 100);
    compact(fixture, &carried);
    assert_int_equal(carried, 0);
    assert_int_equal(fixture->shard->manifest.blocks[0].chunk_count, SERIES);
    expect(fixture, oracle);
    free(oracle);
}

static void what_expired_is_not_handed_on(void **state)
{
    struct shard_fixture *fixture = *state;
    struct page_list before, after;
    struct oracle *oracle = make_cold_and_hot(fixture, SLOTS_COLD);
    list_pages(fixture, &before);
    int64_t age = time_of(SLOTS_COLD + SLOTS_HOT - 1) - time_of(10);
    assert_int_equal(
        vv_shard_set_retention(fixture->shard, VARVE_STRING(""), (uint64_t)age, 0, NULL), VARVE_OK);
    for (size_t series = 0; series < SERIES; series++) {
        memset(oracle->present[series], 0, 10);
    }
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_OK);
    list_pages(fixture, &after);
    assert_int_equal(pages_in_common(&before, &after), 0);
    expect(fixture, oracle);
    free(oracle);
}

/* The page on the disk is damaged: the merge fails and leaves everything as it is. */
static void a_damaged_page_is_not_handed_on(void **state)
{
    struct shard_fixture *fixture = *state;
    struct oracle *oracle = make_cold_and_hot(fixture, SLOTS_COLD);
    const struct vv_env *env = fixture->place.env;
    assert_int_equal(vv_shard_close(fixture->shard, NULL), VARVE_OK);
    int file =
        env->ops->open(env->ctx, fixture->place.directory, "block-0000000000000002", VV_OPEN_WRITE);
    assert_true(file >= 0);
    assert_int_equal(env->ops->pwrite(env->ctx, file, "?", 1, 200), 1);
    assert_int_equal(env->ops->fdatasync(env->ctx, file), 0);
    assert_int_equal(env->ops->close(env->ctx, file), 0);
    shard_fixture_open(fixture);
    assert_int_equal(vv_shard_compact(fixture->shard, NULL), VARVE_CORRUPT);
    assert_int_equal(fixture->shard->manifest.block_count, 2);
    free(oracle);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, shard_fixture_set_up, shard_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_that_nothing_touches_goes_as_it_is),
        TEST(a_page_of_which_something_is_deleted_does_not),
        TEST(a_page_with_a_late_sample_does_not),
        TEST(small_chunks_are_packed_anew),
        TEST(what_expired_is_not_handed_on),
        TEST(a_damaged_page_is_not_handed_on),
        cmocka_unit_test(any_mixture_of_pages_answers_as_plain_arrays_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
