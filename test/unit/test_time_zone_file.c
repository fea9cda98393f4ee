/* Tests of time_zone_file.c. */
#include "engine/time_zone_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct vv_loaded_zone loaded;
static varve_error error;

static void zones_are_found_by_name(void **state)
{
    (void)state;
    if (access("/usr/share/zoneinfo/Asia/Kathmandu", R_OK) != 0) {
        skip();
    }
    assert_int_equal(vv_time_zone_load(VARVE_STRING("Asia/Kathmandu"), &loaded, &error), VARVE_OK);
    assert_int_equal(vv_time_zone_offset(&loaded.zone, 1700000000), 20700);
}

static void offsets_and_utc_need_no_file(void **state)
{
    (void)state;
    assert_int_equal(vv_time_zone_load(VARVE_STRING("-03:00"), &loaded, &error), VARVE_OK);
    assert_int_equal(vv_time_zone_offset(&loaded.zone, 0), -10800);
    assert_int_equal(vv_time_zone_load(VARVE_STRING(""), &loaded, &error), VARVE_OK);
    assert_int_equal(vv_time_zone_load(VARVE_STRING("UTC"), &loaded, &error), VARVE_OK);
    assert_int_equal(vv_time_zone_offset(&loaded.zone, 0), 0);
}

static void other_names_are_refused_by_name(void **state)
{
    (void)state;
    const varve_string names[] = {VARVE_STRING("Europe/Atlantis"), VARVE_STRING("../passwd"),
                                  VARVE_STRING("/etc/passwd"),     VARVE_STRING("Europe"),
                                  VARVE_STRING("Europe//Rome"),    VARVE_STRING("tzdata.zi"),
                                  VARVE_STRING("Europe/"),         VARVE_STRING("Rom e")};
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        assert_int_equal(vv_time_zone_load(names[at], &loaded, &error), VARVE_INVALID);
        assert_non_null(strstr(error.message, "time_zone: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_found_by_name),
        cmocka_unit_test(offsets_and_utc_need_no_file),
        cmocka_unit_test(other_names_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
