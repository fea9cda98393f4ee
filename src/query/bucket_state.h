/*
 * bucket_state.h - partial states of aggregates as bytes: written, sent, read, merged elsewhere.
 *
 * A state that was read has the same bits as the one that was written, so that merging states from
 * many places gives what aggregating in one place gives. Bytes: STATE_FORMAT.md. Threads: pure.
 */
#ifndef VARVE_QUERY_BUCKET_STATE_H
#define VARVE_QUERY_BUCKET_STATE_H

#include "pool/buffer.h"
#include "query/bucket.h"

/* Appends a state of at least one sample. more is nullable: no function needs it. LIMIT: more than
 * 2^32 - 1 values of a quantile. */
varve_status vv_bucket_state_encode(const struct vv_bucket *bucket,
                                    const struct vv_bucket_more *more,
                                    struct vv_buffer *out) VARVE_MUST_CHECK;

/* Reads a state of exactly length bytes, which may be any. more (nullable: bytes that have one are
 * CORRUPT then, and the other way round) owns what its values need of memory. VERSION: written by
 * a newer varve; CORRUPT, NO_MEMORY, LIMIT. On failure nothing is to be released. */
varve_status vv_bucket_state_decode(const void *bytes, size_t length,
                                    struct vv_query_memory *memory, struct vv_bucket *bucket,
                                    struct vv_bucket_more *more) VARVE_MUST_CHECK;

/* Releases the values of a state. */
void vv_bucket_more_fini(struct vv_bucket_more *more, struct vv_query_memory *memory);

#endif
