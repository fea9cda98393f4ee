/*
 * series_cache.h - from the raw text that names a series in the input to its handle.
 *
 * The text of an input repeats: the same metric and labels come again with every sample. So a
 * series is parsed and resolved once, and afterwards recognised by its raw bytes. Entries form a
 * tree of two levels for formats in which a line begins with what several series share (Influx:
 * measurement and tags, then fields; wide CSV: label cells, then columns): an entry is known by its
 * parent and its text.
 *
 * Inputs repeat in the same order, too. Each entry remembers which one came after it last time, so
 * that most look-ups are one comparison with the predicted text: no hash, no search for the end of
 * the text.
 *
 * Threads: one at a time. Memory: bounded by vv_series_cache_trim(), which the import calls between
 * lines.
 */
#ifndef VARVE_TEXT_SERIES_CACHE_H
#define VARVE_TEXT_SERIES_CACHE_H

#include "base/status.h"

/* The entry that is none: no parent, no prediction, not found. */
#define VV_SERIES_NONE 0u

struct vv_series_entry {
    uint64_t hash;
    varve_series series; /* meaningless for an entry that is only a parent */
    uint32_t parent;
    uint32_t text_offset;
    uint32_t text_length;
    uint32_t after; /* the entry that followed this one last time, on the same level */
    uint32_t child; /* the first child that followed this one last time */
    bool counted;   /* the series is in the count of different series */
};

struct vv_series_cache {
    struct vv_series_entry *entries; /* entries[0] is VV_SERIES_NONE */
    uint32_t count;                  /* entries in use, entries[0] included */
    uint32_t capacity;
    uint32_t *slots; /* open addressing: entry numbers, 0 is free */
    uint32_t slot_count;
    char *text; /* of all entries */
    size_t text_length;
    size_t text_capacity;
    uint32_t last; /* the entry of the top level used last: where predictions start */
};

varve_status vv_series_cache_init(struct vv_series_cache *cache) VARVE_MUST_CHECK;
void vv_series_cache_fini(struct vv_series_cache *cache);

/* Bounds beyond which the cache forgets everything. */
#define VV_SERIES_ENTRIES_MAX (512u << 10)
#define VV_SERIES_TEXT_BYTES_MAX (32u << 20)

void vv_series_cache_clear(struct vv_series_cache *cache);

/* Forgets everything if the cache has outgrown its bounds: then entry numbers are invalid. Called
 * between lines; true if so. */
static inline bool vv_series_cache_trim(struct vv_series_cache *cache)
{
    if (cache->count <= VV_SERIES_ENTRIES_MAX && cache->text_length <= VV_SERIES_TEXT_BYTES_MAX) {
        return false;
    }
    vv_series_cache_clear(cache);
    return true;
}

/* The entry with exactly this text under the parent; VV_SERIES_NONE if there is none. */
uint32_t vv_series_cache_find(const struct vv_series_cache *cache, uint32_t parent,
                              const char *text, size_t length);

/* Adds an entry that vv_series_cache_find() does not find. NO_MEMORY: the cache is as before. */
varve_status vv_series_cache_add(struct vv_series_cache *cache, uint32_t parent, const char *text,
                                 size_t length, varve_series series,
                                 uint32_t *entry) VARVE_MUST_CHECK;

static inline struct vv_series_entry *vv_series_cache_entry(const struct vv_series_cache *cache,
                                                            uint32_t entry)
{
    return &cache->entries[entry];
}

/* Whether two texts are equal; inline for the lengths that keys have. */
static inline bool vv_text_equal(const char *a, const char *b, size_t length)
{
    if (length < 8 || length > 16) {
        return __builtin_memcmp(a, b, length) == 0;
    }
    uint64_t first_a, first_b, last_a, last_b;
    __builtin_memcpy(&first_a, a, 8);
    __builtin_memcpy(&first_b, b, 8);
    __builtin_memcpy(&last_a, a + length - 8, 8);
    __builtin_memcpy(&last_b, b + length - 8, 8);
    return ((first_a ^ first_b) | (last_a ^ last_b)) == 0;
}

/* Whether `available` bytes at text begin with the text of the entry (false for VV_SERIES_NONE). */
static inline bool vv_series_cache_begins(const struct vv_series_cache *cache, uint32_t entry,
                                          const char *text, size_t available)
{
    const struct vv_series_entry *known = &cache->entries[entry];
    return entry != VV_SERIES_NONE && known->text_length <= available &&
           vv_text_equal(cache->text + known->text_offset, text, known->text_length);
}

#endif
