/*
 * test_env_sim_crash.c - after a crash the simulated disk holds what the rules in env_sim.h allow,
 * and nothing else.
 */
#include "os/env_sim.h"

#include "support/sim_fixture.h"

enum { SECTOR_BYTES = 512 };

static void what_was_synced_survives_every_crash(void **state)
{
    const struct sim_fixture *fixture = *state;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    sim_fixture_sync(&fixture->base, file);
    sim_fixture_sync_names(&fixture->base);
    for (int mode = 0; mode < VV_CRASH_MODE_COUNT; mode++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct sim_fixture after = sim_fixture_crash(fixture, seed, (enum vv_crash_mode)mode);
            assert_string_equal(sim_fixture_text(&after.base, "a"), "hello");
            vv_env_sim_destroy(after.sim);
        }
    }
    assert_int_equal(vv_env_sim_pending(fixture->sim), 0);
}

static void a_synced_file_without_a_synced_name_is_lost(void **state)
{
    const struct sim_fixture *fixture = *state;
    int file = env_fixture_create(&fixture->base, "a", "hello");
    sim_fixture_sync(&fixture->base, file);
    struct sim_fixture after = sim_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_string_equal(sim_fixture_text(&after.base, "a"), "-");
    vv_env_sim_destroy(after.sim);
    after = sim_fixture_crash(fixture, 1, VV_CRASH_KEEP_ALL);
    assert_string_equal(sim_fixture_text(&after.base, "a"), "hello");
    vv_env_sim_destroy(after.sim);
}

static void a_synced_name_without_synced_data_is_an_empty_file(void **state)
{
    const struct sim_fixture *fixture = *state;
    (void)env_fixture_create(&fixture->base, "a", "hello");
    sim_fixture_sync_names(&fixture->base);
    struct sim_fixture after = sim_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_string_equal(sim_fixture_text(&after.base, "a"), "");
    vv_env_sim_destroy(after.sim);
}

/* The classic: write aside, rename over, never sync the data. */
static void a_rename_without_sync_can_leave_an_empty_file(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int old = env_fixture_create(&fixture->base, "a", "old");
    sim_fixture_sync(&fixture->base, old);
    sim_fixture_sync_names(&fixture->base);
    (void)env_fixture_create(&fixture->base, "a.tmp", "new");
    assert_int_equal(env->ops->rename(env->ctx, fixture->base.directory, "a.tmp", "a"), 0);
    int seen_old = 0;
    int seen_new = 0;
    int seen_other = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_fixture after = sim_fixture_crash(fixture, seed, VV_CRASH_RANDOM);
        const char *text = sim_fixture_text(&after.base, "a");
        seen_old += strcmp(text, "old") == 0;
        seen_new += strcmp(text, "new") == 0;
        seen_other += strcmp(text, "old") != 0 && strcmp(text, "new") != 0;
        vv_env_sim_destroy(after.sim);
    }
    assert_true(seen_old > 0 && seen_new > 0 && seen_other > 0);
}

static void a_rename_after_sync_leaves_old_or_new(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "old");
    sim_fixture_sync(&fixture->base, file);
    sim_fixture_sync_names(&fixture->base);
    file = env_fixture_create(&fixture->base, "a.tmp", "new");
    sim_fixture_sync(&fixture->base, file);
    assert_int_equal(env->ops->rename(env->ctx, fixture->base.directory, "a.tmp", "a"), 0);
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_fixture after = sim_fixture_crash(fixture, seed, (enum vv_crash_mode)(seed % 5));
        const char *text = sim_fixture_text(&after.base, "a");
        assert_true(strcmp(text, "old") == 0 || strcmp(text, "new") == 0);
        vv_env_sim_destroy(after.sim);
    }
    sim_fixture_sync_names(&fixture->base);
    struct sim_fixture after = sim_fixture_crash(fixture, 0, VV_CRASH_LOSE_ALL);
    assert_string_equal(sim_fixture_text(&after.base, "a"), "new");
    assert_string_equal(sim_fixture_text(&after.base, "a.tmp"), "-");
    vv_env_sim_destroy(after.sim);
}

