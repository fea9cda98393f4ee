/*
 * block_catalogue.h - the write side of a block's series: labels, label sets, postings, hash index.
 *
 * Collects keys in order, numbers what is in them as it comes, and at the end sorts, renumbers and
 * writes the sections. A *set* is the labels of a series without the metric name: many series share
 * one. Threads: one at a time.
 */
#ifndef VARVE_MMAP_BLOCK_CATALOGUE_H
#define VARVE_MMAP_BLOCK_CATALOGUE_H

#include "index/key.h"
#include "mmap/block_pages.h"
#include "mmap/block_table.h"

struct vv_catalogue_name {
    size_t text; /* offset in text */
    uint32_t length;
    uint32_t label_count;
    uint32_t rank; /* final number; as the next two, written when the sections are */
    uint32_t first_label;
    struct vv_place place;
};

struct vv_catalogue_label {
    size_t text;
    uint32_t length;
    uint32_t name; /* provisional number */
    uint32_t rank;
    uint32_t posting_first;
    uint32_t posting_count;
};

struct vv_catalogue_set {
    uint32_t first_label; /* in set_labels */
    uint32_t label_count;
    uint32_t shape;
    uint32_t rank;
};

struct vv_catalogue_series {
    uint64_t hash;
    uint32_t metric; /* provisional label, or VV_BLOCK_NONE */
    uint32_t set;
    uint32_t first_layer;
    uint32_t first_tombstone;
};

struct vv_block_catalogue {
    struct vv_buffer text;
    struct vv_buffer names;      /* struct vv_catalogue_name */
    struct vv_buffer labels;     /* struct vv_catalogue_label */
    struct vv_buffer sets;       /* struct vv_catalogue_set */
    struct vv_buffer set_labels; /* uint32_t: provisional labels in name order */
    struct vv_buffer series;     /* struct vv_catalogue_series */
    struct vv_block_table name_table;
    struct vv_block_table label_table;
    struct vv_block_table set_table;
    uint32_t metric_name; /* provisional number of __name__, or VV_BLOCK_NONE */
};

void vv_block_catalogue_init(struct vv_block_catalogue *catalogue);
void vv_block_catalogue_fini(struct vv_block_catalogue *catalogue);

/* Adds the series after all others. LIMIT: more than 2^32 - 2 of something. */
varve_status vv_block_catalogue_add(struct vv_block_catalogue *catalogue, struct vv_key key,
                                    uint32_t first_layer,
                                    uint32_t first_tombstone) VARVE_MUST_CHECK;

/* Writes all sections of the catalogue; set_count is told. */
varve_status vv_block_catalogue_write(struct vv_block_catalogue *catalogue,
                                      struct vv_block_pages *pages, uint32_t layer_count,
                                      uint32_t tombstone_count, uint32_t *set_count,
                                      varve_error *error) VARVE_MUST_CHECK;

static inline uint32_t vv_catalogue_series_count(const struct vv_block_catalogue *catalogue)
{
    return (uint32_t)(catalogue->series.length / sizeof(struct vv_catalogue_series));
}

#endif
