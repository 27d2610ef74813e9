/* The evaluator's figures over ranks, bins and pairs of columns: against SciPy, NumPy and scikit-learn
 * (tests/golden/association.py), by hand where input is degenerate, and what they see that others do not. */
#include "evaluated.h"
#include "evaluator/evaluator.h"
#include "golden_table.h"
#include "test_main.h"
#include "two_threads.h"

static flowbd3_evaluator *evaluate(const flowbd3_table *real, const flowbd3_table *second,
                                   const flowbd3_table *generated) {
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.max_rows = 100; /* of the distances between rows, which are not looked at here */
    return evaluated(context, real, second, generated, &options);
}

static double get(const flowbd3_evaluator *evaluator, const char *name) {
    return flowbd3_evaluator_get(evaluator, name);
}

/* ---- golden ------------------------------------------------------------------------------------------ */

static void assert_matrix(const flowbd3_evaluator *evaluator, const char *name, flowbd3_sample which,
                          json_t *rows) {
    size_t n;
    const size_t *columns;
    const double *matrix = flowbd3_evaluator_matrix(evaluator, name, which, &n, &columns);
    ck_assert_msg(matrix != NULL, "%s, %d", name, which);
    ck_assert_uint_eq(n, json_array_size(rows));
    for (size_t i = 0; i < n; i++) {
        ck_assert(i == 0 || columns[i] > columns[i - 1]);
        for (size_t j = 0; j < n; j++)
            assert_close(name, matrix[i * n + j],
                         json_number_value(json_array_get(json_array_get(rows, i), j)));
    }
}

/* group: summary or floor; side: the other table's in flowbd3_evaluator_matrix. */
static void assert_expected(const flowbd3_evaluator *evaluator, const char *group, const char *key_prefix,
                            flowbd3_sample side, json_t *expected) {
    const char *name;
    json_t *value;
    char prefix[128];
    snprintf(prefix, sizeof prefix, "%s.", group);
    assert_figures(evaluator, prefix, json_object_get(expected, "summary"));
    json_object_foreach(json_object_get(expected, "columns"), name, value) {
        snprintf(prefix, sizeof prefix, "columns.%s.%s", name, key_prefix);
        assert_figures(evaluator, prefix, value);
    }
    json_object_foreach(json_object_get(expected, "matrices"), name, value) {
        if (strcmp(name, "pair_tvd") != 0)
            assert_matrix(evaluator, name, FLOWBD3_SAMPLE_REAL, json_array_get(value, 0));
        assert_matrix(evaluator, name, side, json_array_get(value, 1));
    }
}

/* The tables stand in the file of that name, the figures in that of expected. */
static void check_golden(const char *tables_name, const char *expected_name) {
    json_t *tables = golden_content(tables_name), *content = golden_content(expected_name);
    json_t *floor = json_object_get(content, "floor");
    flowbd3_table *real = golden_table(context, json_object_get(tables, "real"));
    flowbd3_table *generated = golden_table(context, json_object_get(tables, "generated"));
    flowbd3_table *second = floor != NULL ? golden_table(context, json_object_get(tables, "second")) : NULL;
    flowbd3_evaluator *evaluator = evaluate(real, second, generated);
    assert_expected(evaluator, "summary", "", FLOWBD3_SAMPLE_GENERATED, json_object_get(content, "expected"));
    if (floor != NULL)
        assert_expected(evaluator, "floor", "floor_", FLOWBD3_SAMPLE_SECOND_REAL, floor);
    else
        ck_assert_ptr_null(
            flowbd3_evaluator_matrix(evaluator, "nmi", FLOWBD3_SAMPLE_SECOND_REAL, NULL, NULL));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
    flowbd3_table_destroy(&second);
    json_decref(tables);
    json_decref(content);
}

START_TEST(golden_mixed_table_with_floor) {
    check_golden("mixed", "association_mixed");
}
END_TEST

