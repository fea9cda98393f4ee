/*
 * shard_salvage.c - the best shard that can be made out of a damaged one.
 *
 *   manifest, or what block headers say --chosen--> intact blocks copied, damaged ones written anew
 *   log segments copied --opened as after a crash--> what they hold flushed to a block
 *   --everything verified
 *
 * G1  The source is only read.
 * G2  Everything that is in the result had its checksum in the source.
 * G3  What the log holds is applied by recovery itself (wal_replay.c): intact frames behind a gap
 *     count, the gap is reported.
 * Thread: one.
 */
#include "storage/copy/shard_salvage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mmap/block_format.h"
#include "os/alloc.h"
#include "storage/copy/shard_copy.h"
#include "storage/shard.h"

enum { PIECE_BYTES = 1 << 20, UUIDS_MAX = 16 };

static const char working_name[] = "salvage.tmp";

/* A salvage under way. */
struct work {
    struct vv_shard_salvage *salvage;
    struct vv_manifest old; /* empty if it cannot be read */
    bool has_manifest;
    bool trust_manifest;
    struct vv_salvage_block *blocks; /* by id */
    size_t count;
    struct vv_manifest made;
    varve_error *error;
};

/* -------------------------------------------------------------------------------- files */

static varve_status copy_pieces(struct vv_shard_salvage *salvage, int source, int made,
                                uint64_t length, uint8_t *piece, varve_status *source_status,
                                int *result)
{
    const struct vv_env *env = salvage->from.env;
    for (uint64_t at = 0; at < length && *result == 0;) {
        size_t part = length - at < PIECE_BYTES ? (size_t)(length - at) : PIECE_BYTES;
        int read = vv_env_read_all(env, source, piece, part, at);
        if (read != 0) {
            *source_status = read == -ENODATA ? VARVE_CORRUPT : VARVE_IO;
            return VARVE_OK;
        }
        *result = vv_env_write_all(env, made, piece, part, at);
        at += part;
    }
    return VARVE_OK;
}

varve_status vv_salvage_copy(struct vv_shard_salvage *salvage, const char *from, const char *to,
                             uint64_t length, const uint8_t *header, size_t header_bytes,
                             varve_status *status_of_source, varve_error *error)
{
    const struct vv_env *env = salvage->from.env;
    uint8_t *piece = vv_alloc(PIECE_BYTES);
    if (piece == NULL) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory to copy %s", from);
    }
    *status_of_source = VARVE_OK;
    int result = 0;
    int source = env->ops->open(env->ctx, salvage->from.directory, from, VV_OPEN_READ);
    int made = env->ops->open(env->ctx, salvage->to, to, VV_OPEN_TRUNCATE);
    if (made < 0) {
        result = made;
    } else if (source < 0) {
        *status_of_source = VARVE_IO;
    } else {
        (void)copy_pieces(salvage, source, made, length, piece, status_of_source, &result);
    }
    if (result == 0 && *status_of_source == VARVE_OK && header != NULL) {
        result = vv_env_write_all(env, made, header, header_bytes, 0);
    }
    if (result == 0) {
        result = made < 0 ? made : env->ops->fdatasync(env->ctx, made);
    }
    if (source >= 0) {
        (void)env->ops->close(env->ctx, source);
    }
    if (made >= 0) {
        int closed = env->ops->close(env->ctx, made);
        result = result == 0 ? closed : result;
    }
    vv_free(piece);
    return result == 0 ? VARVE_OK
                       : vv_fail_io(error, vv_status_from_errno(-result), -result, to, 0,
                                    "cannot be written");
}

/* The id in the name of a finished block; false for other names. */
static bool block_id(const char *name, uint64_t *id)
{
    char made[VV_BLOCK_NAME_BYTES];
    if (!vv_is_block_name(name)) {
        return false;
    }
    *id = 0;
    for (const char *digit = strrchr(name, '-') + 1; *digit != '\0'; digit++) {
        bool is_letter = *digit >= 'a' && *digit <= 'f';
        *id = *id << 4 | ((unsigned)(is_letter ? *digit - 'a' + 10 : *digit - '0') & 15);
    }
    vv_block_name(*id, made); /* only what gives the same name again was one */
    return strcmp(made, name) == 0;
}

