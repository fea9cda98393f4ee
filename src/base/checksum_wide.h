/*
 * checksum_wide.h - vv_checksum() in wider vectors: the same values, in half the instructions.
 */
#ifndef VARVE_BASE_CHECKSUM_WIDE_H
#define VARVE_BASE_CHECKSUM_WIDE_H

#include <stddef.h>
#include <stdint.h>

uint64_t vv_checksum_avx2(const void *bytes, size_t length, uint64_t seed); /* on x86-64 */

#endif
