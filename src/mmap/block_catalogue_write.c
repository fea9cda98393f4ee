/*
 * block_catalogue_write.c - the sections about series, from a complete catalogue.
 *
 *   sort names, labels -> number them        text, names, labels
 *   group sets by shape -> number them       shapes, shape names, rows
 *   count and list sets per label            postings
 *   series in key order                      series, buckets, hashes
 *
 * Everything is known by now, so each step is a pass over arrays. A set written before its shape
 * mates would need a directory of its own; grouped by shape, a row is found by arithmetic.
 * Threads: one at a time. Format: BLOCK_FORMAT.md.
 */
#include <stdlib.h>

#include "mmap/block_catalogue.h"
#include "os/alloc.h"

/* What the steps hand to each other. */
struct write_state {
    struct vv_block_catalogue *catalogue;
    struct vv_block_pages *pages;
    struct vv_catalogue_name *names;
    struct vv_catalogue_label *labels;
    struct vv_catalogue_set *sets;
    struct vv_catalogue_series *series;
    uint32_t name_count;
    uint32_t label_count;
    uint32_t set_count;
    uint32_t series_count;
    uint32_t *name_order; /* provisional numbers by rank */
    uint32_t *label_order;
    uint32_t *set_order;
    struct vv_buffer shapes;  /* struct shape */
    struct vv_buffer records; /* of the section under way */
    struct vv_buffer more_records;
    struct vv_block_filler filler;
    struct vv_block_table shape_table;
};

/* Sets with the same label names. */
struct shape {
    uint32_t example; /* a set of this shape, provisional */
    uint32_t set_count;
    uint32_t first_set; /* rank */
};

struct sort_item {
    const uint8_t *bytes;
    uint32_t length;
    uint32_t group;
    uint32_t id;
};

static int compare_items(const void *left, const void *right)
{
    const struct sort_item *a = left;
    const struct sort_item *b = right;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    uint32_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->bytes, b->bytes, shorter);
    if (order != 0) {
        return order;
    }
    return a->length < b->length ? -1 : a->length > b->length;
}

/* Ranks names bytewise, then labels by name and value. items has room for either. */
static void sort_strings(struct write_state *state, struct sort_item *items)
{
    const uint8_t *text = state->catalogue->text.bytes;
    for (uint32_t id = 0; id < state->name_count; id++) {
        items[id] =
            (struct sort_item){text + state->names[id].text, state->names[id].length, 0, id};
    }
    qsort(items, state->name_count, sizeof(*items), compare_items);
    uint32_t first_label = 0;
    for (uint32_t rank = 0; rank < state->name_count; rank++) {
        struct vv_catalogue_name *name = &state->names[items[rank].id];
        state->name_order[rank] = items[rank].id;
        name->rank = rank;
        name->first_label = first_label;
        first_label += name->label_count;
    }
    for (uint32_t id = 0; id < state->label_count; id++) {
        const struct vv_catalogue_label *label = &state->labels[id];
        items[id] = (struct sort_item){text + label->text, label->length,
                                       state->names[label->name].rank, id};
    }
    qsort(items, state->label_count, sizeof(*items), compare_items);
    for (uint32_t rank = 0; rank < state->label_count; rank++) {
        state->label_order[rank] = items[rank].id;
        state->labels[items[rank].id].rank = rank;
    }
}

static varve_status rank_strings(struct write_state *state)
{
    uint32_t most = state->name_count > state->label_count ? state->name_count : state->label_count;
    if (most == 0) {
        return VARVE_OK;
    }
    struct sort_item *items = vv_alloc_zeroed(most, sizeof(*items));
    if (items == NULL) {
        return VARVE_NO_MEMORY;
    }
    sort_strings(state, items);
    vv_free(items);
    return VARVE_OK;
}

static const uint32_t *labels_of_set(const struct write_state *state, uint32_t set)
{
    const uint32_t *all = (const void *)state->catalogue->set_labels.bytes;
    return all == NULL ? NULL : all + state->sets[set].first_label;
}

