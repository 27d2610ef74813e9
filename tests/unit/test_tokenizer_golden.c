/* Bins against NumPy and scikit-learn, a tokenizer file of every version, bad ones:
 * tests/golden/tokenizer.py. */
#include "test_main.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

static flowbd3_context *context;

static void setup(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

static void path_of(char *path, size_t size, const char *name) {
    const char *data = getenv("FLOWBD3_TEST_DATA");
    ck_assert_msg(data != NULL, "FLOWBD3_TEST_DATA is not set");
    snprintf(path, size, "%s/golden/%s", data, name);
}

static json_t *golden_bins(void) {
    char path[4096];
    json_error_t error;
    path_of(path, sizeof path, "tokenizer/binning.json");
    json_t *golden = json_load_file(path, 0, &error);
    ck_assert_msg(golden != NULL, "%s: %s", path, error.text);
    return golden;
}

static flowbd3_table *table_of(json_t *values, bool real) {
    size_t rows = json_array_size(values);
    double *reals = calloc(rows, sizeof *reals);
    int64_t *integers = calloc(rows, sizeof *integers);
    for (size_t i = 0; i < rows; i++) {
        reals[i] = json_number_value(json_array_get(values, i));
        integers[i] = json_integer_value(json_array_get(values, i));
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(real ? flowbd3_table_add_real(table, "x", reals, NULL, rows, NULL)
                          : flowbd3_table_add_integer(table, "x", integers, NULL, rows, NULL),
                     FLOWBD3_OK);
    free(reals);
    free(integers);
    return table;
}

static void compare_edges(const char *name, json_t *expected, const double *edges, size_t count) {
    ck_assert_msg(json_array_size(expected) == count, "%s: %zu edges, expected %zu", name, count,
                  json_array_size(expected));
    double range = edges[count - 1] - edges[0];
    for (size_t i = 0; i < count; i++) {
        double edge = json_number_value(json_array_get(expected, i));
        ck_assert_msg(fabs(edges[i] - edge) <= 1e-12 * fabs(edge) + 1e-15 * range,
                      "%s: edge %zu is %.17g, expected %.17g", name, i, edges[i], edge);
    }
}

static uint16_t *tokens_of(const flowbd3_table *table, flowbd3_binning binning, uint32_t bins) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_tokenizer *tokenizer;
    options.binning = binning;
    options.bins = bins;
    uint16_t *tokens = calloc(flowbd3_table_rows(table), sizeof *tokens);
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    flowbd3_tokenizer_destroy(&tokenizer);
    return tokens;
}

static void compare_tokens(const char *name, json_t *expected, const flowbd3_table *table,
                           flowbd3_binning binning, uint32_t bins) {
    uint16_t *tokens = tokens_of(table, binning, bins);
    for (size_t i = 0; i < flowbd3_table_rows(table); i++)
        ck_assert_msg(tokens[i] == json_integer_value(json_array_get(expected, i)),
                      "%s, %u bins, row %zu: token %u, expected %lld", name, bins, i, tokens[i],
                      (long long)json_integer_value(json_array_get(expected, i)));
    free(tokens);
}

/* Sum of squared distances to the mean of the token, in parts of the range. */
static double inertia_of(const flowbd3_table *table, uint32_t bins) {
    size_t rows = flowbd3_table_rows(table);
    uint16_t *tokens = tokens_of(table, FLOWBD3_BINNING_KMEANS, bins);
    double *sum = calloc(bins, sizeof *sum), *count = calloc(bins, sizeof *count), inertia = 0;
    double low = (double)INFINITY, high = -low;
    for (size_t i = 0; i < rows; i++) {
        double x = flowbd3_table_number(table, i, 0);
        low = fmin(low, x);
        high = fmax(high, x);
        sum[tokens[i]] += x;
        count[tokens[i]]++;
    }
    for (size_t i = 0; i < rows; i++) {
        double off = (flowbd3_table_number(table, i, 0) - sum[tokens[i]] / count[tokens[i]]) / (high - low);
        inertia += off * off;
    }
    free(sum);
    free(count);
    free(tokens);
    return inertia;
}

static void compare_binning(const char *name, const flowbd3_table *table, json_t *golden) {
    uint32_t bins = (uint32_t)json_integer_value(json_object_get(golden, "bins"));
    json_t *uniform = json_object_get(golden, "uniform"), *quantile = json_object_get(golden, "quantile");
    double edges[257];
    fb3_distinct distinct;
    ck_assert(fb3_distinct_create(&distinct, context, table, 0));
    compare_edges(name, json_object_get(uniform, "edges"), edges, fb3_uniform_edges(edges, &distinct, bins));
    compare_edges(name, json_object_get(quantile, "edges"), edges,
                  fb3_quantile_edges(edges, &distinct, bins));
    fb3_distinct_release(&distinct, context);
    compare_tokens(name, json_object_get(uniform, "tokens"), table, FLOWBD3_BINNING_UNIFORM, bins);
    compare_tokens(name, json_object_get(quantile, "tokens"), table, FLOWBD3_BINNING_QUANTILE, bins);
    json_t *inertia = json_object_get(golden, "inertia");
    if (inertia != NULL)
        ck_assert_msg(inertia_of(table, bins) <= 1.1 * json_real_value(inertia),
                      "%s, %u bins: inertia is %g, scikit-learn's best of ten %g", name, bins,
                      inertia_of(table, bins), json_real_value(inertia));
}

START_TEST(bins_of_numpy_and_scikit_learn) {
    json_t *golden = golden_bins(), *columns = json_object_get(golden, "columns");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        json_t *column = json_array_get(columns, i), *binnings = json_object_get(column, "binnings");
        const char *name = json_string_value(json_object_get(column, "name"));
        bool real = strcmp(json_string_value(json_object_get(column, "type")), "real") == 0;
        flowbd3_table *table = table_of(json_object_get(column, "values"), real);
        for (size_t b = 0; b < json_array_size(binnings); b++)
            compare_binning(name, table, json_array_get(binnings, b));
        flowbd3_table_destroy(&table);
    }
    ck_assert_uint_eq(json_array_size(columns), 8);
    json_decref(golden);
}
END_TEST

