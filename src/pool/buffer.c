/*
 * buffer.c - growing a byte buffer (drawing in buffer.h).
 *
 * B1  The allocation is capacity + VV_BUFFER_PADDING bytes. From LARGE_BYTES on it is pages of its
 *     own: they grow without being copied, and go back to the system at once, while the heap would
 *     keep what was once needed to write a large block.
 * B2  Capacity at least doubles, so n appended bytes cost at most 2n copied ones.
 */
#include "pool/buffer.h"

#include "os/alloc.h"
#include "os/pages.h"
#include "pool/poison.h"

enum { FIRST_CAPACITY = 64, LARGE_BYTES = 1 << 20 };

static size_t allocation(size_t capacity)
{
    return capacity + VV_BUFFER_PADDING;
}

/* Whether an allocation is pages. AddressSanitizer watches over the heap only. */
static bool is_large(size_t bytes)
{
#ifdef VV_ADDRESS_SANITIZER
    (void)bytes;
    return false;
#else
    return bytes >= LARGE_BYTES;
#endif
}

void vv_buffer_fini(struct vv_buffer *buffer)
{
    if (buffer->bytes != NULL && is_large(allocation(buffer->capacity))) {
        vv_pages_free(buffer->bytes, allocation(buffer->capacity));
    } else {
        vv_free(buffer->bytes);
    }
    vv_buffer_init(buffer);
}

/* At least so many bytes, with what the buffer holds. */
static varve_status reallocate(struct vv_buffer *buffer, size_t bytes)
{
    bool was_large = buffer->bytes != NULL && is_large(allocation(buffer->capacity));
    uint8_t *grown;
    if (!is_large(bytes)) {
        grown = vv_realloc(buffer->bytes, bytes);
    } else {
        bytes = vv_pages_round(bytes);
        grown =
            vv_pages_realloc(was_large ? buffer->bytes : NULL, allocation(buffer->capacity), bytes);
    }
    if (grown == NULL) {
        return VARVE_NO_MEMORY;
    }
    if (is_large(bytes) && !was_large && buffer->bytes != NULL) {
        memcpy(grown, buffer->bytes, buffer->length);
        vv_free(buffer->bytes);
    }
    buffer->bytes = grown;
    buffer->capacity = bytes - VV_BUFFER_PADDING;
    return VARVE_OK;
}

varve_status vv_buffer_grow(struct vv_buffer *buffer, size_t more_bytes)
{
    size_t needed = 0;
    if (__builtin_add_overflow(buffer->length, more_bytes, &needed) ||
        needed > PTRDIFF_MAX - VV_BUFFER_PADDING - VV_PAGES_SMALL_BYTES) {
        return VARVE_NO_MEMORY;
    }
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
    if (capacity < needed) {
        capacity = needed / 2 < capacity ? capacity * 2 : needed;
    }
    return reallocate(buffer, allocation(capacity));
}
