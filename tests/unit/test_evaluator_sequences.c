/* The evaluator's figures of sequences: degenerate input, names that are refused, progress, memory. */
#include "evaluated.h"
#include "evaluator/evaluator.h"
#include "test_main.h"
#include "two_threads.h"

/* Rows host,time,x,state; "-" in a cell is a missing one. */
static flowbd3_table *parse(const char *rows) {
    static const char *const missing[] = {"-"};
    static const flowbd3_column_type types[] = {
        {"host", FLOWBD3_TYPE_CATEGORICAL}, {"x", FLOWBD3_TYPE_REAL}, {"state", FLOWBD3_TYPE_CATEGORICAL}};
    char text[2048];
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    options.missing = missing;
    options.n_missing = 1;
    options.types = types;
    options.n_types = FB3_COUNT(types);
    int size = snprintf(text, sizeof text, "host,time,x,state\n%s", rows);
    flowbd3_table *table;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_table_parse_csv(&table, context, text, (size_t)size, &options, &err) == FLOWBD3_OK,
                  "%s", err.message);
    return table;
}

static const char *const host[] = {"host"};

static flowbd3_evaluator_options by_host(const char *order_by) {
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.groups = FLOWBD3_METRICS_SEQUENCES;
    options.group_by = host;
    options.n_group_by = 1;
    options.order_by = order_by;
    return options;
}

typedef struct expected_figure {
    const char *name;
    double value;
} expected_figure;

/* Compares two tables of rows and looks at some figures; an expected NaN is none. */
static void assert_figures(const char *real_rows, const char *generated_rows,
                           const flowbd3_evaluator_options *options, const expected_figure *expected,
                           size_t n) {
    flowbd3_table *real = parse(real_rows), *generated = parse(generated_rows);
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, options);
    for (size_t i = 0; i < n; i++) {
        double value = flowbd3_evaluator_get(evaluator, expected[i].name);
        if (isnan(expected[i].value))
            ck_assert_msg(isnan(value), "%s is %g, expected none", expected[i].name, value);
        else
            ck_assert_msg(fabs(value - expected[i].value) < 1e-12, "%s is %.17g, expected %g",
                          expected[i].name, value, expected[i].value);
    }
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}

#define ASSERT_FIGURES(real, generated, options, ...)                            \
    do {                                                                         \
        const expected_figure expected[] = {__VA_ARGS__};                        \
        assert_figures(real, generated, options, expected, FB3_COUNT(expected)); \
    } while (0)

static const char some_rows[] = "a,1,1,p\na,2,2,q\nb,1,3,p\na,4,2,p\nb,7,5,q\nb,8,1,q\n";

START_TEST(a_table_equals_itself) {
    flowbd3_evaluator_options options = by_host("time");
    ASSERT_FIGURES(some_rows, some_rows, &options, {"summary.interarrival_ks", 0},
                   {"summary.interarrival_emd_scaled", 0}, {"summary.group_size_ks", 0},
                   {"summary.group_duration_ks", 0}, {"summary.burst_size_ks", 0},
                   {"summary.autocorrelation_diff", 0}, {"columns.x.autocorrelation_diff", 0},
                   {"columns.time.autocorrelation_diff", 0}, {"columns.state.transition_tvd", 0},
                   {"columns.host.transition_tvd", NAN}, {"summary.ks_mean", NAN});
}
END_TEST

START_TEST(without_group_by_and_order_by_there_is_none) {
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    ASSERT_FIGURES(some_rows, some_rows, &options, {"summary.interarrival_ks", NAN},
                   {"summary.group_size_ks", NAN}, {"summary.autocorrelation_diff", NAN},
                   {"summary.transition_tvd_mean", NAN}, {"summary.ks_mean", 0});
    options = by_host(NULL);
    ASSERT_FIGURES(some_rows, some_rows, &options, {"summary.interarrival_ks", NAN},
                   {"summary.interarrival_emd_scaled", NAN}, {"summary.group_duration_ks", NAN},
                   {"summary.burst_size_ks", NAN}, {"summary.group_size_ks", 0},
                   {"summary.transition_tvd_max", 0});
    options.n_group_by = 0;
    options.order_by = "time";
    ASSERT_FIGURES(some_rows, some_rows, &options, {"summary.group_size_ks", NAN},
                   {"summary.group_duration_ks", NAN}, {"summary.interarrival_ks", 0},
                   {"summary.burst_size_ks", 0});
}
END_TEST

