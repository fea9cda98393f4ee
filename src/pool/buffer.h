/*
 * buffer.h - a byte buffer that grows.
 *
 *   bytes |#############|.............|~~~~~~~~|
 *         0        length      capacity        + VV_BUFFER_PADDING
 *
 * The padding belongs to the allocation, so that kernels with wide loads may read (never write) up
 * to VV_BUFFER_PADDING bytes behind length, whatever stands there. A buffer that never held
 * anything has bytes == NULL and no padding.
 *
 * A zeroed struct is an empty buffer. Appending is amortised O(1); a failed append changes nothing.
 * bytes is valid until the next call that may grow the buffer. Threads: one at a time.
 */
#ifndef VARVE_POOL_BUFFER_H
#define VARVE_POOL_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/status.h"

/* Readable bytes behind length: one load of the widest vector register. */
#define VV_BUFFER_PADDING 64u

struct vv_buffer {
    uint8_t *bytes;  /* NULL until the first reserve */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes that fit without growing */
};

static inline void vv_buffer_init(struct vv_buffer *buffer)
{
    *buffer = (struct vv_buffer){0};
}

/* Gives the memory back and leaves an empty buffer. */
void vv_buffer_fini(struct vv_buffer *buffer);

/* Allocates so that capacity >= length + more_bytes, at least doubling: the part of
 * vv_buffer_reserve() that is not inlined. */
varve_status vv_buffer_grow(struct vv_buffer *buffer, size_t more_bytes);

/* Forgets the content, keeps the memory. */
static inline void vv_buffer_clear(struct vv_buffer *buffer)
{
    buffer->length = 0;
}

/**
 * vv_buffer_reserve() - make room for more_bytes behind length.
 *
 * The caller may then write there itself and add to length what it wrote.
 * Returns VARVE_OK;  VARVE_NO_MEMORY  nothing changed.
 */
static inline varve_status vv_buffer_reserve(struct vv_buffer *buffer, size_t more_bytes)
{
    if (buffer->bytes != NULL && more_bytes <= buffer->capacity - buffer->length) {
        return VARVE_OK;
    }
    return vv_buffer_grow(buffer, more_bytes);
}

/* bytes may be NULL if length is 0; must not point into this buffer. */
static inline varve_status vv_buffer_append(struct vv_buffer *buffer, const void *bytes,
                                            size_t length)
{
    VV_TRY(vv_buffer_reserve(buffer, length));
    if (length > 0) {
        memcpy(buffer->bytes + buffer->length, bytes, length);
        buffer->length += length;
    }
    return VARVE_OK;
}

static inline varve_status vv_buffer_append_u8(struct vv_buffer *buffer, uint8_t value)
{
    VV_TRY(vv_buffer_reserve(buffer, sizeof(value)));
    buffer->bytes[buffer->length++] = value;
    return VARVE_OK;
}

/* Little-endian. */
static inline varve_status vv_buffer_append_u32(struct vv_buffer *buffer, uint32_t value)
{
    VV_TRY(vv_buffer_reserve(buffer, sizeof(value)));
    vv_store_u32(buffer->bytes + buffer->length, value);
    buffer->length += sizeof(value);
    return VARVE_OK;
}

static inline varve_status vv_buffer_append_u64(struct vv_buffer *buffer, uint64_t value)
{
    VV_TRY(vv_buffer_reserve(buffer, sizeof(value)));
    vv_store_u64(buffer->bytes + buffer->length, value);
    buffer->length += sizeof(value);
    return VARVE_OK;
}

/* As vv_varint_put() in base/bytes.h. */
static inline varve_status vv_buffer_append_varint(struct vv_buffer *buffer, uint64_t value)
{
    VV_TRY(vv_buffer_reserve(buffer, VV_VARINT_MAX));
    buffer->length += vv_varint_put(buffer->bytes + buffer->length, value);
    return VARVE_OK;
}

#endif
