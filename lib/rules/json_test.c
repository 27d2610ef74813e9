/* Tests of columns as JSON, in and out: "icmp", 6, null, {"min": 0, "max": 9}, {"like": "a*"},
 * {"not": ["a", "b"]}, {"any": true}, and arrays of those. */
#include "rules/json_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------- */

bool fb3_rules_json_number(const json_t *value, double *number) {
    *number = json_number_value(value) + 0.0;
    return json_is_number(value) && isfinite(*number);
}

const char *fb3_rules_json_stranger(const json_t *object, const char *const *known, size_t n_known) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        size_t i = 0;
        while (i < n_known && strcmp(known[i], key) != 0)
            i++;
        if (i == n_known)
            return key;
    }
    return NULL;
}

/* Where the reader is. room: values that each array of the test has room for once it is there. */
typedef struct reader {
    fb3_test *test;
    flowbd3_context *context;
    flowbd3_error *err;
    size_t room;
} reader;

static flowbd3_status bad(const reader *r, const char *expected) {
    return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT, "the test of '%.60s' is wrong, expected %s",
                    r->test->column, expected);
}

static flowbd3_status no_memory(const reader *r) {
    return fb3_no_memory(r->err, "the test of a column");
}

static flowbd3_status add_text(const reader *r, char ***texts, size_t *count, const json_t *value,
                               const char *expected) {
    const char *text = fb3_json_text(value);
    if (text == NULL || !fb3_is_utf8(text, strlen(text)))
        return bad(r, expected);
    if (*texts == NULL && (*texts = fb3_allocate_zero(r->context, r->room, sizeof **texts)) == NULL)
        return no_memory(r);
    (*texts)[*count] = fb3_duplicate(r->context, text);
    if ((*texts)[*count] == NULL)
        return no_memory(r);
    ++*count;
    return FLOWBD3_OK;
}

static flowbd3_status add_interval(const reader *r, double low, double high) {
    fb3_test *t = r->test;
    if (t->intervals == NULL &&
        (t->intervals = fb3_allocate(r->context, r->room, sizeof *t->intervals)) == NULL)
        return no_memory(r);
    t->intervals[t->n_intervals++] = (fb3_interval){low, high};
    return FLOWBD3_OK;
}

/* {"min": 0, "max": 9}, of which one may be left out. */
static flowbd3_status read_interval(const reader *r, const json_t *value) {
    static const char *const known[] = {"min", "max"};
    static const char expected[] = "{\"min\": a number, \"max\": one that is not smaller}";
    const json_t *min = json_object_get(value, "min"), *max = json_object_get(value, "max");
    double low = -(double)INFINITY, high = (double)INFINITY;
    if (fb3_rules_json_stranger(value, known, FB3_COUNT(known)) != NULL ||
        (min != NULL && !fb3_rules_json_number(min, &low)) ||
        (max != NULL && !fb3_rules_json_number(max, &high)) || low > high)
        return bad(r, expected);
    return add_interval(r, low, high);
}

static flowbd3_status read_values(reader *r, const json_t *value, bool inside_not);

/* {"not": ...}: stands alone, or beside null. */
static flowbd3_status read_not(reader *r, const json_t *value) {
    fb3_test *t = r->test;
    if (t->texts != NULL || t->patterns != NULL)
        return bad(r, "{\"not\": texts} alone or beside null");
    flowbd3_status status = read_values(r, value, true);
    t->except = true;
    return status;
}

static flowbd3_status read_object(reader *r, const json_t *value, bool inside_not) {
    static const char expected[] = "{\"min\", \"max\"}, {\"like\"}, {\"not\"} or {\"any\": true}";
    const char *key = json_object_iter_key(json_object_iter((json_t *)value));
    const json_t *first = key != NULL ? json_object_get(value, key) : NULL;
    if (key != NULL && !inside_not && (strcmp(key, "min") == 0 || strcmp(key, "max") == 0))
        return read_interval(r, value);
    if (key == NULL || json_object_size(value) != 1)
        return bad(r, expected);
    if (strcmp(key, "like") == 0)
        return add_text(r, &r->test->patterns, &r->test->n_patterns, first,
                        "{\"like\": a pattern with * or ?}");
    if (strcmp(key, "not") == 0 && !inside_not)
        return read_not(r, first);
    if (strcmp(key, "any") != 0 || !json_is_true(first) || inside_not)
        return bad(r, inside_not ? "{\"not\"} of texts and {\"like\"} alone" : expected);
    r->test->any = true;
    return FLOWBD3_OK;
}

static flowbd3_status read_value(reader *r, const json_t *value, bool inside_not) {
    double number;
    if (r->test->except)
        return json_is_null(value) ? (r->test->missing = true, FLOWBD3_OK)
                                   : bad(r, "{\"not\": texts} alone or beside null");
    if (json_is_object(value))
        return read_object(r, value, inside_not);
    if (json_is_string(value))
        return add_text(r, &r->test->texts, &r->test->n_texts, value,
                        "texts that are not empty; null stands for a missing cell");
    if (inside_not)
        return bad(r, "{\"not\"} of texts and {\"like\"} alone");
    if (json_is_null(value)) {
        r->test->missing = true;
        return FLOWBD3_OK;
    }
    if (!fb3_rules_json_number(value, &number))
        return bad(r, "a text, a number, null, an object or an array of those");
    return add_interval(r, number, number);
}

