/* The trainer: what it learns, and that it does so to the same bit on any number of threads and after any
 * break. */
#include "model/model.h"
#include "test_main.h"
#include "toy.h"
#include "trainer/trainer.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void train(flowbd3_trainer *trainer) {
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_trainer_run(trainer, NULL, NULL, &err) == FLOWBD3_OK, "%s", err.message);
}

/* A trained toy model; *epochs holds its history. */
static flowbd3_model *trained(flowbd3_context *context, const flowbd3_trainer_options *options,
                              flowbd3_epoch *last) {
    flowbd3_table *table = toy_table(context, TOY_SEED), *validation = toy_table(context, TOY_SEED + 1);
    flowbd3_model *model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, validation, options, NULL), FLOWBD3_OK);
    train(trainer);
    ck_assert(flowbd3_trainer_finished(trainer));
    *last = trainer->history[trainer->n_history - 1];
    flowbd3_trainer_destroy(&trainer);
    flowbd3_table_destroy(&table);
    flowbd3_table_destroy(&validation);
    return model;
}

static void assert_same_weights(const flowbd3_model *a, const flowbd3_model *b) {
    ck_assert_uint_eq(a->layout->size, b->layout->size);
    ck_assert_mem_eq(a->parameters, b->parameters, a->layout->size * sizeof *a->parameters);
}

START_TEST(nelbo_reaches_the_entropy) {
    for (int noise = FLOWBD3_NOISE_COUNT; noise <= FLOWBD3_NOISE_LEVEL; noise++) {
        flowbd3_context *context = toy_context(2);
        flowbd3_trainer_options options = toy_options();
        options.noise = (flowbd3_noise)noise;
        options.epochs = 20;
        flowbd3_epoch last;
        flowbd3_model *model = trained(context, &options, &last);
        ck_assert_double_eq_tol(last.validation_nelbo, toy_entropy(), 0.05);
        ck_assert_uint_eq(last.step, 20 * (TOY_ROWS / 50));
        flowbd3_model_destroy(&model);
        flowbd3_context_destroy(&context);
    }
}
END_TEST

START_TEST(threads_change_no_bit) {
    flowbd3_model *models[3];
    flowbd3_epoch last[3];
    static const uint32_t threads[3] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        flowbd3_context *context = toy_context(threads[i]);
        flowbd3_trainer_options options = toy_options();
        options.epochs = 2;
        models[i] = trained(context, &options, &last[i]);
        flowbd3_context_destroy(&context);
    }
    for (int i = 1; i < 3; i++) {
        assert_same_weights(models[0], models[i]);
        ck_assert(last[i].train_loss == last[0].train_loss);
        ck_assert(last[i].validation_nelbo == last[0].validation_nelbo);
        ck_assert(last[i].gradient_norm == last[0].gradient_norm);
    }
    for (int i = 0; i < 3; i++)
        flowbd3_model_destroy(&models[i]);
}
END_TEST

/* Cancels when the given step has been taken. */
static int cancel_at(void *user, const flowbd3_progress *progress) {
    (void)progress;
    uint64_t *calls = user;
    return (*calls)-- == 0;
}

