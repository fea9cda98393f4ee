/*
 * env_sim.c - the simulated disk as an environment: handles, files, mappings, clock, power.
 *
 *   handle number -> handles[] -> inode (sim_disk.h)        names and directories: sim_names.c
 *
 * M1  Every call starts with vv_sim_begin(), which takes the mutex and refuses when the power is
 *     off, and ends with vv_sim_end().
 * M2  A call that changes or syncs something counts, whether it succeeds or not, so that the n-th
 *     such call is the same one in every run of a deterministic program.
 * M3  What the caller mapped is a copy, exactly as long as asked for, so that AddressSanitizer sees
 *     a read beyond it.
 */
#include "os/env_sim.h"

#include <errno.h>
#include <string.h>

#include "os/alloc.h"
#include "os/io_queue.h"
#include "os/sim_calls.h"
#include "os/sim_disk.h"

enum { PAGE_BYTES = 4096, CLOCK_STEP_NS = 1000 };

int vv_sim_begin(struct vv_env_sim *sim, enum vv_sim_call_kind kind)
{
    vv_mutex_lock(&sim->mutex);
    if (sim->mutations_left == 0) {
        sim->is_off = true;
        vv_mutex_unlock(&sim->mutex);
        return -EIO;
    }
    if (kind == VV_SIM_MUTATES) {
        sim->mutations++;
        if (sim->mutations_left != UINT64_MAX) {
            sim->mutations_left--;
        }
    }
    return 0;
}

int vv_sim_end(struct vv_env_sim *sim, int result)
{
    vv_mutex_unlock(&sim->mutex);
    return result;
}

/* The open handle of a number, or NULL. */
static struct vv_sim_handle *find_handle(struct vv_env_sim *sim, int number)
{
    if (number < 0 || (size_t)number >= sim->handle_count || sim->handles[number].inode == NULL) {
        return NULL;
    }
    return &sim->handles[number];
}

static int find_file(struct vv_env_sim *sim, int number, struct vv_sim_inode **file)
{
    const struct vv_sim_handle *handle = find_handle(sim, number);
    if (handle == NULL) {
        return -EBADF;
    }
    if (handle->inode->is_directory) {
        return -EISDIR;
    }
    *file = handle->inode;
    return 0;
}

static int find_writable(struct vv_env_sim *sim, int number, struct vv_sim_inode **file)
{
    int error = find_file(sim, number, file);
    return error == 0 && !sim->handles[number].writable ? -EBADF : error;
}

int vv_sim_find_directory(struct vv_env_sim *sim, int number, struct vv_sim_inode **directory)
{
    const struct vv_sim_handle *handle = find_handle(sim, number);
    if (handle == NULL) {
        return -EBADF;
    }
    if (!handle->inode->is_directory) {
        return -ENOTDIR;
    }
    *directory = handle->inode;
    return 0;
}

int vv_sim_add_handle(struct vv_env_sim *sim, struct vv_sim_inode *inode, bool writable)
{
    if (sim->handle_count == sim->handle_capacity) {
        size_t capacity = sim->handle_capacity > 0 ? sim->handle_capacity * 2 : 16;
        struct vv_sim_handle *handles = vv_realloc(sim->handles, capacity * sizeof(*handles));
        if (handles == NULL) {
            return -ENOMEM;
        }
        sim->handles = handles;
        sim->handle_capacity = capacity;
    }
    vv_sim_inode_reference(inode);
    sim->handles[sim->handle_count] = (struct vv_sim_handle){.inode = inode, .writable = writable};
    return (int)sim->handle_count++;
}

static void release_handle(struct vv_sim_handle *handle, int number)
{
    if (handle->inode->lock_holder == number) {
        handle->inode->lock_holder = -1;
    }
    vv_sim_inode_release(handle->inode);
    handle->inode = NULL;
}

void vv_sim_fill_status(const struct vv_sim_inode *inode, struct vv_file_status *status)
{
    status->size = inode->live.size;
    status->inode = inode->number;
    status->is_directory = inode->is_directory;
}

static int sim_close(void *ctx, int number)
{
    struct vv_env_sim *sim = ctx;
    vv_mutex_lock(
        &sim->mutex); /* not vv_sim_begin(): a program without power still has to release */
    struct vv_sim_handle *handle = find_handle(sim, number);
    if (handle == NULL) {
        return vv_sim_end(sim, -EBADF);
    }
    release_handle(handle, number);
    return vv_sim_end(sim, sim->mutations_left == 0 ? -EIO : 0);
}

