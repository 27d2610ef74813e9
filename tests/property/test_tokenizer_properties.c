/* Any table: its tokens decode to values of the column's type, precision and range that have the same tokens;
 * their distribution is the table's; a tokenizer is its JSON. */
#include "../unit/compare_tables.h"
#include "../unit/test_main.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

enum { TABLES = 150, MOST_ROWS = 700, MOST_COLUMNS = 5 };

static flowbd3_context *context, *single;

static void setup(void) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 3;
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    options.threads = 1;
    ck_assert_int_eq(flowbd3_context_create(&single, &options, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
    flowbd3_context_destroy(&single);
}

/* ---- random tables --------------------------------------------------------------------------------- */

typedef struct dice {
    uint64_t seed, next;
} dice;

static double uniform(dice *d) {
    return fb3_uniform(d->seed, FB3_RANDOM_SUBSAMPLE, d->next++, 0);
}

static size_t below(dice *d, size_t n) {
    return (size_t)(uniform(d) * (double)n);
}

static double random_real(dice *d, size_t kind) {
    double u = uniform(d);
    switch (kind) {
    case 0: /* two decimals, with a frequent value */
        return u < 0.3 ? 1.5 : nearbyint(1e4 * uniform(d)) / 100;
    case 1: /* a heavy tail, six decimals */
        return nearbyint(1e6 * pow(u, -2)) / 1e6;
    case 2: /* few values */
        return 0.25 * (double)below(d, 7);
    case 3: /* all magnitudes */
        return (u < 0.5 ? -1 : 1) * pow(10, 600 * uniform(d) - 300);
    case 4: /* neighbouring doubles */
        return 1 + 0x1p-52 * (double)below(d, 500);
    default: /* full precision on both sides of zero */
        return u - 0.5;
    }
}

static int64_t random_integer(dice *d, size_t kind) {
    double u = uniform(d);
    switch (kind) {
    case 0:
        return (int64_t)below(d, 5);
    case 1:
        return (int64_t)(pow(u, -2));
    case 2:
        return (INT64_C(1) << 60) + (int64_t)below(d, 2000);
    case 3:
        return (int64_t)((u - 0.5) * 0x1p64 * 0.999);
    case 4:
        return u < 0.5 ? 0 : (int64_t)below(d, 65536);
    default:
        return (int64_t)below(d, 3) * 100000 + (int64_t)below(d, 40);
    }
}

static void add_column(flowbd3_table *table, dice *d, size_t rows) {
    char name[32], texts[MOST_ROWS][16];
    const char *cells[MOST_ROWS];
    double reals[MOST_ROWS];
    int64_t integers[MOST_ROWS];
    uint8_t valid[MOST_ROWS];
    size_t type = below(d, 7), kind = below(d, 6), categories = 1 + below(d, 60);
    bool missing = below(d, 3) == 0;
    for (size_t i = 0; i < rows; i++) {
        reals[i] = random_real(d, kind);
        integers[i] = random_integer(d, kind);
        if (type == 5 && kind != 3) /* times of milliseconds, and of all magnitudes */
            integers[i] = integers[i] % INT64_C(1000000000000) * 1000000;
        snprintf(texts[i], sizeof texts[i], type == 6 ? "10.0.0.%zu" : "s%zu", below(d, categories));
        valid[i] = i == 0 || !missing || below(d, 4) != 0;
        cells[i] = valid[i] ? texts[i] : NULL;
    }
    snprintf(name, sizeof name, "column %zu", flowbd3_table_columns(table));
    flowbd3_status status = type < 2   ? flowbd3_table_add_real(table, name, reals, valid, rows, NULL)
                            : type < 4 ? flowbd3_table_add_integer(table, name, integers, valid, rows, NULL)
                            : type < 5 ? flowbd3_table_add_categorical(table, name, cells, rows, NULL)
                            : type < 6 ? flowbd3_table_add_timestamp(table, name, integers, valid, rows, NULL)
                                       : flowbd3_table_add_address(table, name, cells, rows, NULL);
    ck_assert_int_eq(status, FLOWBD3_OK);
}

static flowbd3_table *random_table(dice *d) {
    flowbd3_table *table;
    size_t rows = below(d, 4) == 0 ? 1 + below(d, 6) : 1 + below(d, MOST_ROWS);
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    for (size_t columns = 1 + below(d, MOST_COLUMNS); columns > 0; columns--)
        add_column(table, d, rows);
    return table;
}

/* A codec that fits the type of the column. */
static flowbd3_codec random_codec(const flowbd3_table *table, size_t column, dice *d) {
    switch (flowbd3_table_type(table, column)) {
    case FLOWBD3_TYPE_CATEGORICAL:
    case FLOWBD3_TYPE_ADDRESS:
        return (flowbd3_codec)below(d, 2);
    case FLOWBD3_TYPE_INTEGER:
    case FLOWBD3_TYPE_TIMESTAMP:
        return (flowbd3_codec)below(d, 5);
    default:
        return (flowbd3_codec)below(d, 4);
    }
}

static flowbd3_tokenizer *random_tokenizer(const flowbd3_table *table, dice *d) {
    flowbd3_column_codec codecs[MOST_COLUMNS];
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    options.binning = (flowbd3_binning)below(d, 4);
    options.bins = (uint32_t)(below(d, 2) ? 2 + below(d, 30) : 256 + below(d, 800));
    options.seed = d->seed;
    for (size_t i = 0; i < flowbd3_table_columns(table); i++)
        codecs[i] = (flowbd3_column_codec){flowbd3_table_name(table, i), random_codec(table, i, d), 0};
    options.codecs = codecs;
    options.n_codecs = below(d, 2) ? flowbd3_table_columns(table) : 0;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    for (size_t s = 0; s < flowbd3_tokenizer_slots(tokenizer); s++)
        if (fb3_tokenizer_is_ordered(tokenizer, s) && options.n_codecs == 0)
            ck_assert_uint_le(flowbd3_tokenizer_vocabulary(tokenizer, s) -
                                  fb3_tokenizer_has_missing(tokenizer, s),
                              options.bins);
    return tokenizer;
}

/* ---- properties ------------------------------------------------------------------------------------ */

static uint16_t *encode(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table) {
    uint16_t *tokens =
        malloc(flowbd3_table_rows(table) * flowbd3_tokenizer_slots(tokenizer) * sizeof *tokens + 1);
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_tokenizer_encode(tokenizer, table, tokens, &err) == FLOWBD3_OK, "%s", err.message);
    return tokens;
}

