/*
 * block_carry.c - which pages of a cold block are worth keeping, and what stands in them.
 *
 * C1  Whether a page goes is decided for all of its chunks at once, from the directory: what of a
 *     page was not handed on would be dead weight in the other block.
 * C2  Chunks come in the order of the directory, mostly: the last time column is kept decoded.
 */
#include "mmap/block_carry.h"

#include "os/alloc.h"

enum { FULL_SAMPLES_MIN = VV_COLUMN_MAX / 2 };

/* What the directory tells about a page, and what becomes of it. */
struct page {
    uint64_t samples;
    uint32_t chunks;
    uint32_t runs;       /* of chunks of one series */
    uint32_t last_layer; /* that has a chunk in it, and one more */
    bool is_spoiled;
    bool is_kept;
    uint32_t number; /* in the other block */
};

struct vv_block_carry {
    struct vv_block *block;
    struct page *pages;
    uint32_t page_count;
    uint32_t time_column; /* whose timestamps are decoded; VV_BLOCK_NONE: none */
    struct vv_block_hold times_hold;
    struct vv_block_hold values_hold;
    int64_t timestamps[VV_DECODE_ROOM(VV_COLUMN_MAX)];
};

varve_status vv_block_carry_create(struct vv_block *block, struct vv_block_carry **carry)
{
    struct vv_block_carry *made = vv_alloc(sizeof(*made));
    if (made == NULL) {
        return VARVE_NO_MEMORY;
    }
    made->block = block;
    made->page_count = block->sections[VV_SECTION_VALUES].page_count;
    made->time_column = VV_BLOCK_NONE;
    made->times_hold = made->values_hold = (struct vv_block_hold){0};
    made->pages = vv_alloc_zeroed((size_t)made->page_count + 1, sizeof(*made->pages));
    if (made->pages == NULL) {
        vv_free(made);
        return VARVE_NO_MEMORY;
    }
    vv_block_acquire(block);
    *carry = made;
    return VARVE_OK;
}

/* Counts the chunks of a layer. */
static varve_status add_layer(struct vv_block_carry *carry, uint32_t index, bool goes)
{
    struct vv_block_layer layer;
    VV_TRY(vv_block_layer_read(carry->block, index, &layer));
    for (uint32_t at = 0; at < layer.chunk_count; at++) {
        struct vv_block_chunk chunk;
        VV_TRY(vv_block_chunk_read(carry->block, layer.first_chunk + at, &chunk));
        if (chunk.values.page >= carry->page_count) {
            continue; /* whoever decodes it says that it is damaged */
        }
        struct page *page = &carry->pages[chunk.values.page];
        page->samples += chunk.count;
        page->chunks++;
        page->runs += page->last_layer != index + 1 ? 1 : 0;
        page->last_layer = index + 1;
        page->is_spoiled |= !goes;
    }
    return VARVE_OK;
}

varve_status vv_block_carry_add_series(struct vv_block_carry *carry, uint32_t id, bool goes)
{
    struct vv_block_parts parts;
    VV_TRY(vv_block_series_layers(carry->block, id, &parts));
    for (uint32_t layer = 0; layer < parts.layer_count; layer++) {
        VV_TRY(add_layer(carry, parts.first_layer + layer, goes));
    }
    return VARVE_OK;
}

bool vv_block_carry_choose(struct vv_block_carry *carry, uint64_t run_chunks_min)
{
    bool any = false;
    for (uint32_t index = 0; index < carry->page_count; index++) {
        struct page *page = &carry->pages[index];
        page->number = VV_BLOCK_NONE;
        page->is_kept = !page->is_spoiled && page->chunks > 0 &&
                        page->samples >= (uint64_t)page->chunks * FULL_SAMPLES_MIN &&
                        page->chunks >= page->runs * run_chunks_min &&
                        vv_block_page_is_group(carry->block, VV_SECTION_VALUES, index);
        any |= page->is_kept;
    }
    return any;
}

void vv_block_carry_destroy(struct vv_block_carry *carry)
{
    if (carry == NULL) {
        return;
    }
    vv_block_hold_release(&carry->times_hold);
    vv_block_hold_release(&carry->values_hold);
    vv_block_release(carry->block);
    vv_free(carry->pages);
    vv_free(carry);
}

const struct vv_block *vv_block_carry_block(const struct vv_block_carry *carry)
{
    return carry->block;
}

varve_status vv_block_carry_has(const struct vv_block_carry *carry, uint32_t index, bool *has)
{
    struct vv_block_chunk chunk;
    VV_TRY(vv_block_chunk_read(carry->block, index, &chunk));
    *has = chunk.values.page < carry->page_count && carry->pages[chunk.values.page].is_kept;
    return VARVE_OK;
}

varve_status vv_block_carry_read(struct vv_block_carry *carry, uint32_t index,
                                 struct vv_carried_chunk *carried)
{
    struct vv_block_chunk *chunk = &carried->chunk;
    VV_TRY(vv_block_chunk_read(carry->block, index, chunk));
    VV_ASSERT(chunk->values.page < carry->page_count && carry->pages[chunk->values.page].is_kept);
    VV_TRY(vv_block_record(carry->block, VV_SECTION_STATISTICS, index, &carried->statistics));
    if (vv_load_u32(carried->statistics + VV_STATISTICS_COUNT) != chunk->count) {
        return VARVE_CORRUPT;
    }
    if (carry->time_column != chunk->time_column) { /* C2 */
        carry->time_column = VV_BLOCK_NONE;
        VV_TRY(vv_block_chunk_times(carry->block, chunk, &carry->times_hold, carry->timestamps));
        carry->time_column = chunk->time_column;
    }
    carried->timestamps = carry->timestamps;
    return VARVE_OK;
}

varve_status vv_block_carry_values(struct vv_block_carry *carry,
                                   const struct vv_carried_chunk *carried, double *values)
{
    return vv_block_chunk_values(carry->block, &carried->chunk, &carry->values_hold, values);
}

uint32_t vv_block_carry_page(const struct vv_block_carry *carry, uint32_t page)
{
    return carry->pages[page].number;
}

void vv_block_carry_set_page(struct vv_block_carry *carry, uint32_t page, uint32_t number)
{
    carry->pages[page].number = number;
}
