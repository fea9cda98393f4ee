/*
 * tsbs.c - hosts of the Time Series Benchmark Suite: their tags once, their fields step by step.
 */
#include "tsbs.h"

#include <math.h>

const char *const tsbs_field_names[TSBS_FIELDS] = {
    "usage_user", "usage_system",  "usage_idle",  "usage_nice",  "usage_iowait",
    "usage_irq",  "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"};
const char *const tsbs_tag_names[TSBS_TAGS] = {
    "hostname", "region",          "datacenter",         "rack", "os", "arch", "team",
    "service",  "service_version", "service_environment"};

double tsbs_next_normal(struct vv_test_random *random)
{
    double radius = sqrt(-2 * log(1 - vv_test_random_uniform(random)));
    return radius * cos(2 * M_PI * vv_test_random_uniform(random));
}

static const char *pick(struct vv_test_random *random, const char *const *names, size_t count)
{
    return names[vv_test_random_below(random, count)];
}

void tsbs_host_init(struct tsbs_host *host, size_t number, struct vv_test_random *random)
{
    static const char *const regions[] = {"us-east-1",      "us-west-1",      "us-west-2",
                                          "eu-west-1",      "eu-central-1",   "ap-southeast-1",
                                          "ap-southeast-2", "ap-northeast-1", "sa-east-1"};
    static const char *const zones[] = {"a", "b", "c"};
    static const char *const systems[] = {"Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"};
    static const char *const machines[] = {"x64", "x86"};
    static const char *const teams[] = {"SF", "NYC", "LON", "CHI"};
    static const char *const environments[] = {"production", "staging", "test"};
    const char *region = pick(random, regions, sizeof regions / sizeof regions[0]);
    const char *texts[TSBS_TAGS] = {
        [1] = region,
        [4] = pick(random, systems, 3),
        [5] = pick(random, machines, 2),
        [6] = pick(random, teams, 4),
        [9] = pick(random, environments, 3),
    };
    const unsigned rack = (unsigned)vv_test_random_below(random, 100);
    const unsigned service = (unsigned)vv_test_random_below(random, 20);
    const unsigned version = (unsigned)vv_test_random_below(random, 2);
    for (size_t i = 0; i < TSBS_TAGS; i++) {
        snprintf(host->tags[i], TSBS_TAG_BYTES, "%s", texts[i] != NULL ? texts[i] : "");
    }
    snprintf(host->tags[0], TSBS_TAG_BYTES, "host_%zu", number);
    snprintf(host->tags[2], TSBS_TAG_BYTES, "%s%s", region, pick(random, zones, 3));
    snprintf(host->tags[3], TSBS_TAG_BYTES, "%u", rack);
    snprintf(host->tags[7], TSBS_TAG_BYTES, "%u", service);
    snprintf(host->tags[8], TSBS_TAG_BYTES, "%u", version);
    for (size_t i = 0; i < TSBS_FIELDS; i++) {
        host->walks[i] = vv_test_random_uniform(random) * 100;
    }
}

void tsbs_host_step(struct tsbs_host *host, struct vv_test_random *random)
{
    for (size_t i = 0; i < TSBS_FIELDS; i++) {
        double walk = host->walks[i] + tsbs_next_normal(random);
        host->walks[i] = walk > 100 ? 100 : walk < 0 ? 0 : walk;
    }
}
