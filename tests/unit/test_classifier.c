/* Classifiers of the evaluator: against scikit-learn and XGBoost in Python (tests/golden/classifier.py), what
 * they see and what not, folds, degenerate tables. */
#include "evaluated.h"
#include "evaluator/classifier.h"
#include "golden_table.h"
#include "test_main.h"
#include "two_threads.h"

enum { ROWS = 1500 };

/* ---- golden ----------------------------------------------------------------------------------------- */

typedef struct pair {
    fb3_features features;
    fb3_sample real, other;
    fb3_pooled pooled;
} pair;

static void pair_up(pair *p, const flowbd3_table *real, const flowbd3_table *other, uint64_t max_rows,
                    uint64_t seed) {
    fb3_work work = {.context = context};
    ck_assert_int_eq(fb3_features_create(&p->features, context, real, NULL), FLOWBD3_OK);
    ck_assert_int_eq(
        fb3_sample_create(&p->real, &work, &p->features, real, "real", FLOWBD3_METRICS_CLASSIFIER, NULL),
        FLOWBD3_OK);
    ck_assert_int_eq(
        fb3_sample_create(&p->other, &work, &p->features, other, "other", FLOWBD3_METRICS_CLASSIFIER, NULL),
        FLOWBD3_OK);
    ck_assert(fb3_pooled_create(&p->pooled, context, &p->features, &p->real, &p->other, max_rows, seed));
}

static void part(pair *p) {
    fb3_pooled_destroy(&p->pooled, context);
    fb3_sample_destroy(&p->real, &p->features, context);
    fb3_sample_destroy(&p->other, &p->features, context);
    fb3_features_destroy(&p->features, context);
}

static json_t *content;

static void pair_golden(pair *p) {
    content = golden_content("classifier");
    flowbd3_table *real = golden_table(context, json_object_get(content, "real"));
    flowbd3_table *generated = golden_table(context, json_object_get(content, "generated"));
    pair_up(p, real, generated, UINT64_MAX, 0);
    json_t *fold = json_object_get(content, "fold");
    for (size_t i = 0; i < p->pooled.rows; i++) {
        size_t place = p->pooled.source[i] + (p->pooled.other[i] ? p->real.rows : 0);
        p->pooled.fold[i] = (uint8_t)json_integer_value(json_array_get(fold, place));
    }
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}

static void part_golden(pair *p) {
    part(p);
    json_decref(content);
}

static void assert_near(const char *name, double value, double expected, double tolerance) {
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s is %.17g, expected %.17g", name, value, expected);
}

/* Scores as scikit-learn's decision_function, and the area under the
 * curve as its roc_auc_score. */
START_TEST(logistic_regression_as_in_scikit_learn) {
    pair p;
    fb3_design design;
    pair_golden(&p);
    ck_assert(fb3_design_create(&design, context, &p.pooled, SIZE_MAX));
    json_t *expected = json_object_get(content, "scores");
    uint32_t *rows = malloc(p.pooled.rows * sizeof *rows);
    double *y = malloc(p.pooled.rows * sizeof *y), *weights = malloc(design.width * sizeof *weights);
    for (uint8_t fold = 0; fold < FB3_FOLDS; fold++) {
        size_t n = 0;
        for (size_t i = 0; i < p.pooled.rows; i++)
            if (p.pooled.fold[i] != fold) {
                y[n] = p.pooled.other[i] ? 1.0 : 0.0;
                rows[n++] = (uint32_t)i;
            }
        ck_assert(fb3_linear_fit(weights, context, &design, rows, n, y, FB3_LOSS_LOGISTIC));
        for (size_t i = 0; i < p.pooled.rows; i++) {
            size_t place = p.pooled.source[i] + (p.pooled.other[i] ? p.real.rows : 0);
            if (p.pooled.fold[i] == fold)
                assert_near("score", fb3_linear_score(&design, weights, i),
                            json_number_value(json_array_get(expected, place)), 1e-6);
        }
    }
    fb3_work work = {.context = context};
    double auc;
    ck_assert_int_eq(fb3_two_sample_test(&auc, NULL, &work, &p.pooled, &design, 0, NULL), FLOWBD3_OK);
    assert_near("AUC", auc, json_number_value(json_object_get(content, "c2st_auc_logistic")), 1e-9);
    free(rows);
    free(y);
    free(weights);
    fb3_design_destroy(&design, context);
    part_golden(&p);
}
END_TEST

