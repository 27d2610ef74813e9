/* The tokenizer room: binning, encoding, decoding, JSON. */
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

int main(void) {
    Suite *suite = suite_create("tokenizer");
    TCase *tests = tcase_create("tokenizer");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, protocols_come_back);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
