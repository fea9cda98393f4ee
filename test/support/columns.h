/*
 * columns.h - random columns of every shape that the codecs know, and those that they should not.
 */
#ifndef VARVE_TEST_SUPPORT_COLUMNS_H
#define VARVE_TEST_SUPPORT_COLUMNS_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "support/random.h"

enum { VV_TEST_MOVING = 16, VV_TEST_VALUE_SHAPES = 20, VV_TEST_INTEGER_SHAPES = 12 };

static inline double vv_test_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Every class of double: quiet and signalling NaN with payloads, denormals, zeros, infinities,
 * limits. */
static inline double vv_test_edge_value(struct vv_test_random *random)
{
    static const uint64_t edges[] = {
        0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x8000000000000001,
        0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0xffefffffffffffff,
        0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000,
        0x7ff0000000000001, 0x7ff0000000000002, 0xffffffffffffffff, 0x7fffffffffffffff,
        0x3ff0000000000000, 0xbff0000000000000, 0x4340000000000000, 0x4340000000000001,
        0x4320000000000000, 0x432fffffffffffff, 0x43e0000000000000, 0xc3e0000000000000,
        0x3fb999999999999a, 0x3fd3333333333334, 0x7ff4000000000000, 0x3ca0000000000000,
    };
    uint64_t pick = vv_test_random_below(random, sizeof edges / sizeof edges[0] + 4);
    if (pick < sizeof edges / sizeof edges[0]) {
        return vv_test_double(edges[pick]);
    }
    uint64_t bits = vv_test_random_next(random);
    if (pick % 2 == 0) {
        bits |= 0x7ff0000000000000;
    }
    return vv_test_double(bits);
}

static inline int64_t vv_test_edge_integer(struct vv_test_random *random)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX,  INT64_MAX - 1, 0, 1, -1,
                                    INT32_MIN, INT32_MAX,     UINT32_MAX, INT64_MIN / 2};
    return edges[vv_test_random_below(random, sizeof edges / sizeof edges[0])];
}

/* Shape 16: prices, half of which stay while the others move by something of any width. 17:
 * temperatures, that move little, with markers that are far away. 18: averages, a few units in the
 * last place off a decimal; 19: runs of such. */
static inline void vv_test_moving_values(struct vv_test_random *random, unsigned shape,
                                         double *values, size_t count)
{
    double power = pow(10, (double)vv_test_random_below(random, 5));
    uint64_t mask = UINT32_MAX >> vv_test_random_below(random, 32);
    double walk = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t pick = vv_test_random_below(random, 20);
        if (shape == 16) {
            walk += pick < 8 ? 0 : (double)(vv_test_random_next(random) & mask);
        } else if (shape != 19 || pick < 4) {
            walk += (double)vv_test_random_below(random, 120) - 60;
        }
        values[i] = shape >= 18                ? walk * (1 / power) + 0.1
                    : shape == 17 && pick == 0 ? -990 / power
                                               : walk / power;
    }
}