static bool shape_equal(const void *things, uint32_t id, const void *wanted)
{
    const struct write_state *state = things;
    const struct shape *shapes = (const void *)state->shapes.bytes;
    uint32_t set = *(const uint32_t *)wanted;
    uint32_t count = state->sets[set].label_count;
    if (state->sets[shapes[id].example].label_count != count) {
        return false;
    }
    const uint32_t *a = labels_of_set(state, set);
    const uint32_t *b = labels_of_set(state, shapes[id].example);
    for (uint32_t index = 0; index < count; index++) {
        if (state->labels[a[index]].name != state->labels[b[index]].name) {
            return false;
        }
    }
    return true;
}

/* Finds the shape of every set. */
static varve_status find_shapes(struct write_state *state)
{
    for (uint32_t set = 0; set < state->set_count; set++) {
        const uint32_t *labels = labels_of_set(state, set);
        uint64_t hash = state->sets[set].label_count;
        for (uint32_t index = 0; index < state->sets[set].label_count; index++) {
            hash = (hash ^ state->labels[labels[index]].name) * UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 29;
        }
        uint32_t shape;
        if (!vv_block_table_find(&state->shape_table, hash, shape_equal, state, &set, &shape)) {
            struct shape item = {.example = set};
            shape = (uint32_t)(state->shapes.length / sizeof(item));
            VV_TRY(vv_buffer_append(&state->shapes, &item, sizeof(item)));
            VV_TRY(vv_block_table_add(&state->shape_table, hash, shape));
        }
        state->sets[set].shape = shape;
        ((struct shape *)(void *)state->shapes.bytes)[shape].set_count++;
    }
    return VARVE_OK;
}

/* Ranks sets by shape, and within a shape in the order in which series brought them. */
static void rank_sets(struct write_state *state)
{
    struct shape *shapes = (void *)state->shapes.bytes;
    size_t shape_count = state->shapes.length / sizeof(*shapes);
    uint32_t first = 0;
    for (size_t shape = 0; shape < shape_count; shape++) {
        shapes[shape].first_set = first;
        first += shapes[shape].set_count;
        shapes[shape].set_count = 0;
    }
    for (uint32_t set = 0; set < state->set_count; set++) {
        struct shape *shape = &shapes[state->sets[set].shape];
        uint32_t rank = shape->first_set + shape->set_count++;
        state->sets[set].rank = rank;
        state->set_order[rank] = set;
    }
}

/* Counts the postings of every label. */
static void count_postings(struct write_state *state)
{
    for (uint32_t id = 0; id < state->series_count; id++) {
        uint32_t metric = state->series[id].metric;
        if (metric != VV_BLOCK_NONE) {
            if (state->labels[metric].posting_count == 0) {
                state->labels[metric].posting_first = id;
            }
            state->labels[metric].posting_count++;
        }
    }
    for (uint32_t set = 0; set < state->set_count; set++) {
        const uint32_t *labels = labels_of_set(state, set);
        for (uint32_t index = 0; index < state->sets[set].label_count; index++) {
            state->labels[labels[index]].posting_count++;
        }
    }
}

/* Whether the sets of a label have to be listed: not if it is one, and not if it is all of them. */
static bool is_listed(const struct write_state *state, const struct vv_catalogue_label *label)
{
    return label->name != state->catalogue->metric_name && label->posting_count > 1 &&
           label->posting_count < state->set_count;
}

static varve_status write_postings(struct write_state *state, varve_error *error)
{
    size_t total = 0;
    for (uint32_t rank = 0; rank < state->label_count; rank++) {
        struct vv_catalogue_label *label = &state->labels[state->label_order[rank]];
        if (is_listed(state, label)) {
            label->posting_first = (uint32_t)total;
            total += label->posting_count;
        }
    }
    if (total > UINT32_MAX) {
        return VARVE_LIMIT;
    }
    vv_buffer_clear(&state->records);
    VV_TRY(vv_buffer_reserve(&state->records, total * sizeof(uint32_t)));
    state->records.length = total * sizeof(uint32_t);
    for (uint32_t rank = 0; rank < state->set_count; rank++) {
        uint32_t set = state->set_order[rank];
        const uint32_t *labels = labels_of_set(state, set);
        for (uint32_t index = 0; index < state->sets[set].label_count; index++) {
            struct vv_catalogue_label *label = &state->labels[labels[index]];
            if (is_listed(state, label)) {
                vv_store_u32(state->records.bytes + label->posting_first++ * sizeof(uint32_t),
                             rank);
            } else if (label->posting_count == 1) {
                label->posting_first = rank;
            }
        }
    }
    for (uint32_t id = 0; id < state->label_count; id++) {
        if (is_listed(state, &state->labels[id])) {
            state->labels[id].posting_first -= state->labels[id].posting_count;
        }
    }
    return vv_block_pages_put_records(state->pages, VV_SECTION_POSTINGS, &state->records, error);
}

