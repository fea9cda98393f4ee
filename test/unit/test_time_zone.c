/* Tests of time_zone.c, some against the system's own reader. */
#include "base/time_zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "support/random.h"

static struct vv_zone_change changes[VV_TIME_ZONE_CHANGES_MAX];
static uint8_t file_bytes[65536];

/* Reads a zone of the system; false if it has none. */
static bool read_zone(const char *name, struct vv_time_zone *zone)
{
    char path[200];
    (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    size_t length = fread(file_bytes, 1, sizeof(file_bytes), file);
    (void)fclose(file);
    assert_int_equal(vv_time_zone_read(file_bytes, length, changes, zone), VARVE_OK);
    return true;
}

static void offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    static const char *names[] = {"Europe/Berlin",   "America/New_York",  "Australia/Lord_Howe",
                                  "Asia/Kathmandu",  "America/Sao_Paulo", "Africa/Casablanca",
                                  "Pacific/Apia",    "Europe/Dublin",     "Antarctica/Troll",
                                  "America/Santiago"};
    struct vv_test_random random = vv_test_random_init(5);
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        struct vv_time_zone zone;
        if (!read_zone(names[at], &zone)) {
            skip();
        }
        assert_int_equal(setenv("TZ", names[at], 1), 0);
        tzset();
        for (int round = 0; round < 20000; round++) {
            /* 1930 to 2120 */
            time_t seconds = (time_t)vv_test_random_below(&random, 6000000000) - 1262304000;
            struct tm fields;
            assert_non_null(localtime_r(&seconds, &fields));
            if (vv_time_zone_offset(&zone, seconds) != fields.tm_gmtoff) {
                fail_msg("%s at %lld: %d instead of %ld", names[at], (long long)seconds,
                         vv_time_zone_offset(&zone, seconds), fields.tm_gmtoff);
            }
        }
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

static void the_first_moment_of_a_local_time_is_found(void **state)
{
    (void)state;
    struct vv_test_random random = vv_test_random_init(6);
    struct vv_time_zone zone;
    if (!read_zone("Europe/Berlin", &zone)) {
        skip();
    }
    for (int round = 0; round < 20000; round++) {
        int64_t local = (int64_t)vv_test_random_below(&random, 6000000000) - 1262304000;
        int64_t utc = vv_time_zone_to_utc(&zone, local);
        assert_true(utc + vv_time_zone_offset(&zone, utc) >= local);
        assert_true(utc - 1 + vv_time_zone_offset(&zone, utc - 1) < local);
    }
}

static void a_midnight_that_clocks_leave_out_is_the_time_of_the_change(void **state)
{
    (void)state;
    struct vv_time_zone zone;
    if (!read_zone("America/Sao_Paulo", &zone)) {
        skip();
    }
    /* 2018-11-04: from 00:00 -03 to 01:00 -02 */
    assert_int_equal(vv_time_zone_to_utc(&zone, 1541289600), 1541300400);
}

static void fixed_offsets_need_no_file(void **state)
{
    (void)state;
    struct vv_time_zone zone;
    assert_int_equal(vv_time_zone_fixed(VARVE_STRING("+05:30"), &zone), VARVE_OK);
    assert_int_equal(vv_time_zone_offset(&zone, 12345), 19800);
    assert_int_equal(vv_time_zone_to_utc(&zone, 19800), 0);
    assert_int_equal(vv_time_zone_fixed(VARVE_STRING("-0800"), &zone), VARVE_OK);
    assert_int_equal(vv_time_zone_offset(&zone, 0), -28800);
    assert_int_equal(vv_time_zone_fixed(VARVE_STRING("UTC"), &zone), VARVE_OK);
    assert_int_equal(vv_time_zone_offset(&zone, 0), 0);
    assert_int_equal(vv_time_zone_fixed(VARVE_STRING("Europe/Berlin"), &zone), VARVE_INVALID);
    assert_int_equal(vv_time_zone_fixed(VARVE_STRING("+25:00"), &zone), VARVE_INVALID);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    struct vv_time_zone zone;
    if (!read_zone("Europe/Berlin", &zone)) {
        skip();
    }
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(file);
    size_t length = fread(file_bytes, 1, sizeof(file_bytes), file);
    (void)fclose(file);
    struct vv_test_random random = vv_test_random_init(7);
    uint8_t *exact = malloc(length);
    assert_non_null(exact);
    for (size_t cut = 0; cut < length; cut += 1 + cut / 50) {
        uint8_t *piece = malloc(cut + 1);
        memcpy(piece, file_bytes, cut);
        varve_status status = vv_time_zone_read(piece, cut, changes, &zone);
        assert_true(status == VARVE_OK || status == VARVE_INVALID);
        free(piece);
    }
    for (int round = 0; round < 5000; round++) {
        memcpy(exact, file_bytes, length);
        exact[vv_test_random_below(&random, length)] = (uint8_t)vv_test_random_next(&random);
        exact[vv_test_random_below(&random, 200)] = (uint8_t)vv_test_random_next(&random);
        if (vv_time_zone_read(exact, length, changes, &zone) == VARVE_OK) {
            int64_t local = (int64_t)vv_test_random_below(&random, 6000000000);
            int64_t utc = vv_time_zone_to_utc(&zone, local);
            assert_true(utc + vv_time_zone_offset(&zone, utc) >= local);
        }
    }
    assert_int_equal(vv_time_zone_read((const uint8_t *)"TZif", 4, changes, &zone), VARVE_INVALID);
    free(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(the_first_moment_of_a_local_time_is_found),
        cmocka_unit_test(a_midnight_that_clocks_leave_out_is_the_time_of_the_change),
        cmocka_unit_test(fixed_offsets_need_no_file),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