START_TEST(kmeans_of_separated_clusters) {
    json_t *golden = golden_bins(), *separated = json_object_get(golden, "separated");
    flowbd3_table *table = table_of(json_object_get(separated, "values"), true);
    fb3_distinct distinct;
    double edges[4];
    ck_assert(fb3_distinct_create(&distinct, context, table, 0));
    for (uint64_t seed = 0; seed < 20; seed++)
        compare_edges("separated", json_object_get(separated, "edges"), edges,
                      fb3_kmeans_edges(edges, &distinct, 3, seed, context));
    fb3_distinct_release(&distinct, context);
    flowbd3_table_destroy(&table);
    json_decref(golden);
}
END_TEST

START_TEST(version_1_is_read) {
    char path[4096];
    path_of(path, sizeof path, "tokenizer/version1.json");
    flowbd3_error err = {0};
    flowbd3_tokenizer *tokenizer;
    flowbd3_table *table;
    ck_assert_msg(flowbd3_tokenizer_load(&tokenizer, context, path, &err) == FLOWBD3_OK, "%s", err.message);
    static const size_t vocabularies[] = {3, 3, 3};
    ck_assert_uint_eq(flowbd3_tokenizer_columns(tokenizer), 3);
    for (size_t s = 0; s < 3; s++)
        ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, s), vocabularies[s]);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 0) == 0.75);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 1) == 5.25);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 1, 2) == 17);
    ck_assert_uint_eq(fb3_tokenizer_counts(tokenizer, 1)[1], 6);
    static const uint16_t tokens[] = {0, 0, 0, 1, 1, 1, 2, 2, 2};
    ck_assert_int_eq(
        flowbd3_tokenizer_decode(tokenizer, tokens, 3, FLOWBD3_DECODE_CENTRE, 0, 0, &table, &err),
        FLOWBD3_OK);
    ck_assert(flowbd3_table_real(table, 0)[0] == 0.75);
    ck_assert(flowbd3_table_real(table, 0)[1] == 5.25);
    ck_assert_uint_eq(flowbd3_table_missing(table, 0), 1);
    ck_assert_int_eq(flowbd3_table_integer(table, 1)[2], 17);
    ck_assert_str_eq(flowbd3_table_category(table, 2, 1), "S_");
    ck_assert_int_eq(flowbd3_table_codes(table, 2)[2], -1);
    flowbd3_table_destroy(&table);
    flowbd3_tokenizer_destroy(&tokenizer);
}
END_TEST

