/*
 * decimal.c - powers of ten in 128 bits, and the comparison of a long decimal with a binary number.
 *
 *   10^k = base(k) * 5^r * 2^(..)      k = 27 * i + r, 0 <= r <= 26
 *
 *   base    192 bits, truncated: 26 of them instead of 700 powers of 128 bits each
 *   5^r     fits 64 bits
 *   product its highest 128 bits are the exact floor for every k in range: the 64 bits more in the
 *   base
 *           absorb the truncation (the unit test recomputes all of them)
 *
 * D1  A number of struct big is the sum of limb[i] * 2^(32 * i); limbs from count on are not read.
 * D2  BIG_LIMBS holds every number that vv_decimal_compare() makes: see there.
 */
#include "base/decimal.h"

#include <stdbool.h>
#include <string.h>

#include "base/status.h"

#define BASE_STEP 27
#define BASE_FIRST (-351)

/* floor of 10^(BASE_FIRST + 27 * i), scaled to 192 bits. */
static const uint64_t bases[][3] = {
    {UINT64_C(0x8049a4ac0c5811ae), UINT64_C(0x205b896d777d6278), UINT64_C(0xac261e9f5141430b)},
    {UINT64_C(0xcf42894a5dce35ea), UINT64_C(0x52064cac828675b9), UINT64_C(0x475f2b7d7df1ad7a)},
    {UINT64_C(0xa76c582338ed2621), UINT64_C(0xaf2af2b80af6f24e), UINT64_C(0x657c8f4d43323a36)},
    {UINT64_C(0x873e4f75e2224e68), UINT64_C(0x5a7744a6e804a291), UINT64_C(0xcc35eddfcf0996d7)},
    {UINT64_C(0xda7f5bf590966848), UINT64_C(0xaf39a475506a899e), UINT64_C(0xa30294cc2934e662)},
    {UINT64_C(0xb080392cc4349dec), UINT64_C(0xbd8d794d96aacfb3), UINT64_C(0xfe13a5c86af64418)},
    {UINT64_C(0x8e938662882af53e), UINT64_C(0x547eb47b7282ee9c), UINT64_C(0x41b0230e1421487d)},
    {UINT64_C(0xe65829b3046b0afa), UINT64_C(0x0cb4a5a3112a5112), UINT64_C(0xa3b561b1cb208396)},
    {UINT64_C(0xba121a4650e4ddeb), UINT64_C(0x92f34d62616ce413), UINT64_C(0x21a0183e10583cd3)},
    {UINT64_C(0x964e858c91ba2655), UINT64_C(0x3a6a07f8d510f86f), UINT64_C(0xe9082f25e9c5e9ec)},
    {UINT64_C(0xf2d56790ab41c2a2), UINT64_C(0xfae27299423fb9c3), UINT64_C(0x3695dad7e8858901)},
    {UINT64_C(0xc428d05aa4751e4c), UINT64_C(0xaa97e14c3c26b886), UINT64_C(0x96842dc95323f5a8)},
    {UINT64_C(0x9e74d1b791e07e48), UINT64_C(0x775ea264cf55347d), UINT64_C(0xca49f1c05120c9c7)},
    {UINT64_C(0x8000000000000000), UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000)},
    {UINT64_C(0xcecb8f27f4200f3a), UINT64_C(0x0000000000000000), UINT64_C(0x0000000000000000)},
    {UINT64_C(0xa70c3c40a64e6c51), UINT64_C(0x999090b65f67d924), UINT64_C(0x0000000000000000)},
    {UINT64_C(0x86f0ac99b4e8dafd), UINT64_C(0x69a028bb3ded71a3), UINT64_C(0xdf9f915627c04e28)},
    {UINT64_C(0xda01ee641a708de9), UINT64_C(0xe80e6f4820cc9495), UINT64_C(0xd74baad03bc1d8d3)},
    {UINT64_C(0xb01ae745b101e9e4), UINT64_C(0x5ec05dcff72e7f8f), UINT64_C(0xc04c79ffe324301f)},
    {UINT64_C(0x8e41ade9fbebc27d), UINT64_C(0x14588f13be847307), UINT64_C(0x23bd6a2059c002f5)},
    {UINT64_C(0xe5d3ef282a242e81), UINT64_C(0x8f1668c8a86da5fa), UINT64_C(0xf0b5ccf5176ecc7c)},
    {UINT64_C(0xb9a74a0637ce2ee1), UINT64_C(0x6d953e2bd7173692), UINT64_C(0x88efb0037ac08bde)},
    {UINT64_C(0x95f83d0a1fb69cd9), UINT64_C(0x4abdaf101564f98e), UINT64_C(0x0d5a4af7b3a98e47)},
    {UINT64_C(0xf24a01a73cf2dccf), UINT64_C(0xbc633b39673c8cec), UINT64_C(0x3d9c44cd2f36917c)},
    {UINT64_C(0xc3b8358109e84f07), UINT64_C(0x0a862f80ec4700c8), UINT64_C(0x02606ea01029dc37)},
    {UINT64_C(0x9e19db92b4e31ba9), UINT64_C(0x6c07a2c26a8346d1), UINT64_C(0x4944d9f52cd0dec2)},
};

