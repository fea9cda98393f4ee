/*
 * database_model.h - a naive model of a database for randomised tests: sorted arrays of samples.
 *
 * A universe of label sets is fixed when the model is made, in the order in which varve_select()
 * shows series. Operations are applied in the order of the log; nothing is clever, so that a
 * difference between the model and a database is a bug of the database.
 */
#ifndef VARVE_TEST_SUPPORT_DATABASE_MODEL_H
#define VARVE_TEST_SUPPORT_DATABASE_MODEL_H

#include "varve/varve.h"

enum { MODEL_LABELS_MAX = 4, MODEL_TEXT_MAX = 32 };

struct model_sample {
    int64_t timestamp;
    double value;
};

struct model_series {
    char texts[MODEL_LABELS_MAX][2][MODEL_TEXT_MAX]; /* names and values */
    varve_label labels[MODEL_LABELS_MAX];            /* sorted by name; point into texts */
    size_t label_count;
    struct model_sample *samples; /* by time, unique */
    size_t count;
    size_t capacity;
    int64_t clock; /* for generators: about where in-order samples go on */
};

struct model {
    struct model_series *series; /* in key order */
    size_t series_count;
};

/* A universe of 15 label sets over __name__, host and dc, and so many more with a zone label. */
void model_init(struct model *model, size_t zone_count);
void model_fini(struct model *model);
/* A deep copy. */
void model_copy(struct model *to, const struct model *from);

/* policy is one of the six. */
void model_append(struct model_series *series, varve_duplicates policy, int64_t timestamp,
                  double value);
bool model_has(const struct model_series *series, int64_t timestamp);
void model_delete(struct model_series *series, int64_t start, int64_t end);

/* The samples in [start, end), INT64_MAX being no end. */
const struct model_sample *model_range(const struct model_series *series, int64_t start,
                                       int64_t end, size_t *count);

/* The value of a label, empty if absent. */
varve_string model_value(const struct model_series *series, varve_string name);
bool model_matches(const struct model_series *series, const varve_matcher *matchers, size_t count);

#endif
