/*
 * block_source.c - a block as a label source: names, values, and the series behind them.
 *
 *   posting = label number -> sets that have the label -> series that have the set
 *
 * S1  The series of a metric lie side by side, since series are sorted by metric first: a range.
 * S2  Which series have a set is not stored: it is the series table turned around, made on first
 *     use in one pass (4 bytes a series) and published with a compare-and-swap, release and
 *     acquire.
 * Threads: any. Format: BLOCK_FORMAT.md.
 */
#include "mmap/block_reader.h"
#include "os/alloc.h"

struct vv_block_members {
    uint32_t *starts; /* by set; one more than there are sets */
    uint32_t *ids;    /* series, ascending within a set */
};

void vv_block_members_destroy(struct vv_block_members *members)
{
    if (members != NULL) {
        vv_free(members->starts);
        vv_free(members->ids);
        vv_free(members);
    }
}

/* Sorts the series by set: counts, then places. */
static varve_status fill_members(const struct vv_block *block, struct vv_block_members *members)
{
    uint32_t series_count = (uint32_t)block->info.series_count;
    const uint8_t *record;
    for (uint32_t id = 0; id < series_count; id++) {
        VV_TRY(vv_block_record(block, VV_SECTION_SERIES, id, &record));
        uint32_t set = vv_load_u32(record + VV_SERIES_SET);
        if (set >= block->set_count) {
            return VARVE_CORRUPT;
        }
        members->starts[set + 1]++;
    }
    for (uint32_t set = 0; set < block->set_count; set++) {
        members->starts[set + 1] += members->starts[set];
    }
    for (uint32_t id = series_count; id-- > 0;) {
        VV_TRY(vv_block_record(block, VV_SECTION_SERIES, id, &record));
        members->ids[--members->starts[vv_load_u32(record + VV_SERIES_SET) + 1]] = id;
    }
    /* The loop above left in starts[set + 1] where the set begins. */
    memmove(members->starts, members->starts + 1, block->set_count * sizeof(uint32_t));
    members->starts[block->set_count] = series_count;
    return VARVE_OK;
}

static varve_status make_members(const struct vv_block *block, struct vv_block_members **made)
{
    struct vv_block_members *members = vv_alloc_zeroed(1, sizeof(*members));
    if (members == NULL) {
        return VARVE_NO_MEMORY;
    }
    members->starts = vv_alloc_zeroed((size_t)block->set_count + 1, sizeof(uint32_t));
    members->ids = vv_alloc_zeroed((size_t)block->info.series_count + 1, sizeof(uint32_t));
    varve_status status = members->starts != NULL && members->ids != NULL
                              ? fill_members(block, members)
                              : VARVE_NO_MEMORY;
    if (status != VARVE_OK) {
        vv_block_members_destroy(members);
        return status;
    }
    *made = members;
    return VARVE_OK;
}

static varve_status get_members(const struct vv_block *block,
                                const struct vv_block_members **members)
{
    _Atomic(struct vv_block_members *) *shared = &block->shared->members;
    struct vv_block_members *known = atomic_load_explicit(shared, memory_order_acquire);
    if (known == NULL) {
        struct vv_block_members *made;
        VV_TRY(make_members(block, &made));
        if (atomic_compare_exchange_strong_explicit(shared, &known, made, memory_order_release,
                                                    memory_order_acquire)) {
            known = made;
        } else {
            vv_block_members_destroy(made);
        }
    }
    *members = known;
    return VARVE_OK;
}

static varve_status add_all(const void *ctx, struct vv_id_runs *into)
{
    const struct vv_block *block = ctx;
    return vv_id_runs_add_range(into, 0, (uint32_t)block->info.series_count);
}

static varve_status each_name(const void *ctx, vv_visit_name visit, void *visitor)
{
    const struct vv_block *block = ctx;
    for (uint32_t index = 0; index < block->name_count; index++) {
        struct vv_block_name name;
        VV_TRY(vv_block_name_read(block, index, &name));
        VV_TRY(visit(visitor, name.text));
    }
    return VARVE_OK;
}

