/*
 * batch_scan_avx2.c - the loops for AVX2.
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is
 * there.
 */
#define VV_SCANS vv_batch_scans_avx2
#include "storage/head/batch_scan_loops.h"
