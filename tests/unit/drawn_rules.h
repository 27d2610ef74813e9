/* Rules of every kind over five columns, made up or drawn at random. */
#ifndef DRAWN_RULES_H
#define DRAWN_RULES_H

#include "bind_rules.h"

#include <float.h>
#include <math.h>

enum { COLUMNS = 5, MOST_RULES = 6 };

static flowbd3_context *context;
static fb3_dictionary *dictionary;
/* Three integers, a real, a categorical one. */
static fb3_rule_column columns[COLUMNS] = {{"i", FLOWBD3_TYPE_INTEGER, 0, NULL},
                                           {"j", FLOWBD3_TYPE_INTEGER, 0, NULL},
                                           {"k", FLOWBD3_TYPE_INTEGER, 0, NULL},
                                           {"x", FLOWBD3_TYPE_REAL, 1, NULL},
                                           {"c", FLOWBD3_TYPE_CATEGORICAL, 0, NULL}};

static inline void start(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    dictionary = letters(context);
    columns[4].dictionary = dictionary;
}

static inline void stop(void) {
    fb3_dictionary_release(&dictionary);
    flowbd3_context_destroy(&context);
}

static inline fb3_bound *bind(const fb3_rule *list, size_t count) {
    return bind_rules(context, list, count, columns, COLUMNS);
}

static inline fb3_cell number(double value) {
    return (fb3_cell){.number = value, .code = -1};
}

static const fb3_cell missing = {.code = -1, .missing = true};

/* ---- rules that are drawn ---------------------------------------------------------------------- */

static uint64_t state;

static inline size_t draw(size_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(state >> 33) % below;
}

static inline double draw_of(const double *values, size_t count) {
    return values[draw(count)];
}

typedef struct drawn_rules {
    fb3_rule rules[MOST_RULES];
    fb3_test tests[MOST_RULES][4];
    fb3_interval intervals[MOST_RULES][4][3];
    char *texts[MOST_RULES][4][2];
    size_t count;
} drawn_rules;

static char *const text_of[CODES] = {"a", "b", "c"};

static inline void draw_test(drawn_rules *d, size_t rule, size_t i, size_t column) {
    fb3_test *test = &d->tests[rule][i];
    *test = (fb3_test){.column = (char *)columns[column].name, .missing = draw(3) == 0, .any = draw(8) == 0};
    if (test->any)
        return;
    if (columns[column].type == FLOWBD3_TYPE_CATEGORICAL) {
        test->texts = d->texts[rule][i];
        test->n_texts = 1 + draw(2);
        test->except = draw(2) == 0;
        for (size_t j = 0; j < test->n_texts; j++)
            test->texts[j] = text_of[draw(CODES)];
        return;
    }
    test->intervals = d->intervals[rule][i];
    double from = draw(4) == 0 ? -(double)INFINITY : 0.0, at = 0.0;
    for (test->n_intervals = 0; test->n_intervals < draw(4) && at < 8.0; test->n_intervals++) {
        at += (double)draw(4);
        double to = draw(6) == 0 ? (double)INFINITY : at + (double)draw(3) * 0.5;
        test->intervals[test->n_intervals] =
            (fb3_interval){test->n_intervals == 0 && from < 0.0 ? from : at, to};
        at = to + 0.5 + (double)draw(2);
    }
}

static inline void draw_comparison(fb3_rule *rule) {
    static const double factors[] = {1.0, 1.0, 0.5, 2.0, 3.0}, offsets[] = {0.0, 0.0, -1.0, 1.0, 2.5};
    rule->comparison = (fb3_comparison_claim){.left = (char *)columns[draw(4)].name,
                                              .right = draw(4) == 0 ? NULL : (char *)columns[draw(4)].name,
                                              .at_least = draw(2) == 0,
                                              .factor = draw_of(factors, 5),
                                              .offset = draw_of(offsets, 5)};
    if (rule->comparison.right == NULL)
        rule->comparison.offset = (double)draw(8);
}

static inline void draw_derived(fb3_rule *rule) {
    static const double scales[] = {1.0, 1.0, 1.0, -1.0, 2.0, 0.5, 0.0},
                        offsets[] = {0.0, 0.0, 0.0, 1.0, -2.5};
    fb3_operation operation = (fb3_operation)draw(5);
    size_t column = draw(4);
    rule->derived = (fb3_derived_claim){
        .column = (char *)columns[column].name,
        .a = (char *)columns[(column + 1 + draw(3)) % 4].name,
        .b = operation == FB3_COPY ? NULL : (char *)columns[(column + 1 + draw(3)) % 4].name,
        .operation = operation,
        .scale = draw_of(scales, 7),
        .offset = draw_of(offsets, 5),
        .decimals = (int)draw(3) - 1,
        .truncated = draw(3) == 0,
        .otherwise_missing = draw(2) == 0,
        .otherwise = (double)draw(3)};
}

static inline void draw_rules(drawn_rules *d, size_t count) {
    d->count = count;
    for (size_t i = 0; i < count; i++) {
        fb3_rule *rule = &d->rules[i];
        *rule = (fb3_rule){.n_when = draw(3), .when = d->tests[i], .claim = (fb3_claim)draw(3)};
        for (size_t j = 0; j < rule->n_when; j++)
            draw_test(d, i, j, draw(COLUMNS));
        if (rule->claim == FB3_CLAIM_TESTS) {
            rule->tests = d->tests[i] + 2;
            rule->n_tests = 1 + draw(2);
            for (size_t j = 0; j < rule->n_tests; j++)
                draw_test(d, i, 2 + j, draw(COLUMNS));
        } else if (rule->claim == FB3_CLAIM_COMPARISON) {
            draw_comparison(rule);
        } else {
            draw_derived(rule);
        }
    }
}

/* ---- rows -------------------------------------------------------------------------------------- */

static inline bool obeys(const fb3_bound *bound, const fb3_cell *row) {
    for (size_t i = 0; i < bound->count; i++)
        if (fb3_bound_judge(bound, i, row) == FB3_VIOLATED)
            return false;
    return true;
}

static inline bool lies_in(const fb3_cell *row, const fb3_domain *domains) {
    for (size_t i = 0; i < COLUMNS; i++)
        if (!fb3_domain_has(&domains[i], &row[i]))
            return false;
    return true;
}

#endif
