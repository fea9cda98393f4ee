/*
 * uring.c - a ring of requests to the kernel.
 *
 *   taken[]  | R4 R5 R6 |    from submit until reap returns them, in any order
 *   kernel:  submission queue -> work -> completion queue
 *
 * Y1  A request and its bytes are the kernel's from submit until its completion was seen.
 * Y2  A completion of -EINTR or -EAGAIN says that nothing was done: the request is made again as a
 *     plain call, which waits. Short counts are the caller's to continue, as of every backend.
 * Y3  When the kernel refuses to take what stands in the submission queue, the ring is broken: what
 *     it has taken is waited for, what it has not is performed by plain calls, as is everything
 *     that comes later.
 * Y4  After fork() the child does not have the memory of the ring (MADV_DONTFORK) and leaves it
 *     alone: whatever it asks for fails, and so does what was under way when it was forked off.
 */
#include "os/uring.h"

#include <errno.h>

#ifdef VARVE_WITH_LIBURING

#include <liburing.h>
#include <unistd.h>

#include "os/alloc.h"

struct vv_uring {
    struct io_uring ring;
    pid_t process; /* Y4 */
    unsigned depth;
    unsigned taken_count;
    unsigned finished_count; /* the last so many of taken[] have their results already: Y3 */
    bool is_broken;
    struct vv_io *taken[];
};

int vv_uring_create(unsigned depth, struct vv_uring **uring)
{
    struct vv_uring *created =
        vv_alloc_zeroed(1, sizeof(*created) + depth * sizeof(struct vv_io *));
    if (created == NULL) {
        return -ENOMEM;
    }
    int result = io_uring_queue_init(depth, &created->ring, 0);
    if (result == 0) {
        result = io_uring_ring_dontfork(&created->ring);
        if (result != 0) {
            io_uring_queue_exit(&created->ring);
        }
    }
    if (result != 0) {
        vv_free(created);
        return result;
    }
    created->process = getpid();
    created->depth = depth;
    *uring = created;
    return 0;
}

static bool is_child(const struct vv_uring *uring)
{
    return uring->process != getpid();
}

void vv_uring_destroy(struct vv_uring *uring)
{
    if (uring == NULL) {
        return;
    }
    if (!is_child(uring)) { /* else the memory is not there, and the descriptor harmless */
        VV_ASSERT(uring->taken_count == 0);
        io_uring_queue_exit(&uring->ring);
    }
    vv_free(uring);
}

/* Does without the kernel's queue. */
static int64_t perform(const struct vv_uring *uring, const struct vv_io *request)
{
    const struct vv_env *env = vv_env_posix();
    if (is_child(uring)) {
        return -EPERM;
    }
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

static void prepare(struct vv_uring *uring, struct vv_io *request)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);
    VV_ASSERT(entry != NULL); /* the ring has at least depth entries */
    unsigned length = request->length < INT32_MAX ? (unsigned)request->length : INT32_MAX;
    switch (request->kind) {
    case VV_IO_WRITE:
        io_uring_prep_write(entry, request->file, request->bytes, length, request->offset);
        break;
    case VV_IO_READ:
        io_uring_prep_read(entry, request->file, request->bytes, length, request->offset);
        break;
    case VV_IO_FDATASYNC:
        io_uring_prep_fsync(entry, request->file, IORING_FSYNC_DATASYNC);
        break;
    }
    io_uring_sqe_set_data(entry, request);
}

/* From now on nothing is given to the kernel: Y3, Y4. unsubmitted: of taken[], the last ones. */
static void break_off(struct vv_uring *uring, unsigned unsubmitted)
{
    uring->is_broken = true;
    uring->finished_count = unsubmitted;
    for (unsigned i = uring->taken_count - unsubmitted; i < uring->taken_count; i++) {
        uring->taken[i]->result = perform(uring, uring->taken[i]);
    }
}

static void break_off_in_child(struct vv_uring *uring)
{
    if (!uring->is_broken && is_child(uring)) {
        break_off(uring, uring->taken_count);
    }
}

