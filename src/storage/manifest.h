/*
 * manifest.h - which blocks are alive and where the log begins. Bytes: MANIFEST_FORMAT.md.
 */
#ifndef VARVE_STORAGE_MANIFEST_H
#define VARVE_STORAGE_MANIFEST_H

#include "mmap/block.h"

enum { VV_BLOCK_NAME_BYTES = 32 };

#define VV_MANIFEST_NAME "manifest"

struct vv_manifest {
    uint64_t sequence;
    uint64_t wal_start_lsn;
    uint64_t wal_sequence;
    uint64_t next_block_id;
    struct vv_block_info *blocks; /* in LSN order */
    size_t block_count;
};

/* Where a manifest belongs: what it is checked against. */
struct vv_shard_place {
    const struct vv_env *env;
    int directory;
    uint8_t database_uuid[16];
    uint32_t shard;
};

/* "block-%016llx"; name holds VV_BLOCK_NAME_BYTES. */
void vv_block_name(uint64_t id, char *name);
/* Whether name is that of a block, finished or not. */
bool vv_is_block_name(const char *name);

/* Reads and checks the manifest; release with vv_manifest_fini(). NOT_FOUND, VERSION, CORRUPT,
 * IO. */
varve_status vv_manifest_load(const struct vv_shard_place *place, struct vv_manifest *manifest,
                              varve_error *error) VARVE_MUST_CHECK;
/* Makes it the truth, durably. On failure the old one is still in place, but for UNKNOWN: then the
 * next open may find either, so that the files of both must stay. */
varve_status vv_manifest_store(const struct vv_shard_place *place,
                               const struct vv_manifest *manifest,
                               varve_error *error) VARVE_MUST_CHECK;
void vv_manifest_fini(struct vv_manifest *manifest);

/* Whether name is that of a block in the manifest. */
bool vv_manifest_lists(const struct vv_manifest *manifest, const char *name);

#endif
