/*
 * number_format.c - numbers to text.
 *
 * A double becomes the shortest decimal within its rounding interval by Schubfach (Raffaello
 * Giulietti, "The Schubfach way to render doubles"): one multiplication with a power of ten for the
 * value and for each end of the interval, and at most four candidates.
 *
 *        lower end       value        upper end            scaled so that a step of candidates is 4
 *   --------[--------------*--------------]--------
 *     40*t      4*s    4*s+4          40*t+40              t: one digit less, s: as many as needed
 *
 * F1  The power is rounded up (the floor plus one unless exact) and products are rounded to odd:
 *     then the comparisons with candidates come out as they would with exact numbers (section 9 of
 *     the paper).
 */
#include <string.h>

#include "base/decimal.h"
#include "base/number_text.h"

#define MANTISSA_BITS 52
#define MANTISSA_MASK ((UINT64_C(1) << MANTISSA_BITS) - 1)
#define EXPONENT_MASK UINT64_C(0x7ff)
#define EXPONENT_BIAS 1075 /* of the last bit of the mantissa */

/* Plain decimal while the exponent of the first digit lies between these. */
#define PLAIN_EXPONENT_MIN (-5)
#define PLAIN_EXPONENT_MAX 20

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

/* How many digits value has. */
static unsigned digit_count(uint64_t value)
{
    static const uint64_t powers_of_ten[] = {
        0,
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        UINT64_C(10000000000000000000),
    };
    /* bits * log10(2) is the count or one less. */
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    unsigned count = bits * 1233 >> 12;
    return count + (value >= powers_of_ten[count]);
}

/* Writes the last 8 digits of value, zeros in front included, to the 8 characters at text. */
static void put_eight(char *text, uint32_t value)
{
    uint32_t high = value / 10000;
    uint32_t low = value % 10000;
    memcpy(text, digit_pairs + 2 * (high / 100), 2);
    memcpy(text + 2, digit_pairs + 2 * (high % 100), 2);
    memcpy(text + 4, digit_pairs + 2 * (low / 100), 2);
    memcpy(text + 6, digit_pairs + 2 * (low % 100), 2);
}

/* Writes value to the count characters at text, which are as many as it has. */
static void put_digits(char *text, unsigned count, uint64_t value)
{
    char *at = text + count;
    /* Eight at a time: the divisions within them do not wait for one another. */
    while (value >= 100000000) {
        at -= 8;
        put_eight(at, (uint32_t)(value % 100000000));
        value /= 100000000;
    }
    uint32_t rest = (uint32_t)value;
    for (; rest >= 100; rest /= 100) {
        at -= 2;
        memcpy(at, digit_pairs + 2 * (rest % 100), 2);
    }
    if (rest >= 10) {
        memcpy(at - 2, digit_pairs + 2 * rest, 2);
    } else {
        at[-1] = (char)('0' + rest);
    }
}

size_t vv_uint64_format(uint64_t value, char *text)
{
    unsigned count = digit_count(value);
    put_digits(text, count, value);
    text[count] = '\0';
    return count;
}

size_t vv_int64_format(int64_t value, char *text)
{
    if (value >= 0) {
        return vv_uint64_format((uint64_t)value, text);
    }
    *text = '-';
    return 1 + vv_uint64_format(0 - (uint64_t)value, text + 1);
}

/* ---------------------------------------------------------------------- Shortest decimal */

/* digits * 10^exponent */
struct shortest {
    uint64_t digits;
    int exponent;
};

