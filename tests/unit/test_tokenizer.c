/* The tokenizer room: binning, encoding, decoding, JSON. */
#include "compare_tables.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <unistd.h>

static flowbd3_context *context;

static void setup(void) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 2;
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

static flowbd3_table *new_table(void) {
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    return table;
}

static flowbd3_tokenizer *fit(const flowbd3_table *table, flowbd3_binning binning, uint32_t bins) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_error err = {0};
    flowbd3_tokenizer *tokenizer;
    options.binning = binning;
    options.bins = bins;
    options.seed = 5;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return tokenizer;
}

/* Decoded and encoded again, every token of every slot is itself, with either decoding. */
static void check_tokens_come_back(const flowbd3_tokenizer *tokenizer) {
    size_t slots = flowbd3_tokenizer_slots(tokenizer), rows = 0;
    for (size_t s = 0; s < slots; s++)
        if (flowbd3_tokenizer_vocabulary(tokenizer, s) > rows)
            rows = flowbd3_tokenizer_vocabulary(tokenizer, s);
    rows *= 3;
    uint16_t *tokens = malloc(rows * slots * sizeof *tokens), *again = malloc(rows * slots * sizeof *again);
    for (size_t i = 0; i < rows * slots; i++)
        tokens[i] = (uint16_t)(i / slots % flowbd3_tokenizer_vocabulary(tokenizer, i % slots));
    for (int way = 0; way < 2; way++) {
        flowbd3_table *table;
        flowbd3_error err = {0};
        ck_assert_int_eq(
            flowbd3_tokenizer_decode(tokenizer, tokens, rows, (flowbd3_decoding)way, 3, 11, &table, &err),
            FLOWBD3_OK);
        ck_assert_msg(flowbd3_tokenizer_encode(tokenizer, table, again, &err) == FLOWBD3_OK, "%s",
                      err.message);
        ck_assert_mem_eq(tokens, again, rows * slots * sizeof *tokens);
        flowbd3_table_destroy(&table);
    }
    free(tokens);
    free(again);
}

