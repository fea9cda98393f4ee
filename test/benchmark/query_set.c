/*
 * query_set.c - makes the data that queries are measured on, and digests answers.
 */
#include "query_set.h"

#include <math.h>
#include <string.h>

#include "base/checksum.h"

enum { HOSTS_QUICK = 40, HOSTS_FULL = 400, POINTS = 2500, SEED = 20261110 };

void query_set_init(struct query_set *set, const struct bench_run *run)
{
    *set =
        (struct query_set){.host_count = run->quick ? HOSTS_QUICK : HOSTS_FULL, .points = POINTS};
    set->series_count = set->host_count * TSBS_FIELDS;
    set->hosts = bench_allocate_zeroed(set->host_count * sizeof *set->hosts);
    set->timestamps = bench_allocate_zeroed(set->points * sizeof *set->timestamps);
    set->values = bench_allocate_zeroed(set->series_count * set->points * sizeof *set->values);
    struct vv_test_random random = vv_test_random_seeded(SEED);
    for (size_t field = 0; field < TSBS_FIELDS; field++) {
        (void)snprintf(set->metrics[field], sizeof set->metrics[field], "cpu_%s",
                       tsbs_field_names[field]);
    }
    for (size_t host = 0; host < set->host_count; host++) {
        tsbs_host_init(&set->hosts[host], host, &random);
    }
    for (size_t point = 0; point < set->points; point++) {
        set->timestamps[point] = QUERY_START + (int64_t)point * QUERY_STEP;
        for (size_t host = 0; host < set->host_count; host++) {
            for (size_t field = 0; field < TSBS_FIELDS; field++) {
                set->values[(host * TSBS_FIELDS + field) * set->points + point] =
                    floor(set->hosts[host].walks[field]);
            }
            tsbs_host_step(&set->hosts[host], &random);
        }
    }
}

void query_set_fini(struct query_set *set)
{
    free(set->values);
    free(set->timestamps);
    free(set->hosts);
}

void query_digest(struct query_answer *answer, const char *metric, size_t metric_length,
                  const char *host, size_t host_length, int64_t time, double value)
{
    uint64_t words[4];
    words[0] = metric_length > 0 ? vv_hash(metric, metric_length) : 0;
    words[1] = host_length > 0 ? vv_hash(host, host_length) : 0;
    memcpy(&words[2], &time, sizeof time);
    memcpy(&words[3], &value, sizeof value);
    answer->digest += vv_hash(words, sizeof words);
}
