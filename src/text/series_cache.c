/*
 * series_cache.c - raw text to series: entries in one array, their text in another, a table of
 * numbers.
 *
 *   slots   | . 3 . 1 2 . |         number of an entry, at its hash or after it
 *   entries | - 1 2 3 |             in the order in which they came; 0 is none
 *   text    |cpu_a{x="1"}cpu_a{x="2"}...|
 *
 * C1  Entries never move or change their text until vv_series_cache_trim() drops all of them at
 *     once. Dropping all is crude but cannot be worn out: what is needed again comes back at the
 *     price of one parse.
 * C2  count <= slot_count / 2, so a search ends.
 * C3  Text offsets are 32 bits: its bound plus one line of VV_LINE_BYTES_MAX stays far below.
 *
 * Thread: that of the import.
 */
#include "text/series_cache.h"

#include <string.h>

#include "base/checksum.h"
#include "os/alloc.h"

#define ENTRIES_FIRST 1024u
#define TEXT_FIRST (64u << 10)

varve_status vv_series_cache_init(struct vv_series_cache *cache)
{
    *cache = (struct vv_series_cache){.count = 1,
                                      .capacity = ENTRIES_FIRST,
                                      .slot_count = ENTRIES_FIRST * 2,
                                      .text_capacity = TEXT_FIRST};
    cache->entries = vv_alloc(ENTRIES_FIRST * sizeof *cache->entries);
    cache->slots = vv_alloc_zeroed(cache->slot_count, sizeof *cache->slots);
    cache->text = vv_alloc(TEXT_FIRST);
    if (cache->entries == NULL || cache->slots == NULL || cache->text == NULL) {
        vv_series_cache_fini(cache);
        return VARVE_NO_MEMORY;
    }
    cache->entries[0] = (struct vv_series_entry){0};
    return VARVE_OK;
}

void vv_series_cache_fini(struct vv_series_cache *cache)
{
    vv_free(cache->entries);
    vv_free(cache->slots);
    vv_free(cache->text);
    *cache = (struct vv_series_cache){0};
}

void vv_series_cache_clear(struct vv_series_cache *cache)
{
    cache->count = 1;
    cache->text_length = 0;
    cache->last = VV_SERIES_NONE;
    cache->entries[0] = (struct vv_series_entry){0};
    memset(cache->slots, 0, cache->slot_count * sizeof *cache->slots);
}

static uint64_t hash_of(uint32_t parent, const char *text, size_t length)
{
    return vv_checksum(text, length, parent);
}

uint32_t vv_series_cache_find(const struct vv_series_cache *cache, uint32_t parent,
                              const char *text, size_t length)
{
    uint64_t hash = hash_of(parent, text, length);
    uint32_t mask = cache->slot_count - 1;
    for (uint32_t slot = (uint32_t)hash & mask; cache->slots[slot] != 0; slot = (slot + 1) & mask) {
        const struct vv_series_entry *entry = &cache->entries[cache->slots[slot]];
        if (entry->hash == hash && entry->parent == parent && entry->text_length == length &&
            memcmp(cache->text + entry->text_offset, text, length) == 0) {
            return cache->slots[slot];
        }
    }
    return VV_SERIES_NONE;
}

static void put_slot(uint32_t *slots, uint32_t slot_count, uint64_t hash, uint32_t number)
{
    uint32_t slot = (uint32_t)hash & (slot_count - 1);
    while (slots[slot] != 0) {
        slot = (slot + 1) & (slot_count - 1);
    }
    slots[slot] = number;
}

static varve_status grow_entries(struct vv_series_cache *cache)
{
    uint32_t slot_count = cache->slot_count * 2;
    uint32_t *slots = vv_alloc_zeroed(slot_count, sizeof *slots);
    if (slots == NULL) {
        return VARVE_NO_MEMORY;
    }
    struct vv_series_entry *entries =
        vv_realloc(cache->entries, (size_t)cache->capacity * 2 * sizeof *entries);
    if (entries == NULL) {
        vv_free(slots);
        return VARVE_NO_MEMORY;
    }
    for (uint32_t number = 1; number < cache->count; number++) {
        put_slot(slots, slot_count, entries[number].hash, number);
    }
    vv_free(cache->slots);
    cache->slots = slots;
    cache->slot_count = slot_count;
    cache->entries = entries;
    cache->capacity *= 2;
    return VARVE_OK;
}

static varve_status grow_text(struct vv_series_cache *cache, size_t more)
{
    size_t capacity = cache->text_capacity;
    while (capacity - cache->text_length < more) {
        capacity *= 2;
    }
    char *text = vv_realloc(cache->text, capacity);
    if (text == NULL) {
        return VARVE_NO_MEMORY;
    }
    cache->text = text;
    cache->text_capacity = capacity;
    return VARVE_OK;
}

varve_status vv_series_cache_add(struct vv_series_cache *cache, uint32_t parent, const char *text,
                                 size_t length, varve_series series, uint32_t *entry)
{
    if (cache->count == cache->capacity) {
        VV_TRY(grow_entries(cache));
    }
    if (cache->text_capacity - cache->text_length < length) {
        VV_TRY(grow_text(cache, length));
    }
    uint32_t number = cache->count;
    cache->entries[number] = (struct vv_series_entry){.hash = hash_of(parent, text, length),
                                                      .series = series,
                                                      .parent = parent,
                                                      .text_offset = (uint32_t)cache->text_length,
                                                      .text_length = (uint32_t)length};
    memcpy(cache->text + cache->text_length, text, length);
    cache->text_length += length;
    cache->count++;
    put_slot(cache->slots, cache->slot_count, cache->entries[number].hash, number);
    *entry = number;
    return VARVE_OK;
}
