/* Tests of status.c. */
#include "base/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void statuses_have_names_texts_and_exit_codes(void **state)
{
    (void)state;
    assert_string_equal(varve_status_name(VARVE_OK), "OK");
    assert_string_equal(varve_status_name(VARVE_UNKNOWN), "UNKNOWN");
    assert_string_equal(varve_status_text(VARVE_CORRUPT), "damaged data");
    assert_int_equal(varve_status_exit_code(VARVE_OK), 0);
    assert_int_equal(varve_status_exit_code(VARVE_INVALID), 2);
    assert_int_equal(varve_status_exit_code(VARVE_CANCELLED), 130);
    assert_int_equal(varve_status_exit_code(VARVE_CORRUPT), 3);
    assert_int_equal(varve_status_exit_code(VARVE_NO_SPACE), 5);
}

static void numbers_that_are_no_status_are_told_apart(void **state)
{
    (void)state;
    assert_string_equal(varve_status_name((varve_status)16), "?");
    assert_string_equal(varve_status_name((varve_status)-1), "?");
    assert_non_null(varve_status_text((varve_status)16));
    assert_int_equal(varve_status_exit_code((varve_status)16), 5);
}

static void version_is_that_of_the_header(void **state)
{
    (void)state;
    assert_string_equal(varve_version(), VARVE_VERSION_STRING);
}

static void first_error_wins(void **state)
{
    (void)state;
    varve_error error = {0};
    assert_int_equal(vv_fail(&error, VARVE_LIMIT, "%d series are too many", 7), VARVE_LIMIT);
    assert_int_equal(vv_fail(&error, VARVE_IO, "second"), VARVE_IO);
    assert_int_equal(vv_fail_io(&error, VARVE_IO, EIO, "file", 1, "third"), VARVE_IO);
    assert_int_equal(error.status, VARVE_LIMIT);
    assert_int_equal(error.system_errno, 0);
    assert_string_equal(error.message, "7 series are too many");
    assert_int_equal(vv_first(VARVE_OK, VARVE_IO), VARVE_IO);
    assert_int_equal(vv_first(VARVE_LIMIT, VARVE_IO), VARVE_LIMIT);
    assert_int_equal(vv_first(VARVE_LIMIT, VARVE_OK), VARVE_LIMIT);
}

static void a_cleared_record_takes_the_next_error(void **state)
{
    (void)state;
    varve_error error;
    memset(&error, 0xff, sizeof error);
    vv_error_clear(&error);
    vv_error_clear(NULL);
    assert_int_equal(vv_fail(&error, VARVE_BUSY, "wait"), VARVE_BUSY);
    assert_int_equal(error.status, VARVE_BUSY);
    assert_int_equal(error.offset, 0);
    assert_string_equal(error.message, "wait");
}

static void refusing_text_overwrites_what_the_record_held(void **state)
{
    (void)state;
    varve_error error;
    memset(&error, 0xff, sizeof error);
    assert_int_equal(vv_refuse(&error, "'%s' is no time", "x"), VARVE_INVALID);
    assert_int_equal(error.status, VARVE_INVALID);
    assert_int_equal(error.system_errno, 0);
    assert_string_equal(error.message, "'x' is no time");
    assert_int_equal(vv_refuse(NULL, "nobody listens"), VARVE_INVALID);
}

static void system_errors_say_file_and_reason(void **state)
{
    (void)state;
    varve_error error = {0};
    assert_int_equal(vv_fail_io(&error, VARVE_NO_SPACE, ENOSPC, "wal/7", 4096, "cannot write"),
                     VARVE_NO_SPACE);
    assert_int_equal(error.system_errno, ENOSPC);
    assert_int_equal(error.offset, 4096);
    assert_string_equal(error.message, "wal/7: cannot write: No space left on device");
}

static void damage_has_a_place_but_no_system_error(void **state)
{
    (void)state;
    varve_error error = {0};
    assert_int_equal(vv_fail_io(&error, VARVE_CORRUPT, 0, NULL, 12, "checksum differs"),
                     VARVE_CORRUPT);
    assert_int_equal(error.offset, 12);
    assert_string_equal(error.message, "checksum differs");
}

static void an_unknown_errno_is_shown_as_a_number(void **state)
{
    (void)state;
    varve_error error = {0};
    assert_int_equal(vv_fail_io(&error, VARVE_IO, 99999, "f", 0, "odd"), VARVE_IO);
    assert_string_equal(error.message, "f: odd: errno 99999");
}

static void long_messages_are_cut_off(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    varve_error error = {0};
    assert_int_equal(vv_fail_io(&error, VARVE_IO, EIO, text, 0, "%s", text), VARVE_IO);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

static void nobody_needs_to_listen(void **state)
{
    (void)state;
    assert_int_equal(vv_fail(NULL, VARVE_LOCKED, "x"), VARVE_LOCKED);
    assert_int_equal(vv_fail_io(NULL, VARVE_IO, EIO, "f", 0, "x"), VARVE_IO);
}

static void errnos_map_to_statuses(void **state)
{
    (void)state;
    assert_int_equal(vv_status_from_errno(ENOSPC), VARVE_NO_SPACE);
    assert_int_equal(vv_status_from_errno(EDQUOT), VARVE_NO_SPACE);
    assert_int_equal(vv_status_from_errno(ENOMEM), VARVE_NO_MEMORY);
    assert_int_equal(vv_status_from_errno(EROFS), VARVE_READ_ONLY);
    assert_int_equal(vv_status_from_errno(EACCES), VARVE_READ_ONLY);
    assert_int_equal(vv_status_from_errno(ENOENT), VARVE_NOT_FOUND);
    assert_int_equal(vv_status_from_errno(EEXIST), VARVE_EXISTS);
    assert_int_equal(vv_status_from_errno(EIO), VARVE_IO);
    assert_int_equal(vv_status_from_errno(EBADF), VARVE_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_have_names_texts_and_exit_codes),
        cmocka_unit_test(numbers_that_are_no_status_are_told_apart),
        cmocka_unit_test(version_is_that_of_the_header),
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(a_cleared_record_takes_the_next_error),
        cmocka_unit_test(refusing_text_overwrites_what_the_record_held),
        cmocka_unit_test(system_errors_say_file_and_reason),
        cmocka_unit_test(damage_has_a_place_but_no_system_error),
        cmocka_unit_test(an_unknown_errno_is_shown_as_a_number),
        cmocka_unit_test(long_messages_are_cut_off),
        cmocka_unit_test(nobody_needs_to_listen),
        cmocka_unit_test(errnos_map_to_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
