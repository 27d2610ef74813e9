/* The evaluator room: properties that hold for all tables, degenerate input, names, progress, memory. */
#include "evaluated.h"
#include "evaluator/evaluator.h"
#include "test_main.h"
#include "two_threads.h"

#include <jansson.h>

/* ---- tables made here ------------------------------------------------------------------------------- */

static flowbd3_table *new_table(void) {
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    return table;
}

static void assert_close(const char *name, double value, double expected) {
    double error = fabs(value - expected);
    ck_assert_msg(error <= 1e-9 * fabs(expected) + 1e-13, "%s is %.17g, expected %.17g", name, value,
                  expected);
}

/* Three columns: real with ties, integer with missing cells, categorical with missing cells. */
static flowbd3_table *random_table(size_t rows, uint64_t seed) {
    static const char *const names[] = {"a", "b", "c", NULL};
    double *x = malloc(rows * sizeof *x);
    int64_t *n = malloc(rows * sizeof *n);
    uint8_t *valid = malloc(rows);
    const char **text = malloc(rows * sizeof *text);
    for (size_t i = 0; i < rows; i++) {
        uint32_t word[4];
        fb3_random(word, seed, FB3_RANDOM_DECODE, i, 0);
        x[i] = (double)(word[0] % 50) / 4.0;
        n[i] = (int64_t)(word[1] % 1000) - 500;
        valid[i] = word[2] % 7 != 0;
        text[i] = names[word[3] % 4];
    }
    flowbd3_table *table = new_table();
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "n", n, valid, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "t", text, rows, NULL), FLOWBD3_OK);
    free(x);
    free(n);
    free(valid);
    free(text);
    return table;
}

