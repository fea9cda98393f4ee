/*
 * varve.h - the manual of libvarve, an embedded time-series storage engine.
 *
 * If it is not in this file, it is not public API. Read from top to bottom: the order is the order
 * in which a program needs things.
 *
 *   1 Conventions   2 Statuses and errors   3 Opening and closing   4 Series   5 Appending
 *   6 Single samples   7 Selecting and reading   8 Aggregating   9 Deleting   10 Rollups
 *   11 Bulk loading   12 Text in and out   13 Administration   14 Times and values as text
 *
 * The words. A *sample* is a (timestamp, value) pair: int64 nanoseconds since the Unix epoch and a
 * float64 whose bits are kept exactly, NaN payloads too. A *label* is a name/value pair of UTF-8
 * strings; a *label set* names a *series*; the metric name is the label `__name__`. Within a series
 * timestamps are unique: equal ones are resolved by the *duplicate policy*. A *database* is a
 * directory that one process writes and any number of processes read. What was acknowledged is in
 * the *log* before it is anywhere else; *durable* means that it survives a loss of power.
 *
 * 1 Conventions
 *    1 All structs are opaque except the plain ones defined here. Those that start with
 *      options_size may grow at the end; the others never change size or field order.
 *    2 Every call that can fail returns varve_status; results come back through trailing
 *      out-params.
 *    3 On failure out-params are unchanged, except where a comment says "always written".
 *    4 What comes from *_open, *_parse or *_select goes back to *_close or *_destroy. These accept
 *      NULL and return void, except varve_close(), which reports the last flush.
 *    5 Strings are varve_string (pointer and length), UTF-8, not NUL-terminated, unless the
 *      parameter is called path.
 *    6 Input memory is read only during the call. A pointer is not NULL unless its comment says
 *      that it may be, or that the count of what it points to may be 0: that is not checked.
 *    7 Pointers handed out (labels, spans, rows) belong to varve and live until the next call on
 *      the same cursor, rows or list, or its close.
 *    8 A varve_db may be used by any number of threads; a cursor, rows or list by one at a time.
 *    9 Options structs start with options_size: fill them with their _INIT macro. 0 in a field
 *      means its default unless the field says otherwise.
 *   10 Timestamps are any int64 but INT64_MAX, in any order, of any age. Ranges are half-open:
 *      [start, end). No clock is read on the way of a sample.
 *   11 Nothing is printed, no signal is touched unless varve_sigbus_guard() is called, and no
 *      environment variable is read but VARVE_ISA.
 *   12 After fork() only the parent may use its handles.
 */
#ifndef VARVE_VARVE_H
#define VARVE_VARVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VARVE_VERSION_STRING "0.1.0"
#define VARVE_VERSION_NUMBER 100 /* major * 10000 + minor * 100 + patch */

#if defined(__GNUC__)
#define VARVE_API __attribute__((visibility("default")))
#define VARVE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define VARVE_API
#define VARVE_MUST_CHECK
#endif

/* The version of the library that is loaded, as VARVE_VERSION_STRING. */
VARVE_API const char *varve_version(void);

/* ------------------------------------------------------------------ 2 Statuses and errors */

/* X(NAME, value, exit code of the command, text). The list is closed and the values are pinned. */
#define VARVE_STATUS_MAP(X)                                                                        \
    X(OK, 0, 0, "ok")                                                                              \
    X(INVALID, 1, 2, "invalid argument or input")                                                  \
    X(NOT_FOUND, 2, 1, "not found")                                                                \
    X(EXISTS, 3, 1, "exists already")                                                              \
    X(BUSY, 4, 1, "busy, try again")                                                               \
    X(LIMIT, 5, 1, "a limit was reached")                                                          \
    X(NO_MEMORY, 6, 1, "out of memory")                                                            \
    X(VERSION, 7, 1, "written by a newer version of varve")                                        \
    X(DEADLINE, 8, 1, "deadline passed")                                                           \
    X(CANCELLED, 9, 130, "cancelled")                                                              \
    X(CORRUPT, 10, 3, "damaged data")                                                              \
    X(LOCKED, 11, 4, "locked by another process")                                                  \
    X(READ_ONLY, 12, 5, "read-only")                                                               \
    X(NO_SPACE, 13, 5, "no space left on the device")                                              \
    X(IO, 14, 5, "input/output error")                                                             \
    X(UNKNOWN, 15, 5, "the disk failed during the call: it may or may not have taken effect")

typedef enum varve_status {
#define VARVE_STATUS_ENUM(name, value, exit_code, text) VARVE_##name = value,
    VARVE_STATUS_MAP(VARVE_STATUS_ENUM)
#undef VARVE_STATUS_ENUM
} varve_status;

/* "INVALID" for VARVE_INVALID; "?" for a number that is no status. */
VARVE_API const char *varve_status_name(varve_status status);
/* One phrase in English, as in VARVE_STATUS_MAP. */
VARVE_API const char *varve_status_text(varve_status status);
/* The exit code that the command uses for the status. */
VARVE_API int varve_status_exit_code(varve_status status);

/* What went wrong, in the caller's memory, which need not be initialised. Calls that take one
 * accept NULL; after a successful call its status is VARVE_OK. */
typedef struct varve_error {
    varve_status status;
    int32_t system_errno; /* errno of the failed system call, else 0 */
    uint64_t offset;      /* byte in the file where damage was found, else 0 */
    char message[496];    /* one sentence, NUL-terminated: what, where, what to do */
} varve_error;

/* ----------------------------------------------------------------- 3 Opening and closing */

typedef struct varve_db varve_db;

typedef struct varve_string {
    const char *bytes;
    size_t length;
} varve_string;

/* A varve_string of a string literal. */
#if defined(__cplusplus)
#define VARVE_STRING(literal) (varve_string{"" literal, sizeof(literal) - 1})
#else
#define VARVE_STRING(literal) ((varve_string){"" literal, sizeof(literal) - 1})
#endif

/* What the _INIT macros are made of: in C an initialiser, in C++ (11 and later), which has no
 * designators before C++20, an expression. All other fields are 0. */
#if defined(__cplusplus)
#define VARVE_INIT_1_(type, one)                                                                   \
    ([] {                                                                                          \
        type made = type();                                                                        \
        made one;                                                                                  \
        return made;                                                                               \
    }())
#define VARVE_INIT_2_(type, one, two)                                                              \
    ([] {                                                                                          \
        type made = type();                                                                        \
        made one;                                                                                  \
        made two;                                                                                  \
        return made;                                                                               \
    }())
#define VARVE_INIT_3_(type, one, two, three)                                                       \
    ([] {                                                                                          \
        type made = type();                                                                        \
        made one;                                                                                  \
        made two;                                                                                  \
        made three;                                                                                \
        return made;                                                                               \
    }())
#else
#define VARVE_INIT_1_(type, one)                                                                   \
    {                                                                                              \
        one                                                                                        \
    }
#define VARVE_INIT_2_(type, one, two)                                                              \
    {                                                                                              \
        one, two                                                                                   \
    }
#define VARVE_INIT_3_(type, one, two, three)                                                       \
    {                                                                                              \
        one, two, three                                                                            \
    }
#endif

/* How durable a sample is when its append returns. See the table in README.md. */
typedef enum varve_sync_mode {
    VARVE_SYNC_DEFAULT = 0,  /* the database's own mode; PERIODIC for a new one */
    VARVE_SYNC_NONE = 1,     /* in memory; a kill -9 loses up to flush_interval_ms */
    VARVE_SYNC_PROCESS = 2,  /* written to the kernel: survives kill -9 */
    VARVE_SYNC_PERIODIC = 3, /* as PROCESS, and synced every sync_interval_ms */
    VARVE_SYNC_COMMIT = 4,   /* synced: survives loss of power */
} varve_sync_mode;

/* What becomes of a sample whose series has its timestamp already. "Later" is the order of the
 * log. */
typedef enum varve_duplicates {
    VARVE_DUPLICATES_DEFAULT = 0, /* the database's own policy; LAST for a new one */
    VARVE_DUPLICATES_LAST = 1,    /* the later sample replaces the earlier one */
    VARVE_DUPLICATES_FIRST = 2,   /* the earlier sample stays */
    VARVE_DUPLICATES_MIN = 3,     /* the smaller value stays; a number beats NaN */
    VARVE_DUPLICATES_MAX = 4,     /* the greater value stays; a number beats NaN */
    VARVE_DUPLICATES_SUM = 5,     /* the values are added (floating point, in log order) */
    VARVE_DUPLICATES_ERROR = 6, /* the append is refused with EXISTS; looks into old blocks: slow */
} varve_duplicates;