static void changes_of_one_name_keep_their_order(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int first = env_fixture_create(&fixture->base, "a", "first");
    sim_fixture_sync(&fixture->base, first);
    assert_int_equal(env->ops->unlink(env->ctx, fixture->base.directory, "a"), 0);
    int second = env_fixture_create(&fixture->base, "a", "second");
    sim_fixture_sync(&fixture->base, second);
    int third = env_fixture_create(&fixture->base, "b", "third");
    sim_fixture_sync(&fixture->base, third);
    int b_alone = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_fixture after = sim_fixture_crash(fixture, seed, VV_CRASH_RANDOM);
        const char *text = sim_fixture_text(&after.base, "a");
        bool is_missing = strcmp(text, "-") == 0;
        assert_true(is_missing || strcmp(text, "first") == 0 || strcmp(text, "second") == 0);
        b_alone += is_missing && strcmp(sim_fixture_text(&after.base, "b"), "third") == 0;
        vv_env_sim_destroy(after.sim);
    }
    assert_true(b_alone > 0); /* other names are not held back */
}

static void an_exchange_is_whole_or_not_at_all(void **state)
{
    struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int root = fixture->base.directory;
    struct vv_file_status one;
    struct vv_file_status other;
    assert_int_equal(env->ops->make_directory(env->ctx, "/db/one"), 0);
    assert_int_equal(env->ops->make_directory(env->ctx, "/db/other"), 0);
    int inner = env->ops->open_directory(env->ctx, "/db/one");
    assert_true(inner >= 0);
    int file = env->ops->open(env->ctx, inner, "mark", VV_OPEN_CREATE);
    assert_true(file >= 0);
    assert_int_equal(env->ops->sync_directory(env->ctx, inner), 0);
    assert_int_equal(env->ops->sync_directory(env->ctx, root), 0);
    assert_int_equal(env->ops->exchange_paths(env->ctx, "/db/one", "/db/other"), 0);
    bool seen[2] = {false, false};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct vv_env_sim *after = vv_env_sim_crash(fixture->sim, seed, VV_CRASH_RANDOM);
        assert_non_null(after);
        const struct vv_env *now = vv_env_sim_env(after);
        bool in_one = now->ops->stat_path(now->ctx, "/db/one/mark", &one) == 0;
        bool in_other = now->ops->stat_path(now->ctx, "/db/other/mark", &other) == 0;
        assert_true(in_one != in_other);
        assert_int_equal(now->ops->stat_path(now->ctx, "/db/one", &one), 0);
        assert_int_equal(now->ops->stat_path(now->ctx, "/db/other", &other), 0);
        seen[in_other] = true;
        vv_env_sim_destroy(after);
    }
    assert_true(seen[0] && seen[1]);
    (void)env->ops->close(env->ctx, file);
    (void)env->ops->close(env->ctx, inner);
}

static void a_chain_of_renames_never_leaves_two_names(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int directory = fixture->base.directory;
    (void)env_fixture_create(&fixture->base, "a", "");
    sim_fixture_sync_names(&fixture->base);
    assert_int_equal(env->ops->rename(env->ctx, directory, "a", "b"), 0);
    assert_int_equal(env->ops->rename(env->ctx, directory, "b", "c"), 0);
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim_fixture after = sim_fixture_crash(fixture, seed, VV_CRASH_RANDOM);
        static const char *const names[] = {"a", "b", "c"};
        unsigned found = 0;
        for (unsigned index = 0; index < 3; index++) {
            found |=
                strcmp(sim_fixture_text(&after.base, names[index]), "-") == 0 ? 0 : 1u << index;
        }
        assert_true(found == 1 || found == 2 || found == 4);
        seen |= found;
        vv_env_sim_destroy(after.sim);
    }
    assert_int_equal(seen, 7);
}

