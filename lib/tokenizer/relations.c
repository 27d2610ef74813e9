/* Relations of the columns: found or stated rules that a tokenizer keeps, and the columns that they compute.
 */
#include "tokenizer/tokenizer.h"

/* Whether a column is one in which nothing is searched for: the tokenizer has the gaps of the one that orders
 * the rows, and nothing of those that group them; times are finer than a double; what comes with one address of a thousand is chance. */
static bool is_left_out(const flowbd3_table *table, size_t column, const flowbd3_tokenizer_options *options) {
    flowbd3_type type = flowbd3_table_type(table, column);
    for (size_t i = 0; i < options->n_group_by; i++)
        if (strcmp(flowbd3_table_name(table, column), options->group_by[i]) == 0)
            return true;
    return type == FLOWBD3_TYPE_TIMESTAMP || type == FLOWBD3_TYPE_ADDRESS ||
           (options->order_by != NULL && strcmp(flowbd3_table_name(table, column), options->order_by) == 0);
}

/* Rules of a user, or none, and what is not to be searched for. */
static flowbd3_status given_rules(flowbd3_rules **out, const flowbd3_table *table,
                                  const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    flowbd3_context *context = table->context;
    flowbd3_rules *rules = *out = fb3_rules_create(context);
    bool fine = rules != NULL;
    const flowbd3_rules *given = options->rules;
    for (size_t i = 0; fine && given != NULL && i < given->count; i++) {
        fb3_rule *rule = fb3_rules_append(rules);
        fine = rule != NULL && fb3_rule_copy(rule, &given->rules[i], context);
    }
    for (size_t i = 0; fine && given != NULL && i < given->n_forbidden; i++)
        fine =
            fb3_rules_forbid(rules, given->forbidden[i].name,
                             (const char *const *)given->forbidden[i].columns, given->forbidden[i].n_columns);
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

/* Whether column is among those that name is computed from, at any remove; depth ends a ring. */
static bool depends(const flowbd3_rules *rules, const char *name, const char *column, size_t depth) {
    for (size_t i = 0; name != NULL && depth > 0 && i < rules->count; i++) {
        const fb3_derived_claim *d = &rules->rules[i].derived;
        if (rules->rules[i].claim != FB3_CLAIM_DERIVED || !fb3_rule_is_certain(&rules->rules[i]) ||
            strcmp(d->column, name) != 0)
            continue;
        if (strcmp(d->a, column) == 0 || (d->b != NULL && strcmp(d->b, column) == 0) ||
            depends(rules, d->a, column, depth - 1) || depends(rules, d->b, column, depth - 1))
            return true;
    }
    return false;
}

bool fb3_relations_compute(const flowbd3_rules *rules, const char *name) {
    for (size_t i = 0; rules != NULL && i < rules->count; i++)
        if (computes(&rules->rules[i], name))
            return !depends(rules, name, name, rules->count);
    return false;
}

const flowbd3_rules *flowbd3_tokenizer_rules(const flowbd3_tokenizer *tokenizer) {
    return tokenizer != NULL ? tokenizer->rules : NULL;
}
