/* The evaluator's intervals: what they hold, degenerate input, threads, progress, memory. */
#include "evaluated.h"
#include "evaluator/evaluator.h"
#include "test_main.h"

#include <jansson.h>

static flowbd3_context *context;

static flowbd3_context *new_context(uint32_t threads) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    flowbd3_context *made;
    options.threads = threads;
    ck_assert_int_eq(flowbd3_context_create(&made, &options, NULL), FLOWBD3_OK);
    return made;
}

static void setup(void) {
    context = new_context(2);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

/* x uniform on [0, 1) plus shift, y without a cell in every seventh row, one of three categories, 9 groups.
 */
static flowbd3_table *random_table(flowbd3_context *in, size_t rows, uint64_t seed, double shift) {
    static const char *const names[] = {"a", "b", NULL};
    double *x = malloc(rows * sizeof *x);
    int64_t *y = malloc(rows * sizeof *y), *host = malloc(rows * sizeof *host);
    uint8_t *valid = malloc(rows);
    const char **text = malloc(rows * sizeof *text);
    for (size_t i = 0; i < rows; i++) {
        uint32_t word[4];
        fb3_random(word, seed, FB3_RANDOM_DECODE, i, 0);
        x[i] = fb3_uniform53(word[0], word[1]) + shift;
        y[i] = (int64_t)(word[2] % 100);
        valid[i] = i % 7 != 3;
        text[i] = names[word[3] % 3];
        host[i] = (int64_t)(word[3] / 3 % 9);
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, in, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "y", y, valid, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "t", text, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "host", host, NULL, rows, NULL), FLOWBD3_OK);
    free(x);
    free(y);
    free(host);
    free(valid);
    free(text);
    return table;
}

static flowbd3_evaluator_options resampling(uint32_t times) {
    static const char *const host[] = {"host"};
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.bootstrap = times;
    options.max_rows = 20;
    options.group_by = host;
    options.n_group_by = 1;
    return options;
}

static double get(const flowbd3_evaluator *evaluator, const char *group, const char *key) {
    char name[64];
    snprintf(name, sizeof name, "%s.%s", group, key);
    return flowbd3_evaluator_get(evaluator, name);
}

/* The mean of x is 0.5 off, known to 1 / sqrt(12 n); the normal interval of 95 % has 1.96 of that on each
 * side, to which the percentiles of 400 resamplings come within a tenth. */
