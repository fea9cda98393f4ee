/*
 * ck_series_set.c - a ck_hs in its mode of one writer and many readers.
 *
 * ck_hs compares what is looked for with what it holds, and what it holds with each other: both
 * begin with the same fields.
 */
#include "support/ck_series_set.h"

#include <ck_hs.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "os/thread.h"

struct entry {
    uint64_t hash;
    const uint8_t *bytes; /* of a held one: text */
    size_t length;
    uint32_t number;
    uint8_t text[];
};

struct retired {
    struct retired *next;
};

struct ck_series_set {
    ck_hs_t set;
    struct vv_mutex mutex; /* of writers */
    uint32_t count;
};

/* What was outgrown, of all sets: freed at the end of the process. ck gives free() no context. */
static struct retired *retired;

static void *set_malloc(size_t bytes)
{
    void *memory = malloc(bytes);
    VV_ASSERT(memory != NULL);
    return memory;
}

static void set_free(void *memory, size_t bytes, bool defer)
{
    (void)bytes;
    if (!defer) {
        free(memory);
        return;
    }
    struct retired *one = memory;
    one->next = retired;
    retired = one;
}

static struct ck_malloc allocator = {.malloc = set_malloc, .free = set_free};

static unsigned long hash_entry(const void *entry, unsigned long seed)
{
    (void)seed;
    return ((const struct entry *)entry)->hash;
}

static bool compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return left->hash == right->hash && left->length == right->length &&
           memcmp(left->bytes, right->bytes, left->length) == 0;
}

struct ck_series_set *ck_series_set_create(void)
{
    struct ck_series_set *set = calloc(1, sizeof(*set));
    VV_ASSERT(set != NULL);
    bool made = ck_hs_init(&set->set, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, hash_entry,
                           compare_entries, &allocator, 64, 0);
    VV_ASSERT(made);
    vv_mutex_init(&set->mutex);
    return set;
}

void ck_series_set_destroy(struct ck_series_set *set)
{
    ck_hs_iterator_t iterator = CK_HS_ITERATOR_INITIALIZER;
    void *entry;
    while (ck_hs_next(&set->set, &iterator, &entry)) {
        free(entry);
    }
    ck_hs_destroy(&set->set);
    while (retired != NULL) {
        struct retired *one = retired;
        retired = one->next;
        free(one);
    }
    vv_mutex_fini(&set->mutex);
    free(set);
}

uint32_t ck_series_set_find(struct ck_series_set *set, struct vv_key key, uint64_t hash)
{
    struct entry wanted = {hash, key.bytes, key.length, 0};
    const struct entry *found = ck_hs_get(&set->set, hash, &wanted);
    return found == NULL ? UINT32_MAX : found->number;
}

uint32_t ck_series_set_add(struct ck_series_set *set, struct vv_key key, uint64_t hash)
{
    vv_mutex_lock(&set->mutex);
    uint32_t number = ck_series_set_find(set, key, hash);
    if (number == UINT32_MAX) {
        struct entry *entry = malloc(sizeof(*entry) + key.length);
        VV_ASSERT(entry != NULL);
        *entry = (struct entry){hash, entry->text, key.length, set->count};
        memcpy(entry->text, key.bytes, key.length);
        bool added = ck_hs_put_unique(&set->set, hash, entry);
        VV_ASSERT(added);
        number = set->count++;
    }
    vv_mutex_unlock(&set->mutex);
    return number;
}
