/* Conditions on figures that decide the exit status. */
#include "fail_if.h"
#include "failure.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts to conditions ------------------------------------------------------------------------ */

static const char blanks[] = " \t";

/* The number that text[length] is, blanks around it aside; NaN for anything else. Independent of the locale,
 * since programs do not set any. */
static double number_of(const char *text, size_t length) {
    char digits[64];
    while (length > 0 && strchr(blanks, *text) != NULL)
        text++, length--;
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    if (length == 0 || length >= sizeof digits)
        return NAN;
    memcpy(digits, text, length);
    digits[length] = '\0';
    char *end;
    double value = strtod(digits, &end);
    return *end == '\0' && digits[strspn(digits, "+-.0123456789eE")] == '\0' && isfinite(value) ? value : NAN;
}

/* Reads text[length] as one condition; the sign is the last one, names may hold others. False when it is
 * none. */
static bool read_condition(condition *c, const char *text, size_t length) {
    size_t sign = length;
    while (sign > 0 && text[sign - 1] != '<' && text[sign - 1] != '>')
        sign--;
    if (sign == 0)
        return false;
    c->less = text[sign - 1] == '<';
    c->equal = sign < length && text[sign] == '=';
    size_t number = sign + (c->equal ? 1 : 0), name = sign - 1;
    c->limit = number_of(text + number, length - number);
    while (name > 0 && strchr(blanks, text[name - 1]) != NULL)
        name--;
    while (name > 0 && strchr(blanks, *text) != NULL)
        text++, name--;
    if (isnan(c->limit) || name == 0)
        return false;
    c->name = strndup(text, name);
    return true;
}

/* Commas separate conditions; one that does not end a condition belongs to a name. Returns the bytes read, 0
 * when there is none. */
static size_t first_condition(condition *c, const char *text) {
    size_t length = strcspn(text, ",");
    while (!read_condition(c, text, length)) {
        if (text[length] == '\0')
            return 0;
        length += 1 + strcspn(text + length + 1, ",");
    }
    return length;
}

int parse_conditions(condition_list *conditions, const text_list *texts) {
    for (size_t i = 0; i < texts->count; i++) {
        for (const char *text = texts->items[i];;) {
            condition *items = realloc(conditions->items, (conditions->count + 1) * sizeof *items);
            if (items == NULL)
                return failure("out of memory");
            conditions->items = items;
            condition *c = &items[conditions->count];
            *c = (condition){0};
            size_t length = first_condition(c, text);
            if (length == 0)
                return usage_failure("--fail-if: '%s' is not NAME<NUMBER, NAME<=NUMBER, NAME>NUMBER or "
                                     "NAME>=NUMBER",
                                     text);
            conditions->count++;
            if (c->name == NULL)
                return failure("out of memory");
            text += length;
            if (*text == '\0')
                break;
            text++;
        }
    }
    return -1;
}

void release_conditions(condition_list *conditions) {
    for (size_t i = 0; i < conditions->count; i++)
        free(conditions->items[i].name);
    free(conditions->items);
    *conditions = (condition_list){NULL, 0};
}

/* ---- names -------------------------------------------------------------------------------------- */

/* The flat name: a key by itself is one of the summary. To be freed; NULL without memory. */
static char *flat_name(const char *name) {
    bool bare = strchr(name, '.') == NULL;
    size_t size = strlen(name) + sizeof "summary.";
    char *flat = malloc(size);
    if (flat != NULL)
        snprintf(flat, size, "%s%s", bare ? "summary." : "", name);
    return flat;
}

/* Whether object.path.key is a figure, be it null. */
static bool has_figure(const json_t *object, const char *path, const char *key) {
    const json_t *value = json_object_get(json_object_get(object, path), key);
    return json_is_null(value) || json_is_number(value);
}

static bool has_rule_figure(const json_t *rules, const char *rule, const char *key) {
    bool real = strncmp(key, "real_", 5) == 0;
    return has_figure(json_object_get(rules, rule), real ? "real" : "generated", real ? key + 5 : key);
}

