/*
 * test_ring_model.c - the protocol of the write ring, every interleaving of it.
 *
 *   2 producers: lock, load the word, check, swap, copy, publish, apply, unlock - two frames each,
 *                of one unit and of two
 *   1 flusher:   walk what is published, write, sync, raise the limit; when a frame does not fit
 *                into the segment: close, drain, start the next one, open
 *   1 cutter:    cut the generation, wait for the holder of the lock, take it as a block
 *   1 fault:     at any moment, the next segment cannot be started the first time
 *
 * The model is that of src/storage/log/ring.c, wal_flush.c and shard_log.c with one step for each
 * access to something shared; ring and segment hold a few units. All states that can be reached are
 * visited once, depth first. In every state:
 *
 *   M1  no two frames have the same place, and none lies across the end of its segment
 *   M2  what is written was copied before, by the frame's own producer
 *   M3  what is overwritten in the ring was durable
 *   M4  the block holds exactly the frames below the place of the cut
 *   M5  the series has its frames in the head in the order of the log
 *   M6  nobody is stuck: some thread can go on until all are done and everything is durable
 *   M7  nothing is written to a segment behind the start of one that failed after it
 *
 * Seeded bugs, each a plausible shortcut, must be found: that is what shows that the model looks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/explorer.h"

enum { PRODUCERS = 2, FRAMES_EACH = 2, FRAMES = PRODUCERS * FRAMES_EACH };
enum { RING = 3, SEGMENT = 4, UNITS = FRAMES_EACH * (1 + 2), NOBODY = 0xff };

enum bug {
    NONE,
    OPEN_AFTER_FAILED_START, /* the old segment has room yet: why not go on with it? */
    PUBLISH_BEFORE_COPYING,  /* a frame counts as complete once it has its place */
    LIMIT_BY_WRITTEN,        /* what is written, not what is durable, is given back */
    CUT_WITHOUT_WAITING,     /* for the holder of the lock */
    LOCK_AFTER_RESERVING,    /* the log and the head are two orders */
    GENERATION_READ_APART,   /* before the swap, and not part of it */
    BUG_COUNT
};

static const char *const bug_names[] = {"none",
                                        "open after failed start",
                                        "publish before copying",
                                        "limit by written",
                                        "cut without waiting",
                                        "lock after reserving",
                                        "generation read apart"};

enum producer_step {
    P_LOCK,
    P_LOAD,
    P_CHECK,
    P_WAIT,
    P_SWAP,
    P_COPY,
    P_PUBLISH,
    P_APPLY,
    P_UNLOCK,
    P_DONE
};
enum flusher_step { F_WALK, F_WRITE, F_SYNC, F_RAISE, F_CLOSE, F_START, F_OPEN };
enum cutter_step { C_CUT, C_WAIT, C_TAKE, C_DONE };
enum fault { F_NONE, F_ARMED, F_HAPPENED };

struct producer {
    uint8_t step;
    uint8_t frame;                                  /* how many are done */
    uint8_t word_end, word_closed, word_generation; /* as loaded */
    uint8_t place;
    uint8_t generation;
};

/* Bytes only, so that states can be compared as such. */
struct state {
    /* The word. */
    uint8_t end, closed, generation;
    /* Shared. */
    uint8_t limit, lock;      /* of the one series; NOBODY or who has it */
    uint8_t published[UNITS]; /* where the frame that begins here ends; 0: not published */
    uint8_t ring[RING];       /* which unit stands there; NOBODY */
    uint8_t owner[UNITS];     /* who reserved the unit; NOBODY */
    uint8_t frame_generation[UNITS];
    uint8_t head[FRAMES], head_count; /* places in the order in which they were applied */
    /* The flusher. */
    uint8_t flusher, sealed, written, durable, segment_first, switching, failed_first, fault;
    /* The cutter. */
    uint8_t cutter, cut;
    struct producer producers[PRODUCERS];
};

static enum bug bug;
static uint8_t segment_end(const struct state *state)
{
    return (uint8_t)(state->segment_first + SEGMENT);
}

/* ----------------------------------------------------------------------------- producers */

static uint8_t size_of(uint8_t who)
{
    return (uint8_t)(who + 1);
}

static enum producer_step first_step(void)
{
    return bug == LOCK_AFTER_RESERVING ? P_LOAD : P_LOCK;
}