typedef enum varve_event_kind {
    VARVE_EVENT_RECOVERED = 1, /* the log was replayed at open */
    VARVE_EVENT_NOTE = 2,      /* worth knowing, nothing lost (a torn log tail, a swept file) */
    VARVE_EVENT_DAMAGE = 3, /* acknowledged data cannot be read; what and where is in the message */
    VARVE_EVENT_IO_ERROR = 4, /* a write, sync or background job failed; the engine carries on */
} varve_event_kind;

typedef struct varve_event {
    varve_event_kind kind;
    varve_status status;
    const char *message; /* one sentence, NUL-terminated, alive during the call */
} varve_event;

/* Called from the thread in which the event happens, which may hold locks: do not call varve
 * back. */
typedef void (*varve_event_function)(void *context, const varve_event *event);

/* Flags of varve_options.flags. */
#define VARVE_OPEN_CREATE 1u    /* create the database if path does not exist */
#define VARVE_OPEN_READ_ONLY 2u /* write nothing, take no lock; works beside a writer */
#define VARVE_OPEN_STRICT 4u    /* fail with CORRUPT where damage would otherwise be set aside */
#define VARVE_OPEN_EXCLUSIVE 8u /* with CREATE: fail with EXISTS if the database is there */
/* Write blocks through io_uring where the kernel allows it, by plain calls elsewhere. Not the
 * default: where it was measured, 256 MiB took 0.048 s of CPU instead of 0.044; past the page cache
 * they took 0.014, but then 0.073 instead of 0.011 to be verified. */
#define VARVE_OPEN_IO_URING 16u

typedef struct varve_options {
    size_t options_size;
    uint32_t flags;

    /* Durability of this opening. Stored when the database is created. */
    varve_sync_mode sync;

    /* Duplicate policy. Fixed when the database is created; another one at a later open is
     * INVALID. */
    varve_duplicates duplicates;

    /* Whether the database works in the background. VARVE_OPTIONS_INIT sets 1: one thread keeps the
     * log's promises (sync_interval_ms, flush_interval_ms), another one flushes and merges. With 0
     * there are no threads and the host calls varve_maintain(); 0 is not a default here. */
    uint32_t background_threads;

    /* PERIODIC mode: milliseconds between syncs. Default 1000. More loses more at loss of power and
     * costs fewer syncs. */
    uint32_t sync_interval_ms;

    /* NONE mode: milliseconds until what was appended is written to the kernel. Default 100. */
    uint32_t flush_interval_ms;

    /* Bytes of samples held in memory before they are written as a block. Default 64 MiB. More
     * makes fewer and larger blocks and a longer restart after a crash. The memory is kept for the
     * samples that follow, until the database is closed. */
    uint64_t head_bytes_max;

    /* Bytes of log before the head is written as a block so that the log can be dropped: the bound
     * on the replay after a crash. Default 256 MiB. */
    uint64_t wal_bytes_max;

    /* Bytes per log segment file. Default 32 MiB. Most programs leave it alone. */
    uint64_t wal_segment_bytes;

    /* Series that may exist at once; appends to new ones beyond it return LIMIT, known ones go on.
     * Default 10,000,000. Each costs about 1 KiB of memory. */
    uint64_t series_max;

    /* Bytes of unpacked data that queries keep for the queries after them. Default 64 MiB. Only
     * compacted blocks have to be unpacked; more helps when more of them is asked for again and
     * again. */
    uint64_t cache_bytes_max;

    /* Called for recovery, notes, damage and background errors; may be NULL. */
    varve_event_function event;
    void *event_context;

    /* Threads that compress when a block is written, the one that writes it included: at most 8.
     * Default: one for each processor that the process may use; always 1 if background_threads is
     * 0. Each more takes some 6 MiB while data is compacted. The bytes written do not depend on
     * it. */
    uint32_t block_threads;
    /* Bytes that a merged block should have: merges cut their output by time where it would be
     * larger. Default 64 MiB, or 1/64 of the data once that is more. Less lets retention give space
     * back in smaller pieces and makes more files. */
    uint64_t block_bytes_max;

    /* Bytes of blocks that background merges read a second at most. Default 0: as fast as it
     * goes. */
    uint64_t merge_bytes_per_second;

    /* Bytes of the disk that are kept for what frees more, behind the end of the empty file
     * "reserve": when the disk is full, appends get NO_SPACE, while queries, deletions and
     * retention go on, with not a byte left. Default: 1 % of the blocks and as much as the samples
     * take that are in none yet, 16 KiB at least; never more than 64 MiB. Less, and a deletion may
     * not find the room that it needs to take effect. */
    uint64_t reserve_bytes;
} varve_options;

#define VARVE_OPTIONS_INIT                                                                         \
    VARVE_INIT_2_(varve_options, .options_size = sizeof(varve_options), .background_threads = 1)

/**
 * varve_open() - open the database in the directory path.
 *
 * A writer takes the lock of the directory: a second one gets LOCKED. Readers
 * (VARVE_OPEN_READ_ONLY) see the state at the time of the call and never write. Creation is atomic:
 * the directory appears complete or not at all. After a crash the log is replayed; nothing is
 * written until that is done. Damaged files are set aside and reported through the event function,
 * unless VARVE_OPEN_STRICT.
 *
 * @options  nullable: a writer on an existing database with default settings.
 * @db       out; the handle is closed with varve_close().
 *
 * NOT_FOUND: path is missing or no database, nothing was created. VERSION, LOCKED, CORRUPT, IO,
 * INVALID (options that contradict how the database was created), EXISTS (VARVE_OPEN_EXCLUSIVE).
 * Cost: reads the directory, the manifest and the log; block data is mapped, not read.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_open(const char *path, const varve_options *options,
                                                   varve_db **db, varve_error *error);

/**
 * varve_sigbus_guard() - have a block that is cut off under a reader end in IO, not in SIGBUS.
 *
 * Blocks are mapped. What is not in memory yet is asked for before it is touched, so that a disk
 * that fails is an error; but a file that another program cuts off, or memory that goes bad, after
 * that is a SIGBUS. This installs a handler for the whole process, once: a page of a block that is
 * lost is replaced by zeros, and whoever has read them gets IO with the name of the block, until
 * the database is opened again. Every other SIGBUS goes to the handler that was there before. A
 * program that installs one of its own afterwards has to hand on what is not its.
 * IO: the handler cannot be installed.
 */
VARVE_API varve_status varve_sigbus_guard(varve_error *error);

/**
 * varve_close() - make everything acknowledged durable, release the lock and the handle.
 *
 * All cursors and rows of the database must be closed and no other call may be running. The handle
 * is gone whatever the status; a failure says what may not be durable, and nothing is half done:
 * the next open recovers.
 */
VARVE_API varve_status varve_close(varve_db *db, varve_error *error);

/**
 * varve_refresh() - let a read-only handle see what its writer has done since it was opened.
 *
 * A reader shows the state at its opening, or at its last refresh: everything that the writer had
 * handed to the kernel by then (acknowledged in any mode but NONE). Call it as often as freshness
 * is wanted, for example before each query. Segments of the log that are reused and blocks that are
 * replaced meanwhile do no harm. Nothing is written, and nothing happens on a handle that writes.
 *
 * All cursors and rows of the handle must be closed and no other call may be running on it; handles
 * of series that it has given are worth nothing afterwards.
 * BUSY: a cursor is open, or the writer changed the database all the time. On failure the handle
 * keeps the state that it had. Cost: as opening, which is mostly the replay of the log.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_refresh(varve_db *db, varve_error *error);

/* ------------------------------------------------------------------------------ 4 Series */

typedef struct varve_label {
    varve_string name;
    varve_string value;
} varve_label;

/* Handle of a series in an open database: valid until varve_close(), also after a delete. */
typedef uint64_t varve_series;

/* Limits of a label set. More is LIMIT. */
#define VARVE_LABEL_NAME_BYTES_MAX 256u
#define VARVE_LABEL_VALUE_BYTES_MAX 4096u
#define VARVE_LABELS_MAX 64u
#define VARVE_SERIES_KEY_BYTES_MAX 16384u

