/*
 * fuzz_numbers.c - numbers from any text: what is read is written as text that reads back to the
 * same bits, and what strtod() makes of a plain decimal number is the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/number_text.h"
#include "base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool is_plain_decimal(const char *text, size_t length)
{
    return strspn(text, "+-.0123456789eE") == length;
}

static void check_double(const char *text, size_t length)
{
    char written[VV_NUMBER_TEXT_MAX];
    double value;
    double again;

    if (!vv_double_parse(text, length, &value)) {
        return;
    }
    size_t written_length = vv_double_format(value, written);
    VV_ASSERT(written_length < sizeof written && written[written_length] == '\0');
    VV_ASSERT(vv_double_parse(written, written_length, &again) && same_bits(value, again));
    if (is_plain_decimal(text, length)) {
        VV_ASSERT(same_bits(value, strtod(text, NULL)));
    }
}

static void check_integers(const char *text, size_t length)
{
    char written[VV_NUMBER_TEXT_MAX];
    int64_t whole;
    int64_t whole_again;
    uint64_t natural;
    uint64_t natural_again;

    if (vv_int64_parse(text, length, &whole)) {
        size_t written_length = vv_int64_format(whole, written);
        VV_ASSERT(vv_int64_parse(written, written_length, &whole_again) && whole == whole_again);
    }
    if (vv_uint64_parse(text, length, &natural)) {
        size_t written_length = vv_uint64_format(natural, written);
        VV_ASSERT(vv_uint64_parse(written, written_length, &natural_again));
        VV_ASSERT(natural == natural_again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    /* strtod() wants a NUL; ours must not need one, so it gets the bytes without it first. */
    check_integers((const char *)bytes, length);
    char *text = malloc(length + 1);
    VV_ASSERT(text != NULL);
    memcpy(text, bytes, length);
    text[length] = '\0';
    check_double(text, length);
    free(text);
    return 0;
}
