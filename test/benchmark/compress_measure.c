/*
 * compress_measure.c - encodes a set with every codec and times them in turn.
 */
#include "compress_measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checksum.h"
#include "compress/codec_with.h"
#include "compress/cold.h"
#include "compress_data_internal.h"
#include "compress_peers.h"

enum { ROUNDS = 5, BUFFER_VALUES = 2048, ENCODED_VALUES_MAX = 1 << 21 };

static const struct bench_peer *const peers[BENCH_PEERS] = {&bench_gorilla, &bench_prometheus,
                                                            &bench_chimp128, &bench_zstd};
const char *const bench_peer_names[BENCH_PEERS] = {"gorilla", "prometheus", "chimp128", "zstd-3"};

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof *times, compare_doubles);
    return times[count / 2];
}

/* The encodings of all columns of a set, end to end, laid out `copies` times. */
struct encoded {
    uint8_t *bytes;
    size_t *offsets; /* column_count + 1, in one copy */
    size_t copy_bytes;
    size_t copies;
};

/* Encodes a column with a peer, or with varve if peer is NULL. */
static size_t encode_column(const struct bench_peer *peer, const struct vv_kernels *kernels,
                            const double *values, size_t count, uint8_t *out)
{
    return peer != NULL ? peer->encode(values, count, out)
                        : vv_values_encode_with(kernels, values, count, VV_FORM_PACKED, out);
}

static struct encoded encode_set(const struct bench_set *set, const struct bench_peer *peer)
{
    struct encoded encoded = {.copies = 1};
    size_t capacity = set->column_count * BENCH_PEER_BOUND(0) + set->value_count * 12;
    encoded.bytes = bench_allocate(capacity);
    encoded.offsets = bench_allocate((set->column_count + 1) * sizeof *encoded.offsets);
    size_t at = 0;
    for (size_t i = 0; i < set->column_count; i++) {
        const struct bench_column *column = &set->columns[i];
        encoded.offsets[i] = at;
        at += encode_column(peer, vv_kernels(), set->values + column->start, column->count,
                            encoded.bytes + at);
    }
    encoded.offsets[set->column_count] = at;
    encoded.copy_bytes = at;
    return encoded;
}

/* Replaces the bytes by so many copies of them, followed by padding. */
static void lay_out(struct encoded *encoded, size_t copies)
{
    uint8_t *bytes = bench_allocate(encoded->copy_bytes * copies + VV_DECODE_PADDING);
    for (size_t i = 0; i < copies; i++) {
        memcpy(bytes + i * encoded->copy_bytes, encoded->bytes, encoded->copy_bytes);
    }
    memset(bytes + encoded->copy_bytes * copies, 0, VV_DECODE_PADDING);
    free(encoded->bytes);
    encoded->bytes = bytes;
    encoded->copies = copies;
}

static void release(struct encoded *encoded)
{
    free(encoded->bytes);
    free(encoded->offsets);
}

/* One pass over all copies of all columns into one buffer. */
static double time_decode(const struct bench_set *set, const struct encoded *encoded,
                          const struct bench_peer *peer, const struct vv_kernels *kernels)
{
    static double buffer[BUFFER_VALUES];
    double start = now_ns();
    for (size_t copy = 0; copy < encoded->copies; copy++) {
        const uint8_t *bytes = encoded->bytes + copy * encoded->copy_bytes;
        for (size_t i = 0; i < set->column_count; i++) {
            const uint8_t *in = bytes + encoded->offsets[i];
            size_t length = encoded->offsets[i + 1] - encoded->offsets[i];
            size_t count = set->columns[i].count;
            if (peer != NULL) {
                peer->decode(in, length, count, buffer);
            } else if (vv_values_decode_with(kernels, in, length, count, buffer) != VARVE_OK) {
                abort();
            }
        }
    }
    return (now_ns() - start) / (double)(encoded->copies * set->value_count);
}

static double time_copy(const struct bench_set *set, const double *raw, size_t copies)
{
    static double buffer[BUFFER_VALUES];
    double start = now_ns();
    for (size_t copy = 0; copy < copies; copy++) {
        const double *values = raw + copy * set->value_count;
        for (size_t i = 0; i < set->column_count; i++) {
            memcpy(buffer, values + set->columns[i].start, set->columns[i].count * 8);
            __asm__ volatile("" : : "r"(buffer) : "memory");
        }
    }
    return (now_ns() - start) / (double)(copies * set->value_count);
}

