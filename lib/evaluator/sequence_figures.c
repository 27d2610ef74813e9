/* Figures of sequences: gaps, sizes and durations of groups, bursts, autocorrelations, transitions. */
#include "evaluator.h"

#include <stdlib.h>

/* ---- autocorrelation ------------------------------------------------------------------------------ */

typedef struct autocorrelate_argument {
    flowbd3_context *context;
    fb3_sequences *sequences;
    const fb3_features *features;
    const fb3_criteria *criteria;
    bool *failed; /* [features] */
} autocorrelate_argument;

static bool groups_rows(const fb3_criteria *criteria, size_t column) {
    for (size_t i = 0; i < criteria->n_group_by; i++)
        if (criteria->group_by[i] == column)
            return true;
    return false;
}

/* Correlation of cells that are lag rows of a group apart; x and y have room for all rows. */
static double correlate_lag(const fb3_sequences *s, const double *series, size_t lag, double *x, double *y) {
    size_t n = 0;
    for (size_t g = 0; g < s->groups; g++)
        for (size_t place = s->first[g] + lag; place < s->first[g + 1]; place++) {
            x[n] = series[place - lag];
            y[n] = series[place];
            n += !isnan(x[n]) && !isnan(y[n]);
        }
    return n < 2 ? NAN : fb3_pearson(x, y, n);
}

static void autocorrelate_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    autocorrelate_argument *to = argument;
    fb3_sequences *s = to->sequences;
    double *lags = s->autocorrelation + i * FB3_LAGS;
    for (size_t lag = 1; lag <= FB3_LAGS; lag++)
        lags[lag - 1] = NAN;
    if (!to->features->list[i].numeric || groups_rows(to->criteria, i))
        return;
    double *x = fb3_allocate(to->context, s->rows, sizeof *x);
    double *y = fb3_allocate(to->context, s->rows, sizeof *y);
    double *series = fb3_allocate(to->context, s->rows, sizeof *series);
    to->failed[i] = x == NULL || y == NULL || series == NULL;
    const double *values = s->sample->columns[i].values;
    for (size_t place = 0; !to->failed[i] && place < s->rows; place++)
        series[place] = i == to->criteria->order_by ? s->gaps[place] : values[s->row[place]];
    for (size_t lag = 1; !to->failed[i] && lag <= FB3_LAGS; lag++)
        lags[lag - 1] = correlate_lag(s, series, lag, x, y);
    fb3_release(to->context, x);
    fb3_release(to->context, y);
    fb3_release(to->context, series);
}

flowbd3_status fb3_autocorrelate(fb3_sequences *sequences, fb3_work *work, const fb3_features *features,
                                 const fb3_criteria *criteria, flowbd3_error *err) {
    bool *failed = fb3_allocate_zero(work->context, features->count, sizeof *failed);
    autocorrelate_argument argument = {work->context, sequences, features, criteria, failed};
    flowbd3_status status = FLOWBD3_OK;
    if (failed == NULL)
        status = fb3_no_memory(err, "autocorrelations");
    else if (!fb3_work_run(work, features->count, autocorrelate_column, &argument))
        status = fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    for (size_t c = 0; status == FLOWBD3_OK && c < features->count; c++)
        if (failed[c])
            status = fb3_no_memory(err, "autocorrelations");
    fb3_release(work->context, failed);
    return status;
}

/* Mean difference over the lags that the real rows have; a lag that the others lack counts as 0. */
static double autocorrelation_difference(const fb3_pair *pair, size_t column) {
    const double *real = pair->real->sequences->autocorrelation + column * FB3_LAGS;
    const double *other = pair->other->sequences->autocorrelation + column * FB3_LAGS;
    fb3_sum sum = {0.0, 0.0};
    size_t n = 0;
    for (size_t lag = 0; lag < FB3_LAGS; lag++) {
        if (isnan(real[lag]))
            continue;
        fb3_sum_add(&sum, fabs(real[lag] - (isnan(other[lag]) ? 0.0 : other[lag])));
        n++;
    }
    return n == 0 ? NAN : fb3_sum_value(&sum) / (double)n;
}

/* ---- transitions ---------------------------------------------------------------------------------- */

/* Codes of a column as states: the most frequent categories, one for all others, one for missing. */
typedef struct state_map {
    size_t *of; /* [n_categories + 2] */
    size_t count;
} state_map;

