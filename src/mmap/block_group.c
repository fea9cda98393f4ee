/*
 * block_group.c - encoded columns wait side by side; full groups are compressed together.
 *
 *   batches   [full][full][full][being filled][ ][ ][ ][ ]
 *   a batch   encoded | column 0 | column 1 | ... |
 *             columns | count and length, then its place | ...
 *             packed  | group | group |          one as a rule
 *
 * Neighbours are series of one metric, whose columns resemble each other: that is what makes groups
 * small. The codec chooses one form for a whole group and wants raw values for it: who packs a
 * batch decodes it, which takes a hundredth of the time, where raw columns would take twenty times
 * the memory while they wait.
 *
 * R1  A batch is full when its columns make a group, by their packed length, or when there are too
 *     many of them or their values, which happens only where they hardly take any bytes.
 * R2  Full batches are packed when there are BATCHES of them: whatever the threads, so that pages
 *     come to lie in the same order.
 * R3  What of a batch does not fit a group makes the next one.
 * R4  While batches are packed, each is one thread's. A packer is one thread's from take to give.
 * R5  What waits comes from our own encoder and has never left memory: failing to decode it is a
 *     programmer error and asserted.
 * Memory: a group for each batch that waits; for each thread that packs some 6 MiB, and 8 bytes for
 * each value of a batch. Threads: one at a time.
 */
#include "mmap/block_group.h"

#include <stdatomic.h>

#include "os/alloc.h"

enum {
    BATCHES = 8, /* as many threads have work */
    VALUES_MAX = 2 << 20,
};

struct batch_column {
    uint64_t number; /* of its place */
    uint32_t count;
    uint32_t encoded_bytes;
    uint32_t offset; /* in its group, with bytes */
    uint32_t bytes;
    /* Of the last column of a group: how long that is; else 0. */
    uint32_t group_bytes;
    uint32_t unpacked_bytes;
};

struct batch {
    size_t column_count;
    size_t value_count;
    struct vv_buffer encoded; /* columns */
    struct vv_buffer packed;
    varve_status status; /* of packing */
    struct batch_column columns[VV_COLD_GROUP_COLUMNS_MAX];
};

/* What a thread needs to pack a batch. */
struct packer {
    struct vv_cold_writer *writer;
    struct vv_buffer values;
    struct vv_cold_column columns[VV_COLD_GROUP_COLUMNS_MAX];
    uint32_t offsets[VV_COLD_GROUP_COLUMNS_MAX + 1];
};

struct vv_block_group {
    struct vv_block_pages *pages;
    struct vv_buffer *places;
    size_t full_count; /* batches; the next one is being filled */
    struct batch *batches[BATCHES];
    size_t packer_count;
    struct packer *packers[BATCHES];
    atomic_uint packers_free; /* a bit for each */
};

varve_status vv_block_group_create(struct vv_block_pages *pages, struct vv_buffer *places,
                                   struct vv_block_group **group)
{
    struct vv_block_group *made = vv_alloc_zeroed(1, sizeof(*made));
    if (made == NULL) {
        return VARVE_NO_MEMORY;
    }
    made->pages = pages;
    made->places = places;
    atomic_init(&made->packers_free, 0);
    *group = made;
    return VARVE_OK;
}

void vv_block_group_destroy(struct vv_block_group *group)
{
    if (group == NULL) {
        return;
    }
    for (size_t index = 0; index < BATCHES; index++) {
        if (group->batches[index] != NULL) {
            vv_buffer_fini(&group->batches[index]->encoded);
            vv_buffer_fini(&group->batches[index]->packed);
            vv_free(group->batches[index]);
        }
    }
    for (size_t index = 0; index < group->packer_count; index++) {
        vv_buffer_fini(&group->packers[index]->values);
        vv_free(group->packers[index]->writer);
        vv_free(group->packers[index]);
    }
    vv_free(group);
}

static varve_status add_packer(struct vv_block_group *group)
{
    struct packer *packer = vv_alloc(sizeof(*packer));
    if (packer == NULL) {
        return VARVE_NO_MEMORY;
    }
    void *memory = vv_alloc_aligned(VV_COLD_MEMORY_ALIGNMENT, vv_cold_writer_bytes());
    if (memory == NULL) {
        vv_free(packer);
        return VARVE_NO_MEMORY;
    }
    packer->writer = vv_cold_writer_init(memory);
    vv_buffer_init(&packer->values);
    atomic_fetch_or(&group->packers_free, 1u << group->packer_count);
    group->packers[group->packer_count++] = packer;
    return VARVE_OK;
}

/* There are as many packers as threads, so one is free. */
static unsigned take_packer(struct vv_block_group *group)
{
    unsigned packers_free = atomic_load(&group->packers_free);
    for (;;) {
        VV_ASSERT(packers_free != 0);
        if (atomic_compare_exchange_weak(&group->packers_free, &packers_free,
                                         packers_free & (packers_free - 1))) {
            return (unsigned)__builtin_ctz(packers_free);
        }
    }
}

/* Packs what begins at column `first` of a batch as one group; *taken columns went in. */
static varve_status pack_group(struct packer *packer, struct batch *batch, size_t first,
                               size_t *taken)
{
    size_t length;
    VV_TRY(vv_buffer_reserve(&batch->packed, VV_COLD_GROUP_BOUND));
    size_t count =
        vv_cold_group_write(packer->writer, packer->columns + first, batch->column_count - first,
                            batch->packed.bytes + batch->packed.length, &length, packer->offsets);
    for (size_t index = 0; index < count; index++) {
        struct batch_column *column = &batch->columns[first + index];
        column->offset = packer->offsets[index];
        column->bytes = packer->offsets[index + 1] - packer->offsets[index];
        column->group_bytes = 0;
    }
    batch->columns[first + count - 1].group_bytes = (uint32_t)length;
    batch->columns[first + count - 1].unpacked_bytes = packer->offsets[count];
    batch->packed.length += length;
    *taken = count;
    return VARVE_OK;
}