static flowbd3_table *decode(const flowbd3_tokenizer *tokenizer, const uint16_t *tokens, size_t rows,
                             flowbd3_decoding way, uint64_t first_row) {
    flowbd3_table *table;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_tokenizer_decode(tokenizer, tokens, rows, way, 9, first_row, &table, &err) ==
                      FLOWBD3_OK,
                  "%s", err.message);
    return table;
}

static void check_range(const flowbd3_table *fitted, const flowbd3_table *decoded, size_t column) {
    double low = (double)INFINITY, high = -low;
    for (size_t row = 0; row < flowbd3_table_rows(fitted); row++) {
        low = fmin(low, flowbd3_table_number(fitted, row, column));
        high = fmax(high, flowbd3_table_number(fitted, row, column));
    }
    for (size_t row = 0; row < flowbd3_table_rows(decoded); row++) {
        double value = flowbd3_table_number(decoded, row, column);
        ck_assert(isnan(value) || (value >= low && value <= high));
    }
}

static void check_precision(const flowbd3_table *fitted, const flowbd3_table *decoded, size_t column) {
    ck_assert_int_eq(flowbd3_table_type(fitted, column), flowbd3_table_type(decoded, column));
    ck_assert_int_eq(flowbd3_table_decimals(fitted, column), flowbd3_table_decimals(decoded, column));
    ck_assert_str_eq(flowbd3_table_name(fitted, column), flowbd3_table_name(decoded, column));
    ck_assert_uint_eq(flowbd3_table_time_form(fitted, column), flowbd3_table_time_form(decoded, column));
    const int64_t *integer = flowbd3_table_integer(decoded, column);
    for (size_t row = 0; integer != NULL && row < flowbd3_table_rows(decoded); row++)
        if (flowbd3_table_type(decoded, column) == FLOWBD3_TYPE_TIMESTAMP)
            ck_assert_int_eq(fb3_time_round(integer[row], flowbd3_table_decimals(decoded, column)),
                             integer[row]);
    const double *real = flowbd3_table_real(decoded, column);
    if (real == NULL || flowbd3_table_decimals(decoded, column) < 0)
        return;
    for (size_t row = 0; row < flowbd3_table_rows(decoded); row++) {
        char text[FB3_REAL_TEXT];
        double back;
        int unused;
        if (isnan(real[row]))
            continue;
        size_t size = fb3_print_real(text, real[row], flowbd3_table_decimals(decoded, column));
        ck_assert(fb3_parse_real(text, size, &back, &unused) && back == real[row]);
    }
}

