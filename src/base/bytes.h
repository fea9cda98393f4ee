/*
 * bytes.h - numbers in bytes: little-endian loads and stores, varints, and bounded readers and
 * writers.
 *
 * Everything that varve writes to disk is little-endian. Readers are for bytes that may be damaged:
 * they never read beyond their end and never assert on content. After the first failure a reader or
 * writer stays failed, so a decoder may read a whole record and look at `failed` once.
 *
 *   varint   unsigned LEB128: seven bits a byte, least significant first, high bit = another
 *            follows; one encoding for each value: a padded (overlong) one, or one beyond 64 bits,
 *            is a failure
 *   signed   zigzag (0, -1, 1, -2, ... to 0, 1, 2, 3, ...), then varint
 *
 * Threads: no state but the arguments. No function allocates.
 */
#ifndef VARVE_BASE_BYTES_H
#define VARVE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the longest varint. */
#define VV_VARINT_MAX 10u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VV_LITTLE_16(value) (value)
#define VV_LITTLE_32(value) (value)
#define VV_LITTLE_64(value) (value)
#else
#define VV_LITTLE_16(value) __builtin_bswap16(value)
#define VV_LITTLE_32(value) __builtin_bswap32(value)
#define VV_LITTLE_64(value) __builtin_bswap64(value)
#endif

static inline uint16_t vv_load_u16(const void *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return VV_LITTLE_16(value);
}

static inline uint32_t vv_load_u32(const void *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return VV_LITTLE_32(value);
}

static inline uint64_t vv_load_u64(const void *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return VV_LITTLE_64(value);
}

static inline void vv_store_u16(void *bytes, uint16_t value)
{
    value = VV_LITTLE_16(value);
    memcpy(bytes, &value, sizeof value);
}

static inline void vv_store_u32(void *bytes, uint32_t value)
{
    value = VV_LITTLE_32(value);
    memcpy(bytes, &value, sizeof value);
}

static inline void vv_store_u64(void *bytes, uint64_t value)
{
    value = VV_LITTLE_64(value);
    memcpy(bytes, &value, sizeof value);
}

/* Small magnitudes of either sign become small unsigned numbers, so that their varints are
 * short. */
static inline uint64_t vv_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t vv_unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

/* Bytes that vv_varint_put() writes for the value: 1 to VV_VARINT_MAX. */
static inline size_t vv_varint_size(uint64_t value)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6u) / 7u;
}

