/*
 * manifest_selector.h - the selector of a rule: in the manifest, and as a copy. Bytes:
 * MANIFEST_FORMAT.md.
 *
 * An empty selector, of all series, is NULL. Thread: pure.
 */
#ifndef VARVE_STORAGE_MANIFEST_SELECTOR_H
#define VARVE_STORAGE_MANIFEST_SELECTOR_H

#include "base/bytes.h"
#include "base/status.h"

/* Bytes that it takes in the file: its text and zeros up to a multiple of 8. */
static inline size_t vv_manifest_selector_bytes(size_t length)
{
    return (length + 7) / 8 * 8;
}

void vv_manifest_selector_encode(const char *selector, size_t length, struct vv_writer *out);
/* Reads one of that many bytes, which the file says; *selector (from vv_alloc, NULL if it is empty)
 * and *selector_length are written on success. CORRUPT: it is too long, or cut off; NO_MEMORY. */
varve_status vv_manifest_selector_decode(struct vv_reader *in, uint64_t length, char **selector,
                                         size_t *selector_length) VARVE_MUST_CHECK;
/* *copy (from vv_alloc, NULL if it is empty) is always written: NULL on failure. NO_MEMORY. */
varve_status vv_manifest_selector_copy(const char *selector, size_t length,
                                       char **copy) VARVE_MUST_CHECK;

#endif
