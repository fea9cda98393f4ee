/*
 * label_index.c - label name -> value -> ids, in memory.
 *
 *   names[]  { name, slots, values }
 *                      |       +--> [ { bytes, length, hash, posting } ... ]   in order of coming
 *                      +--> [ h.7 | -- | h.2 | ... ]                           hash table over them
 *   strings  an arena: names and values once each, never moved
 *   posting number = name number << 32 | value number
 *
 * X1  Slots hold value number + 1, 0 is free; linear probing, at most three quarters full; nothing
 *     is ever removed. A number is less than there are slots, so the bits above are those of the
 *     hash: other values are passed over without a look at them, which would be a cache miss each.
 *     Label names are few, hence a list that is searched from the front.
 * X2  An id is added label by label and last to all ids. If that fails on the way, what was added
 *     is taken back; a value that is left without ids is as good as absent.
 * X3  Strings live in the arena and never move: visitors may keep them as long as the index.
 *     Arrays move when they grow.
 * X4  Values are walked in the order in which they came, which is that of their strings in memory:
 *     a regex over 100,000 values meets few cache misses.
 * X5  Slots grow a little with each value: when they are too few, a table of twice as many begins
 *     empty, and each new value brings some of the older ones along. The table before stays as it
 *     was, and is searched second, until all are there. A label with a million values would make
 *     one series wait 14 ms otherwise.
 * X6  Values and slots of 64 KiB and more are pages of their own: growing moves them without a
 *     copy, and each new value gives a piece of the table before back, since the kernel needs 3 ms
 *     for 16 MiB. That is over long before the next growth.
 * Threads: adding needs exclusion by the caller; reading calls may run together.
 */
#include "index/label_index.h"

#include <string.h>

#include "base/checksum.h"
#include "index/posting.h"
#include "os/alloc.h"
#include "os/pages.h"
#include "pool/arena.h"

enum {
    SLOTS_MIN = 4,
    VALUES_MIN = 2,
    NAMES_MIN = 16,
    VALUES_MOVED = 8, /* with each new one: moving ends long before the next growth */
    PAGES_FROM_BYTES = VV_PAGES_SMALL_BYTES /* X6; the sizes of arrays are powers of two */
};

struct label_value {
    const char *bytes;
    uint32_t hash; /* low half: spares most comparisons, and the rehash when slots grow */
    uint16_t length;
    struct vv_posting posting;
};

_Static_assert(VARVE_LABEL_VALUE_BYTES_MAX <= UINT16_MAX, "length of a value fits its field");
_Static_assert(sizeof(struct label_value) == 32, "whole pages of them, X6");

struct label_name {
    varve_string name;
    uint32_t *slots;
    struct label_value *values;
    uint32_t slot_count; /* a power of two */
    uint32_t value_count;
    uint32_t value_capacity;
    uint32_t older_count; /* slots of the table before that are not given back */
    uint32_t *older;      /* NULL: none are left */
    uint32_t moved;       /* so many of the older values are in slots, ... */
    uint32_t to_move;     /* ... of so many: equal, older has nothing that slots have not */
};

struct vv_label_index {
    struct vv_arena strings;
    struct label_name *names;
    size_t name_count;
    size_t name_capacity;
    struct vv_id_set *all;
};

/* ------------------------------------------------------------------------- Arrays (X6) */

static void array_free(void *array, size_t bytes)
{
    if (bytes < PAGES_FROM_BYTES) {
        vv_free(array);
    } else {
        vv_pages_free(array, bytes);
    }
}

/* bytes, a power of two, for an array (NULL: none yet) of half as many or none; NULL: out of
 * memory, the array is as it was. */
static void *array_grow(void *array, size_t old_bytes, size_t bytes)
{
    if (bytes < PAGES_FROM_BYTES) {
        return vv_realloc(array, bytes);
    }
    if (old_bytes >= PAGES_FROM_BYTES) {
        return vv_pages_realloc(array, old_bytes, bytes);
    }
    void *pages = vv_pages_realloc(NULL, 0, bytes);
    if (pages != NULL && array != NULL) {
        memcpy(pages, array, old_bytes);
        vv_free(array);
    }
    return pages;
}