START_TEST(resume_changes_no_bit) {
    flowbd3_context *context = toy_context(2);
    flowbd3_trainer_options options = toy_options();
    options.epochs = 3;
    flowbd3_epoch last, resumed_last;
    flowbd3_model *whole = trained(context, &options, &last);

    char directory[] = "/tmp/flowbd3-test-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/latest.safetensors", directory);
    options.latest_path = path;
    flowbd3_table *table = toy_table(context, TOY_SEED), *validation = toy_table(context, TOY_SEED + 1);
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    bool finished = false;
    int breaks = 0;
    while (!finished) { /* a new process each time, as far as the library can tell */
        flowbd3_trainer *trainer = NULL;
        flowbd3_model_destroy(&model);
        model = toy_model(table);
        ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, validation, &options, &err),
                         FLOWBD3_OK);
        if (breaks > 0)
            ck_assert_msg(flowbd3_trainer_resume(trainer, path, &err) == FLOWBD3_OK, "%s", err.message);
        uint64_t calls = 0; /* the first call comes after the first step, or in validation */
        flowbd3_status status = breaks < 3 ? flowbd3_trainer_run(trainer, cancel_at, &calls, &err)
                                           : flowbd3_trainer_run(trainer, NULL, NULL, &err);
        ck_assert_int_eq(status, breaks < 3 ? FLOWBD3_CANCELLED : FLOWBD3_OK);
        finished = flowbd3_trainer_finished(trainer) != 0;
        if (finished)
            resumed_last = trainer->history[trainer->n_history - 1];
        breaks++;
        flowbd3_trainer_destroy(&trainer);
    }
    assert_same_weights(whole, model);
    ck_assert(resumed_last.train_loss == last.train_loss);
    ck_assert(resumed_last.validation_nelbo == last.validation_nelbo);

    /* A checkpoint is a model too. */
    flowbd3_model *loaded = NULL;
    ck_assert_int_eq(flowbd3_model_load(&loaded, context, path, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_model_parameters(loaded), flowbd3_model_parameters(model));

    /* Other rows, another schedule, a model that is no checkpoint: refused, and the trainer can still run. */
    flowbd3_trainer *trainer = NULL;
    flowbd3_model *fresh = toy_model(table);
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, fresh, validation, table, &options, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_resume(trainer, path, &err), FLOWBD3_ERROR_SCHEMA);
    flowbd3_trainer_destroy(&trainer);
    options.batch_size = 40;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, fresh, table, validation, &options, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_resume(trainer, path, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_nonnull(strstr(err.message, "batch_size"));
    ck_assert_int_eq(flowbd3_model_save(loaded, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_resume(trainer, path, &err), FLOWBD3_ERROR_SCHEMA);
    flowbd3_trainer_destroy(&trainer);

    flowbd3_model_destroy(&fresh);
    flowbd3_model_destroy(&loaded);
    flowbd3_model_destroy(&model);
    flowbd3_model_destroy(&whole);
    flowbd3_table_destroy(&table);
    flowbd3_table_destroy(&validation);
    flowbd3_context_destroy(&context);
    unlink(path);
    rmdir(directory);
}
END_TEST

START_TEST(early_stopping_keeps_the_best) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED), *few = NULL, *validation = NULL;
    flowbd3_trainer_options options = toy_options();
    options.epochs = 400; /* of 40 rows: it overfits long before */
    options.patience = 20;
    options.weight_decay = -1.0;
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, 40, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_slice(&validation, table, 2000, 400, NULL), FLOWBD3_OK);
    flowbd3_model *model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, few, validation, &options, NULL), FLOWBD3_OK);
    train(trainer);
    size_t count = trainer->n_history, best = 0,
           fading = 0; /* epochs before the learning rate was taken down */
    const flowbd3_epoch *history = trainer->history;
    for (size_t i = 0; i < count; i++) {
        if (history[i].validation_nelbo < history[best].validation_nelbo)
            best = i;
        if (fading == 0 && i == best + options.patience)
            fading = i + 1;
    }
    ck_assert_uint_lt(count, 400);
    ck_assert_uint_eq(fading + (fading < 8 ? 2 : fading / 4), count);
    double from = fb3_learning_rate(&trainer->options, (double)fading, options.epochs);
    double last =
        (double)count - 2.0 + 40.0 / options.batch_size; /* an epoch is a step, which counts by its flows */
    double share = (last - (double)fading) / (double)(count - fading);
    ck_assert_double_eq_tol(history[count - 1].learning_rate, from * fb3_cosine_decay(share, 0.0), 1e-15);
    ck_assert_mem_eq(model->parameters, trainer->best, model->layout->size * sizeof *trainer->best);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&few);
    flowbd3_table_destroy(&validation);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(divergence_is_reported) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    flowbd3_model *model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = toy_options();
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, NULL), FLOWBD3_OK);
    trainer->parameters[0] = (float)INFINITY;
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, &err), FLOWBD3_ERROR_NUMERIC);
    for (size_t i = 0; i < model->layout->size; i++)
        ck_assert(isfinite(model->parameters[i]));
    flowbd3_trainer_destroy(&trainer);

    /* With validation rows the best epoch's weights come back. */
    uint64_t calls;
    options.epochs = 400;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, table, &options, NULL), FLOWBD3_OK);
    for (uint64_t most = 5; !isfinite(trainer->state.best_nelbo); most *= 2) {
        calls = most;
        ck_assert_int_eq(flowbd3_trainer_run(trainer, cancel_at, &calls, &err), FLOWBD3_CANCELLED);
    }
    trainer->parameters[0] = (float)INFINITY;
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, &err), FLOWBD3_ERROR_NUMERIC);
    ck_assert_mem_eq(model->parameters, trainer->best, model->layout->size * sizeof *trainer->best);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* Drives the weights away once the last epoch has so few flows left, as a step of too large a rate does, and
 * cancels there where asked to. */
