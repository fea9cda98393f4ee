/* Tests of rollup_row.c: rows against values computed one by one, runs through bytes, bytes that
 * are none. */
#include "mmap/rollup_row.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "query/functions.h"
#include "support/random.h"

enum { SAMPLES_MAX = 3000 };

static const struct vv_rollup_wish everything = {.parts = VV_PARTS_ROW, .ends = true};

static bool near(double a, double b)
{
    return a == b || fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static int64_t floor_of(int64_t time, int64_t step)
{
    int64_t rest = time % step;
    return time - rest - (rest < 0 ? step : 0);
}

/* Compares a row with the samples [first, end). */
static void expect_row(const struct vv_rollup_row *row, const int64_t *timestamps,
                       const double *values, size_t first, size_t end)
{
    const struct vv_value_statistics *statistics = &row->summary.statistics;
    double sum = 0, squares = 0, increase = 0, least = INFINITY, greatest = -INFINITY;
    uint32_t resets = 0, nans = 0;
    for (size_t at = first; at < end; at++) {
        nans += values[at] != values[at];
        sum += values[at];
        least = fmin(least, values[at]);
        greatest = fmax(greatest, values[at]);
        if (at > first) {
            bool drop = values[at] < values[at - 1];
            resets += drop;
            increase += drop ? values[at] : values[at] - values[at - 1];
        }
    }
    assert_true(row->summary.time_min == timestamps[first]);
    assert_true(row->summary.time_max == timestamps[end - 1]);
    assert_int_equal(statistics->count, end - first);
    assert_int_equal(statistics->nan_count, nans);
    if (nans > 0) {
        assert_true(statistics->sum == 0 && statistics->last == 0 && row->squares == 0);
        return;
    }
    double mean = sum / (double)(end - first);
    for (size_t at = first; at < end; at++) {
        squares += (values[at] - mean) * (values[at] - mean);
    }
    assert_true(near(statistics->sum, sum) && near(row->squares, squares));
    assert_true(statistics->min == least && statistics->max == greatest);
    assert_true(statistics->first == values[first] && statistics->last == values[end - 1]);
    assert_true(near(statistics->increase, increase) && statistics->resets == resets);
}

static void rows_say_what_their_samples_say(void **state)
{
    struct vv_test_random random = vv_test_random_init(50);
    static int64_t timestamps[SAMPLES_MAX];
    static double values[SAMPLES_MAX];
    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + vv_test_random_below(&random, SAMPLES_MAX);
        int64_t step = 1 + (int64_t)vv_test_random_below(&random, 100000);
        int64_t time = (int64_t)vv_test_random_below(&random, 200000) - 100000;
        for (size_t at = 0; at < count; at++) {
            time += 1 + (int64_t)vv_test_random_below(&random, 200);
            timestamps[at] = time;
            values[at] = vv_test_random_below(&random, 300) == 0
                             ? (double)NAN
                             : (double)vv_test_random_below(&random, 1000) / 8;
        }
        struct vv_rollup_maker maker = {.step = step};
        struct vv_rollup_row row;
        size_t expected = 0;
        for (size_t first = 0; first < count;) {
            size_t left = count - first, at = 0;
            size_t chunk = 1 + vv_test_random_below(&random, left < 1024 ? left : 1024);
            while (vv_rollup_make(&maker, timestamps + first, values + first, chunk, &at, &row)) {
                size_t end = expected;
                int64_t bucket = floor_of(timestamps[expected], step);
                while (end < count && timestamps[end] < bucket + step) {
                    end++;
                }
                expect_row(&row, timestamps, values, expected, end);
                expected = end;
            }
            assert_int_equal(at, chunk);
            first += chunk;
        }
        assert_true(vv_rollup_make_last(&maker, &row));
        expect_row(&row, timestamps, values, expected, count);
        assert_false(vv_rollup_make_last(&maker, &row));
    }
}

static void buckets_reach_to_the_ends_of_time(void **state)
{
    static const int64_t timestamps[] = {INT64_MIN, INT64_MIN + 5, 0, INT64_MAX - 1};
    static const double values[] = {1, INFINITY, 3, 4};
    struct vv_rollup_maker maker = {.step = INT64_MAX};
    struct vv_rollup_row row;
    size_t at = 0;
    (void)state;
    assert_true(vv_rollup_make(&maker, timestamps, values, 4, &at, &row));
    assert_int_equal(row.summary.statistics.count, 1); /* the bucket of INT64_MIN ends there */
    assert_true(vv_rollup_make(&maker, timestamps, values, 4, &at, &row));
    assert_true(row.summary.time_min == INT64_MIN + 5 && row.summary.time_max == INT64_MIN + 5);
    assert_true(row.summary.statistics.sum == INFINITY && row.squares != row.squares);
    assert_false(vv_rollup_make(&maker, timestamps, values, 4, &at, &row));
    assert_true(vv_rollup_make_last(&maker, &row));
    assert_true(row.summary.time_min == 0 && row.summary.time_max == INT64_MAX - 1);
}

