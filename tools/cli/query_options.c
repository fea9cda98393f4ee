/*
 * query_options.c - the options of `varve query`: which there are together, and what they mean.
 */
#include "query.h"

#include "output_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "|count|sum|...": the choices begin behind the first character. */
#define FUNCTION_CHOICE(name, value, text) "|" text
static const char function_choices[] = VARVE_FUNCTION_MAP(FUNCTION_CHOICE);
#define REDUCE_CHOICES "count|sum|min|max|avg|range|stddev|stdvar|quantile"

/* What functions are called elsewhere; no mistyped name is that far from its own. */
static const char *own_name(const char *word)
{
    static const char *const names[][2] = {
        {"mean", "avg"},   {"average", "avg"},     {"total", "sum"},  {"median", "quantile(0.5)"},
        {"std", "stddev"}, {"variance", "stdvar"}, {"diff", "delta"}, {"difference", "delta"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i][0], word) == 0)
            return names[i][1];
    }
    return NULL;
}

static int refuse_function(const char *option, const char *text, const char *choices)
{
    char word[CLI_FUNCTION_NAME_MAX] = "", near[64];
    size_t length = strcspn(text, "(");
    if (length < sizeof word)
        memcpy(word, text, length);
    if (cli_is_choice(choices, word))
        return strcmp(word, "quantile") == 0
                   ? cli_usage_error("--%s: quantile takes one number from 0 to 1, as in "
                                     "quantile(0.95), not \"%s\"",
                                     option, text)
                   : cli_usage_error("--%s: %s takes no parameter", option, word);
    const char *own = own_name(word);
    if (own || cli_suggest_choice(word, choices, near))
        return cli_usage_error("--%s knows no function \"%s\"; did you mean %s?", option, text,
                               own ? own : near);
    return cli_usage_error("--%s knows no function \"%s\"; it knows %s", option, text, choices);
}

static int parse_function(struct cli_query *query, size_t index, varve_string text)
{
    char *name = query->names[index];
    if (text.length >= CLI_FUNCTION_NAME_MAX)
        return cli_usage_error("--agg knows no function \"%.*s\"", (int)text.length, text.bytes);
    memcpy(name, text.bytes, text.length);
    if (varve_function_parse(text, &query->functions[index], &query->parameters[index]) != VARVE_OK)
        return refuse_function("agg", name, function_choices + 1);
    for (size_t i = 0; i < index; i++) {
        if (query->functions[i] == query->functions[index] &&
            query->parameters[i] == query->parameters[index])
            return cli_usage_error("--agg names %s twice", name);
    }
    return 0;
}

static int parse_functions(struct cli_query *query, const char *text)
{
    varve_string names[VARVE_FUNCTIONS_MAX];
    size_t count = cli_split(text, names, VARVE_FUNCTIONS_MAX);
    if (count == 0 || count > VARVE_FUNCTIONS_MAX)
        return cli_usage_error("--agg needs one to %u functions, for example avg,max",
                               VARVE_FUNCTIONS_MAX);
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        code = parse_function(query, i, names[i]);
    query->aggregation.functions = query->functions;
    query->aggregation.parameters = query->parameters;
    query->aggregation.function_count = count;
    return code;
}

static int parse_grouping(struct cli_query *query, const struct cli_invocation *invocation)
{
    const char *by = cli_value(invocation, CLI_OPTION_BY);
    const char *without = cli_value(invocation, CLI_OPTION_WITHOUT);
    if (by && without)
        return cli_usage_error("--by and --without exclude each other");
    if (!by && !without)
        return 0;
    size_t count = cli_split(by ? by : without, query->group_labels, CLI_GROUP_LABELS_MAX);
    if (count > CLI_GROUP_LABELS_MAX)
        return cli_usage_error("--%s takes at most %u labels", by ? "by" : "without",
                               CLI_GROUP_LABELS_MAX);
    query->aggregation.grouping = by ? VARVE_GROUP_BY : VARVE_GROUP_WITHOUT;
    query->aggregation.group_labels = query->group_labels;
    query->aggregation.group_label_count = count;
    return 0;
}

