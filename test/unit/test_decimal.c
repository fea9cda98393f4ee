/* Tests of decimal.c: every power of ten against multiplication by hand. */
#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

/* A number of LIMBS * 32 bits, least significant limb first. */
enum { LIMBS = 48 };

struct wide {
    uint32_t limb[LIMBS];
};

static void wide_multiply(struct wide *wide, uint32_t factor)
{
    uint64_t carry = 0;
    for (size_t index = 0; index < LIMBS; index++) {
        carry += (uint64_t)wide->limb[index] * factor;
        wide->limb[index] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
}

static struct wide wide_of(vv_uint128 value)
{
    struct wide wide = {{0}};
    for (size_t index = 0; index < 4; index++) {
        wide.limb[index] = (uint32_t)(value >> (32 * index));
    }
    return wide;
}

static struct wide power_of_five(int exponent)
{
    struct wide wide = wide_of(1);
    for (int round = 0; round < exponent; round++) {
        wide_multiply(&wide, 5);
    }
    return wide;
}

static int wide_bit(const struct wide *wide, int bit)
{
    return (int)(wide->limb[bit / 32] >> (bit % 32) & 1);
}

static int wide_width(const struct wide *wide)
{
    int bit = LIMBS * 32;
    while (bit > 0 && wide_bit(wide, bit - 1) == 0) {
        bit--;
    }
    return bit;
}

static vv_uint128 power_bits(int exponent)
{
    struct vv_power power = vv_power_of_ten(exponent);
    assert_int_equal(power.high >> 63, 1);
    return (vv_uint128)power.high << 64 | power.low;
}

static void positive_powers_are_the_leading_bits(void **state)
{
    (void)state;
    struct wide five = wide_of(1);
    for (int exponent = 0; exponent <= VV_POWER_OF_TEN_MAX; exponent++) {
        int width = wide_width(&five);
        vv_uint128 expected = 0;
        for (int bit = width - 1; bit >= width - 128; bit--) {
            expected = expected << 1 | (vv_uint128)(bit >= 0 ? wide_bit(&five, bit) : 0);
        }
        assert_true(power_bits(exponent) == expected);
        /* 10^e = 5^e * 2^e */
        assert_int_equal(vv_log2_of_power(exponent), width - 1 + exponent);
        assert_true((width <= 128) == (exponent <= VV_POWER_OF_TEN_EXACT_MAX));
        wide_multiply(&five, 5);
    }
}

/* Whether value * 5^n <= 2^bits. */
static bool product_fits(vv_uint128 value, int n, int bits)
{
    struct wide product = wide_of(value);
    for (int round = 0; round < n; round++) {
        wide_multiply(&product, 5);
    }
    return wide_width(&product) <= bits;
}

static void negative_powers_are_floors(void **state)
{
    (void)state;
    for (int exponent = VV_POWER_OF_TEN_MIN; exponent < 0; exponent++) {
        struct wide five = power_of_five(-exponent);
        /* 1 / 5^n = power * 2^-bits, with a power of 128 bits */
        int bits = 127 + wide_width(&five);
        vv_uint128 power = power_bits(exponent);
        assert_true(product_fits(power, -exponent, bits));
        if (power + 1 != 0) {
            assert_false(product_fits(power + 1, -exponent, bits));
        }
        assert_int_equal(vv_log2_of_power(exponent), 127 - bits + exponent);
    }
}

static int compare(const char *digits, int64_t exponent, uint64_t mantissa, int binary_exponent)
{
    struct vv_decimal decimal = {digits, digits + strlen(digits), exponent};
    return vv_decimal_compare(&decimal, mantissa, binary_exponent);
}

static void decimals_compare_exactly_with_binary_numbers(void **state)
{
    (void)state;
    assert_int_equal(compare("1", 0, 1, 0), 0);
    assert_int_equal(compare("0005", -1, 1, -1), 0);
    assert_int_equal(compare("0.5", -1, 1, -1), 0);
    assert_int_equal(compare("1024", 0, 1, 10), 0);
    assert_int_equal(compare("1", 3, 1000, 0), 0);
    assert_int_equal(compare("1", -1, UINT64_C(0x1999999999999a), -56), -1);
    assert_int_equal(compare("1", -1, UINT64_C(0x19999999999999), -56), 1);
    assert_int_equal(compare("1", 308, UINT64_MAX, 960), -1);
    assert_int_equal(compare("5", -324, 1, -1074), 1);
    assert_int_equal(compare("4", -324, 1, -1074), -1);
}

static void digits_beyond_the_last_that_matters_only_tip_the_balance(void **state)
{
    (void)state;
    char digits[2001];
    memset(digits, '0', sizeof digits);
    digits[0] = '5';
    digits[2000] = '\0';
    assert_int_equal(compare(digits, -2000, 1, -1), 0);
    digits[1999] = '1';
    assert_int_equal(compare(digits, -2000, 1, -1), 1);
    memset(digits, '9', 2000);
    assert_int_equal(compare(digits, -2000, 1, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positive_powers_are_the_leading_bits),
        cmocka_unit_test(negative_powers_are_floors),
        cmocka_unit_test(decimals_compare_exactly_with_binary_numbers),
        cmocka_unit_test(digits_beyond_the_last_that_matters_only_tip_the_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