static int64_t sim_pread(void *ctx, int number, void *bytes, size_t length, uint64_t offset)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *file = NULL;
    error = find_file(sim, number, &file);
    if (error != 0 || offset >= file->live.size) {
        return vv_sim_end(sim, error);
    }
    uint64_t left = file->live.size - offset;
    size_t count = length < left ? length : (size_t)left;
    memcpy(bytes, file->live.bytes + offset, count);
    (void)vv_sim_end(sim, 0);
    return (int64_t)count;
}

static int64_t sim_pwrite(void *ctx, int number, const void *bytes, size_t length, uint64_t offset)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *file = NULL;
    error = find_writable(sim, number, &file);
    if (error == 0 && length > 0) {
        error = vv_sim_file_write(file, bytes, length, offset);
    }
    (void)vv_sim_end(sim, 0);
    return error != 0 ? error : (int64_t)length;
}

static int sim_preallocate(void *ctx, int number, uint64_t length)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *file = NULL;
    error = find_writable(sim, number, &file);
    if (error == 0 && length > file->live.size) {
        error = vv_sim_file_resize(file, length);
    }
    return vv_sim_end(sim, error);
}

/* A crash loses what is held, as it loses everything that was not synced. */
static int sim_hold_room(void *ctx, int number, uint64_t length)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS); /* nothing that a crash could tear */
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *file = NULL;
    error = find_writable(sim, number, &file);
    if (error == 0 && length > vv_sim_room(file)) {
        uint64_t more = length - vv_sim_room(file);
        error = more > vv_sim_free_bytes(sim) ? -ENOSPC : 0;
    }
    if (error == 0 && length > file->held_bytes) {
        file->held_bytes = length;
    }
    return vv_sim_end(sim, error);
}

static int sim_truncate(void *ctx, int number, uint64_t length)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *file = NULL;
    error = find_writable(sim, number, &file);
    if (error == 0 && length != file->live.size) {
        error = vv_sim_file_resize(file, length);
    }
    return vv_sim_end(sim, error);
}

static int sim_fdatasync(void *ctx, int number)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *file = NULL;
    error = find_file(sim, number, &file);
    if (error == 0 && !sim->is_lying) {
        error = vv_sim_sync(file);
    }
    return vv_sim_end(sim, error);
}

static int sim_stat(void *ctx, int number, struct vv_file_status *status)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    const struct vv_sim_handle *handle = find_handle(sim, number);
    if (handle == NULL) {
        return vv_sim_end(sim, -EBADF);
    }
    vv_sim_fill_status(handle->inode, status);
    return vv_sim_end(sim, 0);
}

static int sim_lock(void *ctx, int number)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    const struct vv_sim_handle *handle = find_handle(sim, number);
    if (handle == NULL) {
        return vv_sim_end(sim, -EBADF);
    }
    if (handle->inode->lock_holder >= 0 && handle->inode->lock_holder != number) {
        return vv_sim_end(sim, -EWOULDBLOCK);
    }
    handle->inode->lock_holder = number;
    return vv_sim_end(sim, 0);
}

static int sim_unlock(void *ctx, int number)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    const struct vv_sim_handle *handle = find_handle(sim, number);
    if (handle == NULL) {
        return vv_sim_end(sim, -EBADF);
    }
    if (handle->inode->lock_holder == number) {
        handle->inode->lock_holder = -1;
    }
    return vv_sim_end(sim, 0);
}

static int sim_free_bytes(void *ctx, int number, uint64_t *bytes)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *directory = NULL;
    error = vv_sim_find_directory(sim, number, &directory);
    if (error == 0) {
        *bytes = vv_sim_free_bytes(sim);
    }
    return vv_sim_end(sim, error);
}

/* A mapping of the file's first length bytes as they are now; NULL when memory is out. */
static struct vv_sim_mapping *copy_to_mapping(const struct vv_sim_inode *file, size_t length)
{
    struct vv_sim_mapping *mapping = vv_alloc(sizeof(*mapping));
    uint8_t *bytes = vv_alloc_aligned(PAGE_BYTES, length);
    if (mapping == NULL || bytes == NULL) {
        vv_free(mapping);
        vv_free(bytes);
        return NULL;
    }
    size_t count = length < file->live.size ? length : (size_t)file->live.size;
    if (count > 0) {
        memcpy(bytes, file->live.bytes, count);
    }
    memset(bytes + count, 0, length - count);
    *mapping =
        (struct vv_sim_mapping){.bytes = bytes, .length = length, .file_bytes = file->live.size};
    return mapping;
}

