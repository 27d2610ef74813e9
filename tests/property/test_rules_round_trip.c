/* Any rules: their JSON reads back as the same JSON, and a copy judges every row as they do. */
#include "../unit/test_main.h"
#include "rules/rules.h"

#include <math.h>

enum { LISTS = 400, MOST_RULES = 12, COLUMNS = 6, ROWS = 60 };

static flowbd3_context *context;

static void setup(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

/* ---- random rules ------------------------------------------------------------------------------ */

typedef struct dice {
    uint64_t seed, next;
} dice;

static double uniform(dice *d) {
    return fb3_uniform(d->seed, FB3_RANDOM_SUBSAMPLE, d->next++, 0);
}

static size_t below(dice *d, size_t n) {
    return (size_t)(uniform(d) * (double)n);
}

static double random_number(dice *d) {
    switch (below(d, 5)) {
    case 0:
        return (double)below(d, 10);
    case 1:
        return nearbyint(1e3 * uniform(d)) / 100;
    case 2:
        return uniform(d) - 0.5;
    case 3:
        return pow(10, 600 * uniform(d) - 300);
    default:
        return -(double)below(d, 1000000000);
    }
}

/* Columns 0 to 3 are numeric, the others are not. */
static const char *const columns[COLUMNS] = {"a", "b b", "c.\"c", "d\n", "t", "\xc3\xa4"};
static const char *const texts[] = {"x", "y", "xy", "tcp", "\xe2\x82\xac", "a,\"b\\"};
static const char *const patterns[] = {"*", "?", "x*", "*_*", "t?p"};

static char *duplicate(const char *text) {
    char *copy = fb3_duplicate(context, text);
    ck_assert_ptr_nonnull(copy);
    return copy;
}

static char **random_texts(dice *d, const char *const *choice, size_t n, size_t count) {
    char **list = fb3_allocate(context, count, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = duplicate(choice[below(d, n)]);
    return list;
}

static void random_intervals(dice *d, fb3_test *test) {
    double at = random_number(d), step = fabs(random_number(d)) + 1e-3 * fabs(at) + 1e-3;
    test->n_intervals = 1 + below(d, 3);
    test->intervals = fb3_allocate(context, test->n_intervals, sizeof *test->intervals);
    for (size_t i = 0; i < test->n_intervals; i++) {
        double high = below(d, 2) == 0 ? at : at + step;
        test->intervals[i] = (fb3_interval){at, high};
        at = high + step;
    }
    if (below(d, 4) == 0)
        test->intervals[0].low = -(double)INFINITY;
    if (below(d, 4) == 0)
        test->intervals[test->n_intervals - 1].high = (double)INFINITY;
}

static void random_test(dice *d, fb3_test *test, size_t column) {
    *test = (fb3_test){.column = duplicate(columns[column]), .missing = below(d, 3) == 0};
    size_t kind = below(d, 6);
    if (kind == 0) {
        test->any = true;
    } else if (kind == 1) {
        test->missing = true;
    } else if (column < 4) {
        random_intervals(d, test);
    } else {
        test->except = below(d, 2) == 0;
        test->n_texts = below(d, 3);
        test->n_patterns = test->n_texts == 0 ? 1 : below(d, 2);
        if (test->n_texts > 0)
            test->texts = random_texts(d, texts, FB3_COUNT(texts), test->n_texts);
        if (test->n_patterns > 0)
            test->patterns = random_texts(d, patterns, FB3_COUNT(patterns), test->n_patterns);
    }
    /* Every number is any number. */
    if (test->n_intervals == 1 && isinf(test->intervals[0].low) && isinf(test->intervals[0].high))
        test->intervals[0].low = 0.0;
}

static fb3_test *random_tests(dice *d, size_t *count) {
    size_t first = below(d, COLUMNS);
    *count = 1 + below(d, 3);
    fb3_test *tests = fb3_allocate(context, *count, sizeof *tests);
    for (size_t i = 0; i < *count; i++)
        random_test(d, &tests[i], (first + i) % COLUMNS);
    return tests;
}

static void random_comparison(dice *d, fb3_comparison_claim *claim) {
    size_t left = below(d, 4);
    *claim =
        (fb3_comparison_claim){.left = duplicate(columns[left]), .at_least = below(d, 2) == 0, .factor = 1};
    if (below(d, 3) > 0)
        claim->right = duplicate(columns[(left + 1) % 4]);
    if (claim->right == NULL || below(d, 2) == 0)
        claim->offset = random_number(d) + 0.0;
    if (claim->right != NULL && below(d, 2) == 0)
        claim->factor = fabs(random_number(d)) + 1e-5;
}

static void random_derived(dice *d, fb3_derived_claim *claim) {
    size_t column = below(d, 4);
    *claim = (fb3_derived_claim){.column = duplicate(columns[column]),
                                 .a = duplicate(columns[(column + 1) % 4]),
                                 .operation = (fb3_operation)below(d, 5),
                                 .scale = below(d, 2) == 0 ? 1.0 : random_number(d) + 1e-4,
                                 .offset = below(d, 2) == 0 ? 0.0 : random_number(d) + 0.0,
                                 .decimals = (int)below(d, 19) - 1,
                                 .otherwise_missing = below(d, 2) == 0};
    if (claim->operation != FB3_COPY)
        claim->b = duplicate(columns[(column + 2) % 4]);
    claim->truncated = claim->decimals >= 0 && below(d, 3) == 0;
    if (!claim->otherwise_missing)
        claim->otherwise = random_number(d) + 0.0;
}

static void random_rule(dice *d, fb3_rule *rule, size_t number) {
    rule->claim = (fb3_claim)below(d, 3);
    if (below(d, 2) == 0)
        rule->when = random_tests(d, &rule->n_when);
    if (rule->claim == FB3_CLAIM_TESTS)
        rule->tests = random_tests(d, &rule->n_tests);
    else if (rule->claim == FB3_CLAIM_COMPARISON)
        random_comparison(d, &rule->comparison);
    else
        random_derived(d, &rule->derived);
    if (below(d, 2) == 0) {
        char name[32];
        snprintf(name, sizeof name, "rule \"%zu\"", number);
        rule->name = duplicate(name);
    }
    /* Found with a violation, so that rules may contradict each other. */
    rule->found = true;
    rule->applies = 1 + below(d, 1000000);
    rule->obey = rule->applies - 1;
}

static flowbd3_rules *random_rules(uint64_t seed) {
    dice d = {seed, 0};
    flowbd3_rules *rules = fb3_rules_create(context);
    rules->search = below(&d, 2) == 0;
    size_t count = below(&d, MOST_RULES + 1);
    for (size_t i = 0; i < count; i++)
        random_rule(&d, fb3_rules_append(rules), i);
    ck_assert_int_eq(fb3_rules_finish(rules, NULL), FLOWBD3_OK);
    return rules;
}

/* ---- the same judgement ------------------------------------------------------------------------ */

static fb3_cell random_cell(dice *d, const fb3_rule_column *column) {
    if (below(d, 5) == 0)
        return (fb3_cell){0, -1, true};
    if (column->type == FLOWBD3_TYPE_CATEGORICAL)
        return (fb3_cell){0, (int32_t)below(d, FB3_COUNT(texts)), false};
    return (fb3_cell){fb3_round_to_decimals(random_number(d), column->decimals), -1, false};
}

static void judge_alike(const flowbd3_rules *rules, const flowbd3_rules *again, uint64_t seed) {
    dice d = {seed, 1 << 20};
    fb3_dictionary *dictionary = fb3_dictionary_create(context);
    for (size_t i = 0; i < FB3_COUNT(texts); i++) {
        int32_t code;
        ck_assert_int_eq(fb3_dictionary_intern(dictionary, texts[i], strlen(texts[i]), &code), FLOWBD3_OK);
    }
    fb3_rule_column c[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        c[i] = (fb3_rule_column){columns[i],
                                 i >= 4   ? FLOWBD3_TYPE_CATEGORICAL
                                 : i == 0 ? FLOWBD3_TYPE_INTEGER
                                          : FLOWBD3_TYPE_REAL,
                                 (int)i - 1, dictionary};
    fb3_bound *a, *b;
    ck_assert_int_eq(fb3_bound_create(&a, context, rules, c, COLUMNS, false, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_bound_create(&b, context, again, c, COLUMNS, false, NULL), FLOWBD3_OK);
    for (size_t row = 0; row < ROWS; row++) {
        fb3_cell cells[COLUMNS];
        for (size_t i = 0; i < COLUMNS; i++)
            cells[i] = random_cell(&d, &c[i]);
        for (size_t i = 0; i < rules->count; i++)
            ck_assert_int_eq(fb3_bound_judge(a, i, cells), fb3_bound_judge(b, i, cells));
    }
    fb3_bound_destroy(&a);
    fb3_bound_destroy(&b);
    fb3_dictionary_release(&dictionary);
}

START_TEST(rules_come_back) {
    for (uint64_t seed = 1; seed <= LISTS; seed++) {
        flowbd3_rules *rules = random_rules(seed), *again;
        char *first, *second;
        flowbd3_error err = {0};
        ck_assert_int_eq(flowbd3_rules_to_json(rules, &first, NULL), FLOWBD3_OK);
        ck_assert_msg(flowbd3_rules_from_json(&again, context, first, strlen(first), &err) == FLOWBD3_OK,
                      "%s: %s", err.message, first);
        ck_assert_int_eq(flowbd3_rules_to_json(again, &second, NULL), FLOWBD3_OK);
        ck_assert_str_eq(first, second);
        ck_assert_uint_eq(flowbd3_rules_count(again), flowbd3_rules_count(rules));
        for (size_t i = 0; i < rules->count; i++) {
            ck_assert_str_eq(flowbd3_rules_name(again, i), flowbd3_rules_name(rules, i));
            ck_assert_str_eq(flowbd3_rules_text(again, i), flowbd3_rules_text(rules, i));
        }
        judge_alike(rules, again, seed);
        flowbd3_string_destroy(context, &first);
        flowbd3_string_destroy(context, &second);
        flowbd3_rules_destroy(&rules);
        flowbd3_rules_destroy(&again);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules_round_trip");
    TCase *tests = tcase_create("rules_round_trip");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, rules_come_back);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