/**
 * varve_series_resolve() - the handle of the series with this label set, made if it is new.
 *
 * Labels may come in any order. A label with an empty value is as good as absent and is left out;
 * an empty set, an empty name, a name that comes twice, or bytes that are not UTF-8 are INVALID. A
 * series without samples is invisible and not stored.
 * Threads: any. Cost: a hash lookup; the first time, a lock and an allocation.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_series_resolve(varve_db *db,
                                                             const varve_label *labels,
                                                             size_t label_count,
                                                             varve_series *series,
                                                             varve_error *error);

/* The labels of one series. */
typedef struct varve_label_set {
    const varve_label *labels;
    size_t count;
} varve_label_set;

/**
 * varve_series_resolve_batch() - varve_series_resolve() for each of many label sets, in order.
 *
 * For who receives label sets with the samples, as a scrape or a remote write has them. The sets
 * may share labels and memory; one that comes twice gets the same handle twice.
 * @series    out, a handle for each set.
 * @resolved  out, nullable: for how many sets, from the first on, there are handles. Less than
 *            count on failure: then the next one has failed, and what was made before it stays.
 * Threads: any. Cost: half of that of asking one by one: many look-ups wait for memory together.
 */
VARVE_API VARVE_MUST_CHECK varve_status
varve_series_resolve_batch(varve_db *db, const varve_label_set *sets, size_t count,
                           varve_series *series, size_t *resolved, varve_error *error);

/* As varve_series_resolve(), from canonical text: cpu_usage{host="a"} or
 * {"http.requests",a="b"}. */
VARVE_API VARVE_MUST_CHECK varve_status varve_series_parse(varve_db *db, varve_string text,
                                                           varve_series *series,
                                                           varve_error *error);

/* --------------------------------------------------------------------------- 5 Appending */

/* Samples in one batch at most. */
#define VARVE_BATCH_MAX 65536u

/**
 * varve_append() - add samples to one series, all or none of them.
 *
 * Visibility.  Readers that start after the return see every sample of the call; a cursor that
 *              exists may, where it has not been yet.
 * Order.       Any timestamps, any age. A timestamp that the series has already is resolved by the
 *              duplicate policy; within one call a later entry is later.
 * Durability.  On VARVE_OK as strong as the database's sync mode says; *lsn (if not NULL) can be
 *              given to varve_wait_durable() for more. A crash loses a suffix of the log, never a
 *              middle.
 * Threads.     Any thread, any number at once, also on one series. Must not race varve_close().
 * Cost.        One log record per call, so pass batches.
 *
 * @timestamps  count entries, nanoseconds since the Unix epoch; NULL only if count is 0.
 * @values      count entries, any bit pattern; NULL only if count is 0.
 * @count       at most VARVE_BATCH_MAX; 0 is a no-op that returns VARVE_OK.
 * @lsn         out, may be NULL; written only on VARVE_OK.
 *
 * INVALID: count, handle or a timestamp out of range. EXISTS: policy ERROR and a timestamp is
 * taken. READ_ONLY: opened read-only or the log has failed. NO_SPACE: the disk is full but for what
 * is kept for deletions and retention (options.reserve_bytes). In all of these nothing is stored.
 * UNKNOWN: the disk failed during the call; the samples may or may not survive, and appending them
 * again is harmless except under the SUM policy.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_append(varve_db *db, varve_series series,
                                                     const int64_t *timestamps,
                                                     const double *values, size_t count,
                                                     uint64_t *lsn);

/* Samples of many series in columns: entry i is (series[i], timestamps[i], values[i]). */
typedef struct varve_batch {
    size_t options_size;
    const varve_series *series;
    const int64_t *timestamps;
    const double *values;
    size_t count;                /* at most VARVE_BATCH_MAX */
    varve_duplicates duplicates; /* policy of this batch; 0: the database's */
    varve_sync_mode sync;        /* at least this durability; 0: the database's */
    uint32_t flags;              /* VARVE_BATCH_* */
} varve_batch;

/* Return BUSY instead of waiting where the memory for the log is full of what is not durable yet,
 * or the head of what is not in blocks; nothing is stored then: try again later. For threads that
 * must not stand still in mode NONE; a stronger mode waits for the log as always, and now and then
 * a call makes a new log file. Without background threads varve_maintain() makes room. */
#define VARVE_BATCH_NOWAIT 1u

#define VARVE_BATCH_INIT VARVE_INIT_1_(varve_batch, .options_size = sizeof(varve_batch))

/* As varve_append(), for samples of many series: all or none of them, also after a crash. */
VARVE_API VARVE_MUST_CHECK varve_status varve_append_batch(varve_db *db, const varve_batch *batch,
                                                           uint64_t *lsn);

/* Returns when everything up to lsn is durable. UNKNOWN: the disk failed before it was. */
VARVE_API VARVE_MUST_CHECK varve_status varve_wait_durable(varve_db *db, uint64_t lsn);

/* ----------------------------------------------------------------------------- 6 Single samples */

/**
 * varve_latest() - the sample with the greatest timestamp of a series.
 *
 * It costs a few memory accesses, no waiting for a lock while the series is appended to, and no
 * allocation, unless the series has got no sample since the database was opened that is later than
 * all blocks: then they are asked, once. (Also after a deletion, after a sample that came late or
 * twice, and after a bulk import, for the next call.) NOT_FOUND: the series has no sample. INVALID:
 * handle. CORRUPT, IO, NO_MEMORY.
 * Threads: any. Sees every sample acknowledged before the call.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_latest(varve_db *db, varve_series series,
                                                     int64_t *timestamp, double *value);
/* The same for count series, whose cache misses overlap; found[i] says whether entry i was
 * written. */
VARVE_API VARVE_MUST_CHECK varve_status varve_latest_batch(varve_db *db, const varve_series *series,
                                                           size_t count, int64_t *timestamps,
                                                           double *values, bool *found);

/* The value of a series at a timestamp. NOT_FOUND: it has none there; the rest as
 * varve_latest(). */
VARVE_API VARVE_MUST_CHECK varve_status varve_get(varve_db *db, varve_series series,
                                                  int64_t timestamp, double *value);
/* The same for count pairs; found[i] says whether values[i] was written. */
VARVE_API VARVE_MUST_CHECK varve_status varve_get_batch(varve_db *db, const varve_series *series,
                                                        const int64_t *timestamps, size_t count,
                                                        double *values, bool *found);
/* VARVE_OK if the series has a sample at the timestamp, NOT_FOUND if not; the rest as
 * varve_latest(). */
VARVE_API VARVE_MUST_CHECK varve_status varve_exists(varve_db *db, varve_series series,
                                                     int64_t timestamp);

/**
 * varve_append_if_absent() - append a sample unless the series has one at that timestamp: EXISTS.
 *
 * Of several calls for one timestamp, in any threads, exactly one stores its sample. Otherwise as
 * varve_append(). Cost: looks into old blocks, and other appends wait meanwhile.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_append_if_absent(varve_db *db, varve_series series,
                                                               int64_t timestamp, double value,
                                                               uint64_t *lsn);
/* The same for a batch, whose duplicate policy is ignored: entries whose timestamp is taken, also
 * by an entry before, are left out, all others are stored together. stored[i] says which. */
VARVE_API VARVE_MUST_CHECK varve_status varve_append_batch_if_absent(varve_db *db,
                                                                     const varve_batch *batch,
                                                                     bool *stored, uint64_t *lsn);

/**
 * varve_add() - append the latest value of the series plus delta, in one step.
 *
 * A counter that several threads increase: no delta is lost. The sample stands at the caller's
 * timestamp and replaces one that is there, whatever the duplicate policy; where the series has a
 * later sample, that one stays the latest. A series without samples starts at 0.
 * @result  out, may be NULL: the value that was stored.
 * Otherwise as varve_append(). Cost: as varve_latest(), and other appends wait meanwhile.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_add(varve_db *db, varve_series series,
                                                  int64_t timestamp, double delta, double *result,
                                                  uint64_t *lsn);
/* The same for a batch, whose values are deltas and whose policy is ignored: entry after entry, all
 * stored or none. results[i] is what entry i has stored; results may be NULL. */
VARVE_API VARVE_MUST_CHECK varve_status varve_add_batch(varve_db *db, const varve_batch *batch,
                                                        double *results, uint64_t *lsn);