/* -------------------------------------------------------------------------------- blocks */

static int add_block_name(void *visitor, const char *name)
{
    uint64_t id;
    if (!block_id(name, &id)) {
        return 0;
    }
    return vv_buffer_append_u64(visitor, id) == VARVE_OK ? 0 : -ENOMEM;
}

static const struct vv_block_info *listed_info(const struct work *work, uint64_t id)
{
    for (size_t i = 0; i < work->old.block_count; i++) {
        if (work->old.blocks[i].identity.id == id) {
            return &work->old.blocks[i];
        }
    }
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = ((const struct vv_salvage_block *)a)->id;
    uint64_t right = ((const struct vv_salvage_block *)b)->id;
    return (left > right) - (left < right);
}

/* Lists the blocks that have a file and those that the manifest has. */
static varve_status list_blocks(struct work *work)
{
    const struct vv_shard_place *from = &work->salvage->from;
    struct vv_buffer ids = {0};
    int listed = from->env->ops->list(from->env->ctx, from->directory, add_block_name, &ids);
    size_t file_count = ids.length / sizeof(uint64_t);
    work->blocks = vv_alloc_zeroed(file_count + work->old.block_count + 1, sizeof(*work->blocks));
    if (listed == 0 && work->blocks != NULL) {
        for (size_t i = 0; i < file_count; i++) {
            uint64_t id = vv_load_u64(ids.bytes + i * sizeof(uint64_t));
            work->blocks[work->count++] =
                (struct vv_salvage_block){.id = id, .expected = listed_info(work, id)};
        }
        for (size_t i = 0; i < work->old.block_count; i++) {
            bool has_file = false;
            for (size_t k = 0; k < file_count; k++) {
                has_file |= work->blocks[k].id == work->old.blocks[i].identity.id;
            }
            if (!has_file) {
                work->blocks[work->count++] = (struct vv_salvage_block){
                    .id = work->old.blocks[i].identity.id, .expected = &work->old.blocks[i]};
            }
        }
        qsort(work->blocks, work->count, sizeof(*work->blocks), compare_ids);
    }
    vv_buffer_fini(&ids);
    if (listed != 0) {
        return vv_fail_io(work->error, vv_status_from_errno(-listed), -listed, NULL, 0,
                          "the directory of the shard cannot be read");
    }
    return work->blocks != NULL ? VARVE_OK
                                : vv_fail(work->error, VARVE_NO_MEMORY, "no memory for blocks");
}

/* A block of which the manifest knows how it began and how long it was: opened from a working copy
 * with the header that it had. */
static varve_status open_repaired(struct work *work, struct vv_salvage_block *block,
                                  const char *name)
{
    struct vv_shard_salvage *salvage = work->salvage;
    struct vv_block_identity identity = block->expected->identity;
    varve_status status = VARVE_CORRUPT;
    /* The manifest does not say of which version the block is. */
    for (uint32_t version = VV_BLOCK_VERSION; version >= 1 && status == VARVE_CORRUPT; version--) {
        uint8_t header[VV_BLOCK_HEADER_BYTES];
        identity.version = version;
        vv_block_header_encode(&identity, header);
        VV_TRY(vv_salvage_copy(salvage, name, working_name, block->expected->file_bytes, header,
                               sizeof(header), &status, work->error));
        if (status == VARVE_OK) {
            status = vv_block_open(salvage->from.env, salvage->to, working_name, block->expected,
                                   &block->block, NULL);
        }
    }
    block->repaired = status == VARVE_OK;
    /* An open block needs its name no more. */
    (void)salvage->from.env->ops->unlink(salvage->from.env->ctx, salvage->to, working_name);
    return status == VARVE_NO_MEMORY ? vv_fail(work->error, status, "no memory to open %s", name)
                                     : VARVE_OK;
}

