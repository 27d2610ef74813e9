/* Calls without what they need, and out of order, over the whole interface: ARGUMENT and the name of what is
 * missing, and nothing in *out; getters without a handle give the value that means nothing. */
#include "table/arrow.h"
#include "test_main.h"
#include "toy.h"

#include <string.h>

static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_model *model;
static flowbd3_tokenizer *tokenizer;
static flowbd3_rules *rules;
static flowbd3_error err;

static void setup(void) {
    context = toy_context(1);
    table = toy_table(context, TOY_SEED);
    model = toy_model(table);
    tokenizer = flowbd3_model_tokenizer(model);
    ck_assert_int_eq(flowbd3_rules_default(&rules, table, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_rules_destroy(&rules);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

/* The call returns ARGUMENT, and err says so and names what is missing. */
#define REFUSED(call, missing)                                                                \
    do {                                                                                      \
        err = (flowbd3_error){.status = FLOWBD3_OK, .row = -1, .column = -1};                 \
        ck_assert_msg((call) == FLOWBD3_ERROR_ARGUMENT, "%s: %s", #call, err.message);        \
        ck_assert_int_eq(err.status, FLOWBD3_ERROR_ARGUMENT);                                 \
        ck_assert_msg(strstr(err.message, missing) != NULL, "%s: %s", #call, err.message);    \
        ck_assert_msg(err.row == 0 && err.column == 0, "%s: a place without a table", #call); \
    } while (0)

/* The same, and *out, which held something, is NULL. */
#define NOTHING_OUT(type, call, missing)                     \
    do {                                                     \
        type *out = (type *)(void *)&err;                    \
        REFUSED(call, missing);                              \
        ck_assert_msg(out == NULL, "%s leaves *out", #call); \
    } while (0)

START_TEST(contexts_and_tables) {
    static const int64_t cells[] = {1};
    static const size_t rows[] = {0};
    static const char *const names[] = {"a"};
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    REFUSED(flowbd3_context_create(NULL, NULL, &err), "out");
    REFUSED(flowbd3_table_create(NULL, context, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_table_create(&out, NULL, &err), "context");
    REFUSED(flowbd3_table_add_integer(NULL, "x", cells, NULL, 1, &err), "table");
    REFUSED(flowbd3_table_add_integer(table, NULL, cells, NULL, 1, &err), "name");
    REFUSED(flowbd3_table_add_integer(table, "x", NULL, NULL, TOY_ROWS, &err), "NULL");
    REFUSED(flowbd3_table_add_real(table, "x", NULL, NULL, TOY_ROWS, &err), "NULL");
    REFUSED(flowbd3_table_add_timestamp(table, "x", NULL, NULL, TOY_ROWS, &err), "NULL");
    REFUSED(flowbd3_table_add_categorical(table, "x", NULL, TOY_ROWS, &err), "NULL");
    REFUSED(flowbd3_table_add_address(table, "x", NULL, TOY_ROWS, &err), "NULL");
    REFUSED(flowbd3_table_add_codes(table, "x", NULL, NULL, TOY_ROWS, names, 1, &err), "NULL");
    ck_assert_uint_eq(flowbd3_table_columns(table), 4);
    REFUSED(flowbd3_table_set_decimals(NULL, 0, 1, &err), "table");
    REFUSED(flowbd3_table_set_time_form(NULL, 0, 0, &err), "table");
    REFUSED(flowbd3_table_slice(NULL, table, 0, 1, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_table_slice(&out, NULL, 0, 1, &err), "table");
    REFUSED(flowbd3_table_take(NULL, table, rows, 1, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_table_take(&out, NULL, rows, 1, &err), "table");
    NOTHING_OUT(flowbd3_table, flowbd3_table_take(&out, table, NULL, 1, &err), "rows");
    REFUSED(flowbd3_table_select(NULL, table, names, 1, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_table_select(&out, NULL, names, 1, &err), "table");
    NOTHING_OUT(flowbd3_table, flowbd3_table_select(&out, table, NULL, 1, &err), "names");
    REFUSED(flowbd3_table_append(NULL, table, &err), "table");
    REFUSED(flowbd3_table_append(table, NULL, &err), "other");
    flowbd3_table *half = NULL;
    REFUSED(flowbd3_table_split(&half, NULL, table, 0.5, 1, &err), "two different places");
    REFUSED(flowbd3_table_split(NULL, &half, table, 0.5, 1, &err), "two different places");
    ck_assert_ptr_null(half);
    REFUSED(flowbd3_table_import_arrow(NULL, context, &schema, &array, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_table_import_arrow(&out, context, NULL, &array, &err), "schema");
    memset(&schema, 0x55, sizeof schema);
    memset(&array, 0x55, sizeof array);
    REFUSED(flowbd3_table_export_arrow(NULL, &schema, &array, &err), "table");
    ck_assert(schema.release == NULL && array.release == NULL);
    REFUSED(flowbd3_table_export_arrow(table, &schema, NULL, &err), "array");
}
END_TEST

START_TEST(files_and_streams) {
    flowbd3_table_source source = FLOWBD3_TABLE_SOURCE_INIT;
    REFUSED(flowbd3_table_read_csv(NULL, context, "x", NULL, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_table_read_csv(&out, NULL, "x", NULL, &err), "context");
    NOTHING_OUT(flowbd3_table, flowbd3_table_read_csv(&out, context, NULL, NULL, &err), "path");
    REFUSED(flowbd3_table_parse_csv(NULL, context, "a\n1\n", 4, NULL, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_table_parse_csv(&out, context, NULL, 4, NULL, &err), "text");
    REFUSED(flowbd3_table_write_csv(NULL, "x", NULL, &err), "table");
    REFUSED(flowbd3_table_write_csv(table, NULL, NULL, &err), "path");
    REFUSED(flowbd3_csv_writer_create(NULL, context, "x", NULL, &err), "out");
    NOTHING_OUT(flowbd3_csv_writer, flowbd3_csv_writer_create(&out, context, NULL, NULL, &err), "path");
    REFUSED(flowbd3_csv_writer_write(NULL, table, &err), "writer");
    REFUSED(flowbd3_csv_writer_commit(NULL, &err), "writer");
    REFUSED(flowbd3_table_stream_csv(NULL, context, "x", NULL, 0, &err), "out");
    NOTHING_OUT(flowbd3_table_stream, flowbd3_table_stream_csv(&out, context, NULL, NULL, 0, &err), "path");
    REFUSED(flowbd3_table_stream_create(NULL, context, &source, &err), "out");
    NOTHING_OUT(flowbd3_table_stream, flowbd3_table_stream_create(&out, NULL, &source, &err), "context");
    NOTHING_OUT(flowbd3_table_stream, flowbd3_table_stream_create(&out, context, NULL, &err), "source");
    NOTHING_OUT(flowbd3_table_stream, flowbd3_table_stream_create(&out, context, &source, &err), "next");
    NOTHING_OUT(flowbd3_table, flowbd3_table_stream_next(NULL, &out, &err), "stream");
    NOTHING_OUT(flowbd3_table, flowbd3_table_stream_columns(NULL, &out, &err), "stream");
    REFUSED(flowbd3_table_stream_rewind(NULL, &err), "stream");
    REFUSED(flowbd3_table_stream_select(NULL, NULL, 0, &err), "stream");
}
END_TEST

START_TEST(tokenizers_and_rules) {
    static uint16_t tokens[TOY_ROWS * 4];
    REFUSED(flowbd3_tokenizer_create(NULL, table, NULL, &err), "out");
    NOTHING_OUT(flowbd3_tokenizer, flowbd3_tokenizer_create(&out, NULL, NULL, &err), "table");
    REFUSED(flowbd3_tokenizer_create_stream(NULL, NULL, NULL, &err), "out");
    NOTHING_OUT(flowbd3_tokenizer, flowbd3_tokenizer_create_stream(&out, NULL, NULL, &err), "stream");
    REFUSED(flowbd3_tokenizer_encode(NULL, table, tokens, &err), "tokenizer");
    REFUSED(flowbd3_tokenizer_encode(tokenizer, NULL, tokens, &err), "table");
    REFUSED(flowbd3_tokenizer_encode(tokenizer, table, NULL, &err), "tokens");
    REFUSED(flowbd3_tokenizer_decode(tokenizer, tokens, 1, FLOWBD3_DECODE_DRAW, 0, 0, NULL, &err), "out");
    NOTHING_OUT(flowbd3_table,
                flowbd3_tokenizer_decode(NULL, tokens, 1, FLOWBD3_DECODE_DRAW, 0, 0, &out, &err),
                "tokenizer");
    NOTHING_OUT(flowbd3_table,
                flowbd3_tokenizer_decode(tokenizer, NULL, 1, FLOWBD3_DECODE_DRAW, 0, 0, &out, &err),
                "tokens");
    NOTHING_OUT(flowbd3_table, flowbd3_tokenizer_columns_table(NULL, &out, &err), "tokenizer");
    NOTHING_OUT(char, flowbd3_tokenizer_to_json(NULL, &out, &err), "tokenizer");
    REFUSED(flowbd3_tokenizer_to_json(tokenizer, NULL, &err), "json");
    REFUSED(flowbd3_tokenizer_save(NULL, "x", &err), "tokenizer_save: tokenizer");
    REFUSED(flowbd3_tokenizer_save(tokenizer, NULL, &err), "path");
    REFUSED(flowbd3_tokenizer_load(NULL, context, "x", &err), "out");
    NOTHING_OUT(flowbd3_tokenizer, flowbd3_tokenizer_load(&out, NULL, "x", &err), "context");
    NOTHING_OUT(flowbd3_tokenizer, flowbd3_tokenizer_load(&out, context, NULL, &err), "path");
    NOTHING_OUT(flowbd3_tokenizer, flowbd3_tokenizer_from_json(&out, context, NULL, 1, &err), "json");
    REFUSED(flowbd3_rules_search(NULL, table, NULL, NULL, &err), "out");
    NOTHING_OUT(flowbd3_rules, flowbd3_rules_search(&out, NULL, NULL, NULL, &err), "table");
    NOTHING_OUT(flowbd3_rules, flowbd3_rules_default(&out, NULL, &err), "table");
    NOTHING_OUT(flowbd3_rules, flowbd3_rules_from_json(&out, context, NULL, 1, &err), "json");
    NOTHING_OUT(flowbd3_rules, flowbd3_rules_from_json(&out, NULL, "{}", 2, &err), "context");
    NOTHING_OUT(flowbd3_rules, flowbd3_rules_load(&out, context, NULL, &err), "path");
    NOTHING_OUT(char, flowbd3_rules_to_json(NULL, &out, &err), "rules");
    REFUSED(flowbd3_rules_to_json(rules, NULL, &err), "json");
    REFUSED(flowbd3_rules_save(NULL, "x", &err), "rules_save: rules");
    REFUSED(flowbd3_rules_save(rules, NULL, &err), "path");
    REFUSED(flowbd3_rules_check(NULL, table, NULL, NULL, &err), "rules");
    REFUSED(flowbd3_rules_check(rules, NULL, NULL, NULL, &err), "table");
}
END_TEST

START_TEST(models_and_what_they_do) {
    static double nll[TOY_ROWS];
    flowbd3_sampler *sampler = NULL;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, NULL, NULL), FLOWBD3_OK);
    REFUSED(flowbd3_model_create(NULL, tokenizer, NULL, &err), "out");
    NOTHING_OUT(flowbd3_model, flowbd3_model_create(&out, NULL, NULL, &err), "tokenizer");
    REFUSED(flowbd3_model_save(NULL, "x", &err), "model");
    REFUSED(flowbd3_model_save(model, NULL, &err), "path");
    REFUSED(flowbd3_model_load(NULL, context, "x", &err), "out");
    NOTHING_OUT(flowbd3_model, flowbd3_model_load(&out, NULL, "x", &err), "context");
    NOTHING_OUT(flowbd3_model, flowbd3_model_load(&out, context, NULL, &err), "path");
    REFUSED(flowbd3_model_get_options(model, NULL, &err), "options");
    REFUSED(flowbd3_model_score(NULL, table, NULL, nll, NULL, &err), "model");
    REFUSED(flowbd3_model_score(model, NULL, NULL, nll, NULL, &err), "table");
    REFUSED(flowbd3_model_score(model, table, NULL, NULL, NULL, &err), "nll");
    REFUSED(flowbd3_calibration_create(NULL, model, table, NULL, &err), "out");
    NOTHING_OUT(flowbd3_calibration, flowbd3_calibration_create(&out, NULL, table, NULL, &err), "model");
    NOTHING_OUT(flowbd3_calibration, flowbd3_calibration_create(&out, model, NULL, NULL, &err), "table");
    REFUSED(flowbd3_trainer_create(NULL, model, table, NULL, NULL, &err), "out");
    NOTHING_OUT(flowbd3_trainer, flowbd3_trainer_create(&out, NULL, table, NULL, NULL, &err), "model");
    NOTHING_OUT(flowbd3_trainer, flowbd3_trainer_create(&out, model, NULL, NULL, NULL, &err), "train");
    NOTHING_OUT(flowbd3_trainer, flowbd3_trainer_create_stream(&out, model, NULL, NULL, NULL, &err), "train");
    REFUSED(flowbd3_trainer_run(NULL, NULL, NULL, &err), "trainer");
    REFUSED(flowbd3_trainer_save(NULL, "x", &err), "trainer");
    REFUSED(flowbd3_trainer_resume(NULL, "x", &err), "trainer");
    REFUSED(flowbd3_sampler_create(NULL, model, NULL, &err), "out");
    NOTHING_OUT(flowbd3_sampler, flowbd3_sampler_create(&out, NULL, NULL, &err), "model");
    REFUSED(flowbd3_sampler_memory(NULL, NULL, NULL, &err), "model");
    NOTHING_OUT(flowbd3_table, flowbd3_sampler_generate(NULL, 1, &out, NULL, NULL, &err), "sampler");
    REFUSED(flowbd3_sampler_generate(sampler, 1, NULL, NULL, NULL, &err), "out");
    REFUSED(flowbd3_sampler_stream(sampler, 1, NULL, NULL, NULL, NULL, &err), "sink");
    REFUSED(flowbd3_sampler_complete(sampler, table, NULL, NULL, NULL, &err), "out");
    NOTHING_OUT(flowbd3_table, flowbd3_sampler_complete(sampler, NULL, &out, NULL, NULL, &err), "partial");
    ck_assert_uint_eq(flowbd3_sampler_position(sampler), 0);
    flowbd3_sampler_destroy(&sampler);
}
END_TEST

START_TEST(evaluators) {
    flowbd3_evaluator *evaluator = NULL;
    REFUSED(flowbd3_evaluator_create(NULL, context, table, NULL, NULL, &err), "out");
    NOTHING_OUT(flowbd3_evaluator, flowbd3_evaluator_create(&out, NULL, table, NULL, NULL, &err), "context");
    NOTHING_OUT(flowbd3_evaluator, flowbd3_evaluator_create(&out, context, NULL, NULL, NULL, &err), "real");
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, table, NULL, NULL, NULL), FLOWBD3_OK);
    REFUSED(flowbd3_evaluator_run(NULL, table, NULL, NULL, &err), "evaluator");
    REFUSED(flowbd3_evaluator_run(evaluator, NULL, NULL, NULL, &err), "generated");
    REFUSED(flowbd3_evaluator_to_json(evaluator, NULL, &err), "json");
    NOTHING_OUT(char, flowbd3_evaluator_to_json(NULL, &out, &err), "evaluator");
    flowbd3_evaluator_destroy(&evaluator);
}
END_TEST

/* The call returns a status and a message with a text in it. */
#define FAILS(call, expected, text)                                                     \
    do {                                                                                \
        err = (flowbd3_error){.status = FLOWBD3_OK};                                    \
        ck_assert_int_eq(call, expected);                                               \
        ck_assert_int_eq(err.status, expected);                                         \
        ck_assert_msg(strstr(err.message, text) != NULL, "%s: %s", #call, err.message); \
    } while (0)

/* Chunks of all columns, of two, and failure. */
static flowbd3_status next_odd(void *user, flowbd3_table **chunk, flowbd3_error *e) {
    static const char *const two[] = {"a", "kind"};
    int *calls = user;
    if (++*calls == 1)
        return flowbd3_table_slice(chunk, table, 0, 3, e);
    return flowbd3_table_select(chunk, table, two, 2, e);
}

static flowbd3_status next_none(void *user, flowbd3_table **chunk, flowbd3_error *e) {
    int *calls = user;
    *chunk = NULL;
    return ++*calls == 1 ? flowbd3_table_slice(chunk, table, 0, 0, e) : FLOWBD3_OK;
}

static flowbd3_status next_failing(void *user, flowbd3_table **chunk, flowbd3_error *e) {
    (void)user;
    *chunk = NULL;
    *e = (flowbd3_error){.status = FLOWBD3_ERROR_IO, .message = "the disk is on fire"};
    return FLOWBD3_ERROR_IO;
}

static flowbd3_status rewind_calls(void *user, flowbd3_error *e) {
    (void)e;
    *(int *)user = 0;
    return FLOWBD3_OK;
}

static flowbd3_table_stream *stream_of(flowbd3_status (*next)(void *, flowbd3_table **, flowbd3_error *),
                                       int *calls) {
    flowbd3_table_source source = FLOWBD3_TABLE_SOURCE_INIT;
    flowbd3_table_stream *stream = NULL;
    source.user = calls;
    source.next = next;
    source.rewind = rewind_calls;
    *calls = 0;
    ck_assert_int_eq(flowbd3_table_stream_create(&stream, context, &source, NULL), FLOWBD3_OK);
    return stream;
}

START_TEST(streams_that_go_wrong) {
    int calls;
    flowbd3_table *chunk = NULL;
    flowbd3_tokenizer *fitted = NULL;
    flowbd3_table_stream *stream = stream_of(next_odd, &calls);
    ck_assert_int_eq(flowbd3_table_stream_next(stream, &chunk, NULL), FLOWBD3_OK);
    flowbd3_table_destroy(&chunk);
    FAILS(flowbd3_table_stream_next(stream, &chunk, &err), FLOWBD3_ERROR_SCHEMA,
          "from row 4 on has 2 columns");
    FAILS(flowbd3_table_stream_next(stream, &chunk, &err), FLOWBD3_ERROR_STATE, "not rewound");
    ck_assert_int_eq(flowbd3_table_stream_rewind(stream, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_stream_next(stream, &chunk, NULL), FLOWBD3_OK);
    flowbd3_table_destroy(&chunk);
    flowbd3_table_stream_destroy(&stream);
    stream = stream_of(next_none, &calls);
    FAILS(flowbd3_tokenizer_create_stream(&fitted, stream, NULL, &err), FLOWBD3_ERROR_FORMAT, "no row");
    flowbd3_table_stream_destroy(&stream);
    stream = stream_of(next_failing, &calls);
    FAILS(flowbd3_table_stream_columns(stream, &chunk, &err), FLOWBD3_ERROR_IO, "on fire");
    FAILS(flowbd3_table_stream_columns(stream, &chunk, &err), FLOWBD3_ERROR_STATE, "not rewound");
    flowbd3_table_stream_destroy(&stream);
}
END_TEST

START_TEST(calls_out_of_order) {
    static const char *const two[] = {"a", "kind"};
    static const char *const broken[] = {"fine", "\xff"};
    static const int32_t codes[TOY_ROWS];
    static double nll[TOY_ROWS];
    flowbd3_table *narrow = NULL;
    flowbd3_csv_writer *writer = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options training = FLOWBD3_TRAINER_OPTIONS_INIT;
    flowbd3_score_options scoring = FLOWBD3_SCORE_OPTIONS_INIT;
    ck_assert_int_eq(flowbd3_table_select(&narrow, table, two, 2, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_csv_writer_create(&writer, context, "/dev/null", NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_csv_writer_write(writer, table, NULL), FLOWBD3_OK);
    FAILS(flowbd3_csv_writer_write(writer, narrow, &err), FLOWBD3_ERROR_SCHEMA, "has 2 columns, expected 4");
    ck_assert_int_eq(flowbd3_csv_writer_commit(writer, NULL), FLOWBD3_OK);
    FAILS(flowbd3_csv_writer_write(writer, table, &err), FLOWBD3_ERROR_STATE, "has been committed");
    flowbd3_csv_writer_destroy(&writer);
    FAILS(flowbd3_table_add_codes(narrow, "x", codes, NULL, TOY_ROWS, broken, 2, &err),
          FLOWBD3_ERROR_ARGUMENT, "category 1 is not valid UTF-8");
    flowbd3_table_destroy(&narrow);
    scoring.method = FLOWBD3_SCORE_EXACT;
    scoring.draws = 3;
    scoring.order = two;
    scoring.n_order = 2;
    FAILS(flowbd3_model_score(model, table, &scoring, nll, NULL, &err), FLOWBD3_ERROR_ARGUMENT,
          "draws is 3, but the order is given");
    training.epochs = 1;
    training.batch_size = TOY_ROWS;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &training, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, NULL), FLOWBD3_OK);
    FAILS(flowbd3_trainer_resume(trainer, "x", &err), FLOWBD3_ERROR_STATE, "training has begun");
    flowbd3_trainer_destroy(&trainer);
}
END_TEST

START_TEST(numbers_out_of_range) {
    flowbd3_context_options many = FLOWBD3_CONTEXT_OPTIONS_INIT, loud = FLOWBD3_CONTEXT_OPTIONS_INIT;
    flowbd3_context_options half = FLOWBD3_CONTEXT_OPTIONS_INIT;
    flowbd3_sampler_options odd = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_score_options twice = FLOWBD3_SCORE_OPTIONS_INIT, often = FLOWBD3_SCORE_OPTIONS_INIT;
    static double nll[TOY_ROWS];
    many.threads = 1025;
    loud.log_level = (flowbd3_log_level)4;
    half.allocator.allocate = (void *(*)(void *, size_t))(void (*)(void))setup;
    NOTHING_OUT(flowbd3_context, flowbd3_context_create(&out, &many, &err), "1025");
    NOTHING_OUT(flowbd3_context, flowbd3_context_create(&out, &loud, &err), "log_level is 4");
    NOTHING_OUT(flowbd3_context, flowbd3_context_create(&out, &half, &err), "allocator");
    odd.draws = (flowbd3_draws)2;
    flowbd3_sampler *sampler = NULL;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, &odd, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "draws is 2"));
    twice.per_sequence = 2;
    ck_assert_int_eq(flowbd3_model_score(model, table, &twice, nll, NULL, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "per_sequence is 2"));
    often.draws = UINT32_MAX;
    ck_assert_int_eq(flowbd3_model_score(model, table, &often, nll, NULL, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "draws is 4294967295"));
}
END_TEST

START_TEST(defaults_are_those_of_the_initialisers) {
#define SAME(type, function, initialiser)                                        \
    do {                                                                         \
        static const type constant = initialiser;                                \
        type filled;                                                             \
        memset(&filled, 0x5a, sizeof filled);                                    \
        ck_assert_int_eq(function(&filled, sizeof filled), FLOWBD3_OK);          \
        ck_assert_mem_eq(&filled, &constant, sizeof filled);                     \
        ck_assert_int_eq(function(NULL, sizeof filled), FLOWBD3_ERROR_ARGUMENT); \
        ck_assert_int_eq(function(&filled, 1), FLOWBD3_ERROR_ARGUMENT);          \
    } while (0)
    SAME(flowbd3_context_options, flowbd3_context_options_init, FLOWBD3_CONTEXT_OPTIONS_INIT);
    SAME(flowbd3_csv_options, flowbd3_csv_options_init, FLOWBD3_CSV_OPTIONS_INIT);
    SAME(flowbd3_table_source, flowbd3_table_source_init, FLOWBD3_TABLE_SOURCE_INIT);
    SAME(flowbd3_tokenizer_options, flowbd3_tokenizer_options_init, FLOWBD3_TOKENIZER_OPTIONS_INIT);
    SAME(flowbd3_rules_search_options, flowbd3_rules_search_options_init, FLOWBD3_RULES_SEARCH_OPTIONS_INIT);
    SAME(flowbd3_model_options, flowbd3_model_options_init, FLOWBD3_MODEL_OPTIONS_INIT);
    SAME(flowbd3_trainer_options, flowbd3_trainer_options_init, FLOWBD3_TRAINER_OPTIONS_INIT);
    SAME(flowbd3_sampler_options, flowbd3_sampler_options_init, FLOWBD3_SAMPLER_OPTIONS_INIT);
    SAME(flowbd3_score_options, flowbd3_score_options_init, FLOWBD3_SCORE_OPTIONS_INIT);
    SAME(flowbd3_calibration_options, flowbd3_calibration_options_init, FLOWBD3_CALIBRATION_OPTIONS_INIT);
    SAME(flowbd3_evaluator_options, flowbd3_evaluator_options_init, FLOWBD3_EVALUATOR_OPTIONS_INIT);
}
END_TEST

START_TEST(getters_without_a_handle) {
    double low = -1.0, high = -1.0;
    ck_assert_uint_eq(flowbd3_context_threads(NULL), 0);
    ck_assert_uint_eq(flowbd3_table_columns(NULL), 0);
    ck_assert_uint_eq(flowbd3_table_rows(NULL), 0);
    ck_assert_ptr_null(flowbd3_table_name(NULL, 0));
    ck_assert_int_eq(flowbd3_table_type(NULL, 0), FLOWBD3_TYPE_AUTO);
    ck_assert_int_eq(flowbd3_table_decimals(NULL, 0), 0);
    ck_assert_int_eq(flowbd3_table_find(NULL, "a"), -1);
    ck_assert_ptr_null(flowbd3_table_category(NULL, 0, 0));
    ck_assert_uint_eq(flowbd3_table_stream_rows(NULL), 0);
    ck_assert_uint_eq(flowbd3_tokenizer_columns(NULL), 0);
    ck_assert_uint_eq(flowbd3_tokenizer_slots(NULL), 0);
    ck_assert_uint_eq(flowbd3_tokenizer_vocabulary(NULL, 0), 0);
    ck_assert_ptr_null(flowbd3_tokenizer_name(NULL, 0));
    ck_assert_ptr_null(flowbd3_tokenizer_rules(NULL));
    ck_assert_uint_eq(flowbd3_rules_count(NULL), 0);
    ck_assert_ptr_null(flowbd3_rules_name(NULL, 0));
    ck_assert_ptr_null(flowbd3_model_tokenizer(NULL));
    ck_assert_uint_eq(flowbd3_model_parameters(NULL), 0);
    flowbd3_model_clip(NULL, &low, &high);
    ck_assert(low == 0.0 && high == 1.0);
    ck_assert_uint_eq(flowbd3_trainer_epochs(NULL), 0);
    ck_assert_uint_eq(flowbd3_sampler_position(NULL), 0);
    ck_assert_uint_eq(flowbd3_sampler_evaluations(NULL, NULL), 0);
    ck_assert_uint_eq(flowbd3_evaluator_count(NULL), 0);
    ck_assert(isnan(flowbd3_evaluator_get(NULL, "ks_mean")));
    ck_assert_uint_eq(flowbd3_calibration_bins(NULL), 0);
    ck_assert(isnan(flowbd3_calibration_get(NULL, 0, FLOWBD3_CALIBRATION_ECE)));
}
END_TEST

START_TEST(nothing_is_destroyed_twice) {
    flowbd3_context *c = NULL;
    flowbd3_table *t = NULL;
    char *text = NULL;
    flowbd3_context_destroy(&c);
    flowbd3_context_destroy(NULL);
    flowbd3_table_destroy(&t);
    flowbd3_table_destroy(NULL);
    flowbd3_tokenizer_destroy(NULL);
    flowbd3_rules_destroy(NULL);
    flowbd3_model_destroy(NULL);
    flowbd3_trainer_destroy(NULL);
    flowbd3_sampler_destroy(NULL);
    flowbd3_evaluator_destroy(NULL);
    flowbd3_calibration_destroy(NULL);
    flowbd3_table_stream_destroy(NULL);
    flowbd3_csv_writer_destroy(NULL);
    flowbd3_string_destroy(context, &text);
    flowbd3_string_destroy(context, NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("arguments");
    TCase *tests = tcase_create("arguments");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, contexts_and_tables);
    tcase_add_test(tests, files_and_streams);
    tcase_add_test(tests, tokenizers_and_rules);
    tcase_add_test(tests, models_and_what_they_do);
    tcase_add_test(tests, evaluators);
    tcase_add_test(tests, streams_that_go_wrong);
    tcase_add_test(tests, calls_out_of_order);
    tcase_add_test(tests, numbers_out_of_range);
    tcase_add_test(tests, defaults_are_those_of_the_initialisers);
    tcase_add_test(tests, getters_without_a_handle);
    tcase_add_test(tests, nothing_is_destroyed_twice);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
