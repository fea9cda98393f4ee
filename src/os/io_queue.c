/*
 * io_queue.c - a request queue: over io_uring (uring.c), or a synchronous stand-in for it.
 *
 *   done[]  | . . . R7 R8 R9 . . |    ring of depth pointers to finished requests
 *                   ^first      ^first + count
 *
 * Q1  count <= depth: submit takes only as many requests as there are free places.
 * Q2  A request's result is written before it enters the ring; reap hands each out once, oldest
 *     first.
 * Threads: one at a time per queue.
 */
#include "os/io_queue.h"

#include <errno.h>

#include "os/alloc.h"
#include "os/uring.h"

struct vv_io_queue {
    const struct vv_env *env;
    struct vv_uring *uring; /* NULL: performs requests itself, and what follows counts */
    unsigned depth;
    unsigned first;
    unsigned count;
    struct vv_io *done[];
};

int vv_io_queue_create(const struct vv_env *env, unsigned depth, struct vv_io_queue **queue)
{
    VV_ASSERT(depth >= 1);
    struct vv_io_queue *created =
        vv_alloc_zeroed(1, sizeof(*created) + depth * sizeof(created->done[0]));
    if (created == NULL) {
        return -ENOMEM;
    }
    created->env = env;
    created->depth = depth;
    *queue = created;
    return 0;
}

int vv_io_queue_create_uring(const struct vv_env *env, unsigned depth, struct vv_io_queue **queue)
{
    int result = vv_io_queue_create(env, depth, queue);
    if (result == 0 && vv_uring_create(depth, &(*queue)->uring) != 0) {
        (*queue)->uring = NULL;
    }
    return result;
}

bool vv_io_queue_is_uring(const struct vv_io_queue *queue)
{
    return queue->uring != NULL;
}

void vv_io_queue_destroy(struct vv_io_queue *queue)
{
    VV_ASSERT(queue == NULL || queue->count == 0);
    if (queue != NULL) {
        vv_uring_destroy(queue->uring);
    }
    vv_free(queue);
}

static int64_t perform(const struct vv_env *env, const struct vv_io *request)
{
    switch (request->kind) {
    case VV_IO_WRITE:
        return env->ops->pwrite(env->ctx, request->file, request->bytes, request->length,
                                request->offset);
    case VV_IO_READ:
        return env->ops->pread(env->ctx, request->file, request->bytes, request->length,
                               request->offset);
    case VV_IO_FDATASYNC:
        return env->ops->fdatasync(env->ctx, request->file);
    }
    return -EINVAL;
}

int vv_io_queue_submit(struct vv_io_queue *queue, struct vv_io *const *requests, unsigned count)
{
    if (queue->uring != NULL) {
        return vv_uring_submit(queue->uring, requests, count);
    }
    unsigned taken = 0;
    while (taken < count && queue->count < queue->depth) {
        struct vv_io *request = requests[taken++];
        request->result = perform(queue->env, request);
        queue->done[(queue->first + queue->count++) % queue->depth] = request;
    }
    return (int)taken;
}

int vv_io_queue_reap(struct vv_io_queue *queue, struct vv_io **done, unsigned capacity)
{
    if (queue->uring != NULL) {
        return vv_uring_reap(queue->uring, done, capacity);
    }
    unsigned reaped = 0;
    while (reaped < capacity && queue->count > 0) {
        done[reaped++] = queue->done[queue->first];
        queue->first = (queue->first + 1) % queue->depth;
        queue->count--;
    }
    return (int)reaped;
}
