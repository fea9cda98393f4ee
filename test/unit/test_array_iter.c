/* Tests of array_iter.c. */
#include <stdlib.h>

#include "query/merge.h"
#include "support/iter_contract.h"

struct arrays {
    int64_t *timestamps;
    double *values;
    size_t count;
};

static struct vv_iter *make(void *context)
{
    const struct arrays *arrays = context;
    struct vv_iter *iter = NULL;
    assert_int_equal(vv_array_iter_create(arrays->timestamps, arrays->values, arrays->count, &iter),
                     VARVE_OK);
    return iter;
}

static void disturb(void *context)
{
    const struct arrays *arrays = context;
    for (size_t index = 0; index < arrays->count; index++) {
        arrays->timestamps[index] = -1;
        arrays->values[index] = -1;
    }
}

/* Checks an iterator over count samples, count 0 included. */
static void check_count(size_t count)
{
    int64_t source_timestamps[5000];
    double source_values[5000];
    int64_t timestamps[5000];
    double values[5000];
    for (size_t index = 0; index < count; index++) {
        source_timestamps[index] = timestamps[index] = (int64_t)index * 3 - 4000;
        source_values[index] = values[index] = (double)index / 7;
    }
    struct arrays arrays = {source_timestamps, source_values, count};
    struct vv_iter_contract contract = {.make = make,
                                        .context = &arrays,
                                        .timestamps = timestamps,
                                        .values = values,
                                        .count = count,
                                        .disturb = disturb};
    iter_contract_check(&contract);
}

static void arrays_of_any_length_keep_the_iterator_contract(void **state)
{
    (void)state;
    const size_t counts[] = {0, 1, 2, 1023, 1024, 1025, 2048, 5000};
    for (size_t index = 0; index < sizeof counts / sizeof counts[0]; index++) {
        check_count(counts[index]);
    }
}

static void an_empty_array_may_be_null(void **state)
{
    (void)state;
    struct vv_iter *iter = NULL;
    varve_span span;
    assert_int_equal(vv_array_iter_create(NULL, NULL, 0, &iter), VARVE_OK);
    assert_false(vv_iter_next_span(iter, &span));
    vv_iter_destroy(iter);
}

static void spans_are_as_long_as_they_may_be(void **state)
{
    (void)state;
    int64_t timestamps[1500];
    double values[1500];
    for (int index = 0; index < 1500; index++) {
        timestamps[index] = index;
        values[index] = index;
    }
    struct arrays arrays = {timestamps, values, 1500};
    struct vv_iter *iter = make(&arrays);
    varve_span span;
    assert_true(vv_iter_next_span(iter, &span));
    assert_int_equal(span.count, 1024);
    assert_true(vv_iter_next_span(iter, &span));
    assert_int_equal(span.count, 476);
    vv_iter_destroy(iter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_any_length_keep_the_iterator_contract),
        cmocka_unit_test(an_empty_array_may_be_null),
        cmocka_unit_test(spans_are_as_long_as_they_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