static int sim_map(void *ctx, int number, size_t length, const uint8_t **bytes)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *file = NULL;
    error = find_file(sim, number, &file);
    if (error != 0 || length == 0) {
        return vv_sim_end(sim, error != 0 ? error : -EINVAL);
    }
    struct vv_sim_mapping *mapping = copy_to_mapping(file, length);
    if (mapping == NULL) {
        return vv_sim_end(sim, -ENOMEM);
    }
    mapping->next = sim->mappings;
    sim->mappings = mapping;
    *bytes = mapping->bytes;
    return vv_sim_end(sim, 0);
}

static int sim_unmap(void *ctx, const uint8_t *bytes, size_t length)
{
    struct vv_env_sim *sim = ctx;
    vv_mutex_lock(&sim->mutex); /* not vv_sim_begin(): releasing works without power */
    struct vv_sim_mapping **link = &sim->mappings;
    while (*link != NULL && (*link)->bytes != bytes) {
        link = &(*link)->next;
    }
    struct vv_sim_mapping *mapping = *link;
    if (mapping == NULL || mapping->length != length) {
        return vv_sim_end(sim, -EINVAL);
    }
    *link = mapping->next;
    vv_free(mapping->bytes);
    vv_free(mapping);
    return vv_sim_end(sim, 0);
}

static int sim_populate(void *ctx, const uint8_t *bytes, size_t length)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    error = -ENOMEM; /* what the kernel says about a range that is not mapped */
    uintptr_t first = (uintptr_t)bytes;
    for (const struct vv_sim_mapping *mapping = sim->mappings; mapping != NULL;
         mapping = mapping->next) {
        uintptr_t start = (uintptr_t)mapping->bytes;
        if (first >= start && first + length <= start + mapping->length) {
            uint64_t pages = (mapping->file_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
            error = first + length <= start + pages * PAGE_BYTES ? 0 : -EFAULT;
            break;
        }
    }
    return vv_sim_end(sim, error);
}

static void sim_evict(void *ctx, const uint8_t *bytes, size_t length)
{
    (void)ctx; /* all that is mapped is a copy */
    (void)bytes;
    (void)length;
}

static int sim_queue_create(void *ctx, unsigned depth, struct vv_io_queue **queue)
{
    return vv_io_queue_create(vv_env_sim_env(ctx), depth, queue);
}

static void sim_queue_destroy(void *ctx, struct vv_io_queue *queue)
{
    (void)ctx;
    vv_io_queue_destroy(queue);
}

static int sim_submit(void *ctx, struct vv_io_queue *queue, struct vv_io *const *requests,
                      unsigned count)
{
    (void)ctx;
    return vv_io_queue_submit(queue, requests, count);
}

static int sim_reap(void *ctx, struct vv_io_queue *queue, struct vv_io **done, unsigned capacity)
{
    (void)ctx;
    return vv_io_queue_reap(queue, done, capacity);
}

static int64_t sim_now_monotonic_ns(void *ctx)
{
    struct vv_env_sim *sim = ctx;
    vv_mutex_lock(&sim->mutex);
    int64_t now_ns = sim->now_ns += CLOCK_STEP_NS; /* a loop that waits for a time must get there */
    vv_mutex_unlock(&sim->mutex);
    return now_ns;
}

static int sim_random_bytes(void *ctx, void *bytes, size_t length)
{
    struct vv_env_sim *sim = ctx;
    uint8_t *next = bytes;
    vv_mutex_lock(&sim->mutex);
    while (length-- > 0) {
        *next++ = (uint8_t)(vv_sim_random_next(&sim->random_state) >> 56);
    }
    return vv_sim_end(sim, 0);
}

static int64_t sim_process_id(void *ctx)
{
    (void)ctx;
    return 1;
}

static void sim_sleep_ns(void *ctx, int64_t duration_ns)
{
    struct vv_env_sim *sim = ctx;
    vv_mutex_lock(&sim->mutex);
    sim->now_ns += duration_ns > 0 ? duration_ns : 0;
    vv_mutex_unlock(&sim->mutex);
    vv_thread_yield(); /* time passes for the other threads, too */
}

