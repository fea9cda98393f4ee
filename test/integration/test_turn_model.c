/*
 * test_turn_model.c - the protocol of group commit, every interleaving of it.
 *
 *   3 threads, each twice: publish a frame, then wait until it is durable: as src/os/turn.c does it
 *
 * One step for each access to something shared. All states that can be reached are visited once,
 * depth first. In every state:
 *
 *   D1  one thread at a time has the turn
 *   D2  who returns has what it wanted
 *   D3  nobody sleeps for ever: some thread can go on until all are done
 *   D4  who is in the line is counted
 *
 * Seeded bugs, each a plausible shortcut, must be found: that is what shows that the model looks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/explorer.h"

enum { THREADS = 3, ROUNDS = 2, NOBODY = 0xff };

enum bug {
    NONE,
    LOOK_BEFORE_COUNTING, /* a waiter looks at the flag, then says that it waits */
    COUNT_BEFORE_GIVING,  /* a giver looks for waiters, then clears the flag */
    WAKE_ONLY_THE_SERVED, /* the others will see that the turn is free */
    WAKE_ONLY_ONE,        /* who is woken wakes the next one, unless it is served */
    TAKE_WITHOUT_LOOKING, /* who is woken has the turn: no other can have taken it */
    BUG_COUNT
};

static const char *const bug_names[] = {
    "none",          "look before counting", "count before giving", "wake only the served",
    "wake only one", "take without looking"};

enum step {
    PUBLISH,
    LOOK,        /* am I served? */
    TRY,         /* swap the flag */
    LOOK_AGAIN,  /* with the turn: somebody may have done it in between */
    SYNC_BEGIN,  /* what is published now will be durable */
    SYNC_END,    /* it is */
    GIVE,        /* clear the flag */
    GIVE_LOOK,   /* does anybody wait? */
    GIVE_LOCK,   /* the mutex */
    GIVE_LEAVE,  /* take them out of the line, unlock */
    GIVE_WAKE,   /* set one event after the other */
    WAIT_LOCK,   /* the mutex */
    WAIT_COUNT,  /* count as waiting */
    WAIT_FLAG,   /* is the turn free after all? */
    WAIT_SERVED, /* am I served after all? */
    WAIT_ENTER,  /* into the line, unlock */
    SLEEP,       /* until the event is set */
    DONE
};

struct thread {
    uint8_t step;
    uint8_t rounds;
    uint8_t wanted;
    uint8_t target;      /* of its sync */
    uint8_t to_wake;     /* threads, a set */
    uint8_t saw_waiting; /* a seeded bug's */
    uint8_t is_served;   /* by its own sync, or by another's */
    uint8_t event;       /* set */
};

struct state {
    uint8_t published, durable;
    uint8_t taken, waiting, mutex;
    uint8_t holder; /* for D1 */
    uint8_t line[THREADS];
    uint8_t line_count;
    struct thread threads[THREADS];
};

static enum bug bug;
static void finish_round(struct state *state, struct thread *self)
{
    explorer_check(state->durable >= self->wanted, "D2 somebody returns too early");
    self->rounds++;
    self->step = self->rounds == ROUNDS ? DONE : PUBLISH;
    self->wanted = self->target = self->saw_waiting = self->is_served = 0;
}

/* Takes out of the line who is served, and one who is not. */
static uint8_t leave_line(struct state *state)
{
    uint8_t left[THREADS], left_count = 0, to_wake = 0;
    bool one = false;
    for (uint8_t i = 0; i < state->line_count; i++) {
        uint8_t number = state->line[i];
        bool served = state->threads[number].wanted <= state->durable;
        bool wakes = served ? bug != WAKE_ONLY_ONE || !one : !one && bug != WAKE_ONLY_THE_SERVED;
        if (!wakes) {
            left[left_count++] = number;
            continue;
        }
        one |= !served || bug == WAKE_ONLY_ONE;
        to_wake |= (uint8_t)(1U << number);
        state->waiting--;
    }
    memset(state->line, NOBODY, sizeof(state->line));
    memcpy(state->line, left, left_count);
    state->line_count = left_count;
    return to_wake;
}

