/* Rules that were found in a table, without what rare values alone say in them. */
#include "tokenizer/tokenizer.h"

#include <math.h>

/* The cells of a column, and how many of a value make it one that is not rare. */
typedef struct protection {
    const fb3_cells *cells;
    uint64_t least;
} protection;

static bool text_is_rare(const protection *p, const char *text) {
    for (size_t i = 0; p->cells->dictionary != NULL && i < p->cells->dictionary->count; i++)
        if (strcmp(fb3_dictionary_text(p->cells->dictionary, i), text) == 0)
            return p->cells->counts[i] < p->least;
    return true;
}

static bool number_is_rare(const protection *p, double number) {
    const fb3_distinct *d = &p->cells->distinct;
    if (d->keys == NULL || !isfinite(number))
        return false;
    size_t i = fb3_lower_bound(d->keys, 0, d->count, fb3_key_at_least(d->type, number));
    return i == d->count || fb3_number_of_key(d->type, d->keys[i]) != number ||
           d->before[i + 1] - d->before[i] < p->least;
}

/* Takes rare texts out of a test of the column, which no decoded cell has; false: nothing is left of it, or a
 * rare number bounds it. */
static bool keep_test(const protection *p, fb3_test *test, flowbd3_context *context) {
    size_t kept = 0;
    if (strcmp(test->column, p->cells->name) != 0)
        return true;
    for (size_t i = 0; i < test->n_intervals; i++)
        if (number_is_rare(p, test->intervals[i].low) || number_is_rare(p, test->intervals[i].high))
            return false;
    for (size_t i = 0; i < test->n_texts; i++)
        if (text_is_rare(p, test->texts[i]))
            fb3_release(context, test->texts[i]);
        else
            test->texts[kept++] = test->texts[i];
    bool emptied = kept == 0 && test->n_texts > 0;
    test->n_texts = kept;
    return !emptied;
}

static bool keep_tests(const protection *p, fb3_test *tests, size_t count, flowbd3_context *context) {
    bool keep = true;
    for (size_t i = 0; i < count; i++)
        keep = keep_test(p, &tests[i], context) && keep;
    return keep;
}

static bool keep_rule(const protection *p, fb3_rule *rule, flowbd3_context *context) {
    const fb3_comparison_claim *claim = &rule->comparison;
    bool bound = rule->claim == FB3_CLAIM_COMPARISON && claim->right == NULL &&
                 strcmp(claim->left, p->cells->name) == 0;
    return keep_tests(p, rule->when, rule->n_when, context) &&
           keep_tests(p, rule->tests, rule->n_tests, context) && !(bound && number_is_rare(p, claim->offset));
}

/* What is left of the rules that were found once a column is looked at. */
static void protect_column(flowbd3_rules *rules, const protection *p) {
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        fb3_rule *rule = &rules->rules[i];
        if (rule->found && !keep_rule(p, rule, rules->context))
            fb3_rule_release(rule, rules->context);
        else
            rules->rules[kept++] = *rule;
    }
    rules->count = kept;
}

flowbd3_status fb3_relations_protect(flowbd3_rules *rules, const fb3_material *material, uint64_t rare_rows,
                                     flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; status == FLOWBD3_OK && i < flowbd3_table_columns(material->table); i++) {
        fb3_cells cells;
        status = fb3_material_take(&cells, material, i, err);
        if (status == FLOWBD3_OK && cells.missing < cells.rows)
            protect_column(rules, &(protection){&cells, rare_rows});
        fb3_material_give_back(&cells, material);
    }
    for (size_t i = 0; status == FLOWBD3_OK && i < rules->count; i++)
        if (rules->rules[i].found) {
            fb3_release(rules->context, rules->rules[i].name);
            rules->rules[i].name = NULL;
        }
    return status == FLOWBD3_OK ? fb3_rules_finish(rules, err) : status;
}