START_TEST(interval_of_a_mean) {
    enum { ROWS = 2000 };
    static const char *const x[] = {"x"};
    flowbd3_table *all = random_table(context, ROWS, 1, 0.0), *other = random_table(context, ROWS, 2, 0.5);
    flowbd3_table *real, *generated;
    ck_assert_int_eq(flowbd3_table_select(&real, all, x, 1, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_select(&generated, other, x, 1, NULL), FLOWBD3_OK);
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.bootstrap = 400;
    options.groups = FLOWBD3_METRICS_MARGINALS;
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, &options);
    double value = get(evaluator, "summary", "mean_difference_mean"),
           low = get(evaluator, "low", "mean_difference_mean"),
           high = get(evaluator, "high", "mean_difference_mean"), side = 1.96 / sqrt(12.0 * ROWS);
    ck_assert_msg(fabs(value - low - side) < 0.1 * side, "below: %g, expected %g", value - low, side);
    ck_assert_msg(fabs(high - value - side) < 0.1 * side, "above: %g, expected %g", high - value, side);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&all);
    flowbd3_table_destroy(&other);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(what_has_an_interval) {
    static const char *const with[] = {"ks_mean",
                                       "emd_scaled_mean",
                                       "tvd_max",
                                       "corr_mean",
                                       "group_size_ks",
                                       "autocorrelation_diff",
                                       "transition_tvd_mean",
                                       "c2st_auc",
                                       "c2st_auc_logistic",
                                       "nearest_mean",
                                       "nearest_std",
                                       "alpha_precision",
                                       "beta_recall",
                                       "density",
                                       "coverage",
                                       "authenticity",
                                       "dcr_mean",
                                       "dcr_p5",
                                       "nndr_mean",
                                       "nndr_p5"},
                             *const without[] = {"rows_real",
                                                 "rows_generated",
                                                 "trtr",
                                                 "tstr",
                                                 "mia_advantage",
                                                 "rule_violations",
                                                 "rule_violations_real",
                                                 "interarrival_ks"};
    flowbd3_table *real = random_table(context, 300, 1, 0.0), *generated = random_table(context, 200, 2, 0.1);
    flowbd3_evaluator_options options = resampling(40);
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, &options);
    for (size_t i = 0; i < FB3_COUNT(with); i++) {
        double low = get(evaluator, "low", with[i]), high = get(evaluator, "high", with[i]);
        ck_assert_msg(low < high, "%s: %g to %g", with[i], low, high);
    }
    for (size_t i = 0; i < FB3_COUNT(without); i++)
        ck_assert_msg(isnan(get(evaluator, "low", without[i])) && isnan(get(evaluator, "high", without[i])),
                      "%s", without[i]);
    char *text;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    json_t *report = json_loads(text, 0, NULL), *high = json_object_get(report, "high");
    ck_assert(json_real_value(json_object_get(high, "ks_mean")) == get(evaluator, "high", "ks_mean"));
    ck_assert(json_is_null(json_object_get(json_object_get(report, "low"), "rows_real")));
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    options.bootstrap = 0;
    evaluator = evaluated(context, real, NULL, generated, &options);
    ck_assert(isnan(get(evaluator, "low", "ks_mean")));
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    ck_assert_ptr_null(strstr(text, "\"low\""));
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* Rows held out, training rows apart, a target and rules: what needs them has an interval, too. */
START_TEST(intervals_of_what_takes_more_tables) {
    static const char rule[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                               "{\"name\":\"few\",\"compare\":{\"left\":\"y\",\"at_most\":80}}]}";
    static const char *const keys[] = {"rule_violations", "rule_violations_real", "tstr",  "trtr",
                                       "mia_advantage",   "dcr_train_share",      "dcr_p5"};
    flowbd3_table *tables[4];
    flowbd3_rules *rules;
    for (uint64_t i = 0; i < 4; i++)
        tables[i] = random_table(context, 150, i, 0.0);
    ck_assert_int_eq(flowbd3_rules_from_json(&rules, context, rule, sizeof rule - 1, NULL), FLOWBD3_OK);
    for (int apart = 0; apart < 2; apart++) {
        flowbd3_evaluator_options options = resampling(40);
        options.max_rows = 0;
        options.rules = rules;
        options.target = "t";
        options.training = apart ? tables[3] : NULL;
        flowbd3_evaluator *evaluator = evaluated(context, tables[0], tables[1], tables[2], &options);
        for (size_t i = 0; i < FB3_COUNT(keys); i++) {
            double low = get(evaluator, "low", keys[i]), high = get(evaluator, "high", keys[i]);
            ck_assert_msg(low < high, "%s: %g to %g", keys[i], low, high);
        }
        /* The floor stays, and so does the interval that is made with it. */
        double low = get(evaluator, "low", "trtr"), high = get(evaluator, "high", "trtr");
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, tables[0], NULL, NULL, NULL), FLOWBD3_OK);
        ck_assert(low == get(evaluator, "low", "trtr") && high == get(evaluator, "high", "trtr"));
        /* A table against itself: every row is a copy, however rows are drawn. */
        if (!apart)
            ck_assert(get(evaluator, "low", "copies") == 1.0 && get(evaluator, "high", "copies") == 1.0);
        flowbd3_evaluator_destroy(&evaluator);
    }
    flowbd3_rules_destroy(&rules);
    for (size_t i = 0; i < 4; i++)
        flowbd3_table_destroy(&tables[i]);
}
END_TEST

