/*
 * test_buffer.c - the byte buffer that grows.
 */
#include "pool/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/alloc.h"
#include "support/random.h"

static void appended_numbers_are_little_endian(void **state)
{
    (void)state;
    struct vv_buffer buffer;
    vv_buffer_init(&buffer);
    assert_int_equal(vv_buffer_append_u8(&buffer, 0x01), VARVE_OK);
    assert_int_equal(vv_buffer_append_u32(&buffer, 0x05040302), VARVE_OK);
    assert_int_equal(vv_buffer_append_u64(&buffer, 0x0d0c0b0a09080706), VARVE_OK);
    assert_int_equal(vv_buffer_append_varint(&buffer, 300), VARVE_OK);
    assert_int_equal(vv_buffer_append(&buffer, "end", 3), VARVE_OK);
    static const uint8_t expected[] = {1,  2,  3,  4,  5,    6, 7,   8,   9,
                                       10, 11, 12, 13, 0xac, 2, 'e', 'n', 'd'};
    assert_int_equal(buffer.length, sizeof(expected));
    assert_memory_equal(buffer.bytes, expected, sizeof(expected));
    vv_buffer_fini(&buffer);
    assert_null(buffer.bytes);
}

static void random_appends_give_the_same_bytes_as_one_array(void **state)
{
    (void)state;
    enum { TOTAL = 100000 };
    static uint8_t expected[TOTAL];
    struct vv_test_random random = vv_test_random_init(1);
    struct vv_buffer buffer = {0};
    size_t length = 0;
    for (;;) {
        size_t more = vv_test_random_below(&random, 300);
        if (length + more > TOTAL) {
            break;
        }
        for (size_t index = 0; index < more; index++) {
            expected[length + index] = (uint8_t)vv_test_random_next(&random);
        }
        assert_int_equal(vv_buffer_append(&buffer, expected + length, more), VARVE_OK);
        length += more;
        assert_int_equal(buffer.length, length);
        assert_true(buffer.capacity >= length);
    }
    assert_memory_equal(buffer.bytes, expected, length);
    vv_buffer_fini(&buffer);
}

/* AddressSanitizer is the judge. */
static void the_padding_is_readable_at_any_length(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    volatile uint8_t seen = 0;
    for (int index = 0; index < 1000; index++) {
        assert_int_equal(vv_buffer_append_u8(&buffer, 1), VARVE_OK);
        for (size_t behind = 0; behind < VV_BUFFER_PADDING; behind++) {
            seen = *(volatile uint8_t *)(buffer.bytes + buffer.length + behind);
        }
    }
    (void)seen;
    vv_buffer_fini(&buffer);
}

static void growth_is_amortised(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    uint64_t before = vv_alloc_count();
    for (uint64_t index = 0; index < 200000; index++) {
        assert_int_equal(vv_buffer_append_u64(&buffer, index), VARVE_OK);
    }
    assert_true(vv_alloc_count() - before <= 20);
    before = vv_alloc_count();
    vv_buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(vv_buffer_reserve(&buffer, 1000000), VARVE_OK);
    assert_int_equal(vv_alloc_count(), before);
    vv_buffer_fini(&buffer);
}

static void reserving_nothing_still_gives_memory(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_buffer_reserve(&buffer, 0), VARVE_OK);
    assert_non_null(buffer.bytes);
    assert_int_equal(vv_buffer_append(&buffer, NULL, 0), VARVE_OK);
    assert_int_equal(buffer.length, 0);
    vv_buffer_fini(&buffer);
}

static void a_failed_append_changes_nothing(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_buffer_append(&buffer, "hello", 5), VARVE_OK);
    static const uint8_t large[100000];
    vv_alloc_fail_at(1);
    assert_int_equal(vv_buffer_append(&buffer, large, sizeof(large)), VARVE_NO_MEMORY);
    assert_int_equal(vv_buffer_reserve(&buffer, SIZE_MAX), VARVE_NO_MEMORY);
    assert_int_equal(vv_buffer_reserve(&buffer, SIZE_MAX - 10), VARVE_NO_MEMORY);
    assert_int_equal(vv_buffer_reserve(&buffer, PTRDIFF_MAX - 32), VARVE_NO_MEMORY);
    assert_int_equal(buffer.length, 5);
    assert_memory_equal(buffer.bytes, "hello", 5);
    vv_buffer_fini(&buffer);
}

static void a_large_buffer_keeps_what_it_holds(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    uint64_t count = 0;
    for (; count < UINT64_C(5) << 17; count++) { /* 5 MiB: from the heap to pages, and more pages */
        assert_int_equal(vv_buffer_append_u64(&buffer, count), VARVE_OK);
    }
    for (uint64_t i = 0; i < count; i++) {
        assert_int_equal(vv_load_u64(buffer.bytes + i * 8), i);
    }
    assert_true(buffer.capacity >= buffer.length);
    memset(buffer.bytes + buffer.length, 0, buffer.capacity - buffer.length + VV_BUFFER_PADDING);
    vv_buffer_fini(&buffer);
    assert_null(buffer.bytes);
}

static void a_large_buffer_without_memory_stays_as_it_is(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_buffer_reserve(&buffer, 3 << 20), VARVE_OK);
    assert_int_equal(vv_buffer_append_u64(&buffer, 42), VARVE_OK);
    size_t capacity = buffer.capacity;
    vv_alloc_fail_at(1);
    assert_int_equal(vv_buffer_reserve(&buffer, capacity * 2), VARVE_NO_MEMORY);
    vv_alloc_fail_at(0);
    assert_int_equal(buffer.capacity, capacity);
    assert_int_equal(vv_load_u64(buffer.bytes), 42);
    vv_buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_numbers_are_little_endian),
        cmocka_unit_test(random_appends_give_the_same_bytes_as_one_array),
        cmocka_unit_test(the_padding_is_readable_at_any_length),
        cmocka_unit_test(growth_is_amortised),
        cmocka_unit_test(reserving_nothing_still_gives_memory),
        cmocka_unit_test(a_failed_append_changes_nothing),
        cmocka_unit_test(a_large_buffer_keeps_what_it_holds),
        cmocka_unit_test(a_large_buffer_without_memory_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
