/*
 * matcher.c - compiled matchers: each a name, a type, and a literal or a regex.
 *
 * M1  Everything is copied: compiled matchers outlive the selector that they came from.
 * M2  Not-matchers share the positive evaluation and turn its answer round, so that both always
 *     agree.
 * Threads: one at a time (scratch of the regexes, and the sets).
 */
#include "index/matcher.h"

#include <string.h>

#include "base/utf8.h"
#include "index/regex.h"
#include "os/alloc.h"

struct matcher {
    varve_match_type type;
    varve_string name;
    varve_string value;     /* text of the matcher; points into the copy */
    struct vv_regex *regex; /* NULL for = and != */
};

struct vv_matchers {
    size_t count;
    char *text; /* copies of all names and values */
    struct vv_id_runs *selected;
    struct vv_id_runs *spare;
    struct matcher entries[];
};

/* Text of a matcher that error messages show. */
enum { TEXT_SHOWN_BYTES = 80 };

static bool is_negative(varve_match_type type)
{
    return type == VARVE_MATCH_NOT_EQUAL || type == VARVE_MATCH_NOT_REGEX;
}

static bool is_regex(varve_match_type type)
{
    return type == VARVE_MATCH_REGEX || type == VARVE_MATCH_NOT_REGEX;
}

static int shown_length(varve_string string)
{
    return string.length < TEXT_SHOWN_BYTES ? (int)string.length : TEXT_SHOWN_BYTES;
}

static varve_status check_strings(const varve_matcher *matcher, size_t number, varve_error *error)
{
    if ((unsigned)matcher->type > VARVE_MATCH_NOT_REGEX) {
        return vv_fail(error, VARVE_INVALID, "matcher %zu has type %d, which is none", number,
                       (int)matcher->type);
    }
    if (matcher->name.length == 0) {
        return vv_fail(error, VARVE_INVALID, "matcher %zu has an empty label name", number);
    }
    if (!vv_utf8_valid(matcher->name.bytes, matcher->name.length)) {
        return vv_fail(error, VARVE_INVALID, "the label name of matcher %zu is not UTF-8", number);
    }
    if (!vv_utf8_valid(matcher->value.bytes, matcher->value.length)) {
        return vv_fail(error, VARVE_INVALID, "the value of matcher %zu is not UTF-8", number);
    }
    return VARVE_OK;
}

static varve_status compile_regex(struct matcher *matcher, varve_error *error)
{
    varve_error detail = {.status = VARVE_OK};
    varve_status status = vv_regex_compile(matcher->value, &matcher->regex, &detail);
    if (status == VARVE_OK) {
        return VARVE_OK;
    }
    return vv_fail(error, status, "regular expression of label \"%.*s\", \"%.*s\": %s",
                   shown_length(matcher->name), matcher->name.bytes, shown_length(matcher->value),
                   matcher->value.bytes, detail.message);
}

/* Copies a string to *text, which moves behind it. */
static varve_string copy_string(varve_string string, char **text)
{
    varve_string copy = {*text, string.length};
    if (string.length > 0) {
        memcpy(*text, string.bytes, string.length);
        *text += string.length;
    }
    return copy;
}

static varve_status allocate(const varve_matcher *matchers, size_t count, struct vv_matchers **out)
{
    size_t text_bytes = 1;
    for (size_t index = 0; index < count; index++) {
        text_bytes += matchers[index].name.length + matchers[index].value.length;
    }
    struct vv_matchers *compiled =
        vv_alloc_zeroed(1, sizeof(*compiled) + count * sizeof(compiled->entries[0]));
    if (compiled == NULL) {
        return VARVE_NO_MEMORY;
    }
    compiled->text = vv_alloc(text_bytes);
    compiled->selected = vv_id_runs_create();
    compiled->spare = vv_id_runs_create();
    if (compiled->text == NULL || compiled->selected == NULL || compiled->spare == NULL) {
        vv_matchers_destroy(compiled);
        return VARVE_NO_MEMORY;
    }
    *out = compiled;
    return VARVE_OK;
}

