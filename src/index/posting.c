/*
 * posting.c - the ids of one label value, in the form that costs least for their number.
 *
 *   count  0 empty | 1 the id itself | 2..32 -> array of 2, 4, 8, 16 or 32 ids | 33 -> id set
 *
 * P1  The form follows from the count, but a set stays a set when an add is taken back.
 * P2  An array has room for the next power of two of its count, so that it needs no capacity field;
 *     when an add that doubled it is taken back, the next add doubles it once more to the same
 *     size.
 * Threads: as the label index that owns it.
 */
#include "index/posting.h"

#include "os/alloc.h"

enum { IN_SET = VV_POSTING_ARRAY_MAX + 1 };

void vv_posting_fini(struct vv_posting *posting)
{
    if (posting->count == IN_SET) {
        vv_id_set_destroy(posting->ids.many);
    } else if (posting->count >= 2) {
        vv_free(posting->ids.array);
    }
    *posting = (struct vv_posting){0};
}

static varve_status one_to_array(struct vv_posting *posting, uint32_t id)
{
    uint32_t *array = vv_alloc(2 * sizeof(array[0]));
    if (array == NULL) {
        return VARVE_NO_MEMORY;
    }
    array[0] = posting->ids.one;
    array[1] = id;
    posting->ids.array = array;
    posting->count = 2;
    return VARVE_OK;
}

static varve_status array_to_set(struct vv_posting *posting, uint32_t id)
{
    struct vv_id_set *set = vv_id_set_create();
    if (set == NULL) {
        return VARVE_NO_MEMORY;
    }
    varve_status status = vv_id_set_add_many(set, posting->ids.array, posting->count);
    if (status == VARVE_OK) {
        status = vv_id_set_add(set, id);
    }
    if (status != VARVE_OK) {
        vv_id_set_destroy(set);
        return status;
    }
    vv_free(posting->ids.array);
    posting->ids.many = set;
    posting->count = IN_SET;
    return VARVE_OK;
}

static varve_status array_add(struct vv_posting *posting, uint32_t id)
{
    size_t count = posting->count;
    if ((count & (count - 1)) == 0) {
        uint32_t *array = vv_realloc(posting->ids.array, 2 * count * sizeof(array[0]));
        if (array == NULL) {
            return VARVE_NO_MEMORY;
        }
        posting->ids.array = array;
    }
    posting->ids.array[count] = id;
    posting->count++;
    return VARVE_OK;
}

varve_status vv_posting_add(struct vv_posting *posting, uint32_t id)
{
    switch (posting->count) {
    case 0:
        posting->ids.one = id;
        posting->count = 1;
        return VARVE_OK;
    case 1:
        return one_to_array(posting, id);
    case VV_POSTING_ARRAY_MAX:
        return array_to_set(posting, id);
    case IN_SET:
        return vv_id_set_add(posting->ids.many, id);
    default:
        return array_add(posting, id);
    }
}

void vv_posting_undo_add(struct vv_posting *posting, uint32_t id)
{
    if (posting->count == IN_SET) {
        vv_id_set_remove(posting->ids.many, id);
    } else if (posting->count == 2) {
        uint32_t kept = posting->ids.array[0];
        vv_free(posting->ids.array);
        posting->ids.one = kept;
        posting->count = 1;
    } else if (posting->count > 0) {
        posting->count--;
    }
}

uint64_t vv_posting_count(const struct vv_posting *posting)
{
    return posting->count == IN_SET ? vv_id_set_count(posting->ids.many) : posting->count;
}

bool vv_posting_is_empty(const struct vv_posting *posting)
{
    return posting->count == 0;
}

varve_status vv_posting_add_to(const struct vv_posting *posting, struct vv_id_runs *into)
{
    switch (posting->count) {
    case 0:
        return VARVE_OK;
    case 1:
        return vv_id_runs_add(into, posting->ids.one);
    case IN_SET:
        return vv_id_set_add_to(posting->ids.many, into);
    default:
        return vv_id_runs_add_many(into, posting->ids.array, posting->count);
    }
}

uint64_t vv_posting_bytes(const struct vv_posting *posting)
{
    if (posting->count == IN_SET) {
        return vv_id_set_bytes(posting->ids.many);
    }
    uint64_t capacity = 2;
    while (capacity < posting->count) {
        capacity *= 2;
    }
    return posting->count >= 2 ? capacity * sizeof(uint32_t) : 0;
}
