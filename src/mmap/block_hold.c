/*
 * block_hold.c - pages of columns: where they are mapped, or unpacked and shared by readers.
 *
 *   reader --hold--> item <-- working set of the database
 *
 * H1  A mapped raw page costs nothing to keep. Every other page of columns (compressed, or of a
 *     block that could not be mapped) is unpacked into an item. Items are bounded by the working
 *     set, and one for each hold; without a set, each hold has its own.
 * H2  Pages are loaded outside of all locks. Two threads that miss the same page at once both load
 *     it, and one item is kept.
 * Threads: any; a hold belongs to one.
 */
#include "mmap/block_reader.h"

void vv_block_use_working_set(struct vv_block *block, struct vv_working_set *set)
{
    VV_ASSERT(block->working_set == NULL);
    block->working_set = set;
    block->working_owner = vv_working_set_add_owner(set);
}

static varve_status load_page(const struct vv_block *block, uint32_t page,
                              struct vv_working_item **loaded)
{
    size_t length = vv_block_page_length(block, page);
    struct vv_working_item *item = vv_working_item_create(length, VV_DECODE_PADDING);
    if (item == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = vv_block_page_copy(block, page, item->bytes, length);
    if (status != VARVE_OK) {
        vv_working_item_release(item);
        return status;
    }
    *loaded = item;
    return VARVE_OK;
}

/* Makes the hold refer to a page. */
static varve_status hold_page(const struct vv_block *block, uint32_t page,
                              struct vv_block_hold *hold)
{
    struct vv_working_key key = {block->working_owner, page};
    struct vv_working_item *item = NULL;
    if (hold->item != NULL && hold->page == page) {
        return VARVE_OK;
    }
    if (block->working_set != NULL) {
        item = vv_working_set_find(block->working_set, key);
    }
    if (item == NULL) {
        VV_TRY(load_page(block, page, &item));
        if (block->working_set != NULL) {
            vv_working_set_keep(block->working_set, key, item);
        }
    }
    vv_working_item_release(hold->item);
    *hold = (struct vv_block_hold){item, page};
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
    size_t length = hold->item->length;
    if (place.offset > length || place.bytes > length - place.offset) {
        return VARVE_CORRUPT;
    }
    *bytes = hold->item->bytes + place.offset;
    return VARVE_OK;
}

void vv_block_hold_release(struct vv_block_hold *hold)
{
    vv_working_item_release(hold->item);
    hold->item = NULL;
}

struct vv_block_hold *vv_block_hold_for(const struct vv_block *block, enum vv_block_section section,
                                        struct vv_place place, struct vv_block_hold_set *set)
{
    uint32_t page = block->sections[section].first_page + place.page;
    for (size_t i = 0; i < VV_BLOCK_HOLDS; i++) {
        if (set->holds[i].item != NULL && set->holds[i].page == page) {
            return &set->holds[i];
        }
    }
    struct vv_block_hold *hold = &set->holds[set->next];
    set->next = (set->next + 1) % VV_BLOCK_HOLDS;
    return hold;
}

void vv_block_hold_set_release(struct vv_block_hold_set *set)
{
    for (size_t i = 0; i < VV_BLOCK_HOLDS; i++) {
        vv_block_hold_release(&set->holds[i]);
    }
}