/* Whether report has a figure of this flat name, be it null. Takes the name apart. */
static bool is_figure(const json_t *report, char *flat) {
    char *path = strchr(flat, '.'), *key = strrchr(flat, '.');
    *key++ = '\0';
    if (path + 1 == key)
        return has_figure(report, flat, key);
    *path++ = '\0';
    const json_t *group = json_object_get(report, flat);
    return strcmp(flat, "rules") == 0 ? has_rule_figure(group, path, key) : has_figure(group, path, key);
}

static const char of_likelihood[] = "likelihood.";

static bool is_of_likelihood(const condition *c) {
    return strncmp(c->name, of_likelihood, strlen(of_likelihood)) == 0;
}

static int check_names(const condition_list *conditions, const json_t *report, bool model) {
    for (size_t i = 0; i < conditions->count; i++) {
        if (model && is_of_likelihood(&conditions->items[i]))
            continue;
        char *flat = flat_name(conditions->items[i].name);
        if (flat == NULL)
            return failure("out of memory");
        bool there = is_figure(report, flat);
        free(flat);
        if (!there)
            return usage_failure("--fail-if: there is no figure '%s'", conditions->items[i].name);
    }
    return -1;
}

static flowbd3_status first_rows(flowbd3_table **out, const flowbd3_table *table, flowbd3_error *err) {
    enum { few = 4 };
    size_t rows = flowbd3_table_rows(table);
    return flowbd3_table_slice(out, table, 0, rows < few ? rows : few, err);
}

int check_conditions(const condition_list *conditions, flowbd3_context *context, const flowbd3_table *real,
                     const flowbd3_table *second, const flowbd3_table *generated,
                     const flowbd3_evaluator_options *options, bool model) {
    if (conditions->count == 0)
        return -1;
    flowbd3_table *few[3] = {NULL, NULL, NULL};
    flowbd3_evaluator *evaluator = NULL;
    char *text = NULL;
    flowbd3_status done = first_rows(&few[0], real, NULL);
    if (done == FLOWBD3_OK && second != NULL)
        done = first_rows(&few[1], second, NULL);
    if (done == FLOWBD3_OK)
        done = first_rows(&few[2], generated, NULL);
    if (done == FLOWBD3_OK)
        done = flowbd3_evaluator_create(&evaluator, context, few[0], few[1], options, NULL);
    if (done == FLOWBD3_OK)
        done = flowbd3_evaluator_run(evaluator, few[2], NULL, NULL, NULL);
    if (done == FLOWBD3_OK)
        done = flowbd3_evaluator_to_json(evaluator, &text, NULL);
    json_t *report = done == FLOWBD3_OK ? json_loads(text, 0, NULL) : NULL;
    /* Where so few rows do not do, only the figures of all rows can tell. */
    int status = report != NULL ? check_names(conditions, report, model) : -1;
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    for (int i = 0; i < 3; i++)
        flowbd3_table_destroy(&few[i]);
    return status;
}

/* ---- judgement ---------------------------------------------------------------------------------- */

static bool holds(const condition *c, double value) {
    return (c->less ? value < c->limit : value > c->limit) || (c->equal && value == c->limit);
}

int judge_conditions(const condition_list *conditions, const flowbd3_evaluator *evaluator,
                     const likelihood *l) {
    int status = EXIT_SUCCESS;
    for (size_t i = 0; i < conditions->count; i++) {
        const condition *c = &conditions->items[i];
        char *flat = flat_name(c->name);
        if (flat == NULL)
            return failure("out of memory");
        double value = is_of_likelihood(c) ? find_likelihood(l, c->name + strlen(of_likelihood))
                                           : flowbd3_evaluator_get(evaluator, flat);
        free(flat);
        if (isnan(value)) {
            status = failure("--fail-if: '%s' does not apply to these tables", c->name);
        } else if (holds(c, value)) {
            (void)failure("--fail-if: %s is %.6g, which is %s%s %.6g", c->name, value,
                          value == c->limit ? ""
                          : c->less         ? "below"
                                            : "above",
                          value == c->limit ? "equal to" : "", c->limit);
            status = status == EXIT_SUCCESS ? EXIT_CONDITION : status;
        }
    }
    return status;
}
