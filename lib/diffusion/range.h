/* What a clip admits, shared by the draw of masks and the moments of their loss. */
#ifndef FB3_DIFFUSION_RANGE_H
#define FB3_DIFFUSION_RANGE_H

#include "diffusion/diffusion.h"

/* Draws of a block's mask at most, when it is resampled. */
enum { FB3_RESAMPLE_DRAWS = 32 };

/* Numbers of masked tokens of n, all those in between included. */
typedef struct fb3_counts {
    size_t least, most;
} fb3_counts;

/* Numbers of masked tokens k in 1..n with low <= k/n <= high; the nearest when there is none. */
fb3_counts fb3_counts_drawn(const fb3_noise *noise, size_t n);

/* Numbers that a resampled mask may have: those that lie inside the clip, with 0 where it starts there; 0..n
 * without resampling, and where no number but 0 lies inside, as in most clips of a block of one token. */
fb3_counts fb3_counts_accepted(const fb3_noise *noise, size_t n);

/* Levels t = start + span * u for u in (0, 1) whose p(t) lies in [low, high], and the factor of the weight
 * p'(t) / p(t) that makes the mean total weight of a block its number of tokens. */
typedef struct fb3_levels {
    flowbd3_schedule schedule;
    double low, high;
    double start, span;
    double normaliser;
} fb3_levels;

fb3_levels fb3_levels_drawn(const fb3_noise *noise);

#endif
