/*
 * query_sqlite.c - the queries over SQLite, as somebody would write them who knows it.
 *
 *   samples (series, time, value), without rowid, by (series, time)      series (id, metric, tags),
 *   indexed by metric and by hostname
 *
 * The file was loaded in order and analysed; statements are prepared once; the page cache holds
 * everything.
 */
#include "query_set.h"

#ifndef VARVE_HAVE_SQLITE
const struct query_engine_ops *const query_sqlite = NULL;
#else

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

struct query_engine {
    const struct query_set *set;
    sqlite3 *db;
    sqlite3_stmt *statements[QUERY_COUNT];
};

/* Columns: metric, host, time, value. Parameters: 1 a series, 2 its range's start, 3 its end, 4 a
 * metric, 5 a pattern of hosts, 6 a host. */
static const char *const texts[QUERY_COUNT] = {
    [QUERY_RAW] = "SELECT ?4, ?6, time, value FROM samples WHERE series = ?1",
    [QUERY_MINUTES] = "SELECT ?4, ?6, time - time % 60000000000 AS minute, avg(value) "
                      "FROM samples WHERE series = ?1 AND time >= ?2 AND time < ?3 GROUP BY minute",
    [QUERY_MAX] = "SELECT NULL, NULL, time - time % 3600000000000 AS hour, max(value) "
                  "FROM series JOIN samples ON series.id = samples.series WHERE metric = ?4 "
                  "GROUP BY hour",
    [QUERY_AVERAGES] = "SELECT metric, hostname, hour, average FROM (SELECT series, "
                       "time - time % 3600000000000 AS hour, avg(value) AS average FROM samples "
                       "GROUP BY series, hour) JOIN series ON series.id = series",
    [QUERY_LATEST] = "SELECT metric, hostname, time, value FROM series JOIN samples ON "
                     "samples.series = series.id AND time = (SELECT max(time) FROM samples "
                     "WHERE samples.series = series.id)",
    [QUERY_SERIES] = "SELECT metric, hostname, 0, 0, region, datacenter, rack, os, arch, team, "
                     "service, service_version, service_environment FROM series "
                     "WHERE hostname GLOB ?5",
    [QUERY_VALUES] = "SELECT NULL, hostname, 0, 0 FROM (SELECT DISTINCT hostname FROM series)",
    [QUERY_NAMES] = "SELECT name, NULL, 0, 0 FROM pragma_table_info('series') WHERE name <> 'id'",
    [QUERY_WHOLE] = "WITH whole AS MATERIALIZED (SELECT min(value) AS a, max(value) AS b, "
                    "sum(value) AS c, count(*) AS d, avg(value) AS e FROM samples) "
                    "SELECT NULL, NULL, 0, a FROM whole UNION ALL SELECT NULL, NULL, 1, b "
                    "FROM whole UNION ALL SELECT NULL, NULL, 2, c FROM whole UNION ALL "
                    "SELECT NULL, NULL, 3, d FROM whole UNION ALL SELECT NULL, NULL, 4, e "
                    "FROM whole",
};

static void check(struct query_engine *engine, int result, const char *what)
{
    if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW) {
        bench_stop("SQLite, %s: %s", what, sqlite3_errmsg(engine->db));
    }
}

static void execute(struct query_engine *engine, const char *text)
{
    check(engine, sqlite3_exec(engine->db, text, NULL, NULL, NULL), text);
}

