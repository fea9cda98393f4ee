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

/* Combines all lanes in each lane, by combine(vector, vector). By shuffles, because a vector that
 * was stored cannot be loaded lane by lane at once. */
#if VV_VECTOR_BYTES == 16
#define SWAPPED(x, by) __builtin_shufflevector(x, x, 0 ^ (by), 1 ^ (by))
#define COMBINE(lanes, combine) lanes = combine(lanes, SWAPPED(lanes, 1))
#elif VV_VECTOR_BYTES == 32
#define SWAPPED(x, by) __builtin_shufflevector(x, x, 0 ^ (by), 1 ^ (by), 2 ^ (by), 3 ^ (by))
#define COMBINE(lanes, combine)                                                                    \
    do {                                                                                           \
        lanes = combine(lanes, SWAPPED(lanes, 2));                                                 \
        lanes = combine(lanes, SWAPPED(lanes, 1));                                                 \
    } while (0)
#else
#define SWAPPED(x, by)                                                                             \
    __builtin_shufflevector(x, x, 0 ^ (by), 1 ^ (by), 2 ^ (by), 3 ^ (by), 4 ^ (by), 5 ^ (by),      \
                            6 ^ (by), 7 ^ (by))
#define COMBINE(lanes, combine)                                                                    \
    do {                                                                                           \
        lanes = combine(lanes, SWAPPED(lanes, 4));                                                 \
        lanes = combine(lanes, SWAPPED(lanes, 2));                                                 \
        lanes = combine(lanes, SWAPPED(lanes, 1));                                                 \
    } while (0)
#endif

#define SUM(a, b) (vector_signed)((vector64)(a) + (vector64)(b)) /* may wrap */
#define OR(a, b) ((a) | (b))
#define AND(a, b) ((a) & (b))

static inline vector_signed lesser(vector_signed a, vector_signed b)
{
    vector_signed mask = a < b;
    return (a & mask) | (b & ~mask);
}

static inline vector_signed greater(vector_signed a, vector_signed b)
{
    vector_signed mask = a > b;
    return (a & mask) | (b & ~mask);
}

static inline bool all_true(vector_signed lanes)
{
    COMBINE(lanes, AND);
    return lanes[0] != 0;
}

static inline uint64_t any_of(vector_signed lanes)
{
    COMBINE(lanes, OR);
    return (uint64_t)lanes[0];
}

static inline uint64_t sum_of(vector_signed lanes)
{
    COMBINE(lanes, SUM);
    return (uint64_t)lanes[0];
}

/* ------------------------------------------------------------------------------ Values */

static inline vector_double load_double(const double *at)
{
    vector_double vector;
    memcpy(&vector, at, sizeof vector);
    return vector;
}

static inline vector_double magnitude_of(vector_double values)
{
    return (vector_double)((vector_signed)values & INT64_MAX);
}

/* The values where the mask of all ones or none says so, else the others. */
static inline vector_double choose(vector_signed mask, vector_double values, vector_double others)
{
    return (vector_double)(((vector_signed)values & mask) | ((vector_signed)others & ~mask));
}

static size_t changes(const double *values, size_t count)
{
    vector_signed found = {0};
    size_t i = 1;
    for (; i + LANES64 <= count; i += LANES64) {
        found -= (vector_signed)load64(values + i) != (vector_signed)load64(values + i - 1);
    }
    size_t all = sum_of(found);
    for (; i < count; i++) {
        all += memcmp(&values[i], &values[i - 1], sizeof *values) != 0;
    }
    return all;
}

/* Converts a vector of values; the lanes of those that are no decimals are 0. */
static inline vector_signed convert(const double *values, bool divides, double power,
                                    struct vv_reciprocal by, int64_t *integers)
{
    const vector_double rounder = (vector_double){0} + VV_DECIMALS_ROUNDER;
    vector_double value = load_double(values);
    vector_double scaled = divides ? value * power : value;
    vector_double moved = scaled + rounder;
    vector_double back = moved - rounder;
    if (divides) {
        back = divide_vector(back, by);
    }
    /* Of values that are no decimals the difference may wrap: nobody looks at it. */
    vector_signed whole = (vector_signed)((vector64)moved - (vector64)rounder);
    memcpy(integers, &whole, sizeof whole);
    return (magnitude_of(scaled) < VV_DECIMALS_LIMIT) &
           ((vector_signed)back == (vector_signed)value);
}

/* Positions of those from first up to last that are no decimals. */
static size_t find_others(const double *values, size_t first, size_t last, unsigned places,
                          int64_t *integers, uint16_t *others)
{
    size_t failures = 0;
    for (size_t i = first; i < last; i++) {
        if (!vv_to_decimal(values[i], places, &integers[i])) {
            others[failures++] = (uint16_t)i;
        }
    }
    return failures;
}

