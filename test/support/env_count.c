/*
 * env_count.c - counts handles and mappings that the code under test holds.
 *
 * Every call is forwarded by hand, because the environment below wants its own context. Thread:
 * one.
 */
#include "support/env_count.h"

#define BELOW(ctx) (((struct env_count *)(ctx))->below)
#define CALL(ctx, name, ...) BELOW(ctx)->ops->name(BELOW(ctx)->ctx, __VA_ARGS__)

static int held(void *ctx, int handle)
{
    ((struct env_count *)ctx)->handles += handle >= 0;
    return handle;
}

static int count_open_directory(void *ctx, const char *path)
{
    return held(ctx, CALL(ctx, open_directory, path));
}

static int count_open(void *ctx, int directory, const char *name, enum vv_open_mode mode)
{
    return held(ctx, CALL(ctx, open, directory, name, mode));
}

static int count_close(void *ctx, int file)
{
    VV_ASSERT(file >= 0);
    ((struct env_count *)ctx)->handles--; /* closed even if it says that it failed */
    return CALL(ctx, close, file);
}

static int count_map(void *ctx, int file, size_t length, const uint8_t **bytes)
{
    int result = CALL(ctx, map, file, length, bytes);
    ((struct env_count *)ctx)->mappings += result >= 0;
    return result;
}

static int count_unmap(void *ctx, const uint8_t *bytes, size_t length)
{
    ((struct env_count *)ctx)->mappings--;
    return CALL(ctx, unmap, bytes, length);
}

static int forward_make_directory(void *ctx, const char *path)
{
    return CALL(ctx, make_directory, path);
}

static int forward_rename_path(void *ctx, const char *from, const char *to)
{
    return CALL(ctx, rename_path, from, to);
}

static int forward_exchange_paths(void *ctx, const char *one, const char *other)
{
    return CALL(ctx, exchange_paths, one, other);
}

static int forward_remove_directory(void *ctx, const char *path)
{
    return CALL(ctx, remove_directory, path);
}

static int forward_stat_path(void *ctx, const char *path, struct vv_file_status *status)
{
    return CALL(ctx, stat_path, path, status);
}

static int forward_sync_directory(void *ctx, int directory)
{
    return CALL(ctx, sync_directory, directory);
}

static int forward_list(void *ctx, int directory, int (*visit)(void *visitor, const char *name),
                        void *visitor)
{
    return CALL(ctx, list, directory, visit, visitor);
}

static int64_t forward_pread(void *ctx, int file, void *bytes, size_t length, uint64_t offset)
{
    return CALL(ctx, pread, file, bytes, length, offset);
}

static int64_t forward_pwrite(void *ctx, int file, const void *bytes, size_t length,
                              uint64_t offset)
{
    return CALL(ctx, pwrite, file, bytes, length, offset);
}

static int forward_preallocate(void *ctx, int file, uint64_t length)
{
    return CALL(ctx, preallocate, file, length);
}

static int forward_hold_room(void *ctx, int file, uint64_t length)
{
    return CALL(ctx, hold_room, file, length);
}

static int forward_truncate(void *ctx, int file, uint64_t length)
{
    return CALL(ctx, truncate, file, length);
}

static int forward_fdatasync(void *ctx, int file)
{
    return CALL(ctx, fdatasync, file);
}

static int forward_stat(void *ctx, int file, struct vv_file_status *status)
{
    return CALL(ctx, stat, file, status);
}

static int forward_rename(void *ctx, int directory, const char *from, const char *to)
{
    return CALL(ctx, rename, directory, from, to);
}

static int forward_link(void *ctx, int from_directory, const char *from, int to_directory,
                        const char *to)
{
    return CALL(ctx, link, from_directory, from, to_directory, to);
}

static int forward_unlink(void *ctx, int directory, const char *name)
{
    return CALL(ctx, unlink, directory, name);
}

static int forward_lock(void *ctx, int file)
{
    return CALL(ctx, lock, file);
}

static int forward_unlock(void *ctx, int file)
{
    return CALL(ctx, unlock, file);
}

static int forward_free_bytes(void *ctx, int directory, uint64_t *bytes)
{
    return CALL(ctx, free_bytes, directory, bytes);
}

static void forward_evict(void *ctx, const uint8_t *bytes, size_t length)
{
    CALL(ctx, evict, bytes, length);
}

static int forward_populate(void *ctx, const uint8_t *bytes, size_t length)
{
    return CALL(ctx, populate, bytes, length);
}

static int forward_random_bytes(void *ctx, void *bytes, size_t length)
{
    return CALL(ctx, random_bytes, bytes, length);
}

static void forward_sleep_ns(void *ctx, int64_t duration_ns)
{
    CALL(ctx, sleep_ns, duration_ns);
}

static int64_t forward_now_monotonic_ns(void *ctx)
{
    return BELOW(ctx)->ops->now_monotonic_ns(BELOW(ctx)->ctx);
}

static int64_t forward_process_id(void *ctx)
{
    return BELOW(ctx)->ops->process_id(BELOW(ctx)->ctx);
}

static int forward_queue_create(void *ctx, unsigned depth, struct vv_io_queue **queue)
{
    return CALL(ctx, queue_create, depth, queue);
}

static void forward_queue_destroy(void *ctx, struct vv_io_queue *queue)
{
    CALL(ctx, queue_destroy, queue);
}

static int forward_submit(void *ctx, struct vv_io_queue *queue, struct vv_io *const *requests,
                          unsigned count)
{
    return CALL(ctx, submit, queue, requests, count);
}

static int forward_reap(void *ctx, struct vv_io_queue *queue, struct vv_io **done,
                        unsigned capacity)
{
    return CALL(ctx, reap, queue, done, capacity);
}

void env_count_init(struct env_count *count, const struct vv_env *below)
{
    *count = (struct env_count){
        .below = below,
        .ops = {.open_directory = count_open_directory,
                .make_directory = forward_make_directory,
                .rename_path = forward_rename_path,
                .exchange_paths = forward_exchange_paths,
                .remove_directory = forward_remove_directory,
                .stat_path = forward_stat_path,
                .sync_directory = forward_sync_directory,
                .list = forward_list,
                .open = count_open,
                .close = count_close,
                .pread = forward_pread,
                .pwrite = forward_pwrite,
                .preallocate = forward_preallocate,
                .hold_room = forward_hold_room,
                .truncate = forward_truncate,
                .fdatasync = forward_fdatasync,
                .stat = forward_stat,
                .rename = forward_rename,
                .link = forward_link,
                .unlink = forward_unlink,
                .lock = forward_lock,
                .unlock = forward_unlock,
                .free_bytes = forward_free_bytes,
                .map = count_map,
                .unmap = count_unmap,
                .populate = forward_populate,
                .evict = forward_evict,
                .queue_create = forward_queue_create,
                .queue_destroy = forward_queue_destroy,
                .submit = forward_submit,
                .reap = forward_reap,
                .now_monotonic_ns = forward_now_monotonic_ns,
                .random_bytes = forward_random_bytes,
                .sleep_ns = forward_sleep_ns,
                .process_id = forward_process_id},
    };
    count->env = (struct vv_env){&count->ops, count};
}