static const uint64_t powers_of_five[BASE_STEP + 1] = {
    1,
    5,
    25,
    125,
    625,
    3125,
    15625,
    78125,
    390625,
    1953125,
    9765625,
    48828125,
    244140625,
    1220703125,
    6103515625,
    30517578125,
    152587890625,
    762939453125,
    3814697265625,
    19073486328125,
    95367431640625,
    476837158203125,
    2384185791015625,
    11920928955078125,
    59604644775390625,
    298023223876953125,
    1490116119384765625,
    7450580596923828125,
};

struct vv_power vv_power_of_ten(int exponent)
{
    VV_ASSERT(exponent >= VV_POWER_OF_TEN_MIN && exponent <= VV_POWER_OF_TEN_MAX);
    unsigned distance = (unsigned)(exponent - BASE_FIRST);
    const uint64_t *base = bases[distance / BASE_STEP];
    uint64_t five = powers_of_five[distance % BASE_STEP];
    five <<= __builtin_clzll(five);

    vv_uint128 low = (vv_uint128)base[2] * five;
    vv_uint128 middle = (vv_uint128)base[1] * five + (uint64_t)(low >> 64);
    vv_uint128 high = (vv_uint128)base[0] * five + (uint64_t)(middle >> 64);
    /* Without a branch, since no processor could predict it. */
    unsigned shift = (unsigned)(high >> 127) ^ 1;
    high = (high << shift) | (shift & (unsigned)((uint64_t)middle >> 63));
    return (struct vv_power){.high = (uint64_t)(high >> 64), .low = (uint64_t)high};
}

/* ----------------------------------------------------------------- Numbers of any length */

/* Significant digits that can matter: the halfway points between doubles have 767 at most, so what
 * comes after DIGITS_MAX digits only says whether the number is above what stands before. */
#define DIGITS_MAX 800

/* The greatest number is that of DIGITS_MAX + 1 digits (2658 bits) or a binary one of 64 bits,
 * times 5 to the power of 400 + DIGITS_MAX (2787 bits) and 2 to that of at most 2400: below 8000
 * bits. */
#define BIG_LIMBS 256

struct big {
    uint32_t limb[BIG_LIMBS];
    size_t count;
};

static void big_multiply_add(struct big *big, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (size_t index = 0; index < big->count; index++) {
        carry += (uint64_t)big->limb[index] * factor;
        big->limb[index] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        VV_ASSERT(big->count < BIG_LIMBS);
        big->limb[big->count++] = (uint32_t)carry;
    }
}

static void big_multiply_power_of_five(struct big *big, uint64_t exponent)
{
    const uint32_t step = 13; /* 5^13 is the greatest power that fits a limb */
    for (; exponent >= step; exponent -= step) {
        big_multiply_add(big, (uint32_t)powers_of_five[step], 0);
    }
    big_multiply_add(big, (uint32_t)powers_of_five[exponent], 0);
}

static void big_shift_left(struct big *big, uint64_t bits)
{
    big_multiply_add(big, UINT32_C(1) << (bits % 32), 0);
    size_t limbs = (size_t)(bits / 32);
    if (limbs == 0 || big->count == 0) {
        return;
    }
    VV_ASSERT(big->count + limbs <= BIG_LIMBS);
    memmove(big->limb + limbs, big->limb, big->count * sizeof big->limb[0]);
    memset(big->limb, 0, limbs * sizeof big->limb[0]);
    big->count += limbs;
}

static int big_compare(const struct big *left, const struct big *right)
{
    if (left->count != right->count) {
        return left->count < right->count ? -1 : 1;
    }
    for (size_t index = left->count; index-- > 0;) {
        if (left->limb[index] != right->limb[index]) {
            return left->limb[index] < right->limb[index] ? -1 : 1;
        }
    }
    return 0;
}

static void big_from_u64(struct big *big, uint64_t value)
{
    big->count = 0;
    for (; value != 0; value >>= 32) {
        big->limb[big->count++] = (uint32_t)value;
    }
}

/* The digits as a number; returns the power of ten that belongs to it. Digits beyond DIGITS_MAX
 * become one digit 1 if any of them is not 0. */
static int64_t big_from_digits(struct big *big, const struct vv_decimal *decimal)
{
    size_t used = 0;
    int64_t dropped = 0;
    bool dropped_nonzero = false;
    big->count = 0;
    for (const char *at = decimal->digits; at != decimal->digits_end; at++) {
        if (*at == '.') {
            continue;
        }
        uint32_t digit = (uint32_t)(*at - '0');
        if (used == DIGITS_MAX) {
            dropped++;
            dropped_nonzero |= digit != 0;
        } else {
            big_multiply_add(big, 10, digit);
            used += big->count != 0; /* leading zeros are not significant */
        }
    }
    if (dropped_nonzero) {
        big_multiply_add(big, 10, 1);
        dropped--;
    }
    return decimal->exponent + dropped;
}

int vv_decimal_compare(const struct vv_decimal *decimal, uint64_t mantissa, int exponent)
{
    struct big left;
    struct big right;
    int64_t ten = big_from_digits(&left, decimal);
    big_from_u64(&right, mantissa);

    /* left * 5^ten * 2^ten against right * 2^exponent, without fractions */
    if (ten >= 0) {
        big_multiply_power_of_five(&left, (uint64_t)ten);
    } else {
        big_multiply_power_of_five(&right, (uint64_t)-ten);
    }
    int64_t shift = ten - exponent;
    if (shift >= 0) {
        big_shift_left(&left, (uint64_t)shift);
    } else {
        big_shift_left(&right, (uint64_t)-shift);
    }
    return big_compare(&left, &right);
}
