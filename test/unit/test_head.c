/* Tests of head.c, head_read.c: the samples in memory against a model, and as an iterator. */
#include "storage/head/head.h"
#include "storage/head/head_chunk.h"
#include "storage/series/series_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/database_model.h"
#include "support/iter_contract.h"
#include "support/labels.h"
#include "support/random.h"

enum { SAMPLES_MAX = 200000 };

struct fixture {
    struct vv_head head;
    struct vv_epoch *epoch;
    struct vv_series_table *table;
    struct vv_series *series;
    uint64_t generation;
    struct model_series model; /* what generations that are not dropped hold */
};

static int set_up(void **state)
{
    struct fixture *fixture = vv_alloc_aligned(64, sizeof(*fixture));
    struct vv_buffer buffer = {0};
    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(vv_epoch_create(&fixture->epoch), VARVE_OK);
    fixture->table = vv_series_table_create(fixture->epoch);
    assert_int_equal(vv_head_init(&fixture->head), VARVE_OK);
    struct vv_key key = vv_test_key(&buffer, "a");
    assert_int_equal(
        vv_series_table_find_or_create(fixture->table, key, vv_key_hash(key), 1, &fixture->series),
        VARVE_OK);
    vv_buffer_fini(&buffer);
    fixture->generation = 1;
    *state = fixture;
    return 0;
}

/* Whatever happened: dropping everything brings the figures back to nothing. */
static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)vv_head_drop(&fixture->head, fixture->series->ref, UINT64_MAX);
    bool nothing_left =
        atomic_load(&fixture->head.bytes) == 0 && atomic_load(&fixture->head.samples) == 0;
    vv_head_fini(&fixture->head);
    vv_series_table_destroy(fixture->table);
    vv_epoch_destroy(fixture->epoch);
    free(fixture->model.samples);
    vv_free(fixture);
    return nothing_left ? 0 : -1;
}

static varve_status try_insert_batch(struct fixture *fixture, const uint32_t *refs,
                                     varve_duplicates policy, const int64_t *timestamps,
                                     const double *values, size_t count)
{
    struct vv_head_locks locks;
    vv_head_locks_init(&locks);
    varve_status status = vv_head_lock_refs(&fixture->head, refs, count, &locks);
    if (status == VARVE_OK) {
        struct vv_head_batch batch = {refs, timestamps, values, policy, fixture->generation};
        status = vv_head_insert_and_unlock(&fixture->head, &batch, &locks);
        vv_head_unlock_refs(&locks);
    }
    vv_head_locks_fini(&locks);
    return status;
}

static varve_status try_insert(struct fixture *fixture, varve_duplicates policy, int64_t timestamp,
                               double value)
{
    return try_insert_batch(fixture, &fixture->series->ref, policy, &timestamp, &value, 1);
}

static void insert(struct fixture *fixture, varve_duplicates policy, int64_t timestamp,
                   double value)
{
    assert_int_equal(try_insert(fixture, policy, timestamp, value), VARVE_OK);
    model_append(&fixture->model, policy, timestamp, value);
}

static void delete_range(struct fixture *fixture, int64_t start, int64_t end)
{
    struct vv_range range = {start, end};
    struct vv_head_locks locks;
    vv_head_locks_init(&locks);
    assert_int_equal(vv_head_lock_refs(&fixture->head, &fixture->series->ref, 1, &locks), VARVE_OK);
    assert_int_equal(vv_head_delete(&fixture->head, fixture->series->ref, fixture->generation,
                                    range, fixture->generation > 1),
                     VARVE_OK);
    vv_head_unlock_refs(&locks);
    model_delete(&fixture->model, start, end);
}