static void a_bucket_of_very_many_samples_has_several_rows(void **state)
{
    static const int64_t timestamps[] = {1, 2};
    static const double values[] = {1, 2};
    struct vv_rollup_maker maker = {.step = 1000};
    struct vv_rollup_row row;
    size_t at = 0;
    (void)state;
    assert_false(vv_rollup_make(&maker, timestamps, values, 1, &at, &row));
    maker.row.summary.statistics.count = 1 << 30;
    assert_true(vv_rollup_make(&maker, timestamps, values, 2, &at, &row));
    assert_true(row.summary.time_max == 1 && at == 1);
    assert_false(vv_rollup_make(&maker, timestamps, values, 2, &at, &row));
    assert_true(vv_rollup_make_last(&maker, &row));
    assert_int_equal(row.summary.statistics.count, 1);
}

/* ---------------------------------------------------------------------------------- Runs */

static double random_double(struct vv_test_random *random)
{
    uint64_t bits = vv_test_random_next(random);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return vv_test_random_below(random, 2) == 0 ? value : (double)(bits % 1000) / 10;
}

static void random_rows(struct vv_test_random *random, struct vv_rollup_row *rows, size_t count)
{
    int64_t time = (int64_t)(vv_test_random_next(random) >> 1) - INT64_MAX / 2;
    for (size_t at = 0; at < count; at++) {
        struct vv_value_statistics *statistics = &rows[at].summary.statistics;
        time += 1 + (int64_t)vv_test_random_below(random, 1000);
        rows[at].summary.time_min = time;
        time += (int64_t)vv_test_random_below(random, 1000);
        rows[at].summary.time_max = time;
        *statistics =
            (struct vv_value_statistics){.count = 5 + (uint32_t)vv_test_random_below(random, 100),
                                         .nan_count = (uint32_t)vv_test_random_below(random, 5),
                                         .resets = (uint32_t)vv_test_random_below(random, 5),
                                         .sum = random_double(random),
                                         .min = random_double(random),
                                         .max = random_double(random),
                                         .first = random_double(random),
                                         .last = random_double(random),
                                         .increase = random_double(random)};
        rows[at].squares = random_double(random);
    }
}

static void expect_equal(const struct vv_rollup_row *a, const struct vv_rollup_row *b)
{
    const struct vv_value_statistics *left = &a->summary.statistics;
    const struct vv_value_statistics *right = &b->summary.statistics;
    assert_true(a->summary.time_min == b->summary.time_min &&
                a->summary.time_max == b->summary.time_max);
    assert_true(left->count == right->count && left->nan_count == right->nan_count &&
                left->resets == right->resets);
    assert_memory_equal(&left->min, &right->min, 6 * sizeof(double)); /* min to increase */
    assert_memory_equal(&a->squares, &b->squares, sizeof(double));
}

static void runs_come_back_bit_by_bit(void **state)
{
    struct vv_test_random random = vv_test_random_init(51);
    static uint8_t bytes[VV_ROLLUP_RUN_BYTES_MAX(VV_ROLLUP_RUN_ROWS) + VV_DECODE_PADDING];
    static struct vv_rollup_row rows[VV_ROLLUP_RUN_ROWS];
    static struct vv_rollup_run run;
    (void)state;
    for (int round = 0; round < 500; round++) {
        size_t count = round % 3 == 0 ? 1 : 1 + vv_test_random_below(&random, VV_ROLLUP_RUN_ROWS);
        random_rows(&random, rows, count);
        size_t length = vv_rollup_run_encode(rows, count, bytes);
        assert_true(length <= VV_ROLLUP_RUN_BYTES_MAX(count));
        assert_int_equal(vv_rollup_run_decode(bytes, length, &everything, &run), VARVE_OK);
        assert_int_equal(run.count, count);
        for (size_t at = 0; at < count; at++) {
            struct vv_rollup_row row;
            vv_rollup_run_row(&run, at, &row);
            expect_equal(&row, &rows[at]);
        }
        const struct vv_rollup_wish sums = {.parts = VV_PART_SUM};
        struct vv_rollup_row row;
        assert_int_equal(vv_rollup_run_decode(bytes, length, &sums, &run), VARVE_OK);
        vv_rollup_run_row(&run, 0, &row);
        assert_memory_equal(&row.summary.statistics.sum, &rows[0].summary.statistics.sum,
                            sizeof(double));
        assert_true(row.summary.statistics.max == 0 && row.squares == 0);
    }
}

