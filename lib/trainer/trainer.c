/* Trainer: options, memory, life. */
#include "trainer/trainer.h"

#include <math.h>
#include <string.h>

flowbd3_status flowbd3_trainer_options_init(flowbd3_trainer_options *options, size_t size) {
    return fb3_options_init(options, size);
}

/* ---- options ----------------------------------------------------------------------------------- */

static void default_to(double *option, double value) {
    if (*option == 0.0)
        *option = value;
}

static flowbd3_status check_range(const char *name, double value, double least, double below,
                                  flowbd3_error *err) {
    if (value >= least && value < below)
        return FLOWBD3_OK;
    return least > -1e299
               ? fb3_fail(err, FLOWBD3_ERROR_RANGE, "%s is %g, expected at least %g and below %g", name,
                          value, least, below)
               : fb3_fail(err, FLOWBD3_ERROR_RANGE, "%s is %g, expected below %g", name, value, below);
}

/* The clip and what belongs to noise levels alone. */
static flowbd3_status check_noise(flowbd3_trainer_options *o, flowbd3_error *err) {
    if (o->clip_high == 0.0)
        o->clip_high = 1.0;
    bool all_masked = o->clip_low == 1.0 && o->clip_high == 1.0;
    if (!all_masked && !(o->clip_low >= 0.0 && o->clip_low < o->clip_high && o->clip_high <= 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                        "clip_low is %g and clip_high %g, expected 0 <= clip_low < clip_high <= 1, or both 1",
                        o->clip_low, o->clip_high);
    bool levels = o->noise == FLOWBD3_NOISE_LEVEL;
    if (!levels && (o->schedule != FLOWBD3_SCHEDULE_LINEAR || o->resample != 0))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s needs noise levels, but noise is a count",
                        o->resample != 0 ? "resample" : "schedule");
    return FLOWBD3_OK;
}

static flowbd3_status check_options(flowbd3_trainer_options *o, flowbd3_error *err) {
    if (o->batch_size == 0)
        o->batch_size = 64;
    default_to(&o->weight_decay, 0.01);
    default_to(&o->beta1, 0.9);
    default_to(&o->beta2, 0.999);
    default_to(&o->epsilon, 1e-8);
    default_to(&o->gradient_clip, 1.0);
    default_to(&o->ema_decay, 0.999);
    const struct {
        const char *name;
        double value, least, below;
    } ranges[] = {{"epochs", o->epochs, 0, 1e6},
                  {"batch_size", o->batch_size, 1, 65537},
                  {"learning_rate", o->learning_rate, 0, 10},
                  {"weight_decay", o->weight_decay, -1e300, 10},
                  {"beta1", o->beta1, 0, 1},
                  {"beta2", o->beta2, 0, 1},
                  {"epsilon", o->epsilon, 1e-30, 1},
                  {"gradient_clip", o->gradient_clip, -1e300, 1e300},
                  {"final_learning_rate", o->final_learning_rate, 0, 1},
                  {"ema_decay", o->ema_decay, -1e300, 1},
                  {"max_seconds", o->max_seconds, 0, 1e12},
                  {"noise", (int)o->noise, 0, 2},
                  {"schedule", (int)o->schedule, 0, 5},
                  {"clip_search", o->clip_search, 0, 2},
                  {"resample", o->resample, 0, 2},
                  {"validation_share", o->validation_share, 0, 1},
                  {"condition_dropout", o->condition_dropout, 0, 1}};
    for (size_t i = 0; i < FB3_COUNT(ranges); i++) {
        flowbd3_status status =
            check_range(ranges[i].name, ranges[i].value, ranges[i].least, ranges[i].below, err);
        if (status != FLOWBD3_OK)
            return status;
    }
    return check_noise(o, err);
}

/* Passes over a table of so many flows, after which a network of the default sizes has learned what it will;
 * no more for small ones, whose rows it then knows by heart (docs/fidelity.md). */
static uint32_t choose_epochs(size_t flows) {
    enum { FLOWS = 450000, LEAST = 1, MOST = 32 };
    size_t epochs = FLOWS / flows;
    return epochs < LEAST ? LEAST : epochs > MOST ? MOST : (uint32_t)epochs;
}