START_TEST(protocols_come_back) {
    int64_t protocol[1000];
    for (size_t i = 0; i < 1000; i++)
        protocol[i] = i % 10 < 7 ? 6 : i % 20 < 19 ? 17 : 1;
    flowbd3_table *table = new_table(), *back;
    flowbd3_table_add_integer(table, "protocol", protocol, NULL, 1000, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 1);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), 3);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 0) == 1);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 1) == 6);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 2) == 17);
    ck_assert(isnan(flowbd3_tokenizer_centre(tokenizer, 0, 3)));
    const uint64_t *counts = fb3_tokenizer_counts(tokenizer, 0);
    ck_assert_uint_eq(counts[0], 50);
    ck_assert_uint_eq(counts[1], 700);
    ck_assert_uint_eq(counts[2], 250);
    uint16_t tokens[1000];
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(
        flowbd3_tokenizer_decode(tokenizer, tokens, 1000, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL),
        FLOWBD3_OK);
    ck_assert_mem_eq(flowbd3_table_integer(back, 0), protocol, sizeof protocol);
    flowbd3_table_destroy(&back);
    check_tokens_come_back(tokenizer);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(missing_is_the_last_token) {
    double rate[6] = {0.5, (double)NAN, 1.25, 0.5, (double)NAN, 7};
    const char *state[6] = {"CON", "S_", NULL, "CON", "", "FSPA"};
    int64_t packets[6] = {1, 2, 3, 4, 5, 6};
    flowbd3_table *table = new_table(), *back;
    flowbd3_table_add_real(table, "rate", rate, NULL, 6, NULL);
    flowbd3_table_add_categorical(table, "state", state, 6, NULL);
    flowbd3_table_add_integer(table, "packets", packets, NULL, 6, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    static const size_t vocabularies[] = {4, 4, 6};
    for (size_t s = 0; s < 3; s++) {
        ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, s), vocabularies[s]);
        ck_assert_int_eq(fb3_tokenizer_has_missing(tokenizer, s), s < 2);
        ck_assert_int_eq(fb3_tokenizer_is_ordered(tokenizer, s), s != 1);
    }
    ck_assert_uint_eq(fb3_tokenizer_counts(tokenizer, 0)[3], 2);
    ck_assert_uint_eq(fb3_tokenizer_counts(tokenizer, 1)[3], 2);
    uint16_t tokens[18], expected[18] = {0, 0, 0, 3, 1, 1, 1, 3, 2, 0, 0, 3, 3, 3, 4, 2, 2, 5};
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_mem_eq(tokens, expected, sizeof tokens);
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, 6, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL),
                     FLOWBD3_OK);
    ck_assert(same_tables(table, back));
    ck_assert_uint_eq(flowbd3_table_missing(back, 0), 2);
    ck_assert_uint_eq(flowbd3_table_missing(back, 1), 2);
    ck_assert_ptr_null(flowbd3_table_valid(back, 2));
    ck_assert_int_eq(flowbd3_table_decimals(back, 0), 2);
    ck_assert_str_eq(flowbd3_table_category(back, 1, 2), "FSPA");
    flowbd3_table_destroy(&back);
    check_tokens_come_back(tokenizer);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(frequent_values_have_their_own_token) {
    enum { ROWS = 20000 };
    double *size = malloc(ROWS * sizeof *size);
    for (size_t i = 0; i < ROWS; i++) {
        double u = fb3_uniform(3, FB3_RANDOM_SHUFFLE, i, 0);
        size[i] = i % 4 == 0 ? 64 : i % 4 == 1 ? 1500 : nearbyint(64e6 + u * 1436e6) / 1e6;
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_real(table, "size", size, NULL, ROWS, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 32);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), 32);
    const uint64_t *counts = fb3_tokenizer_counts(tokenizer, 0);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 0) == 64);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 31) == 1500);
    ck_assert_uint_eq(counts[0], ROWS / 4);
    ck_assert_uint_eq(counts[31], ROWS / 4);
    /* A sixteenth of the tokens cuts wide bins, the two frequent values have one each: 28 bins at first. */
    for (size_t t = 1; t < 31; t++)
        ck_assert_uint_le(counts[t], ROWS / 2 / 28 + 1);
    check_tokens_come_back(tokenizer);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    free(size);
}
END_TEST

