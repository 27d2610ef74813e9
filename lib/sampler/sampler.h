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

/* Draws a token from logits[count] at u in (0, 1): temperature, then the smallest set of most probable tokens
 * that reaches top_p. probabilities and ranking are scratch of count. (draw.c) */
uint16_t fb3_draw_token(const float *logits, size_t count, double temperature, double top_p, double u,
                        double *probabilities, uint32_t *ranking);

#endif
