/* Addresses: text against Python's ipaddress (tests/golden/addresses.py) and the C library, columns, CSV. */
#include "compare_tables.h"
#include "golden.h"
#include "table/table.h"
#include "test_main.h"

#include <arpa/inet.h>
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

/* ---- text -------------------------------------------------------------------------------------- */

static void see_address(const char *text, const char *expected) {
    char canonical[FB3_ADDRESS_TEXT];
    size_t size = fb3_address_canonical(canonical, text, strlen(text));
    ck_assert_msg((size != 0) == (strcmp(expected, "bad") != 0), "'%s'", text);
    if (size == 0)
        return;
    ck_assert_uint_eq(size, strlen(canonical));
    ck_assert_msg(strcmp(canonical, expected) == 0, "%s: %s, expected %s", text, canonical, expected);
}

START_TEST(texts_are_those_of_python) {
    ck_assert_int_gt(for_each_golden("addresses.txt", see_address), 450);
}
END_TEST

/* Whether both take the text, and as the same address. */
static void compare_with_inet_pton(const char *text) {
    uint8_t bytes[16], expected[16];
    unsigned family_bytes;
    bool good = fb3_address_parse(text, strlen(text), bytes, &family_bytes);
    bool v4 = inet_pton(AF_INET, text, expected) == 1, v6 = !v4 && inet_pton(AF_INET6, text, expected) == 1;
    if (good != (v4 || v6) ||
        (good && (family_bytes != (v4 ? 4U : 16U) || memcmp(bytes, expected, family_bytes) != 0)))
        ck_abort_msg("'%s': %d", text, good);
}

START_TEST(random_addresses_come_back) {
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t word[8];
        uint8_t bytes[16], back[16];
        unsigned family_bytes = i % 3 == 0 ? 4 : 16, back_bytes;
        char text[FB3_ADDRESS_TEXT], again[FB3_ADDRESS_TEXT];
        fb3_random(word, 2, FB3_RANDOM_SUBSAMPLE, i, 0);
        fb3_random(word + 4, 2, FB3_RANDOM_SUBSAMPLE, i, 1);
        memcpy(bytes, word, sizeof bytes);
        for (size_t k = 0; k < sizeof bytes; k++)
            if ((word[4] >> k / 2 & 1) != 0 || (word[5] >> k & 1) != 0)
                bytes[k] = 0;
        size_t size = fb3_address_print(text, bytes, family_bytes);
        if (size != strlen(text) || !fb3_address_parse(text, size, back, &back_bytes) ||
            back_bytes != family_bytes || memcmp(back, bytes, family_bytes) != 0 ||
            fb3_address_canonical(again, text, size) != size || strcmp(again, text) != 0)
            ck_abort_msg("%s", text);
        compare_with_inet_pton(text);
        /* A character changed, or left out. */
        size_t at = word[6] % size;
        text[at] = "0:.f19g"[word[7] % 7];
        compare_with_inet_pton(text);
        memmove(text + at, text + at + 1, size - at);
        compare_with_inet_pton(text);
    }
}
END_TEST

/* ---- columns ----------------------------------------------------------------------------------- */

