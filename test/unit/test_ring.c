/* Tests of ring.c: places, limits, generations, and threads that are stopped at every step. */
#include "storage/log/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "os/thread.h"
#include "support/random.h"

enum { START = 8, CAPACITY = VV_RING_BYTES_MIN };

static void make(struct vv_ring *ring, uint64_t end, uint64_t limit)
{
    vv_ring_init(ring, CAPACITY, end);
    assert_int_equal(vv_ring_allocate(ring), VARVE_OK);
    vv_ring_raise_limit(ring, limit);
}

static uint64_t reserve(struct vv_ring *ring, uint64_t bytes)
{
    uint64_t position = 0;
    assert_int_equal(vv_ring_reserve(ring, bytes, 0, &position), VV_RING_RESERVED);
    return position;
}

static void places_follow_each_other_up_to_the_limit(void **state)
{
    (void)state;
    struct vv_ring ring;
    uint64_t position;
    make(&ring, START, START + 200);
    assert_int_equal(reserve(&ring, 48), START);
    assert_int_equal(reserve(&ring, 56), START + 48);
    assert_int_equal(vv_ring_end(&ring), START + 104);
    assert_true(vv_ring_has_room(&ring, 96));
    assert_false(vv_ring_has_room(&ring, 104));
    assert_int_equal(vv_ring_reserve(&ring, 104, 0, &position), VV_RING_NO_ROOM);
    assert_int_equal(reserve(&ring, 96), START + 104);
    assert_int_equal(vv_ring_reserve(&ring, 48, 0, &position), VV_RING_NO_ROOM);
    vv_ring_raise_limit(&ring, START + 248);
    assert_int_equal(reserve(&ring, 48), START + 200);
    vv_ring_fini(&ring);
}

static void a_new_ring_has_no_room_and_no_memory(void **state)
{
    (void)state;
    struct vv_ring ring;
    uint64_t position;
    vv_ring_init(&ring, CAPACITY, START);
    assert_int_equal(vv_ring_reserve(&ring, 48, 0, &position), VV_RING_NO_ROOM);
    assert_int_equal(vv_ring_frame_end(&ring, START), 0);
    assert_null(ring.bytes);
    vv_ring_fini(&ring);
}

static void nothing_is_reserved_in_a_closed_ring(void **state)
{
    (void)state;
    struct vv_ring ring;
    uint64_t position;
    make(&ring, START, START + CAPACITY);
    (void)reserve(&ring, 64);
    for (int i = 0; i < 2; i++) { /* closing twice is closing */
        assert_int_equal(vv_ring_close(&ring), START + 64);
        assert_int_equal(vv_ring_reserve(&ring, 48, 0, &position), VV_RING_NO_ROOM);
        assert_false(vv_ring_has_room(&ring, 48));
    }
    assert_int_equal(vv_ring_cut(&ring), START + 64); /* a generation may end meanwhile */
    vv_ring_open(&ring);
    assert_int_equal(reserve(&ring, 48), START + 64);
    vv_ring_fini(&ring);
}

static void what_was_seen_is_reserved_as_long_as_it_is_so(void **state)
{
    (void)state;
    struct vv_ring ring;
    make(&ring, START, START + 160);
    uint64_t seen = vv_ring_look(&ring);
    assert_int_equal(vv_ring_position_seen(seen), START);
    assert_int_equal(vv_ring_generation_seen(&ring, seen), 1);
    assert_true(vv_ring_reserve_seen(&ring, seen, 56));
    assert_false(vv_ring_reserve_seen(&ring, seen, 56));
    seen = vv_ring_look(&ring);
    assert_int_equal(vv_ring_position_seen(seen), START + 56);
    (void)vv_ring_cut(&ring);
    assert_false(vv_ring_reserve_seen(&ring, seen, 56));
    seen = vv_ring_look(&ring);
    assert_int_equal(vv_ring_generation_seen(&ring, seen), 2);
    (void)vv_ring_close(&ring);
    assert_false(vv_ring_reserve_seen(&ring, seen, 56));
    assert_false(vv_ring_reserve_seen(&ring, vv_ring_look(&ring), 56));
    vv_ring_open(&ring);
    assert_true(vv_ring_reserve_seen(&ring, seen, 56));                 /* the same place again */
    assert_false(vv_ring_reserve_seen(&ring, vv_ring_look(&ring), 56)); /* beyond the limit */
    assert_int_equal(vv_ring_end(&ring), START + 112);
    vv_ring_fini(&ring);
}

