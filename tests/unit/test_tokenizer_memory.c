/* The n-th allocation fails, for every n: a status, nothing leaked, nothing half made. */
#include "counted.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"

enum { ROWS = 60, SLOTS = 16 };

static flowbd3_table *table_of(flowbd3_context *context) {
    double real[ROWS], half[ROWS];
    int64_t integer[ROWS];
    const char *text[ROWS], *host[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        half[i] = (double)(i * i) / 16;
        real[i] = (double)(i * i) / 8;
        integer[i] = (int64_t)(i % 3 == 0 ? 0 : i);
        text[i] = i % 4 == 0 ? NULL : i % 4 == 1 ? "tcp" : "udp";
        host[i] = i % 5 == 0 ? NULL : i % 5 == 1 ? "::1" : "10.0.0.1";
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "real", real, NULL, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "half", half, NULL, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "integer", integer, NULL, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "text", text, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_timestamp(table, "time", integer, NULL, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_address(table, "host", host, ROWS, NULL), FLOWBD3_OK);
    return table;
}

/* Everything a tokenizer does, with whatever fails first: of every binning, then of the other codecs, then
 * with rare values protected. */
static flowbd3_status use(flowbd3_context *context, const flowbd3_table *table, int variant) {
    const flowbd3_column_codec codecs[] = {{"real", FLOWBD3_CODEC_FINE, 4},
                                           {"integer", FLOWBD3_CODEC_DIGITS, 0},
                                           {"half", FLOWBD3_CODEC_EXACT, 0}};
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_tokenizer *tokenizer = NULL, *again = NULL;
    flowbd3_table *back = NULL;
    uint16_t tokens[ROWS * SLOTS];
    char *json = NULL;
    options.binning = variant < 4 ? (flowbd3_binning)variant : FLOWBD3_BINNING_AUTO;
    options.bins = 8;
    options.codecs = codecs;
    options.n_codecs = variant == 4 ? FB3_COUNT(codecs) : 0;
    options.rare_rows = variant == 5 ? 7 : 0;
    flowbd3_status status = flowbd3_tokenizer_create(&tokenizer, table, &options, NULL);
    if (status == FLOWBD3_OK)
        ck_assert_uint_le(flowbd3_tokenizer_slots(tokenizer), SLOTS);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_decode(tokenizer, tokens, ROWS, FLOWBD3_DECODE_DRAW, 1, 0, &back, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_to_json(tokenizer, &json, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_from_json(&again, context, json, strlen(json), NULL);
    flowbd3_string_destroy(context, &json);
    flowbd3_table_destroy(&back);
    flowbd3_tokenizer_destroy(&again);
    flowbd3_tokenizer_destroy(&tokenizer);
    return status;
}

START_TEST(every_allocation_fails_once) {
    counted l = {.left = -1};
    flowbd3_context *context = counted_context(&l);
    flowbd3_table *table = table_of(context);
    long alive = l.blocks, n = 0;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    for (; status != FLOWBD3_OK; n++) {
        ck_assert_int_lt(n, 1000);
        l.left = n;
        status = use(context, table, _i);
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        l.left = -1;
        ck_assert_int_eq(l.blocks, alive);
    }
    ck_assert_int_gt(n, 50);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokenizer_memory");
    TCase *tests = tcase_create("tokenizer_memory");
    tcase_add_loop_test(tests, every_allocation_fails_once, 0, 6);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
