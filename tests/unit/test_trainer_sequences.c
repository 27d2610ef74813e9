/* Training on sequences: the same bits on any number of threads and after any break, which sequences a step
 * and an epoch take, which are held out, and noise of every kind. */
#include "ragged.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"
#include "trainer/trainer.h"

#include <string.h>
#include <unistd.h>

static char path[64];

static void set_up(void) {
    strcpy(path, "/tmp/flowbd3-trainer-XXXXXX");
    close(mkstemp(path));
}

static void tear_down(void) {
    unlink(path);
}

/* Blocks of one token, of a flow, that end inside flows, and of a sequence; without and with unknown columns.
 */
static const struct {
    uint32_t block;
    flowbd3_column_order order;
    double condition_dropout;
} kinds[] = {{1, FLOWBD3_COLUMNS_RANDOM, 0.0}, {RAGGED_SLOTS, FLOWBD3_COLUMNS_FIXED, 0.0},
             {4, FLOWBD3_COLUMNS_RANDOM, 0.0}, {RAGGED_SLOTS * RAGGED_LENGTH, FLOWBD3_COLUMNS_FIXED, 0.0},
             {1, FLOWBD3_COLUMNS_FIXED, 0.4},  {4, FLOWBD3_COLUMNS_RANDOM, 0.4}};

/* An untrained model with dropout. */
static flowbd3_model *fresh(const flowbd3_table *table, int kind) {
    flowbd3_tokenizer *tokenizer = ragged_tokenizer(table);
    flowbd3_model_options options = ragged_options(kinds[kind].block, kinds[kind].order);
    flowbd3_model *model = NULL;
    options.dropout = 0.1;
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &options, NULL), FLOWBD3_OK);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

static flowbd3_trainer_options ragged_training(int kind) {
    flowbd3_trainer_options options = toy_options();
    options.epochs = 3;
    options.batch_size = 15;
    options.validation_share = 0.2;
    options.clip_search = 1;
    options.condition_dropout = kinds[kind].condition_dropout;
    return options;
}

static flowbd3_trainer *trainer_of(flowbd3_model *model, const flowbd3_table *table,
                                   const flowbd3_trainer_options *options) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_trainer_create(&trainer, model, table, NULL, options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return trainer;
}

