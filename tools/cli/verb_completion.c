/*
 * verb_completion.c - `varve completion SHELL`: completion scripts from the table of verbs.
 */
#include "cli.h"
#include "stdout.h"

#include <string.h>

/* The choices of an option with blanks between them. */
static void print_choices(const char *choices)
{
    for (; *choices; choices++)
        cli_stdout_write(*choices == '|' ? " " : choices, 1);
}

/* The words that may stand behind an option; NULL: anything. */
static const char *words_of(enum cli_option_id id)
{
#define FUNCTION_WORD(name, value, text) "|" text
    static const char functions[] = VARVE_FUNCTION_MAP(FUNCTION_WORD);
#undef FUNCTION_WORD
    return id == CLI_OPTION_AGG ? functions + 1 : cli_options[id].choices;
}

static void print_bash_verb(const struct cli_verb *verb)
{
    cli_stdout_print("    %s)\n        options='", verb->name);
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++)
        cli_stdout_print("%s--%s", id == verb->options ? "" : " ", cli_options[*id].name);
    cli_stdout_print("'\n        case $before in\n");
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        if (!words_of(*id))
            continue;
        cli_stdout_print("        --%s) values='", cli_options[*id].name);
        print_choices(words_of(*id));
        cli_stdout_print("' ;;\n");
    }
    cli_stdout_print("        esac\n        ;;\n");
}

static void print_bash(void)
{
    cli_stdout_print("# bash completion of varve: source <(varve completion bash)\n"
                     "_varve() {\n"
                     "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    local options='' values=''\n"
                     "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                     "        values='help --help --version");
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        cli_stdout_print(" %s", verb->name);
    cli_stdout_print("'\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        print_bash_verb(verb);
    cli_stdout_print("    esac\n"
                     "    if [ -n \"$values\" ]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$word\")\n"
                     "    elif [[ $word == -* ]]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
                     "    else\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
                     "    fi\n"
                     "}\n"
                     "complete -o filenames -F _varve varve\n");
}

/* Text between single quotes, for zsh inside brackets as well. */
static void print_quoted(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            cli_stdout_print("'\\''");
        else if (*text == '[' || *text == ']' || *text == ':')
            cli_stdout_print("\\%c", *text);
        else
            cli_stdout_write(text, 1);
    }
}

static void print_zsh_verb(const struct cli_verb *verb)
{
    cli_stdout_print("    %s)\n        _arguments", verb->name);
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        const struct cli_option *option = &cli_options[*id];
        cli_stdout_print(" \\\n            '%s--%s[", option->repeatable ? "*" : "", option->name);
        print_quoted(option->help);
        cli_stdout_print("]");
        if (option->value) {
            cli_stdout_print(":%s:", option->value);
            if (words_of(*id)) {
                cli_stdout_print("(");
                print_choices(words_of(*id));
                cli_stdout_print(")");
            }
        }
        cli_stdout_print("'");
    }
    cli_stdout_print(" \\\n            '*:file:_files'\n        ;;\n");
}

static void print_zsh(void)
{
    cli_stdout_print("#compdef varve\n"
                     "# zsh completion of varve: a file _varve in a folder of $fpath\n"
                     "_varve() {\n"
                     "    local -a verbs\n"
                     "    verbs=(\n");
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++) {
        cli_stdout_print("        '%s:", verb->name);
        print_quoted(verb->summary);
        cli_stdout_print("'\n");
    }
    cli_stdout_print("    )\n"
                     "    if (( CURRENT == 2 )); then\n"
                     "        _describe verb verbs\n"
                     "        return\n"
                     "    fi\n"
                     "    shift words\n"
                     "    (( CURRENT-- ))\n"
                     "    case $words[1] in\n");
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        print_zsh_verb(verb);
    cli_stdout_print("    esac\n}\n_varve \"$@\"\n");
}

static void print_fish_text(const char *text)
{
    for (; *text; text++)
        cli_stdout_print(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void print_fish_verb(const struct cli_verb *verb)
{
    cli_stdout_print("complete -c varve -n __fish_use_subcommand -a %s -d '", verb->name);
    print_fish_text(verb->summary);
    cli_stdout_print("'\n");
    for (const enum cli_option_id *id = verb->options; *id != CLI_OPTION_NONE; id++) {
        const struct cli_option *option = &cli_options[*id];
        cli_stdout_print("complete -c varve -n '__fish_seen_subcommand_from %s' -l %s%s",
                         verb->name, option->name, option->value ? " -x" : "");
        if (words_of(*id)) {
            cli_stdout_print(" -a '");
            print_choices(words_of(*id));
            cli_stdout_print("'");
        }
        cli_stdout_print(" -d '");
        print_fish_text(option->help);
        cli_stdout_print("'\n");
    }
}

static void print_fish(void)
{
    cli_stdout_print("# fish completion of varve: varve completion fish | source\n");
    for (const struct cli_verb *verb = cli_verbs; verb->name; verb++)
        print_fish_verb(verb);
}

int cli_verb_completion(const struct cli_invocation *invocation)
{
    static const char choices[] = "bash|zsh|fish";
    const char *shell = cli_argument(invocation, 0);
    char near[64];
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else if (strcmp(shell, "fish") == 0)
        print_fish();
    else if (cli_suggest_choice(shell, choices, near))
        return cli_usage_error("no completion for \"%s\"; did you mean %s?", shell, near);
    else
        return cli_usage_error("no completion for \"%s\"; there is one for bash, zsh and fish",
                               shell);
    return 0;
}