/* Decodes the columns of a batch, each right behind the one before: wide stores may reach into the
 * next one, which is decoded later. */
static varve_status decode_batch(struct packer *packer, const struct batch *batch)
{
    const uint8_t *encoded = batch->encoded.bytes;
    vv_buffer_clear(&packer->values);
    VV_TRY(vv_buffer_reserve(&packer->values,
                             VV_DECODE_ROOM(batch->value_count + VV_COLUMN_MAX) * sizeof(double)));
    double *values = (double *)(void *)packer->values.bytes;
    for (size_t index = 0; index < batch->column_count; index++) {
        const struct batch_column *column = &batch->columns[index];
        varve_status status =
            vv_values_decode(encoded, column->encoded_bytes, column->count, values);
        VV_ASSERT(status == VARVE_OK); /* R5 */
        packer->columns[index] = (struct vv_cold_column){.values = values, .count = column->count};
        encoded += column->encoded_bytes;
        values += column->count;
    }
    return VARVE_OK;
}

static void pack_batch(void *context, size_t index)
{
    struct vv_block_group *group = context;
    struct batch *batch = group->batches[index];
    unsigned number = take_packer(group);
    struct packer *packer = group->packers[number];
    vv_buffer_clear(&batch->packed);
    batch->status = decode_batch(packer, batch);
    for (size_t first = 0, taken = 0; first < batch->column_count && batch->status == VARVE_OK;
         first += taken) {
        batch->status = pack_group(packer, batch, first, &taken);
    }
    atomic_fetch_or(&group->packers_free, 1u << number);
}

/* Writes the groups of a packed batch and tells where its columns have come to lie. */
static varve_status write_batch(struct vv_block_group *group, const struct batch *batch,
                                varve_error *error)
{
    const uint8_t *packed = batch->packed.bytes;
    if (batch->status != VARVE_OK) {
        return vv_fail(error, batch->status, "no memory to write a block");
    }
    for (size_t index = 0; index < batch->column_count; index++) {
        const struct batch_column *column = &batch->columns[index];
        struct vv_place place = {
            .page = vv_block_pages_count(group->pages, VV_SECTION_VALUES),
            .offset = column->offset,
            .bytes = column->bytes,
        };
        vv_store_u64(group->places->bytes + column->number * sizeof(uint64_t),
                     vv_place_pack(place));
        if (column->group_bytes > 0) {
            VV_TRY(vv_block_pages_put_group(group->pages, VV_SECTION_VALUES, packed,
                                            column->group_bytes, column->unpacked_bytes, error));
            packed += column->group_bytes;
        }
    }
    return VARVE_OK;
}

/* Packs and writes the first count batches. */
static varve_status write_batches(struct vv_block_group *group, size_t count,
                                  struct vv_workers *workers, varve_error *error)
{
    size_t threads = vv_workers_threads(workers) + (size_t)1;
    size_t packers = threads < count ? threads : count;
    while (group->packer_count < packers) {
        varve_status status = add_packer(group);
        if (status != VARVE_OK) {
            return vv_fail(error, status, "no memory to write a block");
        }
    }
    vv_workers_run(workers, pack_batch, group, count);
    for (size_t index = 0; index < count; index++) {
        VV_TRY(write_batch(group, group->batches[index], error));
        group->batches[index]->column_count = 0;
    }
    group->full_count = 0;
    return VARVE_OK;
}

/* The batch that is being filled. */
static varve_status open_batch(struct vv_block_group *group, struct batch **batch)
{
    struct batch **place = &group->batches[group->full_count];
    if (*place == NULL) {
        *place = vv_alloc(sizeof(**place));
        if (*place == NULL) {
            return VARVE_NO_MEMORY;
        }
        (*place)->column_count = 0;
        vv_buffer_init(&(*place)->encoded);
        vv_buffer_init(&(*place)->packed);
    }
    if ((*place)->column_count == 0) {
        (*place)->value_count = 0;
        vv_buffer_clear(&(*place)->encoded);
    }
    *batch = *place;
    return VARVE_OK;
}

static bool is_full(const struct batch *batch)
{
    return batch->encoded.length >= VV_COLD_GROUP_BYTES ||
           batch->column_count == VV_COLD_GROUP_COLUMNS_MAX ||
           batch->value_count > VALUES_MAX - VV_COLUMN_MAX;
}

varve_status vv_block_group_add(struct vv_block_group *group,
                                const struct vv_encoded_column *column, uint32_t count,
                                uint64_t number, struct vv_workers *workers, varve_error *error)
{
    struct batch *batch;
    varve_status status = open_batch(group, &batch);
    if (status == VARVE_OK) {
        status = vv_buffer_append(&batch->encoded, column->bytes, column->length);
    }
    if (status != VARVE_OK) {
        return vv_fail(error, status, "no memory to write a block");
    }
    batch->columns[batch->column_count++] =
        (struct batch_column){.number = number, .count = count, .encoded_bytes = column->length};
    batch->value_count += count;
    if (!is_full(batch)) {
        return VARVE_OK;
    }
    group->full_count++;
    return group->full_count < BATCHES ? VARVE_OK
                                       : write_batches(group, group->full_count, workers, error);
}

varve_status vv_block_group_flush(struct vv_block_group *group, struct vv_workers *workers,
                                  varve_error *error)
{
    size_t count = group->full_count;
    /* There is always a place behind the full ones: BATCHES of them are written at once. */
    if (group->batches[count] != NULL && group->batches[count]->column_count > 0) {
        count++;
    }
    return write_batches(group, count, workers, error);
}