/* ---- version 2: every kind of column ---------------------------------------------------------------- */

static json_t *load(const char *name) {
    char path[4096];
    json_error_t error;
    path_of(path, sizeof path, name);
    json_t *value = json_load_file(path, 0, &error);
    ck_assert_msg(value != NULL, "%s: %s", path, error.text);
    return value;
}

static flowbd3_tokenizer *version_2(void) {
    char path[4096];
    flowbd3_error err = {0};
    flowbd3_tokenizer *tokenizer;
    path_of(path, sizeof path, "tokenizer/version2.json");
    ck_assert_msg(flowbd3_tokenizer_load(&tokenizer, context, path, &err) == FLOWBD3_OK, "%s", err.message);
    return tokenizer;
}

/* A column of cells, null where they are missing. */
static void add_cells(flowbd3_table *table, json_t *column) {
    enum { MOST = 64 };
    double reals[MOST];
    int64_t integers[MOST];
    const char *texts[MOST];
    uint8_t valid[MOST];
    json_t *cells = json_object_get(column, "cells");
    const char *name = json_string_value(json_object_get(column, "name"));
    size_t rows = json_array_size(cells);
    ck_assert_uint_le(rows, MOST);
    for (size_t i = 0; i < rows; i++) {
        const json_t *cell = json_array_get(cells, i);
        valid[i] = !json_is_null(cell);
        reals[i] = json_number_value(cell);
        integers[i] = json_integer_value(cell);
        texts[i] = json_string_value(cell);
    }
    flowbd3_status status = FLOWBD3_ERROR_ARGUMENT;
    switch (fb3_type_of_name(json_string_value(json_object_get(column, "type")))) {
    case FLOWBD3_TYPE_REAL:
        status = flowbd3_table_add_real(table, name, reals, valid, rows, NULL);
        break;
    case FLOWBD3_TYPE_INTEGER:
        status = flowbd3_table_add_integer(table, name, integers, valid, rows, NULL);
        break;
    case FLOWBD3_TYPE_TIMESTAMP:
        status = flowbd3_table_add_timestamp(table, name, integers, valid, rows, NULL);
        break;
    case FLOWBD3_TYPE_CATEGORICAL:
        status = flowbd3_table_add_categorical(table, name, texts, rows, NULL);
        break;
    case FLOWBD3_TYPE_ADDRESS:
        status = flowbd3_table_add_address(table, name, texts, rows, NULL);
        break;
    case FLOWBD3_TYPE_AUTO:
        break;
    }
    ck_assert_int_eq(status, FLOWBD3_OK);
}

static void compare_values(const flowbd3_table *table, size_t column, json_t *golden) {
    const char *name = json_string_value(json_object_get(golden, "name"));
    json_t *values = json_object_get(golden, "values");
    ck_assert_str_eq(flowbd3_table_name(table, column), name);
    for (size_t row = 0; row < flowbd3_table_rows(table); row++) {
        const json_t *value = json_array_get(values, row);
        const int32_t *codes = flowbd3_table_codes(table, column);
        double number = flowbd3_table_number(table, row, column);
        if (json_is_null(value))
            ck_assert_msg(codes != NULL ? codes[row] < 0 : isnan(number), "%s, row %zu", name, row);
        else if (codes != NULL)
            ck_assert_str_eq(flowbd3_table_category(table, column, (size_t)codes[row]),
                             json_string_value(value));
        else
            ck_assert_msg(number == json_number_value(value), "%s, row %zu: %.17g, expected %.17g", name, row,
                          number, json_number_value(value));
    }
}

