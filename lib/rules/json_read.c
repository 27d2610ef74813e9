/* Rules from JSON (format: docs/rules.md): everything is checked, so that whatever is let in can be used
 * without a check. */
#include "rules/json_internal.h"

#include <math.h>
#include <string.h>

enum { VERSION = 1 };

/* Where the reader is, for messages: rule is 1-based, 0 for not there yet; member is inside the rule. */
typedef struct reader {
    flowbd3_rules *rules;
    flowbd3_error *err;
    size_t rule;
    const char *name, *member;
    json_t *names; /* the set of those of the rules before */
} reader;

/* "rule 'x', 'then': ", "rule 3: " or "". */
static void write_place(const reader *r, char *place, size_t size) {
    const char *comma = r->member != NULL ? ", '" : "", *member = r->member != NULL ? r->member : "";
    const char *end = r->member != NULL ? "': " : ": ";
    if (r->name != NULL)
        (void)snprintf(place, size, " rule '%.60s'%s%s%s", r->name, comma, member, end);
    else if (r->rule != 0)
        (void)snprintf(place, size, " rule %zu%s%s%s", r->rule, comma, member, end);
    else
        (void)snprintf(place, size, " ");
}

static flowbd3_status bad(const reader *r, const char *what, const char *expected) {
    char place[160];
    write_place(r, place, sizeof place);
    return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT, "rules:%s'%s' is missing or wrong, expected %s", place,
                    what, expected);
}

static flowbd3_status only(const reader *r, const json_t *object, const char *const *known, size_t n_known) {
    const char *stranger = fb3_rules_json_stranger(object, known, n_known);
    if (stranger == NULL)
        return FLOWBD3_OK;
    char place[160], list[160] = "";
    write_place(r, place, sizeof place);
    for (size_t i = 0, size = 0; i < n_known && size < sizeof list; i++)
        size += (size_t)snprintf(list + size, sizeof list - size, "%s%s", i == 0 ? "" : ", ", known[i]);
    return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT, "rules:%sthere is no member '%.30s', expected %s", place,
                    stranger, list);
}

static flowbd3_status no_memory(const reader *r) {
    return fb3_no_memory(r->err, "rules");
}

/* ---- members ----------------------------------------------------------------------------------- */

static flowbd3_status read_name(const reader *r, char **name, const json_t *value, const char *what) {
    const char *text = fb3_json_text(value);
    if (text == NULL || !fb3_is_utf8(text, strlen(text)))
        return bad(r, what, "the name of a column");
    *name = fb3_duplicate(r->rules->context, text);
    return *name != NULL ? FLOWBD3_OK : no_memory(r);
}

/* A number that may be left out. */
static flowbd3_status read_number(const reader *r, double *number, const json_t *object, const char *key,
                                  double otherwise) {
    const json_t *value = json_object_get(object, key);
    *number = otherwise;
    return value == NULL || fb3_rules_json_number(value, number) ? FLOWBD3_OK : bad(r, key, "a number");
}

static flowbd3_status read_flag(const reader *r, bool *flag, const json_t *object, const char *key,
                                bool otherwise) {
    const json_t *value = json_object_get(object, key);
    *flag = value == NULL ? otherwise : json_is_true(value);
    return value == NULL || json_is_boolean(value) ? FLOWBD3_OK : bad(r, key, "true or false");
}

static flowbd3_status read_count(const reader *r, uint64_t *count, const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    *count = (uint64_t)json_integer_value(value);
    return value == NULL || (json_is_integer(value) && json_integer_value(value) >= 0)
               ? FLOWBD3_OK
               : bad(r, key, "an integer that is not negative");
}

/* ---- tests ------------------------------------------------------------------------------------- */

