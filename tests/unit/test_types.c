/* Times and addresses beyond tables: tokenizers and their JSON, sequences of them, models, short memory. */
#include "counted.h"
#include "sequences.h"
#include "test_main.h"

#include <flowbd3/flowbd3.h>

#include <unistd.h>

static const char flows[] = "client,when,bytes,server\n"
                            "10.0.0.1,2011-08-17T12:00:00.250Z,10,2001:DB8::1\n"
                            "10.0.0.2,2011-08-17T12:00:01.500Z,20,2001:db8::2\n"
                            "10.0.0.1,2011-08-17T12:00:00.750Z,10,2001:db8::1\n"
                            ",2011-08-17T12:00:09.000Z,40,2001:db8::1\n"
                            "10.0.0.1,2011-08-17T11:59:59.999Z,50,\n"
                            "10.0.0.2,2011-08-17T12:00:02.501Z,20,2001:db8::2\n"
                            ",2011-08-17T12:10:09.000Z,40,2001:db8::1\n";

static const char *const client[] = {"client"}, *const client_and_when[] = {"client", "when"};

static flowbd3_table *table_with(const char *column, flowbd3_type type) {
    flowbd3_column_type types[] = {{column, type}};
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    flowbd3_table *table;
    options.types = types;
    options.n_types = 1;
    ck_assert_int_eq(flowbd3_table_parse_csv(&table, context, flows, strlen(flows), &options, NULL),
                     FLOWBD3_OK);
    return table;
}

static char *json_of(const flowbd3_tokenizer *tokenizer) {
    char *json;
    ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &json, NULL), FLOWBD3_OK);
    return json;
}

/* The tokenizer that its JSON makes; it writes the same. */
static flowbd3_tokenizer *read_back(const flowbd3_tokenizer *tokenizer) {
    flowbd3_tokenizer *again;
    flowbd3_error err = {0};
    char *first = json_of(tokenizer);
    ck_assert_msg(flowbd3_tokenizer_from_json(&again, context, first, strlen(first), &err) == FLOWBD3_OK,
                  "%s", err.message);
    char *second = json_of(again);
    ck_assert_str_eq(first, second);
    flowbd3_string_destroy(context, &first);
    flowbd3_string_destroy(context, &second);
    return again;
}

static void check_same_print(const flowbd3_table *a, const flowbd3_table *b) {
    for (size_t i = 0; i < flowbd3_table_columns(a); i++) {
        ck_assert_int_eq(flowbd3_table_decimals(a, i), flowbd3_table_decimals(b, i));
        ck_assert_uint_eq(flowbd3_table_time_form(a, i), flowbd3_table_time_form(b, i));
    }
}

/* ---- tokenizers -------------------------------------------------------------------------------- */

START_TEST(tables_come_back) {
    flowbd3_table *table = parse(flows), *back;
    flowbd3_tokenizer *fitted = fit(table, NULL, 0, NULL), *tokenizer = read_back(fitted);
    size_t rows = flowbd3_table_rows(table);
    uint16_t tokens[28];
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 4);
    ck_assert_int_eq(flowbd3_tokenizer_type(tokenizer, 0), FLOWBD3_TYPE_ADDRESS);
    ck_assert_int_eq(flowbd3_tokenizer_type(tokenizer, 1), FLOWBD3_TYPE_TIMESTAMP);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(tokenizer, 3), 3);
    ck_assert(fb3_tokenizer_is_ordered(tokenizer, 1));
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(
        flowbd3_tokenizer_decode(tokenizer, tokens, rows, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL),
        FLOWBD3_OK);
    ck_assert(same_tables(table, back));
    check_same_print(table, back);
    char *json = json_of(tokenizer);
    ck_assert_ptr_nonnull(
        strstr(json, "\"type\":\"timestamp\",\"decimals\":3,\"form\":\"YYYY-MM-DDThh:mm:ssZ\""));
    ck_assert_ptr_nonnull(strstr(json, "\"name\":\"server\",\"type\":\"address\",\"slots\""));
    flowbd3_string_destroy(context, &json);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_tokenizer_destroy(&fitted);
    flowbd3_table_destroy(&table);
}
END_TEST

