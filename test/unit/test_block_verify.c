/* Tests of block_verify.c: it finds what no reader would notice, and says where. */
#include "mmap/block_reader.h"

#include "support/block_fixture.h"
#include "support/block_repair.h"

struct report {
    size_t count;
    uint64_t offset; /* of the last damage */
};

static void note_damage(void *context, uint64_t offset, const char *message)
{
    struct report *report = context;
    assert_true(strlen(message) > 0);
    report->count++;
    report->offset = offset;
}

/* Where the first page of a section is stored. */
static struct vv_page_where first_page(const struct vv_block *block, enum vv_block_section section)
{
    uint32_t page = block->sections[section].first_page;
    const uint8_t *entry = block->page_table + (size_t)page * VV_BLOCK_PAGE_ENTRY_BYTES;
    assert_true(block->sections[section].page_count > 0);
    return vv_page_where_unpack(vv_load_u64(entry + VV_PAGE_WHERE));
}

static varve_status verify_file(struct block_fixture *fixture, const char *name,
                                struct report *report, uint64_t *samples)
{
    struct vv_block *block;
    *report = (struct report){0};
    *samples = 0;
    VV_TRY(vv_block_open(fixture->env, fixture->directory, name, NULL, &block, NULL));
    varve_status status = vv_block_verify(block, note_damage, report, samples);
    vv_block_release(block);
    return status;
}

static void a_damaged_page_is_reported_with_its_place(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 400, 1000);
    struct vv_block_info info;
    struct report report;
    uint64_t samples;
    struct vv_block *block = block_fixture_open(fixture, model, "whole", false, &info);
    struct vv_page_where where = first_page(block, VV_SECTION_VALUES);
    assert_true(block->sections[VV_SECTION_VALUES].page_count > 1);
    vv_block_release(block);
    uint8_t *bytes = block_fixture_read(fixture, "whole", info.file_bytes);
    bytes[where.offset + 5] ^= 1;
    block_fixture_write(fixture, "damaged", bytes, info.file_bytes);
    assert_int_equal(verify_file(fixture, "damaged", &report, &samples), VARVE_CORRUPT);
    assert_int_equal(report.count, 1);
    assert_true(report.offset == where.offset);
    /* The other pages are still read. */
    assert_true(samples > 0 && samples < info.sample_count);
    free(bytes);
    block_model_destroy(model);
}

/* Changes one byte of a section, with right checksums: it is found, or it means nothing. */
static void forge(struct block_fixture *fixture, const struct block_model *model,
                  const uint8_t *bytes, size_t length, size_t at, uint64_t label_digest)
{
    uint8_t *forged = malloc(length);
    struct vv_block *block;
    struct report report;
    uint64_t samples;
    memcpy(forged, bytes, length);
    forged[at] ^= (uint8_t)(1u << vv_test_random_below(&fixture->random, 8));
    (void)block_repair(forged, length);
    block_fixture_write(fixture, "forged", forged, length);
    varve_status status = verify_file(fixture, "forged", &report, &samples);
    if (status == VARVE_OK) {
        uint64_t digest;
        assert_int_equal(
            vv_block_open(fixture->env, fixture->directory, "forged", NULL, &block, NULL),
            VARVE_OK);
        assert_int_equal(block_model_compare(model, block), VARVE_OK);
        assert_int_equal(block_fixture_digest(block, &digest), VARVE_OK);
        assert_true(digest == label_digest);
        vv_block_release(block);
    } else {
        assert_int_equal(status, VARVE_CORRUPT);
    }
    free(forged);
}

static void what_is_said_twice_must_agree(void **state)
{
    struct block_fixture *fixture = *state;
    static const enum vv_block_section sections[] = {
        VV_SECTION_STATISTICS, VV_SECTION_POSTINGS, VV_SECTION_BUCKETS,
        VV_SECTION_HASHES,     VV_SECTION_SHAPES,   VV_SECTION_LABELS,
    };
    struct block_model *model = block_model_create(&fixture->random, 40, 30);
    struct vv_block_info info;
    uint64_t digest;
    struct vv_block *block = block_fixture_open(fixture, model, "whole", false, &info);
    uint8_t *bytes = block_fixture_read(fixture, "whole", info.file_bytes);
    assert_int_equal(block_fixture_digest(block, &digest), VARVE_OK);
    for (size_t index = 0; index < sizeof(sections) / sizeof(sections[0]); index++) {
        struct vv_page_where where = first_page(block, sections[index]);
        for (int round = 0; round < 100; round++) {
            size_t at = vv_test_random_below(&fixture->random, where.unpacked_bytes);
            forge(fixture, model, bytes, info.file_bytes, where.offset + at, digest);
        }
    }
    vv_block_release(block);
    free(bytes);
    block_model_destroy(model);
}

static void statistics_that_are_not_those_of_the_values_are_found(void **state)
{
    struct block_fixture *fixture = *state;
    struct block_model *model = block_model_create(&fixture->random, 10, 30);
    struct vv_block_info info;
    struct report report;
    uint64_t samples;
    struct vv_block *block = block_fixture_open(fixture, model, "whole", false, &info);
    struct vv_page_where where = first_page(block, VV_SECTION_STATISTICS);
    vv_block_release(block);
    uint8_t *bytes = block_fixture_read(fixture, "whole", info.file_bytes);
    bytes[where.offset + VV_STATISTICS_SUM] ^= 1;
    (void)block_repair(bytes, info.file_bytes);
    block_fixture_write(fixture, "forged", bytes, info.file_bytes);
    assert_int_equal(verify_file(fixture, "forged", &report, &samples), VARVE_CORRUPT);
    assert_int_equal(report.count, 1);
    free(bytes);
    block_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        block_fixture_test(a_damaged_page_is_reported_with_its_place),
        block_fixture_test(what_is_said_twice_must_agree),
        block_fixture_test(statistics_that_are_not_those_of_the_values_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
