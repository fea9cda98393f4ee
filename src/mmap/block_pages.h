/*
 * block_pages.h - the write side of pages: bytes or records in, checksummed pages and their table
 * out.
 */
#ifndef VARVE_MMAP_BLOCK_PAGES_H
#define VARVE_MMAP_BLOCK_PAGES_H

#include "compress/cold_bytes.h"
#include "mmap/block_format.h"
#include "mmap/block_output.h"
#include "pool/buffer.h"

/* Pages written so far, by section. */
struct vv_block_pages {
    struct vv_block_output output;
    bool cold;
    bool rollups;                               /* the block has the sections of rollups */
    struct vv_buffer entries[VV_SECTION_COUNT]; /* page entries in page order */
    uint64_t record_counts[VV_SECTION_COUNT];   /* pages of byte sections */
    struct vv_cold_packer *packer;              /* cold only, as the next two */
    uint8_t *compressed;                        /* VV_COLD_GROUP_BOUND bytes */
    struct vv_buffer packed;
};

/* output is created by the caller. NO_MEMORY: fini releases what there is. */
varve_status vv_block_pages_init(struct vv_block_pages *pages, bool cold) VARVE_MUST_CHECK;
void vv_block_pages_fini(struct vv_block_pages *pages);

/* Pages that a section has. */
static inline uint32_t vv_block_pages_count(const struct vv_block_pages *pages,
                                            enum vv_block_section section)
{
    return (uint32_t)(pages->entries[section].length / VV_BLOCK_PAGE_ENTRY_BYTES);
}

/* Writes one page of a byte section: 1 to VV_BLOCK_PAGE_BYTES_MAX bytes. */
varve_status vv_block_pages_put_bytes(struct vv_block_pages *pages, enum vv_block_section section,
                                      const uint8_t *bytes, size_t length,
                                      varve_error *error) VARVE_MUST_CHECK;
/* Writes a page that is compressed already: a cold group. */
varve_status vv_block_pages_put_group(struct vv_block_pages *pages, enum vv_block_section section,
                                      const uint8_t *group, size_t group_bytes,
                                      size_t unpacked_bytes, varve_error *error) VARVE_MUST_CHECK;
/* Writes all records of a section, once. */
varve_status vv_block_pages_put_records(struct vv_block_pages *pages, enum vv_block_section section,
                                        const struct vv_buffer *records,
                                        varve_error *error) VARVE_MUST_CHECK;
/* Writes page table, section table and footer, whose counts and times are filled in; computes the
 * checksum over header and tail into it. */
varve_status vv_block_pages_put_tail(struct vv_block_pages *pages, const uint8_t *header,
                                     uint8_t *footer, varve_error *error) VARVE_MUST_CHECK;

/* Bytes that collect to pages of a byte section. What is put into it lies in one page. */
struct vv_block_filler {
    struct vv_block_pages *pages;
    enum vv_block_section section;
    uint32_t page_bytes; /* a page is closed when it would become longer */
    struct vv_buffer page;
};

void vv_block_filler_fini(struct vv_block_filler *filler);
varve_status vv_block_filler_put(struct vv_block_filler *filler, const void *bytes, size_t length,
                                 struct vv_place *place, varve_error *error) VARVE_MUST_CHECK;
/* Writes the page under way, if it holds anything. */
varve_status vv_block_filler_flush(struct vv_block_filler *filler,
                                   varve_error *error) VARVE_MUST_CHECK;

#endif
