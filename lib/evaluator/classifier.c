/* Classifier two-sample tests (Lopez-Paz and Oquab 2017): can a classifier tell rows of one table from those
 * of the other? Cross-validated, so that what it learned by heart does not count. */
#include "classifier.h"

/* ---- pairs in order --------------------------------------------------------------------------------- */

bool fb3_order_pairs(double *ordered, double *pairs, flowbd3_context *context, const double *scores,
                     const bool *labels, size_t n) {
    double *sorted = fb3_allocate(context, n, sizeof *sorted);
    uint32_t *order = fb3_allocate(context, n, sizeof *order);
    size_t present = 0;
    bool whole =
        sorted != NULL && order != NULL && fb3_sort_cells(context, scores, n, sorted, order, &present);
    double below = 0.0, with = 0.0; /* rows without the label that have been passed, and those with it */
    for (size_t first = 0, end; whole && first < present; first = end) {
        size_t positive = 0;
        for (end = first; end < present && sorted[end] == sorted[first]; end++)
            positive += labels[order[end]];
        double negative = (double)(end - first - positive);
        *ordered += (double)positive * (below + 0.5 * negative);
        below += negative;
        with += (double)positive;
    }
    *pairs += with * below;
    fb3_release(context, sorted);
    fb3_release(context, order);
    return whole;
}

/* ---- folds ------------------------------------------------------------------------------------------ */

typedef struct test {
    flowbd3_context *context;
    const fb3_pooled *pooled;
    const fb3_design *design; /* NULL: boosted trees */
    double *scores;           /* [pooled->rows], or NULL */
    uint64_t seed;
    size_t first; /* the first fold of those that run */
    struct outcome {
        double ordered, pairs;
        flowbd3_status status;
        flowbd3_error err;
    } folds[FB3_FOLDS];
} test;

/* Rows of the other folds, then those of this one. */
static bool split_at(fb3_split *split, double **y, flowbd3_context *context, const fb3_pooled *pooled,
                     uint8_t fold) {
    split->rows = fb3_allocate(context, pooled->rows, sizeof *split->rows);
    *y = fb3_allocate(context, pooled->rows, sizeof **y);
    if (split->rows == NULL || *y == NULL)
        return false;
    split->n_train = split->n_test = 0;
    for (size_t i = 0; i < pooled->rows; i++)
        if (pooled->fold[i] != fold) {
            (*y)[split->n_train] = pooled->other[i] ? 1.0 : 0.0;
            split->rows[split->n_train++] = (uint32_t)i;
        }
    for (size_t i = 0; i < pooled->rows; i++)
        if (pooled->fold[i] == fold)
            split->rows[split->n_train + split->n_test++] = (uint32_t)i;
    return true;
}

static bool linear_scores(double *scores, flowbd3_context *context, const fb3_design *design,
                          const fb3_split *split, const double *y) {
    double *weights = fb3_allocate(context, design->width, sizeof *weights);
    bool whole = weights != NULL &&
                 fb3_linear_fit(weights, context, design, split->rows, split->n_train, y, FB3_LOSS_LOGISTIC);
    for (size_t i = 0; whole && i < split->n_test; i++)
        scores[i] = fb3_linear_score(design, weights, split->rows[split->n_train + i]);
    fb3_release(context, weights);
    return whole;
}

