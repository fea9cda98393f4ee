/*
 * block_fixture.h - a simulated disk with a directory, for tests of blocks.
 */
#ifndef VARVE_TEST_SUPPORT_BLOCK_FIXTURE_H
#define VARVE_TEST_SUPPORT_BLOCK_FIXTURE_H

#include "base/checksum.h"
#include "os/env_sim.h"
#include "support/block_model.h"

struct block_fixture {
    struct vv_env_sim *sim;
    const struct vv_env *env;
    int directory;
    struct vv_test_random random;
};

static inline int block_fixture_set_up(void **state)
{
    static uint64_t salt;
    struct block_fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->sim = vv_env_sim_create(1);
    fixture->env = vv_env_sim_env(fixture->sim);
    fixture->directory = fixture->env->ops->open_directory(fixture->env->ctx, "/");
    fixture->random = vv_test_random_init(++salt);
    *state = fixture;
    return 0;
}

static inline int block_fixture_tear_down(void **state)
{
    struct block_fixture *fixture = *state;
    vv_env_sim_destroy(fixture->sim);
    free(fixture);
    return 0;
}

#define block_fixture_test(function)                                                               \
    cmocka_unit_test_setup_teardown(function, block_fixture_set_up, block_fixture_tear_down)

/* Writes a model and opens it; nothing may go wrong. */
static inline struct vv_block *block_fixture_open(struct block_fixture *fixture,
                                                  const struct block_model *model, const char *name,
                                                  bool cold, struct vv_block_info *info)
{
    struct vv_block *block = NULL;
    varve_error error = {.status = VARVE_OK};
    varve_status status =
        block_model_write(model, fixture->env, fixture->directory, name, cold, info, &error);
    if (status == VARVE_OK) {
        status = vv_block_open(fixture->env, fixture->directory, name, info, &block, &error);
    }
    if (status != VARVE_OK) {
        fail_msg("%s", error.message);
    }
    return block;
}

/* Reads a file to memory that the caller frees. */
static inline uint8_t *block_fixture_read(struct block_fixture *fixture, const char *name,
                                          size_t length)
{
    const struct vv_env *env = fixture->env;
    uint8_t *bytes = malloc(length);
    int file = env->ops->open(env->ctx, fixture->directory, name, VV_OPEN_READ);
    assert_true(file >= 0);
    assert_int_equal(vv_env_read_all(env, file, bytes, length, 0), 0);
    (void)env->ops->close(env->ctx, file);
    return bytes;
}

/* Makes a file, or replaces one. */
static inline void block_fixture_write(struct block_fixture *fixture, const char *name,
                                       const uint8_t *bytes, size_t length)
{
    const struct vv_env *env = fixture->env;
    int file = env->ops->open(env->ctx, fixture->directory, name, VV_OPEN_TRUNCATE);
    assert_true(file >= 0);
    assert_int_equal(vv_env_write_all(env, file, bytes, length, 0), 0);
    (void)env->ops->close(env->ctx, file);
}

/* Names, values and postings as one number, to compare two blocks. At most 64 series. */
struct block_fixture_digest_state {
    const struct vv_label_source *source;
    varve_string name;
    uint64_t digest;
};

static inline varve_status block_fixture_digest_value(void *visitor, varve_string value,
                                                      uint64_t posting)
{
    struct block_fixture_digest_state *digest = visitor;
    struct vv_id_runs *ids = vv_id_runs_create();
    varve_status status = digest->source->ops->add_posting(digest->source->ctx, posting, ids);
    if (status == VARVE_OK) {
        uint32_t array[64] = {0};
        assert_true(vv_id_runs_count(ids) <= 64);
        vv_id_runs_to_array(ids, array);
        digest->digest = vv_checksum(value.bytes, value.length, digest->digest);
        digest->digest = vv_checksum(array, sizeof(array), digest->digest);
    }
    vv_id_runs_destroy(ids);
    return status;
}

static inline varve_status block_fixture_digest_name(void *visitor, varve_string name)
{
    struct block_fixture_digest_state *digest = visitor;
    digest->digest = vv_checksum(name.bytes, name.length, digest->digest);
    return digest->source->ops->each_value(digest->source->ctx, name, block_fixture_digest_value,
                                           digest);
}

static inline varve_status block_fixture_digest(const struct vv_block *block, uint64_t *digest)
{
    struct vv_label_source source = vv_block_labels(block);
    struct block_fixture_digest_state visitor = {.source = &source};
    VV_TRY(source.ops->each_name(source.ctx, block_fixture_digest_name, &visitor));
    *digest = visitor.digest;
    return VARVE_OK;
}

#endif
