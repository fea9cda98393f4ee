/*
 * block_page.c - pages of a block: found, made resident, verified, and remembered.
 *
 *   pages[n]  NULL -> pointer into the mapping            (stored as it is used)
 *             NULL -> pointer to memory of its own        (no mapping, or stored packed)
 *
 * R1  Nothing of a page is used before its checksum was right. A page that was right once is
 *     believed: the file is immutable.
 * R2  A page is published with one compare-and-swap (release; readers acquire), so that whoever
 *     sees the pointer sees what it points to. Threads that load the same page at once each load
 *     it, one wins.
 * R3  Mapped bytes are made resident before they are touched, so that a bad sector is IO and no
 *     SIGBUS. Windows that were resident once are not asked for again.
 * Threads: any.
 */
#include <errno.h>

#include "base/checksum.h"
#include "compress/cold.h"
#include "mmap/block_pack.h"
#include "mmap/block_reader.h"
#include "os/alloc.h"

/* A page entry, taken apart. */
struct page_entry {
    struct vv_page_where where;
    uint32_t stored_bytes;
    uint32_t checksum;
};

static varve_status read_entry(const struct vv_block *block, uint32_t page,
                               struct page_entry *entry)
{
    const uint8_t *bytes = block->page_table + (size_t)page * VV_BLOCK_PAGE_ENTRY_BYTES;
    *entry = (struct page_entry){
        .where = vv_page_where_unpack(vv_load_u64(bytes + VV_PAGE_WHERE)),
        .stored_bytes = vv_load_u32(bytes + VV_PAGE_STORED_BYTES),
        .checksum = vv_load_u32(bytes + VV_PAGE_CHECKSUM),
    };
    bool inside = entry->where.offset >= VV_BLOCK_HEADER_BYTES &&
                  entry->where.offset <= block->tail_offset &&
                  entry->stored_bytes <= block->tail_offset - entry->where.offset;
    bool sane = entry->stored_bytes >= 1 && entry->stored_bytes <= VV_COLD_GROUP_BOUND &&
                (entry->where.encoding != VV_ENCODING_RAW ||
                 entry->stored_bytes == entry->where.unpacked_bytes);
    return inside && sane ? VARVE_OK : VARVE_CORRUPT;
}

/* Makes a range of the mapping resident. */
static varve_status make_resident(const struct vv_block *block, uint64_t offset, uint64_t length)
{
    uint64_t first = offset / VV_BLOCK_WINDOW_BYTES;
    uint64_t last = (offset + length - 1) / VV_BLOCK_WINDOW_BYTES;
    for (uint64_t window = first; window <= last; window++) {
        if (atomic_load_explicit(&block->resident[window], memory_order_relaxed) != 0) {
            continue;
        }
        uint64_t start = window * VV_BLOCK_WINDOW_BYTES;
        uint64_t left = block->info.file_bytes - start;
        uint64_t bytes = left < VV_BLOCK_WINDOW_BYTES ? left : VV_BLOCK_WINDOW_BYTES;
        if (block->env->ops->populate(block->env->ctx, block->map + start, (size_t)bytes) < 0) {
            return VARVE_IO;
        }
        atomic_store_explicit(&block->resident[window], 1, memory_order_relaxed);
    }
    return VARVE_OK;
}

void vv_block_evict(const struct vv_block *block)
{
    if (block->map == NULL) {
        return;
    }
    uint64_t windows = (block->info.file_bytes + VV_BLOCK_WINDOW_BYTES - 1) / VV_BLOCK_WINDOW_BYTES;
    for (uint64_t window = 0; window < windows; window++) {
        atomic_store_explicit(&block->resident[window], 0, memory_order_relaxed); /* R3 */
    }
    block->env->ops->evict(block->env->ctx, block->map, (size_t)block->info.file_bytes);
}

/* The stored bytes of a page: in the mapping, or read into memory that *owned is to be freed
 * with. */
static varve_status fetch(const struct vv_block *block, const struct page_entry *entry,
                          const uint8_t **stored, uint8_t **owned)
{
    *owned = NULL;
    if (block->map != NULL) {
        *stored = block->map + entry->where.offset;
        return make_resident(block, entry->where.offset, entry->stored_bytes);
    }
    uint8_t *bytes = vv_alloc_zeroed(1, (size_t)entry->stored_bytes + VV_DECODE_PADDING);
    if (bytes == NULL) {
        return VARVE_NO_MEMORY;
    }
    int result =
        vv_env_read_all(block->env, block->file, bytes, entry->stored_bytes, entry->where.offset);
    if (result != 0) {
        vv_free(bytes);
        return result == -ENODATA ? VARVE_CORRUPT : VARVE_IO;
    }
    *owned = bytes;
    *stored = bytes;
    return VARVE_OK;
}

