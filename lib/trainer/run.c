/* The training loop. */
#include "trainer/trainer.h"

#include <math.h>
#include <string.h>

/* ---- batches ----------------------------------------------------------------------------------- */

/* Draws the masks of the batch's blocks, one a sequence, and leaves the weight of each in scale[count]. */
static void draw_masks(flowbd3_trainer *t, size_t count, fb3_purpose purpose, uint32_t step) {
    size_t slots = t->model->config.slots;
    fb3_noise noise = {0};
    if (purpose == FB3_RANDOM_MASK)
        noise.kind = t->options.noise;
    for (size_t b = 0; b < count; b++)
        t->blocks[b] = (fb3_block){b * slots, slots};
    fb3_mask_blocks(t->masked, t->scale, t->blocks, count, &noise, 1.0f / (float)count, t->options.seed,
                    purpose, step);
    for (size_t b = 0; b < count; b++) {
        float weight = 0.0f;
        for (size_t i = b * slots; i < (b + 1) * slots; i++)
            weight = fmaxf(weight, t->scale[i]);
        t->scale[b] = weight;
    }
}

/* The batch of rows[count] of tokens (in their order when rows is NULL), from row first on, with fresh masks.
 */
static fb3_batch make_batch(flowbd3_trainer *t, const uint16_t *tokens, const size_t *rows, size_t first,
                            size_t count, fb3_purpose purpose, uint32_t step) {
    size_t slots = t->model->config.slots;
    for (size_t i = 0; i < count; i++)
        memcpy(t->targets + i * slots, tokens + (rows != NULL ? rows[first + i] : first + i) * slots,
               slots * sizeof *tokens);
    draw_masks(t, count, purpose, step);
    for (size_t i = 0; i < count * slots; i++)
        t->inputs[i] = t->masked[i] != 0 ? (uint16_t)t->model->vocabulary[i % slots] : t->targets[i];
    return (fb3_batch){.sequences = count,
                       .inputs = t->inputs,
                       .targets = t->targets,
                       .masked = t->masked,
                       .scale = t->scale};
}

static uint32_t epoch_number(const flowbd3_trainer *t) {
    return (uint32_t)(t->n_history + 1);
}

static void order_rows(flowbd3_trainer *t) {
    if (t->ordered_epoch == epoch_number(t))
        return;
    fb3_permutation(t->order, t->n_train, t->options.seed, FB3_RANDOM_SHUFFLE, epoch_number(t));
    t->ordered_epoch = epoch_number(t);
}

/* ---- one step ---------------------------------------------------------------------------------- */

static flowbd3_status train_step(flowbd3_trainer *t, flowbd3_error *err) {
    order_rows(t);
    size_t first = (size_t)t->state.step_in_epoch * t->options.batch_size, rest = t->n_train - first;
    uint32_t step = (uint32_t)t->state.step;
    fb3_batch batch =
        make_batch(t, t->train, t->order, first, rest < t->options.batch_size ? rest : t->options.batch_size,
                   FB3_RANDOM_MASK, step);
    double loss = fb3_network_gradient(t->network, t->parameters, &batch, t->gradient, t->options.seed, step);
    double norm = fb3_gradient_norm(t);
    if (!isfinite(loss) || !isfinite(norm))
        return fb3_fail(err, FLOWBD3_ERROR_NUMERIC,
                        "training diverged at step %u: the loss is %g, the gradient's norm %g; a smaller "
                        "learning_rate may help",
                        step + 1, loss, norm);
    double rate = fb3_learning_rate(&t->options, step, t->steps_per_epoch * t->options.epochs);
    fb3_optimiser_step(t, rate, norm);
    t->state.step_in_epoch++;
    t->state.loss_sum += loss;
    t->state.norm_sum += norm;
    return FLOWBD3_OK;
}

/* ---- the end of an epoch ----------------------------------------------------------------------- */

/* Rows that are validated at least, counting repeats, and seconds between two checkpoints of short epochs. */
enum { VALIDATION_DRAWS = 2048, CHECKPOINT_SECONDS = 2 };

/* NELBO of the validation rows with the averaged weights: the same masks every time, several per row when the
 * rows are few. */
static bool validate(flowbd3_trainer *t, fb3_reporter *reporter, double *nelbo) {
    size_t repeats = VALIDATION_DRAWS / t->n_validation;
    repeats = repeats < 1 ? 1 : repeats > 8 ? 8 : repeats;
    double sum = 0.0;
    uint32_t chunk = 0;
    for (size_t r = 0; r < repeats; r++)
        for (size_t first = 0; first < t->n_validation; first += t->options.batch_size, chunk++) {
            size_t rest = t->n_validation - first;
            size_t count = rest < t->options.batch_size ? rest : t->options.batch_size;
            fb3_batch batch = make_batch(t, t->validation, NULL, first, count, FB3_RANDOM_VALIDATION, chunk);
            sum += (double)count * fb3_network_loss(t->network, t->model->parameters, &batch);
            if (fb3_report(reporter, t->state.step, (double)NAN))
                return false;
        }
    *nelbo = sum / (double)(repeats * t->n_validation);
    return true;
}