static bool is_golden_xgboost(void) {
    const char *version = json_string_value(json_object_get(content, "xgboost"));
    return fb3_boosted_name() != NULL && strcmp(strchr(fb3_boosted_name(), ' ') + 1, version) == 0;
}

/* Sums of single floats in another order of rows may split a node elsewhere. Other versions than the golden
 * one may do so anywhere. */
START_TEST(boosted_trees_as_in_python) {
    pair p;
    pair_golden(&p);
    fb3_work work = {.context = context};
    double auc;
    if (fb3_boosted_name() != NULL) {
        ck_assert_int_eq(fb3_two_sample_test(&auc, NULL, &work, &p.pooled, NULL, 0, NULL), FLOWBD3_OK);
        assert_near("AUC", auc, json_number_value(json_object_get(content, "c2st_auc_xgboost")),
                    is_golden_xgboost() ? 1e-3 : 0.05);
    }
    part_golden(&p);
}
END_TEST

START_TEST(targets_as_in_python) {
    pair p;
    const char *name;
    json_t *expected;
    pair_golden(&p);
    json_object_foreach(json_object_get(content, "targets"), name, expected) {
        double figure;
        size_t target = 0;
        while (strcmp(p.features.list[target].name, name) != 0)
            target++;
        ck_assert_int_eq(fb3_foretell(&figure, NULL, 0, context, &p.pooled, target, false, 0, NULL),
                         FLOWBD3_OK);
        assert_near(name, figure, json_number_value(json_object_get(expected, "linear")), 1e-9);
        if (fb3_boosted_name() == NULL)
            continue;
        ck_assert_int_eq(fb3_foretell(&figure, NULL, 0, context, &p.pooled, target, true, 0, NULL),
                         FLOWBD3_OK);
        assert_near(name, figure, json_number_value(json_object_get(expected, "xgboost")),
                    is_golden_xgboost() ? 2e-3 : 0.1);
    }
    part_golden(&p);
}
END_TEST

/* 1 1 | 2 2 of scores 3 1 | 2 1: of four pairs two in order and one a tie. */
START_TEST(pairs_in_order) {
    const double scores[] = {1.0, 3.0, 2.0, 1.0};
    const bool labels[] = {true, true, false, false};
    double ordered = 0.0, pairs = 0.0;
    ck_assert(fb3_order_pairs(&ordered, &pairs, context, scores, labels, 4));
    ck_assert(ordered == 2.5);
    ck_assert(pairs == 4.0);
}
END_TEST

/* ---- tables made here ------------------------------------------------------------------------------- */

static double normal(uint64_t seed, uint64_t i, uint32_t step) {
    double u = fb3_uniform(seed, FB3_RANDOM_DECODE, i, 2 * step),
           v = fb3_uniform(seed, FB3_RANDOM_DECODE, i, 2 * step + 1);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

/* Two normal numbers with a mean and a correlation, and a category that hangs on the first. */
static flowbd3_table *normal_table(size_t rows, double mean, double correlation, uint64_t seed) {
    double *x = malloc(rows * sizeof *x), *y = malloc(rows * sizeof *y);
    const char **text = malloc(rows * sizeof *text);
    for (size_t i = 0; i < rows; i++) {
        double a = normal(seed, i, 0), b = normal(seed, i, 1);
        x[i] = a + mean;
        y[i] = correlation * a + sqrt(1.0 - correlation * correlation) * b;
        text[i] = normal(seed, i, 2) + 2.0 * a > 0.0 ? "up" : "down";
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "y", y, NULL, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "t", text, rows, NULL), FLOWBD3_OK);
    free(x);
    free(y);
    free(text);
    return table;
}