static varve_status open_block(struct work *work, struct vv_salvage_block *block)
{
    struct vv_shard_salvage *salvage = work->salvage;
    const struct vv_shard_place *from = &salvage->from;
    varve_error detail = {0};
    char name[VV_BLOCK_NAME_BYTES];
    vv_block_name(block->id, name);
    varve_status status =
        vv_block_open(from->env, from->directory, name, block->expected, &block->block, &detail);
    if (status == VARVE_NO_MEMORY || status == VARVE_VERSION) {
        return vv_fail_with(work->error, &detail);
    }
    if (status == VARVE_OK && memcmp(vv_block_info(block->block)->identity.database_uuid,
                                     from->database_uuid, sizeof(from->database_uuid)) != 0) {
        vv_report(salvage->report, VARVE_EVENT_NOTE, VARVE_CORRUPT, name, 0,
                  "%s belongs to another database: left out", name);
        vv_block_release(block->block);
        block->block = NULL;
        return VARVE_OK;
    }
    if (status == VARVE_OK || block->expected == NULL) {
        if (status != VARVE_OK) {
            salvage->blocks_lost++;
            vv_report(salvage->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, detail.offset,
                      "%s: what it holds is lost", detail.message);
        }
        return VARVE_OK;
    }
    if (status != VARVE_NOT_FOUND) {
        VV_TRY(open_repaired(work, block, name));
    }
    if (block->block == NULL) {
        salvage->blocks_lost++;
        salvage->samples_lost += block->expected->sample_count;
        vv_report(salvage->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, detail.offset,
                  "%s; lost with %" PRIu64 " samples of %" PRIu64 " series", detail.message,
                  block->expected->sample_count, block->expected->series_count);
    } else {
        vv_report(salvage->report, VARVE_EVENT_NOTE, VARVE_CORRUPT, name, detail.offset,
                  "%s; the manifest told what it was", detail.message);
    }
    return VARVE_OK;
}

static varve_status open_blocks(struct work *work)
{
    work->trust_manifest = work->has_manifest;
    for (size_t i = 0; i < work->count; i++) {
        struct vv_salvage_block *block = &work->blocks[i];
        VV_TRY(open_block(work, block));
        if (block->block != NULL) {
            work->salvage->files++;
            work->salvage->bytes += vv_block_info(block->block)->file_bytes;
        } else if (block->expected != NULL) {
            work->trust_manifest = false;
        }
    }
    return VARVE_OK;
}

/* Where damage of a block is told. */
struct block_report {
    struct vv_shard_salvage *salvage;
    const char *name;
};

static void tell_damage(void *context, uint64_t offset, const char *message)
{
    const struct block_report *report = context;
    vv_report(report->salvage->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, report->name, offset,
              "%s: %s", report->name, message);
}

/* Writes what is left of a damaged block under its own name and identity; *info says if there was
 * something. */
static varve_status rewrite_block(struct work *work, const struct vv_block *block, const char *name,
                                  struct vv_block_info *info)
{
    struct vv_shard_salvage *salvage = work->salvage;
    const struct vv_env *env = salvage->from.env;
    struct vv_block_salvaged salvaged = {0};
    struct vv_block_writer *writer = NULL;
    const struct vv_block_info *old = vv_block_info(block);
    struct vv_block_identity identity = old->identity;
    identity.rollup_sequence = 0; /* the next writer makes rollups again, if rules ask for them */
    VV_TRY(vv_block_writer_create(env, salvage->to, name, &identity, &writer, work->error));
    varve_status status = vv_block_salvage(block, writer, &salvaged, work->error);
    bool anything = status == VARVE_OK && salvaged.series > 0;
    if (anything) {
        status = vv_block_writer_finish(writer, info, work->error);
    }
    vv_block_writer_destroy(writer);
    if (!anything) {
        (void)env->ops->unlink(env->ctx, salvage->to, name);
        *info = (struct vv_block_info){0};
    }
    VV_TRY(status);
    uint64_t lost = old->sample_count - salvaged.samples;
    salvage->samples_lost += lost;
    salvage->blocks_damaged++;
    vv_report(salvage->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, name, 0,
              "%s: %" PRIu64 " of %" PRIu64 " samples are lost%s%s", name, lost, old->sample_count,
              salvaged.series_lost > 0 ? ", and the labels of some series" : "",
              salvaged.deletions_lost > 0 ? ", and deletions: what was deleted may be back" : "");
    return VARVE_OK;
}

