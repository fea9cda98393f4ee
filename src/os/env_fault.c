/*
 * env_fault.c - counts calls and fails some of them.
 *
 *   code under test -> vv_env_fault: decide (count, inject?) -> below -> note (log) -> code under
 *   test
 *
 * F1  An injected error means that the call below was not made; close and unmap are the exceptions:
 *     they are made first, because a caller has no way to repeat them.
 * F2  The mutex is held while deciding and while logging, never during the call below.
 */
#include "os/env_fault.h"

#include <stdio.h>

#include "os/alloc.h"
#include "os/io_queue.h"
#include "os/thread.h"

enum { LOG_CAPACITY = 1024 };

/* What decide() says when a read or write has to be short. */
enum { MAKE_SHORT = 1 };

struct vv_env_fault {
    const struct vv_env *below;
    struct vv_env env;

    /* Under mutex. */
    struct vv_mutex mutex;
    uint32_t armed_calls;
    uint64_t calls_until_fault; /* 0 = nothing armed, or already over */
    int error;
    bool persistent;
    uint64_t hits;
    uint64_t counts[VV_CALL_COUNT];
    uint64_t log_count; /* ever; the log keeps the last LOG_CAPACITY */
    struct vv_call_record log[LOG_CAPACITY];
};

/* Counts a call. 0: go on; -errno: fail with it; MAKE_SHORT. */
static int decide(struct vv_env_fault *fault, enum vv_call call)
{
    int verdict = 0;
    vv_mutex_lock(&fault->mutex);
    fault->counts[call]++;
    if ((fault->armed_calls & VV_CALL_BIT(call)) != 0 && fault->calls_until_fault > 0) {
        if (fault->calls_until_fault == 1) {
            verdict = fault->error == VV_FAULT_SHORT ? MAKE_SHORT : -fault->error;
            fault->hits++;
        }
        if (fault->calls_until_fault > 1 || !fault->persistent) {
            fault->calls_until_fault--;
        }
    }
    vv_mutex_unlock(&fault->mutex);
    return verdict;
}

/* Logs a finished call; returns its result. */
static int64_t note(struct vv_env_fault *fault, const struct vv_call_record *call, int verdict,
                    const char *name)
{
    vv_mutex_lock(&fault->mutex);
    struct vv_call_record *record = &fault->log[fault->log_count % LOG_CAPACITY];
    *record = *call;
    record->sequence = fault->log_count++;
    record->injected = verdict != 0;
    (void)snprintf(record->name, sizeof(record->name), "%s", name != NULL ? name : "");
    vv_mutex_unlock(&fault->mutex);
    return call->result;
}

static int note_path(struct vv_env_fault *fault, enum vv_call call, const char *path, int verdict,
                     int result)
{
    const struct vv_call_record record = {.call = call, .file = -1, .result = result};
    return (int)note(fault, &record, verdict, path);
}

static int note_file(struct vv_env_fault *fault, enum vv_call call, int file, const char *name,
                     int verdict, int result)
{
    const struct vv_call_record record = {.call = call, .file = file, .result = result};
    return (int)note(fault, &record, verdict, name);
}

static int64_t note_range(struct vv_env_fault *fault, enum vv_call call, int file, uint64_t offset,
                          uint64_t length, int verdict, int64_t result)
{
    const struct vv_call_record record = {
        .call = call, .file = file, .offset = offset, .length = length, .result = result};
    return note(fault, &record, verdict, NULL);
}

static int fault_open_directory(void *ctx, const char *path)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_OPEN_DIRECTORY);
    int result = verdict < 0 ? verdict : below->ops->open_directory(below->ctx, path);
    return note_path(fault, VV_CALL_OPEN_DIRECTORY, path, verdict, result);
}

static int fault_make_directory(void *ctx, const char *path)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_MAKE_DIRECTORY);
    int result = verdict < 0 ? verdict : below->ops->make_directory(below->ctx, path);
    return note_path(fault, VV_CALL_MAKE_DIRECTORY, path, verdict, result);
}

