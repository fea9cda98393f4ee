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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_around_two_to_the_32_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