static flowbd3_status score_fold(struct outcome *outcome, const test *t, const fb3_split *split,
                                 const double *y) {
    flowbd3_status status = FLOWBD3_OK;
    double *scores = fb3_allocate(t->context, split->n_test, sizeof *scores);
    bool *labels = fb3_allocate(t->context, split->n_test, sizeof *labels);
    bool whole = scores != NULL && labels != NULL;
    if (whole && t->design != NULL)
        whole = linear_scores(scores, t->context, t->design, split, y);
    else if (whole)
        status = fb3_boosted_scores(scores, t->context, t->pooled, SIZE_MAX, split, y, FB3_OBJECTIVE_PAIR, 1,
                                    t->seed, &outcome->err);
    for (size_t i = 0; whole && t->scores != NULL && i < split->n_test; i++)
        t->scores[split->rows[split->n_train + i]] = scores[i];
    for (size_t i = 0; whole && i < split->n_test; i++)
        labels[i] = t->pooled->other[split->rows[split->n_train + i]];
    if (whole && status == FLOWBD3_OK)
        whole =
            fb3_order_pairs(&outcome->ordered, &outcome->pairs, t->context, scores, labels, split->n_test);
    fb3_release(t->context, scores);
    fb3_release(t->context, labels);
    return whole ? status : fb3_no_memory(&outcome->err, "a classifier");
}

/* A fold without a row, or that has all of them, has nothing to say. */
static void run_fold(void *argument, size_t i, unsigned worker) {
    (void)worker;
    test *t = argument;
    struct outcome *outcome = &t->folds[t->first + i];
    fb3_split split = {.rows = NULL};
    double *y = NULL;
    *outcome = (struct outcome){.status = FLOWBD3_OK};
    if (!split_at(&split, &y, t->context, t->pooled, (uint8_t)(t->first + i)))
        outcome->status = fb3_no_memory(&outcome->err, "a classifier");
    else if (split.n_train > 0 && split.n_test > 0)
        outcome->status = score_fold(outcome, t, &split, y);
    fb3_release(t->context, split.rows);
    fb3_release(t->context, y);
}

/* As many folds at a time as there are threads, so that a cancel is not kept waiting. */
flowbd3_status fb3_two_sample_test(double *auc, double *scores, fb3_work *work, const fb3_pooled *pooled,
                                   const fb3_design *design, uint64_t seed, flowbd3_error *err) {
    test t = {.context = work->context, .pooled = pooled, .design = design, .scores = scores, .seed = seed};
    for (size_t i = 0; scores != NULL && i < pooled->rows; i++)
        scores[i] = NAN;
    size_t threads = flowbd3_context_threads(work->context);
    double ordered = 0.0, pairs = 0.0;
    for (; t.first < FB3_FOLDS; t.first += threads) {
        size_t n = FB3_FOLDS - t.first < threads ? FB3_FOLDS - t.first : threads;
        if (!fb3_work_run(work, n, run_fold, &t))
            return fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    }
    for (size_t f = 0; f < FB3_FOLDS; f++) {
        if (t.folds[f].status != FLOWBD3_OK)
            return fb3_fail(err, t.folds[f].status, "%s", t.folds[f].err.message);
        ordered += t.folds[f].ordered;
        pairs += t.folds[f].pairs;
    }
    *auc = pairs > 0.0 ? ordered / pairs : NAN;
    return FLOWBD3_OK;
}

/* Writes both figures, and keeps their outcomes where these are wanted. */
static flowbd3_status test_figures(fb3_comparison *comparison, const size_t figures[2], fb3_work *work,
                                   const fb3_pooled *pooled, const fb3_design *design, uint64_t seed,
                                   flowbd3_error *err) {
    double auc = NAN, *scores = NULL;
    if (comparison->keeps) {
        scores = fb3_allocate(work->context, pooled->rows, sizeof *scores);
        if (scores == NULL)
            return fb3_no_memory(err, "scores of rows");
    }
    flowbd3_status status = fb3_two_sample_test(&auc, scores, work, pooled, design, seed, err);
    if (status == FLOWBD3_OK && scores != NULL &&
        !fb3_keep_pairs(&comparison->outcomes, work->context, figures, scores, pooled->other, pooled->fold,
                        pooled->rows))
        status = fb3_no_memory(err, "outcomes of rows");
    for (size_t k = 0; k < 2; k++)
        fb3_figure_put(&comparison->summary, figures[k], auc);
    fb3_release(work->context, scores);
    return status;
}

