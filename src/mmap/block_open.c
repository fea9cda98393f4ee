/*
 * block_open.c - opening a block: what must be right before any of it is believed.
 *
 *   size, header, footer, checksum over header + tail + footer, section table, page table lengths
 *
 * V1  Opening reads header, tail and footer: 16 bytes per page of the file, nothing of the pages.
 * V2  The header says the version under a checksum of its own, in every version of the format: a
 *     flipped bit is CORRUPT, a newer file VERSION.
 * V3  A file that cannot be mapped is read: the tail at once, pages as they are needed.
 * Threads: opening belongs to one thread; the result to any. Format: BLOCK_FORMAT.md.
 */
#include <errno.h>

#include "base/checksum.h"
#include "mmap/block_reader.h"
#include "os/alloc.h"

static const varve_string metric_label = {"__name__", 8};

/* What opening knows before the block is complete. */
struct opening {
    struct vv_block *block;
    const char *name;
    varve_error *error;
    uint32_t section_count;
    uint8_t header[VV_BLOCK_HEADER_BYTES];
    uint8_t footer[VV_BLOCK_FOOTER_BYTES];
};

static varve_status damaged(const struct opening *opening, uint64_t offset, const char *what)
{
    return vv_fail_io(opening->error, VARVE_CORRUPT, 0, opening->name, offset, "%s", what);
}

/* Reads from the file, whether it is mapped or not. */
static varve_status read_bytes(const struct opening *opening, void *bytes, size_t length,
                               uint64_t offset)
{
    const struct vv_block *block = opening->block;
    if (block->map != NULL) {
        int result = block->env->ops->populate(block->env->ctx, block->map + offset, length);
        if (result < 0) {
            return vv_fail_io(opening->error, VARVE_IO, -result, opening->name, offset,
                              "a block cannot be read");
        }
        memcpy(bytes, block->map + offset, length);
        return VARVE_OK;
    }
    int result = vv_env_read_all(block->env, block->file, bytes, length, offset);
    if (result == -ENODATA) {
        return damaged(opening, offset, "the block ends too early");
    }
    return result == 0 ? VARVE_OK
                       : vv_fail_io(opening->error, VARVE_IO, -result, opening->name, offset,
                                    "a block cannot be read");
}

/* Opens the file, takes its size and maps it if that is possible. */
static varve_status open_file(const struct opening *opening, int directory)
{
    struct vv_block *block = opening->block;
    const struct vv_env *env = block->env;
    block->file = env->ops->open(env->ctx, directory, opening->name, VV_OPEN_READ);
    if (block->file < 0) {
        int system_errno = -block->file;
        block->file = -1;
        return vv_fail_io(opening->error, vv_status_from_errno(system_errno), system_errno,
                          opening->name, 0, "a block cannot be opened");
    }
    struct vv_file_status file_status;
    int result = env->ops->stat(env->ctx, block->file, &file_status);
    if (result != 0) {
        return vv_fail_io(opening->error, VARVE_IO, -result, opening->name, 0,
                          "the size of a block cannot be read");
    }
    block->info.file_bytes = file_status.size;
    if (file_status.size < VV_BLOCK_HEADER_BYTES + VV_BLOCK_FOOTER_BYTES ||
        file_status.size >= VV_BLOCK_FILE_BYTES_MAX) {
        return damaged(opening, 0, "the file is too short or too long to be a block");
    }
    if (file_status.size <= SIZE_MAX &&
        env->ops->map(env->ctx, block->file, (size_t)file_status.size, &block->map) == 0) {
        (void)env->ops->close(env->ctx, block->file);
        block->file = -1;
    } else {
        block->map = NULL;
    }
    block->is_lost = vv_map_guard_flag(block->map);
    return VARVE_OK;
}

