/*
 * shard_log.c - a change of some series: its place in the log, then the head, in one order.
 *
 *   locks of the series { definitions of those that generation G lacks --> log |
 *                         reserve a place in the log, in generation G | copy, publish |
 *                         apply to generation G }
 *
 * P1  The locks are taken before the place is known and are held until the change is in the head:
 *     for every series the order of the log is the order of the head, and live answers equal
 *     replayed ones.
 * P2  A failure before the record has its place leaves nothing behind but definitions, which are
 *     harmless.
 * P3  Nobody waits while holding locks: without room in the log they are given back first.
 * P4  The definitions of all series stand in the log between the start of generation G and the
 *     record: all of these places are refused when G has ended.
 * P5  Closing generation G (vv_ring_cut()) and then waiting for all who hold locks leaves nothing
 *     under way that belongs to it.
 * Thread: any number at once; a writer's buffers are its thread's.
 */
#include "os/alloc.h"
#include "storage/shard.h"

enum { DEFINITIONS_BYTES_MAX = 1 << 20 /* in one record, and one more definition */ };

static void init_writer(struct vv_slot_owner *owner, struct vv_thread_slot *slot)
{
    (void)owner;
    struct vv_shard_writer *writer = (void *)slot;
    vv_head_locks_init(&writer->locks);
}

void vv_shard_writers_init(struct vv_shard *shard)
{
    vv_slot_owner_init(&shard->writers, sizeof(struct vv_shard_writer), init_writer);
}

static void fini_writer(struct vv_thread_slot *slot, void *visitor)
{
    (void)visitor;
    struct vv_shard_writer *writer = (void *)slot;
    vv_buffer_fini(&writer->refs);
    vv_buffer_fini(&writer->record);
    vv_buffer_fini(&writer->definitions);
    vv_buffer_fini(&writer->defined);
    vv_head_locks_fini(&writer->locks);
}

void vv_shard_writers_fini(struct vv_shard *shard)
{
    vv_slot_owner_visit(&shard->writers, fini_writer, NULL);
    vv_slot_owner_fini(&shard->writers);
}

struct vv_shard_writer *vv_shard_writer(struct vv_shard *shard)
{
    return (void *)vv_thread_slot_get(&shard->writers);
}

varve_status vv_shard_head_lacks(struct vv_shard *shard)
{
    atomic_store(&shard->head_lacks, true);
    vv_report(shard->report, VARVE_EVENT_IO_ERROR, VARVE_NO_MEMORY, NULL, 0,
              "out of memory while the log was applied: the log has it all, but the database is "
              "read-only until it is opened again");
    return VARVE_UNKNOWN;
}

/* How an attempt under the locks ended. */
enum attempt { DONE, NO_ROOM, OTHER_GENERATION, SHUT_OUT };

/* One change on its way. */
struct way {
    struct vv_shard *shard;
    struct vv_shard_writer *writer;
    const struct vv_shard_change *change;
    uint64_t generation;
    uint64_t refused_bytes; /* of the frame that there was no room for */
};

static enum attempt log_one(struct way *way, const struct vv_wal_record *record, uint64_t *lsn)
{
    way->refused_bytes = vv_wal_record_bytes(record);
    switch (vv_wal_try_append(&way->shard->wal, record, way->generation, lsn)) {
    case VV_RING_NO_ROOM:
        return NO_ROOM;
    case VV_RING_OTHER_GENERATION:
        return OTHER_GENERATION;
    case VV_RING_RESERVED:
    default:
        return DONE;
    }
}

/* Adds the definition of one series to those to be logged. */
static varve_status collect_definition(struct way *way, uint32_t ref)
{
    const struct vv_series *series = vv_series_table_get(way->shard->table, ref);
    struct vv_buffer *defined = &way->writer->defined;
    VV_TRY(vv_buffer_reserve(defined, sizeof(ref)));
    VV_TRY(vv_wal_series_encode(ref, vv_series_key(series), &way->writer->definitions));
    VV_TRY(vv_buffer_append_u32(defined, ref));
    /* Already now, so that it is collected once however often it stands in the batch. */
    vv_head_set_defined(&way->shard->head, ref, way->generation);
    return VARVE_OK;
}

/* Forgets what is collected and not logged. */
static void drop_collected(struct way *way)
{
    const struct vv_buffer *defined = &way->writer->defined;
    for (size_t at = 0; at < defined->length; at += sizeof(uint32_t)) {
        vv_head_forget_defined(&way->shard->head, vv_load_u32(defined->bytes + at));
    }
}

static enum attempt log_collected(struct way *way)
{
    struct vv_shard_writer *writer = way->writer;
    uint64_t lsn;
    struct vv_wal_record record = {.type = VV_WAL_SERIES, .payload = &writer->definitions};
    enum attempt attempt = log_one(way, &record, &lsn);
    if (attempt != DONE) {
        drop_collected(way);
    }
    vv_buffer_clear(&writer->definitions);
    vv_buffer_clear(&writer->defined);
    return attempt;
}