static flowbd3_status two_sample_tests(fb3_comparison *comparison, fb3_work *work, const fb3_pooled *pooled,
                                       uint64_t seed, flowbd3_error *err) {
    fb3_design design;
    if (!fb3_design_create(&design, work->context, pooled, SIZE_MAX))
        return fb3_no_memory(err, "features of rows");
    /* Without trees c2st_auc is the logistic one. */
    bool trees = fb3_boosted_name() != NULL;
    const size_t auc = offsetof(fb3_summary, c2st_auc), linear = offsetof(fb3_summary, c2st_auc_logistic);
    const size_t of_lines[] = {linear, trees ? linear : auc}, of_trees[] = {auc, auc};
    flowbd3_status status = test_figures(comparison, of_lines, work, pooled, &design, seed, err);
    fb3_design_destroy(&design, work->context);
    if (status == FLOWBD3_OK && trees)
        status = test_figures(comparison, of_trees, work, pooled, NULL, seed, err);
    return status;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

const char *fb3_classifier_name(void) {
    return fb3_boosted_name() != NULL ? fb3_boosted_name() : "logistic regression";
}

static bool is_usable(size_t real, size_t other, const flowbd3_evaluator_options *options) {
    return fb3_pooled_share(real, other, options->max_classifier_rows) >= FB3_FOLDS;
}

uint64_t fb3_classifier_steps(const flowbd3_evaluator_options *options, const fb3_sizes *sizes) {
    if (!is_usable(sizes->real, sizes->other, options))
        return 0;
    return FB3_FOLDS * (fb3_boosted_name() != NULL ? 2U : 1U) + (options->target != NULL);
}

typedef struct foretelling {
    flowbd3_context *context;
    const fb3_pooled *pooled;
    const flowbd3_evaluator_options *options;
    fb3_outcomes *outcomes;
    size_t kept;
    double figure;
    flowbd3_status status;
    flowbd3_error *err;
} foretelling;

static void run_foretelling(void *argument, size_t i, unsigned worker) {
    (void)i, (void)worker;
    foretelling *f = argument;
    size_t target = 0;
    while (strcmp(f->pooled->features->list[target].name, f->options->target) != 0)
        target++;
    f->status = fb3_foretell(&f->figure, f->outcomes, f->kept, f->context, f->pooled, target,
                             fb3_boosted_name() != NULL, f->options->seed, f->err);
}

/* What the second real sample foretells is what real rows are worth for that. */
static flowbd3_status foretell(fb3_comparison *comparison, fb3_work *work, const fb3_pooled *pooled,
                               const fb3_pair *pair, flowbd3_error *err) {
    foretelling f = {.context = work->context, .pooled = pooled, .options = pair->options, .err = err};
    f.outcomes = pair->options->bootstrap > 0 ? &comparison->outcomes : NULL;
    f.kept = pair->floor ? offsetof(fb3_summary, trtr) : offsetof(fb3_summary, tstr);
    bool cancelled = !fb3_work_run(work, 1, run_foretelling, &f);
    comparison->summary.tstr = f.figure;
    if (pair->floor)
        comparison->summary.trtr = f.figure;
    return f.status == FLOWBD3_OK && cancelled
               ? fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled")
               : f.status;
}

flowbd3_status fb3_compare_by_classifiers(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                          flowbd3_error *err) {
    const flowbd3_evaluator_options *o = pair->options;
    if (!is_usable(pair->real->rows, pair->other->rows, o))
        return FLOWBD3_OK;
    fb3_pooled pooled;
    if (!fb3_pooled_create(&pooled, work->context, pair->features, pair->real, pair->other,
                           o->max_classifier_rows, o->seed))
        return fb3_no_memory(err, "rows for a classifier");
    flowbd3_status status = two_sample_tests(comparison, work, &pooled, o->seed, err);
    if (status == FLOWBD3_OK && o->target != NULL)
        status = foretell(comparison, work, &pooled, pair, err);
    fb3_pooled_destroy(&pooled, work->context);
    return status;
}
