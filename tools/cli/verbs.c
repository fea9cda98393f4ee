/*
 * verbs.c - the table of verbs and options. Parser, help, completions and man page are made from
 * it.
 */
#include "options.h"

#include <stdint.h>

#define ROW_OUTPUTS "table|csv|json|jsonl|prom|influx"
#define LIST_OUTPUTS "table|csv|json|jsonl"
#define UNITS "s|ms|us|ns"

const struct cli_option cli_options[CLI_OPTION_COUNT] = {
    [CLI_OPTION_HELP] = {"help", NULL, NULL, false, "show this help"},
    [CLI_OPTION_ACKS] = {"acks", NULL, NULL, false,
                         "print \"durable LINE\" when the input up to that line is as durable as "
                         "--sync says"},
    [CLI_OPTION_AGE] = {"age", "DURATION", NULL, false,
                        "keep samples of this age, counted back from the newest one: 30d, 1y"},
    [CLI_OPTION_AGG] =
        {"agg", "F,..", NULL, false,
         "functions over the samples: count, sum, min, max, avg, first, last, range, "
         "stddev, stdvar, quantile(Q), delta, increase, rate, irate, resets, changes, "
         "twa (time-weighted average)"},
    [CLI_OPTION_ALL] = {"all", NULL, NULL, false,
                        "confirm that a selector which matches everything is meant"},
    [CLI_OPTION_BOTTOM] = {"bottom", "N", NULL, false,
                           "of each step only the N rows with the least values (needs --agg)"},
    [CLI_OPTION_BULK] = {"bulk", NULL, NULL, false,
                         "write blocks instead of the log: faster, and all or nothing"},
    [CLI_OPTION_BY] = {"by", "LABEL,..", NULL, false,
                       "pool the series that agree in these labels (needs --agg)"},
    [CLI_OPTION_BYTES] = {"bytes", "SIZE", NULL, false,
                          "keep blocks of this size in all, the newest: 10GiB, 500MB"},
    [CLI_OPTION_COUNTS] = {"count", NULL, NULL, false, "tell how many series have each"},
    [CLI_OPTION_CSV_TIME_FORMAT] = {"time-format", "FORMAT", NULL, false,
                                    "csv: how times are written: rfc3339, s, ms, us, ns or a "
                                    "strptime pattern"},
    [CLI_OPTION_END] = {"end", "TIME", NULL, false, "samples before this time (default: all)"},
    [CLI_OPTION_EXPLAIN] = {"explain", NULL, NULL, false,
                            "tell what the query did instead of what it found: what was skipped, "
                            "answered from statistics, decoded"},
    [CLI_OPTION_EXPORT_OUTPUT] = {"output", "FORMAT", "csv|jsonl|prom|influx", false,
                                  "csv (default), jsonl, prom or influx"},
    [CLI_OPTION_FILL] = {"fill", "HOW", "none|null|previous|linear", false,
                         "rows for steps without samples: none (default), null, previous (the "
                         "values before) or linear (between the rows around; needs --step)"},
    [CLI_OPTION_FILL_GAP] = {"fill-gap", "DURATION", NULL, false,
                             "fill nothing where rows are further apart than this"},
    [CLI_OPTION_FOLDER] = {"folder", "FOLDER", NULL, false,
                           "where to write (default: $TMPDIR or /tmp): the disk to be measured"},
    [CLI_OPTION_FOR] = {"for", "DURATION", NULL, false, "end after this time (default: at Ctrl-C)"},
    [CLI_OPTION_FORMAT] = {"format", "FORMAT", "auto|csv|influx|prom|openmetrics|jsonl", false,
                           "auto (default), csv, influx, prom, openmetrics or jsonl"},
    [CLI_OPTION_INTERVAL] = {"interval", "DURATION", NULL, false,
                             "time between two rounds (default: 1s)"},
    [CLI_OPTION_JSON] = {"json", NULL, NULL, false, "print the result as one JSON object"},
    [CLI_OPTION_JSON_LINES] = {"json", NULL, NULL, false, "print one JSON object a line"},
    [CLI_OPTION_LABEL] = {"label", "NAME=VALUE", NULL, true, "add this label to every series"},
    [CLI_OPTION_LABEL_COLUMNS] = {"label-columns", "COLUMN,..", NULL, false,
                                  "csv: columns that are labels"},
    [CLI_OPTION_LIMIT] = {"limit", "N", NULL, false, "at most this many rows"},
    [CLI_OPTION_LIST_OUTPUT] = {"output", "FORMAT", LIST_OUTPUTS, false,
                                "table (default on a terminal), csv (default elsewhere), json or "
                                "jsonl"},
    [CLI_OPTION_LOSSY] = {"lossy", NULL, NULL, false,
                          "prom, influx: drop what the format cannot say instead of ending"},
    [CLI_OPTION_MATCH] = {"match", "SELECTOR", NULL, false, "labels of these series only"},
    [CLI_OPTION_METRIC] = {"metric", "NAME", NULL, false, "csv: metric name of the value column"},
    [CLI_OPTION_OFFSET] = {"offset", "DURATION", NULL, false,
                           "steps begin later by this: 6h for days that begin at six"},
    [CLI_OPTION_OUTPUT] = {"output", "FORMAT", ROW_OUTPUTS, false,
                           "table (default on a terminal), csv (default elsewhere), json, jsonl, "
                           "prom or influx"},
    [CLI_OPTION_PLOT] = {"plot", NULL, NULL, false,
                         "draw lines instead of printing rows (of the first function of --agg)"},
    [CLI_OPTION_PRECISION] = {"precision", "UNIT", UNITS, false,
                              "unit of bare times: s, ms, us or ns (default: that of the format)"},
    [CLI_OPTION_QUICK] = {"quick", NULL, NULL, false, "a tenth of the data: half a minute"},
    [CLI_OPTION_REMOVE] = {"remove", NULL, NULL, false, "take the rule away"},
    [CLI_OPTION_REVERSE] = {"reverse", NULL, NULL, false,
                            "of each series or group the newest rows first"},
    [CLI_OPTION_ROLLUP_STEP] = {"step", "DURATION", NULL, false,
                                "length of a bucket, from the epoch on: 5m, 1h, 1d"},
    [CLI_OPTION_SELECTOR] = {"selector", "SELECTOR", NULL, false,
                             "the series that the rule is for (default: all)"},
    [CLI_OPTION_REDUCE] = {"reduce", "F", NULL, false,
                           "with --by or --without: apply --agg to each series, and this function "
                           "to their results"},
    [CLI_OPTION_START] = {"start", "TIME", NULL, false, "samples from this time on (default: all)"},
    [CLI_OPTION_STEP] = {"step", "DURATION", NULL, false,
                         "one row per step, aligned to the epoch (needs --agg); whole days (1d), "
                         "weeks (1w, from Monday), months (1mo) and years (1y) are those of the "
                         "calendar"},
    [CLI_OPTION_STRICT] = {"strict", NULL, NULL, false, "stop at the first bad line"},
    [CLI_OPTION_SYNC] = {"sync", "MODE", "none|process|periodic|commit", false,
                         "how durable samples are when they count as stored: none, process, "
                         "periodic or commit"},
    [CLI_OPTION_TIME_COLUMN] = {"time-column", "COLUMN", NULL, false,
                                "csv: the time column (default: time, timestamp, or the first)"},
    [CLI_OPTION_TIME_FORMAT] = {"time-format", "FORMAT", "rfc3339|" UNITS, false,
                                "times as rfc3339 (default), or as numbers in s, ms, us or ns"},
    [CLI_OPTION_TOP] = {"top", "N", NULL, false,
                        "of each step only the N rows with the greatest values of the first "
                        "function (needs --agg)"},
    [CLI_OPTION_TZ] = {"tz", "ZONE", NULL, false,
                       "time zone of days and longer steps: Europe/Berlin or +05:30 (default: "
                       "UTC)"},
    [CLI_OPTION_WITHOUT] = {"without", "LABEL,..", NULL, false,
                            "pool the series that agree in all other labels (needs --agg)"},
};

