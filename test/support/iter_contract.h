/*
 * iter_contract.h - checks every rule of query/iter.h on any iterator; one function per rule.
 *
 *     static struct vv_iter *make(void *context) { ... a fresh iterator over the same samples ... }
 *     struct vv_iter_contract contract = {.make = make, .context = &c, .timestamps = ..., ...};
 *     iter_contract_check(&contract);
 *
 * Values are compared bit by bit.
 */
#ifndef VARVE_TEST_SUPPORT_ITER_CONTRACT_H
#define VARVE_TEST_SUPPORT_ITER_CONTRACT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/iter.h"

struct vv_iter_contract {
    /* A fresh iterator, the same each time; never NULL. */
    struct vv_iter *(*make)(void *context);
    void *context;
    /* What it delivers. */
    const int64_t *timestamps;
    const double *values;
    size_t count;
    /* Nullable: changes or gives away what make() took the samples from, once, at the end. */
    void (*disturb)(void *context);
};

/* Compares a span with the samples from at on; returns the index behind it. */
static inline size_t iter_contract_span(const struct vv_iter_contract *contract,
                                        const varve_span *span, size_t at)
{
    assert_in_range(span->count, 1, VV_SPAN_MAX);
    assert_true(span->count <= contract->count - at);
    assert_memory_equal(span->timestamps, contract->timestamps + at, span->count * sizeof(int64_t));
    assert_memory_equal(span->values, contract->values + at, span->count * sizeof(double));
    return at + span->count;
}

/* Reads to the end; the next sample is number at. */
static inline void iter_contract_drain(const struct vv_iter_contract *contract,
                                       struct vv_iter *iter, size_t at)
{
    varve_span span;
    while (vv_iter_next_span(iter, &span)) {
        at = iter_contract_span(contract, &span, at);
    }
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    assert_int_equal(at, contract->count);
}

/* I1: a fresh iterator stands before the first sample. */
static inline void iter_contract_check_1(const struct vv_iter_contract *contract)
{
    struct vv_iter *iter = contract->make(contract->context);
    varve_span span;
    assert_int_equal(vv_iter_next_span(iter, &span), contract->count > 0);
    if (contract->count > 0) {
        (void)iter_contract_span(contract, &span, 0);
    }
    vv_iter_destroy(iter);
}

/* I2: spans of 1 to 1024 up to the end, and the end is final. */
static inline void iter_contract_check_2(const struct vv_iter_contract *contract)
{
    struct vv_iter *iter = contract->make(contract->context);
    varve_span span;
    iter_contract_drain(contract, iter, 0);
    assert_false(vv_iter_next_span(iter, &span));
    vv_iter_seek(iter, INT64_MIN);
    assert_false(vv_iter_next_span(iter, &span));
    vv_iter_seek(iter, INT64_MAX);
    assert_false(vv_iter_next_span(iter, &span));
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    vv_iter_destroy(iter);
}

/* The first sample from index at on that is not before timestamp. */
static inline size_t iter_contract_find(const struct vv_iter_contract *contract, size_t at,
                                        int64_t timestamp)
{
    while (at < contract->count && contract->timestamps[at] < timestamp) {
        at++;
    }
    return at;
}

/* Seeks to a timestamp after a number of spans, then backwards, which must change nothing. */
static inline void iter_contract_seek(const struct vv_iter_contract *contract, int spans,
                                      int64_t timestamp)
{
    struct vv_iter *iter = contract->make(contract->context);
    varve_span span;
    size_t at = 0;
    for (int index = 0; index < spans && vv_iter_next_span(iter, &span); index++) {
        at = iter_contract_span(contract, &span, at);
    }
    vv_iter_seek(iter, timestamp);
    at = iter_contract_find(contract, at, timestamp);
    vv_iter_seek(iter, timestamp);
    vv_iter_seek(iter, INT64_MIN);
    iter_contract_drain(contract, iter, at);
    vv_iter_destroy(iter);
}

/* I3: seek goes to the first undelivered sample that is not earlier, from anywhere, never back. */
static inline void iter_contract_check_3(const struct vv_iter_contract *contract)
{
    size_t stride = contract->count / 20 + 1;
    for (int spans = 0; spans <= 2; spans++) {
        iter_contract_seek(contract, spans, INT64_MIN);
        iter_contract_seek(contract, spans, INT64_MAX);
        for (size_t index = 0; index < contract->count; index += stride) {
            iter_contract_seek(contract, spans, contract->timestamps[index]);
            iter_contract_seek(contract, spans, contract->timestamps[index] + 1);
        }
    }
}

/* I3 again: a seek between all spans, each a few samples further than the last. */
static inline void iter_contract_check_3_steps(const struct vv_iter_contract *contract)
{
    struct vv_iter *iter = contract->make(contract->context);
    varve_span span;
    size_t at = 0;
    for (size_t step = 1; at < contract->count; step = step * 2 % 1021) {
        size_t target = at + step < contract->count ? at + step : contract->count - 1;
        vv_iter_seek(iter, contract->timestamps[target]);
        assert_true(vv_iter_next_span(iter, &span));
        at = iter_contract_span(contract, &span, target);
    }
    assert_false(vv_iter_next_span(iter, &span));
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    vv_iter_destroy(iter);
}