static varve_status check_header(struct opening *opening)
{
    uint8_t *header = opening->header;
    struct vv_block_identity *identity = &opening->block->info.identity;
    VV_TRY(read_bytes(opening, header, VV_BLOCK_HEADER_BYTES, 0));
    if (vv_load_u64(header + VV_HEADER_MAGIC) != VV_BLOCK_MAGIC) {
        return damaged(opening, 0, "this is no block");
    }
    if ((uint32_t)vv_hash(header, VV_HEADER_CHECKSUM) != vv_load_u32(header + VV_HEADER_CHECKSUM)) {
        return damaged(opening, 0, "the header of the block is damaged");
    }
    uint32_t version = vv_load_u32(header + VV_HEADER_VERSION);
    uint32_t flags = vv_load_u32(header + VV_HEADER_FLAGS);
    if (version > VV_BLOCK_VERSION) {
        return vv_fail_io(opening->error, VARVE_VERSION, 0, opening->name, 0,
                          "the block has format version %u, this varve reads up to %d",
                          (unsigned)version, VV_BLOCK_VERSION);
    }
    if (version == 0 || (flags & ~(uint32_t)VV_BLOCK_FLAG_COLD) != 0) {
        return damaged(opening, 0, "the header of the block makes no sense");
    }
    memcpy(identity->database_uuid, header + VV_HEADER_UUID, sizeof(identity->database_uuid));
    identity->id = vv_load_u64(header + VV_HEADER_ID);
    identity->lsn_min = vv_load_u64(header + VV_HEADER_LSN_MIN);
    identity->lsn_max = vv_load_u64(header + VV_HEADER_LSN_MAX);
    identity->shard = vv_load_u32(header + VV_HEADER_SHARD);
    identity->version = version;
    identity->cold = (flags & VV_BLOCK_FLAG_COLD) != 0;
    return VARVE_OK;
}

static varve_status check_footer(struct opening *opening)
{
    uint8_t *footer = opening->footer;
    struct vv_block *block = opening->block;
    struct vv_block_info *info = &block->info;
    uint64_t at = info->file_bytes - VV_BLOCK_FOOTER_BYTES;
    VV_TRY(read_bytes(opening, footer, VV_BLOCK_FOOTER_BYTES, at));
    info->checksum = vv_load_u64(footer + VV_FOOTER_CHECKSUM);
    info->series_count = vv_load_u64(footer + VV_FOOTER_SERIES_COUNT);
    info->chunk_count = vv_load_u64(footer + VV_FOOTER_CHUNK_COUNT);
    info->sample_count = vv_load_u64(footer + VV_FOOTER_SAMPLE_COUNT);
    info->tombstone_count = vv_load_u64(footer + VV_FOOTER_TOMBSTONE_COUNT);
    info->time_min = (int64_t)vv_load_u64(footer + VV_FOOTER_TIME_MIN);
    info->time_max = (int64_t)vv_load_u64(footer + VV_FOOTER_TIME_MAX);
    block->tail_offset = vv_load_u64(footer + VV_FOOTER_TAIL_OFFSET);
    block->page_count = vv_load_u32(footer + VV_FOOTER_PAGE_COUNT);
    block->set_count = vv_load_u32(footer + VV_FOOTER_SET_COUNT);
    info->identity.rollup_sequence = vv_load_u64(footer + VV_FOOTER_ROLLUP_SEQUENCE);
    bool has_rollups = info->identity.rollup_sequence != 0;
    opening->section_count = has_rollups ? VV_SECTION_COUNT : VV_SECTION_COUNT_PLAIN;
    if (vv_load_u64(footer + VV_FOOTER_MAGIC) != VV_BLOCK_FOOTER_MAGIC ||
        vv_load_u32(footer + VV_FOOTER_VERSION) != info->identity.version ||
        vv_load_u32(footer + VV_FOOTER_SECTION_COUNT) != opening->section_count ||
        vv_load_u64(footer + VV_FOOTER_FILE_BYTES) != info->file_bytes) {
        return damaged(opening, at, "the block has no footer");
    }
    uint64_t tail_bytes = (uint64_t)block->page_count * VV_BLOCK_PAGE_ENTRY_BYTES +
                          (uint64_t)opening->section_count * VV_BLOCK_SECTION_ENTRY_BYTES;
    if (info->identity.version ==
            (has_rollups ? VV_BLOCK_VERSION_PLAIN : VV_BLOCK_VERSION_ROLLUPS) ||
        block->tail_offset < VV_BLOCK_HEADER_BYTES || block->tail_offset > at ||
        tail_bytes != at - block->tail_offset) {
        return damaged(opening, at, "the footer of the block makes no sense");
    }
    return VARVE_OK;
}

/* Finds the tail and verifies what the footer's checksum covers. */
static varve_status check_tail(struct opening *opening)
{
    struct vv_block *block = opening->block;
    uint64_t end = block->info.file_bytes - VV_BLOCK_FOOTER_BYTES;
    size_t tail_bytes = (size_t)(end - block->tail_offset);
    block->tail_copy = vv_alloc(tail_bytes);
    if (block->tail_copy == NULL) {
        return vv_fail(opening->error, VARVE_NO_MEMORY, "no memory to open a block");
    }
    VV_TRY(read_bytes(opening, block->tail_copy, tail_bytes, block->tail_offset));
    struct vv_checksum_state state;
    vv_checksum_init(&state, 0);
    vv_checksum_update(&state, opening->header, VV_BLOCK_HEADER_BYTES);
    vv_checksum_update(&state, block->tail_copy, tail_bytes);
    vv_checksum_update(&state, opening->footer, VV_FOOTER_CHECKSUM);
    if (vv_checksum_finish(&state) != block->info.checksum) {
        return damaged(opening, block->tail_offset, "the tail of the block is damaged");
    }
    block->page_table = block->tail_copy;
    return VARVE_OK;
}

