/*
 * shard_unlisted.c - finished blocks that the manifest does not list: leftovers, or data?
 *
 *   log:       [........ recovered end]
 *   block x:   (lsn ............ lsn_max]   lsn_max <= end: the log has it all, x is swept
 *   block y:   (lsn .................. lsn_max]   beyond it: the manifest is an old one
 *
 * U1  A flush syncs the log before it finishes a block, so that no crash leaves a block beyond the
 *     end of the log. One that is there says that manifest and log are older than it, from a copy
 *     or a backup perhaps: it is set aside under another name, never removed, and reported.
 * Thread: one, while the shard is opened or verified.
 */
#include <stdio.h>

#include "storage/shard.h"

static const char aside_prefix[] = "unlisted-";

bool vv_shard_is_beyond_log(struct vv_shard *shard, const char *name)
{
    struct vv_block *block = NULL;
    const struct vv_shard_place *place = &shard->place;
    size_t length = strlen(name);
    if (length > 4 && strcmp(name + length - 4, ".tmp") == 0) {
        return false;
    }
    if (vv_block_open(place->env, place->directory, name, NULL, &block, NULL) != VARVE_OK) {
        return false; /* not finished, or of no use to anybody */
    }
    const struct vv_block_identity *identity = &vv_block_info(block)->identity;
    bool ours = identity->shard == place->shard &&
                memcmp(identity->database_uuid, place->database_uuid, 16) == 0;
    bool beyond = ours && identity->lsn_max > vv_wal_end(&shard->wal);
    vv_block_release(block);
    return beyond;
}

bool vv_is_aside_name(const char *name)
{
    return strncmp(name, aside_prefix, sizeof(aside_prefix) - 1) == 0;
}

void vv_shard_set_aside(struct vv_shard *shard, const char *name)
{
    char aside[VV_BLOCK_NAME_BYTES + sizeof(aside_prefix)];
    const struct vv_env *env = shard->place.env;
    (void)snprintf(aside, sizeof(aside), "%s%.*s", aside_prefix, VV_BLOCK_NAME_BYTES - 1, name);
    int result = env->ops->rename(env->ctx, shard->place.directory, name, aside);
    atomic_fetch_add(&shard->damages, 1);
    vv_report(shard->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, 0,
              "%s has data beyond the end of the log, which the manifest does not know: both are "
              "older than it. It is kept as %s",
              name, result == 0 ? aside : name);
}
