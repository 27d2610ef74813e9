/* Checkpoints: a model file that also holds the state of training. */
#include "trainer/trainer.h"

#include <math.h>
#include <string.h>

enum { CHECKPOINT_VERSION = 3, MOST_SLABS = 4 };

flowbd3_status fb3_trainer_append_history(flowbd3_trainer *trainer, const flowbd3_epoch *epoch,
                                          flowbd3_error *err) {
    flowbd3_epoch *history =
        fb3_reallocate(trainer->context, trainer->history, trainer->n_history + 1, sizeof *history);
    if (history == NULL)
        return fb3_no_memory(err, "the history of training");
    history[trainer->n_history++] = *epoch;
    trainer->history = history;
    return FLOWBD3_OK;
}

static size_t list_slabs(fb3_slab slabs[MOST_SLABS], const flowbd3_trainer *t) {
    size_t count = 0;
    slabs[count++] = (fb3_slab){"trainer.parameters.", t->parameters};
    slabs[count++] = (fb3_slab){"trainer.first_moment.", t->first_moment};
    slabs[count++] = (fb3_slab){"trainer.second_moment.", t->second_moment};
    if (t->best != NULL)
        slabs[count++] = (fb3_slab){"trainer.best.", t->best};
    return count;
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* JSON has no NaN and no infinity: null. */
static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

/* What must be the same for a run to continue: the rows, and the options that shape the steps. */
static json_t *describe_run(const flowbd3_trainer *t) {
    const flowbd3_trainer_options *o = &t->options;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:f, s:f, s:I, s:I, s:I, "
        "s:f, s:f, s:I, s:I, s:f, s:f}",
        "rows", (json_int_t)t->train.flows, "sequences", (json_int_t)t->train.count, "validation_rows",
        (json_int_t)t->validation.flows, "checksum", (json_int_t)t->checksum, "epochs", (json_int_t)o->epochs,
        "batch_size", (json_int_t)o->batch_size, "learning_rate", o->learning_rate, "weight_decay",
        o->weight_decay, "beta1", o->beta1, "beta2", o->beta2, "epsilon", o->epsilon, "gradient_clip",
        o->gradient_clip, "warmup_steps", (json_int_t)o->warmup_steps, "final_learning_rate",
        o->final_learning_rate, "ema_decay", o->ema_decay, "seed", (json_int_t)o->seed, "noise",
        (json_int_t)o->noise, "schedule", (json_int_t)o->schedule, "clip_low", o->clip_low, "clip_high",
        o->clip_high, "clip_search", (json_int_t)o->clip_search, "resample", (json_int_t)o->resample,
        "validation_share", o->validation_share, "condition_dropout", o->condition_dropout);
}

static json_t *history_to_json(const flowbd3_trainer *t) {
    json_t *history = json_array();
    for (size_t i = 0; history != NULL && i < t->n_history; i++) {
        const flowbd3_epoch *e = &t->history[i];
        json_t *row =
            json_pack("[I, f, o, f, f, f, f, f, o, o]", (json_int_t)e->step, e->train_loss,
                      number(e->validation_nelbo), e->learning_rate, e->gradient_norm, e->seconds,
                      e->clip_low, e->clip_high, number(e->loss_variance), number(e->unclipped_variance));
        if (row == NULL || json_array_append_new(history, row) != 0) {
            json_decref(history);
            return NULL;
        }
    }
    return history;
}

static json_t *state_to_json(const flowbd3_trainer *t) {
    const struct fb3_training_state *s = &t->state;
    return json_pack("{s:i, s:o, s:I, s:I, s:I, s:I, s:[f, f], s:f, s:f, s:f, s:o, s:I, s:I, s:I, s:b, s:o}",
                     "version", CHECKPOINT_VERSION, "run", describe_run(t), "step", (json_int_t)s->step,
                     "step_in_epoch", (json_int_t)s->step_in_epoch, "position", (json_int_t)s->position,
                     "flows", (json_int_t)s->flows, "clip", t->noise.clip_low, t->noise.clip_high, "loss_sum",
                     s->loss_sum, "norm_sum", s->norm_sum, "seconds", s->seconds, "best_nelbo",
                     number(s->best_nelbo), "stale", (json_int_t)s->stale, "fading_from",
                     (json_int_t)s->fading_from, "fading_for", (json_int_t)s->fading_for, "finished",
                     (int)s->finished, "history", history_to_json(t));
}

