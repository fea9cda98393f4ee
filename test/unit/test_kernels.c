/*
 * test_kernels.c - every kernel table of this machine against the scalar one, on the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "compress/bits.h"
#include "compress/decimals.h"
#include "compress/kernels.h"
#include "support/codec_checks.h"

enum { ROOM = VV_COLUMN_MAX + 64 };

static const enum vv_isa all_isas[] = {VV_ISA_SCALAR, VV_ISA_AVX2, VV_ISA_AVX512, VV_ISA_NEON};

/* Calls check with every table but the scalar one. */
static void with_each_table(void (*check)(const struct vv_kernels *kernels,
                                          struct vv_test_random *random))
{
    for (size_t i = 0; i < sizeof all_isas / sizeof all_isas[0]; i++) {
        const struct vv_kernels *kernels = vv_kernels_of(all_isas[i]);
        if (kernels != NULL) {
            struct vv_test_random random = vv_test_random_init(i);
            print_message("%s\n", vv_isa_name(all_isas[i]));
            check(kernels, &random);
        }
    }
}

static void fill(struct vv_test_random *random, uint64_t *numbers, size_t count, unsigned width)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = vv_test_random_next(random) & vv_bits_mask(width);
    }
}

/* Lengths that end in every place of a row, a group and a vector. */
static size_t some_count(struct vv_test_random *random, unsigned round)
{
    return round % 4 == 0 ? VV_COLUMN_MAX : 1 + (size_t)vv_test_random_below(random, VV_COLUMN_MAX);
}

static void check_packing(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t numbers[ROOM];
    static uint64_t wide[ROOM];
    static uint32_t narrow[ROOM];
    static uint8_t packed[ROOM * 8];
    static uint8_t expected[ROOM * 8];
    for (unsigned round = 0; round < 65 * 12; round++) {
        unsigned width = round % 65;
        size_t count = some_count(random, round / 65);
        fill(random, numbers, count, width);
        memset(packed, 0xa5, sizeof packed);
        size_t length;
        if (width <= 32) {
            length = kernels->pack32(numbers, count, width, packed);
            assert_int_equal(vv_kernels_scalar.pack32(numbers, count, width, expected), length);
            kernels->unpack32(packed, width, count, narrow);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(narrow[i], numbers[i]);
            }
        } else {
            length = kernels->pack64(numbers, count, width, packed);
            assert_int_equal(vv_kernels_scalar.pack64(numbers, count, width, expected), length);
            kernels->unpack64(packed, width, count, wide);
            assert_memory_equal(wide, numbers, count * sizeof wide[0]);
        }
        assert_int_equal(length, vv_payload_bytes(count, width));
        assert_memory_equal(packed, expected, length);
        assert_int_equal(packed[length], 0xa5);
    }
}

/* Whole bytes in any order of them, behind which stands what must not be taken for numbers. */
static void check_bytes(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t payload[ROOM];
    static uint64_t wide[2][ROOM];
    static uint32_t narrow[2][ROOM];
    const uint8_t *bytes = (const uint8_t *)payload;
    for (unsigned round = 0; round < 9 * 60; round++) {
        unsigned width = round % 9 * 8;
        size_t count = some_count(random, round / 9);
        fill(random, payload, ROOM, 64);
        kernels->planes64(bytes, width, count, wide[0]);
        vv_kernels_scalar.planes64(bytes, width, count, wide[1]);
        assert_memory_equal(wide[0], wide[1], count * sizeof wide[0][0]);
        kernels->fields64(bytes, width, count, wide[0]);
        vv_kernels_scalar.fields64(bytes, width, count, wide[1]);
        assert_memory_equal(wide[0], wide[1], count * sizeof wide[0][0]);
        kernels->unzigzag64(wide[0], count);
        vv_kernels_scalar.unzigzag64(wide[1], count);
        assert_memory_equal(wide[0], wide[1], count * sizeof wide[0][0]);
        if (width > 32) {
            continue;
        }
        kernels->planes32(bytes, width, count, narrow[0]);
        vv_kernels_scalar.planes32(bytes, width, count, narrow[1]);
        assert_memory_equal(narrow[0], narrow[1], count * sizeof narrow[0][0]);
        kernels->fields32(bytes, width, count, narrow[0]);
        vv_kernels_scalar.fields32(bytes, width, count, narrow[1]);
        assert_memory_equal(narrow[0], narrow[1], count * sizeof narrow[0][0]);
        kernels->unzigzag32(narrow[0], count);
        vv_kernels_scalar.unzigzag32(narrow[1], count);
        assert_memory_equal(narrow[0], narrow[1], count * sizeof narrow[0][0]);
    }
}

