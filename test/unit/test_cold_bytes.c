/* Tests of cold_bytes.c: bytes come back as they were, and are never much longer. */
#include "compress/cold_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/random.h"

struct fixture {
    struct vv_cold_packer *packer;
    struct vv_cold_reader *reader;
    uint8_t *bytes;
    uint8_t *packed;
    uint8_t *read;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    size_t packer_bytes = (vv_cold_packer_bytes() + 63) & ~(size_t)63;
    size_t reader_bytes = (vv_cold_reader_bytes() + 63) & ~(size_t)63;
    fixture->packer = vv_cold_packer_init(aligned_alloc(VV_COLD_MEMORY_ALIGNMENT, packer_bytes));
    fixture->reader = vv_cold_reader_init(aligned_alloc(VV_COLD_MEMORY_ALIGNMENT, reader_bytes));
    fixture->bytes = malloc(VV_COLD_GROUP_BYTES_MAX);
    fixture->packed = malloc(VV_COLD_GROUP_BOUND);
    fixture->read = malloc(VV_COLD_GROUP_BYTES_MAX + VV_DECODE_PADDING);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    free(fixture->packer);
    free(fixture->reader);
    free(fixture->bytes);
    free(fixture->packed);
    free(fixture->read);
    free(fixture);
    return 0;
}

/* Packs and reads the first length bytes; returns the packed length. */
static size_t check_bytes(struct fixture *fixture, size_t length)
{
    size_t group_length;
    size_t packed = vv_cold_bytes_write(fixture->packer, fixture->bytes, length, fixture->packed);
    assert_true(packed <= length + 8);
    assert_int_equal(vv_cold_group_length(fixture->packed, packed, &group_length), VARVE_OK);
    assert_int_equal(group_length, length);
    assert_int_equal(vv_cold_group_read(fixture->reader, fixture->packed, packed, fixture->read,
                                        length + VV_DECODE_PADDING),
                     VARVE_OK);
    assert_memory_equal(fixture->read, fixture->bytes, length);
    return packed;
}

static void noise_comes_back_and_stays_as_long_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    static const size_t lengths[] = {1, 2, 100, 16384, 65536, 131072, VV_COLD_GROUP_BYTES_MAX};
    for (size_t at = 0; at < VV_COLD_GROUP_BYTES_MAX; at++) {
        fixture->bytes[at] = (uint8_t)vv_test_random_next(&random);
    }
    for (size_t at = 0; at < sizeof(lengths) / sizeof(lengths[0]); at++) {
        (void)check_bytes(fixture, lengths[at]);
    }
}

static void text_becomes_shorter(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 0;
    for (unsigned host = 0; length + 32 < 16384; host++) {
        length += (size_t)snprintf((char *)fixture->bytes + length, 32, "host_%u", host);
    }
    assert_true(check_bytes(fixture, length) < length / 3);
}

static void skewed_bytes_without_repetitions_become_shorter(void **state)
{
    struct fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(2);
    for (size_t at = 0; at < 65536; at++) {
        uint64_t bits = vv_test_random_next(&random);
        fixture->bytes[at] = (uint8_t)__builtin_ctzll(bits | UINT64_C(1) << 40);
    }
    assert_true(check_bytes(fixture, 65536) < 65536 * 3 / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(noise_comes_back_and_stays_as_long_as_it_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(text_becomes_shorter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(skewed_bytes_without_repetitions_become_shorter, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