static void run(flowbd3_trainer *trainer) {
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_trainer_run(trainer, NULL, NULL, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert(flowbd3_trainer_finished(trainer));
}

/* ---- the same bits ----------------------------------------------------------------------------- */

enum { EPOCHS = 3 };

/* What must be equal to the last bit. */
typedef struct outcome {
    flowbd3_model *model;
    flowbd3_epoch history[EPOCHS];
} outcome;

static outcome take(flowbd3_model *model, const flowbd3_trainer *trainer) {
    outcome o = {.model = model};
    ck_assert_uint_eq(flowbd3_trainer_epochs(trainer), EPOCHS);
    for (size_t i = 0; i < EPOCHS; i++) {
        o.history[i] = (flowbd3_epoch)FLOWBD3_EPOCH_INIT;
        ck_assert_int_eq(flowbd3_trainer_get_epoch(trainer, i, &o.history[i], NULL), FLOWBD3_OK);
    }
    return o;
}

static outcome train(uint32_t threads, int kind) {
    flowbd3_context *context = toy_context(threads);
    flowbd3_table *table = ragged_table(context);
    flowbd3_model *model = fresh(table, kind);
    flowbd3_trainer_options options = ragged_training(kind);
    flowbd3_trainer *trainer = trainer_of(model, table, &options);
    run(trainer);
    outcome o = take(model, trainer);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return o;
}

static void assert_same(const outcome *a, const outcome *b) {
    ck_assert_mem_eq(a->model->parameters, b->model->parameters, a->model->layout->size * sizeof(float));
    ck_assert(a->model->clip_low == b->model->clip_low && a->model->clip_high == b->model->clip_high);
    ck_assert(a->model->condition_dropout == b->model->condition_dropout);
    for (size_t i = 0; i < EPOCHS; i++) {
        const flowbd3_epoch *x = &a->history[i], *y = &b->history[i];
        ck_assert_uint_eq(x->step, y->step);
        ck_assert(x->train_loss == y->train_loss && x->validation_nelbo == y->validation_nelbo);
        ck_assert(x->gradient_norm == y->gradient_norm && x->learning_rate == y->learning_rate);
        ck_assert(x->clip_low == y->clip_low && x->clip_high == y->clip_high);
        ck_assert(x->loss_variance == y->loss_variance);
    }
}

START_TEST(threads_change_no_bit) {
    outcome one = train(1, _i);
    for (uint32_t threads = 2; threads <= 4; threads *= 2) {
        outcome more = train(threads, _i);
        assert_same(&one, &more);
        flowbd3_model_destroy(&more.model);
    }
    flowbd3_model_destroy(&one.model);
}
END_TEST

/* Cancels the first validation of every epoch. */
typedef struct breaks {
    const flowbd3_trainer *trainer;
    bool validating;
    size_t cancelled, count;
} breaks;

static int cancel_validation(void *user, const flowbd3_progress *progress) {
    (void)progress;
    breaks *b = user;
    if (!b->validating || b->cancelled > b->trainer->n_history)
        return 0;
    b->cancelled = b->trainer->n_history + 1;
    return 1;
}

/* With max_seconds so small, a call takes one step, or ends an epoch. */
static flowbd3_status run_step(flowbd3_trainer *trainer, breaks *b) {
    flowbd3_error err = {0};
    *b = (breaks){trainer, trainer->state.position == trainer->train.count, b->cancelled, b->count + 1};
    flowbd3_status status = flowbd3_trainer_run(trainer, cancel_validation, b, &err);
    ck_assert_msg(status == FLOWBD3_OK || status == FLOWBD3_CANCELLED, "%s", err.message);
    return status;
}

START_TEST(breaks_change_no_bit) {
    outcome whole = train(2, _i);
    flowbd3_context *context = toy_context(2);
    flowbd3_table *table = ragged_table(context);
    flowbd3_trainer_options options = ragged_training(_i);
    options.latest_path = path;
    options.max_seconds = 1e-9;
    breaks b = {0};
    for (bool finished = false; !finished;) { /* a new process each time, as far as the library can tell */
        flowbd3_error err = {0};
        flowbd3_model *model = fresh(table, _i);
        flowbd3_trainer *trainer = trainer_of(model, table, &options);
        if (b.count > 0)
            ck_assert_msg(flowbd3_trainer_resume(trainer, path, &err) == FLOWBD3_OK, "%s", err.message);
        run_step(trainer, &b);
        finished = flowbd3_trainer_finished(trainer) != 0;
        if (finished) {
            outcome broken = take(model, trainer);
            assert_same(&whole, &broken);
        }
        flowbd3_trainer_destroy(&trainer);
        flowbd3_model_destroy(&model);
    }
    ck_assert_uint_eq(b.cancelled, EPOCHS);
    ck_assert_uint_eq(b.count, whole.history[EPOCHS - 1].step + 2 * EPOCHS);
    flowbd3_model_destroy(&whole.model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* ---- checkpoints that do not agree with themselves --------------------------------------------- */

/* Writes trainer's checkpoint with another value of member; NULL: without it. */
static void write_changed(const flowbd3_trainer *trainer, const char *member, json_t *value) {
    json_t *training = NULL;
    const fb3_slab slabs[] = {{"trainer.parameters.", trainer->parameters},
                              {"trainer.first_moment.", trainer->first_moment},
                              {"trainer.second_moment.", trainer->second_moment},
                              {"trainer.best.", trainer->best}};
    ck_assert_int_eq(flowbd3_trainer_save(trainer, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_model_read_training(trainer->model, path, &training, NULL), FLOWBD3_OK);
    if (value != NULL)
        json_object_set_new(training, member, value);
    else
        json_object_del(training, member);
    ck_assert_int_eq(fb3_model_write(trainer->model, path, training, slabs, 4, NULL), FLOWBD3_OK);
    json_decref(training);
}

START_TEST(checkpoints_that_do_not_agree) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = ragged_table(context);
    flowbd3_model *model = fresh(table, 0), *other = fresh(table, 0);
    flowbd3_trainer_options options = ragged_training(0);
    flowbd3_trainer *reader = trainer_of(other, table, &options);
    options.max_seconds = 1e-9;
    flowbd3_trainer *trainer = trainer_of(model, table, &options);
    breaks b = {0};
    flowbd3_error err = {0};
    while (trainer->state.step_in_epoch < 3 || trainer->n_history == 0)
        run_step(trainer, &b);
    const struct fb3_training_state *s = &trainer->state;
    json_int_t position = (json_int_t)s->position, flows = (json_int_t)s->flows, step = (json_int_t)s->step,
               in_epoch = (json_int_t)s->step_in_epoch, sequences = (json_int_t)trainer->train.count;
    const struct {
        const char *member;
        json_t *value;
    } changes[] = {{"position", json_integer(position + 1)},
                   {"position", json_integer(position - 1)},
                   {"position", json_integer(sequences)},
                   {"position", json_integer(sequences + 1)},
                   {"position", json_integer(0)},
                   {"position", json_integer(-1)},
                   {"position", json_integer(INT64_MAX)},
                   {"position", json_string("1")},
                   {"position", NULL},
                   {"flows", json_integer(flows + 1)},
                   {"flows", json_integer(flows - 1)},
                   {"flows", json_integer(0)},
                   {"flows", json_integer(-flows)},
                   {"flows", NULL},
                   {"step", json_integer(in_epoch - 1)},
                   {"step", json_integer(in_epoch)},
                   {"step", json_integer(-step)},
                   {"step_in_epoch", json_integer(0)},
                   {"step_in_epoch", json_integer(position + 1)},
                   {"history", json_object()},
                   {"history", json_array()},
                   {"history", json_pack("[[i]]", 1)},
                   {"history", json_pack("[n, n, n, n]")},
                   {"clip", json_pack("[f, f]", 0.5, 0.25)},
                   {"clip", json_pack("[f, f]", -0.1, 1.0)},
                   {"clip", json_pack("[f, f]", 0.0, 1.5)},
                   {"clip", json_pack("[f]", 0.5)},
                   {"clip", json_pack("[s, s]", "0", "1")},
                   {"clip", json_real(0.5)},
                   {"clip", NULL},
                   {"finished", json_integer(1)}};
    for (size_t i = 0; i < FB3_COUNT(changes); i++) {
        write_changed(trainer, changes[i].member, changes[i].value);
        flowbd3_status status = flowbd3_trainer_resume(reader, path, &err);
        ck_assert_msg(status == FLOWBD3_ERROR_FORMAT && strstr(err.message, path) != NULL, "%zu, %s: %s, %s",
                      i, changes[i].member, flowbd3_status_name(status), err.message);
        ck_assert_uint_eq(reader->state.step, 0);
        ck_assert_uint_eq(reader->n_history, 0);
        ck_assert(other->clip_low == 0.0 && other->clip_high == 1.0);
    }
    /* As they were they are taken up, and training that had ended does not go on. */
    write_changed(trainer, "seconds", json_real(1.0));
    ck_assert_msg(flowbd3_trainer_resume(reader, path, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_trainer_destroy(&reader);
    while (!flowbd3_trainer_finished(trainer))
        run_step(trainer, &b);
    reader = trainer_of(other, table, &options);
    write_changed(trainer, "finished", json_false());
    ck_assert_int_eq(flowbd3_trainer_resume(reader, path, &err), FLOWBD3_ERROR_FORMAT);
    flowbd3_trainer_destroy(&reader);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_model_destroy(&other);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* ---- which sequences --------------------------------------------------------------------------- */

static size_t flows_of(const fb3_set *set, size_t i) {
    size_t sequence = fb3_set_sequence(set, i);
    return fb3_flows_first(set->tokens, sequence + 1) - fb3_flows_first(set->tokens, sequence);
}

/* Batches of one epoch: full, and not more than full. */
static uint64_t count_batches(flowbd3_trainer *t, uint32_t batch_size, uint32_t used[RAGGED_ROWS]) {
    uint64_t batches = 0;
    size_t flows = 0;
    fb3_shuffle order = fb3_trainer_order(t, t->n_history);
    for (size_t position = 0; position < t->train.count; batches++) {
        size_t before = position;
        fb3_trainer_batch(t, &t->train, &order, &position, &t->noise, FB3_RANDOM_MASK, (uint32_t)batches);
        ck_assert_uint_gt(position, before);
        ck_assert_uint_eq(t->joint->sequences, position - before);
        ck_assert(t->joint->flows <= batch_size || t->joint->sequences == 1);
        if (position < t->train.count)
            ck_assert_uint_gt(t->joint->flows + flows_of(&t->train, (size_t)fb3_shuffle_at(&order, position)),
                              batch_size);
        for (; before < position; before++)
            used[fb3_shuffle_at(&order, before)]++;
        flows += t->joint->flows;
    }
    ck_assert_uint_eq(flows, t->train.flows);
    return batches;
}

START_TEST(an_epoch_takes_every_sequence_once) {
    static const uint32_t batch_sizes[] = {1, 3, 5, RAGGED_LENGTH, 7, 20, 1000};
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = ragged_table(context);
    for (size_t i = 0; i < FB3_COUNT(batch_sizes); i++) {
        flowbd3_model *model = fresh(table, _i);
        flowbd3_trainer_options options = toy_options();
        options.epochs = 2;
        options.batch_size = batch_sizes[i];
        flowbd3_trainer *trainer = trainer_of(model, table, &options);
        ck_assert_uint_eq(trainer->train.flows, RAGGED_ROWS);
        size_t lengths[RAGGED_LENGTH + 1] = {0}, rows = 0;
        bool taken[RAGGED_ROWS] = {false};
        for (size_t s = 0; s < trainer->train.count; s++) {
            lengths[flows_of(&trainer->train, s)]++;
            rows += flows_of(&trainer->train, s);
        }
        for (size_t f = 0; f < RAGGED_ROWS; f++)
            taken[fb3_flows_row(trainer->train.tokens, f)] = true;
        for (size_t row = 0; row < RAGGED_ROWS; row++)
            ck_assert(taken[row]);
        ck_assert_uint_eq(rows, RAGGED_ROWS);
        for (size_t l = 1; l < RAGGED_LENGTH; l++) /* groups of l flows, and the rest of groups of 6 + l */
            ck_assert_uint_eq(lengths[l], 2 * RAGGED_GROUPS / 11);
        uint64_t batches = 0;
        for (uint32_t epoch = 1; epoch <= 2; epoch++) {
            uint32_t used[RAGGED_ROWS] = {0};
            trainer->n_history = epoch - 1;
            batches += count_batches(trainer, batch_sizes[i], used);
            for (size_t s = 0; s < trainer->train.count; s++)
                ck_assert_uint_eq(used[s], 1);
        }
        trainer->n_history = 0;
        run(trainer);
        ck_assert_uint_eq(trainer->history[1].step, batches);
        flowbd3_trainer_destroy(&trainer);
        flowbd3_model_destroy(&model);
    }
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* Groups without an order that are all of one flow. */
START_TEST(groups_of_one_flow) {
    static const char *const id[] = {"id"};
    enum { ROWS = 30 };
    int64_t ids[ROWS], value[ROWS];
    for (int64_t i = 0; i < ROWS; i++) {
        ids[i] = i;
        value[i] = i % 3;
    }
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = NULL, *rows = NULL;
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_sampler *sampler = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "id", ids, NULL, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "value", value, NULL, ROWS, NULL), FLOWBD3_OK);
    flowbd3_tokenizer_options groups = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    groups.group_by = id;
    groups.n_group_by = 1;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, &groups, NULL), FLOWBD3_OK);
    flowbd3_model_options sizes = ragged_options(2, FLOWBD3_COLUMNS_FIXED); /* of a single slot */
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &sizes, NULL), FLOWBD3_OK);
    flowbd3_trainer_options options = toy_options();
    options.epochs = 1;
    options.batch_size = 4;
    flowbd3_trainer *trainer = trainer_of(model, table, &options);
    run(trainer);
    ck_assert_uint_eq(trainer->history->step, (ROWS + 3) / 4);
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 50, &rows, NULL, NULL, NULL), FLOWBD3_OK);
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(whole_sequences_are_held_out) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = ragged_table(context);
    static const double shares[] = {1e-9, 0.2, 0.5, 0.999999};
    for (size_t i = 0; i < FB3_COUNT(shares); i++) {
        flowbd3_model *model = fresh(table, 1);
        flowbd3_trainer_options options = ragged_training(0);
        options.validation_share = shares[i];
        flowbd3_trainer *t = trainer_of(model, table, &options);
        size_t all = t->train.tokens->sequences, flows = 0;
        double expected = nearbyint((1.0 - shares[i]) * (double)all);
        ck_assert_ptr_eq(t->train.tokens, t->validation.tokens);
        ck_assert_double_eq((double)t->train.count, fmin(fmax(expected, 1.0), (double)all - 1.0));
        ck_assert_uint_eq(t->train.count + t->validation.count, all);
        ck_assert_uint_eq(t->train.flows + t->validation.flows, RAGGED_ROWS);
        uint8_t seen[RAGGED_ROWS] = {0}; /* every one is in one of them */
        for (size_t s = 0; s < t->train.count; s++)
            ck_assert_uint_eq(seen[fb3_set_sequence(&t->train, s)]++, 0);
        for (size_t s = 0; s < t->validation.count; s++) {
            ck_assert_uint_eq(seen[fb3_set_sequence(&t->validation, s)]++, 0);
            flows += flows_of(&t->validation, s);
        }
        ck_assert_uint_eq(flows, t->validation.flows);
        flowbd3_trainer_destroy(&t);
        flowbd3_model_destroy(&model);
    }
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* Independent rows are held out as flowbd3_table_split splits them. */
START_TEST(rows_are_held_out_as_a_split_does) {
    flowbd3_context *context = toy_context(2);
    flowbd3_table *table = toy_table(context, TOY_SEED), *few = NULL, *parts[2];
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, 333, NULL), FLOWBD3_OK);
    flowbd3_model *held = toy_model(table), *split = toy_model(table);
    flowbd3_trainer_options options = toy_options();
    options.epochs = 2;
    ck_assert_int_eq(flowbd3_table_split(&parts[0], &parts[1], few, 1.0 - 0.3, options.seed, NULL),
                     FLOWBD3_OK);
    flowbd3_trainer *b = NULL;
    ck_assert_int_eq(flowbd3_trainer_create(&b, split, parts[0], parts[1], &options, NULL), FLOWBD3_OK);
    options.validation_share = 0.3;
    flowbd3_trainer *a = trainer_of(held, few, &options);
    ck_assert_uint_eq(a->train.count, flowbd3_table_rows(parts[0]));
    ck_assert_uint_eq(a->validation.count, flowbd3_table_rows(parts[1]));
    bool trains[333] = {false};
    for (size_t i = 0; i < a->train.count; i++)
        trains[fb3_set_sequence(&a->train, i)] = true;
    size_t next[2] = {0, 0};
    for (size_t row = 0; row < 333; row++) {
        const fb3_set *part = trains[row] ? &b->train : &b->validation;
        ck_assert_mem_eq(a->train.tokens->tokens + row * 4, part->tokens->tokens + next[trains[row]]++ * 4,
                         4 * sizeof(uint16_t));
    }
    flowbd3_trainer_destroy(&a);
    flowbd3_trainer_destroy(&b);
    for (int i = 0; i < 2; i++)
        flowbd3_table_destroy(&parts[i]);
    flowbd3_model_destroy(&held);
    flowbd3_model_destroy(&split);
    flowbd3_table_destroy(&few);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* ---- noise ------------------------------------------------------------------------------------- */

