/*
 * fuzz_wal_record.c - payloads of log frames, any bytes: a status, bounded time, and what is
 * accepted is encoded again to a record that means the same.
 *
 *     input: | record type (1 byte) | payload |
 */
#include <stdint.h>
#include <string.h>

#include "os/alloc.h"
#include "storage/log/wal_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct columns {
    uint32_t refs[VARVE_BATCH_MAX];
    int64_t timestamps[VARVE_BATCH_MAX];
    double values[VARVE_BATCH_MAX];
};

static struct columns first_columns;
static struct columns second_columns;

static struct vv_wal_samples samples_in(struct columns *columns)
{
    return (struct vv_wal_samples){
        .refs = columns->refs, .timestamps = columns->timestamps, .values = columns->values};
}

static void check_samples(const uint8_t *payload, size_t length)
{
    struct vv_wal_samples first = samples_in(&first_columns);
    struct vv_wal_samples second = samples_in(&second_columns);
    struct vv_buffer again = {0};

    if (vv_wal_samples_decode(payload, length, &first) != VARVE_OK) {
        return;
    }
    VV_ASSERT(vv_wal_samples_encode(&first, &again) == VARVE_OK);
    VV_ASSERT(vv_buffer_append(&again, first.values, first.count * sizeof *first.values) ==
              VARVE_OK);
    VV_ASSERT(vv_wal_samples_decode(again.bytes, again.length, &second) == VARVE_OK);
    VV_ASSERT(first.count == second.count && first.policy == second.policy);
    VV_ASSERT(memcmp(first.refs, second.refs, first.count * sizeof *first.refs) == 0);
    VV_ASSERT(memcmp(first.timestamps, second.timestamps, first.count * sizeof *first.timestamps) ==
              0);
    VV_ASSERT(memcmp(first.values, second.values, first.count * sizeof *first.values) == 0);
    vv_buffer_fini(&again);
}

static void check_series(const uint8_t *payload, size_t length)
{
    struct vv_reader reader = vv_reader_init(payload, length);
    struct vv_key key;
    uint32_t ref;
    bool done = false;

    while (vv_wal_series_decode(&reader, &ref, &key, &done) == VARVE_OK && !done) {
        VV_ASSERT(key.bytes >= payload && key.bytes + key.length <= payload + length);
        VV_ASSERT(vv_key_validate(key) == VARVE_OK);
    }
}

static void check_delete(const uint8_t *payload, size_t length)
{
    struct vv_wal_delete record;
    uint64_t touched = 0;

    if (vv_wal_delete_decode(payload, length, &record) == VARVE_OK) {
        for (size_t index = 0; index < record.count; index++) {
            touched += record.refs[index];
        }
        VV_ASSERT(record.count > 0 || touched == 0);
        vv_free(record.refs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    switch (bytes[0]) {
    case VV_WAL_SERIES:
        check_series(bytes + 1, length - 1);
        break;
    case VV_WAL_SAMPLES:
        check_samples(bytes + 1, length - 1);
        break;
    case VV_WAL_DELETE:
        check_delete(bytes + 1, length - 1);
        break;
    default:
        break;
    }
    return 0;
}
