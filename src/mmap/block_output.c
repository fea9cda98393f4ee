/*
 * block_output.c - sequential writing: aligned pieces of 1 MiB into room that was reserved ahead.
 *
 *   file  |== written ==|.. reserved ..|
 *                       |-- pending in memory --|
 *                                               offset
 *
 * O1  written + pending.length == offset.
 * O2  Room is reserved in steps ahead of the writes, so that the file system lays the file out in
 *     few extents. It is a wish: when it is refused (EOPNOTSUPP, or ENOSPC where the file itself
 *     may still fit), writes go on without.
 * O3  A file is truncated to what was written before it is synced, so that reserved room never
 *     shows.
 * Threads: one at a time. Nothing is durable before vv_block_output_sync() has returned OK.
 */
#include "mmap/block_output.h"

#include <errno.h>
#include <stdio.h>

enum {
    PIECE_BYTES = 1 << 20,
    RESERVE_BYTES = 16 << 20,
};

varve_status vv_block_output_create(struct vv_block_output *output, const struct vv_env *env,
                                    int directory, const char *name, varve_error *error)
{
    *output = (struct vv_block_output){.env = env, .may_reserve = true};
    (void)snprintf(output->name, sizeof(output->name), "%s", name);
    output->file = env->ops->open(env->ctx, directory, name, VV_OPEN_CREATE);
    if (output->file < 0) {
        return vv_fail_io(error, vv_status_from_errno(-output->file), -output->file, name, 0,
                          "a block cannot be created");
    }
    return VARVE_OK;
}

void vv_block_output_fini(struct vv_block_output *output)
{
    if (output->env != NULL && output->file >= 0) {
        (void)output->env->ops->close(output->env->ctx, output->file);
    }
    vv_buffer_fini(&output->pending);
    *output = (struct vv_block_output){0};
}

static varve_status poison(struct vv_block_output *output, int system_errno, const char *what,
                           varve_error *error)
{
    output->status = vv_fail_io(error, vv_status_from_errno(system_errno), system_errno,
                                output->name, output->written, "%s", what);
    return output->status;
}

/* Makes the file longer than what is about to be written. Small files are written in one piece
 * anyway. */
static void reserve_ahead(struct vv_block_output *output)
{
    const struct vv_env *env = output->env;
    if (!output->may_reserve || output->offset <= output->reserved) {
        return;
    }
    uint64_t wanted = output->offset + RESERVE_BYTES;
    if (env->ops->preallocate(env->ctx, output->file, wanted) == 0) {
        output->reserved = wanted;
    } else {
        output->may_reserve = false;
    }
}

/* Writes the first length bytes of what is pending. */
static varve_status write_pending(struct vv_block_output *output, size_t length, varve_error *error)
{
    struct vv_buffer *pending = &output->pending;
    int result =
        vv_env_write_all(output->env, output->file, pending->bytes, length, output->written);
    if (result != 0) {
        return poison(output, -result, "a block cannot be written", error);
    }
    output->written += length;
    pending->length -= length;
    memmove(pending->bytes, pending->bytes + length, pending->length);
    return VARVE_OK;
}

varve_status vv_block_output_append(struct vv_block_output *output, const void *bytes,
                                    size_t length, varve_error *error)
{
    VV_TRY(output->status);
    varve_status status = vv_buffer_append(&output->pending, bytes, length);
    if (status != VARVE_OK) {
        output->status = vv_fail(error, status, "no memory to write a block");
        return output->status;
    }
    output->offset += length;
    if (output->pending.length < PIECE_BYTES) {
        return VARVE_OK;
    }
    reserve_ahead(output);
    return write_pending(output, output->pending.length & ~(size_t)(PIECE_BYTES - 1), error);
}

varve_status vv_block_output_align(struct vv_block_output *output, size_t alignment,
                                   varve_error *error)
{
    static const uint8_t zeros[64];
    VV_ASSERT(alignment <= sizeof(zeros));
    size_t over = (size_t)output->offset & (alignment - 1);
    return over == 0 ? output->status
                     : vv_block_output_append(output, zeros, alignment - over, error);
}

varve_status vv_block_output_sync(struct vv_block_output *output, varve_error *error)
{
    const struct vv_env *env = output->env;
    VV_TRY(output->status);
    if (output->pending.length > 0) {
        VV_TRY(write_pending(output, output->pending.length, error));
    }
    if (output->reserved > output->written) {
        int result = env->ops->truncate(env->ctx, output->file, output->written);
        if (result != 0) {
            return poison(output, -result, "a block cannot be cut to its length", error);
        }
    }
    int result = env->ops->fdatasync(env->ctx, output->file);
    if (result != 0) {
        return poison(output, -result, "a block cannot be synced", error);
    }
    return VARVE_OK;
}