#define OPTIONS(...) ((const enum cli_option_id[]){__VA_ARGS__, CLI_OPTION_HELP, CLI_OPTION_NONE})
#define JUST_HELP ((const enum cli_option_id[]){CLI_OPTION_HELP, CLI_OPTION_NONE})
#define EXAMPLES(...) ((const struct cli_example[]){__VA_ARGS__, {NULL, NULL}})

const struct cli_verb cli_verbs[] = {
    {"import", "DB [FILE...]", 1, SIZE_MAX,
     "read files (- or none: standard input) into a database",
     "Creates the database if it is missing. Lines that cannot be read are named, skipped and "
     "counted "
     "(exit code 1). Gzip or zstd files have to be unpacked first.",
     OPTIONS(CLI_OPTION_FORMAT, CLI_OPTION_SYNC, CLI_OPTION_PRECISION, CLI_OPTION_STRICT,
             CLI_OPTION_ACKS, CLI_OPTION_BULK, CLI_OPTION_LABEL, CLI_OPTION_TIME_COLUMN,
             CLI_OPTION_CSV_TIME_FORMAT, CLI_OPTION_METRIC, CLI_OPTION_LABEL_COLUMNS),
     EXAMPLES({"import db metrics.prom", "the format is found by looking at the data"},
              {"import db --format csv --time-column when --metric temperature --label room=attic "
               "attic.csv",
               "a table with a time and a value column"},
              {"import db --sync commit --acks -", "acknowledge what is on the disk, line by line"},
              {"import db --bulk 2024/*.csv", "a lot at once: nothing is stored before the end"}),
     cli_verb_import},
    {"export", "DB [SELECTOR]", 1, 2, "write samples as text that can be imported again",
     "csv and jsonl lose nothing; prom and influx end with an error where they would lose "
     "something, "
     "unless --lossy is given.",
     OPTIONS(CLI_OPTION_EXPORT_OUTPUT, CLI_OPTION_START, CLI_OPTION_END, CLI_OPTION_TIME_FORMAT,
             CLI_OPTION_LIMIT, CLI_OPTION_LOSSY),
     EXAMPLES({"export db > all.csv", "everything"},
              {"export db 'cpu_usage{host=\"a\"}' --output jsonl --start -1d",
               "one series, the last day"}),
     cli_verb_export},
    {"query", "DB SELECTOR", 2, 2, "show samples, or aggregates over them",
     "A selector alone gives the samples. --agg gives one row per series, --step one per step, "
     "--by "
     "and --without pool series. Ranges are half-open: --start is in, --end is not.",
     OPTIONS(CLI_OPTION_START, CLI_OPTION_END, CLI_OPTION_STEP, CLI_OPTION_AGG, CLI_OPTION_BY,
             CLI_OPTION_WITHOUT, CLI_OPTION_REDUCE, CLI_OPTION_FILL, CLI_OPTION_FILL_GAP,
             CLI_OPTION_TZ, CLI_OPTION_OFFSET, CLI_OPTION_TOP, CLI_OPTION_BOTTOM, CLI_OPTION_LIMIT,
             CLI_OPTION_REVERSE, CLI_OPTION_EXPLAIN, CLI_OPTION_OUTPUT, CLI_OPTION_TIME_FORMAT,
             CLI_OPTION_PLOT),
     EXAMPLES({"query db 'cpu_usage{host=\"a\"}' --start -1h", "the samples of the last hour"},
              {"query db cpu_usage --agg avg,max --step 1m", "each series by the minute"},
              {"query db node_load1 --start -1h --plot", "the last hour as a drawing"},
              {"query db 'cpu_usage{host=~\"web.*\"}' --agg avg --by host", "one row per host"},
              {"query db requests_total --agg rate --step 5m --by job --reduce sum",
               "the rate of each series, added up by job"},
              {"query db cpu_usage --agg 'quantile(0.95)' --step 1d --tz Europe/Berlin --fill null",
               "days as they are in Berlin, those without samples as NaN"},
              {"query db 'cpu_usage{host=\"a\"}' --reverse --limit 10", "the ten newest samples"},
              {"query db cpu_usage --agg max --top 3", "the three series with the highest peaks"},
              {"query db '{\"http.requests\",code!=\"200\"}' --agg sum --step 1d --output json",
               "a name that is no identifier stands in quotes"}),
     cli_verb_query},
    {"latest", "DB SELECTOR", 2, 2, "show the newest sample of each series", "",
     OPTIONS(CLI_OPTION_OUTPUT, CLI_OPTION_TIME_FORMAT),
     EXAMPLES({"latest db '{host=\"a\"}'", "the present state of one host"}), cli_verb_latest},
    {"put", "DB SERIES VALUE [TIME]", 3, 4, "store one sample",
     "Creates the database if it is missing. The time is now unless it is given.",
     OPTIONS(CLI_OPTION_SYNC),
     EXAMPLES({"put db 'temperature{room=\"attic\"}' -3.5", "a sample of this moment"},
              {"put db errors 12 2026-11-21T10:00:00Z", "a sample of another moment"}),
     cli_verb_put},
    {"delete", "DB SELECTOR", 2, 2, "delete samples, or whole series",
     "Without --start and --end the selected series go, with them only their samples in [start, "
     "end).",
     OPTIONS(CLI_OPTION_START, CLI_OPTION_END, CLI_OPTION_ALL),
     EXAMPLES({"delete db 'cpu_usage{host=\"a\"}'", "a series"},
              {"delete db cpu_usage --end -30d", "what is older than 30 days"},
              {"delete db {} --all", "everything"}),
     cli_verb_delete},
    {"series", "DB [SELECTOR]", 1, 2, "list series with their sample counts and newest samples", "",
     OPTIONS(CLI_OPTION_LIST_OUTPUT, CLI_OPTION_TIME_FORMAT),
     EXAMPLES({"series db", "all series"}, {"series db '{host=\"a\"}'", "those of one host"}),
     cli_verb_series},
    {"labels", "DB [NAME]", 1, 2, "list label names, or the values of one label",
     "The metric name is the label __name__.",
     OPTIONS(CLI_OPTION_MATCH, CLI_OPTION_COUNTS, CLI_OPTION_LIMIT, CLI_OPTION_LIST_OUTPUT,
             CLI_OPTION_TIME_FORMAT),
     EXAMPLES({"labels db", "the names, and how many values each has"},
              {"labels db __name__", "the metrics"},
              {"labels db host --match 'cpu_usage{dc=\"ber1\"}'", "the hosts of one data centre"},
              {"labels db path --count --limit 10", "ten paths, and how many series each has"}),
     cli_verb_labels},
    {"stats", "DB", 1, 1, "show the figures of a database", "",
     OPTIONS(CLI_OPTION_LIST_OUTPUT, CLI_OPTION_TIME_FORMAT),
     EXAMPLES({"stats db", "samples, series, bytes per sample"},
              {"stats db --output json", "the same for a program"}),
     cli_verb_stats},
    {"check", "DB", 1, 1, "read and verify every byte; writes nothing",
     "Exit code 0 without damage (notes are harmless), 3 with.", OPTIONS(CLI_OPTION_JSON),
     EXAMPLES({"check db", "findings by file and offset"}), cli_verb_check},
    {"compact", "DB", 1, 1, "rewrite everything for size and drop what was deleted or has expired",
     "", ((const enum cli_option_id[]){CLI_OPTION_HELP, CLI_OPTION_NONE}),
     EXAMPLES({"compact db", "smallest size, fastest reading"}), cli_verb_compact},
    {"retain", "DB", 1, 1,
     "keep samples for a time or up to a size; without options, show the rules",
     "A rule is stored, applied at once, and from then on by every writer as samples come in. A "
     "selector has one rule at most; where several cover a series, the strictest counts. What has "
     "expired does not come back when the rule is removed.",
     OPTIONS(CLI_OPTION_AGE, CLI_OPTION_BYTES, CLI_OPTION_SELECTOR, CLI_OPTION_REMOVE,
             CLI_OPTION_LIST_OUTPUT),
     EXAMPLES({"retain db --age 30d", "nothing older than 30 days before the newest sample"},
              {"retain db --age 1d --selector 'debug_info'", "these series for a day"},
              {"retain db --bytes 10GiB", "the oldest goes when the blocks grow beyond it"},
              {"retain db", "the rules"}, {"retain db --remove", "keep everything from now on"}),
     cli_verb_retain},
    {"rollup", "DB [SELECTOR]", 1, 2,
     "keep series downsampled beside their samples; without SELECTOR, show the rules",
     "Aggregates over steps that are multiples of a rollup's are answered from its rows, with the "
     "same results and without decoding samples; where something came later, samples are read "
     "instead until blocks are merged. A rule is stored, built at once, and from then on kept up "
     "by every writer. A selector may have several, 8 are the most. query --explain tells how many "
     "rows were used.",
     OPTIONS(CLI_OPTION_ROLLUP_STEP, CLI_OPTION_REMOVE, CLI_OPTION_LIST_OUTPUT),
     EXAMPLES({"rollup db cpu_usage --step 1h", "hours of these series, and days, weeks, months"},
              {"rollup db '{}' --step 1d", "days of everything"}, {"rollup db", "the rules"},
              {"rollup db cpu_usage --step 1h --remove", "no more"}),
     cli_verb_rollup},
    {"snapshot", "DB DEST", 2, 2, "copy a database as it is now, also while it is being written",
     "Blocks are linked where the file system allows and copied elsewhere. DEST must not exist, or "
     "be an older snapshot of the same database: then it is replaced in one step, and only what is "
     "new is copied. A snapshot is a database: query and check it where it is.",
     JUST_HELP,
     EXAMPLES({"snapshot db /backup/db", "the first time, and again whenever it is wanted"},
              {"snapshot db db-$(date +%F)", "one for each day: unchanged blocks are shared"}),
     cli_verb_snapshot},
    {"restore", "SRC DB", 2, 2, "make a database from a snapshot",
     "Every byte is copied and verified before DB, which must not exist, gets its name. SRC is "
     "only "
     "read.",
     JUST_HELP, EXAMPLES({"restore /backup/db db", "back from the backup"}), cli_verb_restore},
    {"salvage", "SRC DST", 2, 2, "make the best database out of a damaged one",
     "Takes every intact block, the intact parts of damaged ones and every intact batch of the "
     "log, "
     "and tells what is lost by file and offset. SRC is only read; DST must not exist. Exit code 0 "
     "if nothing was lost, 3 if something was: DST is there in both cases.",
     OPTIONS(CLI_OPTION_JSON),
     EXAMPLES({"salvage db saved", "then look at it: varve stats saved"},
              {"salvage db saved --json", "the report for a program"}),
     cli_verb_salvage},
    {"collect", "DB", 1, 1, "store metrics of this host, from /proc",
     "Creates the database if it is missing. Names are those of the Prometheus node exporter; the "
     "label "
     "host is the name of this machine.",
     OPTIONS(CLI_OPTION_INTERVAL, CLI_OPTION_FOR, CLI_OPTION_SYNC),
     EXAMPLES({"collect db --for 30s", "real data in half a minute"},
              {"collect db --interval 10s", "until Ctrl-C"}),
     cli_verb_collect},
    {"bench", "[WORKLOAD...]", 0, SIZE_MAX, "measure how fast varve is on this machine",
     "Workloads: append, import, latest, levels, open and queries; all of them by default. Data is "
     "made, written to a folder of its own, and removed in the end.",
     OPTIONS(CLI_OPTION_QUICK, CLI_OPTION_JSON_LINES, CLI_OPTION_FOLDER),
     EXAMPLES({"bench", "everything, in some minutes"},
              {"bench --quick append queries", "two workloads, less data"},
              {"bench import --folder /mnt/usb", "another disk"}),
     cli_verb_bench},
    {"shell", "DB", 1, 1, "ask questions line by line, with completion of metrics and labels",
     "A line is a selector with options (a query) or a verb without its DB. .help tells more.",
     JUST_HELP, EXAMPLES({"shell db", "then, for example: cpu_usage --start -1h --plot"}),
     cli_verb_shell},
    {"completion", "SHELL", 1, 1, "print a completion script for bash, zsh or fish", "", JUST_HELP,
     EXAMPLES({"completion bash > ~/.local/share/bash-completion/completions/varve",
               "for every new shell"}),
     cli_verb_completion},
    {NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL},
};
