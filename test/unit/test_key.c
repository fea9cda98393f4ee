/* Tests of key.c. */
#include "index/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/alloc.h"
#include "support/labels.h"
#include "support/random.h"

static struct vv_key key_of(struct vv_buffer *buffer)
{
    return (struct vv_key){buffer->bytes, buffer->length};
}

static void keys_have_the_bytes_that_the_header_draws(void **state)
{
    (void)state;
    const varve_label labels[] = {vv_test_label("host", "a"), vv_test_label("__name__", "cpu")};
    const uint8_t expected[] = "\x02\x08__name__\x03"
                               "cpu\x04host\x01"
                               "a";
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_key_encode(labels, 2, &buffer, NULL), VARVE_OK);
    assert_int_equal(buffer.length, sizeof expected - 1);
    assert_memory_equal(buffer.bytes, expected, buffer.length);
    assert_int_equal(vv_key_hash(key_of(&buffer)), UINT64_C(0xd2ae0d1dc77d9a4a));
    vv_buffer_fini(&buffer);
}

static void encoding_appends_behind_what_is_there(void **state)
{
    (void)state;
    const varve_label label = vv_test_label("a", "b");
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_buffer_append(&buffer, "xyz", 3), VARVE_OK);
    assert_int_equal(vv_key_encode(&label, 1, &buffer, NULL), VARVE_OK);
    assert_int_equal(buffer.length, 3 + 5);
    assert_memory_equal(buffer.bytes,
                        "xyz\x01\x01"
                        "a\x01"
                        "b",
                        8);
    vv_buffer_fini(&buffer);
}

static void labels_in_any_order_make_one_key(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(1);
    varve_label labels[] = {vv_test_label("a", "1"), vv_test_label("ab", "2"),
                            vv_test_label("b", "3"), vv_test_label("\xc3\xa9", "4"),
                            vv_test_label("B", "5")};
    struct vv_buffer first = {0};
    struct vv_buffer second = {0};
    assert_int_equal(vv_key_encode(labels, 5, &first, NULL), VARVE_OK);
    for (int round = 0; round < 50; round++) {
        for (size_t index = 4; index > 0; index--) {
            size_t other = vv_test_random_below(&random, index + 1);
            varve_label swapped = labels[index];
            labels[index] = labels[other];
            labels[other] = swapped;
        }
        vv_buffer_clear(&second);
        assert_int_equal(vv_key_encode(labels, 5, &second, NULL), VARVE_OK);
        assert_true(vv_key_equal(key_of(&first), key_of(&second)));
    }
    vv_buffer_fini(&first);
    vv_buffer_fini(&second);
}

static void empty_values_are_left_out(void **state)
{
    (void)state;
    const varve_label labels[] = {vv_test_label("b", ""), vv_test_label("a", "1")};
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_key_encode(labels, 2, &buffer, NULL), VARVE_OK);
    assert_int_equal(buffer.length, 5);
    vv_buffer_fini(&buffer);
}

static void expect_refused(const varve_label *labels, size_t count, varve_status expected,
                           const char *message)
{
    struct vv_buffer buffer = {0};
    varve_error error = {.status = VARVE_OK};
    assert_int_equal(vv_key_encode(labels, count, &buffer, &error), expected);
    assert_string_equal(error.message, message);
    assert_int_equal(buffer.length, 0);
    vv_buffer_fini(&buffer);
}

static void bad_label_sets_are_refused_by_name(void **state)
{
    (void)state;
    const varve_label empty_value = vv_test_label("a", "");
    const varve_label empty_name = vv_test_label("", "x");
    const varve_label twice[] = {vv_test_label("a", "1"), vv_test_label("b", "1"),
                                 vv_test_label("a", "2")};
    const varve_label bad_name[] = {vv_test_label("a", "1"), vv_test_label("\xff", "1")};
    const varve_label bad_value = vv_test_label("a", "\xc0\x80");
    expect_refused(NULL, 0, VARVE_INVALID, "a series needs at least one label");
    expect_refused(&empty_value, 1, VARVE_INVALID, "a series needs at least one label");
    expect_refused(&empty_name, 1, VARVE_INVALID, "label 1 has an empty name");
    expect_refused(twice, 3, VARVE_INVALID, "label \"a\" comes twice");
    expect_refused(bad_name, 2, VARVE_INVALID, "the name of label 2 is not UTF-8");
    expect_refused(&bad_value, 1, VARVE_INVALID, "the value of label \"a\" is not UTF-8");
}