static void check_prefixes(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t wide[ROOM];
    static uint64_t expected[ROOM];
    static uint32_t narrow[ROOM];
    static uint32_t narrow_expected[ROOM];
    for (unsigned round = 0; round < 200; round++) {
        size_t count = some_count(random, round);
        uint64_t step = vv_test_random_next(random);
        fill(random, wide, count, 64);
        for (size_t i = 0; i < count; i++) {
            expected[i] = wide[i];
            narrow_expected[i] = narrow[i] = (uint32_t)wide[i];
        }
        uint64_t start = vv_test_random_next(random);
        kernels->prefix64(wide, count, step, start, wide);
        vv_kernels_scalar.prefix64(expected, count, step, start, expected);
        assert_memory_equal(wide, expected, count * sizeof wide[0]);
        kernels->prefix32(narrow, count, (uint32_t)step);
        vv_kernels_scalar.prefix32(narrow_expected, count, (uint32_t)step);
        assert_memory_equal(narrow, narrow_expected, count * sizeof narrow[0]);
    }
}

static void check_scaling(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t wide[ROOM];
    static uint64_t out[ROOM];
    static uint64_t expected[ROOM];
    static uint32_t narrow[ROOM];
    for (unsigned round = 0; round < 200; round++) {
        size_t count = some_count(random, round);
        uint64_t origin = vv_test_random_next(random);
        uint64_t factor = round % 3 == 0 ? 1 : vv_test_random_next(random);
        fill(random, wide, count, 64);
        for (size_t i = 0; i < count; i++) {
            narrow[i] = (uint32_t)wide[i];
        }
        kernels->scale64(wide, count, origin, factor, out);
        vv_kernels_scalar.scale64(wide, count, origin, factor, expected);
        assert_memory_equal(out, expected, count * sizeof out[0]);
        kernels->scale32(narrow, count, origin, factor, out);
        vv_kernels_scalar.scale32(narrow, count, origin, factor, expected);
        assert_memory_equal(out, expected, count * sizeof out[0]);
        kernels->add32(narrow, count, origin, out);
        vv_kernels_scalar.add32(narrow, count, origin, expected);
        kernels->add64(wide, count, out);
        vv_kernels_scalar.add64(wide, count, expected);
        assert_memory_equal(out, expected, sizeof out);
    }
}