varve_status vv_matchers_compile(const varve_matcher *matchers, size_t count,
                                 struct vv_matchers **out, varve_error *error)
{
    for (size_t index = 0; index < count; index++) {
        VV_TRY(check_strings(&matchers[index], index + 1, error));
    }
    struct vv_matchers *compiled = NULL;
    if (allocate(matchers, count, &compiled) != VARVE_OK) {
        return vv_fail(error, VARVE_NO_MEMORY, "no memory for the matchers of a selector");
    }
    char *text = compiled->text;
    for (size_t index = 0; index < count; index++) {
        struct matcher *matcher = &compiled->entries[index];
        matcher->type = matchers[index].type;
        matcher->name = copy_string(matchers[index].name, &text);
        matcher->value = copy_string(matchers[index].value, &text);
        compiled->count = index + 1;
        varve_status status = is_regex(matcher->type) ? compile_regex(matcher, error) : VARVE_OK;
        if (status != VARVE_OK) {
            vv_matchers_destroy(compiled);
            return status;
        }
    }
    *out = compiled;
    return VARVE_OK;
}

void vv_matchers_destroy(struct vv_matchers *matchers)
{
    if (matchers == NULL) {
        return;
    }
    for (size_t index = 0; index < matchers->count; index++) {
        vv_regex_destroy(matchers->entries[index].regex);
    }
    vv_id_runs_destroy(matchers->selected);
    vv_id_runs_destroy(matchers->spare);
    vv_free(matchers->text);
    vv_free(matchers);
}

static bool same_string(varve_string a, varve_string b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

bool vv_matchers_are(const struct vv_matchers *compiled, const varve_matcher *matchers,
                     size_t count)
{
    bool same = compiled->count == count;
    for (size_t index = 0; index < count && same; index++) {
        const struct matcher *own = &compiled->entries[index];
        same = own->type == matchers[index].type && same_string(own->name, matchers[index].name) &&
               same_string(own->value, matchers[index].value);
    }
    return same;
}

struct vv_id_runs *vv_matchers_selected(const struct vv_matchers *matchers)
{
    return matchers->selected;
}

struct vv_id_runs *vv_matchers_spare(const struct vv_matchers *matchers)
{
    return matchers->spare;
}

static const struct matcher *matcher_at(const struct vv_matchers *matchers, size_t index)
{
    VV_ASSERT(index < matchers->count);
    return &matchers->entries[index];
}

size_t vv_matchers_count(const struct vv_matchers *matchers)
{
    return matchers->count;
}

varve_match_type vv_matchers_type(const struct vv_matchers *matchers, size_t index)
{
    return matcher_at(matchers, index)->type;
}

varve_string vv_matchers_name(const struct vv_matchers *matchers, size_t index)
{
    return matcher_at(matchers, index)->name;
}

varve_status vv_matchers_accept(const struct vv_matchers *matchers, size_t index,
                                varve_string value, bool *accepted)
{
    const struct matcher *matcher = matcher_at(matchers, index);
    bool matched = false;
    if (matcher->regex != NULL) {
        VV_TRY(vv_regex_match(matcher->regex, value, &matched));
    } else {
        matched =
            value.length == matcher->value.length &&
            (value.length == 0 || memcmp(value.bytes, matcher->value.bytes, value.length) == 0);
    }
    *accepted = matched != is_negative(matcher->type);
    return VARVE_OK;
}

/* The values that the text of a matcher stands for, whatever its sign; 0 if it is a real regex. */
static size_t text_literals(const struct matcher *matcher, const varve_string **literals)
{
    if (matcher->regex != NULL) {
        return vv_regex_literals(matcher->regex, literals);
    }
    *literals = &matcher->value;
    return 1;
}

size_t vv_matchers_literals(const struct vv_matchers *matchers, size_t index,
                            const varve_string **literals)
{
    const struct matcher *matcher = matcher_at(matchers, index);
    return is_negative(matcher->type) ? 0 : text_literals(matcher, literals);
}

size_t vv_matchers_literals_refused(const struct vv_matchers *matchers, size_t index,
                                    const varve_string **literals)
{
    const struct matcher *matcher = matcher_at(matchers, index);
    return is_negative(matcher->type) ? text_literals(matcher, literals) : 0;
}
