/*
 * query_lmdb.c - the queries over LMDB, as somebody would write them who knows it.
 *
 *   key: series id, time, both big-endian     value: a double
 *
 * Keys were appended in order, so that pages are full; one read-only transaction and one cursor
 * serve all queries; a query walks the cursor over the range of each series that it needs and
 * computes on the way. Names and labels are no matter of LMDB: the ids of a metric are known.
 */
#include "query_set.h"

#ifndef VARVE_HAVE_LMDB
const struct query_engine_ops *const query_lmdb = NULL;
#else

#include <lmdb.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_BYTES = 12, COMMIT_SAMPLES = 1000000 };

struct query_engine {
    const struct query_set *set;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
    MDB_cursor *cursor;
};

static void check(int result, const char *what)
{
    if (result != MDB_SUCCESS) {
        bench_stop("LMDB, %s: %s", what, mdb_strerror(result));
    }
}

/* Times are not negative here, so that their bytes sort as they do. */
static void write_key(uint8_t *key, size_t series, int64_t time)
{
    uint32_t id = __builtin_bswap32((uint32_t)series);
    uint64_t at = __builtin_bswap64((uint64_t)time);
    memcpy(key, &id, sizeof id);
    memcpy(key + sizeof id, &at, sizeof at);
}

static inline uint32_t key_series(const MDB_val *key)
{
    uint32_t id;
    memcpy(&id, key->mv_data, sizeof id);
    return __builtin_bswap32(id);
}

static inline int64_t key_time(const MDB_val *key)
{
    uint64_t at;
    memcpy(&at, (const char *)key->mv_data + sizeof(uint32_t), sizeof at);
    return (int64_t)__builtin_bswap64(at);
}

static inline double value_of(const MDB_val *data)
{
    double value;
    memcpy(&value, data->mv_data, sizeof value);
    return value;
}

static void load(struct query_engine *engine)
{
    const struct query_set *set = engine->set;
    size_t in_txn = 0;
    check(mdb_txn_begin(engine->env, NULL, 0, &engine->txn), "begin");
    check(mdb_dbi_open(engine->txn, NULL, 0, &engine->table), "open");
    for (size_t series = 0; series < set->series_count; series++) {
        for (size_t point = 0; point < set->points; point++) {
            uint8_t bytes[KEY_BYTES];
            double value = set->values[series * set->points + point];
            write_key(bytes, series, set->timestamps[point]);
            MDB_val key = {KEY_BYTES, bytes};
            MDB_val data = {sizeof value, &value};
            check(mdb_put(engine->txn, engine->table, &key, &data, MDB_APPEND), "put");
            if (++in_txn == COMMIT_SAMPLES) {
                check(mdb_txn_commit(engine->txn), "commit");
                check(mdb_txn_begin(engine->env, NULL, 0, &engine->txn), "begin");
                in_txn = 0;
            }
        }
    }
    check(mdb_txn_commit(engine->txn), "commit");
}

static struct query_engine *lmdb_open(const struct query_set *set, const char *folder)
{
    struct query_engine *engine = bench_allocate_zeroed(sizeof *engine);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/lmdb", folder);
    if (mkdir(path, 0777) != 0) {
        bench_stop("cannot make %s", path);
    }
    engine->set = set;
    check(mdb_env_create(&engine->env), "create");
    check(mdb_env_set_mapsize(engine->env, (size_t)4 << 30), "map size");
    check(mdb_env_open(engine->env, path, MDB_NOSYNC, 0666), "open");
    load(engine);
    check(mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &engine->txn), "begin");
    check(mdb_cursor_open(engine->txn, engine->table, &engine->cursor), "cursor");
    return engine;
}

static void lmdb_close(struct query_engine *engine)
{
    mdb_cursor_close(engine->cursor);
    mdb_txn_abort(engine->txn);
    mdb_env_close(engine->env);
    free(engine);
}

/* The cursor at the first key from (series, time) on; false if there is none. */
static bool seek(struct query_engine *engine, size_t series, int64_t time, MDB_val *key,
                 MDB_val *data)
{
    uint8_t bytes[KEY_BYTES];
    write_key(bytes, series, time);
    *key = (MDB_val){KEY_BYTES, bytes};
    return mdb_cursor_get(engine->cursor, key, data, MDB_SET_RANGE) == MDB_SUCCESS;
}

static bool next(struct query_engine *engine, MDB_val *key, MDB_val *data)
{
    return mdb_cursor_get(engine->cursor, key, data, MDB_NEXT) == MDB_SUCCESS;
}

static void add_row(const struct query_engine *engine, struct query_answer *answer, size_t series,
                    int64_t time, double value)
{
    answer->rows++;
    answer->sum += value;
    if (answer->digesting) {
        const char *metric = engine->set->metrics[series % TSBS_FIELDS];
        const char *host = engine->set->hosts[series / TSBS_FIELDS].tags[0];
        query_digest(answer, metric, strlen(metric), host, strlen(host), time, value);
    }
}

