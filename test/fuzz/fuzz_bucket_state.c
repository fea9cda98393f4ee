/*
 * fuzz_bucket_state.c - partial states of aggregates, any bytes: a status, and what is accepted is
 * encoded again to the same bytes and answers every function.
 */
#include <stdint.h>
#include <string.h>

#include "query/bucket_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const uint8_t *bytes, size_t length, struct vv_bucket_more *more)
{
    struct vv_bucket bucket;
    struct vv_buffer again = {0};
    if (vv_bucket_state_decode(bytes, length, NULL, &bucket, more) != VARVE_OK) {
        return;
    }
    VV_ASSERT(vv_bucket_state_encode(&bucket, more, &again) == VARVE_OK);
    VV_ASSERT(again.length == length && memcmp(again.bytes, bytes, length) == 0);
    for (int function = 1; more != NULL && function <= VARVE_FUNCTION_TWA; function++) {
        double value;
        VV_ASSERT(vv_bucket_value(&bucket, more, (varve_function)function, 0.5, NULL, &value) ==
                  VARVE_OK);
    }
    vv_buffer_fini(&again);
    if (more != NULL) {
        vv_bucket_more_fini(more, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct vv_bucket_more more;
    check(bytes, length, NULL);
    check(bytes, length, &more);
    return 0;
}