static varve_status check_section(struct opening *opening, enum vv_block_section section,
                                  uint32_t *next_page)
{
    struct vv_block *block = opening->block;
    const uint8_t *entry = block->page_table +
                           (size_t)block->page_count * VV_BLOCK_PAGE_ENTRY_BYTES +
                           (size_t)section * VV_BLOCK_SECTION_ENTRY_BYTES;
    struct vv_block_section_info *info = &block->sections[section];
    *info = (struct vv_block_section_info){
        .first_page = vv_load_u32(entry + VV_SECTION_FIRST_PAGE),
        .page_count = vv_load_u32(entry + VV_SECTION_PAGE_COUNT),
        .record_bytes = vv_load_u32(entry + VV_SECTION_RECORD_BYTES),
        .record_count = vv_load_u64(entry + VV_SECTION_RECORD_COUNT),
    };
    uint64_t pages = info->record_count;
    if (info->record_bytes != 0) {
        pages = pages / VV_BLOCK_PAGE_RECORDS + (pages % VV_BLOCK_PAGE_RECORDS != 0);
    }
    if (vv_load_u32(entry + VV_SECTION_KIND) != (uint32_t)section ||
        info->record_bytes != vv_block_record_bytes(section) || info->first_page != *next_page ||
        info->page_count > block->page_count - *next_page || pages != info->page_count) {
        return damaged(opening, block->tail_offset,
                       "the section table of the block makes no sense");
    }
    *next_page += info->page_count;
    return VARVE_OK;
}

static bool counts_agree(const struct vv_block *block)
{
    const struct vv_block_section_info *sections = block->sections;
    const struct vv_block_info *info = &block->info;
    uint64_t buckets = sections[VV_SECTION_BUCKETS].record_count;
    for (int section = VV_SECTION_FIRST_RECORDS; section < VV_SECTION_COUNT; section++) {
        if (sections[section].record_count > VV_BLOCK_NONE) {
            return false;
        }
    }
    bool samples = info->sample_count > 0
                       ? info->time_min <= info->time_max
                       : info->time_min == INT64_MAX && info->time_max == INT64_MIN;
    return samples && info->series_count < VV_BLOCK_NONE &&
           sections[VV_SECTION_SERIES].record_count == info->series_count + 1 &&
           sections[VV_SECTION_HASHES].record_count == info->series_count &&
           sections[VV_SECTION_CHUNKS].record_count == info->chunk_count &&
           sections[VV_SECTION_STATISTICS].record_count == info->chunk_count &&
           sections[VV_SECTION_TOMBSTONES].record_count == info->tombstone_count &&
           sections[VV_SECTION_LAYERS].record_count >= 1 &&
           sections[VV_SECTION_SHAPES].record_count >= 1 && buckets >= 2 &&
           (info->identity.rollup_sequence == 0 ||
            sections[VV_SECTION_ROLLUPS].record_count >= 1) &&
           ((buckets - 1) & (buckets - 2)) == 0 && block->set_count <= info->series_count;
}

/* What rollups take of the file: their pages come last in the table. */
static void measure_rollups(struct vv_block *block)
{
    uint32_t first = block->sections[VV_SECTION_ROLLUP_ROWS].first_page;
    bool any = block->info.identity.rollup_sequence != 0;
    for (uint32_t page = first; any && page < block->page_count; page++) {
        const uint8_t *entry = block->page_table + (size_t)page * VV_BLOCK_PAGE_ENTRY_BYTES;
        block->info.rollup_bytes += vv_load_u32(entry + VV_PAGE_STORED_BYTES);
    }
}

static varve_status check_sections(struct opening *opening)
{
    struct vv_block *block = opening->block;
    uint32_t next_page = 0;
    for (uint32_t section = 0; section < opening->section_count; section++) {
        VV_TRY(check_section(opening, (enum vv_block_section)section, &next_page));
    }
    if (next_page != block->page_count || !counts_agree(block)) {
        return damaged(opening, block->tail_offset, "the counts of the block do not agree");
    }
    block->name_count = (uint32_t)block->sections[VV_SECTION_NAMES].record_count;
    block->label_count = (uint32_t)block->sections[VV_SECTION_LABELS].record_count;
    block->bucket_bits =
        vv_block_bits((uint32_t)block->sections[VV_SECTION_BUCKETS].record_count - 1);
    measure_rollups(block);
    return VARVE_OK;
}

