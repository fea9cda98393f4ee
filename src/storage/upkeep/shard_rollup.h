/*
 * shard_rollup.h - keeping the rollups of blocks up to the rules.
 */
#ifndef VARVE_STORAGE_SHARD_ROLLUP_H
#define VARVE_STORAGE_SHARD_ROLLUP_H

#include "storage/shard.h"

/* Rewrites one block that lacks rows which the rules ask for; *worked says whether there was one.
 * Needs room for a block, and maintenance_mutex. is_patient: a block for which there is no room
 * waits. */
varve_status vv_shard_build_rollups(struct vv_shard *shard, bool is_patient, bool *worked,
                                    varve_error *error) VARVE_MUST_CHECK;

/* Whether a block has all rows that the rules ask for, and no others. Cost: nothing unless the
 * rules have changed since it was written; else a look-up of each new rule's labels. Needs
 * maintenance_mutex. */
varve_status vv_shard_rollups_are_current(const struct vv_shard *shard,
                                          const struct vv_block *block,
                                          bool *current) VARVE_MUST_CHECK;

#endif