static int fault_rename_path(void *ctx, const char *from, const char *to)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_RENAME_PATH);
    int result = verdict < 0 ? verdict : below->ops->rename_path(below->ctx, from, to);
    return note_path(fault, VV_CALL_RENAME_PATH, to, verdict, result);
}

static int fault_exchange_paths(void *ctx, const char *one, const char *other)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_EXCHANGE_PATHS);
    int result = verdict < 0 ? verdict : below->ops->exchange_paths(below->ctx, one, other);
    return note_path(fault, VV_CALL_EXCHANGE_PATHS, other, verdict, result);
}

static int fault_remove_directory(void *ctx, const char *path)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_REMOVE_DIRECTORY);
    int result = verdict < 0 ? verdict : below->ops->remove_directory(below->ctx, path);
    return note_path(fault, VV_CALL_REMOVE_DIRECTORY, path, verdict, result);
}

static int fault_stat_path(void *ctx, const char *path, struct vv_file_status *status)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_STAT_PATH);
    int result = verdict < 0 ? verdict : below->ops->stat_path(below->ctx, path, status);
    return note_path(fault, VV_CALL_STAT_PATH, path, verdict, result);
}

static int fault_sync_directory(void *ctx, int directory)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_SYNC_DIRECTORY);
    int result = verdict < 0 ? verdict : below->ops->sync_directory(below->ctx, directory);
    return note_file(fault, VV_CALL_SYNC_DIRECTORY, directory, NULL, verdict, result);
}

static int fault_list(void *ctx, int directory, int (*visit)(void *visitor, const char *name),
                      void *visitor)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_LIST);
    int result = verdict < 0 ? verdict : below->ops->list(below->ctx, directory, visit, visitor);
    return note_file(fault, VV_CALL_LIST, directory, NULL, verdict, result);
}

static int fault_open(void *ctx, int directory, const char *name, enum vv_open_mode mode)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_OPEN);
    int result = verdict < 0 ? verdict : below->ops->open(below->ctx, directory, name, mode);
    return note_file(fault, VV_CALL_OPEN, directory, name, verdict, result);
}

static int fault_close(void *ctx, int file)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_CLOSE);
    int result = below->ops->close(below->ctx, file);
    return note_file(fault, VV_CALL_CLOSE, file, NULL, verdict, verdict < 0 ? verdict : result);
}

/* Rounded up: a transfer of nothing would be the end of the file, not a short count. */
static size_t half_of(size_t length)
{
    return length / 2 + length % 2;
}

static int64_t fault_pread(void *ctx, int file, void *bytes, size_t length, uint64_t offset)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_PREAD);
    size_t asked = verdict == MAKE_SHORT ? half_of(length) : length;
    int64_t result =
        verdict < 0 ? verdict : below->ops->pread(below->ctx, file, bytes, asked, offset);
    return note_range(fault, VV_CALL_PREAD, file, offset, length, verdict, result);
}

static int64_t fault_pwrite(void *ctx, int file, const void *bytes, size_t length, uint64_t offset)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_PWRITE);
    size_t asked = verdict == MAKE_SHORT ? half_of(length) : length;
    int64_t result =
        verdict < 0 ? verdict : below->ops->pwrite(below->ctx, file, bytes, asked, offset);
    return note_range(fault, VV_CALL_PWRITE, file, offset, length, verdict, result);
}

static int fault_preallocate(void *ctx, int file, uint64_t length)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_PREALLOCATE);
    int result = verdict < 0 ? verdict : below->ops->preallocate(below->ctx, file, length);
    return (int)note_range(fault, VV_CALL_PREALLOCATE, file, 0, length, verdict, result);
}

static int fault_hold_room(void *ctx, int file, uint64_t length)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_PREALLOCATE);
    int result = verdict < 0 ? verdict : below->ops->hold_room(below->ctx, file, length);
    return (int)note_range(fault, VV_CALL_PREALLOCATE, file, 0, length, verdict, result);
}

