/* Times: text against Python's datetime (tests/golden/times.py), columns, CSV files byte for byte. */
#include "compare_tables.h"
#include "golden.h"
#include "table/table.h"
#include "test_main.h"

#include <inttypes.h>
#include <unistd.h>

static flowbd3_context *context;
static flowbd3_error err;

static void start(void) {
    memset(&err, 0, sizeof err);
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, &err), FLOWBD3_OK);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
}

/* ---- text -------------------------------------------------------------------------------------- */

/* Without a distance from UTC what was read is printed as it was. */
static void see_time(const char *text, const char *expected) {
    fb3_time time;
    char printed[FB3_TIME_TEXT];
    bool good = fb3_time_parse(&time, text, strlen(text));
    ck_assert_msg(good == (strcmp(expected, "bad") != 0), "'%s': %d", text, good);
    if (!good)
        return;
    ck_assert_msg(time.nanoseconds == strtoll(expected, NULL, 10), "%s: %" PRId64 ", expected %s", text,
                  time.nanoseconds, expected);
    size_t size = fb3_time_print(printed, time.nanoseconds, time.decimals, time.form);
    ck_assert_uint_eq(size, strlen(printed));
    if (strpbrk(text, "+") == NULL && strchr(text + 10, '-') == NULL)
        ck_assert_str_eq(printed, text);
    fb3_time again;
    ck_assert(fb3_time_parse(&again, printed, size));
    ck_assert_int_eq(again.nanoseconds, time.nanoseconds);
    ck_assert_uint_eq(again.form, time.form);
}

START_TEST(texts_are_those_of_python) {
    ck_assert_int_gt(for_each_golden("times.txt", see_time), 450);
}
END_TEST

START_TEST(any_integer_is_a_time) {
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t word[4];
        fb3_random(word, 1, FB3_RANDOM_SUBSAMPLE, i, 0);
        int64_t value = i < FB3_COUNT(ends) ? ends[i] : (int64_t)((uint64_t)word[0] << 32 | word[1]);
        unsigned form = word[2] % FB3_TIME_FORMS;
        int decimals = FB3_TIME_DIGITS;
        char text[FB3_TIME_TEXT];
        fb3_time back;
        size_t size = fb3_time_print(text, value, decimals, form);
        bool fine = size < sizeof text && fb3_time_parse(&back, text, size) && back.nanoseconds == value &&
                    back.form == form && back.decimals == decimals;
        for (size_t n = 0; n < 19; n++)
            fine = fine && !fb3_time_parse(&back, text, n);
        if (!fine)
            ck_abort_msg("%s", text);
    }
    /* One nanosecond beyond either end. */
    fb3_time time;
    ck_assert(fb3_time_parse(&time, "1677-09-21 00:12:43.145224192", 29) && time.nanoseconds == INT64_MIN);
    ck_assert(fb3_time_parse(&time, "2262-04-11 23:47:16.854775807", 29) && time.nanoseconds == INT64_MAX);
    ck_assert(!fb3_time_parse(&time, "1677-09-21 00:12:43.145224191", 29));
    ck_assert(!fb3_time_parse(&time, "2262-04-11 23:47:16.854775808", 29));
}
END_TEST

/* The days of 1678 to 2261 one after the other: 86400 seconds each, and every month as long as it is. */
START_TEST(days_follow_one_another) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expected = INT64_C(-9214560000000000000);
    for (int year = 1678; year <= 2261; year++)
        for (int month = 1; month <= 12; month++) {
            bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
            int last = lengths[month - 1] + (month == 2 && leap);
            for (int day = 1; day <= last + 1; day++) {
                char text[64], printed[FB3_TIME_TEXT];
                fb3_time time;
                (void)snprintf(text, sizeof text, "%04d-%02d-%02d 00:00:00", year, month, day);
                bool fine = fb3_time_parse(&time, text, 19) == (day <= last);
                if (fine && day <= last) {
                    fb3_time_print(printed, expected, 0, 0);
                    fine = time.nanoseconds == expected && strcmp(printed, text) == 0;
                    expected += INT64_C(86400000000000);
                }
                if (!fine)
                    ck_abort_msg("%s", text);
            }
        }
}
END_TEST