/* Brings a chosen block into the result. */
static varve_status take_block(struct work *work, struct vv_salvage_block *block)
{
    struct vv_shard_salvage *salvage = work->salvage;
    struct vv_block_info info = *vv_block_info(block->block);
    char name[VV_BLOCK_NAME_BYTES];
    uint64_t samples;
    vv_block_name(block->id, name);
    struct block_report report = {salvage, name};
    varve_status status = vv_block_verify(block->block, tell_damage, &report, &samples);
    if (status == VARVE_NO_MEMORY) {
        return vv_fail(work->error, status, "no memory to verify %s", name);
    }
    bool intact = status == VARVE_OK;
    if (intact) {
        uint8_t header[VV_BLOCK_HEADER_BYTES];
        varve_status source;
        vv_block_header_encode(&info.identity, header);
        VV_TRY(vv_salvage_copy(salvage, name, name, info.file_bytes, header, sizeof(header),
                               &source, work->error));
        intact = source == VARVE_OK;
    }
    if (!intact) {
        (void)salvage->from.env->ops->unlink(salvage->from.env->ctx, salvage->to, name);
        VV_TRY(rewrite_block(work, block->block, name, &info));
    }
    if (info.series_count > 0) {
        info.clean_lsn = block->expected != NULL ? block->expected->clean_lsn : 0;
        work->made.blocks[work->made.block_count++] = info;
        salvage->blocks++;
    }
    return VARVE_OK;
}

/* -------------------------------------------------------------------------------- manifest */

static varve_status load_manifest(struct work *work)
{
    varve_error detail = {0};
    varve_status status = vv_manifest_load(&work->salvage->from, &work->old, &detail);
    if (status == VARVE_NO_MEMORY) {
        return vv_fail_with(work->error, &detail);
    }
    /* A newer version, too, may be a damaged number; else the blocks are newer as well. */
    work->has_manifest = status == VARVE_OK;
    if (status == VARVE_OK) {
        work->salvage->files++;
    } else {
        vv_manifest_fini(&work->old);
        vv_report(work->salvage->report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, VV_MANIFEST_NAME,
                  detail.offset, "%s; blocks are taken by what their headers say", detail.message);
    }
    return VARVE_OK;
}

static int compare_infos(const void *a, const void *b)
{
    const struct vv_block_identity *left = &((const struct vv_block_info *)a)->identity;
    const struct vv_block_identity *right = &((const struct vv_block_info *)b)->identity;
    if (left->lsn_max != right->lsn_max) {
        return left->lsn_max < right->lsn_max ? -1 : 1;
    }
    return (left->id > right->id) - (left->id < right->id);
}

/* Where the log of the result begins. What a lost block had may still be in it, from its first
 * frame on; what is missing before that was in blocks, and is told as theirs, unless nothing says
 * where the log began. */
static uint64_t log_start(const struct work *work)
{
    if (!work->has_manifest) {
        return VV_WAL_FIRST_LSN;
    }
    bool reaches_back = !work->trust_manifest && work->salvage->log_lsn < work->old.wal_start_lsn;
    return reaches_back ? work->salvage->log_lsn : work->old.wal_start_lsn;
}