static int fault_truncate(void *ctx, int file, uint64_t length)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_TRUNCATE);
    int result = verdict < 0 ? verdict : below->ops->truncate(below->ctx, file, length);
    return (int)note_range(fault, VV_CALL_TRUNCATE, file, 0, length, verdict, result);
}

static int fault_fdatasync(void *ctx, int file)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_FDATASYNC);
    int result = verdict < 0 ? verdict : below->ops->fdatasync(below->ctx, file);
    return note_file(fault, VV_CALL_FDATASYNC, file, NULL, verdict, result);
}

static int fault_stat(void *ctx, int file, struct vv_file_status *status)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_STAT);
    int result = verdict < 0 ? verdict : below->ops->stat(below->ctx, file, status);
    return note_file(fault, VV_CALL_STAT, file, NULL, verdict, result);
}

static int fault_rename(void *ctx, int directory, const char *from, const char *to)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_RENAME);
    int result = verdict < 0 ? verdict : below->ops->rename(below->ctx, directory, from, to);
    return note_file(fault, VV_CALL_RENAME, directory, to, verdict, result);
}

static int fault_link(void *ctx, int from_directory, const char *from, int to_directory,
                      const char *to)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_LINK);
    int result = verdict < 0 ? verdict
                             : below->ops->link(below->ctx, from_directory, from, to_directory, to);
    return note_file(fault, VV_CALL_LINK, to_directory, to, verdict, result);
}

static int fault_unlink(void *ctx, int directory, const char *name)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_UNLINK);
    int result = verdict < 0 ? verdict : below->ops->unlink(below->ctx, directory, name);
    return note_file(fault, VV_CALL_UNLINK, directory, name, verdict, result);
}

static int fault_lock(void *ctx, int file)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_LOCK);
    int result = verdict < 0 ? verdict : below->ops->lock(below->ctx, file);
    return note_file(fault, VV_CALL_LOCK, file, NULL, verdict, result);
}

/* Not counted: nobody can do anything about it. */
static int fault_unlock(void *ctx, int file)
{
    const struct vv_env *below = ((struct vv_env_fault *)ctx)->below;
    return below->ops->unlock(below->ctx, file);
}

static int fault_free_bytes(void *ctx, int directory, uint64_t *bytes)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_FREE_BYTES);
    int result = verdict < 0 ? verdict : below->ops->free_bytes(below->ctx, directory, bytes);
    return note_file(fault, VV_CALL_FREE_BYTES, directory, NULL, verdict, result);
}

static int fault_map(void *ctx, int file, size_t length, const uint8_t **bytes)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_MAP);
    int result = verdict < 0 ? verdict : below->ops->map(below->ctx, file, length, bytes);
    return (int)note_range(fault, VV_CALL_MAP, file, 0, length, verdict, result);
}

static int fault_unmap(void *ctx, const uint8_t *bytes, size_t length)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_UNMAP);
    int result = below->ops->unmap(below->ctx, bytes, length);
    return (int)note_range(fault, VV_CALL_UNMAP, -1, 0, length, verdict,
                           verdict < 0 ? verdict : result);
}

static int fault_populate(void *ctx, const uint8_t *bytes, size_t length)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_POPULATE);
    int result = verdict < 0 ? verdict : below->ops->populate(below->ctx, bytes, length);
    return (int)note_range(fault, VV_CALL_POPULATE, -1, 0, length, verdict, result);
}

static void fault_evict(void *ctx, const uint8_t *bytes, size_t length)
{
    const struct vv_env *below = ((struct vv_env_fault *)ctx)->below;
    below->ops->evict(below->ctx, bytes, length);
}