static struct vv_iter *read_range(struct fixture *fixture, int64_t start, int64_t end)
{
    struct vv_source_list sources = {0};
    struct vv_range *tombstones = NULL;
    struct vv_iter *iter = NULL;
    /* Changes nothing, whatever the series has, or if nobody ever wrote one. */
    const uint32_t near[] = {fixture->series->ref, VV_HEAD_REFS_MAX - 1};
    vv_head_bring_near(&fixture->head, near, 2, fixture->generation - 1, fixture->generation);
    vv_head_bring_near(&fixture->head, near, 2, 0, fixture->generation - 1);
    assert_int_equal(vv_head_sources(&fixture->head, fixture->series->ref, 0, UINT64_MAX - 1, start,
                                     end, &sources, &tombstones),
                     VARVE_OK);
    assert_int_equal(vv_merge_create(sources.list, sources.count, start, end, &iter), VARVE_OK);
    sources.count = 0;
    vv_source_list_fini(&sources);
    vv_free(tombstones);
    return iter;
}

static void expect_samples(const struct model_sample *samples, const int64_t *timestamps,
                           const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(timestamps[i], samples[i].timestamp);
        assert_memory_equal(&values[i], &samples[i].value, sizeof(double));
    }
}

/* A whole chunk that the iterator peeked at has these samples first, as it says in both ways; its
 * length. */
static size_t expect_chunk(const struct model_sample *samples, const struct vv_iter *iter,
                           const struct vv_summary *summary)
{
    static int64_t timestamps[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    static double values[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    const struct vv_encoded_chunk *encoded = vv_iter_where(iter).encoded;
    struct vv_value_statistics statistics;
    assert_non_null(encoded);
    vv_block_decode(encoded, timestamps, values);
    expect_samples(samples, timestamps, values, encoded->count);
    vv_values_statistics(values, encoded->count, &statistics);
    assert_int_equal(summary->time_min, timestamps[0]);
    assert_int_equal(summary->time_max, timestamps[encoded->count - 1]);
    assert_int_equal(summary->statistics.count, encoded->count);
    assert_memory_equal(&summary->statistics.sum, &statistics.sum, sizeof(double));
    assert_memory_equal(&summary->statistics.max, &statistics.max, sizeof(double));
    return encoded->count;
}

/* As spans alone, and with every other chunk that can be taken as a whole; how many were. */
static size_t expect_model(struct fixture *fixture, int64_t start, int64_t end)
{
    size_t count, taken = 0;
    const struct model_sample *samples = model_range(&fixture->model, start, end, &count);
    for (unsigned round = 0; round < 2; round++) {
        struct vv_iter *iter = read_range(fixture, start, end);
        struct vv_summary summary;
        varve_span span;
        size_t at = 0, met = 0;
        for (;;) {
            while (round == 1 && vv_iter_peek(iter, &summary) && met++ % 2 == 0) {
                at += expect_chunk(samples + at, iter, &summary);
                vv_iter_pass(iter);
                taken++;
            }
            if (!vv_iter_next_span(iter, &span)) {
                break;
            }
            assert_true(at + span.count <= count);
            expect_samples(samples + at, span.timestamps, span.values, span.count);
            at += span.count;
        }
        assert_int_equal(at, count);
        vv_iter_destroy(iter);
    }
    return taken;
}

static void samples_in_order_are_sealed_and_read(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t i = 0; i < 5000; i++) {
        insert(fixture, VARVE_DUPLICATES_LAST, i * 10, (double)i);
    }
    assert_int_equal(atomic_load(&fixture->head.samples), 5000);
    assert_int_equal(expect_model(fixture, INT64_MIN, INT64_MAX), 2); /* of four chunks */
    assert_int_equal(expect_model(fixture, 12345, 23456), 0);
    assert_int_equal(expect_model(fixture, 9999, 40000), 1);
    assert_int_equal(vv_head_time_max(&fixture->head, fixture->series->ref, 0), 49990);
    assert_int_equal(vv_head_time_max(&fixture->head, fixture->series->ref, 1), INT64_MIN);
}

static void random_histories_give_what_the_model_says(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    int64_t clock = 0;
    for (int step = 0; step < 30000; step++) {
        uint64_t choice = vv_test_random_below(&random, 1000);
        varve_duplicates policy = (varve_duplicates)(1 + (uint64_t)(step / 700) % 6);
        double value = (double)vv_test_random_below(&random, 100);
        if (choice < 600) {
            insert(fixture, policy, clock++, value);
        } else if (choice < 980) {
            int64_t late = (int64_t)vv_test_random_below(&random, (uint64_t)clock + 10);
            insert(fixture, policy, late, value);
        } else if (choice < 984) {
            int64_t start = (int64_t)vv_test_random_below(&random, (uint64_t)clock + 10);
            delete_range(fixture, start, start + (int64_t)vv_test_random_below(&random, 300));
        } else if (choice < 987) {
            fixture->generation++;
        } else if (step % 8 == 0) {
            int64_t start = (int64_t)vv_test_random_below(&random, (uint64_t)clock + 10);
            (void)expect_model(fixture, start,
                               start + (int64_t)vv_test_random_below(&random, 2000));
        }
    }
    delete_range(fixture, 0, 500);
    (void)expect_model(fixture, INT64_MIN, INT64_MAX);
}

/* Runs of one series: in order, with steps back, with equal timestamps, over the size of a tail. */
static void runs_give_what_their_samples_give_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(2);
    int64_t clock = 0;
    for (int round = 0; round < 300; round++) {
        enum { RUN_MAX = 300 };
        uint32_t refs[RUN_MAX];
        int64_t timestamps[RUN_MAX];
        double values[RUN_MAX];
        varve_duplicates policy = (varve_duplicates)(1 + round / 100);
        size_t count = 1 + vv_test_random_below(&random, RUN_MAX);
        uint64_t disorder = vv_test_random_below(&random, 3) * 20;
        for (size_t i = 0; i < count; i++) {
            bool late = vv_test_random_below(&random, 1000) < disorder;
            int64_t back = late ? (int64_t)vv_test_random_below(&random, 2000) : 0;
            clock += (int64_t)vv_test_random_below(&random, disorder > 0 ? 3 : 1) + (late ? 0 : 1);
            refs[i] = fixture->series->ref;
            timestamps[i] = clock - back;
            values[i] = (double)vv_test_random_below(&random, 100);
            model_append(&fixture->model, policy, timestamps[i], values[i]);
        }
        varve_status status = try_insert_batch(fixture, refs, policy, timestamps, values, count);
        assert_int_equal(status, VARVE_OK);
    }
    (void)expect_model(fixture, INT64_MIN, INT64_MAX);
}

