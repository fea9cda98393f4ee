/*
 * block_group.c - raw columns wait side by side; a full group is encoded and compressed as one
 * page.
 *
 *   raw      | values of column 0 | of column 1 | ... |            |
 *   columns  | pointer, count | pointer, count | ...
 *
 * Neighbours are series of one metric, whose columns resemble each other: that is what makes groups
 * small. The codec chooses one form for a whole group, so columns wait raw. They wait in a fixed
 * room: it is reached only by columns that hardly take any bytes, whose groups are small in any
 * case. Threads: one at a time.
 */
#include "mmap/block_group.h"

#include "os/alloc.h"

enum { RAW_VALUES = 2 << 20 };

struct vv_block_group {
    struct vv_block_pages *pages;
    struct vv_buffer *places;
    struct vv_cold_writer *writer;
    size_t encoded_bytes; /* of the columns that wait */
    size_t column_count;
    size_t value_count;
    struct vv_cold_column columns[VV_COLD_GROUP_COLUMNS_MAX];
    uint32_t offsets[VV_COLD_GROUP_COLUMNS_MAX + 1];
    uint8_t compressed[VV_COLD_GROUP_BOUND];
    double raw[RAW_VALUES];
};

varve_status vv_block_group_create(struct vv_block_pages *pages, struct vv_buffer *places,
                                   struct vv_block_group **group)
{
    struct vv_block_group *made = vv_alloc(sizeof(*made));
    if (made == NULL) {
        return VARVE_NO_MEMORY;
    }
    void *memory = vv_alloc_aligned(VV_COLD_MEMORY_ALIGNMENT, vv_cold_writer_bytes());
    if (memory == NULL) {
        vv_free(made);
        return VARVE_NO_MEMORY;
    }
    made->pages = pages;
    made->places = places;
    made->writer = vv_cold_writer_init(memory);
    made->encoded_bytes = 0;
    made->column_count = 0;
    made->value_count = 0;
    *group = made;
    return VARVE_OK;
}

void vv_block_group_destroy(struct vv_block_group *group)
{
    if (group != NULL) {
        vv_free(group->writer);
        vv_free(group);
    }
}

size_t vv_block_group_waiting(const struct vv_block_group *group)
{
    return group->column_count;
}

/* Tells where the first columns of the group have come to lie. */
static varve_status append_places(struct vv_block_group *group, size_t count, uint32_t page)
{
    for (size_t index = 0; index < count; index++) {
        struct vv_place place = {
            .page = page,
            .offset = group->offsets[index],
            .bytes = group->offsets[index + 1] - group->offsets[index],
        };
        VV_TRY(vv_buffer_append_u64(group->places, vv_place_pack(place)));
    }
    return VARVE_OK;
}

/* Forgets the first columns and moves the rest to the front. */
static void drop_columns(struct vv_block_group *group, size_t count)
{
    size_t values = 0;
    for (size_t index = 0; index < count; index++) {
        values += group->columns[index].count;
    }
    group->column_count -= count;
    group->value_count -= values;
    memmove(group->raw, group->raw + values, group->value_count * sizeof(*group->raw));
    memmove(group->columns, group->columns + count, group->column_count * sizeof(*group->columns));
    for (size_t index = 0; index < group->column_count; index++) {
        group->columns[index].values -= values;
    }
}

static varve_status write_group(struct vv_block_group *group, varve_error *error)
{
    size_t length;
    uint32_t page = vv_block_pages_count(group->pages, VV_SECTION_VALUES);
    size_t taken = vv_cold_group_write(group->writer, group->columns, group->column_count,
                                       group->compressed, &length, group->offsets);
    varve_status status = append_places(group, taken, page);
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to write a block");
    }
    VV_TRY(vv_block_pages_put_group(group->pages, VV_SECTION_VALUES, group->compressed, length,
                                    group->offsets[taken], error));
    drop_columns(group, taken);
    return VARVE_OK;
}

/* Whether one more column can wait, however long it is. */
static bool has_room(const struct vv_block_group *group)
{
    return group->column_count < VV_COLD_GROUP_COLUMNS_MAX &&
           group->value_count <= RAW_VALUES - VV_COLUMN_MAX;
}

varve_status vv_block_group_add(struct vv_block_group *group, const double *values, size_t count,
                                size_t encoded_bytes, varve_error *error)
{
    double *copy = group->raw + group->value_count;
    memcpy(copy, values, count * sizeof(*values));
    group->columns[group->column_count++] =
        (struct vv_cold_column){.values = copy, .count = (uint32_t)count};
    group->value_count += count;
    group->encoded_bytes += encoded_bytes;
    while (group->encoded_bytes >= VV_COLD_GROUP_BYTES || !has_room(group)) {
        /* What did not fit waits for the next group; it is little, so its length need not be
         * known. */
        group->encoded_bytes = 0;
        VV_TRY(write_group(group, error));
    }
    return VARVE_OK;
}

varve_status vv_block_group_flush(struct vv_block_group *group, varve_error *error)
{
    while (group->column_count > 0) {
        VV_TRY(write_group(group, error));
    }
    return VARVE_OK;
}