static void check_exceptions(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t fields[ROOM];
    static uint16_t found[VV_POSITIONS_ROOM];
    static uint16_t expected[VV_POSITIONS_ROOM];
    static uint64_t wide[2][ROOM];
    static uint32_t values32[ROOM];
    static uint32_t narrow[2][ROOM];
    for (unsigned round = 0; round < 600; round++) {
        size_t count = 1 + (size_t)vv_test_random_below(random, 64);
        unsigned code = round % 5;
        uint64_t base = vv_test_random_next(random);
        const uint8_t *bytes = (const uint8_t *)fields;
        fill(random, fields, ROOM, 64);
        size_t next = vv_kernels_scalar.positions(bytes, code, count, expected);
        assert_int_equal(kernels->positions(bytes, code, count, found), next);
        assert_memory_equal(found, expected, count * sizeof found[0]);
        for (size_t i = 0; i < count; i++) {
            values32[i] = (uint32_t)fields[i];
        }
        kernels->scatter32(values32, found, count, (uint32_t)base, narrow[0]);
        vv_kernels_scalar.scatter32(values32, found, count, (uint32_t)base, narrow[1]);
        assert_memory_equal(narrow[0], narrow[1], sizeof narrow[0]);
        kernels->scatter64(fields, found, count, base, wide[0]);
        vv_kernels_scalar.scatter64(fields, found, count, base, wide[1]);
        assert_memory_equal(wide[0], wide[1], sizeof wide[0]);
        size_t limit = 1 + (size_t)vv_test_random_below(random, VV_COLUMN_MAX);
        next = vv_kernels_scalar.bitmap(bytes, limit, expected);
        assert_int_equal(kernels->bitmap(bytes, limit, found), next);
        assert_memory_equal(found, expected, next * sizeof found[0]);
        /* As many as there can be, whose sums may be beyond any column. */
        code = round % 11;
        count = 1 + (size_t)vv_test_random_below(random, VV_COLUMN_MAX);
        assert_int_equal(kernels->positions(bytes, code, count, found),
                         vv_kernels_scalar.positions(bytes, code, count, expected));
        assert_memory_equal(found, expected, count * sizeof found[0]);
    }
}

/* Runs of any lengths, from one value each to one run. */
static void check_runs(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t runs[ROOM];
    static uint16_t starts[ROOM];
    static uint8_t bitmap[ROOM / 8];
    static uint64_t out[ROOM];
    static uint64_t expected[ROOM];
    for (unsigned round = 0; round < 400; round++) {
        size_t count = some_count(random, round);
        size_t run_count = 1;
        uint64_t odds = 1 + vv_test_random_below(random, 40);
        memset(bitmap, 0, sizeof bitmap);
        for (size_t i = 1; i < count; i++) {
            if (vv_test_random_below(random, odds) == 0) {
                starts[run_count++ - 1] = (uint16_t)i;
                bitmap[i / 8] |= (uint8_t)(1u << i % 8);
            }
        }
        fill(random, runs, run_count + 8, 64);
        memset(out, 0xa5, sizeof out);
        memset(expected, 0xa5, sizeof expected);
        kernels->expand(runs, starts, run_count, count, out);
        vv_kernels_scalar.expand(runs, starts, run_count, count, expected);
        assert_memory_equal(out, expected, sizeof out);
        memset(out, 0xa5, sizeof out);
        kernels->expand_bitmap(runs, bitmap, count, out);
        assert_memory_equal(out, expected, sizeof out);
        kernels->fill(runs[0], count, out);
        vv_kernels_scalar.fill(runs[0], count, expected);
        assert_memory_equal(out, expected, sizeof out);
    }
}

/* Any int64 converts and divides to the same double, multiplication or not. */
static void check_decimals(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t integers[ROOM];
    static uint32_t steps[ROOM];
    static double out[ROOM];
    static double expected[ROOM];
    for (unsigned round = 0; round < 1600; round++) {
        size_t count = some_count(random, round);
        unsigned places = round % (VV_DECIMALS_MAX + 1);
        unsigned width = 1 + (unsigned)vv_test_random_below(random, 64);
        fill(random, integers, count, width);
        for (size_t i = 0; i < count; i++) {
            integers[i] = i % 2 == 0 ? integers[i] : 0 - integers[i];
            steps[i] = (uint32_t)integers[i];
        }
        kernels->decimal64(integers, count, places, out);
        vv_kernels_scalar.decimal64(integers, count, places, expected);
        assert_memory_equal(out, expected, count * sizeof out[0]);
        double origin = (double)(int64_t)(vv_test_random_next(random) >> 13);
        origin = round % 4 == 3 ? -origin : origin;
        double factor = (double)(1 + vv_test_random_below(random, round % 2 == 0 ? 1 : 1000));
        kernels->decimal32(steps, count, origin, factor, places, out);
        vv_kernels_scalar.decimal32(steps, count, origin, factor, places, expected);
        assert_memory_equal(out, expected, count * sizeof out[0]);
        kernels->decimal_unsigned32(steps, count, origin, factor, places, out);
        vv_kernels_scalar.decimal_unsigned32(steps, count, origin, factor, places, expected);
        assert_memory_equal(out, expected, count * sizeof out[0]);
        uint32_t step = (uint32_t)vv_test_random_next(random);
        kernels->prefix_decimal32(steps, count, step, origin, factor, places, out);
        vv_kernels_scalar.prefix_decimal32(steps, count, step, origin, factor, places, expected);
        assert_memory_equal(out, expected, count * sizeof out[0]);
    }
}

