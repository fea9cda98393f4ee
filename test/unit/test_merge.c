/* Tests of merge.c: small cases by hand, then everything at random against a naive merge. */
#include "query/merge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"
#include "query/ranges.h"
#include "support/iter_contract.h"
#include "support/random.h"

enum { SOURCES_MAX = 7, SAMPLES_MAX = 3000, TOMBSTONES_MAX = 4 };

/* ------------------------------------------------ A source that counts, cuts and fails as told */

struct probe {
    struct vv_iter iter;
    const int64_t *timestamps;
    const double *values;
    size_t count;
    size_t at;
    size_t span_max;
    size_t fail_at; /* sample before which it fails; SIZE_MAX: never */
    varve_status status;
    int *loads;     /* calls of next_span, nullable */
    int *destroyed; /* nullable */
    int64_t *copy_timestamps;
    double *copy_values;
};

static bool probe_next_span(struct vv_iter *iter, varve_span *span)
{
    struct probe *probe = (struct probe *)iter;
    if (probe->loads != NULL) {
        (*probe->loads)++;
    }
    if (probe->status == VARVE_OK && probe->at >= probe->fail_at) {
        probe->status = VARVE_CORRUPT;
    }
    if (probe->status != VARVE_OK || probe->at == probe->count) {
        return false;
    }
    size_t left = probe->count - probe->at;
    size_t count = left < probe->span_max ? left : probe->span_max;
    /* Exactly as large as the span, and gone with the next call, so that a sanitizer sees stale
     * use. */
    free(probe->copy_timestamps);
    free(probe->copy_values);
    probe->copy_timestamps = malloc(count * sizeof(int64_t));
    probe->copy_values = malloc(count * sizeof(double));
    memcpy(probe->copy_timestamps, probe->timestamps + probe->at, count * sizeof(int64_t));
    memcpy(probe->copy_values, probe->values + probe->at, count * sizeof(double));
    *span = (varve_span){probe->copy_timestamps, probe->copy_values, count};
    probe->at += count;
    return true;
}

static void probe_seek(struct vv_iter *iter, int64_t timestamp)
{
    struct probe *probe = (struct probe *)iter;
    while (probe->at < probe->count && probe->timestamps[probe->at] < timestamp) {
        probe->at++;
    }
}

static varve_status probe_status(const struct vv_iter *iter)
{
    return ((const struct probe *)iter)->status;
}

static void probe_destroy(struct vv_iter *iter)
{
    struct probe *probe = (struct probe *)iter;
    if (probe->destroyed != NULL) {
        (*probe->destroyed)++;
    }
    free(probe->copy_timestamps);
    free(probe->copy_values);
    free(probe);
}

static struct probe *probe_create(const int64_t *timestamps, const double *values, size_t count,
                                  size_t span_max)
{
    static const struct vv_iter_ops ops = {.next_span = probe_next_span,
                                           .seek = probe_seek,
                                           .status = probe_status,
                                           .destroy = probe_destroy};
    struct probe *probe = calloc(1, sizeof(*probe));
    probe->iter.ops = &ops;
    probe->timestamps = timestamps;
    probe->values = values;
    probe->count = count;
    probe->span_max = span_max;
    probe->fail_at = SIZE_MAX;
    return probe;
}

static struct vv_merge_source source_of(struct probe *probe, varve_duplicates policy)
{
    return (struct vv_merge_source){.iter = &probe->iter,
                                    .policy = policy,
                                    .time_min = probe->timestamps[0],
                                    .time_max = probe->timestamps[probe->count - 1]};
}

static struct vv_iter *merge_of(const struct vv_merge_source *sources, size_t count, int64_t start,
                                int64_t end)
{
    struct vv_iter *iter = NULL;
    assert_int_equal(vv_merge_create(sources, count, start, end, &iter), VARVE_OK);
    return iter;
}

/* Reads an iterator to its end into the arrays; returns the count. */
static size_t read_all(struct vv_iter *iter, int64_t *timestamps, double *values)
{
    varve_span span;
    size_t count = 0;
    while (vv_iter_next_span(iter, &span)) {
        memcpy(timestamps + count, span.timestamps, span.count * sizeof(int64_t));
        memcpy(values + count, span.values, span.count * sizeof(double));
        count += span.count;
    }
    return count;
}

/* ------------------------------------------------------------------------------- By hand */