static int compare_text(varve_string a, varve_string b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.bytes, b.bytes, shorter) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static varve_status find_name(const struct vv_block *block, varve_string text,
                              struct vv_block_name *name)
{
    uint32_t low = 0;
    uint32_t high = block->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        VV_TRY(vv_block_name_read(block, middle, name));
        int order = compare_text(name->text, text);
        if (order == 0) {
            return VARVE_OK;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return VARVE_NOT_FOUND;
}

static varve_status each_value(const void *ctx, varve_string name, vv_visit_value visit,
                               void *visitor)
{
    const struct vv_block *block = ctx;
    struct vv_block_name found;
    varve_status status = find_name(block, name, &found);
    if (status != VARVE_OK) {
        return status == VARVE_NOT_FOUND ? VARVE_OK : status;
    }
    for (uint32_t index = 0; index < found.label_count; index++) {
        struct vv_block_label label;
        VV_TRY(vv_block_label_read(block, found.first_label + index, &label));
        VV_TRY(visit(visitor, label.text, found.first_label + index));
    }
    return VARVE_OK;
}

static varve_status find_value(const void *ctx, varve_string name, varve_string value,
                               uint64_t *posting)
{
    const struct vv_block *block = ctx;
    struct vv_block_name found;
    VV_TRY(find_name(block, name, &found));
    uint32_t low = found.first_label;
    uint32_t high = found.first_label + found.label_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct vv_block_label label;
        VV_TRY(vv_block_label_read(block, middle, &label));
        int order = compare_text(label.text, value);
        if (order == 0) {
            *posting = middle;
            return VARVE_OK;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return VARVE_NOT_FOUND;
}

/* Whether a label is a metric name. */
static varve_status is_metric(const struct vv_block *block, uint32_t label, bool *metric)
{
    *metric = false;
    if (block->metric_name != VV_BLOCK_NONE) {
        struct vv_block_name name;
        VV_TRY(vv_block_name_read(block, block->metric_name, &name));
        *metric = label >= name.first_label && label - name.first_label < name.label_count;
    }
    return VARVE_OK;
}

static varve_status add_set(const struct vv_block *block, const struct vv_block_members *members,
                            uint32_t set, struct vv_id_runs *into)
{
    if (set >= block->set_count) {
        return VARVE_CORRUPT;
    }
    uint32_t first = members->starts[set];
    return vv_id_runs_add_many(into, members->ids + first, members->starts[set + 1] - first);
}

/* Adds the series of the sets in the postings of a label. Those of a set ascend, those of the next
 * one begin anew. */
static varve_status add_sets(const struct vv_block *block, const struct vv_block_members *members,
                             const struct vv_block_label *label, struct vv_id_runs *into)
{
    for (uint32_t index = 0; index < label->count; index++) {
        const uint8_t *record;
        VV_TRY(
            vv_block_record(block, VV_SECTION_POSTINGS, (uint64_t)label->first + index, &record));
        VV_TRY(add_set(block, members, vv_load_u32(record), into));
    }
    return VARVE_OK;
}

/* Series of a metric, else sets: for comparing, sets stand for the series in them. */
static varve_status posting_size(const void *ctx, uint64_t posting, uint64_t *size)
{
    const struct vv_block *block = ctx;
    struct vv_block_label label;
    bool metric;
    VV_TRY(vv_block_label_read(block, (uint32_t)posting, &label));
    VV_TRY(is_metric(block, (uint32_t)posting, &metric));
    uint64_t sets = block->set_count > 0 ? block->set_count : 1;
    *size = metric ? label.count : label.count * (block->info.series_count / sets + 1);
    return VARVE_OK;
}

static varve_status add_posting(const void *ctx, uint64_t posting, struct vv_id_runs *into)
{
    const struct vv_block *block = ctx;
    const struct vv_block_members *members;
    struct vv_block_label label;
    bool metric;
    VV_ASSERT(posting < block->label_count);
    VV_TRY(vv_block_label_read(block, (uint32_t)posting, &label));
    VV_TRY(is_metric(block, (uint32_t)posting, &metric));
    if (metric) {
        if (label.first > block->info.series_count ||
            label.count > block->info.series_count - label.first) {
            return VARVE_CORRUPT;
        }
        return vv_id_runs_add_range(into, label.first, label.count);
    }
    if (label.count > 1 && label.count == block->set_count) {
        return add_all(ctx, into);
    }
    VV_TRY(get_members(block, &members));
    return label.count == 1 ? add_set(block, members, label.first, into)
                            : add_sets(block, members, &label, into);
}

struct vv_label_source vv_block_labels(const struct vv_block *block)
{
    static const struct vv_label_source_ops ops = {
        .add_all = add_all,
        .each_name = each_name,
        .each_value = each_value,
        .find_value = find_value,
        .posting_size = posting_size,
        .add_posting = add_posting,
    };
    return (struct vv_label_source){.ops = &ops, .ctx = block};
}
