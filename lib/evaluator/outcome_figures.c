/* Statistics of weighted rows, each the one that the figure is of rows that count once. */
#include "evaluator/classifier.h"
#include "evaluator/distances.h"

/* One more outcome, of rows of one population. NULL when memory is short. */
static fb3_outcome *add(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, fb3_population of,
                        size_t n) {
    if (outcomes->count == outcomes->capacity) {
        size_t capacity = outcomes->capacity == 0 ? 32 : 2 * outcomes->capacity;
        fb3_outcome *list = fb3_reallocate(context, outcomes->list, capacity, sizeof *list);
        if (list == NULL)
            return NULL;
        outcomes->list = list;
        outcomes->capacity = capacity;
    }
    fb3_outcome *outcome = &outcomes->list[outcomes->count++];
    *outcome = (fb3_outcome){.figures = {figure}, .of = {of, of}, .n = {n, 0}};
    return outcome;
}

static bool copy(fb3_outcome *outcome, flowbd3_context *context, size_t k, const double *values, size_t n) {
    outcome->values[k] = fb3_allocate(context, n, sizeof *values);
    if (outcome->values[k] != NULL)
        memcpy(outcome->values[k], values, n * sizeof *values);
    return outcome->values[k] != NULL;
}

/* values[k] in ascending order, and rows[k] theirs. */
static bool sort(fb3_outcome *outcome, flowbd3_context *context, size_t k, const double *values, size_t n) {
    size_t present;
    outcome->values[k] = fb3_allocate(context, n, sizeof *values);
    outcome->rows[k] = fb3_allocate(context, n, sizeof *outcome->rows[k]);
    return outcome->values[k] != NULL && outcome->rows[k] != NULL &&
           fb3_sort_cells(context, values, n, outcome->values[k], outcome->rows[k], &present);
}

/* ---- means ---------------------------------------------------------------------------------------- */

static double mean_of(const double *values, const uint32_t *times, size_t n) {
    fb3_sum sum = {0.0, 0.0};
    for (size_t i = 0; i < n; i++)
        fb3_sum_add(&sum, times[i] * values[i]);
    return fb3_sum_value(&sum) / (double)n;
}

static void find_mean(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const uint32_t *times = fb3_draws_of(draws, o->of[0], o->n[0]);
    fb3_figure_put(summary, o->figures[0], mean_of(o->values[0], times, o->n[0]));
}

bool fb3_keep_mean(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, fb3_population of,
                   const double *values, size_t n) {
    fb3_outcome *outcome = add(outcomes, context, figure, of, n);
    if (outcome != NULL)
        outcome->find = find_mean;
    return outcome != NULL && copy(outcome, context, 0, values, n);
}

static void find_moments(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const uint32_t *times = fb3_draws_of(draws, o->of[0], o->n[0]);
    double least = INFINITY, mean = mean_of(o->values[0], times, o->n[0]);
    fb3_sum squares = {0.0, 0.0};
    for (size_t i = 0; i < o->n[0]; i++) {
        double difference = o->values[0][i] - mean;
        if (times[i] == 0)
            continue;
        least = fmin(least, o->values[0][i]);
        fb3_sum_add(&squares, times[i] * (difference * difference));
    }
    fb3_figure_put(summary, o->figures[0], least);
    fb3_figure_put(summary, o->figures[1], mean);
    fb3_figure_put(summary, o->figures[2], sqrt(fb3_sum_value(&squares) / (double)o->n[0]));
}

bool fb3_keep_moments(fb3_outcomes *outcomes, flowbd3_context *context, const size_t figures[3],
                      fb3_population of, const double *values, size_t n) {
    fb3_outcome *outcome = add(outcomes, context, figures[0], of, n);
    if (outcome == NULL)
        return false;
    memcpy(outcome->figures, figures, sizeof outcome->figures);
    outcome->find = find_moments;
    return copy(outcome, context, 0, values, n);
}

/* ---- quantiles ------------------------------------------------------------------------------------ */

