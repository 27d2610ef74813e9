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

uint16_t fb3_draw_token(const float *logits, size_t count, double temperature, double top_p, double u,
                        double *probabilities, uint32_t *ranking) {
    double largest = -INFINITY, sum = 0.0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, (double)logits[i]);
    for (size_t i = 0; i < count; i++) {
        probabilities[i] = exp(((double)logits[i] - largest) / temperature);
        sum += probabilities[i];
    }
    if (top_p < 1.0)
        sum = keep_nucleus(probabilities, ranking, count, sum, top_p);
    double target = u * sum, reached = 0.0;
    size_t drawn = 0;
    for (size_t i = 0; i < count; i++) {
        if (probabilities[i] <= 0.0)
            continue;
        drawn = i;
        reached += probabilities[i];
        if (reached >= target)
            break;
    }
    return (uint16_t)drawn;
}
