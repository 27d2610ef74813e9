/* Masks and their weights. */
#include "diffusion/diffusion.h"

#include <math.h>
#include <string.h>

/* Least noise level that is drawn: 1/t stays bounded. */
static const double least_level = 1e-3;

/* Stratified and antithetic over the batch: one uniform start, equal distances. */
static double level(size_t block, size_t blocks, double start) {
    double t = start + (double)block / (double)blocks;
    return t - floor(t);
}

/* A start that no mask of the batch shares: masks take indices below 2^63. */
static double draw_start(uint64_t seed, fb3_purpose purpose, uint32_t step) {
    return fb3_uniform(seed, purpose, UINT64_MAX, step);
}

/* Masks k of n tokens, every subset with the same probability (selection sampling, Knuth 3.4.2 S). */
static void mask_subset(uint8_t *masked, size_t n, size_t k, uint64_t seed, fb3_purpose purpose,
                        uint64_t first, uint32_t step) {
    for (size_t i = 0; i < n; i++) {
        double u = fb3_uniform(seed, purpose, first + i, step);
        masked[i] = u * (double)(n - i) < (double)k;
        k -= masked[i];
    }
}

void fb3_mask_by_count(uint8_t *masked, float *scale, size_t blocks, size_t n, uint64_t seed,
                       fb3_purpose purpose, uint32_t step) {
    double start = draw_start(seed, purpose, step);
    for (size_t b = 0; b < blocks; b++) {
        size_t k = 1 + (size_t)(level(b, blocks, start) * (double)n);
        if (k > n)
            k = n;
        mask_subset(masked + b * n, n, k, seed, purpose, b * n, step);
        scale[b] = (float)((double)n / (double)k / (double)blocks);
    }
}

void fb3_mask_by_level(uint8_t *masked, float *scale, size_t blocks, size_t n, uint64_t seed,
                       fb3_purpose purpose, uint32_t step) {
    double start = draw_start(seed, purpose, step);
    for (size_t b = 0; b < blocks; b++) {
        double t = least_level + (1.0 - least_level) * level(b, blocks, start);
        for (size_t i = 0; i < n; i++)
            masked[b * n + i] = fb3_uniform(seed, purpose, b * n + i, step) < t;
        scale[b] = (float)(1.0 / t / (double)blocks);
    }
}