static void a_lost_directory_takes_its_files_along(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    assert_int_equal(env->ops->make_directory(env->ctx, "/db/inner"), 0);
    struct env_fixture inner = {.env = env};
    inner.directory = env->ops->open_directory(env->ctx, "/db/inner");
    int file = env_fixture_create(&inner, "a", "hello");
    sim_fixture_sync(&inner, file);
    sim_fixture_sync_names(&inner);
    struct vv_file_status status;
    struct sim_fixture after = sim_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_int_equal(after.base.env->ops->stat_path(after.base.env->ctx, "/db/inner", &status),
                     -ENOENT);
    vv_env_sim_destroy(after.sim);
    sim_fixture_sync_names(&fixture->base);
    after = sim_fixture_crash(fixture, 1, VV_CRASH_LOSE_ALL);
    assert_int_equal(after.base.env->ops->stat_path(after.base.env->ctx, "/db/inner/a", &status),
                     0);
    assert_int_equal(status.size, 5);
    vv_env_sim_destroy(after.sim);
}

static void a_hard_link_stays_one_file(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int directory = fixture->base.directory;
    (void)env_fixture_create(&fixture->base, "a", "hello");
    assert_int_equal(env->ops->link(env->ctx, directory, "a", directory, "b"), 0);
    struct sim_fixture after = sim_fixture_crash(fixture, 1, VV_CRASH_KEEP_ALL);
    int file = env_fixture_open(&after.base, "a", VV_OPEN_WRITE);
    assert_int_equal(vv_env_write_all(after.base.env, file, "j", 1, 0), 0);
    assert_string_equal(sim_fixture_text(&after.base, "b"), "jello");
    vv_env_sim_destroy(after.sim);
}

static void the_same_seed_gives_the_same_disk(void **state)
{
    const struct sim_fixture *fixture = *state;
    int file = env_fixture_create(&fixture->base, "a", "");
    sim_fixture_sync_names(&fixture->base);
    uint8_t bytes[64 * SECTOR_BYTES];
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(vv_env_write_all(fixture->base.env, file, bytes, sizeof(bytes), 0), 0);
    int differences = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint8_t found[3][64 * SECTOR_BYTES] = {{0}};
        for (uint64_t round = 0; round < 3; round++) {
            struct sim_fixture after =
                sim_fixture_crash(fixture, round < 2 ? seed : seed + 1000, VV_CRASH_RANDOM);
            int copy = env_fixture_open(&after.base, "a", VV_OPEN_READ);
            const struct vv_env *env = after.base.env;
            assert_true(env->ops->pread(env->ctx, copy, found[round], sizeof(bytes), 0) >= 0);
            vv_env_sim_destroy(after.sim);
        }
        assert_memory_equal(found[0], found[1], sizeof(bytes));
        differences += memcmp(found[0], found[2], sizeof(bytes)) != 0;
    }
    assert_true(differences > 5);
}

static void a_torn_write_leaves_a_prefix_of_its_sectors(void **state)
{
    const struct sim_fixture *fixture = *state;
    int file = env_fixture_create(&fixture->base, "a", "");
    uint8_t bytes[8 * SECTOR_BYTES];
    memset(bytes, 'o', sizeof(bytes));
    assert_int_equal(vv_env_write_all(fixture->base.env, file, bytes, sizeof(bytes), 0), 0);
    sim_fixture_sync(&fixture->base, file);
    sim_fixture_sync_names(&fixture->base);
    memset(bytes, 'n', sizeof(bytes));
    assert_int_equal(vv_env_write_all(fixture->base.env, file, bytes, sizeof(bytes), 0), 0);
    unsigned lengths_seen = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim_fixture after = sim_fixture_crash(fixture, seed, VV_CRASH_TORN);
        int copy = env_fixture_open(&after.base, "a", VV_OPEN_READ);
        assert_int_equal(vv_env_read_all(after.base.env, copy, bytes, sizeof(bytes), 0), 0);
        size_t length = 0;
        while (length < sizeof(bytes) && bytes[length] == 'n') {
            length++;
        }
        assert_int_equal(length % SECTOR_BYTES, 0);
        for (size_t index = length; index < sizeof(bytes); index++) {
            assert_int_equal(bytes[index], 'o');
        }
        lengths_seen |= 1u << (length / SECTOR_BYTES);
        vv_env_sim_destroy(after.sim);
    }
    assert_int_equal(lengths_seen, 0x1ff);
}

