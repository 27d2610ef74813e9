/* Condition dropout: which columns are unknown in which flows, what that does to the loss, and what a model
 * remembers of it. That breaks and threads change no bit is in test_trainer_sequences.c. */
#include "ragged.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"
#include "trainer/trainer.h"

#include <string.h>
#include <unistd.h>

static char path[64];
static flowbd3_context *context;
static flowbd3_table *table;

static void set_up(void) {
    strcpy(path, "/tmp/flowbd3-dropout-XXXXXX");
    close(mkstemp(path));
    context = toy_context(2);
    table = ragged_table(context);
}

static void tear_down(void) {
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    unlink(path);
}

static flowbd3_trainer *trainer_of(flowbd3_model *model, const flowbd3_table *rows, double share) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = toy_options();
    options.epochs = 2;
    options.condition_dropout = share;
    options.validation_share = 0.2;
    ck_assert_msg(flowbd3_trainer_create(&trainer, model, rows, NULL, &options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return trainer;
}

static fb3_batch batch_of(flowbd3_trainer *t, const fb3_set *set, uint32_t step) {
    size_t position = 0;
    return fb3_trainer_batch(t, set, NULL, &position, &t->noise, FB3_RANDOM_MASK, step);
}

/* ---- which columns ----------------------------------------------------------------------------- */

/* Eight columns of numbers, the first of which has a slot for each of two digits. */
enum { WIDE_ROWS = 64, WIDE_COLUMNS = 8, WIDE_SUBSETS = 1 << WIDE_COLUMNS };

static flowbd3_table *wide_table(void) {
    static const char *const names[WIDE_COLUMNS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    flowbd3_table *wide = NULL;
    int64_t values[WIDE_ROWS];
    ck_assert_int_eq(flowbd3_table_create(&wide, context, NULL), FLOWBD3_OK);
    for (size_t column = 0; column < WIDE_COLUMNS; column++) {
        for (size_t i = 0; i < WIDE_ROWS; i++)
            values[i] = (int64_t)(1000 * (i * (column + 1) % 7));
        ck_assert_int_eq(flowbd3_table_add_integer(wide, names[column], values, NULL, WIDE_ROWS, NULL),
                         FLOWBD3_OK);
    }
    return wide;
}

static flowbd3_model *wide_model(const flowbd3_table *wide) {
    static const flowbd3_column_codec digits[] = {{"a", FLOWBD3_CODEC_DIGITS, 0}};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_tokenizer_options codecs = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_model_options sizes = ragged_options(1, FLOWBD3_COLUMNS_FIXED);
    codecs.codecs = digits;
    codecs.n_codecs = 1;
    codecs.relations = FLOWBD3_RELATIONS_OFF;
    sizes.sequence_length = 1;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, wide, &codecs, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &sizes, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(model->config.slots, WIDE_COLUMNS + 1);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

/* Statistic of counts that should be equal. */
static double chi_square(const double *counts, size_t n) {
    double total = 0.0, sum = 0.0;
    for (size_t i = 0; i < n; i++)
        total += counts[i];
    for (size_t i = 0; i < n; i++)
        sum += (counts[i] - total / (double)n) * (counts[i] - total / (double)n) / (total / (double)n);
    return sum;
}

/* A share of the flows has unknown columns, every subset of them equally often; all slots of a column
 * together. */
START_TEST(columns_are_dropped_uniformly) {
    enum { STEPS = 2000, FLOWS = 10 };
    const double share = 0.3;
    flowbd3_table *wide = wide_table();
    flowbd3_model *model = wide_model(wide);
    flowbd3_trainer *trainer = trainer_of(model, wide, share);
    double subsets[WIDE_SUBSETS] = {0};
    for (uint32_t step = 0; step < STEPS; step++)
        for (uint64_t flow = 0; flow < FLOWS; flow++) {
            uint16_t tokens[WIDE_COLUMNS + 1] = {0};
            size_t subset = 0, first;
            fb3_condition_dropout(trainer, tokens, flow, step);
            for (size_t c = 0; c < WIDE_COLUMNS; c++) {
                size_t slots = fb3_tokenizer_column_slots(model->tokenizer, c, &first);
                bool unknown = tokens[first] != 0;
                for (size_t s = first; s < first + slots; s++)
                    ck_assert_uint_eq(tokens[s], unknown ? model->vocabulary[s] : 0);
                subset |= (size_t)unknown << c;
            }
            subsets[subset]++;
        }
    const double flows = STEPS * FLOWS;
    ck_assert_double_eq_tol(1.0 - subsets[0] / flows, share, 4.0 * sqrt(share * (1.0 - share) / flows));
    ck_assert_double_lt(chi_square(subsets + 1, WIDE_SUBSETS - 1), 330.0); /* 0.999 quantile, 254 degrees */
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&wide);
}
END_TEST

/* ---- batches ----------------------------------------------------------------------------------- */

static const uint32_t blocks[] = {1, 2, 3, 4, 6};

/* Beside a trainer without: the same masks and weights, but that unknown tokens are hidden in both copies and
 * not scored. Validation knows everything. */
START_TEST(unknown_tokens_are_hidden_and_not_scored) {
    flowbd3_model *model = ragged_model(table, blocks[_i], FLOWBD3_COLUMNS_RANDOM);
    flowbd3_trainer *without = trainer_of(model, table, 0.0), *with = trainer_of(model, table, 0.5);
    size_t unknown = 0, known = 0;
    for (uint32_t step = 0; step < 20; step++) {
        fb3_batch a = batch_of(without, &without->train, step), b = batch_of(with, &with->train, step);
        size_t rows = fb3_batch_rows(&a);
        ck_assert_uint_eq(fb3_batch_rows(&b), rows);
        for (size_t row = 0; row < rows; row++) {
            size_t mask = model->vocabulary[a.slots[row]];
            bool dropped = b.targets[row] == mask;
            ck_assert_uint_eq(a.slots[row], b.slots[row]);
            ck_assert_uint_eq(b.masked[row], dropped ? 0 : a.masked[row]);
            ck_assert_uint_eq(b.inputs[row], dropped ? mask : a.inputs[row]);
            ck_assert(a.scale[row] == b.scale[row]);
            unknown += dropped;
            known += !dropped;
        }
        a = batch_of(without, &without->validation, step);
        b = batch_of(with, &with->validation, step);
        ck_assert_mem_eq(a.inputs, b.inputs, fb3_batch_rows(&a) * sizeof *a.inputs);
        ck_assert_mem_eq(a.masked, b.masked, fb3_batch_rows(&a));
    }
    /* Half of the flows lose 12 / 7 of three columns. */
    double share = (double)unknown / (double)(unknown + known);
    ck_assert_double_eq_tol(share, 0.5 * 4.0 / 7.0, 0.03);
    flowbd3_trainer_destroy(&without);
    flowbd3_trainer_destroy(&with);
    flowbd3_model_destroy(&model);
}
END_TEST

/* Both copies of a token are known or neither is. */
START_TEST(copies_agree) {
    flowbd3_model *model = ragged_model(table, blocks[_i], FLOWBD3_COLUMNS_FIXED);
    flowbd3_trainer *trainer = trainer_of(model, table, 0.5);
    for (uint32_t step = 0; step < 5; step++) {
        fb3_batch batch = batch_of(trainer, &trainer->train, step);
        for (size_t s = 0; s < batch.sequences; s++)
            for (size_t i = batch.first[s]; i < batch.first[s + 1]; i++)
                for (size_t k = i + 1; k < batch.first[s + 1]; k++)
                    if (batch.positions[i] == batch.positions[k])
                        ck_assert_uint_eq(batch.targets[i], batch.targets[k]);
    }
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
}
END_TEST

/* Over masks, the weights of a known token have the mean that they have without dropout, 1. */
START_TEST(weights_of_known_tokens_sum_to_their_number) {
    flowbd3_model *model = ragged_model(table, blocks[_i], FLOWBD3_COLUMNS_FIXED);
    flowbd3_trainer *trainer = trainer_of(model, table, 0.6);
    double weights = 0.0, tokens = 0.0;
    for (uint32_t step = 0; step < 2000; step++) {
        fb3_batch batch = batch_of(trainer, &trainer->train, step);
        for (size_t b = 0; b < trainer->joint->n_blocks; b++) {
            const fb3_block *block = &trainer->joint->blocks[b];
            for (size_t row = block->first; row < block->first + block->tokens; row++) {
                tokens += batch.targets[row] != model->vocabulary[batch.slots[row]];
                weights +=
                    batch.masked[row] != 0 ? (double)batch.scale[row] * (double)trainer->joint->flows : 0.0;
            }
        }
    }
    ck_assert_double_eq_tol(weights / tokens, 1.0, 0.01);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
}
END_TEST

/* ---- what is remembered ------------------------------------------------------------------------ */

static double loaded_share(void) {
    flowbd3_model *loaded = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_model_load(&loaded, context, path, &err) == FLOWBD3_OK, "%s", err.message);
    double share = flowbd3_model_condition_dropout(loaded);
    flowbd3_model_destroy(&loaded);
    return share;
}

START_TEST(the_model_remembers) {
    flowbd3_model *model = ragged_model(table, 1, FLOWBD3_COLUMNS_FIXED);
    ck_assert(flowbd3_model_condition_dropout(NULL) == 0.0);
    ck_assert(flowbd3_model_condition_dropout(model) == 0.0);
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    ck_assert(loaded_share() == 0.0);
    flowbd3_trainer *trainer = trainer_of(model, table, 0.125);
    ck_assert(flowbd3_model_condition_dropout(model) == 0.125);
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    ck_assert(loaded_share() == 0.125);
    ck_assert_int_eq(flowbd3_trainer_save(trainer, path, NULL), FLOWBD3_OK);
    ck_assert(loaded_share() == 0.125);
    flowbd3_trainer_destroy(&trainer);
    trainer = trainer_of(model, table, 0.0);
    ck_assert(flowbd3_model_condition_dropout(model) == 0.0);
    flowbd3_trainer_destroy(&trainer);
    static const double bad[] = {1.0, 2.0, 1e300};
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        flowbd3_model *loaded = NULL;
        flowbd3_error err = {0};
        model->condition_dropout = bad[i];
        ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_model_load(&loaded, context, path, &err), FLOWBD3_ERROR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.message, "condition_dropout"));
        ck_assert_ptr_null(loaded);
    }
    flowbd3_model_destroy(&model);
}
END_TEST