static int by_count(const void *a, const void *b, void *counts) {
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    uint64_t x = ((const uint64_t *)counts)[i], y = ((const uint64_t *)counts)[j];
    if (x != y)
        return x > y ? -1 : 1;
    return i < j ? -1 : i > j;
}

static bool choose_states(state_map *to, flowbd3_context *context, const fb3_feature *feature,
                          const uint64_t *counts) {
    size_t n = feature->n_categories, kept = n < FB3_STATES_MAX ? n : FB3_STATES_MAX;
    size_t *ranked = fb3_allocate(context, n, sizeof *ranked);
    *to = (state_map){fb3_allocate(context, n + 2, sizeof *to->of), kept + 2};
    if (ranked != NULL && to->of != NULL) {
        for (size_t i = 0; i < n; i++)
            ranked[i] = i;
        qsort_r(ranked, n, sizeof *ranked, by_count, (void *)counts);
        for (size_t i = 0; i < n; i++)
            to->of[ranked[i]] = i < kept ? i : kept;
        to->of[n] = kept;
        to->of[n + 1] = kept + 1;
    }
    fb3_release(context, ranked);
    return ranked != NULL && to->of != NULL;
}

/* counts[states, states] of rows with one state that are followed in their group by one with another. */
static void count_transitions(uint64_t *counts, const state_map *states, const fb3_sequences *s,
                              size_t column) {
    const double *codes = s->sample->columns[column].values;
    for (size_t g = 0; g < s->groups; g++)
        for (size_t place = s->first[g] + 1; place < s->first[g + 1]; place++)
            counts[states->of[(size_t)codes[s->row[place - 1]]] * states->count +
                   states->of[(size_t)codes[s->row[place]]]]++;
}

static uint64_t total(const uint64_t *counts, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += counts[i];
    return sum;
}

/* Sum over the states of their share of the real transitions, times half the sum of |p - q| over what follows
 * them. */
static double transition_variation(const uint64_t *real, const uint64_t *other, size_t n) {
    uint64_t all = total(real, n * n);
    fb3_sum sum = {0.0, 0.0};
    for (size_t from = 0; from < n; from++) {
        const uint64_t *p = real + from * n, *q = other + from * n;
        uint64_t left = total(p, n), right = total(q, n);
        double apart = 0.0;
        for (size_t to = 0; left > 0 && right > 0 && to < n; to++)
            apart += 0.5 * fabs((double)p[to] / (double)left - (double)q[to] / (double)right);
        fb3_sum_add(&sum, (double)left * (right > 0 ? apart : 1.0));
    }
    return all == 0 ? NAN : fb3_sum_value(&sum) / (double)all;
}

typedef struct column_argument {
    flowbd3_context *context;
    const fb3_pair *pair;
    fb3_column_figures *figures;
    bool *failed; /* [features] */
} column_argument;

static void compare_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    column_argument *compare = argument;
    const fb3_pair *pair = compare->pair;
    const fb3_feature *feature = &pair->features->list[i];
    if (groups_rows(pair->criteria, i))
        return;
    if (feature->numeric) {
        compare->figures[i].autocorrelation_diff = autocorrelation_difference(pair, i);
        return;
    }
    state_map states;
    uint64_t *counts = NULL;
    if (choose_states(&states, compare->context, feature, pair->real->columns[i].counts))
        counts = fb3_allocate_zero(compare->context, 2 * states.count * states.count, sizeof *counts);
    if (counts != NULL) {
        uint64_t *others = counts + states.count * states.count;
        count_transitions(counts, &states, pair->real->sequences, i);
        count_transitions(others, &states, pair->other->sequences, i);
        compare->figures[i].transition_tvd = transition_variation(counts, others, states.count);
    }
    compare->failed[i] = counts == NULL;
    fb3_release(compare->context, states.of);
    fb3_release(compare->context, counts);
}

/* ---- distributions -------------------------------------------------------------------------------- */

/* Kolmogorov-Smirnov statistic; 1 where only one side has values, 0 where none has. *distance: earth mover's,
 * or NaN. */
static double compare_distributions(const fb3_distribution *real, const fb3_distribution *other,
                                    double *distance) {
    uint64_t difference;
    *distance = real->count == other->count ? 0.0 : NAN;
    if (real->count == 0 || other->count == 0)
        return real->count == other->count ? 0.0 : 1.0;
    fb3_walk_distributions(real->sorted, real->count, other->sorted, other->count, &difference, distance);
    return (double)difference / ((double)real->count * (double)other->count);
}

