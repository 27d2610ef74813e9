/* Relations of the columns: found or stated rules that a tokenizer keeps, and the columns that they compute.
 */
#include "tokenizer/tokenizer.h"

/* Whether a column tells which rows belong together and in which order. The tokenizer has no tokens of those
 * that group rows, and of the one that orders them it has the gaps. */
static bool arranges(const char *name, const flowbd3_tokenizer_options *options) {
    for (size_t i = 0; i < options->n_group_by; i++)
        if (strcmp(name, options->group_by[i]) == 0)
            return true;
    return options->order_by != NULL && strcmp(name, options->order_by) == 0;
}

static bool one_arranges(const fb3_test *tests, size_t count, const flowbd3_tokenizer_options *options) {
    for (size_t i = 0; i < count; i++)
        if (arranges(tests[i].column, options))
            return true;
    return false;
}

/* Whether a rule speaks of such a column. */
static bool speaks_of_arranging(const fb3_rule *rule, const flowbd3_tokenizer_options *options) {
    const char *columns[] = {rule->comparison.left, rule->comparison.right, rule->derived.column,
                             rule->derived.a, rule->derived.b};
    for (size_t i = 0; i < FB3_COUNT(columns); i++)
        if (columns[i] != NULL && arranges(columns[i], options))
            return true;
    return one_arranges(rule->when, rule->n_when, options) ||
           one_arranges(rule->tests, rule->n_tests, options);
}

/* Whether a column is one in which nothing is searched for: times are finer than a double; what comes with
 * one address of a thousand is chance. */
static bool is_left_out(const flowbd3_table *table, size_t column, const flowbd3_tokenizer_options *options) {
    flowbd3_type type = flowbd3_table_type(table, column);
    return type == FLOWBD3_TYPE_TIMESTAMP || type == FLOWBD3_TYPE_ADDRESS ||
           arranges(flowbd3_table_name(table, column), options);
}

/* Rules of a user, or none, and what is not to be searched for. */
static flowbd3_status given_rules(flowbd3_rules **out, const flowbd3_table *table,
                                  const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    flowbd3_rules *rules = *out = fb3_rules_create(table->context);
    bool fine = rules != NULL;
    const flowbd3_rules *given = options->rules;
    for (size_t i = 0; fine && given != NULL && i < given->count; i++)
        if (!speaks_of_arranging(&given->rules[i], options))
            fine = fb3_rules_append_copy(rules, &given->rules[i]);
    fine = fine && fb3_rules_forbid_all(rules, given);
    for (size_t i = 0; fine && i < flowbd3_table_columns(table); i++) {
        const char *name = flowbd3_table_name(table, i);
        if (is_left_out(table, i, options))
            fine = fb3_rules_forbid(rules, NULL, &name, 1);
    }
    if (!fine)
        return fb3_no_memory(err, "the rules of a table");
    rules->search = options->relations == FLOWBD3_RELATIONS_SEARCH && (given == NULL || given->search);
    return FLOWBD3_OK;
}

flowbd3_status fb3_relations_find(flowbd3_rules **out, const flowbd3_table *table,
                                  const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    flowbd3_rules *given;
    *out = NULL;
    flowbd3_status status = given_rules(&given, table, options, err);
    if (status == FLOWBD3_OK && (given->count > 0 || given->search))
        status = flowbd3_rules_search(out, table, given, NULL, err);
    flowbd3_rules_destroy(&given);
    return status;
}

/* ---- columns that rules compute ---------------------------------------------------------------- */

/* Whether a rule computes a column in every row. */
static bool computes(const fb3_rule *rule, const char *name) {
    return rule->claim == FB3_CLAIM_DERIVED && fb3_rule_is_certain(rule) && rule->n_when == 0 &&
           strcmp(rule->derived.column, name) == 0;
}

/* Whether a rule is a certain one of a column that is computed, in some rows at least. */
static bool is_derivation(const fb3_rule *rule) {
    return rule->claim == FB3_CLAIM_DERIVED && fb3_rule_is_certain(rule);
}

/* Whether a column is a source of one of the rules that are reached. */
static bool is_source(const flowbd3_rules *rules, const bool *reached, const char *column) {
    for (size_t i = 0; i < rules->count; i++) {
        const fb3_derived_claim *d = &rules->rules[i].derived;
        if (reached[i] && (strcmp(d->a, column) == 0 || (d->b != NULL && strcmp(d->b, column) == 0)))
            return true;
    }
    return false;
}

/* Whether a column is among those that it is computed from, at any remove. reached[count] takes the rules of
 * those. */
static bool is_in_a_ring(const flowbd3_rules *rules, const char *name, bool *reached) {
    for (size_t i = 0; i < rules->count; i++)
        reached[i] = is_derivation(&rules->rules[i]) && strcmp(rules->rules[i].derived.column, name) == 0;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < rules->count; i++)
            if (!reached[i] && is_derivation(&rules->rules[i]) &&
                is_source(rules, reached, rules->rules[i].derived.column))
                more = reached[i] = true;
    }
    return is_source(rules, reached, name);
}

flowbd3_status fb3_relations_compute(const flowbd3_rules *rules, const char *name, bool *derived,
                                     flowbd3_error *err) {
    *derived = false;
    for (size_t i = 0; rules != NULL && !*derived && i < rules->count; i++)
        *derived = computes(&rules->rules[i], name);
    if (!*derived)
        return FLOWBD3_OK;
    bool *reached = fb3_allocate(rules->context, rules->count, sizeof *reached);
    if (reached == NULL)
        return fb3_no_memory(err, "the columns that rules compute");
    *derived = !is_in_a_ring(rules, name, reached);
    fb3_release(rules->context, reached);
    return FLOWBD3_OK;
}

const flowbd3_rules *flowbd3_tokenizer_rules(const flowbd3_tokenizer *tokenizer) {
    return tokenizer != NULL ? tokenizer->rules : NULL;
}
