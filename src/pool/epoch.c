/*
 * epoch.c - ck_epoch with records that come and go with threads, and visible to ThreadSanitizer.
 *
 *   domain  readers: [record of thread A] [record of thread B] [free record]     (thread_slot.h)
 *           limbo:   one more record, never in a section; it holds every deferred entry
 *           (limbo_mutex)
 *
 * E1  Readers' records never hold deferred entries, so a record can change hands with nothing in
 *     it. Deferring is rare (replaced tables, dropped chunks); one mutex for it costs less than
 *     lists that have to be inherited from threads that end.
 * E2  An object is unlinked before the epoch that its entry is filed under is read, and a reader's
 *     epoch is read before the reader follows any pointer. ck leaves both orders to the caller
 *     where the processor may turn them round (the store-load one even on x86); see the two fences
 *     below. Without them an entry could be filed one epoch too early and die under a reader.
 * E3  Destructors run without limbo_mutex: they may defer.
 * Threads: any. TSan cannot see ck: exit releases and poll acquires the domain's tag, which is just
 * the order that the grace period gives.
 */
#include "pool/epoch.h"

#include <ck_epoch.h>
#include <stdatomic.h>

#include "os/alloc.h"
#include "os/thread.h"
#include "pool/thread_slot.h"

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

#ifdef THREAD_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#endif

_Static_assert(offsetof(struct vv_epoch_entry, reserved) == 0 &&
                   sizeof(ck_epoch_entry_t) == sizeof(((struct vv_epoch_entry *)0)->reserved),
               "ck's entry lies in reserved");

struct vv_epoch_section {
    struct vv_thread_slot slot; /* first: slots and sections are cast into each other */
    struct vv_epoch *epoch;
    ck_epoch_record_t record; /* on cache lines of its own: readers write it, polls read it */
};

struct vv_epoch {
    struct vv_slot_owner readers; /* first: slot_init gets a pointer to it */
    ck_epoch_t ck;
    char tag; /* what TSan is told about */

    ck_epoch_record_t limbo; /* under limbo_mutex; starts a cache line that readers do not touch */
    struct vv_mutex limbo_mutex;
    atomic_size_t pending;
};

static void order_exit_before_reclaim(struct vv_epoch *epoch)
{
#ifdef THREAD_SANITIZER
    __tsan_release(&epoch->tag);
#else
    (void)epoch;
#endif
}

static void order_reclaim_after_exits(struct vv_epoch *epoch)
{
#ifdef THREAD_SANITIZER
    __tsan_acquire(&epoch->tag);
#else
    (void)epoch;
#endif
}

static void section_init(struct vv_slot_owner *owner, struct vv_thread_slot *slot)
{
    struct vv_epoch_section *section = (void *)slot;
    struct vv_epoch *epoch = (void *)owner;
    section->epoch = epoch;
    ck_epoch_register(&epoch->ck, &section->record, NULL);
}

varve_status vv_epoch_create(struct vv_epoch **epoch)
{
    struct vv_epoch *created = vv_alloc_aligned(VV_CACHE_LINE_BYTES, sizeof(*created));
    if (created == NULL) {
        return VARVE_NO_MEMORY;
    }
    vv_slot_owner_init(&created->readers, sizeof(struct vv_epoch_section), section_init);
    ck_epoch_init(&created->ck);
    vv_mutex_init(&created->limbo_mutex);
    ck_epoch_register(&created->ck, &created->limbo, NULL);
    atomic_init(&created->pending, 0);
    *epoch = created;
    return VARVE_OK;
}

void vv_epoch_destroy(struct vv_epoch *epoch)
{
    if (epoch == NULL) {
        return;
    }
    vv_epoch_drain(epoch);
    vv_mutex_fini(&epoch->limbo_mutex);
    vv_slot_owner_fini(&epoch->readers);
    vv_free(epoch);
}

struct vv_epoch_section *vv_epoch_enter(struct vv_epoch *epoch)
{
    struct vv_epoch_section *section = (void *)vv_thread_slot_get(&epoch->readers);
    if (section != NULL) {
        ck_epoch_begin(&section->record, NULL);
        ck_pr_fence_load(); /* E2: nothing on x86 */
    }
    return section;
}

void vv_epoch_exit(struct vv_epoch_section *section)
{
    VV_ASSERT(section->record.active > 0);
    order_exit_before_reclaim(section->epoch);
    (void)ck_epoch_end(&section->record, NULL);
}

void vv_epoch_defer(struct vv_epoch *epoch, struct vv_epoch_entry *entry,
                    void (*destructor)(struct vv_epoch_entry *entry))
{
    entry->destructor = destructor;
    vv_mutex_lock(&epoch->limbo_mutex);
    ck_pr_fence_memory(); /* E2: locking a mutex orders no earlier store before a later load */
    ck_epoch_call(&epoch->limbo, (ck_epoch_entry_t *)entry->reserved, NULL);
    atomic_fetch_add_explicit(&epoch->pending, 1, memory_order_relaxed);
    vv_mutex_unlock(&epoch->limbo_mutex);
}

/* The entry whose link in ck's stack this is. */
static struct vv_epoch_entry *entry_of(ck_stack_entry_t *link)
{
    return (void *)((char *)link - offsetof(ck_epoch_entry_t, stack_entry));
}

size_t vv_epoch_poll(struct vv_epoch *epoch)
{
    ck_stack_t expired = CK_STACK_INITIALIZER;
    vv_mutex_lock(&epoch->limbo_mutex);
    (void)ck_epoch_poll_deferred(&epoch->limbo, &expired);
    vv_mutex_unlock(&epoch->limbo_mutex);
    order_reclaim_after_exits(epoch);

    size_t count = 0;
    ck_stack_entry_t *next = CK_STACK_FIRST(&expired);
    while (next != NULL) {
        struct vv_epoch_entry *entry = entry_of(next);
        next = CK_STACK_NEXT(next); /* before the destructor frees it */
        entry->destructor(entry);
        count++;
    }
    /* After the destructors, so that pending == 0 means that all have run (vv_epoch_drain). */
    atomic_fetch_sub_explicit(&epoch->pending, count, memory_order_release);
    return count;
}

void vv_epoch_drain(struct vv_epoch *epoch)
{
    while (vv_epoch_pending(epoch) > 0) {
        if (vv_epoch_poll(epoch) == 0) {
            vv_thread_yield();
        }
    }
}

size_t vv_epoch_pending(const struct vv_epoch *epoch)
{
    return atomic_load_explicit(&epoch->pending, memory_order_acquire);
}
