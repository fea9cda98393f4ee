/*
 * bench_compress.c - sizes and speeds of the codecs, with the gates of the compression phase.
 *
 *   bench_compress [--quick] [--json] [--data FOLDER] [--set NAME]
 *
 * Real data is read from the folder (or from VARVE_TEST_DATA); without it those rows say "not
 * measured". --quick: generated sets only, and small ones. Ends with 1 if a gate is missed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress_measure.h"

enum { SETS_MAX = 16, DECODED_BYTES = 128 << 20 };

struct program {
    bool quick;
    bool json;
    const char *folder;
    const char *only; /* NULL: every set */
    struct bench_result results[SETS_MAX];
    size_t count;
    int missed;
};

static void measure(struct program *program, struct bench_set *set)
{
    if (program->only == NULL || strcmp(program->only, set->name) == 0) {
        bench_measure(set, DECODED_BYTES, &program->results[program->count++]);
    }
    bench_set_free(set);
}

static void measure_generated(struct program *program)
{
    struct bench_set set;
    bench_set_scrape_shape(&set, program->quick ? 800 : 3200, 600);
    measure(program, &set);
    bench_set_tsbs(&set, program->quick ? 40 : 400, 2500);
    measure(program, &set);
    bench_set_precise(&set, program->quick ? 100 : 400, 2048);
    measure(program, &set);
}

static void measure_real(struct program *program)
{
    static const char *const alp[][2] = {{"city_temperature_f_tw.bin", "city"},
                                         {"gov26_tw.bin", "gov26"},
                                         {"food_prices_tw.bin", "food"},
                                         {"bitcoin_transactions_f_tw.bin", "bitcoin"},
                                         {"nyc29_tw.bin", "nyc29"}};
    struct bench_set set;
    if (program->folder == NULL || program->quick) {
        return;
    }
    if (bench_set_scrape(&set, program->folder)) {
        measure(program, &set);
    }
    if (bench_set_nab(&set, program->folder)) {
        measure(program, &set);
    }
    for (size_t i = 0; i < sizeof alp / sizeof alp[0]; i++) {
        if (bench_set_alp(&set, program->folder, alp[i][0], alp[i][1])) {
            measure(program, &set);
        }
    }
}

static double ratio(double numerator, double denominator)
{
    return denominator > 0 ? numerator / denominator : 0;
}

static void print_result(const struct bench_result *result)
{
    printf("\n%s: %zu values\n", result->name, result->values);
    printf("  bytes a value   hot %.4f  cold %.4f", result->hot_bytes, result->cold_bytes);
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        printf("  %s %.4f", bench_peer_names[i], result->peer_bytes[i]);
    }
    if (result->timestamp_bytes >= 0) {
        printf("  timestamps, shared %.4f", result->timestamp_bytes);
    }
    printf("\n  memcpy of the raw values %.3f ns a value\n", result->copy.decode_ns);
    printf("  %-12s %12s %12s %12s %12s\n", "", "decode ns", "x memcpy", "encode ns", "x memcpy");
    for (size_t i = 0; i < BENCH_ISAS + 1 + BENCH_PEERS; i++) {
        bool isa = i < BENCH_ISAS;
        const struct bench_speed *speed = isa               ? &result->isas[i]
                                          : i == BENCH_ISAS ? &result->cold
                                                            : &result->peers[i - BENCH_ISAS - 1];
        const char *name = isa               ? vv_isa_name((enum vv_isa)i)
                           : i == BENCH_ISAS ? "cold"
                                             : bench_peer_names[i - BENCH_ISAS - 1];
        if (speed->decode_ns > 0) {
            printf("  %-12s %12.3f %12.2f %12.2f %12.1f\n", name, speed->decode_ns,
                   ratio(result->copy.decode_ns, speed->decode_ns), speed->encode_ns,
                   ratio(speed->encode_ns, result->copy.decode_ns));
        }
    }
}

static void print_json(const struct bench_result *result)
{
    printf("{\"set\":\"%s\",\"values\":%zu,\"hot_bytes\":%.5f,\"cold_bytes\":%.5f,"
           "\"memcpy_ns\":%.4f,\"cold_decode_ns\":%.4f,\"cold_encode_ns\":%.4f",
           result->name, result->values, result->hot_bytes, result->cold_bytes,
           result->copy.decode_ns, result->cold.decode_ns, result->cold.encode_ns);
    if (result->timestamp_bytes >= 0) {
        printf(",\"timestamp_bytes\":%.5f", result->timestamp_bytes);
    }
    for (size_t i = 0; i < BENCH_ISAS; i++) {
        if (result->isas[i].decode_ns > 0) {
            const char *name = vv_isa_name((enum vv_isa)i);
            printf(",\"%s_decode_ns\":%.4f,\"%s_encode_ns\":%.4f", name, result->isas[i].decode_ns,
                   name, result->isas[i].encode_ns);
        }
    }
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        const char *name = bench_peer_names[i];
        printf(",\"%s_bytes\":%.5f,\"%s_decode_ns\":%.4f,\"%s_encode_ns\":%.4f", name,
               result->peer_bytes[i], name, result->peers[i].decode_ns, name,
               result->peers[i].encode_ns);
    }
    printf("}\n");
}

/* ----------------------------------------------------------------------------- Gates */

static const struct bench_result *find(const struct program *program, const char *name)
{
    for (size_t i = 0; i < program->count; i++) {
        if (strcmp(program->results[i].name, name) == 0) {
            return &program->results[i];
        }
    }
    return NULL;
}