static inline void vv_test_shaped_values(struct vv_test_random *random, unsigned shape,
                                         double *values, size_t count)
{
    double walk = floor(vv_test_random_uniform(random) * 1000);
    double power = pow(10, (double)vv_test_random_below(random, 16));
    uint64_t bits = vv_test_random_next(random);
    uint64_t mask = UINT64_MAX >> vv_test_random_below(random, 64);
    for (size_t i = 0; i < count; i++) {
        double uniform = vv_test_random_uniform(random);
        switch (shape) {
        case 0: /* constant of any class */
            values[i] = i == 0 ? vv_test_edge_value(random) : values[0];
            break;
        case 1: /* integer random walk */
            walk += floor(uniform * 9) - 4;
            values[i] = walk;
            break;
        case 2: /* counter that rarely moves and sometimes resets */
            walk = uniform < 0.01 ? 0 : uniform < 0.1 ? walk + 7 : walk;
            values[i] = walk;
            break;
        case 3: /* decimals of any number of places */
            values[i] = floor(uniform * 100000) / power;
            break;
        case 4: /* decimals with stale markers and negative zeros */
            values[i] = uniform < 0.03   ? vv_test_double(0x7ff0000000000002)
                        : uniform < 0.05 ? -0.0
                                         : floor(uniform * 1000) / 100;
            break;
        case 5: /* full precision */
            values[i] = sin((double)i / 10) + uniform;
            break;
        case 6: /* edges */
            values[i] = vv_test_edge_value(random);
            break;
        case 7: /* any bits */
            values[i] = vv_test_double(vv_test_random_next(random));
            break;
        case 8: /* runs of full precision */
            if (i == 0 || uniform < 0.1) {
                walk = vv_test_random_uniform(random);
            }
            values[i] = walk;
            break;
        case 9: /* steady counter with jitter, large */
            walk += 1e9 + floor(uniform * 1000);
            values[i] = walk;
            break;
        case 10: /* bits of limited range around one number */
            values[i] = vv_test_double(bits + (vv_test_random_next(random) & mask));
            break;
        case 11: /* few outliers */
            values[i] = uniform < 0.02 ? vv_test_edge_value(random) : floor(uniform * 50);
            break;
        case 12: /* multiples of a page */
            values[i] = floor(uniform * 100000) * 4096;
            break;
        case 13: /* float32 widened */
            values[i] = (double)(float)(uniform * 100);
            break;
        case 14: /* two values */
            values[i] = uniform < 0.5 ? 1 : 0;
            break;
        default: /* integers about and beyond 2^53 */
            values[i] = ldexp(1, 45 + (int)(i % 10)) + floor(uniform * 1000) - 500;
            break;
        }
    }
}

static inline void vv_test_values(struct vv_test_random *random, unsigned shape, double *values,
                                  size_t count)
{
    shape %= VV_TEST_VALUE_SHAPES;
    if (shape >= VV_TEST_MOVING) {
        vv_test_moving_values(random, shape, values, count);
    } else {
        vv_test_shaped_values(random, shape, values, count);
    }
}

static inline void vv_test_integers(struct vv_test_random *random, unsigned shape,
                                    int64_t *integers, size_t count)
{
    uint64_t at = vv_test_random_next(random);
    uint64_t step = vv_test_random_next(random) >> vv_test_random_below(random, 64);
    unsigned width = (unsigned)vv_test_random_below(random, 65);
    uint64_t mask = width == 0 ? 0 : UINT64_MAX >> (64 - width);
    for (size_t i = 0; i < count; i++) {
        uint64_t any = vv_test_random_next(random);
        uint64_t value = at;
        switch (shape % VV_TEST_INTEGER_SHAPES) {
        case 0: /* regular */
            value = at += step;
            break;
        case 1: /* a range of any width */
            value = at + (any & mask);
            break;
        case 2: /* jitter of milliseconds in nanoseconds */
            value = 1700000000000000000u + (i * 1000 + any % 5) * 1000000;
            break;
        case 3: /* edges */
            value = (uint64_t)vv_test_edge_integer(random);
            break;
        case 4: /* anything */
            value = any;
            break;
        case 5: /* regular with gaps */
            at += any % 100 == 0 ? 5 * step : step;
            value = at;
            break;
        case 6: /* accelerating */
            step += any % 3;
            value = at += step;
            break;
        case 7: /* random walk of any step width */
            at += (any & mask) - mask / 2;
            value = at;
            break;
        case 8: /* mostly the same */
            value = any % 20 == 0 ? any : at;
            break;
        case 9: /* decreasing */
            value = at -= any % 1000;
            break;
        case 10: /* small range, one outlier on either side */
            value = i == count / 2 ? at + (mask >> 1) : i == count / 3 ? at - mask : at + any % 8;
            break;
        default: /* noise around a parabola */
            value = at + (uint64_t)i * i * 1000 + any % 3;
            break;
        }
        integers[i] = (int64_t)value;
    }
}

#endif
