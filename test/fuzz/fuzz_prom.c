/*
 * fuzz_prom.c - Prometheus text in, from any bytes.
 */
#include "support/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct vv_fuzz_import fuzz = {.options = {.format = VARVE_FORMAT_PROM}};
    vv_fuzz_check(&fuzz, bytes, length);
    return 0;
}
