/*
 * kernel_vector_bytes.h - numbers of whole bytes, as the cold tier keeps them, to integers.
 *
 * The second part of kernel_vector.h, which includes it. Plain loops, each with a width that is a
 * constant: the compiler widens a vector of bytes at a time.
 */
#ifndef VV_KERNELS
#error "part of kernel_vector.h"
#endif

static inline uint32_t plane_byte(const uint8_t *payload, size_t count, unsigned plane, size_t i)
{
    return (uint32_t)payload[plane * count + i] << (8 * plane);
}

static void planes32(const uint8_t *restrict payload, unsigned width, size_t count,
                     uint32_t *restrict out)
{
    switch (width) {
    case 8:
        for (size_t i = 0; i < count; i++) {
            out[i] = payload[i];
        }
        return;
    case 16:
        for (size_t i = 0; i < count; i++) {
            out[i] = plane_byte(payload, count, 0, i) | plane_byte(payload, count, 1, i);
        }
        return;
    case 24:
        for (size_t i = 0; i < count; i++) {
            out[i] = plane_byte(payload, count, 0, i) | plane_byte(payload, count, 1, i) |
                     plane_byte(payload, count, 2, i);
        }
        return;
    case 32:
        for (size_t i = 0; i < count; i++) {
            out[i] = plane_byte(payload, count, 0, i) | plane_byte(payload, count, 1, i) |
                     plane_byte(payload, count, 2, i) | plane_byte(payload, count, 3, i);
        }
        return;
    default:
        memset(out, 0, count * sizeof *out);
    }
}

static void planes64(const uint8_t *restrict payload, unsigned width, size_t count,
                     uint64_t *restrict out)
{
    memset(out, 0, count * sizeof *out);
    for (unsigned shift = 0; shift < width; shift += 8) {
        for (size_t i = 0; i < count; i++) {
            out[i] |= (uint64_t)payload[i] << shift;
        }
        payload += count;
    }
}

static void fields32(const uint8_t *restrict payload, unsigned width, size_t count,
                     uint32_t *restrict out)
{
    uint32_t mask = (uint32_t)vv_bits_mask(width);
    if (width == 16) {
        for (size_t i = 0; i < count; i++) {
            uint16_t field;
            memcpy(&field, payload + i * sizeof field, sizeof field);
            out[i] = field;
        }
        return;
    }
    if (width <= 8) {
        planes32(payload, width, count, out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t field;
        memcpy(&field, payload + i * (width / 8), sizeof field);
        out[i] = field & mask;
    }
}

static void fields64(const uint8_t *restrict payload, unsigned width, size_t count,
                     uint64_t *restrict out)
{
    uint64_t mask = vv_bits_mask(width);
    if (width == 64) {
        memcpy(out, payload, count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t field;
        memcpy(&field, payload + i * (width / 8), sizeof field);
        out[i] = field & mask;
    }
}

static void unzigzag32(uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (numbers[i] >> 1) ^ (0 - (numbers[i] & 1));
    }
}

static void unzigzag64(uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (numbers[i] >> 1) ^ (0 - (numbers[i] & 1));
    }
}