START_TEST(identical_tables_differ_nowhere) {
    static const char *const zero[] = {"ks_mean",
                                       "ks_max",
                                       "emd_mean",
                                       "emd_scaled_mean",
                                       "mean_difference_mean",
                                       "tvd_mean",
                                       "corr_frobenius",
                                       "corr_max",
                                       "corr_mean",
                                       "spearman_frobenius",
                                       "std_difference_mean",
                                       "tvd_max",
                                       "nearest_min",
                                       "nearest_mean",
                                       "nearest_std",
                                       "missing_difference_mean"};
    flowbd3_table *table = random_table(700, 1);
    flowbd3_evaluator *evaluator = evaluated(context, table, table, table, NULL);
    for (size_t i = 0; i < FB3_COUNT(zero); i++) {
        char name[64];
        snprintf(name, sizeof name, "summary.%s", zero[i]);
        ck_assert_msg(flowbd3_evaluator_get(evaluator, name) == 0.0, "%s", name);
        snprintf(name, sizeof name, "floor.%s", zero[i]);
        ck_assert_msg(flowbd3_evaluator_get(evaluator, name) == 0.0, "%s", name);
    }
    ck_assert(flowbd3_evaluator_get(evaluator, "columns.x.ks_p") == 1.0);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(swapped_tables_are_as_far_apart) {
    static const char *const same[] = {"columns.x.ks",  "columns.x.ks_p", "columns.n.ks",
                                       "columns.n.emd", "columns.t.tvd",  "summary.corr_frobenius"};
    flowbd3_table *a = random_table(311, 1), *b = random_table(470, 2);
    flowbd3_evaluator *there = evaluated(context, a, NULL, b, NULL),
                      *back = evaluated(context, b, NULL, a, NULL);
    for (size_t i = 0; i < FB3_COUNT(same); i++)
        assert_close(same[i], flowbd3_evaluator_get(there, same[i]), flowbd3_evaluator_get(back, same[i]));
    ck_assert(flowbd3_evaluator_get(there, "columns.x.ks") == flowbd3_evaluator_get(back, "columns.x.ks"));
    flowbd3_evaluator_destroy(&there);
    flowbd3_evaluator_destroy(&back);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
}
END_TEST

START_TEST(order_of_rows_and_columns_does_not_matter) {
    enum { ROWS = 400 };
    size_t order[ROWS];
    static const char *const names[] = {"t", "n", "x"};
    flowbd3_table *a = random_table(ROWS, 1), *b = random_table(ROWS, 2), *shuffled, *turned;
    fb3_permutation(order, ROWS, 5, FB3_RANDOM_SHUFFLE, 0);
    ck_assert_int_eq(flowbd3_table_take(&shuffled, b, order, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_select(&turned, shuffled, names, 3, NULL), FLOWBD3_OK);
    flowbd3_evaluator *first = evaluated(context, a, NULL, b, NULL),
                      *second = evaluated(context, a, NULL, turned, NULL);
    ck_assert_uint_eq(flowbd3_evaluator_count(first), flowbd3_evaluator_count(second));
    for (size_t i = 0; i < flowbd3_evaluator_count(first); i++) {
        double value;
        const char *name = flowbd3_evaluator_figure(first, i, &value);
        assert_close(name, flowbd3_evaluator_get(second, name), value);
    }
    flowbd3_evaluator_destroy(&first);
    flowbd3_evaluator_destroy(&second);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    flowbd3_table_destroy(&shuffled);
    flowbd3_table_destroy(&turned);
}
END_TEST

START_TEST(threads_change_no_bit) {
    char *reports[3] = {NULL};
    for (uint32_t threads = 1; threads <= 3; threads++) {
        flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
        options.threads = threads;
        flowbd3_context *other;
        ck_assert_int_eq(flowbd3_context_create(&other, &options, NULL), FLOWBD3_OK);
        flowbd3_table *a = random_table(900, 3), *b = random_table(1300, 4);
        flowbd3_evaluator *evaluator;
        flowbd3_evaluator_options o = FLOWBD3_EVALUATOR_OPTIONS_INIT;
        o.max_rows = 777;
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

/* ---- degenerate input -------------------------------------------------------------------------------- */

START_TEST(one_row_against_one_row) {
    flowbd3_table *real = new_table(), *generated = new_table();
    double three = 3.0, five = 5.0;
    int64_t four = 4;
    ck_assert_int_eq(flowbd3_table_add_real(real, "x", &three, NULL, 1, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(real, "y", &four, NULL, 1, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(generated, "x", &four, NULL, 1, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(generated, "y", &five, NULL, 1, NULL), FLOWBD3_OK);
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, NULL);
    ck_assert(flowbd3_evaluator_get(evaluator, "columns.x.ks") == 1.0);
    ck_assert(flowbd3_evaluator_get(evaluator, "columns.x.ks_p") == 1.0);
    ck_assert(flowbd3_evaluator_get(evaluator, "columns.x.emd") == 1.0);
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "columns.x.emd_scaled")));
    ck_assert(flowbd3_evaluator_get(evaluator, "columns.y.std_real") == 0.0);
    ck_assert(flowbd3_evaluator_get(evaluator, "summary.corr_frobenius") == 0.0);
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.tvd_mean")));
    /* Both columns are constant in the real table: another value is 1 away. */
    assert_close("nearest", flowbd3_evaluator_get(evaluator, "summary.nearest_mean"), sqrt(2.0));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

static flowbd3_table *with_missing(bool x_there, bool t_there) {
    static const double x[] = {1, 2, 3};
    static const char *const t[] = {"a", "b", "b"}, *const none[3] = {NULL};
    static const uint8_t missing[3] = {0};
    flowbd3_table *table = new_table();
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, x_there ? NULL : missing, 3, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "t", t_there ? t : none, 3, NULL), FLOWBD3_OK);
    return table;
}

START_TEST(column_without_a_cell) {
    for (int real_there = 0; real_there <= 1; real_there++)
        for (int generated_there = 0; generated_there <= 1; generated_there++) {
            flowbd3_table *real = with_missing(real_there, real_there);
            flowbd3_table *generated = with_missing(generated_there, generated_there);
            flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, NULL);
            double apart = real_there != generated_there ? 1.0 : 0.0;
            ck_assert(flowbd3_evaluator_get(evaluator, "columns.x.ks") == apart);
            ck_assert(flowbd3_evaluator_get(evaluator, "columns.t.tvd") == apart);
            ck_assert(flowbd3_evaluator_get(evaluator, "columns.x.missing_difference") == apart);
            ck_assert_int_eq(isnan(flowbd3_evaluator_get(evaluator, "columns.x.mean_real")) != 0,
                             !real_there);
            ck_assert(isfinite(flowbd3_evaluator_get(evaluator, "summary.nearest_mean")));
            if (apart == 0.0)
                ck_assert(flowbd3_evaluator_get(evaluator, "summary.emd_mean") == 0.0);
            char *json;
            ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &json, NULL), FLOWBD3_OK);
            ck_assert_ptr_null(strcasestr(json, "nan"));
            ck_assert_ptr_null(strcasestr(json, "inf"));
            flowbd3_string_destroy(context, &json);
            flowbd3_evaluator_destroy(&evaluator);
            flowbd3_table_destroy(&real);
            flowbd3_table_destroy(&generated);
        }
}
END_TEST

