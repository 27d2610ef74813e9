/* Drawing a token from logits. (draw.c) */
#ifndef FB3_DRAW_H
#define FB3_DRAW_H

#include "base/base.h"

/* A distribution over the values of a token. */
typedef struct fb3_distribution {
    double sum;             /* of the weights; the mode's is 1 */
    double largest, second; /* the two largest probabilities */
    double entropy;         /* nats */
    uint16_t mode;
} fb3_distribution;

/* weights[count] = softmax(logits / temperature) * sum, without the forbidden value (UINT16_MAX for none).
 * Where that leaves no finite logit, all weight is on the forbidden value, or on value 0. */
fb3_distribution fb3_softmax(double *weights, const float *logits, size_t count, uint16_t forbidden,
                             double temperature);

/* Draws a value at u in (0, 1) from weights[count], of which those outside the nucleus become 0. ranking is
 * scratch of count. */
uint16_t fb3_draw(double *weights, uint32_t *ranking, size_t count, double sum, double top_p, double u);

#endif
