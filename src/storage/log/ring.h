/*
 * ring.h - the write ring: frames of the log in memory, put there by any number of threads at once.
 *
 *            durable            written        end
 *   ---------|xxxxxxxxxxxxxxxxxx|xxxxx ..... x x|---------   positions (LSNs), which only grow;
 *    reused    held for a relog   ^ first frame               position p lies at byte p % capacity
 *                                   not published yet
 *
 * A producer reserves (one compare-and-swap gives it a position and the head generation that it
 * belongs to), copies its frame there and publishes it. None of these waits for anybody, so that a
 * frame that was reserved will be published, however late. One consumer at a time walks the
 * published frames in order of their positions.
 *
 * Reserving respects a limit, which the consumer raises: bytes that are not durable yet are not
 * overwritten, and no frame is accepted without room in the log's segment. Closing the ring stops
 * reservations at an exact position, cutting starts a new generation at one.
 */
#ifndef VARVE_STORAGE_RING_H
#define VARVE_STORAGE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    VV_RING_ALIGNMENT = 8,         /* of every position */
    VV_RING_FRAME_BYTES_MIN = 48,  /* a frame of less is none */
    VV_RING_BYTES_MIN = 256 << 10, /* small ones are for tests */
    VV_RING_BYTES_DEFAULT = 8 << 20,
};

/* Positions beyond this do not fit into the reservation word: 36 PB of log in a shard's life. */
#define VV_RING_POSITION_MAX (((UINT64_C(1) << 52) - 1) * VV_RING_ALIGNMENT)

/* The word of a ring: see ring.c. */
enum { VV_RING_CELL_BYTES = 32, VV_RING_POSITION_BITS = 52, VV_RING_GENERATION_BITS = 11 };
#define VV_RING_POSITION_MASK ((UINT64_C(1) << VV_RING_POSITION_BITS) - 1)
#define VV_RING_CLOSED_BIT (UINT64_C(1) << VV_RING_POSITION_BITS)
#define VV_RING_GENERATION_SHIFT (VV_RING_POSITION_BITS + 1)
_Static_assert(VV_RING_GENERATION_SHIFT + VV_RING_GENERATION_BITS == 64, "the word is full");

/* Where a thread stands, for tests that stop it there. */
enum vv_ring_step {
    VV_RING_STEP_LOADED,    /* the word is read, nothing else */
    VV_RING_STEP_CHECKED,   /* there is room, the word is not swapped yet */
    VV_RING_STEP_RESERVED,  /* nothing is copied yet */
    VV_RING_STEP_COPIED,    /* not published yet */
    VV_RING_STEP_PUBLISHED, /* not applied to the head yet */
};

struct vv_ring {
    /* Constant once the limit was raised for the first time. */
    uint8_t *bytes;
    _Atomic uint64_t *frame_ends; /* R3 */
    uint64_t capacity;            /* a power of two */

    /* Constant after init; NULL but in tests. */
    void (*step)(void *context, enum vv_ring_step step);
    void *step_context;

    /* Shared. */
    _Alignas(64) _Atomic uint64_t word; /* R1 */
    _Alignas(64) _Atomic uint64_t limit;
    _Atomic uint64_t generation; /* all bits of it; follows the word */
};

/* Starts at position end, without memory and without room for anything. */
void vv_ring_init(struct vv_ring *ring, uint64_t capacity, uint64_t end);
void vv_ring_fini(struct vv_ring *ring);
/* Allocates unless that was done. The consumer's call. */
varve_status vv_ring_allocate(struct vv_ring *ring) VARVE_MUST_CHECK;

/* ---- producers ---- */

/* The generation that reservations belong to now: 1, 2, ... */
uint64_t vv_ring_generation(const struct vv_ring *ring);
/* Where the next reservation will begin. */
uint64_t vv_ring_end(const struct vv_ring *ring);

enum vv_ring_outcome {
    VV_RING_RESERVED,
    VV_RING_NO_ROOM,          /* or closed: the consumer can help */
    VV_RING_OTHER_GENERATION, /* the wanted one has ended */
};

/**
 * vv_ring_reserve() - take the next bytes of the ring; whoever gets them publishes them.
 *
 * Lock-free. Two reservations have the order of their positions, and the generation of the later
 * one is not less.
 * @bytes       a multiple of VV_RING_ALIGNMENT from VV_RING_FRAME_BYTES_MIN to capacity / 2.
 * @generation  the only one that will do; 0: any.
 * @position    out, of the first byte; written only on RESERVED.
 */
