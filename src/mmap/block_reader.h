/*
 * block_reader.h - the inside of an open block: what the files that read it share.
 *
 * Every offset, count and number that comes from the file is checked before it is followed, here or
 * in the callers; checksums are no excuse, since they are no proof against a file made with malice.
 */
#ifndef VARVE_MMAP_BLOCK_READER_H
#define VARVE_MMAP_BLOCK_READER_H

#include <stdatomic.h>

#include "mmap/block.h"
#include "mmap/block_format.h"
#include "mmap/working_set.h"
#include "os/map_guard.h"
#include "os/thread.h"

enum { VV_BLOCK_WINDOW_BYTES = 64 << 10 }; /* residency is asked for in pieces of this size */

/* Pages of one section. */
struct vv_block_section_info {
    uint32_t first_page;
    uint32_t page_count;
    uint32_t record_bytes;
    uint64_t record_count; /* of byte sections: pages */
};

/* A label name, and its labels. */
struct vv_block_name {
    varve_string text;
    uint32_t first_label;
    uint32_t label_count;
};

/* Which series have which label set: the inverse of the series table. */
struct vv_block_members;

/* What is made when it is first needed. Behind a pointer, since reading calls see a const block. */
struct vv_block_shared {
    _Atomic(struct vv_block_members *) members; /* published once: release, acquire */
    _Atomic(void *) idle_reader; /* memory of a cold reader that nobody uses, or NULL */
};

struct vv_block {
    /* Constant after open. */
    struct vv_block_info info;
    const struct vv_env *env;
    int file;                     /* open only without a mapping, else -1 */
    const uint8_t *map;           /* the whole file; NULL: it could not be mapped, pages are read */
    const _Atomic(bool) *is_lost; /* of the mapping: map_guard.h */
    uint8_t *tail_copy;           /* tail in memory of its own, without a mapping */
    const uint8_t *page_table;
    uint64_t tail_offset; /* pages lie before it */
    uint32_t page_count;
    uint32_t set_count;
    uint32_t name_count;
    struct vv_block_name *names; /* few, and needed for every key */
    uint32_t label_count;
    uint32_t metric_name; /* number of __name__, or VV_BLOCK_NONE */
    unsigned bucket_bits;
    struct vv_block_section_info sections[VV_SECTION_COUNT];

    /* Shared. */
    atomic_uint_fast32_t references;
    _Atomic(const uint8_t *) *pages; /* verified and unpacked; NULL until the first touch */
    atomic_uchar *resident;          /* windows that were made resident once */
    _Atomic(varve_string *) *texts;  /* of label values, by page of labels: vv_block_label_text() */
    struct vv_block_shared *shared;
    atomic_uchar was_read;   /* in this turn: see block_access.h */
    atomic_uchar turns_read; /* a bit for each of the last turns */
    struct vv_working_set
        *working_set;       /* of pages of columns that are not in the mapping; NULL: each
                                           reader has its own */
    uint64_t working_owner; /* the block's number there */
};

/* ---- pages ---- */

/* A page of a section (index < its page_count), verified and unpacked: length bytes that live as
 * long as the block, followed by VV_DECODE_PADDING readable ones. CORRUPT, IO, NO_MEMORY. */
varve_status vv_block_page(const struct vv_block *block, enum vv_block_section section,
                           uint32_t index, const uint8_t **bytes, size_t *length) VARVE_MUST_CHECK;
/* A record of a record section; CORRUPT if there is no such record. */
static inline varve_status vv_block_record(const struct vv_block *block,
                                           enum vv_block_section section, uint64_t index,
                                           const uint8_t **record)
{
    const struct vv_block_section_info *info = &block->sections[section];
    size_t length;
    if (index >= info->record_count) {
        return VARVE_CORRUPT;
    }
    uint32_t page = (uint32_t)(index / VV_BLOCK_PAGE_RECORDS);
    const uint8_t *bytes =
        atomic_load_explicit(&block->pages[info->first_page + page], memory_order_acquire);
    if (bytes == NULL) {
        VV_TRY(vv_block_page(block, section, page, &bytes, &length));
    }
    *record = bytes + (size_t)(index % VV_BLOCK_PAGE_RECORDS) * info->record_bytes;
    return VARVE_OK;
}
/* What lies at a place of a byte section; CORRUPT if it is not inside a page. */
varve_status vv_block_place(const struct vv_block *block, enum vv_block_section section,
                            struct vv_place place, const uint8_t **bytes) VARVE_MUST_CHECK;
