/*
 * iter.h - the iterator contract: how samples of one series flow, whoever keeps them.
 *
 * I1  A fresh iterator stands before the first sample.
 * I2  next_span() gives 1 to 1024 samples as two arrays, valid until the next call on the iterator;
 *     false means end or error. After false, status() tells which; it is sticky and every further
 *     call returns false.
 * I3  seek(t) only goes forward: the next span starts with the first not yet delivered sample whose
 *     timestamp is >= t. It is a no-op if the iterator is there already, and loads nothing by
 *     itself.
 * I4  Timestamps strictly increase, within spans and across them.
 * I5  An iterator owns what it needs (copies of tails, references to chunks and blocks): it may be
 *     held for long and blocks no writer.
 * I6  peek() tells whether the next undelivered samples are a whole chunk, in the iterator's range,
 *     whose statistics are known, and what these are; it loads nothing and changes nothing that the
 *     caller sees. pass(), only after a peek() that gave true, goes behind that chunk. NULL: never.
 *     where(), likewise, says where that chunk is; NULL: of none that has a place.
 * I7  window(before) is the time of the first sample of the chunk that holds the newest sample
 *     earlier than before, or earlier than that; INT64_MIN if there is no sample that early. The
 *     range of the iterator does not matter to it.
 * I8  restart(start, end) makes a fresh iterator over the same state of the source, in another
 *     range. It may be called at any time unless status() is an error.
 * I9  peek_row() tells whether the next undelivered samples are all those of a row of a rollup, in
 *     the iterator's range, and what the row says; to go behind it, seek() to time_max + 1. From
 *     the first call on spans end where rows end, so that after a row which was not taken the next
 *     one can be. NULL: never.
 * I10 traits() says what is known of the values of the span that was given last, as codec.h does;
 *     NULL: nothing.
 * I11 newest() tells which is the newest sample of the range of a fresh iterator, if that is known
 *     without decoding; it changes nothing that the caller sees. NULL: never.
 * I12 take_all() tells what all samples of a fresh iterator are together, and goes to the end, if
 *     that is known without decoding; else it changes nothing. NULL: never.
 * I13 destroy() is legal in any state; vv_iter_destroy() accepts NULL.
 * Threads: one at a time.
 */
#ifndef VARVE_QUERY_ITER_H
#define VARVE_QUERY_ITER_H

#include "base/status.h"
#include "compress/codec.h"
#include "query/numbers.h"

enum { VV_SPAN_MAX = 1024 };

struct vv_iter;

/* What is known of a chunk without decoding it. */
struct vv_summary {
    int64_t time_min;
    int64_t time_max;
    struct vv_value_statistics statistics;
};

/* What samples are together: at least one, and no NaN. */
struct vv_total {
    int64_t first_time;
    int64_t last_time;
    double first;
    double last;
    uint64_t count;
    struct vv_numbers numbers;
};

/* What is known of the samples in a bucket of a rollup. With NaN among them (nan_count > 0) only
 * counts and times mean anything. */
struct vv_rollup_row {
    struct vv_summary summary;
    double squares; /* sum of (value - mean)^2 */
};

/* A chunk of some store of chunks, which alone knows what the index means; or one in memory. */
struct vv_encoded_chunk;
struct vv_chunk_where {
    const void *store; /* NULL: none */
    uint32_t index;
    const struct vv_encoded_chunk *encoded; /* NULL: not in memory as it goes into a block */
};

/* Which rows a query has use for. */
struct vv_rollup_wish {
    int64_t unit;   /* of nanoseconds since the epoch: steps begin at multiples of it; 0: at none */
    int64_t length; /* of a step, about; 0: there is one step */
    unsigned parts; /* of functions.h: what the rows are to tell, beside counts and times */
    bool ends;      /* and first and last value */
};

struct vv_iter_ops {
    bool (*next_span)(struct vv_iter *iter, varve_span *span);
    void (*seek)(struct vv_iter *iter, int64_t timestamp);
    bool (*peek)(struct vv_iter *iter, struct vv_summary *summary);
    void (*pass)(struct vv_iter *iter);
    struct vv_chunk_where (*where)(const struct vv_iter *iter);
    bool (*peek_row)(struct vv_iter *iter, const struct vv_rollup_wish *wish,
                     struct vv_rollup_row *row);
    unsigned (*traits)(const struct vv_iter *iter);
    bool (*newest)(struct vv_iter *iter, int64_t *timestamp, double *value);
    bool (*take_all)(struct vv_iter *iter, struct vv_total *total);
    int64_t (*window)(struct vv_iter *iter, int64_t before);
    void (*restart)(struct vv_iter *iter, int64_t start, int64_t end);
    varve_status (*status)(const struct vv_iter *iter);
    void (*destroy)(struct vv_iter *iter);
};

/* First member of every iterator. */
struct vv_iter {
    const struct vv_iter_ops *ops;
};

static inline bool vv_iter_next_span(struct vv_iter *iter, varve_span *span)
{
    return iter->ops->next_span(iter, span);
}
static inline void vv_iter_seek(struct vv_iter *iter, int64_t timestamp)
{
    iter->ops->seek(iter, timestamp);
}
static inline bool vv_iter_peek(struct vv_iter *iter, struct vv_summary *summary)
{
    return iter->ops->peek != NULL && iter->ops->peek(iter, summary);
}
static inline void vv_iter_pass(struct vv_iter *iter)
{
    iter->ops->pass(iter);
}
static inline struct vv_chunk_where vv_iter_where(const struct vv_iter *iter)
{
    return iter->ops->where != NULL ? iter->ops->where(iter) : (struct vv_chunk_where){0};
}
static inline bool vv_iter_peek_row(struct vv_iter *iter, const struct vv_rollup_wish *wish,
                                    struct vv_rollup_row *row)
{
    return iter->ops->peek_row != NULL && iter->ops->peek_row(iter, wish, row);
}
static inline unsigned vv_iter_traits(const struct vv_iter *iter)
{
    return iter->ops->traits != NULL ? iter->ops->traits(iter) : 0;
}
static inline bool vv_iter_newest(struct vv_iter *iter, int64_t *timestamp, double *value)
{
    return iter->ops->newest != NULL && iter->ops->newest(iter, timestamp, value);
}
static inline bool vv_iter_take_all(struct vv_iter *iter, struct vv_total *total)
{
    return iter->ops->take_all != NULL && iter->ops->take_all(iter, total);
}
static inline int64_t vv_iter_window(struct vv_iter *iter, int64_t before)
{
    return iter->ops->window(iter, before);
}
static inline void vv_iter_restart(struct vv_iter *iter, int64_t start, int64_t end)
{
    iter->ops->restart(iter, start, end);
}
static inline varve_status vv_iter_status(const struct vv_iter *iter)
{
    return iter->ops->status(iter);
}
static inline void vv_iter_destroy(struct vv_iter *iter)
{
    if (iter != NULL) {
        iter->ops->destroy(iter);
    }
}

#endif
