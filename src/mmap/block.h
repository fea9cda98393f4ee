/*
 * block.h - immutable files of chunks with their own index, statistics and checksums: writing and
 * reading.
 *
 * Bytes: BLOCK_FORMAT.md. A block is readable alone; it holds, for every series in key order, its
 * chunks and its tombstones (ranges deleted from OLDER blocks). Chunks of a series lie in layers,
 * oldest first: within a layer they are ordered by time and do not overlap and share one duplicate
 * policy; layers may overlap each other. Nearly every series has one layer.
 */
#ifndef VARVE_MMAP_BLOCK_H
#define VARVE_MMAP_BLOCK_H

#include "compress/codec.h"
#include "index/key.h"
#include "index/label_source.h"
#include "os/env.h"
#include "os/workers.h"
#include "query/merge.h"

/* Names which block this is: in its header and in the manifest. */
struct vv_block_identity {
    uint8_t database_uuid[16];
    uint64_t id;      /* unique in its shard, never used twice */
    uint64_t lsn_min; /* the block holds what was logged in (lsn_min, lsn_max] */
    uint64_t lsn_max;
    uint64_t rollup_sequence; /* of the rules that its rollups follow; 0: it has none */
    uint32_t shard;
    uint32_t version; /* of its format, once it is opened; 0 is the present one, which is written */
    bool cold;        /* written for size: zstd groups over chunks */
};

/* What is known of a block as a whole. */
struct vv_block_info {
    struct vv_block_identity identity;
    uint64_t file_bytes;
    uint64_t checksum; /* of the footer, which covers everything else: kept in the manifest */
    uint64_t series_count;
    uint64_t chunk_count;
    uint64_t sample_count;
    uint64_t tombstone_count;
    int64_t time_min; /* of samples; INT64_MAX and INT64_MIN if there are none */
    int64_t time_max;
    uint64_t clean_lsn; /* said by the manifest alone, 0 in the file: see MANIFEST_FORMAT.md */
    /* Of an open block, not in the manifest. */
    uint64_t rollup_bytes; /* of the file that its rollups take */
};

/* ---- writing: begin_series, then its chunks and tombstones; series in ascending key order ---- */

struct vv_block_writer;
struct vv_rollup_rules;

/**
 * vv_block_writer_create() - begin a block in the new file name in directory.
 *
 * Memory: about 100 bytes for each chunk and each series, and the distinct label strings, until the
 * end; samples stream to the file. Some 16 MiB hold those that wait to be encoded; a cold writer
 * needs some 8 MiB for each of at most 8 threads. EXISTS: there is such a file.
 * After any later failure the writer only repeats it, and the caller removes the file: without its
 * footer no reader takes it for a block.
 * @identity  with a rollup_sequence, vv_block_writer_roll_up() must follow.
 */
