/* The evaluator's figures against SciPy, NumPy and scikit-learn: tests/golden/evaluator.py,
 * evaluator_sequences.py, evaluator_bootstrap.py, evaluator_bootstrap_rows.py. */
#include "evaluator/evaluator.h"
#include "golden_table.h"
#include "test_main.h"
#include "two_threads.h"

/* ---- figures -------------------------------------------------------------------------------------- */

static void assert_columns(const flowbd3_evaluator *evaluator, const char *prefix, json_t *columns) {
    const char *column, *key;
    json_t *figures, *value;
    json_object_foreach(columns, column, figures) json_object_foreach(figures, key, value) {
        char name[256];
        snprintf(name, sizeof name, "columns.%s.%s%s", column, prefix, key);
        bool both = strstr(key, "_real") != NULL || strstr(key, "_generated") != NULL;
        if (both && *prefix != '\0')
            continue;
        double figure = flowbd3_evaluator_get(evaluator, name);
        if (json_is_null(value))
            ck_assert_msg(isnan(figure), "%s is %g, expected none", name, figure);
        else
            assert_close(name, figure, json_number_value(value));
    }
}

static void assert_matrix(const flowbd3_evaluator *evaluator, flowbd3_sample which, json_t *rows) {
    size_t n;
    const size_t *columns;
    const double *matrix = flowbd3_evaluator_matrix(evaluator, "pearson", which, &n, &columns);
    ck_assert_ptr_nonnull(matrix);
    ck_assert_uint_eq(n, json_array_size(rows));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            assert_close("r", matrix[i * n + j],
                         json_number_value(json_array_get(json_array_get(rows, i), j)));
}

static void check_golden(const char *name) {
    json_t *content = golden_content(name), *expected = json_object_get(content, "expected");
    json_t *floor = json_object_get(content, "floor");
    flowbd3_table *real = golden_table(context, json_object_get(content, "real"));
    flowbd3_table *generated = golden_table(context, json_object_get(content, "generated"));
    flowbd3_table *second = floor != NULL ? golden_table(context, json_object_get(content, "second")) : NULL;
    flowbd3_evaluator *evaluator;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_evaluator_create(&evaluator, context, real, second, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&second);
    ck_assert_msg(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    assert_figures(evaluator, "summary.", json_object_get(expected, "summary"));
    assert_columns(evaluator, "", json_object_get(expected, "columns"));
    assert_matrix(evaluator, FLOWBD3_SAMPLE_REAL, json_array_get(json_object_get(expected, "pearson"), 0));
    assert_matrix(evaluator, FLOWBD3_SAMPLE_GENERATED,
                  json_array_get(json_object_get(expected, "pearson"), 1));
    if (floor != NULL) {
        assert_figures(evaluator, "floor.", json_object_get(floor, "summary"));
        assert_columns(evaluator, "floor_", json_object_get(floor, "columns"));
    } else {
        ck_assert(isnan(flowbd3_evaluator_get(evaluator, "floor.ks_mean")));
    }
    flowbd3_table_destroy(&generated);
    flowbd3_evaluator_destroy(&evaluator);
    json_decref(content);
}

START_TEST(golden_mixed_table_with_floor) {
    check_golden("mixed");
}
END_TEST

START_TEST(golden_complete_table) {
    check_golden("complete");
}
END_TEST

START_TEST(golden_p_values) {
    json_t *content = golden_content("kolmogorov"), *row;
    size_t i;
    json_array_foreach(json_object_get(content, "two_samples"), i, row) {
        uint64_t n[3];
        double p;
        for (size_t k = 0; k < 3; k++)
            n[k] = (uint64_t)json_integer_value(json_array_get(row, k));
        ck_assert(fb3_kolmogorov_smirnov_p(context, n[0], n[1], n[2], &p));
        assert_close("two-sample p-value", p, json_number_value(json_array_get(row, 3)));
        double swapped;
        ck_assert(fb3_kolmogorov_smirnov_p(context, n[1], n[0], n[2], &swapped));
        assert_close("p-value of swapped samples", swapped, p);
    }
    json_array_foreach(json_object_get(content, "one_sample"), i, row) {
        double p;
        ck_assert(fb3_kolmogorov_tail(context, (uint64_t)json_integer_value(json_array_get(row, 0)),
                                      json_number_value(json_array_get(row, 1)), &p));
        assert_close("one-sample p-value", p, json_number_value(json_array_get(row, 2)));
    }
    json_decref(content);
}
END_TEST

/* 0, a, 2a, ... modulo m, divided by d, plus offset: the columns of golden/evaluator.py's large(). */
static void add_sequence(flowbd3_table *table, const char *name, size_t rows, uint64_t a, uint64_t m,
                         double d, double offset) {
    double *x = malloc(rows * sizeof *x);
    for (size_t i = 0; i < rows; i++)
        x[i] = (double)(i * a % m) / d + offset;
    ck_assert_int_eq(flowbd3_table_add_real(table, name, x, NULL, rows, NULL), FLOWBD3_OK);
    free(x);
}

START_TEST(golden_large_columns) {
    json_t *content = golden_content("large");
    flowbd3_table *real, *generated;
    ck_assert_int_eq(flowbd3_table_create(&real, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_create(&generated, context, NULL), FLOWBD3_OK);
    add_sequence(real, "x", 100000, 7919, 100003, 7.0, 1e6);
    add_sequence(real, "y", 100000, 104729, 1009, 3.0, -5.0);
    add_sequence(generated, "y", 60000, 15485863, 1013, 3.0, -5.0);
    add_sequence(generated, "x", 60000, 7907, 99991, 7.0, 1e6 + 50.0);
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.max_rows = 100;
    flowbd3_evaluator *evaluator;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, NULL, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL), FLOWBD3_OK);
    assert_columns(evaluator, "", json_object_get(content, "columns"));
    assert_figures(evaluator, "summary.", json_object_get(content, "summary"));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
    json_decref(content);
}
END_TEST