/* More generations than the word has numbers for. */
static void a_generation_begins_at_an_exact_place(void **state)
{
    (void)state;
    struct vv_ring ring;
    uint64_t position;
    make(&ring, START, START + CAPACITY);
    for (uint64_t generation = 1; generation < 5000; generation++) {
        assert_int_equal(vv_ring_generation(&ring), generation);
        assert_int_equal(vv_ring_generation_seen(&ring, vv_ring_look(&ring)), generation);
        assert_int_equal(vv_ring_reserve(&ring, 48, generation, &position), VV_RING_RESERVED);
        assert_int_equal(vv_ring_cut(&ring), position + 48);
        assert_int_equal(vv_ring_reserve(&ring, 48, generation, &position),
                         VV_RING_OTHER_GENERATION);
        assert_int_equal(vv_ring_end(&ring), position + 48);
    }
    vv_ring_fini(&ring);
}

static void the_last_position_is_never_passed(void **state)
{
    (void)state;
    struct vv_ring ring;
    uint64_t position;
    make(&ring, VV_RING_POSITION_MAX - 96, UINT64_MAX);
    (void)reserve(&ring, 48);
    (void)reserve(&ring, 48);
    assert_int_equal(vv_ring_reserve(&ring, 48, 0, &position), VV_RING_NO_ROOM);
    assert_int_equal(vv_ring_generation(&ring), 1);
    vv_ring_fini(&ring);
}

/* Many rounds of frames of all sizes, published in any order, full of words that look like
 * positions: only what was published is, and it reads back. */
static void what_an_earlier_round_left_is_never_taken_for_a_frame(void **state)
{
    (void)state;
    enum { OPEN_MAX = 24 };
    struct vv_ring ring;
    struct vv_test_random random = vv_test_random_init(1);
    struct {
        uint64_t position, bytes;
        bool published;
    } open[OPEN_MAX];
    size_t count = 0;
    static uint64_t words[CAPACITY / 2 / 8], read[CAPACITY / 2 / 8];
    make(&ring, START, START + CAPACITY);
    for (int step = 0; step < 200000; step++) {
        uint64_t bytes = 48 + vv_test_random_below(&random, step % 50 == 0 ? 10000 : 40) * 8;
        uint64_t position = vv_ring_end(&ring);
        if (count < OPEN_MAX && vv_test_random_below(&random, 2) == 0 &&
            vv_ring_has_room(&ring, bytes)) {
            assert_int_equal(reserve(&ring, bytes), position);
            for (size_t i = 0; i < bytes / 8; i++) {
                words[i] = position + CAPACITY + bytes + i * 8;
            }
            vv_ring_write(&ring, position, words, bytes);
            open[count].position = position;
            open[count].bytes = bytes;
            open[count++].published = false;
        } else if (count > 0) {
            size_t which = vv_test_random_below(&random, (uint32_t)count);
            open[which].published = true;
            vv_ring_publish(&ring, open[which].position, open[which].position + open[which].bytes);
        }
        assert_int_equal(vv_ring_frame_end(&ring, vv_ring_end(&ring)), 0);
        for (size_t i = 0; i < count; i++) {
            uint64_t end = open[i].position + open[i].bytes;
            assert_int_equal(vv_ring_frame_end(&ring, open[i].position),
                             open[i].published ? end : 0);
        }
        if (count > 0 && open[0].published) { /* consumed */
            vv_ring_read(&ring, open[0].position, read, open[0].bytes);
            for (size_t i = 0; i < open[0].bytes / 8; i++) {
                assert_int_equal(read[i], open[0].position + CAPACITY + open[0].bytes + i * 8);
            }
            vv_ring_raise_limit(&ring, open[0].position + open[0].bytes + CAPACITY);
            memmove(open, open + 1, --count * sizeof(open[0]));
        }
    }
    assert_true(vv_ring_end(&ring) > 20 * (uint64_t)CAPACITY);
    vv_ring_fini(&ring);
}

/* ------------------------------------------------------------------------------ threads */

enum { PRODUCERS = 4, FRAMES = 6000 };

struct shared {
    struct vv_ring ring;
    _Atomic uint64_t yields; /* which step yields next, as good as random */
};

struct producer {
    struct shared *shared;
    uint64_t number;
    uint64_t late; /* frames of a generation that had ended */
    struct vv_thread thread;
};

/* Gives the core away between load and swap, reserve and copy, copy and publish. */
static void yield_at_some_steps(void *context, enum vv_ring_step step)
{
    struct shared *shared = context;
    uint64_t turn = atomic_fetch_add_explicit(&shared->yields, 1, memory_order_relaxed);
    if ((turn * 0x9e3779b97f4a7c15u + step) >> 62 == 0) {
        vv_thread_yield();
    }
}