varve_status vv_block_writer_create(const struct vv_env *env, int directory, const char *name,
                                    const struct vv_block_identity *identity,
                                    struct vv_block_writer **writer,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Before the first chunk: encode on these threads, too, while the calls below wait. They stay the
 * caller's and must outlive the writer. What is written does not depend on them. */
void vv_block_writer_use(struct vv_block_writer *writer, struct vv_workers *workers);
/* Before the first series: those that the rules name get rollups. The rules have the identity's
 * sequence; a reference is taken. NULL (sequence 0) is fine. NO_MEMORY. Cost: for each step that a
 * series is rolled up in, some nanoseconds a sample. */
varve_status vv_block_writer_roll_up(struct vv_block_writer *writer,
                                     struct vv_rollup_rules *rules) VARVE_MUST_CHECK;
/* INVALID: not after the series before. The key is copied. */
varve_status vv_block_writer_begin_series(struct vv_block_writer *writer, struct vv_key key,
                                          varve_error *error) VARVE_MUST_CHECK;
/* 1 to VV_COLUMN_MAX samples with increasing timestamps, after everything else in the layer; layers
 * ascend from 0, and each has one policy (not DEFAULT). INVALID: it is not so; the source is
 * damaged. Columns that came before, here or in another series, are stored once. */
varve_status vv_block_writer_add_chunk(struct vv_block_writer *writer, unsigned layer,
                                       varve_duplicates policy, const int64_t *timestamps,
                                       const double *values, size_t count,
                                       varve_error *error) VARVE_MUST_CHECK;
/* Fills count sinks (block_sink.h; at most VV_BLOCK_FILL_SERIES) with the series from first on, and
 * says how that went for each; on any thread, for others meanwhile. */
struct vv_block_sink;
enum { VV_BLOCK_FILL_SERIES = 8 };
typedef void vv_block_fill(void *context, size_t first, size_t count, struct vv_block_sink *sinks,
                           varve_status *statuses);
/**
 * vv_block_writer_fill() - write count series, in key order, that are collected and encoded on all
 * threads.
 *
 * The samples are not copied before they are encoded: what a fill reads stays where it is until
 * then. Memory: the encodings of some hundred series.
 * @begun_count  how many were not empty; always written.
 * What a fill says; else as the calls that it stands for.
 */
varve_status vv_block_writer_fill(struct vv_block_writer *writer, size_t count, vv_block_fill *fill,
                                  void *context, uint64_t *begun_count,
                                  varve_error *error) VARVE_MUST_CHECK;
/* As vv_block_writer_add_chunk(), for a chunk that a carry has (block_carry.h), by its index there:
 * the writer is of a cold block, and the only one that this carry is used with. CORRUPT, IO: it
 * cannot be read. */
struct vv_block_carry;
varve_status vv_block_writer_carry_chunk(struct vv_block_writer *writer, unsigned layer,
                                         varve_duplicates policy, struct vv_block_carry *carry,
                                         uint32_t index, varve_error *error) VARVE_MUST_CHECK;
varve_status vv_block_writer_add_tombstone(struct vv_block_writer *writer, struct vv_range range,
                                           varve_error *error) VARVE_MUST_CHECK;
/* Writes the index and syncs the file. To publish it, rename it and sync the directory. */
varve_status vv_block_writer_finish(struct vv_block_writer *writer, struct vv_block_info *info,
                                    varve_error *error) VARVE_MUST_CHECK;
/* Releases the writer in any state; closes the file. NULL is fine. */
void vv_block_writer_destroy(struct vv_block_writer *writer);

/* The header of a block of identity's version, VV_BLOCK_HEADER_BYTES of it. */
void vv_block_header_encode(const struct vv_block_identity *identity, uint8_t *header);

/* Gives a finished block that nobody has open another place in the log, and syncs it. info: of the
 * block; follows the change. After a failure the file may be no block any more. */
varve_status vv_block_stamp(const struct vv_env *env, int directory, const char *name,
                            uint64_t lsn_min, uint64_t lsn_max, struct vv_block_info *info,
                            varve_error *error) VARVE_MUST_CHECK;

/* ---- reading ---- */

struct vv_block; /* reference-counted, immutable; any number of threads */

/**
 * vv_block_open() - open a block for reading, with one reference.
 *
 * Maps the file, or reads it page by page where it cannot be mapped. Verifies header, footer and
 * page table; everything else when it is first touched, so that each reading call may return
 * CORRUPT, IO or NO_MEMORY.
 * @expected  nullable: what the manifest says. A difference in size or checksum is CORRUPT.
 * NOT_FOUND, CORRUPT, IO, NO_MEMORY; VERSION: written by a newer varve.
 * Cost: 16 bytes read for each page of the file (16 KiB and more), and the label names.
 */
varve_status vv_block_open(const struct vv_env *env, int directory, const char *name,
                           const struct vv_block_info *expected, struct vv_block **block,
                           varve_error *error) VARVE_MUST_CHECK;
/* Has readers of the block share what they unpack, with each other and with later ones, through the
 * set, which must outlive the block. At most once, before others see the block. */
struct vv_working_set;
void vv_block_use_working_set(struct vv_block *block, struct vv_working_set *set);

void vv_block_acquire(struct vv_block *block);
void vv_block_release(struct vv_block *block); /* the last one unmaps and closes; NULL is fine */

/* Whether a page of the file was lost after it had been verified, and reads as zeros now: nothing
 * of the block may be believed any more. Only where varve_sigbus_guard() was called. Ask after
 * having read. */
bool vv_block_is_lost(const struct vv_block *block);

const struct vv_block_info *vv_block_info(const struct vv_block *block);

/* The label index of the block; ids are 0 to series_count - 1 in key order. */
struct vv_label_source vv_block_labels(const struct vv_block *block);

/* Visits the label names (name NULL) that these series have, or their values of one label: each
 * once, in ascending order. */
varve_status vv_block_list_labels(const struct vv_block *block, const uint32_t *ids, size_t count,
                                  const varve_string *name, vv_visit_name visit,
                                  void *visitor) VARVE_MUST_CHECK;

/* One series of a block. */
struct vv_block_series {
    struct vv_key key; /* points into the buffer that the caller gave */
    uint64_t key_hash;
    uint64_t sample_count; /* over all layers */
    unsigned layer_count;  /* 0: only tombstones */
    size_t tombstone_count;
    int64_t time_min; /* of its samples */
    int64_t time_max;
};

/* Reads series id (< series_count). The key is put together in key_buffer, which is cleared first.
 * Cost: some hundred nanoseconds. */
varve_status vv_block_series(const struct vv_block *block, uint32_t id,
                             struct vv_buffer *key_buffer,
                             struct vv_block_series *series) VARVE_MUST_CHECK;
/* What belongs to series id, without its key: layers, and tombstones. Cost: some nanoseconds. */
varve_status vv_block_series_parts(const struct vv_block *block, uint32_t id, unsigned *layer_count,
                                   size_t *tombstone_count) VARVE_MUST_CHECK;
/* Lets go of the memory that reading the block has filled: whoever reads it again brings it
 * back. */
void vv_block_evict(const struct vv_block *block);
/* Where a row of label values has that of a name. */
struct vv_block_field {
    varve_string text; /* the name */
    uint32_t name;     /* its number */
    uint32_t byte;     /* of the row: the field begins at this bit of it */
    uint32_t bit;
    uint32_t first_label; /* of the name */
    uint32_t label_count;
    uint64_t mask; /* its bits; 0: the name has one value */
};
/* What the label sets of a block with the same names have in common. Whoever reads the labels of
 * many series of one block keeps it, zeroed at first: mostly it is that of the next one too. */
struct vv_block_shape {
    bool known;
    uint32_t first_set;
    uint32_t set_end;
    uint32_t first_page; /* of the rows */
    uint32_t name_count;
    uint32_t metric_at;   /* names before that of metrics */
    bool has_metric_name; /* it is one of them: there is no metric beside it */
    size_t row_bytes;
    struct vv_block_field fields[VARVE_LABELS_MAX]; /* by name */
};
/* The labels of series id, sorted by name; labels has VARVE_LABELS_MAX entries. Strings live as
 * long as the block. Cost: some nanoseconds for each label. */
varve_status vv_block_series_labels(const struct vv_block *block, uint32_t id,
                                    struct vv_block_shape *shape, varve_label *labels,
                                    size_t *count) VARVE_MUST_CHECK;
/* The id of the series with that key; NOT_FOUND. O(1) probes by hash. */
varve_status vv_block_find(const struct vv_block *block, struct vv_key key, uint64_t key_hash,
                           uint32_t *id) VARVE_MUST_CHECK;
/* Reads its tombstones into ranges, which has room for tombstone_count. */
varve_status vv_block_tombstones(const struct vv_block *block, uint32_t id,
                                 struct vv_range *ranges) VARVE_MUST_CHECK;
/* An iterator over one layer (< layer_count), samples in [start, end) only; takes a reference to
 * the block. policy and the time range of the whole layer are written for vv_merge_create(). One
 * allocation of 17 KiB; chunks outside of the range are not touched. */
varve_status vv_block_layer_iter(struct vv_block *block, uint32_t id, unsigned layer, int64_t start,
                                 int64_t end, struct vv_merge_source *source) VARVE_MUST_CHECK;

/* Where the layers and tombstones of a series stand in their tables. */
struct vv_block_parts {
    uint32_t first_layer;
    uint32_t layer_count;
    uint32_t tombstone_count;
};
/* Reads them, for series id (< series_count). Cost: some nanoseconds. */
varve_status vv_block_series_layers(const struct vv_block *block, uint32_t id,
                                    struct vv_block_parts *parts) VARVE_MUST_CHECK;
/* The key of a series (< series_count) alone, put together in bytes, which has room for
 * VARVE_SERIES_KEY_BYTES_MAX. */
varve_status vv_block_series_key(const struct vv_block *block, uint32_t id, uint8_t *bytes,
                                 struct vv_key *key) VARVE_MUST_CHECK;
/* As vv_block_layer_iter(), for the layer at this place of the table, in the memory of a query
 * (nullable: the heap). used (nullable) is an iterator that nobody needs any more: where it is one
 * of this block it becomes the new one, else it is destroyed, whatever the status. */
varve_status vv_block_layer_open(struct vv_block *block, uint32_t index, struct vv_range range,
                                 struct vv_query_memory *memory, struct vv_iter *used,
                                 struct vv_merge_source *source) VARVE_MUST_CHECK;

/**
 * vv_block_layer_chunks() - the chunks of a layer that overlap [start, end), in time order.
 *
 * @summaries  room for capacity (>= 1) of them; *count says how many were written. Fewer than
 *             capacity: there are no more. Otherwise go on with start = last time_max + 1.
 * A chunk that is not wholly inside [start, end) tells about samples outside of it, too: decode it.
 */
varve_status vv_block_layer_chunks(const struct vv_block *block, uint32_t id, unsigned layer,
                                   int64_t start, int64_t end, struct vv_summary *summaries,
                                   size_t capacity, size_t *count) VARVE_MUST_CHECK;

/* What vv_block_salvage() has found. */
struct vv_block_salvaged {
    uint64_t series;  /* that something was written of */
    uint64_t samples; /* written */
    uint64_t series_lost;
    uint64_t chunks_lost;
    uint64_t deletions_lost; /* series whose tombstones cannot be read */
};

/* Writes whatever can be read of a damaged block to another one. NO_MEMORY, or what the writer
 * says; damage of the block is no failure. */
varve_status vv_block_salvage(const struct vv_block *block, struct vv_block_writer *writer,
                              struct vv_block_salvaged *salvaged,
                              varve_error *error) VARVE_MUST_CHECK;

/* Called with one sentence for each damaged place. */
typedef void (*vv_block_damage)(void *context, uint64_t offset, const char *message);
/* Verifies all checksums, decodes everything and compares what is said twice; CORRUPT if anything
 * was found. damage is nullable; its offset is 0 where the damage has no single place. samples: how
 * many were decoded; always written. */
varve_status vv_block_verify(const struct vv_block *block, vv_block_damage damage, void *context,
                             uint64_t *samples) VARVE_MUST_CHECK;

#endif
