/* Tests of wal_format.c: segment and frame headers, the worked example of WAL_FORMAT.md. */
#include "storage/log/wal_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "storage/log/ring.h"
#include "support/labels.h"
#include "support/random.h"

static const struct vv_wal_segment_header example_header = {
    .database_uuid = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    .shard = 0,
    .sequence = 1,
    .first_lsn = VV_WAL_FIRST_LSN,
};

/* Appends a frame with this payload at lsn to out; returns its checksum. */
static uint64_t add_frame(struct vv_buffer *out, uint64_t lsn, uint64_t previous,
                          enum vv_wal_record_type type, uint32_t samples,
                          const struct vv_buffer *payload)
{
    uint64_t bytes = vv_wal_frame_bytes((uint32_t)payload->length);
    struct vv_wal_frame frame = {
        .lsn = lsn, .durable_lsn = VV_WAL_FIRST_LSN, .previous_checksum = previous};
    assert_int_equal(vv_buffer_reserve(out, bytes), VARVE_OK);
    uint8_t *at = out->bytes + out->length;
    memset(at, 0, bytes);
    memcpy(at + VV_WAL_FRAME_HEADER_BYTES, payload->bytes, payload->length);
    vv_wal_frame_prepare(type, (uint32_t)payload->length, samples,
                         vv_checksum(payload->bytes, payload->length, 0), at);
    vv_wal_frame_seal(&frame, 1, at);
    out->length += bytes;
    return frame.checksum;
}

/* clang-format off */
static const uint8_t example_bytes[] = {
    0x56, 0x41, 0x52, 0x56, 0x45, 0x57, 0x41, 0x4c, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2b, 0x52, 0xf5, 0xbd, 0x00, 0x76, 0x23, 0x3e,
    0x56, 0x46, 0x52, 0x4d, 0x07, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x23, 0xf0, 0x2a, 0x3f, 0xa6, 0x20, 0x58, 0xbb,
    0x00, 0x05, 0x01, 0x01, 0x61, 0x01, 0x62, 0x00, 0x56, 0x46, 0x52, 0x4d, 0x1c, 0x00, 0x00, 0x00,
    0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x23, 0xf0, 0x2a, 0x3f, 0xa6, 0x20, 0x58, 0xbb, 0x02, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00,
    0x23, 0x56, 0x06, 0x6a, 0x8c, 0xf8, 0x2d, 0xe4, 0x01, 0x02, 0x02, 0x00, 0x00, 0x00, 0x02, 0xd0,
    0x0f, 0x00, 0xd0, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x3f, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00,
};
/* clang-format on */

static void the_worked_example_has_these_bytes(void **state)
{
    (void)state;
    struct vv_buffer segment = {0}, payload = {0}, key_buffer = {0};
    assert_int_equal(vv_buffer_reserve(&segment, VV_WAL_SEGMENT_HEADER_BYTES), VARVE_OK);
    vv_wal_segment_header_encode(&example_header, segment.bytes);
    segment.length = VV_WAL_SEGMENT_HEADER_BYTES;

    struct vv_key key = vv_test_key(&key_buffer, "{a=\"b\"}");
    assert_int_equal(vv_wal_series_encode(0, key, &payload), VARVE_OK);
    uint64_t checksum = add_frame(&segment, VV_WAL_FIRST_LSN, 0, VV_WAL_SERIES, 0, &payload);

    uint32_t refs[] = {0, 0};
    int64_t timestamps[] = {1000, 2000};
    double values[] = {1, 2};
    struct vv_wal_samples batch = {.policy = VARVE_DUPLICATES_LAST,
                                   .count = 2,
                                   .refs = refs,
                                   .timestamps = timestamps,
                                   .values = values};
    vv_buffer_clear(&payload);
    assert_int_equal(vv_wal_samples_encode(&batch, &payload), VARVE_OK);
    assert_int_equal(vv_buffer_append(&payload, values, sizeof(values)), VARVE_OK);
    uint64_t lsn = VV_WAL_FIRST_LSN + segment.length - VV_WAL_SEGMENT_HEADER_BYTES;
    (void)add_frame(&segment, lsn, checksum, VV_WAL_SAMPLES, 2, &payload);

    if (getenv("VARVE_TEST_PRINT") != NULL) { /* to write the example down anew */
        for (size_t i = 0; i < segment.length; i++) {
            printf("%02x%s", segment.bytes[i], i % 16 == 15 ? "\n" : i % 8 == 7 ? "  " : " ");
        }
    }
    assert_int_equal(segment.length, sizeof(example_bytes));
    assert_memory_equal(segment.bytes, example_bytes, sizeof(example_bytes));
    vv_buffer_fini(&segment);
    vv_buffer_fini(&payload);
    vv_buffer_fini(&key_buffer);
}