static void ask_raw(struct query_engine *engine, struct query_answer *answer)
{
    const uint32_t series = QUERY_HOST * TSBS_FIELDS + QUERY_FIELD;
    MDB_val key, data;
    bool more = seek(engine, series, 0, &key, &data);
    for (; more && key_series(&key) == series; more = next(engine, &key, &data)) {
        add_row(engine, answer, series, key_time(&key), value_of(&data));
    }
}

static void ask_minutes(struct query_engine *engine, struct query_answer *answer)
{
    const uint32_t series = QUERY_HOST * TSBS_FIELDS + QUERY_FIELD;
    int64_t minute = QUERY_MINUTES_START;
    double sum = 0;
    size_t count = 0;
    MDB_val key, data;
    bool more = seek(engine, series, QUERY_MINUTES_START, &key, &data);
    for (; more && key_series(&key) == series; more = next(engine, &key, &data)) {
        int64_t time = key_time(&key);
        if (time >= minute + QUERY_MINUTE) {
            add_row(engine, answer, series, minute, sum / (double)count);
            minute = time - time % QUERY_MINUTE;
            sum = 0;
            count = 0;
            if (time >= QUERY_MINUTES_START + QUERY_HOUR) {
                return;
            }
        }
        sum += value_of(&data);
        count++;
    }
}

static void ask_max(struct query_engine *engine, struct query_answer *answer)
{
    enum { HOURS = 64 };
    double greatest[HOURS];
    size_t hours = 0;
    for (uint32_t host = 0; host < engine->set->host_count; host++) {
        const uint32_t series = host * TSBS_FIELDS + QUERY_FIELD;
        MDB_val key, data;
        bool more = seek(engine, series, 0, &key, &data);
        for (; more && key_series(&key) == series; more = next(engine, &key, &data)) {
            size_t hour = (size_t)((key_time(&key) - QUERY_START) / QUERY_HOUR);
            while (hours <= hour) {
                greatest[hours++] = -INFINITY;
            }
            double value = value_of(&data);
            greatest[hour] = value > greatest[hour] ? value : greatest[hour];
        }
    }
    for (size_t hour = 0; hour < hours; hour++) {
        answer->rows++;
        answer->sum += greatest[hour];
        if (answer->digesting) {
            query_digest(answer, "", 0, "", 0, QUERY_START + (int64_t)hour * QUERY_HOUR,
                         greatest[hour]);
        }
    }
}

static void ask_averages(struct query_engine *engine, struct query_answer *answer)
{
    uint32_t series = 0;
    int64_t hour_end = QUERY_START + QUERY_HOUR;
    double sum = 0;
    size_t count = 0;
    MDB_val key, data;
    for (bool more = seek(engine, 0, 0, &key, &data); more; more = next(engine, &key, &data)) {
        uint32_t own = key_series(&key);
        int64_t time = key_time(&key);
        if (own != series || time >= hour_end) {
            add_row(engine, answer, series, hour_end - QUERY_HOUR, sum / (double)count);
            series = own;
            hour_end = time - time % QUERY_HOUR + QUERY_HOUR;
            sum = 0;
            count = 0;
        }
        sum += value_of(&data);
        count++;
    }
    add_row(engine, answer, series, hour_end - QUERY_HOUR, sum / (double)count);
}

static void ask_latest(struct query_engine *engine, struct query_answer *answer)
{
    for (size_t series = 0; series < engine->set->series_count; series++) {
        MDB_val key, data;
        bool behind = seek(engine, series + 1, 0, &key, &data);
        if (mdb_cursor_get(engine->cursor, &key, &data, behind ? MDB_PREV : MDB_LAST) ==
            MDB_SUCCESS) {
            add_row(engine, answer, series, key_time(&key), value_of(&data));
        }
    }
}

static void ask_whole(struct query_engine *engine, struct query_answer *answer)
{
    double least = INFINITY, greatest = -INFINITY, sum = 0, count = 0;
    MDB_val key, data;
    for (bool more = seek(engine, 0, 0, &key, &data); more; more = next(engine, &key, &data)) {
        double value = value_of(&data);
        least = value < least ? value : least;
        greatest = value > greatest ? value : greatest;
        sum += value;
        count++;
    }
    const double values[] = {least, greatest, sum, count, sum / count};
    for (size_t i = 0; i < BENCH_COUNT_OF(values); i++) {
        answer->rows++;
        answer->sum += values[i];
        if (answer->digesting) {
            query_digest(answer, "", 0, "", 0, (int64_t)i, values[i]);
        }
    }
}

static void lmdb_ask(struct query_engine *engine, enum query_id query, struct query_answer *answer)
{
    static void (*const asks[QUERY_COUNT])(struct query_engine *, struct query_answer *) = {
        [QUERY_RAW] = ask_raw,           [QUERY_MINUTES] = ask_minutes, [QUERY_MAX] = ask_max,
        [QUERY_AVERAGES] = ask_averages, [QUERY_LATEST] = ask_latest,   [QUERY_WHOLE] = ask_whole,
    };
    asks[query](engine, answer);
}

static const struct query_engine_ops ops = {"LMDB", lmdb_open, lmdb_ask, lmdb_close};
const struct query_engine_ops *const query_lmdb = &ops;

#endif
