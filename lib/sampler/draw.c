/* A token from logits. */
#include "sampler/sampler.h"

#include <math.h>
#include <stdlib.h>

/* Order of two tokens by falling probability, then by number. */
static int compare(const void *a, const void *b, void *probabilities) {
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const double *p = probabilities;
    return p[i] != p[j] ? (p[i] < p[j] ? 1 : -1) : (i > j) - (i < j);
}

/* Sets the probabilities outside the nucleus to zero and returns the sum of those inside (Holtzman et al.
 * 2020). */
static double keep_nucleus(double *probabilities, uint32_t *ranking, size_t count, double sum, double top_p) {
    for (size_t k = 0; k < count; k++)
        ranking[k] = (uint32_t)k;
    qsort_r(ranking, count, sizeof *ranking, compare, probabilities);
    double kept = 0.0;
    size_t i = 0;
    while (i < count && kept < top_p * sum)
        kept += probabilities[ranking[i++]];
    for (; i < count; i++)
        probabilities[ranking[i]] = 0.0;
    return kept;
}

/* The most probable value that is allowed. */
static uint16_t mode(const float *logits, size_t count, uint16_t forbidden) {
    size_t best = forbidden < count ? forbidden : 0;
    double largest = -INFINITY;
    for (size_t i = 0; i < count; i++)
        if (i != forbidden && (double)logits[i] > largest) {
            largest = (double)logits[i];
            best = i;
        }
    return (uint16_t)best;
}

fb3_distribution fb3_softmax(double *weights, const float *logits, size_t count, uint16_t forbidden,
                             double temperature) {
    fb3_distribution d = {.mode = mode(logits, count, forbidden)};
    double mean = 0.0, second = 0.0; /* of log weights times sum; largest weight but the mode's, which is 1 */
    for (size_t i = 0; i < count; i++) {
        double x = i == d.mode ? 0.0 : ((double)logits[i] - (double)logits[d.mode]) / temperature;
        /* not a number: beside an infinite mode, or without any finite logit */
        bool possible = i == d.mode || (i != forbidden && x > -INFINITY);
        weights[i] = possible ? exp(x) : 0.0;
        d.sum += weights[i];
        if (possible && i != d.mode) {
            mean += weights[i] * x;
            second = fmax(second, weights[i]);
        }
    }
    d.largest = 1.0 / d.sum;
    d.second = second / d.sum;
    d.entropy = log(d.sum) - mean / d.sum;
    return d;
}

uint16_t fb3_draw(double *weights, uint32_t *ranking, size_t count, double sum, double top_p, double u) {
    if (top_p < 1.0)
        sum = keep_nucleus(weights, ranking, count, sum, top_p);
    double target = u * sum, reached = 0.0;
    size_t drawn = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] <= 0.0)
            continue;
        drawn = i;
        reached += weights[i];
        if (reached >= target)
            break;
    }
    return (uint16_t)drawn;
}