static void segment_names_go_both_ways(void **state)
{
    (void)state;
    char name[VV_WAL_NAME_BYTES];
    const uint64_t sequences[] = {0, 1, 0xabcdef, UINT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        uint64_t sequence = 7;
        vv_wal_segment_name(sequences[i], name);
        assert_true(vv_wal_segment_sequence(name, &sequence));
        assert_int_equal(sequence, sequences[i]);
    }
    vv_wal_segment_name(0xabcdef, name);
    assert_string_equal(name, "wal-0000000000abcdef");
}

static void spare_names_are_no_segments(void **state)
{
    (void)state;
    char name[VV_WAL_SPARE_NAME_BYTES];
    uint64_t sequence;
    vv_wal_spare_name(0xabcdef, name);
    assert_string_equal(name, "wal-0000000000abcdef.spare");
    assert_true(vv_wal_is_spare_name(name));
    assert_false(vv_wal_segment_sequence(name, &sequence));
    assert_false(vv_wal_is_spare_name("wal-0000000000abcdef"));
    assert_false(vv_wal_is_spare_name("wal-0000000000abcdef.spare2"));
    assert_false(vv_wal_is_spare_name("wal-0000000000abcde.spare"));
    assert_false(vv_wal_is_spare_name("wal-0000000000abcdef0000.spare"));
    assert_false(vv_wal_is_spare_name(".spare"));
}

static void the_header_tells_whether_the_file_is_recycled(void **state)
{
    (void)state;
    uint8_t bytes[VV_WAL_SEGMENT_HEADER_BYTES];
    struct vv_wal_segment_header header = {.sequence = 3, .first_lsn = 8, .recycled = true}, read;
    vv_wal_segment_header_encode(&header, bytes);
    assert_int_equal(bytes[10], 1);
    assert_int_equal(vv_wal_segment_header_decode(bytes, &read), VARVE_OK);
    assert_true(read.recycled);
    bytes[10] = 2; /* a flag that is not known yet */
    vv_store_u64(bytes + 56, vv_checksum(bytes, 56, 0));
    assert_int_equal(vv_wal_segment_header_decode(bytes, &read), VARVE_VERSION);
}

static void other_names_are_no_segments(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "wal-",
                                        "wal-000000000000000",
                                        "wal-00000000000000001",
                                        "wal-000000000000000G",
                                        "wal-000000000000000A",
                                        "wal-0000000000000001.damaged",
                                        "val-0000000000000001",
                                        "manifest"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t sequence = 7;
        assert_false(vv_wal_segment_sequence(names[i], &sequence));
        assert_int_equal(sequence, 7);
    }
}

static void a_segment_header_survives_the_way_to_disk(void **state)
{
    (void)state;
    uint8_t encoded[VV_WAL_SEGMENT_HEADER_BYTES];
    struct vv_wal_segment_header header = example_header, decoded;
    header.shard = 3;
    header.sequence = UINT64_MAX;
    header.first_lsn = 1 << 20;
    header.previous_checksum = 0x123456789abcdef0;
    vv_wal_segment_header_encode(&header, encoded);
    assert_int_equal(vv_wal_segment_header_decode(encoded, &decoded), VARVE_OK);
    assert_memory_equal(decoded.database_uuid, header.database_uuid, 16);
    assert_int_equal(decoded.shard, 3);
    assert_int_equal(decoded.sequence, UINT64_MAX);
    assert_int_equal(decoded.first_lsn, 1 << 20);
    assert_int_equal(decoded.previous_checksum, header.previous_checksum);
}

