/*
 * block_output.h - a new file written from front to back in large pieces.
 *
 * After the first failure every call returns it again: the file is poisoned. Threads: one at a
 * time.
 */
#ifndef VARVE_MMAP_BLOCK_OUTPUT_H
#define VARVE_MMAP_BLOCK_OUTPUT_H

#include "os/env.h"

enum { VV_BLOCK_OUTPUT_PIECES = 2 };

/* A part of the file in memory. */
struct vv_block_piece {
    uint8_t *bytes; /* NULL until it is needed for the first time */
    struct vv_io request;
    bool is_under_way;
};

struct vv_block_output {
    const struct vv_env *env;
    int file;
    char name[64];     /* for error messages, cut off */
    uint64_t offset;   /* bytes accepted: where the next ones go */
    uint64_t written;  /* of them given to the file */
    uint64_t reserved; /* the file is this long already */
    bool may_reserve;
    struct vv_io_queue *queue;
    struct vv_block_piece pieces[VV_BLOCK_OUTPUT_PIECES];
    unsigned present;     /* the piece that is filled */
    size_t pending_bytes; /* in it */
    varve_status status;
};

/* Creates the file, which must not exist. On failure there is nothing to release. */
varve_status vv_block_output_create(struct vv_block_output *output, const struct vv_env *env,
                                    int directory, const char *name,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Closes the file in any state; waits for what is under way. */
void vv_block_output_fini(struct vv_block_output *output);
varve_status vv_block_output_append(struct vv_block_output *output, const void *bytes,
                                    size_t length, varve_error *error) VARVE_MUST_CHECK;
/* Appends zeros up to the next multiple of alignment, a power of two. */
varve_status vv_block_output_align(struct vv_block_output *output, size_t alignment,
                                   varve_error *error) VARVE_MUST_CHECK;
/* Writes what is pending, waits for all writes, gives reserved room back and syncs data and
 * size. */
varve_status vv_block_output_sync(struct vv_block_output *output,
                                  varve_error *error) VARVE_MUST_CHECK;

#endif
