/*
 * wal_append.c - frames in memory: the part of the log between durable and end.
 *
 *   first_page            ...            last_page
 *   [frame frame frame .] [frame frame .] [frame ...free]
 *    ^ durable_lsn is in here              ^ end_lsn
 *
 * A1  Pages hold whole frames at consecutive LSNs; a frame larger than a page gets one of its own.
 * A2  Bytes below a page's length never change while the page mutex is free, but for a re-seal
 *     after a disk error, which holds both mutexes: the flusher may write them without the page
 *     mutex.
 * A3  A page is freed only when it is durable as a whole.
 * Thread: appending under the shard's append lock; page_mutex against the flusher.
 */
#include "os/alloc.h"
#include "storage/wal_pages.h"

enum { PAGE_BYTES = 256 << 10 };

varve_status vv_wal_init(struct vv_wal *wal, const struct vv_wal_place *place,
                         uint64_t segment_bytes_max, uint64_t sequence_min,
                         struct vv_wal_recovery *recovery, const struct vv_report *report)
{
    *wal = (struct vv_wal){
        .place = *place,
        .report = report,
        .segment_bytes_max = segment_bytes_max,
        .chain = recovery->end_checksum,
        .segments = recovery->segments,
        .unusable = recovery->unusable,
        .file = -1,
        .unsynced_segments = recovery->segments.count,
        .recovered_lsn = recovery->end_lsn,
        .marked_lsn = recovery->end_lsn,
    };
    recovery->segments = recovery->unusable = (struct vv_wal_segments){0};
    atomic_init(&wal->sequence_max,
                recovery->sequence_max > sequence_min ? recovery->sequence_max : sequence_min);
    atomic_init(&wal->end_lsn, recovery->end_lsn);
    atomic_init(&wal->written_lsn, recovery->end_lsn);
    atomic_init(&wal->durable_lsn, recovery->durable_lsn);
    vv_mutex_init(&wal->page_mutex);
    vv_mutex_init(&wal->flush_mutex);
    return VARVE_OK;
}

void vv_wal_fini(struct vv_wal *wal)
{
    while (wal->first_page != NULL) {
        struct vv_wal_page *page = wal->first_page;
        wal->first_page = page->next;
        vv_free(page);
    }
    if (wal->file >= 0) {
        (void)wal->place.env->ops->close(wal->place.env->ctx, wal->file);
    }
    vv_free(wal->segments.list);
    vv_free(wal->unusable.list);
    vv_mutex_fini(&wal->page_mutex);
    vv_mutex_fini(&wal->flush_mutex);
}

/* Room for bytes at the end of the last page, or of a new one. */
static struct vv_wal_page *page_with_room(struct vv_wal *wal, size_t bytes)
{
    struct vv_wal_page *page = wal->last_page;
    if (page != NULL && page->capacity - page->length >= bytes) {
        return page;
    }
    size_t capacity = bytes > PAGE_BYTES ? bytes : PAGE_BYTES;
    page = vv_alloc(sizeof(*page) + capacity);
    if (page == NULL) {
        return NULL;
    }
    *page = (struct vv_wal_page){.first_lsn = atomic_load(&wal->end_lsn), .capacity = capacity};
    if (wal->last_page == NULL) {
        wal->first_page = page;
    } else {
        wal->last_page->next = page;
    }
    wal->last_page = page;
    return page;
}

varve_status vv_wal_append(struct vv_wal *wal, enum vv_wal_record_type type,
                           const struct vv_buffer *payload, size_t sample_count, uint64_t *lsn)
{
    VV_ASSERT(payload->length <= VV_WAL_PAYLOAD_BYTES_MAX);
    size_t frame_bytes = vv_wal_frame_bytes((uint32_t)payload->length);
    vv_mutex_lock(&wal->page_mutex);
    struct vv_wal_page *page = page_with_room(wal, frame_bytes);
    if (page == NULL) {
        vv_mutex_unlock(&wal->page_mutex);
        return VARVE_NO_MEMORY;
    }
    struct vv_wal_frame frame = {
        .lsn = atomic_load(&wal->end_lsn),
        .durable_lsn = atomic_load(&wal->durable_lsn),
        .previous_checksum = wal->chain,
        .payload_bytes = (uint32_t)payload->length,
        .sample_count = (uint32_t)sample_count,
        .type = (uint16_t)type,
    };
    uint8_t *out = page->bytes + page->length;
    size_t used = VV_WAL_FRAME_HEADER_BYTES + payload->length;
    if (payload->length > 0) {
        memcpy(out + VV_WAL_FRAME_HEADER_BYTES, payload->bytes, payload->length);
    }
    memset(out + used, 0, frame_bytes - used);
    vv_wal_frame_seal(&frame, wal->sequence, out);
    page->length += frame_bytes;
    wal->chain = frame.checksum;
    *lsn = frame.lsn + frame_bytes;
    atomic_store(&wal->end_lsn, *lsn);
    vv_mutex_unlock(&wal->page_mutex);
    return VARVE_OK;
}

void vv_wal_pages_release(struct vv_wal *wal, uint64_t lsn)
{
    vv_mutex_lock(&wal->page_mutex);
    while (wal->first_page != NULL && wal->first_page->first_lsn + wal->first_page->length <= lsn) {
        struct vv_wal_page *page = wal->first_page;
        /* The last page is kept while it has room: the next frame goes there. */
        if (page->next == NULL && page->length < page->capacity / 2) {
            break;
        }
        wal->first_page = page->next;
        if (page->next == NULL) {
            wal->last_page = NULL;
        }
        vv_free(page);
    }
    vv_mutex_unlock(&wal->page_mutex);
}

void vv_wal_pages_reseal(struct vv_wal *wal, uint64_t durable_lsn, uint64_t sequence,
                         uint64_t *chain_before)
{
    *chain_before = wal->chain; /* right if nothing is to be sealed */
    bool first = true;
    for (struct vv_wal_page *page = wal->first_page; page != NULL; page = page->next) {
        for (size_t at = 0; at < page->length;) {
            uint8_t *bytes = page->bytes + at;
            uint64_t lsn = page->first_lsn + at;
            size_t available = page->length - at;
            at += vv_wal_frame_bytes(vv_load_u32(bytes + VV_WAL_FRAME_SIZE_OFFSET));
            if (lsn < durable_lsn) {
                continue; /* sealed for an older segment perhaps, and never written again */
            }
            struct vv_wal_frame frame;
            bool intact = vv_wal_frame_open(bytes, available, lsn, wal->sequence, &frame);
            VV_ASSERT(intact); /* our own memory */
            if (first) {
                *chain_before = frame.previous_checksum;
                wal->chain = frame.previous_checksum;
                first = false;
            }
            frame.previous_checksum = wal->chain;
            frame.durable_lsn = durable_lsn;
            vv_wal_frame_seal(&frame, sequence, bytes);
            wal->chain = frame.checksum;
        }
    }
    wal->sequence = sequence;
}
