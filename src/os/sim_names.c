/*
 * sim_names.c - the simulated disk's calls on paths and directories.
 *
 *   path "/db/shard" -> live entries of root -> live entries of "db" -> inode
 *
 * Every change is live at once and pending in the one directory that it changes (sim_disk.h).
 * Callbacks of the caller run outside of the mutex.
 */
#include "os/sim_calls.h"

#include <errno.h>
#include <string.h>

#include "os/alloc.h"

/* 0, or why this cannot be a name. */
static int check_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || strchr(name, '/') != NULL) {
        return -EINVAL;
    }
    return length > VV_SIM_NAME_MAX ? -ENAMETOOLONG : 0;
}

/* Walks to the directory that holds the last component of path, whose name is copied to name: empty
 * if the path is the root itself. */
static int walk_to_parent(struct vv_env_sim *sim, const char *path, struct vv_sim_inode **parent,
                          char name[VV_SIM_NAME_MAX + 1])
{
    struct vv_sim_inode *directory = sim->root;
    name[0] = '\0';
    for (;;) {
        path += strspn(path, "/");
        size_t length = strcspn(path, "/");
        if (length == 0) {
            *parent = directory;
            return 0;
        }
        if (name[0] != '\0') {
            const struct vv_sim_entry *entry = vv_sim_entries_find(&directory->live_entries, name);
            if (entry == NULL) {
                return -ENOENT;
            }
            if (!entry->inode->is_directory) {
                return -ENOTDIR;
            }
            directory = entry->inode;
        }
        if (length > VV_SIM_NAME_MAX) {
            return -ENAMETOOLONG;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        path += length;
    }
}

static int walk(struct vv_env_sim *sim, const char *path, struct vv_sim_inode **inode)
{
    struct vv_sim_inode *parent = NULL;
    char name[VV_SIM_NAME_MAX + 1];
    int error = walk_to_parent(sim, path, &parent, name);
    if (error != 0) {
        return error;
    }
    if (name[0] == '\0') {
        *inode = parent;
        return 0;
    }
    const struct vv_sim_entry *entry = vv_sim_entries_find(&parent->live_entries, name);
    if (entry == NULL) {
        return -ENOENT;
    }
    *inode = entry->inode;
    return 0;
}

int vv_sim_open_directory(void *ctx, const char *path)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *inode = NULL;
    error = walk(sim, path, &inode);
    if (error == 0 && !inode->is_directory) {
        error = -ENOTDIR;
    }
    return vv_sim_end(sim, error != 0 ? error : vv_sim_add_handle(sim, inode, false));
}

/* Makes a new inode and links it; *created belongs to the directory. */
static int create_entry(struct vv_sim_inode *directory, const char *name, bool is_directory,
                        struct vv_sim_inode **created)
{
    struct vv_sim_inode *inode = vv_sim_inode_create(directory->sim, is_directory);
    if (inode == NULL) {
        return -ENOMEM;
    }
    int error = vv_sim_directory_change(directory, NULL, name, inode);
    vv_sim_inode_release(inode);
    *created = inode;
    return error;
}

int vv_sim_make_directory(void *ctx, const char *path)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *parent = NULL;
    struct vv_sim_inode *created = NULL;
    char name[VV_SIM_NAME_MAX + 1];
    error = walk_to_parent(sim, path, &parent, name);
    if (error == 0) {
        bool exists = name[0] == '\0' || vv_sim_entries_find(&parent->live_entries, name) != NULL;
        error = exists ? -EEXIST : create_entry(parent, name, true, &created);
    }
    return vv_sim_end(sim, error);
}

static int rename_path_locked(struct vv_env_sim *sim, const char *from, const char *to)
{
    struct vv_sim_inode *from_parent = NULL;
    struct vv_sim_inode *to_parent = NULL;
    char from_name[VV_SIM_NAME_MAX + 1];
    char to_name[VV_SIM_NAME_MAX + 1];
    int error = walk_to_parent(sim, from, &from_parent, from_name);
    if (error == 0) {
        error = walk_to_parent(sim, to, &to_parent, to_name);
    }
    if (error != 0) {
        return error;
    }
    const struct vv_sim_entry *entry = vv_sim_entries_find(&from_parent->live_entries, from_name);
    if (entry == NULL) {
        return -ENOENT;
    }
    if (to_name[0] == '\0' || vv_sim_entries_find(&to_parent->live_entries, to_name) != NULL) {
        return -EEXIST;
    }
    if (from_parent != to_parent) {
        return -EXDEV;
    }
    return vv_sim_directory_change(from_parent, from_name, to_name, entry->inode);
}