static flowbd3_status read_tests(reader *r, fb3_test **tests, size_t *n_tests, const json_t *object,
                                 const char *member) {
    const char *column;
    json_t *value;
    if (json_object_size(object) == 0)
        return bad(r, member, "an object of columns and their tests");
    *tests = fb3_allocate_zero(r->rules->context, json_object_size(object), sizeof **tests);
    if (*tests == NULL)
        return no_memory(r);
    json_object_foreach((json_t *)object, column, value) {
        flowbd3_error inner = {0};
        if (*column == '\0')
            return bad(r, member, "names of columns");
        flowbd3_status status =
            fb3_test_from_json_value(&(*tests)[*n_tests], r->rules->context, column, value, &inner);
        if (status != FLOWBD3_OK) {
            char place[160];
            r->member = member;
            write_place(r, place, sizeof place);
            return fb3_fail(r->err, status, "rules:%s%s", place, inner.message);
        }
        ++*n_tests;
    }
    return FLOWBD3_OK;
}

/* ---- comparisons ------------------------------------------------------------------------------- */

/* 9, "TotBytes" or {"times": 60, "column": "TotPkts", "plus": 3}. */
static flowbd3_status read_right(const reader *r, fb3_comparison_claim *claim, const json_t *value,
                                 const char *key) {
    static const char *const known[] = {"times", "column", "plus"};
    claim->factor = 1.0;
    if (json_is_number(value))
        return fb3_rules_json_number(value, &claim->offset) ? FLOWBD3_OK : bad(r, key, "a finite number");
    if (json_is_string(value))
        return read_name(r, &claim->right, value, key);
    if (!json_is_object(value))
        return bad(r, key, "a number, a column or {\"times\", \"column\", \"plus\"}");
    flowbd3_status status = only(r, value, known, FB3_COUNT(known));
    if (status == FLOWBD3_OK)
        status = read_name(r, &claim->right, json_object_get(value, "column"), "column");
    if (status == FLOWBD3_OK)
        status = read_number(r, &claim->factor, value, "times", 1.0);
    if (status == FLOWBD3_OK && !(claim->factor > 0.0))
        status = bad(r, "times", "a number above 0");
    if (status == FLOWBD3_OK)
        status = read_number(r, &claim->offset, value, "plus", 0.0);
    return status;
}

static flowbd3_status read_comparison(reader *r, fb3_rule *rule, const json_t *value) {
    static const char *const known[] = {"left", "at_most", "at_least"};
    fb3_comparison_claim *claim = &rule->comparison;
    const json_t *most = json_object_get(value, "at_most"), *least = json_object_get(value, "at_least");
    rule->claim = FB3_CLAIM_COMPARISON;
    if (!json_is_object(value))
        return bad(r, "compare", "{\"left\", \"at_most\" or \"at_least\"}");
    r->member = "compare";
    flowbd3_status status = only(r, value, known, FB3_COUNT(known));
    if (status == FLOWBD3_OK)
        status = read_name(r, &claim->left, json_object_get(value, "left"), "left");
    if (status == FLOWBD3_OK && (most == NULL) == (least == NULL))
        status = bad(r, "at_most", "it or \"at_least\", not both");
    claim->at_least = least != NULL;
    if (status == FLOWBD3_OK)
        status = read_right(r, claim, least != NULL ? least : most, least != NULL ? "at_least" : "at_most");
    if (status == FLOWBD3_OK && claim->right != NULL && strcmp(claim->left, claim->right) == 0)
        status = bad(r, "column", "another column than the left one");
    return status;
}

/* ---- derived columns --------------------------------------------------------------------------- */

static const char *const operation_names[] = {[FB3_COPY] = "copy",
                                              [FB3_SUM] = "sum",
                                              [FB3_DIFFERENCE] = "difference",
                                              [FB3_PRODUCT] = "product",
                                              [FB3_RATIO] = "ratio"};

const char *fb3_operation_name(fb3_operation operation) {
    return operation_names[operation];
}

