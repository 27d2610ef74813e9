/* Percentile intervals of the summary (Efron 1979; Efron and Tibshirani 1993, chapter 13): the figures of
 * samples that are drawn with replacement from the generated rows, and of their groups; or, where a figure
 * needs a search or a fit, of what was found out about the rows. */
#include "evaluator.h"

#include <stdlib.h>

/* Rows that violate a rule are drawn as often as any others: those with the first numbers stand for them. */
static double resampled_share(const fb3_violations *violations, const uint32_t *times, size_t rows) {
    uint64_t drawn = 0;
    if (isnan(violations->share))
        return NAN;
    for (size_t row = 0; row < (size_t)llround(violations->share * (double)rows); row++)
        drawn += times[row];
    return (double)drawn / (double)rows;
}

/* ---- one resampling -------------------------------------------------------------------------------- */

/* The sequences of a resampling, where there are groups to draw; their steps count as done where not. */
static flowbd3_status resample_sequences(fb3_sample *to, fb3_work *work, const fb3_pair *pair, uint32_t step,
                                         flowbd3_error *err) {
    const fb3_sequences *from = pair->other->sequences;
    if (from != NULL && from->groups > 1)
        return fb3_sequences_resample(&to->sequences, work, pair->features, pair->criteria, from,
                                      pair->options->seed, step, err);
    work->done += 2 * fb3_sequence_steps(pair->features, pair->options);
    return FLOWBD3_OK;
}

/* Writes the summary of resampling number step; times has room for the rows. */
static flowbd3_status resample(fb3_summary *summary, fb3_work *work, const fb3_pair *pair, uint32_t *times,
                               uint32_t step, flowbd3_error *err) {
    const flowbd3_evaluator_options *o = pair->options;
    fb3_sample sample = {0};
    fb3_sequences *sequences = NULL;
    fb3_comparison comparison = {0};
    fb3_resample_draw(times, pair->other->rows, o->seed, FB3_RANDOM_BOOTSTRAP_ROWS, step);
    flowbd3_status status = resample_sequences(&sample, work, pair, step, err);
    if (status == FLOWBD3_OK) {
        sequences = sample.sequences;
        status = fb3_sample_resample(&sample, work, pair->features, pair->other, times, o->groups, err);
    }
    if (status == FLOWBD3_OK) {
        fb3_pair drawn = *pair;
        fb3_violations violations = {NULL, resampled_share(pair->violations, times, pair->other->rows)};
        sample.sequences = sequences;
        sequences = NULL;
        drawn.other = &sample;
        drawn.violations = &violations;
        drawn.resampled = true;
        status = fb3_compare(&comparison, work, &drawn, err);
        *summary = comparison.summary;
        fb3_comparison_release(&comparison, work->context);
        fb3_sample_destroy(&sample, pair->features, work->context);
    }
    fb3_sequences_destroy(&sequences, work->context);
    return status;
}

/* ---- intervals ------------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of every finite figure, over the summaries where it is finite, too; x has room for one value of each. */
static void find_intervals(fb3_comparison *comparison, const fb3_summary *summaries, size_t n, double *x) {
    for (size_t offset = 0; offset < sizeof *summaries; offset += sizeof *x) {
        size_t m = 0;
        if (!isfinite(fb3_figure_at(&comparison->summary, offset)))
            continue;
        for (size_t i = 0; i < n; i++) {
            x[m] = fb3_figure_at(&summaries[i], offset);
            m += isfinite(x[m]) != 0;
        }
        qsort(x, m, sizeof *x, ascending);
        fb3_figure_put(&comparison->low, offset, fb3_quantile(x, m, 0.025));
        fb3_figure_put(&comparison->high, offset, fb3_quantile(x, m, 0.975));
    }
}

/* The floor has the interval of trtr alone, which is a figure of the second real sample. */
static bool has_outcomes(const flowbd3_evaluator_options *options, bool floor) {
    enum { GROUPS = FLOWBD3_METRICS_CLASSIFIER | FLOWBD3_METRICS_NEIGHBOURS | FLOWBD3_METRICS_RULES };
    return floor ? options->target != NULL : (options->groups & GROUPS) != 0;
}

uint64_t fb3_bootstrap_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                             const fb3_sizes *sizes) {
    uint64_t one = has_outcomes(options, sizes->floor) ? 1 : 0;
    if (!sizes->floor && fb3_compare_resamples(options))
        one += fb3_sample_steps(features, options->groups) + fb3_sequence_steps(features, options) +
               fb3_compare_steps(features, options, sizes, true);
    return options->bootstrap * one;
}

static flowbd3_status resample_rows(fb3_summary *summaries, fb3_work *work, const fb3_pair *pair,
                                    flowbd3_error *err) {
    const flowbd3_evaluator_options *o = pair->options;
    flowbd3_status status = FLOWBD3_OK;
    if (pair->floor || !fb3_compare_resamples(o))
        return FLOWBD3_OK;
    uint32_t *times = fb3_allocate(work->context, pair->other->rows, sizeof *times);
    if (times == NULL)
        return fb3_no_memory(err, "the bootstrap");
    for (uint32_t i = 0; status == FLOWBD3_OK && i < o->bootstrap; i++)
        status = resample(&summaries[i], work, pair, times, i, err);
    fb3_release(work->context, times);
    return status;
}

flowbd3_status fb3_bootstrap(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                             flowbd3_error *err) {
    const flowbd3_evaluator_options *o = pair->options;
    if (o->bootstrap == 0 || (pair->floor && !has_outcomes(o, true)))
        return FLOWBD3_OK;
    fb3_summary *summaries = fb3_allocate(work->context, o->bootstrap, sizeof *summaries);
    double *x = fb3_allocate(work->context, o->bootstrap, sizeof *x);
    flowbd3_status status = summaries != NULL && x != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the bootstrap");
    for (size_t i = 0; status == FLOWBD3_OK && i < o->bootstrap; i++)
        summaries[i] = comparison->low; /* no figures */
    if (status == FLOWBD3_OK)
        status = resample_rows(summaries, work, pair, err);
    if (status == FLOWBD3_OK && has_outcomes(o, pair->floor))
        status = fb3_outcomes_resample(summaries, work, &comparison->outcomes, o->bootstrap, o->seed, err);
    if (status == FLOWBD3_OK) {
        find_intervals(comparison, summaries, o->bootstrap, x);
        comparison->has_intervals = true;
    }
    fb3_outcomes_release(&comparison->outcomes, work->context);
    fb3_release(work->context, summaries);
    fb3_release(work->context, x);
    return status;
}