static flowbd3_evaluator *evaluate(const flowbd3_table *real, const flowbd3_table *second,
                                   const flowbd3_table *generated, const char *target, uint64_t max_rows) {
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.max_rows = 10;
    options.target = target;
    options.max_classifier_rows = max_rows;
    return evaluated(context, real, second, generated, &options);
}

static double figure(const flowbd3_table *real, const flowbd3_table *generated, const char *target,
                     const char *name) {
    flowbd3_evaluator *evaluator = evaluate(real, NULL, generated, target, 0);
    double value = flowbd3_evaluator_get(evaluator, name);
    flowbd3_evaluator_destroy(&evaluator);
    return value;
}

/* The area's standard deviation is sqrt((2 n + 1) / (12 n^2)), 0.011, for n rows of each. */
START_TEST(one_distribution_is_not_told_apart) {
    flowbd3_table *a = normal_table(ROWS, 0.0, 0.5, 1), *b = normal_table(ROWS, 0.0, 0.5, 2);
    assert_near("trees", figure(a, b, NULL, "summary.c2st_auc"), 0.5, 0.045);
    assert_near("logistic", figure(a, b, NULL, "summary.c2st_auc_logistic"), 0.5, 0.045);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
}
END_TEST

START_TEST(distributions_apart_are_told_apart) {
    flowbd3_table *a = normal_table(ROWS, 0.0, 0.5, 1), *b = normal_table(ROWS, 8.0, 0.5, 2);
    ck_assert(figure(a, b, NULL, "summary.c2st_auc") > 0.999);
    ck_assert(figure(a, b, NULL, "summary.c2st_auc_logistic") > 0.999);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
}
END_TEST

/* The same marginals, but one table's columns are independent: trees see it, weights of single columns do
 * not. */
START_TEST(dependence_is_seen_by_trees_alone) {
    flowbd3_table *a = normal_table(ROWS, 0.0, 0.9, 1), *b = normal_table(ROWS, 0.0, 0.0, 2);
    assert_near("logistic", figure(a, b, NULL, "summary.c2st_auc_logistic"), 0.5, 0.045);
    if (fb3_boosted_name() != NULL)
        ck_assert(figure(a, b, NULL, "summary.c2st_auc") > 0.8);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
}
END_TEST

/* Rows that are there three times in one table: a classifier that has one of them in its training folds knows
 * the others. */
START_TEST(copies_do_not_help) {
    size_t rows[ROWS];
    flowbd3_table *a = normal_table(ROWS, 0.0, 0.5, 1), *b = normal_table(ROWS, 0.0, 0.5, 2), *repeated;
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i % (ROWS / 3);
    ck_assert_int_eq(flowbd3_table_take(&repeated, b, rows, ROWS, NULL), FLOWBD3_OK);
    assert_near("trees", figure(a, repeated, NULL, "summary.c2st_auc"), 0.5, 0.06);
    /* In folds of single rows it would be seen. */
    pair p;
    pair_up(&p, a, repeated, UINT64_MAX, 0);
    for (size_t i = 0; i < p.pooled.rows; i++)
        p.pooled.fold[i] = (uint8_t)(i % FB3_FOLDS);
    fb3_work work = {.context = context};
    double auc;
    if (fb3_boosted_name() != NULL) {
        ck_assert_int_eq(fb3_two_sample_test(&auc, NULL, &work, &p.pooled, NULL, 0, NULL), FLOWBD3_OK);
        ck_assert(auc > 0.57);
    }
    part(&p);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    flowbd3_table_destroy(&repeated);
}
END_TEST

/* ---- folds ------------------------------------------------------------------------------------------ */

