/* Calls of models and of what is made of them. */
#include "calls.h"

static flowbd3_status make_model(world *w) {
    flowbd3_model_options o = tiny_options();
    const char *texts[2];
    char text[TINY_PATH];
    EMPTY(flowbd3_model, w->models, at);
    o.d_model = odd_count(w, 4);
    o.n_heads = odd_count(w, 1);
    o.d_ff = odd_count(w, 4);
    o.sequence_length = fuzz_byte(&w->in) & 1 ? 4 : odd_count(w, 1);
    o.block_size = odd_count(w, fuzz_below(&w->in, 8));
    o.dropout = odd_number(w, 0.0);
    o.column_order = (flowbd3_column_order)fuzz_below(&w->in, 4);
    if (fuzz_seldom(&w->in))
        o.n_columns = names(w, texts, &o.columns);
    if (fuzz_seldom(&w->in))
        return flowbd3_model_load(SELDOM_NULL(at), SELDOM_NULL(w->context), path(w, text), ERR);
    /* Sizes of 0 are those of real models: too slow here. */
    if (o.d_model == 0 || ANY(w->tokenizers) == NULL)
        return FLOWBD3_OK;
    return flowbd3_model_create(SELDOM_NULL(at), ANY(w->tokenizers), &o, ERR);
}

static flowbd3_status make_tiny_model(world *w) {
    EMPTY(flowbd3_model, w->models, at);
    flowbd3_table *table = tiny_table(w->context, 0, TINY_ROWS);
    *at = tiny_model(table, fuzz_byte(&w->in) & 1);
    flowbd3_table_destroy(&table);
    return FLOWBD3_OK;
}

static flowbd3_status use_model(world *w) {
    const flowbd3_model *m = ANY(w->models);
    flowbd3_model_options o = tiny_options();
    double low = 0.0, high = 0.0;
    char text[TINY_PATH];
    if (m != NULL) {
        flowbd3_model_clip(m, &low, &high);
        check(low >= 0.0 && low <= high && high <= 1.0);
        check(flowbd3_model_condition_dropout(m) < 1.0 && flowbd3_model_parameters(m) > 0);
    }
    if (fuzz_byte(&w->in) & 1)
        return flowbd3_model_get_options(m, SELDOM_NULL(&o), ERR);
    return flowbd3_model_save(m, path(w, text), ERR);
}

/* ---- trainers ----------------------------------------------------------------------------------- */

static flowbd3_trainer_options training(world *w, char text[TINY_PATH]) {
    flowbd3_trainer_options o = FLOWBD3_TRAINER_OPTIONS_INIT;
    o.epochs = 1 + fuzz_below(&w->in, 2);
    o.batch_size = 8;
    o.learning_rate = odd_number(w, 1e-3);
    o.weight_decay = odd_number(w, 0.0);
    o.beta1 = odd_number(w, 0.0);
    o.epsilon = odd_number(w, 0.0);
    o.gradient_clip = odd_number(w, 0.0);
    o.final_learning_rate = odd_number(w, 0.0);
    o.ema_decay = odd_number(w, 0.0);
    o.warmup_steps = odd_count(w, 0);
    o.max_seconds = fuzz_seldom(&w->in) ? 1e-9 : 0.0;
    o.noise = (flowbd3_noise)(fuzz_below(&w->in, 9) % 4);
    o.schedule = (flowbd3_schedule)(o.noise == FLOWBD3_NOISE_LEVEL ? fuzz_below(&w->in, 6) : 0);
    o.clip_low = odd_number(w, 0.0);
    o.clip_high = odd_number(w, 0.0);
    o.clip_search = fuzz_seldom(&w->in);
    o.resample = fuzz_seldom(&w->in);
    o.validation_share = odd_number(w, 0.0);
    o.condition_dropout = odd_number(w, 0.0);
    o.memory_budget = odd_count(w, 0);
    tiny_path(text, "latest");
    o.latest_path = fuzz_seldom(&w->in) ? text : NULL;
    return o;
}

static flowbd3_status make_trainer(world *w) {
    char text[TINY_PATH];
    flowbd3_trainer_options o = training(w, text);
    EMPTY(flowbd3_trainer, w->trainers, at);
    if (fuzz_seldom(&w->in))
        return flowbd3_trainer_create_stream(SELDOM_NULL(at), ANY(w->models), ANY(w->streams),
                                             ANY(w->streams), &o, ERR);
    return flowbd3_trainer_create(SELDOM_NULL(at), ANY(w->models), ANY(w->tables), ANY(w->tables), &o, ERR);
}

