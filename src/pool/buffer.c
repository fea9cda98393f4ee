/*
 * buffer.c - growing a byte buffer (drawing in buffer.h).
 *
 * B1  The allocation is capacity + VV_BUFFER_PADDING bytes.
 * B2  Capacity at least doubles, so n appended bytes cost at most 2n copied ones.
 */
#include "pool/buffer.h"

#include "os/alloc.h"

enum { FIRST_CAPACITY = 64 };

void vv_buffer_fini(struct vv_buffer *buffer)
{
    vv_free(buffer->bytes);
    vv_buffer_init(buffer);
}

varve_status vv_buffer_grow(struct vv_buffer *buffer, size_t more_bytes)
{
    size_t needed = 0;
    if (__builtin_add_overflow(buffer->length, more_bytes, &needed) ||
        needed > PTRDIFF_MAX - VV_BUFFER_PADDING) {
        return VARVE_NO_MEMORY;
    }
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
    if (capacity < needed) {
        capacity = needed / 2 < capacity ? capacity * 2 : needed;
    }
    uint8_t *bytes = vv_realloc(buffer->bytes, capacity + VV_BUFFER_PADDING);
    if (bytes == NULL) {
        return VARVE_NO_MEMORY;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return VARVE_OK;
}
