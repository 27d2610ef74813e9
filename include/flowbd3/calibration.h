/* Calibration: whether the distributions that a model predicts for the cells of flows hold. */
#ifndef FLOWBD3_CALIBRATION_H
#define FLOWBD3_CALIBRATION_H

#include <flowbd3/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What was found for a table. Immutable. Thread-safety: may be read by any number of threads. */
typedef struct flowbd3_calibration flowbd3_calibration;

typedef struct flowbd3_calibration_options {
    size_t struct_size;
    uint32_t bins;            /* of the histograms, from 2 to 1000; default 0 = 10 */
    const char *const *order; /* [n_order] columns in the order of the chain rule, as in
                                 flowbd3_score_options; default NULL = random orders */
    size_t n_order;
    uint64_t seed;                      /* of the random orders */
    flowbd3_progress_function progress; /* default NULL */
    void *progress_user;
} flowbd3_calibration_options;

#define FLOWBD3_CALIBRATION_OPTIONS_INIT \
    { sizeof(flowbd3_calibration_options), 0, NULL, 0, 0, NULL, NULL }

FLOWBD3_API flowbd3_status flowbd3_calibration_options_init(flowbd3_calibration_options *options,
                                                            size_t size);

/* Compares every cell of table with what the model predicts for it, given the cells before it in the chain
 * rule: the other columns of its flow that come earlier in the order, and the flows before it in its
 * sequence. The rows are arranged, and blocks and orders taken, as flowbd3_model_score does with EXACT,
 * except that the slots of a column stay together. Rules do not restrain the predictions.
 *
 * A cell's probability integral transform lies between the probability of the values before its own and that
 * of the values up to its own, evenly (Czado, Gneiting & Held 2009), so that no random number is drawn for
 * it. Before the value of a number or time come the smaller ones; before a category or an address, whose
 * order means nothing, those that the model finds more probable. Missing comes behind all numbers, among
 * categories where its probability places it. A value or a missing cell that the training table did not have
 * is at 1. Where every prediction holds, the transforms are uniform on [0, 1].
 *
 * options may be NULL. The caller owns *out, which does not need the model any more. Errors: ARGUMENT (no
 * rows; columns of the order), RANGE (bins), SCHEMA, FORMAT, NUMERIC, CANCELLED, MEMORY as
 * flowbd3_model_score.
 * Thread-safety: the model is only read. */
FLOWBD3_API flowbd3_status flowbd3_calibration_create(flowbd3_calibration **out, const flowbd3_model *model,
                                                      const flowbd3_table *table,
                                                      const flowbd3_calibration_options *options,
                                                      flowbd3_error *err);
FLOWBD3_API void flowbd3_calibration_destroy(flowbd3_calibration **calibration);

/* The histogram [bins] of a column of the model's tokenizer: the shares of the cells whose transforms lie in
 * each of the equal parts of [0, 1]; they add up to 1, and each is 1 / bins where every prediction holds. In
 * *standard_error, or NULL, [bins] their standard errors; NaN for a single row. NULL for a column that a rule
 * computes, and when out of range. Both live as long as the calibration. */
FLOWBD3_API const double *flowbd3_calibration_histogram(const flowbd3_calibration *calibration, size_t column,
                                                        const double **standard_error);
FLOWBD3_API size_t flowbd3_calibration_bins(const flowbd3_calibration *calibration);

/* What is known of a column's calibration. */
typedef enum flowbd3_calibration_figure {
    FLOWBD3_CALIBRATION_PIT_L1 = 0,       /* sum of |share - 1 / bins| over the bins: 0 to 2, low is good */
    FLOWBD3_CALIBRATION_PIT_L1_FLOOR = 1, /* what chance makes of it with so many rows where every prediction
                                             holds */
    FLOWBD3_CALIBRATION_PIT_BIAS = 2,     /* mean transform, less 1 / 2: above 0 where the model predicts too
                                             small numbers, or is too sure of probable categories */
    FLOWBD3_CALIBRATION_PIT_BIAS_ERROR = 3, /* its standard error */
    FLOWBD3_CALIBRATION_ECE = 4, /* categories and addresses: expected calibration error of the most probable
                                    value (Guo et al. 2017, eq. 3) in as many bins: 0 to 1, low is good */
    FLOWBD3_CALIBRATION_ECE_FLOOR = 5, /* what chance makes of it */
    FLOWBD3_CALIBRATION_UNSEEN = 6     /* cells that the training table did not have */
} flowbd3_calibration_figure;

/* A figure of a column; docs/metrics.md has the formulas. NaN for what is not there. */
FLOWBD3_API double flowbd3_calibration_get(const flowbd3_calibration *calibration, size_t column,
                                           flowbd3_calibration_figure figure);

#ifdef __cplusplus
}
#endif

#endif