START_TEST(categories_on_one_side_only) {
    static const char *const left[] = {"a", "b", "b", NULL}, *const right[] = {"c", "d", NULL, NULL};
    flowbd3_table *real = new_table(), *generated = new_table();
    ck_assert_int_eq(flowbd3_table_add_categorical(real, "t", left, 4, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(generated, "t", right, 4, NULL), FLOWBD3_OK);
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, NULL);
    ck_assert(flowbd3_evaluator_get(evaluator, "columns.t.tvd") == 0.75);
    ck_assert(flowbd3_evaluator_get(evaluator, "summary.nearest_mean") == 0.5);
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.ks_mean")));
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.corr_mean")));
    size_t n = 9;
    ck_assert_ptr_nonnull(flowbd3_evaluator_matrix(evaluator, "pearson", FLOWBD3_SAMPLE_REAL, &n, NULL));
    ck_assert_uint_eq(n, 0);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(huge_numbers_give_no_infinity) {
    static const double x[] = {-1.7e308, 1.7e308, 1.7e308, 0.0}, y[] = {1e-310, 5e-324, 0.0, -0.0};
    flowbd3_table *table = new_table();
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, 4, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "y", y, NULL, 4, NULL), FLOWBD3_OK);
    flowbd3_evaluator *evaluator = evaluated(context, table, NULL, table, NULL);
    ck_assert(flowbd3_evaluator_get(evaluator, "summary.ks_max") == 0.0);
    ck_assert(flowbd3_evaluator_get(evaluator, "summary.corr_frobenius") == 0.0);
    for (size_t i = 0; i < flowbd3_evaluator_count(evaluator); i++) {
        double value;
        ck_assert_ptr_nonnull(flowbd3_evaluator_figure(evaluator, i, &value));
        ck_assert(isfinite(value));
    }
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- schema, names, states ---------------------------------------------------------------------------- */

static void keep_text(void *user, flowbd3_log_level level, const char *text) {
    ck_assert_int_eq(level, FLOWBD3_LOG_WARNING);
    snprintf(user, 256, "%s", text);
}

