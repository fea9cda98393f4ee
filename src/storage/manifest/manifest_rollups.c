/*
 * manifest_rollups.c - the rules of rollups in the manifest. Bytes: MANIFEST_FORMAT.md.
 *
 * A manifest without rollups has no such part, and the version before. Thread: as manifest.c.
 */
#include "os/alloc.h"
#include "storage/manifest/manifest.h"
#include "storage/manifest/manifest_selector.h"

enum {
    PART_BYTES = 16, /* and the rules */
    RULE_BYTES = 24, /* and its selector */
};

size_t vv_manifest_rollup_bytes(const struct vv_manifest *manifest)
{
    size_t bytes = manifest->rollup_count > 0 ? PART_BYTES : 0;
    for (size_t i = 0; i < manifest->rollup_count; i++) {
        bytes += RULE_BYTES + vv_manifest_selector_bytes(manifest->rollups[i].selector_length);
    }
    return bytes;
}

void vv_manifest_rollups_encode(const struct vv_manifest *manifest, struct vv_writer *out)
{
    if (manifest->rollup_count == 0) {
        return;
    }
    vv_write_u64(out, manifest->rollup_sequence);
    vv_write_u64(out, manifest->rollup_count);
    for (size_t i = 0; i < manifest->rollup_count; i++) {
        const struct vv_rollup_rule *rule = &manifest->rollups[i];
        vv_write_u64(out, (uint64_t)rule->step);
        vv_write_u64(out, rule->since);
        vv_write_u64(out, rule->selector_length);
        vv_manifest_selector_encode(rule->selector, rule->selector_length, out);
    }
}

/* Reads one rule, whose memory is rule's even on failure. */
static varve_status decode_rule(struct vv_reader *in, uint64_t rollup_sequence,
                                struct vv_rollup_rule *rule)
{
    rule->step = (int64_t)vv_read_u64(in);
    rule->since = vv_read_u64(in);
    if (in->failed || rule->step <= 0 || rule->since > rollup_sequence) {
        return VARVE_CORRUPT;
    }
    return vv_manifest_selector_decode(in, vv_read_u64(in), &rule->selector,
                                       &rule->selector_length);
}

varve_status vv_manifest_rollups_decode(struct vv_reader *in, struct vv_manifest *manifest)
{
    manifest->rollup_sequence = vv_read_u64(in);
    uint64_t count = vv_read_u64(in);
    if (in->failed || count < 1 || count > VV_ROLLUP_RULES_MAX || manifest->rollup_sequence < 1 ||
        manifest->rollup_sequence > manifest->sequence) {
        return VARVE_CORRUPT;
    }
    manifest->rollups = vv_alloc_zeroed(count, sizeof(*manifest->rollups));
    if (manifest->rollups == NULL) {
        return VARVE_NO_MEMORY;
    }
    manifest->rollup_count = count;
    for (size_t i = 0; i < count; i++) {
        VV_TRY(decode_rule(in, manifest->rollup_sequence, &manifest->rollups[i]));
    }
    return VARVE_OK;
}

varve_status vv_manifest_copy_rollups(struct vv_manifest *manifest,
                                      const struct vv_rollup_rule *rollups, size_t rollup_count)
{
    struct vv_rollup_rule *copies = NULL;
    varve_status status = VARVE_OK;
    if (rollup_count > 0) {
        copies = vv_alloc_zeroed(rollup_count, sizeof(*copies));
        status = copies != NULL ? VARVE_OK : VARVE_NO_MEMORY;
    }
    for (size_t i = 0; i < rollup_count && status == VARVE_OK; i++) {
        copies[i] = rollups[i];
        status = vv_manifest_selector_copy(rollups[i].selector, rollups[i].selector_length,
                                           &copies[i].selector);
    }
    if (status != VARVE_OK) {
        vv_rollup_list_free(copies, copies == NULL ? 0 : rollup_count);
        copies = NULL;
        rollup_count = 0;
    }
    manifest->rollups = copies;
    manifest->rollup_count = rollup_count;
    return status;
}

void vv_rollup_list_free(struct vv_rollup_rule *rollups, size_t rollup_count)
{
    for (size_t i = 0; i < rollup_count; i++) {
        vv_free(rollups[i].selector);
    }
    vv_free(rollups);
}
