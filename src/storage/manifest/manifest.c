/*
 * manifest.c - reading and replacing the manifest. Bytes: MANIFEST_FORMAT.md.
 *
 * M1  The file is replaced as a whole: tmp written, synced, renamed, directory synced, in this
 *     order. Without the first sync the name could outlive its data, without the last one the
 *     rename could be lost after the old blocks and log segments were removed.
 * Thread: stores are serialised by the shard's maintenance lock.
 */
#include "storage/manifest/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/checksum.h"
#include "os/alloc.h"
#include "storage/manifest/manifest_selector.h"

static const char magic[8] = {'V', 'A', 'R', 'V', 'E', 'M', 'A', 'N'};
static const char temporary_name[] = "manifest.tmp";
static const char block_prefix[] = "block-";

enum {
    MANIFEST_VERSION = 2,
    MANIFEST_VERSION_ROLLUPS = 3, /* of manifests with rollups: they stand behind the rules */
    HEADER_BYTES = 80,
    BLOCK_BYTES = 104,
    CHECKSUM_BYTES = 8,
    RULE_BYTES = 32, /* and its selector */
    BLOCKS_MAX = 1 << 20,
    FLAG_COLD = 1,
};

void vv_block_name(uint64_t id, char *name)
{
    (void)snprintf(name, VV_BLOCK_NAME_BYTES, "%s%016" PRIx64, block_prefix, id);
}

bool vv_is_block_name(const char *name)
{
    return strncmp(name, block_prefix, sizeof(block_prefix) - 1) == 0;
}

static void encode_block(struct vv_writer *out, const struct vv_block_info *block)
{
    vv_write_u64(out, block->identity.id);
    vv_write_u64(out, block->identity.lsn_min);
    vv_write_u64(out, block->identity.lsn_max);
    vv_write_u64(out, block->file_bytes);
    vv_write_u64(out, block->checksum);
    vv_write_u64(out, block->series_count);
    vv_write_u64(out, block->chunk_count);
    vv_write_u64(out, block->sample_count);
    vv_write_u64(out, block->tombstone_count);
    vv_write_u64(out, (uint64_t)block->time_min);
    vv_write_u64(out, (uint64_t)block->time_max);
    vv_write_u64(out, block->identity.cold ? FLAG_COLD : 0);
    vv_write_u64(out, vv_block_clean_lsn(block));
}

static void decode_block(struct vv_reader *in, const struct vv_shard_place *place,
                         struct vv_block_info *block)
{
    *block = (struct vv_block_info){.identity.shard = place->shard};
    memcpy(block->identity.database_uuid, place->database_uuid, sizeof(place->database_uuid));
    block->identity.id = vv_read_u64(in);
    block->identity.lsn_min = vv_read_u64(in);
    block->identity.lsn_max = vv_read_u64(in);
    block->file_bytes = vv_read_u64(in);
    block->checksum = vv_read_u64(in);
    block->series_count = vv_read_u64(in);
    block->chunk_count = vv_read_u64(in);
    block->sample_count = vv_read_u64(in);
    block->tombstone_count = vv_read_u64(in);
    block->time_min = (int64_t)vv_read_u64(in);
    block->time_max = (int64_t)vv_read_u64(in);
    block->identity.cold = (vv_read_u64(in) & FLAG_COLD) != 0;
    block->clean_lsn = vv_read_u64(in);
}

static size_t rule_bytes(const struct vv_retention_rule *rule)
{
    return RULE_BYTES + vv_manifest_selector_bytes(rule->selector_length);
}

static void encode_rule(struct vv_writer *out, const struct vv_retention_rule *rule)
{
    vv_write_u64(out, rule->age);
    vv_write_u64(out, rule->bytes_max);
    vv_write_u64(out, (uint64_t)rule->floor);
    vv_write_u64(out, rule->selector_length);
    vv_manifest_selector_encode(rule->selector, rule->selector_length, out);
}

/* Reads one rule, whose memory is rule's even on failure. */
static varve_status decode_rule(struct vv_reader *in, struct vv_retention_rule *rule)
{
    rule->age = vv_read_u64(in);
    rule->bytes_max = vv_read_u64(in);
    rule->floor = (int64_t)vv_read_u64(in);
    return vv_manifest_selector_decode(in, vv_read_u64(in), &rule->selector,
                                       &rule->selector_length);
}