START_TEST(columns_of_addresses) {
    static const char *const hosts[] = {"2001:DB8::1", NULL, "10.0.0.1", "2001:db8:0::1", ""};
    static const char *const bad[] = {"10.0.0.1", "1.2.3.256"};
    flowbd3_table *t, *part, *other;
    ck_assert_int_eq(flowbd3_table_create(&t, context, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_address(t, "host", hosts, 5, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_ADDRESS);
    ck_assert_uint_eq(flowbd3_table_categories(t, 0), 2);
    ck_assert_str_eq(flowbd3_table_category(t, 0, 0), "2001:db8::1");
    ck_assert_int_eq(flowbd3_table_codes(t, 0)[3], 0);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 2);
    ck_assert_int_eq(flowbd3_table_decimals(t, 0), 0);
    ck_assert_ptr_null(flowbd3_table_integer(t, 0));
    ck_assert(isnan(flowbd3_table_number(t, 0, 0)));
    ck_assert_int_eq(flowbd3_table_set_decimals(t, 0, 1, &err), FLOWBD3_ERROR_ARGUMENT);

    ck_assert_int_eq(flowbd3_table_slice(&part, t, 2, 2, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_type(part, 0), FLOWBD3_TYPE_ADDRESS);
    ck_assert_int_eq(flowbd3_table_append(t, part, &err), FLOWBD3_OK);
    ck_assert_str_eq(text_of(t, 5, 0), "10.0.0.1");
    ck_assert_int_eq(flowbd3_table_create(&other, context, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(other, "host", hosts, 5, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_append(t, other, &err), FLOWBD3_ERROR_SCHEMA);
    flowbd3_table_destroy(&other);

    memset(&err, 0, sizeof err);
    ck_assert_int_eq(flowbd3_table_create(&other, context, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_address(other, "host", bad, 2, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(err.row, 2);
    ck_assert_int_eq(err.column, 1);
    ck_assert_uint_eq(flowbd3_table_columns(other), 0);
    flowbd3_table_destroy(&other);
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

START_TEST(types_are_inferred) {
    static const struct {
        const char *cells;
        flowbd3_type type;
        const char *first, *last;
    } cases[] = {
        {"10.0.0.1\n::1\n", FLOWBD3_TYPE_ADDRESS, "10.0.0.1", "::1"},
        {"\"\"\nFE80::0:1\n\"\"\nfe80::1\n", FLOWBD3_TYPE_ADDRESS, "", "fe80::1"},
        {"10.0.0.1\nhost\n", FLOWBD3_TYPE_CATEGORICAL, "10.0.0.1", "host"},
        {"\"\"\n10.0.0.1\n10.0.0.2\nhost\n", FLOWBD3_TYPE_CATEGORICAL, "", "host"},
        {"10.0.0.1\n10.0.0.01\n", FLOWBD3_TYPE_CATEGORICAL, "10.0.0.1", "10.0.0.01"},
        {"10.0.0.1\n1.2.3.256\n", FLOWBD3_TYPE_CATEGORICAL, "10.0.0.1", "1.2.3.256"},
        {"FE80::0:1\n::1::\n", FLOWBD3_TYPE_CATEGORICAL, "FE80::0:1", "::1::"},
        {"host\n10.0.0.1\n", FLOWBD3_TYPE_CATEGORICAL, "host", "10.0.0.1"},
        {"1.5\n10.0.0.1\n", FLOWBD3_TYPE_CATEGORICAL, "1.5", "10.0.0.1"},
        {"10.0.0.1\n7\n", FLOWBD3_TYPE_CATEGORICAL, "10.0.0.1", "7"},
        {"nan\n10.0.0.1\n", FLOWBD3_TYPE_CATEGORICAL, "nan", "10.0.0.1"},
        {"10.0.0.1\nnan\n", FLOWBD3_TYPE_CATEGORICAL, "10.0.0.1", "nan"},
        {"10.0.0.1\n2011-08-17 12:01:33\n", FLOWBD3_TYPE_CATEGORICAL, "10.0.0.1", "2011-08-17 12:01:33"},
    };
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        char text[160];
        (void)snprintf(text, sizeof text, "x\n%s", cases[i].cells);
        flowbd3_table *t = parse(text, NULL);
        size_t last = flowbd3_table_rows(t) - 1;
        ck_assert_msg(flowbd3_table_type(t, 0) == cases[i].type, "%s: type %d", text,
                      (int)flowbd3_table_type(t, 0));
        ck_assert_str_eq(text_of(t, 0, 0), cases[i].first);
        ck_assert_str_eq(text_of(t, last, 0), cases[i].last);
        ck_assert(flowbd3_table_valid(t, 0) == NULL || flowbd3_table_valid(t, 0)[last]);
        flowbd3_table_destroy(&t);
    }
}
END_TEST

START_TEST(types_given) {
    static const flowbd3_column_type types[] = {{"a", FLOWBD3_TYPE_ADDRESS}, {"c", FLOWBD3_TYPE_CATEGORICAL}};
    static const char *const bad[] = {"1.2.3.256", "::1::", "host", "nan", "01.2.3.4"};
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.types = types;
    o.n_types = 2;
    flowbd3_table *t = parse("a,c\n,10.0.0.1\nFE80::1,::0\n", &o);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_ADDRESS);
    ck_assert_int_eq(flowbd3_table_type(t, 1), FLOWBD3_TYPE_CATEGORICAL);
    ck_assert_str_eq(text_of(t, 1, 0), "fe80::1");
    ck_assert_str_eq(text_of(t, 1, 1), "::0");
    flowbd3_table_destroy(&t);
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "c,a\nx,::\ny,%s\n", bad[i]);
        ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text, strlen(text), &o, &err),
                         FLOWBD3_ERROR_FORMAT);
        ck_assert_ptr_null(t);
        ck_assert_int_eq(err.row, 3);
        ck_assert_int_eq(err.column, 2);
        ck_assert_msg(strstr(err.message, bad[i]) != NULL && strstr(err.message, "address") != NULL, "%s",
                      err.message);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("address");
    TCase *tests = tcase_create("address");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, texts_are_those_of_python);
    tcase_add_test(tests, random_addresses_come_back);
    tcase_add_test(tests, columns_of_addresses);
    tcase_add_test(tests, types_are_inferred);
    tcase_add_test(tests, types_given);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
