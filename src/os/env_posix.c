/*
 * env_posix.c - the operating system as it is: one plain call per operation.
 *
 * P1  A file number is a file descriptor, close-on-exec, opened once: write-back errors are
 *     reported per open file description, so whoever wrote must also be the one who syncs.
 * P2  EINTR is retried, except by close(): Linux has given the descriptor up by then, and a second
 *     close could hit one that another thread has just opened.
 * P3  The lock is flock(): it belongs to the open file description. So it conflicts between two
 *     handles of one process, and is not lost when some other handle of the file is closed, as a
 *     POSIX record lock would be. It is given back before its handle is closed, and dies with the
 *     process, unless a forked child keeps the descriptor open without exec.
 * Threads: no state, any thread.
 */
#include "os/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "os/io_queue.h"
#include "os/map_guard.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; older C libraries do not know it */
#endif

_Static_assert(sizeof(off_t) == sizeof(int64_t), "files may be larger than 2 GiB");

enum { NANOSECONDS_PER_SECOND = 1000000000 };
enum { DIRECTORY_PERMISSIONS = 0755, FILE_PERMISSIONS = 0644 };

/* 0 or more as it is, -1 as -errno. */
static int result_of(int returned)
{
    return returned >= 0 ? returned : -errno;
}

static int posix_open_directory(void *ctx, const char *path)
{
    (void)ctx;
    int fd;
    do {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return result_of(fd);
}

static int posix_make_directory(void *ctx, const char *path)
{
    (void)ctx;
    return result_of(mkdir(path, DIRECTORY_PERMISSIONS));
}

static int posix_rename_path(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -errno;
    }
    /* A file system without the flag. Looking first leaves a window, in which the worst that can
     * happen is that an empty directory is replaced: rename() refuses every other target of a
     * directory. */
    if (faccessat(AT_FDCWD, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return -EEXIST;
    }
    return errno == ENOENT ? result_of(rename(from, to)) : -errno;
}

static int posix_exchange_paths(void *ctx, const char *one, const char *other)
{
    (void)ctx;
    if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0) {
        return 0;
    }
    return errno == EINVAL || errno == ENOSYS ? -EOPNOTSUPP : -errno;
}

static int posix_remove_directory(void *ctx, const char *path)
{
    (void)ctx;
    return result_of(rmdir(path));
}

static void fill_status(const struct stat *found, struct vv_file_status *status)
{
    status->size = (uint64_t)found->st_size;
    status->inode = found->st_ino;
    status->is_directory = S_ISDIR(found->st_mode);
}

static int posix_stat_path(void *ctx, const char *path, struct vv_file_status *status)
{
    (void)ctx;
    struct stat found;
    if (stat(path, &found) != 0) {
        return -errno;
    }
    fill_status(&found, status);
    return 0;
}

static int posix_sync_directory(void *ctx, int directory)
{
    (void)ctx;
    int error;
    do {
        error = result_of(fsync(directory));
    } while (error == -EINTR);
    return error;
}

/* Visits the names of a stream that it does not own. */
static int visit_names(DIR *stream, int (*visit)(void *visitor, const char *name), void *visitor)
{
    for (;;) {
        errno = 0; /* readdir() tells the end from an error only by errno */
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            return -errno;
        }
        const char *name = entry->d_name;
        if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) {
            continue;
        }
        int stop = visit(visitor, name);
        if (stop != 0) {
            return stop;
        }
    }
}

static int posix_list(void *ctx, int directory, int (*visit)(void *visitor, const char *name),
                      void *visitor)
{
    (void)ctx;
    /* A descriptor of its own: a duplicate would share the read position with other listings. */
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        int error = -errno;
        (void)close(fd);
        return error;
    }
    int error = visit_names(stream, visit, visitor);
    (void)closedir(stream); /* read-only: nothing that could be lost */
    return error;
}

static int posix_open(void *ctx, int directory, const char *name, enum vv_open_mode mode)
{
    (void)ctx;
    static const int flags[] = {
        [VV_OPEN_READ] = O_RDONLY,
        [VV_OPEN_WRITE] = O_RDWR,
        [VV_OPEN_CREATE] = O_RDWR | O_CREAT | O_EXCL,
        [VV_OPEN_TRUNCATE] = O_RDWR | O_CREAT | O_TRUNC,
    };
    int fd;
    do {
        fd = openat(directory, name, flags[mode] | O_CLOEXEC, FILE_PERMISSIONS);
    } while (fd < 0 && errno == EINTR);
    return result_of(fd);
}