static void merge_keeps_the_later_value(void **state)
{
    (void)state;
    const int64_t t0[] = {1, 2, 3};
    const double v0[] = {10, 20, 30};
    const int64_t t1[] = {2, 4};
    const double v1[] = {21, 41};
    struct vv_merge_source sources[] = {
        source_of(probe_create(t0, v0, 3, 9), VARVE_DUPLICATES_LAST),
        source_of(probe_create(t1, v1, 2, 9), VARVE_DUPLICATES_LAST),
    };
    struct vv_iter *iter = merge_of(sources, 2, INT64_MIN, INT64_MAX);
    int64_t timestamps[8];
    double values[8];
    assert_int_equal(read_all(iter, timestamps, values), 4);
    const int64_t expected_timestamps[] = {1, 2, 3, 4};
    const double expected_values[] = {10, 21, 30, 41};
    assert_memory_equal(timestamps, expected_timestamps, sizeof expected_timestamps);
    assert_memory_equal(values, expected_values, sizeof expected_values);
    vv_iter_destroy(iter);
}

static void each_step_of_a_fold_uses_the_policy_of_the_newer_source(void **state)
{
    (void)state;
    const int64_t t[] = {5};
    const double v0[] = {1};
    const double v1[] = {2};
    const double v2[] = {9};
    struct vv_merge_source sources[] = {
        source_of(probe_create(t, v0, 1, 9), VARVE_DUPLICATES_LAST),
        source_of(probe_create(t, v1, 1, 9), VARVE_DUPLICATES_SUM),
        source_of(probe_create(t, v2, 1, 9), VARVE_DUPLICATES_FIRST),
    };
    struct vv_iter *iter = merge_of(sources, 3, INT64_MIN, INT64_MAX);
    int64_t timestamp = 0;
    double value = 0;
    assert_int_equal(read_all(iter, &timestamp, &value), 1);
    assert_true(value == 3);
    vv_iter_destroy(iter);
}

static void tombstones_delete_from_older_sources_only(void **state)
{
    (void)state;
    const int64_t t[] = {1, 2, 3};
    const double v0[] = {10, 20, 30};
    const double v1[] = {11, 21, 31};
    const double v2[] = {12, 22, 32};
    const struct vv_range deleted[] = {{2, 3}};
    struct vv_merge_source sources[] = {
        source_of(probe_create(t, v0, 3, 9), VARVE_DUPLICATES_SUM),
        source_of(probe_create(t, v1, 3, 9), VARVE_DUPLICATES_SUM),
        source_of(probe_create(t, v2, 3, 9), VARVE_DUPLICATES_SUM),
    };
    sources[1].tombstones = deleted;
    sources[1].tombstone_count = 1;
    struct vv_iter *iter = merge_of(sources, 3, INT64_MIN, INT64_MAX);
    int64_t timestamps[3];
    double values[3];
    assert_int_equal(read_all(iter, timestamps, values), 3);
    const double expected[] = {33, 43, 93};
    assert_memory_equal(values, expected, sizeof expected);
    vv_iter_destroy(iter);
}

static void a_source_may_be_tombstones_only(void **state)
{
    (void)state;
    const int64_t t[] = {1, 2, 3, 4};
    const double v[] = {1, 2, 3, 4};
    const struct vv_range deleted[] = {{3, INT64_MAX}, {INT64_MIN, 2}};
    struct vv_merge_source sources[] = {
        source_of(probe_create(t, v, 4, 9), VARVE_DUPLICATES_LAST),
        {.iter = NULL, .tombstones = deleted, .tombstone_count = 2},
    };
    struct vv_iter *iter = merge_of(sources, 2, INT64_MIN, INT64_MAX);
    int64_t timestamps[4];
    double values[4];
    assert_int_equal(read_all(iter, timestamps, values), 1);
    assert_int_equal(timestamps[0], 2);
    vv_iter_destroy(iter);
}

static void a_merge_of_nothing_is_empty(void **state)
{
    (void)state;
    struct vv_iter *iter = merge_of(NULL, 0, INT64_MIN, INT64_MAX);
    varve_span span;
    vv_iter_seek(iter, 5);
    assert_false(vv_iter_next_span(iter, &span));
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    vv_iter_destroy(iter);
}

static void timestamps_at_both_ends_of_int64_are_delivered(void **state)
{
    (void)state;
    const int64_t t[] = {INT64_MIN, 0, INT64_MAX - 1};
    const double v[] = {1, 2, 3};
    struct vv_merge_source sources[] = {
        source_of(probe_create(t, v, 3, 1), VARVE_DUPLICATES_LAST),
        source_of(probe_create(t, v, 3, 1), VARVE_DUPLICATES_SUM),
    };
    struct vv_iter *iter = merge_of(sources, 2, INT64_MIN, INT64_MAX);
    int64_t timestamps[3];
    double values[3];
    assert_int_equal(read_all(iter, timestamps, values), 3);
    assert_memory_equal(timestamps, t, sizeof t);
    assert_true(values[0] == 2 && values[1] == 4 && values[2] == 6);
    vv_iter_destroy(iter);
}

