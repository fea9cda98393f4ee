/*
 * key.h - series keys: the canonical bytes of a label set.
 *
 *   varint count, then per label, sorted by name bytewise:
 *   varint name length, name bytes, varint value length, value bytes
 *
 * Names are unique and not empty, values not empty, everything UTF-8, within the limits of varve.h.
 * The key and its hash are fixed by the format: routing, sharding, the log and blocks derive from
 * them. A key is the only form in which label sets are held; labels are read out of it without
 * copying.
 */
#ifndef VARVE_INDEX_KEY_H
#define VARVE_INDEX_KEY_H

#include "base/status.h"
#include "pool/buffer.h"

struct vv_key {
    const uint8_t *bytes;
    size_t length;
};

/* Appends the key of a label set in any order to out. Empty values are left out. INVALID (naming
 * the label): empty set, empty or double name, bytes that are not UTF-8. LIMIT: see
 * VARVE_LABELS_MAX. */
varve_status vv_key_encode(const varve_label *labels, size_t label_count, struct vv_buffer *out,
                           varve_error *error) VARVE_MUST_CHECK;

/* As vv_key_encode() for the key of a group: labels are sorted and valid already, and there may be
 * none: the key of {}, one zero byte, is a group's and never a series'. LIMIT, NO_MEMORY. */
varve_status vv_key_encode_group(const varve_label *labels, size_t label_count,
                                 struct vv_buffer *out) VARVE_MUST_CHECK;

/* Whether bytes from disk are exactly one canonical key: CORRUPT if not. Everything below asserts
 * it. */
varve_status vv_key_validate(struct vv_key key) VARVE_MUST_CHECK;

/* XXH3-64 of the key. */
uint64_t vv_key_hash(struct vv_key key);

/* Reads the labels, which point into the key. labels has VARVE_LABELS_MAX entries; returns the
 * count. */
size_t vv_key_labels(struct vv_key key, varve_label *labels);

/* The value of a label; empty if the key has no such label. */
varve_string vv_key_value(struct vv_key key, varve_string name);

bool vv_key_equal(struct vv_key a, struct vv_key b);

/* The order of results: metric name, then the other labels by name and value, bytewise. <0, 0,
 * >0. */
int vv_key_compare(struct vv_key a, struct vv_key b);

/* The key of canonical series text, name{a="x"} or {"odd name",a="x"}, appended to out. */
varve_status vv_key_parse(varve_string text, struct vv_buffer *out,
                          varve_error *error) VARVE_MUST_CHECK;

#endif
