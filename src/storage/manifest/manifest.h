/*
 * manifest.h - which blocks are alive, where the log begins and what is kept for how long. Bytes:
 * MANIFEST_FORMAT.md.
 */
#ifndef VARVE_STORAGE_MANIFEST_H
#define VARVE_STORAGE_MANIFEST_H

#include "base/bytes.h"
#include "mmap/block.h"
#include "mmap/rollup_rules.h"

enum { VV_BLOCK_NAME_BYTES = 32, VV_RETENTION_RULES_MAX = 64, VV_SELECTOR_BYTES_MAX = 4096 };

#define VV_MANIFEST_NAME "manifest"

/* What is kept of the series that a selector names. */
struct vv_retention_rule {
    uint64_t age;       /* nanoseconds back from the newest sample; 0: any age */
    uint64_t bytes_max; /* of blocks; 0: any size */
    int64_t floor;      /* samples with an earlier timestamp are gone; INT64_MIN: none yet */
    char *selector;     /* owned; NULL if it is empty: all series */
    size_t selector_length;
};

struct vv_manifest {
    uint64_t sequence;
    uint64_t wal_start_lsn;
    uint64_t wal_sequence;
    uint64_t next_block_id;
    struct vv_block_info *blocks; /* in LSN order */
    size_t block_count;
    struct vv_retention_rule *rules;
    size_t rule_count;
    uint64_t rollup_sequence; /* that of the manifest which first had these rollups; 0: none */
    struct vv_rollup_rule *rollups;
    size_t rollup_count;
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

/* Up to where the deletions that were logged have been applied to the samples of a block. */
static inline uint64_t vv_block_clean_lsn(const struct vv_block_info *info)
{
    return info->clean_lsn > info->identity.lsn_max ? info->clean_lsn : info->identity.lsn_max;
}

/* Gives manifest copies of so many rules, in place of what it points to now, which stays whose it
 * is. NO_MEMORY: it has none then. */
varve_status vv_manifest_copy_rules(struct vv_manifest *manifest,
                                    const struct vv_retention_rule *rules,
                                    size_t rule_count) VARVE_MUST_CHECK;
void vv_retention_rules_free(struct vv_retention_rule *rules, size_t rule_count);

/* Bytes of all blocks that it lists. */
uint64_t vv_manifest_block_bytes(const struct vv_manifest *manifest);

/* As vv_manifest_copy_rules(), for rollups; of a sequence that the caller sets. */
varve_status vv_manifest_copy_rollups(struct vv_manifest *manifest,
                                      const struct vv_rollup_rule *rollups,
                                      size_t rollup_count) VARVE_MUST_CHECK;
void vv_rollup_list_free(struct vv_rollup_rule *rollups, size_t rollup_count);

/* manifest_rollups.c: the part of the file that tells of rollups, if there are any: its bytes, and
 * writing and reading it. What was read is the manifest's even on failure. */
size_t vv_manifest_rollup_bytes(const struct vv_manifest *manifest);
void vv_manifest_rollups_encode(const struct vv_manifest *manifest, struct vv_writer *out);
varve_status vv_manifest_rollups_decode(struct vv_reader *in,
                                        struct vv_manifest *manifest) VARVE_MUST_CHECK;

/* Whether name is that of a block in the manifest. */
bool vv_manifest_lists(const struct vv_manifest *manifest, const char *name);

#endif