static int fault_queue_create(void *ctx, unsigned depth, struct vv_io_queue **queue)
{
    struct vv_env_fault *fault = ctx;
    int verdict = decide(fault, VV_CALL_QUEUE_CREATE);
    int result = verdict < 0 ? verdict : vv_io_queue_create(&fault->env, depth, queue);
    return note_file(fault, VV_CALL_QUEUE_CREATE, -1, NULL, verdict, result);
}

static void fault_queue_destroy(void *ctx, struct vv_io_queue *queue)
{
    (void)ctx;
    vv_io_queue_destroy(queue);
}

static int fault_submit(void *ctx, struct vv_io_queue *queue, struct vv_io *const *requests,
                        unsigned count)
{
    (void)ctx;
    return vv_io_queue_submit(queue, requests, count);
}

static int fault_reap(void *ctx, struct vv_io_queue *queue, struct vv_io **done, unsigned capacity)
{
    (void)ctx;
    return vv_io_queue_reap(queue, done, capacity);
}

static int64_t fault_now_monotonic_ns(void *ctx)
{
    const struct vv_env *below = ((struct vv_env_fault *)ctx)->below;
    return below->ops->now_monotonic_ns(below->ctx);
}

static int fault_random_bytes(void *ctx, void *bytes, size_t length)
{
    struct vv_env_fault *fault = ctx;
    const struct vv_env *below = fault->below;
    int verdict = decide(fault, VV_CALL_RANDOM_BYTES);
    int result = verdict < 0 ? verdict : below->ops->random_bytes(below->ctx, bytes, length);
    return note_file(fault, VV_CALL_RANDOM_BYTES, -1, NULL, verdict, result);
}

static int64_t fault_process_id(void *ctx)
{
    const struct vv_env *below = ((struct vv_env_fault *)ctx)->below;
    return below->ops->process_id(below->ctx);
}

static void fault_sleep_ns(void *ctx, int64_t duration_ns)
{
    const struct vv_env *below = ((struct vv_env_fault *)ctx)->below;
    below->ops->sleep_ns(below->ctx, duration_ns);
}

static const struct vv_env_ops fault_ops = {
    .open_directory = fault_open_directory,
    .make_directory = fault_make_directory,
    .rename_path = fault_rename_path,
    .exchange_paths = fault_exchange_paths,
    .remove_directory = fault_remove_directory,
    .stat_path = fault_stat_path,
    .sync_directory = fault_sync_directory,
    .list = fault_list,
    .open = fault_open,
    .close = fault_close,
    .pread = fault_pread,
    .pwrite = fault_pwrite,
    .preallocate = fault_preallocate,
    .hold_room = fault_hold_room,
    .truncate = fault_truncate,
    .fdatasync = fault_fdatasync,
    .stat = fault_stat,
    .rename = fault_rename,
    .link = fault_link,
    .unlink = fault_unlink,
    .lock = fault_lock,
    .unlock = fault_unlock,
    .free_bytes = fault_free_bytes,
    .map = fault_map,
    .unmap = fault_unmap,
    .populate = fault_populate,
    .evict = fault_evict,
    .queue_create = fault_queue_create,
    .queue_destroy = fault_queue_destroy,
    .submit = fault_submit,
    .reap = fault_reap,
    .now_monotonic_ns = fault_now_monotonic_ns,
    .random_bytes = fault_random_bytes,
    .sleep_ns = fault_sleep_ns,
    .process_id = fault_process_id,
};

struct vv_env_fault *vv_env_fault_create(const struct vv_env *below)
{
    struct vv_env_fault *fault = vv_alloc_zeroed(1, sizeof(*fault));
    if (fault != NULL) {
        fault->below = below;
        fault->env = (struct vv_env){.ops = &fault_ops, .ctx = fault};
        vv_mutex_init(&fault->mutex);
    }
    return fault;
}

void vv_env_fault_destroy(struct vv_env_fault *fault)
{
    if (fault != NULL) {
        vv_mutex_fini(&fault->mutex);
        vv_free(fault);
    }
}

const struct vv_env *vv_env_fault_env(struct vv_env_fault *fault)
{
    return &fault->env;
}