/* Encodes from the raw copies, which memcpy reads as well, until enough values went through. */
static double time_encode(const struct bench_set *set, const double *raw, size_t copies,
                          const struct bench_peer *peer, const struct vv_kernels *kernels)
{
    static uint8_t out[BENCH_PEER_BOUND(VV_COLUMN_MAX)];
    size_t done = 0;
    double start = now_ns();
    for (size_t copy = 0; copy < copies && done < ENCODED_VALUES_MAX; copy++) {
        const double *values = raw + copy * set->value_count;
        for (size_t i = 0; i < set->column_count && done < ENCODED_VALUES_MAX; i++) {
            size_t count = set->columns[i].count;
            (void)encode_column(peer, kernels, values + set->columns[i].start, count, out);
            done += count;
        }
    }
    return (now_ns() - start) / (double)done;
}

static void measure_encode(const struct bench_set *set, const double *raw, size_t copies,
                           struct bench_result *result)
{
    enum { ENCODE_ROUNDS = 3 };
    double isas[BENCH_ISAS][ENCODE_ROUNDS];
    double others[BENCH_PEERS][ENCODE_ROUNDS];
    for (size_t round = 0; round < ENCODE_ROUNDS; round++) {
        for (size_t isa = 0; isa < BENCH_ISAS; isa++) {
            const struct vv_kernels *kernels = vv_kernels_of((enum vv_isa)isa);
            isas[isa][round] = kernels != NULL ? time_encode(set, raw, copies, NULL, kernels) : 0;
        }
        for (size_t i = 0; i < BENCH_PEERS; i++) {
            others[i][round] = time_encode(set, raw, copies, peers[i], NULL);
        }
    }
    for (size_t i = 0; i < BENCH_ISAS; i++) {
        result->isas[i].encode_ns = median(isas[i], ENCODE_ROUNDS);
    }
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        result->peers[i].encode_ns = median(others[i], ENCODE_ROUNDS);
    }
}

static void measure_decode(const struct bench_set *set, const double *raw, size_t copies,
                           const struct encoded *packed, const struct encoded *other,
                           struct bench_result *result)
{
    double copy[ROUNDS];
    double isas[BENCH_ISAS][ROUNDS];
    double others[BENCH_PEERS][ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        copy[round] = time_copy(set, raw, copies);
        for (size_t isa = 0; isa < BENCH_ISAS; isa++) {
            const struct vv_kernels *kernels = vv_kernels_of((enum vv_isa)isa);
            isas[isa][round] = kernels != NULL ? time_decode(set, packed, NULL, kernels) : 0;
        }
        for (size_t i = 0; i < BENCH_PEERS; i++) {
            others[i][round] = time_decode(set, &other[i], peers[i], NULL);
        }
    }
    result->copy.decode_ns = median(copy, ROUNDS);
    for (size_t i = 0; i < BENCH_ISAS; i++) {
        result->isas[i].decode_ns = median(isas[i], ROUNDS);
    }
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        result->peers[i].decode_ns = median(others[i], ROUNDS);
    }
}

static void measure_speeds(const struct bench_set *set, size_t decoded_bytes,
                           struct encoded *packed, struct encoded *other,
                           struct bench_result *result)
{
    /* The peers are not bound by memory: a quarter of the data tells their speed. */
    size_t set_bytes = set->value_count * 8;
    size_t copies = (decoded_bytes + set_bytes - 1) / set_bytes;
    double *raw = bench_allocate(copies * set_bytes);
    for (size_t i = 0; i < copies; i++) {
        memcpy(raw + i * set->value_count, set->values, set_bytes);
    }
    lay_out(packed, copies);
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        lay_out(&other[i], (copies + 3) / 4);
    }
    measure_decode(set, raw, copies, packed, other, result);
    measure_encode(set, raw, copies, result);
    free(raw);
}