/* What depends on the table and the model. */
static void choose_defaults(flowbd3_trainer *t) {
    flowbd3_trainer_options *o = &t->options;
    if (o->epochs == 0)
        o->epochs = choose_epochs(t->train.flows);
    if (o->learning_rate == 0.0)
        o->learning_rate = fmin(0.128 / t->model->options.d_model, 1.5e-3);
    if (o->patience == 0)
        o->patience = t->validation.count == 0 ? UINT32_MAX : o->epochs < 32 ? 4 : o->epochs / 8;
}

static flowbd3_status set_schedule(flowbd3_trainer *t, flowbd3_error *err) {
    t->steps_per_epoch = (t->train.flows + t->options.batch_size - 1) / t->options.batch_size;
    uint64_t total = t->steps_per_epoch * t->options.epochs;
    if ((uint64_t)t->train.count * t->options.epochs > UINT32_MAX)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "%u epochs of %zu sequences may be more than 2^32 steps",
                        t->options.epochs, t->train.count);
    if (t->options.warmup_steps == 0) {
        uint64_t share = total / 20;
        t->options.warmup_steps = share < 1 ? 1 : share > 1000 ? 1000 : (uint32_t)share;
    }
    return FLOWBD3_OK;
}

/* ---- memory ------------------------------------------------------------------------------------ */

static bool allocate(flowbd3_trainer *t) {
    flowbd3_context *context = t->context;
    const fb3_layout *layout = t->model->layout;
    t->parameters =
        t->options.ema_decay > 0.0 ? fb3_allocate_floats(context, layout->size) : t->model->parameters;
    t->gradient = fb3_allocate_floats(context, layout->size);
    t->first_moment = fb3_allocate_floats(context, layout->size);
    t->second_moment = fb3_allocate_floats(context, layout->size);
    if (t->validation.count > 0)
        t->best = fb3_allocate_floats(context, layout->size);
    const fb3_blocking *blocking = &t->model->blocking;
    bool ordered = fb3_model_has_order(t->model);
    if (ordered)
        t->columns = fb3_allocate(context, blocking->length * blocking->slots, sizeof *t->columns);
    bool dropped = t->options.condition_dropout > 0.0;
    if (dropped)
        t->known = fb3_allocate(context, blocking->length * blocking->slots, sizeof *t->known);
    return t->parameters != NULL && t->gradient != NULL && t->first_moment != NULL &&
           t->second_moment != NULL && (t->best != NULL || t->validation.count == 0) &&
           (t->columns != NULL || !ordered) && (t->known != NULL || !dropped);
}

/* Tokens that go through the network at a time when nothing limits its memory: more do not make it faster. */
enum { PART_TOKENS = 4096 };

/* Bytes of the trainer with a network of those limits. */
static flowbd3_status count_bytes(const flowbd3_trainer *t, const fb3_limits *limits, uint64_t *bytes,
                                  flowbd3_error *err) {
    const flowbd3_model *model = t->model;
    flowbd3_status status =
        fb3_network_bytes(bytes, t->context, &model->config, model->layout, limits, true, err);
    size_t slabs = 4 + (size_t)(t->parameters != model->parameters) + (size_t)(t->best != NULL);
    *bytes += slabs * model->layout->size * sizeof(float) +
              (t->train.flows + t->validation.flows) * model->config.slots * sizeof(uint16_t);
    return status;
}

/* What goes through the network at a time, in a step of flows flows. */
static flowbd3_status choose_part(const flowbd3_trainer *t, size_t flows, fb3_limits *limits,
                                  flowbd3_error *err) {
    const fb3_blocking *b = &t->model->blocking;
    uint64_t budget = t->options.memory_budget, bytes;
    size_t part = flows;
    for (;; part = part / 2 > b->length ? part / 2 : b->length) {
        *limits = fb3_joint_limits(b, part, part);
        flowbd3_status status = count_bytes(t, limits, &bytes, err);
        if (status != FLOWBD3_OK)
            return status;
        if (budget > 0 ? bytes <= budget : limits->rows <= PART_TOKENS || part == b->length)
            return FLOWBD3_OK;
        if (part == b->length)
            return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                            "memory_budget is %llu bytes, but training takes %llu even sequence by sequence",
                            (unsigned long long)budget, (unsigned long long)bytes);
    }
}

