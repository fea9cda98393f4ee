/*
 * fuzz_database_file.c - the file that makes a directory a database, any bytes: recognised or
 * refused with a message, and what is recognised is written again as it was understood.
 *
 * The same bytes also stand in the file of the lock, where the next one who comes looks for the
 * holder's name. The checksum would keep the fuzzer out, so it is put right.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "engine/database_file.h"
#include "support/fuzz_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { CHECKSUM_OFFSET = 56 };

static void check_identity(const uint8_t *file)
{
    struct vv_database_identity first, second;
    uint8_t again[VV_DATABASE_FILE_BYTES];
    if (vv_database_identity_decode(file, &first) != VARVE_OK) {
        return;
    }
    vv_database_identity_encode(&first, again);
    VV_ASSERT(vv_database_identity_decode(again, &second) == VARVE_OK);
    VV_ASSERT(memcmp(first.uuid, second.uuid, sizeof(first.uuid)) == 0);
    VV_ASSERT(first.shard_count == second.shard_count && first.sync == second.sync &&
              first.duplicates == second.duplicates && first.is_snapshot == second.is_snapshot &&
              first.snapshot_lsn == second.snapshot_lsn);
}

static void check_recognition(const struct fuzz_disk *disk)
{
    struct vv_database_identity identity;
    varve_error error = {.status = VARVE_OK};
    int directory;
    varve_status status = vv_database_identify(disk->env, "/", &directory, &identity, &error);
    if (status == VARVE_OK) {
        (void)disk->env->ops->close(disk->env->ctx, directory);
    } else {
        VV_ASSERT(status == VARVE_CORRUPT || status == VARVE_VERSION);
        VV_ASSERT(error.status == status && strlen(error.message) > 0);
    }
}

/* Whatever the holder left there, whoever comes next is told that it is locked. */
static void check_lock(const struct fuzz_disk *disk, const uint8_t *bytes, size_t length)
{
    int held, second;
    VV_ASSERT(vv_database_lock(disk->env, disk->directory, "/", &held, NULL) == VARVE_OK);
    fuzz_disk_write(disk, VV_LOCK_FILE_NAME, bytes, length);
    VV_ASSERT(vv_database_lock(disk->env, disk->directory, "/", &second, NULL) == VARVE_LOCKED);
    (void)disk->env->ops->close(disk->env->ctx, held);
    VV_ASSERT(vv_database_lock(disk->env, disk->directory, "/", &held, NULL) == VARVE_OK);
    (void)disk->env->ops->close(disk->env->ctx, held);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct fuzz_disk disk = fuzz_disk_create();
    uint8_t *file = vv_alloc(length + 1);
    VV_ASSERT(file != NULL);
    memcpy(file, bytes, length);
    if (length >= VV_DATABASE_FILE_BYTES) {
        vv_store_u64(file + CHECKSUM_OFFSET, vv_checksum(file, CHECKSUM_OFFSET, 0));
        check_identity(file);
    }
    fuzz_disk_write(&disk, VV_DATABASE_FILE_NAME, file, length);
    check_recognition(&disk);
    check_lock(&disk, bytes, length);
    vv_free(file);
    fuzz_disk_destroy(&disk);
    return 0;
}
