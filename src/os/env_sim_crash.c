/*
 * env_sim_crash.c - what a simulated disk may hold after the power went.
 *
 *   file, per sector     old --write 3--> v1 --write 7--> v2          the crash picks old, v1 or v2
 *         as a whole     size 0 --> 512 --> 2048 --cut--> 1024        the crash picks one of these
 *   directory            link a, rename a b, unlink c                 the crash picks a subset
 *
 * C1  A sector's versions are those that the page cache had: a version holds all writes before it.
 * C2  A cut (truncation) that reached the disk took all that lay behind it, and nothing that was
 *     written behind it afterwards is there without it: block allocation is ordered with the size.
 * C3  A directory change is kept only if all earlier ones of that directory that share a name with
 *     it are.
 * C4  Every choice follows from (seed, inode number), not from addresses or the order of visits.
 */
#include "os/env_sim.h"

#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"
#include "os/sim_disk.h"

/* Which changes one crash keeps. */
struct crash {
    enum vv_crash_mode mode;
    uint64_t seed;
    uint64_t cut_sequence;  /* PREFIX, TORN: changes before it are kept ... */
    uint64_t torn_sequence; /* TORN: ... and a part of this write; UINT64_MAX = none */
    struct vv_env_sim *after;
};

/* How much of one sector survives: of the writes before upper the first keep_count that touch
 * it. */
struct sector_choice {
    uint32_t upper;
    uint32_t writes; /* before upper */
    uint32_t keep_count;
};

static uint64_t sector_of(uint64_t offset)
{
    return offset / VV_SIM_SECTOR_BYTES;
}

static uint64_t sectors_in(uint64_t bytes)
{
    return (bytes + VV_SIM_SECTOR_BYTES - 1) / VV_SIM_SECTOR_BYTES;
}

static bool is_cut(const struct vv_sim_change *change)
{
    return change->size_after < change->size_before;
}

/* The largest size that the file has had since it was last synced. */
static uint64_t extent_of(const struct vv_sim_inode *file)
{
    uint64_t extent = file->durable.size;
    for (size_t index = 0; index < file->change_count; index++) {
        uint64_t size = file->changes[index].size_after;
        extent = size > extent ? size : extent;
    }
    return extent;
}

static uint64_t smaller_of(uint64_t first, uint64_t second)
{
    return first < second ? first : second;
}

/* Writes the part of a change that lies in [start, end). The image keeps its size. */
static void apply_to_range(struct vv_sim_image *image, const struct vv_sim_change *change,
                           uint64_t start, uint64_t end)
{
    if (change->kind == VV_SIM_DATA) {
        uint64_t from = change->offset > start ? change->offset : start;
        uint64_t to = smaller_of(change->offset + change->length, end);
        if (from < to) {
            memcpy(image->bytes + from, change->bytes + (from - change->offset), to - from);
        }
    } else if (is_cut(change)) {
        uint64_t from = change->size_after > start ? change->size_after : start;
        if (from < end) {
            memset(image->bytes + from, 0, end - from);
        }
    }
}

/* The bounds that cuts set for the sectors that lie wholly behind them (C2). sized: changes whose
 * size has reached the disk. */
static void bound_sectors(const struct vv_sim_inode *file, size_t sized,
                          struct sector_choice *choices, uint64_t sector_count)
{
    for (uint64_t sector = 0; sector < sector_count; sector++) {
        choices[sector] = (struct sector_choice){.upper = (uint32_t)file->change_count};
    }
    for (size_t index = file->change_count; index-- > sized;) {
        const struct vv_sim_change *change = &file->changes[index];
        uint64_t first = is_cut(change) ? sectors_in(change->size_after) : sector_count;
        for (uint64_t sector = first; sector < sector_count; sector++) {
            choices[sector].upper = (uint32_t)index;
        }
    }
}

/* The sectors [*first, *end) that a write touches; none for other changes. */
static void sectors_of_write(const struct vv_sim_change *change, uint64_t *first, uint64_t *end)
{
    bool is_write = change->kind == VV_SIM_DATA;
    *first = sector_of(change->offset);
    *end = is_write ? sectors_in(change->offset + change->length) : *first;
}

