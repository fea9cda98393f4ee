/*
 * fault_scenario.h - a whole life of a small database, checked call by call while things fail.
 *
 * The script creates a database, appends in and out of order, deletes, flushes, merges, compacts,
 * closes, opens again and queries all the time. Whatever fails on the way, every call returns OK or
 * an error that fits; what returned OK is there; what returned an error is not, but for UNKNOWN,
 * which may be there or not, as a whole. The states that the database may be in are kept as a list,
 * which grows by one with every UNKNOWN.
 */
#ifndef VARVE_TEST_SUPPORT_FAULT_SCENARIO_H
#define VARVE_TEST_SUPPORT_FAULT_SCENARIO_H

#include "engine/database.h"
#include "os/env_sim.h"
#include "support/random.h"

enum {
    SCENARIO_SERIES = 4,
    SCENARIO_TIMES = 96, /* timestamps are 0 to SCENARIO_TIMES - 1 */
    SCENARIO_STATES_MAX = 32,
    SCENARIO_BATCH_MAX = 24,
    SCENARIO_STEPS_MAX = 64,
};

/* What a database holds: one value per series and timestamp; NaN is none. */
struct scenario_state {
    double values[SCENARIO_SERIES][SCENARIO_TIMES];
};

struct scenario_step {
    char kind; /* see scenario_make() */
    size_t count;
    unsigned series[SCENARIO_BATCH_MAX];
    int64_t timestamps[SCENARIO_BATCH_MAX];
    double values[SCENARIO_BATCH_MAX];
    int64_t start; /* a deletion: of series[0] */
    int64_t end;
};

struct scenario {
    struct scenario_step steps[SCENARIO_STEPS_MAX];
    size_t count;
};

struct scenario_run {
    /* Set by the caller. */
    const struct vv_env *env;
    varve_sync_mode sync;
    bool queries_must_work; /* the fault leaves reading alone */
    const char *what;       /* for messages: the fault */
    uint64_t n;
    void (*after_step)(struct scenario_run *run); /* nullable; called while the database is open */
    void *context;                                /* for after_step */

    /* Of the run; starts as zero. */
    varve_db *db;
    bool created; /* an opening has returned OK */
    struct scenario_state states[SCENARIO_STATES_MAX];
    size_t state_count;
    const struct scenario_step *half_seen; /* UNKNOWN since the opening: seen in part, perhaps */
    uint64_t damages;                      /* reported since the opening */
    size_t step;
    uint64_t failed_calls;
    bool no_space; /* a call returned NO_SPACE */
};

/* The script, one character a step: a append in order, o append out of order, e append under policy
 * ERROR, d delete, f flush, m maintain, c compact, u roll up, q query, r close and open. */
void scenario_make(struct scenario *scenario, const char *script, uint64_t salt);

/* Opens, runs every step that can be run, closes. Fails the test where a call does what it may
 * not. */
void scenario_perform(struct scenario_run *run, const struct scenario *scenario);

/* Without faults: checks clean, opens, holds one of the states, takes more, and keeps it. env: of
 * the same disk, or of what a crash left of it. */
void scenario_verify(const struct scenario_run *run, const struct vv_env *env);

/* For tests of their own: opens (a writer, without threads, small limits) and reads everything. */
varve_status scenario_open(const struct vv_env *env, varve_sync_mode sync, uint32_t flags,
                           const struct vv_report *report, varve_db **db);
/* One step that is no query and no reopening. */
varve_status scenario_step_perform(varve_db *db, const struct scenario_step *step);
varve_status scenario_append(varve_db *db, const struct scenario_step *step);
varve_status scenario_read(varve_db *db, struct scenario_state *state);
void scenario_state_clear(struct scenario_state *state);
bool scenario_states_equal(const struct scenario_state *a, const struct scenario_state *b);
void scenario_apply(struct scenario_state *state, const struct scenario_step *step);

#define SCENARIO_PATH "/db"

#endif