static varve_status put_text(struct write_state *state, size_t text, uint32_t length,
                             uint64_t *place, varve_error *error)
{
    struct vv_place where;
    VV_TRY(vv_block_filler_put(&state->filler, state->catalogue->text.bytes + text, length, &where,
                               error));
    *place = vv_place_pack(where);
    return VARVE_OK;
}

static varve_status write_names(struct write_state *state, varve_error *error)
{
    vv_buffer_clear(&state->records);
    for (uint32_t rank = 0; rank < state->name_count; rank++) {
        const struct vv_catalogue_name *name = &state->names[state->name_order[rank]];
        uint8_t record[VV_NAME_BYTES];
        uint64_t place;
        VV_TRY(put_text(state, name->text, name->length, &place, error));
        vv_store_u64(record + VV_NAME_PLACE, place);
        vv_store_u32(record + VV_NAME_FIRST_LABEL, name->first_label);
        VV_TRY(vv_buffer_append(&state->records, record, sizeof(record)));
    }
    return vv_block_pages_put_records(state->pages, VV_SECTION_NAMES, &state->records, error);
}

static varve_status write_labels(struct write_state *state, varve_error *error)
{
    vv_buffer_clear(&state->records);
    for (uint32_t rank = 0; rank < state->label_count; rank++) {
        const struct vv_catalogue_label *label = &state->labels[state->label_order[rank]];
        uint8_t record[VV_LABEL_BYTES];
        uint64_t place;
        VV_TRY(put_text(state, label->text, label->length, &place, error));
        vv_store_u64(record + VV_LABEL_PLACE, place);
        vv_store_u32(record + VV_LABEL_FIRST, label->posting_first);
        vv_store_u32(record + VV_LABEL_COUNT, label->posting_count);
        VV_TRY(vv_buffer_append(&state->records, record, sizeof(record)));
    }
    return vv_block_pages_put_records(state->pages, VV_SECTION_LABELS, &state->records, error);
}

/* Appends the row of a set: its value numbers, each as wide as its name needs, from the lowest
 * bit. */
static varve_status append_row(struct write_state *state, uint32_t set)
{
    const uint32_t *labels = labels_of_set(state, set);
    uint8_t row[VARVE_LABELS_MAX * sizeof(uint32_t)] = {0};
    size_t bit = 0;
    for (uint32_t index = 0; index < state->sets[set].label_count; index++) {
        const struct vv_catalogue_label *label = &state->labels[labels[index]];
        const struct vv_catalogue_name *name = &state->names[label->name];
        unsigned width = vv_block_bits(name->label_count);
        uint64_t number = label->rank - name->first_label;
        for (unsigned done = 0; done < width; done++, bit++) {
            row[bit / 8] |= (uint8_t)((number >> done & 1) << (bit % 8));
        }
    }
    return vv_buffer_append(&state->more_records, row, (bit + 7) / 8);
}

/* Writes the rows of one shape: a page for every VV_BLOCK_PAGE_RECORDS of them. */
static varve_status write_rows(struct write_state *state, const struct shape *shape,
                               varve_error *error)
{
    for (uint32_t done = 0; done < shape->set_count; done++) {
        VV_TRY(append_row(state, state->set_order[shape->first_set + done]));
        bool full = (done + 1) % VV_BLOCK_PAGE_RECORDS == 0 || done + 1 == shape->set_count;
        if (full && state->more_records.length > 0) {
            VV_TRY(vv_block_pages_put_bytes(state->pages, VV_SECTION_ROWS,
                                            state->more_records.bytes, state->more_records.length,
                                            error));
            vv_buffer_clear(&state->more_records);
        }
    }
    return VARVE_OK;
}