static int parse_reduce(struct cli_query *query, const char *text)
{
    if (!text)
        return 0;
    if (query->aggregation.grouping == VARVE_GROUP_NONE)
        return cli_usage_error("--reduce needs --by or --without: it joins the results of the "
                               "series of a group");
    char name[CLI_FUNCTION_NAME_MAX] = "";
    size_t length = strcspn(text, "(");
    if (length < sizeof name)
        memcpy(name, text, length);
    if (!cli_is_choice(REDUCE_CHOICES, name) ||
        varve_function_parse(cli_string(text), &query->aggregation.reduce,
                             &query->aggregation.reduce_parameter) != VARVE_OK)
        return refuse_function("reduce", text, REDUCE_CHOICES);
    return 0;
}

/* "2w": 2 of a calendar unit; false for any other text. */
static bool parse_calendar_step(const char *text, varve_aggregation *aggregation)
{
    static const struct {
        const char *suffix;
        varve_step_unit unit;
    } units[] = {{"d", VARVE_STEP_DAYS},
                 {"w", VARVE_STEP_WEEKS},
                 {"mo", VARVE_STEP_MONTHS},
                 {"y", VARVE_STEP_YEARS}};
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || number <= 0 || errno)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].suffix) == 0) {
            aggregation->step = number;
            aggregation->step_unit = units[i].unit;
            return true;
        }
    }
    return false;
}

static int parse_step(struct cli_query *query, const struct cli_invocation *invocation)
{
    varve_aggregation *aggregation = &query->aggregation;
    const char *step = cli_value(invocation, CLI_OPTION_STEP);
    const char *offset = cli_value(invocation, CLI_OPTION_OFFSET);
    const char *zone = cli_value(invocation, CLI_OPTION_TZ);
    int code = 0;
    if (step && !parse_calendar_step(step, aggregation))
        code = cli_parse_duration("step", step, &aggregation->step);
    if (code == 0 && offset)
        code = cli_parse_duration("offset", offset, &aggregation->offset);
    if (code == 0 && zone && aggregation->step_unit == VARVE_STEP_NANOSECONDS)
        code = cli_usage_error("--tz needs a --step of whole days, weeks, months or years, such as "
                               "1d, 1w, 1mo or 1y: shorter ones are the same everywhere");
    if (zone)
        aggregation->time_zone = cli_string(zone);
    return code;
}

static int parse_fill(struct cli_query *query, const struct cli_invocation *invocation)
{
    static const char *const names[] = {"none", "null", "previous", "linear"};
    const char *fill = cli_value(invocation, CLI_OPTION_FILL);
    const char *gap = cli_value(invocation, CLI_OPTION_FILL_GAP);
    for (size_t i = 0; fill && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(fill, names[i]) == 0)
            query->aggregation.fill = (varve_fill)i;
    }
    if (gap && query->aggregation.fill == VARVE_FILL_NONE)
        return cli_usage_error("--fill-gap needs --fill null, previous or linear");
    return gap ? cli_parse_duration("fill-gap", gap, &query->aggregation.fill_gap_max) : 0;
}

static int parse_rank(const struct cli_invocation *invocation, enum cli_option_id option,
                      uint32_t *rank)
{
    const char *text = cli_value(invocation, option);
    if (!text)
        return 0;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '1' || text[0] > '9' || *end || errno || number > UINT32_MAX)
        return cli_usage_error("--%s cannot be \"%s\"; it is a number of rows",
                               cli_options[option].name, text);
    *rank = (uint32_t)number;
    return 0;
}

/* Options that mean nothing without another one. */
static int check_needs(const struct cli_invocation *invocation)
{
    static const enum cli_option_id need_agg[] = {
        CLI_OPTION_STEP, CLI_OPTION_BY,      CLI_OPTION_WITHOUT, CLI_OPTION_REDUCE,
        CLI_OPTION_FILL, CLI_OPTION_TOP,     CLI_OPTION_BOTTOM,  CLI_OPTION_OFFSET,
        CLI_OPTION_TZ,   CLI_OPTION_FILL_GAP};
    static const enum cli_option_id need_step[] = {CLI_OPTION_FILL, CLI_OPTION_FILL_GAP,
                                                   CLI_OPTION_OFFSET, CLI_OPTION_TZ};
    bool agg = cli_given(invocation, CLI_OPTION_AGG), step = cli_given(invocation, CLI_OPTION_STEP);
    for (size_t i = 0; !agg && i < sizeof need_agg / sizeof need_agg[0]; i++) {
        if (cli_given(invocation, need_agg[i]))
            return cli_usage_error("--%s needs --agg, for example --agg avg",
                                   cli_options[need_agg[i]].name);
    }
    for (size_t i = 0; !step && i < sizeof need_step / sizeof need_step[0]; i++) {
        if (cli_given(invocation, need_step[i]))
            return cli_usage_error("--%s needs --step, for example --step 1d",
                                   cli_options[need_step[i]].name);
    }
    return 0;
}

