/*
 * kernels.h - the inner loops of the codecs, once per instruction set, behind one table.
 *
 * Every table computes the same bits (the unit tests compare them on the same bytes); the scalar
 * one is the reference. vv_kernels() picks once, by base/cpu.h, so VARVE_ISA overrides it.
 *
 * K1  Outputs of unpack32, unpack64, prefix32 and prefix64 have VV_COLUMN_MAX + 64 entries whatever
 *     the count: groups of rows and whole vectors are written. The others write count entries.
 * K2  Packed inputs are followed by VV_DECODE_PADDING readable bytes.
 * K3  Packed outputs are written exactly, not one byte beyond.
 * K4  Arithmetic on integers is modulo 2^32 or 2^64: no input is out of range.
 *
 * Payload in lanes (CODECS.md): rows of 16 values; value i is in row i/16, lane i%16. The whole
 * rows of a lane form one bit stream; word j of all 16 lanes stands together, a last word that is
 * not filled stands as 16 fields of just its bits, and the values of a last row that is not whole
 * stand as fields.
 */
#ifndef VARVE_COMPRESS_KERNELS_H
#define VARVE_COMPRESS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "compress/codec.h"

enum {
    VV_LANES = 16,
    VV_POSITIONS_ROOM =
        1024 + 8, /* entries where positions go: up to eight are written at a time */
    VV_CENSUS_STEP = 64,
    VV_SMALL = 1 << 12,
};

struct vv_kernels {
    /* Payload in lanes of width bits to integers: width 0 to 32, and 33 to 64. */
    void (*unpack32)(const uint8_t *payload, unsigned width, size_t count, uint32_t *out);
    void (*unpack64)(const uint8_t *payload, unsigned width, size_t count, uint64_t *out);

    /* Payload of whole bytes to integers: width a multiple of 8, to 32 and to 64. In planes, byte 0
     * of every number comes first; in fields, every number stands for itself. */
    void (*planes32)(const uint8_t *payload, unsigned width, size_t count, uint32_t *out);
    void (*planes64)(const uint8_t *payload, unsigned width, size_t count, uint64_t *out);
    void (*fields32)(const uint8_t *payload, unsigned width, size_t count, uint32_t *out);
    void (*fields64)(const uint8_t *payload, unsigned width, size_t count, uint64_t *out);
    /* numbers[i] = vv_unzigzag(numbers[i]), in place. */
    void (*unzigzag32)(uint32_t *numbers, size_t count);
    void (*unzigzag64)(uint64_t *numbers, size_t count);

    /* Positions out of gaps of `code` (0 to 10) bits, as positions.h says; out has
     * VV_POSITIONS_ROOM. Returns the last position plus 1, beyond 2^16 where positions have wrapped
     * around. */
    size_t (*positions)(const uint8_t *gaps, unsigned code, size_t count, uint16_t *out);
    /* Positions of the bits that are set in a bitmap of limit (to 1024) bits; returns how many. */
    size_t (*bitmap)(const uint8_t *bitmap, size_t limit, uint16_t *out);
    /* numbers[positions[i]] = base + values[i]. */
    void (*scatter32)(const uint32_t *values, const uint16_t *positions, size_t count,
                      uint32_t base, uint32_t *numbers);
    void (*scatter64)(const uint64_t *values, const uint16_t *positions, size_t count,
                      uint64_t base, uint64_t *numbers);

    /* out[i] = numbers[i]. */
    void (*widen)(const uint32_t *numbers, size_t count, uint64_t *out);

    /* values[i] = values[0] + ... + values[i] + i * step, in place. */
    void (*prefix32)(uint32_t *values, size_t count, uint32_t step);
    /* out[i] = start + values[0] + ... + values[i] + i * step; out may be values. */
    void (*prefix64)(const uint64_t *values, size_t count, uint64_t step, uint64_t start,
                     uint64_t *out);

    /* out[i] = origin + factor * steps[i]; 32-bit steps are signed. out may be steps (64-bit
     * only). */
    void (*scale32)(const uint32_t *steps, size_t count, uint64_t origin, uint64_t factor,
                    uint64_t *out);
    void (*scale64)(const uint64_t *steps, size_t count, uint64_t origin, uint64_t factor,
                    uint64_t *out);

    /* out[i] += origin + (int32_t)steps[i], and out[i] += numbers[i]. */
    void (*add32)(const uint32_t *steps, size_t count, uint64_t origin, uint64_t *out);
    void (*add64)(const uint64_t *numbers, size_t count, uint64_t *out);

