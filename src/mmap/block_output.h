/*
 * block_output.h - a new file written from front to back in large pieces.
 *
 * After the first failure every call returns it again: the file is poisoned. Threads: one at a
 * time.
 */
#ifndef VARVE_MMAP_BLOCK_OUTPUT_H
#define VARVE_MMAP_BLOCK_OUTPUT_H

#include "os/env.h"
#include "pool/buffer.h"

struct vv_block_output {
    const struct vv_env *env;
    int file;
    char name[64];     /* for error messages, cut off */
    uint64_t offset;   /* bytes accepted: where the next ones go */
    uint64_t written;  /* of them given to the file */
    uint64_t reserved; /* the file is this long already */
    bool may_reserve;
    struct vv_buffer pending; /* offset - written bytes */
    varve_status status;
};

/* Creates the file, which must not exist. On failure there is nothing to release. */
varve_status vv_block_output_create(struct vv_block_output *output, const struct vv_env *env,
                                    int directory, const char *name,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Closes the file in any state. */
void vv_block_output_fini(struct vv_block_output *output);
varve_status vv_block_output_append(struct vv_block_output *output, const void *bytes,
                                    size_t length, varve_error *error) VARVE_MUST_CHECK;
/* Appends zeros up to the next multiple of alignment, a power of two. */
varve_status vv_block_output_align(struct vv_block_output *output, size_t alignment,
                                   varve_error *error) VARVE_MUST_CHECK;
/* Writes what is pending, gives reserved room back and syncs data and size. */
varve_status vv_block_output_sync(struct vv_block_output *output,
                                  varve_error *error) VARVE_MUST_CHECK;

#endif