/* The network and its batches, of the flows of one step or of one sequence. */
static flowbd3_status make_network(flowbd3_trainer *t, flowbd3_error *err) {
    const fb3_blocking *blocking = &t->model->blocking;
    size_t flows = t->options.batch_size > blocking->length ? t->options.batch_size : blocking->length;
    fb3_limits limits;
    flowbd3_status chosen = choose_part(t, flows, &limits, err);
    if (chosen != FLOWBD3_OK)
        return chosen;
    flowbd3_status status = fb3_joint_create(&t->joint, t->context, blocking, flows, flows, err);
    if (status == FLOWBD3_OK)
        status = fb3_network_create(&t->network, t->context, &t->model->config, t->model->layout, &limits,
                                    true, err);
    return status;
}

static flowbd3_status copy_path(char **copy, const char *path, flowbd3_context *context, flowbd3_error *err) {
    if (path == NULL)
        return FLOWBD3_OK;
    *copy = fb3_duplicate(context, path);
    return *copy != NULL ? FLOWBD3_OK : fb3_no_memory(err, "a path");
}

static flowbd3_status set_up(flowbd3_trainer *t, const fb3_rows *train, const fb3_rows *validation,
                             flowbd3_error *err) {
    flowbd3_status status = copy_path(&t->best_path, t->options.best_path, t->context, err);
    if (status == FLOWBD3_OK)
        status = copy_path(&t->latest_path, t->options.latest_path, t->context, err);
    t->options.best_path = t->options.latest_path = NULL;
    if (status == FLOWBD3_OK)
        status = fb3_trainer_take_rows(t, train, validation, err);
    if (status == FLOWBD3_OK) {
        choose_defaults(t);
        status = set_schedule(t, err);
    }
    if (status == FLOWBD3_OK && !allocate(t))
        status = fb3_no_memory(err, "the trainer");
    if (status == FLOWBD3_OK)
        status = make_network(t, err);
    if (status == FLOWBD3_OK && t->parameters != t->model->parameters)
        memcpy(t->parameters, t->model->parameters, t->model->layout->size * sizeof *t->parameters);
    if (status != FLOWBD3_OK)
        return status;
    t->noise = (fb3_noise){
        .kind = t->options.noise, .schedule = t->options.schedule, .resample = t->options.resample != 0};
    fb3_trainer_set_clip(t, t->options.clip_low, t->options.clip_high);
    t->model->condition_dropout = t->options.condition_dropout;
    t->state.best_nelbo = INFINITY;
    return FLOWBD3_OK;
}

static flowbd3_status check_validation(const flowbd3_trainer_options *o, const fb3_rows *validation,
                                       flowbd3_error *err) {
    bool rows = fb3_rows_are_there(validation);
    if (rows && o->validation_share > 0.0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "validation_share is %g, but there is a validation %s",
                        o->validation_share, validation->stream != NULL ? "stream" : "table");
    if (rows || o->validation_share > 0.0 ||
        ((o->patience == 0 || o->patience == UINT32_MAX) && o->clip_search == 0))
        return FLOWBD3_OK;
    return o->patience > 0 && o->patience != UINT32_MAX
               ? fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "patience is %u without validation rows to judge by",
                          o->patience)
               : fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                          "clip_search is 1 without validation rows to judge by");
}

/* ---- life -------------------------------------------------------------------------------------- */

static flowbd3_status create(flowbd3_trainer **out, flowbd3_model *model, const fb3_rows *train,
                             const fb3_rows *validation, const flowbd3_trainer_options *options,
                             flowbd3_error *err) {
    flowbd3_trainer_options o;
    flowbd3_status status = fb3_options_copy(&o, sizeof o, options, "flowbd3_trainer_options", err);
    if (status == FLOWBD3_OK)
        status = check_options(&o, err);
    if (status != FLOWBD3_OK)
        return status;
    status = check_validation(&o, validation, err);
    if (status == FLOWBD3_OK)
        status = fb3_condition_dropout_check(&o, model, err);
    if (status != FLOWBD3_OK)
        return status;
    if (!fb3_rows_are_there(train))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the training table has no rows");
    flowbd3_trainer *trainer = fb3_allocate_zero(model->context, 1, sizeof *trainer);
    if (trainer == NULL)
        return fb3_no_memory(err, "a trainer");
    trainer->context = fb3_context_retain(model->context);
    trainer->model = fb3_model_retain(model);
    trainer->options = o;
    status = set_up(trainer, train, validation, err);
    if (status != FLOWBD3_OK)
        flowbd3_trainer_destroy(&trainer);
    *out = trainer;
    return status;
}

