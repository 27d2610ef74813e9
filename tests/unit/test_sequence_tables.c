/* Sequences to generate, and tables of them: there and back, as JSON, and short of memory. */
#include "counted.h"
#include "sequences.h"
#include "test_main.h"

/* ---- there and back ---------------------------------------------------------------------------- */

/* Tokens in the arrangement's order, one sequence per group, begun when the group began: decoded, they are
 * the table in that order. */
static void check_round_trip(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table, int64_t time) {
    size_t rows = flowbd3_table_rows(table), slots = flowbd3_tokenizer_slots(tokenizer);
    uint16_t *tokens = malloc(rows * slots * sizeof *tokens), *sorted = malloc(rows * slots * sizeof *sorted);
    fb3_arrangement *a;
    flowbd3_table *back, *expected;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_tokenizer_arrange(tokenizer, table, &a, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < rows; i++)
        memcpy(sorted + i * slots, tokens + a->order[i] * slots, slots * sizeof *tokens);
    fb3_sequence *sequences = calloc(a->groups, sizeof *sequences);
    for (size_t g = 0; g < a->groups; g++) {
        size_t row = a->order[a->first[g]];
        sequences[g] = (fb3_sequence){.group = g, .flows = a->first[g + 1] - a->first[g]};
        if (time >= 0 && flowbd3_table_type(table, (size_t)time) == FLOWBD3_TYPE_REAL)
            sequences[g].start = flowbd3_table_real(table, (size_t)time)[row];
        else if (time >= 0)
            sequences[g].integer_start = flowbd3_table_integer(table, (size_t)time)[row];
    }
    ck_assert_msg(fb3_tokenizer_decode_sequences(
                      tokenizer, sorted, rows,
                      &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_DRAW, 1, 0, NULL, 0}, sequences,
                      a->groups, &back, &err) == FLOWBD3_OK,
                  "%s", err.message);
    ck_assert_int_eq(flowbd3_table_take(&expected, table, a->order, rows, NULL), FLOWBD3_OK);
    ck_assert(same_tables(back, expected));
    for (size_t i = 0; i < flowbd3_table_columns(table); i++)
        ck_assert_int_eq(flowbd3_table_decimals(back, i), flowbd3_table_decimals(table, i));
    flowbd3_table_destroy(&back);
    flowbd3_table_destroy(&expected);
    fb3_arrangement_destroy(&a);
    free(sequences);
    free(tokens);
    free(sorted);
}

/* A tokenizer that was written and read does the same and writes the same. */
static flowbd3_tokenizer *read_back(const flowbd3_tokenizer *tokenizer) {
    flowbd3_tokenizer *again;
    flowbd3_error err = {0};
    char *first, *second;
    ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &first, NULL), FLOWBD3_OK);
    ck_assert_msg(flowbd3_tokenizer_from_json(&again, context, first, strlen(first), &err) == FLOWBD3_OK,
                  "%s", err.message);
    ck_assert_int_eq(flowbd3_tokenizer_to_json(again, &second, NULL), FLOWBD3_OK);
    ck_assert_str_eq(first, second);
    flowbd3_string_destroy(context, &first);
    flowbd3_string_destroy(context, &second);
    return again;
}

START_TEST(encoded_and_decoded_tables_are_equal) {
    for (uint32_t seed = 100; seed < 110; seed++) {
        flowbd3_table *table = random_table(seed, 400);
        /* Grouped by all three, by the last alone, by none; with times, and without. */
        for (size_t from = 0; from < 4; from += from == 0 ? 2 : 1)
            for (int timed = 0; timed < 2; timed++) {
                flowbd3_tokenizer *tokenizer = fit(table, three + from, 3 - from, timed ? "time" : NULL);
                flowbd3_tokenizer *again = read_back(tokenizer);
                check_round_trip(tokenizer, table, timed ? 3 : -1);
                check_round_trip(again, table, timed ? 3 : -1);
                flowbd3_tokenizer_destroy(&again);
                flowbd3_tokenizer_destroy(&tokenizer);
            }
        flowbd3_table_destroy(&table);
    }
}
END_TEST