static void reserve(struct state *state, uint8_t who)
{
    struct producer *producer = &state->producers[who];
    bool changed = state->end != producer->word_end || state->closed != producer->word_closed ||
                   (bug != GENERATION_READ_APART && state->generation != producer->word_generation);
    if (changed) {
        producer->step = P_LOAD;
        return;
    }
    producer->place = state->end;
    producer->generation = producer->word_generation;
    state->end = (uint8_t)(state->end + size_of(who));
    explorer_check(state->end <= segment_end(state),
                   "M1 a frame lies across the end of its segment");
    for (uint8_t unit = producer->place; unit < state->end; unit++) {
        explorer_check(state->owner[unit] == NOBODY, "M1 two frames have the same place");
        state->owner[unit] = who;
    }
    state->frame_generation[producer->place] = producer->generation;
    if (bug == PUBLISH_BEFORE_COPYING) {
        state->published[producer->place] = state->end;
    }
    producer->step = P_COPY;
}

static void copy(struct state *state, const struct producer *producer, uint8_t size)
{
    for (uint8_t unit = producer->place; unit < producer->place + size; unit++) {
        uint8_t *cell = &state->ring[unit % RING];
        explorer_check(*cell == NOBODY || *cell < state->durable,
                       "M3 what is not durable is overwritten");
        *cell = unit;
    }
}

/* One step; false if it has to wait. */
static bool step_producer(struct state *state, uint8_t who)
{
    struct producer *producer = &state->producers[who];
    switch ((enum producer_step)producer->step) {
    case P_LOCK:
        if (state->lock != NOBODY) {
            return false;
        }
        state->lock = who;
        producer->step = bug == LOCK_AFTER_RESERVING ? P_APPLY : P_LOAD;
        return true;
    case P_LOAD:
        producer->word_end = state->end;
        producer->word_closed = state->closed;
        producer->word_generation = state->generation;
        producer->step = P_CHECK;
        return true;
    case P_CHECK:
        producer->step = P_SWAP;
        if (producer->word_closed || producer->word_end + size_of(who) > state->limit) {
            if (state->lock == who) { /* gives the lock back before it waits */
                state->lock = NOBODY;
            }
            producer->step = P_WAIT;
        }
        return true;
    case P_WAIT:
        if (state->closed || state->end + size_of(who) > state->limit) {
            return false;
        }
        producer->step = (uint8_t)first_step();
        return true;
    case P_SWAP:
        reserve(state, who);
        return true;
    case P_COPY:
        copy(state, producer, size_of(who));
        producer->step = P_PUBLISH;
        return true;
    case P_PUBLISH:
        state->published[producer->place] = (uint8_t)(producer->place + size_of(who));
        producer->step = bug == LOCK_AFTER_RESERVING ? P_LOCK : P_APPLY;
        return true;
    case P_APPLY:
        explorer_check(state->head_count == 0 ||
                           state->head[state->head_count - 1] < producer->place,
                       "M5 the head has another order than the log");
        state->head[state->head_count++] = producer->place;
        producer->step = P_UNLOCK;
        return true;
    case P_UNLOCK:
        state->lock = NOBODY;
        producer->frame++;
        producer->step = (uint8_t)(producer->frame == FRAMES_EACH ? P_DONE : first_step());
        return true;
    case P_DONE:
    default:
        return false;
    }
}

/* ------------------------------------------------------------------------------- flusher */

static void write_sealed(struct state *state)
{
    for (; state->written < state->sealed; state->written++) {
        explorer_check(state->ring[state->written % RING] == state->written,
                       "M2 something else is written than the frame");
        explorer_check(state->written < segment_end(state),
                       "M1 a frame behind the end of its segment");
        explorer_check(state->written < state->failed_first ||
                           state->segment_first >= state->failed_first,
                       "M7 a frame behind the start of a segment that failed");
    }
}

static uint8_t limit_of(const struct state *state)
{
    uint8_t kept = bug == LIMIT_BY_WRITTEN ? state->written : state->durable;
    uint8_t ring_end = (uint8_t)(kept + RING);
    return ring_end < segment_end(state) ? ring_end : segment_end(state);
}

/* Whether a producer waits for a segment that takes its frame. */
static bool needs_segment(const struct state *state)
{
    for (uint8_t who = 0; who < PRODUCERS; who++) {
        if (state->producers[who].step == P_WAIT &&
            (state->closed || state->end + size_of(who) > segment_end(state))) {
            return true;
        }
    }
    return false;
}

static bool walk(struct state *state)
{
    if (state->sealed < UNITS && state->published[state->sealed] != 0) {
        state->sealed = state->published[state->sealed];
    } else if (state->switching && state->sealed < state->end) {
        return false; /* until what was reserved is published */
    } else if (state->sealed > state->written) {
        state->flusher = F_WRITE;
    } else if (state->switching) {
        state->flusher = F_START;
    } else if (needs_segment(state)) {
        state->flusher = F_CLOSE;
    } else {
        return false;
    }
    return true;
}