static void dropping_gives_back_old_generations_only(void **state)
{
    struct fixture *fixture = *state;
    struct model_series second = {0};
    for (int64_t i = 0; i < 1000; i++) {
        insert(fixture, VARVE_DUPLICATES_LAST, i, 1);
    }
    fixture->generation = 2;
    delete_range(fixture, 10, 20);
    for (int64_t i = 500; i < 700; i++) {
        insert(fixture, VARVE_DUPLICATES_LAST, i, 2);
        model_append(&second, VARVE_DUPLICATES_LAST, i, 2);
    }
    (void)expect_model(fixture, INT64_MIN, INT64_MAX);
    struct vv_head_figures figures = VV_HEAD_FIGURES_NONE;
    uint64_t before = atomic_load(&fixture->head.bytes);
    vv_head_measure(&fixture->head, fixture->series->ref, 1, &figures);
    assert_int_equal(figures.samples, 200);
    assert_int_equal(figures.range.start, 500);
    assert_int_equal(figures.range.end, 699);
    uint64_t dropped = vv_head_drop(&fixture->head, fixture->series->ref, 1);
    assert_int_equal(atomic_load(&fixture->head.bytes), before - dropped);
    assert_int_equal(atomic_load(&fixture->head.samples), 200);
    assert_false(vv_head_has_series(&fixture->head, fixture->series->ref, 0, 1));
    assert_true(vv_head_has_series(&fixture->head, fixture->series->ref, 1, 2));
    free(fixture->model.samples);
    fixture->model = second;
    (void)expect_model(fixture, INT64_MIN, INT64_MAX);
}