/* Running sums of numbers up to the ends of what is small, from origins up to their limit. */
static void check_small_decimals(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint32_t values[ROOM];
    static double out[ROOM], expected[ROOM];
    for (unsigned round = 0; round < 1600; round++) {
        size_t count = some_count(random, round);
        unsigned places = round % (VV_DECIMALS_MAX + 1);
        int64_t step = (int64_t)vv_test_random_below(random, 2 * VV_SMALL) - VV_SMALL;
        uint64_t range = 1 + vv_test_random_below(random, 2 * VV_SMALL);
        bool ends = round % 3 == 0;
        for (size_t i = 0; i < count; i++) {
            int64_t small = (int64_t)vv_test_random_below(random, range) - VV_SMALL;
            int64_t end = i / 9 % 2 == 0 ? -VV_SMALL : VV_SMALL - 1;
            values[i] = (uint32_t)((ends ? end : small) - step);
        }
        uint64_t far = vv_test_random_next(random) >> (14 + vv_test_random_below(random, 50));
        double origin = (double)far * (round % 2 == 0 ? 1 : -1);
        double factor = (double)(1 + vv_test_random_below(random, round % 5 < 3 ? 1 : 1 << 20));
        memset(out, 0xa5, sizeof out);
        memset(expected, 0xa5, sizeof expected);
        kernels->prefix_small_decimal32(values, count, (uint32_t)step, origin, factor, places, out);
        vv_kernels_scalar.prefix_small_decimal32(values, count, (uint32_t)step, origin, factor,
                                                 places, expected);
        assert_memory_equal(out, expected, sizeof out);
    }
}

/* A value of one kind; now and then one of another. */
static double some_value(struct vv_test_random *random, unsigned kind)
{
    static const double odd[] = {NAN,     INFINITY, -INFINITY, -0.0,     0x1p51,
                                 -0x1p51, 0x1p40,   1e300,     0x1p-1074};
    double whole = (double)((int64_t)vv_test_random_below(random, 2000) - 1000);
    switch (vv_test_random_below(random, 600) == 0 ? 4 : kind) {
    case 0:
        return whole;
    case 1:
        return whole / 10;
    case 2:
        return whole * 0x1p30;
    case 3:
        return (double)vv_test_random_below(random, UINT64_C(1) << 53) / 1e7;
    default:
        return odd[vv_test_random_below(random, sizeof odd / sizeof odd[0])];
    }
}

/* Everything that encoding asks of values before they are integers. */
static void check_values(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static double values[ROOM];
    static int64_t integers[2][ROOM];
    static uint16_t others[2][ROOM];
    for (unsigned round = 0; round < 4000; round++) {
        size_t count = some_count(random, round);
        for (size_t i = 0; i < count; i++) {
            bool repeats = i > 0 && vv_test_random_below(random, 3) == 0;
            values[i] = repeats ? values[i - 1] : some_value(random, round % 4);
        }
        assert_int_equal(kernels->changes(values, count), vv_kernels_scalar.changes(values, count));
        unsigned places = round % 5 == 0 ? round % (VV_DECIMALS_MAX + 1) : round % 3;
        size_t found = kernels->to_decimals(values, count, places, integers[0], others[0]);
        assert_int_equal(
            vv_kernels_scalar.to_decimals(values, count, places, integers[1], others[1]), found);
        assert_memory_equal(others[0], others[1], found * sizeof others[0][0]);
        for (size_t i = 0, next = 0; i < count; i++) {
            if (next < found && others[0][next] == i) {
                next++;
            } else {
                assert_int_equal(integers[0][i], integers[1][i]);
            }
        }
        struct vv_value_statistics known = {.count = 1}, expected = {.count = 1};
        bool whole = vv_kernels_scalar.whole_statistics(values, count, &expected);
        assert_int_equal(kernels->whole_statistics(values, count, &known), whole);
        assert_memory_equal(&known, &expected, sizeof known);
    }
}