START_TEST(version_2_is_read_and_written) {
    flowbd3_tokenizer *tokenizer = version_2();
    json_t *golden = load("tokenizer/version2.json"), *written = fb3_tokenizer_to_json_value(tokenizer);
    char *text = json_dumps(written, JSON_COMPACT | JSON_REAL_PRECISION(17));
    ck_assert_msg(json_equal(golden, written), "%s", text);
    static const size_t vocabularies[] = {4, 2, 2, 3, 4, 5, 2, 4, 2, 2};
    ck_assert_uint_eq(flowbd3_tokenizer_columns(tokenizer), 9);
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), FB3_COUNT(vocabularies));
    for (size_t s = 0; s < FB3_COUNT(vocabularies); s++)
        ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, s), vocabularies[s]);
    ck_assert_uint_eq(flowbd3_rules_count(flowbd3_tokenizer_rules(tokenizer)), 4);
    ck_assert_uint_eq(fb3_tokenizer_hidden(tokenizer, 7), 2);
    /* A missing duration is token 0 of the second slot; port 2 ... 255 of its last place. */
    ck_assert_uint_eq(fb3_tokenizer_counts(tokenizer, 1)[0], 2 + 1 + 2 + 1);
    ck_assert_uint_eq(fb3_tokenizer_counts(tokenizer, 3)[2], 2);
    ck_assert(flowbd3_tokenizer_centre(tokenizer, 0, 0) == 0.75);
    ck_assert(isnan(flowbd3_tokenizer_centre(tokenizer, 1, 0)));
    free(text);
    json_decref(written);
    json_decref(golden);
    flowbd3_tokenizer_destroy(&tokenizer);
}
END_TEST

START_TEST(version_2_encodes_and_decodes) {
    flowbd3_tokenizer *tokenizer = version_2();
    json_t *golden = load("tokenizer/version2_cases.json"), *columns = json_object_get(golden, "columns"),
           *tokens = json_object_get(golden, "tokens");
    size_t rows = json_array_size(tokens), slots = flowbd3_tokenizer_slots(tokenizer);
    flowbd3_table *table, *decoded;
    flowbd3_error err = {0};
    uint16_t *encoded = calloc(rows * slots, sizeof *encoded);
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < json_array_size(columns); i++)
        add_cells(table, json_array_get(columns, i));
    ck_assert_msg(flowbd3_tokenizer_encode(tokenizer, table, encoded, &err) == FLOWBD3_OK, "%s", err.message);
    for (size_t i = 0; i < rows * slots; i++)
        ck_assert_msg(encoded[i] ==
                          json_integer_value(json_array_get(json_array_get(tokens, i / slots), i % slots)),
                      "row %zu, slot %zu: %u", i / slots, i % slots, encoded[i]);
    ck_assert_msg(flowbd3_tokenizer_decode(tokenizer, encoded, rows, FLOWBD3_DECODE_CENTRE, 0, 0, &decoded,
                                           &err) == FLOWBD3_OK,
                  "%s", err.message);
    for (size_t i = 0; i < json_array_size(columns); i++)
        compare_values(decoded, i, json_array_get(columns, i));
    free(encoded);
    flowbd3_table_destroy(&decoded);
    flowbd3_table_destroy(&table);
    json_decref(golden);
    flowbd3_tokenizer_destroy(&tokenizer);
}
END_TEST

START_TEST(sequences_are_read) {
    char path[4096];
    flowbd3_error err = {0};
    flowbd3_tokenizer *tokenizer;
    path_of(path, sizeof path, "tokenizer/sequence.json");
    ck_assert_msg(flowbd3_tokenizer_load(&tokenizer, context, path, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 3);
    ck_assert_uint_eq(fb3_tokenizer_gap_slot(tokenizer), 0);
    /* A flow of the second group and two of the third, the latter 0.75 after its start. */
    const uint16_t tokens[] = {0, 0, 0, 0, 1, 1, 0, 2, 0};
    const fb3_sequence sequences[] = {{1, 1, 1.0, 0}, {2, 2, -2.0, 0}};
    const double expected[] = {1.0, -2.0, -1.25};
    flowbd3_table *table;
    ck_assert_int_eq(fb3_tokenizer_decode_sequences(
                         tokenizer, tokens, 3,
                         &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_CENTRE, 0, 0, NULL, 0},
                         sequences, 2, &table, NULL),
                     FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_columns(table), 6);
    ck_assert_str_eq(flowbd3_table_name(table, 5), "rate");
    for (size_t i = 0; i < 3; i++)
        ck_assert(flowbd3_table_real(table, 1)[i] == expected[i]);
    ck_assert_int_eq(flowbd3_table_codes(table, 0)[0], -1);
    ck_assert_int_eq(flowbd3_table_codes(table, 0)[1], 0);
    ck_assert_int_eq(flowbd3_table_integer(table, 2)[0], 7);
    ck_assert_uint_eq(flowbd3_table_valid(table, 2)[2], 0);
    ck_assert(flowbd3_table_real(table, 5)[0] == 0.5);
    flowbd3_table_destroy(&table);
    flowbd3_tokenizer_destroy(&tokenizer);
}
END_TEST

