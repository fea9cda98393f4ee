/*
 * random.h - random numbers for tests: the same in every run unless VARVE_TEST_SEED says otherwise.
 *
 * xoshiro256** by Blackman and Vigna, seeded through splitmix64. A failing test shows the seed,
 * since vv_test_random_init() prints it: cmocka and ctest show what a failed program printed.
 */
#ifndef VARVE_TEST_SUPPORT_RANDOM_H
#define VARVE_TEST_SUPPORT_RANDOM_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define VV_TEST_SEED_DEFAULT UINT64_C(20261121)

struct vv_test_random {
    uint64_t state[4];
};

static inline uint64_t vv_test_splitmix(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static inline struct vv_test_random vv_test_random_seeded(uint64_t seed)
{
    struct vv_test_random random;
    for (int index = 0; index < 4; index++) {
        random.state[index] = vv_test_splitmix(&seed);
    }
    return random;
}

/* The seed of this run: VARVE_TEST_SEED (decimal or 0x...) or the default. */
static inline uint64_t vv_test_seed(void)
{
    const char *text = getenv("VARVE_TEST_SEED");
    return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : VV_TEST_SEED_DEFAULT;
}

/* A generator of its own for a test: the salt tells the tests of one program apart. */
static inline struct vv_test_random vv_test_random_init(uint64_t salt)
{
    uint64_t seed = vv_test_seed();
    printf("VARVE_TEST_SEED=%" PRIu64 "\n", seed);
    return vv_test_random_seeded(seed ^ (salt * UINT64_C(0x9e3779b97f4a7c15)));
}

static inline uint64_t vv_test_random_next(struct vv_test_random *random)
{
    uint64_t *s = random->state;
    uint64_t scrambled = s[1] * 5;
    scrambled = ((scrambled << 7) | (scrambled >> 57)) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return scrambled;
}

/* 0 to bound - 1, each as likely but for a bias of bound / 2^64; 0 if bound is 0. */
static inline uint64_t vv_test_random_below(struct vv_test_random *random, uint64_t bound)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)vv_test_random_next(random) * bound) >> 64);
}

/* In [0, 1). */
static inline double vv_test_random_uniform(struct vv_test_random *random)
{
    return (double)(vv_test_random_next(random) >> 11) * 0x1p-53;
}

#endif