static inline size_t convert_all(const double *values, size_t count, unsigned places, bool divides,
                                 int64_t *integers, uint16_t *others)
{
    enum { GROUP = 8 * LANES64 }; /* looked at value by value if one of them is no decimal */
    double power = vv_powers_of_ten[places];
    struct vv_reciprocal by = vv_reciprocals[places];
    size_t failures = 0;
    size_t i = 0;
    for (; i + GROUP <= count; i += GROUP) {
        vector_signed good = (vector_signed){0} - 1;
        for (size_t k = i; k < i + GROUP; k += LANES64) {
            good &= convert(values + k, divides, power, by, integers + k);
        }
        if (!all_true(good)) {
            failures += find_others(values, i, i + GROUP, places, integers, others + failures);
        }
    }
    return failures + find_others(values, i, count, places, integers, others + failures);
}

static size_t to_decimals(const double *values, size_t count, unsigned places, int64_t *integers,
                          uint16_t *others)
{
    return places == 0 ? convert_all(values, count, places, false, integers, others)
                       : convert_all(values, count, places, true, integers, others);
}

/* Sums, least and greatest of every CHAINS * LANES64-th step from one value to the next. */
struct whole_sums {
    vector_double least;
    vector_double greatest;
    vector_double sum;
    vector_double increase;
    vector_signed resets;
    vector_signed whole;
};

static inline void add_values(struct whole_sums *sums, const double *values)
{
    const vector_double rounder = (vector_double){0} + 0x1.8p52;
    vector_double value = load_double(values);
    vector_double before = load_double(values - 1);
    vector_double rounded = (value + rounder) - rounder;
    vector_signed reset = value < before;
    sums->whole &=
        ((vector_signed)rounded == (vector_signed)value) & (magnitude_of(value) <= VV_WHOLE_MAX);
    sums->least = choose(value < sums->least, value, sums->least);
    sums->greatest = choose(value > sums->greatest, value, sums->greatest);
    sums->sum += value;
    sums->increase += value - (vector_double)((vector_signed)before & ~reset);
    sums->resets -= reset;
}

/* One more value, whose predecessor is known. */
static inline bool add_value(struct vv_value_statistics *sums, double value, double before)
{
    bool reset = value < before;
    sums->min = value < sums->min ? value : sums->min;
    sums->max = value > sums->max ? value : sums->max;
    sums->sum += value;
    sums->increase += reset ? value : value - before;
    sums->resets += reset;
    return vv_is_whole(value);
}

static bool whole_statistics(const double *values, size_t count,
                             struct vv_value_statistics *statistics)
{
    enum { CHAINS = 2 }; /* so that additions need not wait for one another */
    const vector_double zero = {0};
    const struct whole_sums none = {
        .least = zero + values[0], .greatest = zero + values[0], .whole = (vector_signed){0} - 1};
    struct whole_sums sums[CHAINS] = {none, none};
    struct vv_value_statistics all = {.min = values[0], .max = values[0], .sum = values[0]};
    bool whole = vv_is_whole(values[0]);
    size_t i = 1;
    for (; i + CHAINS * LANES64 <= count; i += CHAINS * LANES64) {
        add_values(&sums[0], values + i);
        add_values(&sums[1], values + i + LANES64);
    }
    for (; i < count; i++) {
        whole &= add_value(&all, values[i], values[i - 1]);
    }
    if (!whole || !all_true(sums[0].whole & sums[1].whole)) {
        return false;
    }
    for (size_t lane = 0; lane < CHAINS * LANES64; lane++) {
        const struct whole_sums *some = &sums[lane / LANES64];
        double least = some->least[lane % LANES64], greatest = some->greatest[lane % LANES64];
        all.min = least < all.min ? least : all.min;
        all.max = greatest > all.max ? greatest : all.max;
        all.sum += some->sum[lane % LANES64];
        all.increase += some->increase[lane % LANES64];
        all.resets += (uint32_t)some->resets[lane % LANES64];
    }
    statistics->min = all.min;
    statistics->max = all.max;
    statistics->sum = all.sum;
    statistics->increase = all.increase;
    statistics->resets = all.resets;
    return true;
}

/* ---------------------------------------------------------------------------- Integers */

static void range(const int64_t *numbers, size_t count, int64_t *low, int64_t *high)
{
    /* Four of each, so that comparisons need not wait for one another. */
    enum { CHAINS = 4, STEP = CHAINS * LANES64 };
    const vector_signed first = (vector_signed){0} + numbers[0];
    vector_signed least[CHAINS] = {first, first, first, first};
    vector_signed greatest[CHAINS] = {first, first, first, first};
    size_t i = 0;
    for (; i + STEP <= count; i += STEP) {
        for (size_t chain = 0; chain < CHAINS; chain++) {
            vector_signed some = (vector_signed)load64(numbers + i + chain * LANES64);
            least[chain] = lesser(some, least[chain]);
            greatest[chain] = greater(some, greatest[chain]);
        }
    }
    while (i < count && count >= LANES64) {
        i = i + LANES64 <= count ? i : count - LANES64; /* once more does no harm */
        vector_signed some = (vector_signed)load64(numbers + i);
        least[0] = lesser(some, least[0]);
        greatest[0] = greater(some, greatest[0]);
        i += LANES64;
    }
    least[0] = lesser(lesser(least[0], least[1]), lesser(least[2], least[3]));
    greatest[0] = greater(greater(greatest[0], greatest[1]), greater(greatest[2], greatest[3]));
    COMBINE(least[0], lesser);
    COMBINE(greatest[0], greater);
    int64_t all_least = least[0][0];
    int64_t all_greatest = greatest[0][0];
    for (; i < count; i++) {
        all_least = numbers[i] < all_least ? numbers[i] : all_least;
        all_greatest = numbers[i] > all_greatest ? numbers[i] : all_greatest;
    }
    *low = all_least;
    *high = all_greatest;
}

