/*
 * block_pages.c - pages out: each is stored in the smallest form that its tier allows.
 *
 * P1  A page of records holds VV_BLOCK_PAGE_RECORDS of them, the last page of a section what is
 *     left.
 * P2  Hot blocks keep every page as it is used, so that a mapping needs no unpacking. Cold blocks
 *     pack records and compress what gets smaller by it.
 * P3  The first page of every record section of a hot block begins at a multiple of 64.
 * Threads: one at a time. Format: BLOCK_FORMAT.md.
 */
#include "mmap/block_pages.h"

#include "base/checksum.h"
#include "mmap/block_pack.h"
#include "os/alloc.h"

varve_status vv_block_pages_init(struct vv_block_pages *pages, bool cold)
{
    *pages = (struct vv_block_pages){.cold = cold};
    if (!cold) {
        return VARVE_OK;
    }
    void *memory = vv_alloc_aligned(VV_COLD_MEMORY_ALIGNMENT, vv_cold_packer_bytes());
    if (memory != NULL) {
        pages->packer = vv_cold_packer_init(memory);
        pages->compressed = vv_alloc(VV_COLD_GROUP_BOUND);
    }
    return pages->compressed != NULL ? VARVE_OK : VARVE_NO_MEMORY;
}

void vv_block_pages_fini(struct vv_block_pages *pages)
{
    for (int section = 0; section < VV_SECTION_COUNT; section++) {
        vv_buffer_fini(&pages->entries[section]);
    }
    vv_buffer_fini(&pages->packed);
    vv_free(pages->packer);
    vv_free(pages->compressed);
    vv_block_output_fini(&pages->output);
}

static varve_status put_page(struct vv_block_pages *pages, enum vv_block_section section,
                             enum vv_block_encoding encoding, const uint8_t *stored,
                             size_t stored_bytes, size_t unpacked_bytes, varve_error *error)
{
    uint64_t offset = pages->output.offset;
    if (offset + stored_bytes >= VV_BLOCK_FILE_BYTES_MAX) {
        return vv_fail(error, VARVE_LIMIT, "a block cannot be larger than 16 TiB");
    }
    uint8_t entry[VV_BLOCK_PAGE_ENTRY_BYTES];
    struct vv_page_where where = {offset, encoding, (uint32_t)unpacked_bytes};
    vv_store_u64(entry + VV_PAGE_WHERE, vv_page_where_pack(where));
    vv_store_u32(entry + VV_PAGE_STORED_BYTES, (uint32_t)stored_bytes);
    vv_store_u32(entry + VV_PAGE_CHECKSUM, (uint32_t)vv_hash(stored, stored_bytes));
    varve_status status = vv_buffer_append(&pages->entries[section], entry, sizeof(entry));
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to write a block");
    }
    return vv_block_output_append(&pages->output, stored, stored_bytes, error);
}

/* Compresses a page into pages->compressed if that makes it shorter; returns its length, or 0. */
static size_t compress_page(struct vv_block_pages *pages, const uint8_t *bytes, size_t length)
{
    if (!pages->cold) {
        return 0;
    }
    size_t compressed = vv_cold_bytes_write(pages->packer, bytes, length, pages->compressed);
    return compressed < length ? compressed : 0;
}

varve_status vv_block_pages_put_bytes(struct vv_block_pages *pages, enum vv_block_section section,
                                      const uint8_t *bytes, size_t length, varve_error *error)
{
    VV_ASSERT(length >= 1 && length <= VV_BLOCK_PAGE_BYTES_MAX);
    size_t compressed = compress_page(pages, bytes, length);
    pages->record_counts[section]++;
    if (compressed > 0) {
        return put_page(pages, section, VV_ENCODING_ZSTD, pages->compressed, compressed, length,
                        error);
    }
    return put_page(pages, section, VV_ENCODING_RAW, bytes, length, length, error);
}

varve_status vv_block_pages_put_group(struct vv_block_pages *pages, enum vv_block_section section,
                                      const uint8_t *group, size_t group_bytes,
                                      size_t unpacked_bytes, varve_error *error)
{
    pages->record_counts[section]++;
    return put_page(pages, section, VV_ENCODING_ZSTD, group, group_bytes, unpacked_bytes, error);
}

/* Writes one page of records as its tier demands. */
static varve_status put_record_page(struct vv_block_pages *pages, enum vv_block_section section,
                                    const uint8_t *records, size_t length, varve_error *error)
{
    if (!pages->cold) {
        return put_page(pages, section, VV_ENCODING_RAW, records, length, length, error);
    }
    const struct vv_buffer *packed = &pages->packed;
    varve_status status = vv_block_records_pack(
        section, records, length / vv_block_record_bytes(section), &pages->packed);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to write a block");
    }
    size_t compressed = compress_page(pages, packed->bytes, packed->length);
    if (compressed > 0) {
        return put_page(pages, section, VV_ENCODING_PACKED_ZSTD, pages->compressed, compressed,
                        length, error);
    }
    return put_page(pages, section, VV_ENCODING_PACKED, packed->bytes, packed->length, length,
                    error);
}

