/* Tests of checksum.c: the values that xxHash itself publishes for XXH3-64 in its sanity test. */
#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/random.h"

#define PRIME32 UINT64_C(2654435761)
#define PRIME64 UINT64_C(11400714785074694797)

/* The bytes on which xxHash's known values are computed. */
static void known_bytes(uint8_t *bytes, size_t length)
{
    uint64_t generator = PRIME32;
    for (size_t index = 0; index < length; index++) {
        bytes[index] = (uint8_t)(generator >> 56);
        generator *= PRIME64;
    }
}

static void checksums_are_those_of_xxh3(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint64_t seed;
        uint64_t checksum;
    } cases[] = {
        {0, 0, UINT64_C(0x2D06800538D394C2)},    {0, PRIME64, UINT64_C(0xA8A6B918B2F0364A)},
        {1, 0, UINT64_C(0xC44BDFF4074EECDB)},    {1, PRIME64, UINT64_C(0x032BE332DD766EF8)},
        {6, 0, UINT64_C(0x27B56A84CD2D7325)},    {12, 0, UINT64_C(0xA713DAF0DFBB77E7)},
        {24, 0, UINT64_C(0xA3FE70BF9D3510EB)},   {48, 0, UINT64_C(0x397DA259ECBA1F11)},
        {80, 0, UINT64_C(0xBCDEFBBB2C47C90A)},   {195, 0, UINT64_C(0xCD94217EE362EC3A)},
        {403, 0, UINT64_C(0xCDEB804D65C6DEA4)},  {512, 0, UINT64_C(0x617E49599013CB6B)},
        {2048, 0, UINT64_C(0xDD59E2C3A5F038E0)}, {2367, 0, UINT64_C(0xCB37AEB9E5D361ED)},
    };
    uint8_t bytes[2367];
    known_bytes(bytes, sizeof bytes);
    for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
        assert_true(vv_checksum(bytes, cases[index].length, cases[index].seed) ==
                    cases[index].checksum);
        if (cases[index].seed == 0) {
            assert_true(vv_hash(bytes, cases[index].length) == cases[index].checksum);
        }
    }
}

static void pieces_have_the_checksum_of_the_whole(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    static uint8_t bytes[20000];
    known_bytes(bytes, sizeof bytes);
    for (int round = 0; round < 500; round++) {
        uint64_t seed = round % 2 == 0 ? 0 : vv_test_random_next(&random);
        size_t length = (size_t)vv_test_random_below(&random, sizeof bytes + 1);
        struct vv_checksum_state checksum;
        vv_checksum_init(&checksum, seed);
        for (size_t done = 0; done < length;) {
            size_t piece = (size_t)vv_test_random_below(&random, length / 3 + 2);
            piece = piece < length - done ? piece : length - done;
            vv_checksum_update(&checksum, bytes + done, piece);
            done += piece;
            if (round % 50 == 0) {
                assert_true(vv_checksum_finish(&checksum) == vv_checksum(bytes, done, seed));
            }
        }
        assert_true(vv_checksum_finish(&checksum) == vv_checksum(bytes, length, seed));
    }
}

static void nothing_has_a_checksum_too(void **state)
{
    (void)state;
    struct vv_checksum_state checksum;
    vv_checksum_init(&checksum, 0);
    vv_checksum_update(&checksum, NULL, 0);
    assert_true(vv_checksum_finish(&checksum) == UINT64_C(0x2D06800538D394C2));
    assert_true(vv_checksum(NULL, 0, 0) == UINT64_C(0x2D06800538D394C2));
    assert_true(vv_hash(NULL, 0) == UINT64_C(0x2D06800538D394C2));
}

static void any_flipped_bit_changes_the_checksum(void **state)
{
    (void)state;
    uint8_t bytes[300];
    known_bytes(bytes, sizeof bytes);
    uint64_t checksum = vv_checksum(bytes, sizeof bytes, 7);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(vv_checksum(bytes, sizeof bytes, 7) != checksum);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_are_those_of_xxh3),
        cmocka_unit_test(pieces_have_the_checksum_of_the_whole),
        cmocka_unit_test(nothing_has_a_checksum_too),
        cmocka_unit_test(any_flipped_bit_changes_the_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
