/*
 * shard_rollup.c - rules of rollups: setting them, and bringing blocks that are older up to them.
 *
 *   rule --manifest--> every block written from then on has its rows
 *                      older blocks with series of it: rewritten, one after the other
 *
 * R1  Rows live in blocks and tell of the block's own samples: nothing ever has to be invalidated.
 *     What a block lacks is decoded, so that a rule that is half built gives right answers slower.
 * R2  Whether a block is behind the rules is found by comparing sequences: that of the rules which
 *     it was written under, and that of the manifest which first had a rule. Of those rules only
 *     the ones that name a series of the block count.
 * R3  Removing a rule rewrites nothing: its rows go when their blocks are merged or compacted.
 * Thread: under maintenance_mutex.
 */
#include "storage/upkeep/shard_rollup.h"

#include "os/alloc.h"
#include "storage/upkeep/shard_merge.h"

/* Whether the block has a series that the rule names. */
static varve_status names_series(const struct vv_rollup_rule *rule, const struct vv_block *block,
                                 bool *names)
{
    struct vv_matchers *matchers = NULL;
    if (rule->selector_length == 0) {
        *names = vv_block_info(block)->series_count > 0;
        return VARVE_OK;
    }
    VV_TRY(vv_retention_matchers(rule->selector, rule->selector_length, &matchers, NULL));
    struct vv_id_runs *ids = vv_matchers_selected(matchers);
    struct vv_label_source source = vv_block_labels(block);
    vv_id_runs_clear(ids);
    varve_status status = vv_label_source_select(&source, matchers, ids);
    *names = status == VARVE_OK && !vv_id_runs_is_empty(ids);
    vv_matchers_destroy(matchers);
    return status;
}

/* Whether the block lacks rows of the rule. */
static varve_status lacks_rule(const struct vv_rollup_rule *rule, const struct vv_block *block,
                               bool *lacks)
{
    const struct vv_block_info *info = vv_block_info(block);
    *lacks = info->sample_count > 0 && info->identity.rollup_sequence < rule->since;
    return *lacks ? names_series(rule, block, lacks) : VARVE_OK;
}

static varve_status lacks_rows(const struct vv_shard *shard, const struct vv_block *block,
                               bool *lacks)
{
    *lacks = false;
    for (size_t i = 0; i < shard->manifest.rollup_count && !*lacks; i++) {
        VV_TRY(lacks_rule(&shard->manifest.rollups[i], block, lacks));
    }
    return VARVE_OK;
}

varve_status vv_shard_rollups_are_current(const struct vv_shard *shard,
                                          const struct vv_block *block, bool *current)
{
    const struct vv_block_info *info = vv_block_info(block);
    bool lacks;
    VV_TRY(lacks_rows(shard, block, &lacks));
    bool has_others =
        info->rollup_bytes > 0 && info->identity.rollup_sequence != shard->manifest.rollup_sequence;
    *current = !lacks && !has_others;
    return VARVE_OK;
}

static varve_status rewrite(struct vv_shard *shard, struct vv_view *view, size_t index,
                            varve_error *error)
{
    bool *chosen = vv_alloc_zeroed(view->block_count + 1, sizeof(*chosen));
    if (chosen == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to rewrite a block");
    }
    chosen[index] = true;
    struct vv_merge_set set = {.view = view,
                               .chosen = chosen,
                               .slices_max = 1,
                               .cold = vv_block_info(view->blocks[index])->identity.cold};
    varve_status status = vv_shard_merge_set(shard, &set, error);
    vv_free(chosen);
    return status;
}

varve_status vv_shard_build_rollups(struct vv_shard *shard, bool is_patient, bool *worked,
                                    varve_error *error)
{
    *worked = false;
    if (shard->manifest.rollup_count == 0) {
        return VARVE_OK;
    }
    struct vv_view *view = vv_view_acquire(&shard->views);
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < view->block_count && status == VARVE_OK && !*worked; i++) {
        uint64_t bytes = vv_block_info(view->blocks[i])->file_bytes;
        if (is_patient && !vv_shard_has_room_for(shard, bytes)) {
            continue;
        }
        status = lacks_rows(shard, view->blocks[i], worked);
        if (status != VARVE_OK) {
            status = vv_fail(error, status, "cannot find the series of a rollup in a block");
        } else if (*worked) {
            status = rewrite(shard, view, i, error);
        }
    }
    vv_view_release(&shard->views, view);
    return status;
}

/* ----------------------------------------------------------------------------- setting */

static bool is_rule_of(const struct vv_rollup_rule *rule, varve_string selector, int64_t step)
{
    return rule->step == step && rule->selector_length == selector.length &&
           (selector.length == 0 || memcmp(rule->selector, selector.bytes, selector.length) == 0);
}

