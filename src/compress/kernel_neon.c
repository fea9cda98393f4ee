/*
 * kernel_neon.c - the kernels for NEON, the baseline of aarch64.
 *
 * Compiled with the flags of that instruction set; called only where base/cpu.h says that it is there.
 */
#define VV_VECTOR_BYTES 16
#define VV_CONVERTS_INTEGERS
#define VV_KERNELS vv_kernels_neon
#include "compress/kernel_vector.h"
