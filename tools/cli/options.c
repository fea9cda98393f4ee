/*
 * options.c - reads a command line by the table in verbs.c.
 *
 * O1  What is not in the table is refused, with the nearest name that is.
 * O2  '-' alone, '-' and a digit or a point, -Inf and -NaN are values, never options.
 * O3  Nothing is copied: arguments and values point into argv.
 */
#include "options.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct cli_verb *cli_verb_find(const char *name)
{
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
    }
    return NULL;
}

static bool is_value(const char *argument)
{
    if (argument[0] != '-')
        return true;
    char next = argument[1];
    return next == '\0' || next == '.' || (next >= '0' && next <= '9') ||
           strncasecmp(argument, "-inf", 4) == 0 || strncasecmp(argument, "-nan", 4) == 0;
}

static const char *option_name_at(void *context, size_t index)
{
    const enum cli_option_id *const *ids = context;
    return (*ids)[index] == CLI_OPTION_NONE ? NULL : cli_options[(*ids)[index]].name;
}

static enum cli_option_id find_option(const struct cli_verb *verb, const char *name, size_t length)
{
    if (length == 4 && strncmp(name, "help", 4) == 0)
        return CLI_OPTION_HELP;
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        if (strlen(cli_options[*id].name) == length &&
            strncmp(cli_options[*id].name, name, length) == 0)
            return *id;
    }
    return CLI_OPTION_NONE;
}

static int refuse_option(const struct cli_verb *verb, const char *argument, size_t length)
{
    char name[64] = "";
    size_t dashes = strspn(argument, "-");
    if (length - dashes < sizeof name)
        memcpy(name, argument + dashes, length - dashes);
    const enum cli_option_id *ids = verb->options;
    size_t near = cli_suggest(name, option_name_at, &ids);
    if (near != SIZE_MAX)
        return cli_usage_error("%s has no option %.*s; did you mean --%s?", verb->name, (int)length,
                               argument, cli_options[ids[near]].name);
    return cli_usage_error("%s has no option %.*s; see varve %s --help", verb->name, (int)length,
                           argument, verb->name);
}

bool cli_is_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    while (choices) {
        size_t choice = strcspn(choices, "|");
        if (choice == length && strncmp(choices, word, length) == 0)
            return true;
        choices = choices[choice] == '|' ? choices + choice + 1 : NULL;
    }
    return false;
}

static int check_choice(const struct cli_option *option, const char *value)
{
    if (!option->choices || cli_is_choice(option->choices, value))
        return 0;
    char near[64];
    if (cli_suggest_choice(value, option->choices, near))
        return cli_usage_error("--%s cannot be \"%s\"; did you mean %s?", option->name, value,
                               near);
    return cli_usage_error("--%s cannot be \"%s\"; it is one of %s", option->name, value,
                           option->choices);
}

static void add_value(struct cli_values *values, const char *value)
{
    values->items = cli_reallocate(values->items, (values->count + 1) * sizeof *values->items);
    values->items[values->count++] = value;
}

/* Reads the option at argv[*index] and moves *index to its last argument. */
static int read_option(struct cli_invocation *invocation, int argc, char **argv, int *index)
{
    const char *argument = argv[*index];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    enum cli_option_id id = CLI_OPTION_NONE;
    if (strcmp(argument, "-h") == 0)
        id = CLI_OPTION_HELP;
    else if (strncmp(argument, "--", 2) == 0)
        id = find_option(invocation->verb, argument + 2, length - 2);
    if (id == CLI_OPTION_NONE)
        return refuse_option(invocation->verb, argument, length);

    const struct cli_option *option = &cli_options[id];
    const char *value = equals ? equals + 1 : NULL;
    if (!option->value && value)
        return cli_usage_error("--%s takes no value", option->name);
    if (option->value && !value) {
        if (*index + 1 >= argc || strncmp(argv[*index + 1], "--", 2) == 0)
            return cli_usage_error("--%s needs a value: --%s %s", option->name, option->name,
                                   option->value);
        value = argv[++*index];
    }
    if (!option->repeatable && id != CLI_OPTION_HELP && invocation->values[id].count > 0)
        return cli_usage_error("--%s is given twice", option->name);
    int code = value ? check_choice(option, value) : 0;
    if (code == 0)
        add_value(&invocation->values[id], value);
    return code;
}

/* The option of a verb that takes a selector; NULL if it has none. */
static const struct cli_option *selector_option(const struct cli_verb *verb)
{
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        const char *value = cli_options[*id].value;
        if (value && strcmp(value, "SELECTOR") == 0)
            return &cli_options[*id];
    }
    return NULL;
}

static int refuse_argument(const struct cli_verb *verb, const char *argument)
{
    const struct cli_option *option = selector_option(verb);
    if (option)
        return cli_usage_error("%s does not know what to do with \"%s\": varve %s %s; a selector "
                               "goes behind --%s",
                               verb->name, argument, verb->name, verb->arguments, option->name);
    return cli_usage_error("%s does not know what to do with \"%s\": varve %s %s", verb->name,
                           argument, verb->name, verb->arguments);
}

static int check_argument_count(const struct cli_invocation *invocation)
{
    const struct cli_verb *verb = invocation->verb;
    if (cli_given(invocation, CLI_OPTION_HELP))
        return 0;
    if (invocation->argument_count < verb->arguments_min)
        return cli_usage_error("%s needs more arguments: varve %s %s", verb->name, verb->name,
                               verb->arguments);
    if (invocation->argument_count > verb->arguments_max)
        return refuse_argument(verb, invocation->arguments[verb->arguments_max]);
    return 0;
}

int cli_invocation_init(struct cli_invocation *invocation, const struct cli_verb *verb, int argc,
                        char **argv)
{
    *invocation = (struct cli_invocation){.verb = verb};
    invocation->arguments = cli_allocate(((size_t)argc + 1) * sizeof *invocation->arguments);
    bool options_end = false;
    for (int i = 0; i < argc; i++) {
        if (options_end || is_value(argv[i])) {
            invocation->arguments[invocation->argument_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else {
            int code = read_option(invocation, argc, argv, &i);
            if (code != 0)
                return code;
        }
    }
    return check_argument_count(invocation);
}

void cli_invocation_fini(struct cli_invocation *invocation)
{
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++)
        free(invocation->values[i].items);
    free(invocation->arguments);
}

bool cli_given(const struct cli_invocation *invocation, enum cli_option_id option)
{
    return invocation->values[option].count > 0;
}

const char *cli_value(const struct cli_invocation *invocation, enum cli_option_id option)
{
    const struct cli_values *values = &invocation->values[option];
    return values->count > 0 ? values->items[values->count - 1] : NULL;
}

const char *cli_argument(const struct cli_invocation *invocation, size_t index)
{
    return index < invocation->argument_count ? invocation->arguments[index] : NULL;
}