START_TEST(golden_complete_table) {
    check_golden("complete", "association_complete");
}
END_TEST

START_TEST(golden_many_categories_and_few_numbers) {
    check_golden("association_many", "association_many");
}
END_TEST

/* ---- tables made here -------------------------------------------------------------------------------- */

static flowbd3_table *new_table(void) {
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    return table;
}

static void add_real(flowbd3_table *table, const char *name, const double *x, const uint8_t *valid,
                     size_t rows) {
    ck_assert_int_eq(flowbd3_table_add_real(table, name, x, valid, rows, NULL), FLOWBD3_OK);
}

static void add_texts(flowbd3_table *table, const char *name, const char *const *texts, size_t rows) {
    ck_assert_int_eq(flowbd3_table_add_categorical(table, name, texts, rows, NULL), FLOWBD3_OK);
}

/* ---- bins -------------------------------------------------------------------------------------------- */

START_TEST(bins_are_even_without_ties) {
    fb3_bins bins;
    double x[1000];
    uint64_t counts[FB3_MARGINAL_BINS];
    for (size_t i = 0; i < 1000; i++)
        x[i] = (double)i * 0.1;
    fb3_bins_cut(&bins, x, 1000, FB3_MARGINAL_BINS);
    ck_assert_uint_eq(bins.n_cuts, FB3_MARGINAL_BINS - 1);
    fb3_bins_count(counts, &bins, x, 1000);
    for (size_t k = 0; k < FB3_MARGINAL_BINS; k++)
        ck_assert_uint_eq(counts[k], 1000 / FB3_MARGINAL_BINS);
}
END_TEST

/* Below, at and above a constant are three bins; a value of half the rows does not share its bin. */
START_TEST(frequent_values_are_bins_of_their_own) {
    fb3_bins bins;
    double x[100], probe[] = {-1.0, 0.0, 5e-324, 1.0};
    uint64_t counts[FB3_MARGINAL_BINS];
    for (size_t i = 0; i < 100; i++)
        x[i] = i < 50 ? 0.0 : (double)i;
    fb3_bins_cut(&bins, x, 100, FB3_PAIR_BINS);
    ck_assert_uint_lt(bins.n_cuts, FB3_PAIR_BINS);
    fb3_bins_count(counts, &bins, x, 100);
    ck_assert_uint_eq(counts[0], 0);
    ck_assert_uint_eq(counts[1], 50);
    fb3_bins_cut(&bins, x, 50, FB3_PAIR_BINS);
    ck_assert_uint_eq(bins.n_cuts, 2);
    fb3_bins_count(counts, &bins, probe, 4);
    ck_assert_uint_eq(counts[0], 1);
    ck_assert_uint_eq(counts[1], 1);
    ck_assert_uint_eq(counts[2], 2);
    fb3_bins_cut(&bins, x, 1, FB3_PAIR_BINS);
    ck_assert_uint_eq(bins.n_cuts, 0);
    fb3_bins_cut(&bins, x, 0, FB3_PAIR_BINS);
    ck_assert_uint_eq(bins.n_cuts, 0);
}
END_TEST

START_TEST(no_column_has_more_bins_than_allowed) {
    for (uint64_t trial = 0; trial < 500; trial++) {
        fb3_bins bins;
        double x[300], value = 0.0;
        size_t n = 1 + (size_t)(trial % 300);
        for (size_t i = 0; i < n; i++) {
            uint32_t word[4];
            fb3_random(word, trial, FB3_RANDOM_DECODE, i, 0);
            value += word[0] % 20 == 0 || trial % 3 == 0 ? 1.0 + word[1] % 3 : 0.0;
            x[i] = value;
        }
        fb3_bins_cut(&bins, x, n, FB3_PAIR_BINS);
        ck_assert_uint_lt(bins.n_cuts, FB3_PAIR_BINS);
        for (size_t k = 1; k < bins.n_cuts; k++)
            ck_assert(bins.cuts[k] > bins.cuts[k - 1]);
    }
}
END_TEST

