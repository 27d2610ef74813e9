/* Trainers on streams: the very ones of the same rows as a table. */
#include "model/model.h"
#include "row_stream.h"
#include "test_main.h"
#include "toy.h"
#include "trainer/trainer.h"

enum { ROWS = 700 };

static flowbd3_context *context;
static flowbd3_error err;

static void start(void) {
    memset(&err, 0, sizeof err);
    context = toy_context(2);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
}

static row_stream rows_of(size_t rows, size_t chunk_rows) {
    return (row_stream){
        .context = context, .rows = rows, .chunk_rows = chunk_rows, .odd = SIZE_MAX, .fails = SIZE_MAX};
}

static flowbd3_table *table_of(size_t first, size_t rows) {
    row_stream s = rows_of(rows, rows);
    flowbd3_table *table;
    ck_assert_int_eq(make_rows(&s, &table, first, rows, &err), FLOWBD3_OK);
    return table;
}

/* A model of flows, or of sequences of three of them, fitted to twice as many rows as are trained on. */
static flowbd3_model *model_of(uint32_t length) {
    flowbd3_table *table = table_of(0, 2 * ROWS);
    flowbd3_tokenizer *tokenizer;
    flowbd3_model *model;
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 32;
    options.n_heads = 2;
    options.n_layers = 1;
    options.sequence_length = length;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &options, &err), FLOWBD3_OK);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    return model;
}

static flowbd3_trainer_options training(double share) {
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 2;
    options.batch_size = 32;
    options.seed = 5;
    options.validation_share = share;
    return options;
}

/* Sequences of three rows do not divide the table: one is shorter. */
START_TEST(training_is_the_same_to_the_last_bit) {
    static const size_t chunks[] = {1, 64, 10000};
    uint32_t length = _i == 0 ? 1 : 3;
    flowbd3_table *table = table_of(0, ROWS), *other = table_of(ROWS, 100);
    for (int held_out = 0; held_out < 2; held_out++) {
        flowbd3_trainer_options options = training(held_out ? 0.2 : 0.0);
        flowbd3_model *whole = model_of(length);
        flowbd3_trainer *a, *b;
        ck_assert_int_eq(flowbd3_trainer_create(&a, whole, table, held_out ? NULL : other, &options, &err),
                         FLOWBD3_OK);
        ck_assert_uint_eq(a->train.flows + (held_out ? a->validation.flows : 0), ROWS);
        ck_assert_ptr_null(a->train.tokens->rows);
        ck_assert_ptr_null(a->train.tokens->first);
        ck_assert_int_eq(flowbd3_trainer_run(a, NULL, NULL, &err), FLOWBD3_OK);
        for (size_t i = 0; i < FB3_COUNT(chunks); i++) {
            flowbd3_model *model = model_of(length);
            row_stream rows = rows_of(ROWS, chunks[i]), more = rows_of(ROWS + 100, chunks[i]);
            flowbd3_table_stream *train, *validation = NULL;
            more.begin = ROWS;
            ck_assert_int_eq(stream_rows(&train, &rows), FLOWBD3_OK);
            if (!held_out)
                ck_assert_int_eq(stream_rows(&validation, &more), FLOWBD3_OK);
            ck_assert_msg(flowbd3_trainer_create_stream(&b, model, train, validation, &options, &err) ==
                              FLOWBD3_OK,
                          "%s", err.message);
            flowbd3_table_stream_destroy(&train);
            flowbd3_table_stream_destroy(&validation);
            ck_assert_uint_eq(b->checksum, a->checksum);
            ck_assert_int_eq(flowbd3_trainer_run(b, NULL, NULL, &err), FLOWBD3_OK);
            ck_assert_mem_eq(model->parameters, whole->parameters,
                             whole->layout->size * sizeof *whole->parameters);
            flowbd3_trainer_destroy(&b);
            flowbd3_model_destroy(&model);
        }
        flowbd3_trainer_destroy(&a);
        flowbd3_model_destroy(&whole);
    }
    flowbd3_table_destroy(&table);
    flowbd3_table_destroy(&other);
}
END_TEST