/* The manifest of the result: the blocks that were taken, and where the log goes on. */
static varve_status store_manifest(struct work *work)
{
    struct vv_manifest *made = &work->made;
    made->sequence = work->old.sequence + 1;
    for (size_t i = 0; i < made->block_count; i++) { /* a later rule is newer than all of them */
        uint64_t rolled_up = made->blocks[i].identity.rollup_sequence;
        made->sequence = rolled_up >= made->sequence ? rolled_up + 1 : made->sequence;
    }
    made->rollup_sequence = work->old.rollup_sequence;
    made->wal_start_lsn = log_start(work);
    made->wal_sequence = 0; /* so that every segment counts */
    made->next_block_id = work->old.next_block_id;
    for (size_t i = 0; i < work->count; i++) {
        if (work->blocks[i].id >= made->next_block_id) {
            made->next_block_id = work->blocks[i].id + 1;
        }
        uint64_t lsn_max =
            work->blocks[i].chosen ? vv_block_info(work->blocks[i].block)->identity.lsn_max : 0;
        if (lsn_max > made->wal_start_lsn) {
            made->wal_start_lsn = lsn_max;
        }
    }
    if (made->next_block_id == 0) {
        made->next_block_id = 1;
    }
    if (made->block_count > 0) {
        qsort(made->blocks, made->block_count, sizeof(*made->blocks), compare_infos);
    }
    varve_status status = vv_manifest_copy_rules(made, work->old.rules, work->old.rule_count);
    if (status == VARVE_OK) {
        status = vv_manifest_copy_rollups(made, work->old.rollups, work->old.rollup_count);
    }
    if (status != VARVE_OK) {
        return vv_fail(work->error, status, "no memory for the rules of retention and rollups");
    }
    struct vv_shard_place to = work->salvage->from;
    to.directory = work->salvage->to;
    return vv_manifest_store(&to, made, work->error);
}

static varve_status take_blocks(struct work *work)
{
    vv_salvage_choose(work->blocks, work->count, work->trust_manifest);
    work->made.blocks = vv_alloc_zeroed(work->count + 1, sizeof(*work->made.blocks));
    if (work->made.blocks == NULL) {
        return vv_fail(work->error, VARVE_NO_MEMORY, "no memory for blocks");
    }
    for (size_t i = 0; i < work->count; i++) {
        char name[VV_BLOCK_NAME_BYTES];
        vv_block_name(work->blocks[i].id, name);
        if (work->blocks[i].chosen) {
            VV_TRY(take_block(work, &work->blocks[i]));
        } else if (work->blocks[i].block != NULL) {
            vv_report(work->salvage->report, VARVE_EVENT_NOTE, VARVE_OK, name, 0,
                      "%s is left over: other blocks hold what it holds", name);
        }
    }
    return store_manifest(work);
}

/* --------------------------------------------------------------------------------- log */

static int remove_damaged(void *visitor, const char *name)
{
    const struct vv_shard_salvage *salvage = visitor;
    size_t length = strlen(name), suffix = sizeof(".damaged") - 1;
    if (length > suffix && strcmp(name + length - suffix, ".damaged") == 0) {
        (void)salvage->from.env->ops->unlink(salvage->from.env->ctx, salvage->to, name);
    }
    return 0;
}

/* Opens the result as after a crash and makes a block of what its log holds (G3). */
static varve_status recover_log(struct vv_shard_salvage *salvage, varve_error *error)
{
    struct vv_shard_place place = salvage->from;
    place.directory = salvage->to;
    struct vv_shard_options options = {
        .head_bytes_max = UINT64_MAX,
        .wal_bytes_max = UINT64_MAX,
        .wal_segment_bytes = 32 << 20,
        .series_max = UINT32_MAX,
        .duplicates = salvage->duplicates,
    };
    struct vv_shard *shard = NULL;
    VV_TRY(vv_shard_open(&place, &options, salvage->report, &shard, error));
    vv_mutex_lock(&shard->maintenance_mutex);
    varve_status status = vv_shard_flush_head(shard, error);
    vv_mutex_unlock(&shard->maintenance_mutex);
    varve_status closed = vv_shard_close(shard, status == VARVE_OK ? error : NULL);
    VV_TRY(vv_first(status, closed));
    (void)place.env->ops->list(place.env->ctx, place.directory, remove_damaged, salvage);
    int synced = place.env->ops->sync_directory(place.env->ctx, place.directory);
    if (synced != 0) {
        return vv_fail_io(error, vv_status_from_errno(-synced), -synced, NULL, 0,
                          "the salvaged shard cannot be synced");
    }
    return VARVE_OK;
}

