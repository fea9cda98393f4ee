/*
 * shard_labels.c - which labels the series of a shard have, and how many series there are, without
 * reading samples.
 *
 *   block 1: host = a b c     block 2: host = b d     head: host = b e      --> a b c d e
 *
 * D1  A series of a block has a sample unless a tombstone of a younger block or of the head took
 *     it, or its age. While there is neither a tombstone nor a rule of retention, and only then,
 *     what a block lists is there.
 * D2  The label index of the head has every series that was ever met. Those count of which the head
 *     still holds a sample; for a value that a block has listed already nobody asks.
 * Thread: any. Locks: the index lock of the series table while the head is looked at, in it a
 * head's line at a time.
 */
#include "os/alloc.h"
#include "storage/shard.h"

/* Whether deletions or retention may hide series of the view. */
static bool has_deletions(struct vv_shard *shard, const struct vv_view *view)
{
    bool deleted = view->retention != NULL || atomic_load(&shard->head.tombstones) > 0;
    for (size_t i = 0; i < view->block_count; i++) {
        deleted |= vv_block_info(view->blocks[i])->tombstone_count > 0;
    }
    return deleted;
}

/* ------------------------------------------------------------------------------- Listing */

struct listing {
    struct vv_shard *shard;
    const struct vv_view *view;
    const struct vv_matchers *matchers; /* NULL: all series */
    const varve_string *name;           /* NULL: names */
    struct vv_string_list *list;
    struct vv_query_control *control;
    varve_error *error; /* nullable */

    const struct vv_label_source *source; /* of the head */
    varve_string present_name;            /* whose values are visited */
};

/* Whether there is time left, and nobody wants this to end. */
static varve_status goes_on(struct listing *listing)
{
    static const struct vv_query_counts none;
    return vv_query_control_check(listing->control, &none, listing->error);
}

static varve_status add_text(void *visitor, varve_string text)
{
    struct listing *listing = visitor;
    VV_TRY(goes_on(listing));
    return vv_string_list_add(listing->list, text);
}

static varve_status add_value(void *visitor, varve_string value, uint64_t posting)
{
    (void)posting;
    return add_text(visitor, value);
}

static varve_status select_ids(const struct vv_label_source *source,
                               const struct vv_matchers *matchers, uint32_t **ids, size_t *count)
{
    struct vv_id_runs *set = vv_matchers_selected(matchers);
    vv_id_runs_clear(set);
    VV_TRY(vv_label_source_select(source, matchers, set));
    *count = vv_id_runs_count(set);
    *ids = vv_alloc((*count + 1) * sizeof(**ids));
    if (*ids == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_id_runs_to_array(set, *ids);
    return VARVE_OK;
}

static varve_status list_block(struct listing *listing, const struct vv_block *block)
{
    struct vv_label_source source = vv_block_labels(block);
    if (listing->matchers == NULL) {
        return listing->name == NULL
                   ? source.ops->each_name(source.ctx, add_text, listing)
                   : source.ops->each_value(source.ctx, *listing->name, add_value, listing);
    }
    uint32_t *ids = NULL;
    size_t count = 0;
    VV_TRY(select_ids(&source, listing->matchers, &ids, &count));
    varve_status status = vv_block_list_labels(block, ids, count, listing->name, add_text, listing);
    vv_free(ids);
    return status;
}

/* Whether the head behind the view has a sample of the series. */
static bool is_live(const struct listing *listing, uint32_t ref)
{
    struct vv_head_figures figures = VV_HEAD_FIGURES_NONE;
    if (vv_series_table_get(listing->shard->table, ref) == NULL) {
        return false; /* being made */
    }
    vv_head_measure(&listing->shard->head, ref, listing->view->flushed_generation, &figures);
    return figures.samples > 0;
}

/* Whether any series of a posting of the head is live. */
static varve_status is_posting_live(const struct listing *listing, uint64_t posting, bool *live)
{
    struct vv_id_runs *set = vv_id_runs_create();
    if (set == NULL) {
        return VARVE_NO_MEMORY;
    }
    uint32_t *ids = NULL;
    varve_status status = listing->source->ops->add_posting(listing->source->ctx, posting, set);
    size_t count = vv_id_runs_count(set);
    if (status == VARVE_OK) {
        ids = vv_alloc((count + 1) * sizeof(*ids));
        status = ids == NULL ? VARVE_NO_MEMORY : VARVE_OK;
    }
    *live = false;
    if (status == VARVE_OK) {
        vv_id_runs_to_array(set, ids);
        for (size_t i = 0; i < count && !*live; i++) {
            *live = is_live(listing, ids[i]);
        }
    }
    vv_free(ids);
    vv_id_runs_destroy(set);
    return status;
}

static varve_status add_live_value(void *visitor, varve_string value, uint64_t posting)
{
    struct listing *listing = visitor;
    bool known, live;
    VV_TRY(goes_on(listing));
    VV_TRY(vv_string_list_has(listing->list, value, &known));
    if (known) {
        return VARVE_OK;
    }
    VV_TRY(is_posting_live(listing, posting, &live));
    return live ? vv_string_list_add(listing->list, value) : VARVE_OK;
}

/* Adds the present name once a value of it is found that is live. */
static varve_status add_name_if_live(void *visitor, varve_string value, uint64_t posting)
{
    struct listing *listing = visitor;
    bool known, live;
    (void)value;
    VV_TRY(goes_on(listing));
    VV_TRY(vv_string_list_has(listing->list, listing->present_name, &known));
    if (known) {
        return VARVE_OK;
    }
    VV_TRY(is_posting_live(listing, posting, &live));
    return live ? vv_string_list_add(listing->list, listing->present_name) : VARVE_OK;
}

static varve_status visit_head_name(void *visitor, varve_string name)
{
    struct listing *listing = visitor;
    listing->present_name = name;
    return listing->source->ops->each_value(listing->source->ctx, name, add_name_if_live, listing);
}

/* Adds the labels of one live series. */
static varve_status add_series(struct listing *listing, struct vv_key key)
{
    varve_label labels[VARVE_LABELS_MAX];
    size_t count = vv_key_labels(key, labels);
    for (size_t i = 0; i < count; i++) {
        if (listing->name == NULL) {
            VV_TRY(vv_string_list_add(listing->list, labels[i].name));
        } else if (vv_string_compare(labels[i].name, *listing->name) == 0) {
            VV_TRY(vv_string_list_add(listing->list, labels[i].value));
        }
    }
    return VARVE_OK;
}

static varve_status list_head_matches(struct listing *listing)
{
    uint32_t *ids = NULL;
    size_t count = 0;
    VV_TRY(select_ids(listing->source, listing->matchers, &ids, &count));
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < count && status == VARVE_OK; i++) {
        status = goes_on(listing);
        if (status == VARVE_OK && is_live(listing, ids[i])) {
            status = add_series(listing,
                                vv_series_key(vv_series_table_get(listing->shard->table, ids[i])));
        }
    }
    vv_free(ids);
    return status;
}