static int check_together(const struct cli_query *query, const struct cli_invocation *invocation)
{
    const varve_aggregation *aggregation = &query->aggregation;
    if (aggregation->top > 0 && aggregation->bottom > 0)
        return cli_usage_error("--top and --bottom exclude each other");
    if ((aggregation->top > 0 || aggregation->bottom > 0) && aggregation->fill != VARVE_FILL_NONE)
        return cli_usage_error("--%s and --fill exclude each other",
                               aggregation->top > 0 ? "top" : "bottom");
    if (aggregation->step > 0)
        return 0;
    if (query->explain)
        return 0;
    if (query->plot)
        return cli_usage_error("--plot needs --step beside --agg: it draws over time");
    if (cli_is_lines(query->format))
        return cli_usage_error("--output %s needs --step beside --agg: its lines have times",
                               cli_value(invocation, CLI_OPTION_OUTPUT));
    return 0;
}

static int parse_aggregation(struct cli_query *query, const struct cli_invocation *invocation)
{
    query->aggregation = (varve_aggregation)VARVE_AGGREGATION_INIT;
    int code = check_needs(invocation);
    const char *functions = cli_value(invocation, CLI_OPTION_AGG);
    if (code != 0 || !functions)
        return code;
    code = parse_functions(query, functions);
    if (code == 0)
        code = parse_step(query, invocation);
    if (code == 0)
        code = parse_grouping(query, invocation);
    if (code == 0)
        code = parse_reduce(query, cli_value(invocation, CLI_OPTION_REDUCE));
    if (code == 0)
        code = parse_fill(query, invocation);
    if (code == 0)
        code = parse_rank(invocation, CLI_OPTION_TOP, &query->aggregation.top);
    if (code == 0)
        code = parse_rank(invocation, CLI_OPTION_BOTTOM, &query->aggregation.bottom);
    return code == 0 ? check_together(query, invocation) : code;
}

int cli_query_init(struct cli_query *query, const struct cli_invocation *invocation)
{
    *query = (struct cli_query){.selection.selection = VARVE_SELECTION_INIT};
    query->format = cli_output_format(invocation, CLI_OPTION_OUTPUT);
    query->precision = cli_output_precision(invocation);
    query->plot = cli_given(invocation, CLI_OPTION_PLOT);
    query->explain = cli_given(invocation, CLI_OPTION_EXPLAIN);
    if (query->plot && (query->explain || cli_given(invocation, CLI_OPTION_REVERSE)))
        return cli_usage_error("--plot goes with neither --explain nor --reverse");
    if (query->explain && !cli_given(invocation, CLI_OPTION_AGG) &&
        cli_given(invocation, CLI_OPTION_LIMIT))
        return cli_usage_error("--explain reads all samples: it goes with --limit only beside "
                               "--agg");
    if (query->explain && cli_is_lines(query->format) && query->format != CLI_OUTPUT_JSONL)
        return cli_usage_error("--explain goes with --output table, csv, json or jsonl");
    if (query->plot &&
        (cli_given(invocation, CLI_OPTION_OUTPUT) || cli_given(invocation, CLI_OPTION_LIMIT)))
        return cli_usage_error("--plot goes with neither --output nor --limit");
    int code = cli_parse_limit(invocation, &query->limit);
    if (code == 0)
        code = parse_aggregation(query, invocation);
    if (code == 0)
        code = cli_selection_init(&query->selection, invocation, cli_argument(invocation, 1));
    query->selection.selection.reverse = cli_given(invocation, CLI_OPTION_REVERSE);
    if (code == 0 && query->limit != UINT64_MAX)
        query->aggregation.limit = query->limit;
    return code;
}

void cli_query_fini(struct cli_query *query)
{
    cli_selection_fini(&query->selection);
}
