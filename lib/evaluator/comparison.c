/* The comparison of two samples, group of figures by group. */
#include "evaluator/distances.h"

/* ---- groups of figures ---------------------------------------------------------------------------- */

static uint64_t marginal_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                               const fb3_sizes *sizes) {
    (void)options, (void)sizes;
    return features->count;
}

static flowbd3_status compare_correlations(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                           flowbd3_error *err) {
    (void)work, (void)err;
    fb3_compare_correlations(&comparison->summary, pair->features, pair->real, pair->other);
    return FLOWBD3_OK;
}

static uint64_t pair_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                           const fb3_sizes *sizes) {
    (void)options, (void)sizes;
    return fb3_pair_steps(features);
}

static uint64_t classifier_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                                 const fb3_sizes *sizes) {
    (void)features;
    return fb3_classifier_steps(options, sizes);
}

static flowbd3_status compare_by_classifiers(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                             flowbd3_error *err) {
    return fb3_compare_by_classifiers(comparison, work, pair, err);
}

static uint64_t neighbour_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                                const fb3_sizes *sizes) {
    (void)features;
    return fb3_neighbour_steps(sizes->other, options->max_rows);
}

static flowbd3_status compare_neighbours(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                         flowbd3_error *err) {
    return fb3_compare_neighbours(comparison, work, pair->features, pair->real, pair->other,
                                  pair->options->max_rows, pair->options->seed, err);
}

static uint64_t distance_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                               const fb3_sizes *sizes) {
    (void)features;
    return fb3_distance_steps(sizes, options->reference_authenticity != 0, options->max_rows);
}

static flowbd3_status compare_distances(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                        flowbd3_error *err) {
    return fb3_compare_distances(comparison, work, pair->clouds, pair->floor ? NULL : pair->other, err);
}

/* Rows that violate a rule are drawn as often as any others: those with the first numbers stand for them. */
static flowbd3_status keep_real_violations(fb3_comparison *comparison, flowbd3_context *context, double share,
                                           size_t rows, flowbd3_error *err) {
    if (isnan(share))
        return FLOWBD3_OK;
    double *violates = fb3_allocate(context, rows, sizeof *violates);
    for (size_t row = 0; violates != NULL && row < rows; row++)
        violates[row] = row < (size_t)llround(share * (double)rows) ? 1.0 : 0.0;
    bool whole = violates != NULL &&
                 fb3_keep_mean(&comparison->outcomes, context, offsetof(fb3_summary, rule_violations_real),
                               FB3_POPULATION_REAL, violates, rows);
    fb3_release(context, violates);
    return whole ? FLOWBD3_OK : fb3_no_memory(err, "outcomes of rows");
}

static flowbd3_status compare_rules(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                    flowbd3_error *err) {
    comparison->summary.rule_violations = pair->violations->share;
    if (!pair->resampled)
        comparison->summary.rule_violations_real = pair->real_violations->share;
    return comparison->keeps ? keep_real_violations(comparison, work->context, pair->real_violations->share,
                                                    pair->real->rows, err)
                             : FLOWBD3_OK;
}

static uint64_t sequence_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                               const fb3_sizes *sizes) {
    (void)sizes;
    return fb3_sequence_steps(features, options);
}

/* A function that writes figures of one group, and the steps that it reports. They run in this order. */
static const struct part {
    uint64_t (*steps)(const fb3_features *features, const flowbd3_evaluator_options *options,
                      const fb3_sizes *sizes); /* NULL: none */
    flowbd3_status (*compare)(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                              flowbd3_error *err);
    flowbd3_metrics group;
    bool resampled; /* also run on resampled tables */
} parts[] = {
    {marginal_steps, fb3_compare_marginals, FLOWBD3_METRICS_MARGINALS, true},
    {NULL, compare_correlations, FLOWBD3_METRICS_JOINT, true},
    {pair_steps, fb3_compare_pairs, FLOWBD3_METRICS_JOINT, true},
    {classifier_steps, compare_by_classifiers, FLOWBD3_METRICS_CLASSIFIER, false},
    {neighbour_steps, compare_neighbours, FLOWBD3_METRICS_NEIGHBOURS, false},
    {distance_steps, compare_distances, FLOWBD3_METRICS_NEIGHBOURS, false},
    {NULL, compare_rules, FLOWBD3_METRICS_RULES, true},
    {sequence_steps, fb3_compare_sequences, FLOWBD3_METRICS_SEQUENCES, true},
};

/* ---- the door ------------------------------------------------------------------------------------- */

static bool runs(const struct part *part, const flowbd3_evaluator_options *options, bool resampled) {
    return (options->groups & part->group) != 0 && (part->resampled || !resampled);
}

uint64_t fb3_compare_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                           const fb3_sizes *sizes, bool resampled) {
    uint64_t steps = 0;
    for (size_t i = 0; i < FB3_COUNT(parts); i++)
        if (runs(&parts[i], options, resampled) && parts[i].steps != NULL)
            steps += parts[i].steps(features, options, sizes);
    return steps;
}

bool fb3_compare_resamples(const flowbd3_evaluator_options *options) {
    for (size_t i = 0; i < FB3_COUNT(parts); i++)
        if (runs(&parts[i], options, true))
            return true;
    return false;
}

/* Makes every figure of a struct of them NaN. */
static void clear_figures(void *figures, size_t size) {
    double *values = figures;
    for (size_t i = 0; i < size / sizeof *values; i++)
        values[i] = NAN;
}

flowbd3_status fb3_compare(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                           flowbd3_error *err) {
    size_t count = pair->features->count;
    *comparison = (fb3_comparison){
        .keeps = pair->options->bootstrap > 0 && !pair->resampled && !pair->floor,
    };
    comparison->columns = fb3_allocate(work->context, count, sizeof *comparison->columns);
    if (comparison->columns == NULL)
        return fb3_no_memory(err, "the figures of the columns");
    clear_figures(comparison->columns, count * sizeof *comparison->columns);
    clear_figures(&comparison->summary, sizeof comparison->summary);
    clear_figures(&comparison->low, sizeof comparison->low);
    clear_figures(&comparison->high, sizeof comparison->high);
    clear_figures(comparison->alpha_precision, sizeof comparison->alpha_precision);
    clear_figures(comparison->beta_recall, sizeof comparison->beta_recall);
    if (!pair->resampled) {
        comparison->summary.rows_real = (double)pair->real->rows;
        comparison->summary.rows_generated = (double)pair->other->rows;
    }
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; status == FLOWBD3_OK && i < FB3_COUNT(parts); i++)
        if (runs(&parts[i], pair->options, pair->resampled))
            status = parts[i].compare(comparison, work, pair, err);
    if (status != FLOWBD3_OK)
        fb3_comparison_release(comparison, work->context);
    return status;
}

void fb3_comparison_release(fb3_comparison *comparison, flowbd3_context *context) {
    fb3_release(context, comparison->columns);
    fb3_release(context, comparison->matrices.memory);
    fb3_outcomes_release(&comparison->outcomes, context);
    *comparison = (fb3_comparison){0};
}