static varve_status decode_rules(struct vv_reader *in, uint64_t count, struct vv_manifest *manifest)
{
    if (count > VV_RETENTION_RULES_MAX) {
        return VARVE_CORRUPT;
    }
    if (count > 0) {
        manifest->rules = vv_alloc_zeroed(count, sizeof(*manifest->rules));
        if (manifest->rules == NULL) {
            return VARVE_NO_MEMORY;
        }
    }
    manifest->rule_count = count;
    for (size_t i = 0; i < count; i++) {
        VV_TRY(decode_rule(in, &manifest->rules[i]));
    }
    return VARVE_OK;
}

varve_status vv_manifest_copy_rules(struct vv_manifest *manifest,
                                    const struct vv_retention_rule *rules, size_t rule_count)
{
    struct vv_retention_rule *copies = NULL;
    varve_status status = VARVE_OK;
    if (rule_count > 0) {
        copies = vv_alloc_zeroed(rule_count, sizeof(*copies));
        status = copies != NULL ? VARVE_OK : VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < rule_count && status == VARVE_OK; i++) {
        copies[i] = rules[i];
        status = vv_manifest_selector_copy(rules[i].selector, rules[i].selector_length,
                                           &copies[i].selector);
    }
    if (status != VARVE_OK) {
        vv_retention_rules_free(copies, copies == NULL ? 0 : rule_count);
        copies = NULL;
        rule_count = 0;
    }
    manifest->rules = copies;
    manifest->rule_count = rule_count;
    return status;
}

void vv_retention_rules_free(struct vv_retention_rule *rules, size_t rule_count)
{
    for (size_t i = 0; i < rule_count; i++) {
        vv_free(rules[i].selector);
    }
    vv_free(rules);
}

/* Reads the whole file into *bytes (from vv_alloc). */
static varve_status read_file(const struct vv_shard_place *place, uint8_t **bytes, size_t *length,
                              varve_error *error)
{
    const struct vv_env *env = place->env;
    int file = env->ops->open(env->ctx, place->directory, VV_MANIFEST_NAME, VV_OPEN_READ);
    if (file < 0) {
        return vv_fail_io(error, file == -ENOENT ? VARVE_CORRUPT : vv_status_from_errno(-file),
                          -file, VV_MANIFEST_NAME, 0, "cannot open the manifest");
    }
    struct vv_file_status file_status;
    *bytes = NULL;
    varve_status status = VARVE_OK;
    int result = env->ops->stat(env->ctx, file, &file_status);
    size_t size_max = HEADER_BYTES + (size_t)BLOCKS_MAX * BLOCK_BYTES + CHECKSUM_BYTES +
                      (size_t)(VV_RETENTION_RULES_MAX + VV_ROLLUP_RULES_MAX) *
                          (RULE_BYTES + VV_SELECTOR_BYTES_MAX);
    if (result == 0 &&
        (file_status.size < HEADER_BYTES + CHECKSUM_BYTES || file_status.size > size_max)) {
        status = vv_fail_io(error, VARVE_CORRUPT, 0, VV_MANIFEST_NAME, 0,
                            "the manifest has %" PRIu64 " bytes: it was cut off or is none",
                            file_status.size);
    } else if (result == 0) {
        *length = file_status.size;
        *bytes = vv_alloc(*length);
        status = *bytes == NULL ? vv_fail(error, VARVE_NO_MEMORY, "no memory for the manifest")
                                : VARVE_OK;
        result = status == VARVE_OK ? vv_env_read_all(env, file, *bytes, *length, 0) : 0;
    }
    (void)env->ops->close(env->ctx, file);
    if (result != 0) {
        status =
            vv_fail_io(error, VARVE_IO, -result, VV_MANIFEST_NAME, 0, "cannot read the manifest");
    }
    if (status != VARVE_OK) {
        vv_free(*bytes);
        *bytes = NULL;
    }
    return status;
}

