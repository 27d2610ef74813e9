/* What the classifiers of the evaluator share: rows of two tables put together, and the fits on them. */
#ifndef FB3_CLASSIFIER_H
#define FB3_CLASSIFIER_H

#include "evaluator.h"

enum { FB3_FOLDS = 5 };

/* ---- rows of two tables (pooled.c) --------------------------------------------------------------- */

/* As many rows of a real table as of another one, in an order of their cells alone. */
typedef struct fb3_pooled {
    const fb3_features *features;
    size_t rows;
    uint32_t *source; /* [rows] the row in its table */
    bool *other;      /* [rows] whether that is the other table */
    uint8_t *fold;    /* [rows] 0..FB3_FOLDS - 1 */
    double *cells;    /* [features->count, rows] as in fb3_sample_column */
    /* [features->count, rows] mean rank of a number among the column's numbers, as a share of them, in 0..1;
     * of a category its place by frequency, 0 = most frequent. NaN where missing. */
    double *ranks;
} fb3_pooled;

/* Rows that are taken of each of two tables. */
static inline size_t fb3_pooled_share(size_t real, size_t other, uint64_t max_rows) {
    size_t n = real < other ? real : other;
    return max_rows < n ? (size_t)max_rows : n;
}

/* Takes fb3_pooled_share rows of each table, chosen by seed where a table has more. Identical rows
 * share a fold unless they are many; the folds have equal parts of both tables. False when memory is short.
 */
bool fb3_pooled_create(fb3_pooled *pooled, flowbd3_context *context, const fb3_features *features,
                       const fb3_sample *real, const fb3_sample *other, uint64_t max_rows, uint64_t seed);
void fb3_pooled_destroy(fb3_pooled *pooled, flowbd3_context *context);

/* Which rows are learned from, and which are judged: row numbers of a fb3_pooled. */
typedef struct fb3_split {
    uint32_t *rows; /* [n_train + n_test], those learned from first */
    size_t n_train, n_test;
} fb3_split;

/* ---- linear models (logistic.c) ------------------------------------------------------------------ */

/* Features of rows, most of them 0: per_row entries each, by ascending feature; the last is the intercept's,
 * width - 1, with the value 1. */
typedef struct fb3_design {
    size_t rows, per_row, width;
    uint32_t *feature; /* [rows, per_row] */
    double *value;     /* [rows, per_row] */
} fb3_design;

/* Features of every column but skip (SIZE_MAX = none). False when memory is short. */
bool fb3_design_create(fb3_design *design, flowbd3_context *context, const fb3_pooled *pooled, size_t skip);
void fb3_design_destroy(fb3_design *design, flowbd3_context *context);

typedef enum fb3_loss {
    FB3_LOSS_LOGISTIC, /* log(1 + exp(-s)) for y = 1, log(1 + exp(s)) for y = 0 */
    FB3_LOSS_SQUARED   /* (s - y)^2 / 2 */
} fb3_loss;

/* Weights [width] that minimise the loss, summed up over n rows with targets y[n], plus half the squared
 * weights but the intercept. With one class alone all weights are 0 and the intercept is infinite. False when
 * memory is short. */
bool fb3_linear_fit(double *weights, flowbd3_context *context, const fb3_design *design, const uint32_t *rows,
                    size_t n, const double *y, fb3_loss loss);
double fb3_linear_score(const fb3_design *design, const double *weights, size_t row);

/* ---- boosted trees (boosted.c, or boosted_none.c where there is no XGBoost) ----------------------- */

typedef enum fb3_objective {
    FB3_OBJECTIVE_PAIR,    /* y is 0 or 1; one score a row, that of 1 */
    FB3_OBJECTIVE_CLASSES, /* y is 0..classes - 1; one score a row and class */
    FB3_OBJECTIVE_NUMBER   /* y in 0..1; one score a row, its estimate */
} fb3_objective;

/* "XGBoost 1.7.4", NULL where there is none. Static storage. */
const char *fb3_boosted_name(void);

/* Learns y[n_train] and writes the scores [n_test, classes] of the rows judged; classes is 1 but for
 * FB3_OBJECTIVE_CLASSES. One thread. Errors: MEMORY, NUMERIC (XGBoost's own message). */
flowbd3_status fb3_boosted_scores(double *scores, flowbd3_context *context, const fb3_pooled *pooled,
                                  size_t skip, const fb3_split *split, const double *y,
                                  fb3_objective objective, size_t classes, uint64_t seed, flowbd3_error *err);

/* ---- figures (classifier.c, target.c) ------------------------------------------------------------ */

/* Pairs of a score of a row with the label and one of a row without, and those in which the first is the
 * greater, ties half: the area under the curve is ordered / pairs. Adds to both. False when memory is short.
 */
bool fb3_order_pairs(double *ordered, double *pairs, flowbd3_context *context, const double *scores,
                     const bool *labels, size_t n);

/* The share of pairs of a real and another row of one fold that a classifier learned from the other folds
 * orders rightly: logistic regression on a design, boosted trees where that is NULL. NaN where there is no
 * pair. scores[pooled->rows], NaN of rows that are not judged; may be NULL. FB3_FOLDS steps. Errors:
 * CANCELLED, MEMORY, NUMERIC. */
flowbd3_status fb3_two_sample_test(double *auc, double *scores, fb3_work *work, const fb3_pooled *pooled,
                                   const fb3_design *design, uint64_t seed, flowbd3_error *err);

/* How well the target column of the real rows is foretold by a model of the other table's rows (target.c).
 * NaN where there is nothing to foretell. boosted: by trees, otherwise by a linear model. outcomes may be
 * NULL; kept: what they call the figure. Errors: MEMORY, NUMERIC. */
flowbd3_status fb3_foretell(double *figure, fb3_outcomes *outcomes, size_t kept, flowbd3_context *context,
                            const fb3_pooled *pooled, size_t target, bool boosted, uint64_t seed,
                            flowbd3_error *err);

/* Classes with a score of their own; the rarer ones are one more. */
enum { FB3_MOST_CLASSES = 31 };

/* The mean over the classes that truth[n] has of 2 hits / (guessed + there), NaN with one class; and the
 * share of the variance of y[n] that scores explain, NaN where there is none. Row i counts times[i], or 1 if
 * times is NULL. (target.c) */
double fb3_macro_f1(const double *truth, const double *guess, const uint32_t *times, size_t n,
                    size_t classes);
double fb3_explained(const double *y, const double *scores, const uint32_t *times, size_t n);

#endif
