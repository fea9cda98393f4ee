/*
 * id_set.c - sets of series ids over CRoaring.
 *
 * CRoaring calls the heap by itself and does not report every failure; memory that runs out inside
 * one of its calls may stop the process. Only what it reports becomes NO_MEMORY.
 * Threads: one at a time; reading calls on a set that nobody changes may run together.
 */
#include "index/id_set.h"

#include <roaring/roaring.h>

#include "os/alloc.h"

struct vv_id_set {
    roaring_bitmap_t *bitmap;
};

struct vv_id_set *vv_id_set_create(void)
{
    struct vv_id_set *set = vv_alloc(sizeof(*set));
    if (set == NULL) {
        return NULL;
    }
    set->bitmap = roaring_bitmap_create();
    if (set->bitmap == NULL) {
        vv_free(set);
        return NULL;
    }
    return set;
}

void vv_id_set_destroy(struct vv_id_set *set)
{
    if (set != NULL) {
        roaring_bitmap_free(set->bitmap);
        vv_free(set);
    }
}

varve_status vv_id_set_add(struct vv_id_set *set, uint32_t id)
{
    roaring_bitmap_add(set->bitmap, id);
    return VARVE_OK;
}

varve_status vv_id_set_add_many(struct vv_id_set *set, const uint32_t *ids, size_t count)
{
    roaring_bitmap_add_many(set->bitmap, count, ids);
    return VARVE_OK;
}

void vv_id_set_remove(struct vv_id_set *set, uint32_t id)
{
    roaring_bitmap_remove(set->bitmap, id);
}

uint64_t vv_id_set_count(const struct vv_id_set *set)
{
    return roaring_bitmap_get_cardinality(set->bitmap);
}

bool vv_id_set_contains(const struct vv_id_set *set, uint32_t id)
{
    return roaring_bitmap_contains(set->bitmap, id);
}

void vv_id_set_to_array(const struct vv_id_set *set, uint32_t *ids)
{
    roaring_bitmap_to_uint32_array(set->bitmap, ids);
}

varve_status vv_id_set_add_to(const struct vv_id_set *set, struct vv_id_runs *into)
{
    enum { IDS_AT_ONCE = 256 };
    uint32_t ids[IDS_AT_ONCE];
    roaring_uint32_iterator_t at;
    varve_status status = VARVE_OK;
    roaring_init_iterator(set->bitmap, &at);
    for (uint32_t count = IDS_AT_ONCE; count == IDS_AT_ONCE && status == VARVE_OK;) {
        count = roaring_read_uint32_iterator(&at, ids, IDS_AT_ONCE);
        status = vv_id_runs_add_many(into, ids, count);
    }
    return status;
}

uint64_t vv_id_set_bytes(const struct vv_id_set *set)
{
    /* Per container: pointer, key and type in the bitmap's arrays, and a header of its own. */
    const uint64_t container_overhead = sizeof(void *) + sizeof(uint16_t) + sizeof(uint8_t) + 16;
    roaring_statistics_t statistics;
    roaring_bitmap_statistics(set->bitmap, &statistics);
    return sizeof(*set) + sizeof(roaring_bitmap_t) + (uint64_t)statistics.n_bytes_array_containers +
           statistics.n_bytes_run_containers + statistics.n_bytes_bitset_containers +
           statistics.n_containers * container_overhead;
}
