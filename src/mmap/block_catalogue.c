/*
 * block_catalogue.c - series keys taken apart into names, labels and sets, each kept once.
 *
 *   key  __name__=cpu arch=x64 host=a   ->  metric label, set {arch=x64, host=a}
 *
 *   names  | text, length |        labels  | name, text, length |      sets  | first, count |
 *   text   __name__cpuarchx64hosta...                        set_labels  | label | label | ...
 *
 * G1  Numbers are provisional, in the order of first appearance; block_catalogue_write.c sorts.
 * G2  A label set is looked up by its bytes in the key, as a whole: many series share one, and only
 *     the labels of a new one are looked up one by one.
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

/* The labels of a series, where they stand in its key. */
struct wanted_set {
    varve_label labels[VARVE_LABELS_MAX];
    size_t count;
    size_t before;   /* so many come before the metric, or where it would stand */
    bool has_metric; /* which is none of the set */
};

static bool is_metric(const struct wanted_set *set, size_t index)
{
    return set->has_metric && index == set->before;
}

static bool set_equal(const void *things, uint32_t id, const void *wanted)
{
    const struct vv_block_catalogue *catalogue = things;
    const struct vv_catalogue_name *names = (const void *)catalogue->names.bytes;
    const struct vv_catalogue_label *labels = (const void *)catalogue->labels.bytes;
    const struct vv_catalogue_set *known =
        (const struct vv_catalogue_set *)(const void *)catalogue->sets.bytes + id;
    const uint32_t *next = (const uint32_t *)(const void *)catalogue->set_labels.bytes;
    const struct wanted_set *set = wanted;
    if (known->label_count != set->count - set->has_metric) {
        return false;
    }
    for (size_t index = 0, at = known->first_label; index < set->count; index++) {
        if (!is_metric(set, index)) {
            const struct vv_catalogue_label *label = &labels[next[at++]];
            const struct vv_catalogue_name *name = &names[label->name];
            if (!text_equal(catalogue, label->text, label->length, set->labels[index].value) ||
                !text_equal(catalogue, name->text, name->length, set->labels[index].name)) {
                return false;
            }
        }
    }
    return true;
}

/* Of the bytes of the set: all of the key but its metric. */
static uint64_t hash_set(struct vv_key key, const struct wanted_set *set)
{
    const char *begin = (const char *)key.bytes + 1, *end = (const char *)key.bytes + key.length;
    const char *before_end = begin;
    if (set->before > 0) {
        varve_string last = set->labels[set->before - 1].value;
        before_end = last.bytes + last.length;
    }
    const char *after = before_end;
    if (set->has_metric) {
        varve_string metric = set->labels[set->before].value;
        after = metric.bytes + metric.length;
    }
    return vv_checksum(after, (size_t)(end - after), vv_hash(begin, (size_t)(before_end - begin)));
}

static varve_status find_set(struct vv_block_catalogue *catalogue, struct vv_key key,
                             const struct wanted_set *wanted, uint32_t *id)
{
    uint64_t hash = hash_set(key, wanted);
    if (vv_block_table_find(&catalogue->set_table, hash, set_equal, catalogue, wanted, id)) {
        return VARVE_OK;
    }
    size_t first = catalogue->set_labels.length / sizeof(uint32_t);
    if (first > UINT32_MAX - VARVE_LABELS_MAX) {
        return VARVE_LIMIT;
    }
    struct vv_catalogue_set item = {.first_label = (uint32_t)first};
    for (size_t index = 0; index < wanted->count; index++) {
        if (!is_metric(wanted, index)) {
            uint32_t label;
            VV_TRY(find_label(catalogue, &wanted->labels[index], &label));
            VV_TRY(vv_buffer_append(&catalogue->set_labels, &label, sizeof(label)));
            item.label_count++;
        }
    }
    VV_TRY(add_item(&catalogue->sets, &item, sizeof(item), id));
    return vv_block_table_add(&catalogue->set_table, hash, *id);
}

/* Labels are sorted by name. */
static void find_metric(struct wanted_set *set)
{
    int order = -1;
    set->before = 0;
    while (set->before < set->count) {
        varve_string name = set->labels[set->before].name;
        size_t shorter = name.length < metric_label.length ? name.length : metric_label.length;
        order = memcmp(name.bytes, metric_label.bytes, shorter);
        order = order != 0 ? order : (name.length > shorter) - (metric_label.length > shorter);
        if (order >= 0) {
            break;
        }
        set->before++;
    }
    set->has_metric = set->before < set->count && order == 0;
}

varve_status vv_block_catalogue_add(struct vv_block_catalogue *catalogue, struct vv_key key,
                                    uint32_t first_layer, uint32_t first_tombstone)
{
    struct wanted_set set;
    set.count = vv_key_labels(key, set.labels);
    find_metric(&set);
    struct vv_catalogue_series series = {
        .hash = vv_key_hash(key),
        .metric = VV_BLOCK_NONE,
        .first_layer = first_layer,
        .first_tombstone = first_tombstone,
    };
    if (set.has_metric) {
        VV_TRY(find_label(catalogue, &set.labels[set.before], &series.metric));
    }
    VV_TRY(find_set(catalogue, key, &set, &series.set));
    uint32_t id;
    return add_item(&catalogue->series, &series, sizeof(series), &id);
}
