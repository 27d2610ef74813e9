/* What the files of the unmasking share. */
#ifndef FB3_UNMASKING_ORDERS_H
#define FB3_UNMASKING_ORDERS_H

#include "sampler/unmasking.h"

/* An order: how it begins, which tokens it wants next, and what it does with their logits. */
typedef struct fb3_order {
    const char *name;
    size_t default_time_steps; /* per token of the block; 0: steps are evaluations */
    bool remasks;
    void (*start)(fb3_unmasking *u); /* may be NULL */
    bool (*next)(fb3_unmasking *u, uint8_t *wanted);
    void (*apply)(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *o,
                  fb3_unmasking_scratch *scratch);
} fb3_order;

/* NULL for a number that is no order. (unmasking.c) */
const fb3_order *fb3_order_of(const flowbd3_sampler_options *o);

/* Number of evaluations or of time steps of a block of `tokens`, `undecided` of them masked at the start.
 * (unmasking_options.c) */
size_t fb3_unmasking_steps(const flowbd3_sampler_options *o, size_t tokens, size_t undecided);

static inline bool fb3_is_fixed(const fb3_unmasking *u, size_t i) {
    return u->fixed != NULL && u->fixed[i] != 0;
}

static inline bool fb3_is_masked(const fb3_unmasking *u, size_t i) {
    return u->values[i] == u->vocabulary[i] && !fb3_is_fixed(u, i);
}

/* Draws token i on trial at the random number `number` of the block; the score is the order's. (unmasking.c)
 */
fb3_candidate fb3_unmasking_draw(const fb3_unmasking *u, size_t i, uint32_t number, const float *logits,
                                 const flowbd3_sampler_options *o, fb3_unmasking_scratch *scratch);

/* Decides the candidate's token. */
void fb3_unmasking_keep(fb3_unmasking *u, const fb3_candidate *candidate);

/* Orders that know beforehand when each token's turn is. (planned.c) */
void fb3_random_start(fb3_unmasking *u);
bool fb3_random_next(fb3_unmasking *u, uint8_t *wanted);
void fb3_ancestral_start(fb3_unmasking *u);
bool fb3_ancestral_next(fb3_unmasking *u, uint8_t *wanted);
void fb3_planned_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *o,
                       fb3_unmasking_scratch *scratch);

/* Orders that draw every masked token on trial and keep the best. (scored.c) */
bool fb3_scored_next(fb3_unmasking *u, uint8_t *wanted);
void fb3_scored_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *o,
                      fb3_unmasking_scratch *scratch);

/* ReMDM. (remasking.c) */
void fb3_remasking_start(fb3_unmasking *u);
bool fb3_remasking_next(fb3_unmasking *u, uint8_t *wanted);
void fb3_remasking_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *o,
                         fb3_unmasking_scratch *scratch);

#endif