/* A frame says who made it, its number among those, how many words follow and of which generation
 * it is. */
static void produce(void *argument)
{
    struct producer *producer = argument;
    struct vv_ring *ring = &producer->shared->ring;
    uint64_t words[40];
    for (uint64_t number = 0; number < FRAMES; number++) {
        size_t count = 6 + (number * 7 + producer->number) % 34;
        uint64_t seen = vv_ring_look(ring), generation = vv_ring_generation_seen(ring, seen);
        uint64_t position = vv_ring_position_seen(seen);
        enum vv_ring_outcome outcome = VV_RING_RESERVED;
        if (number % 2 == 0 || !vv_ring_reserve_seen(ring, seen, count * 8)) {
            outcome = vv_ring_reserve(ring, count * 8, generation, &position);
        }
        if (outcome != VV_RING_RESERVED) {
            producer->late += outcome == VV_RING_OTHER_GENERATION;
            vv_thread_yield();
            number--;
            continue;
        }
        words[0] = producer->number;
        words[1] = number;
        words[2] = count;
        words[3] = generation;
        for (size_t i = 4; i < count; i++) {
            words[i] = position + i;
        }
        vv_ring_write(ring, position, words, count * 8);
        vv_ring_publish(ring, position, position + count * 8);
    }
}

/* Checks the frame at position; returns its end. */
static uint64_t consume(struct vv_ring *ring, uint64_t position, uint64_t *next,
                        uint64_t *generation)
{
    uint64_t words[40];
    uint64_t end = vv_ring_frame_end(ring, position);
    if (end == 0) {
        return position;
    }
    vv_ring_read(ring, position, words, end - position);
    assert_true(words[0] < PRODUCERS && words[2] == (end - position) / 8);
    assert_int_equal(words[1], next[words[0]]++);
    assert_true(words[3] >= *generation);
    *generation = words[3];
    for (size_t i = 4; i < words[2]; i++) {
        assert_int_equal(words[i], position + i);
    }
    return end;
}

static void threads_get_places_in_order_and_lose_nothing(void **state)
{
    (void)state;
    struct shared shared = {.yields = 0};
    struct producer producers[PRODUCERS];
    uint64_t next[PRODUCERS] = {0}, position = START, generation = 1, cuts[64], cut_count = 0;
    make(&shared.ring, START, START + 4096);
    shared.ring.step = yield_at_some_steps;
    shared.ring.step_context = &shared;
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.shared = &shared, .number = i};
        assert_int_equal(vv_thread_start(&producers[i].thread, produce, &producers[i]), 0);
    }
    uint64_t done = 0, kept = 4096;
    for (uint64_t round = 0; done < PRODUCERS * (uint64_t)FRAMES; round++) {
        uint64_t before = generation;
        uint64_t end = consume(&shared.ring, position, next, &generation);
        while (before < generation) { /* it begins where the one before was cut, not earlier */
            assert_true(position >= cuts[(before++ - 1) % 64]);
        }
        if (end == position) {
            vv_thread_yield();
        }
        done += end > position;
        position = end;
        if (round % 97 == 0 && cut_count - (generation - 1) < 60) {
            cuts[cut_count++ % 64] = vv_ring_cut(&shared.ring);
        }
        if (round % 13 == 0) { /* as at the end of a segment */
            uint64_t stands = vv_ring_close(&shared.ring);
            vv_thread_yield();
            assert_int_equal(vv_ring_end(&shared.ring), stands);
            vv_ring_open(&shared.ring);
        }
        kept = round % 5000 == 0 && kept < CAPACITY ? kept * 2 : kept;
        vv_ring_raise_limit(&shared.ring, position + kept);
    }
    for (size_t i = 0; i < PRODUCERS; i++) {
        vv_thread_join(&producers[i].thread);
        assert_int_equal(next[i], FRAMES);
    }
    assert_int_equal(position, vv_ring_end(&shared.ring));
    vv_ring_fini(&shared.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_follow_each_other_up_to_the_limit),
        cmocka_unit_test(a_new_ring_has_no_room_and_no_memory),
        cmocka_unit_test(nothing_is_reserved_in_a_closed_ring),
        cmocka_unit_test(what_was_seen_is_reserved_as_long_as_it_is_so),
        cmocka_unit_test(a_generation_begins_at_an_exact_place),
        cmocka_unit_test(the_last_position_is_never_passed),
        cmocka_unit_test(what_an_earlier_round_left_is_never_taken_for_a_frame),
        cmocka_unit_test(threads_get_places_in_order_and_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