/* I4: timestamps strictly increase, within spans and across them. */
static inline void iter_contract_check_4(const struct vv_iter_contract *contract)
{
    struct vv_iter *iter = contract->make(contract->context);
    varve_span span;
    bool any = false;
    int64_t last = 0;
    while (vv_iter_next_span(iter, &span)) {
        for (size_t index = 0; index < span.count; index++) {
            assert_true(!any || span.timestamps[index] > last);
            last = span.timestamps[index];
            any = true;
        }
    }
    vv_iter_destroy(iter);
}

/* I5: an iterator that exists keeps its samples, fresh or half read. Last, since it disturbs. */
static inline void iter_contract_check_5(const struct vv_iter_contract *contract)
{
    if (contract->disturb == NULL) {
        return;
    }
    struct vv_iter *fresh = contract->make(contract->context);
    struct vv_iter *begun = contract->make(contract->context);
    varve_span span;
    size_t at = 0;
    if (vv_iter_next_span(begun, &span)) {
        at = iter_contract_span(contract, &span, 0);
    }
    contract->disturb(contract->context);
    iter_contract_drain(contract, fresh, 0);
    iter_contract_drain(contract, begun, at);
    vv_iter_destroy(fresh);
    vv_iter_destroy(begun);
}

/* I6: destroy is legal fresh, after a seek, half read, at the end; and on NULL. */
static inline void iter_contract_check_6(const struct vv_iter_contract *contract)
{
    varve_span span;
    vv_iter_destroy(NULL);
    vv_iter_destroy(contract->make(contract->context));
    struct vv_iter *iter = contract->make(contract->context);
    vv_iter_seek(iter, contract->count > 0 ? contract->timestamps[contract->count / 2] : 0);
    vv_iter_destroy(iter);
    iter = contract->make(contract->context);
    (void)vv_iter_next_span(iter, &span);
    vv_iter_destroy(iter);
    iter = contract->make(contract->context);
    while (vv_iter_next_span(iter, &span)) {}
    vv_iter_destroy(iter);
}

/* I10: what is known of values is true of them. */
static inline void iter_contract_check_10(const struct vv_iter_contract *contract)
{
    struct vv_iter *iter = contract->make(contract->context);
    varve_span span;
    while (vv_iter_next_span(iter, &span)) {
        unsigned traits = vv_iter_traits(iter);
        for (size_t index = 0; index < span.count; index++) {
            double value = span.values[index];
            if ((traits & VV_TRAIT_NUMBERS) != 0) {
                assert_true(value - value == 0);
            }
            if ((traits & VV_TRAIT_WHOLE) != 0) {
                assert_true(value >= -0x1p43 && value <= 0x1p43 && value == (double)(int64_t)value);
            }
        }
    }
    vv_iter_destroy(iter);
}

/* I11: the newest sample is the last one, and asking for it changes nothing. */
static inline void iter_contract_check_11(const struct vv_iter_contract *contract)
{
    struct vv_iter *iter = contract->make(contract->context);
    int64_t timestamp;
    double value;
    if (vv_iter_newest(iter, &timestamp, &value)) {
        assert_true(contract->count > 0);
        assert_int_equal(timestamp, contract->timestamps[contract->count - 1]);
        assert_memory_equal(&value, &contract->values[contract->count - 1], sizeof(value));
    }
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    iter_contract_drain(contract, iter, 0);
    vv_iter_destroy(iter);
}

/* I12: all samples together are what they are one by one; then nothing is left. Else all are. */
static inline void iter_contract_check_12(const struct vv_iter_contract *contract)
{
    struct vv_iter *iter = contract->make(contract->context);
    struct vv_total total;
    bool taken = vv_iter_take_all(iter, &total);
    assert_int_equal(vv_iter_status(iter), VARVE_OK);
    iter_contract_drain(contract, iter, taken ? contract->count : 0);
    if (taken) {
        struct vv_numbers numbers = vv_numbers_none();
        vv_numbers_add(&numbers, contract->values, contract->count,
                       VV_NUMBERS_SUM | VV_NUMBERS_EXTREMES);
        size_t last = contract->count - 1;
        assert_int_equal(total.count, contract->count);
        assert_int_equal(total.numbers.count, numbers.count); /* no NaN */
        assert_int_equal(total.first_time, contract->timestamps[0]);
        assert_int_equal(total.last_time, contract->timestamps[last]);
        assert_memory_equal(&total.first, &contract->values[0], sizeof(double));
        assert_memory_equal(&total.last, &contract->values[last], sizeof(double));
        assert_true(total.numbers.min == numbers.min && total.numbers.max == numbers.max);
        double sum = vv_numbers_total(&numbers);
        double distance = vv_numbers_total(&total.numbers) - sum;
        double largest = fmax(fabs(numbers.min), fabs(numbers.max));
        assert_true(isinf(sum) || isnan(sum) ||
                    fabs(distance) <= 1e-11 * largest * (double)contract->count);
    }
    vv_iter_destroy(iter);
}

/* All of them. */
static inline void iter_contract_check(const struct vv_iter_contract *contract)
{
    iter_contract_check_1(contract);
    iter_contract_check_2(contract);
    iter_contract_check_3(contract);
    iter_contract_check_3_steps(contract);
    iter_contract_check_4(contract);
    iter_contract_check_6(contract);
    iter_contract_check_10(contract);
    iter_contract_check_11(contract);
    iter_contract_check_12(contract);
    iter_contract_check_5(contract);
}

#endif