static void a_kept_prefix_is_in_order_over_all_files(void **state)
{
    const struct sim_fixture *fixture = *state;
    int first = env_fixture_create(&fixture->base, "a", "0");
    int second = env_fixture_create(&fixture->base, "b", "0");
    sim_fixture_sync(&fixture->base, first);
    sim_fixture_sync(&fixture->base, second);
    sim_fixture_sync_names(&fixture->base);
    for (int step = 1; step <= 5; step++) {
        char digit = (char)('0' + step);
        assert_int_equal(vv_env_write_all(fixture->base.env, first, &digit, 1, 0), 0);
        assert_int_equal(vv_env_write_all(fixture->base.env, second, &digit, 1, 0), 0);
    }
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_fixture after = sim_fixture_crash(fixture, seed, VV_CRASH_PREFIX);
        int a = sim_fixture_text(&after.base, "a")[0];
        int b = sim_fixture_text(&after.base, "b")[0];
        assert_true(a == b || a == b + 1);
        seen |= 1u << (a - '0' + b - '0');
        vv_env_sim_destroy(after.sim);
    }
    assert_int_equal(seen, 0x7ff); /* all eleven points */
}

static void a_truncated_tail_never_comes_back(void **state)
{
    const struct sim_fixture *fixture = *state;
    const struct vv_env *env = fixture->base.env;
    int file = env_fixture_create(&fixture->base, "a", "");
    uint8_t bytes[4 * SECTOR_BYTES];
    memset(bytes, 'o', sizeof(bytes));
    assert_int_equal(vv_env_write_all(env, file, bytes, sizeof(bytes), 0), 0);
    sim_fixture_sync(&fixture->base, file);
    sim_fixture_sync_names(&fixture->base);
    assert_int_equal(env->ops->truncate(env->ctx, file, 100), 0);
    memset(bytes, 'n', sizeof(bytes));
    assert_int_equal(vv_env_write_all(env, file, bytes, 3 * SECTOR_BYTES, SECTOR_BYTES), 0);
    bool seen_old = false;
    bool seen_new = false;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct sim_fixture after = sim_fixture_crash(fixture, seed, VV_CRASH_RANDOM);
        int copy = env_fixture_open(&after.base, "a", VV_OPEN_READ);
        uint64_t size = env_fixture_size(&after.base, copy);
        assert_true(size == 100 || size == 4 * SECTOR_BYTES);
        assert_int_equal(vv_env_read_all(after.base.env, copy, bytes, size, 0), 0);
        bool has_old_tail = size > 100 && bytes[100] == 'o';
        for (size_t index = 100; index < size; index++) {
            if (has_old_tail) {
                assert_true(bytes[index] == 'o');
            } else {
                assert_true(bytes[index] == 0 || bytes[index] == 'n');
            }
        }
        seen_old = seen_old || has_old_tail;
        seen_new = seen_new || (size > 100 && !has_old_tail);
        vv_env_sim_destroy(after.sim);
    }
    assert_true(seen_old && seen_new);
}

static void data_without_its_size_is_gone_for_good(void **state)
{
    const struct sim_fixture *fixture = *state;
    int file = env_fixture_create(&fixture->base, "a", "");
    sim_fixture_sync_names(&fixture->base);
    uint8_t bytes[4 * SECTOR_BYTES];
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(vv_env_write_all(fixture->base.env, file, bytes, sizeof(bytes), 0), 0);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_fixture first = sim_fixture_crash(fixture, seed, VV_CRASH_RANDOM);
        const struct vv_env *env = first.base.env;
        file = env_fixture_open(&first.base, "a", VV_OPEN_WRITE);
        uint64_t size = env_fixture_size(&first.base, file);
        assert_int_equal(env->ops->truncate(env->ctx, file, sizeof(bytes)), 0);
        sim_fixture_sync(&first.base, file);
        struct sim_fixture second = sim_fixture_crash(&first, seed, VV_CRASH_LOSE_ALL);
        file = env_fixture_open(&second.base, "a", VV_OPEN_READ);
        assert_int_equal(vv_env_read_all(second.base.env, file, bytes, sizeof(bytes), 0), 0);
        for (uint64_t index = size; index < sizeof(bytes); index++) {
            assert_int_equal(bytes[index], 0);
        }
        vv_env_sim_destroy(second.sim);
        vv_env_sim_destroy(first.sim);
    }
}

