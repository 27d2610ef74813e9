/* Texts of options, chosen by the first byte: conditions of a sampler, rules that are checked, kept and
 * enforced, lists of columns, types of CSV columns, conditions of --fail-if. They are refused with a message,
 * or hold: what they are asked of then ends well. */
#include "csv_arguments.h"
#include "fail_if.h"
#include "failure.h"
#include "likelihood.h"
#include "rules/rules.h"
#include "tiny.h"

#include <math.h>

enum { MOST_TEXTS = 8 };

static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_model *model, *sequences;
static flowbd3_evaluator *evaluator;

/* The programs' own ones print. */
int failure(const char *format, ...) {
    check(format[0] != '\0');
    return EXIT_FAILED;
}

int usage_failure(const char *format, ...) {
    check(format[0] != '\0');
    return EXIT_USAGE;
}

/* There is none. */
double find_likelihood(const likelihood *l, const char *name) {
    check(l == NULL && name != NULL);
    return NAN;
}

static void start(void) {
    context = fuzz_context();
    table = tiny_table(context, 0, TINY_ROWS);
    model = tiny_model(table, false);
    sequences = tiny_model(table, true);
    flowbd3_table *generated = tiny_table(context, 5, TINY_ROWS);
    check(flowbd3_evaluator_create(&evaluator, context, table, NULL, NULL, NULL) == FLOWBD3_OK);
    check(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL) == FLOWBD3_OK);
    flowbd3_table_destroy(&generated);
}

/* Texts, a line each; to be released. */
static size_t lines(fuzz_input *in, char *texts[MOST_TEXTS]) {
    size_t count = 0;
    while (count < MOST_TEXTS && in->at < in->end)
        texts[count++] = fuzz_text(in, '\n');
    return count;
}

static void release_lines(char *texts[MOST_TEXTS], size_t count) {
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

static bool worked(flowbd3_status status, const flowbd3_error *err) {
    if (status != FLOWBD3_OK)
        check_error(status, err);
    return status == FLOWBD3_OK;
}

/* ---- what rows are asked ------------------------------------------------------------------------ */

static void obey(const flowbd3_table *rows, const flowbd3_rules *rules) {
    size_t count = flowbd3_rules_count(rules);
    flowbd3_rule_result *results = fuzz_memory(count * sizeof *results);
    check(flowbd3_rules_check(rules, rows, results, NULL, NULL) == FLOWBD3_OK);
    for (size_t i = 0; i < count; i++)
        check(results[i].violated == 0 || !fb3_rule_is_certain(&rules->rules[i]));
    free(results);
}

static void sample(const flowbd3_model *of, const flowbd3_sampler_options *options) {
    flowbd3_sampler *sampler;
    flowbd3_table *rows = NULL;
    flowbd3_error err = {0};
    if (worked(flowbd3_sampler_create(&sampler, of, options, &err), &err) &&
        worked(flowbd3_sampler_generate(sampler, 2, &rows, NULL, NULL, &err), &err)) {
        check(flowbd3_table_rows(rows) == 2);
        if (options->rules != NULL)
            obey(rows, options->rules);
    }
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
}

static void try_conditions(fuzz_input *in) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    char *texts[MOST_TEXTS];
    const flowbd3_model *of = fuzz_byte(in) & 1 ? sequences : model;
    size_t count = lines(in, texts);
    options.given = (const char *const *)texts;
    options.n_given = count;
    options.attempts = 4;
    sample(of, &options);
    release_lines(texts, count);
}

static void try_weights(fuzz_input *in) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    static const double factors[] = {1.0, 0.0, 2.5, 1e308, -1.0, (double)NAN, (double)INFINITY, 1e-320};
    char *texts[MOST_TEXTS];
    flowbd3_weight weights[MOST_TEXTS];
    double odd = factors[fuzz_below(in, 8)];
    size_t count = lines(in, texts);
    for (size_t i = 1; i < count; i++)
        weights[i - 1] = (flowbd3_weight){texts[i], i & 1 ? odd : 3.0};
    options.weighted = count > 0 ? texts[0] : NULL;
    options.weights = weights;
    options.n_weights = count > 1 ? count - 1 : 0;
    options.attempts = 4;
    sample(model, &options);
    release_lines(texts, count);
}