/* Decides for each sector how many of its versions survive. */
static void choose_versions(const struct vv_sim_inode *file, struct sector_choice *choices,
                            uint64_t sector_count, uint64_t *random)
{
    for (size_t index = 0; index < file->change_count; index++) {
        uint64_t first;
        uint64_t end;
        sectors_of_write(&file->changes[index], &first, &end);
        for (uint64_t sector = first; sector < end; sector++) {
            struct sector_choice *choice = &choices[sector];
            choice->writes += index < choice->upper;
        }
    }
    for (uint64_t sector = 0; sector < sector_count; sector++) {
        uint64_t versions = (uint64_t)choices[sector].writes + 1;
        choices[sector].keep_count = (uint32_t)vv_sim_random_below(random, versions);
    }
}

static void apply_choices(struct vv_sim_image *image, const struct vv_sim_inode *file, size_t sized,
                          struct sector_choice *choices)
{
    for (size_t index = 0; index < file->change_count; index++) {
        const struct vv_sim_change *change = &file->changes[index];
        if (is_cut(change) && index < sized) {
            apply_to_range(image, change, 0, image->capacity);
        }
        uint64_t first;
        uint64_t end;
        sectors_of_write(change, &first, &end);
        for (uint64_t sector = first; sector < end; sector++) {
            struct sector_choice *choice = &choices[sector];
            if (index < choice->upper && choice->keep_count > 0) {
                choice->keep_count--;
                apply_to_range(image, change, sector * VV_SIM_SECTOR_BYTES,
                               (sector + 1) * VV_SIM_SECTOR_BYTES);
            }
        }
    }
}

/* RANDOM: image holds the durable bytes, with room for every sector; returns false when memory is
 * out. */
static bool crash_randomly(struct vv_sim_image *image, const struct vv_sim_inode *file,
                           uint64_t *random)
{
    uint64_t sector_count = sectors_in(image->capacity);
    struct sector_choice *choices = vv_alloc(sector_count * sizeof(*choices) + 1);
    if (choices == NULL) {
        return false;
    }
    size_t sized = (size_t)vv_sim_random_below(random, file->change_count + 1);
    bound_sectors(file, sized, choices, sector_count);
    choose_versions(file, choices, sector_count, random);
    apply_choices(image, file, sized, choices);
    vv_free(choices);
    image->size = sized == 0 ? file->durable.size : file->changes[sized - 1].size_after;
    return true;
}

/* The first kept changes, and of the next one, if it is a torn write, some sectors. */
static void crash_in_order(struct vv_sim_image *image, const struct vv_sim_inode *file, size_t kept,
                           bool is_torn, uint64_t *random)
{
    for (size_t index = 0; index < kept; index++) {
        apply_to_range(image, &file->changes[index], 0, image->capacity);
    }
    image->size = kept == 0 ? file->durable.size : file->changes[kept - 1].size_after;
    if (is_torn) {
        const struct vv_sim_change *change = &file->changes[kept];
        uint64_t first = sector_of(change->offset);
        uint64_t count = sectors_in(change->offset + change->length) - first;
        uint64_t end = first + vv_sim_random_below(random, count + 1);
        apply_to_range(image, change, 0, end * VV_SIM_SECTOR_BYTES);
        if (vv_sim_random_below(random, 2) == 0) {
            image->size = change->size_after;
        }
    }
}

/* How many of the inode's changes lie before the cut. */
static size_t changes_before(const struct vv_sim_inode *inode, uint64_t sequence)
{
    size_t count = 0;
    while (count < inode->change_count && inode->changes[count].sequence < sequence) {
        count++;
    }
    return count;
}