/* fb3_quantile of sorted[n], where the cell of row rows[i] is there times[rows[i]] times, in all n. */
static double weighted_quantile(const double *sorted, const uint32_t *rows, const uint32_t *times, size_t n,
                                double share) {
    double place = share * (double)(n - 1);
    size_t below = (size_t)place, i = 0, passed = times[rows[0]];
    while (passed <= below)
        passed += times[rows[++i]];
    double x = sorted[i];
    if (below + 1 >= n)
        return x;
    while (passed <= below + 1)
        passed += times[rows[++i]];
    return x + (place - (double)below) * (sorted[i] - x);
}

static void find_spread(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const uint32_t *times = fb3_draws_of(draws, o->of[0], o->n[0]);
    fb3_sum sum = {0.0, 0.0};
    for (size_t i = 0; i < o->n[0]; i++)
        fb3_sum_add(&sum, times[o->rows[0][i]] * o->values[0][i]);
    fb3_figure_put(summary, o->figures[0], fb3_sum_value(&sum) / (double)o->n[0]);
    fb3_figure_put(summary, o->figures[1], weighted_quantile(o->values[0], o->rows[0], times, o->n[0], 0.05));
}

bool fb3_keep_spread(fb3_outcomes *outcomes, flowbd3_context *context, size_t mean, size_t quantile,
                     fb3_population of, const double *values, size_t n) {
    fb3_outcome *outcome = add(outcomes, context, mean, of, n);
    if (outcome == NULL)
        return false;
    outcome->figures[1] = quantile;
    outcome->find = find_spread;
    return sort(outcome, context, 0, values, n);
}

/* ---- curves --------------------------------------------------------------------------------------- */

static void find_curve(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const uint32_t *times = fb3_draws_of(draws, o->of[0], o->n[0]);
    uint64_t counts[FB3_CURVE + 1] = {0}, passed = 0;
    double curve[FB3_CURVE];
    for (size_t i = 0; i < o->n[0]; i++)
        counts[(size_t)o->values[0][i]] += times[i];
    for (size_t k = 0; k < FB3_CURVE; k++) {
        passed += counts[k];
        curve[k] = (double)passed / (double)o->n[0];
    }
    fb3_figure_put(summary, o->figures[0], fb3_integrated(curve));
}

bool fb3_keep_curve(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, fb3_population of,
                    const double *levels, size_t n) {
    fb3_outcome *outcome = add(outcomes, context, figure, of, n);
    if (outcome != NULL)
        outcome->find = find_curve;
    return outcome != NULL && copy(outcome, context, 0, levels, n);
}

/* ---- two samples ---------------------------------------------------------------------------------- */

static void find_lead(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const fb3_sorted_rows a = {o->values[0], o->rows[0], fb3_draws_of(draws, o->of[0], o->n[0]), o->n[0]};
    const fb3_sorted_rows b = {o->values[1], o->rows[1], fb3_draws_of(draws, o->of[1], o->n[1]), o->n[1]};
    fb3_figure_put(summary, o->figures[0], fb3_largest_lead(&a, &b));
}

bool fb3_keep_lead(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, fb3_population of_a,
                   const double *a, size_t n, fb3_population of_b, const double *b, size_t m) {
    fb3_outcome *outcome = add(outcomes, context, figure, of_a, n);
    if (outcome == NULL)
        return false;
    outcome->of[1] = of_b;
    outcome->n[1] = m;
    outcome->find = find_lead;
    return sort(outcome, context, 0, a, n) && sort(outcome, context, 1, b, m);
}

/* Entries of rows[0] by fold and score: a row's number in its table. */
enum { OTHER = 1, TIE_ENDS = 2, FOLD_ENDS = 4 }; /* of rows[1] */

static void find_pairs(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const uint32_t *other = fb3_draws_of(draws, o->of[0], o->n[0]);
    const uint32_t *real = fb3_draws_of(draws, o->of[1], o->n[1]);
    double ordered = 0.0, pairs = 0.0, below = 0.0, with = 0.0, positive = 0.0, negative = 0.0;
    for (size_t i = 0; i < o->extent; i++) {
        uint32_t row = o->rows[0][i], marks = o->rows[1][i];
        if ((marks & OTHER) != 0)
            positive += other[row];
        else
            negative += real[row];
        if ((marks & TIE_ENDS) != 0) {
            ordered += positive * (below + 0.5 * negative);
            below += negative;
            with += positive;
            positive = negative = 0.0;
        }
        if ((marks & FOLD_ENDS) != 0) {
            pairs += with * below;
            with = below = 0.0;
        }
    }
    for (size_t k = 0; k < 2; k++)
        fb3_figure_put(summary, o->figures[k], pairs > 0.0 ? ordered / pairs : NAN);
}

