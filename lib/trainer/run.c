/* The training loop. */
#include "trainer/trainer.h"

#include <math.h>
#include <string.h>

static uint32_t epoch_number(const flowbd3_trainer *t) {
    return (uint32_t)(t->n_history + 1);
}

uint64_t fb3_trainer_done(const flowbd3_trainer *t) {
    return t->n_history * t->train.flows + t->state.flows;
}

/* Where the schedule is, in full batches; total: where it ends. */
static double schedule_step(const flowbd3_trainer *t) {
    return (double)t->n_history * (double)t->steps_per_epoch +
           (double)t->state.flows / (double)t->options.batch_size;
}

static double schedule_total(const flowbd3_trainer *t) {
    return (double)t->steps_per_epoch * t->options.epochs;
}

/* The learning rate of the step at hand, step steps on. Once validation gains nothing more the schedule is
 * left for a shorter cosine. */
static double learning_rate(const flowbd3_trainer *t, double step) {
    const struct fb3_training_state *s = &t->state;
    if (s->fading_from == 0)
        return fb3_learning_rate(&t->options, step, schedule_total(t));
    double begin = (double)s->fading_from * (double)t->steps_per_epoch;
    double share = (step - begin) / ((double)s->fading_for * (double)t->steps_per_epoch);
    return fb3_learning_rate(&t->options, begin, schedule_total(t)) *
           fb3_cosine_decay(share, t->options.final_learning_rate);
}

/* ---- one step ---------------------------------------------------------------------------------- */

static flowbd3_status train_step(flowbd3_trainer *t, flowbd3_error *err) {
    fb3_shuffle order = fb3_trainer_order(t, t->n_history);
    uint32_t step = (uint32_t)t->state.step;
    size_t position = (size_t)t->state.position;
    fb3_batch batch = fb3_trainer_batch(t, &t->train, &order, &position, &t->noise, FB3_RANDOM_MASK, step);
    double loss = fb3_network_gradient(t->network, t->parameters, &batch, t->gradient, t->options.seed, step);
    double norm = fb3_network_gradient_norm(t->network);
    if (!isfinite(loss) || !isfinite(norm))
        return fb3_fail(err, FLOWBD3_ERROR_NUMERIC,
                        "training diverged at step %u: the loss is %g, the gradient's norm %g; a smaller "
                        "learning_rate may help",
                        step + 1, loss, norm);
    fb3_optimiser_step(t, learning_rate(t, schedule_step(t)), norm);
    t->state.step_in_epoch++;
    t->state.position = position;
    t->state.flows += t->joint->flows;
    t->state.loss_sum += loss * (double)t->joint->flows;
    t->state.norm_sum += norm;
    return FLOWBD3_OK;
}

/* ---- the end of an epoch ----------------------------------------------------------------------- */

/* Seconds between two checkpoints of short epochs. */
enum { CHECKPOINT_SECONDS = 2 };

/* Weights of the last epoch, at a learning rate of nothing, are preferred to those of one whose bound is less
 * than this share better: what is generated is as good (docs/fidelity.md). */
static const double settled = 0.0025;

/* Keeps the epoch's weights when they are the best so far, or the last ones and as good. */
static void keep_best(flowbd3_trainer *t, double nelbo) {
    bool validates = t->validation.count > 0, better = !validates || nelbo < t->state.best_nelbo;
    t->state.stale = better ? 0 : t->state.stale + 1;
    if (!better && !(t->state.finished && nelbo < t->state.best_nelbo + settled * fabs(t->state.best_nelbo)))
        return;
    if (validates) {
        t->state.best_nelbo = nelbo;
        memcpy(t->best, t->model->parameters, t->model->layout->size * sizeof *t->best);
    }
    t->best_due = t->best_path != NULL;
}

/* Begins to take the learning rate down, over a quarter of the epochs so far, when the last `patience` of
 * them have gained nothing. */
static void begin_fading(flowbd3_trainer *t) {
    struct fb3_training_state *s = &t->state;
    if (s->finished || s->fading_from > 0 || t->validation.count == 0 || s->stale < t->options.patience)
        return;
    uint32_t done = (uint32_t)t->n_history, left = t->options.epochs - done;
    uint32_t quarter = done < 8 ? 2 : done / 4;
    s->fading_from = done;
    s->fading_for = quarter < left ? quarter : left;
}

void fb3_trainer_set_clip(flowbd3_trainer *t, double low, double high) {
    t->noise.clip_low = t->model->clip_low = low;
    t->noise.clip_high = t->model->clip_high = high;
}

/* Chooses the clip for the next epoch; the variance of a block's loss under it goes to epoch. */
static void choose_clip(flowbd3_trainer *t, const fb3_moments *moments, flowbd3_epoch *epoch) {
    fb3_clip clip = fb3_clip_evaluate(moments, &t->noise, t->noise.clip_low, t->noise.clip_high);
    if (t->options.clip_search != 0) {
        clip = fb3_clip_search(moments, &t->noise);
        if (isnan(clip.variance))
            fb3_log(t->context, FLOWBD3_LOG_WARNING,
                    "no block of %zu tokens among those that validate: clip_search has nothing to go by",
                    moments->tokens);
        fb3_trainer_set_clip(t, clip.low, clip.high);
    }
    epoch->loss_variance = clip.variance;
    epoch->unclipped_variance = fb3_clip_evaluate(moments, &t->noise, 0.0, 1.0).variance;
}

/* Whether the loss of a first batch is finite under the weights and under their average: what is finite
 * itself may be too large for the network, and a step sees that only of the weights it starts from. Nothing
 * is written that was not seen to hold. */