static bool crash_file(const struct crash *crash, const struct vv_sim_inode *file,
                       struct vv_sim_inode *clone, uint64_t *random)
{
    struct vv_sim_image *image = &clone->durable;
    uint64_t room = sectors_in(extent_of(file)) * VV_SIM_SECTOR_BYTES;
    if (vv_sim_image_reserve(image, room) != 0) {
        return false;
    }
    if (file->durable.size > 0) {
        memcpy(image->bytes, file->durable.bytes, file->durable.size);
    }
    /* Sector by sector alone would hardly ever lose or keep a whole file. */
    uint64_t style = vv_sim_random_below(random, 4);
    if (crash->mode == VV_CRASH_RANDOM && style > 1) {
        if (!crash_randomly(image, file, random)) {
            return false;
        }
    } else if (crash->mode == VV_CRASH_RANDOM) {
        crash_in_order(image, file, style == 0 ? 0 : file->change_count, false, random);
    } else {
        size_t kept = changes_before(file, crash->cut_sequence);
        bool is_torn = kept < file->change_count &&
                       file->changes[kept].sequence == crash->torn_sequence &&
                       file->changes[kept].kind == VV_SIM_DATA;
        crash_in_order(image, file, kept, is_torn, random);
    }
    /* Data without size is lost for good: growing again must show zeros. */
    if (image->capacity > image->size) {
        memset(image->bytes + image->size, 0, image->capacity - image->size);
    }
    return true;
}

static bool share_a_name(const struct vv_sim_change *first, const struct vv_sim_change *second)
{
    const char *names[] = {second->from, second->to};
    for (int index = 0; index < 2; index++) {
        if (names[index][0] != '\0' &&
            (strcmp(names[index], first->from) == 0 || strcmp(names[index], first->to) == 0)) {
            return true;
        }
    }
    return false;
}

/* Chooses by coin, under C3. */
static void choose_directory_changes(const struct vv_sim_inode *directory, bool *kept,
                                     uint64_t *random)
{
    for (size_t index = 0; index < directory->change_count; index++) {
        kept[index] = vv_sim_random_below(random, 2) == 0;
        for (size_t earlier = 0; earlier < index && kept[index]; earlier++) {
            kept[index] = kept[earlier] ||
                          !share_a_name(&directory->changes[earlier], &directory->changes[index]);
        }
    }
}

/* The entries of directory after the crash; they refer to inodes of the old disk. */
static bool crash_entries(const struct crash *crash, const struct vv_sim_inode *directory,
                          struct vv_sim_entries *entries, uint64_t *random)
{
    size_t count = directory->change_count;
    bool *kept = vv_alloc(count + 1);
    if (kept == NULL ||
        vv_sim_entries_reserve(entries, directory->durable_entries.count + count + 1) != 0) {
        vv_free(kept);
        return false;
    }
    if (crash->mode == VV_CRASH_RANDOM) {
        choose_directory_changes(directory, kept, random);
    } else {
        size_t prefix = changes_before(directory, crash->cut_sequence);
        for (size_t index = 0; index < count; index++) {
            kept[index] = index < prefix;
        }
    }
    for (size_t index = 0; index < directory->durable_entries.count; index++) {
        const struct vv_sim_entry *entry = &directory->durable_entries.items[index];
        vv_sim_entries_set(entries, entry->name, entry->inode);
    }
    for (size_t index = 0; index < count; index++) {
        if (kept[index]) {
            vv_sim_entries_apply(entries, &directory->changes[index]);
        }
    }
    vv_free(kept);
    return true;
}

static bool crash_inode(const struct crash *crash, struct vv_sim_inode *inode,
                        struct vv_sim_inode *clone);

/* The new disk's inode for an old one, with a reference for the caller; NULL when memory is out. */
static struct vv_sim_inode *clone_inode(const struct crash *crash, struct vv_sim_inode *inode)
{
    if (inode->clone != NULL) {
        vv_sim_inode_reference(inode->clone);
        return inode->clone;
    }
    struct vv_sim_inode *clone = vv_sim_inode_create(crash->after, inode->is_directory);
    if (clone == NULL) {
        return NULL;
    }
    inode->clone = clone;
    if (!crash_inode(crash, inode, clone)) {
        inode->clone = NULL;
        vv_sim_inode_release(clone);
        return NULL;
    }
    return clone;
}

static bool crash_directory(const struct crash *crash, const struct vv_sim_inode *directory,
                            struct vv_sim_inode *clone, uint64_t *random)
{
    struct vv_sim_entries entries = {0};
    bool is_done = crash_entries(crash, directory, &entries, random) &&
                   vv_sim_entries_reserve(&clone->durable_entries, entries.count) == 0;
    for (size_t index = 0; index < entries.count; index++) {
        struct vv_sim_inode *child =
            is_done ? clone_inode(crash, entries.items[index].inode) : NULL;
        if (child != NULL) {
            vv_sim_entries_set(&clone->durable_entries, entries.items[index].name, child);
            vv_sim_inode_release(child);
        } else {
            is_done = false;
        }
        vv_sim_inode_release(entries.items[index].inode);
    }
    vv_free(entries.items);
    return is_done;
}