static void fit(const flowbd3_rules *rules) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_model_options sizes = tiny_options();
    flowbd3_sampler_options drawing = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_tokenizer *tokenizer;
    flowbd3_model *kept;
    flowbd3_error err = {0};
    options.rules = rules;
    options.relations = FLOWBD3_RELATIONS_OFF;
    drawing.attempts = 4;
    if (!worked(flowbd3_tokenizer_create(&tokenizer, table, &options, &err), &err))
        return;
    check(flowbd3_model_create(&kept, tokenizer, &sizes, NULL) == FLOWBD3_OK);
    sample(kept, &drawing);
    flowbd3_model_destroy(&kept);
    flowbd3_tokenizer_destroy(&tokenizer);
}

static void try_rules(fuzz_input *in) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_rules *rules;
    flowbd3_error err = {0};
    size_t size = (size_t)(in->end - in->at);
    if (!worked(flowbd3_rules_from_json(&rules, context, (const char *)in->at, size, &err), &err))
        return;
    size_t count = flowbd3_rules_count(rules);
    flowbd3_rule_result *results = fuzz_memory(count * sizeof *results);
    uint64_t any;
    if (worked(flowbd3_rules_check(rules, table, results, &any, &err), &err))
        for (size_t i = 0; i < count; i++) {
            check(results[i].violated <= results[i].applies && results[i].applies <= TINY_ROWS);
            check((results[i].violated == 0) == (results[i].first == UINT64_MAX));
        }
    free(results);
    fit(rules);
    options.rules = rules;
    options.attempts = 4;
    sample(model, &options);
    flowbd3_rules_destroy(&rules);
}

/* ---- lists of columns --------------------------------------------------------------------------- */

static void score(char *texts[MOST_TEXTS], size_t count, unsigned split) {
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    double nll[TINY_ROWS];
    flowbd3_error err = {0};
    size_t first = split < count ? split : count;
    options.method = (flowbd3_score_method)(split & 1);
    options.draws = 2;
    options.given = (const char *const *)texts;
    options.n_given = first;
    options.scored = (const char *const *)texts + first;
    options.n_scored = count - first;
    if (worked(flowbd3_model_score(model, table, &options, nll, NULL, &err), &err))
        for (size_t i = 0; i < TINY_ROWS; i++)
            check(isfinite(nll[i]));
}

static void calibrate(char *texts[MOST_TEXTS], size_t count) {
    flowbd3_calibration_options options = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    flowbd3_calibration *calibration;
    flowbd3_error err = {0};
    options.order = (const char *const *)texts;
    options.n_order = count;
    (void)worked(flowbd3_calibration_create(&calibration, model, table, &options, &err), &err);
    flowbd3_calibration_destroy(&calibration);
}

static void tokenize(char *texts[MOST_TEXTS], size_t count, unsigned how) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_column_codec codecs[MOST_TEXTS];
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    for (size_t i = 1; i < count; i++)
        codecs[i - 1] = (flowbd3_column_codec){texts[i], (flowbd3_codec)((how + i) % 6), how & 2 ? 3 : 0};
    options.order_by = how & 1 && count > 0 ? texts[0] : NULL;
    options.group_by = how & 4 ? (const char *const *)texts : NULL;
    options.n_group_by = how & 4 ? count : 0;
    options.codecs = codecs;
    options.n_codecs = how & 8 && count > 1 ? count - 1 : 0;
    options.binning = (flowbd3_binning)(how >> 4 & 3);
    options.rare_rows = how >> 6;
    (void)worked(flowbd3_tokenizer_create(&tokenizer, table, &options, &err), &err);
    flowbd3_tokenizer_destroy(&tokenizer);
}

static void order_columns(char *texts[MOST_TEXTS], size_t count) {
    flowbd3_model_options options = tiny_options();
    flowbd3_model *ordered;
    flowbd3_error err = {0};
    options.column_order = FLOWBD3_COLUMNS_FIXED;
    options.columns = (const char *const *)texts;
    options.n_columns = count;
    (void)worked(flowbd3_model_create(&ordered, flowbd3_model_tokenizer(model), &options, &err), &err);
    flowbd3_model_destroy(&ordered);
}

