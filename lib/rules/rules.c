/* Lists of rules: grown, copied, named and freed. */
#include "rules/rules.h"

#include <string.h>

/* ---- tests ------------------------------------------------------------------------------------- */

static void release_texts(char **texts, size_t count, flowbd3_context *context) {
    for (size_t i = 0; texts != NULL && i < count; i++)
        fb3_release(context, texts[i]);
    fb3_release(context, texts);
}

void fb3_test_release(fb3_test *test, flowbd3_context *context) {
    fb3_release(context, test->column);
    fb3_release(context, test->intervals);
    release_texts(test->texts, test->n_texts, context);
    release_texts(test->patterns, test->n_patterns, context);
    *test = (fb3_test){0};
}

/* A copy of text in *to, of NULL as NULL; false: no memory. */
static bool copy_text(char **to, const char *text, flowbd3_context *context) {
    *to = text != NULL ? fb3_duplicate(context, text) : NULL;
    return text == NULL || *to != NULL;
}

static bool copy_texts(char ***to, size_t *n_to, char *const *texts, size_t count, flowbd3_context *context) {
    *n_to = 0;
    if (count == 0)
        return true;
    *to = fb3_allocate_zero(context, count, sizeof **to);
    if (*to == NULL)
        return false;
    *n_to = count;
    for (size_t i = 0; i < count; i++)
        if (!copy_text(&(*to)[i], texts[i], context))
            return false;
    return true;
}

static bool copy_test(fb3_test *to, const fb3_test *from, flowbd3_context *context) {
    *to = (fb3_test){.missing = from->missing, .any = from->any, .except = from->except};
    if (!copy_text(&to->column, from->column, context) ||
        !copy_texts(&to->texts, &to->n_texts, from->texts, from->n_texts, context) ||
        !copy_texts(&to->patterns, &to->n_patterns, from->patterns, from->n_patterns, context))
        return false;
    if (from->n_intervals == 0)
        return true;
    to->intervals = fb3_allocate(context, from->n_intervals, sizeof *to->intervals);
    if (to->intervals == NULL)
        return false;
    memcpy(to->intervals, from->intervals, from->n_intervals * sizeof *to->intervals);
    to->n_intervals = from->n_intervals;
    return true;
}

static bool copy_tests(fb3_test **to, size_t *n_to, const fb3_test *tests, size_t count,
                       flowbd3_context *context) {
    *n_to = 0;
    if (count == 0)
        return true;
    *to = fb3_allocate_zero(context, count, sizeof **to);
    if (*to == NULL)
        return false;
    *n_to = count;
    for (size_t i = 0; i < count; i++)
        if (!copy_test(&(*to)[i], &tests[i], context))
            return false;
    return true;
}

static void release_tests(fb3_test *tests, size_t count, flowbd3_context *context) {
    for (size_t i = 0; tests != NULL && i < count; i++)
        fb3_test_release(&tests[i], context);
    fb3_release(context, tests);
}

/* ---- rules ------------------------------------------------------------------------------------- */

void fb3_rule_release(fb3_rule *rule, flowbd3_context *context) {
    fb3_release(context, rule->name);
    fb3_release(context, rule->text);
    release_tests(rule->when, rule->n_when, context);
    release_tests(rule->tests, rule->n_tests, context);
    fb3_release(context, rule->comparison.left);
    fb3_release(context, rule->comparison.right);
    fb3_release(context, rule->derived.column);
    fb3_release(context, rule->derived.a);
    fb3_release(context, rule->derived.b);
    *rule = (fb3_rule){0};
}

static bool copy_comparison(fb3_comparison_claim *to, const fb3_comparison_claim *from,
                            flowbd3_context *context) {
    *to = *from;
    to->left = to->right = NULL;
    return copy_text(&to->left, from->left, context) && copy_text(&to->right, from->right, context);
}

static bool copy_derived(fb3_derived_claim *to, const fb3_derived_claim *from, flowbd3_context *context) {
    *to = *from;
    to->column = to->a = to->b = NULL;
    return copy_text(&to->column, from->column, context) && copy_text(&to->a, from->a, context) &&
           copy_text(&to->b, from->b, context);
}

bool fb3_rule_copy(fb3_rule *to, const fb3_rule *from, flowbd3_context *context) {
    *to =
        (fb3_rule){.claim = from->claim, .found = from->found, .applies = from->applies, .obey = from->obey};
    bool whole = copy_text(&to->name, from->name, context) && copy_text(&to->text, from->text, context) &&
                 copy_tests(&to->when, &to->n_when, from->when, from->n_when, context) &&
                 copy_tests(&to->tests, &to->n_tests, from->tests, from->n_tests, context) &&
                 copy_comparison(&to->comparison, &from->comparison, context) &&
                 copy_derived(&to->derived, &from->derived, context);
    if (!whole)
        fb3_rule_release(to, context);
    return whole;
}

bool fb3_rule_is_certain(const fb3_rule *rule) {
    return !rule->found || rule->obey == rule->applies;
}

/* ---- lists ------------------------------------------------------------------------------------- */

flowbd3_rules *fb3_rules_create(flowbd3_context *context) {
    flowbd3_rules *rules = fb3_allocate_zero(context, 1, sizeof *rules);
    if (rules == NULL)
        return NULL;
    rules->context = fb3_context_retain(context);
    atomic_init(&rules->references, 1);
    rules->search = true;
    return rules;
}

