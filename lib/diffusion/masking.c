/* Masks and their weights. */
#include "diffusion/range.h"

#include <math.h>

/* What keys a draw. */
typedef struct draw {
    uint64_t seed;
    fb3_purpose purpose;
    uint32_t step;
} draw;

static double uniform(const draw *d, uint64_t index) {
    return fb3_uniform(d->seed, d->purpose, index, d->step);
}

/* Stratified and antithetic over the batch: one uniform start, equal distances. */
static double stratum(size_t block, size_t blocks, double start) {
    double u = start + (double)block / (double)blocks;
    return u - floor(u);
}

/* A start that no mask of the batch shares: masks take indices below 2^63. */
static double draw_start(const draw *d) {
    return uniform(d, UINT64_MAX);
}

/* Indices of the random numbers of a block from its first row on: rows lie below 2^48, so that no draw of a
 * resampled mask shares a number with another row. */
static uint64_t first_index(const fb3_block *block, unsigned attempt) {
    return block->first + ((uint64_t)attempt << 48);
}

/* Masks k tokens, every subset with the same probability (selection sampling, Knuth 3.4.2 S). */
static void mask_subset(uint8_t *masked, size_t n, size_t k, const draw *d, uint64_t first) {
    for (size_t i = 0; i < n; i++) {
        masked[i] = uniform(d, first + i) * (double)(n - i) < (double)k;
        k -= masked[i];
    }
}

/* Masks every token with probability p; returns how many. */
static size_t mask_independently(uint8_t *masked, size_t n, double p, const draw *d, uint64_t first) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        masked[i] = uniform(d, first + i) < p;
        k += masked[i];
    }
    return k;
}

/* The weight of a masked token of a block whose number of them is drawn, at stratum u. */
static double mask_by_count(uint8_t *masked, const fb3_block *block, const fb3_noise *noise, double u,
                            const draw *d) {
    size_t n = block->tokens;
    fb3_counts counts = fb3_counts_drawn(noise, n);
    size_t k = counts.least + (size_t)(u * (double)(counts.most - counts.least + 1));
    if (k > counts.most)
        k = counts.most;
    mask_subset(masked, n, k, d, first_index(block, 0));
    return (double)n / (double)k;
}

/* Masks every token with probability p, again while the clip does not accept how many. A mask that is refused
 * to the end becomes a random subset whose number is the last one moved to the nearest end of the clip. */
static void mask_accepted(uint8_t *masked, const fb3_block *block, fb3_counts accepted, double p,
                          const draw *d) {
    size_t n = block->tokens, k = 0;
    for (unsigned attempt = 0; attempt < FB3_RESAMPLE_DRAWS; attempt++) {
        k = mask_independently(masked, n, p, d, first_index(block, attempt));
        if (k >= accepted.least && k <= accepted.most)
            return;
    }
    mask_subset(masked, n, k < accepted.least ? accepted.least : accepted.most, d,
                first_index(block, FB3_RESAMPLE_DRAWS));
}

/* The same of a block whose noise level is drawn. */
static double mask_by_level(uint8_t *masked, const fb3_block *block, const fb3_noise *noise, double u,
                            const draw *d) {
    fb3_levels levels = fb3_levels_drawn(noise);
    double t = levels.start + levels.span * u;
    double p = fmin(fmax(fb3_schedule_probability(levels.schedule, t), levels.low), levels.high);
    mask_accepted(masked, block, fb3_counts_accepted(noise, block->tokens), p, d);
    return levels.normaliser * fb3_schedule_weight(levels.schedule, t);
}

void fb3_mask_blocks(uint8_t *masked, float *scale, const fb3_block *blocks, size_t n_blocks,
                     const fb3_noise *noise, float factor, uint64_t seed, fb3_purpose purpose,
                     uint32_t step) {
    draw d = {seed, purpose, step};
    double start = draw_start(&d);
    for (size_t b = 0; b < n_blocks; b++) {
        const fb3_block *block = &blocks[b];
        if (block->tokens == 0)
            continue;
        double u = stratum(b, n_blocks, start);
        double weight = noise->kind == FLOWBD3_NOISE_LEVEL
                            ? mask_by_level(masked + block->first, block, noise, u, &d)
                            : mask_by_count(masked + block->first, block, noise, u, &d);
        for (size_t row = block->first; row < block->first + block->tokens; row++)
            scale[row] = masked[row] != 0 ? (float)(weight * (double)factor) : 0.0f;
    }
}