int vv_sim_rename_path(void *ctx, const char *from, const char *to)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    return error != 0 ? error : vv_sim_end(sim, rename_path_locked(sim, from, to));
}

static int exchange_paths_locked(struct vv_env_sim *sim, const char *one, const char *other)
{
    struct vv_sim_inode *one_parent = NULL;
    struct vv_sim_inode *other_parent = NULL;
    char one_name[VV_SIM_NAME_MAX + 1];
    char other_name[VV_SIM_NAME_MAX + 1];
    int error = walk_to_parent(sim, one, &one_parent, one_name);
    if (error == 0) {
        error = walk_to_parent(sim, other, &other_parent, other_name);
    }
    if (error != 0) {
        return error;
    }
    return one_parent == other_parent ? vv_sim_directory_exchange(one_parent, one_name, other_name)
                                      : -EXDEV;
}

int vv_sim_exchange_paths(void *ctx, const char *one, const char *other)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    return error != 0 ? error : vv_sim_end(sim, exchange_paths_locked(sim, one, other));
}

int vv_sim_remove_directory(void *ctx, const char *path)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *parent = NULL;
    char name[VV_SIM_NAME_MAX + 1];
    error = walk_to_parent(sim, path, &parent, name);
    if (error != 0) {
        return vv_sim_end(sim, error);
    }
    const struct vv_sim_entry *entry = vv_sim_entries_find(&parent->live_entries, name);
    if (entry == NULL) {
        error = name[0] == '\0' ? -EBUSY : -ENOENT;
    } else if (!entry->inode->is_directory) {
        error = -ENOTDIR;
    } else if (entry->inode->live_entries.count > 0) {
        error = -ENOTEMPTY;
    } else {
        error = vv_sim_directory_change(parent, name, NULL, NULL);
    }
    return vv_sim_end(sim, error);
}

int vv_sim_stat_path(void *ctx, const char *path, struct vv_file_status *status)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *inode = NULL;
    error = walk(sim, path, &inode);
    if (error == 0) {
        vv_sim_fill_status(inode, status);
    }
    return vv_sim_end(sim, error);
}

int vv_sim_sync_directory(void *ctx, int number)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *directory = NULL;
    error = vv_sim_find_directory(sim, number, &directory);
    if (error == 0 && !sim->is_lying) {
        error = vv_sim_sync(directory);
    }
    return vv_sim_end(sim, error);
}

/* Copies the live names, one after the other, each with its NUL; *names is the caller's to free. */
static int copy_names(struct vv_env_sim *sim, int number, char **names, size_t *count)
{
    int error = vv_sim_begin(sim, VV_SIM_READS);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *directory = NULL;
    error = vv_sim_find_directory(sim, number, &directory);
    if (error != 0) {
        return vv_sim_end(sim, error);
    }
    const struct vv_sim_entries *entries = &directory->live_entries;
    *names = vv_alloc(entries->count * (VV_SIM_NAME_MAX + 1) + 1);
    if (*names == NULL) {
        return vv_sim_end(sim, -ENOMEM);
    }
    char *next = *names;
    for (size_t index = 0; index < entries->count; index++) {
        next = stpcpy(next, entries->items[index].name) + 1;
    }
    *count = entries->count;
    return vv_sim_end(sim, 0);
}

int vv_sim_list(void *ctx, int number, int (*visit)(void *visitor, const char *name), void *visitor)
{
    char *names = NULL;
    size_t count = 0;
    int result = copy_names(ctx, number, &names, &count);
    const char *name = names;
    for (size_t index = 0; index < count && result == 0; index++) {
        result = visit(visitor, name);
        name += strlen(name) + 1;
    }
    vv_free(names);
    return result;
}