/* What one reader of columns holds between calls: the page that it read last. Zeroed at first. */
struct vv_block_hold {
    struct vv_working_item *item;
    uint32_t page;
};

/* As vv_block_place() for columns, whose pages are not kept for the life of the block unless they
 * are in the mapping: the bytes live until the next call with the same hold, or its release. */
varve_status vv_block_column(const struct vv_block *block, enum vv_block_section section,
                             struct vv_place place, struct vv_block_hold *hold,
                             const uint8_t **bytes) VARVE_MUST_CHECK;
void vv_block_hold_release(struct vv_block_hold *hold);

/* The pages that a reader of all series read last: chunks of one series may lie in several pages,
 * which its neighbours need again. Zeroed at first. */
enum { VV_BLOCK_HOLDS = 16 };
struct vv_block_hold_set {
    struct vv_block_hold holds[VV_BLOCK_HOLDS];
    unsigned next; /* to be used for another page */
};
/* The hold for what lies at a place: that of its page, if it has one. */
struct vv_block_hold *vv_block_hold_for(const struct vv_block *block, enum vv_block_section section,
                                        struct vv_place place, struct vv_block_hold_set *set);
void vv_block_hold_set_release(struct vv_block_hold_set *set);

/* Loads a page afresh, whatever was loaded before, and forgets it: for verification. at tells where
 * in the file it is. */
varve_status vv_block_page_check(const struct vv_block *block, uint32_t page,
                                 uint64_t *at) VARVE_MUST_CHECK;
/* Loads a page into memory of its own: length bytes and VV_DECODE_PADDING. */
varve_status vv_block_page_copy(const struct vv_block *block, uint32_t page, uint8_t *bytes,
                                size_t length) VARVE_MUST_CHECK;
/* Whether a page of a section is a compressed group of columns (encoding 2 of the format). */
bool vv_block_page_is_group(const struct vv_block *block, enum vv_block_section section,
                            uint32_t index);
/* The stored bytes of such a page, with the right checksum: in the mapping, or in memory that
 * *owned (else NULL) is to be freed with. */
varve_status vv_block_page_stored(const struct vv_block *block, enum vv_block_section section,
                                  uint32_t index, const uint8_t **bytes, size_t *length,
                                  uint8_t **owned) VARVE_MUST_CHECK;
/* Whether a page is used where it is mapped. */
bool vv_block_page_is_mapped(const struct vv_block *block, uint32_t page);
/* Unpacked length of a page. */
size_t vv_block_page_length(const struct vv_block *block, uint32_t page);
/* Frees what pages hold in memory of their own. */
void vv_block_pages_release(struct vv_block *block);

/* ---- chunks ---- */

struct vv_block_chunk {
    int64_t time_min;
    int64_t time_max;
    uint32_t count;
    uint32_t time_column;
    struct vv_place times; /* bytes 0: an arithmetic sequence from time_min to time_max */
    struct vv_place values;
};

/* Reads the directory entry of a chunk; CORRUPT if it makes no sense. */
varve_status vv_block_chunk_read(const struct vv_block *block, uint32_t index,
                                 struct vv_block_chunk *chunk) VARVE_MUST_CHECK;
/* Decode into arrays of VV_COLUMN_MAX entries. */
varve_status vv_block_chunk_times(const struct vv_block *block, const struct vv_block_chunk *chunk,
                                  struct vv_block_hold *hold, int64_t *timestamps) VARVE_MUST_CHECK;
varve_status vv_block_chunk_values(const struct vv_block *block, const struct vv_block_chunk *chunk,
                                   struct vv_block_hold *hold, double *values) VARVE_MUST_CHECK;
/* The values, and what is known of them (VV_TRAIT_NUMBERS and others). */
varve_status vv_block_chunk_values_traits(const struct vv_block *block,
                                          const struct vv_block_chunk *chunk,
                                          struct vv_block_hold *hold, double *values,
                                          unsigned *traits) VARVE_MUST_CHECK;

