/*
 * ring.c - reservation by one word, publication by one cell per frame.
 *
 *   word:  [generation, 11 bits | closed, 1 bit | position / 8, 52 bits]
 *   bytes: [....frame frame fra|me frame....]          a frame may lie across the end of the memory
 *   ends:  one cell for 32 bytes of ring; the cell of a frame's first byte tells where it ends
 *
 * R1  One word orders everything: positions never overlap and never leave a gap, a generation
 *     begins at an exact position, and nothing is reserved while the ring is closed.
 * R2  The limit never sinks. So a producer may check it against a word that it then swaps, even if
 *     the ring was closed and opened at the same position in between: what fitted still does.
 * R3  A cell counts for position p only if it holds more than p: what an earlier round left there
 *     is the end of a frame that began a capacity before and is at most half of one long. Frames
 *     are longer than a cell's share, so that no two frames of a round have the same one.
 * R4  Publishing releases the bytes to the consumer, raising the limit gives them back.
 * Choice: cells beside the bytes instead of a word in each frame's header, because what stands in
 * the ring from the round before is the users' data and could be taken for any word.
 */
#include "storage/log/ring.h"

#include <string.h>

#include "os/pages.h"

#define CLOSED_BIT VV_RING_CLOSED_BIT
#define GENERATION_SHIFT VV_RING_GENERATION_SHIFT

_Static_assert((int)VV_RING_FRAME_BYTES_MIN >= (int)VV_RING_CELL_BYTES,
               "one frame for a cell (R3)");

static uint64_t position_of(uint64_t word)
{
    return vv_ring_position_seen(word);
}

void vv_ring_init(struct vv_ring *ring, uint64_t capacity, uint64_t end)
{
    VV_ASSERT((capacity & (capacity - 1)) == 0 && capacity >= VV_RING_BYTES_MIN &&
              end % VV_RING_ALIGNMENT == 0 && end <= VV_RING_POSITION_MAX);
    memset(ring, 0, sizeof(*ring));
    ring->capacity = capacity;
    atomic_init(&ring->word, UINT64_C(1) << GENERATION_SHIFT | end / VV_RING_ALIGNMENT);
    atomic_init(&ring->limit, end);
    atomic_init(&ring->generation, 1);
}

static size_t cells_bytes(const struct vv_ring *ring)
{
    return ring->capacity / VV_RING_CELL_BYTES * sizeof(*ring->frame_ends);
}

void vv_ring_fini(struct vv_ring *ring)
{
    vv_pages_free(ring->bytes, ring->capacity);
    vv_pages_free(ring->frame_ends, cells_bytes(ring));
    ring->bytes = NULL;
    ring->frame_ends = NULL;
}

varve_status vv_ring_allocate(struct vv_ring *ring)
{
    if (ring->bytes != NULL) {
        return VARVE_OK;
    }
    _Atomic uint64_t *ends = vv_pages_alloc_sparse(cells_bytes(ring));
    ring->bytes = ends == NULL ? NULL : vv_pages_alloc_sparse(ring->capacity);
    if (ring->bytes == NULL) {
        vv_pages_free(ends, cells_bytes(ring));
        return VARVE_NO_MEMORY;
    }
    ring->frame_ends = ends;
    return VARVE_OK;
}

uint64_t vv_ring_generation(const struct vv_ring *ring)
{
    return vv_ring_generation_seen(ring, vv_ring_look(ring));
}

uint64_t vv_ring_end(const struct vv_ring *ring)
{
    return position_of(atomic_load(&ring->word));
}

enum vv_ring_outcome vv_ring_reserve(struct vv_ring *ring, uint64_t bytes, uint64_t generation,
                                     uint64_t *position)
{
    VV_ASSERT(bytes >= VV_RING_FRAME_BYTES_MIN && bytes % VV_RING_ALIGNMENT == 0 &&
              bytes <= ring->capacity / 2);
    uint64_t word = atomic_load(&ring->word);
    do {
        vv_ring_step(ring, VV_RING_STEP_LOADED);
        if (generation != 0 && vv_ring_generation_seen(ring, word) != generation) {
            return VV_RING_OTHER_GENERATION;
        }
        if ((word & CLOSED_BIT) != 0 || position_of(word) + bytes > atomic_load(&ring->limit)) {
            return VV_RING_NO_ROOM;
        }
        vv_ring_step(ring, VV_RING_STEP_CHECKED);
    } while (!atomic_compare_exchange_weak(&ring->word, &word, word + bytes / VV_RING_ALIGNMENT));
    *position = position_of(word);
    vv_ring_step(ring, VV_RING_STEP_RESERVED);
    return VV_RING_RESERVED;
}

void vv_ring_write(struct vv_ring *ring, uint64_t position, const void *bytes, size_t length)
{
    size_t at = position & (ring->capacity - 1);
    size_t first = ring->capacity - at;
    if (__builtin_expect(length <= first, 1)) {
        if (length > 0) {
            memcpy(ring->bytes + at, bytes, length);
        }
        return;
    }
    memcpy(ring->bytes + at, bytes, first);
    memcpy(ring->bytes, (const uint8_t *)bytes + first, length - first);
}

void vv_ring_read(const struct vv_ring *ring, uint64_t position, void *bytes, size_t length)
{
    for (size_t done = 0, part; done < length; done += part) {
        const uint8_t *piece;
        part = vv_ring_piece(ring, position + done, position + length, &piece);
        memcpy((uint8_t *)bytes + done, piece, part);
    }
}

size_t vv_ring_piece(const struct vv_ring *ring, uint64_t position, uint64_t end,
                     const uint8_t **bytes)
{
    size_t at = position & (ring->capacity - 1);
    *bytes = ring->bytes + at;
    return ring->capacity - at < end - position ? ring->capacity - at : end - position;
}

void vv_ring_raise_limit(struct vv_ring *ring, uint64_t limit)
{
    if (limit > VV_RING_POSITION_MAX) {
        limit = VV_RING_POSITION_MAX;
    }
    VV_ASSERT(limit >= atomic_load(&ring->limit)); /* R2 */
    atomic_store(&ring->limit, limit);
}

bool vv_ring_has_room(const struct vv_ring *ring, uint64_t bytes)
{
    uint64_t word = atomic_load(&ring->word);
    return (word & CLOSED_BIT) == 0 && position_of(word) + bytes <= atomic_load(&ring->limit);
}

uint64_t vv_ring_close(struct vv_ring *ring)
{
    return position_of(atomic_fetch_or(&ring->word, CLOSED_BIT));
}

void vv_ring_open(struct vv_ring *ring)
{
    atomic_fetch_and(&ring->word, ~CLOSED_BIT);
}

uint64_t vv_ring_cut(struct vv_ring *ring)
{
    /* Overflows out of the top of the word, into nothing. */
    uint64_t word = atomic_fetch_add(&ring->word, UINT64_C(1) << GENERATION_SHIFT);
    atomic_fetch_add(&ring->generation, 1);
    return position_of(word);
}