static int posix_close(void *ctx, int file)
{
    (void)ctx;
    return close(file) == 0 || errno == EINTR ? 0 : -errno;
}

static int64_t posix_pread(void *ctx, int file, void *bytes, size_t length, uint64_t offset)
{
    (void)ctx;
    ssize_t done;
    do {
        done = pread(file, bytes, length, (off_t)offset);
    } while (done < 0 && errno == EINTR);
    return done >= 0 ? done : -errno;
}

static int64_t posix_pwrite(void *ctx, int file, const void *bytes, size_t length, uint64_t offset)
{
    (void)ctx;
    ssize_t done;
    do {
        done = pwrite(file, bytes, length, (off_t)offset);
    } while (done < 0 && errno == EINTR);
    return done >= 0 ? done : -errno;
}

static int allocate_room(int file, int mode, uint64_t length)
{
    int error;
    do {
        error = result_of(fallocate(file, mode, 0, (off_t)length));
    } while (error == -EINTR);
    return error;
}

static int posix_preallocate(void *ctx, int file, uint64_t length)
{
    (void)ctx;
    return allocate_room(file, 0, length);
}

static int posix_hold_room(void *ctx, int file, uint64_t length)
{
    (void)ctx;
    return allocate_room(file, FALLOC_FL_KEEP_SIZE, length);
}

static int posix_truncate(void *ctx, int file, uint64_t length)
{
    (void)ctx;
    int error;
    do {
        error = result_of(ftruncate(file, (off_t)length));
    } while (error == -EINTR);
    return error;
}

static int posix_fdatasync(void *ctx, int file)
{
    (void)ctx;
    int error;
    do {
        error = result_of(fdatasync(file));
    } while (error == -EINTR);
    return error;
}

static int posix_stat(void *ctx, int file, struct vv_file_status *status)
{
    (void)ctx;
    struct stat found;
    if (fstat(file, &found) != 0) {
        return -errno;
    }
    fill_status(&found, status);
    return 0;
}

static int posix_rename(void *ctx, int directory, const char *from, const char *to)
{
    (void)ctx;
    return result_of(renameat(directory, from, directory, to));
}

static int posix_link(void *ctx, int from_directory, const char *from, int to_directory,
                      const char *to)
{
    (void)ctx;
    return result_of(linkat(from_directory, from, to_directory, to, 0));
}

static int posix_unlink(void *ctx, int directory, const char *name)
{
    (void)ctx;
    return result_of(unlinkat(directory, name, 0));
}

static int posix_lock(void *ctx, int file)
{
    (void)ctx;
    int error;
    do {
        error = result_of(flock(file, LOCK_EX | LOCK_NB));
    } while (error == -EINTR);
    return error;
}

static int posix_unlock(void *ctx, int file)
{
    (void)ctx;
    return result_of(flock(file, LOCK_UN));
}

static int posix_free_bytes(void *ctx, int directory, uint64_t *bytes)
{
    (void)ctx;
    struct statvfs found;
    if (fstatvfs(directory, &found) != 0) {
        return -errno;
    }
    *bytes = (uint64_t)found.f_bavail * found.f_frsize;
    return 0;
}

static int posix_map(void *ctx, int file, size_t length, const uint8_t **bytes)
{
    (void)ctx;
    void *mapped = mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) {
        return -errno;
    }
    vv_map_guard_add(mapped, length);
    *bytes = mapped;
    return 0;
}

static int posix_unmap(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    vv_map_guard_remove(bytes);
    return result_of(munmap((void *)(uintptr_t)bytes, length));
}

static int posix_populate(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    /* madvise() wants a page boundary; the pages that hold the range are what a touch would bring
     * in. */
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)bytes & ~(page_bytes - 1);
    size_t span_bytes = (uintptr_t)bytes - start + length;
    int error;
    do {
        error = result_of(madvise((void *)start, span_bytes, MADV_POPULATE_READ));
    } while (error == -EINTR);
    return error == -EINVAL ? 0 : error; /* EINVAL: a kernel before 5.14 */
}

