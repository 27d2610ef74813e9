/* The tokenizer room: binning, encoding, decoding, JSON. */
#include "compare_tables.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"
#include "two_threads.h"

#include <math.h>
#include <unistd.h>

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
    static const char *cells[2 * (MOST + 1)];
    for (size_t i = 0; i <= MOST; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", i % 100000);
        cells[2 * i] = cells[2 * i + 1] = texts[i];
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_categorical(table, "address", cells, FB3_COUNT(cells), NULL);
    expect_no_tokenizer(table, NULL, FLOWBD3_ERROR_FORMAT, "'address' has 65001 values");
    flowbd3_table *part;
    ck_assert_int_eq(flowbd3_table_slice(&part, table, 2, FB3_COUNT(cells) - 2, NULL), FLOWBD3_OK);
    flowbd3_tokenizer *tokenizer = fit(part, FLOWBD3_BINNING_AUTO, 0);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), MOST);
    check_tokens_come_back(tokenizer);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&part);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(names_of_rows_are_refused) {
    enum { ROWS = 2000 };
    static char texts[ROWS][16];
    const char *cells[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(texts[i], sizeof texts[i], "C%zu", i);
        cells[i] = texts[i];
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_categorical(table, "uid", cells, ROWS, NULL);
    expect_no_tokenizer(table, NULL, FLOWBD3_ERROR_FORMAT, "'uid' has 2000 values in 2000 rows");
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- codecs ---------------------------------------------------------------------------------------- */

static flowbd3_tokenizer *fit_codec(const flowbd3_table *table, flowbd3_codec codec, uint32_t bins,
                                    uint32_t rare_rows) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_column_codec of_column = {flowbd3_table_name(table, 0), codec, bins};
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    options.codecs = &of_column;
    options.n_codecs = 1;
    options.rare_rows = rare_rows;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return tokenizer;
}

/* 65,536 values in two slots of 256 come back one by one; in one slot of 256 they do not. */
START_TEST(two_slots_hold_65536_levels) {
    enum { ROWS = 65536 };
    static int64_t ports[ROWS];
    static uint16_t tokens[2 * ROWS];
    for (size_t i = 0; i < ROWS; i++)
        ports[i] = (int64_t)(i * 40503 % ROWS);
    flowbd3_table *table = new_table(), *back;
    flowbd3_table_add_integer(table, "port", ports, NULL, ROWS, NULL);
    for (flowbd3_codec codec = FLOWBD3_CODEC_BINS; codec <= FLOWBD3_CODEC_DIGITS; codec++) {
        flowbd3_tokenizer *tokenizer = fit_codec(table, codec, 256, 0);
        size_t slots = flowbd3_tokenizer_slots(tokenizer), same = 0;
        ck_assert_uint_eq(slots, codec == FLOWBD3_CODEC_BINS ? 1 : 2);
        for (size_t s = 0; s < slots; s++)
            ck_assert_uint_le(flowbd3_tokenizer_vocabulary(tokenizer, s), s == 0 ? 256 : 512);
        ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
        ck_assert_int_eq(
            flowbd3_tokenizer_decode(tokenizer, tokens, ROWS, FLOWBD3_DECODE_DRAW, 0, 0, &back, NULL),
            FLOWBD3_OK);
        for (size_t i = 0; i < ROWS; i++)
            same += flowbd3_table_integer(back, 0)[i] == ports[i];
        if (codec == FLOWBD3_CODEC_BINS)
            ck_assert_uint_lt(same, ROWS / 64);
        else
            ck_assert_uint_eq(same, ROWS);
        flowbd3_table_destroy(&back);
        flowbd3_tokenizer_destroy(&tokenizer);
    }
    flowbd3_table_destroy(&table);
}
END_TEST

/* Where it is left to the tokenizer, a bin holds 16 rows, within limits. */
START_TEST(bins_follow_the_rows) {
    enum { ROWS = 20000 };
    static const struct { size_t rows, tokens; } cases[] = {{40, 40}, {500, 64}, {2000, 125}, {ROWS, 256}};
    static double values[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        values[i] = (double)(i * 7919 % ROWS);
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        flowbd3_table *table = new_table();
        flowbd3_table_add_real(table, "duration", values, NULL, cases[i].rows, NULL);
        flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
        ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), cases[i].tokens);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

/* Digits that never came together make a number in the fitted range. */
START_TEST(digits_stay_in_the_range) {
    const int64_t values[] = {-300, 5, 70000, 258};
    flowbd3_table *table = new_table(), *back;
    flowbd3_table_add_integer(table, "x", values, NULL, FB3_COUNT(values), NULL);
    flowbd3_tokenizer *tokenizer = fit_codec(table, FLOWBD3_CODEC_DIGITS, 0, 0);
    size_t vocabulary[3];
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 3);
    for (size_t s = 0; s < 3; s++)
        vocabulary[s] = flowbd3_tokenizer_vocabulary(tokenizer, s);
    for (size_t i = 0; i < vocabulary[0] * vocabulary[1] * vocabulary[2]; i++) {
        uint16_t tokens[3] = {(uint16_t)(i % vocabulary[0]), (uint16_t)(i / vocabulary[0] % vocabulary[1]),
                              (uint16_t)(i / vocabulary[0] / vocabulary[1])};
        ck_assert_int_eq(
            flowbd3_tokenizer_decode(tokenizer, tokens, 1, FLOWBD3_DECODE_DRAW, 0, 0, &back, NULL),
            FLOWBD3_OK);
        ck_assert_int_ge(flowbd3_table_integer(back, 0)[0], -300);
        ck_assert_int_le(flowbd3_table_integer(back, 0)[0], 70000);
        flowbd3_table_destroy(&back);
    }
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(codecs_refused) {
    const double reals[] = {0.5, 1.5, 2.5};
    const char *texts[] = {"a", "b", "a"};
    flowbd3_table *table = new_table();
    flowbd3_table_add_real(table, "real", reals, NULL, 3, NULL);
    flowbd3_table_add_categorical(table, "text", texts, 3, NULL);
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_column_codec codec = {"real", FLOWBD3_CODEC_DIGITS, 0};
    options.codecs = &codec;
    options.n_codecs = 1;
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_ARGUMENT, "'real' is real, expected integers");
    codec = (flowbd3_column_codec){"text", FLOWBD3_CODEC_FINE, 0};
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_ARGUMENT,
                        "'text' is categorical, which the codec fine");
    codec = (flowbd3_column_codec){"port", FLOWBD3_CODEC_BINS, 0};
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_ARGUMENT, "no column 'port'");
    codec = (flowbd3_column_codec){"real", FLOWBD3_CODEC_BINS, 1};
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_RANGE, "bins of column 'real' are 1");
    codec = (flowbd3_column_codec){"real", (flowbd3_codec)5, 0};
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_RANGE, "'real' is 5");
    codec = (flowbd3_column_codec){NULL, FLOWBD3_CODEC_BINS, 0};
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_ARGUMENT, "no name");
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- rare values ----------------------------------------------------------------------------------- */