typedef struct driven {
    flowbd3_trainer *trainer;
    uint64_t left;
    int cancel;
} driven;

static int drive_away(void *user, const flowbd3_progress *progress) {
    driven *d = user;
    if (progress->total - progress->done > d->left)
        return 0;
    for (size_t i = 0; i < d->trainer->model->layout->size; i++)
        d->trainer->parameters[i] = i % 2 == 0 ? 3e38F : -3e38F;
    return d->cancel;
}

START_TEST(weights_that_went_too_far_are_not_written) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    char directory[] = "/tmp/flowbd3-trainer-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/latest", directory);
    for (int cancel = 0; cancel < 2; cancel++) {
        flowbd3_model *model = toy_model(table), *loaded = NULL;
        flowbd3_trainer *trainer = NULL;
        flowbd3_trainer_options options = toy_options();
        flowbd3_error err = {0};
        double nll[TOY_ROWS];
        options.epochs = 1;
        options.latest_path = path;
        ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_trainer_save(trainer, path, NULL), FLOWBD3_OK);
        driven d = {trainer, 0, cancel};
        ck_assert_int_eq(flowbd3_trainer_run(trainer, drive_away, &d, &err), FLOWBD3_ERROR_NUMERIC);
        ck_assert_ptr_nonnull(strstr(err.message, "diverged"));
        ck_assert_int_eq(flowbd3_model_load(&loaded, context, path, &err), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_model_score(loaded, table, NULL, nll, NULL, &err), FLOWBD3_OK);
        for (size_t i = 0; i < TOY_ROWS; i++)
            ck_assert(isfinite(nll[i]));
        flowbd3_trainer_destroy(&trainer);
        flowbd3_model_destroy(&loaded);
        flowbd3_model_destroy(&model);
    }
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(directory), 0);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(options_out_of_range) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    flowbd3_model *model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options bad[4];
    for (int i = 0; i < 4; i++)
        bad[i] = toy_options();
    bad[0].learning_rate = (double)NAN;
    bad[1].ema_decay = 1.0;
    bad[2].beta2 = 1.5;
    bad[3].batch_size = 1000000;
    static const char *const names[] = {"learning_rate", "ema_decay", "beta2", "batch_size"};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &bad[i], &err),
                         FLOWBD3_ERROR_RANGE);
        ck_assert_ptr_nonnull(strstr(err.message, names[i]));
        ck_assert_ptr_null(trainer);
    }
    bad[0] = toy_options();
    bad[0].patience = 3; /* and nothing to judge by */
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &bad[0], &err),
                     FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "patience"));
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(options_come_back_filled_in) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    flowbd3_model *model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options given = {.struct_size = sizeof given, .ema_decay = -1.0, .latest_path = "here"};
    flowbd3_trainer_options back = FLOWBD3_TRAINER_OPTIONS_INIT;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &given, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_get_options(trainer, &back, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(back.epochs, 32);              /* the most: 450,000 / TOY_ROWS is 112 */
    ck_assert_double_eq(back.learning_rate, 1.5e-3); /* the most: the model is 32 wide */
    ck_assert_uint_eq(back.patience, UINT32_MAX);    /* nothing to validate */
    ck_assert_double_eq(back.ema_decay, -1.0);
    ck_assert_uint_gt(back.warmup_steps, 0);
    ck_assert_ptr_null(back.best_path);
    ck_assert_str_eq(back.latest_path, "here");
    back.struct_size = 1;
    ck_assert_int_eq(flowbd3_trainer_get_options(trainer, &back, NULL), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(learning_rate_schedule) {
    flowbd3_trainer_options o = {.learning_rate = 2.0, .warmup_steps = 10, .final_learning_rate = 0.1};
    ck_assert_double_eq_tol(fb3_learning_rate(&o, 0, 110), 0.2, 1e-12);
    ck_assert_double_eq_tol(fb3_learning_rate(&o, 9, 110), 2.0, 1e-12);
    ck_assert_double_eq_tol(fb3_learning_rate(&o, 10, 110), 2.0, 1e-12);
    ck_assert_double_eq_tol(fb3_learning_rate(&o, 60, 110), 1.1, 1e-12);
    ck_assert_double_eq_tol(fb3_learning_rate(&o, 110, 110), 0.2, 1e-12);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------ */

/* Bytes that are allocated, and the most that were. */
typedef struct meter {
    size_t bytes, most;
} meter;

static void *meter_allocate(void *user, size_t size) {
    meter *m = user;
    size_t *memory = malloc(size + 64);
    if (memory == NULL)
        return NULL;
    *memory = size;
    m->bytes += size;
    m->most = m->bytes > m->most ? m->bytes : m->most;
    return (char *)memory + 64;
}

static void meter_release(void *user, void *memory) {
    if (memory == NULL)
        return;
    size_t *start = (size_t *)(void *)((char *)memory - 64);
    ((meter *)user)->bytes -= *start;
    free(start);
}

static void *meter_reallocate(void *user, void *memory, size_t size) {
    void *larger = meter_allocate(user, size);
    if (memory != NULL && larger != NULL) {
        size_t before = *(size_t *)(void *)((char *)memory - 64);
        memcpy(larger, memory, before < size ? before : size);
        meter_release(user, memory);
    }
    return larger;
}

START_TEST(batches_fit_a_budget) {
    meter m = {0, 0};
    flowbd3_context *context = NULL;
    flowbd3_context_options metered = FLOWBD3_CONTEXT_OPTIONS_INIT;
    metered.threads = 1;
    metered.allocator = (flowbd3_allocator){meter_allocate, meter_reallocate, meter_release, &m};
    ck_assert_int_eq(flowbd3_context_create(&context, &metered, NULL), FLOWBD3_OK);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    flowbd3_trainer_options options = toy_options();
    options.batch_size = TOY_ROWS / 2;
    options.epochs = 2;
    static const uint64_t budgets[] = {0, 6000000, 3000000};
    double losses[FB3_COUNT(budgets)];
    size_t taken[FB3_COUNT(budgets)];
    for (size_t i = 0; i < FB3_COUNT(budgets); i++) {
        flowbd3_model *model = toy_model(table);
        flowbd3_trainer *trainer = NULL;
        options.memory_budget = budgets[i];
        size_t before = m.most = m.bytes;
        ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, NULL), FLOWBD3_OK);
        train(trainer);
        losses[i] = trainer->history[trainer->n_history - 1].train_loss;
        taken[i] = m.most - before;
        flowbd3_trainer_destroy(&trainer);
        flowbd3_model_destroy(&model);
    }
    for (size_t i = 1; i < FB3_COUNT(budgets); i++) {
        ck_assert_uint_lt(taken[i], taken[i - 1]);
        ck_assert_uint_le(taken[i], budgets[i]);
        ck_assert_double_eq_tol(losses[i], losses[0], 1e-4);
    }
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(a_checkpoint_that_is_not_finite_is_refused) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    flowbd3_model *model = toy_model(table), *same = toy_model(table);
    flowbd3_trainer *trainer = NULL, *resumed = NULL;
    flowbd3_trainer_options options = toy_options();
    flowbd3_error err = {0};
    char path[] = "/tmp/flowbd3-checkpoint-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, table, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_create(&resumed, same, table, table, &options, NULL), FLOWBD3_OK);
    for (int slab = 0; slab < 4; slab++) {
        float *slabs[] = {trainer->parameters, trainer->first_moment, trainer->second_moment, trainer->best};
        float before = slabs[slab][0];
        slabs[slab][0] = INFINITY;
        ck_assert_int_eq(flowbd3_trainer_save(trainer, path, NULL), FLOWBD3_OK);
        slabs[slab][0] = before;
        ck_assert_int_eq(flowbd3_trainer_resume(resumed, path, &err), FLOWBD3_ERROR_NUMERIC);
        ck_assert_msg(strstr(err.message, "trainer.") != NULL, "%s", err.message);
        assert_same_weights(model, same);
    }
    (void)close(descriptor);
    (void)unlink(path);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_trainer_destroy(&resumed);
    flowbd3_model_destroy(&model);
    flowbd3_model_destroy(&same);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(a_budget_for_less_than_a_sequence_is_refused) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    flowbd3_model *model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = toy_options();
    flowbd3_error err = {0};
    options.memory_budget = 100000;
    options.clip_low = 0.2;
    options.clip_high = 0.7;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err),
                     FLOWBD3_ERROR_RANGE);
    ck_assert_msg(strstr(err.message, "memory_budget is 100000 bytes") != NULL, "%s", err.message);
    double low, high; /* and the model is as it was */
    flowbd3_model_clip(model, &low, &high);
    ck_assert(low == 0.0 && high == 1.0);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