static flowbd3_status read_sources(const reader *r, fb3_derived_claim *claim, const json_t *object) {
    const json_t *value = NULL;
    size_t found = 0;
    for (size_t i = 0; i < FB3_COUNT(operation_names); i++) {
        const json_t *member = json_object_get(object, operation_names[i]);
        if (member == NULL)
            continue;
        value = member;
        claim->operation = (fb3_operation)i;
        found++;
    }
    if (found != 1)
        return bad(r, "sum", "one of copy, sum, difference, product, ratio");
    const char *name = operation_names[claim->operation];
    if (claim->operation == FB3_COPY)
        return read_name(r, &claim->a, value, name);
    if (json_array_size(value) != 2)
        return bad(r, name, "an array of two columns");
    flowbd3_status status = read_name(r, &claim->a, json_array_get(value, 0), name);
    return status == FLOWBD3_OK ? read_name(r, &claim->b, json_array_get(value, 1), name) : status;
}

static flowbd3_status read_rounding(const reader *r, fb3_derived_claim *claim, const json_t *object) {
    const json_t *decimals = json_object_get(object, "decimals");
    const json_t *otherwise = json_object_get(object, "otherwise");
    claim->decimals = -1;
    if (decimals != NULL) {
        json_int_t digits = json_integer_value(decimals);
        if (!json_is_integer(decimals) || digits < 0 || digits > 17)
            return bad(r, "decimals", "an integer from 0 to 17");
        claim->decimals = (int)digits;
    }
    flowbd3_status status = read_flag(r, &claim->truncated, object, "truncated", false);
    if (status == FLOWBD3_OK && claim->truncated && decimals == NULL)
        status = bad(r, "decimals", "the digits that are not cut off");
    claim->otherwise_missing = otherwise == NULL || json_is_null(otherwise);
    if (status == FLOWBD3_OK && !claim->otherwise_missing &&
        !fb3_rules_json_number(otherwise, &claim->otherwise))
        status = bad(r, "otherwise", "a number or null");
    return status;
}

static flowbd3_status read_derived(reader *r, fb3_rule *rule, const json_t *value) {
    static const char *const known[] = {"column", "copy", "sum",      "difference", "product",  "ratio",
                                        "times",  "plus", "decimals", "truncated",  "otherwise"};
    fb3_derived_claim *claim = &rule->derived;
    rule->claim = FB3_CLAIM_DERIVED;
    if (!json_is_object(value))
        return bad(r, "derive", "{\"column\", \"ratio\" or another operation, ...}");
    r->member = "derive";
    flowbd3_status status = only(r, value, known, FB3_COUNT(known));
    if (status == FLOWBD3_OK)
        status = read_name(r, &claim->column, json_object_get(value, "column"), "column");
    if (status == FLOWBD3_OK)
        status = read_sources(r, claim, value);
    if (status == FLOWBD3_OK)
        status = read_number(r, &claim->scale, value, "times", 1.0);
    if (status == FLOWBD3_OK && claim->scale == 0.0)
        status = bad(r, "times", "a number other than 0");
    if (status == FLOWBD3_OK)
        status = read_number(r, &claim->offset, value, "plus", 0.0);
    if (status == FLOWBD3_OK)
        status = read_rounding(r, claim, value);
    if (status == FLOWBD3_OK &&
        (strcmp(claim->column, claim->a) == 0 || (claim->b != NULL && strcmp(claim->column, claim->b) == 0)))
        status = bad(r, "column", "another one than it is computed from");
    return status;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static flowbd3_status read_rule_name(reader *r, fb3_rule *rule, const json_t *value) {
    if (value == NULL)
        return FLOWBD3_OK;
    const char *name = fb3_json_text(value);
    if (name == NULL || !fb3_is_utf8(name, strlen(name)))
        return bad(r, "name", "a text");
    const json_t *before = json_object_get(r->names, name);
    if (before != NULL)
        return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT,
                        "rules: rules %lld and %zu are both named '%.80s', expected names that differ",
                        (long long)json_integer_value(before), r->rule, name);
    rule->name = fb3_duplicate(r->rules->context, name);
    if (rule->name == NULL || json_object_set_new(r->names, name, json_integer((json_int_t)r->rule)) != 0)
        return no_memory(r);
    r->name = rule->name;
    return FLOWBD3_OK;
}

