/*
 * cpu.c - finds the instruction set once and remembers it.
 *
 * Thread: the answer is a function of machine and environment, so threads that meet at the first
 * call compute the same one and it does not matter whose store comes last: relaxed order is enough,
 * since nothing else is published with it.
 */
#include "base/cpu.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define ISA_COUNT 4
#define ISA_UNKNOWN (-1)

static const char *const isa_names[ISA_COUNT] = {"scalar", "avx2", "avx512", "neon"};

#if defined(__x86_64__)

/* By hand, since clang 14 has no name for it. */
static bool has_lzcnt(void)
{
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
    return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_LZCNT) != 0;
}

static bool has_avx2(void)
{
    return has_lzcnt() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi");
}

static enum vv_isa machine_best(void)
{
    __builtin_cpu_init();
    if (has_avx512()) {
        return VV_ISA_AVX512;
    }
    return has_avx2() ? VV_ISA_AVX2 : VV_ISA_SCALAR;
}

#elif defined(__aarch64__)

/* Advanced SIMD is part of every aarch64 that runs Linux. */
static enum vv_isa machine_best(void)
{
    return VV_ISA_NEON;
}

#else

static enum vv_isa machine_best(void)
{
    return VV_ISA_SCALAR;
}

#endif

/* Whether a machine whose best is `best` can run code for isa. */
static bool covers(enum vv_isa best, enum vv_isa isa)
{
    return isa == VV_ISA_SCALAR || isa == best || (best == VV_ISA_AVX512 && isa == VV_ISA_AVX2);
}

enum vv_isa vv_isa_lowered(enum vv_isa best, const char *wish)
{
    for (int isa = 0; wish != NULL && isa < ISA_COUNT; isa++) {
        if (strcmp(wish, isa_names[isa]) == 0 && covers(best, (enum vv_isa)isa)) {
            return (enum vv_isa)isa;
        }
    }
    return best;
}

enum vv_isa vv_cpu_isa(void)
{
    static _Atomic int chosen = ISA_UNKNOWN;
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa == ISA_UNKNOWN) {
        isa = (int)vv_isa_lowered(machine_best(), getenv("VARVE_ISA"));
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (enum vv_isa)isa;
}

bool vv_cpu_has(enum vv_isa isa)
{
    return covers(machine_best(), isa);
}

const char *vv_isa_name(enum vv_isa isa)
{
    return (unsigned)isa < ISA_COUNT ? isa_names[isa] : "?";
}