/* One line of the table; measured below 0: not measured. */
static void gate(struct program *program, const char *measure_name, const char *relation,
                 double target, double measured)
{
    bool at_most = relation[0] == '<';
    bool met = at_most ? measured <= target : measured >= target;
    const char *verdict = measured < 0 ? "not measured" : met ? "met" : "MISSED";
    if (measured >= 0 && !met) {
        program->missed++;
    }
    if (program->json) {
        printf("{\"gate\":\"%s\",\"relation\":\"%s\",\"target\":%g,\"measured\":%.4f,"
               "\"verdict\":\"%s\"}\n",
               measure_name, relation, target, measured, verdict);
    } else if (measured < 0) {
        printf("  %-48s %2s %-8g %10s  %s\n", measure_name, relation, target, "", verdict);
    } else {
        printf("  %-48s %2s %-8g %10.4f  %s\n", measure_name, relation, target, measured, verdict);
    }
}

static void size_gates(struct program *program)
{
    static const struct {
        const char *set;
        double hot;
        double cold; /* 0: no gate */
    } targets[] = {
        {"scrape-10m", 0.19, 0.16}, {"tsbs", 0.385, 0.29},   {"nab", 3.6, 2.6},
        {"city", 1.355, 0.85},      {"gov26", 0.144, 0.047}, {"food", 2.36, 1.40},
        {"bitcoin", 4.60, 3.70},    {"nyc29", 5.07, 3.55},   {"precise", 6.25, 0},
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const struct bench_result *result = find(program, targets[i].set);
        char name[64];
        snprintf(name, sizeof name, "%s, hot, bytes a value", targets[i].set);
        gate(program, name, "<=", targets[i].hot, result != NULL ? result->hot_bytes : -1);
        if (targets[i].cold > 0) {
            snprintf(name, sizeof name, "%s, cold, bytes a value", targets[i].set);
            gate(program, name, "<=", targets[i].cold, result != NULL ? result->cold_bytes : -1);
        }
    }
    const struct bench_result *shape = find(program, "scrape-shape");
    const struct bench_result *scrape = find(program, "scrape-10m");
    gate(program, "timestamps, regular, bytes", "<=", 0.02, bench_regular_timestamps());
    gate(program, "timestamps, jittered and shared, bytes", "<=", 0.03,
         shape != NULL ? shape->timestamp_bytes : -1);
    gate(program, "timestamps of scrape-10m, bytes", "<=", 0.03,
         scrape != NULL ? scrape->timestamp_bytes : -1);
}

/* The instruction set that gates against memcpy and scalar speak of: AVX2, or the best where there
 * is none. Against Gorilla stands what a user gets: the best. */
static enum vv_isa gated_isa(void)
{
    return vv_cpu_has(VV_ISA_AVX2) ? VV_ISA_AVX2 : vv_cpu_isa();
}

static void speed_gates(struct program *program)
{
    static const struct {
        const char *set;
        double decode; /* times memcpy, 0: no gate */
        double gorilla;
        double encode;
    } targets[] = {
        {"scrape-shape", 1.0, 3.5, 20}, {"tsbs", 0.8, 10, 60}, {"precise", 0, 3.5, 60},
        {"scrape-10m", 1.0, 3.5, 20},   {"nab", 0, 3.5, 60},   {"city", 0, 6, 60},
        {"gov26", 0, 3.5, 60},          {"food", 0, 3.5, 60},  {"bitcoin", 0, 3.5, 60},
        {"nyc29", 0, 3.5, 60},
    };
    enum vv_isa isa = gated_isa();
    char name[64];
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const struct bench_result *result = find(program, targets[i].set);
        const struct bench_speed *speed = result != NULL ? &result->isas[isa] : NULL;
        const struct bench_speed *best = result != NULL ? &result->isas[vv_cpu_isa()] : NULL;
        if (targets[i].decode > 0) {
            snprintf(name, sizeof name, "%s, decode, times memcpy", targets[i].set);
            gate(program, name, ">=", targets[i].decode,
                 speed != NULL ? ratio(result->copy.decode_ns, speed->decode_ns) : -1);
        }
        snprintf(name, sizeof name, "%s, decode, times Gorilla", targets[i].set);
        gate(program, name, ">=", targets[i].gorilla,
             best != NULL ? ratio(result->peers[0].decode_ns, best->decode_ns) : -1);
        snprintf(name, sizeof name, "%s, decode, times scalar", targets[i].set);
        gate(program, name, ">=", 2.5,
             speed != NULL ? ratio(result->isas[VV_ISA_SCALAR].decode_ns, speed->decode_ns) : -1);
        snprintf(name, sizeof name, "%s, encode time, times memcpy", targets[i].set);
        gate(program, name, "<=", targets[i].encode,
             speed != NULL ? ratio(speed->encode_ns, result->copy.decode_ns) : -1);
    }
}

static bool parse(struct program *program, int argc, char **argv)
{
    program->folder = getenv("VARVE_TEST_DATA");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            program->quick = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            program->json = true;
        } else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
            program->folder = argv[++i];
        } else if (strcmp(argv[i], "--set") == 0 && i + 1 < argc) {
            program->only = argv[++i];
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct program program;
    if (!parse(&program, argc, argv)) {
        fprintf(stderr, "usage: bench_compress [--quick] [--json] [--data FOLDER] [--set NAME]\n");
        return 2;
    }
    measure_generated(&program);
    measure_real(&program);
    for (size_t i = 0; i < program.count; i++) {
        if (program.json) {
            print_json(&program.results[i]);
        } else {
            print_result(&program.results[i]);
        }
    }
    if (!program.json) {
        printf("\n  %-48s %11s %10s\n", "gate", "target", "measured");
    }
    size_gates(&program);
    speed_gates(&program);
    return program.missed != 0 ? 1 : 0;
}