/* Removes the samples of one series in [start, end), as varve_delete(); INT64_MIN and INT64_MAX:
 * the whole series. */
VARVE_API VARVE_MUST_CHECK varve_status varve_delete_range(varve_db *db, varve_series series,
                                                           int64_t start, int64_t end,
                                                           uint64_t *lsn);

/* ---------------------------------------------------------------------- 7 Selecting and reading */

typedef enum varve_match_type {
    VARVE_MATCH_EQUAL = 0,
    VARVE_MATCH_NOT_EQUAL = 1,
    VARVE_MATCH_REGEX = 2, /* anchored at both ends, PCRE2 syntax without look-around */
    VARVE_MATCH_NOT_REGEX = 3,
} varve_match_type;

/* A condition on one label. An absent label equals the empty string. */
typedef struct varve_matcher {
    varve_match_type type;
    varve_string name;
    varve_string value;
} varve_matcher;

typedef struct varve_selector varve_selector;

/**
 * varve_selector_parse() - matchers from the text of a selector.
 *
 * As in PromQL: metric, metric{a="x",b!="y",c=~"re",d!~"re"}, {a="x"}, {} for everything, and
 * {"http.requests",a="b"} for names that are no identifiers. INVALID names the column.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_selector_parse(varve_string text,
                                                             varve_selector **selector,
                                                             varve_error *error);
/* The matchers of a selector; they live as long as it does. */
VARVE_API const varve_matcher *varve_selector_matchers(const varve_selector *selector,
                                                       size_t *count);
VARVE_API void varve_selector_destroy(varve_selector *selector);

/* A request to stop, in the caller's memory: zeroed at first, shared by any number of queries. */
typedef struct varve_cancel {
    uint32_t requested;
} varve_cancel;

/* Makes the queries that watch the flag end with CANCELLED, within about a millisecond of work.
 * From any thread, also from a signal handler. */
VARVE_API void varve_cancel_request(varve_cancel *cancel);

/* What a query did, and what it cost. Times are of the calling thread's clock, and taken only for
 * queries that have a profile. */
typedef struct varve_profile {
    size_t options_size;
    uint64_t series_matched;  /* series that the selection named */
    uint64_t series_read;     /* of them, those that had a sample in the range */
    uint64_t series_merged;   /* of them, those that had more than one source overlapping in time */
    uint64_t blocks;          /* of the database */
    uint64_t blocks_skipped;  /* of them without a matching series, or outside of the range */
    uint64_t chunks;          /* of the matched series, in blocks: the sum of the next three */
    uint64_t chunks_skipped;  /* outside of the range, deleted, not asked for, or in rollups */
    uint64_t chunks_answered; /* from their statistics, without decoding */
    uint64_t chunks_decoded;
    uint64_t samples_answered; /* in chunks answered from statistics, and in rows of rollups */
    uint64_t samples_read;     /* decoded, or taken from the head */
    uint64_t bytes_decoded;    /* encoded bytes of the chunks that were decoded */
    uint64_t rows;             /* handed out by varve_rows_next() */
    uint64_t memory_bytes;     /* most memory that the query held at once */
    uint64_t allocations;      /* from the system's heap: 0 for a query like one before */
    int64_t select_ns;         /* labels to series */
    int64_t read_ns;           /* finding, decoding and merging samples */
    int64_t compute_ns;        /* functions, groups and rows */
    uint64_t rollup_rows;      /* buckets answered from rows of rollups, without decoding */
} varve_profile;

#define VARVE_PROFILE_INIT VARVE_INIT_1_(varve_profile, .options_size = sizeof(varve_profile))

/* What a query may use. */
typedef struct varve_limits {
    size_t options_size;
    uint64_t memory_bytes_max;  /* LIMIT beyond; default 64 MiB. States of groups need it */
    uint64_t series_max;        /* series that are selected; LIMIT beyond; 0: any number */
    uint64_t samples_max;       /* samples that are read, not those answered from statistics; LIMIT
                                  beyond; 0: any number */
    uint64_t timeout_ms;        /* from the call on; then DEADLINE; 0: none */
    const varve_cancel *cancel; /* nullable; alive until the query is closed */
} varve_limits;

#define VARVE_LIMITS_INIT VARVE_INIT_1_(varve_limits, .options_size = sizeof(varve_limits))

/* Which samples: those of the series that satisfy all matchers, in [start, end). */
typedef struct varve_selection {
    size_t options_size;
    const varve_matcher *matchers;
    size_t matcher_count; /* 0: every series, unless series_count says which */
    int64_t start;
    int64_t end; /* INT64_MAX: no end */

    /* Instead of matchers: these series, in this order. No label is looked at: a read of one series
     * takes about a microsecond. */
    const varve_series *series;
    size_t series_count;

    /* Of each series the newest samples first: spans, and the samples in them, descend in time; so
     * do the rows of a series or group. */
    bool reverse;

    const varve_limits *limits; /* nullable: defaults; copied */
    varve_profile *profile;     /* nullable; written until the query is closed */
} varve_selection;

#define VARVE_SELECTION_INIT                                                                       \
    VARVE_INIT_3_(varve_selection, .options_size = sizeof(varve_selection), .start = INT64_MIN,    \
                  .end = INT64_MAX)

/* A run of samples of one series, in columns, timestamps strictly increasing. */
typedef struct varve_span {
    const int64_t *timestamps;
    const double *values;
    size_t count; /* 1 to 1024 */
} varve_span;

typedef struct varve_cursor varve_cursor;

/**
 * varve_select() - walk over the selected series and their samples.
 *
 *     while (varve_cursor_next(cursor)) {
 *         varve_cursor_labels(cursor, &labels, &count);
 *         while (varve_cursor_span(cursor, &span)) { ... }
 *     }
 *     status = varve_cursor_status(cursor, &error);
 *
 * Series come ordered by metric name, then labels by name and value, bytewise; series without a
 * sample in the range are left out. A cursor sees one state of each series, never a torn one: of
 * what blocks had at this call, that of this call; of what is in memory still, that of the moment
 * at which the cursor comes to the series, with what was appended, overwritten or deleted until
 * then. So it sees every sample acknowledged before this call that nobody has deleted since.
 *
 * It blocks no writer and may be held as long as one likes, though memory of data flushed meanwhile
 * is given back only when it is closed.
 *
 * INVALID: end < start, a malformed or refused regex, a handle that is none. LIMIT: a regex ran
 * into its limits, or the query into one of its own: the message names it. DEADLINE, CANCELLED.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_select(varve_db *db, const varve_selection *selection,
                                                     varve_cursor **cursor, varve_error *error);
/* Moves to the next series. False at the end and on error: varve_cursor_status() tells which. */
VARVE_API bool varve_cursor_next(varve_cursor *cursor);
/* The labels of the current series, sorted by name; none before the first and after the last. */
VARVE_API void varve_cursor_labels(varve_cursor *cursor, const varve_label **labels,
                                   size_t *label_count);
/* The next samples of the current series. False at its end and on error. */
VARVE_API bool varve_cursor_span(varve_cursor *cursor, varve_span *span);
/* The sample with the greatest timestamp in the range, of the current series. Call it instead of
 * varve_cursor_span(), not after it. False on error. */
VARVE_API bool varve_cursor_latest(varve_cursor *cursor, int64_t *timestamp, double *value);
/* VARVE_OK at the end, else what stopped the cursor. Sticky. error is nullable. */
VARVE_API varve_status varve_cursor_status(const varve_cursor *cursor, varve_error *error);
VARVE_API void varve_cursor_close(varve_cursor *cursor);

/* A list of strings, sorted bytewise. */
typedef struct varve_strings varve_strings;
VARVE_API size_t varve_strings_count(const varve_strings *strings);
/* index is less than the count. */
VARVE_API varve_string varve_strings_get(const varve_strings *strings, size_t index);
VARVE_API void varve_strings_destroy(varve_strings *strings);

/* The label names that occur in the selected series (the range of the selection is ignored). Cost:
 * some microseconds without matchers; no sample is read unless something was deleted since the last
 * compaction. Of limits memory_bytes_max, timeout_ms and cancel count, and where samples are read
 * the others. */
VARVE_API VARVE_MUST_CHECK varve_status varve_label_names(varve_db *db,
                                                          const varve_selection *selection,
                                                          varve_strings **names,
                                                          varve_error *error);
