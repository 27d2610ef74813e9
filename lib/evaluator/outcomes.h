/* What is found out about single rows, once: where a figure is a statistic of it, an interval of the figure
 * comes from other weights of the rows, without a search or a fit anew. */
#ifndef FB3_OUTCOMES_H
#define FB3_OUTCOMES_H

#include "base/base.h"

typedef struct fb3_summary fb3_summary;
struct fb3_work;

/* Whose rows; each is drawn by itself. APART: the real rows that are not those of the real table, which are
 * the training rows where they are apart, and otherwise the second real sample. */
typedef enum fb3_population {
    FB3_POPULATION_GENERATED,
    FB3_POPULATION_REAL,
    FB3_POPULATION_APART,
    FB3_POPULATIONS
} fb3_population;

/* How often each row comes in a resampling. */
typedef struct fb3_draws {
    uint64_t seed;
    uint32_t step;
    size_t n[FB3_POPULATIONS];        /* rows of the last draw, 0 = none yet */
    uint32_t *times[FB3_POPULATIONS]; /* room for the largest n */
} fb3_draws;

/* times[n] of the rows of a population. */
const uint32_t *fb3_draws_of(fb3_draws *draws, fb3_population population, size_t n);

/* A statistic of the rows of one sample or two. What the arrays hold is said where it is made. */
typedef struct fb3_outcome {
    void (*find)(fb3_summary *summary, const struct fb3_outcome *outcome, fb3_draws *draws);
    size_t figures[3]; /* offsets in fb3_summary */
    fb3_population of[2];
    size_t n[2]; /* rows of either */
    double *values[2];
    uint32_t *rows[2];
    size_t extent; /* entries of an AUC, classes of F1 */
} fb3_outcome;

typedef struct fb3_outcomes {
    fb3_outcome *list; /* [count] */
    size_t count, capacity;
} fb3_outcomes;

void fb3_outcomes_release(fb3_outcomes *outcomes, flowbd3_context *context);

/* ---- making them (outcome_figures.c); all false when memory is short ------------------------------- */

/* The mean of values[n]. */
bool fb3_keep_mean(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, fb3_population of,
                   const double *values, size_t n);

/* Minimum, mean and standard deviation of values[n]. */
bool fb3_keep_moments(fb3_outcomes *outcomes, flowbd3_context *context, const size_t figures[3],
                      fb3_population of, const double *values, size_t n);

/* Mean and 5 % quantile of values[n]. */
bool fb3_keep_spread(fb3_outcomes *outcomes, flowbd3_context *context, size_t mean, size_t quantile,
                     fb3_population of, const double *values, size_t n);

/* The integrated curve whose point k - 1 is the share of levels[n] below k. */
bool fb3_keep_curve(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, fb3_population of,
                    const double *levels, size_t n);

/* max_t of the share of a[n] up to t less that of b[m]. */
bool fb3_keep_lead(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, fb3_population of_a,
                   const double *a, size_t n, fb3_population of_b, const double *b, size_t m);

/* The share of pairs of a generated (other) and a real row of one fold that scores[n] put in order, NaN left
 * out; both figures are that. Rows are numbered in the order in which they come, those of either table by
 * themselves. */
bool fb3_keep_pairs(fb3_outcomes *outcomes, flowbd3_context *context, const size_t figures[2],
                    const double *scores, const bool *other, const uint8_t *fold, size_t n);

/* Macro-F1 of guesses of the classes that real rows have; R^2 of scores of their numbers. */
bool fb3_keep_f1(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, const double *truth,
                 const double *guess, size_t n, size_t classes);
bool fb3_keep_explained(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure, const double *y,
                        const double *scores, size_t n);

/* ---- using them (outcomes.c) ------------------------------------------------------------------------ */

/* Puts the figures of n resamplings, drawn by seed, into summaries[n]; n steps. Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_outcomes_resample(fb3_summary *summaries, struct fb3_work *work,
                                     const fb3_outcomes *outcomes, uint32_t n, uint64_t seed,
                                     flowbd3_error *err);

#endif
