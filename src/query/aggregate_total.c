/*
 * aggregate_total.c - a whole series of one block at once: its total goes into the only state of
 * its group, without samples or chunks.
 *
 * Threads: one at a time.
 */
#include "query/aggregator.h"

bool vv_aggregator_wants_totals(const struct vv_aggregator *aggregator)
{
    return vv_aggregator_wants_summaries(aggregator) && aggregator->spec.step == 0 &&
           (aggregator->parts & ~(unsigned)VV_PARTS_NUMBERS) == 0;
}

varve_status vv_aggregator_add_total(struct vv_aggregator *aggregator, const struct vv_total *total)
{
    struct vv_bucket_list *list = aggregator->list;
    if (list == &aggregator->scratch && aggregator->spec.reduce == 0) {
        list = &aggregator->table.groups[aggregator->group].buckets; /* its one state */
    }
    const struct vv_bucket all = {
        .count = total->count,
        .numbers = total->numbers,
        .first_time = total->first_time,
        .last_time = total->last_time,
        .first = total->first,
        .last = total->last,
    };
    if (list->count > 0) {
        vv_bucket_merge(&list->entries[0], NULL, &all, NULL);
        return VARVE_OK;
    }
    int64_t start, end;
    vv_steps_bounds(&aggregator->steps, total->first_time, &start, &end);
    VV_TRY(vv_bucket_list_append(list, start, aggregator->memory));
    list->entries[0] = all;
    list->entries[0].time = start;
    return VARVE_OK;
}
