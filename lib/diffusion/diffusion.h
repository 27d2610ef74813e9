/* The diffusion room: which tokens are masked, and what the loss of each weighs. Knows nothing of tables.
 *
 * Forward process: every token of a block is masked independently with probability t, the noise level, under
 * the linear schedule alpha_t = 1 - t. The negative evidence lower bound (NELBO) of a block of n tokens is
 *
 *     E_{t ~ U(0,1)} [ 1/t * sum over masked tokens of -log p(token | unmasked tokens) ]
 *
 * (Arriola et al. 2025, eq. 8; -alpha'_t / (1 - alpha_t) = 1/t). The prediction does not depend on t, so that
 * t can be integrated out given the number k of masked tokens: k is uniform on 1..n and the weight becomes
 * n/k (Ou et al. 2024). Both estimators have the same mean; the second has the smaller variance and no block
 * without masked tokens. */
#ifndef FB3_DIFFUSION_H
#define FB3_DIFFUSION_H

#include "base/base.h"

/* Draws the masks of a batch of blocks of n tokens: masked[blocks, n], and scale[blocks], the weight of every
 * masked token's cross entropy divided by blocks, so that the batch's sum is its mean NELBO in nats per
 * block. The draw of a batch is stratified: the noise levels (or counts) of its blocks are spread evenly over
 * their range from one common random start. purpose, seed and step key the draw. */
void fb3_mask_by_count(uint8_t *masked, float *scale, size_t blocks, size_t n, uint64_t seed,
                       fb3_purpose purpose, uint32_t step);
void fb3_mask_by_level(uint8_t *masked, float *scale, size_t blocks, size_t n, uint64_t seed,
                       fb3_purpose purpose, uint32_t step);

#endif
