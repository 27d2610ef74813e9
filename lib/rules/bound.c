/* Rules bound to columns, and how a row stands to them. */
#include "rules/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- binding ----------------------------------------------------------------------------------- */

/* What is being bound, for messages. */
typedef struct binder {
    fb3_bound *bound;
    const fb3_rule *rule;
    flowbd3_error *err;
} binder;

static size_t find_column(const fb3_bound *bound, const char *name) {
    for (size_t i = 0; i < bound->n_columns; i++)
        if (strcmp(bound->columns[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static flowbd3_status wrong_kind(const binder *b, size_t column, const char *expected) {
    const fb3_rule_column *c = &b->bound->columns[column];
    return fb3_fail_at(b->err, FLOWBD3_ERROR_SCHEMA, 0, (int64_t)column + 1,
                       "rule '%.80s': column '%.60s' is %s, expected %s", b->rule->name, c->name,
                       fb3_type_name(c->type), expected);
}

/* A column by name; of a claim on numbers it has to be numeric. */
static flowbd3_status bind_column(const binder *b, size_t *column, const char *name, bool numeric) {
    *column = find_column(b->bound, name);
    if (*column == SIZE_MAX)
        return fb3_fail(b->err, FLOWBD3_ERROR_SCHEMA, "rule '%.80s': there is no column '%.60s'",
                        b->rule->name, name);
    if (numeric && fb3_has_dictionary(b->bound->columns[*column].type))
        return wrong_kind(b, *column, "numbers");
    return FLOWBD3_OK;
}

/* Whether a text matches a pattern: '*' any run, '?' any one character of UTF-8. */
static bool matches(const char *pattern, const char *text) {
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern == '?' || (*pattern != '\0' && *pattern == *text)) {
            bool wide = *pattern++ == '?';
            text++;
            while (wide && ((unsigned char)*text & 0xc0) == 0x80)
                text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool fb3_test_passes_text(const fb3_test *test, const char *text) {
    bool listed = false;
    for (size_t i = 0; i < test->n_texts && !listed; i++)
        listed = strcmp(test->texts[i], text) == 0;
    for (size_t i = 0; i < test->n_patterns && !listed; i++)
        listed = matches(test->patterns[i], text);
    return test->any || listed != test->except;
}

static flowbd3_status bind_codes(const binder *b, fb3_bound_test *bound, const fb3_test *test,
                                 const fb3_dictionary *dictionary) {
    bound->n_codes = dictionary->count;
    bound->codes = fb3_allocate_zero(b->bound->context, (bound->n_codes + 63) / 64, sizeof *bound->codes);
    if (bound->codes == NULL)
        return fb3_no_memory(b->err, "the categories of a rule");
    for (size_t code = 0; code < bound->n_codes; code++)
        if (fb3_test_passes_text(test, fb3_dictionary_text(dictionary, code)))
            bound->codes[code / 64] |= UINT64_C(1) << code % 64;
    return FLOWBD3_OK;
}

static flowbd3_status bind_test(const binder *b, fb3_bound_test *bound, const fb3_test *test) {
    flowbd3_status status = bind_column(b, &bound->column, test->column, false);
    if (status != FLOWBD3_OK)
        return status;
    const fb3_rule_column *column = &b->bound->columns[bound->column];
    bool texts = test->n_texts + test->n_patterns > 0;
    if (fb3_has_dictionary(column->type) && test->n_intervals > 0)
        return wrong_kind(b, bound->column, "numbers");
    if (!fb3_has_dictionary(column->type) && texts)
        return wrong_kind(b, bound->column, "texts");
    bound->missing = test->missing;
    bound->any = test->any;
    bound->intervals = test->intervals;
    bound->n_intervals = test->n_intervals;
    return fb3_has_dictionary(column->type) ? bind_codes(b, bound, test, column->dictionary) : FLOWBD3_OK;
}

static flowbd3_status bind_tests(const binder *b, fb3_bound_test **bound, const fb3_test *tests,
                                 size_t count) {
    if (count == 0)
        return FLOWBD3_OK;
    *bound = fb3_allocate_zero(b->bound->context, count, sizeof **bound);
    if (*bound == NULL)
        return fb3_no_memory(b->err, "the tests of a rule");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < count && status == FLOWBD3_OK; i++)
        status = bind_test(b, &(*bound)[i], &tests[i]);
    return status;
}

static flowbd3_status bind_rule(const binder *b, fb3_bound_rule *bound) {
    const fb3_rule *rule = b->rule;
    flowbd3_status status = bind_tests(b, &bound->when, rule->when, rule->n_when);
    if (status == FLOWBD3_OK && rule->claim == FB3_CLAIM_TESTS)
        status = bind_tests(b, &bound->tests, rule->tests, rule->n_tests);
    if (status == FLOWBD3_OK && rule->claim == FB3_CLAIM_COMPARISON) {
        status = bind_column(b, &bound->left, rule->comparison.left, true);
        if (status == FLOWBD3_OK && rule->comparison.right != NULL)
            status = bind_column(b, &bound->right, rule->comparison.right, true);
    }
    if (status == FLOWBD3_OK && rule->claim == FB3_CLAIM_DERIVED) {
        status = bind_column(b, &bound->column, rule->derived.column, true);
        if (status == FLOWBD3_OK)
            status = bind_column(b, &bound->a, rule->derived.a, true);
        if (status == FLOWBD3_OK && rule->derived.b != NULL)
            status = bind_column(b, &bound->b, rule->derived.b, true);
    }
    return status;
}

static bool has_columns(const fb3_bound *bound, const fb3_test *tests, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (find_column(bound, tests[i].column) == SIZE_MAX)
            return false;
    return true;
}

static bool has_column(const fb3_bound *bound, const char *name) {
    return name == NULL || find_column(bound, name) != SIZE_MAX;
}

static bool has_all_columns(const fb3_bound *bound, const fb3_rule *rule) {
    return has_columns(bound, rule->when, rule->n_when) && has_columns(bound, rule->tests, rule->n_tests) &&
           has_column(bound, rule->comparison.left) && has_column(bound, rule->comparison.right) &&
           has_column(bound, rule->derived.column) && has_column(bound, rule->derived.a) &&
           has_column(bound, rule->derived.b);
}

static fb3_bound *allocate(flowbd3_context *context, const flowbd3_rules *rules,
                           const fb3_rule_column *columns, size_t n_columns) {
    fb3_bound *bound = fb3_allocate_zero(context, 1, sizeof *bound);
    if (bound == NULL)
        return NULL;
    bound->context = fb3_context_retain(context);
    bound->rules = fb3_rules_retain((flowbd3_rules *)rules);
    bound->columns = fb3_allocate(context, n_columns, sizeof *bound->columns);
    bound->bound = fb3_allocate_zero(context, rules->count, sizeof *bound->bound);
    if (bound->columns == NULL || bound->bound == NULL) {
        fb3_bound_destroy(&bound);
        return NULL;
    }
    if (n_columns != 0)
        memcpy(bound->columns, columns, n_columns * sizeof *columns);
    bound->n_columns = n_columns;
    return bound;
}

flowbd3_status fb3_bound_create(fb3_bound **out, flowbd3_context *context, const flowbd3_rules *rules,
                                const fb3_rule_column *columns, size_t n_columns, bool skip,
                                flowbd3_error *err) {
    *out = NULL;
    fb3_bound *bound = allocate(context, rules, columns, n_columns);
    if (bound == NULL)
        return fb3_no_memory(err, "the columns of rules");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < rules->count && status == FLOWBD3_OK; i++) {
        const fb3_rule *rule = &rules->rules[i];
        if (skip && !has_all_columns(bound, rule))
            continue;
        fb3_bound_rule *b = &bound->bound[bound->count++];
        *b = (fb3_bound_rule){.rule = rule, .number = i, .right = SIZE_MAX, .b = SIZE_MAX};
        status = bind_rule(&(binder){bound, rule, err}, b);
    }
    if (status != FLOWBD3_OK)
        fb3_bound_destroy(&bound);
    *out = bound;
    return status;
}

static void release_tests(fb3_bound_test *tests, size_t count, flowbd3_context *context) {
    for (size_t i = 0; tests != NULL && i < count; i++)
        fb3_release(context, tests[i].codes);
    fb3_release(context, tests);
}

void fb3_bound_destroy(fb3_bound **bound) {
    if (*bound == NULL)
        return;
    fb3_bound *b = *bound;
    flowbd3_context *context = b->context;
    *bound = NULL;
    for (size_t i = 0; b->bound != NULL && i < b->count; i++) {
        release_tests(b->bound[i].when, b->bound[i].rule->n_when, context);
        release_tests(b->bound[i].tests, b->bound[i].rule->n_tests, context);
    }
    fb3_release(context, b->bound);
    fb3_release(context, b->columns);
    flowbd3_rules_destroy(&b->rules);
    fb3_release(context, b);
    flowbd3_context_destroy(&context);
}

/* ---- derived columns --------------------------------------------------------------------------- */

static double combine(const fb3_derived_claim *claim, double a, double b) {
    double value = a;
    switch (claim->operation) {
    case FB3_COPY:
        break;
    case FB3_SUM:
        value = a + b;
        break;
    case FB3_DIFFERENCE:
        value = a - b;
        break;
    case FB3_PRODUCT:
        value = a * b;
        break;
    case FB3_RATIO:
        value = a / b;
        break;
    }
    return claim->scale * value + claim->offset;
}

/* Rounded as the rule says: half away from zero, or cut off towards it. */
static double round_as(const fb3_derived_claim *claim, double value) {
    static const double power_of_ten[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                          1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};
    if (claim->decimals < 0 || (size_t)claim->decimals >= FB3_COUNT(power_of_ten))
        return value;
    double scaled = value * power_of_ten[claim->decimals];
    if (!(fabs(scaled) < 0x1p53))
        return value;
    return (claim->truncated ? trunc(scaled) : round(scaled)) / power_of_ten[claim->decimals];
}

/* Digits that a cell of a column is printed with, -1: as many as it takes. */
static int digits_of(const fb3_rule_column *column) {
    return fb3_has_integers(column->type) ? 0 : column->decimals;
}

/* How far the number behind a cell may be from it: half a unit of the last digit of a real one, a little
 * less, as one that far away prints as the next. */
static double blur_of(const fb3_rule_column *column) {
    return column->type == FLOWBD3_TYPE_REAL && column->decimals >= 0
               ? 0.4999995 * pow(10.0, -column->decimals)
               : 0.0;
}

/* Whether the claim has a value in a row, other than that of `otherwise`. */
static bool has_value(const fb3_bound_rule *bound, const fb3_cell *cells) {
    const fb3_derived_claim *claim = &bound->rule->derived;
    if (cells[bound->a].missing)
        return false;
    if (bound->b == SIZE_MAX)
        return true;
    return !cells[bound->b].missing && (claim->operation != FB3_RATIO || cells[bound->b].number != 0.0);
}

static fb3_cell otherwise_of(const fb3_derived_claim *claim, int digits) {
    if (claim->otherwise_missing)
        return (fb3_cell){.code = -1, .missing = true};
    return (fb3_cell){.number = fb3_round_to_decimals(claim->otherwise, digits), .code = -1};
}

fb3_cell fb3_bound_derive(const fb3_bound *bound, size_t i, const fb3_cell *cells) {
    const fb3_bound_rule *b = &bound->bound[i];
    const fb3_derived_claim *claim = &b->rule->derived;
    int digits = digits_of(&bound->columns[b->column]);
    if (!has_value(b, cells))
        return otherwise_of(claim, digits);
    double exact = combine(claim, cells[b->a].number, b->b != SIZE_MAX ? cells[b->b].number : 0.0);
    double value = fb3_round_to_decimals(round_as(claim, exact), digits);
    return isfinite(value) ? (fb3_cell){.number = value + 0.0, .code = -1} : otherwise_of(claim, digits);
}

/* The least and the greatest value of a claim for numbers that print as its sources do. Every operation is
 * monotone in either source, as a divisor keeps its sign. */
static fb3_interval reach_of(const fb3_bound *bound, const fb3_bound_rule *rule, const fb3_cell *cells) {
    const fb3_derived_claim *claim = &rule->rule->derived;
    double blur_a = blur_of(&bound->columns[rule->a]), b = 0.0, blur_b = 0.0;
    if (rule->b != SIZE_MAX) {
        b = cells[rule->b].number;
        blur_b = blur_of(&bound->columns[rule->b]);
        if (claim->operation == FB3_RATIO)
            blur_b = fmin(blur_b, 0.5 * fabs(b));
    }
    fb3_interval reach = {(double)INFINITY, -(double)INFINITY};
    for (int corner = 0; corner < 4; corner++) {
        double value = combine(claim, cells[rule->a].number + ((corner & 1) != 0 ? blur_a : -blur_a),
                               b + ((corner & 2) != 0 ? blur_b : -blur_b));
        reach.low = fmin(reach.low, value);
        reach.high = fmax(reach.high, value);
    }
    return (fb3_interval){reach.low - 1e-9 * fabs(reach.low), reach.high + 1e-9 * fabs(reach.high)};
}

static bool derived_holds(const fb3_bound *bound, size_t i, const fb3_cell *cells) {
    const fb3_bound_rule *b = &bound->bound[i];
    const fb3_derived_claim *claim = &b->rule->derived;
    const fb3_cell *cell = &cells[b->column];
    fb3_cell expected = fb3_bound_derive(bound, i, cells);
    if (cell->missing || expected.missing)
        return cell->missing == expected.missing;
    double value = cell->number, slack = 1e-9 * fabs(value);
    if (fabs(value - expected.number) <= slack)
        return true;
    if (!has_value(b, cells))
        return false;
    /* Rounding is monotone, so that what numbers between two ends round to lies between what the ends do. */
    int digits = digits_of(&bound->columns[b->column]);
    fb3_interval reach = reach_of(bound, b, cells);
    if (!isfinite(reach.low) || !isfinite(reach.high))
        return false;
    double low = fb3_round_to_decimals(round_as(claim, reach.low), digits);
    double high = fb3_round_to_decimals(round_as(claim, reach.high), digits);
    if (!(low <= value + slack && value - slack <= high))
        return false;
    /* A column of more digits than the rule rounds to has to be as round as the rule says. */
    bool finer = claim->decimals >= 0 && (digits < 0 || digits > claim->decimals);
    return !finer || fabs(fb3_round_to_decimals(value, claim->decimals) - value) <= slack;
}

/* ---- judging ----------------------------------------------------------------------------------- */

static bool test_holds(const fb3_bound_test *test, const fb3_cell *cells) {
    const fb3_cell *cell = &cells[test->column];
    if (cell->missing || test->any)
        return cell->missing ? test->missing : test->any;
    if (test->codes != NULL) {
        size_t code = (size_t)cell->code;
        return code < test->n_codes && (test->codes[code / 64] >> code % 64 & 1) != 0;
    }
    for (size_t i = 0; i < test->n_intervals && cell->number >= test->intervals[i].low; i++)
        if (cell->number <= test->intervals[i].high)
            return true;
    return false;
}

static bool tests_hold(const fb3_bound_test *tests, size_t count, const fb3_cell *cells) {
    for (size_t i = 0; i < count; i++)
        if (!test_holds(&tests[i], cells))
            return false;
    return true;
}

static fb3_verdict judge_comparison(const fb3_bound_rule *b, const fb3_cell *cells) {
    const fb3_comparison_claim *claim = &b->rule->comparison;
    bool missing = cells[b->left].missing || (b->right != SIZE_MAX && cells[b->right].missing);
    if (missing)
        return FB3_SAYS_NOTHING;
    double product = b->right != SIZE_MAX ? claim->factor * cells[b->right].number : 0.0;
    /* What rounding may have done to the right side; a product with 1 and a sum with 0 are exact. */
    bool exact = b->right == SIZE_MAX || (claim->factor == 1.0 && claim->offset == 0.0);
    double slack = exact || isinf(product) ? 0.0 : 4.0 * 0x1p-52 * (fabs(product) + fabs(claim->offset));
    double rest = cells[b->left].number - (product + claim->offset);
    return (claim->at_least ? rest >= -slack : rest <= slack) ? FB3_OBEYED : FB3_VIOLATED;
}

fb3_verdict fb3_bound_judge(const fb3_bound *bound, size_t i, const fb3_cell *cells) {
    const fb3_bound_rule *b = &bound->bound[i];
    if (!tests_hold(b->when, b->rule->n_when, cells))
        return FB3_SAYS_NOTHING;
    if (b->rule->claim == FB3_CLAIM_COMPARISON)
        return judge_comparison(b, cells);
    bool holds = b->rule->claim == FB3_CLAIM_TESTS ? tests_hold(b->tests, b->rule->n_tests, cells)
                                                   : derived_holds(bound, i, cells);
    return holds ? FB3_OBEYED : FB3_VIOLATED;
}

/* ---- tables ------------------------------------------------------------------------------------ */

fb3_rule_column *fb3_rule_columns_of_table(flowbd3_context *context, const flowbd3_table *table) {
    fb3_rule_column *columns = fb3_allocate(context, table->n_columns, sizeof *columns);
    for (size_t i = 0; columns != NULL && i < table->n_columns; i++) {
        const fb3_column *column = &table->columns[i];
        columns[i] = (fb3_rule_column){column->name, column->type, column->decimals, column->dictionary};
    }
    return columns;
}

flowbd3_status fb3_bound_create_table(fb3_bound **out, const flowbd3_rules *rules, const flowbd3_table *table,
                                      bool skip, flowbd3_error *err) {
    *out = NULL;
    fb3_rule_column *columns = fb3_rule_columns_of_table(table->context, table);
    if (columns == NULL)
        return fb3_no_memory(err, "the columns of rules");
    flowbd3_status status =
        fb3_bound_create(out, table->context, rules, columns, table->n_columns, skip, err);
    fb3_release(table->context, columns);
    return status;
}

void fb3_cells_of_row(fb3_cell *cells, const flowbd3_table *table, size_t row) {
    for (size_t i = 0; i < table->n_columns; i++) {
        const fb3_column *column = &table->columns[i];
        cells[i] = (fb3_cell){.code = -1, .missing = fb3_is_missing(column, row)};
        if (cells[i].missing)
            continue;
        if (fb3_has_dictionary(column->type))
            cells[i].code = column->codes[row];
        else
            cells[i].number =
                column->type == FLOWBD3_TYPE_REAL ? column->real[row] : (double)column->integer[row];
    }
}