START_TEST(folds_are_equal_and_keep_copies_together) {
    size_t rows[ROWS], counts[FB3_FOLDS][2] = {{0}};
    flowbd3_table *a = normal_table(ROWS, 0.0, 0.5, 1), *b = normal_table(ROWS, 0.0, 0.5, 2), *repeated;
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i * i % (ROWS - 1);
    ck_assert_int_eq(flowbd3_table_take(&repeated, b, rows, ROWS, NULL), FLOWBD3_OK);
    pair p;
    pair_up(&p, a, repeated, 1000, 3);
    ck_assert_uint_eq(p.pooled.rows, 2000);
    for (size_t i = 0; i < p.pooled.rows; i++) {
        counts[p.pooled.fold[i]][p.pooled.other[i]]++;
        if (i > 0 && p.pooled.cells[i] == p.pooled.cells[i - 1])
            ck_assert_uint_eq(p.pooled.fold[i], p.pooled.fold[i - 1]);
    }
    for (size_t f = 0; f < FB3_FOLDS; f++)
        for (size_t k = 0; k < 2; k++)
            ck_assert_uint_eq(counts[f][k], 200);
    part(&p);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    flowbd3_table_destroy(&repeated);
}
END_TEST

static flowbd3_table *constant_table(size_t rows, double x, const char *text) {
    double *numbers = malloc(rows * sizeof *numbers);
    const char **texts = malloc(rows * sizeof *texts);
    for (size_t i = 0; i < rows; i++) {
        numbers[i] = x;
        texts[i] = text;
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", numbers, NULL, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "t", texts, rows, NULL), FLOWBD3_OK);
    free(numbers);
    free(texts);
    return table;
}

/* ---- degenerate tables ------------------------------------------------------------------------------ */

START_TEST(tables_of_one_row_over_and_over) {
    flowbd3_table *a = constant_table(40, 1.0, "a"), *b = constant_table(30, 2.0, "a"),
                  *c = constant_table(40, 1.0, "c"), *none = constant_table(40, NAN, NULL);
    const flowbd3_table *apart[] = {b, c, none};
    ck_assert(figure(a, a, NULL, "summary.c2st_auc") == 0.5);
    ck_assert(figure(a, a, NULL, "summary.c2st_auc_logistic") == 0.5);
    ck_assert(figure(none, none, NULL, "summary.c2st_auc") == 0.5);
    for (size_t i = 0; i < FB3_COUNT(apart); i++) {
        ck_assert(figure(a, apart[i], NULL, "summary.c2st_auc") == 1.0);
        ck_assert(figure(a, apart[i], NULL, "summary.c2st_auc_logistic") == 1.0);
        ck_assert(figure(apart[i], a, NULL, "summary.c2st_auc") == 1.0);
        ck_assert(isnan(figure(a, apart[i], "t", "summary.tstr")));
        ck_assert(isnan(figure(a, apart[i], "x", "summary.tstr")));
        ck_assert(isnan(figure(apart[i], a, "x", "summary.tstr")));
    }
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    flowbd3_table_destroy(&c);
    flowbd3_table_destroy(&none);
}
END_TEST

START_TEST(fewer_rows_than_folds) {
    flowbd3_table *few = normal_table(FB3_FOLDS - 1, 0.0, 0.5, 1), *many = normal_table(50, 0.0, 0.5, 2),
                  *enough = normal_table(FB3_FOLDS, 0.0, 0.5, 3);
    ck_assert(isnan(figure(few, many, "t", "summary.c2st_auc")));
    ck_assert(isnan(figure(many, few, "t", "summary.c2st_auc_logistic")));
    ck_assert(isnan(figure(many, few, "t", "summary.tstr")));
    double auc = figure(many, enough, NULL, "summary.c2st_auc");
    ck_assert(auc >= 0.0 && auc <= 1.0);
    flowbd3_table_destroy(&few);
    flowbd3_table_destroy(&many);
    flowbd3_table_destroy(&enough);
}
END_TEST

START_TEST(numbers_without_bounds) {
    static const double huge[] = {-1.7e308, 1.7e308, 5e-324, 0.0, 1e300, -1e300, 1.0, -1.0};
    static const int64_t large[] = {INT64_MIN, INT64_MAX, 0, 1, -1, INT64_MAX - 1, 7, 7};
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", huge, NULL, 8, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "n", large, NULL, 8, NULL), FLOWBD3_OK);
    ck_assert(figure(table, table, "x", "summary.c2st_auc") == 0.5);
    ck_assert(figure(table, table, "x", "summary.c2st_auc_logistic") == 0.5);
    ck_assert(isfinite(figure(table, table, "x", "summary.tstr")));
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- targets ---------------------------------------------------------------------------------------- */

START_TEST(rows_without_the_relation_teach_nothing) {
    flowbd3_table *real = normal_table(ROWS, 0.0, 0.9, 1), *second = normal_table(ROWS, 0.0, 0.9, 2),
                  *good = normal_table(ROWS, 0.0, 0.9, 3), *bad = normal_table(ROWS, 0.0, -0.9, 4);
    for (int k = 0; k < 2; k++) {
        const char *target = k == 0 ? "t" : "y";
        flowbd3_evaluator *evaluator = evaluate(real, second, good, target, 0);
        double tstr = flowbd3_evaluator_get(evaluator, "summary.tstr"),
               trtr = flowbd3_evaluator_get(evaluator, "summary.trtr");
        assert_near("tstr beside trtr", tstr, trtr, 0.05);
        ck_assert(trtr > 0.7 && trtr < 0.95);
        ck_assert(flowbd3_evaluator_get(evaluator, "floor.tstr") == trtr);
        ck_assert(flowbd3_evaluator_get(evaluator, "floor.trtr") == trtr);
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, bad, NULL, NULL, NULL), FLOWBD3_OK);
        ck_assert(flowbd3_evaluator_get(evaluator, "summary.trtr") == trtr);
        if (k == 1)
            ck_assert(flowbd3_evaluator_get(evaluator, "summary.tstr") < 0.0);
        flowbd3_evaluator_destroy(&evaluator);
    }
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&second);
    flowbd3_table_destroy(&good);
    flowbd3_table_destroy(&bad);
}
END_TEST

