/*
 * checksum.c - XXH3-64 by the xxhash library, inlined here and in checksum_avx2.c.
 *
 * Inlining keeps libxxhash out of what libvarve links to, and its header out of other files: the
 * state of a streaming checksum is opaque bytes in ours.
 */
#include "base/checksum.h"

#include "base/checksum_wide.h"
#include "base/cpu.h"
#include "base/status.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(sizeof(struct vv_checksum_state) == sizeof(XXH3_state_t),
               "the opaque bytes hold exactly one xxhash state");
_Static_assert(_Alignof(struct vv_checksum_state) >= _Alignof(XXH3_state_t),
               "xxhash reads its state with aligned vector loads");

static XXH3_state_t *state_of(struct vv_checksum_state *state)
{
    return (XXH3_state_t *)(void *)state->opaque;
}

/* Vectors set in with inputs of more than 240 bytes; a little later they make up for the choice. */
enum { WIDE_BYTES_MIN = 512 };

/* Not inlined: with the question for the machine in it short inputs would pay as much for the call
 * as for their checksum. */
static __attribute__((noinline)) uint64_t checksum_long(const void *bytes, size_t length,
                                                        uint64_t seed)
{
#if defined(__x86_64__)
    if (vv_cpu_isa() != VV_ISA_SCALAR) {
        return vv_checksum_avx2(bytes, length, seed);
    }
#endif
    return XXH3_64bits_withSeed(bytes, length, seed);
}

uint64_t vv_checksum(const void *bytes, size_t length, uint64_t seed)
{
    return length < WIDE_BYTES_MIN ? XXH3_64bits_withSeed(bytes, length, seed)
                                   : checksum_long(bytes, length, seed);
}

uint64_t vv_hash(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}

void vv_checksum_init(struct vv_checksum_state *state, uint64_t seed)
{
    /* xxhash reads fields that its reset does not write; a fresh state must be initialised once. */
    XXH3_INITSTATE(state_of(state));
    XXH_errorcode code = XXH3_64bits_reset_withSeed(state_of(state), seed);
    VV_ASSERT(code == XXH_OK);
}

void vv_checksum_update(struct vv_checksum_state *state, const void *bytes, size_t length)
{
    if (length == 0) {
        return;
    }
    XXH_errorcode code = XXH3_64bits_update(state_of(state), bytes, length);
    VV_ASSERT(code == XXH_OK);
}

uint64_t vv_checksum_finish(const struct vv_checksum_state *state)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)state->opaque);
}