/* The same history on the simulated disk and in a model that keeps every state of one file. */
enum { MODEL_SECTORS = 6, MODEL_BYTES = MODEL_SECTORS * SECTOR_BYTES, MODEL_STATES = 24 };

struct model {
    uint8_t bytes[MODEL_STATES][MODEL_BYTES]; /* zero behind the size */
    uint64_t sizes[MODEL_STATES];
    int count; /* states since the last sync, the synced one first */
};

static void model_push(struct model *model)
{
    memcpy(model->bytes[model->count], model->bytes[model->count - 1], MODEL_BYTES);
    model->sizes[model->count] = model->sizes[model->count - 1];
    model->count++;
}

static void step(struct vv_test_random *random, const struct env_fixture *fixture, int file,
                 struct model *model)
{
    const struct vv_env *env = fixture->env;
    uint64_t kind = vv_test_random_below(random, 10);
    if (kind == 0 || model->count == MODEL_STATES) {
        sim_fixture_sync(fixture, file);
        memcpy(model->bytes[0], model->bytes[model->count - 1], MODEL_BYTES);
        model->sizes[0] = model->sizes[model->count - 1];
        model->count = 1;
        return;
    }
    model_push(model);
    uint8_t *bytes = model->bytes[model->count - 1];
    uint64_t *size = &model->sizes[model->count - 1];
    if (kind <= 2) {
        uint64_t new_size = vv_test_random_below(random, MODEL_BYTES + 1);
        assert_int_equal(env->ops->truncate(env->ctx, file, new_size), 0);
        memset(bytes + new_size, 0, MODEL_BYTES - new_size);
        *size = new_size;
        return;
    }
    uint64_t offset = vv_test_random_below(random, MODEL_BYTES);
    uint64_t length = 1 + vv_test_random_below(random, MODEL_BYTES - offset);
    memset(bytes + offset, (int)(1 + vv_test_random_below(random, 255)), length);
    assert_int_equal(vv_env_write_all(env, file, bytes + offset, length, offset), 0);
    *size = offset + length > *size ? offset + length : *size;
}

/* Every sector is one of its states, cut off at the size, or zeros: as if never allocated. */
static void check_sectors(const struct model *model, const uint8_t *found, uint64_t size)
{
    static const uint8_t zeros[SECTOR_BYTES];
    for (uint64_t start = 0; start < size; start += SECTOR_BYTES) {
        uint64_t length = size - start < SECTOR_BYTES ? size - start : SECTOR_BYTES;
        bool is_known = memcmp(found + start, zeros, length) == 0;
        for (int index = 0; index < model->count && !is_known; index++) {
            is_known = memcmp(found + start, model->bytes[index] + start, length) == 0;
        }
        assert_true(is_known);
    }
}

static bool is_size_of(const struct model *model, uint64_t size)
{
    for (int index = 0; index < model->count; index++) {
        if (model->sizes[index] == size) {
            return true;
        }
    }
    return false;
}

static void check_crash(const struct sim_fixture *fixture, const struct model *model, uint64_t seed,
                        enum vv_crash_mode mode)
{
    struct sim_fixture after = sim_fixture_crash(fixture, seed, mode);
    int file = env_fixture_open(&after.base, "a", VV_OPEN_READ);
    uint8_t found[MODEL_BYTES] = {0};
    uint64_t size = env_fixture_size(&after.base, file);
    assert_true(is_size_of(model, size));
    assert_int_equal(vv_env_read_all(after.base.env, file, found, size, 0), 0);
    if (mode == VV_CRASH_LOSE_ALL || mode == VV_CRASH_KEEP_ALL) {
        int expected = mode == VV_CRASH_LOSE_ALL ? 0 : model->count - 1;
        assert_int_equal(size, model->sizes[expected]);
        assert_memory_equal(found, model->bytes[expected], MODEL_BYTES);
    } else if (mode == VV_CRASH_PREFIX) {
        bool is_state = false;
        for (int index = 0; index < model->count && !is_state; index++) {
            is_state =
                size == model->sizes[index] && memcmp(found, model->bytes[index], MODEL_BYTES) == 0;
        }
        assert_true(is_state);
    } else if (mode == VV_CRASH_TORN) {
        check_sectors(model, found, size);
    }
    vv_env_sim_destroy(after.sim);
}