static const struct vv_env_ops sim_ops = {
    .open_directory = vv_sim_open_directory,
    .make_directory = vv_sim_make_directory,
    .rename_path = vv_sim_rename_path,
    .exchange_paths = vv_sim_exchange_paths,
    .remove_directory = vv_sim_remove_directory,
    .stat_path = vv_sim_stat_path,
    .sync_directory = vv_sim_sync_directory,
    .list = vv_sim_list,
    .open = vv_sim_open,
    .close = sim_close,
    .pread = sim_pread,
    .pwrite = sim_pwrite,
    .preallocate = sim_preallocate,
    .hold_room = sim_hold_room,
    .truncate = sim_truncate,
    .fdatasync = sim_fdatasync,
    .stat = sim_stat,
    .rename = vv_sim_rename,
    .link = vv_sim_link,
    .unlink = vv_sim_unlink,
    .lock = sim_lock,
    .unlock = sim_unlock,
    .free_bytes = sim_free_bytes,
    .map = sim_map,
    .unmap = sim_unmap,
    .populate = sim_populate,
    .evict = sim_evict,
    .queue_create = sim_queue_create,
    .queue_destroy = sim_queue_destroy,
    .submit = sim_submit,
    .reap = sim_reap,
    .now_monotonic_ns = sim_now_monotonic_ns,
    .random_bytes = sim_random_bytes,
    .sleep_ns = sim_sleep_ns,
    .process_id = sim_process_id,
};

struct vv_env_sim *vv_env_sim_create(uint64_t seed)
{
    struct vv_env_sim *sim = vv_alloc_zeroed(1, sizeof(*sim));
    if (sim == NULL) {
        return NULL;
    }
    sim->root = vv_sim_inode_create(sim, true);
    if (sim->root == NULL) {
        vv_free(sim);
        return NULL;
    }
    sim->env = (struct vv_env){.ops = &sim_ops, .ctx = sim};
    sim->mutations_left = UINT64_MAX;
    sim->capacity_bytes = UINT64_MAX;
    sim->random_state = seed;
    vv_mutex_init(&sim->mutex);
    return sim;
}

void vv_env_sim_destroy(struct vv_env_sim *sim)
{
    if (sim == NULL) {
        return;
    }
    for (size_t number = 0; number < sim->handle_count; number++) {
        if (sim->handles[number].inode != NULL) {
            release_handle(&sim->handles[number], (int)number);
        }
    }
    vv_free(sim->handles);
    while (sim->mappings != NULL) {
        struct vv_sim_mapping *mapping = sim->mappings;
        sim->mappings = mapping->next;
        vv_free(mapping->bytes);
        vv_free(mapping);
    }
    vv_sim_inode_release(sim->root);
    VV_ASSERT(sim->inodes == NULL);
    vv_mutex_fini(&sim->mutex);
    vv_free(sim);
}

const struct vv_env *vv_env_sim_env(struct vv_env_sim *sim)
{
    return &sim->env;
}

void vv_env_sim_cut_power_after(struct vv_env_sim *sim, uint64_t n)
{
    vv_mutex_lock(&sim->mutex);
    sim->mutations_left = n;
    vv_mutex_unlock(&sim->mutex);
}

bool vv_env_sim_is_off(struct vv_env_sim *sim)
{
    vv_mutex_lock(&sim->mutex);
    bool is_off = sim->is_off;
    vv_mutex_unlock(&sim->mutex);
    return is_off;
}

uint64_t vv_env_sim_mutations(struct vv_env_sim *sim)
{
    vv_mutex_lock(&sim->mutex);
    uint64_t mutations = sim->mutations;
    vv_mutex_unlock(&sim->mutex);
    return mutations;
}

uint64_t vv_env_sim_pending(struct vv_env_sim *sim)
{
    uint64_t pending = 0;
    vv_mutex_lock(&sim->mutex);
    for (const struct vv_sim_inode *inode = sim->inodes; inode != NULL; inode = inode->next) {
        pending += inode->change_count;
    }
    vv_mutex_unlock(&sim->mutex);
    return pending;
}

void vv_env_sim_set_capacity(struct vv_env_sim *sim, uint64_t bytes)
{
    vv_mutex_lock(&sim->mutex);
    sim->capacity_bytes = bytes;
    vv_mutex_unlock(&sim->mutex);
}

void vv_env_sim_set_lying(struct vv_env_sim *sim, bool lying)
{
    vv_mutex_lock(&sim->mutex);
    sim->is_lying = lying;
    vv_mutex_unlock(&sim->mutex);
}