/* More frequent values than there is room for beside the runs between them. */
START_TEST(frequent_values_give_way_to_what_lies_between) {
    int64_t value[1010];
    for (size_t i = 0; i < 1000; i++)
        value[i] = 20 * (int64_t)(i % 10);
    for (size_t i = 0; i < 10; i++)
        value[1000 + i] = 20 * (int64_t)i + 10;
    for (uint32_t bins = 2; bins < 20; bins++) {
        flowbd3_table *table = new_table();
        flowbd3_table_add_integer(table, "value", value, NULL, 1010, NULL);
        flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, bins);
        ck_assert_uint_le(flowbd3_tokenizer_vocabulary(tokenizer, 0), bins);
        ck_assert_uint_ge(flowbd3_tokenizer_vocabulary(tokenizer, 0), bins - 1);
        check_tokens_come_back(tokenizer);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

START_TEST(huge_integers_stay_exact) {
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    int64_t value[506];
    memcpy(value, ends, sizeof ends);
    for (size_t i = 6; i < 506; i++)
        value[i] = (INT64_C(1) << 60) + (int64_t)i;
    for (int binning = 0; binning < 4; binning++)
        for (uint32_t bins = 2; bins <= 1000; bins += 499) {
            flowbd3_table *table = new_table(), *back;
            flowbd3_table_add_integer(table, "value", value, NULL, 506, NULL);
            flowbd3_tokenizer *tokenizer = fit(table, (flowbd3_binning)binning, bins);
            check_tokens_come_back(tokenizer);
            uint16_t tokens[506];
            ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
            ck_assert_int_eq(
                flowbd3_tokenizer_decode(tokenizer, tokens, 506, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL),
                FLOWBD3_OK);
            if (binning == FLOWBD3_BINNING_AUTO && bins == 1000)
                ck_assert_mem_eq(flowbd3_table_integer(back, 0), value, sizeof value);
            flowbd3_table_destroy(&back);
            flowbd3_tokenizer_destroy(&tokenizer);
            flowbd3_table_destroy(&table);
        }
}
END_TEST

START_TEST(extreme_reals) {
    double value[400];
    for (size_t i = 0; i < 400; i++) {
        double u = fb3_uniform(3, FB3_RANDOM_SHUFFLE, i, 0);
        value[i] = (i % 2 ? 1 : -1) * pow(10, 600 * u - 300);
    }
    value[0] = -1.7976931348623157e308;
    value[1] = 1.7976931348623157e308;
    value[2] = 5e-324;
    value[3] = -0.0;
    for (int binning = 0; binning < 4; binning++)
        for (uint32_t bins = 2; bins <= 500; bins += 83) {
            flowbd3_table *table = new_table();
            flowbd3_table_add_real(table, "value", value, NULL, 400, NULL);
            flowbd3_tokenizer *tokenizer = fit(table, (flowbd3_binning)binning, bins);
            check_tokens_come_back(tokenizer);
            for (size_t t = 0; t < flowbd3_tokenizer_vocabulary(tokenizer, 0); t++)
                ck_assert(isfinite(flowbd3_tokenizer_centre(tokenizer, 0, t)));
            flowbd3_tokenizer_destroy(&tokenizer);
            flowbd3_table_destroy(&table);
        }
}
END_TEST

START_TEST(one_value_and_one_row) {
    double value[3] = {2.5, 2.5, 2.5};
    for (int binning = 0; binning < 4; binning++)
        for (size_t rows = 1; rows <= 3; rows += 2) {
            flowbd3_table *table = new_table();
            flowbd3_table_add_real(table, "value", value, NULL, rows, NULL);
            flowbd3_tokenizer *tokenizer = fit(table, (flowbd3_binning)binning, 256);
            ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), 1);
            ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 0) == 2.5);
            check_tokens_come_back(tokenizer);
            flowbd3_tokenizer_destroy(&tokenizer);
            flowbd3_table_destroy(&table);
        }
}
END_TEST

START_TEST(numbers_outside_take_the_nearest_token) {
    int64_t fitted[] = {10, 20, 30}, other[] = {-5, 14, 15, 24, 26, 900};
    uint16_t tokens[6], expected[] = {0, 0, 1, 1, 2, 2};
    flowbd3_table *table = new_table(), *later = new_table();
    flowbd3_table_add_integer(table, "value", fitted, NULL, 3, NULL);
    flowbd3_table_add_real(later, "aside", (double[6]){0}, NULL, 6, NULL);
    flowbd3_table_add_integer(later, "value", other, NULL, 6, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, later, tokens, NULL), FLOWBD3_OK);
    ck_assert_mem_eq(tokens, expected, sizeof tokens);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&later);
    flowbd3_table_destroy(&table);
}
END_TEST

static void expect_schema_error(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table, int64_t row,
                                int64_t column, const char *words) {
    flowbd3_error err = {0};
    uint16_t tokens[64];
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_int_eq(err.row, row);
    ck_assert_int_eq(err.column, column);
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
}