/* Rows of a group none of which comes later than threshold after the one before. */
static bool find_bursts(fb3_distribution *bursts, flowbd3_context *context, const fb3_sequences *s,
                        double threshold) {
    double *sizes = fb3_allocate(context, s->rows, sizeof *sizes);
    size_t n = 0;
    for (size_t place = 0; sizes != NULL && place < s->rows; place++) {
        bool more = s->gaps[place] <= threshold; /* the first gap of a group is NaN */
        n += !more;
        sizes[n - 1] = more ? sizes[n - 1] + 1.0 : 1.0;
    }
    bool whole = sizes != NULL && fb3_distribution_create(bursts, context, sizes, n);
    fb3_release(context, sizes);
    return whole;
}

static double median(const fb3_distribution *of) {
    size_t n = of->count;
    return n % 2 == 1 ? of->sorted[n / 2] : 0.5 * of->sorted[n / 2 - 1] + 0.5 * of->sorted[n / 2];
}

/* False: no memory. */
static bool compare_bursts(fb3_summary *summary, flowbd3_context *context, const fb3_sequences *real,
                           const fb3_sequences *other) {
    if (real->sorted_gaps.count == 0)
        return true;
    double threshold = median(&real->sorted_gaps), distance;
    fb3_distribution a = {NULL, 0}, b = {NULL, 0};
    bool whole = find_bursts(&a, context, real, threshold) && find_bursts(&b, context, other, threshold);
    if (whole)
        summary->burst_size_ks = compare_distributions(&a, &b, &distance);
    fb3_release(context, a.sorted);
    fb3_release(context, b.sorted);
    return whole;
}

static bool compare_times(fb3_summary *summary, flowbd3_context *context, const fb3_pair *pair) {
    const fb3_sequences *real = pair->real->sequences, *other = pair->other->sequences;
    double distance;
    if (pair->criteria->n_group_by > 0)
        summary->group_size_ks = compare_distributions(&real->sizes, &other->sizes, &distance);
    if (pair->criteria->order_by == SIZE_MAX)
        return true;
    if (pair->criteria->n_group_by > 0)
        summary->group_duration_ks =
            compare_distributions(&real->sorted_durations, &other->sorted_durations, &distance);
    summary->interarrival_ks = compare_distributions(&real->sorted_gaps, &other->sorted_gaps, &distance);
    double deviation = fb3_moments_of(real->sorted_gaps.sorted, real->sorted_gaps.count).deviation;
    summary->interarrival_emd_scaled = distance == 0.0 ? 0.0 : deviation > 0.0 ? distance / deviation : NAN;
    return compare_bursts(summary, context, real, other);
}

/* ---- the door ------------------------------------------------------------------------------------- */

uint64_t fb3_sequence_steps(const fb3_features *features, const flowbd3_evaluator_options *options) {
    return fb3_has_sequences(options) ? features->count : 0;
}

flowbd3_status fb3_compare_sequences(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                     flowbd3_error *err) {
    size_t count = pair->features->count;
    fb3_summary *summary = &comparison->summary;
    if (pair->real->sequences == NULL || pair->other->sequences == NULL)
        return FLOWBD3_OK;
    bool *failed = fb3_allocate_zero(work->context, count, sizeof *failed);
    column_argument compare = {work->context, pair, comparison->columns, failed};
    if (failed == NULL)
        return fb3_no_memory(err, "the figures of sequences");
    bool cancelled = !fb3_work_run(work, count, compare_column, &compare), whole = true;
    for (size_t c = 0; c < count; c++)
        whole = whole && !failed[c];
    fb3_release(work->context, failed);
    if (cancelled)
        return fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    if (!whole || !compare_times(summary, work->context, pair))
        return fb3_no_memory(err, "the figures of sequences");
    summary->autocorrelation_diff = FB3_MEAN_FIGURE(comparison->columns, count, autocorrelation_diff);
    summary->transition_tvd_mean = FB3_MEAN_FIGURE(comparison->columns, count, transition_tvd);
    for (size_t c = 0; c < count; c++)
        summary->transition_tvd_max =
            fmax(summary->transition_tvd_max, comparison->columns[c].transition_tvd);
    return FLOWBD3_OK;
}
