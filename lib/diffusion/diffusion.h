/* The diffusion room: which tokens are masked, and what the loss of each weighs. Knows nothing of tables.
 *
 * Forward process: every token of a block is masked independently with probability p(t) = 1 - alpha_t at
 * noise level t. The negative evidence lower bound (NELBO) of a block is
 *
 *     E_{t ~ U(0,1)} [ p'(t) / p(t) * sum over masked tokens of -log p(token | unmasked tokens) ]
 *
 * (Arriola et al. 2025, eq. 8; -alpha'_t / (1 - alpha_t) = p'(t) / p(t)), whatever the schedule p. The
 * prediction does not depend on t, so that t can be integrated out given the number k of masked tokens of n:
 * k is uniform on 1..n and the weight becomes n/k (Ou et al. 2024). Both estimators have the same mean; the
 * second has the smaller variance and no block without masked tokens. docs/diffusion.md derives all of it. */
#ifndef FB3_DIFFUSION_H
#define FB3_DIFFUSION_H

#include "base/base.h"

#include <flowbd3/trainer.h>

/* ---- schedules (schedule.c) -------------------------------------------------------------------- */

/* Mask probability p(t), its weight p'(t) / p(t), and the t of a probability; t and p in (0, 1]. */
double fb3_schedule_probability(flowbd3_schedule schedule, double t);
double fb3_schedule_weight(flowbd3_schedule schedule, double t);
double fb3_schedule_level(flowbd3_schedule schedule, double p);

/* ---- masks (masking.c) ------------------------------------------------------------------------- */

/* How masks are drawn. The zeroed one counts, unclipped. */
typedef struct fb3_noise {
    flowbd3_noise kind;
    flowbd3_schedule schedule;  /* of FLOWBD3_NOISE_LEVEL */
    double clip_low, clip_high; /* masked shares that are drawn; zero clip_high means 1 */
    bool resample;              /* of FLOWBD3_NOISE_LEVEL: a mask outside the clip is drawn again */
} fb3_noise;

/* Rows first .. first + tokens - 1 of the batch. */
typedef struct fb3_block {
    size_t first, tokens;
} fb3_block;

/* Draws masks of blocks: masked[row] for the rows of every block, and scale[row], the weight of a masked
 * row's cross entropy times factor (0 for others); with factor 1 / blocks the batch's sum is its mean NELBO
 * in nats per block. The mean total weight of a block is its number of tokens under every schedule and clip;
 * resampling alone shifts it, since it leaves the weights as they are. The draw is stratified: the noise
 * levels (or counts) of the blocks, in their order, are spread evenly over their range from one common random
 * start. purpose, seed and step key it; rows lie below 2^48. */
void fb3_mask_blocks(uint8_t *masked, float *scale, const fb3_block *blocks, size_t n_blocks,
                     const fb3_noise *noise, float factor, uint64_t seed, fb3_purpose purpose, uint32_t step);

/* ---- clipped schedules (clip.c) ---------------------------------------------------------------- */

/* Moments of the mean cross entropy of the k masked of n tokens of a block, by classes of k: each k its own
 * up to 64 tokens, above that classes of equal width, within which the moments are taken as equal. */
enum { FB3_MOMENT_CLASSES = 64 };
typedef struct fb3_moments {
    size_t tokens;
    double count[FB3_MOMENT_CLASSES], sum[FB3_MOMENT_CLASSES], squares[FB3_MOMENT_CLASSES];
} fb3_moments;

void fb3_moments_init(fb3_moments *moments, size_t tokens);

/* Adds a block with k masked tokens and the sum of their cross entropies. Other k than 1..n add nothing. */
void fb3_moments_add(fb3_moments *moments, size_t k, double cross_entropy_sum);

/* A clip, and mean and variance of the loss of a block under it, in nats. */
typedef struct fb3_clip {
    double low, high;
    double variance, mean;
} fb3_clip;

/* Mean and variance of a block's training loss under noise with the clip [low, high] instead of its own, over
 * rows and masks: exact given the moments, but for the integral over t, which is numerical. A class without a
 * sample lies on the line between its neighbours; NAN when there is no sample at all. */
fb3_clip fb3_clip_evaluate(const fb3_moments *moments, const fb3_noise *noise, double low, double high);

/* The clip of least variance: all shares, or a width of 0.9, 0.8, ... 0.5 from a multiple of 0.05 on, the
 * grid of the training script of Arriola et al. 2025 (github.com/kuleshov-group/bd3lms). Ties go to the
 * wider. A block of one token has [1, 1]. Without moments all shares, and NAN. */
fb3_clip fb3_clip_search(const fb3_moments *moments, const fb3_noise *noise);

#endif