/* All groups of a set: the compressed bytes, and the time to read and decode them. */
static void measure_cold(const struct bench_set *set, struct bench_result *result)
{
    static double buffer[BUFFER_VALUES];
    struct vv_cold_writer *writer =
        vv_cold_writer_init(aligned_alloc(64, (vv_cold_writer_bytes() + 63) & ~(size_t)63));
    struct vv_cold_reader *reader =
        vv_cold_reader_init(aligned_alloc(64, (vv_cold_reader_bytes() + 63) & ~(size_t)63));
    struct vv_cold_column *columns = bench_allocate(set->column_count * sizeof *columns);
    uint32_t *offsets = bench_allocate((VV_COLD_GROUP_COLUMNS_MAX + 1) * sizeof *offsets);
    uint8_t *out = bench_allocate(VV_COLD_GROUP_BOUND);
    uint8_t *group = bench_allocate(VV_COLD_GROUP_BYTES_MAX + VV_DECODE_PADDING);
    for (size_t i = 0; i < set->column_count; i++) {
        columns[i].values = set->values + set->columns[i].start;
        columns[i].count = set->columns[i].count;
    }
    size_t total = 0;
    double read_ns = 0;
    double start = now_ns();
    for (size_t done = 0; done < set->column_count;) {
        size_t length;
        size_t taken = vv_cold_group_write(writer, columns + done, set->column_count - done, out,
                                           &length, offsets);
        double read_start = now_ns();
        if (vv_cold_group_read(reader, out, length, group,
                               VV_COLD_GROUP_BYTES_MAX + VV_DECODE_PADDING) != VARVE_OK) {
            abort();
        }
        for (size_t i = 0; i < taken; i++) {
            if (vv_values_decode(group + offsets[i], offsets[i + 1] - offsets[i],
                                 columns[done + i].count, buffer) != VARVE_OK ||
                memcmp(buffer, columns[done + i].values, columns[done + i].count * 8) != 0) {
                abort();
            }
        }
        read_ns += now_ns() - read_start;
        total += length;
        done += taken;
    }
    result->cold_bytes = (double)total / (double)set->value_count;
    result->cold.decode_ns = read_ns / (double)set->value_count;
    result->cold.encode_ns = (now_ns() - start - read_ns) / (double)set->value_count;
    free(group);
    free(out);
    free(offsets);
    free(columns);
    free(reader);
    free(writer);
}

static int compare_hashes(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Timestamp columns that are alike are stored once. */
static double shared_timestamp_bytes(const struct bench_set *set)
{
    uint8_t out[VV_TIMESTAMPS_BOUND(VV_COLUMN_MAX)];
    uint64_t *seen = bench_allocate(set->column_count * sizeof *seen);
    size_t total = 0;
    size_t distinct = 0;
    for (size_t i = 0; i < set->column_count; i++) {
        const struct bench_column *column = &set->columns[i];
        const int64_t *timestamps = set->timestamps + column->start;
        uint64_t hash = vv_hash(timestamps, column->count * sizeof *timestamps);
        if (bsearch(&hash, seen, distinct, sizeof *seen, compare_hashes) == NULL) {
            total += vv_timestamps_encode(timestamps, column->count, out);
            seen[distinct++] = hash;
            qsort(seen, distinct, sizeof *seen, compare_hashes);
        }
    }
    free(seen);
    return (double)total / (double)set->value_count;
}

double bench_regular_timestamps(void)
{
    int64_t timestamps[VV_COLUMN_MAX];
    uint8_t out[VV_TIMESTAMPS_BOUND(VV_COLUMN_MAX)];
    for (int64_t i = 0; i < VV_COLUMN_MAX; i++) {
        timestamps[i] = (1794268800 + i * 10) * 1000000000;
    }
    return (double)vv_timestamps_encode(timestamps, VV_COLUMN_MAX, out) / VV_COLUMN_MAX;
}

void bench_measure(const struct bench_set *set, size_t decoded_bytes, struct bench_result *result)
{
    memset(result, 0, sizeof *result);
    memcpy(result->name, set->name, sizeof result->name);
    result->values = set->value_count;
    struct encoded packed = encode_set(set, NULL);
    struct encoded other[BENCH_PEERS];
    result->hot_bytes = (double)packed.copy_bytes / (double)set->value_count;
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        other[i] = encode_set(set, peers[i]);
        result->peer_bytes[i] = (double)other[i].copy_bytes / (double)set->value_count;
    }
    measure_cold(set, result);
    result->timestamp_bytes = set->timestamps != NULL ? shared_timestamp_bytes(set) : -1;
    if (decoded_bytes != 0) {
        measure_speeds(set, decoded_bytes, &packed, other, result);
    }
    release(&packed);
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        release(&other[i]);
    }
}