/* The highest 64 bits of power * factor / 2^64, the last one set if anything was cut off. */
static uint64_t multiply_to_odd(struct vv_power power, uint64_t factor)
{
    uint64_t carry = (uint64_t)(((vv_uint128)power.low * factor) >> 64);
    vv_uint128 product = (vv_uint128)power.high * factor + carry;
    return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* Schubfach for mantissa * 2^exponent; closer: the next smaller double is only half as far. */
static struct shortest shortest_decimal(uint64_t mantissa, int exponent, bool closer)
{
    const uint64_t odd = mantissa & 1; /* the ends of the interval round to even mantissas only */
    const int ten = (exponent * 1262611 - (closer ? 524031 : 0)) >> 22; /* log10 of the interval */
    const int shift = exponent + vv_log2_of_power(-ten) + 1;
    struct vv_power power = vv_power_of_ten(-ten);
    if (ten > 0 || -ten > VV_POWER_OF_TEN_EXACT_MAX) {
        power.high += ++power.low == 0;
    }
    const uint64_t lower = multiply_to_odd(power, (4 * mantissa - 2 + closer) << shift) + odd;
    const uint64_t value = multiply_to_odd(power, (4 * mantissa) << shift);
    const uint64_t upper = multiply_to_odd(power, (4 * mantissa + 2) << shift) - odd;

    const uint64_t floor = value / 4;
    if (floor >= 10) {
        const uint64_t tenth = floor / 10;
        const bool below_inside = lower <= 40 * tenth;
        const bool above_inside = 40 * tenth + 40 <= upper;
        if (below_inside != above_inside) {
            return (struct shortest){.digits = tenth + above_inside, .exponent = ten + 1};
        }
    }
    const bool below_inside = lower <= 4 * floor;
    const bool above_inside = 4 * floor + 4 <= upper;
    if (below_inside != above_inside) {
        return (struct shortest){.digits = floor + above_inside, .exponent = ten};
    }
    const uint64_t middle = 4 * floor + 2;
    const bool up = value > middle || (value == middle && (floor & 1) != 0);
    return (struct shortest){.digits = floor + up, .exponent = ten};
}

static struct shortest without_trailing_zeros(struct shortest number)
{
    while (number.digits % 1000 == 0) {
        number.digits /= 1000;
        number.exponent += 3;
    }
    while (number.digits % 10 == 0) {
        number.digits /= 10;
        number.exponent += 1;
    }
    return number;
}

/* The decimal of a positive double that has at most 6 decimals and 15 digits, as most measured
 * values do. No shorter one can exist: two different decimals of 15 digits never read as the same
 * double. */
static bool shortest_of_few_decimals(double value, struct shortest *number)
{
    if (!(value < 1e9)) {
        return false;
    }
    uint64_t scaled = (uint64_t)(value * 1e6 + 0.5);
    if ((double)scaled / 1e6 != value) { /* this division is how the decimal would be read */
        return false;
    }
    *number = without_trailing_zeros((struct shortest){.digits = scaled, .exponent = -6});
    return true;
}

/* The shortest decimal of a finite double that is not zero, from its bits without the sign. */
static struct shortest shortest_of_bits(uint64_t bits)
{
    uint64_t fraction = bits & MANTISSA_MASK;
    int biased = (int)((bits >> MANTISSA_BITS) & EXPONENT_MASK);
    if (biased == 0) {
        return without_trailing_zeros(shortest_decimal(fraction, 1 - EXPONENT_BIAS, false));
    }
    uint64_t mantissa = fraction | (UINT64_C(1) << MANTISSA_BITS);
    int exponent = biased - EXPONENT_BIAS;
    /* A whole number below 2^53 is its own shortest decimal. */
    if (exponent <= 0 && exponent >= -MANTISSA_BITS &&
        (mantissa & ((UINT64_C(1) << -exponent) - 1)) == 0) {
        return (struct shortest){.digits = mantissa >> -exponent};
    }
    struct shortest number;
    double value;
    memcpy(&value, &bits, sizeof value);
    if (shortest_of_few_decimals(value, &number)) {
        return number;
    }
    return without_trailing_zeros(
        shortest_decimal(mantissa, exponent, fraction == 0 && biased > 1));
}

/* ------------------------------------------------------------------------------ Doubles */

/* digits with the point behind the first `whole` of them (zeros added in front or behind as
 * needed). */
static size_t put_plain(char *text, uint64_t digits, unsigned count, int whole)
{
    if (whole <= 0) {
        unsigned zeros = (unsigned)-whole;
        memset(text, '0', 2 + zeros);
        text[1] = '.';
        put_digits(text + 2 + zeros, count, digits);
        return 2 + zeros + count;
    }
    if ((unsigned)whole >= count) {
        put_digits(text, count, digits);
        memset(text + count, '0', (unsigned)whole - count);
        return (unsigned)whole;
    }
    put_digits(text + 1, count, digits);
    memmove(text, text + 1, (unsigned)whole);
    text[whole] = '.';
    return count + 1;
}

static size_t put_scientific(char *text, uint64_t digits, unsigned count, int exponent)
{
    size_t length = 1;
    put_digits(text + 1, count, digits);
    text[0] = text[1];
    if (count > 1) {
        text[1] = '.';
        length = count + 1;
    }
    text[length++] = 'e';
    text[length++] = exponent < 0 ? '-' : '+';
    unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (magnitude >= 100) {
        text[length++] = (char)('0' + magnitude / 100);
        magnitude %= 100;
    }
    memcpy(text + length, digit_pairs + 2 * magnitude, 2);
    return length + 2;
}

static size_t put_finite(char *text, uint64_t bits)
{
    if (bits == 0) {
        *text = '0';
        return 1;
    }
    struct shortest number = shortest_of_bits(bits);
    unsigned count = digit_count(number.digits);
    int first = number.exponent + (int)count - 1;
    if (first < PLAIN_EXPONENT_MIN || first > PLAIN_EXPONENT_MAX) {
        return put_scientific(text, number.digits, count, first);
    }
    return put_plain(text, number.digits, count, first + 1);
}

/* NaN or infinity */
static size_t put_special(char *text, uint64_t bits)
{
    if ((bits & MANTISSA_MASK) == 0) {
        memcpy(text, bits >> 63 != 0 ? "-Inf" : "+Inf", 4);
        return 4;
    }
    memcpy(text, "NaN(0x", 6);
    if (bits == UINT64_C(0x7ff8) << 48) {
        return 3;
    }
    for (int nibble = 0; nibble < 16; nibble++) {
        text[6 + nibble] = "0123456789abcdef"[(bits >> (60 - 4 * nibble)) & 15];
    }
    text[22] = ')';
    return 23;
}

size_t vv_double_format(double value, char *text)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    size_t length;
    if (((bits >> MANTISSA_BITS) & EXPONENT_MASK) == EXPONENT_MASK) {
        length = put_special(text, bits);
    } else {
        size_t sign = bits >> 63;
        *text = '-';
        length = sign + put_finite(text + sign, bits & ~(UINT64_C(1) << 63));
    }
    text[length] = '\0';
    return length;
}