static void load_series(struct query_engine *engine)
{
    sqlite3_stmt *insert;
    check(engine,
          sqlite3_prepare_v2(engine->db, "INSERT INTO series VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", -1,
                             &insert, NULL),
          "prepare");
    for (size_t id = 0; id < engine->set->series_count; id++) {
        const struct tsbs_host *host = &engine->set->hosts[id / TSBS_FIELDS];
        sqlite3_bind_int64(insert, 1, (sqlite3_int64)id);
        sqlite3_bind_text(insert, 2, engine->set->metrics[id % TSBS_FIELDS], -1, SQLITE_STATIC);
        for (int tag = 0; tag < TSBS_TAGS; tag++) {
            sqlite3_bind_text(insert, 3 + tag, host->tags[tag], -1, SQLITE_STATIC);
        }
        check(engine, sqlite3_step(insert), "insert");
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
}

static void load_samples(struct query_engine *engine)
{
    const struct query_set *set = engine->set;
    sqlite3_stmt *insert;
    check(engine,
          sqlite3_prepare_v2(engine->db, "INSERT INTO samples VALUES (?,?,?)", -1, &insert, NULL),
          "prepare");
    for (size_t id = 0; id < set->series_count; id++) {
        for (size_t point = 0; point < set->points; point++) {
            sqlite3_bind_int64(insert, 1, (sqlite3_int64)id);
            sqlite3_bind_int64(insert, 2, set->timestamps[point]);
            sqlite3_bind_double(insert, 3, set->values[id * set->points + point]);
            check(engine, sqlite3_step(insert), "insert");
            sqlite3_reset(insert);
        }
    }
    sqlite3_finalize(insert);
}

static void prepare(struct query_engine *engine)
{
    for (int query = 0; query < QUERY_COUNT; query++) {
        sqlite3_stmt *statement;
        check(engine,
              sqlite3_prepare_v3(engine->db, texts[query], -1, SQLITE_PREPARE_PERSISTENT,
                                 &statement, NULL),
              texts[query]);
        /* Those that the text does not have are refused, which is fine. */
        sqlite3_bind_int64(statement, 1, QUERY_HOST * TSBS_FIELDS + QUERY_FIELD);
        sqlite3_bind_int64(statement, 2, QUERY_MINUTES_START);
        sqlite3_bind_int64(statement, 3, QUERY_MINUTES_START + QUERY_HOUR);
        sqlite3_bind_text(statement, 4, engine->set->metrics[QUERY_FIELD], -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 5, engine->set->host_count > 100 ? "host_1??" : "host_1?", -1,
                          SQLITE_STATIC);
        sqlite3_bind_text(statement, 6, engine->set->hosts[QUERY_HOST].tags[0], -1, SQLITE_STATIC);
        engine->statements[query] = statement;
    }
}

static struct query_engine *sqlite_open(const struct query_set *set, const char *folder)
{
    struct query_engine *engine = bench_allocate_zeroed(sizeof *engine);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/sqlite.db", folder);
    engine->set = set;
    check(engine, sqlite3_open(path, &engine->db), "open");
    execute(engine, "PRAGMA journal_mode = OFF");
    execute(engine, "PRAGMA synchronous = OFF");
    execute(engine, "PRAGMA cache_size = -524288");
    execute(engine, "PRAGMA mmap_size = 1073741824");
    execute(engine, "CREATE TABLE series (id INTEGER PRIMARY KEY, metric TEXT, hostname TEXT, "
                    "region TEXT, datacenter TEXT, rack TEXT, os TEXT, arch TEXT, team TEXT, "
                    "service TEXT, service_version TEXT, service_environment TEXT)");
    execute(engine, "CREATE TABLE samples (series INTEGER, time INTEGER, value REAL, "
                    "PRIMARY KEY (series, time)) WITHOUT ROWID");
    execute(engine, "BEGIN");
    load_series(engine);
    load_samples(engine);
    execute(engine, "COMMIT");
    execute(engine, "CREATE INDEX series_metric ON series (metric)");
    execute(engine, "CREATE INDEX series_hostname ON series (hostname)");
    execute(engine, "ANALYZE");
    prepare(engine);
    return engine;
}

static void sqlite_close(struct query_engine *engine)
{
    for (int query = 0; query < QUERY_COUNT; query++) {
        sqlite3_finalize(engine->statements[query]);
    }
    sqlite3_close(engine->db);
    free(engine);
}

static void digest_row(sqlite3_stmt *statement, struct query_answer *answer)
{
    const char *texts_of_row[2];
    size_t lengths[2];
    for (int column = 0; column < 2; column++) {
        texts_of_row[column] = (const char *)sqlite3_column_text(statement, column);
        lengths[column] = (size_t)sqlite3_column_bytes(statement, column);
    }
    query_digest(answer, texts_of_row[0], lengths[0], texts_of_row[1], lengths[1],
                 sqlite3_column_int64(statement, 2), sqlite3_column_double(statement, 3));
}

static void sqlite_ask(struct query_engine *engine, enum query_id query,
                       struct query_answer *answer)
{
    sqlite3_stmt *statement = engine->statements[query];
    const int columns = sqlite3_column_count(statement);
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        answer->rows++;
        answer->sum += sqlite3_column_double(statement, 3);
        for (int column = 4; column < columns; column++) {
            bench_use(sqlite3_column_text(statement, column));
        }
        if (answer->digesting) {
            digest_row(statement, answer);
        }
    }
    check(engine, result, "step");
    sqlite3_reset(statement);
}

static const struct query_engine_ops ops = {"SQLite", sqlite_open, sqlite_ask, sqlite_close};
const struct query_engine_ops *const query_sqlite = &ops;

#endif
