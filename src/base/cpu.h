/*
 * cpu.h - which instruction set the kernels of this process use.
 *
 * Threads: any. Cost: an atomic load after the first call, which also reads the environment
 * variable VARVE_ISA (scalar, avx2, avx512 or neon): it lowers the choice for tests and
 * measurements, never raises it beyond what the machine has, and is ignored where it names nothing
 * that the machine has.
 */
#ifndef VARVE_BASE_CPU_H
#define VARVE_BASE_CPU_H

#include <stdbool.h>

/* AVX2 stands for x86-64-v3 (AVX2, FMA, BMI1, BMI2, LZCNT), AVX512 for x86-64-v4 and VBMI. */
enum vv_isa { VV_ISA_SCALAR, VV_ISA_AVX2, VV_ISA_AVX512, VV_ISA_NEON };

/* What to use: the best of this machine, lowered by VARVE_ISA. The same for the whole process. */
enum vv_isa vv_cpu_isa(void);

/* Whether this machine can run such code, whatever VARVE_ISA says: for tests of every variant. */
bool vv_cpu_has(enum vv_isa isa);

/* "scalar", "avx2", "avx512" or "neon". */
const char *vv_isa_name(enum vv_isa isa);

/* What the wish of VARVE_ISA (nullable) makes of a machine whose best is `best`. */
enum vv_isa vv_isa_lowered(enum vv_isa best, const char *wish);

#endif