static varve_status allocate_state(struct opening *opening)
{
    struct vv_block *block = opening->block;
    size_t windows = (size_t)(block->info.file_bytes / VV_BLOCK_WINDOW_BYTES) + 1;
    block->pages = vv_alloc_zeroed((size_t)block->page_count + 1, sizeof(*block->pages));
    block->resident = vv_alloc_zeroed(windows, sizeof(*block->resident));
    block->shared = vv_alloc_zeroed(1, sizeof(*block->shared));
    block->names = vv_alloc_zeroed((size_t)block->name_count + 1, sizeof(*block->names));
    block->texts = vv_alloc_zeroed((size_t)block->sections[VV_SECTION_LABELS].page_count + 1,
                                   sizeof(*block->texts));
    if (block->pages == NULL || block->resident == NULL || block->shared == NULL ||
        block->names == NULL || block->texts == NULL) {
        return vv_fail(opening->error, VARVE_NO_MEMORY, "no memory to open a block");
    }
    return VARVE_OK;
}

/* Loads the names and finds __name__ among them: series keys need it at its place. */
static varve_status load_names(struct opening *opening)
{
    struct vv_block *block = opening->block;
    varve_status status = vv_block_names_load(block);
    if (status != VARVE_OK) {
        return vv_fail_io(opening->error, status, 0, opening->name, 0,
                          "the label names of the block cannot be read");
    }
    block->metric_name = VV_BLOCK_NONE;
    for (uint32_t index = 0; index < block->name_count; index++) {
        varve_string text = block->names[index].text;
        if (text.length == metric_label.length &&
            memcmp(text.bytes, metric_label.bytes, metric_label.length) == 0) {
            block->metric_name = index;
        }
    }
    return VARVE_OK;
}

static varve_status open_steps(struct opening *opening, int directory,
                               const struct vv_block_info *expected)
{
    const struct vv_block_info *info = &opening->block->info;
    VV_TRY(open_file(opening, directory));
    if (expected != NULL && info->file_bytes != expected->file_bytes) {
        return damaged(opening, 0, "the block does not have the size that it was written with");
    }
    VV_TRY(check_header(opening));
    VV_TRY(check_footer(opening));
    VV_TRY(check_tail(opening));
    if (expected != NULL && info->checksum != expected->checksum) {
        return damaged(opening, 0, "this is not the block that is expected here");
    }
    VV_TRY(check_sections(opening));
    VV_TRY(allocate_state(opening));
    return load_names(opening);
}

varve_status vv_block_open(const struct vv_env *env, int directory, const char *name,
                           const struct vv_block_info *expected, struct vv_block **block,
                           varve_error *error)
{
    struct vv_block *made = vv_alloc_zeroed(1, sizeof(*made));
    if (made == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to open a block");
    }
    made->env = env;
    made->file = -1;
    atomic_init(&made->references, 1);
    struct opening opening = {.block = made, .name = name, .error = error};
    varve_status status = open_steps(&opening, directory, expected);
    if (status != VARVE_OK) {
        vv_block_release(made);
        return status;
    }
    *block = made;
    return VARVE_OK;
}

void vv_block_acquire(struct vv_block *block)
{
    atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
}

void vv_block_release(struct vv_block *block)
{
    /* Acquire and release: what any holder did with the block is over before it is taken apart. */
    if (block == NULL ||
        atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    const struct vv_env *env = block->env;
    vv_block_texts_release(block);
    vv_block_pages_release(block);
    if (block->shared != NULL) {
        vv_block_members_destroy(
            atomic_load_explicit(&block->shared->members, memory_order_relaxed));
        vv_free(atomic_load_explicit(&block->shared->idle_reader, memory_order_relaxed));
    }
    if (block->map != NULL) {
        (void)env->ops->unmap(env->ctx, block->map, (size_t)block->info.file_bytes);
    }
    if (block->file >= 0) {
        (void)env->ops->close(env->ctx, block->file);
    }
    if (block->working_set != NULL) {
        vv_working_set_remove_owner(block->working_set, block->working_owner);
    }
    vv_free(block->names);
    vv_free(block->shared);
    vv_free((void *)block->resident);
    vv_free(block->tail_copy);
    vv_free(block);
}

const struct vv_block_info *vv_block_info(const struct vv_block *block)
{
    return &block->info;
}

bool vv_block_is_lost(const struct vv_block *block)
{
    return atomic_load(&vv_map_guard_losses) > 0 && atomic_load(block->is_lost);
}