START_TEST(another_schema) {
    double rate[2] = {0.5, 1.5}, gone[2] = {0.5, (double)NAN};
    int64_t whole[2] = {1, 2};
    const char *state[2] = {"CON", "S_"}, *later[2] = {"CON", "RST"};
    flowbd3_table *table = new_table(), *other = new_table();
    flowbd3_table_add_real(table, "rate", rate, NULL, 2, NULL);
    flowbd3_table_add_categorical(table, "state", state, 2, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    flowbd3_table_add_real(other, "rate", rate, NULL, 2, NULL);
    expect_schema_error(tokenizer, other, 0, 0, "no column 'state'");
    flowbd3_table_add_integer(other, "state", whole, NULL, 2, NULL);
    expect_schema_error(tokenizer, other, 0, 2, "'state' is integer, expected categorical");
    flowbd3_table_destroy(&other);
    other = new_table();
    flowbd3_table_add_categorical(other, "state", later, 2, NULL);
    flowbd3_table_add_real(other, "rate", gone, NULL, 2, NULL);
    expect_schema_error(tokenizer, other, 2, 2, "'rate', row 2 is missing");
    flowbd3_table_destroy(&other);
    other = new_table();
    flowbd3_table_add_categorical(other, "state", later, 2, NULL);
    flowbd3_table_add_real(other, "rate", rate, NULL, 2, NULL);
    expect_schema_error(tokenizer, other, 2, 1, "'RST'");
    flowbd3_table_destroy(&other);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

static void expect_no_tokenizer(const flowbd3_table *table, const flowbd3_tokenizer_options *options,
                                flowbd3_status status, const char *words) {
    flowbd3_error err = {0};
    flowbd3_tokenizer *tokenizer = (flowbd3_tokenizer *)1;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, options, &err), status);
    ck_assert_ptr_null(tokenizer);
    ck_assert_int_eq(err.status, status);
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
}

START_TEST(tables_and_options_refused) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    expect_no_tokenizer(NULL, NULL, FLOWBD3_ERROR_ARGUMENT, "NULL");
    flowbd3_table *table = new_table();
    expect_no_tokenizer(table, NULL, FLOWBD3_ERROR_ARGUMENT, "no column");
    flowbd3_table_add_real(table, "rate", NULL, NULL, 0, NULL);
    expect_no_tokenizer(table, NULL, FLOWBD3_ERROR_ARGUMENT, "no row");
    flowbd3_table_destroy(&table);
    table = new_table();
    flowbd3_table_add_real(table, "rate", (double[]){1, 2}, NULL, 2, NULL);
    options.bins = 1;
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_RANGE, "bins is 1");
    options.bins = 65001;
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_RANGE, "bins is 65001");
    options.bins = 0;
    options.binning = (flowbd3_binning)4;
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_RANGE, "binning is 4");
    flowbd3_table_add_integer(table, "all gone", (int64_t[]){1, 2}, (uint8_t[]){0, 0}, 2, NULL);
    expect_no_tokenizer(table, NULL, FLOWBD3_ERROR_FORMAT, "'all gone'");
    flowbd3_table_destroy(&table);
    table = new_table();
    flowbd3_table_add_categorical(table, "no text", (const char *[]){NULL, ""}, 2, NULL);
    expect_no_tokenizer(table, NULL, FLOWBD3_ERROR_FORMAT, "'no text'");
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(at_most_65000_categories) {
    enum { MOST = 65000 };
    static char texts[MOST + 1][8];
    static const char *cells[MOST + 1];
    for (size_t i = 0; i <= MOST; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", i % 100000);
        cells[i] = texts[i];
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_categorical(table, "address", cells, MOST + 1, NULL);
    expect_no_tokenizer(table, NULL, FLOWBD3_ERROR_FORMAT, "'address' has 65001 values");
    flowbd3_table *part;
    ck_assert_int_eq(flowbd3_table_slice(&part, table, 1, MOST, NULL), FLOWBD3_OK);
    flowbd3_tokenizer *tokenizer = fit(part, FLOWBD3_BINNING_AUTO, 0);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), MOST);
    check_tokens_come_back(tokenizer);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&part);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(tokens_refused) {
    flowbd3_table *table = new_table(), *back;
    flowbd3_table_add_integer(table, "a", (int64_t[]){1, 2}, NULL, 2, NULL);
    flowbd3_table_add_integer(table, "b", (int64_t[]){1, 1}, NULL, 2, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    uint16_t tokens[] = {0, 0, 1, 1};
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, 2, FLOWBD3_DECODE_DRAW, 1, 0, &back, &err),
                     FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_null(back);
    ck_assert_int_eq(err.row, 2);
    ck_assert_int_eq(err.column, 2);
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, 1, (flowbd3_decoding)2, 1, 0, &back, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, NULL, 0, FLOWBD3_DECODE_CENTRE, 1, 0, &back, &err),
                     FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_rows(back), 0);
    ck_assert_uint_eq(flowbd3_table_columns(back), 2);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, back, NULL, &err), FLOWBD3_OK);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(nothing_where_nothing_is) {
    ck_assert_uint_eq(flowbd3_tokenizer_slots(NULL), 0);
    ck_assert_uint_eq(flowbd3_tokenizer_columns(NULL), 0);
    ck_assert_ptr_null(flowbd3_tokenizer_name(NULL, 0));
    ck_assert_int_eq(flowbd3_tokenizer_type(NULL, 0), FLOWBD3_TYPE_AUTO);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(NULL, 0), 0);
    ck_assert(isnan(flowbd3_tokenizer_centre(NULL, 0, 0)));
    flowbd3_tokenizer_destroy(NULL);
    flowbd3_tokenizer *none = NULL;
    flowbd3_tokenizer_destroy(&none);
    flowbd3_tokenizer_options options, expected = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    memset(&options, 1, sizeof options);
    ck_assert_int_eq(flowbd3_tokenizer_options_init(&options, sizeof options), FLOWBD3_OK);
    ck_assert_uint_eq(options.struct_size, expected.struct_size);
    ck_assert_int_eq(options.binning, expected.binning);
    ck_assert_uint_eq(options.bins, expected.bins);
    ck_assert_uint_eq(options.seed, expected.seed);
}
END_TEST