static uint32_t *slots_create(uint32_t count)
{
    size_t bytes = count * sizeof(uint32_t);
    return bytes < PAGES_FROM_BYTES ? vv_alloc_zeroed(1, bytes) : vv_pages_realloc(NULL, 0, bytes);
}

struct vv_label_index *vv_label_index_create(void)
{
    struct vv_label_index *index = vv_alloc_zeroed(1, sizeof(*index));
    if (index == NULL) {
        return NULL;
    }
    vv_arena_init(&index->strings, 0);
    index->all = vv_id_set_create();
    if (index->all == NULL) {
        vv_label_index_destroy(index);
        return NULL;
    }
    return index;
}

void vv_label_index_destroy(struct vv_label_index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t at = 0; at < index->name_count; at++) {
        struct label_name *name = &index->names[at];
        for (uint32_t value = 0; value < name->value_count; value++) {
            vv_posting_fini(&name->values[value].posting);
        }
        array_free(name->values, name->value_capacity * sizeof(name->values[0]));
        array_free(name->slots, name->slot_count * sizeof(name->slots[0]));
        array_free(name->older, name->older_count * sizeof(name->older[0]));
    }
    vv_id_set_destroy(index->all);
    vv_free(index->names);
    vv_arena_fini(&index->strings);
    vv_free(index);
}

/* ------------------------------------------------------------------------------- Finding */

static bool same_bytes(const char *bytes, size_t length, varve_string string)
{
    return length == string.length && (length == 0 || memcmp(bytes, string.bytes, length) == 0);
}

static struct label_name *find_name(const struct vv_label_index *index, varve_string name)
{
    for (size_t at = 0; at < index->name_count; at++) {
        if (same_bytes(index->names[at].name.bytes, index->names[at].name.length, name)) {
            return &index->names[at];
        }
    }
    return NULL;
}

/* What the slots say of the value: its number + 1, or 0. */
static uint32_t find_in_slots(const struct label_name *name, const uint32_t *slots, uint32_t count,
                              uint32_t hash, varve_string value)
{
    uint32_t mask = count - 1;
    for (uint32_t at = hash & mask; slots[at] != 0; at = (at + 1) & mask) {
        if (((slots[at] ^ hash) & ~mask) == 0) {
            uint32_t number = slots[at] & mask;
            const struct label_value *found = &name->values[number - 1];
            if (found->hash == hash && same_bytes(found->bytes, found->length, value)) {
                return number;
            }
        }
    }
    return 0;
}

/* Number + 1 of a value, or 0. */
static uint32_t find_number(const struct label_name *name, uint32_t hash, varve_string value)
{
    uint32_t number = find_in_slots(name, name->slots, name->slot_count, hash, value);
    if (number == 0 && name->moved < name->to_move) { /* X5 */
        number = find_in_slots(name, name->older, name->older_count, hash, value);
    }
    return number;
}

static uint32_t hash_of(varve_string value)
{
    return (uint32_t)vv_hash(value.bytes, value.length);
}

static uint64_t posting_number(const struct vv_label_index *index, const struct label_name *name,
                               uint32_t value)
{
    return (uint64_t)(name - index->names) << 32 | value;
}

static struct vv_posting *posting_at(const struct vv_label_index *index, uint64_t number)
{
    VV_ASSERT(number >> 32 < index->name_count);
    struct label_name *name = &index->names[number >> 32];
    VV_ASSERT((uint32_t)number < name->value_count);
    return &name->values[(uint32_t)number].posting;
}

/* -------------------------------------------------------------------------------- Adding */

static varve_status add_name(struct vv_label_index *index, varve_string name,
                             struct label_name **added)
{
    if (index->name_count == index->name_capacity) {
        size_t capacity = index->name_capacity == 0 ? NAMES_MIN : index->name_capacity * 2;
        void *names = vv_realloc(index->names, capacity * sizeof(index->names[0]));
        if (names == NULL) {
            return VARVE_NO_MEMORY;
        }
        index->names = names;
        index->name_capacity = capacity;
    }
    const char *bytes = vv_arena_copy(&index->strings, name.bytes, name.length);
    uint32_t *slots = slots_create(SLOTS_MIN);
    if (bytes == NULL || slots == NULL) {
        vv_free(slots);
        return VARVE_NO_MEMORY;
    }
    *added = &index->names[index->name_count++];
    **added =
        (struct label_name){.name = {bytes, name.length}, .slots = slots, .slot_count = SLOTS_MIN};
    return VARVE_OK;
}

