/*
 * block_labels.c - label names, labels and label sets of a block, and series keys put together from
 * them.
 *
 *   series -> set -> shape (which names) + row (which value of each)   names, values -> text
 *
 * Threads: any. Strings point into pages and live as long as the block. Format: BLOCK_FORMAT.md.
 */
#include "mmap/block_reader.h"

static varve_status read_name(const struct vv_block *block, uint32_t index,
                              struct vv_block_name *name)
{
    const uint8_t *record;
    uint32_t end = block->label_count;
    VV_TRY(vv_block_record(block, VV_SECTION_NAMES, index, &record));
    VV_TRY(vv_block_text_read(block, vv_load_u64(record + VV_NAME_PLACE),
                              VARVE_LABEL_NAME_BYTES_MAX, &name->text));
    name->first_label = vv_load_u32(record + VV_NAME_FIRST_LABEL);
    if (index + 1 < block->name_count) {
        VV_TRY(vv_block_record(block, VV_SECTION_NAMES, (uint64_t)index + 1, &record));
        end = vv_load_u32(record + VV_NAME_FIRST_LABEL);
    }
    if (end > block->label_count || name->first_label >= end) {
        return VARVE_CORRUPT;
    }
    name->label_count = end - name->first_label;
    return VARVE_OK;
}