START_TEST(bad_ones_are_refused) {
    char path[4096], *line = NULL;
    path_of(path, sizeof path, "bad/tokenizer.txt");
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    size_t capacity = 0, lines = 0;
    ssize_t size;
    for (; (size = getline(&line, &capacity, file)) > 0; lines++) {
        char name[64], status[32];
        int column, begin = 0;
        ck_assert_int_eq(sscanf(line, "%63s %31s %d%n", name, status, &column, &begin), 3);
        begin++;
        flowbd3_error err = {0};
        flowbd3_tokenizer *tokenizer = (flowbd3_tokenizer *)1;
        flowbd3_status expected =
            strcmp(status, "VERSION") == 0 ? FLOWBD3_ERROR_VERSION : FLOWBD3_ERROR_FORMAT;
        flowbd3_status got =
            flowbd3_tokenizer_from_json(&tokenizer, context, line + begin, (size_t)(size - begin - 1), &err);
        ck_assert_msg(got == expected && err.column == column, "%s: %s, column %d: %s", name,
                      flowbd3_status_name(got), (int)err.column, err.message);
        ck_assert_ptr_null(tokenizer);
        ck_assert_int_eq(err.status, expected);
        ck_assert_uint_ne(strlen(err.message), 0);
        char place[24];
        snprintf(place, sizeof place, "column %d", column);
        ck_assert_msg(column == 0 || strstr(err.message, place) != NULL, "%s: %s", name, err.message);
    }
    ck_assert_uint_ge(lines, 175);
    free(line);
    fclose(file);
}
END_TEST

START_TEST(too_many_tokens_are_refused) {
    json_t *tokens = json_array(), *value;
    for (int i = 0; i < 65001; i++)
        json_array_append_new(tokens, json_pack("{s:i}", "count", 1));
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        char text[32];
        snprintf(text, sizeof text, "v%zu", i);
        json_object_set_new(json_array_get(tokens, i), "value", json_string(text));
    }
    value =
        json_pack("{s:s, s:i, s:i, s:[{s:s, s:s, s:[{s:o}]}]}", "format", "flowbd3-tokenizer", "version", 1,
                  "rows", 65001, "columns", "name", "x", "type", "categorical", "slots", "tokens", tokens);
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    ck_assert_int_eq(fb3_tokenizer_from_json_value(&tokenizer, context, value, &err), FLOWBD3_ERROR_FORMAT);
    json_array_remove(tokens, 65000);
    json_object_set_new(value, "rows", json_integer(65000));
    ck_assert_int_eq(fb3_tokenizer_from_json_value(&tokenizer, context, value, &err), FLOWBD3_OK);
    flowbd3_tokenizer_destroy(&tokenizer);
    json_decref(value);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokenizer_golden");
    TCase *tests = tcase_create("tokenizer_golden");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, bins_of_numpy_and_scikit_learn);
    tcase_add_test(tests, kmeans_of_separated_clusters);
    tcase_add_test(tests, version_1_is_read);
    tcase_add_test(tests, version_2_is_read_and_written);
    tcase_add_test(tests, version_2_encodes_and_decodes);
    tcase_add_test(tests, sequences_are_read);
    tcase_add_test(tests, bad_ones_are_refused);
    tcase_add_test(tests, too_many_tokens_are_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
