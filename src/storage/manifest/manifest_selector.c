/*
 * manifest_selector.c - encoding, decoding and copying the selector of a rule.
 *
 * Thread: pure.
 */
#include "storage/manifest/manifest_selector.h"

#include <string.h>

#include "os/alloc.h"
#include "storage/manifest/manifest.h"

void vv_manifest_selector_encode(const char *selector, size_t length, struct vv_writer *out)
{
    static const uint8_t zeros[8] = {0};
    vv_write_bytes(out, selector, length);
    vv_write_bytes(out, zeros, vv_manifest_selector_bytes(length) - length);
}

varve_status vv_manifest_selector_decode(struct vv_reader *in, uint64_t length, char **selector,
                                         size_t *selector_length)
{
    if (in->failed || length > VV_SELECTOR_BYTES_MAX) {
        return VARVE_CORRUPT;
    }
    const uint8_t *bytes = vv_read_bytes(in, vv_manifest_selector_bytes(length));
    if (bytes == NULL) {
        return VARVE_CORRUPT;
    }
    VV_TRY(vv_manifest_selector_copy((const char *)bytes, length, selector));
    *selector_length = length;
    return VARVE_OK;
}

varve_status vv_manifest_selector_copy(const char *selector, size_t length, char **copy)
{
    *copy = length > 0 ? vv_alloc(length) : NULL;
    if (*copy != NULL) {
        memcpy(*copy, selector, length);
    }
    return *copy != NULL || length == 0 ? VARVE_OK : VARVE_NO_MEMORY;
}
