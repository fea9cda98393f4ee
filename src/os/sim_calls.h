/*
 * sim_calls.h - what the calls of the simulated disk share.
 *
 * Internal to env_sim.c and sim_names.c. The vv_sim_<call>() below stand in the environment's table
 * and keep the contract of the same names in env.h.
 */
#ifndef VARVE_OS_SIM_CALLS_H
#define VARVE_OS_SIM_CALLS_H

#include "os/sim_disk.h"

enum vv_sim_call_kind { VV_SIM_READS, VV_SIM_MUTATES };

/* Takes the mutex, or returns -EIO without it when the power is off. */
int vv_sim_begin(struct vv_env_sim *sim, enum vv_sim_call_kind kind);
/* Gives the mutex back and returns result. */
int vv_sim_end(struct vv_env_sim *sim, int result);

/* -EBADF, -ENOTDIR, or 0 and the directory that the handle stands for. */
int vv_sim_find_directory(struct vv_env_sim *sim, int number, struct vv_sim_inode **directory);
/* A handle number for inode, with a reference of its own; -ENOMEM. */
int vv_sim_add_handle(struct vv_env_sim *sim, struct vv_sim_inode *inode, bool writable);
void vv_sim_fill_status(const struct vv_sim_inode *inode, struct vv_file_status *status);

int vv_sim_open_directory(void *ctx, const char *path);
int vv_sim_make_directory(void *ctx, const char *path);
int vv_sim_rename_path(void *ctx, const char *from, const char *to);
int vv_sim_exchange_paths(void *ctx, const char *one, const char *other);
int vv_sim_remove_directory(void *ctx, const char *path);
int vv_sim_stat_path(void *ctx, const char *path, struct vv_file_status *status);
int vv_sim_sync_directory(void *ctx, int number);
int vv_sim_list(void *ctx, int number, int (*visit)(void *visitor, const char *name),
                void *visitor);
int vv_sim_open(void *ctx, int number, const char *name, enum vv_open_mode mode);
int vv_sim_rename(void *ctx, int number, const char *from, const char *to);
int vv_sim_link(void *ctx, int from_number, const char *from, int to_number, const char *to);
int vv_sim_unlink(void *ctx, int number, const char *name);

#endif