static void start_segment(struct state *state)
{
    if (state->fault == F_ARMED) {
        state->fault = F_HAPPENED;
        state->failed_first = state->end; /* its header may come back with a loss of power */
        state->switching = 0;
        state->closed = bug != OPEN_AFTER_FAILED_START;
        state->flusher = F_WALK;
        return;
    }
    state->segment_first = state->sealed;
    state->limit = limit_of(state);
    state->flusher = F_OPEN;
}

static bool step_flusher(struct state *state)
{
    switch ((enum flusher_step)state->flusher) {
    case F_WALK:
        return walk(state);
    case F_WRITE:
        write_sealed(state);
        state->flusher = bug == LIMIT_BY_WRITTEN ? F_RAISE : F_SYNC;
        return true;
    case F_SYNC:
        state->durable = state->written;
        state->flusher = bug == LIMIT_BY_WRITTEN ? F_WALK : F_RAISE;
        return true;
    case F_RAISE:
        state->limit = limit_of(state);
        state->flusher = bug == LIMIT_BY_WRITTEN ? F_SYNC : F_WALK;
        return true;
    case F_CLOSE:
        state->closed = 1;
        state->switching = 1;
        state->flusher = F_WALK;
        return true;
    case F_START:
        start_segment(state);
        return true;
    case F_OPEN:
    default:
        state->closed = 0;
        state->switching = 0;
        state->flusher = F_WALK;
        return true;
    }
}

/* -------------------------------------------------------------------------------- cutter */

static bool step_cutter(struct state *state)
{
    switch ((enum cutter_step)state->cutter) {
    case C_CUT:
        state->cut = state->end;
        state->generation++;
        state->cutter = bug == CUT_WITHOUT_WAITING ? C_TAKE : C_WAIT;
        return true;
    case C_WAIT:
        if (state->lock != NOBODY) {
            return false;
        }
        state->cutter = C_TAKE;
        return true;
    case C_TAKE: {
        uint8_t in_block = 0; /* units */
        for (uint8_t i = 0; i < state->head_count; i++) {
            uint8_t place = state->head[i];
            explorer_check((state->frame_generation[place] == 0) == (place < state->cut),
                           "M4 a frame on the wrong side of the cut");
            in_block =
                (uint8_t)(in_block +
                          (state->frame_generation[place] == 0 ? size_of(state->owner[place]) : 0));
        }
        explorer_check(in_block == state->cut, "M4 a frame below the cut is not in the block");
        state->cutter = C_DONE;
        return true;
    }
    case C_DONE:
    default:
        return false;
    }
}

/* ------------------------------------------------------------------------------ all states */

/* The producers, then these; the fault is no thread that anything waits for. */
enum { FLUSHER = PRODUCERS, CUTTER, FAULT, THREADS };

static void begin(void *memory)
{
    struct state *state = memory;
    memset(state->ring, NOBODY, sizeof(state->ring));
    memset(state->owner, NOBODY, sizeof(state->owner));
    state->lock = state->failed_first = NOBODY;
    state->limit = limit_of(state);
    for (size_t i = 0; i < PRODUCERS; i++) {
        state->producers[i].step = (uint8_t)first_step();
    }
}

static bool step(void *memory, int thread)
{
    struct state *state = memory;
    switch (thread) {
    case FLUSHER:
        return step_flusher(state);
    case CUTTER:
        return step_cutter(state);
    case FAULT: {
        bool may = state->fault == F_NONE;
        state->fault = may ? F_ARMED : state->fault;
        return may;
    }
    default:
        return step_producer(state, (uint8_t)thread);
    }
}

static void end(const void *memory)
{
    const struct state *state = memory;
    bool all = state->durable == UNITS && state->head_count == FRAMES && state->cutter == C_DONE;
    explorer_check(all, "M6 everybody waits");
}

static const char *explore_with(enum bug seeded, uint64_t *state_count)
{
    static const struct explorer_model model = {
        .state_bytes = sizeof(struct state),
        .thread_count = THREADS,
        .waited_for_count = FAULT,
        .begin = begin,
        .step = step,
        .end = end,
    };
    bug = seeded;
    return explorer_run(&model, bug_names[seeded], state_count);
}

static void every_interleaving_is_right(void **state)
{
    uint64_t state_count;
    (void)state;
    assert_null(explore_with(NONE, &state_count));
    assert_true(state_count > 10000);
}

static void every_seeded_bug_is_found(void **state)
{
    uint64_t state_count;
    (void)state;
    for (int seeded = NONE + 1; seeded < BUG_COUNT; seeded++) {
        assert_non_null(explore_with((enum bug)seeded, &state_count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_interleaving_is_right),
        cmocka_unit_test(every_seeded_bug_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