static const struct {
    flowbd3_noise noise;
    flowbd3_schedule schedule;
    double low, high;
    uint32_t resample, search;
} noises[] = {{FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_LINEAR, 0.0, 0.0, 0, 0},
              {FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_COSINE, 0.0, 0.0, 0, 0},
              {FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_SQUARE, 0.0, 0.0, 0, 0},
              {FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_SQUARE_ROOT, 0.0, 0.0, 0, 0},
              {FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_LOGARITHMIC, 0.0, 0.0, 0, 0},
              {FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_COSINE, 0.2, 0.9, 0, 0},
              {FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_LINEAR, 0.2, 1.0, 1, 0},
              {FLOWBD3_NOISE_COUNT, FLOWBD3_SCHEDULE_LINEAR, 0.0, 0.8, 0, 0},
              {FLOWBD3_NOISE_LEVEL, FLOWBD3_SCHEDULE_LINEAR, 0.0, 0.0, 0, 1}};

/* A smaller model of the toy than toy.h's. */
static flowbd3_model *small_model(const flowbd3_table *table) {
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 16;
    options.n_heads = 2;
    options.n_layers = 2;
    options.dropout = -1.0;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, NULL, NULL), FLOWBD3_OK);
    options.block_size = (uint32_t)flowbd3_tokenizer_slots(tokenizer);
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &options, NULL), FLOWBD3_OK);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

