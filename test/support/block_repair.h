/*
 * block_repair.h - puts the checksums of a block right after its bytes were changed, so that what
 * is behind them is tested.
 */
#ifndef VARVE_TEST_SUPPORT_BLOCK_REPAIR_H
#define VARVE_TEST_SUPPORT_BLOCK_REPAIR_H

#include "base/checksum.h"
#include "mmap/block_format.h"

/* Puts the checksum of a page right; returns how long the page becomes. */
static inline uint64_t block_repair_page(const uint8_t *block, size_t length, uint8_t *entry)
{
    struct vv_page_where where = vv_page_where_unpack(vv_load_u64(entry + VV_PAGE_WHERE));
    uint32_t stored_bytes = vv_load_u32(entry + VV_PAGE_STORED_BYTES);
    if (where.offset <= length && stored_bytes <= length - where.offset) {
        vv_store_u32(entry + VV_PAGE_CHECKSUM,
                     (uint32_t)vv_hash(block + where.offset, stored_bytes));
    }
    return where.unpacked_bytes;
}

/* Any bytes; returns how long all pages become together. */
static inline uint64_t block_repair(uint8_t *block, size_t length)
{
    uint64_t unpacked_bytes = 0;
    if (length < VV_BLOCK_HEADER_BYTES + VV_BLOCK_FOOTER_BYTES) {
        return 0;
    }
    size_t end = length - VV_BLOCK_FOOTER_BYTES;
    uint8_t *footer = block + end;
    uint64_t tail_offset = vv_load_u64(footer + VV_FOOTER_TAIL_OFFSET);
    uint32_t page_count = vv_load_u32(footer + VV_FOOTER_PAGE_COUNT);
    vv_store_u64(footer + VV_FOOTER_FILE_BYTES, length);
    vv_store_u32(block + VV_HEADER_CHECKSUM, (uint32_t)vv_hash(block, VV_HEADER_CHECKSUM));
    if (tail_offset > end || page_count > (end - tail_offset) / VV_BLOCK_PAGE_ENTRY_BYTES) {
        return 0;
    }
    for (uint32_t page = 0; page < page_count; page++) {
        uint8_t *entry = block + tail_offset + (size_t)page * VV_BLOCK_PAGE_ENTRY_BYTES;
        unpacked_bytes += block_repair_page(block, length, entry);
    }
    struct vv_checksum_state state;
    vv_checksum_init(&state, 0);
    vv_checksum_update(&state, block, VV_BLOCK_HEADER_BYTES);
    vv_checksum_update(&state, block + tail_offset, end - (size_t)tail_offset);
    vv_checksum_update(&state, footer, VV_FOOTER_CHECKSUM);
    vv_store_u64(footer + VV_FOOTER_CHECKSUM, vv_checksum_finish(&state));
    return unpacked_bytes;
}

#endif