/* The run of the worked example in BLOCK_FORMAT.md. */
static void the_worked_example_is_written_as_the_format_says(void **state)
{
    static const uint8_t wanted[] = {
        0x02, 0x00, 0x07, 0x00, 0x0c, 0x01, 0x88, 0x27, 0xd0, 0x0f, 0x02, 0x06, 0x00, 0x0c, 0x01,
        0xd0, 0x0f, 0x00, 0x01, 0x05, 0x00, 0x0c, 0x01, 0x02, 0x02, 0x01, 0x03, 0x00, 0x04, 0x00,
        0x00, 0x04, 0x00, 0x04, 0x01, 0x00, 0x01, 0x06, 0x00, 0x00, 0x0c, 0x01, 0x05, 0x02, 0x01,
        0x06, 0x00, 0x00, 0x0c, 0x01, 0x08, 0x00, 0x01, 0x05, 0x00, 0x00, 0x04, 0x01, 0x00, 0x02,
        0x06, 0x00, 0x00, 0x0c, 0x01, 0x03, 0x02, 0x01, 0x05, 0x00, 0x00, 0x04, 0x01, 0x02, 0x01,
        0x05, 0x00, 0x00, 0x04, 0x01, 0x00, 0x02, 0x06, 0x00, 0x00, 0x0c, 0x01, 0x02, 0x00, 0x01,
    };
    static const int64_t timestamps[] = {1000, 2000, 3000, 6000};
    static const double values[] = {2, 4, 0, 1};
    uint8_t bytes[VV_ROLLUP_RUN_BYTES_MAX(2)];
    struct vv_rollup_maker maker = {.step = 5000};
    struct vv_rollup_row rows[2];
    size_t at = 0;
    (void)state;
    assert_true(vv_rollup_make(&maker, timestamps, values, 4, &at, &rows[0]));
    assert_false(vv_rollup_make(&maker, timestamps, values, 4, &at, &rows[1]));
    assert_true(vv_rollup_make_last(&maker, &rows[1]));
    size_t length = vv_rollup_run_encode(rows, 2, bytes);
    assert_int_equal(length, sizeof(wanted));
    assert_memory_equal(bytes, wanted, length);
}

static void bytes_that_are_no_run_are_refused(void **state)
{
    struct vv_test_random random = vv_test_random_init(52);
    static uint8_t bytes[VV_ROLLUP_RUN_BYTES_MAX(VV_ROLLUP_RUN_ROWS) + VV_DECODE_PADDING];
    static struct vv_rollup_row rows[VV_ROLLUP_RUN_ROWS];
    static struct vv_rollup_run run;
    (void)state;
    random_rows(&random, rows, 40);
    size_t length = vv_rollup_run_encode(rows, 40, bytes);
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(vv_rollup_run_decode(bytes, cut, &everything, &run), VARVE_CORRUPT);
    }
    assert_int_equal(vv_rollup_run_decode(bytes, length + 1, &everything, &run), VARVE_CORRUPT);
    vv_store_u16(bytes, 0);
    assert_int_equal(vv_rollup_run_decode(bytes, length, &everything, &run), VARVE_CORRUPT);
    vv_store_u16(bytes, VV_ROLLUP_RUN_ROWS + 1);
    assert_int_equal(vv_rollup_run_decode(bytes, length, &everything, &run), VARVE_CORRUPT);
    struct vv_rollup_row swapped[2] = {rows[1], rows[0]};
    length = vv_rollup_run_encode(swapped, 2, bytes);
    assert_int_equal(vv_rollup_run_decode(bytes, length, &everything, &run), VARVE_CORRUPT);
    struct vv_rollup_row wrong = rows[0];
    wrong.summary.statistics.nan_count = wrong.summary.statistics.count + 1;
    length = vv_rollup_run_encode(&wrong, 1, bytes);
    assert_int_equal(vv_rollup_run_decode(bytes, length, &everything, &run), VARVE_CORRUPT);
    wrong = rows[0];
    wrong.summary.statistics.resets = wrong.summary.statistics.count + 1;
    length = vv_rollup_run_encode(&wrong, 1, bytes);
    assert_int_equal(vv_rollup_run_decode(bytes, length, &everything, &run), VARVE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_say_what_their_samples_say),
        cmocka_unit_test(buckets_reach_to_the_ends_of_time),
        cmocka_unit_test(a_bucket_of_very_many_samples_has_several_rows),
        cmocka_unit_test(runs_come_back_bit_by_bit),
        cmocka_unit_test(the_worked_example_is_written_as_the_format_says),
        cmocka_unit_test(bytes_that_are_no_run_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
