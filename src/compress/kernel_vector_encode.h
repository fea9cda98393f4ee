/*
 * kernel_vector_encode.h - the kernels of encoding: the second half of kernel_vector.h, which alone
 * includes it, and whose vectors it uses.
 *
 * What is packed is written exactly: whole words while there are any, the rest bit by bit.
 */
static void difference(const int64_t *numbers, size_t count, int64_t *restrict out)
{
    out[0] = 0;
    for (size_t i = 1; i < count; i++) {
        out[i] = (int64_t)((uint64_t)numbers[i] - (uint64_t)numbers[i - 1]);
    }
}

typedef int64_t vector_signed __attribute__((vector_size(VV_VECTOR_BYTES)));

static void range(const int64_t *numbers, size_t count, int64_t *low, int64_t *high)
{
    /* Four of each, so that comparisons need not wait for one another. */
    enum { CHAINS = 4, STEP = CHAINS * LANES64 };
    const vector_signed zero = {0};
    vector_signed least[CHAINS];
    vector_signed greatest[CHAINS];
    for (size_t chain = 0; chain < CHAINS; chain++) {
        least[chain] = zero + numbers[0];
        greatest[chain] = zero + numbers[0];
    }
    size_t i = 0;
    for (; i + STEP <= count; i += STEP) {
        for (size_t chain = 0; chain < CHAINS; chain++) {
            vector_signed some = (vector_signed)load64(numbers + i + chain * LANES64);
            vector_signed below = some < least[chain];
            vector_signed above = some > greatest[chain];
            least[chain] = (some & below) | (least[chain] & ~below);
            greatest[chain] = (some & above) | (greatest[chain] & ~above);
        }
    }
    int64_t all_least = numbers[0];
    int64_t all_greatest = numbers[0];
    for (size_t chain = 0; chain < CHAINS; chain++) {
        for (size_t lane = 0; lane < LANES64; lane++) {
            int64_t one = least[chain][lane];
            int64_t other = greatest[chain][lane];
            all_least = one < all_least ? one : all_least;
            all_greatest = other > all_greatest ? other : all_greatest;
        }
    }
    for (; i < count; i++) {
        all_least = numbers[i] < all_least ? numbers[i] : all_least;
        all_greatest = numbers[i] > all_greatest ? numbers[i] : all_greatest;
    }
    *low = all_least;
    *high = all_greatest;
}

/* Writes the last, partial words of the lanes and the values of the last row as fields. Always part
 * of its callers: gcc 12 takes the upper halves of the vectors for cleared behind a call, leaves
 * them in use when it returns, and then all code of the baseline runs at half its speed. */
static inline __attribute__((always_inline)) uint8_t *
pack_ends(const uint64_t *last_words, unsigned rest, const uint64_t *last_row, size_t last_count,
          unsigned width, uint8_t *out)
{
    struct vv_bit_writer writer = {.at = out};
    for (size_t lane = 0; rest != 0 && lane < VV_LANES; lane++) {
        vv_bits_put(&writer, last_words[lane], rest);
    }
    for (size_t i = 0; i < last_count; i++) {
        vv_bits_put(&writer, last_row[i], width);
    }
    return vv_bits_flush(&writer);
}

static size_t pack32(const uint64_t *values, size_t count, unsigned width, uint8_t *out)
{
    size_t rows = count / VV_LANES;
    uint8_t *at = out;
    uint32_t words[VV_LANES] = {0};
    unsigned filled = 0;
    for (size_t row = 0; row < rows; row++) {
        const uint64_t *in = values + row * VV_LANES;
        uint32_t lanes[VV_LANES];
        for (size_t lane = 0; lane < VV_LANES; lane++) {
            lanes[lane] = (uint32_t)in[lane];
        }
        for (size_t lane = 0; lane < VV_LANES; lane++) {
            words[lane] |= lanes[lane] << filled;
        }
        filled += width;
        if (filled >= 32) {
            memcpy(at, words, sizeof words);
            at += sizeof words;
            filled -= 32;
            for (size_t lane = 0; lane < VV_LANES; lane++) {
                words[lane] = filled != 0 ? lanes[lane] >> (width - filled) : 0;
            }
        }
    }
    uint64_t last_words[VV_LANES];
    for (size_t lane = 0; lane < VV_LANES; lane++) {
        last_words[lane] = words[lane];
    }
    at = pack_ends(last_words, filled, values + rows * VV_LANES, count % VV_LANES, width, at);
    return (size_t)(at - out);
}

static size_t pack64(const uint64_t *values, size_t count, unsigned width, uint8_t *out)
{
    size_t rows = count / VV_LANES;
    uint8_t *at = out;
    uint64_t words[VV_LANES] = {0};
    unsigned filled = 0;
    for (size_t row = 0; row < rows; row++) {
        const uint64_t *in = values + row * VV_LANES;
        for (size_t lane = 0; lane < VV_LANES; lane++) {
            words[lane] |= in[lane] << filled;
        }
        filled += width;
        if (filled >= 64) {
            memcpy(at, words, sizeof words);
            at += sizeof words;
            filled -= 64;
            for (size_t lane = 0; lane < VV_LANES; lane++) {
                words[lane] = filled != 0 ? in[lane] >> (width - filled) : 0;
            }
        }
    }
    at = pack_ends(words, filled, values + rows * VV_LANES, count % VV_LANES, width, at);
    return (size_t)(at - out);
}