static flowbd3_status read_claim(reader *r, fb3_rule *rule, const json_t *value) {
    const json_t *then = json_object_get(value, "then"), *compare = json_object_get(value, "compare");
    const json_t *derive = json_object_get(value, "derive");
    if ((then != NULL) + (compare != NULL) + (derive != NULL) != 1)
        return bad(r, "then", "one of then, compare, derive");
    if (compare != NULL)
        return read_comparison(r, rule, compare);
    if (derive != NULL)
        return read_derived(r, rule, derive);
    return read_tests(r, &rule->tests, &rule->n_tests, then, "then");
}

static flowbd3_status read_counts(const reader *r, fb3_rule *rule, const json_t *value) {
    flowbd3_status status = read_flag(r, &rule->found, value, "found", false);
    if (status == FLOWBD3_OK)
        status = read_count(r, &rule->applies, value, "applies");
    if (status == FLOWBD3_OK)
        status = read_count(r, &rule->obey, value, "obey");
    if (status == FLOWBD3_OK && rule->obey > rule->applies)
        status = bad(r, "obey", "an integer that is not above 'applies'");
    return status;
}

static flowbd3_status read_rule(reader *r, const json_t *value) {
    static const char *const known[] = {"name",   "when",  "then",    "compare",
                                        "derive", "found", "applies", "obey"};
    fb3_rule *rule = fb3_rules_append(r->rules);
    if (rule == NULL)
        return no_memory(r);
    if (!json_is_object(value))
        return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT, "rules: rule %zu is no object", r->rule);
    const json_t *when = json_object_get(value, "when");
    flowbd3_status status = read_rule_name(r, rule, json_object_get(value, "name"));
    if (status == FLOWBD3_OK)
        status = only(r, value, known, FB3_COUNT(known));
    if (status == FLOWBD3_OK && when != NULL)
        status = read_tests(r, &rule->when, &rule->n_when, when, "when");
    if (status == FLOWBD3_OK)
        status = read_counts(r, rule, value);
    if (status == FLOWBD3_OK)
        status = read_claim(r, rule, value);
    return status;
}

static flowbd3_status read_rules(reader *r, const json_t *value) {
    if (value != NULL && !json_is_array(value))
        return bad(r, "rules", "an array of rules");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < json_array_size(value) && status == FLOWBD3_OK; i++) {
        r->rule = i + 1;
        r->name = r->member = NULL;
        status = read_rule(r, json_array_get(value, i));
    }
    r->rule = 0;
    r->name = r->member = NULL;
    return status;
}

/* ---- what is not to be found ------------------------------------------------------------------- */

static flowbd3_status read_forbidden(const reader *r, fb3_forbidden_rule *forbidden, const json_t *value) {
    const json_t *name = json_object_get(value, "name"), *columns = json_object_get(value, "columns");
    if (json_object_size(value) != 1 || (name == NULL && columns == NULL))
        return bad(r, "forbid", "an array of {\"name\": text} or {\"columns\": array}");
    if (name != NULL) {
        const char *text = fb3_json_text(name);
        if (text == NULL)
            return bad(r, "name", "a text");
        forbidden->name = fb3_duplicate(r->rules->context, text);
        return forbidden->name != NULL ? FLOWBD3_OK : no_memory(r);
    }
    size_t count = json_array_size(columns);
    if (count == 0)
        return bad(r, "columns", "an array of names");
    forbidden->columns = fb3_allocate_zero(r->rules->context, count, sizeof *forbidden->columns);
    if (forbidden->columns == NULL)
        return no_memory(r);
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < count && status == FLOWBD3_OK; i++) {
        forbidden->n_columns = i + 1;
        status = read_name(r, &forbidden->columns[i], json_array_get(columns, i), "columns");
    }
    return status;
}

