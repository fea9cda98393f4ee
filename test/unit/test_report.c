/* Tests of report.c: sentences, at once and kept for later. */
#include "storage/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "os/alloc.h"

struct heard {
    size_t count;
    char text[512]; /* one report a line */
};

static void hear(void *context, varve_event_kind kind, varve_status status, const char *file,
                 uint64_t offset, const char *message)
{
    struct heard *heard = context;
    size_t length = strlen(heard->text);
    (void)snprintf(heard->text + length, sizeof(heard->text) - length, "%d %s %s+%d: %s\n",
                   (int)kind, varve_status_name(status), file != NULL ? file : "-", (int)offset,
                   message);
    heard->count++;
}

static void report_two(const struct vv_report *report)
{
    char file[] = "wal-1"; /* a name that is gone when the report is told */
    vv_report(report, VARVE_EVENT_NOTE, VARVE_OK, file, 7, "%d bytes are torn", 3);
    file[0] = '?';
    vv_report(report, VARVE_EVENT_DAMAGE, VARVE_CORRUPT, NULL, 0, "gone");
}

static void sentences_are_formatted_where_somebody_listens(void **state)
{
    (void)state;
    struct heard heard = {0};
    report_two(&(struct vv_report){hear, &heard});
    assert_string_equal(heard.text, "2 OK wal-1+7: 3 bytes are torn\n3 CORRUPT -+0: gone\n");
    report_two(&(struct vv_report){NULL, NULL});
}

static void what_is_kept_is_told_in_order_and_as_often_as_one_likes(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct vv_report listener = {hear, &heard};
    struct vv_report_keeper keeper;
    vv_report_keeper_init(&keeper);
    assert_int_equal(vv_report_keeper_tell(&keeper, &listener), VARVE_OK);
    assert_int_equal(heard.count, 0);
    report_two(&keeper.report);
    assert_int_equal(heard.count, 0);
    assert_int_equal(vv_report_keeper_tell(&keeper, &listener), VARVE_OK);
    assert_string_equal(heard.text, "2 OK wal-1+7: 3 bytes are torn\n3 CORRUPT -+0: gone\n");
    assert_int_equal(vv_report_keeper_tell(&keeper, &listener), VARVE_OK);
    assert_int_equal(heard.count, 4);
    assert_int_equal(vv_report_keeper_tell(&keeper, &(struct vv_report){NULL, NULL}), VARVE_OK);
    vv_report_keeper_fini(&keeper);
}

/* Half of a story would be told as if it were all of it. */
static void a_report_for_which_there_was_no_memory_is_missed(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct vv_report_keeper keeper;
    vv_report_keeper_init(&keeper);
    vv_alloc_fail_at(2);
    report_two(&keeper.report);
    vv_alloc_fail_at(0);
    assert_int_equal(vv_report_keeper_tell(&keeper, &(struct vv_report){hear, &heard}),
                     VARVE_NO_MEMORY);
    assert_int_equal(heard.count, 0);
    vv_report_keeper_fini(&keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_formatted_where_somebody_listens),
        cmocka_unit_test(what_is_kept_is_told_in_order_and_as_often_as_one_likes),
        cmocka_unit_test(a_report_for_which_there_was_no_memory_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