/* ---------------------------------------------------------------- Laziness, pass-through */

static void fill(int64_t *timestamps, double *values, size_t count, int64_t first)
{
    for (size_t index = 0; index < count; index++) {
        timestamps[index] = first + (int64_t)index;
        values[index] = (double)timestamps[index];
    }
}

static void disjoint_sources_pass_their_spans_through(void **state)
{
    (void)state;
    int64_t t[2][300];
    double v[2][300];
    fill(t[0], v[0], 300, 0);
    fill(t[1], v[1], 300, 300);
    struct probe *older = probe_create(t[0], v[0], 300, 200);
    struct probe *newer = probe_create(t[1], v[1], 300, 200);
    struct vv_merge_source sources[] = {source_of(older, VARVE_DUPLICATES_LAST),
                                        source_of(newer, VARVE_DUPLICATES_LAST)};
    struct vv_iter *iter = merge_of(sources, 2, 50, 450);
    varve_span span;
    assert_true(vv_iter_next_span(iter, &span));
    assert_ptr_equal(span.timestamps, older->copy_timestamps);
    assert_int_equal(span.timestamps[0], 50);
    assert_int_equal(span.count, 200);
    assert_true(vv_iter_next_span(iter, &span));
    assert_ptr_equal(span.timestamps, older->copy_timestamps);
    assert_int_equal(span.count, 50);
    assert_true(vv_iter_next_span(iter, &span));
    assert_ptr_equal(span.timestamps, newer->copy_timestamps);
    assert_int_equal(span.count, 150);
    assert_false(vv_iter_next_span(iter, &span));
    vv_iter_destroy(iter);
}

static void sources_are_opened_when_their_time_comes(void **state)
{
    (void)state;
    int64_t t[3][300];
    double v[3][300];
    int loads[3] = {0};
    struct vv_merge_source sources[3];
    for (int index = 0; index < 3; index++) {
        fill(t[index], v[index], 300, index * 1000);
        struct probe *probe = probe_create(t[index], v[index], 300, 1024);
        probe->loads = &loads[index];
        sources[index] = source_of(probe, VARVE_DUPLICATES_LAST);
    }
    struct vv_iter *iter = merge_of(sources, 3, INT64_MIN, 2000);
    varve_span span;
    assert_int_equal(loads[0] + loads[1] + loads[2], 0);
    assert_true(vv_iter_next_span(iter, &span));
    assert_int_equal(loads[0], 1);
    assert_int_equal(loads[1], 0);
    vv_iter_seek(iter, 1100);
    assert_int_equal(loads[1], 0);
    assert_true(vv_iter_next_span(iter, &span));
    assert_int_equal(span.timestamps[0], 1100);
    assert_false(vv_iter_next_span(iter, &span));
    assert_int_equal(loads[0], 1);
    assert_int_equal(loads[1], 1);
    assert_int_equal(loads[2], 0);
    vv_iter_destroy(iter);
}

static void spans_inside_a_tombstone_are_not_decoded(void **state)
{
    (void)state;
    int64_t t[1000];
    double v[1000];
    int loads = 0;
    fill(t, v, 1000, 0);
    struct probe *probe = probe_create(t, v, 1000, 100);
    probe->loads = &loads;
    const struct vv_range deleted = {0, 900};
    struct vv_merge_source sources[] = {
        source_of(probe, VARVE_DUPLICATES_LAST),
        {.iter = NULL, .tombstones = &deleted, .tombstone_count = 1},
    };
    struct vv_iter *iter = merge_of(sources, 2, INT64_MIN, INT64_MAX);
    varve_span span;
    assert_true(vv_iter_next_span(iter, &span));
    assert_int_equal(span.timestamps[0], 900);
    assert_int_equal(loads, 1);
    vv_iter_destroy(iter);
}

/* ------------------------------------------------------------------------------ Failures */