static varve_string repeated(char *memory, size_t length)
{
    memset(memory, 'x', length);
    return (varve_string){memory, length};
}

static void limits_hold_exactly(void **state)
{
    (void)state;
    static char name[VARVE_LABEL_NAME_BYTES_MAX + 1];
    static char value[VARVE_LABEL_VALUE_BYTES_MAX + 1];
    struct vv_buffer buffer = {0};
    varve_label label = {repeated(name, VARVE_LABEL_NAME_BYTES_MAX),
                         repeated(value, VARVE_LABEL_VALUE_BYTES_MAX)};
    assert_int_equal(vv_key_encode(&label, 1, &buffer, NULL), VARVE_OK);
    assert_int_equal(vv_key_validate(key_of(&buffer)), VARVE_OK);
    vv_buffer_fini(&buffer);
    label.name = repeated(name, VARVE_LABEL_NAME_BYTES_MAX + 1);
    expect_refused(&label, 1, VARVE_LIMIT,
                   "the name of label 1 has 257 bytes; at most 256 are allowed");
    label.name = VARVE_STRING("n");
    label.value = repeated(value, VARVE_LABEL_VALUE_BYTES_MAX + 1);
    expect_refused(&label, 1, VARVE_LIMIT,
                   "the value of label \"n\" has 4097 bytes; at most 4096 are allowed");
}

static void at_most_64_labels_fit(void **state)
{
    (void)state;
    static char names[VARVE_LABELS_MAX + 1][4];
    varve_label labels[VARVE_LABELS_MAX + 1];
    for (size_t index = 0; index <= VARVE_LABELS_MAX; index++) {
        (void)snprintf(names[index], sizeof names[index], "%02zu", index);
        labels[index] = vv_test_label(names[index], "v");
    }
    struct vv_buffer buffer = {0};
    varve_label read[VARVE_LABELS_MAX];
    assert_int_equal(vv_key_encode(labels, VARVE_LABELS_MAX, &buffer, NULL), VARVE_OK);
    assert_int_equal(vv_key_validate(key_of(&buffer)), VARVE_OK);
    assert_int_equal(vv_key_labels(key_of(&buffer), read), VARVE_LABELS_MAX);
    vv_buffer_fini(&buffer);
    expect_refused(labels, VARVE_LABELS_MAX + 1, VARVE_LIMIT, "a series has at most 64 labels");
}

static void a_key_has_at_most_16_kib(void **state)
{
    (void)state;
    static char value[4000];
    varve_label labels[5];
    const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t index = 0; index < 5; index++) {
        labels[index].name = vv_test_string(names[index]);
        labels[index].value = repeated(value, sizeof value);
    }
    /* Beside the values: 1 for the count, 4 per label for the name and both lengths. */
    labels[4].value.length = VARVE_SERIES_KEY_BYTES_MAX - 21 - 4 * sizeof value;
    struct vv_buffer buffer = {0};
    assert_int_equal(vv_key_encode(labels, 5, &buffer, NULL), VARVE_OK);
    assert_int_equal(buffer.length, VARVE_SERIES_KEY_BYTES_MAX);
    assert_int_equal(vv_key_validate(key_of(&buffer)), VARVE_OK);
    vv_buffer_fini(&buffer);
    labels[4].value.length++;
    expect_refused(labels, 5, VARVE_LIMIT,
                   "the labels of the series take 16385 bytes together; at most 16384 are allowed");
}

static void labels_are_read_back(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    struct vv_key key = vv_test_key(&buffer, "m{a=\"1\",b=\"22\"}");
    varve_label labels[VARVE_LABELS_MAX];
    assert_int_equal(vv_key_labels(key, labels), 3);
    assert_int_equal(labels[0].name.length, 8);
    assert_memory_equal(labels[2].name.bytes, "b", 1);
    assert_int_equal(labels[2].value.length, 2);
    assert_memory_equal(labels[2].value.bytes, "22", 2);
    assert_memory_equal(vv_key_value(key, VARVE_STRING("a")).bytes, "1", 1);
    assert_int_equal(vv_key_value(key, VARVE_STRING("c")).length, 0);
    vv_buffer_fini(&buffer);
}

