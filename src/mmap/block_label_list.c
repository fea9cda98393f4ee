/*
 * block_label_list.c - which label names, and which values of one label, some series of a block
 * have.
 *
 *   ids -> sets, each once -> names, or the value of the label -> marked -> visited in order
 *
 * Threads: any. Format: BLOCK_FORMAT.md.
 */
#include "mmap/block_reader.h"
#include "os/alloc.h"

/* One bit for each set that was met, one byte for each name or value. */
struct marks {
    uint64_t *sets;
    uint8_t *found;
    uint32_t first; /* number of what found[0] stands for */
    uint32_t count;
    uint32_t name; /* of the label whose values are wanted; VV_BLOCK_NONE: names are */
};

static varve_status mark(struct marks *marks, uint32_t number)
{
    if (number < marks->first || number - marks->first >= marks->count) {
        return VARVE_CORRUPT;
    }
    marks->found[number - marks->first] = 1;
    return VARVE_OK;
}

static varve_status mark_set(const struct vv_block *block, uint32_t set, struct marks *marks)
{
    uint32_t names[VARVE_LABELS_MAX];
    uint32_t values[VARVE_LABELS_MAX];
    size_t count;
    if ((marks->sets[set / 64] >> (set % 64) & 1) != 0) {
        return VARVE_OK;
    }
    marks->sets[set / 64] |= UINT64_C(1) << (set % 64);
    VV_TRY(vv_block_set_read(block, set, names, values, &count));
    for (size_t index = 0; index < count; index++) {
        if (marks->name == VV_BLOCK_NONE) {
            VV_TRY(mark(marks, names[index]));
        } else if (names[index] == marks->name) {
            VV_TRY(mark(marks, values[index]));
        }
    }
    return VARVE_OK;
}

static varve_status mark_series(const struct vv_block *block, uint32_t id, struct marks *marks)
{
    struct vv_block_series_record series;
    VV_TRY(vv_block_series_read(block, id, &series));
    if (series.metric != VV_BLOCK_NONE) {
        if (marks->name == VV_BLOCK_NONE) {
            VV_TRY(mark(marks, block->metric_name));
        } else if (marks->name == block->metric_name) {
            return mark(marks, series.metric); /* no set has a metric name */
        }
    }
    return mark_set(block, series.set, marks);
}

static varve_status visit_marked(const struct vv_block *block, const struct marks *marks,
                                 vv_visit_name visit, void *visitor)
{
    for (uint32_t index = 0; index < marks->count; index++) {
        varve_string text;
        if (marks->found[index] == 0) {
            continue;
        }
        if (marks->name == VV_BLOCK_NONE) {
            text = block->names[index].text;
        } else {
            VV_TRY(vv_block_label_text(block, marks->first + index, &text));
        }
        VV_TRY(visit(visitor, text));
    }
    return VARVE_OK;
}

/* What is to be marked for the values of a label, or the names (NULL); false: no series has the
 * label. */
static bool marks_init(const struct vv_block *block, const varve_string *name, struct marks *marks)
{
    if (name == NULL) {
        *marks = (struct marks){.count = block->name_count, .name = VV_BLOCK_NONE};
        return true;
    }
    for (uint32_t index = 0; index < block->name_count; index++) {
        const struct vv_block_name *own = &block->names[index];
        if (own->text.length == name->length &&
            memcmp(own->text.bytes, name->bytes, name->length) == 0) {
            *marks =
                (struct marks){.first = own->first_label, .count = own->label_count, .name = index};
            return true;
        }
    }
    return false;
}

varve_status vv_block_list_labels(const struct vv_block *block, const uint32_t *ids, size_t count,
                                  const varve_string *name, vv_visit_name visit, void *visitor)
{
    struct marks marks;
    if (!marks_init(block, name, &marks)) {
        return VARVE_OK;
    }
    marks.sets = vv_alloc_zeroed((size_t)block->set_count / 64 + 1, sizeof(*marks.sets));
    marks.found = vv_alloc_zeroed((size_t)marks.count + 1, sizeof(*marks.found));
    varve_status status = marks.sets == NULL || marks.found == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    for (size_t at = 0; at < count && status == VARVE_OK; at++) {
        status = mark_series(block, ids[at], &marks);
    }
    if (status == VARVE_OK) {
        status = visit_marked(block, &marks, visit, visitor);
    }
    vv_free(marks.sets);
    vv_free(marks.found);
    return status;
}