START_TEST(schemas_that_do_not_match) {
    static const char *const text[] = {"a", "b", "c"};
    static const double x[] = {1, 2, 3};
    char logged[256] = "";
    flowbd3_error err = {0};
    flowbd3_context *loud;
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.log = keep_text;
    options.log_user = logged;
    ck_assert_int_eq(flowbd3_context_create(&loud, &options, NULL), FLOWBD3_OK);
    flowbd3_table *real = with_missing(true, true), *lacking = new_table(), *other_type = new_table();
    ck_assert_int_eq(flowbd3_table_add_categorical(lacking, "t", text, 3, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(other_type, "t", text, 3, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(other_type, "x", text, 3, NULL), FLOWBD3_OK);
    flowbd3_evaluator *evaluator, *refused;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, loud, real, NULL, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, lacking, NULL, NULL, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_nonnull(strstr(err.message, "'x'"));
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, other_type, NULL, NULL, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_nonnull(strstr(err.message, "'x'"));
    ck_assert_int_eq(flowbd3_evaluator_create(&refused, loud, real, lacking, NULL, &err),
                     FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_null(refused);
    ck_assert_uint_eq(flowbd3_evaluator_count(evaluator), 0);
    ck_assert_str_eq(logged, "");
    ck_assert_int_eq(flowbd3_table_add_real(real, "more", x, NULL, 3, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, real, NULL, NULL, &err), FLOWBD3_OK);
    ck_assert_ptr_nonnull(strstr(logged, "1 column"));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&lacking);
    flowbd3_table_destroy(&other_type);
    flowbd3_context_destroy(&loud);
}
END_TEST

START_TEST(arguments_that_are_refused) {
    flowbd3_table *empty = new_table(), *real = with_missing(true, true), *rowless;
    flowbd3_evaluator *evaluator;
    flowbd3_error err = {0};
    char *json;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, empty, NULL, NULL, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_evaluator_create(NULL, context, real, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, NULL, NULL, NULL, NULL),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, NULL, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &json, &err), FLOWBD3_ERROR_STATE);
    ck_assert_ptr_null(flowbd3_evaluator_matrix(evaluator, "pearson", FLOWBD3_SAMPLE_REAL, NULL, NULL));
    ck_assert_ptr_null(flowbd3_evaluator_figure(evaluator, 0, NULL));
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, NULL, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    if (flowbd3_table_slice(&rowless, real, 0, 0, NULL) == FLOWBD3_OK) {
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, rowless, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
        flowbd3_table_destroy(&rowless);
    }
    flowbd3_evaluator_destroy(&evaluator);
    ck_assert_ptr_null(evaluator);
    flowbd3_evaluator_destroy(&evaluator);
    ck_assert(isnan(flowbd3_evaluator_get(NULL, "summary.ks_mean")));
    flowbd3_table_destroy(&empty);
    flowbd3_table_destroy(&real);
}
END_TEST

START_TEST(odd_column_names) {
    static const char *const names[] = {"a", "a.ks", "columns.a", "summary", "two\nlines \"q\"", "\xff\xfe"};
    static const double x[] = {1, 2, 3};
    flowbd3_table *table = new_table();
    size_t added = 0;
    for (size_t i = 0; i < FB3_COUNT(names); i++)
        added += flowbd3_table_add_real(table, names[i], x, NULL, 3, NULL) == FLOWBD3_OK;
    ck_assert_uint_ge(added, 5);
    flowbd3_evaluator *evaluator = evaluated(context, table, NULL, table, NULL);
    for (size_t c = 0; c < flowbd3_table_columns(table); c++) {
        char name[64];
        snprintf(name, sizeof name, "columns.%s.mean_real", flowbd3_table_name(table, c));
        ck_assert_msg(flowbd3_evaluator_get(evaluator, name) == 2.0, "%s", name);
    }
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "columns.b.ks")));
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "columns.a")));
    char *text;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    json_t *report = json_loads(text, 0, NULL);
    ck_assert_uint_eq(json_object_size(json_object_get(report, "columns")), added);
    ck_assert(json_is_null(json_object_get(report, "floor")));
    ck_assert(json_is_null(json_object_get(json_object_get(report, "summary"), "tvd_mean")));
    json_t *first = json_object_get(json_object_get(report, "columns"), "a.ks");
    ck_assert_str_eq(json_string_value(json_object_get(first, "type")), "real");
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- rules ------------------------------------------------------------------------------------------ */

static flowbd3_rules *read_rules(void) {
    static const char json[] =
        "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
        "{\"name\":\"small x\",\"compare\":{\"left\":\"x\",\"at_most\":10}},"
        "{\"name\":\"n. of a\",\"when\":{\"t\":\"a\"},\"then\":{\"n\":{\"any\":true}}},"
        "{\"name\":\"never\",\"when\":{\"x\":-1},\"then\":{\"n\":1}}]}";
    flowbd3_rules *rules;
    ck_assert_int_eq(flowbd3_rules_from_json(&rules, context, json, sizeof json - 1, NULL), FLOWBD3_OK);
    return rules;
}