static void check_decoding(const flowbd3_table *table, const flowbd3_tokenizer *tokenizer,
                           const uint16_t *tokens, flowbd3_decoding way) {
    size_t rows = flowbd3_table_rows(table);
    flowbd3_table *decoded = decode(tokenizer, tokens, rows, way, 0);
    uint16_t *again = encode(tokenizer, decoded);
    ck_assert_mem_eq(tokens, again, rows * flowbd3_tokenizer_slots(tokenizer) * sizeof *tokens);
    free(again);
    ck_assert_uint_eq(flowbd3_table_rows(decoded), rows);
    ck_assert_uint_eq(flowbd3_table_columns(decoded), flowbd3_table_columns(table));
    for (size_t c = 0; c < flowbd3_table_columns(table); c++) {
        check_precision(table, decoded, c);
        ck_assert_uint_eq(flowbd3_table_missing(table, c), flowbd3_table_missing(decoded, c));
        if (flowbd3_table_codes(table, c) == NULL)
            check_range(table, decoded, c);
    }
    flowbd3_table_destroy(&decoded);
}

static void check_counts(const flowbd3_table *table, const flowbd3_tokenizer *tokenizer,
                         const uint16_t *tokens) {
    size_t rows = flowbd3_table_rows(table), slots = flowbd3_tokenizer_slots(tokenizer);
    for (size_t s = 0; s < slots; s++) {
        size_t vocabulary = flowbd3_tokenizer_vocabulary(tokenizer, s);
        uint64_t *counts = calloc(vocabulary, sizeof *counts);
        for (size_t row = 0; row < rows; row++)
            counts[tokens[row * slots + s]]++;
        ck_assert_mem_eq(counts, fb3_tokenizer_counts(tokenizer, s), vocabulary * sizeof *counts);
        for (size_t t = 0; t < vocabulary; t++)
            ck_assert_uint_ne(counts[t], 0);
        free(counts);
    }
}

