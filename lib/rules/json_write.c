/* Rules as JSON (format: docs/rules.md), one rule on a line, and files of it. */
#include "rules/json_internal.h"

#include <string.h>

enum { VERSION = 1 };

/* The object when it is whole, otherwise NULL. */
static json_t *whole_or_null(json_t *object, bool whole) {
    if (whole)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- claims ------------------------------------------------------------------------------------ */

static json_t *tests_value(const fb3_test *tests, size_t count) {
    json_t *object = json_object();
    bool whole = object != NULL;
    for (size_t i = 0; i < count && whole; i++)
        whole = fb3_json_set(object, tests[i].column, fb3_test_to_json_value(&tests[i]));
    return whole_or_null(object, whole);
}

static json_t *right_value(const fb3_comparison_claim *claim) {
    if (claim->right == NULL)
        return fb3_rules_json_of_number(claim->offset);
    if (claim->factor == 1.0 && claim->offset == 0.0)
        return json_string(claim->right);
    json_t *object = json_object();
    bool whole = object != NULL;
    if (whole && claim->factor != 1.0)
        whole = fb3_json_set(object, "times", fb3_rules_json_of_number(claim->factor));
    whole = whole && fb3_json_set(object, "column", json_string(claim->right));
    if (whole && claim->offset != 0.0)
        whole = fb3_json_set(object, "plus", fb3_rules_json_of_number(claim->offset));
    return whole_or_null(object, whole);
}

static json_t *comparison_value(const fb3_comparison_claim *claim) {
    json_t *object = json_object();
    bool whole = object != NULL && fb3_json_set(object, "left", json_string(claim->left)) &&
                 fb3_json_set(object, claim->at_least ? "at_least" : "at_most", right_value(claim));
    return whole_or_null(object, whole);
}

static json_t *derived_value(const fb3_derived_claim *claim) {
    json_t *object = json_object();
    json_t *sources =
        claim->operation == FB3_COPY ? json_string(claim->a) : json_pack("[s, s]", claim->a, claim->b);
    bool whole = object != NULL && fb3_json_set(object, "column", json_string(claim->column)) &&
                 json_object_set(object, fb3_operation_name(claim->operation), sources) == 0;
    if (whole && claim->scale != 1.0)
        whole = fb3_json_set(object, "times", fb3_rules_json_of_number(claim->scale));
    if (whole && claim->offset != 0.0)
        whole = fb3_json_set(object, "plus", fb3_rules_json_of_number(claim->offset));
    if (whole && claim->decimals >= 0)
        whole = fb3_json_set(object, "decimals", json_integer(claim->decimals));
    if (whole && claim->truncated)
        whole = fb3_json_set(object, "truncated", json_true());
    if (whole && !claim->otherwise_missing)
        whole = fb3_json_set(object, "otherwise", fb3_rules_json_of_number(claim->otherwise));
    json_decref(sources);
    return whole_or_null(object, whole);
}

static bool set_claim(json_t *object, const fb3_rule *rule) {
    if (rule->claim == FB3_CLAIM_TESTS)
        return fb3_json_set(object, "then", tests_value(rule->tests, rule->n_tests));
    if (rule->claim == FB3_CLAIM_COMPARISON)
        return fb3_json_set(object, "compare", comparison_value(&rule->comparison));
    return fb3_json_set(object, "derive", derived_value(&rule->derived));
}

/* ---- rules ------------------------------------------------------------------------------------- */

/* A name that is the rule's text is left out: it comes back by itself. */
static json_t *rule_value(const fb3_rule *rule) {
    json_t *object = json_object();
    bool whole = object != NULL;
    bool named = rule->name != NULL && (rule->text == NULL || strcmp(rule->name, rule->text) != 0);
    if (whole && named)
        whole = fb3_json_set(object, "name", json_string(rule->name));
    if (whole && rule->n_when > 0)
        whole = fb3_json_set(object, "when", tests_value(rule->when, rule->n_when));
    whole = whole && set_claim(object, rule);
    if (whole && rule->found)
        whole = fb3_json_set(object, "found", json_true());
    if (whole && rule->applies > 0)
        whole = fb3_json_set(object, "applies", json_integer((json_int_t)rule->applies)) &&
                fb3_json_set(object, "obey", json_integer((json_int_t)rule->obey));
    return whole_or_null(object, whole);
}

static json_t *forbidden_value(const fb3_forbidden_rule *forbidden) {
    if (forbidden->name != NULL)
        return json_pack("{s:s}", "name", forbidden->name);
    json_t *columns = json_array();
    bool whole = columns != NULL;
    for (size_t i = 0; i < forbidden->n_columns && whole; i++)
        whole = json_array_append_new(columns, json_string(forbidden->columns[i])) == 0;
    columns = whole_or_null(columns, whole);
    return columns != NULL ? json_pack("{s:o}", "columns", columns) : NULL;
}

json_t *fb3_rules_to_json_value(const flowbd3_rules *rules) {
    json_t *object = json_object(), *list = json_array(), *forbid = json_array();
    bool whole = object != NULL && list != NULL && forbid != NULL &&
                 fb3_json_set(object, "format", json_string("flowbd3-rules")) &&
                 fb3_json_set(object, "version", json_integer(VERSION)) &&
                 fb3_json_set(object, "search", json_boolean(rules->search));
    for (size_t i = 0; i < rules->count && whole; i++)
        whole = json_array_append_new(list, rule_value(&rules->rules[i])) == 0;
    for (size_t i = 0; i < rules->n_forbidden && whole; i++)
        whole = json_array_append_new(forbid, forbidden_value(&rules->forbidden[i])) == 0;
    whole = whole && json_object_set(object, "rules", list) == 0;
    if (whole && rules->n_forbidden > 0)
        whole = json_object_set(object, "forbid", forbid) == 0;
    json_decref(list);
    json_decref(forbid);
    return whole_or_null(object, whole);
}

/* ---- text -------------------------------------------------------------------------------------- */

static bool add(fb3_buffer *text, const char *more) {
    return fb3_buffer_append(text, more, strlen(more));
}

/* The value with 15 digits where those read back equal, otherwise 17: 0.1, not 0.10000000000000001. */
static bool add_value(fb3_buffer *text, const json_t *value) {
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    char *dump = fb3_json_print(text->context, value, flags | JSON_REAL_PRECISION(15));
    json_t *back = dump != NULL ? json_loads(dump, JSON_DECODE_ANY, NULL) : NULL;
    if (dump != NULL && (back == NULL || !json_equal(back, value))) {
        fb3_release(text->context, dump);
        dump = fb3_json_print(text->context, value, flags | JSON_REAL_PRECISION(17));
    }
    json_decref(back);
    bool whole = dump != NULL && add(text, dump);
    fb3_release(text->context, dump);
    return whole;
}

/* "rules":[ and a line for every one. */
static bool add_list(fb3_buffer *text, const char *key, const json_t *list) {
    bool whole = add(text, ",\n\"") && add(text, key) && add(text, "\":[");
    for (size_t i = 0; i < json_array_size(list) && whole; i++)
        whole = add(text, i == 0 ? "\n " : ",\n ") && add_value(text, json_array_get(list, i));
    return whole && add(text, "]");
}

static bool add_rules(fb3_buffer *text, const json_t *value) {
    bool whole = true, first = true;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member) {
        if (json_is_array(member))
            whole = whole && add_list(text, key, member);
        else
            whole = whole && add(text, first ? "{\"" : ",\"") && add(text, key) && add(text, "\":") &&
                    add_value(text, member);
        first = false;
    }
    return whole && fb3_buffer_append(text, "}", 2);
}

flowbd3_status flowbd3_rules_to_json(const flowbd3_rules *rules, char **json, flowbd3_error *err) {
    if (json == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_to_json: json is NULL");
    *json = NULL;
    if (rules == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_to_json: rules is NULL");
    fb3_buffer text = {.context = rules->context};
    json_t *value = fb3_rules_to_json_value(rules);
    bool whole = value != NULL && add_rules(&text, value);
    json_decref(value);
    if (!whole) {
        fb3_buffer_release(&text);
        return fb3_no_memory(err, "the text of rules");
    }
    *json = text.data;
    return FLOWBD3_OK;
}

flowbd3_status flowbd3_rules_save(const flowbd3_rules *rules, const char *path, flowbd3_error *err) {
    if (rules == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_save: %s is NULL",
                        rules == NULL ? "rules" : "path");
    char *text;
    flowbd3_status status = flowbd3_rules_to_json(rules, &text, err);
    if (status != FLOWBD3_OK)
        return status;
    status = fb3_file_save(rules->context, path, text, err);
    fb3_release(rules->context, text);
    return status;
}