START_TEST(digits_and_rounding) {
    static const struct {
        int64_t value;
        int decimals;
        int64_t rounded;
        const char *printed;
    } cases[] = {
        {1499999999, 0, 1000000000, "1970-01-01 00:00:01"},
        {1500000000, 0, 2000000000, "1970-01-01 00:00:01"},
        {-1, 0, 0, "1969-12-31 23:59:59"},
        {-1, 3, 0, "1969-12-31 23:59:59.999"},
        {-500000001, 0, -1000000000, "1969-12-31 23:59:59"},
        {123456789, 6, 123457000, "1970-01-01 00:00:00.123456"},
        {123456789, 9, 123456789, "1970-01-01 00:00:00.123456789"},
        {INT64_MAX, 0, INT64_MAX, "2262-04-11 23:47:16"},
        {INT64_MIN, 3, INT64_MIN, "1677-09-21 00:12:43.145"},
    };
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        char printed[FB3_TIME_TEXT];
        ck_assert_int_eq(fb3_time_round(cases[i].value, cases[i].decimals), cases[i].rounded);
        fb3_time_print(printed, cases[i].value, cases[i].decimals, 0);
        ck_assert_str_eq(printed, cases[i].printed);
    }
    static const int64_t values[] = {0, 1500000000, 1230000, 7};
    static const uint8_t valid[] = {1, 1, 1, 0};
    ck_assert_int_eq(fb3_time_decimals_of(values, valid, 1), 0);
    ck_assert_int_eq(fb3_time_decimals_of(values, valid, 2), 1);
    ck_assert_int_eq(fb3_time_decimals_of(values, valid, 4), 5);
    ck_assert_int_eq(fb3_time_decimals_of(values, NULL, 4), 9);
    for (unsigned form = 0; form < FB3_TIME_FORMS; form++) {
        const char *text = fb3_time_form_text(form);
        ck_assert_uint_eq(fb3_time_form_of(text, strlen(text)), form);
    }
    ck_assert_uint_eq(fb3_time_form_of("YYYY", 4), FB3_TIME_FORMS);
}
END_TEST

/* ---- columns ----------------------------------------------------------------------------------- */

