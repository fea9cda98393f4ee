/*
 * block_text.c - the texts of label values, found and checked once for each page of labels.
 *
 *   texts[page of labels]  NULL -> [ bytes, length ] for each label of the page
 *
 * X1  A text is 1 to VARVE_LABEL_VALUE_BYTES_MAX bytes of UTF-8: whoever puts a series together
 *     from texts need not look at their bytes again.
 * X2  Published as pages are (block_page.c): whoever sees the pointer sees what it points to; of
 *     threads that load the same page at once, one wins.
 * Threads: any. Strings point into pages and live as long as the block.
 */
#include "base/utf8.h"
#include "mmap/block_reader.h"
#include "os/alloc.h"

varve_status vv_block_text_read(const struct vv_block *block, uint64_t packed, size_t bytes_max,
                                varve_string *text)
{
    struct vv_place place = vv_place_unpack(packed);
    const uint8_t *bytes;
    VV_TRY(vv_block_place(block, VV_SECTION_TEXT, place, &bytes));
    *text = (varve_string){(const char *)bytes, place.bytes};
    bool acceptable =
        text->length > 0 && text->length <= bytes_max && vv_utf8_valid(text->bytes, text->length);
    return acceptable ? VARVE_OK : VARVE_CORRUPT;
}

static varve_status read_page(const struct vv_block *block, uint32_t page, size_t count,
                              varve_string *texts)
{
    for (size_t at = 0; at < count; at++) {
        const uint8_t *record;
        VV_TRY(vv_block_record(block, VV_SECTION_LABELS,
                               (uint64_t)page * VV_BLOCK_PAGE_RECORDS + at, &record));
        VV_TRY(vv_block_text_read(block, vv_load_u64(record + VV_LABEL_PLACE),
                                  VARVE_LABEL_VALUE_BYTES_MAX, &texts[at]));
    }
    return VARVE_OK;
}

varve_status vv_block_texts_load(const struct vv_block *block, uint32_t page,
                                 const varve_string **texts)
{
    size_t left = block->label_count - (size_t)page * VV_BLOCK_PAGE_RECORDS;
    size_t count = left < VV_BLOCK_PAGE_RECORDS ? left : VV_BLOCK_PAGE_RECORDS;
    varve_string *made = vv_alloc(count * sizeof(*made));
    if (made == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = read_page(block, page, count, made);
    if (status != VARVE_OK) {
        vv_free(made);
        return status;
    }
    varve_string *known = NULL;
    if (!atomic_compare_exchange_strong_explicit(&block->texts[page], &known, made,
                                                 memory_order_release, memory_order_acquire)) {
        vv_free(made);
        made = known;
    }
    *texts = made;
    return VARVE_OK;
}

void vv_block_texts_release(struct vv_block *block)
{
    uint32_t page_count = block->sections[VV_SECTION_LABELS].page_count;
    for (uint32_t page = 0; block->texts != NULL && page < page_count; page++) {
        vv_free(atomic_load_explicit(&block->texts[page], memory_order_relaxed));
    }
    vv_free((void *)block->texts);
    block->texts = NULL;
}
