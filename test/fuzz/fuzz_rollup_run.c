/*
 * fuzz_rollup_run.c - rows of rollups as they lie in a block, any bytes: a status, bounded time,
 * the same rows whatever part of them is wished for, and what is accepted is encoded again to the
 * same rows.
 *
 *     input: | parts that are wished for (1 byte), ends (its highest bit) | run |
 */
#include <string.h>

#include "compress/codec.h"
#include "mmap/rollup_row.h"
#include "os/alloc.h"
#include "query/functions.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct vv_rollup_run whole;
static struct vv_rollup_run part;
static struct vv_rollup_run again;

/* The columns that a run has are those of the whole one, to the bit. */
static void check_same(const struct vv_rollup_run *run)
{
    VV_ASSERT(run->count == whole.count && (run->columns & ~whole.columns) == 0);
    for (int column = 0; column < VV_ROLLUP_COLUMNS; column++) {
        int at = column - VV_ROLLUP_INTEGERS;
        if ((run->columns >> column & 1) == 0) {
            continue;
        }
        VV_ASSERT(column < VV_ROLLUP_INTEGERS
                      ? memcmp(run->integers[column], whole.integers[column],
                               whole.count * sizeof(whole.integers[0][0])) == 0
                      : memcmp(run->floats[at], whole.floats[at],
                               whole.count * sizeof(whole.floats[0][0])) == 0);
    }
}

static void check_again(const struct vv_rollup_wish *everything)
{
    static struct vv_rollup_row rows[VV_ROLLUP_RUN_ROWS];
    static uint8_t encoded[VV_ROLLUP_RUN_BYTES_MAX(VV_ROLLUP_RUN_ROWS) + VV_DECODE_PADDING];
    for (size_t at = 0; at < whole.count; at++) {
        vv_rollup_run_row(&whole, at, &rows[at]);
        VV_ASSERT(rows[at].summary.time_min <= rows[at].summary.time_max);
    }
    size_t length = vv_rollup_run_encode(rows, whole.count, encoded);
    VV_ASSERT(length <= sizeof(encoded) - VV_DECODE_PADDING);
    VV_ASSERT(vv_rollup_run_decode(encoded, length, everything, &again) == VARVE_OK);
    check_same(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct vv_rollup_wish everything = {.parts = VV_PARTS_ROW, .ends = true};
    if (length == 0) {
        return 0;
    }
    struct vv_rollup_wish wish = {.parts = bytes[0] & 0x7fU, .ends = (bytes[0] & 0x80) != 0};
    /* Of exactly the size that may be read, so that a sanitizer sees the byte behind it. */
    uint8_t *run = vv_alloc_zeroed(length - 1 + VV_DECODE_PADDING, 1);
    VV_ASSERT(run != NULL);
    memcpy(run, bytes + 1, length - 1);
    varve_status partly = vv_rollup_run_decode(run, length - 1, &wish, &part);
    VV_ASSERT(partly == VARVE_OK || part.count == 0);
    if (vv_rollup_run_decode(run, length - 1, &everything, &whole) == VARVE_OK) {
        VV_ASSERT(partly == VARVE_OK);
        check_same(&part);
        check_again(&everything);
    }
    vv_free(run);
    return 0;
}
