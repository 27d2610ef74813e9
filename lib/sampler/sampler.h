/* The sampler room from inside. */
#ifndef FB3_SAMPLER_H
#define FB3_SAMPLER_H

#include <flowbd3/sampler.h>

#include "model/model.h"

/* What one thread needs for a tile. */
typedef struct fb3_sampler_worker {
    fb3_network *network;
    uint16_t *inputs;      /* [tile, S] tokens so far, or the slot's mask */
    uint8_t *wanted;       /* [tile, S] slots drawn in this step */
    uint16_t *order;       /* [tile, S] slots in the order they are drawn in */
    double *probabilities; /* [largest vocabulary] */
    uint32_t *ranking;     /* [largest vocabulary] tokens by falling probability */
} fb3_sampler_worker;

struct flowbd3_sampler {
    flowbd3_context *context;
    const flowbd3_model *model;
    flowbd3_sampler_options options; /* defaults filled in */
    size_t tile, chunk;              /* rows of a tile; rows that tokens has room for, a multiple of tile */
    uint64_t position;               /* row that comes next */
    uint64_t first_row;              /* of tokens, a multiple of tile */
    size_t filled;                   /* rows in tokens */
    uint16_t *tokens;                /* [chunk, S] */
    fb3_sampler_worker *workers;     /* [threads] */
};

/* Draws tokens[tile, S] of the rows from first_row on. (unmask.c) */
void fb3_sampler_tile(const flowbd3_sampler *sampler, fb3_sampler_worker *worker, uint64_t first_row,
                      uint16_t *tokens);

/* A distribution over the values of a token. */
typedef struct fb3_distribution {
    double sum;             /* of the weights; the mode's is 1 */
    double largest, second; /* the two largest probabilities */
    double entropy;         /* nats */
    uint16_t mode;
} fb3_distribution;

/* weights[count] = softmax(logits / temperature) * sum, without the forbidden value (UINT16_MAX for none).
 * Where that leaves no finite logit, all weight is on the forbidden value, or on value 0. (draw.c) */
fb3_distribution fb3_softmax(double *weights, const float *logits, size_t count, uint16_t forbidden,
                             double temperature);

/* Draws a value at u in (0, 1) from weights[count], of which those outside the nucleus become 0. ranking is
 * scratch of count. */
uint16_t fb3_draw(double *weights, uint32_t *ranking, size_t count, double sum, double top_p, double u);

/* Draws a token from logits[count] at u in (0, 1): temperature, then the smallest set of most probable tokens
 * that reaches top_p. probabilities and ranking are scratch of count. */
uint16_t fb3_draw_token(const float *logits, size_t count, double temperature, double top_p, double u,
                        double *probabilities, uint32_t *ranking);

#endif