/* The stored bytes of a page, with the right checksum. */
static varve_status fetch_verified(const struct vv_block *block, const struct page_entry *entry,
                                   const uint8_t **stored, uint8_t **owned)
{
    VV_TRY(fetch(block, entry, stored, owned));
    if ((uint32_t)vv_hash(*stored, entry->stored_bytes) != entry->checksum) {
        vv_free(*owned);
        *owned = NULL;
        return vv_block_is_lost(block) ? VARVE_IO : VARVE_CORRUPT;
    }
    return VARVE_OK;
}

/* Decompresses into room for length bytes and the padding; the group must have exactly that
 * length. */
static varve_status decompress(const struct vv_block *block, const uint8_t *stored,
                               size_t stored_bytes, uint8_t *bytes, size_t length)
{
    size_t group_length;
    VV_TRY(vv_cold_group_length(stored, stored_bytes, &group_length));
    if (group_length != length) {
        return VARVE_CORRUPT;
    }
    void *memory =
        atomic_exchange_explicit(&block->shared->idle_reader, NULL, memory_order_acquire);
    if (memory == NULL) {
        memory = vv_alloc_aligned(VV_COLD_MEMORY_ALIGNMENT, vv_cold_reader_bytes());
    }
    if (memory == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = vv_cold_group_read(vv_cold_reader_init(memory), stored, stored_bytes,
                                             bytes, length + VV_DECODE_PADDING);
    /* Acquire too: what another thread has left there is freed here. */
    vv_free(atomic_exchange_explicit(&block->shared->idle_reader, memory, memory_order_acq_rel));
    return status;
}

/* Decompresses packed records to memory of their own, then unpacks them. */
static varve_status decompress_records(const struct vv_block *block, enum vv_block_section section,
                                       const uint8_t *stored, size_t stored_bytes, size_t count,
                                       uint8_t *records)
{
    size_t length;
    VV_TRY(vv_cold_group_length(stored, stored_bytes, &length));
    uint8_t *packed = vv_alloc(length + VV_DECODE_PADDING);
    if (packed == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = decompress(block, stored, stored_bytes, packed, length);
    if (status == VARVE_OK) {
        status = vv_block_records_unpack(section, packed, length, count, records);
    }
    vv_free(packed);
    return status;
}

/* The section of a page. */
static enum vv_block_section section_of(const struct vv_block *block, uint32_t page)
{
    int section = 0;
    while (page - block->sections[section].first_page >= block->sections[section].page_count) {
        section++;
    }
    return (enum vv_block_section)section;
}

/* Turns stored bytes into what they stand for. bytes has room for the unpacked length and the
 * padding. */
static varve_status unpack(const struct vv_block *block, uint32_t page,
                           const struct page_entry *entry, const uint8_t *stored, uint8_t *bytes)
{
    enum vv_block_section section = section_of(block, page);
    size_t length = entry->where.unpacked_bytes;
    size_t record_bytes = vv_block_record_bytes(section);
    size_t count = record_bytes != 0 ? length / record_bytes : 0;
    memset(bytes + length, 0, VV_DECODE_PADDING);
    switch (entry->where.encoding) {
    case VV_ENCODING_RAW:
        memcpy(bytes, stored, length);
        return VARVE_OK;
    case VV_ENCODING_ZSTD:
        return decompress(block, stored, entry->stored_bytes, bytes, length);
    case VV_ENCODING_PACKED:
        return count == 0
                   ? VARVE_CORRUPT
                   : vv_block_records_unpack(section, stored, entry->stored_bytes, count, bytes);
    case VV_ENCODING_PACKED_ZSTD:
        return count == 0
                   ? VARVE_CORRUPT
                   : decompress_records(block, section, stored, entry->stored_bytes, count, bytes);
    case VV_ENCODING_COUNT:
        break;
    }
    return VARVE_CORRUPT;
}

/* Whether the page has the length that its section asks for. */
static bool length_fits(const struct vv_block *block, uint32_t page, uint32_t unpacked_bytes)
{
    const struct vv_block_section_info *info = &block->sections[section_of(block, page)];
    if (info->record_bytes == 0) {
        return true;
    }
    uint64_t first = (uint64_t)(page - info->first_page) * VV_BLOCK_PAGE_RECORDS;
    uint64_t left = info->record_count - first;
    uint64_t records = left < VV_BLOCK_PAGE_RECORDS ? left : VV_BLOCK_PAGE_RECORDS;
    return unpacked_bytes == records * info->record_bytes;
}

varve_status vv_block_page_copy(const struct vv_block *block, uint32_t page, uint8_t *bytes,
                                size_t length)
{
    struct page_entry entry;
    const uint8_t *stored;
    uint8_t *owned;
    VV_TRY(read_entry(block, page, &entry));
    VV_ASSERT(length == entry.where.unpacked_bytes);
    if (!length_fits(block, page, entry.where.unpacked_bytes)) {
        return VARVE_CORRUPT;
    }
    VV_TRY(fetch_verified(block, &entry, &stored, &owned));
    varve_status status = unpack(block, page, &entry, stored, bytes);
    vv_free(owned);
    return status;
}

/* A page that is used where it is mapped: verified, nothing else. */
static varve_status verify_mapped(const struct vv_block *block, uint32_t page,
                                  const uint8_t **bytes)
{
    struct page_entry entry;
    uint8_t *owned;
    VV_TRY(read_entry(block, page, &entry));
    if (!length_fits(block, page, entry.where.unpacked_bytes)) {
        return VARVE_CORRUPT;
    }
    return fetch_verified(block, &entry, bytes, &owned);
}

/* A page in memory of its own. */
static varve_status load_copy(const struct vv_block *block, uint32_t page, uint8_t **owned)
{
    size_t length = vv_block_page_length(block, page);
    uint8_t *copy = vv_alloc(length + VV_DECODE_PADDING);
    if (copy == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = vv_block_page_copy(block, page, copy, length);
    if (status != VARVE_OK) {
        vv_free(copy);
        return status;
    }
    *owned = copy;
    return VARVE_OK;
}

/* Loads a page for the first time and publishes it. */
static varve_status load_and_publish(const struct vv_block *block, uint32_t page,
                                     const uint8_t **bytes)
{
    uint8_t *owned = NULL;
    if (vv_block_page_is_mapped(block, page)) {
        VV_TRY(verify_mapped(block, page, bytes));
    } else {
        VV_TRY(load_copy(block, page, &owned));
        *bytes = owned;
    }
    const uint8_t *expected = NULL;
    if (!atomic_compare_exchange_strong_explicit(&block->pages[page], &expected, *bytes,
                                                 memory_order_release, memory_order_acquire)) {
        vv_free(owned);
        *bytes = expected;
    }
    return VARVE_OK;
}

static struct vv_page_where page_where(const struct vv_block *block, uint32_t page)
{
    const uint8_t *entry = block->page_table + (size_t)page * VV_BLOCK_PAGE_ENTRY_BYTES;
    return vv_page_where_unpack(vv_load_u64(entry + VV_PAGE_WHERE));
}

size_t vv_block_page_length(const struct vv_block *block, uint32_t page)
{
    return page_where(block, page).unpacked_bytes;
}

bool vv_block_page_is_mapped(const struct vv_block *block, uint32_t page)
{
    return block->map != NULL && page_where(block, page).encoding == VV_ENCODING_RAW;
}

bool vv_block_page_is_group(const struct vv_block *block, enum vv_block_section section,
                            uint32_t index)
{
    VV_ASSERT(index < block->sections[section].page_count);
    uint32_t page = block->sections[section].first_page + index;
    return page_where(block, page).encoding == VV_ENCODING_ZSTD;
}

varve_status vv_block_page_stored(const struct vv_block *block, enum vv_block_section section,
                                  uint32_t index, const uint8_t **bytes, size_t *length,
                                  uint8_t **owned)
{
    struct page_entry entry;
    VV_ASSERT(index < block->sections[section].page_count);
    VV_TRY(read_entry(block, block->sections[section].first_page + index, &entry));
    VV_TRY(fetch_verified(block, &entry, bytes, owned));
    *length = entry.stored_bytes;
    return VARVE_OK;
}

varve_status vv_block_page(const struct vv_block *block, enum vv_block_section section,
                           uint32_t index, const uint8_t **bytes, size_t *length)
{
    VV_ASSERT(index < block->sections[section].page_count);
    uint32_t page = block->sections[section].first_page + index;
    *length = vv_block_page_length(block, page);
    *bytes = atomic_load_explicit(&block->pages[page], memory_order_acquire);
    return *bytes != NULL ? VARVE_OK : load_and_publish(block, page, bytes);
}

varve_status vv_block_place(const struct vv_block *block, enum vv_block_section section,
                            struct vv_place place, const uint8_t **bytes)
{
    size_t length;
    if (place.page >= block->sections[section].page_count) {
        return VARVE_CORRUPT;
    }
    VV_TRY(vv_block_page(block, section, place.page, bytes, &length));
    if (place.offset > length || place.bytes > length - place.offset) {
        return VARVE_CORRUPT;
    }
    *bytes += place.offset;
    return VARVE_OK;
}

varve_status vv_block_page_check(const struct vv_block *block, uint32_t page, uint64_t *at)
{
    struct page_entry entry;
    const uint8_t *stored;
    uint8_t *owned;
    *at = block->tail_offset + (uint64_t)page * VV_BLOCK_PAGE_ENTRY_BYTES;
    VV_TRY(read_entry(block, page, &entry));
    *at = entry.where.offset;
    VV_TRY(fetch_verified(block, &entry, &stored, &owned));
    vv_free(owned);
    return VARVE_OK;
}

void vv_block_pages_release(struct vv_block *block)
{
    if (block->pages == NULL) {
        return;
    }
    for (uint32_t page = 0; page < block->page_count; page++) {
        const uint8_t *bytes = atomic_load_explicit(&block->pages[page], memory_order_relaxed);
        bool mapped = block->map != NULL && bytes >= block->map &&
                      bytes < block->map + block->info.file_bytes;
        if (bytes != NULL && !mapped) {
            vv_free((void *)(uintptr_t)bytes);
        }
    }
    vv_free((void *)block->pages);
    block->pages = NULL;
}