static void check_sequences(const char *name) {
    json_t *content = golden_content(name), *one;
    flowbd3_table *real = golden_table(context, json_object_get(content, "real"));
    flowbd3_table *generated = golden_table(context, json_object_get(content, "generated"));
    flowbd3_table *second = golden_table(context, json_object_get(content, "second"));
    size_t i;
    json_array_foreach(json_object_get(content, "cases"), i, one) {
        const char *group_by[8];
        json_t *names = json_object_get(one, "group_by"), *expected = json_object_get(one, "expected"),
               *floor = json_object_get(one, "floor");
        flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
        options.groups = FLOWBD3_METRICS_SEQUENCES;
        options.group_by = group_by;
        options.n_group_by = json_array_size(names);
        options.order_by = json_string_value(json_object_get(one, "order_by"));
        for (size_t k = 0; k < options.n_group_by; k++)
            group_by[k] = json_string_value(json_array_get(names, k));
        flowbd3_evaluator *evaluator;
        ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, second, &options, NULL),
                         FLOWBD3_OK);
        memset(group_by, 0, sizeof group_by);
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL), FLOWBD3_OK);
        assert_figures(evaluator, "summary.", json_object_get(expected, "summary"));
        assert_columns(evaluator, "", json_object_get(expected, "columns"));
        assert_figures(evaluator, "floor.", json_object_get(floor, "summary"));
        assert_columns(evaluator, "floor_", json_object_get(floor, "columns"));
        flowbd3_evaluator_destroy(&evaluator);
    }
    ck_assert_uint_eq(i, 5);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
    flowbd3_table_destroy(&second);
    json_decref(content);
}

START_TEST(golden_sequences) {
    check_sequences("sequences_real");
    check_sequences("sequences_integer");
}
END_TEST

START_TEST(golden_bootstrap) {
    static const char rule[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                               "{\"name\":\"few\",\"compare\":{\"left\":\"bytes\",\"at_most\":100}}]}";
    json_t *content = golden_content("bootstrap"), *low = json_object_get(content, "low");
    flowbd3_table *real = golden_table(context, json_object_get(content, "real"));
    flowbd3_table *generated = golden_table(context, json_object_get(content, "generated"));
    const char *group_by[] = {json_string_value(json_array_get(json_object_get(content, "group_by"), 0))};
    flowbd3_rules *rules;
    ck_assert_int_eq(flowbd3_rules_from_json(&rules, context, rule, sizeof rule - 1, NULL), FLOWBD3_OK);
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.rules = rules;
    options.group_by = group_by;
    options.n_group_by = 1;
    options.order_by = json_string_value(json_object_get(content, "order_by"));
    options.seed = (uint64_t)json_integer_value(json_object_get(content, "seed"));
    options.bootstrap = (uint32_t)json_integer_value(json_object_get(content, "resamplings"));
    flowbd3_evaluator *evaluator;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, NULL, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(json_object_size(low), 22);
    assert_figures(evaluator, "low.", low);
    assert_figures(evaluator, "high.", json_object_get(content, "high"));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
    json_decref(content);
}
END_TEST

/* Of figures that need searches, from what is found out about rows once. */
START_TEST(golden_bootstrap_of_rows) {
    json_t *content = golden_content("bootstrap_rows"), *cases = json_object_get(content, "cases"), *one;
    size_t i;
    json_array_foreach(cases, i, one) {
        flowbd3_table *tables[4];
        static const char *const names[] = {"real", "generated", "second", "training"};
        for (size_t k = 0; k < 4; k++) {
            json_t *table = json_object_get(json_object_get(one, "tables"), names[k]);
            tables[k] = table != NULL ? golden_table(context, table) : NULL;
        }
        flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
        options.groups = FLOWBD3_METRICS_NEIGHBOURS;
        options.training = tables[3];
        options.reference_authenticity = 1;
        options.seed = (uint64_t)json_integer_value(json_object_get(content, "seed"));
        options.bootstrap = (uint32_t)json_integer_value(json_object_get(content, "resamplings"));
        flowbd3_evaluator *evaluator;
        ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, tables[0], tables[2], &options, NULL),
                         FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, tables[1], NULL, NULL, NULL), FLOWBD3_OK);
        ck_assert_uint_eq(json_object_size(json_object_get(one, "low")), 15);
        assert_figures(evaluator, "low.", json_object_get(one, "low"));
        assert_figures(evaluator, "high.", json_object_get(one, "high"));
        flowbd3_evaluator_destroy(&evaluator);
        for (size_t k = 0; k < 4; k++)
            flowbd3_table_destroy(&tables[k]);
    }
    ck_assert_uint_eq(i, 2);
    json_decref(content);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluator_golden");
    TCase *tests = tcase_create("evaluator_golden");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, golden_mixed_table_with_floor);
    tcase_add_test(tests, golden_complete_table);
    tcase_add_test(tests, golden_p_values);
    tcase_add_test(tests, golden_large_columns);
    tcase_add_test(tests, golden_sequences);
    tcase_add_test(tests, golden_bootstrap);
    tcase_add_test(tests, golden_bootstrap_of_rows);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