START_TEST(every_noise_reaches_the_entropy) {
    flowbd3_context *context = toy_context(2);
    flowbd3_table *table = toy_table(context, TOY_SEED), *few = NULL;
    flowbd3_model *model = small_model(table);
    flowbd3_trainer_options options = toy_options();
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, 2000, NULL), FLOWBD3_OK);
    options.epochs = 20;
    options.seed = 2;
    options.learning_rate = 5e-3;
    options.noise = noises[_i].noise;
    options.schedule = noises[_i].schedule;
    options.clip_low = noises[_i].low;
    options.clip_high = noises[_i].high;
    options.resample = noises[_i].resample;
    options.clip_search = noises[_i].search;
    options.validation_share = 0.1;
    flowbd3_trainer *trainer = trainer_of(model, few, &options);
    run(trainer);
    const flowbd3_epoch *e = trainer->history + options.epochs - 1;
    ck_assert_double_eq_tol(e->validation_nelbo, toy_entropy(), 0.1);
    ck_assert_double_ge(e->loss_variance, 0.0);
    if (noises[_i].search == 0) {
        double high = noises[_i].high > 0.0 ? noises[_i].high : 1.0, low, reported;
        ck_assert(e->clip_low == noises[_i].low && e->clip_high == high);
        flowbd3_model_clip(model, &low, &reported);
        ck_assert(low == noises[_i].low && reported == high);
    }
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&few);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* The clip that was searched: in the history, in both files, and by its variance the best there is. */
START_TEST(the_clip_is_kept) {
    flowbd3_context *context = toy_context(2);
    flowbd3_table *table = ragged_table(context);
    flowbd3_model *model = fresh(table, _i), *loaded = NULL;
    char best[80];
    snprintf(best, sizeof best, "%s.best", path);
    flowbd3_trainer_options options = ragged_training(0);
    options.latest_path = path;
    options.best_path = best;
    flowbd3_trainer *trainer = trainer_of(model, table, &options);
    run(trainer);
    size_t count = trainer->n_history, least = 0;
    double low, high;
    const flowbd3_epoch *history = trainer->history;
    for (size_t i = 0; i < count; i++) {
        least = history[i].validation_nelbo < history[least].validation_nelbo ? i : least;
        ck_assert_double_ge(history[i].loss_variance, 0.0);
        ck_assert(history[i].clip_low >= 0.0 && history[i].clip_high <= 1.0);
        if (kinds[_i].block == 1) /* a single token is always masked */
            ck_assert(history[i].clip_low == 1.0 && history[i].clip_high == 1.0);
        else
            ck_assert_double_ge(history[i].clip_high - history[i].clip_low, 0.5 - 1e-12);
    }
    flowbd3_model_clip(model, &low, &high);
    ck_assert(low == history[count - 1].clip_low && high == history[count - 1].clip_high);
    const char *const files[] = {path, best};
    const size_t epochs[] = {count - 1, least};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(flowbd3_model_load(&loaded, context, files[i], NULL), FLOWBD3_OK);
        flowbd3_model_clip(loaded, &low, &high);
        ck_assert(low == history[epochs[i]].clip_low && high == history[epochs[i]].clip_high);
        flowbd3_model_destroy(&loaded);
    }
    unlink(best);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* ---- options ----------------------------------------------------------------------------------- */

