/*
 * codec_checks.h - the bodies of the codec tests, without a test framework: the unit tests run them
 * under cmocka, and the cross-built runner of other instruction sets runs them from a plain main.
 *
 * A check that fails prints what failed and aborts.
 */
#ifndef VARVE_TEST_SUPPORT_CODEC_CHECKS_H
#define VARVE_TEST_SUPPORT_CODEC_CHECKS_H

#include "compress/codec_with.h"
#include "support/columns.h"

#define VV_CHECK(expression, ...)                                                                  \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #expression);                       \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes stand at the end of memory of their own, so that a sanitizer sees any read too far. */
static inline uint8_t *vv_check_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length + VV_DECODE_PADDING);
    VV_CHECK(copy != NULL, "no memory");
    memcpy(copy, bytes, length);
    memset(copy + length, 0xa5, VV_DECODE_PADDING);
    return copy;
}

/* The tables of this machine, the scalar one first. */
static inline size_t vv_check_tables(const struct vv_kernels **tables)
{
    size_t count = 0;
    for (int isa = VV_ISA_SCALAR; isa <= VV_ISA_NEON; isa++) {
        const struct vv_kernels *table = vv_kernels_of((enum vv_isa)isa);
        if (table != NULL) {
            tables[count++] = table;
        }
    }
    return count;
}

/* What is said of values is true of them. */
static inline bool vv_check_traits(unsigned traits, const double *values, size_t count)
{
    bool right = (traits & VV_TRAIT_WHOLE) == 0 || (traits & VV_TRAIT_NUMBERS) != 0;
    for (size_t i = 0; i < count; i++) {
        bool number = values[i] - values[i] == 0;
        bool small = values[i] >= -0x1p43 && values[i] <= 0x1p43;
        bool whole = number && small && values[i] == (double)(int64_t)values[i];
        right &= (traits & VV_TRAIT_NUMBERS) == 0 || number;
        right &= (traits & VV_TRAIT_WHOLE) == 0 || whole;
    }
    return right;
}

/* Every table gives the same bytes, and the same values back from them. Returns the bytes. */
static inline size_t vv_check_values_roundtrip(const double *values, size_t count)
{
    const struct vv_kernels *tables[4];
    size_t table_count = vv_check_tables(tables);
    uint8_t *encoded = malloc(VV_VALUES_BOUND(count));
    double *decoded = malloc(VV_DECODE_ROOM(count) * sizeof *decoded);
    VV_CHECK(encoded != NULL && decoded != NULL, "no memory");
    size_t length = vv_values_encode_with(tables[0], values, count, VV_FORM_PACKED, encoded);
    VV_CHECK(length <= VV_VALUES_BOUND(count), "%zu bytes for %zu values", length, count);
    uint8_t *copy = vv_check_copy(encoded, length);
    for (size_t table = 0; table < table_count; table++) {
        const struct vv_kernels *kernels = tables[table];
        VV_CHECK(vv_values_encode_with(kernels, values, count, VV_FORM_PACKED, encoded) == length &&
                     memcmp(encoded, copy, length) == 0,
                 "table %zu encodes differently, tag %x", table, copy[0]);
        unsigned traits;
        varve_status status =
            vv_values_decode_traits_with(kernels, copy, length, count, decoded, &traits);
        VV_CHECK(status == VARVE_OK, "%d, %zu values, %zu bytes", (int)status, count, length);
        VV_CHECK(vv_check_traits(traits, decoded, count), "traits %x, tag %x", traits, copy[0]);
        for (size_t i = 0; i < count; i++) {
            VV_CHECK(memcmp(&values[i], &decoded[i], 8) == 0,
                     "value %zu of %zu: %a became %a, tag %x, table %zu", i, count, values[i],
                     decoded[i], copy[0], table);
        }
    }
    VV_CHECK(vv_values_decode(copy, length - 1, count, decoded) == VARVE_CORRUPT, "shortened");
    free(copy);
    free(decoded);
    free(encoded);
    return length;
}

static inline size_t vv_check_timestamps_roundtrip(const int64_t *timestamps, size_t count)
{
    const struct vv_kernels *tables[4];
    size_t table_count = vv_check_tables(tables);
    uint8_t *encoded = malloc(VV_TIMESTAMPS_BOUND(count));
    int64_t *decoded = malloc(VV_DECODE_ROOM(count) * sizeof *decoded);
    VV_CHECK(encoded != NULL && decoded != NULL, "no memory");
    size_t length = vv_timestamps_encode_with(tables[0], timestamps, count, encoded);
    VV_CHECK(length <= VV_TIMESTAMPS_BOUND(count), "%zu bytes for %zu", length, count);
    uint8_t *copy = vv_check_copy(encoded, length);
    for (size_t table = 0; table < table_count; table++) {
        const struct vv_kernels *kernels = tables[table];
        VV_CHECK(vv_timestamps_encode_with(kernels, timestamps, count, encoded) == length &&
                     memcmp(encoded, copy, length) == 0,
                 "table %zu encodes differently, tag %x", table, copy[0]);
        varve_status status = vv_timestamps_decode_with(kernels, copy, length, count, decoded);
        VV_CHECK(status == VARVE_OK, "%d, %zu timestamps, %zu bytes", (int)status, count, length);
        VV_CHECK(memcmp(timestamps, decoded, count * sizeof *decoded) == 0,
                 "%zu, tag %x, table %zu", count, copy[0], table);
    }
    VV_CHECK(vv_timestamps_decode(copy, length - 1, count, decoded) == VARVE_CORRUPT, "shortened");
    free(copy);
    free(decoded);
    free(encoded);
    return length;
}

