/*
 * env_fault.h - an environment that fails on request, for tests: the n-th call, once or from then
 * on.
 *
 * Wraps any other environment. The usual loop runs a scenario with the fault armed at call 1, 2, 3,
 * ... until it comes through without a hit: then every call has failed once.
 *
 *   for (uint64_t n = 1;; n++) {
 *       struct vv_env_fault *fault = vv_env_fault_create(below);
 *       vv_env_fault_arm(fault, VV_CALLS_ALL, n, EIO, false);
 *       run_scenario(vv_env_fault_env(fault));
 *       bool was_hit = vv_env_fault_hits(fault) > 0;
 *       vv_env_fault_destroy(fault);
 *       if (!was_hit) break;
 *   }
 *
 * Requests of a queue are performed inside submit and count as the read, write or sync that they
 * are. Threads: any.
 */
#ifndef VARVE_OS_ENV_FAULT_H
#define VARVE_OS_ENV_FAULT_H

#include "os/env.h"

/* The calls that are counted: all that can fail. */
enum vv_call {
    VV_CALL_OPEN_DIRECTORY,
    VV_CALL_MAKE_DIRECTORY,
    VV_CALL_RENAME_PATH,
    VV_CALL_EXCHANGE_PATHS,
    VV_CALL_REMOVE_DIRECTORY,
    VV_CALL_STAT_PATH,
    VV_CALL_SYNC_DIRECTORY,
    VV_CALL_LIST,
    VV_CALL_OPEN,
    VV_CALL_CLOSE, /* closes, and then says that it failed */
    VV_CALL_PREAD,
    VV_CALL_PWRITE,
    VV_CALL_PREALLOCATE, /* and hold_room */
    VV_CALL_TRUNCATE,
    VV_CALL_FDATASYNC,
    VV_CALL_STAT,
    VV_CALL_RENAME,
    VV_CALL_LINK,
    VV_CALL_UNLINK,
    VV_CALL_LOCK,
    VV_CALL_FREE_BYTES,
    VV_CALL_MAP,
    VV_CALL_UNMAP, /* unmaps, and then says that it failed */
    VV_CALL_POPULATE,
    VV_CALL_QUEUE_CREATE,
    VV_CALL_RANDOM_BYTES,
    VV_CALL_COUNT,
};

#define VV_CALL_BIT(call) (UINT32_C(1) << (call))
#define VV_CALLS_ALL (VV_CALL_BIT(VV_CALL_COUNT) - 1)
/* Everything that changes a file or a directory or makes a change durable. */
#define VV_CALLS_MUTATING                                                                          \
    (VV_CALL_BIT(VV_CALL_MAKE_DIRECTORY) | VV_CALL_BIT(VV_CALL_RENAME_PATH) |                      \
     VV_CALL_BIT(VV_CALL_EXCHANGE_PATHS) | VV_CALL_BIT(VV_CALL_REMOVE_DIRECTORY) |                 \
     VV_CALL_BIT(VV_CALL_SYNC_DIRECTORY) | VV_CALL_BIT(VV_CALL_OPEN) |                             \
     VV_CALL_BIT(VV_CALL_PWRITE) | VV_CALL_BIT(VV_CALL_PREALLOCATE) |                              \
     VV_CALL_BIT(VV_CALL_TRUNCATE) | VV_CALL_BIT(VV_CALL_FDATASYNC) |                              \
     VV_CALL_BIT(VV_CALL_RENAME) | VV_CALL_BIT(VV_CALL_LINK) | VV_CALL_BIT(VV_CALL_UNLINK))

/* In place of an errno: reads and writes move half of what was asked, rounded up; other calls are
 * not affected. */
#define VV_FAULT_SHORT 0

struct vv_env_fault;

/* One call as the log keeps it. */
struct vv_call_record {
    uint64_t sequence; /* 0, 1, 2, ... in the order of completion */
    enum vv_call call;
    int file;        /* file or directory handle, -1 for calls with a path */
    uint64_t offset; /* reads and writes */
    uint64_t length; /* reads, writes, preallocate, truncate, map */
    int64_t result;
    bool injected;
    char name[40]; /* cut off; empty for calls without a name */
};

/* NULL when memory is out; below must outlive it. */
struct vv_env_fault *vv_env_fault_create(const struct vv_env *below);
/* NULL is fine. Nothing opened through it may still be in use. */
void vv_env_fault_destroy(struct vv_env_fault *fault);
/* The environment to hand to the code under test; lives as long as fault. */
const struct vv_env *vv_env_fault_env(struct vv_env_fault *fault);

/**
 * vv_env_fault_arm() - choose what fails; replaces what was armed before.
 *
 * @calls       VV_CALL_BIT()s of the calls that are counted towards n and may fail.
 * @n           the n-th such call from now fails, 1 = the next one; 0 disarms.
 * @error       a positive errno, or VV_FAULT_SHORT, which narrows calls to reads and writes.
 * @persistent  every such call from the n-th on fails, as on a disk that has died.
 */
void vv_env_fault_arm(struct vv_env_fault *fault, uint32_t calls, uint64_t n, int error,
                      bool persistent);

/* Faults injected since the last arm. */
uint64_t vv_env_fault_hits(struct vv_env_fault *fault);
/* Calls of a kind, or of all kinds, since create. */
uint64_t vv_env_fault_count(struct vv_env_fault *fault, enum vv_call call);
uint64_t vv_env_fault_total(struct vv_env_fault *fault);

/* Copies the newest calls, at most capacity and at most 1024, oldest first; returns how many. */
size_t vv_env_fault_log(struct vv_env_fault *fault, struct vv_call_record *records,
                        size_t capacity);
/* "pwrite" and the like. */
const char *vv_call_name(enum vv_call call);

#endif