static void every_flipped_bit_of_a_segment_header_is_found(void **state)
{
    (void)state;
    uint8_t encoded[VV_WAL_SEGMENT_HEADER_BYTES];
    struct vv_wal_segment_header decoded;
    vv_wal_segment_header_encode(&example_header, encoded);
    for (size_t bit = 0; bit < sizeof(encoded) * 8; bit++) {
        encoded[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(vv_wal_segment_header_decode(encoded, &decoded), VARVE_CORRUPT);
        encoded[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void a_segment_of_another_version_is_not_read(void **state)
{
    (void)state;
    uint8_t encoded[VV_WAL_SEGMENT_HEADER_BYTES];
    struct vv_wal_segment_header decoded;
    static const uint32_t versions[] = {0, 1, VV_WAL_VERSION + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        vv_wal_segment_header_encode(&example_header, encoded);
        vv_store_u32(encoded + 8, versions[i]);
        vv_store_u64(encoded + 56, vv_checksum(encoded, 56, 0));
        assert_int_equal(vv_wal_segment_header_decode(encoded, &decoded), VARVE_VERSION);
    }
}

static void a_segment_that_starts_where_no_frame_can_is_none(void **state)
{
    (void)state;
    uint8_t encoded[VV_WAL_SEGMENT_HEADER_BYTES];
    struct vv_wal_segment_header header = example_header, decoded;
    const uint64_t wrong[] = {
        0, 1, 7, 12, VV_RING_POSITION_MAX + VV_WAL_ALIGNMENT, UINT64_MAX - 7, UINT64_MAX};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        header.first_lsn = wrong[i];
        vv_wal_segment_header_encode(&header, encoded);
        assert_int_equal(vv_wal_segment_header_decode(encoded, &decoded), VARVE_CORRUPT);
    }
}

static void every_flipped_bit_of_a_frame_is_found(void **state)
{
    (void)state;
    struct vv_buffer frame_bytes = {0}, payload = {0};
    assert_int_equal(vv_buffer_append(&payload, "thirteen bytes", 13), VARVE_OK);
    (void)add_frame(&frame_bytes, 64, 77, VV_WAL_SAMPLES, 5, &payload);
    struct vv_wal_frame frame;
    assert_true(vv_wal_frame_open(frame_bytes.bytes, frame_bytes.length, 64, 1, &frame));
    assert_int_equal(frame.previous_checksum, 77);
    assert_int_equal(frame.sample_count, 5);
    assert_int_equal(frame.type, VV_WAL_SAMPLES);
    assert_int_equal(frame.payload_bytes, 13);
    for (size_t bit = 0; bit < (VV_WAL_FRAME_HEADER_BYTES + 13) * 8; bit++) {
        frame_bytes.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(vv_wal_frame_open(frame_bytes.bytes, frame_bytes.length, 64, 1, &frame));
        frame_bytes.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    vv_buffer_fini(&frame_bytes);
    vv_buffer_fini(&payload);
}

static void a_frame_counts_only_at_its_place_in_its_segment(void **state)
{
    (void)state;
    struct vv_buffer bytes = {0}, payload = {0};
    struct vv_wal_frame frame;
    assert_int_equal(vv_buffer_append(&payload, "x", 1), VARVE_OK);
    (void)add_frame(&bytes, 64, 0, VV_WAL_MARK, 0, &payload);
    assert_true(vv_wal_frame_open(bytes.bytes, bytes.length, 64, 1, &frame));
    assert_false(vv_wal_frame_open(bytes.bytes, bytes.length, 72, 1, &frame));
    assert_false(vv_wal_frame_open(bytes.bytes, bytes.length, 64, 2, &frame));
    for (size_t available = 0; available < bytes.length; available++) {
        assert_false(vv_wal_frame_open(bytes.bytes, available, 64, 1, &frame));
    }
    vv_buffer_fini(&bytes);
    vv_buffer_fini(&payload);
}

/* A log that believed it would call durable what it has not written. */
static void a_frame_that_vouches_for_itself_is_none(void **state)
{
    (void)state;
    uint8_t bytes[VV_WAL_FRAME_HEADER_BYTES];
    static const uint64_t durable_lsns[] = {64, 65, 72, UINT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct vv_wal_frame frame = {.lsn = 64, .durable_lsn = durable_lsns[i]}, opened;
        vv_wal_frame_prepare(VV_WAL_MARK, 0, 0, vv_checksum("", 0, 0), bytes);
        vv_wal_frame_seal(&frame, 1, bytes);
        assert_int_equal(vv_wal_frame_open(bytes, sizeof(bytes), 64, 1, &opened),
                         durable_lsns[i] <= 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_has_these_bytes),
        cmocka_unit_test(segment_names_go_both_ways),
        cmocka_unit_test(spare_names_are_no_segments),
        cmocka_unit_test(the_header_tells_whether_the_file_is_recycled),
        cmocka_unit_test(other_names_are_no_segments),
        cmocka_unit_test(a_segment_header_survives_the_way_to_disk),
        cmocka_unit_test(every_flipped_bit_of_a_segment_header_is_found),
        cmocka_unit_test(a_segment_of_another_version_is_not_read),
        cmocka_unit_test(a_segment_that_starts_where_no_frame_can_is_none),
        cmocka_unit_test(every_flipped_bit_of_a_frame_is_found),
        cmocka_unit_test(a_frame_counts_only_at_its_place_in_its_segment),
        cmocka_unit_test(a_frame_that_vouches_for_itself_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
