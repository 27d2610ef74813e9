/* Rules that were found in a table, without what rare values alone say in them. */
#include "tokenizer/tokenizer.h"

#include <math.h>

/* How often the values of one column came. */
typedef struct column_cells {
    const flowbd3_table *table;
    size_t column;
    uint64_t *of_code;    /* [categories]; NULL for numbers */
    fb3_distinct numbers; /* of numbers */
    uint64_t least;       /* cells of a value that is not rare */
} column_cells;

static bool text_is_rare(const column_cells *c, const char *text) {
    for (size_t i = 0; i < flowbd3_table_categories(c->table, c->column); i++)
        if (strcmp(flowbd3_table_category(c->table, c->column, i), text) == 0)
            return c->of_code[i] < c->least;
    return true;
}

static bool number_is_rare(const column_cells *c, double number) {
    const fb3_distinct *d = &c->numbers;
    if (d->keys == NULL || !isfinite(number))
        return false;
    size_t i = fb3_lower_bound(d->keys, 0, d->count, fb3_key_at_least(d->type, number));
    return i == d->count || fb3_number_of_key(d->type, d->keys[i]) != number ||
           d->before[i + 1] - d->before[i] < c->least;
}

/* Takes rare texts out of a test of the column, which no decoded cell has; false: nothing is left of it, or a
 * rare number bounds it. */
static bool keep_test(const column_cells *c, fb3_test *test, flowbd3_context *context) {
    size_t kept = 0;
    if (strcmp(test->column, flowbd3_table_name(c->table, c->column)) != 0)
        return true;
    for (size_t i = 0; i < test->n_intervals; i++)
        if (number_is_rare(c, test->intervals[i].low) || number_is_rare(c, test->intervals[i].high))
            return false;
    for (size_t i = 0; i < test->n_texts; i++)
        if (text_is_rare(c, test->texts[i]))
            fb3_release(context, test->texts[i]);
        else
            test->texts[kept++] = test->texts[i];
    bool emptied = kept == 0 && test->n_texts > 0;
    test->n_texts = kept;
    return !emptied;
}

static bool keep_tests(const column_cells *c, fb3_test *tests, size_t count, flowbd3_context *context) {
    bool keep = true;
    for (size_t i = 0; i < count; i++)
        keep = keep_test(c, &tests[i], context) && keep;
    return keep;
}

static bool keep_rule(const column_cells *c, fb3_rule *rule, flowbd3_context *context) {
    const fb3_comparison_claim *claim = &rule->comparison;
    bool bound = rule->claim == FB3_CLAIM_COMPARISON && claim->right == NULL &&
                 strcmp(claim->left, flowbd3_table_name(c->table, c->column)) == 0;
    return keep_tests(c, rule->when, rule->n_when, context) &&
           keep_tests(c, rule->tests, rule->n_tests, context) && !(bound && number_is_rare(c, claim->offset));
}

static bool count_cells(column_cells *c, flowbd3_context *context) {
    const int32_t *codes = flowbd3_table_codes(c->table, c->column);
    if (codes == NULL)
        return fb3_distinct_create(&c->numbers, context, c->table, c->column);
    c->of_code =
        fb3_allocate_zero(context, flowbd3_table_categories(c->table, c->column), sizeof *c->of_code);
    for (size_t i = 0; c->of_code != NULL && i < flowbd3_table_rows(c->table); i++)
        if (codes[i] >= 0)
            c->of_code[codes[i]]++;
    return c->of_code != NULL;
}

/* What is left of the rules that were found once a column is looked at. */
static void protect_column(flowbd3_rules *rules, const column_cells *c) {
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        fb3_rule *rule = &rules->rules[i];
        if (rule->found && !keep_rule(c, rule, rules->context))
            fb3_rule_release(rule, rules->context);
        else
            rules->rules[kept++] = *rule;
    }
    rules->count = kept;
}

flowbd3_status fb3_relations_protect(flowbd3_rules *rules, const flowbd3_table *table, uint64_t rare_rows,
                                     flowbd3_error *err) {
    bool fine = true;
    for (size_t i = 0; fine && i < flowbd3_table_columns(table); i++) {
        column_cells c = {.table = table, .column = i, .least = rare_rows};
        if (flowbd3_table_missing(table, i) == flowbd3_table_rows(table))
            continue;
        fine = count_cells(&c, rules->context);
        if (fine)
            protect_column(rules, &c);
        fb3_release(rules->context, c.of_code);
        fb3_distinct_release(&c.numbers, rules->context);
    }
    for (size_t i = 0; fine && i < rules->count; i++)
        if (rules->rules[i].found) {
            fb3_release(rules->context, rules->rules[i].name);
            rules->rules[i].name = NULL;
        }
    return fine ? fb3_rules_finish(rules, err) : fb3_no_memory(err, "the rules of a table");
}
