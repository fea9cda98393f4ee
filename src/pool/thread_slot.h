/*
 * thread_slot.h - a record for each pair of a thread and an object: found without a lock, made when
 * first asked for, handed to another thread when its own ends.
 *
 * Epochs keep their reader records in slots, object pools their magazines. The user embeds struct
 * vv_thread_slot as the first member of its record and struct vv_slot_owner in the shared object.
 *
 * Objects and threads may end in any order. A record whose thread has ended keeps its content and
 * waits in the object for the next new thread. A record whose object has ended is freed by its
 * thread.
 *
 * Cost: one comparison for the few objects that the thread used last; else a walk over the objects
 * that it uses; the first time, or when the thread is new, a mutex and perhaps an allocation.
 */
#ifndef VARVE_POOL_THREAD_SLOT_H
#define VARVE_POOL_THREAD_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/thread.h"

enum { VV_CACHE_LINE_BYTES = 64 };

struct vv_thread_slot {
    uint64_t owner_id;                    /* constant */
    struct vv_thread_slot *next_of_owner; /* constant once it is in the owner's list */
    struct vv_thread_slot *next_of_thread;
    atomic_int state;
};

struct vv_slot_owner {
    uint64_t id;   /* unique in the process, never used again: a freed owner's address may be */
    size_t recent; /* index of its entry in vv_recent_slots: spares computing it each time */
    size_t slot_bytes;
    void (*slot_init)(struct vv_slot_owner *owner, struct vv_thread_slot *slot);
    struct vv_mutex mutex;
    struct vv_thread_slot *slots; /* under mutex; every slot that was ever made */
};

/* What the calling thread used last, by the low bits of the owner's id: a thread goes to and fro
 * between the pools of a shard. Never NULL: where it has used none yet there is the slot of nobody.
 * A slot of an owner that has ended may stand here, too: its id is never asked for again. */
enum { VV_RECENT_SLOTS = 16 };
extern _Thread_local struct vv_thread_slot *vv_recent_slots[VV_RECENT_SLOTS]
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* slot_init runs once for each new record of slot_bytes bytes, which is zeroed and aligned to a
 * cache line, under the owner's mutex. */
void vv_slot_owner_init(struct vv_slot_owner *owner, size_t slot_bytes,
                        void (*slot_init)(struct vv_slot_owner *owner,
                                          struct vv_thread_slot *slot));
/* No thread may be using the owner or its slots any more; threads that have used it may live on. */
void vv_slot_owner_fini(struct vv_slot_owner *owner);

/* Every slot under the owner's mutex, those of other threads too: what visit reads of them must be
 * atomic. */
void vv_slot_owner_visit(struct vv_slot_owner *owner,
                         void (*visit)(struct vv_thread_slot *slot, void *visitor), void *visitor);

/* The part of vv_thread_slot_get() that is not inlined. */
struct vv_thread_slot *vv_thread_slot_find(struct vv_slot_owner *owner);

/* Whether *slot is the calling thread's slot of an owner: it has used that of late. */
static inline bool vv_thread_slot_is_recent(const struct vv_slot_owner *owner,
                                            struct vv_thread_slot **slot)
{
    *slot = vv_recent_slots[owner->recent];
    return (*slot)->owner_id == owner->id;
}

/* The calling thread's slot of an owner; NULL when memory is out. Valid in this thread until it
 * ends or the owner does. */
static inline struct vv_thread_slot *vv_thread_slot_get(struct vv_slot_owner *owner)
{
    struct vv_thread_slot *slot;
    return vv_thread_slot_is_recent(owner, &slot) ? slot : vv_thread_slot_find(owner);
}

#endif