flowbd3_status flowbd3_trainer_save(const flowbd3_trainer *trainer, const char *path, flowbd3_error *err) {
    if (trainer == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_trainer_save: %s is NULL",
                        trainer == NULL ? "trainer" : "path");
    fb3_slab slabs[MOST_SLABS];
    size_t count = list_slabs(slabs, trainer);
    json_t *state = state_to_json(trainer);
    if (state == NULL)
        return fb3_no_memory(err, "the checkpoint");
    flowbd3_status status = fb3_model_write(trainer->model, path, state, slabs, count, err);
    json_decref(state);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static double number_or(const json_t *json, double otherwise) {
    return json_is_number(json) ? json_number_value(json) : otherwise;
}

static flowbd3_status history_from_json(flowbd3_trainer *t, const json_t *history, const char *path,
                                        flowbd3_error *err) {
    size_t i;
    json_t *row;
    json_array_foreach(history, i, row) {
        json_int_t step;
        json_t *nelbo, *variance, *unclipped;
        flowbd3_epoch e = {.epoch = (uint32_t)(i + 1)};
        if (json_unpack(row, "[I, F, o, F, F, F, F, F, o, o]", &step, &e.train_loss, &nelbo, &e.learning_rate,
                        &e.gradient_norm, &e.seconds, &e.clip_low, &e.clip_high, &variance, &unclipped) != 0)
            return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': training: malformed history", path);
        e.step = (uint64_t)step;
        e.validation_nelbo = number_or(nelbo, (double)NAN);
        e.loss_variance = number_or(variance, (double)NAN);
        e.unclipped_variance = number_or(unclipped, (double)NAN);
        flowbd3_status status = fb3_trainer_append_history(t, &e, err);
        if (status != FLOWBD3_OK)
            return status;
    }
    return FLOWBD3_OK;
}

/* The first thing in which the checkpoint's run differs from this one is named. */
static flowbd3_status check_same_run(const flowbd3_trainer *t, const json_t *run, const char *path,
                                     flowbd3_error *err) {
    json_t *here = describe_run(t), *value;
    const char *key;
    if (here == NULL)
        return fb3_no_memory(err, path);
    flowbd3_status status = FLOWBD3_OK;
    json_object_foreach(here, key, value) {
        const json_t *there = json_object_get(run, key);
        bool none = there == NULL && strcmp(key, "condition_dropout") == 0; /* in a file older than it */
        if (status != FLOWBD3_OK || (none ? json_number_value(value) == 0.0 : json_equal(value, there) == 1))
            continue;
        status = strcmp(key, "checksum") == 0
                     ? fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "'%s' was trained with other rows", path)
                     : fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "'%s' was trained with %s %.9g, here it is %.9g",
                                path, key, json_number_value(there), json_number_value(value));
    }
    json_decref(here);
    return status;
}

/* Whether the numbers of epochs, steps, sequences and flows are those of one moment of this run, which ends
 * with the last epoch. */
static bool agrees(const flowbd3_trainer *t, const struct fb3_training_state *s, size_t epochs) {
    if (epochs > t->options.epochs || (epochs == t->options.epochs && !s->finished) ||
        s->step < s->step_in_epoch || s->step_in_epoch > s->position || s->position > t->train.count ||
        (s->position > 0) != (s->step_in_epoch > 0) || s->step - s->step_in_epoch < epochs)
        return false;
    fb3_shuffle order = fb3_trainer_order(t, epochs);
    return fb3_set_flows(&t->train, &order, (size_t)s->position) == s->flows;
}