static int open_locked(struct vv_env_sim *sim, int number, const char *name, enum vv_open_mode mode)
{
    struct vv_sim_inode *directory = NULL;
    int error = vv_sim_find_directory(sim, number, &directory);
    if (error == 0) {
        error = check_name(name);
    }
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *inode = NULL;
    const struct vv_sim_entry *entry = vv_sim_entries_find(&directory->live_entries, name);
    if (entry == NULL) {
        if (mode == VV_OPEN_READ || mode == VV_OPEN_WRITE) {
            return -ENOENT;
        }
        error = create_entry(directory, name, false, &inode);
    } else if (mode == VV_OPEN_CREATE) {
        error = -EEXIST;
    } else if (entry->inode->is_directory) {
        error = -EISDIR;
    } else {
        inode = entry->inode;
        if (mode == VV_OPEN_TRUNCATE && inode->live.size > 0) {
            error = vv_sim_file_resize(inode, 0);
        }
    }
    return error != 0 ? error : vv_sim_add_handle(sim, inode, mode != VV_OPEN_READ);
}

int vv_sim_open(void *ctx, int number, const char *name, enum vv_open_mode mode)
{
    struct vv_env_sim *sim = ctx;
    bool mutates = mode == VV_OPEN_CREATE || mode == VV_OPEN_TRUNCATE;
    int error = vv_sim_begin(sim, mutates ? VV_SIM_MUTATES : VV_SIM_READS);
    return error != 0 ? error : vv_sim_end(sim, open_locked(sim, number, name, mode));
}

static int rename_locked(struct vv_env_sim *sim, int number, const char *from, const char *to)
{
    struct vv_sim_inode *directory = NULL;
    int error = vv_sim_find_directory(sim, number, &directory);
    if (error == 0) {
        error = check_name(to);
    }
    if (error != 0) {
        return error;
    }
    const struct vv_sim_entry *source = vv_sim_entries_find(&directory->live_entries, from);
    const struct vv_sim_entry *target = vv_sim_entries_find(&directory->live_entries, to);
    if (source == NULL) {
        return -ENOENT;
    }
    if (target != NULL && target->inode == source->inode) {
        return 0; /* as POSIX has it: two links to one file both stay */
    }
    if (target != NULL && target->inode->is_directory) {
        return -EISDIR;
    }
    return vv_sim_directory_change(directory, from, to, source->inode);
}

int vv_sim_rename(void *ctx, int number, const char *from, const char *to)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    return error != 0 ? error : vv_sim_end(sim, rename_locked(sim, number, from, to));
}

static int link_locked(struct vv_env_sim *sim, int from_number, const char *from, int to_number,
                       const char *to)
{
    struct vv_sim_inode *from_directory = NULL;
    struct vv_sim_inode *to_directory = NULL;
    int error = vv_sim_find_directory(sim, from_number, &from_directory);
    if (error == 0) {
        error = vv_sim_find_directory(sim, to_number, &to_directory);
    }
    if (error == 0) {
        error = check_name(to);
    }
    if (error != 0) {
        return error;
    }
    const struct vv_sim_entry *source = vv_sim_entries_find(&from_directory->live_entries, from);
    if (source == NULL) {
        return -ENOENT;
    }
    if (source->inode->is_directory) {
        return -EPERM;
    }
    if (vv_sim_entries_find(&to_directory->live_entries, to) != NULL) {
        return -EEXIST;
    }
    return vv_sim_directory_change(to_directory, NULL, to, source->inode);
}

int vv_sim_link(void *ctx, int from_number, const char *from, int to_number, const char *to)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    return error != 0 ? error : vv_sim_end(sim, link_locked(sim, from_number, from, to_number, to));
}

int vv_sim_unlink(void *ctx, int number, const char *name)
{
    struct vv_env_sim *sim = ctx;
    int error = vv_sim_begin(sim, VV_SIM_MUTATES);
    if (error != 0) {
        return error;
    }
    struct vv_sim_inode *directory = NULL;
    error = vv_sim_find_directory(sim, number, &directory);
    if (error != 0) {
        return vv_sim_end(sim, error);
    }
    const struct vv_sim_entry *entry = vv_sim_entries_find(&directory->live_entries, name);
    if (entry == NULL) {
        return vv_sim_end(sim, -ENOENT);
    }
    if (entry->inode->is_directory) {
        return vv_sim_end(sim, -EISDIR);
    }
    return vv_sim_end(sim, vv_sim_directory_change(directory, name, NULL, NULL));
}