enum vv_ring_outcome vv_ring_reserve(struct vv_ring *ring, uint64_t bytes, uint64_t generation,
                                     uint64_t *position) VARVE_MUST_CHECK;

/* Copies in, by the reservation's owner before it publishes, or by the consumer. */
void vv_ring_write(struct vv_ring *ring, uint64_t position, const void *bytes, size_t length);

static inline void vv_ring_step(const struct vv_ring *ring, enum vv_ring_step step)
{
    if (__builtin_expect(ring->step != NULL, 0)) {
        ring->step(ring->step_context, step);
    }
}

/* Where these bytes lie in memory, for the same two; NULL if that is across its end. */
static inline uint8_t *vv_ring_place(const struct vv_ring *ring, uint64_t position, size_t length)
{
    size_t at = position & (ring->capacity - 1);
    return ring->capacity - at < length ? NULL : ring->bytes + at;
}

static inline _Atomic uint64_t *vv_ring_cell(const struct vv_ring *ring, uint64_t position)
{
    return &ring->frame_ends[(position & (ring->capacity - 1)) / VV_RING_CELL_BYTES];
}

/* The frame at position is complete up to end. */
static inline void vv_ring_publish(struct vv_ring *ring, uint64_t position, uint64_t end)
{
    vv_ring_step(ring, VV_RING_STEP_COPIED);
    atomic_store_explicit(vv_ring_cell(ring, position), end, memory_order_release); /* R4 */
    vv_ring_step(ring, VV_RING_STEP_PUBLISHED);
}

/* ---- the same by a look, for who has to know the generation before it reserves ---- */

/* What was seen is the word: position and generation, both of one moment. */
static inline uint64_t vv_ring_look(const struct vv_ring *ring)
{
    return atomic_load(&ring->word);
}
static inline uint64_t vv_ring_position_seen(uint64_t seen)
{
    return (seen & VV_RING_POSITION_MASK) * VV_RING_ALIGNMENT;
}
/* The word has the low bits of the generation. The rest is stored behind it, so that it may be one
 * off in either direction: the nearest number with these low bits is meant. */
static inline uint64_t vv_ring_generation_seen(const struct vv_ring *ring, uint64_t seen)
{
    uint64_t near = atomic_load(&ring->generation);
    uint64_t distance = (seen >> VV_RING_GENERATION_SHIFT) - near;
    unsigned unused = 64 - VV_RING_GENERATION_BITS;
    return near + (uint64_t)((int64_t)(distance << unused) >> unused);
}
/* Reserves at the position seen, with room and nobody in between; false: try vv_ring_reserve(). */
static inline bool vv_ring_reserve_seen(struct vv_ring *ring, uint64_t seen, uint64_t bytes)
{
    vv_ring_step(ring, VV_RING_STEP_CHECKED);
    bool reserved =
        (seen & VV_RING_CLOSED_BIT) == 0 &&
        vv_ring_position_seen(seen) + bytes <= atomic_load(&ring->limit) &&
        atomic_compare_exchange_strong(&ring->word, &seen, seen + bytes / VV_RING_ALIGNMENT);
    vv_ring_step(ring, VV_RING_STEP_RESERVED);
    return reserved;
}

/* ---- the consumer: one thread at a time, which its callers see to ---- */

/* End of the frame that begins at position; 0 if it is not published yet, or not reserved. */
static inline uint64_t vv_ring_frame_end(const struct vv_ring *ring, uint64_t position)
{
    if (ring->frame_ends == NULL) {
        return 0;
    }
    uint64_t end = atomic_load_explicit(vv_ring_cell(ring, position), memory_order_acquire);
    return end > position ? end : 0; /* R3 */
}
/* Copies out of published frames. */
void vv_ring_read(const struct vv_ring *ring, uint64_t position, void *bytes, size_t length);
/* The longest piece of [position, end) that lies in one piece in memory: *bytes, its length is
 * returned. */
size_t vv_ring_piece(const struct vv_ring *ring, uint64_t position, uint64_t end,
                     const uint8_t **bytes);

/* Reservations may go up to here from now on; never less than before. */
void vv_ring_raise_limit(struct vv_ring *ring, uint64_t limit);
/* Whether a reservation of so many bytes would find room now. */
bool vv_ring_has_room(const struct vv_ring *ring, uint64_t bytes);
/* No reservation succeeds any more; returns where the last one ended. */
uint64_t vv_ring_close(struct vv_ring *ring);
void vv_ring_open(struct vv_ring *ring);
/* Ends the present generation: what is reserved from the returned position on belongs to the next
 * one. One caller at a time; not tied to the consumer. */
uint64_t vv_ring_cut(struct vv_ring *ring);

#endif