/* Gives the kernel what stands in the submission queue; wait: and returns when something is
 * done. */
static void enter(struct vv_uring *uring, bool wait)
{
    int result;
    do {
        result = wait ? io_uring_submit_and_wait(&uring->ring, 1) : io_uring_submit(&uring->ring);
    } while (result == -EINTR);
    unsigned unsubmitted = io_uring_sq_ready(&uring->ring);
    /* No memory or no room for completions now, but some to come: those make room. */
    bool may_pass =
        (result == -EAGAIN || result == -EBUSY) && uring->taken_count > unsubmitted && !wait;
    if (result < 0 && !may_pass) {
        break_off(uring, unsubmitted);
    }
}

int vv_uring_submit(struct vv_uring *uring, struct vv_io *const *requests, unsigned count)
{
    unsigned room = uring->depth - uring->taken_count;
    unsigned taken = count < room ? count : room;
    break_off_in_child(uring);
    for (unsigned i = 0; i < taken; i++) {
        uring->taken[uring->taken_count++] = requests[i];
        if (uring->is_broken) {
            requests[i]->result = perform(uring, requests[i]);
            uring->finished_count++;
        } else {
            prepare(uring, requests[i]);
        }
    }
    if (taken > 0 && !uring->is_broken) {
        enter(uring, false);
    }
    return (int)taken;
}

/* Takes a request out of taken[]; the finished ones stay the last. */
static void forget(struct vv_uring *uring, const struct vv_io *request)
{
    unsigned at = 0;
    while (uring->taken[at] != request) {
        at++;
        VV_ASSERT(at < uring->taken_count);
    }
    uring->taken_count--;
    for (; at < uring->taken_count; at++) {
        uring->taken[at] = uring->taken[at + 1];
    }
}

/* Hands out what the kernel has completed. */
static unsigned collect(struct vv_uring *uring, struct vv_io **done, unsigned capacity)
{
    unsigned collected = 0;
    struct io_uring_cqe *completion;
    while (collected < capacity && io_uring_peek_cqe(&uring->ring, &completion) == 0) {
        struct vv_io *request = io_uring_cqe_get_data(completion);
        request->result = completion->res;
        io_uring_cqe_seen(&uring->ring, completion);
        if (request->result == -EINTR || request->result == -EAGAIN) {
            request->result = perform(uring, request); /* Y2 */
        }
        forget(uring, request);
        done[collected++] = request;
    }
    return collected;
}

int vv_uring_reap(struct vv_uring *uring, struct vv_io **done, unsigned capacity)
{
    unsigned reaped = 0;
    break_off_in_child(uring);
    while (reaped == 0 && uring->taken_count > uring->finished_count && capacity > 0) {
        reaped = collect(uring, done, capacity);
        if (reaped == 0 && !uring->is_broken) {
            enter(uring, true);
        } else if (reaped == 0) {
            struct io_uring_cqe *completion;
            (void)io_uring_wait_cqe(&uring->ring, &completion); /* submits nothing */
        }
    }
    for (; reaped < capacity && uring->finished_count > 0; uring->finished_count--) {
        done[reaped++] = uring->taken[--uring->taken_count];
    }
    return (int)reaped;
}

#else /* built without liburing: io_queue.c performs requests by plain calls */

int vv_uring_create(unsigned depth, struct vv_uring **uring)
{
    (void)depth;
    (void)uring;
    return -EOPNOTSUPP;
}

void vv_uring_destroy(struct vv_uring *uring)
{
    VV_ASSERT(uring == NULL);
}

int vv_uring_submit(struct vv_uring *uring, struct vv_io *const *requests, unsigned count)
{
    (void)uring;
    (void)requests;
    (void)count;
    return -EOPNOTSUPP;
}

int vv_uring_reap(struct vv_uring *uring, struct vv_io **done, unsigned capacity)
{
    (void)uring;
    (void)done;
    (void)capacity;
    return -EOPNOTSUPP;
}

#endif