static varve_status list_head(void *context, const struct vv_label_source *source)
{
    struct listing *listing = context;
    listing->source = source;
    if (listing->matchers != NULL) {
        return list_head_matches(listing);
    }
    return listing->name == NULL
               ? source->ops->each_name(source->ctx, visit_head_name, listing)
               : source->ops->each_value(source->ctx, *listing->name, add_live_value, listing);
}

varve_status vv_shard_list_labels(struct vv_shard *shard, const struct vv_matchers *matchers,
                                  const varve_string *name, struct vv_query_control *control,
                                  struct vv_string_list *list, bool *hidden, varve_error *error)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    struct listing listing = {.shard = shard,
                              .view = view,
                              .matchers = matchers,
                              .name = name,
                              .list = list,
                              .control = control,
                              .error = error};
    varve_status status = VARVE_OK;
    *hidden = has_deletions(shard, view);
    for (size_t i = 0; i < view->block_count && status == VARVE_OK && !*hidden; i++) {
        status = list_block(&listing, view->blocks[i]);
    }
    if (status == VARVE_OK && !*hidden && atomic_load(&shard->head.samples) > 0) {
        status = vv_series_table_read_index(shard->table, list_head, &listing);
    }
    status = vv_first(vv_view_check(view, NULL), status);
    vv_view_release(&shard->views, view);
    return status;
}

/* ------------------------------------------------------------------------------ Counting */

static varve_status is_in_blocks(const struct vv_view *view, size_t block_count, struct vv_key key,
                                 uint64_t hash, bool *found)
{
    *found = false;
    for (size_t i = 0; i < block_count && !*found; i++) {
        uint32_t id;
        varve_status status = vv_block_find(view->blocks[i], key, hash, &id);
        if (status != VARVE_NOT_FOUND) {
            VV_TRY(status);
            *found = true;
        }
    }
    return VARVE_OK;
}

/* Counts the series of the blocks, each where it comes first. */
static varve_status count_in_blocks(struct vv_view *view, uint64_t *count)
{
    uint64_t known = atomic_load_explicit(&view->series_count, memory_order_relaxed);
    if (known > 0) {
        *count = known - 1;
        return VARVE_OK;
    }
    struct vv_buffer buffer = {0};
    uint64_t counted = 0;
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < view->block_count && status == VARVE_OK; i++) {
        uint64_t own = vv_block_info(view->blocks[i])->series_count;
        counted += i == 0 ? own : 0;
        for (uint32_t id = 0; id < own && i > 0 && status == VARVE_OK; id++) {
            struct vv_block_series series;
            bool found = false;
            status = vv_block_series(view->blocks[i], id, &buffer, &series);
            if (status == VARVE_OK) {
                status = is_in_blocks(view, i, series.key, series.key_hash, &found);
            }
            counted += found ? 0 : 1;
        }
    }
    vv_buffer_fini(&buffer);
    VV_TRY(status);
    atomic_store_explicit(&view->series_count, counted + 1, memory_order_relaxed);
    *count = counted;
    return VARVE_OK;
}

static varve_status count_in_head(const struct listing *listing, uint64_t *count)
{
    uint32_t table_count = vv_series_table_count(listing->shard->table);
    for (uint32_t ref = 0; ref < table_count; ref++) {
        if (is_live(listing, ref)) {
            const struct vv_series *series = vv_series_table_get(listing->shard->table, ref);
            bool found;
            VV_TRY(is_in_blocks(listing->view, listing->view->block_count, vv_series_key(series),
                                series->hash, &found));
            *count += found ? 0 : 1;
        }
    }
    return VARVE_OK;
}

varve_status vv_shard_count_series(struct vv_shard *shard, uint64_t *count, bool *hidden)
{
    struct vv_view *view = vv_view_acquire(&shard->views);
    const struct listing listing = {.shard = shard, .view = view};
    varve_status status = VARVE_OK;
    *count = 0;
    *hidden = has_deletions(shard, view);
    if (!*hidden) {
        status = count_in_blocks(view, count);
    }
    if (status == VARVE_OK && !*hidden && atomic_load(&shard->head.samples) > 0) {
        status = count_in_head(&listing, count);
    }
    vv_view_release(&shard->views, view);
    return status;
}