START_TEST(files) {
    flowbd3_table *table = new_table();
    flowbd3_table_add_real(table, "rate", (double[]){0.1, 0.2, 1e-300}, NULL, 3, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0), *again;
    char directory[] = "/tmp/flowbd3-test-XXXXXX", path[64], *first, *second;
    flowbd3_error err = {0};
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/tokenizer.json", directory);
    ck_assert_int_eq(flowbd3_tokenizer_save(tokenizer, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_load(&again, context, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &first, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_to_json(again, &second, &err), FLOWBD3_OK);
    ck_assert_str_eq(first, second);
    flowbd3_string_destroy(context, &first);
    flowbd3_string_destroy(context, &second);
    flowbd3_tokenizer_destroy(&again);
    FILE *file = fopen(path, "w");
    fputs("{", file);
    fclose(file);
    ck_assert_int_eq(flowbd3_tokenizer_load(&again, context, path, &err), FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    unlink(path);
    rmdir(directory);
    ck_assert_int_eq(flowbd3_tokenizer_load(&again, context, path, &err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(flowbd3_tokenizer_save(tokenizer, path, &err), FLOWBD3_ERROR_IO);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(a_reference_keeps_it_alive) {
    flowbd3_table *table = new_table();
    flowbd3_table_add_integer(table, "a", (int64_t[]){1, 2}, NULL, 2, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    flowbd3_tokenizer *second = fb3_tokenizer_retain(tokenizer);
    ck_assert_ptr_eq(fb3_tokenizer_context(second), context);
    flowbd3_tokenizer_destroy(&tokenizer);
    ck_assert_ptr_null(tokenizer);
    ck_assert_str_eq(flowbd3_tokenizer_name(second, 0), "a");
    flowbd3_tokenizer_destroy(&second);
    flowbd3_table_destroy(&table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokenizer");
    TCase *tests = tcase_create("tokenizer");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, protocols_come_back);
    tcase_add_test(tests, missing_is_the_last_token);
    tcase_add_test(tests, frequent_values_have_their_own_token);
    tcase_add_test(tests, frequent_values_give_way_to_what_lies_between);
    tcase_add_test(tests, huge_integers_stay_exact);
    tcase_add_test(tests, extreme_reals);
    tcase_add_test(tests, one_value_and_one_row);
    tcase_add_test(tests, numbers_outside_take_the_nearest_token);
    tcase_add_test(tests, another_schema);
    tcase_add_test(tests, tables_and_options_refused);
    tcase_add_test(tests, at_most_65000_categories);
    tcase_add_test(tests, tokens_refused);
    tcase_add_test(tests, nothing_where_nothing_is);
    tcase_add_test(tests, files);
    tcase_add_test(tests, a_reference_keeps_it_alive);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
