/* Rows in groups and in order, their gaps, and what is refused. */
#include "sequences.h"
#include "test_main.h"

static void check_arrangement(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table, size_t groups,
                              const size_t *first, const size_t *order) {
    fb3_arrangement *a;
    ck_assert_int_eq(fb3_tokenizer_arrange(tokenizer, table, &a, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(a->rows, flowbd3_table_rows(table));
    ck_assert_uint_eq(a->groups, groups);
    for (size_t i = 0; i <= groups; i++)
        ck_assert_uint_eq(a->first[i], first[i]);
    for (size_t i = 0; i < a->rows; i++)
        ck_assert_uint_eq(a->order[i], order[i]);
    fb3_arrangement_destroy(&a);
    ck_assert_ptr_null(a);
}

/* The gaps that a table is tokenized with, in its order of rows. */
static flowbd3_table *gaps_of(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table) {
    size_t rows = flowbd3_table_rows(table), slots = flowbd3_tokenizer_slots(tokenizer);
    uint16_t *tokens = malloc(rows * slots * sizeof *tokens);
    flowbd3_table *gaps;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_tokenizer_encode(tokenizer, table, tokens, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_int_eq(
        flowbd3_tokenizer_decode(tokenizer, tokens, rows, FLOWBD3_DECODE_CENTRE, 0, 0, &gaps, NULL),
        FLOWBD3_OK);
    free(tokens);
    return gaps;
}

/* ---- little tables ----------------------------------------------------------------------------- */

START_TEST(a_little_table_is_arranged) {
    static const char *const source = "source";
    flowbd3_table *table = parse(little);
    flowbd3_tokenizer *tokenizer = fit(table, &source, 1, "time");
    check_arrangement(tokenizer, table, 3, (size_t[]){0, 3, 5, 7}, (size_t[]){2, 0, 5, 1, 4, 6, 3});
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 3);
    ck_assert_str_eq(flowbd3_tokenizer_name(tokenizer, 2), "state");
    ck_assert_uint_eq(fb3_tokenizer_gap_slot(tokenizer), 1);
    ck_assert(fb3_tokenizer_has_missing(tokenizer, 1));
    /* 0.3 - 0.1 is 0.2 and 0.6 - 0.3 is 0.3, as they are in no other way with doubles. */
    flowbd3_table *gaps = gaps_of(tokenizer, table);
    const double expected[] = {0.2, 0, 0, 1.0, 0.0, 0.3, 0};
    const uint8_t there[] = {1, 0, 0, 1, 1, 1, 0};
    ck_assert_uint_eq(flowbd3_table_columns(gaps), 3);
    for (size_t i = 0; i < 7; i++) {
        ck_assert_uint_eq(flowbd3_table_valid(gaps, 1)[i], there[i]);
        if (there[i])
            ck_assert(flowbd3_table_real(gaps, 1)[i] == expected[i]);
        ck_assert_int_eq(flowbd3_table_integer(gaps, 0)[i], (int64_t)(10 * (i + 1)));
    }
    flowbd3_table_destroy(&gaps);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(several_columns_make_a_group) {
    static const char *const both[] = {"state", "source"};
    flowbd3_table *table = parse(little);
    flowbd3_tokenizer *tokenizer = fit(table, both, 2, NULL);
    check_arrangement(tokenizer, table, 4, (size_t[]){0, 2, 4, 5, 7}, (size_t[]){0, 5, 1, 4, 2, 3, 6});
    ck_assert_uint_eq(fb3_tokenizer_gap_slot(tokenizer), SIZE_MAX);
    flowbd3_tokenizer_destroy(&tokenizer);
    tokenizer = fit(table, NULL, 0, "time");
    check_arrangement(tokenizer, table, 1, (size_t[]){0, 7}, (size_t[]){2, 0, 5, 1, 4, 6, 3});
    flowbd3_tokenizer_destroy(&tokenizer);
    tokenizer = fit(table, NULL, 0, NULL);
    check_arrangement(tokenizer, table, 1, (size_t[]){0, 7}, (size_t[]){0, 1, 2, 3, 4, 5, 6});
    flowbd3_table *none;
    ck_assert_int_eq(flowbd3_table_slice(&none, table, 0, 0, NULL), FLOWBD3_OK);
    check_arrangement(tokenizer, none, 0, (size_t[]){0}, NULL);
    flowbd3_table_destroy(&none);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(numbers_make_groups) {
    static const char *const names[] = {"real", "integer"};
    const double real[] = {0.0, 1.5, -0.0, 1.5, 0.0, NAN};
    const int64_t integer[] = {INT64_MIN, 0, INT64_MIN, -1, INT64_MIN, 0}, bytes[] = {1, 2, 3, 4, 5, 6};
    const uint8_t valid[] = {1, 0, 1, 1, 1, 1};
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    flowbd3_table_add_real(table, "real", real, NULL, 6, NULL);
    flowbd3_table_add_integer(table, "integer", integer, valid, 6, NULL);
    flowbd3_table_add_integer(table, "bytes", bytes, NULL, 6, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, names, 2, NULL);
    check_arrangement(tokenizer, table, 4, (size_t[]){0, 3, 4, 5, 6}, (size_t[]){0, 2, 4, 1, 3, 5});
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(integers_near_the_limits) {
    const int64_t time[] = {INT64_MAX, INT64_MAX - 1, 0, INT64_MIN, INT64_MIN + 2}, bytes[] = {1, 2, 3, 4, 5};
    flowbd3_table *table, *some;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    flowbd3_table_add_integer(table, "time", time, NULL, 5, NULL);
    flowbd3_table_add_integer(table, "bytes", bytes, NULL, 5, NULL);
    ck_assert_int_eq(flowbd3_table_slice(&some, table, 0, 3, NULL), FLOWBD3_OK);
    flowbd3_tokenizer *tokenizer = fit(some, NULL, 0, "time");
    flowbd3_table *gaps = gaps_of(tokenizer, some);
    ck_assert_int_eq(flowbd3_table_integer(gaps, 0)[0], 1);
    ck_assert_int_eq(flowbd3_table_integer(gaps, 0)[1], INT64_MAX - 1);
    ck_assert_uint_eq(flowbd3_table_valid(gaps, 0)[2], 0);
    flowbd3_table_destroy(&gaps);
    /* Without rows between, from INT64_MIN to INT64_MAX is too far; 2^63 - 2 still is a gap. */
    const size_t ends[] = {0, 3};
    flowbd3_table_destroy(&some);
    flowbd3_tokenizer_destroy(&tokenizer);
    ck_assert_int_eq(flowbd3_table_take(&some, table, ends, 2, NULL), FLOWBD3_OK);
    ck_assert_int_eq(try_fit(&tokenizer, some, NULL, 0, "time", &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_null(tokenizer);
    ck_assert_int_eq(err.row, 1);
    ck_assert_int_eq(err.column, 1);
    ck_assert_ptr_nonnull(strstr(err.message, "'time', row 1"));
    flowbd3_table_destroy(&some);
    tokenizer = fit(table, NULL, 0, "time");
    gaps = gaps_of(tokenizer, table);
    ck_assert_int_eq(flowbd3_table_integer(gaps, 0)[2], INT64_MAX - 1);
    ck_assert_int_eq(flowbd3_table_integer(gaps, 0)[4], 2);
    flowbd3_table_destroy(&gaps);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(reals_too_far_apart) {
    flowbd3_table *table = parse("time,bytes\n-1e308,1\n1e308,2\n");
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    ck_assert_int_eq(try_fit(&tokenizer, table, NULL, 0, "time", &err), FLOWBD3_ERROR_RANGE);
    ck_assert_int_eq(err.row, 2);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- against a naive arrangement --------------------------------------------------------------- */

static bool naive_same(const flowbd3_table *table, size_t a, size_t b) {
    for (size_t column = 0; column < 3; column++) {
        const uint8_t *valid = flowbd3_table_valid(table, column);
        bool gone = valid != NULL && !valid[a];
        if (gone != (valid != NULL && !valid[b]))
            return false;
        if (!gone &&
            (column == 2 ? strcmp(text_of(table, a, 2), text_of(table, b, 2)) != 0
                         : flowbd3_table_number(table, a, column) != flowbd3_table_number(table, b, column)))
            return false;
    }
    return true;
}

/* Rows one by one: the first that is not placed opens a group, to which the earliest of those that are left
 * is added until none is. */
static size_t naive(size_t *order, size_t *first, const flowbd3_table *table) {
    size_t rows = flowbd3_table_rows(table), groups = 0, places = 0;
    bool *placed = calloc(rows, sizeof *placed);
    for (size_t opener = 0; opener < rows; opener++) {
        if (placed[opener])
            continue;
        first[groups++] = places;
        for (;;) {
            size_t best = SIZE_MAX;
            for (size_t row = opener; row < rows; row++)
                if (!placed[row] && naive_same(table, opener, row) &&
                    (best == SIZE_MAX ||
                     flowbd3_table_number(table, row, 3) < flowbd3_table_number(table, best, 3)))
                    best = row;
            if (best == SIZE_MAX)
                break;
            placed[best] = true;
            order[places++] = best;
        }
    }
    first[groups] = places;
    free(placed);
    return groups;
}

START_TEST(random_tables_as_the_naive_way) {
    enum { ROWS = 300 };
    size_t order[ROWS] = {0}, first[ROWS + 1] = {0};
    for (uint32_t seed = 0; seed < 40; seed++) {
        flowbd3_table *table = random_table(seed, ROWS);
        flowbd3_tokenizer *tokenizer = fit(table, three, 3, "time");
        size_t groups = naive(order, first, table);
        check_arrangement(tokenizer, table, groups, first, order);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

/* ---- bad input --------------------------------------------------------------------------------- */

START_TEST(options_refused) {
    flowbd3_table *table = parse(little);
    static const char *const nothing[] = {NULL}, *const empty[] = {""}, *const other[] = {"destination"};
    static const char *const twice[] = {"source", "state", "source"}, *const source[] = {"source"};
    static const char *const all[] = {"source", "state", "time", "bytes"};
    const struct {
        const char *const *group_by;
        size_t n;
        const char *order_by, *says;
    } cases[] = {{NULL, 1, NULL, "group_by is NULL"},
                 {nothing, 1, NULL, "NULL"},
                 {empty, 1, NULL, "empty"},
                 {other, 1, NULL, "no column 'destination'"},
                 {twice, 3, NULL, "'source'"},
                 {source, 1, "source", "'source'"},
                 {source, 1, "", "empty"},
                 {source, 1, "begin", "no column 'begin'"},
                 {source, 1, "state", "categorical"},
                 {all, 4, NULL, "all columns"},
                 {NULL, 0, "destination", "'destination'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        flowbd3_tokenizer *tokenizer;
        flowbd3_error err = {0};
        ck_assert_int_eq(try_fit(&tokenizer, table, cases[i].group_by, cases[i].n, cases[i].order_by, &err),
                         FLOWBD3_ERROR_ARGUMENT);
        ck_assert_ptr_null(tokenizer);
        ck_assert_msg(strstr(err.message, cases[i].says) != NULL, "%s", err.message);
    }
    flowbd3_table_destroy(&table);
}
END_TEST

/* A caller of before there were sequences passes a shorter struct, whatever lies behind it. */
START_TEST(an_earlier_caller) {
    flowbd3_table *table = parse(little);
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.struct_size = offsetof(flowbd3_tokenizer_options, group_by);
    options.n_group_by = 99;
    options.order_by = "nothing";
    flowbd3_tokenizer *tokenizer;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &options, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 4);
    char *json;
    ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &json, NULL), FLOWBD3_OK);
    ck_assert_ptr_null(strstr(json, "\"sequence\""));
    flowbd3_string_destroy(context, &json);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(times_refused) {
    static const char *const source = "source";
    flowbd3_table *table = parse("source,time\na,1\nb,2\na,\nb,4\n");
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    ck_assert_int_eq(try_fit(&tokenizer, table, &source, 1, "time", &err), FLOWBD3_ERROR_FORMAT);
    ck_assert_int_eq(err.row, 3);
    ck_assert_int_eq(err.column, 2);
    ck_assert_ptr_nonnull(strstr(err.message, "'time', row 3"));
    flowbd3_table_destroy(&table);
    table = parse("source,time\na,1\nb,2\nc,3\n");
    ck_assert_int_eq(try_fit(&tokenizer, table, &source, 1, "time", &err), FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "'time'"));
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(another_table) {
    static const char *const source = "source";
    flowbd3_table *table = parse(little);
    flowbd3_tokenizer *tokenizer = fit(table, &source, 1, "time");
    const struct {
        const char *csv, *says;
        flowbd3_status status;
        int64_t row, column;
    } cases[] = {
        {"bytes,time,state\n1,2.5,x\n", "no column 'source'", FLOWBD3_ERROR_SCHEMA, 0, 0},
        {"bytes,source,state\n1,a,x\n", "no column 'time'", FLOWBD3_ERROR_SCHEMA, 0, 0},
        {"bytes,source,time,state\n1,7,2.5,x\n", "'source' is integer", FLOWBD3_ERROR_SCHEMA, 0, 2},
        {"bytes,source,time,state\n1,a,2,x\n", "'time' is integer", FLOWBD3_ERROR_SCHEMA, 0, 3},
        {"bytes,source,time,state\n1,a,2.5,x\n1,a,,x\n", "'time', row 2", FLOWBD3_ERROR_FORMAT, 2, 3},
        {"bytes,source,time,state\n1,a,2.5,x\n1,a,3.5,z\n", "'state', row 2", FLOWBD3_ERROR_SCHEMA, 2, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t tokens[6];
        flowbd3_error err = {0};
        flowbd3_table *other = parse(cases[i].csv);
        ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, other, tokens, &err), cases[i].status);
        ck_assert_msg(strstr(err.message, cases[i].says) != NULL, "%s", err.message);
        ck_assert_int_eq(err.row, cases[i].row);
        ck_assert_int_eq(err.column, cases[i].column);
        flowbd3_table_destroy(&other);
    }
    flowbd3_table_destroy(&table);
    /* Unknown keys are fine, as is another order of columns. */
    table = parse("state,source,time,extra,bytes\nx,q,1.5,8,10\nx,r,1.5,8,10\ny,q,1.7,8,20\n");
    check_arrangement(tokenizer, table, 2, (size_t[]){0, 2, 3}, (size_t[]){0, 2, 1});
    flowbd3_table *gaps = gaps_of(tokenizer, table);
    ck_assert(flowbd3_table_real(gaps, 1)[2] == 0.2);
    ck_assert_uint_eq(flowbd3_table_missing(gaps, 1), 2);
    flowbd3_table_destroy(&gaps);
    flowbd3_table_destroy(&table);
    flowbd3_tokenizer_destroy(&tokenizer);
}
END_TEST

START_TEST(what_has_no_token_is_masked) {
    flowbd3_table *table = parse("a,b\nx,1\ny,2\n"), *other = parse("a,b\ny,\nz,2\n,1\n");
    flowbd3_tokenizer *tokenizer = fit(table, NULL, 0, NULL);
    uint16_t tokens[6];
    const uint16_t expected[] = {1, 2, 2, 1, 2, 0};
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, other, tokens, NULL), FLOWBD3_ERROR_SCHEMA);
    ck_assert_int_eq(fb3_tokenizer_encode_known(tokenizer, other, tokens, NULL), FLOWBD3_OK);
    ck_assert_mem_eq(tokens, expected, sizeof expected);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&other);
    flowbd3_table_destroy(&table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sequence");
    TCase *tests = tcase_create("sequence");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_little_table_is_arranged);
    tcase_add_test(tests, several_columns_make_a_group);
    tcase_add_test(tests, numbers_make_groups);
    tcase_add_test(tests, integers_near_the_limits);
    tcase_add_test(tests, reals_too_far_apart);
    tcase_add_test(tests, random_tables_as_the_naive_way);
    tcase_add_test(tests, options_refused);
    tcase_add_test(tests, an_earlier_caller);
    tcase_add_test(tests, times_refused);
    tcase_add_test(tests, another_table);
    tcase_add_test(tests, what_has_no_token_is_masked);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