/* Times in bins: draws and centres have the digits of the column. */
START_TEST(times_in_bins_keep_their_digits) {
    enum { ROWS = 3000 };
    static int64_t when[ROWS];
    static uint16_t tokens[ROWS];
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_tokenizer *tokenizer;
    flowbd3_table *table, *back;
    uint32_t state = 1;
    for (size_t i = 0; i < ROWS; i++)
        when[i] = 1313582493000000000 + (int64_t)draw(&state, 1 << 24) * 10000000;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_timestamp(table, "when", when, NULL, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_decimals(table, 0), 2);
    options.bins = 20;
    options.binning = (flowbd3_binning)_i;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    for (int way = 0; way < 2; way++) {
        size_t other = 0;
        ck_assert_int_eq(
            flowbd3_tokenizer_decode(tokenizer, tokens, ROWS, (flowbd3_decoding)way, 1, 0, &back, NULL),
            FLOWBD3_OK);
        for (size_t i = 0; i < ROWS; i++) {
            int64_t value = flowbd3_table_integer(back, 0)[i];
            ck_assert_int_eq(value % 10000000, 0);
            ck_assert_int_ge(value, 1313582493000000000);
            other += value != when[i];
        }
        ck_assert_uint_gt(other, ROWS / 2);
        flowbd3_table_destroy(&back);
    }
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* The text with the first `from` in it replaced. */
static void refuse_changed(const char *json, const char *from, const char *to, const char *mentions) {
    const char *at = strstr(json, from);
    ck_assert_msg(at != NULL, "%s", from);
    char *text = malloc(strlen(json) + strlen(to) + 1);
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    memcpy(text, json, (size_t)(at - json));
    strcpy(text + (at - json), to);
    strcat(text, at + strlen(from));
    ck_assert_msg(flowbd3_tokenizer_from_json(&tokenizer, context, text, strlen(text), &err) ==
                      FLOWBD3_ERROR_FORMAT,
                  "%s", text);
    ck_assert_ptr_null(tokenizer);
    ck_assert_msg(strstr(err.message, mentions) != NULL, "%s", err.message);
    free(text);
}

START_TEST(json_is_checked) {
    flowbd3_table *table = parse(flows);
    flowbd3_tokenizer *tokenizer = fit(table, client, 1, "when");
    char *json = json_of(tokenizer);
    refuse_changed(json, "\"timestamp\"", "\"time\"", "\"timestamp\" or \"address\"");
    refuse_changed(json, "\"timestamp\"", "\"auto\"", "\"timestamp\" or \"address\"");
    refuse_changed(json, "\"decimals\":3", "\"decimals\":10", "0 to 9");
    refuse_changed(json, "\"decimals\":3", "\"decimals\":-1", "0 to 9");
    refuse_changed(json, "\"decimals\":3,", "", "'decimals'");
    refuse_changed(json, "YYYY-MM", "YYYY.MM", "'form'");
    refuse_changed(json, ",\"form\":\"YYYY-MM-DDThh:mm:ssZ\"", "", "'form'");
    refuse_changed(json, "\"value\":\"2001:db8::1\"", "\"value\":\"2001:DB8::1\"", "'value'");
    refuse_changed(json, "\"value\":\"2001:db8::1\"", "\"value\":\"server\"", "'value'");
    refuse_changed(json, "[\"10.0.0.1\"]", "[\"::0.0.0.1\"]", "'key'");
    refuse_changed(json, "[\"10.0.0.1\"]", "[7]", "'key'");
    refuse_changed(json, "\"first\":13135", "\"first\":1.5e17, \"f\":3", "'first'");
    flowbd3_string_destroy(context, &json);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* What was fitted when files of addresses were read as categories goes on working. */
START_TEST(categories_take_addresses) {
    flowbd3_table *addresses = parse(flows), *old = table_with("client", FLOWBD3_TYPE_CATEGORICAL);
    uint16_t tokens[28], expected[28];
    for (size_t grouped = 0; grouped < 2; grouped++) {
        flowbd3_tokenizer *tokenizer = fit(old, client, grouped, grouped ? "when" : NULL);
        size_t cells = 7 * flowbd3_tokenizer_slots(tokenizer);
        ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, old, expected, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, addresses, tokens, NULL), FLOWBD3_OK);
        ck_assert_mem_eq(tokens, expected, cells * sizeof *tokens);
        flowbd3_tokenizer_destroy(&tokenizer);
        /* The other way round a text might not be an address. */
        flowbd3_error err = {0};
        tokenizer = fit(addresses, client, grouped, grouped ? "when" : NULL);
        ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, old, tokens, &err), FLOWBD3_ERROR_SCHEMA);
        ck_assert_ptr_nonnull(strstr(err.message, "is categorical, expected address"));
        flowbd3_tokenizer_destroy(&tokenizer);
    }
    flowbd3_table_destroy(&addresses);
    flowbd3_table_destroy(&old);
}
END_TEST