void vv_env_fault_arm(struct vv_env_fault *fault, uint32_t calls, uint64_t n, int error,
                      bool persistent)
{
    VV_ASSERT(error >= 0);
    vv_mutex_lock(&fault->mutex);
    fault->armed_calls = calls;
    if (error == VV_FAULT_SHORT) {
        fault->armed_calls &= VV_CALL_BIT(VV_CALL_PREAD) | VV_CALL_BIT(VV_CALL_PWRITE);
    }
    fault->calls_until_fault = n;
    fault->error = error;
    fault->persistent = persistent;
    fault->hits = 0;
    vv_mutex_unlock(&fault->mutex);
}

uint64_t vv_env_fault_hits(struct vv_env_fault *fault)
{
    vv_mutex_lock(&fault->mutex);
    uint64_t hits = fault->hits;
    vv_mutex_unlock(&fault->mutex);
    return hits;
}

uint64_t vv_env_fault_count(struct vv_env_fault *fault, enum vv_call call)
{
    VV_ASSERT(call < VV_CALL_COUNT);
    vv_mutex_lock(&fault->mutex);
    uint64_t count = fault->counts[call];
    vv_mutex_unlock(&fault->mutex);
    return count;
}

uint64_t vv_env_fault_total(struct vv_env_fault *fault)
{
    uint64_t total = 0;
    vv_mutex_lock(&fault->mutex);
    for (int call = 0; call < VV_CALL_COUNT; call++) {
        total += fault->counts[call];
    }
    vv_mutex_unlock(&fault->mutex);
    return total;
}

size_t vv_env_fault_log(struct vv_env_fault *fault, struct vv_call_record *records, size_t capacity)
{
    vv_mutex_lock(&fault->mutex);
    uint64_t kept = fault->log_count < LOG_CAPACITY ? fault->log_count : LOG_CAPACITY;
    size_t count = kept < capacity ? (size_t)kept : capacity;
    for (size_t index = 0; index < count; index++) {
        records[index] = fault->log[(fault->log_count - count + index) % LOG_CAPACITY];
    }
    vv_mutex_unlock(&fault->mutex);
    return count;
}

const char *vv_call_name(enum vv_call call)
{
    static const char *const names[VV_CALL_COUNT] = {
        [VV_CALL_OPEN_DIRECTORY] = "open_directory",
        [VV_CALL_MAKE_DIRECTORY] = "make_directory",
        [VV_CALL_RENAME_PATH] = "rename_path",
        [VV_CALL_EXCHANGE_PATHS] = "exchange_paths",
        [VV_CALL_REMOVE_DIRECTORY] = "remove_directory",
        [VV_CALL_STAT_PATH] = "stat_path",
        [VV_CALL_SYNC_DIRECTORY] = "sync_directory",
        [VV_CALL_LIST] = "list",
        [VV_CALL_OPEN] = "open",
        [VV_CALL_CLOSE] = "close",
        [VV_CALL_PREAD] = "pread",
        [VV_CALL_PWRITE] = "pwrite",
        [VV_CALL_PREALLOCATE] = "preallocate",
        [VV_CALL_TRUNCATE] = "truncate",
        [VV_CALL_FDATASYNC] = "fdatasync",
        [VV_CALL_STAT] = "stat",
        [VV_CALL_RENAME] = "rename",
        [VV_CALL_LINK] = "link",
        [VV_CALL_UNLINK] = "unlink",
        [VV_CALL_LOCK] = "lock",
        [VV_CALL_FREE_BYTES] = "free_bytes",
        [VV_CALL_MAP] = "map",
        [VV_CALL_UNMAP] = "unmap",
        [VV_CALL_POPULATE] = "populate",
        [VV_CALL_QUEUE_CREATE] = "queue_create",
        [VV_CALL_RANDOM_BYTES] = "random_bytes",
    };
    VV_ASSERT(call < VV_CALL_COUNT);
    return names[call];
}