/* Value i of 20 comes i times, as a text and as a number. */
static flowbd3_table *rare_table(size_t *rows) {
    static int64_t integers[210];
    static double reals[210];
    static char names[20][4];
    static const char *texts[210];
    *rows = 0;
    for (size_t i = 1; i <= 20; i++) {
        snprintf(names[i - 1], sizeof names[i - 1], "%zu", i);
        for (size_t k = 0; k < i; k++) {
            texts[*rows] = names[i - 1];
            reals[*rows] = (double)(i * i) + 0.5;
            integers[(*rows)++] = (int64_t)(1000 * i);
        }
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_integer(table, "number", integers, NULL, *rows, NULL);
    flowbd3_table_add_categorical(table, "text", texts, *rows, NULL);
    flowbd3_table_add_real(table, "real", reals, NULL, *rows, NULL);
    return table;
}

START_TEST(rare_values_are_not_emitted) {
    size_t rows;
    flowbd3_table *table = rare_table(&rows), *back;
    for (int exact = 0; exact < 2; exact++) {
        flowbd3_tokenizer *tokenizer =
            fit_codec(table, exact ? FLOWBD3_CODEC_EXACT : FLOWBD3_CODEC_BINS, 64, 7);
        ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 1),
                          15); /* 14 texts, and one for the rest */
        ck_assert_uint_eq(fb3_tokenizer_hidden(tokenizer, 1), 14);
        ck_assert_uint_eq(fb3_tokenizer_hidden(tokenizer, 0), SIZE_MAX);
        ck_assert_uint_eq(fb3_tokenizer_counts(tokenizer, 1)[14], 21);
        uint16_t tokens[210 * 3];
        ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
        for (uint64_t seed = 0; seed < 20; seed++) {
            ck_assert_int_eq(
                flowbd3_tokenizer_decode(tokenizer, tokens, rows, FLOWBD3_DECODE_DRAW, seed, 0, &back, NULL),
                FLOWBD3_OK);
            for (size_t i = 0; i < rows; i++) {
                ck_assert_int_ge(
                    atoi(flowbd3_table_category(back, 1, (size_t)flowbd3_table_codes(back, 1)[i])), 7);
                int64_t number = flowbd3_table_integer(back, 0)[i];
                ck_assert(exact ? number >= 7000 && number % 1000 == 0 : number > 1000);
                ck_assert(flowbd3_table_real(back, 2)[i] > 1.5);
            }
            flowbd3_table_destroy(&back);
        }
        char *json;
        ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &json, NULL), FLOWBD3_OK);
        ck_assert_ptr_null(strstr(json, "\"value\":\"6\""));
        ck_assert_ptr_nonnull(strstr(json, "\"value\":\"7\""));
        flowbd3_tokenizer *again;
        flowbd3_error err = {0};
        ck_assert_msg(flowbd3_tokenizer_from_json(&again, context, json, strlen(json), &err) == FLOWBD3_OK,
                      "%s", err.message);
        ck_assert_uint_eq(fb3_tokenizer_hidden(again, 1), 14);
        flowbd3_tokenizer_destroy(&again);
        flowbd3_string_destroy(context, &json);
        flowbd3_tokenizer_destroy(&tokenizer);
    }
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.rare_rows = 21;
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_FORMAT,
                        "no value of column 'text' came in the 21 rows");
    flowbd3_table_destroy(&table);
}
END_TEST