/* The values of one label in the selected series (the range of the selection is ignored). */
VARVE_API VARVE_MUST_CHECK varve_status varve_label_values(varve_db *db, varve_string name,
                                                           const varve_selection *selection,
                                                           varve_strings **values,
                                                           varve_error *error);

/* -------------------------------------------------------------------------------- 8 Aggregating */

/*
 * Functions, each over the samples of one series (or group, see below) in one step of time. X(NAME,
 * value, name in text).
 *
 *   count      samples, NaN too                  first last   by time, NaN too
 *   sum        compensated: 1 + 1e100 - 1e100 is 1
 *   min max    avg       range (max - min)
 *   stddev stdvar        of the population
 *   quantile   parameter q in [0, 1], interpolated linearly between the two values around rank
 *              q * (n - 1); exact, so that it holds all values of a group in memory
 *   delta      last value minus the one that the series had at the end of its step before, or minus
 *              the first value if this is its first step
 *   increase   as delta, of a counter: each drop counts as a reset to 0. delta and increase are
 *              exact: over all steps they add up to those of the whole range
 *   rate       increase per second within the step, extrapolated to its ends as Prometheus' rate()
 *              does; needs two values. A range without a start or end is not extrapolated there
 *   irate      increase per second between the last two values of the step
 *   resets     number of drops           changes  number of values that differ from the one before;
 *              both within the step
 *   twa        time-weighted average: each value counts for as long as it is the newest one. The
 *              value that a step begins with counts, too; the last value of the range has no length
 *
 * A NaN is a sample but no number: all functions but count, first and last pass over it, and give
 * NaN where no number is left. A stale marker (NaN 0x7ff0000000000002, as Prometheus writes it) is
 * no sample to any function; varve_select() shows it.
 *
 * Grouping pools the samples of the series of a group. delta, increase, rate, irate, resets and
 * changes are those of each series, added up; twa weighs all values of all series by time. Where
 * first or last have two samples of one time, that of the first series in the order of labels
 * counts.
 */
#define VARVE_FUNCTION_MAP(X)                                                                      \
    X(COUNT, 1, "count")                                                                           \
    X(SUM, 2, "sum")                                                                               \
    X(MIN, 3, "min")                                                                               \
    X(MAX, 4, "max")                                                                               \
    X(AVG, 5, "avg")                                                                               \
    X(FIRST, 6, "first")                                                                           \
    X(LAST, 7, "last")                                                                             \
    X(RANGE, 8, "range")                                                                           \
    X(STDDEV, 9, "stddev")                                                                         \
    X(STDVAR, 10, "stdvar")                                                                        \
    X(QUANTILE, 11, "quantile")                                                                    \
    X(DELTA, 12, "delta")                                                                          \
    X(INCREASE, 13, "increase")                                                                    \
    X(RATE, 14, "rate")                                                                            \
    X(IRATE, 15, "irate")                                                                          \
    X(RESETS, 16, "resets")                                                                        \
    X(CHANGES, 17, "changes")                                                                      \
    X(TWA, 18, "twa")

typedef enum varve_function {
#define VARVE_FUNCTION_ENUM(name, value, text) VARVE_FUNCTION_##name = value,
    VARVE_FUNCTION_MAP(VARVE_FUNCTION_ENUM)
#undef VARVE_FUNCTION_ENUM
} varve_function;

/* "avg" for VARVE_FUNCTION_AVG; NULL for a number that is no function. */
VARVE_API const char *varve_function_name(varve_function function);
/* The function of a name; quantile has its parameter behind it: quantile(0.95). INVALID if there is
 * none, or if a parameter is missing, out of range or too many.
 * @parameter  out, may be NULL; 0 for functions without one. */
VARVE_API VARVE_MUST_CHECK varve_status varve_function_parse(varve_string text,
                                                             varve_function *function,
                                                             double *parameter);

typedef enum varve_grouping {
    VARVE_GROUP_NONE = 0,    /* every series for itself */
    VARVE_GROUP_BY = 1,      /* series that agree in these labels */
    VARVE_GROUP_WITHOUT = 2, /* series that agree in all other labels */
} varve_grouping;

/* What a step is counted in. */
typedef enum varve_step_unit {
    VARVE_STEP_NANOSECONDS = 0, /* aligned to the epoch */
    VARVE_STEP_DAYS = 1,        /* of the calendar in the time zone, aligned to 1970-01-01 */
    VARVE_STEP_WEEKS = 2,       /* from Monday, aligned to 1970-01-05 */
    VARVE_STEP_MONTHS = 3,      /* aligned to January 1970 */
    VARVE_STEP_YEARS = 4,
} varve_step_unit;

/* What becomes of a step without samples. */
typedef enum varve_fill {
    VARVE_FILL_NONE = 0, /* no row */
    VARVE_FILL_NULL = 1, /* a row of NaN: in the whole range of the selection, where it has a
                                start or end, else from the first row to the last */
    VARVE_FILL_PREVIOUS =
        2,                 /* the values of the row before, to the end of the range if it has one */
    VARVE_FILL_LINEAR = 3, /* on the line between the rows around it */
} varve_fill;

#define VARVE_FUNCTIONS_MAX 16u

typedef struct varve_aggregation {
    size_t options_size;
    const varve_function *functions; /* at most VARVE_FUNCTIONS_MAX */
    size_t function_count;
    int64_t step; /* in step_unit, floor; 0: one bucket over the whole range */
    varve_grouping grouping;
    const varve_string *group_labels; /* for BY (none: one group of all) and WITHOUT */
    size_t group_label_count;

    const double *parameters; /* entry i is that of functions[i]; NULL if none needs one */
    varve_step_unit step_unit;
    int64_t offset; /* nanoseconds by which steps begin later: 6 h for days that begin at six */
    /* For steps in days and longer: a name of the IANA time zone database (Europe/Berlin), read
     * from /usr/share/zoneinfo, or +hh:mm. Default UTC. */
    varve_string time_zone;

    /* With a grouping: samples are not pooled. The functions are applied to every series, and this
     * one to their results, step by step: COUNT, SUM, MIN, MAX, AVG, RANGE, STDDEV, STDVAR or
     * QUANTILE. 0: none. */
    varve_function reduce;
    double reduce_parameter;

    varve_fill fill;
    int64_t fill_gap_max; /* nanoseconds from row to row (or end of the range) beyond which nothing
                             is filled; 0: any */

    /* Of each step only the rows with the greatest (top) or least (bottom) values of the first
     * function; NaN comes last; of equal values those of the first labels stay. Without a step the
     * rows come in that order. Not with fill. One of the two; 0: all rows. All are held in memory.
     */
    uint32_t top;
    uint32_t bottom;

    uint64_t limit; /* rows at most; 0: any number */

    bool decode_everything; /* answer nothing from statistics and rollups: to measure and to test */
} varve_aggregation;

#define VARVE_AGGREGATION_INIT                                                                     \
    VARVE_INIT_1_(varve_aggregation, .options_size = sizeof(varve_aggregation))

/* One result: a group (or series) and a bucket. values has one entry per function of the call. */
typedef struct varve_row {
    const varve_label *labels;
    size_t label_count;
    int64_t time; /* start of the bucket; the selection's start without a step */
    const double *values;
    size_t value_count;
    bool filled; /* no samples: the values are those of varve_aggregation.fill */
} varve_row;

typedef struct varve_rows varve_rows;

/**
 * varve_aggregate() - functions over the selected samples, by step and by group.
 *
 * Rows come ordered by labels as in varve_select(), then by time. A bucket is labelled by its
 * start; empty buckets are left out unless filled. Chunks that lie wholly inside a step, and that
 * nothing overlaps, are answered from the statistics stored with them (sums then differ in the last
 * bits from those of the samples: by 4 ulp of the sum of the magnitudes at most).
 *
 * Without grouping results stream; with it the states of all groups and buckets are held in memory.
 * INVALID names the field; as varve_select() otherwise.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_aggregate(varve_db *db,
                                                        const varve_selection *selection,
                                                        const varve_aggregation *aggregation,
                                                        varve_rows **rows, varve_error *error);
/* The next row; false at the end and on error. */
VARVE_API bool varve_rows_next(varve_rows *rows, varve_row *row);
VARVE_API varve_status varve_rows_status(const varve_rows *rows, varve_error *error);
VARVE_API void varve_rows_close(varve_rows *rows);