static void a_failing_source_ends_the_merge_with_its_status(void **state)
{
    (void)state;
    int64_t t[2][600];
    double v[2][600];
    fill(t[0], v[0], 600, 0);
    fill(t[1], v[1], 600, 0);
    struct probe *older = probe_create(t[0], v[0], 600, 100);
    struct probe *newer = probe_create(t[1], v[1], 600, 100);
    older->fail_at = 300;
    struct vv_merge_source sources[] = {source_of(older, VARVE_DUPLICATES_LAST),
                                        source_of(newer, VARVE_DUPLICATES_LAST)};
    struct vv_iter *iter = merge_of(sources, 2, INT64_MIN, INT64_MAX);
    int64_t timestamps[1200];
    double values[1200];
    size_t count = read_all(iter, timestamps, values);
    assert_in_range(count, 1, 300);
    assert_int_equal(timestamps[count - 1], count - 1);
    assert_int_equal(vv_iter_status(iter), VARVE_CORRUPT);
    varve_span span;
    vv_iter_seek(iter, 500);
    assert_false(vv_iter_next_span(iter, &span));
    assert_int_equal(vv_iter_status(iter), VARVE_CORRUPT);
    vv_iter_destroy(iter);
}

static void sources_are_destroyed_exactly_once_whatever_fails(void **state)
{
    (void)state;
    const int64_t t[] = {1, 2};
    const double v[] = {1, 2};
    const struct vv_range deleted = {5, 6};
    for (uint64_t nth = 1;; nth++) {
        int destroyed = 0;
        struct vv_merge_source sources[3];
        for (int index = 0; index < 3; index++) {
            struct probe *probe = probe_create(t, v, 2, 9);
            probe->destroyed = &destroyed;
            sources[index] = source_of(probe, VARVE_DUPLICATES_LAST);
            sources[index].tombstones = &deleted;
            sources[index].tombstone_count = 1;
        }
        struct vv_iter *iter = NULL;
        vv_alloc_fail_at(nth);
        varve_status status = vv_merge_create(sources, 3, 0, 9, &iter);
        if (status == VARVE_OK) {
            varve_span span;
            bool more = vv_iter_next_span(iter, &span);
            status = vv_iter_status(iter);
            assert_int_equal(more, status == VARVE_OK);
            vv_iter_destroy(iter);
        }
        vv_alloc_fail_at(0);
        assert_int_equal(destroyed, 3);
        if (status == VARVE_OK) {
            assert_in_range(nth, 3, 20);
            return;
        }
        assert_int_equal(status, VARVE_NO_MEMORY);
    }
}

/* ----------------------------------------------------------------------------- At random */

struct random_source {
    size_t count;
    int64_t timestamps[SAMPLES_MAX];
    double values[SAMPLES_MAX];
    varve_duplicates policy;
    bool has_iter;
    bool has_times;
    size_t span_max;
    size_t tombstone_count;
    struct vv_range tombstones[TOMBSTONES_MAX];
};

struct random_case {
    size_t source_count;
    struct random_source sources[SOURCES_MAX];
    int64_t start;
    int64_t end;
    size_t count; /* of the expected samples */
    int64_t timestamps[SOURCES_MAX * SAMPLES_MAX];
    double values[SOURCES_MAX * SAMPLES_MAX];
};

static void random_source(struct vv_test_random *random, struct random_source *source,
                          int64_t range)
{
    *source = (struct random_source){.has_iter = vv_test_random_below(random, 10) > 0};
    size_t density = 1 + vv_test_random_below(random, 60);
    int64_t at = (int64_t)vv_test_random_below(random, (uint64_t)range) - range / 2;
    size_t want = vv_test_random_below(random, 3) == 0 ? vv_test_random_below(random, 20)
                                                       : vv_test_random_below(random, SAMPLES_MAX);
    while (source->count < want && at < range / 2) {
        source->timestamps[source->count] = at;
        source->values[source->count++] = (double)(int64_t)vv_test_random_below(random, 100) - 50;
        at += 1 + (int64_t)vv_test_random_below(random, density);
    }
    source->has_iter = source->has_iter && source->count > 0;
    source->has_times = vv_test_random_below(random, 4) > 0;
    source->policy = (varve_duplicates)(1 + vv_test_random_below(random, VARVE_DUPLICATES_ERROR));
    source->span_max = 1 + vv_test_random_below(random, 3) * vv_test_random_below(random, 511);
    if (vv_test_random_below(random, 2) == 0) {
        source->tombstone_count = vv_test_random_below(random, TOMBSTONES_MAX + 1);
    }
    for (size_t index = 0; index < source->tombstone_count; index++) {
        int64_t start = (int64_t)vv_test_random_below(random, (uint64_t)range) - range / 2;
        int64_t length = (int64_t)vv_test_random_below(random, (uint64_t)range / 6 + 2);
        source->tombstones[index] = (struct vv_range){
            start, vv_test_random_below(random, 30) == 0 ? INT64_MAX : start + length};
    }
}