/* Rules that were found do not tell of texts that are protected, nor of numbers of a single row. */
START_TEST(found_rules_do_not_tell_of_rare_values) {
    enum { ROWS = 600 };
    const char *state[ROWS], *proto[ROWS];
    int64_t port[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        bool tcp = i % 3 != 0;
        proto[i] = tcp ? "tcp" : "icmp";
        state[i] = i == 7 ? "SECRET" : tcp ? (i % 2 ? "CON" : "FIN") : "ECO";
        port[i] = i == 9 ? 4711 : tcp ? (int64_t)(i * 7919 % 65536) : 771;
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_categorical(table, "proto", proto, ROWS, NULL);
    flowbd3_table_add_categorical(table, "state", state, ROWS, NULL);
    flowbd3_table_add_integer(table, "port", port, NULL, ROWS, NULL);
    for (uint32_t rare_rows = 0; rare_rows <= 10; rare_rows += 10) {
        flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
        flowbd3_tokenizer *tokenizer;
        char *json;
        options.rare_rows = rare_rows;
        ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &options, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &json, NULL), FLOWBD3_OK);
        ck_assert_int_eq(strstr(json, "SECRET") != NULL, rare_rows == 0);
        ck_assert_int_eq(strstr(json, "4711") != NULL, rare_rows == 0);
        ck_assert_ptr_nonnull(strstr(json, "\"relations\""));
        flowbd3_string_destroy(context, &json);
        flowbd3_tokenizer_destroy(&tokenizer);
    }
    flowbd3_table_destroy(&table);
}
END_TEST

/* Exact numbers that doubles do not tell apart, with rare ones between them. */
START_TEST(rare_exact_numbers_beyond_doubles) {
    const int64_t origin = INT64_C(1) << 60;
    int64_t value[40], expected[40];
    for (size_t i = 0; i < 40; i++) {
        value[i] = origin + (i < 10 ? 0 : i < 20 ? 3 : i < 30 ? 4 : (int64_t)i - 25);
        expected[i] = i < 30 ? value[i] : origin + 4;
    }
    value[39] = expected[39] = origin + 3; /* once more */
    value[38] = origin + 1;                /* nearer to 0 than to 3 */
    expected[38] = origin;
    flowbd3_table *table = new_table(), *back;
    flowbd3_table_add_integer(table, "x", value, NULL, 40, NULL);
    flowbd3_tokenizer *tokenizer = fit_codec(table, FLOWBD3_CODEC_EXACT, 0, 10);
    uint16_t tokens[40];
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), 3);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, 40, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL),
                     FLOWBD3_OK);
    ck_assert_mem_eq(flowbd3_table_integer(back, 0), expected, sizeof expected);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* Smoothed numbers have the digits of their column. */
