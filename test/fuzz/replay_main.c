/*
 * replay_main.c - runs a fuzz target without libFuzzer: every file of a corpus as it is, then cut
 * short at every length up to CUTS_MAX and with a few bytes changed.
 *
 *     fuzz_<name> CORPUS...
 *
 * R1  Each input lies in a heap block of exactly its size, so that AddressSanitizer sees a read of
 *     the byte behind it.
 * R2  The changes to a file follow from the seed (support/random.h) and its name: what fails, fails
 *     again, whatever else is in the corpus.
 * R3  A corpus without a file is a failure: a test that ran nothing must not pass.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/random.h"

enum {
    CUTS_MAX = 256,  /* prefixes tried per file */
    MUTATIONS = 200, /* changed copies tried per file */
    CHANGES_MAX = 4, /* bytes changed in a copy */
    PATH_BYTES_MAX = 4096,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void run_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, length);
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static void run_mutated(uint8_t *bytes, size_t length, struct vv_test_random *random)
{
    size_t places[CHANGES_MAX];
    uint8_t before[CHANGES_MAX];
    size_t changes = 1 + (size_t)vv_test_random_below(random, CHANGES_MAX);

    for (size_t index = 0; index < changes; index++) {
        places[index] = (size_t)vv_test_random_below(random, length);
        before[index] = bytes[places[index]];
        bytes[places[index]] = (uint8_t)vv_test_random_next(random);
    }
    run_copy(bytes, length);
    for (size_t index = changes; index-- > 0;) {
        bytes[places[index]] = before[index];
    }
}

static void run_variations(uint8_t *bytes, size_t length, struct vv_test_random *random)
{
    run_copy(bytes, length);
    for (size_t cut = 0; cut < length && cut < CUTS_MAX; cut++) {
        run_copy(bytes, cut);
    }
    for (int round = 0; round < MUTATIONS && length > 0; round++) {
        run_mutated(bytes, length, random);
    }
}

/* The contents of a file in the caller's memory, or NULL. */
static uint8_t *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    uint8_t *bytes = NULL;

    if (file != NULL && stat(path, &status) == 0) {
        *length = (size_t)status.st_size;
        bytes = malloc(*length > 0 ? *length : 1);
        if (bytes != NULL && fread(bytes, 1, *length, file) != *length) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

static struct vv_test_random random_of(const char *name)
{
    uint64_t seed = vv_test_seed();
    for (; *name != '\0'; name++) {
        seed = seed * 31 + (uint8_t)*name;
    }
    return vv_test_random_seeded(seed);
}

/* Runs the files of one corpus folder; returns how many there were, or -1. */
static int run_corpus(const char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    if (directory == NULL) {
        fprintf(stderr, "%s: no such corpus\n", folder);
        return -1;
    }
    while (count >= 0 && (entry = readdir(directory)) != NULL) {
        char path[PATH_BYTES_MAX];
        struct vv_test_random random;
        size_t length;
        uint8_t *bytes;

        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        bytes = read_file(path, &length);
        if (bytes == NULL) {
            fprintf(stderr, "%s: cannot be read\n", path);
            count = -1;
            break;
        }
        random = random_of(entry->d_name);
        run_variations(bytes, length, &random);
        free(bytes);
        count++;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;

    printf("VARVE_TEST_SEED=%" PRIu64 "\n", vv_test_seed());
    for (int index = 1; index < argc; index++) {
        int count = run_corpus(argv[index]);
        if (count < 0) {
            return 1;
        }
        total += count;
    }
    printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