/* Puts a value that they do not have into the slots. */
static void fill_slot(struct label_name *name, uint32_t value)
{
    uint32_t mask = name->slot_count - 1, hash = name->values[value].hash;
    uint32_t at = hash & mask;
    while (name->slots[at] != 0) {
        at = (at + 1) & mask;
    }
    name->slots[at] = (hash & ~mask) | (value + 1);
}

/* Gives the last piece of the table before back (X6). */
static void free_some(struct label_name *name)
{
    size_t bytes = name->older_count * sizeof(name->older[0]);
    size_t piece_bytes = bytes < PAGES_FROM_BYTES ? bytes : (size_t)PAGES_FROM_BYTES;
    array_free((uint8_t *)name->older + (bytes - piece_bytes), piece_bytes);
    name->older_count -= (uint32_t)(piece_bytes / sizeof(name->older[0]));
    if (name->older_count == 0) {
        name->older = NULL;
    }
}

/* Brings some values of the table before along, and then lets go of it. */
static void move_some(struct label_name *name)
{
    for (int i = 0; i < VALUES_MOVED && name->moved < name->to_move; i++) {
        fill_slot(name, name->moved++);
    }
    if (name->moved == name->to_move) {
        free_some(name);
    }
}

/* Makes room for one more value in the hash table of a name. */
static varve_status reserve_slot(struct label_name *name)
{
    if (name->older != NULL) {
        move_some(name);
    }
    if (name->value_count + 1 <= name->slot_count / 4 * 3) {
        return VARVE_OK;
    }
    VV_ASSERT(name->older == NULL);
    uint32_t count = name->slot_count * 2;
    uint32_t *slots = slots_create(count);
    if (slots == NULL) {
        return VARVE_NO_MEMORY;
    }
    name->older = name->slots;
    name->older_count = name->slot_count;
    name->moved = 0;
    name->to_move = name->value_count;
    name->slots = slots;
    name->slot_count = count;
    return VARVE_OK;
}

static varve_status reserve_value(struct label_name *name)
{
    if (name->value_count < name->value_capacity) {
        return VARVE_OK;
    }
    if (name->value_count >= UINT32_MAX / 4) {
        return VARVE_LIMIT;
    }
    uint32_t capacity = name->value_capacity == 0 ? VALUES_MIN : name->value_capacity * 2;
    void *values = array_grow(name->values, name->value_capacity * sizeof(name->values[0]),
                              capacity * sizeof(name->values[0]));
    if (values == NULL) {
        return VARVE_NO_MEMORY;
    }
    name->values = values;
    name->value_capacity = capacity;
    return VARVE_OK;
}

/* Finds or makes the value of a label, and its posting, which is valid until the next call. */
static varve_status intern(struct vv_label_index *index, const varve_label *label,
                           uint64_t *posting)
{
    struct label_name *name = find_name(index, label->name);
    if (name == NULL) {
        VV_TRY(add_name(index, label->name, &name));
    }
    uint32_t hash = hash_of(label->value);
    uint32_t number = find_number(name, hash, label->value);
    if (number == 0) {
        VV_TRY(reserve_value(name));
        VV_TRY(reserve_slot(name));
        const char *bytes = vv_arena_copy(&index->strings, label->value.bytes, label->value.length);
        if (bytes == NULL) {
            return VARVE_NO_MEMORY;
        }
        name->values[name->value_count] = (struct label_value){
            .bytes = bytes, .hash = hash, .length = (uint16_t)label->value.length};
        fill_slot(name, name->value_count);
        number = ++name->value_count;
    }
    *posting = posting_number(index, name, number - 1);
    return VARVE_OK;
}