/* ---- degenerate input -------------------------------------------------------------------------------- */

/* x and t, each with cells or without. */
static flowbd3_table *with_missing(bool x_there, bool t_there) {
    static const double x[] = {1, 2, 3};
    static const char *const t[] = {"a", "b", "b"}, *const none[3] = {NULL};
    static const uint8_t missing[3] = {0};
    flowbd3_table *table = new_table();
    add_real(table, "x", x, x_there ? NULL : missing, 3);
    add_texts(table, "t", t_there ? t : none, 3);
    return table;
}

START_TEST(column_without_a_cell) {
    for (int real_there = 0; real_there <= 1; real_there++)
        for (int there = 0; there <= 1; there++) {
            flowbd3_table *real = with_missing(real_there, real_there);
            flowbd3_table *generated = with_missing(there, there);
            flowbd3_evaluator *evaluator = evaluate(real, NULL, generated);
            double apart = real_there != there ? 1.0 : 0.0;
            ck_assert(get(evaluator, "columns.x.js") == apart);
            ck_assert(get(evaluator, "columns.t.js") == apart);
            ck_assert(get(evaluator, "summary.pair_tvd_max") == apart);
            ck_assert_int_eq(isnan(get(evaluator, "columns.x.emd_rank")) != 0, real_there != there);
            ck_assert_int_eq(isnan(get(evaluator, "columns.x.quantile_difference")) != 0,
                             real_there != there);
            ck_assert_int_eq(isnan(get(evaluator, "columns.x.support_coverage")) != 0, !real_there);
            ck_assert_int_eq(isnan(get(evaluator, "columns.t.category_coverage")) != 0, !real_there);
            if (real_there)
                ck_assert(get(evaluator, "columns.x.support_coverage") == there);
            if (real_there)
                ck_assert(get(evaluator, "columns.t.category_coverage") == there);
            ck_assert(isfinite(get(evaluator, "summary.association_mean")));
            flowbd3_evaluator_destroy(&evaluator);
            flowbd3_table_destroy(&real);
            flowbd3_table_destroy(&generated);
        }
}
END_TEST