static bool step_waiter(struct state *state, uint8_t number)
{
    struct thread *self = &state->threads[number];
    switch (self->step) {
    case WAIT_LOCK:
        if (state->mutex != NOBODY) {
            return false;
        }
        state->mutex = number;
        self->step = bug == LOOK_BEFORE_COUNTING ? WAIT_FLAG : WAIT_COUNT;
        return true;
    case WAIT_COUNT:
        state->waiting++;
        self->step = bug == LOOK_BEFORE_COUNTING ? WAIT_ENTER : WAIT_FLAG;
        return true;
    case WAIT_FLAG:
    case WAIT_SERVED: {
        bool back = self->step == WAIT_FLAG ? !state->taken : state->durable >= self->wanted;
        if (back) {
            state->waiting = (uint8_t)(state->waiting - (bug == LOOK_BEFORE_COUNTING ? 0 : 1));
            state->mutex = NOBODY;
            self->step = LOOK;
        } else if (self->step == WAIT_FLAG) {
            self->step = WAIT_SERVED;
        } else {
            self->step = bug == LOOK_BEFORE_COUNTING ? WAIT_COUNT : WAIT_ENTER;
        }
        return true;
    }
    case WAIT_ENTER:
        state->line[state->line_count++] = number;
        explorer_check(state->waiting >= state->line_count,
                       "D4 somebody in the line is not counted");
        state->mutex = NOBODY;
        self->step = SLEEP;
        return true;
    case SLEEP:
    default:
        if (!self->event) {
            return false;
        }
        self->event = 0;
        self->step = LOOK;
        if (bug == TAKE_WITHOUT_LOOKING && state->durable < self->wanted) {
            explorer_check(state->holder == NOBODY, "D1 two threads have the turn");
            state->holder = number;
            state->taken = 1;
            self->step = SYNC_BEGIN;
        }
        return true;
    }
}

static bool step_giver(struct state *state, uint8_t number)
{
    struct thread *self = &state->threads[number];
    switch (self->step) {
    case GIVE:
        if (bug == COUNT_BEFORE_GIVING && self->saw_waiting == 0) {
            self->saw_waiting = state->waiting > 0 ? 2 : 1;
            return true;
        }
        state->taken = 0;
        state->holder = NOBODY;
        self->step = GIVE_LOOK;
        return true;
    case GIVE_LOOK: {
        bool waits = bug == COUNT_BEFORE_GIVING ? self->saw_waiting == 2 : state->waiting > 0;
        if (waits) {
            self->step = GIVE_LOCK;
        } else {
            finish_round(state, self);
        }
        return true;
    }
    case GIVE_LOCK:
        if (state->mutex != NOBODY) {
            return false;
        }
        state->mutex = number;
        self->step = GIVE_LEAVE;
        return true;
    case GIVE_LEAVE:
        self->to_wake = leave_line(state);
        state->mutex = NOBODY;
        self->step = GIVE_WAKE;
        return true;
    case GIVE_WAKE:
    default:
        for (uint8_t i = 0; i < THREADS; i++) {
            if ((self->to_wake >> i & 1) != 0) {
                self->to_wake = (uint8_t)(self->to_wake & ~(1U << i));
                state->threads[i].event = 1;
                return true;
            }
        }
        finish_round(state, self);
        return true;
    }
}

static bool step_thread(struct state *state, uint8_t number)
{
    struct thread *self = &state->threads[number];
    switch (self->step) {
    case PUBLISH:
        self->wanted = ++state->published;
        self->step = LOOK;
        return true;
    case LOOK:
        if (state->durable >= self->wanted) {
            finish_round(state, self);
        } else {
            self->step = TRY;
        }
        return true;
    case TRY:
        self->step = state->taken ? WAIT_LOCK : LOOK_AGAIN;
        if (!state->taken) {
            explorer_check(state->holder == NOBODY, "D1 two threads have the turn");
            state->taken = 1;
            state->holder = number;
        }
        return true;
    case LOOK_AGAIN:
        self->step = state->durable >= self->wanted ? GIVE : SYNC_BEGIN;
        return true;
    case SYNC_BEGIN:
        self->target = state->published;
        self->step = SYNC_END;
        return true;
    case SYNC_END:
        state->durable = self->target;
        self->step = GIVE;
        return true;
    case DONE:
        return false;
    default:
        return self->step >= WAIT_LOCK ? step_waiter(state, number) : step_giver(state, number);
    }
}

/* ------------------------------------------------------------------------------ all states */

static void begin(void *memory)
{
    struct state *state = memory;
    memset(state->line, NOBODY, sizeof(state->line));
    state->mutex = state->holder = NOBODY;
}

static bool step(void *memory, int thread)
{
    return step_thread(memory, (uint8_t)thread);
}

static void end(const void *memory)
{
    const struct state *state = memory;
    for (size_t number = 0; number < THREADS; number++) {
        explorer_check(state->threads[number].step == DONE, "D3 somebody sleeps for ever");
    }
}

static const char *explore_with(enum bug seeded, uint64_t *state_count)
{
    static const struct explorer_model model = {
        .state_bytes = sizeof(struct state),
        .thread_count = THREADS,
        .waited_for_count = THREADS,
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
