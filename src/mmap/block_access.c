/*
 * block_access.c - one bit for the present turn, and one for each of the last eight.
 *
 * Threads: readers set the present bit, relaxed: it is a hint, and orders nothing. Maintenance
 * moves it into the history, which statistics read.
 */
#include "mmap/block_access.h"

#include "mmap/block_reader.h"

void vv_block_note_read(struct vv_block *block)
{
    /* Looking first keeps the line shared among the readers of a turn. */
    if (atomic_load_explicit(&block->was_read, memory_order_relaxed) == 0) {
        atomic_store_explicit(&block->was_read, 1, memory_order_relaxed);
    }
}

void vv_block_end_turn(struct vv_block *block)
{
    unsigned was_read = atomic_exchange_explicit(&block->was_read, 0, memory_order_relaxed);
    unsigned turns = atomic_load_explicit(&block->turns_read, memory_order_relaxed);
    atomic_store_explicit(&block->turns_read, (unsigned char)(turns << 1 | was_read),
                          memory_order_relaxed);
}

unsigned vv_block_turns_read(const struct vv_block *block)
{
    unsigned turns = atomic_load_explicit(&block->turns_read, memory_order_relaxed);
    return (unsigned)__builtin_popcount(turns);
}

void vv_block_inherit_reads(struct vv_block *block, const struct vv_block *from)
{
    unsigned turns = atomic_load_explicit(&from->turns_read, memory_order_relaxed);
    if ((unsigned)__builtin_popcount(turns) > vv_block_turns_read(block)) {
        atomic_store_explicit(&block->turns_read, (unsigned char)turns, memory_order_relaxed);
    }
}