/* Reads blocks and rules, of which there is room for the blocks. */
static varve_status decode_lists(struct vv_reader *in, const struct vv_shard_place *place,
                                 uint64_t block_count, uint64_t rule_count,
                                 struct vv_manifest *manifest)
{
    if (block_count > 0) {
        manifest->blocks = vv_alloc_zeroed(block_count, sizeof(*manifest->blocks));
        if (manifest->blocks == NULL) {
            return VARVE_NO_MEMORY;
        }
    }
    manifest->block_count = block_count;
    for (size_t i = 0; i < block_count; i++) {
        decode_block(in, place, &manifest->blocks[i]);
    }
    return decode_rules(in, rule_count, manifest);
}

static varve_status decode(const struct vv_shard_place *place, const uint8_t *bytes, size_t length,
                           struct vv_manifest *manifest, varve_error *error)
{
    if (memcmp(bytes, magic, sizeof(magic)) != 0) {
        return vv_fail_io(error, VARVE_CORRUPT, 0, VV_MANIFEST_NAME, 0,
                          "the manifest does not begin with its magic");
    }
    uint32_t version = vv_load_u32(bytes + 8);
    if (version > MANIFEST_VERSION_ROLLUPS) {
        return vv_fail_io(error, VARVE_VERSION, 0, VV_MANIFEST_NAME, 8,
                          "the manifest has format %u, this varve reads up to %d: use a newer one",
                          version, MANIFEST_VERSION_ROLLUPS);
    }
    if (version < MANIFEST_VERSION || vv_load_u64(bytes + length - CHECKSUM_BYTES) !=
                                          vv_checksum(bytes, length - CHECKSUM_BYTES, 0)) {
        return vv_fail_io(error, VARVE_CORRUPT, 0, VV_MANIFEST_NAME, length - CHECKSUM_BYTES,
                          "the checksum of the manifest is wrong");
    }
    struct vv_reader in = vv_reader_init(bytes + 12, length - CHECKSUM_BYTES - 12);
    uint32_t shard = vv_read_u32(&in);
    const uint8_t *uuid = vv_read_bytes(&in, sizeof(place->database_uuid));
    manifest->sequence = vv_read_u64(&in);
    manifest->wal_start_lsn = vv_read_u64(&in);
    manifest->wal_sequence = vv_read_u64(&in);
    manifest->next_block_id = vv_read_u64(&in);
    uint64_t count = vv_read_u64(&in);
    uint64_t rule_count = vv_read_u64(&in);
    if (in.failed || shard != place->shard ||
        memcmp(uuid, place->database_uuid, sizeof(place->database_uuid)) != 0) {
        return vv_fail_io(error, VARVE_CORRUPT, 0, VV_MANIFEST_NAME, 12,
                          "the manifest belongs to another database or shard");
    }
    varve_status status = VARVE_CORRUPT;
    if (count <= BLOCKS_MAX && vv_reader_left(&in) / BLOCK_BYTES >= count) {
        status = decode_lists(&in, place, count, rule_count, manifest);
    }
    if (status == VARVE_OK && version == MANIFEST_VERSION_ROLLUPS) {
        status = vv_manifest_rollups_decode(&in, manifest);
    }
    if (status == VARVE_OK && (in.failed || vv_reader_left(&in) != 0)) {
        status = VARVE_CORRUPT;
    }
    if (status == VARVE_CORRUPT) {
        return vv_fail_io(error, status, 0, VV_MANIFEST_NAME, 64,
                          "the lists of the manifest are not as long as it says");
    }
    return status == VARVE_OK ? status : vv_fail(error, status, "no memory for the manifest");
}

varve_status vv_manifest_load(const struct vv_shard_place *place, struct vv_manifest *manifest,
                              varve_error *error)
{
    *manifest = (struct vv_manifest){0};
    uint8_t *bytes = NULL;
    size_t length = 0;
    VV_TRY(read_file(place, &bytes, &length, error));
    varve_status status = decode(place, bytes, length, manifest, error);
    vv_free(bytes);
    if (status != VARVE_OK) {
        vv_manifest_fini(manifest);
    }
    return status;
}

/* Writes the encoded manifest under its temporary name and renames it (M1). *renamed: whether the
 * new one can be seen, durable or not. */