/* One row is drawn again and again; of one group nothing can be drawn. */
START_TEST(one_row) {
    flowbd3_table *real = random_table(context, 50, 1, 0.0), *generated = random_table(context, 1, 2, 0.0);
    flowbd3_evaluator_options options = resampling(5);
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, &options);
    double ks = get(evaluator, "summary", "ks_mean");
    ck_assert(isfinite(ks));
    ck_assert(get(evaluator, "low", "ks_mean") == ks && get(evaluator, "high", "ks_mean") == ks);
    ck_assert(isfinite(get(evaluator, "summary", "group_size_ks")));
    ck_assert(isnan(get(evaluator, "low", "group_size_ks")));
    double dcr = get(evaluator, "summary", "dcr_p5");
    ck_assert(get(evaluator, "low", "dcr_p5") == dcr && get(evaluator, "high", "dcr_p5") == dcr);
    /* Too few rows for balls and folds. */
    ck_assert(isnan(get(evaluator, "low", "recall")) && isnan(get(evaluator, "low", "c2st_auc")));
    flowbd3_evaluator_destroy(&evaluator);
    evaluator = evaluated(context, generated, NULL, real, &options);
    ck_assert(isfinite(get(evaluator, "low", "alpha_precision")));
    ck_assert(isnan(get(evaluator, "low", "coverage")) && isnan(get(evaluator, "low", "beta_recall")));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(threads_change_no_bit) {
    char *reports[3] = {NULL};
    for (uint32_t threads = 1; threads <= 3; threads++) {
        flowbd3_context *other = new_context(threads);
        flowbd3_table *a = random_table(other, 300, 3, 0.0), *b = random_table(other, 201, 4, 0.2);
        flowbd3_evaluator_options o = resampling(7);
        o.target = "t";
        flowbd3_evaluator *evaluator;
        ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, other, a, a, &o, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, b, NULL, NULL, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &reports[threads - 1], NULL), FLOWBD3_OK);
        flowbd3_evaluator_destroy(&evaluator);
        flowbd3_table_destroy(&a);
        flowbd3_table_destroy(&b);
        flowbd3_context_destroy(&other);
    }
    ck_assert_str_eq(reports[0], reports[1]);
    ck_assert_str_eq(reports[0], reports[2]);
    for (size_t i = 0; i < 3; i++)
        flowbd3_string_destroy(context, &reports[i]);
}
END_TEST

START_TEST(a_seed_gives_its_intervals) {
    flowbd3_table *real = random_table(context, 300, 1, 0.0), *generated = random_table(context, 200, 2, 0.1);
    flowbd3_evaluator_options options = resampling(10);
    double low[3];
    for (uint64_t i = 0; i < 3; i++) {
        options.seed = i / 2;
        flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, &options);
        low[i] = get(evaluator, "low", "ks_mean");
        flowbd3_evaluator_destroy(&evaluator);
    }
    ck_assert(low[0] == low[1]);
    ck_assert(low[0] != low[2]);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* Of every group of figures alone, and for one group of rows, whose sequences are not resampled. */
START_TEST(progress_and_cancel) {
    flowbd3_table *real = random_table(context, 60, 1, 0.0), *generated = random_table(context, 40, 2, 0.1),
                  *one = random_table(context, 1, 2, 0.1);
    flowbd3_evaluator_options options = resampling(3);
    options.target = "t";
    options.max_classifier_rows = 20;
    for (uint32_t groups = 1; groups < 64; groups += SANITIZED ? 5 : 1) {
        options.groups = groups;
        flowbd3_evaluator *evaluator;
        ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, real, &options, NULL),
                         FLOWBD3_OK);
        for (int run = 0; run < 2; run++) {
            watch w = {0};
            ck_assert_int_eq(
                flowbd3_evaluator_run(evaluator, run == 0 ? generated : one, watch_progress, &w, NULL),
                FLOWBD3_OK);
            ck_assert_uint_gt(w.total, 0);
            ck_assert_uint_eq(w.done, w.total);
        }
        watch w = {.cancel_at = 1};
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, watch_progress, &w, NULL),
                         FLOWBD3_CANCELLED);
        flowbd3_evaluator_destroy(&evaluator);
    }
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
    flowbd3_table_destroy(&one);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------- */

START_TEST(every_allocation_may_fail) {
    flowbd3_table *real = random_table(context, 40, 1, 0.0), *generated = random_table(context, 30, 2, 0.1);
    flowbd3_evaluator_options o = resampling(2);
    o.groups = FLOWBD3_METRICS_MARGINALS | FLOWBD3_METRICS_JOINT | FLOWBD3_METRICS_SEQUENCES;
    climb_evaluation(real, NULL, generated, &o, 1, true);
    o.groups = FLOWBD3_METRICS_NEIGHBOURS;
    o.reference_authenticity = 1;
    climb_evaluation(real, real, generated, &o, 1, false);
    o.groups = FLOWBD3_METRICS_CLASSIFIER;
    o.target = "t";
    o.max_classifier_rows = 10;
    climb_evaluation(real, generated, generated, &o, 7, false);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluator_bootstrap");
    TCase *tests = tcase_create("evaluator_bootstrap");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, interval_of_a_mean);
    tcase_add_test(tests, what_has_an_interval);
    tcase_add_test(tests, intervals_of_what_takes_more_tables);
    tcase_add_test(tests, one_row);
    tcase_add_test(tests, threads_change_no_bit);
    tcase_add_test(tests, a_seed_gives_its_intervals);
    tcase_add_test(tests, progress_and_cancel);
    if (!THREADS_SANITIZED)
        tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