/* Live is what is durable. */
static bool show_durable(struct vv_sim_inode *inode)
{
    if (vv_sim_image_reserve(&inode->live, inode->durable.size) != 0 ||
        vv_sim_entries_reserve(&inode->live_entries, inode->durable_entries.count) != 0) {
        return false;
    }
    if (inode->durable.size > 0) {
        memcpy(inode->live.bytes, inode->durable.bytes, inode->durable.size);
    }
    inode->live.size = inode->durable.size;
    for (size_t index = 0; index < inode->durable_entries.count; index++) {
        const struct vv_sim_entry *entry = &inode->durable_entries.items[index];
        vv_sim_entries_set(&inode->live_entries, entry->name, entry->inode);
    }
    return true;
}

static bool crash_inode(const struct crash *crash, struct vv_sim_inode *inode,
                        struct vv_sim_inode *clone)
{
    uint64_t random = crash->seed ^ (inode->number * UINT64_C(0xd6e8feb86659fd93));
    bool is_done = inode->is_directory ? crash_directory(crash, inode, clone, &random)
                                       : crash_file(crash, inode, clone, &random);
    return is_done && show_durable(clone);
}

static int compare_sequences(const void *first, const void *second)
{
    uint64_t left = *(const uint64_t *)first;
    uint64_t right = *(const uint64_t *)second;
    return left < right ? -1 : left > right;
}

/* Sets where PREFIX and TORN cut: at one of the pending changes, or behind the last. */
static bool choose_cut(struct vv_env_sim *sim, struct crash *crash)
{
    crash->cut_sequence = crash->mode == VV_CRASH_LOSE_ALL ? 0 : UINT64_MAX;
    crash->torn_sequence = UINT64_MAX;
    if (crash->mode != VV_CRASH_PREFIX && crash->mode != VV_CRASH_TORN) {
        return true;
    }
    size_t count = 0;
    for (const struct vv_sim_inode *inode = sim->inodes; inode != NULL; inode = inode->next) {
        count += inode->change_count;
    }
    uint64_t *sequences = vv_alloc((count + 1) * sizeof(*sequences));
    if (sequences == NULL) {
        return false;
    }
    count = 0;
    for (const struct vv_sim_inode *inode = sim->inodes; inode != NULL; inode = inode->next) {
        for (size_t index = 0; index < inode->change_count; index++) {
            bool is_write = inode->changes[index].kind == VV_SIM_DATA;
            if (crash->mode == VV_CRASH_PREFIX || is_write) {
                sequences[count++] = inode->changes[index].sequence;
            }
        }
    }
    qsort(sequences, count, sizeof(*sequences), compare_sequences);
    uint64_t random = crash->seed;
    size_t chosen = (size_t)vv_sim_random_below(&random, count + 1);
    if (chosen < count) {
        crash->cut_sequence = sequences[chosen];
        crash->torn_sequence = crash->mode == VV_CRASH_TORN ? sequences[chosen] : UINT64_MAX;
    }
    vv_free(sequences);
    return true;
}

struct vv_env_sim *vv_env_sim_crash(struct vv_env_sim *sim, uint64_t seed, enum vv_crash_mode mode)
{
    struct crash crash = {.mode = mode, .seed = seed};
    crash.after = vv_env_sim_create(seed);
    if (crash.after == NULL) {
        return NULL;
    }
    vv_mutex_lock(&sim->mutex);
    crash.after->now_ns = sim->now_ns;
    crash.after->capacity_bytes = sim->capacity_bytes;
    sim->root->clone = crash.after->root;
    bool is_done = choose_cut(sim, &crash) && crash_inode(&crash, sim->root, crash.after->root);
    for (struct vv_sim_inode *inode = sim->inodes; inode != NULL; inode = inode->next) {
        inode->clone = NULL;
    }
    vv_mutex_unlock(&sim->mutex);
    if (!is_done) {
        vv_env_sim_destroy(crash.after);
        return NULL;
    }
    return crash.after;
}
