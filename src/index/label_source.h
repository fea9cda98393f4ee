/*
 * label_source.h - what a label index can be asked, whoever keeps it: the head in memory, a block
 * on disk.
 *
 * Series have dense ids. A posting is an opaque number of the source that stands for the ids of the
 * series with one label value. Strings handed to visitors live as long as the source.
 */
#ifndef VARVE_INDEX_LABEL_SOURCE_H
#define VARVE_INDEX_LABEL_SOURCE_H

#include "base/status.h"
#include "index/id_runs.h"
#include "index/matcher.h"

/* Return other than VARVE_OK ends the walk and is returned by it. */
typedef varve_status (*vv_visit_name)(void *visitor, varve_string name);
typedef varve_status (*vv_visit_value)(void *visitor, varve_string value, uint64_t posting);

struct vv_label_source_ops {
    /* Adds all ids. */
    varve_status (*add_all)(const void *ctx, struct vv_id_runs *into);
    varve_status (*each_name)(const void *ctx, vv_visit_name visit, void *visitor);
    /* Every value of a label, any order; nothing for an unknown name. */
    varve_status (*each_value)(const void *ctx, varve_string name, vv_visit_value visit,
                               void *visitor);
    /* NOT_FOUND if no series has this value. */
    varve_status (*find_value)(const void *ctx, varve_string name, varve_string value,
                               uint64_t *posting);
    /* About how many ids a posting has, compared with others of the same source; 0 only if it has
     * none. Cheaper than adding it. */
    varve_status (*posting_size)(const void *ctx, uint64_t posting, uint64_t *size);
    /* Adds the ids of a posting. CORRUPT: damaged block. */
    varve_status (*add_posting)(const void *ctx, uint64_t posting, struct vv_id_runs *into);
};

struct vv_label_source {
    const struct vv_label_source_ops *ops;
    const void *ctx;
};

/**
 * vv_label_source_select() - the ids of the series that satisfy all matchers.
 *
 * Positive matchers first: those of one value by the size of their postings, the smallest first,
 * then alternatives, then regexes; negative ones and those that accept
 * the empty string as differences from what is left. A regex looks only at the values of its label.
 * @into  empty; the ids are added. Not the spare of the matchers.
 * LIMIT: a regex ran into its limits. CORRUPT, NO_MEMORY.
 */
varve_status vv_label_source_select(const struct vv_label_source *source,
                                    const struct vv_matchers *matchers,
                                    struct vv_id_runs *into) VARVE_MUST_CHECK;

#endif