START_TEST(protected_numbers_have_the_digits_of_the_column) {
    enum { ROWS = 900 };
    double real[ROWS];
    int64_t time[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        double u = fb3_uniform(3, FB3_RANDOM_SHUFFLE, i, 0);
        real[i] = nearbyint(100 * u * u * 977) / 100;
        time[i] = (int64_t)(u * 1e6) * INT64_C(1000000000);
    }
    flowbd3_table *table = new_table(), *back;
    flowbd3_table_add_real(table, "real", real, NULL, ROWS, NULL);
    flowbd3_table_add_timestamp(table, "time", time, NULL, ROWS, NULL);
    flowbd3_tokenizer *tokenizer = fit_codec(table, FLOWBD3_CODEC_FINE, 40, 9);
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 2); /* protected levels are bins */
    uint16_t tokens[2 * ROWS];
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(
        flowbd3_tokenizer_decode(tokenizer, tokens, ROWS, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL),
        FLOWBD3_OK);
    for (size_t i = 0; i < ROWS; i++) {
        double x = flowbd3_table_real(back, 0)[i];
        ck_assert(fb3_round_to_decimals(x, 2) == x);
        ck_assert_int_eq(flowbd3_table_integer(back, 1)[i] % INT64_C(1000000000), 0);
    }
    for (size_t s = 0; s < 2; s++)
        for (size_t t = 0; t < flowbd3_tokenizer_vocabulary(tokenizer, s); t++)
            ck_assert_uint_ge(fb3_tokenizer_counts(tokenizer, s)[t], 9);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- levels that are chosen ------------------------------------------------------------------------ */

enum { CHOICE_ROWS = 6000 };

/* a and b = a + noise much smaller than a bin; c alone; d equal to a in one row of three. */
static flowbd3_table *table_of_choices(void) {
    static double a[CHOICE_ROWS], b[CHOICE_ROWS], c[CHOICE_ROWS];
    static int64_t d[CHOICE_ROWS], e[CHOICE_ROWS];
    for (size_t i = 0; i < CHOICE_ROWS; i++) {
        double u = fb3_uniform(1, FB3_RANDOM_SHUFFLE, i, 0), v = fb3_uniform(1, FB3_RANDOM_SHUFFLE, i, 1);
        a[i] = nearbyint(1e6 * u) / 10;
        b[i] = a[i] + nearbyint(100 * v * v) / 10;
        c[i] = nearbyint(1e6 * fb3_uniform(1, FB3_RANDOM_SHUFFLE, i, 2)) / 10;
        d[i] = (int64_t)(fb3_uniform(1, FB3_RANDOM_SHUFFLE, i, 3) * 1e5);
        e[i] = i % 3 == 0 ? d[i] : (int64_t)(fb3_uniform(1, FB3_RANDOM_SHUFFLE, i, 4) * 1e5);
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_real(table, "a", a, NULL, CHOICE_ROWS, NULL);
    flowbd3_table_add_real(table, "b", b, NULL, CHOICE_ROWS, NULL);
    flowbd3_table_add_real(table, "c", c, NULL, CHOICE_ROWS, NULL);
    flowbd3_table_add_integer(table, "d", d, NULL, CHOICE_ROWS, NULL);
    flowbd3_table_add_integer(table, "e", e, NULL, CHOICE_ROWS, NULL);
    return table;
}

static void check_slots(const flowbd3_table *table, const flowbd3_tokenizer_options *options,
                        const size_t *expected) {
    flowbd3_tokenizer *tokenizer;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, options, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < flowbd3_tokenizer_columns(tokenizer); i++) {
        size_t first;
        ck_assert_msg(fb3_tokenizer_column_slots(tokenizer, i, &first) == expected[i], "%s has %zu slots",
                      flowbd3_tokenizer_name(tokenizer, i), fb3_tokenizer_column_slots(tokenizer, i, &first));
    }
    flowbd3_tokenizer_destroy(&tokenizer);
}

