/*
 * fuzz_cold.c - cold groups: any bytes are refused or decompressed within bounds, and any columns
 * come back.
 *
 *     input: | bit 0: 0 read, 1 write (1 byte) | a compressed group, or columns: count u16, doubles
 *     ... |
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "compress/cold.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { COLUMNS_MAX = 16 };

static void *room_for(size_t bytes)
{
    void *memory = aligned_alloc(VV_COLD_MEMORY_ALIGNMENT, (bytes + 63) & ~(size_t)63);
    VV_ASSERT(memory != NULL);
    return memory;
}

/* Memory of the writer and the reader: made once, since it is large. */
static struct vv_cold_writer *writer;
static struct vv_cold_reader *reader;

static void read_group(const uint8_t *bytes, size_t length)
{
    size_t group_length;
    if (vv_cold_group_length(bytes, length, &group_length) != VARVE_OK) {
        return;
    }
    uint8_t *group = malloc(group_length + VV_DECODE_PADDING);
    VV_ASSERT(group != NULL);
    if (vv_cold_group_read(reader, bytes, length, group, group_length + VV_DECODE_PADDING) ==
        VARVE_OK) {
        double decoded[VV_DECODE_ROOM(VV_COLUMN_MAX)];
        (void)!vv_values_decode(group, group_length, 1 + length % VV_COLUMN_MAX, decoded);
    }
    free(group);
}

static void write_group(const uint8_t *bytes, size_t length)
{
    struct vv_cold_column columns[COLUMNS_MAX];
    uint32_t offsets[COLUMNS_MAX + 1];
    double decoded[VV_DECODE_ROOM(VV_COLUMN_MAX)];
    double *values = room_for(length + 8);
    size_t used = 0;
    size_t count = 0;
    while (count < COLUMNS_MAX && length >= 2 + 8) {
        size_t wanted = 1 + ((size_t)bytes[0] | (size_t)bytes[1] << 8) % VV_COLUMN_MAX;
        size_t there = (length - 2) / 8;
        size_t taken = wanted < there ? wanted : there;
        memcpy(values + used, bytes + 2, taken * 8);
        columns[count++] =
            (struct vv_cold_column){.values = values + used, .count = (uint32_t)taken};
        used += taken;
        bytes += 2 + taken * 8;
        length -= 2 + taken * 8;
    }
    uint8_t *out = room_for(VV_COLD_GROUP_BOUND);
    uint8_t *group = room_for(VV_COLD_GROUP_BYTES_MAX + VV_DECODE_PADDING);
    for (size_t done = 0; done < count;) {
        size_t out_length;
        size_t taken =
            vv_cold_group_write(writer, columns + done, count - done, out, &out_length, offsets);
        VV_ASSERT(vv_cold_group_read(reader, out, out_length, group,
                                     VV_COLD_GROUP_BYTES_MAX + VV_DECODE_PADDING) == VARVE_OK);
        for (size_t i = 0; i < taken; i++) {
            const struct vv_cold_column *column = &columns[done + i];
            VV_ASSERT(vv_values_decode(group + offsets[i], offsets[i + 1] - offsets[i],
                                       column->count, decoded) == VARVE_OK);
            VV_ASSERT(memcmp(decoded, column->values, column->count * 8) == 0);
        }
        done += taken;
    }
    free(group);
    free(out);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (writer == NULL) {
        writer = vv_cold_writer_init(room_for(vv_cold_writer_bytes()));
        reader = vv_cold_reader_init(room_for(vv_cold_reader_bytes()));
    }
    if (length == 0) {
        return 0;
    }
    if ((bytes[0] & 1) == 0) {
        read_group(bytes + 1, length - 1);
    } else {
        write_group(bytes + 1, length - 1);
    }
    return 0;
}
