/* One token from its logits: temperature, then the smallest set of most probable values that reaches top_p.
 */
#ifndef DRAW_TOKEN_H
#define DRAW_TOKEN_H

#include "sampler/draw.h"

/* probabilities and ranking are scratch of count. */
static inline uint16_t draw_token(const float *logits, size_t count, double temperature, double top_p,
                                  double u, double *probabilities, uint32_t *ranking) {
    fb3_distribution d = fb3_softmax(probabilities, logits, count, UINT16_MAX, temperature);
    return fb3_draw(probabilities, ranking, count, d.sum, top_p, u);
}

#endif