/* Logs the definitions that this generation of the log lacks; *status counts if DONE. */
static enum attempt log_definitions(struct way *way, varve_status *status)
{
    const struct vv_shard_change *change = way->change;
    struct vv_shard_writer *writer = way->writer;
    uint64_t bytes_max = vv_wal_payload_bytes_max(&way->shard->wal) / 2;
    bytes_max = bytes_max > DEFINITIONS_BYTES_MAX ? DEFINITIONS_BYTES_MAX : bytes_max;
    enum attempt attempt = DONE;
    vv_buffer_clear(&writer->definitions);
    vv_buffer_clear(&writer->defined);
    for (size_t i = 0; i < change->ref_count && attempt == DONE; i++) {
        if (vv_head_is_defined(&way->shard->head, change->refs[i], way->generation)) {
            continue;
        }
        *status = collect_definition(way, change->refs[i]);
        if (*status != VARVE_OK) {
            drop_collected(way);
            return DONE;
        }
        if (writer->definitions.length >= bytes_max) {
            attempt = log_collected(way);
        }
    }
    return attempt == DONE && writer->definitions.length > 0 ? log_collected(way) : attempt;
}

/* One attempt under the locks; *status counts if DONE. */
static enum attempt try_change(struct way *way, const struct vv_wal_record *record, uint64_t *lsn,
                               varve_status *status)
{
    struct vv_shard *shard = way->shard;
    const struct vv_shard_change *change = way->change;
    /* Both flags are set under a lock of ours, or before somebody took and released one. */
    if (!change->exclusive && atomic_load_explicit(&shard->exclusive, memory_order_relaxed)) {
        return SHUT_OUT;
    }
    if (atomic_load_explicit(&shard->head_lacks, memory_order_relaxed)) {
        *status = VARVE_READ_ONLY;
        return DONE;
    }
    way->generation = vv_ring_generation(&shard->wal.ring);
    enum attempt attempt = DONE;
    if (!vv_head_locks_are_defined(&way->writer->locks, way->generation)) {
        attempt = log_definitions(way, status);
    }
    if (attempt != DONE || *status != VARVE_OK) {
        return attempt;
    }
    attempt = log_one(way, record, lsn);
    if (attempt == DONE && change->apply(shard, change->context, way->generation) != VARVE_OK) {
        *status = vv_shard_head_lacks(shard); /* out of memory behind the point of no return */
    }
    return attempt;
}

static varve_status lock_series(struct way *way)
{
    const struct vv_shard_change *change = way->change;
    struct vv_head *head = &way->shard->head;
    struct vv_head_locks *locks = &way->writer->locks;
    return change->refs_follow ? vv_head_lock_range(head, change->refs[0], change->ref_count, locks)
                               : vv_head_lock_refs(head, change->refs, change->ref_count, locks);
}

varve_status vv_shard_log_and_apply(struct vv_shard *shard, struct vv_shard_writer *writer,
                                    const struct vv_shard_change *change, uint64_t *lsn)
{
    struct way way = {.shard = shard, .writer = writer, .change = change};
    struct vv_wal_record record = {.type = change->type,
                                   .sample_count = (uint32_t)change->sample_count,
                                   .payload = &writer->record,
                                   .more = change->more,
                                   .more_bytes = change->more_bytes};
    if (vv_wal_record_payload_bytes(&record) > vv_wal_payload_bytes_max(&shard->wal)) {
        return VARVE_LIMIT;
    }
    for (;;) {
        varve_status status = VARVE_OK;
        VV_TRY(lock_series(&way));
        enum attempt attempt = try_change(&way, &record, lsn, &status);
        vv_head_unlock_refs(&writer->locks);
        switch (attempt) {
        case DONE:
            return status;
        case NO_ROOM:
            VV_TRY(vv_wal_make_room(&shard->wal, way.refused_bytes, change->wait)); /* P3 */
            vv_shard_fill_reserve(shard); /* grows with the log */
            break;
        case SHUT_OUT: /* until whoever is alone has finished */
            vv_mutex_lock(&shard->exclusive_mutex);
            vv_mutex_unlock(&shard->exclusive_mutex);
            break;
        case OTHER_GENERATION:
        default:
            break;
        }
    }
}

varve_status vv_shard_flush_log(struct vv_shard *shard, uint64_t lsn, enum vv_wal_strength strength)
{
    if (shard->options.read_only) {
        return VARVE_OK;
    }
    uint64_t end_lsn = vv_wal_end(&shard->wal);
    return vv_wal_flush(&shard->wal, lsn < end_lsn ? lsn : end_lsn, strength);
}

bool vv_shard_log_wants_sync(struct vv_shard *shard)
{
    return !shard->options.read_only && vv_wal_wants_sync(&shard->wal);
}

void vv_shard_set_log_synced_elsewhere(struct vv_shard *shard)
{
    atomic_store(&shard->wal.synced_elsewhere, true);
}

void vv_shard_mark_log(struct vv_shard *shard)
{
    static const struct vv_buffer empty;
    uint64_t lsn;
    if (!atomic_load(&shard->wal.failed) &&
        vv_wal_needs_mark(&shard->wal, atomic_load(&shard->wal_start_lsn))) {
        varve_status status = vv_wal_append(&shard->wal, VV_WAL_MARK, &empty, 0, &lsn);
        if (status == VARVE_OK) {
            status = vv_wal_flush(&shard->wal, lsn, VV_WAL_WRITTEN);
        }
        (void)status; /* a mark that is missing costs certainty about damage, nothing else */
    }
}

varve_status vv_shard_log_mark(struct vv_shard *shard)
{
    static const struct vv_buffer empty;
    uint64_t lsn;
    if (atomic_load(&shard->head_lacks)) {
        return VARVE_READ_ONLY;
    }
    return vv_wal_append(&shard->wal, VV_WAL_MARK, &empty, 0, &lsn);
}
