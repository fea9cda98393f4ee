/*
 * manifest_rollups.c - the rules of rollups in the manifest. Bytes: MANIFEST_FORMAT.md.
 *
 * A manifest without rollups has no such part, and the version before. Thread: as manifest.c.
 */
#include "os/alloc.h"
#include "storage/manifest/manifest.h"

enum {
    PART_BYTES = 16, /* and the rules */
    RULE_BYTES = 24, /* and its selector */
};

static size_t padded(size_t bytes)
{
    return (bytes + 7) / 8 * 8;
}

size_t vv_manifest_rollup_bytes(const struct vv_manifest *manifest)
{
    size_t bytes = manifest->rollup_count > 0 ? PART_BYTES : 0;
    for (size_t i = 0; i < manifest->rollup_count; i++) {
        bytes += RULE_BYTES + padded(manifest->rollups[i].selector_length);
    }
    return bytes;
}

void vv_manifest_rollups_encode(const struct vv_manifest *manifest, struct vv_writer *out)
{
    static const uint8_t zeros[8] = {0};
    if (manifest->rollup_count == 0) {
        return;
    }
    vv_write_u64(out, manifest->rollup_sequence);
    vv_write_u64(out, manifest->rollup_count);
    for (size_t i = 0; i < manifest->rollup_count; i++) {
        const struct vv_rollup_rule *rule = &manifest->rollups[i];
        size_t length = rule->selector_length;
        vv_write_u64(out, (uint64_t)rule->step);
        vv_write_u64(out, rule->since);
        vv_write_u64(out, length);
        vv_write_bytes(out, rule->selector, length);
        vv_write_bytes(out, zeros, padded(length) - length);
    }
}

/* Reads one rule, whose memory is rule's even on failure. */
static varve_status decode_rule(struct vv_reader *in, uint64_t rollup_sequence,
                                struct vv_rollup_rule *rule)
{
    rule->step = (int64_t)vv_read_u64(in);
    rule->since = vv_read_u64(in);
    uint64_t length = vv_read_u64(in);
    if (in->failed || rule->step <= 0 || rule->since > rollup_sequence ||
        length > VV_SELECTOR_BYTES_MAX) {
        return VARVE_CORRUPT;
    }
    const uint8_t *selector = vv_read_bytes(in, padded(length));
    if (selector == NULL) {
        return VARVE_CORRUPT;
    }
    if (length > 0) {
        rule->selector = vv_alloc(length);
        if (rule->selector == NULL) {
            return VARVE_NO_MEMORY;
        }
        memcpy(rule->selector, selector, length);
        rule->selector_length = length;
    }
    return VARVE_OK;
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
    manifest->rollups = NULL;
    manifest->rollup_count = 0;
    if (rollup_count == 0) {
        return VARVE_OK;
    }
    struct vv_rollup_rule *copies = vv_alloc_zeroed(rollup_count, sizeof(*copies));
    bool complete = copies != NULL;
    for (size_t i = 0; i < rollup_count && complete; i++) {
        copies[i] = rollups[i];
        copies[i].selector = NULL;
        if (rollups[i].selector_length > 0) {
            copies[i].selector = vv_alloc(rollups[i].selector_length);
            complete = copies[i].selector != NULL;
        }
        if (copies[i].selector != NULL) {
            memcpy(copies[i].selector, rollups[i].selector, rollups[i].selector_length);
        }
    }
    if (!complete) {
        vv_rollup_list_free(copies, copies == NULL ? 0 : rollup_count);
        return VARVE_NO_MEMORY;
    }
    manifest->rollups = copies;
    manifest->rollup_count = rollup_count;
    return VARVE_OK;
}

void vv_rollup_list_free(struct vv_rollup_rule *rollups, size_t rollup_count)
{
    for (size_t i = 0; i < rollup_count; i++) {
        vv_free(rollups[i].selector);
    }
    vv_free(rollups);
}
