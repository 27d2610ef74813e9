/* Score: negative log-likelihoods of flows under a model, in nats. */
#ifndef FLOWBD3_SCORE_H
#define FLOWBD3_SCORE_H

#include <flowbd3/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which likelihood. */
typedef enum flowbd3_score_method {
    FLOWBD3_SCORE_NELBO = 0, /* the negative evidence lower bound by stratified sampling of masks (Arriola et
                                al. 2025, eq. 8): the mean over random orders of what EXACT gives. For blocks
                                of one token it is the exact value, without sampling */
    FLOWBD3_SCORE_EXACT = 1  /* the chain rule, token by token inside each block: the exact likelihood of
                                drawing the flow in that order */
} flowbd3_score_method;

typedef struct flowbd3_score_options {
    size_t struct_size;
    flowbd3_score_method method; /* default NELBO */
    uint32_t draws; /* NELBO: masks drawn for every block, an even number; default 0 = 16. EXACT: random
                       orders that are averaged; default 0 = 1 */
    const char *const *order; /* [n_order] EXACT: columns in the order of the chain rule, inside a block of
                                 several flows flow by flow; columns not named follow as they stand. Default
                                 NULL = random orders */
    size_t n_order;
    const char *const *given; /* [n_given] columns that are known: the others are scored given them */
    size_t n_given;
    const char *const *scored; /* [n_scored] columns that are scored; those neither given nor scored are
                                  unknown. Default NULL = all that are not given */
    size_t n_scored;
    uint32_t per_sequence; /* 1: every flow gets the sum over its sequence; default 0 = its own part */
    double unseen; /* nats for a category, or a missing cell, that the training table did not have; default 0
                      = ln(rows of it + 1); INFINITY is allowed */
    uint64_t seed; /* of masks and orders */
    flowbd3_progress_function progress; /* default NULL */
    void *progress_user;
} flowbd3_score_options;

#define FLOWBD3_SCORE_OPTIONS_INIT                                                                         \
    {                                                                                                      \
        sizeof(flowbd3_score_options), FLOWBD3_SCORE_NELBO, 0, NULL, 0, NULL, 0, NULL, 0, 0, 0.0, 0, NULL, \
            NULL                                                                                           \
    }

FLOWBD3_API flowbd3_status flowbd3_score_options_init(flowbd3_score_options *options, size_t size);

/* Scores the rows of table: nll[rows] in nats, and in standard_error[rows], or NULL, the standard error of
 * each: 0 where nothing was sampled, NaN for a single random order. The rows are arranged and cut into
 * sequences as in training, and each is scored given the rows before it in its sequence, which are seen
 * whole, columns that are unknown or scored included. Where blocks are larger than a flow, the rows of a
 * block share its score by their tokens, and the given columns of all its rows are seen. Rows are scored in
 * the order of the table. Numbers outside the fitted range count as the nearest token; an unseen value costs
 * `unseen`, and is unknown to the tokens that are scored given it. A model with blocks smaller than a flow
 * and a fixed order of columns must have given columns before the scored ones, and unknown ones behind.
 * options may be NULL. Errors: ARGUMENT (columns, draws), RANGE, SCHEMA (columns that the table has not),
 * FORMAT (a missing cell in the order column), NUMERIC (predictions that are not finite, of a model whose
 * training diverged), CANCELLED, MEMORY. Thread-safety: the model is only read. */
FLOWBD3_API flowbd3_status flowbd3_model_score(const flowbd3_model *model, const flowbd3_table *table,
                                               const flowbd3_score_options *options, double *nll,
                                               double *standard_error, flowbd3_error *err);

#ifdef __cplusplus
}
#endif

#endif