static int replace_file(const struct vv_shard_place *place, const uint8_t *bytes, size_t length,
                        bool *renamed)
{
    *renamed = false;
    const struct vv_env *env = place->env;
    int file = env->ops->open(env->ctx, place->directory, temporary_name, VV_OPEN_TRUNCATE);
    if (file < 0) {
        return file;
    }
    int result = vv_env_write_all(env, file, bytes, length, 0);
    if (result == 0) {
        result = env->ops->fdatasync(env->ctx, file);
    }
    int closed = env->ops->close(env->ctx, file);
    if (result == 0 && closed != 0) {
        result = closed;
    }
    if (result == 0) {
        result = env->ops->rename(env->ctx, place->directory, temporary_name, VV_MANIFEST_NAME);
    }
    if (result != 0) {
        (void)env->ops->unlink(env->ctx, place->directory, temporary_name);
        return result;
    }
    *renamed = true;
    return env->ops->sync_directory(env->ctx, place->directory);
}

varve_status vv_manifest_store(const struct vv_shard_place *place,
                               const struct vv_manifest *manifest, varve_error *error)
{
    size_t length = HEADER_BYTES + manifest->block_count * BLOCK_BYTES + CHECKSUM_BYTES;
    for (size_t i = 0; i < manifest->rule_count; i++) {
        length += rule_bytes(&manifest->rules[i]);
    }
    length += vv_manifest_rollup_bytes(manifest);
    uint8_t *bytes = vv_alloc(length);
    if (bytes == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to write the manifest");
    }
    struct vv_writer out = vv_writer_init(bytes, length);
    vv_write_bytes(&out, magic, sizeof(magic));
    vv_write_u32(&out, manifest->rollup_count > 0 ? MANIFEST_VERSION_ROLLUPS : MANIFEST_VERSION);
    vv_write_u32(&out, place->shard);
    vv_write_bytes(&out, place->database_uuid, sizeof(place->database_uuid));
    vv_write_u64(&out, manifest->sequence);
    vv_write_u64(&out, manifest->wal_start_lsn);
    vv_write_u64(&out, manifest->wal_sequence);
    vv_write_u64(&out, manifest->next_block_id);
    vv_write_u64(&out, manifest->block_count);
    vv_write_u64(&out, manifest->rule_count);
    for (size_t i = 0; i < manifest->block_count; i++) {
        encode_block(&out, &manifest->blocks[i]);
    }
    for (size_t i = 0; i < manifest->rule_count; i++) {
        encode_rule(&out, &manifest->rules[i]);
    }
    vv_manifest_rollups_encode(manifest, &out);
    vv_write_u64(&out, vv_checksum(bytes, length - CHECKSUM_BYTES, 0));
    VV_ASSERT(!out.failed && out.at == out.end);
    bool renamed;
    int result = replace_file(place, bytes, length, &renamed);
    vv_free(bytes);
    if (result != 0 && renamed) {
        return vv_fail_io(error, VARVE_UNKNOWN, -result, VV_MANIFEST_NAME, 0,
                          "the manifest was replaced, but syncing its directory failed");
    }
    if (result != 0) {
        return vv_fail_io(error, vv_status_from_errno(-result), -result, VV_MANIFEST_NAME, 0,
                          "cannot replace the manifest");
    }
    return VARVE_OK;
}

void vv_manifest_fini(struct vv_manifest *manifest)
{
    vv_free(manifest->blocks);
    vv_retention_rules_free(manifest->rules, manifest->rule_count);
    vv_rollup_list_free(manifest->rollups, manifest->rollup_count);
    *manifest = (struct vv_manifest){0};
}

uint64_t vv_manifest_block_bytes(const struct vv_manifest *manifest)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < manifest->block_count; i++) {
        bytes += manifest->blocks[i].file_bytes;
    }
    return bytes;
}

bool vv_manifest_lists(const struct vv_manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->block_count; i++) {
        char listed[VV_BLOCK_NAME_BYTES];
        vv_block_name(manifest->blocks[i].identity.id, listed);
        if (strcmp(listed, name) == 0) {
            return true;
        }
    }
    return false;
}
