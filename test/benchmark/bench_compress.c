/*
 * bench_compress.c - sizes and speeds of the codecs beside memcpy and other codecs.
 *
 *   bench_compress [--quick] [--json] [--data FOLDER] [--set NAME]
 *
 * Real data is read from the folder (or from VARVE_TEST_DATA). --quick: generated sets only, and
 * small ones. --json: the figures of each set, and a line for each measure of tools/gate.
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
    const char *only;              /* NULL: every set */
    struct bench_batch batches[2]; /* hot and cold, of the TSBS shape */
    struct bench_result results[SETS_MAX];
    size_t count;
};

static void measure(struct program *program, struct bench_set *set)
{
    if (program->only == NULL || strcmp(program->only, set->name) == 0) {
        bench_measure(set, DECODED_BYTES, &program->results[program->count++]);
        for (int cold = 0; cold < 2 && strcmp(set->name, "tsbs") == 0; cold++) {
            program->batches[cold] = bench_measure_batch(set, cold != 0);
        }
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

/* -------------------------------------------------------------------------- Measures */

/* What tools/gate reads; the targets stand in gates.json. */
static void print_value(const char *set, const char *what, double value)
{
    printf("{\"measure\":\"%s, %s\",\"value\":%.5f}\n", set, what, value);
}

static void print_ratio(const char *set, const char *what, double value, double baseline_ns,
                        double varve_ns)
{
    printf("{\"measure\":\"%s, %s\",\"value\":%.4f,\"baseline\":%.4f,\"varve\":%.4f,"
           "\"unit\":\"ns\"}\n",
           set, what, value, baseline_ns, varve_ns);
}

/* The instruction set that the ratios to memcpy and scalar speak of: AVX2, or what is used if that
 * is less. Against Gorilla stands what a user gets: the best. */
static enum vv_isa compared_isa(void)
{
    return vv_cpu_isa() == VV_ISA_AVX512 ? VV_ISA_AVX2 : vv_cpu_isa();
}

/* What the pictures of RESULTS.md show beside the gated measures. */
static void print_peers(const struct bench_result *result, double varve_encode_ns)
{
    for (size_t i = 0; i < BENCH_PEERS; i++) {
        char measure[64];
        (void)snprintf(measure, sizeof measure, "%s, bytes a value", bench_peer_names[i]);
        print_value(result->name, measure, result->peer_bytes[i]);
        (void)snprintf(measure, sizeof measure, "%s, decode ns", bench_peer_names[i]);
        print_value(result->name, measure, result->peers[i].decode_ns);
    }
    print_ratio(result->name, "encode, times Gorilla",
                ratio(result->peers[0].encode_ns, varve_encode_ns), result->peers[0].encode_ns,
                varve_encode_ns);
    print_value(result->name, "hot, bytes, share of Gorilla's",
                ratio(result->hot_bytes, result->peer_bytes[0]));
}

static void print_measures(const struct bench_result *result)
{
    const struct bench_speed *speed = &result->isas[compared_isa()];
    double best_ns = result->isas[vv_cpu_isa()].decode_ns;
    double copy_ns = result->copy.decode_ns;
    double gorilla_ns = result->peers[0].decode_ns;
    double scalar_ns = result->isas[VV_ISA_SCALAR].decode_ns;
    print_value(result->name, "hot, bytes a value", result->hot_bytes);
    print_value(result->name, "cold, bytes a value", result->cold_bytes);
    if (result->timestamp_bytes >= 0) {
        print_value(result->name, "shared timestamps, bytes", result->timestamp_bytes);
    }
    print_ratio(result->name, "decode, times memcpy", ratio(copy_ns, speed->decode_ns), copy_ns,
                speed->decode_ns);
    print_ratio(result->name, "decode, times Gorilla", ratio(gorilla_ns, best_ns), gorilla_ns,
                best_ns);
    print_ratio(result->name, "decode, times scalar", ratio(scalar_ns, speed->decode_ns), scalar_ns,
                speed->decode_ns);
    print_ratio(result->name, "encode time, times memcpy", ratio(speed->encode_ns, copy_ns),
                copy_ns, speed->encode_ns);
    print_peers(result, result->isas[vv_cpu_isa()].encode_ns);
}

/* Whether there is such a set; lists them if not. */
static bool is_known(const char *name)
{
    static const char *const names[] = {"scrape-shape", "tsbs",    "precise", "regular",
                                        "scrape-10m",   "nab",     "city",    "gov26",
                                        "food",         "bitcoin", "nyc29"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    (void)fprintf(stderr, "there is no set %s; there are:\n", name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)fprintf(stderr, "  %s\n", names[i]);
    }
    return false;
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

static void print_batch(const char *use, const char *speedup, const struct bench_batch *batch)
{
    if (batch->speedup > 0) {
        print_value("tsbs", use, batch->cpu_use);
        print_value("tsbs", speedup, batch->speedup);
    }
}

int main(int argc, char **argv)
{
    static struct program program;
    if (!parse(&program, argc, argv)) {
        fprintf(stderr, "usage: bench_compress [--quick] [--json] [--data FOLDER] [--set NAME]\n");
        return 2;
    }
    if (program.only != NULL && !is_known(program.only)) {
        return 2;
    }
    measure_generated(&program);
    measure_real(&program);
    for (size_t i = 0; i < program.count; i++) {
        if (program.json) {
            print_json(&program.results[i]);
            print_measures(&program.results[i]);
        } else {
            print_result(&program.results[i]);
        }
    }
    if (program.json) {
        print_value("regular", "timestamps, bytes", bench_regular_timestamps());
        print_batch("hot block on two threads, CPU use", "hot block on two threads, times one",
                    &program.batches[0]);
        print_batch("cold block on two threads, CPU use", "cold block on two threads, times one",
                    &program.batches[1]);
    } else {
        for (int cold = 0; cold < 2; cold++) {
            printf("\n%s block on two threads: CPU use %.2f, %.2f times one thread\n",
                   cold != 0 ? "cold" : "hot", program.batches[cold].cpu_use,
                   program.batches[cold].speedup);
        }
        printf("\nregular timestamps: %.4f bytes each\n", bench_regular_timestamps());
    }
    return 0;
}
