/*
 * database_file.h - the directory of a database: making it, recognising it. Bytes:
 * DATABASE_FORMAT.md.
 */
#ifndef VARVE_ENGINE_DATABASE_FILE_H
#define VARVE_ENGINE_DATABASE_FILE_H

#include "base/status.h"
#include "os/env.h"

enum { VV_DATABASE_FILE_BYTES = 64, VV_SHARD_DIRECTORY_BYTES = 16 };

#define VV_DATABASE_FILE_NAME "varve.db"
#define VV_LOCK_FILE_NAME "LOCK"

struct vv_database_identity {
    uint8_t uuid[16];
    uint32_t shard_count;
    varve_sync_mode sync;
    varve_duplicates duplicates;
    bool is_snapshot;      /* made by varve_snapshot(), and not written to since */
    uint64_t snapshot_lsn; /* where its log ends */
};

void vv_database_identity_encode(const struct vv_database_identity *identity,
                                 uint8_t out[VV_DATABASE_FILE_BYTES]);
/* CORRUPT, VERSION. */
varve_status vv_database_identity_decode(const uint8_t in[VV_DATABASE_FILE_BYTES],
                                         struct vv_database_identity *identity) VARVE_MUST_CHECK;

/* Writes the file, which must not exist, durably but for its name. 0 or -errno. */
int vv_database_identity_write(const struct vv_env *env, int directory,
                               const struct vv_database_identity *identity);
/* What a writer does to a snapshot before anything else: from now on it is a database of its own,
 * which no snapshot replaces. */
varve_status vv_database_leave_snapshot(const struct vv_env *env, int directory,
                                        struct vv_database_identity *identity,
                                        varve_error *error) VARVE_MUST_CHECK;

/* "shard-0000"; name holds VV_SHARD_DIRECTORY_BYTES. */
void vv_shard_directory_name(uint32_t shard, char *name);

/* Creates a database with a fresh uuid (written to identity) at path. EXISTS if something is
 * there. */
varve_status vv_database_create(const struct vv_env *env, const char *path,
                                struct vv_database_identity *identity,
                                varve_error *error) VARVE_MUST_CHECK;

/* Opens the directory and reads what it is. NOT_FOUND: nothing is at path, or no database. */
varve_status vv_database_identify(const struct vv_env *env, const char *path, int *directory,
                                  struct vv_database_identity *identity,
                                  varve_error *error) VARVE_MUST_CHECK;

/* Makes the name of the database durable: whoever created it may have been stopped before that, and
 * with the name everything in the directory would go. For writers, once they have the lock. */
varve_status vv_database_sync_name(const struct vv_env *env, const char *path,
                                   varve_error *error) VARVE_MUST_CHECK;

/* Takes the lock of the directory; *file holds it until it is closed. LOCKED, READ_ONLY, IO. */
varve_status vv_database_lock(const struct vv_env *env, int directory, const char *path, int *file,
                              varve_error *error) VARVE_MUST_CHECK;

#endif
