/*
 * hint.c - "did you mean" for metrics, labels and values, when a selector found nothing.
 */
#include "hint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists that are longer are not searched: a hint should not take longer than the answer. */
#define CANDIDATES_MAX 20000u
#define WORD_BYTES_MAX 63u

struct candidates {
    const varve_strings *strings;
    char word[WORD_BYTES_MAX + 1];
};

static const char *candidate_at(void *context, size_t index)
{
    struct candidates *candidates = context;
    if (index >= varve_strings_count(candidates->strings))
        return NULL;
    varve_string string = varve_strings_get(candidates->strings, index);
    snprintf(candidates->word, sizeof candidates->word, "%.*s", (int)string.length, string.bytes);
    return candidates->word;
}

static bool contains(const varve_strings *strings, varve_string wanted)
{
    for (size_t i = 0; i < varve_strings_count(strings); i++) {
        varve_string string = varve_strings_get(strings, i);
        if (string.length == wanted.length &&
            memcmp(string.bytes, wanted.bytes, wanted.length) == 0)
            return true;
    }
    return false;
}

/* Says that there is no such thing, and what is like it. */
static void say_missing(const char *kind, varve_string wanted, const varve_strings *strings)
{
    char word[WORD_BYTES_MAX + 1];
    struct candidates candidates = {.strings = strings};
    size_t near = SIZE_MAX;
    snprintf(word, sizeof word, "%.*s", (int)wanted.length, wanted.bytes);
    if (wanted.length <= WORD_BYTES_MAX && varve_strings_count(strings) <= CANDIDATES_MAX)
        near = cli_suggest(word, candidate_at, &candidates);
    if (near != SIZE_MAX)
        cli_say("there is no %s %.*s; did you mean %s?", kind, (int)wanted.length, wanted.bytes,
                candidate_at(&candidates, near));
    else
        cli_say("there is no %s %.*s", kind, (int)wanted.length, wanted.bytes);
}

/* Whether no series has the label; then says so. */
static bool lacks_label(varve_db *db, varve_string name)
{
    varve_selection all = VARVE_SELECTION_INIT;
    varve_strings *names = NULL;
    bool lacks = varve_label_names(db, &all, &names, NULL) == VARVE_OK && !contains(names, name);
    if (lacks)
        say_missing("label", name, names);
    varve_strings_destroy(names);
    return lacks;
}

void cli_hint_no_label(varve_db *db, const char *name)
{
    (void)lacks_label(db, cli_string(name));
}

/* Whether the matcher asks for something that does not exist; then says so. */
static bool explains(varve_db *db, const varve_matcher *matcher)
{
    if (matcher->type != VARVE_MATCH_EQUAL || matcher->value.length == 0)
        return false;
    varve_selection all = VARVE_SELECTION_INIT;
    varve_strings *values = NULL;
    bool metric = matcher->name.length == 8 && memcmp(matcher->name.bytes, "__name__", 8) == 0;
    bool said = lacks_label(db, matcher->name);
    if (!said && varve_label_values(db, matcher->name, &all, &values, NULL) == VARVE_OK &&
        !contains(values, matcher->value)) {
        char kind[VARVE_LABEL_NAME_BYTES_MAX + 16];
        snprintf(kind, sizeof kind, "%s%.*s", metric ? "metric" : "value of ",
                 metric ? 0 : (int)matcher->name.length, matcher->name.bytes);
        said = true;
        say_missing(kind, matcher->value, values);
    }
    varve_strings_destroy(values);
    return said;
}

/* Whether the matchers alone, without the range, find a series. */
static bool found_elsewhere(varve_db *db, const varve_selection *selection)
{
    varve_selection any_time = *selection;
    any_time.start = INT64_MIN;
    any_time.end = INT64_MAX;
    varve_cursor *cursor = NULL;
    bool found =
        varve_select(db, &any_time, &cursor, NULL) == VARVE_OK && varve_cursor_next(cursor);
    varve_cursor_close(cursor);
    return found;
}

void cli_hint_nothing_found(varve_db *db, const struct cli_selection *selection)
{
    const varve_selection *asked = &selection->selection;
    varve_statistics statistics = VARVE_STATISTICS_INIT;
    varve_stats(db, &statistics);
    if (statistics.samples == 0) {
        cli_say("the database is empty");
        return;
    }
    for (size_t i = 0; i < asked->matcher_count; i++) {
        if (explains(db, &asked->matchers[i]))
            return;
    }
    if ((asked->start != INT64_MIN || asked->end != INT64_MAX) && found_elsewhere(db, asked))
        cli_say("no samples in this range; varve series shows the newest of each series");
    else if (selection->text && asked->matcher_count > 0)
        cli_say("no series matches %s", selection->text);
}