flowbd3_status flowbd3_trainer_create(flowbd3_trainer **out, flowbd3_model *model, const flowbd3_table *train,
                                      const flowbd3_table *validation, const flowbd3_trainer_options *options,
                                      flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || model == NULL || train == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_trainer_create: %s is NULL",
                        out == NULL     ? "out"
                        : model == NULL ? "model"
                                        : "train");
    return create(out, model, &(fb3_rows){.table = train}, &(fb3_rows){.table = validation}, options, err);
}

flowbd3_status flowbd3_trainer_create_stream(flowbd3_trainer **out, flowbd3_model *model,
                                             flowbd3_table_stream *train, flowbd3_table_stream *validation,
                                             const flowbd3_trainer_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || model == NULL || train == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_trainer_create_stream: %s is NULL",
                        out == NULL     ? "out"
                        : model == NULL ? "model"
                                        : "train");
    if (validation == train)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_trainer_create_stream: validation is train, which is read once");
    return create(out, model, &(fb3_rows){.stream = train}, &(fb3_rows){.stream = validation}, options, err);
}

void flowbd3_trainer_destroy(flowbd3_trainer **trainer) {
    if (trainer == NULL || *trainer == NULL)
        return;
    flowbd3_trainer *t = *trainer;
    flowbd3_context *context = t->context;
    *trainer = NULL;
    fb3_network_destroy(&t->network);
    float *own = t->parameters != t->model->parameters ? t->parameters : NULL;
    float *const slabs[] = {own, t->gradient, t->first_moment, t->second_moment, t->best};
    for (size_t i = 0; i < FB3_COUNT(slabs); i++)
        fb3_release_floats(context, slabs[i]);
    fb3_joint_destroy(&t->joint);
    fb3_trainer_release_data(t);
    void *const arrays[] = {t->best_path, t->latest_path, t->columns, t->known, t->history};
    for (size_t i = 0; i < FB3_COUNT(arrays); i++)
        fb3_release(context, arrays[i]);
    flowbd3_model_destroy(&t->model);
    fb3_release(context, t);
    flowbd3_context_destroy(&context);
}

flowbd3_status flowbd3_trainer_get_options(const flowbd3_trainer *trainer, flowbd3_trainer_options *options,
                                           flowbd3_error *err) {
    flowbd3_trainer_options all;
    if (trainer != NULL) {
        all = trainer->options;
        all.best_path = trainer->best_path;
        all.latest_path = trainer->latest_path;
    }
    if (trainer == NULL || options == NULL || !fb3_options_give(options, &all, sizeof all))
        return fb3_fail(
            err, FLOWBD3_ERROR_ARGUMENT,
            "flowbd3_trainer_get_options: expected a trainer and options with their struct_size set");
    return FLOWBD3_OK;
}

int flowbd3_trainer_finished(const flowbd3_trainer *trainer) {
    return trainer != NULL && trainer->state.finished;
}

size_t flowbd3_trainer_epochs(const flowbd3_trainer *trainer) {
    return trainer != NULL ? trainer->n_history : 0;
}

flowbd3_status flowbd3_trainer_get_epoch(const flowbd3_trainer *trainer, size_t i, flowbd3_epoch *epoch,
                                         flowbd3_error *err) {
    if (trainer != NULL && i >= trainer->n_history)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "epoch %zu is not among the %zu finished ones", i,
                        trainer->n_history);
    if (trainer == NULL || epoch == NULL || !fb3_options_give(epoch, &trainer->history[i], sizeof *epoch))
        return fb3_fail(
            err, FLOWBD3_ERROR_ARGUMENT,
            "flowbd3_trainer_get_epoch: expected a trainer and an epoch with its struct_size set");
    return FLOWBD3_OK;
}