static flowbd3_trainer_options clipped(double low, double high) {
    flowbd3_trainer_options options = toy_options();
    options.clip_low = low;
    options.clip_high = high;
    return options;
}

START_TEST(options_that_are_refused) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = ragged_table(context), *one = NULL;
    flowbd3_model *model = fresh(table, 1);
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options none = toy_options();
    struct {
        flowbd3_trainer_options options;
        flowbd3_status status;
        const char *word;
    } bad[] = {{clipped(0.5, 0.25), FLOWBD3_ERROR_RANGE, "clip_low is 0.5 and clip_high 0.25"},
               {clipped(0.5, 0.5), FLOWBD3_ERROR_RANGE, "clip_low"},
               {clipped(1.0, 0.5), FLOWBD3_ERROR_RANGE, "clip_low"},
               {clipped(-0.1, 1.0), FLOWBD3_ERROR_RANGE, "clip_low"},
               {clipped(0.0, 1.1), FLOWBD3_ERROR_RANGE, "clip_high"},
               {clipped((double)NAN, 1.0), FLOWBD3_ERROR_RANGE, "clip_low"},
               {clipped(0.0, (double)NAN), FLOWBD3_ERROR_RANGE, "clip_high"},
               {clipped((double)NAN, (double)NAN), FLOWBD3_ERROR_RANGE, "clip_low"},
               {clipped(0.0, (double)INFINITY), FLOWBD3_ERROR_RANGE, "clip_high"},
               {none, FLOWBD3_ERROR_ARGUMENT, "schedule"},
               {none, FLOWBD3_ERROR_ARGUMENT, "resample"},
               {none, FLOWBD3_ERROR_ARGUMENT, "clip_search"},
               {none, FLOWBD3_ERROR_RANGE, "clip_search"},
               {none, FLOWBD3_ERROR_RANGE, "resample"},
               {none, FLOWBD3_ERROR_RANGE, "schedule"},
               {none, FLOWBD3_ERROR_RANGE, "schedule"},
               {none, FLOWBD3_ERROR_RANGE, "noise"},
               {none, FLOWBD3_ERROR_RANGE, "validation_share"},
               {none, FLOWBD3_ERROR_RANGE, "validation_share"},
               {none, FLOWBD3_ERROR_RANGE, "validation_share"},
               {none, FLOWBD3_ERROR_RANGE, "validation_share"}};
    bad[9].options.schedule = FLOWBD3_SCHEDULE_COSINE;
    bad[10].options.resample = 1;
    bad[11].options.clip_search = 1;
    bad[12].options.clip_search = 2;
    bad[13].options.resample = 2;
    bad[14].options.noise = bad[15].options.noise = FLOWBD3_NOISE_LEVEL;
    bad[14].options.schedule = (flowbd3_schedule)5;
    bad[15].options.schedule = (flowbd3_schedule)-1;
    bad[16].options.noise = (flowbd3_noise)2;
    bad[17].options.validation_share = 1.0;
    bad[18].options.validation_share = -0.1;
    bad[19].options.validation_share = (double)NAN;
    bad[20].options.validation_share = (double)INFINITY;
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        flowbd3_status status = flowbd3_trainer_create(&trainer, model, table, NULL, &bad[i].options, &err);
        ck_assert_msg(status == bad[i].status && strstr(err.message, bad[i].word) != NULL, "%zu: %s, %s", i,
                      flowbd3_status_name(status), err.message);
        ck_assert_ptr_null(trainer);
    }
    none.validation_share = 0.5;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, table, &none, &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "validation_share is 0.5"));
    ck_assert_int_eq(flowbd3_table_slice(&one, table, 0, 1, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, one, NULL, &none, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "single sequence"));
    none = clipped(1.0, 1.0); /* everything is masked */
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, one, NULL, &none, &err), FLOWBD3_OK);
    run(trainer);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_table_destroy(&one);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("trainer_sequences");
    TCase *tests = tcase_create("trainer_sequences");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, threads_change_no_bit, 0, FB3_COUNT(kinds));
    tcase_add_loop_test(tests, breaks_change_no_bit, 0, FB3_COUNT(kinds));
    tcase_add_test(tests, checkpoints_that_do_not_agree);
    tcase_add_loop_test(tests, an_epoch_takes_every_sequence_once, 0, FB3_COUNT(kinds));
    tcase_add_test(tests, groups_of_one_flow);
    tcase_add_test(tests, whole_sequences_are_held_out);
    tcase_add_test(tests, rows_are_held_out_as_a_split_does);
    tcase_add_loop_test(tests, every_noise_reaches_the_entropy, 0, FB3_COUNT(noises));
    tcase_add_loop_test(tests, the_clip_is_kept, 0, FB3_COUNT(kinds));
    tcase_add_test(tests, options_that_are_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