static varve_status append_shape(struct write_state *state, uint32_t first_set, uint32_t first_name)
{
    uint8_t record[VV_SHAPE_BYTES];
    vv_store_u32(record + VV_SHAPE_FIRST_SET, first_set);
    vv_store_u32(record + VV_SHAPE_FIRST_NAME, first_name);
    vv_store_u32(record + VV_SHAPE_FIRST_PAGE, vv_block_pages_count(state->pages, VV_SECTION_ROWS));
    return vv_buffer_append(&state->records, record, sizeof(record));
}

static varve_status write_shapes(struct write_state *state, varve_error *error)
{
    const struct shape *shapes = (const void *)state->shapes.bytes;
    size_t shape_count = state->shapes.length / sizeof(*shapes);
    struct vv_buffer shape_names = {0};
    varve_status status = VARVE_OK;
    vv_buffer_clear(&state->records);
    for (size_t index = 0; index < shape_count && status == VARVE_OK; index++) {
        const struct shape *shape = &shapes[index];
        const uint32_t *labels = labels_of_set(state, shape->example);
        status = append_shape(state, shape->first_set,
                              (uint32_t)(shape_names.length / sizeof(uint32_t)));
        for (uint32_t at = 0; at < state->sets[shape->example].label_count && status == VARVE_OK;
             at++) {
            const struct vv_catalogue_name *name = &state->names[state->labels[labels[at]].name];
            status = vv_buffer_append_u32(&shape_names, name->rank);
        }
        if (status == VARVE_OK) {
            status = write_rows(state, shape, error);
        }
    }
    if (status == VARVE_OK) {
        status = append_shape(state, state->set_count,
                              (uint32_t)(shape_names.length / sizeof(uint32_t)));
    }
    if (status == VARVE_OK) {
        status =
            vv_block_pages_put_records(state->pages, VV_SECTION_SHAPES, &state->records, error);
    }
    if (status == VARVE_OK) {
        status =
            vv_block_pages_put_records(state->pages, VV_SECTION_SHAPE_NAMES, &shape_names, error);
    }
    vv_buffer_fini(&shape_names);
    return status;
}

static varve_status append_series(struct vv_buffer *records, uint32_t metric, uint32_t set,
                                  uint32_t first_layer, uint32_t first_tombstone)
{
    uint8_t record[VV_SERIES_BYTES];
    vv_store_u32(record + VV_SERIES_METRIC, metric);
    vv_store_u32(record + VV_SERIES_SET, set);
    vv_store_u32(record + VV_SERIES_FIRST_LAYER, first_layer);
    vv_store_u32(record + VV_SERIES_FIRST_TOMBSTONE, first_tombstone);
    return vv_buffer_append(records, record, sizeof(record));
}

static varve_status write_series(struct write_state *state, uint32_t layer_count,
                                 uint32_t tombstone_count, varve_error *error)
{
    vv_buffer_clear(&state->records);
    for (uint32_t id = 0; id < state->series_count; id++) {
        const struct vv_catalogue_series *series = &state->series[id];
        uint32_t metric = series->metric;
        VV_TRY(append_series(
            &state->records, metric == VV_BLOCK_NONE ? VV_BLOCK_NONE : state->labels[metric].rank,
            state->sets[series->set].rank, series->first_layer, series->first_tombstone));
    }
    VV_TRY(append_series(&state->records, VV_BLOCK_NONE, 0, layer_count, tombstone_count));
    return vv_block_pages_put_records(state->pages, VV_SECTION_SERIES, &state->records, error);
}

