/*
 * test_integer_block.c - integer columns at the edges of what 32-bit arithmetic can do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "compress/integer_block.h"
#include "support/random.h"

enum { COUNT_MAX = 1024 };

/* Encodes and decodes on every instruction set of the machine and compares. */
static void check_round_trip(const int64_t *integers, size_t count, enum vv_block_form form)
{
    uint8_t bytes[VV_INTEGER_BLOCK_BOUND(COUNT_MAX) + 64] = {0};
    for (int isa = VV_ISA_SCALAR; isa <= VV_ISA_NEON; isa++) {
        const struct vv_kernels *kernels = vv_kernels_of((enum vv_isa)isa);
        if (kernels == NULL || !vv_cpu_has((enum vv_isa)isa)) {
            continue;
        }
        size_t length = vv_integer_block_encode(kernels, integers, count, form, bytes);
        struct vv_reader reader = vv_reader_init(bytes, length);
        struct vv_integer_block block;
        assert_int_equal(vv_integer_block_parse(kernels, &reader, count, &block), VARVE_OK);
        uint64_t decoded[COUNT_MAX + 64];
        vv_integer_block_integers(kernels, &block, decoded);
        assert_memory_equal(decoded, integers, count * sizeof *integers);
    }
}

/* Mostly near one place, the rest spread so that distances cross the ends of int32: a frame of
 * reference whose base is far from the first entry must not be decoded modulo 2^32. */
static void distances_around_two_to_the_32_are_exact(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(5);
    for (int round = 0; round < 4000; round++) {
        int64_t integers[COUNT_MAX];
        size_t count = 2 + vv_test_random_below(&random, 200);
        int64_t spread = (int64_t)1 << (29 + vv_test_random_below(&random, 6));
        int64_t place = (int64_t)vv_test_random_below(&random, (uint64_t)spread) - spread / 2;
        for (size_t i = 0; i < count; i++) {
            bool near = vv_test_random_below(&random, 8) != 0;
            uint64_t width = near ? 1000 : (uint64_t)spread;
            integers[i] = place + (int64_t)vv_test_random_below(&random, width) * (near ? -1 : 1);
        }
        check_round_trip(integers, count, (enum vv_block_form)(round % VV_FORM_COUNT));
    }
}

/* A number at or near an end of what some way of decoding takes. */
static int64_t some_end(struct vv_test_random *random)
{
    static const int bits[] = {0, 8, 11, 12, 13, 16, 20, 31, 32, 42, 49, 50, 51, 52, 53, 62};
    size_t pick = (size_t)vv_test_random_below(random, sizeof bits / sizeof bits[0]);
    int64_t end = (int64_t)((uint64_t)1 << bits[pick]);
    end += (int64_t)vv_test_random_below(random, 5) - 2;
    return vv_test_random_below(random, 2) == 0 ? end : -end;
}

static void write_some_exceptions(struct vv_test_random *random, struct vv_writer *writer,
                                  size_t count)
{
    uint16_t positions[COUNT_MAX];
    uint64_t odds = 1 + vv_test_random_below(random, 20);
    size_t found = 0;
    for (size_t i = vv_test_random_below(random, 2); i < count; i++) {
        if (vv_test_random_below(random, odds) == 0 || (i + 1 == count && found == 0)) {
            positions[found++] = (uint16_t)i;
        }
    }
    if (found == 0) {
        positions[found++] = 0;
    }
    unsigned width = (unsigned)vv_test_random_below(random, 4) * 8 % 33 + 5;
    vv_write_varint(writer, found);
    vv_write_u8(writer, (uint8_t)width);
    vv_write_varint_signed(writer, some_end(random));
    writer->at += vv_positions_encode(positions, found, count, writer->at);
    for (size_t i = vv_payload_bytes(found, width); i > 0; i--) {
        vv_write_u8(writer, (uint8_t)vv_test_random_next(random));
    }
}

/* A block that is valid, but that no encoder would write. Returns its length. */
static size_t write_some_block(struct vv_test_random *random, size_t count, uint8_t *bytes,
                               size_t room)
{
    struct vv_writer writer = vv_writer_init(bytes, room);
    unsigned mode = (unsigned)vv_test_random_below(random, 6) % 3;
    unsigned flags =
        (unsigned)vv_test_random_next(random) & (VV_BLOCK_FACTOR | VV_BLOCK_EXCEPTIONS);
    unsigned narrow = vv_test_random_below(random, 8) != 0 ? VV_BLOCK_NARROW : 0;
    unsigned width =
        (unsigned)vv_test_random_below(random, 3) * 6 + (unsigned)vv_test_random_below(random, 3);
    vv_write_u8(&writer, (uint8_t)(mode | flags | narrow));
    vv_write_u8(&writer, (uint8_t)width);
    if ((flags & VV_BLOCK_FACTOR) != 0) {
        vv_write_varint(&writer, (uint64_t)some_end(random));
    }
    vv_write_varint_signed(&writer, some_end(random));
    for (unsigned i = 0; i < mode; i++) {
        bool zero = vv_test_random_below(random, 3) == 0;
        vv_write_varint_signed(&writer, zero ? 0 : some_end(random));
    }
    if ((flags & VV_BLOCK_EXCEPTIONS) != 0) {
        write_some_exceptions(random, &writer, count);
    }
    for (size_t i = vv_payload_bytes(count, width); i > 0; i--) {
        vv_write_u8(&writer, (uint8_t)vv_test_random_next(random));
    }
    return (size_t)(writer.at - bytes);
}

static void any_block_is_the_same_on_every_instruction_set(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(6);
    for (int round = 0; round < 40000; round++) {
        static uint8_t bytes[1 << 15];
        static double decoded[2][COUNT_MAX + 64];
        size_t count = 2 + vv_test_random_below(&random, round % 10 == 0 ? COUNT_MAX - 1 : 60);
        unsigned places = (unsigned)vv_test_random_below(&random, 16);
        size_t length = write_some_block(&random, count, bytes, sizeof bytes - 64);
        for (int isa = VV_ISA_SCALAR; isa <= VV_ISA_NEON; isa++) {
            const struct vv_kernels *kernels = vv_kernels_of((enum vv_isa)isa);
            if (kernels == NULL || !vv_cpu_has((enum vv_isa)isa)) {
                continue;
            }
            struct vv_reader reader = vv_reader_init(bytes, length);
            struct vv_integer_block block;
            assert_int_equal(vv_integer_block_parse(kernels, &reader, count, &block), VARVE_OK);
            vv_integer_block_decimals(kernels, &block, places, decoded[isa != VV_ISA_SCALAR]);
            if (isa != VV_ISA_SCALAR) {
                assert_memory_equal(decoded[0], decoded[1], count * sizeof decoded[0][0]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_around_two_to_the_32_are_exact),
        cmocka_unit_test(any_block_is_the_same_on_every_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