static int compare_text(varve_string a, varve_string b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = memcmp(a.bytes, b.bytes, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

varve_status vv_block_names_load(struct vv_block *block)
{
    for (uint32_t index = 0; index < block->name_count; index++) {
        VV_TRY(read_name(block, index, &block->names[index]));
        if (index > 0 &&
            compare_text(block->names[index - 1].text, block->names[index].text) >= 0) {
            return VARVE_CORRUPT;
        }
    }
    return VARVE_OK;
}

varve_status vv_block_name_read(const struct vv_block *block, uint32_t index,
                                struct vv_block_name *name)
{
    if (index >= block->name_count) {
        return VARVE_CORRUPT;
    }
    *name = block->names[index];
    return VARVE_OK;
}

varve_status vv_block_label_read(const struct vv_block *block, uint32_t index,
                                 struct vv_block_label *label)
{
    const uint8_t *record;
    VV_TRY(vv_block_record(block, VV_SECTION_LABELS, index, &record));
    VV_TRY(vv_block_label_text(block, index, &label->text));
    label->first = vv_load_u32(record + VV_LABEL_FIRST);
    label->count = vv_load_u32(record + VV_LABEL_COUNT);
    return VARVE_OK;
}

static varve_status read_u32(const struct vv_block *block, enum vv_block_section section,
                             uint64_t index, uint32_t *value)
{
    const uint8_t *record;
    VV_TRY(vv_block_record(block, section, index, &record));
    *value = vv_load_u32(record);
    return VARVE_OK;
}

/* The last shape whose first set is not beyond set: its sets, its rows, and where its names are. */
static varve_status find_shape(const struct vv_block *block, uint32_t set,
                               struct vv_block_shape *shape, uint32_t *first_name)
{
    uint64_t low = 0;
    uint64_t high = block->sections[VV_SECTION_SHAPES].record_count - 1;
    const uint8_t *record;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        VV_TRY(vv_block_record(block, VV_SECTION_SHAPES, middle, &record));
        if (vv_load_u32(record + VV_SHAPE_FIRST_SET) <= set) {
            low = middle;
        } else {
            high = middle;
        }
    }
    VV_TRY(vv_block_record(block, VV_SECTION_SHAPES, low, &record));
    shape->first_set = vv_load_u32(record + VV_SHAPE_FIRST_SET);
    shape->first_page = vv_load_u32(record + VV_SHAPE_FIRST_PAGE);
    *first_name = vv_load_u32(record + VV_SHAPE_FIRST_NAME);
    VV_TRY(vv_block_record(block, VV_SECTION_SHAPES, low + 1, &record));
    shape->set_end = vv_load_u32(record + VV_SHAPE_FIRST_SET);
    uint32_t name_end = vv_load_u32(record + VV_SHAPE_FIRST_NAME);
    if (set >= block->set_count || shape->first_set > set || set >= shape->set_end ||
        name_end < *first_name || name_end - *first_name > VARVE_LABELS_MAX) {
        return VARVE_CORRUPT;
    }
    shape->name_count = name_end - *first_name;
    return VARVE_OK;
}

/* What the names of a shape say about the fields of its rows. */
static varve_status read_layout(const struct vv_block *block, uint32_t first_name,
                                struct vv_block_shape *shape)
{
    size_t bits = 0;
    shape->metric_at = 0;
    shape->has_metric_name = false;
    for (uint32_t index = 0; index < shape->name_count; index++) {
        struct vv_block_field *field = &shape->fields[index];
        struct vv_block_name name;
        VV_TRY(read_u32(block, VV_SECTION_SHAPE_NAMES, (uint64_t)first_name + index, &field->name));
        VV_TRY(vv_block_name_read(block, field->name, &name));
        if (index > 0 && field->name <= shape->fields[index - 1].name) {
            return VARVE_CORRUPT;
        }
        unsigned width = vv_block_bits(name.label_count);
        field->text = name.text;
        field->byte = (uint32_t)(bits / 8);
        field->bit = (uint32_t)(bits % 8);
        field->first_label = name.first_label;
        field->label_count = name.label_count;
        field->mask = (UINT64_C(1) << width) - 1;
        shape->metric_at += field->name < block->metric_name ? 1 : 0;
        shape->has_metric_name |= field->name == block->metric_name;
        bits += width;
    }
    shape->row_bytes = (bits + 7) / 8;
    return VARVE_OK;
}

/* Makes shape that of a set. */
static varve_status load_shape(const struct vv_block *block, uint32_t set,
                               struct vv_block_shape *shape)
{
    uint32_t first_name;
    if (shape->known && set >= shape->first_set && set < shape->set_end) {
        return VARVE_OK;
    }
    shape->known = false;
    VV_TRY(find_shape(block, set, shape, &first_name));
    VV_TRY(read_layout(block, first_name, shape));
    shape->known = true;
    return VARVE_OK;
}

static varve_status find_row(const struct vv_block *block, const struct vv_block_shape *shape,
                             uint32_t set, const uint8_t **row)
{
    static const uint8_t nothing[VV_DECODE_PADDING] = {0};
    uint32_t number = set - shape->first_set;
    if (shape->row_bytes == 0) {
        *row = nothing; /* every name has one value */
        return VARVE_OK;
    }
    struct vv_place place = {
        .page = shape->first_page + number / VV_BLOCK_PAGE_RECORDS,
        .offset = (uint32_t)(number % VV_BLOCK_PAGE_RECORDS * shape->row_bytes),
        .bytes = (uint32_t)shape->row_bytes,
    };
    return vv_block_place(block, VV_SECTION_ROWS, place, row);
}

/* The value of a name in a row; CORRUPT if the name has no such value. */
static inline varve_status read_field(const struct vv_block_field *field, const uint8_t *row,
                                      uint32_t *label)
{
    /* Up to 39 bits from a byte boundary; rows are followed by readable bytes. */
    uint64_t number = vv_load_u64(row + field->byte) >> field->bit & field->mask;
    *label = field->first_label + (uint32_t)number;
    return number < field->label_count ? VARVE_OK : VARVE_CORRUPT;
}

varve_status vv_block_set_read(const struct vv_block *block, uint32_t set, uint32_t *names,
                               uint32_t *labels, size_t *count)
{
    struct vv_block_shape shape;
    const uint8_t *row;
    shape.known = false;
    VV_TRY(load_shape(block, set, &shape));
    VV_TRY(find_row(block, &shape, set, &row));
    for (uint32_t index = 0; index < shape.name_count; index++) {
        names[index] = shape.fields[index].name;
        VV_TRY(read_field(&shape.fields[index], row, &labels[index]));
    }
    *count = shape.name_count;
    return VARVE_OK;
}

/* The labels of count fields of a row. */
static varve_status read_labels(const struct vv_block *block, const struct vv_block_field *fields,
                                size_t count, const uint8_t *row, varve_label *labels)
{
    for (size_t index = 0; index < count; index++) {
        uint32_t value;
        VV_TRY(read_field(&fields[index], row, &value));
        labels[index].name = fields[index].text;
        VV_TRY(vv_block_label_text(block, value, &labels[index].value));
    }
    return VARVE_OK;
}

varve_status vv_block_series_labels(const struct vv_block *block, uint32_t id,
                                    struct vv_block_shape *shape, varve_label *labels,
                                    size_t *count)
{
    const uint8_t *row;
    struct vv_block_series_record series;
    VV_TRY(vv_block_series_read(block, id, &series));
    VV_TRY(load_shape(block, series.set, shape));
    VV_TRY(find_row(block, shape, series.set, &row));
    uint32_t metric_name = block->metric_name;
    uint32_t at = shape->metric_at;
    bool has_metric = series.metric != VV_BLOCK_NONE;
    *count = shape->name_count + (has_metric ? 1 : 0);
    if (*count == 0 || *count > VARVE_LABELS_MAX ||
        (has_metric && (metric_name == VV_BLOCK_NONE || shape->has_metric_name))) {
        return VARVE_CORRUPT;
    }
    if (!has_metric) {
        return read_labels(block, shape->fields, shape->name_count, row, labels);
    }
    VV_TRY(read_labels(block, shape->fields, at, row, labels));
    labels[at].name = block->names[metric_name].text;
    VV_TRY(vv_block_label_text(block, series.metric, &labels[at].value));
    return read_labels(block, shape->fields + at, shape->name_count - at, row, labels + at + 1);
}

static void write_string(struct vv_writer *writer, varve_string string)
{
    vv_write_varint(writer, string.length);
    vv_write_bytes(writer, string.bytes, string.length);
}

varve_status vv_block_next_key_read(const struct vv_block *block, uint32_t id,
                                    struct vv_block_shape *shape, uint8_t *key, size_t *length)
{
    varve_label labels[VARVE_LABELS_MAX];
    size_t count;
    VV_TRY(vv_block_series_labels(block, id, shape, labels, &count));
    struct vv_writer writer = vv_writer_init(key, VARVE_SERIES_KEY_BYTES_MAX);
    vv_write_varint(&writer, count);
    for (size_t index = 0; index < count; index++) {
        write_string(&writer, labels[index].name);
        write_string(&writer, labels[index].value);
    }
    *length = (size_t)(writer.at - key);
    return writer.failed ? VARVE_CORRUPT : VARVE_OK;
}

varve_status vv_block_key_read(const struct vv_block *block, uint32_t id, uint8_t *key,
                               size_t *length)
{
    struct vv_block_shape shape;
    shape.known = false;
    return vv_block_next_key_read(block, id, &shape, key, length);
}
