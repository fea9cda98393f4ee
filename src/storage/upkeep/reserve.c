/*
 * reserve.c - the file that keeps room on the disk.
 *
 * R1  Nothing in the file counts, so nothing of it is synced: after a crash it is made again.
 * R2  is_short is set before room is given back: no append that starts afterwards takes it.
 * R3  The file is empty: the room lies behind its end, so that it looks as small as it is worth and
 *     nobody copies it. A copy of the directory takes room when it is opened.
 * Thread: any; the file is touched under the mutex, which nothing else is taken under.
 */
#include "storage/upkeep/reserve.h"

#include <errno.h>

enum {
    BYTES_MIN = 16 << 10, /* a log segment, a block, a manifest: pages of their own, and a spare */
    BYTES_MAX = 64 << 20,
    STEP_BYTES = 4 << 10, /* file systems count in these */
    STEP_SHARE = 4,       /* rounded up by so much, so that growing is seldom done */
};

void vv_reserve_init(struct vv_reserve *reserve, const struct vv_shard_place *place,
                     const struct vv_report *report, uint64_t fixed_bytes)
{
    *reserve = (struct vv_reserve){.place = place, .report = report, .fixed_bytes = fixed_bytes};
    atomic_init(&reserve->is_short, false);
    atomic_init(&reserve->held_bytes, 0);
    vv_mutex_init(&reserve->mutex);
}

void vv_reserve_fini(struct vv_reserve *reserve)
{
    vv_mutex_fini(&reserve->mutex);
}

uint64_t vv_reserve_bytes(const struct vv_reserve *reserve, uint64_t asked_bytes)
{
    uint64_t bytes = reserve->fixed_bytes, step = STEP_BYTES;
    if (bytes == 0) {
        bytes = asked_bytes < BYTES_MIN ? BYTES_MIN : asked_bytes;
        bytes = bytes > BYTES_MAX ? BYTES_MAX : bytes;
        while (step < bytes / STEP_SHARE / 2) {
            step *= 2;
        }
    }
    bytes = bytes > BYTES_MAX ? BYTES_MAX : bytes;
    return (bytes + step - 1) / step * step;
}

/* The file, which is made if it is missing; a file or -errno. */
static int open_file(const struct vv_shard_place *place)
{
    const struct vv_env *env = place->env;
    int file = env->ops->open(env->ctx, place->directory, VV_RESERVE_NAME, VV_OPEN_WRITE);
    return file == -ENOENT
               ? env->ops->open(env->ctx, place->directory, VV_RESERVE_NAME, VV_OPEN_CREATE)
               : file;
}

static int remove_file(const struct vv_shard_place *place)
{
    return place->env->ops->unlink(place->env->ctx, place->directory, VV_RESERVE_NAME);
}

/* Takes room where the file system cannot do it by itself; 0 or -errno. */
static int write_zeros(const struct vv_env *env, int file, uint64_t bytes)
{
    static const uint8_t zeros[STEP_BYTES];
    struct vv_file_status status;
    int result = env->ops->stat(env->ctx, file, &status);
    for (uint64_t at = 0; at < bytes && result == 0; at += STEP_BYTES) {
        if (at >= status.size) {
            result = vv_env_write_all(env, file, zeros, STEP_BYTES, at);
        }
    }
    return result;
}

/* As much as the disk has room for, if that is not all. */
static uint64_t what_fits(const struct vv_reserve *reserve, uint64_t held, uint64_t bytes)
{
    const struct vv_env *env = reserve->place->env;
    uint64_t available = 0;
    if (env->ops->free_bytes(env->ctx, reserve->place->directory, &available) != 0 ||
        available >= bytes - held) {
        return held;
    }
    return held + available / STEP_BYTES * STEP_BYTES;
}

/* Has the open file hold so many bytes of room; *held is what it has. 0 or -errno. */
static int hold(struct vv_reserve *reserve, int file, uint64_t bytes, uint64_t *held)
{
    const struct vv_env *env = reserve->place->env;
    int result = env->ops->hold_room(env->ctx, file, bytes);
    if (result == -EOPNOTSUPP) {
        result = write_zeros(env, file, bytes);
    }
    if (result == 0) {
        *held = bytes;
    } else if (result == -ENOSPC) { /* what there is, before others take it */
        uint64_t fitting = what_fits(reserve, *held, bytes);
        if (fitting > *held && env->ops->hold_room(env->ctx, file, fitting) == 0) {
            *held = fitting;
        }
    }
    return result;
}

/* Needs the mutex. */
static void fill(struct vv_reserve *reserve, uint64_t asked_bytes)
{
    const struct vv_env *env = reserve->place->env;
    uint64_t bytes = vv_reserve_bytes(reserve, asked_bytes);
    uint64_t held = atomic_load(&reserve->held_bytes);
    if (held > bytes && remove_file(reserve->place) == 0) {
        held = 0;
    }
    int file = open_file(reserve->place);
    int result = file < 0 ? file : 0;
    if (file >= 0) {
        result = hold(reserve, file, bytes, &held);
        (void)env->ops->close(env->ctx, file);
    }
    bool is_full = result != 0 && vv_status_from_errno(-result) == VARVE_NO_SPACE;
    if (result != 0 && !is_full && !reserve->is_impossible) {
        reserve->is_impossible = true;
        vv_report(reserve->report, VARVE_EVENT_NOTE, vv_status_from_errno(-result), VV_RESERVE_NAME,
                  0, "no room can be kept on the disk (errno %d): on a full one deletions may fail",
                  -result);
    }
    /* What cannot be kept for another reason must not stop appends for ever. */
    atomic_store(&reserve->held_bytes, is_full ? held : bytes);
    atomic_store(&reserve->is_short, is_full);
}

void vv_reserve_fill(struct vv_reserve *reserve, uint64_t asked_bytes)
{
    vv_mutex_lock(&reserve->mutex);
    if (reserve->borrowers == 0) {
        fill(reserve, asked_bytes);
    }
    vv_mutex_unlock(&reserve->mutex);
}

void vv_reserve_fill_if_due(struct vv_reserve *reserve, uint64_t asked_bytes)
{
    vv_mutex_lock(&reserve->mutex);
    if (reserve->borrowers == 0 && vv_reserve_is_due(reserve, asked_bytes)) {
        fill(reserve, asked_bytes);
    }
    vv_mutex_unlock(&reserve->mutex);
}

/* Gives the room up; whether there was any. Needs the mutex. */
static bool give_up(struct vv_reserve *reserve)
{
    atomic_store(&reserve->is_short, true); /* R2 */
    atomic_store(&reserve->held_bytes, 0);
    return remove_file(reserve->place) == 0;
}

bool vv_reserve_lend(struct vv_reserve *reserve)
{
    vv_mutex_lock(&reserve->mutex);
    bool is_lent = reserve->borrowers > 0 || give_up(reserve);
    reserve->borrowers += is_lent;
    vv_mutex_unlock(&reserve->mutex);
    return is_lent;
}

void vv_reserve_return(struct vv_reserve *reserve, uint64_t asked_bytes)
{
    vv_mutex_lock(&reserve->mutex);
    VV_ASSERT(reserve->borrowers > 0);
    if (--reserve->borrowers == 0) {
        fill(reserve, asked_bytes);
    }
    vv_mutex_unlock(&reserve->mutex);
}
