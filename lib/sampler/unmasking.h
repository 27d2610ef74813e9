/* Unmasking: the tokens of one block, from masked to decided, in the order that the options name. Knows
 * nothing of the network: it says whose logits it wants, takes them, and draws.
 *
 *     fb3_unmasking_start(u, options);
 *     while (fb3_unmasking_next(u, wanted))
 *         fb3_unmasking_apply(u, logits given u->values, options, scratch);
 *
 * Every random number is a function of the seed, the block's key, the token and the step, so that a block
 * comes out the same whatever is unmasked beside it. */
#ifndef FB3_UNMASKING_H
#define FB3_UNMASKING_H

#include <flowbd3/sampler.h>

#include "base/base.h"

/* Validates the options of the order (order, steps, threshold, remask, loop_from, loop_to), refuses those it
 * does not use, and fills in the defaults but that of steps, which depends on the block and stays 0.
 * Errors: ARGUMENT, RANGE. (unmasking_options.c) */
flowbd3_status fb3_unmasking_check(flowbd3_sampler_options *o, flowbd3_error *err);

/* A token drawn on trial. */
typedef struct fb3_candidate {
    size_t token;
    double score;       /* the best are kept */
    double probability; /* at which value was drawn */
    double log_mass;    /* log of the probability of the values that were allowed among those that were not
                           FB3_NEVER, -INFINITY: none was; with weights, of their mean weight as a share of
                           the largest one, too */
    uint16_t value;
} fb3_candidate;

/* What one thread needs to draw. */
typedef struct fb3_unmasking_scratch {
    double *probabilities;     /* [largest vocabulary] */
    uint32_t *ranking;         /* [largest vocabulary] tokens by falling probability */
    uint8_t *allowed;          /* [largest vocabulary] */
    fb3_candidate *candidates; /* [largest block] */
} fb3_unmasking_scratch;

flowbd3_status fb3_unmasking_scratch_create(fb3_unmasking_scratch **out, flowbd3_context *context,
                                            size_t vocabulary, size_t tokens, flowbd3_error *err);
void fb3_unmasking_scratch_destroy(fb3_unmasking_scratch **scratch, flowbd3_context *context);

struct fb3_unmasking;

/* What a token may be, given those that are decided. */
enum {
    FB3_NEVER = 0,   /* not this value: all rows that were learned obey what forbids it */
    FB3_ALLOWED = 1, /* this one */
    FB3_BARRED = 2   /* not this one, because of what is asked of the rows to come alone */
};

/* Fills allowed[vocabulary of the token] for token i; false: all its values are allowed. */
typedef bool (*fb3_allow)(void *user, const struct fb3_unmasking *u, size_t i, uint8_t *allowed);

/* One block of one sequence while it is unmasked. The first members are the caller's, set before start; those
 * that are NULL or 0 change nothing. */
typedef struct fb3_unmasking {
    uint32_t attempt; /* each has random numbers of its own */
    uint64_t
        key; /* numbers the block among all blocks ever sampled: with the seed it keys every random number */
    size_t tokens;              /* n, at most 65535 and at most what the block was created for */
    const uint32_t *vocabulary; /* [n] values of each token's slot; a masked token holds vocabulary[i] */
    const uint16_t *forbidden;  /* [n] a value not to be drawn, UINT16_MAX for none; may be NULL. Where it is
                                   the  only value with a finite logit it is drawn all the same. */
    uint16_t *values;           /* [n] */
    uint8_t *fixed;             /* [n] 1: given from the start, never drawn nor masked; may be NULL */
    const uint32_t *run;        /* [n] first token of the run of tokens of one cell that each is in: RANDOM,
                                   ANCESTRAL and the scored orders decide them one after the other */
    const uint8_t *turn;        /* [n] tokens of a lesser turn come first, in RANDOM and the scored orders */
    const double *const *weights; /* [n] NULL, or factors[vocabulary] of a token's probabilities */
    const uint8_t *strata; /* [n] part of (0, 1), of FB3_STRATA, that the random number of a token's first
                              draw is in; may be NULL */
    fb3_allow allow;       /* whose user is the next */
    void *user;

    /* From here on the order's own. */
    const flowbd3_sampler_options *options; /* of start */
    uint64_t seed;                          /* of the attempt */
    size_t undecided;                       /* tokens masked at the start */
    size_t step, steps;                     /* evaluations or time steps: begun, in all */
    uint32_t
        *plan; /* RANDOM: [undecided] tokens in their order; ANCESTRAL: [n] step in which each is drawn */
    double *probability; /* [n] at which each was drawn */
    size_t drawn;        /* tokens so far */
    double log_mass;     /* sum of those of the tokens drawn, the first of which does not count when
                            `first_is_free`: the weight that makes draws of allowed values follow the
                            distribution given that they are */
    bool first_is_free;  /* the caller's: nothing but fixed tokens comes before this block */
    uint32_t *spare;     /* [n] */
    uint8_t *remasked;   /* [n] to be masked again once this step's tokens are drawn */
} fb3_unmasking;

/* An array of blocks of up to `tokens` tokens each; the caller's members are zero. */
flowbd3_status fb3_unmasking_create(fb3_unmasking **out, flowbd3_context *context, size_t blocks,
                                    size_t tokens, flowbd3_error *err);
void fb3_unmasking_destroy(fb3_unmasking **blocks, flowbd3_context *context);

/* Masks every token that is not fixed. options have passed fb3_unmasking_check, have temperature and top_p
 * filled in, and stay unchanged until the block is finished. A block may be started again. */
void fb3_unmasking_start(fb3_unmasking *u, const flowbd3_sampler_options *options);

/* Advances to the next evaluation: writes wanted[n], 1 for the tokens whose logits are needed given the
 * present values, at least one. False, and wanted all 0, when every token is decided for good. Time steps
 * that draw nothing are passed over. apply must follow before the next call. */
bool fb3_unmasking_next(fb3_unmasking *u, uint8_t *wanted);

/* Draws. logits[i] points to vocabulary[i] floats, and is NULL where token i was not wanted. */
void fb3_unmasking_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *options,
                         fb3_unmasking_scratch *scratch);

#endif