/* What plans count. */
static void check_census(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static int64_t numbers[ROOM];
    static uint64_t offsets[2][ROOM], packed[2][ROOM];
    for (unsigned round = 0; round < 4000; round++) {
        unsigned lane = round % 4, lane_bits = 8u << lane;
        size_t count = VV_CENSUS_STEP * (1 + (size_t)vv_test_random_below(random, 16));
        int64_t low = (int64_t)vv_test_random_next(random);
        unsigned bits = (unsigned)vv_test_random_below(random, lane_bits + 1);
        fill(random, (uint64_t *)numbers, count, bits);
        for (size_t i = 0; i < count; i++) {
            numbers[i] = (int64_t)((uint64_t)numbers[i] + (uint64_t)low);
        }
        kernels->narrow(numbers, count, low, lane, offsets[0]);
        vv_kernels_scalar.narrow(numbers, count, low, lane, offsets[1]);
        assert_memory_equal(offsets[0], offsets[1], count << lane);
        unsigned width = (unsigned)vv_test_random_below(random, lane_bits + 1);
        uint64_t base = vv_test_random_next(random) & vv_bits_mask(width < bits ? bits : width);
        uint64_t set, expected;
        size_t within = vv_kernels_scalar.census(offsets[1], count, lane, base, width, &expected);
        assert_int_equal(kernels->census(offsets[0], count, lane, base, width, &set), within);
        assert_int_equal(set, expected);
        size_t some = some_count(random, round);
        within = vv_kernels_scalar.split(numbers, some, low + 1, width, packed[1]);
        assert_int_equal(kernels->split(numbers, some, low + 1, width, packed[0]), within);
        assert_memory_equal(packed[0], packed[1], some * sizeof packed[0][0]);
        int64_t least[2], greatest[2];
        kernels->range(numbers, some, &least[0], &greatest[0]);
        vv_kernels_scalar.range(numbers, some, &least[1], &greatest[1]);
        assert_int_equal(least[0], least[1]);
        assert_int_equal(greatest[0], greatest[1]);
    }
}

static void plans_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_census);
}

static void values_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_values);
}

#ifdef __x86_64__
/* Which parts of the vector registers hold something else than zeros: bit 2 the upper halves of
 * AVX, bit 6 those of AVX-512. */
static uint64_t wide_state_in_use(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
    return (low | (uint64_t)high << 32) & (1 << 2 | 1 << 6);
}

static bool can_tell_wide_state(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx) && (eax & 1 << 2) != 0;
}

