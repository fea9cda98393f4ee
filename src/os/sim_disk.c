/*
 * sim_disk.c - inodes of the simulated disk.
 *
 *   file        durable image --changes[0..n): writes and sizes, in order--> live image
 *   directory   durable entries --changes[0..n): link, unlink, rename--> live entries
 *
 * D1  durable with all changes applied equals live.
 * D2  An inode lives while a handle, an entry (live or durable) or a pending change refers to it.
 * D3  Memory is taken before anything changes, so that -ENOMEM leaves the disk as it was.
 */
#include "os/sim_disk.h"

#include <errno.h>
#include <string.h>

#include "os/alloc.h"

uint64_t vv_sim_random_next(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint64_t vv_sim_random_below(uint64_t *state, uint64_t bound)
{
    return vv_sim_random_next(state) % bound;
}

struct vv_sim_inode *vv_sim_inode_create(struct vv_env_sim *sim, bool is_directory)
{
    struct vv_sim_inode *inode = vv_alloc_zeroed(1, sizeof(*inode));
    if (inode == NULL) {
        return NULL;
    }
    inode->sim = sim;
    inode->number = sim->next_inode_number++;
    inode->references = 1;
    inode->is_directory = is_directory;
    inode->lock_holder = -1;
    inode->next = sim->inodes;
    if (sim->inodes != NULL) {
        sim->inodes->previous = inode;
    }
    sim->inodes = inode;
    return inode;
}

void vv_sim_inode_reference(struct vv_sim_inode *inode)
{
    inode->references++;
}

static void free_change(struct vv_sim_change *change)
{
    vv_free(change->bytes);
    if (change->inode != NULL) {
        vv_sim_inode_release(change->inode);
    }
    if (change->swapped != NULL) {
        vv_sim_inode_release(change->swapped);
    }
}

static void free_entries(struct vv_sim_entries *entries)
{
    for (size_t index = 0; index < entries->count; index++) {
        vv_sim_inode_release(entries->items[index].inode);
    }
    vv_free(entries->items);
    *entries = (struct vv_sim_entries){0};
}

void vv_sim_inode_release(struct vv_sim_inode *inode)
{
    VV_ASSERT(inode->references > 0);
    if (--inode->references > 0) {
        return;
    }
    for (size_t index = 0; index < inode->change_count; index++) {
        free_change(&inode->changes[index]);
    }
    vv_free(inode->changes);
    free_entries(&inode->live_entries);
    free_entries(&inode->durable_entries);
    vv_free(inode->live.bytes);
    vv_free(inode->durable.bytes);
    if (inode->next != NULL) {
        inode->next->previous = inode->previous;
    }
    if (inode->previous != NULL) {
        inode->previous->next = inode->next;
    } else {
        inode->sim->inodes = inode->next;
    }
    vv_free(inode);
}

int vv_sim_image_reserve(struct vv_sim_image *image, uint64_t bytes)
{
    if (bytes <= image->capacity) {
        return 0;
    }
    uint64_t capacity = image->capacity * 2 > bytes ? image->capacity * 2 : bytes;
    uint8_t *grown = vv_realloc(image->bytes, capacity);
    if (grown == NULL) {
        return -ENOMEM;
    }
    memset(grown + image->capacity, 0, capacity - image->capacity);
    image->bytes = grown;
    image->capacity = capacity;
    return 0;
}

void vv_sim_image_resize(struct vv_sim_image *image, uint64_t size)
{
    VV_ASSERT(size <= image->capacity);
    if (size < image->size) {
        memset(image->bytes + size, 0, image->size - size);
    }
    image->size = size;
}

struct vv_sim_entry *vv_sim_entries_find(const struct vv_sim_entries *entries, const char *name)
{
    for (size_t index = 0; index < entries->count; index++) {
        if (strcmp(entries->items[index].name, name) == 0) {
            return &entries->items[index];
        }
    }
    return NULL;
}

int vv_sim_entries_reserve(struct vv_sim_entries *entries, size_t more)
{
    size_t needed = entries->count + more;
    if (needed <= entries->capacity) {
        return 0;
    }
    size_t capacity = needed > entries->capacity * 2 ? needed : entries->capacity * 2;
    struct vv_sim_entry *items = vv_realloc(entries->items, capacity * sizeof(*items));
    if (items == NULL) {
        return -ENOMEM;
    }
    entries->items = items;
    entries->capacity = capacity;
    return 0;
}

/* Names have been measured where they came in, so that one always fits. */
static void copy_name(char to[VV_SIM_NAME_MAX + 1], const char *name)
{
    size_t length = strlen(name);
    VV_ASSERT(length <= VV_SIM_NAME_MAX);
    memcpy(to, name, length + 1);
}

void vv_sim_entries_set(struct vv_sim_entries *entries, const char *name,
                        struct vv_sim_inode *inode)
{
    vv_sim_inode_reference(inode); /* first: the entry may hold the last one to this very inode */
    struct vv_sim_entry *entry = vv_sim_entries_find(entries, name);
    if (entry != NULL) {
        vv_sim_inode_release(entry->inode);
    } else {
        VV_ASSERT(entries->count < entries->capacity);
        entry = &entries->items[entries->count++];
        copy_name(entry->name, name);
    }
    entry->inode = inode;
}

void vv_sim_entries_remove(struct vv_sim_entries *entries, const char *name)
{
    struct vv_sim_entry *entry = vv_sim_entries_find(entries, name);
    if (entry != NULL) {
        struct vv_sim_inode *inode = entry->inode;
        *entry = entries->items[--entries->count];
        vv_sim_inode_release(inode);
    }
}

/* A place for one more change, zeroed but for its sequence, not yet counted; NULL when memory is
 * out. */
static struct vv_sim_change *reserve_change(struct vv_sim_inode *inode)
{
    if (inode->change_count == inode->change_capacity) {
        size_t capacity = inode->change_capacity > 0 ? inode->change_capacity * 2 : 8;
        struct vv_sim_change *changes = vv_realloc(inode->changes, capacity * sizeof(*changes));
        if (changes == NULL) {
            return NULL;
        }
        inode->changes = changes;
        inode->change_capacity = capacity;
    }
    struct vv_sim_change *change = &inode->changes[inode->change_count];
    *change = (struct vv_sim_change){.sequence = inode->sim->next_sequence};
    return change;
}

static void commit_change(struct vv_sim_inode *inode)
{
    inode->change_count++;
    inode->sim->next_sequence++;
}

uint64_t vv_sim_free_bytes(struct vv_env_sim *sim)
{
    if (sim->capacity_bytes == UINT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t used = 0;
    for (struct vv_sim_inode *inode = sim->inodes; inode != NULL; inode = inode->next) {
        inode->is_in_use = false;
    }
    for (size_t number = 0; number < sim->handle_count; number++) {
        if (sim->handles[number].inode != NULL) {
            sim->handles[number].inode->is_in_use = true;
        }
    }
    for (struct vv_sim_inode *inode = sim->inodes; inode != NULL; inode = inode->next) {
        for (size_t index = 0; index < inode->live_entries.count; index++) {
            inode->live_entries.items[index].inode->is_in_use = true;
        }
    }
    for (struct vv_sim_inode *inode = sim->inodes; inode != NULL; inode = inode->next) {
        used += inode->is_in_use ? vv_sim_room(inode) : 0;
    }
    return used < sim->capacity_bytes ? sim->capacity_bytes - used : 0;
}

/* 0, or why the live file cannot become so large. */
static int check_growth(const struct vv_sim_inode *file, uint64_t size)
{
    if (size > VV_SIM_FILE_BYTES_MAX) {
        return -EFBIG;
    }
    uint64_t room = vv_sim_room(file);
    bool fits = size <= room || size - room <= vv_sim_free_bytes(file->sim);
    return fits ? 0 : -ENOSPC;
}

int vv_sim_file_write(struct vv_sim_inode *file, const void *bytes, uint64_t length,
                      uint64_t offset)
{
    if (length > VV_SIM_FILE_BYTES_MAX || offset > VV_SIM_FILE_BYTES_MAX) {
        return -EFBIG;
    }
    uint64_t size = offset + length > file->live.size ? offset + length : file->live.size;
    int error = check_growth(file, size);
    if (error != 0) {
        return error;
    }
    struct vv_sim_change *change = reserve_change(file);
    uint8_t *copy = vv_alloc(length);
    if (change == NULL || copy == NULL || vv_sim_image_reserve(&file->live, size) != 0) {
        vv_free(copy);
        return -ENOMEM;
    }
    memcpy(copy, bytes, length);
    change->kind = VV_SIM_DATA;
    change->size_before = file->live.size;
    change->size_after = size;
    change->offset = offset;
    change->length = length;
    change->bytes = copy;
    commit_change(file);
    vv_sim_image_resize(&file->live, size);
    memcpy(file->live.bytes + offset, bytes, length);
    return 0;
}

int vv_sim_file_resize(struct vv_sim_inode *file, uint64_t size)
{
    int error = check_growth(file, size);
    if (error != 0) {
        return error;
    }
    struct vv_sim_change *change = reserve_change(file);
    if (change == NULL || vv_sim_image_reserve(&file->live, size) != 0) {
        return -ENOMEM;
    }
    change->kind = VV_SIM_SIZE;
    change->size_before = file->live.size;
    change->size_after = size;
    commit_change(file);
    vv_sim_image_resize(&file->live, size);
    return 0;
}

int vv_sim_directory_change(struct vv_sim_inode *directory, const char *from, const char *to,
                            struct vv_sim_inode *inode)
{
    struct vv_sim_change *change = reserve_change(directory);
    if (change == NULL || vv_sim_entries_reserve(&directory->live_entries, 1) != 0) {
        return -ENOMEM;
    }
    change->kind = from == NULL ? VV_SIM_LINK : to == NULL ? VV_SIM_UNLINK : VV_SIM_RENAME;
    copy_name(change->from, from != NULL ? from : "");
    copy_name(change->to, to != NULL ? to : "");
    if (to != NULL) {
        change->inode = inode;
        vv_sim_inode_reference(inode);
    }
    vv_sim_entries_apply(&directory->live_entries, change);
    commit_change(directory);
    return 0;
}

int vv_sim_directory_exchange(struct vv_sim_inode *directory, const char *one, const char *other)
{
    const struct vv_sim_entry *first = vv_sim_entries_find(&directory->live_entries, one);
    const struct vv_sim_entry *second = vv_sim_entries_find(&directory->live_entries, other);
    if (first == NULL || second == NULL) {
        return -ENOENT;
    }
    struct vv_sim_change *change = reserve_change(directory);
    if (change == NULL) {
        return -ENOMEM;
    }
    change->kind = VV_SIM_EXCHANGE;
    copy_name(change->from, one);
    copy_name(change->to, other);
    change->inode = first->inode;
    change->swapped = second->inode;
    vv_sim_inode_reference(change->inode);
    vv_sim_inode_reference(change->swapped);
    vv_sim_entries_apply(&directory->live_entries, change);
    commit_change(directory);
    return 0;
}

void vv_sim_entries_apply(struct vv_sim_entries *entries, const struct vv_sim_change *change)
{
    if (change->kind == VV_SIM_EXCHANGE) {
        vv_sim_entries_set(entries, change->from, change->swapped);
        vv_sim_entries_set(entries, change->to, change->inode);
        return;
    }
    if (change->kind != VV_SIM_LINK) {
        vv_sim_entries_remove(entries, change->from);
    }
    if (change->kind != VV_SIM_UNLINK) {
        vv_sim_entries_set(entries, change->to, change->inode);
    }
}

static int sync_file(struct vv_sim_inode *file)
{
    uint64_t size_max = file->durable.size;
    for (size_t index = 0; index < file->change_count; index++) {
        uint64_t size = file->changes[index].size_after;
        size_max = size > size_max ? size : size_max;
    }
    if (vv_sim_image_reserve(&file->durable, size_max) != 0) {
        return -ENOMEM;
    }
    for (size_t index = 0; index < file->change_count; index++) {
        const struct vv_sim_change *change = &file->changes[index];
        vv_sim_image_resize(&file->durable, change->size_after);
        if (change->kind == VV_SIM_DATA) {
            memcpy(file->durable.bytes + change->offset, change->bytes, change->length);
        }
    }
    return 0;
}

static int sync_entries(struct vv_sim_inode *directory)
{
    if (vv_sim_entries_reserve(&directory->durable_entries, directory->change_count) != 0) {
        return -ENOMEM;
    }
    for (size_t index = 0; index < directory->change_count; index++) {
        vv_sim_entries_apply(&directory->durable_entries, &directory->changes[index]);
    }
    return 0;
}

int vv_sim_sync(struct vv_sim_inode *inode)
{
    int error = inode->is_directory ? sync_entries(inode) : sync_file(inode);
    if (error != 0) {
        return error;
    }
    for (size_t index = 0; index < inode->change_count; index++) {
        free_change(&inode->changes[index]);
    }
    inode->change_count = 0;
    return 0;
}
