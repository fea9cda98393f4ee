/*
 * duplicates.c - what becomes of two samples of one series with one timestamp.
 *
 * U1  The result depends on the two bit patterns and the policy alone, on every machine: a NaN that
 *     addition makes is always 0x7ff8000000000000, and of two NaNs that meet in it the older one
 *     stays.
 * Threads: pure.
 */
#include <math.h>

#include "query/merge.h"

static double add(double older, double newer)
{
    if (isnan(older)) {
        return older;
    }
    if (isnan(newer)) {
        return newer;
    }
    double sum = older + newer;
    return isnan(sum) ? (double)NAN : sum;
}

double vv_resolve_duplicate(varve_duplicates policy, double older, double newer)
{
    switch (policy) {
    case VARVE_DUPLICATES_FIRST:
        return older;
    case VARVE_DUPLICATES_MIN:
        return isnan(older) || newer < older ? newer : older;
    case VARVE_DUPLICATES_MAX:
        return isnan(older) || newer > older ? newer : older;
    case VARVE_DUPLICATES_SUM:
        return add(older, newer);
    case VARVE_DUPLICATES_DEFAULT:
    case VARVE_DUPLICATES_LAST:
    case VARVE_DUPLICATES_ERROR:
        break;
    }
    return newer;
}
