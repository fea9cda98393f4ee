/*
 * fuzz_series_text.c - series as text and as keys, from any bytes: what is accepted as text has a
 * canonical form that is accepted again and means the same; what is accepted as a key is one.
 */
#include <stdint.h>
#include <stdlib.h>

#include "index/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The canonical text of a key, in memory that the caller frees. */
static varve_string text_of(struct vv_key key)
{
    varve_label labels[VARVE_LABELS_MAX];
    size_t count = vv_key_labels(key, labels);
    size_t length = varve_series_format(labels, count, NULL, 0);
    char *text = malloc(length + 1);

    VV_ASSERT(text != NULL);
    VV_ASSERT(varve_series_format(labels, count, text, length) == length);
    return (varve_string){text, length};
}

/* Key to text to key gives the same key, text to key to text the same text. */
static void check_round_trip(struct vv_key key)
{
    struct vv_buffer again = {0};
    varve_string text = text_of(key);

    VV_ASSERT(vv_key_validate(key) == VARVE_OK);
    VV_ASSERT(vv_key_parse(text, &again, NULL) == VARVE_OK);
    struct vv_key second = {again.bytes, again.length};
    VV_ASSERT(vv_key_equal(key, second) && vv_key_hash(key) == vv_key_hash(second));
    VV_ASSERT(vv_key_compare(key, second) == 0);
    free((char *)(uintptr_t)text.bytes);
    vv_buffer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct vv_buffer parsed = {0};
    varve_error error;
    struct vv_key key = {bytes, length};

    if (vv_key_validate(key) == VARVE_OK) {
        check_round_trip(key);
    }
    if (vv_key_parse((varve_string){(const char *)bytes, length}, &parsed, &error) == VARVE_OK) {
        check_round_trip((struct vv_key){parsed.bytes, parsed.length});
    }
    vv_buffer_fini(&parsed);
    return 0;
}