/* Every kernel is called, for each length in which its last row or group may end. */
static void check_wide_state(const struct vv_kernels *kernels, struct vv_test_random *random)
{
    static uint64_t numbers[ROOM], wide[ROOM];
    static int64_t differences[ROOM];
    static uint32_t narrow[ROOM];
    static uint16_t positions[VV_POSITIONS_ROOM];
    static double values[ROOM];
    static uint8_t packed[ROOM * 8];
    fill(random, numbers, ROOM, 5);
    for (size_t count = 1; count <= VV_COLUMN_MAX; count += count < 80 ? 1 : 59) {
        int64_t low, high;
        struct vv_value_statistics statistics;
#define CLEAN(call)                                                                                \
    do {                                                                                           \
        (void)(call);                                                                              \
        assert_int_equal(wide_state_in_use(), 0);                                                  \
    } while (0)
#define CLEAN_VOID(call) CLEAN((call, 0))
        CLEAN(kernels->pack32(numbers, count, 5, packed));
        CLEAN_VOID(kernels->unpack32(packed, 5, count, narrow));
        CLEAN(kernels->pack64(numbers, count, 35, packed));
        CLEAN_VOID(kernels->unpack64(packed, 35, count, wide));
        CLEAN(kernels->positions(packed, 1, count, positions));
        CLEAN(kernels->bitmap(packed, count, positions));
        CLEAN_VOID(kernels->scatter32(narrow, positions, 1, 1, narrow));
        CLEAN_VOID(kernels->scatter64(wide, positions, 1, 1, wide));
        CLEAN_VOID(kernels->widen(narrow, count, wide));
        CLEAN_VOID(kernels->prefix32(narrow, count, 1));
        CLEAN_VOID(kernels->prefix64(wide, count, 1, 1, wide));
        CLEAN_VOID(kernels->scale32(narrow, count, 1, 2, wide));
        CLEAN_VOID(kernels->scale64(wide, count, 1, 2, wide));
        CLEAN_VOID(kernels->add32(narrow, count, 1, wide));
        CLEAN_VOID(kernels->add64(numbers, count, wide));
        CLEAN_VOID(kernels->decimal32(narrow, count, 1, 2, 1, values));
        CLEAN_VOID(kernels->decimal_unsigned32(narrow, count, 1, 2, 1, values));
        CLEAN_VOID(kernels->decimal64(wide, count, 1, values));
        CLEAN_VOID(kernels->prefix_decimal32(narrow, count, 1, 1, 2, 1, values));
        CLEAN_VOID(kernels->prefix_small_decimal32(narrow, count, 1, 1, 1, 1, values));
        CLEAN_VOID(kernels->order(wide, count));
        CLEAN_VOID(kernels->fill(1, count, wide));
        CLEAN_VOID(kernels->expand(wide, positions, 1, count, numbers));
        CLEAN_VOID(kernels->expand_bitmap(numbers, packed, count, wide));
        CLEAN(kernels->changes(values, count));
        CLEAN(kernels->to_decimals(values, count, 0, differences, positions));
        CLEAN(kernels->to_decimals(values, count, 1, differences, positions));
        CLEAN(kernels->whole_statistics(values, count, &statistics));
        for (unsigned lane = 0; lane < 4; lane++) {
            CLEAN_VOID(kernels->narrow(differences, count, 0, lane, wide));
            CLEAN(kernels->census(wide, VV_CENSUS_STEP, lane, 1, 5, numbers));
        }
        CLEAN(kernels->split(differences, count, 1, 5, numbers));
        CLEAN_VOID(kernels->difference(differences, count, (int64_t *)(void *)wide));
        CLEAN_VOID(kernels->range(differences, count, &low, &high));
        fill(random, numbers, ROOM, 5);
    }
}

static void kernels_leave_no_vector_in_use(void **state)
{
    (void)state;
    if (can_tell_wide_state()) {
        with_each_table(check_wide_state);
    }
}
#endif

static void packing_is_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_packing);
}

static void whole_bytes_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_bytes);
}

static void prefix_sums_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_prefixes);
}

static void scaling_is_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_scaling);
}

static void exceptions_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_exceptions);
}

static void runs_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_runs);
}

static void decimals_are_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    with_each_table(check_decimals);
    with_each_table(check_small_decimals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __x86_64__
        cmocka_unit_test(kernels_leave_no_vector_in_use),
#endif
        cmocka_unit_test(packing_is_the_same_on_every_instruction_set),
        cmocka_unit_test(whole_bytes_are_the_same_on_every_instruction_set),
        cmocka_unit_test(prefix_sums_are_the_same_on_every_instruction_set),
        cmocka_unit_test(scaling_is_the_same_on_every_instruction_set),
        cmocka_unit_test(exceptions_are_the_same_on_every_instruction_set),
        cmocka_unit_test(runs_are_the_same_on_every_instruction_set),
        cmocka_unit_test(plans_are_the_same_on_every_instruction_set),
        cmocka_unit_test(values_are_the_same_on_every_instruction_set),
        cmocka_unit_test(decimals_are_the_same_on_every_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