/* Writes the varint of value to out, which has room for VV_VARINT_MAX bytes; returns its length. */
static inline size_t vv_varint_put(uint8_t *out, uint64_t value)
{
    size_t length = 0;
    while (value >= 0x80) {
        out[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[length++] = (uint8_t)value;
    return length;
}

/* The same without a branch, for values of any length: writes VV_VARINT_MAX bytes, of which those
 * behind the returned length mean nothing. Dearer than the former if most values are below 128. */
static inline size_t vv_varint_put_whole(uint8_t *out, uint64_t value)
{
    size_t length = vv_varint_size(value);
    /* The low 56 bits, seven to a byte: cut into halves three times. */
    uint64_t groups = value & (UINT64_MAX >> 8);
    groups = (groups & 0x000000000fffffff) | (groups & 0x00fffffff0000000) << 4;
    groups = (groups & 0x00003fff00003fff) | (groups & 0x0fffc0000fffc000) << 2;
    groups = (groups & 0x007f007f007f007f) | (groups & 0x3f803f803f803f80) << 1;
    uint64_t follows = length > 8 ? UINT64_MAX : (UINT64_C(1) << (8 * (length - 1))) - 1;
    vv_store_u64(out, groups | (follows & 0x8080808080808080));
    /* Bits 56 to 62, and 63: if that is set, it says itself that a byte follows. */
    vv_store_u16(out + 8, (uint16_t)(value >> 56 | value >> 63 << 8));
    return length;
}

/* ------------------------------------------------------------------------------- Reader */

/* A place in bytes that may be damaged. at <= end always. */
struct vv_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

/* bytes may be NULL if length is 0. The bytes stay the caller's and must outlive the reader. */
static inline struct vv_reader vv_reader_init(const void *bytes, size_t length)
{
    const uint8_t *start = bytes;
    return (struct vv_reader){.at = start, .end = length != 0 ? start + length : start};
}

/* Bytes that can still be read; 0 after a failure. */
static inline size_t vv_reader_left(const struct vv_reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

/* The next length bytes, which stay where they are, or NULL if there are fewer: then the reader
 * fails. With length 0 the pointer is not to be followed and may be NULL only if the reader has
 * failed or was made from NULL. */
static inline const uint8_t *vv_read_bytes(struct vv_reader *reader, uint64_t length)
{
    if (reader->failed || length > (uint64_t)(reader->end - reader->at)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    if (length != 0) {
        reader->at += (size_t)length;
    }
    return bytes;
}

static inline uint8_t vv_read_u8(struct vv_reader *reader)
{
    const uint8_t *bytes = vv_read_bytes(reader, 1);
    return bytes != NULL ? *bytes : 0;
}

static inline uint16_t vv_read_u16(struct vv_reader *reader)
{
    const uint8_t *bytes = vv_read_bytes(reader, sizeof(uint16_t));
    return bytes != NULL ? vv_load_u16(bytes) : 0;
}

static inline uint32_t vv_read_u32(struct vv_reader *reader)
{
    const uint8_t *bytes = vv_read_bytes(reader, sizeof(uint32_t));
    return bytes != NULL ? vv_load_u32(bytes) : 0;
}

static inline uint64_t vv_read_u64(struct vv_reader *reader)
{
    const uint8_t *bytes = vv_read_bytes(reader, sizeof(uint64_t));
    return bytes != NULL ? vv_load_u64(bytes) : 0;
}

static inline uint64_t vv_read_varint(struct vv_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->failed || reader->at == reader->end) {
            break;
        }
        uint8_t byte = *reader->at++;
        bool overflows = shift == 63 && byte > 1;
        bool overlong = shift != 0 && byte == 0;
        if (overflows || overlong) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    reader->failed = true;
    return 0;
}

static inline int64_t vv_read_varint_signed(struct vv_reader *reader)
{
    return vv_unzigzag(vv_read_varint(reader));
}

/* ------------------------------------------------------------------------------- Writer */

/* A place in the caller's buffer. at <= end always. What does not fit is not written at all. */
struct vv_writer {
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

/* out may be NULL if capacity is 0. */
static inline struct vv_writer vv_writer_init(void *out, size_t capacity)
{
    uint8_t *start = out;
    return (struct vv_writer){.at = start, .end = capacity != 0 ? start + capacity : start};
}

/* Bytes that can still be written; 0 after a failure. */
static inline size_t vv_writer_left(const struct vv_writer *writer)
{
    return writer->failed ? 0 : (size_t)(writer->end - writer->at);
}

/* Room for length bytes, which the caller fills, or NULL if there is not so much: then the writer
 * fails. With length 0 the pointer is not to be followed. */
static inline uint8_t *vv_write_room(struct vv_writer *writer, size_t length)
{
    if (writer->failed || length > (size_t)(writer->end - writer->at)) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *room = writer->at;
    if (length != 0) {
        writer->at += length;
    }
    return room;
}

/* bytes may be NULL if length is 0. */
static inline void vv_write_bytes(struct vv_writer *writer, const void *bytes, size_t length)
{
    uint8_t *room = vv_write_room(writer, length);
    if (room != NULL && length != 0) {
        memcpy(room, bytes, length);
    }
}

static inline void vv_write_u8(struct vv_writer *writer, uint8_t value)
{
    uint8_t *room = vv_write_room(writer, sizeof value);
    if (room != NULL) {
        *room = value;
    }
}

static inline void vv_write_u16(struct vv_writer *writer, uint16_t value)
{
    uint8_t *room = vv_write_room(writer, sizeof value);
    if (room != NULL) {
        vv_store_u16(room, value);
    }
}

static inline void vv_write_u32(struct vv_writer *writer, uint32_t value)
{
    uint8_t *room = vv_write_room(writer, sizeof value);
    if (room != NULL) {
        vv_store_u32(room, value);
    }
}

static inline void vv_write_u64(struct vv_writer *writer, uint64_t value)
{
    uint8_t *room = vv_write_room(writer, sizeof value);
    if (room != NULL) {
        vv_store_u64(room, value);
    }
}

static inline void vv_write_varint(struct vv_writer *writer, uint64_t value)
{
    uint8_t *room = vv_write_room(writer, vv_varint_size(value));
    if (room != NULL) {
        (void)vv_varint_put(room, value);
    }
}

static inline void vv_write_varint_signed(struct vv_writer *writer, int64_t value)
{
    vv_write_varint(writer, vv_zigzag(value));
}

#endif