/* Steady appends touch no new memory: each generation gets what a flush has given back. */
static void generations_follow_each_other_in_the_same_memory(void **state)
{
    enum { SERIES = 400, SAMPLES = 100 };
    struct fixture *fixture = *state;
    uint64_t bytes = 0;
    uint32_t refs[SERIES];
    int64_t timestamps[SERIES];
    double values[SERIES] = {0};
    for (uint32_t i = 0; i < SERIES; i++) {
        refs[i] = i;
    }
    for (uint64_t generation = 1; generation <= 20; generation++) {
        fixture->generation = generation;
        for (int64_t sample = 0; sample < SAMPLES; sample++) {
            for (size_t i = 0; i < SERIES; i++) {
                timestamps[i] = (int64_t)generation * SAMPLES + sample;
            }
            assert_int_equal(
                try_insert_batch(fixture, refs, VARVE_DUPLICATES_LAST, timestamps, values, SERIES),
                VARVE_OK);
        }
        uint64_t taken = 0;
        for (size_t i = 0; i < VV_HEAD_EXTENT_POOLS; i++) {
            taken += vv_pool_stats(fixture->head.extents[i]).slab_bytes;
        }
        assert_true(generation == 1 || taken == bytes);
        bytes = taken;
        for (uint32_t ref = 0; ref < SERIES; ref += VV_HEAD_LINE_SERIES) {
            (void)vv_head_drop_lines(&fixture->head, ref, 1, generation);
        }
    }
}

/* ------------------------------------------------------------------------- many series */

enum { MANY = 37, MANY_BATCH_MAX = 60 };

struct many {
    struct vv_head head;
    struct vv_head_locks locks;
    uint64_t generation;
    uint32_t marks[MANY + VV_HEAD_LINE_SERIES]; /* of idle tails */
    size_t sealed;
    struct model_series models[MANY];
};

static void expect_series(struct many *many, uint32_t ref)
{
    struct vv_source_list sources = {0};
    struct vv_range *tombstones = NULL;
    struct vv_iter *iter = NULL;
    assert_int_equal(vv_head_sources(&many->head, ref, 0, UINT64_MAX - 1, INT64_MIN, INT64_MAX,
                                     &sources, &tombstones),
                     VARVE_OK);
    assert_int_equal(vv_merge_create(sources.list, sources.count, INT64_MIN, INT64_MAX, &iter),
                     VARVE_OK);
    sources.count = 0;
    vv_source_list_fini(&sources);
    vv_free(tombstones);
    size_t count, at = 0;
    const struct model_sample *samples =
        model_range(&many->models[ref], INT64_MIN, INT64_MAX, &count);
    varve_span span;
    while (vv_iter_next_span(iter, &span)) {
        for (size_t i = 0; i < span.count; i++, at++) {
            assert_true(at < count);
            assert_int_equal(span.timestamps[i], samples[at].timestamp);
            assert_memory_equal(&span.values[i], &samples[at].value, sizeof(double));
        }
    }
    assert_int_equal(at, count);
    vv_iter_destroy(iter);
}

enum order { IN_TURN, IN_RUNS, IN_NO_ORDER };

/* The ref of entry i. Runs are long enough for several extents, and go on in their line. */
static uint32_t choose_ref(struct vv_test_random *random, enum order order, size_t i,
                           const uint32_t *refs)
{
    if (order == IN_TURN) {
        return (uint32_t)(i % MANY);
    }
    bool goes_on = order == IN_RUNS && i > 0 && vv_test_random_below(random, 20) != 0;
    return goes_on ? refs[i - 1] : (uint32_t)vv_test_random_below(random, MANY);
}