    /* out[i] = (double)(int64_t)integers[i] / 10^places, each rounded once; out is not integers. */
    void (*decimal64)(const uint64_t *integers, size_t count, unsigned places, double *out);
    /* out[i] = (origin + factor * (int32_t)steps[i]) / 10^places, where the dividend is exact. */
    void (*decimal32)(const uint32_t *steps, size_t count, double origin, double factor,
                      unsigned places, double *out);

    /* The same of unsigned steps. */
    void (*decimal_unsigned32)(const uint32_t *steps, size_t count, double origin, double factor,
                               unsigned places, double *out);

    /* bits[i] = vv_ordered_bits(bits[i]), in place. */
    void (*order)(uint64_t *bits, size_t count);

    /* prefix32() and decimal32() in one, without a trip through memory; values are not written. */
    void (*prefix_decimal32)(const uint32_t *values, size_t count, uint32_t step, double origin,
                             double factor, unsigned places, double *out);

    /* The same where step and every values[i] + step are, as signed numbers, from -VV_SMALL to
     * VV_SMALL - 1, and the magnitude of origin is below 2^50. */
    void (*prefix_small_decimal32)(const uint32_t *values, size_t count, uint32_t step,
                                   double origin, double factor, unsigned places, double *out);

    /* out[i] = value for all i. */
    void (*fill)(uint64_t value, size_t count, uint64_t *out);
    /* Run r, of value runs[r], reaches to before starts[r] (the last one, run_count - 1, to count).
     * starts: run_count - 1 increasing positions, 1 to count - 1. */
    void (*expand)(const uint64_t *runs, const uint16_t *starts, size_t run_count, size_t count,
                   uint64_t *out);
    /* out[i] = runs[how many of the bits 0 to i of the bitmap are set]. 8 entries behind the last
     * run can be read. */
    void (*expand_bitmap)(const uint64_t *runs, const uint8_t *bitmap, size_t count, uint64_t *out);

    /* How many values have other bits than the one before. */
    size_t (*changes)(const double *values, size_t count);
    /* integers[i] = round(values[i] * 10^places) where that is a decimal as decimals.h defines it.
     * Returns how many are none, whose positions go to others; their integers mean nothing. */
    size_t (*to_decimals)(const double *values, size_t count, unsigned places, int64_t *integers,
                          uint16_t *others);
    /* min, max, sum, increase and resets of values whose sums cannot lose anything: whole numbers
     * of at most 40 bits, and no -0.0. False: they are not such, and statistics is as it was. */
    bool (*whole_statistics)(const double *values, size_t count,
                             struct vv_value_statistics *statistics);

    /* out[0] = 0, out[i] = numbers[i] - numbers[i - 1]; out is not numbers. */
    void (*difference)(const int64_t *numbers, size_t count, int64_t *out);
    /* The least and the greatest of at least one number. */
    void (*range)(const int64_t *numbers, size_t count, int64_t *low, int64_t *high);

    /* What numbers are above low, in lanes of 1 << lane bytes (lane 0 to 3), into which all fit. */
    void (*narrow)(const int64_t *numbers, size_t count, int64_t low, unsigned lane, void *out);
    /* How many of the offsets (as of narrow()) are base to base + 2^width - 1; *bits has the bits
     * set that any of those has above base. count: a multiple of VV_CENSUS_STEP, at most
     * VV_COLUMN_MAX; width: at most that of a lane. */
    size_t (*census)(const void *offsets, size_t count, unsigned lane, uint64_t base,
                     unsigned width, uint64_t *bits);
    /* packed[i] = numbers[i] - base, or 0 where that has more than width bits. Returns where it has
     * not. */
    size_t (*split)(const int64_t *numbers, size_t count, int64_t base, unsigned width,
                    uint64_t *packed);

    /* The opposites of unpack32 and unpack64; values must fit in width bits. Return the bytes
     * written. */
    size_t (*pack32)(const uint64_t *values, size_t count, unsigned width, uint8_t *out);
    size_t (*pack64)(const uint64_t *values, size_t count, unsigned width, uint8_t *out);
};

/* Tables that are there only where the build has their instruction set. */
extern const struct vv_kernels vv_kernels_scalar;
extern const struct vv_kernels vv_kernels_avx2;
extern const struct vv_kernels vv_kernels_avx512;
extern const struct vv_kernels vv_kernels_neon;

/* The table of this process. Thread: any. Cost: an atomic load. */
const struct vv_kernels *vv_kernels(void);

/* The table of an instruction set, or NULL where this build or this machine has none. */
const struct vv_kernels *vv_kernels_of(enum vv_isa isa);

/* Bytes of a payload: no more than the bits need, rounded up in the last row only. */
static inline size_t vv_payload_bytes(size_t count, unsigned width)
{
    return count / VV_LANES * 2 * width + (count % VV_LANES * width + 7) / 8;
}

#endif