static size_t find_rule(const struct vv_manifest *manifest, varve_string selector, int64_t step)
{
    size_t at = 0;
    while (at < manifest->rollup_count && !is_rule_of(&manifest->rollups[at], selector, step)) {
        at++;
    }
    return at;
}

/* Checks what was given; a selector of everything becomes the empty one. */
static varve_status check_rule(const struct vv_shard *shard, varve_string *selector, int64_t step,
                               varve_error *error)
{
    struct vv_matchers *matchers = NULL;
    if (shard->options.read_only) {
        return vv_fail(error, VARVE_READ_ONLY, "the database was opened read-only");
    }
    if (step <= 0) {
        return vv_fail(error, VARVE_INVALID, "step: a rollup needs a step of more than 0");
    }
    if (selector->length > VV_SELECTOR_BYTES_MAX) {
        return vv_fail(error, VARVE_LIMIT, "the selector has %zu bytes, more than %d",
                       selector->length, VV_SELECTOR_BYTES_MAX);
    }
    VV_TRY(vv_retention_matchers(selector->bytes, selector->length, &matchers, error));
    if (vv_matchers_count(matchers) == 0) {
        *selector = (varve_string){"", 0}; /* {} is everything, too */
    }
    vv_matchers_destroy(matchers);
    return VARVE_OK;
}

/* Publishes the present rules without the one at index without (SIZE_MAX: all of them), and with
 * another one if added is not NULL. */
static varve_status publish_rules(struct vv_shard *shard, size_t without,
                                  const struct vv_rollup_rule *added, varve_error *error)
{
    const struct vv_manifest *now = &shard->manifest;
    struct vv_rollup_rule list[VV_ROLLUP_RULES_MAX];
    struct vv_publication change = {.rollups = list, .has_rollups = true};
    for (size_t i = 0; i < now->rollup_count; i++) {
        if (i != without) {
            list[change.rollup_count++] = now->rollups[i];
        }
    }
    if (added != NULL) {
        list[change.rollup_count++] = *added;
    }
    return vv_shard_publish(shard, &change, error); /* which copies them */
}

static varve_status add_rule(struct vv_shard *shard, varve_string selector, int64_t step,
                             varve_error *error)
{
    const struct vv_manifest *manifest = &shard->manifest;
    VV_TRY(vv_shard_can_publish(shard, error));
    if (find_rule(manifest, selector, step) < manifest->rollup_count) {
        return VARVE_OK;
    }
    if (manifest->rollup_count == VV_ROLLUP_RULES_MAX) {
        return vv_fail(error, VARVE_LIMIT, "there are %d rollups already: remove one",
                       VV_ROLLUP_RULES_MAX);
    }
    const struct vv_rollup_rule rule = {.step = step,
                                        .since = manifest->sequence + 1,
                                        .selector = (char *)(uintptr_t)selector.bytes,
                                        .selector_length = selector.length};
    return publish_rules(shard, SIZE_MAX, &rule, error);
}

varve_status vv_shard_add_rollup(struct vv_shard *shard, varve_string selector, int64_t step,
                                 varve_error *error)
{
    VV_TRY(check_rule(shard, &selector, step, error));
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = add_rule(shard, selector, step, error);
    if (status == VARVE_OK) {
        status = vv_shard_flush_head(shard, error);
    }
    bool worked = true;
    while (status == VARVE_OK && worked) {
        status = vv_shard_build_rollups(shard, false, &worked, error);
    }
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}

varve_status vv_shard_remove_rollup(struct vv_shard *shard, varve_string selector, int64_t step,
                                    varve_error *error)
{
    VV_TRY(check_rule(shard, &selector, step, error));
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = vv_shard_can_publish(shard, error);
    size_t at = find_rule(&shard->manifest, selector, step);
    if (status == VARVE_OK && at == shard->manifest.rollup_count) {
        status =
            vv_fail(error, VARVE_NOT_FOUND, "there is no rollup of this selector with this step");
    }
    if (status == VARVE_OK) {
        status = publish_rules(shard, at, NULL, error);
    }
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}

varve_status vv_shard_list_rollups(struct vv_shard *shard, vv_shard_rollup_visit visit,
                                   void *context)
{
    vv_mutex_lock(&shard->maintenance_mutex);
    struct vv_view *view = vv_view_acquire(&shard->views);
    varve_status status = VARVE_OK;
    for (size_t i = 0; i < shard->manifest.rollup_count && status == VARVE_OK; i++) {
        const struct vv_rollup_rule *rule = &shard->manifest.rollups[i];
        uint64_t missing = 0;
        for (size_t k = 0; k < view->block_count && status == VARVE_OK; k++) {
            bool lacks;
            status = lacks_rule(rule, view->blocks[k], &lacks);
            missing += status == VARVE_OK && lacks;
        }
        if (status == VARVE_OK) {
            visit(context, rule, missing);
        }
    }
    vv_view_release(&shard->views, view);
    vv_mutex_unlock(&shard->maintenance_mutex);
    return status;
}