static void a_group_may_have_no_labels(void **state)
{
    (void)state;
    struct vv_buffer buffer = {0};
    varve_label labels[VARVE_LABELS_MAX];
    assert_int_equal(vv_key_encode_group(NULL, 0, &buffer), VARVE_OK);
    assert_int_equal(buffer.length, 1);
    assert_int_equal(vv_key_labels(key_of(&buffer), labels), 0);
    assert_int_equal(vv_key_compare(key_of(&buffer), key_of(&buffer)), 0);
    assert_int_equal(vv_key_validate(key_of(&buffer)), VARVE_CORRUPT);
    vv_buffer_fini(&buffer);
}

static void keys_come_by_metric_then_labels_then_values(void **state)
{
    (void)state;
    /* In order. A label set that another one continues comes first. */
    const char *const texts[] = {
        "{A=\"z\"}",
        "{a=\"1\"}",
        "{a=\"1\",b=\"1\"}",
        "{a=\"2\"}",
        "{b=\"1\"}",
        "cpu",
        "cpu{A=\"9\"}",
        "cpu{a=\"1\"}",
        "cpu{a=\"10\"}",
        "cpu{a=\"10\",b=\"1\"}",
        "cpu{a=\"2\"}",
        "cpu{zz=\"1\"}",
        "cpu_x",
        "mem{a=\"1\"}",
    };
    enum { COUNT = sizeof texts / sizeof texts[0] };
    struct vv_buffer buffers[COUNT] = {{0}};
    struct vv_key keys[COUNT];
    for (size_t index = 0; index < COUNT; index++) {
        keys[index] = vv_test_key(&buffers[index], texts[index]);
    }
    for (size_t a = 0; a < COUNT; a++) {
        for (size_t b = 0; b < COUNT; b++) {
            int order = vv_key_compare(keys[a], keys[b]);
            if ((order > 0) != (a > b) || (order < 0) != (a < b)) {
                fail_msg("%s, %s: %d", texts[a], texts[b], order);
            }
        }
    }
    for (size_t index = 0; index < COUNT; index++) {
        vv_buffer_fini(&buffers[index]);
    }
}