START_TEST(columns_of_times) {
    static const int64_t seconds[] = {1313582493500000000, 0, -1};
    static const uint8_t valid[] = {1, 1, 0};
    static const double rate[] = {1, 2, 3};
    flowbd3_table *t, *part;
    ck_assert_int_eq(flowbd3_table_create(&t, context, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_timestamp(t, "when", seconds, valid, 3, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(t, "rate", rate, NULL, 3, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_TIMESTAMP);
    ck_assert_int_eq(flowbd3_table_decimals(t, 0), 1);
    ck_assert_uint_eq(flowbd3_table_time_form(t, 0), FLOWBD3_TIME_T | FLOWBD3_TIME_Z);
    ck_assert_uint_eq(flowbd3_table_time_form(t, 1), 0);
    ck_assert_uint_eq(flowbd3_table_time_form(t, 2), 0);
    ck_assert_int_eq(flowbd3_table_integer(t, 0)[0], seconds[0]);
    ck_assert_int_eq(flowbd3_table_integer(t, 0)[2], 0);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 1);
    ck_assert_ptr_null(flowbd3_table_real(t, 0));
    ck_assert_ptr_null(flowbd3_table_codes(t, 0));
    ck_assert_double_eq(flowbd3_table_number(t, 0, 0), 1313582493.5e9);

    ck_assert_int_eq(flowbd3_table_set_decimals(t, 0, 10, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_set_decimals(t, 0, -1, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_set_decimals(t, 0, 3, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_set_time_form(t, 0, FLOWBD3_TIME_SLASHES, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_set_time_form(t, 0, 8, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_set_time_form(t, 1, 0, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_set_time_form(t, 2, 0, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(flowbd3_table_set_time_form(NULL, 0, 0, &err), FLOWBD3_ERROR_ARGUMENT);

    ck_assert_int_eq(flowbd3_table_slice(&part, t, 1, 2, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_decimals(part, 0), 3);
    ck_assert_uint_eq(flowbd3_table_time_form(part, 0), FLOWBD3_TIME_SLASHES);
    ck_assert_int_eq(flowbd3_table_set_decimals(part, 0, 6, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_append(t, part, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_decimals(t, 0), 6);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 2);
    ck_assert_int_eq(flowbd3_table_integer(t, 0)[3], 0);
    flowbd3_table_destroy(&part);
    flowbd3_table_destroy(&t);
}
END_TEST

/* ---- CSV --------------------------------------------------------------------------------------- */

static flowbd3_table *parse(const char *text, const flowbd3_csv_options *options) {
    flowbd3_table *t;
    flowbd3_status status = flowbd3_table_parse_csv(&t, context, text, strlen(text), options, &err);
    ck_assert_msg(status == FLOWBD3_OK, "%s: %s", text, err.message);
    return t;
}

static void expect_written(const char *text, const char *expected, const flowbd3_csv_options *options) {
    char path[] = "/tmp/flowbd3-times-XXXXXX", *back;
    size_t size;
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    (void)close(descriptor);
    flowbd3_table *t = parse(text, options);
    ck_assert_int_eq(flowbd3_table_write_csv(t, path, options, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_read(&back, &size, context, path, &err), FLOWBD3_OK);
    ck_assert_str_eq(back, expected);
    fb3_release(context, back);
    flowbd3_table_destroy(&t);
    (void)unlink(path);
}

START_TEST(types_are_inferred) {
    static const struct {
        const char *cells;
        flowbd3_type type;
        int decimals;
        unsigned form;
    } cases[] = {
        {"2011-08-17 12:01:33\n", FLOWBD3_TYPE_TIMESTAMP, 0, FLOWBD3_TIME_PLAIN},
        {"2011/08/17 12:01:33.5\n2011/08/17 12:01:33.123456\n", FLOWBD3_TYPE_TIMESTAMP, 6,
         FLOWBD3_TIME_SLASHES},
        {"\"\"\n2011-08-17T12:01:33.1Z\n\"\"\n2011-08-17T12:01:34.2Z\n", FLOWBD3_TYPE_TIMESTAMP, 1,
         FLOWBD3_TIME_T | FLOWBD3_TIME_Z},
        {"2011-08-17T12:01:33+02:00\n2011-08-17T12:01:33Z\n", FLOWBD3_TYPE_TIMESTAMP, 0,
         FLOWBD3_TIME_T | FLOWBD3_TIME_Z},
        {"2011-08-17 12:01:33\n2011-08-17 12:01:33Z\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"2011-08-17 12:01:33\n2011/08/17 12:01:33\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"2011-08-17 12:01:33\n2011-08-17\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"2011-08-17 12:01:33\n2011-02-30 12:01:33\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"2011-08-17 12:01:33\n2011-08-17 24:00:00\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"2011-08-17 12:01:33\nnan\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"nan\n2011-08-17 12:01:33\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"1\n2011-08-17 12:01:33\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"2011-08-17 12:01:33\n1\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"2011-08-17 12:01:33\n10.0.0.1\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
        {"9999-08-17 12:01:33\n", FLOWBD3_TYPE_CATEGORICAL, 0, 0},
    };
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        char text[160];
        (void)snprintf(text, sizeof text, "x\n%s", cases[i].cells);
        flowbd3_table *t = parse(text, NULL);
        ck_assert_msg(flowbd3_table_type(t, 0) == cases[i].type &&
                          flowbd3_table_decimals(t, 0) == cases[i].decimals &&
                          flowbd3_table_time_form(t, 0) == cases[i].form,
                      "%s: type %d, %d decimals, form %u", text, (int)flowbd3_table_type(t, 0),
                      flowbd3_table_decimals(t, 0), flowbd3_table_time_form(t, 0));
        if (cases[i].type == FLOWBD3_TYPE_CATEGORICAL && i != 9 && i != 10)
            ck_assert_uint_eq(flowbd3_table_missing(t, 0), 0);
        flowbd3_table_destroy(&t);
    }
}
END_TEST

START_TEST(files_are_written_as_they_were) {
    static const char *const same[] = {
        "t,n\n2011-08-17 12:01:33.123456,1\n2012-02-29 00:00:00.000000,2\n",
        "t,n\n2011/08/17 12:01:33,1\n1969/12/31 23:59:59,2\n",
        "t,n\n2011-08-17T12:01:33.123Z,1\n,2\n1678-01-01T00:00:00.000Z,3\n",
        "t\n2011-08-17T12:01:33.123456789\n\"\"\n",
        "t\n2011/08/17T12:01:33Z\n",
        "t,late\n2011-08-17 12:01:33.5,2011-08-17 12:01:33.50\n2011-08-17 12:01:33.7,later\n",
    };
    for (size_t i = 0; i < FB3_COUNT(same); i++)
        expect_written(same[i], same[i], NULL);
    expect_written("t\n2011-08-17 12:01:33.5\n2011-08-17 12:01:33\n2011-08-17 12:01:33.25\n",
                   "t\n2011-08-17 12:01:33.50\n2011-08-17 12:01:33.00\n2011-08-17 12:01:33.25\n", NULL);
    expect_written("t\n2011-08-17T12:01:33.5+02:00\n2011-08-17T23:01:33.5-0130\n",
                   "t\n2011-08-17T10:01:33.5Z\n2011-08-18T00:31:33.5Z\n", NULL);
    /* Delimiters that times are made of. */
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    static const char delimiters[] = " :/";
    for (const char *d = delimiters; *d != '\0'; d++) {
        char text[64];
        o.delimiter = *d;
        (void)snprintf(text, sizeof text, "t%cn\n\"2011/08/17 12:01:33\"%c1\n", *d, *d);
        expect_written(text, text, &o);
    }
}
END_TEST

START_TEST(types_given) {
    static const flowbd3_column_type types[] = {{"t", FLOWBD3_TYPE_TIMESTAMP},
                                                {"c", FLOWBD3_TYPE_CATEGORICAL}};
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.types = types;
    o.n_types = 2;
    /* Of any form then, and written in that of the first. */
    expect_written("t,c\n,2011-08-17 12:01:33\n2011/08/17 12:01:33,x\n2011-08-17T12:01:33.5Z,y\n",
                   "t,c\n,2011-08-17 12:01:33\n2011/08/17 12:01:33.0,x\n2011/08/17 12:01:33.5,y\n", &o);
    flowbd3_table *t = parse("t,c\n,a\n", &o);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_TIMESTAMP);
    flowbd3_table_destroy(&t);
    static const char *const bad[] = {"2011-02-30 00:00:00", "2011-08-17 24:00:00",
                                      "2016-12-31 23:59:60", "nan",
                                      "1313582493",          "2300-01-01 00:00:00"};
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "c,t\na,2011-08-17 12:01:33\nb,%s\n", bad[i]);
        ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text, strlen(text), &o, &err),
                         FLOWBD3_ERROR_FORMAT);
        ck_assert_ptr_null(t);
        ck_assert_int_eq(err.row, 3);
        ck_assert_int_eq(err.column, 2);
        ck_assert_msg(strstr(err.message, bad[i]) != NULL && strstr(err.message, "date and time") != NULL,
                      "%s", err.message);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("timestamp");
    TCase *tests = tcase_create("timestamp");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, texts_are_those_of_python);
    tcase_add_test(tests, any_integer_is_a_time);
    tcase_add_test(tests, days_follow_one_another);
    tcase_add_test(tests, digits_and_rounding);
    tcase_add_test(tests, columns_of_times);
    tcase_add_test(tests, types_are_inferred);
    tcase_add_test(tests, files_are_written_as_they_were);
    tcase_add_test(tests, types_given);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
