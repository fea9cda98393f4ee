/*
 * env.h - the seam: everything that the engine wants from the outside world.
 *
 * Chosen at run time per database. Backends: posix (vv_env_posix()); the fault injector wraps any other
 * (env_fault.h). An io_uring backend and a simulator fit behind the same table without touching the
 * engine: files are numbers of the backend, asynchronous work goes through submit and reap.
 *
 * E1  Every call returns >= 0 or -errno. Nothing is retried here but EINTR.
 * E2  Names are relative to a directory handle and contain no '/'; only open_directory, make_directory,
 *     rename_path and stat_path take paths.
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

/* One asynchronous request. Its memory belongs to the caller until reap returned it, exactly once. */
struct vv_io {
    enum { VV_IO_WRITE, VV_IO_READ, VV_IO_FDATASYNC } kind;
    int file;
    void *bytes; /* read from for VV_IO_WRITE */
    size_t length;
    uint64_t offset;
    int64_t result; /* bytes done or -errno, written before reap returns it; may be short */
    void *user;
};

struct vv_env_ops {
    int (*open_directory)(void *ctx, const char *path);
    int (*make_directory)(void *ctx, const char *path);
    int (*rename_path)(void *ctx, const char *from, const char *to); /* fails if to exists */
    int (*remove_directory)(void *ctx, const char *path);            /* must be empty */
    int (*stat_path)(void *ctx, const char *path, struct vv_file_status *status);
    int (*sync_directory)(void *ctx, int directory);
    /* Calls visit with every name but "." and ".."; stops and returns what visit returns if not 0. */
    int (*list)(void *ctx, int directory, int (*visit)(void *visitor, const char *name),
                void *visitor);

    int (*open)(void *ctx, int directory, const char *name, enum vv_open_mode mode);
    int (*close)(void *ctx, int file); /* also directories */
    int64_t (*pread)(void *ctx, int file, void *bytes, size_t length, uint64_t offset);
    int64_t (*pwrite)(void *ctx, int file, const void *bytes, size_t length, uint64_t offset);
    int (*preallocate)(void *ctx, int file, uint64_t length); /* -EOPNOTSUPP is no failure */
    int (*truncate)(void *ctx, int file, uint64_t length);
    int (*fdatasync)(void *ctx, int file);
    int (*stat)(void *ctx, int file, struct vv_file_status *status);
    int (*rename)(void *ctx, int directory, const char *from, const char *to); /* replaces to */
    int (*link)(void *ctx, int from_directory, const char *from, int to_directory, const char *to);
    int (*unlink)(void *ctx, int directory, const char *name);
    /* Takes an exclusive lock that dies with the process: -EWOULDBLOCK if another holds it. */
    int (*lock)(void *ctx, int file);
    int (*free_bytes)(void *ctx, int directory, uint64_t *bytes);

    int (*map)(void *ctx, int file, size_t length, const uint8_t **bytes);
    int (*unmap)(void *ctx, const uint8_t *bytes, size_t length);
    /* Makes the range resident: -EFAULT or -EIO where a touch would be SIGBUS. */
    int (*populate)(void *ctx, const uint8_t *bytes, size_t length);

    int (*submit)(void *ctx, struct vv_io *const *requests, unsigned count);
    /* Waits for at least one request; returns how many were stored in done (at most capacity). */
    int (*reap)(void *ctx, struct vv_io **done, unsigned capacity);

    int64_t (*now_monotonic_ns)(void *ctx);
    int (*random_bytes)(void *ctx, void *bytes, size_t length);
    void (*sleep_ns)(void *ctx, int64_t duration_ns);
};

struct vv_env {
    const struct vv_env_ops *ops;
    void *ctx;
};

/* The operating system itself: plain calls. Static, needs no release. */
const struct vv_env *vv_env_posix(void);

/* Reads or writes all of length, continuing after short counts; 0 or -errno; a read that meets the end of
 * the file is -ENODATA, a write that makes no progress -EIO. */
int vv_env_read_all(const struct vv_env *env, int file, void *bytes, size_t length,
                    uint64_t offset);
int vv_env_write_all(const struct vv_env *env, int file, const void *bytes, size_t length,
                     uint64_t offset);

#endif
