/*
 * fuzz_manifest.c - manifests, any bytes: a status, and what is accepted can be stored, says the
 * same when it is loaded again, and its rules are compiled or refused.
 *
 * Checksum, shard and identity would keep the fuzzer out: they are put right, or are what the bytes
 * say.
 */
#include <string.h>

#include "base/checksum.h"
#include "storage/upkeep/retention.h"
#include "support/fuzz_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { SHARD_OFFSET = 12, UUID_OFFSET = 16, CHECKSUM_BYTES = 8 };

/* Stores what was loaded; the bytes of the file, from vv_alloc. */
static uint8_t *store(const struct fuzz_disk *disk, const struct vv_shard_place *place,
                      const struct vv_manifest *manifest, size_t *length)
{
    VV_ASSERT(vv_manifest_store(place, manifest, NULL) == VARVE_OK);
    return fuzz_disk_read(disk, VV_MANIFEST_NAME, length);
}

/* Bits without a meaning may get lost, therefore the second file is compared with the third. */
static void check_stored(const struct fuzz_disk *disk, const struct vv_shard_place *place,
                         const struct vv_manifest *manifest, size_t file_bytes)
{
    size_t second_bytes, third_bytes;
    uint8_t *second = store(disk, place, manifest, &second_bytes);
    struct vv_manifest again;
    VV_ASSERT(second_bytes == file_bytes);
    VV_ASSERT(vv_manifest_load(place, &again, NULL) == VARVE_OK);
    uint8_t *third = store(disk, place, &again, &third_bytes);
    VV_ASSERT(third_bytes == second_bytes && memcmp(third, second, second_bytes) == 0);
    vv_manifest_fini(&again);
    vv_free(second);
    vv_free(third);
}

static void check_copies(const struct vv_manifest *manifest)
{
    struct vv_manifest copy = {0};
    VV_ASSERT(vv_manifest_copy_rules(&copy, manifest->rules, manifest->rule_count) == VARVE_OK);
    VV_ASSERT(vv_manifest_copy_rollups(&copy, manifest->rollups, manifest->rollup_count) ==
              VARVE_OK);
    for (size_t i = 0; i < manifest->rule_count; i++) {
        const struct vv_retention_rule *rule = &manifest->rules[i], *copied = &copy.rules[i];
        VV_ASSERT(copied->floor == rule->floor && copied->age == rule->age &&
                  copied->selector_length == rule->selector_length);
        VV_ASSERT(rule->selector_length == 0 ||
                  memcmp(copied->selector, rule->selector, rule->selector_length) == 0);
    }
    vv_manifest_fini(&copy);
}

/* As opening a shard does it. */
static void check_rules(const struct vv_manifest *manifest)
{
    struct vv_retention *retention;
    struct vv_rollup_rules *rollups;
    varve_status status =
        vv_retention_create(manifest->rules, manifest->rule_count, &retention, NULL);
    VV_ASSERT(status == VARVE_OK || status == VARVE_INVALID || status == VARVE_LIMIT);
    if (status == VARVE_OK) {
        VV_ASSERT(retention == NULL ||
                  vv_retention_common_floor(retention) <= vv_retention_highest_floor(retention));
        vv_retention_release(retention);
    }
    status = vv_rollup_rules_create(manifest->rollups, manifest->rollup_count,
                                    manifest->rollup_sequence, &rollups, NULL);
    VV_ASSERT(status == VARVE_OK || status == VARVE_INVALID || status == VARVE_LIMIT);
    if (status == VARVE_OK) {
        VV_ASSERT((rollups != NULL) == (manifest->rollup_count > 0));
        vv_rollup_rules_release(rollups);
    }
}

static void check_names(const struct vv_manifest *manifest)
{
    uint64_t file_bytes = 0;
    for (size_t i = 0; i < manifest->block_count; i++) {
        char name[VV_BLOCK_NAME_BYTES];
        vv_block_name(manifest->blocks[i].identity.id, name);
        VV_ASSERT(vv_is_block_name(name) && vv_manifest_lists(manifest, name));
        file_bytes += manifest->blocks[i].file_bytes;
    }
    VV_ASSERT(vv_manifest_block_bytes(manifest) == file_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct fuzz_disk disk = fuzz_disk_create();
    struct vv_shard_place place = {.env = disk.env, .directory = disk.directory};
    struct vv_manifest manifest;
    uint8_t *file = vv_alloc(length + 1);
    VV_ASSERT(file != NULL);
    memcpy(file, bytes, length);
    if (length >= UUID_OFFSET + sizeof(place.database_uuid) + CHECKSUM_BYTES) {
        place.shard = vv_load_u32(file + SHARD_OFFSET);
        memcpy(place.database_uuid, file + UUID_OFFSET, sizeof(place.database_uuid));
        vv_store_u64(file + length - CHECKSUM_BYTES, vv_checksum(file, length - CHECKSUM_BYTES, 0));
    }
    fuzz_disk_write(&disk, VV_MANIFEST_NAME, file, length);
    if (vv_manifest_load(&place, &manifest, NULL) == VARVE_OK) {
        check_names(&manifest);
        check_rules(&manifest);
        check_copies(&manifest);
        check_stored(&disk, &place, &manifest, length);
        vv_manifest_fini(&manifest);
    }
    vv_free(file);
    fuzz_disk_destroy(&disk);
    return 0;
}
