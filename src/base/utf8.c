/*
 * utf8.c - validation by the table of well-formed byte sequences (Unicode 15, table 3-7).
 *
 *   first byte   second byte   further bytes
 *   00..7F
 *   C2..DF       80..BF
 *   E0           A0..BF        80..BF            below A0 it would be overlong
 *   E1..EC       80..BF        80..BF
 *   ED           80..9F        80..BF            above 9F are the surrogates
 *   EE..EF       80..BF        80..BF
 *   F0           90..BF        80..BF 80..BF     below 90 it would be overlong
 *   F1..F3       80..BF        80..BF 80..BF
 *   F4           80..8F        80..BF 80..BF     above 8F lies beyond U+10FFFF
 */
#include "base/utf8.h"

#include <stdint.h>

#include "base/bytes.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Bytes of the sequence at the start of left bytes, or 0 if it is ill-formed or cut off. */
static size_t sequence_length(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (left < length) {
        return 0;
    }
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t index = 2; index < length; index++) {
        if ((at[index] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool vv_utf8_valid(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t left = length;
    while (left != 0) {
        if (left >= sizeof(uint64_t) && (vv_load_u64(at) & HIGH_BITS) == 0) {
            at += sizeof(uint64_t);
            left -= sizeof(uint64_t);
            continue;
        }
        size_t step = sequence_length(at, left);
        if (step == 0) {
            return false;
        }
        at += step;
        left -= step;
    }
    return true;
}