static flowbd3_status use_trainer(world *w) {
    flowbd3_trainer *t = ANY(w->trainers);
    flowbd3_epoch epoch = FLOWBD3_EPOCH_INIT;
    flowbd3_trainer_options o = FLOWBD3_TRAINER_OPTIONS_INIT;
    char text[TINY_PATH];
    size_t epochs = flowbd3_trainer_epochs(t);
    (void)flowbd3_trainer_finished(t);
    switch (fuzz_below(&w->in, 8)) {
    case 0:
        return flowbd3_trainer_save(t, path(w, text), ERR);
    case 1:
        return flowbd3_trainer_resume(t, path(w, text), ERR);
    case 2:
        return flowbd3_trainer_get_options(t, SELDOM_NULL(&o), ERR);
    case 3:
        check(epochs == 0 || flowbd3_trainer_get_epoch(t, epochs - 1, &epoch, NULL) == FLOWBD3_OK);
        return flowbd3_trainer_get_epoch(t, epochs, &epoch, ERR);
    default:
        return flowbd3_trainer_run(t, progress_of(w), w, ERR);
    }
}

/* ---- samplers ----------------------------------------------------------------------------------- */

static flowbd3_status make_sampler(world *w) {
    static const char *const conditions[] = {"proto=tcp", "port missing", "pkts in [2,]", "x=1", ""};
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    const char *given[] = {conditions[fuzz_below(&w->in, 5)], SELDOM_NULL(conditions[fuzz_below(&w->in, 5)])};
    uint64_t bytes;
    o.steps = fuzz_below(&w->in, 4);
    o.temperature = odd_number(w, 0.0);
    o.top_p = odd_number(w, 0.0);
    o.batch_size = fuzz_below(&w->in, 3);
    o.decoding = (flowbd3_decoding)fuzz_below(&w->in, 3);
    o.order = (flowbd3_order)fuzz_below(&w->in, 11);
    o.threshold = odd_number(w, 0.0);
    o.remask = odd_number(w, 0.0);
    o.sequence_flows = fuzz_seldom(&w->in) ? fuzz_below(&w->in, 9) : 0;
    o.given = given;
    o.n_given = fuzz_below(&w->in, 6) % 3;
    o.rules = fuzz_seldom(&w->in) ? ANY(w->rules) : NULL;
    o.weighted = fuzz_seldom(&w->in) ? name(w) : NULL;
    o.attempts = 2;
    o.complete = fuzz_byte(&w->in) & 1;
    o.guidance = odd_number(w, 0.0);
    o.draws = (flowbd3_draws)fuzz_below(&w->in, 3);
    if (fuzz_seldom(&w->in))
        return flowbd3_sampler_memory(ANY(w->models), &o, SELDOM_NULL(&bytes), ERR);
    EMPTY(flowbd3_sampler, w->samplers, at);
    return flowbd3_sampler_create(SELDOM_NULL(at), ANY(w->models), &o, ERR);
}

static int take_two(void *user, const flowbd3_table *chunk) {
    check(flowbd3_table_rows(chunk) > 0);
    return ++*(int *)user > 2;
}

static flowbd3_status use_sampler(world *w) {
    int chunks = 0;
    EMPTY(flowbd3_table, w->tables, at);
    flowbd3_sampler *s = ANY(w->samplers);
    flowbd3_progress_function progress = progress_of(w);
    uint64_t flows, rows = odd_rows(w), position = flowbd3_sampler_position(s);
    if (rows >= 6 && rows < (uint64_t)1 << 63) { /* drawn until somebody cancels */
        progress = cancel;
        w->until_cancel &= 3;
    }
    (void)flowbd3_sampler_evaluations(s, SELDOM_NULL(&flows));
    switch (fuzz_below(&w->in, 8)) {
    case 0:
        return flowbd3_sampler_stream(s, rows % 9, SELDOM_NULL(take_two), &chunks, progress, w, ERR);
    case 1:
        return flowbd3_sampler_complete(s, ANY(w->tables), SELDOM_NULL(at), progress, w, ERR);
    case 2:
        flowbd3_sampler_seek(s, rows >= 6 && rows < (uint64_t)1 << 63 ? 5 : rows);
        return FLOWBD3_OK;
    default: {
        flowbd3_status status = flowbd3_sampler_generate(s, rows, SELDOM_NULL(at), progress, w, ERR);
        check(status != FLOWBD3_OK ||
              (flowbd3_table_rows(*at) == rows && flowbd3_sampler_position(s) == position + rows));
        return status;
    }
    }
}