/* Hash index: buckets by the highest bits of the hash; an entry is fingerprint and series id. */
static varve_status write_hashes(struct write_state *state, varve_error *error)
{
    uint32_t count = state->series_count;
    unsigned bucket_bits =
        vv_block_bits((count + VV_BLOCK_BUCKET_SERIES - 1) / VV_BLOCK_BUCKET_SERIES);
    size_t bucket_count = (size_t)1 << bucket_bits;
    unsigned id_bits = vv_block_bits(count);
    uint32_t fingerprint_mask = vv_block_fingerprint_mask(count);
    struct vv_buffer *buckets = &state->more_records;
    vv_buffer_clear(&state->records);
    vv_buffer_clear(buckets);
    VV_TRY(vv_buffer_reserve(buckets, (bucket_count + 1) * sizeof(uint32_t)));
    VV_TRY(vv_buffer_reserve(&state->records, (size_t)count * sizeof(uint32_t)));
    uint32_t *starts = vv_alloc_zeroed(bucket_count + 1, sizeof(*starts));
    if (starts == NULL) {
        return VARVE_NO_MEMORY;
    }
    for (uint32_t id = 0; id < count; id++) {
        starts[vv_block_bucket(state->series[id].hash, bucket_bits) + 1]++;
    }
    for (size_t bucket = 0; bucket <= bucket_count; bucket++) {
        starts[bucket] += bucket > 0 ? starts[bucket - 1] : 0;
        vv_store_u32(buckets->bytes + bucket * sizeof(uint32_t), starts[bucket]);
    }
    buckets->length = (bucket_count + 1) * sizeof(uint32_t);
    for (uint32_t id = 0; id < count; id++) {
        uint64_t hash = state->series[id].hash;
        uint32_t at = starts[vv_block_bucket(hash, bucket_bits)]++;
        uint64_t entry = (uint64_t)((uint32_t)hash & fingerprint_mask) << id_bits | id;
        vv_store_u32(state->records.bytes + (size_t)at * sizeof(uint32_t), (uint32_t)entry);
    }
    state->records.length = (size_t)count * sizeof(uint32_t);
    vv_free(starts);
    VV_TRY(vv_block_pages_put_records(state->pages, VV_SECTION_BUCKETS, buckets, error));
    return vv_block_pages_put_records(state->pages, VV_SECTION_HASHES, &state->records, error);
}

static varve_status write_sections(struct write_state *state, uint32_t layer_count,
                                   uint32_t tombstone_count, varve_error *error)
{
    VV_TRY(rank_strings(state));
    VV_TRY(find_shapes(state));
    rank_sets(state);
    count_postings(state);
    VV_TRY(write_postings(state, error));
    VV_TRY(write_names(state, error));
    VV_TRY(write_labels(state, error));
    VV_TRY(vv_block_filler_flush(&state->filler, error));
    VV_TRY(write_shapes(state, error));
    VV_TRY(write_series(state, layer_count, tombstone_count, error));
    return write_hashes(state, error);
}

static varve_status allocate_orders(struct write_state *state)
{
    state->name_order = vv_alloc_zeroed(state->name_count + (size_t)1, sizeof(uint32_t));
    state->label_order = vv_alloc_zeroed(state->label_count + (size_t)1, sizeof(uint32_t));
    state->set_order = vv_alloc_zeroed(state->set_count + (size_t)1, sizeof(uint32_t));
    bool all = state->name_order != NULL && state->label_order != NULL && state->set_order != NULL;
    return all ? VARVE_OK : VARVE_NO_MEMORY;
}

varve_status vv_block_catalogue_write(struct vv_block_catalogue *catalogue,
                                      struct vv_block_pages *pages, uint32_t layer_count,
                                      uint32_t tombstone_count, uint32_t *set_count,
                                      varve_error *error)
{
    struct write_state state = {
        .catalogue = catalogue,
        .pages = pages,
        .names = (void *)catalogue->names.bytes,
        .labels = (void *)catalogue->labels.bytes,
        .sets = (void *)catalogue->sets.bytes,
        .series = (void *)catalogue->series.bytes,
        .name_count = (uint32_t)(catalogue->names.length / sizeof(struct vv_catalogue_name)),
        .label_count = (uint32_t)(catalogue->labels.length / sizeof(struct vv_catalogue_label)),
        .set_count = (uint32_t)(catalogue->sets.length / sizeof(struct vv_catalogue_set)),
        .series_count = vv_catalogue_series_count(catalogue),
        .filler = {.pages = pages,
                   .section = VV_SECTION_TEXT,
                   .page_bytes = VV_BLOCK_TEXT_PAGE_BYTES},
    };
    varve_status status = allocate_orders(&state);
    if (status == VARVE_OK) {
        status = write_sections(&state, layer_count, tombstone_count, error);
    }
    *set_count = state.set_count;
    vv_free(state.name_order);
    vv_free(state.label_order);
    vv_free(state.set_order);
    vv_buffer_fini(&state.shapes);
    vv_buffer_fini(&state.records);
    vv_buffer_fini(&state.more_records);
    vv_block_filler_fini(&state.filler);
    vv_block_table_fini(&state.shape_table);
    return status == VARVE_OK ? VARVE_OK
                              : vv_fail(error, status, "the series of a block cannot be written");
}