/* A batch to some of the series, in one order or another, of which some samples come late. */
static void append_to_many(struct many *many, struct vv_test_random *random, int64_t *clock)
{
    uint32_t refs[MANY_BATCH_MAX];
    int64_t timestamps[MANY_BATCH_MAX];
    double values[MANY_BATCH_MAX];
    size_t count = 1 + vv_test_random_below(random, MANY_BATCH_MAX);
    enum order order = (enum order)vv_test_random_below(random, 3);
    varve_duplicates policy =
        vv_test_random_below(random, 20) == 0 ? VARVE_DUPLICATES_SUM : VARVE_DUPLICATES_LAST;
    for (size_t i = 0; i < count; i++) {
        uint64_t late = vv_test_random_below(random, 40) == 0 ? vv_test_random_below(random, 400)
                                                              : vv_test_random_below(random, 2);
        refs[i] = choose_ref(random, order, i, refs);
        timestamps[i] = ++*clock - (int64_t)late;
        values[i] = (double)vv_test_random_below(random, 1000);
        model_append(&many->models[refs[i]], policy, timestamps[i], values[i]);
    }
    assert_int_equal(order == IN_TURN && count <= MANY
                         ? vv_head_lock_range(&many->head, 0, count, &many->locks)
                         : vv_head_lock_refs(&many->head, refs, count, &many->locks),
                     VARVE_OK);
    struct vv_head_batch batch = {refs, timestamps, values, policy, many->generation};
    assert_int_equal(vv_head_insert_and_unlock(&many->head, &batch, &many->locks), VARVE_OK);
    assert_int_equal(many->locks.count, 0);
}

static void delete_from_many(struct many *many, struct vv_test_random *random, int64_t clock)
{
    uint32_t ref = (uint32_t)vv_test_random_below(random, MANY);
    int64_t start = clock - (int64_t)vv_test_random_below(random, 3000);
    struct vv_range range = {start, start + (int64_t)vv_test_random_below(random, 1000)};
    assert_int_equal(vv_head_lock_refs(&many->head, &ref, 1, &many->locks), VARVE_OK);
    assert_int_equal(vv_head_delete(&many->head, ref, many->generation, range, true), VARVE_OK);
    vv_head_unlock_refs(&many->locks);
    model_delete(&many->models[ref], range.start, range.end);
}

/* A round of head_idle.c. */
static void seal_idle_of_many(struct many *many)
{
    uint64_t samples = atomic_load(&many->head.samples);
    for (uint32_t ref = 0; ref < MANY; ref += VV_HEAD_LINE_SERIES) {
        many->sealed += vv_head_seal_idle(&many->head, ref, 0, many->marks + ref);
    }
    assert_int_equal(atomic_load(&many->head.samples), samples);
}

/* Neighbours share lines: batches to all of them, in turns of generations. */
static void drop_lines_of_many(struct many *many, uint64_t up_to)
{
    uint64_t before = atomic_load(&many->head.bytes), dropped = 0;
    for (size_t ref = 0, lines = 1; ref < MANY; ref += lines * VV_HEAD_LINE_SERIES) {
        size_t left = (MANY - ref + VV_HEAD_LINE_SERIES - 1) / VV_HEAD_LINE_SERIES;
        lines = lines % VV_HEAD_DROP_LINES_MAX + 1;
        lines = lines < left ? lines : left;
        dropped += vv_head_drop_lines(&many->head, (uint32_t)ref, lines, up_to);
    }
    assert_int_equal(atomic_load(&many->head.bytes), before - dropped);
}

static void expect_newest_generation_only(struct many *many)
{
    struct vv_head_figures figures = VV_HEAD_FIGURES_NONE;
    for (uint32_t ref = 0; ref < MANY; ref++) {
        assert_false(vv_head_has_series(&many->head, ref, 0, many->generation - 1));
        vv_head_measure(&many->head, ref, many->generation - 1, &figures);
    }
    assert_int_equal(atomic_load(&many->head.samples), figures.samples);
}