/* The statistics of a chunk, read and not computed. */
varve_status vv_block_chunk_statistics(const struct vv_block *block, uint32_t index,
                                       struct vv_value_statistics *statistics) VARVE_MUST_CHECK;

/* ---- series and layers ---- */

struct vv_block_series_record {
    uint32_t metric; /* label, or VV_BLOCK_NONE */
    uint32_t set;
    uint32_t first_layer;
    uint32_t layer_count;
    uint32_t first_tombstone;
    uint32_t tombstone_count;
};

struct vv_block_layer {
    uint32_t first_chunk;
    uint32_t chunk_count; /* >= 1 */
    varve_duplicates policy;
    uint64_t sample_count;
};

/* id < series_count. */
varve_status vv_block_series_read(const struct vv_block *block, uint32_t id,
                                  struct vv_block_series_record *series) VARVE_MUST_CHECK;
varve_status vv_block_layer_read(const struct vv_block *block, uint32_t index,
                                 struct vv_block_layer *layer) VARVE_MUST_CHECK;

/* The first chunk of a layer that ends at or after start, or the one behind its last: layers are
 * in time order. */
varve_status vv_block_layer_find(const struct vv_block *block, const struct vv_block_layer *layer,
                                 int64_t start, uint32_t *first) VARVE_MUST_CHECK;

/* ---- labels ---- */

struct vv_block_label {
    varve_string text;
    uint32_t first; /* of its postings */
    uint32_t count;
};

/* A text at a place of the text section, which must have 1 to bytes_max bytes of UTF-8. */
varve_status vv_block_text_read(const struct vv_block *block, uint64_t packed, size_t bytes_max,
                                varve_string *text) VARVE_MUST_CHECK;
/* Loads the texts of a page of labels. */
varve_status vv_block_texts_load(const struct vv_block *block, uint32_t page,
                                 const varve_string **texts) VARVE_MUST_CHECK;
void vv_block_texts_release(struct vv_block *block);
/* The text of a label value, known to be valid. */
static inline varve_status vv_block_label_text(const struct vv_block *block, uint32_t index,
                                               varve_string *text)
{
    if (index >= block->label_count) {
        return VARVE_CORRUPT;
    }
    uint32_t page = index / VV_BLOCK_PAGE_RECORDS;
    const varve_string *texts = atomic_load_explicit(&block->texts[page], memory_order_acquire);
    if (texts == NULL) {
        VV_TRY(vv_block_texts_load(block, page, &texts));
    }
    *text = texts[index % VV_BLOCK_PAGE_RECORDS];
    return VARVE_OK;
}

/* Reads all names into block->names, once, while the block is opened: valid, in ascending
 * order. */
varve_status vv_block_names_load(struct vv_block *block) VARVE_MUST_CHECK;
varve_status vv_block_name_read(const struct vv_block *block, uint32_t index,
                                struct vv_block_name *name) VARVE_MUST_CHECK;
varve_status vv_block_label_read(const struct vv_block *block, uint32_t index,
                                 struct vv_block_label *label) VARVE_MUST_CHECK;
/* The labels of a set: name numbers and label numbers in name order, VARVE_LABELS_MAX at most. */
varve_status vv_block_set_read(const struct vv_block *block, uint32_t set, uint32_t *names,
                               uint32_t *labels, size_t *count) VARVE_MUST_CHECK;
/* Writes the key of a series, at most VARVE_SERIES_KEY_BYTES_MAX bytes; it is valid. */
varve_status vv_block_key_read(const struct vv_block *block, uint32_t id, uint8_t *key,
                               size_t *length) VARVE_MUST_CHECK;
/* The same for one series after the other: shape is what the calls leave to each other; at first it
 * is not known. */
varve_status vv_block_next_key_read(const struct vv_block *block, uint32_t id,
                                    struct vv_block_shape *shape, uint8_t *key,
                                    size_t *length) VARVE_MUST_CHECK;
/* Whether vv_block_find() would come upon series id by this hash. */
varve_status vv_block_hash_leads_to(const struct vv_block *block, uint64_t key_hash, uint32_t id,
                                    bool *leads) VARVE_MUST_CHECK;

void vv_block_members_destroy(struct vv_block_members *members);

#endif
