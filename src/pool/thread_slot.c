/*
 * thread_slot.c - records between threads and shared objects.
 *
 *   thread A  thread_slots -> [owner 7] -> [owner 3]
 *   thread B  thread_slots -> [owner 3]
 *   owner 3   slots -> [used by B] -> [used by A] -> [free]
 *
 * States of a slot:   USED --thread ends--> FREE --new thread--> USED      USED or FREE --owner
 * ends--> gone
 * S1  A slot is in the list of one thread exactly while it is USED or ORPHANED.
 * S2  Whoever comes second frees: the owner's end frees FREE slots and makes the others ORPHANED,
 *     which the thread frees when it ends or misses a slot the next time. Each side decides by one
 *     atomic exchange on the state and touches the slot no more once it has given it away.
 *     A recent entry never points to a slot that has been freed: the thread that frees it, or
 *     ends, empties the entry.
 * S3  Owners are told apart by id, never by address: a new one may lie where a freed one was.
 * Threads: a thread's list belongs to it; an owner's list is under its mutex.
 */
#include "pool/thread_slot.h"

#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "os/alloc.h"

enum { SLOT_USED, SLOT_FREE, SLOT_ORPHANED };

/* The slots of the calling thread, the one found last in front. */
static _Thread_local struct vv_thread_slot *thread_slots;

/* Of no owner. */
static struct vv_thread_slot nobodys_slot;

#define FOUR_OF_NOBODY &nobodys_slot, &nobodys_slot, &nobodys_slot, &nobodys_slot
_Thread_local struct vv_thread_slot *vv_recent_slots[] = {FOUR_OF_NOBODY, FOUR_OF_NOBODY,
                                                          FOUR_OF_NOBODY, FOUR_OF_NOBODY};
_Static_assert(sizeof(vv_recent_slots) == VV_RECENT_SLOTS * sizeof(vv_recent_slots[0]),
               "an entry each");

static _Atomic uint64_t last_owner_id; /* 0 is nobody's */

void vv_slot_owner_init(struct vv_slot_owner *owner, size_t slot_bytes,
                        void (*slot_init)(struct vv_slot_owner *owner, struct vv_thread_slot *slot))
{
    VV_ASSERT(slot_bytes >= sizeof(struct vv_thread_slot));
    *owner = (struct vv_slot_owner){
        .id = atomic_fetch_add_explicit(&last_owner_id, 1, memory_order_relaxed) + 1,
        .slot_bytes = slot_bytes,
        .slot_init = slot_init,
    };
    owner->recent = owner->id % VV_RECENT_SLOTS;
    vv_mutex_init(&owner->mutex);
}

void vv_slot_owner_fini(struct vv_slot_owner *owner)
{
    struct vv_thread_slot *slot = owner->slots;
    while (slot != NULL) {
        struct vv_thread_slot *next = slot->next_of_owner;
        /* Release hands the slot to its thread, acquire takes over what an ended thread left. */
        int state = atomic_exchange_explicit(&slot->state, SLOT_ORPHANED, memory_order_acq_rel);
        if (state == SLOT_FREE) {
            vv_free(slot);
        }
        slot = next;
    }
    vv_mutex_fini(&owner->mutex);
    owner->slots = NULL;
}

void vv_slot_owner_visit(struct vv_slot_owner *owner,
                         void (*visit)(struct vv_thread_slot *slot, void *visitor), void *visitor)
{
    vv_mutex_lock(&owner->mutex);
    for (struct vv_thread_slot *slot = owner->slots; slot != NULL; slot = slot->next_of_owner) {
        visit(slot, visitor);
    }
    vv_mutex_unlock(&owner->mutex);
}

/* Runs when a thread ends: gives every slot to its owner, or frees it if there is none any more. */
static void release_thread_slots(void)
{
    struct vv_thread_slot *slot = thread_slots;
    thread_slots = NULL;
    for (size_t i = 0; i < VV_RECENT_SLOTS; i++) {
        vv_recent_slots[i] = &nobodys_slot; /* another thread may have them now */
    }
    while (slot != NULL) {
        struct vv_thread_slot *next = slot->next_of_thread;
        int expected = SLOT_USED;
        /* Release: the next thread, or the owner's end, sees all that this one did to the
         * record. */
        if (!atomic_compare_exchange_strong_explicit(&slot->state, &expected, SLOT_FREE,
                                                     memory_order_acq_rel, memory_order_acquire)) {
            vv_free(slot);
        }
        slot = next;
    }
}

static void forget_recent(const struct vv_thread_slot *slot)
{
    struct vv_thread_slot **recent = &vv_recent_slots[slot->owner_id % VV_RECENT_SLOTS];
    if (*recent == slot) {
        *recent = &nobodys_slot;
    }
}

/* Moves the thread's slot of owner to the front of its list, and frees orphans on the way. */
static struct vv_thread_slot *find_in_thread(uint64_t owner_id)
{
    struct vv_thread_slot **link = &thread_slots;
    while (*link != NULL) {
        struct vv_thread_slot *slot = *link;
        if (slot->owner_id == owner_id) {
            *link = slot->next_of_thread;
            slot->next_of_thread = thread_slots;
            thread_slots = slot;
            return slot;
        }
        if (atomic_load_explicit(&slot->state, memory_order_acquire) == SLOT_ORPHANED) {
            *link = slot->next_of_thread;
            forget_recent(slot);
            vv_free(slot);
        } else {
            link = &slot->next_of_thread;
        }
    }
    return NULL;
}

/* A record that an ended thread has left, or NULL. */
static struct vv_thread_slot *adopt_slot_locked(struct vv_slot_owner *owner)
{
    for (struct vv_thread_slot *slot = owner->slots; slot != NULL; slot = slot->next_of_owner) {
        int expected = SLOT_FREE;
        if (atomic_compare_exchange_strong_explicit(&slot->state, &expected, SLOT_USED,
                                                    memory_order_acquire, memory_order_relaxed)) {
            return slot;
        }
    }
    return NULL;
}

static struct vv_thread_slot *add_slot_locked(struct vv_slot_owner *owner)
{
    struct vv_thread_slot *slot = vv_alloc_aligned(VV_CACHE_LINE_BYTES, owner->slot_bytes);
    if (slot == NULL) {
        return NULL;
    }
    memset(slot, 0, owner->slot_bytes);
    slot->owner_id = owner->id;
    slot->next_of_owner = owner->slots;
    atomic_init(&slot->state, SLOT_USED);
    if (owner->slot_init != NULL) {
        owner->slot_init(owner, slot);
    }
    owner->slots = slot;
    return slot;
}

struct vv_thread_slot *vv_thread_slot_find(struct vv_slot_owner *owner)
{
    struct vv_thread_slot *slot = find_in_thread(owner->id);
    if (slot != NULL) {
        vv_recent_slots[owner->recent] = slot;
        return slot;
    }
    /* Before the slot exists: without the call at the end its record would stay with a dead
     * thread. */
    if (vv_thread_at_end(release_thread_slots) != 0) {
        return NULL;
    }
    vv_mutex_lock(&owner->mutex);
    slot = adopt_slot_locked(owner);
    if (slot == NULL) {
        slot = add_slot_locked(owner);
    }
    vv_mutex_unlock(&owner->mutex);
    if (slot != NULL) {
        slot->next_of_thread = thread_slots;
        thread_slots = slot;
        vv_recent_slots[owner->recent] = slot;
    }
    return slot;
}