/* What every word of a vector has found: how many of its lanes are within, and their bits. */
struct found {
    vector_signed within;
    vector_signed bits;
};

/* Lanes of 8 to 64 bits: narrow_<bits>(), census_<bits>(). A byte counts to VV_COLUMN_MAX / 16 at
 * most. */
#define FOR_LANES(bits)                                                                            \
    typedef uint##bits##_t lanes_##bits __attribute__((vector_size(VV_VECTOR_BYTES)));             \
                                                                                                   \
    static void narrow_##bits(const int64_t *numbers, size_t count, int64_t low, void *out)        \
    {                                                                                              \
        uint##bits##_t *offsets = out;                                                             \
        for (size_t i = 0; i < count; i++) {                                                       \
            offsets[i] = (uint##bits##_t)((uint64_t)numbers[i] - (uint64_t)low);                   \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static inline struct found census_##bits(const uint8_t *offsets, size_t bytes, uint64_t base,  \
                                             unsigned width)                                       \
    {                                                                                              \
        const lanes_##bits zero = {0};                                                             \
        const lanes_##bits bases = zero + (uint##bits##_t)base;                                    \
        const lanes_##bits beyond = zero + (uint##bits##_t) ~vv_bits_mask(width);                  \
        lanes_##bits within = zero, set = zero;                                                    \
        for (size_t at = 0; at < bytes; at += VV_VECTOR_BYTES) {                                   \
            lanes_##bits distance;                                                                 \
            memcpy(&distance, offsets + at, sizeof distance);                                      \
            distance -= bases;                                                                     \
            lanes_##bits fits = (lanes_##bits)((distance & beyond) == zero);                       \
            within -= fits;                                                                        \
            set |= distance & fits;                                                                \
        }                                                                                          \
        return (struct found){(vector_signed)within, (vector_signed)set};                          \
    }

FOR_LANES(8)
FOR_LANES(16)
FOR_LANES(32)
FOR_LANES(64)

static void narrow(const int64_t *numbers, size_t count, int64_t low, unsigned lane, void *out)
{
    static void (*const of_lane[])(const int64_t *, size_t, int64_t,
                                   void *) = {narrow_8, narrow_16, narrow_32, narrow_64};
    of_lane[lane](numbers, count, low, out);
}

/* Adds up the lanes of words, and sets what is set in any of them. No lane overflows: a byte of the
 * sum of the words gets to VV_COLUMN_MAX / 8. */
static inline size_t sum_up(struct found found, unsigned lane, uint64_t *bits)
{
    uint64_t word = sum_of(found.within), set = any_of(found.bits);
    *bits = set;
    if (lane < 3) {
        set |= set >> 32;
        *bits = set & UINT32_MAX;
    }
    if (lane < 2) {
        set |= set >> 16;
        *bits = set & UINT16_MAX;
    }
    if (lane < 1) {
        *bits = (set | set >> 8) & UINT8_MAX;
        word = (word & UINT64_C(0x00ff00ff00ff00ff)) + (word >> 8 & UINT64_C(0x00ff00ff00ff00ff));
    }
    return lane < 2    ? word * UINT64_C(0x0001000100010001) >> 48
           : lane == 2 ? (word & UINT32_MAX) + (word >> 32)
                       : word;
}

static size_t census(const void *offsets, size_t count, unsigned lane, uint64_t base,
                     unsigned width, uint64_t *bits)
{
    size_t bytes = count << lane;
    switch (lane) {
    case 0:
        return sum_up(census_8(offsets, bytes, base, width), 0, bits);
    case 1:
        return sum_up(census_16(offsets, bytes, base, width), 1, bits);
    case 2:
        return sum_up(census_32(offsets, bytes, base, width), 2, bits);
    default:
        return sum_up(census_64(offsets, bytes, base, width), 3, bits);
    }
}

static size_t split(const int64_t *numbers, size_t count, int64_t base, unsigned width,
                    uint64_t *packed)
{
    const vector64 zero = {0};
    const uint64_t mask = vv_bits_mask(width);
    vector64 within = zero;
    size_t i = 0;
    for (; i + LANES64 <= count; i += LANES64) {
        vector64 distance = load64(numbers + i) - (uint64_t)base;
        vector64 fits = (vector64)((distance & ~mask) == zero);
        within -= fits;
        store64(packed + i, distance & fits);
    }
    size_t all = sum_of((vector_signed)within);
    for (; i < count; i++) {
        uint64_t distance = (uint64_t)numbers[i] - (uint64_t)base;
        packed[i] = distance <= mask ? distance : 0;
        all += distance <= mask;
    }
    return all;
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
