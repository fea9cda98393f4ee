/*
 * block_catalogue.c - series keys taken apart into names, labels and sets, each kept once.
 *
 *   key  __name__=cpu arch=x64 host=a   ->  metric label, set {arch=x64, host=a}
 *
 *   names  | text, length |        labels  | name, text, length |      sets  | first, count |
 *   text   __name__cpuarchx64hosta...                        set_labels  | label | label | ...
 *
 * G1  Numbers are provisional, in the order of first appearance; block_catalogue_write.c sorts.
 * G2  A label set is looked up by the numbers of its labels, so that its bytes are hashed once per
 *     label.
 * Threads: one at a time.
 */
#include "mmap/block_catalogue.h"

#include "base/checksum.h"

static const varve_string metric_label = {"__name__", 8};

void vv_block_catalogue_init(struct vv_block_catalogue *catalogue)
{
    *catalogue = (struct vv_block_catalogue){.metric_name = VV_BLOCK_NONE};
}

void vv_block_catalogue_fini(struct vv_block_catalogue *catalogue)
{
    vv_buffer_fini(&catalogue->text);
    vv_buffer_fini(&catalogue->names);
    vv_buffer_fini(&catalogue->labels);
    vv_buffer_fini(&catalogue->sets);
    vv_buffer_fini(&catalogue->set_labels);
    vv_buffer_fini(&catalogue->series);
    vv_block_table_fini(&catalogue->name_table);
    vv_block_table_fini(&catalogue->label_table);
    vv_block_table_fini(&catalogue->set_table);
}

/* Appends an item to an array; id is its number. */
static varve_status add_item(struct vv_buffer *array, const void *item, size_t item_bytes,
                             uint32_t *id)
{
    size_t count = array->length / item_bytes;
    if (count >= VV_BLOCK_NONE - 1) {
        return VARVE_LIMIT;
    }
    VV_TRY(vv_buffer_append(array, item, item_bytes));
    *id = (uint32_t)count;
    return VARVE_OK;
}

static bool text_equal(const struct vv_block_catalogue *catalogue, size_t text, uint32_t length,
                       varve_string wanted)
{
    return length == wanted.length &&
           memcmp(catalogue->text.bytes + text, wanted.bytes, length) == 0;
}

static bool name_equal(const void *things, uint32_t id, const void *wanted)
{
    const struct vv_block_catalogue *catalogue = things;
    const struct vv_catalogue_name *names = (const void *)catalogue->names.bytes;
    const varve_string *name = wanted;
    return text_equal(catalogue, names[id].text, names[id].length, *name);
}

static varve_status find_name(struct vv_block_catalogue *catalogue, varve_string name, uint32_t *id)
{
    uint64_t hash = vv_hash(name.bytes, name.length);
    if (vv_block_table_find(&catalogue->name_table, hash, name_equal, catalogue, &name, id)) {
        return VARVE_OK;
    }
    struct vv_catalogue_name item = {.text = catalogue->text.length,
                                     .length = (uint32_t)name.length};
    VV_TRY(vv_buffer_append(&catalogue->text, name.bytes, name.length));
    VV_TRY(add_item(&catalogue->names, &item, sizeof(item), id));
    if (name.length == metric_label.length &&
        memcmp(name.bytes, metric_label.bytes, name.length) == 0) {
        catalogue->metric_name = *id;
    }
    return vv_block_table_add(&catalogue->name_table, hash, *id);
}

struct wanted_label {
    uint32_t name;
    varve_string value;
};

static bool label_equal(const void *things, uint32_t id, const void *wanted)
{
    const struct vv_block_catalogue *catalogue = things;
    const struct vv_catalogue_label *labels = (const void *)catalogue->labels.bytes;
    const struct wanted_label *label = wanted;
    return labels[id].name == label->name &&
           text_equal(catalogue, labels[id].text, labels[id].length, label->value);
}

static varve_status find_label(struct vv_block_catalogue *catalogue, const varve_label *label,
                               uint32_t *id)
{
    struct wanted_label wanted = {.value = label->value};
    VV_TRY(find_name(catalogue, label->name, &wanted.name));
    uint64_t hash = vv_checksum(label->value.bytes, label->value.length, wanted.name + 1);
    if (vv_block_table_find(&catalogue->label_table, hash, label_equal, catalogue, &wanted, id)) {
        return VARVE_OK;
    }
    struct vv_catalogue_label item = {.text = catalogue->text.length,
                                      .length = (uint32_t)label->value.length,
                                      .name = wanted.name};
    VV_TRY(vv_buffer_append(&catalogue->text, label->value.bytes, label->value.length));
    VV_TRY(add_item(&catalogue->labels, &item, sizeof(item), id));
    struct vv_catalogue_name *names = (void *)catalogue->names.bytes;
    names[wanted.name].label_count++;
    return vv_block_table_add(&catalogue->label_table, hash, *id);
}

struct wanted_set {
    const uint32_t *labels;
    uint32_t count;
};

static bool set_equal(const void *things, uint32_t id, const void *wanted)
{
    const struct vv_block_catalogue *catalogue = things;
    const struct vv_catalogue_set *sets = (const void *)catalogue->sets.bytes;
    const uint32_t *set_labels = (const void *)catalogue->set_labels.bytes;
    const struct wanted_set *set = wanted;
    return sets[id].label_count == set->count &&
           (set->count == 0 || memcmp(set_labels + sets[id].first_label, set->labels,
                                      set->count * sizeof(uint32_t)) == 0);
}

static varve_status find_set(struct vv_block_catalogue *catalogue, const struct wanted_set *wanted,
                             uint32_t *id)
{
    uint64_t hash = vv_hash(wanted->labels, wanted->count * sizeof(uint32_t));
    if (vv_block_table_find(&catalogue->set_table, hash, set_equal, catalogue, wanted, id)) {
        return VARVE_OK;
    }
    size_t first = catalogue->set_labels.length / sizeof(uint32_t);
    if (first > UINT32_MAX - VARVE_LABELS_MAX) {
        return VARVE_LIMIT;
    }
    struct vv_catalogue_set item = {.first_label = (uint32_t)first, .label_count = wanted->count};
    VV_TRY(
        vv_buffer_append(&catalogue->set_labels, wanted->labels, wanted->count * sizeof(uint32_t)));
    VV_TRY(add_item(&catalogue->sets, &item, sizeof(item), id));
    return vv_block_table_add(&catalogue->set_table, hash, *id);
}

varve_status vv_block_catalogue_add(struct vv_block_catalogue *catalogue, struct vv_key key,
                                    uint32_t first_layer, uint32_t first_tombstone)
{
    varve_label labels[VARVE_LABELS_MAX];
    uint32_t set_labels[VARVE_LABELS_MAX];
    size_t count = vv_key_labels(key, labels);
    struct vv_catalogue_series series = {
        .hash = vv_key_hash(key),
        .metric = VV_BLOCK_NONE,
        .first_layer = first_layer,
        .first_tombstone = first_tombstone,
    };
    struct wanted_set set = {.labels = set_labels};
    for (size_t index = 0; index < count; index++) {
        uint32_t id;
        VV_TRY(find_label(catalogue, &labels[index], &id));
        const struct vv_catalogue_label *known = (const void *)catalogue->labels.bytes;
        if (known[id].name == catalogue->metric_name) {
            series.metric = id;
        } else {
            set_labels[set.count++] = id;
        }
    }
    VV_TRY(find_set(catalogue, &set, &series.set));
    uint32_t id;
    return add_item(&catalogue->series, &series, sizeof(series), &id);
}