/* ---- judgements --------------------------------------------------------------------------------- */

static flowbd3_status judge_by_model(world *w) {
    flowbd3_score_options o = FLOWBD3_SCORE_OPTIONS_INIT;
    flowbd3_calibration_options c = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    const char *texts[2], *more[2];
    const flowbd3_table *t = ANY(w->tables);
    double *nll = fuzz_memory((flowbd3_table_rows(t) + 1) * sizeof *nll);
    flowbd3_status status;
    o.method = (flowbd3_score_method)fuzz_below(&w->in, 3);
    o.draws = odd_count(w, 2) % 8;
    o.n_given = names(w, texts, &o.given);
    o.n_scored = names(w, more, &o.scored);
    o.per_sequence = fuzz_byte(&w->in) & 1;
    o.unseen = odd_number(w, 0.0);
    o.progress = c.progress = progress_of(w);
    o.progress_user = c.progress_user = w;
    c.bins = odd_count(w, 5);
    if (fuzz_byte(&w->in) & 1) {
        status = flowbd3_model_score(ANY(w->models), t, &o, SELDOM_NULL(nll), NULL, ERR);
    } else {
        EMPTY(flowbd3_calibration, w->calibrations, at);
        status = flowbd3_calibration_create(SELDOM_NULL(at), ANY(w->models), t, &c, ERR);
        (void)flowbd3_calibration_get(*at, fuzz_below(&w->in, 9),
                                      (flowbd3_calibration_figure)fuzz_below(&w->in, 9));
        (void)flowbd3_calibration_histogram(*at, fuzz_below(&w->in, 9), NULL);
    }
    free(nll);
    return status;
}

static flowbd3_status make_evaluator(world *w) {
    flowbd3_evaluator_options o = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    const char *texts[2];
    EMPTY(flowbd3_evaluator, w->evaluators, at);
    o.max_rows = fuzz_below(&w->in, 20);
    o.rules = ANY(w->rules);
    o.groups = fuzz_byte(&w->in) & 0x7b; /* without classifiers, which take seconds */
    o.groups = o.groups == 0 ? FLOWBD3_METRICS_MARGINALS : o.groups;
    o.bootstrap = fuzz_below(&w->in, 3);
    o.n_group_by = names(w, texts, &o.group_by);
    o.order_by = fuzz_byte(&w->in) & 1 ? name(w) : NULL;
    o.training = fuzz_seldom(&w->in) ? ANY(w->tables) : NULL;
    o.reference_authenticity = fuzz_below(&w->in, 3);
    return flowbd3_evaluator_create(SELDOM_NULL(at), SELDOM_NULL(w->context), ANY(w->tables),
                                    fuzz_byte(&w->in) & 1 ? ANY(w->tables) : NULL, &o, ERR);
}

static flowbd3_status use_evaluator(world *w) {
    static const char *const words[] = {"pearson",         "nmi", "alpha_precision",
                                        "summary.ks_mean", "",    "floor_beta_recall"};
    flowbd3_evaluator *e = ANY(w->evaluators);
    const char *word = SELDOM_NULL(words[fuzz_below(&w->in, 6)]);
    size_t n;
    double value;
    const size_t *columns;
    char *json = NULL;
    if (fuzz_byte(&w->in) & 1)
        return flowbd3_evaluator_run(e, ANY(w->tables), progress_of(w), w, ERR);
    (void)flowbd3_evaluator_get(e, word);
    (void)flowbd3_evaluator_matrix(e, word, (flowbd3_sample)fuzz_below(&w->in, 4), &n, &columns);
    (void)flowbd3_evaluator_curve(e, word, &n);
    (void)flowbd3_evaluator_violations(e, fuzz_below(&w->in, 4), (flowbd3_sample)fuzz_below(&w->in, 4), &n);
    for (size_t i = 0; i <= flowbd3_evaluator_count(e); i++)
        (void)flowbd3_evaluator_figure(e, i, &value);
    flowbd3_status status = flowbd3_evaluator_to_json(e, SELDOM_NULL(&json), ERR);
    flowbd3_string_destroy(w->context, &json);
    return status;
}

const call model_calls[] = {make_tiny_model, make_model,     use_model,      make_trainer,
                            use_trainer,     use_trainer,    make_sampler,   use_sampler,
                            use_sampler,     judge_by_model, make_evaluator, use_evaluator};
const size_t n_model_calls = sizeof model_calls / sizeof *model_calls;