varve_status vv_block_pages_put_records(struct vv_block_pages *pages, enum vv_block_section section,
                                        const struct vv_buffer *records, varve_error *error)
{
    size_t record_bytes = vv_block_record_bytes(section);
    size_t page_bytes = record_bytes * VV_BLOCK_PAGE_RECORDS;
    VV_ASSERT(records->length % record_bytes == 0 && pages->record_counts[section] == 0);
    pages->record_counts[section] = records->length / record_bytes;
    if (records->length > 0 && !pages->cold) {
        VV_TRY(vv_block_output_align(&pages->output, VV_BLOCK_ALIGNMENT, error));
    }
    for (size_t at = 0; at < records->length; at += page_bytes) {
        size_t left = records->length - at;
        VV_TRY(put_record_page(pages, section, records->bytes + at,
                               left < page_bytes ? left : page_bytes, error));
    }
    return VARVE_OK;
}

/* Sections that the block has. */
static int section_count(const struct vv_block_pages *pages)
{
    return pages->rollups ? VV_SECTION_COUNT : VV_SECTION_COUNT_PLAIN;
}

/* The page table, then the section table, into tail. */
static varve_status write_tables(struct vv_block_pages *pages, struct vv_buffer *tail)
{
    uint32_t first_page = 0;
    for (int section = 0; section < section_count(pages); section++) {
        VV_TRY(
            vv_buffer_append(tail, pages->entries[section].bytes, pages->entries[section].length));
    }
    for (int section = 0; section < section_count(pages); section++) {
        uint8_t entry[VV_BLOCK_SECTION_ENTRY_BYTES] = {0};
        uint32_t page_count = vv_block_pages_count(pages, (enum vv_block_section)section);
        vv_store_u32(entry + VV_SECTION_KIND, (uint32_t)section);
        vv_store_u32(entry + VV_SECTION_RECORD_BYTES,
                     vv_block_record_bytes((enum vv_block_section)section));
        vv_store_u64(entry + VV_SECTION_RECORD_COUNT, pages->record_counts[section]);
        vv_store_u32(entry + VV_SECTION_FIRST_PAGE, first_page);
        vv_store_u32(entry + VV_SECTION_PAGE_COUNT, page_count);
        first_page += page_count;
        VV_TRY(vv_buffer_append(tail, entry, sizeof(entry)));
    }
    return VARVE_OK;
}

varve_status vv_block_pages_put_tail(struct vv_block_pages *pages, const uint8_t *header,
                                     uint8_t *footer, varve_error *error)
{
    struct vv_buffer tail = {0};
    VV_TRY(vv_block_output_align(&pages->output, VV_BLOCK_ALIGNMENT, error));
    varve_status status = write_tables(pages, &tail);
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "no memory to write a block");
        goto out;
    }
    uint64_t page_count = 0;
    for (int section = 0; section < section_count(pages); section++) {
        page_count += vv_block_pages_count(pages, (enum vv_block_section)section);
    }
    vv_store_u64(footer + VV_FOOTER_MAGIC, VV_BLOCK_FOOTER_MAGIC);
    vv_store_u32(footer + VV_FOOTER_VERSION, VV_BLOCK_VERSION);
    vv_store_u32(footer + VV_FOOTER_SECTION_COUNT, (uint32_t)section_count(pages));
    vv_store_u64(footer + VV_FOOTER_TAIL_OFFSET, pages->output.offset);
    vv_store_u64(footer + VV_FOOTER_FILE_BYTES,
                 pages->output.offset + tail.length + VV_BLOCK_FOOTER_BYTES);
    vv_store_u32(footer + VV_FOOTER_PAGE_COUNT, (uint32_t)page_count);
    struct vv_checksum_state state;
    vv_checksum_init(&state, 0);
    vv_checksum_update(&state, header, VV_BLOCK_HEADER_BYTES);
    vv_checksum_update(&state, tail.bytes, tail.length);
    vv_checksum_update(&state, footer, VV_FOOTER_CHECKSUM);
    vv_store_u64(footer + VV_FOOTER_CHECKSUM, vv_checksum_finish(&state));
    status = vv_block_output_append(&pages->output, tail.bytes, tail.length, error);
    if (status == VARVE_OK) {
        status = vv_block_output_append(&pages->output, footer, VV_BLOCK_FOOTER_BYTES, error);
    }
out:
    vv_buffer_fini(&tail);
    return status;
}

void vv_block_filler_fini(struct vv_block_filler *filler)
{
    vv_buffer_fini(&filler->page);
}

varve_status vv_block_filler_flush(struct vv_block_filler *filler, varve_error *error)
{
    if (filler->page.length == 0) {
        return VARVE_OK;
    }
    VV_TRY(vv_block_pages_put_bytes(filler->pages, filler->section, filler->page.bytes,
                                    filler->page.length, error));
    vv_buffer_clear(&filler->page);
    return VARVE_OK;
}

varve_status vv_block_filler_put(struct vv_block_filler *filler, const void *bytes, size_t length,
                                 struct vv_place *place, varve_error *error)
{
    VV_ASSERT(length <= filler->page_bytes);
    if (filler->page.length + length > filler->page_bytes) {
        VV_TRY(vv_block_filler_flush(filler, error));
    }
    *place = (struct vv_place){
        .page = vv_block_pages_count(filler->pages, filler->section),
        .offset = (uint32_t)filler->page.length,
        .bytes = (uint32_t)length,
    };
    varve_status status = vv_buffer_append(&filler->page, bytes, length);
    return status == VARVE_OK ? VARVE_OK : vv_fail(error, status, "no memory to write a block");
}