static int stop_at_once(void *user, const flowbd3_progress *progress) {
    (void)user;
    (void)progress;
    return 1;
}

/* A file that cannot be written at the end is written when the caller has seen to it and calls again. */
START_TEST(files_that_could_not_be_written_are_owed) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED), *validation = toy_table(context, TOY_SEED + 1);
    flowbd3_model *model = toy_model(table), *best = NULL, *latest = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = toy_options();
    flowbd3_error err = {0};
    char directory[] = "/tmp/flowbd3-owed-XXXXXX", later[64], best_path[64], latest_path[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(later, sizeof later, "%s/later", directory);
    snprintf(best_path, sizeof best_path, "%s/later/best", directory);
    snprintf(latest_path, sizeof latest_path, "%s/latest", directory);
    options.epochs = 3;
    options.best_path = best_path;
    options.latest_path = latest_path;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, validation, &options, NULL), FLOWBD3_OK);
    for (size_t i = 1; i < 6; i++) { /* every call gets on */
        ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, &err), FLOWBD3_ERROR_IO);
        ck_assert_msg(strstr(err.message, best_path) != NULL, "%s", err.message);
        ck_assert_uint_eq(flowbd3_trainer_epochs(trainer), i < 3 ? i : 3);
    }
    ck_assert(flowbd3_trainer_finished(trainer));
    ck_assert_int_ne(access(latest_path, F_OK), 0); /* which would say that the other had been written */
    ck_assert_int_eq(mkdir(later, 0700), 0);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, stop_at_once, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_load(&latest, context, latest_path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_load(&best, context, best_path, NULL), FLOWBD3_OK);
    assert_same_weights(best, model);
    assert_same_weights(latest, model);
    ck_assert_int_eq(unlink(best_path), 0);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, NULL), FLOWBD3_OK); /* nothing is owed now */
    ck_assert_int_ne(access(best_path, F_OK), 0);
    ck_assert_int_eq(unlink(latest_path), 0);
    ck_assert_int_eq(rmdir(later), 0);
    flowbd3_trainer_destroy(&trainer);

    /* The checkpoint of a cancel, with the next one. */
    options.best_path = NULL;
    options.latest_path = best_path;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, validation, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, stop_at_once, NULL, NULL), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(mkdir(later, 0700), 0);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, stop_at_once, NULL, NULL), FLOWBD3_CANCELLED);
    ck_assert_int_eq(unlink(best_path), 0);
    rmdir(later);
    rmdir(directory);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&best);
    flowbd3_model_destroy(&latest);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_table_destroy(&validation);
    flowbd3_context_destroy(&context);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("trainer");
    TCase *tests = tcase_create("trainer");
    tcase_set_timeout(tests, 120);
    if (!SANITIZED)
        tcase_add_test(tests, nelbo_reaches_the_entropy);
    tcase_add_test(tests, threads_change_no_bit);
    tcase_add_test(tests, resume_changes_no_bit);
    tcase_add_test(tests, a_checkpoint_that_is_not_finite_is_refused);
    if (!SANITIZED)
        tcase_add_test(tests, early_stopping_keeps_the_best);
    tcase_add_test(tests, divergence_is_reported);
    tcase_add_test(tests, weights_that_went_too_far_are_not_written);
    tcase_add_test(tests, files_that_could_not_be_written_are_owed);
    tcase_add_test(tests, options_out_of_range);
    tcase_add_test(tests, batches_fit_a_budget);
    tcase_add_test(tests, a_budget_for_less_than_a_sequence_is_refused);
    tcase_add_test(tests, options_come_back_filled_in);
    tcase_add_test(tests, learning_rate_schedule);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
