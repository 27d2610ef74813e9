/* Tables: columns added and read, slices, splits, appends. */
#include "compare_tables.h"
#include "table/table.h"
#include "test_main.h"

#include <math.h>

static flowbd3_context *context;
static flowbd3_error err;

static void start(void) {
    memset(&err, 0, sizeof err);
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, &err), FLOWBD3_OK);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
}

/* Five rows: a real, an integer with a missing cell, a categorical with a missing cell. */
static flowbd3_table *small_table(void) {
    static const double rate[] = {0.5, 1.25, -3.0, 1e3, 0.125};
    static const int64_t count[] = {1, 2, INT64_MIN, INT64_MAX, 5};
    static const uint8_t valid[] = {1, 1, 1, 1, 0};
    static const char *const protocol[] = {"tcp", NULL, "udp", "tcp", ""};
    flowbd3_table *t;
    ck_assert_int_eq(flowbd3_table_create(&t, context, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(t, "rate", rate, NULL, 5, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(t, "count", count, valid, 5, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(t, "protocol", protocol, 5, &err), FLOWBD3_OK);
    return t;
}

START_TEST(columns_hold_what_was_added) {
    flowbd3_table *t = small_table();
    ck_assert_uint_eq(flowbd3_table_rows(t), 5);
    ck_assert_uint_eq(flowbd3_table_columns(t), 3);
    ck_assert_int_eq(flowbd3_table_find(t, "count"), 1);
    ck_assert_int_eq(flowbd3_table_find(t, "Count"), -1);
    ck_assert_str_eq(flowbd3_table_name(t, 2), "protocol");
    ck_assert_int_eq(flowbd3_table_type(t, 2), FLOWBD3_TYPE_CATEGORICAL);
    ck_assert_ptr_null(flowbd3_table_valid(t, 0));
    ck_assert_int_eq(flowbd3_table_integer(t, 1)[2], INT64_MIN);
    ck_assert_uint_eq(flowbd3_table_missing(t, 1), 1);
    ck_assert_uint_eq(flowbd3_table_valid(t, 1)[4], 0);
    ck_assert_uint_eq(flowbd3_table_categories(t, 2), 2);
    ck_assert_str_eq(flowbd3_table_category(t, 2, 1), "udp");
    ck_assert_int_eq(flowbd3_table_codes(t, 2)[3], 0);
    ck_assert_int_eq(flowbd3_table_codes(t, 2)[4], -1);
    ck_assert_uint_eq(flowbd3_table_missing(t, 2), 2);
    flowbd3_table_destroy(&t);
    ck_assert_ptr_null(t);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(accessors_beyond_the_table) {
    flowbd3_table *t = small_table();
    ck_assert_ptr_null(flowbd3_table_name(t, 3));
    ck_assert_int_eq(flowbd3_table_type(t, 3), FLOWBD3_TYPE_AUTO);
    ck_assert_ptr_null(flowbd3_table_real(t, 1));
    ck_assert_ptr_null(flowbd3_table_integer(t, 0));
    ck_assert_ptr_null(flowbd3_table_codes(t, 0));
    ck_assert_ptr_null(flowbd3_table_category(t, 2, 2));
    ck_assert_ptr_null(flowbd3_table_category(t, 0, 0));
    ck_assert(isnan(flowbd3_table_number(t, 5, 0)));
    ck_assert(isnan(flowbd3_table_number(t, 0, 2)));
    ck_assert(isnan(flowbd3_table_number(t, 4, 1)));
    ck_assert_double_eq(flowbd3_table_number(t, 1, 1), 2.0);
    ck_assert_double_eq(flowbd3_table_number(t, 2, 0), -3.0);
    ck_assert_uint_eq(flowbd3_table_rows(NULL), 0);
    ck_assert_int_eq(flowbd3_table_find(NULL, "x"), -1);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(columns_refused) {
    flowbd3_table *t = small_table();
    double values[5] = {0, 0, 0, 0, (double)INFINITY};
    int64_t counts[5] = {0};
    int32_t codes[5] = {0, 1, 2, 0, 0};
    const char *categories[] = {"a", "b"};
    const char *latin[] = {"a", "b", "c", "d", "caf\xe9"};
    ck_assert_int_eq(flowbd3_table_add_real(t, "x", values, NULL, 5, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(err.row, 5);
    ck_assert_int_eq(err.column, 4);
    ck_assert_int_eq(flowbd3_table_add_integer(t, "count", counts, NULL, 5, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_add_integer(t, "", counts, NULL, 5, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_add_integer(t, NULL, counts, NULL, 5, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_add_integer(t, "x", counts, NULL, 4, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_add_integer(t, "x", NULL, NULL, 5, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_add_integer(t, "\xff", counts, NULL, 5, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_add_categorical(t, "x", latin, 5, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(err.status, FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(err.row, 5);
    ck_assert_int_eq(flowbd3_table_add_codes(t, "x", codes, NULL, 5, categories, 2, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(err.row, 3);
    ck_assert_uint_eq(flowbd3_table_columns(t), 3);
    flowbd3_table_destroy(&t);
    ck_assert_int_eq(flowbd3_table_create(NULL, context, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_create(&t, NULL, NULL), FLOWBD3_ERROR_ARGUMENT);
}
END_TEST

START_TEST(codes_keep_the_dictionary) {
    static const int32_t codes[] = {3, 1, 99, 0, 2};
    static const uint8_t valid[] = {1, 1, 0, 1, 1};
    static const char *const categories[] = {"x", "y", "", "x"};
    flowbd3_table *t;
    flowbd3_table_create(&t, context, NULL);
    ck_assert_int_eq(flowbd3_table_add_codes(t, "k", codes, valid, 5, categories, 4, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_categories(t, 0), 2);
    ck_assert_int_eq(flowbd3_table_codes(t, 0)[0], 0);
    ck_assert_int_eq(flowbd3_table_codes(t, 0)[1], 1);
    ck_assert_int_eq(flowbd3_table_codes(t, 0)[3], 0);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 2);
    ck_assert_int_eq(flowbd3_table_add_codes(t, "none", NULL, NULL, 0, NULL, 0, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(decimals_of_arrays) {
    static const struct {
        double values[3];
        int decimals;
    } cases[] = {{{0.5, 1.25, 3.0}, 2},     {{1.0, 2.0, -3.0}, 1},   {{0.1, 0.2, 0.3}, 1},
                 {{1.0 / 3.0, 1, 1}, -1},   {{1e-6, 2.5, 1e3}, 6},   {{1e300, 1, 1}, -1},
                 {{0.1 + 0.2, 1.0, 1}, -1}, {{123456.789, 0, 1}, 3}, {{5e-324, 0, 0}, -1}};
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        flowbd3_table *t;
        flowbd3_table_create(&t, context, NULL);
        ck_assert_int_eq(flowbd3_table_add_real(t, "x", cases[i].values, NULL, 3, &err), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_table_decimals(t, 0), cases[i].decimals);
        flowbd3_table_destroy(&t);
    }
    flowbd3_table *t = small_table();
    ck_assert_int_eq(flowbd3_table_set_decimals(t, 0, 17, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_decimals(t, 0), 17);
    ck_assert_int_eq(flowbd3_table_set_decimals(t, 0, 18, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_set_decimals(t, 1, 2, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_set_decimals(t, 3, 2, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_set_decimals(NULL, 0, 2, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(slice_take_select) {
    flowbd3_table *t = small_table(), *slice, *taken, *selected;
    ck_assert_int_eq(flowbd3_table_slice(&slice, t, 2, 2, &err), FLOWBD3_OK);
    static const size_t order[] = {3, 2, 3};
    ck_assert_int_eq(flowbd3_table_take(&taken, t, order, 3, &err), FLOWBD3_OK);
    static const char *const names[] = {"protocol", "rate"};
    ck_assert_int_eq(flowbd3_table_select(&selected, t, names, 2, &err), FLOWBD3_OK);
    flowbd3_table_destroy(&t);

    ck_assert_uint_eq(flowbd3_table_rows(slice), 2);
    ck_assert_double_eq(flowbd3_table_real(slice, 0)[1], 1e3);
    ck_assert_ptr_null(flowbd3_table_valid(slice, 1));
    ck_assert_str_eq(text_of(slice, 0, 2), "udp");
    ck_assert_uint_eq(flowbd3_table_rows(taken), 3);
    ck_assert_int_eq(flowbd3_table_integer(taken, 1)[0], INT64_MAX);
    ck_assert_int_eq(flowbd3_table_integer(taken, 1)[2], INT64_MAX);
    ck_assert_uint_eq(flowbd3_table_columns(selected), 2);
    ck_assert_str_eq(flowbd3_table_name(selected, 0), "protocol");
    ck_assert_uint_eq(flowbd3_table_missing(selected, 0), 2);

    static const size_t beyond[] = {3};
    ck_assert_int_eq(flowbd3_table_take(&t, taken, beyond, 1, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_slice(&t, slice, 1, 2, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_slice(&t, slice, SIZE_MAX, SIZE_MAX, &err), FLOWBD3_ERROR_RANGE);
    static const char *const wrong[] = {"nothing"}, *const twice[] = {"rate", "rate"};
    ck_assert_int_eq(flowbd3_table_select(&t, slice, wrong, 1, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_select(&t, slice, twice, 2, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_null(t);
    ck_assert_int_eq(flowbd3_table_slice(&t, slice, 2, 0, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_rows(t), 0);
    flowbd3_table_destroy(&t);
    flowbd3_table_destroy(&slice);
    flowbd3_table_destroy(&taken);
    flowbd3_table_destroy(&selected);
}
END_TEST

START_TEST(append_rows) {
    flowbd3_table *t = small_table(), *head, *tail, *whole;
    flowbd3_table_slice(&head, t, 0, 2, NULL);
    flowbd3_table_slice(&tail, t, 2, 3, NULL);
    ck_assert_int_eq(flowbd3_table_append(head, tail, &err), FLOWBD3_OK);
    ck_assert(same_tables(head, t));

    /* A table onto itself, again and again; and one with a dictionary of its own. */
    flowbd3_table_slice(&whole, t, 0, 5, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(flowbd3_table_append(whole, whole, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_rows(whole), 80);
    ck_assert_uint_eq(flowbd3_table_missing(whole, 2), 32);
    ck_assert(same_cell(whole, whole, 79, 1));
    static const double rate[] = {0.0625};
    static const int64_t count[] = {9};
    static const char *const protocol[] = {"icmp"};
    flowbd3_table *other;
    flowbd3_table_create(&other, context, NULL);
    flowbd3_table_add_real(other, "rate", rate, NULL, 1, NULL);
    flowbd3_table_add_integer(other, "count", count, NULL, 1, NULL);
    flowbd3_table_add_categorical(other, "protocol", protocol, 1, NULL);
    ck_assert_int_eq(flowbd3_table_append(whole, other, &err), FLOWBD3_OK);
    ck_assert_str_eq(text_of(whole, 80, 2), "icmp");
    ck_assert_int_eq(flowbd3_table_codes(whole, 2)[80], 2);
    ck_assert_uint_eq(flowbd3_table_valid(whole, 1)[80], 1);
    ck_assert_int_eq(flowbd3_table_decimals(whole, 0), 4);
    /* The table it was cut from keeps its own dictionary. */
    ck_assert_uint_eq(flowbd3_table_categories(t, 2), 2);

    flowbd3_table *narrow;
    static const char *const names[] = {"rate", "protocol", "count"};
    flowbd3_table_select(&narrow, t, names, 2, NULL);
    ck_assert_int_eq(flowbd3_table_append(t, narrow, &err), FLOWBD3_ERROR_SCHEMA);
    flowbd3_table_destroy(&narrow);
    flowbd3_table_select(&narrow, t, names, 3, NULL);
    ck_assert_int_eq(flowbd3_table_append(t, narrow, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_int_eq(err.column, 2);
    flowbd3_table_destroy(&narrow);
    flowbd3_table_destroy(&other);
    flowbd3_table_destroy(&whole);
    flowbd3_table_destroy(&head);
    flowbd3_table_destroy(&tail);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(split_by_seed) {
    int64_t count[100];
    for (int i = 0; i < 100; i++)
        count[i] = i;
    flowbd3_table *t, *a, *b, *c, *d;
    flowbd3_table_create(&t, context, NULL);
    flowbd3_table_add_integer(t, "n", count, NULL, 100, NULL);
    ck_assert_int_eq(flowbd3_table_split(&a, &b, t, 0.8, 42, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_rows(a), 80);
    ck_assert_uint_eq(flowbd3_table_rows(b), 20);
    int seen[100] = {0};
    for (size_t i = 0; i < 80; i++)
        seen[flowbd3_table_integer(a, 0)[i]]++;
    for (size_t i = 0; i < 20; i++)
        seen[flowbd3_table_integer(b, 0)[i]]++;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(seen[i], 1);
    for (size_t i = 1; i < 80; i++)
        ck_assert_int_lt(flowbd3_table_integer(a, 0)[i - 1], flowbd3_table_integer(a, 0)[i]);
    flowbd3_table_split(&c, &d, t, 0.8, 42, NULL);
    ck_assert(same_tables(a, c) && same_tables(b, d));
    flowbd3_table_destroy(&c);
    flowbd3_table_destroy(&d);
    flowbd3_table_split(&c, &d, t, 0.8, 43, NULL);
    ck_assert(!same_tables(a, c));
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    flowbd3_table_destroy(&c);
    flowbd3_table_destroy(&d);

    ck_assert_int_eq(flowbd3_table_split(&a, &b, t, 1e-9, 1, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_rows(a), 1);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    ck_assert_int_eq(flowbd3_table_split(&a, &b, t, 1.0, 1, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_split(&a, &b, t, (double)NAN, 1, &err), FLOWBD3_ERROR_RANGE);
    flowbd3_table_slice(&c, t, 0, 1, NULL);
    ck_assert_int_eq(flowbd3_table_split(&a, &b, c, 0.5, 1, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_table_destroy(&c);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(many_categories) {
    enum { N = 20000 };
    flowbd3_table *t;
    char(*texts)[32] = malloc(N * sizeof *texts);
    const char **values = malloc(N * sizeof *values);
    for (int i = 0; i < N; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "10.%d.%d.%d", i % 7, i / 256, i % 256);
        values[i] = texts[i];
    }
    flowbd3_table_create(&t, context, NULL);
    ck_assert_int_eq(flowbd3_table_add_categorical(t, "host", values, N, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_categories(t, 0), N);
    for (size_t i = 0; i < N; i++)
        ck_assert_str_eq(text_of(t, i, 0), texts[i]);
    flowbd3_table_destroy(&t);
    free(values);
    free(texts);
}
END_TEST

START_TEST(utf8_as_rfc_3629_has_it) {
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {{"plain", true},
                 {"\xc3\xa9", true},
                 {"\xe2\x82\xac", true},
                 {"\xf0\x9f\x8c\x8d", true},
                 {"\xc3", false},
                 {"\xc0\x80", false},
                 {"\xe0\x9f\xbf", false},
                 {"\xed\xa0\x80", false},
                 {"\xf4\x90\x80\x80", false},
                 {"\xf5\x80\x80\x80", false},
                 {"a\x80", false},
                 {"\xe2\x28\xa1", false},
                 {"\xf0\x8f\xbf\xbf", false},
                 {"\xf0\x9f\x8c", false},
                 {"\xed\x9f\xbf", true}};
    for (size_t i = 0; i < FB3_COUNT(cases); i++)
        ck_assert_msg(fb3_is_utf8(cases[i].text, strlen(cases[i].text)) == cases[i].valid, "case %zu", i);
    ck_assert(!fb3_is_utf8("a\0b", 3));
}
END_TEST

START_TEST(context_outlived) {
    flowbd3_table *t = small_table(), *slice;
    flowbd3_context_destroy(&context);
    flowbd3_table_slice(&slice, t, 0, 3, NULL);
    flowbd3_table_destroy(&t);
    ck_assert_str_eq(text_of(slice, 0, 2), "tcp");
    flowbd3_table_destroy(&slice);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("table");
    TCase *tests = tcase_create("table");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, columns_hold_what_was_added);
    tcase_add_test(tests, accessors_beyond_the_table);
    tcase_add_test(tests, columns_refused);
    tcase_add_test(tests, codes_keep_the_dictionary);
    tcase_add_test(tests, decimals_of_arrays);
    tcase_add_test(tests, slice_take_select);
    tcase_add_test(tests, append_rows);
    tcase_add_test(tests, split_by_seed);
    tcase_add_test(tests, many_categories);
    tcase_add_test(tests, utf8_as_rfc_3629_has_it);
    tcase_add_test(tests, context_outlived);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