static double share_above_10(const flowbd3_table *table) {
    size_t rows = flowbd3_table_rows(table), above = 0;
    for (size_t row = 0; row < rows; row++)
        above += flowbd3_table_number(table, row, 0) > 10;
    return (double)above / (double)rows;
}

/* Rows that violate "small x" or "n. of a". */
static double share_of_violations(const flowbd3_table *table) {
    size_t rows = flowbd3_table_rows(table), violated = 0;
    for (size_t row = 0; row < rows; row++) {
        int32_t code = flowbd3_table_codes(table, 2)[row];
        bool a = code >= 0 && strcmp(flowbd3_table_category(table, 2, (size_t)code), "a") == 0;
        violated +=
            flowbd3_table_number(table, row, 0) > 10 || (a && isnan(flowbd3_table_number(table, row, 1)));
    }
    return (double)violated / (double)rows;
}

START_TEST(rules_are_counted) {
    flowbd3_table *real = random_table(300, 1), *second = random_table(200, 2),
                  *generated = random_table(250, 3);
    flowbd3_rules *rules = read_rules();
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.rules = rules;
    flowbd3_evaluator *evaluator = evaluated(context, real, second, generated, &options);
    flowbd3_rules_destroy(&rules);
    assert_close("violations", flowbd3_evaluator_get(evaluator, "summary.rule_violations"),
                 share_of_violations(generated));
    assert_close("real", flowbd3_evaluator_get(evaluator, "summary.rule_violations_real"),
                 share_of_violations(real));
    assert_close("floor", flowbd3_evaluator_get(evaluator, "floor.rule_violations"),
                 share_of_violations(second));
    assert_close("applies", flowbd3_evaluator_get(evaluator, "rules.small x.applies"), 250);
    assert_close("share", flowbd3_evaluator_get(evaluator, "rules.small x.share"), share_above_10(generated));
    assert_close("violated", flowbd3_evaluator_get(evaluator, "rules.small x.violated"),
                 250 * share_above_10(generated));
    assert_close("real share", flowbd3_evaluator_get(evaluator, "rules.small x.real_share"),
                 share_above_10(real));
    assert_close("never", flowbd3_evaluator_get(evaluator, "rules.never.applies"), 0);
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "rules.never.share")));
    ck_assert(flowbd3_evaluator_get(evaluator, "rules.n. of a.real_violated") > 0);
    for (size_t k = 0; k < 2; k++) {
        flowbd3_sample which = k == 0 ? FLOWBD3_SAMPLE_REAL : FLOWBD3_SAMPLE_GENERATED;
        size_t n;
        const uint64_t *violating = flowbd3_evaluator_violations(evaluator, 0, which, &n);
        ck_assert_uint_eq(n, FB3_ROWS_SHOWN);
        for (size_t i = 0; i < n; i++)
            ck_assert(flowbd3_table_number(which == 0 ? real : generated, (size_t)violating[i], 0) > 10);
        ck_assert_ptr_nonnull(flowbd3_evaluator_violations(evaluator, 2, which, &n));
        ck_assert_uint_eq(n, 0);
        ck_assert_ptr_null(flowbd3_evaluator_violations(evaluator, 3, which, &n));
    }
    ck_assert_ptr_null(flowbd3_evaluator_violations(evaluator, 0, FLOWBD3_SAMPLE_SECOND_REAL, NULL));
    char *json;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &json, NULL), FLOWBD3_OK);
    json_t *report = json_loads(json, 0, NULL),
           *rule = json_object_get(json_object_get(report, "rules"), "small x");
    ck_assert_str_eq(json_string_value(json_object_get(rule, "text")), "x <= 10");
    json_t *counts = json_object_get(rule, "generated"), *rows = json_object_get(counts, "rows");
    ck_assert_int_eq(json_integer_value(json_object_get(counts, "applies")), 250);
    ck_assert_uint_eq(json_array_size(rows), FB3_ROWS_SHOWN);
    for (size_t i = 0; i < FB3_ROWS_SHOWN; i++)
        ck_assert(flowbd3_table_number(generated, (size_t)json_integer_value(json_array_get(rows, i)), 0) >
                  10);
    ck_assert(json_is_object(json_object_get(rule, "real")));
    ck_assert(json_is_null(json_object_get(
        json_object_get(json_object_get(json_object_get(report, "rules"), "never"), "generated"), "share")));
    json_decref(report);
    flowbd3_string_destroy(context, &json);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&second);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(rules_that_do_not_fit) {
    flowbd3_table *real = random_table(30, 1), *some;
    flowbd3_rules *rules = read_rules();
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    flowbd3_evaluator *evaluator;
    flowbd3_error err = {0};
    options.rules = rules;
    ck_assert_int_eq(flowbd3_table_select(&some, real, (const char *const[]){"x", "t"}, 2, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, some, NULL, &options, &err),
                     FLOWBD3_ERROR_SCHEMA);
    ck_assert_str_eq(err.message, "the real table: rule 'n. of a': there is no column 'n'");
    ck_assert_ptr_null(evaluator);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&some);
}
END_TEST