static void random_histories_crash_into_legal_states(void **state)
{
    const struct sim_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(1);
    int file = env_fixture_create(&fixture->base, "a", "");
    sim_fixture_sync_names(&fixture->base);
    static struct model model;
    model = (struct model){.count = 1};
    for (int round = 0; round < 1500; round++) {
        step(&random, &fixture->base, file, &model);
        uint64_t seed = vv_test_random_next(&random);
        check_crash(fixture, &model, seed, (enum vv_crash_mode)(round % VV_CRASH_MODE_COUNT));
    }
}

/* Without cuts every sector of a random crash is one that the page cache has held. */
static void random_writes_crash_into_sectors_that_were(void **state)
{
    const struct sim_fixture *fixture = *state;
    struct vv_test_random random = vv_test_random_init(2);
    int file = env_fixture_create(&fixture->base, "a", "");
    sim_fixture_sync_names(&fixture->base);
    static struct model model;
    model = (struct model){.count = 1};
    int mixtures = 0;
    for (int round = 0; round < 500; round++) {
        if (model.count == MODEL_STATES) {
            sim_fixture_sync(&fixture->base, file);
            memcpy(model.bytes[0], model.bytes[model.count - 1], MODEL_BYTES);
            model.sizes[0] = model.sizes[model.count - 1];
            model.count = 1;
        }
        model_push(&model);
        uint64_t offset = vv_test_random_below(&random, MODEL_BYTES);
        uint64_t length = 1 + vv_test_random_below(&random, MODEL_BYTES - offset);
        uint8_t *bytes = model.bytes[model.count - 1];
        memset(bytes + offset, (int)(1 + vv_test_random_below(&random, 255)), length);
        assert_int_equal(vv_env_write_all(fixture->base.env, file, bytes + offset, length, offset),
                         0);
        uint64_t *size = &model.sizes[model.count - 1];
        *size = offset + length > *size ? offset + length : *size;

        struct sim_fixture after =
            sim_fixture_crash(fixture, vv_test_random_next(&random), VV_CRASH_RANDOM);
        int copy = env_fixture_open(&after.base, "a", VV_OPEN_READ);
        uint8_t found[MODEL_BYTES] = {0};
        uint64_t found_size = env_fixture_size(&after.base, copy);
        assert_true(is_size_of(&model, found_size));
        assert_int_equal(vv_env_read_all(after.base.env, copy, found, found_size, 0), 0);
        check_sectors(&model, found, found_size);
        bool is_state = false;
        for (int index = 0; index < model.count; index++) {
            is_state = is_state || memcmp(found, model.bytes[index], MODEL_BYTES) == 0;
        }
        mixtures += !is_state;
        vv_env_sim_destroy(after.sim);
    }
    assert_true(mixtures > 50);
}

#define SIM_TEST(function)                                                                         \
    cmocka_unit_test_setup_teardown(function, sim_fixture_set_up, sim_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(what_was_synced_survives_every_crash),
        SIM_TEST(a_synced_file_without_a_synced_name_is_lost),
        SIM_TEST(a_synced_name_without_synced_data_is_an_empty_file),
        SIM_TEST(a_rename_without_sync_can_leave_an_empty_file),
        SIM_TEST(a_rename_after_sync_leaves_old_or_new),
        SIM_TEST(changes_of_one_name_keep_their_order),
        SIM_TEST(an_exchange_is_whole_or_not_at_all),
        SIM_TEST(a_chain_of_renames_never_leaves_two_names),
        SIM_TEST(a_lost_directory_takes_its_files_along),
        SIM_TEST(a_hard_link_stays_one_file),
        SIM_TEST(the_same_seed_gives_the_same_disk),
        SIM_TEST(a_torn_write_leaves_a_prefix_of_its_sectors),
        SIM_TEST(a_kept_prefix_is_in_order_over_all_files),
        SIM_TEST(a_truncated_tail_never_comes_back),
        SIM_TEST(data_without_its_size_is_gone_for_good),
        SIM_TEST(random_histories_crash_into_legal_states),
        SIM_TEST(random_writes_crash_into_sectors_that_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