static int naive_string_compare(varve_string a, varve_string b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = memcmp(a.bytes, b.bytes, shorter);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* The order of results as key.h puts it: the metric name, then the other labels one by one. */
static int naive_compare(struct vv_key a, struct vv_key b)
{
    const varve_string metric = VARVE_STRING("__name__");
    varve_label labels[2][VARVE_LABELS_MAX];
    size_t counts[2] = {vv_key_labels(a, labels[0]), vv_key_labels(b, labels[1])};
    int order = naive_string_compare(vv_key_value(a, metric), vv_key_value(b, metric));
    size_t at[2] = {0, 0};
    while (order == 0) {
        for (int side = 0; side < 2; side++) {
            while (at[side] < counts[side] &&
                   naive_string_compare(labels[side][at[side]].name, metric) == 0) {
                at[side]++;
            }
        }
        if (at[0] == counts[0] || at[1] == counts[1]) {
            return (at[0] < counts[0]) - (at[1] < counts[1]);
        }
        const varve_label *left = &labels[0][at[0]++], *right = &labels[1][at[1]++];
        order = naive_string_compare(left->name, right->name);
        order = order != 0 ? order : naive_string_compare(left->value, right->value);
    }
    return order;
}

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

/* Few names and values, long and short ones, so that keys begin alike in every way there is. */
static void random_keys_compare_as_label_by_label(void **state)
{
    (void)state;
    static const char *const names[] = {"A", "B", "__name__", "a", "aa", "b", "long_label_name"};
    static const char *const values[] = {
        "1", "2", "11", "12", "long_value_1", "long_value_2", "long_value_11"};
    enum { KEYS = 300 };
    struct vv_test_random random = vv_test_random_init(7);
    struct vv_buffer buffers[KEYS] = {{0}};
    for (size_t index = 0; index < KEYS; index++) {
        varve_label labels[7];
        size_t count = 0;
        for (size_t name = 0; name < 7; name++) {
            const char *value = values[vv_test_random_below(&random, 7)];
            if (vv_test_random_below(&random, 3) > 0 || (name == 6 && count == 0)) {
                labels[count++] =
                    (varve_label){{names[name], strlen(names[name])}, {value, strlen(value)}};
            }
        }
        assert_int_equal(vv_key_encode(labels, count, &buffers[index], NULL), VARVE_OK);
    }
    for (size_t a = 0; a < KEYS; a++) {
        for (size_t b = 0; b < KEYS; b++) {
            struct vv_key left = key_of(&buffers[a]), right = key_of(&buffers[b]);
            assert_int_equal(sign_of(vv_key_compare(left, right)),
                             sign_of(naive_compare(left, right)));
        }
    }
    for (size_t index = 0; index < KEYS; index++) {
        vv_buffer_fini(&buffers[index]);
    }
}

/* ---------------------------------------------------------------------------- Validation */

static void expect_corrupt(const char *bytes, size_t length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    memcpy(copy, bytes, length);
    if (vv_key_validate((struct vv_key){copy, length}) != VARVE_CORRUPT) {
        fail_msg("accepted: %.*s", (int)length, bytes);
    }
    free(copy);
}

#define EXPECT_CORRUPT(literal) expect_corrupt(literal, sizeof(literal) - 1)

static void bytes_that_are_no_key_are_corrupt(void **state)
{
    (void)state;
    assert_int_equal(vv_key_validate((struct vv_key){(const uint8_t *)"\x01\x01n\x01v", 5}),
                     VARVE_OK);
    EXPECT_CORRUPT("");
    EXPECT_CORRUPT("\x00");
    EXPECT_CORRUPT("\x41");
    EXPECT_CORRUPT("\x01");
    EXPECT_CORRUPT("\x01\x01n\x01");
    EXPECT_CORRUPT("\x01\x01n\x01vv");
    EXPECT_CORRUPT("\x01\x00\x01v");
    EXPECT_CORRUPT("\x01\x01n\x00");
    EXPECT_CORRUPT("\x01\x81\x00n\x01v");
    EXPECT_CORRUPT("\x01\x01n\x01\xff");
    EXPECT_CORRUPT("\x01\x01\xff\x01v");
    EXPECT_CORRUPT("\x02\x01n\x01v\x01n\x01v");
    EXPECT_CORRUPT("\x02\x01n\x01v\x01m\x01v");
    EXPECT_CORRUPT("\x02\x01n\x01v");
}

static void damage_anywhere_never_reads_beyond_the_key(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(3);
    struct vv_buffer buffer = {0};
    (void)vv_test_key(&buffer, "metric{host=\"web-1\",region=\"eu\",zone=\"b\"}");
    for (int round = 0; round < 20000; round++) {
        size_t length = vv_test_random_below(&random, buffer.length + 1);
        uint8_t *copy = malloc(length + 1);
        memcpy(copy, buffer.bytes, length);
        if (length > 0) {
            copy[vv_test_random_below(&random, length)] = (uint8_t)vv_test_random_next(&random);
        }
        struct vv_key key = {copy, length};
        if (vv_key_validate(key) == VARVE_OK) {
            varve_label labels[VARVE_LABELS_MAX];
            struct vv_buffer again = {0};
            size_t count = vv_key_labels(key, labels);
            assert_int_equal(vv_key_encode(labels, count, &again, NULL), VARVE_OK);
            assert_true(vv_key_equal(key, key_of(&again)));
            vv_buffer_fini(&again);
        }
        free(copy);
    }
    vv_buffer_fini(&buffer);
}

static void out_of_memory_is_reported(void **state)
{
    (void)state;
    const varve_label label = vv_test_label("a", "b");
    struct vv_buffer buffer = {0};
    vv_alloc_fail_at(1);
    assert_int_equal(vv_key_encode(&label, 1, &buffer, NULL), VARVE_NO_MEMORY);
    vv_alloc_fail_at(0);
    vv_buffer_fini(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_have_the_bytes_that_the_header_draws),
        cmocka_unit_test(encoding_appends_behind_what_is_there),
        cmocka_unit_test(labels_in_any_order_make_one_key),
        cmocka_unit_test(empty_values_are_left_out),
        cmocka_unit_test(bad_label_sets_are_refused_by_name),
        cmocka_unit_test(limits_hold_exactly),
        cmocka_unit_test(at_most_64_labels_fit),
        cmocka_unit_test(a_key_has_at_most_16_kib),
        cmocka_unit_test(labels_are_read_back),
        cmocka_unit_test(a_group_may_have_no_labels),
        cmocka_unit_test(keys_come_by_metric_then_labels_then_values),
        cmocka_unit_test(random_keys_compare_as_label_by_label),
        cmocka_unit_test(bytes_that_are_no_key_are_corrupt),
        cmocka_unit_test(damage_anywhere_never_reads_beyond_the_key),
        cmocka_unit_test(out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