static flowbd3_status state_from_json(flowbd3_trainer *t, const json_t *json, const char *path,
                                      flowbd3_error *err) {
    struct fb3_training_state s = {0};
    json_int_t version, step, step_in_epoch, position, flows, stale, fading_from = 0, fading_for = 0;
    int finished;
    double low, high;
    json_t *best, *history, *run;
    json_error_t problem;
    json_t *state = (json_t *)(uintptr_t)json;
    if (json_unpack_ex(state, &problem, 0, "{s:I, s:o}", "version", &version, "run", &run) != 0)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': training: %s", path, problem.text);
    if (version != CHECKPOINT_VERSION)
        return fb3_fail(err, FLOWBD3_ERROR_VERSION, "'%s': checkpoint version %lld, expected %d", path,
                        (long long)version, CHECKPOINT_VERSION);
    if (json_unpack_ex(state, &problem, 0,
                       "{s:I, s:I, s:I, s:I, s:[F, F], s:F, s:F, s:F, s:o, s:I, s?I, s?I, s:b, s:o}", "step",
                       &step, "step_in_epoch", &step_in_epoch, "position", &position, "flows", &flows, "clip",
                       &low, &high, "loss_sum", &s.loss_sum, "norm_sum", &s.norm_sum, "seconds", &s.seconds,
                       "best_nelbo", &best, "stale", &stale, "fading_from", &fading_from, "fading_for",
                       &fading_for, "finished", &finished, "history", &history) != 0)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': training: %s", path, problem.text);
    flowbd3_status status = check_same_run(t, run, path, err);
    if (status != FLOWBD3_OK)
        return status;
    s.step = (uint64_t)step;
    s.step_in_epoch = (uint64_t)step_in_epoch;
    s.position = (uint64_t)position;
    s.flows = (uint64_t)flows;
    s.finished = finished != 0;
    if (step < 0 || step_in_epoch < 0 || position < 0 || flows < 0 || stale < 0 || stale > UINT32_MAX ||
        fading_from < 0 || fading_from > UINT32_MAX || fading_for < 0 || fading_for > UINT32_MAX ||
        (fading_from > 0) != (fading_for > 0) || !json_is_array(history) ||
        !agrees(t, &s, json_array_size(history)))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': training: the numbers of steps do not agree", path);
    if (!(low >= 0.0 && low <= high && high <= 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': training: clip is not two ascending shares", path);
    s.stale = (uint32_t)stale;
    s.fading_from = (uint32_t)fading_from;
    s.fading_for = (uint32_t)fading_for;
    s.best_nelbo = number_or(best, (double)INFINITY);
    status = history_from_json(t, history, path, err);
    t->state = s;
    fb3_trainer_set_clip(t, low, high);
    return status;
}

flowbd3_status flowbd3_trainer_resume(flowbd3_trainer *trainer, const char *path, flowbd3_error *err) {
    if (trainer == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_trainer_resume: %s is NULL",
                        trainer == NULL ? "trainer" : "path");
    if (trainer->state.step > 0)
        return fb3_fail(err, FLOWBD3_ERROR_STATE, "flowbd3_trainer_resume: training has begun");
    json_t *state;
    flowbd3_status status = fb3_model_read_training(trainer->model, path, &state, err);
    if (status == FLOWBD3_OK)
        status = state_from_json(trainer, state, path, err);
    json_decref(state);
    fb3_slab slabs[MOST_SLABS];
    size_t count = list_slabs(slabs, trainer);
    if (status == FLOWBD3_OK)
        status = fb3_model_read_slabs(trainer->model, path, slabs, count, err);
    if (status != FLOWBD3_OK) {
        trainer->state = (struct fb3_training_state){.best_nelbo = INFINITY};
        trainer->n_history = 0;
        fb3_trainer_set_clip(trainer, trainer->options.clip_low, trainer->options.clip_high);
        return status;
    }
    if (trainer->state.finished && trainer->best != NULL)
        memcpy(trainer->model->parameters, trainer->best,
               trainer->model->layout->size * sizeof *trainer->best);
    return FLOWBD3_OK;
}