/* Numbers the rows of either table; returns how many there are of each. */
static void number_rows(uint32_t *number, size_t counts[2], const bool *other, size_t n) {
    counts[0] = counts[1] = 0;
    for (size_t i = 0; i < n; i++)
        number[i] = (uint32_t)counts[other[i] ? 0 : 1]++;
}

/* Entries of one fold, sorted by score. */
static void add_entries(fb3_outcome *outcome, const double *sorted, const uint32_t *order, size_t n,
                        const uint32_t *number, const bool *other) {
    for (size_t i = 0; i < n; i++) {
        size_t at = outcome->extent++;
        bool last = i + 1 == n;
        outcome->rows[0][at] = number[order[i]];
        outcome->rows[1][at] = (other[order[i]] ? OTHER : 0U) |
                               (last || sorted[i + 1] != sorted[i] ? TIE_ENDS : 0U) | (last ? FOLD_ENDS : 0U);
    }
}

bool fb3_keep_pairs(fb3_outcomes *outcomes, flowbd3_context *context, const size_t figures[2],
                    const double *scores, const bool *other, const uint8_t *fold, size_t n) {
    fb3_outcome *o = add(outcomes, context, figures[0], FB3_POPULATION_GENERATED, 0);
    double *of_fold = fb3_allocate(context, n, sizeof *of_fold);
    double *sorted = fb3_allocate(context, n, sizeof *sorted);
    uint32_t *order = fb3_allocate(context, n, sizeof *order);
    uint32_t *number = fb3_allocate(context, n, sizeof *number);
    bool whole = o != NULL && of_fold != NULL && sorted != NULL && order != NULL && number != NULL;
    for (size_t k = 0; whole && k < 2; k++) {
        o->rows[k] = fb3_allocate(context, n, sizeof *o->rows[k]);
        whole = o->rows[k] != NULL;
    }
    if (whole) {
        o->find = find_pairs;
        o->figures[1] = figures[1];
        o->of[1] = FB3_POPULATION_REAL;
        number_rows(number, o->n, other, n);
    }
    for (size_t f = 0; whole && f < FB3_FOLDS; f++) {
        size_t present = 0;
        for (size_t i = 0; i < n; i++)
            of_fold[i] = fold[i] == f ? scores[i] : NAN;
        whole = fb3_sort_cells(context, of_fold, n, sorted, order, &present);
        if (whole)
            add_entries(o, sorted, order, present, number, other);
    }
    fb3_release(context, of_fold);
    fb3_release(context, sorted);
    fb3_release(context, order);
    fb3_release(context, number);
    return whole;
}

/* ---- targets -------------------------------------------------------------------------------------- */

static void find_f1(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const uint32_t *times = fb3_draws_of(draws, o->of[0], o->n[0]);
    fb3_figure_put(summary, o->figures[0],
                   fb3_macro_f1(o->values[0], o->values[1], times, o->n[0], o->extent));
}

static void find_explained(fb3_summary *summary, const fb3_outcome *o, fb3_draws *draws) {
    const uint32_t *times = fb3_draws_of(draws, o->of[0], o->n[0]);
    fb3_figure_put(summary, o->figures[0], fb3_explained(o->values[0], o->values[1], times, o->n[0]));
}

bool fb3_keep_f1(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, const double *truth,
                 const double *guess, size_t n, size_t classes) {
    fb3_outcome *outcome = add(outcomes, context, figure, FB3_POPULATION_REAL, n);
    if (outcome == NULL)
        return false;
    outcome->extent = classes;
    outcome->find = find_f1;
    return copy(outcome, context, 0, truth, n) && copy(outcome, context, 1, guess, n);
}

bool fb3_keep_explained(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, const double *y,
                        const double *scores, size_t n) {
    fb3_outcome *outcome = add(outcomes, context, figure, FB3_POPULATION_REAL, n);
    if (outcome != NULL)
        outcome->find = find_explained;
    return outcome != NULL && copy(outcome, context, 0, y, n) && copy(outcome, context, 1, scores, n);
}