/* Without a row that follows another there are no gaps, no transitions, no pairs. */
START_TEST(single_rows) {
    flowbd3_evaluator_options options = by_host("time");
    ASSERT_FIGURES("a,1,1,p\n", "b,9,4,q\n", &options, {"summary.interarrival_ks", 0},
                   {"summary.interarrival_emd_scaled", 0}, {"summary.group_size_ks", 0},
                   {"summary.group_duration_ks", 0}, {"summary.burst_size_ks", NAN},
                   {"summary.autocorrelation_diff", NAN}, {"summary.transition_tvd_mean", NAN});
    ASSERT_FIGURES(some_rows, "a,1,1,p\nb,1,1,p\nc,1,1,p\n", &options, {"summary.interarrival_ks", 1},
                   {"summary.interarrival_emd_scaled", NAN}, {"summary.group_size_ks", 1},
                   {"summary.group_duration_ks", 1}, {"summary.transition_tvd_mean", 1});
    ASSERT_FIGURES("a,1,1,p\nb,1,1,p\nc,1,1,p\n", some_rows, &options, {"summary.interarrival_ks", 1},
                   {"summary.burst_size_ks", NAN}, {"summary.autocorrelation_diff", NAN},
                   {"summary.transition_tvd_max", NAN});
}
END_TEST

START_TEST(constant_columns_have_no_autocorrelation) {
    flowbd3_evaluator_options options = by_host("time");
    /* The other column of x alternates within the group: r = -1, 1 at lags 1 and 2, one pair at lag 3. */
    ASSERT_FIGURES("a,1,5,p\na,2,5,p\na,3,5,p\na,4,5,p\n", "a,1,0,p\na,2,1,p\na,3,0,p\na,4,1,p\n", &options,
                   {"columns.x.autocorrelation_diff", 1}, {"columns.time.autocorrelation_diff", 0},
                   {"summary.autocorrelation_diff", 0.5}, {"summary.interarrival_emd_scaled", 0},
                   {"columns.state.transition_tvd", 0});
    ASSERT_FIGURES("a,1,5,p\na,2,5,p\na,3,5,p\n", "a,1,5,p\na,3,5,p\na,5,5,p\n", &options,
                   {"summary.interarrival_ks", 1}, {"summary.interarrival_emd_scaled", NAN},
                   {"summary.burst_size_ks", 1});
}
END_TEST

START_TEST(rows_without_a_time_have_no_place) {
    flowbd3_evaluator_options options = by_host("time");
    ASSERT_FIGURES(some_rows, "c,-,9,r\na,1,1,p\na,-,7,r\na,2,2,q\nb,1,3,p\na,4,2,p\nb,7,5,q\nb,8,1,q\n",
                   &options, {"summary.interarrival_ks", 0}, {"summary.group_size_ks", 0},
                   {"summary.group_duration_ks", 0}, {"summary.autocorrelation_diff", 0},
                   {"summary.transition_tvd_max", 0});
    ASSERT_FIGURES(some_rows, "a,-,1,p\na,-,2,q\n", &options, {"summary.interarrival_ks", 1},
                   {"summary.group_size_ks", 1}, {"summary.burst_size_ks", 1},
                   {"summary.transition_tvd_mean", 1});
    ASSERT_FIGURES("a,-,1,p\na,-,2,q\n", some_rows, &options, {"summary.interarrival_ks", 1},
                   {"summary.group_size_ks", 1}, {"summary.burst_size_ks", NAN},
                   {"summary.transition_tvd_mean", NAN}, {"summary.autocorrelation_diff", NAN});
}
END_TEST