START_TEST(levels_where_another_column_tells_the_place_in_a_bin) {
    flowbd3_table *table = table_of_choices();
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_column_codec codec = {"b", FLOWBD3_CODEC_BINS, 0};
    check_slots(table, &options, (size_t[]){2, 2, 1, 2, 2});
    options.codecs = &codec;
    options.n_codecs = 1;
    check_slots(table, &options, (size_t[]){2, 1, 1, 2, 2});
    options.n_codecs = 0;
    options.rare_rows = 5;
    check_slots(table, &options, (size_t[]){1, 1, 1, 1, 1});
    options.rare_rows = 0;
    options.binning = FLOWBD3_BINNING_QUANTILE;
    check_slots(table, &options, (size_t[]){1, 1, 1, 1, 1});
    options.binning = FLOWBD3_BINNING_AUTO;
    options.bins = CHOICE_ROWS; /* a token for every value */
    check_slots(table, &options, (size_t[]){1, 1, 1, 1, 1});
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- extremes -------------------------------------------------------------------------------------- */

/* With every codec that a column of numbers may have, it comes back; wide: in more values than bins hold. */
static void check_codecs(const flowbd3_table *table, size_t codecs, bool exact) {
    size_t rows = flowbd3_table_rows(table);
    uint16_t *tokens = malloc(rows * FB3_SLOTS_MAX * sizeof *tokens),
             *again = malloc(rows * FB3_SLOTS_MAX * sizeof *again);
    for (size_t codec = 0; codec < codecs; codec++) {
        flowbd3_tokenizer *tokenizer = fit_codec(table, (flowbd3_codec)codec, 0, 0);
        flowbd3_table *back;
        size_t size = rows * flowbd3_tokenizer_slots(tokenizer) * sizeof *tokens;
        ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
        for (int way = 0; way < 2; way++) {
            ck_assert_int_eq(
                flowbd3_tokenizer_decode(tokenizer, tokens, rows, (flowbd3_decoding)way, 5, 0, &back, NULL),
                FLOWBD3_OK);
            if (exact || codec == FLOWBD3_CODEC_EXACT || codec == FLOWBD3_CODEC_DIGITS)
                ck_assert(same_tables(table, back));
            ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, back, again, NULL), FLOWBD3_OK);
            ck_assert_mem_eq(tokens, again, size);
            flowbd3_table_destroy(&back);
        }
        flowbd3_tokenizer_destroy(&tokenizer);
    }
    free(tokens);
    free(again);
}

START_TEST(one_value_among_missing_ones) {
    enum { ROWS = 50 };
    double real[ROWS];
    int64_t integer[ROWS];
    const char *text[ROWS];
    uint8_t valid[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        valid[i] = i == 31;
        real[i] = valid[i] ? 1e300 : (double)NAN;
        integer[i] = valid[i] ? INT64_MIN : 0;
        text[i] = valid[i] ? "80 or 443" : NULL;
    }
    for (size_t kind = 0; kind < 3; kind++) {
        flowbd3_table *table = new_table();
        if (kind == 0)
            flowbd3_table_add_real(table, "x", real, NULL, ROWS, NULL);
        else if (kind == 1)
            flowbd3_table_add_integer(table, "x", integer, valid, ROWS, NULL);
        else
            flowbd3_table_add_categorical(table, "x", text, ROWS, NULL);
        check_codecs(table, kind == 0 ? 4 : kind == 1 ? 5 : 2, true);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

START_TEST(distinct_integers_and_the_ends_of_64_bits) {
    enum { ROWS = 3000 };
    int64_t value[ROWS];
    double real[ROWS];
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < ROWS; i++) {
            value[i] = kind == 0   ? (int64_t)(i * 1009 % ROWS)
                       : kind == 1 ? INT64_MIN + (int64_t)i
                                   : (int64_t)((uint64_t)i * (UINT64_MAX / ROWS) + (UINT64_C(1) << 63));
            real[i] = (i % 2 ? 1 : -1) * pow(10, 600.0 * (double)i / ROWS - 300);
        }
        value[ROWS - 1] = kind == 0 ? ROWS - 1 : INT64_MAX;
        flowbd3_table *table = new_table(), *reals = new_table();
        flowbd3_table_add_integer(table, "x", value, NULL, ROWS, NULL);
        flowbd3_table_add_real(reals, "x", real, NULL, ROWS, NULL);
        check_codecs(table, 5, false);
        check_codecs(reals, 4, false);
        flowbd3_table_destroy(&table);
        flowbd3_table_destroy(&reals);
    }
}
END_TEST

