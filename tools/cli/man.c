/*
 * man.c - the manual page varve(1), from the table of verbs: `varve help --man`.
 */
#include "options.h"
#include "stdout.h"

#include "varve/varve.h"

/* Text with the characters that roff would read as requests made harmless. */
static void print_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            cli_stdout_print("\\-");
        else if (*text == '\\')
            cli_stdout_print("\\e");
        else if (*text == '\'')
            cli_stdout_print("\\(aq");
        else
            cli_stdout_write(text, 1);
    }
}

static void print_paragraph(const char *text)
{
    if (!text[0])
        return;
    cli_stdout_print(".PP\n");
    print_text(text);
    cli_stdout_print("\n");
}

static void print_options(const struct cli_verb *verb)
{
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        const struct cli_option *option = &cli_options[*id];
        cli_stdout_print(".TP\n\\fB\\-\\-");
        print_text(option->name);
        cli_stdout_print("\\fR");
        if (option->value) {
            cli_stdout_print(" \\fI");
            print_text(option->value);
            cli_stdout_print("\\fR");
        }
        cli_stdout_print("\n");
        print_text(option->help);
        cli_stdout_print("\n");
    }
}

static void print_verb(const struct cli_verb *verb)
{
    cli_stdout_print(".SS varve %s \\fI", verb->name);
    print_text(verb->arguments);
    cli_stdout_print("\\fR\n");
    print_text(verb->summary);
    cli_stdout_print(".\n");
    print_paragraph(verb->details);
    print_options(verb);
    cli_stdout_print(".PP\nExamples:\n");
    for (const struct cli_example *example = verb->examples; example->command; example++) {
        cli_stdout_print(".TP\n\\fBvarve ");
        print_text(example->command);
        cli_stdout_print("\\fR\n");
        print_text(example->meaning);
        cli_stdout_print("\n");
    }
}

static void print_forms(void)
{
    cli_stdout_print(".SH TIMES\n");
    print_text("RFC 3339 (2026-11-21T10:00:00.5Z); integers with a unit (1700000000s, ms, us, ns); "
               "bare integers by their size; now, now-1h; a signed duration (-1h) is relative to "
               "now. Durations are written as in Prometheus: 1h30m, 500ms, 1d. Ranges are "
               "half-open: the start belongs to them, the end does not.");
    cli_stdout_print("\n.SH SELECTORS\n");
    print_text("As in PromQL: metric{label=\"x\",other!=\"y\",third=~\"re\",fourth!~\"re\"}; {} is "
               "everything; {\"http.requests\"} is a name that is no identifier. Regular "
               "expressions match whole values. An absent label equals the empty string.");
    cli_stdout_print("\n.SH ENVIRONMENT\n");
    print_text("NO_COLOR: if set, nothing is printed in colours. PAGER: what long tables on a "
               "terminal are shown with; empty for none.");
    cli_stdout_print("\n.SH EXIT STATUS\n"
                     ".TP\n0\ndone\n.TP\n1\nnot found, or some input was skipped\n"
                     ".TP\n2\nwrong usage or input\n.TP\n3\ndamaged data\n"
                     ".TP\n4\nlocked by another process\n.TP\n5\ninput/output error\n"
                     ".TP\n130\ninterrupted\n");
}

void cli_man_print(void)
{
    cli_stdout_print(".TH VARVE 1 \"\" \"varve %s\"\n"
                     ".SH NAME\nvarve \\- an embedded time\\-series store\n"
                     ".SH SYNOPSIS\n\\fBvarve\\fR \\fIVERB\\fR [\\fIarguments\\fR] "
                     "[\\fIoptions\\fR]\n"
                     ".SH DESCRIPTION\n",
                     varve_version());
    print_text("A database is a directory of samples: time, value, and the labels of their series. "
               "One process writes it, any number of processes read it. Data goes to standard "
               "output, words go to standard error.");
    cli_stdout_print("\n.SH VERBS\n");
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        print_verb(verb);
    print_forms();
}