/* Checkpoints are of one share, older ones of none. */
START_TEST(a_checkpoint_is_of_one_share) {
    flowbd3_model *model = ragged_model(table, 1, FLOWBD3_COLUMNS_FIXED);
    flowbd3_model *other = ragged_model(table, 1, FLOWBD3_COLUMNS_FIXED);
    flowbd3_trainer *trainer = trainer_of(model, table, 0.0), *dropping = trainer_of(other, table, 0.1);
    flowbd3_error err = {0};
    json_t *training = NULL;
    const fb3_slab slabs[] = {{"trainer.parameters.", trainer->parameters},
                              {"trainer.first_moment.", trainer->first_moment},
                              {"trainer.second_moment.", trainer->second_moment},
                              {"trainer.best.", trainer->best}};
    ck_assert_int_eq(flowbd3_trainer_save(dropping, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_resume(trainer, path, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_nonnull(strstr(err.message, "condition_dropout 0.1, here it is 0"));
    ck_assert_int_eq(flowbd3_trainer_save(trainer, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_model_read_training(model, path, &training, NULL), FLOWBD3_OK);
    ck_assert_int_eq(json_object_del(json_object_get(training, "run"), "condition_dropout"), 0);
    ck_assert_int_eq(fb3_model_write(model, path, training, slabs, 4, NULL), FLOWBD3_OK);
    json_decref(training);
    ck_assert_int_eq(flowbd3_trainer_resume(dropping, path, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_nonnull(strstr(err.message, "condition_dropout 0, here it is 0.1"));
    ck_assert_msg(flowbd3_trainer_resume(trainer, path, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_trainer_destroy(&dropping);
    flowbd3_model_destroy(&model);
    flowbd3_model_destroy(&other);
}
END_TEST

static void refused(flowbd3_model *model, const flowbd3_table *rows, double share, flowbd3_status status,
                    const char *text) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.condition_dropout = share;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, rows, NULL, &options, &err), status);
    ck_assert_ptr_null(trainer);
    ck_assert_msg(strstr(err.message, text) != NULL, "%s", err.message);
}

START_TEST(refusals) {
    static const double bad[] = {-0.1, 1.0, (double)NAN, (double)INFINITY};
    flowbd3_model *model = ragged_model(table, 1, FLOWBD3_COLUMNS_FIXED);
    for (size_t i = 0; i < FB3_COUNT(bad); i++)
        refused(model, table, bad[i], FLOWBD3_ERROR_RANGE, "condition_dropout is");
    flowbd3_model_destroy(&model);
    model = ragged_model(table, RAGGED_SLOTS * RAGGED_LENGTH, FLOWBD3_COLUMNS_FIXED);
    refused(model, table, 0.1, FLOWBD3_ERROR_ARGUMENT, "the model's block is a whole sequence");
    ck_assert(flowbd3_model_condition_dropout(model) == 0.0);
    flowbd3_model_destroy(&model);

    /* One column. */
    int64_t values[WIDE_ROWS];
    flowbd3_table *narrow = NULL;
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model_options sizes = ragged_options(1, FLOWBD3_COLUMNS_FIXED);
    for (size_t i = 0; i < WIDE_ROWS; i++)
        values[i] = (int64_t)(i % 5);
    ck_assert_int_eq(flowbd3_table_create(&narrow, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(narrow, "a", values, NULL, WIDE_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, narrow, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &sizes, NULL), FLOWBD3_OK);
    refused(model, narrow, 0.1, FLOWBD3_ERROR_ARGUMENT, "one column");
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&narrow);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("condition_dropout");
    TCase *tests = tcase_create("condition_dropout");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, columns_are_dropped_uniformly);
    tcase_add_loop_test(tests, unknown_tokens_are_hidden_and_not_scored, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, copies_agree, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, weights_of_known_tokens_sum_to_their_number, 0, FB3_COUNT(blocks));
    tcase_add_test(tests, the_model_remembers);
    tcase_add_test(tests, a_checkpoint_is_of_one_share);
    tcase_add_test(tests, refusals);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