START_TEST(values_come_back_to_their_tokens) {
    for (uint64_t i = 0; i < TABLES; i++) {
        dice d = {i, 0};
        flowbd3_table *table = random_table(&d);
        flowbd3_tokenizer *tokenizer = random_tokenizer(table, &d);
        uint16_t *tokens = encode(tokenizer, table);
        check_counts(table, tokenizer, tokens);
        check_decoding(table, tokenizer, tokens, FLOWBD3_DECODE_DRAW);
        check_decoding(table, tokenizer, tokens, FLOWBD3_DECODE_CENTRE);
        free(tokens);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

/* Tokens ascend with the values, and a value between two has one of their tokens. */
START_TEST(tokens_are_in_the_order_of_values) {
    for (uint64_t i = 0; i < TABLES; i++) {
        dice d = {1000 + i, 0};
        flowbd3_table *table = random_table(&d);
        flowbd3_tokenizer *tokenizer = random_tokenizer(table, &d);
        uint16_t *tokens = encode(tokenizer, table);
        size_t rows = flowbd3_table_rows(table), slots = flowbd3_tokenizer_slots(tokenizer);
        for (size_t c = 0; c < flowbd3_table_columns(table); c++) {
            size_t s, of_column = fb3_tokenizer_column_slots(tokenizer, c, &s);
            if (!fb3_tokenizer_is_ordered(tokenizer, s))
                continue;
            for (size_t k = 0; k < 500; k++) {
                size_t a = below(&d, rows), b = below(&d, rows);
                double x = flowbd3_table_number(table, a, c), y = flowbd3_table_number(table, b, c);
                int order = 0;
                for (size_t at = s; order == 0 && at < s + of_column; at++)
                    order = (int)tokens[a * slots + at] - (int)tokens[b * slots + at];
                if (x < y)
                    ck_assert_int_le(order, 0);
            }
            for (size_t t = 1;
                 t + fb3_tokenizer_has_missing(tokenizer, s) < flowbd3_tokenizer_vocabulary(tokenizer, s);
                 t++)
                ck_assert(flowbd3_tokenizer_centre(tokenizer, s, t - 1) <=
                          flowbd3_tokenizer_centre(tokenizer, s, t));
        }
        free(tokens);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

START_TEST(json_is_the_tokenizer) {
    for (uint64_t i = 0; i < TABLES; i++) {
        dice d = {2000 + i, 0};
        flowbd3_table *table = random_table(&d);
        flowbd3_tokenizer *tokenizer = random_tokenizer(table, &d), *again;
        size_t rows = flowbd3_table_rows(table), slots = flowbd3_tokenizer_slots(tokenizer);
        char *first, *second;
        flowbd3_error err = {0};
        ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &first, &err), FLOWBD3_OK);
        ck_assert_msg(flowbd3_tokenizer_from_json(&again, single, first, strlen(first), &err) == FLOWBD3_OK,
                      "%s", err.message);
        ck_assert_int_eq(flowbd3_tokenizer_to_json(again, &second, &err), FLOWBD3_OK);
        ck_assert_str_eq(first, second);
        uint16_t *tokens = encode(tokenizer, table), *same = encode(again, table);
        ck_assert_mem_eq(tokens, same, rows * slots * sizeof *tokens);
        for (int way = 0; way < 2; way++) {
            flowbd3_table *a = decode(tokenizer, tokens, rows, (flowbd3_decoding)way, 5);
            flowbd3_table *b = decode(again, tokens, rows, (flowbd3_decoding)way, 5);
            ck_assert(same_tables(a, b));
            flowbd3_table_destroy(&a);
            flowbd3_table_destroy(&b);
        }
        for (size_t s = 0; s < slots; s++) {
            size_t vocabulary = flowbd3_tokenizer_vocabulary(tokenizer, s);
            ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(again, s), vocabulary);
            ck_assert_mem_eq(fb3_tokenizer_counts(tokenizer, s), fb3_tokenizer_counts(again, s),
                             vocabulary * sizeof(uint64_t));
        }
        free(tokens);
        free(same);
        flowbd3_string_destroy(context, &first);
        flowbd3_string_destroy(single, &second);
        flowbd3_tokenizer_destroy(&again);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

/* Rows decoded in parts are the rows decoded at once. */
START_TEST(draws_depend_on_the_row_alone) {
    dice d = {77, 0};
    flowbd3_table *table = random_table(&d);
    flowbd3_tokenizer *tokenizer = random_tokenizer(table, &d);
    size_t rows = flowbd3_table_rows(table), slots = flowbd3_tokenizer_slots(tokenizer);
    uint16_t *tokens = encode(tokenizer, table);
    flowbd3_table *whole = decode(tokenizer, tokens, rows, FLOWBD3_DECODE_DRAW, 100), *part, *slice;
    for (size_t first = 0; first < rows; first += 50) {
        size_t count = rows - first < 50 ? rows - first : 50;
        part = decode(tokenizer, tokens + first * slots, count, FLOWBD3_DECODE_DRAW, 100 + first);
        ck_assert_int_eq(flowbd3_table_slice(&slice, whole, first, count, NULL), FLOWBD3_OK);
        ck_assert(same_tables(part, slice));
        flowbd3_table_destroy(&part);
        flowbd3_table_destroy(&slice);
    }
    flowbd3_table_destroy(&whole);
    free(tokens);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- distributions --------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Kolmogorov-Smirnov distance between two columns. */
static double distance(const flowbd3_table *a, const flowbd3_table *b, size_t column) {
    size_t rows = flowbd3_table_rows(a), i = 0, j = 0;
    double *x = malloc(rows * sizeof *x), *y = malloc(rows * sizeof *y), most = 0;
    for (size_t row = 0; row < rows; row++) {
        x[row] = flowbd3_table_number(a, row, column);
        y[row] = flowbd3_table_number(b, row, column);
    }
    qsort(x, rows, sizeof *x, ascending);
    qsort(y, rows, sizeof *y, ascending);
    while (i < rows && j < rows) {
        double value = fmin(x[i], y[j]);
        while (i < rows && x[i] == value)
            i++;
        while (j < rows && y[j] == value)
            j++;
        most = fmax(most, fabs((double)i - (double)j) / (double)rows);
    }
    free(x);
    free(y);
    return most;
}

/* Draws inside 20 bins follow the values in them. The distance of two samples of 20,000 is below 0.0163 with
 * probability 0.99; here only the place inside the bin is drawn. */
START_TEST(draws_follow_the_table) {
    enum { ROWS = 20000 };
    double *real = malloc(ROWS * sizeof *real);
    int64_t *integer = malloc(ROWS * sizeof *integer);
    for (size_t kind = 0; kind < 6; kind++) {
        if (kind == 3)
            continue;
        dice d = {kind, 0};
        flowbd3_table *table;
        ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
        for (size_t i = 0; i < ROWS; i++) {
            real[i] = random_real(&d, kind);
            integer[i] = random_integer(&d, kind);
        }
        flowbd3_table_add_real(table, "real", real, NULL, ROWS, NULL);
        flowbd3_table_add_integer(table, "integer", integer, NULL, ROWS, NULL);
        flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
        options.bins = 20;
        flowbd3_tokenizer *tokenizer;
        ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &options, NULL), FLOWBD3_OK);
        uint16_t *tokens = encode(tokenizer, table);
        flowbd3_table *drawn = decode(tokenizer, tokens, ROWS, FLOWBD3_DECODE_DRAW, 0);
        for (size_t c = 0; c < 2; c++)
            ck_assert_msg(distance(table, drawn, c) < 0.005, "kind %zu, column %zu: %g", kind, c,
                          distance(table, drawn, c));
        flowbd3_table_destroy(&drawn);
        free(tokens);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
    free(real);
    free(integer);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokenizer_properties");
    TCase *tests = tcase_create("tokenizer_properties");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, values_come_back_to_their_tokens);
    tcase_add_test(tests, tokens_are_in_the_order_of_values);
    tcase_add_test(tests, json_is_the_tokenizer);
    tcase_add_test(tests, draws_depend_on_the_row_alone);
    tcase_add_test(tests, draws_follow_the_table);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
