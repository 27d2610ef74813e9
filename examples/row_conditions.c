/* Options on which rows are generated. */
#include "row_conditions.h"
#include "csv_arguments.h"
#include "failure.h"
#include "relations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void list_condition_options(program_option *options, row_conditions *conditions) {
    const program_option list[CONDITION_OPTIONS] = {
        {.name = "given",
         .kind = OPTION_LIST,
         .value = &conditions->given,
         .argument = "CONDITION",
         .help =
             "What every row meets: COLUMN=VALUE, 'COLUMN in A,B', 'COLUMN in [LOW,HIGH]' with one end or "
             "both, or 'COLUMN missing' (may be repeated)"},
        {.name = "rules",
         .kind = OPTION_TEXT,
         .value = &conditions->rules,
         .argument = "FILE|default",
         .help =
             "Every row obeys the rules of a JSON file, or those known for usual columns of flows, beside "
             "the relations of the model"},
        {.name = "weighted",
         .kind = OPTION_TEXT,
         .value = &conditions->weighted,
         .argument = "COLUMN",
         .help = "Draw a column of categories by other frequencies: without --weight, all values alike"},
        {.name = "weight",
         .kind = OPTION_LIST,
         .value = &conditions->weights,
         .argument = "VALUE=FACTOR",
         .help = "Of --weighted: how many times as probable a value becomes; 1 for the others (may be "
                 "repeated)"},
        {.name = "attempts",
         .kind = OPTION_COUNT,
         .value = &conditions->attempts,
         .least = 1,
         .most = UINT32_MAX,
         .argument = "N",
         .help = "Draws of a row until one obeys and is kept (default: 64)"},
    };
    memcpy(options, list, sizeof list);
}

/* ---- taking them apart ------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), of_end = strlen(end);
    return length > of_end && strcmp(text + length - of_end, end) == 0;
}

/* Whether text has the shape of a condition; the model says whether it has the column and the values. */
static bool is_condition(const char *text) {
    const char *equals = strchr(text, '='), *in = strstr(text, " in ");
    return (equals != NULL && equals > text && equals[1] != '\0') ||
           (in != NULL && in > text && in[strlen(" in ")] != '\0') || ends_with(text, " missing");
}

static bool read_factor(double *factor, const char *text) {
    char *end;
    *factor = strtod(text, &end);
    return end != text && *end == '\0' && text[strspn(text, "+.0123456789eE-")] == '\0' && *factor >= 0.0 &&
           isfinite(*factor);
}

static int parse_weights(row_conditions *c) {
    c->factors = calloc(c->weights.count + 1, sizeof *c->factors);
    if (c->factors == NULL)
        return failure("out of memory");
    for (size_t i = 0; i < c->weights.count; i++) {
        const char *text = c->weights.items[i], *equals = strrchr(text, '=');
        if (equals == NULL || equals == text || !read_factor(&c->factors[i].weight, equals + 1))
            return usage_failure("--weight: '%s' is not VALUE=FACTOR with a factor of 0 or more", text);
        add_text(&c->values, text, (size_t)(equals - text));
        c->factors[i].value = c->values.items[i];
    }
    return -1;
}

int parse_row_conditions(row_conditions *c) {
    for (size_t i = 0; i < c->given.count; i++)
        if (!is_condition(c->given.items[i]))
            return usage_failure(
                "--given: '%s' is not COLUMN=VALUE, 'COLUMN in A,B', 'COLUMN in [LOW,HIGH]' or "
                "'COLUMN missing'",
                c->given.items[i]);
    if (c->weights.count > 0 && c->weighted == NULL)
        return usage_failure("--weight: --weighted COLUMN is missing");
    return parse_weights(c);
}

void release_row_conditions(row_conditions *c) {
    free(c->factors);
    c->factors = NULL;
    release_texts(&c->values);
}

/* ---- for the library --------------------------------------------------------------------------- */

/* The columns that the model generates of its own, which those that group the rows are not, with the
 * categories that it knows. */
static flowbd3_status make_columns(flowbd3_table **table, const flowbd3_model *model, flowbd3_error *err) {
    const flowbd3_tokenizer *tokenizer = flowbd3_model_tokenizer(model);
    size_t count = flowbd3_tokenizer_columns(tokenizer);
    const char **names = calloc(count, sizeof *names);
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    if (names == NULL) {
        *err = (flowbd3_error){status, 0, 0, "out of memory for the names of columns"};
        return status;
    }
    for (size_t i = 0; i < count; i++)
        names[i] = flowbd3_tokenizer_name(tokenizer, i);
    status = flowbd3_tokenizer_columns_table(tokenizer, table, err);
    if (status == FLOWBD3_OK)
        status = keep_columns(table, names, count, err);
    free(names);
    return status;
}

flowbd3_status read_row_rules(flowbd3_rules **rules, flowbd3_context *context, const row_conditions *c,
                              const flowbd3_model *model, flowbd3_error *err) {
    flowbd3_table *columns = NULL;
    flowbd3_status status = make_columns(&columns, model, err);
    if (status == FLOWBD3_OK)
        status = read_rules(rules, context, c->rules, columns, err);
    flowbd3_table_destroy(&columns);
    return status;
}

void set_row_conditions(flowbd3_sampler_options *options, const row_conditions *c,
                        const flowbd3_rules *rules) {
    options->given = (const char *const *)c->given.items;
    options->n_given = c->given.count;
    options->rules = rules;
    options->weighted = c->weighted;
    options->weights = c->factors;
    options->n_weights = c->weights.count;
    options->attempts = (uint32_t)c->attempts;
}
