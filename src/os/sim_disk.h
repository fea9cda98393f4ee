/*
 * sim_disk.h - the inodes of the simulated disk: what is live, what is durable, what lies between.
 *
 * Internal to env_sim.c and env_sim_crash.c; everything under the simulator's mutex.
 */
#ifndef VARVE_OS_SIM_DISK_H
#define VARVE_OS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/env.h"
#include "os/thread.h"

enum { VV_SIM_SECTOR_BYTES = 512, VV_SIM_NAME_MAX = 127 };
#define VV_SIM_FILE_BYTES_MAX (UINT64_C(1) << 30)

struct vv_sim_inode;

/* Content of a file. Bytes between size and capacity are zero. */
struct vv_sim_image {
    uint8_t *bytes;
    uint64_t size;
    uint64_t capacity;
};

struct vv_sim_entry {
    char name[VV_SIM_NAME_MAX + 1];
    struct vv_sim_inode *inode; /* counted */
};

struct vv_sim_entries {
    struct vv_sim_entry *items;
    size_t count;
    size_t capacity;
};

/* A change that is live but not durable. */
struct vv_sim_change {
    enum {
        VV_SIM_DATA,
        VV_SIM_SIZE,
        VV_SIM_LINK,
        VV_SIM_UNLINK,
        VV_SIM_RENAME,
        VV_SIM_EXCHANGE
    } kind;
    uint64_t sequence; /* over the whole disk */

    /* Files. size_after < size_before is a cut: what lay behind is gone for good. */
    uint64_t size_before;
    uint64_t size_after;
    uint64_t offset;
    uint64_t length;
    uint8_t *bytes; /* owned; VV_SIM_DATA */

    /* Directories. */
    char from[VV_SIM_NAME_MAX + 1]; /* empty for LINK */
    char to[VV_SIM_NAME_MAX + 1];   /* empty for UNLINK */
    struct vv_sim_inode *inode;     /* counted; what to becomes: LINK, RENAME, EXCHANGE */
    struct vv_sim_inode *swapped;   /* counted; what from becomes: EXCHANGE */
};

struct vv_sim_inode {
    struct vv_env_sim *sim;
    struct vv_sim_inode *next; /* all of the disk */
    struct vv_sim_inode *previous;
    uint64_t number;
    unsigned references; /* handles, entries and changes */
    bool is_directory;
    int lock_holder; /* handle, or -1 */

    struct vv_sim_image live;
    struct vv_sim_image durable;
    struct vv_sim_entries live_entries;
    struct vv_sim_entries durable_entries;
    struct vv_sim_change *changes;
    size_t change_count;
    size_t change_capacity;

    struct vv_sim_inode *clone; /* while a crash copies the disk; else NULL */
    bool is_in_use;             /* of vv_sim_free_bytes() */
    uint64_t held_bytes;        /* room beyond its size */
};

struct vv_sim_handle {
    struct vv_sim_inode *inode; /* counted; NULL once closed */
    bool writable;
};

struct vv_sim_mapping {
    struct vv_sim_mapping *next;
    uint8_t *bytes;
    size_t length;
    uint64_t file_bytes; /* size of the file when it was mapped */
};

struct vv_env_sim {
    struct vv_env env;
    struct vv_mutex mutex; /* guards everything below */

    struct vv_sim_inode *inodes;
    struct vv_sim_inode *root; /* counted */
    uint64_t next_inode_number;
    uint64_t next_sequence;

    struct vv_sim_handle *handles; /* numbers are never used again, so a stale one is found out */
    size_t handle_count;
    size_t handle_capacity;
    struct vv_sim_mapping *mappings;

    bool is_off;
    bool is_lying;
    uint64_t mutations;
    uint64_t mutations_left; /* until the power goes; UINT64_MAX = never */
    uint64_t capacity_bytes;
    int64_t now_ns;
    uint64_t random_state;
};

/* splitmix64: small, and good enough to choose with. */
uint64_t vv_sim_random_next(uint64_t *state);
/* 0 to bound - 1; bound >= 1. */
uint64_t vv_sim_random_below(uint64_t *state, uint64_t bound);

/* With one reference, which is the caller's; NULL when memory is out. */
struct vv_sim_inode *vv_sim_inode_create(struct vv_env_sim *sim, bool is_directory);
void vv_sim_inode_reference(struct vv_sim_inode *inode);
/* Frees the inode with its last reference. */
void vv_sim_inode_release(struct vv_sim_inode *inode);

/* What is left for files to grow. As in a file system, a file takes room while it has a name or is
 * open; that a loss of power may bring its name back changes nothing. */
uint64_t vv_sim_free_bytes(struct vv_env_sim *sim);
/* What a file takes, of its size and what it holds beyond. */
static inline uint64_t vv_sim_room(const struct vv_sim_inode *file)
{
    return file->live.size > file->held_bytes ? file->live.size : file->held_bytes;
}

/* Room for bytes without changing content or size; 0 or -ENOMEM. */
int vv_sim_image_reserve(struct vv_sim_image *image, uint64_t bytes);
/* Cuts or grows with zeros; the room has been reserved. */
void vv_sim_image_resize(struct vv_sim_image *image, uint64_t size);

struct vv_sim_entry *vv_sim_entries_find(const struct vv_sim_entries *entries, const char *name);
/* Room for so many more; 0 or -ENOMEM. */
int vv_sim_entries_reserve(struct vv_sim_entries *entries, size_t more);
/* Adds or replaces; takes a reference of its own. The room has been reserved. */
void vv_sim_entries_set(struct vv_sim_entries *entries, const char *name,
                        struct vv_sim_inode *inode);
/* Nothing if the name is not there. */
void vv_sim_entries_remove(struct vv_sim_entries *entries, const char *name);

/* The live changes. Each either happens, live and pending, or returns -errno and changes
 * nothing. */
int vv_sim_file_write(struct vv_sim_inode *file, const void *bytes, uint64_t length,
                      uint64_t offset);
int vv_sim_file_resize(struct vv_sim_inode *file, uint64_t size);
/* from NULL links to -> inode; to NULL unlinks from; neither NULL renames from to to. */
int vv_sim_directory_change(struct vv_sim_inode *directory, const char *from, const char *to,
                            struct vv_sim_inode *inode);
/* Swaps two entries. */
int vv_sim_directory_exchange(struct vv_sim_inode *directory, const char *one, const char *other);
/* Applies one directory change to entries, in which there is room for one more. */
void vv_sim_entries_apply(struct vv_sim_entries *entries, const struct vv_sim_change *change);

/* Makes all changes of an inode durable; 0 or -ENOMEM. */
int vv_sim_sync(struct vv_sim_inode *inode);

#endif