static void posix_evict(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx;
    /* Pages that the range fills: of a mapping of a file they come back as they were. */
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)bytes + page_bytes - 1) & ~(page_bytes - 1);
    uintptr_t end = ((uintptr_t)bytes + length) & ~(page_bytes - 1);
    if (start < end) {
        (void)madvise((void *)start, end - start, MADV_DONTNEED);
    }
}

/* The context of vv_env_uring(); that of vv_env_posix() is NULL. */
static char wants_uring;

static int posix_queue_create(void *ctx, unsigned depth, struct vv_io_queue **queue)
{
    return ctx == &wants_uring ? vv_io_queue_create_uring(vv_env_posix(), depth, queue)
                               : vv_io_queue_create(vv_env_posix(), depth, queue);
}

static void posix_queue_destroy(void *ctx, struct vv_io_queue *queue)
{
    (void)ctx;
    vv_io_queue_destroy(queue);
}

static int posix_submit(void *ctx, struct vv_io_queue *queue, struct vv_io *const *requests,
                        unsigned count)
{
    (void)ctx;
    return vv_io_queue_submit(queue, requests, count);
}

static int posix_reap(void *ctx, struct vv_io_queue *queue, struct vv_io **done, unsigned capacity)
{
    (void)ctx;
    return vv_io_queue_reap(queue, done, capacity);
}

static int64_t posix_now_monotonic_ns(void *ctx)
{
    (void)ctx;
    struct timespec now;
    VV_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
}

static int posix_random_bytes(void *ctx, void *bytes, size_t length)
{
    (void)ctx;
    uint8_t *next = bytes;
    while (length > 0) {
        ssize_t done = getrandom(next, length, 0);
        if (done < 0 && errno != EINTR) {
            return -errno;
        }
        if (done > 0) {
            next += done;
            length -= (size_t)done;
        }
    }
    return 0;
}

static int64_t posix_process_id(void *ctx)
{
    (void)ctx;
    return getpid();
}

static void posix_sleep_ns(void *ctx, int64_t duration_ns)
{
    (void)ctx;
    if (duration_ns <= 0) {
        return;
    }
    struct timespec left = {.tv_sec = (time_t)(duration_ns / NANOSECONDS_PER_SECOND),
                            .tv_nsec = (long)(duration_ns % NANOSECONDS_PER_SECOND)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {}
}

static const struct vv_env_ops posix_ops = {
    .open_directory = posix_open_directory,
    .make_directory = posix_make_directory,
    .rename_path = posix_rename_path,
    .exchange_paths = posix_exchange_paths,
    .remove_directory = posix_remove_directory,
    .stat_path = posix_stat_path,
    .sync_directory = posix_sync_directory,
    .list = posix_list,
    .open = posix_open,
    .close = posix_close,
    .pread = posix_pread,
    .pwrite = posix_pwrite,
    .preallocate = posix_preallocate,
    .hold_room = posix_hold_room,
    .truncate = posix_truncate,
    .fdatasync = posix_fdatasync,
    .stat = posix_stat,
    .rename = posix_rename,
    .link = posix_link,
    .unlink = posix_unlink,
    .lock = posix_lock,
    .unlock = posix_unlock,
    .free_bytes = posix_free_bytes,
    .map = posix_map,
    .unmap = posix_unmap,
    .populate = posix_populate,
    .evict = posix_evict,
    .queue_create = posix_queue_create,
    .queue_destroy = posix_queue_destroy,
    .submit = posix_submit,
    .reap = posix_reap,
    .now_monotonic_ns = posix_now_monotonic_ns,
    .random_bytes = posix_random_bytes,
    .sleep_ns = posix_sleep_ns,
    .process_id = posix_process_id,
};

const struct vv_env *vv_env_posix(void)
{
    static const struct vv_env env = {.ops = &posix_ops, .ctx = NULL};
    return &env;
}

const struct vv_env *vv_env_uring(void)
{
    static const struct vv_env env = {.ops = &posix_ops, .ctx = &wants_uring};
    return &env;
}