static void evaluate(char *texts[MOST_TEXTS], size_t count) {
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    flowbd3_evaluator *other;
    flowbd3_error err = {0};
    size_t n;
    const size_t *columns;
    options.groups = FLOWBD3_METRICS_SEQUENCES;
    options.order_by = count > 0 ? texts[0] : NULL;
    options.target = count > 1 ? texts[1] : NULL;
    options.group_by = (const char *const *)texts + (count > 2 ? 2 : 0);
    options.n_group_by = count > 2 ? count - 2 : 0;
    if (worked(flowbd3_evaluator_create(&other, context, table, NULL, &options, &err), &err))
        (void)worked(flowbd3_evaluator_run(other, table, NULL, NULL, &err), &err);
    flowbd3_evaluator_destroy(&other);
    for (size_t i = 0; i < count; i++) {
        (void)flowbd3_evaluator_get(evaluator, texts[i]);
        (void)flowbd3_evaluator_curve(evaluator, texts[i], &n);
        (void)flowbd3_evaluator_matrix(evaluator, texts[i], FLOWBD3_SAMPLE_GENERATED, &n, &columns);
    }
}

static void take_columns(char *texts[MOST_TEXTS], size_t count) {
    flowbd3_table *selected;
    flowbd3_error err = {0};
    (void)worked(flowbd3_table_select(&selected, table, (const char *const *)texts, count, &err), &err);
    flowbd3_table_destroy(&selected);
}

static void try_columns(fuzz_input *in) {
    char *texts[MOST_TEXTS];
    unsigned what = fuzz_below(in, 6), how = fuzz_byte(in);
    size_t count = lines(in, texts);
    if (what == 0)
        score(texts, count, how % 8);
    else if (what == 1)
        calibrate(texts, count);
    else if (what == 2)
        tokenize(texts, count, how);
    else if (what == 3)
        order_columns(texts, count);
    else if (what == 4)
        evaluate(texts, count);
    else
        take_columns(texts, count);
    release_lines(texts, count);
}

/* ---- options of the programs, and of CSV files --------------------------------------------------- */

static void try_fail_if(fuzz_input *in) {
    char *texts[MOST_TEXTS];
    size_t count = lines(in, texts);
    text_list list = {texts, count};
    condition_list conditions = {NULL, 0};
    if (parse_conditions(&conditions, &list) == -1)
        (void)judge_conditions(&conditions, evaluator, NULL);
    release_conditions(&conditions);
    release_lines(texts, count);
}

/* The first line is the delimiter, the second a quote and a text for missing cells, the rest are types. */
static void try_types(fuzz_input *in) {
    static const char csv[] = "a,b,c\n1,x,2011-08-17 12:00:00\n-,10.0.0.1,\n";
    char *texts[MOST_TEXTS];
    size_t count = lines(in, texts);
    csv_arguments arguments = {0};
    flowbd3_table *read = NULL;
    flowbd3_error err = {0};
    if (count > 2)
        arguments.types = (text_list){texts + 2, count - 2};
    arguments.delimiter = count > 0 && *texts[0] != '\0' ? texts[0] : NULL;
    if (parse_csv_arguments(&arguments) == -1) {
        flowbd3_csv_options options = csv_options(&arguments);
        const char *missing = count > 1 && *texts[1] != '\0' ? texts[1] + 1 : NULL;
        options.quote = count > 1 ? *texts[1] : '\0';
        options.missing = &missing;
        options.n_missing = missing != NULL;
        (void)worked(flowbd3_table_parse_csv(&read, context, csv, sizeof csv - 1, &options, &err), &err);
    }
    flowbd3_table_destroy(&read);
    release_csv_arguments(&arguments);
    release_lines(texts, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const tries[])(fuzz_input *) = {try_conditions, try_weights, try_rules,
                                                  try_columns,    try_fail_if, try_types};
    fuzz_input in = {data, data + size};
    if (context == NULL)
        start();
    tries[fuzz_below(&in, sizeof tries / sizeof *tries)](&in);
    return 0;
}
