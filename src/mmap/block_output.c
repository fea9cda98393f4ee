/*
 * block_output.c - sequential writing: aligned pieces of 1 MiB into room that was reserved ahead.
 *
 *   file  |== done ==|== under way ==|.. reserved ..|
 *                                    |-- pending in memory --|
 *                                    ^ written               ^ offset
 *
 * O1  written + pending_bytes == offset.
 * O2  Room is reserved in steps ahead of the writes, so that the file system lays the file out in
 *     few extents. It is a wish: when it is refused (EOPNOTSUPP, or ENOSPC where the file itself
 *     may still fit), writes go on without.
 * O3  A file is truncated to what was written before it is synced, so that reserved room never
 *     shows.
 * O4  A piece that is under way belongs to the queue: it is filled again, or freed, only after its
 *     request was reaped. All are reaped before the file is synced or closed.
 * O5  A short write is continued; whatever else goes wrong poisons the file.
 * Threads: one at a time. Nothing is durable before vv_block_output_sync() has returned OK.
 * Choice: two pieces. Encoding a piece takes some ten times as long as writing it, so that one on
 * its way is all that a queue can use.
 */
#include "mmap/block_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/alloc.h"

enum {
    PIECE_BYTES = 1 << 20,
    RESERVE_BYTES = 16 << 20,
};

varve_status vv_block_output_create(struct vv_block_output *output, const struct vv_env *env,
                                    int directory, const char *name, varve_error *error)
{
    *output = (struct vv_block_output){.env = env, .file = -1, .may_reserve = true};
    (void)snprintf(output->name, sizeof(output->name), "%s", name);
    int result = env->ops->queue_create(env->ctx, VV_BLOCK_OUTPUT_PIECES, &output->queue);
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, name, 0,
                          "a block cannot be written");
    }
    output->file = env->ops->open(env->ctx, directory, name, VV_OPEN_CREATE);
    if (output->file < 0) {
        env->ops->queue_destroy(env->ctx, output->queue);
        return vv_fail_io(error, vv_status_from_errno(-output->file), -output->file, name, 0,
                          "a block cannot be created");
    }
    return VARVE_OK;
}

static varve_status poison(struct vv_block_output *output, int system_errno, uint64_t offset,
                           const char *what, varve_error *error)
{
    output->status = vv_fail_io(error, vv_status_from_errno(system_errno), system_errno,
                                output->name, offset, "%s", what);
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

/* ------------------------------------------------------------------------------- pieces */

/* Looks at what became of a write; continues a short one. */
static varve_status finish_piece(struct vv_block_output *output, struct vv_block_piece *piece,
                                 varve_error *error)
{
    const struct vv_io *request = &piece->request;
    int result = request->result < 0 ? (int)request->result : 0;
    piece->is_under_way = false;
    if (output->status != VARVE_OK) {
        return output->status;
    }
    if (result == 0 && (size_t)request->result < request->length) {
        size_t done = (size_t)request->result;
        result = vv_env_write_all(output->env, output->file, piece->bytes + done,
                                  request->length - done, request->offset + done);
    }
    return result == 0
               ? VARVE_OK
               : poison(output, -result, request->offset, "a block cannot be written", error);
}

/* Waits until the piece is not under way; the first failure of any piece. */
static varve_status wait_for_piece(struct vv_block_output *output,
                                   const struct vv_block_piece *piece, varve_error *error)
{
    const struct vv_env *env = output->env;
    varve_status status = output->status;
    while (piece->is_under_way) {
        struct vv_io *done;
        int reaped = env->ops->reap(env->ctx, output->queue, &done, 1);
        VV_ASSERT(reaped == 1); /* it is under way, and comes back */
        status = vv_first(status, finish_piece(output, done->user, error));
    }
    return status;
}

static varve_status wait_for_all(struct vv_block_output *output, varve_error *error)
{
    varve_status status = output->status;
    for (unsigned i = 0; i < VV_BLOCK_OUTPUT_PIECES; i++) {
        status = vv_first(status, wait_for_piece(output, &output->pieces[i], error));
    }
    return status;
}

/* Gives the present piece to the queue, as far as it is filled, and begins the next one. */
static varve_status write_pending(struct vv_block_output *output, varve_error *error)
{
    const struct vv_env *env = output->env;
    struct vv_block_piece *piece = &output->pieces[output->present];
    struct vv_io *request = &piece->request;
    *request = (struct vv_io){.kind = VV_IO_WRITE,
                              .file = output->file,
                              .bytes = piece->bytes,
                              .length = output->pending_bytes,
                              .offset = output->written,
                              .user = piece};
    int taken = env->ops->submit(env->ctx, output->queue, &request, 1);
    VV_ASSERT(taken == 1); /* it holds as many requests as there are pieces */
    piece->is_under_way = true;
    output->written += output->pending_bytes;
    output->pending_bytes = 0;
    output->present = (output->present + 1) % VV_BLOCK_OUTPUT_PIECES;
    return wait_for_piece(output, &output->pieces[output->present], error);
}

void vv_block_output_fini(struct vv_block_output *output)
{
    if (output->env != NULL && output->file >= 0) {
        const struct vv_env *env = output->env;
        varve_status status = wait_for_all(output, NULL); /* O4 */
        (void)status;                                     /* whoever wants to know has synced */
        env->ops->queue_destroy(env->ctx, output->queue);
        (void)env->ops->close(env->ctx, output->file);
    }
    for (unsigned i = 0; i < VV_BLOCK_OUTPUT_PIECES; i++) {
        vv_free(output->pieces[i].bytes);
    }
    *output = (struct vv_block_output){0};
}

/* Copies as much of bytes as the present piece has room for. */
static varve_status fill_piece(struct vv_block_output *output, const uint8_t *bytes, size_t length,
                               size_t *filled, varve_error *error)
{
    struct vv_block_piece *piece = &output->pieces[output->present];
    if (piece->bytes == NULL) {
        piece->bytes = vv_alloc_aligned(64, PIECE_BYTES);
        if (piece->bytes == NULL) {
            output->status = vv_fail(error, VARVE_NO_MEMORY, "no memory to write a block");
            return output->status;
        }
    }
    size_t room = PIECE_BYTES - output->pending_bytes;
    *filled = length < room ? length : room;
    memcpy(piece->bytes + output->pending_bytes, bytes, *filled);
    output->pending_bytes += *filled;
    output->offset += *filled;
    return VARVE_OK;
}

varve_status vv_block_output_append(struct vv_block_output *output, const void *bytes,
                                    size_t length, varve_error *error)
{
    VV_TRY(output->status);
    for (const uint8_t *next = bytes; length > 0;) {
        size_t filled = 0;
        VV_TRY(fill_piece(output, next, length, &filled, error));
        next += filled;
        length -= filled;
        if (output->pending_bytes == PIECE_BYTES) {
            reserve_ahead(output);
            VV_TRY(write_pending(output, error));
        }
    }
    return VARVE_OK;
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
    if (output->pending_bytes > 0) {
        VV_TRY(write_pending(output, error));
    }
    VV_TRY(wait_for_all(output, error)); /* a sync covers what was reaped before it */
    if (output->reserved > output->written) {
        int result = env->ops->truncate(env->ctx, output->file, output->written);
        if (result != 0) {
            return poison(output, -result, output->written, "a block cannot be cut to its length",
                          error);
        }
    }
    int result = env->ops->fdatasync(env->ctx, output->file);
    if (result != 0) {
        return poison(output, -result, output->written, "a block cannot be synced", error);
    }
    return VARVE_OK;
}