/* ---- sequences --------------------------------------------------------------------------------- */

START_TEST(gaps_are_nanoseconds) {
    static const int64_t expected[] = {251000000, 0, 500000000, 0, 0, 1001000000, 600000000000};
    static const bool missing[] = {false, true, false, true, true, false, false};
    flowbd3_table *table = parse(flows), *gaps;
    flowbd3_tokenizer *tokenizer = fit(table, client, 1, "when");
    uint16_t tokens[21];
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, 7, FLOWBD3_DECODE_DRAW, 0, 0, &gaps, NULL),
                     FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_type(gaps, 0), FLOWBD3_TYPE_TIMESTAMP);
    for (size_t i = 0; i < 7; i++) {
        ck_assert_int_eq(flowbd3_table_integer(gaps, 0)[i], expected[i]);
        ck_assert_int_eq(flowbd3_table_valid(gaps, 0)[i], !missing[i]);
    }
    flowbd3_table_destroy(&gaps);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
}
END_TEST

/* Every group as a sequence that begins when it did: the table in the order of its groups. */
START_TEST(sequences_come_back) {
    flowbd3_table *table = parse(flows), *back, *expected;
    flowbd3_tokenizer *fitted = fit(table, client, 1, "when"), *tokenizer = read_back(fitted);
    uint16_t tokens[21], sorted[21];
    fb3_sequence sequences[3] = {{0}};
    fb3_arrangement *a;
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_tokenizer_arrange(tokenizer, table, &a, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(a->groups, 3);
    for (size_t i = 0; i < 7; i++)
        memcpy(sorted + 3 * i, tokens + 3 * a->order[i], 3 * sizeof *tokens);
    for (size_t g = 0; g < 3; g++) {
        sequences[g].group = g;
        sequences[g].flows = a->first[g + 1] - a->first[g];
        sequences[g].integer_start = flowbd3_table_integer(table, 1)[a->order[a->first[g]]] + 499999;
    }
    ck_assert_int_eq(fb3_tokenizer_decode_sequences(
                         tokenizer, sorted, 7,
                         &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_DRAW, 0, 0, NULL, 0}, sequences,
                         3, &back, NULL),
                     FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_take(&expected, table, a->order, 7, NULL), FLOWBD3_OK);
    ck_assert(same_tables(back, expected));
    check_same_print(back, expected);
    flowbd3_table_destroy(&back);
    flowbd3_table_destroy(&expected);
    fb3_arrangement_destroy(&a);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_tokenizer_destroy(&fitted);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(groups_of_times) {
    flowbd3_table *table = parse(flows), *back;
    flowbd3_tokenizer *fitted = fit(table, client_and_when, 2, NULL), *tokenizer = read_back(fitted);
    uint16_t tokens[2] = {0};
    fb3_sequence sequence = {.group = 2, .flows = 1};
    ck_assert_uint_eq(tokenizer->sequencing->groups, 7);
    ck_assert_int_eq(fb3_tokenizer_decode_sequences(
                         tokenizer, tokens, 1,
                         &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_DRAW, 0, 0, NULL, 0}, &sequence,
                         1, &back, NULL),
                     FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_type(back, 0), FLOWBD3_TYPE_ADDRESS);
    ck_assert_str_eq(text_of(back, 0, 0), "10.0.0.1");
    ck_assert_int_eq(flowbd3_table_integer(back, 1)[0], flowbd3_table_integer(table, 1)[2]);
    check_same_print(back, table);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_tokenizer_destroy(&fitted);
    flowbd3_error err = {0};
    ck_assert_int_eq(try_fit(&tokenizer, table, NULL, 0, "client", &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "is address, expected real, integer or timestamp"));
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- models ------------------------------------------------------------------------------------ */

/* Saved, loaded and asked for rows: times of the column's digits, in order within a sequence, and addresses
 * of the table. */
START_TEST(a_model_of_both) {
    char path[] = "/tmp/flowbd3-types-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    (void)close(descriptor);
    flowbd3_table *table = parse(flows), *rows;
    flowbd3_tokenizer *tokenizer = fit(table, client, 1, "when");
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_sampler_options sampling = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_model *model, *loaded;
    flowbd3_sampler *sampler;
    flowbd3_error err = {0};
    options.d_model = 16;
    options.n_heads = options.n_layers = 1;
    options.sequence_length = 3;
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &options, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_int_eq(flowbd3_model_save(model, path, &err), FLOWBD3_OK);
    ck_assert_msg(flowbd3_model_load(&loaded, context, path, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, loaded, &sampling, &err), FLOWBD3_OK);
    ck_assert_msg(flowbd3_sampler_generate(sampler, 50, &rows, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    check_same_print(rows, table);
    for (size_t i = 0; i < 50; i++) {
        int64_t when = flowbd3_table_integer(rows, 1)[i];
        ck_assert_int_eq(when % 1000000, 0);
        ck_assert(strncmp(text_of(rows, i, 0), "10.0.0.", 7) == 0 || *text_of(rows, i, 0) == '\0');
        ck_assert(strncmp(text_of(rows, i, 3), "2001:db8::", 10) == 0 || *text_of(rows, i, 3) == '\0');
    }
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_model_destroy(&loaded);
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    (void)unlink(path);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------ */

static flowbd3_status use(flowbd3_context *with, const flowbd3_table *table) {
    flowbd3_tokenizer *tokenizer = NULL, *again = NULL;
    flowbd3_table *back = NULL;
    uint16_t tokens[21];
    char *json = NULL;
    flowbd3_status status = try_fit(&tokenizer, table, client, 1, "when", NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_to_json(tokenizer, &json, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_from_json(&again, with, json, strlen(json), NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_encode(again, table, tokens, NULL);
    if (status == FLOWBD3_OK)
        status = fb3_tokenizer_decode_sequences(
            again, tokens, 7, &(fb3_decoder){again->restraint, FLOWBD3_DECODE_DRAW, 1, 0, NULL, 0},
            &(fb3_sequence){.group = 1, .flows = 7}, 1, &back, NULL);
    flowbd3_string_destroy(with, &json);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&again);
    flowbd3_tokenizer_destroy(&tokenizer);
    return status;
}

START_TEST(every_allocation_fails_once) {
    counted l = {.left = -1};
    flowbd3_context *with = counted_context(&l);
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_parse_csv(&table, with, flows, strlen(flows), NULL, NULL), FLOWBD3_OK);
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
    ck_assert_int_gt(n, 50);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&with);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("types");
    TCase *tests = tcase_create("types");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, tables_come_back);
    tcase_add_loop_test(tests, times_in_bins_keep_their_digits, 0, 4);
    tcase_add_test(tests, json_is_checked);
    tcase_add_test(tests, categories_take_addresses);
    tcase_add_test(tests, gaps_are_nanoseconds);
    tcase_add_test(tests, sequences_come_back);
    tcase_add_test(tests, groups_of_times);
    tcase_add_test(tests, a_model_of_both);
    tcase_add_test(tests, every_allocation_fails_once);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
