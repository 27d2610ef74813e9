/* Any table, written as CSV in any dialect, reads back equal. */
#include "../unit/compare_tables.h"
#include "../unit/test_main.h"
#include "table/table.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { TABLES = 400, MOST_ROWS = 30, MOST_COLUMNS = 6, TEXT = 64 };

/* What has a meaning to somebody, and what has none. */
static const char *const pieces[] = {"a",
                                     "tcp",
                                     ",",
                                     ";",
                                     "\"",
                                     "'",
                                     "\n",
                                     "\r\n",
                                     "\r",
                                     " ",
                                     "\t",
                                     "7",
                                     "-",
                                     ".",
                                     "007",
                                     "nan",
                                     "|",
                                     "\"\"",
                                     "\x01",
                                     "e",
                                     "\xc3\xa9",
                                     "\xf0\x9f\x8c\x8d",
                                     "\xef\xbb\xbf",
                                     "#"};

typedef struct dice {
    uint64_t seed, next;
} dice;

static size_t below(dice *d, size_t n) {
    return (size_t)(fb3_uniform(d->seed, FB3_RANDOM_SUBSAMPLE, d->next++, 0) * (double)n);
}

static void random_text(dice *d, char *text, size_t least) {
    size_t n = least + below(d, 5), size = 0;
    for (size_t i = 0; i < n; i++) {
        const char *piece = pieces[below(d, FB3_COUNT(pieces))];
        memcpy(text + size, piece, strlen(piece));
        size += strlen(piece);
    }
    text[size] = '\0';
}

static double random_real(dice *d, size_t kind) {
    uint32_t word[4];
    double value;
    fb3_random(word, d->seed, FB3_RANDOM_SUBSAMPLE, d->next++, 1);
    if (kind == 0) {
        uint64_t bits = (uint64_t)word[0] << 32 | word[1];
        memcpy(&value, &bits, sizeof value);
        return isfinite(value) ? value : 0.0;
    }
    static const double scale[] = {1.0, 1e1, 1e2, 1e3, 1e6, 1e9, 1e15, 1e17};
    return ((double)(int32_t)word[0] + (double)(word[1] % 1000) * 1e6) / scale[kind % 8];
}

static int64_t random_integer(dice *d) {
    uint32_t word[4];
    fb3_random(word, d->seed, FB3_RANDOM_SUBSAMPLE, d->next++, 2);
    uint64_t bits = (uint64_t)word[0] << 32 | word[1];
    return (int64_t)bits >> word[2] % 64;
}

static void random_address(dice *d, char *text) {
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = below(d, 2) == 0 ? 0 : (uint8_t)below(d, 256);
    (void)fb3_address_print(text, bytes, below(d, 2) == 0 ? 4 : 16);
}

static void add_column(dice *d, flowbd3_table *t, const char *name, size_t rows) {
    double reals[MOST_ROWS];
    int64_t integers[MOST_ROWS];
    char texts[MOST_ROWS][TEXT];
    const char *values[MOST_ROWS];
    uint8_t valid[MOST_ROWS];
    size_t kind = below(d, 9), missing = below(d, 3), type = below(d, 5);
    for (size_t i = 0; i < rows; i++) {
        valid[i] = missing == 0 || below(d, missing == 1 ? 4 : 1 + rows / 2) != 0;
        reals[i] = random_real(d, kind);
        integers[i] = random_integer(d);
        if (type == 4)
            random_address(d, texts[i]);
        else
            random_text(d, texts[i], 0);
        values[i] = valid[i] ? texts[i] : NULL;
    }
    flowbd3_status status = type == 0   ? flowbd3_table_add_real(t, name, reals, valid, rows, NULL)
                            : type == 1 ? flowbd3_table_add_integer(t, name, integers, valid, rows, NULL)
                            : type == 2 ? flowbd3_table_add_timestamp(t, name, integers, valid, rows, NULL)
                            : type == 3 ? flowbd3_table_add_categorical(t, name, values, rows, NULL)
                                        : flowbd3_table_add_address(t, name, values, rows, NULL);
    ck_assert_int_eq(status, FLOWBD3_OK);
    if (type == 2)
        ck_assert_int_eq(
            flowbd3_table_set_time_form(t, flowbd3_table_columns(t) - 1, (unsigned)below(d, 8), NULL),
            FLOWBD3_OK);
}

static flowbd3_table *random_table(dice *d, flowbd3_context *context, bool named) {
    size_t rows = 1 + below(d, MOST_ROWS), columns = 1 + below(d, MOST_COLUMNS);
    flowbd3_table *t;
    ck_assert_int_eq(flowbd3_table_create(&t, context, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < columns; i++) {
        char name[2 * TEXT + 32], text[TEXT];
        random_text(d, text, 0);
        (void)snprintf(name, sizeof name, "%sc%zu%s", named ? text : "", i + 1, named ? text : "");
        add_column(d, t, name, rows);
    }
    return t;
}

START_TEST(reads_back_equal) {
    static const char delimiters[] = ",;\t|: ", quotes[] = "\"'\"";
    char directory[] = "/tmp/flowbd3-property-XXXXXX", path[PATH_MAX];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/table.csv", directory);
    flowbd3_context *context;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, &err), FLOWBD3_OK);
    for (uint64_t seed = 0; seed < TABLES; seed++) {
        dice d = {.seed = seed};
        flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
        o.delimiter = delimiters[below(&d, sizeof delimiters - 1)];
        o.quote = quotes[below(&d, sizeof quotes - 1)];
        o.header = below(&d, 4) == 0 ? FLOWBD3_CSV_HEADER_NO : FLOWBD3_CSV_HEADER_YES;
        flowbd3_table *t = random_table(&d, context, o.header == FLOWBD3_CSV_HEADER_YES), *back = NULL;
        ck_assert_int_eq(flowbd3_table_write_csv(t, path, &o, &err), FLOWBD3_OK);
        /* Numbers, times and addresses are found without help; texts may look like numbers, and without cells
         * nothing is seen. */
        flowbd3_column_type types[MOST_COLUMNS];
        for (size_t i = 0; i < flowbd3_table_columns(t); i++)
            if (flowbd3_table_type(t, i) == FLOWBD3_TYPE_CATEGORICAL ||
                flowbd3_table_missing(t, i) == flowbd3_table_rows(t))
                types[o.n_types++] =
                    (flowbd3_column_type){flowbd3_table_name(t, i), flowbd3_table_type(t, i)};
        o.types = types;
        flowbd3_status status = flowbd3_table_read_csv(&back, context, path, &o, &err);
        ck_assert_msg(status == FLOWBD3_OK, "seed %llu: %s", (unsigned long long)seed, err.message);
        ck_assert_msg(same_tables(t, back), "seed %llu", (unsigned long long)seed);
        flowbd3_table_destroy(&back);
        flowbd3_table_destroy(&t);
    }
    flowbd3_context_destroy(&context);
    (void)unlink(path);
    (void)rmdir(directory);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("csv_round_trip");
    TCase *tests = tcase_create("csv_round_trip");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, reads_back_equal);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