/* Random columns of every shape until about `total` values went through. */
static inline void vv_check_random_values(struct vv_test_random *random, size_t total)
{
    double values[VV_COLUMN_MAX];
    for (unsigned shape = 0; total > 0; shape++) {
        size_t count = 1 + (size_t)vv_test_random_below(random, VV_COLUMN_MAX);
        vv_test_values(random, shape, values, count);
        (void)vv_check_values_roundtrip(values, count);
        total -= count < total ? count : total;
    }
}

static inline void vv_check_random_timestamps(struct vv_test_random *random, size_t total)
{
    int64_t timestamps[VV_COLUMN_MAX];
    for (unsigned shape = 0; total > 0; shape++) {
        size_t count = 1 + (size_t)vv_test_random_below(random, VV_COLUMN_MAX);
        vv_test_integers(random, shape, timestamps, count);
        (void)vv_check_timestamps_roundtrip(timestamps, count);
        total -= count < total ? count : total;
    }
}

/* Every length, each with every shape in turn. */
static inline void vv_check_all_lengths(struct vv_test_random *random)
{
    double values[VV_COLUMN_MAX];
    int64_t timestamps[VV_COLUMN_MAX];
    for (size_t count = 1; count <= VV_COLUMN_MAX; count++) {
        vv_test_values(random, (unsigned)count, values, count);
        (void)vv_check_values_roundtrip(values, count);
        vv_test_integers(random, (unsigned)count, timestamps, count);
        (void)vv_check_timestamps_roundtrip(timestamps, count);
    }
}

/* What any bytes are to one table they are to every one: damaged, or the same values. */
static inline void vv_check_tables_agree(const uint8_t *bytes, size_t length, size_t count)
{
    const struct vv_kernels *tables[4];
    size_t table_count = vv_check_tables(tables);
    double *expected = malloc(VV_DECODE_ROOM(count) * sizeof *expected);
    double *decoded = malloc(VV_DECODE_ROOM(count) * sizeof *decoded);
    VV_CHECK(expected != NULL && decoded != NULL, "no memory");
    varve_status right = vv_values_decode_with(tables[0], bytes, length, count, expected);
    for (size_t table = 1; table < table_count; table++) {
        varve_status status = vv_values_decode_with(tables[table], bytes, length, count, decoded);
        VV_CHECK(status == right, "table %zu: %d instead of %d", table, (int)status, (int)right);
        VV_CHECK(right != VARVE_OK || memcmp(decoded, expected, count * sizeof *decoded) == 0,
                 "table %zu, tag %x, %zu values", table, bytes[0], count);
    }
    free(decoded);
    free(expected);
}

/* Flips, cuts and noise: decoders return, and write only into their room. */
static inline void vv_check_damage(struct vv_test_random *random, size_t rounds)
{
    double values[VV_COLUMN_MAX];
    uint8_t encoded[VV_VALUES_BOUND(VV_COLUMN_MAX)];
    for (size_t round = 0; round < rounds; round++) {
        size_t count = 1 + (size_t)vv_test_random_below(random, VV_COLUMN_MAX);
        vv_test_values(random, (unsigned)round, values, count);
        size_t length = vv_values_encode(values, count, encoded);
        for (int flips = 0; flips < 3; flips++) {
            size_t near = length < 24 ? length : 24;
            encoded[vv_test_random_below(random, near)] ^=
                (uint8_t)(1u << vv_test_random_below(random, 8));
        }
        if (round % 3 == 0) {
            length = (size_t)vv_test_random_below(random, length + 1);
        }
        uint8_t *copy = vv_check_copy(encoded, length);
        double *decoded = malloc(VV_DECODE_ROOM(count) * sizeof *decoded);
        VV_CHECK(decoded != NULL, "no memory");
        varve_status status = vv_values_decode(copy, length, count, decoded);
        VV_CHECK(status == VARVE_OK || status == VARVE_CORRUPT, "%d", (int)status);
        status = vv_timestamps_decode(copy, length, count, (int64_t *)decoded);
        VV_CHECK(status == VARVE_OK || status == VARVE_CORRUPT, "%d", (int)status);
        vv_check_tables_agree(copy, length, count);
        free(decoded);
        free(copy);
    }
}

#endif
