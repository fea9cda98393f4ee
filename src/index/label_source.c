/*
 * label_source.c - which series satisfy all matchers.
 *
 *   {a="x", b=~"y.*", c!="z", d=""}
 *      1 include   a: posting of x        b: union of the postings of accepted values    intersect
 *      2 exclude   c: posting of z        d: union of the postings of all values         subtract
 *
 * Q1  A matcher that refuses the empty string can only be satisfied by a series that has the label:
 *     it is a union of postings (include). One that accepts it is satisfied by every series but
 *     those whose value is refused (exclude). The sign of the matcher does not matter for this:
 *     a!="" includes.
 * Q2  Includes by one literal come first, the smallest posting first: one that does not exist ends
 *     the selection before anything is copied. Then other literals, then regexes; nothing is asked
 *     any more when no series is left.
 * Threads: one at a time per call, since matchers have scratch.
 */
#include "index/label_source.h"

#include "os/alloc.h"

/* One selection under way. */
struct selection {
    const struct vv_label_source *source;
    const struct vv_matchers *matchers;
    struct vv_id_runs *result;
    bool started; /* result holds what the matchers so far leave; before that, everything is left */
};

/* A matcher whose values are visited; postings of those that it accepts (or refuses) go to set. */
struct value_filter {
    const struct selection *selection;
    size_t matcher;
    bool wanted; /* collect the values that are accepted, else those refused */
    struct vv_id_runs *set;
};

static varve_status visit_value(void *visitor, varve_string value, uint64_t posting)
{
    struct value_filter *filter = visitor;
    const struct selection *selection = filter->selection;
    bool accepted = false;
    VV_TRY(vv_matchers_accept(selection->matchers, filter->matcher, value, &accepted));
    if (accepted != filter->wanted) {
        return VARVE_OK;
    }
    return selection->source->ops->add_posting(selection->source->ctx, posting, filter->set);
}

static varve_status collect_literals(const struct selection *selection, varve_string name,
                                     const varve_string *literals, size_t count,
                                     struct vv_id_runs *set)
{
    const struct vv_label_source *source = selection->source;
    for (size_t index = 0; index < count; index++) {
        uint64_t posting = 0;
        if (literals[index].length == 0) {
            continue;
        }
        varve_status status = source->ops->find_value(source->ctx, name, literals[index], &posting);
        if (status == VARVE_NOT_FOUND) {
            continue;
        }
        VV_TRY(status);
        VV_TRY(source->ops->add_posting(source->ctx, posting, set));
    }
    return VARVE_OK;
}

/* Adds the ids of the series that have the label with a value that the matcher accepts (wanted) or
 * refuses. */
static varve_status collect(const struct selection *selection, size_t matcher, bool wanted,
                            struct vv_id_runs *set)
{
    const struct vv_label_source *source = selection->source;
    varve_string name = vv_matchers_name(selection->matchers, matcher);
    const varve_string *literals = NULL;
    size_t count = wanted ? vv_matchers_literals(selection->matchers, matcher, &literals)
                          : vv_matchers_literals_refused(selection->matchers, matcher, &literals);
    if (count > 0) {
        return collect_literals(selection, name, literals, count, set);
    }
    struct value_filter filter = {
        .selection = selection, .matcher = matcher, .wanted = wanted, .set = set};
    return source->ops->each_value(source->ctx, name, visit_value, &filter);
}

/* Whether the selection has come to nothing, so that further matchers need no look. */
static bool is_exhausted(const struct selection *selection)
{
    return selection->started && vv_id_runs_is_empty(selection->result);
}

/* The set that a matcher's ids are collected in, empty. */
static struct vv_id_runs *begin_set(const struct selection *selection)
{
    struct vv_id_runs *set = vv_matchers_spare(selection->matchers);
    vv_id_runs_clear(set);
    return set;
}

/* How a matcher takes part. The order is the order of evaluation. */
enum part { INCLUDE_ONE, INCLUDE_LITERALS, INCLUDE_VALUES, EXCLUDE, PART_COUNT };

/* A matcher of one literal, found. */
struct one_value {
    uint64_t posting;
    uint64_t size;
};

enum { ONES_FEW = 16 }; /* more go to the heap */

static varve_status part_of(const struct selection *selection, size_t matcher, enum part *part)
{
    bool accepts_empty = false;
    const varve_string *literals = NULL;
    VV_TRY(vv_matchers_accept(selection->matchers, matcher, (varve_string){"", 0}, &accepts_empty));
    size_t count = vv_matchers_literals(selection->matchers, matcher, &literals);
    if (accepts_empty) {
        *part = EXCLUDE;
    } else if (count > 0) {
        *part = count == 1 ? INCLUDE_ONE : INCLUDE_LITERALS;
    } else {
        *part = INCLUDE_VALUES;
    }
    return VARVE_OK;
}