/**
 * varve_explain() - run a query to its end and tell what it did.
 *
 * @aggregation  NULL: as varve_select() and every span of it.
 * @profile      out; fill it with VARVE_PROFILE_INIT. Written also when the query ends with LIMIT,
 *               DEADLINE or CANCELLED. (Any other query tells the same through selection->profile.)
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_explain(varve_db *db,
                                                      const varve_selection *selection,
                                                      const varve_aggregation *aggregation,
                                                      varve_profile *profile, varve_error *error);

/* ----------------------------------------------------------------------------------- 9 Deleting */

/**
 * varve_delete() - remove the selected samples; a range of everything removes the series.
 *
 * What was acknowledged before the call is gone for readers that start after it, and stays gone
 * after a restart and a crash; later appends into the range stay. Space comes back in the
 * background, block by block where it is worth a rewrite, and all of it with varve_compact(): both
 * write first. On a disk that is full of what was deleted varve_retain() frees at once.
 * As durable as an append in the database's sync mode. selection.limits is not looked at.
 * @series_count  out, may be NULL: series that matched, or that the selection listed.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_delete(varve_db *db, const varve_selection *selection,
                                                     uint64_t *series_count, varve_error *error);

/* How long samples are kept. A selector has one rule at most. */
typedef struct varve_retention {
    size_t options_size;
    varve_string selector; /* as text; empty: all series */
    uint64_t age;          /* nanoseconds back from the newest sample of the database; 0: any age */
    uint64_t bytes;        /* of blocks, for all series only; 0: any size */
    int64_t floor;         /* out: samples before it have expired; INT64_MIN: none yet */
} varve_retention;

#define VARVE_RETENTION_INIT                                                                       \
    VARVE_INIT_2_(varve_retention, .options_size = sizeof(varve_retention), .floor = INT64_MIN)

/**
 * varve_retain() - set the retention rule of a selector, store it durably and apply it; with
 * neither age nor bytes, remove it.
 *
 * Expired samples are gone for every reader that starts after the return, and stay gone, also when
 * the rule is removed or made longer later. Afterwards the background work moves the rule on as
 * newer samples reach blocks, in steps of 1/64 of the age: until then a little more may be seen. By
 * itself it never expires more than half of the samples at once by age, because of a stray one of
 * the future perhaps: that is reported, and this call does it. Samples that are appended behind the
 * floor are accepted, and gone at once.
 *
 * Blocks of which nothing is left are removed without writing any; others are rewritten when it is
 * worth it, and by this call as far as there is room. Readers are not blocked: what they read stays
 * until they are closed. By bytes the oldest samples go first; the log and the head come on top.
 *
 * INVALID: a malformed selector, or bytes with a selector. NOT_FOUND: there is no rule to remove.
 * LIMIT: more than 64 rules.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_retain(varve_db *db, const varve_retention *rule,
                                                     varve_error *error);
/* Called with one rule, whose selector lives during the call. */
typedef void (*varve_retention_function)(void *context, const varve_retention *rule);
/* Calls visit with every rule. */
VARVE_API VARVE_MUST_CHECK varve_status varve_retention_list(varve_db *db,
                                                             varve_retention_function visit,
                                                             void *context, varve_error *error);

/* --------------------------------------------------------------------------------- 10 Rollups */

/* A level of downsampled rows that is kept of some series. */
typedef struct varve_rollup {
    size_t options_size;
    varve_string selector; /* as text; empty: all series */
    int64_t step;          /* nanoseconds, > 0: rows begin at its multiples since the epoch */
    uint64_t missing;      /* out: blocks with samples of these series that have no such rows yet */
} varve_rollup;

#define VARVE_ROLLUP_INIT VARVE_INIT_1_(varve_rollup, .options_size = sizeof(varve_rollup))

/**
 * varve_roll_up() - keep rows of these series by this step, from now on and of what is there.
 *
 * A row tells of the samples in one bucket of time: count, sum, least and greatest value, first and
 * last with their times, increase and resets, spread. Aggregates take rows by themselves wherever
 * that gives the answer: for count, sum, min, max, avg, first, last, range, stddev, stdvar, delta,
 * increase, rate and resets, in steps that are multiples of the rollup's (days, weeks, months and
 * years of UTC too; of other time zones if they begin with a row), or over everything. Results are
 * what they would be without, but for the rounding of sums: a relative error of some 2^-52 for each
 * row, of the sum of absolute values.
 *
 * Rows live in blocks beside the samples and tell of nothing else, so that they need no care: where
 * late samples, duplicates, deletions or the head reach into a bucket, or retention cuts it, its
 * samples are decoded instead, until a merge has written the block anew. varve_profile.rollup_rows
 * counts what came from rows.
 *
 * The rule is stored durably. Blocks written from then on have its rows; this call flushes the head
 * and rewrites the blocks that have such series, one after the other, beside readers and appends.
 * If it fails or is interrupted after the rule was stored, maintenance goes on with that. A rule
 * that is there already is no error: what is missing is built.
 *
 * Cost: some nanoseconds for each sample written and rule, and 15 to 40 bytes a row in blocks:
 * worth it with 50 samples a row and more; series with less than 10 a row get none.
 *
 * @rule  copied; filled with VARVE_ROLLUP_INIT. missing is not read.
 * INVALID: a malformed selector, or a step that is not positive. LIMIT: more than 8 rules.
 * NO_SPACE: to rewrite a block; the rule is stored. READ_ONLY. Any thread; waits for maintenance.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_roll_up(varve_db *db, const varve_rollup *rule,
                                                      varve_error *error);
/* Removes the rule with that selector and step. Its rows go when their blocks are merged, or with
 * varve_compact(); until then queries still take them. NOT_FOUND: there is none. */
VARVE_API VARVE_MUST_CHECK varve_status varve_rollup_remove(varve_db *db, const varve_rollup *rule,
                                                            varve_error *error);
/* Called with one rule, whose selector lives during the call. */
typedef void (*varve_rollup_function)(void *context, const varve_rollup *rule);
/* Calls visit with every rule. visit must not call varve. */
VARVE_API VARVE_MUST_CHECK varve_status varve_rollup_list(varve_db *db, varve_rollup_function visit,
                                                          void *context, varve_error *error);

/* ------------------------------------------------------------------------------ 11 Bulk loading */

/* Samples on their way straight to a block, past log and head. One thread at a time. */
typedef struct varve_bulk varve_bulk;

typedef struct varve_bulk_options {
    size_t options_size;
    /* Bytes of samples held in memory; more of them are sorted and written to temporary files in
     * the database, and merged by the commit. Default 256 MiB, least 16 MiB; more means fewer files
     * and less merging. */
    uint64_t memory_bytes;
    varve_duplicates duplicates; /* policy of these samples; 0: the database's */
} varve_bulk_options;

#define VARVE_BULK_OPTIONS_INIT                                                                    \
    VARVE_INIT_1_(varve_bulk_options, .options_size = sizeof(varve_bulk_options))

/**
 * varve_bulk_begin() - load many samples at once: less work than appending, and all or nothing.
 *
 *     varve_bulk_begin(db, NULL, &bulk, &error);
 *     while (...) varve_bulk_append(bulk, &batch, &error);
 *     varve_bulk_commit(bulk, &error);
 *     varve_bulk_close(bulk);
 *
 * Nothing of it can be seen or survives a crash before the commit, everything after it. Appends
 * and queries go on beside it.
 *
 * @options  nullable.
 * READ_ONLY, INVALID, NO_MEMORY.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_bulk_begin(varve_db *db,
                                                         const varve_bulk_options *options,
                                                         varve_bulk **bulk, varve_error *error);
/* Adds samples, in any order, of series from varve_series_resolve(); later ones are later for the
 * duplicate policy. batch->sync is ignored, batch->duplicates must be 0. INVALID: nothing was
 * added. Anything else (EXISTS, NO_SPACE, NO_MEMORY, IO): the bulk can only be closed. */
VARVE_API VARVE_MUST_CHECK varve_status varve_bulk_append(varve_bulk *bulk,
                                                          const varve_batch *batch,
                                                          varve_error *error);