/* A part's flows are counted without looking at them, whether or not the short sequence is among them. */
START_TEST(flows_of_a_part_are_counted) {
    flowbd3_model *model = model_of(3);
    flowbd3_table *table = table_of(0, ROWS);
    bool short_ones[2] = {false, false};
    for (uint64_t seed = 0; seed < 40; seed++) {
        flowbd3_trainer_options options = training(0.5);
        options.seed = seed;
        flowbd3_trainer *t;
        ck_assert_int_eq(flowbd3_trainer_create(&t, model, table, NULL, &options, &err), FLOWBD3_OK);
        fb3_shuffle order = fb3_trainer_order(t, 0);
        size_t flows = 0;
        for (size_t i = 0; i < t->train.count; i++) {
            size_t s = fb3_set_sequence(&t->train, (size_t)fb3_shuffle_at(&order, i));
            ck_assert_uint_eq(fb3_set_flows(&t->train, &order, i), flows);
            flows += fb3_flows_first(t->train.tokens, s + 1) - fb3_flows_first(t->train.tokens, s);
        }
        ck_assert_uint_eq(flows, t->train.flows);
        ck_assert_uint_eq(flows + t->validation.flows, ROWS);
        short_ones[flows < 3 * t->train.count] = true;
        flowbd3_trainer_destroy(&t);
    }
    ck_assert(short_ones[0] && short_ones[1]);
    flowbd3_table_destroy(&table);
    flowbd3_model_destroy(&model);
}
END_TEST

static void refuse(flowbd3_model *model, row_stream rows, flowbd3_status expected, const char *message) {
    flowbd3_table_stream *stream;
    flowbd3_trainer *trainer;
    flowbd3_trainer_options options = training(0.0);
    ck_assert_int_eq(stream_rows(&stream, &rows), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_create_stream(&trainer, model, stream, NULL, &options, &err), expected);
    ck_assert_ptr_null(trainer);
    ck_assert_msg(strstr(err.message, message) != NULL, "%s", err.message);
    flowbd3_table_stream_destroy(&stream);
}

START_TEST(what_cannot_be_trained_on_is_refused) {
    flowbd3_model *model = model_of(1), *ordered;
    row_stream rows = rows_of(ROWS, 100);
    refuse(model, rows_of(0, 1), FLOWBD3_ERROR_FORMAT, "no row");
    rows.fails = 555;
    refuse(model, rows, FLOWBD3_ERROR_IO, "the line is down");
    rows.fails = SIZE_MAX;
    rows.strange = 432; /* a state that the tokenizer does not know */
    refuse(model, rows, FLOWBD3_ERROR_SCHEMA, "row 433 holds 'NEW'");
    ck_assert_int_eq(err.row, 433);

    flowbd3_table *table = table_of(0, ROWS);
    flowbd3_tokenizer *tokenizer;
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.order_by = "size";
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &options, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_create(&ordered, tokenizer, NULL, &err), FLOWBD3_OK);
    refuse(ordered, rows_of(ROWS, 100), FLOWBD3_ERROR_ARGUMENT, "needs a table and not a stream");

    flowbd3_trainer *trainer;
    ck_assert_int_eq(flowbd3_trainer_create_stream(&trainer, model, NULL, NULL, NULL, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    flowbd3_table_stream *stream;
    row_stream plain = rows_of(ROWS, 100);
    ck_assert_int_eq(stream_rows(&stream, &plain), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_create_stream(&trainer, model, stream, stream, NULL, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_msg(strstr(err.message, "validation is train") != NULL, "%s", err.message);
    flowbd3_table_stream_destroy(&stream);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    flowbd3_model_destroy(&ordered);
    flowbd3_model_destroy(&model);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("trainer_stream");
    TCase *tests = tcase_create("trainer_stream");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_loop_test(tests, training_is_the_same_to_the_last_bit, 0, 2);
    tcase_add_test(tests, flows_of_a_part_are_counted);
    tcase_add_test(tests, what_cannot_be_trained_on_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