static flowbd3_status read_forbid(const reader *r, const json_t *value) {
    if (value != NULL && !json_is_array(value))
        return bad(r, "forbid", "an array");
    size_t count = json_array_size(value);
    if (count == 0)
        return FLOWBD3_OK;
    r->rules->forbidden = fb3_allocate_zero(r->rules->context, count, sizeof *r->rules->forbidden);
    if (r->rules->forbidden == NULL)
        return no_memory(r);
    r->rules->n_forbidden = count;
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < count && status == FLOWBD3_OK; i++)
        status = read_forbidden(r, &r->rules->forbidden[i], json_array_get(value, i));
    return status;
}

/* ---- the door ---------------------------------------------------------------------------------- */

static flowbd3_status read_head(const reader *r, const json_t *value) {
    static const char *const known[] = {"format", "version", "search", "rules", "forbid"};
    const char *format = fb3_json_text(json_object_get(value, "format"));
    const json_t *version = json_object_get(value, "version");
    if (format == NULL || strcmp(format, "flowbd3-rules") != 0)
        return bad(r, "format", "\"flowbd3-rules\"");
    if (!json_is_integer(version))
        return bad(r, "version", "an integer");
    if (json_integer_value(version) != VERSION)
        return fb3_fail(r->err, FLOWBD3_ERROR_VERSION, "rules: version is %lld, expected %d",
                        (long long)json_integer_value(version), VERSION);
    return only(r, value, known, FB3_COUNT(known));
}

static flowbd3_status read_all(reader *r, const json_t *value) {
    flowbd3_status status = read_head(r, value);
    if (status == FLOWBD3_OK)
        status = read_flag(r, &r->rules->search, value, "search", true);
    if (status == FLOWBD3_OK)
        status = read_rules(r, json_object_get(value, "rules"));
    if (status == FLOWBD3_OK)
        status = read_forbid(r, json_object_get(value, "forbid"));
    if (status == FLOWBD3_OK)
        status = fb3_rules_finish(r->rules, r->err);
    if (status == FLOWBD3_OK)
        status = fb3_rules_check_conflicts(r->rules, r->err);
    return status;
}

flowbd3_status fb3_rules_from_json_value(flowbd3_rules **out, flowbd3_context *context, const json_t *value,
                                         flowbd3_error *err) {
    reader r = {.rules = fb3_rules_create(context), .err = err, .names = json_object()};
    flowbd3_status status = r.rules != NULL && r.names != NULL ? read_all(&r, value) : no_memory(&r);
    json_decref(r.names);
    if (status != FLOWBD3_OK)
        flowbd3_rules_destroy(&r.rules);
    *out = r.rules;
    return status;
}

flowbd3_status flowbd3_rules_from_json(flowbd3_rules **out, flowbd3_context *context, const char *json,
                                       size_t size, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || json == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_from_json: %s is NULL",
                        out == NULL       ? "out"
                        : context == NULL ? "context"
                                          : "json");
    json_t *value;
    flowbd3_status status = fb3_json_load(&value, json, size, "rules", "the text of rules", err);
    if (status == FLOWBD3_OK)
        status = fb3_rules_from_json_value(out, context, value, err);
    json_decref(value);
    return status;
}

flowbd3_status flowbd3_rules_load(flowbd3_rules **out, flowbd3_context *context, const char *path,
                                  flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_load: %s is NULL",
                        out == NULL       ? "out"
                        : context == NULL ? "context"
                                          : "path");
    char *text;
    size_t size;
    flowbd3_status status = fb3_file_read(&text, &size, context, path, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_error inner = {0};
    status = flowbd3_rules_from_json(out, context, text, size, &inner);
    fb3_release(context, text);
    if (status == FLOWBD3_OK)
        return status;
    return fb3_fail(err, status, "'%.100s': %s", path, inner.message);
}