/**
 * varve_bulk_commit() - sort, merge, and make everything visible and durable in one step.
 *
 * As if it were appended at one moment during the call: what was acknowledged before is older, what
 * is appended after it is newer. EXISTS (policy ERROR): a timestamp is taken; samples appended
 * during the call are not looked at. On failure nothing is there, unless it is UNKNOWN. Then only
 * varve_bulk_close() is left.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_bulk_commit(varve_bulk *bulk, varve_error *error);
/* The database that it was begun on. */
VARVE_API varve_db *varve_bulk_database(const varve_bulk *bulk);
/* Releases the bulk; gives up what was not committed. Before varve_close(). NULL is fine. */
VARVE_API void varve_bulk_close(varve_bulk *bulk);

/* --------------------------------------------------------------------------- 12 Text in and out */

/* X(NAME, value, name in text). AUTO and OPENMETRICS are for import only. */
#define VARVE_FORMAT_MAP(X)                                                                        \
    X(AUTO, 0, "auto")                                                                             \
    X(CSV, 1, "csv")                                                                               \
    X(PROM, 2, "prom")                                                                             \
    X(JSONL, 3, "jsonl")                                                                           \
    X(INFLUX, 4, "influx")                                                                         \
    X(OPENMETRICS, 5, "openmetrics")

typedef enum varve_format {
#define VARVE_FORMAT_ENUM(name, value, text) VARVE_FORMAT_##name = value,
    VARVE_FORMAT_MAP(VARVE_FORMAT_ENUM)
#undef VARVE_FORMAT_ENUM
} varve_format;

/* The unit of bare integers that are times. */
typedef enum varve_precision {
    VARVE_PRECISION_DEFAULT = 0, /* that of the format */
    VARVE_PRECISION_S = 1,
    VARVE_PRECISION_MS = 2,
    VARVE_PRECISION_US = 3,
    VARVE_PRECISION_NS = 4,
} varve_precision;

/* Gives up to capacity bytes; 0 at the end; a negative errno on failure. Fewer than capacity tell
 * that the next ones may take long to come: what was read is stored before they are asked for. */
typedef int64_t (*varve_read_function)(void *context, char *bytes, size_t capacity);
/* Takes all bytes: returns 0, or a negative errno, which ends the export. */
typedef int (*varve_write_function)(void *context, const char *bytes, size_t length);

/* What an import did. Counts are of the whole call. */
typedef struct varve_import_report {
    uint64_t lines;   /* input lines read, bad ones included */
    uint64_t samples; /* samples stored */
    uint64_t series;  /* different series that got samples */
    uint64_t skipped; /* bad lines, left out */
    uint64_t strings; /* Influx string fields, left out */
    uint64_t rounded; /* integers beyond 2^53, stored rounded */
    uint64_t bytes;   /* input bytes read */
} varve_import_report;

typedef struct varve_import_options {
    size_t options_size;
    varve_format format;
    const char *name; /* how messages call the input, for example its file name */
    varve_precision precision;
    varve_sync_mode sync;      /* at least this durability per batch */
    bool strict;               /* stop at the first bad line; earlier batches stay */
    int64_t now;               /* time of lines without one */
    const varve_label *labels; /* added to every series */
    size_t label_count;
    varve_string metric;               /* csv: metric name of the value column(s) */
    varve_string time_column;          /* csv: name of the time column */
    varve_string time_format;          /* csv: rfc3339, s, ms, us, ns or a strptime pattern */
    const varve_string *label_columns; /* csv: columns that are labels */
    size_t label_column_count;
    /* Called for each bad line: "NAME:LINE:COLUMN: reason". */
    void (*bad_line)(void *context, const char *message);
    /* Called when a batch is as durable as sync says; line is the last input line in it. */
    void (*batch_done)(void *context, uint64_t line, const varve_import_report *so_far);
    void *context;
    varve_bulk *bulk; /* add the samples to this one, of the same database, instead of appending:
                         nothing is stored before its commit; sync means nothing then */
} varve_import_options;

#define VARVE_IMPORT_OPTIONS_INIT                                                                  \
    VARVE_INIT_1_(varve_import_options, .options_size = sizeof(varve_import_options))

/**
 * varve_import() - read text in one of the formats and append it.
 *
 * Goes through the log in batches that end at 10,000 lines or VARVE_BATCH_MAX samples, never inside
 * a line; each batch is atomic. Bad lines are reported, skipped and counted; with strict the first
 * one ends the import with INVALID. Bounded memory whatever the input.
 * Threads: all callbacks come from the calling thread. Where the database has background threads
 * and the machine another processor, the import appends a batch in a thread of its own while it
 * reads the next one; what comes out is the same.
 * @report  always written.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_import(varve_db *db,
                                                     const varve_import_options *options,
                                                     varve_read_function read, void *read_context,
                                                     varve_import_report *report,
                                                     varve_error *error);

typedef struct varve_export_options {
    size_t options_size;
    varve_format format;
    varve_precision time_precision; /* csv: 0 prints RFC 3339 */
    bool lossy;                     /* prom and influx: drop what they cannot say */
    uint64_t limit;                 /* samples at most; 0: no limit */
} varve_export_options;

#define VARVE_EXPORT_OPTIONS_INIT                                                                  \
    VARVE_INIT_1_(varve_export_options, .options_size = sizeof(varve_export_options))

/**
 * varve_export() - write the selected samples as text.
 *
 * csv and jsonl lose nothing. prom and influx end with INVALID, naming the sample, where they would
 * lose something (a timestamp finer than a millisecond, a NaN payload), unless lossy.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_export(varve_db *db, const varve_selection *selection,
                                                     const varve_export_options *options,
                                                     varve_write_function write,
                                                     void *write_context, varve_error *error);

/* ---------------------------------------------------------------------------- 13 Administration */

/* Plain numbers about an open database. */
typedef struct varve_statistics {
    size_t options_size;
    uint64_t series; /* with samples, in head and blocks */
    uint64_t
        samples; /* stored: duplicates of overlapping blocks count twice, and what was deleted or
                       * has expired counts until a flush or a merge has left it out */
    int64_t time_min; /* least and greatest timestamp; only if samples > 0 */
    int64_t time_max;
    uint64_t blocks;
    uint64_t block_bytes;
    uint64_t rollup_blocks; /* of blocks: written under the rule of a rollup */
    uint64_t rollup_bytes;  /* of block_bytes: rows of rollups */
    uint64_t head_samples;  /* of samples: not yet in a block */
    uint64_t head_bytes;    /* memory held for them */
    uint64_t wal_segments;
    uint64_t wal_bytes;   /* with spare segments */
    uint64_t lsn;         /* end of the log */
    uint64_t durable_lsn; /* up to here the log is synced */
    uint64_t damaged;     /* files or ranges set aside at open, and chunks found damaged since */
    uint64_t relogged;    /* times that the log was moved to a new segment after a disk error */
    uint64_t cache_hits;  /* unpacked pages that a query found in the cache */
    uint64_t cache_misses;
    uint64_t cache_evictions; /* given up for others */
    uint64_t cache_bytes;     /* kept now, of options.cache_bytes_max */
    varve_sync_mode sync;
    varve_duplicates duplicates;
    bool read_only;
    uint64_t cold_blocks;       /* of blocks: written for size */
    uint64_t often_read_blocks; /* of blocks: read between most of the last flushes, so that a merge
                                   keeps them fast to read, however large */
    /* Where samples lie, from hot to cold: as they came (head_samples - sealed_samples), encoded in
     * memory, in blocks that are fast to read (block_bytes - cold_bytes), in blocks that are
     * small. */
    uint64_t sealed_samples; /* of head_samples: encoded, since there were many of a series, or it
                                got no more for some minutes */
    uint64_t sealed_bytes;   /* of head_bytes: what they take */
    uint64_t cold_samples;   /* of samples: in cold blocks */
    uint64_t cold_bytes;     /* of block_bytes: of cold blocks */
    uint64_t idle_seals;     /* since the opening: times that samples of a series were encoded
                                because it got no more */
    uint64_t cooled_blocks; /* since the opening: blocks that merges wrote for size, of samples that
                                were not all in cold blocks before */
    uint64_t warmed_blocks; /* since the opening: the other way round: small ones, and what is read
                                often */
} varve_statistics;

#define VARVE_STATISTICS_INIT                                                                      \
    VARVE_INIT_1_(varve_statistics, .options_size = sizeof(varve_statistics))

/* Always succeeds on an open database. Fill statistics with VARVE_STATISTICS_INIT: no more is
 * written than options_size says. Cost: some microseconds after varve_compact(); visits every
 * series that has samples in memory, and every series of all where something was deleted since the
 * last compaction. */
VARVE_API void varve_stats(varve_db *db, varve_statistics *statistics);

