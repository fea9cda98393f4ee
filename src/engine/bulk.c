/*
 * bulk.c - the public way past log and head: samples straight to a block.
 *
 * U1  After a failure that may have lost samples nothing is committed any more: all or nothing.
 * Thread: one for each bulk.
 */
#include <string.h>

#include "engine/database.h"
#include "os/alloc.h"
#include "storage/copy/shard_bulk.h"

enum { MEMORY_BYTES_MIN = 16 << 20 };
#define MEMORY_BYTES_DEFAULT (UINT64_C(256) << 20)

struct varve_bulk {
    struct varve_db *db;
    struct vv_shard_bulk *shard_bulk;
    bool is_over; /* committed, or failed */
    uint32_t refs[VARVE_BATCH_MAX];
};

varve_status varve_bulk_begin(varve_db *db, const varve_bulk_options *options, varve_bulk **bulk,
                              varve_error *error)
{
    varve_bulk_options complete = VARVE_BULK_OPTIONS_INIT;
    vv_error_clear(error);
    if (options != NULL) {
        if (options->options_size < sizeof(size_t) || options->options_size > sizeof(complete) ||
            (unsigned)options->duplicates > VARVE_DUPLICATES_ERROR) {
            return vv_fail(error, VARVE_INVALID,
                           "options of a bulk make no sense: fill them with "
                           "VARVE_BULK_OPTIONS_INIT");
        }
        memcpy(&complete, options, options->options_size);
    }
    if (complete.memory_bytes == 0) {
        complete.memory_bytes = MEMORY_BYTES_DEFAULT;
    } else if (complete.memory_bytes < MEMORY_BYTES_MIN) {
        complete.memory_bytes = MEMORY_BYTES_MIN;
    }
    if (complete.duplicates == VARVE_DUPLICATES_DEFAULT) {
        complete.duplicates = db->options.duplicates;
    }
    varve_bulk *made = vv_alloc_zeroed(1, sizeof(*made));
    if (made == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for a bulk");
    }
    made->db = db;
    varve_status status = vv_shard_bulk_create(db->shard, complete.memory_bytes,
                                               complete.duplicates, &made->shard_bulk, error);
    if (status != VARVE_OK) {
        vv_free(made);
        return status;
    }
    *bulk = made;
    return VARVE_OK;
}

static varve_status over(varve_error *error)
{
    return vv_fail(error, VARVE_INVALID,
                   "the bulk was committed or has failed: close it and begin another one");
}

varve_status varve_bulk_append(varve_bulk *bulk, const varve_batch *batch, varve_error *error)
{
    vv_error_clear(error);
    if (bulk->is_over) {
        return over(error);
    }
    if (batch->options_size < offsetof(varve_batch, duplicates) ||
        batch->options_size > sizeof(*batch)) {
        return vv_fail(error, VARVE_INVALID, "fill the batch with VARVE_BATCH_INIT");
    }
    if (batch->options_size > offsetof(varve_batch, duplicates) &&
        batch->duplicates != VARVE_DUPLICATES_DEFAULT) {
        return vv_fail(error, VARVE_INVALID, "a bulk has one duplicate policy for all its samples");
    }
    if (batch->count > VARVE_BATCH_MAX) {
        return vv_fail(error, VARVE_INVALID, "a batch has at most %u samples", VARVE_BATCH_MAX);
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (!vv_series_ref(batch->series[i], &bulk->refs[i])) {
            return vv_fail(error, VARVE_INVALID, "sample %zu has no series of this database", i);
        }
    }
    varve_status status = vv_shard_bulk_add(bulk->shard_bulk, bulk->refs, batch->timestamps,
                                            batch->values, batch->count, error);
    bulk->is_over = status != VARVE_OK && status != VARVE_INVALID;
    return status;
}

varve_status varve_bulk_commit(varve_bulk *bulk, varve_error *error)
{
    vv_error_clear(error);
    if (bulk->is_over) {
        return over(error);
    }
    bulk->is_over = true;
    VV_TRY(vv_shard_bulk_attach(bulk->shard_bulk, error));
    vv_background_wake(bulk->db);
    return VARVE_OK;
}

varve_db *varve_bulk_database(const varve_bulk *bulk)
{
    return bulk->db;
}

void varve_bulk_close(varve_bulk *bulk)
{
    if (bulk != NULL) {
        vv_shard_bulk_destroy(bulk->shard_bulk);
        vv_free(bulk);
    }
}