static flowbd3_status check_weights(flowbd3_trainer *t, flowbd3_error *err) {
    const fb3_noise unclipped = {.kind = FLOWBD3_NOISE_COUNT};
    const float *weights[] = {t->parameters, t->model->parameters};
    for (size_t i = 0; i < FB3_COUNT(weights) && (i == 0 || weights[i] != weights[0]); i++) {
        size_t position = 0;
        fb3_batch batch =
            fb3_trainer_batch(t, &t->train, NULL, &position, &unclipped, FB3_RANDOM_VALIDATION, 0);
        double loss = fb3_network_loss(t->network, weights[i], &batch);
        if (!isfinite(loss))
            return fb3_fail(
                err, FLOWBD3_ERROR_NUMERIC,
                "training diverged at step %llu: the loss is %g; a smaller learning_rate may help",
                (unsigned long long)t->state.step, loss);
    }
    return FLOWBD3_OK;
}

/* The model with the weights of the best epoch, which need not be those that it has. */
static flowbd3_status save_best(flowbd3_trainer *t, flowbd3_error *err) {
    float *current = t->model->parameters;
    if (t->best != NULL)
        t->model->parameters = t->best;
    flowbd3_status status = flowbd3_model_save(t->model, t->best_path, err);
    t->model->parameters = current;
    return status;
}

/* Writes what is due; what cannot be written stays due. The checkpoint comes last: from one that is there
 * nothing before it has to be written any more. */
static flowbd3_status write_files(flowbd3_trainer *t, flowbd3_error *err) {
    flowbd3_status status = t->best_due ? save_best(t, err) : FLOWBD3_OK;
    t->best_due = status != FLOWBD3_OK;
    if (status != FLOWBD3_OK || !t->latest_due)
        return status;
    status = flowbd3_trainer_save(t, t->latest_path, err);
    t->latest_due = status != FLOWBD3_OK;
    t->saved = fb3_seconds();
    return status;
}

static flowbd3_status end_epoch(flowbd3_trainer *t, fb3_reporter *reporter, double started,
                                flowbd3_error *err) {
    flowbd3_epoch epoch = {.epoch = epoch_number(t),
                           .step = t->state.step,
                           .train_loss = t->state.loss_sum / (double)t->train.flows,
                           .validation_nelbo = (double)NAN,
                           .learning_rate = learning_rate(t, schedule_step(t) - 1.0),
                           .gradient_norm = t->state.norm_sum / (double)t->state.step_in_epoch,
                           .loss_variance = (double)NAN,
                           .unclipped_variance = (double)NAN};
    if (t->validation.count > 0) {
        fb3_moments moments;
        if (!fb3_trainer_validate(t, reporter, &epoch.validation_nelbo, &moments))
            return fb3_fail(err, FLOWBD3_CANCELLED, "training was cancelled");
        if (!isfinite(epoch.validation_nelbo))
            return fb3_fail(err, FLOWBD3_ERROR_NUMERIC, "the validation NELBO of epoch %u is not finite",
                            epoch_number(t));
        choose_clip(t, &moments, &epoch);
    }
    flowbd3_status status = check_weights(t, err);
    if (status != FLOWBD3_OK)
        return status;
    epoch.clip_low = t->noise.clip_low;
    epoch.clip_high = t->noise.clip_high;
    epoch.seconds = t->state.seconds + fb3_seconds() - started;
    status = fb3_trainer_append_history(t, &epoch, err);
    if (status != FLOWBD3_OK)
        return status;
    t->state.step_in_epoch = t->state.position = t->state.flows = 0;
    t->state.loss_sum = t->state.norm_sum = t->state.seconds = 0.0;
    t->state.finished =
        t->n_history == t->options.epochs ||
        (t->state.fading_from > 0 && t->n_history >= t->state.fading_from + t->state.fading_for);
    keep_best(t, epoch.validation_nelbo);
    begin_fading(t);
    t->latest_due = t->latest_path != NULL &&
                    (t->latest_due || t->state.finished || fb3_seconds() - t->saved >= CHECKPOINT_SECONDS);
    fb3_log(t->context, FLOWBD3_LOG_INFO, "epoch %u: loss %.4f, validation NELBO %.4f nats per flow",
            epoch.epoch, epoch.train_loss, epoch.validation_nelbo);
    return write_files(t, err);
}

/* ---- the loop ---------------------------------------------------------------------------------- */

/* Steps and epochs until something ends the run; *cancelled when that is the caller. */
static flowbd3_status loop(flowbd3_trainer *t, fb3_reporter *reporter, bool *stopped, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    double started = fb3_seconds(), epoch_started = started;
    while (status == FLOWBD3_OK && !t->state.finished && !*stopped) {
        if (t->state.position == t->train.count) {
            status = end_epoch(t, reporter, epoch_started, err);
            epoch_started = fb3_seconds();
        } else {
            status = train_step(t, err);
            double mean = status == FLOWBD3_OK ? t->state.loss_sum / (double)t->state.flows : 0.0;
            if (status == FLOWBD3_OK && fb3_report(reporter, fb3_trainer_done(t), mean))
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
    if (trainer->state.finished) /* but what an earlier call could not write */
        return write_files(trainer, err);
    fb3_reporter reporter;
    fb3_reporter_start(&reporter, progress, progress_user, "train",
                       (uint64_t)trainer->train.flows * trainer->options.epochs);
    bool stopped = false;
    flowbd3_status status = loop(trainer, &reporter, &stopped, err);
    if ((status == FLOWBD3_CANCELLED || (status == FLOWBD3_OK && stopped && !trainer->state.finished)) &&
        trainer->latest_path != NULL) {
        flowbd3_status saved = check_weights(trainer, err);
        trainer->latest_due = saved == FLOWBD3_OK;
        if (saved == FLOWBD3_OK)
            saved = write_files(trainer, err);
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
