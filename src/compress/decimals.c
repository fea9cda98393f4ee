/*
 * decimals.c - finds the decimal places of a column and turns its values into integers.
 *
 * D1  An integer is accepted only if dividing it gives back the very bits; decoding repeats that
 *     division, so that no value changes.
 * D2  A column's places are the fewest of its first value, if all values are decimals of those;
 *     else a sample and what fails of it decide.
 * Thread: no state.
 */
#include "compress/decimals.h"

enum { SAMPLES = 32, ROUNDS_MAX = 3 };

/* Of decimals with corrections: units in the last place that are still worth one. A few of a number
 * below the limit are less than a thousandth of what lies between two decimals: no accident. */
enum { CORRECTION_MAX = 15, CORRECTED_PLACES_MAX = 10 };
#define CORRECTED_LIMIT 0x1p40

const double vv_powers_of_ten[VV_DECIMALS_MAX + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                      1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

const struct vv_reciprocal vv_reciprocals[VV_DECIMALS_MAX + 1] = {
    {0x1p+0, 0},
    {0x1.999999999999ap-4, -0x1.999999999999ap-58},
    {0x1.47ae147ae147bp-7, -0x1.eb851eb851eb8p-63},
    {0x1.0624dd2f1a9fcp-10, -0x1.89374bc6a7efap-66},
    {0x1.a36e2eb1c432dp-14, -0x1.6a161e4f765fep-68},
    {0x1.4f8b588e368f1p-17, -0x1.ee78183f91e64p-71},
    {0x1.0c6f7a0b5ed8dp-20, 0x1.b5a63f9a49c2cp-75},
    {0x1.ad7f29abcaf48p-24, 0x1.5e1e99483b023p-78},
    {0x1.5798ee2308c3ap-27, -0x1.03023df2d4c94p-82},
    {0x1.12e0be826d695p-30, -0x1.34674bfabb83bp-84},
    {0x1.b7cdfd9d7bdbbp-34, -0x1.20a5465df8d2cp-88},
    {0x1.5fd7fe1796495p-37, 0x1.7f7bc7b4d28aap-91},
    {0x1.19799812dea11p-40, 0x1.97f27f0f6e886p-96},
    {0x1.c25c268497682p-44, -0x1.ecd79a5a0df95p-99},
    {0x1.6849b86a12b9bp-47, 0x1.ea70909833de7p-107},
    {0x1.203af9ee75616p-50, -0x1.937831647f5a0p-104},
};

/* The fewest places, not below `least`, with which value is a decimal; VV_DECIMALS_MAX + 1 if
 * none. */
static unsigned fewest_places(double value, unsigned least)
{
    int64_t integer;
    unsigned places = least;
    while (places <= VV_DECIMALS_MAX && !vv_to_decimal(value, places, &integer)) {
        places++;
    }
    return places;
}

/* Places that most of a sample needs; false if an eighth of it and more has none. */
static bool sample_places(const double *values, size_t count, unsigned *places)
{
    size_t stride = count <= SAMPLES ? 1 : count / SAMPLES;
    size_t samples = (count + stride - 1) / stride;
    size_t failed = 0;
    *places = 0;
    for (size_t i = 0; i < count; i += stride) {
        unsigned needed = fewest_places(values[i], *places);
        if (needed > VV_DECIMALS_MAX) {
            failed++;
            if (failed * 4 > samples) {
                return false;
            }
        } else {
            *places = needed;
        }
    }
    return true;
}

/* Converts all values at the given places; the positions of those that fail are collected. */
static void convert(const struct vv_kernels *kernels, const double *values, size_t count,
                    struct vv_decimals *decimals)
{
    decimals->exception_count = kernels->to_decimals(values, count, decimals->places,
                                                     decimals->integers, decimals->exceptions);
}

/* More places if one of the failures has them; false if none has. */
static bool raise_places(const double *values, struct vv_decimals *decimals)
{
    unsigned places = decimals->places;
    for (size_t i = 0; i < decimals->exception_count; i++) {
        unsigned needed = fewest_places(values[decimals->exceptions[i]], places);
        if (needed <= VV_DECIMALS_MAX) {
            places = needed;
        }
    }
    bool raised = places > decimals->places;
    decimals->places = places;
    return raised;
}

/* Gives exceptions the integer before them, and those at the start the first one that there is. */
static void fill_exceptions(struct vv_decimals *decimals)
{
    size_t leading = 0;
    while (leading < decimals->exception_count && decimals->exceptions[leading] == leading) {
        leading++;
    }
    for (size_t i = 0; i < leading; i++) {
        decimals->integers[i] = decimals->integers[leading];
    }
    for (size_t i = leading; i < decimals->exception_count; i++) {
        size_t position = decimals->exceptions[i];
        decimals->integers[position] = decimals->integers[position - 1];
    }
}

bool vv_decimals_find(const struct vv_kernels *kernels, const double *values, size_t count,
                      struct vv_decimals *decimals)
{
    /* Mostly all values have the places of the first one: a sample would say the same (D2). */
    decimals->places = fewest_places(values[0], 0);
    if (decimals->places <= VV_DECIMALS_MAX) {
        convert(kernels, values, count, decimals);
        if (decimals->exception_count == 0) {
            return true;
        }
    }
    if (!sample_places(values, count, &decimals->places)) {
        return false;
    }
    convert(kernels, values, count, decimals);
    for (int round = 0; decimals->exception_count != 0 && round < ROUNDS_MAX; round++) {
        if (!raise_places(values, decimals)) {
            break;
        }
        convert(kernels, values, count, decimals);
    }
    if (decimals->exception_count * 8 > count) {
        return false;
    }
    fill_exceptions(decimals);
    return true;
}

/* ----------------------------------------------------------------------- Corrections */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* What the bits of value are above those of the decimal. */
static int64_t correction_of(double value, int64_t integer, unsigned places)
{
    return (int64_t)(bits_of(value) - bits_of((double)integer / vv_powers_of_ten[places]));
}

/* The decimal nearest to value and the correction. False: they would be no shorter than value. */
static bool nearest_decimal(double value, unsigned places, int64_t *integer, int64_t *correction)
{
    double scaled = value * vv_powers_of_ten[places];
    if (!(fabs(scaled) < CORRECTED_LIMIT)) {
        return false;
    }
    *integer = (int64_t)((scaled + VV_DECIMALS_ROUNDER) - VV_DECIMALS_ROUNDER);
    *correction = correction_of(value, *integer, places);
    return *correction <= CORRECTION_MAX && *correction >= -CORRECTION_MAX;
}

bool vv_decimals_correct(const double *values, size_t count, struct vv_decimals *decimals,
                         int64_t *corrections)
{
    int64_t integer;
    memset(corrections, 0, count * sizeof *corrections);
    for (size_t i = 0; i < decimals->exception_count; i++) {
        size_t position = decimals->exceptions[i];
        if (!nearest_decimal(values[position], decimals->places, &integer,
                             &corrections[position])) {
            return false;
        }
    }
    for (size_t i = 0; i < decimals->exception_count; i++) {
        size_t position = decimals->exceptions[i];
        (void)nearest_decimal(values[position], decimals->places, &decimals->integers[position],
                              &corrections[position]);
    }
    decimals->exception_count = 0;
    return true;
}

/* As fewest_places(), of values near decimals; at most CORRECTED_PLACES_MAX. */
static unsigned fewest_corrected_places(double value, unsigned least)
{
    int64_t integer, correction;
    unsigned places = least;
    while (places <= CORRECTED_PLACES_MAX &&
           !nearest_decimal(value, places, &integer, &correction)) {
        places++;
    }
    return places;
}

bool vv_decimals_find_corrected(const double *values, size_t count, struct vv_decimals *decimals,
                                int64_t *corrections)
{
    size_t stride = count <= SAMPLES ? 1 : count / SAMPLES;
    size_t samples = (count + stride - 1) / stride;
    size_t failed = 0;
    unsigned places = 0;
    for (size_t i = 0; i < count; i += stride) {
        unsigned needed = fewest_corrected_places(values[i], places);
        places = needed <= CORRECTED_PLACES_MAX ? needed : places;
        failed += needed > CORRECTED_PLACES_MAX;
        if (failed * 16 > samples) {
            return false;
        }
    }
    int64_t before = 0;
    failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (!nearest_decimal(values[i], places, &decimals->integers[i], &corrections[i])) {
            decimals->integers[i] = before;
            corrections[i] = correction_of(values[i], before, places);
            failed++;
        }
        before = decimals->integers[i];
    }
    decimals->places = places;
    decimals->exception_count = 0;
    return failed * 16 <= count;
}
