/*
 * merge_carry.c - pages that go as they are, and those that are worth packing anew.
 *
 *   of one series, time -->  [  cold  ][  cold  ][hot][hot][hot]      [  cold  ]
 *                             goes as it is       packed                 [hot]    meets it: packed
 *
 * Y1  A page goes if each of its series does: all samples that its block has of it lie within the
 *     slice, have not expired, no other input has samples in their time, and nothing deletes from
 *     it.
 * Y2  Packing takes most of the time of a merge. Data that comes in order is packed when its blocks
 *     are first merged, and again each time that its series have become RUN_SHARE times as long:
 *     about twice in all, however much there is.
 * Thread: under maintenance_mutex.
 */
#include "storage/upkeep/merge_carry.h"

#include "os/alloc.h"

enum {
    RUN_SHARE = 8,      /* so many pages, about, one series may be spread over */
    BREATH_SERIES = 64, /* between breaths */
};

struct search {
    const struct vv_carry_question *question;
    struct vv_block_carry **by_input; /* NULL: the input is hot */
    uint64_t series_done;
};

/* Whether a newer block deletes from the series. */
static varve_status find_deletion(const struct vv_carry_question *question, struct vv_key key,
                                  bool *found)
{
    *found = false;
    for (size_t i = 0; i < question->deleter_count && !*found; i++) {
        uint32_t id;
        unsigned layer_count;
        size_t tombstone_count;
        varve_status status = vv_block_find(question->deleters[i], key, vv_key_hash(key), &id);
        if (status == VARVE_NOT_FOUND) {
            continue;
        }
        VV_TRY(status);
        VV_TRY(vv_block_series_parts(question->deleters[i], id, &layer_count, &tombstone_count));
        *found = tombstone_count > 0;
    }
    return VARVE_OK;
}

/* Whether what input index has of the series comes through the merge as it is (Y1). range: the
 * slice, without what has expired. */
static bool is_untouched(const struct vv_carry_question *question, size_t index, struct vv_key key,
                         struct vv_range range)
{
    const struct vv_block_series *own = &question->inputs[index].series;
    if (own->layer_count != 1 || own->time_min < range.start || own->time_max >= range.end) {
        return false;
    }
    for (size_t i = 0; i < question->input_count; i++) {
        const struct vv_merge_input *input = &question->inputs[i];
        const struct vv_block_series *other = &input->series;
        if (i == index || !vv_merge_input_has(input, key)) {
            continue;
        }
        bool meets = other->layer_count > 0 && other->time_min <= own->time_max &&
                     own->time_min <= other->time_max;
        if (meets || (i > index && other->tombstone_count > 0)) {
            return false;
        }
    }
    return true;
}

static varve_status look_at_series(struct search *search, struct vv_key key)
{
    const struct vv_carry_question *question = search->question;
    struct vv_range range = question->slice;
    bool is_deleted;
    VV_TRY(vv_shard_clip(question->view, key, &range));
    VV_TRY(find_deletion(question, key, &is_deleted));
    for (size_t i = 0; i < question->input_count; i++) {
        const struct vv_merge_input *input = &question->inputs[i];
        if (search->by_input[i] == NULL || !vv_merge_input_has(input, key)) {
            continue;
        }
        bool goes = !is_deleted && is_untouched(question, i, key, range);
        VV_TRY(vv_block_carry_add_series(search->by_input[i], input->next_id, goes));
    }
    return VARVE_OK;
}

static varve_status visit_series(void *context, struct vv_key key, varve_error *error)
{
    struct search *search = context;
    const struct vv_carry_question *question = search->question;
    if (search->series_done++ % BREATH_SERIES == 0) {
        VV_TRY(question->breathe(question->context, error));
    }
    varve_status status = look_at_series(search, key);
    return status == VARVE_OK
               ? VARVE_OK
               : vv_fail(error, status, "cannot read the chunk directory of a block");
}

/* How many chunks of a series a page must have to be kept (Y2). */
static uint64_t run_chunks_min(const struct vv_carry_question *question)
{
    uint64_t samples = 0, series = 1;
    for (size_t i = 0; i < question->input_count; i++) {
        const struct vv_block_info *info = vv_block_info(question->inputs[i].block);
        samples += info->sample_count;
        series = info->series_count > series ? info->series_count : series;
    }
    return samples / series / question->slice_count / VV_COLUMN_MAX / RUN_SHARE;
}

/* A carry for every cold input; *any says whether there is one. */
static varve_status create_carries(struct search *search, bool *any)
{
    const struct vv_carry_question *question = search->question;
    *any = false;
    for (size_t i = 0; i < question->input_count; i++) {
        struct vv_block *block = question->inputs[i].block;
        if (vv_block_info(block)->identity.cold && vv_block_info(block)->chunk_count > 0) {
            VV_TRY(vv_block_carry_create(block, &search->by_input[i]));
            *any = true;
        }
    }
    return VARVE_OK;
}

varve_status vv_merge_find_carries(const struct vv_carry_question *question,
                                   struct vv_block_carry **carries, size_t *count,
                                   varve_error *error)
{
    bool any = false;
    struct search search = {
        .question = question,
        .by_input = vv_alloc_zeroed(question->input_count, sizeof(*search.by_input)),
    };
    *count = 0;
    varve_status status = search.by_input == NULL ? VARVE_NO_MEMORY : create_carries(&search, &any);
    if (status != VARVE_OK) {
        status = vv_fail(error, status, "no memory to merge blocks");
    } else if (any) {
        status =
            vv_merge_walk(question->inputs, question->input_count, visit_series, &search, error);
    }
    for (size_t i = 0; search.by_input != NULL && i < question->input_count; i++) {
        struct vv_block_carry *carry = search.by_input[i];
        if (carry != NULL && status == VARVE_OK &&
            vv_block_carry_choose(carry, run_chunks_min(question))) {
            carries[(*count)++] = carry;
        } else {
            vv_block_carry_destroy(carry);
        }
    }
    vv_free(search.by_input);
    return status;
}