START_TEST(a_missing_gap_adds_nothing) {
    static const char *const source = "source";
    flowbd3_table *table = parse(little), *back;
    flowbd3_tokenizer *tokenizer = fit(table, &source, 1, "time");
    /* Gaps 0, 0.2, 0.3, 1 and missing are tokens 0 to 4. */
    const uint16_t tokens[] = {0, 3, 0, 1, 4, 1, 2, 1, 0, 3, 2, 0};
    const fb3_sequence sequences[] = {{2, 3, 0.12, 0}, {0, 1, -2, 0}};
    ck_assert_int_eq(fb3_tokenizer_decode_sequences(
                         tokenizer, tokens, 4,
                         &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_CENTRE, 0, 0, NULL, 0},
                         sequences, 2, &back, NULL),
                     FLOWBD3_OK);
    const double expected[] = {0.1, 0.1, 0.3, -2};
    ck_assert_str_eq(flowbd3_table_name(back, 1), "time");
    ck_assert_ptr_null(flowbd3_table_valid(back, 1));
    for (size_t i = 0; i < 4; i++)
        ck_assert(flowbd3_table_real(back, 1)[i] == expected[i]);
    ck_assert_uint_eq(flowbd3_table_missing(back, 2), 3);
    ck_assert_str_eq(text_of(back, 3, 2), "b");
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(times_stay_at_the_end_of_their_type) {
    flowbd3_table *back, *table = parse("time,bytes\n9223372036854775800,1\n9223372036854775806,1\n");
    flowbd3_tokenizer *tokenizer = fit(table, NULL, 0, "time");
    const uint16_t tokens[] = {1, 0, 0, 0, 0, 0};
    fb3_sequence sequence = {.flows = 3, .integer_start = INT64_MAX - 7};
    ck_assert_int_eq(fb3_tokenizer_decode_sequences(
                         tokenizer, tokens, 3,
                         &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_DRAW, 0, 0, NULL, 0}, &sequence,
                         1, &back, NULL),
                     FLOWBD3_OK);
    const int64_t expected[] = {INT64_MAX - 7, INT64_MAX - 1, INT64_MAX};
    ck_assert_mem_eq(flowbd3_table_integer(back, 0), expected, sizeof expected);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(sequences_that_do_not_fit) {
    flowbd3_table *table = parse(little), *back;
    flowbd3_tokenizer *tokenizer = fit(table, NULL, 0, "time");
    const uint16_t tokens[16] = {0};
    const struct {
        fb3_sequence sequences[2];
        size_t count;
    } cases[] = {{{{0, 3, 0, 0}, {0, 2, 0, 0}}, 2}, /* too many flows */
                 {{{0, 3, 0, 0}}, 1},               /* too few */
                 {{{0, SIZE_MAX, 0, 0}, {0, 5, 0, 0}}, 2},
                 {{{1, 4, 0, 0}}, 1}, /* no such group */
                 {{{0, 0, 0, 0}}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        flowbd3_error err = {0};
        ck_assert_int_eq(fb3_tokenizer_decode_sequences(
                             tokenizer, tokens, 4,
                             &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_DRAW, 0, 0, NULL, 0},
                             cases[i].sequences, cases[i].count, &back, &err),
                         FLOWBD3_ERROR_ARGUMENT);
        ck_assert_ptr_null(back);
        ck_assert_str_ne(err.message, "");
    }
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- sequences to generate --------------------------------------------------------------------- */

/* Groups of 1, 2, 4, 5, 9 and 21 rows, one row a second from 1000 * group on. */
static flowbd3_table *table_of_groups(void) {
    static const size_t sizes[] = {1, 2, 4, 5, 9, 21};
    int64_t group[42], time[42];
    size_t rows = 0;
    for (size_t g = 0; g < 6; g++)
        for (size_t i = 0; i < sizes[g]; i++, rows++) {
            group[rows] = (int64_t)g;
            time[rows] = (int64_t)(1000 * g + i);
        }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    flowbd3_table_add_integer(table, "group", group, NULL, rows, NULL);
    flowbd3_table_add_integer(table, "time", time, NULL, rows, NULL);
    return table;
}

/* Every piece is as likely as any other: chi-square over all of them, six standard deviations and more. The
 * pieces of length 3 or more are told apart by when they begin. */
START_TEST(pieces_are_drawn_equally) {
    static const char *const group = "group";
    static const size_t sizes[] = {1, 2, 4, 5, 9, 21};
    enum { DRAWS = 60000 };
    size_t length = (size_t)_i + 1, pieces = 0, before[6];
    double seen[42] = {0}, chi = 0;
    flowbd3_table *table = table_of_groups();
    flowbd3_tokenizer *tokenizer = fit(table, &group, 1, "time");
    for (size_t g = 0; g < 6; g++) {
        before[g] = pieces;
        pieces += (sizes[g] + length - 1) / length;
    }
    bool fine = true;
    for (uint64_t number = 0; fine && number < DRAWS; number++) {
        fb3_sequence s = fb3_tokenizer_sequence(tokenizer, length, 3, number);
        fb3_sequence again = fb3_tokenizer_sequence(tokenizer, length, 3, number);
        double row = (double)(s.integer_start - (int64_t)(1000 * s.group));
        /* A piece begins within half a gap, and half a unit of rounding, of its first row. */
        size_t piece = (size_t)floor((row + 1) / (double)length), left = sizes[s.group] - piece * length;
        fine = again.group == s.group && again.flows == s.flows && again.integer_start == s.integer_start &&
               row >= 0 && row < (double)sizes[s.group] && fabs(row - (double)(piece * length)) <= 1 &&
               s.flows == (left < length ? left : length);
        if (fine)
            seen[before[s.group] + piece]++;
    }
    ck_assert(fine);
    for (size_t i = 0; i < pieces; i++)
        chi += pow(seen[i] - (double)DRAWS / (double)pieces, 2) / ((double)DRAWS / (double)pieces);
    double freedom = (double)(pieces - 1);
    ck_assert_msg(chi <= freedom + 6 * sqrt(2 * freedom) + 12, "chi-square %g of %g", chi, freedom);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(groups_are_drawn_by_their_pieces) {
    static const char *const group = "group";
    static const size_t sizes[] = {1, 2, 4, 5, 9, 21};
    enum { DRAWS = 60000 };
    size_t length = (size_t)_i + 1;
    double seen[6] = {0}, chi = 0;
    size_t pieces = 0;
    flowbd3_table *table = table_of_groups();
    flowbd3_tokenizer *tokenizer = fit(table, &group, 1, NULL);
    for (size_t g = 0; g < 6; g++)
        pieces += (sizes[g] + length - 1) / length;
    for (uint64_t number = 0; number < DRAWS; number++)
        seen[fb3_tokenizer_sequence(tokenizer, length, 11, number).group]++;
    for (size_t g = 0; g < 6; g++) {
        size_t of_group = (sizes[g] + length - 1) / length;
        double expected = DRAWS * (double)of_group / (double)pieces;
        chi += (seen[g] - expected) * (seen[g] - expected) / expected;
    }
    ck_assert_msg(chi < 35.9, "chi-square %g with 5 degrees of freedom", chi); /* one in a million */
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(the_whole_table_is_one_group) {
    flowbd3_table *table = table_of_groups();
    flowbd3_tokenizer *tokenizer = fit(table, NULL, 0, NULL);
    double last = 0;
    bool fine = true;
    for (uint64_t number = 0; number < 9000; number++) {
        fb3_sequence s = fb3_tokenizer_sequence(tokenizer, 16, 5, number);
        fine = fine && s.group == 0 && s.start == 0.0 && s.integer_start == 0 &&
               (s.flows == 16 || s.flows == 10);
        last += s.flows == 10;
    }
    ck_assert(fine);
    ck_assert(fabs(last - 3000) < 6 * sqrt(2000));
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* The JSON of a tokenizer that has as many groups as one may, and one more. */
static void check_group_too_many(const flowbd3_tokenizer *tokenizer) {
    static const char more[] = "\"groups\":[{\"key\":[-1],\"rows\":1,\"first\":0,\"last\":0},";
    flowbd3_tokenizer *again;
    flowbd3_error err = {0};
    char *json;
    ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &json, NULL), FLOWBD3_OK);
    char *text = malloc(strlen(json) + sizeof more), *at = strstr(json, "\"groups\":[");
    ck_assert_ptr_nonnull(at);
    size_t before = (size_t)(at - json);
    memcpy(text, json, before);
    memcpy(text + before, more, sizeof more);
    strcat(text, at + strlen("\"groups\":["));
    ck_assert_int_eq(flowbd3_tokenizer_from_json(&again, context, text, strlen(text), &err),
                     FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "1 to 4096"));
    flowbd3_string_destroy(context, &json);
    free(text);
}

/* Of 6000 groups 4096 are kept, which ones by the seed, late ones as likely as early ones. */
START_TEST(many_groups_are_sampled) {
    enum { GROUPS = 6000 };
    static int64_t group[2 * GROUPS], time[2 * GROUPS];
    static const char *const name = "group";
    for (size_t i = 0; i < 2 * GROUPS; i++) {
        group[i] = (int64_t)(i % GROUPS);
        time[i] = (int64_t)i;
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    flowbd3_table_add_integer(table, "group", group, NULL, 2 * GROUPS, NULL);
    flowbd3_table_add_integer(table, "time", time, NULL, 2 * GROUPS, NULL);
    flowbd3_tokenizer *tokenizer = fit(table, &name, 1, "time"), *again = read_back(tokenizer);
    const fb3_sequencing *s = tokenizer->sequencing;
    size_t late = 0;
    bool fine = true;
    ck_assert_uint_eq(s->groups, FB3_GROUPS_MAX);
    ck_assert_uint_eq(again->sequencing->groups, FB3_GROUPS_MAX);
    for (size_t i = 0; i < s->groups; i++) {
        int64_t key = s->keys->columns[0].integer[i];
        fine = fine && (i == 0 || key > s->keys->columns[0].integer[i - 1]) && s->group[i].rows == 2 &&
               s->group[i].first == key && s->group[i].last == key + GROUPS;
        late += key >= GROUPS / 2;
    }
    ck_assert(fine);
    ck_assert_uint_gt(late, 1900);
    ck_assert_uint_lt(late, 2200);
    check_group_too_many(tokenizer);
    flowbd3_tokenizer_destroy(&again);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------ */

/* Everything that is done with sequences, with whatever fails first. */
static flowbd3_status use(flowbd3_context *with, const flowbd3_table *table) {
    static const char *const names[] = {"source", "state"};
    flowbd3_tokenizer *tokenizer = NULL, *again = NULL;
    flowbd3_table *back = NULL;
    fb3_arrangement *arrangement = NULL;
    uint16_t tokens[14];
    char *json = NULL;
    flowbd3_status status = try_fit(&tokenizer, table, names, 2, "time", NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_to_json(tokenizer, &json, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_from_json(&again, with, json, strlen(json), NULL);
    if (status == FLOWBD3_OK)
        status = fb3_tokenizer_arrange(again, table, &arrangement, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_encode(again, table, tokens, NULL);
    if (status == FLOWBD3_OK)
        status = fb3_tokenizer_decode_sequences(
            again, tokens, 7, &(fb3_decoder){again->restraint, FLOWBD3_DECODE_DRAW, 1, 0, NULL, 0},
            &(fb3_sequence){.group = 1, .flows = 7}, 1, &back, NULL);
    flowbd3_string_destroy(with, &json);
    fb3_arrangement_destroy(&arrangement);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&again);
    flowbd3_tokenizer_destroy(&tokenizer);
    return status;
}

START_TEST(every_allocation_fails_once) {
    counted l = {.left = -1};
    flowbd3_context *with = counted_context(&l);
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_parse_csv(&table, with, little, strlen(little), NULL, NULL), FLOWBD3_OK);
    long alive = l.blocks, n = 0;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    for (; status != FLOWBD3_OK; n++) {
        ck_assert_int_lt(n, 1000);
        l.left = n;
        status = use(with, table);
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        l.left = -1;
        ck_assert_int_eq(l.blocks, alive);
    }
    ck_assert_int_gt(n, 100);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&with);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sequence_tables");
    TCase *tests = tcase_create("sequence_tables");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, encoded_and_decoded_tables_are_equal);
    tcase_add_test(tests, a_missing_gap_adds_nothing);
    tcase_add_test(tests, times_stay_at_the_end_of_their_type);
    tcase_add_test(tests, sequences_that_do_not_fit);
    tcase_add_loop_test(tests, pieces_are_drawn_equally, 2, 25);
    tcase_add_loop_test(tests, groups_are_drawn_by_their_pieces, 0, 25);
    tcase_add_test(tests, the_whole_table_is_one_group);
    tcase_add_test(tests, many_groups_are_sampled);
    tcase_add_test(tests, every_allocation_fails_once);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