/* Names of figures of every group that needs nothing but rules. */
static const struct {
    flowbd3_metrics group;
    const char *name;
} figures_of[] = {
    {FLOWBD3_METRICS_MARGINALS, "summary.ks_mean"},
    {FLOWBD3_METRICS_MARGINALS, "columns.x.missing_real"},
    {FLOWBD3_METRICS_JOINT, "summary.corr_frobenius"},
    {FLOWBD3_METRICS_JOINT, "floor.spearman_frobenius"},
    {FLOWBD3_METRICS_NEIGHBOURS, "summary.nearest_min"},
    {FLOWBD3_METRICS_RULES, "summary.rule_violations"},
    {FLOWBD3_METRICS_RULES, "rules.small x.applies"},
};

START_TEST(groups_are_computed_alone) {
    flowbd3_table *real = random_table(60, 1), *generated = random_table(50, 2);
    flowbd3_rules *rules = read_rules();
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.rules = rules;
    flowbd3_evaluator *all = evaluated(context, real, generated, generated, &options);
    for (uint32_t groups = 1; groups < 64; groups += SANITIZED ? 5 : 1) {
        options.groups = groups;
        flowbd3_evaluator *some = evaluated(context, real, generated, generated, &options);
        for (size_t i = 0; i < FB3_COUNT(figures_of); i++) {
            double value = flowbd3_evaluator_get(some, figures_of[i].name),
                   expected = flowbd3_evaluator_get(all, figures_of[i].name);
            ck_assert_msg((groups & figures_of[i].group) != 0 ? value == expected : isnan(value), "%s",
                          figures_of[i].name);
        }
        ck_assert(flowbd3_evaluator_get(some, "summary.rows_generated") == 50.0);
        ck_assert_int_eq(flowbd3_evaluator_matrix(some, "pearson", FLOWBD3_SAMPLE_REAL, NULL, NULL) != NULL,
                         (groups & FLOWBD3_METRICS_JOINT) != 0);
        flowbd3_evaluator_destroy(&some);
    }
    options.groups = 64;
    flowbd3_error err = {0};
    flowbd3_evaluator *refused;
    ck_assert_int_eq(flowbd3_evaluator_create(&refused, context, real, NULL, &options, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "groups"));
    flowbd3_evaluator_destroy(&all);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(options_agree) {
    flowbd3_evaluator_options made, written = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    ck_assert_int_eq(flowbd3_evaluator_options_init(&made, sizeof made), FLOWBD3_OK);
    ck_assert(made.struct_size == written.struct_size && made.max_rows == written.max_rows &&
              made.seed == written.seed && made.rules == written.rules && made.groups == written.groups &&
              made.bootstrap == written.bootstrap && made.group_by == written.group_by &&
              made.n_group_by == written.n_group_by && made.order_by == written.order_by &&
              made.training == written.training &&
              made.reference_authenticity == written.reference_authenticity &&
              made.max_classifier_rows == written.max_classifier_rows && made.target == written.target);
    /* As a caller of version 0.2 has it. */
    flowbd3_table *table = random_table(20, 1);
    written.struct_size = offsetof(flowbd3_evaluator_options, rules);
    flowbd3_evaluator *evaluator = evaluated(context, table, NULL, table, &written);
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.rule_violations")));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(progress_and_cancel) {
    flowbd3_table *a = random_table(800, 1), *b = random_table(900, 2), *c = random_table(1000, 3);
    flowbd3_evaluator *evaluator;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, a, b, NULL, NULL), FLOWBD3_OK);
    watch w = {.cancel_at = 1};
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, c, watch_progress, &w, &err), FLOWBD3_CANCELLED);
    ck_assert_uint_eq(flowbd3_evaluator_count(evaluator), 0);
    w = (watch){0};
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, c, watch_progress, &w, NULL), FLOWBD3_OK);
    ck_assert_uint_gt(w.total, 0);
    ck_assert_uint_eq(w.done, w.total);
    double before = flowbd3_evaluator_get(evaluator, "summary.ks_mean");
    /* The last call comes when all is done; cancelling there too leaves the earlier figures. */
    watch last = {.cancel_at = w.calls};
    flowbd3_status status = flowbd3_evaluator_run(evaluator, b, watch_progress, &last, &err);
    ck_assert(status == FLOWBD3_CANCELLED || last.calls < w.calls);
    if (status == FLOWBD3_CANCELLED)
        ck_assert(flowbd3_evaluator_get(evaluator, "summary.ks_mean") == before);
    w = (watch){0};
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, b, watch_progress, &w, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(w.done, w.total);
    ck_assert(flowbd3_evaluator_get(evaluator, "summary.ks_mean") ==
              flowbd3_evaluator_get(evaluator, "floor.ks_mean"));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    flowbd3_table_destroy(&c);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------- */