/* Keeps the epoch's weights when they are the best so far. */
static flowbd3_status keep_best(flowbd3_trainer *t, double nelbo, flowbd3_error *err) {
    bool better = t->n_validation == 0 || nelbo < t->state.best_nelbo;
    if (!better) {
        t->state.stale++;
        return FLOWBD3_OK;
    }
    t->state.stale = 0;
    if (t->n_validation > 0) {
        t->state.best_nelbo = nelbo;
        memcpy(t->best, t->model->parameters, t->model->layout->size * sizeof *t->best);
    }
    return t->best_path != NULL ? flowbd3_model_save(t->model, t->best_path, err) : FLOWBD3_OK;
}

static flowbd3_status end_epoch(flowbd3_trainer *t, fb3_reporter *reporter, double started,
                                flowbd3_error *err) {
    double nelbo = (double)NAN, steps = (double)t->steps_per_epoch;
    fb3_trainer_publish(t);
    if (t->n_validation > 0 && !validate(t, reporter, &nelbo))
        return fb3_fail(err, FLOWBD3_CANCELLED, "training was cancelled");
    if (t->n_validation > 0 && !isfinite(nelbo))
        return fb3_fail(err, FLOWBD3_ERROR_NUMERIC, "the validation NELBO of epoch %u is not finite",
                        epoch_number(t));
    flowbd3_epoch epoch = {.epoch = epoch_number(t),
                           .step = t->state.step,
                           .train_loss = t->state.loss_sum / steps,
                           .validation_nelbo = nelbo,
                           .learning_rate = fb3_learning_rate(&t->options, t->state.step - 1,
                                                              t->steps_per_epoch * t->options.epochs),
                           .gradient_norm = t->state.norm_sum / steps,
                           .seconds = t->state.seconds + fb3_seconds() - started};
    flowbd3_status status = fb3_trainer_append_history(t, &epoch, err);
    if (status != FLOWBD3_OK)
        return status;
    t->state.step_in_epoch = 0;
    t->state.loss_sum = t->state.norm_sum = t->state.seconds = 0.0;
    status = keep_best(t, nelbo, err);
    t->state.finished =
        t->n_history == t->options.epochs ||
        (t->options.patience > 0 && t->n_validation > 0 && t->state.stale >= t->options.patience);
    bool due = t->state.finished || fb3_seconds() - t->saved >= CHECKPOINT_SECONDS;
    if (status == FLOWBD3_OK && t->latest_path != NULL && due) {
        status = flowbd3_trainer_save(t, t->latest_path, err);
        t->saved = fb3_seconds();
    }
    fb3_log(t->context, FLOWBD3_LOG_INFO, "epoch %u: loss %.4f, validation NELBO %.4f nats per flow",
            epoch.epoch, epoch.train_loss, epoch.validation_nelbo);
    return status;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

/* Steps and epochs until something ends the run; *cancelled when that is the caller. */
static flowbd3_status loop(flowbd3_trainer *t, fb3_reporter *reporter, bool *stopped, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    double started = fb3_seconds(), epoch_started = started;
    while (status == FLOWBD3_OK && !t->state.finished && !*stopped) {
        if (t->state.step_in_epoch == t->steps_per_epoch) {
            status = end_epoch(t, reporter, epoch_started, err);
            epoch_started = fb3_seconds();
        } else {
            status = train_step(t, err);
            double mean = status == FLOWBD3_OK ? t->state.loss_sum / (double)t->state.step_in_epoch : 0.0;
            if (status == FLOWBD3_OK && fb3_report(reporter, t->state.step, mean))
                status = fb3_fail(err, FLOWBD3_CANCELLED, "training was cancelled");
        }
        *stopped = t->options.max_seconds > 0.0 && fb3_seconds() - started >= t->options.max_seconds;
    }
    t->state.seconds += fb3_seconds() - epoch_started;
    return status;
}

flowbd3_status flowbd3_trainer_run(flowbd3_trainer *trainer, flowbd3_progress_function progress,
                                   void *progress_user, flowbd3_error *err) {
    if (trainer == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_trainer_run: trainer is NULL");
    if (trainer->state.finished)
        return FLOWBD3_OK;
    fb3_reporter reporter;
    fb3_reporter_start(&reporter, progress, progress_user, "train",
                       trainer->steps_per_epoch * trainer->options.epochs);
    bool stopped = false;
    flowbd3_status status = loop(trainer, &reporter, &stopped, err);
    fb3_trainer_publish(trainer);
    if ((status == FLOWBD3_CANCELLED || (status == FLOWBD3_OK && stopped && !trainer->state.finished)) &&
        trainer->latest_path != NULL) {
        flowbd3_status saved = flowbd3_trainer_save(trainer, trainer->latest_path, err);
        if (saved != FLOWBD3_OK)
            status = saved;
    }
    bool ended =
        trainer->state.finished || (status == FLOWBD3_ERROR_NUMERIC && isfinite(trainer->state.best_nelbo));
    if (ended && trainer->best != NULL)
        memcpy(trainer->model->parameters, trainer->best,
               trainer->model->layout->size * sizeof *trainer->best);
    return status;
}
