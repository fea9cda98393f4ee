/*
 * turn.c - a flag, and a line of those who sleep until they are served or it is theirs.
 *
 * N1  A waiter counts itself as waiting before it looks at the flag for the last time; a giver
 *     clears the flag before it looks at the count. Both are sequentially consistent: one of the
 *     two sees the other, so that nobody falls asleep beside a free turn.
 * N2  Whoever gives the turn takes out of the line all who are served, and one who is not: who is
 *     asked to try is awake, and either gets the turn or enters the line again behind somebody who
 *     has it and will give it.
 * N3  The turn itself is not handed over: a thread that is running may take it before the one that
 *     has been asked is awake. Handing over would cost the time of a wake-up for each turn (a lock
 *     convoy).
 * N4  A waiter lives on its thread's stack and is gone once its event is set.
 * All interleavings of three threads are walked through by test/integration/test_turn_model.c.
 */
#include "os/turn.h"

#include <stddef.h>

#include "base/status.h"

/* Looks at a busy turn before the core is given up to a holder that was preempted. */
enum { LOOKS_BEFORE_YIELD = 50 };

struct vv_turn_waiter {
    struct vv_turn_waiter *next;
    uint64_t wanted;
    struct vv_event event;
};

void vv_turn_init(struct vv_turn *turn, const _Atomic uint64_t *reached, unsigned looks_max)
{
    turn->reached = reached;
    turn->looks_max = looks_max;
    atomic_init(&turn->taken, false);
    atomic_init(&turn->waiting, 0);
    vv_mutex_init(&turn->mutex);
    turn->first = NULL;
    turn->end = &turn->first;
}

void vv_turn_fini(struct vv_turn *turn)
{
    VV_ASSERT(!atomic_load(&turn->taken) && turn->first == NULL);
    vv_mutex_fini(&turn->mutex);
}

static bool is_served(const struct vv_turn *turn, uint64_t wanted)
{
    return wanted != VV_TURN_ALWAYS && atomic_load(turn->reached) >= wanted;
}

/* Enters the line and sleeps, unless that is not needed any more. */
static void wait_in_line(struct vv_turn *turn, uint64_t wanted)
{
    struct vv_turn_waiter self = {.wanted = wanted};
    vv_mutex_lock(&turn->mutex);
    atomic_fetch_add(&turn->waiting, 1);
    if (!atomic_load(&turn->taken) || is_served(turn, wanted)) { /* N1 */
        atomic_fetch_sub(&turn->waiting, 1);
        vv_mutex_unlock(&turn->mutex);
        return;
    }
    *turn->end = &self;
    turn->end = &self.next;
    vv_mutex_unlock(&turn->mutex);
    vv_event_wait(&self.event);
}

bool vv_turn_take(struct vv_turn *turn, uint64_t wanted)
{
    for (unsigned looks = 0;; looks++) {
        if (is_served(turn, wanted)) {
            return false;
        }
        if (vv_turn_try_take(turn)) {
            if (!is_served(turn, wanted)) {
                return true;
            }
            vv_turn_give(turn); /* somebody did it in between */
            return false;
        }
        if (looks >= turn->looks_max) {
            wait_in_line(turn, wanted);
            looks = 0;
        } else if (looks % LOOKS_BEFORE_YIELD == LOOKS_BEFORE_YIELD - 1) {
            vv_thread_yield();
        } else {
            vv_thread_relax();
        }
    }
}

/* Takes out of the line who is served, as a list, and one who is not. Needs the mutex. */
static struct vv_turn_waiter *leave_line(struct vv_turn *turn, struct vv_turn_waiter **unserved)
{
    struct vv_turn_waiter *served = NULL;
    struct vv_turn_waiter **link = &turn->first;
    *unserved = NULL;
    while (*link != NULL) {
        struct vv_turn_waiter *waiter = *link;
        bool is_done = is_served(turn, waiter->wanted);
        if (!is_done && *unserved != NULL) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        atomic_fetch_sub(&turn->waiting, 1);
        if (is_done) {
            waiter->next = served;
            served = waiter;
        } else {
            *unserved = waiter;
        }
    }
    turn->end = link;
    return served;
}

void vv_turn_give(struct vv_turn *turn)
{
    VV_ASSERT(atomic_load_explicit(&turn->taken, memory_order_relaxed));
    atomic_store(&turn->taken, false); /* N1; releases what the holder did */
    if (atomic_load(&turn->waiting) == 0) {
        return;
    }
    struct vv_turn_waiter *unserved;
    vv_mutex_lock(&turn->mutex);
    struct vv_turn_waiter *served = leave_line(turn, &unserved);
    vv_mutex_unlock(&turn->mutex);
    if (unserved != NULL) { /* first: the work goes on while the others are woken */
        vv_event_set(&unserved->event);
    }
    while (served != NULL) {
        struct vv_turn_waiter *next = served->next; /* N4 */
        vv_event_set(&served->event);
        served = next;
    }
}