static void climb(uint32_t groups, long stride) {
    flowbd3_table *a = random_table(40, 1), *b = random_table(50, 2);
    flowbd3_rules *rules = read_rules();
    flowbd3_evaluator_options o = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    o.max_rows = 30;
    o.max_classifier_rows = 12;
    o.target = "t";
    o.groups = groups;
    o.rules = rules;
    climb_evaluation(a, b, b, &o, stride, true);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
}

/* Together, and every group alone. Classifiers take time. */
START_TEST(every_allocation_may_fail) {
    const uint32_t quick = FLOWBD3_METRICS_MARGINALS | FLOWBD3_METRICS_JOINT | FLOWBD3_METRICS_NEIGHBOURS |
                           FLOWBD3_METRICS_RULES | FLOWBD3_METRICS_SEQUENCES;
    climb(quick, 1);
    for (uint32_t group = FLOWBD3_METRICS_MARGINALS; group <= FLOWBD3_METRICS_SEQUENCES; group *= 2)
        climb(group, 7);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluator");
    TCase *tests = tcase_create("evaluator");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, identical_tables_differ_nowhere);
    tcase_add_test(tests, swapped_tables_are_as_far_apart);
    tcase_add_test(tests, order_of_rows_and_columns_does_not_matter);
    tcase_add_test(tests, threads_change_no_bit);
    tcase_add_test(tests, one_row_against_one_row);
    tcase_add_test(tests, column_without_a_cell);
    tcase_add_test(tests, categories_on_one_side_only);
    tcase_add_test(tests, huge_numbers_give_no_infinity);
    tcase_add_test(tests, schemas_that_do_not_match);
    tcase_add_test(tests, arguments_that_are_refused);
    tcase_add_test(tests, odd_column_names);
    tcase_add_test(tests, progress_and_cancel);
    tcase_add_test(tests, rules_are_counted);
    tcase_add_test(tests, rules_that_do_not_fit);
    tcase_add_test(tests, groups_are_computed_alone);
    tcase_add_test(tests, options_agree);
    if (!THREADS_SANITIZED)
        tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