/* ---------------------------------------------------------------------------------- all */

static void finish(struct work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        vv_block_release(work->blocks[i].block);
    }
    vv_free(work->blocks);
    vv_manifest_fini(&work->old);
    vv_manifest_fini(&work->made);
}

varve_status vv_shard_salvage(struct vv_shard_salvage *salvage, varve_error *error)
{
    struct work work = {.salvage = salvage, .error = error};
    struct vv_shard_place made = salvage->from;
    made.directory = salvage->to;
    varve_status status = load_manifest(&work);
    if (status == VARVE_OK) {
        status = list_blocks(&work);
    }
    if (status == VARVE_OK) {
        status = open_blocks(&work);
    }
    if (status == VARVE_OK) {
        status = vv_salvage_log(salvage, error);
    }
    if (status == VARVE_OK) {
        status = take_blocks(&work);
    }
    finish(&work);
    VV_TRY(status);
    VV_TRY(recover_log(salvage, error));
    varve_check_report figures = {0};
    VV_TRY(vv_shard_copy_verify(&made, salvage->duplicates, &figures, error));
    salvage->samples = figures.samples;
    return VARVE_OK;
}

/* --------------------------------------------------------------------------------- uuid */

struct election {
    const struct vv_shard_place *place;
    uint8_t uuids[UUIDS_MAX][16];
    unsigned votes[UUIDS_MAX];
    size_t count;
};

/* Reads the first bytes of a file and counts the uuid in them, if they are what they should be. */
static int vote(void *visitor, const char *name)
{
    struct election *election = visitor;
    const struct vv_shard_place *place = election->place;
    uint8_t bytes[64];
    struct vv_wal_segment_header header;
    uint64_t number;
    const uint8_t *uuid = bytes + VV_HEADER_UUID; /* at the same place in blocks and manifests */
    int file = place->env->ops->open(place->env->ctx, place->directory, name, VV_OPEN_READ);
    int result = file < 0 ? file : vv_env_read_all(place->env, file, bytes, sizeof(bytes), 0);
    if (file >= 0) {
        (void)place->env->ops->close(place->env->ctx, file);
    }
    bool counts = false;
    if (result == 0 && vv_wal_segment_sequence(name, &number)) {
        counts = vv_wal_segment_header_decode(bytes, &header) == VARVE_OK;
        uuid = header.database_uuid;
    } else if (result == 0) {
        counts = block_id(name, &number) || strcmp(name, VV_MANIFEST_NAME) == 0;
    }
    size_t i = 0;
    while (counts && i < election->count && memcmp(election->uuids[i], uuid, 16) != 0) {
        i++;
    }
    if (counts && i < UUIDS_MAX) {
        memcpy(election->uuids[i], uuid, 16);
        election->votes[i]++;
        election->count = i == election->count ? i + 1 : election->count;
    }
    return 0;
}

varve_status vv_shard_salvage_uuid(const struct vv_shard_place *place, uint8_t uuid[16])
{
    struct election election = {.place = place};
    int listed = place->env->ops->list(place->env->ctx, place->directory, vote, &election);
    size_t best = 0;
    for (size_t i = 1; i < election.count; i++) {
        best = election.votes[i] > election.votes[best] ? i : best;
    }
    if (listed != 0 || election.count == 0) {
        return VARVE_NOT_FOUND;
    }
    memcpy(uuid, election.uuids[best], 16);
    return VARVE_OK;
}
