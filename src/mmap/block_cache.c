/*
 * block_cache.c - pages of columns: where they are mapped, or in copies that readers share.
 *
 *   reader --hold--> copy <--slot-- cache          a copy lives as long as anybody refers to it
 *
 * C1  A mapped raw page costs nothing to keep. Every other page of columns (compressed, or of a
 *     block that could not be mapped) is copied, and copies are bounded: CACHE_BYTES_MAX per block,
 *     and one page for each iterator.
 * C2  The lock covers the slots only: pages are loaded outside of it. Two threads that miss the
 *     same page at once both load it, and one copy is kept.
 * Threads: any; a hold belongs to one.
 */
#include "mmap/block_reader.h"
#include "os/alloc.h"

enum {
    CACHE_BYTES_MAX = 2 << 20,
    CACHE_SLOTS = 32,
};

struct vv_block_page_copy {
    atomic_uint_fast32_t references;
    uint32_t page;
    size_t length;
    uint8_t bytes[];
};

struct slot {
    struct vv_block_page_copy *copy; /* NULL: free */
    uint64_t used;                   /* clock at the last use */
};

struct vv_block_cache {
    struct vv_mutex mutex; /* of all that follows */
    uint64_t clock;
    size_t bytes;
    struct slot slots[CACHE_SLOTS];
};

struct vv_block_cache *vv_block_cache_create(void)
{
    struct vv_block_cache *cache = vv_alloc_zeroed(1, sizeof(*cache));
    if (cache != NULL) {
        vv_mutex_init(&cache->mutex);
    }
    return cache;
}

static void release_copy(struct vv_block_page_copy *copy)
{
    /* Release: reads of the bytes come before the last reference goes; acquire: before they are
     * freed. */
    if (copy != NULL &&
        atomic_fetch_sub_explicit(&copy->references, 1, memory_order_acq_rel) == 1) {
        vv_free(copy);
    }
}

void vv_block_cache_destroy(struct vv_block_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t index = 0; index < CACHE_SLOTS; index++) {
        release_copy(cache->slots[index].copy);
    }
    vv_mutex_fini(&cache->mutex);
    vv_free(cache);
}

size_t vv_block_cache_bytes(struct vv_block_cache *cache)
{
    vv_mutex_lock(&cache->mutex);
    size_t bytes = cache->bytes;
    vv_mutex_unlock(&cache->mutex);
    return bytes;
}

/* The copy of a page with a reference for the caller, or NULL. */
static struct vv_block_page_copy *find_locked(struct vv_block_cache *cache, uint32_t page)
{
    for (size_t index = 0; index < CACHE_SLOTS; index++) {
        struct slot *slot = &cache->slots[index];
        if (slot->copy != NULL && slot->copy->page == page) {
            slot->used = ++cache->clock;
            atomic_fetch_add_explicit(&slot->copy->references, 1, memory_order_relaxed);
            return slot->copy;
        }
    }
    return NULL;
}

static struct slot *oldest_locked(struct vv_block_cache *cache)
{
    struct slot *oldest = NULL;
    for (size_t index = 0; index < CACHE_SLOTS; index++) {
        struct slot *slot = &cache->slots[index];
        if (slot->copy != NULL && (oldest == NULL || slot->used < oldest->used)) {
            oldest = slot;
        }
    }
    return oldest;
}

static void empty_locked(struct vv_block_cache *cache, struct slot *slot)
{
    cache->bytes -= slot->copy->length;
    release_copy(slot->copy);
    *slot = (struct slot){0};
}

static struct slot *free_locked(struct vv_block_cache *cache)
{
    for (size_t index = 0; index < CACHE_SLOTS; index++) {
        if (cache->slots[index].copy == NULL) {
            return &cache->slots[index];
        }
    }
    struct slot *oldest = oldest_locked(cache);
    empty_locked(cache, oldest);
    return oldest;
}

/* Keeps a copy, unless the page has one already; takes a reference of its own. */
static void keep(struct vv_block_cache *cache, struct vv_block_page_copy *copy)
{
    vv_mutex_lock(&cache->mutex);
    struct vv_block_page_copy *known = find_locked(cache, copy->page);
    if (known == NULL) {
        while (cache->bytes > 0 && cache->bytes + copy->length > CACHE_BYTES_MAX) {
            empty_locked(cache, oldest_locked(cache));
        }
        atomic_fetch_add_explicit(&copy->references, 1, memory_order_relaxed);
        *free_locked(cache) = (struct slot){.copy = copy, .used = ++cache->clock};
        cache->bytes += copy->length;
    }
    vv_mutex_unlock(&cache->mutex);
    release_copy(known);
}

static varve_status load_copy(const struct vv_block *block, uint32_t page,
                              struct vv_block_page_copy **loaded)
{
    size_t length = vv_block_page_length(block, page);
    struct vv_block_page_copy *copy = vv_alloc(sizeof(*copy) + length + VV_DECODE_PADDING);
    if (copy == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = vv_block_page_copy(block, page, copy->bytes, length);
    if (status != VARVE_OK) {
        vv_free(copy);
        return status;
    }
    atomic_init(&copy->references, 1);
    copy->page = page;
    copy->length = length;
    *loaded = copy;
    return VARVE_OK;
}

/* Makes the hold refer to a page. */
static varve_status hold_page(const struct vv_block *block, uint32_t page,
                              struct vv_block_hold *hold)
{
    if (hold->copy != NULL && hold->copy->page == page) {
        return VARVE_OK;
    }
    vv_mutex_lock(&block->cache->mutex);
    struct vv_block_page_copy *copy = find_locked(block->cache, page);
    vv_mutex_unlock(&block->cache->mutex);
    if (copy == NULL) {
        VV_TRY(load_copy(block, page, &copy));
        keep(block->cache, copy);
    }
    release_copy(hold->copy);
    hold->copy = copy;
    return VARVE_OK;
}

varve_status vv_block_column(const struct vv_block *block, enum vv_block_section section,
                             struct vv_place place, struct vv_block_hold *hold,
                             const uint8_t **bytes)
{
    if (place.page >= block->sections[section].page_count) {
        return VARVE_CORRUPT;
    }
    uint32_t page = block->sections[section].first_page + place.page;
    if (vv_block_page_is_mapped(block, page)) {
        return vv_block_place(block, section, place, bytes);
    }
    VV_TRY(hold_page(block, page, hold));
    size_t length = hold->copy->length;
    if (place.offset > length || place.bytes > length - place.offset) {
        return VARVE_CORRUPT;
    }
    *bytes = hold->copy->bytes + place.offset;
    return VARVE_OK;
}

void vv_block_hold_release(struct vv_block_hold *hold)
{
    release_copy(hold->copy);
    hold->copy = NULL;
}
