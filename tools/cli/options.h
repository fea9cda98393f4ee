/*
 * options.h - the verbs and options of the command as one table, and the parser that reads it.
 *
 * The same table gives the parser, the help texts, the suggestions, the shell completions and the
 * man page: what is not in it does not exist.
 */
#ifndef VARVE_TOOLS_OPTIONS_H
#define VARVE_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Options that have the same name but not the same meaning in two verbs are two entries. */
enum cli_option_id {
    CLI_OPTION_NONE = 0, /* ends the list of a verb */
    CLI_OPTION_HELP,
    CLI_OPTION_ACKS,
    CLI_OPTION_AGE,
    CLI_OPTION_AGG,
    CLI_OPTION_ALL,
    CLI_OPTION_BOTTOM,
    CLI_OPTION_BULK,
    CLI_OPTION_BY,
    CLI_OPTION_BYTES,
    CLI_OPTION_COUNTS,
    CLI_OPTION_CSV_TIME_FORMAT,
    CLI_OPTION_END,
    CLI_OPTION_EXPLAIN,
    CLI_OPTION_EXPORT_OUTPUT,
    CLI_OPTION_FILL,
    CLI_OPTION_FILL_GAP,
    CLI_OPTION_FOLDER,
    CLI_OPTION_FOR,
    CLI_OPTION_FORMAT,
    CLI_OPTION_INTERVAL,
    CLI_OPTION_JSON,
    CLI_OPTION_JSON_LINES,
    CLI_OPTION_LABEL,
    CLI_OPTION_LABEL_COLUMNS,
    CLI_OPTION_LIMIT,
    CLI_OPTION_LIST_OUTPUT,
    CLI_OPTION_LOSSY,
    CLI_OPTION_MATCH,
    CLI_OPTION_METRIC,
    CLI_OPTION_OFFSET,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_PLOT,
    CLI_OPTION_PRECISION,
    CLI_OPTION_QUICK,
    CLI_OPTION_REDUCE,
    CLI_OPTION_REMOVE,
    CLI_OPTION_REVERSE,
    CLI_OPTION_ROLLUP_STEP,
    CLI_OPTION_SELECTOR,
    CLI_OPTION_START,
    CLI_OPTION_STEP,
    CLI_OPTION_STRICT,
    CLI_OPTION_SYNC,
    CLI_OPTION_TIME_COLUMN,
    CLI_OPTION_TIME_FORMAT,
    CLI_OPTION_TOP,
    CLI_OPTION_TZ,
    CLI_OPTION_WITHOUT,
    CLI_OPTION_COUNT,
};

struct cli_option {
    const char *name;    /* without the dashes */
    const char *value;   /* how help calls its value; NULL: it takes none */
    const char *choices; /* the values that it takes, separated by '|'; NULL: any */
    bool repeatable;
    const char *help;
};

struct cli_example {
    const char *command; /* what stands after "varve " */
    const char *meaning;
};

struct cli_invocation;

struct cli_verb {
    const char *name;
    const char *arguments; /* as help shows them; the words in [] may be left out */
    size_t arguments_min;
    size_t arguments_max;
    const char *summary; /* one phrase */
    const char *details; /* a paragraph */
    const enum cli_option_id *options;
    const struct cli_example *examples; /* ends with a NULL command */
    int (*run)(const struct cli_invocation *invocation);
};

/* The values that one option was given, in their order. Flags have values of NULL. */
struct cli_values {
    const char **items;
    size_t count;
};

/* A parsed command line. Strings are those of argv. */
struct cli_invocation {
    const struct cli_verb *verb;
    const char **arguments;
    size_t argument_count;
    struct cli_values values[CLI_OPTION_COUNT];
};

/* The table. Verbs end with one whose name is NULL. */
extern const struct cli_verb cli_verbs[];
extern const struct cli_option cli_options[CLI_OPTION_COUNT];

/* The verb of that name, or NULL. */
const struct cli_verb *cli_verb_find(const char *name);

/**
 * cli_invocation_init() - read the arguments that follow the verb.
 *
 * An argument of '-' and a digit, or -Inf, is a value; `--` ends the options; --help is accepted
 * beside anything. Values are checked against the choices of their option.
 * Returns 0, or CLI_EXIT_USAGE after a message; fini is legal in both cases.
 */
int cli_invocation_init(struct cli_invocation *invocation, const struct cli_verb *verb, int argc,
                        char **argv);
void cli_invocation_fini(struct cli_invocation *invocation);

/* Whether the option was given. */
bool cli_given(const struct cli_invocation *invocation, enum cli_option_id option);

/* The value of the option (the last one if it was given twice), or NULL. */
const char *cli_value(const struct cli_invocation *invocation, enum cli_option_id option);

/* The argument at that index, or NULL. */
const char *cli_argument(const struct cli_invocation *invocation, size_t index);

/* Help texts, on standard output. */
void cli_help_print(void);
void cli_help_print_verb(const struct cli_verb *verb);

/* The manual page varve(1), on standard output. */
void cli_man_print(void);

/**
 * Index of the candidate that word was probably meant to be, or SIZE_MAX.
 *
 * candidate(context, index) gives the candidates one after the other and NULL after the last; each
 * has to live only until the next call.
 */
size_t cli_suggest(const char *word, const char *(*candidate)(void *context, size_t index),
                   void *context);

/* The same for words in one string, separated by '|'; answer holds 64 characters. */
bool cli_suggest_choice(const char *word, const char *choices, char *answer);

/* Whether word is one of the choices, which are separated by '|'. */
bool cli_is_choice(const char *choices, const char *word);

/* The verbs. */
int cli_verb_bench(const struct cli_invocation *invocation);
int cli_verb_check(const struct cli_invocation *invocation);
int cli_verb_collect(const struct cli_invocation *invocation);
int cli_verb_completion(const struct cli_invocation *invocation);
int cli_verb_compact(const struct cli_invocation *invocation);
int cli_verb_snapshot(const struct cli_invocation *invocation);
int cli_verb_salvage(const struct cli_invocation *invocation);
int cli_verb_restore(const struct cli_invocation *invocation);
int cli_verb_retain(const struct cli_invocation *invocation);
int cli_verb_rollup(const struct cli_invocation *invocation);
int cli_verb_delete(const struct cli_invocation *invocation);
int cli_verb_export(const struct cli_invocation *invocation);
int cli_verb_import(const struct cli_invocation *invocation);
int cli_verb_labels(const struct cli_invocation *invocation);
int cli_verb_latest(const struct cli_invocation *invocation);
int cli_verb_put(const struct cli_invocation *invocation);
int cli_verb_query(const struct cli_invocation *invocation);
int cli_verb_series(const struct cli_invocation *invocation);
int cli_verb_shell(const struct cli_invocation *invocation);
int cli_verb_stats(const struct cli_invocation *invocation);

#endif