START_TEST(targets_that_are_not_there) {
    flowbd3_table *a = normal_table(60, 0.0, 0.9, 1), *b = normal_table(60, 0.0, 0.9, 2), *alone;
    flowbd3_evaluator *evaluator = evaluate(a, b, b, NULL, 0);
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.tstr")));
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.trtr")));
    flowbd3_evaluator_destroy(&evaluator);
    evaluator = evaluate(a, NULL, b, "t", 0);
    ck_assert(isfinite(flowbd3_evaluator_get(evaluator, "summary.tstr")));
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.trtr")));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_error err = {0};
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.target = "z";
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, a, NULL, &options, &err),
                     FLOWBD3_ERROR_SCHEMA);
    ck_assert_str_eq(err.message, "the target 'z' is no column of the real table");
    options.groups = FLOWBD3_METRICS_MARGINALS;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, a, NULL, &options, &err),
                     FLOWBD3_ERROR_SCHEMA);
    ck_assert_int_eq(flowbd3_table_select(&alone, a, (const char *const[]){"t"}, 1, NULL), FLOWBD3_OK);
    ck_assert(isnan(figure(alone, alone, "t", "summary.tstr")));
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    flowbd3_table_destroy(&alone);
}
END_TEST

/* ---- the report, the seed, threads ------------------------------------------------------------------- */

START_TEST(report_says_which_classifier) {
    flowbd3_table *a = normal_table(50, 0.0, 0.5, 1);
    flowbd3_evaluator *evaluator = evaluate(a, NULL, a, NULL, 0);
    char *text;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    json_t *report = json_loads(text, 0, NULL);
    const char *name = json_string_value(json_object_get(report, "classifier"));
    bool trees = strstr(flowbd3_build_info(), "with XGBoost") != NULL;
    ck_assert_int_eq(strncmp(name, "XGBoost ", 8) == 0, trees);
    ck_assert_int_eq(strcmp(name, "logistic regression") == 0, !trees);
    if (!trees)
        ck_assert(flowbd3_evaluator_get(evaluator, "summary.c2st_auc") ==
                  flowbd3_evaluator_get(evaluator, "summary.c2st_auc_logistic"));
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&a);
}
END_TEST

