/*
 * env.h - the seam: everything that the engine wants from the outside world.
 *
 * Chosen at run time per database. Backends: posix (vv_env_posix()), the same with io_uring
 * (vv_env_uring()), a simulated disk for crash tests (env_sim.h); the fault injector wraps any of
 * them (env_fault.h). Another backend fits behind the same table without touching the engine: files
 * are numbers of the backend, asynchronous work goes through a queue.
 *
 * E1  Every call returns >= 0 or -errno. Nothing is retried here but EINTR.
 * E2  Names are relative to a directory handle and contain no '/'; only open_directory,
 *     make_directory, rename_path, exchange_paths, remove_directory and stat_path take paths.
 * E3  After a failed or short write, sync or completion the caller treats the file as poisoned.
 * E4  fdatasync covers the data and size of one file; a name is durable after sync_directory.
 * E5  Mappings are read-only and private to immutable files.
 * Threads: every call may come from any thread; one file is written by one thread at a time.
 */
#ifndef VARVE_OS_ENV_H
#define VARVE_OS_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct vv_env;

enum vv_open_mode {
    VV_OPEN_READ,     /* existing, read-only */
    VV_OPEN_WRITE,    /* existing, read and write */
    VV_OPEN_CREATE,   /* new, read and write; -EEXIST if it is there */
    VV_OPEN_TRUNCATE, /* new or emptied, read and write */
};

struct vv_file_status {
    uint64_t size;
    uint64_t inode;
    bool is_directory;
};

/* One asynchronous request. The request and its bytes belong to the queue from submit until reap
 * returns it, exactly once. Requests of one queue finish in any order: a sync covers the writes
 * that were reaped before it was submitted. */
struct vv_io {
    enum { VV_IO_WRITE, VV_IO_READ, VV_IO_FDATASYNC } kind;
    int file;
    void *bytes; /* read from for VV_IO_WRITE */
    size_t length;
    uint64_t offset;
    int64_t result; /* bytes done or -errno, written before reap returns it; may be short */
    void *user;
};

/* Requests under way on behalf of one thread at a time. Belongs to the backend that created it. */
struct vv_io_queue;

struct vv_env_ops {
    int (*open_directory)(void *ctx, const char *path);
    int (*make_directory)(void *ctx, const char *path);
    int (*rename_path)(void *ctx, const char *from, const char *to); /* fails if to exists */
    /* Swaps what two names of one directory stand for, in one step. -EOPNOTSUPP: the file system
     * cannot. */
    int (*exchange_paths)(void *ctx, const char *one, const char *other);
    int (*remove_directory)(void *ctx, const char *path); /* must be empty */
    int (*stat_path)(void *ctx, const char *path, struct vv_file_status *status);
    int (*sync_directory)(void *ctx, int directory);
    /* Calls visit with every name but "." and ".."; stops and returns what visit returns if not
     * 0. */
    int (*list)(void *ctx, int directory, int (*visit)(void *visitor, const char *name),
                void *visitor);

    int (*open)(void *ctx, int directory, const char *name, enum vv_open_mode mode);
    int (*close)(void *ctx, int file); /* also directories */
    int64_t (*pread)(void *ctx, int file, void *bytes, size_t length, uint64_t offset);
    int64_t (*pwrite)(void *ctx, int file, const void *bytes, size_t length, uint64_t offset);
    /* Reserves room for the first length bytes and grows the file to at least that, with zeros.
     * -EOPNOTSUPP is no failure: the backend cannot, and writes reserve as they come. */
    int (*preallocate)(void *ctx, int file, uint64_t length);
    /* Takes the same room from the disk without growing the file; removing the file gives it back.
     * -EOPNOTSUPP as above. */
    int (*hold_room)(void *ctx, int file, uint64_t length);
    int (*truncate)(void *ctx, int file, uint64_t length);
    int (*fdatasync)(void *ctx, int file);
    int (*stat)(void *ctx, int file, struct vv_file_status *status);
    int (*rename)(void *ctx, int directory, const char *from, const char *to); /* replaces to */
    int (*link)(void *ctx, int from_directory, const char *from, int to_directory, const char *to);
    int (*unlink)(void *ctx, int directory, const char *name);
    /* Takes an exclusive lock that lasts until this handle is closed or the process dies.
     * -EWOULDBLOCK if another handle holds it, of this process or of another. */
    int (*lock)(void *ctx, int file);
    /* Gives it back before the handle is closed: a forked child may have the handle, too. */
    int (*unlock)(void *ctx, int file);
    int (*free_bytes)(void *ctx, int directory, uint64_t *bytes);

    /* Maps the first length bytes (>= 1) of a file; the mapping outlives the handle. */
    int (*map)(void *ctx, int file, size_t length, const uint8_t **bytes);
    int (*unmap)(void *ctx, const uint8_t *bytes, size_t length);
    /* Makes the range, any part of a mapping, resident: -EFAULT or -EIO where a touch would be
     * SIGBUS.
     * 0 without effect on kernels that cannot. */
    int (*populate)(void *ctx, const uint8_t *bytes, size_t length);
    /* Nobody needs the range, any part of a mapping, to be resident at present: it does not count
     * as this process's memory until it is touched. A wish. */
    void (*evict)(void *ctx, const uint8_t *bytes, size_t length);

    /* A queue that holds at most depth (>= 1) requests between submit and reap. */
    int (*queue_create)(void *ctx, unsigned depth, struct vv_io_queue **queue);
    /* NULL is fine; everything submitted must have been reaped. */
    void (*queue_destroy)(void *ctx, struct vv_io_queue *queue);
    /* Takes requests in order; returns how many: fewer than count when the queue is full. A request
     * that fails is taken and tells so in its result. */
    int (*submit)(void *ctx, struct vv_io_queue *queue, struct vv_io *const *requests,
                  unsigned count);
    /* Waits for at least one request and stores up to capacity finished ones in done; returns how
     * many,
     * 0 only if none is under way. */
    int (*reap)(void *ctx, struct vv_io_queue *queue, struct vv_io **done, unsigned capacity);

    int64_t (*now_monotonic_ns)(void *ctx);
    int (*random_bytes)(void *ctx, void *bytes, size_t length);
    void (*sleep_ns)(void *ctx, int64_t duration_ns);
    int64_t (*process_id)(void *ctx); /* for messages to people */
};

struct vv_env {
    const struct vv_env_ops *ops;
    void *ctx;
};

/* The operating system itself: plain calls. Static, needs no release. */
const struct vv_env *vv_env_posix(void);
/* The same, but for queues: they go through io_uring, each where the kernel allows it when it is
 * created, else by plain calls. */
const struct vv_env *vv_env_uring(void);

/* Reads or writes all of length, continuing after short counts; 0 or -errno; a read that meets the
 * end of the file is -ENODATA, a write that makes no progress -EIO. */
int vv_env_read_all(const struct vv_env *env, int file, void *bytes, size_t length,
                    uint64_t offset);
int vv_env_write_all(const struct vv_env *env, int file, const void *bytes, size_t length,
                     uint64_t offset);
/* Gives the lock of a handle back and closes it. Whether it had one does not matter. */
void vv_env_close_locked(const struct vv_env *env, int file);

#endif