START_TEST(constant_columns) {
    static const double seven[] = {7, 7, 7, 7}, eight[] = {8, 8, 8, 8}, near[] = {6, 7, 7, 8};
    static const char *const same[] = {"a", "a", "a", "a"};
    flowbd3_table *real = new_table(), *generated = new_table();
    add_real(real, "moved", seven, NULL, 4);
    add_real(real, "spread", seven, NULL, 4);
    add_texts(real, "t", same, 4);
    add_real(generated, "moved", eight, NULL, 4);
    add_real(generated, "spread", near, NULL, 4);
    add_texts(generated, "t", same, 4);
    flowbd3_evaluator *evaluator = evaluate(real, NULL, generated);
    ck_assert(get(evaluator, "columns.moved.js") == 1.0);
    ck_assert(get(evaluator, "columns.moved.emd_rank") == 0.5);
    ck_assert(get(evaluator, "columns.moved.support_coverage") == 0.0);
    ck_assert(isnan(get(evaluator, "columns.moved.quantile_difference")));
    ck_assert(get(evaluator, "columns.spread.emd_rank") == 0.25);
    ck_assert(get(evaluator, "columns.spread.support_coverage") == 1.0);
    ck_assert(get(evaluator, "columns.t.category_coverage") == 1.0);
    size_t n;
    const double *nmi = flowbd3_evaluator_matrix(evaluator, "nmi", FLOWBD3_SAMPLE_REAL, &n, NULL);
    ck_assert_uint_eq(n, 3);
    /* Two constants: 1; a constant and what varies: 0. */
    ck_assert(nmi[0 * n + 2] == 1.0);
    ck_assert(flowbd3_evaluator_matrix(evaluator, "nmi", FLOWBD3_SAMPLE_GENERATED, NULL, NULL)[1 * n + 2] ==
              0.0);
    const double *association =
        flowbd3_evaluator_matrix(evaluator, "association", FLOWBD3_SAMPLE_REAL, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            ck_assert(association[i * n + j] == (i == j ? 1.0 : 0.0));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* 5 % and 95 % quantiles are both 0: the standard deviation takes their place. */
START_TEST(quantiles_of_a_nearly_constant_column) {
    double x[40] = {0.0}, y[40];
    x[7] = 10.0;
    for (size_t i = 0; i < 40; i++)
        y[i] = 1.0;
    flowbd3_table *real = new_table(), *generated = new_table();
    add_real(real, "x", x, NULL, 40);
    add_real(generated, "x", y, NULL, 40);
    flowbd3_evaluator *evaluator = evaluate(real, NULL, generated);
    assert_close("quantile difference", get(evaluator, "columns.x.quantile_difference"),
                 1.0 / sqrt(100.0 / 40.0 - 0.25 * 0.25));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(one_row_against_one_row) {
    static const double three = 3.0, five = 5.0;
    static const char *const a[] = {"a"}, *const b[] = {"b"};
    flowbd3_table *real = new_table(), *generated = new_table();
    add_real(real, "x", &three, NULL, 1);
    add_texts(real, "t", a, 1);
    add_real(generated, "x", &five, NULL, 1);
    add_texts(generated, "t", b, 1);
    flowbd3_evaluator *evaluator = evaluate(real, NULL, generated);
    ck_assert(get(evaluator, "columns.x.emd_rank") == 0.5);
    ck_assert(isnan(get(evaluator, "columns.x.quantile_difference")));
    /* A single number has a single bin. */
    ck_assert(get(evaluator, "columns.x.js") == 0.0);
    ck_assert(get(evaluator, "columns.t.js") == 1.0);
    ck_assert(get(evaluator, "summary.category_coverage_mean") == 0.0);
    ck_assert(get(evaluator, "summary.pair_tvd_mean") == 1.0);
    ck_assert(get(evaluator, "summary.association_max") == 0.0);
    ck_assert(isnan(get(evaluator, "summary.spearman_mean")));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* A table of a single column has no pairs. */
START_TEST(one_column) {
    static const double x[] = {1, 2, 3};
    flowbd3_table *table = new_table();
    add_real(table, "x", x, NULL, 3);
    flowbd3_evaluator *evaluator = evaluate(table, NULL, table);
    ck_assert(isnan(get(evaluator, "summary.nmi_diff")));
    ck_assert(isnan(get(evaluator, "summary.pair_tvd_mean")));
    char *text;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    json_t *report = json_loads(text, 0, NULL), *pairs = json_object_get(report, "pairs");
    ck_assert(json_is_array(pairs));
    ck_assert_uint_eq(json_array_size(pairs), 0);
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(numbers_at_the_ends_of_the_range) {
    static const double x[] = {-1.7e308, 1.7e308, 1.7e308, 0.0}, y[] = {1e-310, 5e-324, 0.0, 3e-310};
    static const char *const t[] = {"a", "b", "b", "a"};
    flowbd3_table *real = new_table(), *generated = new_table();
    for (int side = 0; side < 2; side++) {
        flowbd3_table *table = side == 0 ? real : generated;
        add_real(table, "x", x, NULL, 4);
        add_real(table, "y", y, NULL, 4);
        add_texts(table, "t", t, 4);
        add_real(table, "z", side == 0 ? x : y, NULL, 4);
    }
    flowbd3_evaluator *evaluator = evaluate(real, NULL, generated);
    ck_assert(get(evaluator, "columns.x.quantile_difference") == 0.0);
    ck_assert(get(evaluator, "columns.y.js") == 0.0);
    size_t n;
    const double *eta = flowbd3_evaluator_matrix(evaluator, "association", FLOWBD3_SAMPLE_REAL, &n, NULL);
    /* By hand: t = a, b, b, a. x in units of 1.7e308: -1, 1, 1, 0; y in units of 1e-310: 1, 0, 0, 3. */
    assert_close("eta of x", eta[0 * n + 2], sqrt(2.25 / 2.75));
    assert_close("eta of y", eta[1 * n + 2], sqrt(4.0 / 6.0));
    for (size_t i = 0; i < flowbd3_evaluator_count(evaluator); i++) {
        double value;
        ck_assert_ptr_nonnull(flowbd3_evaluator_figure(evaluator, i, &value));
        ck_assert(isfinite(value));
    }
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* ---- many categories --------------------------------------------------------------------------------- */

/* Addresses of which each is there once, beside the number of its last digit. */
START_TEST(every_row_its_own_category) {
    enum { ROWS = 5000 };
    char(*texts)[16] = malloc(ROWS * sizeof *texts);
    const char **t = malloc(ROWS * sizeof *t);
    double *x = malloc(ROWS * sizeof *x);
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(texts[i], sizeof *texts, "host %zu", i);
        t[i] = texts[i];
        x[i] = (double)(i % 10);
    }
    flowbd3_table *real = new_table();
    add_texts(real, "t", t, ROWS);
    add_real(real, "x", x, NULL, ROWS);
    flowbd3_evaluator *evaluator = evaluate(real, NULL, real);
    ck_assert(get(evaluator, "columns.t.category_coverage") == 1.0);
    ck_assert(get(evaluator, "summary.nmi_diff") == 0.0);
    ck_assert(get(evaluator, "summary.pair_tvd_max") == 0.0);
    /* All but 50 of them are one category, which has each digit as often as the table has. */
    ck_assert_double_lt(flowbd3_evaluator_matrix(evaluator, "nmi", FLOWBD3_SAMPLE_REAL, NULL, NULL)[1], 0.1);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    free(texts);
    free(t);
    free(x);
}
END_TEST

/* ---- what they see ----------------------------------------------------------------------------------- */

/* Rows of a number, twice that number with noise, and its category; each column shuffled on its own if asked.
 */
static flowbd3_table *dependent_table(size_t rows, uint64_t seed, bool shuffled) {
    static const char *const names[] = {"none", "few", "some", "many"};
    double *x = malloc(rows * sizeof *x), *y = malloc(rows * sizeof *y);
    const char **t = malloc(rows * sizeof *t);
    size_t *order = malloc(3 * rows * sizeof *order);
    for (size_t c = 0; c < 3; c++)
        fb3_permutation(order + c * rows, rows, seed + c, FB3_RANDOM_SHUFFLE, 0);
    for (size_t i = 0; i < rows; i++) {
        uint32_t word[4];
        fb3_random(word, seed, FB3_RANDOM_DECODE, i, 0);
        double value = word[0] % 1000;
        x[shuffled ? order[i] : i] = value;
        y[shuffled ? order[rows + i] : i] = 2.0 * value + word[1] % 100;
        t[shuffled ? order[2 * rows + i] : i] = names[(size_t)value / 250];
    }
    flowbd3_table *table = new_table();
    add_real(table, "x", x, NULL, rows);
    add_real(table, "y", y, NULL, rows);
    add_texts(table, "t", t, rows);
    free(x);
    free(y);
    free(t);
    free(order);
    return table;
}

START_TEST(identical_tables_differ_nowhere) {
    static const char *const zero[] = {"emd_rank_mean", "quantile_difference_mean", "js_mean",
                                       "spearman_mean", "association_frobenius",    "nmi_diff_max",
                                       "pair_tvd_max"};
    flowbd3_table *table = dependent_table(700, 3, false);
    flowbd3_evaluator *evaluator = evaluate(table, table, table);
    for (size_t i = 0; i < FB3_COUNT(zero); i++) {
        char name[64];
        snprintf(name, sizeof name, "summary.%s", zero[i]);
        ck_assert_msg(get(evaluator, name) == 0.0, "%s", name);
        snprintf(name, sizeof name, "floor.%s", zero[i]);
        ck_assert_msg(get(evaluator, name) == 0.0, "%s", name);
    }
    ck_assert(get(evaluator, "summary.support_coverage_mean") == 1.0);
    ck_assert(get(evaluator, "summary.category_coverage_mean") == 1.0);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(independence_is_seen_by_pairs_alone) {
    flowbd3_table *real = dependent_table(4000, 1, false), *second = dependent_table(4000, 2, false),
                  *generated = dependent_table(4000, 2, true);
    flowbd3_evaluator *evaluator = evaluate(real, second, generated);
    static const char *const marginal[] = {"ks_mean", "emd_rank_mean", "js_mean", "tvd_mean"};
    static const char *const joint[] = {"nmi_diff", "pair_tvd_mean", "association_mean", "spearman_mean"};
    for (size_t i = 0; i < FB3_COUNT(marginal); i++) {
        char name[64], floor[64];
        snprintf(name, sizeof name, "summary.%s", marginal[i]);
        snprintf(floor, sizeof floor, "floor.%s", marginal[i]);
        ck_assert_msg(get(evaluator, name) == get(evaluator, floor), "%s", name);
        snprintf(name, sizeof name, "summary.%s", joint[i]);
        snprintf(floor, sizeof floor, "floor.%s", joint[i]);
        ck_assert_msg(get(evaluator, name) > 0.4, "%s is %g", name, get(evaluator, name));
        ck_assert_msg(get(evaluator, floor) < 0.1, "%s is %g", floor, get(evaluator, floor));
    }
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&second);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* ---- matrices and the report ------------------------------------------------------------------------- */

START_TEST(matrices_by_name) {
    static const char *const names[] = {"pearson", "spearman", "association", "nmi", "pair_tvd"};
    flowbd3_table *real = dependent_table(200, 1, false), *generated = dependent_table(300, 2, true);
    flowbd3_evaluator *evaluator;
    const size_t *columns = &(size_t){0};
    size_t n = 9;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, NULL, NULL, NULL), FLOWBD3_OK);
    for (size_t k = 0; k < FB3_COUNT(names); k++)
        ck_assert_ptr_null(flowbd3_evaluator_matrix(evaluator, names[k], FLOWBD3_SAMPLE_REAL, &n, &columns));
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_null(columns);
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL), FLOWBD3_OK);
    for (size_t k = 0; k < FB3_COUNT(names); k++) {
        for (int which = 0; which < 2; which++) {
            ck_assert_ptr_nonnull(
                flowbd3_evaluator_matrix(evaluator, names[k], (flowbd3_sample)which, &n, &columns));
            ck_assert_uint_eq(n, k < 2 ? 2 : 3);
            ck_assert_uint_eq(columns[n - 1], n - 1);
        }
        ck_assert_ptr_null(
            flowbd3_evaluator_matrix(evaluator, names[k], FLOWBD3_SAMPLE_SECOND_REAL, &n, NULL));
        ck_assert_ptr_null(flowbd3_evaluator_matrix(evaluator, names[k], (flowbd3_sample)-1, &n, NULL));
        ck_assert_ptr_null(flowbd3_evaluator_matrix(evaluator, names[k], (flowbd3_sample)3, &n, NULL));
    }
    ck_assert_ptr_null(flowbd3_evaluator_matrix(evaluator, "kendall", FLOWBD3_SAMPLE_REAL, NULL, NULL));
    ck_assert_ptr_null(flowbd3_evaluator_matrix(evaluator, NULL, FLOWBD3_SAMPLE_REAL, NULL, NULL));
    ck_assert_ptr_null(flowbd3_evaluator_matrix(NULL, "nmi", FLOWBD3_SAMPLE_REAL, NULL, NULL));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

static size_t column_of(const flowbd3_table *table, json_t *pair, size_t side) {
    json_t *name = json_array_get(json_object_get(pair, "columns"), side);
    int64_t column = flowbd3_table_find(table, json_string_value(name));
    ck_assert_int_ge(column, 0);
    return (size_t)column;
}

START_TEST(report_lists_the_worst_pairs_first) {
    static const struct {
        const char *member, *matrix;
        flowbd3_sample which;
    } members[] = {{"tvd", "pair_tvd", FLOWBD3_SAMPLE_GENERATED},
                   {"floor_tvd", "pair_tvd", FLOWBD3_SAMPLE_SECOND_REAL},
                   {"nmi_real", "nmi", FLOWBD3_SAMPLE_REAL},
                   {"nmi_generated", "nmi", FLOWBD3_SAMPLE_GENERATED},
                   {"association_real", "association", FLOWBD3_SAMPLE_REAL},
                   {"association_generated", "association", FLOWBD3_SAMPLE_GENERATED}};
    flowbd3_table *real = dependent_table(500, 1, false), *generated = dependent_table(400, 2, true);
    flowbd3_evaluator *evaluator = evaluate(real, real, generated);
    char *text;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    json_t *report = json_loads(text, 0, NULL), *pair;
    size_t i, n = 3;
    double last = INFINITY;
    ck_assert_uint_eq(json_array_size(json_object_get(report, "pairs")), n);
    json_array_foreach(json_object_get(report, "pairs"), i, pair) {
        size_t at = column_of(real, pair, 0) * n + column_of(real, pair, 1);
        double tvd = json_number_value(json_object_get(pair, "tvd"));
        ck_assert(tvd <= last);
        last = tvd;
        for (size_t k = 0; k < FB3_COUNT(members); k++)
            ck_assert(
                json_number_value(json_object_get(pair, members[k].member)) ==
                flowbd3_evaluator_matrix(evaluator, members[k].matrix, members[k].which, NULL, NULL)[at]);
    }
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* 22 columns have 231 pairs, of which 200 are listed. */
START_TEST(report_of_many_pairs) {
    flowbd3_table *table = new_table();
    static const double x[] = {1, 2, 3, 5};
    for (int c = 0; c < 22; c++) {
        char name[24];
        snprintf(name, sizeof name, "column %d", c);
        add_real(table, name, x, NULL, 4);
    }
    flowbd3_evaluator *evaluator = evaluate(table, NULL, table);
    char *text;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    json_t *report = json_loads(text, 0, NULL), *pairs = json_object_get(report, "pairs");
    ck_assert_uint_eq(json_array_size(pairs), 200);
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluator_pairs");
    TCase *tests = tcase_create("evaluator_pairs");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, golden_mixed_table_with_floor);
    tcase_add_test(tests, golden_complete_table);
    tcase_add_test(tests, golden_many_categories_and_few_numbers);
    tcase_add_test(tests, bins_are_even_without_ties);
    tcase_add_test(tests, frequent_values_are_bins_of_their_own);
    tcase_add_test(tests, no_column_has_more_bins_than_allowed);
    tcase_add_test(tests, column_without_a_cell);
    tcase_add_test(tests, constant_columns);
    tcase_add_test(tests, quantiles_of_a_nearly_constant_column);
    tcase_add_test(tests, one_row_against_one_row);
    tcase_add_test(tests, one_column);
    tcase_add_test(tests, numbers_at_the_ends_of_the_range);
    tcase_add_test(tests, every_row_its_own_category);
    tcase_add_test(tests, identical_tables_differ_nowhere);
    tcase_add_test(tests, independence_is_seen_by_pairs_alone);
    tcase_add_test(tests, matrices_by_name);
    tcase_add_test(tests, report_lists_the_worst_pairs_first);
    tcase_add_test(tests, report_of_many_pairs);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
