/*
 * fuzz_csv.c - CSV in, from any bytes; the first byte chooses the options.
 */
#include "support/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const varve_string formats[] = {
        {"", 0}, {"rfc3339", 7}, {"ms", 2}, {"%Y-%m-%d %H:%M:%S", 17}};
    static const varve_string label_columns[] = {{"host", 4}};
    struct vv_fuzz_import fuzz = {.options = {.format = VARVE_FORMAT_CSV}};
    if (length == 0) {
        return 0;
    }
    fuzz.options.time_format = formats[bytes[0] & 3];
    fuzz.options.precision = (bytes[0] & 4) != 0 ? VARVE_PRECISION_US : VARVE_PRECISION_DEFAULT;
    fuzz.options.label_columns = label_columns;
    fuzz.options.label_column_count = (bytes[0] & 8) != 0 ? 1 : 0;
    fuzz.options.metric = (bytes[0] & 16) != 0 ? VARVE_STRING("m") : (varve_string){"", 0};
    vv_fuzz_check(&fuzz, bytes + 1, length - 1);
    return 0;
}
