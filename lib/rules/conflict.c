/* Rules of one list that contradict each other in words: what one claims, the other excludes. */
#include "rules/json_internal.h"

#include <math.h>
#include <string.h>

/* ---- equal conditions -------------------------------------------------------------------------- */

static bool same_texts(char *const *a, size_t n_a, char *const *b, size_t n_b) {
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool same_test(const fb3_test *a, const fb3_test *b) {
    if (strcmp(a->column, b->column) != 0 || a->missing != b->missing || a->any != b->any ||
        a->except != b->except || a->n_intervals != b->n_intervals)
        return false;
    for (size_t i = 0; i < a->n_intervals; i++)
        if (a->intervals[i].low != b->intervals[i].low || a->intervals[i].high != b->intervals[i].high)
            return false;
    return same_texts(a->texts, a->n_texts, b->texts, b->n_texts) &&
           same_texts(a->patterns, a->n_patterns, b->patterns, b->n_patterns);
}

/* Whether two rules have the same tests in `when`, in any order. */
static bool same_conditions(const fb3_rule *a, const fb3_rule *b) {
    if (a->n_when != b->n_when)
        return false;
    for (size_t i = 0; i < a->n_when; i++) {
        size_t j = 0;
        while (j < b->n_when && !same_test(&a->when[i], &b->when[j]))
            j++;
        if (j == b->n_when)
            return false;
    }
    return true;
}

/* ---- tests that exclude each other ------------------------------------------------------------- */

static bool intervals_meet(const fb3_test *a, const fb3_test *b) {
    for (size_t i = 0; i < a->n_intervals; i++)
        for (size_t j = 0; j < b->n_intervals; j++)
            if (a->intervals[i].low <= b->intervals[j].high && b->intervals[j].low <= a->intervals[i].high)
                return true;
    return false;
}

static bool has_values(const fb3_test *test) {
    return test->any || test->except || test->n_intervals + test->n_texts + test->n_patterns > 0;
}

/* Whether one of a's texts passes b; of a's patterns that is not known, and taken for granted. */
static bool texts_meet(const fb3_test *a, const fb3_test *b) {
    bool meet = a->n_patterns > 0;
    for (size_t i = 0; i < a->n_texts && !meet; i++)
        meet = fb3_test_passes_text(b, a->texts[i]);
    return meet;
}

static bool values_meet(const fb3_test *a, const fb3_test *b) {
    if (!has_values(a) || !has_values(b))
        return false;
    if (a->any || b->any)
        return true;
    if (a->n_intervals > 0 || b->n_intervals > 0)
        return intervals_meet(a, b);
    return a->except ? b->except || texts_meet(b, a) : texts_meet(a, b);
}

static bool exclude(const fb3_test *a, const fb3_test *b) {
    return strcmp(a->column, b->column) == 0 && !(a->missing && b->missing) && !values_meet(a, b);
}

/* ---- claims that exclude each other ------------------------------------------------------------ */

static bool same_name(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* x <= f * y + c and x >= f * y + d with d > c. */
static bool comparisons_exclude(const fb3_comparison_claim *a, const fb3_comparison_claim *b) {
    if (a->at_least == b->at_least || strcmp(a->left, b->left) != 0 || !same_name(a->right, b->right) ||
        a->factor != b->factor)
        return false;
    return a->at_least ? a->offset > b->offset : b->offset > a->offset;
}

/* A comparison with a number, as the test that it is; missing cells pass. */
static bool test_excludes(const fb3_test *test, const fb3_comparison_claim *claim) {
    if (claim->right != NULL)
        return false;
    fb3_interval interval = {claim->at_least ? claim->offset : -(double)INFINITY,
                             claim->at_least ? (double)INFINITY : claim->offset};
    fb3_test same = {.column = claim->left, .missing = true, .intervals = &interval, .n_intervals = 1};
    return exclude(test, &same);
}

static const fb3_test *tests_exclude(const fb3_rule *a, const fb3_rule *b) {
    for (size_t i = 0; i < a->n_tests; i++) {
        if (b->claim == FB3_CLAIM_COMPARISON && test_excludes(&a->tests[i], &b->comparison))
            return &a->tests[i];
        for (size_t j = 0; j < b->n_tests; j++)
            if (exclude(&a->tests[i], &b->tests[j]))
                return &a->tests[i];
    }
    return NULL;
}

/* The column about which two rules contradict each other, or NULL. */
static const char *contradiction(const fb3_rule *a, const fb3_rule *b) {
    const fb3_test *test = NULL;
    if (a->claim == FB3_CLAIM_COMPARISON && b->claim == FB3_CLAIM_COMPARISON)
        return comparisons_exclude(&a->comparison, &b->comparison) ? a->comparison.left : NULL;
    if (a->claim == FB3_CLAIM_TESTS)
        test = tests_exclude(a, b);
    else if (b->claim == FB3_CLAIM_TESTS)
        test = tests_exclude(b, a);
    return test != NULL ? test->column : NULL;
}

flowbd3_status fb3_rules_check_conflicts(const flowbd3_rules *rules, flowbd3_error *err) {
    for (size_t i = 0; i < rules->count; i++) {
        const fb3_rule *a = &rules->rules[i];
        for (size_t j = i + 1; j < rules->count && fb3_rule_is_certain(a); j++) {
            const fb3_rule *b = &rules->rules[j];
            const char *column = fb3_rule_is_certain(b) ? contradiction(a, b) : NULL;
            if (column != NULL && same_conditions(a, b))
                return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                                "rules: rules '%.70s' and '%.70s' contradict each other about '%.40s'",
                                a->name, b->name, column);
        }
    }
    return FLOWBD3_OK;
}