/* A group of levels has as many as a token can name; exact values no more than that. */
/* Edges are doubles; values that no edge tells apart are one bin, whatever the binning and the codec. */
START_TEST(integers_that_are_one_as_doubles) {
    static const int64_t values[] = {INT64_MAX - 1, INT64_MAX, INT64_MAX, INT64_MAX - 1, INT64_MAX - 2};
    static const flowbd3_codec codecs[] = {FLOWBD3_CODEC_BINS, FLOWBD3_CODEC_FINE};
    flowbd3_table *table = new_table();
    ck_assert_int_eq(flowbd3_table_add_integer(table, "x", values, NULL, FB3_COUNT(values), NULL),
                     FLOWBD3_OK);
    for (int binning = FLOWBD3_BINNING_AUTO; binning <= FLOWBD3_BINNING_KMEANS; binning++)
        for (size_t i = 0; i < FB3_COUNT(codecs); i++) {
            flowbd3_column_codec codec = {"x", codecs[i], 2};
            flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
            flowbd3_tokenizer *tokenizer = NULL;
            flowbd3_error err = {0};
            options.binning = (flowbd3_binning)binning;
            options.codecs = &codec;
            options.n_codecs = 1;
            ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &options, &err) == FLOWBD3_OK, "%s",
                          err.message);
            uint16_t tokens[2 * FB3_COUNT(values)], again[2 * FB3_COUNT(values)];
            flowbd3_table *back = NULL;
            size_t size = FB3_COUNT(values) * flowbd3_tokenizer_slots(tokenizer) * sizeof *tokens;
            ck_assert_uint_le(size, sizeof tokens);
            ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, &err), FLOWBD3_OK);
            ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, FB3_COUNT(values),
                                                      FLOWBD3_DECODE_DRAW, 3, 0, &back, &err),
                             FLOWBD3_OK);
            ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, back, again, &err), FLOWBD3_OK);
            ck_assert_mem_eq(tokens, again, size);
            flowbd3_table_destroy(&back);
            flowbd3_tokenizer_destroy(&tokenizer);
        }
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(more_values_than_tokens) {
    enum { ROWS = 200000 };
    double *value = malloc(ROWS * sizeof *value);
    for (size_t i = 0; i < ROWS; i++)
        value[i] = i < 2 ? 1e9 : (double)(i / 2) / 8;
    flowbd3_table *table = new_table();
    flowbd3_table_add_real(table, "x", value, NULL, ROWS, NULL);
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_column_codec codec = {"x", FLOWBD3_CODEC_FINE, 65000};
    flowbd3_tokenizer *tokenizer;
    options.binning = FLOWBD3_BINNING_UNIFORM; /* all but one value in the first group */
    options.codecs = &codec;
    options.n_codecs = 1;
    uint16_t *tokens = malloc(2 * ROWS * sizeof *tokens);
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &options, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), 2);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 1), FB3_TOKENS_MAX);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(tokens[2 * ROWS - 1], FB3_TOKENS_MAX - 1);
    flowbd3_tokenizer_destroy(&tokenizer);
    codec.codec = FLOWBD3_CODEC_EXACT;
    expect_no_tokenizer(table, &options, FLOWBD3_ERROR_FORMAT, "'x' has 100000 values");
    flowbd3_table_destroy(&table);
    free(tokens);
    free(value);
}
END_TEST

/* Numbers beside text are texts, each with a token. */
START_TEST(numbers_beside_text) {
    const char *csv = "port,n\n80,1\nhttp,2\n443,3\n080,4\n80,5\n";
    char path[] = "/tmp/flowbd3-test-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_eq(write(file, csv, strlen(csv)), (ssize_t)strlen(csv));
    close(file);
    flowbd3_table *table, *back;
    ck_assert_int_eq(flowbd3_table_read_csv(&table, context, path, NULL, NULL), FLOWBD3_OK);
    unlink(path);
    flowbd3_tokenizer *tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    uint16_t tokens[10];
    ck_assert_int_eq(flowbd3_tokenizer_type(tokenizer, 0), FLOWBD3_TYPE_CATEGORICAL);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 0), 4);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, 5, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL),
                     FLOWBD3_OK);
    ck_assert(same_tables(table, back));
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- relations ------------------------------------------------------------------------------------- */