START_TEST(threads_change_no_bit) {
    flowbd3_table *a = normal_table(ROWS, 0.0, 0.5, 1), *b = normal_table(ROWS, 0.1, 0.6, 2);
    double auc[4], tstr[4];
    for (uint32_t threads = 1; threads <= 4; threads++) {
        flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
        options.threads = threads;
        flowbd3_context *before = context;
        ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
        flowbd3_evaluator *evaluator = evaluate(a, NULL, b, "y", 700);
        auc[threads - 1] = flowbd3_evaluator_get(evaluator, "summary.c2st_auc");
        tstr[threads - 1] = flowbd3_evaluator_get(evaluator, "summary.tstr");
        flowbd3_evaluator_destroy(&evaluator);
        flowbd3_context_destroy(&context);
        context = before;
    }
    for (size_t i = 1; i < 4; i++)
        ck_assert(auc[i] == auc[0] && tstr[i] == tstr[0]);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
}
END_TEST

/* ---- progress ---------------------------------------------------------------------------------------- */

typedef struct steps {
    uint64_t done, total, cancel_from; /* cancel_from: steps done */
} steps;

static int watch_steps(void *user, const flowbd3_progress *progress) {
    steps *w = user;
    ck_assert_uint_ge(progress->done, w->done);
    w->done = progress->done;
    w->total = progress->total;
    return w->done >= w->cancel_from;
}

/* The last steps of a run are those of classifiers. */
START_TEST(progress_ends_at_its_total) {
    flowbd3_table *a = normal_table(400, 0.0, 0.5, 1), *b = normal_table(300, 0.0, 0.5, 2);
    flowbd3_evaluator *evaluator;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.target = "t";
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, a, b, &options, NULL), FLOWBD3_OK);
    /* The first run has the floor to do as well. */
    const flowbd3_table *generated[] = {a, a, b, a};
    steps w = {0};
    uint64_t total = 0;
    double figures[FB3_COUNT(generated)];
    for (size_t i = 0; i < FB3_COUNT(generated); i++) {
        w = (steps){0, 0, UINT64_MAX};
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated[i], watch_steps, &w, NULL), FLOWBD3_OK);
        ck_assert_uint_eq(w.done, w.total);
        total = generated[i] == b ? w.total : total;
        figures[i] = flowbd3_evaluator_get(evaluator, "summary.tstr");
    }
    ck_assert(figures[1] == figures[0] && figures[2] != figures[0] && figures[3] == figures[0]);
    w = (steps){0, 0, total};
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, b, watch_steps, &w, NULL), FLOWBD3_CANCELLED);
    ck_assert(flowbd3_evaluator_get(evaluator, "summary.tstr") == figures[0]);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("classifier");
    TCase *tests = tcase_create("classifier");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, logistic_regression_as_in_scikit_learn);
    tcase_add_test(tests, boosted_trees_as_in_python);
    tcase_add_test(tests, targets_as_in_python);
    tcase_add_test(tests, pairs_in_order);
    tcase_add_test(tests, one_distribution_is_not_told_apart);
    tcase_add_test(tests, distributions_apart_are_told_apart);
    tcase_add_test(tests, dependence_is_seen_by_trees_alone);
    tcase_add_test(tests, copies_do_not_help);
    tcase_add_test(tests, folds_are_equal_and_keep_copies_together);
    tcase_add_test(tests, tables_of_one_row_over_and_over);
    tcase_add_test(tests, fewer_rows_than_folds);
    tcase_add_test(tests, numbers_without_bounds);
    tcase_add_test(tests, rows_without_the_relation_teach_nothing);
    tcase_add_test(tests, targets_that_are_not_there);
    tcase_add_test(tests, report_says_which_classifier);
    tcase_add_test(tests, threads_change_no_bit);
    tcase_add_test(tests, progress_ends_at_its_total);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