static varve_status apply_include(struct selection *selection, size_t matcher)
{
    if (!selection->started) {
        selection->started = true;
        return collect(selection, matcher, true, selection->result);
    }
    struct vv_id_runs *set = begin_set(selection);
    VV_TRY(collect(selection, matcher, true, set));
    return vv_id_runs_intersect(selection->result, set);
}

static varve_status apply_exclude(struct selection *selection, size_t matcher)
{
    const struct vv_label_source *source = selection->source;
    if (!selection->started) {
        selection->started = true;
        VV_TRY(source->ops->add_all(source->ctx, selection->result));
    }
    struct vv_id_runs *set = begin_set(selection);
    VV_TRY(collect(selection, matcher, false, set));
    return vv_id_runs_subtract(selection->result, set);
}

/* Looks up the postings of the matchers of one literal; *count of them. NOT_FOUND: one has none. */
static varve_status find_ones(const struct selection *selection, struct one_value *ones,
                              size_t *count)
{
    const struct vv_label_source *source = selection->source;
    size_t matcher_count = vv_matchers_count(selection->matchers);
    *count = 0;
    for (size_t matcher = 0; matcher < matcher_count; matcher++) {
        enum part part = EXCLUDE;
        const varve_string *literals = NULL;
        struct one_value one;
        VV_TRY(part_of(selection, matcher, &part));
        if (part != INCLUDE_ONE) {
            continue;
        }
        (void)vv_matchers_literals(selection->matchers, matcher, &literals);
        VV_TRY(source->ops->find_value(source->ctx, vv_matchers_name(selection->matchers, matcher),
                                       literals[0], &one.posting));
        VV_TRY(source->ops->posting_size(source->ctx, one.posting, &one.size));
        size_t at = (*count)++;
        for (; at > 0 && ones[at - 1].size > one.size; at--) {
            ones[at] = ones[at - 1];
        }
        ones[at] = one;
    }
    return VARVE_OK;
}

static varve_status apply_one(struct selection *selection, const struct one_value *one)
{
    const struct vv_label_source *source = selection->source;
    if (!selection->started) {
        selection->started = true;
        return source->ops->add_posting(source->ctx, one->posting, selection->result);
    }
    struct vv_id_runs *set = begin_set(selection);
    VV_TRY(source->ops->add_posting(source->ctx, one->posting, set));
    return vv_id_runs_intersect(selection->result, set);
}

static varve_status apply_ones(struct selection *selection)
{
    size_t matcher_count = vv_matchers_count(selection->matchers);
    size_t count = 0;
    struct one_value few[ONES_FEW];
    struct one_value *ones = few;
    if (matcher_count > ONES_FEW) {
        ones = vv_alloc(matcher_count * sizeof(*ones));
    }
    varve_status status = ones == NULL ? VARVE_NO_MEMORY : find_ones(selection, ones, &count);
    if (status == VARVE_NOT_FOUND) {
        selection->started = true; /* and nothing in it */
        status = VARVE_OK;
        count = 0;
    }
    for (size_t at = 0; at < count && status == VARVE_OK && !is_exhausted(selection); at++) {
        status = apply_one(selection, &ones[at]);
    }
    if (ones != few) {
        vv_free(ones);
    }
    return status;
}

static varve_status apply_part(struct selection *selection, enum part part)
{
    size_t count = vv_matchers_count(selection->matchers);
    for (size_t matcher = 0; matcher < count && !is_exhausted(selection); matcher++) {
        enum part own = EXCLUDE;
        VV_TRY(part_of(selection, matcher, &own));
        if (own == part) {
            VV_TRY(part == EXCLUDE ? apply_exclude(selection, matcher)
                                   : apply_include(selection, matcher));
        }
    }
    return VARVE_OK;
}

varve_status vv_label_source_select(const struct vv_label_source *source,
                                    const struct vv_matchers *matchers, struct vv_id_runs *into)
{
    struct selection selection = {.source = source, .matchers = matchers, .result = into};
    VV_TRY(apply_ones(&selection));
    for (enum part part = INCLUDE_LITERALS; part < PART_COUNT; part++) {
        VV_TRY(apply_part(&selection, part));
    }
    return selection.started ? VARVE_OK : source->ops->add_all(source->ctx, into);
}