static flowbd3_status read_values(reader *r, const json_t *value, bool inside_not) {
    if (!json_is_array(value)) {
        r->room = r->room > 1 ? r->room : 1;
        return read_value(r, value, inside_not);
    }
    size_t count = json_array_size(value);
    if (count == 0)
        return bad(r, "an array that is not empty");
    r->room = count;
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < count && status == FLOWBD3_OK; i++)
        status = read_value(r, json_array_get(value, i), inside_not);
    return status;
}

static int compare_lows(const void *a, const void *b) {
    double x = ((const fb3_interval *)a)->low, y = ((const fb3_interval *)b)->low;
    return (x > y) - (x < y);
}

/* Sorts the intervals and makes one of those that meet. */
static void merge_intervals(fb3_test *test) {
    if (test->n_intervals == 0)
        return;
    qsort(test->intervals, test->n_intervals, sizeof *test->intervals, compare_lows);
    size_t last = 0;
    for (size_t i = 1; i < test->n_intervals; i++) {
        fb3_interval next = test->intervals[i];
        if (next.low <= test->intervals[last].high)
            test->intervals[last].high = fmax(test->intervals[last].high, next.high);
        else
            test->intervals[++last] = next;
    }
    test->n_intervals = last + 1;
}

static flowbd3_status read_test(reader *r, const json_t *value) {
    flowbd3_status status = read_values(r, value, false);
    if (status != FLOWBD3_OK)
        return status;
    const fb3_test *t = r->test;
    bool texts = t->n_texts + t->n_patterns > 0, numbers = t->n_intervals > 0;
    if (texts && numbers)
        return bad(r, "texts or numbers, not both");
    if (t->any && (texts || numbers))
        return bad(r, "{\"any\": true} alone or beside null");
    merge_intervals(r->test);
    return FLOWBD3_OK;
}

flowbd3_status fb3_test_from_json_value(fb3_test *test, flowbd3_context *context, const char *column,
                                        const json_t *value, flowbd3_error *err) {
    reader r = {test, context, err, 0};
    *test = (fb3_test){0};
    test->column = fb3_duplicate(context, column);
    flowbd3_status status = test->column != NULL ? read_test(&r, value) : no_memory(&r);
    if (status != FLOWBD3_OK)
        fb3_test_release(test, context);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------- */

json_t *fb3_rules_json_of_number(double number) {
    bool whole = fabs(number) < 0x1p53 && number == trunc(number);
    return whole ? json_integer((json_int_t)number) : json_real(number);
}

static json_t *interval_value(const fb3_interval *interval) {
    if (interval->low == interval->high)
        return fb3_rules_json_of_number(interval->low);
    json_t *object = json_object();
    bool whole = object != NULL;
    if (whole && isfinite(interval->low))
        whole = json_object_set_new(object, "min", fb3_rules_json_of_number(interval->low)) == 0;
    if (whole && isfinite(interval->high))
        whole = json_object_set_new(object, "max", fb3_rules_json_of_number(interval->high)) == 0;
    if (!whole) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* The only value of a list as it is, or the list. Takes over the list. */
static json_t *unwrap(json_t *list) {
    if (json_array_size(list) != 1)
        return list;
    json_t *only = json_incref(json_array_get(list, 0));
    json_decref(list);
    return only;
}

static bool append_texts(json_t *list, const fb3_test *test) {
    bool whole = true;
    for (size_t i = 0; i < test->n_texts && whole; i++)
        whole = fb3_json_append(list, json_string(test->texts[i]));
    for (size_t i = 0; i < test->n_patterns && whole; i++)
        whole = fb3_json_append(list, json_pack("{s:s}", "like", test->patterns[i]));
    return whole;
}

static json_t *not_value(const fb3_test *test) {
    json_t *list = json_array();
    if (list == NULL || !append_texts(list, test)) {
        json_decref(list);
        return NULL;
    }
    return json_pack("{s:o}", "not", unwrap(list));
}

/* An interval without ends has no member to write: it is two that touch, which the reader joins. */
static bool append_interval(json_t *list, const fb3_interval *interval) {
    static const fb3_interval halves[] = {{-INFINITY, 0.0}, {0.0, INFINITY}};
    if (isfinite(interval->low) || isfinite(interval->high))
        return fb3_json_append(list, interval_value(interval));
    return fb3_json_append(list, interval_value(&halves[0])) &&
           fb3_json_append(list, interval_value(&halves[1]));
}

json_t *fb3_test_to_json_value(const fb3_test *test) {
    json_t *list = json_array();
    bool whole = list != NULL, texts = test->n_texts + test->n_patterns > 0;
    if (whole && (test->any || (test->except && !texts)))
        whole = fb3_json_append(list, json_pack("{s:b}", "any", 1));
    else if (whole && test->except)
        whole = fb3_json_append(list, not_value(test));
    else if (whole)
        whole = append_texts(list, test);
    for (size_t i = 0; i < test->n_intervals && whole && !test->any; i++)
        whole = append_interval(list, &test->intervals[i]);
    if (whole && test->missing)
        whole = fb3_json_append(list, json_null());
    if (!whole) {
        json_decref(list);
        return NULL;
    }
    return unwrap(list);
}