/* Makes everything appended so far durable, in any mode. */
VARVE_API VARVE_MUST_CHECK varve_status varve_flush(varve_db *db, varve_error *error);

/* Flushes the head to a block and rewrites all blocks into few small ones (of one time each, cut at
 * options.block_bytes_max); drops deleted and expired data and the log. Needs free space for the
 * part that it is at: 1 GiB, or four blocks if that is more. */
VARVE_API VARVE_MUST_CHECK varve_status varve_compact(varve_db *db, varve_error *error);

/* How many threads work in the background of the database: 0 for one that was opened without them,
 * or read-only. */
VARVE_API uint32_t varve_background_threads(const varve_db *db);

/**
 * varve_maintain() - do what is due of the background work: write, sync, seal, flush, merge.
 *
 * For databases opened with background_threads = 0, which do nothing by themselves.
 * @worked  out, may be NULL: whether there was something to do.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_maintain(varve_db *db, bool *worked,
                                                       varve_error *error);

typedef enum varve_finding_kind {
    VARVE_FINDING_NOTE = 1,   /* harmless: a torn log tail, a leftover file */
    VARVE_FINDING_DAMAGE = 2, /* acknowledged data is unreadable */
} varve_finding_kind;

/* One thing that varve_check() found. Strings are NUL-terminated and live during the call. */
typedef struct varve_finding {
    varve_finding_kind kind;
    const char *file;    /* relative to the database */
    uint64_t offset;     /* byte in it */
    const char *message; /* one sentence */
} varve_finding;

typedef void (*varve_finding_function)(void *context, const varve_finding *finding);

typedef struct varve_check_report {
    uint64_t files;   /* files read */
    uint64_t bytes;   /* bytes read */
    uint64_t samples; /* samples decoded */
    uint64_t notes;
    uint64_t damages;
} varve_check_report;

/**
 * varve_check() - read and verify every byte of the database at path. Never writes, takes no lock.
 *
 * @found   called for each finding; nullable.
 * @report  always written.
 * OK: no damage (there may be notes). CORRUPT: damage was found. NOT_FOUND, VERSION, IO.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_check(const char *path, varve_finding_function found,
                                                    void *context, varve_check_report *report,
                                                    varve_error *error);

typedef struct varve_copy_options {
    size_t options_size;
    /* Called now and then with the bytes of blocks that are done and those to be done; false ends
     * the call with CANCELLED and leaves nothing behind. May be NULL. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
} varve_copy_options;

#define VARVE_COPY_OPTIONS_INIT                                                                    \
    VARVE_INIT_1_(varve_copy_options, .options_size = sizeof(varve_copy_options))

/* What varve_snapshot() and varve_restore() did. */
typedef struct varve_copy_report {
    uint64_t lsn;           /* everything below is in the copy, and nothing else */
    uint64_t blocks;        /* in the copy */
    uint64_t blocks_linked; /* of them: a second name of a file that was there */
    uint64_t bytes;         /* of blocks and log */
    uint64_t bytes_copied;  /* of them */
} varve_copy_report;

/**
 * varve_snapshot() - a copy of the database as it is at one moment, while it is being written.
 *
 * Everything acknowledged before the call is in the copy (read-only handles: everything that was
 * written to the kernel), and what is in it is all that the log says up to one LSN. Blocks become
 * hard links where the file system allows, so that a snapshot beside its database costs little more
 * than the log; elsewhere they are copied. A snapshot is a database: query it with
 * VARVE_OPEN_READ_ONLY. Opened for writing it becomes a database of its own.
 *
 * @path     must not exist, or be an older snapshot of the same database: that one is replaced in
 *           one step, and blocks that it has already are not copied again.
 * @options  nullable.
 * @report   nullable; written on success.
 *
 * It appears complete and synced or not at all, also after a crash. EXISTS: something else is at
 * path. CORRUPT: something of the database is damaged (varve_check() tells what). LOCKED: somebody
 * writes to path. BUSY: another process changes the database all the time. NO_SPACE, IO, CANCELLED.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_snapshot(varve_db *db, const char *path,
                                                       const varve_copy_options *options,
                                                       varve_copy_report *report,
                                                       varve_error *error);

/**
 * varve_restore() - make a database from a snapshot, or from any other database.
 *
 * Every byte is copied and then verified as varve_check() does, before the database gets its name;
 * nothing is shared with the snapshot, which is only read.
 *
 * @path  must not exist (EXISTS).
 * NOT_FOUND, VERSION: what snapshot names. CORRUPT: it is damaged; see varve_salvage(). NO_SPACE,
 * IO, CANCELLED. In all of these nothing is left behind.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_restore(const char *snapshot, const char *path,
                                                      const varve_copy_options *options,
                                                      varve_copy_report *report,
                                                      varve_error *error);

/* What varve_salvage() found and saved. */
typedef struct varve_salvage_report {
    uint64_t files;          /* read */
    uint64_t bytes;          /* read */
    uint64_t blocks;         /* of the database that are in the new one */
    uint64_t blocks_damaged; /* blocks that lost something */
    uint64_t blocks_lost;    /* blocks that are missing or cannot be read at all */
    uint64_t samples;        /* in the new database */
    uint64_t samples_lost;   /* from blocks, as far as it is known how many they had */
    uint64_t notes;
    uint64_t damages;
} varve_salvage_report;

/**
 * varve_salvage() - make the best database out of a damaged one, which is only read.
 *
 * Saves every intact block, every intact chunk of a damaged one, and every intact batch of the log,
 * also behind a gap. A lost manifest or varve.db is made again from what the files say. Nothing is
 * invented: what is in the new database had its checksum in the old one. Where deletions were lost
 * with what was damaged, deleted samples may be back; a finding says so. Nobody should write to the
 * source meanwhile.
 *
 * @path    must not exist (EXISTS); it appears complete, verified and synced, or not at all.
 * @found   called for everything that is lost or odd; nullable.
 * @report  always written.
 * OK: the new database is there; report->damages says whether something was lost. NOT_FOUND: there
 * is nothing to salvage. VERSION, NO_SPACE, IO, NO_MEMORY.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_salvage(const char *source, const char *path,
                                                      varve_finding_function found, void *context,
                                                      varve_salvage_report *report,
                                                      varve_error *error);

/* ------------------------------------------------------------------ 14 Times and values as text */

/* Characters that are always enough for one value or time, its NUL included. */
#define VARVE_TEXT_MAX 48u

/**
 * varve_time_parse() - a time as people write it.
 *
 * RFC 3339 (2026-11-21T10:00:00.5Z, with offset, or with a space; a date alone is its midnight
 * UTC); integers with a unit (1700000000s, ms, us, ns); bare integers by magnitude (s up to 1e11,
 * ms to 1e14, us to 1e17, else ns); now, now-1h, now+5m; a signed duration (-1h) is relative to
 * now. INVALID with a hint, also beyond the range of int64 nanoseconds.
 */
VARVE_API VARVE_MUST_CHECK varve_status varve_time_parse(varve_string text, int64_t now,
                                                         int64_t *time, varve_error *error);
/* Durations as in Prometheus: 1h30m, 500ms, 1d; units y w d h m s ms us ns, each once,
 * descending. */
VARVE_API VARVE_MUST_CHECK varve_status varve_duration_parse(varve_string text, int64_t *duration,
                                                             varve_error *error);
/* RFC 3339 in UTC (PRECISION_DEFAULT), or a number in the unit with a decimal fraction where
 * needed. Returns the length; text holds VARVE_TEXT_MAX characters. */
VARVE_API size_t varve_time_format(int64_t time, varve_precision precision, char *text);
/* Shortest decimal text that reads back to the same double; NaN, +Inf, -Inf; NaN(0x...) for other
 * payloads than 0x7ff8000000000000. Returns the length; text holds VARVE_TEXT_MAX characters. */
VARVE_API size_t varve_value_format(double value, char *text);
/* The opposite: decimal or hexadecimal numbers, NaN, NaN(0x...), [+-]Inf, case ignored. */
VARVE_API VARVE_MUST_CHECK varve_status varve_value_parse(varve_string text, double *value);
/* Canonical text of a label set: name{a="x",b="y"}. Returns the length that it has; writes at most
 * capacity characters, no NUL. */
VARVE_API size_t varve_series_format(const varve_label *labels, size_t label_count, char *text,
                                     size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
