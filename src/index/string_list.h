/*
 * string_list.h - a list of different strings, sorted in the end: label names, values of a label.
 *
 * Strings that come in ascending order, as a block gives them, cost a copy and a comparison each;
 * only when one comes out of order is a hash table made.
 * Threads: one at a time.
 */
#ifndef VARVE_INDEX_STRING_LIST_H
#define VARVE_INDEX_STRING_LIST_H

#include "base/status.h"
#include "pool/buffer.h"

/* Zeroed: empty, of any size. */
struct vv_string_list {
    struct vv_buffer bytes; /* all strings, one behind the other */
    size_t *ends;           /* string i ends here in bytes */
    varve_string *sorted;   /* after vv_string_list_sort() */
    size_t count;
    size_t capacity;
    uint32_t *table;   /* index + 1; 0 is free; NULL while every string was behind the one before */
    size_t table_size; /* a power of two, at least twice the capacity */
    uint64_t bytes_max; /* memory that it may take; 0: any */
    bool out_of_order;
};

void vv_string_list_fini(struct vv_string_list *list);
/* Adds a copy of the string unless the list has it. LIMIT: beyond bytes_max. NO_MEMORY. */
varve_status vv_string_list_add(struct vv_string_list *list, varve_string string) VARVE_MUST_CHECK;
/* Whether the list has the string; *found. NO_MEMORY. */
varve_status vv_string_list_has(struct vv_string_list *list, varve_string string,
                                bool *found) VARVE_MUST_CHECK;
/* Puts the strings in bytewise order into list->sorted; nothing may be added any more. */
varve_status vv_string_list_sort(struct vv_string_list *list) VARVE_MUST_CHECK;

/* Bytewise order; of two strings of which one begins with the other, the shorter one comes
 * first. */
int vv_string_compare(varve_string a, varve_string b);

#endif