static void many_series_keep_apart(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(3);
    struct many *many = vv_alloc_aligned(64, sizeof(*many));
    memset(many, 0, sizeof(*many));
    assert_int_equal(vv_head_init(&many->head), VARVE_OK);
    vv_head_locks_init(&many->locks);
    many->generation = 1;
    int64_t clock = 0;
    for (int step = 0; step < 4000; step++) {
        uint64_t choice = vv_test_random_below(&random, 300);
        if (choice < 280) {
            append_to_many(many, &random, &clock);
        } else if (choice < 290) {
            seal_idle_of_many(many);
            seal_idle_of_many(many);
        } else if (choice < 296) {
            delete_from_many(many, &random, clock);
        } else if (choice < 297) {
            many->generation++;
        } else {
            expect_series(many, (uint32_t)vv_test_random_below(&random, MANY));
        }
    }
    assert_true(many->sealed > MANY);
    size_t samples = 0;
    for (uint32_t ref = 0; ref < MANY; ref++) {
        expect_series(many, ref);
        samples += many->models[ref].count;
        free(many->models[ref].samples);
    }
    assert_true(atomic_load(&many->head.samples) >= samples);
    drop_lines_of_many(many, many->generation - 1);
    expect_newest_generation_only(many);
    drop_lines_of_many(many, UINT64_MAX);
    assert_int_equal(atomic_load(&many->head.samples), 0);
    assert_int_equal(atomic_load(&many->head.bytes), 0);
    vv_head_locks_fini(&many->locks);
    vv_head_fini(&many->head);
    vv_free(many);
}

/* ------------------------------------------------------------------- the iterator contract */

static struct vv_iter *make_iter(void *context)
{
    return read_range(context, INT64_MIN, INT64_MAX);
}

static void disturb(void *context)
{
    struct fixture *fixture = context;
    delete_range(fixture, INT64_MIN, INT64_MAX);
    insert(fixture, VARVE_DUPLICATES_LAST, 7, 7);
    (void)vv_head_drop(&fixture->head, fixture->series->ref, UINT64_MAX);
}

static void check_contract(struct fixture *fixture)
{
    static int64_t timestamps[SAMPLES_MAX];
    static double values[SAMPLES_MAX];
    assert_true(fixture->model.count <= SAMPLES_MAX);
    for (size_t i = 0; i < fixture->model.count; i++) {
        timestamps[i] = fixture->model.samples[i].timestamp;
        values[i] = fixture->model.samples[i].value;
    }
    struct vv_iter_contract contract = {.make = make_iter,
                                        .context = fixture,
                                        .timestamps = timestamps,
                                        .values = values,
                                        .count = fixture->model.count,
                                        .disturb = disturb};
    iter_contract_check(&contract);
}

static void ordered_data_keeps_the_iterator_contract(void **state)
{
    for (int64_t i = 0; i < 3000; i++) {
        insert(*state, VARVE_DUPLICATES_LAST, i * 3, (double)i);
    }
    check_contract(*state);
}

static void late_data_keeps_the_iterator_contract(void **state)
{
    for (int64_t i = 0; i < 6000; i++) { /* backwards: one long tail */
        insert(*state, VARVE_DUPLICATES_LAST, i < 500 ? i + 10000 : 20000 - i, (double)i);
    }
    check_contract(*state);
}

static void an_empty_series_keeps_the_iterator_contract(void **state)
{
    check_contract(*state);
}

/* An allocation that fails leaves every sample that was accepted before it. */
static void out_of_memory_loses_nothing_that_was_there(void **state)
{
    struct fixture *fixture = *state;
    for (int64_t i = 0; i < 2000; i++) {
        double value = (double)i;
        int64_t timestamp = i * 7 % 1999;
        vv_alloc_fail_at(1 + (uint64_t)i % 3);
        varve_status status = try_insert(fixture, VARVE_DUPLICATES_LAST, timestamp, value);
        vv_alloc_fail_at(0);
        assert_true(status == VARVE_OK || status == VARVE_NO_MEMORY);
        if (status == VARVE_OK) {
            model_append(&fixture->model, VARVE_DUPLICATES_LAST, timestamp, value);
        }
    }
    (void)expect_model(fixture, INT64_MIN, INT64_MAX);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(samples_in_order_are_sealed_and_read),
        TEST(random_histories_give_what_the_model_says),
        TEST(runs_give_what_their_samples_give_one_by_one),
        TEST(dropping_gives_back_old_generations_only),
        TEST(generations_follow_each_other_in_the_same_memory),
        cmocka_unit_test(many_series_keep_apart),
        TEST(ordered_data_keeps_the_iterator_contract),
        TEST(late_data_keeps_the_iterator_contract),
        TEST(an_empty_series_keeps_the_iterator_contract),
        TEST(out_of_memory_loses_nothing_that_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
