/*
 * verb_put.c - `varve put`: stores one sample.
 *
 * Everything that can be wrong with the arguments is found before the database is opened, so that a
 * mistyped command does not leave an empty database behind.
 */
#include "cli.h"

#include <math.h>
#include <string.h>

static bool same(varve_string a, varve_string b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static int check_matchers(const char *text, const varve_matcher *matchers, size_t count)
{
    size_t present = 0, key_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const varve_matcher *matcher = &matchers[i];
        if (matcher->type != VARVE_MATCH_EQUAL)
            return cli_usage_error("a series has labels name=\"value\", but %s is a selector",
                                   text);
        for (size_t k = 0; k < i; k++) {
            if (same(matchers[k].name, matcher->name))
                return cli_usage_error("label %.*s comes twice in %s", (int)matcher->name.length,
                                       matcher->name.bytes, text);
        }
        if (matcher->name.length > VARVE_LABEL_NAME_BYTES_MAX ||
            matcher->value.length > VARVE_LABEL_VALUE_BYTES_MAX) {
            cli_say("label %.40s... is too long: names have at most %u bytes, values %u",
                    matcher->name.bytes, VARVE_LABEL_NAME_BYTES_MAX, VARVE_LABEL_VALUE_BYTES_MAX);
            return varve_status_exit_code(VARVE_LIMIT);
        }
        present += matcher->value.length > 0;
        key_bytes += matcher->name.length + matcher->value.length + 4;
    }
    if (present == 0)
        return cli_usage_error(
            "a series needs a name or a label: for example cpu_usage{host=\"a\"}");
    if (count > VARVE_LABELS_MAX || key_bytes > VARVE_SERIES_KEY_BYTES_MAX) {
        cli_say("the series has too many labels: at most %u, and %u bytes", VARVE_LABELS_MAX,
                VARVE_SERIES_KEY_BYTES_MAX);
        return varve_status_exit_code(VARVE_LIMIT);
    }
    return 0;
}

static int check_series(const char *text)
{
    varve_error error = {0};
    varve_selector *selector = NULL;
    varve_status status = varve_selector_parse(cli_string(text), &selector, &error);
    if (status != VARVE_OK)
        return cli_fail_at(status, &error, "series", text);
    size_t count;
    const varve_matcher *matchers = varve_selector_matchers(selector, &count);
    int code = check_matchers(text, matchers, count);
    varve_selector_destroy(selector);
    return code;
}

static int store(varve_db *db, const char *path, const char *series_text, int64_t time,
                 double value)
{
    varve_error error = {0};
    varve_series series;
    varve_status status = varve_series_parse(db, cli_string(series_text), &series, &error);
    if (status != VARVE_OK)
        return cli_fail(status, &error);
    status = varve_append(db, series, &time, &value, 1, NULL);
    return status == VARVE_OK ? 0 : cli_fail_on(status, "store the sample in", path);
}

int cli_verb_put(const struct cli_invocation *invocation)
{
    const char *series = cli_argument(invocation, 1);
    const char *value_text = cli_argument(invocation, 2);
    const char *time_text = cli_argument(invocation, 3);
    int64_t time = cli_now();
    double value;
    varve_error error = {0};
    varve_sync_mode sync = VARVE_SYNC_DEFAULT;
    if (varve_value_parse(cli_string(value_text), &value) != VARVE_OK)
        return cli_usage_error("\"%s\" is no value; it is a number, NaN, +Inf or -Inf", value_text);
    if (isinf(value) && !strpbrk(value_text, "iI"))
        return cli_usage_error("%s is out of range: the greatest double is 1.797e308", value_text);
    if (time_text) {
        varve_status status = varve_time_parse(cli_string(time_text), time, &time, &error);
        if (status != VARVE_OK)
            return cli_fail(status, &error);
        if (time == INT64_MAX)
            return cli_usage_error("the time %s is one nanosecond too late to be stored",
                                   time_text);
    }
    if (cli_given(invocation, CLI_OPTION_SYNC))
        cli_parse_sync(cli_value(invocation, CLI_OPTION_SYNC), &sync);
    int code = check_series(series);
    if (code != 0)
        return code;
    struct cli_events events;
    varve_db *db = NULL;
    const char *path = cli_argument(invocation, 0);
    code = cli_open(path, VARVE_OPEN_CREATE, sync, &events, &db);
    if (code != 0)
        return code;
    return cli_close(db, &events, store(db, path, series, time, value));
}