varve_status vv_label_index_add(struct vv_label_index *index, uint32_t id, struct vv_key key)
{
    varve_label labels[VARVE_LABELS_MAX];
    uint64_t added[VARVE_LABELS_MAX];
    size_t count = vv_key_labels(key, labels);
    size_t done = 0;
    varve_status status = VARVE_OK;
    VV_ASSERT(!vv_id_set_contains(index->all, id));
    for (; done < count && status == VARVE_OK; done++) {
        status = intern(index, &labels[done], &added[done]);
        if (status == VARVE_OK) {
            status = vv_posting_add(posting_at(index, added[done]), id);
        }
    }
    if (status == VARVE_OK) {
        return vv_id_set_add(index->all, id);
    }
    /* The last one is what failed. */
    for (size_t undo = 0; undo + 1 < done; undo++) {
        vv_posting_undo_add(posting_at(index, added[undo]), id);
    }
    return status;
}

/* ------------------------------------------------------------------------------- Reading */

static varve_status add_all(const void *ctx, struct vv_id_runs *into)
{
    const struct vv_label_index *index = ctx;
    return vv_id_set_add_to(index->all, into);
}

/* Whether any series still has this label, which a failed add may have left without. */
static bool name_is_used(const struct label_name *name)
{
    for (uint32_t value = 0; value < name->value_count; value++) {
        if (!vv_posting_is_empty(&name->values[value].posting)) {
            return true;
        }
    }
    return false;
}

static varve_status each_name(const void *ctx, vv_visit_name visit, void *visitor)
{
    const struct vv_label_index *index = ctx;
    for (size_t at = 0; at < index->name_count; at++) {
        if (name_is_used(&index->names[at])) {
            VV_TRY(visit(visitor, index->names[at].name));
        }
    }
    return VARVE_OK;
}

static varve_status each_value(const void *ctx, varve_string name, vv_visit_value visit,
                               void *visitor)
{
    const struct vv_label_index *index = ctx;
    const struct label_name *found = find_name(index, name);
    for (uint32_t at = 0; found != NULL && at < found->value_count; at++) {
        const struct label_value *value = &found->values[at];
        if (!vv_posting_is_empty(&value->posting)) {
            VV_TRY(visit(visitor, (varve_string){value->bytes, value->length},
                         posting_number(index, found, at)));
        }
    }
    return VARVE_OK;
}

static varve_status find_value(const void *ctx, varve_string name, varve_string value,
                               uint64_t *posting)
{
    const struct vv_label_index *index = ctx;
    const struct label_name *found = find_name(index, name);
    if (found == NULL) {
        return VARVE_NOT_FOUND;
    }
    uint32_t number = find_number(found, hash_of(value), value);
    if (number == 0 || vv_posting_is_empty(&found->values[number - 1].posting)) {
        return VARVE_NOT_FOUND;
    }
    *posting = posting_number(index, found, number - 1);
    return VARVE_OK;
}

static varve_status posting_size(const void *ctx, uint64_t posting, uint64_t *size)
{
    *size = vv_posting_count(posting_at(ctx, posting));
    return VARVE_OK;
}

static varve_status add_posting(const void *ctx, uint64_t posting, struct vv_id_runs *into)
{
    return vv_posting_add_to(posting_at(ctx, posting), into);
}

struct vv_label_source vv_label_index_source(const struct vv_label_index *index)
{
    static const struct vv_label_source_ops ops = {
        .add_all = add_all,
        .each_name = each_name,
        .each_value = each_value,
        .find_value = find_value,
        .posting_size = posting_size,
        .add_posting = add_posting,
    };
    return (struct vv_label_source){.ops = &ops, .ctx = index};
}

uint64_t vv_label_index_bytes(const struct vv_label_index *index)
{
    uint64_t bytes = sizeof(*index) + index->strings.reserved_bytes +
                     index->name_capacity * sizeof(index->names[0]) + vv_id_set_bytes(index->all);
    for (size_t at = 0; at < index->name_count; at++) {
        const struct label_name *name = &index->names[at];
        bytes += ((uint64_t)name->slot_count + name->older_count) * sizeof(name->slots[0]);
        bytes += name->value_capacity * sizeof(name->values[0]);
        for (uint32_t value = 0; value < name->value_count; value++) {
            bytes += vv_posting_bytes(&name->values[value].posting);
        }
    }
    return bytes;
}
