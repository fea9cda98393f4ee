/*
 * map_guard.c - the table of mappings and the handler of SIGBUS.
 *
 * G1  A slot belongs to whoever swapped its address from 0 to CLAIMED. Length and flag are written
 *     before the address is: the handler sees all of a slot or none.
 * G2  The thread that faults holds its mapping, so that its slot stands still. Others may change
 *     under the handler: the address is read again behind the length.
 * G3  The flag is set before there are zeros to read: whoever has read zeros finds it set.
 * G4  The handler calls mmap() and sigaction() only, which are system calls, and keeps errno.
 * Globals, because a signal is the process's: the table, the counter, the handler before ours.
 * Thread: any.
 */
#include "os/map_guard.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOTS = 4096, CLAIMED = 1 };

struct slot {
    _Atomic(uintptr_t) address; /* 0: free */
    _Atomic(size_t) length;
    _Atomic(bool) is_lost;
};

static struct slot slots[SLOTS];
static _Atomic(unsigned) slots_used; /* slots at and behind it were never claimed */
static const _Atomic(bool) never;
static struct sigaction previous;
static _Atomic(bool) is_installed;
static uintptr_t page_bytes;

_Atomic(uint64_t) vv_map_guard_losses;

_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2, "a signal handler cannot wait for a lock");

/* ----------------------------------------------------------------------------- the table */

static struct slot *claim_slot(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        uintptr_t free_address = 0;
        if (atomic_compare_exchange_strong(&slots[i].address, &free_address, CLAIMED)) {
            unsigned used = atomic_load(&slots_used);
            while (used <= i && !atomic_compare_exchange_weak(&slots_used, &used, i + 1)) {}
            return &slots[i];
        }
    }
    return NULL;
}

void vv_map_guard_add(const uint8_t *bytes, size_t length)
{
    struct slot *slot = claim_slot();
    if (slot != NULL) {
        atomic_store(&slot->is_lost, false);
        atomic_store(&slot->length, length);
        atomic_store(&slot->address, (uintptr_t)bytes); /* G1 */
    }
}

/* The slot of the mapping that begins at the address. */
static struct slot *find_slot(uintptr_t address)
{
    unsigned used = atomic_load(&slots_used);
    for (unsigned i = 0; i < used; i++) {
        if (atomic_load(&slots[i].address) == address) {
            return &slots[i];
        }
    }
    return NULL;
}

void vv_map_guard_remove(const uint8_t *bytes)
{
    struct slot *slot = find_slot((uintptr_t)bytes);
    if (slot != NULL) {
        atomic_store(&slot->address, 0);
    }
}

const _Atomic(bool) *vv_map_guard_flag(const uint8_t *bytes)
{
    const struct slot *slot = bytes != NULL ? find_slot((uintptr_t)bytes) : NULL;
    return slot != NULL ? &slot->is_lost : &never;
}

/* --------------------------------------------------------------------------- the handler */

/* The slot of the mapping in which the address lies. */
static struct slot *slot_around(uintptr_t address)
{
    unsigned used = atomic_load(&slots_used);
    for (unsigned i = 0; i < used; i++) {
        uintptr_t start = atomic_load(&slots[i].address);
        size_t length = atomic_load(&slots[i].length);
        bool inside = start > CLAIMED && address >= start && address - start < length;
        if (inside && atomic_load(&slots[i].address) == start) { /* G2 */
            return &slots[i];
        }
    }
    return NULL;
}

/* Puts zeros where the page was. */
static bool patch(uintptr_t address)
{
    void *page = (void *)(address & ~(page_bytes - 1));
    return mmap(page, page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
           page;
}

/* Lets whoever had the signal before have it. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
        previous.sa_sigaction(number, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
    } else if (previous.sa_handler == SIG_DFL || info->si_code > 0) {
        /* The default from now on: what faulted does so again; what was sent is sent again. */
        struct sigaction fallback;
        memset(&fallback, 0, sizeof(fallback));
        fallback.sa_handler = SIG_DFL;
        (void)sigaction(number, &fallback, NULL);
        if (info->si_code <= 0) {
            (void)raise(number);
        }
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    int kept_errno = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    struct slot *slot = info->si_code > 0 ? slot_around(address) : NULL;
    if (slot != NULL) {
        atomic_store(&slot->is_lost, true); /* G3 */
        atomic_fetch_add(&vv_map_guard_losses, 1);
    }
    if (slot == NULL || !patch(address)) {
        pass_on(number, info, context);
    }
    errno = kept_errno;
}

int vv_map_guard_install(void)
{
    bool expected = false;
    if (!atomic_compare_exchange_strong(&is_installed, &expected, true)) {
        return 0;
    }
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    (void)sigemptyset(&action.sa_mask);
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (sigaction(SIGBUS, NULL, &previous) != 0 || sigaction(SIGBUS, &action, NULL) != 0) {
        atomic_store(&is_installed, false);
        return -errno;
    }
    return 0;
}