fb3_rule *fb3_rules_append(flowbd3_rules *rules) {
    if (rules->count == rules->capacity) {
        size_t capacity = rules->capacity < 8 ? 8 : 2 * rules->capacity;
        fb3_rule *grown = fb3_reallocate(rules->context, rules->rules, capacity, sizeof *grown);
        if (grown == NULL)
            return NULL;
        rules->rules = grown;
        rules->capacity = capacity;
    }
    fb3_rule *rule = &rules->rules[rules->count++];
    *rule = (fb3_rule){0};
    return rule;
}

bool fb3_rules_forbid(flowbd3_rules *rules, const char *name, const char *const *columns, size_t n) {
    fb3_forbidden_rule *grown =
        fb3_reallocate(rules->context, rules->forbidden, rules->n_forbidden + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    rules->forbidden = grown;
    fb3_forbidden_rule *forbidden = &grown[rules->n_forbidden++];
    *forbidden = (fb3_forbidden_rule){0};
    return copy_text(&forbidden->name, name, rules->context) &&
           copy_texts(&forbidden->columns, &forbidden->n_columns, (char *const *)(uintptr_t)columns, n,
                      rules->context);
}

bool fb3_rules_append_copy(flowbd3_rules *rules, const fb3_rule *from) {
    fb3_rule *rule = fb3_rules_append(rules);
    return rule != NULL && fb3_rule_copy(rule, from, rules->context);
}

bool fb3_rules_append_all(flowbd3_rules *rules, const flowbd3_rules *from) {
    for (size_t i = 0; from != NULL && i < from->count; i++)
        if (!fb3_rules_append_copy(rules, &from->rules[i]))
            return false;
    return true;
}

bool fb3_rules_forbid_all(flowbd3_rules *rules, const flowbd3_rules *from) {
    for (size_t i = 0; from != NULL && i < from->n_forbidden; i++) {
        const fb3_forbidden_rule *f = &from->forbidden[i];
        if (!fb3_rules_forbid(rules, f->name, (const char *const *)f->columns, f->n_columns))
            return false;
    }
    return true;
}

flowbd3_rules *fb3_rules_retain(flowbd3_rules *rules) {
    if (rules != NULL)
        atomic_fetch_add_explicit(&rules->references, 1, memory_order_relaxed);
    return rules;
}

void flowbd3_rules_destroy(flowbd3_rules **rules) {
    if (rules == NULL || *rules == NULL)
        return;
    flowbd3_rules *r = *rules;
    *rules = NULL;
    if (atomic_fetch_sub_explicit(&r->references, 1, memory_order_acq_rel) != 1)
        return;
    flowbd3_context *context = r->context;
    for (size_t i = 0; i < r->count; i++)
        fb3_rule_release(&r->rules[i], context);
    fb3_release(context, r->rules);
    for (size_t i = 0; i < r->n_forbidden; i++) {
        fb3_release(context, r->forbidden[i].name);
        release_texts(r->forbidden[i].columns, r->forbidden[i].n_columns, context);
    }
    fb3_release(context, r->forbidden);
    fb3_release(context, r);
    flowbd3_context_destroy(&context);
}

/* ---- texts and names --------------------------------------------------------------------------- */

/* names: those that are taken, each with the last number that was put after it. */
static bool take(json_t *names, const char *name, size_t number) {
    return json_object_set_new_nocheck(names, name, json_integer((json_int_t)number)) == 0;
}

/* A rule's text, or when another rule is called that, its text and a number. NULL: no memory. */
static char *free_name(flowbd3_context *context, json_t *names, const char *text) {
    size_t size = strlen(text) + 24;
    char *name = fb3_allocate(context, size, 1);
    if (name == NULL)
        return NULL;
    const json_t *taken = json_object_get(names, text);
    size_t number = taken != NULL ? (size_t)json_integer_value(taken) : 0;
    (void)snprintf(name, size, "%s", text);
    while (json_object_get(names, name) != NULL)
        (void)snprintf(name, size, "%s (%zu)", text, ++number);
    if (take(names, name, 1) && (number == 0 || take(names, text, number)))
        return name;
    fb3_release(context, name);
    return NULL;
}

static flowbd3_status finish(flowbd3_rules *rules, json_t *names, flowbd3_error *err) {
    bool whole = names != NULL;
    for (size_t i = 0; whole && i < rules->count; i++)
        whole = rules->rules[i].name == NULL || take(names, rules->rules[i].name, 1);
    for (size_t i = 0; whole && i < rules->count; i++) {
        fb3_rule *rule = &rules->rules[i];
        fb3_release(rules->context, rule->text);
        rule->text = fb3_rule_write(rule, rules->context);
        if (rule->text != NULL && rule->name == NULL)
            rule->name = free_name(rules->context, names, rule->text);
        whole = rule->text != NULL && rule->name != NULL;
    }
    return whole ? FLOWBD3_OK : fb3_no_memory(err, "the names of rules");
}

flowbd3_status fb3_rules_finish(flowbd3_rules *rules, flowbd3_error *err) {
    json_t *names = json_object();
    flowbd3_status status = finish(rules, names, err);
    json_decref(names);
    return status;
}

size_t flowbd3_rules_count(const flowbd3_rules *rules) {
    return rules != NULL ? rules->count : 0;
}

const char *flowbd3_rules_name(const flowbd3_rules *rules, size_t i) {
    return i < flowbd3_rules_count(rules) ? rules->rules[i].name : NULL;
}

const char *flowbd3_rules_text(const flowbd3_rules *rules, size_t i) {
    return i < flowbd3_rules_count(rules) ? rules->rules[i].text : NULL;
}
