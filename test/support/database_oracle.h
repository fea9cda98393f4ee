/*
 * database_oracle.h - a database and its model side by side: random operations on both, and checks
 * that compare them.
 *
 * A failure prints the seed, the step and the newest operations, and fails the cmocka test.
 */
#ifndef VARVE_TEST_SUPPORT_DATABASE_ORACLE_H
#define VARVE_TEST_SUPPORT_DATABASE_ORACLE_H

#include "engine/database.h"
#include "os/env_sim.h"
#include "support/database_model.h"
#include "support/random.h"

enum { ORACLE_NOTES = 24, ORACLE_NOTE_BYTES = 120, ORACLE_MATCHERS_MAX = 3 };

struct oracle {
    uint64_t number; /* which history */
    int step;
    struct vv_test_random random;
    struct model model;

    struct vv_env_sim *sim; /* NULL: a real disk */
    const struct vv_env *env;
    char path[300];
    varve_duplicates duplicates; /* policy of the database */
    varve_options options;       /* of the present opening */
    varve_db *db;
    struct vv_report report;
    varve_error error;

    char notes[ORACLE_NOTES][ORACLE_NOTE_BYTES]; /* newest operations, a ring */
    size_t note_count;
};

/* A random selection. */
struct oracle_selection {
    varve_matcher matchers[ORACLE_MATCHERS_MAX];
    varve_selection selection;
};

/* directory: where a real database is made, NULL: on a simulated disk. */
void oracle_init(struct oracle *oracle, uint64_t number, size_t zone_count, const char *directory);
void oracle_fini(struct oracle *oracle);

/* Remembers an operation for the message of a failure. */
void oracle_note(struct oracle *oracle, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Ends the test. */
void oracle_fail(struct oracle *oracle, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
void oracle_must(struct oracle *oracle, varve_status status, const char *what);

/* Opens the database anew with random options; creates it if it is not there. */
void oracle_open(struct oracle *oracle);
/* Ends the process that has the database, or the power of the machine where the sync mode says that
 * nothing may be lost; opens it again. */
void oracle_kill(struct oracle *oracle);
void oracle_append(struct oracle *oracle, uint64_t batch_max);
/* Loads some batches at once, or gives them up. */
void oracle_bulk(struct oracle *oracle, uint64_t batch_max);
void oracle_delete(struct oracle *oracle);

void oracle_random_selection(struct oracle *oracle, struct oracle_selection *chosen);
/* Series, samples and their order, in a random selection. */
void oracle_check_select(struct oracle *oracle, varve_db *db);
void oracle_check_latest(struct oracle *oracle);
void oracle_check_labels(struct oracle *oracle);
void oracle_check_aggregate(struct oracle *oracle);
/* compacted: nothing is in the head, and every figure is exact. */
void oracle_check_statistics(struct oracle *oracle, bool compacted);
/* varve_check() of the closed database. */
void oracle_check_files(struct oracle *oracle);
/* A cursor that is held while appends, flushes and merges go on keeps what it had. */
void oracle_check_held_cursor(struct oracle *oracle, uint64_t batch_max);

#endif
