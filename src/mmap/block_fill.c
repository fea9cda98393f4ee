/*
 * block_fill.c - many series into a block at once: filled side by side, placed in order.
 *
 *   series  | 0 .. 255 filled on all threads | placed | 256 .. 511 filled | placed | ...
 *
 * F1  A thread takes neighbours: what they share (cache lines of their index, timestamps) is near.
 * F2  Everything that depends on order (numbers of columns and chunks, what is known already)
 *     happens when series are placed, on one thread.
 * Memory: the encodings of SERIES series. Threads: one at a time; filling uses those of the
 * workers.
 */
#include "mmap/block_writer.h"
#include "os/alloc.h"
#include "os/workers.h"

enum { SERIES = 256 };

struct round {
    vv_block_fill *fill;
    void *context;
    size_t first; /* series */
    size_t count;
    struct vv_block_sink sinks[SERIES];
    varve_status statuses[SERIES];
};

static void fill_piece(void *context, size_t piece)
{
    struct round *round = context;
    size_t first = piece * VV_BLOCK_FILL_SERIES;
    size_t left = round->count - first;
    size_t count = left < VV_BLOCK_FILL_SERIES ? left : VV_BLOCK_FILL_SERIES;
    for (size_t i = first; i < first + count; i++) {
        vv_block_sink_clear(&round->sinks[i]);
    }
    round->fill(round->context, round->first + first, count, &round->sinks[first],
                &round->statuses[first]);
}

/* Puts one series into the block. */
static varve_status place_series(struct vv_block_writer *writer, const struct vv_block_sink *sink,
                                 varve_error *error)
{
    VV_TRY(vv_block_writer_begin_series(writer, sink->key, error));
    for (size_t at = 0; at < sink->tombstones.length; at += sizeof(struct vv_range)) {
        struct vv_range range;
        memcpy(&range, sink->tombstones.bytes + at, sizeof(range));
        VV_TRY(vv_block_writer_add_tombstone(writer, range, error));
    }
    size_t count = vv_block_sink_chunk_count(sink);
    for (size_t i = 0; i < count; i++) {
        struct vv_sunk_chunk chunk = vv_block_sink_chunk_at(sink, i);
        VV_TRY(vv_block_writer_place(writer, chunk.layer, chunk.policy, &chunk.encoded, error));
    }
    return VARVE_OK;
}

static varve_status run_round(struct vv_block_writer *writer, struct round *round,
                              uint64_t *begun_count, varve_error *error)
{
    vv_workers_run(vv_block_writer_workers(writer), fill_piece, round,
                   (round->count + VV_BLOCK_FILL_SERIES - 1) / VV_BLOCK_FILL_SERIES);
    for (size_t i = 0; i < round->count; i++) {
        if (round->statuses[i] != VARVE_OK) {
            return vv_fail(error, round->statuses[i],
                           "a series that was to be written to a block cannot be read");
        }
        if (round->sinks[i].begun) {
            (*begun_count)++;
            VV_TRY(place_series(writer, &round->sinks[i], error));
        }
    }
    return VARVE_OK;
}

varve_status vv_block_writer_fill(struct vv_block_writer *writer, size_t count, vv_block_fill *fill,
                                  void *context, uint64_t *begun_count, varve_error *error)
{
    struct round *round = vv_alloc_zeroed(1, sizeof(*round));
    varve_status status = VARVE_OK;
    *begun_count = 0;
    if (round == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to write a block");
    }
    round->fill = fill;
    round->context = context;
    for (round->first = 0; round->first < count && status == VARVE_OK;
         round->first += round->count) {
        size_t left = count - round->first;
        round->count = left < SERIES ? left : SERIES;
        status = run_round(writer, round, begun_count, error);
    }
    for (size_t i = 0; i < SERIES; i++) {
        vv_block_sink_fini(&round->sinks[i]);
    }
    vv_free(round);
    return status;
}