/* p -> p, p -> q, q -> missing in the real rows; states that only the generated rows have are one. */
START_TEST(transitions_of_unseen_and_missing_states) {
    flowbd3_evaluator_options options = by_host("time");
    ASSERT_FIGURES("a,1,1,p\na,2,1,p\na,3,1,q\na,4,1,-\n", "a,1,1,p\na,2,1,p\na,3,1,r\na,4,1,s\n", &options,
                   {"columns.state.transition_tvd", 2.0 / 3.0 * 0.5 + 1.0 / 3.0});
}
END_TEST

/* The order of the rows in the file is no matter where times differ. */
START_TEST(rows_are_put_in_order) {
    flowbd3_evaluator_options options = by_host("time");
    ASSERT_FIGURES(some_rows, "b,8,1,q\nb,1,3,p\na,4,2,p\na,1,1,p\nb,7,5,q\na,2,2,q\n", &options,
                   {"summary.interarrival_ks", 0}, {"summary.autocorrelation_diff", 0},
                   {"summary.transition_tvd_max", 0}, {"summary.burst_size_ks", 0});
}
END_TEST

static void assert_refused(const flowbd3_table *real, const flowbd3_evaluator_options *options,
                           const char *message) {
    flowbd3_evaluator *evaluator;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, NULL, options, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_str_eq(err.message, message);
    ck_assert_ptr_null(evaluator);
}

START_TEST(names_that_are_refused) {
    static const char *const unknown[] = {"nobody"}, *const twice[] = {"host", "host"},
                             *const none[] = {NULL};
    flowbd3_table *real = parse(some_rows);
    flowbd3_evaluator_options options = by_host("time");
    options.group_by = unknown;
    assert_refused(real, &options, "group_by: the real table has no column 'nobody'");
    options.group_by = none;
    assert_refused(real, &options, "group_by names a column that is NULL, expected a name");
    options.group_by = NULL;
    assert_refused(real, &options, "group_by is NULL, expected 1 names");
    options.group_by = twice;
    options.n_group_by = 2;
    assert_refused(real, &options, "group_by: column 'host' groups the rows already, expected another one");
    options.n_group_by = 5;
    assert_refused(real, &options, "group_by names 5 columns, expected at most those of the real table (4)");
    options = by_host("later");
    assert_refused(real, &options, "order_by: the real table has no column 'later'");
    options = by_host("host");
    assert_refused(real, &options, "order_by: column 'host' groups the rows already, expected another one");
    options = by_host("state");
    assert_refused(real, &options, "order_by: column 'state' is categorical, expected numbers or times");
    /* What is not computed is not looked at. */
    options.groups = FLOWBD3_METRICS_MARGINALS;
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, real, &options);
    ck_assert(flowbd3_evaluator_get(evaluator, "summary.ks_mean") == 0.0);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
}
END_TEST

START_TEST(progress_and_cancel) {
    flowbd3_table *real = parse(some_rows);
    flowbd3_evaluator_options options = by_host("time");
    flowbd3_evaluator *evaluator;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, real, &options, NULL), FLOWBD3_OK);
    watch w = {.cancel_at = 1};
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, real, watch_progress, &w, NULL), FLOWBD3_CANCELLED);
    for (int run = 0; run < 2; run++) {
        w = (watch){0};
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, real, watch_progress, &w, NULL), FLOWBD3_OK);
        ck_assert_uint_gt(w.total, 0);
        ck_assert_uint_eq(w.done, w.total);
    }
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------- */

START_TEST(every_allocation_may_fail) {
    flowbd3_table *real = parse(some_rows), *generated = parse("a,-,1,p\na,2,2,q\na,3,1,-\nb,4,3,p\n");
    flowbd3_evaluator_options o = by_host("time");
    climb_evaluation(real, generated, generated, &o, 1, true);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluator_sequences");
    TCase *tests = tcase_create("evaluator_sequences");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_table_equals_itself);
    tcase_add_test(tests, without_group_by_and_order_by_there_is_none);
    tcase_add_test(tests, single_rows);
    tcase_add_test(tests, constant_columns_have_no_autocorrelation);
    tcase_add_test(tests, rows_without_a_time_have_no_place);
    tcase_add_test(tests, transitions_of_unseen_and_missing_states);
    tcase_add_test(tests, rows_are_put_in_order);
    tcase_add_test(tests, names_that_are_refused);
    tcase_add_test(tests, progress_and_cancel);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