/* Columns of group_by and order_by are in no rule that is kept; without rules version 1 is written. */
START_TEST(rules_leave_aside_what_arranges_rows) {
    enum { ROWS = 400 };
    const char *proto[ROWS], *state[ROWS];
    int64_t time[ROWS], bytes[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        proto[i] = i % 2 ? "tcp" : "udp";
        state[i] = i % 2 ? "FIN" : "CON";
        time[i] = 1000000 + (int64_t)i;
        bytes[i] = (int64_t)(i * 37 % 200);
    }
    flowbd3_table *table = new_table();
    flowbd3_table_add_categorical(table, "proto", proto, ROWS, NULL);
    flowbd3_table_add_categorical(table, "state", state, ROWS, NULL);
    flowbd3_table_add_integer(table, "time", time, NULL, ROWS, NULL);
    flowbd3_table_add_integer(table, "bytes", bytes, NULL, ROWS, NULL);
    static const char text[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                               "{\"compare\":{\"left\":\"time\",\"at_least\":1000000}},"
                               "{\"when\":{\"proto\":\"tcp\"},\"then\":{\"state\":\"FIN\"}},"
                               "{\"compare\":{\"left\":\"bytes\",\"at_most\":199}}]}";
    flowbd3_rules *rules;
    ck_assert_int_eq(flowbd3_rules_from_json(&rules, context, text, strlen(text), NULL), FLOWBD3_OK);
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    const char *group_by[] = {"proto"};
    options.group_by = group_by;
    options.n_group_by = 1;
    options.order_by = "time";
    options.rules = rules;
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    const flowbd3_rules *kept = flowbd3_tokenizer_rules(tokenizer);
    ck_assert_str_eq(flowbd3_rules_text(kept, 0), "bytes <= 199");
    for (size_t i = 0; i < flowbd3_rules_count(kept); i++) {
        ck_assert_ptr_null(strstr(flowbd3_rules_text(kept, i), "proto"));
        ck_assert_ptr_null(strstr(flowbd3_rules_text(kept, i), "time"));
    }
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
    table = new_table();
    flowbd3_table_add_integer(table, "bytes", bytes, NULL, 20, NULL);
    tokenizer = fit(table, FLOWBD3_BINNING_AUTO, 0);
    char *json;
    ck_assert_ptr_null(flowbd3_tokenizer_rules(tokenizer));
    ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &json, NULL), FLOWBD3_OK);
    ck_assert_ptr_nonnull(strstr(json, "\"version\":1"));
    flowbd3_string_destroy(context, &json);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- bad input ------------------------------------------------------------------------------------- */

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
    tcase_add_test(tests, names_of_rows_are_refused);
    tcase_add_test(tests, two_slots_hold_65536_levels);
    tcase_add_test(tests, bins_follow_the_rows);
    tcase_add_test(tests, digits_stay_in_the_range);
    tcase_add_test(tests, codecs_refused);
    tcase_add_test(tests, rare_values_are_not_emitted);
    tcase_add_test(tests, found_rules_do_not_tell_of_rare_values);
    tcase_add_test(tests, rare_exact_numbers_beyond_doubles);
    tcase_add_test(tests, protected_numbers_have_the_digits_of_the_column);
    tcase_add_test(tests, levels_where_another_column_tells_the_place_in_a_bin);
    tcase_add_test(tests, one_value_among_missing_ones);
    tcase_add_test(tests, distinct_integers_and_the_ends_of_64_bits);
    tcase_add_test(tests, integers_that_are_one_as_doubles);
    tcase_add_test(tests, more_values_than_tokens);
    tcase_add_test(tests, numbers_beside_text);
    tcase_add_test(tests, rules_leave_aside_what_arranges_rows);
    tcase_add_test(tests, tokens_refused);
    tcase_add_test(tests, nothing_where_nothing_is);
    tcase_add_test(tests, files);
    tcase_add_test(tests, a_reference_keeps_it_alive);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