static bool covers(const struct random_source *source, int64_t timestamp)
{
    for (size_t index = 0; index < source->tombstone_count; index++) {
        if (source->tombstones[index].start <= timestamp &&
            timestamp < source->tombstones[index].end) {
            return true;
        }
    }
    return false;
}

/* What the merge must give, timestamp by timestamp. */
static void expect(struct random_case *random_case, int64_t range)
{
    size_t at[SOURCES_MAX] = {0};
    random_case->count = 0;
    for (int64_t timestamp = -range / 2; timestamp < range / 2; timestamp++) {
        bool any = false;
        double value = 0;
        for (size_t index = 0; index < random_case->source_count; index++) {
            const struct random_source *source = &random_case->sources[index];
            if (covers(source, timestamp)) {
                any = false;
            }
            if (!source->has_iter || at[index] == source->count ||
                source->timestamps[at[index]] != timestamp) {
                continue;
            }
            double newer = source->values[at[index]++];
            value = any ? vv_resolve_duplicate(source->policy, value, newer) : newer;
            any = true;
        }
        if (any && timestamp >= random_case->start && timestamp < random_case->end) {
            random_case->timestamps[random_case->count] = timestamp;
            random_case->values[random_case->count++] = value;
        }
    }
}

static struct vv_iter *make_case(void *context)
{
    const struct random_case *random_case = context;
    struct vv_merge_source sources[SOURCES_MAX];
    for (size_t index = 0; index < random_case->source_count; index++) {
        const struct random_source *source = &random_case->sources[index];
        sources[index] = (struct vv_merge_source){.policy = source->policy,
                                                  .time_min = INT64_MIN,
                                                  .time_max = INT64_MAX,
                                                  .tombstones = source->tombstones,
                                                  .tombstone_count = source->tombstone_count};
        if (source->has_iter) {
            sources[index].iter =
                &probe_create(source->timestamps, source->values, source->count, source->span_max)
                     ->iter;
        }
        if (source->has_iter && source->has_times) {
            sources[index].time_min = source->timestamps[0];
            sources[index].time_max = source->timestamps[source->count - 1];
        }
    }
    return merge_of(sources, random_case->source_count, random_case->start, random_case->end);
}

static void any_merge_equals_a_naive_one_and_keeps_the_contract(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    struct random_case *random_case = calloc(1, sizeof(*random_case));
    for (int round = 0; round < 60; round++) {
        int64_t range = 10 + (int64_t)vv_test_random_below(&random, round % 2 == 0 ? 60 : 20000);
        random_case->source_count = 1 + vv_test_random_below(&random, SOURCES_MAX);
        for (size_t index = 0; index < random_case->source_count; index++) {
            random_source(&random, &random_case->sources[index], range);
        }
        random_case->start = INT64_MIN;
        random_case->end = INT64_MAX;
        if (round % 3 == 0) {
            random_case->start =
                (int64_t)vv_test_random_below(&random, (uint64_t)range) - range / 2;
            random_case->end =
                random_case->start + (int64_t)vv_test_random_below(&random, (uint64_t)range);
        }
        expect(random_case, range);
        struct vv_iter_contract contract = {.make = make_case,
                                            .context = random_case,
                                            .timestamps = random_case->timestamps,
                                            .values = random_case->values,
                                            .count = random_case->count};
        iter_contract_check(&contract);
    }
    free(random_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_keeps_the_later_value),
        cmocka_unit_test(each_step_of_a_fold_uses_the_policy_of_the_newer_source),
        cmocka_unit_test(tombstones_delete_from_older_sources_only),
        cmocka_unit_test(a_source_may_be_tombstones_only),
        cmocka_unit_test(a_merge_of_nothing_is_empty),
        cmocka_unit_test(timestamps_at_both_ends_of_int64_are_delivered),
        cmocka_unit_test(disjoint_sources_pass_their_spans_through),
        cmocka_unit_test(sources_are_opened_when_their_time_comes),
        cmocka_unit_test(spans_inside_a_tombstone_are_not_decoded),
        cmocka_unit_test(a_failing_source_ends_the_merge_with_its_status),
        cmocka_unit_test(sources_are_destroyed_exactly_once_whatever_fails),
        cmocka_unit_test(any_merge_equals_a_naive_one_and_keeps_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
