/*
 * env_sim.h - a simulated disk in memory that can lose power, for crash tests.
 *
 * The running program sees what it wrote, as through a page cache. A crash keeps what was synced
 * and a subset of the rest: any that a disk and a file system may leave behind, chosen by a seed.
 * The simulator grants only what varve may count on:
 *
 *   - a sector of 512 bytes is old or new as a whole, never a mixture;
 *   - fdatasync makes one file's data and size durable, but not its name; sync_directory makes the
 *     entries of one directory durable, but not what they point to;
 *   - a rename is whole or not at all; directory changes that touch a common name keep their order;
 *   - everything else (sectors, sizes, names) comes and stays in any order.
 *
 * A test loops over all boundaries: cut the power after n mutating calls, run until everything
 * fails, crash into new disks with many seeds, recover on each, compare with what must be there.
 *
 *   sim = vv_env_sim_create(seed); vv_env_sim_cut_power_after(sim, n); run(vv_env_sim_env(sim));
 *   for each mode and seed:
 *       after = vv_env_sim_crash(sim, seed, mode); recover(vv_env_sim_env(after)); check();
 *       vv_env_sim_destroy(after);
 *
 * Paths start at the root "/", which exists. Time stands still but for sleep and 1 us per question;
 * random bytes follow from the seed. rename_path and
 * exchange_paths work within one directory (-EXDEV otherwise).
 * Threads: any, one call at a time inside. Cost: memory for two images and all unsynced writes.
 */
#ifndef VARVE_OS_ENV_SIM_H
#define VARVE_OS_ENV_SIM_H

#include "os/env.h"

struct vv_env_sim;

enum vv_crash_mode {
    VV_CRASH_LOSE_ALL, /* only what was synced */
    VV_CRASH_KEEP_ALL, /* as after kill -9 */
    VV_CRASH_PREFIX,   /* the unsynced operations up to some point, in their order */
    VV_CRASH_RANDOM,   /* each sector, size and directory operation on its own */
    VV_CRASH_TORN,     /* a prefix that ends within a write */
    VV_CRASH_MODE_COUNT,
};

/* An empty disk; NULL when memory is out. */
struct vv_env_sim *vv_env_sim_create(uint64_t seed);
/* Frees everything, open handles and mappings too. NULL is fine. */
void vv_env_sim_destroy(struct vv_env_sim *sim);
/* Lives as long as sim. */
const struct vv_env *vv_env_sim_env(struct vv_env_sim *sim);

/* What could be on the disk if the power went now: a new disk, switched on, without handles or
 * locks; NULL when memory is out. sim stays as it is, so that many crashes may be taken at one
 * point. The same history, seed and mode give the same disk. */
struct vv_env_sim *vv_env_sim_crash(struct vv_env_sim *sim, uint64_t seed, enum vv_crash_mode mode);

/* n more calls that change or sync something are performed; whatever follows, reads too, is -EIO,
 * but close and unmap still release. */
void vv_env_sim_cut_power_after(struct vv_env_sim *sim, uint64_t n);
/* True once a call has met the cut. */
bool vv_env_sim_is_off(struct vv_env_sim *sim);
/* Calls so far that change or sync something. */
uint64_t vv_env_sim_mutations(struct vv_env_sim *sim);
/* Operations that a crash now could lose. */
uint64_t vv_env_sim_pending(struct vv_env_sim *sim);

/* Growing files beyond so many bytes in all is -ENOSPC. */
void vv_env_sim_set_capacity(struct vv_env_sim *sim, uint64_t bytes);
/* While true, syncs succeed without effect, as on a device that lies about its cache. */
void vv_env_sim_set_lying(struct vv_env_sim *sim, bool lying);

#endif
